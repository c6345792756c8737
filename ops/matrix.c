/* matrix.c: factors of square matrices of doubles, and the elements of batches of them. */
#include "matrix.h"

#include <inttypes.h>
#include <math.h>

#include "lapack.h"
#include "shape_ops.h"

/* ---- batches ---- */

rgi_matrices rgi_matrices_of(const rg_tensor *x)
{
    rg_shape lead = x->shape;
    lead.rank -= 2;
    return (rgi_matrices){x->shape.dim[lead.rank], rg_shape_size(&lead)};
}

rg_status rgi_square(rg_call *call, const rg_tensor *x)
{
    const rg_shape *shape = &x->shape;
    char text[RG_SHAPE_TEXT_SIZE];
    if (shape->rank < 2 || shape->dim[shape->rank - 1] != shape->dim[shape->rank - 2])
        return rg_call_fail(call, RG_ERROR_SHAPE, "%s is not [.., n, n]",
                            rg_shape_text(shape, text));
    return RG_OK;
}

rg_status rgi_matrix_shape(rg_call *call)
{
    return rgi_square(call, call->in[0]);
}

rg_status rgi_number_shape(rg_call *call)
{
    rg_status status = rgi_square(call, call->in[0]);
    if (status == RG_OK)
        call->out->shape.rank -= 2;
    return status;
}

size_t rgi_matrix_room(const rg_call *call, int k)
{
    if (call->in[0]->size == 0)
        return 0;
    size_t n = (size_t)rgi_matrices_of(call->in[0]).n;
    return ((size_t)k * n + 3) * n * sizeof(double);
}

rg_status rgi_matrix_fail(rg_call *call, int64_t batch, const char *what)
{
    if (call->in[0]->shape.rank == 2)
        return rg_call_fail(call, RG_ERROR_NUMERIC, "the matrix is %s", what);
    return rg_call_fail(call, RG_ERROR_NUMERIC, "the matrix of batch %" PRId64 " is %s", batch,
                        what);
}

void rgi_read_matrix(double *to, const void *data, rg_type type, int64_t start, int64_t size)
{
    if (size > 0)
        rgi_convert(to, RG_F64, (const char *)data + start * (int64_t)rg_type_size(type), type,
                    size);
}

void rgi_write_matrix(void *data, rg_type type, int64_t start, const double *from, int64_t size)
{
    if (size > 0)
        rgi_convert((char *)data + start * (int64_t)rg_type_size(type), type, from, RG_F64, size);
}

void rgi_add_matrix(void *data, rg_type type, int64_t start, double scale, const double *from,
                    int64_t size)
{
    for (int64_t i = 0; i < size; i++)
        rgi_increase(data, type, start + i, scale * from[i]);
}

rg_value rgi_each(rg_value numbers)
{
    return rg_unsqueeze(rg_unsqueeze(numbers, -1), -1);
}

/* ---- one matrix ---- */

void rgi_product(int cpu, int64_t n, double *a, int left, double *b, int right, double *out)
{
    rgi_matrix first = {a, left == RGI_TURNED ? 1 : n, left == RGI_TURNED ? n : 1};
    rgi_matrix second = {b, right == RGI_TURNED ? 1 : n, right == RGI_TURNED ? n : 1};
    rgi_kernels_for(cpu, RG_F64)->matmul(n, n, n, &first, &second, &(rgi_matrix){out, n, 1}, 0);
}

void rgi_turn(int64_t n, const double *a, double *out)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            out[j * n + i] = a[i * n + j];
}

void rgi_fill_all(int64_t size, double *a, double number)
{
    for (int64_t i = 0; i < size; i++)
        a[i] = number;
}

