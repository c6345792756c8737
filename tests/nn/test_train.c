#include "../failing.h"
#include "small.h"

SUITE(train);

/* ---- data ---- */

/* XOR of two signs, with the class and the target 0 or 1. */
static rg_dataset *make_xor(const rg_allocator *allocator, rg_type type)
{
    rg_dataset *data;
    if (rg_dataset_create(&data, allocator, type, 4, 2, 2, 1, NULL) != RG_OK)
        return NULL;
    for (int i = 0; i < 4; i++) {
        put(data->inputs, type, 2 * i, i & 1 ? 1 : -1);
        put(data->inputs, type, 2 * i + 1, i & 2 ? 1 : -1);
        data->classes[i] = (i & 1) != (i >> 1);
        put(data->targets, type, i, (double)data->classes[i]);
    }
    return data;
}

static int same(rg_mlp *mlp, const double *before)
{
    double *now = snapshot(mlp);
    size_t bytes = (size_t)rg_params_size(rg_mlp_params(mlp)) * sizeof *now;
    int equal = memcmp(now, before, bytes) == 0;
    free(now);
    return equal;
}

/* ---- what training does ---- */

/* The gradient of all examples is the mean of the gradients of equal batches, which add up. */
Test(train, batch_gradients_add_up_to_the_full_gradient)
{
    rg_dataset *data = make_halves(12, 2);
    rg_mlp *mlp = make_mlp(RG_F64, 5, 2, RG_TANH);
    rg_params *params = rg_mlp_params(mlp);
    rg_tape *tape = rg_tape_create();
    double full[10], sum[10];
    for (int64_t size = 12; size >= 1; size = size == 12 ? 4 : size == 4 ? 1 : 0) {
        rg_random random = rg_random_create(1);
        rg_batches *batches = rg_batches_create(data, size, &random, NULL, NULL);
        rg_params_zero_grad(params);
        rg_batches_start(batches);
        for (rg_batch batch; rg_batches_next(batches, tape, &batch); rg_tape_reset(tape)) {
            rg_value y = rg_mlp_forward(mlp, tape, batch.inputs);
            CHECK_STATUS(rg_backward(rg_cross_entropy(y, batch.classes)), RG_OK);
        }
        rg_param_read_grad(rg_params_at(params, 0), size == 12 ? full : sum);
        for (int i = 0; i < 10 && size < 12; i++)
            CHECK_NEAR(sum[i] * (double)size / 12, full[i], 1e-14);
        rg_batches_destroy(batches);
    }
    cr_assert(fabs(full[0]) > 1e-3);
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
}

/* rg_train is what a user would write by hand with the same generator, in whatever mode it begins.
 */
Test(train, equals_a_loop_written_by_hand)
{
    enum { EPOCHS = 3, BATCH = 5, SEED = 9 };
    rg_dataset *data = make_halves(12, 2);
    rg_mlp *mlp = make_mlp(RG_F64, 4, 2, RG_RELU), *hand = make_mlp(RG_F64, 4, 2, RG_RELU);
    rg_optimizer *optimizer = rg_adam_create(rg_mlp_params(mlp), NULL, NULL);
    rg_optimizer *by_hand = rg_adam_create(rg_mlp_params(hand), NULL, NULL);
    rg_train_options options = {
        .loss = RG_LOSS_MSE, .epochs = EPOCHS, .batch = BATCH, .seed = SEED};
    rg_mlp_set_training(mlp, 0);
    CHECK_STATUS(rg_train(mlp, optimizer, data, NULL, &options, NULL, NULL), RG_OK);
    cr_assert(rg_optimizer_steps(optimizer) == EPOCHS * 3 && rg_mlp_is_training(mlp) == 0);

    rg_tape *tape = rg_tape_create();
    int64_t order[12];
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        rg_random random = rg_epoch_random(SEED, epoch);
        rg_random_bits(&random); /* for dropout, of which there is none */
        for (int i = 0; i < 12; i++)
            order[i] = i;
        rg_random_shuffle(&random, order, 12);
        for (int first = 0; first < 12; first += BATCH) {
            int64_t count = first + BATCH < 12 ? BATCH : 12 - first;
            rg_tape_reset(tape);
            rg_value rows = rg_indices(tape, RG_SHAPE(count), order + first);
            rg_value x = rg_constant_f64(tape, RG_SHAPE(12, 2), data->inputs);
            rg_value t = rg_constant_f64(tape, RG_SHAPE(12, 2), data->targets);
            x = rg_index_select(x, 0, rows);
            t = rg_index_select(t, 0, rows);
            rg_optimizer_zero_grad(by_hand);
            rg_backward(rg_mse_loss(rg_mlp_forward(hand, tape, x), t, RG_MEAN));
            rg_optimizer_step(by_hand);
        }
    }
    double *want = snapshot(hand);
    cr_assert(same(mlp, want));
    free(want);
    rg_tape_destroy(tape);
    rg_optimizer_destroy(optimizer);
    rg_optimizer_destroy(by_hand);
    rg_mlp_destroy(mlp);
    rg_mlp_destroy(hand);
    rg_dataset_destroy(data);
}

