/*
 * fashion_mnist.c: trains a 784-128-64-10 network on Fashion-MNIST, 28x28 images of clothes in ten
 * classes (H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747, 2017).
 *
 * Any folder with the layout of MNIST will do. Each epoch prints a line with the time it took, the
 * evaluation of the test images included.
 */
#include <reelgrad.h>

#include "images.h"
#include "options.h"

typedef struct settings {
    const char *data, *optimizer;
    int64_t epochs, batch, limit, seed, threads;
    double rate, momentum;
} settings;

static rg_optimizer *create_optimizer(const settings *s, rg_params *params, rg_error *error)
{
    if (strcmp(s->optimizer, "adam") == 0)
        return rg_adam_create(params, &(rg_adam_options){.rate = s->rate}, error);
    const rg_sgd_options options = {.rate = s->rate > 0 ? s->rate : 0.02, .momentum = s->momentum};
    return rg_sgd_create(params, &options, error);
}

/* Prints an epoch; *context is when the one before it ended. */
static int print_epoch(void *context, const rg_epoch *epoch)
{
    double *before = context;
    printf("epoch %2" PRId64
           ": loss %.4f, %5.2f %% right; test loss %.4f, %5.2f %% right; %.2f seconds\n",
           epoch->epoch, epoch->loss, 100 * epoch->accuracy, epoch->test_loss,
           100 * epoch->test_accuracy, epoch->seconds - *before);
    fflush(stdout);
    *before = epoch->seconds;
    return 0;
}

static rg_status train(const settings *s, const parts *data, rg_error *error)
{
    const int64_t widths[] = {data->train->features, 128, 64, data->train->class_count};
    const rg_mlp_options network = {.type = RG_F32,
                                    .widths = widths,
                                    .width_count = 4,
                                    .hidden = RG_RELU,
                                    .seed = (uint64_t)s->seed};
    rg_mlp *mlp = rg_mlp_create(&network, error);
    if (!mlp)
        return error->status;
    rg_optimizer *optimizer = create_optimizer(s, rg_mlp_params(mlp), error);
    double before = 0;
    const rg_train_options options = {.loss = RG_LOSS_CROSS_ENTROPY,
                                      .epochs = s->epochs,
                                      .batch = s->batch,
                                      .threads = (int)s->threads,
                                      .seed = (uint64_t)s->seed,
                                      .on_epoch = print_epoch,
                                      .context = &before};
    rg_status status =
        optimizer ? rg_train(mlp, optimizer, data->train, data->test, &options, NULL, error)
                  : error->status;
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    return status;
}

int main(int argc, char **argv)
{
    settings s = {.data = "/usr/share/datasets/fashion-mnist",
                  .optimizer = "adam",
                  .epochs = 10,
                  .batch = 64,
                  .seed = 1,
                  .momentum = 0.9};
    read_options(argc, argv, "Trains a 784-128-64-10 network on Fashion-MNIST.",
                 (const option[]){{"data", OPTION_TEXT, &s.data, "folder of the four IDX files"},
                                  {"optimizer", OPTION_TEXT, &s.optimizer, "adam or sgd"},
                                  {"rate", OPTION_NUMBER, &s.rate, "0: 0.001 adam, 0.02 sgd"},
                                  {"momentum", OPTION_NUMBER, &s.momentum, "of sgd"},
                                  {"epochs", OPTION_COUNT, &s.epochs, "passes over the images"},
                                  {"batch", OPTION_COUNT, &s.batch, "images a step; 0: all"},
                                  {"limit", OPTION_COUNT, &s.limit, "images of each part; 0: all"},
                                  {"threads", OPTION_COUNT, &s.threads, "results stay the same"},
                                  {"seed", OPTION_COUNT, &s.seed, "of weights and order"},
                                  {0}});
    if (strcmp(s.optimizer, "adam") != 0 && strcmp(s.optimizer, "sgd") != 0) {
        fprintf(stderr, "%s: --optimizer expects adam or sgd, not \"%s\"\n", argv[0], s.optimizer);
        return 2;
    }
    rg_error error = {.status = RG_OK};
    parts data = {NULL, NULL};
    rg_status status = read_folder(s.data, s.limit, &data, &error);
    if (status == RG_ERROR_IO) {
        fprintf(stderr,
                "%s: %s\nOn Debian the package dataset-fashion-mnist installs the data; --data "
                "FOLDER names another place.\n",
                argv[0], error.message);
        destroy_parts(&data);
        return 2;
    }
    if (status == RG_OK)
        status = train(&s, &data, &error);
    if (status != RG_OK)
        fprintf(stderr, "%s: %s\n", argv[0], error.message);
    destroy_parts(&data);
    return status != RG_OK;
}
