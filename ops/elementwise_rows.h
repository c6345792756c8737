/*
 * elementwise_rows.h: the table of element-wise functions, one row each.
 *
 * A row is the only place where its function's formula stands. It is expanded into the tensor
 * kernels of both element types for every instruction set (kernels.c), the recorded scalars
 * (scalar.c), and the operation's record with its texts, samples and recorded rule (elementwise.c).
 *
 * To add a function: add its row here and its prototype to elementwise.h.
 *
 * In value and derivative x (unary) or a, b (binary) are the arguments, y the value, p and q the
 * parameters, all of the element type; K(1.5) is a number of that type; capitals are functions of
 * math.inc. The derivative is the accurate one: 1 - y y for tanh would be wrong by 4 % at x = 18.
 *
 * The rule is the same derivative as recorded operations, so that it can be differentiated again:
 * in it x, a, b, y and the upstream gradient g are values, and times(g, d) is the guarded product,
 * 0 for g = 0 whatever d is. Where the natural expression would lose digits in the next derivative,
 * the slope is a row of its own.
 */
#ifndef RG_OPS_ELEMENTWISE_ROWS_H
#define RG_OPS_ELEMENTWISE_ROWS_H

#include "../autograd/cursor.h"

/* clang-format off */

/* One argument: ROW(name, parameters, value, derivative, rule, low, high, p, q, formula, gradient, kinks).
 * parameters: 0 to 2; low, high: where tests sample x; p, q: the parameters they use.
 *
 * These are recorded inline (scalar.h): the two places must agree, which a test checks. */
#define RGI_UNARY_INLINE_ROWS(ROW) \
    ROW(neg, 0, -x, K(-1), rg_neg(g), -3, 3, 0, 0, "-x", "-g", 0) \
    ROW(square, 0, x * x, K(2) * x, times(g, rg_mul(2, x)), -3, 3, 0, 0, "x^2", "2 x g", 0)