static double *trained(const rg_dataset *data, int64_t batch, uint64_t seed)
{
    rg_mlp *mlp = make_mlp(RG_F64, 4, 2, RG_TANH);
    rg_optimizer *optimizer = rg_sgd_create(rg_mlp_params(mlp), NULL, NULL);
    rg_train_options options = {.epochs = 4, .batch = batch, .seed = seed};
    CHECK_STATUS(rg_train(mlp, optimizer, data, NULL, &options, NULL, NULL), RG_OK);
    double *parameters = snapshot(mlp);
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    return parameters;
}

Test(train, same_seed_gives_bitwise_the_same_parameters)
{
    rg_dataset *data = make_halves(20, 3);
    static const int64_t batches[] = {0, 1, 6};
    for (int i = 0; i < 3; i++) {
        double *a = trained(data, batches[i], 1), *b = trained(data, batches[i], 1);
        double *c = trained(data, batches[i], 2);
        size_t bytes = (2 * 4 + 4 + 4 * 2 + 2) * sizeof *a;
        cr_assert(memcmp(a, b, bytes) == 0);
        cr_assert((memcmp(a, c, bytes) == 0) == (batches[i] == 0), "batch %d", (int)batches[i]);
        free(a);
        free(b);
        free(c);
    }
    rg_dataset_destroy(data);
}

/* XOR, with every loss and both types: no line separates it, one hidden layer does. */
Test(train, learns_xor)
{
    for (int k = 0; k < 6; k++) {
        rg_type type = k % 2 ? RG_F32 : RG_F64;
        rg_loss loss = (rg_loss)(k / 2);
        rg_dataset *data = make_xor(NULL, type);
        rg_mlp *mlp = make_mlp(type, 8, loss == RG_LOSS_CROSS_ENTROPY ? 2 : 1, RG_TANH);
        rg_optimizer *optimizer =
            rg_adam_create(rg_mlp_params(mlp), &(rg_adam_options){.rate = 0.05}, NULL);
        rg_history *history = rg_history_create(NULL);
        rg_train_options options = {.loss = loss, .epochs = 300};
        CHECK_STATUS(rg_train(mlp, optimizer, data, data, &options, history, NULL), RG_OK);
        cr_assert(rg_history_count(history) == 300);
        const rg_epoch *last = rg_history_at(history, 299);
        cr_assert(rg_history_at(history, 0)->loss > 0.2);
        cr_assert(last->loss < 0.01, "loss %d ends at %g", (int)loss, last->loss);
        rg_evaluation result;
        CHECK_STATUS(rg_evaluate(mlp, data, loss, &(rg_pass_options){.batch = 3}, &result, NULL),
                     RG_OK);
        CHECK_NEAR(result.loss, last->test_loss, 1e-5);
        CHECK_NEAR(result.accuracy, loss == RG_LOSS_MSE ? NAN : 1, 0);
        CHECK_NEAR(last->accuracy, loss == RG_LOSS_MSE ? NAN : 1, 0);
        CHECK_NEAR(last->test_accuracy, loss == RG_LOSS_MSE ? NAN : 1, 0);
        rg_history_destroy(history);
        rg_optimizer_destroy(optimizer);
        rg_mlp_destroy(mlp);
        rg_dataset_destroy(data);
    }
}

