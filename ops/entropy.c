/* entropy.c: cross-entropy and its relatives (loss.h). Computed and summed in double for both
 * element types. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "elementwise.h"
#include "family.h"
#include "loss.h"
#include "reduce.h"
#include "shape_ops.h"
#include "softmax.h"

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
    return call->count > 2 ? rgi_load(call->in[2]->data, call->in[2]->type, class_) : 1;
}

static bool is_ignored(const rg_call *call, int64_t class_)
{
    const entropy_attributes *how = call->attributes;
    return how->ignore && class_ == how->ignored;
}

/* saved: the softmax of every item in double, then the divisor, then the loss of every item. */
static size_t entropy_saved(const rg_call *call)
{
    return ((size_t)call->in[0]->size + 1 + (size_t)call->in[1]->size) * sizeof(double);
}

/* The grain of items for rgi_parallel. */
static int64_t item_grain(const items *it)
{
    return RGI_GRAIN_OF_FUNCTIONS / (it->classes + 1) + 1;
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
    if (how->reduction != RG_MEAN && how->reduction != RG_SUM && how->reduction != RG_NONE)
        return rg_call_fail(call, RG_ERROR_ARGUMENT, "%d is no reduction", (int)how->reduction);
    return check_classes(call, x->dim[1]);
}

/* The softmax of an item into p, and the logarithm of its denominator. */
static double softmax_item(const rg_tensor *x, const items *it, int64_t start, double *p)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t c = 0; c < it->classes; c++) {
        double value = rgi_load(x->data, x->type, start + c * it->inner);
        largest = value > largest ? value : largest;
    }
    for (int64_t c = 0; c < it->classes; c++) {
        p[c] = exp(rgi_load(x->data, x->type, start + c * it->inner) - largest);
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
                  (log_sum - rgi_load(x->data, x->type, start + target * it->inner));
    for (int64_t c = 0; c < it->classes && how->smoothing > 0; c++)
        loss += how->smoothing / (double)it->classes * class_weight(call, c) *
                (log_sum - rgi_load(x->data, x->type, start + c * it->inner));
    return loss;
}

/* The softmax and the loss of items [first, last). */
static void forward_piece(void *context, int64_t first, int64_t last)
{
    const rg_call *call = context;
    const int64_t *t = call->in[1]->data;
    items it = items_of(call);
    double *p = call->saved, *losses = p + call->in[0]->size + 1;
    for (int64_t i = first; i < last; i++) {
        losses[i] = 0;
        if (is_ignored(call, t[i]))
            continue;
        int64_t start = item_start(&it, i);
        double log_sum = softmax_item(call->in[0], &it, start, p + i * it.classes);
        losses[i] = item_loss(call, &it, start, t[i], log_sum);
    }
}

static rg_status entropy_forward(rg_call *call)
{
    const entropy_attributes *how = call->attributes;
    const int64_t *t = call->in[1]->data;
    items it = items_of(call);
    double *divisor = (double *)call->saved + call->in[0]->size, *losses = divisor + 1;
    double sum = 0, kept = 0;
    int64_t kept_items = 0;
    rgi_parallel(rgi_call_threads(call), it.count, item_grain(&it), forward_piece, call);
    for (int64_t i = 0; i < it.count; i++) {
        if (!is_ignored(call, t[i])) {
            kept += class_weight(call, t[i]);
            kept_items++;
        }
        if (how->reduction == RG_NONE)
            rgi_store(call->out->data, call->out->type, i, losses[i]);
        sum += losses[i];
    }
    *divisor = how->reduction == RG_MEAN && (kept_items > 0 || it.count == 0) ? kept : 1;
    if (how->reduction != RG_NONE)
        rgi_store(call->out->data, call->out->type, 0, sum / *divisor);
    return RG_OK;
}

static void backward_piece(void *context, int64_t first, int64_t last)
{
    const rg_call *call = context;
    const entropy_attributes *how = call->attributes;
    const int64_t *t = call->in[1]->data;
    items it = items_of(call);
    const double *p = call->saved, divisor = p[call->in[0]->size];
    double e = how->smoothing, spread = e / (double)it.classes, total = 0;
    for (int64_t c = 0; c < it.classes; c++)
        total += class_weight(call, c);
    for (int64_t i = first; i < last; i++) {
        double g =
            rgi_load(call->out->grad, call->out->type, how->reduction == RG_NONE ? i : 0) / divisor;
        if (is_ignored(call, t[i]) || g == 0)
            continue;
        int64_t start = item_start(&it, i);
        double hard = (1 - e) * class_weight(call, t[i]);
        for (int64_t c = 0; c < it.classes; c++) {
            double slope = hard * (p[i * it.classes + c] - (c == t[i])) +
                           spread * (p[i * it.classes + c] * total - class_weight(call, c));
            rgi_increase(call->in[0]->grad, call->in[0]->type, start + c * it.inner, g * slope);
        }
    }
}

