"""Every public header compiles alone: as C11 by gcc and clang, as C++17 by g++ and clang++; those
that end in .hpp as C++17 only."""
import sys

from policy import check, finish, need, public_headers, run

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wundef', '-Werror']
COMPILERS = [
    ['gcc', '-std=c11', '-Wmissing-prototypes', '-Wstrict-prototypes', '-xc'],
    ['clang', '-std=c11', '-Wmissing-prototypes', '-Wstrict-prototypes', '-xc'],
    ['g++', '-std=c++17', '-xc++'],
    ['clang++', '-std=c++17', '-xc++'],
]

root, build = sys.argv[1:]
need(*(compiler[0] for compiler in COMPILERS))
headers = public_headers(build, ('.h', '.hpp'))
for header in headers:
    # Twice, so that a header without a guard fails too.
    program = f'#include "{header}"\n#include "{header}"\nint main(void) {{ return 0; }}\n'
    for compiler in COMPILERS:
        if header.endswith('.hpp') and '-xc' in compiler:
            continue
        done = run(*compiler, *WARNINGS, '-fsyntax-only', f'-I{root}', '-', input=program)
        check(done.returncode == 0, f'{compiler[0]} refuses {header} alone:\n{done.stderr}')
finish(len(headers), 'headers')
