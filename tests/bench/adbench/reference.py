"""The problems once more, in plain Python on complex numbers, for the test of the programs.

A function of real numbers, computed at x + ih with a tiny h, has its derivative in the imaginary
part divided by h, without any difference being taken. (J. Martins, P. Sturdza, J. Alonso, "The
complex-step derivative approximation", 2003)
"""
import cmath
import math

H = 1e-30


def jacobian(function, x):
    """Values of a function of a list to a list, and rows of derivatives."""
    columns = []
    for i in range(len(x)):
        moved = [complex(value) for value in x]
        moved[i] += 1j * H
        columns.append([complex(y).imag / H for y in function(moved)])
    values = [complex(y).real for y in function([complex(value) for value in x])]
    return values, [list(row) for row in zip(*columns)]


def log_sum_exp(x):
    most = max(complex(value).real for value in x)
    return most + cmath.log(sum(cmath.exp(value - most) for value in x))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


# ---- gmm ----

def gmm(d, k, x, gamma, m):
    """The log posterior as a function of alpha, means and factors, one after the other."""
    triangle = d * (d - 1) // 2

    def function(p):
        alpha, means, factors = p[:k], p[k:k + k * d], p[k + k * d:]
        total = -len(x) * d / 2 * math.log(2 * math.pi) - len(x) * log_sum_exp(alpha)
        nu = d + m + 1
        log_gamma = d * (d - 1) / 4 * math.log(math.pi) + sum(
            math.lgamma(nu / 2 + (1 - j) / 2) for j in range(1, d + 1))
        total += k * (nu * d * (math.log(gamma) - math.log(2) / 2) - log_gamma)
        matrices = []
        for c in range(k):
            row = factors[c * (d + triangle):(c + 1) * (d + triangle)]
            matrix = [[0] * d for _ in range(d)]
            below = iter(row[d:])
            for j in range(d):
                matrix[j][j] = cmath.exp(row[j])
                for i in range(j + 1, d):
                    matrix[i][j] = next(below)
            matrices.append((matrix, sum(row[:d])))
            total -= gamma ** 2 / 2 * sum(e * e for line in matrix for e in line)
            total += m * sum(row[:d])
        for point in x:
            terms = []
            for c, (matrix, logs) in enumerate(matrices):
                y = [point[j] - means[c * d + j] for j in range(d)]
                terms.append(alpha[c] + logs - sum(dot(row, y) ** 2 for row in matrix) / 2)
            total += log_sum_exp(terms)
        return [total]
    return function


# ---- ba ----

def cross(a, b):
    return [a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3] for i in range(3)]


def observation(p):
    """The errors of one observation by its camera, point and weight; the feature stays."""
    camera, point, w, feature = p[:11], p[11:14], p[14], p[15:]
    r, away = camera[:3], [point[i] - camera[3 + i] for i in range(3)]
    if all(value.real == 0 for value in r):
        turned = [away[i] + cross(r, away)[i] for i in range(3)]
    else:
        angle = cmath.sqrt(dot(r, r))
        u = [value / angle for value in r]
        turned = [cmath.cos(angle) * away[i] + cmath.sin(angle) * cross(u, away)[i]
                  + 2 * cmath.sin(angle / 2) ** 2 * dot(u, away) * u[i] for i in range(3)]
    at = [turned[0] / turned[2], turned[1] / turned[2]]
    s = dot(at, at)
    scale = camera[6] * (1 + camera[9] * s + camera[10] * s * s)
    return [w * (scale * at[i] + camera[7 + i] - feature[i]) for i in range(2)] + [1 - w * w]


# ---- ht ----

def product(a, b):
    return [[dot(row, column) for column in zip(*b)] for row in a]


def turn(angle, i, j):
    """The rotation in the plane of axes i and j, as 4 x 4."""
    matrix = [[float(row == column) for column in range(4)] for row in range(4)]
    matrix[i][i] = matrix[j][j] = cmath.cos(angle)
    matrix[i][j], matrix[j][i] = -cmath.sin(angle), cmath.sin(angle)
    return matrix


def hand_vertices(model, pose):
    moves = []
    absolute = []
    for number, (parent, relative, inverse) in enumerate(model['bones']):
        finger, joint = divmod(number - 1, 4)
        own = relative
        if 1 <= number <= 20 and joint > 0:
            if joint == 1:
                own = product(own, turn(pose[7 + 4 * finger], 0, 1))
            angle = pose[6 + 4 * finger + (0 if joint == 1 else joint)]
            own = product(own, turn(angle, 1, 2))
        absolute.append(own if parent < 0 else product(absolute[parent], own))
        moves.append(product(absolute[number], inverse))
    g = pose[:3]
    turned = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    if math.sqrt(sum(value.real ** 2 for value in g)) >= 1e-4:
        t = cmath.sqrt(dot(g, g))
        a, c, s = [value / t for value in g], cmath.cos(t), cmath.sin(t)
        across = [[0, -a[2], a[1]], [a[2], 0, -a[0]], [-a[1], a[0], 0]]
        turned = [[c * (i == j) + (1 - c) * a[i] * a[j] + s * across[i][j] for j in range(3)]
                  for i in range(3)]
    result = []
    for rest, influences in model['vertices']:
        moved = [sum(weight * dot(moves[bone][i], rest + [1]) for bone, weight in influences)
                 for i in range(3)]
        result.append([dot(turned[i], moved) + pose[3 + i] for i in range(3)])
    return result


