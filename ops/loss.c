/* loss.c: losses. They are computed and summed in double for both element types. */
#include "loss.h"
#include "shape_ops.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "family.h"

#define T          double
#define TYPE       f64
#define LIBM(name) name
#include "math.inc"

static double get(const rg_tensor *from, int64_t i)
{
    return from->type == RG_F64 ? ((const double *)from->data)[i]
                                : (double)((const float *)from->data)[i];
}

static void put(const rg_tensor *to, int64_t i, double value)
{
    if (to->type == RG_F64)
        ((double *)to->data)[i] = value;
    else
        ((float *)to->data)[i] = (float)value;
}

static double get_grad(const rg_tensor *from, int64_t i)
{
    return from->type == RG_F64 ? ((const double *)from->grad)[i]
                                : (double)((const float *)from->grad)[i];
}

static void add_grad(const rg_tensor *to, int64_t i, double value)
{
    if (to->type == RG_F64)
        ((double *)to->grad)[i] += value;
    else
        ((float *)to->grad)[i] += (float)value;
}

/* ---- losses of an element and its target ---- */

static double limited_log(double x)
{
    double l = log(x);
    return l < -100 ? -100 : l;
}

/* clang-format off */

/* ROW(name, value, derivative to x, derivative to t, low, high, formula, gradient, kinks): in x, the
 * target t and the weight p of the positive class. A derivative to t of 0: none flows there. */
#define LOSS_ROWS(ROW) \
    ROW(mse_loss, (x - t) * (x - t), 2 * (x - t), -2 * (x - t), -2, 2, \
        "(x - t)^2, reduced", "2 g (x - t), -2 g (x - t)", NULL) \
    ROW(bce, -(t * limited_log(x) + (1 - t) * limited_log(1 - x)), (x - t) / fmax(x * (1 - x), 1e-12), 0, 0.1, 0.9, \
        "-(t ln x + (1 - t) ln(1 - x)), reduced", "g (x - t) / (x (1 - x)), 0", "logarithms are at least -100") \
    ROW(bce_with_logits, GUARD(1 - t, SOFTPLUS(x)) + GUARD(p * t, SOFTPLUS(-x)), (1 - t) * SIGMOID(x) - p * t * SIGMOID(-x), 0, 0.1, 0.9, \
        "(1 - t) ln(1 + e^x) + p t ln(1 + e^-x), reduced", "g ((1 - t) sigmoid(x) - p t sigmoid(-x)), 0", NULL)

/* clang-format on */

typedef double loss_function(double x, double t, double p);

typedef struct loss_row {
    loss_function *value, *to_x, *to_t;
} loss_row;

#define LOSS_FUNCTION(name, expression)                                                            \
    static double name(double x, double t, double p)                                               \
    {                                                                                              \
        (void)x, (void)t, (void)p;                                                                 \
        return expression;                                                                         \
    }
