/* pool.c: pooling: a search for the largest element and gather, or sums of unfolded windows. */
#include "pool.h"

#include <inttypes.h>

#include "elementwise.h"
#include "index.h"
#include "reduce.h"
#include "shape_ops.h"
#include "window.h"

/* The options both kinds have. */
typedef struct options {
    const int *kernel, *stride, *padding, *dilation;
    int ceil_mode;
} options;

/* Checks x and the options and works out the windows; false with the tape's error set. */
static bool windows_of(rgi_window *w, const rg_op *op, rg_value x, options how)
{
    rg_shape shape = rg_get_shape(x);
    if (shape.rank != 4) {
        char text[RG_SHAPE_TEXT_SIZE];
        rg_op_fail(op, x.tape, RG_ERROR_SHAPE, "x %s is not [N, C, H, W]",
                   rg_shape_text(&shape, text));
        return false;
    }
    for (int i = 0; i < 2; i++) {
        w->size[i] = shape.dim[2 + i];
        w->kernel[i] = how.kernel[i];
        w->stride[i] = how.stride[i] ? how.stride[i] : how.kernel[i];
        w->padding[i] = how.padding[i];
        w->dilation[i] = how.dilation[i] ? how.dilation[i] : 1;
        if (w->padding[i] > w->kernel[i] / 2) {
            rg_op_fail(op, x.tape, RG_ERROR_ARGUMENT,
                       "a padding of %" PRId64 " is more than half a kernel of %" PRId64,
                       w->padding[i], w->kernel[i]);
            return false;
        }
    }
    return rgi_window_fit(w, how.ceil_mode != 0, op, x.tape);
}

/* ---- max_pool2d ---- */

static rg_status place_shape(rg_call *call)
{
    const rgi_window *w = call->attributes;
    rg_tensor *out = call->out;
    const rg_shape *x = &call->in[0]->shape;
    if (x->rank != 4 || x->dim[2] != w->size[0] || x->dim[3] != w->size[1])
        return rg_call_fail(call, RG_ERROR_SHAPE, "x does not fit the windows");
    out->type = RG_I64;
    out->shape.dim[2] = w->count[0];
    out->shape.dim[3] = w->count[1];
    return RG_OK;
}

/* The first NaN stays, as nothing is larger. */
#define LARGER(T)                                                \
    larger =                                                     \
        best < 0 || ((const T *)x)[at] > ((const T *)x)[best] || \
        (((const T *)x)[at] != ((const T *)x)[at] && ((const T *)x)[best] == ((const T *)x)[best])

/* The place in the plane of the largest tap of window (i, j), -1 if all lie in the padding. */
static int64_t largest_place(const rgi_window *w, rg_type type, const void *x, int64_t i, int64_t j)
{
    int64_t best = -1;
    for (int64_t k = 0; k < w->kernel[0]; k++) {
        int64_t row = i * w->stride[0] - w->padding[0] + k * w->dilation[0];
        if (row < 0 || row >= w->size[0])
            continue;
        for (int64_t l = 0; l < w->kernel[1]; l++) {
            int64_t column = j * w->stride[1] - w->padding[1] + l * w->dilation[1];
            int64_t at = row * w->size[1] + column;
            bool larger;
            if (column < 0 || column >= w->size[1])
                continue;
            RGI_BY_TYPE(type, LARGER);
            best = larger ? at : best;
        }
    }
    return best;
}

static rg_status place_forward(rg_call *call)
{
    const rgi_window *w = call->attributes;
    const rg_tensor *x = call->in[0];
    int64_t *place = call->out->data;
    size_t plane = (size_t)(w->size[0] * w->size[1]) * rg_type_size(x->type);
    for (int64_t p = 0; p < x->shape.dim[0] * x->shape.dim[1]; p++)
        for (int64_t i = 0; i < w->count[0]; i++)
            for (int64_t j = 0; j < w->count[1]; j++) {
                const char *from = (const char *)x->data + (size_t)p * plane;
                *place = largest_place(w, x->type, from, i, j);
                if (*place++ < 0)
                    return rg_call_fail(
                        call, RG_ERROR_SHAPE,
                        "window [%" PRId64 ", %" PRId64 "] lies wholly in the padding", i, j);
            }
    return RG_OK;
}

static const rg_op op_place = {.name = "max_pool2d_place",
                               .formula = "the place of each window's largest element in its plane",
                               .gradient = "0",
                               .kinks = "at a tie the first; the first NaN wins",
                               .arity = 1,
                               .attribute_size = sizeof(rgi_window),
                               .shape = place_shape,
                               .forward = place_forward};

