#include "train.h"

#include <inttypes.h>
#include <math.h>

#include "evaluate.h"
#include "optimizer.h"
#include "progress.h"
#include "snapshot.h"

/* ---- what is trained ---- */

typedef struct trainer {
    rgi_run run;
    rgi_tally tally; /* of this epoch */
    rg_optimizer *optimizer;
    const rg_train_options *options;
    rg_history *history;
    rg_batches *train, *validation, *test; /* the last two may be NULL */
    rg_random random;                      /* the order of this epoch's examples */
    uint64_t dropout;                      /* what the seeds of its steps are counted from */
    rgi_snapshot best;                     /* without memory: no early stopping */
    double best_loss;
    int64_t waited;      /* epochs since the best one */
    int64_t size, steps; /* examples of a step, steps of an epoch */
    rgi_progress progress;
    rg_train_result result; /* its next step is the one being made */
} trainer;

static bool is_penalty(double number)
{
    return number >= 0 && isfinite(number);
}

static rg_status check_numbers(const rg_train_options *options, rg_error *error)
{
    if (options->epochs < 1)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: %" PRId64 " epochs; there must be at least one",
                        options->epochs);
    if (options->first_epoch < 0 || options->first_step < 0)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: it cannot begin with step %" PRId64 " of epoch %" PRId64,
                        options->first_step, options->first_epoch);
    if (!is_penalty(options->l1) || !is_penalty(options->l2))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: l1 is %g and l2 %g; they must be finite and at least 0",
                        options->l1, options->l2);
    if (options->patience < 0 || !is_penalty(options->min_improvement))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: a patience of %" PRId64
                        " epochs or an improvement of %g cannot be waited for",
                        options->patience, options->min_improvement);
    if (options->patience > 0 && !options->validation)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: early stopping needs a validation set");
    return RG_OK;
}

static rg_status check_sets(const rg_mlp *mlp, const rg_dataset *train, const rg_dataset *test,
                            const rg_train_options *options, rg_error *error)
{
    rg_status status = rgi_check_fit(mlp, train, options->loss, "training", error);
    if (status == RG_OK && options->validation)
        status =
            rgi_check_fit(mlp, options->validation, options->loss, "the validation set", error);
    if (status == RG_OK && test)
        status = rgi_check_fit(mlp, test, options->loss, "the test set", error);
    return status;
}

static rg_status check_batches(const trainer *t, int64_t count, rg_error *error)
{
    int64_t last = count - (t->steps - 1) * t->size;
    if (t->result.next_step > t->steps)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: it cannot begin with step %" PRId64 "; an epoch has %" PRId64,
                        t->result.next_step, t->steps);
    const rg_norm_layer *norm = rg_mlp_norm(t->run.mlp, 0);
    if (norm && norm->kind == RG_NORM_BATCH && last == 1)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: batches of %" PRId64 " of %" PRId64
                        " examples leave one alone; batch normalisation needs two",
                        t->size, count);
    return RG_OK;
}

/* ---- one step ---- */

/* The first reason counts. */
static void stop(trainer *t, rg_stop reason)
{
    if (t->result.stop == RG_STOP_EPOCHS)
        t->result.stop = reason;
}

/* Adds the slopes of the penalties to elements of a weight's gradient. */
typedef struct penalty_job {
    rg_param *weight;
    double l1, l2;
} penalty_job;

static void penalty_piece(void *context, int64_t first, int64_t last)
{
    const penalty_job *job = context;
#define ADD_PENALTIES(T)                                           \
    do {                                                           \
        const T *w = rg_param_data(job->weight);                   \
        const T l1 = (T)job->l1, l2 = (T)job->l2;                  \
        T *g = rg_param_grad(job->weight);                         \
        for (int64_t i = first; i < last; i++)                     \
            g[i] += l2 * w[i] + l1 * (T)((w[i] > 0) - (w[i] < 0)); \
    } while (0)
    if (rg_param_type(job->weight) == RG_F64)
        ADD_PENALTIES(double);
    else
        ADD_PENALTIES(float);
}

static void add_penalties(const trainer *t)
{
    const rg_mlp *mlp = t->run.mlp;
    for (int k = 0; k < rg_mlp_layer_count(mlp); k++) {
        rg_param *weight = rg_mlp_layer(mlp, k)->weight;
        penalty_job job = {weight, t->options->l1, t->options->l2};
        if (rg_param_is_frozen(weight))
            continue;
        rg_param_grad(weight); /* if it is to be zeroed first, then not by each piece */
        rgi_parallel(t->run.threads, rg_param_size(weight), RGI_GRAIN, penalty_piece, &job);
    }
}

