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

RG_END_DECLS

#endif
