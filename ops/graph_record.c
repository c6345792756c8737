/*
 * graph_record.c: between tapes and graphs, both ways. A graph's operations are those of the tape's
 * scalar nodes, whose codes say besides which operands are plain numbers.
 */
#include "elementwise.h"
#include "graph.h"

#include <inttypes.h>
#include <string.h>

#include "family.h"

/* Where the kinds of rows begin, in the order of graph.h. */
enum {
    UNARY = RGI_GRAPH_FIRST_ROW,
    STEP = UNARY + RGI_UNARY_COUNT,
    BINARY = STEP + RGI_STEP_COUNT,
    COMPARE = BINARY + RGI_BINARY_COUNT
};

/* The graph's operation for the code of a scalar node. */
static int operation_of(int code)
{
    if (code >= RGI_COMPARE_FIRST)
        return code == RGI_WHERE ? RGI_GRAPH_WHERE : COMPARE + code - RGI_COMPARE_FIRST;
    if (code >= RGI_STEP_FIRST)
        return STEP + code - RGI_STEP_FIRST;
    if (code >= RGI_BINARY_FIRST)
        return BINARY + (code - RGI_BINARY_FIRST) / 3;
    return UNARY + code - RGI_UNARY_FIRST;
}

/* ---- from a tape ---- */

typedef struct recorder {
    rgi_graph *graph;
    const rg_tape *tape;
    uint32_t *node_of;
    unsigned char *needed; /* for each of the tape's nodes: NEEDED, or FOREIGN too */
    rg_error *error;
    bool skip; /* leave out what cannot be converted */
} recorder;

/* FOREIGN: what cannot be converted, or depends on that. */
enum { NEEDED = 1, FOREIGN = 2 };

static bool is_known(const recorder *r, uint32_t node)
{
    return r->node_of[node] != RGI_NO_NODE;
}

static void mark_operands(recorder *r, uint32_t node)
{
    int count = rgi_operand_count(r->tape, node);
    for (int k = 0; k < count; k++)
        r->needed[rgi_operand(r->tape, node, k)] = NEEDED;
}

/* Whether a node, all of whose operands have been looked at, depends on what was known before. */
static bool varies(const recorder *r, uint32_t node)
{
    int count = rgi_operand_count(r->tape, node);
    for (int k = 0; k < count; k++) {
        uint32_t operand = rgi_operand(r->tape, node, k);
        if (is_known(r, operand)
                ? r->graph->nodes[r->node_of[operand]].operation != RGI_GRAPH_CONSTANT
                : r->needed[operand] & FOREIGN)
            return true;
    }
    return false;
}

static bool is_scalar(const rg_tape *tape, uint32_t node)
{
    if (tape->cursor.code[node] != RGI_CODE_RECORD)
        return true;
    const rg_tensor *tensor = &rgi_record_of(tape, node)->tensor;
    return tensor->type == RG_F64 && tensor->shape.rank == 0;
}

/* The code that stands for the operation of a general record; 0 if it is no element-wise one. */
static int code_of_record(const rg_op *op)
{
    const int codes[] = {op->code, RGI_STEP_FIRST + op->code, RGI_COMPARE_FIRST + op->code,
                         RGI_WHERE};
    const int first[] = {RGI_UNARY_FIRST, RGI_STEP_FIRST, RGI_COMPARE_FIRST, RGI_WHERE};
    const int end[] = {RGI_CODE_END, RGI_COMPARE_FIRST, RGI_COMPARE_END, RGI_WHERE + 1};
    for (int i = 0; i < 4; i++)
        if (codes[i] >= first[i] && codes[i] < end[i] && rgi_elementwise_op(codes[i]) == op)
            return codes[i];
    return 0;
}

static uint32_t add_record(recorder *r, uint32_t node)
{
    const rgi_record *record = rgi_record_of(r->tape, node);
    uint32_t in[3] = {0};
    for (int k = 0; k < record->count; k++)
        in[k] = r->node_of[record->in[k]];
    return rgi_graph_add(r->graph, operation_of(code_of_record(record->op)), in,
                         record->attributes);
}

static uint32_t add_scalar(recorder *r, uint32_t node)
{
    const rg_cursor *cursor = &r->tape->cursor;
    const int code = cursor->code[node], operation = operation_of(code);
    const unsigned is_node = r->tape->engine->operands(code);
    const uint32_t places[2] = {cursor->operands[node].a, cursor->operands[node].b};
    uint32_t in[3] = {0};
    for (int k = 0; k < rgi_graph_operation(operation)->arity; k++)
        in[k] = is_node >> k & 1 ? r->node_of[places[k]]
                                 : rgi_graph_constant(r->graph, cursor->constant[places[k]]);
    const bool has_parameter = rgi_graph_operation(operation)->parameters > 0;
    return rgi_graph_add(r->graph, operation, in,
                         has_parameter ? &cursor->constant[places[1]] : NULL);
}

