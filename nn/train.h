/*
 * train.h: the training loop: full batches, single examples, or anything between.
 *
 *     rg_train_options options = {.loss = RG_LOSS_CROSS_ENTROPY, .epochs = 20, .batch = 64,
 *                                 .seed = 1, .progress = stderr};
 *     rg_status status = rg_train(mlp, optimizer, train, test, &options, history, &error);
 *
 * All memory comes from the network's allocator, but for the stacks of threads. Once its first
 * epoch is over a training allocates nothing more, but for a history that grows. The same network,
 * optimizer, data and seed give bitwise the same parameters, also if the training is cut into
 * pieces: see first_epoch.
 */
#ifndef RG_NN_TRAIN_H
#define RG_NN_TRAIN_H

#include <signal.h>
#include <stdio.h>

#include "batches.h"
#include "history.h"
#include "mlp.h"
#include "optim.h"

RG_BEGIN_DECLS

/* What is made small, always the mean over examples (ops/loss.h). The losses of classes need a
 * dataset with classes, fewer or as many as the network has outputs; an answer is right if the
 * largest output is the class's. The others need targets, as wide as the network's output, and are
 * the mean over the outputs too; those without right or wrong answers have accuracy NaN. */
typedef enum rg_loss {
    RG_LOSS_CROSS_ENTROPY, /* of logits, with classes: -ln softmax(y)[class] */
    RG_LOSS_MSE,           /* squared error, with targets; accuracy NaN */
    RG_LOSS_BCE_LOGITS,    /* binary cross-entropy of logits, with targets; each output is right if
                            * it is above 0 exactly where the target is above 1/2 */
    RG_LOSS_BCE_CLASSES,   /* of logits, with classes: each output says for itself whether the
                            * example is of its class; binary cross-entropy, summed over outputs */
    RG_LOSS_QUADRATIC,     /* the same with 1/2 sum (sigmoid(y) - t)^2, t 1 for the class, else 0.
                            * Its gradient has the sigmoid's slope as a factor, and nearly vanishes
                            * where an output is quite sure and quite wrong: learning slows down */
    RG_LOSS_L1,            /* absolute error, with targets; accuracy NaN */
    RG_LOSS_HUBER          /* Huber's loss with delta 1, with targets; accuracy NaN */
} rg_loss;

/* A step: a batch whose loss and gradients are known. */
typedef struct rg_step {
    int64_t epoch, step; /* both from 1; steps begin anew in each epoch */
    double loss;         /* of the batch, without penalties */
} rg_step;

/* Why a training ended. */
typedef enum rg_stop {
    RG_STOP_EPOCHS,   /* its last epoch was over */
    RG_STOP_CALLBACK, /* a callback asked for it */
    RG_STOP_FLAG,     /* the stop flag was set */
    RG_STOP_EARLY,    /* the validation loss fell no more */
    RG_STOP_ERROR
} rg_stop;

typedef struct rg_train_result {
    rg_stop stop;
    int64_t next_epoch, next_step; /* the step that would have come next: as first_epoch and
                                    * first_step they continue the training */
    int64_t best_epoch; /* of the lowest validation loss as `patience` counts it; 0: none */
} rg_train_result;

