/* test_derivatives.c: gradients as recorded values, to any order, and forward mode. */
#include "../check.h"
#include "../failing.h"

#include <string.h>

SUITE(derivatives);

static const rg_value one = {NULL, 0};

/* The gradient of y, which has one element, to one value. */
static rg_value slope(rg_value y, rg_value x)
{
    rg_value g = {NULL, 0};
    rg_grad_values(y, one, 1, &x, &g);
    return g;
}

/* ---- known functions ---- */

static rg_value fifth_power(rg_value x)
{
    return rg_mul(rg_square(rg_square(x)), x);
}

static rg_value sine_of_square(rg_value x)
{
    return rg_sin(rg_square(x));
}

static rg_value inverse(rg_value x)
{
    return rg_div(1, x);
}

static rg_value power(rg_value x)
{
    return rg_pow(x, 2.5);
}

/* Checks f and its first four derivatives at x, as a scalar, as a rank-0 tensor and as a sum over a
 * tensor of equal elements. */
static void check_orders(rg_value (*f)(rg_value), double at, const double *want)
{
    enum { ORDERS = 4, SIZE = 3 };
    const double data[SIZE] = {at, at, at};
    const rg_shape shape[] = {RG_SCALAR, RG_SCALAR, RG_SHAPE(SIZE)};
    for (int form = 0; form < 3; form++) {
        rg_tape *tape = rg_tape_create();
        rg_value x = form ? rg_input_f64(tape, shape[form], data) : rg_input(tape, at);
        rg_value y = f(x);
        for (int order = 0; order <= ORDERS; order++) {
            double got[SIZE];
            CHECK_STATUS(rg_read(y, got), RG_OK);
            for (int64_t i = 0; i < rg_size(x); i++)
                CHECK_NEAR(got[i], want[order], 1e-13);
            y = slope(rg_sum(y), x);
        }
        rg_tape_destroy(tape);
    }
}

Test(derivatives, of_known_functions_to_the_fourth_order)
{
    const double s = sin(0.49), c = cos(0.49), r = sqrt(2.0);
    check_orders(fifth_power, 1.5, (double[]){7.59375, 25.3125, 67.5, 135, 180});
    check_orders(rg_exp, 0.5, (double[]){exp(0.5), exp(0.5), exp(0.5), exp(0.5), exp(0.5)});
    check_orders(rg_sin, 1, (double[]){sin(1), cos(1), -sin(1), -cos(1), sin(1)});
    check_orders(rg_log, 2, (double[]){log(2), 0.5, -0.25, 0.25, -0.375});
    check_orders(inverse, 0.5, (double[]){2, -4, 16, -96, 768});
    check_orders(power, 2, (double[]){4 * r, 5 * r, 3.75 * r, 0.9375 * r, -0.234375 * r});
    check_orders(sine_of_square, 0.7,
                 (double[]){s, 1.4 * c, 2 * c - 1.96 * s, -8.4 * s - 2.744 * c,
                            -12 * s - 23.52 * c + 3.8416 * s});
}

/* x0 x1^2 x2^3: one derivative of order 3 to each, in any order of differentiation. */
Test(derivatives, mixed_ones_do_not_depend_on_the_order)
{
    static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int i = 0; i < 6; i++) {
        rg_tape *tape = rg_tape_create();
        rg_value x[3] = {rg_input(tape, 2), rg_input(tape, 3), rg_input(tape, 5)};
        rg_value f = rg_mul(x[0], rg_mul(rg_square(x[1]), rg_pow(x[2], 3)));
        for (int k = 0; k < 3; k++)
            f = slope(f, x[order[i][k]]);
        CHECK_NEAR(rg_item(f), 2 * 3 * 3 * 25, 1e-13);
        rg_tape_destroy(tape);
    }
}

/* ---- what rg_grad_values is given ---- */

Test(derivatives, to_several_values_with_an_upstream)
{
    rg_tape *tape = rg_tape_create();
    rg_value a = rg_input_f64(tape, RG_SHAPE(2, 2), (double[]){1, 2, 3, 4});
    rg_value b = rg_input_f64(tape, RG_SHAPE(2), (double[]){10, 20}), s = rg_input(tape, 3);
    rg_value y = rg_mul(s, rg_mul(a, b)), xs[3] = {s, a, b}, g[3];
    rg_value u = rg_input_f64(tape, RG_SHAPE(2, 2), (double[]){1, -1, 2, 0});
    double got[4];
    CHECK_STATUS(rg_grad_values(y, u, 3, xs, g), RG_OK);
    CHECK_NEAR(rg_item(g[0]), 10 - 40 + 60, 0);
    CHECK_STATUS(rg_read(g[1], got), RG_OK);
    cr_assert(got[0] == 30 && got[1] == -60 && got[2] == 60 && got[3] == 0);
    CHECK_STATUS(rg_read(g[2], got), RG_OK);
    cr_assert(got[0] == 21 && got[1] == -6);
    /* The upstream is a value like others: its gradient is the derivative along 1. */
    CHECK_STATUS(rg_backward(g[0]), RG_OK);
    CHECK_STATUS(rg_read_grad(u, got), RG_OK);
    cr_assert(got[0] == 10 && got[1] == 40 && got[2] == 30 && got[3] == 80);
    rg_tape_destroy(tape);
}

