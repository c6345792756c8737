/*
 * backward.c: the reverse sweep. It walks the stream of nodes downwards once; scalar nodes are
 * swept by the scalar operations' own loop, records by their operation's backward function.
 */
#include <math.h>
#include <string.h>

#include "internal.h"

/* ---- adjoints ---- */

/* The adjoint of a record that this sweep has not touched before, its elements undefined. */
static void *claim(rg_tape *tape, rgi_record *record)
{
    rg_tensor *tensor = &record->tensor;
    record->sweep = tape->sweep;
    if (!record->adjoint) {
        tensor->grad = &tape->cursor.adjoint[record->node];
        return tensor->grad;
    }
    void *claimed = record->param && !tape->defer ? rgi_param_claim(record->param) : NULL;
    tensor->grad = claimed ? claimed : record->adjoint;
    return tensor->grad;
}

void *rgi_touch(rg_tape *tape, rgi_record *record)
{
    rg_tensor *tensor = &record->tensor;
    if (record->sweep == tape->sweep)
        return tensor->grad;
    claim(tape, record);
    if (record->adjoint && tensor->size > 0) /* a scalar's is zero before it is used */
        memset(tensor->grad, 0, (size_t)tensor->size * rgi_width(tensor->type));
    return tensor->grad;
}

rg_tensor rgi_look(const rg_op *view, const void *attributes, const rg_tensor *like, void *data)
{
    rg_tensor in = {.data = data, .type = like->type, .shape = like->shape, .size = like->size};
    const rg_tensor *list = &in;
    rgi_dense_strides(&in);
    rg_tensor out = in;
    rg_call call = {.op = view, .count = 1, .in = &list, .out = &out, .attributes = attributes};
    view->view(&call);
    out.size = rg_shape_size(&out.shape);
    out.dense = 0;
    return out;
}

/* A view's gradient is added where its elements lie in the input's dense gradient. */
static void view_backward(rg_call *call)
{
    const rg_tensor *x = call->in[0];
    rg_tensor seen = rgi_look(call->op, call->attributes, x, x->grad);
    rgi_add_to_strided(&seen, call->out->grad);
}

/* Lists the operands of a record, their adjoints ready to be added to. Returns those, as bits, that
 * the operation is to assign instead. */
static unsigned ready_operands(rg_tape *tape, const rgi_record *record)
{
    unsigned fresh = 0;
    for (int k = 0; k < record->count; k++) {
        const uint32_t node = record->in[k];
        if (tape->cursor.code[node] == RGI_CODE_RECORD) {
            rgi_record *in = rgi_record_of(tape, node);
            if (in->active && in->sweep != tape->sweep) {
                const unsigned bit = k < 32 ? record->op->assigns & 1U << k : 0;
                if (bit && in->adjoint) {
                    claim(tape, in);
                    fresh |= bit;
                } else {
                    rgi_touch(tape, in);
                }
            }
        }
        tape->operand_list[k] = rgi_tensor_of(tape, node, &tape->operand_tensors[k]);
    }
    return fresh;
}

