/*
 * factor.h: inverse, determinant, Cholesky factor and linear systems, of square matrices in the
 * last two axes; leading axes are batches. Both element types are computed in double.
 *
 * RG_ERROR_SHAPE if the last two axes differ or are missing. Matrices with 0 rows are allowed:
 * their determinant is 1. A matrix is singular if elimination with partial pivoting meets a pivot
 * that is exactly 0; rounding may hide that, so a nearly singular matrix gives large numbers, not
 * an error. Gradients follow M. Giles, "An extended collection of matrix derivative results for
 * forward and reverse mode algorithmic differentiation", 2008, where nothing else is said.
 *
 * Products of matrices follow IEEE arithmetic here too: a zero upstream times an infinite element
 * is NaN, except for det and logdet, where it is 0.
 */
#ifndef RG_OPS_FACTOR_H
#define RG_OPS_FACTOR_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* y = x^-1. Gradient -y^T g y^T. RG_ERROR_NUMERIC, naming the batch, if a matrix is singular. */
RG_API rg_value rg_inverse(rg_value x);

/* The determinant, a number for each matrix: [.., n, n] -> [..]. Gradient g C with C the cofactors
 * of x, which are exact for singular matrices too, from a factorisation with full pivoting. So are
 * second derivatives. Derivatives of third and higher order need matrices that are not singular:
 * NaN from rg_backward and RG_ERROR_NUMERIC from rg_grad_values otherwise. */
RG_API rg_value rg_det(rg_value x);

/* The natural logarithm of the determinant, without overflow in between: NaN, with a NaN gradient,
 * if it is negative; -inf, with a NaN gradient, if it is 0. Gradient g x^-T. */
RG_API rg_value rg_logdet(rg_value x);

/* The lower triangle L with L L^T = (x + x^T) / 2, so for a symmetric x that of x. The gradient is
 * symmetric: L^-T (P + P^T) L^-1 / 2, P the lower triangle of L^T g with its diagonal halved
 * (I. Murray, "Differentiation of the Cholesky decomposition", 2016). RG_ERROR_NUMERIC, naming the
 * batch, if a matrix is not positive definite. */
RG_API rg_value rg_cholesky(rg_value x);

/* y = a^-1 b: the solution of a y = b. a [.., n, n]; b [.., n, k], or with one axis less a vector
 * [.., n]; leading axes are equal (rg_expand makes them so). y has the shape of b. Gradients: to b
 * h = a^-T g, to a -h y^T. RG_ERROR_NUMERIC, naming the batch, if a matrix is singular. */
RG_API rg_value rg_solve(rg_value a, rg_value b);

RG_END_DECLS

#endif
