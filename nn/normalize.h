/*
 * normalize.h: brings the features of a dataset to a common scale.
 *
 *     rg_normalizer *normalizer;
 *     rg_normalizer_fit(&normalizer, train, RG_STANDARDIZE, &error);
 *     rg_normalizer_apply(normalizer, train, &error);
 *     rg_normalizer_apply(normalizer, test, &error);
 *     rg_normalizer_destroy(normalizer);
 *
 * It is fitted on the training part alone and then applied to every part, so that nothing about the
 * test part leaks into training. Any number of threads may apply one normalizer.
 */
#ifndef RG_NN_NORMALIZE_H
#define RG_NN_NORMALIZE_H

#include "dataset.h"

RG_BEGIN_DECLS

/* x becomes (x - shift) / divisor, with one shift and one divisor a feature: */
typedef enum rg_normalization {
    RG_STANDARDIZE, /* its mean and its standard deviation, sqrt(1/m sum (x - mean)^2) */
    RG_RESCALE,     /* its minimum and its range, so that the fitted data fall in [0, 1] */
} rg_normalization;

typedef struct rg_normalizer rg_normalizer;

/* Fits to the inputs of `data`, in double precision (B. P. Welford, "Note on a method for
 * calculating corrected sums of squares and products", Technometrics 4, 1962), with its allocator;
 * sets *out, to NULL on failure. RG_ERROR_NUMERIC, naming the feature, if an input is not finite or
 * the sums overflow; RG_ERROR_ARGUMENT for an unknown mode; RG_ERROR_MEMORY. */
RG_API rg_status rg_normalizer_fit(rg_normalizer **out, const rg_dataset *data,
                                   rg_normalization mode, rg_error *error);

/* Normalises the inputs in place. A feature that was constant in the fitted data becomes 0 whatever
 * it is here. RG_ERROR_SHAPE, and nothing is changed, if the number of features differs. */
RG_API rg_status rg_normalizer_apply(const rg_normalizer *normalizer, rg_dataset *data,
                                     rg_error *error);

/* Frees it. NULL is allowed. */
RG_API void rg_normalizer_destroy(rg_normalizer *normalizer);

RG_END_DECLS

#endif