#define LOSS_FUNCTIONS(name, value, to_x, to_t, ...)                                               \
    LOSS_FUNCTION(name##_value, value)                                                             \
    LOSS_FUNCTION(name##_to_x, to_x)                                                               \
    LOSS_FUNCTION(name##_to_t, to_t)
LOSS_ROWS(LOSS_FUNCTIONS)

#define LOSS_ENTRY(name, ...) {name##_value, name##_to_x, name##_to_t},
static const loss_row loss_rows[] = {LOSS_ROWS(LOSS_ENTRY)};

/* Inputs: x, t, then the weights that are there; all of x's shape. */
typedef struct loss_attributes {
    rg_reduction reduction;
    int weighted, positive;
} loss_attributes;

static rg_status check_reduction(rg_call *call, rg_reduction reduction)
{
    if (reduction != RG_MEAN && reduction != RG_SUM && reduction != RG_NONE)
        return rg_call_fail(call, RG_ERROR_ARGUMENT, "%d is no reduction", (int)reduction);
    return RG_OK;
}

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
    return check_reduction(call, how->reduction);
}

static double weight_of(const rg_call *call, int64_t i)
{
    const loss_attributes *how = call->attributes;
    return how->weighted ? get(call->in[2], i) : 1;
}

static double positive_of(const rg_call *call, int64_t i)
{
    const loss_attributes *how = call->attributes;
    return how->positive ? get(call->in[2 + how->weighted], i) : 1;
}

static rg_status loss_forward(rg_call *call)
{
    const loss_attributes *how = call->attributes;
    const loss_row *row = &loss_rows[call->op->code];
    const rg_tensor *x = call->in[0], *t = call->in[1];
    double sum = 0;
    for (int64_t i = 0; i < x->size; i++) {
        double loss =
            weight_of(call, i) * row->value(get(x, i), get(t, i), positive_of(call, i));
        if (how->reduction == RG_NONE)
            put(call->out, i, loss);
        sum += loss;
    }
    if (how->reduction != RG_NONE)
        put(call->out, 0, how->reduction == RG_MEAN ? sum / (double)x->size : sum);
    return RG_OK;
}

static void loss_backward(rg_call *call)
{
    const loss_attributes *how = call->attributes;
    const loss_row *row = &loss_rows[call->op->code];
    const rg_tensor *x = call->in[0], *t = call->in[1];
    double scale = how->reduction == RG_MEAN ? 1 / (double)x->size : 1;
    for (int64_t i = 0; i < x->size; i++) {
        double g = get_grad(call->out, how->reduction == RG_NONE ? i : 0) * scale;
        double xi = get(x, i), ti = get(t, i), p = positive_of(call, i);
        g *= weight_of(call, i);
        if (x->grad)
            add_grad(x, i, GUARD(g, row->to_x(xi, ti, p)));
        if (t->grad)
            add_grad(t, i, GUARD(g, row->to_t(xi, ti, p)));
    }
}

static const loss_attributes mean_loss = {RG_MEAN, 0, 0}, sum_loss = {RG_SUM, 0, 0};
static const loss_attributes each_loss = {RG_NONE, 0, 0};

enum {
#define LOSS_CODE(name, ...) CODE_##name,
    LOSS_ROWS(LOSS_CODE)
};

#define LOSS_SAMPLE(attribute, low_, high_)                                                        \
    {.shape = {{2, {3, 2}}, {2, {3, 2}}},                                                          \
     .low = {low_, 0},                                                                             \
     .high = {high_, 1},                                                                           \
     .attributes = attribute,                                                                      \
     .count = 2}
#define LOSS_RECORD(name_, value, to_x, to_t, low, high, formula_, gradient_, kinks_)              \
    static const rg_sample samples_##name_[] = {LOSS_SAMPLE(&mean_loss, low, high),                \
                                                LOSS_SAMPLE(&sum_loss, low, high),                 \
                                                LOSS_SAMPLE(&each_loss, low, high)};               \
    static const rg_op op_##name_ = {.name = #name_,                                               \
                                     .formula = formula_,                                          \
                                     .gradient = gradient_,                                        \
                                     .kinks = kinks_,                                              \
                                     .code = CODE_##name_,                                         \
                                     .attribute_size = sizeof(loss_attributes),                    \
                                     .shape = loss_shape,                                          \
                                     .forward = loss_forward,                                      \
                                     .backward = loss_backward,                                    \
                                     RGI_SAMPLES(samples_##name_)};
LOSS_ROWS(LOSS_RECORD)

/* Weights broadcast to x; a missing one has no tape. */
static rg_value record_loss(const rg_op *op, rg_value x, rg_value target, rg_value weight,
                            rg_value positive, rg_reduction reduction)
{
    loss_attributes how;
    memset(&how, 0, sizeof how);
    how.reduction = reduction;
    how.weighted = weight.tape != NULL;
    how.positive = positive.tape != NULL;
    rg_value in[4] = {x, target};
    int count = 2;
    if (how.weighted)
        in[count++] = rg_expand(weight, rg_get_shape(x));
    if (how.positive)
        in[count++] = rg_expand(positive, rg_get_shape(x));
    return rg_record(op, count, in, &how);
}

static const rg_value absent;

rg_value rg_mse_loss(rg_value x, rg_value target, rg_reduction reduction)
{
    return record_loss(&op_mse_loss, x, target, absent, absent, reduction);
}

rg_value rg_bce(rg_value x, rg_value target, rg_reduction reduction)
{
    return record_loss(&op_bce, x, rg_detach(target), absent, absent, reduction);
}

rg_value rg_bce_weighted(rg_value x, rg_value target, rg_value weight, rg_reduction reduction)
{
    return record_loss(&op_bce, x, rg_detach(target), rg_detach(weight), absent, reduction);
}

rg_value rg_bce_with_logits(rg_value x, rg_value target, rg_reduction reduction)
{
    return record_loss(&op_bce_with_logits, x, rg_detach(target), absent, absent, reduction);
}

rg_value rg_bce_with_logits_weighted(rg_value x, rg_value target, rg_value weight,
                                     rg_value positive, rg_reduction reduction)
{
    return record_loss(&op_bce_with_logits, x, rg_detach(target), rg_detach(weight),
                       rg_detach(positive), reduction);
}

/* ---- cross-entropy with class indices ---- */

typedef struct entropy_attributes {
    rg_reduction reduction;
    int ignore;
    int64_t ignored;
    double smoothing;
} entropy_attributes;

/* Logits [N, C, inner..]: item (n, k) has class c at (n C + c) inner + k. */
typedef struct items {
    int64_t count, classes, inner;
} items;

static items items_of(const rg_call *call)
{
    const rg_shape *shape = &call->in[0]->shape;
    items it = {call->in[1]->size, shape->dim[1], 1};
    for (int i = 2; i < shape->rank; i++)
        it.inner *= shape->dim[i];
    return it;
}

static int64_t item_start(const items *it, int64_t item)
{
    return item / it->inner * it->classes * it->inner + item % it->inner;
}

static double class_weight(const rg_call *call, int64_t class_)
{
    return call->count > 2 ? get(call->in[2], class_) : 1;
}

static bool is_ignored(const rg_call *call, int64_t class_)
{
    const entropy_attributes *how = call->attributes;
    return how->ignore && class_ == how->ignored;
}

/* saved: the softmax of every item in double, then the divisor. */
static size_t entropy_saved(const rg_call *call)
{
    return ((size_t)call->in[0]->size + 1) * sizeof(double);
}

static rg_status check_classes(rg_call *call, int64_t count)
{
    const rg_tensor *t = call->in[1];
    for (int64_t i = 0; i < t->size; i++) {
        int64_t class_ = ((const int64_t *)t->data)[i];
        if (!is_ignored(call, class_) && (class_ < 0 || class_ >= count))
            return rg_call_fail(call, RG_ERROR_INDEX,
                                "item %" PRId64 " has class %" PRId64 ", not 0 to %" PRId64, i,
                                class_, count - 1);
    }
    return RG_OK;
}

static rg_status entropy_shape(rg_call *call)
{
    const entropy_attributes *how = call->attributes;
    const rg_shape *x = &call->in[0]->shape, *t = &call->in[1]->shape;
    bool fits = x->rank >= 2 && t->rank == x->rank - 1 && t->dim[0] == x->dim[0];
    for (int i = 1; fits && i < t->rank; i++)
        fits = t->dim[i] == x->dim[i + 1];
    if (!fits) {
        char logits[RG_SHAPE_TEXT_SIZE], classes[RG_SHAPE_TEXT_SIZE];
        return rg_call_fail(call, RG_ERROR_SHAPE,
                            "logits %s and classes %s are not [N, C, ..] and [N, ..]",
                            rg_shape_text(x, logits), rg_shape_text(t, classes));
    }
    if (call->count > 2 && (call->in[2]->shape.rank != 1 || call->in[2]->size != x->dim[1]))
        return rg_call_fail(call, RG_ERROR_SHAPE, "there are not as many weights as classes");
    if (!(how->smoothing >= 0 && how->smoothing <= 1))
        return rg_call_fail(call, RG_ERROR_ARGUMENT, "label smoothing %g is not in [0, 1]",
                            how->smoothing);
    if (how->reduction == RG_NONE)
        call->out->shape = *t;
    else
        call->out->shape.rank = 0;
    rg_status status = check_reduction(call, how->reduction);
    return status == RG_OK ? check_classes(call, x->dim[1]) : status;
}

/* The softmax of an item into p, and the logarithm of its denominator. */
static double softmax_item(const rg_tensor *x, const items *it, int64_t start, double *p)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t c = 0; c < it->classes; c++) {
        double value = get(x, start + c * it->inner);
        largest = value > largest ? value : largest;
    }
    for (int64_t c = 0; c < it->classes; c++) {
        p[c] = exp(get(x, start + c * it->inner) - largest);
        sum += p[c];
    }
    for (int64_t c = 0; c < it->classes; c++)
        p[c] /= sum;
    return largest + log(sum);
}

