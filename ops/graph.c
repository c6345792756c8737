/*
 * graph.c: nodes of a graph, each there once, and the folding that keeps what IEEE 754 says, up to
 * the sign of zero, for all operands including infinities and NaN.
 *
 * Nodes are found through a table of their numbers, open addressing: they lie in one array that
 * moves while it grows, and millions of them are looked for, so that a table of links would cost
 * more than the nodes themselves.
 */
#include "graph.h"

#include <math.h>
#include <string.h>

/* ---- operations ---- */

static const rgi_operation operations[RGI_GRAPH_OPERATIONS] = {
    [RGI_GRAPH_CONSTANT] = {"constant", "p", 0, 1},
    [RGI_GRAPH_INPUT] = {"input", "", 0, 0},
    [RGI_GRAPH_SUM] = {"sum", "a", 1, 0},
    [RGI_GRAPH_WHERE] = {"where", "a != 0 ? b : c", 3, 0},
    [RGI_GRAPH_MULTIPLY_ADD] = {"multiply_add", "a * b + c", 3, 0},
    [RGI_GRAPH_MULTIPLY_SUB] = {"multiply_sub", "a * b - c", 3, 0},
    [RGI_GRAPH_NEGATED_MULTIPLY_ADD] = {"negated_multiply_add", "c - a * b", 3, 0},
    [RGI_GRAPH_GUARDED_ADD] = {"guarded_add", "a == 0 ? c : a * b + c", 3, 0},
    [RGI_GRAPH_GUARDED_SUB] = {"guarded_sub", "a == 0 ? c : c - a * b", 3, 0},
#define UNARY(name_, count, value_, ...) [RGI_GRAPH_##name_] = {#name_, #value_, 1, count},
#define BINARY(name_, value_, ...)       [RGI_GRAPH_##name_] = {#name_, #value_, 2, 0},
    RGI_ALL_UNARY_ROWS(UNARY) RGI_STEP_ROWS(UNARY) RGI_ALL_BINARY_ROWS(BINARY)
        RGI_ALL_COMPARE_ROWS(BINARY)
#undef UNARY
#undef BINARY
};

const rgi_operation *rgi_graph_operation(int operation)
{
    return &operations[operation];
}

/* ---- memory ---- */

void rgi_graph_init(rgi_graph *graph, const rg_allocator *allocator)
{
    *graph = (rgi_graph){.allocator = allocator};
}

