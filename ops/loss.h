/*
 * loss.h: losses. Each compares predictions with targets element by element or item by item and
 * reduces the losses: RG_MEAN divides the sum by their number (cross-entropy: by the kept items'
 * weights), RG_BATCH_MEAN by the size of axis 0 (not for cross-entropy), RG_SUM adds them, RG_NONE
 * keeps them apart.
 */
#ifndef RG_OPS_LOSS_H
#define RG_OPS_LOSS_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

typedef enum rg_reduction { RG_MEAN, RG_SUM, RG_NONE, RG_BATCH_MEAN } rg_reduction;

/* Squared error (x - t)^2. Shapes must be equal. Gradients flow to both. */
RG_API rg_value rg_mse_loss(rg_value x, rg_value target, rg_reduction reduction);

/* Absolute error |x - t|; slope 0 where they are equal. Shapes must be equal; gradients flow to
 * both. */
RG_API rg_value rg_l1_loss(rg_value x, rg_value target, rg_reduction reduction);

/* Huber's loss of d = x - t: d^2 / 2 for |d| < delta, delta (|d| - delta / 2) beyond; and that
 * divided by beta = delta. delta and beta must be positive: RG_ERROR_ARGUMENT. Gradients flow to
 * both. (P. Huber, "Robust estimation of a location parameter", Ann. Math. Statist. 35, 1964) */
RG_API rg_value rg_huber_loss(rg_value x, rg_value target, double delta, rg_reduction reduction);
RG_API rg_value rg_smooth_l1_loss(rg_value x, rg_value target, double beta, rg_reduction reduction);

/* Kullback-Leibler divergence of log-probabilities x from targets t: t (ln t - x), 0 for t = 0;
 * with log_target 1 the targets are logarithms too: e^t (t - x). No gradient flows to t. */
RG_API rg_value rg_kl_div(rg_value x, rg_value target, int log_target, rg_reduction reduction);

/* Binary cross-entropy of probabilities x in [0, 1] with targets t in [0, 1]:
 * -(t ln x + (1 - t) ln(1 - x)), both logarithms limited to -100 below, so that x = 0 and x = 1
 * give finite losses; the slope is (x - t) / max(x (1 - x), 1e-12). Shapes must be equal; no
 * gradient flows to t. Prefer rg_bce_with_logits, which loses nothing. */
RG_API rg_value rg_bce(rg_value x, rg_value target, rg_reduction reduction);

/* The same with weights per element, which broadcast to x. */
RG_API rg_value rg_bce_weighted(rg_value x, rg_value target, rg_value weight,
                                rg_reduction reduction);

/* Binary cross-entropy of logits: the above at sigmoid(x), without overflow or loss of digits:
 * (1 - t) ln(1 + e^x) + t ln(1 + e^-x). Gradient: sigmoid(x) - t. */
RG_API rg_value rg_bce_with_logits(rg_value x, rg_value target, rg_reduction reduction);

/* The same with weights per element and a weight p of the positive class, both of which broadcast
 * to x: w ((1 - t) ln(1 + e^x) + p t ln(1 + e^-x)). (rg_value){0} leaves out either. */
RG_API rg_value rg_bce_with_logits_weighted(rg_value x, rg_value target, rg_value weight,
                                            rg_value positive, rg_reduction reduction);

/* Cross-entropy of logits x [N, C] with classes t [N] (int64, 0 to C - 1): the mean of
 * -ln softmax(x)[n][t[n]]. Further axes are items: x [N, C, H, W] goes with t [N, H, W].
 * Gradient: (softmax(x) - onehot(t)) / N. RG_ERROR_INDEX, naming the item, for a class outside. */
RG_API rg_value rg_cross_entropy(rg_value logits, rg_value classes);

typedef struct rg_cross_entropy_options {
    rg_reduction reduction;
    double label_smoothing; /* e in [0, 1]: the target is 1 - e the class and e spread evenly */
    int ignore;             /* 1: items of class `ignored` count for nothing */
    int64_t ignored;
    rg_value weight; /* [C]; (rg_value){0}: all ones; no gradient flows to it */
} rg_cross_entropy_options;

/* Per item: (1 - e) w_t (-ln p_t) + e / C sum_c w_c (-ln p_c); RG_MEAN divides by the sum of w_t
 * over the items kept, and is 0 if there are none. `options` NULL: the plain mean. */
RG_API rg_value rg_cross_entropy_with(rg_value logits, rg_value classes,
                                      const rg_cross_entropy_options *options);

/* The same with target distributions t [N, C, ..] of the logits' shape in place of classes:
 * -sum_c w_c t'_c ln p_c with t' = (1 - e) t + e / C per item; RG_MEAN divides by the number of
 * items. `ignore` does not apply. Gradients flow to both. */
RG_API rg_value rg_cross_entropy_soft(rg_value logits, rg_value target,
                                      const rg_cross_entropy_options *options);

/* Negative log-likelihood: cross-entropy of log-probabilities x in place of logits, -w_t x_t per
 * item; label smoothing does not apply. `options` NULL: the plain mean. */
RG_API rg_value rg_nll_loss(rg_value x, rg_value classes, const rg_cross_entropy_options *options);

RG_END_DECLS

#endif