Test(derivatives, are_zeros_of_the_shape_where_nothing_is_reached)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 2), y = rg_square(x), g[4];
    rg_value unused = rg_input_tensor(tape, RG_F32, RG_SHAPE(2, 3), NULL);
    rg_value later = rg_exp(y), constant = rg_constant(tape, 1);
    rg_value xs[4] = {unused, later, constant, x};
    CHECK_STATUS(rg_grad_values(y, one, 4, xs, g), RG_OK);
    rg_shape shape = rg_get_shape(g[0]);
    cr_assert(rg_shape_equal(&shape, &RG_SHAPE(2, 3)) && rg_get_type(g[0]) == RG_F32);
    double zeros[6];
    CHECK_STATUS(rg_read(g[0], zeros), RG_OK);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(zeros[i], 0);
    cr_assert(rg_item(g[1]) == 0 && rg_item(g[2]) == 0 && rg_item(g[3]) == 4);
    CHECK_STATUS(rg_backward(g[1]), RG_OK);
    CHECK_STATUS(rg_grad_values(y, one, 0, NULL, NULL), RG_OK);
    rg_tape_destroy(tape);
}

Test(derivatives, to_intermediate_values_and_to_the_root_itself)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3), m = rg_square(x), y = rg_mul(m, x);
    rg_value xs[4] = {y, m, x, m}, g[4];
    CHECK_STATUS(rg_grad_values(y, one, 4, xs, g), RG_OK);
    CHECK_NEAR(rg_item(g[0]), 1, 0);
    CHECK_NEAR(rg_item(g[1]), 3, 0);
    CHECK_NEAR(rg_item(g[2]), 27, 0); /* m moves with x */
    CHECK_NEAR(rg_item(g[3]), 3, 0);
    CHECK_NEAR(rg_item(slope(g[1], x)), 1, 0);
    rg_tape_destroy(tape);
}

Test(derivatives, stop_at_detached_values_and_in_no_grad)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3), y = rg_mul(x, rg_detach(rg_square(x)));
    CHECK_NEAR(rg_item(slope(y, x)), 9, 0);
    rg_no_grad_begin(tape);
    rg_value g = slope(rg_square(x), x), h = slope(y, x);
    rg_no_grad_end(tape);
    CHECK_NEAR(rg_item(g), 0, 0);
    CHECK_NEAR(rg_item(h), 9, 0);
    CHECK_NEAR(rg_item(slope(h, x)), 0, 0);
    rg_tape_destroy(tape);
}

/* ---- errors ---- */

static rg_status cube_forward(rg_call *call)
{
    const double *x = call->in[0]->data;
    for (int64_t i = 0; i < call->out->size; i++)
        ((double *)call->out->data)[i] = x[i] * x[i] * x[i];
    return RG_OK;
}

static void cube_backward(rg_call *call)
{
    const double *x = call->in[0]->data, *g = call->out->grad;
    for (int64_t i = 0; i < call->out->size; i++)
        ((double *)call->in[0]->grad)[i] += 3 * g[i] * x[i] * x[i];
}

static void cube_rule(const rg_rule *rule)
{
    rule->grads[0] = rg_mul(rule->upstream, rg_mul(3, rg_square(rule->in[0])));
}

static const rg_op cube_without_rule = {.name = "cube",
                                        .arity = 1,
                                        .types = RG_OP_F64,
                                        .forward = cube_forward,
                                        .backward = cube_backward};

