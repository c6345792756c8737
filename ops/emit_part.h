/*
 * emit_part.h: one part of a program as C statements, cut into functions of bounded size (private).
 *
 * Scalar form: all nodes in their order, for one evaluation; a sum over the batch is its operand.
 * Lanes form: nodes of stage RGI_EACH calculate with vectors, those before and after with numbers.
 *
 * Functions are numbered chunks. Those for vectors do their statements for several blocks of
 * evaluations, one in each lane, so that their code stays in the processor's cache. A value that a
 * later chunk needs goes through memory: numbers through work[], vectors through slots[]. Where y
 * may be NULL, what only y needs stands in a block `if (y)` at the end of its chunk. In scalar
 * form, outputs that are the same expression of shifted inputs are assigned in a loop, at the end
 * of the last chunk.
 */
#ifndef RG_OPS_EMIT_PART_H
#define RG_OPS_EMIT_PART_H

#include "c_text.h"

/* How a part is called: with plain arrays, with arrays of arrays (a batch), or with plain arrays
 * for a matrix, all of whose groups are lanes. */
typedef enum rgi_emit_form { RGI_EMIT_SCALAR, RGI_EMIT_BATCH, RGI_EMIT_MATRIX } rgi_emit_form;

/* What the functions are called with. */
enum {
    RGI_EMIT_X,
    RGI_EMIT_DIRECTION,
    RGI_EMIT_IN,
    RGI_EMIT_TOTAL,
    RGI_EMIT_Y,
    RGI_EMIT_DERIVATIVE,
    RGI_EMIT_OUT,
    RGI_EMIT_SUM,
    RGI_EMIT_WORK,
    RGI_EMIT_SLOTS,
    RGI_EMIT_BLOCKS,
    RGI_EMIT_PARAMETERS
};

typedef struct rgi_emit_chunk {
    uint32_t first, end; /* its statements in `order`, but for those that only y needs: */
    uint32_t wanted_first, wanted_last; /* nodes, by next_wanted; RGI_NO_NODE if there are none */
    uint32_t wanted;                    /* how many */
    uint32_t last_used; /* a node that is used last here, then next_used; RGI_NO_NODE: none */
    uint32_t assigned;  /* an output that is assigned at its end, then next_output */
    uint32_t sums;      /* a sum that is added to at its end, then next_sum */
    unsigned uses;      /* bit i: parameter i */
} rgi_emit_chunk;

typedef struct rgi_emit_node {
    uint32_t chunk, last; /* where it is computed, and where it is used last */
    uint32_t slot;        /* in work[] or slots[]; of a sum: in total[] */
    uint32_t seen;        /* the mark of the block in which it has a name */
    uint32_t uses;
    uint32_t output; /* the first output that it is, then next_output; RGI_NO_NODE: none */
    uint32_t sum;    /* the sum that it is added to, then next_sum; RGI_NO_NODE: none */
    uint32_t next_wanted, next_used, next_sum;
    uint32_t element; /* in the pattern of a loop */
    bool alive;       /* needed for an output that no loop assigns, or by a loop from outside */
    bool needed;      /* the same, but not for y alone */
    bool placed;      /* in `order` */
} rgi_emit_node;

/* What a loop computes in each iteration: a node of its first one, other nodes in the others. */
typedef struct rgi_emit_element {
    uint32_t node;
    int64_t stride; /* of an input */
    bool fixed;     /* the same node in every iteration */
} rgi_emit_element;

/* A loop that assigns `count` outputs from `first` on. */
typedef struct rgi_emit_roll {
    uint32_t first, count;
    rgi_emit_element *elements;
    uint32_t *order; /* elements that are statements, operands first */
    uint32_t size, statements;
} rgi_emit_roll;

typedef struct rgi_emit_part {
    rgi_c_text *text;
    const rgi_part *part;
    rgi_emit_form form;
    const char *function;             /* "gradient_batch": the name without its prefix */
    const char *direction;            /* "v", "u" or NULL */
    const char *value, *derivative;   /* "y", "g"; NULL where there is none */
    bool optional;                    /* y may be NULL */
    uint32_t directions, value_count; /* where the second list of inputs and of outputs begins */
    uint32_t statements;              /* a chunk at most */

    rgi_emit_node *nodes;
    uint32_t *next_output;
    uint32_t *order;
    rgi_emit_chunk *chunks;
    uint32_t chunk_count, section_end[3]; /* chunks of each stage */
    rgi_emit_roll *rolls;
    uint32_t roll_count;
    bool *rolled;                        /* one an output: a loop assigns it */
    uint32_t *in_place, *out_place;      /* of varying inputs and outputs in in[] and out[] */
    uint32_t work, in, out, sums, slots; /* sizes of the arrays, of the vectors' for a block */
    uint32_t mark;                       /* the last given to a block of statements */
} rgi_emit_part;

/* Plans the chunks; the fields before `nodes` are set by the caller. False: out of memory. */
bool rgi_emit_plan(rgi_emit_part *p);
void rgi_emit_forget(rgi_emit_part *p);

/* A sum over one evaluation is its operand. */
uint32_t rgi_emit_resolve(const rgi_emit_part *p, uint32_t node);

/* Finds loops (emit_roll.c). False: out of memory. */
bool rgi_emit_find_rolls(rgi_emit_part *p);

/* Whether an output has a place in out[]; else numbers are assigned to it. */
bool rgi_emit_output_varies(const rgi_emit_part *p, uint32_t index);

/* Blocks of vectors that a function works on in one call: few enough to stay in the cache. */
uint32_t rgi_emit_blocks(const rgi_emit_part *p);

/* Prints the chunks as functions; their calls, those of one stage. */
void rgi_emit_functions(rgi_emit_part *p);
void rgi_emit_calls(rgi_emit_part *p, int stage, const char *indent);

/* Prints the statements of a chunk; notes the parameters that they use. */
void rgi_emit_find_uses(rgi_emit_part *p, uint32_t chunk);
void rgi_emit_statements(rgi_emit_part *p, uint32_t chunk);

#endif
