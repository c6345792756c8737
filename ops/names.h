/*
 * names.h: one name for each element-wise function, whatever it is applied to: plain numbers,
 * recorded values, rg_reals and unfinished expressions. Macros over _Generic in C, overloads in
 * C++ (ops/operators.hpp adds + - * /).
 *
 * With only recorded values and numbers a function is recorded; if an rg_real or an expression is
 * among its operands, it becomes part of an unfinished expression. With GNU extensions (gcc, clang)
 * each operand is expanded once; with other compilers each nesting level doubles the text, so
 * beyond some ten levels give intermediate results a name.
 */
#ifndef RG_OPS_NAMES_H
#define RG_OPS_NAMES_H

#include "elementwise.h"
#include "real_ops.h"

#ifdef __cplusplus

/* ---- C++ ---- */

template <class T> struct rgi_is_fused {
    static constexpr bool value = false;
};
template <> struct rgi_is_fused<rg_real> {
    static constexpr bool value = true;
};
template <> struct rgi_is_fused<rg_expr> {
    static constexpr bool value = true;
};
template <class T> struct rgi_is_value {
    static constexpr bool value = false;
};
template <> struct rgi_is_value<rg_value> {
    static constexpr bool value = true;
};
/* The type of a result, if one of the operands is fused. */
template <bool> struct rgi_result {
};
template <> struct rgi_result<true> {
    typedef rg_expr expr;
    typedef int truth;
};
template <class A, class B>
using rgi_fused = rgi_result<rgi_is_fused<A>::value || rgi_is_fused<B>::value>;

inline rg_expr rgi_lift(double x)
{
    return rgi_expr_of_number(x);
}
inline rg_expr rgi_lift(rg_real x)
{
    return rgi_expr_of_real(x);
}
inline rg_expr rgi_lift(rg_expr e)
{
    return e;
}
inline rg_expr rgi_lift(rg_value x)
{
    return rgi_expr_of_value(x);
}

#define RGI_UNARY_NAME_0(name)                                              \
    template <class A> inline typename rgi_fused<A, A>::expr rg_##name(A x) \
    {                                                                       \
        return rgi_expr_##name(rgi_lift(x));                                \
    }
#define RGI_UNARY_NAME_1(name)                                                        \
    template <class A> inline typename rgi_fused<A, A>::expr rg_##name(A x, double p) \
    {                                                                                 \
        return rgi_expr_##name(rgi_lift(x), p);                                       \
    }
#define RGI_UNARY_NAME_2(name)                                                                  \
    template <class A> inline typename rgi_fused<A, A>::expr rg_##name(A x, double p, double q) \
    {                                                                                           \
        return rgi_expr_##name(rgi_lift(x), p, q);                                              \
    }
#define RGI_BINARY_NAME(name)                                                             \
    inline rg_value rg_##name(rg_value a, double b)                                       \
    {                                                                                     \
        return rg_##name##_vd(a, b);                                                      \
    }                                                                                     \
    inline rg_value rg_##name(double a, rg_value b)                                       \
    {                                                                                     \
        return rg_##name##_dv(a, b);                                                      \
    }                                                                                     \
    template <class A, class B> inline typename rgi_fused<A, B>::expr rg_##name(A a, B b) \
    {                                                                                     \
        return rgi_expr_##name(rgi_lift(a), rgi_lift(b));                                 \
    }
#define RGI_COMPARE_NAME(name)                                                             \
    inline rg_value rg_##name(rg_value a, double b)                                        \
    {                                                                                      \
        return rg_##name##_vd(a, b);                                                       \
    }                                                                                      \
    template <class A, class B> inline typename rgi_fused<A, B>::truth rg_##name(A a, B b) \
    {                                                                                      \
        return rgi_expr_##name(rgi_lift(a), rgi_lift(b));                                  \
    }
#define RGI_NAME(name, count, ...) RGI_UNARY_NAME_##count(name)
RGI_UNARY_INLINE_ROWS(RGI_NAME)
RGI_UNARY_ROWS(RGI_NAME)
#undef RGI_NAME
#define RGI_NAME(name, ...) RGI_BINARY_NAME(name)
RGI_BINARY_INLINE_ROWS(RGI_NAME)
RGI_BINARY_ROWS(RGI_NAME)
#undef RGI_NAME
#define RGI_NAME(name, ...) RGI_COMPARE_NAME(name)
RGI_COMPARE_ROWS(RGI_NAME)
#undef RGI_NAME
#undef RGI_UNARY_NAME_0
#undef RGI_UNARY_NAME_1
#undef RGI_UNARY_NAME_2
#undef RGI_BINARY_NAME
#undef RGI_COMPARE_NAME

