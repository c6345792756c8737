/* optim_kinds.c: the kinds of optimizers: what each is called, keeps and computes with. */
#include <math.h>
#include <string.h>

#include "optimizer.h"

/* Rows of numbers that most kinds begin with or share. */
#define RATE(otherwise)                     \
    {                                       \
        "rate", otherwise, RGI_NOT_NEGATIVE \
    }
#define WEIGHT_DECAY(otherwise)                     \
    {                                               \
        "weight_decay", otherwise, RGI_NOT_NEGATIVE \
    }
#define EPSILON(otherwise)                     \
    {                                          \
        "epsilon", otherwise, RGI_NOT_NEGATIVE \
    }
#define BETAS                        \
    {"beta1", 0.9, RGI_FRACTION},    \
    {                                \
        "beta2", 0.999, RGI_FRACTION \
    }

/* ---- sgd ---- */

enum { SGD_MOMENTUM = RGI_WEIGHT_DECAY + 1, SGD_DAMPENING, SGD_NESTEROV };

static void prepare_sgd(const double *number, rgi_slot *slot, rgi_coefficients *c)
{
    const double momentum = number[SGD_MOMENTUM];
    c->keep1 = momentum;
    c->share1 = slot->steps == 1 ? 1 : 1 - number[SGD_DAMPENING];
    c->of_gradient = number[SGD_NESTEROV] != 0;
    c->of_sum = number[SGD_NESTEROV] != 0 ? momentum : 1;
}

static const rgi_kind sgd = {
    .name = "sgd",
    .loop = RGI_LOOP_sgd,
    .number = {RATE(0.01),
               WEIGHT_DECAY(0),
               {"momentum", 0, RGI_NOT_NEGATIVE},
               {"dampening", 0, RGI_AT_MOST_1},
               {"nesterov", 0, RGI_NOT_NEGATIVE}},
    .state = {{"momentum", SGD_MOMENTUM, 0}},
    .prepare = prepare_sgd,
};

rg_optimizer *rg_sgd_create(rg_params *params, const rg_sgd_options *options, rg_error *error)
{
    const rg_sgd_options o = options ? *options : (rg_sgd_options){0};
    const double numbers[] = {o.rate, o.weight_decay, o.momentum, o.dampening, o.nesterov != 0};
    return rgi_optimizer_create(params, &sgd, numbers, error);
}

/* ---- rmsprop ---- */

enum { RMSPROP_ALPHA = RGI_WEIGHT_DECAY + 1, RMSPROP_EPSILON, RMSPROP_MOMENTUM, RMSPROP_CENTERED };

static void prepare_rmsprop(const double *number, rgi_slot *slot, rgi_coefficients *c)
{
    (void)slot;
    c->keep1 = number[RMSPROP_MOMENTUM];
    c->keep2 = number[RMSPROP_ALPHA];
    c->share2 = 1 - number[RMSPROP_ALPHA];
    c->epsilon = number[RMSPROP_EPSILON];
}

static const rgi_kind rmsprop = {
    .name = "rmsprop",
    .loop = RGI_LOOP_rmsprop,
    .number = {RATE(0.01),
               WEIGHT_DECAY(0),
               {"alpha", 0.99, RGI_FRACTION},
               EPSILON(1e-8),
               {"momentum", 0, RGI_NOT_NEGATIVE},
               {"centered", 0, RGI_NOT_NEGATIVE}},
    .state = {{"v", 0, 0}, {"mean", RMSPROP_CENTERED, 0}, {"momentum", RMSPROP_MOMENTUM, 0}},
    .prepare = prepare_rmsprop,
};

rg_optimizer *rg_rmsprop_create(rg_params *params, const rg_rmsprop_options *options,
                                rg_error *error)
{
    const rg_rmsprop_options o = options ? *options : (rg_rmsprop_options){0};
    const double numbers[] = {o.rate,    o.weight_decay, o.alpha,
                              o.epsilon, o.momentum,     o.centered != 0};
    return rgi_optimizer_create(params, &rmsprop, numbers, error);
}

/* ---- adam, adamw ---- */

/* Those of Adamax and NAdam, too. */
enum { ADAM_BETA1 = RGI_WEIGHT_DECAY + 1, ADAM_BETA2, ADAM_EPSILON, ADAM_LAST };

