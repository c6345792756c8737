#include "train.h"

#include <inttypes.h>
#include <math.h>

#include "../ops/loss.h"
#include "internal.h"
#include "progress.h"

/* ---- what fits together ---- */

static rg_status check_fit(const rg_mlp *mlp, const rg_dataset *data, rg_loss loss,
                           const char *what, rg_error *error)
{
    if (!mlp || !data)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the network or the dataset is NULL", what);
    rg_param *first = rg_mlp_layer(mlp, 0)->weight;
    rg_param *last = rg_mlp_layer(mlp, rg_mlp_layer_count(mlp) - 1)->weight;
    int64_t in = rg_param_shape(first).dim[1], out = rg_param_shape(last).dim[0];
    if (data->count < 1)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the dataset has no examples", what);
    if (data->type != rg_param_type(first))
        return RGI_FAIL(error, RG_ERROR_TYPE, "%s: the data are %s but the network is %s", what,
                        rg_type_name(data->type), rg_type_name(rg_param_type(first)));
    if (data->features != in)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "%s: the examples have %" PRId64 " features but the network takes %" PRId64,
                        what, data->features, in);
    switch (loss) {
    case RG_LOSS_CROSS_ENTROPY:
        if (data->classes && data->class_count <= out)
            return RG_OK;
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "%s: the data have %" PRId64 " classes, the network %" PRId64 " outputs",
                        what, data->classes ? data->class_count : 0, out);
    case RG_LOSS_MSE:
    case RG_LOSS_BCE_LOGITS:
        if (data->targets && data->target_width == out)
            return RG_OK;
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "%s: the data have %" PRId64 " targets, the network %" PRId64 " outputs",
                        what, data->targets ? data->target_width : 0, out);
    }
    return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: there is no loss number %d", what, (int)loss);
}

/* ---- one batch ---- */

/* A network running over batches, and what it has come to so far. */
typedef struct run {
    rg_mlp *mlp;
    rg_tape *tape;
    rg_loss loss;
    double loss_sum;       /* over examples */
    int64_t right, judged; /* answers */
    int64_t examples;
} run;

static void start_run(run *r)
{
    r->loss_sum = 0;
    r->right = r->judged = r->examples = 0;
}

static rg_evaluation result_of(const run *r)
{
    double judged = r->judged > 0 ? (double)r->judged : NAN;
    return (rg_evaluation){r->loss_sum / (double)r->examples, (double)r->right / judged};
}

static rg_value record_loss(rg_loss loss, rg_value output, const rg_batch *batch)
{
    switch (loss) {
    case RG_LOSS_CROSS_ENTROPY: return rg_cross_entropy(output, batch->classes);
    case RG_LOSS_MSE: return rg_mse_loss(output, batch->targets, RG_MEAN);
    case RG_LOSS_BCE_LOGITS: return rg_bce_with_logits(output, batch->targets, RG_MEAN);
    }
    return rgi_inert(output.tape);
}

/* Counts the rows whose largest logit is that of the class. */
static void judge_classes(run *r, rg_value output, const rg_batch *batch)
{
    rg_type type = rg_get_type(output);
    int64_t outputs = rg_size(output) / batch->count;
    const void *logits = rg_data(output, type);
    const int64_t *classes = rg_data(batch->classes, RG_I64);
    for (int64_t i = 0; i < batch->count; i++) {
        int64_t row = i * outputs, best = 0;
        for (int64_t k = 1; k < outputs; k++)
            if (rgi_load(logits, type, row + k) > rgi_load(logits, type, row + best))
                best = k;
        r->right += best == classes[i];
    }
    r->judged += batch->count;
}

static void judge_outputs(run *r, rg_value output, const rg_batch *batch)
{
    rg_type type = rg_get_type(output);
    const void *logits = rg_data(output, type), *targets = rg_data(batch->targets, type);
    for (int64_t i = 0; i < rg_size(output); i++)
        r->right += (rgi_load(logits, type, i) > 0) == (rgi_load(targets, type, i) > 0.5);
    r->judged += rg_size(output);
}

