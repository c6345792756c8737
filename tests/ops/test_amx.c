/* test_amx.c: products on tiles, against float64 and against the plain float32 kernel. */
#include "../check.h"

#include <float.h>
#include <signal.h>

#include "../../ops/amx.h"

SUITE(amx);

/* ---- products to be compared ---- */

#define NEED_TILES()                                                             \
    do {                                                                         \
        if (rgi_cpu() < RGI_CPU_AMX || !rgi_amx_permitted())                     \
            cr_skip_test("the processor or the system has no bf16 tiles (AMX)"); \
    } while (0)

static const double unit = 0x1p-24; /* the largest relative error of a float32 operation */

static rgi_matmul *plain(void)
{
    return rgi_kernels_for(RGI_CPU_AVX512, RG_F32)->matmul;
}

/* C (m x n, with unused elements behind each row) = A B (+ C), and what C holds before. */
enum { BEHIND = 3 };
typedef struct product {
    int64_t m, n, k, row;
    rgi_matrix a, b;
    float *data_a, *data_b, *before, *c;
    int add;
} product;

/* With one bit of `layout` each: A transposed, B transposed, added. */
static product product_create(int64_t m, int64_t n, int64_t k, unsigned layout)
{
    product p = {.m = m, .n = n, .k = k, .row = n + BEHIND, .add = layout >> 2 & 1};
    p.data_a = calloc((size_t)(m * k + 1), sizeof(float));
    p.data_b = calloc((size_t)(k * n + 1), sizeof(float));
    p.before = calloc((size_t)(m * p.row + 1), sizeof(float));
    p.c = calloc((size_t)(m * p.row + 1), sizeof(float));
    p.a = layout & 1 ? (rgi_matrix){p.data_a, 1, m} : (rgi_matrix){p.data_a, k, 1};
    p.b = layout & 2 ? (rgi_matrix){p.data_b, 1, k} : (rgi_matrix){p.data_b, n, 1};
    return p;
}

static void product_destroy(product *p)
{
    free(p->data_a);
    free(p->data_b);
    free(p->before);
    free(p->c);
}

static float *a_at(const product *p, int64_t i, int64_t q)
{
    return (float *)p->a.data + i * p->a.row + q * p->a.column;
}

static float *b_at(const product *p, int64_t q, int64_t j)
{
    return (float *)p->b.data + q * p->b.row + j * p->b.column;
}

static void compute(product *p, rgi_matmul *matmul)
{
    memcpy(p->c, p->before, (size_t)(p->m * p->row + 1) * sizeof(float));
    matmul(p->m, p->n, p->k, &p->a, &p->b, &(rgi_matrix){p->c, p->row, 1}, p->add);
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = p->n; j < p->row; j++)
            cr_assert(p->c[i * p->row + j] == p->before[i * p->row + j], "it wrote behind a row");
}

/* The error of element (i, j) in units of 2^-24 sum |a| |b|, but for rounding to a denormal. */
static double error_at(const product *p, int64_t i, int64_t j)
{
    const double rounding = 0x1p-150 * (double)(p->k + 2);
    double sum = p->add ? (double)p->before[i * p->row + j] : 0, size = fabs(sum);
    for (int64_t q = 0; q < p->k; q++) {
        const double term = (double)*a_at(p, i, q) * (double)*b_at(p, q, j);
        sum += term;
        size += fabs(term);
    }
    const double error = fabs((double)p->c[i * p->row + j] - sum) - rounding;
    return error > 0 ? error / (unit * size) : 0;
}

typedef struct errors {
    double most, squares, count;
} errors;

static void add_errors(errors *to, const product *p)
{
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            const double error = error_at(p, i, j);
            to->most = fmax(to->most, error);
            to->squares += error * error;
            to->count++;
        }
}

/* ---- kinds of data ---- */

enum { NORMAL, POSITIVE, WIDE, LINES, GRADIENTS, DENORMAL, TINY, SPARSE, LARGE, KINDS };
static const char *const kinds[KINDS] = {"normal",    "positive", "wide", "lines of all sizes",
                                         "gradients", "denormal", "tiny", "sparse",
                                         "large"};

