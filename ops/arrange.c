/* arrange.c: see arrange.h. Flips and diagonals are views; the others join slices. */
#include "arrange.h"

#include <inttypes.h>
#include <string.h>

#include "elementwise.h"
#include "family.h"
#include "shape_ops.h"

/* ---- flip ---- */

static rg_status flip_view(rg_call *call)
{
    const rg_axes *axes = call->attributes;
    rg_tensor *out = call->out;
    bool flipped[RG_MAX_RANK] = {false};
    for (int i = 0; i < axes->count; i++) {
        int axis;
        if (rgi_axis(call, axes->axis[i], out->shape.rank, &axis) != RG_OK)
            return RG_ERROR_INDEX;
        if (flipped[axis])
            return rg_call_fail(call, RG_ERROR_ARGUMENT, "axis %d is named twice", axis);
        flipped[axis] = true;
        if (out->size > 0)
            out->data = (char *)out->data + (out->shape.dim[axis] - 1) * out->stride[axis] *
                                                (int64_t)rg_type_size(out->type);
        out->stride[axis] = -out->stride[axis];
    }
    return RG_OK;
}

static const rg_axes last_axis = {1, {-1}}, both_axes = {2, {0, 1}};
static const rg_sample flip_samples[] = {
    {.shape = {{1, {5}}}, .low = {-2}, .high = {2}, .attributes = &last_axis},
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &both_axes},
};
static const rg_op op_flip = {.name = "flip",
                              .formula = "x in reverse order along axes",
                              .gradient = "g in reverse order",
                              .arity = 1,
                              .types = RG_OP_ANY,
                              .strided = 1,
                              .attribute_size = sizeof(rg_axes),
                              .view = flip_view,
                              RGI_SAMPLES(flip_samples)};

rg_value rg_flip(rg_value x, rg_axes axes)
{
    return rg_record(&op_flip, 1, &x, &axes);
}

/* ---- diagonal ---- */

static rg_status diagonal_view(rg_call *call)
{
    int64_t offset = *(const int64_t *)call->attributes;
    const rg_tensor *x = call->in[0];
    rg_tensor *out = call->out;
    int rank = x->shape.rank;
    if (rank < 2)
        return rg_call_fail(call, RG_ERROR_SHAPE, "rank %d has no diagonal", rank);
    int64_t rows = x->shape.dim[0], columns = x->shape.dim[1];
    int64_t row = offset < 0 ? (-offset < rows ? -offset : rows) : 0;
    int64_t column = offset > 0 ? (offset < columns ? offset : columns) : 0;
    int64_t length = rows - row < columns - column ? rows - row : columns - column;
    for (int i = 0; i < rank - 2; i++) {
        out->shape.dim[i] = x->shape.dim[i + 2];
        out->stride[i] = x->stride[i + 2];
    }
    out->shape.rank = rank - 1;
    out->shape.dim[rank - 2] = length;
    out->stride[rank - 2] = length > 1 ? x->stride[0] + x->stride[1] : 1;
    if (length > 0)
        out->data = (char *)out->data +
                    (row * x->stride[0] + column * x->stride[1]) * (int64_t)rg_type_size(out->type);
    return RG_OK;
}

static const int64_t no_offset = 0, below = -1;
static const rg_sample diagonal_samples[] = {
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &no_offset},
    {.shape = {{3, {4, 3, 2}}}, .low = {-2}, .high = {2}, .attributes = &below},
};
static const rg_op op_diagonal = {.name = "diagonal",
                                  .formula = "elements (i, i + offset) of axes 0 and 1",
                                  .gradient = "g to the diagonal",
                                  .arity = 1,
                                  .types = RG_OP_ANY,
                                  .strided = 1,
                                  .attribute_size = sizeof(int64_t),
                                  .view = diagonal_view,
                                  RGI_SAMPLES(diagonal_samples)};

rg_value rg_diagonal(rg_value x, int64_t offset)
{
    return rg_record(&op_diagonal, 1, &x, &offset);
}

/* ---- tril and triu ---- */

