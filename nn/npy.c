#include "npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "file.h"

enum { MAGIC_SIZE = 6, VERSION_SIZE = 2, DATA_ALIGNMENT = 64, HEADER_ROOM = 512 };

static const char magic[] = "\x93NUMPY";

/* ---- writing ---- */

/* Writes magic, version, length and dictionary into `out` and returns their size. */
static size_t make_header(char *out, rg_type type, const rg_shape *shape)
{
    static const char *const descr[] = {[RG_F64] = "<f8", [RG_F32] = "<f4", [RG_I64] = "<i8"};
    const size_t before = MAGIC_SIZE + VERSION_SIZE + 2;
    size_t used = before;
    used += (size_t)snprintf(out + used, HEADER_ROOM - used,
                             "{'descr': '%s', 'fortran_order': False, 'shape': (", descr[type]);
    for (int i = 0; i < shape->rank; i++)
        used += (size_t)snprintf(out + used, HEADER_ROOM - used, "%s%" PRId64, i ? ", " : "",
                                 shape->dim[i]);
    used += (size_t)snprintf(out + used, HEADER_ROOM - used, shape->rank == 1 ? ",), }" : "), }");
    while ((used + 1) % DATA_ALIGNMENT != 0)
        out[used++] = ' ';
    out[used++] = '\n';
    memcpy(out, magic, MAGIC_SIZE);
    memcpy(out + MAGIC_SIZE, "\x01\x00", VERSION_SIZE);
    out[before - 2] = (char)((used - before) & 0xff);
    out[before - 1] = (char)((used - before) >> 8);
    return used;
}

rg_status rg_npy_write(const char *path, rg_type type, rg_shape shape, const void *data,
                       const rg_allocator *allocator, rg_error *error)
{
    const char *name = rgi_path_end(path);
    int64_t size = rg_shape_size(&shape);
    if (type != RG_F64 && type != RG_F32 && type != RG_I64)
        return RGI_FAIL(error, RG_ERROR_TYPE, "%s: the type is none", name);
    size_t width = rg_type_size(type);
    if (size < 0 || (uint64_t)size > PTRDIFF_MAX / width)
        return RGI_FAIL(error, RG_ERROR_SHAPE,
                        "%s: the shape has a negative dimension, more than %d of them, or too many "
                        "elements",
                        name, RG_MAX_RANK);
    if (size > 0 && !data)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the elements are NULL", name);
    char header[HEADER_ROOM];
    const rgi_part parts[] = {{header, make_header(header, type, &shape), 1},
                              {data, (size_t)size * width, width}};
    return rgi_file_replace(path, parts, 2, allocator, error);
}

/* ---- the header ---- */

/* What an array in a file is like. */
typedef struct form {
    rg_type type;
    size_t width; /* of an element in the file */
    bool swapped; /* in the other byte order than this machine's */
    bool fortran;
    rg_shape shape;
    int64_t size; /* elements */
} form;

typedef struct reader {
    rgi_file in;
    const rg_allocator *allocator;
    char *header; /* the dictionary */
    size_t size, at;
    int64_t origin; /* the byte of the file where it begins */
    form form;
    rg_error *error;
} reader;

static rg_status unexpected(const reader *r, const char *expected)
{
    char found[16] = "the end";
    if (r->at < r->size) {
        unsigned char c = (unsigned char)r->header[r->at];
        snprintf(found, sizeof found, c > ' ' && c < 0x7f ? "%c" : "byte 0x%02x", c);
    }
    return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s, byte %" PRId64 ": expected %s, found %s",
                    r->in.name, r->origin + (int64_t)r->at, expected, found);
}

static void skip_blanks(reader *r)
{
    while (r->at < r->size && r->header[r->at] && strchr(" \t\r\n", r->header[r->at]))
        r->at++;
}

