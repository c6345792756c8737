/*
 * det.c: a determinant, expanded along the first row again and again.
 */
#include "json_problems.h"

enum { MOST = 11 };

typedef struct det {
    size_t n;
    const double *a;
    rg_tape *tape;
    rg_real *plus, *minus;
} det;

/* Of the rows from `row` on and the `left` columns listed. */
static double expand(const double *a, size_t n, size_t row, const size_t *columns)
{
    size_t left = n - row, others[MOST];
    const double *line = a + row * n;
    if (left == 1)
        return line[columns[0]];
    double sum = 0;
    for (size_t j = 1; j < left; j++)
        others[j - 1] = columns[j];
    for (size_t j = 0; j < left; j++) {
        double term = line[columns[j]] * expand(a, n, row + 1, others);
        sum += j % 2 ? -term : term;
        others[j] = columns[j];
    }
    return sum;
}

static void all_columns(size_t *columns)
{
    for (size_t j = 0; j < MOST; j++)
        columns[j] = j;
}

static void primal(void *problem, double *out)
{
    const det *det = problem;
    size_t columns[MOST];
    all_columns(columns);
    *out = expand(det->a, det->n, 0, columns);
}

/* The same as fused statements: one for each minor. `plus` and `minus` hold the numbers of the
 * matrix and their opposites. */
static rg_real record(const det *det, size_t row, const size_t *columns)
{
    size_t n = det->n, left = n - row, others[MOST];
    const rg_real *plus = det->plus + row * n, *minus = det->minus + row * n;
    rg_real line[MOST], minors[MOST];
    if (left == 1)
        return plus[columns[0]];
    if (left == 2)
        return rg_let(det->tape, rg_sub(rg_mul(plus[columns[0]], plus[n + columns[1]]),
                                        rg_mul(plus[columns[1]], plus[n + columns[0]])));
    for (size_t j = 1; j < left; j++)
        others[j - 1] = columns[j];
    for (size_t j = 0; j < left; j++) {
        line[j] = j % 2 ? minus[columns[j]] : plus[columns[j]];
        minors[j] = record(det, row + 1, others);
        others[j] = columns[j];
    }
    if (left == 3)
        return rg_let(det->tape,
                      rg_add(rg_add(rg_mul(line[0], minors[0]), rg_mul(line[1], minors[1])),
                             rg_mul(line[2], minors[2])));
    return rg_let_dot(det->tape, left, line, minors);
}

static void gradient(void *problem, double *out)
{
    const det *det = problem;
    rg_tape *tape = det->tape;
    size_t columns[MOST], count = det->n * det->n;
    all_columns(columns);
    rg_tape_reset(tape);
    for (size_t i = 0; i < count; i++) {
        det->plus[i] = rg_let(tape, rg_input(tape, det->a[i]));
        det->minus[i] = rg_let(tape, rg_neg(det->plus[i]));
    }
    rg_backward(rg_value_of(tape, record(det, 0, columns)));
    stop_on_tape_error(tape);
    rg_read_real_grads(tape, count, det->plus, out);
}

void read_det(const json_t *input, bench *bench)
{
    det *det = new_array(1, sizeof *det);
    size_t count;
    det->a = json_list_of(input, "A", &count);
    det->n = json_size_of(input, "ell", 1);
    if (size_times(det->n, det->n) != count)
        stop(STOP_INPUT, "det: \"A\" has %zu numbers, which are not %zu squared", count, det->n);
    if (det->n > MOST)
        stop(STOP_INPUT, "det: the expansion of %zu rows takes too long; %d is the most", det->n,
             MOST);
    det->plus = new_array(count, sizeof *det->plus);
    det->minus = new_array(count, sizeof *det->minus);
    det->tape = new_tape();
    bench->problem = det;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = count, .compute = gradient};
}