Test(derivatives, need_the_rule_of_every_operation_between)
{
    rg_tape *tape = rg_tape_create();
    rg_op cube = cube_without_rule;
    rg_value x = rg_input(tape, 2), other = rg_input(tape, 1), g;
    rg_mark mark = rg_tape_mark(tape);
    rg_value y = rg_mul(rg_record(&cube, 1, &x, NULL), other);
    CHECK_NEAR(rg_item(slope(y, other)), 8, 0); /* the cube is not between */
    CHECK_STATUS(rg_grad_values(y, one, 1, &x, &g), RG_ERROR_GRADIENT);
    CHECK_FAILED(tape, RG_ERROR_GRADIENT, "cube at node 3 has no recorded rule");
    cr_assert(!rg_is_live(g));
    rg_tape_rewind(tape, mark);
    cube.rule = cube_rule;
    y = slope(rg_record(&cube, 1, &x, NULL), x);
    CHECK_NEAR(rg_item(y), 12, 0);
    CHECK_NEAR(rg_item(slope(slope(y, x), x)), 6, 0);
    rg_tape_destroy(tape);
}

Test(derivatives, refuse_what_does_not_fit)
{
    rg_tape *tape = rg_tape_create(), *elsewhere = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(3), NULL), y = rg_square(x), g, none = {NULL, 0};
    rg_value far = rg_input_f64(elsewhere, RG_SHAPE(3), NULL);
    rg_value wide = rg_input_f64(tape, RG_SHAPE(4), NULL);
    rg_value single = rg_input_tensor(tape, RG_F32, RG_SHAPE(3), NULL);
    rg_mark mark = rg_tape_mark(tape);
    rg_value stale = rg_exp(x);
    rg_tape_rewind(tape, mark);
    const struct {
        rg_value y, upstream, x;
        rg_status status;
    } wrong[] = {{y, none, x, RG_ERROR_SHAPE},   {y, wide, x, RG_ERROR_SHAPE},
                 {y, single, x, RG_ERROR_SHAPE}, {y, far, x, RG_ERROR_TAPE},
                 {y, y, far, RG_ERROR_TAPE},     {y, y, none, RG_ERROR_STALE},
                 {y, y, stale, RG_ERROR_STALE},  {stale, y, x, RG_ERROR_STALE},
                 {y, stale, x, RG_ERROR_STALE}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        g = y;
        rg_status status = rg_grad_values(wrong[i].y, wrong[i].upstream, 1, &wrong[i].x, &g);
        cr_assert(status == wrong[i].status, "call %zu gives %s: %s", i, rg_status_name(status),
                  rg_tape_message(tape));
        cr_assert(!rg_is_live(g));
        CHECK_STATUS(rg_tape_status(tape), status);
        rg_tape_rewind(tape, mark);
    }
    CHECK_STATUS(rg_grad_values(none, none, 1, &x, &g), RG_ERROR_STALE);
    cr_assert(!rg_is_live(rg_jvp(none, 1, &x, &x)));
    cr_assert(!rg_is_live(rg_jvp(y, 1, &x, &wide)));
    CHECK_STATUS(rg_tape_status(tape), RG_ERROR_SHAPE);
    rg_tape_destroy(tape);
    rg_tape_destroy(elsewhere);
}

/* ---- through what is no arithmetic ---- */

/* Functions of x [2, 3], made of x's elements in some order; `pick` gives the vector of them. */
static rg_value through_views(rg_value x)
{
    rg_value t = rg_transpose(rg_slice(x, 1, RG_SLICE_END, -4, -1), 0, 1);
    return rg_reshape(rg_squeeze(rg_unsqueeze(t, 1), 1), RG_SHAPE(6));
}

static rg_value through_expand(rg_value x)
{
    rg_value stretched = rg_expand(rg_unsqueeze(x, 0), RG_SHAPE(4, 2, 3));
    return rg_reshape(rg_mul(0.25, rg_sum_over(stretched, RG_AXES(0), 0)), RG_SHAPE(6));
}

static rg_value through_elements(rg_value x)
{
    rg_value element[6];
    for (int i = 0; i < 6; i++)
        element[i] = rg_at(x, RG_AXES(i % 2, -1 - i / 2));
    return rg_tensor_of(RG_SHAPE(6), element);
}

static rg_value through_join(rg_value x)
{
    rg_value row[2] = {rg_slice(x, 0, 1, 2, 1), rg_slice(x, 0, 0, 1, 1)};
    return rg_reshape(rg_dense(rg_concat(2, row, 1)), RG_SHAPE(6));
}

static rg_value through_cast(rg_value x)
{
    return rg_reshape(rg_cast(rg_cast(x, RG_F32), RG_F64), RG_SHAPE(6));
}

static rg_value through_index(rg_value x)
{
    rg_value index = rg_indices(x.tape, RG_SHAPE(6), (int64_t[]){5, 1, 3, 2, 0, 4});
    return rg_gather(rg_reshape(x, RG_SHAPE(6)), 0, index);
}

