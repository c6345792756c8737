/* arguments.h: what an operator finds in its case, and the operators with blocks of their own. */
#ifndef RG_TESTS_REFERENCE_ARGUMENTS_H
#define RG_TESTS_REFERENCE_ARGUMENTS_H

#include "reference.h"

/* The value of X or I `name`. Without it the case is malformed, or the value inert. */
rg_value ref_operand(const ref_call *call, const char *name);
rg_value ref_optional(const ref_call *call, const char *name);

/* Attributes: the only number or integer of one, or `otherwise` without it; a flag, 0 without it;
 * an axis, which must be there; a list of at most RG_MAX_RANK integers, empty without it. */
bool ref_has(const ref_call *call, const char *key);
double ref_number(const ref_call *call, const char *key, double otherwise);
int64_t ref_integer(const ref_call *call, const char *key, int64_t otherwise);
bool ref_flag(const ref_call *call, const char *key);
int ref_axis(const ref_call *call, const char *key);
rg_axes ref_list(const ref_call *call, const char *key);

/* The list `shape` as a shape; the word `reduction`. */
rg_shape ref_shape(const ref_call *call);
rg_reduction ref_reduction(const ref_call *call);

/* layers.c: losses, and the operators of neural networks. */
/* clang-format off */
#define REF_LAYERS(ROW) \
    ROW(mse_loss) ROW(l1_loss) ROW(huber_loss) ROW(smooth_l1_loss) ROW(kl_div) ROW(bce) \
    ROW(bce_with_logits) ROW(cross_entropy) ROW(nll_loss) ROW(linear) ROW(layer_norm) \
    ROW(group_norm) ROW(batch_norm) ROW(dropout) ROW(embedding) ROW(attention) ROW(conv1d) \
    ROW(conv2d) ROW(max_pool2d) ROW(avg_pool2d)
/* clang-format on */
#define REF_LAYER(name) rg_value ref_##name(ref_call *call);
REF_LAYERS(REF_LAYER)
#undef REF_LAYER

#endif
