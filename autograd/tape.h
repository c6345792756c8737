/*
 * tape.h: the tape, on which values and operations are recorded in the order they happen.
 *
 *     rg_tape *tape = rg_tape_create();
 *     rg_value x = rg_input(tape, -2), y = rg_input(tape, 5), z = rg_input(tape, -4);
 *     rg_value f = rg_mul(rg_add(x, y), z);
 *     if (rg_backward(f) != RG_OK)
 *         puts(rg_tape_message(tape));
 *     printf("%g %g %g\n", rg_grad(x), rg_grad(y), rg_grad(z));
 *     rg_tape_destroy(tape);
 *
 * The tape owns everything recorded on it. One tape belongs to one thread at a time; any number of
 * tapes may be used at once, in any threads. There is no global state.
 *
 * Errors are sticky: the first one is kept, later operations record nothing and return an inert
 * value, and rg_backward reports it. Rewinding clears the error together with the nodes it drops.
 */
#ifndef RG_AUTOGRAD_TAPE_H
#define RG_AUTOGRAD_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "allocator.h"
#include "status.h"
#include "threads.h"

RG_BEGIN_DECLS

typedef struct rg_tape rg_tape;

/* A position on a tape to return to; see rg_tape_mark. */
typedef struct rg_mark {
    uint64_t serial;
    uint64_t count;
    uint64_t constants, terms, partials;
    void *chunk;
    size_t used;
} rg_mark;

/* What a tape may be given at its creation; zero fields mean the default. */
typedef struct rg_tape_options {
    const rg_allocator *allocator; /* NULL: reserve address space, and the C library's malloc */
    uint64_t max_nodes;            /* 0: 2^30; at most 2^32 - 2 */
    void (*on_error)(void *context, const rg_error *error); /* sees each first error */
    void *context;
} rg_tape_options;

/* How much a tape holds. */
typedef struct rg_tape_stats {
    uint64_t nodes;         /* recorded now */
    size_t node_bytes;      /* committed for nodes: codes, operands, values and adjoints */
    size_t statement_bytes; /* committed for the terms of fused statements (real.h) */
    uint64_t terms;         /* of these, recorded now, and how many partial derivatives are kept */
    uint64_t partials;
    size_t tensor_bytes;    /* allocated for tensors */
    size_t tensor_used;     /* of these, in use now */
    int reserved_addresses; /* 1: nodes live in reserved address space; 0: in resizable blocks */
} rg_tape_stats;

/* Creates an empty tape. Never returns NULL: if there is no memory the result is an inert tape
 * whose status is RG_ERROR_MEMORY. Free it with rg_tape_destroy. */
RG_API rg_tape *rg_tape_create(void);

/* The same with options (NULL: the defaults). `options` need not outlive the call. */
RG_API rg_tape *rg_tape_create_with(const rg_tape_options *options);

/* Frees the tape and everything recorded on it. Its values must not be used any more. Parameters
 * are not affected. NULL is allowed. */
RG_API void rg_tape_destroy(rg_tape *tape);

/* Remembers the present end of the tape. */
RG_API rg_mark rg_tape_mark(const rg_tape *tape);

/* Drops everything recorded since the mark, and the tape's error if it has one. Values recorded
 * before the mark stay valid with their last gradients; the others become stale, which later use
 * reports. Memory is kept for the next recording, so a training step allocates nothing once warm.
 * Returns RG_ERROR_STALE, and changes nothing, if the mark itself has been dropped by rewinding to
 * an earlier one. */
RG_API rg_status rg_tape_rewind(rg_tape *tape, rg_mark mark);

/* Drops everything, and the error. Memory is kept. */
RG_API void rg_tape_reset(rg_tape *tape);

/* The first error since creation, rewind or reset; RG_OK if there was none. */
RG_API rg_status rg_tape_status(const rg_tape *tape);

/* The sentence of that error, "" if there was none. Owned by the tape, valid until its next
 * change. */
RG_API const char *rg_tape_message(const rg_tape *tape);

/* Values recorded between begin and end are constants: no gradient flows through them and no
 * backward work is kept for them. Regions nest; an `end` too many is RG_ERROR_STATE on the tape.
 * Rewinding does not change the nesting. */
RG_API void rg_no_grad_begin(rg_tape *tape);
RG_API void rg_no_grad_end(rg_tape *tape);

/* From now on operations recorded on the tape, and its sweeps, share their work with the threads of
 * a pool (NULL: with none). Results do not depend on it. The pool is not the tape's, and must be
 * there until it is taken away again or the tape is destroyed. */
RG_API void rg_tape_set_threads(rg_tape *tape, rg_threads *threads);

/* How exact products of float32 matrices are. */
typedef enum rg_matmul_precision {
    RG_MATMUL_HIGHEST, /* as a loop that adds in float32: an error of at most k 2^-24 sum |a| |b|,
                        * where k products are added */
    RG_MATMUL_HIGH     /* where that is faster, which needs a processor with bf16 tiles: 2^-15 more,
                        * (k + 512) 2^-24 sum |a| |b|; elsewhere as above */
} rg_matmul_precision;

/* From now on large float32 products on the tape, and in its sweeps, have this precision; at first
 * RG_MATMUL_HIGHEST. Whatever the precision, Inf and NaN stay what they are, and numbers of any
 * magnitude have that relative error, as far as float32 has them. (G. Henry, P. Tang and A.
 * Heinecke, "Leveraging the bfloat16 artificial intelligence datatype for higher-precision
 * computations", ARITH 2019) */
RG_API void rg_tape_set_matmul_precision(rg_tape *tape, rg_matmul_precision precision);

RG_API rg_tape_stats rg_tape_get_stats(const rg_tape *tape);

RG_END_DECLS

#endif
