/*
 * derivatives.c: the gradient as recorded values: a walk down the nodes like the reverse sweep's,
 * in which each operation's rule records what its backward function would compute.
 */
#include "derivatives.h"

#include <inttypes.h>
#include <string.h>

#include "internal.h"

/* What is known of a node before the walk. */
enum {
    DEPENDS = 1, /* a wanted value lies behind it, or it is one itself */
    CUT = 2      /* wanted, and independent of the other wanted values: the walk ends there */
};

/* The arrays hold the nodes from the lowest to the root only, so that gradients of short pieces of
 * a long recording cost what the pieces do. */
typedef struct walk {
    rg_tape *tape;
    uint32_t root, lowest;
    unsigned char *depends; /* for each node */
    rg_value *cotangent;    /* for each node: its gradient so far; serial 0: none */
    size_t bytes;
} walk;

static int depends(const walk *w, uint32_t node)
{
    return node < w->lowest || node > w->root ? 0 : w->depends[node - w->lowest];
}

static rg_value *cotangent(const walk *w, uint32_t node)
{
    return &w->cotangent[node - w->lowest];
}

static bool fail_memory(rg_tape *tape, size_t bytes)
{
    rgi_fail(tape, RG_ERROR_MEMORY, "grad_values: there is no memory for %zu bytes", bytes);
    return false;
}

/* ---- what lies between ---- */

/* Marks every node through which a wanted value is reached. */
static void find_dependents(walk *w)
{
    for (uint32_t node = w->lowest; node <= w->root; node++) {
        unsigned char *own = &w->depends[node - w->lowest];
        int count = rgi_operand_count(w->tape, node);
        for (int k = 0; k < count; k++)
            *own |= depends(w, rgi_operand(w->tape, node, k)) & DEPENDS;
        if (!rgi_is_active(w->tape, node))
            *own = 0;
    }
}

/* ---- one node ---- */

static void add_cotangent(walk *w, uint32_t node, rg_value g)
{
    rg_value *sum = cotangent(w, node);
    const rg_value both[2] = {*sum, g};
    *sum = sum->serial ? rgi_add_values(both) : g;
}

enum { FEW = 8 };

/* Records the rule of an operation with `count` inputs, and hands its results on. */
static void apply_rule(walk *w, const rg_op *op, int count, const uint32_t *nodes,
                       const rg_value *in, rg_rule *rule)
{
    rg_tape *tape = w->tape;
    rg_value few_grads[FEW] = {{0}};
    int few_wanted[FEW];
    size_t width = sizeof(rg_value) + sizeof(int), bytes = (size_t)count * width;
    rg_value *grads = few_grads;
    int *wanted = few_wanted;
    if (count > FEW) {
        grads = rgi_alloc(&tape->allocator, bytes);
        if (!grads) {
            fail_memory(tape, bytes);
            return;
        }
        wanted = (int *)(void *)(grads + count);
    }
    for (int k = 0; k < count; k++) {
        grads[k] = rgi_inert(tape);
        wanted[k] = depends(w, nodes[k]) != 0;
    }
    rule->op = op;
    rule->count = count;
    rule->in = in;
    rule->wanted = wanted;
    rule->grads = grads;
    op->rule(rule);
    /* A float32 scalar becomes float64 where the rule joins it with a number. */
    for (int k = 0; k < count && rg_tape_status(tape) == RG_OK; k++)
        if (wanted[k] && grads[k].serial)
            add_cotangent(w, nodes[k], rg_cast(grads[k], rg_get_type(in[k])));
    if (grads != few_grads)
        rgi_free(&tape->allocator, grads, bytes);
}

static void scalar_rule(walk *w, uint32_t node)
{
    rg_tape *tape = w->tape;
    int code = tape->cursor.code[node];
    const rg_op *op = tape->engine->op(code);
    rgi_operands operands = tape->cursor.operands[node];
    unsigned is_node = tape->engine->operands(code);
    double parameter = 0;
    uint32_t nodes[2] = {operands.a, operands.b};
    rg_value in[2];
    for (int k = 0; k < op->arity; k++) {
        if (is_node >> k & 1) {
            in[k] = rgi_handle(tape, nodes[k]);
        } else {
            in[k] = rg_constant(tape, tape->cursor.constant[nodes[k]]);
            nodes[k] = 0;
        }
    }
    if (op->attribute_size)
        parameter = tape->cursor.constant[operands.b];
    rg_rule rule = {
        .out = rgi_handle(tape, node), .upstream = *cotangent(w, node), .attributes = &parameter};
    apply_rule(w, op, op->arity, nodes, in, &rule);
}