static double power(rg_random *random, double low, double high)
{
    return pow(10, low + (high - low) * rg_random_uniform(random));
}

/* `count` lines, each of `k` elements `step` apart. */
static void fill(float *data, int64_t count, int64_t line, int64_t k, int64_t step, int kind,
                 rg_random *random)
{
    for (int64_t i = 0; i < count; i++) {
        const double scale = power(random, -25, 5);
        const bool zero = rg_random_below(random, 3) == 0;
        for (int64_t q = 0; q < k; q++) {
            double x = rg_random_normal(random);
            switch (kind) {
            case POSITIVE: x = fabs(x); break;
            case WIDE: x *= power(random, -38, 15); break;
            case LINES: x *= scale; break;
            case GRADIENTS: x *= power(random, -38, -2); break;
            case DENORMAL: x *= 1e-40; break;
            case TINY: x *= power(random, -38, -22); break;
            case SPARSE: x = zero || rg_random_below(random, 2) ? 0 : x; break;
            case LARGE: x = (rg_random_uniform(random) - 0.5) * 1e18; break;
            default: break;
            }
            data[i * line + q * step] = (float)x;
        }
    }
}

static void fill_product(product *p, int kind_a, int kind_b, rg_random *random)
{
    fill(p->data_a, p->m, p->a.row, p->k, p->a.column, kind_a, random);
    fill(p->data_b, p->n, p->b.column, p->k, p->b.row, kind_b, random);
    fill(p->before, 1, 0, p->m * p->row, 1, NORMAL, random);
}

/* ---- how exact they are ---- */

/* From the depth on that operations choose tiles for. */
Test(amx, errors_are_those_of_float32)
{
    NEED_TILES();
    static const int64_t depths[] = {32, 40, 64, 257, 784};
    rg_random random = rg_random_create(1);
    for (int kind = 0; kind < 2 * KINDS; kind++)
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
            errors of_tiles = {0}, of_plain = {0};
            for (unsigned layout = 0; layout < 8; layout++) {
                product p = product_create(70, 64, depths[d], layout);
                fill_product(&p, kind % KINDS, kind < KINDS ? NORMAL : kind % KINDS, &random);
                compute(&p, plain());
                add_errors(&of_plain, &p);
                compute(&p, rgi_amx_matmul);
                add_errors(&of_tiles, &p);
                product_destroy(&p);
            }
            const char *name = kinds[kind % KINDS];
            cr_assert(of_tiles.most <= (double)depths[d] + 1, "%s, %d: an error of %g", name,
                      (int)depths[d], of_tiles.most);
            cr_assert(of_tiles.most <= 2 * of_plain.most, "%s, %d: %g, but plain %g", name,
                      (int)depths[d], of_tiles.most, of_plain.most);
            cr_assert(of_tiles.squares <= 2 * of_plain.squares, "%s, %d: mean of %g, plain %g",
                      name, (int)depths[d], sqrt(of_tiles.squares / of_tiles.count),
                      sqrt(of_plain.squares / of_plain.count));
            /* Other errors show that tiles are used. */
            cr_assert(kind >= KINDS || kind == WIDE || kind == DENORMAL ||
                          of_tiles.squares != of_plain.squares,
                      "%s: no tiles", name);
        }
}

/* Of every size, up to what is packed at once and beyond. */
Test(amx, sizes_and_layouts)
{
    NEED_TILES();
    rg_random random = rg_random_create(2);
    for (int round = 0; round < 600; round++) {
        const bool large = round % 30 == 0;
        const int64_t m = 1 + (int64_t)rg_random_below(&random, large ? 600 : 70);
        const int64_t n = 1 + (int64_t)rg_random_below(&random, 70);
        const int64_t k = 1 + (int64_t)rg_random_below(&random, large ? 700 : 70);
        product p = product_create(m, n, k, (unsigned)rg_random_below(&random, 8));
        fill_product(&p, NORMAL, NORMAL, &random);
        for (int high = 0; high < 2; high++) {
            errors found = {0};
            compute(&p, high ? rgi_amx_matmul_high : rgi_amx_matmul);
            add_errors(&found, &p);
            cr_assert(found.most <= (double)k + (high ? 512 : 1), "%dx%dx%d, %s: an error of %g",
                      (int)m, (int)n, (int)k, high ? "high" : "highest", found.most);
            cr_assert(!high || k > 40 || m * n < 100 || found.most > 20,
                      "it is as exact as highest");
        }
        product_destroy(&p);
    }
}

