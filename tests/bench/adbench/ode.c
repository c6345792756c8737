/*
 * ode.c: y' = f(y), f_0 = x_0, f_i = x_i y_(i-1), from 0 at time 0 to time 2 by Runge and Kutta's
 * method of order 4, and the slope of its last component in all x.
 */
#include <string.h>

#include "json_problems.h"

static const double time_span = 2;

/* So many components are computed at most, over all steps. */
enum { MOST = 50000000 };

/* How far a step looks back: four stages. The program's inputs are h, REACH x and one more y. */
enum { REACH = 4, INPUTS = 2 + 2 * REACH };

typedef struct ode {
    size_t n, steps;
    const double *x;
    double *y, *at, *sum, *k; /* n numbers each */
    rg_tape *tape;
    /* for the derivative */
    compiled step;  /* of one component */
    double *padded; /* x after REACH zeros */
    double *states; /* y before each step, each after its padding */
    double *slopes; /* by x, by y, and by the inputs of a step */
} ode;

static void rate(size_t n, const double *x, const double *y, double *k)
{
    k[0] = x[0];
    for (size_t i = 1; i < n; i++)
        k[i] = x[i] * y[i - 1];
}

/* One step on. */
static void advance(const ode *ode, double h, double *restrict y)
{
    size_t n = ode->n;
    double *restrict at = ode->at, *restrict sum = ode->sum, *restrict k = ode->k;
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

static void primal(void *problem, double *out)
{
    const ode *ode = problem;
    double h = time_span / (double)ode->steps;
    memset(ode->y, 0, ode->n * sizeof *ode->y);
    for (size_t step = 0; step < ode->steps; step++)
        advance(ode, h, ode->y);
    memcpy(out, ode->y, ode->n * sizeof *out);
}

/* ---- the derivative ---- */

/* A step changes component i by what it, the REACH components before it and as many x say: the same
 * formula for all i, once y_-1 is 1, and x_-1, .. and y_-2, .. are 0. */
static rg_value record_step(rg_value h, const rg_value *x, const rg_value *y)
{
    rg_value k[REACH][REACH]; /* k[s][i]: the rate in stage s + 1 of component i before */
    rg_value half = rg_mul(0.5, h);
    for (int stage = 0; stage < REACH; stage++)
        for (int i = 0; i + stage < REACH; i++) {
            rg_value at = y[i + 1];
            if (stage > 0)
                at = rg_add(at, rg_mul(stage == REACH - 1 ? h : half, k[stage - 1][i + 1]));
            k[stage][i] = rg_mul(x[i], at);
        }
    rg_value sum = rg_add(rg_add(k[0][0], k[3][0]), rg_mul(2, rg_add(k[1][0], k[2][0])));
    return rg_add(y[0], rg_mul(rg_div(h, 6), sum));
}

/* Compiles a step of one component. Its inputs: the time, x and y. */
static void set_up(void *problem)
{
    ode *ode = problem;
    rg_tape *tape = new_tape();
    rg_value in[INPUTS];
    const unsigned char uniform[INPUTS] = {1};
    for (int i = 0; i < INPUTS; i++)
        in[i] = rg_input(tape, 1);
    rg_value next = record_step(in[0], in + 1, in + 1 + REACH);
    ode->step = compile(1, &next, INPUTS, in, RG_PROGRAM_VJP, uniform);
    size_t row = ode->n + REACH;
    ode->padded = new_doubles(row);
    memcpy(ode->padded + REACH, ode->x, ode->n * sizeof *ode->x);
    ode->states = new_doubles(size_times(ode->steps, row));
    for (size_t step = 0; step < ode->steps; step++)
        ode->states[step * row + REACH - 1] = 1;
    ode->slopes = new_doubles(size_times(2 * REACH + 3, ode->n + REACH));
}

/* Points the inputs at a state. */
static void point_inputs(const ode *ode, const double *h, const double *state, const double **in)
{
    in[0] = h;
    for (size_t i = 0; i < REACH; i++)
        in[1 + i] = ode->padded + REACH - i;
    for (size_t i = 0; i <= REACH; i++)
        in[1 + REACH + i] = state + REACH - i;
}

static void gradient(void *problem, double *out)
{
    const ode *ode = problem;
    size_t n = ode->n, row = n + REACH;
    const double h = time_span / (double)ode->steps;
    const double *in[INPUTS];
    double *of_x = ode->slopes, *of_y = of_x + row, *slopes[INPUTS] = {NULL};
    for (size_t i = 1; i < INPUTS; i++)
        slopes[i] = of_y + row + (i - 1) * n;
    for (size_t step = 1; step < ode->steps; step++) {
        double *y = ode->states + step * row + REACH;
        memcpy(y, y - row, n * sizeof *y);
        advance(ode, h, y);
    }
    memset(of_x, 0, 2 * row * sizeof *of_x);
    of_y[row - 1] = 1;
    for (size_t step = ode->steps; step-- > 0;) {
        const double *upstream = of_y + REACH;
        point_inputs(ode, &h, ode->states + step * row, in);
        stop_on_error(rg_program_vjp_batch(ode->step.program, ode->step.workspace, n, in, &upstream,
                                           NULL, slopes));
        memset(of_y, 0, row * sizeof *of_y);
        for (size_t k = 0; k < REACH; k++)
            for (size_t i = 0; i < n; i++)
                of_x[REACH + i - k] += slopes[1 + k][i];
        for (size_t k = 0; k <= REACH; k++)
            for (size_t i = 0; i < n; i++)
                of_y[REACH + i - k] += slopes[1 + REACH + k][i];
    }
    memcpy(out, of_x + REACH, n * sizeof *out);
}

void read_ode(const json_t *input, bench *bench)
{
    ode *ode = new_array(1, sizeof *ode);
    ode->x = json_list_of(input, "x", &ode->n);
    ode->steps = json_size_of(input, "s", 1);
    if (size_times(ode->n, ode->steps) > MOST)
        stop(STOP_INPUT, "ode: %zu steps of %zu numbers are more than %d", ode->steps, ode->n,
             MOST);
    ode->y = new_doubles(ode->n);
    ode->at = new_doubles(ode->n);
    ode->sum = new_doubles(ode->n);
    ode->k = new_doubles(ode->n);
    bench->problem = ode;
    bench->setup = set_up;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .rows = ode->n, .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = ode->n, .compute = gradient};
}
