/* fused.c: the six functions over fused statements: a node for each rg_let; with and without dot
 * products as single statements. */
#include "bench.h"
#include "functions.h"
#include "operations.h"

#include <stdlib.h>

#define NUMBER      rg_real
#define TAPE        rg_tape *
#define LET(e)      rg_let(tape, (e))
#define CONSTANT(c) rg_let(tape, (double)(c))

#define NAME(f) fused_##f
#include "functions.inc"
#undef NAME
#undef DOT
#undef DOT_ADD
#undef LOOP_FOR_DOT

#define NAME(f)             fused_dot_##f
#define DOT(n, a, b)        rg_let_dot(tape, (size_t)(n), (a), (b))
#define DOT_ADD(c, n, a, b) rg_let_dot_add(tape, (c), (size_t)(n), (a), (b))
#include "functions.inc"

typedef struct fused {
    rg_tape *tape;
    rg_real x[MOST_INPUTS];
} fused;

static void *create(void)
{
    fused *state = malloc(sizeof *state);
    if (state) {
        state->tape = rg_tape_create();
        rg_tape_keep_adjoints(state->tape, 0);
    }
    return state;
}

static void destroy(void *of)
{
    fused *state = of;
    rg_tape_destroy(state->tape);
    free(state);
}

typedef rg_real evaluate(rg_tape *tape, int function, const rg_real *x);

static double differentiate(fused *state, evaluate *evaluate, int function, const double *x,
                            double *out, bench_cost *cost)
{
    rg_tape *tape = state->tape;
    const int inputs = bench_function_inputs(function);
    rg_tape_reset(tape);
    rg_let_inputs(tape, (size_t)inputs, x, state->x);
    double begin = bench_now();
    rg_real f = evaluate(tape, function, state->x);
    double middle = bench_now();
    if (rg_backward(rg_value_of(tape, f)) != RG_OK)
        printf("%s\n", rg_tape_message(tape));
    double end = bench_now();
    rg_read_real_grads(tape, (size_t)inputs, state->x, out);
    rg_tape_stats stats = rg_tape_get_stats(tape);
    cost->record = middle - begin;
    cost->sweep = end - middle;
    cost->operations = (double)stats.nodes - inputs;
    cost->tape_bytes =
        10 * (double)stats.nodes + 4 * (double)stats.terms + 8 * (double)stats.partials;
    return f.value;
}

static double gradient(void *of, int function, const double *x, double *out, bench_cost *cost)
{
    return differentiate(of, fused_evaluate, function, x, out, cost);
}

static double gradient_dot(void *of, int function, const double *x, double *out, bench_cost *cost)
{
    return differentiate(of, fused_dot_evaluate, function, x, out, cost);
}

const bench_engine bench_fused = {"fused", create, destroy, gradient};
const bench_engine bench_fused_dot = {"fused, dot", create, destroy, gradient_dot};
