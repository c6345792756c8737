/*
 * kernels.h: the loops behind the operations, compiled once for each instruction set.
 *
 * kernels.c is built several times with different compiler flags; each build fills one table for
 * each element type. Operations take the table that fits the call's cpu level.
 */
#ifndef RG_OPS_KERNELS_H
#define RG_OPS_KERNELS_H

#include <stdint.h>

#include "../autograd/internal.h"
#include "elementwise_rows.h"

/* y[i] = f(x[i]), and gx[i] += gy[i] f'(x[i]); n elements, `parameters` as many as the row has. */
typedef void rgi_unary_forward(int64_t n, const void *x, void *y, const double *parameters);
typedef void rgi_unary_backward(int64_t n, const void *x, const void *y, const void *gy, void *gx,
                                const double *parameters);

/* y[i] = f(a[i * as], b[i * bs]); the steps are 0 or 1. */
typedef void rgi_binary_forward(int64_t n, const void *a, int as, const void *b, int bs, void *y);

/* ga[i * ga_step] += gy[i] df/da, and the same for b; a NULL gradient is not wanted. */
typedef struct rgi_binary_grads {
    void *a, *b;
    int a_step, b_step;
} rgi_binary_grads;
typedef void rgi_binary_backward(int64_t n, const void *a, int as, const void *b, int bs,
                                 const void *y, const void *gy, const rgi_binary_grads *grads);

/* A matrix as it lies in memory: element (i, j) at data[i * row + j * column]. */
typedef struct rgi_matrix {
    void *data;
    int64_t row, column;
} rgi_matrix;

/* C (m x n) = A (m x k) B (k x n), added to what C holds if `add`. C has column step 1. */
typedef void rgi_matmul(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,
                        const rgi_matrix *c, int add);

/* out[j] = sum over i < rows of g[i * g_row + j], added to what out holds if `add`. */
typedef void rgi_sum_rows(int64_t rows, int64_t columns, const void *g, int64_t g_row, void *out,
                          int add);

/* c[i * c_row + j] = row[j] for i < rows, j < columns. */
typedef void rgi_repeat_row(int64_t rows, int64_t columns, const void *row, void *c, int64_t c_row);

typedef struct rgi_kernels {
    rgi_unary_forward *unary_forward[RGI_UNARY_COUNT];
    rgi_unary_backward *unary_backward[RGI_UNARY_COUNT];
    rgi_binary_forward *binary_forward[RGI_BINARY_COUNT];
    rgi_binary_backward *binary_backward[RGI_BINARY_COUNT];
    rgi_unary_forward *step[RGI_STEP_COUNT];
    rgi_binary_forward *compare[RGI_COMPARE_COUNT];
    rgi_matmul *matmul;
    rgi_sum_rows *sum_rows;
    rgi_repeat_row *repeat_row;
} rgi_kernels;

/* The table of RG_F64 or RG_F32 for a cpu level. */
const rgi_kernels *rgi_kernels_for(int cpu, rg_type type);

/* One per build of kernels.c: [0] float64, [1] float32. */
extern const rgi_kernels rgi_kernels_base[2];
extern const rgi_kernels rgi_kernels_avx2[2];
extern const rgi_kernels rgi_kernels_avx512[2];

#endif
