/*
 * checkpoint.c: what checkpoints save in memory and cost in time: a chain of matrix products with
 * tanh, recorded whole, and in pieces that are computed again in the sweep.
 */
#include "bench.h"

#include <math.h>

enum { SIZE = 64, PIECES = 32, STEPS = 32, ROUNDS = 5 };

static rg_value piece(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)count, (void)context;
    rg_value x = in[0];
    for (int i = 0; i < STEPS; i++)
        x = rg_tanh(rg_matmul(x, in[1]));
    return x;
}

/* Records and sweeps; returns the seconds and fills the bytes used for tensors and the gradient. */
static double run(int checkpoints, size_t *bytes, double *grad)
{
    static double x[SIZE * SIZE], w[SIZE * SIZE], up[SIZE * SIZE];
    for (int i = 0; i < SIZE * SIZE; i++) {
        x[i] = sin(i);
        w[i] = cos(3 * i) / 4;
        up[i] = 1;
    }
    double best = INFINITY;
    rg_tape *tape = rg_tape_create();
    for (int round = 0; round < ROUNDS; round++) {
        rg_tape_reset(tape);
        double begin = bench_now();
        rg_value in[2] = {rg_input_f64(tape, RG_SHAPE(SIZE, SIZE), x),
                          rg_input_f64(tape, RG_SHAPE(SIZE, SIZE), w)};
        rg_value first = in[0];
        for (int i = 0; i < PIECES; i++)
            in[0] = checkpoints ? rg_checkpoint(piece, 2, in, NULL) : piece(tape, in, 2, NULL);
        if (rg_backward_with(in[0], up) != RG_OK)
            puts(rg_tape_message(tape));
        best = fmin(best, bench_now() - begin);
        double all[SIZE * SIZE];
        rg_read_grad(first, all);
        *grad = all[0];
    }
    *bytes = rg_tape_get_stats(tape).tensor_used;
    rg_tape_destroy(tape);
    return best;
}

int main(void)
{
    size_t bytes[2];
    double grad[2], seconds[2];
    bench_conditions();
    for (int checkpoints = 0; checkpoints < 2; checkpoints++)
        seconds[checkpoints] = run(checkpoints, &bytes[checkpoints], &grad[checkpoints]);
    printf("%d steps of tanh(x w), %d x %d, float64:\n", PIECES * STEPS, SIZE, SIZE);
    printf("  whole           %8.1f MB, %.3f s\n", (double)bytes[0] / 1e6, seconds[0]);
    printf("  %d checkpoints  %8.1f MB, %.3f s (and %.1f MB for one piece during the sweep)\n",
           PIECES, (double)bytes[1] / 1e6, seconds[1], (double)bytes[0] / PIECES / 1e6);
    return fabs(grad[0] - grad[1]) > 1e-12 * fabs(grad[0]);
}
