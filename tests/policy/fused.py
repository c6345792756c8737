"""Fused statements compute the same under every compiler and option, without warnings; expressions
that are too long say so; operators and functions, C and C++ agree."""
import os
import sys
import tempfile

from policy import check, finish, must, need, run

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Werror']
LEVELS = {'gcc': ['-O0', '-O1', '-O2', '-O3', '-Os', '-Og'],
          'clang': ['-O0', '-O2', '-Os']}
TOO_LONG = 'the expression is too long: commit a part of it with rg_let'

root, build = sys.argv[1:]
place = os.path.join(root, 'tests', 'policy', 'fused')
need('gcc', 'clang', 'g++', 'clang++')
outputs = {}  # of each group of programs that must print the same
compiled = 0


def compile_and_run(group, binary, *command):
    """Compiles a program with these compiler options; what it prints must be its group's output."""
    global compiled
    compiled += 1
    done = run(*command, f'-I{root}', '-o', binary, f'-L{build}', f'-Wl,-rpath,{build}',
               '-lreelgrad', '-lm')
    words = ' '.join(command)
    check(done.returncode == 0, f'{words}: {done.stderr}')
    if done.returncode == 0:
        printed = must(binary)
        check(printed == outputs.setdefault(group, printed), f'{words} prints\n{printed}')


def check_statements(binary):
    source = os.path.join(place, 'statements.c')
    for compiler, levels in LEVELS.items():
        for level in levels:
            compile_and_run('statements', binary, compiler, level, '-std=c11', *WARNINGS, source)
        for option in ('-std=gnu17', '-DRG_LINES'):
            compile_and_run('statements', binary, compiler, '-O2', option, *WARNINGS, source)


def check_too_long(binary):
    global compiled
    source = os.path.join(place, 'too_long.c')
    for compiler in LEVELS:
        compile_and_run('too long', binary, compiler, '-O0', '-std=c11', *WARNINGS, source)
        compiled += 1
        done = run(compiler, '-O2', '-std=c11', f'-I{root}', '-c', '-o', binary, source)
        check(done.returncode != 0, f'{compiler} compiles an expression that is too long')
        check(TOO_LONG in done.stderr, f'{compiler} says {done.stderr}')
    check(outputs.get('too long', '').startswith('RG_ERROR_LIMIT\n'),
          f'too_long.c prints {outputs.get("too long")}')


def check_operators(binary):
    names = os.path.join(place, 'names.c')
    for level in ('-O0', '-O2'):
        for compiler in LEVELS:
            compile_and_run('operators', binary, compiler, level, '-std=c11', *WARNINGS, names)
        for compiler in ('g++', 'clang++'):
            options = [compiler, level, '-std=c++17', *WARNINGS]
            compile_and_run('operators', binary, *options, '-xc++', names, '-xnone')
            compile_and_run('operators', binary, *options, os.path.join(place, 'operators.cpp'))


with tempfile.TemporaryDirectory() as folder:
    program = os.path.join(folder, 'program')
    check_statements(program)
    check_too_long(program)
    check_operators(program)
for group, printed in outputs.items():
    check('nan' not in printed and printed.count('\n') > 1, f'{group}: {printed}')
finish(compiled, 'compilations')
