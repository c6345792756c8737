#include "../failing.h"
#include "training.h"

SUITE(lr_finder);

enum { STEPS = 80 };

/* The notes are those of a loop by hand, and the network is what it was. */
Test(lr_finder, notes_what_a_loop_by_hand_would_see)
{
    setup s = begin(make_mlp(RG_F64, 6, 2, RG_TANH)), hand = begin(make_mlp(RG_F64, 6, 2, RG_TANH));
    rg_lr_options options = {
        .steps = 12, .batch = 5, .low = 1e-3, .high = 0.1, .smoothing = 0.5, .seed = 4};
    rg_lr_point points[12];
    rg_lr_result result;
    rg_mlp_set_training(s.mlp, 0);
    CHECK_STATUS(rg_lr_find(s.mlp, s.optimizer, s.data, &options, points, &result, NULL), RG_OK);
    cr_assert(result.count == 12);
    cr_assert(same(s.mlp, hand.mlp) && rg_mlp_is_training(s.mlp) == 0);
    CHECK_NEAR(rg_optimizer_rate(s.optimizer), 0.01, 0);
    double zero[12];
    rg_param_read_grad(rg_mlp_layer(s.mlp, 0)->weight, zero);
    CHECK_NEAR(zero[0], 0, 0);

    rg_tape *tape = rg_tape_create();
    rg_random random;
    rg_batches *batches = rg_batches_create(hand.data, 5, &random, NULL, NULL);
    double smooth = 0, rate = NAN;
    for (int i = 0; i < 12; i++) {
        if (i % 5 == 0) {
            random = rg_epoch_random(4, 1 + i / 5);
            rg_random_bits(&random);
            rg_batches_start(batches);
        }
        rg_batch batch;
        rg_tape_reset(tape);
        rg_batches_next(batches, tape, &batch);
        rg_value loss =
            rg_cross_entropy(rg_mlp_forward(hand.mlp, tape, batch.inputs), batch.classes);
        smooth = 0.5 * smooth + 0.5 * rg_item(loss);
        CHECK_NEAR(points[i].rate, 1e-3 * pow(100, i / 11.0), 1e-14);
        CHECK_NEAR(points[i].loss, smooth / (1 - pow(0.5, i + 1)), 1e-14);
        rg_optimizer_zero_grad(hand.optimizer);
        rg_backward(loss);
        rg_optimizer_set_rate(hand.optimizer, points[i].rate);
        rg_optimizer_step(hand.optimizer);
    }
    /* The first of those up to the lowest that stay below the level. */
    int lowest = 0;
    for (int i = 1; i < 12; i++)
        lowest = points[i].loss < points[lowest].loss ? i : lowest;
    double highest = 0;
    for (int i = 0; i < lowest; i++)
        highest = fmax(highest, points[i].loss);
    for (int i = 0; i <= lowest; i++) {
        bool above = points[i].loss - points[lowest].loss > (highest - points[lowest].loss) / 4;
        rate = above ? NAN : isnan(rate) ? points[i].rate : rate;
    }
    cr_assert(rate > 0);
    CHECK_NEAR(result.rate, rate, 0);
    rg_batches_destroy(batches);
    rg_tape_destroy(tape);
    end(&s);
    end(&hand);
}

/* Linear regression of y = x by w, whose squared error has curvature 2 mean x^2 = 2: descent
 * diverges above a rate of 1, and is fastest below it. */
static rg_dataset *make_line(void)
{
    rg_dataset *data;
    rg_dataset_create(&data, NULL, RG_F64, 2, 1, 0, 1, NULL);
    for (int i = 0; i < 2; i++)
        ((double *)data->inputs)[i] = ((double *)data->targets)[i] = i ? 1 : -1;
    return data;
}

