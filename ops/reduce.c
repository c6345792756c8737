/*
 * reduce.c: sums, means, extremes. Sums are kept in double for both element types, in scratch
 * memory, so that long float32 sums keep their digits.
 */
#include "reduce.h"

#include <math.h>
#include <string.h>

#include "axes.h"
#include "elementwise.h"

static size_t one_double_each(const rg_call *call)
{
    return (size_t)call->out->size * sizeof(double);
}

/* ---- sum and mean ---- */

/* The sum of a run in eight interleaved parts, which shortens the chain of dependent additions. */
#define SUM_RUN(T)                                                               \
    do {                                                                         \
        const T *x = (const T *)call->in[0]->data + rows.offset[0];              \
        double part[8] = {0};                                                    \
        int64_t i = 0;                                                           \
        if (rows.step[2] == 0) {                                                 \
            for (; i + 8 <= rows.length; i += 8)                                 \
                for (int j = 0; j < 8; j++)                                      \
                    part[j] += (double)x[(i + j) * rows.step[0]];                \
            for (; i < rows.length; i++)                                         \
                part[0] += (double)x[i * rows.step[0]];                          \
            sum[rows.offset[2]] += ((part[0] + part[1]) + (part[2] + part[3])) + \
                                   ((part[4] + part[5]) + (part[6] + part[7]));  \
        } else {                                                                 \
            for (; i < rows.length; i++)                                         \
                sum[rows.offset[2] + i] += (double)x[i * rows.step[0]];          \
        }                                                                        \
    } while (0)

static rg_status sum_scaled(rg_call *call, double scale)
{
    double *sum = call->scratch;
    memset(sum, 0, one_double_each(call));
    rgi_rows rows;
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(call->out->type, SUM_RUN);
    for (int64_t i = 0; i < call->out->size; i++)
        sum[i] *= scale;
    rgi_convert(call->out->data, call->out->type, sum, RG_F64, call->out->size);
    return RG_OK;
}

#define SPREAD_RUN(T)                                               \
    do {                                                            \
        const T *g = (const T *)call->out->grad + rows.offset[2];   \
        T *gx = (T *)call->in[0]->grad + rows.offset[1];            \
        for (int64_t i = 0; i < rows.length; i++)                   \
            gx[i * rows.step[1]] += g[i * rows.step[2]] * (T)scale; \
    } while (0)

static void spread_scaled(rg_call *call, double scale)
{
    rgi_rows rows;
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(call->out->type, SPREAD_RUN);
}

static rg_status sum_forward(rg_call *call)
{
    return sum_scaled(call, 1);
}

static void sum_backward(rg_call *call)
{
    spread_scaled(call, 1);
}

static void sum_rule(const rg_rule *rule)
{
    rule->grads[0] = rgi_spread(rule, rule->upstream);
}

static const rg_op op_sum = {.name = "sum",
                             .unread = 1,
                             .formula = "sum of x over axes",
                             .gradient = "g to each",
                             .arity = 1,
                             .strided = 1,
                             .attribute_size = sizeof(rgi_reduction),
                             .shape = rgi_reduction_shape,
                             .scratch = one_double_each,
                             .forward = sum_forward,
                             .backward = sum_backward,
                             .rule = sum_rule,
                             RGI_SAMPLES(rgi_reduction_samples)};

/* The mean of nothing is NaN, as 0 / 0. */
static double mean_scale(const rg_call *call)
{
    int64_t count = rgi_reduction_count(call);
    return count ? 1 / (double)count : NAN;
}

static rg_status mean_forward(rg_call *call)
{
    return sum_scaled(call, mean_scale(call));
}

static void mean_backward(rg_call *call)
{
    spread_scaled(call, mean_scale(call));
}

static void mean_rule(const rg_rule *rule)
{
    rg_value x = rule->in[0], y = rule->out;
    double n = (double)rg_size(x) / (double)rg_size(y);
    rule->grads[0] = rgi_spread(rule, rg_div(rule->upstream, n));
}

static const rg_op op_mean = {.name = "mean",
                              .unread = 1,
                              .formula = "sum of x over axes, divided by their size n",
                              .gradient = "g / n to each",
                              .kinks = "NaN over nothing",
                              .arity = 1,
                              .strided = 1,
                              .attribute_size = sizeof(rgi_reduction),
                              .shape = rgi_reduction_shape,
                              .scratch = one_double_each,
                              .forward = mean_forward,
                              .backward = mean_backward,
                              .rule = mean_rule,
                              RGI_SAMPLES(rgi_reduction_samples)};

/* ---- amax and amin ---- */