/* Skips blanks and, if `text` follows, takes it. */
static bool take(reader *r, const char *text)
{
    size_t length = strlen(text);
    skip_blanks(r);
    if (r->size - r->at < length || memcmp(r->header + r->at, text, length) != 0)
        return false;
    r->at += length;
    return true;
}

/* Takes a string of up to `size` - 1 plain characters; false if there is none. */
static bool take_string(reader *r, char *out, size_t size)
{
    skip_blanks(r);
    size_t start = r->at, length = 0;
    char quote = 0;
    if (r->at < r->size)
        quote = r->header[r->at];
    if (quote == '\'' || quote == '"')
        for (r->at++; r->at < r->size && length < size; r->at++) {
            char c = r->header[r->at];
            if (c == quote) {
                out[length] = 0;
                r->at++;
                return true;
            }
            if (c < ' ' || c == '\\')
                break;
            out[length++] = c;
        }
    r->at = start;
    return false;
}

static rg_status read_descr(reader *r)
{
    static const struct {
        const char *name;
        rg_type type;
    } types[] = {{"f8", RG_F64}, {"f4", RG_F32}, {"i8", RG_I64}, {"i4", RG_I64}, {"u1", RG_I64}};
    char text[16];
    size_t start = r->at;
    if (!take_string(r, text, sizeof text))
        return unexpected(r, "a short string for descr");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (text[0] && strchr("<>=|", text[0]) && strcmp(text + 1, types[i].name) == 0) {
            r->form.type = types[i].type;
            r->form.width = (size_t)(text[2] - '0');
            r->form.swapped = text[0] == (rgi_is_little_endian() ? '>' : '<');
            return RG_OK;
        }
    r->at = start;
    return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                    "%s: the elements are %s; f8, f4, i8, i4 and u1 can be read", r->in.name, text);
}

static rg_status read_order(reader *r)
{
    r->form.fortran = take(r, "True");
    if (r->form.fortran || take(r, "False"))
        return RG_OK;
    return unexpected(r, "True or False");
}

static rg_status read_dimension(reader *r, int64_t *out)
{
    static const char expected[] = "a dimension from 0 to 2^63 - 1 in plain digits";
    skip_blanks(r);
    size_t start = r->at;
    *out = 0;
    for (; r->at < r->size && r->header[r->at] >= '0' && r->header[r->at] <= '9'; r->at++) {
        int digit = r->header[r->at] - '0';
        if (*out > (INT64_MAX - digit) / 10 || (*out == 0 && r->at > start)) {
            r->at = start;
            return unexpected(r, expected);
        }
        *out = 10 * *out + digit;
    }
    return r->at > start ? RG_OK : unexpected(r, expected);
}

/* Reads a tuple: a single dimension must have a comma behind it. */
static rg_status read_shape(reader *r)
{
    rg_shape *shape = &r->form.shape;
    if (!take(r, "("))
        return unexpected(r, "a tuple for the shape");
    for (shape->rank = 0; !take(r, ")");) {
        int64_t dim;
        rg_status status = read_dimension(r, &dim);
        if (status != RG_OK)
            return status;
        if (shape->rank == RG_MAX_RANK)
            return RGI_FAIL(r->error, RG_ERROR_LIMIT, "%s: the shape has more than %d dimensions",
                            r->in.name, RG_MAX_RANK);
        shape->dim[shape->rank++] = dim;
        if (take(r, ","))
            continue;
        if (shape->rank > 1 && take(r, ")"))
            break;
        return unexpected(r, shape->rank > 1 ? "a comma or )" : "a comma");
    }
    return RG_OK;
}

/* Reads one of the three members and notes it in *seen. */
static rg_status read_member(reader *r, unsigned *seen)
{
    static const struct {
        const char *key;
        rg_status (*read)(reader *r);
    } members[] = {{"descr", read_descr}, {"fortran_order", read_order}, {"shape", read_shape}};
    char key[16];
    size_t start = r->at;
    if (take_string(r, key, sizeof key))
        for (unsigned i = 0; i < 3; i++)
            if (strcmp(key, members[i].key) == 0 && !(*seen & 1u << i)) {
                *seen |= 1u << i;
                return take(r, ":") ? members[i].read(r) : unexpected(r, "a colon");
            }
    r->at = start;
    skip_blanks(r);
    return unexpected(r, "'descr', 'fortran_order' and 'shape', each once");
}

