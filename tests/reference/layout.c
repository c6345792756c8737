/* layout.c: the same tensor behind different views. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

/* The shape of the storage behind a tensor. Stepped: every second element of the last axis, from
 * the second on; a scalar is treated as one element of an axis. Transposed: axes reversed. */
static rg_shape storage_shape(const rg_shape *shape, ref_layout layout)
{
    rg_shape storage = *shape;
    if (layout == REF_STEPPED) {
        if (storage.rank == 0)
            storage = RG_SHAPE(1);
        storage.dim[storage.rank - 1] = 2 * storage.dim[storage.rank - 1] + 1;
    } else if (layout == REF_TRANSPOSED) {
        for (int i = 0; i < shape->rank; i++)
            storage.dim[i] = shape->dim[shape->rank - 1 - i];
    }
    return storage;
}

/* Where in the storage the element lies that comes `place`-th in the tensor. */
static int64_t storage_place(const rg_shape *shape, ref_layout layout, int64_t place)
{
    if (layout == REF_DENSE)
        return place;
    if (layout == REF_STEPPED) {
        int64_t row = shape->rank ? shape->dim[shape->rank - 1] : 1;
        return place / row * (2 * row + 1) + place % row * 2 + 1;
    }
    int64_t coordinate[RG_MAX_RANK], result = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        coordinate[i] = place % shape->dim[i];
        place /= shape->dim[i];
    }
    for (int i = shape->rank - 1; i >= 0; i--)
        result = result * shape->dim[i] + coordinate[i];
    return result;
}

static rg_value view_of(rg_value storage, const rg_shape *shape, ref_layout layout)
{
    if (layout == REF_STEPPED && shape->rank == 0)
        return rg_squeeze(rg_slice(storage, 0, 1, RG_SLICE_END, 2), 0);
    if (layout == REF_STEPPED)
        return rg_slice(storage, -1, 1, RG_SLICE_END, 2);
    if (layout == REF_DENSE)
        return storage;
    rg_axes reversed = {.count = shape->rank};
    for (int i = 0; i < shape->rank; i++)
        reversed.axis[i] = shape->rank - 1 - i;
    return rg_permute(storage, reversed);
}

ref_placed ref_place(rg_tape *tape, rg_type type, const ref_tensor *tensor, ref_layout layout)
{
    if (type == RG_I64)
        layout = REF_DENSE;
    rg_shape shape = storage_shape(&tensor->shape, layout);
    int64_t size = rg_shape_size(&shape);
    double *data = ref_alloc_doubles(size);
    for (int64_t i = 0; i < size; i++)
        data[i] = NAN;
    for (int64_t i = 0; i < tensor->size; i++)
        data[storage_place(&tensor->shape, layout, i)] = tensor->value[i];
    rg_value storage = tensor->grad ? rg_input_tensor(tape, type, shape, NULL)
                                    : rg_constant_tensor(tape, type, shape, NULL);
    rg_write(storage, data);
    free(data);
    return (ref_placed){storage, view_of(storage, &tensor->shape, layout)};
}

bool ref_padding_is_clean(const ref_placed *placed, const ref_tensor *tensor, ref_layout layout)
{
    int64_t size = rg_size(placed->storage);
    double *storage = ref_alloc_doubles(size), *view = ref_alloc_doubles(tensor->size);
    bool clean = rg_read_grad(placed->storage, storage) == RG_OK &&
                 rg_read_grad(placed->view, view) == RG_OK;
    for (int64_t i = 0; clean && i < tensor->size; i++) {
        double *element = &storage[storage_place(&tensor->shape, layout, i)];
        clean = ref_same(element, &view[i], 1) || (*element == 0 && view[i] == 0);
        *element = 0;
    }
    for (int64_t i = 0; clean && i < size; i++)
        clean = storage[i] == 0;
    free(storage);
    free(view);
    return clean;
}
