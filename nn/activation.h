/*
 * activation.h: the functions between layers, chosen by value or by name.
 *
 * Between layers any of them but the identity will do. After the last layer it is what the outputs
 * mean that decides:
 *
 *     a number without bounds              identity
 *     logits, for a loss of logits         identity: the loss contains the sigmoid or softmax
 *     a probability, read off the network  sigmoid
 *     one of several classes               identity, then rg_softmax where probabilities are wanted
 *     a signed reward in (-1, 1)           tanh
 *     a positive number                    softplus; or identity, then rg_exp, for a factor
 *
 * Sigmoid and tanh are flat far from 0: there the gradient vanishes, so a loss that undoes this, as
 * those of logits do, learns faster than a squared error behind them.
 */
#ifndef RG_NN_ACTIVATION_H
#define RG_NN_ACTIVATION_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* Every activation: the constant without RG_, its name, and the expression in x. */
#define RG_ACTIVATION_MAP(X)                            \
    X(IDENTITY, "identity", x)                          \
    X(SIGMOID, "sigmoid", rg_sigmoid(x))                \
    X(TANH, "tanh", rg_tanh(x))                         \
    X(RELU, "relu", rg_relu(x))                         \
    X(LEAKY_RELU, "leaky_relu", rg_leaky_relu(x, 0.01)) \
    X(SOFTPLUS, "softplus", rg_softplus(x, 1))          \
    X(ELU, "elu", rg_elu(x, 1))                         \
    X(GELU, "gelu", rg_gelu(x))                         \
    X(SILU, "silu", rg_silu(x))

typedef enum rg_activation {
#define RG_ACTIVATION_ENUM(constant, name, expression) RG_##constant,
    RG_ACTIVATION_MAP(RG_ACTIVATION_ENUM)
#undef RG_ACTIVATION_ENUM
} rg_activation;

/* The activation of each element of x, as ops/elementwise.h defines it. An activation outside the
 * list is RG_ERROR_ARGUMENT on the tape. */
RG_API rg_value rg_activate(rg_value x, rg_activation activation);

/* "tanh": the name of an activation; NULL outside the list. Static; safe in every thread. */
RG_API const char *rg_activation_name(rg_activation activation);

/* Sets *out to the activation of that name; RG_ERROR_ARGUMENT, with *out unchanged, if there is
 * none. */
RG_API rg_status rg_activation_find(const char *name, rg_activation *out);

RG_END_DECLS

#endif
