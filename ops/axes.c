#include "axes.h"

#include <string.h>

#include "elementwise.h"
#include "reduce.h"
#include "shape_ops.h"

rgi_lines rgi_lines_along(const rg_shape *shape, int axis)
{
    axis = axis < 0 ? axis + shape->rank : axis;
    rgi_lines lines = {1, shape->dim[axis], 1};
    for (int i = 0; i < axis; i++)
        lines.outer *= shape->dim[i];
    for (int i = axis + 1; i < shape->rank; i++)
        lines.step *= shape->dim[i];
    return lines;
}

/* Which axes are reduced; fails the call for a wrong or repeated one. */
static rg_status reduced_axes(rg_call *call, bool *reduced)
{
    const rgi_reduction *how = call->attributes;
    int rank = call->in[0]->shape.rank;
    for (int i = 0; i < rank; i++)
        reduced[i] = how->axes.count == 0;
    if (how->axes.count < 0 || how->axes.count > RG_MAX_RANK)
        return rg_call_fail(call, RG_ERROR_ARGUMENT, "%d axes are too many", how->axes.count);
    for (int i = 0; i < how->axes.count; i++) {
        int axis;
        if (rgi_axis(call, how->axes.axis[i], rank, &axis) != RG_OK)
            return RG_ERROR_INDEX;
        if (reduced[axis])
            return rg_call_fail(call, RG_ERROR_ARGUMENT, "axis %d is named twice", axis);
        reduced[axis] = true;
    }
    return RG_OK;
}

rg_status rgi_reduction_shape(rg_call *call)
{
    const rgi_reduction *how = call->attributes;
    const rg_shape *in = &call->in[0]->shape;
    bool reduced[RG_MAX_RANK];
    rg_status status = reduced_axes(call, reduced);
    if (status != RG_OK)
        return status;
    rg_shape out = {0};
    for (int i = 0; i < in->rank; i++)
        if (!reduced[i] || how->keepdim)
            out.dim[out.rank++] = reduced[i] ? 1 : in->dim[i];
    call->out->shape = out;
    return RG_OK;
}

int64_t rgi_reduction_count(const rg_call *call)
{
    const rg_shape *in = &call->in[0]->shape;
    const rgi_reduction *how = call->attributes;
    int64_t count = how->axes.count == 0 ? call->in[0]->size : 1;
    for (int i = 0; i < how->axes.count; i++) {
        int64_t axis = how->axes.axis[i];
        count *= in->dim[axis < 0 ? axis + in->rank : axis];
    }
    return count;
}

bool rgi_reduction_resolve(const rg_op *op, rg_value x, const rgi_reduction *how, rg_shape *out,
                           int64_t *count)
{
    rg_tensor in = {.shape = rg_get_shape(x), .size = rg_size(x)}, result = {0};
    const rg_tensor *list = &in;
    rg_call call = {
        .op = op, .count = 1, .in = &list, .out = &result, .attributes = how, .tape = x.tape};
    if (rgi_reduction_shape(&call) != RG_OK)
        return false;
    *out = result.shape;
    *count = rgi_reduction_count(&call);
    return true;
}

bool rgi_reduction_walk(rgi_rows *rows, const rg_call *call)
{
    const rg_tensor *x = call->in[0];
    bool reduced[RG_MAX_RANK];
    rg_call copy = *call;
    reduced_axes(&copy, reduced);
    rg_tensor kept = {.shape = x->shape};
    for (int i = 0; i < x->shape.rank; i++)
        if (reduced[i])
            kept.shape.dim[i] = 1;
    rgi_rows_begin(rows, &x->shape);
    rgi_rows_add_data(rows, x);
    rgi_rows_add_grad(rows, x);
    rgi_rows_add_grad(rows, &kept);
    return rgi_rows_first(rows);
}

rg_value rgi_spread(const rg_rule *rule, rg_value value)
{
    const rgi_reduction *how = rule->attributes;
    rg_shape x = rg_get_shape(rule->in[0]), kept = x;
    for (int i = 0; i < x.rank && how->axes.count == 0; i++)
        kept.dim[i] = 1;
    for (int i = 0; i < how->axes.count; i++)
        kept.dim[how->axes.axis[i] < 0 ? how->axes.axis[i] + x.rank : how->axes.axis[i]] = 1;
    return rg_expand(rg_reshape(value, kept), x);
}

rg_value rgi_shares(const rg_rule *rule, rg_value x, rg_value y)
{
    const rgi_reduction *how = rule->attributes;
    rg_value nan_too = rg_mul(rg_not_equal(x, x), rg_not_equal(y, y));
    rg_value hit = rg_max(rg_equal(x, y), nan_too);
    rg_value count = rg_sum_over(hit, how->axes, 1);
    return rg_div(hit, count);
}

rg_value rgi_reduce(const rg_op *op, rg_value x, rg_axes axes, int keepdim)
{
    rgi_reduction how;
    memset(&how, 0, sizeof how);
    how.axes = axes;
    how.keepdim = keepdim != 0;
    return rg_record(op, 1, &x, &how);
}

static const rgi_reduction all = {{0, {0}}, 0};
static const rgi_reduction last = {{1, {-1}}, 0};
static const rgi_reduction first_kept = {{1, {0}}, 1};
static const rgi_reduction outer = {{2, {0, 2}}, 0};

const rg_sample rgi_reduction_samples[4] = {
    {.shape = {{1, {5}}}, .low = {-2}, .high = {2}, .attributes = &all},
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &last},
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &first_kept},
    {.shape = {{3, {2, 3, 4}}}, .low = {-2}, .high = {2}, .attributes = &outer},
};
