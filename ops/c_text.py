"""Makes the text of emitted C out of the library's own sources: the table that emit.c prints from.

Usage: c_text.py ROWS MATH NORMAL SPECIAL LANES > c_text.inc

ROWS (elementwise_rows.h) gives the expression of each row, MATH (math.inc), NORMAL
(normal.inc) and SPECIAL (special.c) the functions that expressions use, LANES (c_lanes.inc) what calculates with several evaluations at
once. In the text NAME_ stands for the prefix of the emitted file, and whatever follows it names a
piece, so that a text itself says what it needs. NAME_lanes_f is f for vectors: translated where
f only declares numbers and returns an expression, else f for each element.
"""
import re
import sys

COMMENT = re.compile(r'(/\*.*?\*/)', re.S)
TOKEN = re.compile(r'\s*(\d[\d.]*(?:e[-+]?\d+)?|\w+|[<>=!]=|\|\||&&|[-+*/<>?:(),])')
ROW = re.compile(r'\s+ROW\((\w+), (.*)\)')
# The C library's functions that have vector versions: since glibc 2.22, since 2.35.
VECTOR = {'exp': 1, 'log': 1, 'sin': 1, 'cos': 1, 'pow': 2}
LATER = {'acos': 1, 'acosh': 1, 'asin': 1, 'asinh': 1, 'atan': 1, 'atan2': 2, 'atanh': 1, 'cosh': 1,
         'erf': 1, 'erfc': 1, 'expm1': 1, 'hypot': 2, 'log1p': 1, 'log2': 1, 'sinh': 1, 'tan': 1,
         'tanh': 1}


def split(text):
    """The parts between commas that are in no parentheses."""
    parts, depth = [''], 0
    for character in text:
        depth += {'(': 1, ')': -1}.get(character, 0)
        if character == ',' and depth == 0:
            parts.append('')
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def quote(text):
    """A C string literal, one line of it for each line of the text."""
    text = text.replace('\\', '\\\\').replace('"', '\\"')
    return '\n     '.join(f'"{line}\\n"' for line in text.splitlines())


def quote_line(text):
    return quote(text).removesuffix('\\n"') + '"'


class Names:
    """What the names of the sources are called in the emitted file."""

    def __init__(self):
        self.call = {}        # macro: the function that it is another name of
        self.own = set()      # names that special.c declares for itself

    def rename(self, code):
        code = re.sub(r'\bK\((-?)(\d+)\)', r'\1\2.0', code)
        code = re.sub(r'\bK\((-?[\d.]+)\)', r'\1', code)
        code = re.sub(r'\bFN\((\w+)\)', r'NAME_\1', code)
        code = re.sub(r'\bLIBM\((\w+)\)', r'\1', code)
        code = re.sub(r'\(T\)\s*NAN', 'NAN', code)
        code = re.sub(r'\bT\b', 'double', code)
        code = re.sub(r'\brgi_lgamma\b', 'lgamma', code)  # without the C library's lgamma_r
        code = re.sub(r'\brgi_(\w+)', r'NAME_\1', code)
        return re.sub(r'\b[A-Za-z_]\w*', lambda word: self.word(word[0]), code)

    def word(self, word):
        return self.call.get(word, 'NAME_' + word if word in self.own else word)

    def text(self, text):
        """Renames outside comments."""
        return ''.join(part if part.startswith('/*') else self.rename(part)
                       for part in COMMENT.split(text))


