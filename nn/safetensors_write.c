#include "safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json.h"

enum { ALIGNMENT = 8 };

static const char *dtype_of(rg_type type)
{
    switch (type) {
    case RG_F64: return "F64";
    case RG_F32: return "F32";
    case RG_I64: return "I64";
    }
    return NULL;
}

/* ---- what can be written ---- */

static rg_status check_tensor(const char *name, const rg_stored *tensor, rg_error *error)
{
    if (!tensor->name || strcmp(tensor->name, "__metadata__") == 0)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: a tensor cannot be called %s", name,
                        tensor->name ? tensor->name : "NULL");
    if (!dtype_of(tensor->type))
        return RGI_FAIL(error, RG_ERROR_TYPE, "%s: the type of %.64s is none", name, tensor->name);
    int64_t size = rg_shape_size(&tensor->shape);
    if (size < 0)
        return RGI_FAIL(error, RG_ERROR_SHAPE,
                        "%s: the shape of %.64s has a negative dimension, more than %d of them, or "
                        "too many elements",
                        name, tensor->name, RG_MAX_RANK);
    if (size > 0 && !tensor->data)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the data of %.64s are NULL", name,
                        tensor->name);
    return RG_OK;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Checks that `count` strings, `stride` bytes apart, differ. */
static rg_status check_distinct(const char *name, const char *const *first, size_t stride,
                                int64_t count, const rg_allocator *allocator, rg_error *error)
{
    if (count < 2)
        return RG_OK;
    size_t bytes = (size_t)count * sizeof(char *);
    const char **sorted = rgi_alloc(allocator, bytes);
    if (!sorted)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "%s: there is no memory to write it", name);
    for (int64_t i = 0; i < count; i++)
        memcpy(&sorted[i], (const char *)first + (size_t)i * stride, sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, compare_strings);
    const char *twice = NULL;
    for (int64_t i = 1; i < count && !twice; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            twice = sorted[i];
    rgi_free(allocator, sorted, bytes);
    if (twice)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the name %.64s is given twice", name, twice);
    return RG_OK;
}

/* ---- the header ---- */

typedef struct writer {
    const char *name; /* of the file, for messages */
    const rg_stored *tensors;
    int64_t count;
    rgi_buffer header;
    rgi_part *parts; /* the header's two, then one for each tensor */
    int64_t part_count;
    int64_t end; /* of the data so far */
    rg_error *error;
} writer;

static rg_status add_string(writer *w, const char *text, const char *what)
{
    if (text && rgi_json_add_string(&w->header, text))
        return RG_OK;
    return RGI_FAIL(w->error, RG_ERROR_ARGUMENT, "%s: %s is %s", w->name, what,
                    text ? "not UTF-8" : "NULL");
}

static rg_status add_metadata(writer *w, const rg_metadata *metadata, int64_t count)
{
    rg_status status = RG_OK;
    rgi_buffer_print(&w->header, "\"__metadata__\":{");
    for (int64_t i = 0; status == RG_OK && i < count; i++) {
        if (i > 0)
            rgi_buffer_print(&w->header, ",");
        status = add_string(w, metadata[i].key, "a key of the metadata");
        rgi_buffer_print(&w->header, ":");
        if (status == RG_OK)
            status = add_string(w, metadata[i].value, "a value of the metadata");
    }
    rgi_buffer_print(&w->header, "}");
    return status;
}

static rg_status add_tensor(writer *w, const rg_stored *tensor)
{
    int64_t size = rg_shape_size(&tensor->shape), width = (int64_t)rg_type_size(tensor->type);
    if (size > (INT64_MAX - w->end) / width)
        return RGI_FAIL(w->error, RG_ERROR_LIMIT, "%s: the data up to %.64s exceed 2^63 bytes",
                        w->name, tensor->name);
    if (w->header.size > 1)
        rgi_buffer_print(&w->header, ",");
    rg_status status = add_string(w, tensor->name, "the name of a tensor");
    rgi_buffer_print(&w->header, ":{\"dtype\":\"%s\",\"shape\":[", dtype_of(tensor->type));
    for (int i = 0; i < tensor->shape.rank; i++)
        rgi_buffer_print(&w->header, "%s%" PRId64, i ? "," : "", tensor->shape.dim[i]);
    rgi_buffer_print(&w->header, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", w->end,
                     w->end + size * width);
    w->parts[w->part_count++] = (rgi_part){tensor->data, (size_t)(size * width), (size_t)width};
    w->end += size * width;
    return status;
}

