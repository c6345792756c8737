"""Every function that records a value notes its source line under RG_LINES: it has a macro in
ops/lines.h, or is one in ops/names.h."""
import re
import sys

from policy import check, finish, read, sources, without_comments

# What reports for others, and the forms that the macros of names.h choose between.
EXEMPT = re.compile(r'rg_op_fail|rg_\w+_(vd|dv|dd)')
FUNCTION = re.compile(r'RG_API (?:RGI_INLINE )?rg_value (rg_\w+)\(')
MACRO = re.compile(r'#define (rg_\w+)\(.*?\)\s+\\?\s*RGI_AT\(')
NAME = re.compile(r'#define (rg_\w+)\(.*?\)\s+RGI_ONCE_')

root = sys.argv[1]
located = set(MACRO.findall(read(root, 'ops/lines.h')))
located |= set(NAME.findall(read(root, 'ops/names.h'))) - {'rg_item'}
functions = set()
for path in sources(root, ['autograd', 'ops'], ['.h']):
    functions |= set(FUNCTION.findall(without_comments(read(root, path))))
functions = {name for name in functions if not EXEMPT.fullmatch(name)}
for name in sorted(functions - located):
    check(False, f'{name} has no line in ops/lines.h')
for name in sorted(located - functions):
    check(False, f'ops/lines.h names {name}, which records nothing')
finish(len(functions), 'functions')
