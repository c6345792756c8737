/*
 * layer.h: layers: a few parameters and one function that records operations.
 */
#ifndef RG_NN_LAYER_H
#define RG_NN_LAYER_H

#include "params.h"

RG_BEGIN_DECLS

/* A linear layer, y = x w^T + b. A plain struct over parameters that a collection owns: to share
 * them, fill it with parameters that exist. */
typedef struct rg_linear_layer {
    rg_param *weight; /* [out, in] */
    rg_param *bias;   /* [out], or NULL */
} rg_linear_layer;

/* Makes the parameters "NAME.weight" and, if `bias` is not 0, "NAME.bias", both zero, in `params`
 * and sets *layer to them. Errors are those of rg_params_add; *layer is then empty, and the
 * collection keeps the weight if only the bias failed. */
RG_API rg_status rg_linear_layer_create(rg_linear_layer *layer, rg_params *params, const char *name,
                                        rg_type type, int64_t in, int64_t out, int bias,
                                        rg_error *error);

/* x [.., in] -> [.., out]. */
RG_API rg_value rg_linear_layer_apply(rg_tape *tape, const rg_linear_layer *layer, rg_value x);

/* ---- normalisation ---- */

typedef enum rg_norm_kind {
    RG_NORM_NONE,  /* nothing: y = x */
    RG_NORM_LAYER, /* each example over its own features */
    RG_NORM_BATCH  /* each feature over the batch; evaluated, over what training has seen */
} rg_norm_kind;

/* A normalisation of features, y = (x - mean) / sqrt(variance + 1e-5) w + b (ops/norm.h). Batch
 * normalisation keeps running values, 0.9 times the old plus 0.1 times the batch's, where the
 * batch's variance is the sum of squares over n - 1, not n; they are buffers. */
typedef struct rg_norm_layer {
    rg_norm_kind kind;
    rg_param *weight, *bias;                   /* w and b, [features]; NULL without normalisation */
    rg_param *running_mean, *running_variance; /* [features]; NULL but for RG_NORM_BATCH */
} rg_norm_layer;

/* Makes what the kind needs of "NAME.weight" (ones), "NAME.bias" (zeros), "NAME.running_mean"
 * (zeros) and "NAME.running_variance" (ones) in `params` and sets *layer to them. Errors are those
 * of rg_params_add, and RG_ERROR_ARGUMENT for a kind outside the list; *layer is then empty, and
 * the collection keeps what was made before. */
RG_API rg_status rg_norm_layer_create(rg_norm_layer *layer, rg_params *params, const char *name,
                                      rg_norm_kind kind, rg_type type, int64_t features,
                                      rg_error *error);

/* x [.., features] -> the same shape. With `training` 1 batch normalisation uses the statistics of
 * the batch, at least two examples (RG_ERROR_SHAPE on the tape), and changes the running values,
 * at once, unless the new ones are not finite: one thread at a time may then use the layer. */
RG_API rg_value rg_norm_layer_apply(rg_tape *tape, const rg_norm_layer *layer, rg_value x,
                                    int training);

RG_END_DECLS

#endif
