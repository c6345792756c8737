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

#if defined(__clang__)
#define LANES _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#else
#define LANES _Pragma("GCC ivdep")
#endif

/* The parameters of a row are operands after its first. */
#define PARAMETERS(count, numbers)                                                             \
    const double p = count > 0 ? numbers[i->in[1]] : 0, q = count > 1 ? numbers[i->in[2]] : 0; \
    (void)p, (void)q;

/* The operations that no row has. */
#define TERNARY_ROWS(ROW)                    \
    ROW(WHERE, a != 0 ? b : c)               \
    ROW(MULTIPLY_ADD, a *b + c)              \
    ROW(MULTIPLY_SUB, a *b - c)              \
    ROW(NEGATED_MULTIPLY_ADD, c - a * b)     \
    ROW(GUARDED_ADD, a == 0 ? c : a * b + c) \
    ROW(GUARDED_SUB, a == 0 ? c : c - a * b)

/* ---- one evaluation ---- */

static void single(const rgi_instruction *list, uint32_t count, double *w)
{
    for (const rgi_instruction *i = list, *end = list + count; i < end; i++)
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
                RGI_ALL_BINARY_ROWS(CASE) RGI_ALL_COMPARE_ROWS(CASE)
#undef CASE
#define CASE(name, value)                                               \
    case RGI_GRAPH_##name: {                                            \
        const double a = w[i->in[0]], b = w[i->in[1]], c = w[i->in[2]]; \
        w[i->to] = value;                                               \
        break;                                                          \
    }
                    TERNARY_ROWS(CASE)
#undef CASE
                        default : break;
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

/* Adds what a term is in each lane to a sum, lane l to its number l mod RGI_SUM_LANES. */
#define SUM(term)                                                        \
    do {                                                                 \
        double *const sum = block->sums + (size_t)RGI_SUM_LANES * i->to; \
        double part[RGI_SUM_LANES];                                      \
        int l = 0;                                                       \
        for (int j = 0; j < RGI_SUM_LANES; j++)                          \
            part[j] = sum[j];                                            \
        for (int next = 0; next + RGI_SUM_LANES <= block->count;) {      \
            next += RGI_SUM_LANES;                                       \
            for (int j = 0; j < RGI_SUM_LANES; j++, l++)                 \
                part[j] += term;                                         \
        }                                                                \
        for (int j = 0; l < block->count; j++, l++)                      \
            part[j] += term;                                             \
        for (int j = 0; j < RGI_SUM_LANES; j++)                          \
            sum[j] = part[j];                                            \
    } while (0)

#define PRODUCT(a, b) ((a) * (b))
#define SUM_ROWS(FORM, first, second) \
    FORM(MUL, PRODUCT, first, second) \
    FORM(TIMES, GUARD, first, second)
#define SUM_FORM(name, product, first, second)                                       \
    case RGI_LANES_CODE(RGI_LANES_SUM_##name, FORM_##first(0) + FORM_##second(1)): { \
        first(0) second(1) SUM(product(OF_##first(0), OF_##second(1)));              \
        break;                                                                       \
    }
#define FORM_SLOT(k)    0
#define FORM_UNIFORM(k) (1 << (k))

#define STORE_EACH(value)                 \
    LANES for (int l = 0; l < lanes; l++) \
    {                                     \
        OPERANDS                          \
        to[l] = value;                    \
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

static void block(const rgi_instruction *list, uint32_t count, const rgi_block *block)
{
    double *const slots = block->slots;
    const double *const uniform = block->uniform;
    const int lanes = (block->count + RGI_LANES_STEP - 1) & ~(RGI_LANES_STEP - 1);
    for (const rgi_instruction *i = list, *end = list + count; i < end; i++) {
        double *const to = ALIGNED(slots + i->to);
        switch (i->code) {
        case RGI_LANES_CODE(RGI_LANES_LOAD, 0):
            load(to, block->in[i->in[0]] + block->first, block->count, lanes);
            break;
        case RGI_LANES_CODE(RGI_LANES_STORE, 0):
            if (block->out[i->to])
                store(block->out[i->to] + block->first, slots + i->in[0], block->count);
            break;
        case RGI_LANES_CODE(RGI_GRAPH_SUM, 0): {
            SLOT(0)
            SUM(s0[l]);
            break;
        }
            SUM_ROWS(SUM_FORM, SLOT, SLOT)
            SUM_ROWS(SUM_FORM, SLOT, UNIFORM)
            SUM_ROWS(SUM_FORM, UNIFORM, SLOT)
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
