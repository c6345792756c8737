/*
 * test_norm.c: normalisations: numbers and errors. test_rules.c compares the gradients of
 * every order.
 */
#include "elements.h"

SUITE(norm);

#define CASE(name) Test(norm, name, .init = begin, .fini = end)

static const rg_value none = {NULL, 0};

static rg_value input(rg_shape shape, const double *data)
{
    return rg_input_f64(tape, shape, data);
}

static const double pairs[] = {1, 3, 10, 14, -2, -2, 0, 8};

CASE(normalizes_the_last_axes)
{
    rg_value x = input(RG_SHAPE(4, 2), pairs);
    rg_value y = rg_layer_norm(x, 1, none, none, 0.25);
    double a = 1 / sqrt(1.25), b = 2 / sqrt(4.25), c = 4 / sqrt(16.25);
    CHECK_ELEMENTS(y, RG_SHAPE(4, 2), -a, a, -b, b, 0, 0, -c, c);
    rg_value w = input(RG_SHAPE(2), (double[]){2, 3}), bias = input(RG_SHAPE(2), (double[]){1, 5});
    y = rg_layer_norm(x, 1, w, bias, 0.25);
    CHECK_ELEMENTS(y, RG_SHAPE(4, 2), 1 - 2 * a, 5 + 3 * a, 1 - 2 * b, 5 + 3 * b, 1, 5, 1 - 2 * c,
                   5 + 3 * c);
    rg_backward(rg_sum(y));
    CHECK_GRADIENT(w, -a - b - c, a + b + c);
    CHECK_GRADIENT(bias, 4, 4);
    CHECK_ELEMENTS(rg_layer_norm(input(RG_SHAPE(1, 2, 1), pairs), 2, none, none, 0),
                   RG_SHAPE(1, 2, 1), -1, 1);
}

CASE(gives_constant_rows_no_gradient)
{
    rg_value x = input(RG_SHAPE(1, 3), (double[]){1, 1, 1});
    rg_value y = rg_layer_norm(x, 1, none, none, 1e-5);
    CHECK_ELEMENTS(y, RG_SHAPE(1, 3), 0, 0, 0);
    rg_backward(rg_sum(y));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(rg_grad(rg_at(x, RG_AXES(0, i))), 0);
}

CASE(normalizes_groups)
{
    rg_value x = input(RG_SHAPE(1, 4, 2), pairs), w = input(RG_SHAPE(4), (double[]){1, 1, 2, 3});
    double a = 1 / sqrt(27.5), b = 1 / sqrt(17);
    rg_value y = rg_group_norm(x, 2, w, none, 0);
    CHECK_ELEMENTS(y, RG_SHAPE(1, 4, 2), -6 * a, -4 * a, 3 * a, 7 * a, -6 * b, -6 * b, -3 * b,
                   21 * b);
}

CASE(normalizes_by_the_batch)
{
    rg_value x = input(RG_SHAPE(4, 2), pairs), mean = input(RG_SHAPE(2), (double[]){4, 5});
    rg_value variance = input(RG_SHAPE(2), (double[]){1, 2}), new_mean, new_variance;
    rg_value b = input(RG_SHAPE(2), (double[]){1, 2});
    rg_batch_norm_options options = {1, 0.25, 0.5, &new_mean, &new_variance};
    double r = 1 / sqrt(21.1875 + 0.5), s = 1 / sqrt(35.1875 + 0.5);
    rg_value y = rg_batch_norm(x, none, b, mean, variance, &options);
    CHECK_ELEMENTS(y, RG_SHAPE(4, 2), 1 - 1.25 * r, 2 - 2.75 * s, 1 + 7.75 * r, 2 + 8.25 * s,
                   1 - 4.25 * r, 2 - 7.75 * s, 1 - 2.25 * r, 2 + 2.25 * s);
    CHECK_ELEMENTS(new_mean, RG_SHAPE(2), 3.5625, 5.1875);
    CHECK_ELEMENTS(new_variance, RG_SHAPE(2), 0.75 + 21.1875 / 3, 1.5 + 35.1875 / 3);
    rg_backward(rg_sum(rg_add(y, rg_add(new_mean, new_variance))));
    CHECK_GRADIENT(mean, 0, 0);
    CHECK_GRADIENT(b, 4, 4);
}

