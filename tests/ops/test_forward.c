/* test_forward.c: forward sweeps with many directions. */
#include "../check.h"
#include "../failing.h"
#include "samples.h"

#include "../../autograd/internal.h"
#include "../../ops/family.h"

SUITE(forward);

enum { MAX_XS = 40, MAX_YS = 40 };

/* The Jacobian by a reverse sweep for each y. */
static void reverse_jacobian(int n, const rg_value *xs, int m, const rg_value *ys, double *jacobian)
{
    for (int k = 0; k < m; k++) {
        CHECK_STATUS(rg_backward(ys[k]), RG_OK);
        for (int i = 0; i < n; i++)
            jacobian[k * n + i] = rg_grad(xs[i]);
    }
}

/* The forward sweep gives what the reverse sweeps give. */
static void check_jacobian(int n, const rg_value *xs, int m, const rg_value *ys, const char *what)
{
    static double want[MAX_XS * MAX_YS], got[MAX_XS * MAX_YS];
    reverse_jacobian(n, xs, m, ys, want);
    cr_assert_eq(rg_forward(n, xs, n, NULL, m, ys, got), RG_OK, "%s: %s", what,
                 rg_tape_message(xs[0].tape));
    for (int i = 0; i < n * m; i++)
        cr_assert(is_near(got[i], want[i], 1e-14), "%s: %d is %.17g, not %.17g", what, i, got[i],
                  want[i]);
}

/* ---- every operation ---- */

static int is_scalar_sample(const rg_op *op, const rg_sample *sample)
{
    for (int k = 0; k < input_count(op, sample); k++)
        if (sample->shape[k].rank > 0 || is_integer(op, k))
            return 0;
    return 1;
}

/* What a scalar sample gives, if it is a scalar: between two other operations. */
static void check_sample(const rg_op *op, int number)
{
    const rg_sample *sample = &op->samples[number];
    if (!is_differentiable(op) || !is_scalar_sample(op, sample))
        return;
    static inputs all;
    fill(&all, op, number, 0, 5);
    rg_tape *tape = rg_tape_create();
    rg_value x[MAX_INPUTS], in[MAX_INPUTS];
    for (int k = 0; k < all.count; k++) {
        x[k] = rg_input(tape, all.data[k][0]);
        in[k] = rg_mul(x[k], 1);
    }
    rg_value y = rg_record(op, all.count, in, sample->attributes);
    rg_shape shape = rg_get_shape(y);
    if (shape.rank == 0) {
        y = rg_mul(y, 3);
        check_jacobian(all.count, x, 1, &y, op->name);
    }
    rg_tape_destroy(tape);
}

Test(forward, knows_every_operation_on_scalars)
{
    for_each_sample(check_sample);
}

/* The rows as scalar nodes: with two recorded operands, and with a number for one of them. */
Test(forward, knows_every_row)
{
    rg_tape *tape = rg_tape_create();
    int rows = 0;
    for (int code = RGI_UNARY_FIRST; code < RGI_CODE_END; code++) {
        const rg_op *op = rgi_elementwise_op(code);
        const double *low = op->samples->low, *high = op->samples->high;
        const double *parameters = op->samples->attributes;
        const double at = 0.4 * low[0] + 0.6 * high[0], other = 0.7 * low[1] + 0.3 * high[1];
        rg_value x[2] = {rg_input(tape, at), rg_input(tape, other)}, y;
        int form = (code - RGI_BINARY_FIRST) % 3;
        if (code < RGI_BINARY_FIRST)
            y = rgi_unary_with(code, x[0], parameters, (int)(op->attribute_size / sizeof at));
        else if (form == 0)
            y = rgi_binary(code, x[0], x[1]);
        else
            y = form == 1 ? rgi_binary_vd(code, x[0], other) : rgi_binary_dv(code, at, x[1]);
        check_jacobian(2, x, 1, &y, op->name);
        rg_tape_reset(tape);
        rows++;
    }
    cr_assert_eq(rows, RGI_CODE_END - RGI_UNARY_FIRST);
    rg_tape_destroy(tape);
}

/* ---- programs ---- */

