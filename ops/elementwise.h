/*
 * elementwise.h: functions applied to each element, with broadcasting.
 *
 * Binary functions take values and plain numbers in either place: rg_mul(2.0, x), rg_sub(x, 1). The
 * names are macros over _Generic in C and overloads in C++ (names.h), and serve for fused
 * statements too (autograd/real.h).
 *
 * Shapes broadcast by NumPy's rules: dimensions align at the right and a dimension of 1 stretches;
 * the gradient of what was stretched is the sum over its copies. RG_ERROR_SHAPE if shapes do not
 * fit. A plain number takes the type of the value it meets. Values of different types mix as op.h
 * says: a float64 scalar joins any tensor; float32 and float64 tensors do not mix (RG_ERROR_TYPE).
 *
 * Derivatives are exact wherever they exist; at kinks they are what each comment says. A NaN value
 * gives a NaN derivative, except for max and min, where the NaN operand takes it all.
 */
#ifndef RG_OPS_ELEMENTWISE_H
#define RG_OPS_ELEMENTWISE_H

#include "../autograd/debug.h"
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

/* The angle of the point (b, a) in (-pi, pi]. Derivatives b / (a^2 + b^2) and -a / (a^2 + b^2), NaN
 * at (0, 0). */
RG_API rg_value rg_atan2(rg_value a, rg_value b);
RG_API rg_value rg_atan2_vd(rg_value a, double b);
RG_API rg_value rg_atan2_dv(double a, rg_value b);

/* sqrt(a^2 + b^2) without overflow in between; slopes 0 at (0, 0). */
RG_API rg_value rg_hypot(rg_value a, rg_value b);
RG_API rg_value rg_hypot_vd(rg_value a, double b);
RG_API rg_value rg_hypot_dv(double a, rg_value b);

/* ln(e^a + e^b) without overflow. */
RG_API rg_value rg_logaddexp(rg_value a, rg_value b);
RG_API rg_value rg_logaddexp_vd(rg_value a, double b);
RG_API rg_value rg_logaddexp_dv(double a, rg_value b);

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
/* 1 / x; infinite at 0. */
RG_API rg_value rg_reciprocal(rg_value x);
/* The square root; slope infinite at 0; NaN below. And 1 / sqrt(x); infinite at 0; NaN below. */
RG_API rg_value rg_sqrt(rg_value x);
RG_API rg_value rg_rsqrt(rg_value x);
/* e^x, and e^x - 1 with its digits near 0. */
RG_API rg_value rg_exp(rg_value x);
RG_API rg_value rg_expm1(rg_value x);
/* The natural logarithm and that to base 2; -inf with slope inf at 0; NaN, with a NaN slope, below.
 */
RG_API rg_value rg_log(rg_value x);
RG_API rg_value rg_log2(rg_value x);
/* ln(1 + x) with its digits near 0; -inf with slope inf at -1; NaN below. */
RG_API rg_value rg_log1p(rg_value x);
/* Sine, cosine and tangent; x in radians. */
RG_API rg_value rg_sin(rg_value x);
RG_API rg_value rg_cos(rg_value x);
RG_API rg_value rg_tan(rg_value x);
/* Their inverses, in radians. arcsin and arccos: slopes infinite at -1 and 1, NaN outside. */
RG_API rg_value rg_asin(rg_value x);
RG_API rg_value rg_acos(rg_value x);
RG_API rg_value rg_atan(rg_value x);
/* The hyperbolic sine, cosine and tangent; the slope of the last, 1 / cosh(x)^2, keeps its digits
 * in the tails. */
RG_API rg_value rg_sinh(rg_value x);
RG_API rg_value rg_cosh(rg_value x);
RG_API rg_value rg_tanh(rg_value x);
/* Their inverses. arcosh: slope infinite at 1, NaN below; artanh: infinite at -1 and 1, NaN
 * outside. */
RG_API rg_value rg_asinh(rg_value x);
RG_API rg_value rg_acosh(rg_value x);
RG_API rg_value rg_atanh(rg_value x);
/* The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x, and 1 minus it. */
RG_API rg_value rg_erf(rg_value x);
RG_API rg_value rg_erfc(rg_value x);
/* ln |Gamma(x)|: infinite with slope NaN at 0, -1, ..; its derivative digamma, NaN there; and the
 * derivative of order n of that, n = 0, 1, .. (orders above 30 are NaN below -50). (M. Abramowitz
 * and I. Stegun, Handbook of Mathematical Functions, 6.3 and 6.4). */
RG_API rg_value rg_lgamma(rg_value x);
RG_API rg_value rg_digamma(rg_value x);
RG_API rg_value rg_polygamma(rg_value x, double n);
/* 1 / (1 + e^-x), the logistic function, without overflow on either side. */
RG_API rg_value rg_sigmoid(rg_value x);
/* ln sigmoid(x), without overflow. */
RG_API rg_value rg_logsigmoid(rg_value x);
/* x sigmoid(x). */
RG_API rg_value rg_silu(rg_value x);
/* x tanh(ln(1 + e^x)). (D. Misra, "Mish: a self regularized non-monotonic activation function",
 * 2019) */
RG_API rg_value rg_mish(rg_value x);
/* x Phi(x) with the normal distribution Phi, exactly; and its approximation
 * x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). (D. Hendrycks and K. Gimpel, "Gaussian error
 * linear units", 2016) */
RG_API rg_value rg_gelu(rg_value x);
RG_API rg_value rg_gelu_tanh(rg_value x);
/* max(x, 0); slope 0 at 0. */
RG_API rg_value rg_relu(rg_value x);
/* x for x > 0, slope x otherwise; the derivative at 0 is `slope`. */
RG_API rg_value rg_leaky_relu(rg_value x, double slope);
/* x for x > 0, alpha (e^x - 1) otherwise; the derivative at 0 is alpha. */
RG_API rg_value rg_elu(rg_value x, double alpha);
/* x limited to low .. high: the derivative at both ends is 1 for clamp, 0 for hardtanh. */
RG_API rg_value rg_clamp(rg_value x, double low, double high);
RG_API rg_value rg_hardtanh(rg_value x, double low, double high);
/* ln(1 + e^(beta x)) / beta, for every x: no threshold beyond which it would turn into x. */
RG_API rg_value rg_softplus(rg_value x, double beta);
/* |x|; slope 0 at 0. */
RG_API rg_value rg_abs(rg_value x);

RG_END_DECLS

#include "names.h" /* last: it makes macros of the functions */

#endif
