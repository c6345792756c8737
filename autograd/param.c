#include "param.h"

#include <string.h>

#include "internal.h"

struct rg_param {
    rg_allocator allocator;
    rg_type type;
    rg_shape shape;
    int64_t size;
    void *data, *grad;
    void
        *block; /* of both, which begin at multiples of RGI_ALIGNMENT; NULL: they are not its own */
    bool fresh; /* the gradient is zero, whatever the memory holds */
    bool frozen;
    uint64_t version; /* counts changes that the library makes to the elements */
};

static size_t element_bytes(const rg_param *param)
{
    return (size_t)param->size * rg_type_size(param->type);
}

static size_t block_bytes(const rg_param *param)
{
    return 2 * rgi_round_up(element_bytes(param)) + RGI_ALIGNMENT;
}

rg_param *rg_param_create(const rg_allocator *allocator, rg_type type, rg_shape shape)
{
    int64_t size = rg_shape_size(&shape);
    if ((type != RG_F64 && type != RG_F32) || size < 0 || size > PTRDIFF_MAX / 32)
        return NULL;
    rg_param *param = rgi_alloc(allocator, sizeof *param);
    if (!param)
        return NULL;
    memset(param, 0, sizeof *param);
    if (allocator)
        param->allocator = *allocator;
    param->type = type;
    param->shape = shape;
    param->size = size;
    param->fresh = true;
    param->block = rgi_alloc(allocator, block_bytes(param));
    if (!param->block) {
        rg_param_destroy(param);
        return NULL;
    }
    param->data = rgi_align_up(param->block);
    param->grad = (char *)param->data + rgi_round_up(element_bytes(param));
    memset(param->data, 0, element_bytes(param));
    return param;
}

static void free_arrays(rg_param *param)
{
    rgi_free(&param->allocator, param->block, block_bytes(param));
    param->block = NULL;
}

void rg_param_destroy(rg_param *param)
{
    if (!param)
        return;
    rg_allocator allocator = param->allocator;
    free_arrays(param);
    rgi_free(&allocator, param, sizeof *param);
}

rg_type rg_param_type(const rg_param *param)
{
    return param->type;
}

rg_shape rg_param_shape(const rg_param *param)
{
    return param->shape;
}

int64_t rg_param_size(const rg_param *param)
{
    return param->size;
}

void *rg_param_data(rg_param *param)
{
    return param->data;
}

void *rg_param_grad(rg_param *param)
{
    if (param->fresh) {
        memset(param->grad, 0, element_bytes(param));
        param->fresh = false;
    }
    return param->grad;
}

void rg_param_write(rg_param *param, const double *data)
{
    rgi_convert(param->data, param->type, data, RG_F64, param->size);
    param->version++;
}

void rg_param_read(const rg_param *param, double *out)
{
    rgi_convert(out, RG_F64, param->data, param->type, param->size);
}

void rg_param_read_grad(rg_param *param, double *out)
{
    rgi_convert(out, RG_F64, rg_param_grad(param), param->type, param->size);
}

void rg_param_zero_grad(rg_param *param)
{
    param->fresh = true;
}

void rg_param_freeze(rg_param *param, int frozen)
{
    param->frozen = frozen != 0;
}

int rg_param_is_frozen(const rg_param *param)
{
    return param->frozen;
}

uint64_t rgi_param_version(const rg_param *param)
{
    return param->version;
}

void rgi_param_changed(rg_param *param)
{
    param->version++;
}

void *rgi_param_claim(rg_param *param)
{
    if (!param->fresh)
        return NULL;
    param->fresh = false;
    return param->grad;
}

void rgi_param_add(rg_param *param, const void *gradient)
{
    void *grad = rg_param_grad(param);
    for (int64_t i = 0; i < param->size; i++) {
        if (param->type == RG_F64)
            ((double *)grad)[i] += ((const double *)gradient)[i];
        else
            ((float *)grad)[i] += ((const float *)gradient)[i];
    }
}

void rgi_param_move(rg_param *param, void *data, void *grad)
{
    memcpy(data, param->data, element_bytes(param));
    memcpy(grad, rg_param_grad(param), element_bytes(param));
    free_arrays(param);
    param->data = data;
    param->grad = grad;
}

rg_value rg_use(rg_tape *tape, rg_param *param)
{
    if (rg_tape_status(tape) != RG_OK)
        return rgi_inert(tape);
    if (!param) {
        rgi_fail(tape, RG_ERROR_ARGUMENT, "use: the parameter is NULL");
        return rgi_inert(tape);
    }
    rgi_record *record;
    rg_value value = rgi_leaf(tape, param->type, &param->shape, param->size, param->data,
                              !param->frozen, &record);
    if (!value.serial)
        return value;
    if (!(value.serial & RG_TENSOR_BIT))
        tape->cursor.value[record->node] = *(const double *)param->data;
    if (record->active) {
        record->param = param;
        record->version = param->version;
        record->next_param = tape->params;
        tape->params = record;
    }
    rgi_inspect(tape, record->node);
    return value;
}
