/* compiled.c: expressions compiled once, evaluated at all points: singly and in batches. */
#include "compiled.h"

#include <stdlib.h>
#include <string.h>

/* A zero upstream contributes exactly 0. */
static double times(double upstream, double slope)
{
    return upstream == 0 ? 0 : upstream * slope;
}

static void check(ref_expression *e, const char *way, rg_status status)
{
    if (status != RG_OK)
        ref_set(&e->outcome, REF_FAIL, "%s: %s", way, rg_status_text(status));
}

/* ---- compiling ---- */

rg_program *ref_compile(ref_expression *e, rg_tape *tape, int derivatives, bool uniform)
{
    int n = e->input_count;
    rg_value *x = ref_alloc((size_t)n * sizeof *x);
    unsigned char *flags = ref_alloc((size_t)n);
    rg_error error = {0};
    rg_program *program = NULL;
    rg_program_options options = {.derivatives = derivatives, .uniform = uniform ? flags : NULL};
    rg_tape_reset(tape);
    for (int k = 0; k < n; k++) {
        x[k] = rg_input(tape, e->count ? e->x[k] : 1);
        flags[k] = k % 2 == 0;
    }
    rg_value y = ref_record(e, tape, x, &e->outcome);
    if (e->outcome.verdict == REF_PASS) {
        program = rg_program_create(1, &y, n, x, &options, &error);
        if (!program)
            ref_set(&e->outcome, REF_FAIL, "%s", error.message);
    }
    free(flags);
    free(x);
    return program;
}

/* ---- one evaluation ---- */

static void scale(const ref_expression *e, double *numbers)
{
    int n = e->input_count;
    for (int64_t i = 0; i < e->count * n; i++)
        numbers[i] = times(e->upstream[i / n], numbers[i]);
}

void ref_run_gradients(ref_expression *e, const ref_functions *f, void *self)
{
    const ref_result *result = ref_add_result(e, "gradient", true, false);
    int n = e->input_count;
    for (int64_t i = 0; i < e->count && e->outcome.verdict == REF_PASS; i++) {
        const double *x = e->x + i * n, *v = e->direction + i * n;
        check(e, "gradient", f->gradient(self, x, &result->value[i], result->gradient + i * n));
        check(e, "hvp", f->hvp(self, x, v, result->product + i * n));
    }
    scale(e, result->gradient);
    scale(e, result->product);
}

void ref_run_products(ref_expression *e, const ref_functions *f, void *self)
{
    const ref_result *result = ref_add_result(e, "products", false, true);
    int n = e->input_count;
    for (int64_t i = 0; i < e->count && e->outcome.verdict == REF_PASS; i++) {
        const double *x = e->x + i * n, *v = e->direction + i * n;
        check(e, "value", f->value(self, x, &result->value[i]));
        check(e, "jvp", f->jvp(self, x, v, NULL, &result->slope[i]));
        check(e, "vjp", f->vjp(self, x, &e->upstream[i], NULL, result->gradient + i * n));
    }
}

/* ---- batches ---- */

/* `count` evaluations as arrays: n inputs or gradients each, which begin at place[0 .. n). */
typedef struct arrays {
    double *numbers, **place;
    int n;
    int64_t count;
} arrays;

static arrays make_arrays(int n, int64_t count)
{
    arrays a = {.n = n, .count = count};
    a.numbers = ref_alloc_doubles(n * count);
    a.place = ref_alloc((size_t)n * sizeof *a.place);
    for (int64_t i = 0; i < n * count; i++)
        a.numbers[i] = -1e300;
    for (int k = 0; k < n; k++)
        a.place[k] = a.numbers + k * count;
    return a;
}

static void free_arrays(arrays *a)
{
    free(a->numbers);
    free(a->place);
}

static const double *const *inputs_of(const arrays *a)
{
    return (const double *const *)(const void *)a->place;
}

/* From n numbers a point, over and over if there are fewer points. */
static arrays spread(int n, int64_t count, const double *points, int64_t point_count)
{
    arrays a = make_arrays(n, count);
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < n; k++)
            a.place[k][i] = points[i % point_count * n + k];
    return a;
}

