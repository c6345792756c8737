/* special.c: see special.h. Where an argument's rounding error would be multiplied, it is kept as a
 * second number (T. Dekker, "A floating-point technique for extending the available precision",
 * Numer. Math. 18, 1971) and corrected for to first order.
 *
 * This file, math.inc and normal.inc are also the text of the emitted C (c_text.py), which takes
 * from them the functions that a program needs: each declaration names one thing. Functions that
 * only declare numbers and return are translated for vectors. */
#define _GNU_SOURCE /* lgamma_r */
#include "special.h"

#include <math.h>

#define T          double
#define TYPE       f64
#define LIBM(name) name
#include "math.inc"
#include "normal.inc"

static const double pi = 3.14159265358979323846;

/* A sum of two numbers, the second far smaller. */
typedef struct pair {
    double high, low;
} pair;

static pair product(double a, double b)
{
    double high = a * b;
    return (pair){high, fma(a, b, -high)};
}

static pair sum(double a, double b)
{
    double high = a + b, part = high - a;
    return (pair){high, (a - (high - part)) + (b - part)};
}

/* ---- the normal distribution ---- */

double rgi_gauss(double x)
{
    return gauss(x);
}

double rgi_normal_density(double x)
{
    return normal_density(x);
}

double rgi_normal_cdf(double x)
{
    return normal_cdf(x);
}

/* ---- gamma functions ---- */

double rgi_lgamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

static int is_pole(double x)
{
    return x <= 0 && x == floor(x);
}

/* sin(pi x) and cos(pi x), exact in the reduction. */
static double sin_pi(double x)
{
    double r = x - 2 * round(0.5 * x);
    return r > 0.5 ? sin(pi * (1 - r)) : r < -0.5 ? -sin(pi * (1 + r)) : sin(pi * r);
}

static double cos_pi(double x)
{
    double r = fabs(x - 2 * round(0.5 * x));
    return r > 0.25 ? sin(pi * (0.5 - r)) : cos(pi * r);
}

/* Below FAR_BELOW polygamma reflects its argument instead of summing up to it .. */
enum { FAR_BELOW = -50 };

/* .. for orders up to MOST_ORDER. */
enum { MOST_ORDER = 30 };

/* Bernoulli numbers B2, B4, .. */
static const double bernoulli[] = {
    1.0 / 6,       -1.0 / 30, 1.0 / 42,      -1.0 / 30,     5.0 / 66,
    -691.0 / 2730, 7.0 / 6,   -3617.0 / 510, 43867.0 / 798, -174611.0 / 330,
};
enum { TERMS = sizeof bernoulli / sizeof *bernoulli };

/* Asymptotic series (M. Abramowitz and I. Stegun, 6.3.18), from x = 10 on. */
static double digamma_series(double x)
{
    double square = 1 / (x * x), power = square, tail = 0;
    for (int k = 0; k < TERMS; k++) {
        tail += bernoulli[k] / (2 * (k + 1)) * power;
        power *= square;
    }
    return log(x) - (0.5 / x + tail);
}

static double digamma(double x)
{
    enum { START = 10 };
    const double root = 1.4616321449683622, root_low = 9.549995429965697e-17;
    if (x < 0.5)
        return digamma(1 - x) - pi * cos_pi(x) / sin_pi(x);
    /* Around the positive zero the sum below cancels: psi(x) = sum of (x - r) / ((r + k)(x + k)).
     */
    if (x > 1 && x < 2) {
        double shift = 0, distance = (x - root) - root_low;
        for (int k = 0; k < START; k++)
            shift += distance / ((root + k) * (x + k));
        /* The rest is digamma(x + n) - digamma(r + n), again without cancellation. */
        double a = root + START, b = x + START;
        double rest = log1p(distance / a) + 0.5 * distance / (a * b), pa = 1, pb = 1;
        for (int k = 0; k < TERMS; k++) {
            pa /= a * a;
            pb /= b * b;
            rest -= bernoulli[k] / (2 * (k + 1)) * (pb - pa);
        }
        return shift + rest;
    }
    double shift = 0;
    for (; x < START; x++)
        shift += 1 / x;
    return digamma_series(x) - shift;
}

