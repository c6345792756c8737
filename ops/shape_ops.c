/* shape_ops.c: views, and joining tensors. A view is one function: the tape uses it on the data
 * when it is recorded and on the gradient when it is swept. */
#include "shape_ops.h"

#include <inttypes.h>
#include <string.h>

#include "axes.h"

#define VIEW(name_, formula_, strided_, width, view_, samples_)             \
    static const rg_op op_##name_ = {.name = #name_,                        \
                                     .formula = formula_,                   \
                                     .gradient = "g to the elements shown", \
                                     .arity = 1,                            \
                                     .types = RG_OP_ANY,                    \
                                     .strided = strided_,                   \
                                     .attribute_size = width,               \
                                     .view = view_,                         \
                                     RGI_SAMPLES(samples_)};

/* ---- reshape ---- */

static rg_status reshape_view(rg_call *call)
{
    rg_shape shape = *(const rg_shape *)call->attributes;
    int64_t size = call->in[0]->size, known = 1;
    int open = -1;
    if (shape.rank < 0 || shape.rank > RG_MAX_RANK)
        return rg_call_fail(call, RG_ERROR_LIMIT, "rank %d is not between 0 and %d", shape.rank,
                            RG_MAX_RANK);
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] == -1 && open < 0)
            open = i;
        else if (shape.dim[i] < 0)
            return rg_call_fail(call, RG_ERROR_SHAPE, "dimension %d is %" PRId64, i, shape.dim[i]);
        else if (shape.dim[i] > 0 && known > INT64_MAX / shape.dim[i])
            return rg_call_fail(call, RG_ERROR_LIMIT, "the new shape has too many elements");
        else
            known *= shape.dim[i];
    }
    if (open >= 0)
        shape.dim[open] = known ? size / known : 0;
    if ((open >= 0 && known == 0) || rg_shape_size(&shape) != size) {
        char from[RG_SHAPE_TEXT_SIZE], to[RG_SHAPE_TEXT_SIZE];
        return rg_call_fail(call, RG_ERROR_SHAPE, "%s cannot take the shape %s",
                            rg_shape_text(&call->in[0]->shape, from),
                            rg_shape_text((const rg_shape *)call->attributes, to));
    }
    call->out->shape = shape;
    rgi_dense_strides(call->out);
    return RG_OK;
}

static const rg_shape two_by_six = {2, {2, 6}}, open_rows = {2, {-1, 4}};
static const rg_sample reshape_samples[] = {
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &two_by_six},
    {.shape = {{3, {2, 3, 2}}}, .low = {-2}, .high = {2}, .attributes = &open_rows},
};
VIEW(reshape, "x in another shape", 0, sizeof(rg_shape), reshape_view, reshape_samples)

rg_value rg_reshape(rg_value x, rg_shape shape)
{
    return rg_record(&op_reshape, 1, &x, &shape);
}

/* ---- permute and transpose ---- */

static rg_status permute_view(rg_call *call)
{
    const rg_axes *axes = call->attributes;
    const rg_tensor *x = call->in[0];
    bool used[RG_MAX_RANK] = {false};
    if (axes->count != x->shape.rank)
        return rg_call_fail(call, RG_ERROR_SHAPE, "%d axes for rank %d", axes->count,
                            x->shape.rank);
    for (int i = 0; i < axes->count; i++) {
        int axis;
        if (rgi_axis(call, axes->axis[i], x->shape.rank, &axis) != RG_OK)
            return RG_ERROR_INDEX;
        if (used[axis])
            return rg_call_fail(call, RG_ERROR_ARGUMENT, "axis %d is named twice", axis);
        used[axis] = true;
        call->out->shape.dim[i] = x->shape.dim[axis];
        call->out->stride[i] = x->stride[axis];
    }
    return RG_OK;
}

static const rg_axes turned = {3, {2, 0, 1}}, swapped = {2, {1, 0}};
static const rg_sample permute_samples[] = {
    {.shape = {{3, {2, 3, 4}}}, .low = {-2}, .high = {2}, .attributes = &turned},
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &swapped},
};
VIEW(permute, "x with its axes in another order", 1, sizeof(rg_axes), permute_view, permute_samples)

rg_value rg_permute(rg_value x, rg_axes axes)
{
    return rg_record(&op_permute, 1, &x, &axes);
}