/* 1 - beta^t: how much of the weights of a moment has been given to gradients. */
static double given(double beta, int64_t t)
{
    return 1 - pow(beta, (double)t);
}

static void prepare_moments(const double *number, const rgi_slot *slot, rgi_coefficients *c)
{
    c->keep1 = number[ADAM_BETA1];
    c->share1 = 1 - number[ADAM_BETA1];
    c->keep2 = number[ADAM_BETA2];
    c->share2 = 1 - number[ADAM_BETA2];
    c->scale = 1 / sqrt(given(number[ADAM_BETA2], slot->steps));
    c->epsilon = number[ADAM_EPSILON];
}

static void prepare_adam(const double *number, rgi_slot *slot, rgi_coefficients *c)
{
    prepare_moments(number, slot, c);
    c->rate /= given(number[ADAM_BETA1], slot->steps);
    c->shrink = 1;
}

static void prepare_adamw(const double *number, rgi_slot *slot, rgi_coefficients *c)
{
    const double shrink = 1 - c->rate * c->decay;
    prepare_adam(number, slot, c);
    c->shrink = shrink;
    c->decay = 0;
}

static const rgi_kind adam = {
    .name = "adam",
    .loop = RGI_LOOP_adam,
    .number =
        {RATE(0.001), WEIGHT_DECAY(0), BETAS, EPSILON(1e-8), {"amsgrad", 0, RGI_NOT_NEGATIVE}},
    .state = {{"m", 0, 0}, {"v", 0, 0}, {"largest_v", ADAM_LAST, 0}},
    .prepare = prepare_adam,
};

static const rgi_kind adamw = {
    .name = "adamw",
    .loop = RGI_LOOP_adam,
    .number =
        {RATE(0.001), WEIGHT_DECAY(0.01), BETAS, EPSILON(1e-8), {"amsgrad", 0, RGI_NOT_NEGATIVE}},
    .state = {{"m", 0, 0}, {"v", 0, 0}, {"largest_v", ADAM_LAST, 0}},
    .prepare = prepare_adamw,
};

rg_optimizer *rg_adam_create(rg_params *params, const rg_adam_options *options, rg_error *error)
{
    const rg_adam_options o = options ? *options : (rg_adam_options){0};
    const double numbers[] = {o.rate, o.weight_decay, o.beta1, o.beta2, o.epsilon, o.amsgrad != 0};
    return rgi_optimizer_create(params, &adam, numbers, error);
}

rg_optimizer *rg_adamw_create(rg_params *params, const rg_adamw_options *options, rg_error *error)
{
    const rg_adamw_options o = options ? *options : (rg_adamw_options){0};
    const double numbers[] = {o.rate, o.weight_decay, o.beta1, o.beta2, o.epsilon, o.amsgrad != 0};
    return rgi_optimizer_create(params, &adamw, numbers, error);
}

/* ---- adagrad ---- */

enum { ADAGRAD_RATE_DECAY = RGI_WEIGHT_DECAY + 1, ADAGRAD_ACCUMULATOR, ADAGRAD_EPSILON };

static void prepare_adagrad(const double *number, rgi_slot *slot, rgi_coefficients *c)
{
    c->rate /= 1 + (double)(slot->steps - 1) * number[ADAGRAD_RATE_DECAY];
    c->epsilon = number[ADAGRAD_EPSILON];
}

static const rgi_kind adagrad = {
    .name = "adagrad",
    .loop = RGI_LOOP_adagrad,
    .number = {RATE(0.01),
               WEIGHT_DECAY(0),
               {"rate_decay", 0, RGI_NOT_NEGATIVE},
               {"accumulator", 0, RGI_NOT_NEGATIVE},
               EPSILON(1e-10)},
    .state = {{"sum", 0, ADAGRAD_ACCUMULATOR}},
    .prepare = prepare_adagrad,
};

rg_optimizer *rg_adagrad_create(rg_params *params, const rg_adagrad_options *options,
                                rg_error *error)
{
    const rg_adagrad_options o = options ? *options : (rg_adagrad_options){0};
    const double numbers[] = {o.rate, o.weight_decay, o.rate_decay, o.accumulator, o.epsilon};
    return rgi_optimizer_create(params, &adagrad, numbers, error);
}

