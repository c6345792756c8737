/*
 * cblas.h: large products by CBLAS, where the library was built with it (private).
 *
 * CBLAS decides itself how many threads it uses; with OpenBLAS the variable OPENBLAS_NUM_THREADS=1
 * keeps it to the caller's.
 */
#ifndef RG_OPS_CBLAS_H
#define RG_OPS_CBLAS_H

#include "kernels.h"

/* Blocks of C, each of which is one call, so that it is computed the same way whatever else is. */
enum { RGI_CBLAS_ROWS = 256, RGI_CBLAS_COLUMNS = 512 };

/* Whether a product can be one of CBLAS, for which a step of each matrix must be 1, and is large
 * enough to gain from it. False without CBLAS. */
bool rgi_cblas_suits(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,
                     const rgi_matrix *c);

/* That product. Never called without CBLAS. */
rgi_matmul rgi_cblas_f64, rgi_cblas_f32;

#endif
