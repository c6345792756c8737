/*
 * softmax.h: normalised exponentials, computed after subtracting the maximum so that nothing
 * overflows.
 */
#ifndef RG_OPS_SOFTMAX_H
#define RG_OPS_SOFTMAX_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* y = e^x / sum e^x along one axis; negative axes count from the end. Gradient: y (g - sum g y). */
RG_API rg_value rg_softmax(rg_value x, int axis);

/* The logarithm of that, exact where softmax underflows. Gradient: g - softmax(x) sum g. */
RG_API rg_value rg_log_softmax(rg_value x, int axis);

/* ln sum e^x over all elements, or over axes as in reduce.h; -inf if there are none. Gradient:
 * g softmax(x); 0 where all are -inf; shared evenly among +inf. */
RG_API rg_value rg_logsumexp(rg_value x);
RG_API rg_value rg_logsumexp_over(rg_value x, rg_axes axes, int keepdim);

RG_END_DECLS

#endif