static rg_status make_header(writer *w, const rg_metadata *metadata, int64_t metadata_count)
{
    rg_status status = RG_OK;
    rgi_buffer_print(&w->header, "{");
    if (metadata_count > 0)
        status = add_metadata(w, metadata, metadata_count);
    for (size_t width = ALIGNMENT; width >= 4; width /= 2)
        for (int64_t i = 0; status == RG_OK && i < w->count; i++)
            if (rg_type_size(w->tensors[i].type) == width)
                status = add_tensor(w, &w->tensors[i]);
    rgi_buffer_print(&w->header, "}");
    while (!w->header.failed && w->header.size % ALIGNMENT != 0)
        rgi_buffer_print(&w->header, " ");
    if (status != RG_OK)
        return status;
    if (w->header.failed)
        return RGI_FAIL(w->error, RG_ERROR_MEMORY, "%s: there is no memory for its header",
                        w->name);
    if (w->header.size > RG_SAFETENSORS_MAX_HEADER)
        return RGI_FAIL(w->error, RG_ERROR_LIMIT, "%s: the header would have %zu bytes, beyond %d",
                        w->name, w->header.size, RG_SAFETENSORS_MAX_HEADER);
    return RG_OK;
}

static rg_status write_file(writer *w, const char *path, const rg_metadata *metadata,
                            int64_t metadata_count)
{
    const rg_allocator *allocator = w->header.allocator;
    size_t bytes = ((size_t)w->count + 2) * sizeof *w->parts;
    w->parts = rgi_alloc(allocator, bytes);
    if (!w->parts)
        return RGI_FAIL(w->error, RG_ERROR_MEMORY, "%s: there is no memory to write it", w->name);
    w->part_count = 2;
    rg_status status = make_header(w, metadata, metadata_count);
    uint64_t length = w->header.size;
    w->parts[0] = (rgi_part){&length, sizeof length, sizeof length};
    w->parts[1] = (rgi_part){w->header.bytes, w->header.size, 1};
    if (status == RG_OK)
        status = rgi_file_replace(path, w->parts, w->part_count, allocator, w->error);
    rgi_buffer_free(&w->header);
    rgi_free(allocator, w->parts, bytes);
    return status;
}

rg_status rg_safetensors_write(const char *path, const rg_stored *tensors, int64_t count,
                               const rg_metadata *metadata, int64_t metadata_count,
                               const rg_allocator *allocator, rg_error *error)
{
    writer w = {.name = rgi_path_end(path),
                .tensors = tensors,
                .count = count,
                .header = {.allocator = allocator},
                .error = error};
    rg_status status = RG_OK;
    if (count < 0 || metadata_count < 0)
        status = RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the number of %s is negative", w.name,
                          count < 0 ? "tensors" : "lines of metadata");
    for (int64_t i = 0; status == RG_OK && i < count; i++)
        status = check_tensor(w.name, &tensors[i], error);
    for (int64_t i = 0; status == RG_OK && i < metadata_count; i++)
        if (!metadata[i].key)
            status =
                RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: a key of the metadata is NULL", w.name);
    if (status == RG_OK && count > 0)
        status = check_distinct(w.name, &tensors->name, sizeof *tensors, count, allocator, error);
    if (status == RG_OK && metadata_count > 0)
        status = check_distinct(w.name, &metadata->key, sizeof *metadata, metadata_count, allocator,
                                error);
    return status == RG_OK ? write_file(&w, path, metadata, metadata_count) : status;
}