inline rg_value rg_where(rg_value c, rg_value a, double b)
{
    return rg_where_vd(c, a, b);
}
inline rg_value rg_where(rg_value c, double a, rg_value b)
{
    return rg_where_dv(c, a, b);
}
inline rg_value rg_where(rg_value c, double a, double b)
{
    return rg_where_dd(c, a, b);
}
/* The condition of a fused choice may be a number, as fused comparisons are. */
template <class C, class A, class B>
inline typename rgi_result<rgi_is_fused<A>::value || rgi_is_fused<B>::value ||
                           !rgi_is_value<C>::value>::expr
rg_where(C c, A a, B b)
{
    return rgi_expr_where(rgi_lift(c), rgi_lift(a), rgi_lift(b));
}

inline double rg_item(double x)
{
    return x;
}
inline double rg_item(rg_real x)
{
    return x.value;
}
inline double rg_item(rg_expr e)
{
    return e.value;
}

#else

/* ---- C ---- */

/* clang-format off */

#define RGI_IS_FUSED(x)  _Generic((x), rg_real: 1, rg_expr: 1, default: 0)
#define RGI_IS_NUMBER(x) _Generic((x), rg_real: 0, rg_expr: 0, rg_value: 0, default: 1)

/* One of two functions by a constant condition. */
#define RGI_IF(condition, yes, no) _Generic((char(*)[(condition) ? 2 : 1])0, char(*)[2]: yes, default: no)

/* An operand as it is, or, if `fused`, as an expression. */
#define RGI_FIT(fused, x) _Generic((x), \
    rg_real: rgi_expr_of_real, \
    rg_expr: rgi_expr_of_expr, \
    rg_value: RGI_IF(fused, rgi_expr_of_value, rgi_same_value), \
    default: RGI_IF(fused, rgi_expr_of_number, rgi_same_number))(x)

#define RGI_UNARY(name, x)         RGI_AT_ANY(RGI_IF(RGI_IS_FUSED(x), rgi_expr_##name, rg_##name)(RGI_FIT(0, x)))
#define RGI_UNARY_1(name, x, p)    RGI_AT_ANY(RGI_IF(RGI_IS_FUSED(x), rgi_expr_##name, rg_##name)(RGI_FIT(0, x), (p)))
#define RGI_UNARY_2(name, x, p, q) RGI_AT_ANY(RGI_IF(RGI_IS_FUSED(x), rgi_expr_##name, rg_##name)(RGI_FIT(0, x), (p), (q)))

#define RGI_ANY_FUSED(a, b) (RGI_IS_FUSED(a) || RGI_IS_FUSED(b))
#define RGI_BINARY(name, a, b) RGI_AT_ANY(RGI_IF(RGI_ANY_FUSED(a, b), rgi_expr_##name, \
    RGI_IF(RGI_IS_NUMBER(a), rg_##name##_dv, RGI_IF(RGI_IS_NUMBER(b), rg_##name##_vd, rg_##name))) \
    (RGI_FIT(RGI_ANY_FUSED(a, b), a), RGI_FIT(RGI_ANY_FUSED(a, b), b)))
#define RGI_COMPARE(name, a, b) RGI_AT_ANY(RGI_IF(RGI_ANY_FUSED(a, b), rgi_expr_##name, \
    RGI_IF(RGI_IS_NUMBER(b), rg_##name##_vd, rg_##name)) \
    (RGI_FIT(RGI_ANY_FUSED(a, b), a), RGI_FIT(RGI_ANY_FUSED(a, b), b)))

/* The condition of a fused choice may be a number, as fused comparisons are. */
#define RGI_CHOOSES_FUSED(c, a, b) \
    (RGI_ANY_FUSED(a, b) || RGI_IS_FUSED(c) || RGI_IS_NUMBER(c))
