/*
 * train.h: the training loop: full batches, single examples, or anything between.
 *
 *     rg_train_options options = {.loss = RG_LOSS_CROSS_ENTROPY, .epochs = 20, .batch = 64,
 *                                 .seed = 1, .progress = stderr};
 *     rg_status status = rg_train(mlp, optimizer, train, test, &options, history, &error);
 *
 * All memory comes from the network's allocator. Once its first epoch is over a training allocates
 * nothing more, but for a history that grows. The same network, optimizer, data and seed give
 * bitwise the same parameters.
 */
#ifndef RG_NN_TRAIN_H
#define RG_NN_TRAIN_H

#include <stdio.h>

#include "batches.h"
#include "history.h"
#include "mlp.h"
#include "optim.h"

RG_BEGIN_DECLS

/* What is made small, always the mean over examples (ops/loss.h). A dataset needs classes for the
 * first, fewer or as many as the network has outputs; for the others targets, as wide as the
 * network's output. */
typedef enum rg_loss {
    RG_LOSS_CROSS_ENTROPY, /* of logits; an answer is right if the largest logit is the class's */
    RG_LOSS_MSE,           /* squared error; nothing is right or wrong: accuracy NaN */
    RG_LOSS_BCE_LOGITS     /* each output is right if it is above 0 where the target is above 1/2 */
} rg_loss;

typedef struct rg_train_options {
    rg_loss loss;
    int64_t epochs; /* passes over the data, at least 1 */
    int64_t batch;  /* examples a step; 0: all of them, 1: stochastic gradient descent */
    uint64_t seed;  /* of the order of examples, drawn anew each epoch */
    FILE *progress; /* NULL: silent; a terminal: one line redrawn; else: a line an epoch */
    int (*on_epoch)(void *context, const rg_epoch *epoch); /* not 0 stops the training; or NULL */
    void *context;                                         /* passed to it */
} rg_train_options;

/* Trains in training mode and leaves the mode as it was. `test`, which may be NULL, is only looked
 * at. Each epoch is added to `history` (may be NULL). The optimizer should be one of the network's
 * parameters. RG_OK also if on_epoch stopped it. Otherwise `error` is filled: RG_ERROR_ARGUMENT or
 * RG_ERROR_TYPE for what does not fit together, before anything is changed; RG_ERROR_NUMERIC for a
 * loss that is not finite, naming epoch and step (parameters and optimizer are as the step found
 * them); RG_ERROR_MEMORY; or the tape's error. */
RG_API rg_status rg_train(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *train,
                          const rg_dataset *test, const rg_train_options *options,
                          rg_history *history, rg_error *error);

typedef struct rg_evaluation {
    double loss;     /* mean over the examples; may be infinite or NaN */
    double accuracy; /* 0 to 1; NaN if the loss has none */
} rg_evaluation;

/* Evaluates the network on a dataset, `batch` examples at a time (0: all at once), in evaluation
 * mode, which is left as it was. Errors as rg_train's, but a loss that is not finite is none. */
RG_API rg_status rg_evaluate(rg_mlp *mlp, const rg_dataset *data, rg_loss loss, int64_t batch,
                             rg_evaluation *result, rg_error *error);

RG_END_DECLS

#endif
