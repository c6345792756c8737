/*
 * dataset.h: examples to learn from: inputs with classes, with targets, or with both.
 *
 *     rg_dataset *data, *train, *test;
 *     rg_csv_read("digits.csv", &(rg_csv_options){.class_column = -1}, &data, &error);
 *     rg_random random = rg_random_create(1);
 *     rg_dataset_split(data, 0.2, &random, &train, &test, &error);
 *
 * A dataset owns its arrays; they are yours to read and change, their sizes are not. Any number of
 * threads may read one. Each function that makes a dataset sets *out to it, or to NULL when it
 * fails; free it with rg_dataset_destroy.
 */
#ifndef RG_NN_DATASET_H
#define RG_NN_DATASET_H

#include "../autograd/allocator.h"
#include "../autograd/random.h"
#include "../autograd/shape.h"
#include "../autograd/status.h"

RG_BEGIN_DECLS

typedef struct rg_dataset {
    rg_type type;         /* of inputs and targets: RG_F32 or RG_F64 */
    int64_t count;        /* examples, at least 1 */
    int64_t features;     /* numbers per example, at least 1 */
    void *inputs;         /* [count, features], row-major */
    int64_t *classes;     /* [count], each 0 to class_count - 1, or NULL */
    int64_t class_count;  /* 0 without classes */
    void *targets;        /* [count, target_width], row-major, or NULL */
    int64_t target_width; /* 0 without targets */
    rg_allocator allocator;
} rg_dataset;

/* A dataset of zeros. `allocator` NULL: the C library's. class_count 0: without classes;
 * target_width 0: without targets. RG_ERROR_TYPE unless the type is float32 or float64,
 * RG_ERROR_ARGUMENT if count or features is below 1 or one of the others negative, RG_ERROR_LIMIT
 * if an array would exceed the address space, RG_ERROR_MEMORY. */
RG_API rg_status rg_dataset_create(rg_dataset **out, const rg_allocator *allocator, rg_type type,
                                   int64_t count, int64_t features, int64_t class_count,
                                   int64_t target_width, rg_error *error);

/* Frees it with its arrays. NULL is allowed. */
RG_API void rg_dataset_destroy(rg_dataset *data);

/* A copy of the examples first to first + count - 1, with the same allocator. RG_ERROR_INDEX if
 * they are not all there, RG_ERROR_ARGUMENT if count is below 1, RG_ERROR_MEMORY. */
RG_API rg_status rg_dataset_take(const rg_dataset *data, int64_t first, int64_t count,
                                 rg_dataset **out, rg_error *error);

/* Copies the examples into two disjoint datasets that together hold each example once: `test` gets
 * held_out * count of them, rounded to the nearest, `train` the others. With `shuffle` both are in
 * the random order it draws, which depends on its state and on count alone; with NULL they keep
 * their order and `test` gets the last ones. RG_ERROR_ARGUMENT unless 0 < held_out < 1 and both
 * parts get an example, RG_ERROR_MEMORY; both outputs are then NULL. */
RG_API rg_status rg_dataset_split(const rg_dataset *data, double held_out, rg_random *shuffle,
                                  rg_dataset **train, rg_dataset **test, rg_error *error);

/* The same with `count` parts, for training, validation and test, say: part k gets the share
 * shares[k] / sum of all, which must be positive and finite. With `stratify` 0 the parts are
 * consecutive in the order that `shuffle` draws, or the dataset's, each boundary rounded to the
 * nearest example. With `stratify` 1 every class is divided in these shares too, to within `count`
 * examples; inside the parts the order is kept. RG_ERROR_ARGUMENT also without classes to stratify
 * by; RG_ERROR_INDEX for a class that is none. On failure all of `parts` are NULL. */
RG_API rg_status rg_dataset_split_parts(const rg_dataset *data, int count, const double *shares,
                                        int stratify, rg_random *shuffle, rg_dataset **parts,
                                        rg_error *error);

RG_END_DECLS

#endif
