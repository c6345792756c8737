"""The tree: nothing unexpected at the top level, nothing left to do, no example that is not built,
no abort and no output in the library."""
import fnmatch
import os
import re
import sys

from policy import LAYERS, LIBRARY, check, finish, read, sources, without_comments

TOP = {'autograd', 'ops', 'nn', 'examples', 'tests', 'meson.build', 'meson_options.txt',
       'README.md', 'LICENSE', 'CHANGELOG.md', 'reelgrad.h', '.clang-format', '.gitignore', '.ci',
       '.git'}
LEFT_TO_DO = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X)\b')
CALLS = re.compile(r'(?<![\w.>])(abort|exit|_exit|_Exit|quick_exit|printf|vprintf|puts|putchar|'
                   r'perror|stdout|stderr)\b')
WRITTEN = ['.c', '.h', '.inc', '.py', '.sh', '.md', '.build']

root = sys.argv[1]

ignored = [line.strip('/') for line in read(root, '.gitignore').split()]
for entry in os.listdir(root):
    known = entry in TOP or any(fnmatch.fnmatch(entry, pattern) for pattern in ignored)
    check(known, f'{entry} does not belong at the top level')

texts = sources(root, LAYERS + ['tests'], WRITTEN) + ['README.md', 'CHANGELOG.md', 'meson.build']
for path in texts:
    for number, line in enumerate(read(root, path).splitlines(), 1):
        check(not LEFT_TO_DO.search(line), f'{path}:{number}: {line.strip()}')

listed = read(root, 'examples', 'meson.build')
for path in sources(root, ['examples'], ['.c']):
    name = os.path.basename(path)[:-2]
    check(f"'{name}'" in listed, f'{path} is not built, and so not tested')

for path in sources(root, LIBRARY, ['.c', '.h', '.inc']):
    for number, line in enumerate(without_comments(read(root, path)).splitlines(), 1):
        found = CALLS.search(line)
        check(not found or 'format(printf' in line,
              f'{path}:{number}: the library must not use {found and found[1]}')
finish(len(texts), 'files')
