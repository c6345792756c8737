/*
 * batches.h: functions whose gradient is wanted for a batch of evaluations, in plain C and
 * recorded, for the benchmarks of programs and of emitted C.
 */
#ifndef RG_TESTS_BENCH_BATCHES_H
#define RG_TESTS_BENCH_BATCHES_H

#include <math.h>
#include <stdlib.h>

#include "bench.h"

enum {
    OPTIONS = 10000,
    DIM = 10,      /* of the Gaussian mixture */
    CLUSTERS = 25, /* .. */
    POINTS = 1000, /* .. */
    FACTORS = DIM * (DIM + 1) / 2,
    HIDDEN = 16,
    SAMPLES = 100,
    WEIGHTS = 2 * HIDDEN + HIDDEN + HIDDEN * HIDDEN + HIDDEN + HIDDEN + 1,
    ROUNDS = 400,
    MOST_INPUTS = CLUSTERS * (1 + DIM + FACTORS) + DIM
};

/* ---- the functions, on numbers and on recorded values ---- */

#define ROOT_HALF 0.70710678118654752440

/* Black-Scholes: the price of a call. x: spot, strike, rate, volatility, time. */
static double option(const double *x)
{
    double deviation = x[3] * sqrt(x[4]);
    double d1 = (log(x[0] / x[1]) + (x[2] + 0.5 * x[3] * x[3]) * x[4]) / deviation;
    double d2 = d1 - deviation;
    return x[0] * 0.5 * erfc(-ROOT_HALF * d1) -
           x[1] * exp(-x[2] * x[4]) * 0.5 * erfc(-ROOT_HALF * d2);
}

static rg_value record_option(const rg_value *x)
{
    rg_value deviation = rg_mul(x[3], rg_sqrt(x[4]));
    rg_value growth = rg_mul(rg_add(x[2], rg_mul(0.5, rg_square(x[3]))), x[4]);
    rg_value d1 = rg_div(rg_add(rg_log(rg_div(x[0], x[1])), growth), deviation);
    rg_value d2 = rg_sub(d1, deviation);
    rg_value n1 = rg_mul(0.5, rg_erfc(rg_mul(-ROOT_HALF, d1)));
    rg_value n2 = rg_mul(0.5, rg_erfc(rg_mul(-ROOT_HALF, d2)));
    rg_value discount = rg_exp(rg_neg(rg_mul(x[2], x[4])));
    return rg_sub(rg_mul(x[0], n1), rg_mul(rg_mul(x[1], discount), n2));
}

/* The logarithm of the density of a Gaussian mixture at `point`. x: a weight a cluster, then the
 * means, then a triangular factor each: the logarithms of its diagonal, its columns. */
static double mixture(const double *x, const double *diagonal, const double *sums,
                      const double *point)
{
    const double *mean = x + CLUSTERS, *factor = mean + CLUSTERS * DIM;
    double term[CLUSTERS], largest, sum = 0;
    for (int k = 0; k < CLUSTERS; k++) {
        double centred[DIM], product[DIM], square = 0;
        const double *lower = factor + k * FACTORS + DIM;
        for (int i = 0; i < DIM; i++) {
            centred[i] = point[i] - mean[k * DIM + i];
            product[i] = diagonal[k * DIM + i] * centred[i];
        }
        for (int i = 0; i < DIM; i++)
            for (int j = i + 1; j < DIM; j++)
                product[j] += *lower++ * centred[i];
        for (int i = 0; i < DIM; i++)
            square += product[i] * product[i];
        term[k] = x[k] + sums[k] - 0.5 * square;
    }
    largest = term[0];
    for (int k = 1; k < CLUSTERS; k++)
        largest = term[k] > largest ? term[k] : largest;
    for (int k = 0; k < CLUSTERS; k++)
        sum += exp(term[k] - largest);
    return log(sum) + largest;
}

static double mixture_of_points(const double *x, const double *points)
{
    const double *factor = x + CLUSTERS * (1 + DIM);
    double diagonal[CLUSTERS * DIM], sums[CLUSTERS], f = 0;
    for (int k = 0; k < CLUSTERS; k++) {
        sums[k] = 0;
        for (int i = 0; i < DIM; i++) {
            sums[k] += factor[k * FACTORS + i];
            diagonal[k * DIM + i] = exp(factor[k * FACTORS + i]);
        }
    }
    for (int i = 0; i < POINTS; i++)
        f += mixture(x, diagonal, sums, points + i * DIM);
    return f;
}

