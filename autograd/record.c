/* record.c: recording: checks, promotion of types, shape rule, allocation, forward, node. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/* ---- nodes as tensors ---- */

static void set_record(rg_tape *tape, uint32_t node, rgi_record *record)
{
    memset(&tape->cursor.operands[node], 0, sizeof(rgi_operands));
    memcpy(&tape->cursor.operands[node], &record, sizeof record);
}

/* Which operands of a scalar node are nodes: bit 0 for a, bit 1 for b. */
static unsigned operand_mask(const rg_tape *tape, int code)
{
    if (code >= RGI_CODE_FIRST)
        return tape->engine->operands(code);
    return code == RGI_CODE_ELEMENT;
}

int rgi_operand_count(const rg_tape *tape, uint32_t node)
{
    int code = tape->cursor.code[node];
    if (code == RGI_CODE_RECORD)
        return rgi_record_of(tape, node)->count;
    if (rgi_is_statement(code))
        return (int)tape->cursor.operands[node].b;
    unsigned mask = operand_mask(tape, code);
    return (int)(mask & 1) + (int)(mask >> 1);
}

uint32_t rgi_operand(const rg_tape *tape, uint32_t node, int k)
{
    int code = tape->cursor.code[node];
    if (code == RGI_CODE_RECORD)
        return rgi_record_of(tape, node)->in[k];
    if (rgi_is_statement(code))
        return rgi_statement_operand(tape, node, k);
    rgi_operands operands = tape->cursor.operands[node];
    return k == 0 && (operand_mask(tape, code) & 1) ? operands.a : operands.b;
}

/* Scalars keep value and adjoint in the cursor's arrays, which may move while they grow. */
static void locate_scalar(const rg_tape *tape, uint32_t node, rg_tensor *tensor)
{
    tensor->data = &tape->cursor.value[node];
    tensor->grad = rgi_is_active(tape, node) ? &tape->cursor.adjoint[node] : NULL;
}

const rg_tensor *rgi_scalar_tensor(const rg_tape *tape, uint32_t node, rg_tensor *room)
{
    if (tape->cursor.code[node] == RGI_CODE_RECORD) {
        room = &rgi_record_of(tape, node)->tensor;
    } else {
        room->size = 1;
        room->type = RG_F64;
        room->dense = 1;
        room->shape.rank = 0;
    }
    locate_scalar(tape, node, room);
    return room;
}

/* Room for the tensors of `count` inputs and the list of pointers to them, in one block. */
static bool operand_room(rg_tape *tape, int count)
{
    if (count <= tape->operand_capacity)
        return true;
    const size_t width = sizeof(rg_tensor) + sizeof(rg_tensor *);
    int capacity = count < 8 ? 8 : count;
    rg_tensor *block = rgi_resize(&tape->allocator, tape->operand_tensors,
                                  (size_t)tape->operand_capacity * width, (size_t)capacity * width);
    if (!block) {
        rgi_fail(tape, RG_ERROR_MEMORY, "tape: there is no memory for %d operands", count);
        return false;
    }
    tape->operand_tensors = block;
    tape->operand_list = (const rg_tensor **)(void *)(block + capacity);
    tape->operand_capacity = capacity;
    return true;
}

/* The operands' places in the list. */
static void list_operands(rg_tape *tape, int count, const uint32_t *nodes)
{
    for (int k = 0; k < count; k++)
        tape->operand_list[k] = rgi_tensor_of(tape, nodes[k], &tape->operand_tensors[k]);
}

rg_call rgi_call_listed(rg_tape *tape, rgi_record *record)
{
    return (rg_call){.op = record->op,
                     .count = record->count,
                     .in = tape->operand_list,
                     .out = &record->tensor,
                     .attributes = record->attributes,
                     .saved = record->saved,
                     .scratch = rgi_align_up(tape->scratch),
                     .cpu = tape->cpu,
                     .tape = tape};
}

rg_call rgi_call_of(rg_tape *tape, rgi_record *record)
{
    list_operands(tape, record->count, record->in);
    return rgi_call_listed(tape, record);
}

/* ---- appending a record's node ---- */

/* Memory for a record with `extra` bytes behind it; its tensor's strides and data are still to be
 * set. */
