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

/* Derivatives along `direction_count` directions at once, by one forward sweep over what is
 * recorded:
 *
 *     results[k * n + j] = sum over i of dys[k]/dxs[i] directions[i * n + j], n = direction_count
 *
 * directions NULL: the unit directions, as many as there are xs, so that results is the Jacobian,
 * row by row. Better than a reverse sweep for each y where there are fewer directions than ys; it
 * costs some nanoseconds a node, and a fraction of one for each direction.
 *
 * xs and ys are recorded float64 scalars of one tape. The xs are independent variables, whatever
 * was recorded before them: if one depends on another, the derivative to the other does not go
 * through it (rg_grad_values and rg_jvp go). An x given twice counts twice; a constant has the
 * derivative 0. Between xs and ys lie scalars: scalar operations, fused statements, and operations
 * with scalar operands and result (where, clamp, your own, a checkpoint without parameters inside),
 * whose backward function is called once.
 *
 * What is exactly 0 contributes exactly 0, whatever it is multiplied by: a slope, as in the reverse
 * sweep, and a tangent. Nothing is recorded, and the last reverse sweep's gradients stay as they
 * are. Memory: 4 bytes a node, and 150 to 180 for each that depends on an x, however many
 * directions there are; the tape keeps it for later calls.
 *
 * Returns the tape's error, and then leaves results alone: RG_ERROR_ARGUMENT for a negative count,
 * for NULL where something is needed, or for directions NULL and direction_count other than
 * x_count; RG_ERROR_TAPE, RG_ERROR_STALE; RG_ERROR_SHAPE or RG_ERROR_TYPE for an x or y that is a
 * tensor or float32; RG_ERROR_GRADIENT if tensors lie between; RG_ERROR_STATE if operands were
 * overwritten since; RG_ERROR_MEMORY; or what the tape had before. */
RG_API rg_status rg_forward(int x_count, const rg_value *xs, int direction_count,
                            const double *directions, int y_count, const rg_value *ys,
                            double *results);

RG_END_DECLS

#endif