static rg_value record_mixture(const rg_value *x)
{
    const rg_value *mean = x + CLUSTERS, *factor = mean + CLUSTERS * DIM;
    const rg_value *point = factor + CLUSTERS * FACTORS;
    rg_value term[CLUSTERS], largest, sum;
    for (int k = 0; k < CLUSTERS; k++) {
        rg_value centred[DIM], product[DIM], square, diagonal = factor[k * FACTORS];
        const rg_value *lower = factor + k * FACTORS + DIM;
        for (int i = 1; i < DIM; i++)
            diagonal = rg_add(diagonal, factor[k * FACTORS + i]);
        for (int i = 0; i < DIM; i++) {
            centred[i] = rg_sub(point[i], mean[k * DIM + i]);
            product[i] = rg_mul(rg_exp(factor[k * FACTORS + i]), centred[i]);
        }
        for (int i = 0; i < DIM; i++)
            for (int j = i + 1; j < DIM; j++)
                product[j] = rg_add(product[j], rg_mul(*lower++, centred[i]));
        square = rg_square(product[0]);
        for (int i = 1; i < DIM; i++)
            square = rg_add(square, rg_square(product[i]));
        term[k] = rg_sub(rg_add(x[k], diagonal), rg_mul(0.5, square));
    }
    largest = term[0];
    for (int k = 1; k < CLUSTERS; k++)
        largest = rg_max(largest, term[k]);
    sum = rg_exp(rg_sub(term[0], largest));
    for (int k = 1; k < CLUSTERS; k++)
        sum = rg_add(sum, rg_exp(rg_sub(term[k], largest)));
    return rg_add(rg_log(sum), largest);
}

/* The hinge loss of a network 2-16-16-1 for one sample: two coordinates and the class, 1 or -1. */
static double network(const double *w, double x0, double x1, double class)
{
    const double *b1 = w + 2 * HIDDEN, *w2 = b1 + HIDDEN, *b2 = w2 + HIDDEN * HIDDEN;
    const double *w3 = b2 + HIDDEN, *b3 = w3 + HIDDEN;
    double first[HIDDEN], second[HIDDEN], out = *b3;
    for (int j = 0; j < HIDDEN; j++) {
        double a = b1[j] + w[2 * j] * x0 + w[2 * j + 1] * x1;
        first[j] = a > 0 ? a : 0;
    }
    for (int j = 0; j < HIDDEN; j++) {
        double a = b2[j];
        for (int i = 0; i < HIDDEN; i++)
            a += w2[j * HIDDEN + i] * first[i];
        second[j] = a > 0 ? a : 0;
    }
    for (int i = 0; i < HIDDEN; i++)
        out += w3[i] * second[i];
    double loss = 1 - out * class;
    return loss > 0 ? loss : 0;
}

static rg_value record_network(const rg_value *w)
{
    const rg_value *b1 = w + 2 * HIDDEN, *w2 = b1 + HIDDEN, *b2 = w2 + HIDDEN * HIDDEN;
    const rg_value *w3 = b2 + HIDDEN, *b3 = w3 + HIDDEN, *x = b3 + 1;
    rg_value first[HIDDEN], second[HIDDEN], out = *b3;
    for (int j = 0; j < HIDDEN; j++) {
        rg_value a = rg_add(b1[j], rg_mul(w[2 * j], x[0]));
        first[j] = rg_relu(rg_add(a, rg_mul(w[2 * j + 1], x[1])));
    }
    for (int j = 0; j < HIDDEN; j++) {
        rg_value a = b2[j];
        for (int i = 0; i < HIDDEN; i++)
            a = rg_add(a, rg_mul(w2[j * HIDDEN + i], first[i]));
        second[j] = rg_relu(a);
    }
    for (int i = 0; i < HIDDEN; i++)
        out = rg_add(out, rg_mul(w3[i], second[i]));
    return rg_relu(rg_sub(1, rg_mul(out, x[2])));
}

/* ---- the problems: x[0..uniform) are the same for all evaluations, the others vary ---- */

typedef struct problem {
    const char *name;
    int uniform, varying, count;
    rg_value (*record)(const rg_value *x);
    double (*primal)(const struct problem *p);
    void (*fill)(struct problem *p, rg_random *random);
    double *data; /* the uniform numbers, then `count` of each that varies */
} problem;

