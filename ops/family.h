/*
 * family.h: how a family of operations is laid out (private).
 *
 * To add an operation: write its block (kernels, rg_op record, public function) in the family file
 * that fits, put its record into the family's list at the end of that file, and add the prototype
 * with its comment to the family's header. Everything else (gradient checks, the reference runner,
 * pictures, documentation) walks the table made of these lists.
 *
 * An element-wise function is less: one row in elementwise_rows.h and the prototype.
 */
#ifndef RG_OPS_FAMILY_H
#define RG_OPS_FAMILY_H

#include "../autograd/internal.h"
#include "kernels.h"

/* A NULL-terminated list of operations. */
typedef const rg_op *const rgi_family[];

extern rgi_family rgi_arrange_family;
extern rgi_family rgi_conv_family;
extern rgi_family rgi_elementwise_family;
extern rgi_family rgi_layer_family;
extern rgi_family rgi_norm_family;
extern rgi_family rgi_pool_family;
extern rgi_family rgi_window_family;
extern rgi_family rgi_entropy_family;
extern rgi_family rgi_moments_family;
extern rgi_family rgi_reduce_family;
extern rgi_family rgi_shape_family;
extern rgi_family rgi_index_family;
extern rgi_family rgi_linalg_family;
extern rgi_family rgi_factor_family;
extern rgi_family rgi_det_family;
extern rgi_family rgi_softmax_family;
extern rgi_family rgi_loss_family;

#define RGI_SAMPLES(list) .samples = list, .sample_count = (int)(sizeof list / sizeof *list)

/* Runs a macro with the C type of a floating element type. */
#define RGI_BY_TYPE(type, MACRO) \
    do {                         \
        if ((type) == RG_F64) {  \
            MACRO(double);       \
        } else {                 \
            MACRO(float);        \
        }                        \
    } while (0)

/* ---- elementwise_run.c: forward and backward of element-wise rows ---- */

rg_status rgi_run_unary(rg_call *call);
void rgi_run_unary_back(rg_call *call);
rg_status rgi_run_step(rg_call *call);
rg_status rgi_run_binary(rg_call *call);
void rgi_run_binary_back(rg_call *call);
rg_status rgi_run_compare(rg_call *call);

/* The record of an element-wise function by its code. */
const rg_op *rgi_elementwise_op(int code);

/* The general path of a function with parameters; of one without a derivative; of a comparison. */
rg_value rgi_unary_with(int code, rg_value x, const double *parameters, int count);
rg_value rgi_step(int number, const rg_op *op, rg_value x, const double *parameters);
rg_value rgi_compare(int number, const rg_op *op, rg_value a, rg_value b);

/* A plain number as a constant beside another value: of its type, so that the result is too. */
rg_value rgi_number_like(rg_value like, double number);

/* ---- for rules ---- */

/* The guarded product g d: 0 where g is, whatever d is. */
rg_value rgi_guarded(rg_value g, rg_value d);
/* Sums x over what was stretched when a value of `shape` was broadcast to x's. */
rg_value rgi_sum_to(rg_value x, rg_shape shape);

/* Resolves a negative axis; fails the call if it is outside the rank. */
rg_status rgi_axis(rg_call *call, int64_t axis, int rank, int *out);

/* The scalar operations, attached to a tape when it first needs them. */
extern const rgi_scalar_engine rgi_scalar_engine_ops;
void rgi_attach_scalars(rg_tape *tape);

#endif
