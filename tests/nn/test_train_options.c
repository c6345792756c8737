#include "../failing.h"
#include "training.h"

SUITE(train_options);

/* ---- losses ---- */

/* One example, whose outputs are its inputs. */
static double loss_of(rg_loss loss, double y0, double y1, int64_t class)
{
    rg_dataset *data;
    rg_evaluation result;
    rg_dataset_create(&data, NULL, RG_F64, 2, 2, 2, 2, NULL);
    rg_mlp *mlp = make_mlp(RG_F64, 2, 2, RG_IDENTITY);
    for (int i = 0; i < 2; i++)
        rg_param_write(rg_mlp_layer(mlp, i)->weight, (double[]){1, 0, 0, 1});
    memcpy(data->inputs, (double[]){y0, y1, y0, y1}, 4 * sizeof(double));
    memcpy(data->targets, (double[]){0.5, -1, 0.5, -1}, 4 * sizeof(double));
    data->classes[0] = data->classes[1] = class;
    CHECK_STATUS(rg_evaluate(mlp, data, loss, NULL, &result, NULL), RG_OK);
    if (loss == RG_LOSS_L1 || loss == RG_LOSS_HUBER)
        CHECK_NEAR(result.accuracy, NAN, 0);
    else
        CHECK_NEAR(result.accuracy, (y1 > y0) == (class == 1), 0);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
    return result.loss;
}

Test(train_options, losses_are_what_they_say)
{
    double s = 1 / (1 + exp(-3)), r = 1 / (1 + exp(1));
    for (int64_t class = 0; class < 2; class ++) {
        double t0 = class == 0, t1 = class == 1;
        double want = ((s - t0) * (s - t0) + (r - t1) * (r - t1)) / 2;
        CHECK_NEAR(loss_of(RG_LOSS_QUADRATIC, 3, -1, class), want, 1e-15);
        want = -(t0 * log(s) + (1 - t0) * log(1 - s) + t1 * log(r) + (1 - t1) * log(1 - r));
        CHECK_NEAR(loss_of(RG_LOSS_BCE_CLASSES, 3, -1, class), want, 1e-14);
    }
    CHECK_NEAR(loss_of(RG_LOSS_L1, 3, -1.5, 0), (2.5 + 0.5) / 2, 1e-15);
    CHECK_NEAR(loss_of(RG_LOSS_HUBER, 3, -1.5, 0), (2.5 - 0.5 + 0.125) / 2, 1e-15);
}

/* The gradient of the bias of one output that is 1 / (1 + e^z) but should be 0, for z = 5. */
static double slope_when_wrong(rg_loss loss)
{
    setup s = begin(make_mlp(RG_F64, 2, 2, RG_IDENTITY));
    rg_param *bias = rg_mlp_layer(s.mlp, 1)->bias;
    for (int i = 0; i < 2; i++)
        rg_init_zeros(rg_mlp_layer(s.mlp, i)->weight);
    rg_param_write(bias, (double[]){5, -30});
    memset(s.data->classes, 0, (size_t)s.data->count * sizeof *s.data->classes);
    for (int64_t i = 0; i < s.data->count; i++)
        s.data->classes[i] = 1;
    s.options = (rg_train_options){.loss = loss, .epochs = 1};
    CHECK_STATUS(train(&s), RG_OK);
    double gradient[2];
    rg_param_read_grad(bias, gradient);
    end(&s);
    return gradient[0];
}

/* M. Nielsen's observation: the quadratic cost learns slowly where it is most wrong. */
Test(train_options, quadratic_cost_slows_down_where_cross_entropy_does_not)
{
    double y = 1 / (1 + exp(-5));
    CHECK_NEAR(slope_when_wrong(RG_LOSS_BCE_CLASSES), y, 1e-14);
    CHECK_NEAR(slope_when_wrong(RG_LOSS_QUADRATIC), y * y * (1 - y), 1e-14);
}

