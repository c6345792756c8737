#include "evaluate.h"

#include <inttypes.h>
#include <math.h>

#include "../ops/elementwise.h"
#include "../ops/loss.h"

/* ---- what fits together ---- */

static bool is_loss(rg_loss loss)
{
    return (int)loss >= RG_LOSS_CROSS_ENTROPY && (int)loss <= RG_LOSS_HUBER;
}

static bool of_classes(rg_loss loss)
{
    return loss == RG_LOSS_CROSS_ENTROPY || loss == RG_LOSS_QUADRATIC ||
           loss == RG_LOSS_BCE_CLASSES;
}

rg_status rgi_check_fit(const rg_mlp *mlp, const rg_dataset *data, rg_loss loss, const char *what,
                        rg_error *error)
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
    if (!is_loss(loss))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: there is no loss number %d", what,
                        (int)loss);
    if (of_classes(loss) && (!data->classes || data->class_count > out))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "%s: the data have %" PRId64 " classes, the network %" PRId64 " outputs",
                        what, data->classes ? data->class_count : 0, out);
    if (!of_classes(loss) && (!data->targets || data->target_width != out))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "%s: the data have %" PRId64 " targets, the network %" PRId64 " outputs",
                        what, data->targets ? data->target_width : 0, out);
    return RG_OK;
}

/* ---- one batch ---- */

void rgi_tally_start(rgi_tally *tally, rg_loss loss)
{
    *tally = (rgi_tally){.loss = loss};
}

rg_evaluation rgi_tally_result(const rgi_tally *tally)
{
    double judged = tally->judged > 0 ? (double)tally->judged : NAN;
    return (rg_evaluation){tally->loss_sum / (double)tally->examples,
                           (double)tally->right / judged};
}

/* [count, outputs]: a 1 in the column of each class, which must be one. */
static rg_value one_hot(rg_value output, const rg_batch *batch)
{
    rg_tape *tape = output.tape;
    rg_type type = rg_get_type(output);
    int64_t outputs = rg_size(output) / batch->count;
    rg_value hot = rg_constant_tensor(tape, type, RG_SHAPE(batch->count, outputs), NULL);
    const int64_t *classes = rg_data(batch->classes, RG_I64);
    if (!rg_is_live(hot) || !classes)
        return hot;
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(tape, rgi_node(tape, hot.serial), &room);
    for (int64_t i = 0; i < batch->count; i++) {
        if (classes[i] < 0 || classes[i] >= outputs) {
            rgi_fail(tape, RG_ERROR_INDEX,
                     "example %" PRId64 " of the batch has class %" PRId64 ", the network %" PRId64
                     " outputs",
                     i, classes[i], outputs);
            return rgi_inert(tape);
        }
        rgi_store(tensor->data, type, i * outputs + classes[i], 1);
    }
    rgi_filled(hot);
    return hot;
}

static rg_value record_loss(rg_loss loss, rg_value output, const rg_batch *batch)
{
    if (!rg_is_live(output))
        return output;
    switch (loss) {
    case RG_LOSS_CROSS_ENTROPY: return rg_cross_entropy(output, batch->classes);
    case RG_LOSS_MSE: return rg_mse_loss(output, batch->targets, RG_MEAN);
    case RG_LOSS_BCE_LOGITS: return rg_bce_with_logits(output, batch->targets, RG_MEAN);
    case RG_LOSS_BCE_CLASSES:
        return rg_bce_with_logits(output, one_hot(output, batch), RG_BATCH_MEAN);
    case RG_LOSS_QUADRATIC:
        output = rg_mse_loss(rg_sigmoid(output), one_hot(output, batch), RG_BATCH_MEAN);
        return rg_mul(0.5, output);
    case RG_LOSS_L1: return rg_l1_loss(output, batch->targets, RG_MEAN);
    case RG_LOSS_HUBER: return rg_huber_loss(output, batch->targets, 1, RG_MEAN);
    }
    return rgi_inert(output.tape);
}

int64_t rgi_largest(const void *array, rg_type type, int64_t first, int64_t count)
{
    int64_t best = 0;
    for (int64_t k = 1; k < count; k++)
        if (rgi_load(array, type, first + k) > rgi_load(array, type, first + best))
            best = k;
    return best;
}

/* Counts the rows whose largest logit is that of the class. */
static void judge_classes(rgi_tally *tally, rg_value output, const rg_batch *batch)
{
    rg_type type = rg_get_type(output);
    int64_t outputs = rg_size(output) / batch->count;
    const void *logits = rg_data(output, type);
    const int64_t *classes = rg_data(batch->classes, RG_I64);
    for (int64_t i = 0; i < batch->count; i++)
        tally->right += rgi_largest(logits, type, i * outputs, outputs) == classes[i];
    tally->judged += batch->count;
}

static void judge_outputs(rgi_tally *tally, rg_value output, const rg_batch *batch)
{
    rg_type type = rg_get_type(output);
    const void *logits = rg_data(output, type), *targets = rg_data(batch->targets, type);
    for (int64_t i = 0; i < rg_size(output); i++)
        tally->right += (rgi_load(logits, type, i) > 0) == (rgi_load(targets, type, i) > 0.5);
    tally->judged += rg_size(output);
}

