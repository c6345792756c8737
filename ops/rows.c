#include "rows.h"

#include <string.h>

void rgi_rows_begin(rgi_rows *rows, const rg_shape *shape)
{
    rows->streams = 0;
    rows->rank = shape->rank;
    memcpy(rows->dim, shape->dim, sizeof rows->dim);
}

/* A stream with `stride` on its own shape; 0 where the walk's shape stretches it. */
static void add(rgi_rows *rows, const rg_shape *shape, const int64_t *stride)
{
    int64_t *to = rows->stride[rows->streams++];
    int lead = rows->rank - shape->rank;
    for (int i = 0; i < rows->rank; i++)
        to[i] = i < lead || (shape->dim[i - lead] == 1 && rows->dim[i] != 1) ? 0 : stride[i - lead];
}

void rgi_rows_add_data(rgi_rows *rows, const rg_tensor *tensor)
{
    add(rows, &tensor->shape, tensor->stride);
}

void rgi_rows_add_grad(rgi_rows *rows, const rg_tensor *tensor)
{
    rg_tensor dense;
    dense.shape = tensor->shape;
    rgi_dense_strides(&dense);
    add(rows, &dense.shape, dense.stride);
}

static bool joins(const rgi_rows *rows, int outer, int inner)
{
    for (int s = 0; s < rows->streams; s++)
        if (rows->stride[s][outer] != rows->stride[s][inner] * rows->dim[inner])
            return false;
    return true;
}

/* Drops axes of size 1 and joins neighbours that run on. */
static void simplify(rgi_rows *rows)
{
    int used = 0;
    for (int i = 0; i < rows->rank; i++) {
        if (rows->dim[i] == 1)
            continue;
        rows->dim[used] = rows->dim[i];
        for (int s = 0; s < rows->streams; s++)
            rows->stride[s][used] = rows->stride[s][i];
        if (used > 0 && joins(rows, used - 1, used)) {
            rows->dim[used - 1] *= rows->dim[used];
            for (int s = 0; s < rows->streams; s++)
                rows->stride[s][used - 1] = rows->stride[s][used];
        } else {
            used++;
        }
    }
    rows->rank = used;
}

bool rgi_rows_first(rgi_rows *rows)
{
    for (int i = 0; i < rows->rank; i++)
        if (rows->dim[i] == 0)
            return false;
    simplify(rows);
    int last = rows->rank - 1;
    rows->length = last >= 0 ? rows->dim[last] : 1;
    for (int s = 0; s < rows->streams; s++) {
        rows->offset[s] = 0;
        rows->step[s] = last >= 0 ? rows->stride[s][last] : 1;
    }
    for (int i = 0; i < rows->rank; i++)
        rows->index[i] = 0;
    return true;
}

bool rgi_rows_next(rgi_rows *rows)
{
    for (int i = rows->rank - 2; i >= 0; i--) {
        for (int s = 0; s < rows->streams; s++)
            rows->offset[s] += rows->stride[s][i];
        if (++rows->index[i] < rows->dim[i])
            return true;
        for (int s = 0; s < rows->streams; s++)
            rows->offset[s] -= rows->stride[s][i] * rows->dim[i];
        rows->index[i] = 0;
    }
    return false;
}

int64_t rgi_rows_seek(rgi_rows *rows, int64_t element)
{
    int64_t row = element / rows->length;
    for (int i = rows->rank - 2; i >= 0; i--) {
        int64_t index = row % rows->dim[i];
        row /= rows->dim[i];
        for (int s = 0; s < rows->streams; s++)
            rows->offset[s] += (index - rows->index[i]) * rows->stride[s][i];
        rows->index[i] = index;
    }
    return element % rows->length;
}
