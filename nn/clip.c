#include "clip.h"

#include <float.h>
#include <math.h>

#include "internal.h"

/* ---- sums over all gradients ---- */

/* So many sums run beside each other, on every machine; the compiler keeps them in vectors.
 * Elements come in pieces, as float64, filled up with zeros to whole rows of SUMS. */
enum { SUMS = 8, PIECE = 64 * SUMS };

typedef void gather(double sum[SUMS], const double *x, int64_t count, double scale);

static void gather_sizes(double sum[SUMS], const double *x, int64_t count, double scale)
{
    for (int64_t i = 0; i < count; i += SUMS)
        for (int k = 0; k < SUMS; k++)
            sum[k] += fabs(scale * x[i + k]);
}

static void gather_squares(double sum[SUMS], const double *x, int64_t count, double scale)
{
    for (int64_t i = 0; i < count; i += SUMS)
        for (int k = 0; k < SUMS; k++)
            sum[k] += (scale * x[i + k]) * (scale * x[i + k]);
}

/* The largest sizes; a NaN stays. */
static void gather_largest(double sum[SUMS], const double *x, int64_t count, double scale)
{
    for (int64_t i = 0; i < count; i += SUMS)
        for (int k = 0; k < SUMS; k++) {
            const double size = fabs(scale * x[i + k]);
            sum[k] = size > sum[k] || isnan(size) ? size : sum[k];
        }
}

static void gather_param(rg_param *param, gather *add, double sum[SUMS], double scale)
{
    const rg_type type = rg_param_type(param);
    const char *grad = rg_param_grad(param);
    const int64_t size = rg_param_size(param);
    double piece[PIECE];
    for (int64_t i = 0; i < size; i += PIECE) {
        int64_t count = size - i < PIECE ? size - i : PIECE;
        rgi_convert(piece, RG_F64, grad + (size_t)i * rg_type_size(type), type, count);
        while (count % SUMS)
            piece[count++] = 0;
        add(sum, piece, count, scale);
    }
}

/* The sum of what `add` adds up; for gather_largest, the largest. */
static double gather_all(rg_params *params, gather *add, double scale)
{
    double sum[SUMS] = {0}, total = 0;
    for (int i = 0; i < rg_params_count(params); i++) {
        rg_param *param = rg_params_at(params, i);
        if (!rg_param_is_frozen(param))
            gather_param(param, add, sum, scale);
    }
    for (int k = 0; k < SUMS; k++)
        if (add == gather_largest)
            total = sum[k] > total || isnan(sum[k]) ? sum[k] : total;
        else
            total += sum[k];
    return total;
}

/* Squares that would overflow, or be too small to be precise, are taken of scaled elements. */
static double root_of_squares(rg_params *params)
{
    enum { LEAST_EXPONENT = -1000 }; /* so that the scale is finite */
    const double squares = gather_all(params, gather_squares, 1);
    if (squares > DBL_MIN / DBL_EPSILON && squares <= DBL_MAX)
        return sqrt(squares);
    const double largest = gather_all(params, gather_largest, 1);
    if (!(largest > 0 && largest <= DBL_MAX))
        return largest;
    int exponent;
    frexp(largest, &exponent);
    const double scale = ldexp(1, exponent > LEAST_EXPONENT ? -exponent : -LEAST_EXPONENT);
    return sqrt(gather_all(params, gather_squares, scale)) / scale;
}

double rg_grad_norm(rg_params *params, double order)
{
    if (!params)
        return NAN;
    if (order == 1)
        return gather_all(params, gather_sizes, 1);
    if (order == 2)
        return root_of_squares(params);
    return order == INFINITY ? gather_all(params, gather_largest, 1) : NAN;
}

/* ---- changing gradients ---- */

static rg_status check(const rg_params *params, double limit, rg_error *error)
{
    if (!params)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "clip: the parameters are NULL");
    if (!(limit >= 0 && limit < INFINITY))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "clip: the limit is %g; it must be finite and 0 or more", limit);
    return RG_OK;
}

static void scale_param(rg_param *param, double factor)
{
    const int64_t size = rg_param_size(param);
    double *g64 = rg_param_grad(param);
    float *g32 = rg_param_grad(param);
    if (rg_param_type(param) == RG_F64)
        for (int64_t i = 0; i < size; i++)
            g64[i] *= factor;
    else
        for (int64_t i = 0; i < size; i++)
            g32[i] = (float)(factor * (double)g32[i]);
}

rg_status rg_clip_grad_norm(rg_params *params, double order, double limit, double *norm,
                            rg_error *error)
{
    double local;
    norm = norm ? norm : &local;
    *norm = NAN;
    rg_status status = check(params, limit, error);
    if (status != RG_OK)
        return status;
    if (order != 1 && order != 2 && order != INFINITY)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "clip: the order of the norm is %g; it must be 1, 2 or infinite", order);
    *norm = rg_grad_norm(params, order);
    if (!isfinite(*norm))
        return RGI_FAIL(error, RG_ERROR_NUMERIC, "clip: the norm of the gradients is %g", *norm);
    const double factor = limit / (*norm + 1e-6);
    for (int i = 0; i < rg_params_count(params) && factor < 1; i++)
        if (!rg_param_is_frozen(rg_params_at(params, i)))
            scale_param(rg_params_at(params, i), factor);
    return RG_OK;
}

static void bound_param(rg_param *param, double limit)
{
    const int64_t size = rg_param_size(param);
    const float limit32 = (float)limit;
    double *g64 = rg_param_grad(param);
    float *g32 = rg_param_grad(param);
    if (rg_param_type(param) == RG_F64)
        for (int64_t i = 0; i < size; i++)
            g64[i] = g64[i] > limit ? limit : g64[i] < -limit ? -limit : g64[i];
    else
        for (int64_t i = 0; i < size; i++)
            g32[i] = g32[i] > limit32 ? limit32 : g32[i] < -limit32 ? -limit32 : g32[i];
}

rg_status rg_clip_grad_value(rg_params *params, double limit, rg_error *error)
{
    rg_status status = check(params, limit, error);
    for (int i = 0; status == RG_OK && i < rg_params_count(params); i++)
        if (!rg_param_is_frozen(rg_params_at(params, i)))
            bound_param(rg_params_at(params, i), limit);
    return status;
}