static inline rgi_record *new_record(rg_tape *tape, size_t extra)
{
    if (!rgi_room(tape))
        return NULL;
    rgi_record *record = rgi_tape_alloc(tape, sizeof *record + extra);
    if (!record)
        return NULL;
    record->op = NULL;
    record->in = NULL;
    record->attributes = record->saved = record->adjoint = NULL;
    record->sweep = record->version = record->checksum = 0;
    record->param = NULL;
    record->next_param = NULL;
    record->node = (uint32_t)tape->cursor.count;
    record->count = 0;
    record->active = record->owned = false;
    return record;
}

static inline rg_value append(rg_tape *tape, rgi_record *record)
{
    rg_cursor *cursor = &tape->cursor;
    const uint32_t node = record->node;
    cursor->code[node] = RGI_CODE_RECORD;
    set_record(tape, node, record);
    cursor->count++;
    if (record->op)
        rgi_inspect(tape, node);
    else
        cursor->last_input = node;
    const uint64_t bit = rgi_is_scalar(&record->tensor) ? 0 : RG_TENSOR_BIT;
    return (rg_value){tape, (cursor->origin + (node - cursor->base)) | bit};
}

static bool fits(rg_tape *tape, int64_t size)
{
    if ((uint64_t)size <= SIZE_MAX / 8 / sizeof(double))
        return true;
    rgi_fail(tape, RG_ERROR_LIMIT, "tape: a tensor of %" PRId64 " elements is too large", size);
    return false;
}

/* Bytes of a tensor's elements, rounded up, so that another array may lie behind it. */
static size_t array_bytes(rg_type type, int64_t size)
{
    return rgi_round_up((size_t)size * rgi_width(type));
}

/* Memory of the elements and, if gradients flow, of the adjoint, in one piece. */
static bool allocate_elements(rg_tape *tape, rgi_record *record, bool with_data)
{
    rg_tensor *tensor = &record->tensor;
    tensor->grad = NULL;
    if (rgi_is_scalar(tensor)) {
        tensor->data = &tape->cursor.value[record->node];
        return true;
    }
    if (!fits(tape, tensor->size))
        return false;
    const size_t bytes = array_bytes(tensor->type, tensor->size);
    const size_t pieces = (size_t)with_data + record->active;
    char *memory = pieces ? rgi_tape_alloc(tape, pieces * bytes) : NULL;
    if (pieces && !memory)
        return false;
    if (record->active)
        tensor->grad = record->adjoint = memory;
    if (with_data)
        tensor->data = record->active ? memory + bytes : memory;
    return true;
}

rg_value rgi_leaf(rg_tape *tape, rg_type type, const rg_shape *shape, int64_t size, void *data,
                  bool active, rgi_record **made)
{
    const rg_tensor like = {.type = type, .shape.rank = shape->rank};
    const bool scalar = rgi_is_scalar(&like), flows = active && tape->no_grad == 0;
    const size_t arrays = scalar ? 0 : (size_t)(data == NULL) + flows;
    const size_t begin = rgi_round_up(sizeof(rgi_record)), bytes = array_bytes(type, size);
    rgi_record *record =
        fits(tape, size) ? new_record(tape, begin - sizeof *record + arrays * bytes) : NULL;
    if (!record)
        return rgi_inert(tape);
    rg_tensor *tensor = &record->tensor;
    char *memory = (char *)record + begin;
    tensor->type = type;
    tensor->shape = *shape;
    tensor->size = size;
    rgi_dense_strides(tensor);
    tensor->grad = record->adjoint = flows && !scalar ? memory : NULL;
    tensor->data = scalar ? &tape->cursor.value[record->node]
                   : data ? data
                          : memory + (flows ? bytes : 0);
    record->active = flows;
    record->owned = data == NULL;
    *made = record;
    return append(tape, record);
}

/* ---- operations ---- */

static rg_status vfail(rg_tape *tape, const rg_op *op, rg_status status, const char *format,
                       va_list list)
{
    char text[RG_MESSAGE_SIZE];
    vsnprintf(text, sizeof text, format, list);
    return rgi_fail(tape, status, "%s at node %" PRIu64 ": %s", op->name, tape->cursor.count, text);
}

rg_status rg_call_fail(rg_call *call, rg_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfail(call->tape, call->op, status, format, list);
    va_end(list);
    return status;
}

rg_value rg_op_fail(const rg_op *op, rg_tape *tape, rg_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfail(tape, op, status, format, list);
    va_end(list);
    return rgi_inert(tape);
}