/* Records the loss and, if that worked, adds up. */
static rg_value tally_output(rgi_tally *tally, rg_value output, const rg_batch *batch)
{
    rg_value loss = record_loss(tally->loss, output, batch);
    if (rg_tape_status(output.tape) != RG_OK)
        return loss;
    tally->loss_sum += rg_item(loss) * (double)batch->count;
    tally->examples += batch->count;
    if (of_classes(tally->loss))
        judge_classes(tally, output, batch);
    else if (tally->loss == RG_LOSS_BCE_LOGITS)
        judge_outputs(tally, output, batch);
    return loss;
}

static rg_value answer(rgi_run *run, const rg_batch *batch)
{
    return rg_dense(rg_mlp_forward(run->mlp, run->tape, batch->inputs));
}

/* ---- runs ---- */

rg_status rgi_run_create(rgi_run *run, rg_mlp *mlp, int threads, const char *what, rg_error *error)
{
    *run = (rgi_run){.mlp = mlp};
    if (threads < 0 || threads > RG_MAX_THREADS)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: there cannot be %d threads; 0 to %d can",
                        what, threads, (int)RG_MAX_THREADS);
    const rg_allocator *allocator = rg_params_allocator(rg_mlp_params(mlp));
    run->tape = rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
    if (threads <= 1)
        return RG_OK;
    run->threads = rg_threads_create(threads, allocator, error);
    rg_tape_set_threads(run->tape, run->threads);
    return run->threads ? RG_OK : error->status;
}

void rgi_run_destroy(rgi_run *run)
{
    rg_tape_destroy(run->tape);
    rg_threads_destroy(run->threads);
}

rg_status rgi_run_gradients(rgi_run *run, const rg_batch *batch, rg_optimizer *optimizer,
                            rgi_tally *tally, double *loss)
{
    rg_value value = tally_output(tally, answer(run, batch), batch);
    *loss = rg_item(value);
    rg_optimizer_zero_grad(optimizer);
    rg_status status = rg_tape_status(run->tape);
    return status == RG_OK ? rg_backward(value) : status;
}

static rg_status judge_batches(rgi_run *run, rg_batches *batches, rgi_judge *judge, void *context,
                               const char *what, rg_error *error)
{
    rg_tape *tape = run->tape;
    rg_tape_reset(tape);
    rg_status status = rg_tape_status(tape);
    for (rg_batch batch; status == RG_OK && rg_batches_next(batches, tape, &batch);) {
        rg_value output = answer(run, &batch);
        if (rg_tape_status(tape) == RG_OK && judge(context, output, &batch, error) != RG_OK)
            return error->status;
        status = rg_tape_status(tape);
        if (status == RG_OK)
            rg_tape_reset(tape);
    }
    if (status != RG_OK)
        return RGI_FAIL(error, status, "%s: %s", what, rg_tape_message(tape));
    return RG_OK;
}

rg_status rgi_run_pass(rgi_run *run, rg_batches *batches, rgi_judge *judge, void *context,
                       const char *what, rg_error *error)
{
    int training = rg_mlp_is_training(run->mlp);
    rg_mlp_set_training(run->mlp, 0);
    rg_batches_start(batches);
    rg_status status = judge_batches(run, batches, judge, context, what, error);
    rg_mlp_set_training(run->mlp, training);
    return status;
}

rg_status rgi_pass(rg_mlp *mlp, const rg_dataset *data, const rg_pass_options *options,
                   rgi_judge *judge, void *context, const char *what, rg_error *error)
{
    const rg_pass_options o = options ? *options : (rg_pass_options){0};
    rg_batches *batches = rg_batches_create(data, o.batch == 0 ? RGI_EVALUATED : o.batch, NULL,
                                            rg_params_allocator(rg_mlp_params(mlp)), error);
    if (!batches)
        return error->status;
    rgi_run run;
    rg_status status = rgi_run_create(&run, mlp, o.threads, what, error);
    if (status == RG_OK)
        status = rgi_run_pass(&run, batches, judge, context, what, error);
    rgi_run_destroy(&run);
    rg_batches_destroy(batches);
    return status;
}

/* ---- evaluation ---- */

rg_status rgi_tally_batch(void *context, rg_value output, const rg_batch *batch, rg_error *error)
{
    (void)error;
    tally_output(context, output, batch);
    return RG_OK;
}

rg_status rg_evaluate(rg_mlp *mlp, const rg_dataset *data, rg_loss loss,
                      const rg_pass_options *options, rg_evaluation *result, rg_error *error)
{
    static const char what[] = "evaluation";
    rg_error local;
    rgi_tally tally;
    error = error ? error : &local;
    rgi_tally_start(&tally, loss);
    *result = (rg_evaluation){NAN, NAN};
    rg_status status = rgi_check_fit(mlp, data, loss, what, error);
    if (status == RG_OK)
        status = rgi_pass(mlp, data, options, rgi_tally_batch, &tally, what, error);
    if (status == RG_OK)
        *result = rgi_tally_result(&tally);
    return status;
}
