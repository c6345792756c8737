/* convert.c: the operations the tape itself needs: types, memory layout, elements. */
#include <inttypes.h>
#include <string.h>

#include "internal.h"

/* ---- cast ---- */

static rg_status cast_shape(rg_call *call)
{
    call->out->type = *(const rg_type *)call->attributes;
    return RG_OK;
}

static rg_status cast_forward(rg_call *call)
{
    const rg_tensor *x = call->in[0];
    rgi_convert(call->out->data, call->out->type, x->data, x->type, x->size);
    return RG_OK;
}

static void cast_backward(rg_call *call)
{
    const rg_tensor *x = call->in[0];
    for (int64_t i = 0; i < x->size; i++) {
        if (x->type == RG_F64)
            ((double *)x->grad)[i] += (double)((const float *)call->out->grad)[i];
        else
            ((float *)x->grad)[i] += (float)((const double *)call->out->grad)[i];
    }
}

static const rg_op cast_op = {.name = "cast",
                              .formula = "x in another floating type",
                              .gradient = "g",
                              .arity = 1,
                              .attribute_size = sizeof(rg_type),
                              .shape = cast_shape,
                              .forward = cast_forward,
                              .backward = cast_backward};

rg_value rg_cast(rg_value x, rg_type type)
{
    uint32_t node = rgi_live_node(x, "cast");
    if (!node)
        return rgi_inert(x.tape);
    if (type != RG_F64 && type != RG_F32) {
        rgi_fail(x.tape, RG_ERROR_TYPE, "cast: the new type must be float64 or float32");
        return rgi_inert(x.tape);
    }
    return rg_get_type(x) == type ? x : rg_record(&cast_op, 1, &x, &type);
}

/* ---- dense ---- */

static rg_status dense_forward(rg_call *call)
{
    rgi_copy_to_dense(call->out->data, call->in[0]);
    return RG_OK;
}

static void dense_backward(rg_call *call)
{
    rg_tensor grad = *call->in[0];
    grad.data = grad.grad;
    rgi_dense_strides(&grad);
    rgi_add_to_strided(&grad, call->out->grad);
}

static const rg_op dense_op = {.name = "dense",
                               .formula = "x",
                               .gradient = "g",
                               .arity = 1,
                               .types = RG_OP_ANY,
                               .strided = 1,
                               .forward = dense_forward,
                               .backward = dense_backward};

rg_value rg_dense(rg_value x)
{
    uint32_t node = rgi_live_node(x, "dense");
    if (!node)
        return rgi_inert(x.tape);
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(x.tape, node, &room);
    return tensor->dense ? x : rg_record(&dense_op, 1, &x, NULL);
}

/* ---- detach ---- */

static rg_status same_view(rg_call *call)
{
    (void)call;
    return RG_OK;
}

static const rg_op detach_op = {.name = "detach",
                                .formula = "x",
                                .gradient = "0",
                                .arity = 1,
                                .types = RG_OP_ANY,
                                .strided = 1,
                                .view = same_view};

rg_value rg_detach(rg_value x)
{
    uint32_t node = rgi_live_node(x, "detach");
    if (!node)
        return rgi_inert(x.tape);
    if (!rgi_is_active(x.tape, node))
        return x;
    rg_no_grad_begin(x.tape);
    rg_value result = x.serial & RG_TENSOR_BIT
                          ? rg_record(&detach_op, 1, &x, NULL)
                          : rg_constant(x.tape, x.tape->cursor.value[node]);
    rg_no_grad_end(x.tape);
    return result;
}

/* ---- elements ---- */

rg_value rg_at(rg_value x, rg_axes index)
{
    rg_tape *tape = x.tape;
    uint32_t node = rgi_live_node(x, "at");
    if (!node)
        return rgi_inert(tape);
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(tape, node, &room);
    const rg_shape *shape = &tensor->shape;
    if (index.count != shape->rank) {
        rgi_fail(tape, RG_ERROR_INDEX, "at node %" PRIu64 ": %d coordinates for rank %d",
                 tape->cursor.count, index.count, shape->rank);
        return rgi_inert(tape);
    }
    int64_t place = 0, offset = 0;
    for (int i = 0; i < shape->rank; i++) {
        int64_t at = index.axis[i] < 0 ? index.axis[i] + shape->dim[i] : index.axis[i];
        if (at < 0 || at >= shape->dim[i]) {
            rgi_fail(tape, RG_ERROR_INDEX,
                     "at node %" PRIu64 ": coordinate %" PRId64 " is outside axis %d of size %" PRId64,
                     tape->cursor.count, index.axis[i], i, shape->dim[i]);
            return rgi_inert(tape);
        }
        place = place * shape->dim[i] + at;
        offset += at * tensor->stride[i];
    }
    if (place > UINT32_MAX) {
        rgi_fail(tape, RG_ERROR_LIMIT, "at node %" PRIu64 ": element %" PRId64 " is beyond 2^32 - 1",
                 tape->cursor.count, place);
        return rgi_inert(tape);
    }
    double value;
    const char *element = (const char *)tensor->data + offset * (int64_t)rg_type_size(tensor->type);
    rgi_convert(&value, RG_F64, element, tensor->type, 1);
    if (!rgi_room(tape))
        return rgi_inert(tape);
    bool active = rgi_is_active(tape, node) && tape->no_grad == 0;
    return rgi_push(tape, active ? RGI_CODE_ELEMENT : RGI_CODE_CONSTANT, node, (uint32_t)place,
                    value);
}

static rg_status tensor_of_shape(rg_call *call)
{
    call->out->shape = *(const rg_shape *)call->attributes;
    for (int k = 0; k < call->count; k++)
        if (call->in[k]->shape.rank != 0 || call->in[k]->type != RG_F64)
            return rg_call_fail(call, RG_ERROR_SHAPE, "input %d is no float64 scalar", k + 1);
    return RG_OK;
}

static rg_status tensor_of_forward(rg_call *call)
{
    for (int k = 0; k < call->count; k++)
        ((double *)call->out->data)[k] = *(const double *)call->in[k]->data;
    return RG_OK;
}

static void tensor_of_backward(rg_call *call)
{
    for (int k = 0; k < call->count; k++)
        if (call->in[k]->grad)
            *(double *)call->in[k]->grad += ((const double *)call->out->grad)[k];
}

static const rg_op tensor_of_op = {.name = "tensor_of",
                                   .formula = "the scalars as elements",
                                   .gradient = "g[k] to scalar k",
                                   .types = RG_OP_F64,
                                   .attribute_size = sizeof(rg_shape),
                                   .shape = tensor_of_shape,
                                   .forward = tensor_of_forward,
                                   .backward = tensor_of_backward};

rg_value rg_tensor_of(rg_shape shape, const rg_value *scalars)
{
    int64_t size = rg_shape_size(&shape);
    if (size < 1)
        return (rg_value){NULL, 0};
    if (size > INT32_MAX) {
        rgi_fail(scalars[0].tape, RG_ERROR_LIMIT, "tensor_of: %" PRId64 " scalars are too many",
                 size);
        return rgi_inert(scalars[0].tape);
    }
    return rg_record(&tensor_of_op, (int)size, scalars, &shape);
}
