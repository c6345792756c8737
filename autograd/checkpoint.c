#include "checkpoint.h"

#include <string.h>

#include "derivatives.h"
#include "internal.h"

typedef struct checkpoint {
    rg_checkpoint_function *f;
    void *context;
} checkpoint;

/* The tape on which the inside is recorded, made when it is first needed, with gradients or
 * without; an inert one if there is no memory. */
static rg_tape *inner_tape(rg_tape *tape, bool gradients)
{
    if (!tape->inner || tape->inner->inert) {
        const rg_allocator *own = tape->allocator.resize ? &tape->allocator : NULL;
        tape->inner = rg_tape_create_with(&(rg_tape_options){.allocator = own});
        rg_tape_set_threads(tape->inner, tape->threads);
        rg_tape_set_matmul_precision(tape->inner, tape->precision);
    }
    if (!tape->inner->inert)
        tape->inner->no_grad = !gradients;
    return tape->inner;
}

static rg_status fail_inside(rg_call *call, const rg_tape *inner)
{
    return rg_call_fail(call, rg_tape_status(inner), "inside: %s", rg_tape_message(inner));
}

/* Runs the function on the inner tape with the call's inputs; `in` receives them. */
static rg_value run_inside(rg_call *call, rg_value *in, bool gradients)
{
    const checkpoint *point = call->attributes;
    rg_tape *inner = inner_tape(call->tape, gradients);
    rg_tape_reset(inner);
    if (rg_tape_status(inner) != RG_OK)
        return rgi_inert(inner);
    for (int k = 0; k < call->count; k++) {
        const rg_tensor *x = call->in[k];
        in[k] = gradients && x->grad ? rg_input_tensor(inner, x->type, x->shape, x->data)
                                     : rg_constant_tensor(inner, x->type, x->shape, x->data);
    }
    rg_value y = point->f(inner, in, call->count, point->context);
    if (rg_tape_status(inner) == RG_OK && (y.tape != inner || !rg_is_live(y)))
        rgi_fail(inner, RG_ERROR_STALE, "the function returned no value of its tape");
    return y;
}

static rg_value *input_room(rg_call *call)
{
    size_t bytes = (size_t)call->count * sizeof(rg_value);
    rg_value *in = rgi_alloc(&call->tape->allocator, bytes);
    if (!in)
        rg_call_fail(call, RG_ERROR_MEMORY, "there is no memory for %d inputs", call->count);
    return in;
}

static void free_inputs(rg_call *call, rg_value *in)
{
    rgi_free(&call->tape->allocator, in, (size_t)call->count * sizeof *in);
}

/* The shape is known only when the function has run; its value waits on the inner tape. */
static rg_status checkpoint_shape(rg_call *call)
{
    rg_value *in = input_room(call);
    if (!in)
        return RG_ERROR_MEMORY;
    rg_value y = run_inside(call, in, false);
    rg_tape *inner = call->tape->inner;
    free_inputs(call, in);
    if (rg_tape_status(inner) != RG_OK)
        return fail_inside(call, inner);
    inner->result = y;
    call->out->shape = rg_get_shape(y);
    call->out->type = rg_get_type(y);
    return RG_OK;
}

static rg_status checkpoint_forward(rg_call *call)
{
    rg_read_raw(call->tape->inner->result, call->out->data);
    return RG_OK;
}

static void add_inner_grads(rg_call *call, const rg_value *in)
{
    for (int k = 0; k < call->count; k++) {
        const rg_tensor *x = call->in[k];
        if (!x->grad)
            continue;
        rg_tensor grad = {.shape = x->shape, .size = x->size, .type = x->type};
        rgi_dense_strides(&grad);
        grad.data = (void *)(uintptr_t)rgi_adjoint(in[k]);
        if (grad.data)
            rgi_add_from_strided(x->grad, &grad);
    }
}

static void checkpoint_backward(rg_call *call)
{
    rg_value *in = input_room(call);
    if (!in)
        return;
    rg_value y = run_inside(call, in, true);
    rg_tape *inner = call->tape->inner;
    rg_status status = rg_tape_status(inner);
    if (status == RG_OK && call->tape->defer && inner->params)
        status = rgi_fail(inner, RG_ERROR_STATE,
                          "while gradients are deferred, parameters must be inputs");
    if (status == RG_OK)
        status = rgi_backward_raw(y, call->out->grad);
    if (status == RG_OK)
        add_inner_grads(call, in);
    else
        fail_inside(call, inner);
    free_inputs(call, in);
    rg_tape_reset(inner);
}

static void checkpoint_rule(const rg_rule *rule)
{
    const checkpoint *point = rule->attributes;
    rg_value y = point->f(rule->out.tape, rule->in, rule->count, point->context);
    rg_grad_values(y, rule->upstream, rule->count, rule->in, rule->grads);
}

static const rg_op op_checkpoint = {.name = "checkpoint",
                                    .formula = "a function of the inputs",
                                    .gradient = "its gradient, computed again",
                                    .attribute_size = sizeof(checkpoint),
                                    .shape = checkpoint_shape,
                                    .forward = checkpoint_forward,
                                    .backward = checkpoint_backward,
                                    .rule = checkpoint_rule};

rg_value rg_checkpoint(rg_checkpoint_function *f, int count, const rg_value *in, void *context)
{
    checkpoint point;
    memset(&point, 0, sizeof point);
    point.f = f;
    point.context = context;
    return rg_record(&op_checkpoint, count, in, &point);
}
