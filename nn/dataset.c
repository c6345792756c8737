#include "dataset.h"

#include <inttypes.h>
#include <string.h>

#include "internal.h"

/* The bytes of `rows` rows of `width` elements; false if no object can be that large. */
static bool array_bytes(int64_t rows, int64_t width, size_t element, size_t *bytes)
{
    if (width > 0 && rows > (int64_t)(PTRDIFF_MAX / element) / width)
        return false;
    *bytes = (size_t)rows * (size_t)width * element;
    return true;
}

/* The elements of an array that exists; its size was checked when it was made. */
static size_t sized(const rg_dataset *data, int64_t width)
{
    return (size_t)data->count * (size_t)width * rg_type_size(data->type);
}

/* Zeroed memory, NULL for 0 bytes; clears `ok` if there is none. */
static void *zeros(const rg_allocator *allocator, size_t bytes, bool *ok)
{
    if (bytes == 0)
        return NULL;
    void *block = rgi_alloc(allocator, bytes);
    if (block)
        memset(block, 0, bytes);
    else
        *ok = false;
    return block;
}

static rg_status check_sizes(rg_type type, int64_t count, int64_t features, int64_t class_count,
                             int64_t target_width, rg_error *error)
{
    if (type != RG_F32 && type != RG_F64)
        return RGI_FAIL(error, RG_ERROR_TYPE, "dataset: the type must be float32 or float64");
    if (count < 1 || features < 1)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "dataset: %" PRId64 " examples of %" PRId64
                        " features; there must be at least one of each",
                        count, features);
    if (class_count < 0 || target_width < 0)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "dataset: the number of classes, %" PRId64 ", or of targets, %" PRId64
                        ", is negative",
                        class_count, target_width);
    size_t bytes, element = rg_type_size(type);
    if (!array_bytes(count, features, element, &bytes) ||
        !array_bytes(count, target_width, element, &bytes) ||
        !array_bytes(count, 1, sizeof(int64_t), &bytes))
        return RGI_FAIL(error, RG_ERROR_LIMIT,
                        "dataset: %" PRId64 " examples of %" PRId64 " features and %" PRId64
                        " targets exceed the address space",
                        count, features, target_width);
    return RG_OK;
}

rg_status rg_dataset_create(rg_dataset **out, const rg_allocator *allocator, rg_type type,
                            int64_t count, int64_t features, int64_t class_count,
                            int64_t target_width, rg_error *error)
{
    *out = NULL;
    rg_status status = check_sizes(type, count, features, class_count, target_width, error);
    if (status != RG_OK)
        return status;
    bool ok = true;
    rg_dataset *data = zeros(allocator, sizeof *data, &ok);
    if (data) {
        if (allocator)
            data->allocator = *allocator;
        data->type = type;
        data->count = count;
        data->features = features;
        data->class_count = class_count;
        data->target_width = target_width;
        data->inputs = zeros(allocator, sized(data, features), &ok);
        if (class_count > 0)
            data->classes = zeros(allocator, (size_t)count * sizeof(int64_t), &ok);
        data->targets = zeros(allocator, sized(data, target_width), &ok);
    }
    if (!ok) {
        rg_dataset_destroy(data);
        return RGI_FAIL(error, RG_ERROR_MEMORY,
                        "dataset: no memory for %" PRId64 " examples of %" PRId64 " features",
                        count, features);
    }
    *out = data;
    return RG_OK;
}

void rg_dataset_destroy(rg_dataset *data)
{
    if (!data)
        return;
    rg_allocator allocator = data->allocator;
    rgi_free(&allocator, data->inputs, sized(data, data->features));
    rgi_free(&allocator, data->classes, (size_t)data->count * sizeof(int64_t));
    rgi_free(&allocator, data->targets, sized(data, data->target_width));
    rgi_free(&allocator, data, sizeof *data);
}

/* ---- copies ---- */

static void copy_rows(void *to, int64_t at, const void *from, int64_t first, int64_t count,
                      size_t row)
{
    memcpy((char *)to + (size_t)at * row, (const char *)from + (size_t)first * row,
           (size_t)count * row);
}

void rgi_copy_examples(rg_dataset *to, int64_t at, const rg_dataset *from, int64_t first,
                       int64_t count)
{
    size_t element = rg_type_size(from->type);
    copy_rows(to->inputs, at, from->inputs, first, count, (size_t)from->features * element);
    if (from->classes)
        copy_rows(to->classes, at, from->classes, first, count, sizeof(int64_t));
    if (from->targets)
        copy_rows(to->targets, at, from->targets, first, count,
                  (size_t)from->target_width * element);
}

rg_status rgi_dataset_create_like(const rg_dataset *data, int64_t count, rg_dataset **out,
                                  rg_error *error)
{
    return rg_dataset_create(out, &data->allocator, data->type, count, data->features,
                             data->class_count, data->target_width, error);
}

rg_status rgi_dataset_resize(rg_dataset **data, int64_t count, rg_error *error)
{
    rg_dataset *old = *data, *resized;
    rg_status status = rgi_dataset_create_like(old, count, &resized, error);
    if (status != RG_OK)
        return status;
    rgi_copy_examples(resized, 0, old, 0, count < old->count ? count : old->count);
    rg_dataset_destroy(old);
    *data = resized;
    return RG_OK;
}

rg_status rg_dataset_take(const rg_dataset *data, int64_t first, int64_t count, rg_dataset **out,
                          rg_error *error)
{
    *out = NULL;
    if (first < 0 || first > data->count || count > data->count - first)
        return RGI_FAIL(error, RG_ERROR_INDEX,
                        "take: %" PRId64 " examples from number %" PRId64
                        " on are not within the %" PRId64 " there are",
                        count, first, data->count);
    rg_status status = rgi_dataset_create_like(data, count, out, error);
    if (status == RG_OK)
        rgi_copy_examples(*out, 0, data, first, count);
    return status;
}

const char *rgi_path_end(const char *path)
{
    enum { SHOWN = 100 };
    size_t length = strlen(path);
    return length > SHOWN ? path + length - SHOWN : path;
}