static void sweep_record(rg_tape *tape, uint32_t node)
{
    rgi_record *record = rgi_record_of(tape, node);
    if (!record->active || !record->op)
        return;
    if (record->adjoint ? record->sweep != tape->sweep : tape->cursor.adjoint[node] == 0)
        return;
    const unsigned fresh = ready_operands(tape, record);
    rg_call call = rgi_call_listed(tape, record);
    call.fresh = fresh;
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

static bool is_leaf(const rg_tape *tape, uint32_t node)
{
    int code = tape->cursor.code[node];
    return code == RGI_CODE_RECORD ? !rgi_record_of(tape, node)->op : code == RGI_CODE_INPUT;
}

/* One node that is no scalar operation. */
static void sweep_other(rg_tape *tape, uint32_t node)
{
    if (tape->cursor.code[node] == RGI_CODE_RECORD)
        sweep_record(tape, node);
    else if (tape->cursor.code[node] == RGI_CODE_ELEMENT)
        sweep_element(tape, node);
}

/* Sweeps from `node` down, to `last` + 1 at most, for as long as one loop goes; returns where it
 * stopped. */
static uint64_t sweep_run(rg_tape *tape, rgi_walk *walk, uint64_t node, uint64_t last)
{
    int code = tape->cursor.code[node];
    if (code >= RGI_CODE_FIRST)
        return tape->engine->reverse(&tape->cursor, node, last, tape->drop_adjoints);
    if (code != RGI_CODE_RECORD && code != RGI_CODE_ELEMENT)
        return rgi_sweep_statements(tape, walk, node, last);
    sweep_other(tape, (uint32_t)node);
    if (tape->drop_adjoints && !is_leaf(tape, (uint32_t)node))
        tape->cursor.adjoint[node] = 0;
    return node - 1;
}

static void sweep(rg_tape *tape, uint32_t root)
{
    rgi_walk walk = rgi_walk_at(tape, root);
    uint64_t inputs = 0; /* the first nodes, often half of all, hand nothing on */
    while (inputs < root && tape->cursor.code[inputs + 1] == RGI_CODE_INPUT)
        inputs++;
    for (uint64_t node = root; node > inputs;)
        node = sweep_run(tape, &walk, node, inputs);
}

/* The same, looking at what each node adds. */
static void sweep_inspected(rg_tape *tape, uint32_t root)
{
    rgi_walk walk = rgi_walk_at(tape, root);
    for (uint32_t node = root; node > 0 && tape->error.status == RG_OK; node--) {
        sweep_run(tape, &walk, node, node - 1);
        rgi_inspect_step(tape, node);
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

/* The node of a root, or 0 with the tape's error set. `elements`: how many it must have, or -1. */
static uint32_t find_root(rg_value y, int64_t elements)
{
    uint32_t root = rgi_live_node(y, "backward");
    rg_tensor room;
    const rg_tensor *tensor = root ? rgi_tensor_of(y.tape, root, &room) : NULL;
    if (tensor && tensor->type == RG_I64) {
        rgi_fail(y.tape, RG_ERROR_TYPE, "backward: the root is an integer tensor");
        return 0;
    }
    if (tensor && elements >= 0 && tensor->size != elements) {
        char text[RG_SHAPE_TEXT_SIZE];
        rgi_fail(y.tape, RG_ERROR_SHAPE,
                 "backward: the root has shape %s; give an upstream gradient",
                 rg_shape_text(&tensor->shape, text));
        return 0;
    }
    return root;
}

/* Room to remember the roots, which is_reached asks for. */
static bool root_room(rg_tape *tape, int count)
{
    if (count <= tape->root_capacity)
        return true;
    uint32_t *roots =
        rgi_resize(&tape->allocator, tape->roots, (size_t)tape->root_capacity * sizeof *roots,
                   (size_t)count * sizeof *roots);
    if (!roots) {
        rgi_fail(tape, RG_ERROR_MEMORY, "backward: there is no memory for %d roots", count);
        return false;
    }
    tape->roots = roots;
    tape->root_capacity = count;
    return true;
}

static void begin_sweep(rg_tape *tape, uint32_t root)
{
    tape->sweep++;
    tape->swept = root;
    tape->root_count = 0;
    /* Above `dirty` the adjoints are zero already. */
    uint64_t last = tape->dirty < root ? tape->dirty : root;
    memset(tape->cursor.adjoint, 0, (size_t)(last + 1) * sizeof(double));
    tape->dirty = tape->dirty > root ? tape->dirty : root;
    tape->dropped = tape->drop_adjoints;
}

/* Adds to the adjoint of a root. */
static void seed(rg_tape *tape, uint32_t root, const void *upstream, rg_type type)
{
    tape->roots[tape->root_count++] = root;
    if (!rgi_is_active(tape, root))
        return;
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(tape, root, &room);
    void *grad = tensor->grad;
    if (tape->cursor.code[root] == RGI_CODE_RECORD)
        grad = rgi_touch(tape, rgi_record_of(tape, root));
    for (int64_t i = 0; i < tensor->size; i++)
        rgi_increase(grad, tensor->type, i, rgi_load(upstream, type, i));
}

static rg_status finish_sweep(rg_tape *tape)
{
    if (!rgi_check_writes(tape))
        return rg_tape_status(tape);
    if (tape->find_anomalies)
        sweep_inspected(tape, (uint32_t)tape->swept);
    else
        sweep(tape, (uint32_t)tape->swept);
    if (tape->error.status != RG_OK)
        return tape->error.status;
    if (tape->dropped && tape->dirty == tape->swept && tape->cursor.last_input < tape->dirty)
        tape->dirty = tape->cursor.last_input;
    if (tape->defer)
        tape->deferred = true;
    else
        add_to_params(tape);
    return RG_OK;
}

void rg_tape_keep_adjoints(rg_tape *tape, int keep)
{
    if (tape && !tape->inert)
        tape->drop_adjoints = keep == 0;
}

rg_status rg_backward(rg_value f)
{
    return rg_backward_sum(1, &f, NULL);
}

static rg_status sweep_from(rg_value y, const void *upstream, rg_type type)
{
    if (!y.tape || rg_tape_status(y.tape) != RG_OK)
        return y.tape ? rg_tape_status(y.tape) : RG_ERROR_STALE;
    uint32_t root = find_root(y, -1);
    if (root && !upstream && rg_size(y) > 0)
        return rgi_fail(y.tape, RG_ERROR_ARGUMENT, "backward: the upstream gradient is NULL");
    if (!root || !root_room(y.tape, 1))
        return rg_tape_status(y.tape);
    begin_sweep(y.tape, root);
    seed(y.tape, root, upstream, type);
    return finish_sweep(y.tape);
}

rg_status rg_backward_with(rg_value y, const double *upstream)
{
    return sweep_from(y, upstream, RG_F64);
}

rg_status rgi_backward_raw(rg_value y, const void *upstream)
{
    return sweep_from(y, upstream, rg_get_type(y));
}

rg_status rg_backward_sum(int count, const rg_value *ys, const double *weights)
{
    rg_tape *tape = count > 0 ? ys[0].tape : NULL;
    if (!tape || rg_tape_status(tape) != RG_OK)
        return tape ? rg_tape_status(tape) : RG_ERROR_STALE;
    uint32_t last = 0;
    if (!root_room(tape, count))
        return rg_tape_status(tape);
    for (int i = 0; i < count; i++) {
        if (ys[i].tape != tape)
            return rgi_fail(tape, RG_ERROR_TAPE, "backward: root %d is on another tape", i + 1);
        uint32_t root = find_root(ys[i], 1);
        if (!root)
            return rg_tape_status(tape);
        last = root > last ? root : last;
    }
    static const double one = 1;
    begin_sweep(tape, last);
    for (int i = 0; i < count; i++)
        seed(tape, rgi_node(tape, ys[i].serial), weights ? &weights[i] : &one, RG_F64);
    return finish_sweep(tape);
}

/* ---- asking ---- */

const void *rgi_adjoint_so_far(const rg_tape *tape, uint32_t node)
{
    if (tape->swept == 0 || node > tape->swept || !rgi_is_active(tape, node))
        return NULL;
    bool record = tape->cursor.code[node] == RGI_CODE_RECORD;
    const rgi_record *own = record ? rgi_record_of(tape, node) : NULL;
    if (own && own->adjoint)
        return own->sweep == tape->sweep ? own->tensor.grad : NULL;
    return &tape->cursor.adjoint[node];
}

const void *rgi_node_adjoint(const rg_tape *tape, uint32_t node)
{
    static const double not_kept = NAN;
    const void *found = rgi_adjoint_so_far(tape, node);
    bool scalar = found == &tape->cursor.adjoint[node];
    return scalar && tape->dropped && !is_leaf(tape, node) ? &not_kept : found;
}

const void *rgi_adjoint(rg_value x)
{
    uint32_t node = x.tape ? rgi_node(x.tape, x.serial) : 0;
    return node ? rgi_node_adjoint(x.tape, node) : NULL;
}

double rg_grad(rg_value x)
{
    double grad = 0;
    const rg_tape *tape = x.tape;
    uint32_t node = tape ? rgi_node(tape, x.serial) : 0;
    if (node && tape->cursor.code[node] != RGI_CODE_RECORD) {
        const double *adjoint = rgi_node_adjoint(tape, node);
        return adjoint ? *adjoint : 0;
    }
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
    const void *grad = rgi_node_adjoint(tape, node);
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

bool rgi_node_is_reached(const rg_tape *tape, uint32_t node)
{
    return tape->reached[node >> 3] >> (node & 7) & 1;
}

bool rgi_find_reached(rg_tape *tape)
{
    if (tape->reached_sweep == tape->sweep)
        return true;
    if (!rgi_index_statements(tape))
        return false;
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
    for (int i = 0; i < tape->root_count; i++)
        mark_reached(tape, tape->roots[i]);
    for (uint32_t node = (uint32_t)tape->swept; node > 0; node--) {
        int count = rgi_node_is_reached(tape, node) ? rgi_operand_count(tape, node) : 0;
        for (int k = 0; k < count; k++)
            mark_reached(tape, rgi_operand(tape, node, k));
    }
    tape->reached_sweep = tape->sweep;
    return true;
}

int rg_is_reached(rg_value x)
{
    rg_tape *tape = x.tape;
    uint32_t node = tape ? rgi_node(tape, x.serial) : 0;
    if (!node || tape->swept == 0 || node > tape->swept)
        return 0;
    return rgi_find_reached(tape) && rgi_node_is_reached(tape, node);
}