/* Asymptotic series of (-1)^(n+1) psi^(n) (6.4.11), n >= 1, from x = n + 10 on. */
static double polygamma_series(int n, double x)
{
    double lower = 1; /* (n - 1)! / x^n */
    for (int k = 1; k < n; k++)
        lower *= k / x;
    lower /= x;
    double result = lower * (1 + 0.5 * n / x);
    double factor = lower * n * (n + 1) / (2 * x * x); /* (n + 2 k - 1)! / ((2 k)! x^(n + 2 k)) */
    for (int k = 0; k < TERMS; k++) {
        result += bernoulli[k] * factor;
        int m = 2 * (k + 1);
        factor *= (double)(n + m) * (n + m + 1) / ((double)(m + 1) * (m + 2) * x * x);
    }
    return result;
}

/* sum of n! / (x + k)^(n + 1), k = 0, 1, ..: shifts x up to where the series holds. */
static double polygamma_sum(int n, double x)
{
    double factorial = 1, shift = 0;
    for (int k = 2; k <= n; k++)
        factorial *= k;
    for (; x < n + 10; x++) {
        double power = 1 / x;
        for (int k = 0; k < n; k++)
            power /= x;
        shift += factorial * power;
    }
    return shift + polygamma_series(n, x);
}

/* The derivative of order n of pi cot(pi x): a polynomial of degree n + 1 in the cotangent, from
 * cot' = -(1 + cot^2). */
static double cotangent_derivative(int n, double x)
{
    double c = cos_pi(x) / sin_pi(x), scale = pi, power = 1, value = 0;
    double coefficient[MOST_ORDER + 2] = {0, 1}, next[MOST_ORDER + 2];
    for (int order = 0; order < n; order++) {
        for (int k = 0; k <= n + 1; k++)
            next[k] = 0;
        for (int k = 1; k <= order + 1; k++) {
            next[k - 1] -= k * coefficient[k];
            next[k + 1] -= k * coefficient[k];
        }
        for (int k = 0; k <= n + 1; k++)
            coefficient[k] = next[k];
        scale *= pi;
    }
    for (int k = 0; k <= n + 1; k++, power *= c)
        value += coefficient[k] * power;
    return scale * value;
}

double rgi_polygamma(double n, double x)
{
    int order = (int)n;
    if (is_pole(x) || x != x || x == -INFINITY)
        return NAN;
    if (order == 0)
        return digamma(x);
    if (x == INFINITY)
        return 0;
    if (order == 1 && x < 0) {
        double s = sin_pi(x);
        return pi * pi / (s * s) - polygamma_sum(1, 1 - x);
    }
    if (x < FAR_BELOW) {
        if (order > MOST_ORDER)
            return NAN;
        return -polygamma_sum(order, 1 - x) - cotangent_derivative(order, x);
    }
    double result = polygamma_sum(order, x);
    return order % 2 ? result : -result;
}

/* ---- mish ---- */

/* With w = e^x, or v = e^-x for x > 0, everything is rational and nothing cancels; d is the
 * denominator of tanh(softplus(x)) = w (w + 2) / d, scaled by v^2 for x > 0. */
double rgi_mish(double x)
{
    if (x > 0) {
        double v = exp(-x);
        return x < INFINITY ? x * (1 + 2 * v) / (1 + 2 * v + 2 * v * v) : x;
    }
    double w = exp(x), n = w * (w + 2);
    return w == 0 ? -0.0 : x * n / (n + 2);
}

double rgi_mish_slope(double x)
{
    if (x > 0) {
        double v = exp(-x), d = 1 + 2 * v + 2 * v * v;
        return v == 0 ? 1 : (1 + 2 * v) / d + 4 * x * v * v * (1 + v) / (d * d);
    }
    double w = exp(x), d = w * (w + 2) + 2;
    return w == 0 ? 0 : w * ((w + 2) * d + 4 * x * (1 + w)) / (d * d);
}