static double item_loss(const rg_call *call, const items *it, int64_t start, int64_t target,
                        double log_sum)
{
    const entropy_attributes *how = call->attributes;
    const rg_tensor *x = call->in[0];
    double loss = (1 - how->smoothing) * class_weight(call, target) *
                  (log_sum - get(x, start + target * it->inner));
    for (int64_t c = 0; c < it->classes && how->smoothing > 0; c++)
        loss += how->smoothing / (double)it->classes * class_weight(call, c) *
                (log_sum - get(x, start + c * it->inner));
    return loss;
}

static rg_status entropy_forward(rg_call *call)
{
    const entropy_attributes *how = call->attributes;
    const int64_t *t = call->in[1]->data;
    items it = items_of(call);
    double *p = call->saved, *divisor = p + call->in[0]->size;
    double sum = 0, kept = 0;
    int64_t kept_items = 0;
    for (int64_t i = 0; i < it.count; i++) {
        double loss = 0;
        if (!is_ignored(call, t[i])) {
            int64_t start = item_start(&it, i);
            double log_sum = softmax_item(call->in[0], &it, start, p + i * it.classes);
            loss = item_loss(call, &it, start, t[i], log_sum);
            kept += class_weight(call, t[i]);
            kept_items++;
        }
        if (how->reduction == RG_NONE)
            put(call->out, i, loss);
        sum += loss;
    }
    *divisor = how->reduction == RG_MEAN && (kept_items > 0 || it.count == 0) ? kept : 1;
    if (how->reduction != RG_NONE)
        put(call->out, 0, sum / *divisor);
    return RG_OK;
}

