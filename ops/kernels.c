/*
 * kernels.c: built once for each instruction set, with RGI_KERNELS naming the table and
 * VECTOR_BYTES the width of a vector register.
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

#if defined(__clang__)
#define UNROLL_16 UNROLL
#else
#define UNROLL_16 _Pragma("GCC unroll 16")
#endif

/* ZIP(a, b, half): that half of a0 b0 a1 b1 .., of the vectors of 2, 4, 8 or 16 elements. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define ZIPS          1
#define ZIP_2(h)      (h), 2 + (h)
#define ZIP_4(h)      2 * (h), 4 + 2 * (h), 1 + 2 * (h), 5 + 2 * (h)
#define PAIR_8(h, i)  (i) + 4 * (h), 8 + (i) + 4 * (h)
#define ZIP_8(h)      PAIR_8(h, 0), PAIR_8(h, 1), PAIR_8(h, 2), PAIR_8(h, 3)
#define PAIR_16(h, i) (i) + 8 * (h), 16 + (i) + 8 * (h)
#define ZIP_16(h)                                                                             \
    PAIR_16(h, 0), PAIR_16(h, 1), PAIR_16(h, 2), PAIR_16(h, 3), PAIR_16(h, 4), PAIR_16(h, 5), \
        PAIR_16(h, 6), PAIR_16(h, 7)
#endif
#endif
#ifndef ZIPS
#define ZIPS 0
#endif
#if VECTOR_BYTES == 16
#define ZIP_f64 ZIP_2
#define ZIP_f32 ZIP_4
#elif VECTOR_BYTES == 32
#define ZIP_f64 ZIP_4
#define ZIP_f32 ZIP_8
#else
#define ZIP_f64 ZIP_8
#define ZIP_f32 ZIP_16
#endif

/* Sizes up to which a product is little (matmul.inc). */
enum { LITTLE = 32 };

#define T               double
#define TYPE            f64
#define ZIP(a, b, half) __builtin_shufflevector(a, b, ZIP_f64(half))
#define LIBM(name)      name
#include "math.inc"
#include "elementwise.inc"
#include "matmul.inc"
#include "bias.inc"
#include "math_end.inc"
#undef ZIP

#include "float32.inc"
#define T               float
#define TYPE            f32
#define ZIP(a, b, half) __builtin_shufflevector(a, b, ZIP_f32(half))
#define LIBM(name)      fast_##name
#include "math.inc"
#undef SECH2
#undef SIGMOID_SLOPE
#define SECH2(x)         fast_sech2(x)
#define SIGMOID_SLOPE(x) fast_sigmoid_slope(x)
#include "elementwise.inc"
#include "matmul.inc"
#include "bias.inc"
#include "math_end.inc"
#undef ZIP

#define FORWARD_f64(name, ...)  rgi_##name##_forward_f64,
#define FORWARD_f32(name, ...)  rgi_##name##_forward_f32,
#define BACKWARD_f64(name, ...) rgi_##name##_backward_f64,
#define BACKWARD_f32(name, ...) rgi_##name##_backward_f32,

#define TABLE(type)                                                                     \
    {                                                                                   \
        .unary_forward = {RGI_ALL_UNARY_ROWS(FORWARD_##type)},                          \
        .unary_backward = {RGI_ALL_UNARY_ROWS(BACKWARD_##type)},                        \
        .binary_forward = {RGI_ALL_BINARY_ROWS(FORWARD_##type)},                        \
        .binary_backward = {RGI_ALL_BINARY_ROWS(BACKWARD_##type)},                      \
        .step = {RGI_STEP_ROWS(FORWARD_##type)},                                        \
        .compare = {RGI_ALL_COMPARE_ROWS(FORWARD_##type)}, .matmul = rgi_matmul_##type, \
        .sum_rows = rgi_sum_rows_##type, .repeat_row = rgi_repeat_row_##type,           \
    }

const rgi_kernels RGI_KERNELS[2] = {TABLE(f64), TABLE(f32)};
