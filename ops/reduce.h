/*
 * reduce.h: sums, means and extremes over axes.
 *
 * The short forms reduce all axes to a scalar. The `_over` forms reduce the given axes (negative
 * ones count from the end; none given: all); with `keepdim` 1 the reduced axes stay with size 1, so
 * that the result broadcasts against the argument. RG_ERROR_INDEX for an axis outside the rank,
 * RG_ERROR_ARGUMENT for one named twice.
 */
#ifndef RG_OPS_REDUCE_H
#define RG_OPS_REDUCE_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* The sum of the elements; 0 if there are none. The gradient of each is g. */
RG_API rg_value rg_sum(rg_value x);
RG_API rg_value rg_sum_over(rg_value x, rg_axes axes, int keepdim);

/* The sum divided by the number of elements n; NaN if there are none. The gradient is g / n. */
RG_API rg_value rg_mean(rg_value x);
RG_API rg_value rg_mean_over(rg_value x, rg_axes axes, int keepdim);

/* The largest, the smallest element. Equal extremes share the gradient evenly. NaN if one element
 * is NaN; those elements then share it. RG_ERROR_SHAPE over an axis without elements. */
RG_API rg_value rg_amax(rg_value x);
RG_API rg_value rg_amax_over(rg_value x, rg_axes axes, int keepdim);
RG_API rg_value rg_amin(rg_value x);
RG_API rg_value rg_amin_over(rg_value x, rg_axes axes, int keepdim);

RG_END_DECLS

#endif
