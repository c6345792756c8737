/* strided.c: moving elements between dense memory and strided views, and between types. */
#include <string.h>

#include "internal.h"

int64_t rgi_offset_of(const rg_tensor *tensor, int64_t place)
{
    int64_t offset = 0;
    for (int i = tensor->shape.rank - 1; i >= 0; i--) {
        offset += place % tensor->shape.dim[i] * tensor->stride[i];
        place /= tensor->shape.dim[i];
    }
    return offset;
}

/* Walks a strided tensor row by row (a row is the last axis) in row-major order. */
typedef struct row_walk {
    const rg_tensor *tensor;
    int64_t index[RG_MAX_RANK];
    int64_t offset, length, step;
} row_walk;

/* False if there is no row at all. */
static bool walk_begin(row_walk *walk, const rg_tensor *tensor)
{
    int rank = tensor->shape.rank;
    memset(walk, 0, sizeof *walk);
    walk->tensor = tensor;
    walk->length = rank ? tensor->shape.dim[rank - 1] : 1;
    walk->step = rank ? tensor->stride[rank - 1] : 1;
    return tensor->size > 0;
}

static bool walk_next(row_walk *walk)
{
    const rg_tensor *tensor = walk->tensor;
    for (int i = tensor->shape.rank - 2; i >= 0; i--) {
        walk->offset += tensor->stride[i];
        if (++walk->index[i] < tensor->shape.dim[i])
            return true;
        walk->offset -= tensor->stride[i] * tensor->shape.dim[i];
        walk->index[i] = 0;
    }
    return false;
}

#define COPY_ROW(T)                           \
    for (int64_t i = 0; i < walk.length; i++) \
    ((T *)out)[i] = ((const T *)in->data)[walk.offset + i * walk.step]

void rgi_copy_to_dense(void *out, const rg_tensor *in)
{
    size_t width = rg_type_size(in->type);
    if (in->dense) {
        if (in->size > 0)
            memcpy(out, in->data, (size_t)in->size * width);
        return;
    }
    row_walk walk;
    if (!walk_begin(&walk, in))
        return;
    do {
        if (in->type == RG_F64)
            COPY_ROW(double);
        else if (in->type == RG_F32)
            COPY_ROW(float);
        else
            COPY_ROW(int64_t);
        out = (char *)out + (size_t)walk.length * width;
    } while (walk_next(&walk));
}

#define ADD_ROW(T)                            \
    for (int64_t i = 0; i < walk.length; i++) \
    ((T *)out->data)[walk.offset + i * walk.step] += ((const T *)in)[i]

void rgi_add_to_strided(const rg_tensor *out, const void *in)
{
    size_t width = rg_type_size(out->type);
    row_walk walk;
    if (!walk_begin(&walk, out))
        return;
    do {
        if (out->type == RG_F64)
            ADD_ROW(double);
        else
            ADD_ROW(float);
        in = (const char *)in + (size_t)walk.length * width;
    } while (walk_next(&walk));
}

#define TAKE_ROW(T)                           \
    for (int64_t i = 0; i < walk.length; i++) \
    ((T *)out)[i] += ((const T *)in->data)[walk.offset + i * walk.step]

void rgi_add_from_strided(void *out, const rg_tensor *in)
{
    size_t width = rg_type_size(in->type);
    row_walk walk;
    if (!walk_begin(&walk, in))
        return;
    do {
        if (in->type == RG_F64)
            TAKE_ROW(double);
        else
            TAKE_ROW(float);
        out = (char *)out + (size_t)walk.length * width;
    } while (walk_next(&walk));
}

#define CONVERT(TO, FROM)              \
    for (int64_t i = 0; i < size; i++) \
    ((TO *)out)[i] = (TO)((const FROM *)in)[i]

void rgi_convert(void *out, rg_type out_type, const void *in, rg_type in_type, int64_t size)
{
    if (out_type == in_type) {
        if (size > 0)
            memcpy(out, in, (size_t)size * rg_type_size(in_type));
    } else if (out_type == RG_F64) {
        if (in_type == RG_F32)
            CONVERT(double, float);
        else
            CONVERT(double, int64_t);
    } else if (out_type == RG_F32) {
        if (in_type == RG_F64)
            CONVERT(float, double);
        else
            CONVERT(float, int64_t);
    } else {
        if (in_type == RG_F64)
            CONVERT(int64_t, double);
        else
            CONVERT(int64_t, float);
    }
}
