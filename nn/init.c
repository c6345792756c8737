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

/* The variance of a distribution; -1 if it is none of the list. */
static double variance_of(rg_init init, double in, double out)
{
    switch (init) {
    case RG_INIT_HE_NORMAL:
    case RG_INIT_HE_UNIFORM: return 2 / in;
    case RG_INIT_XAVIER_NORMAL:
    case RG_INIT_XAVIER_UNIFORM: return 2 / (in + out);
    case RG_INIT_HE_AVERAGE_NORMAL:
    case RG_INIT_HE_AVERAGE_UNIFORM: return 4 / (in + out);
    case RG_INIT_NORMAL_1N:
    case RG_INIT_UNIFORM_1N: return 1 / in;
    case RG_INIT_ZEROS: return 0;
    }
    return -1;
}

static bool is_uniform(rg_init init)
{
    return init == RG_INIT_HE_UNIFORM || init == RG_INIT_XAVIER_UNIFORM ||
           init == RG_INIT_HE_AVERAGE_UNIFORM || init == RG_INIT_UNIFORM_1N;
}

rg_status rg_init_weights(rg_param *param, rg_init init, rg_random *random)
{
    rg_shape shape = rg_param_shape(param);
    double variance = variance_of(init, fan(&shape, 0), fan(&shape, 1));
    double limit = sqrt(3 * variance); /* uniform in [-a, a) has variance a^2 / 3 */
    if (variance < 0)
        return RG_ERROR_ARGUMENT;
    if (init == RG_INIT_ZEROS)
        rg_init_zeros(param);
    else if (is_uniform(init))
        rg_init_uniform(param, -limit, limit, random);
    else
        rg_init_normal(param, sqrt(variance), random);
    return RG_OK;
}