/* Records the loss of a batch and adds up how well the network does. */
static rg_value run_batch(run *r, const rg_batch *batch)
{
    rg_value output = rg_dense(rg_mlp_forward(r->mlp, r->tape, batch->inputs));
    rg_value loss = record_loss(r->loss, output, batch);
    if (rg_tape_status(r->tape) != RG_OK)
        return loss;
    r->loss_sum += rg_item(loss) * (double)batch->count;
    r->examples += batch->count;
    if (r->loss == RG_LOSS_CROSS_ENTROPY)
        judge_classes(r, output, batch);
    else if (r->loss == RG_LOSS_BCE_LOGITS)
        judge_outputs(r, output, batch);
    return loss;
}

/* ---- evaluation ---- */

static rg_status evaluate(run *r, rg_batches *batches, rg_evaluation *result, rg_error *error)
{
    int training = rg_mlp_is_training(r->mlp);
    rg_mlp_set_training(r->mlp, 0);
    start_run(r);
    rg_batches_start(batches);
    rg_tape_reset(r->tape);
    rg_status status = rg_tape_status(r->tape);
    for (rg_batch batch; status == RG_OK && rg_batches_next(batches, r->tape, &batch);) {
        run_batch(r, &batch);
        status = rg_tape_status(r->tape);
        if (status == RG_OK)
            rg_tape_reset(r->tape);
    }
    rg_mlp_set_training(r->mlp, training);
    if (status != RG_OK)
        return RGI_FAIL(error, status, "evaluation: %s", rg_tape_message(r->tape));
    *result = result_of(r);
    return RG_OK;
}

static rg_tape *create_tape(const rg_mlp *mlp)
{
    const rg_allocator *allocator = rg_params_allocator(rg_mlp_params(mlp));
    return rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
}

rg_status rg_evaluate(rg_mlp *mlp, const rg_dataset *data, rg_loss loss, int64_t batch,
                      rg_evaluation *result, rg_error *error)
{
    rg_error local;
    error = error ? error : &local;
    *result = (rg_evaluation){NAN, NAN};
    rg_status status = check_fit(mlp, data, loss, "evaluation", error);
    if (status != RG_OK)
        return status;
    const rg_allocator *allocator = rg_params_allocator(rg_mlp_params(mlp));
    rg_batches *batches = rg_batches_create(data, batch, NULL, allocator, error);
    if (!batches)
        return error->status;
    run r = {.mlp = mlp, .tape = create_tape(mlp), .loss = loss};
    status = evaluate(&r, batches, result, error);
    rg_tape_destroy(r.tape);
    rg_batches_destroy(batches);
    return status;
}

/* ---- training ---- */

typedef struct trainer {
    run run;
    rg_optimizer *optimizer;
    const rg_train_options *options;
    rg_random random;
    rg_batches *train, *test; /* `test` may be NULL */
    rg_history *history;
    rgi_progress progress;
} trainer;

/* The parameters change only after everything that can fail. */
static rg_status step(trainer *t, const rg_batch *batch, int64_t epoch, int64_t number,
                      rg_error *error)
{
    rg_tape *tape = t->run.tape;
    rg_value loss = run_batch(&t->run, batch);
    double value = rg_item(loss);
    if (rg_tape_status(tape) == RG_OK && !isfinite(value))
        return RGI_FAIL(error, RG_ERROR_NUMERIC,
                        "training: the loss is %g in epoch %" PRId64 ", step %" PRId64, value,
                        epoch, number);
    rg_optimizer_zero_grad(t->optimizer);
    rg_status status = rg_tape_status(tape);
    if (status == RG_OK)
        status = rg_backward(loss);
    if (status != RG_OK)
        return RGI_FAIL(error, status, "training: epoch %" PRId64 ", step %" PRId64 ": %s", epoch,
                        number, rg_tape_message(tape));
    status = rg_optimizer_step(t->optimizer);
    if (status != RG_OK)
        return RGI_FAIL(error, status,
                        "training: epoch %" PRId64 ", step %" PRId64
                        ": the gradients could not be exchanged",
                        epoch, number);
    return RG_OK;
}

