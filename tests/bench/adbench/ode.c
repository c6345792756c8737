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
enum { REACH = 4, SLOPES = 1 + 2 * REACH, INPUTS = 1 + SLOPES };

/* So many numbers are computed at once, if that is a step or more. */
enum { CHUNK = 2048 };

typedef struct ode {
    size_t n, steps;
    const double *x;
    double *y, *at, *sum, *k; /* n numbers each */
    rg_tape *tape;
    /* for the derivative */
    compiled step;       /* the slopes of a step of one component */
    size_t row, chunk;   /* REACH + n; how many steps are computed at once */
    double *padded;      /* chunk times x after REACH zeros */
    double *states;      /* y before each step, each after its padding */
    double *slopes;      /* SLOPES x chunk x row */
    double *of_x, *of_y; /* slopes of the result, each after its padding */
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

/* Compiles the slopes of a step of one component. The program's inputs are h, x and y. */
static void set_up(void *problem)
{
    ode *ode = problem;
    rg_tape *tape = new_tape();
    rg_value in[INPUTS], slopes[SLOPES];
    const unsigned char uniform[INPUTS] = {1};
    for (int i = 0; i < INPUTS; i++)
        in[i] = rg_input(tape, 1);
    rg_value next = record_step(in[0], in + 1, in + 1 + REACH);
    rg_grad_values(next, (rg_value){0}, SLOPES, in + 1, slopes);
    stop_on_tape_error(tape);
    ode->step = compile(SLOPES, slopes, INPUTS, in, 0, uniform);
    size_t row = ode->row = ode->n + REACH;
    ode->chunk = row < CHUNK ? CHUNK / row : 1;
    ode->chunk = ode->chunk < ode->steps ? ode->chunk : ode->steps;
    ode->padded = new_doubles(size_times(ode->chunk, row));
    for (size_t step = 0; step < ode->chunk; step++)
        memcpy(ode->padded + step * row + REACH, ode->x, ode->n * sizeof *ode->x);
    ode->states = new_doubles(size_times(ode->steps, row));
    for (size_t step = 0; step < ode->steps; step++)
        ode->states[step * row + REACH - 1] = 1;
    ode->slopes = new_doubles(size_times(SLOPES, size_times(ode->chunk, row)));
    ode->of_x = new_doubles(row);
    ode->of_y = new_doubles(row);
}

/* The states before each step. */
static void go_forward(const ode *ode, double h)
{
    for (size_t step = 1; step < ode->steps; step++) {
        double *y = ode->states + step * ode->row + REACH;
        memcpy(y, y - ode->row, ode->n * sizeof *y);
        advance(ode, h, y);
    }
}

/* The slopes of all components in `count` steps at once: their states lie one after the other. What
 * is computed for the padding between them is not used. */
static void find_slopes(const ode *ode, double h, size_t first, size_t count)
{
    const double *in[INPUTS] = {&h}, *states = ode->states + first * ode->row;
    double *slopes[SLOPES];
    for (size_t i = 0; i < REACH; i++)
        in[1 + i] = ode->padded + REACH - i;
    for (size_t i = 0; i <= REACH; i++)
        in[1 + REACH + i] = states + REACH - i;
    for (size_t i = 0; i < SLOPES; i++)
        slopes[i] = ode->slopes + i * ode->chunk * ode->row;
    stop_on_error(rg_program_value_batch(ode->step.program, ode->step.workspace,
                                         count * ode->row - REACH, in, slopes));
}

/* to[i - k] += slope_k[i] from[i] for the k-th of the numbers that a component looks back to. */
static void add_products(size_t n, const double *restrict slope, const double *restrict from,
                         double *restrict to)
{
    for (size_t i = 0; i < n; i++)
        to[i] += slope[i] * from[i];
}

/* Goes back over one step: of_y, the slopes by the state after it, become those by the state before
 * it. */
static void go_back(const ode *ode, size_t step)
{
    const double *slopes = ode->slopes + step * ode->row;
    double *upstream = ode->at;
    memcpy(upstream, ode->of_y + REACH, ode->n * sizeof *upstream);
    memset(ode->of_y, 0, ode->row * sizeof *ode->of_y);
    for (size_t k = 0; k < SLOPES; k++, slopes += ode->chunk * ode->row) {
        double *to = k < REACH ? ode->of_x + REACH - k : ode->of_y + REACH - (k - REACH);
        add_products(ode->n, slopes, upstream, to);
    }
}

static void gradient(void *problem, double *out)
{
    const ode *ode = problem;
    const double h = time_span / (double)ode->steps;
    memset(ode->of_x, 0, ode->row * sizeof *ode->of_x);
    memset(ode->of_y, 0, ode->row * sizeof *ode->of_y);
    ode->of_y[ode->row - 1] = 1;
    go_forward(ode, h);
    for (size_t left = ode->steps; left > 0;) {
        size_t count = left < ode->chunk ? left : ode->chunk;
        left -= count;
        find_slopes(ode, h, left, count);
        for (size_t step = count; step-- > 0;)
            go_back(ode, step);
    }
    memcpy(out, ode->of_x + REACH, ode->n * sizeof *out);
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
