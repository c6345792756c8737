#include "safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json.h"

enum { LENGTH_SIZE = 8, ALIGNMENT = 8, FIRST_CAPACITY = 8 };

typedef struct entry {
    rg_stored tensor;
    int64_t begin, end; /* offsets of its data */
    int64_t width;      /* bytes of an element */
    bool known;         /* its type is one of rg_type */
} entry;

struct rg_safetensors {
    rg_allocator allocator;
    char *header; /* which all strings lie in */
    size_t header_size;
    char *data;
    size_t data_size;
    entry *entries; /* in the order of their data */
    int64_t count, capacity;
    const rg_stored **by_name;
    rg_metadata *metadata; /* by key */
    int64_t metadata_count, metadata_capacity;
};

typedef struct reader {
    rgi_file in;
    rgi_json json;
    rg_safetensors *file;
    int64_t data_size; /* of the file after its header */
    bool has_metadata;
    int seen; /* members of the tensor being read */
    rg_error *error;
} reader;

static rg_status no_memory(const reader *r)
{
    return RGI_FAIL(r->error, RG_ERROR_MEMORY, "%s: there is no memory to read it", r->in.name);
}

/* Makes room for one more element in a list; NULL if there is no memory. */
static void *grow(rg_safetensors *file, void *list, int64_t count, int64_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    int64_t larger = *capacity ? 2 * *capacity : FIRST_CAPACITY;
    list = rgi_resize(&file->allocator, list, (size_t)*capacity * size, (size_t)larger * size);
    if (list)
        *capacity = larger;
    return list;
}

/* ---- the header ---- */

/* Reads the length of the header and the header itself. */
static rg_status read_header(reader *r)
{
    const char *name = r->in.name;
    unsigned char bytes[LENGTH_SIZE];
    uint64_t length = 0;
    if (r->in.size < LENGTH_SIZE)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                        "%s: has %" PRId64 " bytes, too few for the length of a header", name,
                        r->in.size);
    rg_status status = rgi_file_read(&r->in, bytes, sizeof bytes, r->error);
    if (status != RG_OK)
        return status;
    for (int i = LENGTH_SIZE - 1; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > RG_SAFETENSORS_MAX_HEADER)
        return RGI_FAIL(r->error, RG_ERROR_LIMIT,
                        "%s: its header would have %" PRIu64 " bytes, beyond %d", name, length,
                        RG_SAFETENSORS_MAX_HEADER);
    r->data_size = r->in.size - LENGTH_SIZE - (int64_t)length;
    if (r->data_size < 0)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                        "%s: its header would have %" PRIu64 " bytes, but only %" PRId64 " follow",
                        name, length, r->in.size - LENGTH_SIZE);
    if (length > 0 && !(r->file->header = rgi_alloc(&r->file->allocator, (size_t)length)))
        return no_memory(r);
    r->file->header_size = (size_t)length;
    r->json = (rgi_json){.text = r->file->header,
                         .size = (size_t)length,
                         .name = name,
                         .origin = LENGTH_SIZE,
                         .error = r->error};
    return rgi_file_read(&r->in, r->file->header, (size_t)length, r->error);
}

static rg_status read_metadata_line(void *context, char *key)
{
    reader *r = context;
    rg_safetensors *file = r->file;
    char *value;
    rg_status status = rgi_json_string(&r->json, &value);
    if (status != RG_OK)
        return status;
    rg_metadata *list =
        grow(file, file->metadata, file->metadata_count, &file->metadata_capacity, sizeof *list);
    if (!list)
        return no_memory(r);
    file->metadata = list;
    list[file->metadata_count++] = (rg_metadata){key, value};
    return RG_OK;
}

static rg_status read_metadata(reader *r)
{
    if (r->has_metadata)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: __metadata__ occurs twice", r->in.name);
    r->has_metadata = true;
    return rgi_json_object(&r->json, read_metadata_line, r);
}

