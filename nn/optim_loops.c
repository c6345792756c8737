/* optim_loops.c: built once for each instruction set, with RGI_OPTIM_LOOPS naming the table. */
#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "optimizer.h"

#define T       double
#define NAME(f) f##_f64
#define SQRT    sqrt
#define ABS     fabs
#define TINY    DBL_MIN
#include "optim.inc"

#define T       float
#define NAME(f) f##_f32
#define SQRT    sqrtf
#define ABS     fabsf
#define TINY    FLT_MIN
#include "optim.inc"

#define LOOP_F64(name) [RGI_LOOP_##name] = name##_f64,
#define LOOP_F32(name) [RGI_LOOP_##name] = name##_f32,

rgi_loop_table RGI_OPTIM_LOOPS = {
    [RG_F64] = {RGI_LOOPS(LOOP_F64)},
    [RG_F32] = {RGI_LOOPS(LOOP_F32)},
};