/* The others of the public functions. */
#define RGI_UNARY_ROWS(ROW) \
    ROW(sqrt, 0, SQRT(x), K(0.5) / y, times(g, rg_div(0.5, y)), 0.2, 4, 0, 0, "sqrt(x)", "g / (2 y)", "infinite slope at 0; NaN below") \
    ROW(rsqrt, 0, K(1) / SQRT(x), K(-0.5) * y / x, times(g, rg_div(rg_mul(-0.5, y), x)), 0.2, 4, 0, 0, "1 / sqrt(x)", "-g y / (2 x)", "infinite at 0; NaN below") \
    ROW(reciprocal, 0, K(1) / x, -(y * y), rg_neg(times(g, rg_square(y))), 0.3, 3, 0, 0, "1 / x", "-g y^2", "infinite at 0") \
    ROW(exp, 0, EXP(x), y, times(g, y), -2, 2, 0, 0, "e^x", "g y", 0) \
    ROW(expm1, 0, EXPM1(x), EXP(x), times(g, rg_exp(x)), -2, 2, 0, 0, "e^x - 1", "g e^x", 0) \
    ROW(log, 0, LOG(x), LOG_SLOPE(x), times(g, log_slope(x)), 0.2, 4, 0, 0, "ln x", "g / x", "infinite at 0; NaN below") \
    ROW(log2, 0, LOG2(x), K(1.44269504088896340736) * LOG_SLOPE(x), times(g, rg_mul(1.44269504088896340736, log_slope(x))), 0.2, 4, 0, 0, "ln x / ln 2", "g / (x ln 2)", "infinite at 0; NaN below") \
    ROW(log1p, 0, LOG1P(x), LOG_SLOPE(K(1) + x), times(g, log_slope(rg_add(1, x))), -0.7, 3, 0, 0, "ln(1 + x)", "g / (1 + x)", "infinite at -1; NaN below") \
    ROW(sin, 0, SIN(x), COS(x), times(g, rg_cos(x)), -3, 3, 0, 0, "sin x", "g cos x", 0) \
    ROW(cos, 0, COS(x), -SIN(x), rg_neg(times(g, rg_sin(x))), -3, 3, 0, 0, "cos x", "-g sin x", 0) \
    ROW(tan, 0, TAN(x), K(1) + y * y, times(g, rg_add(1, rg_square(y))), -1, 1, 0, 0, "tan x", "g (1 + y^2)", 0) \
    ROW(asin, 0, ASIN(x), ASIN_SLOPE(x), times(g, asin_slope(x)), -0.9, 0.9, 0, 0, "arcsin x", "g / sqrt(1 - x^2)", "infinite slope at -1 and 1; NaN outside") \
    ROW(acos, 0, ACOS(x), -ASIN_SLOPE(x), rg_neg(times(g, asin_slope(x))), -0.9, 0.9, 0, 0, "arccos x", "-g / sqrt(1 - x^2)", "infinite slope at -1 and 1; NaN outside") \
    ROW(atan, 0, ATAN(x), ATAN_SLOPE(x), times(g, atan_slope(x)), -3, 3, 0, 0, "arctan x", "g / (1 + x^2)", 0) \
    ROW(sinh, 0, SINH(x), COSH(x), times(g, rg_cosh(x)), -2, 2, 0, 0, "sinh x", "g cosh x", 0) \
    ROW(cosh, 0, COSH(x), SINH(x), times(g, rg_sinh(x)), -2, 2, 0, 0, "cosh x", "g sinh x", 0) \
    ROW(tanh, 0, TANH(x), SECH2(x), times(g, tanh_slope(x)), -3, 3, 0, 0, "tanh x", "g / cosh(x)^2", 0) \
    ROW(asinh, 0, ASINH(x), ASINH_SLOPE(x), times(g, asinh_slope(x)), -3, 3, 0, 0, "arsinh x", "g / sqrt(x^2 + 1)", 0) \
    ROW(acosh, 0, ACOSH(x), ACOSH_SLOPE(x), times(g, acosh_slope(x)), 1.2, 4, 0, 0, "arcosh x", "g / sqrt(x^2 - 1)", "infinite slope at 1; NaN below") \
    ROW(atanh, 0, ATANH(x), ATANH_SLOPE(x), times(g, atanh_slope(x)), -0.8, 0.8, 0, 0, "artanh x", "g / (1 - x^2)", "infinite at -1 and 1; NaN outside") \
    ROW(erf, 0, ERF(x), K(1.12837916709551257390) * GAUSS(x), times(g, rg_mul(1.12837916709551257390, gauss(x))), -2, 2, 0, 0, "erf x", "2 g e^(-x^2) / sqrt(pi)", 0) \
    ROW(erfc, 0, ERFC(x), K(-1.12837916709551257390) * GAUSS(x), times(g, rg_mul(-1.12837916709551257390, gauss(x))), -2, 2, 0, 0, "1 - erf x", "-2 g e^(-x^2) / sqrt(pi)", 0) \
    ROW(lgamma, 0, LGAMMA(x), POLYGAMMA(K(0), x), times(g, rg_digamma(x)), 0.3, 4, 0, 0, "ln |Gamma(x)|", "g digamma(x)", "infinite with slope NaN at 0, -1, ..") \
    ROW(digamma, 0, POLYGAMMA(K(0), x), POLYGAMMA(K(1), x), times(g, rg_polygamma(x, 1)), 0.3, 4, 0, 0, "d/dx ln Gamma(x)", "g polygamma(x, 1)", "NaN at 0, -1, ..") \
    ROW(sigmoid, 0, SIGMOID(x), SIGMOID_SLOPE(x), times(g, sigmoid_slope(x)), -4, 4, 0, 0, "1 / (1 + e^-x)", "g y (1 - y)", 0) \
    ROW(logsigmoid, 0, -SOFTPLUS(-x), SIGMOID(-x), times(g, rg_sigmoid(rg_neg(x))), -4, 4, 0, 0, "-ln(1 + e^-x)", "g sigmoid(-x)", 0) \
    ROW(silu, 0, SILU(x), SILU_SLOPE(x), times(g, silu_slope(x)), -4, 4, 0, 0, "x sigmoid(x)", "g sigmoid(x) (1 + x sigmoid(-x))", 0) \
    ROW(mish, 0, MISH(x), MISH_SLOPE(x), times(g, mish_slope(x)), -4, 4, 0, 0, "x tanh(ln(1 + e^x))", "g times its derivative", 0) \
    ROW(gelu, 0, GELU(x), GELU_SLOPE(x), times(g, gelu_slope(x)), -3, 3, 0, 0, "x Phi(x), Phi the normal distribution", "g (Phi(x) + x phi(x))", 0) \
    ROW(gelu_tanh, 0, GELU_TANH(x), GELU_TANH_SLOPE(x), times(g, gelu_tanh_slope(x)), -3, 3, 0, 0, "x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))", "g times its derivative", 0) \
    ROW(relu, 0, RELU(x), STEP(x), times(g, step(x)), 0.3, 3, 0, 0, "max(x, 0)", "g if x > 0", "0 at 0") \
    ROW(abs, 0, ABS(x), SIGN(x), times(g, sign(x)), 0.3, 3, 0, 0, "|x|", "g sign x", "0 at 0") \
    ROW(leaky_relu, 1, x > 0 ? x : p * x, LEAKY_STEP(x, p), times(g, leaky_step(x, p)), 0.3, 3, 0.1, 0, "x if x > 0, else p x", "g or p g", "p at 0") \
    ROW(elu, 1, x > 0 ? x : p * EXPM1(x), x > 0 ? K(1) : p * EXP(x), times(g, elu_slope(x, p)), 0.3, 3, 0.7, 0, "x if x > 0, else p (e^x - 1)", "g or p g e^x", "p at 0") \
    ROW(softplus, 1, SOFTPLUS(p * x) / p, SIGMOID(p * x), times(g, rg_sigmoid(rg_mul(p, x))), -3, 3, 1.5, 0, "ln(1 + e^(p x)) / p", "g sigmoid(p x)", 0) \
    ROW(polygamma, 1, POLYGAMMA(p, x), POLYGAMMA(p + K(1), x), times(g, rg_polygamma(x, p + 1)), 0.3, 4, 1, 0, "derivative of order p of digamma", "g polygamma(x, p + 1)", "NaN at 0, -1, ..") \
    ROW(clamp, 2, CLAMP(x, p, q), CLAMP_STEP(x, p, q), times(g, clamp_step(x, p, q)), 0.6, 1.9, 0.5, 2, "x, at least p and at most q", "g if p <= x <= q", "1 at both ends") \
    ROW(hardtanh, 2, CLAMP(x, p, q), HARD_STEP(x, p, q), times(g, hard_step(x, p, q)), 0.6, 1.9, 0.5, 2, "x, at least p and at most q", "g if p < x < q", "0 at both ends")

