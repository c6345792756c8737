/* compare.c: measures engines in turn and compares their gradients. */
#include "bench.h"
#include "functions.h"

#include <math.h>
#include <stdlib.h>

/* Rounds go on for so long; in each, an engine runs a few times in a row, so that its own memory
 * and not another's is in the caches. */
static const double seconds_a_function = 2;
enum { ROUNDS = 5, REPEATS = 3, ENGINES = 16 };

typedef struct measured {
    double seconds; /* the least */
    bench_cost cost;
    double value;
    double *gradient;
} measured;

static double measure_value(int function, const double *x, double *least)
{
    double value = 0;
    for (int i = 0; i < REPEATS; i++) {
        double begin = bench_now();
        value = bench_function_value(function, x);
        *least = fmin(*least, bench_now() - begin);
    }
    return value;
}

static void measure_gradient(const bench_engine *engine, void *state, int function, const double *x,
                             measured *result)
{
    for (int i = 0; i < REPEATS; i++) {
        bench_cost cost = {0};
        double begin = bench_now();
        result->value = engine->gradient(state, function, x, result->gradient, &cost);
        double seconds = bench_now() - begin;
        if (seconds < result->seconds) {
            result->seconds = seconds;
            result->cost = cost;
        }
    }
}

/* The derivative along a direction by central differences of the plain function. */
static int agrees_with_differences(int function, const double *x, const double *gradient)
{
    const int inputs = bench_function_inputs(function);
    double *near = malloc((size_t)inputs * sizeof *near);
    double side[2], exact = 0, size = 0;
    const double h = 1e-6;
    if (!near)
        return 0;
    for (int sign = 0; sign < 2; sign++) {
        for (int i = 0; i < inputs; i++)
            near[i] = x[i] + (sign ? h : -h) * sin(1 + i);
        side[sign] = bench_function_value(function, near);
    }
    for (int i = 0; i < inputs; i++) {
        exact += gradient[i] * sin(1 + i);
        size += fabs(gradient[i]);
    }
    free(near);
    /* The differences carry the rounding of f over h. */
    double difference = (side[1] - side[0]) / (2 * h);
    return fabs(difference - exact) <= 1e-5 * size + 1e-14 * fabs(side[0]) / h;
}

/* Of two gradients in units of the largest element. */
static double distance(const double *a, const double *b, int n)
{
    double most = 0, largest = 0;
    for (int i = 0; i < n; i++) {
        double apart = fabs(a[i] - b[i]);
        most = apart <= most ? most : apart; /* keeps a NaN */
        largest = fmax(largest, fabs(a[i]));
    }
    return most / largest;
}

static int check(int function, const bench_engine *engine, const measured *result,
                 const measured *first, const double *x, double value)
{
    const int inputs = bench_function_inputs(function);
    double apart = distance(first->gradient, result->gradient, inputs);
    if (!(fabs(result->value - value) <= 1e-11 * fabs(value)))
        printf("%s: %s: WRONG VALUE: %.17g, not %.17g\n", bench_function_name(function),
               engine->name, result->value, value);
    else if (!agrees_with_differences(function, x, result->gradient))
        printf("%s: %s: WRONG GRADIENT: finite differences disagree\n",
               bench_function_name(function), engine->name);
    else if (!(apart <= 1e-10))
        printf("%s: %s: WRONG GRADIENT: %g from the first engine's\n",
               bench_function_name(function), engine->name, apart);
    else
        return 0;
    return 1;
}

static void print(int function, const char *name, const measured *result, double primal,
                  double operations)
{
    printf("%-14s %-22s %9.0f %10.0f %7.2f", bench_function_name(function), name, primal * 1e9,
           result->seconds * 1e9, result->seconds / primal);
    if (operations > 0)
        printf(" %6.2f %6.2f", result->cost.record / operations * 1e9,
               result->cost.sweep / operations * 1e9);
    if (operations > 0 && result->cost.tape_bytes > 0)
        printf(" %7.1f", result->cost.tape_bytes / operations);
    putchar('\n');
}

static int compare_on(int function, int count, const bench_engine *const *engines, void **states)
{
    static double x[MOST_INPUTS], gradient[ENGINES][MOST_INPUTS];
    measured results[ENGINES];
    bench_function_start(function, x);
    for (int i = 0; i < count; i++)
        results[i] = (measured){.seconds = INFINITY, .gradient = gradient[i]};
    double primal = INFINITY, value = 0, begin = bench_now();
    for (int round = 0; round < ROUNDS || bench_now() - begin < seconds_a_function; round++) {
        value = measure_value(function, x, &primal);
        for (int i = 0; i < count; i++)
            measure_gradient(engines[i], states[i], function, x, &results[i]);
    }
    int failed = 0;
    for (int i = 0; i < count; i++) {
        print(function, engines[i]->name, &results[i], primal, results[0].cost.operations);
        failed |= check(function, engines[i], &results[i], &results[0], x, value);
    }
    return failed;
}

int bench_compare(int count, const bench_engine *const *engines)
{
    void *states[ENGINES];
    int failed = count > ENGINES;
    bench_prepare();
    printf("%-14s %-22s %9s %10s %7s %6s %6s %7s\n", "function", "engine", "primal ns", "gradient",
           "ratio", "record", "sweep", "bytes");
    for (int function = 0; function < FUNCTIONS && !failed; function++) {
        for (int i = 0; i < count; i++)
            states[i] = engines[i]->create();
        failed |= compare_on(function, count, engines, states);
        for (int i = 0; i < count; i++)
            engines[i]->destroy(states[i]);
        fflush(stdout);
    }
    return failed;
}