Test(amx, high_precision_has_its_bound_for_all_magnitudes)
{
    NEED_TILES();
    rg_random random = rg_random_create(3);
    for (int kind = 0; kind < KINDS; kind++)
        for (int64_t k = 1; k < 400; k += 57) {
            product p = product_create(50, 50, k, (unsigned)(k % 8));
            errors found = {0};
            fill_product(&p, kind, NORMAL, &random);
            compute(&p, rgi_amx_matmul_high);
            add_errors(&found, &p);
            cr_assert(found.most <= (double)k + 512, "%s, %d: %g", kinds[kind], (int)k, found.most);
            product_destroy(&p);
        }
}

Test(amx, what_suits_tiles)
{
    NEED_TILES();
    const rgi_matrix rows = {NULL, 200, 1}, columns = {NULL, 1, 200}, every_second = {NULL, 400, 2};
    const rg_matmul_precision highest = RG_MATMUL_HIGHEST, high = RG_MATMUL_HIGH;
    cr_assert(rgi_amx_suits(highest, 200, 200, 200, &rows, &columns));
    cr_assert(rgi_amx_suits(highest, 200, 200, 200, &columns, &rows));
    cr_assert(!rgi_amx_suits(highest, 200, 200, 200, &rows, &every_second));
    cr_assert(!rgi_amx_suits(highest, 200, 200, 200, &every_second, &rows));
    cr_assert(!rgi_amx_suits(highest, 63, 2000, 2000, &rows, &rows));
    cr_assert(!rgi_amx_suits(highest, 2000, 63, 2000, &rows, &rows));
    cr_assert(!rgi_amx_suits(highest, 2000, 2000, 31, &rows, &rows));
    cr_assert(!rgi_amx_suits(highest, 128, 128, 128, &rows, &rows));
    cr_assert(rgi_amx_suits(high, 128, 128, 128, &rows, &rows));
    cr_assert(!rgi_amx_suits(high, 64, 64, 64, &rows, &rows));
}

/* ---- numbers that tiles cannot hold ---- */

static bool same_kind(float x, float y)
{
    return isnan(y) ? isnan(x) : isinf(y) ? x == y : isfinite(x);
}

/* Inf and NaN are where the plain kernel has them, the rest is as exact as ever. */
static void check_kinds(product *p, const char *what)
{
    float *want = malloc((size_t)(p->m * p->row) * sizeof(float));
    compute(p, plain());
    memcpy(want, p->c, (size_t)(p->m * p->row) * sizeof(float));
    for (int high = 0; high < 2; high++) {
        compute(p, high ? rgi_amx_matmul_high : rgi_amx_matmul);
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) {
                const float got = p->c[i * p->row + j], other = want[i * p->row + j];
                cr_assert(same_kind(got, other), "%s: %g, not %g, at (%d, %d)", what, (double)got,
                          (double)other, (int)i, (int)j);
                if (isfinite(other))
                    cr_assert(error_at(p, i, j) <= (double)p->k + (high ? 512 : 1), "%s", what);
            }
    }
    free(want);
}

Test(amx, infinities_and_nan)
{
    NEED_TILES();
    static const float special[] = {INFINITY, -INFINITY, NAN};
    rg_random random = rg_random_create(5);
    for (int round = 0; round < 200; round++) {
        product p = product_create(90, 70, round % 2 ? 300 : 33, (unsigned)round % 8);
        fill_product(&p, round % 3 ? NORMAL : SPARSE, NORMAL, &random);
        for (int count = round % 4; count >= 0; count--) {
            const float x = special[rg_random_below(&random, 3)];
            const int64_t i = (int64_t)rg_random_below(&random, 90);
            const int64_t j = (int64_t)rg_random_below(&random, 70);
            const int64_t q = (int64_t)rg_random_below(&random, (uint64_t)p.k);
            switch (rg_random_below(&random, 3)) {
            case 0: *a_at(&p, i, q) = x; break;
            case 1: *b_at(&p, q, j) = x; break;
            default: p.before[i * p.row + j] = x; break;
            }
        }
        check_kinds(&p, "Inf and NaN");
        product_destroy(&p);
    }
}

