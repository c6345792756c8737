/*
 * mlp.c: what a step of training costs: forward, loss, sweep, optimizer, on batches that lie in
 * memory. Prints one line of JSON.
 *
 *     bench_mlp [--case fashion|tiny1|tiny32|big] [--optimizer sgd|adam] [--type f32|f64]
 *               [--threads N] [--precision highest|high] [--seconds S]
 *
 * fashion: 784-128-64-10 relu, batches of 64, SGD with momentum: an epoch is 938 steps. tiny1,
 * tiny32: 2-16-16-1 tanh, squared error, batches of 1 and 32. big: 784-2048-2048-10 relu, batches
 * of 256. The data are drawn at random: times do not depend on them.
 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

typedef struct work {
    const char *name;
    int64_t widths[5];
    int width_count;
    int64_t batch, steps; /* steps of an epoch, or of one round */
    double momentum;
    rg_activation hidden;
} work;

static const work works[] = {
    {"fashion", {784, 128, 64, 10}, 4, 64, 938, 0.9, RG_RELU},
    {"tiny1", {2, 16, 16, 1}, 4, 1, 20000, 0, RG_TANH},
    {"tiny32", {2, 16, 16, 1}, 4, 32, 5000, 0, RG_TANH},
    {"big", {784, 2048, 2048, 10}, 4, 256, 8, 0, RG_RELU},
};

typedef struct settings {
    const work *work;
    const char *optimizer;
    rg_type type;
    int threads;
    rg_matmul_precision precision;
    double seconds;
} settings;

/* Everything that a step works on. */
typedef struct training {
    const settings *settings;
    rg_tape *tape;
    rg_mlp *mlp;
    rg_optimizer *optimizer;
    rg_threads *threads;
    void *inputs, *targets;
    int64_t *classes;
    double loss;
} training;

static void fill(void *data, rg_type type, int64_t n, rg_random *random)
{
    for (int64_t i = 0; i < n; i++) {
        double number = rg_random_uniform(random);
        if (type == RG_F32)
            ((float *)data)[i] = (float)number;
        else
            ((double *)data)[i] = number;
    }
}

static int prepare(training *t)
{
    enum { BATCHES = 16 };
    const work *w = t->settings->work;
    const rg_type type = t->settings->type;
    const int64_t in = w->widths[0], out = w->widths[w->width_count - 1], n = BATCHES * w->batch;
    rg_random random = rg_random_create(1);
    rg_error error;
    t->tape = rg_tape_create();
    t->mlp = rg_mlp_create(&(rg_mlp_options){.type = type,
                                             .widths = w->widths,
                                             .width_count = w->width_count,
                                             .hidden = w->hidden,
                                             .seed = 1},
                           &error);
    rg_params *params = rg_mlp_params(t->mlp);
    t->optimizer =
        strcmp(t->settings->optimizer, "adam") == 0
            ? rg_adam_create(params, &(rg_adam_options){.rate = 1e-4}, &error)
            : rg_sgd_create(params, &(rg_sgd_options){.rate = 1e-3, .momentum = w->momentum},
                            &error);
    t->threads = rg_threads_create(t->settings->threads, NULL, &error);
    t->inputs = malloc((size_t)(n * in) * sizeof(double));
    t->targets = malloc((size_t)(n * out) * sizeof(double));
    t->classes = malloc((size_t)n * sizeof *t->classes);
    if (!t->optimizer || !t->threads || !t->inputs || !t->targets || !t->classes)
        return 0;
    rg_tape_set_threads(t->tape, t->threads);
    rg_tape_set_matmul_precision(t->tape, t->settings->precision);
    rg_optimizer_set_threads(t->optimizer, t->threads);
    fill(t->inputs, type, n * in, &random);
    fill(t->targets, type, n * out, &random);
    for (int64_t i = 0; i < n; i++)
        t->classes[i] = (int64_t)(rg_random_uniform(&random) * (double)out);
    return BATCHES;
}