rg_value rg_transpose(rg_value x, int axis_a, int axis_b)
{
    int rank = rg_get_shape(x).rank;
    rg_axes axes = {.count = rank};
    for (int i = 0; i < rank; i++)
        axes.axis[i] = i;
    int a = axis_a < 0 ? axis_a + rank : axis_a, b = axis_b < 0 ? axis_b + rank : axis_b;
    if (a < 0 || a >= rank || b < 0 || b >= rank) {
        if (rg_is_live(x))
            rgi_fail(x.tape, RG_ERROR_INDEX,
                     "transpose at node %" PRIu64 ": axes %d and %d for rank %d",
                     x.tape->cursor.count, axis_a, axis_b, rank);
        else
            return rg_record(&op_permute, 1, &x, &axes);
        return rgi_inert(x.tape);
    }
    axes.axis[a] = b;
    axes.axis[b] = a;
    return rg_record(&op_permute, 1, &x, &axes);
}

/* ---- slice ---- */

typedef struct slice {
    int64_t start, stop, step, axis;
} slice;

static int64_t clip(int64_t position, int64_t size, int64_t low, int64_t high)
{
    if (position < 0)
        position += size;
    return position < low ? low : position > high ? high : position;
}

static rg_status slice_view(rg_call *call)
{
    const slice *cut = call->attributes;
    rg_tensor *out = call->out;
    int axis;
    if (rgi_axis(call, cut->axis, out->shape.rank, &axis) != RG_OK)
        return RG_ERROR_INDEX;
    if (cut->step == 0 || cut->step == INT64_MIN)
        return rg_call_fail(call, RG_ERROR_ARGUMENT, "the step is %" PRId64, cut->step);
    int64_t size = out->shape.dim[axis], step = cut->step;
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    int64_t start = clip(cut->start, size, low, high);
    int64_t stop = clip(cut->stop, size, low, high);
    int64_t length = step > 0 ? stop - start : start - stop;
    int64_t stride = step > 0 ? step : -step;
    int64_t count = length <= 0 ? 0 : (length - 1) / stride + 1;
    if (count > 0)
        out->data =
            (char *)out->data + start * out->stride[axis] * (int64_t)rg_type_size(out->type);
    out->shape.dim[axis] = count;
    out->stride[axis] = count > 1 ? out->stride[axis] * step : 1;
    return RG_OK;
}

static const slice every_other = {0, INT64_MAX, 2, 1}, reversed = {-1, INT64_MIN, -1, 0};
static const rg_sample slice_samples[] = {
    {.shape = {{2, {3, 5}}}, .low = {-2}, .high = {2}, .attributes = &every_other},
    {.shape = {{2, {4, 2}}}, .low = {-2}, .high = {2}, .attributes = &reversed},
};
VIEW(slice, "x[start:stop:step] along an axis", 1, sizeof(slice), slice_view, slice_samples)

rg_value rg_slice(rg_value x, int axis, int64_t start, int64_t stop, int64_t step)
{
    slice cut = {start, stop, step, axis};
    return rg_record(&op_slice, 1, &x, &cut);
}

/* ---- expand ---- */

static rg_status expand_view(rg_call *call)
{
    rg_shape to = *(const rg_shape *)call->attributes;
    const rg_tensor *x = call->in[0];
    int lead = to.rank - x->shape.rank;
    bool fits = to.rank <= RG_MAX_RANK && lead >= 0;
    for (int i = 0; fits && i < to.rank; i++) {
        int64_t dim = i < lead ? 1 : x->shape.dim[i - lead];
        if (to.dim[i] == -1 && i >= lead)
            to.dim[i] = dim;
        fits = to.dim[i] >= 0 && (dim == to.dim[i] || dim == 1);
        call->out->stride[i] = i < lead || dim != to.dim[i] ? 0 : x->stride[i - lead];
    }
    if (!fits) {
        char from[RG_SHAPE_TEXT_SIZE], into[RG_SHAPE_TEXT_SIZE];
        return rg_call_fail(call, RG_ERROR_SHAPE, "%s does not stretch to %s",
                            rg_shape_text(&x->shape, from),
                            rg_shape_text((const rg_shape *)call->attributes, into));
    }
    call->out->shape = to;
    return RG_OK;
}

static const rg_shape wide = {3, {2, 3, 4}};
static const rg_sample expand_samples[] = {
    {.shape = {{2, {3, 1}}}, .low = {-2}, .high = {2}, .attributes = &wide},
    {.shape = {{0, {0}}}, .low = {-2}, .high = {2}, .attributes = &wide},
};
VIEW(expand, "x stretched to a shape", 1, sizeof(rg_shape), expand_view, expand_samples)

rg_value rg_expand(rg_value x, rg_shape shape)
{
    return rg_record(&op_expand, 1, &x, &shape);
}

/* ---- squeeze and unsqueeze ---- */