Test(train_options, every_loss_learns)
{
    for (int loss = RG_LOSS_CROSS_ENTROPY; loss <= RG_LOSS_HUBER; loss++) {
        for (int t = 0; t < 2; t++) {
            rg_type type = t ? RG_F32 : RG_F64;
            setup s = begin(make_mlp(type, 8, 2, RG_TANH));
            rg_dataset *data;
            rg_dataset_create(&data, NULL, type, 22, 2, 2, 2, NULL);
            for (int64_t i = 0; i < 44; i++) {
                put(data->inputs, type, i, ((double *)s.data->inputs)[i]);
                put(data->targets, type, i, ((double *)s.data->targets)[i] > 0);
            }
            memcpy(data->classes, s.data->classes, 22 * sizeof(int64_t));
            rg_dataset_destroy(s.data);
            s.data = data;
            s.options = (rg_train_options){.loss = (rg_loss)loss, .epochs = 300, .batch = 11};
            rg_optimizer_set_rate(s.optimizer, 0.05);
            CHECK_STATUS(train(&s), RG_OK);
            double first = rg_history_at(s.history, 0)->loss;
            double last = rg_history_at(s.history, 299)->loss;
            cr_assert(last < 0.2 * first, "loss %d: %g, then %g", loss, first, last);
            end(&s);
        }
    }
}

Test(train_options, a_class_outside_is_an_error_of_every_loss)
{
    static const rg_loss losses[] = {RG_LOSS_BCE_CLASSES, RG_LOSS_QUADRATIC};
    static const int64_t wrong[] = {-1, 2};
    for (int k = 0; k < 4; k++) {
        setup s = begin(make_mlp(RG_F64, 3, 2, RG_TANH));
        rg_error error;
        s.options = (rg_train_options){.loss = losses[k / 2], .epochs = 1};
        s.data->classes[4] = wrong[k % 2];
        CHECK_STATUS(rg_train(s.mlp, s.optimizer, s.data, NULL, &s.options, NULL, &error),
                     RG_ERROR_INDEX);
        char text[80];
        snprintf(text, sizeof text, "example 4 of the batch has class %d, the network 2 outputs",
                 (int)wrong[k % 2]);
        cr_assert(strstr(error.message, text), "%s", error.message);
        end(&s);
    }
}

/* ---- penalties ---- */

/* The same training by hand, with the penalties recorded as terms of the loss. */
static void train_by_hand(setup *s, double l1, double l2, int steps)
{
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < steps; i++) {
        rg_tape_reset(tape);
        rg_value x = rg_constant_f64(tape, RG_SHAPE(22, 2), s->data->inputs);
        rg_value t = rg_constant_f64(tape, RG_SHAPE(22, 2), s->data->targets);
        rg_value loss = rg_mse_loss(rg_mlp_forward(s->mlp, tape, x), t, RG_MEAN);
        for (int k = 0; k < 2; k++) {
            rg_value w = rg_use(tape, rg_mlp_layer(s->mlp, k)->weight);
            loss = rg_add(loss, rg_mul(l1, rg_sum(rg_abs(w))));
            loss = rg_add(loss, rg_mul(l2 / 2, rg_sum(rg_square(w))));
        }
        rg_optimizer_zero_grad(s->optimizer);
        CHECK_STATUS(rg_backward(loss), RG_OK);
        rg_optimizer_step(s->optimizer);
    }
    rg_tape_destroy(tape);
}

Test(train_options, penalties_are_terms_of_the_loss)
{
    static const double numbers[][2] = {{0.1, 0}, {0, 0.2}, {0.03, 0.05}};
    for (int k = 0; k < 3; k++) {
        setup s = begin(make_mlp(RG_F64, 4, 2, RG_TANH));
        setup hand = begin(make_mlp(RG_F64, 4, 2, RG_TANH));
        rg_init_constant(rg_mlp_layer(s.mlp, 0)->bias, 0.5);
        rg_init_constant(rg_mlp_layer(hand.mlp, 0)->bias, 0.5);
        s.options = (rg_train_options){
            .loss = RG_LOSS_MSE, .epochs = 5, .l1 = numbers[k][0], .l2 = numbers[k][1]};
        CHECK_STATUS(train(&s), RG_OK);
        train_by_hand(&hand, numbers[k][0], numbers[k][1], 5);
        double *got = snapshot(s.mlp), *want = snapshot(hand.mlp);
        for (int i = 0; i < 22; i++)
            CHECK_NEAR(got[i], want[i], 1e-13);
        free(got);
        free(want);
        /* What is shown is the data's part: that of an evaluation. */
        rg_evaluation plain;
        rg_optimizer_set_rate(s.optimizer, 0);
        CHECK_STATUS(train(&s), RG_OK);
        rg_evaluate(s.mlp, s.data, RG_LOSS_MSE, NULL, &plain, NULL);
        CHECK_NEAR(rg_history_at(s.history, 9)->loss, plain.loss, 1e-15);
        end(&s);
        end(&hand);
    }
}

