/*
 * functions.h: the six functions of the scalar benchmarks, and what an engine is that
 * differentiates them. Valid C and C++, for engines in either.
 */
#ifndef RG_TESTS_BENCH_FUNCTIONS_H
#define RG_TESTS_BENCH_FUNCTIONS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ROSENBROCK, LAX_WENDROFF, BURGERS, MIXTURE, BLACK_SCHOLES, PERCEPTRON, FUNCTIONS };

/* Their sizes. */
enum {
    ROSENBROCK_SIZE = 100000,
    GRID_SIZE = 100,
    GRID_STEPS = 2000,
    MIXTURE_DIMENSION = 10,
    MIXTURE_COMPONENTS = 25,
    MIXTURE_POINTS = 1000,
    MIXTURE_TRIANGLE = MIXTURE_DIMENSION * (MIXTURE_DIMENSION + 1) / 2,
    MIXTURE_INPUTS = MIXTURE_COMPONENTS * (1 + MIXTURE_DIMENSION + MIXTURE_TRIANGLE),
    OPTIONS = 10000,
    OPTION_INPUTS = 5,
    HIDDEN = 16,
    SAMPLES = 100,
    PERCEPTRON_INPUTS = 2 * HIDDEN + HIDDEN + HIDDEN * HIDDEN + HIDDEN + HIDDEN + 1,
    MOST_INPUTS = ROSENBROCK_SIZE
};

/* The plain numbers they read. */
struct bench_data {
    double mixture_points[MIXTURE_POINTS][MIXTURE_DIMENSION], mixture_constant;
    double sample[SAMPLES][2], label[SAMPLES];
};
extern struct bench_data bench_data;

/* Fills bench_data. */
void bench_prepare(void);

const char *bench_function_name(int function);
int bench_function_inputs(int function);

/* Where to differentiate; x has room for MOST_INPUTS numbers. */
void bench_function_start(int function, double *x);

/* The value in plain C. */
double bench_function_value(int function, const double *x);

/* What one gradient cost. An engine that does not know leaves zeros. */
typedef struct bench_cost {
    double record, sweep;          /* seconds; the rest is setting inputs, reading the gradient */
    double operations, tape_bytes; /* recorded; used, with adjoints */
} bench_cost;

/* A way to differentiate. */
typedef struct bench_engine {
    const char *name;
    /* What it needs; NULL if it needs nothing. */
    void *(*create)(void);
    void (*destroy)(void *state);
    /* The value at x and, in gradient[], its gradient; memory of the last call is used again. */
    double (*gradient)(void *state, int function, const double *x, double *gradient,
                       bench_cost *cost);
} bench_engine;

extern const bench_engine bench_recorded;

/* Measures the engines in turn, prints a line for each function and engine, and compares their
 * gradients. Returns 0 if these agree. */
int bench_compare(int count, const bench_engine *const *engines);

#ifdef __cplusplus
}
#endif

#endif
