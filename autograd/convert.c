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
    for (int64_t i = 0; i < x->size; i++)
        rgi_increase(x->grad, x->type, i, rgi_load(call->out->grad, call->out->type, i));
}

static void cast_rule(const rg_rule *rule)
{
    rule->grads[0] = rg_cast(rule->upstream, rg_get_type(rule->in[0]));
}

static const rg_op cast_op = {.name = "cast",
                              .unread = 1,
                              .formula = "x in another floating type",
                              .gradient = "g",
                              .arity = 1,
                              .attribute_size = sizeof(rg_type),
                              .shape = cast_shape,
                              .forward = cast_forward,
                              .backward = cast_backward,
                              .rule = cast_rule};

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

static void dense_rule(const rg_rule *rule)
{
    rule->grads[0] = rule->upstream;
}

static const rg_op dense_op = {.name = "dense",
                               .unread = 1,
                               .formula = "x",
                               .gradient = "g",
                               .arity = 1,
                               .types = RG_OP_ANY,
                               .strided = 1,
                               .forward = dense_forward,
                               .backward = dense_backward,
                               .rule = dense_rule};

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
    rg_value result = x.serial & RG_TENSOR_BIT ? rg_record(&detach_op, 1, &x, NULL)
                                               : rg_constant(x.tape, x.tape->cursor.value[node]);
    rg_no_grad_end(x.tape);
    return result;
}

/* ---- elements ---- */

rg_value rgi_element(rg_value x, int64_t place)
{
    rg_tape *tape = x.tape;
    uint32_t node = rgi_live_node(x, "at");
    if (!node || !rgi_room(tape))
        return rgi_inert(tape);
    if (place > UINT32_MAX) {
        rgi_fail(tape, RG_ERROR_LIMIT,
                 "at node %" PRIu64 ": element %" PRId64 " is beyond 2^32 - 1", tape->cursor.count,
                 place);
        return rgi_inert(tape);
    }
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(tape, node, &room);
    double value;
    const char *element = (const char *)tensor->data +
                          rgi_offset_of(tensor, place) * (int64_t)rg_type_size(tensor->type);
    rgi_convert(&value, RG_F64, element, tensor->type, 1);
    bool active = rgi_is_active(tape, node) && tape->no_grad == 0;
    return rgi_append(tape, active ? RGI_CODE_ELEMENT : RGI_CODE_CONSTANT, node, (uint32_t)place,
                      value);
}

rg_value rg_at(rg_value x, rg_axes index)
{
    rg_tape *tape = x.tape;
    uint32_t node = rgi_live_node(x, "at");
    if (!node)
        return rgi_inert(tape);
    rg_shape shape = rg_get_shape(x);
    if (index.count != shape.rank) {
        rgi_fail(tape, RG_ERROR_INDEX, "at node %" PRIu64 ": %d coordinates for rank %d",
                 tape->cursor.count, index.count, shape.rank);
        return rgi_inert(tape);
    }
    int64_t place = 0;
    for (int i = 0; i < shape.rank; i++) {
        int64_t at = index.axis[i] < 0 ? index.axis[i] + shape.dim[i] : index.axis[i];
        if (at < 0 || at >= shape.dim[i]) {
            rgi_fail(tape, RG_ERROR_INDEX,
                     "at node %" PRIu64 ": coordinate %" PRId64
                     " is outside axis %d of size %" PRId64,
                     tape->cursor.count, index.axis[i], i, shape.dim[i]);
            return rgi_inert(tape);
        }
        place = place * shape.dim[i] + at;
    }
    return rgi_element(x, place);
}

typedef struct placing {
    rg_type type;
    rg_shape shape;
    int64_t place;
} placing;

static rg_status place_shape(rg_call *call)
{
    const placing *where = call->attributes;
    call->out->type = where->type;
    call->out->shape = where->shape;
    return RG_OK;
}

static rg_status place_forward(rg_call *call)
{
    const placing *where = call->attributes;
    size_t width = rg_type_size(where->type);
    memset(call->out->data, 0, (size_t)call->out->size * width);
    rgi_convert((char *)call->out->data + (size_t)where->place * width, where->type,
                call->in[0]->data, RG_F64, 1);
    return RG_OK;
}

static void place_backward(rg_call *call)
{
    const placing *where = call->attributes;
    double g;
    rgi_convert(&g, RG_F64,
                (const char *)call->out->grad + (size_t)where->place * rg_type_size(where->type),
                where->type, 1);
    *(double *)call->in[0]->grad += g;
}

static void place_rule(const rg_rule *rule)
{
    rule->grads[0] = rgi_element(rule->upstream, ((const placing *)rule->attributes)->place);
}

static const rg_op place_op = {.name = "place",
                               .unread = 1,
                               .formula = "zeros with one element x",
                               .gradient = "that element of g",
                               .arity = 1,
                               .types = RG_OP_F64,
                               .attribute_size = sizeof(placing),
                               .shape = place_shape,
                               .forward = place_forward,
                               .backward = place_backward,
                               .rule = place_rule};

