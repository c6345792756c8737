/* lapack.c: see lapack.h. LAPACK keeps matrices column by column: the same memory is the transpose.
 */
#include "lapack.h"

#if RGI_HAVE_LAPACK

#include <limits.h>

extern void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivots, int *info);
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);

/* Below this the plain loops are as fast. */
enum { LEAST = 64 };

/* NaN elements are left to the plain loops, which pass them on. */
static bool is_worth_it(int64_t n, const double *a)
{
    if (n < LEAST || n > INT_MAX)
        return false;
    for (int64_t i = 0; i < n * n; i++)
        if (a[i] != a[i])
            return false;
    return true;
}

static void transpose(int64_t n, double *a)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double kept = a[i * n + j];
            a[i * n + j] = a[j * n + i];
            a[j * n + i] = kept;
        }
}

/* The pivots are written where the swaps go, which are twice as wide, and widened from the back. */
bool rgi_lapack_lu(int64_t n, double *a, int64_t *swaps, int *result)
{
    if (!is_worth_it(n, a))
        return false;
    int size = (int)n, info, *pivots = (int *)(void *)swaps;
    transpose(n, a);
    dgetrf_(&size, &size, a, &size, pivots, &info);
    transpose(n, a);
    *result = info == 0;
    for (int64_t i = n; i-- > 0;) {
        int64_t pivot = pivots[i] - 1;
        swaps[i] = pivot;
        if (pivot != i)
            *result = -*result;
    }
    return true;
}

bool rgi_lapack_cholesky(int64_t n, double *a, bool *result)
{
    if (!is_worth_it(n, a))
        return false;
    int size = (int)n, info;
    dpotrf_("U", &size, a, &size, &info);
    *result = info == 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++)
            a[i * n + j] = 0;
    return true;
}

#else

bool rgi_lapack_lu(int64_t n, double *a, int64_t *swaps, int *result)
{
    (void)n, (void)a, (void)swaps, (void)result;
    return false;
}

bool rgi_lapack_cholesky(int64_t n, double *a, bool *result)
{
    (void)n, (void)a, (void)result;
    return false;
}

#endif
