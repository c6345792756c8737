/*
 * code.h: a finished part as instructions for the interpreters of lanes.h (private).
 *
 * For one evaluation all numbers lie in one array: constants, inputs, then what is computed. For a
 * batch there is one such array for what is uniform, in which, after the inputs, comes the number
 * of evaluations; and slots, of one number a lane, for what varies. The sums stand between both.
 */
#ifndef RG_OPS_CODE_H
#define RG_OPS_CODE_H

#include "lanes.h"

typedef struct rgi_list {
    rgi_instruction *items;
    uint32_t count, capacity;
} rgi_list;

typedef struct rgi_code {
    const rgi_part *part;
    const rg_allocator *allocator;
    double *constants;
    uint32_t constant_count, constant_room;

    rgi_list single;
    uint32_t single_numbers; /* in the array */
    uint32_t *single_output; /* the place of each output */

    rgi_list before, each, after;
    uint32_t uniform_numbers;
    uint32_t *batch_output; /* the place of each uniform output; RGI_NO_NODE for those stored */
    uint32_t slots;
    uint32_t lanes;      /* how many evaluations a block may have */
    uint32_t stride;     /* from slot to slot */
    uint32_t *sum_place; /* where in the array each sum goes */
    uint32_t sums;
} rgi_code;

rg_status rgi_code_compile(rgi_code *code, const rgi_part *part, rg_error *error);
void rgi_code_free(rgi_code *code);

#endif
