/*
 * shape.h: element types, shapes and lists of axes.
 *
 * Tensors are row-major (the last index runs fastest) and have rank 0 to 8. A scalar has rank 0 and
 * one element; a tensor with a 0 among its dimensions has none and is allowed everywhere.
 */
#ifndef RG_AUTOGRAD_SHAPE_H
#define RG_AUTOGRAD_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"

RG_BEGIN_DECLS

enum { RG_MAX_RANK = 8 };

/* Element types. RG_I64 holds indices and classes; it never has a gradient. */
typedef enum rg_type { RG_F64, RG_F32, RG_I64 } rg_type;

/* A shape: `rank` dimensions, each >= 0. Write RG_SHAPE(2, 3), or RG_SCALAR for rank 0. */
typedef struct rg_shape {
    int rank;
    int64_t dim[RG_MAX_RANK];
} rg_shape;

/* A list of axes or of coordinates. Write RG_AXES(0, -1); negative axes count from the end. */
typedef struct rg_axes {
    int count;
    int64_t axis[RG_MAX_RANK];
} rg_axes;

/* The size of one element in bytes. */
RG_API size_t rg_type_size(rg_type type);

/* "float64", "float32" or "int64". The string is static. */
RG_API const char *rg_type_name(rg_type type);

/* The number of elements (1 for rank 0); -1 if a dimension is negative, the rank is not in 0 to 8,
 * or the product of the dimensions other than 0 does not fit in 63 bits. */
RG_API int64_t rg_shape_size(const rg_shape *shape);

/* Whether two shapes have the same rank and dimensions. */
RG_API int rg_shape_equal(const rg_shape *a, const rg_shape *b);

enum { RG_SHAPE_TEXT_SIZE = 192 };

/* Writes "[2, 3]" ("[]" for rank 0) into `text`, which holds RG_SHAPE_TEXT_SIZE bytes, and returns
 * it. */
RG_API char *rg_shape_text(const rg_shape *shape, char *text);

RG_END_DECLS

#ifdef __cplusplus
#include <initializer_list>
inline rg_shape rgi_shape_list(std::initializer_list<int64_t> dims)
{
    rg_shape shape = {(int)dims.size(), {0, 0, 0, 0, 0, 0, 0, 0}};
    int k = 0;
    for (int64_t dim : dims)
        if (k < RG_MAX_RANK)
            shape.dim[k++] = dim;
    return shape;
}
inline rg_axes rgi_axes_list(std::initializer_list<int64_t> list)
{
    rg_axes axes = {(int)list.size(), {0, 0, 0, 0, 0, 0, 0, 0}};
    int k = 0;
    for (int64_t axis : list)
        if (k < RG_MAX_RANK)
            axes.axis[k++] = axis;
    return axes;
}
#define RG_SHAPE(...) rgi_shape_list({__VA_ARGS__})
#define RG_AXES(...)  rgi_axes_list({__VA_ARGS__})
#define RG_SCALAR     rgi_shape_list({})
#else
#define RGI_COUNT(...) ((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
#define RG_SHAPE(...)  ((rg_shape){RGI_COUNT(__VA_ARGS__), {__VA_ARGS__}})
#define RG_AXES(...)   ((rg_axes){RGI_COUNT(__VA_ARGS__), {__VA_ARGS__}})
#define RG_SCALAR      ((rg_shape){0, {0}})
#endif

#endif
