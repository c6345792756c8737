#include <signal.h>

#include "training.h"

SUITE(train_stop);

typedef struct observer {
    rg_mlp *mlp;
    int64_t calls, stop_epoch, stop_step; /* where to stop by returning 1 */
    volatile sig_atomic_t flag;
    int64_t flag_epoch, flag_step; /* where to set the flag */
    int clear;                     /* 1: make the gradients zero */
    double loss;
} observer;

static int observe(void *context, const rg_step *step)
{
    observer *o = context;
    o->calls++;
    cr_assert(step->epoch == 1 + (o->calls - 1) / 5 && step->step == 1 + (o->calls - 1) % 5);
    cr_assert(step->loss > 0 && step->loss != o->loss);
    o->loss = step->loss;
    double gradient[12];
    rg_param_read_grad(rg_mlp_layer(o->mlp, 0)->weight, gradient);
    cr_assert(fabs(gradient[0]) > 0, "the gradients are there");
    if (o->clear)
        rg_params_zero_grad(rg_mlp_params(o->mlp));
    if (step->epoch == o->flag_epoch && step->step == o->flag_step)
        o->flag = 1;
    return step->epoch == o->stop_epoch && step->step == o->stop_step;
}

static void watch_with(setup *s, observer *o)
{
    o->mlp = s->mlp;
    s->options.on_step = observe;
    s->options.context = o;
    s->options.stop = &o->flag;
}

Test(train_stop, the_step_callback_sees_every_step_and_its_gradients)
{
    setup s = begin(make_mlp(RG_F64, 6, 2, RG_TANH)),
          still = begin(make_mlp(RG_F64, 6, 2, RG_TANH));
    observer o = {0}, clearing = {.clear = 1};
    watch_with(&s, &o);
    CHECK_STATUS(train(&s), RG_OK);
    check_end(&s, RG_STOP_EPOCHS, 5, 1);
    cr_assert(o.calls == 20 && rg_optimizer_steps(s.optimizer) == 20);
    double *before = snapshot(still.mlp);
    watch_with(&still, &clearing);
    CHECK_STATUS(train(&still), RG_OK);
    double *after = snapshot(still.mlp);
    cr_assert(memcmp(before, after, 32 * sizeof *before) == 0, "what it changes is what counts");
    free(before);
    free(after);
    end(&s);
    end(&still);
}

/* Straight through, and cut before a step, by the callback of the one before or by the flag. */
static void check_cut(rg_type type, int by_flag, int64_t epoch, int64_t step)
{
    setup straight = begin(make_full(NULL, type)), cut = begin(make_full(NULL, type));
    setup *both[] = {&straight, &cut};
    for (int k = 0; k < 2 && type == RG_F32; k++) {
        rg_dataset *narrow;
        rg_dataset_create(&narrow, NULL, RG_F32, 22, 2, 2, 0, NULL);
        for (int i = 0; i < 44; i++)
            put(narrow->inputs, type, i, ((double *)both[k]->data->inputs)[i]);
        memcpy(narrow->classes, both[k]->data->classes, 22 * sizeof(int64_t));
        rg_dataset_destroy(both[k]->data);
        both[k]->data = narrow;
    }
    CHECK_STATUS(train(&straight), RG_OK);
    observer o = {0};
    *(by_flag ? &o.flag_epoch : &o.stop_epoch) = step == 1 ? epoch - 1 : epoch;
    *(by_flag ? &o.flag_step : &o.stop_step) = step == 1 ? 5 : step - 1;
    watch_with(&cut, &o);
    CHECK_STATUS(train(&cut), RG_OK);
    check_end(&cut, by_flag ? RG_STOP_FLAG : RG_STOP_CALLBACK, epoch, step);
    cr_assert(rg_history_count(cut.history) == epoch - 1);
    cr_assert(rg_optimizer_steps(cut.optimizer) == (epoch - 1) * 5 + step - 1);
    cr_assert(rg_mlp_is_training(cut.mlp) == 1 && !same(cut.mlp, straight.mlp));

    cut.options.on_step = NULL;
    cut.options.stop = NULL;
    rg_mlp_seed_dropout(cut.mlp, 99); /* nothing that is not saved may matter */
    cut.options.first_epoch = cut.result.next_epoch;
    cut.options.first_step = cut.result.next_step;
    CHECK_STATUS(train(&cut), RG_OK);
    check_end(&cut, RG_STOP_EPOCHS, 5, 1);
    cr_assert(same(cut.mlp, straight.mlp), "cut before step %d of epoch %d", (int)step, (int)epoch);
    cr_assert(rg_history_count(cut.history) == 4 && rg_history_at(cut.history, 3)->epoch == 4);
    CHECK_NEAR(rg_history_at(cut.history, 3)->loss, rg_history_at(straight.history, 3)->loss,
               epoch == 4 ? 10 : 0);
    end(&straight);
    end(&cut);
}

