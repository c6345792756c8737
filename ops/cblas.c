/* cblas.c: see cblas.h. CBLAS is declared here because its header has several names. */
#include "cblas.h"

#if RGI_HAVE_CBLAS

#include <limits.h>

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

extern void cblas_dgemm(int order, int of_a, int of_b, int m, int n, int k, double alpha,
                        const double *a, int lda, const double *b, int ldb, double beta, double *c,
                        int ldc);
extern void cblas_sgemm(int order, int of_a, int of_b, int m, int n, int k, float alpha,
                        const float *a, int lda, const float *b, int ldb, float beta, float *c,
                        int ldc);

/* Below so many multiplications the kernels are as fast. */
static const double least = 50e6;

static bool is_plain(rgi_matrix x, int64_t columns)
{
    return x.column == 1 && x.row >= columns && x.row <= INT_MAX;
}

static bool fits(rgi_matrix x, int64_t rows, int64_t columns)
{
    return is_plain(x, columns) || is_plain((rgi_matrix){x.data, x.column, x.row}, rows);
}

bool rgi_cblas_suits(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,
                     const rgi_matrix *c)
{
    return (double)m * (double)n * (double)k >= least && k <= INT_MAX && fits(*a, m, k) &&
           fits(*b, k, n) && is_plain(*c, n);
}

static int64_t at_most(int64_t size, int64_t most)
{
    return size < most ? size : most;
}

#define PRODUCT(T, name, gemm)                                                                    \
    void name(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,          \
              const rgi_matrix *c, int add)                                                       \
    {                                                                                             \
        const bool flip_a = !is_plain(*a, k), flip_b = !is_plain(*b, n);                          \
        for (int64_t i = 0; i < m; i += RGI_CBLAS_ROWS)                                           \
            for (int64_t j = 0; j < n; j += RGI_CBLAS_COLUMNS)                                    \
                gemm(ROW_MAJOR, flip_a ? TRANSPOSED : PLAIN, flip_b ? TRANSPOSED : PLAIN,         \
                     (int)at_most(m - i, RGI_CBLAS_ROWS), (int)at_most(n - j, RGI_CBLAS_COLUMNS), \
                     (int)k, 1, (const T *)a->data + i * a->row,                                  \
                     (int)(flip_a ? a->column : a->row), (const T *)b->data + j * b->column,      \
                     (int)(flip_b ? b->column : b->row), add ? 1 : 0,                             \
                     (T *)c->data + i * c->row + j, (int)c->row);                                 \
    }
PRODUCT(double, rgi_cblas_f64, cblas_dgemm)
PRODUCT(float, rgi_cblas_f32, cblas_sgemm)

#else

bool rgi_cblas_suits(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,
                     const rgi_matrix *c)
{
    (void)m, (void)n, (void)k, (void)a, (void)b, (void)c;
    return false;
}

void rgi_cblas_f64(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,
                   const rgi_matrix *c, int add)
{
    (void)m, (void)n, (void)k, (void)a, (void)b, (void)c, (void)add;
}

void rgi_cblas_f32(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,
                   const rgi_matrix *c, int add)
{
    (void)m, (void)n, (void)k, (void)a, (void)b, (void)c, (void)add;
}

#endif
