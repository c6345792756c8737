#include "../check.h"

#include "twice.h"

SUITE(record);

/* An operation with attributes, saved state and scratch: y = a x + b, remembering x. */
typedef struct line {
    double a, b;
} line;

static size_t line_bytes(const rg_call *call)
{
    return (size_t)call->out->size * sizeof(double);
}

static rg_status line_forward(rg_call *call)
{
    const line *l = call->attributes;
    const double *x = call->in[0]->data;
    double *y = call->out->data, *saved = call->saved, *scratch = call->scratch;
    if ((uintptr_t)saved % 64 || (uintptr_t)scratch % 64 || (uintptr_t)l % 64)
        return rg_call_fail(call, RG_ERROR_STATE, "memory is not aligned");
    if (l->a == 0)
        return RG_ERROR_NUMERIC;
    for (int64_t i = 0; i < call->out->size; i++) {
        saved[i] = x[i];
        scratch[i] = l->a * x[i];
        y[i] = scratch[i] + l->b;
    }
    return RG_OK;
}

static void line_backward(rg_call *call)
{
    const line *l = call->attributes;
    const double *x = call->in[0]->data, *saved = call->saved;
    for (int64_t i = 0; i < call->out->size; i++)
        ((double *)call->in[0]->grad)[i] +=
            saved[i] == x[i] ? l->a * ((const double *)call->out->grad)[i] : NAN;
}

static const rg_op line_op = {.name = "line",
                              .arity = 1,
                              .types = RG_OP_F64,
                              .attribute_size = sizeof(line),
                              .saved = line_bytes,
                              .scratch = line_bytes,
                              .forward = line_forward,
                              .backward = line_backward};

Test(record, attributes_saved_state_and_scratch)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(3), (double[]){1, 2, 3});
    line l = {3, 1};
    rg_value y = rg_record(&line_op, 1, &x, &l);
    l.a = 100; /* the tape has its own copy */
    double got[3];
    CHECK_STATUS(rg_read(y, got), RG_OK);
    CHECK_NEAR(got[2], 10, 0);
    CHECK_STATUS(rg_backward_with(y, (double[]){1, 0, -1}), RG_OK);
    rg_read_grad(x, got);
    CHECK_NEAR(got[0], 3, 0);
    CHECK_NEAR(got[2], -3, 0);
    rg_value s = rg_input(tape, 4), t = rg_record(&line_op, 1, &s, &(line){2, 0});
    CHECK_NEAR(rg_item(t), 8, 0);
    CHECK_STATUS(rg_backward(t), RG_OK);
    CHECK_NEAR(rg_grad(s), 2, 0);
    rg_tape_destroy(tape);
}

Test(record, a_failing_forward_is_the_tapes_error)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    rg_record(&line_op, 1, &x, &(line){0, 1});
    CHECK_FAILED(tape, RG_ERROR_NUMERIC, "line at node 2: the computation has no finite result");
    rg_tape_destroy(tape);
}

Test(record, wrong_calls_are_errors)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1), two[2] = {x, x};
    rg_mark mark = rg_tape_mark(tape);
    rg_record(&twice_op, 2, two, NULL);
    CHECK_FAILED(tape, RG_ERROR_ARGUMENT, "twice at node 2: it was given 2 inputs");
    rg_tape_rewind(tape, mark);
    rg_record(&line_op, 1, &x, NULL);
    CHECK_FAILED(tape, RG_ERROR_ARGUMENT, "and no attributes");
    rg_tape_rewind(tape, mark);
    cr_assert(rg_record(&sum_of_op, 0, two, NULL).serial == 0);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    rg_value m = rg_input_f64(tape, RG_SHAPE(2), NULL);
    sum_of(m, x);
    CHECK_FAILED(tape, RG_ERROR_SHAPE, "sum_of at node 3: input 2 has another shape");
    rg_tape_destroy(tape);
}

static rg_status huge_shape(rg_call *call)
{
    call->out->shape = (rg_shape){3, {(int64_t)1 << 30, (int64_t)1 << 30, 8}};
    return RG_OK;
}

static rg_status view_both(rg_call *call)
{
    (void)call;
    return RG_OK;
}

Test(record, results_that_are_too_large)
{
    static const rg_op huge = {
        .name = "huge", .arity = 1, .shape = huge_shape, .forward = scaled_sum_forward};
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    rg_record(&huge, 1, &x, NULL);
    CHECK_FAILED(tape, RG_ERROR_LIMIT, "[1073741824, 1073741824, 8] has too many elements");
    rg_tape_destroy(tape);
}

static rg_status broadcast_shape(rg_call *call)
{
    return rg_call_broadcast(call);
}

static rg_status nothing_forward(rg_call *call)
{
    (void)call;
    return RG_OK;
}

