/*
 * lbfgs.h: L-BFGS: minimisation with curvature learnt from the last few steps, for losses that are
 * the same function at every call: all data at once, no dropout.
 *
 *     static rg_status evaluate(void *context, double *loss)
 *     {
 *         rg_tape_reset(tape);
 *         rg_value y = ..;
 *         *loss = rg_item(y);
 *         return rg_backward(y);
 *     }
 *
 *     rg_lbfgs *lbfgs = rg_lbfgs_create(params, NULL, &error);
 *     for (int i = 0; i < 10 && status == RG_OK; i++)
 *         status = rg_lbfgs_step(lbfgs, evaluate, context, &loss);
 *     rg_lbfgs_destroy(lbfgs);
 *
 * The direction is the two-loop recursion's, its length that of a line search for the strong Wolfe
 * conditions with cubic interpolation (J. Nocedal and S. Wright, "Numerical optimization", 2nd
 * edition, 2006, algorithms 7.4, 7.5, 3.5 and 3.6). All of it is computed in float64, whatever the
 * parameters are, and keeps 4 + 2 `history` such numbers for each element.
 *
 * rg_lbfgs_save and rg_lbfgs_load (save.h) keep it in a file.
 *
 * It belongs to one thread at a time, uses the collection's allocator and must be destroyed before
 * it.
 */
#ifndef RG_NN_LBFGS_H
#define RG_NN_LBFGS_H

#include "params.h"

RG_BEGIN_DECLS

typedef struct rg_lbfgs rg_lbfgs;

/* With loss f, direction d and f' the derivative along d at step length a, a step satisfies
 *     f(a) <= f(0) + decrease a f'(0)  and  |f'(a)| <= curvature |f'(0)|. */
typedef struct rg_lbfgs_options {
    int64_t history;     /* steps remembered, at least 1; 0: 10 */
    int64_t iterations;  /* in a call of rg_lbfgs_step, at least 1; 0: 20 */
    int64_t evaluations; /* in a line search, and one more to go back; at least 1; 0: 25 */
    double decrease;     /* above 0, below `curvature`; 0: 1e-4 */
    double curvature;    /* below 1; 0: 0.9 */
    double tolerance;    /* iterations end once no element of the gradient exceeds it in
                          * size; at least 0; 0 */
} rg_lbfgs_options;

/* For the parameters that the collection holds now; those frozen during a step are not changed by
 * it. `options` NULL: all defaults. NULL, with `error` filled, if an option is not allowed or
 * `params` is NULL (RG_ERROR_ARGUMENT), or there is no memory. */
RG_API rg_lbfgs *rg_lbfgs_create(rg_params *params, const rg_lbfgs_options *options,
                                 rg_error *error);

/* Frees it, not the parameters. NULL is allowed. */
RG_API void rg_lbfgs_destroy(rg_lbfgs *lbfgs);

/* Computes the loss of the parameters as they are, and adds its gradient to theirs, which are zero
 * when it is called. */
typedef rg_status rg_closure(void *context, double *loss);

/* Makes some iterations, of which each has one evaluation or a few more. Ends early where nothing
 * is to be gained: the gradient is within the tolerance, or rounding hides any decrease. *loss,
 * unless NULL, becomes the loss of the parameters as they then are; it never rises, and gradients
 * are those of the last evaluation. RG_ERROR_NUMERIC, with nothing changed: the first loss or
 * gradient is not finite; points later where they are not finite are avoided. A status of the
 * closure other than RG_OK is returned, with the parameters of the last finished iteration. */
RG_API rg_status rg_lbfgs_step(rg_lbfgs *lbfgs, rg_closure *closure, void *context, double *loss);

RG_END_DECLS

#endif
