/*
 * amx.c: matrix products of float32 on tiles of bf16.
 *
 * A tile product multiplies bf16 numbers (8 bits, the exponents of float32) exactly and adds in
 * float32. Each float32 is the sum of three bf16: x0 = x rounded to 8 bits, x1 = x - x0 rounded,
 * x2 = x - x0 - x1, which is left with 7 bits at most. Of the nine products of parts six are added,
 * the small ones first:
 *
 *     a b = a2 b0 + a1 b0 + a1 b1 + a0 b1 + a0 b2 + a0 b0    (+ a1 b2 + a2 b1 + a2 b2)
 *
 * (G. Henry, P. Tang and A. Heinecke, "Leveraging the bfloat16 artificial intelligence datatype for
 * higher-precision computations", ARITH 2019.) As |x1| <= 2^-8 |x| and |x2| <= 2^-17 |x|, what is
 * left out is at most 2^-24 |a b| (1 + 2^-10). A tile product sums 32 terms in two chains of 16,
 * adds both, and adds the result to the sum so far. With six of them for each 32 of k, a term of
 * the sum is rounded 18 + 6 k / 32 times at most, where a float32 loop rounds it k times: from
 * k = 32 on the error has the loop's bound, k 2^-24 |A| |B|. On long sums it is much smaller. With
 * two parts, a1 b0 + a0 b1 + a0 b0, what is left out is at most 2^-15 |a b|.
 *
 * Tiles take denormal numbers for zero and flush denormal results. So every panel, which is 32 rows
 * of A or columns of B by at most MOST_K of k, is multiplied with the power of two that brings its
 * largest element to 2^TOP, and the sums with the power that takes both back; either is exact. The
 * largest product of two panels is then below 2^(2 TOP + 2), sums of MOST_K stay below 2^128, and
 *
 *   - parts are normal numbers if the smallest element but 0 is at least 2^-103, since they are
 *     multiples of its last bit;
 *   - what is flushed, below 2^-126 in each of some 6.5 additions for a term, is below 2^-27 of the
 *     term if that is at least 2^-96.
 *
 * A block of C whose two panels do not satisfy this, or hold Inf or NaN, or whose sums could
 * overflow without scaling, is computed by the plain kernel: each 32 x 32 x MOST_K block by itself,
 * by what its own panels hold. Thus an element of C does not depend on how C is cut, if it is cut
 * at multiples of RGI_AMX_BLOCK. Sums are added to C outside the tiles, which keeps its denormals.
 *
 * Tiles round to nearest, whatever the caller's rounding mode, and raise no exception flags.
 */
#define _GNU_SOURCE
#include "amx.h"

#include <asm/prctl.h>
#include <immintrin.h>
#include <math.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    TILE = 16, /* rows of a tile, each of 16 float32 or 32 bf16 */
    TILE_BYTES = TILE * 64,
    BLOCK = RGI_AMX_BLOCK, /* 2 x 2 tiles of C */
    STEP = 32,             /* of k: what a tile product sums */
    MOST_K = 256,          /* of k .. */
    MOST_ROWS = 256,       /* .. and rows of A that are packed at once */
    MOST_PARTS = 3
};
_Static_assert(2 * TILE == BLOCK && 2 * TILE == STEP, "a pair of tiles");

bool rgi_amx_permitted(void)
{
    enum { TILE_DATA = 18 }; /* the number of this part of a thread's state */
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
}

/* ---- panels ---- */

/* Elements to be read: element p of line i is data[i * line + p * k], and one of the steps is 1. */
typedef struct lines {
    const float *data;
    int64_t line, k;
    int64_t count, depth; /* of i, at most BLOCK, and of p */
} lines;

/* Of what size elements are. */
typedef struct magnitude {
    int largest; /* exponent */
    int range;   /* that of the largest over that of the smallest but 0; UNFIT: not finite */
} magnitude;

enum {
    TOP = 55, /* exponent of the largest element after scaling */
    MOST_RANGE = TOP + 103,
    MOST_RANGES = 2 * TOP + 96, /* of two panels together */
    MOST_PRODUCT = 127 - 2 - 8, /* exponent of the largest product, of which 2^8 are added */
    UNFIT = 1000
};
_Static_assert(MOST_K == 1 << 8, "what MOST_PRODUCT is made for");

static __mmask16 first_lanes(int64_t count)
{
    return (__mmask16)(count >= TILE ? 0xffff : (1 << count) - 1);
}

/* The exponent of a positive number, given its bits. */
static int exponent_of(uint32_t bits)
{
    union {
        uint32_t bits;
        float number;
    } x = {bits};
    return ilogbf(x.number);
}

