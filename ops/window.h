/*
 * window.h: a window that slides over the last two axes of [N, C, H, W], what convolution and
 * pooling share (private).
 *
 * Window number (i, j) starts at row i stride[0] - padding[0] and column j stride[1] - padding[1];
 * its tap (k, l) lies k dilation[0] rows and l dilation[1] columns further on. Taps outside the
 * image lie in the padding. (V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep
 * learning", 2016)
 */
#ifndef RG_OPS_WINDOW_H
#define RG_OPS_WINDOW_H

#include "family.h"

/* Each for rows and columns. The attributes of the operations below. */
typedef struct rgi_window {
    int64_t size[2]; /* of the image: H and W */
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int64_t count[2]; /* of windows */
} rgi_window;

/* Sets w->count from the rest, for an operation `op` being composed on `tape`; false, with the
 * tape's error set, if a number is not allowed or the kernel does not fit. With ceil_mode a last
 * window may reach beyond the padding, but starts before it. */
bool rgi_window_fit(rgi_window *w, bool ceil_mode, const rg_op *op, rg_tape *tape);

/* The taps of each window, 0 in the padding: [N, C, H, W] -> [N, C, kernel.., count..]. */
rg_value rgi_unfold(rg_value x, const rgi_window *w);

#endif