#define RGI_WHERE(name, c, a, b) RGI_AT_ANY(RGI_IF(RGI_CHOOSES_FUSED(c, a, b), rgi_expr_where, \
    RGI_IF(RGI_IS_NUMBER(a), RGI_IF(RGI_IS_NUMBER(b), rg_where_dd, rg_where_dv), \
                             RGI_IF(RGI_IS_NUMBER(b), rg_where_vd, rg_where))) \
    (RGI_FIT(RGI_CHOOSES_FUSED(c, a, b), c), RGI_FIT(RGI_CHOOSES_FUSED(c, a, b), a), \
     RGI_FIT(RGI_CHOOSES_FUSED(c, a, b), b)))

#define RGI_ITEM(name, x) _Generic((x), rg_real: rgi_expr_item, rg_expr: rgi_expr_item, \
    rg_value: rg_item, default: rgi_same_number)(RGI_FIT(0, x))

/* RGI_AT for whatever may come out; only recorded values note their place. */
#if defined(RG_LINES) && defined(__GNUC__)
#define RGI_AT_ANY(value) __extension__({ \
    __auto_type rgi_result = (value); \
    _Generic(rgi_result, rg_value: rgi_located, rg_expr: rgi_located_expr, \
             default: rgi_located_truth)(rgi_result, __FILE__, __LINE__); })
RGI_FUSED rg_expr rgi_located_expr(rg_expr e, const char *file, int line)
{
    (void)file, (void)line;
    return e;
}
RGI_FUSED int rgi_located_truth(int truth, const char *file, int line)
{
    (void)file, (void)line;
    return truth;
}
#else
#define RGI_AT_ANY(value) (value)
#endif

RGI_FUSED rg_value rgi_same_value(rg_value x)
{
    return x;
}
RGI_FUSED double rgi_same_number(double x)
{
    return x;
}

