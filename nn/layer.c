#include "layer.h"

#include <stdio.h>

#include "../ops/linalg.h"
#include "../ops/shape_ops.h"
#include "internal.h"

static rg_param *add_part(rg_params *params, const char *name, const char *part, rg_type type,
                          rg_shape shape, rg_error *error)
{
    char full[RG_NAME_SIZE + 1]; /* one byte more, so that a cut name is still found too long */
    snprintf(full, sizeof full, "%s.%s", name, part);
    return rg_params_add(params, full, type, shape, error);
}

rg_status rg_linear_layer_create(rg_linear_layer *layer, rg_params *params, const char *name,
                                 rg_type type, int64_t in, int64_t out, int bias, rg_error *error)
{
    rg_error local;
    error = error ? error : &local;
    *layer = (rg_linear_layer){NULL, NULL};
    rg_param *weight = add_part(params, name, "weight", type, RG_SHAPE(out, in), error);
    if (!weight)
        return error->status;
    if (bias && !(layer->bias = add_part(params, name, "bias", type, RG_SHAPE(out), error)))
        return error->status;
    layer->weight = weight;
    return RG_OK;
}

rg_value rg_linear_layer_apply(rg_tape *tape, const rg_linear_layer *layer, rg_value x)
{
    rg_value weight = rg_use(tape, layer->weight);
    if (layer->bias)
        return rg_linear(x, weight, rg_use(tape, layer->bias));
    return rg_matmul(x, rg_transpose(weight, 0, 1));
}
