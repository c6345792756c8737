/*
 * conv.h: convolutions, as neural networks mean them: cross-correlations, without turning the
 * kernel.
 *
 * They are made of other operations (the taps of all windows, times the kernels as a matrix), so
 * gradients of every order follow. The taps need kh kw times the memory of x. Products follow IEEE
 * arithmetic: here a zero upstream times an infinite element is NaN.
 */
#ifndef RG_OPS_CONV_H
#define RG_OPS_CONV_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* Each for rows and columns; conv1d looks at the first. Zero fields mean the default beside them.
 */
typedef struct rg_conv_options {
    int stride[2];   /* from one window to the next; 1 */
    int padding[2];  /* zeros added on both sides; 0 */
    int dilation[2]; /* from one element under the kernel to the next; 1 */
    int groups;      /* C and O are cut into so many parts, each convolved by itself; 1 */
} rg_conv_options;

/* x [N, C, H, W], w [O, C / groups, kh, kw], b [O] -> [N, O, H', W']:
 *
 *     y[n][o][i][j] = b[o] + sum over c, k, l of w[o][c][k][l] x[n][c'][i s - p + k d][j s - p + l
 * d]
 *
 * with stride s, padding p and dilation d of each axis, c' the channel c of o's group, and x 0
 * outside. H' = floor((H + 2 p - d (kh - 1) - 1) / s) + 1. (rg_value){0} as b leaves it out;
 * `options` NULL: the defaults. Gradients: g correlated with x to w, g spread by w to x, the sum of
 * g to b. RG_ERROR_SHAPE if the shapes do not go together or the kernel is larger than the padded
 * image, RG_ERROR_ARGUMENT for a negative option. (V. Dumoulin and F. Visin, "A guide to
 * convolution arithmetic for deep learning", 2016) */
RG_API rg_value rg_conv2d(rg_value x, rg_value w, rg_value b, const rg_conv_options *options);

/* The same along one axis: x [N, C, L], w [O, C / groups, k], b [O] -> [N, O, L']. */
RG_API rg_value rg_conv1d(rg_value x, rg_value w, rg_value b, const rg_conv_options *options);

RG_END_DECLS

#endif
