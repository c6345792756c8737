/* moments.c: see moments.h. All but the running sum are made of other operations. */
#include "moments.h"

#include <math.h>
#include <string.h>

#include "arrange.h"
#include "axes.h"
#include "elementwise.h"
#include "reduce.h"
#include "shape_ops.h"

static const rg_axes all_axes;

/* ---- prod ---- */

/* x as [.., n] with the reduced axes joined at the end. */
static rg_value gather_axes(rg_value x, const rgi_reduction *how, int64_t count)
{
    rg_shape shape = rg_get_shape(x), flat = {0};
    rg_axes order = {0};
    bool reduced[RG_MAX_RANK] = {false};
    for (int i = 0; i < shape.rank; i++)
        reduced[i] = how->axes.count == 0;
    for (int i = 0; i < how->axes.count; i++)
        reduced[how->axes.axis[i] < 0 ? how->axes.axis[i] + shape.rank : how->axes.axis[i]] = true;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < shape.rank; i++)
            if (reduced[i] == (pass == 1)) {
                order.axis[order.count++] = i;
                if (!reduced[i])
                    flat.dim[flat.rank++] = shape.dim[i];
            }
    flat.dim[flat.rank++] = count;
    return rg_reshape(rg_permute(x, order), flat);
}

/* Halves are multiplied until one element is left, so that no division is needed. */
static rg_value prod_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    const rgi_reduction *how = attributes;
    rg_value x = in[0];
    rg_shape out;
    int64_t n;
    (void)count;
    if (!rgi_reduction_resolve(op, x, how, &out, &n))
        return rgi_inert(x.tape);
    if (n == 0)
        return rg_add(rg_sum_over(x, how->axes, how->keepdim), 1);
    if (rg_get_shape(x).rank == 0)
        return x;
    x = gather_axes(x, how, n);
    while (n > 1) {
        int64_t half = n / 2;
        rg_value parts[2] = {
            rg_mul(rg_slice(x, -1, 0, half, 1), rg_slice(x, -1, half, 2 * half, 1)),
            rg_slice(x, -1, 2 * half, n, 1)};
        x = n % 2 ? rg_concat(2, parts, -1) : parts[0];
        n -= half;
    }
    return rg_reshape(x, out);
}

static const rg_op op_prod = {.name = "prod",
                              .formula = "product of x over axes",
                              .gradient = "g times the product of the others",
                              .arity = 1,
                              .attribute_size = sizeof(rgi_reduction),
                              .compose = prod_compose,
                              RGI_SAMPLES(rgi_reduction_samples)};

rg_value rg_prod(rg_value x)
{
    return rgi_reduce(&op_prod, x, all_axes, 0);
}

rg_value rg_prod_over(rg_value x, rg_axes axes, int keepdim)
{
    return rgi_reduce(&op_prod, x, axes, keepdim);
}

/* ---- var and std ---- */

/* A reduction with one number. */
typedef struct moment {
    rgi_reduction how; /* first, so that it can stand for a plain reduction */
    double number;
} moment;

static rg_value var_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    const moment *m = attributes;
    rg_shape out;
    int64_t n;
    (void)count;
    if (!rgi_reduction_resolve(op, in[0], &m->how, &out, &n))
        return rgi_inert(in[0].tape);
    rg_value from_mean = rg_sub(in[0], rg_mean_over(in[0], m->how.axes, 1));
    rg_value sum = rg_sum_over(rg_square(from_mean), m->how.axes, m->how.keepdim);
    return rg_div(sum, fmax((double)n - m->number, 0));
}

/* f(s) where s > 0; the value s, 0 or NaN, without a gradient elsewhere. */
static rg_value root(rg_value s, double p)
{
    rg_value positive = rg_greater(s, 0), safe = rg_where(positive, s, 1);
    return rg_where(positive, p == 2 ? rg_sqrt(safe) : rg_pow(safe, 1 / p), rg_detach(s));
}

static rg_value std_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    return root(var_compose(op, count, in, attributes), 2);
}

static const moment unbiased = {{{1, {-1}}, 0}, 1}, biased = {{{0, {0}}, 1}, 0};
static const rg_sample var_samples[] = {
    {.shape = {{2, {3, 4}}}, .low = {-2}, .high = {2}, .attributes = &unbiased},
    {.shape = {{2, {2, 3}}}, .low = {-2}, .high = {2}, .attributes = &biased},
};

#define VARIANCE(name_, formula_, gradient_, kinks_)                   \
    static const rg_op op_##name_ = {.name = #name_,                   \
                                     .formula = formula_,              \
                                     .gradient = gradient_,            \
                                     .kinks = kinks_,                  \
                                     .arity = 1,                       \
                                     .attribute_size = sizeof(moment), \
                                     .compose = name_##_compose,       \
                                     RGI_SAMPLES(var_samples)};
VARIANCE(var, "sum (x - mean)^2 / (n - correction)", "2 g (x - mean) / (n - correction)", NULL)
VARIANCE(std, "square root of var", "g (x - mean) / ((n - correction) y)", "0 if all are equal")

static rg_value record_moment(const rg_op *op, rg_value x, rg_axes axes, double number, int keepdim)
{
    moment m;
    memset(&m, 0, sizeof m);
    m.how.axes = axes;
    m.how.keepdim = keepdim != 0;
    m.number = number;
    return rg_record(op, 1, &x, &m);
}

