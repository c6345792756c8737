"""What the policy tests share: running commands, collecting what is wrong, the public headers."""
import json
import os
import re
import shutil
import subprocess
import sys

LAYERS = ['autograd', 'ops', 'nn', 'examples']  # each may include the ones before it
LIBRARY = LAYERS[:3]
SKIP = 77  # meson's exit status for a test that could not be run

problems = []


def check(condition, problem):
    """Notes a problem unless the condition holds."""
    if not condition:
        problems.append(problem)


def finish(checked, what):
    """Ends the test. A test that had nothing to look at has failed."""
    check(checked > 0, f'there were no {what} to check')
    for problem in problems:
        print(problem)
    print(f'{checked} {what}, {len(problems)} problems')
    sys.exit(1 if problems else 0)


def run(*command, **options):
    """Runs a command; its output comes back as text."""
    options = {'capture_output': True, 'text': True, 'errors': 'replace', **options}
    return subprocess.run([str(part) for part in command], check=False, **options)


def must(*command, **options):
    """The same for a command without whose success the test cannot go on."""
    done = run(*command, **options)
    if done.returncode:
        print(' '.join(map(str, command)), 'failed:', done.stdout, done.stderr, sep='\n')
        sys.exit(1)
    return done.stdout


def need(*tools):
    """Skips the test if a tool is absent."""
    for tool in tools:
        if not shutil.which(tool):
            print(f'{tool} is not installed')
            sys.exit(SKIP)


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def sources(root, folders, suffixes):
    """Paths below root of the files in these folders, sorted."""
    found = []
    for folder in folders:
        for place, _, names in os.walk(os.path.join(root, folder)):
            found += [os.path.relpath(os.path.join(place, name), root) for name in names
                      if name.endswith(tuple(suffixes))]
    return sorted(found)


def without_comments(text):
    """C text with its comments and the insides of its strings taken out; lines stay."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        lines = '\n' * match[0].count('\n')
        return '""' if match[0][0] == '"' else lines or ' '

    return re.sub(pattern, blank, text, flags=re.S)


def public_headers(build, suffixes=('.h',)):
    """The installed headers as paths below include/reelgrad: what meson.build lists. Those that end
    in .hpp are for C++ only."""
    installed = json.loads(must('meson', 'introspect', build, '--installed'))
    return sorted(path.split('/include/reelgrad/')[1] for path in installed.values()
                  if '/include/reelgrad/' in path and path.endswith(suffixes))