/* The magnitude of elements, given the bits of the largest and of the smallest but 0 less 1. */
static magnitude magnitude_of(uint32_t most, uint32_t below_least)
{
    if (most >= 0x7f800000)
        return (magnitude){0, UNFIT};
    if (most == 0)
        return (magnitude){0, 0};
    const int exponent = exponent_of(most);
    return (magnitude){exponent, exponent - exponent_of(below_least + 1)};
}

static bool fit_together(magnitude a, magnitude b)
{
    return a.range <= MOST_RANGE && b.range <= MOST_RANGE && a.range + b.range <= MOST_RANGES &&
           a.largest + b.largest <= MOST_PRODUCT;
}

/* ---- packing ---- */

/*
 * A packed panel is, for each STEP of k and each part, two tiles: of lines 0 to 15 and 16 to 31. A
 * tile product takes pairs of k; here p and p + 16 make a pair. Row i of a tile of A has 16 pairs
 * of line i; row p of a tile of B has pair p of 16 lines.
 */
enum {
    STEP_BYTES = 2 * TILE_BYTES, /* of one part */
    PANEL_BYTES = MOST_K / STEP * STEP_BYTES * MOST_PARTS
};

typedef struct panel {
    lines from;
    magnitude is;
    bool rows_are_lines; /* of its tiles: it is of A */
    int parts;
    int64_t ahead; /* elements from here to memory that will be needed afterwards */
    char *packed;
    _Alignas(64) __m512i most, below_least; /* bits of the elements measured so far */
    __m512 half[2][TILE];                   /* of the tile at work */
} panel;

static inline __m512 round_to_bf16(__m512 x)
{
    /* To nearest, ties away from 0. */
    __m512i bits = _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000));
    return _mm512_castsi512_ps(_mm512_and_si512(bits, _mm512_set1_epi32(-0x10000)));
}

/* Loads up to 16 x 16 elements, `rows` of them `step` apart; the others are 0. */
static inline void load_square(const float *from, int64_t step, int64_t rows, int64_t columns,
                               __m512 to[TILE])
{
    const __mmask16 lanes = first_lanes(columns);
#pragma GCC unroll 16
    for (int i = 0; i < TILE; i++)
        to[i] = i < rows ? _mm512_maskz_loadu_ps(lanes, from + i * step) : _mm512_setzero_ps();
}

/* Zipping the first half of the rows with the second exchanges rows and columns when it has been
 * done four times: each time a bit of an element's row number becomes one of its column number. */
