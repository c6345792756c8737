"""README.md does not lie: every ```c block compiles, runs and prints the ```text block under it.

A block with a main() is a program. Any other is the inside of one, with a tape named `tape`.
"""
import os
import re
import sys
import tempfile

from policy import check, finish, must, need, read, run

WRAPPER = '''#include <reelgrad.h>
#include <stdio.h>
int main(void)
{
    rg_tape *tape = rg_tape_create();
%s
    rg_tape_destroy(tape);
    return 0;
}
'''
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Werror']


def blocks(markdown, language='c'):
    """The fenced blocks of a language, each with the text block that follows at once, or None."""
    fence = re.compile(r'^```%s\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?' % language, re.M | re.S)
    return [(found[1], found[2]) for found in fence.finditer(markdown)]


def main(root, build, *compiler):
    need(compiler[0])
    found = blocks(read(root, 'README.md'))
    with tempfile.TemporaryDirectory() as place:
        os.symlink(os.path.join(root, 'examples'), os.path.join(place, 'examples'))
        binary = os.path.join(place, 'program')
        for number, (code, output) in enumerate(found, 1):
            program = code if 'int main(' in code else WRAPPER % code
            done = run(*compiler, '-std=c11', *WARNINGS, f'-I{root}', '-xc', '-', '-xnone', '-o',
                       binary, f'-L{build}', f'-Wl,-rpath,{build}', '-lreelgrad', '-lm',
                       input=program)
            check(done.returncode == 0, f'C block {number} of README.md: {done.stderr}')
            if done.returncode == 0:
                printed = must(binary, cwd=place)
                check(printed == (output or ''),
                      f'C block {number} of README.md prints\n{printed}and not\n{output}')
    finish(len(found), 'blocks')


if __name__ == '__main__':
    main(*sys.argv[1:])
