#include "idx.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "source.h"

enum { UNSIGNED_BYTE = 0x08, FIRST_CAPACITY = 1 << 16 };

/* What an IDX file holds. */
typedef struct contents {
    const rg_allocator *allocator;
    unsigned char *bytes;
    int64_t count, width; /* examples, and bytes of each */
    size_t size, capacity;
} contents;

/* A file being read, with the place in it. */
typedef struct reader {
    rgi_source source;
    int64_t offset;
    rg_error *error;
} reader;

static rg_status unexpected(const reader *in, int64_t offset, const char *expected,
                            const char *found)
{
    return RGI_FAIL(in->error, RG_ERROR_FORMAT, "%s, byte %" PRId64 ": expected %s, found %s",
                    in->source.name, offset, expected, found);
}

/* Reads up to `size` bytes; *got is less only at the end of the file. */
static rg_status read_some(reader *in, void *out, size_t size, size_t *got)
{
    ptrdiff_t count = in->source.read(in->source.file, out, size);
    if (count < 0)
        return RGI_FAIL(in->error, RG_ERROR_IO,
                        "%s, byte %" PRId64 ": cannot be read, or is damaged or truncated",
                        in->source.name, in->offset);
    *got = (size_t)count;
    in->offset += count;
    return RG_OK;
}

/* Reads `size` bytes of the header, called `what` in messages. */
static rg_status read_header_bytes(reader *in, unsigned char *out, size_t size, const char *what)
{
    size_t got;
    rg_status status = read_some(in, out, size, &got);
    if (status == RG_OK && got < size)
        status = unexpected(in, in->offset, what, "the end of the file");
    return status;
}

static rg_status read_magic(reader *in, int *rank)
{
    unsigned char magic[4];
    char found[32];
    rg_status status = read_header_bytes(in, magic, sizeof magic, "the four bytes of the magic");
    if (status != RG_OK)
        return status;
    if (magic[0] != 0 || magic[1] != 0) {
        snprintf(found, sizeof found, "0x%02x 0x%02x", magic[0], magic[1]);
        return unexpected(in, 0, "two zero bytes", found);
    }
    if (magic[2] != UNSIGNED_BYTE) {
        snprintf(found, sizeof found, "0x%02x", magic[2]);
        return unexpected(in, 2, "the type code 0x08 of unsigned bytes", found);
    }
    if (magic[3] == 0)
        return unexpected(in, 3, "at least one dimension", "none");
    *rank = magic[3];
    return RG_OK;
}