Test(amx, sums_near_the_largest_number)
{
    NEED_TILES();
    rg_random random = rg_random_create(6);
    for (int round = 0; round < 60; round++) {
        product p = product_create(40, 40, 64, (unsigned)round % 8);
        fill_product(&p, NORMAL, NORMAL, &random);
        const double scale = pow(2, 100 + round % 28);
        for (int64_t i = 0; i < p.m * p.k; i++)
            p.data_a[i] = (float)fmax(-FLT_MAX, fmin(FLT_MAX, (double)p.data_a[i] * scale));
        *a_at(&p, 3, 5) = round % 2 ? FLT_MAX : -FLT_MAX;
        check_kinds(&p, "large numbers");
        product_destroy(&p);
    }
}

/* Tiles would flush it. */
Test(amx, denormals_of_c_stay)
{
    NEED_TILES();
    rg_random random = rg_random_create(7);
    product p = product_create(64, 64, 64, 4);
    fill_product(&p, NORMAL, NORMAL, &random);
    for (int64_t q = 0; q < p.k; q++)
        *a_at(&p, 7, q) = 0;
    for (int64_t j = 0; j < p.n; j++)
        p.before[7 * p.row + j] = (float)(j + 1) * 0x1p-149F;
    compute(&p, rgi_amx_matmul);
    cr_assert(memcmp(p.c + 7 * p.row, p.before + 7 * p.row, (size_t)p.n * sizeof(float)) == 0);
    product_destroy(&p);
}

/* ---- bits do not depend on how C is cut ---- */

Test(amx, parts_have_the_same_bits)
{
    NEED_TILES();
    rg_random random = rg_random_create(8);
    for (int round = 0; round < 60; round++) {
        rgi_matmul *matmul = round % 2 ? rgi_amx_matmul_high : rgi_amx_matmul;
        product p = product_create(330, 150, round % 3 ? 70 : 400, (unsigned)round % 8);
        fill_product(&p, round % KINDS, round / KINDS % 2 ? WIDE : NORMAL, &random);
        *a_at(&p, 100, 30) = round % 5 ? 1 : INFINITY;
        compute(&p, matmul);
        float *whole = malloc((size_t)(p.m * p.row) * sizeof(float));
        memcpy(whole, p.c, (size_t)(p.m * p.row) * sizeof(float));
        memcpy(p.c, p.before, (size_t)(p.m * p.row) * sizeof(float));
        for (int64_t i = 0, m; i < p.m; i += m)
            for (int64_t j = 0, n = m = RGI_AMX_BLOCK * (1 + (int64_t)rg_random_below(&random, 4));
                 j < p.n; j += n)
                matmul(i + m < p.m ? m : p.m - i, j + n < p.n ? n : p.n - j, p.k,
                       &(rgi_matrix){a_at(&p, i, 0), p.a.row, p.a.column},
                       &(rgi_matrix){b_at(&p, 0, j), p.b.row, p.b.column},
                       &(rgi_matrix){p.c + i * p.row + j, p.row, 1}, p.add);
        cr_assert(memcmp(whole, p.c, (size_t)(p.m * p.row) * sizeof(float)) == 0, "round %d",
                  round);
        free(whole);
        product_destroy(&p);
    }
}

/* ---- on a tape ---- */

enum { SIZE = 208 };