/* Hidden units that start equal get equal gradients: the layer stays one unit wide. */
Test(train, zero_weights_keep_hidden_units_identical)
{
    int64_t widths[] = {2, 6, 1};
    rg_mlp_options made = {
        .widths = widths, .width_count = 3, .hidden = RG_SIGMOID, .init = RG_INIT_ZEROS};
    rg_mlp *mlp = rg_mlp_create(&made, NULL);
    rg_dataset *data = make_xor(NULL, RG_F64);
    ((double *)data->inputs)[0] = -2; /* without symmetry the gradient of XOR is 0 here */
    rg_optimizer *optimizer =
        rg_sgd_create(rg_mlp_params(mlp), &(rg_sgd_options){.rate = 0.5}, NULL);
    rg_train_options options = {.loss = RG_LOSS_BCE_LOGITS, .epochs = 50, .batch = 1};
    CHECK_STATUS(rg_train(mlp, optimizer, data, NULL, &options, NULL, NULL), RG_OK);
    const double *first = rg_param_data(rg_mlp_layer(mlp, 0)->weight);
    const double *second = rg_param_data(rg_mlp_layer(mlp, 1)->weight);
    cr_assert(fabs(first[0]) > 0.01 && fabs(second[0]) > 0.01, "they have learned");
    for (int unit = 1; unit < 6; unit++) {
        cr_assert(first[2 * unit] == first[0] && first[2 * unit + 1] == first[1]);
        cr_assert(second[unit] == second[0]);
    }
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
}

Test(train, frozen_parameters_do_not_move)
{
    rg_dataset *data = make_halves(20, 3);
    rg_mlp *mlp = make_mlp(RG_F64, 4, 2, RG_TANH);
    rg_params *params = rg_mlp_params(mlp);
    rg_optimizer *optimizer = rg_adam_create(params, NULL, NULL);
    cr_assert(rg_params_freeze(params, "layer0.*", 1) == 2);
    double before[8], after[8];
    rg_train_options options = {.epochs = 3, .batch = 4};
    double *start = snapshot(mlp);
    CHECK_STATUS(rg_train(mlp, optimizer, data, NULL, &options, NULL, NULL), RG_OK);
    double *end = snapshot(mlp);
    cr_assert(memcmp(start, end, 12 * sizeof *start) == 0);
    for (int i = 12; i < 12 + 8 + 2; i++)
        cr_assert(start[i] != end[i]);
    rg_param_read(rg_params_find(params, "layer0.weight"), before);
    rg_params_freeze(params, "*", 0);
    CHECK_STATUS(rg_train(mlp, optimizer, data, NULL, &options, NULL, NULL), RG_OK);
    rg_param_read(rg_params_find(params, "layer0.weight"), after);
    cr_assert(before[0] != after[0]);
    free(start);
    free(end);
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
}

/* ---- evaluation and history ---- */

/* The network is the identity, so that every figure can be told beforehand. */
static rg_mlp *make_identity(void)
{
    rg_mlp *mlp = make_mlp(RG_F64, 2, 2, RG_IDENTITY);
    for (int i = 0; i < 2; i++)
        rg_param_write(rg_mlp_layer(mlp, i)->weight, (double[]){1, 0, 0, 1});
    return mlp;
}