/* Values made of earlier ones by chance, all of moderate size. */
static void record_web(rg_tape *tape, int n, const rg_value *x, int m, rg_value *y)
{
    enum { NODES = 300 };
    rg_value value[MAX_XS + NODES];
    rg_random random = rg_random_create(3);
    for (int i = 0; i < n; i++)
        value[i] = x[i];
    for (int i = n; i < n + NODES; i++) {
        rg_value a = value[rg_random_below(&random, (uint64_t)i)],
                 b = value[rg_random_below(&random, (uint64_t)i)];
        switch (rg_random_below(&random, 8)) {
        case 0: value[i] = rg_sin(rg_add(a, b)); break;
        case 1: value[i] = rg_tanh(rg_mul(a, b)); break;
        case 2: value[i] = rg_sub(a, b); break;
        case 3: value[i] = rg_where(rg_less(a, b), rg_mul(a, 0.5), b); break;
        case 4: value[i] = rg_clamp(a, -0.4, 0.4); break;
        case 5: value[i] = rg_div(a, rg_add(1, rg_square(b))); break;
        case 6: value[i] = rg_hypot(a, rg_add(b, 0.1)); break;
        default: value[i] = rg_constant(tape, 0.3);
        }
    }
    for (int k = 0; k < m; k++)
        y[k] = value[n + NODES - 1 - k];
}

/* x is where the web is recorded; the values of the ys. */
static void web_values(int n, const double *x, int m, double *values)
{
    rg_tape *tape = rg_tape_create();
    rg_value in[MAX_XS], y[MAX_YS];
    for (int i = 0; i < n; i++)
        in[i] = rg_input(tape, x[i]);
    record_web(tape, n, in, m, y);
    for (int k = 0; k < m; k++)
        values[k] = rg_item(y[k]);
    rg_tape_destroy(tape);
}

static void start(int n, double *x)
{
    for (int i = 0; i < n; i++)
        x[i] = 0.8 * sin(2 * i + 1);
}

Test(forward, gives_the_rows_that_reverse_sweeps_give)
{
    for (int n = 1; n <= MAX_XS; n++) {
        double at[MAX_XS];
        rg_tape *tape = rg_tape_create();
        rg_value x[MAX_XS], y[MAX_YS];
        start(n, at);
        for (int i = 0; i < n; i++)
            x[i] = rg_input(tape, at[i]);
        record_web(tape, n, x, MAX_YS, y);
        for (tape->cpu = 0; tape->cpu <= rgi_cpu(); tape->cpu++)
            check_jacobian(n, x, MAX_YS, y, "web");
        rg_tape_destroy(tape);
    }
}

Test(forward, along_directions_agrees_with_jvp_and_differences)
{
    enum { N = 5, M = 7, D = 11 };
    const double h = 1e-5;
    double at[N], direction[N * D], got[M * D], up[M], down[M], moved[N];
    rg_tape *tape = rg_tape_create();
    rg_value x[N], y[M];
    start(N, at);
    for (int i = 0; i < N; i++)
        x[i] = rg_input(tape, at[i]);
    record_web(tape, N, x, M, y);
    for (int i = 0; i < N * D; i++)
        direction[i] = i % 7 ? cos(3 * i) : 0;
    CHECK_STATUS(rg_forward(N, x, D, direction, M, y, got), RG_OK);
    for (int j = 0; j < D; j++) {
        rg_value along[N];
        for (int i = 0; i < N; i++)
            along[i] = rg_constant(tape, direction[i * D + j]);
        for (int k = 0; k < M; k++)
            CHECK_NEAR(got[k * D + j], rg_item(rg_jvp(y[k], N, x, along)), 1e-13);
        for (int i = 0; i < N; i++)
            moved[i] = at[i] + h * direction[i * D + j];
        web_values(N, moved, M, up);
        for (int i = 0; i < N; i++)
            moved[i] = at[i] - h * direction[i * D + j];
        web_values(N, moved, M, down);
        for (int k = 0; k < M; k++)
            CHECK_NEAR(got[k * D + j], (up[k] - down[k]) / (2 * h), 1e-8);
    }
    rg_tape_destroy(tape);
}