static void entropy_backward(rg_call *call)
{
    const entropy_attributes *how = call->attributes;
    const int64_t *t = call->in[1]->data;
    items it = items_of(call);
    const double *p = call->saved, divisor = p[call->in[0]->size];
    double e = how->smoothing, spread = e / (double)it.classes, total = 0;
    if (!call->in[0]->grad)
        return;
    for (int64_t c = 0; c < it.classes; c++)
        total += class_weight(call, c);
    for (int64_t i = 0; i < it.count; i++) {
        double g = get_grad(call->out, how->reduction == RG_NONE ? i : 0) / divisor;
        if (is_ignored(call, t[i]) || g == 0)
            continue;
        int64_t start = item_start(&it, i);
        double hard = (1 - e) * class_weight(call, t[i]);
        for (int64_t c = 0; c < it.classes; c++) {
            double slope = hard * (p[i * it.classes + c] - (c == t[i])) +
                           spread * (p[i * it.classes + c] * total - class_weight(call, c));
            add_grad(call->in[0], start + c * it.inner, g * slope);
        }
    }
}

static const entropy_attributes plain_entropy = {RG_MEAN, 0, 0, 0};
static const entropy_attributes smooth_entropy = {RG_SUM, 1, 1, 0.1};
static const int64_t entropy_classes[] = {2, 0, 1, 2};
static const rg_sample entropy_samples[] = {
    {.shape = {{2, {4, 3}}, {1, {4}}},
     .low = {-2},
     .high = {2},
     .attributes = &plain_entropy,
     .integers = entropy_classes,
     .count = 2},
    {.shape = {{3, {2, 3, 2}}, {2, {2, 2}}},
     .low = {-2},
     .high = {2},
     .attributes = &smooth_entropy,
     .integers = entropy_classes,
     .count = 2},
};
static const rg_op op_cross_entropy = {.name = "cross_entropy",
                                       .formula = "-ln softmax(x)[t], reduced over items",
                                       .gradient = "g (softmax(x) - onehot(t)) / n",
                                       .kinks = "0 if every item is ignored",
                                       .integers = 2,
                                       .attribute_size = sizeof(entropy_attributes),
                                       .shape = entropy_shape,
                                       .saved = entropy_saved,
                                       .forward = entropy_forward,
                                       .backward = entropy_backward,
                                       RGI_SAMPLES(entropy_samples)};

rg_value rg_cross_entropy(rg_value logits, rg_value classes)
{
    return rg_cross_entropy_with(logits, classes, NULL);
}

rg_value rg_cross_entropy_with(rg_value logits, rg_value classes,
                               const rg_cross_entropy_options *options)
{
    entropy_attributes how;
    memset(&how, 0, sizeof how);
    rg_value in[3] = {logits, classes};
    int count = 2;
    if (options) {
        how.reduction = options->reduction;
        how.ignore = options->ignore != 0;
        how.ignored = options->ignored;
        how.smoothing = options->label_smoothing;
        if (options->weight.tape)
            in[count++] = rg_detach(options->weight);
    }
    return rg_record(&op_cross_entropy, count, in, &how);
}

#define ENTRY(name, ...) &op_##name,
rgi_family rgi_loss_family = {LOSS_ROWS(ENTRY) & op_cross_entropy, NULL};
