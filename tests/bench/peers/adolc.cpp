/* adolc.cpp: the six functions by ADOL-C, with buffers that keep its tape in memory. */
#include <adolc/adolc.h>

#include <cstdio>
#include <vector>

#include "operators.h"

#define NUMBER    adouble
#define NAME(f)   adolc_##f
#define VALUE(a)  ((a).value())
#define SQUARE(a) square(a)
#define ERFC(a)   (1.0 - erf(a))
#define RELU(a)   fmax((a), 0.0)

static inline adub square(const badouble &x)
{
    return x * x;
}

#include "../functions.inc"

/* Operations, their locations, their constants, and the values that the reverse sweep needs. */
enum {
    TAG = 1,
    OPERATIONS = 16 << 20,
    LOCATIONS = 64 << 20,
    CONSTANTS = 8 << 20,
    TAYLORS = 16 << 20
};

static std::vector<adouble> *inputs;

static void *create()
{
    inputs = new std::vector<adouble>(MOST_INPUTS);
    return inputs;
}

static void destroy(void *)
{
    delete inputs;
    inputs = NULL;
}

static double tape_bytes()
{
    size_t counts[STAT_SIZE];
    tapestats(TAG, counts);
    return (double)counts[NUM_OPERATIONS] + 4 * (double)counts[NUM_LOCATIONS] +
           8 * ((double)counts[NUM_VALUES] + (double)counts[TAY_STACK_SIZE] +
                (double)counts[NUM_MAX_LIVES]);
}

static double gradient(void *, int function, const double *x, double *out, bench_cost *cost)
{
    const int n = bench_function_inputs(function);
    double value, one = 1, *weight = &one;
    double begin = seconds();
    trace_on(TAG, 1, OPERATIONS, LOCATIONS, CONSTANTS, TAYLORS);
    for (int i = 0; i < n; i++)
        (*inputs)[(size_t)i] <<= x[i];
    {
        adouble f = adolc_evaluate(NULL, function, inputs->data());
        f >>= value;
    }
    trace_off();
    double middle = seconds();
    if (fos_reverse(TAG, 1, n, weight, out) < 0)
        std::printf("ADOL-C: the reverse sweep failed\n");
    cost->record = middle - begin;
    cost->sweep = seconds() - middle;
    cost->tape_bytes = tape_bytes();
    return value;
}

extern "C" const bench_engine bench_adolc;
const bench_engine bench_adolc = {"ADOL-C", create, destroy, gradient};
