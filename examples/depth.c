/*
 * depth.c: what depth does to gradients, and what equal first weights do to neurons.
 *
 * A deep network meets random numbers. On its way back the gradient of the loss passes every layer,
 * and each multiplies it: by the weights and by the slope of the activation. Factors below 1 make
 * it vanish, factors above 1 explode. For three activations and five ways to draw the first weights
 * a table shows the norm of the gradient with respect to each layer's weights, and a picture the
 * same as curves. Weights that are zero stop the gradient altogether. A second, small network shows
 * that neurons which begin equal stay equal, however long they learn.
 */
#include <reelgrad.h>

#include "options.h"
#include "picture.h"

enum { MAX_DEPTH = 100, OUTPUTS = 10 };

typedef struct settings {
    int64_t depth, width, batch, seed;
    const char *out;
} settings;

/* ---- first weights ---- */

/* Weights of mean 0 whose variance is the name; n is the number of inputs of a neuron. Xavier's is
 * 2 / (inputs + outputs), here 1/n but in the last layer, and they are uniform. */
typedef struct start {
    const char *name;
    rg_init init;
    int large; /* variance 1, whatever n is */
} start;

static const start starts[] = {{"zero", RG_INIT_ZEROS, 0},
                               {"1/n", RG_INIT_NORMAL_1N, 0},
                               {"Xavier", RG_INIT_XAVIER_UNIFORM, 0},
                               {"2/n (He)", RG_INIT_HE_NORMAL, 0},
                               {"one", RG_INIT_ZEROS, 1}};
enum { STARTS = sizeof starts / sizeof *starts };

/* A network of `depth` layers, all of the same width but the last. */
static rg_mlp *create_deep(const settings *s, rg_activation hidden, const start *from,
                           rg_error *error)
{
    int64_t widths[MAX_DEPTH + 1];
    for (int64_t i = 0; i < s->depth; i++)
        widths[i] = s->width;
    widths[s->depth] = OUTPUTS;
    rg_mlp *mlp = rg_mlp_create(&(rg_mlp_options){.widths = widths,
                                                  .width_count = (int)s->depth + 1,
                                                  .hidden = hidden,
                                                  .init = from->init,
                                                  .seed = (uint64_t)s->seed},
                                error);
    rg_random random = rg_random_create((uint64_t)s->seed);
    for (int i = 0; mlp && from->large && i < rg_mlp_layer_count(mlp); i++)
        rg_init_normal(rg_mlp_layer(mlp, i)->weight, 1, &random);
    return mlp;
}

/* ---- gradients over depth ---- */

/* What is found for one activation and each start. Layers count from the input. */
typedef struct findings {
    double norms[STARTS][MAX_DEPTH]; /* of the gradient of the layer's weights */
    double flat[STARTS]; /* the part of hidden outputs that stand where the activation is flat */
} findings;

/* Whether the activation's slope at its output y is below a hundredth of the steepest one. */
static int is_flat(rg_activation activation, double y)
{
    switch (activation) {
    case RG_SIGMOID: return 4 * y * (1 - y) < 0.01;
    case RG_TANH: return 1 - y * y < 0.01;
    default: return y <= 0; /* relu's slope is 0 or 1 */
    }
}

static double flat_part(rg_value y, rg_activation activation)
{
    const double *number = rg_data(y, RG_F64);
    int64_t flat = 0, count = number ? rg_size(y) : 0;
    for (int64_t i = 0; i < count; i++)
        flat += is_flat(activation, number[i]);
    return (double)flat / (double)count;
}

static double gradient_norm(rg_param *param)
{
    const double *gradient = rg_param_grad(param);
    double sum = 0;
    for (int64_t i = 0; i < rg_param_size(param); i++)
        sum += gradient[i] * gradient[i];
    return sqrt(sum);
}

