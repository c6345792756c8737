/*
 * matrix.h: square matrices of doubles, one at a time, and how operations on batches of them reach
 * their elements (private). Matrices are dense and row-major. Both element types are computed in
 * double.
 */
#ifndef RG_OPS_MATRIX_H
#define RG_OPS_MATRIX_H

#include "family.h"

/* ---- batches ---- */

/* A tensor [.., n, n] as `count` matrices of n rows. */
typedef struct rgi_matrices {
    int64_t n, count;
} rgi_matrices;

rgi_matrices rgi_matrices_of(const rg_tensor *x);

/* For shape rules: fails the call unless x is [.., n, n]. */
rg_status rgi_square(rg_call *call, const rg_tensor *x);

/* Shape rules: a matrix for each matrix; a number for each matrix. */
rg_status rgi_matrix_shape(rg_call *call);
rg_status rgi_number_shape(rg_call *call);

/* Bytes for k matrices like those of the first input and three rows; 0 if it is empty. */
size_t rgi_matrix_room(const rg_call *call, int k);

/* Fails the call: "the matrix of batch 2 is singular". */
rg_status rgi_matrix_fail(rg_call *call, int64_t batch, const char *what);

/* Elements [start, start + size) of a tensor's data or gradient: read, written, added to. */
void rgi_read_matrix(double *to, const void *data, rg_type type, int64_t start, int64_t size);
void rgi_write_matrix(void *data, rg_type type, int64_t start, const double *from, int64_t size);
void rgi_add_matrix(void *data, rg_type type, int64_t start, double scale, const double *from,
                    int64_t size);

/* For rules: a number for each matrix, [..], as [.., 1, 1]. */
rg_value rgi_each(rg_value numbers);

/* ---- one matrix ---- */

/* out = A B for n x n matrices; `left` or `right` RGI_TURNED takes its transpose. */
enum { RGI_PLAIN, RGI_TURNED };
void rgi_product(int cpu, int64_t n, double *a, int left, double *b, int right, double *out);

/* out = a^T, not in place. */
void rgi_turn(int64_t n, const double *a, double *out);

void rgi_fill_all(int64_t size, double *a, double number);

/* Factors in place, a = P L U with partial pivoting: L, whose diagonal is 1, below the diagonal, U
 * on and above it; row i was exchanged with row swaps[i]. Returns the sign of P, or 0 at the first
 * pivot that is exactly 0. (G. Golub and C. Van Loan, Matrix Computations, 4th ed.,
 * algorithm 3.4.1) */
int rgi_lu(int64_t n, double *a, int64_t *swaps);

/* b (n x k) becomes a^-1 b, given the factors of a. */
void rgi_lu_solve(int64_t n, const double *lu, const int64_t *swaps, int64_t k, double *b);
/* The same with a^-T. */
void rgi_lu_solve_turned(int64_t n, const double *lu, const int64_t *swaps, int64_t k, double *b);

/* inverse = a^-1, given the factors of a. */
void rgi_lu_inverse(int64_t n, const double *lu, const int64_t *swaps, double *inverse);

/* Replaces the lower triangle of a symmetric matrix by its factor L, a = L L^T, and the rest by 0;
 * false at a pivot that is not above 0. (as above, algorithm 4.2.1) */
bool rgi_cholesky(int64_t n, double *a);

/* out = l^-1 for a lower triangle. */
void rgi_lower_inverse(int64_t n, const double *l, double *out);

#endif
