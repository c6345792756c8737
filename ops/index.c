/* index.c: picking elements by integer tensors. */
#include "index.h"

#include <inttypes.h>
#include <string.h>

#include "axes.h"
#include "shape_ops.h"

static int the_axis(const rg_call *call)
{
    int axis = *(const int *)call->attributes;
    return axis < 0 ? axis + call->in[0]->shape.rank : axis;
}

/* Fails the call for the first index outside an axis of this size. */
static rg_status check_indices(rg_call *call, int64_t size)
{
    const rg_tensor *index = call->in[1];
    const int64_t *at = index->data;
    for (int64_t i = 0; i < index->size; i++)
        if (at[i] < -size || at[i] >= size)
            return rg_call_fail(call, RG_ERROR_INDEX,
                                "index %" PRId64 " (element %" PRId64
                                " of the indices) is outside an axis of size %" PRId64,
                                at[i], i, size);
    return RG_OK;
}

static int64_t resolve(int64_t index, int64_t size)
{
    return index < 0 ? index + size : index;
}

static const int first_axis = 0, last_axis = -1;

/* ---- gather ---- */

static rg_status gather_shape(rg_call *call)
{
    const rg_shape *x = &call->in[0]->shape, *index = &call->in[1]->shape;
    int axis;
    if (rgi_axis(call, *(const int *)call->attributes, x->rank, &axis) != RG_OK)
        return RG_ERROR_INDEX;
    bool fits = index->rank == x->rank;
    for (int i = 0; fits && i < x->rank; i++)
        fits = i == axis || index->dim[i] <= x->dim[i];
    if (!fits) {
        char of_x[RG_SHAPE_TEXT_SIZE], of_index[RG_SHAPE_TEXT_SIZE];
        return rg_call_fail(call, RG_ERROR_SHAPE, "indices %s do not fit %s along axis %d",
                            rg_shape_text(index, of_index), rg_shape_text(x, of_x), axis);
    }
    call->out->shape = *index;
    return check_indices(call, x->dim[axis]);
}

/* Walks the indices: the place in x that element i of the indices names. */
typedef struct gather_walk {
    int64_t at[RG_MAX_RANK], stride[RG_MAX_RANK];
    int axis;
} gather_walk;

static gather_walk gather_begin(const rg_call *call)
{
    gather_walk walk = {.axis = the_axis(call)};
    rg_tensor dense = {.shape = call->in[0]->shape};
    rgi_dense_strides(&dense);
    memcpy(walk.stride, dense.stride, sizeof walk.stride);
    return walk;
}

static int64_t gather_place(const gather_walk *walk, const rg_call *call, int64_t index)
{
    const rg_shape *x = &call->in[0]->shape;
    int64_t place = 0;
    for (int i = 0; i < x->rank; i++)
        place += walk->stride[i] * (i == walk->axis ? resolve(index, x->dim[i]) : walk->at[i]);
    return place;
}

static void gather_next(gather_walk *walk, const rg_shape *shape)
{
    for (int i = shape->rank - 1; i >= 0; i--) {
        if (++walk->at[i] < shape->dim[i])
            return;
        walk->at[i] = 0;
    }
}

static rg_status gather_forward(rg_call *call)
{
    const int64_t *index = call->in[1]->data;
    gather_walk walk = gather_begin(call);
    for (int64_t i = 0; i < call->out->size; i++) {
        int64_t place = gather_place(&walk, call, index[i]);
#define TAKE(T) ((T *)call->out->data)[i] = ((const T *)call->in[0]->data)[place]
        RGI_BY_TYPE(call->out->type, TAKE);
        gather_next(&walk, &call->out->shape);
    }
    return RG_OK;
}

static void gather_backward(rg_call *call)
{
    const int64_t *index = call->in[1]->data;
    gather_walk walk = gather_begin(call);
    for (int64_t i = 0; i < call->out->size; i++) {
        int64_t place = gather_place(&walk, call, index[i]);
#define GIVE(T) ((T *)call->in[0]->grad)[place] += ((const T *)call->out->grad)[i]
        RGI_BY_TYPE(call->out->type, GIVE);
        gather_next(&walk, &call->out->shape);
    }
}

