/* recorded.c: the six functions over recorded scalars: a node for each operation. */
#include "bench.h"
#include "functions.h"
#include "operations.h"

#include <stdlib.h>

#define NUMBER      rg_value
#define NAME(f)     recorded_##f
#define TAPE        rg_tape *
#define LET(e)      ((void)tape, (e))
#define CONSTANT(c) rg_constant(tape, (c))

#include "functions.inc"

typedef struct recorded {
    rg_tape *tape;
    rg_value x[MOST_INPUTS];
} recorded;

static void *create(void)
{
    recorded *state = malloc(sizeof *state);
    if (state)
        state->tape = rg_tape_create();
    return state;
}

static void destroy(void *of)
{
    recorded *state = of;
    rg_tape_destroy(state->tape);
    free(state);
}

static double gradient(void *of, int function, const double *x, double *out, bench_cost *cost)
{
    recorded *state = of;
    rg_tape *tape = state->tape;
    const int inputs = bench_function_inputs(function);
    rg_tape_reset(tape);
    for (int i = 0; i < inputs; i++)
        state->x[i] = rg_input(tape, x[i]);
    double begin = bench_now();
    rg_value f = recorded_evaluate(tape, function, state->x);
    double middle = bench_now();
    if (rg_backward(f) != RG_OK)
        printf("%s\n", rg_tape_message(tape));
    double end = bench_now();
    for (int i = 0; i < inputs; i++)
        out[i] = rg_grad(state->x[i]);
    rg_mark mark = rg_tape_mark(tape);
    cost->record = middle - begin;
    cost->sweep = end - middle;
    cost->operations = (double)mark.count - 1 - inputs;
    cost->tape_bytes = 26 * (double)(mark.count - 1) + 8 * (double)mark.constants;
    return rg_item(f);
}

const bench_engine bench_recorded = {"recorded", create, destroy, gradient};