static int step(training *t, int64_t number)
{
    const work *w = t->settings->work;
    const rg_type type = t->settings->type;
    const int64_t in = w->widths[0], out = w->widths[w->width_count - 1];
    const size_t size = rg_type_size(type);
    rg_tape_reset(t->tape);
    rg_value x = rg_constant_view(t->tape, type, RG_SHAPE(w->batch, in), NULL,
                                  (char *)t->inputs + (size_t)(number * w->batch * in) * size);
    rg_value y = rg_mlp_forward(t->mlp, t->tape, x), loss;
    if (w->hidden == RG_RELU) {
        loss = rg_cross_entropy(y, rg_constant_view(t->tape, RG_I64, RG_SHAPE(w->batch), NULL,
                                                    t->classes + number * w->batch));
    } else {
        char *target = (char *)t->targets + (size_t)(number * w->batch * out) * size;
        loss = rg_mse_loss(
            y, rg_constant_view(t->tape, type, RG_SHAPE(w->batch, out), NULL, target), RG_MEAN);
    }
    rg_optimizer_zero_grad(t->optimizer);
    if (rg_backward(loss) != RG_OK) {
        printf("%s\n", rg_tape_message(t->tape));
        return 0;
    }
    rg_optimizer_step(t->optimizer);
    t->loss = rg_item(loss);
    return 1;
}

static int measure(const settings *settings)
{
    training t = {.settings = settings};
    int batches = prepare(&t), done = batches > 0;
    const int64_t steps = settings->work->steps;
    double best = INFINITY, begin = bench_now();
    for (int round = 0; done && (round < 3 || bench_now() - begin < settings->seconds); round++) {
        double started = bench_now();
        for (int64_t i = 0; done && i < steps; i++)
            done = step(&t, i % batches);
        best = fmin(best, bench_now() - started);
    }
    char cpu[256];
    bench_cpu(cpu, sizeof cpu);
    if (done)
        printf("{\"engine\": \"reelgrad %s\", \"case\": \"%s\", \"optimizer\": \"%s\", "
               "\"type\": \"%s\", \"threads\": %d, \"precision\": \"%s\", \"step_us\": %.4g, "
               "\"round_s\": %.4g, "
               "\"samples_per_s\": %.5g, \"loss\": %.6g, \"compiler\": \"%s\", \"flags\": \"%s\", "
               "\"cpu\": \"%s\"}\n",
               reelgrad_version(), settings->work->name, settings->optimizer,
               settings->type == RG_F32 ? "f32" : "f64", settings->threads,
               settings->precision == RG_MATMUL_HIGH ? "high" : "highest",
               best / (double)steps * 1e6, best, (double)(steps * settings->work->batch) / best,
               t.loss, RG_BENCH_COMPILER, RG_BENCH_FLAGS, cpu);
    free(t.inputs), free(t.targets), free(t.classes);
    rg_optimizer_destroy(t.optimizer);
    rg_mlp_destroy(t.mlp);
    rg_tape_destroy(t.tape);
    rg_threads_destroy(t.threads);
    return !done || !isfinite(t.loss);
}

/* One option with its argument; 0 if it is not understood. */
static int take_option(settings *s, const char *option, const char *argument)
{
    if (strcmp(option, "--case") == 0)
        for (size_t i = 0; i < sizeof works / sizeof *works; i++)
            if (strcmp(argument, works[i].name) == 0)
                return s->work = &works[i], 1;
    if (strcmp(option, "--optimizer") == 0 &&
        (strcmp(argument, "sgd") == 0 || strcmp(argument, "adam") == 0))
        return s->optimizer = argument, 1;
    if (strcmp(option, "--type") == 0 &&
        (strcmp(argument, "f32") == 0 || strcmp(argument, "f64") == 0))
        return s->type = argument[1] == '3' ? RG_F32 : RG_F64, 1;
    if (strcmp(option, "--threads") == 0)
        return (s->threads = atoi(argument)) > 0;
    if (strcmp(option, "--precision") == 0 &&
        (strcmp(argument, "highest") == 0 || strcmp(argument, "high") == 0))
        return s->precision = argument[4] ? RG_MATMUL_HIGHEST : RG_MATMUL_HIGH, 1;
    if (strcmp(option, "--seconds") == 0)
        return s->seconds = atof(argument), 1;
    return 0;
}

int main(int argc, char **argv)
{
    settings s = {&works[0], "sgd", RG_F32, 1, RG_MATMUL_HIGHEST, 1};
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !take_option(&s, argv[i], argv[i + 1])) {
            fprintf(stderr, "usage: bench_mlp [--case fashion|tiny1|tiny32|big] "
                            "[--optimizer sgd|adam] [--type f32|f64] [--threads N] "
                            "[--precision highest|high] [--seconds S]\n");
            return 2;
        }
    return measure(&s);
}
