/* graph_finish.c: parts, and how their graphs are made ready to be run or printed. */
#include "graph.h"

#include <string.h>

/* ---- parts ---- */

void rgi_part_init(rgi_part *part, const rg_allocator *allocator)
{
    memset(part, 0, sizeof *part);
    rgi_graph_init(&part->graph, allocator);
}

void rgi_part_free(rgi_part *part)
{
    const rg_allocator *allocator = part->graph.allocator;
    rgi_free(allocator, part->uniform, part->inputs);
    rgi_free(allocator, part->output, (part->outputs + part->unused) * sizeof *part->output);
    rgi_graph_free(&part->graph);
    rgi_part_init(part, allocator);
}

static rg_status fail_memory(rg_error *error)
{
    rgi_set_error(error, RG_ERROR_MEMORY, "program: there is no memory for the graph");
    return RG_ERROR_MEMORY;
}

rg_status rgi_part_allocate(rgi_part *part, uint32_t inputs, uint32_t outputs, rg_error *error)
{
    const rg_allocator *allocator = part->graph.allocator;
    unsigned char *uniform = rgi_alloc(allocator, inputs);
    uint32_t *output = rgi_alloc(allocator, outputs * sizeof *output);
    if (!uniform || !output) {
        rgi_free(allocator, uniform, inputs);
        rgi_free(allocator, output, outputs * sizeof *output);
        return fail_memory(error);
    }
    memset(uniform, 0, inputs);
    memset(output, 0, outputs * sizeof *output);
    part->uniform = uniform;
    part->output = output;
    part->inputs = inputs;
    part->outputs = outputs;
    return RG_OK;
}

/* ---- joining ---- */

static int arity_of(const rgi_graph_node *node)
{
    return rgi_graph_operation(node->operation)->arity;
}

/* How often each node is used, by live nodes and as output. */
static void count_uses(const rgi_part *part, uint32_t *uses)
{
    const rgi_graph *graph = &part->graph;
    memset(uses, 0, graph->count * sizeof *uses);
    for (uint32_t i = 0; i < part->outputs; i++)
        uses[part->output[i]]++;
    for (uint32_t i = graph->count; i-- > 0;)
        for (int k = 0; uses[i] && k < arity_of(&graph->nodes[i]); k++)
            uses[graph->nodes[i].in[k]]++;
}

/* Squares become products, which can be joined. */
static void expand_square(rgi_graph_node *node, uint32_t *uses)
{
    if (node->operation != RGI_GRAPH_square)
        return;
    node->operation = RGI_GRAPH_mul;
    node->in[1] = node->in[0];
    uses[node->in[0]]++;
}

/* A factor that is computed before the batch comes first, so that there are fewer cases to run. */
static void order_factors(const rgi_graph *graph, rgi_graph_node *node)
{
    if (node->operation == RGI_GRAPH_mul && graph->nodes[node->in[1]].stage == RGI_BEFORE) {
        uint32_t second = node->in[1];
        node->in[1] = node->in[0];
        node->in[0] = second;
    }
}

/* Whether operand k of a node is a product that nothing else uses. */
static bool is_own_product(const rgi_graph *graph, const uint32_t *uses, const rgi_graph_node *node,
                           int k)
{
    const rgi_graph_node *factor = &graph->nodes[node->in[k]];
    if (uses[node->in[k]] != 1 || factor->stage != node->stage)
        return false;
    bool minuend = node->operation == RGI_GRAPH_sub && k == 0;
    return factor->operation == RGI_GRAPH_mul || (factor->operation == RGI_GRAPH_times && !minuend);
}

static void join(rgi_graph *graph, uint32_t *uses, uint32_t i)
{
    rgi_graph_node *node = &graph->nodes[i];
    if (node->operation != RGI_GRAPH_add && node->operation != RGI_GRAPH_sub)
        return;
    bool first = is_own_product(graph, uses, node, 0),
         second = is_own_product(graph, uses, node, 1);
    if (!first && !second)
        return;
    /* Of two, the product that is computed later need not be kept. */
    int k = first && second ? node->in[1] > node->in[0] : second;
    uint32_t product = node->in[k], other = node->in[1 - k];
    bool guarded = graph->nodes[product].operation == RGI_GRAPH_times;
    int joined = guarded ? RGI_GRAPH_GUARDED_ADD : RGI_GRAPH_MULTIPLY_ADD;
    if (node->operation == RGI_GRAPH_sub)
        joined = k == 0    ? RGI_GRAPH_MULTIPLY_SUB
                 : guarded ? RGI_GRAPH_GUARDED_SUB
                           : RGI_GRAPH_NEGATED_MULTIPLY_ADD;
    node->operation = (uint16_t)joined;
    node->in[0] = graph->nodes[product].in[0];
    node->in[1] = graph->nodes[product].in[1];
    node->in[2] = other;
    uses[product] = 0;
}

/* ---- order ---- */

/* Moves the live nodes into a new array, stage by stage; to[i] becomes the new place of node i. */
static void arrange(rgi_part *part, const uint32_t *uses, uint32_t *to, rgi_graph_node *nodes)
{
    const rgi_graph *graph = &part->graph;
    uint32_t count = 0;
    for (int stage = RGI_BEFORE; stage <= RGI_AFTER; stage++) {
        for (uint32_t i = 0; i < graph->count; i++) {
            if (uses[i] == 0 || graph->nodes[i].stage != stage)
                continue;
            rgi_graph_node *node = &nodes[count];
            *node = graph->nodes[i];
            for (int k = 0; k < arity_of(node); k++)
                node->in[k] = to[node->in[k]];
            to[i] = count++;
        }
        part->stage_end[stage] = count;
    }
    for (uint32_t i = 0; i < part->outputs; i++)
        part->output[i] = to[part->output[i]];
}

static uint32_t count_live(const rgi_graph *graph, const uint32_t *uses)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < graph->count; i++)
        live += uses[i] != 0;
    return live;
}

rg_status rgi_part_finish(rgi_part *part, rg_error *error)
{
    rgi_graph *graph = &part->graph;
    const rg_allocator *allocator = graph->allocator;
    const size_t bytes = 2 * (size_t)graph->count * sizeof(uint32_t);
    uint32_t *uses = rgi_alloc(allocator, bytes);
    if (!uses)
        return fail_memory(error);
    count_uses(part, uses);
    for (uint32_t i = 0; i < graph->count; i++)
        if (uses[i]) {
            expand_square(&graph->nodes[i], uses);
            order_factors(graph, &graph->nodes[i]);
        }
    for (uint32_t i = 0; i < graph->count; i++)
        if (uses[i])
            join(graph, uses, i);
    const uint32_t live = count_live(graph, uses);
    rgi_graph_node *nodes = rgi_alloc(allocator, live * sizeof *nodes);
    if (nodes) {
        arrange(part, uses, uses + graph->count, nodes);
        rgi_graph_free(graph);
        graph->nodes = nodes;
        graph->count = graph->capacity = live;
    }
    rgi_free(allocator, uses, bytes);
    return nodes ? RG_OK : fail_memory(error);
}