/* The gradients of a batch, penalties included. */
static rg_status find_gradients(trainer *t, const rg_batch *batch, double *loss, rg_error *error)
{
    const rg_train_options *options = t->options;
    int64_t epoch = t->result.next_epoch, number = t->result.next_step;
    if (rg_mlp_dropout(t->run.mlp) > 0)
        rg_mlp_seed_dropout(t->run.mlp, t->dropout + (uint64_t)number);
    rg_status status = rgi_run_gradients(&t->run, batch, t->optimizer, &t->tally, loss);
    if (status != RG_OK)
        return RGI_FAIL(error, status, "training: epoch %" PRId64 ", step %" PRId64 ": %s", epoch,
                        number, rg_tape_message(t->run.tape));
    if (!isfinite(*loss))
        return RGI_FAIL(error, RG_ERROR_NUMERIC,
                        "training: the loss is %g in epoch %" PRId64 ", step %" PRId64, *loss,
                        epoch, number);
    if (options->l1 > 0 || options->l2 > 0)
        add_penalties(t);
    return RG_OK;
}

/* The parameters change only after everything that can fail. */
static rg_status step(trainer *t, const rg_batch *batch, rg_error *error)
{
    const rg_train_options *options = t->options;
    rg_step at = {t->result.next_epoch, t->result.next_step, 0};
    rg_status status = find_gradients(t, batch, &at.loss, error);
    if (status != RG_OK)
        return status;
    if (options->on_step && options->on_step(options->context, &at))
        stop(t, RG_STOP_CALLBACK);
    status = rg_optimizer_step(t->optimizer);
    if (status != RG_OK)
        return RGI_FAIL(error, status,
                        "training: epoch %" PRId64 ", step %" PRId64
                        ": the gradients could not be exchanged",
                        at.epoch, at.step);
    t->result.next_step++;
    if (options->stop && *options->stop)
        stop(t, RG_STOP_FLAG);
    return RG_OK;
}

/* ---- one epoch ---- */

rg_random rg_epoch_random(uint64_t seed, int64_t epoch)
{
    /* Through the generator once more, so that neighbouring seeds do not share epochs. */
    rg_random random = rg_random_create(seed);
    return rg_random_create(rg_random_bits(&random) + (uint64_t)epoch);
}

static void start_epoch(trainer *t)
{
    t->random = rg_epoch_random(t->options->seed, t->result.next_epoch);
    t->dropout = rg_random_bits(&t->random);
    rgi_tally_start(&t->tally, t->options->loss);
    rg_batches_start(t->train);
    rg_batches_skip(t->train, t->result.next_step - 1);
    rg_tape_reset(t->run.tape);
}

/* Takes down the epoch so far and shows it. */
static void note(trainer *t, int64_t skipped, rg_epoch *epoch)
{
    rg_evaluation result = rgi_tally_result(&t->tally);
    *epoch = (rg_epoch){.epoch = t->result.next_epoch,
                        .loss = result.loss,
                        .accuracy = result.accuracy,
                        .validation_loss = NAN,
                        .validation_accuracy = NAN,
                        .test_loss = NAN,
                        .test_accuracy = NAN};
    rgi_progress_step(&t->progress, epoch, skipped + t->tally.examples);
}

/* A pass over a set that may be NULL. */
static rg_status judge(trainer *t, rg_batches *set, double *loss, double *accuracy, rg_error *error)
{
    rg_evaluation result = {NAN, NAN};
    rg_status status = RG_OK;
    if (set) {
        rgi_tally tally;
        rgi_tally_start(&tally, t->options->loss);
        status = rgi_run_pass(&t->run, set, rgi_tally_batch, &tally, "evaluation", error);
        result = rgi_tally_result(&tally);
    }
    *loss = result.loss;
    *accuracy = result.accuracy;
    return status;
}

/* The steps of an epoch until they are made or the training stops. */
static rg_status run_steps(trainer *t, rg_epoch *epoch, rg_error *error)
{
    int64_t skipped = (t->result.next_step - 1) * t->size;
    start_epoch(t);
    rg_batch batch;
    while (t->result.stop == RG_STOP_EPOCHS && rg_batches_next(t->train, t->run.tape, &batch)) {
        rg_status status = step(t, &batch, error);
        if (status != RG_OK)
            return status;
        rg_tape_reset(t->run.tape);
        if (t->progress.terminal)
            note(t, skipped, epoch);
    }
    note(t, skipped, epoch);
    return RG_OK;
}

/* Remembers the best parameters, and stops if there have been none for long. */
static void watch_validation(trainer *t, const rg_epoch *epoch)
{
    if (epoch->validation_loss < t->best_loss - t->options->min_improvement) {
        t->best_loss = epoch->validation_loss;
        t->result.best_epoch = epoch->epoch;
        t->waited = 0;
        rgi_snapshot_save(&t->best);
    } else if (++t->waited == t->options->patience) {
        stop(t, RG_STOP_EARLY);
    }
}

