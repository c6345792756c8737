/* norm.c: normalisations. The operations shift and scale; weight and bias are applied behind them.
 */
#include "norm.h"

#include <inttypes.h>

#include "elementwise.h"
#include "family.h"
#include "reduce.h"
#include "shape_ops.h"

/* ---- what all have in common ---- */

static bool check_eps(const rg_op *op, rg_tape *tape, double eps)
{
    if (eps >= 0)
        return true;
    rg_op_fail(op, tape, RG_ERROR_ARGUMENT, "eps is %g", eps);
    return false;
}

static rg_value scaled(rg_value centered, rg_value variance, double eps)
{
    return rg_mul(centered, rg_rsqrt(rg_add(variance, eps)));
}

/* x with mean 0 and variance 1 over the axes; sets the mean and variance, which keep their axes. */
static rg_value normalized(rg_value x, rg_axes axes, double eps, rg_value *mean, rg_value *variance)
{
    *mean = rg_mean_over(x, axes, 1);
    rg_value centered = rg_sub(x, *mean);
    *variance = rg_mean_over(rg_square(centered), axes, 1);
    return scaled(centered, *variance, eps);
}

/* A value of shape `own`, for x, as it broadcasts; inert with the error set if it is none. */
static rg_value factor(const rg_op *op, rg_tape *tape, const char *name, rg_value x, rg_shape own,
                       rg_shape as)
{
    rg_shape shape = rg_get_shape(x);
    char got[RG_SHAPE_TEXT_SIZE], want[RG_SHAPE_TEXT_SIZE];
    if (x.tape != tape)
        return rg_op_fail(op, tape, RG_ERROR_TAPE, "%s is not on the tape of x", name);
    if (!rg_shape_equal(&shape, &own))
        return rg_op_fail(op, tape, RG_ERROR_SHAPE, "%s %s is not %s", name,
                          rg_shape_text(&shape, got), rg_shape_text(&own, want));
    return rg_reshape(x, as);
}

static bool is_given(rg_value x)
{
    return x.tape || x.serial;
}

/* y w + b, as far as they are given. */
static rg_value affine(const rg_op *op, rg_value y, rg_value w, rg_value b, rg_shape own,
                       rg_shape as)
{
    if (!rg_is_live(y))
        return y;
    if (is_given(w))
        y = rg_mul(y, factor(op, y.tape, "w", w, own, as));
    if (is_given(b))
        y = rg_add(y, factor(op, y.tape, "b", b, own, as));
    return y;
}

/* x must be [N, C, ..]. */
static bool check_channels(const rg_op *op, rg_value x)
{
    rg_shape shape = rg_get_shape(x);
    if (shape.rank >= 2)
        return true;
    char text[RG_SHAPE_TEXT_SIZE];
    rg_op_fail(op, x.tape, RG_ERROR_SHAPE, "x %s is not [N, C, ..]", rg_shape_text(&shape, text));
    return false;
}

/* [C, 1, ..], which broadcasts against x [N, C, ..]. */
static rg_shape channel_shape(rg_shape x)
{
    rg_shape shape = {.rank = x.rank - 1};
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = i ? 1 : x.dim[1];
    return shape;
}

static rg_value affine_channels(const rg_op *op, rg_value x, rg_value y, rg_value w, rg_value b)
{
    rg_shape shape = rg_get_shape(x);
    return affine(op, y, w, b, RG_SHAPE(shape.dim[1]), channel_shape(shape));
}

/* ---- layer_norm ---- */

typedef struct counted {
    int64_t number; /* of axes, or of groups */
    double eps;
} counted;

static rg_value layer_norm_compose(const rg_op *op, int count, const rg_value *in,
                                   const void *attributes)
{
    const counted *how = attributes;
    rg_value x = in[0], mean, variance;
    int rank = rg_get_shape(x).rank;
    (void)count;
    if (how->number < 1 || how->number > rank)
        return rg_op_fail(op, x.tape, RG_ERROR_SHAPE, "the last %" PRId64 " axes of rank %d",
                          how->number, rank);
    if (!check_eps(op, x.tape, how->eps))
        return rgi_inert(x.tape);
    rg_axes axes = {.count = (int)how->number};
    for (int i = 0; i < axes.count; i++)
        axes.axis[i] = i - axes.count;
    return normalized(x, axes, how->eps, &mean, &variance);
}