def hand_errors(model, correspondence, point, complicated):
    """The three errors of a point by its own u, if it has one, and the pose."""
    def function(p):
        vertices = hand_vertices(model, p[2:] if complicated else p)
        at = vertices[correspondence] if not complicated else None
        if complicated:
            a, b, c = (vertices[corner] for corner in model['triangles'][correspondence])
            at = [p[0] * a[j] + p[1] * b[j] + (1 - p[0] - p[1]) * c[j] for j in range(3)]
        return [point[j] - at[j] for j in range(3)]
    return function


# ---- lstm ----

def sigmoid(x):
    return 1 / (1 + cmath.exp(-x))


def lstm(l, b, state, sequence):
    def function(p):
        main, extra = p[:8 * l * b], p[8 * l * b:]
        hidden = [list(state[2 * k]) for k in range(l)]
        cell = [list(state[2 * k + 1]) for k in range(l)]
        total = 0
        for now, target in zip(sequence, sequence[1:]):
            v = [now[i] * extra[i] for i in range(b)]
            for k in range(l):
                for i in range(b):
                    def affine(group, x):
                        at = 8 * b * k + group * b + i
                        return x * main[at] + main[at + 4 * b]
                    old = hidden[k][i]
                    kept = cell[k][i] * sigmoid(affine(0, v[i]))
                    cell[k][i] = kept + sigmoid(affine(1, old)) * cmath.tanh(affine(3, old))
                    hidden[k][i] = sigmoid(affine(2, v[i])) * cmath.tanh(cell[k][i])
                    v[i] = hidden[k][i]
            y = [v[i] * extra[b + i] + extra[2 * b + i] for i in range(b)]
            norm = cmath.log(2 + sum(map(cmath.exp, y)))
            total += sum(target[i] * (y[i] - norm) for i in range(b))
        return [-total / (b * (len(sequence) - 1))]
    return function


# ---- GradBench's ----

def kmeans(points, centroids):
    """The cost and the direction."""
    cost = 0
    sums = [[0.0] * len(row) for row in centroids]
    counts = [0] * len(centroids)
    for point in points:
        apart = [sum((a - b) ** 2 for a, b in zip(point, row)) for row in centroids]
        nearest = apart.index(min(apart))
        cost += apart[nearest]
        counts[nearest] += 1
        sums[nearest] = [a + b for a, b in zip(sums[nearest], point)]
    return cost, [[c - s / count for c, s in zip(row, total)]
                  for row, total, count in zip(centroids, sums, counts)]


def llsq(n):
    def function(x):
        total = 0
        for i in range(n):
            t = -1 + 2 * i / (n - 1)
            total += ((t > 0) - (t < 0) - sum(c * t ** j for j, c in enumerate(x))) ** 2
        return [total / 2]
    return function


def det(n):
    def expand(rows):
        if len(rows) == 1:
            return rows[0][0]
        return sum((-1) ** j * rows[0][j] * expand([row[:j] + row[j + 1:] for row in rows[1:]])
                   for j in range(len(rows)))
    return lambda a: [expand([a[i * n:(i + 1) * n] for i in range(n)])]


def ode(steps):
    def function(x):
        h = 2 / steps
        y = [0] * len(x)

        def rate(y):
            return [x[i] * (y[i - 1] if i else 1) for i in range(len(x))]

        def ahead(k, h):
            return rate([a + h * b for a, b in zip(y, k)])

        for _ in range(steps):
            k1 = rate(y)
            k2 = ahead(k1, h / 2)
            k3 = ahead(k2, h / 2)
            k4 = ahead(k3, h)
            y = [a + h * (b + 2 * c + 2 * d + e) / 6 for a, b, c, d, e in zip(y, k1, k2, k3, k4)]
        return y
    return function


def descend(value, slope, x):
    fx, g, rate, accepted = value(x), slope(x), 1e-5, 0
    while math.hypot(*g) > 1e-5:
        if accepted == 10:
            rate, accepted = 2 * rate, 0
            continue
        ahead = [a - rate * b for a, b in zip(x, g)]
        if math.dist(x, ahead) <= 1e-5:
            break
        there = value(ahead)
        if there < fx:
            x, fx, g, accepted = ahead, there, slope(ahead), accepted + 1
        else:
            rate, accepted = rate / 2, 0
    return x


def particle(w):
    def flight(w):
        z, v = [0, 8], [0.75, 0]
        while True:
            force = [0, 0]
            for x, y in (10, 10 - w), (10, 0):
                away = [z[0] - x, z[1] - y]
                cube = dot(away, away) ** 1.5
                force = [force[i] + away[i] / cube for i in range(2)]
            z = [z[i] + 0.1 * v[i] for i in range(2)]
            if z[1].real <= 0:
                return (z[0] - z[1] / v[1] * v[0]) ** 2
            v = [v[i] + 0.1 * force[i] for i in range(2)]

    return descend(lambda w: complex(flight(complex(w[0]))).real,
                   lambda w: [flight(w[0] + 1j * H).imag / H], [w])[0]


def saddle(start):
    """On both sides the descent follows twice the place."""
    end = descend(lambda x: dot(x, x), lambda x: [2 * value for value in x], start)
    return end + end