static rg_status read_dtype(reader *r, entry *e)
{
    static const struct {
        const char *name;
        int width;
        bool known;
        rg_type type;
    } dtypes[] = {
        {"F64", 8, true, RG_F64}, {"F32", 4, true, RG_F32}, {"I64", 8, true, RG_I64},
        {"F16", 2, false, 0},     {"BF16", 2, false, 0},    {"BOOL", 1, false, 0},
        {"U8", 1, false, 0},      {"I8", 1, false, 0},      {"U16", 2, false, 0},
        {"I16", 2, false, 0},     {"U32", 4, false, 0},     {"I32", 4, false, 0},
        {"U64", 8, false, 0},     {"F8_E4M3", 1, false, 0}, {"F8_E5M2", 1, false, 0},
    };
    char *name;
    rg_status status = rgi_json_string(&r->json, &name);
    if (status != RG_OK)
        return status;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(name, dtypes[i].name) == 0) {
            e->tensor.dtype = name;
            e->tensor.type = dtypes[i].type;
            e->width = dtypes[i].width;
            e->known = dtypes[i].known;
            return RG_OK;
        }
    return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: %.64s has the unknown dtype %.32s", r->in.name,
                    e->tensor.name, name);
}

/* Reads an array of counts; more than `max` of them are RG_ERROR_LIMIT. */
static rg_status read_counts(reader *r, const entry *e, int64_t *list, int max, int *read)
{
    bool found;
    *read = 0;
    for (int64_t count = 0;;) {
        int64_t value;
        rg_status status = rgi_json_element(&r->json, &count, &found);
        if (status == RG_OK && found)
            status = rgi_json_count(&r->json, &value);
        if (status != RG_OK || !found)
            return status;
        if (*read == max)
            return RGI_FAIL(r->error, RG_ERROR_LIMIT,
                            "%s: %.64s has a list of more than %d numbers", r->in.name,
                            e->tensor.name, max);
        list[(*read)++] = value;
    }
}

static rg_status read_offsets(reader *r, entry *e)
{
    int64_t offsets[RG_MAX_RANK];
    int count;
    rg_status status = read_counts(r, e, offsets, RG_MAX_RANK, &count);
    if (status != RG_OK)
        return status;
    if (count != 2)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: %.64s has %d offsets instead of two",
                        r->in.name, e->tensor.name, count);
    e->begin = offsets[0];
    e->end = offsets[1];
    return RG_OK;
}

/* What a tensor has, each once. */
enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };

/* Reads a member of the tensor last begun. */
static rg_status read_member(void *context, char *key)
{
    reader *r = context;
    entry *e = &r->file->entries[r->file->count - 1];
    int member = strcmp(key, "dtype") == 0          ? DTYPE
                 : strcmp(key, "shape") == 0        ? SHAPE
                 : strcmp(key, "data_offsets") == 0 ? OFFSETS
                                                    : 0;
    if (member == 0 || r->seen & member)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: %.64s has the %smember %.32s%s", r->in.name,
                        e->tensor.name, member ? "" : "unknown ", key, member ? " twice" : "");
    r->seen |= member;
    if (member == DTYPE)
        return read_dtype(r, e);
    if (member == SHAPE)
        return read_counts(r, e, e->tensor.shape.dim, RG_MAX_RANK, &e->tensor.shape.rank);
    return read_offsets(r, e);
}

static rg_status check_extent(const reader *r, const entry *e)
{
    char shape[RG_SHAPE_TEXT_SIZE];
    int64_t size = rg_shape_size(&e->tensor.shape);
    if (size < 0 || size > INT64_MAX / e->width)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: the shape of %.64s has too many elements",
                        r->in.name, e->tensor.name);
    if (e->begin > e->end || e->end > r->data_size)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                        "%s: the offsets of %.64s are %" PRId64 " and %" PRId64
                        ", but there are %" PRId64 " bytes of data",
                        r->in.name, e->tensor.name, e->begin, e->end, r->data_size);
    if (e->end - e->begin != size * e->width)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                        "%s: the offsets of %.64s leave it %" PRId64 " bytes, but %s of %s takes "
                        "%" PRId64,
                        r->in.name, e->tensor.name, e->end - e->begin, e->tensor.dtype,
                        rg_shape_text(&e->tensor.shape, shape), size * e->width);
    return RG_OK;
}

