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

#define T          double
#define TYPE       f64
#define LIBM(name) name
#include "math.inc"
#include "elementwise.inc"
#include "matmul.inc"
#include "math_end.inc"

#include "float32.inc"
#define T          float
#define TYPE       f32
#define LIBM(name) fast_##name
#include "math.inc"
#include "elementwise.inc"
#include "matmul.inc"
#include "math_end.inc"

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
    }

const rgi_kernels RGI_KERNELS[2] = {TABLE(f64), TABLE(f32)};
