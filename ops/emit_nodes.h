/*
 * emit_nodes.h: questions about the nodes and outputs of a part that is written (private; for
 * emit_plan.c and emit_part.c).
 */
#ifndef RG_OPS_EMIT_NODES_H
#define RG_OPS_EMIT_NODES_H

#include <string.h>

#include "emit_part.h"

static inline const rgi_graph_node *rgi_emit_node_of(const rgi_emit_part *p, uint32_t node)
{
    return &p->part->graph.nodes[node];
}

static inline int rgi_emit_stage(const rgi_emit_part *p, uint32_t node)
{
    return p->form == RGI_EMIT_SCALAR ? RGI_EACH : rgi_emit_node_of(p, node)->stage;
}

/* A statement computes it; what is none is read where it is used: a number, an input, a sum. */
static inline bool rgi_emit_is_statement(const rgi_emit_part *p, uint32_t node)
{
    switch (rgi_emit_node_of(p, node)->operation) {
    case RGI_GRAPH_CONSTANT:
    case RGI_GRAPH_SUM: return false;
    /* A uniform input is copied, so that functions for lanes need not know where it is. */
    case RGI_GRAPH_INPUT: return rgi_emit_stage(p, node) == RGI_BEFORE;
    default: return true;
    }
}

static inline bool rgi_emit_is_lanes(const rgi_emit_part *p, uint32_t node)
{
    return p->form != RGI_EMIT_SCALAR && rgi_emit_stage(p, node) == RGI_EACH;
}

static inline unsigned rgi_emit_arity(const rgi_emit_part *p, uint32_t node)
{
    return (unsigned)rgi_graph_operation(rgi_emit_node_of(p, node)->operation)->arity;
}

static inline uint32_t rgi_emit_operand(const rgi_emit_part *p, uint32_t node, unsigned which)
{
    return rgi_emit_resolve(p, rgi_emit_node_of(p, node)->in[which]);
}

/* A gradient to a uniform input is a sum over the batch. */
static inline bool rgi_emit_is_total(const rgi_emit_part *p, uint32_t index)
{
    bool like_inputs = p->derivative && strcmp(p->derivative, "jv") != 0;
    return p->form == RGI_EMIT_BATCH && like_inputs && index >= p->value_count &&
           p->part->uniform[index - p->value_count];
}

/* The stage in whose functions an output is assigned. */
static inline int rgi_emit_output_stage(const rgi_emit_part *p, uint32_t index)
{
    if (rgi_emit_is_total(p, index))
        return RGI_AFTER;
    return p->form == RGI_EMIT_MATRIX && index < p->value_count ? RGI_BEFORE : RGI_EACH;
}

static inline bool rgi_emit_is_optional(const rgi_emit_part *p, uint32_t index)
{
    return p->optional && p->form != RGI_EMIT_BATCH && index < p->value_count;
}

#endif
