/* test_effects_descent.c: what optimizers, schedules, clipping and losses are for. */
#include "training.h"

SUITE(effects_descent);

/* A parameter whose gradients are written by hand. */
typedef struct walk {
    rg_params *params;
    rg_optimizer *optimizer;
    double *x, *g;
} walk;

typedef rg_optimizer *maker(rg_params *params);

static walk begin_walk(int64_t size, double start, maker *make)
{
    walk w = {.params = rg_params_create(NULL)};
    rg_param *param = rg_params_add(w.params, "x", RG_F64, RG_SHAPE(size), NULL);
    rg_init_constant(param, start);
    w.x = rg_param_data(param);
    w.g = rg_param_grad(param);
    w.optimizer = make(w.params);
    cr_assert(w.optimizer != NULL);
    return w;
}

static void end_walk(walk *w)
{
    rg_optimizer_destroy(w->optimizer);
    rg_params_destroy(w->params);
}

/* ---- optimizers ---- */

static rg_optimizer *plain(rg_params *params)
{
    return rg_sgd_create(params, &(rg_sgd_options){.rate = 1.9 / 100}, NULL);
}

static rg_optimizer *momentum(rg_params *params)
{
    return rg_sgd_create(params, &(rg_sgd_options){.rate = 1.9 / 100, .momentum = 0.8}, NULL);
}

static rg_optimizer *nesterov(rg_params *params)
{
    return rg_sgd_create(
        params, &(rg_sgd_options){.rate = 0.9 / 100, .momentum = 0.8, .nesterov = 1}, NULL);
}

/* The loss (x^2 + 100 y^2) / 2 after some steps from (1, 1). */
static double pass_valley(maker *make, int steps)
{
    walk w = begin_walk(2, 1, make);
    for (int i = 0; i < steps; i++) {
        w.g[0] = w.x[0];
        w.g[1] = 100 * w.x[1];
        rg_optimizer_step(w.optimizer);
    }
    double loss = (w.x[0] * w.x[0] + 100 * w.x[1] * w.x[1]) / 2;
    end_walk(&w);
    return loss;
}

/* The rate may not exceed 2 / 100, the valley's width, so that its length takes long; momentum adds
 * up what the steps have in common. */
Test(effects_descent, momentum_passes_a_narrow_valley)
{
    double slow = pass_valley(plain, 100);
    cr_assert(slow > 1e-3 && slow < 1, "%g", slow);
    cr_assert(pass_valley(momentum, 100) < 0.01 * slow);
    cr_assert(pass_valley(nesterov, 100) < 0.01 * slow);
}

static rg_optimizer *steepest(rg_params *params)
{
    return rg_sgd_create(params, &(rg_sgd_options){.rate = 1.9e-6}, NULL);
}

static rg_optimizer *rmsprop(rg_params *params)
{
    return rg_rmsprop_create(params, &(rg_rmsprop_options){.rate = 0.005}, NULL);
}

static rg_optimizer *adam(rg_params *params)
{
    return rg_adam_create(params, &(rg_adam_options){.rate = 0.02}, NULL);
}

static rg_optimizer *adamw(rg_params *params)
{
    return rg_adamw_create(params, &(rg_adamw_options){.rate = 0.02}, NULL);
}

static rg_optimizer *adagrad(rg_params *params)
{
    return rg_adagrad_create(params, &(rg_adagrad_options){.rate = 0.5}, NULL);
}

static rg_optimizer *adadelta(rg_params *params)
{
    return rg_adadelta_create(params, &(rg_adadelta_options){.rho = 0.9}, NULL);
}

static rg_optimizer *adamax(rg_params *params)
{
    return rg_adamax_create(params, &(rg_adamax_options){.rate = 0.02}, NULL);
}

static rg_optimizer *nadam(rg_params *params)
{
    return rg_nadam_create(params, &(rg_nadam_options){.rate = 0.02}, NULL);
}

