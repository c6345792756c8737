/*
 * graph_derive.c: derivatives of graphs: a graph is recorded on a tape of its own, where the rules
 * of the operations record its derivative, and what that was computed from becomes the new graph.
 * So every operation and every order come from the one set of rules.
 *
 * In an unfinished part, node i is input i.
 */
#include "graph.h"

#include <string.h>

#include "family.h"

/* One derivation at work. */
typedef struct derivation {
    rg_tape *tape;
    const rgi_part *from;
    rgi_part *out;
    rg_error *error;
    rg_value *value; /* what the nodes of `from` are on the tape, and then the new inputs */
    uint32_t values;
    uint32_t *node_of; /* the node of `out` for each of the tape's nodes */
    size_t nodes;      /* how many it has room for */
    rg_value *list;    /* LISTS times `room` values for the moment */
    size_t room;
} derivation;

enum { ROOTS, UPSTREAM, WANTED, GRADS, LISTS };

static rg_status fail(const derivation *d, rg_status status, const char *text)
{
    rgi_set_error(d->error, status, "program: %s", text);
    return status;
}

static rg_status fail_memory(const derivation *d)
{
    return fail(d, RG_ERROR_MEMORY, "there is no memory for derivatives");
}

static rg_status check_tape(const derivation *d)
{
    rg_status status = rg_tape_status(d->tape);
    return status == RG_OK ? RG_OK : fail(d, status, rg_tape_message(d->tape));
}

static const rg_allocator *allocator_of(const derivation *d)
{
    return d->out->graph.allocator;
}

static rg_value *list(const derivation *d, int number)
{
    return d->list + (size_t)number * d->room;
}

/* ---- beginning and end ---- */

/* Makes node_of as long as the tape; what is new on it has no node yet. */
static rg_status extend(derivation *d)
{
    size_t count = (size_t)d->tape->cursor.count;
    uint32_t *node_of = rgi_resize(allocator_of(d), d->node_of, d->nodes * sizeof *node_of,
                                   count * sizeof *node_of);
    if (!node_of)
        return fail_memory(d);
    for (size_t i = d->nodes; i < count; i++)
        node_of[i] = RGI_NO_NODE;
    d->node_of = node_of;
    d->nodes = count;
    return RG_OK;
}

static uint32_t *node_of(const derivation *d, rg_value value)
{
    return &d->node_of[rgi_node(d->tape, value.serial)];
}

/* Adds what values were computed from to the new graph. */
static rg_status convert(derivation *d, uint32_t count, const rg_value *values)
{
    rg_status status = check_tape(d);
    if (status == RG_OK)
        status = extend(d);
    if (status == RG_OK)
        status =
            rgi_graph_record(&d->out->graph, d->tape, d->node_of, count, values, false, d->error);
    return status;
}

/* Makes the inputs of the new part: those of the old one, and more. */
static rg_status make_inputs(derivation *d, uint32_t more, const unsigned char *uniform)
{
    rgi_part *out = d->out;
    uint32_t before = d->from->inputs;
    memcpy(out->uniform, d->from->uniform, before);
    for (uint32_t i = 0; i < more; i++)
        out->uniform[before + i] = uniform ? uniform[i] : 0;
    for (uint32_t i = 0; i < out->inputs; i++)
        if (rgi_graph_input(&out->graph, i, out->uniform[i]) == RGI_NO_NODE)
            return fail_memory(d);
    for (uint32_t i = 0; i < more; i++)
        d->value[d->from->graph.count + i] = rg_input(d->tape, 1);
    rg_status status = check_tape(d);
    if (status != RG_OK || (status = extend(d)) != RG_OK)
        return status;
    for (uint32_t i = 0; i < out->inputs; i++)
        *node_of(d, d->value[i < before ? i : d->from->graph.count + i - before]) = i;
    return RG_OK;
}

/* Records the graph, and makes a part with more inputs and outputs; the old outputs are converted.
 */
static rg_status begin(derivation *d, uint32_t inputs, const unsigned char *uniform,
                       uint32_t outputs, size_t room)
{
    const rgi_part *from = d->from;
    d->tape = rg_tape_create_with(&(rg_tape_options){.allocator = allocator_of(d)});
    d->values = from->graph.count + inputs;
    d->room = room;
    d->value = rgi_alloc(allocator_of(d), d->values * sizeof *d->value);
    d->list = rgi_alloc(allocator_of(d), LISTS * room * sizeof *d->list);
    if (!d->value || !d->list)
        return fail_memory(d);
    rg_status status =
        rgi_part_allocate(d->out, from->inputs + inputs, from->outputs + outputs, d->error);
    if (status != RG_OK)
        return status;
    /* Sums of derivatives are scalar operations even if a graph has none: where alone, say. */
    rgi_attach_scalars(d->tape);
    rgi_graph_replay(&from->graph, d->tape, d->value);
    if ((status = check_tape(d)) != RG_OK || (status = make_inputs(d, inputs, uniform)) != RG_OK)
        return status;
    for (uint32_t i = 0; i < from->outputs; i++)
        list(d, ROOTS)[i] = d->value[from->output[i]];
    if ((status = convert(d, from->outputs, list(d, ROOTS))) != RG_OK)
        return status;
    for (uint32_t i = 0; i < from->outputs; i++)
        d->out->output[i] = *node_of(d, list(d, ROOTS)[i]);
    return RG_OK;
}

