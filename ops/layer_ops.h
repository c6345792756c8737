/*
 * layer_ops.h: other operations that layers of networks are made of. All are made of further
 * operations, so gradients of every order follow.
 */
#ifndef RG_OPS_LAYER_OPS_H
#define RG_OPS_LAYER_OPS_H

#include "../autograd/random.h"
#include "../autograd/value.h"

RG_BEGIN_DECLS

/* x mask / (1 - p): elements under a 0 of the mask are dropped, the others scaled so that the mean
 * stays. The mask broadcasts against x. Gradient: g mask / (1 - p) to x. RG_ERROR_ARGUMENT unless
 * 0 <= p < 1. (N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
 * overfitting", 2014) */
RG_API rg_value rg_dropout(rg_value x, rg_value mask, double p);

/* The same with a mask of x's shape that is 0 with probability p: one draw for each element. */
RG_API rg_value rg_dropout_random(rg_value x, double p, rg_random *random);

/* Rows of a table w [V, D] by int64 indices of any shape [..] -> [.., D]. Gradient: g added to the
 * rows; none to row `padding`, unless that is -1. RG_ERROR_INDEX, naming the index, if one is out
 * of range. */
RG_API rg_value rg_embedding(rg_value w, rg_value indices, int64_t padding);

/* softmax(q k^T / sqrt(d)) v: q [.., L, d], k [.., S, d], v [.., S, e] -> [.., L, e]; leading axes
 * are batches and broadcast. With `causal` 1, row i of q sees only rows 0 to i of k and v. (A.
 * Vaswani et al., "Attention is all you need", 2017) */
RG_API rg_value rg_attention(rg_value q, rg_value k, rg_value v, int causal);

RG_END_DECLS

#endif