static rg_status squeeze_view(rg_call *call)
{
    rg_tensor *out = call->out;
    int axis;
    if (rgi_axis(call, *(const int *)call->attributes, out->shape.rank, &axis) != RG_OK)
        return RG_ERROR_INDEX;
    if (out->shape.dim[axis] != 1)
        return rg_call_fail(call, RG_ERROR_SHAPE, "axis %d has size %" PRId64 ", not 1", axis,
                            out->shape.dim[axis]);
    out->shape.rank--;
    for (int i = axis; i < out->shape.rank; i++) {
        out->shape.dim[i] = out->shape.dim[i + 1];
        out->stride[i] = out->stride[i + 1];
    }
    return RG_OK;
}

static const int first_axis = 0, last_axis = -1;
static const rg_sample squeeze_samples[] = {
    {.shape = {{2, {1, 3}}}, .low = {-2}, .high = {2}, .attributes = &first_axis},
    {.shape = {{3, {2, 3, 1}}}, .low = {-2}, .high = {2}, .attributes = &last_axis},
};
VIEW(squeeze, "x without an axis of size 1", 1, sizeof(int), squeeze_view, squeeze_samples)

rg_value rg_squeeze(rg_value x, int axis)
{
    return rg_record(&op_squeeze, 1, &x, &axis);
}

static rg_status unsqueeze_view(rg_call *call)
{
    rg_tensor *out = call->out;
    int axis;
    if (out->shape.rank == RG_MAX_RANK)
        return rg_call_fail(call, RG_ERROR_LIMIT, "the rank is %d already", RG_MAX_RANK);
    if (rgi_axis(call, *(const int *)call->attributes, out->shape.rank + 1, &axis) != RG_OK)
        return RG_ERROR_INDEX;
    for (int i = out->shape.rank; i > axis; i--) {
        out->shape.dim[i] = out->shape.dim[i - 1];
        out->stride[i] = out->stride[i - 1];
    }
    out->shape.dim[axis] = 1;
    out->stride[axis] = 1;
    out->shape.rank++;
    return RG_OK;
}

static const rg_sample unsqueeze_samples[] = {
    {.shape = {{1, {3}}}, .low = {-2}, .high = {2}, .attributes = &first_axis},
    {.shape = {{2, {2, 3}}}, .low = {-2}, .high = {2}, .attributes = &last_axis},
};
VIEW(unsqueeze, "x with a new axis of size 1", 1, sizeof(int), unsqueeze_view, unsqueeze_samples)

rg_value rg_unsqueeze(rg_value x, int axis)
{
    return rg_record(&op_unsqueeze, 1, &x, &axis);
}

/* ---- concat and stack ---- */

static rg_status concat_shape(rg_call *call)
{
    rg_shape *out = &call->out->shape;
    int axis;
    *out = call->in[0]->shape;
    if (rgi_axis(call, *(const int *)call->attributes, out->rank, &axis) != RG_OK)
        return RG_ERROR_INDEX;
    for (int k = 1; k < call->count; k++) {
        rg_shape in = call->in[k]->shape;
        int64_t length = in.rank == out->rank ? in.dim[axis] : 0;
        if (in.rank == out->rank)
            in.dim[axis] = out->dim[axis];
        if (!rg_shape_equal(&in, out)) {
            char first[RG_SHAPE_TEXT_SIZE], other[RG_SHAPE_TEXT_SIZE];
            return rg_call_fail(call, RG_ERROR_SHAPE, "%s does not join %s along axis %d",
                                rg_shape_text(&call->in[k]->shape, other),
                                rg_shape_text(&call->in[0]->shape, first), axis);
        }
        if (length > INT64_MAX - out->dim[axis])
            return rg_call_fail(call, RG_ERROR_LIMIT, "the result has too many elements");
        out->dim[axis] += length;
    }
    return RG_OK;
}

/* The result is `outer` groups, each a block of every input in turn. */
static int64_t outer_size(const rg_call *call)
{
    return rgi_lines_along(&call->out->shape, *(const int *)call->attributes).outer;
}

static rg_status concat_forward(rg_call *call)
{
    int64_t outer = outer_size(call);
    size_t width = rg_type_size(call->out->type);
    char *to = call->out->data;
    for (int64_t o = 0; o < outer && call->out->size > 0; o++)
        for (int k = 0; k < call->count; k++) {
            size_t bytes = (size_t)(call->in[k]->size / outer) * width;
            if (bytes > 0)
                memcpy(to, (const char *)call->in[k]->data + (size_t)o * bytes, bytes);
            to += bytes;
        }
    return RG_OK;
}