/* With l1 alone useless weights go to 0, in float32 too; frozen ones stay. */
Test(train_options, penalties_shrink_weights)
{
    static const int64_t widths[] = {2, 3, 1};
    rg_mlp_options made = {.type = RG_F32, .widths = widths, .width_count = 3, .seed = 1};
    setup s = begin(rg_mlp_create(&made, NULL));
    rg_dataset_destroy(s.data);
    rg_dataset_create(&s.data, NULL, RG_F32, 4, 2, 0, 1, NULL);
    rg_params_freeze(rg_mlp_params(s.mlp), "layer1.weight", 1);
    double before[3], after[6];
    rg_param_read(rg_mlp_layer(s.mlp, 1)->weight, before);
    s.options = (rg_train_options){.loss = RG_LOSS_MSE, .epochs = 400, .l1 = 0.5, .l2 = 0.1};
    CHECK_STATUS(train(&s), RG_OK);
    rg_param_read(rg_mlp_layer(s.mlp, 1)->weight, after);
    cr_assert(memcmp(before, after, sizeof before) == 0);
    rg_param_read(rg_mlp_layer(s.mlp, 0)->weight, after);
    for (int i = 0; i < 6; i++)
        cr_assert(fabs(after[i]) < 0.02, "%g", after[i]);
    end(&s);
}

/* ---- early stopping ---- */

/* A validation set whose classes are the wrong ones: what is learned makes it worse. */
static void turn_round(rg_dataset *data)
{
    for (int64_t i = 0; i < data->count; i++)
        data->classes[i] = 1 - data->classes[i];
}

Test(train_options, stops_early_with_the_best_parameters)
{
    for (int patience = 1; patience <= 3; patience += 2) {
        setup s = begin(make_full(NULL, RG_F64)), one = begin(make_full(NULL, RG_F64));
        turn_round(s.validation);
        rg_optimizer_set_rate(s.optimizer, 0.1);
        rg_optimizer_set_rate(one.optimizer, 0.1);
        s.options.validation = s.validation;
        s.options.patience = patience;
        s.options.epochs = 20;
        CHECK_STATUS(train(&s), RG_OK);
        check_end(&s, RG_STOP_EARLY, patience + 2, 1);
        cr_assert(s.result.best_epoch == 1);
        cr_assert(rg_history_count(s.history) == 1 + patience);
        one.options.epochs = 1;
        CHECK_STATUS(train(&one), RG_OK);
        cr_assert(same(s.mlp, one.mlp), "also the running values are those of epoch 1");
        end(&s);
        end(&one);
    }
}

Test(train_options, after_the_last_epoch_the_best_parameters_are_back)
{
    setup s = begin(make_mlp(RG_F32, 4, 2, RG_TANH)), one = begin(make_mlp(RG_F32, 4, 2, RG_TANH));
    rg_dataset **all[] = {&s.data, &s.validation, &one.data};
    for (int i = 0; i < 3; i++) {
        rg_dataset *narrow;
        rg_dataset_create(&narrow, NULL, RG_F32, (*all[i])->count, 2, 2, 0, NULL);
        for (int64_t k = 0; k < 2 * narrow->count; k++)
            put(narrow->inputs, RG_F32, k, ((double *)(*all[i])->inputs)[k]);
        memcpy(narrow->classes, (*all[i])->classes, (size_t)narrow->count * sizeof(int64_t));
        rg_dataset_destroy(*all[i]);
        *all[i] = narrow;
    }
    turn_round(s.validation);
    s.options.validation = s.validation;
    s.options.patience = 10;
    s.options.epochs = 3;
    CHECK_STATUS(train(&s), RG_OK);
    check_end(&s, RG_STOP_EPOCHS, 4, 1);
    one.options.epochs = 1;
    CHECK_STATUS(train(&one), RG_OK);
    cr_assert(s.result.best_epoch == 1 && same(s.mlp, one.mlp));
    end(&s);
    end(&one);
}