double rgi_mish_bend(double x)
{
    if (x > 0) {
        double v = exp(-x), d = 1 + 2 * v + 2 * v * v;
        return v == 0 ? 0
                      : 4 * v * v / (d * d * d) *
                            (2 * (1 + v) * d + x * (((2 * v + 2) * v - 3) * v - 2));
    }
    double w = exp(x), d = w * (w + 2) + 2;
    return w == 0 ? 0
                  : 4 * w / (d * d * d) * (2 * (1 + w) * d + x * (2 + w * (2 - w * (3 + 2 * w))));
}

/* ---- gelu_tanh: x SIGMOID(v) with v = 2 sqrt(2 / pi) (x + a x^3) ---- */

static const double gelu_a = 0.044715;

static const double gelu_a_low = 2.1960211427085595e-18; /* what gelu_a lacks of the number */

static pair gelu_argument(double x)
{
    const double c = 1.5957691216057308, c_low = -9.96930880911092e-17; /* 2 sqrt(2 / pi) */
    pair square = product(x, x), cube = product(square.high, x), cubic = product(gelu_a, cube.high);
    cubic.low += gelu_a * (cube.low + square.low * x) + gelu_a_low * cube.high;
    pair inner = sum(x, cubic.high), v = product(c, inner.high);
    v.low += c * (inner.low + cubic.low) + c_low * inner.high;
    return v;
}

/* Where sigmoid has reached its end, x is too large for the squares and cubes around it. */
static int is_saturated(double x)
{
    return fabs(x) > 50;
}

double rgi_gelu_tanh(double x)
{
    if (is_saturated(x))
        return x > 0 ? x : -0.0;
    pair v = gelu_argument(x);
    return x * (SIGMOID(v.high) + v.low * SIGMOID_SLOPE(v.high));
}

double rgi_gelu_tanh_slope(double x)
{
    if (is_saturated(x))
        return x > 0;
    pair v = gelu_argument(x);
    double slope = SIGMOID_SLOPE(v.high), bend = -slope * tanh(0.5 * v.high);
    double dv = 1.5957691216057308 * (1 + 3 * gelu_a * x * x);
    return SIGMOID(v.high) + v.low * slope + x * dv * (slope + v.low * bend);
}

/* sigmoid'(v + low) times what the second or third derivative has besides it. */
static double times_slope(double v, double low, double rest)
{
    double s = SIGMOID_SLOPE(v);
    if (v > -600)
        return (s - low * s * tanh(0.5 * v)) * rest;
    /* s has lost its digits, but the product with the large rest has not. */
    double half = exp(0.5 * v);
    return half * (rest + low * rest) * half;
}

double rgi_gelu_tanh_bend(double x)
{
    if (is_saturated(x))
        return 0;
    pair v = gelu_argument(x);
    double c = 1.5957691216057308, t = tanh(0.5 * v.high);
    double dv = c * (1 + 3 * gelu_a * x * x), ddv = 6 * c * gelu_a * x;
    return times_slope(v.high, v.low, 2 * dv + x * (ddv - t * dv * dv));
}

double rgi_gelu_tanh_third(double x)
{
    if (is_saturated(x))
        return 0;
    pair v = gelu_argument(x);
    double c = 1.5957691216057308, t = tanh(0.5 * v.high), s = SIGMOID_SLOPE(v.high);
    double dv = c * (1 + 3 * gelu_a * x * x), ddv = 6 * c * gelu_a * x, dddv = 6 * c * gelu_a;
    double last = (1 - 6 * s) * dv * dv * dv - 3 * t * dv * ddv + dddv;
    return times_slope(v.high, v.low, 3 * (ddv - t * dv * dv) + x * last);
}

/* ---- the sigmoid of a difference ---- */

double rgi_sigmoid_difference(double a, double b)
{
    if (a == b)
        return 0.5;
    pair d = sum(a, -b);
    double y = SIGMOID(d.high);
    return isfinite(d.low) ? y + d.low * SIGMOID_SLOPE(d.high) : y;
}

double rgi_sigmoid_difference_slope(double a, double b)
{
    if (a == b)
        return 0.25;
    pair d = sum(a, -b);
    double slope = SIGMOID_SLOPE(d.high);
    return isfinite(d.low) ? slope - d.low * slope * tanh(0.5 * d.high) : slope;
}
