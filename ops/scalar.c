/*
 * scalar.c: scalar nodes: the general path behind the inline functions, the reverse loop, and the
 * loop that makes them linear for forward sweeps.
 */
#include "elementwise.h"

#include <math.h>

#include "../autograd/linear.h"
#include "family.h"

#define T          double
#define TYPE       f64
#define LIBM(name) name
#include "math.inc"

/* The external definitions of the inline functions, for pointers and other languages. */
#define EXTERN_UNARY(name) extern inline rg_value(rg_##name)(rg_value v);
#define EXTERN_BINARY(name)                                      \
    extern inline rg_value(rg_##name)(rg_value v, rg_value w);   \
    extern inline rg_value rg_##name##_vd(rg_value v, double b); \
    extern inline rg_value rg_##name##_dv(double a, rg_value w);
EXTERN_UNARY(neg)
EXTERN_UNARY(square)
EXTERN_BINARY(add)
EXTERN_BINARY(sub)
EXTERN_BINARY(mul)
EXTERN_BINARY(div)

_Static_assert((int)RGI_UNARY_FIRST == (int)RGI_CODE_FIRST,
               "the codes of the rows follow those of the tape");

/* ---- values ---- */

/* The parameters of a row; those it does not have are 0. */
#define PARAMETERS(count)                                                              \
    const double p = count > 0 ? parameters[0] : 0, q = count > 1 ? parameters[1] : 0; \
    (void)p, (void)q;

static double unary_value(int code, double x, const double *parameters)
{
    switch (code) {
#define CASE(name, count, value, ...) \
    case RGI_##name: {                \
        PARAMETERS(count)             \
        return value;                 \
    }
        RGI_ALL_UNARY_ROWS(CASE)
#undef CASE
    default: return NAN;
    }
}

static double step_value(int number, double x, const double *parameters)
{
    switch (number) {
#define CASE(name, count, value, ...) \
    case RGI_##name: {                \
        PARAMETERS(count)             \
        return value;                 \
    }
        RGI_STEP_ROWS(CASE)
#undef CASE
    default: return NAN;
    }
}

static double binary_value(int code, double a, double b)
{
    switch (code) {
#define CASE(name, value, ...) \
    case RGI_##name:           \
    case RGI_##name##_vd:      \
    case RGI_##name##_dv: return value;
        RGI_ALL_BINARY_ROWS(CASE)
#undef CASE
    default: return NAN;
    }
}

static double compare_value(int number, double a, double b)
{
    switch (number) {
#define CASE(name, value, ...) \
    case RGI_##name: return value;
        RGI_ALL_COMPARE_ROWS(CASE)
#undef CASE
    default: return NAN;
    }
}

/* ---- values and derivatives together, for fused statements ---- */

rgi_slopes rgi_unary_slopes(int code, double x, double p, double q)
{
    (void)p, (void)q;
    double y;
    switch (code) {
#define CASE(name, count, value, derivative, ...) \
    case RGI_##name: y = value; return (rgi_slopes){y, derivative, 0};
        RGI_ALL_UNARY_ROWS(CASE)
#undef CASE
    default: return (rgi_slopes){NAN, NAN, NAN};
    }
}

rgi_slopes rgi_binary_slopes(int code, double a, double b)
{
    double y;
    switch (code) {
#define CASE(name, value, to_a, to_b, ...) \
    case RGI_##name: y = value; return (rgi_slopes){y, to_a, to_b};
        RGI_ALL_BINARY_ROWS(CASE)
#undef CASE
    default: return (rgi_slopes){NAN, NAN, NAN};
    }
}

/* ---- the general path ---- */

void rgi_attach_scalars(rg_tape *tape)
{
    if (tape->engine || tape->inert)
        return;
    tape->engine = &rgi_scalar_engine_ops;
    rgi_update_limit(tape);
}

/* The scalar node of a handle, if the tape is healthy and has room for another node; else 0. The
 * reasons are left to rg_record, which says them. */
static uint32_t scalar_node(rg_value x)
{
    rg_tape *tape = x.tape;
    if (!tape || (x.serial & RG_TENSOR_BIT) || rg_tape_status(tape) != RG_OK)
        return 0;
    rgi_attach_scalars(tape);
    return rgi_room(tape) ? rgi_node(tape, x.serial) : 0;
}

static rg_value push(rg_tape *tape, int code, uint32_t a, uint32_t b, double value)
{
    return rgi_append(tape, tape->no_grad ? RGI_CODE_CONSTANT : code, a, b, value);
}

rg_value rgi_unary(int code, rg_value x)
{
    return rgi_unary_with(code, x, NULL, 0);
}

/* A scalar node has room for one parameter; with more it becomes a general record. */
rg_value rgi_unary_with(int code, rg_value x, const double *parameters, int count)
{
    uint32_t node = count < 2 ? scalar_node(x) : 0;
    if (!node)
        return rg_record(rgi_elementwise_op(code), 1, &x, parameters);
    double value = unary_value(code, x.tape->cursor.value[node], parameters);
    uint32_t place = count ? rgi_push_constant(&x.tape->cursor, parameters[0]) : 0;
    return push(x.tape, code, node, place, value);
}

rg_value rgi_step(int number, const rg_op *op, rg_value x, const double *parameters)
{
    size_t count = op->attribute_size / sizeof *parameters;
    uint32_t node = count < 2 ? scalar_node(x) : 0;
    if (!node)
        return rg_record(op, 1, &x, parameters);
    double value = step_value(number, x.tape->cursor.value[node], parameters);
    uint32_t place = count ? rgi_push_constant(&x.tape->cursor, parameters[0]) : 0;
    return push(x.tape, RGI_STEP_FIRST + number, node, place, value);
}