/* sum of sin(i + 1) in[i], for any number of scalars. */
static rg_status weigh_shape(rg_call *call)
{
    return rg_call_broadcast(call);
}
static rg_status weigh_forward(rg_call *call)
{
    double sum = 0;
    for (int k = 0; k < call->count; k++)
        sum += sin(k + 1) * *(const double *)call->in[k]->data;
    *(double *)call->out->data = sum;
    return RG_OK;
}
static void weigh_backward(rg_call *call)
{
    for (int k = 0; k < call->count; k++)
        if (call->in[k]->grad)
            *(double *)call->in[k]->grad += sin(k + 1) * *(const double *)call->out->grad;
}
static const rg_op weigh = {.name = "weigh",
                            .types = RG_OP_F64,
                            .shape = weigh_shape,
                            .forward = weigh_forward,
                            .backward = weigh_backward};

/* More nodes than are looked at together, and records with more operands than that. */
Test(forward, of_long_recordings)
{
    enum { N = 3, LONG = 20000, MANY = 5000 };
    static rg_value part[MANY];
    rg_tape *tape = rg_tape_create();
    rg_value x[N] = {rg_input(tape, 0.3), rg_input(tape, -0.2), rg_input(tape, 0.5)}, y = x[0];
    rg_value z[2];
    for (int i = 0; i < LONG; i++) {
        y = rg_add(rg_mul(y, 0.9), rg_mul(0.1, rg_sin(x[i % N])));
        part[i % MANY] = i % 4 ? y : rg_constant(tape, 1);
        if (i % 9000 == 6000)
            y = rg_mul(0.01, rg_record(&weigh, MANY, part, NULL));
    }
    z[0] = rg_sin(y);
    z[1] = rg_record(&weigh, MANY, part, NULL);
    for (int i = 0; i < 3; i++)
        check_jacobian(N, x, 2, z, "long");
    rg_tape_destroy(tape);
}

/* ---- what may lie between ---- */

static rg_value inside(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)count, (void)context;
    return rg_mul(rg_sin(in[0]), rg_add(in[1], in[0]));
}

Test(forward, goes_through_records_of_scalars)
{
    rg_tape *tape = rg_tape_create();
    rg_value x[4] = {rg_input(tape, 0.3), rg_input(tape, 1.2),
                     rg_input_f64(tape, RG_SCALAR, (const double[]){2}), rg_input(tape, 0.7)};
    rg_value data = rg_input_f64(tape, RG_SHAPE(3), (const double[]){1, 2, 3});
    rg_value inner[2] = {rg_square(x[0]), x[1]};
    rg_value y[] = {
        rg_where(rg_less(x[0], x[1]), rg_square(x[0]), rg_exp(x[1])),
        rg_where(x[0], x[1], x[1]),
        rg_hardtanh(rg_mul(2, x[0]), -1, 1),
        rg_checkpoint(inside, 2, inner, NULL),
        rg_reshape(rg_mul(x[0], x[1]), RG_SCALAR),
        rg_at(rg_mul(x[0], x[2]), (rg_axes){0}),
        rg_mul(x[2], rg_at(data, RG_AXES(1))),
        rg_mul(x[3], rg_sum(data)),
        rg_mul(x[1], rg_detach(x[1])),
    };
    check_jacobian(4, x, sizeof y / sizeof *y, y, "records");
    rg_tape_destroy(tape);
}

Test(forward, takes_parameters_and_leaves_their_gradients)
{
    rg_tape *tape = rg_tape_create();
    rg_param *param = rg_param_create(NULL, RG_F64, RG_SCALAR);
    double start = 1.5, grad = 0, slope = 0;
    rg_param_write(param, &start);
    rg_value p = rg_use(tape, param), y = rg_mul(p, rg_square(p));
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_STATUS(rg_forward(1, &p, 1, NULL, 1, &y, &slope), RG_OK);
    CHECK_NEAR(slope, 3 * 1.5 * 1.5, 0);
    rg_param_read_grad(param, &grad);
    CHECK_NEAR(grad, 3 * 1.5 * 1.5, 0);
    rg_tape_destroy(tape);
    rg_param_destroy(param);
}

