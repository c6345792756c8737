/*
 * derivatives.h: gradients as recorded values, and derivatives of every order from them.
 *
 * rg_backward finds numbers. rg_grad_values records the same gradient as further nodes on the tape,
 * so that it can be differentiated again, and so on to any order:
 *
 *     rg_value f = rg_mul(rg_square(x), rg_sin(x)), first, second;
 *     rg_grad_values(f, (rg_value){0}, 1, &x, &first);
 *     rg_grad_values(first, (rg_value){0}, 1, &x, &second);
 *
 * It needs the recorded rule of every operation between; all built-in ones have it.
 */
#ifndef RG_AUTOGRAD_DERIVATIVES_H
#define RG_AUTOGRAD_DERIVATIVES_H

#include "status.h"
#include "value.h"

RG_BEGIN_DECLS

/* Records the gradient of sum(upstream y) with respect to each of xs, of its shape and type, and
 * sets grads[i] to it; zeros where y does not depend on xs[i]. xs may be any recorded values.
 * `upstream` has y's shape; (rg_value){0} means 1 and needs a y with one element. Returns the
 * tape's error: RG_ERROR_SHAPE if upstream does not fit, RG_ERROR_GRADIENT for an operation without
 * a rule, RG_ERROR_MEMORY, or what the tape had before; grads are then inert. */
RG_API rg_status rg_grad_values(rg_value y, rg_value upstream, int count, const rg_value *xs,
                                rg_value *grads);

/* Records the derivative of y along directions: sum over i of (dy / dxs[i]) directions[i], of y's
 * shape (the Jacobian times a vector; it is found by transposing twice). directions[i] has the
 * shape of xs[i]. Inert after an error, as above. */
RG_API rg_value rg_jvp(rg_value y, int count, const rg_value *xs, const rg_value *directions);

RG_END_DECLS

#endif