/* Derivatives of the above, for rules. */
#define RGI_SLOPE_ROWS(ROW) \
    ROW(log_slope, 0, LOG_SLOPE(x), -(y * y), rg_neg(times(g, rg_square(y))), 0.3, 3, 0, 0, "1 / x", "-g y^2", "NaN below 0, as the logarithm") \
    ROW(asin_slope, 0, ASIN_SLOPE(x), x * y * y * y, times(g, rg_mul(rg_mul(rg_mul(x, y), y), y)), -0.9, 0.9, 0, 0, "1 / sqrt(1 - x^2)", "g x y^3", 0) \
    ROW(atan_slope, 0, ATAN_SLOPE(x), K(-2) * x * y * y, times(g, rg_mul(rg_mul(rg_mul(-2, x), y), y)), -3, 3, 0, 0, "1 / (1 + x^2)", "-2 g x y^2", 0) \
    ROW(tanh_slope, 0, SECH2(x), K(-2) * TANH(x) * y, times(g, rg_mul(rg_mul(-2, rg_tanh(x)), y)), -3, 3, 0, 0, "1 / cosh(x)^2", "-2 g y tanh x", 0) \
    ROW(asinh_slope, 0, ASINH_SLOPE(x), -x * y * y * y, rg_neg(times(g, rg_mul(rg_mul(rg_mul(x, y), y), y))), -3, 3, 0, 0, "1 / sqrt(x^2 + 1)", "-g x y^3", 0) \
    ROW(acosh_slope, 0, ACOSH_SLOPE(x), -x * y * y * y, rg_neg(times(g, rg_mul(rg_mul(rg_mul(x, y), y), y))), 1.2, 4, 0, 0, "1 / sqrt(x^2 - 1)", "-g x y^3", 0) \
    ROW(atanh_slope, 0, ATANH_SLOPE(x), K(2) * x * y * y, times(g, rg_mul(rg_mul(rg_mul(2, x), y), y)), -0.8, 0.8, 0, 0, "1 / (1 - x^2)", "2 g x y^2", 0) \
    ROW(gauss, 0, GAUSS(x), K(-2) * x * y, times(g, rg_mul(rg_mul(-2, x), y)), -2, 2, 0, 0, "e^(-x^2)", "-2 g x y", 0) \
    ROW(normal_density, 0, NORMAL_DENSITY(x), -x * y, rg_neg(times(g, rg_mul(x, y))), -2, 2, 0, 0, "e^(-x^2 / 2) / sqrt(2 pi)", "-g x y", 0) \
    ROW(sigmoid_slope, 0, SIGMOID_SLOPE(x), -y * TANH(K(0.5) * x), rg_neg(times(g, rg_mul(y, rg_tanh(rg_mul(0.5, x))))), -4, 4, 0, 0, "s (1 - s), s = sigmoid(x)", "-g y tanh(x / 2)", 0) \
    ROW(silu_slope, 0, SILU_SLOPE(x), SIGMOID_SLOPE(x) * (K(2) - x * TANH(K(0.5) * x)), times(g, rg_mul(sigmoid_slope(x), rg_sub(2, rg_mul(x, rg_tanh(rg_mul(0.5, x)))))), -4, 4, 0, 0, "derivative of silu", "g times its second derivative", 0) \
    ROW(gelu_slope, 0, GELU_SLOPE(x), NORMAL_DENSITY(x) * (K(2) - x * x), times(g, rg_mul(normal_density(x), rg_sub(2, rg_square(x)))), -3, 3, 0, 0, "derivative of gelu", "g phi(x) (2 - x^2)", 0) \
    ROW(mish_slope, 0, MISH_SLOPE(x), MISH_BEND(x), times(g, mish_bend(x)), -4, 4, 0, 0, "derivative of mish", "g times its second derivative", 0) \
    ROW(gelu_tanh_slope, 0, GELU_TANH_SLOPE(x), GELU_TANH_BEND(x), times(g, gelu_tanh_bend(x)), -3, 3, 0, 0, "derivative of gelu_tanh", "g times its second derivative", 0) \
    ROW(gelu_tanh_bend, 0, GELU_TANH_BEND(x), GELU_TANH_THIRD(x), times(g, gelu_tanh_third(x)), -3, 3, 0, 0, "second derivative of gelu_tanh", "g times its third derivative", 0) \
    ROW(elu_slope, 1, x > 0 ? K(1) : p * EXP(x), x > 0 ? K(0) : p * EXP(x), rg_where(rg_greater(x, 0), 0, times(g, y)), 0.3, 3, 0.7, 0, "derivative of elu", "0 or p g e^x", "p at 0")

