/*
 * optim.h: optimizers: how gradients change parameters.
 *
 *     rg_optimizer *optimizer = rg_adam_create(params, &(rg_adam_options){.rate = 0.01}, &error);
 *     for (..) {
 *         rg_tape_reset(tape);
 *         rg_value loss = ..;
 *         rg_optimizer_zero_grad(optimizer);
 *         if (rg_backward(loss) == RG_OK)
 *             rg_optimizer_step(optimizer);
 *     }
 *     rg_optimizer_destroy(optimizer);
 *
 * In the formulas x is a parameter, g its gradient, t = 1, 2, .. the number of its steps. With
 * weight decay w, w x is added to g first. State is kept in the parameter's type; numbers that
 * depend on t alone are computed in float64. State below the smallest normal number is set to 0:
 * such numbers change nothing and are slow to compute with.
 *
 * An optimizer belongs to one thread at a time. It uses the collection's allocator and must be
 * destroyed before it.
 */
#ifndef RG_NN_OPTIM_H
#define RG_NN_OPTIM_H

#include "params.h"

RG_BEGIN_DECLS

typedef struct rg_optimizer rg_optimizer;

/* ---- kinds ---- */

/* Each of them returns an optimizer of the parameters that the collection holds now, those frozen
 * at the moment included; parameters added later are not its. `options` NULL: all defaults. NULL,
 * with `error` filled, if a number is not allowed (RG_ERROR_ARGUMENT) or there is no memory. */

/* Gradient descent with momentum m and dampening d:
 *     b = g at t = 1, then m b + (1 - d) g;  x -= rate b, or rate (g + m b) if nesterov. */
typedef struct rg_sgd_options {
    double rate;         /* finite, at least 0; 0: 0.01 */
    double momentum;     /* m, at least 0; 0 */
    double dampening;    /* d, at most 1; 0 */
    int nesterov;        /* 0 */
    double weight_decay; /* at least 0; 0 */
} rg_sgd_options;

RG_API rg_optimizer *rg_sgd_create(rg_params *params, const rg_sgd_options *options,
                                   rg_error *error);

/* Adam (D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015):
 *     m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *     x -= rate / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + epsilon).
 * To make beta1, beta2 or epsilon vanish, give a tiny number such as 1e-300. */
typedef struct rg_adam_options {
    double rate;         /* finite, at least 0; 0: 0.001 */
    double beta1;        /* at least 0, below 1; 0: 0.9 */
    double beta2;        /* at least 0, below 1; 0: 0.999 */
    double epsilon;      /* at least 0; 0: 1e-8 */
    double weight_decay; /* at least 0; 0 */
} rg_adam_options;

RG_API rg_optimizer *rg_adam_create(rg_params *params, const rg_adam_options *options,
                                    rg_error *error);

/* ---- all kinds ---- */

/* Frees the optimizer, not the parameters. NULL is allowed. */
RG_API void rg_optimizer_destroy(rg_optimizer *optimizer);

/* Changes every parameter that is not frozen, each in one pass. Gradients stay. A frozen parameter
 * keeps its state and its t. Allocates nothing and cannot fail. */
RG_API void rg_optimizer_step(rg_optimizer *optimizer);

/* Makes the gradients of its parameters zero. */
RG_API void rg_optimizer_zero_grad(rg_optimizer *optimizer);

/* The learning rate; it may change between steps, to 0 too. RG_ERROR_ARGUMENT, with the old rate
 * kept, for one that is negative, infinite or NaN. */
RG_API double rg_optimizer_rate(const rg_optimizer *optimizer);
RG_API rg_status rg_optimizer_set_rate(rg_optimizer *optimizer, double rate);

/* How many steps were made. */
RG_API int64_t rg_optimizer_steps(const rg_optimizer *optimizer);

RG_END_DECLS

#endif