static rg_value max_pool_compose(const rg_op *op, int count, const rg_value *in,
                                 const void *attributes)
{
    const rg_max_pool_options *o = attributes;
    options how = {o->kernel, o->stride, o->padding, o->dilation, o->ceil_mode};
    rgi_window w;
    (void)count;
    if (!windows_of(&w, op, in[0], how))
        return rgi_inert(in[0].tape);
    rg_value place = rg_record(&op_place, 1, in, &w);
    if (!rg_is_live(place))
        return place;
    rg_shape out = rg_get_shape(place);
    int64_t n = out.dim[0], c = out.dim[1];
    rg_value flat = rg_reshape(in[0], RG_SHAPE(n, c, w.size[0] * w.size[1]));
    place = rg_reshape(place, RG_SHAPE(n, c, out.dim[2] * out.dim[3]));
    return rg_reshape(rg_gather(flat, 2, place), out);
}

static const rg_max_pool_options max_plain = {.kernel = {2, 2}};
static const rg_max_pool_options max_spread = {
    .kernel = {3, 2}, .stride = {1, 2}, .padding = {1, 0}, .dilation = {1, 2}, .ceil_mode = 1};
static const rg_sample max_samples[] = {
    {.shape = {{4, {2, 2, 4, 5}}}, .low = {-2}, .high = {2}, .attributes = &max_plain},
    {.shape = {{4, {1, 2, 4, 6}}}, .low = {-2}, .high = {2}, .attributes = &max_spread},
};
static const rg_op op_max_pool2d = {.name = "max_pool2d",
                                    .formula = "the largest element of each window",
                                    .gradient = "g to that element",
                                    .kinks = "at a tie the first; the first NaN wins",
                                    .arity = 1,
                                    .attribute_size = sizeof(rg_max_pool_options),
                                    .compose = max_pool_compose,
                                    RGI_SAMPLES(max_samples)};

rg_value rg_max_pool2d(rg_value x, const rg_max_pool_options *options)
{
    return rg_record(&op_max_pool2d, 1, &x, options);
}

/* ---- avg_pool2d ---- */

static rg_value window_sums(rg_value x, const rgi_window *w)
{
    return rg_sum_over(rgi_unfold(x, w), RG_AXES(2, 3), 0);
}

/* How many elements each window has, [1, 1, H', W']: its sums over an image of ones, which the
 * padding belongs to or not. */
static rg_value window_sizes(rg_value x, rgi_window w, bool include_padding)
{
    for (int i = 0; i < 2 && include_padding; i++) {
        w.size[i] += 2 * w.padding[i];
        w.padding[i] = 0;
    }
    rg_value ones =
        rg_constant_tensor(x.tape, rg_get_type(x), RG_SHAPE(1, 1, w.size[0], w.size[1]), NULL);
    rgi_fill(ones, 1);
    return window_sums(ones, &w);
}

static rg_value avg_pool_compose(const rg_op *op, int count, const rg_value *in,
                                 const void *attributes)
{
    static const int once[2] = {1, 1};
    const rg_avg_pool_options *o = attributes;
    options how = {o->kernel, o->stride, o->padding, once, o->ceil_mode};
    rgi_window w;
    (void)count;
    if (!windows_of(&w, op, in[0], how))
        return rgi_inert(in[0].tape);
    rg_value sums = window_sums(in[0], &w);
    if (!rg_is_live(sums))
        return sums;
    return rg_div(sums, window_sizes(in[0], w, o->count_include_pad != 0));
}

static const rg_avg_pool_options avg_plain = {.kernel = {2, 2}};
static const rg_avg_pool_options avg_spread = {
    .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .ceil_mode = 1, .count_include_pad = 1};
static const rg_sample avg_samples[] = {
    {.shape = {{4, {2, 2, 4, 5}}}, .low = {-2}, .high = {2}, .attributes = &avg_plain},
    {.shape = {{4, {1, 2, 4, 3}}}, .low = {-2}, .high = {2}, .attributes = &avg_spread},
};
static const rg_op op_avg_pool2d = {.name = "avg_pool2d",
                                    .formula = "the mean of each window",
                                    .gradient = "g / n to each of a window's n elements",
                                    .arity = 1,
                                    .attribute_size = sizeof(rg_avg_pool_options),
                                    .compose = avg_pool_compose,
                                    RGI_SAMPLES(avg_samples)};

rg_value rg_avg_pool2d(rg_value x, const rg_avg_pool_options *options)
{
    return rg_record(&op_avg_pool2d, 1, &x, options);
}

rgi_family rgi_pool_family = {&op_place, &op_max_pool2d, &op_avg_pool2d, NULL};