/* The first NaN wins and stays. */
#define EXTREME_RUN(T)                                                     \
    do {                                                                   \
        const T *x = (const T *)call->in[0]->data + rows.offset[0];        \
        T *y = (T *)call->out->data + rows.offset[2];                      \
        for (int64_t i = 0; i < rows.length; i++) {                        \
            const T new_ = x[i * rows.step[0]], old = y[i * rows.step[2]]; \
            if ((sign > 0 ? new_ > old : new_ < old) || new_ != new_)      \
                y[i * rows.step[2]] = old != old ? old : new_;             \
        }                                                                  \
    } while (0)

static rg_status extreme_forward(rg_call *call, int sign)
{
    if (rgi_reduction_count(call) == 0 && call->out->size > 0)
        return rg_call_fail(call, RG_ERROR_SHAPE, "there is no element to take");
    rg_tensor *out = call->out;
    const double lowest = sign > 0 ? (double)-INFINITY : (double)INFINITY;
#define FILL(T)                             \
    for (int64_t i = 0; i < out->size; i++) \
    ((T *)out->data)[i] = (T)lowest
    RGI_BY_TYPE(out->type, FILL);
    rgi_rows rows;
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(out->type, EXTREME_RUN);
    return RG_OK;
}

#define IS_EXTREME                                 \
    (x[i * rows.step[0]] == y[i * rows.step[2]] || \
     (x[i * rows.step[0]] != x[i * rows.step[0]] && y[i * rows.step[2]] != y[i * rows.step[2]]))

#define COUNT_RUN(T)                                                \
    do {                                                            \
        const T *x = (const T *)call->in[0]->data + rows.offset[0]; \
        const T *y = (const T *)call->out->data + rows.offset[2];   \
        for (int64_t i = 0; i < rows.length; i++)                   \
            count[rows.offset[2] + i * rows.step[2]] += IS_EXTREME; \
    } while (0)

#define SHARE_RUN(T)                                                                   \
    do {                                                                               \
        const T *x = (const T *)call->in[0]->data + rows.offset[0];                    \
        const T *y = (const T *)call->out->data + rows.offset[2];                      \
        const T *g = (const T *)call->out->grad + rows.offset[2];                      \
        T *gx = (T *)call->in[0]->grad + rows.offset[1];                               \
        for (int64_t i = 0; i < rows.length; i++)                                      \
            if (IS_EXTREME)                                                            \
                gx[i * rows.step[1]] +=                                                \
                    g[i * rows.step[2]] / (T)count[rows.offset[2] + i * rows.step[2]]; \
    } while (0)

static void extreme_backward(rg_call *call)
{
    double *count = call->scratch;
    memset(count, 0, one_double_each(call));
    rgi_rows rows;
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(call->out->type, COUNT_RUN);
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(call->out->type, SHARE_RUN);
}

static void extreme_rule(const rg_rule *rule)
{
    rg_value y = rgi_spread(rule, rule->out), g = rgi_spread(rule, rule->upstream);
    rule->grads[0] = rgi_guarded(g, rgi_shares(rule, rule->in[0], y));
}

static rg_status amax_forward(rg_call *call)
{
    return extreme_forward(call, 1);
}

static rg_status amin_forward(rg_call *call)
{
    return extreme_forward(call, -1);
}

#define EXTREME(name_, forward_, formula_)                                                     \
    static const rg_op op_##name_ = {.name = #name_,                                           \
                                     .formula = formula_,                                      \
                                     .gradient = "g, shared by equal extremes",                \
                                     .kinks = "equal extremes share evenly; NaN elements win", \
                                     .arity = 1,                                               \
                                     .strided = 1,                                             \
                                     .attribute_size = sizeof(rgi_reduction),                  \
                                     .shape = rgi_reduction_shape,                             \
                                     .scratch = one_double_each,                               \
                                     .forward = forward_,                                      \
                                     .backward = extreme_backward,                             \
                                     .rule = extreme_rule,                                     \
                                     RGI_SAMPLES(rgi_reduction_samples)};
EXTREME(amax, amax_forward, "largest x over axes")
EXTREME(amin, amin_forward, "smallest x over axes")

rgi_family rgi_reduce_family = {&op_sum, &op_mean, &op_amax, &op_amin, NULL};

/* ---- the functions ---- */

static const rg_axes all_axes;

#define FUNCTIONS(name)                                              \
    rg_value rg_##name(rg_value x)                                   \
    {                                                                \
        return rgi_reduce(&op_##name, x, all_axes, 0);               \
    }                                                                \
    rg_value rg_##name##_over(rg_value x, rg_axes axes, int keepdim) \
    {                                                                \
        return rgi_reduce(&op_##name, x, axes, keepdim);             \
    }
FUNCTIONS(sum)
FUNCTIONS(mean)
FUNCTIONS(amax)
FUNCTIONS(amin)