rg_value rgi_place(rg_value x, int64_t place, rg_value g)
{
    placing where;
    memset(&where, 0, sizeof where);
    where.type = rg_get_type(x);
    where.shape = rg_get_shape(x);
    where.place = place;
    return rg_record(&place_op, 1, &g, &where);
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

static void tensor_of_rule(const rg_rule *rule)
{
    for (int k = 0; k < rule->count; k++)
        if (rule->wanted[k])
            rule->grads[k] = rgi_element(rule->upstream, k);
}

static const rg_op tensor_of_op = {.name = "tensor_of",
                                   .unread = ~0u,
                                   .formula = "the scalars as elements",
                                   .gradient = "g[k] to scalar k",
                                   .types = RG_OP_F64,
                                   .attribute_size = sizeof(rg_shape),
                                   .shape = tensor_of_shape,
                                   .forward = tensor_of_forward,
                                   .backward = tensor_of_backward,
                                   .rule = tensor_of_rule};

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

/* ---- for recorded gradients ---- */

static rg_status plus_forward(rg_call *call)
{
    for (int64_t i = 0; i < call->out->size; i++) {
        if (call->out->type == RG_F64)
            ((double *)call->out->data)[i] =
                ((const double *)call->in[0]->data)[i] + ((const double *)call->in[1]->data)[i];
        else
            ((float *)call->out->data)[i] =
                ((const float *)call->in[0]->data)[i] + ((const float *)call->in[1]->data)[i];
    }
    return RG_OK;
}

static void plus_backward(rg_call *call)
{
    for (int k = 0; k < 2; k++) {
        if (!call->in[k]->grad)
            continue;
        rg_tensor g = *call->out;
        g.data = g.grad;
        rgi_add_from_strided(call->in[k]->grad, &g);
    }
}

static void plus_rule(const rg_rule *rule)
{
    rule->grads[0] = rule->grads[1] = rule->upstream;
}

static const rg_op plus_op = {.name = "plus",
                              .unread = 3,
                              .formula = "a + b of one shape",
                              .gradient = "g, g",
                              .arity = 2,
                              .forward = plus_forward,
                              .backward = plus_backward,
                              .rule = plus_rule};

rg_value rgi_add_values(const rg_value *both)
{
    const rgi_scalar_engine *engine = both[0].tape->engine;
    if (engine && !((both[0].serial | both[1].serial) & RG_TENSOR_BIT))
        return engine->add(both[0], both[1]);
    return rg_record(&plus_op, 2, both, NULL);
}

void rgi_fill(rg_value x, double number)
{
    uint32_t node = rgi_node(x.tape, x.serial);
    if (!node)
        return;
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(x.tape, node, &room);
    for (int64_t i = 0; i < tensor->size; i++)
        rgi_convert((char *)tensor->data + (size_t)i * rg_type_size(tensor->type), tensor->type,
                    &number, RG_F64, 1);
    rgi_filled(x);
}

typedef struct unviewing {
    rg_shape shape;
    const rg_op *view;
    const void *attributes; /* of the recorded view, which is older and so outlives this */
} unviewing;

static rg_status unview_shape(rg_call *call)
{
    call->out->shape = ((const unviewing *)call->attributes)->shape;
    return RG_OK;
}

static rg_status unview_forward(rg_call *call)
{
    const unviewing *how = call->attributes;
    rg_tensor *out = call->out;
    memset(out->data, 0, (size_t)out->size * rg_type_size(out->type));
    rg_tensor seen = rgi_look(how->view, how->attributes, out, out->data);
    rgi_add_to_strided(&seen, call->in[0]->data);
    return RG_OK;
}

static void unview_backward(rg_call *call)
{
    const unviewing *how = call->attributes;
    rg_tensor seen = rgi_look(how->view, how->attributes, call->out, call->out->grad);
    rgi_add_from_strided(call->in[0]->grad, &seen);
}

static void unview_rule(const rg_rule *rule)
{
    const unviewing *how = rule->attributes;
    rule->grads[0] = rg_record(how->view, 1, &rule->upstream, how->attributes);
}

static const rg_op unview_op = {.name = "unview",
                                .unread = 1,
                                .formula = "zeros with x added where a view looks",
                                .gradient = "the view of g",
                                .arity = 1,
                                .attribute_size = sizeof(unviewing),
                                .shape = unview_shape,
                                .forward = unview_forward,
                                .backward = unview_backward,
                                .rule = unview_rule};

rg_value rgi_unview(const rgi_record *view, rg_value g)
{
    rg_tape *tape = g.tape;
    unviewing how;
    memset(&how, 0, sizeof how);
    how.shape = rg_get_shape(rgi_handle(tape, view->in[0]));
    how.view = view->op;
    how.attributes = view->attributes;
    return rg_record(&unview_op, 1, &g, &how);
}
