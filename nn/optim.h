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
 * In the formulas x is a parameter, g its gradient, t = 1, 2, .. the number of its steps; state is
 * 0 before the first one. With weight decay w, w x is added to g first (but see AdamW). State is
 * kept in the parameter's type; numbers that depend on t alone are computed in float64. State below
 * the smallest normal number is set to 0: such numbers change nothing and are slow to compute with.
 *
 * The loops run in the widest instruction set the machine has. They never contract a multiplication
 * and an addition into one, so that every instruction set gives bitwise the same results.
 *
 * An optimizer belongs to one thread at a time. It uses the collection's allocator and must be
 * destroyed before it. L-BFGS, which evaluates the loss itself, is in lbfgs.h.
 */
#ifndef RG_NN_OPTIM_H
#define RG_NN_OPTIM_H

#include "params.h"

RG_BEGIN_DECLS

typedef struct rg_optimizer rg_optimizer;

/* ---- kinds ---- */

/* Each of them returns an optimizer of the parameters that the collection holds now, frozen ones
 * included; parameters added later are not among them. `options` NULL: all defaults. NULL,
 * with `error` filled, if a number is not allowed (RG_ERROR_ARGUMENT) or there is no memory.
 *
 * Beside each option stands what it may be and, last, what a 0 means. All must be finite. To
 * make a number vanish whose 0 means something else, give a tiny one such as 1e-300; AdamW's decay
 * can be set to 0 by rg_optimizer_set_weight_decay. */

/* Gradient descent with momentum m and dampening d:
 *     b = g at t = 1, then m b + (1 - d) g;  x -= rate b, or rate (g + m b) if nesterov. */
typedef struct rg_sgd_options {
    double rate;         /* at least 0; 0.01 */
    double momentum;     /* m, at least 0; 0 */
    double dampening;    /* d, at most 1; 0 */
    int nesterov;        /* 0 or 1; 0 */
    double weight_decay; /* at least 0; 0 */
} rg_sgd_options;

RG_API rg_optimizer *rg_sgd_create(rg_params *params, const rg_sgd_options *options,
                                   rg_error *error);

/* RMSProp (T. Tieleman and G. Hinton, Coursera lecture 6.5, 2012) with smoothing a:
 *     v = a v + (1 - a) g^2;  s = g / (sqrt(v) + epsilon);  x -= rate s.
 * If centered (A. Graves, arXiv:1308.0850, 2013), c = a c + (1 - a) g and s has v - c^2, but at
 * least 0, for v. With momentum m, b = m b + s and x -= rate b. */
typedef struct rg_rmsprop_options {
    double rate;         /* at least 0; 0.01 */
    double alpha;        /* a, at least 0, below 1; 0.99 */
    double epsilon;      /* at least 0; 1e-8 */
    double momentum;     /* m, at least 0; 0 */
    int centered;        /* 0 or 1; 0 */
    double weight_decay; /* at least 0; 0 */
} rg_rmsprop_options;

RG_API rg_optimizer *rg_rmsprop_create(rg_params *params, const rg_rmsprop_options *options,
                                       rg_error *error);

/* Adam (D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015):
 *     m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *     x -= rate / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + epsilon).
 * With amsgrad (S. Reddi, S. Kale and S. Kumar, "On the convergence of Adam and beyond", ICLR
 * 2018), the largest v so far takes the place of v in x. */
typedef struct rg_adam_options {
    double rate;         /* at least 0; 0.001 */
    double beta1;        /* b1, at least 0, below 1; 0.9 */
    double beta2;        /* b2, at least 0, below 1; 0.999 */
    double epsilon;      /* at least 0; 1e-8 */
    double weight_decay; /* at least 0; 0 */
    int amsgrad;         /* 0 or 1; 0 */
} rg_adam_options;

RG_API rg_optimizer *rg_adam_create(rg_params *params, const rg_adam_options *options,
                                    rg_error *error);

/* AdamW (I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019): Adam
 * whose weight decay w leaves the gradient alone; instead x = (1 - rate w) x before the step. */
typedef struct rg_adamw_options {
    double rate;         /* at least 0; 0.001 */
    double beta1;        /* b1, at least 0, below 1; 0.9 */
    double beta2;        /* b2, at least 0, below 1; 0.999 */
    double epsilon;      /* at least 0; 1e-8 */
    double weight_decay; /* w, at least 0; 0.01 */
    int amsgrad;         /* 0 or 1; 0 */
} rg_adamw_options;

RG_API rg_optimizer *rg_adamw_create(rg_params *params, const rg_adamw_options *options,
                                     rg_error *error);

/* Adagrad (J. Duchi, E. Hazan and Y. Singer, JMLR 12, 2011), with s at first `accumulator`:
 *     s = s + g^2;  x -= rate / (1 + (t - 1) rate_decay) g / (sqrt(s) + epsilon). */
typedef struct rg_adagrad_options {
    double rate;         /* at least 0; 0.01 */
    double rate_decay;   /* at least 0; 0 */
    double accumulator;  /* at least 0; 0 */
    double epsilon;      /* at least 0; 1e-10 */
    double weight_decay; /* at least 0; 0 */
} rg_adagrad_options;

RG_API rg_optimizer *rg_adagrad_create(rg_params *params, const rg_adagrad_options *options,
                                       rg_error *error);

