/*
 * engine_forward.c: rg_forward: along the direction alone, and the Jacobian among so many
 * directions that the widest sweep is taken.
 */
#include <math.h>
#include <stdlib.h>

#include "engine.h"

enum { WIDE = 16 };

/* A zero upstream contributes exactly 0. */
static double times(double upstream, double slope)
{
    return upstream == 0 ? 0 : upstream * slope;
}

/* The unit directions, over and over: `count` of them. */
static double *repeated_units(int n, int count)
{
    double *units = ref_alloc_doubles((int64_t)n * count);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < count; j++)
            units[i * count + j] = j % n == i;
    return units;
}

static void run_point(ref_expression *e, int64_t point, rg_tape *tape, rg_value *x, double *units)
{
    int n = e->input_count, wide = (WIDE / n + 1) * n;
    double *jacobian = ref_alloc_doubles(wide), slope = NAN;
    rg_tape_reset(tape);
    for (int k = 0; k < n; k++)
        x[k] = rg_input(tape, e->x[point * n + k]);
    rg_value y = ref_record(e, tape, x, &e->outcome);
    rg_forward(n, x, 1, e->direction + point * n, 1, &y, &slope);
    for (int way = 0; way < e->result_count; way++) {
        int count = way ? wide : n;
        e->result[way].value[point] = rg_item(y);
        e->result[way].slope[point] = slope;
        if (rg_forward(n, x, count, way ? units : NULL, 1, &y, jacobian) != RG_OK)
            ref_set(&e->outcome, REF_FAIL, "%s", rg_tape_message(tape));
        for (int j = count - n; j < count; j++)
            e->result[way].gradient[point * n + j % n] = times(e->upstream[point], jacobian[j]);
    }
    free(jacobian);
}

static void run(ref_expression *list, int count)
{
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < count; i++) {
        ref_expression *e = &list[i];
        int n = e->input_count;
        rg_value *x = ref_alloc((size_t)n * sizeof *x);
        double *units = repeated_units(n, (WIDE / n + 1) * n);
        ref_add_result(e, "Jacobian", false, true);
        ref_add_result(e, "Jacobian, wide", false, true);
        for (int64_t point = 0; point < e->count && e->outcome.verdict == REF_PASS; point++)
            run_point(e, point, tape, x, units);
        free(units);
        free(x);
    }
    rg_tape_destroy(tape);
}

const ref_engine ref_engine_forward = {.name = "forward", .run = run, .orders = 2};