#define rg_add(a, b)             RGI_ONCE_2(RGI_BINARY, add, a, b)
#define rg_sub(a, b)             RGI_ONCE_2(RGI_BINARY, sub, a, b)
#define rg_mul(a, b)             RGI_ONCE_2(RGI_BINARY, mul, a, b)
#define rg_div(a, b)             RGI_ONCE_2(RGI_BINARY, div, a, b)
#define rg_pow(a, b)             RGI_ONCE_2(RGI_BINARY, pow, a, b)
#define rg_max(a, b)             RGI_ONCE_2(RGI_BINARY, max, a, b)
#define rg_min(a, b)             RGI_ONCE_2(RGI_BINARY, min, a, b)
#define rg_atan2(a, b)           RGI_ONCE_2(RGI_BINARY, atan2, a, b)
#define rg_hypot(a, b)           RGI_ONCE_2(RGI_BINARY, hypot, a, b)
#define rg_logaddexp(a, b)       RGI_ONCE_2(RGI_BINARY, logaddexp, a, b)
#define rg_less(a, b)            RGI_ONCE_2(RGI_COMPARE, less, a, b)
#define rg_less_equal(a, b)      RGI_ONCE_2(RGI_COMPARE, less_equal, a, b)
#define rg_greater(a, b)         RGI_ONCE_2(RGI_COMPARE, greater, a, b)
#define rg_greater_equal(a, b)   RGI_ONCE_2(RGI_COMPARE, greater_equal, a, b)
#define rg_equal(a, b)           RGI_ONCE_2(RGI_COMPARE, equal, a, b)
#define rg_not_equal(a, b)       RGI_ONCE_2(RGI_COMPARE, not_equal, a, b)
#define rg_where(c, a, b)        RGI_ONCE_3(RGI_WHERE, , c, a, b)
#define rg_neg(...)              RGI_ONCE_1(RGI_UNARY, neg, (__VA_ARGS__))
#define rg_square(...)           RGI_ONCE_1(RGI_UNARY, square, (__VA_ARGS__))
#define rg_reciprocal(...)       RGI_ONCE_1(RGI_UNARY, reciprocal, (__VA_ARGS__))
#define rg_sqrt(...)             RGI_ONCE_1(RGI_UNARY, sqrt, (__VA_ARGS__))
#define rg_rsqrt(...)            RGI_ONCE_1(RGI_UNARY, rsqrt, (__VA_ARGS__))
#define rg_exp(...)              RGI_ONCE_1(RGI_UNARY, exp, (__VA_ARGS__))
#define rg_expm1(...)            RGI_ONCE_1(RGI_UNARY, expm1, (__VA_ARGS__))
#define rg_log(...)              RGI_ONCE_1(RGI_UNARY, log, (__VA_ARGS__))
#define rg_log2(...)             RGI_ONCE_1(RGI_UNARY, log2, (__VA_ARGS__))
#define rg_log1p(...)            RGI_ONCE_1(RGI_UNARY, log1p, (__VA_ARGS__))
#define rg_sin(...)              RGI_ONCE_1(RGI_UNARY, sin, (__VA_ARGS__))
#define rg_cos(...)              RGI_ONCE_1(RGI_UNARY, cos, (__VA_ARGS__))
#define rg_tan(...)              RGI_ONCE_1(RGI_UNARY, tan, (__VA_ARGS__))
#define rg_asin(...)             RGI_ONCE_1(RGI_UNARY, asin, (__VA_ARGS__))
#define rg_acos(...)             RGI_ONCE_1(RGI_UNARY, acos, (__VA_ARGS__))
#define rg_atan(...)             RGI_ONCE_1(RGI_UNARY, atan, (__VA_ARGS__))
#define rg_sinh(...)             RGI_ONCE_1(RGI_UNARY, sinh, (__VA_ARGS__))
#define rg_cosh(...)             RGI_ONCE_1(RGI_UNARY, cosh, (__VA_ARGS__))
#define rg_tanh(...)             RGI_ONCE_1(RGI_UNARY, tanh, (__VA_ARGS__))
#define rg_asinh(...)            RGI_ONCE_1(RGI_UNARY, asinh, (__VA_ARGS__))
#define rg_acosh(...)            RGI_ONCE_1(RGI_UNARY, acosh, (__VA_ARGS__))
#define rg_atanh(...)            RGI_ONCE_1(RGI_UNARY, atanh, (__VA_ARGS__))
#define rg_erf(...)              RGI_ONCE_1(RGI_UNARY, erf, (__VA_ARGS__))
#define rg_erfc(...)             RGI_ONCE_1(RGI_UNARY, erfc, (__VA_ARGS__))
#define rg_lgamma(...)           RGI_ONCE_1(RGI_UNARY, lgamma, (__VA_ARGS__))
#define rg_digamma(...)          RGI_ONCE_1(RGI_UNARY, digamma, (__VA_ARGS__))
#define rg_sigmoid(...)          RGI_ONCE_1(RGI_UNARY, sigmoid, (__VA_ARGS__))
#define rg_logsigmoid(...)       RGI_ONCE_1(RGI_UNARY, logsigmoid, (__VA_ARGS__))
#define rg_silu(...)             RGI_ONCE_1(RGI_UNARY, silu, (__VA_ARGS__))
#define rg_mish(...)             RGI_ONCE_1(RGI_UNARY, mish, (__VA_ARGS__))
#define rg_gelu(...)             RGI_ONCE_1(RGI_UNARY, gelu, (__VA_ARGS__))
#define rg_gelu_tanh(...)        RGI_ONCE_1(RGI_UNARY, gelu_tanh, (__VA_ARGS__))
#define rg_relu(...)             RGI_ONCE_1(RGI_UNARY, relu, (__VA_ARGS__))
#define rg_abs(...)              RGI_ONCE_1(RGI_UNARY, abs, (__VA_ARGS__))
#define rg_leaky_relu(x, p)      RGI_ONCE_2(RGI_UNARY_1, leaky_relu, x, p)
#define rg_elu(x, p)             RGI_ONCE_2(RGI_UNARY_1, elu, x, p)
#define rg_softplus(x, p)        RGI_ONCE_2(RGI_UNARY_1, softplus, x, p)
#define rg_polygamma(x, p)       RGI_ONCE_2(RGI_UNARY_1, polygamma, x, p)
#define rg_clamp(x, p, q)        RGI_ONCE_3(RGI_UNARY_2, clamp, x, p, q)
#define rg_hardtanh(x, p, q)     RGI_ONCE_3(RGI_UNARY_2, hardtanh, x, p, q)
#define rg_item(...)             RGI_ONCE_1(RGI_ITEM, , (__VA_ARGS__))

/* clang-format on */

#endif

#endif
