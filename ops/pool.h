/*
 * pool.h: the largest element or the mean of each window of an image.
 *
 * Both take x [N, C, H, W] to [N, C, H', W'] with H' = floor((H + 2 p - d (k - 1) - 1) / s) + 1 for
 * kernel k, stride s, padding p and dilation d of each axis. With ceil_mode that is rounded up,
 * unless the last window would start behind the image, in the padding. RG_ERROR_SHAPE if x has not
 * four axes or the kernel is larger than the padded image, RG_ERROR_ARGUMENT if there is no kernel,
 * an option is negative, or the padding is more than half the kernel.
 */
#ifndef RG_OPS_POOL_H
#define RG_OPS_POOL_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* Each for rows and columns. Zero fields mean the default beside them. */
typedef struct rg_max_pool_options {
    int kernel[2];   /* size of the window; must be given */
    int stride[2];   /* from one window to the next; the kernel */
    int padding[2];  /* added on both sides, smaller than every element; 0 */
    int dilation[2]; /* from one element of the window to the next; 1 */
    int ceil_mode;   /* 1: a last window may reach beyond the padding */
} rg_max_pool_options;

/* The largest element of each window. Its gradient goes to that element, at a tie to the first, row
 * by row. The first NaN of a window wins. RG_ERROR_SHAPE if a window lies wholly in the padding,
 * which a dilation can bring about. */
RG_API rg_value rg_max_pool2d(rg_value x, const rg_max_pool_options *options);

typedef struct rg_avg_pool_options {
    int kernel[2];         /* size of the window; must be given */
    int stride[2];         /* from one window to the next; the kernel */
    int padding[2];        /* zeros added on both sides; 0 */
    int ceil_mode;         /* 1: a last window may reach beyond the padding */
    int count_include_pad; /* 1: the padding counts as elements; what lies beyond it never does */
} rg_avg_pool_options;

/* The sum of each window divided by the number of its elements; the gradient of each is g divided
 * by that number. */
RG_API rg_value rg_avg_pool2d(rg_value x, const rg_avg_pool_options *options);

RG_END_DECLS

#endif
