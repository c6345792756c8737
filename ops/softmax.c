/* softmax.c: normalised exponentials along an axis, and the logarithm of a sum of exponentials. */
#include "softmax.h"

#include <math.h>
#include <string.h>

#include "axes.h"
#include "elementwise.h"
#include "reduce.h"

/* ---- softmax and log_softmax ---- */

static rg_status same_shape(rg_call *call)
{
    int axis;
    return rgi_axis(call, *(const int *)call->attributes, call->in[0]->shape.rank, &axis);
}

static rgi_lines lines_of(const rg_call *call)
{
    return rgi_lines_along(&call->out->shape, *(const int *)call->attributes);
}

static void load_line(const void *from, rg_type type, const rgi_lines *l, int64_t start, double *to)
{
#define LOAD(T)                             \
    for (int64_t i = 0; i < l->length; i++) \
    to[i] = (double)((const T *)from)[start + i * l->step]
    RGI_BY_TYPE(type, LOAD);
}

static void store_line(void *to, rg_type type, const rgi_lines *l, int64_t start,
                       const double *from)
{
#define STORE(T)                            \
    for (int64_t i = 0; i < l->length; i++) \
    ((T *)to)[start + i * l->step] = (T)from[i]
    RGI_BY_TYPE(type, STORE);
}

static void add_line(void *to, rg_type type, const rgi_lines *l, int64_t start, const double *from)
{
#define ADD(T)                              \
    for (int64_t i = 0; i < l->length; i++) \
    ((T *)to)[start + i * l->step] += (T)from[i]
    RGI_BY_TYPE(type, ADD);
}

/* Room for two lines in double, in which both element types are computed. */
static size_t two_lines(const rg_call *call)
{
    return (size_t)lines_of(call).length * 2 * sizeof(double);
}

/* The function of one line: y from x, and gx from y and g. */
typedef void line_forward(int64_t n, const double *x, double *y);
typedef void line_backward(int64_t n, const double *y, double *g);

static rg_status each_line(rg_call *call, line_forward *forward)
{
    rgi_lines l = lines_of(call);
    double *x = call->scratch, *y = x + l.length;
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t k = 0; k < l.step; k++) {
            int64_t start = o * l.length * l.step + k;
            load_line(call->in[0]->data, call->out->type, &l, start, x);
            forward(l.length, x, y);
            store_line(call->out->data, call->out->type, &l, start, y);
        }
    return RG_OK;
}

static bool all_zero(int64_t n, const double *g)
{
    for (int64_t i = 0; i < n; i++)
        if (g[i] != 0)
            return false;
    return true;
}

/* A line without any upstream contributes nothing, even if its values are NaN. */
static void each_line_back(rg_call *call, line_backward *backward)
{
    rgi_lines l = lines_of(call);
    double *y = call->scratch, *g = y + l.length;
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t k = 0; k < l.step; k++) {
            int64_t start = o * l.length * l.step + k;
            load_line(call->out->grad, call->out->type, &l, start, g);
            if (all_zero(l.length, g))
                continue;
            load_line(call->out->data, call->out->type, &l, start, y);
            backward(l.length, y, g);
            add_line(call->in[0]->grad, call->out->type, &l, start, g);
        }
}

/* y = x - max; returns the sum of the exponentials. */
static double shift_line(int64_t n, const double *x, double *y)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    for (int64_t i = 0; i < n; i++) {
        y[i] = x[i] - largest;
        sum += exp(y[i]);
    }
    return sum;
}

static void softmax_line(int64_t n, const double *x, double *y)
{
    double sum = shift_line(n, x, y);
    for (int64_t i = 0; i < n; i++)
        y[i] = exp(y[i]) / sum;
}

static void softmax_line_back(int64_t n, const double *y, double *g)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += g[i] * y[i];
    for (int64_t i = 0; i < n; i++)
        g[i] = y[i] * (g[i] - sum);
}

static void log_softmax_line(int64_t n, const double *x, double *y)
{
    double log_sum = log(shift_line(n, x, y));
    for (int64_t i = 0; i < n; i++)
        y[i] -= log_sum;
}