/* Gradients a million times as large along y as along x: where descent must take steps that do
 * nothing along x, those that divide by the size of past gradients go equally far along both. */
Test(effects_descent, adaptive_optimizers_bear_scales_that_differ)
{
    static maker *const makers[] = {steepest, rmsprop,  adam,   adamw,
                                    adagrad,  adadelta, adamax, nadam};
    for (int i = 0; i < 8; i++) {
        walk w = begin_walk(2, 1, makers[i]);
        for (int k = 0; k < 400; k++) {
            w.g[0] = w.x[0];
            w.g[1] = 1e6 * w.x[1];
            rg_optimizer_step(w.optimizer);
        }
        if (makers[i] == steepest)
            cr_assert(w.x[0] > 0.99 && fabs(w.x[1]) < 1e-3, "%g and %g", w.x[0], w.x[1]);
        else
            cr_assert(fabs(w.x[0]) < 0.1 && fabs(w.x[1]) < 0.1, "%d: %g and %g", i, w.x[0], w.x[1]);
        end_walk(&w);
    }
}

static rg_optimizer *forgetful(rg_params *params)
{
    return rg_adam_create(params, &(rg_adam_options){.rate = 0.01, .beta1 = 1e-300, .beta2 = 0.1},
                          NULL);
}

static rg_optimizer *amsgrad(rg_params *params)
{
    return rg_adam_create(
        params, &(rg_adam_options){.rate = 0.01, .beta1 = 1e-300, .beta2 = 0.1, .amsgrad = 1},
        NULL);
}

/* The example of Reddi, Kale and Kumar: rare large gradients that say where to go, and many small
 * ones that say the contrary. Their sum is 1 in three steps, so x should fall. Adam forgets the
 * large ones before the small ones come; amsgrad does not. */
Test(effects_descent, amsgrad_remembers_rare_large_gradients)
{
    walk forgets = begin_walk(1, 0, forgetful), remembers = begin_walk(1, 0, amsgrad);
    for (int i = 0; i < 300; i++) {
        forgets.g[0] = remembers.g[0] = i % 3 == 0 ? 3 : -1;
        rg_optimizer_step(forgets.optimizer);
        rg_optimizer_step(remembers.optimizer);
    }
    cr_assert(forgets.x[0] > 0.1 && remembers.x[0] < -0.1, "%g and %g", forgets.x[0],
              remembers.x[0]);
    end_walk(&forgets);
    end_walk(&remembers);
}

static rg_optimizer *coupled(rg_params *params)
{
    return rg_adam_create(params, &(rg_adam_options){.rate = 0.01, .weight_decay = 0.1}, NULL);
}

static rg_optimizer *decoupled(rg_params *params)
{
    return rg_adamw_create(params, &(rg_adamw_options){.rate = 0.01, .weight_decay = 0.1}, NULL);
}

/* Decay in the gradient is divided by the gradient's size like the rest of it, so that weights with
 * large gradients hardly decay; AdamW's shrinks all alike. Gradients here change their sign from
 * step to step and lead nowhere. */
Test(effects_descent, decoupled_decay_shrinks_all_weights_alike)
{
    walk with = begin_walk(2, 1, coupled), without = begin_walk(2, 1, decoupled);
    for (int i = 0; i < 500; i++) {
        with.g[0] = without.g[0] = i % 2 ? 0.01 : -0.01;
        with.g[1] = without.g[1] = i % 2 ? 100 : -100;
        rg_optimizer_step(with.optimizer);
        rg_optimizer_step(without.optimizer);
    }
    cr_assert(with.x[0] < 0.5 && with.x[1] > 0.95, "%g and %g", with.x[0], with.x[1]);
    CHECK_NEAR(without.x[0], pow(1 - 0.01 * 0.1, 500), 0.02);
    CHECK_NEAR(without.x[1], pow(1 - 0.01 * 0.1, 500), 0.02);
    end_walk(&with);
    end_walk(&without);
}