/* What to do. A field left 0 asks for nothing, unless a default is said beside it. */
typedef struct rg_train_options {
    rg_loss loss;
    int64_t epochs; /* the number of the last pass over the data, at least 1 */
    int threads;    /* that share the work of large operations (threads.h); 0, 1: none but the
                     * caller's. Results do not depend on it */
    rg_matmul_precision precision; /* of large float32 products (tape.h); 0: the highest */
    int64_t batch; /* examples a step; 0: all of them, 1: stochastic gradient descent */
    uint64_t seed; /* of the order of examples, drawn anew each epoch, and of dropout */

    /* To continue a training that ended before: the first epoch and its first step, from 1; 0: 1.
     * With the parameters and the optimizer's state as they were then, and the same data and
     * options, the parameters become bitwise what a training in one piece makes them. Figures of an
     * epoch that is continued are those of its rest. An epoch after the last trains nothing. */
    int64_t first_epoch, first_step;

    /* Penalties: l1 sum |w| + l2 / 2 sum w^2 over the weights of the linear layers that are not
     * frozen, added to the loss: to its gradients, not to the figures shown, which stay comparable
     * with those of other sets. l2 is what an optimizer does that adds decay w to the gradient
     * (optim.h), but for weights alone. For plain gradient descent decoupled decay is the same too;
     * an optimizer that divides by a running size of gradients, as Adam does, also divides the
     * penalty's, so that weights with large gradients shrink less than decoupled decay makes them
     * (I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019). The slope
     * of |w| at 0 is 0. Both finite, at least 0. */
    double l1, l2;

    /* Early stopping (L. Prechelt, "Early stopping - but when?", 1998): the training ends when
     * `patience` epochs in a row have not brought the validation loss below the best before by more
     * than min_improvement (finite, at least 0). Then, and after the last epoch, the network gets
     * the parameters of the best epoch back; the optimizer's state stays. A training that is
     * continued counts anew. Needs a validation set. */
    int64_t patience;
    double min_improvement;
    const rg_dataset *validation; /* evaluated after each epoch, as `test`; or NULL */

    FILE *progress; /* NULL: silent; a terminal: one line redrawn; else: a line an epoch */

    /* Called in each step when its gradients, penalties included, are there, before the optimizer
     * uses them: the place to clip them or to set the rate. And after each complete epoch. Not 0
     * stops the training, on_step's once its step is made. Or NULL. */
    int (*on_step)(void *context, const rg_step *step);
    int (*on_epoch)(void *context, const rg_epoch *epoch);
    void *context; /* passed to them */

    /* Looked at after each step: not 0 stops the training. A signal handler for Ctrl-C may set it,
     * and what was trained can then be saved. Or NULL. */
    const volatile sig_atomic_t *stop;

    rg_train_result *result; /* where to say how it ended, also if it failed; or NULL */
} rg_train_options;

/* Trains in training mode and leaves the mode as it was. `test`, which may be NULL, is only looked
 * at. Each complete epoch is added to `history` (may be NULL). The optimizer should be one of the
 * network's parameters. RG_OK also if it was stopped. Otherwise `error` is filled:
 * RG_ERROR_ARGUMENT or RG_ERROR_TYPE for what does not fit together, before anything is changed,
 * such as a batch of one example for batch normalisation; RG_ERROR_NUMERIC for a loss that is not
 * finite, naming epoch and step (parameters and optimizer are as the step found them, but running
 * values of batch normalisation may have seen its batch); RG_ERROR_MEMORY; or the tape's error. */
RG_API rg_status rg_train(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *train,
                          const rg_dataset *test, const rg_train_options *options,
                          rg_history *history, rg_error *error);

/* The generator of an epoch, for a loop of one's own that does what rg_train does. The first number
 * b = rg_random_bits is for dropout: step s calls rg_mlp_seed_dropout(mlp, b + s). What follows
 * shuffles the examples. */
RG_API rg_random rg_epoch_random(uint64_t seed, int64_t epoch);

typedef struct rg_evaluation {
    double loss;     /* mean over the examples; may be infinite or NaN */
    double accuracy; /* 0 to 1; NaN if the loss has none */
} rg_evaluation;

/* How a network passes over a dataset that it does not learn from. */
typedef struct rg_pass_options {
    int64_t batch; /* examples at a time; 0: 256 */
    int threads;   /* as in rg_train_options */
} rg_pass_options;

/* Evaluates the network on a dataset in evaluation mode; its mode stays as it was. `options` NULL:
 * all defaults. Errors as rg_train's, but a loss that is not finite is none. */
RG_API rg_status rg_evaluate(rg_mlp *mlp, const rg_dataset *data, rg_loss loss,
                             const rg_pass_options *options, rg_evaluation *result,
                             rg_error *error);

RG_END_DECLS

#endif