class Lanes:
    """Translates an expression of numbers into one of vectors. A result is its text, how tightly
    its outermost operator binds, and its kind: number (one for all lanes), lanes or mask."""

    LEVELS = [['||'], ['&&'], ['==', '!='], ['<', '>', '<=', '>='], ['+', '-'], ['*', '/']]

    def __init__(self, expression, numbers):
        self.tokens, self.numbers = TOKEN.findall(expression) + [''], numbers
        self.result = self.choice()
        assert self.tokens == [''], f'{expression}: {self.tokens}'

    def take(self, *wanted):
        return self.tokens.pop(0) if self.tokens[0] in wanted else None

    @staticmethod
    def all(result):
        return f'NAME_lanes_all({result[0]})' if result[2] == 'number' else result[0]

    @staticmethod
    def within(result, level):
        return result[0] if result[1] > level else f'({result[0]})'

    def choice(self):
        condition = self.operation(0)
        if not self.take('?'):
            return condition
        yes = self.choice()
        assert self.take(':')
        no = self.choice()
        # A branch that is 0 needs one operation less.
        if yes[0] == '0.0':
            return f'NAME_lanes_unless({condition[0]}, {self.all(no)})', 9, 'lanes'
        if no[0] == '0.0':
            return f'NAME_lanes_where({condition[0]}, {self.all(yes)})', 9, 'lanes'
        return (f'NAME_lanes_select({condition[0]}, {self.all(yes)}, {self.all(no)})', 9, 'lanes')

    def operation(self, level):
        if level == len(self.LEVELS):
            return self.sign()
        left = self.operation(level + 1)
        while operator := self.take(*self.LEVELS[level]):
            right = self.operation(level + 1)
            # Masks are combined bit by bit; compilers want parentheses around comparisons there.
            joins = level < 2
            kind = 'mask' if level < 4 else 'lanes' if 'lanes' in (left[2], right[2]) else 'number'
            left = (self.within(left, 5 if joins else level - 1) +
                    f' {operator[0] if joins else operator} ' +
                    self.within(right, 5 if joins else level), level, kind)
        return left

    def sign(self):
        if self.take('-'):
            text, level, kind = self.sign()
            return '-' + self.within((text, level, kind), 7), 8, kind
        return self.primary()

    def primary(self):
        if self.take('('):
            inner = self.choice()
            assert self.take(')')
            return inner
        name = self.tokens.pop(0)
        if self.take('('):
            arguments = [self.choice()]
            while self.take(','):
                arguments.append(self.choice())
            assert self.take(')')
            name = name.removeprefix('NAME_')
            return f'NAME_lanes_{name}({", ".join(map(self.all, arguments))})', 9, 'lanes'
        if name[0].isdigit():
            return name if '.' in name or 'e' in name else name + '.0', 9, 'number'
        return name, 9, 'number' if name in self.numbers or name == 'NAN' else 'lanes'


def lanes_expression(expression, numbers):
    result = Lanes(expression, numbers).result
    if result[2] == 'mask':
        return f'NAME_lanes_where({result[0]}, NAME_lanes_all(1.0))'
    return Lanes.all(result)


def lanes_function(name, parameters, body):
    """A function for vectors, or None where it is more than declarations of numbers and a return."""
    lines, numbers = [], set()
    body = COMMENT.sub('', body)
    if re.search(r'\b[a-z]\w*\.[a-z]', body):  # a member of a structure
        return None
    for statement in body.split(';')[:-1]:
        statement = ' '.join(statement.split())
        if found := re.fullmatch(r'return (.*)', statement):
            lines.append(f'    return {lanes_expression(found[1], numbers)};')
        elif found := re.fullmatch(r'(?:const )?double (\w+ = .*)', statement):
            for declared in split(found[1]):
                variable, value = declared.split(' = ')
                text, _, kind = Lanes(value, numbers).result
                kinds = {'number': 'double', 'lanes': 'NAME_lanes'}
                numbers |= {variable} if kind == 'number' else set()
                lines.append(f'    const {kinds[kind]} {variable} = {text};')
        else:
            return None
    arguments = ', '.join('NAME_lanes ' + parameter for parameter in parameters)
    return (f'static inline NAME_lanes NAME_lanes_{name}({arguments})\n'
            '{\n' + '\n'.join(lines) + '\n}\n')


def each(name, count, function):
    return f'NAME_EACH_{count}({name}, {function})\n'


class Pieces:
    """In the order of the sources: name: (text for numbers or None, text for vectors or None)."""

    def __init__(self):
        self.all = {}

    def function(self, comment, name, parameters, text, body):
        vector = lanes_function(name, parameters, body)
        if vector is None and len(parameters) in (1, 2):
            vector = each(name, len(parameters), 'NAME_' + name)
        self.all[name] = (comment + text, vector)

    def library(self):
        for names, suffix in ((VECTOR, ''), (LATER, 'LATER_')):
            for name, count in names.items():
                self.all[name] = (None, f'NAME_VECTOR({suffix}{count}, {name})\n')
        self.all['lgamma'] = (None, each('lgamma', 1, 'lgamma'))