static const counted last_axis = {1, 0.5}, two_axes = {2, 1};
static const rg_sample layer_norm_samples[] = {
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &last_axis},
    {.shape = {{3, {2, 3, 2}}}, .low = {-2}, .high = {2}, .attributes = &two_axes},
};
static const rg_op op_layer_norm = {.name = "layer_norm",
                                    .formula = "z = (x - mean) r over the last axes, "
                                               "r = 1 / sqrt(variance + eps)",
                                    .gradient = "r (g - mean(g) - z mean(g z))",
                                    .arity = 1,
                                    .attribute_size = sizeof(counted),
                                    .compose = layer_norm_compose,
                                    RGI_SAMPLES(layer_norm_samples)};

rg_value rg_layer_norm(rg_value x, int axes, rg_value w, rg_value b, double eps)
{
    const counted how = {axes, eps};
    rg_value y = rg_record(&op_layer_norm, 1, &x, &how);
    if (!rg_is_live(y))
        return y;
    rg_shape shape = rg_get_shape(y), own = {0};
    for (int i = shape.rank - axes; i < shape.rank; i++)
        own.dim[own.rank++] = shape.dim[i];
    return affine(&op_layer_norm, y, w, b, own, own);
}

/* ---- group_norm ---- */

static rg_value group_norm_compose(const rg_op *op, int count, const rg_value *in,
                                   const void *attributes)
{
    const counted *how = attributes;
    rg_value x = in[0], mean, variance;
    rg_shape shape = rg_get_shape(x);
    (void)count;
    if (!check_channels(op, x) || !check_eps(op, x.tape, how->eps))
        return rgi_inert(x.tape);
    if (how->number < 1 || shape.dim[1] % how->number != 0)
        return rg_op_fail(op, x.tape, RG_ERROR_SHAPE,
                          "%" PRId64 " channels in %" PRId64 " equal groups", shape.dim[1],
                          how->number);
    int64_t length = shape.dim[1] / how->number;
    for (int i = 2; i < shape.rank; i++)
        length *= shape.dim[i];
    rg_value groups = rg_reshape(x, RG_SHAPE(shape.dim[0], how->number, length));
    return rg_reshape(normalized(groups, RG_AXES(2), how->eps, &mean, &variance), shape);
}

static const counted two_groups = {2, 0.5};
static const rg_sample group_norm_samples[] = {
    {.shape = {{2, {2, 4}}}, .low = {-2}, .high = {2}, .attributes = &two_groups},
    {.shape = {{4, {2, 4, 1, 2}}}, .low = {-2}, .high = {2}, .attributes = &two_groups},
};
static const rg_op op_group_norm = {.name = "group_norm",
                                    .formula = "z = (x - mean) r over groups of channels, "
                                               "r = 1 / sqrt(variance + eps)",
                                    .gradient = "r (g - mean(g) - z mean(g z))",
                                    .arity = 1,
                                    .attribute_size = sizeof(counted),
                                    .compose = group_norm_compose,
                                    RGI_SAMPLES(group_norm_samples)};

rg_value rg_group_norm(rg_value x, int groups, rg_value w, rg_value b, double eps)
{
    const counted how = {groups, eps};
    rg_value y = rg_record(&op_group_norm, 1, &x, &how);
    return affine_channels(&op_group_norm, x, y, w, b);
}

/* ---- batch_norm ---- */

typedef struct statistics {
    double eps;
    rg_value *mean, *variance; /* where the batch's go, [1, C, 1, ..]; NULL: nowhere */
} statistics;

/* All axes but the channels'. */
static rg_axes batch_axes(int rank)
{
    rg_axes axes = {.count = 1, .axis = {0}};
    for (int i = 2; i < rank; i++)
        axes.axis[axes.count++] = i;
    return axes;
}

/* Of x alone: by the batch's statistics; of x, mean and variance [C]: by these. */
static rg_value batch_norm_compose(const rg_op *op, int count, const rg_value *in,
                                   const void *attributes)
{
    const statistics *how = attributes;
    rg_value x = in[0], mean, variance;
    rg_shape shape = rg_get_shape(x);
    if (!check_channels(op, x) || !check_eps(op, x.tape, how->eps))
        return rgi_inert(x.tape);
    if (count != 1 && count != 3)
        return rg_op_fail(op, x.tape, RG_ERROR_ARGUMENT,
                          "it was given %d inputs, not x, or x, mean and variance", count);
    if (count == 1) {
        rg_value y = normalized(x, batch_axes(shape.rank), how->eps, &mean, &variance);
        if (how->mean)
            *how->mean = mean;
        if (how->variance)
            *how->variance = variance;
        return y;
    }
    rg_shape channels = RG_SHAPE(shape.dim[1]), as = channel_shape(shape);
    mean = factor(op, x.tape, "mean", in[1], channels, as);
    variance = factor(op, x.tape, "variance", in[2], channels, as);
    return scaled(rg_sub(x, mean), variance, how->eps);
}

