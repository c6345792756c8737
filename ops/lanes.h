/*
 * lanes.h: the interpreter of compiled programs (private): one evaluation at a time, or many side
 * by side, each in a lane.
 */
#ifndef RG_OPS_LANES_H
#define RG_OPS_LANES_H

#include "graph.h"

/* Instructions of the many-lane interpreter beside the graph's operations. */
enum {
    RGI_LANES_LOAD = RGI_GRAPH_OPERATIONS, /* to = input number in[0] */
    RGI_LANES_STORE,                       /* output number to = in[0], if it is wanted */
    RGI_LANES_SUM_MUL,                     /* sum number to += in[0] in[1] */
    RGI_LANES_SUM_TIMES,                   /* the same, guarded */
    RGI_LANES_SUM_GROUP, /* the next RGI_GROUP_SUMS entries of the list, all with the factor in[0]
                          */
    /* to = in[0], to which the next in[1] entries of the list each add (subtract) a product of
     * their two operands; in[2]: 1 if in[0] is uniform. The form says which factors are. */
    RGI_LANES_CHAIN_ADD,
    RGI_LANES_CHAIN_SUB,
    RGI_LANES_CHAIN_GUARDED_ADD,
    RGI_LANES_CHAIN_GUARDED_SUB,
    RGI_LANES_OPERATIONS
};

/* With one lane, code is the operation, and to and in are places in one array of numbers.
 *
 * With many, code is RGI_LANES_CODE, and the operands are slots, of a number for each lane, or
 * uniform numbers, as the form says; parameters are uniform numbers. Slots are given by the place
 * of their first number. */
typedef struct rgi_instruction {
    uint32_t code, to, in[3];
} rgi_instruction;

/* Bit k of the form: operand k is uniform. */
#define RGI_LANES_CODE(operation, form) (8 * (uint32_t)(operation) + (form))

enum {
    RGI_LANES_STEP = 16, /* the number of lanes is a multiple of it */
    RGI_SUM_LANES = 8,   /* how many numbers each sum is gathered in */
    RGI_GROUP_SUMS = 4   /* how many sums are formed together */
};

/* Evaluations [first, first + count) of a batch; count is at most the number of lanes. */
typedef struct rgi_block {
    size_t first;
    int count;
    const double *const *in;
    double *const *out; /* NULL entries are not wanted */
    const double *uniform;
    double *slots;
    double *sums;
} rgi_block;

typedef struct rgi_interpreter {
    void (*single)(const rgi_instruction *list, uint32_t count, double *numbers);
    void (*block)(const rgi_instruction *list, uint32_t count, const rgi_block *block);
} rgi_interpreter;

/* The interpreter for a cpu level (autograd/internal.h). */
const rgi_interpreter *rgi_interpreter_for(int cpu);

/* One per build of lanes.c. */
extern const rgi_interpreter rgi_interpreter_base;
extern const rgi_interpreter rgi_interpreter_avx2;
extern const rgi_interpreter rgi_interpreter_avx512;

#endif
