/*
 * batches.h: a dataset in portions, as values on a tape.
 *
 *     rg_random random = rg_random_create(1);
 *     rg_batches *batches = rg_batches_create(data, 64, &random, NULL, &error);
 *     for (int epoch = 0; epoch < 10; epoch++) {
 *         rg_batches_start(batches);
 *         for (rg_batch batch; rg_tape_reset(tape), rg_batches_next(batches, tape, &batch);)
 *             ..
 *     }
 *
 * No example is copied where the order is the dataset's own; otherwise each batch is gathered into
 * a buffer. Nothing is allocated after the creation.
 */
#ifndef RG_NN_BATCHES_H
#define RG_NN_BATCHES_H

#include "../autograd/random.h"
#include "../autograd/value.h"
#include "dataset.h"

RG_BEGIN_DECLS

typedef struct rg_batches rg_batches;

/* One batch. Its values read memory of the dataset or of the batches: they are good until the next
 * batch is asked for. */
typedef struct rg_batch {
    rg_value inputs;  /* [count, features] */
    rg_value classes; /* [count], int64; inert if the dataset has none */
    rg_value targets; /* [count, target_width]; inert if the dataset has none */
    int64_t count;
} rg_batch;

/* Batches of `size` examples, the last one of what is left; size 0, or more than there are: all at
 * once. No pass has begun yet. With `shuffle` every pass has a new random order drawn from it (a
 * shuffle of the dataset's own order, whatever the passes before had), except that a single batch
 * keeps the dataset's; NULL: always the dataset's. Dataset and generator must outlive the batches.
 * `allocator` NULL: the C library's. NULL, with `error` filled, for a NULL dataset or a negative
 * size (RG_ERROR_ARGUMENT) or without memory. */
RG_API rg_batches *rg_batches_create(const rg_dataset *data, int64_t size, rg_random *shuffle,
                                     const rg_allocator *allocator, rg_error *error);

/* NULL is allowed. */
RG_API void rg_batches_destroy(rg_batches *batches);

/* Begins a pass over all examples. */
RG_API void rg_batches_start(rg_batches *batches);

/* The number of batches in a pass. */
RG_API int64_t rg_batches_count(const rg_batches *batches);

/* Passes over the next `count` batches, or over what is left of the pass if that is less. */
RG_API void rg_batches_skip(rg_batches *batches, int64_t count);

/* Records the next batch as constants and returns 1; returns 0 when the pass is over. Errors are
 * the tape's. */
RG_API int rg_batches_next(rg_batches *batches, rg_tape *tape, rg_batch *batch);

RG_END_DECLS

#endif