static rg_status read_sizes(reader *in, int rank, contents *file)
{
    int64_t product = 1;
    for (int i = 0; i < rank; i++) {
        unsigned char bytes[4];
        rg_status status = read_header_bytes(in, bytes, sizeof bytes, "the size of a dimension");
        if (status != RG_OK)
            return status;
        int64_t size = (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
        if (size == 0)
            return unexpected(in, in->offset - 4, "a size of at least 1", "0");
        if (size > PTRDIFF_MAX / product)
            return RGI_FAIL(in->error, RG_ERROR_LIMIT,
                            "%s, byte %" PRId64 ": the sizes up to here exceed the address space",
                            in->source.name, in->offset - 4);
        product *= size;
        if (i == 0)
            file->count = size;
    }
    file->width = product / file->count;
    return RG_OK;
}

/* Reads `size` bytes of elements. Memory grows with what the file really has, for its sizes may
 * promise anything. */
static rg_status read_elements(reader *in, contents *file, size_t size)
{
    while (file->size < size) {
        size_t capacity = file->capacity ? 2 * file->capacity : FIRST_CAPACITY;
        if (capacity > size)
            capacity = size;
        void *bytes = rgi_resize(file->allocator, file->bytes, file->capacity, capacity);
        if (!bytes)
            return RGI_FAIL(in->error, RG_ERROR_MEMORY, "%s: no memory for %zu bytes",
                            in->source.name, capacity);
        file->bytes = bytes;
        file->capacity = capacity;
        size_t wanted = capacity - file->size, got;
        rg_status status = read_some(in, file->bytes + file->size, wanted, &got);
        if (status != RG_OK)
            return status;
        file->size += got;
        if (got < wanted) {
            char expected[64];
            snprintf(expected, sizeof expected, "%zu more bytes", size - file->size);
            return unexpected(in, in->offset, expected, "the end of the file");
        }
    }
    return RG_OK;
}

static rg_status read_end(reader *in)
{
    unsigned char byte;
    size_t got;
    rg_status status = read_some(in, &byte, 1, &got);
    if (status == RG_OK && got > 0)
        status = unexpected(in, in->offset - 1, "the end of the file", "more bytes");
    return status;
}

/* Reads at most `limit` examples (0: all, and then the file must end) of a file of `labels`, which
 * have one dimension, or of images. */
static rg_status read_contents(reader *in, bool labels, int64_t limit, contents *file)
{
    int rank;
    rg_status status = read_magic(in, &rank);
    if (status == RG_OK && labels && rank != 1)
        status = unexpected(in, 3, "one dimension, as labels have", "more");
    if (status == RG_OK)
        status = read_sizes(in, rank, file);
    if (status != RG_OK)
        return status;
    bool all = limit == 0 || limit >= file->count;
    int64_t count = all ? file->count : limit;
    status = read_elements(in, file, (size_t)count * (size_t)file->width);
    return status == RG_OK && all ? read_end(in) : status;
}

static rg_status read_file(const char *path, bool labels, int64_t limit, contents *file,
                           rg_error *error)
{
    reader in = {.error = error};
    rg_status status = rgi_source_open(&in.source, file->allocator, path, error);
    if (status != RG_OK)
        return status;
    status = read_contents(&in, labels, limit, file);
    rgi_source_close(&in.source);
    return status;
}

/* ---- the dataset ---- */

static rg_status make_dataset(const contents *images, const contents *labels,
                              const rg_idx_options *options, rg_dataset **out, rg_error *error)
{
    int64_t classes = 0;
    for (size_t i = 0; i < labels->size; i++)
        if (labels->bytes[i] >= classes)
            classes = labels->bytes[i] + 1;
    int64_t count = (int64_t)images->size / images->width;
    rg_status status = rg_dataset_create(out, options->allocator, options->type, count,
                                         images->width, classes, 0, error);
    if (status != RG_OK)
        return status;
    rg_dataset *data = *out;
    double scale = options->scale == 0 ? 1.0 / 255 : options->scale;
    for (int64_t i = 0; i < count * images->width; i++)
        rgi_store(data->inputs, data->type, i, images->bytes[i] * scale);
    for (int64_t i = 0; i < count && data->classes; i++)
        data->classes[i] = labels->bytes[i];
    return RG_OK;
}

static rg_status read_both(const char *images_path, const char *labels_path,
                           const rg_idx_options *options, contents *images, contents *labels,
                           rg_error *error)
{
    rg_status status = read_file(images_path, false, options->limit, images, error);
    if (status != RG_OK || !labels_path)
        return status;
    status = read_file(labels_path, true, 0, labels, error);
    if (status == RG_OK && labels->count != images->count)
        status = RGI_FAIL(error, RG_ERROR_FORMAT,
                          "%s, byte 4: expected %" PRId64
                          " labels, as many as there are images, found %" PRId64,
                          rgi_path_end(labels_path), images->count, labels->count);
    return status;
}

rg_status rg_idx_read(const char *images_path, const char *labels_path,
                      const rg_idx_options *options, rg_dataset **out, rg_error *error)
{
    static const rg_idx_options defaults = {0};
    *out = NULL;
    if (!options)
        options = &defaults;
    if (options->type != RG_F32 && options->type != RG_F64)
        return RGI_FAIL(error, RG_ERROR_TYPE, "idx: the type must be float32 or float64");
    if (options->limit < 0)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "idx: the limit, %" PRId64 ", is negative",
                        options->limit);
    if (!(fabs(options->scale) <= (double)FLT_MAX / 255))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "idx: the scale, %g, is too large",
                        options->scale);
    contents images = {.allocator = options->allocator}, labels = images;
    rg_status status = read_both(images_path, labels_path, options, &images, &labels, error);
    if (status == RG_OK)
        status = make_dataset(&images, &labels, options, out, error);
    rgi_free(options->allocator, images.bytes, images.capacity);
    rgi_free(options->allocator, labels.bytes, labels.capacity);
    return status;
}
