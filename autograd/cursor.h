/*
 * cursor.h: the head of every tape, open so that scalar operations can be recorded inline.
 *
 * Nodes are numbered from 1 and kept as separate arrays: a 16-bit code, two 32-bit operands, the
 * value, the adjoint: 26 bytes a node. A fused statement (real.h) uses code and adjoint only; its
 * terms lie in two streams, in the order of the statements: the numbers of the nodes it depends on,
 * and the partial derivatives. Only ops/ and real.h write through this header; programs use the
 * functions built on it. The layout is part of the binary interface and changes only together with
 * the library's SONAME.
 */
#ifndef RG_AUTOGRAD_CURSOR_H
#define RG_AUTOGRAD_CURSOR_H

#include <stdint.h>

#include "export.h"
#include "value.h"

RG_BEGIN_DECLS

typedef struct rgi_operands {
    uint32_t a, b;
} rgi_operands;

typedef struct rg_cursor {
    uint64_t count;           /* number of the next node */
    uint64_t limit;           /* nodes below this may be written; 0: ask the slow path first */
    uint64_t statement_limit; /* ... by a statement of at most RGI_TERMS terms */
    uint64_t base;            /* first node since the last rewind ... */
    uint64_t origin;          /* ... and its serial */
    uint64_t low_count;       /* nodes 1 .. low_count are older ... */
    uint64_t low_origin;      /* ... and the first of them has this serial */
    uint64_t constants;       /* numbers in `constant` */
    uint64_t last_input;      /* no differentiable leaf lies above this node */
    uint16_t *code;
    rgi_operands *operands;
    double *value;
    double *adjoint;
    double *constant;
    uint32_t *term;  /* the next free place of the statements' stream of nodes ... */
    double *partial; /* ... and of partial derivatives */
} rg_cursor;

/* Terms of a statement that is written inline. */
enum { RGI_TERMS = 8 };

/* Codes below RGI_CODE_FIRST belong to the tape; the others to the scalar operations. */
enum {
    RGI_CODE_NONE,     /* node 0 */
    RGI_CODE_CONSTANT, /* a number; no gradient */
    RGI_CODE_INPUT,    /* a differentiable number */
    RGI_CODE_RECORD,   /* a tensor, or any general operation: `operands` holds its record */
    RGI_CODE_ELEMENT,  /* element b of tensor node a */

    /* Statements. In the streams: */
    RGI_CODE_TERMS = 8,                  /* + n: n nodes, n partials; n = 0 .. RGI_TERMS */
    RGI_CODE_ONE = RGI_CODE_TERMS + 7,   /* + n: n nodes, n - 1 partials: the first is 1; n >= 2 */
    RGI_CODE_SIGNS = RGI_CODE_ONE + 7,   /* + 2^n + mask: n nodes, no partials: each is 1, or -1
                                            where bit k of the mask is set; n = 1 .. 3 */
    RGI_CODE_MANY = RGI_CODE_SIGNS + 16, /* n nodes, n; n partials */
    RGI_CODE_SUM,                        /* n nodes, n: all partials are 1 */
    RGI_CODE_DOT,                        /* first node a, first node b, node c, n:
                                            c + sum of (a + i) (b + i), by their values */
    RGI_CODE_PAIRS,                      /* n nodes a, n nodes b, node c, n: likewise */

    RGI_CODE_FIRST = 48,
    RGI_CODE_INACTIVE = 4096 /* from here on: scalar operations through which no gradient flows */
};

/* The functions below are C11 inline: tape.c holds their external definitions. */

/* The tape's head. */
RG_API inline rg_cursor *rgi_cursor(rg_tape *tape)
{
    return (rg_cursor *)(void *)tape;
}

/* Finds the node of a scalar's serial; 0 sends the caller to the slow path, which knows why. */
RG_API inline uint32_t rgi_scalar_node(const rg_cursor *cursor, uint64_t serial)
{
    uint64_t since = serial - cursor->origin;
    if (RG_LIKELY(since < cursor->count - cursor->base))
        return (uint32_t)(cursor->base + since);
    since = serial - cursor->low_origin;
    return since < cursor->low_count ? (uint32_t)(since + 1) : 0;
}

/* Appends a scalar node; the caller has made sure that count < limit. */
RG_API inline rg_value rgi_push(rg_tape *tape, int code, uint32_t a, uint32_t b, double value)
{
    rg_cursor *cursor = rgi_cursor(tape);
    uint64_t node = cursor->count;
    cursor->code[node] = (uint16_t)code;
    cursor->operands[node].a = a;
    cursor->operands[node].b = b;
    cursor->value[node] = value;
    cursor->count = node + 1;
    rg_value result = {tape, cursor->origin + (node - cursor->base)};
    return result;
}

/* Keeps a number beside the nodes and returns its place. There is always room for one a node. */
RG_API inline uint32_t rgi_push_constant(rg_cursor *cursor, double number)
{
    cursor->constant[cursor->constants] = number;
    return (uint32_t)cursor->constants++;
}

RG_END_DECLS

#endif
