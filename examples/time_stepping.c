/*
 * time_stepping.c: the gradient of a long simulation with respect to its initial state.
 *
 * The simulation repeats one step many thousand times. Recording all of it would take a node for
 * every operation of every step. Instead the build records one step, compiles it and writes it as C
 * (time_stepping_record.c); this program calls that code for each step forward, keeps the states,
 * and calls its vector-Jacobian product for each step backward. It needs nothing of reelgrad.
 *
 * Two schemes on 100 points, the loss being the sum of squares at the end. An adjoint written by
 * hand serves as reference, for the time and for the gradient.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burgers.h"
#include "lax_wendroff.h"
#include "options.h"
#include "time_stepping.h"

/* ---- Lax-Wendroff, by hand ---- */

static void wave_step(const double *restrict q, double *restrict next)
{
    double flux[POINTS - 1];
    for (int i = 0; i + 1 < POINTS; i++)
        flux[i] = 0.5 * COURANT * (q[i] + q[i + 1] + COURANT * (q[i] - q[i + 1]));
    for (int i = 1; i + 1 < POINTS; i++)
        next[i] = q[i] + (flux[i - 1] - flux[i]);
    next[0] = next[POINTS - 2];
    next[POINTS - 1] = next[1];
}

/* The adjoints of what the step assigned, with those of the periodic ends where they came from. */
static void gather_ends(const double *restrict up, double *restrict inner)
{
    memcpy(inner, up, POINTS * sizeof *inner);
    inner[1] += up[POINTS - 1];
    inner[POINTS - 2] += up[0];
    inner[0] = inner[POINTS - 1] = 0;
}

/* Point i feeds the flux on either side of it, and each flux the points on either side. */
static void wave_adjoint(const double *restrict q, const double *restrict up, double *restrict down)
{
    const double left = 0.5 * COURANT * (1 + COURANT), right = 0.5 * COURANT * (1 - COURANT);
    double inner[POINTS], flux[POINTS - 1];
    (void)q;
    gather_ends(up, inner);
    for (int i = 0; i + 1 < POINTS; i++)
        flux[i] = inner[i + 1] - inner[i];
    down[0] = left * flux[0];
    for (int i = 1; i + 1 < POINTS; i++)
        down[i] = inner[i] + left * flux[i] + right * flux[i - 1];
    down[POINTS - 1] = right * flux[POINTS - 2];
}

/* ---- Burgers, by hand ---- */

static void burgers_step(const double *restrict q, double *restrict next)
{
    double half_flux[POINTS - 1];
    for (int i = 0; i + 1 < POINTS; i++) {
        double slope = 0.5 * q[i + 1] * q[i + 1] - 0.5 * q[i] * q[i];
        double half = 0.5 * (q[i] + q[i + 1]) - 0.5 * RATIO * slope;
        half_flux[i] = 0.5 * half * half;
    }
    for (int i = 1; i + 1 < POINTS; i++)
        next[i] = q[i] - RATIO * (half_flux[i] - half_flux[i - 1]);
    next[0] = next[POINTS - 2];
    next[POINTS - 1] = next[1];
}

static void burgers_adjoint(const double *restrict q, const double *restrict up,
                            double *restrict down)
{
    double inner[POINTS], half[POINTS - 1];
    gather_ends(up, inner);
    for (int i = 0; i + 1 < POINTS; i++) {
        double slope = 0.5 * q[i + 1] * q[i + 1] - 0.5 * q[i] * q[i];
        half[i] =
            (0.5 * (q[i] + q[i + 1]) - 0.5 * RATIO * slope) * RATIO * (inner[i + 1] - inner[i]);
    }
    down[0] = 0.5 * half[0] * (1 + RATIO * q[0]);
    for (int i = 1; i + 1 < POINTS; i++)
        down[i] =
            inner[i] + 0.5 * (half[i - 1] * (1 - RATIO * q[i]) + half[i] * (1 + RATIO * q[i]));
    down[POINTS - 1] = 0.5 * half[POINTS - 2] * (1 - RATIO * q[POINTS - 1]);
}

