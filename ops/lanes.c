/*
 * lanes.c: built once for each instruction set, with RGI_INTERPRETER naming the table. Both
 * interpreters are one switch whose cases the rows expand into; that with many lanes has a case for
 * each form of operands, so that the compiler vectorises every loop.
 */
#include "lanes.h"

#include <math.h>

/* The C library's vector functions. clang finds its own (meson.build). */
#if RGI_VECTOR_MATH && !defined(__clang__)
#define VECTOR_1(name) __attribute__((simd("notinbranch"))) double name(double);
#define VECTOR_2(name) __attribute__((simd("notinbranch"))) double name(double, double);
VECTOR_1(exp)
VECTOR_1(expm1)
VECTOR_1(log)
VECTOR_1(log2)
VECTOR_1(log1p)
VECTOR_1(sin)
VECTOR_1(cos)
VECTOR_1(tan)
VECTOR_1(asin)
VECTOR_1(acos)
VECTOR_1(atan)
VECTOR_1(sinh)
VECTOR_1(cosh)
VECTOR_1(tanh)
VECTOR_1(asinh)
VECTOR_1(acosh)
VECTOR_1(atanh)
VECTOR_1(erf)
VECTOR_1(erfc)
VECTOR_2(atan2)
VECTOR_2(hypot)
VECTOR_2(pow)
#endif

#define T          double
#define TYPE       f64
#define LIBM(name) name
#include "math.inc"
#include "normal.inc"
#undef GAUSS
#undef NORMAL_CDF
#undef NORMAL_DENSITY
#define GAUSS(x)          gauss(x)
#define NORMAL_CDF(x)     normal_cdf(x)
#define NORMAL_DENSITY(x) normal_density(x)

#if defined(__clang__)
#define LANES _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#else
#define LANES _Pragma("GCC ivdep") _Pragma("GCC unroll 4")
#endif

/* The parameters of a row are operands after its first. */
#define PARAMETERS(count, numbers)                                                             \
    const double p = count > 0 ? numbers[i->in[1]] : 0, q = count > 1 ? numbers[i->in[2]] : 0; \
    (void)p, (void)q;

/* The operations that no row has. */
#define TERNARY_ROWS(ROW)                     \
    ROW(WHERE, a != 0 ? b : c)                \
    ROW(MULTIPLY_ADD, a *b + c)               \
    ROW(MULTIPLY_SUB, a *b - c)               \
    ROW(NEGATED_MULTIPLY_ADD, c - a * b)      \
    ROW(GUARDED_ADD, a *(a == 0 ? 0 : b) + c) \
    ROW(GUARDED_SUB, c - a * (a == 0 ? 0 : b))

/* ---- one evaluation ---- */

static void single(const rgi_instruction *list, uint32_t count, double *w)
{
    const rgi_instruction *const end = count > 0 ? list + count : list; /* NULL if empty */
    for (const rgi_instruction *i = list; i < end; i++)
        switch (i->code) {
        case RGI_GRAPH_SUM: w[i->to] = w[i->in[0]]; break;
#define CASE(name, parameters, value, ...) \
    case RGI_GRAPH_##name: {               \
        const double x = w[i->in[0]];      \
        PARAMETERS(parameters, w)          \
        w[i->to] = value;                  \
        break;                             \
    }
            RGI_ALL_UNARY_ROWS(CASE)
            RGI_STEP_ROWS(CASE)
#undef CASE
#define CASE(name, value, ...)                         \
    case RGI_GRAPH_##name: {                           \
        const double a = w[i->in[0]], b = w[i->in[1]]; \
        w[i->to] = value;                              \
        break;                                         \
    }
            RGI_ALL_BINARY_ROWS(CASE)
            RGI_ALL_COMPARE_ROWS(CASE)
#undef CASE
#define CASE(name, value)                                               \
    case RGI_GRAPH_##name: {                                            \
        const double a = w[i->in[0]], b = w[i->in[1]], c = w[i->in[2]]; \
        w[i->to] = value;                                               \
        break;                                                          \
    }
            TERNARY_ROWS(CASE)
#undef CASE
        default: break;
        }
}

/* ---- many evaluations ---- */

#if defined(__GNUC__)
#define ALIGNED(pointer) __builtin_assume_aligned(pointer, sizeof(double) * RGI_LANES_STEP / 2)
#else
#define ALIGNED(pointer) (pointer)
#endif

