#include "window.h"

#include <inttypes.h>
#include <string.h>

/* ---- how many windows there are ---- */

/* Along one axis. Nothing overflows: sizes and reaches are limited first. */
static bool fit_axis(rgi_window *w, int axis, bool ceil_mode, const rg_op *op, rg_tape *tape)
{
    const int64_t limit = INT64_MAX / 4;
    int64_t size = w->size[axis], kernel = w->kernel[axis], stride = w->stride[axis];
    int64_t padding = w->padding[axis], dilation = w->dilation[axis];
    if (kernel < 1 || stride < 1 || padding < 0 || dilation < 1) {
        rg_op_fail(op, tape, RG_ERROR_ARGUMENT,
                   "a kernel of %" PRId64 " with stride %" PRId64 ", padding %" PRId64
                   " and dilation %" PRId64 " is not allowed",
                   kernel, stride, padding, dilation);
        return false;
    }
    if (size > limit || stride > limit || padding > limit / 4 || kernel - 1 > limit / dilation) {
        rg_op_fail(op, tape, RG_ERROR_LIMIT, "the windows are too large");
        return false;
    }
    int64_t room = size + 2 * padding - (kernel - 1) * dilation - 1;
    if (room < 0 && !(ceil_mode && room > -stride)) {
        rg_op_fail(op, tape, RG_ERROR_SHAPE,
                   "a kernel of %" PRId64 " with dilation %" PRId64
                   " does not fit an axis of size %" PRId64 " with padding %" PRId64,
                   kernel, dilation, size, padding);
        return false;
    }
    int64_t count = room / stride + 1;
    if (ceil_mode && room % stride > 0 && count * stride < size + padding)
        count++;
    w->count[axis] = count;
    return true;
}

bool rgi_window_fit(rgi_window *w, bool ceil_mode, const rg_op *op, rg_tape *tape)
{
    return fit_axis(w, 0, ceil_mode, op, tape) && fit_axis(w, 1, ceil_mode, op, tape);
}

/* ---- moving elements between the image and the windows ---- */

#define ADD_RUN(T)                  \
    for (int64_t i = 0; i < n; i++) \
    ((T *)to)[to_first + i * to_step] += ((const T *)from)[from_first + i * from_step]

/* Adds n elements. */
static void add_run(rg_type type, int64_t n, const void *from, int64_t from_first,
                    int64_t from_step, void *to, int64_t to_first, int64_t to_step)
{
    RGI_BY_TYPE(type, ADD_RUN);
}

/* The columns j for which tap l of window j lies in the image: from *first up to the result. */
static int64_t columns_inside(const rgi_window *w, int64_t l, int64_t *first)
{
    int64_t start = l * w->dilation[1] - w->padding[1], stride = w->stride[1];
    int64_t end = start >= w->size[1] ? 0 : (w->size[1] - 1 - start) / stride + 1;
    *first = start < 0 ? (stride - 1 - start) / stride : 0;
    return end < w->count[1] ? end : w->count[1];
}

/* For one plane and row k of the kernel: adds the image's elements to the taps (`folding` false),
 * or the taps to the image. `taps` and `image` say where the plane's begin. */
static void move_kernel_row(const rgi_window *w, rg_type type, bool folding, int64_t k,
                            const void *from, void *to, int64_t image, int64_t taps)
{
    for (int64_t l = 0; l < w->kernel[1]; l++) {
        int64_t first, end = columns_inside(w, l, &first);
        int64_t column = first * w->stride[1] - w->padding[1] + l * w->dilation[1];
        for (int64_t i = 0; i < w->count[0]; i++) {
            int64_t row = i * w->stride[0] - w->padding[0] + k * w->dilation[0];
            if (row < 0 || row >= w->size[0])
                continue;
            int64_t pixel = image + row * w->size[1] + column;
            int64_t tap = taps + ((k * w->kernel[1] + l) * w->count[0] + i) * w->count[1] + first;
            if (folding)
                add_run(type, end - first, from, tap, 1, to, pixel, w->stride[1]);
            else
                add_run(type, end - first, from, pixel, w->stride[1], to, tap, 1);
        }
    }
}

static void move(const rg_call *call, bool folding, const void *from, void *to)
{
    const rgi_window *w = call->attributes;
    const rg_shape *shape = &call->in[0]->shape;
    int64_t image_size = w->size[0] * w->size[1];
    int64_t taps_size = w->kernel[0] * w->kernel[1] * w->count[0] * w->count[1];
    for (int64_t p = 0; p < shape->dim[0] * shape->dim[1]; p++)
        for (int64_t k = 0; k < w->kernel[0]; k++)
            move_kernel_row(w, call->out->type, folding, k, from, to, p * image_size,
                            p * taps_size);
}

