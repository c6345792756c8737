#include "mlp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../ops/layer_ops.h"
#include "internal.h"

typedef struct mlp_layer {
    rg_linear_layer linear;
    rg_norm_layer norm;
} mlp_layer;

struct rg_mlp {
    rg_allocator allocator;
    rg_params *params;
    rg_activation hidden, output;
    double dropout;
    rg_random random; /* what is dropped */
    bool training;
    int count;
    mlp_layer layers[];
};

static size_t mlp_bytes(int layers)
{
    return sizeof(rg_mlp) + (size_t)layers * sizeof(mlp_layer);
}

static rg_status check(const rg_mlp_options *options, rg_error *error)
{
    if (!options || !options->widths || options->width_count < 2)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "mlp: it needs at least two widths");
    for (int i = 0; i < options->width_count; i++)
        if (options->widths[i] < 1)
            return RGI_FAIL(error, RG_ERROR_ARGUMENT, "mlp: width %d is %" PRId64 ", not positive",
                            i, options->widths[i]);
    if (!rg_activation_name(options->hidden) || !rg_activation_name(options->output))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "mlp: there is no activation number %d",
                        rg_activation_name(options->hidden) ? (int)options->output
                                                            : (int)options->hidden);
    if ((int)options->norm < RG_NORM_NONE || (int)options->norm > RG_NORM_BATCH)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "mlp: there is no normalisation number %d",
                        (int)options->norm);
    if (!(options->dropout >= 0 && options->dropout < 1))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "mlp: the probability of dropout is %g; it must be in [0, 1)",
                        options->dropout);
    return RG_OK;
}

static rg_status add_layer(rg_mlp *mlp, int i, const rg_mlp_options *options, rg_error *error)
{
    mlp_layer *layer = &mlp->layers[i];
    char name[32];
    snprintf(name, sizeof name, "layer%d", i);
    rg_status status =
        rg_linear_layer_create(&layer->linear, mlp->params, name, options->type, options->widths[i],
                               options->widths[i + 1], !options->no_bias, error);
    if (status != RG_OK)
        return status;
    if (rg_init_weights(layer->linear.weight, options->init, &mlp->random) != RG_OK)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "mlp: there is no initialiser number %d",
                        (int)options->init);
    if (i == mlp->count - 1)
        return RG_OK;
    snprintf(name, sizeof name, "layer%d.norm", i);
    return rg_norm_layer_create(&layer->norm, mlp->params, name, options->norm, options->type,
                                options->widths[i + 1], error);
}

static rg_status add_layers(rg_mlp *mlp, const rg_mlp_options *options, rg_error *error)
{
    rg_status status = RG_OK;
    for (int i = 0; i < mlp->count && status == RG_OK; i++)
        status = add_layer(mlp, i, options, error);
    return status;
}

rg_mlp *rg_mlp_create(const rg_mlp_options *options, rg_error *error)
{
    if (check(options, error) != RG_OK)
        return NULL;
    int count = options->width_count - 1;
    rg_mlp *mlp = rgi_alloc(options->allocator, mlp_bytes(count));
    if (mlp) {
        memset(mlp, 0, mlp_bytes(count));
        if (options->allocator)
            mlp->allocator = *options->allocator;
        mlp->hidden = options->hidden;
        mlp->output = options->output;
        mlp->dropout = options->dropout;
        mlp->random = rg_random_create(options->seed);
        mlp->training = true;
        mlp->count = count;
        mlp->params = rg_params_create(options->allocator);
    }
    if (!mlp || !mlp->params)
        rgi_set_error(error, RG_ERROR_MEMORY, "mlp: there is no memory for %d layers", count);
    else if (add_layers(mlp, options, error) == RG_OK)
        return mlp;
    rg_mlp_destroy(mlp);
    return NULL;
}

void rg_mlp_destroy(rg_mlp *mlp)
{
    if (!mlp)
        return;
    rg_params_destroy(mlp->params);
    rg_allocator allocator = mlp->allocator;
    rgi_free(&allocator, mlp, mlp_bytes(mlp->count));
}

rg_params *rg_mlp_params(const rg_mlp *mlp)
{
    return mlp ? mlp->params : NULL;
}

int rg_mlp_layer_count(const rg_mlp *mlp)
{
    return mlp->count;
}

const rg_linear_layer *rg_mlp_layer(const rg_mlp *mlp, int i)
{
    return i >= 0 && i < mlp->count ? &mlp->layers[i].linear : NULL;
}

const rg_norm_layer *rg_mlp_norm(const rg_mlp *mlp, int i)
{
    bool there = i >= 0 && i < mlp->count && mlp->layers[i].norm.kind != RG_NORM_NONE;
    return there ? &mlp->layers[i].norm : NULL;
}

rg_activation rg_mlp_activation(const rg_mlp *mlp, int i)
{
    if (i < 0 || i >= mlp->count)
        return RG_IDENTITY;
    return i < mlp->count - 1 ? mlp->hidden : mlp->output;
}

double rg_mlp_dropout(const rg_mlp *mlp)
{
    return mlp->dropout;
}

void rg_mlp_seed_dropout(rg_mlp *mlp, uint64_t seed)
{
    mlp->random = rg_random_create(seed);
}

/* What follows the linear map of a hidden layer. */
static rg_value apply_hidden(rg_mlp *mlp, rg_tape *tape, const rg_norm_layer *norm, rg_value x)
{
    x = rg_activate(rg_norm_layer_apply(tape, norm, x, mlp->training), mlp->hidden);
    if (mlp->training && mlp->dropout > 0)
        x = rg_dropout_random(x, mlp->dropout, &mlp->random);
    return x;
}

rg_value rg_mlp_forward(rg_mlp *mlp, rg_tape *tape, rg_value x)
{
    if (!mlp->training)
        rg_no_grad_begin(tape);
    for (int i = 0; i < mlp->count; i++) {
        const mlp_layer *layer = &mlp->layers[i];
        x = rg_linear_layer_apply(tape, &layer->linear, x);
        x = i < mlp->count - 1 ? apply_hidden(mlp, tape, &layer->norm, x)
                               : rg_activate(x, mlp->output);
    }
    if (!mlp->training)
        rg_no_grad_end(tape);
    return x;
}

void rg_mlp_set_training(rg_mlp *mlp, int training)
{
    mlp->training = training != 0;
}

int rg_mlp_is_training(const rg_mlp *mlp)
{
    return mlp->training;
}
