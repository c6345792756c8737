/*
 * digits.c: trains a network to read images of handwritten digits.
 *
 * A fifth of the images is held out. A multilayer perceptron learns the others in random
 * mini-batches, together with copies shifted by one pixel, while the learning rate falls to 0; the
 * held-out images tell how well it reads what it has never seen. The curves of the losses are
 * written as an SVG picture. Reads CSV with the class in the last column, or a folder with the
 * files of MNIST, which has its own held-out part and images enough without copies.
 */
#include <reelgrad.h>

#include "images.h"
#include "options.h"

typedef struct settings {
    const char *data, *out;
    int64_t epochs, batch, hidden, seed;
    double rate;
} settings;

/* ---- data ---- */

/* The example's data in the source tree, else relative to the current folder. */
static const char *default_data(void)
{
    const char *source = RG_EXAMPLE_DATA "/digits.csv";
    return can_open(source) ? source : "examples/data/digits.csv";
}

/* Copies an image of side x side pixels, shifted by (dx, dy); what moves in is paper. */
static void shift_image(float *out, const float *image, int64_t side, int dx, int dy)
{
    for (int64_t y = 0; y < side; y++) {
        for (int64_t x = 0; x < side; x++) {
            int64_t from_x = x - dx, from_y = y - dy;
            int inside = from_x >= 0 && from_x < side && from_y >= 0 && from_y < side;
            out[y * side + x] = inside ? image[from_y * side + from_x] : 0;
        }
    }
}

/* Replaces the images, if they are square, by five copies of each: as it is and shifted by one
 * pixel in each direction, for a digit stays the same digit. */
