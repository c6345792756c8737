#include "normalize.h"

#include <inttypes.h>
#include <math.h>

#include "internal.h"

/* How a feature changes. A divisor of 0 means that it was constant. */
typedef struct scaling {
    double shift, divisor;
} scaling;

struct rg_normalizer {
    rg_allocator allocator;
    int64_t features;
    scaling *scaling; /* of each feature */
};

/* ---- fitting: one pass over the examples in the order they lie in memory ---- */

/* While fitting, `divisor` holds the sum of squared differences from the mean or the maximum. A
 * constant feature ends with a sum, or a range, of exactly 0. */

static scaling first(rg_normalization mode)
{
    return mode == RG_STANDARDIZE ? (scaling){0, 0} : (scaling){INFINITY, -INFINITY};
}

static void add(scaling *s, rg_normalization mode, double x, int64_t count)
{
    if (mode == RG_STANDARDIZE) {
        double difference = x - s->shift;
        s->shift += difference / (double)count;
        s->divisor += difference * (x - s->shift);
    } else {
        s->shift = x < s->shift || isnan(x) ? x : s->shift;
        s->divisor = x > s->divisor ? x : s->divisor;
    }
}

static scaling last(scaling s, rg_normalization mode, int64_t count)
{
    double divisor = mode == RG_STANDARDIZE ? sqrt(s.divisor / (double)count) : s.divisor - s.shift;
    return (scaling){s.shift, divisor};
}

static rg_status fit_features(scaling *list, const rg_dataset *data, rg_normalization mode,
                              rg_error *error)
{
    for (int64_t k = 0; k < data->features; k++)
        list[k] = first(mode);
    for (int64_t i = 0; i < data->count; i++)
        for (int64_t k = 0; k < data->features; k++)
            add(&list[k], mode, rgi_load(data->inputs, data->type, i * data->features + k), i + 1);
    for (int64_t k = 0; k < data->features; k++) {
        list[k] = last(list[k], mode, data->count);
        if (!isfinite(list[k].shift) || !isfinite(list[k].divisor))
            return RGI_FAIL(error, RG_ERROR_NUMERIC,
                            "normalizer: feature %" PRId64
                            " holds a number that is not finite or too large",
                            k);
    }
    return RG_OK;
}

/* ---- the normalizer ---- */

rg_status rg_normalizer_fit(rg_normalizer **out, const rg_dataset *data, rg_normalization mode,
                            rg_error *error)
{
    *out = NULL;
    if (mode != RG_STANDARDIZE && mode != RG_RESCALE)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "normalizer: there is no mode %d", (int)mode);
    rg_allocator allocator = data->allocator;
    rg_normalizer *normalizer = rgi_alloc(&allocator, sizeof *normalizer);
    scaling *list = rgi_alloc(&allocator, (size_t)data->features * sizeof *list);
    if (!normalizer || !list) {
        rgi_free(&allocator, normalizer, sizeof *normalizer);
        rgi_free(&allocator, list, (size_t)data->features * sizeof *list);
        return RGI_FAIL(error, RG_ERROR_MEMORY, "normalizer: no memory for %" PRId64 " features",
                        data->features);
    }
    *normalizer = (rg_normalizer){allocator, data->features, list};
    rg_status status = fit_features(list, data, mode, error);
    if (status == RG_OK)
        *out = normalizer;
    else
        rg_normalizer_destroy(normalizer);
    return status;
}

rg_status rg_normalizer_apply(const rg_normalizer *normalizer, rg_dataset *data, rg_error *error)
{
    if (normalizer->features != data->features)
        return RGI_FAIL(error, RG_ERROR_SHAPE,
                        "normalizer: fitted to %" PRId64 " features, not %" PRId64,
                        normalizer->features, data->features);
    for (int64_t i = 0; i < data->count; i++) {
        for (int64_t k = 0; k < data->features; k++) {
            scaling s = normalizer->scaling[k];
            int64_t at = i * data->features + k;
            double x = rgi_load(data->inputs, data->type, at) - s.shift;
            rgi_store(data->inputs, data->type, at, s.divisor == 0 ? 0 : x / s.divisor);
        }
    }
    return RG_OK;
}

void rg_normalizer_destroy(rg_normalizer *normalizer)
{
    if (!normalizer)
        return;
    rg_allocator allocator = normalizer->allocator;
    rgi_free(&allocator, normalizer->scaling, (size_t)normalizer->features * sizeof(scaling));
    rgi_free(&allocator, normalizer, sizeof *normalizer);
}
