"""The library builds as a meson subproject: a project made of README's meson.build and its first
program, with the source tree in subprojects/reelgrad."""
import json
import os
import sys
import tempfile

from policy import check, finish, must, read
from readme import blocks

root = sys.argv[1]
readme = read(root, 'README.md')
with tempfile.TemporaryDirectory() as place:
    program, output = blocks(readme)[0]
    project = blocks(readme, 'meson')[0][0]
    for name, text in [('main.c', program), ('meson.build', project)]:
        with open(os.path.join(place, name), 'w', encoding='utf-8') as file:
            file.write(text)
    os.mkdir(os.path.join(place, 'subprojects'))
    os.symlink(root, os.path.join(place, 'subprojects', 'reelgrad'))
    build = os.path.join(place, 'build')
    must('meson', 'setup', build, place, '--fatal-meson-warnings', '--force-fallback-for=reelgrad',
         '-Doptimization=0')  # what is tested is that it builds
    must('ninja', '-C', build)
    made = os.path.join(build, 'program')
    check(must(made) == output, 'the program prints something else than README.md says')
    tests = must('meson', 'introspect', build, '--tests')
    check(json.loads(tests) == [], 'the subproject brings its own tests along')
finish(1, 'projects')
