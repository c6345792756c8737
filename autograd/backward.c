/*
 * backward.c: the reverse sweep. It walks the stream of nodes downwards once; scalar nodes are
 * swept by the scalar operations' own loop, records by their operation's backward function.
 */
#include <math.h>
#include <string.h>

#include "internal.h"

/* ---- adjoints ---- */

void *rgi_touch(rg_tape *tape, rgi_record *record)
{
    rg_tensor *tensor = &record->tensor;
    if (record->sweep == tape->sweep)
        return tensor->grad;
    record->sweep = tape->sweep;
    if (!record->adjoint) {
        tensor->grad = &tape->cursor.adjoint[record->node];
        return tensor->grad;
    }
    void *claimed = record->param && !tape->defer ? rgi_param_claim(record->param) : NULL;
    tensor->grad = claimed ? claimed : record->adjoint;
    if (tensor->size > 0)
        memset(tensor->grad, 0, (size_t)tensor->size * rg_type_size(tensor->type));
    return tensor->grad;
}

/* A view's gradient is added where its elements lie in the input's dense gradient. */
static void view_backward(rg_call *call)
{
    rg_tensor grad = *call->in[0], out = *call->out;
    const rg_tensor *list = &grad;
    grad.data = grad.grad;
    rgi_dense_strides(&grad);
    rg_call copy = *call;
    copy.in = &list;
    copy.out = &out;
    out.data = grad.data;
    out.shape = grad.shape;
    memcpy(out.stride, grad.stride, sizeof out.stride);
    call->op->view(&copy);
    rgi_add_to_strided(&out, call->out->grad);
}

static void sweep_record(rg_tape *tape, uint32_t node)
{
    rgi_record *record = rgi_record_of(tape, node);
    if (!record->active || !record->op)
        return;
    if (record->adjoint ? record->sweep != tape->sweep : tape->cursor.adjoint[node] == 0)
        return;
    for (int k = 0; k < record->count; k++)
        if (tape->cursor.code[record->in[k]] == RGI_CODE_RECORD) {
            rgi_record *in = rgi_record_of(tape, record->in[k]);
            if (in->active)
                rgi_touch(tape, in);
        }
    rg_call call = rgi_call_of(tape, record);
    if (!record->adjoint)
        record->tensor.grad = &tape->cursor.adjoint[node];
    if (record->op->view)
        view_backward(&call);
    else
        record->op->backward(&call);
}

static void sweep_element(rg_tape *tape, uint32_t node)
{
    double g = tape->cursor.adjoint[node];
    rgi_operands operands = tape->cursor.operands[node];
    if (g == 0)
        return;
    if (tape->cursor.code[operands.a] != RGI_CODE_RECORD) {
        tape->cursor.adjoint[operands.a] += g;
        return;
    }
    rgi_record *record = rgi_record_of(tape, operands.a);
    void *grad = rgi_touch(tape, record);
    if (record->tensor.type == RG_F64)
        ((double *)grad)[operands.b] += g;
    else
        ((float *)grad)[operands.b] += (float)g;
}

static void sweep(rg_tape *tape, uint32_t root)
{
    rg_cursor *cursor = &tape->cursor;
    for (uint64_t node = root; node > 0;) {
        int code = cursor->code[node];
        if (code >= RGI_CODE_FIRST) {
            node = tape->engine->reverse(cursor, node);
            continue;
        }
        if (code == RGI_CODE_RECORD)
            sweep_record(tape, (uint32_t)node);
        else if (code == RGI_CODE_ELEMENT)
            sweep_element(tape, (uint32_t)node);
        node--;
    }
}

/* ---- parameters ---- */

/* Adds what the sweep found, except where it wrote into the parameter's own gradient. */
static void add_to_params(rg_tape *tape)
{
    for (rgi_record *record = tape->params; record; record = record->next_param) {
        if (record->adjoint ? record->sweep != tape->sweep : record->node > tape->swept)
            continue;
        const void *grad =
            record->adjoint ? record->tensor.grad : &tape->cursor.adjoint[record->node];
        bool claimed = record->adjoint && grad != record->adjoint;
        if (!claimed)
            rgi_param_add(record->param, grad);
    }
}

void rg_tape_defer_gradients(rg_tape *tape, int defer)
{
    if (tape && !tape->inert)
        tape->defer = defer != 0;
}

rg_status rg_tape_add_gradients(rg_tape *tape)
{
    rg_status status = rg_tape_status(tape);
    if (status != RG_OK)
        return status;
    if (tape->deferred)
        add_to_params(tape);
    tape->deferred = false;
    return RG_OK;
}

/* ---- rg_backward ---- */

