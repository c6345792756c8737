/*
 * ode.c: y' = f(y), f_0 = x_0, f_i = x_i y_(i-1), from 0 at time 0 to time 2 by Runge and Kutta's
 * method of order 4, and the slope of its last component in all x.
 */
#include <string.h>

#include "json_problems.h"

static const double time_span = 2;

/* So many components are computed at most, over all steps. */
enum { MOST = 50000000 };

typedef struct ode {
    size_t n, steps;
    const double *x;
    double *y, *at, *sum, *k; /* n numbers each */
    rg_tape *tape;
    rg_real *reals; /* for the derivative: x, y and four rates */
} ode;

static void rate(size_t n, const double *x, const double *y, double *k)
{
    k[0] = x[0];
    for (size_t i = 1; i < n; i++)
        k[i] = x[i] * y[i - 1];
}

static void primal(void *problem, double *out)
{
    const ode *ode = problem;
    size_t n = ode->n;
    double h = time_span / (double)ode->steps;
    double *restrict at = ode->at, *restrict sum = ode->sum, *restrict k = ode->k;
    double *restrict y = ode->y;
    memset(y, 0, n * sizeof *y);
    for (size_t step = 0; step < ode->steps; step++) {
        rate(n, ode->x, y, k);
        for (size_t i = 0; i < n; i++) {
            sum[i] = k[i];
            at[i] = y[i] + h / 2 * k[i];
        }
        rate(n, ode->x, at, k);
        for (size_t i = 0; i < n; i++) {
            sum[i] += 2 * k[i];
            at[i] = y[i] + h / 2 * k[i];
        }
        rate(n, ode->x, at, k);
        for (size_t i = 0; i < n; i++) {
            sum[i] += 2 * k[i];
            at[i] = y[i] + h * k[i];
        }
        rate(n, ode->x, at, k);
        for (size_t i = 0; i < n; i++)
            y[i] += h / 6 * (sum[i] + k[i]);
    }
    memcpy(out, y, n * sizeof *out);
}

/* ---- the derivative ---- */

/* One step in four stages, each of which takes a part of the one before. */
static void record_step(rg_tape *tape, size_t n, double h, const rg_real *x, rg_real *y,
                        rg_real *k)
{
    static const double part[4] = {0, 0.5, 0.5, 1};
    for (int stage = 0; stage < 4; stage++) {
        const rg_real *before = k - n;
        k[0] = x[0];
        for (size_t i = 1; i < n && stage == 0; i++)
            k[i] = rg_let(tape, rg_mul(x[i], y[i - 1]));
        for (size_t i = 1; i < n && stage > 0; i++)
            k[i] = rg_let(tape, rg_mul(x[i], rg_add(y[i - 1],
                                                    rg_mul(h * part[stage], before[i - 1]))));
        k += n;
    }
    const rg_real *k1 = k - 4 * n, *k2 = k1 + n, *k3 = k2 + n, *k4 = k3 + n;
    for (size_t i = 0; i < n; i++)
        y[i] = rg_let(tape, rg_add(y[i], rg_mul(h / 6, rg_add(rg_add(k1[i], k4[i]),
                                                              rg_mul(2.0, rg_add(k2[i], k3[i]))))));
}

static void gradient(void *problem, double *out)
{
    const ode *ode = problem;
    rg_tape *tape = ode->tape;
    size_t n = ode->n;
    double h = time_span / (double)ode->steps;
    rg_real *x = ode->reals, *y = x + n, *k = y + n;
    rg_tape_reset(tape);
    for (size_t i = 0; i < n; i++) {
        x[i] = rg_let(tape, rg_input(tape, ode->x[i]));
        y[i] = rg_let(tape, 0.0);
    }
    for (size_t step = 0; step < ode->steps; step++)
        record_step(tape, n, h, x, y, k);
    rg_backward(rg_value_of(tape, y[n - 1]));
    stop_on_tape_error(tape);
    rg_read_real_grads(tape, n, x, out);
}

void read_ode(const json_t *input, bench *bench)
{
    ode *ode = new_array(1, sizeof *ode);
    ode->x = json_list_of(input, "x", &ode->n);
    ode->steps = json_size_of(input, "s", 1);
    if (size_times(ode->n, ode->steps) > MOST)
        stop(STOP_INPUT, "ode: %zu steps of %zu numbers are more than %d", ode->steps, ode->n, MOST);
    ode->y = new_doubles(ode->n);
    ode->at = new_doubles(ode->n);
    ode->sum = new_doubles(ode->n);
    ode->k = new_doubles(ode->n);
    ode->reals = new_array(size_times(6, ode->n), sizeof *ode->reals);
    ode->tape = new_tape();
    bench->problem = ode;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .rows = ode->n, .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = ode->n, .compute = gradient};
}