static void record_rule(walk *w, uint32_t node)
{
    rg_tape *tape = w->tape;
    const rgi_record *record = rgi_record_of(tape, node);
    if (!record->op)
        return;
    if (record->op->view) {
        if (depends(w, record->in[0]))
            add_cotangent(w, record->in[0], rgi_unview(record, *cotangent(w, node)));
        return;
    }
    if (!record->op->rule) {
        rgi_fail(tape, RG_ERROR_GRADIENT,
                 "grad_values: %s at node %" PRIu32 " has no recorded rule", record->op->name,
                 node);
        return;
    }
    rg_value few[FEW], *in = few;
    size_t bytes = (size_t)record->count * sizeof *in;
    if (record->count > FEW && !(in = rgi_alloc(&tape->allocator, bytes))) {
        fail_memory(tape, bytes);
        return;
    }
    for (int k = 0; k < record->count; k++)
        in[k] = rgi_handle(tape, record->in[k]);
    rg_rule rule = {.out = rgi_handle(tape, node),
                    .upstream = *cotangent(w, node),
                    .attributes = record->attributes};
    apply_rule(w, record->op, record->count, record->in, in, &rule);
    if (in != few)
        rgi_free(&tape->allocator, in, bytes);
}

static void element_rule(walk *w, uint32_t node)
{
    rgi_operands operands = w->tape->cursor.operands[node];
    rg_value g = *cotangent(w, node);
    if (!depends(w, operands.a))
        return;
    if (w->tape->cursor.code[operands.a] == RGI_CODE_RECORD)
        g = rgi_place(rgi_handle(w->tape, operands.a), operands.b, g);
    add_cotangent(w, operands.a, g);
}

/* A statement may be what is asked for, but nothing before it. */
static void statement_rule(walk *w, uint32_t node)
{
    int count = rgi_operand_count(w->tape, node);
    for (int k = 0; k < count; k++)
        if (depends(w, rgi_operand(w->tape, node, k))) {
            rgi_fail(w->tape, RG_ERROR_GRADIENT,
                     "grad_values: the fused statement at node %" PRIu32
                     " keeps numbers only; compile its function with rg_value instead of rg_real",
                     node);
            return;
        }
}

static void walk_down(walk *w)
{
    const rg_cursor *cursor = &w->tape->cursor;
    for (uint32_t node = w->root; node >= w->lowest && w->tape->error.status == RG_OK; node--) {
        if (!depends(w, node) || (depends(w, node) & CUT) || !cotangent(w, node)->serial)
            continue;
        int code = cursor->code[node];
        if (code >= RGI_CODE_FIRST)
            scalar_rule(w, node);
        else if (code == RGI_CODE_RECORD)
            record_rule(w, node);
        else if (code == RGI_CODE_ELEMENT)
            element_rule(w, node);
        else if (rgi_is_statement(code))
            statement_rule(w, node);
    }
}

/* ---- the whole ---- */

/* A constant of x's type and shape filled with one number. */
static rg_value filled_like(rg_value x, double number)
{
    if (!(x.serial & RG_TENSOR_BIT))
        return rg_constant(x.tape, number);
    rg_value filled = rg_constant_tensor(x.tape, rg_get_type(x), rg_get_shape(x), NULL);
    rgi_fill(filled, number);
    return filled;
}

static bool check_upstream(rg_tape *tape, rg_value y, rg_value upstream)
{
    rg_shape shape = rg_get_shape(y), given = rg_get_shape(upstream);
    if (!upstream.tape && rg_size(y) != 1)
        rgi_fail(tape, RG_ERROR_SHAPE, "grad_values: y has %" PRId64 " elements; give an upstream",
                 rg_size(y));
    else if (upstream.tape && upstream.tape != tape)
        rgi_fail(tape, RG_ERROR_TAPE, "grad_values: upstream is on another tape");
    else if (upstream.tape && rgi_live_node(upstream, "grad_values") &&
             (!rg_shape_equal(&shape, &given) || rg_get_type(y) != rg_get_type(upstream)))
        rgi_fail(tape, RG_ERROR_SHAPE, "grad_values: upstream has another shape or type than y");
    return tape->error.status == RG_OK;
}