static void entropy_backward(rg_call *call)
{
    items it = items_of(call);
    if (call->in[0]->grad)
        rgi_parallel(rgi_call_threads(call), it.count, item_grain(&it), backward_piece, call);
}

/* A constant of the logits' shape: what the loss of each item takes of -ln p for each class,
 * divided by the reduction's divisor. `in`: logits, classes and perhaps weights, which fit. */
static rg_value target_weights(int count, const rg_value *in, const entropy_attributes *how)
{
    rg_tape *tape = in[0].tape;
    rg_tensor room[3];
    const rg_tensor *tensors[3];
    rg_value result = rg_constant_tensor(tape, rg_get_type(in[0]), rg_get_shape(in[0]), NULL);
    void *data = (void *)(uintptr_t)rg_data(result, rg_get_type(in[0]));
    for (int k = 0; k < count && data; k++)
        tensors[k] = rgi_tensor_of(tape, rgi_node(tape, in[k].serial), &room[k]);
    if (!data)
        return result;
    const rg_call call = {.in = tensors, .count = count, .attributes = how};
    const int64_t *t = tensors[1]->data;
    items it = items_of(&call);
    double kept = 0, spread = how->smoothing / (double)it.classes;
    for (int64_t i = 0; i < it.count; i++)
        kept += is_ignored(&call, t[i]) ? 0 : class_weight(&call, t[i]);
    double divisor = how->reduction == RG_MEAN && kept != 0 ? kept : 1;
    for (int64_t i = 0; i < it.count; i++)
        for (int64_t c = 0; c < it.classes && !is_ignored(&call, t[i]); c++) {
            double hard = c == t[i] ? 1 - how->smoothing : 0;
            rgi_store(data, tensors[0]->type, item_start(&it, i) + c * it.inner,
                      (hard + spread) * class_weight(&call, c) / divisor);
        }
    rgi_filled(result);
    return result;
}

/* The loss is sum w (ln sum e^x - x) over classes, with constant w. */
static void entropy_rule(const rg_rule *rule)
{
    const entropy_attributes *how = rule->attributes;
    if (!rule->wanted[0])
        return;
    rg_value w = target_weights(rule->count, rule->in, how), p = rg_softmax(rule->in[0], 1);
    rg_value total = rg_sum_over(w, RG_AXES(1), 1), g = rule->upstream;
    if (how->reduction == RG_NONE)
        g = rg_unsqueeze(g, 1);
    rule->grads[0] = rgi_guarded(g, rg_sub(rg_mul(p, total), w));
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
                                       .rule = entropy_rule,
                                       RGI_SAMPLES(entropy_samples)};

static entropy_attributes attributes_of(const rg_cross_entropy_options *options)
{
    entropy_attributes how;
    memset(&how, 0, sizeof how);
    if (options) {
        how.reduction = options->reduction;
        how.ignore = options->ignore != 0;
        how.ignored = options->ignored;
        how.smoothing = options->label_smoothing;
    }
    return how;
}

static rg_value record_entropy(const rg_op *op, rg_value x, rg_value target,
                               const rg_cross_entropy_options *options)
{
    entropy_attributes how = attributes_of(options);
    rg_value in[3] = {x, target};
    int count = 2;
    if (options && options->weight.tape)
        in[count++] = rg_detach(options->weight);
    return rg_record(op, count, in, &how);
}

rg_value rg_cross_entropy(rg_value logits, rg_value classes)
{
    return rg_cross_entropy_with(logits, classes, NULL);
}

rg_value rg_cross_entropy_with(rg_value logits, rg_value classes,
                               const rg_cross_entropy_options *options)
{
    return record_entropy(&op_cross_entropy, logits, classes, options);
}

/* ---- the same with log-probabilities ---- */

/* Whether classes and weights fit the scores, in cross_entropy's words. */
static bool fits(const rg_op *op, int count, const rg_value *in, const entropy_attributes *how)
{
    rg_tape *tape = in[0].tape;
    rg_tensor room[3], out = {0};
    const rg_tensor *tensors[3] = {NULL};
    for (int k = 0; k < count; k++) {
        tensors[k] = rgi_tensor_of(tape, rgi_node(tape, in[k].serial), &room[k]);
        if ((tensors[k]->type == RG_I64) != (k == 1)) {
            rg_op_fail(op, tape, RG_ERROR_TYPE, "input %d must be %s, not %s", k + 1,
                       k == 1 ? "int64" : "floating", rg_type_name(tensors[k]->type));
            return false;
        }
    }
    rg_call call = {
        .op = op, .count = count, .in = tensors, .out = &out, .attributes = how, .tape = tape};
    return entropy_shape(&call) == RG_OK;
}