/* Takes down the epoch so far and shows it. */
static void note(trainer *t, int64_t number, rg_epoch *epoch)
{
    rg_evaluation result = result_of(&t->run);
    *epoch = (rg_epoch){.epoch = number,
                        .loss = result.loss,
                        .accuracy = result.accuracy,
                        .test_loss = NAN,
                        .test_accuracy = NAN};
    rgi_progress_step(&t->progress, epoch, t->run.examples);
}

/* One pass over the training data, then one over the test data. */
static rg_status run_epoch(trainer *t, int64_t number, rg_epoch *epoch, rg_error *error)
{
    start_run(&t->run);
    rg_batches_start(t->train);
    rg_tape_reset(t->run.tape);
    rg_batch batch;
    for (int64_t i = 1; rg_batches_next(t->train, t->run.tape, &batch); i++) {
        rg_status status = step(t, &batch, number, i, error);
        if (status != RG_OK)
            return status;
        rg_tape_reset(t->run.tape);
        if (t->progress.terminal)
            note(t, number, epoch);
    }
    note(t, number, epoch);
    if (!t->test)
        return RG_OK;
    rg_evaluation result = {NAN, NAN};
    rg_status status = evaluate(&t->run, t->test, &result, error);
    epoch->test_loss = result.loss;
    epoch->test_accuracy = result.accuracy;
    return status;
}

static rg_status run_epochs(trainer *t, rg_error *error)
{
    const rg_train_options *options = t->options;
    for (int64_t number = 1; number <= options->epochs; number++) {
        rg_epoch epoch;
        rg_status status = run_epoch(t, number, &epoch, error);
        if (status != RG_OK)
            return status;
        epoch.seconds = rgi_now() - t->progress.began;
        rgi_progress_epoch(&t->progress, &epoch);
        if (t->history && rg_history_add(t->history, &epoch) != RG_OK)
            return RGI_FAIL(error, RG_ERROR_MEMORY,
                            "training: there is no memory to note epoch %" PRId64, number);
        if (options->on_epoch && options->on_epoch(options->context, &epoch))
            break;
    }
    return RG_OK;
}

static rg_status check_training(const rg_mlp *mlp, const rg_optimizer *optimizer,
                                const rg_dataset *train, const rg_dataset *test,
                                const rg_train_options *options, rg_error *error)
{
    if (!optimizer || !options)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: the optimizer or the options are NULL");
    if (options->epochs < 1 || options->batch < 0)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "training: %" PRId64 " epochs in batches of %" PRId64
                        "; there must be at least one epoch and batches cannot be negative",
                        options->epochs, options->batch);
    rg_status status = check_fit(mlp, train, options->loss, "training", error);
    if (status == RG_OK && test)
        status = check_fit(mlp, test, options->loss, "the test set", error);
    return status;
}

rg_status rg_train(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *train,
                   const rg_dataset *test, const rg_train_options *options, rg_history *history,
                   rg_error *error)
{
    enum { TEST_BATCH = 256 }; /* large enough for full speed, small enough for the cache */
    rg_error local;
    error = error ? error : &local;
    rg_status status = check_training(mlp, optimizer, train, test, options, error);
    if (status != RG_OK)
        return status;
    const rg_allocator *allocator = rg_params_allocator(rg_mlp_params(mlp));
    trainer t = {.run = {.mlp = mlp, .tape = create_tape(mlp), .loss = options->loss},
                 .optimizer = optimizer,
                 .options = options,
                 .random = rg_random_create(options->seed),
                 .history = history};
    int training = rg_mlp_is_training(mlp);
    rg_mlp_set_training(mlp, 1);
    t.train = rg_batches_create(train, options->batch, &t.random, allocator, error);
    if (t.train && test)
        t.test = rg_batches_create(test, TEST_BATCH, NULL, allocator, error);
    if (t.train && (t.test || !test)) {
        rgi_progress_start(&t.progress, options->progress, options->epochs, train->count);
        status = run_epochs(&t, error);
        rgi_progress_end(&t.progress);
    } else {
        status = error->status;
    }
    rg_mlp_set_training(mlp, training);
    rg_batches_destroy(t.train);
    rg_batches_destroy(t.test);
    rg_tape_destroy(t.run.tape);
    return status;
}