static void swap_rows(int64_t n, double *a, double *b)
{
    for (int64_t i = 0; i < n && a != b; i++) {
        double kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* The row, from k on, with the largest element of column k; NaN counts as the largest, so that it
 * shows in the result. */
static int64_t pivot_row(int64_t n, const double *a, int64_t k)
{
    int64_t best = k;
    for (int64_t i = k + 1; i < n; i++)
        if (fabs(a[i * n + k]) > fabs(a[best * n + k]) || isnan(a[i * n + k]))
            best = i;
    return best;
}

int rgi_lu(int64_t n, double *a, int64_t *swaps)
{
    int sign = 1;
    if (rgi_lapack_lu(n, a, swaps, &sign))
        return sign;
    for (int64_t k = 0; k < n; k++) {
        double *row = a + k * n;
        swaps[k] = pivot_row(n, a, k);
        swap_rows(n, row, a + swaps[k] * n);
        sign = swaps[k] == k ? sign : -sign;
        if (row[k] == 0)
            return 0;
        for (int64_t i = k + 1; i < n; i++) {
            double *below = a + i * n, factor = below[k] / row[k];
            below[k] = factor;
            for (int64_t j = k + 1; j < n; j++)
                below[j] -= factor * row[j];
        }
    }
    return sign;
}

static void subtract_row(int64_t k, double *from, double factor, const double *row)
{
    for (int64_t j = 0; j < k; j++)
        from[j] -= factor * row[j];
}

void rgi_lu_solve(int64_t n, const double *lu, const int64_t *swaps, int64_t k, double *b)
{
    for (int64_t i = 0; i < n; i++)
        swap_rows(k, b + i * k, b + swaps[i] * k);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            subtract_row(k, b + i * k, lu[i * n + j], b + j * k);
    for (int64_t i = n - 1; i >= 0; i--) {
        for (int64_t j = i + 1; j < n; j++)
            subtract_row(k, b + i * k, lu[i * n + j], b + j * k);
        for (int64_t j = 0; j < k; j++)
            b[i * k + j] /= lu[i * n + i];
    }
}

void rgi_lu_solve_turned(int64_t n, const double *lu, const int64_t *swaps, int64_t k, double *b)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < k; j++)
            b[i * k + j] /= lu[i * n + i];
        for (int64_t j = i + 1; j < n; j++)
            subtract_row(k, b + j * k, lu[i * n + j], b + i * k);
    }
    for (int64_t i = n - 1; i >= 0; i--)
        for (int64_t j = 0; j < i; j++)
            subtract_row(k, b + j * k, lu[i * n + j], b + i * k);
    for (int64_t i = n - 1; i >= 0; i--)
        swap_rows(k, b + i * k, b + swaps[i] * k);
}

void rgi_lu_inverse(int64_t n, const double *lu, const int64_t *swaps, double *inverse)
{
    rgi_fill_all(n * n, inverse, 0);
    for (int64_t i = 0; i < n; i++)
        inverse[i * n + i] = 1;
    rgi_lu_solve(n, lu, swaps, n, inverse);
}

/* The sum of a_k b_k, k < n. */
static double inner(int64_t n, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

bool rgi_cholesky(int64_t n, double *a)
{
    bool done;
    if (rgi_lapack_cholesky(n, a, &done))
        return done;
    for (int64_t j = 0; j < n; j++) {
        double *pivot = a + j * n;
        double square = pivot[j] - inner(j, pivot, pivot);
        if (square <= 0)
            return false;
        pivot[j] = sqrt(square);
        for (int64_t i = j + 1; i < n; i++) {
            double *row = a + i * n;
            row[j] = (row[j] - inner(j, row, pivot)) / pivot[j];
            pivot[i] = 0;
        }
    }
    return true;
}

void rgi_lower_inverse(int64_t n, const double *l, double *out)
{
    rgi_fill_all(n * n, out, 0);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < i; k++)
            for (int64_t j = 0; j <= k; j++)
                out[i * n + j] -= l[i * n + k] * out[k * n + j];
        for (int64_t j = 0; j < i; j++)
            out[i * n + j] /= l[i * n + i];
        out[i * n + i] = 1 / l[i * n + i];
    }
}
