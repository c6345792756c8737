/* loss.c: losses. They are computed and summed in double for both element types. */
#include "loss.h"
#include "elementwise.h"
#include "reduce.h"
#include "shape_ops.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "family.h"

#define T          double
#define TYPE       f64
#define LIBM(name) name
#include "math.inc"

/* ---- losses of an element and its target ---- */

static double limited_log(double x)
{
    double l = log(x);
    return l < -100 ? -100 : l;
}

/* clang-format off */

/* ROW(name, value, derivative to x, to t, rule to x, to t, low, high, formula, gradient, kinks): in x,
 * the target t and p, a parameter or the weight of the positive class; in rules x, t and p are values,
 * q is the parameter and g the upstream gradient of each element. A derivative to t of 0: none flows
 * there. */
#define LOSS_ROWS(ROW) \
    ROW(mse_loss, (x - t) * (x - t), 2 * (x - t), -2 * (x - t), \
        rgi_guarded(g, rg_mul(2, rg_sub(x, t))), rgi_guarded(g, rg_mul(-2, rg_sub(x, t))), -2, 2, \
        "(x - t)^2, reduced", "2 g (x - t), -2 g (x - t)", NULL) \
    ROW(l1_loss, fabs(x - t), (x > t) - (x < t), (x < t) - (x > t), \
        rgi_guarded(g, sign_between(x, t)), rgi_guarded(g, sign_between(t, x)), -2, 2, \
        "|x - t|, reduced", "g sign(x - t), -g sign(x - t)", "0 where x = t") \
    ROW(huber_loss, huber(x - t, p), limited(x - t, p), -limited(x - t, p), \
        rgi_guarded(g, rg_clamp(rg_sub(x, t), -q, q)), rgi_guarded(g, rg_clamp(rg_sub(t, x), -q, q)), -2, 2, \
        "d^2 / 2, but delta (|d| - delta / 2) from |d| = delta on, d = x - t; reduced", "g d limited to -delta .. delta, its negative", NULL) \
    ROW(smooth_l1_loss, huber(x - t, p) / p, limited(x - t, p) / p, -limited(x - t, p) / p, \
        rgi_guarded(g, rg_div(rg_clamp(rg_sub(x, t), -q, q), q)), rgi_guarded(g, rg_div(rg_clamp(rg_sub(t, x), -q, q), q)), -2, 2, \
        "huber_loss / beta with delta = beta", "g d / beta limited to -1 .. 1, its negative", NULL) \
    ROW(kl_div, t == 0 ? 0 : t * (log(t) - x), -t, 0, \
        rg_neg(rgi_guarded(g, t)), rgi_inert(t.tape), -2, 2, \
        "t (ln t - x), reduced", "-g t, 0", "0 for t = 0") \
    ROW(kl_div_log, exp(t) == 0 ? 0 : exp(t) * (t - x), -exp(t), 0, \
        rg_neg(rgi_guarded(g, rg_exp(t))), rgi_inert(t.tape), -2, 2, \
        "e^t (t - x), reduced", "-g e^t, 0", NULL) \
    ROW(bce, -(t * limited_log(x) + (1 - t) * limited_log(1 - x)), (x - t) / fmax(x * (1 - x), 1e-12), 0, \
        rgi_guarded(g, rg_div(rg_sub(x, t), rg_max(rg_mul(x, rg_sub(1, x)), 1e-12))), rgi_inert(t.tape), 0.1, 0.9, \
        "-(t ln x + (1 - t) ln(1 - x)), reduced", "g (x - t) / (x (1 - x)), 0", "logarithms are at least -100") \
    ROW(bce_with_logits, GUARD(1 - t, SOFTPLUS(x)) + GUARD(p * t, SOFTPLUS(-x)), (1 - t) * SIGMOID(x) - p * t * SIGMOID(-x), 0, \
        rgi_guarded(g, rg_sub(rg_mul(rg_sub(1, t), rg_sigmoid(x)), rg_mul(rg_mul(p, t), rg_sigmoid(rg_neg(x))))), rgi_inert(t.tape), 0.1, 0.9, \
        "(1 - t) ln(1 + e^x) + p t ln(1 + e^-x), reduced", "g ((1 - t) sigmoid(x) - p t sigmoid(-x)), 0", NULL)

