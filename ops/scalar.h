/*
 * scalar.h: the commonest scalar operations, inline: two handles are checked, the value computed
 * and one node appended. Whatever is not two live float64 scalars on one healthy tape with room
 * goes to the general path in the library.
 */
#ifndef RG_OPS_SCALAR_H
#define RG_OPS_SCALAR_H

#include "../autograd/cursor.h"
#include "elementwise_rows.h"

RG_BEGIN_DECLS

/* C11 inline: the library holds the external definition, for pointers and other languages. */
#define RGI_INLINE inline

/* The general path of every element-wise function, by its code. */
RG_API rg_value rgi_unary(int code, rg_value x);
RG_API rg_value rgi_binary(int code, rg_value a, rg_value b);
RG_API rg_value rgi_binary_vd(int code, rg_value a, double b);
RG_API rg_value rgi_binary_dv(int code, double a, rg_value b);

#define RGI_INLINE_UNARY(name, expression)                                \
    RG_API RGI_INLINE rg_value rg_##name(rg_value v)                      \
    {                                                                     \
        if (v.tape) {                                                     \
            const rg_cursor *cursor = rgi_cursor(v.tape);                 \
            uint32_t node = rgi_scalar_node(cursor, v.serial);            \
            if (RG_LIKELY(node && cursor->count < cursor->limit)) {       \
                const double x = cursor->value[node];                     \
                return rgi_push(v.tape, RGI_##name, node, 0, expression); \
            }                                                             \
        }                                                                 \
        return rgi_unary(RGI_##name, v);                                  \
    }

#define RGI_INLINE_BINARY(name, expression)                                        \
    RG_API RGI_INLINE rg_value rg_##name(rg_value v, rg_value w)                   \
    {                                                                              \
        if (v.tape && v.tape == w.tape) {                                          \
            const rg_cursor *cursor = rgi_cursor(v.tape);                          \
            uint32_t first = rgi_scalar_node(cursor, v.serial);                    \
            uint32_t second = rgi_scalar_node(cursor, w.serial);                   \
            if (RG_LIKELY(first && second && cursor->count < cursor->limit)) {     \
                const double a = cursor->value[first], b = cursor->value[second];  \
                return rgi_push(v.tape, RGI_##name, first, second, expression);    \
            }                                                                      \
        }                                                                          \
        return rgi_binary(RGI_##name, v, w);                                       \
    }                                                                              \
    RG_API RGI_INLINE rg_value rg_##name##_vd(rg_value v, double b)                \
    {                                                                              \
        if (v.tape) {                                                              \
            rg_cursor *cursor = rgi_cursor(v.tape);                                \
            uint32_t node = rgi_scalar_node(cursor, v.serial);                     \
            if (RG_LIKELY(node && cursor->count < cursor->limit)) {                \
                const double a = cursor->value[node];                              \
                uint32_t place = rgi_push_constant(cursor, b);                     \
                return rgi_push(v.tape, RGI_##name##_vd, node, place, expression); \
            }                                                                      \
        }                                                                          \
        return rgi_binary_vd(RGI_##name##_vd, v, b);                               \
    }                                                                              \
    RG_API RGI_INLINE rg_value rg_##name##_dv(double a, rg_value w)                \
    {                                                                              \
        if (w.tape) {                                                              \
            rg_cursor *cursor = rgi_cursor(w.tape);                                \
            uint32_t node = rgi_scalar_node(cursor, w.serial);                     \
            if (RG_LIKELY(node && cursor->count < cursor->limit)) {                \
                const double b = cursor->value[node];                              \
                uint32_t place = rgi_push_constant(cursor, a);                     \
                return rgi_push(w.tape, RGI_##name##_dv, place, node, expression); \
            }                                                                      \
        }                                                                          \
        return rgi_binary_dv(RGI_##name##_dv, a, w);                               \
    }

RGI_INLINE_UNARY(neg, -x)
RGI_INLINE_UNARY(square, x *x)
RGI_INLINE_BINARY(add, a + b)
RGI_INLINE_BINARY(sub, a - b)
RGI_INLINE_BINARY(mul, a *b)
RGI_INLINE_BINARY(div, a / b)

RG_END_DECLS

#endif