/* Sweeps from y with `upstream` (NULL: one). */
static rg_status sweep_from(rg_value y, const double *upstream)
{
    rg_tape *tape = y.tape;
    if (!tape)
        return RG_ERROR_STALE;
    uint32_t root = rgi_live_node(y, "backward");
    if (!root)
        return rg_tape_status(tape);
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(tape, root, &room);
    if (tensor->type == RG_I64)
        return rgi_fail(tape, RG_ERROR_TYPE, "backward: the root is an integer tensor");
    if (!upstream && tensor->size != 1) {
        char text[RG_SHAPE_TEXT_SIZE];
        return rgi_fail(tape, RG_ERROR_SHAPE,
                        "backward: the root has shape %s; give an upstream gradient",
                        rg_shape_text(&tensor->shape, text));
    }
    static const double one = 1;
    tape->sweep++;
    tape->swept = root;
    memset(tape->cursor.adjoint, 0, (root + (size_t)1) * sizeof(double));
    bool active = rgi_is_active(tape, root);
    if (active && tape->cursor.code[root] == RGI_CODE_RECORD) {
        rgi_record *record = rgi_record_of(tape, root);
        void *grad = rgi_touch(tape, record);
        rgi_convert(grad, record->tensor.type, upstream ? upstream : &one, RG_F64,
                    record->tensor.size);
    } else if (active) {
        tape->cursor.adjoint[root] = upstream ? *upstream : 1;
    }
    sweep(tape, root);
    if (tape->defer)
        tape->deferred = true;
    else
        add_to_params(tape);
    return RG_OK;
}

rg_status rg_backward(rg_value f)
{
    return sweep_from(f, NULL);
}

rg_status rg_backward_with(rg_value y, const double *upstream)
{
    if (!upstream && y.tape && rg_size(y) > 0)
        return rgi_fail(y.tape, RG_ERROR_ARGUMENT, "backward: the upstream gradient is NULL");
    static const double nothing;
    return sweep_from(y, upstream ? upstream : &nothing);
}

/* ---- asking ---- */

/* The adjoint of the last sweep, or NULL where it is zero. */
static const void *adjoint_of(const rg_tape *tape, uint32_t node)
{
    if (tape->swept == 0 || node > tape->swept || !rgi_is_active(tape, node))
        return NULL;
    if (tape->cursor.code[node] != RGI_CODE_RECORD)
        return &tape->cursor.adjoint[node];
    const rgi_record *record = rgi_record_of(tape, node);
    if (!record->adjoint)
        return &tape->cursor.adjoint[node];
    return record->sweep == tape->sweep ? record->tensor.grad : NULL;
}

double rg_grad(rg_value x)
{
    double grad = 0;
    return rg_size(x) == 1 && rg_read_grad(x, &grad) == RG_OK ? grad : NAN;
}

rg_status rg_read_grad(rg_value x, double *out)
{
    const rg_tape *tape = x.tape;
    uint32_t node = tape ? rgi_node(tape, x.serial) : 0;
    if (!node)
        return RG_ERROR_STALE;
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(tape, node, &room);
    const void *grad = adjoint_of(tape, node);
    if (grad)
        rgi_convert(out, RG_F64, grad, tensor->type, tensor->size);
    else
        for (int64_t i = 0; i < tensor->size; i++)
            out[i] = 0;
    return RG_OK;
}

/* ---- what the root depends on ---- */

static void mark_reached(rg_tape *tape, uint32_t node)
{
    if (rgi_is_active(tape, node))
        tape->reached[node >> 3] |= (unsigned char)(1u << (node & 7));
}

static bool is_marked(const rg_tape *tape, uint64_t node)
{
    return tape->reached[node >> 3] >> (node & 7) & 1;
}

static void mark_operands(rg_tape *tape, uint32_t node)
{
    int code = tape->cursor.code[node];
    rgi_operands operands = tape->cursor.operands[node];
    if (code == RGI_CODE_RECORD) {
        const rgi_record *record = rgi_record_of(tape, node);
        for (int k = 0; k < record->count; k++)
            mark_reached(tape, record->in[k]);
    } else if (code == RGI_CODE_ELEMENT) {
        mark_reached(tape, operands.a);
    } else if (code >= RGI_CODE_FIRST) {
        unsigned nodes = tape->engine->operands(code);
        if (nodes & 1)
            mark_reached(tape, operands.a);
        if (nodes & 2)
            mark_reached(tape, operands.b);
    }
}

static bool find_reached(rg_tape *tape)
{
    size_t size = (size_t)(tape->swept / 8 + 1);
    if (size > tape->reached_size) {
        unsigned char *reached =
            rgi_resize(&tape->allocator, tape->reached, tape->reached_size, size);
        if (!reached) {
            rgi_fail(tape, RG_ERROR_MEMORY, "is_reached: there is no memory for %zu bytes", size);
            return false;
        }
        tape->reached = reached;
        tape->reached_size = size;
    }
    memset(tape->reached, 0, size);
    mark_reached(tape, (uint32_t)tape->swept);
    for (uint64_t node = tape->swept; node > 0; node--)
        if (is_marked(tape, node))
            mark_operands(tape, (uint32_t)node);
    tape->reached_sweep = tape->sweep;
    return true;
}

int rg_is_reached(rg_value x)
{
    rg_tape *tape = x.tape;
    uint32_t node = tape ? rgi_node(tape, x.serial) : 0;
    if (!node || tape->swept == 0 || node > tape->swept)
        return 0;
    if (tape->reached_sweep != tape->sweep && !find_reached(tape))
        return 0;
    return is_marked(tape, node);
}
