/*
 * moments.h: products, variances, norms over axes, and running sums. Axes and keepdim are those of
 * reduce.h; no axes: all.
 */
#ifndef RG_OPS_MOMENTS_H
#define RG_OPS_MOMENTS_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* The product of the elements; 1 if there are none. The gradient of each is g times the product of
 * the others, exact also where elements are 0. */
RG_API rg_value rg_prod(rg_value x);
RG_API rg_value rg_prod_over(rg_value x, rg_axes axes, int keepdim);

/* The variance sum (x - mean)^2 / (n - correction) over axes (none: all); correction 1 makes it
 * unbiased, 0 leaves it biased. And its square root, whose gradient is 0 where all elements are
 * equal. */
RG_API rg_value rg_var(rg_value x, rg_axes axes, double correction, int keepdim);
RG_API rg_value rg_std(rg_value x, rg_axes axes, double correction, int keepdim);

/* The norm (sum |x|^p)^(1 / p) over axes (none: all); the largest |x| for p = INFINITY, the
 * smallest for -INFINITY. The gradient at a zero vector is 0. RG_ERROR_ARGUMENT for p = 0 or NaN.
 */
RG_API rg_value rg_norm(rg_value x, double p, rg_axes axes, int keepdim);

/* Running sums along one axis: y[i] = x[0] + .. + x[i]. */
RG_API rg_value rg_cumsum(rg_value x, int axis);

RG_END_DECLS

#endif