/* Operand k: a number a lane in a slot, or a uniform number. */
#define SLOT(k)       const double *const s##k = ALIGNED(slots + i->in[k]);
#define UNIFORM(k)    const double s##k = uniform[i->in[k]];
#define OF_SLOT(k)    s##k[l]
#define OF_UNIFORM(k) s##k

static void load(double *to, const double *from, int count, int lanes)
{
    for (int l = 0; l < count; l++)
        to[l] = from[l];
    for (int l = count; l < lanes; l++)
        to[l] = from[count - 1];
}

static void store(double *to, const double *from, int count)
{
    for (int l = 0; l < count; l++)
        to[l] = from[l];
}

/* Several numbers at a time, in a register: where compilers do not find vectors by themselves. */
#if defined(__GNUC__)
typedef double vector __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t mask __attribute__((vector_size(VECTOR_BYTES)));
#define KEPT(a, b)    ((vector)((mask)(b) & ((a) != 0))) /* b where a is not 0, else 0 */
#define ELEMENT(v, j) ((v)[j])
#define ALWAYS_INLINE inline __attribute__((always_inline))
enum { WIDE = VECTOR_BYTES / sizeof(double) };
#else
typedef double vector;
#define KEPT(a, b)    ((a) != 0 ? (b) : 0)
#define ELEMENT(v, j) (v)
#define ALWAYS_INLINE inline
enum { WIDE = 1 };
#endif
#define VECTOR(place) (*(const vector *)(const void *)(place))
#define ALL(number)   ((number) - (vector){0})

/* Sums: lane l is added to number l mod RGI_SUM_LANES. */
enum { HALF = RGI_SUM_LANES / WIDE };

static ALWAYS_INLINE void add_parts(double *sum, const vector *part)
{
    for (int v = 0; v < HALF; v++)
        *(vector *)(void *)(sum + v * WIDE) += part[v] + part[v + HALF];
}

#define ADD_VECTORS(term)                             \
    vector part[2 * HALF] = {ALL(0)};                 \
    while (l + 2 * RGI_SUM_LANES <= count)            \
        for (int v = 0; v < 2 * HALF; v++, l += WIDE) \
            part[v] += term;                          \
    add_parts(sum, part);

static void sum_slot(double *sum, const double *a, int count)
{
    int l = 0;
    ADD_VECTORS(VECTOR(a + l))
    for (; l < count; l++)
        sum[l % RGI_SUM_LANES] += a[l];
}

static void sum_product(double *sum, const double *a, const double *b, int count)
{
    int l = 0;
    ADD_VECTORS(VECTOR(a + l) * VECTOR(b + l))
    for (; l < count; l++)
        sum[l % RGI_SUM_LANES] += a[l] * b[l];
}

static void sum_guarded(double *sum, const double *a, const double *b, int count)
{
    int l = 0;
    ADD_VECTORS(VECTOR(a + l) * KEPT(VECTOR(a + l), VECTOR(b + l)))
    for (; l < count; l++)
        sum[l % RGI_SUM_LANES] += GUARD(a[l], b[l]);
}

/* Several sums with one first factor. */
static void sum_group(const rgi_instruction *group, const rgi_block *block)
{
    const double *const a = block->slots + group->in[0];
    const double *b[RGI_GROUP_SUMS];
    double *sum[RGI_GROUP_SUMS];
    vector part[RGI_GROUP_SUMS][HALF];
    int l = 0;
    for (int k = 0; k < RGI_GROUP_SUMS; k++) {
        b[k] = block->slots + group[1 + k].in[1];
        sum[k] = block->sums + (size_t)RGI_SUM_LANES * group[1 + k].to;
        for (int v = 0; v < HALF; v++)
            part[k][v] = VECTOR(sum[k] + v * WIDE);
    }
    while (l + RGI_SUM_LANES <= block->count)
        for (int v = 0; v < HALF; v++, l += WIDE) {
            const vector first = VECTOR(a + l);
            for (int k = 0; k < RGI_GROUP_SUMS; k++)
                part[k][v] += first * KEPT(first, VECTOR(b[k] + l));
        }
    for (int k = 0; k < RGI_GROUP_SUMS; k++) {
        for (int v = 0; v < HALF; v++)
            *(vector *)(void *)(sum[k] + v * WIDE) = part[k][v];
        for (int rest = l; rest < block->count; rest++)
            sum[k][rest % RGI_SUM_LANES] += GUARD(a[rest], b[k][rest]);
    }
}

/* Chains: a number of products is added up in registers. */
typedef struct factors {
    bool uniform_a, uniform_b, guarded, negative;
} factors;

