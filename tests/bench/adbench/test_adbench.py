"""The programs answer the cases that ship and others made up here as they should, and refuse what
is malformed.

Usage: test_adbench.py PROGRAM...                 the programs adbench_gmm, ..
       test_adbench.py --cases FOLDER PROGRAM...  only the cases in another folder

A folder of cases has folders gmm, ba, ht and lstm, with NAME.txt, NAME.F and NAME.J (and, for ht,
model_small and model_big), and other, with NAME.json.
"""
import copy
import glob
import json
import math
import os
import random
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'policy'))

import reference  # noqa: E402
from policy import check, finish, read, run  # noqa: E402

TEXTS = ['gmm', 'ba', 'ht', 'lstm']
checked = 0


# ---- answers ----

def flat(answer):
    if isinstance(answer, dict):
        return [x for key in sorted(answer) for x in flat(answer[key])]
    if isinstance(answer, list):
        return [x for part in answer for x in flat(part)]
    return [float(answer)]


def numbers(text):
    """The numbers of a text, without its headings."""
    found = []
    for word in text.split():
        try:
            found.append(float(word))
        except ValueError:
            pass
    return found


def compare(name, actual, expected):
    """Within 1e-10 of the largest number, which admits no answer of zeros, and 1e-8 each."""
    global checked
    checked += 1
    same = len(actual) == len(expected) and all(map(math.isfinite, actual))
    check(same, f'{name}: {len(actual)} numbers, expected {len(expected)}, all finite')
    if same:
        scale = max(map(abs, expected), default=0) or 1
        far = max(abs(a - b) / scale for a, b in zip(actual, expected))
        own = max(abs(a - b) / max(1, abs(a) + abs(b)) for a, b in zip(actual, expected))
        check(far <= 1e-10 and own <= 1e-8, f'{name}: off by {far:.1e} of the largest, {own:.1e}')


def answer(*command):
    """What a program says that must succeed."""
    done = run(*command)
    said = f'{command}: status {done.returncode}, {done.stderr}'
    check(done.returncode == 0 and not done.stderr, said)
    return done.stdout if done.returncode == 0 else 'nan'


def answer_json(*command):
    try:
        return json.loads(answer(*command))
    except ValueError as error:
        check(False, f'{command}: {error}')
        return {}


def refused(*command):
    """The program ends with status 2 and says why in a sentence or, for usage, two lines."""
    global checked
    checked += 1
    done = run(*command)
    lines = done.stderr.splitlines()
    name = os.path.basename(command[0])
    check(done.returncode == 2 and 1 <= len(lines) <= 2 and lines[0].startswith(name + ': ')
          and not done.stdout, f'{command}: status {done.returncode}: {done.stderr[:1000]}')


# ---- cases with their answers ----

def check_text_case(program, kind, path):
    base = path[:-len('.txt')]
    model = []
    if kind == 'ht':
        size = 'big' if '_big' in os.path.basename(path) else 'small'
        model = ['--model', os.path.join(os.path.dirname(path), 'model_' + size)]
    for mode, suffix in ('--objective', '.F'), ('--jacobian', '.J'):
        if os.path.exists(base + suffix):
            compare(base + suffix, numbers(answer(program, path, mode, *model)),
                    numbers(read(base + suffix)))