Test(lr_finder, suggests_a_rate_that_learns)
{
    static const int64_t widths[] = {1, 1};
    rg_mlp *mlp = rg_mlp_create(
        &(rg_mlp_options){.widths = widths, .width_count = 2, .init = RG_INIT_ZEROS}, NULL);
    rg_dataset *data = make_line();
    rg_optimizer *optimizer = rg_sgd_create(rg_mlp_params(mlp), NULL, NULL);
    rg_lr_point points[STEPS];
    rg_lr_result result;
    rg_lr_options options = {
        .loss = RG_LOSS_MSE, .steps = STEPS, .low = 1e-5, .high = 100, .smoothing = 1e-300};
    CHECK_STATUS(rg_lr_find(mlp, optimizer, data, &options, points, &result, NULL), RG_OK);
    cr_assert(result.rate > 0.01 && result.rate < 1, "%g", result.rate);
    cr_assert(result.count < STEPS, "it ends when the loss explodes");
    double lowest = INFINITY;
    for (int64_t i = 0; i < result.count; i++) {
        lowest = fmin(lowest, points[i].loss);
        cr_assert((points[i].loss > 4 * lowest) == (i == result.count - 1));
    }
    CHECK_NEAR(points[0].loss, 1, 1e-14);
    CHECK_NEAR(((double *)rg_param_data(rg_mlp_layer(mlp, 0)->weight))[0], 0, 0);
    /* The defaults: 100 steps from 1e-6 to 10. */
    rg_lr_point more[100];
    rg_train_options train = {.loss = RG_LOSS_MSE, .epochs = 1};
    CHECK_STATUS(rg_train(mlp, optimizer, data, NULL, &train, NULL, NULL), RG_OK);
    rg_lr_options defaults = {.loss = RG_LOSS_MSE};
    CHECK_STATUS(rg_lr_find(mlp, optimizer, data, &defaults, more, &result, NULL), RG_OK);
    CHECK_NEAR(more[0].rate, 1e-6, 1e-15);
    CHECK_NEAR(more[1].rate / more[0].rate, pow(1e7, 1 / 99.0), 1e-13);
    rg_optimizer_destroy(optimizer);
    rg_dataset_destroy(data);
    rg_mlp_destroy(mlp);
}