rg_status rg_call_broadcast(rg_call *call)
{
    rg_shape *out = &call->out->shape;
    *out = call->in[0]->shape;
    for (int k = 1; k < call->count; k++) {
        const rg_shape *in = &call->in[k]->shape;
        rg_shape both = {.rank = in->rank > out->rank ? in->rank : out->rank};
        for (int i = 1; i <= both.rank; i++) {
            int64_t a = i <= out->rank ? out->dim[out->rank - i] : 1;
            int64_t b = i <= in->rank ? in->dim[in->rank - i] : 1;
            if (a != b && a != 1 && b != 1) {
                char first[RG_SHAPE_TEXT_SIZE], second[RG_SHAPE_TEXT_SIZE];
                return rg_call_fail(call, RG_ERROR_SHAPE, "%s does not broadcast with %s",
                                    rg_shape_text(out, first), rg_shape_text(in, second));
            }
            both.dim[both.rank - i] = a == 1 ? b : a;
        }
        *out = both;
    }
    return RG_OK;
}

/* Whether an operation of any type was given integers only. */
static bool all_integers(const rg_call *call)
{
    for (int k = 0; k < call->count; k++)
        if (call->in[k]->type != RG_I64)
            return false;
    return call->op->types & RG_OP_I64;
}

/* The floating type that the inputs of an operation share. Scalars adapt to tensors. */
static rg_status common_type(rg_call *call, rg_type *common)
{
    bool any[2] = {false, false}, tensor[2] = {false, false};
    *common = RG_F64;
    if (all_integers(call))
        return RG_OK;
    for (int k = 0; k < call->count; k++) {
        const rg_tensor *in = call->in[k];
        bool integer = k < 32 && (call->op->integers >> k & 1);
        if (integer != (in->type == RG_I64))
            return rg_call_fail(call, RG_ERROR_TYPE, "input %d must be %s, not %s", k + 1,
                                integer ? "int64" : "float64 or float32", rg_type_name(in->type));
        if (integer)
            continue;
        any[in->type] = true;
        tensor[in->type] = tensor[in->type] || in->shape.rank > 0;
    }
    if (tensor[RG_F64] && tensor[RG_F32])
        return rg_call_fail(call, RG_ERROR_TYPE,
                            "a float64 and a float32 tensor do not mix; use rg_cast");
    if (tensor[RG_F32] || (!tensor[RG_F64] && !any[RG_F64]))
        *common = RG_F32;
    int types = call->op->types ? call->op->types : RG_OP_FLOAT;
    if (!(types & (*common == RG_F64 ? RG_OP_F64 : RG_OP_F32)))
        return rg_call_fail(call, RG_ERROR_TYPE, "it does not take %s", rg_type_name(*common));
    return RG_OK;
}

/* The node of input number k of a new operation; 0 with the tape's error set if it has none. */
static uint32_t input_node(rg_tape *tape, const rg_op *op, const rg_value *in, int k)
{
    uint32_t node = 0;
    if (in[k].tape != tape)
        rgi_fail(tape, in[k].tape ? RG_ERROR_TAPE : RG_ERROR_STALE,
                 in[k].tape ? "%s at node %" PRIu64 ": input %d is on another tape"
                            : "%s at node %" PRIu64 ": input %d is no recorded value",
                 op->name, tape->cursor.count, k + 1);
    else if (!(node = rgi_node(tape, in[k].serial)))
        rgi_fail(tape, RG_ERROR_STALE,
                 (in[k].serial & ~RG_TENSOR_BIT)
                     ? "%s at node %" PRIu64 ": input %d was dropped by a rewind"
                     : "%s at node %" PRIu64 ": input %d is the inert value",
                 op->name, tape->cursor.count, k + 1);
    return node;
}

static bool all_live(rg_tape *tape, const rg_op *op, int count, const rg_value *in)
{
    for (int k = 0; k < count; k++)
        if (!input_node(tape, op, in, k))
            return false;
    return true;
}

static bool find_inputs(rg_tape *tape, const rg_op *op, int count, const rg_value *in,
                        uint32_t *nodes)
{
    for (int k = 0; k < count; k++)
        if (!(nodes[k] = input_node(tape, op, in, k)))
            return false;
    return true;
}

/* The same, and the list of operands, if the inputs are what most are: dense tensors of one
 * floating type that the operation takes. Otherwise false. */
