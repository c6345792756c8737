/*
 * forward.c: the Jacobian of a function with few inputs and many outputs: one forward sweep with
 * all directions against a reverse sweep for each output. The function is like hand tracking: the
 * pose of five fingers moves points of a surface, whose distances from measured points are the
 * outputs.
 */
#include "bench.h"

#include <math.h>

enum {
    FINGERS = 5,
    BONES = 3, /* a finger */
    POINTS = 100,
    INPUTS = 28, /* place, turns, length and width of the hand; turns of the fingers */
    OUTPUTS = 3 * POINTS,
    ROUNDS = 30
};

typedef struct motion {
    rg_value turn[3][3], shift[3];
} motion;

/* A turn by `angle` about an axis, and then the motion. */
static void turn_about(motion *m, int axis, rg_value angle)
{
    rg_value c = rg_cos(angle), s = rg_sin(angle);
    int j = (axis + 1) % 3, k = (axis + 2) % 3;
    for (int i = 0; i < 3; i++) {
        rg_value a = m->turn[i][j], b = m->turn[i][k];
        m->turn[i][j] = rg_add(rg_mul(c, a), rg_mul(s, b));
        m->turn[i][k] = rg_sub(rg_mul(c, b), rg_mul(s, a));
    }
}

/* Where the motion brings a point: coordinate i. */
static rg_value moved(const motion *m, int i, const double *point)
{
    rg_value sum = m->shift[i];
    for (int k = 0; k < 3; k++)
        sum = rg_add(sum, rg_mul(m->turn[i][k], point[k]));
    return sum;
}

/* A step along an axis, and then the motion. */
static void step(motion *m, int axis, rg_value length)
{
    for (int i = 0; i < 3; i++)
        m->shift[i] = rg_add(m->shift[i], rg_mul(m->turn[i][axis], length));
}

static motion wrist(rg_tape *tape, const rg_value *x)
{
    motion m;
    for (int i = 0; i < 3; i++) {
        m.shift[i] = x[i];
        for (int k = 0; k < 3; k++)
            m.turn[i][k] = rg_constant(tape, i == k);
    }
    for (int axis = 0; axis < 3; axis++)
        turn_about(&m, axis, x[3 + axis]);
    return m;
}

static motion finger(const motion *palm, int f, const rg_value *x)
{
    motion m = *palm;
    step(&m, 1, rg_mul(x[7], f - 2));
    turn_about(&m, 2, x[8 + f]);
    return m;
}

/* Each point goes with two neighbouring bones of a finger. */
static void hand(rg_tape *tape, const rg_value *x, rg_value *y)
{
    motion palm = wrist(tape, x), bone[FINGERS][BONES];
    for (int f = 0; f < FINGERS; f++) {
        motion m = finger(&palm, f, x);
        for (int b = 0; b < BONES; b++) {
            turn_about(&m, 1, x[8 + FINGERS + BONES * f + b]);
            step(&m, 0, rg_mul(x[6], 1 - 0.2 * b));
            bone[f][b] = m;
        }
    }
    for (int p = 0; p < POINTS; p++) {
        const double at[3] = {0.3 * sin(p), 0.2 * cos(p), 0.1 * sin(3 * p)};
        const double share = 0.5 + 0.4 * sin(p);
        const motion *one = &bone[p % FINGERS][p % 2], *next = one + 1;
        for (int i = 0; i < 3; i++) {
            rg_value mean =
                rg_add(rg_mul(share, moved(one, i, at)), rg_mul(1 - share, moved(next, i, at)));
            y[3 * p + i] = rg_sub(mean, 0.1 * i);
        }
    }
}

/* ---- measuring ---- */

static double forward[OUTPUTS * INPUTS], reverse[OUTPUTS * INPUTS];

static void sweep_each(const rg_value *x, const rg_value *y)
{
    for (int k = 0; k < OUTPUTS; k++) {
        rg_backward(y[k]);
        for (int i = 0; i < INPUTS; i++)
            reverse[k * INPUTS + i] = rg_grad(x[i]);
    }
}

static double largest_difference(void)
{
    double largest = 0;
    for (int i = 0; i < OUTPUTS * INPUTS; i++)
        largest = fmax(largest, fabs(forward[i] - reverse[i]));
    return largest;
}

int main(void)
{
    static rg_value x[INPUTS], y[OUTPUTS];
    double record = INFINITY, all = INFINITY, one = INFINITY, each = INFINITY, nodes = 0;
    double ones[INPUTS], along_one[OUTPUTS];
    rg_tape *tape = rg_tape_create();
    bench_conditions();
    for (int i = 0; i < INPUTS; i++)
        x[i] = rg_input(tape, 0.3 * sin(i + 1)), ones[i] = 1;
    rg_mark mark = rg_tape_mark(tape);
    for (int round = 0; round < ROUNDS; round++) {
        rg_tape_rewind(tape, mark);
        double t0 = bench_now();
        hand(tape, x, y);
        double t1 = bench_now();
        rg_forward(INPUTS, x, INPUTS, NULL, OUTPUTS, y, forward);
        double t2 = bench_now();
        rg_forward(INPUTS, x, 1, ones, OUTPUTS, y, along_one);
        double t3 = bench_now();
        if (round % 10 == 0)
            sweep_each(x, y);
        double t4 = bench_now();
        nodes = (double)rg_tape_get_stats(tape).nodes - INPUTS;
        record = fmin(record, t1 - t0);
        all = fmin(all, t2 - t1);
        one = fmin(one, t3 - t2);
        each = round % 10 ? each : fmin(each, t4 - t3);
    }
    if (rg_tape_status(tape) != RG_OK || largest_difference() > 1e-12) {
        printf("forward: %s, difference %g\n", rg_tape_message(tape), largest_difference());
        return 1;
    }
    printf("hand tracking, %d inputs, %d outputs, %.0f nodes recorded in %.1f us\n", INPUTS,
           OUTPUTS, nodes, record * 1e6);
    printf("  forward, %d directions: %.1f us, %.2f ns a node, %.3f a node and direction\n", INPUTS,
           all * 1e6, all / nodes * 1e9, all / nodes / INPUTS * 1e9);
    printf("  forward, 1 direction: %.1f us, %.2f ns a node\n", one * 1e6, one / nodes * 1e9);
    printf("  reverse, %d sweeps: %.1f us, %.2f ns a node and sweep\n", OUTPUTS, each * 1e6,
           each / nodes / OUTPUTS * 1e9);
    printf("  reverse / forward: %.1f\n", each / all);
    rg_tape_destroy(tape);
    return 0;
}
