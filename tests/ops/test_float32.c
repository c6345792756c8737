/* test_float32.c: the vector functions of float32 (float32.inc) against the C library's in double.
 */
#include "../check.h"

#include <float.h>

#include "../../ops/kernels.h"

SUITE(float32);

/* Numbers at a time: whole vectors and a rest. */
enum { N = 1003 };

/* How far `got` is from the exact value, in units in the last place. */
static double ulps(float got, double exact)
{
    const float want = (float)exact;
    if (isnan(exact) || isnan(got))
        return isnan(exact) && isnan(got) ? 0 : INFINITY;
    if (isinf(want) || isinf(got)) /* the last finite number is next to infinity */
        return isinf(want) && isinf(got)                   ? (want == got ? 0 : INFINITY)
               : fabs(exact) > 0.9999999 * (double)FLT_MAX ? 1
                                                           : INFINITY;
    const float size = fabsf(want);
    return fabs((double)got - exact) / ((double)nextafterf(size, INFINITY) - (double)size);
}

static double worst_of(int level, int code, double (*exact)(double), const float *x)
{
    float y[N];
    double worst = 0;
    rgi_kernels_for(level, RG_F32)->unary_forward[code - RGI_UNARY_FIRST](N, x, y, NULL);
    for (int i = 0; i < N; i++)
        worst = fmax(worst, ulps(y[i], exact((double)x[i])));
    return worst;
}

/* Bit patterns all over the range: every exponent, both signs, NaN and infinities. */
static void check_function(const char *name, int code, double (*exact)(double), double limit)
{
    for (int level = 0; level <= rgi_cpu(); level++)
        for (uint64_t start = 0; start < UINT64_C(0x100000000);) {
            float x[N];
            for (int i = 0; i < N; i++, start += 40009) {
                uint32_t bits = (uint32_t)start;
                memcpy(&x[i], &bits, sizeof bits);
            }
            double worst = worst_of(level, code, exact, x);
            cr_assert(worst <= limit, "%s, level %d, below %a: %g ulp", name, level,
                      (double)x[N - 1], worst);
        }
}

static double tanh_slope(double x)
{
    const double e = exp(-2 * fabs(x));
    return 4 * e / ((1 + e) * (1 + e));
}

static double sigmoid_slope(double x)
{
    return tanh_slope(0.5 * x) / 4;
}

Test(float32, is_accurate_everywhere)
{
    check_function("exp", RGI_exp, exp, 1.1);
    check_function("expm1", RGI_expm1, expm1, 1.9);
    check_function("log", RGI_log, log, 0.9);
    check_function("log1p", RGI_log1p, log1p, 1.5);
    check_function("tanh", RGI_tanh, tanh, 2.0);
    check_function("tanh_slope", RGI_tanh_slope, tanh_slope, 6.0);
    check_function("sigmoid_slope", RGI_sigmoid_slope, sigmoid_slope, 6.0);
}

Test(float32, has_the_c_librarys_special_values)
{
    static const float special[] = {0.0F,      -0.0F,   1.0F,     -1.0F,       INFINITY,
                                    -INFINITY, NAN,     FLT_MIN,  -FLT_MIN,    1e-45F,
                                    -1e-45F,   FLT_MAX, -FLT_MAX, 88.72F,      88.73F,
                                    -103.9F,   -104.1F, -87.34F,  0.99999994F, -0.99999994F};
    static const struct {
        int code;
        double (*exact)(double);
    } functions[] = {
        {RGI_exp, exp}, {RGI_expm1, expm1}, {RGI_log, log}, {RGI_log1p, log1p}, {RGI_tanh, tanh}};
    float x[N];
    for (int i = 0; i < N; i++)
        x[i] = special[i % (int)(sizeof special / sizeof *special)];
    for (int level = 0; level <= rgi_cpu(); level++)
        for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
            float y[N];
            rgi_kernels_for(level, RG_F32)
                ->unary_forward[functions[f].code - RGI_UNARY_FIRST](N, x, y, NULL);
            for (int i = 0; i < N; i++) {
                const double exact = functions[f].exact((double)x[i]);
                cr_assert(ulps(y[i], exact) <= 2, "function %zu of %a is %a, not %a", f,
                          (double)x[i], (double)y[i], exact);
                cr_assert(exact != 0 || !signbit(y[i]) == !signbit(exact),
                          "function %zu of %a has the wrong sign", f, (double)x[i]);
            }
        }
}
