/*
 * elementwise.h: functions applied to each element, with broadcasting.
 *
 * Binary functions take values and plain numbers in either place: rg_mul(2.0, x), rg_sub(x, 1). The
 * names are macros over _Generic in C (each nesting level doubles the text the compiler sees: beyond
 * some ten levels give intermediate results a name) and overloads in C++.
 *
 * Shapes broadcast by NumPy's rules: dimensions align at the right and a dimension of 1 stretches;
 * the gradient of what was stretched is the sum over its copies. RG_ERROR_SHAPE if shapes do not
 * fit. Element types are those of op.h: a float64 scalar or plain number joins any tensor; float32
 * and float64 tensors do not mix (RG_ERROR_TYPE).
 *
 * Derivatives are exact wherever they exist; at kinks they are what each comment says. A NaN value
 * gives a NaN derivative, except for max and min, where the NaN operand takes it all.
 */
#ifndef RG_OPS_ELEMENTWISE_H
#define RG_OPS_ELEMENTWISE_H

#include "scalar.h"

RG_BEGIN_DECLS

/* ---- two operands; the forms _vd and _dv take a number on the right, on the left ---- */

/* a + b, a - b, a b, a / b. Division by zero follows IEEE 754. */
RG_API RGI_INLINE rg_value rg_add(rg_value a, rg_value b);
RG_API RGI_INLINE rg_value rg_add_vd(rg_value a, double b);
RG_API RGI_INLINE rg_value rg_add_dv(double a, rg_value b);
RG_API RGI_INLINE rg_value rg_sub(rg_value a, rg_value b);
RG_API RGI_INLINE rg_value rg_sub_vd(rg_value a, double b);
RG_API RGI_INLINE rg_value rg_sub_dv(double a, rg_value b);
RG_API RGI_INLINE rg_value rg_mul(rg_value a, rg_value b);
RG_API RGI_INLINE rg_value rg_mul_vd(rg_value a, double b);
RG_API RGI_INLINE rg_value rg_mul_dv(double a, rg_value b);
RG_API RGI_INLINE rg_value rg_div(rg_value a, rg_value b);
RG_API RGI_INLINE rg_value rg_div_vd(rg_value a, double b);
RG_API RGI_INLINE rg_value rg_div_dv(double a, rg_value b);

/* a to the power b. Derivatives: b a^(b-1), which is 0 for b = 0 even at a = 0; and a^b ln a, which
 * is 0 at a = 0 for b >= 0 and NaN for negative a. */
RG_API rg_value rg_pow(rg_value a, rg_value b);
RG_API rg_value rg_pow_vd(rg_value a, double b);
RG_API rg_value rg_pow_dv(double a, rg_value b);

/* The larger, the smaller of a and b. At a tie each gets half of the gradient. NaN if an operand is
 * NaN; that operand then gets the gradient. (The largest element of one tensor: rg_amax.) */
RG_API rg_value rg_max(rg_value a, rg_value b);
RG_API rg_value rg_max_vd(rg_value a, double b);
RG_API rg_value rg_max_dv(double a, rg_value b);
RG_API rg_value rg_min(rg_value a, rg_value b);
RG_API rg_value rg_min_vd(rg_value a, double b);
RG_API rg_value rg_min_dv(double a, rg_value b);

/* Comparisons: 1 where a < b (<=, >, >=, ==, !=), else 0, of the operands' type; constants, without
 * a gradient. Comparisons with NaN are false, except !=. */
RG_API rg_value rg_less(rg_value a, rg_value b);
RG_API rg_value rg_less_equal(rg_value a, rg_value b);
RG_API rg_value rg_greater(rg_value a, rg_value b);
RG_API rg_value rg_greater_equal(rg_value a, rg_value b);
RG_API rg_value rg_equal(rg_value a, rg_value b);
RG_API rg_value rg_not_equal(rg_value a, rg_value b);
RG_API rg_value rg_less_vd(rg_value a, double b);
RG_API rg_value rg_less_equal_vd(rg_value a, double b);
RG_API rg_value rg_greater_vd(rg_value a, double b);
RG_API rg_value rg_greater_equal_vd(rg_value a, double b);
RG_API rg_value rg_equal_vd(rg_value a, double b);
RG_API rg_value rg_not_equal_vd(rg_value a, double b);

/* a where c is not 0, b where it is; all three broadcast. The gradient goes to the operand that was
 * taken, and exactly 0 to the other, whatever it holds: rg_where(rg_greater(x, 0), rg_log(x), 0) is
 * safe at x <= 0. c gets none. */
RG_API rg_value rg_where(rg_value c, rg_value a, rg_value b);
RG_API rg_value rg_where_vd(rg_value c, rg_value a, double b);
RG_API rg_value rg_where_dv(rg_value c, double a, rg_value b);
RG_API rg_value rg_where_dd(rg_value c, double a, double b);

/* ---- one operand ---- */