/* 1 where an element is kept: a constant of the last two axes. */
static rg_value triangle(rg_value x, int64_t diagonal, int lower)
{
    rg_shape shape = rg_get_shape(x);
    int64_t rows = shape.dim[shape.rank - 2], columns = shape.dim[shape.rank - 1];
    rg_value mask = rg_constant_tensor(x.tape, rg_get_type(x), RG_SHAPE(rows, columns), NULL);
    void *data = (void *)(uintptr_t)rg_data(mask, rg_get_type(x));
    for (int64_t i = 0; data && i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            bool kept = lower ? j - i <= diagonal : j - i >= diagonal;
            if (rg_get_type(x) == RG_F64)
                ((double *)data)[i * columns + j] = kept;
            else
                ((float *)data)[i * columns + j] = kept;
        }
    rgi_filled(mask);
    return mask;
}

static rg_value keep_triangle(const rg_op *op, rg_value x, const void *attributes, int lower)
{
    if (rg_get_shape(x).rank < 2)
        return rg_op_fail(op, x.tape, RG_ERROR_SHAPE, "rank %d has no triangles",
                          rg_get_shape(x).rank);
    return rg_where(triangle(x, *(const int64_t *)attributes, lower), x, 0);
}

static rg_value tril_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    (void)count;
    return keep_triangle(op, in[0], attributes, 1);
}

static rg_value triu_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    (void)count;
    return keep_triangle(op, in[0], attributes, 0);
}

#define TRIANGLE(name_, formula_)                                          \
    static const rg_op op_##name_ = {.name = #name_,                       \
                                     .formula = formula_,                  \
                                     .gradient = "g to the elements kept", \
                                     .arity = 1,                           \
                                     .attribute_size = sizeof(int64_t),    \
                                     .compose = name_##_compose,           \
                                     RGI_SAMPLES(diagonal_samples)};       \
    rg_value rg_##name_(rg_value x, int64_t diagonal)                      \
    {                                                                      \
        return rg_record(&op_##name_, 1, &x, &diagonal);                   \
    }
TRIANGLE(tril, "x with 0 above a diagonal")
TRIANGLE(triu, "x with 0 below a diagonal")

/* ---- pad ---- */

typedef struct padding {
    rg_axes low, high;
    double value;
} padding;

/* `length` elements of one number along an axis of x. */
static rg_value filled(rg_value x, int axis, int64_t length, double value)
{
    rg_shape shape = rg_get_shape(x);
    rg_value number = rg_constant(x.tape, value);
    shape.dim[axis] = length;
    return rg_expand(rg_get_type(x) == RG_F64 ? number : rg_cast(number, rg_get_type(x)), shape);
}

static rg_value pad_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    const padding *pad = attributes;
    rg_value x = in[0];
    int rank = rg_get_shape(x).rank;
    (void)count;
    if (pad->low.count != rank || pad->high.count != rank)
        return rg_op_fail(op, x.tape, RG_ERROR_SHAPE, "%d and %d numbers for rank %d",
                          pad->low.count, pad->high.count, rank);
    for (int i = 0; i < rank; i++) {
        int64_t low = pad->low.axis[i], high = pad->high.axis[i];
        if (low < 0 || high < 0)
            return rg_op_fail(op, x.tape, RG_ERROR_ARGUMENT,
                              "axis %d is padded by %" PRId64 " and %" PRId64, i, low, high);
        if (low == 0 && high == 0)
            continue;
        const rg_value parts[3] = {filled(x, i, low, pad->value), x,
                                   filled(x, i, high, pad->value)};
        x = rg_concat(3, parts, i);
    }
    return x;
}

static const padding by_one = {{2, {1, 0}}, {2, {1, 2}}, 0.5};
static const rg_sample pad_samples[] = {
    {.shape = {{2, {2, 3}}}, .low = {-2}, .high = {2}, .attributes = &by_one},
};
static const rg_op op_pad = {.name = "pad",
                             .formula = "x with a number around it",
                             .gradient = "the part of g that is x",
                             .arity = 1,
                             .attribute_size = sizeof(padding),
                             .compose = pad_compose,
                             RGI_SAMPLES(pad_samples)};

rg_value rg_pad(rg_value x, rg_axes low, rg_axes high, double value)
{
    padding pad = {low, high, value};
    return rg_record(&op_pad, 1, &x, &pad);
}

/* ---- roll ---- */

typedef struct rolling {
    rg_axes shifts, axes;
} rolling;