/* And back: what belongs to one point must be the same wherever in the batch it is. */
static void gather(ref_expression *e, const char *way, const arrays *a, double *points)
{
    for (int64_t i = 0; i < a->count; i++)
        for (int k = 0; k < a->n; k++) {
            double *point = &points[i % e->count * a->n + k];
            if (i >= e->count && !ref_same(point, &a->place[k][i], 1))
                ref_set(&e->outcome, REF_FAIL,
                        "%s: a point has two results in a batch: %.17g, %.17g", way, *point,
                        a->place[k][i]);
            *point = a->place[k][i];
        }
}

/* Everything that goes in and comes out of a batch. */
typedef struct batch {
    arrays x, v, u, y, in, out; /* in: of n arrays, out: of one */
} batch;

static batch make_batch(const ref_expression *e, int64_t count)
{
    int n = e->input_count;
    return (batch){.x = spread(n, count, e->x, e->count),
                   .v = spread(n, count, e->direction, e->count),
                   .u = spread(1, count, e->upstream, e->count),
                   .y = make_arrays(1, count),
                   .in = make_arrays(n, count),
                   .out = make_arrays(1, count)};
}

static void free_batch(batch *b)
{
    free_arrays(&b->x);
    free_arrays(&b->v);
    free_arrays(&b->u);
    free_arrays(&b->y);
    free_arrays(&b->in);
    free_arrays(&b->out);
}

void ref_run_batch(ref_expression *e, const ref_functions *f, void *self)
{
    enum { LEAST = 150 }; /* more than there are lanes */
    if (e->count == 0)
        return;
    int64_t times_over = e->count < LEAST ? LEAST / e->count + 1 : 1, count = times_over * e->count;
    size_t size = (size_t)count;
    batch b = make_batch(e, count);
    const double *const *x = inputs_of(&b.x), *const *v = inputs_of(&b.v);
    const ref_result *result = ref_add_result(e, "batch, gradient", true, false);
    check(e, "gradient_batch", f->gradient_batch(self, size, x, b.y.place, b.in.place));
    gather(e, "gradient_batch", &b.y, result->value);
    gather(e, "gradient_batch", &b.in, result->gradient);
    check(e, "hvp_batch", f->hvp_batch(self, size, x, v, b.in.place));
    gather(e, "hvp_batch", &b.in, result->product);
    scale(e, result->gradient);
    scale(e, result->product);
    result = ref_add_result(e, "batch, products", false, true);
    check(e, "value_batch", f->value_batch(self, size, x, b.y.place));
    gather(e, "value_batch", &b.y, result->value);
    check(e, "jvp_batch", f->jvp_batch(self, size, x, v, NULL, b.out.place));
    gather(e, "jvp_batch", &b.out, result->slope);
    check(e, "vjp_batch", f->vjp_batch(self, size, x, inputs_of(&b.u), NULL, b.in.place));
    gather(e, "vjp_batch", &b.in, result->gradient);
    free_batch(&b);
}

/* With batches of one evaluation, the sum over the batch is that evaluation's. */
void ref_run_uniform(ref_expression *e, const ref_functions *f, void *self)
{
    const ref_result *result = ref_add_result(e, "uniform", true, true);
    int n = e->input_count;
    for (int64_t i = 0; i < e->count && e->outcome.verdict == REF_PASS; i++) {
        arrays x = spread(n, 1, e->x + i * n, 1), v = spread(n, 1, e->direction + i * n, 1);
        arrays in = make_arrays(n, 1);
        const double *u = &e->upstream[i];
        double *y = &result->value[i], *slope = &result->slope[i];
        check(e, "jvp_batch", f->jvp_batch(self, 1, inputs_of(&x), inputs_of(&v), NULL, &slope));
        check(e, "vjp_batch", f->vjp_batch(self, 1, inputs_of(&x), &u, &y, in.place));
        memcpy(result->gradient + i * n, in.numbers, (size_t)n * sizeof(double));
        check(e, "hvp_batch", f->hvp_batch(self, 1, inputs_of(&x), inputs_of(&v), in.place));
        for (int k = 0; k < n; k++)
            result->product[i * n + k] = times(*u, in.numbers[k]);
        free_arrays(&x);
        free_arrays(&v);
        free_arrays(&in);
    }
}