static void gather_rule(const rg_rule *rule)
{
    rg_value x = rule->in[0];
    rg_value zeros = rg_constant_tensor(x.tape, rg_get_type(x), rg_get_shape(x), NULL);
    rule->grads[0] =
        rg_scatter_add(zeros, *(const int *)rule->attributes, rule->in[1], rule->upstream);
}

static const int64_t gather_indices[] = {2, 0, -1, 1, 1, 1};
static const rg_sample gather_samples[] = {
    {.shape = {{1, {3}}, {1, {6}}},
     .low = {-2},
     .high = {2},
     .attributes = &first_axis,
     .integers = gather_indices},
    {.shape = {{2, {2, 4}}, {2, {2, 3}}},
     .low = {-2},
     .high = {2},
     .attributes = &last_axis,
     .integers = gather_indices},
};
static const rg_op op_gather = {.name = "gather",
                                .formula = "x at the indices along an axis",
                                .gradient = "g added at the indices",
                                .arity = 2,
                                .integers = 2,
                                .attribute_size = sizeof(int),
                                .shape = gather_shape,
                                .forward = gather_forward,
                                .backward = gather_backward,
                                .rule = gather_rule,
                                RGI_SAMPLES(gather_samples)};

rg_value rg_gather(rg_value x, int axis, rg_value index)
{
    const rg_value in[2] = {x, index};
    return rg_record(&op_gather, 2, in, &axis);
}

/* ---- scatter_add ---- */

static rg_status scatter_shape(rg_call *call)
{
    rg_status status = gather_shape(call);
    if (status != RG_OK)
        return status;
    if (!rg_shape_equal(&call->in[1]->shape, &call->in[2]->shape)) {
        char index[RG_SHAPE_TEXT_SIZE], source[RG_SHAPE_TEXT_SIZE];
        return rg_call_fail(call, RG_ERROR_SHAPE, "indices %s and source %s differ in shape",
                            rg_shape_text(&call->in[1]->shape, index),
                            rg_shape_text(&call->in[2]->shape, source));
    }
    call->out->shape = call->in[0]->shape;
    return RG_OK;
}

static rg_status scatter_forward(rg_call *call)
{
    const int64_t *index = call->in[1]->data;
    gather_walk walk = gather_begin(call);
    rgi_copy_to_dense(call->out->data, call->in[0]);
    for (int64_t i = 0; i < call->in[1]->size; i++) {
        int64_t place = gather_place(&walk, call, index[i]);
#define PUT(T) ((T *)call->out->data)[place] += ((const T *)call->in[2]->data)[i]
        RGI_BY_TYPE(call->out->type, PUT);
        gather_next(&walk, &call->in[1]->shape);
    }
    return RG_OK;
}

static void scatter_backward(rg_call *call)
{
    const int64_t *index = call->in[1]->data;
    gather_walk walk = gather_begin(call);
    rg_tensor up = *call->out;
    up.data = up.grad;
    if (call->in[0]->grad)
        rgi_add_from_strided(call->in[0]->grad, &up);
    for (int64_t i = 0; i < call->in[1]->size && call->in[2]->grad; i++) {
        int64_t place = gather_place(&walk, call, index[i]);
#define FETCH(T) ((T *)call->in[2]->grad)[i] += ((const T *)call->out->grad)[place]
        RGI_BY_TYPE(call->out->type, FETCH);
        gather_next(&walk, &call->in[1]->shape);
    }
}

static void scatter_rule(const rg_rule *rule)
{
    rule->grads[0] = rule->upstream;
    if (rule->wanted[2])
        rule->grads[2] = rg_gather(rule->upstream, *(const int *)rule->attributes, rule->in[1]);
}

static const rg_sample scatter_samples[] = {
    {.shape = {{1, {3}}, {1, {6}}, {1, {6}}},
     .low = {-2, 0, -2},
     .high = {2, 0, 2},
     .attributes = &first_axis,
     .integers = gather_indices},
    {.shape = {{2, {2, 4}}, {2, {2, 3}}, {2, {2, 3}}},
     .low = {-2, 0, -2},
     .high = {2, 0, 2},
     .attributes = &last_axis,
     .integers = gather_indices},
};
static const rg_op op_scatter_add = {.name = "scatter_add",
                                     .formula = "x with the source added at the indices",
                                     .gradient = "g, 0, g at the indices",
                                     .arity = 3,
                                     .integers = 2,
                                     .attribute_size = sizeof(int),
                                     .shape = scatter_shape,
                                     .forward = scatter_forward,
                                     .backward = scatter_backward,
                                     .rule = scatter_rule,
                                     RGI_SAMPLES(scatter_samples)};

