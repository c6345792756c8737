/*
 * evaluate.h: a network running over the batches of a dataset, for training and judging (private).
 */
#ifndef RG_NN_EVALUATE_H
#define RG_NN_EVALUATE_H

#include "internal.h"
#include "train.h"

/* How well a network has done so far. */
typedef struct rgi_tally {
    rg_loss loss;
    double loss_sum;       /* over examples */
    int64_t right, judged; /* answers */
    int64_t examples;
} rgi_tally;

void rgi_tally_start(rgi_tally *tally, rg_loss loss);
rg_evaluation rgi_tally_result(const rgi_tally *tally);

/* Examples at a time where there is no reason for another number: enough for full speed, few enough
 * for the cache. */
enum { RGI_EVALUATED = 256 };

/* A network with what it runs on. */
typedef struct rgi_run {
    rg_mlp *mlp;
    rg_tape *tape;
    rg_threads *threads; /* NULL: none but the caller's */
} rgi_run;

/* Whether data and loss fit the network; messages begin with `what`. */
rg_status rgi_check_fit(const rg_mlp *mlp, const rg_dataset *data, rg_loss loss, const char *what,
                        rg_error *error);

/* A run with a tape and threads of its own, of the network's allocator. RG_ERROR_ARGUMENT, in a
 * message that begins with `what`, if `threads` is not 0 to RG_MAX_THREADS, and what
 * rg_threads_create returns; it needs to be destroyed then too. */
rg_status rgi_run_create(rgi_run *run, rg_mlp *mlp, int threads, const char *what, rg_error *error);
void rgi_run_destroy(rgi_run *run);

/* Records the loss of a batch, which it adds to the tally, and makes the gradients those of this
 * loss. Returns the tape's status. */
rg_status rgi_run_gradients(rgi_run *run, const rg_batch *batch, rg_optimizer *optimizer,
                            rgi_tally *tally, double *loss);

/* Looks at what the network answers to a batch. */
typedef rg_status rgi_judge(void *context, rg_value output, const rg_batch *batch, rg_error *error);

/* Has all batches answered in evaluation mode and shows them to `judge`. Messages of its own begin
 * with `what`. */
rg_status rgi_run_pass(rgi_run *run, rg_batches *batches, rgi_judge *judge, void *context,
                       const char *what, rg_error *error);

/* The same with all that it takes, for a dataset that fits the network. */
rg_status rgi_pass(rg_mlp *mlp, const rg_dataset *data, const rg_pass_options *options,
                   rgi_judge *judge, void *context, const char *what, rg_error *error);

/* Adds up how well the network does, into an rgi_tally. */
rgi_judge rgi_tally_batch;

/* The number of the largest of `count` elements from `first` on; the first one of equals. */
int64_t rgi_largest(const void *array, rg_type type, int64_t first, int64_t count);

#endif