/* Values without a derivative, for rules: ROW(name, parameters, value, formula). */
#define RGI_STEP_ROWS(ROW) \
    ROW(step, 0, STEP(x), "1 if x > 0, else 0") \
    ROW(sign, 0, SIGN(x), "-1, 0 or 1") \
    ROW(leaky_step, 1, LEAKY_STEP(x, p), "1 if x > 0, else p") \
    ROW(clamp_step, 2, CLAMP_STEP(x, p, q), "1 if p <= x <= q, else 0") \
    ROW(hard_step, 2, HARD_STEP(x, p, q), "1 if p < x < q, else 0")

/* Two arguments: ROW(name, value, derivative to a, to b, rule to a, to b, low, high, formula, gradient, kinks).
 * Recorded inline, as above. */
#define RGI_BINARY_INLINE_ROWS(ROW) \
    ROW(add, a + b, K(1), K(1), g, g, -3, 3, "a + b", "g, g", 0) \
    ROW(sub, a - b, K(1), K(-1), g, rg_neg(g), -3, 3, "a - b", "g, -g", 0) \
    ROW(mul, a * b, b, a, times(g, b), times(g, a), -3, 3, "a b", "g b, g a", 0) \
    ROW(div, a / b, DIV_SLOPE(b, y), -y / b, times(g, div_slope(b, y)), rg_neg(times(g, rg_div(y, b))), 0.4, 3, "a / b", "g / b, -g y / b", "infinite or NaN at b = 0, as IEEE division says")

