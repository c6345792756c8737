/*
 * elementwise_rows.h: the table of element-wise functions, one row each.
 *
 * A row is the only place where its function's formula stands. It is expanded into the tensor
 * kernels of both element types for every instruction set (kernels.c), the recorded scalars
 * (scalar.c), and the operation's record with its texts and samples (elementwise.c).
 *
 * To add a function: add its row here and its prototype to elementwise.h.
 *
 * In the expressions x (unary) or a, b (binary) are the arguments, y the value, p the parameter;
 * K(1.5) is a number of the element type; capitals are functions of math.inc. The derivative is the
 * accurate one: 1 - y y for tanh would be wrong by 4 % at x = 18.
 */
#ifndef RG_OPS_ELEMENTWISE_ROWS_H
#define RG_OPS_ELEMENTWISE_ROWS_H

/* clang-format off */

/* ROW(name, value, derivative, low, high, formula, gradient, kinks)
 * low, high: where tests sample x. */
#define RGI_UNARY_ROWS(ROW) \
    ROW(neg,     -x,          K(-1),            -3,  3,  "-x",            "-g",               0) \
    ROW(square,  x * x,       K(2) * x,         -3,  3,  "x^2",           "2 x g",            0) \
    ROW(sqrt,    SQRT(x),     K(0.5) / y,       0.2, 4,  "sqrt(x)",       "g / (2 y)",        "infinite slope at 0; NaN below") \
    ROW(exp,     EXP(x),      y,                -2,  2,  "e^x",           "g y",              0) \
    ROW(log,     LOG(x),      LOG_SLOPE(x),     0.2, 4,  "ln x",          "g / x",            "infinite at 0; NaN below") \
    ROW(sin,     SIN(x),      COS(x),           -3,  3,  "sin x",         "g cos x",          0) \
    ROW(cos,     COS(x),      -SIN(x),          -3,  3,  "cos x",         "-g sin x",         0) \
    ROW(tan,     TAN(x),      K(1) + y * y,     -1,  1,  "tan x",         "g (1 + y^2)",      0) \
    ROW(tanh,    TANH(x),     SECH2(x),         -3,  3,  "tanh x",        "g / cosh(x)^2",    0) \
    ROW(sigmoid, SIGMOID(x),  SIGMOID_SLOPE(x), -4,  4,  "1 / (1 + e^-x)","g y (1 - y)",      0) \
    ROW(relu,    RELU(x),     STEP(x),          0.3, 3,  "max(x, 0)",     "g if x > 0",       "0 at 0") \
    ROW(abs,     ABS(x),      SIGN(x),          0.3, 3,  "|x|",           "g sign x",         "0 at 0")

/* The same with a parameter. ROW(name, value, derivative, low, high, sample p, ..) */
#define RGI_UNARY_P_ROWS(ROW) \
    ROW(leaky_relu, x > 0 ? x : p * x, LEAKY_STEP(x, p), 0.3, 3, 0.1, "x if x > 0, else p x", "g or p g", "p at 0") \
    ROW(softplus,   SOFTPLUS(p * x) / p, SIGMOID(p * x), -3,  3, 1.5, "ln(1 + e^(p x)) / p", "g sigmoid(p x)", 0)

/* ROW(name, value, derivative to a, derivative to b, low, high, formula, gradient, kinks) */
#define RGI_BINARY_ROWS(ROW) \
    ROW(add, a + b,       K(1),            K(1),            -3,  3,  "a + b",     "g, g",                       0) \
    ROW(sub, a - b,       K(1),            K(-1),           -3,  3,  "a - b",     "g, -g",                      0) \
    ROW(mul, a * b,       b,               a,               -3,  3,  "a b",       "g b, g a",                   0) \
    ROW(div, a / b,       DIV_SLOPE(b, y), -y / b,          0.4, 3,  "a / b",     "g / b, -g y / b",            "infinite or NaN at b = 0, as IEEE division says") \
    ROW(pow, POW(a, b),   POW_SLOPE(a, b), POW_LOG(a, b, y),0.4, 3,  "a^b",       "g b a^(b-1), g y ln a",      "to a: 0 if b = 0; to b: 0 if a = 0 <= b, NaN if a < 0") \
    ROW(max, MAX(a, b),   MAX_SHARE(a, b), MAX_SHARE(b, a), -3,  3,  "max(a, b)", "g to the larger",            "one half each at a tie; a NaN operand takes value and gradient") \
    ROW(min, MIN(a, b),   MIN_SHARE(a, b), MIN_SHARE(b, a), -3,  3,  "min(a, b)", "g to the smaller",           "one half each at a tie; a NaN operand takes value and gradient")

/* Comparisons: 1 where true, 0 where false; no gradient. ROW(name, condition, formula) */
#define RGI_COMPARE_ROWS(ROW) \
    ROW(less,          a < b,  "1 if a < b, else 0") \
    ROW(less_equal,    a <= b, "1 if a <= b, else 0") \
    ROW(greater,       a > b,  "1 if a > b, else 0") \
    ROW(greater_equal, a >= b, "1 if a >= b, else 0") \
    ROW(equal,         a == b, "1 if a = b, else 0") \
    ROW(not_equal,     a != b, "1 if a != b, else 0")

/* clang-format on */

/* The code of each row, for scalar nodes and for the kernel tables. A binary function has three:
 * both operands recorded, the second a number, the first a number. */
enum {
    RGI_UNARY_FIRST = 16,
    RGI_UNARY_BEFORE = RGI_UNARY_FIRST - 1,
#define RGI_ROW_CODE(name, ...) RGI_##name,
    RGI_UNARY_ROWS(RGI_ROW_CODE) /* in order, without gaps */
    RGI_UNARY_P_FIRST,
    RGI_UNARY_P_BEFORE = RGI_UNARY_P_FIRST - 1,
    RGI_UNARY_P_ROWS(RGI_ROW_CODE)
#undef RGI_ROW_CODE
    RGI_BINARY_FIRST,
    RGI_BINARY_BEFORE = RGI_BINARY_FIRST - 1,
#define RGI_ROW_CODE(name, ...) RGI_##name, RGI_##name##_vd, RGI_##name##_dv,
    RGI_BINARY_ROWS(RGI_ROW_CODE)
#undef RGI_ROW_CODE
    RGI_CODE_END,
};

/* Numbers of the comparisons. */
enum {
#define RGI_ROW_CODE(name, ...) RGI_##name,
    RGI_COMPARE_ROWS(RGI_ROW_CODE)
#undef RGI_ROW_CODE
    RGI_COMPARE_COUNT
};

enum {
    RGI_UNARY_COUNT = RGI_BINARY_FIRST - RGI_UNARY_FIRST,
    RGI_BINARY_COUNT = (RGI_CODE_END - RGI_BINARY_FIRST) / 3
};

#endif