static inline void transpose(__m512 x[TILE])
{
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
    __m512 y[TILE];
#pragma GCC unroll 4
    for (int round = 0; round < 4; round++) {
#pragma GCC unroll 8
        for (int i = 0; i < TILE / 2; i++) {
            y[2 * i] = _mm512_permutex2var_ps(x[i], low, x[i + TILE / 2]);
            y[2 * i + 1] = _mm512_permutex2var_ps(x[i], high, x[i + TILE / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < TILE; i++)
            x[i] = y[i];
    }
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Packing is done piece by piece. First the panel is measured, some lines at a time. Then, for the
 * tile of each part with the same place: load one half, load the other, four times four rows. */
enum { MEASURES = 8, PIECES = 6, PIECE_ROWS = 4 };

static int64_t piece_count(const panel *x)
{
    return MEASURES + (x->from.depth + STEP - 1) / STEP * 2 * PIECES;
}

static void measure(panel *x, int64_t number)
{
    const bool along_k = x->from.k == 1;
    const int64_t outer = along_k ? x->from.count : x->from.depth;
    const int64_t inner = along_k ? x->from.depth : x->from.count;
    const int64_t step = along_k ? x->from.line : x->from.k;
    const __m512i one = _mm512_set1_epi32(1), sign_off = _mm512_set1_epi32(0x7fffffff);
    __m512i most = number ? x->most : _mm512_setzero_si512();
    __m512i below_least = number ? x->below_least : _mm512_set1_epi32(-1);
    for (int64_t i = outer * number / MEASURES; i < outer * (number + 1) / MEASURES; i++)
        for (int64_t j = 0; j < inner; j += TILE) {
            const float *from = x->from.data + i * step + j;
            __m512i bits = _mm512_maskz_loadu_epi32(first_lanes(inner - j), from);
            bits = _mm512_and_si512(bits, sign_off);
            most = _mm512_max_epu32(most, bits);
            /* 0 - 1 is the largest number, so that zeros do not count. */
            below_least = _mm512_min_epu32(below_least, _mm512_sub_epi32(bits, one));
        }
    x->most = most;
    x->below_least = below_least;
    if (number == MEASURES - 1)
        x->is = magnitude_of(_mm512_reduce_max_epu32(most), _mm512_reduce_min_epu32(below_least));
}

/* Loads 16 lines from `line` on by 16 of k from `p` on. */
static void load_half(panel *x, int64_t line, int64_t p, __m512 to[TILE])
{
    const bool along_k = x->from.k == 1;
    const int64_t count = larger(0, x->from.count - line), depth = larger(0, x->from.depth - p);
    const float *from =
        x->from.data + (count ? line : 0) * x->from.line + (depth ? p : 0) * x->from.k;
    const int64_t step = along_k ? x->from.line : x->from.k;
    __m512 square[TILE];
    load_square(from, step, along_k ? count : depth, along_k ? depth : count, square);
    for (int i = 0; i < TILE; i++)
        _mm_prefetch((const char *)(from + x->ahead + i * step), _MM_HINT_T1);
    if (along_k != x->rows_are_lines)
        transpose(square);
#pragma GCC unroll 16
    for (int i = 0; i < TILE; i++)
        to[i] = square[i];
}

static void split_row(const panel *x, int row, char *to)
{
    const __m512 exponent = _mm512_set1_ps((float)(TOP - x->is.largest));
    __m512 low = _mm512_scalef_ps(x->half[0][row], exponent);
    __m512 high = _mm512_scalef_ps(x->half[1][row], exponent);
    for (int part = 0; part < x->parts; part++) {
        const __m512 first = round_to_bf16(low), second = round_to_bf16(high);
        const __m512i pairs = _mm512_or_si512(_mm512_srli_epi32(_mm512_castps_si512(first), 16),
                                              _mm512_castps_si512(second));
        _mm512_store_si512(to + part * STEP_BYTES + row * 64, pairs);
        low = _mm512_sub_ps(low, first);
        high = _mm512_sub_ps(high, second);
    }
}

static void pack_piece(panel *x, int64_t number)
{
    if (number < MEASURES) {
        measure(x, number);
        return;
    }
    if (x->is.range > MOST_RANGE)
        return;
    const int64_t tile = (number - MEASURES) / PIECES, piece = (number - MEASURES) % PIECES;
    const int64_t half = tile % 2, step = tile / 2;
    if (piece < 2) {
        load_half(x, half * TILE, step * STEP + piece * TILE, x->half[piece]);
        return;
    }
    char *to = x->packed + step * x->parts * STEP_BYTES + half * TILE_BYTES;
    const int first = (int)(piece - 2) * PIECE_ROWS;
    for (int row = first; row < first + PIECE_ROWS; row++)
        split_row(x, row, to);
}

/* ---- errands ---- */

/* A block of C whose sums wait to be added to it, multiplied with 2^exponent. */
typedef struct delivery {
    const float *sums;
    int exponent, add;
    float *c;
    int64_t row, m, n; /* m = 0: nothing waits */
} delivery;

static void deliver_row(const delivery *x, int64_t i)
{
    const __m512 exponent = _mm512_set1_ps((float)x->exponent);
    for (int64_t j = 0; j < x->n; j += TILE) {
        const __mmask16 lanes = first_lanes(x->n - j);
        float *to = x->c + i * x->row + j;
        __m512 sum = _mm512_scalef_ps(_mm512_load_ps(x->sums + i * BLOCK + j), exponent);
        if (x->add)
            sum = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, to), sum);
        _mm512_mask_storeu_ps(to, lanes, sum);
    }
}

/* Work that is spread over calls. */
typedef struct work {
    int64_t size, calls, done, due;
} work;

static work spread(int64_t size, int64_t calls)
{
    return (work){size, calls, 0, 0};
}

/* How much of it the next call has to do. */
static int64_t share(work *x)
{
    int64_t count = 0;
    for (x->due += x->size; x->due >= x->calls; x->due -= x->calls)
        count++;
    return count;
}

/* What is done while tiles multiply, a little after each four products, since the processor looks
 * only some hundred instructions ahead: the sums of the block before are delivered, and the next
 * panel of B is packed. */
typedef struct errands {
    delivery before;
    const float *soon; /* the block at work, delivered next */
    panel *next;
    work rows, pieces;
} errands;

static __attribute__((noinline)) void run(errands *e)
{
    for (int64_t count = share(&e->rows); count > 0; count--) {
        const char *soon = (const char *)(e->soon + e->rows.done * e->before.row);
        _mm_prefetch(soon, _MM_HINT_T0);
        _mm_prefetch(soon + 64, _MM_HINT_T0);
        deliver_row(&e->before, e->rows.done++);
    }
    for (int64_t count = share(&e->pieces); count > 0; count--)
        pack_piece(e->next, e->pieces.done++);
}

/* ---- blocks of C ---- */

/* Eight tiles of 16 rows of 64 bytes: 0 to 3 are sums, 4 and 5 are of A, 6 and 7 of B. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} configuration = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

#define LOAD_A(part)                                            \
    do {                                                        \
        _tile_loadd(4, a + (part)*STEP_BYTES, 64);              \
        _tile_loadd(5, a + (part)*STEP_BYTES + TILE_BYTES, 64); \
    } while (0)
#define LOAD_B(part)                                            \
    do {                                                        \
        _tile_loadd(6, b + (part)*STEP_BYTES, 64);              \
        _tile_loadd(7, b + (part)*STEP_BYTES + TILE_BYTES, 64); \
    } while (0)
#define ADD_PRODUCTS()           \
    do {                         \
        _tile_dpbf16ps(0, 4, 6); \
        _tile_dpbf16ps(1, 4, 7); \
        _tile_dpbf16ps(2, 5, 6); \
        _tile_dpbf16ps(3, 5, 7); \
        run(meanwhile);          \
    } while (0)

static int products(int parts)
{
    return parts == 3 ? 6 : 3;
}

/* sums (32 x 32) = A B for packed panels. */
static void multiply_panels(const panel *left, const panel *right, float *sums, errands *meanwhile)
{
    const int parts = left->parts;
    const char *a = left->packed, *b = right->packed;
    /* gcc's tile loads do not say that they read memory. */
    __asm__ volatile("" ::: "memory");
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t p = 0; p < left->from.depth; p += STEP) {
        if (parts == 3) {
            LOAD_A(2);
            LOAD_B(0);
            ADD_PRODUCTS();
            LOAD_A(1);
            ADD_PRODUCTS();
            LOAD_B(1);
            ADD_PRODUCTS();
            LOAD_A(0);
            ADD_PRODUCTS();
            LOAD_B(2);
            ADD_PRODUCTS();
            LOAD_B(0);
            ADD_PRODUCTS();
        } else {
            LOAD_A(1);
            LOAD_B(0);
            ADD_PRODUCTS();
            LOAD_A(0);
            ADD_PRODUCTS();
            LOAD_B(1);
            ADD_PRODUCTS();
        }
        a += parts * STEP_BYTES;
        b += parts * STEP_BYTES;
    }
    _tile_stored(0, sums, BLOCK * sizeof(float));
    _tile_stored(1, sums + TILE, BLOCK * sizeof(float));
    _tile_stored(2, sums + TILE * BLOCK, BLOCK * sizeof(float));
    _tile_stored(3, sums + TILE * BLOCK + TILE, BLOCK * sizeof(float));
}