/* Adadelta (M. Zeiler, arXiv:1212.5701, 2012) with smoothing r:
 *     v = r v + (1 - r) g^2;  d = sqrt(u + epsilon) / sqrt(v + epsilon) g;
 *     u = r u + (1 - r) d^2;  x -= rate d. */
typedef struct rg_adadelta_options {
    double rate;         /* at least 0; 1 */
    double rho;          /* r, at least 0, below 1; 0.9 */
    double epsilon;      /* at least 0; 1e-6 */
    double weight_decay; /* at least 0; 0 */
} rg_adadelta_options;

RG_API rg_optimizer *rg_adadelta_create(rg_params *params, const rg_adadelta_options *options,
                                        rg_error *error);

/* Adamax (section 7.1 of the paper on Adam):
 *     m = b1 m + (1 - b1) g;  u = max(b2 u, |g| + epsilon);  x -= rate / (1 - b1^t) m / u. */
typedef struct rg_adamax_options {
    double rate;         /* at least 0; 0.002 */
    double beta1;        /* b1, at least 0, below 1; 0.9 */
    double beta2;        /* b2, at least 0, below 1; 0.999 */
    double epsilon;      /* at least 0; 1e-8 */
    double weight_decay; /* at least 0; 0 */
} rg_adamax_options;

RG_API rg_optimizer *rg_adamax_create(rg_params *params, const rg_adamax_options *options,
                                      rg_error *error);

/* NAdam (T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016): with
 * mu(t) = b1 (1 - 0.96^(t momentum_decay) / 2) and M(t) the product of mu(1) to mu(t),
 *     m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *     x -= rate ((1 - mu(t)) / (1 - M(t)) g + mu(t + 1) / (1 - M(t + 1)) m)
 *          / (sqrt(v) / sqrt(1 - b2^t) + epsilon). */
typedef struct rg_nadam_options {
    double rate;           /* at least 0; 0.002 */
    double beta1;          /* b1, at least 0, below 1; 0.9 */
    double beta2;          /* b2, at least 0, below 1; 0.999 */
    double epsilon;        /* at least 0; 1e-8 */
    double momentum_decay; /* at least 0; 0.004 */
    double weight_decay;   /* at least 0; 0 */
} rg_nadam_options;

RG_API rg_optimizer *rg_nadam_create(rg_params *params, const rg_nadam_options *options,
                                     rg_error *error);

/* ---- all kinds ---- */

/* Frees the optimizer, not the parameters. NULL is allowed. */
RG_API void rg_optimizer_destroy(rg_optimizer *optimizer);

/* Changes every parameter that is not frozen, each in one pass. Gradients stay. A frozen parameter
 * keeps its state and its t. Allocates nothing. Fails only where a function given to
 * rg_optimizer_set_allreduce does. */
RG_API rg_status rg_optimizer_step(rg_optimizer *optimizer);

/* From now on steps of large parameters share their work with the threads of a pool (NULL: with
 * none). Results do not depend on it. The pool is not the optimizer's, and must be there until it
 * is taken away again or the optimizer is destroyed. */
RG_API void rg_optimizer_set_threads(rg_optimizer *optimizer, rg_threads *threads);

/* Makes the gradients of its parameters zero. */
RG_API void rg_optimizer_zero_grad(rg_optimizer *optimizer);

/* The learning rate; it may change between steps, to 0 too. RG_ERROR_ARGUMENT, with the old rate
 * kept, for one that is negative, infinite or NaN. */
RG_API double rg_optimizer_rate(const rg_optimizer *optimizer);
RG_API rg_status rg_optimizer_set_rate(rg_optimizer *optimizer, double rate);

/* How many steps were made. */
RG_API int64_t rg_optimizer_steps(const rg_optimizer *optimizer);

/* ---- groups ---- */

/* Sets, for its parameters whose name matches the pattern (as in rg_params_freeze), a factor on the
 * learning rate, at first 1, or the weight decay, at first that of the options. The rate may go on
 * changing: each parameter's is its factor times rg_optimizer_rate. Returns how many parameters
 * match; -1, with `error` filled and nothing changed, if the number is negative, infinite or NaN,
 * or the pattern is NULL (RG_ERROR_ARGUMENT).
 *
 *     rg_optimizer_set_rate_factor(optimizer, "layer0.*", 0.1, NULL);
 *     rg_optimizer_set_weight_decay(optimizer, "*.bias", 0, NULL); */
RG_API int rg_optimizer_set_rate_factor(rg_optimizer *optimizer, const char *pattern, double factor,
                                        rg_error *error);
RG_API int rg_optimizer_set_weight_decay(rg_optimizer *optimizer, const char *pattern, double decay,
                                         rg_error *error);

/* ---- several machines ---- */

/* Replaces `count` gradients, float64 or float32 as `type` says, by their mean (or sum, if that is
 * wanted) over all machines. They are those of one element type in order of addition, with zeros
 * between parameters. Anything but RG_OK ends the step. */
typedef rg_status rg_allreduce(void *context, void *gradients, int64_t count, rg_type type);

/* From now on each step begins with a call of `allreduce` for each element type in the collection,
 * float64 first. If one fails, the step returns its status and nothing changes but the gradients it
 * was given. Frozen parameters take part, so that all machines exchange the same numbers. Makes the
 * collection contiguous (rg_params_make_contiguous), with its errors. NULL: no calls any more. */
RG_API rg_status rg_optimizer_set_allreduce(rg_optimizer *optimizer, rg_allreduce *allreduce,
                                            void *context, rg_error *error);

RG_END_DECLS

#endif