/* clang-format on */

static double limited(double d, double most)
{
    return d > most ? most : d < -most ? -most : d;
}

static double huber(double d, double delta)
{
    return fabs(d) < delta ? 0.5 * d * d : delta * (fabs(d) - 0.5 * delta);
}

/* -1, 0 or 1 for a below, equal to or above b, without a gradient. */
static rg_value sign_between(rg_value a, rg_value b)
{
    return rg_sub(rg_greater(a, b), rg_less(a, b));
}

typedef double loss_function(double x, double t, double p);

#define LOSS_FUNCTION(name, expression)                     \
    static inline double name(double x, double t, double p) \
    {                                                       \
        (void)x, (void)t, (void)p;                          \
        return expression;                                  \
    }
#define LOSS_FUNCTIONS(name, value, to_x, to_t, ...) \
    LOSS_FUNCTION(name##_value, value)               \
    LOSS_FUNCTION(name##_to_x, to_x)                 \
    LOSS_FUNCTION(name##_to_t, to_t)
LOSS_ROWS(LOSS_FUNCTIONS)

/* Inputs: x, t, then the weights that are there; all of x's shape. */
typedef struct loss_attributes {
    rg_reduction reduction;
    int weighted, positive;
    double parameter;
} loss_attributes;

static rg_status loss_shape(rg_call *call)
{
    const loss_attributes *how = call->attributes;
    for (int k = 1; k < call->count; k++)
        if (!rg_shape_equal(&call->in[k]->shape, &call->in[0]->shape)) {
            char first[RG_SHAPE_TEXT_SIZE], other[RG_SHAPE_TEXT_SIZE];
            return rg_call_fail(call, RG_ERROR_SHAPE, "predictions %s and %s %s differ in shape",
                                rg_shape_text(&call->in[0]->shape, first),
                                k == 1 ? "targets" : "weights",
                                rg_shape_text(&call->in[k]->shape, other));
        }
    if (how->reduction != RG_NONE)
        call->out->shape.rank = 0;
    if (how->reduction < RG_MEAN || how->reduction > RG_BATCH_MEAN)
        return rg_call_fail(call, RG_ERROR_ARGUMENT, "%d is no reduction", (int)how->reduction);
    return RG_OK;
}

/* What the sum of the losses is multiplied with. */
static double loss_scale(rg_reduction reduction, const rg_shape *shape, int64_t size)
{
    if (reduction == RG_MEAN)
        return 1 / (double)size;
    return reduction == RG_BATCH_MEAN && shape->rank > 0 ? 1 / (double)shape->dim[0] : 1;
}

/* The weights of a call, or NULL, and what p is. */
typedef struct loss_inputs {
    const rg_tensor *x, *t, *weight, *positive;
    double parameter;
} loss_inputs;

static loss_inputs inputs_of(const rg_call *call)
{
    const loss_attributes *how = call->attributes;
    return (loss_inputs){call->in[0], call->in[1], how->weighted ? call->in[2] : NULL,
                         how->positive ? call->in[2 + how->weighted] : NULL, how->parameter};
}

static inline double element(const rg_tensor *x, rg_type type, int64_t i, double otherwise)
{
    return x ? rgi_load(x->data, type, i) : otherwise;
}

/* The functions below become one for each row and type, in which the row's own is part of the
 * loop. */

static inline rg_status forward_of(rg_call *call, rg_type type, loss_function *value)
{
    const loss_attributes *how = call->attributes;
    const loss_inputs in = inputs_of(call);
    const int64_t size = in.x->size;
    double sum = 0;
    for (int64_t i = 0; i < size; i++) {
        double loss = element(in.weight, type, i, 1) *
                      value(element(in.x, type, i, 0), element(in.t, type, i, 0),
                            element(in.positive, type, i, in.parameter));
        if (how->reduction == RG_NONE)
            rgi_store(call->out->data, type, i, loss);
        sum += loss;
    }
    if (how->reduction != RG_NONE)
        rgi_store(call->out->data, type, 0, sum * loss_scale(how->reduction, &in.x->shape, size));
    return RG_OK;
}

static inline rg_status loss_forward(rg_call *call, loss_function *value)
{
    return call->out->type == RG_F64 ? forward_of(call, RG_F64, value)
                                     : forward_of(call, RG_F32, value);
}

static inline void backward_of(rg_call *call, rg_type type, loss_function *to_x,
                               loss_function *to_t)
{
    const loss_attributes *how = call->attributes;
    const loss_inputs in = inputs_of(call);
    const int64_t size = in.x->size;
    const bool each = how->reduction == RG_NONE;
    const double scale = loss_scale(how->reduction, &in.x->shape, size);
    void *const x_grad = in.x->grad, *const t_grad = in.t->grad;
    double g = each ? 0 : rgi_load(call->out->grad, type, 0) * scale;
    for (int64_t i = 0; i < size; i++) {
        if (each)
            g = rgi_load(call->out->grad, type, i) * scale;
        const double x = element(in.x, type, i, 0), t = element(in.t, type, i, 0);
        const double p = element(in.positive, type, i, in.parameter);
        const double weighted = g * element(in.weight, type, i, 1);
        if (x_grad)
            rgi_increase(x_grad, type, i, GUARD(weighted, to_x(x, t, p)));
        if (t_grad)
            rgi_increase(t_grad, type, i, GUARD(weighted, to_t(x, t, p)));
    }
}

static inline void loss_backward(rg_call *call, loss_function *to_x, loss_function *to_t)
{
    if (call->out->type == RG_F64)
        backward_of(call, RG_F64, to_x, to_t);
    else
        backward_of(call, RG_F32, to_x, to_t);
}

#define LOSS_LOOPS(name, ...)                          \
    static rg_status name##_forward(rg_call *call)     \
    {                                                  \
        return loss_forward(call, name##_value);       \
    }                                                  \
    static void name##_backward(rg_call *call)         \
    {                                                  \
        loss_backward(call, name##_to_x, name##_to_t); \
    }
LOSS_ROWS(LOSS_LOOPS)

/* The upstream gradient of each element's loss, with reduction and weight. */
static rg_value each_upstream(const rg_rule *rule)
{
    const loss_attributes *how = rule->attributes;
    rg_value g = rule->upstream, x = rule->in[0];
    rg_shape shape = rg_get_shape(x);
    double scale = loss_scale(how->reduction, &shape, rg_size(x));
    if (scale != 1)
        g = rg_mul(g, scale);
    if (how->weighted)
        return rg_mul(g, rule->in[2]);
    return how->reduction == RG_NONE ? g : rg_expand(g, rg_get_shape(x));
}

#define LOSS_RULE(name, value, to_x, to_t, rule_x, rule_t, ...)                                 \
    static void name##_rule(const rg_rule *rule)                                                \
    {                                                                                           \
        const loss_attributes *how = rule->attributes;                                          \
        const rg_value x = rule->in[0], t = rule->in[1], g = each_upstream(rule);               \
        const double q = how->parameter;                                                        \
        const rg_value p = how->positive ? rule->in[2 + how->weighted] : rgi_number_like(x, q); \
        (void)p, (void)q, (void)t;                                                              \
        if (rule->wanted[0])                                                                    \
            rule->grads[0] = rule_x;                                                            \
        if (rule->wanted[1])                                                                    \
            rule->grads[1] = rule_t;                                                            \
    }
LOSS_ROWS(LOSS_RULE)

static const loss_attributes mean_loss = {RG_MEAN, 0, 0, 1}, sum_loss = {RG_SUM, 0, 0, 1};
static const loss_attributes each_loss = {RG_NONE, 0, 0, 0.5};
static const loss_attributes batch_loss = {RG_BATCH_MEAN, 0, 0, 2};

#define LOSS_SAMPLE(attribute, low_, high_)                                        \
    {                                                                              \
        .shape = {{2, {3, 2}}, {2, {3, 2}}}, .low = {low_, 0}, .high = {high_, 1}, \
        .attributes = attribute, .count = 2                                        \
    }
#define LOSS_RECORD(name_, value, to_x, to_t, rule_x, rule_t, low, high, formula_, gradient_, \
                    kinks_)                                                                   \
    static const rg_sample samples_##name_[] = {                                              \
        LOSS_SAMPLE(&mean_loss, low, high), LOSS_SAMPLE(&sum_loss, low, high),                \
        LOSS_SAMPLE(&each_loss, low, high), LOSS_SAMPLE(&batch_loss, low, high)};             \
    static const rg_op op_##name_ = {.name = #name_,                                          \
                                     .formula = formula_,                                     \
                                     .gradient = gradient_,                                   \
                                     .kinks = kinks_,                                         \
                                     .attribute_size = sizeof(loss_attributes),               \
                                     .shape = loss_shape,                                     \
                                     .forward = name_##_forward,                              \
                                     .backward = name_##_backward,                            \
                                     .rule = name_##_rule,                                    \
                                     RGI_SAMPLES(samples_##name_)};
LOSS_ROWS(LOSS_RECORD)

/* Weights broadcast to x; a missing one has no tape. */
static rg_value record_weighted(const rg_op *op, rg_value x, rg_value target, rg_value weight,
                                rg_value positive, rg_reduction reduction)
{
    loss_attributes how;
    memset(&how, 0, sizeof how);
    how.reduction = reduction;
    how.weighted = weight.tape != NULL;
    how.positive = positive.tape != NULL;
    how.parameter = 1;
    rg_value in[4] = {x, target};
    int count = 2;
    if (how.weighted)
        in[count++] = rg_expand(weight, rg_get_shape(x));
    if (how.positive)
        in[count++] = rg_expand(positive, rg_get_shape(x));
    return rg_record(op, count, in, &how);
}

static rg_value record_loss(const rg_op *op, rg_value x, rg_value target, double parameter,
                            rg_reduction reduction)
{
    loss_attributes how;
    memset(&how, 0, sizeof how);
    how.reduction = reduction;
    how.parameter = parameter;
    const rg_value in[2] = {x, target};
    return rg_record(op, 2, in, &how);
}

static rg_value record_huber(const rg_op *op, rg_value x, rg_value target, double limit,
                             rg_reduction reduction)
{
    if (!(limit > 0) && rg_is_live(x))
        return rg_op_fail(op, x.tape, RG_ERROR_ARGUMENT, "the limit is %g, not positive", limit);
    return record_loss(op, x, target, limit, reduction);
}

static const rg_value absent;

rg_value rg_mse_loss(rg_value x, rg_value target, rg_reduction reduction)
{
    return record_loss(&op_mse_loss, x, target, 1, reduction);
}

rg_value rg_l1_loss(rg_value x, rg_value target, rg_reduction reduction)
{
    return record_loss(&op_l1_loss, x, target, 1, reduction);
}

rg_value rg_huber_loss(rg_value x, rg_value target, double delta, rg_reduction reduction)
{
    return record_huber(&op_huber_loss, x, target, delta, reduction);
}

rg_value rg_smooth_l1_loss(rg_value x, rg_value target, double beta, rg_reduction reduction)
{
    return record_huber(&op_smooth_l1_loss, x, target, beta, reduction);
}

rg_value rg_kl_div(rg_value x, rg_value target, int log_target, rg_reduction reduction)
{
    return record_loss(log_target ? &op_kl_div_log : &op_kl_div, x, rg_detach(target), 1,
                       reduction);
}

rg_value rg_bce(rg_value x, rg_value target, rg_reduction reduction)
{
    return record_loss(&op_bce, x, rg_detach(target), 1, reduction);
}

rg_value rg_bce_weighted(rg_value x, rg_value target, rg_value weight, rg_reduction reduction)
{
    return record_weighted(&op_bce, x, rg_detach(target), rg_detach(weight), absent, reduction);
}

rg_value rg_bce_with_logits(rg_value x, rg_value target, rg_reduction reduction)
{
    return record_loss(&op_bce_with_logits, x, rg_detach(target), 1, reduction);
}

rg_value rg_bce_with_logits_weighted(rg_value x, rg_value target, rg_value weight,
                                     rg_value positive, rg_reduction reduction)
{
    return record_weighted(&op_bce_with_logits, x, rg_detach(target), rg_detach(weight),
                           rg_detach(positive), reduction);
}

#define ENTRY(name, ...) &op_##name,
rgi_family rgi_loss_family = {LOSS_ROWS(ENTRY) NULL};
