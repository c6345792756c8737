/*
 * first.c: what a recorded scalar costs, and an epoch of training on Fashion-MNIST.
 *
 *     first [DIR]    DIR: the four IDX files (default: the folder of Debian's package)
 */
#include "bench.h"

#include <math.h>

/* ---- chained Rosenbrock ---- */

enum { N = 100000, ROUNDS = 40 };

/* f(x) = sum of 100 (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2 */
static rg_value rosenbrock(const rg_value *x)
{
    rg_value f = {0};
    for (int i = 0; i < N - 1; i++) {
        rg_value valley = rg_mul(100, rg_square(rg_sub(x[i + 1], rg_square(x[i]))));
        rg_value term = rg_add(valley, rg_square(rg_sub(1, x[i])));
        f = i ? rg_add(f, term) : term;
    }
    return f;
}

static double primal(const double *x)
{
    double f = 0;
    for (int i = 0; i < N - 1; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        f += 100 * a * a + b * b;
    }
    return f;
}

static int bench_scalars(void)
{
    static rg_value x[N];
    static double start[N];
    volatile double sink = 0;
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < N; i++) {
        start[i] = 0.5 + 1e-6 * i;
        x[i] = rg_input(tape, start[i]);
    }
    rg_mark mark = rg_tape_mark(tape);
    double record = INFINITY, sweep = INFINITY, plain = INFINITY, first = 0;
    double nodes = 0, bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double t0 = bench_now();
        rg_value f = rosenbrock(x);
        double t1 = bench_now();
        if (rg_backward(f) != RG_OK) {
            printf("rosenbrock: %s\n", rg_tape_message(tape));
            return 1;
        }
        double t2 = bench_now();
        sink = primal(start);
        double t3 = bench_now();
        if (fabs(rg_item(f) - sink) > 1e-9 * sink)
            return 1;
        rg_tape_stats stats = rg_tape_get_stats(tape);
        nodes = (double)stats.nodes - N;
        bytes = (double)stats.node_bytes / (double)stats.nodes;
        if (round == 0)
            first = t2 - t0;
        record = fmin(record, t1 - t0);
        sweep = fmin(sweep, t2 - t1);
        plain = fmin(plain, t3 - t2);
        rg_tape_rewind(tape, mark);
    }
    printf("rosenbrock n = %d, recorded scalars: %.0f operations\n", N, nodes);
    printf("  record %.2f ns, sweep %.2f ns, together %.2f ns an operation (first time %.2f)\n",
           record / nodes * 1e9, sweep / nodes * 1e9, (record + sweep) / nodes * 1e9,
           first / nodes * 1e9);
    printf("  26 bytes a node and 8 a constant; committed: %.1f bytes a node\n", bytes);
    printf("  gradient / primal: %.1f\n", (record + sweep) / plain);
    rg_tape_destroy(tape);
    return 0;
}

/* ---- Fashion-MNIST ---- */

static int bench_fashion(const char *dir)
{
    char images[512], labels[512];
    rg_error error = {0};
    rg_dataset *data = NULL;
    snprintf(images, sizeof images, "%s/train-images-idx3-ubyte", dir);
    snprintf(labels, sizeof labels, "%s/train-labels-idx1-ubyte", dir);
    rg_idx_options idx = {.type = RG_F32};
    if (rg_idx_read(images, labels, &idx, &data, &error) != RG_OK) {
        printf("fashion-mnist: skipped: %s\n", error.message);
        return 0;
    }
    const int64_t widths[] = {784, 128, 64, 10};
    rg_mlp *mlp = rg_mlp_create(
        &(rg_mlp_options){
            .type = RG_F32, .widths = widths, .width_count = 4, .hidden = RG_RELU, .seed = 1},
        &error);
    rg_optimizer *optimizer =
        rg_sgd_create(rg_mlp_params(mlp), &(rg_sgd_options){.rate = 0.05, .momentum = 0.9}, &error);
    rg_train_options options = {.loss = RG_LOSS_CROSS_ENTROPY, .epochs = 1, .batch = 64, .seed = 1};
    double best = INFINITY;
    int failed = 0;
    for (int epoch = 0; epoch < 3 && !failed; epoch++) {
        double begin = bench_now();
        options.seed = (uint64_t)epoch;
        failed = rg_train(mlp, optimizer, data, NULL, &options, NULL, &error) != RG_OK;
        best = fmin(best, bench_now() - begin);
    }
    if (failed)
        printf("fashion-mnist: %s\n", error.message);
    else
        printf("fashion-mnist 784-128-64-10, float32, batch 64, SGD with momentum, one thread:\n"
               "  %.3f seconds an epoch, %.0f microseconds a step\n",
               best, best / ceil((double)data->count / 64) * 1e6);
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
    return failed;
}

int main(int argc, char **argv)
{
    bench_conditions();
    int failed = bench_scalars();
    return failed | bench_fashion(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist");
}
