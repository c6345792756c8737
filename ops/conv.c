/* conv.c: convolutions, composed of unfold, matmul and add. */
#include "conv.h"

#include <inttypes.h>

#include "elementwise.h"
#include "linalg.h"
#include "shape_ops.h"
#include "window.h"

static int64_t or_1(int option)
{
    return option ? option : 1;
}

/* Whether x, w and perhaps b go together, with `axes` axes behind the channels. */
static bool check(const rg_op *op, int axes, int count, const rg_value *in, int64_t groups)
{
    rg_tape *tape = in[0].tape;
    if (count < 2 || count > 3) {
        rg_op_fail(op, tape, RG_ERROR_ARGUMENT, "it was given %d inputs, not x, w and perhaps b",
                   count);
        return false;
    }
    if (groups < 1) {
        rg_op_fail(op, tape, RG_ERROR_ARGUMENT, "there are %" PRId64 " groups", groups);
        return false;
    }
    rg_shape x = rg_get_shape(in[0]), w = rg_get_shape(in[1]);
    rg_shape b = count > 2 ? rg_get_shape(in[2]) : RG_SCALAR;
    bool fits = x.rank == 2 + axes && w.rank == 2 + axes && x.dim[1] % groups == 0 &&
                x.dim[1] / groups == w.dim[1] && w.dim[0] % groups == 0 &&
                (count < 3 || (b.rank == 1 && b.dim[0] == w.dim[0]));
    if (fits)
        return true;
    char of_x[RG_SHAPE_TEXT_SIZE], of_w[RG_SHAPE_TEXT_SIZE], of_b[RG_SHAPE_TEXT_SIZE] = "none";
    rg_op_fail(op, tape, RG_ERROR_SHAPE,
               "x %s, w %s and b %s with %" PRId64
               " groups are not [N, C, %s], [O, C / groups, %s] and [O]",
               rg_shape_text(&x, of_x), rg_shape_text(&w, of_w),
               count > 2 ? rg_shape_text(&b, of_b) : of_b, groups, axes == 2 ? "H, W" : "L",
               axes == 2 ? "kh, kw" : "k");
    return false;
}

/* The convolution of checked shapes with two axes. For each image and group, the kernels [O /
 * groups, C / groups kh kw] times the taps [C / groups kh kw, H' W']. */
static rg_value convolve(const rg_op *op, int count, const rg_value *in,
                         const rg_conv_options *options)
{
    rg_shape x = rg_get_shape(in[0]), w = rg_get_shape(in[1]);
    int64_t groups = or_1(options->groups);
    rgi_window window;
    for (int i = 0; i < 2; i++) {
        window.size[i] = x.dim[2 + i];
        window.kernel[i] = w.dim[2 + i];
        window.stride[i] = or_1(options->stride[i]);
        window.padding[i] = options->padding[i];
        window.dilation[i] = or_1(options->dilation[i]);
    }
    if (!rgi_window_fit(&window, false, op, in[0].tape))
        return rgi_inert(in[0].tape);
    rg_value taps = rgi_unfold(in[0], &window);
    if (!rg_is_live(taps))
        return taps;
    int64_t depth = w.dim[1] * w.dim[2] * w.dim[3], places = window.count[0] * window.count[1];
    taps = rg_reshape(taps, RG_SHAPE(x.dim[0], groups, depth, places));
    rg_value kernels = rg_reshape(in[1], RG_SHAPE(groups, w.dim[0] / groups, depth));
    rg_value y = rg_reshape(rg_matmul(kernels, taps),
                            RG_SHAPE(x.dim[0], w.dim[0], window.count[0], window.count[1]));
    return count > 2 ? rg_add(y, rg_reshape(in[2], RG_SHAPE(w.dim[0], 1, 1))) : y;
}

/* ---- conv2d ---- */

static rg_value conv2d_compose(const rg_op *op, int count, const rg_value *in,
                               const void *attributes)
{
    const rg_conv_options *options = attributes;
    if (!check(op, 2, count, in, or_1(options->groups)))
        return rgi_inert(in[0].tape);
    return convolve(op, count, in, options);
}

static const rg_conv_options defaults;
static const rg_conv_options spread = {
    .stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2};
static const rg_sample conv2d_samples[] = {
    {.shape = {{4, {2, 2, 4, 3}}, {4, {3, 2, 2, 3}}, {1, {3}}},
     .low = {-2, -2, -2},
     .high = {2, 2, 2},
     .attributes = &defaults,
     .count = 3},
    {.shape = {{4, {2, 4, 4, 3}}, {4, {2, 2, 3, 2}}},
     .low = {-2, -2},
     .high = {2, 2},
     .attributes = &spread,
     .count = 2},
};
static const rg_op op_conv2d = {.name = "conv2d",
                                .formula = "w correlated with x [N, C, H, W], + b",
                                .gradient = "g spread by w, g correlated with x, sum of g",
                                .kinks = "IEEE arithmetic: 0 times infinity is NaN",
                                .attribute_size = sizeof(rg_conv_options),
                                .compose = conv2d_compose,
                                RGI_SAMPLES(conv2d_samples)};

static rg_value record(const rg_op *op, rg_value x, rg_value w, rg_value b,
                       const rg_conv_options *options)
{
    const rg_value in[3] = {x, w, b};
    return rg_record(op, b.tape || b.serial ? 3 : 2, in, options ? options : &defaults);
}

rg_value rg_conv2d(rg_value x, rg_value w, rg_value b, const rg_conv_options *options)
{
    return record(&op_conv2d, x, w, b, options);
}

/* ---- conv1d ---- */

/* The line is an image of one row. */
static rg_value conv1d_compose(const rg_op *op, int count, const rg_value *in,
                               const void *attributes)
{
    const rg_conv_options *line = attributes;
    if (!check(op, 1, count, in, or_1(line->groups)))
        return rgi_inert(in[0].tape);
    rg_conv_options options = {.stride = {1, line->stride[0]},
                               .padding = {0, line->padding[0]},
                               .dilation = {1, line->dilation[0]},
                               .groups = line->groups};
    rg_value image[3] = {rg_unsqueeze(in[0], 2), rg_unsqueeze(in[1], 2)};
    if (count > 2)
        image[2] = in[2];
    if (!rg_is_live(image[0]) || !rg_is_live(image[1]))
        return rgi_inert(in[0].tape);
    return rg_squeeze(convolve(op, count, image, &options), 2);
}

static const rg_sample conv1d_samples[] = {
    {.shape = {{3, {2, 2, 6}}, {3, {3, 2, 2}}, {1, {3}}},
     .low = {-2, -2, -2},
     .high = {2, 2, 2},
     .attributes = &defaults,
     .count = 3},
    {.shape = {{3, {2, 4, 6}}, {3, {2, 2, 3}}},
     .low = {-2, -2},
     .high = {2, 2},
     .attributes = &spread,
     .count = 2},
};
static const rg_op op_conv1d = {.name = "conv1d",
                                .formula = "w correlated with x [N, C, L], + b",
                                .gradient = "g spread by w, g correlated with x, sum of g",
                                .kinks = "IEEE arithmetic: 0 times infinity is NaN",
                                .attribute_size = sizeof(rg_conv_options),
                                .compose = conv1d_compose,
                                RGI_SAMPLES(conv1d_samples)};

rg_value rg_conv1d(rg_value x, rg_value w, rg_value b, const rg_conv_options *options)
{
    return record(&op_conv1d, x, w, b, options);
}

rgi_family rgi_conv_family = {&op_conv2d, &op_conv1d, NULL};