/* ---- schedules ---- */

enum { WALKERS = 500, STEPS = 400 };

static rg_optimizer *at_half(rg_params *params)
{
    return rg_sgd_create(params, &(rg_sgd_options){.rate = 0.5}, NULL);
}

/* Many walkers at once, each looking for 0 by gradients with noise of variance 1. Without a
 * schedule the plateau, unless it is NULL, sets the rate by the mean square, which is returned. */
static double settle(const rg_schedule *schedule, rg_plateau *plateau)
{
    walk w = begin_walk(WALKERS, 3, at_half);
    rg_random random = rg_random_create(1);
    double square = 9;
    for (int i = 0; i < STEPS; i++) {
        if (schedule)
            rg_optimizer_set_rate(w.optimizer, rg_schedule_rate(schedule, 0.5, i));
        else if (plateau)
            rg_optimizer_set_rate(w.optimizer,
                                  rg_plateau_rate(plateau, rg_optimizer_rate(w.optimizer), square));
        for (int k = 0; k < WALKERS; k++)
            w.g[k] = w.x[k] + rg_random_normal(&random);
        rg_optimizer_step(w.optimizer);
        square = 0;
        for (int k = 0; k < WALKERS; k++)
            square += w.x[k] * w.x[k] / WALKERS;
    }
    end_walk(&w);
    return square;
}

/* At a constant rate r the noise keeps a mean square of r / (2 - r); a rate that falls lets it
 * settle. */
Test(effects_descent, falling_rates_settle_what_noise_keeps_moving)
{
    static const int64_t milestones[] = {200, 300};
    static const rg_schedule falling[] = {
        {.kind = RG_SCHEDULE_STEP, .length = 100, .factor = 0.3},
        {.kind = RG_SCHEDULE_MILESTONES,
         .milestones = milestones,
         .milestone_count = 2,
         .factor = 0.2},
        {.kind = RG_SCHEDULE_EXPONENTIAL, .factor = 0.99},
        {.kind = RG_SCHEDULE_COSINE, .length = STEPS},
        {.kind = RG_SCHEDULE_COSINE_RESTARTS, .length = STEPS / 2},
        {.kind = RG_SCHEDULE_LINEAR, .length = STEPS, .start = 1, .end = 0},
        {.kind = RG_SCHEDULE_POLYNOMIAL, .length = STEPS, .power = 2},
        {.kind = RG_SCHEDULE_WARMUP_COSINE, .length = STEPS, .warmup = 20},
        {.kind = RG_SCHEDULE_ONE_CYCLE, .length = STEPS, .maximum = 0.5},
    };
    double constant = settle(&(rg_schedule){.kind = RG_SCHEDULE_CONSTANT}, NULL);
    CHECK_NEAR(constant, 0.5 / 1.5, 0.05);
    for (size_t i = 0; i < sizeof falling / sizeof *falling; i++) {
        double settled = settle(&falling[i], NULL);
        cr_assert(settled < 0.1 * constant, "%d: %g", (int)i, settled);
    }
    rg_plateau plateau = {.factor = 0.5, .patience = 10};
    double settled = settle(NULL, &plateau);
    cr_assert(settled < 0.1 * constant, "plateau: %g", settled);
}

/* Down x^4 / 4, which is steep at first and then flat: the rate that is right below is too large
 * above, unless it is warmed up to. */
Test(effects_descent, warm_up_survives_a_steep_beginning)
{
    static const rg_schedule cold = {.kind = RG_SCHEDULE_COSINE, .length = 200};
    static const rg_schedule warm = {
        .kind = RG_SCHEDULE_WARMUP_COSINE, .length = 200, .warmup = 40};
    double ends[2];
    for (int k = 0; k < 2; k++) {
        walk w = begin_walk(1, 3, at_half);
        for (int i = 0; i < 200; i++) {
            rg_optimizer_set_rate(w.optimizer, rg_schedule_rate(k ? &warm : &cold, 0.5, i));
            w.g[0] = w.x[0] * w.x[0] * w.x[0];
            rg_optimizer_step(w.optimizer);
        }
        ends[k] = w.x[0];
        end_walk(&w);
    }
    cr_assert(!(fabs(ends[0]) < 1e6) && fabs(ends[1]) < 0.2, "%g and %g", ends[0], ends[1]);
}

