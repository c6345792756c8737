/*
 * test_conv.c: convolution and pooling: numbers and errors. test_rules.c compares the gradients of
 * every order.
 */
#include "elements.h"

#include <limits.h>

SUITE(conv);

#define CASE(name) Test(conv, name, .init = begin, .fini = end)

static const rg_value none = {NULL, 0};

/* 1, 2, 3, .. */
static rg_value counting(rg_shape shape)
{
    double numbers[MAX_CHECKED];
    for (int i = 0; i < MAX_CHECKED; i++)
        numbers[i] = i + 1;
    rg_value x = rg_input_tensor(tape, RG_F64, shape, NULL);
    CHECK_STATUS(rg_write(x, numbers), RG_OK);
    return x;
}

/* ---- convolution ---- */

CASE(multiplies_windows_with_the_kernel)
{
    rg_value x = counting(RG_SHAPE(1, 1, 3, 3));
    rg_value w = rg_input_f64(tape, RG_SHAPE(1, 1, 2, 2), (double[]){1, 0, 0, -2});
    rg_value b = rg_input_f64(tape, RG_SHAPE(1), (double[]){0.5});
    rg_value y = rg_conv2d(x, w, b, NULL);
    CHECK_ELEMENTS(y, RG_SHAPE(1, 1, 2, 2), -8.5, -9.5, -11.5, -12.5);
    rg_backward_with(y, (double[]){1, 10, 100, 1000});
    CHECK_GRADIENT(x, 1, 10, 0, 100, 998, -20, 0, -200, -2000);
    CHECK_GRADIENT(w, 5421, 6532, 8754, 9865);
    CHECK_GRADIENT(b, 1111);
}

CASE(steps_pads_and_spreads)
{
    rg_conv_options options = {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}};
    rg_value x = counting(RG_SHAPE(1, 1, 3, 3));
    rg_value w = rg_input_f64(tape, RG_SHAPE(1, 1, 2, 2), (double[]){1, 10, 100, 1000});
    CHECK_ELEMENTS(rg_conv2d(x, w, none, &options), RG_SHAPE(1, 1, 2, 1), 3100, 9764);
}

CASE(keeps_groups_apart)
{
    rg_conv_options options = {.groups = 2};
    rg_value x = counting(RG_SHAPE(1, 2, 1, 2));
    rg_value w = rg_input_f64(tape, RG_SHAPE(4, 1, 1, 1), (double[]){1, 2, 3, 4});
    CHECK_ELEMENTS(rg_conv2d(x, w, none, &options), RG_SHAPE(1, 4, 1, 2), 1, 2, 2, 4, 9, 12, 12,
                   16);
}

CASE(runs_along_one_axis)
{
    rg_conv_options options = {.stride = {2}, .padding = {1}, .dilation = {2}};
    rg_value x = counting(RG_SHAPE(1, 1, 5));
    rg_value w = rg_input_f64(tape, RG_SHAPE(1, 1, 2), (double[]){1, -10});
    CHECK_ELEMENTS(rg_conv1d(x, w, none, NULL), RG_SHAPE(1, 1, 4), -19, -28, -37, -46);
    CHECK_ELEMENTS(rg_conv1d(x, w, none, &options), RG_SHAPE(1, 1, 3), -20, -38, 4);
}

CASE(is_the_bias_without_any_channel)
{
    rg_value x = counting(RG_SHAPE(1, 0, 2, 2)), w = counting(RG_SHAPE(2, 0, 1, 2));
    CHECK_ELEMENTS(rg_conv2d(x, w, counting(RG_SHAPE(2)), NULL), RG_SHAPE(1, 2, 2, 1), 1, 1, 2, 2);
    rg_value y =
        rg_conv2d(counting(RG_SHAPE(0, 1, 2, 2)), counting(RG_SHAPE(2, 1, 1, 2)), none, NULL);
    cr_assert_eq(rg_size(y), 0);
    CHECK_STATUS(rg_backward(rg_sum(y)), RG_OK);
}

static rg_value convolved(rg_shape x, rg_shape w, rg_shape b, const rg_conv_options *options)
{
    return rg_conv2d(counting(x), counting(w), counting(b), options);
}

