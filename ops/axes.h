/*
 * axes.h: reductions over axes: which elements of x belong to which element of the result.
 */
#ifndef RG_OPS_AXES_H
#define RG_OPS_AXES_H

#include "family.h"
#include "rows.h"

/* The attributes of every reduction. */
typedef struct rgi_reduction {
    rg_axes axes; /* none: all */
    int keepdim;
} rgi_reduction;

/* A shape rule: resolves the axes and sets out->shape. */
rg_status rgi_reduction_shape(rg_call *call);

/* The number of elements of x behind each element of the result. */
int64_t rgi_reduction_count(const rg_call *call);

/* Walks x (stream 0: its data; stream 1: its dense gradient) and the result (stream 2), whose step
 * is 0 along reduced axes. */
bool rgi_reduction_walk(rgi_rows *rows, const rg_call *call);

/* Records a reduction. */
rg_value rgi_reduce(const rg_op *op, rg_value x, rg_axes axes, int keepdim);

extern const rg_sample rgi_reduction_samples[4];

#endif