static void log_softmax_line_back(int64_t n, const double *y, double *g)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += g[i];
    for (int64_t i = 0; i < n; i++)
        g[i] -= exp(y[i]) * sum;
}

static rg_status softmax_forward(rg_call *call)
{
    return each_line(call, softmax_line);
}

static void softmax_backward(rg_call *call)
{
    each_line_back(call, softmax_line_back);
}

static rg_status log_softmax_forward(rg_call *call)
{
    return each_line(call, log_softmax_line);
}

static void log_softmax_backward(rg_call *call)
{
    each_line_back(call, log_softmax_line_back);
}

static rg_value sum_along(const rg_rule *rule, rg_value x)
{
    return rg_sum_over(x, RG_AXES(*(const int *)rule->attributes), 1);
}

static void softmax_rule(const rg_rule *rule)
{
    rg_value y = rule->out, g = rule->upstream;
    rule->grads[0] = rg_mul(y, rg_sub(g, sum_along(rule, rg_mul(g, y))));
}

static void log_softmax_rule(const rg_rule *rule)
{
    rg_value y = rule->out, g = rule->upstream;
    rule->grads[0] = rg_sub(g, rg_mul(rg_exp(y), sum_along(rule, g)));
}

static const int last_axis = -1, first_axis = 0;
static const rg_sample softmax_samples[] = {
    {.shape = {{1, {5}}}, .low = {-3}, .high = {3}, .attributes = &last_axis},
    {.shape = {{2, {3, 4}}}, .low = {-3}, .high = {3}, .attributes = &last_axis},
    {.shape = {{3, {3, 2, 2}}}, .low = {-3}, .high = {3}, .attributes = &first_axis},
};

static const rg_op op_softmax = {.name = "softmax",
                                 .formula = "e^x / sum e^x along an axis",
                                 .gradient = "y (g - sum g y)",
                                 .arity = 1,
                                 .attribute_size = sizeof(int),
                                 .shape = same_shape,
                                 .scratch = two_lines,
                                 .forward = softmax_forward,
                                 .backward = softmax_backward,
                                 .rule = softmax_rule,
                                 RGI_SAMPLES(softmax_samples)};

static const rg_op op_log_softmax = {.name = "log_softmax",
                                     .formula = "x - ln sum e^x along an axis",
                                     .gradient = "g - e^y sum g",
                                     .arity = 1,
                                     .attribute_size = sizeof(int),
                                     .shape = same_shape,
                                     .scratch = two_lines,
                                     .forward = log_softmax_forward,
                                     .backward = log_softmax_backward,
                                     .rule = log_softmax_rule,
                                     RGI_SAMPLES(softmax_samples)};

rg_value rg_softmax(rg_value x, int axis)
{
    return rg_record(&op_softmax, 1, &x, &axis);
}

rg_value rg_log_softmax(rg_value x, int axis)
{
    return rg_record(&op_log_softmax, 1, &x, &axis);
}

/* ---- logsumexp ---- */

/* Scratch: for each element of the result the largest x and the sum of exponentials; in the sweep,
 * the number of elements that equal it. */
static size_t two_doubles_each(const rg_call *call)
{
    return (size_t)call->out->size * 2 * sizeof(double);
}

#define LARGEST_RUN(T)                                                \
    do {                                                              \
        const T *x = (const T *)call->in[0]->data + rows.offset[0];   \
        for (int64_t i = 0; i < rows.length; i++) {                   \
            double *to = &largest[rows.offset[2] + i * rows.step[2]]; \
            double new_ = (double)x[i * rows.step[0]];                \
            if (new_ > *to || new_ != new_)                           \
                *to = new_;                                           \
        }                                                             \
    } while (0)

/* The largest may be infinite; its own term is then 1, and the others 0. */
#define EXPONENTIAL_RUN(T)                                                  \
    do {                                                                    \
        const T *x = (const T *)call->in[0]->data + rows.offset[0];         \
        for (int64_t i = 0; i < rows.length; i++) {                         \
            int64_t to = rows.offset[2] + i * rows.step[2];                 \
            double value = (double)x[i * rows.step[0]];                     \
            sum[to] += value == largest[to] ? 1 : exp(value - largest[to]); \
        }                                                                   \
    } while (0)

