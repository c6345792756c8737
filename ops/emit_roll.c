/*
 * emit_roll.c: outputs that are the same expression of shifted inputs become a loop (emit_part.h).
 *
 * One output is the pattern. The next tells the strides: a pair of nodes is the same node (then it
 * does not depend on the iteration), or two inputs, or the same operation of pairs. Every further
 * output must continue them. What neighbours share is computed again in each iteration, for the
 * sake of independent iterations that compilers vectorise.
 */
#include <string.h>

#include "emit_part.h"

enum {
    LONGEST_PATTERN = 256,
    FEWEST_ITERATIONS = 8,
    MOST_REPETITION = 4 /* statements in all iterations for each that there was */
};

typedef struct search {
    rgi_emit_part *p;
    rgi_emit_element elements[LONGEST_PATTERN];
    uint32_t image[LONGEST_PATTERN], step[LONGEST_PATTERN]; /* of the last iteration compared */
    uint32_t count;                                         /* of elements */
    uint32_t order[LONGEST_PATTERN], ordered;               /* statements, operands first */
    uint32_t covered; /* statements of all iterations, each counted once */
} search;

static const rgi_graph_node *node_of(const search *s, uint32_t node)
{
    return &s->p->part->graph.nodes[node];
}

/* Notes that a statement is covered; `mark` of a node is free as long as nothing is printed. */
static void cover(search *s, uint32_t node)
{
    if (s->p->nodes[node].seen != s->p->mark) {
        s->p->nodes[node].seen = s->p->mark;
        s->covered++;
    }
}

static bool compare(search *s, uint32_t a, uint32_t b, uint32_t step);

/* Operands of a commutative operation may have come in the other order. */
static bool compare_operands(search *s, uint32_t a, uint32_t b, uint32_t step)
{
    const rgi_graph_node *first = node_of(s, a), *second = node_of(s, b);
    unsigned arity = (unsigned)rgi_graph_operation(first->operation)->arity;
    uint32_t in[3];
    for (unsigned k = 0; k < arity; k++)
        in[k] = rgi_emit_resolve(s->p, second->in[k]);
    bool commutes = first->operation == RGI_GRAPH_add || first->operation == RGI_GRAPH_mul ||
                    first->operation == RGI_GRAPH_MULTIPLY_ADD ||
                    first->operation == RGI_GRAPH_MULTIPLY_SUB;
    if (commutes && node_of(s, rgi_emit_resolve(s->p, first->in[0]))->operation !=
                        node_of(s, in[0])->operation) {
        uint32_t other = in[0];
        in[0] = in[1];
        in[1] = other;
    }
    for (unsigned k = 0; k < arity; k++)
        if (!compare(s, rgi_emit_resolve(s->p, first->in[k]), in[k], step))
            return false;
    return true;
}

/* Two inputs of one list; the stride is found from the first pair. */
static bool compare_inputs(search *s, rgi_emit_element *e, uint32_t b, uint32_t step)
{
    uint32_t from = node_of(s, e->node)->in[0], to = node_of(s, b)->in[0];
    if ((from < s->p->directions) != (to < s->p->directions))
        return false;
    if (step == 1)
        e->stride = (int64_t)to - from;
    return (int64_t)to - from == e->stride * step;
}

static bool compare_new(search *s, rgi_emit_element *e, uint32_t b, uint32_t step)
{
    const rgi_graph_node *first = node_of(s, e->node), *second = node_of(s, b);
    if (step == 1)
        e->fixed = e->node == b;
    if (e->fixed)
        return e->node == b;
    if (first->operation != second->operation || first->operation == RGI_GRAPH_CONSTANT ||
        memcmp(first->number, second->number, sizeof first->number))
        return false;
    if (first->operation == RGI_GRAPH_INPUT)
        return compare_inputs(s, e, b, step);
    if (!compare_operands(s, e->node, b, step))
        return false;
    cover(s, b);
    if (step > 1)
        return true;
    cover(s, e->node);
    s->order[s->ordered++] = (uint32_t)(e - s->elements);
    return true;
}

/* Whether b is to iteration `step` what a, of the pattern, is to iteration 0. */
static bool compare(search *s, uint32_t a, uint32_t b, uint32_t step)
{
    uint32_t index = s->p->nodes[a].element;
    if (index >= s->count || s->elements[index].node != a) {
        if (step > 1 || s->count == LONGEST_PATTERN)
            return false;
        index = s->p->nodes[a].element = s->count++;
        s->elements[index] = (rgi_emit_element){.node = a};
        s->step[index] = 0;
    }
    if (s->step[index] == step)
        return s->image[index] == b;
    s->step[index] = step;
    s->image[index] = b;
    return compare_new(s, &s->elements[index], b, step);
}

/* How many outputs from `first` on, before `end`, are iterations of the first. */
static uint32_t iterations(search *s, uint32_t first, uint32_t end)
{
    const uint32_t *output = s->p->part->output;
    uint32_t pattern = rgi_emit_resolve(s->p, output[first]), step = 1;
    s->count = s->ordered = s->covered = 0;
    s->p->mark++;
    while (first + step < end &&
           compare(s, pattern, rgi_emit_resolve(s->p, output[first + step]), step))
        step++;
    return step;
}

static bool keep(search *s, uint32_t first, uint32_t count)
{
    rgi_emit_part *p = s->p;
    const rg_allocator *allocator = p->part->graph.allocator;
    rgi_emit_roll *roll = &p->rolls[p->roll_count];
    *roll =
        (rgi_emit_roll){.first = first, .count = count, .size = s->count, .statements = s->ordered};
    roll->elements = rgi_alloc(allocator, s->count * sizeof *roll->elements);
    roll->order = rgi_alloc(allocator, s->ordered * sizeof *roll->order);
    p->roll_count++; /* what it holds is freed with the others */
    if (!roll->elements || !roll->order)
        return false;
    memcpy(roll->elements, s->elements, s->count * sizeof *roll->elements);
    memcpy(roll->order, s->order, s->ordered * sizeof *roll->order);
    return true;
}

static bool roll_list(search *s, uint32_t first, uint32_t end)
{
    while (first < end) {
        uint32_t count = iterations(s, first, end);
        bool pays = count >= FEWEST_ITERATIONS && s->ordered > 0 &&
                    (uint64_t)s->ordered * count <= (uint64_t)MOST_REPETITION * s->covered;
        if (pays && !keep(s, first, count))
            return false;
        first += pays ? count : 1;
    }
    return true;
}

bool rgi_emit_find_rolls(rgi_emit_part *p)
{
    if (p->form != RGI_EMIT_SCALAR)
        return true;
    search s = {.p = p};
    return roll_list(&s, 0, p->value_count) && roll_list(&s, p->value_count, p->part->outputs);
}
