#include "../check.h"

#include "../../ops/kernels.h"

SUITE(kernels);

/* Every instruction set this machine has. */
#define EACH_LEVEL(level) for (int level = 0; level <= rgi_cpu(); level++)

static double at(const void *data, rg_type type, int64_t i)
{
    return type == RG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void fill(void *data, rg_type type, int64_t count, rg_random *random)
{
    for (int64_t i = 0; i < count; i++) {
        double value = rg_random_uniform(random) * 2 - 1;
        if (type == RG_F64)
            ((double *)data)[i] = value;
        else
            ((float *)data)[i] = (float)value;
    }
}

/* C = A B (+ C) by the definition, for one product. */
static void check_product(int level, rg_type type, int64_t m, int64_t n, int64_t k, int turned_a,
                          int turned_b, int add, rg_random *random)
{
    size_t width = rg_type_size(type);
    void *a = malloc((size_t)(m * k + 1) * width), *b = malloc((size_t)(k * n + 1) * width);
    void *c = malloc((size_t)(m * n + 1) * width), *before = malloc((size_t)(m * n + 1) * width);
    fill(a, type, m * k, random);
    fill(b, type, k * n, random);
    fill(c, type, m * n + 1, random);
    memcpy(before, c, (size_t)(m * n + 1) * width);
    rgi_matrix left = {a, turned_a ? 1 : k, turned_a ? m : 1};
    rgi_matrix right = {b, turned_b ? 1 : n, turned_b ? k : 1};
    rgi_kernels_for(level, type)->matmul(m, n, k, &left, &right, &(rgi_matrix){c, n, 1}, add);
    double tolerance = (type == RG_F64 ? 1e-15 : 1e-6) * (double)(k + 4);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double want = add ? at(before, type, i * n + j) : 0;
            for (int64_t p = 0; p < k; p++)
                want += at(a, type, i * left.row + p * left.column) *
                        at(b, type, p * right.row + j * right.column);
            cr_assert(fabs(at(c, type, i * n + j) - want) <= tolerance,
                      "%dx%dx%d, level %d: (%d, %d) is off by %g", (int)m, (int)n, (int)k, level,
                      (int)i, (int)j, at(c, type, i * n + j) - want);
        }
    cr_assert(at(c, type, m * n) == at(before, type, m * n), "it wrote behind the result");
    free(a);
    free(b);
    free(c);
    free(before);
}

Test(kernels, products_of_every_size_and_layout)
{
    rg_random random = rg_random_create(1);
    EACH_LEVEL(level)
    for (int round = 0; round < 400; round++) {
        int64_t m = (int64_t)rg_random_below(&random, 30);
        int64_t n = (int64_t)rg_random_below(&random, 70);
        int64_t k = (int64_t)rg_random_below(&random, round % 20 ? 40 : 600);
        uint64_t bits = rg_random_bits(&random);
        check_product(level, bits & 1 ? RG_F32 : RG_F64, m, n, k, bits >> 1 & 1, bits >> 2 & 1,
                      bits >> 3 & 1, &random);
    }
}

/* Large enough for packed rows of A; some with rows 2 KB apart. */
Test(kernels, products_with_packed_rows)
{
    static const int64_t sizes[][3] = {{61, 300, 330}, {100, 150, 512}, {29, 600, 17}};
    rg_random random = rg_random_create(4);
    EACH_LEVEL(level)
    for (rg_type type = RG_F64; type <= RG_F32; type++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int layout = 0; layout < 4; layout++)
                check_product(level, type, sizes[i][0], sizes[i][1], sizes[i][2], layout & 1,
                              layout >> 1, 1, &random);
        check_product(level, type, 520, 100, 512, 0, 1, 0, &random);
    }
}

