/* split.c: a dataset divided into parts. */
#include <inttypes.h>
#include <math.h>

#include "internal.h"

/* ---- parts of known sizes ---- */

/* Which example goes where, while that is being found out. */
typedef struct dealing {
    const rg_dataset *data;
    int count;
    const double *shares;
    double sum; /* of the shares */
    int64_t *memory, *order, *part, *first, *dealt;
    size_t bytes;
} dealing;

/* `memory` is cut into the order of examples, the part of each, the first example of each class,
 * and how many each part has. */
static rg_status start_dealing(dealing *d, rg_random *shuffle, bool stratify, rg_error *error)
{
    const rg_dataset *data = d->data;
    size_t examples = (size_t)data->count, classes = stratify ? (size_t)data->class_count : 0;
    d->bytes = (2 * examples + classes + (size_t)d->count) * sizeof *d->memory;
    d->memory = rgi_alloc(&data->allocator, d->bytes);
    if (!d->memory)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "split: no memory to order %" PRId64 " examples",
                        data->count);
    d->order = d->memory;
    d->part = d->order + examples;
    d->first = d->part + examples;
    d->dealt = d->first + classes;
    for (int64_t i = 0; i < data->count; i++)
        d->order[i] = i;
    for (int k = 0; k < d->count; k++)
        d->dealt[k] = 0;
    if (shuffle)
        rg_random_shuffle(shuffle, d->order, examples);
    return RG_OK;
}

static void end_dealing(dealing *d)
{
    rgi_free(&d->data->allocator, d->memory, d->bytes);
}

static void deal(dealing *d, int64_t example, int part)
{
    d->part[example] = part;
    d->dealt[part]++;
}

/* Copies the examples into their parts, in their order. */
static rg_status copy_parts(const dealing *d, rg_dataset **parts, rg_error *error)
{
    rg_status status = RG_OK;
    for (int k = 0; k < d->count && status == RG_OK; k++)
        status = rgi_dataset_create_like(d->data, d->dealt[k], &parts[k], error);
    for (int k = 0; k < d->count; k++)
        d->dealt[k] = 0;
    for (int64_t i = 0; i < d->data->count && status == RG_OK; i++) {
        int64_t example = d->order[i], part = d->part[example];
        rgi_copy_examples(parts[part], d->dealt[part]++, d->data, example, 1);
    }
    for (int k = 0; k < d->count && status != RG_OK; k++) {
        rg_dataset_destroy(parts[k]);
        parts[k] = NULL;
    }
    return status;
}

/* ---- two parts ---- */

/* The number of examples to hold out; 0 if that is not possible. */
static int64_t held_out_count(const rg_dataset *data, double held_out)
{
    if (!(held_out > 0 && held_out < 1))
        return 0;
    double rounded = held_out * (double)data->count + 0.5;
    return rounded < (double)data->count ? (int64_t)rounded : 0;
}

rg_status rg_dataset_split(const rg_dataset *data, double held_out, rg_random *shuffle,
                           rg_dataset **train, rg_dataset **test, rg_error *error)
{
    rg_dataset *parts[2] = {NULL, NULL};
    *train = *test = NULL;
    int64_t held = held_out_count(data, held_out);
    if (held < 1)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "split: holding out a fraction of %g of %" PRId64
                        " examples leaves a part without any",
                        held_out, data->count);
    dealing d = {.data = data, .count = 2};
    rg_status status = start_dealing(&d, shuffle, false, error);
    if (status != RG_OK)
        return status;
    for (int64_t i = 0; i < data->count; i++)
        deal(&d, d.order[i], i >= data->count - held);
    status = copy_parts(&d, parts, error);
    end_dealing(&d);
    *train = parts[0];
    *test = parts[1];
    return status;
}

/* ---- any number of parts ---- */

/* Examples up to a part's boundary are its own. */
static void deal_in_order(dealing *d)
{
    double examples = (double)d->data->count, shares = d->shares[0];
    int part = 0;
    for (int64_t i = 0; i < d->data->count; i++) {
        while (part < d->count - 1 && (double)i + 0.5 > shares / d->sum * examples)
            shares += d->shares[++part];
        deal(d, d->order[i], part);
    }
}

/* The part that lacks most of its share when there is one example more. */
static int neediest(const dealing *d, int64_t dealt)
{
    int best = 0;
    double largest = -INFINITY;
    for (int k = 0; k < d->count; k++) {
        double lacking = d->shares[k] / d->sum * (double)(dealt + 1) - (double)d->dealt[k];
        if (lacking > largest) {
            largest = lacking;
            best = k;
        }
    }
    return best;
}

/* Deals class after class, each in the order of the examples: a list of a class begins with
 * `first`, and until an example is dealt its `part` is the next one of its class. */
static rg_status deal_by_class(dealing *d, rg_error *error)
{
    const rg_dataset *data = d->data;
    int64_t dealt = 0;
    for (int64_t c = 0; c < data->class_count; c++)
        d->first[c] = -1;
    for (int64_t i = data->count - 1; i >= 0; i--) {
        int64_t example = d->order[i], c = data->classes[example];
        if (c < 0 || c >= data->class_count)
            return RGI_FAIL(error, RG_ERROR_INDEX,
                            "split: example %" PRId64 " has class %" PRId64 " of %" PRId64, example,
                            c, data->class_count);
        d->part[example] = d->first[c];
        d->first[c] = example;
    }
    for (int64_t c = 0; c < data->class_count; c++) {
        for (int64_t example = d->first[c]; example >= 0;) {
            int64_t next = d->part[example];
            deal(d, example, neediest(d, dealt++));
            example = next;
        }
    }
    return RG_OK;
}

static rg_status deal_and_copy(dealing *d, bool stratify, rg_dataset **parts, rg_error *error)
{
    rg_status status = RG_OK;
    if (stratify)
        status = deal_by_class(d, error);
    else
        deal_in_order(d);
    for (int k = 0; k < d->count && status == RG_OK; k++)
        if (d->dealt[k] == 0)
            status =
                RGI_FAIL(error, RG_ERROR_ARGUMENT,
                         "split: a share of %g of %" PRId64 " examples leaves part %d without any",
                         d->shares[k] / d->sum, d->data->count, k);
    return status == RG_OK ? copy_parts(d, parts, error) : status;
}

static rg_status check_shares(const rg_dataset *data, int count, const double *shares, int stratify,
                              rg_error *error)
{
    if (count < 1 || !shares)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "split: %d parts cannot be made", count);
    for (int k = 0; k < count; k++)
        if (!(shares[k] > 0 && isfinite(shares[k])))
            return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                            "split: share %d is %g; it must be positive and finite", k, shares[k]);
    if (stratify && !data->classes)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "split: there are no classes to stratify by");
    return RG_OK;
}

rg_status rg_dataset_split_parts(const rg_dataset *data, int count, const double *shares,
                                 int stratify, rg_random *shuffle, rg_dataset **parts,
                                 rg_error *error)
{
    for (int k = 0; k < count; k++)
        parts[k] = NULL;
    rg_status status = check_shares(data, count, shares, stratify, error);
    dealing d = {.data = data, .count = count, .shares = shares};
    if (status == RG_OK)
        status = start_dealing(&d, shuffle, stratify != 0, error);
    if (status != RG_OK)
        return status;
    for (int k = 0; k < count; k++)
        d.sum += shares[k];
    status = deal_and_copy(&d, stratify != 0, parts, error);
    end_dealing(&d);
    return status;
}