/* -x */
RG_API RGI_INLINE rg_value rg_neg(rg_value x);
/* x^2 */
RG_API RGI_INLINE rg_value rg_square(rg_value x);
/* The square root; slope infinite at 0; NaN below. */
RG_API rg_value rg_sqrt(rg_value x);
/* e^x */
RG_API rg_value rg_exp(rg_value x);
/* The natural logarithm; -inf with slope inf at 0; NaN, with a NaN slope, below. */
RG_API rg_value rg_log(rg_value x);
/* Sine, cosine and tangent; x in radians. */
RG_API rg_value rg_sin(rg_value x);
RG_API rg_value rg_cos(rg_value x);
RG_API rg_value rg_tan(rg_value x);
/* The hyperbolic tangent; its slope 1 / cosh(x)^2 keeps its digits in the tails. */
RG_API rg_value rg_tanh(rg_value x);
/* 1 / (1 + e^-x), the logistic function, without overflow on either side. */
RG_API rg_value rg_sigmoid(rg_value x);
/* max(x, 0); slope 0 at 0. */
RG_API rg_value rg_relu(rg_value x);
/* x for x > 0, slope x otherwise; the derivative at 0 is `slope`. */
RG_API rg_value rg_leaky_relu(rg_value x, double slope);
/* ln(1 + e^(beta x)) / beta, for every x: no threshold beyond which it would turn into x. */
RG_API rg_value rg_softplus(rg_value x, double beta);
/* |x|; slope 0 at 0. */
RG_API rg_value rg_abs(rg_value x);

RG_END_DECLS

/* ---- numbers in either place ---- */

#ifdef __cplusplus
#define RGI_NUMBERS(name)                                                                          \
    inline rg_value name(rg_value a, double b)                                                     \
    {                                                                                              \
        return name##_vd(a, b);                                                                    \
    }                                                                                              \
    inline rg_value name(double a, rg_value b)                                                     \
    {                                                                                              \
        return name##_dv(a, b);                                                                    \
    }
RGI_NUMBERS(rg_add)
RGI_NUMBERS(rg_sub)
RGI_NUMBERS(rg_mul)
RGI_NUMBERS(rg_div)
RGI_NUMBERS(rg_pow)
RGI_NUMBERS(rg_max)
RGI_NUMBERS(rg_min)
#undef RGI_NUMBERS
inline rg_value rg_less(rg_value a, double b) { return rg_less_vd(a, b); }
inline rg_value rg_less_equal(rg_value a, double b) { return rg_less_equal_vd(a, b); }
inline rg_value rg_greater(rg_value a, double b) { return rg_greater_vd(a, b); }
inline rg_value rg_greater_equal(rg_value a, double b) { return rg_greater_equal_vd(a, b); }
inline rg_value rg_equal(rg_value a, double b) { return rg_equal_vd(a, b); }
inline rg_value rg_not_equal(rg_value a, double b) { return rg_not_equal_vd(a, b); }
inline rg_value rg_where(rg_value c, rg_value a, double b) { return rg_where_vd(c, a, b); }
inline rg_value rg_where(rg_value c, double a, rg_value b) { return rg_where_dv(c, a, b); }
inline rg_value rg_where(rg_value c, double a, double b) { return rg_where_dd(c, a, b); }
#else
#define RGI_GENERIC(name, a, b)                                                                    \
    _Generic((a), rg_value: _Generic((b), rg_value: name, default: name##_vd),                     \
             default: name##_dv)((a), (b))
#define RGI_GENERIC_RIGHT(name, a, b) _Generic((b), rg_value: name, default: name##_vd)((a), (b))
#define rg_add(a, b)           RGI_GENERIC(rg_add, a, b)
#define rg_sub(a, b)           RGI_GENERIC(rg_sub, a, b)
#define rg_mul(a, b)           RGI_GENERIC(rg_mul, a, b)
#define rg_div(a, b)           RGI_GENERIC(rg_div, a, b)
#define rg_pow(a, b)           RGI_GENERIC(rg_pow, a, b)
#define rg_max(a, b)           RGI_GENERIC(rg_max, a, b)
#define rg_min(a, b)           RGI_GENERIC(rg_min, a, b)
#define rg_less(a, b)          RGI_GENERIC_RIGHT(rg_less, a, b)
#define rg_less_equal(a, b)    RGI_GENERIC_RIGHT(rg_less_equal, a, b)
#define rg_greater(a, b)       RGI_GENERIC_RIGHT(rg_greater, a, b)
#define rg_greater_equal(a, b) RGI_GENERIC_RIGHT(rg_greater_equal, a, b)
#define rg_equal(a, b)         RGI_GENERIC_RIGHT(rg_equal, a, b)
#define rg_not_equal(a, b)     RGI_GENERIC_RIGHT(rg_not_equal, a, b)
#define rg_where(c, a, b)                                                                          \
    _Generic((a), rg_value: _Generic((b), rg_value: rg_where, default: rg_where_vd),               \
             default: _Generic((b), rg_value: rg_where_dv, default: rg_where_dd))((c), (a), (b))
#endif

#endif