/* The others of the public functions. */
#define RGI_BINARY_ROWS(ROW) \
    ROW(pow, POW(a, b), POW_SLOPE(a, b), POW_LOG(a, b, y), times(g, pow_slope(a, b)), times(g, pow_log(a, b)), 0.4, 3, "a^b", "g b a^(b-1), g y ln a", "to a: 0 if b = 0; to b: 0 if a = 0 <= b, NaN if a < 0") \
    ROW(max, MAX(a, b), MAX_SHARE(a, b), MAX_SHARE(b, a), times(g, max_share(a, b)), times(g, max_share(b, a)), -3, 3, "max(a, b)", "g to the larger", "one half each at a tie; a NaN operand takes value and gradient") \
    ROW(min, MIN(a, b), MIN_SHARE(a, b), MIN_SHARE(b, a), times(g, min_share(a, b)), times(g, min_share(b, a)), -3, 3, "min(a, b)", "g to the smaller", "one half each at a tie; a NaN operand takes value and gradient") \
    ROW(atan2, ATAN2(a, b), ATAN2_SLOPE(a, b), -ATAN2_SLOPE(b, a), times(g, atan2_slope(a, b)), rg_neg(times(g, atan2_slope(b, a))), 0.4, 3, "angle of (b, a)", "g b / (a^2 + b^2), -g a / (a^2 + b^2)", "NaN slopes at (0, 0)") \
    ROW(hypot, HYPOT(a, b), HYPOT_SLOPE(a, b), HYPOT_SLOPE(b, a), times(g, hypot_slope(a, b)), times(g, hypot_slope(b, a)), 0.4, 3, "sqrt(a^2 + b^2)", "g a / y, g b / y", "0 at (0, 0)") \
    ROW(logaddexp, LOGADDEXP(a, b), SIGMOID_DIFFERENCE(a, b), SIGMOID_DIFFERENCE(b, a), times(g, sigmoid_difference(a, b)), times(g, sigmoid_difference(b, a)), -3, 3, "ln(e^a + e^b)", "g sigmoid(a - b), g sigmoid(b - a)", 0)

/* Derivatives of the above and the guarded product, for rules. */
#define RGI_BINARY_SLOPE_ROWS(ROW) \
    ROW(div_slope, DIV_SLOPE(a, b), -(y * y), b * K(0), rg_neg(times(g, rg_square(y))), rg_mul(g, 0), 0.4, 3, "1 / a, NaN if b is", "-g y^2, 0", 0) \
    ROW(times, GUARD(a, b), b, a, times(g, b), times(g, a), 0.4, 3, "a b, 0 if a is", "g b, g a", "0 times infinity is 0") \
    ROW(pow_slope, POW_SLOPE(a, b), b * POW_SLOPE(a, b - K(1)), POW(a, b - K(1)) + b * POW_LOG(a, b - K(1), POW(a, b - K(1))), times(g, rg_mul(b, pow_slope(a, rg_sub(b, 1)))), times(g, pow_bend(a, b)), 0.4, 3, "b a^(b-1)", "g b (b-1) a^(b-2), g a^(b-1) (1 + b ln a)", "0 if b = 0") \
    ROW(pow_log, POW_LOG(a, b, POW(a, b)), POW(a, b - K(1)) + b * POW_LOG(a, b - K(1), POW(a, b - K(1))), y * LOG(a), times(g, pow_bend(a, b)), times(g, rg_mul(y, rg_log(a))), 0.4, 3, "a^b ln a", "g a^(b-1) (1 + b ln a), g y ln a", "0 if a = 0 <= b") \
    ROW(atan2_slope, ATAN2_SLOPE(a, b), K(-2) * y * ATAN2_SLOPE(b, a), ATAN2_BEND(a, b), times(g, rg_mul(rg_mul(-2, y), atan2_slope(b, a))), times(g, atan2_bend(a, b)), 0.4, 3, "b / (a^2 + b^2)", "-2 g a b / r^4, g (a^2 - b^2) / r^4", 0) \
    ROW(hypot_slope, HYPOT_SLOPE(a, b), HYPOT_SLOPE(b, a) * HYPOT_SLOPE(b, a) / HYPOT(a, b), -(y * HYPOT_SLOPE(b, a)) / HYPOT(a, b), times(g, rg_div(rg_square(hypot_slope(b, a)), rg_hypot(a, b))), rg_neg(times(g, rg_div(rg_mul(y, hypot_slope(b, a)), rg_hypot(a, b)))), 0.4, 3, "a / hypot(a, b)", "g b^2 / r^3, -g a b / r^3", 0) \
    ROW(sigmoid_difference, SIGMOID_DIFFERENCE(a, b), SIGMOID_DIFFERENCE_SLOPE(a, b), -SIGMOID_DIFFERENCE_SLOPE(a, b), times(g, sigmoid_difference_slope(a, b)), rg_neg(times(g, sigmoid_difference_slope(a, b))), -3, 3, "sigmoid(a - b)", "g y (1 - y), -g y (1 - y)", 0) \
    ROW(sigmoid_difference_slope, SIGMOID_DIFFERENCE_SLOPE(a, b), -y * TANH(K(0.5) * (a - b)), y * TANH(K(0.5) * (a - b)), rg_neg(times(g, rg_mul(y, rg_tanh(rg_mul(0.5, rg_sub(a, b)))))), times(g, rg_mul(y, rg_tanh(rg_mul(0.5, rg_sub(a, b))))), -3, 3, "derivative of sigmoid(a - b) to a", "-g y tanh((a - b) / 2), and its negative", 0)

