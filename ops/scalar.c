/*
 * scalar.c: scalar nodes: the general path behind the inline functions, and the reverse loop.
 */
#include "elementwise.h"

#include <math.h>

#include "family.h"

#define T          double
#define TYPE       f64
#define LIBM(name) name
#include "math.inc"

/* The external definitions of the inline functions, for pointers and other languages. */
#define EXTERN_UNARY(name) extern inline rg_value(rg_##name)(rg_value v);
#define EXTERN_BINARY(name)                                                                        \
    extern inline rg_value(rg_##name)(rg_value v, rg_value w);                                     \
    extern inline rg_value rg_##name##_vd(rg_value v, double b);                                   \
    extern inline rg_value rg_##name##_dv(double a, rg_value w);
EXTERN_UNARY(neg)
EXTERN_UNARY(square)
EXTERN_BINARY(add)
EXTERN_BINARY(sub)
EXTERN_BINARY(mul)
EXTERN_BINARY(div)

/* ---- values ---- */

static double unary_value(int code, double x, double p)
{
    switch (code) {
#define CASE(name, value, ...)                                                                     \
    case RGI_##name: return value;
        RGI_UNARY_ROWS(CASE)
        RGI_UNARY_P_ROWS(CASE)
#undef CASE
    default: return NAN;
    }
}

static double binary_value(int code, double a, double b)
{
    switch (code) {
#define CASE(name, value, ...)                                                                     \
    case RGI_##name:                                                                               \
    case RGI_##name##_vd:                                                                          \
    case RGI_##name##_dv: return value;
        RGI_BINARY_ROWS(CASE)
#undef CASE
    default: return NAN;
    }
}

/* ---- the general path ---- */

/* The scalar node of a handle, if the tape is healthy and has room for another node; else 0. The
 * reasons are left to rg_record, which says them. */
static uint32_t scalar_node(rg_value x)
{
    rg_tape *tape = x.tape;
    if (!tape || (x.serial & RG_TENSOR_BIT) || rg_tape_status(tape) != RG_OK)
        return 0;
    if (!tape->engine) {
        tape->engine = &rgi_scalar_engine_ops;
        rgi_update_limit(tape);
    }
    return rgi_room(tape) ? rgi_node(tape, x.serial) : 0;
}

static rg_value push(rg_tape *tape, int code, uint32_t a, uint32_t b, double value)
{
    return rgi_push(tape, tape->no_grad ? RGI_CODE_CONSTANT : code, a, b, value);
}

rg_value rgi_unary(int code, rg_value x)
{
    uint32_t node = scalar_node(x);
    if (node)
        return push(x.tape, code, node, 0, unary_value(code, x.tape->cursor.value[node], 0));
    return rg_record(rgi_elementwise_op(code), 1, &x, NULL);
}

rg_value rgi_unary_p(int code, rg_value x, double p)
{
    uint32_t node = scalar_node(x);
    if (node) {
        double value = unary_value(code, x.tape->cursor.value[node], p);
        return push(x.tape, code, node, rgi_push_constant(&x.tape->cursor, p), value);
    }
    return rg_record(rgi_elementwise_op(code), 1, &x, &p);
}

rg_value rgi_binary(int code, rg_value a, rg_value b)
{
    if (a.tape == b.tape) {
        uint32_t first = scalar_node(a), second = scalar_node(b);
        if (first && second) {
            const double *value = a.tape->cursor.value;
            return push(a.tape, code, first, second,
                        binary_value(code, value[first], value[second]));
        }
    }
    const rg_value in[2] = {a, b};
    return rg_record(rgi_elementwise_op(code), 2, in, NULL);
}

rg_value rgi_binary_vd(int code, rg_value a, double b)
{
    uint32_t node = scalar_node(a);
    if (node) {
        double value = binary_value(code, a.tape->cursor.value[node], b);
        return push(a.tape, code, node, rgi_push_constant(&a.tape->cursor, b), value);
    }
    const rg_value in[2] = {a, rg_constant(a.tape, b)};
    return rg_record(rgi_elementwise_op(code), 2, in, NULL);
}

rg_value rgi_binary_dv(int code, double a, rg_value b)
{
    uint32_t node = scalar_node(b);
    if (node) {
        double value = binary_value(code, a, b.tape->cursor.value[node]);
        return push(b.tape, code, rgi_push_constant(&b.tape->cursor, a), node, value);
    }
    const rg_value in[2] = {rg_constant(b.tape, a), b};
    return rg_record(rgi_elementwise_op(code), 2, in, NULL);
}

/* ---- the reverse loop ---- */

/* A zero adjoint contributes exactly zero, so its node is skipped. */
static uint64_t reverse(rg_cursor *cursor, uint64_t node)
{
    const uint16_t *restrict codes = cursor->code;
    const rgi_operands *restrict operands = cursor->operands;
    const double *restrict value = cursor->value;
    const double *restrict constant = cursor->constant;
    double *restrict adjoint = cursor->adjoint;
    for (; node > 0; node--) {
        const double g = adjoint[node];
        const int code = codes[node];
        if (g == 0 && (code >= RGI_CODE_FIRST || code <= RGI_CODE_INPUT))
            continue;
        const uint32_t first = operands[node].a, second = operands[node].b;
        switch (code) {
        case RGI_CODE_CONSTANT:
        case RGI_CODE_INPUT: break;
#define CASE(name, v, derivative, ...)                                                             \
    case RGI_##name: {                                                                             \
        const double x = value[first], y = value[node];                                            \
        (void)x, (void)y;                                                                          \
        adjoint[first] += g * (derivative);                                                        \
        break;                                                                                     \
    }
            RGI_UNARY_ROWS(CASE)
#undef CASE
#define CASE(name, v, derivative, ...)                                                             \
    case RGI_##name: {                                                                             \
        const double x = value[first], y = value[node], p = constant[second];                      \
        (void)x, (void)y, (void)p;                                                                 \
        adjoint[first] += g * (derivative);                                                        \
        break;                                                                                     \
    }
            RGI_UNARY_P_ROWS(CASE)
#undef CASE
#define CASE(name, v, to_a, to_b, ...)                                                             \
    case RGI_##name: {                                                                             \
        const double a = value[first], b = value[second], y = value[node];                         \
        (void)a, (void)b, (void)y;                                                                 \
        adjoint[first] += g * (to_a);                                                              \
        adjoint[second] += g * (to_b);                                                             \
        break;                                                                                     \
    }                                                                                              \
    case RGI_##name##_vd: {                                                                        \
        const double a = value[first], b = constant[second], y = value[node];                      \
        (void)a, (void)b, (void)y;                                                                 \
        adjoint[first] += g * (to_a);                                                              \
        break;                                                                                     \
    }                                                                                              \
    case RGI_##name##_dv: {                                                                        \
        const double a = constant[first], b = value[second], y = value[node];                      \
        (void)a, (void)b, (void)y;                                                                 \
        adjoint[second] += g * (to_b);                                                             \
        break;                                                                                     \
    }
            RGI_BINARY_ROWS(CASE)
#undef CASE
        default: return node;
        }
    }
    return 0;
}

static unsigned operand_nodes(int code)
{
    if (code < RGI_BINARY_FIRST)
        return 1;
    static const unsigned nodes[3] = {1 | 2, 1, 2};
    return nodes[(code - RGI_BINARY_FIRST) % 3];
}

const rgi_scalar_engine rgi_scalar_engine_ops = {
    .reverse = reverse,
    .op = rgi_elementwise_op,
    .operands = operand_nodes,
};