static rg_status parse_dictionary(reader *r)
{
    unsigned seen = 0;
    if (!take(r, "{"))
        return unexpected(r, "a dictionary");
    while (seen != 7) {
        rg_status status = read_member(r, &seen);
        if (status != RG_OK)
            return status;
        if (!take(r, ",") && seen != 7)
            return unexpected(r, "a comma");
    }
    if (!take(r, "}"))
        return unexpected(r, "}");
    skip_blanks(r);
    return r->at == r->size ? RG_OK : unexpected(r, "the end of the header");
}

/* Reads the bytes before the dictionary; *length becomes its length. */
static rg_status read_start(reader *r, uint64_t *length)
{
    unsigned char bytes[MAGIC_SIZE + VERSION_SIZE + 4];
    size_t before = MAGIC_SIZE + VERSION_SIZE;
    rg_status status = RG_OK;
    if (r->in.size >= (int64_t)before)
        status = rgi_file_read(&r->in, bytes, before, r->error);
    if (status != RG_OK)
        return status;
    if (r->in.size < (int64_t)before || memcmp(bytes, magic, MAGIC_SIZE) != 0)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: does not begin like a .npy file",
                        r->in.name);
    int major = bytes[MAGIC_SIZE], minor = bytes[MAGIC_SIZE + 1];
    if (major < 1 || major > 3 || minor != 0)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                        "%s: has version %d.%d; 1.0, 2.0 and 3.0 can be read", r->in.name, major,
                        minor);
    size_t width = major == 1 ? 2 : 4;
    r->origin = (int64_t)(before + width);
    if (r->in.size < r->origin)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: ends before its header", r->in.name);
    status = rgi_file_read(&r->in, bytes, width, r->error);
    *length = 0;
    for (size_t i = width; i > 0; i--)
        *length = *length << 8 | bytes[i - 1];
    return status;
}

static rg_status read_header(reader *r)
{
    uint64_t length;
    rg_status status = read_start(r, &length);
    if (status != RG_OK)
        return status;
    int64_t left = r->in.size - r->origin;
    if (length == 0 || length > (uint64_t)left)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                        "%s: its header would have %" PRIu64 " bytes, but %" PRId64 " follow",
                        r->in.name, length, left);
    r->header = rgi_alloc(r->allocator, (size_t)length);
    if (!r->header)
        return RGI_FAIL(r->error, RG_ERROR_MEMORY, "%s: there is no memory to read it", r->in.name);
    r->size = (size_t)length;
    status = rgi_file_read(&r->in, r->header, r->size, r->error);
    return status == RG_OK ? parse_dictionary(r) : status;
}

/* ---- the elements ---- */

/* Checks that the elements fill the rest of the file. */
static rg_status check_size(reader *r)
{
    char text[RG_SHAPE_TEXT_SIZE];
    int64_t left = r->in.size - r->origin - (int64_t)r->size;
    form *f = &r->form;
    f->size = rg_shape_size(&f->shape);
    if (f->size < 0 || f->size > INT64_MAX / (int64_t)sizeof(int64_t))
        return RGI_FAIL(r->error, RG_ERROR_FORMAT, "%s: the shape has too many elements",
                        r->in.name);
    if (f->size * (int64_t)f->width != left)
        return RGI_FAIL(r->error, RG_ERROR_FORMAT,
                        "%s: the elements take %" PRId64 " bytes by the shape %s, but %" PRId64
                        " follow the header",
                        r->in.name, f->size * (int64_t)f->width, rg_shape_text(&f->shape, text),
                        left);
    return RG_OK;
}

