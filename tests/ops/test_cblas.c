/* test_cblas.c: products by CBLAS against the kernels, and their use by operations. */
#include "../check.h"

#include "../../ops/cblas.h"

SUITE(cblas);

static bool is_there(void)
{
    const rgi_matrix x = {NULL, 1000, 1};
    return rgi_cblas_suits(1000, 1000, 1000, &x, &x, &x);
}

#define NEED_CBLAS()                                            \
    do {                                                        \
        if (!is_there())                                        \
            cr_skip_test("the library is built without CBLAS"); \
    } while (0)

static rgi_matmul *by_cblas(rg_type type)
{
    return type == RG_F64 ? rgi_cblas_f64 : rgi_cblas_f32;
}

static double at(const void *data, rg_type type, int64_t i)
{
    return type == RG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void *draw(rg_type type, int64_t count, rg_random *random)
{
    void *data = malloc((size_t)count * rg_type_size(type));
    for (int64_t i = 0; i < count; i++)
        rgi_store(data, type, i, 2 * rg_random_uniform(random) - 1);
    return data;
}

/* ---- against the kernels ---- */

/* With one bit of `layout` each: A transposed, B transposed, added. Rows of C are longer than used.
 */
static void check_product(rg_type type, int64_t m, int64_t n, int64_t k, unsigned layout,
                          rg_random *random)
{
    const int64_t row = n + 3;
    const size_t size = (size_t)(m * row) * rg_type_size(type);
    void *a = draw(type, m * k, random), *b = draw(type, k * n, random);
    void *want = draw(type, m * row, random), *got = malloc(size);
    memcpy(got, want, size);
    const rgi_matrix left = {a, layout & 1 ? 1 : k, layout & 1 ? m : 1};
    const rgi_matrix right = {b, layout & 2 ? 1 : n, layout & 2 ? k : 1};
    const int add = layout >> 2 & 1;
    rgi_kernels_for(RGI_CPU_BASE, type)
        ->matmul(m, n, k, &left, &right, &(rgi_matrix){want, row, 1}, add);
    by_cblas(type)(m, n, k, &left, &right, &(rgi_matrix){got, row, 1}, add);
    const double tolerance = (type == RG_F64 ? 1e-15 : 1e-6) * (double)(k + 4);
    for (int64_t i = 0; i < m * row; i++)
        cr_assert(fabs(at(got, type, i) - at(want, type, i)) <= (i % row < n ? tolerance : 0),
                  "%s, %dx%dx%d, layout %u: element %d is off by %g", rg_type_name(type), (int)m,
                  (int)n, (int)k, layout, (int)i, at(got, type, i) - at(want, type, i));
    free(a);
    free(b);
    free(want);
    free(got);
}

Test(cblas, products_are_those_of_the_kernels)
{
    NEED_CBLAS();
    static const int64_t sizes[][3] = {
        {1, 1, 1},     {1, 600, 3},    {5, 7, 400},  {256, 512, 9},
        {257, 513, 5}, {255, 511, 33}, {600, 1, 20},
    };
    rg_random random = rg_random_create(1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned layout = 0; layout < 8; layout++)
            for (rg_type type = RG_F64; type <= RG_F32; type++)
                check_product(type, sizes[i][0], sizes[i][1], sizes[i][2], layout, &random);
}

/* Row 1 of A has an infinity, row 2 a NaN; B is 1 but for a column of 0. */
Test(cblas, infinity_and_nan_stay)
{
    NEED_CBLAS();
    enum { M = 3, N = 40, K = 20 };
    static double a[M * K], b[K * N], c[M * N];
    for (int i = 0; i < M * K; i++)
        a[i] = 1;
    for (int i = 0; i < K * N; i++)
        b[i] = i % N != 0;
    a[K + 4] = INFINITY;
    a[2 * K + 7] = NAN;
    for (int i = 0; i < M * N; i++)
        c[i] = NAN;
    rgi_cblas_f64(M, N, K, &(rgi_matrix){a, K, 1}, &(rgi_matrix){b, N, 1}, &(rgi_matrix){c, N, 1},
                  0);
    for (int j = 0; j < N; j++) {
        cr_assert(c[j] == (j ? K : 0), "what C held was used");
        cr_assert(j ? c[N + j] == INFINITY : isnan(c[N]), "column %d of the infinite row", j);
        cr_assert(isnan(c[2 * N + j]));
    }
}

/* ---- what suits ---- */

Test(cblas, steps_that_it_cannot_express)
{
    NEED_CBLAS();
    enum { N = 1000 };
    const rgi_matrix plain = {NULL, N, 1}, turned = {NULL, 1, N}, spread = {NULL, 2 * N, 2};
    const rgi_matrix back = {NULL, -N, 1}, same = {NULL, 0, 1};
    const rgi_matrix far = {NULL, (int64_t)1 << 31, 1};
    cr_assert(rgi_cblas_suits(N, N, N, &plain, &turned, &plain));
    cr_assert(rgi_cblas_suits(N, N, N, &turned, &plain, &plain));
    const rgi_matrix bad[] = {spread, back, same, far};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_not(rgi_cblas_suits(N, N, N, &bad[i], &plain, &plain), "A %zu", i);
        cr_assert_not(rgi_cblas_suits(N, N, N, &plain, &bad[i], &plain), "B %zu", i);
        cr_assert_not(rgi_cblas_suits(N, N, N, &plain, &plain, &bad[i]), "C %zu", i);
    }
    cr_assert_not(rgi_cblas_suits(N, N, N, &plain, &plain, &turned));
    cr_assert_not(rgi_cblas_suits(N, N, 49, &plain, &plain, &plain), "it is small");
    cr_assert_not(rgi_cblas_suits(1, 1, (int64_t)1 << 31, &(rgi_matrix){NULL, (int64_t)1 << 31, 1},
                                  &plain, &plain));
}