Test(train_stop, goes_on_where_it_was_stopped)
{
    for (int by_flag = 0; by_flag < 2; by_flag++) {
        check_cut(RG_F64, by_flag, 2, 3);
        check_cut(RG_F64, by_flag, 3, 1);
        check_cut(RG_F64, by_flag, 4, 5);
        check_cut(RG_F32, by_flag, 2, 2);
    }
}

/* Without dropout, normalisation or shuffling there is no generator at all. */
Test(train_stop, full_batches_go_on_too)
{
    setup s = begin(make_mlp(RG_F64, 4, 2, RG_TANH)), t = begin(make_mlp(RG_F64, 4, 2, RG_TANH));
    s.options.batch = t.options.batch = 0;
    CHECK_STATUS(train(&s), RG_OK);
    t.options.epochs = 1;
    CHECK_STATUS(train(&t), RG_OK);
    t.options.epochs = 4;
    t.options.first_epoch = 2;
    CHECK_STATUS(train(&t), RG_OK);
    cr_assert(same(s.mlp, t.mlp));
    /* What is over trains nothing. */
    t.options.first_epoch = 5;
    CHECK_STATUS(train(&t), RG_OK);
    check_end(&t, RG_STOP_EPOCHS, 5, 1);
    cr_assert(same(s.mlp, t.mlp) && rg_history_count(t.history) == 4);
    end(&s);
    end(&t);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number;
}

static int press_control_c(void *context, const rg_step *step)
{
    (void)context;
    return step->epoch == 2 && step->step == 2 ? raise(SIGINT) : 0;
}

Test(train_stop, an_interrupt_finishes_the_step)
{
    setup s = begin(make_mlp(RG_F64, 4, 2, RG_TANH));
    s.options.on_step = press_control_c;
    s.options.stop = &interrupted;
    signal(SIGINT, interrupt);
    CHECK_STATUS(train(&s), RG_OK);
    check_end(&s, RG_STOP_FLAG, 2, 3);
    cr_assert(rg_optimizer_steps(s.optimizer) == 7 && rg_history_count(s.history) == 1);
    end(&s);
}

Test(train_stop, a_failure_says_where)
{
    setup s = begin(make_full(NULL, RG_F64));
    s.options.batch = 11;
    ((double *)s.data->inputs)[0] = NAN;
    rg_norm_layer before = *rg_mlp_norm(s.mlp, 0);
    CHECK_STATUS(train(&s), RG_ERROR_NUMERIC);
    cr_assert(s.result.stop == RG_STOP_ERROR && s.result.next_epoch == 1);
    cr_assert(s.result.next_step == rg_optimizer_steps(s.optimizer) + 1);
    double mean[6];
    rg_param_read(before.running_mean, mean);
    for (int i = 0; i < 6; i++)
        cr_assert(isfinite(mean[i]), "a batch that is no number spoils no running value");
    end(&s);
}

/* A loop by hand with the generators that the header tells of. */
Test(train_stop, order_and_dropout_are_drawn_as_documented)
{
    setup s = begin(make_full(NULL, RG_F64)), hand = begin(make_full(NULL, RG_F64));
    rg_random random;
    rg_batches *batches = rg_batches_create(hand.data, 5, &random, NULL, NULL);
    rg_tape *tape = rg_tape_create();
    CHECK_STATUS(train(&s), RG_OK);
    for (int epoch = 1; epoch <= 4; epoch++) {
        random = rg_epoch_random(3, epoch);
        uint64_t seed = rg_random_bits(&random);
        rg_batches_start(batches);
        for (rg_batch batch; rg_tape_reset(tape), rg_batches_next(batches, tape, &batch);) {
            rg_mlp_seed_dropout(hand.mlp, ++seed);
            rg_value y = rg_mlp_forward(hand.mlp, tape, batch.inputs);
            rg_optimizer_zero_grad(hand.optimizer);
            CHECK_STATUS(rg_backward(rg_cross_entropy(y, batch.classes)), RG_OK);
            rg_optimizer_step(hand.optimizer);
        }
    }
    cr_assert(same(s.mlp, hand.mlp));
    rg_batches_destroy(batches);
    rg_tape_destroy(tape);
    end(&s);
    end(&hand);
}

Test(train_stop, epochs_have_generators_of_their_own)
{
    rg_random a = rg_epoch_random(1, 2), b = rg_epoch_random(2, 1), c = rg_epoch_random(1, 3);
    rg_random again = rg_epoch_random(1, 2);
    cr_assert(memcmp(&a, &again, sizeof a) == 0);
    cr_assert(memcmp(&a, &b, sizeof a) != 0 && memcmp(&a, &c, sizeof a) != 0);
}
