/* test_effects.c: what the techniques of training are for: each does what it is said to do. */
#include "small.h"

SUITE(effects);

/* ---- trainings ---- */

/* Trains a network, of which only what matters here is said, and evaluates it on both sets. */
typedef struct result {
    rg_evaluation train, unseen;
} result;

static result learn(const rg_mlp_options *network, const rg_dataset *data, const rg_dataset *unseen,
                    double rate, const rg_train_options *options)
{
    result r;
    rg_mlp *mlp = rg_mlp_create(network, NULL);
    rg_optimizer *adam = rg_adam_create(rg_mlp_params(mlp), &(rg_adam_options){.rate = rate}, NULL);
    CHECK_STATUS(rg_train(mlp, adam, data, NULL, options, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_evaluate(mlp, data, options->loss, NULL, &r.train, NULL), RG_OK);
    CHECK_STATUS(rg_evaluate(mlp, unseen, options->loss, NULL, &r.unseen, NULL), RG_OK);
    rg_optimizer_destroy(adam);
    rg_mlp_destroy(mlp);
    return r;
}

/* ---- signals through depth ---- */

/* The mean square of the last hidden layer's signals over that of the inputs. */
static double gain_of(rg_init init, rg_activation activation)
{
    enum { LAYERS = 10, WIDTH = 100, ROWS = 20 };
    int64_t widths[LAYERS + 1];
    for (int i = 0; i <= LAYERS; i++)
        widths[i] = WIDTH;
    rg_mlp *mlp = rg_mlp_create(&(rg_mlp_options){.widths = widths,
                                                  .width_count = LAYERS + 1,
                                                  .hidden = activation,
                                                  .output = activation,
                                                  .init = init,
                                                  .seed = 2},
                                NULL);
    double x[ROWS * WIDTH], y[ROWS * WIDTH], in = 0, out = 0;
    rg_random random = rg_random_create(3);
    for (int i = 0; i < ROWS * WIDTH; i++)
        x[i] = rg_random_normal(&random);
    rg_tape *tape = rg_tape_create();
    rg_value input = rg_constant_f64(tape, RG_SHAPE(ROWS, WIDTH), x);
    CHECK_STATUS(rg_read(rg_mlp_forward(mlp, tape, input), y), RG_OK);
    for (int i = 0; i < ROWS * WIDTH; i++) {
        in += x[i] * x[i];
        out += y[i] * y[i];
    }
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
    return out / in;
}

/* Ten layers: relu halves the mean square, which 2 / n makes good and 1 / n does not. With as many
 * inputs as outputs Xavier's variance is 1 / n, and the average of both He's is 2 / n. */
Test(effects, initialisers_keep_signals_alive)
{
    static const rg_init keep_relu[] = {RG_INIT_HE_NORMAL, RG_INIT_HE_UNIFORM,
                                        RG_INIT_HE_AVERAGE_NORMAL, RG_INIT_HE_AVERAGE_UNIFORM};
    static const rg_init keep_linear[] = {RG_INIT_NORMAL_1N, RG_INIT_UNIFORM_1N,
                                          RG_INIT_XAVIER_NORMAL, RG_INIT_XAVIER_UNIFORM};
    for (int i = 0; i < 4; i++) {
        double relu = gain_of(keep_relu[i], RG_RELU), linear = gain_of(keep_linear[i], RG_IDENTITY);
        cr_assert(relu > 0.2 && relu < 5, "%g", relu);
        cr_assert(linear > 0.2 && linear < 5, "%g", linear);
        cr_assert(gain_of(keep_linear[i], RG_RELU) < 0.01);
        cr_assert(gain_of(keep_relu[i], RG_IDENTITY) > 200);
    }
    cr_assert(gain_of(RG_INIT_ZEROS, RG_IDENTITY) == 0);
}

/* Weights that are too small by far: signals vanish through seven layers, gradients on their way
 * back, and descent learns nothing; with a normalisation in each layer it does. */
Test(effects, normalisation_lets_deep_networks_learn)
{
    static const int64_t widths[] = {2, 20, 20, 20, 20, 20, 20, 20, 2};
    rg_dataset *data = make_halves(64, 1);
    double losses[3];
    for (int kind = RG_NORM_NONE; kind <= RG_NORM_BATCH; kind++) {
        rg_mlp *mlp = rg_mlp_create(&(rg_mlp_options){.widths = widths,
                                                      .width_count = 9,
                                                      .hidden = RG_TANH,
                                                      .init = RG_INIT_NORMAL_1N,
                                                      .norm = (rg_norm_kind)kind,
                                                      .seed = 1},
                                    NULL);
        for (int i = 0; i < 8; i++) {
            double *weights = rg_param_data(rg_mlp_layer(mlp, i)->weight);
            for (int64_t k = 0; k < widths[i] * widths[i + 1]; k++)
                weights[k] *= 0.2;
        }
        rg_optimizer *sgd = rg_sgd_create(rg_mlp_params(mlp), &(rg_sgd_options){.rate = 0.1}, NULL);
        rg_train_options options = {.epochs = 60, .batch = 16};
        rg_evaluation at_end;
        CHECK_STATUS(rg_train(mlp, sgd, data, NULL, &options, NULL, NULL), RG_OK);
        rg_evaluate(mlp, data, RG_LOSS_CROSS_ENTROPY, NULL, &at_end, NULL);
        losses[kind] = at_end.loss;
        rg_optimizer_destroy(sgd);
        rg_mlp_destroy(mlp);
    }
    cr_assert(losses[RG_NORM_NONE] > 0.68, "%g", losses[RG_NORM_NONE]);
    cr_assert(losses[RG_NORM_LAYER] < 0.3, "%g", losses[RG_NORM_LAYER]);
    cr_assert(losses[RG_NORM_BATCH] < 0.3, "%g", losses[RG_NORM_BATCH]);
    rg_dataset_destroy(data);
}

/* Inputs of very different size: the loss is a narrow valley until they are brought to one scale.
 */
Test(effects, normalised_inputs_learn_faster)
{
    double losses[2];
    for (int normalised = 0; normalised < 2; normalised++) {
        static const int64_t widths[] = {2, 1};
        rg_dataset *data;
        rg_random random = rg_random_create(4);
        rg_dataset_create(&data, NULL, RG_F64, 50, 2, 0, 1, NULL);
        for (int i = 0; i < 50; i++) {
            double a = rg_random_normal(&random), b = rg_random_normal(&random);
            put(data->inputs, RG_F64, 2 * i, 100 + 10 * a);
            put(data->inputs, RG_F64, 2 * i + 1, 0.1 * b);
            put(data->targets, RG_F64, i, a + b);
        }
        rg_normalizer *normalizer;
        rg_normalizer_fit(&normalizer, data, RG_STANDARDIZE, NULL);
        if (normalised)
            rg_normalizer_apply(normalizer, data, NULL);
        rg_mlp *mlp = rg_mlp_create(
            &(rg_mlp_options){.widths = widths, .width_count = 2, .init = RG_INIT_ZEROS}, NULL);
        /* The largest rate that does not diverge: the curvature is 2 mean x^2. */
        double rate = normalised ? 0.3 : 0.9 / 10100;
        rg_optimizer *sgd =
            rg_sgd_create(rg_mlp_params(mlp), &(rg_sgd_options){.rate = rate}, NULL);
        rg_train_options options = {.loss = RG_LOSS_MSE, .epochs = 50};
        rg_evaluation at_end;
        CHECK_STATUS(rg_train(mlp, sgd, data, NULL, &options, NULL, NULL), RG_OK);
        rg_evaluate(mlp, data, RG_LOSS_MSE, NULL, &at_end, NULL);
        losses[normalised] = at_end.loss;
        rg_normalizer_destroy(normalizer);
        rg_optimizer_destroy(sgd);
        rg_mlp_destroy(mlp);
        rg_dataset_destroy(data);
    }
    cr_assert(losses[0] > 0.5 && losses[1] < 1e-6, "%g and %g", losses[0], losses[1]);
}

/* ---- what is not learned by heart ---- */

/* Points of which one in five has the wrong class. */
static rg_dataset *make_noisy(int64_t count, uint64_t seed)
{
    rg_dataset *data = make_halves(count, seed);
    rg_random random = rg_random_create(seed + 100);
    for (int64_t i = 0; i < count; i++)
        if (rg_random_uniform(&random) < 0.2)
            data->classes[i] = 1 - data->classes[i];
    return data;
}

/* A network that is far too large learns the noise by heart and does badly on unseen points; each
 * technique keeps it from that. */
Test(effects, regularisation_helps_with_unseen_examples)
{
    static const int64_t widths[] = {2, 60, 60, 2};
    rg_mlp_options network = {.widths = widths, .width_count = 4, .hidden = RG_RELU, .seed = 1};
    rg_mlp_options dropping = network;
    dropping.dropout = 0.5;
    rg_dataset *data = make_noisy(60, 1), *validation = make_noisy(100, 2);
    rg_dataset *unseen = make_noisy(400, 3);
    rg_train_options plain = {.epochs = 250, .batch = 20}, l2 = plain, l1 = plain, early = plain;
    l2.l2 = 0.05;
    l1.l1 = 0.005;
    early.validation = validation;
    early.patience = 20;
    result heart = learn(&network, data, unseen, 0.01, &plain);
    cr_assert(heart.train.loss < 0.1 && heart.unseen.loss > 1.5, "%g and %g", heart.train.loss,
              heart.unseen.loss);
    const result better[] = {
        learn(&network, data, unseen, 0.01, &l2), learn(&network, data, unseen, 0.01, &l1),
        learn(&network, data, unseen, 0.01, &early), learn(&dropping, data, unseen, 0.01, &plain)};
    for (int i = 0; i < 4; i++) {
        cr_assert(better[i].train.loss > heart.train.loss);
        cr_assert(better[i].unseen.loss < (i < 3 ? 0.4 : 0.8) * heart.unseen.loss, "%d: %g not %g",
                  i, better[i].unseen.loss, heart.unseen.loss);
        cr_assert(better[i].unseen.accuracy >= heart.unseen.accuracy, "%d", i);
    }
    rg_dataset_destroy(data);
    rg_dataset_destroy(validation);
    rg_dataset_destroy(unseen);
}

/* Pictures of 8 x 8 pixels: a cross or a ring, up to two pixels off the middle. */
static rg_dataset *make_pictures(int64_t count, uint64_t seed)
{
    enum { SIDE = 8 };
    rg_dataset *data;
    rg_random random = rg_random_create(seed);
    rg_dataset_create(&data, NULL, RG_F64, count, SIDE * SIDE, 2, 0, NULL);
    for (int64_t i = 0; i < count; i++) {
        double *image = (double *)data->inputs + i * SIDE * SIDE;
        int down = (int)rg_random_below(&random, 5), right = (int)rg_random_below(&random, 5);
        data->classes[i] = i % 2;
        for (int y = 0; y < 4; y++)
            for (int x = 0; x < 4; x++) {
                int cross = x == y || x == 3 - y;
                int ring = x == 0 || x == 3 || y == 0 || y == 3;
                image[(y + down) * SIDE + x + right] = i % 2 ? cross : ring;
            }
        for (int k = 0; k < SIDE * SIDE; k++)
            image[k] += 0.2 * rg_random_normal(&random);
    }
    return data;
}

Test(effects, expanded_data_teach_what_does_not_matter)
{
    static const int64_t widths[] = {64, 30, 2};
    rg_mlp_options network = {.widths = widths, .width_count = 3, .hidden = RG_RELU, .seed = 1};
    rg_dataset *data = make_pictures(12, 1), *unseen = make_pictures(200, 2), *more;
    rg_augment_options expansion = {.copies = 29, .max_shift = 2, .max_angle = 5, .seed = 1};
    CHECK_STATUS(rg_augment(data, &expansion, &more, NULL), RG_OK);
    rg_train_options options = {.epochs = 300, .batch = 12};
    result few = learn(&network, data, unseen, 0.003, &options);
    options.epochs = 10; /* as many steps */
    result many = learn(&network, more, unseen, 0.003, &options);
    cr_assert(few.train.accuracy == 1);
    cr_assert(many.unseen.accuracy > few.unseen.accuracy + 0.05, "%g and %g", few.unseen.accuracy,
              many.unseen.accuracy);
    rg_dataset_destroy(data);
    rg_dataset_destroy(more);
    rg_dataset_destroy(unseen);
}