/* ---- clipping ---- */

static rg_optimizer *at_hundredth(rg_params *params)
{
    return rg_sgd_create(params, &(rg_sgd_options){.rate = 0.01}, NULL);
}

/* The loss (w^30 - 1)^2 of a signal that passes the same weight thirty times, as in a recurrent
 * network: a cliff at w > 1, from which one step leads out of everything. Clipped steps keep their
 * direction and get down. */
Test(effects_descent, clipping_survives_a_cliff)
{
    double ends[3];
    for (int k = 0; k < 3; k++) {
        walk w = begin_walk(1, 1.2, at_hundredth);
        for (int i = 0; i < 500; i++) {
            double signal = pow(w.x[0], 30);
            w.g[0] = 2 * (signal - 1) * 30 * signal / w.x[0];
            rg_status status = k == 1   ? rg_clip_grad_norm(w.params, 2, 0.1, NULL, NULL)
                               : k == 2 ? rg_clip_grad_value(w.params, 0.1, NULL)
                                        : RG_OK;
            CHECK_STATUS(status, RG_OK);
            rg_optimizer_step(w.optimizer);
        }
        ends[k] = w.x[0];
        end_walk(&w);
    }
    cr_assert(!(fabs(ends[0]) < 100), "%g", ends[0]);
    CHECK_NEAR(ends[1], 1, 0.01);
    CHECK_NEAR(ends[2], 1, 0.01);
}

/* ---- losses ---- */

/* How far from the truth a sigmoid neuron is that begins with the contrary, and how far some epochs
 * of descent bring it. */
static double unlearn(rg_loss loss, int64_t epochs)
{
    static const int64_t widths[] = {1, 1};
    rg_dataset *data;
    rg_dataset_create(&data, NULL, RG_F64, 1, 1, 1, 0, NULL);
    ((double *)data->inputs)[0] = 1;
    rg_mlp *mlp = rg_mlp_create(&(rg_mlp_options){.widths = widths, .width_count = 2}, NULL);
    rg_param *weight = rg_mlp_layer(mlp, 0)->weight, *bias = rg_mlp_layer(mlp, 0)->bias;
    rg_init_constant(weight, -2);
    rg_init_constant(bias, -2);
    rg_optimizer *sgd = rg_sgd_create(rg_mlp_params(mlp), &(rg_sgd_options){.rate = 0.15}, NULL);
    const rg_train_options options = {.loss = loss, .epochs = epochs};
    CHECK_STATUS(rg_train(mlp, sgd, data, NULL, &options, NULL, NULL), RG_OK);
    double z = *(double *)rg_param_data(weight) + *(double *)rg_param_data(bias);
    rg_optimizer_destroy(sgd);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
    return 1 / (1 + exp(z));
}

/* With M. Nielsen's numbers (chapter 3): the quadratic cost's curve is flat for a long time where
 * the neuron is most wrong, and cross-entropy's is steepest there. */
Test(effects_descent, quadratic_cost_learns_slowly_what_cross_entropy_learns_fast)
{
    double squares[3], entropies[3];
    for (int i = 0; i < 3; i++) {
        squares[i] = unlearn(RG_LOSS_QUADRATIC, 1 + 30 * i);
        entropies[i] = unlearn(RG_LOSS_BCE_CLASSES, 1 + 30 * i);
    }
    cr_assert(squares[0] > 0.98 && squares[1] > 0.95 && squares[2] > 0.9, "%g %g %g", squares[0],
              squares[1], squares[2]);
    cr_assert(entropies[0] > 0.96 && entropies[1] < 0.25 && entropies[2] < 0.1, "%g %g %g",
              entropies[0], entropies[1], entropies[2]);
    cr_assert(unlearn(RG_LOSS_QUADRATIC, 400) < 0.2, "it learns in the end");
}