static rg_value with_parameter(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)count;
    return rg_mul(in[0], rg_use(tape, context));
}

Test(forward, adds_nothing_to_parameters_in_a_checkpoint)
{
    rg_tape *tape = rg_tape_create();
    rg_param *param = rg_param_create(NULL, RG_F64, RG_SCALAR);
    double grad = 1, slope = 7;
    rg_value x = rg_input(tape, 2), y = rg_checkpoint(with_parameter, 1, &x, param);
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &y, &slope), RG_ERROR_STATE);
    CHECK_FAILED(tape, RG_ERROR_STATE, "parameters must be inputs");
    rg_param_read_grad(param, &grad);
    cr_assert(grad == 0 && slope == 7);
    rg_tape_reset(tape);
    x = rg_input(tape, 2);
    CHECK_STATUS(rg_backward(rg_checkpoint(with_parameter, 1, &x, param)), RG_OK);
    rg_tape_destroy(tape);
    rg_param_destroy(param);
}

/* Statements of every form, between recorded operations and records. */
Test(forward, goes_through_fused_statements)
{
    enum { N = 10, STATEMENTS = 16 };
    rg_tape *tape = rg_tape_create();
    rg_value before = rg_input(tape, 0.1), x[N], y[STATEMENTS];
    rg_real r[N], s[STATEMENTS], fixed = rg_let(tape, 2.0), mixed[3];
    double weights[N];
    rg_let(tape, rg_mul(rg_let(tape, before), rg_let(tape, before)));
    for (int i = 0; i < N; i++) {
        x[i] = rg_input(tape, 0.3 + 0.1 * i);
        r[i] = rg_let(tape, x[i]);
        weights[i] = i == 4 ? 0 : 1.0 - i;
    }
    mixed[0] = r[3], mixed[1] = fixed, mixed[2] = r[1];
    s[0] = rg_let(tape, rg_mul(r[0], r[1]));
    s[1] = rg_let(tape, rg_sub(rg_neg(r[2]), r[3]));
    s[2] = rg_let(tape, rg_add(rg_sub(r[2], r[3]), r[0]));
    s[3] = rg_let(tape, rg_add(r[1], rg_mul(s[0], rg_sin(s[1]))));
    s[4] = rg_let(tape, rg_add(rg_mul(rg_mul(r[0], r[1]), rg_mul(r[2], r[3])),
                               rg_mul(rg_mul(r[4], r[5]), rg_mul(r[6], r[7]))));
    s[5] = rg_let_sum(tape, N, r);
    s[6] = rg_let_lincomb(tape, N, weights, r);
    s[7] = rg_let_dot(tape, 3, r, r + 5);
    s[8] = rg_let_dot(tape, 4, s, r);
    s[9] = rg_let_dot_add(tape, s[2], 3, r, r);
    s[10] = rg_let_dot(tape, 3, mixed, r + 2);
    s[11] = rg_let(tape, rg_neg(s[10]));
    s[12] = rg_let(tape, rg_exp(rg_mul(0.1, s[8])));
    s[13] = rg_let_partials(tape, 1, 2, r, (const double[]){0.5, 0});
    rg_value record = rg_where(x[0], rg_mul(rg_value_of(tape, s[3]), x[1]), 0);
    s[14] = rg_let(tape, rg_mul(rg_let(tape, record), s[4]));
    s[15] = fixed;
    for (int k = 0; k < STATEMENTS; k++)
        y[k] = rg_value_of(tape, s[k]);
    check_jacobian(N, x, STATEMENTS, y, "statements");
    rg_value ends[3] = {rg_mul(y[14], x[3]), rg_tanh(y[12]), y[2]};
    check_jacobian(N, x, 3, ends, "operations after statements");
    /* Only later ones, and statements as xs. */
    check_jacobian(3, x + 7, STATEMENTS, y, "statements");
    double got[2];
    rg_value from[2] = {y[0], y[1]};
    CHECK_STATUS(rg_forward(2, from, 2, NULL, 1, &y[3], got), RG_OK);
    CHECK_NEAR(got[0], sin(s[1].value), 1e-15);
    CHECK_NEAR(got[1], s[0].value * cos(s[1].value), 1e-15);
    /* Through a tensor they lose their tangents too. */
    rg_real lost = rg_let(tape, rg_mul(rg_let(tape, rg_sum(rg_stack(2, x, 0))), r[0]));
    rg_value end = rg_value_of(tape, lost);
    got[0] = got[1] = 7;
    CHECK_STATUS(rg_forward(2, x, 2, NULL, 1, &end, got), RG_ERROR_GRADIENT);
    CHECK_FAILED(tape, RG_ERROR_GRADIENT, "stack at node");
    rg_tape_destroy(tape);
}

