/*
 * clip.h: bounds on gradients, applied between the sweep and the optimizer's step.
 *
 *     if (rg_backward(loss) == RG_OK && rg_clip_grad_norm(params, 2, 1.0, NULL, &error) == RG_OK)
 *         rg_optimizer_step(optimizer);
 *
 * Frozen parameters are left out. Sums are taken in float64 in a fixed order, so that results are
 * the same on every machine. To be called by one thread at a time.
 */
#ifndef RG_NN_CLIP_H
#define RG_NN_CLIP_H

#include "params.h"

RG_BEGIN_DECLS

/* The norm of order 1, 2 or INFINITY of all gradients together, as one vector. NaN if `params` is
 * NULL or the order another. */
RG_API double rg_grad_norm(rg_params *params, double order);

/* Scales all gradients by min(1, limit / (norm + 1e-6)), so that their norm does not exceed the
 * limit (R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
 * networks", ICML 2013). The norm before is written to *norm, unless NULL. Nothing is scaled if
 * the norm is infinite or NaN (RG_ERROR_NUMERIC), or the limit negative, infinite or NaN, the order
 * not 1, 2 or INFINITY, or `params` NULL (RG_ERROR_ARGUMENT; *norm is NaN). */
RG_API rg_status rg_clip_grad_norm(rg_params *params, double order, double limit, double *norm,
                                   rg_error *error);

/* Makes every element that exceeds the limit the limit, and every one below -limit -limit; a NaN
 * stays. RG_ERROR_ARGUMENT, with nothing changed: the limit is negative, infinite or NaN, or
 * `params` NULL. */
RG_API rg_status rg_clip_grad_value(rg_params *params, double limit, rg_error *error);

RG_END_DECLS

#endif