static int stop_in_last_epoch(void *context, const rg_step *step)
{
    *(volatile sig_atomic_t *)context = step->epoch == 3 && step->step == 5;
    return 0;
}

/* A stop that comes when all is over stops nothing, and one that is early is not kept from it. */
Test(train_options, a_late_stop_keeps_the_best_parameters)
{
    setup s = begin(make_full(NULL, RG_F64)), one = begin(make_full(NULL, RG_F64));
    volatile sig_atomic_t flag = 0;
    turn_round(s.validation);
    s.options.validation = s.validation;
    s.options.epochs = 3;
    s.options.on_step = stop_in_last_epoch;
    s.options.context = (void *)&flag;
    s.options.stop = &flag;
    one.options.epochs = 1;
    CHECK_STATUS(train(&one), RG_OK);
    for (int patience = 2; patience <= 3; patience++) {
        rg_mlp *fresh = make_full(NULL, RG_F64);
        rg_optimizer_destroy(s.optimizer);
        rg_mlp_destroy(s.mlp);
        s.mlp = fresh;
        s.optimizer = rg_adam_create(rg_mlp_params(s.mlp), &(rg_adam_options){.rate = 0.01}, NULL);
        s.options.patience = patience;
        CHECK_STATUS(train(&s), RG_OK);
        check_end(&s, RG_STOP_FLAG, 4, 1);
        cr_assert(s.result.best_epoch == 1 && same(s.mlp, one.mlp));
    }
    end(&s);
    end(&one);
}

/* An improvement counts from the best one on: many small ones make up one large one. */
Test(train_options, waits_for_the_improvement_asked_for)
{
    setup s = begin(make_mlp(RG_F64, 8, 2, RG_TANH));
    s.options.validation = s.validation;
    s.options.patience = 3;
    s.options.epochs = 200;
    s.options.min_improvement = 0.05;
    CHECK_STATUS(train(&s), RG_OK);
    check_end(&s, RG_STOP_EARLY, s.result.best_epoch + 4, 1);
    double best = INFINITY;
    int64_t waited = 0, best_epoch = 0, count = rg_history_count(s.history);
    for (int64_t i = 0; i < count; i++) {
        cr_assert(waited < 3);
        const rg_epoch *epoch = rg_history_at(s.history, i);
        waited = epoch->validation_loss < best - 0.05 ? 0 : waited + 1;
        if (waited == 0) {
            best = epoch->validation_loss;
            best_epoch = i + 1;
        }
    }
    cr_assert(waited == 3 && best_epoch == s.result.best_epoch && best_epoch > 1);
    rg_evaluation back;
    rg_evaluate(s.mlp, s.validation, RG_LOSS_CROSS_ENTROPY, &(rg_pass_options){.batch = 256}, &back,
                NULL);
    CHECK_NEAR(back.loss, best, 0);
    end(&s);
}

Test(train_options, a_validation_loss_that_is_no_number_is_no_improvement)
{
    setup s = begin(make_mlp(RG_F64, 4, 2, RG_TANH)),
          plain = begin(make_mlp(RG_F64, 4, 2, RG_TANH));
    ((double *)s.validation->inputs)[0] = NAN;
    s.options.validation = s.validation;
    s.options.patience = 2;
    CHECK_STATUS(train(&s), RG_OK);
    check_end(&s, RG_STOP_EARLY, 3, 1);
    plain.options.epochs = 2;
    CHECK_STATUS(train(&plain), RG_OK);
    cr_assert(s.result.best_epoch == 0 && same(s.mlp, plain.mlp));
    end(&s);
    end(&plain);
}