static const statistics only_eps = {.eps = 0.5};
static const rg_sample batch_norm_samples[] = {
    {.shape = {{2, {4, 2}}}, .low = {-2}, .high = {2}, .attributes = &only_eps, .count = 1},
    {.shape = {{3, {2, 2, 3}}}, .low = {-2}, .high = {2}, .attributes = &only_eps, .count = 1},
    {.shape = {{3, {2, 3, 2}}, {1, {3}}, {1, {3}}},
     .low = {-2, -1, 0.5},
     .high = {2, 1, 2},
     .attributes = &only_eps,
     .count = 3},
};
static const rg_op op_batch_norm = {.name = "batch_norm",
                                    .formula = "z = (x - mean) r for each channel, "
                                               "r = 1 / sqrt(variance + eps)",
                                    .gradient = "r (g - mean(g) - z mean(g z)); if mean and "
                                                "variance are given: g r, -g r, -g z r^2 / 2",
                                    .attribute_size = sizeof(statistics),
                                    .compose = batch_norm_compose,
                                    RGI_SAMPLES(batch_norm_samples)};

/* Sets *to, if it is wanted, to (1 - momentum) old + momentum batch, as a constant. */
static void update(rg_value *to, const char *name, rg_value old, rg_value batch, double momentum)
{
    if (!to)
        return;
    rg_shape shape = RG_SHAPE(rg_size(batch));
    old = factor(&op_batch_norm, batch.tape, name, old, shape, shape);
    *to = rg_add(rg_mul(rg_detach(old), 1 - momentum),
                 rg_mul(rg_reshape(rg_detach(batch), shape), momentum));
}

/* The batch's statistics normalise, and new running values come from them. */
static rg_value train(rg_value x, rg_value mean, rg_value variance,
                      const rg_batch_norm_options *options)
{
    rg_shape shape = rg_get_shape(x);
    rg_value batch_mean, batch_variance;
    const statistics how = {options->eps, &batch_mean, &batch_variance};
    if (shape.rank > 1 && rg_size(x) < 2 * shape.dim[1])
        return rg_op_fail(&op_batch_norm, x.tape, RG_ERROR_SHAPE,
                          "a channel has fewer than two elements to train with");
    rg_value y = rg_record(&op_batch_norm, 1, &x, &how);
    if (!rg_is_live(y))
        return y;
    double n = shape.dim[1] ? (double)(rg_size(x) / shape.dim[1]) : 2;
    update(options->new_mean, "mean", mean, batch_mean, options->momentum);
    update(options->new_variance, "variance", variance, rg_mul(batch_variance, n / (n - 1)),
           options->momentum);
    return rg_tape_status(x.tape) == RG_OK ? y : rgi_inert(x.tape);
}

/* The running values normalise, and stay. */
static rg_value apply(rg_value x, rg_value mean, rg_value variance,
                      const rg_batch_norm_options *options)
{
    const rg_value in[3] = {x, mean, variance};
    const statistics how = {.eps = options->eps};
    rg_value y = rg_record(&op_batch_norm, 3, in, &how);
    if (options->new_mean && rg_is_live(y))
        *options->new_mean = rg_detach(mean);
    if (options->new_variance && rg_is_live(y))
        *options->new_variance = rg_detach(variance);
    return y;
}

rg_value rg_batch_norm(rg_value x, rg_value w, rg_value b, rg_value mean, rg_value variance,
                       const rg_batch_norm_options *options)
{
    if (!options)
        return rg_record(&op_batch_norm, 1, &x, NULL);
    if (options->new_mean)
        *options->new_mean = rgi_inert(x.tape);
    if (options->new_variance)
        *options->new_variance = rgi_inert(x.tape);
    rg_value y =
        options->training ? train(x, mean, variance, options) : apply(x, mean, variance, options);
    return affine_channels(&op_batch_norm, x, y, w, b);
}

rgi_family rgi_norm_family = {&op_layer_norm, &op_group_norm, &op_batch_norm, NULL};