/* ---- xs and ys of all kinds ---- */

Test(forward, holds_the_other_xs_fixed)
{
    rg_tape *tape = rg_tape_create();
    rg_value a = rg_input(tape, 3), b = rg_square(a), y = rg_mul(a, b), got_x[2] = {a, b};
    double j[2], along[2];
    CHECK_STATUS(rg_forward(2, got_x, 2, NULL, 1, &y, j), RG_OK);
    cr_assert(j[0] == 9 && j[1] == 3, "b does not move with a");
    CHECK_STATUS(rg_forward(1, &a, 1, NULL, 1, &y, j), RG_OK);
    cr_assert_eq(j[0], 27, "alone, it does");
    CHECK_STATUS(rg_forward(1, &b, 1, NULL, 1, &y, j), RG_OK);
    cr_assert_eq(j[0], 3);
    /* In any order, and through a record too. */
    rg_value c = rg_where(a, rg_mul(b, 2), 0), z = rg_add(rg_mul(c, b), a);
    rg_value xs[3] = {c, a, b};
    double jacobian[6];
    rg_value ys[2] = {z, c};
    CHECK_STATUS(rg_forward(3, xs, 3, NULL, 2, ys, jacobian), RG_OK);
    cr_assert(jacobian[0] == 9 && jacobian[1] == 1 && jacobian[2] == 18);
    cr_assert(jacobian[3] == 1 && jacobian[4] == 0 && jacobian[5] == 0);
    CHECK_STATUS(rg_forward(2, got_x, 1, (const double[]){1, 10}, 1, &y, along), RG_OK);
    cr_assert_eq(along[0], 9 + 30);
    rg_tape_destroy(tape);
}

Test(forward, counts_an_x_given_twice_twice)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 5), y = rg_square(x), xs[2] = {x, x};
    double got[2];
    CHECK_STATUS(rg_forward(2, xs, 2, NULL, 1, &y, got), RG_OK);
    cr_assert(got[0] == 10 && got[1] == 10);
    CHECK_STATUS(rg_forward(2, xs, 1, (const double[]){1, 2}, 1, &y, got), RG_OK);
    cr_assert_eq(got[0], 30);
    rg_tape_destroy(tape);
}

Test(forward, is_zero_where_nothing_depends)
{
    rg_tape *tape = rg_tape_create();
    rg_value before = rg_input(tape, 2), early = rg_exp(before), c = rg_constant(tape, 4);
    rg_value x = rg_input(tape, 3), y = rg_mul(x, c), none = rg_mul(c, 2);
    rg_no_grad_begin(tape);
    rg_value still = rg_square(x);
    rg_no_grad_end(tape);
    rg_value later = rg_input(tape, 1), xs[3] = {x, c, later};
    rg_value ys[6] = {y, early, c, none, rg_mul(still, x), x};
    const double want[18] = {4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 1, 0, 0};
    double got[18];
    CHECK_STATUS(rg_forward(3, xs, 3, NULL, 6, ys, got), RG_OK);
    for (int i = 0; i < 18; i++)
        cr_assert(got[i] == want[i], "%d is %g", i, got[i]);
    /* No xs at all, and values that were never operated on. */
    CHECK_STATUS(rg_forward(0, NULL, 2, want, 1, &y, got), RG_OK);
    cr_assert(got[0] == 0 && got[1] == 0);
    rg_tape *fresh = rg_tape_create();
    rg_value only = rg_input(fresh, 1);
    CHECK_STATUS(rg_forward(1, &only, 1, NULL, 1, &only, got), RG_OK);
    cr_assert_eq(got[0], 1);
    rg_tape_destroy(fresh);
    rg_tape_destroy(tape);
}