static ALWAYS_INLINE void run_chain(const rgi_instruction *chain, const rgi_block *block, int lanes,
                                    factors f)
{
    enum { PARTS = RGI_LANES_STEP / WIDE };
    const rgi_instruction *const end = chain + chain->in[1];
    double *const slots = block->slots, *const to = slots + chain->to;
    const double *const uniform = block->uniform;
    for (int l = 0; l < lanes; l += RGI_LANES_STEP) {
        vector sum[PARTS];
        for (int v = 0; v < PARTS; v++)
            sum[v] = chain->in[2] ? ALL(uniform[chain->in[0]])
                                  : VECTOR(slots + chain->in[0] + l + v * WIDE);
        for (const rgi_instruction *term = chain; term++ < end;) {
            const uint32_t a = term->in[0], b = term->in[1];
            for (int v = 0; v < PARTS; v++) {
                vector first = f.uniform_a ? ALL(uniform[a]) : VECTOR(slots + a + l + v * WIDE);
                vector second = f.uniform_b ? ALL(uniform[b]) : VECTOR(slots + b + l + v * WIDE);
                if (f.guarded)
                    second = KEPT(first, second);
                sum[v] = f.negative ? sum[v] - first * second : sum[v] + first * second;
            }
        }
        for (int v = 0; v < PARTS; v++)
            *(vector *)(void *)(to + l + v * WIDE) = sum[v];
    }
}

