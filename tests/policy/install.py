"""The library installs, and README's first program compiles outside the tree through pkg-config and
prints what README says: with gcc and clang as C11, with g++ and clang++ as C++17."""
import os
import sys
import tempfile

from policy import check, finish, must, need, read, run
from readme import blocks

COMPILERS = [
    ['gcc', '-std=c11', '-xc'],
    ['clang', '-std=c11', '-xc'],
    ['g++', '-std=c++17', '-xc++'],
    ['clang++', '-std=c++17', '-xc++'],
]
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Werror']

root, build = sys.argv[1:]
need('pkg-config', *(compiler[0] for compiler in COMPILERS))
program, output = blocks(read(root, 'README.md'))[0]
check(program == read(root, 'examples', 'quickstart.c'),
      'the first program of README.md is not examples/quickstart.c')

with tempfile.TemporaryDirectory() as place:
    must('meson', 'install', '-C', build, '--no-rebuild', '--destdir', place)
    found = [folder for folder, _, names in os.walk(place) if 'reelgrad.pc' in names]
    check(len(found) == 1, f'reelgrad.pc is installed {len(found)} times')
    written = must('pkg-config', '--variable=prefix', os.path.join(found[0], 'reelgrad.pc'))
    os.environ['PKG_CONFIG_PATH'] = found[0]
    os.environ['LD_LIBRARY_PATH'] = os.path.dirname(found[0])
    flags = must('pkg-config', f'--define-variable=prefix={place}{written.strip()}',
                 '--cflags', '--libs', 'reelgrad').split()
    for compiler in COMPILERS:
        binary = os.path.join(place, 'program')
        done = run(*compiler, *WARNINGS, '-', '-xnone', '-o', binary, *flags, input=program,
                   cwd=place)
        check(done.returncode == 0, f'{compiler[0]}: {done.stderr}')
        if done.returncode == 0:
            printed = must(binary)
            check(printed == output, f'{compiler[0]}: the program prints {printed!r}')
finish(len(COMPILERS), 'compilers')