static bool find_plain_inputs(rg_tape *tape, const rg_op *op, int count, const rg_value *in,
                              uint32_t *nodes)
{
    const int types = op->types ? op->types : RG_OP_FLOAT;
    rg_type type = RG_I64;
    if (op->integers)
        return false;
    for (int k = 0; k < count; k++) {
        nodes[k] = in[k].tape == tape ? rgi_node(tape, in[k].serial) : 0;
        if (!nodes[k] || tape->cursor.code[nodes[k]] != RGI_CODE_RECORD)
            return false;
        const rg_tensor *tensor = &rgi_record_of(tape, nodes[k])->tensor;
        if (!tensor->dense || rgi_is_scalar(tensor) || (k > 0 && tensor->type != type))
            return false;
        tape->operand_list[k] = tensor;
        type = tensor->type;
    }
    return type != RG_I64 && (types & (type == RG_F64 ? RG_OP_F64 : RG_OP_F32));
}

/* Records the conversions that an operation needs: to the common type, and to dense memory. */
static bool prepare_inputs(rg_tape *tape, const rg_op *op, int count, uint32_t *nodes)
{
    rgi_record shell = {.op = op, .in = nodes, .count = count};
    rg_call call = rgi_call_of(tape, &shell);
    rg_type common;
    if (common_type(&call, &common) != RG_OK)
        return false;
    for (int k = 0; k < count; k++) {
        const rg_tensor *in = call.in[k];
        bool cast = in->type != RG_I64 && in->type != common;
        bool pack = !in->dense && !op->strided;
        if (!cast && !pack)
            continue;
        rg_value value = rgi_value(tape, nodes[k]);
        value = cast ? rg_cast(value, common) : rg_dense(value);
        if (!value.serial)
            return false;
        nodes[k] = rgi_node(tape, value.serial);
        call = rgi_call_of(tape, &shell);
    }
    return true;
}

/* The same for all inputs, with the conversions they need recorded; false with the tape's error
 * set. */
static bool find_any_inputs(rg_tape *tape, const rg_op *op, int count, const rg_value *in,
                            uint32_t *nodes)
{
    if (!find_inputs(tape, op, count, in, nodes) || !prepare_inputs(tape, op, count, nodes))
        return false;
    list_operands(tape, count, nodes);
    return true;
}

static bool grow_scratch(rg_tape *tape, size_t size)
{
    if (size <= tape->scratch_size)
        return true;
    void *scratch = rgi_resize(&tape->allocator, tape->scratch, tape->scratch_size, size);
    if (!scratch) {
        rgi_fail(tape, RG_ERROR_MEMORY, "tape: there is no memory for %zu bytes of scratch", size);
        return false;
    }
    tape->scratch = scratch;
    tape->scratch_size = size;
    return true;
}

static void note_density(rg_tensor *out)
{
    rg_tensor dense = {.shape = out->shape};
    rgi_dense_strides(&dense);
    out->dense = 1;
    for (int i = 0; i < out->shape.rank; i++)
        if (out->shape.dim[i] != 1 && out->stride[i] != dense.stride[i])
            out->dense = 0;
}

static bool set_size(rg_call *call)
{
    rg_tensor *out = call->out;
    out->size = rg_shape_size(&out->shape);
    if (out->size >= 0)
        return true;
    char text[RG_SHAPE_TEXT_SIZE];
    rg_call_fail(call, RG_ERROR_LIMIT, "the result %s has too many elements",
                 rg_shape_text(&out->shape, text));
    return false;
}

/* A view looks at its input's memory; at a copy of a scalar, whose place may move. */
static bool run_view(rg_tape *tape, rgi_record *record)
{
    rg_call call = rgi_call_listed(tape, record);
    rg_tensor *out = &record->tensor;
    *out = *call.in[0];
    if (rgi_is_scalar(out)) {
        double *copy = rgi_tape_alloc(tape, sizeof *copy);
        if (!copy)
            return false;
        *copy = *(const double *)out->data;
        out->data = copy;
    }
    if (call.op->view(&call) != RG_OK || !set_size(&call))
        return false;
    note_density(out);
    if (rgi_is_scalar(out))
        tape->cursor.value[record->node] = *(const double *)out->data;
    return allocate_elements(tape, record, false);
}

