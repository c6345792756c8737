"""Prints the line coverage of the library's sources from what the tests left in a build folder.

Usage: coverage.py SOURCE BUILD COMPILER

Reads the JSON of gcov, which knows gcc's builds only. A line that several programs ran, or that was
compiled several times, counts once.
"""
import collections
import json
import os
import shutil
import subprocess
import sys

FOLDERS = ('autograd', 'ops', 'nn')


def counts(build, notes):
    """(file, line, runs) of every line in the objects, run or not."""
    done = subprocess.run(['gcov', '--json-format', '--stdout', *notes], cwd=build, text=True,
                          capture_output=True, check=True)
    for text in done.stdout.splitlines():
        for file in json.loads(text)['files']:
            for line in file['lines']:
                yield file['file'], line['line_number'], line['count']


def percent(lines):
    return f'{100 * sum(map(bool, lines)) / len(lines):6.1f} %  {len(lines):5} lines'


def main(root, build, compiler):
    if compiler != 'gcc' or not shutil.which('gcov'):
        sys.exit('coverage needs gcc and gcov')
    files = [os.path.join(place, name) for place, _, names in os.walk(build) for name in names]
    if not any(file.endswith('.gcda') for file in files):
        sys.exit('nothing was run: configure with -Db_coverage=true, then run the tests')
    notes = [file for file in files if file.endswith('.gcno')]
    runs = collections.defaultdict(lambda: collections.defaultdict(int))
    for name, line, count in counts(build, notes):
        path = os.path.relpath(os.path.join(build, name), root)
        if path.split(os.sep)[0] in FOLDERS:
            runs[path][line] += count
    for path in sorted(runs):
        print(percent(list(runs[path].values())), path)
    for folder in FOLDERS:
        lines = [count for path in runs if path.startswith(folder + os.sep)
                 for count in runs[path].values()]
        if lines:
            print(percent(lines), folder + '/')


main(*sys.argv[1:])
