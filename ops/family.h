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

extern rgi_family rgi_elementwise_family;
extern rgi_family rgi_reduce_family;
extern rgi_family rgi_shape_family;
extern rgi_family rgi_index_family;
extern rgi_family rgi_linalg_family;
extern rgi_family rgi_softmax_family;
extern rgi_family rgi_loss_family;

#define RGI_SAMPLES(list) .samples = list, .sample_count = (int)(sizeof list / sizeof *list)

/* Runs a macro with the C type of a floating element type. */
#define RGI_BY_TYPE(type, MACRO)                                                                   \
    do {                                                                                           \
        if ((type) == RG_F64) {                                                                    \
            MACRO(double);                                                                         \
        } else {                                                                                   \
            MACRO(float);                                                                          \
        }                                                                                          \
    } while (0)

/* The record of an element-wise function by its code. */
const rg_op *rgi_elementwise_op(int code);

/* Resolves a negative axis; fails the call if it is outside the rank. */
rg_status rgi_axis(rg_call *call, int64_t axis, int rank, int *out);

/* The scalar operations, attached to a tape when it first needs them. */
extern const rgi_scalar_engine rgi_scalar_engine_ops;

#endif