/* ---- outputs ---- */

/* Trains a network of one output behind an activation, and asks it about `x`. */
static double learn_and_answer(rg_activation output, rg_loss loss, const double *inputs,
                               const double *targets, int64_t count, double x)
{
    static const int64_t widths[] = {1, 8, 1};
    rg_dataset *data;
    rg_dataset_create(&data, NULL, RG_F64, count, 1, 0, 1, NULL);
    memcpy(data->inputs, inputs, (size_t)count * sizeof *inputs);
    memcpy(data->targets, targets, (size_t)count * sizeof *targets);
    rg_mlp *mlp = rg_mlp_create(
        &(rg_mlp_options){
            .widths = widths, .width_count = 3, .hidden = RG_RELU, .output = output, .seed = 3},
        NULL);
    rg_optimizer *optimizer =
        rg_adam_create(rg_mlp_params(mlp), &(rg_adam_options){.rate = 0.02}, NULL);
    const rg_train_options options = {.loss = loss, .epochs = 1500};
    CHECK_STATUS(rg_train(mlp, optimizer, data, NULL, &options, NULL, NULL), RG_OK);
    rg_tape *tape = rg_tape_create();
    rg_value asked = rg_constant_f64(tape, RG_SHAPE(1, 1), &x);
    double answer = rg_item(rg_at(rg_mlp_forward(mlp, tape, asked), RG_AXES(0, 0)));
    rg_tape_destroy(tape);
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
    return answer;
}

/* Far from what was learned, too, an answer is one that can be: where a straight line leaves the
 * range, the activation chosen for it does not. */
Test(effects_descent, output_activations_keep_answers_in_their_range)
{
    /* A signed reward: it rises with the input. */
    static const double in[] = {-1, -0.5, 0, 0.5, 1}, reward[] = {-0.9, -0.6, 0, 0.6, 0.9};
    double line = learn_and_answer(RG_IDENTITY, RG_LOSS_MSE, in, reward, 5, -6);
    double bounded = learn_and_answer(RG_TANH, RG_LOSS_MSE, in, reward, 5, -6);
    cr_assert(line < -1.5, "%g", line);
    cr_assert(bounded >= -1 && bounded < -0.9, "%g", bounded);
    CHECK_NEAR(learn_and_answer(RG_TANH, RG_LOSS_MSE, in, reward, 5, 0.5), 0.6, 0.05);

    /* A positive number, such as a price: it falls with the input. */
    static const double price[] = {3, 2, 1.2, 0.6, 0.3};
    line = learn_and_answer(RG_IDENTITY, RG_LOSS_MSE, in, price, 5, 6);
    double positive = learn_and_answer(RG_SOFTPLUS, RG_LOSS_MSE, in, price, 5, 6);
    cr_assert(line < 0, "%g", line);
    cr_assert(positive > 0 && positive < 0.3, "%g", positive);
    CHECK_NEAR(learn_and_answer(RG_SOFTPLUS, RG_LOSS_MSE, in, price, 5, -0.5), 2, 0.1);

    /* A probability: of five equal examples three say yes. */
    static const double same_ones[] = {1, 1, 1, 1, 1}, yes[] = {1, 1, 0, 1, 0};
    double logit = learn_and_answer(RG_IDENTITY, RG_LOSS_BCE_LOGITS, same_ones, yes, 5, 1);
    CHECK_NEAR(1 / (1 + exp(-logit)), 0.6, 1e-3);
    double probability = learn_and_answer(RG_SIGMOID, RG_LOSS_MSE, same_ones, yes, 5, 1);
    CHECK_NEAR(probability, 0.6, 1e-3);
}
