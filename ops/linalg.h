/*
 * linalg.h: products of matrices. They follow IEEE arithmetic: here a zero upstream times an
 * infinite element is NaN.
 */
#ifndef RG_OPS_LINALG_H
#define RG_OPS_LINALG_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* The matrix product by NumPy's rules: [m, k] [k, n] -> [m, n]; a rank-1 operand is a row on the
 * left, a column on the right, and its axis disappears; leading axes are batches and broadcast.
 * Gradients: G B^T and A^T G. RG_ERROR_SHAPE if the inner sizes differ or an operand is a scalar.
 */
RG_API rg_value rg_matmul(rg_value a, rg_value b);

/* x w^T + b: x [.., in], w [out, in], b [out] -> [.., out]. (rg_value){0} as b leaves it out.
 * Gradients: g w, g^T x, and g summed over rows. RG_ERROR_SHAPE if the shapes do not fit. */
RG_API rg_value rg_linear(rg_value x, rg_value w, rg_value b);

/* The sum of products of two vectors, [n] [n] -> []. RG_ERROR_SHAPE for other shapes. */
RG_API rg_value rg_dot(rg_value a, rg_value b);

/* All products of the elements of two vectors, [m] [n] -> [m, n]. RG_ERROR_SHAPE for other ranks.
 */
RG_API rg_value rg_outer(rg_value a, rg_value b);

/* The sum of the diagonal of a matrix, [m, n] -> []. RG_ERROR_SHAPE for another rank. */
RG_API rg_value rg_trace(rg_value x);

RG_END_DECLS

#endif
