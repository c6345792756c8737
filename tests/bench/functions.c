/* functions.c: the six functions in plain C, their inputs and data. */
#include "functions.h"

#include <math.h>
#include <stdint.h>

struct bench_data bench_data;

#define NUMBER      double
#define NAME(f)     plain_##f
#define TAPE        const void *
#define LET(e)      ((void)tape, (e))
#define CONSTANT(c) (c)
#define VALUE(a)    (a)
#define ADD(a, b)   ((a) + (b))
#define SUB(a, b)   ((a) - (b))
#define MUL(a, b)   ((a) * (b))
#define DIV(a, b)   ((a) / (b))
#define NEG(a)      (-(a))
#define SQUARE(a)   square(a)
#define EXP(a)      exp(a)
#define LOG(a)      log(a)
#define SQRT(a)     sqrt(a)
#define ERFC(a)     erfc(a)
#define RELU(a)     relu(a)

static inline double square(double x)
{
    return x * x;
}

static inline double relu(double x)
{
    return x > 0 ? x : 0;
}

#include "functions.inc"

double bench_function_value(int function, const double *x)
{
    return plain_evaluate(NULL, function, x);
}

const char *bench_function_name(int function)
{
    static const char *const names[FUNCTIONS] = {"rosenbrock", "lax-wendroff",  "burgers",
                                                 "gmm",        "black-scholes", "mlp"};
    return names[function];
}

int bench_function_inputs(int function)
{
    static const int inputs[FUNCTIONS] = {
        ROSENBROCK_SIZE,         GRID_SIZE,        GRID_SIZE, MIXTURE_INPUTS,
        OPTIONS * OPTION_INPUTS, PERCEPTRON_INPUTS};
    return inputs[function];
}

/* ---- numbers, the same on every machine ---- */

/* Uniform in (low, high): Knuth's 64-bit linear congruence, its upper bits. */
static double uniform(uint64_t *state, double low, double high)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * ((double)(*state >> 11) + 0.5) / 9007199254740992.0;
}

/* Nearly normal: the sum of twelve. */
static double normal(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform(state, 0, 1);
    return sum;
}

/* The parts of the mixture's likelihood and prior that depend on no input. */
static double mixture_constant(void)
{
    const double pi = 3.14159265358979323846;
    const int d = MIXTURE_DIMENSION, n = d + 1;
    double log_gamma = 0.25 * d * (d - 1) * log(pi);
    for (int j = 1; j <= d; j++)
        log_gamma += lgamma(0.5 * (n + 1 - j));
    double prior = -0.5 * n * d * log(2) - log_gamma;
    return -0.5 * MIXTURE_POINTS * d * log(2 * pi) - MIXTURE_COMPONENTS * prior;
}

void bench_prepare(void)
{
    uint64_t state = 1;
    for (int i = 0; i < MIXTURE_POINTS; i++)
        for (int j = 0; j < MIXTURE_DIMENSION; j++)
            bench_data.mixture_points[i][j] = normal(&state);
    bench_data.mixture_constant = mixture_constant();
    for (int i = 0; i < SAMPLES; i++) {
        double *in = bench_data.sample[i];
        in[0] = uniform(&state, -2, 2);
        in[1] = uniform(&state, -2, 2);
        bench_data.label[i] = in[0] * in[1] > 0 ? 1 : -1;
    }
}

static void start_mixture(uint64_t *state, double *x)
{
    for (int i = 0; i < MIXTURE_INPUTS; i++)
        x[i] =
            i < MIXTURE_COMPONENTS * (1 + MIXTURE_DIMENSION) ? normal(state) : 0.3 * normal(state);
}

static void start_options(uint64_t *state, double *x)
{
    for (int i = 0; i < OPTIONS; i++, x += OPTION_INPUTS) {
        x[0] = uniform(state, 50, 150);
        x[1] = uniform(state, 50, 150);
        x[2] = uniform(state, 0.01, 0.08);
        x[3] = uniform(state, 0.1, 0.5);
        x[4] = uniform(state, 0.2, 2);
    }
}

void bench_function_start(int function, double *x)
{
    uint64_t state = 100 + (uint64_t)function;
    const int inputs = bench_function_inputs(function);
    if (function == MIXTURE)
        start_mixture(&state, x);
    else if (function == BLACK_SCHOLES)
        start_options(&state, x);
    else
        for (int i = 0; i < inputs; i++)
            x[i] = function == ROSENBROCK   ? uniform(&state, 0.5, 1.5)
                   : function == PERCEPTRON ? 0.3 * normal(&state)
                                            : 1 + 0.5 * sin(0.06283185307179586 * i);
}