static rg_status add_shifted(rg_dataset **data, rg_error *error)
{
    static const int shift[][2] = {{0, 0}, {1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    enum { COPIES = sizeof shift / sizeof *shift };
    const rg_dataset *old = *data;
    rg_dataset *more;
    int64_t size = old->features, side = (int64_t)sqrt((double)size);
    if (side * side != size)
        return RG_OK;
    rg_status status = rg_dataset_create(&more, NULL, RG_F32, COPIES * old->count, size,
                                         old->class_count, 0, error);
    if (status != RG_OK)
        return status;
    for (int64_t i = 0; i < more->count; i++) {
        const int *by = shift[i % COPIES];
        shift_image((float *)more->inputs + i * size,
                    (const float *)old->inputs + i / COPIES * size, side, by[0], by[1]);
        more->classes[i] = old->classes[i / COPIES];
    }
    rg_dataset_destroy(*data);
    *data = more;
    printf("with copies shifted by one pixel: %" PRId64 " images to train on\n", more->count);
    return RG_OK;
}

static rg_status read_csv(const settings *s, parts *data, rg_error *error)
{
    rg_dataset *all;
    rg_random random = rg_random_create((uint64_t)s->seed);
    const rg_csv_options options = {.type = RG_F32, .class_column = -1};
    rg_status status = rg_csv_read(s->data, &options, &all, error);
    if (status == RG_OK)
        status = rg_dataset_split(all, 0.2, &random, &data->train, &data->test, error);
    rg_dataset_destroy(all);
    return status;
}

/* Brings both parts to the scale of the training part, of which alone anything may be known. */
static rg_status normalize(parts *data, rg_error *error)
{
    rg_normalizer *normalizer;
    rg_status status = rg_normalizer_fit(&normalizer, data->train, RG_RESCALE, error);
    if (status == RG_OK)
        status = rg_normalizer_apply(normalizer, data->train, error);
    if (status == RG_OK)
        status = rg_normalizer_apply(normalizer, data->test, error);
    rg_normalizer_destroy(normalizer);
    return status;
}

static rg_status read_data(const settings *s, parts *data, rg_error *error)
{
    char inside[PATH_SIZE];
    snprintf(inside, sizeof inside, "%s/.", s->data);
    int is_folder = can_open(inside);
    rg_status status = is_folder ? read_folder(s->data, 0, data, error) : read_csv(s, data, error);
    if (status != RG_OK)
        return status;
    printf("%s: %" PRId64 " images to train on, %" PRId64 " held out\n", s->data,
           data->train->count, data->test->count);
    if (!is_folder)
        status = add_shifted(&data->train, error);
    return status == RG_OK ? normalize(data, error) : status;
}

/* ---- training ---- */

/* The rate falls in a straight line, so that the last steps settle what the first ones found. */
typedef struct schedule {
    rg_optimizer *optimizer;
    const settings *settings;
} schedule;

static int lower_rate(void *context, const rg_epoch *epoch)
{
    const schedule *plan = context;
    double left = 1 - (double)epoch->epoch / (double)plan->settings->epochs;
    rg_optimizer_set_rate(plan->optimizer, plan->settings->rate * left);
    return 0;
}

static rg_status train(const settings *s, const parts *data, rg_history *history, rg_error *error)
{
    const int64_t widths[] = {data->train->features, s->hidden, data->train->class_count};
    rg_mlp *mlp = rg_mlp_create(&(rg_mlp_options){.type = RG_F32,
                                                  .widths = widths,
                                                  .width_count = 3,
                                                  .hidden = RG_RELU,
                                                  .seed = (uint64_t)s->seed},
                                error);
    if (!mlp)
        return error->status;
    rg_optimizer *adam =
        rg_adam_create(rg_mlp_params(mlp), &(rg_adam_options){.rate = s->rate}, error);
    schedule plan = {adam, s};
    const rg_train_options options = {.loss = RG_LOSS_CROSS_ENTROPY,
                                      .epochs = s->epochs,
                                      .batch = s->batch,
                                      .seed = (uint64_t)s->seed,
                                      .progress = stderr,
                                      .on_epoch = lower_rate,
                                      .context = &plan};
    rg_status status = adam ? rg_train(mlp, adam, data->train, data->test, &options, history, error)
                            : error->status;
    rg_optimizer_destroy(adam);
    rg_mlp_destroy(mlp);
    return status;
}

/* ---- results ---- */

static rg_status write_curves(const char *path, const double *losses, const double *test_losses,
                              int64_t count, rg_error *error)
{
    const rg_curve curves[] = {{"training images", NULL, losses, count},
                               {"held-out images", NULL, test_losses, count}};
    const rg_plot_options options = {
        .title = "Digits: mean cross-entropy", .x_label = "epoch", .y_label = "loss", .log_y = 1};
    FILE *file = fopen(path, "wb");
    rg_status status = file ? rg_write_curves_svg(file, curves, 2, &options, error) : RG_OK;
    if ((!file || fclose(file) != 0) && status == RG_OK) {
        status = RG_ERROR_IO;
        snprintf(error->message, sizeof error->message, "%.150s: %s", path, strerror(errno));
    }
    return status;
}

static rg_status write_history(const char *path, const rg_history *history, rg_error *error)
{
    int64_t count = rg_history_count(history);
    double *losses = malloc((size_t)count * 2 * sizeof *losses);
    if (!losses) {
        snprintf(error->message, sizeof error->message, "no memory for the loss curves");
        return RG_ERROR_MEMORY;
    }
    for (int64_t i = 0; i < count; i++) {
        losses[i] = rg_history_at(history, i)->loss;
        losses[count + i] = rg_history_at(history, i)->test_loss;
    }
    rg_status status = write_curves(path, losses, losses + count, count, error);
    free(losses);
    return status;
}

static rg_status run(const settings *s, parts *data, rg_history *history, rg_error *error)
{
    rg_status status = read_data(s, data, error);
    if (status == RG_OK)
        status = train(s, data, history, error);
    if (status != RG_OK)
        return status;
    const rg_epoch *last = rg_history_at(history, rg_history_count(history) - 1);
    printf("%" PRId64 " epochs in %.1f s: %.2f %% of the held-out images are read right\n",
           last->epoch, last->seconds, 100 * last->test_accuracy);
    status = write_history(s->out, history, error);
    if (status == RG_OK)
        printf("wrote the loss curves to %s\n", s->out);
    return status;
}

int main(int argc, char **argv)
{
    settings s = {.data = default_data(),
                  .out = "loss.svg",
                  .epochs = 20,
                  .batch = 32,
                  .hidden = 512,
                  .seed = 0,
                  .rate = 0.002};
    read_options(argc, argv, "Trains a network to read images of handwritten digits.",
                 (const option[]){{"data", OPTION_TEXT, &s.data, "CSV file or folder of IDX files"},
                                  {"epochs", OPTION_COUNT, &s.epochs, "passes over the images"},
                                  {"batch", OPTION_COUNT, &s.batch, "images a step; 0: all"},
                                  {"hidden", OPTION_COUNT, &s.hidden, "hidden neurons"},
                                  {"rate", OPTION_NUMBER, &s.rate, "learning rate"},
                                  {"seed", OPTION_COUNT, &s.seed, "of split, weights and order"},
                                  {"out", OPTION_TEXT, &s.out, "SVG file to write"},
                                  {0}});
    rg_error error = {.status = RG_OK};
    parts data = {NULL, NULL};
    rg_history *history = rg_history_create(NULL);
    if (!history)
        snprintf(error.message, sizeof error.message, "no memory");
    rg_status status = history ? run(&s, &data, history, &error) : RG_ERROR_MEMORY;
    if (status != RG_OK)
        fprintf(stderr, "%s: %s\n", argv[0], error.message);
    rg_history_destroy(history);
    destroy_parts(&data);
    return status != RG_OK;
}
