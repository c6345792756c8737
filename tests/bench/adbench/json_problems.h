/*
 * json_problems.h: the problems whose input is JSON. Each reads its input and fills in the bench.
 */
#ifndef RG_TESTS_ADBENCH_JSON_PROBLEMS_H
#define RG_TESTS_ADBENCH_JSON_PROBLEMS_H

#include "harness.h"
#include "json_input.h"

void read_det(const json_t *input, bench *bench);
void read_kmeans(const json_t *input, bench *bench);
void read_llsq(const json_t *input, bench *bench);
void read_lse(const json_t *input, bench *bench);
void read_ode(const json_t *input, bench *bench);
void read_particle(const json_t *input, bench *bench);
void read_saddle(const json_t *input, bench *bench);

#endif