/* One pass forward, layer by layer to look at each, and one backward, for start number k. */
static rg_status measure(rg_mlp *mlp, rg_tape *tape, const rg_dataset *data, int k, findings *found)
{
    int layers = rg_mlp_layer_count(mlp);
    rg_value x = rg_constant_f64(tape, RG_SHAPE(data->count, data->features), data->inputs);
    rg_value classes = rg_indices(tape, RG_SHAPE(data->count), data->classes);
    found->flat[k] = 0;
    for (int i = 0; i < layers; i++) {
        rg_activation activation = rg_mlp_activation(mlp, i);
        x = rg_activate(rg_linear_layer_apply(tape, rg_mlp_layer(mlp, i), x), activation);
        if (i < layers - 1)
            found->flat[k] += flat_part(x, activation) / (layers - 1);
    }
    rg_status status = rg_backward(rg_cross_entropy(x, classes));
    for (int i = 0; status == RG_OK && i < layers; i++)
        found->norms[k][i] = gradient_norm(rg_mlp_layer(mlp, i)->weight);
    return status;
}

static void print_table(const settings *s, rg_activation activation, const findings *found)
{
    printf("\n%s: norms of the gradient, by the variance of the first weights\n  layer",
           rg_activation_name(activation));
    for (int k = 0; k < STARTS; k++)
        printf("%11s", starts[k].name);
    for (int64_t i = 0; i < s->depth; i++) {
        printf("\n  %5" PRId64, i + 1);
        for (int k = 0; k < STARTS; k++)
            printf("%11.3g", found->norms[k][i]);
    }
    printf("\n   flat");
    for (int k = 0; k < STARTS; k++)
        printf("%9.1f %%", 100 * found->flat[k]);
    putchar('\n');
}

static rg_status draw(const settings *s, rg_activation activation, const findings *found,
                      rg_error *error)
{
    char title[80], path[4096];
    const char *name = rg_activation_name(activation);
    snprintf(title, sizeof title, "Gradients over depth: %s, by variance of the weights", name);
    snprintf(path, sizeof path, "%s-%s.svg", s->out, name);
    rg_curve curves[STARTS - 1]; /* the first has gradients of 0, which have no logarithm */
    for (int k = 1; k < STARTS; k++)
        curves[k - 1] = (rg_curve){starts[k].name, NULL, found->norms[k], s->depth};
    const rg_plot_options options = {
        .title = title, .x_label = "layer", .y_label = "norm of the gradient", .log_y = 1};
    return write_picture(path, curves, STARTS - 1, &options, error);
}

static rg_status show_activation(const settings *s, rg_activation activation, rg_tape *tape,
                                 const rg_dataset *data, rg_error *error)
{
    findings found;
    for (int k = 0; k < STARTS; k++) {
        rg_mlp *mlp = create_deep(s, activation, &starts[k], error);
        if (!mlp)
            return error->status;
        rg_status status = measure(mlp, tape, data, k, &found);
        if (status != RG_OK)
            snprintf(error->message, sizeof error->message, "%s", rg_tape_message(tape));
        rg_tape_reset(tape);
        rg_mlp_destroy(mlp);
        if (status != RG_OK)
            return status;
    }
    print_table(s, activation, &found);
    return draw(s, activation, &found, error);
}

static rg_status show_depth(const settings *s, rg_error *error)
{
    static const rg_activation activations[] = {RG_SIGMOID, RG_TANH, RG_RELU};
    rg_dataset *data;
    rg_status status =
        rg_dataset_create(&data, NULL, RG_F64, s->batch, s->width, OUTPUTS, 0, error);
    if (status != RG_OK)
        return status;
    rg_random random = rg_random_create((uint64_t)s->seed);
    for (int64_t i = 0; i < s->batch * s->width; i++)
        ((double *)data->inputs)[i] = rg_random_normal(&random);
    for (int64_t i = 0; i < s->batch; i++)
        data->classes[i] = (int64_t)rg_random_below(&random, OUTPUTS);
    puts("flat: hidden outputs where the activation has less than 1 % of its steepest slope");
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < 3 && status == RG_OK; i++)
        status = show_activation(s, activations[i], tape, data, error);
    rg_tape_destroy(tape);
    rg_dataset_destroy(data);
    return status;
}