CASE(normalizes_by_running_values)
{
    rg_value x = input(RG_SHAPE(1, 2, 2), pairs), mean = input(RG_SHAPE(2), (double[]){1, 4});
    rg_value variance = input(RG_SHAPE(2), (double[]){3, 8}), new_mean, new_variance;
    rg_batch_norm_options options = {0, 0.1, 1, &new_mean, &new_variance};
    rg_value y = rg_batch_norm(x, none, none, mean, variance, &options);
    CHECK_ELEMENTS(y, RG_SHAPE(1, 2, 2), 0, 1, 2, 10.0 / 3);
    CHECK_ELEMENTS(new_mean, RG_SHAPE(2), 1, 4);
    CHECK_ELEMENTS(new_variance, RG_SHAPE(2), 3, 8);
}

CASE(trains_without_running_values)
{
    rg_batch_norm_options options = {.training = 1, .eps = 0};
    rg_value y = rg_batch_norm(input(RG_SHAPE(2, 1), pairs), none, none, none, none, &options);
    CHECK_ELEMENTS(y, RG_SHAPE(2, 1), -1, 1);
}

CASE(takes_empty_tensors)
{
    rg_batch_norm_options options = {.training = 1};
    rg_value y = rg_layer_norm(input(RG_SHAPE(0, 3), NULL), 1, none, none, 0);
    cr_assert_eq(rg_get_shape(y).dim[1], 3);
    y = rg_group_norm(input(RG_SHAPE(0, 4, 2), NULL), 2, none, none, 0);
    cr_assert_eq(rg_get_shape(y).dim[1], 4);
    y = rg_batch_norm(input(RG_SHAPE(3, 0), NULL), none, none, none, none, &options);
    cr_assert_eq(rg_get_shape(y).dim[0], 3);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
}

CASE(refuses)
{
    rg_shape pair = RG_SHAPE(4, 2);
    CHECK_FAILS(tape, rg_layer_norm(input(pair, pairs), 3, none, none, 0), RG_ERROR_SHAPE,
                "layer_norm at node 2: the last 3 axes of rank 2");
    CHECK_FAILS(tape, rg_layer_norm(input(pair, pairs), 0, none, none, 0), RG_ERROR_SHAPE,
                "last 0");
    CHECK_FAILS(tape, rg_layer_norm(input(pair, pairs), 1, none, none, -1), RG_ERROR_ARGUMENT,
                "eps is -1");
    CHECK_FAILS(tape, rg_layer_norm(input(pair, pairs), 1, input(pair, pairs), none, 0),
                RG_ERROR_SHAPE, "w [4, 2] is not [2]");
    CHECK_FAILS(tape, rg_group_norm(input(pair, pairs), 3, none, none, 0), RG_ERROR_SHAPE,
                "2 channels in 3 equal groups");
    CHECK_FAILS(tape, rg_group_norm(input(pair, pairs), 0, none, none, 0), RG_ERROR_SHAPE,
                "in 0 equal groups");
    CHECK_FAILS(tape, rg_group_norm(input(RG_SHAPE(2), pairs), 1, none, none, 0), RG_ERROR_SHAPE,
                "x [2] is not [N, C, ..]");
    CHECK_FAILS(tape, rg_group_norm(input(pair, pairs), 1, none, input(RG_SHAPE(4), pairs), 0),
                RG_ERROR_SHAPE, "b [4] is not [2]");
}

CASE(refuses_batches)
{
    rg_shape pair = RG_SHAPE(4, 2);
    rg_value mean;
    rg_batch_norm_options training = {.training = 1, .new_mean = &mean}, still = {0};
    CHECK_FAILS(tape,
                rg_batch_norm(input(RG_SHAPE(1, 2), pairs), none, none, none, none, &training),
                RG_ERROR_SHAPE, "fewer than two elements");
    cr_assert(!rg_is_live(mean));
    CHECK_FAILS(tape, rg_batch_norm(input(pair, pairs), none, none, none, none, &training),
                RG_ERROR_TAPE, "mean is not on the tape of x");
    CHECK_FAILS(tape, rg_batch_norm(input(pair, pairs), none, none, none, none, NULL),
                RG_ERROR_ARGUMENT, "no attributes");
    CHECK_FAILS(tape, rg_batch_norm(input(pair, pairs), none, none, none, none, &still),
                RG_ERROR_STALE, "input 2 is no recorded value");
    CHECK_FAILS(tape,
                rg_batch_norm(input(pair, pairs), none, none, input(RG_SHAPE(2), pairs),
                              input(RG_SHAPE(3), pairs), &still),
                RG_ERROR_SHAPE, "variance [3] is not [2]");
}