static void concat_backward(rg_call *call)
{
    int64_t outer = outer_size(call), place = 0;
    for (int64_t o = 0; o < outer && call->out->size > 0; o++)
        for (int k = 0; k < call->count; k++) {
            int64_t block = call->in[k]->size / outer;
#define ADD_BLOCK(T)                    \
    for (int64_t i = 0; i < block; i++) \
    ((T *)call->in[k]->grad)[o * block + i] += ((const T *)call->out->grad)[place + i]
            if (call->in[k]->grad)
                RGI_BY_TYPE(call->out->type, ADD_BLOCK);
            place += block;
        }
}

static void concat_rule(const rg_rule *rule)
{
    int axis = *(const int *)rule->attributes, rank = rg_get_shape(rule->out).rank;
    int64_t from = 0;
    axis = axis < 0 ? axis + rank : axis;
    for (int k = 0; k < rule->count; k++) {
        int64_t length = rg_get_shape(rule->in[k]).dim[axis];
        if (rule->wanted[k])
            rule->grads[k] = rg_slice(rule->upstream, axis, from, from + length, 1);
        from += length;
    }
}

static const rg_sample concat_samples[] = {
    {.shape = {{2, {2, 3}}, {2, {1, 3}}, {2, {2, 3}}},
     .low = {-2, -2, -2},
     .high = {2, 2, 2},
     .attributes = &first_axis,
     .count = 3},
    {.shape = {{2, {2, 3}}, {2, {2, 1}}},
     .low = {-2, -2},
     .high = {2, 2},
     .attributes = &last_axis,
     .count = 2},
};
static const rg_op op_concat = {.name = "concat",
                                .unread = ~0u,
                                .formula = "tensors joined along an axis",
                                .gradient = "g's part to each",
                                .types = RG_OP_ANY,
                                .attribute_size = sizeof(int),
                                .shape = concat_shape,
                                .forward = concat_forward,
                                .backward = concat_backward,
                                .rule = concat_rule,
                                RGI_SAMPLES(concat_samples)};

rg_value rg_concat(int count, const rg_value *xs, int axis)
{
    return rg_record(&op_concat, count, xs, &axis);
}

static rg_status stack_shape(rg_call *call)
{
    rg_shape in = call->in[0]->shape;
    int axis;
    if (in.rank == RG_MAX_RANK)
        return rg_call_fail(call, RG_ERROR_LIMIT, "the rank is %d already", RG_MAX_RANK);
    if (rgi_axis(call, *(const int *)call->attributes, in.rank + 1, &axis) != RG_OK)
        return RG_ERROR_INDEX;
    for (int k = 1; k < call->count; k++)
        if (!rg_shape_equal(&call->in[k]->shape, &in)) {
            char first[RG_SHAPE_TEXT_SIZE], other[RG_SHAPE_TEXT_SIZE];
            return rg_call_fail(call, RG_ERROR_SHAPE, "%s does not stack with %s",
                                rg_shape_text(&call->in[k]->shape, other),
                                rg_shape_text(&in, first));
        }
    rg_shape *out = &call->out->shape;
    out->rank = in.rank + 1;
    for (int i = 0; i < out->rank; i++)
        out->dim[i] = i < axis ? in.dim[i] : i == axis ? call->count : in.dim[i - 1];
    return RG_OK;
}

static void stack_rule(const rg_rule *rule)
{
    int axis = *(const int *)rule->attributes;
    for (int k = 0; k < rule->count; k++)
        if (rule->wanted[k])
            rule->grads[k] = rg_squeeze(rg_slice(rule->upstream, axis, k, k + 1, 1), axis);
}

static const rg_sample stack_samples[] = {
    {.shape = {{2, {2, 3}}, {2, {2, 3}}},
     .low = {-2, -2},
     .high = {2, 2},
     .attributes = &first_axis,
     .count = 2},
    {.shape = {{1, {3}}, {1, {3}}, {1, {3}}},
     .low = {-2, -2, -2},
     .high = {2, 2, 2},
     .attributes = &last_axis,
     .count = 3},
};
static const rg_op op_stack = {.name = "stack",
                               .unread = ~0u,
                               .formula = "tensors joined along a new axis",
                               .gradient = "g's part to each",
                               .types = RG_OP_ANY,
                               .attribute_size = sizeof(int),
                               .shape = stack_shape,
                               .forward = concat_forward,
                               .backward = concat_backward,
                               .rule = stack_rule,
                               RGI_SAMPLES(stack_samples)};

rg_value rg_stack(int count, const rg_value *xs, int axis)
{
    return rg_record(&op_stack, count, xs, &axis);
}

rgi_family rgi_shape_family = {&op_reshape,   &op_permute, &op_slice, &op_expand, &op_squeeze,
                               &op_unsqueeze, &op_concat,  &op_stack, NULL};