static void end(derivation *d)
{
    const rg_allocator *allocator = allocator_of(d);
    rgi_free(allocator, d->value, d->values * sizeof *d->value);
    rgi_free(allocator, d->list, LISTS * d->room * sizeof *d->list);
    rgi_free(allocator, d->node_of, d->nodes * sizeof *d->node_of);
    rg_tape_destroy(d->tape);
}

/* The gradient of the first `roots` of ROOTS, with their UPSTREAM, to the first `wanted` of WANTED,
 * into GRADS. */
static rg_status differentiate(derivation *d, uint32_t roots, uint32_t wanted, bool independent)
{
    const rgi_roots from = {(int)roots, list(d, ROOTS), list(d, UPSTREAM)};
    rgi_grad_values(d->tape, &from, (int)wanted, list(d, WANTED), independent, list(d, GRADS));
    return check_tape(d);
}

/* ---- vector times Jacobian ---- */

/* Between what is computed once and what is computed for each evaluation lie the nodes of the
 * former that the latter use: the boundary. First the sums over the batch of the gradients to these
 * are found, taking them as independent, then from the sums the gradients to the uniform inputs. */
typedef struct boundary {
    uint32_t *node;     /* of `from` */
    uint32_t *gradient; /* of `out`, for one evaluation */
    uint32_t count, room;
} boundary;

static bool is_boundary(const rgi_graph *graph, uint32_t node)
{
    return graph->nodes[node].stage == RGI_BEFORE &&
           graph->nodes[node].operation != RGI_GRAPH_CONSTANT;
}

static rg_status find_boundary(const derivation *d, boundary *b)
{
    const rgi_graph *graph = &d->from->graph;
    size_t bytes = 2 * (size_t)graph->count * sizeof *b->node;
    b->node = rgi_alloc(allocator_of(d), bytes);
    if (!b->node)
        return fail_memory(d);
    memset(b->node, 0, bytes);
    b->room = graph->count;
    b->gradient = b->node + graph->count;
    for (uint32_t i = 0; i < graph->count; i++) {
        const rgi_graph_node *node = &graph->nodes[i];
        int arity = rgi_graph_operation(node->operation)->arity;
        for (int k = 0; k < arity && node->stage == RGI_EACH; k++)
            b->node[node->in[k]] = is_boundary(graph, node->in[k]);
    }
    for (uint32_t i = 0; i < graph->count; i++)
        if (b->node[i])
            b->node[b->count++] = i;
    return RG_OK;
}

static bool is_summed(const derivation *d, const rgi_vjp *what, uint32_t input)
{
    return what->sums && d->from->uniform[input];
}

static bool is_summed_root(const derivation *d, const rgi_vjp *what, uint32_t root)
{
    return what->sums &&
           d->from->graph.nodes[d->from->output[what->first + root]].stage == RGI_BEFORE;
}

/* The gradients to the inputs that vary, and to the boundary. */
static rg_status derive_each(derivation *d, const rgi_vjp *what, boundary *b)
{
    const uint32_t first_output = d->from->outputs;
    uint32_t roots = 0, wanted = 0, done = 0;
    for (uint32_t i = 0; i < what->roots; i++) {
        if (is_summed_root(d, what, i))
            continue;
        list(d, ROOTS)[roots] = d->value[d->from->output[what->first + i]];
        list(d, UPSTREAM)[roots++] =
            what->given ? d->value[d->from->graph.count + i] : (rg_value){0};
    }
    for (uint32_t i = 0; i < what->n; i++)
        if (!is_summed(d, what, i))
            list(d, WANTED)[wanted++] = d->value[i];
    for (uint32_t i = 0; i < b->count; i++)
        list(d, WANTED)[wanted++] = d->value[b->node[i]];
    rg_status status = differentiate(d, roots, wanted, true);
    if (status != RG_OK || (status = convert(d, wanted, list(d, GRADS))) != RG_OK)
        return status;
    for (uint32_t i = 0; i < what->n; i++)
        if (!is_summed(d, what, i))
            d->out->output[first_output + i] = *node_of(d, list(d, GRADS)[done++]);
    for (uint32_t i = 0; i < b->count; i++)
        b->gradient[i] = *node_of(d, list(d, GRADS)[done++]);
    return RG_OK;
}

