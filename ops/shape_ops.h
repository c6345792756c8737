/*
 * shape_ops.h: other shapes for the same elements.
 *
 * Views share their argument's memory and cost no copy; their gradient flows to the elements they
 * show. All take any element type.
 */
#ifndef RG_OPS_SHAPE_OPS_H
#define RG_OPS_SHAPE_OPS_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* The same elements, row-major, in another shape with as many elements; one dimension may be -1 and
 * is worked out. A view, of a dense copy if x is a strided view. RG_ERROR_SHAPE if counts differ.
 */
RG_API rg_value rg_reshape(rg_value x, rg_shape shape);

/* A view with two axes exchanged. */
RG_API rg_value rg_transpose(rg_value x, int axis_a, int axis_b);

/* A view whose axis i is x's axis axes[i]; each axis must appear once. */
RG_API rg_value rg_permute(rg_value x, rg_axes axes);

/* A view of the elements start, start + step, .. before stop (after stop for a negative step) along
 * one axis. Negative start and stop count from the end; both are clipped to the axis as NumPy does,
 * so RG_SLICE_END as stop means all. step must not be 0. */
RG_API rg_value rg_slice(rg_value x, int axis, int64_t start, int64_t stop, int64_t step);
#define RG_SLICE_END INT64_MAX

/* A view in which dimensions of size 1, or missing at the left, are stretched to `shape`; a -1
 * keeps a dimension. RG_ERROR_SHAPE if x does not broadcast to it. */
RG_API rg_value rg_expand(rg_value x, rg_shape shape);

/* Views without an axis of size 1, and with one more. For unsqueeze the axis counts in the result.
 */
RG_API rg_value rg_squeeze(rg_value x, int axis);
RG_API rg_value rg_unsqueeze(rg_value x, int axis);

/* `count` tensors joined along an axis they have; their other dimensions must agree. A copy. */
RG_API rg_value rg_concat(int count, const rg_value *xs, int axis);

/* `count` tensors of one shape joined along a new axis, which counts in the result. A copy. */
RG_API rg_value rg_stack(int count, const rg_value *xs, int axis);

RG_END_DECLS

#endif
