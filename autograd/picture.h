/*
 * picture.h: a recorded graph to look at: as Graphviz DOT and as an indented text.
 *
 * Both show what the given root was computed from, with values and, after rg_backward, adjoints at
 * each node. Names may be given to values first.
 */
#ifndef RG_AUTOGRAD_PICTURE_H
#define RG_AUTOGRAD_PICTURE_H

#include <stdio.h>

#include "status.h"
#include "value.h"

RG_BEGIN_DECLS

/* A name for a value in pictures. */
typedef struct rg_label {
    rg_value value;
    const char *name;
} rg_label;

/* Writes the graph of `root` as Graphviz DOT (`dot -Tsvg graph.dot -o graph.svg`): one box a node
 * with its operation, shape, value and adjoint (tensors: the first elements), one arrow an operand.
 * Returns RG_ERROR_STALE for a stale or inert root, RG_ERROR_GRADIENT if a fused statement (real.h)
 * is among what the root was computed from, RG_ERROR_IO if the stream refuses, and RG_ERROR_MEMORY.
 */
RG_API rg_status rg_write_dot(FILE *stream, rg_value root, const rg_label *labels, int count);

/* Writes the graph as lines, operands indented below their operation:
 *
 *     f = mul: -12, adjoint 1
 *       q = add: 3, adjoint -4
 *         x = input: -2, adjoint -4
 *         y = input: 5, adjoint -4
 *       z = input: -4, adjoint 3
 *
 * A node that is used again is written out once and named "(see above)" after that; without a name
 * it is called by its number, "#7". An element of a tensor appears as "element [1, 2]". Indentation
 * ends at depth 32 and goes on as "(depth 33) ". Depth is limited only by memory: there is no
 * recursion. The stream is flushed. */
RG_API rg_status rg_write_text(FILE *stream, rg_value root, const rg_label *labels, int count);

RG_END_DECLS

#endif
