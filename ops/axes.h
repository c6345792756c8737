/*
 * axes.h: lines along an axis, and reductions over axes: which elements of x belong to which
 * element of the result.
 */
#ifndef RG_OPS_AXES_H
#define RG_OPS_AXES_H

#include "family.h"
#include "rows.h"

/* A shape seen along one axis, which may be negative: `outer` times `step` lines of `length`
 * elements each, with `step` elements from one of a line to the next. */
typedef struct rgi_lines {
    int64_t outer, length, step;
} rgi_lines;

rgi_lines rgi_lines_along(const rg_shape *shape, int axis);

/* The attributes of every reduction. */
typedef struct rgi_reduction {
    rg_axes axes; /* none: all */
    int keepdim;
} rgi_reduction;

/* A shape rule: resolves the axes and sets out->shape. */
rg_status rgi_reduction_shape(rg_call *call);

/* The same for an operation made of others: the result's shape and the number of elements of x
 * behind each of its elements; false with the operation's error set if the axes do not fit. */
bool rgi_reduction_resolve(const rg_op *op, rg_value x, const rgi_reduction *how, rg_shape *out,
                           int64_t *count);

/* The number of elements of x behind each element of the result. */
int64_t rgi_reduction_count(const rg_call *call);

/* Walks x (stream 0: its data; stream 1: its dense gradient) and the result (stream 2), whose step
 * is 0 along reduced axes. */
bool rgi_reduction_walk(rgi_rows *rows, const rg_call *call);

/* For rules: a value of the result's shape seen in the shape of x. */
rg_value rgi_spread(const rg_rule *rule, rg_value value);

/* For rules of extremes: each element's share in y, the largest or smallest of x: 1 over how many
 * equal it where it does, else 0. A constant. */
rg_value rgi_shares(const rg_rule *rule, rg_value x, rg_value y);

/* Records a reduction. */
rg_value rgi_reduce(const rg_op *op, rg_value x, rg_axes axes, int keepdim);

extern const rg_sample rgi_reduction_samples[4];

#endif