static rg_value roll_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    const rolling *how = attributes;
    rg_value x = in[0];
    rg_shape shape = rg_get_shape(x);
    (void)count;
    if (how->shifts.count != how->axes.count)
        return rg_op_fail(op, x.tape, RG_ERROR_ARGUMENT, "%d shifts for %d axes", how->shifts.count,
                          how->axes.count);
    for (int i = 0; i < how->axes.count; i++) {
        int64_t axis = how->axes.axis[i] < 0 ? how->axes.axis[i] + shape.rank : how->axes.axis[i];
        if (axis < 0 || axis >= shape.rank)
            return rg_op_fail(op, x.tape, RG_ERROR_INDEX, "axis %" PRId64 " is outside rank %d",
                              how->axes.axis[i], shape.rank);
        int64_t size = shape.dim[axis];
        int64_t shift = size ? (how->shifts.axis[i] % size + size) % size : 0;
        if (shift == 0)
            continue;
        const rg_value parts[2] = {rg_slice(x, (int)axis, size - shift, size, 1),
                                   rg_slice(x, (int)axis, 0, size - shift, 1)};
        x = rg_concat(2, parts, (int)axis);
    }
    return x;
}

static const rolling by_two = {{2, {-1, 2}}, {2, {0, -1}}};
static const rg_sample roll_samples[] = {
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &by_two},
};
static const rg_op op_roll = {.name = "roll",
                              .formula = "x turned along axes",
                              .gradient = "g turned back",
                              .arity = 1,
                              .attribute_size = sizeof(rolling),
                              .compose = roll_compose,
                              RGI_SAMPLES(roll_samples)};

rg_value rg_roll(rg_value x, rg_axes shifts, rg_axes axes)
{
    rolling how = {shifts, axes};
    return rg_record(&op_roll, 1, &x, &how);
}

/* ---- repeat ---- */

/* x `times` over along an axis: a new axis is stretched and joined with the old one. */
static rg_value repeat_axis(rg_value x, int axis, int64_t times)
{
    rg_shape shape = rg_get_shape(x), stretched = {.rank = 3, .dim = {1, times, 1}};
    for (int i = 0; i < shape.rank; i++)
        stretched.dim[i < axis ? 0 : 2] *= shape.dim[i];
    rg_value wide =
        rg_expand(rg_reshape(x, RG_SHAPE(stretched.dim[0], 1, stretched.dim[2])), stretched);
    shape.dim[axis] *= times;
    return rg_reshape(wide, shape);
}

static rg_value repeat_compose(const rg_op *op, int count, const rg_value *in,
                               const void *attributes)
{
    const rg_axes *times = attributes;
    rg_value x = in[0];
    (void)count;
    if (times->count < rg_get_shape(x).rank || times->count > RG_MAX_RANK)
        return rg_op_fail(op, x.tape, RG_ERROR_SHAPE, "%d numbers for rank %d", times->count,
                          rg_get_shape(x).rank);
    while (rg_get_shape(x).rank < times->count && rg_tape_status(x.tape) == RG_OK)
        x = rg_unsqueeze(x, 0);
    for (int i = 0; i < times->count; i++) {
        if (times->axis[i] < 0)
            return rg_op_fail(op, x.tape, RG_ERROR_ARGUMENT,
                              "axis %d is repeated %" PRId64 " times", i, times->axis[i]);
        if (times->axis[i] != 1)
            x = repeat_axis(x, i, times->axis[i]);
    }
    return x;
}

static const rg_axes repeated = {3, {2, 1, 3}};
static const rg_sample repeat_samples[] = {
    {.shape = {{2, {2, 3}}}, .low = {-2}, .high = {2}, .attributes = &repeated},
};
static const rg_op op_repeat = {.name = "repeat",
                                .formula = "x as tiles",
                                .gradient = "the sum of g over the tiles",
                                .arity = 1,
                                .attribute_size = sizeof(rg_axes),
                                .compose = repeat_compose,
                                RGI_SAMPLES(repeat_samples)};

rg_value rg_repeat(rg_value x, rg_axes times)
{
    return rg_record(&op_repeat, 1, &x, &times);
}

rgi_family rgi_arrange_family = {&op_flip, &op_diagonal, &op_tril,   &op_triu,
                                 &op_pad,  &op_roll,     &op_repeat, NULL};