/* ---- products of matrices ---- */

static rgi_matrix part_of(rgi_matrix x, int64_t i, int64_t j)
{
    return (rgi_matrix){(float *)x.data + i * x.row + j * x.column, x.row, x.column};
}

/* Begins panel number i of `count` lines, the rows of x. */
static void begin_panel(panel *p, rgi_matrix x, int64_t i, int64_t count, int64_t depth)
{
    const int64_t first = i * BLOCK;
    p->from = (lines){(float *)x.data + first * x.row, x.row, x.column,
                      smaller(BLOCK, count - first), depth};
    p->ahead = first + 2 * BLOCK <= count ? BLOCK * x.row : 0;
}

static void pack_all(panel *x)
{
    for (int64_t i = 0; i < piece_count(x); i++)
        pack_piece(x, i);
}

/* A product of at most MOST_ROWS rows and MOST_K of k, in half a megabyte of the stack: a thread of
 * threads.c has twice that. */
enum { PANELS = MOST_ROWS / BLOCK };
typedef struct slab {
    int64_t m, n, k;
    rgi_matrix a, b, c;
    int add, parts;
    int64_t calls; /* of `run` for a block */
    panel left[PANELS], right[2];
    _Alignas(64) float sums[2][BLOCK * BLOCK];
    _Alignas(64) char memory[PANELS + 2][PANEL_BYTES];
} slab;