Test(train, evaluation_is_the_mean_over_examples)
{
    rg_dataset *data;
    rg_dataset_create(&data, NULL, RG_F64, 3, 2, 2, 2, NULL);
    memcpy(data->inputs, (double[]){2, 0, 0, 1, -1, 3}, 6 * sizeof(double));
    memcpy(data->targets, (double[]){1, 0, 0.75, 0.25, 1, 1}, 6 * sizeof(double));
    memcpy(data->classes, (int64_t[]){0, 0, 1}, 3 * sizeof(int64_t));
    rg_mlp *mlp = make_identity();
    for (int64_t batch = 0; batch <= 3; batch++) {
        rg_evaluation r;
        CHECK_STATUS(rg_evaluate(mlp, data, RG_LOSS_CROSS_ENTROPY,
                                 &(rg_pass_options){.batch = batch}, &r, NULL),
                     RG_OK);
        double want = (log(1 + exp(-2)) + log(1 + exp(1)) + log(1 + exp(-4))) / 3;
        CHECK_NEAR(r.loss, want, 1e-14);
        CHECK_NEAR(r.accuracy, 2.0 / 3, 1e-15);
        CHECK_STATUS(
            rg_evaluate(mlp, data, RG_LOSS_MSE, &(rg_pass_options){.batch = batch}, &r, NULL),
            RG_OK);
        CHECK_NEAR(r.loss, (1 + 0 + 0.5625 + 0.5625 + 4 + 4) / 6, 1e-15);
        CHECK_NEAR(r.accuracy, NAN, 0);
        /* Right: 2 is above 0 as 1 above 1/2; 0 and 0; not 0 and 3/4; not 1 and 1/4; .. */
        CHECK_STATUS(rg_evaluate(mlp, data, RG_LOSS_BCE_LOGITS, &(rg_pass_options){.batch = batch},
                                 &r, NULL),
                     RG_OK);
        CHECK_NEAR(r.accuracy, 3.0 / 6, 1e-15);
        want = log(1 + exp(-2)) + log(2) + log(2) + 0.75 + log(1 + exp(-1)) + log(1 + exp(1)) +
               log(1 + exp(-3));
        CHECK_NEAR(r.loss, want / 6, 1e-15);
        cr_assert(rg_mlp_is_training(mlp) == 1);
    }
    ((double *)data->inputs)[3] = INFINITY;
    rg_evaluation r = {0, 0};
    CHECK_STATUS(rg_evaluate(mlp, data, RG_LOSS_MSE, NULL, &r, NULL), RG_OK);
    cr_assert(!isfinite(r.loss), "a loss that is not finite is a result");
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
}

/* With a rate of 0 the epoch's figures are those of the evaluation. */
Test(train, history_tells_loss_and_accuracy)
{
    rg_dataset *data = make_halves(30, 4), *test = make_halves(600, 5);
    rg_mlp *mlp = make_mlp(RG_F64, 4, 2, RG_TANH);
    rg_optimizer *optimizer = rg_sgd_create(rg_mlp_params(mlp), NULL, NULL);
    rg_optimizer_set_rate(optimizer, 0);
    rg_history *history = rg_history_create(NULL);
    rg_train_options options = {.epochs = 2, .batch = 7};
    rg_mlp_set_training(mlp, 0);
    CHECK_STATUS(rg_train(mlp, optimizer, data, test, &options, history, NULL), RG_OK);
    cr_assert(rg_mlp_is_training(mlp) == 0);
    rg_evaluation on_data, on_test;
    rg_evaluate(mlp, data, RG_LOSS_CROSS_ENTROPY, NULL, &on_data, NULL);
    rg_evaluate(mlp, test, RG_LOSS_CROSS_ENTROPY, NULL, &on_test, NULL);
    double seconds = 0;
    for (int i = 0; i < 2; i++) {
        const rg_epoch *epoch = rg_history_at(history, i);
        cr_assert(epoch->epoch == i + 1);
        CHECK_NEAR(epoch->loss, on_data.loss, 1e-14);
        CHECK_NEAR(epoch->accuracy, on_data.accuracy, 1e-14);
        CHECK_NEAR(epoch->test_loss, on_test.loss, 1e-14);
        CHECK_NEAR(epoch->test_accuracy, on_test.accuracy, 1e-14);
        cr_assert(epoch->seconds >= seconds && epoch->seconds < 60);
        seconds = epoch->seconds;
    }
    cr_assert(!rg_history_at(history, -1) && !rg_history_at(history, 2));
    rg_history_destroy(history);
    rg_history_destroy(NULL);
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
    rg_dataset_destroy(test);
}

