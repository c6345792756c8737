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
    rg_value *values; /* for the derivative: x, y, at, sum and k */
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

static void record_rate(size_t n, const rg_value *x, const rg_value *y, rg_value *k)
{
    k[0] = x[0];
    for (size_t i = 1; i < n; i++)
        k[i] = rg_mul(x[i], y[i - 1]);
}

static void record_step(size_t n, double h, const rg_value *x, rg_value *y, rg_value *at,
                        rg_value *sum, rg_value *k)
{
    static const double to[3] = {0.5, 0.5, 1};
    record_rate(n, x, y, k);
    for (int stage = 0; stage < 3; stage++) {
        for (size_t i = 0; i < n; i++) {
            sum[i] = stage ? rg_add(sum[i], rg_mul(2, k[i])) : k[i];
            at[i] = rg_add(y[i], rg_mul(h * to[stage], k[i]));
        }
        record_rate(n, x, at, k);
    }
    for (size_t i = 0; i < n; i++)
        y[i] = rg_add(y[i], rg_mul(h / 6, rg_add(sum[i], k[i])));
}

static void gradient(void *problem, double *out)
{
    const ode *ode = problem;
    size_t n = ode->n;
    double h = time_span / (double)ode->steps;
    rg_value *x = ode->values, *y = x + n, *at = y + n, *sum = at + n, *k = sum + n;
    rg_tape_reset(ode->tape);
    for (size_t i = 0; i < n; i++) {
        x[i] = rg_input(ode->tape, ode->x[i]);
        y[i] = rg_constant(ode->tape, 0);
    }
    for (size_t step = 0; step < ode->steps; step++)
        record_step(n, h, x, y, at, sum, k);
    rg_backward(y[n - 1]);
    stop_on_tape_error(ode->tape);
    for (size_t i = 0; i < n; i++)
        out[i] = rg_grad(x[i]);
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
    ode->values = new_array(size_times(5, ode->n), sizeof *ode->values);
    ode->tape = new_tape();
    bench->problem = ode;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .rows = ode->n, .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = ode->n, .compute = gradient};
}