/* Block (i, j) of C: multiplies, and leaves the sums to be delivered. */
static void multiply_block(slab *s, int64_t i, int64_t j, errands *e)
{
    const panel *left = &s->left[i], *right = &s->right[j % 2];
    const rgi_matrix c = part_of(s->c, i * BLOCK, j * BLOCK);
    float *sums = s->sums[e->before.sums == s->sums[0]];
    e->soon = c.data;
    e->rows = spread(e->before.m, s->calls);
    if (fit_together(left->is, right->is)) {
        multiply_panels(left, right, sums, e);
        const int exponent = left->is.largest + right->is.largest - 2 * TOP;
        e->before =
            (delivery){sums, exponent, s->add, c.data, c.row, left->from.count, right->from.count};
        return;
    }
    for (int64_t call = 0; call < s->calls; call++)
        run(e);
    e->before.m = 0;
    const rgi_matrix a = part_of(s->a, i * BLOCK, 0), b = part_of(s->b, 0, j * BLOCK);
    rgi_kernels_avx512[RG_F32].matmul(left->from.count, right->from.count, s->k, &a, &b, &c,
                                      s->add);
}

static void multiply_slab(slab *s)
{
    const int64_t blocks = (s->m + BLOCK - 1) / BLOCK, columns = (s->n + BLOCK - 1) / BLOCK;
    for (int64_t i = 0; i < blocks; i++) {
        s->left[i].rows_are_lines = true;
        s->left[i].parts = s->parts;
        s->left[i].packed = s->memory[2 + i];
        begin_panel(&s->left[i], s->a, i, s->m, s->k);
        pack_all(&s->left[i]);
    }
    for (int i = 0; i < 2; i++) {
        s->right[i].rows_are_lines = false;
        s->right[i].parts = s->parts;
        s->right[i].packed = s->memory[i];
    }
    const rgi_matrix columns_of_b = {s->b.data, s->b.column, s->b.row};
    begin_panel(&s->right[0], columns_of_b, 0, s->n, s->k);
    pack_all(&s->right[0]);
    s->calls = (s->k + STEP - 1) / STEP * products(s->parts);
    errands e = {.before.m = 0};
    for (int64_t j = 0; j < columns; j++) {
        e.next = &s->right[(j + 1) % 2];
        e.pieces = spread(0, 1);
        if (j + 1 < columns) {
            begin_panel(e.next, columns_of_b, j + 1, s->n, s->k);
            e.pieces = spread(piece_count(e.next), s->calls * blocks);
        }
        for (int64_t i = 0; i < blocks; i++)
            multiply_block(s, i, j, &e);
    }
    for (int64_t i = 0; i < e.before.m; i++)
        deliver_row(&e.before, i);
}

static void multiply(int64_t m, int64_t n, int64_t k, rgi_matrix a, rgi_matrix b, rgi_matrix c,
                     int add, int parts)
{
    /* Equal depths, so that the last one is not short. */
    const int64_t depths = (k + MOST_K - 1) / MOST_K;
    const int64_t depth = ((k + depths - 1) / depths + STEP - 1) / STEP * STEP;
    _Alignas(64) slab s;
    s.n = n;
    s.parts = parts;
    _tile_loadconfig(&configuration);
    for (int64_t i = 0; i < m; i += MOST_ROWS)
        for (int64_t p = 0; p < k; p += depth) {
            s.m = smaller(MOST_ROWS, m - i);
            s.k = smaller(depth, k - p);
            s.a = part_of(a, i, p);
            s.b = part_of(b, p, 0);
            s.c = part_of(c, i, 0);
            s.add = add || p > 0;
            multiply_slab(&s);
        }
    _tile_release();
}

/* Few rows or columns would be mostly packing. Smaller products than these would gain in one
 * thread, but not in two, which both pack; and how many there are must not decide. */
bool rgi_amx_suits(rg_matmul_precision precision, int64_t m, int64_t n, int64_t k,
                   const rgi_matrix *a, const rgi_matrix *b)
{
    enum { LEAST_LINES = 64, LEAST_DEPTH = 32, LEAST_WORK = 8000000, LEAST_HIGH_WORK = 2000000 };
    const double work = (double)m * (double)n * (double)k;
    return (a->row == 1 || a->column == 1) && (b->row == 1 || b->column == 1) && m >= LEAST_LINES &&
           n >= LEAST_LINES && k >= LEAST_DEPTH &&
           work >= (precision == RG_MATMUL_HIGH ? LEAST_HIGH_WORK : LEAST_WORK);
}

void rgi_amx_matmul(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,
                    const rgi_matrix *c, int add)
{
    multiply(m, n, k, *a, *b, *c, add, 3);
}

void rgi_amx_matmul_high(int64_t m, int64_t n, int64_t k, const rgi_matrix *a, const rgi_matrix *b,
                         const rgi_matrix *c, int add)
{
    multiply(m, n, k, *a, *b, *c, add, 2);
}