/* ---- errors ---- */

typedef struct setup {
    rg_dataset *data;
    rg_mlp *mlp;
    rg_optimizer *optimizer;
    rg_train_options options;
} setup;

static setup begin(rg_loss loss)
{
    setup s = {.data = make_halves(10, 7), .mlp = make_mlp(RG_F64, 3, 2, RG_TANH)};
    s.optimizer = rg_sgd_create(rg_mlp_params(s.mlp), NULL, NULL);
    s.options = (rg_train_options){.loss = loss, .epochs = 2, .batch = 4};
    return s;
}

static void end(setup *s)
{
    rg_optimizer_destroy(s->optimizer);
    rg_mlp_destroy(s->mlp);
    rg_dataset_destroy(s->data);
}

/* The training is refused with this status and sentence, and the network stays as it was. */
static void check_refused(setup *s, const rg_dataset *train, const rg_dataset *test,
                          rg_status status, const char *text)
{
    rg_error error = {RG_OK, ""};
    double *before = snapshot(s->mlp);
    CHECK_STATUS(rg_train(s->mlp, s->optimizer, train, test, &s->options, NULL, &error), status);
    CHECK_STATUS(error.status, status);
    cr_assert(strstr(error.message, text), "the message is \"%s\"", error.message);
    CHECK_STATUS(rg_train(s->mlp, s->optimizer, train, test, &s->options, NULL, NULL), status);
    cr_assert(same(s->mlp, before) && rg_optimizer_steps(s->optimizer) == 0);
    cr_assert(rg_mlp_is_training(s->mlp) == 1);
    free(before);
}

Test(train, refuses_what_does_not_fit)
{
    setup s = begin(RG_LOSS_CROSS_ENTROPY);
    rg_dataset wrong = *s.data;
    wrong.type = RG_F32;
    check_refused(&s, &wrong, NULL, RG_ERROR_TYPE, "data are float32 but the network is float64");
    wrong = *s.data;
    wrong.features = 3;
    check_refused(&s, &wrong, NULL, RG_ERROR_ARGUMENT, "3 features but the network takes 2");
    wrong = *s.data;
    wrong.class_count = 3;
    check_refused(&s, &wrong, NULL, RG_ERROR_ARGUMENT, "3 classes, the network 2 outputs");
    check_refused(&s, s.data, &wrong, RG_ERROR_ARGUMENT, "test set: the data have 3 classes");
    wrong.classes = NULL;
    check_refused(&s, &wrong, NULL, RG_ERROR_ARGUMENT, "0 classes");
    wrong = *s.data;
    wrong.count = 0;
    check_refused(&s, &wrong, NULL, RG_ERROR_ARGUMENT, "no examples");
    wrong = *s.data;
    wrong.target_width = 1;
    for (int loss = RG_LOSS_MSE; loss <= RG_LOSS_BCE_LOGITS; loss++) {
        s.options.loss = (rg_loss)loss;
        check_refused(&s, &wrong, NULL, RG_ERROR_ARGUMENT, "1 targets, the network 2 outputs");
    }
    wrong.targets = NULL;
    check_refused(&s, &wrong, NULL, RG_ERROR_ARGUMENT, "0 targets");
    s.options.loss = (rg_loss)8;
    check_refused(&s, s.data, NULL, RG_ERROR_ARGUMENT, "loss number 8");
    check_refused(&s, NULL, NULL, RG_ERROR_ARGUMENT, "dataset is NULL");
    s.options.loss = RG_LOSS_CROSS_ENTROPY;
    s.options.batch = -1;
    check_refused(&s, s.data, NULL, RG_ERROR_ARGUMENT, "the size -1 is negative");
    s.options.batch = 1;
    s.options.epochs = 0;
    check_refused(&s, s.data, NULL, RG_ERROR_ARGUMENT, "0 epochs");
    end(&s);
}

