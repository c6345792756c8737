/*
 * digits.c: trains a network to read images of handwritten digits.
 *
 * A fifth of the images is held out. A multilayer perceptron learns the others in random
 * mini-batches, together with copies shifted by a pixel, while the learning rate falls to 0; the
 * held-out images tell how well it reads what it has never seen. The curves of the losses are
 * written as an SVG picture. Reads CSV with the class in the last column, or a folder with the
 * files of MNIST, which has its own held-out part and images enough without copies.
 *
 * With --search FILE the learning rate is not the usual one but one that is found by trying, and
 * the losses by the rates that were tried are drawn.
 *
 * Ctrl-C ends the training after the step it is in. With --save FILE the network is kept, and
 * `--load FILE` with the same other options goes on with it as if there had been no break:
 *
 *     digits --save digits.safetensors
 *     ^C
 *     digits --load digits.safetensors --save digits.safetensors
 */
#include <reelgrad.h>
#include <signal.h>

#include "images.h"
#include "options.h"
#include "picture.h"

typedef struct settings {
    const char *data, *out, *search, *save, *load;
    int64_t epochs, batch, hidden, seed, next_epoch, next_step;
    double rate;
} settings;

/* ---- data ---- */

/* The example's data in the source tree, else relative to the current folder. */
static const char *default_data(void)
{
    const char *source = RG_EXAMPLE_DATA "/digits.csv";
    return can_open(source) ? source : "examples/data/digits.csv";
}

/* Adds copies to the images, if they are square, each shifted by up to a pixel in both directions,
 * for a digit stays the same digit. */
static rg_status add_shifted(rg_dataset **data, uint64_t seed, rg_error *error)
{
    int64_t side = (int64_t)sqrt((double)(*data)->features);
    if (side * side != (*data)->features || side == 1)
        return RG_OK;
    rg_dataset *more;
    const rg_augment_options options = {.copies = 6, .max_shift = 1, .seed = seed};
    rg_status status = rg_augment(*data, &options, &more, error);
    if (status != RG_OK)
        return status;
    rg_dataset_destroy(*data);
    *data = more;
    printf("with copies shifted by a pixel: %" PRId64 " images to train on\n", more->count);
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
        status = add_shifted(&data->train, (uint64_t)s->seed, error);
    return status == RG_OK ? normalize(data, error) : status;
}

/* ---- what is kept ---- */

/* Where a training stands, and what it must go on with: the seed, which chose the images held out,
 * and the size of a step. */
static const char *const keys[] = {"next_epoch", "next_step", "seed", "batch"};
enum { KEYS = sizeof keys / sizeof *keys };

static rg_status save(const settings *s, const rg_mlp *mlp, const rg_optimizer *optimizer,
                      const rg_train_result *result, rg_error *error)
{
    const int64_t numbers[KEYS] = {result->next_epoch, result->next_step, s->seed, s->batch};
    char texts[KEYS][24];
    rg_metadata metadata[KEYS];
    for (int i = 0; i < KEYS; i++) {
        snprintf(texts[i], sizeof texts[i], "%" PRId64, numbers[i]);
        metadata[i] = (rg_metadata){keys[i], texts[i]};
    }
    rg_status status = rg_mlp_save(mlp, optimizer, metadata, KEYS, s->save, error);
    if (status == RG_OK)
        printf("saved the network in %s\n", s->save);
    return status;
}

/* Reads the numbers that `save` wrote. */
static rg_status load_settings(settings *s, rg_error *error)
{
    int64_t *const numbers[KEYS] = {&s->next_epoch, &s->next_step, &s->seed, &s->batch};
    rg_safetensors *file;
    rg_status status = rg_safetensors_read(s->load, NULL, &file, error);
    for (int i = 0; i < KEYS && status == RG_OK; i++) {
        const char *text = rg_safetensors_metadata(file, keys[i]);
        if (!text || set_option(&(option){keys[i], OPTION_COUNT, numbers[i], NULL}, text)) {
            status = RG_ERROR_FORMAT;
            snprintf(error->message, sizeof error->message,
                     "%.150s: was not saved by this program: it has no %s", s->load, keys[i]);
        }
    }
    rg_safetensors_destroy(file);
    return status;
}

/* ---- training ---- */

static volatile sig_atomic_t interrupted;

/* A second Ctrl-C ends the program at once. */
static void interrupt(int number)
{
    interrupted = 1;
    signal(number, SIG_DFL);
}

/* A training: the network with its optimizer. */
typedef struct training {
    const settings *settings;
    rg_mlp *mlp;
    rg_optimizer *adam;
} training;

/* The network and the optimizer, new or from the file. */
static rg_status create(training *t, const parts *data, rg_error *error)
{
    const settings *s = t->settings;
    if (s->load)
        return rg_mlp_load(s->load, NULL, &t->mlp, &t->adam, error);
    const int64_t widths[] = {data->train->features, s->hidden, data->train->class_count};
    t->mlp = rg_mlp_create(&(rg_mlp_options){.type = RG_F32,
                                             .widths = widths,
                                             .width_count = 3,
                                             .hidden = RG_RELU,
                                             .seed = (uint64_t)s->seed},
                           error);
    if (t->mlp)
        t->adam = rg_adam_create(rg_mlp_params(t->mlp), &(rg_adam_options){.rate = s->rate}, error);
    return t->adam ? RG_OK : error->status;
}