/* The node of a value that must be on this tape; 0 after an error. */
static uint32_t node_on(rg_tape *tape, rg_value x)
{
    if (x.tape != tape)
        rgi_fail(tape, x.tape ? RG_ERROR_TAPE : RG_ERROR_STALE,
                 x.tape ? "grad_values: a value is on another tape"
                        : "grad_values: a value was never recorded");
    return rgi_live_node(x, "grad_values");
}

static bool begin(walk *w, const rgi_roots *from, int count, const rg_value *xs)
{
    rg_tape *tape = w->tape;
    for (int i = 0; i < from->count; i++) {
        uint32_t node = node_on(tape, from->y[i]);
        w->root = node > w->root ? node : w->root;
        if (!node || !check_upstream(tape, from->y[i], from->upstream[i]))
            return false;
    }
    w->lowest = w->root ? w->root : 1; /* without roots there is nothing to walk */
    for (int i = 0; i < count; i++) {
        uint32_t node = node_on(tape, xs[i]);
        if (!node)
            return false;
        w->lowest = node < w->lowest ? node : w->lowest;
    }
    if (!rgi_index_statements(tape))
        return false;
    size_t nodes = (size_t)w->root + 2 - w->lowest; /* one without roots */
    w->bytes = nodes * (sizeof *w->cotangent + sizeof *w->depends);
    w->cotangent = rgi_alloc(&tape->allocator, w->bytes);
    if (!w->cotangent)
        return fail_memory(tape, w->bytes);
    memset(w->cotangent, 0, w->bytes);
    w->depends = (unsigned char *)(w->cotangent + nodes);
    return true;
}

static void set_roots(walk *w, const rgi_roots *from)
{
    for (int i = 0; i < from->count; i++) {
        uint32_t node = rgi_node(w->tape, from->y[i].serial);
        rg_value upstream = from->upstream[i];
        if (depends(w, node))
            add_cotangent(w, node, upstream.tape ? upstream : filled_like(from->y[i], 1));
    }
}

rg_status rgi_grad_values(rg_tape *tape, const rgi_roots *from, int count, const rg_value *xs,
                          bool independent, rg_value *grads)
{
    walk w = {.tape = tape};
    for (int i = 0; i < count; i++)
        grads[i] = rgi_inert(tape);
    if (rg_tape_status(tape) != RG_OK)
        return tape ? rg_tape_status(tape) : RG_ERROR_STALE;
    if (begin(&w, from, count, xs)) {
        for (int i = 0; i < count; i++) {
            uint32_t node = rgi_node(tape, xs[i].serial);
            if (node <= w.root)
                w.depends[node - w.lowest] = independent ? DEPENDS | CUT : DEPENDS;
        }
        find_dependents(&w);
        set_roots(&w, from);
        walk_down(&w);
        for (int i = 0; i < count && tape->error.status == RG_OK; i++) {
            uint32_t node = rgi_node(tape, xs[i].serial);
            bool reached = node <= w.root && cotangent(&w, node)->serial;
            grads[i] = reached ? *cotangent(&w, node) : filled_like(xs[i], 0);
        }
    }
    rgi_free(&tape->allocator, w.cotangent, w.bytes);
    for (int i = 0; i < count && tape->error.status != RG_OK; i++)
        grads[i] = rgi_inert(tape);
    return tape->error.status;
}

rg_status rg_grad_values(rg_value y, rg_value upstream, int count, const rg_value *xs,
                         rg_value *grads)
{
    return rgi_grad_values(y.tape, &(rgi_roots){1, &y, &upstream}, count, xs, false, grads);
}

/* The gradient is linear in the upstream u, so its derivative to u along the directions is the
 * Jacobian times them. */
rg_value rg_jvp(rg_value y, int count, const rg_value *xs, const rg_value *directions)
{
    rg_tape *tape = y.tape;
    rg_value result = rgi_inert(tape);
    if (rg_tape_status(tape) != RG_OK || !rgi_live_node(y, "jvp"))
        return result;
    size_t bytes = (size_t)(count > 0 ? count : 1) * sizeof(rg_value);
    rg_value *grads = rgi_alloc(&tape->allocator, bytes);
    if (!grads) {
        fail_memory(tape, bytes);
        return result;
    }
    rg_value u = rg_input_tensor(tape, rg_get_type(y), rg_get_shape(y), NULL);
    rgi_fill(u, 1);
    if (rgi_grad_values(tape, &(rgi_roots){1, &y, &u}, count, xs, false, grads) == RG_OK)
        rgi_grad_values(tape, &(rgi_roots){count, grads, directions}, 1, &u, false, &result);
    rgi_free(&tape->allocator, grads, bytes);
    return result;
}