/* ---- adadelta ---- */

enum { ADADELTA_RHO = RGI_WEIGHT_DECAY + 1, ADADELTA_EPSILON };

static void prepare_adadelta(const double *number, rgi_slot *slot, rgi_coefficients *c)
{
    (void)slot;
    c->keep2 = number[ADADELTA_RHO];
    c->share2 = 1 - number[ADADELTA_RHO];
    c->epsilon = number[ADADELTA_EPSILON];
}

static const rgi_kind adadelta = {
    .name = "adadelta",
    .loop = RGI_LOOP_adadelta,
    .number = {RATE(1), WEIGHT_DECAY(0), {"rho", 0.9, RGI_FRACTION}, EPSILON(1e-6)},
    .state = {{"v", 0, 0}, {"u", 0, 0}},
    .prepare = prepare_adadelta,
};

rg_optimizer *rg_adadelta_create(rg_params *params, const rg_adadelta_options *options,
                                 rg_error *error)
{
    const rg_adadelta_options o = options ? *options : (rg_adadelta_options){0};
    const double numbers[] = {o.rate, o.weight_decay, o.rho, o.epsilon};
    return rgi_optimizer_create(params, &adadelta, numbers, error);
}

/* ---- adamax ---- */

static const rgi_kind adamax = {
    .name = "adamax",
    .loop = RGI_LOOP_adamax,
    .number = {RATE(0.002), WEIGHT_DECAY(0), BETAS, EPSILON(1e-8)},
    .state = {{"m", 0, 0}, {"u", 0, 0}},
    .prepare = prepare_adam,
};

rg_optimizer *rg_adamax_create(rg_params *params, const rg_adamax_options *options, rg_error *error)
{
    const rg_adamax_options o = options ? *options : (rg_adamax_options){0};
    const double numbers[] = {o.rate, o.weight_decay, o.beta1, o.beta2, o.epsilon};
    return rgi_optimizer_create(params, &adamax, numbers, error);
}

/* ---- nadam ---- */

static double nadam_mu(const double *number, int64_t t)
{
    return number[ADAM_BETA1] * (1 - 0.5 * pow(0.96, (double)t * number[ADAM_LAST]));
}

/* The product of mu(1) to mu(t), multiplied in this order and once: the slot remembers how far it
 * has come. A restored slot begins anew. */
static double nadam_product(const double *number, rgi_slot *slot)
{
    while (slot->product_steps < slot->steps && slot->product > 0)
        slot->product *= nadam_mu(number, ++slot->product_steps);
    return slot->product;
}

static void prepare_nadam(const double *number, rgi_slot *slot, rgi_coefficients *c)
{
    const double mu = nadam_mu(number, slot->steps), next = nadam_mu(number, slot->steps + 1);
    const double product = nadam_product(number, slot);
    prepare_moments(number, slot, c);
    c->of_gradient = c->rate * (1 - mu) / (1 - product);
    c->of_sum = c->rate * next / (1 - product * next);
}

static const rgi_kind nadam = {
    .name = "nadam",
    .loop = RGI_LOOP_nadam,
    .number = {RATE(0.002),
               WEIGHT_DECAY(0),
               BETAS,
               EPSILON(1e-8),
               {"momentum_decay", 0.004, RGI_NOT_NEGATIVE}},
    .state = {{"m", 0, 0}, {"v", 0, 0}},
    .prepare = prepare_nadam,
};

rg_optimizer *rg_nadam_create(rg_params *params, const rg_nadam_options *options, rg_error *error)
{
    const rg_nadam_options o = options ? *options : (rg_nadam_options){0};
    const double numbers[] = {o.rate,  o.weight_decay, o.beta1,
                              o.beta2, o.epsilon,      o.momentum_decay};
    return rgi_optimizer_create(params, &nadam, numbers, error);
}

/* ---- by name ---- */

const rgi_kind *rgi_kind_find(const char *name)
{
    static const rgi_kind *const kinds[] = {&sgd,     &rmsprop,  &adam,   &adamw,
                                            &adagrad, &adadelta, &adamax, &nadam};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}
