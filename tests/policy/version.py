"""One version: meson's, the library's, the headers' and that of CHANGELOG.md's newest entry."""
import re
import sys

from policy import check, finish, must, read

root, program, version = sys.argv[1:]
library, headers = must(program).split()
newest = re.search(r'^## \[?(\d+\.\d+\.\d+)', read(root, 'CHANGELOG.md'), re.M)
check(library == version, f'reelgrad_version() is {library}, the project has {version}')
check(headers == version, f'the headers have {headers}, the project has {version}')
check(newest and newest[1] == version,
      f'the newest entry of CHANGELOG.md is {newest and newest[1]}, the project has {version}')
finish(3, 'versions')
