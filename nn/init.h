/*
 * init.h: first values of parameters.
 *
 * Elements are drawn in row-major order from a generator the caller gives: the same seed gives the
 * same numbers, rounded to the parameter's type.
 */
#ifndef RG_NN_INIT_H
#define RG_NN_INIT_H

#include "../autograd/param.h"
#include "../autograd/random.h"

RG_BEGIN_DECLS

/* Distributions for weights of shape [out, in] with mean 0. Further axes (of a convolution) belong
 * to both: `in` is the product of all dimensions but the first, `out` of all but the second. The
 * uniform ones lie between -sqrt(3 v) and sqrt(3 v), with v the variance. */
typedef enum rg_init {
    RG_INIT_HE_NORMAL,      /* variance 2 / in, which relu keeps (K. He et al., "Delving deep into
                             * rectifiers", ICCV 2015); also called normal 2/n */
    RG_INIT_HE_UNIFORM,     /* the same variance */
    RG_INIT_XAVIER_NORMAL,  /* variance 2 / (in + out) (X. Glorot and Y. Bengio, "Understanding the
                             * difficulty of training deep feedforward neural networks", AISTATS
                             * 2010) */
    RG_INIT_XAVIER_UNIFORM, /* the same variance */
    RG_INIT_HE_AVERAGE_NORMAL,  /* variance 4 / (in + out), that is 2 / n with the average of `in`
                                 * and `out` as n: between what keeps relu's signals, 2 / in, and
                                 * what keeps their gradients, 2 / out */
    RG_INIT_HE_AVERAGE_UNIFORM, /* the same variance */
    RG_INIT_NORMAL_1N,  /* normal, variance 1 / in, which a linear layer keeps (Y. LeCun et al.,
                         * "Efficient BackProp", 1998) */
    RG_INIT_UNIFORM_1N, /* the same variance */
    RG_INIT_ZEROS       /* all equal, so that hidden units never learn to differ */
} rg_init;

/* Fills weights as the list says. `random` is not used for zeros and may then be NULL. Returns
 * RG_ERROR_ARGUMENT, and changes nothing, for an `init` outside the list. */
RG_API rg_status rg_init_weights(rg_param *param, rg_init init, rg_random *random);

/* All elements 0; all elements `value`. */
RG_API void rg_init_zeros(rg_param *param);
RG_API void rg_init_constant(rg_param *param, double value);

/* Uniform in [low, high); float32 rounding may give `high` itself. */
RG_API void rg_init_uniform(rg_param *param, double low, double high, rg_random *random);

/* Normal with mean 0 and standard deviation `std`. */
RG_API void rg_init_normal(rg_param *param, double std, rg_random *random);

RG_END_DECLS

#endif
