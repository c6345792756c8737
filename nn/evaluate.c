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

void rgi_run_start(rgi_run *run)
{
    run->loss_sum = 0;
    run->right = run->judged = run->examples = 0;
}

rg_evaluation rgi_run_result(const rgi_run *run)
{
    double judged = run->judged > 0 ? (double)run->judged : NAN;
    return (rg_evaluation){run->loss_sum / (double)run->examples, (double)run->right / judged};
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
static void judge_classes(rgi_run *run, rg_value output, const rg_batch *batch)
{
    rg_type type = rg_get_type(output);
    int64_t outputs = rg_size(output) / batch->count;
    const void *logits = rg_data(output, type);
    const int64_t *classes = rg_data(batch->classes, RG_I64);
    for (int64_t i = 0; i < batch->count; i++)
        run->right += rgi_largest(logits, type, i * outputs, outputs) == classes[i];
    run->judged += batch->count;
}

static void judge_outputs(rgi_run *run, rg_value output, const rg_batch *batch)
{
    rg_type type = rg_get_type(output);
    const void *logits = rg_data(output, type), *targets = rg_data(batch->targets, type);
    for (int64_t i = 0; i < rg_size(output); i++)
        run->right += (rgi_load(logits, type, i) > 0) == (rgi_load(targets, type, i) > 0.5);
    run->judged += rg_size(output);
}

rg_value rgi_run_batch(rgi_run *run, const rg_batch *batch)
{
    rg_value output = rg_dense(rg_mlp_forward(run->mlp, run->tape, batch->inputs));
    rg_value loss = record_loss(run->loss, output, batch);
    if (rg_tape_status(run->tape) != RG_OK)
        return loss;
    run->loss_sum += rg_item(loss) * (double)batch->count;
    run->examples += batch->count;
    if (of_classes(run->loss))
        judge_classes(run, output, batch);
    else if (run->loss == RG_LOSS_BCE_LOGITS)
        judge_outputs(run, output, batch);
    return loss;
}

/* ---- evaluation ---- */

rg_status rgi_run_evaluate(rgi_run *run, rg_batches *batches, rg_evaluation *result,
                           rg_error *error)
{
    int training = rg_mlp_is_training(run->mlp);
    rg_mlp_set_training(run->mlp, 0);
    rgi_run_start(run);
    rg_batches_start(batches);
    rg_tape_reset(run->tape);
    rg_status status = rg_tape_status(run->tape);
    for (rg_batch batch; status == RG_OK && rg_batches_next(batches, run->tape, &batch);) {
        rgi_run_batch(run, &batch);
        status = rg_tape_status(run->tape);
        if (status == RG_OK)
            rg_tape_reset(run->tape);
    }
    rg_mlp_set_training(run->mlp, training);
    if (status != RG_OK)
        return RGI_FAIL(error, status, "evaluation: %s", rg_tape_message(run->tape));
    *result = rgi_run_result(run);
    return RG_OK;
}

rgi_run rgi_run_create(rg_mlp *mlp, rg_loss loss)
{
    const rg_allocator *allocator = rg_params_allocator(rg_mlp_params(mlp));
    rg_tape *tape = rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
    return (rgi_run){.mlp = mlp, .tape = tape, .loss = loss};
}

void rgi_run_destroy(rgi_run *run)
{
    rg_tape_destroy(run->tape);
}

rg_status rg_evaluate(rg_mlp *mlp, const rg_dataset *data, rg_loss loss, int64_t batch,
                      rg_evaluation *result, rg_error *error)
{
    rg_error local;
    error = error ? error : &local;
    *result = (rg_evaluation){NAN, NAN};
    rg_status status = rgi_check_fit(mlp, data, loss, "evaluation", error);
    if (status != RG_OK)
        return status;
    const rg_allocator *allocator = rg_params_allocator(rg_mlp_params(mlp));
    rg_batches *batches = rg_batches_create(data, batch, NULL, allocator, error);
    if (!batches)
        return error->status;
    rgi_run run = rgi_run_create(mlp, loss);
    status = rgi_run_evaluate(&run, batches, result, error);
    rgi_run_destroy(&run);
    rg_batches_destroy(batches);
    return status;
}
