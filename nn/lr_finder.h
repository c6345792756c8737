/*
 * lr_finder.h: a good learning rate, found by trying (L. N. Smith, "Cyclical learning rates for
 * training neural networks", WACV 2017): the rate is raised exponentially from one step to the
 * next. The loss falls little while it is too small, then fast, then explodes.
 *
 *     rg_lr_point points[100];
 *     rg_lr_result found;
 *     rg_optimizer *trial = rg_adam_create(rg_mlp_params(mlp), NULL, &error);
 *     rg_lr_find(mlp, trial, train, &(rg_lr_options){.batch = 64}, points, &found, &error);
 *     rg_optimizer_destroy(trial);
 */
#ifndef RG_NN_LR_FINDER_H
#define RG_NN_LR_FINDER_H

#include "train.h"

RG_BEGIN_DECLS

/* Fields left 0 take the default said beside them. */
typedef struct rg_lr_options {
    rg_loss loss;
    int64_t steps;    /* at least 3; 100 */
    int64_t batch;    /* examples a step; 0: all of them */
    int threads;      /* as in rg_train_options */
    double low, high; /* the rates of the first and the last step, 0 < low < high; 1e-6 and 10 */
    double smoothing; /* b below, in [0, 1); 0.9 */
    uint64_t seed;    /* of the order of examples, as in rg_train; 0 */
} rg_lr_options;

/* A step. Of the losses l of the batches so far, with b the smoothing and n the number of the step
 * from 1: s = b s + (1 - b) l from s = 0, and what is noted is s / (1 - b^n). */
typedef struct rg_lr_point {
    double rate; /* of the step */
    double loss; /* smoothed, before the step */
} rg_lr_point;

typedef struct rg_lr_result {
    int64_t count; /* of points that were noted */
    double rate; /* from which on the noted loss has gone three quarters of the way from the highest
                  * before its lowest point down to that; NaN if it falls nowhere. Levels, unlike
                  * slopes, hardly change with the batches that happen to come */
} rg_lr_result;

/* Trains on `data`, pass after pass, in training mode, and notes each step in `points`, which has
 * room for all steps, until they are made or the noted loss is above 4 times the lowest one or not
 * finite. Then the network's parameters, buffers and mode and the optimizer's rate are bitwise what
 * they were, and the gradients are zero. The optimizer's other state stays that of the search: give
 * one that is made for it. RG_ERROR_ARGUMENT or RG_ERROR_TYPE if something is not allowed or does
 * not fit; RG_ERROR_NUMERIC if fewer than three steps have a finite loss; RG_ERROR_MEMORY; or the
 * tape's error. On failure too the network is what it was. */
RG_API rg_status rg_lr_find(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *data,
                            const rg_lr_options *options, rg_lr_point *points, rg_lr_result *result,
                            rg_error *error);

RG_END_DECLS

#endif