/* What comes behind the last step of an epoch. */
static rg_status finish_epoch(trainer *t, rg_epoch *epoch, rg_error *error)
{
    const rg_train_options *options = t->options;
    rg_status status =
        judge(t, t->validation, &epoch->validation_loss, &epoch->validation_accuracy, error);
    if (status == RG_OK)
        status = judge(t, t->test, &epoch->test_loss, &epoch->test_accuracy, error);
    if (status != RG_OK)
        return status;
    t->result.next_epoch++;
    t->result.next_step = 1;
    epoch->seconds = rgi_now() - t->progress.began;
    rgi_progress_epoch(&t->progress, epoch);
    if (t->history && rg_history_add(t->history, epoch) != RG_OK)
        return RGI_FAIL(error, RG_ERROR_MEMORY,
                        "training: there is no memory to note epoch %" PRId64, epoch->epoch);
    if (options->patience > 0)
        watch_validation(t, epoch);
    if (options->on_epoch && options->on_epoch(options->context, epoch))
        stop(t, RG_STOP_CALLBACK);
    if (options->stop && *options->stop)
        stop(t, RG_STOP_FLAG);
    return RG_OK;
}

/* ---- all epochs ---- */

static rg_status run_epochs(trainer *t, rg_error *error)
{
    rg_train_result *at = &t->result;
    while (at->stop == RG_STOP_EPOCHS && at->next_epoch <= t->options->epochs) {
        rg_epoch epoch;
        rg_status status = run_steps(t, &epoch, error);
        if (status == RG_OK && at->next_step > t->steps)
            status = finish_epoch(t, &epoch, error);
        if (status != RG_OK)
            return status;
    }
    bool over = at->stop == RG_STOP_EARLY || at->next_epoch > t->options->epochs;
    if (over && at->best_epoch > 0)
        rgi_snapshot_restore(&t->best);
    return RG_OK;
}

/* Makes what the training needs beside the tape and threads. */
static rg_status prepare(trainer *t, const rg_dataset *train, const rg_dataset *test,
                         rg_error *error)
{
    const rg_dataset *validation = t->options->validation;
    rg_params *params = rg_mlp_params(t->run.mlp);
    const rg_allocator *allocator = rg_params_allocator(params);
    t->train = rg_batches_create(train, t->options->batch, &t->random, allocator, error);
    if (!t->train)
        return error->status;
    t->steps = rg_batches_count(t->train);
    t->size = t->steps == 1 ? train->count : t->options->batch;
    if (validation &&
        !(t->validation = rg_batches_create(validation, RGI_EVALUATED, NULL, allocator, error)))
        return error->status;
    if (test && !(t->test = rg_batches_create(test, RGI_EVALUATED, NULL, allocator, error)))
        return error->status;
    if (t->options->patience > 0 && !rgi_snapshot_create(&t->best, params))
        return RGI_FAIL(error, RG_ERROR_MEMORY,
                        "training: there is no memory to keep the best parameters");
    return check_batches(t, train->count, error);
}

static rg_status run_training(trainer *t, const rg_dataset *train, const rg_dataset *test,
                              rg_error *error)
{
    rg_threads *own = t->optimizer->threads;
    rg_status status = prepare(t, train, test, error);
    rg_tape_set_matmul_precision(t->run.tape, t->options->precision);
    if (t->run.threads)
        rg_optimizer_set_threads(t->optimizer, t->run.threads);
    if (status == RG_OK) {
        int64_t before =
            (t->result.next_epoch - 1) * train->count + (t->result.next_step - 1) * t->size;
        rgi_progress_start(&t->progress, t->options->progress, t->options->epochs, train->count,
                           before);
        status = run_epochs(t, error);
        rgi_progress_end(&t->progress);
    }
    rg_batches_destroy(t->train);
    rg_batches_destroy(t->validation);
    rg_batches_destroy(t->test);
    rgi_snapshot_destroy(&t->best);
    rg_optimizer_set_threads(t->optimizer, own);
    return status;
}

rg_status rg_train(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *train,
                   const rg_dataset *test, const rg_train_options *options, rg_history *history,
                   rg_error *error)
{
    rg_error local;
    error = error ? error : &local;
    if (!optimizer || !options)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: the optimizer or the options are NULL");
    rg_status status = check_numbers(options, error);
    if (status == RG_OK)
        status = check_sets(mlp, train, test, options, error);
    if (status != RG_OK)
        return status;
    trainer t = {.optimizer = optimizer,
                 .options = options,
                 .history = history,
                 .best_loss = INFINITY,
                 .result = {.next_epoch = options->first_epoch > 0 ? options->first_epoch : 1,
                            .next_step = options->first_step > 0 ? options->first_step : 1}};
    int training = rg_mlp_is_training(mlp);
    rg_mlp_set_training(mlp, 1);
    status = rgi_run_create(&t.run, mlp, options->threads, "training", error);
    if (status == RG_OK)
        status = run_training(&t, train, test, error);
    rg_mlp_set_training(mlp, training);
    rgi_run_destroy(&t.run);
    if (status != RG_OK)
        t.result.stop = RG_STOP_ERROR;
    if (options->result)
        *options->result = t.result;
    return status;
}