/* Makes int64 of the smaller integers, which lie at the end of the same memory. */
static void widen(int64_t *out, const char *in, const form *f)
{
    for (int64_t i = 0; i < f->size; i++, in += f->width) {
        int32_t four;
        if (f->width == sizeof four) {
            memcpy(&four, in, sizeof four);
            out[i] = four;
        } else {
            out[i] = (unsigned char)*in;
        }
    }
}

static rg_array *create_array(const rg_allocator *allocator, const form *f)
{
    rg_array *array = rgi_alloc(allocator, sizeof *array);
    if (!array)
        return NULL;
    memset(array, 0, sizeof *array);
    if (allocator)
        array->allocator = *allocator;
    array->type = f->type;
    array->shape = f->shape;
    if (f->size > 0)
        array->data = rgi_alloc(allocator, (size_t)f->size * rg_type_size(f->type));
    if (f->size == 0 || array->data)
        return array;
    rgi_free(allocator, array, sizeof *array);
    return NULL;
}

/* Reads the elements in the order of the file. */
static rg_status read_elements(reader *r, rg_array *array)
{
    const form *f = &r->form;
    if (f->size == 0)
        return RG_OK;
    size_t bytes = (size_t)f->size * f->width;
    char *raw = (char *)array->data + (size_t)f->size * rg_type_size(f->type) - bytes;
    rg_status status = rgi_file_read(&r->in, raw, bytes, r->error);
    if (status != RG_OK)
        return status;
    if (f->swapped)
        rgi_swap_bytes(raw, (size_t)f->size, f->width);
    if (f->width < rg_type_size(f->type))
        widen(array->data, raw, f);
    return RG_OK;
}

/* Moves column-major elements into row-major order. */
static bool make_row_major(rg_array *array, const form *f)
{
    rg_tensor columns = {
        .data = array->data, .size = f->size, .type = array->type, .shape = array->shape};
    int64_t stride = 1;
    for (int i = 0; i < array->shape.rank; i++) {
        columns.stride[i] = stride;
        stride *= array->shape.dim[i];
    }
    size_t bytes = (size_t)f->size * rg_type_size(array->type);
    void *rows = rgi_alloc(&array->allocator, bytes);
    if (!rows)
        return false;
    rgi_copy_to_dense(rows, &columns);
    rgi_free(&array->allocator, array->data, bytes);
    array->data = rows;
    return true;
}

static rg_status read_array(reader *r, rg_array **out)
{
    rg_status status = read_header(r);
    if (status == RG_OK)
        status = check_size(r);
    if (status != RG_OK)
        return status;
    *out = create_array(r->allocator, &r->form);
    if (*out)
        status = read_elements(r, *out);
    if (status != RG_OK)
        return status;
    if (*out && r->form.fortran && r->form.size > 0 && !make_row_major(*out, &r->form)) {
        rg_array_destroy(*out);
        *out = NULL;
    }
    if (!*out)
        return RGI_FAIL(r->error, RG_ERROR_MEMORY, "%s: there is no memory for its elements",
                        r->in.name);
    return RG_OK;
}

rg_status rg_npy_read(const char *path, const rg_allocator *allocator, rg_array **out,
                      rg_error *error)
{
    reader r = {.allocator = allocator, .error = error};
    *out = NULL;
    rg_status status = rgi_file_open(&r.in, path, error);
    if (status != RG_OK)
        return status;
    status = read_array(&r, out);
    rgi_file_close(&r.in);
    rgi_free(allocator, r.header, r.size);
    if (status != RG_OK) {
        rg_array_destroy(*out);
        *out = NULL;
    }
    return status;
}

void rg_array_destroy(rg_array *array)
{
    if (!array)
        return;
    rg_allocator allocator = array->allocator;
    size_t bytes = (size_t)rg_shape_size(&array->shape) * rg_type_size(array->type);
    rgi_free(&allocator, array->data, bytes);
    rgi_free(&allocator, array, sizeof *array);
}
