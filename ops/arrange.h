/*
 * arrange.h: elements moved, repeated, cut off or padded. Gradients flow back to where each element
 * came from.
 */
#ifndef RG_OPS_ARRANGE_H
#define RG_OPS_ARRANGE_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* A view with the elements along the given axes in reverse order. */
RG_API rg_value rg_flip(rg_value x, rg_axes axes);

/* A view of the diagonal of axes 0 and 1, which becomes the last axis: elements (i, i + offset), or
 * (i - offset, i) for a negative offset. RG_ERROR_SHAPE for a rank below 2. */
RG_API rg_value rg_diagonal(rg_value x, int64_t offset);

/* x with 0 above, below the given diagonal of the last two axes: the elements kept have j - i <=
 * diagonal (tril), >= diagonal (triu). RG_ERROR_SHAPE for a rank below 2. */
RG_API rg_value rg_tril(rg_value x, int64_t diagonal);
RG_API rg_value rg_triu(rg_value x, int64_t diagonal);

/* x with low[i] elements of `value` before and high[i] behind axis i, for each axis. RG_ERROR_SHAPE
 * if the lists are not as long as the rank, RG_ERROR_ARGUMENT for a negative number. */
RG_API rg_value rg_pad(rg_value x, rg_axes low, rg_axes high, double value);

/* x turned by shifts[i] along axis axes[i]: what leaves at the end comes in at the beginning. */
RG_API rg_value rg_roll(rg_value x, rg_axes shifts, rg_axes axes);

/* x repeated times[i] times along axis i, as tiles; more numbers than axes add axes at the left. */
RG_API rg_value rg_repeat(rg_value x, rg_axes times);

RG_END_DECLS

#endif
