"""Counts the tests of one `meson test` run: prints `PASSED FAILED WORDS`.

Usage: count.py STATUS TESTLOG.JSON, with the exit status of `meson test`.

A Criterion program counts as many tests as its synthesis line says, any other program as one. What
failed is shown on stderr with the end of its output. Tests that were skipped are named in WORDS. A
run without tests is a failure.
"""
import json
import re
import sys

SYNTHESIS = re.compile(
    r'Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)')


def count(test):
    """Passed and failed tests of one program."""
    ok = test['result'] in ('OK', 'EXPECTEDFAIL')
    found = SYNTHESIS.search(re.sub(r'\x1b\[[0-9;]*m', '', test.get('stderr') or ''))
    if not found:
        return (1, 0) if ok else (0, 1)
    tested, passing, failing, crashing = map(int, found.groups())
    failed = failing + crashing
    if tested == 0 or (not ok and failed == 0):
        failed += 1
    return passing, failed


def show(test):
    output = (test.get('stdout') or '') + (test.get('stderr') or '')
    print(f"-- {test['name']}: {test['result']}", file=sys.stderr)
    print('\n'.join(output.splitlines()[-30:]), file=sys.stderr)


def main(status, path):
    passed = failed = 0
    skipped = []
    try:
        with open(path, encoding='utf-8', errors='replace') as log:
            tests = [json.loads(line) for line in log]
    except FileNotFoundError:
        tests = []
    for test in tests:
        if test['result'] == 'SKIP':
            skipped.append(test['name'])
            continue
        good, bad = count(test)
        passed += good
        failed += bad
        if bad:
            show(test)
    words = 'skipped: ' + ' '.join(skipped) if skipped else ''
    if passed + failed == 0:
        failed, words = 1, 'ran no test'
    elif status and not failed:
        failed, words = 1, f'meson test ended with status {status}'
    print(passed, failed, words)


main(int(sys.argv[1]), sys.argv[2])