/* Looks for a good rate, to train with, and draws the loss by the rates that were tried. */
static rg_status search_rate(settings *s, const training *t, const parts *data, rg_error *error)
{
    enum { STEPS = 200 };
    rg_lr_point points[STEPS];
    rg_lr_result found;
    double rates[STEPS], losses[STEPS];
    const rg_lr_options options = {
        .steps = STEPS, .batch = s->batch, .low = 1e-5, .seed = (uint64_t)s->seed};
    rg_optimizer *trial = rg_adam_create(rg_mlp_params(t->mlp), NULL, error);
    rg_status status = trial
                           ? rg_lr_find(t->mlp, trial, data->train, &options, points, &found, error)
                           : error->status;
    rg_optimizer_destroy(trial);
    if (status != RG_OK)
        return status;
    for (int64_t i = 0; i < found.count; i++) {
        rates[i] = points[i].rate;
        losses[i] = points[i].loss;
    }
    if (isfinite(found.rate))
        s->rate = found.rate;
    printf("%" PRId64 " rates tried; that to train with is %.3g\n", found.count, s->rate);
    const rg_curve curve = {NULL, rates, losses, found.count};
    const rg_plot_options plot = {.title = "Which learning rate?",
                                  .x_label = "rate",
                                  .y_label = "mean loss of the last batches",
                                  .log_x = 1};
    return write_picture(s->search, &curve, 1, &plot, error);
}

/* The rate falls in a straight line, so that the last steps settle what the first ones found. */
static int lower_rate(void *context, const rg_step *step)
{
    const training *t = context;
    const rg_schedule falling = {
        .kind = RG_SCHEDULE_LINEAR, .length = t->settings->epochs, .start = 1, .end = 0};
    rg_optimizer_set_rate(t->adam, rg_schedule_rate(&falling, t->settings->rate, step->epoch - 1));
    return 0;
}

static rg_status train(training *t, const parts *data, rg_history *history, rg_error *error)
{
    const settings *s = t->settings;
    rg_train_result result;
    const rg_train_options options = {.loss = RG_LOSS_CROSS_ENTROPY,
                                      .epochs = s->epochs,
                                      .batch = s->batch,
                                      .seed = (uint64_t)s->seed,
                                      .first_epoch = s->next_epoch,
                                      .first_step = s->next_step,
                                      .progress = stderr,
                                      .on_step = lower_rate,
                                      .context = t,
                                      .stop = &interrupted,
                                      .result = &result};
    signal(SIGINT, interrupt);
    rg_status status = rg_train(t->mlp, t->adam, data->train, data->test, &options, history, error);
    signal(SIGINT, SIG_DFL);
    if (status == RG_OK && result.stop == RG_STOP_FLAG)
        printf("stopped before step %" PRId64 " of epoch %" PRId64 "\n", result.next_step,
               result.next_epoch);
    return status == RG_OK && s->save ? save(s, t->mlp, t->adam, &result, error) : status;
}

/* ---- results ---- */

static rg_status show(const training *t, const parts *data, const rg_history *history,
                      rg_error *error)
{
    const char *path = t->settings->out;
    const int64_t epochs = rg_history_count(history);
    rg_evaluation found;
    rg_status status = rg_evaluate(t->mlp, data->test, RG_LOSS_CROSS_ENTROPY, NULL, &found, error);
    if (status != RG_OK)
        return status;
    printf("%" PRId64 " epochs in %.1f s: %.2f %% of the held-out images are read right\n", epochs,
           epochs > 0 ? rg_history_at(history, epochs - 1)->seconds : 0, 100 * found.accuracy);
    if (epochs == 0)
        return RG_OK;
    const rg_plot_options options = {
        .title = "Digits: mean cross-entropy", .x_label = "epoch", .y_label = "loss", .log_y = 1};
    FILE *file = open_picture(path, error);
    status =
        file ? rg_history_write_svg(history, RG_CHART_LOSS, &options, file, error) : error->status;
    return close_picture(file, path, status, error);
}

static rg_status run(settings *s, parts *data, rg_history *history, rg_error *error)
{
    training t = {.settings = s};
    rg_status status = s->load ? load_settings(s, error) : RG_OK;
    if (status == RG_OK)
        status = read_data(s, data, error);
    if (status == RG_OK)
        status = create(&t, data, error);
    if (status == RG_OK && s->search)
        status = search_rate(s, &t, data, error);
    if (status == RG_OK)
        status = train(&t, data, history, error);
    if (status == RG_OK)
        status = show(&t, data, history, error);
    rg_optimizer_destroy(t.adam);
    rg_mlp_destroy(t.mlp);
    return status;
}

int main(int argc, char **argv)
{
    settings s = {.data = default_data(),
                  .out = "loss.svg",
                  .epochs = 15,
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
                                  {"search", OPTION_TEXT, &s.search,
                                   "SVG file of rates to try, for a better one"},
                                  {"seed", OPTION_COUNT, &s.seed, "of split, weights and order"},
                                  {"out", OPTION_TEXT, &s.out, "SVG file to write"},
                                  {"save", OPTION_TEXT, &s.save, "file to keep the network in"},
                                  {"load", OPTION_TEXT, &s.load, "such a file, to go on with"},
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