def gradbench_ba(objective, values):
    """GradBench's short form of the two answers of adbench_ba: some of the numbers."""
    words = values.split()
    rows = int(words[0]) + 1
    pointers, rest = words[3:3 + rows], words[4 + rows:]
    columns, entries = rest[:len(rest) // 2], rest[len(rest) // 2:]
    errors = numbers(objective)
    count = len(errors) // 3
    short = {'objective': {'reproj_error': {'elements': errors[:2], 'repeated': count},
                           'w_err': {'element': errors[2 * count], 'repeated': count}}}
    named = {'rows': pointers, 'cols': columns, 'vals': entries}
    short['jacobian'] = {name: list(map(float, part[:30] + part[-1:]))
                         for name, part in named.items()}
    return short


def check_cases(programs, folder):
    for kind in TEXTS:
        for path in sorted(glob.glob(f'{folder}/{kind}/*.txt')):
            check_text_case(programs[kind], kind, path)
    for path in sorted(glob.glob(f'{folder}/ba/*.gradbench.json')):
        text = path.replace('.gradbench.json', '.txt')
        short = gradbench_ba(answer(programs['ba'], text, '--objective'),
                             answer(programs['ba'], text, '--jacobian'))
        compare(path, flat(short), flat(json.loads(read(path))))
    for path in sorted(glob.glob(f'{folder}/other/*.json')):
        if 'json' in programs:
            expected = json.loads(read(path))['expected']
            actual = answer_json(programs['json'], path)
            check(sorted(actual) == sorted(expected), f'{path}: has other keys than expected')
            compare(path, flat(actual), flat(expected))


# ---- cases made up, with the answers of reference.py ----

def write(path, *parts):
    """Numbers and lists of them, a part a line."""
    with open(path, 'w', encoding='utf-8') as file:
        for part in parts:
            part = part if isinstance(part, list) else [part]
            file.write(' '.join(map(str, part)) + '\n')
    return path


def normals(count, scale=1):
    return [random.gauss(0, scale) for _ in range(count)]


def rows(count, length, scale=1):
    return [normals(length, scale) for _ in range(count)]


def check_gmm(program):
    sizes = [(1, 1, 1, 0, 1), (1, 4, 7, 2, 0.7), (2, 1, 5, 0, 1), (2, 3, 1, 1, 2), (5, 3, 20, 3, .5)]
    for d, k, n, m, gamma in sizes:
        alpha, means = normals(k), normals(k * d)
        factors, x = normals(k * d * (d + 1) // 2, 0.5), rows(n, d)
        path = write('gmm.txt', [d, k, n], alpha, means, factors, *x, [gamma, m])
        values, derivatives = reference.jacobian(reference.gmm(d, k, x, gamma, m),
                                                 alpha + means + factors)
        compare(f'gmm {d} {k} {n}', numbers(answer(program, path, '--objective')), values)
        compare(f'gmm {d} {k} {n} J', numbers(answer(program, path, '--jacobian')), derivatives[0])


def camera(rotation):
    return (rotation + normals(2, 0.1) + [-20 + random.random(), 300 + random.random()]
            + normals(2, 10) + normals(2, 0.01))


def ba_answers(n, m, p, cameras, points, weights, pairs, features):
    """The numbers of the two files."""
    errors, squares, slopes, last, columns = [], [], [], [], []
    for (c, q), w, feature in zip(pairs, weights, features):
        values, derivatives = reference.jacobian(reference.observation,
                                                 cameras[c] + points[q] + [w] + feature)
        errors += values[:2]
        squares.append(values[2])
        slopes += derivatives[0][:15] + derivatives[1][:15]
        last.append(derivatives[2][14])
        row = [11 * c + i for i in range(11)] + [11 * n + 3 * q + i for i in range(3)]
        columns += 2 * (row + [11 * n + 3 * m + len(last) - 1])
    pointers = [15 * i for i in range(2 * p)] + [30 * p + i for i in range(p + 1)]
    columns += [11 * n + 3 * m + i for i in range(p)]
    structure = [3 * p, 11 * n + 3 * m + p, 3 * p + 1] + pointers + [31 * p] + columns
    return errors + squares, structure, slopes + last


def check_ba_case(program, name, path, sizes, *parts):
    errors, structure, slopes = ba_answers(*sizes, *parts)
    actual = numbers(answer(program, path, '--jacobian'))
    compare(f'{name} F', numbers(answer(program, path, '--objective')), errors)
    check(actual[:len(structure)] == structure, f'{name}: the structure is another')
    compare(f'{name} J', actual[len(structure):], slopes)


def check_ba(program):
    """All of some observations, and one that is repeated; some cameras are not turned at all."""
    for n, m, p in (1, 1, 1), (3, 4, 9), (2, 3, 70):
        cameras = [camera(normals(3) if i % 2 else [0.0] * 3) for i in range(n)]
        points, weights, features = rows(m, 3), normals(p), rows(p, 2, 10)
        pairs = [[random.randrange(n), random.randrange(m)] for _ in range(p)]
        path = write('ba.txt', [n, m, p], *cameras, *points, weights, *pairs, *features)
        check_ba_case(program, f'ba {n} {m} {p}', path, (n, m, p), cameras, points, weights, pairs,
                      features)
    for rotation in normals(3), [0.0] * 3, [0.0, 1e-9, 0.0]:
        one, point, w, feature = camera(rotation), normals(3), random.random(), normals(2, 10)
        path = write('ba.txt', [2, 3, 7], one, point, w, feature)
        pairs = [[i % 2, i % 3] for i in range(7)]
        check_ba_case(program, f'ba repeated {rotation}', path, (2, 3, 7), [one] * 2, [point] * 3,
                      [w] * 7, pairs, [feature] * 7)


def write_model(folder, model):
    def records(name, lines):
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
            file.write(''.join(':'.join(map(str, line)) + '\n' for line in lines))

    os.makedirs(folder, exist_ok=True)
    records('bones.txt', [[f'bone{i}', parent] + sum(relative, []) + sum(inverse, [])
                          for i, (parent, relative, inverse) in enumerate(model['bones'])])
    records('vertices.txt', [rest + [0.0] * 5 + [len(influences)] + [x for i in influences
                                                                    for x in i]
                             for rest, influences in model['vertices']])
    records('triangles.txt', model['triangles'])
    return folder


def made_up_hand():
    def affine():
        return rows(3, 4) + [[0.0, -0.0, 0.0, 1.0]]

    parents = [-1] + [0 if i % 4 == 1 else i - 1 for i in range(1, 22)]
    vertices = [[normals(3), [[bone, random.random()] for bone in
                              random.sample(range(22), random.randrange(5))]] for _ in range(12)]
    return {'bones': [[parent, affine(), affine()] for parent in parents], 'vertices': vertices,
            'triangles': [random.sample(range(12), 3) for _ in range(5)]}


def check_hand(program, model, folder, n, turned, complicated):
    count = len(model['triangles' if complicated else 'vertices'])
    chosen = [random.randrange(count) for _ in range(n)]
    points, u = rows(n, 3), rows(n, 2) if complicated else []
    pose = turned + normals(23)
    path = write('ht.txt', [n, 26], *[[c] + p for c, p in zip(chosen, points)], *u, *pose)
    values, slopes = [], []
    for i in range(n):
        errors = reference.hand_errors(model, chosen[i], points[i], complicated)
        three, derivatives = reference.jacobian(errors, (u[i] if u else []) + pose)
        values += three
        slopes += derivatives
    name = f'ht {n} {turned} {"complicated" if complicated else "simple"}'
    compare(name + ' F', numbers(answer(program, path, '--objective', '--model', folder)), values)
    said = answer(program, path, '--jacobian', '--model', folder)
    check(len(said.splitlines()) == 3 * n, f'{name}: not a line a row')
    compare(name + ' J', numbers(said), flat(slopes))


def check_ht(program):
    model = made_up_hand()
    folder = write_model('hand', model)
    for complicated in False, True:
        check_hand(program, model, folder, 1, normals(3), complicated)
        check_hand(program, model, folder, 6, normals(3), complicated)
        check_hand(program, model, folder, 3, [0.0] * 3, complicated)
        check_hand(program, model, folder, 2, [5e-5, 0.0, -5e-5], complicated)


def check_lstm(program):
    for l, c, b in (1, 2, 1), (2, 5, 3), (3, 12, 2):
        main, extra, state = normals(8 * l * b), normals(3 * b), rows(2 * l, b)
        sequence = [[random.randrange(2) for _ in range(b)] for _ in range(c)]
        path = write('lstm.txt', [l, c, b], main, extra, *state, *sequence)
        values, slopes = reference.jacobian(reference.lstm(l, b, state, sequence), main + extra)
        compare(f'lstm {l} {c} {b} F', numbers(answer(program, path, '--objective')), values)
        compare(f'lstm {l} {c} {b} J', numbers(answer(program, path, '--jacobian')), slopes[0])


def check_json_case(program, name, data, expected):
    with open('case.json', 'w', encoding='utf-8') as file:
        json.dump({'eval': name, 'input': data}, file)
    actual = answer_json(program, 'case.json')
    check(sorted(actual) == sorted(expected), f'{name}: has keys {sorted(actual)}')
    for key in actual:
        compare(f'{name} {key}', flat(actual[key]), flat(expected.get(key, [])))


def check_json(program):
    def by_reference(name, data, function, x, all_values=False):
        values, slopes = reference.jacobian(function, x)
        primal = values if all_values else values[0]
        check_json_case(program, name, data, {'primal': primal, 'gradient': slopes[-1]})

    for x in normals(1), normals(7), [1000.0, 999.0, -5000.0], [-800.0] * 3:
        by_reference('lse', {'x': x}, lambda x: [reference.log_sum_exp(x)], x)
    for m, n in (1, 2), (3, 3), (5, 40), (2, 131):
        x = normals(m)
        by_reference('llsq', {'x': x, 'n': n}, reference.llsq(n), x)
    for n in 1, 2, 4, 6:
        a = normals(n * n)
        by_reference('det', {'A': a, 'ell': n}, reference.det(n), a)
    for n, steps in (1, 1), (3, 2), (6, 9), (70, 3):
        x = normals(n)
        by_reference('ode', {'x': x, 's': steps}, reference.ode(steps), x, True)
    for n, k, d in (1, 1, 1), (30, 3, 2), (150, 4, 5):
        points = rows(n, d)
        centroids = copy.deepcopy(points[:k])
        cost, steps = reference.kmeans(points, centroids)
        check_json_case(program, 'kmeans', {'points': points, 'centroids': centroids},
                        {'cost': cost, 'dir': steps})
    modes = ['rr', 'rf', 'fr', 'ff']
    check_json_case(program, 'kmeans', {'points': [[0], [2], [1]], 'centroids': [[0], [2]]},
                    {'cost': 1, 'dir': [[-0.5], [0]]})  # the first of two that are as near
    for w in 0.1, -0.2:
        check_json_case(program, 'particle', {'w': w}, dict.fromkeys(modes, reference.particle(w)))
    check_json_case(program, 'saddle', {'start': [1.5, -0.5]},
                    dict.fromkeys(modes, reference.saddle([1.5, -0.5])))


# ---- times ----

def check_times(program, *command):
    """--time alone prints one line of JSON."""
    said = answer(program, *command, '--time', 0)
    times = answer_json(program, *command, '--time', 0)
    check(said.count('\n') == 1 and set(times) == {'problem', 'objective', 'derivative', 'ratio',
                                                   'setup'}, f'{command}: times are {said}')
    check(times.get('derivative', 0) > 0, f'{command}: the derivative took no time')


# ---- malformed input ----

def damaged(text):
    """Wrong texts out of a right one, which begins with sizes."""
    words = text.split()
    wrongs = ['', '  \n', ' '.join(words[:2]), ' '.join(words[:-1]), ' '.join(words + ['1'])]
    for wrong in 'x', 'nan', 'inf', '1e999', '1.5.2', '0x10', '--1', '1,2':
        wrongs += [' '.join(words[:-1] + [wrong]), ' '.join([wrong] + words[1:])]
    for size in ('-1', '0', '1.5', '99999999999', '9223372036854775807', '1e18', '4294967297',
                 '1e300'):
        for i in range(3):
            wrongs.append(' '.join(words[:i] + [size] + words[i + 1:]))
    return [wrong for wrong in wrongs if wrong.split() != words]


def check_malformed_text(program, path, *options):
    text = read(path)
    for wrong in damaged(text):
        with open('wrong.txt', 'w', encoding='utf-8') as file:
            file.write(wrong)
        for mode in '--objective', '--jacobian':
            refused(program, 'wrong.txt', mode, *options)
    with open('wrong.txt', 'wb') as file:
        file.write(text.encode()[:40] + b'\0' + text.encode()[40:])
    for name in 'wrong.txt', 'no-such-file', '.', '':
        refused(program, name, '--jacobian', *options)


def check_usage(program, path, mode, *options):
    refused(program)
    refused(program, *mode)
    refused(program, path, path, *mode, *options)
    refused(program, path, *mode, *options, '--no-such-option')
    refused(program, path, *mode, *options, '--out')
    for seconds in 'x', '-1', 'nan', 'inf', '':
        refused(program, path, *mode, *options, '--time', seconds)
    if mode:
        refused(program, path, *options)
        refused(program, path, '--objective', '--jacobian', *options)
    check(run(program, '--help').stdout.startswith('usage: '), f'{program} --help says no usage')
    done = run(program, path, *mode, *options, '--out', 'no-such-folder/out')
    check(done.returncode == 1 and 'no-such-folder/out' in done.stderr, f'{program}: {done.stderr}')
    out = answer(program, path, *mode, *options, '--out', 'out')
    check(out == '' and read('out') == answer(program, path, *mode, *options),
          f'{program}: --out writes something else')


def check_malformed_hand(program):
    model = made_up_hand()
    folder = write_model('hand', model)
    path = write('hand.txt', [2, 26], [0] + normals(3), [4] + normals(3), normals(4), normals(26))
    check_malformed_text(program, path, '--model', folder)
    check_usage(program, path, ['--jacobian'], '--model', folder)
    refused(program, path, '--jacobian')
    refused(program, path, '--jacobian', '--model', 'no-such-folder')
    for wrong in -1, 5, 0.5, 12:
        refused(program, write('wrong.txt', [2, 26], [wrong] + normals(3), [0] + normals(3),
                               normals(4), normals(26)), '--jacobian', '--model', folder)
    for name in 'bones.txt', 'vertices.txt', 'triangles.txt':
        lines = read(folder, name).splitlines()
        first = lines[0].split(':')
        wrongs = [[], lines[:-1] if name == 'bones.txt' else ['x'], [lines[0] + ':1'] + lines[1:],
                  [':'.join(first[:-1])] + lines[1:], [':'.join(first[:-1] + ['x'])] + lines[1:],
                  [''] + lines[1:], [':'.join(first[:-1] + ['nan'])] + lines[1:]]
        wrongs += {'bones.txt': [[lines[0]] + [lines[1].replace(':0:', ':1:', 1)] + lines[2:],
                                 [lines[0].replace(':-1:', ':-2:', 1)] + lines[1:],
                                 [':'.join(first[:17] + ['2'] + first[18:])] + lines[1:]],
                   'vertices.txt': [[':'.join(first[:8] + ['1', '22', '0.5'])] + lines[1:],
                                    [':'.join(first[:8] + ['-1'])] + lines[1:],
                                    [':'.join(first[:8] + ['1e9', '1', '1'])] + lines[1:]],
                   'triangles.txt': [['0:1:12'] + lines[1:], ['0:1:-1'] + lines[1:]]}[name]
        for wrong in wrongs:
            with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                file.write('\n'.join(wrong) + '\n' if wrong else '')
            refused(program, path, '--jacobian', '--model', folder)
        os.remove(os.path.join(folder, name))
        refused(program, path, '--objective', '--model', folder)
        write_model(folder, model)


def check_malformed(programs):
    cases = os.path.join(HERE, 'cases')
    paths = {'gmm': f'{cases}/gmm/gen_d3_K4_n50_m2.txt', 'lstm': f'{cases}/lstm/gen_l1_c20_b4.txt',
             'ba': f'{cases}/ba/gen_n5_m40_p200.txt'}
    for kind, path in paths.items():
        check_malformed_text(programs[kind], path)
        check_usage(programs[kind], path, ['--jacobian'])
        check_times(programs[kind], path)
    for gamma, m in (0, 1), (-1, 1), (1, -2), (1, 0.5):
        refused(programs['gmm'], write('wrong.txt', [1, 1, 1], [0, 0, 0], 0, [gamma, m]),
                '--objective')
    full = [[1, 1, 1], camera(normals(3)), normals(3), 1]
    for pair in [-1, 0], [0, 1], [1, 0], [0.5, 0]:
        refused(programs['ba'], write('wrong.txt', *full, pair, normals(2)), '--jacobian')
    refused(programs['lstm'], write('wrong.txt', [1, 1, 1], *normals(14)), '--objective')
    check_malformed_hand(programs['ht'])
    if 'json' in programs:
        check_malformed_json(programs['json'])


WRONG = [None, True, 'x', {}, [], [[]], ['x'], [None], [[1], 2], [[1], [1, 2]], [[1], ['x']], -1.5,
         -1]

RIGHT = {
    'det': {'A': [1, 2, 3, 4], 'ell': 2},
    'kmeans': {'points': [[1, 2], [3, 4]], 'centroids': [[1, 2], [3, 3]]},
    'llsq': {'x': [1, 2.5], 'n': 3},
    'lse': {'x': [1, 2.5]},
    'ode': {'x': [1, 2.5], 's': 2},
    'particle': {'w': 0.2},
    'saddle': {'start': [1, 1]},
}


def malformed_json():
    """Texts that are no problem."""
    yield from ['', '{', '[]', '1', 'null', '{"eval": "lse"}', '{"input": {"x": [1]}}',
                '{"eval": "lse", "input": {"x": [1]}} x', '{"eval": 1, "input": {"x": [1]}}',
                '{"eval": "no such", "input": {"x": [1]}}', '{"eval": "lse", "input": [1]}',
                '{"eval": "lse", "input": {"x": [NaN]}}', '{"eval": "lse", "input": {"x": [1e999]}}',
                '{"eval": "lse", "input": {"x": [1], "x": [1]}}', '[' * 100000,
                '{"eval": "lse", "input": {"x": [1' + '0' * 400 + ']}}']
    for name, data in RIGHT.items():
        for key in data:
            yield json.dumps({'eval': name, 'input': {k: v for k, v in data.items() if k != key}})
            for wrong in WRONG:
                if not (key == 'w' and isinstance(wrong, (int, float)) and wrong is not True):
                    yield json.dumps({'eval': name, 'input': {**data, key: wrong}})
    for name, key in ('det', 'ell'), ('llsq', 'n'), ('ode', 's'):
        for wrong in 0, 3.0, 10 ** 10, 10 ** 15, 2 ** 63 - 1, 2 ** 64, 1e300:
            if not (name == 'ode' and wrong == 3):
                yield json.dumps({'eval': name, 'input': {**RIGHT[name], key: wrong}})
    yield json.dumps({'eval': 'llsq', 'input': {'x': [1], 'n': 1}})
    yield json.dumps({'eval': 'det', 'input': {'A': [1] * 900, 'ell': 30}})
    yield json.dumps({'eval': 'saddle', 'input': {'start': [1, 1, 1]}})
    yield json.dumps({'eval': 'kmeans', 'input': {'points': [[1, 2]], 'centroids': [[1]]}})
    yield json.dumps({'eval': 'kmeans', 'input': {'points': [[1]], 'centroids': [[1], [9]]}})


def check_malformed_json(program):
    for text in malformed_json():
        with open('wrong.json', 'w', encoding='utf-8') as file:
            file.write(text)
        refused(program, 'wrong.json')
    for name in 'no-such-file', '.', '':
        refused(program, name)
    for name, data in RIGHT.items():
        with open('right.json', 'w', encoding='utf-8') as file:
            json.dump({'eval': name, 'input': data, 'expected': 'whatever'}, file)
        check_times(program, 'right.json')
    check_usage(program, 'right.json', [])


def main(arguments):
    folder = None
    if arguments[0] == '--cases':
        folder, arguments = os.path.abspath(arguments[1]), arguments[2:]
    programs = {os.path.basename(path).removeprefix('adbench_'): os.path.abspath(path)
                for path in arguments}
    for kind in TEXTS:
        check(kind in programs, f'adbench_{kind} is not among the programs')
    random.seed(20)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        check_cases(programs, folder or os.path.join(HERE, 'cases'))
        if not folder:
            for kind, test in {'gmm': check_gmm, 'ba': check_ba, 'ht': check_ht,
                               'lstm': check_lstm, 'json': check_json}.items():
                if kind in programs:
                    test(programs[kind])
            check_malformed(programs)
        os.chdir(HERE)
    finish(checked, 'answers')


main(sys.argv[1:])
