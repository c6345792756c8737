/*
 * lbfgs_state.h: what L-BFGS is made of, for the files of nn/ that run or save it (private).
 *
 * To continue exactly where it was, make one with the same options and restore `pairs`, and the
 * step and the change of each.
 */
#ifndef RG_NN_LBFGS_STATE_H
#define RG_NN_LBFGS_STATE_H

#include "internal.h"
#include "lbfgs.h"

/* Vectors are the elements of all parameters, one after the other. */
struct rg_lbfgs {
    rg_params *params;
    const rg_allocator *allocator; /* the parameters' */
    rg_lbfgs_options options;
    int count; /* of parameters */
    size_t size, bytes;
    double *x, *g, *direction; /* where the iteration begins */
    double *trial_g;           /* at the point last evaluated */
    double *steps, *changes;   /* `history` of each: x and g after an iteration minus before */
    double *weight;            /* of the two loops */
    int64_t pairs, newest;     /* the steps remembered, and where the newest lies */
    double numbers[];
};

/* As rg_lbfgs_create, of options that have no defaults: 0 is 0. */
rg_lbfgs *rgi_lbfgs_create(rg_params *params, const rg_lbfgs_options *options, rg_error *error);

/* The step and the change of an age: 0 is the newest, `pairs` - 1 the oldest. */
double *rgi_lbfgs_step(const rg_lbfgs *lbfgs, int64_t age);
double *rgi_lbfgs_change(const rg_lbfgs *lbfgs, int64_t age);

#endif
