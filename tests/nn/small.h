/* small.h: a small dataset and a small network, for the suites that train. */
#ifndef RG_TESTS_NN_SMALL_H
#define RG_TESTS_NN_SMALL_H

#include "../check.h"
#include "../failing.h"

static inline void put(void *array, rg_type type, int64_t i, double value)
{
    if (type == RG_F32)
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}

/* Points with a class for each half plane and both coordinates, swapped, as targets. */
static inline rg_dataset *make_halves(int64_t count, uint64_t seed)
{
    rg_dataset *data;
    rg_random random = rg_random_create(seed);
    CHECK_STATUS(rg_dataset_create(&data, NULL, RG_F64, count, 2, 2, 2, NULL), RG_OK);
    double *inputs = data->inputs, *targets = data->targets;
    for (int64_t i = 0; i < count; i++) {
        for (int k = 0; k < 2; k++)
            targets[2 * i + 1 - k] = inputs[2 * i + k] = rg_random_normal(&random);
        data->classes[i] = inputs[2 * i] > inputs[2 * i + 1];
    }
    return data;
}

static inline rg_mlp *make_mlp(rg_type type, int64_t hidden, int64_t out, rg_activation activation)
{
    int64_t widths[] = {2, hidden, out};
    rg_mlp_options options = {
        .type = type, .widths = widths, .width_count = 3, .hidden = activation, .seed = 3};
    rg_mlp *mlp = rg_mlp_create(&options, NULL);
    cr_assert(mlp != NULL);
    return mlp;
}

/* All parameters and buffers, one after the other; the caller frees them. */
static inline double *snapshot(rg_mlp *mlp)
{
    rg_params *params = rg_mlp_params(mlp);
    double *all = malloc((size_t)rg_params_size(params) * sizeof *all), *at = all;
    for (int i = 0; i < rg_params_count(params); i++) {
        rg_param_read(rg_params_at(params, i), at);
        at += rg_param_size(rg_params_at(params, i));
    }
    return all;
}

typedef struct watch {
    const failing *memory;
    int64_t after_first;
} watch;

/* Notes, as on_epoch, how many allocations there were by the end of the first epoch. */
static inline int watch_epoch(void *context, const rg_epoch *epoch)
{
    watch *w = context;
    if (epoch->epoch == 1)
        w->after_first = w->memory->calls;
    return 0;
}

#endif