void rgi_graph_free(rgi_graph *graph)
{
    rgi_free(graph->allocator, graph->nodes, graph->capacity * sizeof *graph->nodes);
    rgi_free(graph->allocator, graph->table, graph->table_size * sizeof *graph->table);
    rgi_graph_init(graph, graph->allocator);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_of(const rgi_graph_node *node)
{
    uint64_t number[2];
    memcpy(number, node->number, sizeof number);
    uint64_t hash = mix(node->operation, (uint64_t)node->in[0] << 32 | node->in[1]);
    return mix(mix(mix(hash, node->in[2]), number[0]), number[1]);
}

static bool is_same(const rgi_graph_node *a, const rgi_graph_node *b)
{
    return a->operation == b->operation && a->in[0] == b->in[0] && a->in[1] == b->in[1] &&
           a->in[2] == b->in[2] && memcmp(a->number, b->number, sizeof a->number) == 0;
}

/* The place of a node, or the free one where it belongs. */
static uint32_t *place_of(const rgi_graph *graph, const rgi_graph_node *node)
{
    uint32_t mask = graph->table_size - 1, i = (uint32_t)hash_of(node) & mask;
    while (graph->table[i] != RGI_NO_NODE && !is_same(&graph->nodes[graph->table[i]], node))
        i = (i + 1) & mask;
    return &graph->table[i];
}

enum { FIRST_CAPACITY = 64 };

/* Room for one more node, with the table at most half full. */
static bool grow(rgi_graph *graph)
{
    if (graph->count < graph->capacity)
        return true;
    if (graph->capacity >= (uint32_t)1 << 30)
        return false;
    uint32_t capacity = graph->capacity ? 2 * graph->capacity : FIRST_CAPACITY;
    uint32_t *table = rgi_alloc(graph->allocator, 2 * (size_t)capacity * sizeof *table);
    rgi_graph_node *nodes =
        table ? rgi_resize(graph->allocator, graph->nodes, graph->capacity * sizeof *nodes,
                           capacity * sizeof *nodes)
              : NULL;
    if (!nodes) {
        rgi_free(graph->allocator, table, 2 * (size_t)capacity * sizeof *table);
        return false;
    }
    rgi_free(graph->allocator, graph->table, graph->table_size * sizeof *table);
    graph->nodes = nodes;
    graph->capacity = capacity;
    graph->table = table;
    graph->table_size = 2 * capacity;
    memset(table, 0xff, graph->table_size * sizeof *table);
    for (uint32_t i = 0; i < graph->count; i++)
        *place_of(graph, &nodes[i]) = i;
    return true;
}

static uint32_t find_or_append(rgi_graph *graph, rgi_graph_node node)
{
    if (!grow(graph))
        return RGI_NO_NODE;
    uint32_t *place = place_of(graph, &node);
    if (*place == RGI_NO_NODE) {
        *place = graph->count;
        graph->nodes[graph->count++] = node;
    }
    return *place;
}

/* ---- nodes ---- */

uint32_t rgi_graph_constant(rgi_graph *graph, double number)
{
    return find_or_append(graph,
                          (rgi_graph_node){.operation = RGI_GRAPH_CONSTANT, .number = {number}});
}

uint32_t rgi_graph_input(rgi_graph *graph, uint32_t number, bool uniform)
{
    return find_or_append(graph, (rgi_graph_node){.operation = RGI_GRAPH_INPUT,
                                                  .stage = uniform ? RGI_BEFORE : RGI_EACH,
                                                  .in = {number}});
}

bool rgi_graph_is_number(const rgi_graph *graph, uint32_t node, double number)
{
    const rgi_graph_node *n = &graph->nodes[node];
    return n->operation == RGI_GRAPH_CONSTANT && n->number[0] == number;
}

/* A node as it is given. */
static uint32_t plain(rgi_graph *graph, int operation, const uint32_t *in, const double *parameters)
{
    const rgi_operation *known = &operations[operation];
    rgi_graph_node node = {.operation = (uint16_t)operation};
    for (int k = 0; k < known->arity; k++) {
        uint8_t stage = graph->nodes[in[k]].stage;
        node.in[k] = in[k];
        node.stage = stage > node.stage ? stage : node.stage;
    }
    for (int k = 0; parameters && k < known->parameters; k++)
        node.number[k] = parameters[k];
    return find_or_append(graph, node);
}

static uint32_t unary(rgi_graph *graph, int operation, uint32_t a)
{
    return rgi_graph_add(graph, operation, &a, NULL);
}

static uint32_t binary(rgi_graph *graph, int operation, uint32_t a, uint32_t b)
{
    return rgi_graph_add(graph, operation, (const uint32_t[2]){a, b}, NULL);
}

/* ---- folding ---- */

static bool is_constant(const rgi_graph *graph, uint32_t node)
{
    return graph->nodes[node].operation == RGI_GRAPH_CONSTANT;
}

static double number_of(const rgi_graph *graph, uint32_t node)
{
    return graph->nodes[node].number[0];
}

/* The node that `node` is the negative of; RGI_NO_NODE if it is none. */
static uint32_t negated(const rgi_graph *graph, uint32_t node)
{
    const rgi_graph_node *n = &graph->nodes[node];
    return n->operation == RGI_GRAPH_neg ? n->in[0] : RGI_NO_NODE;
}

uint32_t rgi_graph_sum(rgi_graph *graph, uint32_t a)
{
    if (a == RGI_NO_NODE || rgi_graph_is_number(graph, a, 0))
        return a;
    uint32_t minus = negated(graph, a);
    uint32_t sum =
        find_or_append(graph, (rgi_graph_node){.operation = RGI_GRAPH_SUM,
                                               .stage = RGI_AFTER,
                                               .in = {minus == RGI_NO_NODE ? a : minus}});
    return minus == RGI_NO_NODE ? sum : unary(graph, RGI_GRAPH_neg, sum);
}

/* The operands of operations that do not mind, in one order, so that equal nodes are found. */
static uint32_t commuted(rgi_graph *graph, int operation, uint32_t a, uint32_t b)
{
    return plain(graph, operation, a < b ? (uint32_t[2]){a, b} : (uint32_t[2]){b, a}, NULL);
}

static uint32_t fold_neg(rgi_graph *graph, uint32_t a)
{
    const rgi_graph_node n = graph->nodes[a];
    if (n.operation == RGI_GRAPH_CONSTANT)
        return rgi_graph_constant(graph, -n.number[0]);
    if (n.operation == RGI_GRAPH_neg)
        return n.in[0];
    if (n.operation == RGI_GRAPH_sub)
        return binary(graph, RGI_GRAPH_sub, n.in[1], n.in[0]);
    for (int k = 0; k < 2 && n.operation == RGI_GRAPH_mul; k++)
        if (is_constant(graph, n.in[k]))
            return binary(graph, RGI_GRAPH_mul,
                          rgi_graph_constant(graph, -number_of(graph, n.in[k])), n.in[1 - k]);
    return plain(graph, RGI_GRAPH_neg, &a, NULL);
}

static uint32_t fold_add(rgi_graph *graph, uint32_t a, uint32_t b)
{
    if (is_constant(graph, a) && is_constant(graph, b))
        return rgi_graph_constant(graph, number_of(graph, a) + number_of(graph, b));
    if (rgi_graph_is_number(graph, a, 0))
        return b;
    if (rgi_graph_is_number(graph, b, 0))
        return a;
    if (negated(graph, b) != RGI_NO_NODE)
        return binary(graph, RGI_GRAPH_sub, a, negated(graph, b));
    if (negated(graph, a) != RGI_NO_NODE)
        return binary(graph, RGI_GRAPH_sub, b, negated(graph, a));
    return commuted(graph, RGI_GRAPH_add, a, b);
}

static uint32_t fold_sub(rgi_graph *graph, uint32_t a, uint32_t b)
{
    if (is_constant(graph, a) && is_constant(graph, b))
        return rgi_graph_constant(graph, number_of(graph, a) - number_of(graph, b));
    if (rgi_graph_is_number(graph, b, 0))
        return a;
    if (rgi_graph_is_number(graph, a, 0))
        return unary(graph, RGI_GRAPH_neg, b);
    if (negated(graph, b) != RGI_NO_NODE)
        return binary(graph, RGI_GRAPH_add, a, negated(graph, b));
    if (negated(graph, a) != RGI_NO_NODE)
        return unary(graph, RGI_GRAPH_neg, binary(graph, RGI_GRAPH_add, negated(graph, a), b));
    return plain(graph, RGI_GRAPH_sub, (uint32_t[2]){a, b}, NULL);
}

/* Powers of two scale without rounding, but for results that overflow or are denormal. */
static bool is_power_of_two(double number)
{
    int exponent;
    return fabs(frexp(number, &exponent)) == 0.5 && exponent > -1000 && exponent < 1000;
}

/* Which operand of a product is a constant; -1: it is none, or has none. */
static int constant_factor(const rgi_graph *graph, uint32_t node)
{
    const rgi_graph_node *n = &graph->nodes[node];
    if (n->operation != RGI_GRAPH_mul)
        return -1;
    return is_constant(graph, n->in[0]) ? 0 : is_constant(graph, n->in[1]) ? 1 : -1;
}

/* The constant factor c with the other factor x. */
static uint32_t scaled(rgi_graph *graph, uint32_t c, uint32_t x)
{
    double number = number_of(graph, c);
    if (is_constant(graph, x))
        return rgi_graph_constant(graph, number * number_of(graph, x));
    if (number == 1)
        return x;
    if (number == -1)
        return unary(graph, RGI_GRAPH_neg, x);
    if (negated(graph, x) != RGI_NO_NODE)
        return binary(graph, RGI_GRAPH_mul, rgi_graph_constant(graph, -number), negated(graph, x));
    int k = constant_factor(graph, x);
    if (k >= 0) {
        const rgi_graph_node n = graph->nodes[x];
        double other = number_of(graph, n.in[k]);
        if (is_power_of_two(number) || is_power_of_two(other))
            return binary(graph, RGI_GRAPH_mul, rgi_graph_constant(graph, number * other),
                          n.in[1 - k]);
    }
    return commuted(graph, RGI_GRAPH_mul, c, x);
}

/* A product, guarded or not, or quotient: the signs of two negatives cancel. One negative factor
 * stays: it is computed once for all the products that use it. */
static uint32_t product(rgi_graph *graph, int operation, uint32_t a, uint32_t b)
{
    uint32_t minus_a = negated(graph, a), minus_b = negated(graph, b);
    if (minus_a != RGI_NO_NODE && minus_b != RGI_NO_NODE)
        return binary(graph, operation, minus_a, minus_b);
    return operation == RGI_GRAPH_mul ? commuted(graph, operation, a, b)
                                      : plain(graph, operation, (uint32_t[2]){a, b}, NULL);
}

static uint32_t fold_mul(rgi_graph *graph, uint32_t a, uint32_t b)
{
    if (is_constant(graph, a))
        return scaled(graph, a, b);
    if (is_constant(graph, b))
        return scaled(graph, b, a);
    return product(graph, RGI_GRAPH_mul, a, b);
}

static uint32_t fold_div(rgi_graph *graph, uint32_t a, uint32_t b)
{
    if (is_constant(graph, a) && is_constant(graph, b))
        return rgi_graph_constant(graph, number_of(graph, a) / number_of(graph, b));
    if (is_constant(graph, b) && is_power_of_two(number_of(graph, b)))
        return binary(graph, RGI_GRAPH_mul, a, rgi_graph_constant(graph, 1 / number_of(graph, b)));
    return product(graph, RGI_GRAPH_div, a, b);
}

/* Whether a node is finite for every input. */
static bool is_finite(const rgi_graph *graph, uint32_t node)
{
    const rgi_graph_node *n = &graph->nodes[node];
    switch (n->operation) {
    case RGI_GRAPH_CONSTANT: return isfinite(n->number[0]);
#define CASE(name, ...) case RGI_GRAPH_##name:
        RGI_ALL_COMPARE_ROWS(CASE)
#undef CASE
        return true;
    default: return false;
    }
}

/* The product g d, 0 where g is: without its guard where that makes no difference. Twice x, say, as
 * in the derivative of x^2, becomes twice g, which often is a factor of many. */
static uint32_t fold_times(rgi_graph *graph, uint32_t g, uint32_t d)
{
    if (rgi_graph_is_number(graph, g, 0))
        return rgi_graph_constant(graph, 0);
    if (is_constant(graph, g) || is_finite(graph, d) || g == d)
        return binary(graph, RGI_GRAPH_mul, g, d);
    int k = constant_factor(graph, d);
    if (k >= 0 && is_power_of_two(number_of(graph, graph->nodes[d].in[k]))) {
        const rgi_graph_node n = graph->nodes[d];
        return binary(graph, RGI_GRAPH_times, binary(graph, RGI_GRAPH_mul, n.in[k], g),
                      n.in[1 - k]);
    }
    return product(graph, RGI_GRAPH_times, g, d);
}

static uint32_t fold_where(rgi_graph *graph, const uint32_t *in)
{
    if (in[1] == in[2])
        return in[1];
    if (is_constant(graph, in[0]))
        return number_of(graph, in[0]) != 0 ? in[1] : in[2];
    return plain(graph, RGI_GRAPH_WHERE, in, NULL);
}

uint32_t rgi_graph_add(rgi_graph *graph, int operation, const uint32_t *in,
                       const double *parameters)
{
    for (int k = 0; k < operations[operation].arity; k++)
        if (in[k] == RGI_NO_NODE)
            return RGI_NO_NODE;
    switch (operation) {
    case RGI_GRAPH_neg: return fold_neg(graph, in[0]);
    case RGI_GRAPH_square:
        return plain(graph, operation,
                     negated(graph, in[0]) != RGI_NO_NODE ? &(uint32_t){negated(graph, in[0])} : in,
                     NULL);
    case RGI_GRAPH_add: return fold_add(graph, in[0], in[1]);
    case RGI_GRAPH_sub: return fold_sub(graph, in[0], in[1]);
    case RGI_GRAPH_mul: return fold_mul(graph, in[0], in[1]);
    case RGI_GRAPH_div: return fold_div(graph, in[0], in[1]);
    case RGI_GRAPH_times: return fold_times(graph, in[0], in[1]);
    case RGI_GRAPH_WHERE: return fold_where(graph, in);
    default: return plain(graph, operation, in, parameters);
    }
}