Test(forward, of_nothing_does_nothing)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    double got = 7;
    CHECK_STATUS(rg_forward(0, NULL, 0, NULL, 0, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 0, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_forward(1, &x, 0, &got, 1, &x, NULL), RG_OK);
    CHECK_STATUS(rg_forward(0, NULL, 0, NULL, 1, &x, &got), RG_OK);
    cr_assert_eq(got, 7);
    rg_tape_destroy(tape);
}

Test(forward, keeps_the_gradients_and_records_nothing)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3), y = rg_square(x), z = rg_mul(y, x);
    double got;
    CHECK_STATUS(rg_backward(y), RG_OK);
    size_t nodes = rg_tape_get_stats(tape).nodes;
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &z, &got), RG_OK);
    cr_assert(got == 27 && rg_grad(x) == 6 && rg_is_reached(y) && !rg_is_reached(z));
    cr_assert_eq(rg_tape_get_stats(tape).nodes, nodes);
    rg_tape_destroy(tape);
}

Test(forward, works_after_rewinds)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3);
    rg_mark mark = rg_tape_mark(tape);
    for (int i = 1; i < 50; i++) {
        rg_value y = x;
        for (int k = 0; k < 100 * i; k++)
            y = rg_mul(y, 1);
        y = rg_mul(y, i);
        double got;
        CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &y, &got), RG_OK);
        cr_assert_eq(got, i);
        rg_tape_rewind(tape, mark);
    }
    rg_tape_destroy(tape);
}

/* ---- zeros and infinities ---- */

Test(forward, lets_exact_zeros_contribute_exactly_zero)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 0), w = rg_input(tape, 2), xs[2] = {x, w};
    rg_value root = rg_sqrt(x); /* its slope is infinite */
    rg_value ys[] = {
        rg_where(rg_greater(x, 0), root, rg_mul(3, x)), /* the branch not taken */
        rg_mul(root, 0),                                /* a slope of 0 */
        rg_add(root, w),                                /* the tangent of x is 0 along w */
        root,
        rg_mul(rg_constant(tape, NAN), w),
        rg_log(rg_mul(rg_relu(rg_neg(w)), w)), /* nothing reaches the pole */
    };
    const double want[] = {3, 0, 0, 0, INFINITY, 1, INFINITY, 0, 0, NAN, 0, 0};
    double got[12];
    for (tape->cpu = 0; tape->cpu <= rgi_cpu(); tape->cpu++) {
        CHECK_STATUS(rg_forward(2, xs, 2, NULL, 6, ys, got), RG_OK);
        for (int i = 0; i < 12; i++)
            cr_assert(isnan(want[i]) ? isnan(got[i]) : got[i] == want[i], "%d is %g, not %g", i,
                      got[i], want[i]);
    }
    rg_tape_destroy(tape);
}

/* ---- errors ---- */

/* The call must fail with this and leave the results; the tape is rewound to what it had. */
#define CHECK_REFUSED(call, status, text)                                  \
    do {                                                                   \
        rg_mark mark_ = rg_tape_mark(tape);                                \
        CHECK_STATUS(call, status);                                        \
        CHECK_FAILED(tape, status, text);                                  \
        cr_assert(got[0] == 7 && got[1] == 7, "the results were touched"); \
        rg_tape_rewind(tape, mark_);                                       \
    } while (0)