Test(train, refuses_null)
{
    setup s = begin(RG_LOSS_MSE);
    rg_error e;
    CHECK_STATUS(rg_train(s.mlp, NULL, s.data, NULL, &s.options, NULL, &e), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_train(s.mlp, s.optimizer, s.data, NULL, NULL, NULL, &e), RG_ERROR_ARGUMENT);
    cr_assert(strstr(e.message, "the optimizer or the options are NULL"));
    CHECK_STATUS(rg_train(NULL, s.optimizer, s.data, NULL, &s.options, NULL, &e),
                 RG_ERROR_ARGUMENT);
    cr_assert(strstr(e.message, "the network or the dataset is NULL"));
    rg_evaluation result = {1, 1};
    CHECK_STATUS(rg_evaluate(NULL, s.data, RG_LOSS_MSE, NULL, &result, NULL), RG_ERROR_ARGUMENT);
    cr_assert(isnan(result.loss) && isnan(result.accuracy));
    CHECK_STATUS(
        rg_evaluate(s.mlp, s.data, RG_LOSS_MSE, &(rg_pass_options){.batch = -2}, &result, &e),
        RG_ERROR_ARGUMENT);
    cr_assert(strstr(e.message, "-2 is negative"));
    end(&s);
}

Test(train, a_class_outside_is_an_error_of_its_step)
{
    setup s = begin(RG_LOSS_CROSS_ENTROPY);
    s.options.batch = 0;
    s.data->classes[4] = 2;
    check_refused(&s, s.data, NULL, RG_ERROR_INDEX, "epoch 1, step 1: cross_entropy");
    rg_evaluation result = {1, 1};
    rg_error error;
    CHECK_STATUS(rg_evaluate(s.mlp, s.data, RG_LOSS_CROSS_ENTROPY, NULL, &result, &error),
                 RG_ERROR_INDEX);
    cr_assert(strstr(error.message, "evaluation: cross_entropy"));
    cr_assert(isnan(result.loss) && rg_mlp_is_training(s.mlp) == 1);
    end(&s);
}

Test(train, a_loss_that_is_not_finite_stops_it)
{
    setup s = begin(RG_LOSS_MSE);
    s.options.batch = 0;
    ((double *)s.data->inputs)[0] = NAN;
    check_refused(&s, s.data, NULL, RG_ERROR_NUMERIC, "the loss is nan in epoch 1, step 1");
    ((double *)s.data->inputs)[0] = 0;
    /* A rate that is far too large: the parameters overflow. */
    rg_optimizer_set_rate(s.optimizer, 1e200);
    rg_history *history = rg_history_create(NULL);
    rg_error error;
    s.options.epochs = 100;
    CHECK_STATUS(rg_train(s.mlp, s.optimizer, s.data, NULL, &s.options, history, &error),
                 RG_ERROR_NUMERIC);
    char text[64];
    int64_t done = rg_history_count(history);
    snprintf(text, sizeof text, "in epoch %d, step 1", (int)done + 1);
    cr_assert(done > 0 && strstr(error.message, text), "the message is \"%s\"", error.message);
    cr_assert(rg_optimizer_steps(s.optimizer) == done, "the failing step changes nothing");
    rg_history_destroy(history);
    end(&s);
}

/* ---- memory ---- */