rg_value rg_scatter_add(rg_value x, int axis, rg_value index, rg_value source)
{
    const rg_value in[3] = {x, index, source};
    return rg_record(&op_scatter_add, 3, in, &axis);
}

/* ---- index_select ---- */

static rg_status select_shape(rg_call *call)
{
    const rg_shape *x = &call->in[0]->shape, *index = &call->in[1]->shape;
    int axis;
    if (rgi_axis(call, *(const int *)call->attributes, x->rank, &axis) != RG_OK)
        return RG_ERROR_INDEX;
    if (index->rank != 1)
        return rg_call_fail(call, RG_ERROR_SHAPE, "the indices have rank %d, not 1", index->rank);
    call->out->shape = *x;
    call->out->shape.dim[axis] = index->dim[0];
    return check_indices(call, x->dim[axis]);
}

static rg_status select_forward(rg_call *call)
{
    const int64_t *index = call->in[1]->data;
    rgi_lines a = rgi_lines_along(&call->in[0]->shape, the_axis(call));
    size_t bytes = (size_t)a.step * rg_type_size(call->out->type);
    char *to = call->out->data;
    for (int64_t o = 0; o < a.outer && bytes > 0; o++)
        for (int64_t k = 0; k < call->in[1]->size; k++) {
            int64_t slice = o * a.length + resolve(index[k], a.length);
            memcpy(to, (const char *)call->in[0]->data + (size_t)slice * bytes, bytes);
            to += bytes;
        }
    return RG_OK;
}

static void select_backward(rg_call *call)
{
    const int64_t *index = call->in[1]->data;
    rgi_lines a = rgi_lines_along(&call->in[0]->shape, the_axis(call));
    int64_t from = 0;
    for (int64_t o = 0; o < a.outer; o++)
        for (int64_t k = 0; k < call->in[1]->size; k++) {
            int64_t to = (o * a.length + resolve(index[k], a.length)) * a.step;
#define ADD_SLICE(T)                     \
    for (int64_t i = 0; i < a.step; i++) \
    ((T *)call->in[0]->grad)[to + i] += ((const T *)call->out->grad)[from + i]
            RGI_BY_TYPE(call->out->type, ADD_SLICE);
            from += a.step;
        }
}

/* Its reverse is scatter_add with the index repeated along the other axes. */
static void select_rule(const rg_rule *rule)
{
    rg_value x = rule->in[0], index = rule->in[1];
    rg_shape shape = rg_get_shape(rule->upstream);
    int axis = *(const int *)rule->attributes;
    axis = axis < 0 ? axis + shape.rank : axis;
    for (int i = 0; i < shape.rank; i++)
        if (i != axis)
            index = rg_unsqueeze(index, i);
    rg_value zeros = rg_constant_tensor(x.tape, rg_get_type(x), rg_get_shape(x), NULL);
    rule->grads[0] = rg_scatter_add(zeros, axis, rg_expand(index, shape), rule->upstream);
}

static const rg_sample select_samples[] = {
    {.shape = {{2, {3, 2}}, {1, {5}}},
     .low = {-2},
     .high = {2},
     .attributes = &first_axis,
     .integers = gather_indices},
    {.shape = {{3, {2, 2, 4}}, {1, {3}}},
     .low = {-2},
     .high = {2},
     .attributes = &last_axis,
     .integers = gather_indices},
};
static const rg_op op_index_select = {.name = "index_select",
                                      .formula = "slices of x at the indices along an axis",
                                      .gradient = "g added at the indices",
                                      .arity = 2,
                                      .integers = 2,
                                      .attribute_size = sizeof(int),
                                      .shape = select_shape,
                                      .forward = select_forward,
                                      .backward = select_backward,
                                      .rule = select_rule,
                                      RGI_SAMPLES(select_samples)};

rg_value rg_index_select(rg_value x, int axis, rg_value index)
{
    const rg_value in[2] = {x, index};
    return rg_record(&op_index_select, 2, in, &axis);
}

rgi_family rgi_index_family = {&op_gather, &op_scatter_add, &op_index_select, NULL};