rg_value rg_var(rg_value x, rg_axes axes, double correction, int keepdim)
{
    return record_moment(&op_var, x, axes, correction, keepdim);
}

rg_value rg_std(rg_value x, rg_axes axes, double correction, int keepdim)
{
    return record_moment(&op_std, x, axes, correction, keepdim);
}

/* ---- norm ---- */

static rg_value norm_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    const moment *m = attributes;
    rg_axes axes = m->how.axes;
    int keepdim = m->how.keepdim;
    double p = m->number;
    rg_value x = in[0];
    rg_shape out;
    int64_t n;
    (void)count;
    if (!rgi_reduction_resolve(op, x, &m->how, &out, &n))
        return rgi_inert(x.tape);
    if (p == 0 || p != p)
        return rg_op_fail(op, x.tape, RG_ERROR_ARGUMENT, "there is no norm of order %g", p);
    if (p == 2)
        return root(rg_sum_over(rg_square(x), axes, keepdim), 2);
    x = rg_abs(x);
    if (isinf(p))
        return p > 0 ? rg_amax_over(x, axes, keepdim) : rg_amin_over(x, axes, keepdim);
    if (p == 1)
        return rg_sum_over(x, axes, keepdim);
    return root(rg_sum_over(rg_pow(x, p), axes, keepdim), p);
}

static const moment order_two = {{{0, {0}}, 0}, 2}, order_three = {{{1, {-1}}, 0}, 3};
static const moment order_infinity = {{{1, {0}}, 1}, INFINITY};
static const rg_sample norm_samples[] = {
    {.shape = {{1, {5}}}, .low = {0.3}, .high = {2}, .attributes = &order_two},
    {.shape = {{2, {3, 4}}}, .low = {0.3}, .high = {2}, .attributes = &order_three},
    {.shape = {{2, {3, 4}}}, .low = {0.3}, .high = {2}, .attributes = &order_infinity},
};
static const rg_op op_norm = {.name = "norm",
                              .formula = "(sum |x|^p)^(1 / p) over axes",
                              .gradient = "g sign(x) |x|^(p-1) / y^(p-1)",
                              .kinks = "0 at a zero vector; equal extremes share for infinite p",
                              .arity = 1,
                              .attribute_size = sizeof(moment),
                              .compose = norm_compose,
                              RGI_SAMPLES(norm_samples)};

rg_value rg_norm(rg_value x, double p, rg_axes axes, int keepdim)
{
    return record_moment(&op_norm, x, axes, p, keepdim);
}

/* ---- cumsum ---- */

static rg_status cumsum_shape(rg_call *call)
{
    int axis;
    return rgi_axis(call, *(const int *)call->attributes, call->in[0]->shape.rank, &axis);
}

static rg_status cumsum_forward(rg_call *call)
{
    rgi_lines s = rgi_lines_along(&call->out->shape, *(const int *)call->attributes);
    for (int64_t line = 0; line < s.outer * s.step; line++) {
        int64_t at = line / s.step * s.length * s.step + line % s.step;
        double sum = 0;
        for (int64_t i = 0; i < s.length; i++, at += s.step) {
#define RUN(T)                                         \
    sum += (double)((const T *)call->in[0]->data)[at]; \
    ((T *)call->out->data)[at] = (T)sum
            RGI_BY_TYPE(call->out->type, RUN);
#undef RUN
        }
    }
    return RG_OK;
}

static void cumsum_backward(rg_call *call)
{
    rgi_lines s = rgi_lines_along(&call->out->shape, *(const int *)call->attributes);
    for (int64_t line = 0; line < s.outer * s.step; line++) {
        int64_t at = line / s.step * s.length * s.step + line % s.step + (s.length - 1) * s.step;
        double sum = 0;
        for (int64_t i = 0; i < s.length; i++, at -= s.step) {
#define RUN(T)                                       \
    sum += (double)((const T *)call->out->grad)[at]; \
    ((T *)call->in[0]->grad)[at] += (T)sum
            RGI_BY_TYPE(call->out->type, RUN);
#undef RUN
        }
    }
}

static void cumsum_rule(const rg_rule *rule)
{
    int axis = *(const int *)rule->attributes;
    rg_axes axes = {1, {axis}};
    rule->grads[0] = rg_flip(rg_cumsum(rg_flip(rule->upstream, axes), axis), axes);
}

static const int last_axis = -1, first_axis = 0;
static const rg_sample cumsum_samples[] = {
    {.shape = {{1, {5}}}, .low = {-2}, .high = {2}, .attributes = &last_axis},
    {.shape = {{3, {3, 2, 2}}}, .low = {-2}, .high = {2}, .attributes = &first_axis},
};
static const rg_op op_cumsum = {.name = "cumsum",
                                .unread = 1,
                                .formula = "x[0] + .. + x[i] along an axis",
                                .gradient = "g[i] + .. + g[n - 1]",
                                .arity = 1,
                                .attribute_size = sizeof(int),
                                .shape = cumsum_shape,
                                .forward = cumsum_forward,
                                .backward = cumsum_backward,
                                .rule = cumsum_rule,
                                RGI_SAMPLES(cumsum_samples)};

rg_value rg_cumsum(rg_value x, int axis)
{
    return rg_record(&op_cumsum, 1, &x, &axis);
}

rgi_family rgi_moments_family = {&op_prod, &op_var, &op_std, &op_norm, &op_cumsum, NULL};