def read_math(text, names, pieces):
    """math.inc: macros that are another name of a function, macros with an expression, which become
    functions, and functions."""
    text = text.replace('\\\n', '')
    item = re.compile(r'(?P<comment>/\*(?:[^*]|\*(?!/))*\*/\n)?(?:'
                      r'#define (?P<macro>[A-Z]\w*)\((?P<names>[^)]*)\) +(?P<value>.*)\n|'
                      r'static inline T FN\((?P<name>\w+)\)\((?P<parameters>[^)]*)\)\n'
                      r'\{\n(?P<body>.*?)\n\}\n)', re.S | re.M)
    item = re.compile(item.pattern.replace('(?P<value>.*)', '(?P<value>[^\n]*)'), re.S)
    found = [match for match in item.finditer(text) if match['macro'] not in ('FN_JOIN', 'FN_WITH',
                                                                              'FN', 'K')]
    for match in found:
        if match['macro']:
            value = match['value'].strip()
            other = (re.fullmatch(r'(?:LIBM|FN)\((\w+)\)\([\w, ]*\)', value) or
                     re.fullmatch(r'\(\(T\)rgi_(\w+)\([^?]*\)\)', value))
            name = other[1] if other else match['macro'].lower()
            library = value.startswith('LIBM') or name == 'lgamma'
            names.call[match['macro']] = name if library else 'NAME_' + name
    for match in found:
        comment = match['comment'] or ''
        if match['macro'] and names.call[match['macro']] != 'NAME_' + match['macro'].lower():
            continue
        if match['name']:
            parameters = [parameter.split()[1] for parameter in split(match['parameters'])]
            body = names.text(match['body'])
            name = match['name']
        else:
            value = match['value'].strip()
            if re.match(r'FN\(|\(\(T\)rgi_', value) and '-' not in value:
                continue
            parameters = split(match['names'])
            for parameter in parameters:
                value = re.sub(rf'(?<!\w)\({parameter}\)', parameter, value)
            whole = re.fullmatch(r'\((.*)\)', value)
            body = f'    return {names.text(whole[1] if whole else value)};'
            name = match['macro'].lower()
        arguments = ', '.join('double ' + parameter for parameter in parameters)
        pieces.function(comment, name, parameters,
                        f'static inline double NAME_{name}({arguments})\n{{\n{body}\n}}\n', body)


def read_special(text, names, pieces):
    """special.c: one declaration or function after the other, each with its comment."""
    item = re.compile(r'(?P<comment>/\*(?:[^*]|\*(?!/))*\*/\n)?(?:'
                      r'(?P<constant>(?:static const double (?P<value>\w+)|enum \{ (?P<number>\w+) =|'
                      r'typedef struct (?P<type>\w+) \{).*?;(?: /\*.*?\*/)?\n(?:\} \w+;\n)?)|'
                      r'(?:static (?:inline )?)?(?P<head>\w+ (?P<name>\w+)\((?P<parameters>[^)]*)\))\n'
                      r'\{\n(?P<body>.*?)\n\}\n)', re.S)
    found = list(item.finditer(text))
    for match in found:
        name = match['value'] or match['number'] or match['type'] or match['name']
        if not name.startswith('rgi_'):
            names.own.add(name)
    for match in found:
        comment = match['comment'] or ''
        if match['constant']:
            name = match['value'] or match['number'] or match['type']
            pieces.all[name] = (comment + names.text(match['constant']), None)
            continue
        name = match['name'].removeprefix('rgi_')
        # A wrapper for other files is the function itself here.
        if name == 'lgamma' or match['body'].startswith(f'    return {name}('):
            continue
        parameters = [parameter.split()[-1] for parameter in split(match['parameters'])]
        body = names.text(match['body'])
        # What returns a pair or a truth value serves other functions only.
        serves = not match['head'].startswith('double')
        text = f'static {names.text(match["head"])}\n{{\n{body}\n}}\n'
        if serves:
            pieces.all[name] = (comment + text, None)
        else:
            pieces.function(comment, name, parameters, text, body)


def read_lanes(text, pieces):
    """c_lanes.inc: sections, each headed by its name."""
    parts = re.split(r'/\* ---- (\w+) ---- \*/\n', text)[1:]
    for name, part in zip(parts[::2], parts[1::2]):
        pieces.all[name] = (None, part.strip('\n') + '\n')


def rows(text, names):
    """(name, expression, expression for vectors) of each row."""
    for line in text.splitlines():
        if found := ROW.match(line):
            columns = split(found[2])
            value = columns[1 if columns[0].isdigit() else 0]
            value = names.text(value)
            yield found[1], value, lanes_expression(value, {'p', 'q'})


def main():
    row_text, math_text, normal_text, special_text, lanes_text = (
        open(path, encoding='utf-8').read() for path in sys.argv[1:6])
    names, pieces = Names(), Pieces()
    pieces.library()
    read_lanes(lanes_text, pieces)
    read_math(math_text, names, pieces)
    read_special(normal_text + special_text, names, pieces)
    print('/* Made by c_text.py; do not edit. */')
    print('static const piece pieces[] = {')
    for name, texts in pieces.all.items():
        both = ', '.join(quote(text) if text else 'NULL' for text in texts)
        print(f'    {{"{name}", {{{both}}}}},')
    print('};')
    print("static const row rows[RGI_GRAPH_OPERATIONS - RGI_GRAPH_FIRST_ROW] = {")
    for name, value, vector in rows(row_text, names):
        print(f'    [RGI_GRAPH_{name} - RGI_GRAPH_FIRST_ROW] = {{{{{quote_line(value)}, {quote_line(vector)}}}}},')
    print('};')


main()