Test(record, shapes_broadcast_by_numpys_rules)
{
    static const rg_op shapes = {
        .name = "shapes", .shape = broadcast_shape, .forward = nothing_forward};
    struct {
        rg_shape a, b, want;
        int fits;
    } cases[] = {
        {{2, {3, 4}}, {1, {4}}, {2, {3, 4}}, 1},
        {{0, {0}}, {2, {3, 4}}, {2, {3, 4}}, 1},
        {{3, {2, 1, 4}}, {2, {3, 1}}, {3, {2, 3, 4}}, 1},
        {{2, {1, 0}}, {2, {5, 1}}, {2, {5, 0}}, 1},
        {{2, {3, 4}}, {1, {3}}, {0, {0}}, 0},
        {{1, {0}}, {1, {2}}, {0, {0}}, 0},
    };
    rg_tape *tape = rg_tape_create();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rg_value in[2] = {rg_input_f64(tape, cases[i].a, NULL),
                          rg_input_f64(tape, cases[i].b, NULL)};
        rg_shape got = rg_get_shape(rg_record(&shapes, 2, in, NULL));
        if (cases[i].fits)
            cr_assert(rg_shape_equal(&got, &cases[i].want), "case %zu", i);
        else
            CHECK_FAILED(tape, RG_ERROR_SHAPE, "does not broadcast with");
        rg_tape_reset(tape);
    }
    rg_tape_destroy(tape);
}

Test(record, many_inputs)
{
    enum { COUNT = 3000 };
    static rg_value in[COUNT];
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < COUNT; i++)
        in[i] = rg_input(tape, i);
    rg_value y = rg_record(&sum_of_op, COUNT, in, NULL);
    CHECK_NEAR(rg_item(y), COUNT * (COUNT - 1) / 2, 0);
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_NEAR(rg_grad(in[COUNT - 1]), 1, 0);
    rg_tape_destroy(tape);
}

Test(record, a_view_has_its_own_gradient)
{
    static const rg_op view_op = {.name = "view", .arity = 1, .strided = 1, .view = view_both};
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(2), (double[]){1, 2});
    rg_value v = rg_record(&view_op, 1, &x, NULL), y = sum_of(twice(v), x);
    CHECK_STATUS(rg_backward_with(y, (double[]){1, 10}), RG_OK);
    double grad[2];
    rg_read_grad(x, grad);
    CHECK_NEAR(grad[1], 30, 0);
    rg_read_grad(v, grad); /* the view's own gradient: not what reaches x beside it */
    CHECK_NEAR(grad[1], 20, 0);
    rg_tape_destroy(tape);
}

/* The sum of two vectors, which tells the caller what its backward function was to assign. */
static void told_backward(rg_call *call)
{
    const double *g = call->out->grad;
    **(unsigned *const *)call->attributes = call->fresh;
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; call->in[k]->grad && i < call->out->size; i++) {
            double *to = (double *)call->in[k]->grad + i;
            *to = (call->fresh >> k & 1 ? 0 : *to) + g[i];
        }
}

static const rg_op told_op = {.name = "told",
                              .arity = 2,
                              .assigns = 3,
                              .attribute_size = sizeof(unsigned *),
                              .types = RG_OP_F64,
                              .forward = scaled_sum_forward,
                              .backward = told_backward};

static rg_value told(rg_value a, rg_value b, unsigned *fresh)
{
    return rg_record(&told_op, 2, (rg_value[]){a, b}, &fresh);
}

/* The gradient's first element, after a sweep from y. */
static double swept(rg_value y, rg_value x)
{
    double grad[2] = {NAN, NAN};
    CHECK_STATUS(rg_backward_with(y, (double[]){1, 2}), RG_OK);
    CHECK_STATUS(rg_read_grad(x, grad), RG_OK);
    CHECK_NEAR(grad[1], 2 * grad[0], 0);
    return grad[0];
}

Test(record, backward_assigns_what_nothing_was_added_to)
{
    rg_tape *tape = rg_tape_create();
    rg_param *param = rg_param_create(NULL, RG_F64, RG_SHAPE(2));
    unsigned low = 9, high = 9;
    for (int again = 0; again < 2; again++) {
        rg_tape_reset(tape);
        rg_value x = rg_input_f64(tape, RG_SHAPE(2), (double[]){1, 2});
        rg_value c = rg_constant_f64(tape, RG_SHAPE(2), (double[]){3, 4}), p = rg_use(tape, param);
        rg_value s = rg_input(tape, 1);
        rg_value both = told(x, p, &low), y = told(both, x, &high);
        cr_assert(swept(y, x) == 2 && high == 3 && low == 2);
        cr_assert(swept(y, x) == 2 && high == 3 && low == 2); /* a second sweep begins anew */
        cr_assert(swept(told(x, x, &high), x) == 2 && high == 1);
        cr_assert(swept(told(c, x, &high), x) == 1 && high == 2);
        CHECK_STATUS(rg_backward(told(s, s, &high)), RG_OK);
        cr_assert(rg_grad(s) == 2 && high == 0); /* scalars have adjoints that are zero */
        double grad[2];
        rg_param_read_grad(param, grad);
        CHECK_NEAR(grad[1], 4 * (again + 1), 0);
    }
    rg_param_destroy(param);
    rg_tape_destroy(tape);
}