static rg_value nll_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    const entropy_attributes *how = attributes;
    rg_value dense[3] = {in[0], rg_dense(in[1]), count > 2 ? rg_dense(in[2]) : in[0]};
    if (!fits(op, count, dense, how))
        return rgi_inert(in[0].tape);
    rg_value terms = rgi_guarded(target_weights(count, dense, how), rg_neg(in[0]));
    return how->reduction == RG_NONE ? rg_sum_over(terms, RG_AXES(1), 0) : rg_sum(terms);
}

static const rg_op op_nll_loss = {.name = "nll_loss",
                                  .formula = "-x[t], reduced over items",
                                  .gradient = "-g onehot(t) / n",
                                  .kinks = "0 if every item is ignored",
                                  .integers = 2,
                                  .attribute_size = sizeof(entropy_attributes),
                                  .compose = nll_compose,
                                  RGI_SAMPLES(entropy_samples)};

rg_value rg_nll_loss(rg_value x, rg_value classes, const rg_cross_entropy_options *options)
{
    rg_cross_entropy_options plain =
        options ? *options : (rg_cross_entropy_options){.reduction = RG_MEAN};
    plain.label_smoothing = 0;
    return record_entropy(&op_nll_loss, x, classes, &plain);
}

/* ---- cross-entropy with distributions ---- */

static rg_value soft_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    const entropy_attributes *how = attributes;
    rg_value x = in[0], t = in[1];
    rg_shape shape = rg_get_shape(x), given = rg_get_shape(t);
    if (shape.rank < 2 || !rg_shape_equal(&shape, &given)) {
        char logits[RG_SHAPE_TEXT_SIZE], target[RG_SHAPE_TEXT_SIZE];
        return rg_op_fail(op, x.tape, RG_ERROR_SHAPE,
                          "logits %s and targets %s are not both [N, C, ..]",
                          rg_shape_text(&shape, logits), rg_shape_text(&given, target));
    }
    double classes = (double)shape.dim[1];
    if (!(how->smoothing >= 0 && how->smoothing <= 1))
        return rg_op_fail(op, x.tape, RG_ERROR_ARGUMENT, "label smoothing %g is not in [0, 1]",
                          how->smoothing);
    if (how->smoothing > 0)
        t = rg_add(rg_mul(1 - how->smoothing, t), how->smoothing / classes);
    if (count > 2) {
        if (rg_get_shape(in[2]).rank != 1 || rg_size(in[2]) != shape.dim[1])
            return rg_op_fail(op, x.tape, RG_ERROR_SHAPE,
                              "there are not as many weights as classes");
        rg_shape column = {.rank = shape.rank - 1, .dim = {shape.dim[1], 1, 1, 1, 1, 1, 1, 1}};
        t = rg_mul(t, rg_reshape(rg_detach(in[2]), column));
    }
    rg_value loss = rg_neg(rg_sum_over(rgi_guarded(t, rg_log_softmax(x, 1)), RG_AXES(1), 0));
    if (how->reduction == RG_NONE)
        return loss;
    rg_value sum = rg_sum(loss);
    return how->reduction == RG_MEAN ? rg_div(sum, (double)rg_size(loss)) : sum;
}

static const rg_sample soft_samples[] = {
    {.shape = {{2, {4, 3}}, {2, {4, 3}}},
     .low = {-2, 0},
     .high = {2, 1},
     .attributes = &plain_entropy,
     .count = 2},
    {.shape = {{3, {2, 3, 2}}, {3, {2, 3, 2}}, {1, {3}}},
     .low = {-2, 0, 0.5},
     .high = {2, 1, 1},
     .attributes = &smooth_entropy,
     .count = 3},
};
static const rg_op op_cross_entropy_soft = {.name = "cross_entropy_soft",
                                            .formula = "-sum t ln softmax(x), reduced over items",
                                            .gradient = "g (softmax(x) sum t - t) / n, "
                                                        "-g ln softmax(x) / n, 0",
                                            .attribute_size = sizeof(entropy_attributes),
                                            .compose = soft_compose,
                                            RGI_SAMPLES(soft_samples)};

rg_value rg_cross_entropy_soft(rg_value logits, rg_value target,
                               const rg_cross_entropy_options *options)
{
    return record_entropy(&op_cross_entropy_soft, logits, target, options);
}

rgi_family rgi_entropy_family = {&op_cross_entropy, &op_nll_loss, &op_cross_entropy_soft, NULL};