rg_value rgi_compare(int number, const rg_op *op, rg_value a, rg_value b)
{
    uint32_t first = a.tape == b.tape ? scalar_node(a) : 0, second = first ? scalar_node(b) : 0;
    if (first && second) {
        const double *value = a.tape->cursor.value;
        return push(a.tape, RGI_COMPARE_FIRST + number, first, second,
                    compare_value(number, value[first], value[second]));
    }
    const rg_value in[2] = {a, b};
    return rg_record(op, 2, in, NULL);
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

rg_value rgi_number_like(rg_value like, double number)
{
    if (rg_get_type(like) != RG_F32)
        return rg_constant(like.tape, number);
    float narrow = (float)number;
    return rg_constant_f32(like.tape, RG_SCALAR, &narrow);
}

rg_value rgi_binary_vd(int code, rg_value a, double b)
{
    uint32_t node = scalar_node(a);
    if (node) {
        double value = binary_value(code, a.tape->cursor.value[node], b);
        return push(a.tape, code, node, rgi_push_constant(&a.tape->cursor, b), value);
    }
    const rg_value in[2] = {a, rgi_number_like(a, b)};
    return rg_record(rgi_elementwise_op(code), 2, in, NULL);
}

rg_value rgi_binary_dv(int code, double a, rg_value b)
{
    uint32_t node = scalar_node(b);
    if (node) {
        double value = binary_value(code, a, b.tape->cursor.value[node]);
        return push(b.tape, code, rgi_push_constant(&b.tape->cursor, a), node, value);
    }
    const rg_value in[2] = {rgi_number_like(b, a), b};
    return rg_record(rgi_elementwise_op(code), 2, in, NULL);
}

/* ---- the reverse loop ---- */

#define REVERSE reverse_keeping
#define KEEP    1
#include "reverse.inc"

#define REVERSE reverse_dropping
#define KEEP    0
#include "reverse.inc"

static uint64_t reverse(rg_cursor *cursor, uint64_t node, uint64_t last, bool drop)
{
    return drop ? reverse_dropping(cursor, node, last) : reverse_keeping(cursor, node, last);
}

/* ---- made linear ---- */

/* Each node's tangent as a sum of slopes times those of its operands that have one. */
static uint64_t linearise(const rg_cursor *cursor, uint64_t node, uint64_t end, rgi_linear *linear)
{
    const uint16_t *restrict codes = cursor->code;
    const rgi_operands *restrict operands = cursor->operands;
    const double *restrict value = cursor->value;
    const double *restrict constant = cursor->constant;
    uint32_t *restrict row = linear->row;
    for (; node < end; node++) {
        const uint32_t first = operands[node].a, second = operands[node].b;
        uint32_t to_first = RGI_ROW_ZERO, to_second = RGI_ROW_ZERO;
        double slope = 0, other = 0;
        if (row[node] != RGI_ROW_ZERO || codes[node] >= RGI_CODE_INACTIVE)
            continue; /* an x, or nothing with a derivative */
        switch (codes[node]) {
        case RGI_CODE_CONSTANT:
        case RGI_CODE_INPUT: continue;
#define CASE(name, count, v, derivative, ...)                                            \
    case RGI_##name: {                                                                   \
        if (row[first] == RGI_ROW_ZERO)                                                  \
            continue;                                                                    \
        const double x = value[first], y = value[node], *parameters = constant + second; \
        PARAMETERS(count)                                                                \
        (void)x, (void)y, (void)parameters;                                              \
        to_first = row[first], slope = (derivative);                                     \
        break;                                                                           \
    }
            RGI_ALL_UNARY_ROWS(CASE)
#undef CASE
#define CASE(name, v, to_a, to_b, rule_a, rule_b, ...)                           \
    case RGI_##name: {                                                           \
        const double a = value[first], b = value[second], y = value[node];       \
        (void)a, (void)b, (void)y;                                               \
        to_first = row[first], slope = to_first == RGI_ROW_ZERO ? 0 : (to_a);    \
        to_second = row[second], other = to_second == RGI_ROW_ZERO ? 0 : (to_b); \
        break;                                                                   \
    }                                                                            \
    case RGI_##name##_vd: {                                                      \
        if (row[first] == RGI_ROW_ZERO)                                          \
            continue;                                                            \
        const double a = value[first], b = constant[second], y = value[node];    \
        (void)a, (void)b, (void)y;                                               \
        to_first = row[first], slope = (to_a);                                   \
        break;                                                                   \
    }                                                                            \
    case RGI_##name##_dv: {                                                      \
        if (row[second] == RGI_ROW_ZERO)                                         \
            continue;                                                            \
        const double a = constant[first], b = value[second], y = value[node];    \
        (void)a, (void)b, (void)y;                                               \
        to_second = row[second], other = (to_b);                                 \
        break;                                                                   \
    }
            RGI_ALL_BINARY_ROWS(CASE)
#undef CASE
        default: return node;
        }
        row[node] = rgi_linear_add(linear, slope, to_first, other, to_second);
    }
    return end;
}

static unsigned operand_nodes(int code)
{
    if (code >= RGI_CODE_INACTIVE)
        return code < RGI_COMPARE_FIRST ? 1 : 1 | 2;
    if (code < RGI_BINARY_FIRST)
        return 1;
    static const unsigned nodes[3] = {1 | 2, 1, 2};
    return nodes[(code - RGI_BINARY_FIRST) % 3];
}

const rgi_scalar_engine rgi_scalar_engine_ops = {
    .linearise = linearise,
    .reverse = reverse,
    .op = rgi_elementwise_op,
    .add = rg_add,
    .operands = operand_nodes,
};
