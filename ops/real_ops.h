/*
 * real_ops.h: the element-wise functions on fused statements (autograd/real.h), inline. They stand
 * behind the names of elementwise.h, which take numbers, rg_reals, unfinished expressions and
 * recorded values alike (names.h).
 *
 * Values and derivatives are those of the rows, with the same promises at kinks and poles. The
 * commonest stand here, so that the compiler sees through them; the library computes the others.
 */
#ifndef RG_OPS_REAL_OPS_H
#define RG_OPS_REAL_OPS_H

#include <math.h>

#include "../autograd/real.h"
#include "elementwise_rows.h"

RG_BEGIN_DECLS

/* The value of a row at a point with its derivatives to the first and second argument. */
typedef struct rgi_slopes {
    double value, a, b;
} rgi_slopes;

/* Of the function with a code of the rows; p, q: its parameters. */
RG_API rgi_slopes rgi_unary_slopes(int code, double x, double p, double q);
RG_API rgi_slopes rgi_binary_slopes(int code, double a, double b);

/* e^(-x^2), accurate where x^2 rounds. */
RG_API double rgi_gauss(double x);

/* ---- one operand ---- */

#define RGI_REAL_UNARY(name, value_, slope)      \
    RGI_FUSED rg_expr rgi_expr_##name(rg_expr e) \
    {                                            \
        const double x = e.value, y = value_;    \
        (void)x;                                 \
        return rgi_chain(e, y, slope);           \
    }
RGI_REAL_UNARY(neg, -x, -1.0)
RGI_REAL_UNARY(square, x *x, 2 * x)
RGI_REAL_UNARY(sqrt, sqrt(x), 0.5 / y)
RGI_REAL_UNARY(exp, exp(x), y)
RGI_REAL_UNARY(log, log(x), x < 0 ? NAN : 1 / fabs(x))
RGI_REAL_UNARY(sin, sin(x), cos(x))
RGI_REAL_UNARY(cos, cos(x), -sin(x))
RGI_REAL_UNARY(erf, erf(x), 1.12837916709551257390 * rgi_gauss(x))
RGI_REAL_UNARY(erfc, erfc(x), -1.12837916709551257390 * rgi_gauss(x))
RGI_REAL_UNARY(relu, x > 0 ? x : x <= 0 ? 0 : x, x > 0 ? 1 : x <= 0 ? 0 : x)
RGI_REAL_UNARY(abs, fabs(x), x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x)

#define RGI_REAL_UNARY_CALL(name, parameters, arguments) \
    RGI_FUSED rg_expr rgi_expr_##name parameters         \
    {                                                    \
        const rgi_slopes s = rgi_unary_slopes arguments; \
        return rgi_chain(e, s.value, s.a);               \
    }
#define RGI_REAL_UNARY_0(name) RGI_REAL_UNARY_CALL(name, (rg_expr e), (RGI_##name, e.value, 0, 0))
#define RGI_REAL_UNARY_1(name) \
    RGI_REAL_UNARY_CALL(name, (rg_expr e, double p), (RGI_##name, e.value, p, 0))
#define RGI_REAL_UNARY_2(name) \
    RGI_REAL_UNARY_CALL(name, (rg_expr e, double p, double q), (RGI_##name, e.value, p, q))
RGI_REAL_UNARY_0(rsqrt)
RGI_REAL_UNARY_0(reciprocal)
RGI_REAL_UNARY_0(expm1)
RGI_REAL_UNARY_0(log2)
RGI_REAL_UNARY_0(log1p)
RGI_REAL_UNARY_0(tan)
RGI_REAL_UNARY_0(asin)
RGI_REAL_UNARY_0(acos)
RGI_REAL_UNARY_0(atan)
RGI_REAL_UNARY_0(sinh)
RGI_REAL_UNARY_0(cosh)
RGI_REAL_UNARY_0(tanh)
RGI_REAL_UNARY_0(asinh)
RGI_REAL_UNARY_0(acosh)
RGI_REAL_UNARY_0(atanh)
RGI_REAL_UNARY_0(lgamma)
RGI_REAL_UNARY_0(digamma)
RGI_REAL_UNARY_0(sigmoid)
RGI_REAL_UNARY_0(logsigmoid)
RGI_REAL_UNARY_0(silu)
RGI_REAL_UNARY_0(mish)
RGI_REAL_UNARY_0(gelu)
RGI_REAL_UNARY_0(gelu_tanh)
RGI_REAL_UNARY_1(leaky_relu)
RGI_REAL_UNARY_1(elu)
RGI_REAL_UNARY_1(softplus)
RGI_REAL_UNARY_1(polygamma)
RGI_REAL_UNARY_2(clamp)
RGI_REAL_UNARY_2(hardtanh)

/* ---- two operands ---- */

#define RGI_REAL_BINARY(name, value_, to_a, to_b)                    \
    RGI_FUSED rg_expr rgi_expr_##name(rg_expr first, rg_expr second) \
    {                                                                \
        const double a = first.value, b = second.value, y = value_;  \
        return rgi_chain2(first, second, y, to_a, to_b);             \
    }
RGI_REAL_BINARY(add, a + b, 1, 1)
RGI_REAL_BINARY(sub, a - b, 1, -1)
RGI_REAL_BINARY(mul, a *b, b, a)
RGI_REAL_BINARY(div, a / b, y == y ? 1 / b : y, -y / b)

#define RGI_REAL_BINARY_CALL(name)                                                     \
    RGI_FUSED rg_expr rgi_expr_##name(rg_expr first, rg_expr second)                   \
    {                                                                                  \
        const rgi_slopes s = rgi_binary_slopes(RGI_##name, first.value, second.value); \
        return rgi_chain2(first, second, s.value, s.a, s.b);                           \
    }
RGI_REAL_BINARY_CALL(pow)
RGI_REAL_BINARY_CALL(max)
RGI_REAL_BINARY_CALL(min)
RGI_REAL_BINARY_CALL(atan2)
RGI_REAL_BINARY_CALL(hypot)
RGI_REAL_BINARY_CALL(logaddexp)

/* ---- comparisons and choice: 1 and 0 as in C, and one of two expressions ---- */

#define RGI_REAL_COMPARE(name, symbol)                  \
    RGI_FUSED int rgi_expr_##name(rg_expr a, rg_expr b) \
    {                                                   \
        return a.value symbol b.value;                  \
    }
RGI_REAL_COMPARE(less, <)
RGI_REAL_COMPARE(less_equal, <=)
RGI_REAL_COMPARE(greater, >)
RGI_REAL_COMPARE(greater_equal, >=)
RGI_REAL_COMPARE(equal, ==)
RGI_REAL_COMPARE(not_equal, !=)

RGI_FUSED rg_expr rgi_expr_where(rg_expr c, rg_expr a, rg_expr b)
{
    return c.value != 0 ? a : b;
}

RGI_FUSED double rgi_expr_item(rg_expr e)
{
    return e.value;
}

RG_END_DECLS

#endif