/* ---- emitted ---- */

static double work[(int)lax_wendroff_WORK + (int)burgers_WORK + 1];

static void emitted_wave_step(const double *restrict q, double *restrict next)
{
    lax_wendroff_value(q, next, work);
}

static void emitted_wave_adjoint(const double *restrict q, const double *restrict up,
                                 double *restrict down)
{
    lax_wendroff_vjp(q, up, NULL, down, work);
}

static void emitted_burgers_step(const double *restrict q, double *restrict next)
{
    burgers_value(q, next, work);
}

static void emitted_burgers_adjoint(const double *restrict q, const double *restrict up,
                                    double *restrict down)
{
    burgers_vjp(q, up, NULL, down, work);
}

/* ---- the simulation ---- */

typedef struct simulation {
    void (*step)(const double *restrict q, double *restrict next);
    void (*adjoint)(const double *restrict q, const double *restrict up, double *restrict down);
} simulation;

/* `states` has room for steps + 1 states. */
static void run(const simulation *s, int64_t steps, double *states, double *gradient)
{
    double up[POINTS];
    for (int i = 0; i < POINTS; i++)
        states[i] = 1 + 0.5 * sin(6.28318530717958648 * i / POINTS);
    for (int64_t t = 0; t < steps; t++)
        s->step(states + t * POINTS, states + (t + 1) * POINTS);
    for (int i = 0; i < POINTS; i++)
        gradient[i] = 2 * states[steps * POINTS + i];
    for (int64_t t = steps; t-- > 0;) {
        memcpy(up, gradient, sizeof up);
        s->adjoint(states + t * POINTS, up, gradient);
    }
}

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The least of so many rounds. */
static double measure(const simulation *s, int64_t steps, int64_t rounds, double *states,
                      double *gradient)
{
    double least = INFINITY;
    for (int64_t round = 0; round < rounds; round++) {
        double start = seconds();
        run(s, steps, states, gradient);
        least = fmin(least, seconds() - start);
    }
    return least;
}

static double difference(const double *a, const double *b)
{
    double largest = 0, most = 0;
    for (int i = 0; i < POINTS; i++) {
        largest = fmax(largest, fabs(a[i]));
        most = fmax(most, fabs(a[i] - b[i]));
    }
    return most / largest;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        simulation by_hand, emitted;
    } schemes[] = {
        {"Lax-Wendroff", {wave_step, wave_adjoint}, {emitted_wave_step, emitted_wave_adjoint}},
        {"Burgers",
         {burgers_step, burgers_adjoint},
         {emitted_burgers_step, emitted_burgers_adjoint}},
    };
    int64_t steps = 2000, rounds = 20;
    read_options(
        argc, argv, "Gradients of simulations, by hand and by emitted code.",
        (const option[]){{"steps", OPTION_COUNT, &steps, "steps of each simulation"},
                         {"rounds", OPTION_COUNT, &rounds, "runs, of which the best counts"},
                         {0}});
    double *states = malloc(((size_t)steps + 1) * POINTS * sizeof *states);
    if (!states || rounds < 1) {
        fprintf(stderr, states ? "there must be at least one round\n" : "out of memory\n");
        free(states);
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        double known[POINTS], found[POINTS];
        double by_hand = measure(&schemes[i].by_hand, steps, rounds, states, known);
        double emitted = measure(&schemes[i].emitted, steps, rounds, states, found);
        printf("%s, %d points, %" PRId64 " steps forward and back\n", schemes[i].name, POINTS,
               steps);
        printf("  by hand %.3f ms, emitted %.3f ms: %.2f of it\n", 1e3 * by_hand, 1e3 * emitted,
               emitted / by_hand);
        printf("  the gradients differ by %.1e of the largest entry\n", difference(known, found));
    }
    free(states);
    return 0;
}
