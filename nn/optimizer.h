/*
 * optimizer.h: what an optimizer is made of, for the files of nn/ that make, run or save one.
 *
 * To add a kind: its options and prototype in optim.h, its loop in optim.inc, the loop's name in
 * RGI_LOOPS, and its row with its rg_KIND_create in optim_kinds.c.
 *
 * To continue exactly where an optimizer was, make one of the same kind with the same numbers and
 * restore numbers[RGI_RATE], steps, and of each slot rate_factor, decay, steps (rgi_slot_set_steps)
 * and the elements of each state array that there is.
 */
#ifndef RG_NN_OPTIMIZER_H
#define RG_NN_OPTIMIZER_H

#include "internal.h"
#include "optim.h"

enum { RGI_MAX_NUMBERS = 7, RGI_MAX_STATE = 3 };

/* ---- loops: optim.inc, built once for each instruction set by optim_loops.c ---- */

/* The numbers of a step; what a kind has no use for is 0. */
typedef struct rgi_coefficients {
    double rate;                /* of the step */
    double decay;               /* g + decay x is taken for g */
    double shrink;              /* shrink x for x */
    double keep1, share1;       /* of the first moment: keep1 m + share1 g */
    double keep2, share2;       /* of the second */
    double of_gradient, of_sum; /* what the step takes of g and of the first moment */
    double scale, epsilon;      /* scale sqrt(v) + epsilon */
} rgi_coefficients;

/* A parameter in a step: `size` elements of each array; a state that is not kept is NULL. */
typedef struct rgi_update {
    int64_t size;
    void *x;
    const void *g;
    void *state[RGI_MAX_STATE];
    rgi_coefficients c;
} rgi_update;

typedef void rgi_loop(const rgi_update *update);

#define RGI_LOOPS(ROW) \
    ROW(sgd) ROW(rmsprop) ROW(adam) ROW(adagrad) ROW(adadelta) ROW(adamax) ROW(nadam)

/* RGI_LOOP_sgd, .. */
typedef enum rgi_loop_number {
#define RGI_LOOP_NUMBER(name) RGI_LOOP_##name,
    RGI_LOOPS(RGI_LOOP_NUMBER)
#undef RGI_LOOP_NUMBER
        RGI_LOOP_COUNT
} rgi_loop_number;

/* By element type and loop number. */
typedef rgi_loop *const rgi_loop_table[2][RGI_LOOP_COUNT];
extern rgi_loop_table rgi_loops_base, rgi_loops_avx2, rgi_loops_avx512;

/* The loop of a kind for a cpu level. */
rgi_loop *rgi_loop_for(int cpu, rg_type type, rgi_loop_number loop);

/* ---- kinds: optim_kinds.c ---- */

typedef enum rgi_range { RGI_NOT_NEGATIVE, RGI_FRACTION, RGI_AT_MOST_1 } rgi_range;

/* A number of an optimizer: its name, what 0 stands for, what it may be. */
typedef struct rgi_kind_number {
    const char *name;
    double otherwise;
    rgi_range range;
} rgi_kind_number;

/* The first numbers of every kind. */
enum { RGI_RATE, RGI_WEIGHT_DECAY };

/* An array of state: kept if numbers[when] is not 0, at first numbers[start] in every element. */
typedef struct rgi_state {
    const char *name;
    int when, start; /* 0: always; at first 0 */
} rgi_state;

typedef struct rgi_slot rgi_slot;

typedef struct rgi_kind {
    const char *name;
    rgi_loop_number loop;
    rgi_kind_number number[RGI_MAX_NUMBERS]; /* up to the first without a name */
    rgi_state state[RGI_MAX_STATE];          /* likewise */
    /* Sets the coefficients that are not 0, given rate and decay of the slot in c. */
    void (*prepare)(const double *number, rgi_slot *slot, rgi_coefficients *c);
} rgi_kind;

/* The kind of that name, or NULL. */
const rgi_kind *rgi_kind_find(const char *name);

/* ---- optimizers: optim.c ---- */

/* A parameter and what the optimizer remembers of it. */
struct rgi_slot {
    rg_param *param;
    const char *name;
    int64_t steps;
    double rate_factor, decay;
    void *state[RGI_MAX_STATE]; /* of the parameter's type and size; NULL: not kept */
    int64_t product_steps;      /* NAdam's product up to there: only a memory, see optim_kinds.c */
    double product;
};

struct rg_optimizer {
    rg_params *params;
    const rg_allocator *allocator; /* the parameters' */
    const rgi_kind *kind;
    double numbers[RGI_MAX_NUMBERS]; /* the rate as it is now, and the kind's other numbers */
    rgi_loop *loop[2];               /* by element type */
    int64_t steps;
    rg_allreduce *allreduce;
    void *allreduce_context;
    rg_threads *threads; /* NULL: none */
    void *memory;        /* of all state */
    size_t memory_size;
    int count;
    rgi_slot slots[];
};

/* An optimizer of a kind with its numbers, of which those that are 0 take their defaults. */
rg_optimizer *rgi_optimizer_create(rg_params *params, const rgi_kind *kind, const double *numbers,
                                   rg_error *error);

/* Makes the next step of a slot number `steps` + 1. */
void rgi_slot_set_steps(rgi_slot *slot, int64_t steps);

#endif