CASE(refuses_shapes)
{
    rg_shape x = RG_SHAPE(1, 4, 3, 3), w = RG_SHAPE(2, 4, 2, 2), b = RG_SHAPE(2);
    rg_conv_options three = {.groups = 3}, two = {.groups = 2};
    CHECK_FAILS(tape, convolved(RG_SHAPE(4, 3, 3), w, b, NULL), RG_ERROR_SHAPE,
                "x [4, 3, 3], w [2, 4, 2, 2] and b [2] with 1 groups are not [N, C, H, W], "
                "[O, C / groups, kh, kw] and [O]");
    CHECK_FAILS(tape, convolved(x, RG_SHAPE(2, 4, 2), b, NULL), RG_ERROR_SHAPE, "w [2, 4, 2]");
    CHECK_FAILS(tape, convolved(x, w, RG_SHAPE(3), NULL), RG_ERROR_SHAPE, "b [3]");
    CHECK_FAILS(tape, convolved(x, w, b, &three), RG_ERROR_SHAPE, "3 groups");
    CHECK_FAILS(tape, convolved(x, w, b, &two), RG_ERROR_SHAPE, "2 groups");
    CHECK_FAILS(tape, convolved(x, RG_SHAPE(2, 4, 4, 2), b, NULL), RG_ERROR_SHAPE,
                "a kernel of 4 with dilation 1 does not fit an axis of size 3 with padding 0");
    CHECK_FAILS(tape, convolved(x, RG_SHAPE(2, 4, 0, 2), b, NULL), RG_ERROR_ARGUMENT,
                "a kernel of 0");
    CHECK_FAILS(tape, rg_conv1d(counting(x), counting(w), none, NULL), RG_ERROR_SHAPE,
                "conv1d at node 3: x [1, 4, 3, 3], w [2, 4, 2, 2] and b none");
    rg_value one = counting(RG_SHAPE(1));
    CHECK_FAILS(tape, rg_record(rg_op_find("conv2d"), 1, &one, &two), RG_ERROR_ARGUMENT,
                "1 inputs");
}

CASE(refuses_options)
{
    rg_shape x = RG_SHAPE(1, 1, 3, 3), w = RG_SHAPE(1, 1, 2, 2), b = RG_SHAPE(1);
    rg_conv_options groups = {.groups = -1}, stride = {.stride = {1, -1}};
    rg_conv_options padding = {.padding = {-1, 0}}, dilation = {.dilation = {-2, 1}};
    rg_conv_options wide = {.dilation = {INT_MAX, 1}};
    rg_conv_options huge = {.padding = {INT_MAX, INT_MAX}};
    CHECK_FAILS(tape, convolved(x, w, b, &groups), RG_ERROR_ARGUMENT, "there are -1 groups");
    CHECK_FAILS(tape, convolved(x, w, b, &stride), RG_ERROR_ARGUMENT, "stride -1");
    CHECK_FAILS(tape, convolved(x, w, b, &padding), RG_ERROR_ARGUMENT, "padding -1");
    CHECK_FAILS(tape, convolved(x, w, b, &dilation), RG_ERROR_ARGUMENT, "dilation -2");
    CHECK_FAILS(tape, convolved(x, w, b, &wide), RG_ERROR_SHAPE, "does not fit");
    CHECK_FAILS(tape, convolved(x, w, b, &huge), RG_ERROR_LIMIT, "too many elements");
    rg_value endless = rg_constant_view(tape, RG_F64, RG_SHAPE(1, 1, INT64_MAX / 64, 1),
                                        (int64_t[]){0, 0, 0, 0}, &(double){1});
    CHECK_FAILS(tape, rg_conv2d(counting(x), endless, none, &wide), RG_ERROR_LIMIT,
                "the windows are too large");
}

/* ---- pooling ---- */

CASE(takes_the_largest)
{
    rg_max_pool_options options = {.kernel = {2, 2}};
    rg_value x =
        rg_input_f64(tape, RG_SHAPE(1, 1, 2, 5), (double[]){1, 4, NAN, 3, 9, 4, 4, 5, NAN, 9});
    rg_value y = rg_max_pool2d(x, &options);
    CHECK_ELEMENTS(y, RG_SHAPE(1, 1, 1, 2), 4, NAN);
    rg_backward_with(y, (double[]){7, 8});
    CHECK_GRADIENT(x, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0);
}

