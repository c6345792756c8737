#include "lr_finder.h"

#include <inttypes.h>
#include <math.h>

#include "evaluate.h"
#include "optimizer.h"
#include "snapshot.h"

typedef struct finder {
    rgi_run run;
    rgi_tally tally; /* not looked at */
    rg_optimizer *optimizer;
    rg_lr_options options; /* with the defaults in their places */
    rg_batches *batches;
    rg_random random;
    int64_t epoch;
    double sum, lowest; /* s of the header; the lowest loss noted */
} finder;

static rg_lr_options with_defaults(const rg_lr_options *options)
{
    rg_lr_options o = options ? *options : (rg_lr_options){0};
    o.steps = o.steps == 0 ? 100 : o.steps;
    o.low = o.low == 0 ? 1e-6 : o.low;
    o.high = o.high == 0 ? 10 : o.high;
    o.smoothing = o.smoothing == 0 ? 0.9 : o.smoothing;
    return o;
}

static rg_status check(const rg_lr_options *o, rg_error *error)
{
    if (o->steps < 3)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "search: %" PRId64 " steps; there must be at least three", o->steps);
    if (!(o->low > 0 && o->low < o->high && isfinite(o->high)))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "search: rates from %g to %g; they must be positive and rise", o->low,
                        o->high);
    if (!(o->smoothing >= 0 && o->smoothing < 1))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "search: smoothing is %g; it must be in [0, 1)",
                        o->smoothing);
    return RG_OK;
}

/* The next batch, of a further pass if need be. */
static void next_batch(finder *f, rg_batch *batch)
{
    rg_tape_reset(f->run.tape);
    if (rg_batches_next(f->batches, f->run.tape, batch))
        return;
    f->random = rg_epoch_random(f->options.seed, ++f->epoch);
    rg_mlp_seed_dropout(f->run.mlp, rg_random_bits(&f->random));
    rg_batches_start(f->batches);
    rg_batches_next(f->batches, f->run.tape, batch);
}

/* Step number `i` from 0: notes its point and goes on by its rate. *goes_on becomes 0 where there
 * is nothing more to be seen. */
static rg_status try_rate(finder *f, int64_t i, rg_lr_point *point, bool *goes_on, rg_error *error)
{
    const rg_lr_options *o = &f->options;
    double loss;
    rg_batch batch;
    next_batch(f, &batch);
    rg_status status = rgi_run_gradients(&f->run, &batch, f->optimizer, &f->tally, &loss);
    if (status != RG_OK)
        return RGI_FAIL(error, status, "search: step %" PRId64 ": %s", i + 1,
                        rg_tape_message(f->run.tape));
    f->sum = o->smoothing * f->sum + (1 - o->smoothing) * loss;
    point->rate = o->low * pow(o->high / o->low, (double)i / (double)(o->steps - 1));
    point->loss = f->sum / (1 - pow(o->smoothing, (double)(i + 1)));
    f->lowest = fmin(f->lowest, point->loss);
    *goes_on = isfinite(point->loss) && point->loss <= 4 * f->lowest;
    if (!*goes_on)
        return RG_OK;
    rg_optimizer_set_rate(f->optimizer, point->rate);
    rg_optimizer_step(f->optimizer);
    return RG_OK;
}

static double suggest(const rg_lr_point *points, int64_t count)
{
    int64_t lowest = 0;
    double highest = points[0].loss;
    for (int64_t i = 1; i < count; i++)
        lowest = points[i].loss < points[lowest].loss ? i : lowest;
    for (int64_t i = 1; i < lowest; i++)
        highest = fmax(highest, points[i].loss);
    if (lowest == 0)
        return NAN;
    double level = points[lowest].loss + (highest - points[lowest].loss) / 4;
    int64_t first = lowest;
    while (points[first - 1].loss <= level)
        first--;
    return points[first].rate;
}

static rg_status search(finder *f, rg_lr_point *points, rg_lr_result *result, rg_error *error)
{
    bool goes_on = true;
    rg_status status = RG_OK;
    for (int64_t i = 0; i < f->options.steps && goes_on && status == RG_OK; i++) {
        status = try_rate(f, i, &points[i], &goes_on, error);
        if (status == RG_OK && isfinite(points[i].loss))
            result->count = i + 1;
    }
    if (status == RG_OK && result->count < 3)
        status = RGI_FAIL(error, RG_ERROR_NUMERIC,
                          "search: only %" PRId64 " steps have a finite loss", result->count);
    if (status == RG_OK)
        result->rate = suggest(points, result->count);
    return status;
}

/* Searches, and puts back what that changes. */
static rg_status search_aside(finder *f, const rgi_snapshot *before, rg_lr_point *points,
                              rg_lr_result *result, rg_error *error)
{
    rg_mlp *mlp = f->run.mlp;
    rg_threads *own = f->optimizer->threads;
    double rate = rg_optimizer_rate(f->optimizer);
    int training = rg_mlp_is_training(mlp);
    if (f->run.threads)
        rg_optimizer_set_threads(f->optimizer, f->run.threads);
    rg_mlp_set_training(mlp, 1);
    rg_status status = search(f, points, result, error);
    rg_mlp_set_training(mlp, training);
    rg_optimizer_set_rate(f->optimizer, rate);
    rg_optimizer_set_threads(f->optimizer, own);
    rg_optimizer_zero_grad(f->optimizer);
    rgi_snapshot_restore(before);
    return status;
}

rg_status rg_lr_find(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *data,
                     const rg_lr_options *options, rg_lr_point *points, rg_lr_result *result,
                     rg_error *error)
{
    rg_error local;
    error = error ? error : &local;
    *result = (rg_lr_result){0, NAN};
    finder f = {.optimizer = optimizer, .options = with_defaults(options), .lowest = INFINITY};
    if (!optimizer || !points)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "search: the optimizer or the points are NULL");
    rg_status status = check(&f.options, error);
    if (status == RG_OK)
        status = rgi_check_fit(mlp, data, f.options.loss, "search", error);
    if (status != RG_OK)
        return status;
    rgi_tally_start(&f.tally, f.options.loss);
    rg_params *params = rg_mlp_params(mlp);
    rgi_snapshot before;
    if (!rgi_snapshot_create(&before, params))
        return RGI_FAIL(error, RG_ERROR_MEMORY, "search: there is no memory to keep parameters");
    f.batches =
        rg_batches_create(data, f.options.batch, &f.random, rg_params_allocator(params), error);
    status = f.batches ? RG_OK : error->status;
    if (status == RG_OK)
        status = rgi_run_create(&f.run, mlp, f.options.threads, "search", error);
    if (status == RG_OK)
        status = search_aside(&f, &before, points, result, error);
    rgi_run_destroy(&f.run);
    rg_batches_destroy(f.batches);
    rgi_snapshot_destroy(&before);
    return status;
}
