/*
 * det.c: a determinant, expanded along the first row again and again.
 */
#include "json_problems.h"

enum { MOST = 11 };

typedef struct det {
    size_t n;
    const double *a;
    rg_tape *tape;
    rg_value *values;
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

static rg_value record(const rg_value *a, size_t n, size_t row, const size_t *columns)
{
    size_t left = n - row, others[MOST];
    const rg_value *line = a + row * n;
    if (left == 1)
        return line[columns[0]];
    for (size_t j = 1; j < left; j++)
        others[j - 1] = columns[j];
    rg_value sum = {0};
    for (size_t j = 0; j < left; j++) {
        rg_value term = rg_mul(line[columns[j]], record(a, n, row + 1, others));
        if (j == 0)
            sum = term;
        else
            sum = j % 2 ? rg_sub(sum, term) : rg_add(sum, term);
        others[j] = columns[j];
    }
    return sum;
}

static void gradient(void *problem, double *out)
{
    const det *det = problem;
    size_t columns[MOST], count = det->n * det->n;
    all_columns(columns);
    rg_tape_reset(det->tape);
    for (size_t i = 0; i < count; i++)
        det->values[i] = rg_input(det->tape, det->a[i]);
    rg_backward(record(det->values, det->n, 0, columns));
    stop_on_tape_error(det->tape);
    for (size_t i = 0; i < count; i++)
        out[i] = rg_grad(det->values[i]);
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
    det->values = new_array(count, sizeof *det->values);
    det->tape = new_tape();
    bench->problem = det;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = count, .compute = gradient};
}