/* The loss after a few epochs with a rate, of the same network and data each time. */
static double learn(const rg_dataset *data, double rate)
{
    rg_mlp *mlp = make_mlp(RG_F64, 16, 2, RG_TANH);
    rg_optimizer *sgd = rg_sgd_create(rg_mlp_params(mlp), &(rg_sgd_options){.rate = rate}, NULL);
    const rg_train_options options = {.epochs = 5, .batch = 20};
    rg_evaluation result;
    CHECK_STATUS(rg_train(mlp, sgd, data, NULL, &options, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_evaluate(mlp, data, RG_LOSS_CROSS_ENTROPY, NULL, &result, NULL), RG_OK);
    rg_optimizer_destroy(sgd);
    rg_mlp_destroy(mlp);
    return result.loss;
}

/* Whatever the first weights and the order of batches, which let early losses rise and fall. */
Test(lr_finder, finds_a_rate_that_learns_better_than_others)
{
    rg_dataset *data = make_halves(200, 7);
    for (uint64_t seed = 0; seed < 20; seed++) {
        rg_mlp *mlp = make_mlp(RG_F64, 16, 2, RG_TANH);
        rg_optimizer *trial = rg_sgd_create(rg_mlp_params(mlp), NULL, NULL);
        rg_lr_point points[100];
        rg_lr_result found;
        const rg_lr_options options = {.batch = 20, .seed = seed};
        CHECK_STATUS(rg_lr_find(mlp, trial, data, &options, points, &found, NULL), RG_OK);
        double best = learn(data, found.rate);
        double low = learn(data, found.rate / 100), high = learn(data, found.rate * 100);
        cr_assert(best < 0.2 && low > 2 * best && high > 2 * best,
                  "seed %d, at %g: %g; below %g, above %g", (int)seed, found.rate, best, low, high);
        rg_optimizer_destroy(trial);
        rg_mlp_destroy(mlp);
    }
    rg_dataset_destroy(data);
}

/* Frozen parameters: the loss is a horizontal line. */
Test(lr_finder, says_when_the_loss_falls_nowhere)
{
    setup s = begin(make_mlp(RG_F64, 4, 2, RG_TANH));
    rg_params_freeze(rg_mlp_params(s.mlp), "*.weight", 1);
    rg_params_freeze(rg_mlp_params(s.mlp), "*.bias", 1);
    rg_lr_point points[10];
    rg_lr_result result;
    rg_lr_options options = {.steps = 10, .smoothing = 1e-300};
    CHECK_STATUS(rg_lr_find(s.mlp, s.optimizer, s.data, &options, points, &result, NULL), RG_OK);
    cr_assert(result.count == 10 && isnan(result.rate));
    end(&s);
}

/* Buffers and dropout too: the same search twice sees the same. */
Test(lr_finder, leaves_a_network_with_state_as_it_was)
{
    setup s = begin(make_full(NULL, RG_F64)), fresh = begin(make_full(NULL, RG_F64));
    rg_lr_point points[2][30];
    rg_lr_result result;
    rg_lr_options options = {.steps = 30, .batch = 11, .high = 0.1};
    for (int i = 0; i < 2; i++) {
        rg_optimizer *trial = rg_adam_create(rg_mlp_params(s.mlp), NULL, NULL);
        CHECK_STATUS(rg_lr_find(s.mlp, trial, s.data, &options, points[i], &result, NULL), RG_OK);
        rg_optimizer_destroy(trial);
        cr_assert(same(s.mlp, fresh.mlp));
    }
    cr_assert(memcmp(points[0], points[1], sizeof points[0]) == 0);
    end(&s);
    end(&fresh);
}

static void check_refused(setup *s, const rg_lr_options *options, rg_status status,
                          const char *text)
{
    rg_lr_point points[100];
    rg_lr_result result = {7, 7};
    rg_error error = {RG_OK, ""};
    double *before = snapshot(s->mlp);
    CHECK_STATUS(rg_lr_find(s->mlp, s->optimizer, s->data, options, points, &result, &error),
                 status);
    cr_assert(error.status == status && strstr(error.message, text), "%s", error.message);
    cr_assert(isnan(result.rate) && rg_mlp_is_training(s->mlp) == 1);
    double *after = snapshot(s->mlp);
    cr_assert(memcmp(before, after, (size_t)rg_params_size(rg_mlp_params(s->mlp)) * 8) == 0);
    free(before);
    free(after);
}

Test(lr_finder, refuses_what_cannot_be)
{
    setup s = begin(make_full(NULL, RG_F64));
    const rg_status bad = RG_ERROR_ARGUMENT;
    const double smoothings[] = {-0.1, 1, NAN};
    rg_lr_point points[3];
    rg_lr_result result;
    rg_error error;
    CHECK_STATUS(rg_lr_find(s.mlp, NULL, s.data, NULL, points, &result, &error), bad);
    cr_assert(strstr(error.message, "optimizer or the points are NULL"));
    CHECK_STATUS(rg_lr_find(s.mlp, s.optimizer, s.data, NULL, NULL, &result, &error), bad);
    CHECK_STATUS(rg_lr_find(NULL, s.optimizer, s.data, NULL, points, &result, &error), bad);
    cr_assert(strstr(error.message, "search: the network or the dataset is NULL"));
    check_refused(&s, &(rg_lr_options){.steps = 2}, bad, "2 steps");
    check_refused(&s, &(rg_lr_options){.steps = -1}, bad, "-1 steps");
    check_refused(&s, &(rg_lr_options){.batch = -1}, bad, "the size -1 is negative");
    check_refused(&s, &(rg_lr_options){.low = -1}, bad, "rates from -1");
    check_refused(&s, &(rg_lr_options){.low = 1, .high = 1}, bad, "rates from 1 to 1");
    check_refused(&s, &(rg_lr_options){.high = INFINITY}, bad, "to inf");
    check_refused(&s, &(rg_lr_options){.low = NAN}, bad, "rates from nan");
    for (int i = 0; i < 3; i++)
        check_refused(&s, &(rg_lr_options){.smoothing = smoothings[i]}, bad, "smoothing is ");
    check_refused(&s, &(rg_lr_options){.loss = (rg_loss)99}, bad, "loss number 99");
    check_refused(&s, &(rg_lr_options){.batch = 1}, RG_ERROR_SHAPE, "step 1: batch_norm");
    s.data->classes[3] = 9;
    check_refused(&s, &(rg_lr_options){.batch = 0}, RG_ERROR_INDEX, "search: step 1: ");
    s.data->classes[3] = 0;
    ((double *)s.data->inputs)[0] = NAN;
    check_refused(&s, &(rg_lr_options){.batch = 0}, RG_ERROR_NUMERIC, "only 0 steps");
    end(&s);
}

static rg_status find_few(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *data,
                          rg_error *error)
{
    const rg_lr_options options = {.steps = 4, .batch = 3};
    rg_lr_point points[4];
    rg_lr_result result;
    return rg_lr_find(mlp, optimizer, data, &options, points, &result, error);
}

Test(lr_finder, survives_each_failing_allocation)
{
    check_failures(find_few);
}