/* Of the two layouts of A one is packed. */
Test(kernels, packed_rows_give_the_same_bits)
{
    enum { M = 100, N = 530, K = 700 };
    static double a[M * K], turned[M * K], b[K * N], c[2][M * N];
    rg_random random = rg_random_create(5);
    EACH_LEVEL(level)
    for (rg_type type = RG_F64; type <= RG_F32; type++) {
        fill(a, type, M * K, &random);
        fill(b, type, K * N, &random);
        for (int i = 0; i < M; i++)
            for (int p = 0; p < K; p++)
                rgi_store(turned, type, p * M + i, at(a, type, i * K + p));
        rgi_matmul *product = rgi_kernels_for(level, type)->matmul;
        const rgi_matrix right = {b, N, 1};
        product(M, N, K, &(rgi_matrix){a, K, 1}, &right, &(rgi_matrix){c[0], N, 1}, 0);
        product(M, N, K, &(rgi_matrix){turned, 1, M}, &right, &(rgi_matrix){c[1], N, 1}, 0);
        cr_assert(memcmp(c[0], c[1], (size_t)(M * N) * rg_type_size(type)) == 0, "level %d", level);
    }
}

/* A row of C must not depend on how many other rows there are. */
Test(kernels, rows_do_not_depend_on_their_number)
{
    enum { M = 37, N = 50, K = 300 };
    static float a[M * K], b[K * N], whole[M * N], part[M * N];
    rg_random random = rg_random_create(2);
    fill(a, RG_F32, M * K, &random);
    fill(b, RG_F32, K * N, &random);
    EACH_LEVEL(level)
    {
        rgi_matmul *product = rgi_kernels_for(level, RG_F32)->matmul;
        rgi_matrix right = {b, N, 1};
        product(M, N, K, &(rgi_matrix){a, K, 1}, &right, &(rgi_matrix){whole, N, 1}, 0);
        for (int i = 0; i < M; i++)
            product(1, N, K, &(rgi_matrix){a + i * K, K, 1}, &right,
                    &(rgi_matrix){part + i * N, N, 1}, 0);
        cr_assert(memcmp(whole, part, sizeof whole) == 0, "level %d", level);
    }
}

/* Every set against the baseline, on vectors longer than any register, at odd lengths. */
Test(kernels, sets_agree_on_elementwise_functions)
{
    enum { N = 133 };
    static double a[N], b[N], want[N], got[N], up[N], want_a[N], got_a[N], want_b[N], got_b[N];
    rg_random random = rg_random_create(3);
    for (int i = 0; i < N; i++) {
        a[i] = 0.1 + rg_random_uniform(&random);
        b[i] = 0.1 + rg_random_uniform(&random);
        up[i] = rg_random_uniform(&random) - 0.5;
    }
    static const double parameters[2] = {0.5, 0.8};
    const rgi_kernels *base = rgi_kernels_for(RGI_CPU_BASE, RG_F64);
    EACH_LEVEL(level)
    {
        const rgi_kernels *set = rgi_kernels_for(level, RG_F64);
        for (int f = 0; f < RGI_UNARY_COUNT; f++) {
            memset(want_a, 0, sizeof want_a);
            memset(got_a, 0, sizeof got_a);
            base->unary_forward[f](N, a, want, parameters);
            set->unary_forward[f](N, a, got, parameters);
            base->unary_backward[f](N, a, want, up, want_a, parameters);
            set->unary_backward[f](N, a, got, up, got_a, parameters);
            for (int i = 0; i < N; i++) {
                CHECK_NEAR(got[i], want[i], 1e-14);
                CHECK_NEAR(got_a[i], want_a[i], 1e-14);
            }
        }
        for (int f = 0; f < RGI_BINARY_COUNT; f++)
            for (int steps = 0; steps < 4; steps++) {
                int sa = steps & 1, sb = steps >> 1;
                memset(want_a, 0, sizeof want_a);
                memset(got_a, 0, sizeof got_a);
                memset(want_b, 0, sizeof want_b);
                memset(got_b, 0, sizeof got_b);
                base->binary_forward[f](N, a, sa, b, sb, want);
                set->binary_forward[f](N, a, sa, b, sb, got);
                base->binary_backward[f](N, a, sa, b, sb, want, up,
                                         &(rgi_binary_grads){want_a, want_b, sa, sb});
                set->binary_backward[f](N, a, sa, b, sb, got, up,
                                        &(rgi_binary_grads){got_a, got_b, sa, sb});
                for (int i = 0; i < N; i++) {
                    CHECK_NEAR(got[i], want[i], 1e-14);
                    CHECK_NEAR(got_a[i], want_a[i], 1e-13);
                    CHECK_NEAR(got_b[i], want_b[i], 1e-13);
                }
            }
    }
}
