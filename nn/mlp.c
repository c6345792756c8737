#include "mlp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

struct rg_mlp {
    rg_allocator allocator;
    rg_params *params;
    rg_activation hidden, output;
    bool training;
    int count;
    rg_linear_layer layers[];
};

static size_t mlp_bytes(int layers)
{
    return sizeof(rg_mlp) + (size_t)layers * sizeof(rg_linear_layer);
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
    return RG_OK;
}

static rg_status add_layers(rg_mlp *mlp, const rg_mlp_options *options, rg_error *error)
{
    rg_random random = rg_random_create(options->seed);
    for (int i = 0; i < mlp->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "layer%d", i);
        rg_status status = rg_linear_layer_create(&mlp->layers[i], mlp->params, name, options->type,
                                                  options->widths[i], options->widths[i + 1],
                                                  !options->no_bias, error);
        if (status != RG_OK)
            return status;
        status = rg_init_weights(mlp->layers[i].weight, options->init, &random);
        if (status != RG_OK)
            return RGI_FAIL(error, status, "mlp: there is no initialiser number %d",
                            (int)options->init);
    }
    return RG_OK;
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
    return i >= 0 && i < mlp->count ? &mlp->layers[i] : NULL;
}

rg_value rg_mlp_forward(const rg_mlp *mlp, rg_tape *tape, rg_value x)
{
    if (!mlp->training)
        rg_no_grad_begin(tape);
    for (int i = 0; i < mlp->count; i++) {
        x = rg_linear_layer_apply(tape, &mlp->layers[i], x);
        x = rg_activate(x, i < mlp->count - 1 ? mlp->hidden : mlp->output);
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