/* Whether a node that varies is an operation of the graph. */
static bool is_supported(const recorder *r, uint32_t node)
{
    const int code = r->tape->cursor.code[node];
    int count = rgi_operand_count(r->tape, node);
    for (int k = 0; k < count; k++)
        if (!is_known(r, rgi_operand(r->tape, node, k)))
            return false;
    if (code == RGI_CODE_RECORD) {
        const rgi_record *record = rgi_record_of(r->tape, node);
        return is_scalar(r->tape, node) && record->op && code_of_record(record->op);
    }
    if (code == RGI_CODE_ELEMENT)
        return true;
    return (code >= RGI_UNARY_FIRST && code < RGI_CODE_END) ||
           (code >= RGI_STEP_FIRST && code < RGI_COMPARE_END);
}

static rg_status meet_foreign(const recorder *r, uint32_t node)
{
    if (r->skip) {
        r->needed[node] |= FOREIGN;
        return RG_OK;
    }
    const int code = r->tape->cursor.code[node];
    const rg_op *op = code == RGI_CODE_RECORD ? rgi_record_of(r->tape, node)->op : NULL;
    const char *name = op ? op->name : code == RGI_CODE_ELEMENT ? "at" : "a fused statement";
    rgi_set_error(r->error, RG_ERROR_GRADIENT,
                  "program: %s at node %" PRIu32 " is not an element-wise operation on scalars",
                  name, node);
    return RG_ERROR_GRADIENT;
}

/* One needed node whose operands are done. */
static rg_status add_node(recorder *r, uint32_t node)
{
    const int code = r->tape->cursor.code[node];
    if (!varies(r, node)) {
        if (!is_scalar(r->tape, node))
            return RG_OK;
        r->node_of[node] = rgi_graph_constant(r->graph, r->tape->cursor.value[node]);
    } else if (!is_supported(r, node)) {
        return meet_foreign(r, node);
    } else {
        r->node_of[node] = code == RGI_CODE_RECORD    ? add_record(r, node)
                           : code == RGI_CODE_ELEMENT ? r->node_of[r->tape->cursor.operands[node].a]
                                                      : add_scalar(r, node);
    }
    return is_known(r, node) ? RG_OK : RG_ERROR_MEMORY;
}

static rg_status fail_memory(rg_error *error)
{
    rgi_set_error(error, RG_ERROR_MEMORY, "program: there is no memory for the graph");
    return RG_ERROR_MEMORY;
}

rg_status rgi_graph_record(rgi_graph *graph, const rg_tape *tape, uint32_t *node_of, uint32_t count,
                           const rg_value *roots, bool skip, rg_error *error)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = rgi_node(tape, roots[i].serial);
        last = node > last ? node : last;
    }
    recorder r = {graph, tape, node_of, NULL, error, skip};
    const size_t bytes = (size_t)last + 1;
    if (!(r.needed = rgi_alloc(graph->allocator, bytes)))
        return fail_memory(error);
    memset(r.needed, 0, bytes);
    for (uint32_t i = 0; i < count; i++)
        r.needed[rgi_node(tape, roots[i].serial)] = NEEDED;
    for (uint32_t node = last; node > 0; node--)
        if (r.needed[node] && !is_known(&r, node))
            mark_operands(&r, node);
    rg_status status = RG_OK;
    for (uint32_t node = 1; node <= last && status == RG_OK; node++)
        if (r.needed[node] && !is_known(&r, node))
            status = add_node(&r, node);
    rgi_free(graph->allocator, r.needed, bytes);
    return status == RG_ERROR_MEMORY ? fail_memory(error) : status;
}

/* ---- to a tape ---- */

static rg_value replay_row(const rgi_graph_node *node, const rg_value *in)
{
    const int operation = node->operation;
    const double *parameters = node->number;
    if (operation >= COMPARE) {
        int number = operation - COMPARE;
        return rgi_compare(number, rgi_elementwise_op(RGI_COMPARE_FIRST + number), in[0], in[1]);
    }
    if (operation >= BINARY)
        return rgi_binary(RGI_BINARY_FIRST + 3 * (operation - BINARY), in[0], in[1]);
    if (operation >= STEP) {
        int number = operation - STEP;
        return rgi_step(number, rgi_elementwise_op(RGI_STEP_FIRST + number), in[0], parameters);
    }
    return rgi_unary_with(RGI_UNARY_FIRST + operation - UNARY, in[0], parameters,
                          rgi_graph_operation(operation)->parameters);
}

void rgi_graph_replay(const rgi_graph *graph, rg_tape *tape, rg_value *value)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        const rgi_graph_node *node = &graph->nodes[i];
        rg_value in[3];
        for (int k = 0; k < rgi_graph_operation(node->operation)->arity; k++)
            in[k] = value[node->in[k]];
        switch (node->operation) {
        case RGI_GRAPH_CONSTANT: value[i] = rg_constant(tape, node->number[0]); break;
        case RGI_GRAPH_INPUT: value[i] = rg_input(tape, 1); break;
        case RGI_GRAPH_WHERE: value[i] = (rg_where)(in[0], in[1], in[2]); break;
        default: value[i] = replay_row(node, in);
        }
    }
}
