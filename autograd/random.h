/*
 * random.h: a random generator with an explicit state: same seed, same numbers, on every machine.
 *
 * There is no hidden generator: whatever draws at random takes one of these. It is xoshiro256**
 * seeded through splitmix64 (D. Blackman and S. Vigna, "Scrambled linear pseudorandom number
 * generators", ACM Trans. Math. Softw. 47, 2021). One generator belongs to one thread at a time.
 * Not for cryptography.
 */
#ifndef RG_AUTOGRAD_RANDOM_H
#define RG_AUTOGRAD_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"

RG_BEGIN_DECLS

/* A plain struct: copy it to save the state, assign it to restore. */
typedef struct rg_random {
    uint64_t state[4];
} rg_random;

/* A generator for a seed; any seed is good. */
RG_API rg_random rg_random_create(uint64_t seed);

/* 64 uniform bits. */
RG_API uint64_t rg_random_bits(rg_random *random);

/* Uniform in [0, 1), with 53 bits. */
RG_API double rg_random_uniform(rg_random *random);

/* Normal with mean 0 and standard deviation 1 (G. Marsaglia's polar method; two uniform draws a
 * try, the second of the pair is not kept). */
RG_API double rg_random_normal(rg_random *random);

/* Uniform in 0 to bound - 1 without bias; 0 if bound is 0. */
RG_API uint64_t rg_random_below(rg_random *random, uint64_t bound);

/* Shuffles `count` numbers (R. Durstenfeld, Algorithm 235, Comm. ACM 7, 1964). */
RG_API void rg_random_shuffle(rg_random *random, int64_t *list, size_t count);

RG_END_DECLS

#endif