static double all_options(const problem *p)
{
    double sum = 0;
    for (int i = 0; i < p->count; i++) {
        double x[5];
        for (int k = 0; k < 5; k++)
            x[k] = p->data[k * p->count + i];
        sum += option(x);
    }
    return sum;
}

/* Plain C takes the points one after the other, as they come. */
static double points[POINTS * DIM];

static double all_points(const problem *p)
{
    return mixture_of_points(p->data, points);
}

static double all_samples(const problem *p)
{
    const double *x = p->data + WEIGHTS;
    double sum = 0;
    for (int i = 0; i < p->count; i++)
        sum += network(p->data, x[i], x[p->count + i], x[2 * p->count + i]);
    return sum;
}

static void fill_options(problem *p, rg_random *random)
{
    const double low[] = {80, 80, 0.01, 0.1, 0.5}, high[] = {120, 120, 0.05, 0.5, 2};
    for (int k = 0; k < 5; k++)
        for (int i = 0; i < p->count; i++)
            p->data[k * p->count + i] = low[k] + (high[k] - low[k]) * rg_random_uniform(random);
}

static void fill_points(problem *p, rg_random *random)
{
    for (int i = 0; i < p->uniform; i++)
        p->data[i] = rg_random_uniform(random) - 0.5;
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < DIM; k++)
            p->data[p->uniform + k * p->count + i] = points[i * DIM + k] =
                4 * rg_random_uniform(random) - 2;
}

static void fill_samples(problem *p, rg_random *random)
{
    for (int i = 0; i < p->uniform + 3 * p->count; i++)
        p->data[i] = rg_random_uniform(random) - 0.5;
    for (int i = 0; i < p->count; i++) {
        double *class = &p->data[p->uniform + 2 * p->count + i];
        *class = *class > 0 ? 1 : -1;
    }
}

enum { PROBLEMS = 3 };

static const problem problems[PROBLEMS] = {
    {"black-scholes", 0, 5, OPTIONS, record_option, all_options, fill_options, NULL},
    {"gmm d10 k25", CLUSTERS *(1 + DIM + FACTORS), DIM, POINTS, record_mixture, all_points,
     fill_points, NULL},
    {"mlp 2-16-16-1", WEIGHTS, 3, SAMPLES, record_network, all_samples, fill_samples, NULL},
};

/* With data, and room for as many derivatives and the values; false without memory. */
static int create_problem(problem *p, int number)
{
    rg_random random = rg_random_create(7);
    *p = problems[number];
    const size_t numbers = (size_t)(p->uniform + p->varying * p->count);
    p->data = malloc((2 * numbers + (size_t)p->count) * sizeof *p->data);
    if (p->data)
        p->fill(p, &random);
    return p->data != NULL;
}

/* ---- programs of them ---- */

typedef struct lists {
    const double *x[MOST_INPUTS];
    double *y[1], *g[MOST_INPUTS];
} lists;

static rg_program *compile(const problem *p, double *seconds)
{
    rg_tape *tape = rg_tape_create();
    static rg_value x[MOST_INPUTS];
    static unsigned char uniform[MOST_INPUTS];
    const int n = p->uniform + p->varying;
    for (int i = 0; i < n; i++) {
        uniform[i] = i < p->uniform;
        x[i] = rg_input(tape, i < p->uniform ? p->data[i]
                                             : p->data[p->uniform + (i - p->uniform) * p->count]);
    }
    rg_value y = p->record(x);
    const rg_program_options options = {.derivatives = RG_PROGRAM_GRADIENT, .uniform = uniform};
    rg_error error = {0};
    double start = bench_now();
    rg_program *program = rg_program_create(1, &y, n, x, &options, &error);
    *seconds = bench_now() - start;
    if (!program)
        printf("%s\n", error.message);
    rg_tape_destroy(tape);
    return program;
}

/* The lists of a batch over the problem's data; gradients go behind it. */
static inline void point(const problem *p, lists *to)
{
    double *g = p->data + p->uniform + p->varying * p->count;
    for (int i = 0; i < p->uniform + p->varying; i++) {
        int place = i < p->uniform ? i : p->uniform + (i - p->uniform) * p->count;
        to->x[i] = p->data + place;
        to->g[i] = g + place;
    }
    to->y[0] = g + p->uniform + p->varying * p->count;
}

#endif