#define CHAIN_FORM(name, form, guarded, negative)                                  \
    case RGI_LANES_CODE(RGI_LANES_CHAIN_##name, form):                             \
        run_chain(i, block, lanes,                                                 \
                  (factors){((form)&1) != 0, ((form)&2) != 0, guarded, negative}); \
        i += i->in[1];                                                             \
        break;
#define CHAIN(name, guarded, negative)     \
    CHAIN_FORM(name, 0, guarded, negative) \
    CHAIN_FORM(name, 1, guarded, negative) \
    CHAIN_FORM(name, 2, guarded, negative)

#define FORM_SLOT(k)    0
#define FORM_UNIFORM(k) (1 << (k))

#define STORE_EACH(value)                      \
    double *const to = ALIGNED(slots + i->to); \
    LANES for (int l = 0; l < lanes; l++)      \
    {                                          \
        OPERANDS                               \
        to[l] = value;                         \
    }

#define UNARY(name, count, value, ...)          \
    case RGI_LANES_CODE(RGI_GRAPH_##name, 0): { \
        SLOT(0)                                 \
        PARAMETERS(count, uniform)              \
        STORE_EACH(value)                       \
        break;                                  \
    }

#define BINARY_FORM(name, value, first, second)                                  \
    case RGI_LANES_CODE(RGI_GRAPH_##name, FORM_##first(0) + FORM_##second(1)): { \
        first(0) second(1) STORE_EACH(value) break;                              \
    }
#define SLOT_SLOT(name, value, ...)    BINARY_FORM(name, value, SLOT, SLOT)
#define SLOT_UNIFORM(name, value, ...) BINARY_FORM(name, value, SLOT, UNIFORM)
#define UNIFORM_SLOT(name, value, ...) BINARY_FORM(name, value, UNIFORM, SLOT)

#define TERNARY_FORM(name, value, first, second, third)                                            \
    case RGI_LANES_CODE(RGI_GRAPH_##name, FORM_##first(0) + FORM_##second(1) + FORM_##third(2)): { \
        first(0) second(1) third(2) STORE_EACH(value) break;                                       \
    }
#define SLOT_SLOT_SLOT(name, value)       TERNARY_FORM(name, value, SLOT, SLOT, SLOT)
#define SLOT_SLOT_UNIFORM(name, value)    TERNARY_FORM(name, value, SLOT, SLOT, UNIFORM)
#define SLOT_UNIFORM_SLOT(name, value)    TERNARY_FORM(name, value, SLOT, UNIFORM, SLOT)
#define SLOT_UNIFORM_UNIFORM(name, value) TERNARY_FORM(name, value, SLOT, UNIFORM, UNIFORM)
#define UNIFORM_SLOT_SLOT(name, value)    TERNARY_FORM(name, value, UNIFORM, SLOT, SLOT)
#define UNIFORM_SLOT_UNIFORM(name, value) TERNARY_FORM(name, value, UNIFORM, SLOT, UNIFORM)
#define UNIFORM_UNIFORM_SLOT(name, value) TERNARY_FORM(name, value, UNIFORM, UNIFORM, SLOT)

#define SUM_OF(i) (block->sums + (size_t)RGI_SUM_LANES * (i)->to)

static void block(const rgi_instruction *list, uint32_t count, const rgi_block *block)
{
    double *const slots = block->slots;
    const double *const uniform = block->uniform;
    const int lanes = (block->count + RGI_LANES_STEP - 1) & ~(RGI_LANES_STEP - 1);
    const rgi_instruction *const end = count > 0 ? list + count : list; /* NULL if empty */
    for (const rgi_instruction *i = list; i < end; i++) {
        switch (i->code) {
        case RGI_LANES_CODE(RGI_LANES_LOAD, 0):
            load(slots + i->to, block->in[i->in[0]] + block->first, block->count, lanes);
            break;
        case RGI_LANES_CODE(RGI_LANES_STORE, 0):
            if (block->out[i->to])
                store(block->out[i->to] + block->first, slots + i->in[0], block->count);
            break;
        case RGI_LANES_CODE(RGI_GRAPH_SUM, 0):
            sum_slot(SUM_OF(i), ALIGNED(slots + i->in[0]), block->count);
            break;
        case RGI_LANES_CODE(RGI_LANES_SUM_MUL, 0):
            sum_product(SUM_OF(i), ALIGNED(slots + i->in[0]), ALIGNED(slots + i->in[1]),
                        block->count);
            break;
        case RGI_LANES_CODE(RGI_LANES_SUM_TIMES, 0):
            sum_guarded(SUM_OF(i), ALIGNED(slots + i->in[0]), ALIGNED(slots + i->in[1]),
                        block->count);
            break;
        case RGI_LANES_CODE(RGI_LANES_SUM_GROUP, 0):
            sum_group(i, block);
            i += RGI_GROUP_SUMS;
            break;
            CHAIN(ADD, false, false)
            CHAIN(SUB, false, true)
            CHAIN(GUARDED_ADD, true, false)
            CHAIN(GUARDED_SUB, true, true)
#define OPERANDS const double x = s0[l];
            RGI_ALL_UNARY_ROWS(UNARY)
            RGI_STEP_ROWS(UNARY)
#undef OPERANDS
#define OPERANDS const double a = OF_SLOT(0), b = OF_SLOT(1);
            RGI_ALL_BINARY_ROWS(SLOT_SLOT)
            RGI_ALL_COMPARE_ROWS(SLOT_SLOT)
#undef OPERANDS
#define OPERANDS const double a = OF_SLOT(0), b = OF_UNIFORM(1);
            RGI_ALL_BINARY_ROWS(SLOT_UNIFORM)
            RGI_ALL_COMPARE_ROWS(SLOT_UNIFORM)
#undef OPERANDS
#define OPERANDS const double a = OF_UNIFORM(0), b = OF_SLOT(1);
            RGI_ALL_BINARY_ROWS(UNIFORM_SLOT)
            RGI_ALL_COMPARE_ROWS(UNIFORM_SLOT)
#undef OPERANDS
#define OPERANDS const double a = OF_SLOT(0), b = OF_SLOT(1), c = OF_SLOT(2);
            TERNARY_ROWS(SLOT_SLOT_SLOT)
#undef OPERANDS
#define OPERANDS const double a = OF_SLOT(0), b = OF_SLOT(1), c = OF_UNIFORM(2);
            TERNARY_ROWS(SLOT_SLOT_UNIFORM)
#undef OPERANDS
#define OPERANDS const double a = OF_SLOT(0), b = OF_UNIFORM(1), c = OF_SLOT(2);
            TERNARY_ROWS(SLOT_UNIFORM_SLOT)
#undef OPERANDS
#define OPERANDS const double a = OF_SLOT(0), b = OF_UNIFORM(1), c = OF_UNIFORM(2);
            TERNARY_ROWS(SLOT_UNIFORM_UNIFORM)
#undef OPERANDS
#define OPERANDS const double a = OF_UNIFORM(0), b = OF_SLOT(1), c = OF_SLOT(2);
            TERNARY_ROWS(UNIFORM_SLOT_SLOT)
#undef OPERANDS
#define OPERANDS const double a = OF_UNIFORM(0), b = OF_SLOT(1), c = OF_UNIFORM(2);
            TERNARY_ROWS(UNIFORM_SLOT_UNIFORM)
#undef OPERANDS
#define OPERANDS const double a = OF_UNIFORM(0), b = OF_UNIFORM(1), c = OF_SLOT(2);
            TERNARY_ROWS(UNIFORM_UNIFORM_SLOT)
#undef OPERANDS
        default: break;
        }
    }
}

const rgi_interpreter RGI_INTERPRETER = {single, block};
