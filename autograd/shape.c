#include "shape.h"

#include <inttypes.h>
#include <stdio.h>

#include "internal.h"

size_t rg_type_size(rg_type type)
{
    return rgi_width(type);
}

const char *rg_type_name(rg_type type)
{
    return type == RG_F32 ? "float32" : type == RG_I64 ? "int64" : "float64";
}

int64_t rg_shape_size(const rg_shape *shape)
{
    if (shape->rank < 0 || shape->rank > RG_MAX_RANK)
        return -1;
    int64_t size = 1;
    int empty = 0;
    for (int i = 0; i < shape->rank; i++) {
        int64_t dim = shape->dim[i];
        if (dim < 0)
            return -1;
        if (dim == 0)
            empty = 1;
        else if ((size | dim) >> 31 && size > INT64_MAX / dim) /* divisions are slow */
            return -1;
        else
            size *= dim;
    }
    return empty ? 0 : size;
}

int rg_shape_equal(const rg_shape *a, const rg_shape *b)
{
    if (a->rank != b->rank)
        return 0;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return 0;
    return 1;
}

char *rg_shape_text(const rg_shape *shape, char *text)
{
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < shape->rank && i < RG_MAX_RANK; i++)
        used += (size_t)snprintf(text + used, RG_SHAPE_TEXT_SIZE - used, "%s%" PRId64,
                                 i ? ", " : "", shape->dim[i]);
    text[used++] = ']';
    text[used] = 0;
    return text;
}