static rg_status read_tensor(reader *r, const char *name)
{
    rg_safetensors *file = r->file;
    entry *list = grow(file, file->entries, file->count, &file->capacity, sizeof *list);
    if (!list)
        return no_memory(r);
    file->entries = list;
    entry *e = &list[file->count++];
    memset(e, 0, sizeof *e);
    e->tensor.name = name;
    r->seen = 0;
    rg_status status = rgi_json_object(&r->json, read_member, r);
    if (status != RG_OK)
        return status;
    if (r->seen != ALL)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: %.64s has no %s", r->in.name, name,
                        !(r->seen & DTYPE)   ? "dtype"
                        : !(r->seen & SHAPE) ? "shape"
                                             : "data_offsets");
    return check_extent(r, e);
}

static rg_status read_entry(void *context, char *key)
{
    return strcmp(key, "__metadata__") == 0 ? read_metadata(context) : read_tensor(context, key);
}

static rg_status parse_header(reader *r)
{
    rg_status status = rgi_json_object(&r->json, read_entry, r);
    return status == RG_OK ? rgi_json_end(&r->json) : status;
}

/* ---- order ---- */

/* Tensors without elements may lie where another begins, and come before it. */
static int compare_places(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const rg_stored *const *)a)->name, (*(const rg_stored *const *)b)->name);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const rg_metadata *)a)->key, ((const rg_metadata *)b)->key);
}

/* Orders the tensors by their data and, in a list of their own, by name. */
static rg_status order_tensors(reader *r)
{
    rg_safetensors *file = r->file;
    if (file->count == 0)
        return RG_OK;
    file->by_name = rgi_alloc(&file->allocator, (size_t)file->count * sizeof *file->by_name);
    if (!file->by_name)
        return no_memory(r);
    qsort(file->entries, (size_t)file->count, sizeof *file->entries, compare_places);
    for (int64_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->entries[i].tensor;
    qsort(file->by_name, (size_t)file->count, sizeof *file->by_name, compare_names);
    return RG_OK;
}

/* Checks that names differ, of tensors and in the metadata. */
static rg_status check_names(const reader *r)
{
    const rg_safetensors *file = r->file;
    const char *twice = NULL;
    for (int64_t i = 1; i < file->count; i++)
        if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0)
            twice = file->by_name[i]->name;
    for (int64_t i = 1; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i - 1].key, file->metadata[i].key) == 0)
            twice = file->metadata[i].key;
    if (twice)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: %.64s occurs twice", r->in.name, twice);
    return RG_OK;
}

/* Checks that the data follow each other up to the end. */
static rg_status check_places(const reader *r)
{
    const rg_safetensors *file = r->file;
    int64_t end = 0;
    for (int64_t i = 0; i < file->count; i++) {
        const entry *e = &file->entries[i];
        if (e->begin != end)
            return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                            "%s: the data of %.64s begin at offset %" PRId64
                            ", but those before end at %" PRId64,
                            r->in.name, e->tensor.name, e->begin, end);
        end = e->end;
    }
    if (end != r->data_size)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                        "%s: the data of all tensors have %" PRId64 " bytes, but %" PRId64
                        " follow the header",
                        r->in.name, end, r->data_size);
    return RG_OK;
}

/* ---- data ---- */

/* Bytes that an entry takes in memory, where all data are aligned. Those skipped are read too, into
 * room that the next one overwrites. */
