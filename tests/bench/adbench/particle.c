/*
 * particle.c: where a charged particle lands, as far from the axis as the place of another charge
 * makes it, brought to the axis by descent. The particle is driven by a derivative; the descent
 * needs the derivative of that motion.
 */
#include "descent.h"
#include "json_problems.h"
#include "nested.h"

/* Longer flights are taken to be endless. */
enum { MOST_STEPS = 20000 };

typedef struct particle {
    double start;
    mode outer, inner;
    rg_tape *tape;
} particle;

static rg_value inverse_distance(const rg_value *z, rg_value x, rg_value y)
{
    return rg_rsqrt(rg_add(rg_square(rg_sub(z[0], x)), rg_square(rg_sub(z[1], y))));
}

/* The potential of two charges at (10, 10 - w) and (10, 0). */
static rg_value potential(rg_tape *tape, const rg_value *z, rg_value w)
{
    rg_value ten = rg_constant(tape, 10), zero = rg_constant(tape, 0);
    return rg_add(inverse_distance(z, ten, rg_sub(10, w)), inverse_distance(z, ten, zero));
}

/* The square of the place where the particle lands. */
static rg_value flight(const particle *particle, rg_value w)
{
    const double dt = 0.1;
    rg_tape *tape = particle->tape;
    rg_value z[2] = {rg_input(tape, 0), rg_input(tape, 8)};
    rg_value v[2] = {rg_constant(tape, 0.75), rg_constant(tape, 0)};
    for (int step = 0; step < MOST_STEPS; step++) {
        rg_value slope[2];
        record_gradient(particle->inner, potential(tape, z, w), 2, z, slope);
        for (int i = 0; i < 2; i++)
            z[i] = rg_add(z[i], rg_mul(dt, v[i]));
        if (rg_item(z[1]) <= 0) {
            rg_value left = rg_div(rg_neg(z[1]), v[1]);
            return rg_square(rg_add(z[0], rg_mul(left, v[0])));
        }
        for (int i = 0; i < 2; i++)
            v[i] = rg_sub(v[i], rg_mul(dt, slope[i]));
        stop_on_tape_error(tape);
    }
    stop(STOP_FAILED, "particle: it has not landed after %d steps", MOST_STEPS);
}

static double value(void *context, const double *w)
{
    const particle *particle = context;
    rg_tape_reset(particle->tape);
    return rg_item(flight(particle, rg_input(particle->tape, w[0])));
}

static void slope(void *context, const double *w, double *g)
{
    const particle *particle = context;
    rg_tape_reset(particle->tape);
    rg_value x = rg_input(particle->tape, w[0]);
    read_gradient(particle->outer, flight(particle, x), 1, &x, g);
}

static void search(void *problem, mode outer, mode inner, double *out)
{
    particle *particle = problem;
    descent descent = {.n = 1, .value = value, .gradient = slope, .context = particle};
    particle->outer = outer;
    particle->inner = inner;
    *out = particle->start;
    descend(&descent, out);
}

NESTED_MODES(search)

void read_particle(const json_t *input, bench *bench)
{
    particle *particle = new_array(1, sizeof *particle);
    particle->start = json_number_of(input, "w");
    particle->tape = new_tape();
    bench->problem = particle;
    set_nested_answers(bench, 0, search_rr, search_rf, search_fr, search_ff);
}