static rg_status logsumexp_forward(rg_call *call)
{
    int64_t size = call->out->size;
    double *largest = call->scratch, *sum = largest + size;
    for (int64_t i = 0; i < size; i++) {
        largest[i] = -INFINITY;
        sum[i] = 0;
    }
    rgi_rows rows;
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(call->out->type, LARGEST_RUN);
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(call->out->type, EXPONENTIAL_RUN);
    for (int64_t i = 0; i < size; i++)
        if (!isinf(largest[i]))
            largest[i] += log(sum[i]);
    rgi_convert(call->out->data, call->out->type, largest, RG_F64, size);
    return RG_OK;
}

#define COUNT_RUN(T)                                                \
    do {                                                            \
        const T *x = (const T *)call->in[0]->data + rows.offset[0]; \
        const T *y = (const T *)call->out->data + rows.offset[2];   \
        for (int64_t i = 0; i < rows.length; i++)                   \
            count[rows.offset[2] + i * rows.step[2]] +=             \
                x[i * rows.step[0]] == y[i * rows.step[2]];         \
    } while (0)

#define SHARE_RUN(T)                                                                          \
    do {                                                                                      \
        const T *x = (const T *)call->in[0]->data + rows.offset[0];                           \
        const T *y = (const T *)call->out->data + rows.offset[2];                             \
        const T *g = (const T *)call->out->grad + rows.offset[2];                             \
        T *gx = (T *)call->in[0]->grad + rows.offset[1];                                      \
        for (int64_t i = 0; i < rows.length; i++) {                                           \
            double value = (double)x[i * rows.step[0]], result = (double)y[i * rows.step[2]]; \
            double share = !isinf(result)    ? exp(value - result)                            \
                           : result < 0      ? 0                                              \
                           : value == result ? 1 / count[rows.offset[2] + i * rows.step[2]]   \
                                             : 0;                                             \
            double up = (double)g[i * rows.step[2]];                                          \
            gx[i * rows.step[1]] += (T)(up == 0 ? 0 : up * share);                            \
        }                                                                                     \
    } while (0)

static void logsumexp_backward(rg_call *call)
{
    double *count = call->scratch;
    memset(count, 0, (size_t)call->out->size * sizeof *count);
    rgi_rows rows;
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(call->out->type, COUNT_RUN);
    for (bool more = rgi_reduction_walk(&rows, call); more; more = rgi_rows_next(&rows))
        RGI_BY_TYPE(call->out->type, SHARE_RUN);
}

static void logsumexp_rule(const rg_rule *rule)
{
    rg_value x = rule->in[0], y = rgi_spread(rule, rule->out);
    rg_value infinite = rg_where(rg_greater(y, 0), rgi_shares(rule, x, y), 0);
    rg_value share = rg_where(rg_less(rg_abs(y), INFINITY), rg_exp(rg_sub(x, y)), infinite);
    rule->grads[0] = rgi_guarded(rgi_spread(rule, rule->upstream), share);
}

static const rg_op op_logsumexp = {.name = "logsumexp",
                                   .formula = "ln sum e^x over axes",
                                   .gradient = "g e^(x - y)",
                                   .kinks = "0 where all are -inf; +inf share evenly",
                                   .arity = 1,
                                   .strided = 1,
                                   .attribute_size = sizeof(rgi_reduction),
                                   .shape = rgi_reduction_shape,
                                   .scratch = two_doubles_each,
                                   .forward = logsumexp_forward,
                                   .backward = logsumexp_backward,
                                   .rule = logsumexp_rule,
                                   RGI_SAMPLES(rgi_reduction_samples)};

rg_value rg_logsumexp(rg_value x)
{
    return rgi_reduce(&op_logsumexp, x, (rg_axes){0, {0}}, 0);
}

rg_value rg_logsumexp_over(rg_value x, rg_axes axes, int keepdim)
{
    return rgi_reduce(&op_logsumexp, x, axes, keepdim);
}

rgi_family rgi_softmax_family = {&op_softmax, &op_log_softmax, &op_logsumexp, NULL};
