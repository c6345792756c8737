/*
 * evaluate.h: a network running over the batches of a dataset, for training and judging (private).
 */
#ifndef RG_NN_EVALUATE_H
#define RG_NN_EVALUATE_H

#include "internal.h"
#include "train.h"

/* A network, and what it has come to so far. */
typedef struct rgi_run {
    rg_mlp *mlp;
    rg_tape *tape;
    rg_loss loss;
    double loss_sum;       /* over examples */
    int64_t right, judged; /* answers */
    int64_t examples;
} rgi_run;

/* Whether data and loss fit the network; messages begin with `what`. */
rg_status rgi_check_fit(const rg_mlp *mlp, const rg_dataset *data, rg_loss loss, const char *what,
                        rg_error *error);

/* A run with a tape of its own, of the network's allocator. */
rgi_run rgi_run_create(rg_mlp *mlp, rg_loss loss);
void rgi_run_destroy(rgi_run *run);

/* Forgets what was added up. */
void rgi_run_start(rgi_run *run);
/* Records the loss of a batch and adds up how well the network does. */
rg_value rgi_run_batch(rgi_run *run, const rg_batch *batch);
rg_evaluation rgi_run_result(const rgi_run *run);

/* A pass over the batches in evaluation mode. */
rg_status rgi_run_evaluate(rgi_run *run, rg_batches *batches, rg_evaluation *result,
                           rg_error *error);

/* The number of the largest of `count` elements from `first` on; the first one of equals. */
int64_t rgi_largest(const void *array, rg_type type, int64_t first, int64_t count);

#endif