static rg_status move_forward(rg_call *call, bool folding)
{
    rg_tensor *out = call->out;
    if (out->size == 0)
        return RG_OK;
    memset(out->data, 0, (size_t)out->size * rg_type_size(out->type));
    move(call, folding, call->in[0]->data, out->data);
    return RG_OK;
}

static void move_backward(rg_call *call, bool folding)
{
    if (call->out->size > 0)
        move(call, !folding, call->out->grad, call->in[0]->grad);
}

/* ---- unfold, and fold as its reverse ---- */

/* Turns [N, C, from..] into [N, C, to..]. */
static rg_status replace_axes(rg_call *call, int from_rank, const int64_t *from, int to_rank,
                              const int64_t *to)
{
    const rg_shape *in = &call->in[0]->shape;
    rg_shape *out = &call->out->shape;
    bool fits = in->rank == 2 + from_rank;
    for (int i = 0; fits && i < from_rank; i++)
        fits = in->dim[2 + i] == from[i];
    if (!fits) {
        char text[RG_SHAPE_TEXT_SIZE];
        return rg_call_fail(call, RG_ERROR_SHAPE, "%s does not fit the windows",
                            rg_shape_text(in, text));
    }
    out->rank = 2 + to_rank;
    memcpy(&out->dim[2], to, (size_t)to_rank * sizeof *to);
    return RG_OK;
}

static rg_status unfold_shape(rg_call *call)
{
    const rgi_window *w = call->attributes;
    const int64_t taps[4] = {w->kernel[0], w->kernel[1], w->count[0], w->count[1]};
    return replace_axes(call, 2, w->size, 4, taps);
}

static rg_status fold_shape(rg_call *call)
{
    const rgi_window *w = call->attributes;
    const int64_t taps[4] = {w->kernel[0], w->kernel[1], w->count[0], w->count[1]};
    return replace_axes(call, 4, taps, 2, w->size);
}

static rg_status unfold_forward(rg_call *call)
{
    return move_forward(call, false);
}

static void unfold_backward(rg_call *call)
{
    move_backward(call, false);
}

static rg_status fold_forward(rg_call *call)
{
    return move_forward(call, true);
}

static void fold_backward(rg_call *call)
{
    move_backward(call, true);
}

static rg_value fold(rg_value x, const rgi_window *w);

static void unfold_rule(const rg_rule *rule)
{
    rule->grads[0] = fold(rule->upstream, rule->attributes);
}

static void fold_rule(const rg_rule *rule)
{
    rule->grads[0] = rgi_unfold(rule->upstream, rule->attributes);
}

static const rgi_window uneven = {.size = {4, 5},
                                  .kernel = {2, 2},
                                  .stride = {1, 3},
                                  .padding = {1, 0},
                                  .dilation = {2, 1},
                                  .count = {4, 2}};
static const rg_sample unfold_samples[] = {
    {.shape = {{4, {2, 2, 4, 5}}}, .low = {-2}, .high = {2}, .attributes = &uneven},
};
static const rg_op op_unfold = {.name = "unfold",
                                .formula = "the taps of each window, 0 in the padding",
                                .gradient = "g added where the taps lie",
                                .arity = 1,
                                .attribute_size = sizeof(rgi_window),
                                .shape = unfold_shape,
                                .forward = unfold_forward,
                                .backward = unfold_backward,
                                .rule = unfold_rule,
                                RGI_SAMPLES(unfold_samples)};

rg_value rgi_unfold(rg_value x, const rgi_window *w)
{
    return rg_record(&op_unfold, 1, &x, w);
}

static const rg_sample fold_samples[] = {
    {.shape = {{6, {1, 2, 2, 2, 4, 2}}}, .low = {-2}, .high = {2}, .attributes = &uneven},
};
static const rg_op op_fold = {.name = "fold",
                              .formula = "the taps of all windows added where they lie",
                              .gradient = "g at the taps, 0 in the padding",
                              .arity = 1,
                              .attribute_size = sizeof(rgi_window),
                              .shape = fold_shape,
                              .forward = fold_forward,
                              .backward = fold_backward,
                              .rule = fold_rule,
                              RGI_SAMPLES(fold_samples)};

static rg_value fold(rg_value x, const rgi_window *w)
{
    return rg_record(&op_fold, 1, &x, w);
}

rgi_family rgi_window_family = {&op_unfold, &op_fold, NULL};