Test(forward, refuses_wrong_arguments)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1), y = rg_exp(x);
    double got[2] = {7, 7}, one = 1;
    CHECK_REFUSED(rg_forward(-1, &x, 1, &one, 1, &y, got), RG_ERROR_ARGUMENT, "negative");
    CHECK_REFUSED(rg_forward(1, &x, -1, &one, 1, &y, got), RG_ERROR_ARGUMENT, "negative");
    CHECK_REFUSED(rg_forward(1, &x, 1, NULL, 1, &y, NULL), RG_ERROR_ARGUMENT, "results is NULL");
    CHECK_REFUSED(rg_forward(1, NULL, 1, NULL, 1, &y, got), RG_ERROR_ARGUMENT, "xs is NULL");
    CHECK_REFUSED(rg_forward(1, &x, 1, NULL, 1, NULL, got), RG_ERROR_ARGUMENT, "ys is NULL");
    CHECK_REFUSED(rg_forward(1, &x, 2, NULL, 1, &y, got), RG_ERROR_ARGUMENT,
                  "as many as xs, 1, not 2");
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, -1, &y, got), RG_ERROR_ARGUMENT);
    rg_tape_reset(tape);
    CHECK_STATUS(rg_forward(1, NULL, 1, NULL, 0, NULL, got), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_forward(1, NULL, 1, NULL, 1, NULL, got), RG_ERROR_ARGUMENT);
    rg_tape_destroy(tape);
}

Test(forward, refuses_values_that_are_no_scalars_of_the_tape)
{
    rg_tape *tape = rg_tape_create(), *other = rg_tape_create();
    rg_value x = rg_input(tape, 1), y = rg_exp(x), far = rg_input(other, 1);
    rg_value vector = rg_input_tensor(tape, RG_F64, RG_SHAPE(2), NULL);
    rg_value narrow = rg_cast(x, RG_F32), inert = {tape, 0}, never = {NULL, 0};
    rg_mark mark = rg_tape_mark(tape);
    rg_value dropped = rg_exp(x), dropped_tensor = rg_exp(vector);
    rg_tape_rewind(tape, mark);
    double got[2] = {7, 7};
    CHECK_REFUSED(rg_forward(1, &far, 1, NULL, 1, &y, got), RG_ERROR_TAPE,
                  "x 1 is on another tape");
    CHECK_REFUSED(rg_forward(1, &inert, 1, NULL, 1, &y, got), RG_ERROR_STALE, "x 1 is inert");
    CHECK_REFUSED(rg_forward(1, &never, 1, NULL, 1, &y, got), RG_ERROR_STALE, "never recorded");
    CHECK_REFUSED(rg_forward(1, &dropped, 1, NULL, 1, &y, got), RG_ERROR_STALE, "by a rewind");
    CHECK_REFUSED(rg_forward(1, &x, 1, NULL, 1, &dropped_tensor, got), RG_ERROR_STALE, "y 1");
    CHECK_REFUSED(rg_forward(1, &vector, 1, NULL, 1, &y, got), RG_ERROR_SHAPE, "x 1 has shape [2]");
    CHECK_REFUSED(rg_forward(1, &x, 1, NULL, 1, &vector, got), RG_ERROR_SHAPE, "y 1 has shape [2]");
    CHECK_REFUSED(rg_forward(1, &narrow, 1, NULL, 1, &y, got), RG_ERROR_TYPE, "x 1 is float32");
    rg_value both[2] = {y, far};
    CHECK_REFUSED(rg_forward(1, &x, 1, NULL, 2, both, got), RG_ERROR_TAPE, "y 2");
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &never, got), RG_ERROR_STALE);
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &y, got), RG_OK);
    cr_assert(got[0] == exp(1) && rg_tape_status(other) == RG_OK);
    /* After an error nothing is done. */
    rg_add(x, far);
    got[0] = 7;
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &y, got), RG_ERROR_TAPE);
    cr_assert_eq(got[0], 7);
    rg_tape_destroy(tape);
    rg_tape_destroy(other);
}

