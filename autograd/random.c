#include "random.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

rg_random rg_random_create(uint64_t seed)
{
    rg_random random;
    for (int i = 0; i < 4; i++)
        random.state[i] = splitmix64(&seed);
    return random;
}

static uint64_t rotate_left(uint64_t x, int count)
{
    return (x << count) | (x >> (64 - count));
}

uint64_t rg_random_bits(rg_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double rg_random_uniform(rg_random *random)
{
    return (double)(rg_random_bits(random) >> 11) * 0x1p-53;
}

double rg_random_normal(rg_random *random)
{
    for (;;) {
        double u = 2 * rg_random_uniform(random) - 1;
        double v = 2 * rg_random_uniform(random) - 1;
        double s = u * u + v * v;
        if (s > 0 && s < 1)
            return u * sqrt(-2 * log(s) / s);
    }
}

uint64_t rg_random_below(rg_random *random, uint64_t bound)
{
    if (bound == 0)
        return 0;
    /* Draws below 2^64 mod bound would make small results likelier. */
    uint64_t least = -bound % bound;
    for (;;) {
        uint64_t bits = rg_random_bits(random);
        if (bits >= least)
            return bits % bound;
    }
}

void rg_random_shuffle(rg_random *random, int64_t *list, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)rg_random_below(random, i);
        int64_t kept = list[i - 1];
        list[i - 1] = list[j];
        list[j] = kept;
    }
}