/* The gradient of y is the sum over the batch of `upstream`; which contributes nothing if it is 0.
 */
static void add_summed_root(derivation *d, uint32_t y, uint32_t upstream, uint32_t *node,
                            uint32_t *roots)
{
    if (upstream != RGI_NO_NODE && rgi_graph_is_number(&d->out->graph, upstream, 0))
        return;
    node[*roots] = rgi_graph_sum(&d->out->graph, upstream);
    list(d, ROOTS)[*roots] = d->value[y];
    list(d, UPSTREAM)[(*roots)++] = rg_input(d->tape, 1);
}

/* The gradients to the uniform inputs, from the sums. */
static rg_status derive_after(derivation *d, const rgi_vjp *what, boundary *b, uint32_t *node)
{
    uint32_t roots = 0, wanted = 0, done = 0;
    for (uint32_t i = 0; i < b->count; i++)
        add_summed_root(d, b->node[i], b->gradient[i], node, &roots);
    for (uint32_t i = 0; i < what->roots; i++)
        if (is_summed_root(d, what, i))
            add_summed_root(d, d->from->output[what->first + i],
                            what->given ? d->from->inputs + i
                                        : rgi_graph_constant(&d->out->graph, 1),
                            node, &roots);
    rg_status status = check_tape(d);
    if (status != RG_OK || (status = extend(d)) != RG_OK)
        return status;
    for (uint32_t i = 0; i < roots; i++)
        if ((*node_of(d, list(d, UPSTREAM)[i]) = node[i]) == RGI_NO_NODE)
            return fail_memory(d);
    for (uint32_t i = 0; i < what->n; i++)
        if (is_summed(d, what, i))
            list(d, WANTED)[wanted++] = d->value[i];
    if ((status = differentiate(d, roots, wanted, false)) == RG_OK)
        status = convert(d, wanted, list(d, GRADS));
    for (uint32_t i = 0; i < what->n && status == RG_OK; i++)
        if (is_summed(d, what, i))
            d->out->output[d->from->outputs + i] = *node_of(d, list(d, GRADS)[done++]);
    return status;
}

static rg_status derive_with_sums(derivation *d, const rgi_vjp *what, boundary *b)
{
    const size_t bytes = (size_t)(b->count + what->roots) * sizeof(uint32_t);
    rg_status status = derive_each(d, what, b);
    if (status != RG_OK)
        return status;
    uint32_t *node = rgi_alloc(allocator_of(d), bytes);
    status = node ? derive_after(d, what, b, node) : fail_memory(d);
    rgi_free(allocator_of(d), node, bytes);
    return status;
}

rg_status rgi_derive_vjp(rgi_part *out, const rgi_part *f, const rgi_vjp *what, rg_error *error)
{
    derivation d = {.from = f, .out = out, .error = error};
    boundary b = {0};
    rg_status status = what->sums ? find_boundary(&d, &b) : RG_OK;
    if (status == RG_OK)
        status = begin(&d, what->given ? what->roots : 0, NULL, what->n,
                       (size_t)b.count + what->roots + what->n + f->outputs);
    if (status == RG_OK)
        status = what->sums ? derive_with_sums(&d, what, &b) : derive_each(&d, what, &b);
    rgi_free(allocator_of(&d), b.node, 2 * (size_t)b.room * sizeof *b.node);
    end(&d);
    return status;
}

/* ---- Jacobian times vector ---- */

/* u J is linear in u: its derivative to u along v is J v. */
rg_status rgi_derive_jvp(rgi_part *out, const rgi_part *f, const unsigned char *uniform,
                         rg_error *error)
{
    derivation d = {.from = f, .out = out, .error = error};
    const uint32_t n = f->inputs, m = f->outputs;
    rg_status status = begin(&d, n, uniform, m, (size_t)n + m);
    for (uint32_t j = 0; j < m && status == RG_OK; j++)
        list(&d, UPSTREAM)[j] = rg_input(d.tape, 1);
    for (uint32_t i = 0; i < n && status == RG_OK; i++)
        list(&d, WANTED)[i] = d.value[i];
    if (status == RG_OK)
        status = differentiate(&d, m, n, true);
    if (status == RG_OK) {
        memcpy(list(&d, WANTED), list(&d, UPSTREAM), m * sizeof *d.list);
        memcpy(list(&d, ROOTS), list(&d, GRADS), n * sizeof *d.list);
        memcpy(list(&d, UPSTREAM), d.value + f->graph.count, n * sizeof *d.list);
        status = differentiate(&d, n, m, true);
    }
    if (status == RG_OK)
        status = convert(&d, m, list(&d, GRADS));
    for (uint32_t j = 0; j < m && status == RG_OK; j++)
        out->output[m + j] = *node_of(&d, list(&d, GRADS)[j]);
    end(&d);
    return status;
}
