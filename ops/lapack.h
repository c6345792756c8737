/*
 * lapack.h: factors of large matrices by LAPACK, where the library was built with it (private).
 */
#ifndef RG_OPS_LAPACK_H
#define RG_OPS_LAPACK_H

#include <stdbool.h>
#include <stdint.h>

/* What rgi_lu and rgi_cholesky of matrix.h compute; *result is what they return. False, with
 * nothing done, without LAPACK or for a matrix that is too small to gain from it. */
bool rgi_lapack_lu(int64_t n, double *a, int64_t *swaps, int *result);
bool rgi_lapack_cholesky(int64_t n, double *a, bool *result);

#endif
