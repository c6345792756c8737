"""The shared library exports exactly what the public headers declare, under its own prefixes; it
imports nothing that would abort, exit or print on its own; its SONAME is the one promised."""
import re
import sys

from policy import check, finish, must, need, public_headers, read, without_comments

PREFIX = re.compile(r'^(rg_|rgi_|reelgrad_)')
FORBIDDEN = {'abort', 'exit', '_exit', '_Exit', 'printf', '__printf_chk', 'puts', 'putchar',
             'vprintf', 'perror', 'stdout', 'stderr', 'setlocale', 'signal', 'rand', 'srand'}
HIDDEN = re.compile(
    r'^(?!RG_API|RGI_|typedef|inline|static inline|template|extern void rgi_expression|#)\w[\w *]*\b((?:rg|rgi|reelgrad)_\w+)\(', re.M)
EXPORTED = '__attribute__((visibility("default")))'

root, build, library, soname = sys.argv[1:]
need('cc', 'nm', 'readelf')


def declared():
    """Names of the functions that the preprocessed public headers mark with RG_API."""
    program = ''.join(f'#include "{header}"\n' for header in public_headers(build))
    text = must('cc', '-std=c11', '-E', '-P', f'-I{root}', '-', input=program)
    names = set()
    for part in text.split(EXPORTED)[1:]:
        names.add(re.match(r'[^(;={]*?\(?(\w+)\)?\s*[(;=\[]', part)[1])
    return names


def forgotten():
    """(header, name) of functions that a public header declares without RG_API."""
    return [(header, name) for header in public_headers(build)
            for name in HIDDEN.findall(without_comments(read(root, header)))]


def symbols(*options):
    lines = must('nm', '-D', *options, library).splitlines()
    return {line.split()[-1].split('@')[0] for line in lines}


exported, wanted = symbols('--defined-only'), declared()
for name in sorted(exported):
    check(PREFIX.match(name), f'the library exports {name}, which has no prefix of its own')
for name in sorted(wanted - exported):
    check(False, f'the headers declare {name}, but the library does not export it')
for name in sorted(exported - wanted):
    check(False, f'the library exports {name}, but no public header declares it')
for header, name in forgotten():
    check(False, f'{header} declares {name} without RG_API')
for name in sorted(symbols('--undefined-only') & FORBIDDEN):
    check(False, f'the library calls {name}')
found = re.search(r'SONAME.*\[(.*)\]', must('readelf', '-d', library))
check(found and found[1] == soname, f'the SONAME is {found and found[1]}, not {soname}')
finish(len(exported), 'symbols')