Test(forward, names_the_tensor_that_lies_between)
{
    rg_tape *tape = rg_tape_create();
    rg_value x[2] = {rg_input(tape, 1), rg_input(tape, 2)};
    rg_value row = rg_stack(2, x, 0), total = rg_sum(rg_square(row));
    rg_value y = rg_sin(rg_mul(total, x[0])), element = rg_at(row, RG_AXES(1));
    rg_value narrow = rg_cast(rg_cast(x[0], RG_F32), RG_F64);
    rg_value plain = rg_mul(x[0], x[1]), ys[2] = {plain, y};
    double got[2] = {7, 7};
    CHECK_REFUSED(rg_forward(2, x, 2, NULL, 1, &y, got), RG_ERROR_GRADIENT,
                  "forward: stack at node 3");
    CHECK_REFUSED(rg_forward(2, x, 2, NULL, 2, ys, got), RG_ERROR_GRADIENT, "stack at node 3");
    CHECK_REFUSED(rg_forward(2, x, 2, NULL, 1, &element, got), RG_ERROR_GRADIENT,
                  "stack at node 3");
    CHECK_REFUSED(rg_forward(2, x, 2, NULL, 1, &narrow, got), RG_ERROR_GRADIENT, "cast at node");
    /* Beside the way, or before the xs, it does not matter. */
    CHECK_STATUS(rg_forward(2, x, 2, NULL, 1, &plain, got), RG_OK);
    cr_assert(got[0] == 2 && got[1] == 1);
    CHECK_STATUS(rg_forward(1, &total, 1, NULL, 1, &y, got), RG_OK);
    CHECK_NEAR(got[0], cos(5), 1e-15);
    rg_tape_destroy(tape);
}

Test(forward, refuses_what_was_overwritten)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 2), w = rg_input(tape, 3), y = rg_mul(x, w), z = rg_add(x, w);
    double got[2] = {7, 7}, five = 5;
    CHECK_STATUS(rg_write(w, &five), RG_OK);
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &w, got), RG_OK);
    got[0] = 7;
    CHECK_REFUSED(rg_forward(1, &x, 1, NULL, 1, &y, got), RG_ERROR_STATE,
                  "forward: mul at node 3 needs the elements");
    rg_tape_reset(tape);
    x = rg_input(tape, 2), w = rg_input(tape, 3), z = rg_add(x, w);
    CHECK_STATUS(rg_write(w, &five), RG_OK);
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &z, got), RG_OK); /* a sum's slopes are 1 */
    cr_assert_eq(got[0], 1);
    rg_tape_destroy(tape);
}

Test(forward, refuses_memory_changed_through_a_pointer)
{
    rg_tape *tape = rg_tape_create();
    rg_tape_find_writes(tape, 1);
    rg_value w = rg_input_f64(tape, RG_SHAPE(2), (const double[]){2, 3});
    rg_value x = rg_input(tape, 2), y = rg_mul(x, rg_at(w, RG_AXES(0)));
    double got[2] = {7, 7};
    CHECK_STATUS(rg_forward(1, &x, 1, NULL, 1, &y, got), RG_OK);
    *(double *)(uintptr_t)rg_data(w, RG_F64) = 3;
    got[0] = 7;
    CHECK_REFUSED(rg_forward(1, &x, 1, NULL, 1, &y, got), RG_ERROR_STATE, "forward: the memory of");
    rg_tape_destroy(tape);
}

Test(forward, gives_back_memory_whatever_fails)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_tape *tape = rg_tape_create_with(&(rg_tape_options){.allocator = &allocator});
        rg_value x[2] = {rg_input(tape, 0.5), rg_input(tape, 2)}, y = x[0];
        double got[40] = {0}, along[40] = {1};
        for (int i = 0; i < 6000; i++)
            y = rg_mul(y, x[1]);
        y = rg_where(y, rg_clamp(y, 0, 1), x[0]);
        rg_status status = rg_forward(2, x, 2, NULL, 1, &y, got);
        if (status == RG_OK)
            status = rg_forward(2, x, 20, along, 1, &y, got); /* needs more room */
        int64_t calls = memory.calls;
        if (status == RG_OK)
            cr_assert(rg_forward(2, x, 2, NULL, 1, &y, got) == RG_OK);
        cr_assert(status != RG_OK || memory.calls <= calls + 2, "the memory is not kept");
        if (rg_tape_status(tape) != RG_OK)
            cr_assert_eq(rg_tape_status(tape), RG_ERROR_MEMORY, "%s", rg_tape_message(tape));
        rg_tape_destroy(tape);
        CHECK_FAILURE(memory, status);
    }
}