/* ---- in operations ---- */

enum { ROWS = 300, INNER = 310, COLUMNS = 1100 };

/* A product and its gradients, as bytes; for the caller to free. */
static char *results(rg_type type, int cpu, rg_threads *pool, size_t *size)
{
    const size_t width = rg_type_size(type);
    const size_t counts[] = {ROWS * COLUMNS, ROWS * INNER, INNER * COLUMNS};
    rg_random random = rg_random_create(2);
    void *a = draw(type, ROWS * INNER, &random), *b = draw(type, INNER * COLUMNS, &random);
    rg_tape *tape = rg_tape_create();
    tape->cpu = cpu;
    rg_tape_set_threads(tape, pool);
    rg_value x = rg_input_tensor(tape, type, RG_SHAPE(ROWS, INNER), a);
    rg_value y = rg_input_tensor(tape, type, RG_SHAPE(INNER, COLUMNS), b);
    rg_value z = rg_matmul(x, y);
    cr_assert(rg_backward(rg_sum(rg_mul(z, z))) == RG_OK, "%s", rg_tape_message(tape));
    const void *parts[] = {rg_data(z, type), rgi_adjoint(x), rgi_adjoint(y)};
    *size = 0;
    char *bytes = malloc((counts[0] + counts[1] + counts[2]) * width);
    for (int i = 0; i < 3; i++) {
        memcpy(bytes + *size, parts[i], counts[i] * width);
        *size += counts[i] * width;
    }
    rg_tape_destroy(tape);
    free(a);
    free(b);
    return bytes;
}

Test(cblas, results_do_not_depend_on_threads)
{
    for (rg_type type = RG_F64; type <= RG_F32; type++) {
        size_t size;
        char *alone = results(type, RGI_CPU_BASE, NULL, &size);
        for (int count = 1; count <= 4; count *= 2) {
            rg_threads *pool = rg_threads_create(count, NULL, NULL);
            char *shared = results(type, RGI_CPU_BASE, pool, &size);
            cr_assert(memcmp(shared, alone, size) == 0, "%s, %d threads", rg_type_name(type),
                      count);
            free(shared);
            rg_threads_destroy(pool);
        }
        free(alone);
    }
}

Test(cblas, operations_compute_the_same_as_with_other_kernels)
{
    if (rgi_cpu() == RGI_CPU_BASE)
        cr_skip_test("the processor has no other kernels");
    size_t size;
    void *want = results(RG_F64, rgi_cpu(), NULL, &size);
    void *got = results(RG_F64, RGI_CPU_BASE, NULL, &size);
    for (int64_t i = 0; i < (int64_t)(size / sizeof(double)); i++) {
        const double expected = at(want, RG_F64, i);
        cr_assert(fabs(at(got, RG_F64, i) - expected) <= 1e-12 * (INNER + fabs(expected)),
                  "number %d: %.17g is not %.17g", (int)i, at(got, RG_F64, i), expected);
    }
    free(want);
    free(got);
}