Test(train_options, history_tells_of_the_validation_set)
{
    setup s = begin(make_full(NULL, RG_F64));
    rg_optimizer_set_rate(s.optimizer, 0);
    s.options.validation = s.validation;
    CHECK_STATUS(rg_train(s.mlp, s.optimizer, s.data, s.data, &s.options, s.history, NULL), RG_OK);
    rg_evaluation on_validation, on_test;
    rg_evaluate(s.mlp, s.validation, RG_LOSS_CROSS_ENTROPY, &(rg_pass_options){.batch = 7},
                &on_validation, NULL);
    rg_evaluate(s.mlp, s.data, RG_LOSS_CROSS_ENTROPY, &(rg_pass_options){.batch = 7}, &on_test,
                NULL);
    const rg_epoch *epoch = rg_history_at(s.history, 3);
    CHECK_NEAR(epoch->validation_loss, on_validation.loss, 1e-14);
    CHECK_NEAR(epoch->validation_accuracy, on_validation.accuracy, 1e-14);
    CHECK_NEAR(epoch->test_loss, on_test.loss, 1e-14);
    CHECK_NEAR(epoch->test_accuracy, on_test.accuracy, 1e-14);
    end(&s);
}

/* ---- errors ---- */

static void check_refused(const rg_train_options *options, const char *text)
{
    setup s = begin(make_full(NULL, RG_F64)), fresh = begin(make_full(NULL, RG_F64));
    rg_error error = {RG_OK, ""};
    CHECK_STATUS(rg_train(s.mlp, s.optimizer, s.data, NULL, options, s.history, &error),
                 RG_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, text), "the message is \"%s\"", error.message);
    cr_assert(same(s.mlp, fresh.mlp) && rg_optimizer_steps(s.optimizer) == 0);
    end(&s);
    end(&fresh);
}

Test(train_options, refuses_bad_numbers)
{
    const double bad[] = {-1, NAN, INFINITY};
    for (int i = 0; i < 3; i++) {
        check_refused(&(rg_train_options){.epochs = 1, .l1 = bad[i]}, "l1 is ");
        check_refused(&(rg_train_options){.epochs = 1, .l2 = bad[i]}, "and l2 ");
        check_refused(&(rg_train_options){.epochs = 1, .min_improvement = bad[i]},
                      "cannot be waited for");
    }
    check_refused(&(rg_train_options){.epochs = 1, .patience = -1}, "a patience of -1");
    check_refused(&(rg_train_options){.epochs = 1, .patience = 1}, "needs a validation set");
    check_refused(&(rg_train_options){.epochs = 1, .first_epoch = -2}, "of epoch -2");
    check_refused(&(rg_train_options){.epochs = 1, .first_step = -2}, "with step -2");
    check_refused(&(rg_train_options){.epochs = 1, .batch = 5, .first_step = 6},
                  "step 6; an epoch has 5");
    check_refused(&(rg_train_options){.epochs = 1, .batch = 7}, "batches of 7 of 22 examples");
    check_refused(&(rg_train_options){.epochs = 1, .batch = 1}, "batch normalisation needs two");
    rg_dataset *wide;
    rg_dataset_create(&wide, NULL, RG_F64, 2, 3, 2, 0, NULL);
    check_refused(&(rg_train_options){.epochs = 1, .validation = wide},
                  "the validation set: the examples have 3 features");
    rg_dataset_destroy(wide);
}

/* ---- memory ---- */

Test(train_options, allocates_nothing_once_warm)
{
    failing memory = {0};
    rg_allocator allocator = {failing_resize, &memory};
    setup s = begin(make_full(&allocator, RG_F64));
    watch w = {&memory, 0};
    s.options.validation = s.validation;
    s.options.patience = 30;
    s.options.epochs = 20;
    s.options.l2 = 0.01;
    s.options.on_epoch = watch_epoch;
    s.options.context = &w;
    CHECK_STATUS(train(&s), RG_OK);
    cr_assert(w.after_first > 0 && memory.calls == w.after_first,
              "%d allocations came after the first epoch", (int)(memory.calls - w.after_first));
    end(&s);
    cr_assert(memory.live == 0 && memory.wrong_sizes == 0);
}

static rg_status train_early(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *data,
                             rg_error *error)
{
    rg_train_options options = {.epochs = 2, .batch = 3, .patience = 4, .validation = data};
    return rg_train(mlp, optimizer, data, data, &options, NULL, error);
}

Test(train_options, survives_each_failing_allocation)
{
    check_failures(train_early);
}
