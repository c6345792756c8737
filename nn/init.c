#include "init.h"

#include <math.h>

#include "internal.h"

static void store(rg_param *param, int64_t i, double value)
{
    rgi_store(rg_param_data(param), rg_param_type(param), i, value);
}

void rg_init_constant(rg_param *param, double value)
{
    for (int64_t i = 0; i < rg_param_size(param); i++)
        store(param, i, value);
}

void rg_init_zeros(rg_param *param)
{
    rg_init_constant(param, 0);
}

void rg_init_uniform(rg_param *param, double low, double high, rg_random *random)
{
    for (int64_t i = 0; i < rg_param_size(param); i++)
        store(param, i, low + (high - low) * rg_random_uniform(random));
}

void rg_init_normal(rg_param *param, double std, rg_random *random)
{
    for (int64_t i = 0; i < rg_param_size(param); i++)
        store(param, i, std * rg_random_normal(random));
}

/* The product of all dimensions but one. */
static double fan(const rg_shape *shape, int without)
{
    double product = 1;
    for (int i = 0; i < shape->rank; i++)
        if (i != without)
            product *= (double)shape->dim[i];
    return product;
}

rg_status rg_init_weights(rg_param *param, rg_init init, rg_random *random)
{
    rg_shape shape = rg_param_shape(param);
    double in = fan(&shape, 0), out = fan(&shape, 1);
    /* A uniform distribution in [-a, a) has variance a^2 / 3. */
    double he = 2 / in, xavier = 2 / (in + out);
    switch (init) {
    case RG_INIT_HE_NORMAL: rg_init_normal(param, sqrt(he), random); return RG_OK;
    case RG_INIT_HE_UNIFORM:
        rg_init_uniform(param, -sqrt(3 * he), sqrt(3 * he), random);
        return RG_OK;
    case RG_INIT_XAVIER_NORMAL: rg_init_normal(param, sqrt(xavier), random); return RG_OK;
    case RG_INIT_XAVIER_UNIFORM:
        rg_init_uniform(param, -sqrt(3 * xavier), sqrt(3 * xavier), random);
        return RG_OK;
    case RG_INIT_NORMAL_1N: rg_init_normal(param, sqrt(1 / in), random); return RG_OK;
    case RG_INIT_ZEROS: rg_init_zeros(param); return RG_OK;
    }
    return RG_ERROR_ARGUMENT;
}