/* A small training program from beginning to end; `w` may be NULL. */
static rg_status train_small(const rg_allocator *allocator, watch *w)
{
    static const int64_t widths[] = {2, 3, 2};
    rg_error error = {RG_OK, ""};
    rg_mlp_options made = {.widths = widths, .width_count = 3, .allocator = allocator};
    rg_mlp *mlp = rg_mlp_create(&made, &error);
    rg_dataset *data = make_xor(allocator, RG_F64);
    rg_history *history = rg_history_create(allocator);
    rg_optimizer *optimizer = mlp ? rg_adam_create(rg_mlp_params(mlp), NULL, &error) : NULL;
    rg_status status = mlp && data && history && optimizer ? RG_OK : RG_ERROR_MEMORY;
    if (status == RG_OK) {
        rg_train_options options = {.epochs = 3, .batch = 3, .on_epoch = w ? watch_epoch : NULL};
        options.context = w;
        status = rg_train(mlp, optimizer, data, data, &options, history, &error);
        cr_assert(status == error.status && (status == RG_OK) == (error.message[0] == 0));
    }
    rg_evaluation result;
    if (status == RG_OK)
        status = rg_evaluate(mlp, data, RG_LOSS_CROSS_ENTROPY, &(rg_pass_options){.batch = 2},
                             &result, &error);
    rg_optimizer_destroy(optimizer);
    rg_history_destroy(history);
    rg_dataset_destroy(data);
    rg_mlp_destroy(mlp);
    return status;
}

Test(train, allocates_nothing_once_warm)
{
    failing memory = {0};
    rg_allocator allocator = {failing_resize, &memory};
    rg_history *history = rg_history_create(NULL);
    rg_dataset *data = make_halves(300, 8);
    static const int64_t widths[] = {2, 8, 2};
    rg_mlp_options made = {
        .widths = widths, .width_count = 3, .hidden = RG_TANH, .allocator = &allocator};
    rg_mlp *mlp = rg_mlp_create(&made, NULL);
    rg_optimizer *optimizer = rg_adam_create(rg_mlp_params(mlp), NULL, NULL);
    watch w = {&memory, 0};
    rg_train_options options = {.epochs = 20, .batch = 32, .on_epoch = watch_epoch, .context = &w};
    CHECK_STATUS(rg_train(mlp, optimizer, data, data, &options, history, NULL), RG_OK);
    cr_assert(w.after_first > 0 && memory.calls == w.after_first,
              "%d allocations came after the first epoch", (int)(memory.calls - w.after_first));
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    rg_history_destroy(history);
    rg_dataset_destroy(data);
    cr_assert(memory.live == 0 && memory.wrong_sizes == 0);
}

/* Each batch takes the memory of the one before: more of them need no more. */
Test(train, memory_does_not_depend_on_the_number_of_batches)
{
    static const int64_t widths[] = {2, 8, 2};
    int64_t allocations[2][2];
    for (int k = 0; k < 2; k++) {
        failing memory = {0};
        rg_allocator allocator = {failing_resize, &memory};
        rg_mlp_options made = {.widths = widths, .width_count = 3, .allocator = &allocator};
        rg_mlp *mlp = rg_mlp_create(&made, NULL);
        rg_optimizer *optimizer = rg_sgd_create(rg_mlp_params(mlp), NULL, NULL);
        rg_dataset *data = make_halves(k ? 2000 : 2, 8);
        rg_train_options options = {.epochs = 1, .batch = 1};
        rg_evaluation result;
        int64_t before = memory.calls;
        CHECK_STATUS(
            rg_evaluate(mlp, data, RG_LOSS_MSE, &(rg_pass_options){.batch = 1}, &result, NULL),
            RG_OK);
        allocations[0][k] = memory.calls - before;
        before = memory.calls;
        CHECK_STATUS(rg_train(mlp, optimizer, data, NULL, &options, NULL, NULL), RG_OK);
        allocations[1][k] = memory.calls - before;
        rg_dataset_destroy(data);
        rg_optimizer_destroy(optimizer);
        rg_mlp_destroy(mlp);
    }
    for (int i = 0; i < 2; i++)
        cr_assert(allocations[i][0] > 0 && allocations[i][1] == allocations[i][0]);
}

Test(train, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_status status = train_small(&allocator, NULL);
        CHECK_FAILURE(memory, status);
    }
}