/* ---- equal neurons ---- */

/* Points around the origin; class 1 are those within a circle that holds half of them. */
static rg_status create_disc(rg_dataset **out, uint64_t seed, rg_error *error)
{
    rg_status status = rg_dataset_create(out, NULL, RG_F64, 400, 2, 2, 0, error);
    if (status != RG_OK)
        return status;
    rg_random random = rg_random_create(seed);
    double *x = (*out)->inputs;
    for (int64_t i = 0; i < (*out)->count; i++) {
        x[2 * i] = rg_random_normal(&random);
        x[2 * i + 1] = rg_random_normal(&random);
        (*out)->classes[i] = x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1] < 2 * log(2);
    }
    return RG_OK;
}

/* Trains a 2-4-2 network and prints its hidden neurons and how well it does. */
static rg_status train(const rg_dataset *disc, const start *from, uint64_t seed, rg_error *error)
{
    const int64_t widths[] = {2, 4, 2};
    const rg_mlp_options network = {
        .widths = widths, .width_count = 3, .hidden = RG_SIGMOID, .init = from->init, .seed = seed};
    const rg_train_options options = {.loss = RG_LOSS_CROSS_ENTROPY, .epochs = 500};
    rg_evaluation found = {0};
    rg_mlp *mlp = rg_mlp_create(&network, error);
    rg_optimizer *adam =
        mlp ? rg_adam_create(rg_mlp_params(mlp), &(rg_adam_options){.rate = 0.1}, error) : NULL;
    rg_status status =
        adam ? rg_train(mlp, adam, disc, NULL, &options, NULL, error) : error->status;
    if (status == RG_OK)
        status = rg_evaluate(mlp, disc, options.loss, NULL, &found, error);
    if (status == RG_OK) {
        const double *weight = rg_param_data(rg_mlp_layer(mlp, 0)->weight);
        printf("  first weights of variance %s: %.1f %% are right; weights of hidden neurons\n   ",
               from->name, 100 * found.accuracy);
        for (int i = 0; i < 4; i++)
            printf(" (%.3f, %.3f)", weight[2 * i], weight[2 * i + 1]);
        putchar('\n');
    }
    rg_optimizer_destroy(adam);
    rg_mlp_destroy(mlp);
    return status;
}

static rg_status show_equality(uint64_t seed, rg_error *error)
{
    rg_dataset *disc;
    rg_status status = create_disc(&disc, seed, error);
    printf("\na 2-4-2 network that learns which points lie within a circle\n");
    for (int k = 0; k < 2 && status == RG_OK; k++)
        status = train(disc, &starts[k], seed, error);
    rg_dataset_destroy(disc);
    return status;
}

int main(int argc, char **argv)
{
    settings s = {.depth = 12, .width = 64, .batch = 100, .seed = 1, .out = "depth"};
    read_options(argc, argv, "Shows how gradients vanish and explode over the depth of a network.",
                 (const option[]){{"depth", OPTION_COUNT, &s.depth, "layers, 2 to 100"},
                                  {"width", OPTION_COUNT, &s.width, "neurons of a hidden layer"},
                                  {"batch", OPTION_COUNT, &s.batch, "random examples"},
                                  {"seed", OPTION_COUNT, &s.seed, "of examples and weights"},
                                  {"out", OPTION_TEXT, &s.out, "start of the SVG files' names"},
                                  {0}});
    if (s.depth < 2 || s.depth > MAX_DEPTH) {
        fprintf(stderr, "%s: --depth expects 2 to %d\n", argv[0], MAX_DEPTH);
        return 2;
    }
    rg_error error = {.status = RG_OK};
    rg_status status = show_depth(&s, &error);
    if (status == RG_OK)
        status = show_equality((uint64_t)s.seed, &error);
    if (status != RG_OK)
        fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return status != RG_OK;
}