static size_t room_of(const entry *e)
{
    return (size_t)(e->end - e->begin + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static rg_status read_data(reader *r)
{
    rg_safetensors *file = r->file;
    size_t size = ALIGNMENT; /* so that data without elements have a place too */
    for (int64_t i = 0; i < file->count; i++)
        size += room_of(&file->entries[i]);
    file->data = rgi_alloc(&file->allocator, size);
    if (!file->data)
        return no_memory(r);
    file->data_size = size;
    char *at = file->data;
    for (int64_t i = 0; i < file->count; i++) {
        entry *e = &file->entries[i];
        size_t bytes = (size_t)(e->end - e->begin);
        rg_status status = rgi_file_read(&r->in, at, bytes, r->error);
        if (status != RG_OK)
            return status;
        if (!e->known)
            continue;
        if (!rgi_is_little_endian())
            rgi_swap_bytes(at, bytes / (size_t)e->width, (size_t)e->width);
        e->tensor.data = at;
        at += room_of(e);
    }
    return RG_OK;
}

/* ---- the whole ---- */

static rg_status read_file(reader *r)
{
    rg_status status = read_header(r);
    if (status == RG_OK)
        status = parse_header(r);
    if (status == RG_OK)
        status = order_tensors(r);
    if (status != RG_OK)
        return status;
    if (r->file->metadata_count > 0)
        qsort(r->file->metadata, (size_t)r->file->metadata_count, sizeof(rg_metadata),
              compare_keys);
    status = check_names(r);
    if (status == RG_OK)
        status = check_places(r);
    if (status == RG_OK)
        status = read_data(r);
    return status;
}

rg_status rg_safetensors_read(const char *path, const rg_allocator *allocator, rg_safetensors **out,
                              rg_error *error)
{
    reader r = {.error = error};
    *out = NULL;
    rg_status status = rgi_file_open(&r.in, path, error);
    if (status != RG_OK)
        return status;
    r.file = rgi_alloc(allocator, sizeof *r.file);
    if (r.file) {
        memset(r.file, 0, sizeof *r.file);
        if (allocator)
            r.file->allocator = *allocator;
        status = read_file(&r);
    } else {
        status = no_memory(&r);
    }
    rgi_file_close(&r.in);
    if (status == RG_OK)
        *out = r.file;
    else
        rg_safetensors_destroy(r.file);
    return status;
}

void rg_safetensors_destroy(rg_safetensors *file)
{
    if (!file)
        return;
    rg_allocator allocator = file->allocator;
    rgi_free(&allocator, file->header, file->header_size);
    rgi_free(&allocator, file->data, file->data_size);
    rgi_free(&allocator, file->entries, (size_t)file->capacity * sizeof *file->entries);
    rgi_free(&allocator, file->by_name, (size_t)file->count * sizeof *file->by_name);
    rgi_free(&allocator, file->metadata, (size_t)file->metadata_capacity * sizeof *file->metadata);
    rgi_free(&allocator, file, sizeof *file);
}

int64_t rg_safetensors_count(const rg_safetensors *file)
{
    return file->count;
}

const rg_stored *rg_safetensors_at(const rg_safetensors *file, int64_t i)
{
    return i >= 0 && i < file->count ? &file->entries[i].tensor : NULL;
}

const rg_stored *rg_safetensors_find(const rg_safetensors *file, const char *name)
{
    rg_stored wanted = {.name = name};
    const rg_stored *key = &wanted, *const *found = NULL;
    if (file->count > 0)
        found = bsearch(&key, file->by_name, (size_t)file->count, sizeof key, compare_names);
    return found ? *found : NULL;
}

const char *rg_safetensors_metadata(const rg_safetensors *file, const char *key)
{
    rg_metadata wanted = {.key = key};
    const rg_metadata *found = NULL;
    if (file->metadata_count > 0)
        found = bsearch(&wanted, file->metadata, (size_t)file->metadata_count, sizeof wanted,
                        compare_keys);
    return found ? found->value : NULL;
}