CASE(takes_the_largest_beside_padding)
{
    rg_max_pool_options options = {
        .kernel = {2, 2}, .padding = {1, 1}, .stride = {1, 2}, .dilation = {2, 1}};
    rg_value x = rg_input_f64(tape, RG_SHAPE(1, 1, 2, 2), (double[]){-1, -2, -3, -4});
    CHECK_ELEMENTS(rg_max_pool2d(x, &options), RG_SHAPE(1, 1, 2, 2), -3, -4, -1, -2);
}

CASE(means_windows)
{
    rg_avg_pool_options options = {.kernel = {1, 3}, .stride = {1, 2}, .padding = {0, 1}};
    rg_value x = counting(RG_SHAPE(1, 1, 1, 4));
    CHECK_ELEMENTS(rg_avg_pool2d(x, &options), RG_SHAPE(1, 1, 1, 2), 1.5, 3);
    options.ceil_mode = 1;
    rg_value y = rg_avg_pool2d(x, &options);
    CHECK_ELEMENTS(y, RG_SHAPE(1, 1, 1, 3), 1.5, 3, 4);
    rg_backward_with(y, (double[]){2, 3, 5});
    CHECK_GRADIENT(x, 1, 2, 1, 6);
    options.count_include_pad = 1;
    CHECK_ELEMENTS(rg_avg_pool2d(x, &options), RG_SHAPE(1, 1, 1, 3), 1, 3, 2);
}

CASE(starts_no_window_in_the_padding_behind)
{
    rg_max_pool_options options = {
        .kernel = {1, 2}, .stride = {1, 3}, .padding = {0, 1}, .ceil_mode = 1};
    CHECK_ELEMENTS(rg_max_pool2d(counting(RG_SHAPE(1, 1, 1, 2)), &options), RG_SHAPE(1, 1, 1, 1),
                   1);
    rg_max_pool_options wide = {.kernel = {1, 4}, .ceil_mode = 1};
    CHECK_ELEMENTS(rg_max_pool2d(counting(RG_SHAPE(1, 1, 1, 3)), &wide), RG_SHAPE(1, 1, 1, 1), 3);
}

CASE(refuses_to_pool)
{
    rg_shape image = RG_SHAPE(1, 1, 3, 3);
    rg_max_pool_options nothing = {0}, plain = {.kernel = {2, 2}}, large = {.kernel = {4, 2}};
    rg_max_pool_options far = {.kernel = {2, 2}, .padding = {1, 2}};
    rg_max_pool_options gap = {.kernel = {3, 1}, .padding = {1, 0}, .dilation = {4, 1}};
    rg_avg_pool_options minus = {.kernel = {2, 2}, .stride = {-1, 1}};
    CHECK_FAILS(tape, rg_max_pool2d(counting(RG_SHAPE(1, 3, 3)), &plain), RG_ERROR_SHAPE,
                "max_pool2d at node 2: x [1, 3, 3] is not [N, C, H, W]");
    CHECK_FAILS(tape, rg_max_pool2d(counting(image), &nothing), RG_ERROR_ARGUMENT, "a kernel of 0");
    CHECK_FAILS(tape, rg_max_pool2d(counting(image), &large), RG_ERROR_SHAPE, "does not fit");
    CHECK_FAILS(tape, rg_max_pool2d(counting(image), &far), RG_ERROR_ARGUMENT,
                "a padding of 2 is more than half a kernel of 2");
    CHECK_FAILS(tape, rg_max_pool2d(counting(RG_SHAPE(1, 1, 7, 1)), NULL), RG_ERROR_ARGUMENT,
                "no attributes");
    CHECK_FAILS(tape, rg_avg_pool2d(counting(image), &minus), RG_ERROR_ARGUMENT, "stride -1");
    gap.stride[0] = 1;
    CHECK_FAILS(tape, rg_max_pool2d(counting(RG_SHAPE(1, 1, 3, 1)), &gap), RG_ERROR_SHAPE,
                "does not fit");
    gap.ceil_mode = 1;
    gap.stride[0] = 9;
    CHECK_FAILS(tape, rg_max_pool2d(counting(RG_SHAPE(1, 1, 3, 1)), &gap), RG_ERROR_SHAPE,
                "window [0, 0] lies wholly in the padding");
}
