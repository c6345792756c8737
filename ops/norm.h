/*
 * norm.h: normalisations: elements in groups are shifted and scaled to mean 0 and variance 1,
 *
 *     y = (x - mean) / sqrt(variance + eps) w + b,
 *
 * with the variance sum (x - mean)^2 / n of the group. They are made of other operations, so
 * gradients of every order follow; with r = 1 / sqrt(variance + eps) and z = (x - mean) r that is
 * r (g w - mean(g w) - z mean(g w z)) to x, g z to w and g to b, summed over what shares them. The
 * weight w and the bias b may each be left out: (rg_value){0}. A group whose elements are all equal
 * becomes 0, up to the rounding of its mean. RG_ERROR_SHAPE if the shapes do not go together,
 * RG_ERROR_ARGUMENT for a negative eps.
 */
#ifndef RG_OPS_NORM_H
#define RG_OPS_NORM_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* Groups: the elements that share all but the last `axes` axes; w and b have the shape of these
 * axes. (J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016) */
RG_API rg_value rg_layer_norm(rg_value x, int axes, rg_value w, rg_value b, double eps);

/* x [N, C, ..]. Groups: for each of the N items, `groups` equal runs of channels with all that
 * belongs to them; w and b are [C]. (Y. Wu and K. He, "Group normalization", 2018) */
RG_API rg_value rg_group_norm(rg_value x, int groups, rg_value w, rg_value b, double eps);

typedef struct rg_batch_norm_options {
    int training;    /* 1: normalise by the batch; 0: by the running mean and variance */
    double momentum; /* share of the batch in the new running values */
    double eps;
    rg_value *new_mean;     /* where the new running values go, as constants; */
    rg_value *new_variance; /* NULL: nowhere, and while training the old ones may be left out */
} rg_batch_norm_options;

/* x [N, C, ..]. Groups: all elements of a channel; w, b, mean and variance are [C]. While training
 * the statistics are the batch's, and the new running values
 *
 *     (1 - momentum) mean + momentum batch mean,
 *     (1 - momentum) variance + momentum batch variance n / (n - 1);
 *
 * RG_ERROR_SHAPE if a channel has fewer than two elements. Otherwise the statistics are the running
 * mean and variance, which stay as they are. (S. Ioffe and C. Szegedy, "Batch normalization",
 * 2015) */
RG_API rg_value rg_batch_norm(rg_value x, rg_value w, rg_value b, rg_value mean, rg_value variance,
                              const rg_batch_norm_options *options);

RG_END_DECLS

#endif