/* The product of two matrices and its gradients, 3 SIZE x SIZE numbers. */
static void run(int cpu, rg_matmul_precision precision, int threads, float *out)
{
    static float x[2][SIZE * SIZE];
    static double upstream[SIZE * SIZE];
    rg_random random = rg_random_create(9);
    rg_threads *pool = rg_threads_create(threads, NULL, NULL);
    rg_tape *tape = rg_tape_create();
    tape->cpu = cpu;
    rg_tape_set_threads(tape, pool);
    rg_tape_set_matmul_precision(tape, precision);
    rg_tape_reset(tape);
    for (int i = 0; i < SIZE * SIZE; i++) {
        x[0][i] = (float)rg_random_normal(&random);
        x[1][i] = (float)rg_random_normal(&random);
        upstream[i] = rg_random_uniform(&random);
    }
    rg_value in[2];
    for (int k = 0; k < 2; k++)
        in[k] = rg_input_tensor(tape, RG_F32, RG_SHAPE(SIZE, SIZE), x[k]);
    rg_value y = rg_matmul(in[0], in[1]);
    cr_assert(rg_backward_with(y, upstream) == RG_OK);
    memcpy(out, rg_data(y, RG_F32), sizeof *x);
    for (int k = 0; k < 2; k++)
        memcpy(out + (k + 1) * SIZE * SIZE, rgi_adjoint(in[k]), sizeof *x);
    rg_tape_destroy(tape);
    rg_threads_destroy(pool);
}

/* The largest difference of two runs. */
static double difference(const float *a, const float *b)
{
    double most = 0;
    for (int i = 0; i < 3 * SIZE * SIZE; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

Test(amx, precision_of_a_tape)
{
    NEED_TILES();
    static float best[3 * SIZE * SIZE], other[3 * SIZE * SIZE], want[3 * SIZE * SIZE];
    run(RGI_CPU_AVX512, RG_MATMUL_HIGHEST, 1, want);
    run(RGI_CPU_AVX512, RG_MATMUL_HIGH, 1, other);
    cr_assert(memcmp(want, other, sizeof want) == 0, "high differs without tiles");
    run(RGI_CPU_AMX, RG_MATMUL_HIGHEST, 1, best);
    double exact = difference(want, best);
    cr_assert(exact > 0 && exact < 1e-4, "tiles differ by %g", exact);
    run(RGI_CPU_AMX, RG_MATMUL_HIGH, 1, other);
    double less = difference(want, other);
    cr_assert(less > 2 * exact && less < 1e-2, "high differs by %g", less);
    rg_tape_set_matmul_precision(NULL, RG_MATMUL_HIGH);
}

Test(amx, threads_have_the_same_bits)
{
    NEED_TILES();
    static float alone[3 * SIZE * SIZE], shared[3 * SIZE * SIZE];
    for (int precision = RG_MATMUL_HIGHEST; precision <= RG_MATMUL_HIGH; precision++) {
        run(RGI_CPU_AMX, (rg_matmul_precision)precision, 1, alone);
        for (int threads = 2; threads <= 5; threads++) {
            run(RGI_CPU_AMX, (rg_matmul_precision)precision, threads, shared);
            cr_assert(memcmp(alone, shared, sizeof alone) == 0, "%d threads", threads);
        }
    }
}

/* ---- the processor's state ---- */

/* Which parts of the thread's state are in use: bit 18 is the tiles' data. */
static uint64_t state_in_use(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
    return (uint64_t)high << 32 | low;
}

Test(amx, tiles_are_released)
{
    NEED_TILES();
    product p = product_create(64, 64, 64, 0);
    compute(&p, rgi_amx_matmul);
    cr_assert((state_in_use() & 1 << 18) == 0);
    compute(&p, rgi_amx_matmul_high);
    cr_assert((state_in_use() & 1 << 18) == 0);
    product_destroy(&p);
}

/* The system refuses tiles where a signal stack has no room for them; operations then do without.
 */
Test(amx, a_system_that_refuses)
{
    static char stack[8192];
    static float got[3 * SIZE * SIZE], want[3 * SIZE * SIZE];
    if (rgi_cpu() < RGI_CPU_AMX)
        cr_skip_test("the processor has no bf16 tiles (AMX)");
    const stack_t small = {.ss_sp = stack, .ss_size = sizeof stack},
                  none = {.ss_flags = SS_DISABLE};
    stack_t before;
    cr_assert(sigaltstack(&small, &before) == 0);
    cr_assert(!rgi_amx_permitted());
    run(RGI_CPU_AMX, RG_MATMUL_HIGHEST, 1, got);
    cr_assert(sigaltstack(before.ss_sp ? &before : &none, NULL) == 0);
    run(RGI_CPU_AVX512, RG_MATMUL_HIGHEST, 1, want);
    cr_assert(memcmp(got, want, sizeof want) == 0);
}