/* Values of two arguments without a derivative, for rules: ROW(name, value, formula). */
#define RGI_SHARE_ROWS(ROW) \
    ROW(max_share, MAX_SHARE(a, b), "the share of max(a, b) that is a") \
    ROW(min_share, MIN_SHARE(a, b), "the share of min(a, b) that is a")

/* Comparisons: 1 where true, 0 where false; no gradient. ROW(name, value, formula) */
#define RGI_COMPARE_ROWS(ROW) \
    ROW(less, a < b, "1 if a < b, else 0") \
    ROW(less_equal, a <= b, "1 if a <= b, else 0") \
    ROW(greater, a > b, "1 if a > b, else 0") \
    ROW(greater_equal, a >= b, "1 if a >= b, else 0") \
    ROW(equal, a == b, "1 if a = b, else 0") \
    ROW(not_equal, a != b, "1 if a != b, else 0")

/* clang-format on */

#define RGI_ALL_UNARY_ROWS(ROW) RGI_UNARY_INLINE_ROWS(ROW) RGI_UNARY_ROWS(ROW) RGI_SLOPE_ROWS(ROW)
#define RGI_ALL_BINARY_ROWS(ROW) \
    RGI_BINARY_INLINE_ROWS(ROW) RGI_BINARY_ROWS(ROW) RGI_BINARY_SLOPE_ROWS(ROW)
#define RGI_ALL_COMPARE_ROWS(ROW) RGI_COMPARE_ROWS(ROW) RGI_SHARE_ROWS(ROW)

/* The code of each row, for scalar nodes and for the kernel tables. A binary function has three:
 * both operands recorded, the second a number, the first a number. */
enum {
    RGI_UNARY_FIRST = 48, /* RGI_CODE_FIRST of cursor.h */
    RGI_UNARY_BEFORE = RGI_UNARY_FIRST - 1,
#define RGI_ROW_CODE(name, ...) RGI_##name,
    RGI_ALL_UNARY_ROWS(RGI_ROW_CODE)
#undef RGI_ROW_CODE
        RGI_BINARY_FIRST,
    RGI_BINARY_BEFORE = RGI_BINARY_FIRST - 1,
#define RGI_ROW_CODE(name, ...) RGI_##name, RGI_##name##_vd, RGI_##name##_dv,
    RGI_ALL_BINARY_ROWS(RGI_ROW_CODE)
#undef RGI_ROW_CODE
        RGI_CODE_END,
    RGI_UNARY_COUNT = RGI_BINARY_FIRST - RGI_UNARY_FIRST,
    RGI_BINARY_COUNT = (RGI_CODE_END - RGI_BINARY_FIRST) / 3
};

/* The numbers of the rows without derivatives. */
enum {
#define RGI_ROW_CODE(name, ...) RGI_##name,
    RGI_STEP_ROWS(RGI_ROW_CODE) RGI_STEP_COUNT
};
enum {
    RGI_ALL_COMPARE_ROWS(RGI_ROW_CODE) RGI_COMPARE_COUNT
#undef RGI_ROW_CODE
};

/* The codes of their scalar nodes: their number after these. */
enum {
    RGI_STEP_FIRST = RGI_CODE_INACTIVE,
    RGI_COMPARE_FIRST = RGI_STEP_FIRST + RGI_STEP_COUNT,
    RGI_COMPARE_END = RGI_COMPARE_FIRST + RGI_COMPARE_COUNT,
    RGI_WHERE = RGI_COMPARE_END /* no scalar node has it */
};

#endif