/* Fills a record whose op, inputs and attributes are set: shape, memory, forward. */
static bool run(rg_tape *tape, rgi_record *record)
{
    const rg_op *op = record->op;
    rg_call call = rgi_call_listed(tape, record);
    rg_tensor *out = &record->tensor;
    const rg_tensor *first = call.in[0];
    for (int k = 0; k < call.count && first->type == RG_I64; k++)
        first = call.in[k];
    out->type = first->type;
    out->shape = first->shape;
    if ((op->shape && op->shape(&call) != RG_OK) || !set_size(&call))
        return false;
    rgi_dense_strides(out);
    if (!allocate_elements(tape, record, true))
        return false;
    if (op->saved && !(record->saved = rgi_tape_alloc(tape, op->saved(&call))))
        return false;
    if (op->scratch && !grow_scratch(tape, op->scratch(&call) + RGI_ALIGNMENT))
        return false;
    call.saved = record->saved;
    call.scratch = rgi_align_up(tape->scratch);
    rg_status status = op->forward(&call);
    if (status != RG_OK)
        rg_call_fail(&call, status, "%s", rg_status_text(status));
    return status == RG_OK;
}

/* Records an operation on inputs that are listed. */
static rgi_record *new_operation(rg_tape *tape, const rg_op *op, int count, const uint32_t *nodes,
                                 const void *attributes)
{
    /* The inputs' nodes and the attributes lie behind the record: one piece is cheaper. */
    size_t extra = (size_t)count * sizeof *nodes;
    if (op->attribute_size)
        extra += op->attribute_size + RGI_ALIGNMENT - 1;
    rgi_record *record = new_record(tape, extra);
    if (!record)
        return NULL;
    record->op = op;
    record->count = count;
    record->in = (uint32_t *)(record + 1);
    bool active = false;
    for (int k = 0; k < count; k++) {
        record->in[k] = nodes[k];
        active = active || rgi_is_active(tape, nodes[k]);
    }
    if (op->attribute_size) {
        record->attributes = rgi_align_up(record->in + count);
        memcpy(record->attributes, attributes, op->attribute_size);
    }
    record->active = active && (op->backward || op->view) && tape->no_grad == 0;
    bool done = op->view ? run_view(tape, record) : run(tape, record);
    return done ? record : NULL;
}

rg_value rg_record(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    rg_tape *tape = NULL;
    for (int k = 0; k < count && !tape; k++)
        tape = in[k].tape;
    if (!tape || tape->error.status != RG_OK)
        return rgi_inert(tape);
    if (count < 1 || (op->arity && count != op->arity) || (op->attribute_size && !attributes)) {
        rgi_fail(tape, RG_ERROR_ARGUMENT, "%s at node %" PRIu64 ": it was given %d inputs%s",
                 op->name, tape->cursor.count, count,
                 op->attribute_size && !attributes ? " and no attributes" : "");
        return rgi_inert(tape);
    }
    enum { FEW = 8 };
    uint32_t few[FEW];
    uint32_t *nodes = few;
    size_t bytes = (size_t)count * sizeof *nodes;
    if (op->compose)
        return all_live(tape, op, count, in) ? op->compose(op, count, in, attributes)
                                             : rgi_inert(tape);
    if (count > FEW && !(nodes = rgi_alloc(&tape->allocator, bytes))) {
        rgi_fail(tape, RG_ERROR_MEMORY, "tape: there is no memory for %d operands", count);
        return rgi_inert(tape);
    }
    rgi_record *record = NULL;
    if (operand_room(tape, count) && (find_plain_inputs(tape, op, count, in, nodes) ||
                                      find_any_inputs(tape, op, count, in, nodes))) {
        rgi_arena before = tape->arena;
        size_t used = before.current ? before.current->used : 0;
        record = new_operation(tape, op, count, nodes, attributes);
        if (!record)
            rgi_arena_release(&tape->arena, before.current, used);
    }
    if (nodes != few)
        rgi_free(&tape->allocator, nodes, bytes);
    return record ? append(tape, record) : rgi_inert(tape);
}

rg_value rgi_append(rg_tape *tape, int code, uint32_t a, uint32_t b, double value)
{
    rg_value result = rgi_push(tape, code, a, b, value);
    if (tape->find_anomalies)
        rgi_inspect(tape, (uint32_t)(tape->cursor.count - 1));
    return result;
}
