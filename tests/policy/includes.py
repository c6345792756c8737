"""Includes go one way: autograd <- ops <- nn <- examples."""
import os
import re
import sys

from policy import LAYERS, LIBRARY, check, finish, public_headers, read, sources

# What the build makes.
MADE = ['ops/c_text.inc', 'examples/burgers.h', 'examples/lax_wendroff.h']
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

root, build = sys.argv[1:]
public = set(public_headers(build, ('.h', '.hpp')))


def check_include(path, layer, style, name):
    """Library files name each other relative to themselves; only examples use <reelgrad.h>."""
    if style == '<':
        known = name.split('/')[0] in LAYERS + ['tests']
        check(not known, f'{path} includes <{name}>: write it relative to the file')
        check(layer == 'examples' or name != 'reelgrad.h', f'{path} includes <reelgrad.h>')
        return
    target = os.path.normpath(os.path.join(os.path.dirname(path), name))
    check(target in MADE or os.path.exists(os.path.join(root, target)), f'{path} includes {name}: no such file')
    folder = target.split('/')[0]
    if layer == 'examples':
        check(folder == layer, f'{path} includes {name}: examples use <reelgrad.h>')
        return
    allowed = LAYERS[:LAYERS.index(layer) + 1]
    check(folder in allowed, f'{path} includes {target}: {layer} may use {", ".join(allowed)}')
    check(path not in public or target in public,
          f'{path} is public but includes {target}, which is not installed')


files = sources(root, LAYERS, ['.c', '.h', '.hpp', '.inc'])
for file in files:
    for bracket, included in INCLUDE.findall(read(root, file)):
        check_include(file, file.split('/')[0], bracket, included)
for folder in LIBRARY:
    check(any(file.startswith(folder + '/') for file in files), f'{folder} has no files')
finish(len(files), 'files')
