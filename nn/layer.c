#include "layer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "../ops/linalg.h"
#include "../ops/norm.h"
#include "../ops/shape_ops.h"
#include "init.h"
#include "internal.h"

/* rg_params_add or rg_params_add_buffer. */
typedef rg_param *add_function(rg_params *, const char *, rg_type, rg_shape, rg_error *);

static rg_param *add_with(add_function *add, rg_params *params, const char *name, const char *part,
                          rg_type type, rg_shape shape, rg_error *error)
{
    char full[RG_NAME_SIZE + 1]; /* one byte more, so that a cut name is still found too long */
    snprintf(full, sizeof full, "%s.%s", name, part);
    return add(params, full, type, shape, error);
}

static rg_param *add_part(rg_params *params, const char *name, const char *part, rg_type type,
                          rg_shape shape, rg_error *error)
{
    return add_with(rg_params_add, params, name, part, type, shape, error);
}

/* ---- linear ---- */

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

/* ---- normalisation ---- */

/* The four parts, as far as the kind has them; false with `error` filled. */
static bool add_norm_parts(rg_norm_layer *made, rg_params *params, const char *name, rg_type type,
                           int64_t features, rg_error *error)
{
    rg_shape shape = RG_SHAPE(features);
    made->weight = add_part(params, name, "weight", type, shape, error);
    if (!made->weight || !(made->bias = add_part(params, name, "bias", type, shape, error)))
        return false;
    rg_init_constant(made->weight, 1);
    if (made->kind == RG_NORM_LAYER)
        return true;
    made->running_mean =
        add_with(rg_params_add_buffer, params, name, "running_mean", type, shape, error);
    if (!made->running_mean)
        return false;
    made->running_variance =
        add_with(rg_params_add_buffer, params, name, "running_variance", type, shape, error);
    if (!made->running_variance)
        return false;
    rg_init_constant(made->running_variance, 1);
    return true;
}

rg_status rg_norm_layer_create(rg_norm_layer *layer, rg_params *params, const char *name,
                               rg_norm_kind kind, rg_type type, int64_t features, rg_error *error)
{
    rg_error local;
    error = error ? error : &local;
    *layer = (rg_norm_layer){RG_NORM_NONE, NULL, NULL, NULL, NULL};
    if (kind == RG_NORM_NONE)
        return RG_OK;
    if (kind != RG_NORM_LAYER && kind != RG_NORM_BATCH)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "layer: there is no normalisation number %d",
                        (int)kind);
    rg_norm_layer made = {.kind = kind};
    if (!add_norm_parts(&made, params, name, type, features, error))
        return error->status;
    *layer = made;
    return RG_OK;
}

/* A parameter's elements as a constant that stays what it is when they change. */
static rg_value copied(rg_tape *tape, rg_param *param)
{
    return rg_constant_tensor(tape, rg_param_type(param), rg_param_shape(param),
                              rg_param_data(param));
}

/* What a failing step leaves behind must not spoil the running values for good. */
static bool is_finite(rg_value x)
{
    rg_type type = rg_get_type(x);
    const void *data = rg_data(x, type);
    for (int64_t i = 0; i < rg_size(x); i++)
        if (!isfinite(rgi_load(data, type, i)))
            return false;
    return true;
}

static void replace(rg_param *param, rg_value by)
{
    rg_read_raw(by, rg_param_data(param));
    rgi_param_changed(param);
}

static const double running_share = 0.1, epsilon = 1e-5;

/* x [N, features]. */
static rg_value apply_batch_norm(rg_tape *tape, const rg_norm_layer *layer, rg_value x,
                                 int training)
{
    rg_value mean, variance;
    rg_batch_norm_options options = {.training = training,
                                     .momentum = running_share,
                                     .eps = epsilon,
                                     .new_mean = training ? &mean : NULL,
                                     .new_variance = training ? &variance : NULL};
    rg_value y = rg_batch_norm(x, rg_use(tape, layer->weight), rg_use(tape, layer->bias),
                               copied(tape, layer->running_mean),
                               copied(tape, layer->running_variance), &options);
    if (training && rg_tape_status(tape) == RG_OK && is_finite(mean) && is_finite(variance)) {
        replace(layer->running_mean, mean);
        replace(layer->running_variance, variance);
    }
    return y;
}

rg_value rg_norm_layer_apply(rg_tape *tape, const rg_norm_layer *layer, rg_value x, int training)
{
    if (layer->kind == RG_NORM_NONE || !rg_is_live(x))
        return x;
    rg_shape shape = rg_get_shape(x);
    int64_t features = rg_param_size(layer->weight);
    char text[RG_SHAPE_TEXT_SIZE];
    if (shape.rank == 0 || shape.dim[shape.rank - 1] != features) {
        rgi_fail(tape, RG_ERROR_SHAPE, "normalisation: x %s has not %" PRId64 " features",
                 rg_shape_text(&shape, text), features);
        return rgi_inert(tape);
    }
    if (layer->kind == RG_NORM_LAYER)
        return rg_layer_norm(x, 1, rg_use(tape, layer->weight), rg_use(tape, layer->bias), epsilon);
    if (shape.rank == 2)
        return apply_batch_norm(tape, layer, x, training);
    x = rg_reshape(x, RG_SHAPE(-1, features));
    return rg_reshape(apply_batch_norm(tape, layer, x, training), shape);
}
