/*
 * saddle.c: the saddle of f(a, b) = |a|^2 - |b|^2: the least, over a, of the greatest, over b, both
 * found by descent. The outer descent follows the derivative of all that the inner one does.
 */
#include <string.h>

#include "descent.h"
#include "json_problems.h"
#include "nested.h"

enum { SIDE = 2 };

typedef struct saddle {
    double start[SIDE];
    mode outer, inner;
    rg_tape *tape;
    double *rates; /* of the inner descent's steps */
    size_t count;
    double a[SIDE]; /* where the inner descent takes place */
} saddle;

static rg_value f(const rg_value *a, const rg_value *b)
{
    return rg_sub(rg_add(rg_square(a[0]), rg_square(a[1])),
                  rg_add(rg_square(b[0]), rg_square(b[1])));
}

static void record_inputs(rg_tape *tape, const double *numbers, rg_value *values)
{
    for (int i = 0; i < SIDE; i++)
        values[i] = rg_input(tape, numbers[i]);
}

/* ---- the inner descent: over b, of -f ---- */

/* Records -f at the present a and some b. */
static rg_value record_inner(const saddle *saddle, const double *at, rg_value *b)
{
    rg_value a[SIDE];
    rg_tape_reset(saddle->tape);
    record_inputs(saddle->tape, saddle->a, a);
    record_inputs(saddle->tape, at, b);
    return rg_neg(f(a, b));
}

static double inner_value(void *context, const double *at)
{
    rg_value b[SIDE];
    return rg_item(record_inner(context, at, b));
}

static void inner_slope(void *context, const double *at, double *g)
{
    const saddle *saddle = context;
    rg_value b[SIDE];
    read_gradient(saddle->inner, record_inner(saddle, at, b), SIDE, b, g);
}

/* The b where f(a, b) is greatest. */
static void greatest(saddle *saddle, const double *a, double *b)
{
    descent descent = {.n = SIDE,
                       .value = inner_value,
                       .gradient = inner_slope,
                       .context = saddle,
                       .rates = saddle->rates};
    memcpy(saddle->a, a, sizeof saddle->a);
    memcpy(b, saddle->start, sizeof saddle->start);
    descend(&descent, b);
    saddle->count = descent.count;
}

/* ---- the outer descent: over a, of the greatest f ---- */

/* The greatest f at a: what the inner descent did is done again on the tape, each step with the
 * rate it had. */
static rg_value record_outer(saddle *saddle, const double *at, rg_value *a)
{
    rg_tape *tape = saddle->tape;
    double end[SIDE];
    rg_value b[SIDE], slope[SIDE];
    greatest(saddle, at, end);
    rg_tape_reset(tape);
    record_inputs(tape, at, a);
    record_inputs(tape, saddle->start, b);
    for (size_t step = 0; step < saddle->count; step++) {
        record_gradient(saddle->inner, rg_neg(f(a, b)), SIDE, b, slope);
        for (int i = 0; i < SIDE; i++)
            b[i] = rg_sub(b[i], rg_mul(saddle->rates[step], slope[i]));
    }
    return f(a, b);
}

static double outer_value(void *context, const double *at)
{
    rg_value a[SIDE];
    return rg_item(record_outer(context, at, a));
}

static void outer_slope(void *context, const double *at, double *g)
{
    saddle *saddle = context;
    rg_value a[SIDE];
    read_gradient(saddle->outer, record_outer(saddle, at, a), SIDE, a, g);
}

static void search(void *problem, mode outer, mode inner, double *out)
{
    saddle *saddle = problem;
    descent descent = {.n = SIDE, .value = outer_value, .gradient = outer_slope, .context = saddle};
    saddle->outer = outer;
    saddle->inner = inner;
    memcpy(out, saddle->start, sizeof saddle->start);
    descend(&descent, out);
    greatest(saddle, out, out + SIDE);
}

NESTED_MODES(search)

void read_saddle(const json_t *input, bench *bench)
{
    saddle *saddle = new_array(1, sizeof *saddle);
    size_t count;
    const double *start = json_list_of(input, "start", &count);
    if (count != SIDE)
        stop(STOP_INPUT, "saddle: \"start\" has %zu numbers, not %d", count, SIDE);
    memcpy(saddle->start, start, sizeof saddle->start);
    saddle->rates = new_doubles(DESCENT_TRIALS);
    saddle->tape = new_tape();
    bench->problem = saddle;
    set_nested_answers(bench, 2 * SIDE, search_rr, search_rf, search_fr, search_ff);
}
