/*
 * mlp.h: multilayer perceptrons: linear layers with an activation after each, and, if wanted, a
 * normalisation before and dropout after the activation of each hidden layer.
 *
 *     const int64_t widths[] = {2, 16, 16, 1};
 *     rg_mlp *mlp = rg_mlp_create(&(rg_mlp_options){.widths = widths, .width_count = 4,
 *                                                   .hidden = RG_TANH, .seed = 1}, &error);
 *     rg_value y = rg_mlp_forward(mlp, tape, x);
 *
 * Its parameters are "layer0.weight", "layer0.bias", "layer0.norm.weight", .. (layer.h),
 * "layer1.weight", ... Any number of threads may run it forward on tapes of their own; param.h says
 * how their gradients are added. In training mode dropout draws from a generator of the network's
 * and batch normalisation changes running values of its: with either, one thread at a time.
 */
#ifndef RG_NN_MLP_H
#define RG_NN_MLP_H

#include "activation.h"
#include "init.h"
#include "layer.h"

RG_BEGIN_DECLS

typedef struct rg_mlp rg_mlp;

/* What a network is made of. Fields left 0 take the default said beside them. */
typedef struct rg_mlp_options {
    rg_type type;          /* of parameters, inputs and outputs: RG_F64 or RG_F32; RG_F64 */
    const int64_t *widths; /* of the input, each hidden layer and the output: all at least 1 */
    int width_count;       /* at least 2 */
    rg_activation hidden; /* after each layer but the last; RG_IDENTITY: one linear map in pieces */
    rg_activation output; /* after the last; RG_IDENTITY, which losses of logits want */
    rg_init init;         /* of weights; RG_INIT_HE_NORMAL. Biases begin at 0 */
    int no_bias;          /* 1: layers without bias */
    rg_norm_kind norm;    /* between each hidden layer and its activation; RG_NORM_NONE */
    double dropout;       /* training drops each hidden output with this probability, at least 0,
                           * below 1, and scales the others by 1 / (1 - dropout); 0 */
    uint64_t seed;        /* of the generator the weights are drawn from, layer by layer, and after
                           * them what is dropped; 0 */
    const rg_allocator *allocator; /* NULL: the C library's */
} rg_mlp_options;

/* A network in training mode. NULL, with `error` filled, if an option is not allowed
 * (RG_ERROR_ARGUMENT, RG_ERROR_TYPE), a layer too large (RG_ERROR_SHAPE), or there is no memory. */
RG_API rg_mlp *rg_mlp_create(const rg_mlp_options *options, rg_error *error);

/* Frees it and its parameters. NULL is allowed. */
RG_API void rg_mlp_destroy(rg_mlp *mlp);

/* Its parameters, which it owns; NULL if `mlp` is NULL. */
RG_API rg_params *rg_mlp_params(const rg_mlp *mlp);

/* The number of layers, one less than of widths; layer number `i`, NULL outside 0 to count - 1. */
RG_API int rg_mlp_layer_count(const rg_mlp *mlp);
RG_API const rg_linear_layer *rg_mlp_layer(const rg_mlp *mlp, int i);

/* The normalisation behind hidden layer `i`; NULL for other layers and without one. */
RG_API const rg_norm_layer *rg_mlp_norm(const rg_mlp *mlp, int i);

/* The activation after layer number `i`, RG_IDENTITY outside 0 to count - 1. */
RG_API rg_activation rg_mlp_activation(const rg_mlp *mlp, int i);

/* The probability of dropout. */
RG_API double rg_mlp_dropout(const rg_mlp *mlp);

/* From now on what is dropped is drawn from a generator of this seed, so that a step can be made
 * again as it was. */
RG_API void rg_mlp_seed_dropout(rg_mlp *mlp, uint64_t seed);

/* Records the network at x [.., first width] and returns its output [.., last width]. In evaluation
 * mode nothing is dropped, batch normalisation uses its running values, and the result is a
 * constant: nothing is kept for a backward sweep. */
RG_API rg_value rg_mlp_forward(rg_mlp *mlp, rg_tape *tape, rg_value x);

/* Training mode (1) or evaluation mode (0). */
RG_API void rg_mlp_set_training(rg_mlp *mlp, int training);
RG_API int rg_mlp_is_training(const rg_mlp *mlp);

RG_END_DECLS

#endif