/* d^k/dx^k of the sum of e^(2 p), p a permutation of x, is 2^k e^(2 x) element by element. */
Test(derivatives, of_any_order_pass_views_elements_casts_and_copies)
{
    static rg_value (*const pick[])(rg_value) = {through_views, through_expand, through_elements,
                                                 through_join,  through_cast,   through_index};
    static const double data[6] = {0.5, -0.25, 1, 0.125, -1, 0.75};
    for (size_t p = 0; p < sizeof pick / sizeof *pick; p++) {
        rg_tape *tape = rg_tape_create();
        rg_value x = rg_input_f64(tape, RG_SHAPE(2, 3), data);
        rg_value y = rg_exp(rg_mul(2, pick[p](x)));
        for (int order = 1; order <= 4; order++) {
            double got[6];
            y = slope(rg_sum(y), x);
            cr_assert_eq(rg_tape_status(tape), RG_OK, "%s", rg_tape_message(tape));
            CHECK_STATUS(rg_read(y, got), RG_OK);
            for (int i = 0; i < 6; i++)
                CHECK_NEAR(got[i], pow(2, order) * exp(2 * data[i]), p == 4 ? 1e-6 : 1e-14);
            y = pick[p](y);
        }
        rg_tape_destroy(tape);
    }
}

/* ---- forward mode ---- */

Test(derivatives, jvp_is_the_derivative_along_a_direction)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(2), (double[]){2, 3}), s = rg_input(tape, 5);
    rg_value y = rg_mul(rg_square(x), s), xs[2] = {x, s};
    rg_value v[2] = {rg_constant_f64(tape, RG_SHAPE(2), (double[]){1, -1}), rg_constant(tape, 0.5)};
    double got[2];
    rg_value along = rg_jvp(y, 2, xs, v);
    CHECK_STATUS(rg_read(along, got), RG_OK);
    cr_assert(got[0] == 22 && got[1] == -25.5);
    /* ... and can itself be differentiated: 2 x v_x s + x^2 v_s. */
    CHECK_NEAR(rg_item(slope(rg_sum(along), s)), 4 - 6, 1e-15);
    cr_assert(rg_item(rg_sum(rg_jvp(y, 0, NULL, NULL))) == 0);
    rg_tape_destroy(tape);
}

enum { GRAPHS = 10000, INPUTS = 4, NODES = 14, POOL = INPUTS + NODES };

static double uniform(rg_random *random)
{
    return 2 * rg_random_uniform(random) - 1;
}

/* A random value like x's shape, or of [2, 3]. */
static rg_value random_leaf(rg_tape *tape, rg_random *random, rg_shape shape, int constant)
{
    double data[6];
    for (int i = 0; i < 6; i++)
        data[i] = uniform(random);
    if (shape.rank == 0)
        return constant ? rg_constant(tape, data[0]) : rg_input(tape, data[0]);
    return constant ? rg_constant_f64(tape, shape, data) : rg_input_f64(tape, shape, data);
}

/* One more node from earlier ones: every value is a scalar or has shape [2, 3], and stays small.
 * None has a derivative that is 0 only by cancellation, as that of a - a or of a softmax's sum:
 * there the rounding error is not small against the result. */
static rg_value random_node(rg_value a, rg_value b, uint64_t kind)
{
    int tensor = rg_get_shape(a).rank == 2;
    switch (kind) {
    case 0: return rg_sin(a);
    case 1: return rg_tanh(rg_add(a, b));
    case 2: return rg_mul(a, rg_cos(b));
    case 3: return rg_sigmoid(rg_sub(a, rg_mul(0.4, b)));
    case 4: return rg_div(a, rg_add(2, rg_square(b)));
    case 5: return rg_softplus(rg_mul(a, b), 1);
    case 6: return rg_max(a, b);
    case 7: return tensor ? rg_at(a, RG_AXES(1, -1)) : rg_expand(a, RG_SHAPE(2, 3));
    case 8: return tensor ? rg_mean(a) : rg_atan(a);
    case 9:
        return tensor ? rg_mul(a, rg_softmax(a, 1))
                      : rg_tensor_of(RG_SHAPE(2, 3), (rg_value[]){a, a, a, a, a, a});
    case 10:
        return tensor ? rg_tanh(rg_reshape(rg_transpose(a, 0, 1), RG_SHAPE(2, 3)))
                      : rg_exp(rg_sin(a));
    default:
        return tensor ? rg_tanh(rg_matmul(rg_matmul(a, rg_transpose(a, 0, 1)), a))
                      : rg_square(rg_tanh(a));
    }
}

static double dot(int64_t size, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < size; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Records a random graph and compares <J v, u> with <v, J' u>; returns whether J v is not 0. */
static int check_adjoint(rg_tape *tape, rg_random *random)
{
    rg_value pool[POOL], v[INPUTS];
    double jv[6], u[6], direction[6], grad[6], against = 0;
    for (int i = 0; i < INPUTS; i++) {
        rg_shape shape = i % 2 ? RG_SHAPE(2, 3) : RG_SCALAR;
        pool[i] = random_leaf(tape, random, shape, 0);
        v[i] = random_leaf(tape, random, shape, 1);
    }
    for (int i = INPUTS; i < POOL; i++)
        pool[i] =
            random_node(pool[rg_random_below(random, (uint64_t)i)],
                        pool[rg_random_below(random, (uint64_t)i)], rg_random_below(random, 12));
    rg_value y = rg_mul(pool[POOL - 1], pool[POOL - 2]);
    int64_t size = rg_size(y);
    for (int64_t i = 0; i < size; i++)
        u[i] = uniform(random);
    CHECK_STATUS(rg_read(rg_jvp(y, INPUTS, pool, v), jv), RG_OK);
    CHECK_STATUS(rg_backward_with(y, u), RG_OK);
    for (int i = 0; i < INPUTS; i++) {
        rg_read(v[i], direction);
        rg_read_grad(pool[i], grad);
        against += dot(rg_size(v[i]), direction, grad);
    }
    double scale = sqrt(dot(size, jv, jv) * dot(size, u, u));
    cr_assert(fabs(dot(size, jv, u) - against) <= 1e-13 * scale, "%.17g, %.17g, scale %g",
              dot(size, jv, u), against, scale);
    return scale > 0;
}

Test(derivatives, forward_and_reverse_mode_agree_on_random_graphs)
{
    rg_random random = rg_random_create(2024);
    rg_tape *tape = rg_tape_create();
    int moved = 0;
    for (int i = 0; i < GRAPHS; i++) {
        rg_tape_reset(tape);
        moved += check_adjoint(tape, &random);
    }
    cr_assert_gt(moved, GRAPHS / 2);
    rg_tape_destroy(tape);
}

/* ---- memory ---- */

/* Second derivatives through tensors, scalars, views and an operation of many inputs. */
static rg_status record_all(const rg_allocator *allocator)
{
    enum { MANY = 10 };
    rg_tape *tape = rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
    rg_value x = rg_input_f64(tape, RG_SHAPE(2, 3), (double[]){1, 2, 3, 4, 5, 6});
    rg_value s = rg_input(tape, 2), part[MANY], xs[2] = {x, s}, g[2];
    for (int i = 0; i < MANY; i++)
        part[i] = rg_mul(rg_at(x, RG_AXES(i % 2, i % 3)), s);
    rg_value y = rg_sum(rg_exp(rg_tensor_of(RG_SHAPE(MANY), part)));
    y = rg_add(y, rg_sum(rg_matmul(x, rg_transpose(x, 0, 1))));
    if (rg_grad_values(y, one, 2, xs, g) == RG_OK)
        rg_grad_values(g[1], one, 2, xs, g);
    rg_jvp(y, 2, xs, xs);
    rg_status status = rg_tape_status(tape);
    rg_tape_destroy(tape);
    return status;
}

Test(derivatives, report_every_allocation_that_fails)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_status status = record_all(&allocator);
        CHECK_FAILURE(memory, status);
    }
}

/* ---- cost ---- */

/* The gradient of a short piece at the end of a long recording needs no memory for the rest of it.
 */
Test(derivatives, of_a_short_piece_do_not_cost_the_whole_recording)
{
    enum { LONG = 200000 };
    failing memory = {0};
    const rg_allocator allocator = {failing_resize, &memory};
    rg_tape *tape = rg_tape_create_with(&(rg_tape_options){.allocator = &allocator});
    rg_value x = rg_input(tape, 0.5), y = x;
    for (int i = 0; i < LONG; i++)
        y = rg_sin(y);
    rg_value z = rg_square(y);
    slope(z, y); /* whatever the tape still grows by */
    memory.peak = memory.live;
    rg_value g = slope(z, y);
    CHECK_NEAR(rg_item(g), 2 * rg_item(y), 1e-15);
    cr_assert(memory.peak - memory.live < 1000, "%zu bytes", memory.peak - memory.live);
    memory.peak = memory.live;
    slope(z, x);
    cr_assert(memory.peak - memory.live >= LONG, "%zu bytes", memory.peak - memory.live);
    rg_tape_destroy(tape);
}
