#include "csv.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "number.h"

enum { FIRST_CAPACITY = 256 };

_Static_assert((int)RG_CSV_MAX_NUMBER == (int)RGI_NUMBER_MAX, "as the manual says");

/* What a column is; from 0 on: the target of that number. */
enum { INPUT = -1, CLASS = -2 };

typedef struct reader {
    FILE *stream;
    const char *name;
    rg_csv_options options; /* with the defaults filled in */
    rg_error *error;

    char *text; /* the present line, without its end */
    size_t length, capacity;
    int64_t line; /* its number, from 1 */

    int64_t first_line; /* the first line of data, which sets the number of columns */
    int64_t columns;
    int64_t *role;    /* of each column */
    rg_dataset *data; /* with room for data->count rows, of which `rows` are read */
    int64_t rows, largest_class;
} reader;

/* ---- errors ---- */

static rg_status unexpected(const reader *in, int64_t column, const char *expected,
                            const char *found)
{
    const char *name = rgi_path_end(in->name);
    if (column == 0)
        return RGI_FAIL(in->error, RG_ERROR_FORMAT, "%s, line %" PRId64 ": expected %s, found %s",
                        name, in->line, expected, found);
    return RGI_FAIL(in->error, RG_ERROR_FORMAT,
                    "%s, line %" PRId64 ", column %" PRId64 ": expected %s, found %s", name,
                    in->line, column, expected, found);
}

/* The same where a field was found: it is quoted, at most its first bytes, all of them printable.
 */
static rg_status unexpected_field(const reader *in, int64_t column, const char *expected,
                                  const char *field, size_t length)
{
    enum { SHOWN = 24 };
    char found[4 * SHOWN + 8] = "\"";
    size_t used = 1;
    for (size_t i = 0; i < length && i < SHOWN; i++) {
        unsigned char byte = (unsigned char)field[i];
        const char *format = byte >= ' ' && byte <= '~' ? "%c" : "\\x%02x";
        used += (size_t)snprintf(found + used, sizeof found - used, format, byte);
    }
    snprintf(found + used, sizeof found - used, "%s\"", length > SHOWN ? ".." : "");
    return unexpected(in, column, expected, found);
}

static rg_status out_of_memory(const reader *in)
{
    return RGI_FAIL(in->error, RG_ERROR_MEMORY, "%s, line %" PRId64 ": no memory",
                    rgi_path_end(in->name), in->line);
}

/* ---- lines ---- */

static int64_t count_fields(const reader *in)
{
    int64_t count = 1;
    for (size_t i = 0; i < in->length; i++)
        count += in->text[i] == in->options.delimiter;
    return count;
}

static rg_status append(reader *in, char byte)
{
    if (byte == 0)
        return unexpected(in, count_fields(in), "text", "a NUL byte");
    if (in->length == RG_CSV_MAX_LINE)
        return RGI_FAIL(in->error, RG_ERROR_FORMAT,
                        "%s, line %" PRId64 ": expected at most %d characters, found more",
                        rgi_path_end(in->name), in->line, RG_CSV_MAX_LINE);
    if (in->length == in->capacity) {
        size_t capacity = in->capacity ? 2 * in->capacity : FIRST_CAPACITY;
        char *text = rgi_resize(in->options.allocator, in->text, in->capacity, capacity);
        if (!text)
            return out_of_memory(in);
        in->text = text;
        in->capacity = capacity;
    }
    in->text[in->length++] = byte;
    return RG_OK;
}

/* Reads the next line; `end` tells that there is none. */
static rg_status read_line(reader *in, bool *end)
{
    in->length = 0;
    in->line++;
    int byte;
    while ((byte = getc(in->stream)) != EOF && byte != '\n') {
        rg_status status = append(in, (char)byte);
        if (status != RG_OK)
            return status;
    }
    if (byte == EOF && ferror(in->stream))
        return RGI_FAIL(in->error, RG_ERROR_IO, "%s, line %" PRId64 ": cannot be read: %s",
                        rgi_path_end(in->name), in->line, strerror(errno));
    *end = byte == EOF && in->length == 0;
    if (in->length > 0 && in->text[in->length - 1] == '\r')
        in->length--;
    return RG_OK;
}

/* ---- fields ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static rg_status read_number(const reader *in, int64_t column, const char *p, const char *end,
                             double scale, void *array, int64_t index)
{
    double value;
    if (!rgi_number_read(skip_blanks(p, end), end, &value))
        return unexpected_field(in, column + 1, "a number", p, (size_t)(end - p));
    value *= scale;
    rg_type type = in->options.type;
    if (fabs(value) > (type == RG_F32 ? (double)FLT_MAX : DBL_MAX))
        return unexpected_field(in, column + 1,
                                type == RG_F32 ? "a number within the range of float32"
                                               : "a number within the range of float64",
                                p, (size_t)(end - p));
    rgi_store(array, type, index, value);
    return RG_OK;
}

static rg_status read_class(reader *in, int64_t column, const char *field, const char *end)
{
    int64_t largest = (in->options.class_count ? in->options.class_count : INT32_MAX) - 1;
    int64_t value = 0;
    const char *p = skip_blanks(field, end), *digits = p;
    for (; p < end && is_digit(*p) && value <= largest; p++)
        value = value * 10 + (*p - '0');
    if (p == digits || p < end || value > largest) {
        char expected[64];
        snprintf(expected, sizeof expected, "a class from 0 to %" PRId64, largest);
        return unexpected_field(in, column + 1, expected, field, (size_t)(end - field));
    }
    in->data->classes[in->rows] = value;
    if (value > in->largest_class)
        in->largest_class = value;
    return RG_OK;
}

/* ---- rows ---- */

static rg_status set_role(reader *in, int64_t column, int64_t role)
{
    int64_t index = column < 0 ? in->columns + column : column - 1;
    const char *name = rgi_path_end(in->name);
    if (index < 0 || index >= in->columns)
        return RGI_FAIL(in->error, RG_ERROR_ARGUMENT,
                        "%s: there is no column %" PRId64 " among %" PRId64, name, column,
                        in->columns);
    if (in->role[index] != INPUT)
        return RGI_FAIL(in->error, RG_ERROR_ARGUMENT, "%s: column %" PRId64 " is named twice", name,
                        index + 1);
    in->role[index] = role;
    return RG_OK;
}

static rg_status set_roles(reader *in)
{
    const rg_csv_options *options = &in->options;
    for (int64_t i = 0; i < in->columns; i++)
        in->role[i] = INPUT;
    rg_status status = RG_OK;
    if (options->class_column != 0)
        status = set_role(in, options->class_column, CLASS);
    for (int64_t k = 0; k < options->target_count && status == RG_OK; k++)
        status = set_role(in, options->target_columns[k], k);
    return status;
}

/* The first line of data tells what there is to read. */
static rg_status start(reader *in)
{
    const rg_csv_options *options = &in->options;
    in->first_line = in->line;
    int64_t columns = count_fields(in);
    in->role = rgi_alloc(options->allocator, (size_t)columns * sizeof *in->role);
    if (!in->role)
        return out_of_memory(in);
    in->columns = columns;
    rg_status status = set_roles(in);
    if (status != RG_OK)
        return status;
    int64_t classes = options->class_column != 0;
    int64_t features = columns - classes - options->target_count;
    if (features == 0)
        return RGI_FAIL(in->error, RG_ERROR_ARGUMENT, "%s: no column is left for the inputs",
                        rgi_path_end(in->name));
    return rg_dataset_create(&in->data, options->allocator, options->type, 1, features, classes,
                             options->target_count, in->error);
}

static rg_status read_fields(reader *in)
{
    rg_dataset *data = in->data;
    const char *p = in->text, *end = in->text + in->length;
    int64_t input = in->rows * data->features, target = in->rows * data->target_width;
    for (int64_t column = 0; column < in->columns; column++) {
        const char *stop =
            column + 1 < in->columns ? memchr(p, in->options.delimiter, (size_t)(end - p)) : end;
        int64_t role = in->role[column];
        rg_status status;
        if (role == CLASS)
            status = read_class(in, column, p, stop);
        else if (role == INPUT)
            status = read_number(in, column, p, stop, in->options.scale, data->inputs, input++);
        else
            status = read_number(in, column, p, stop, 1, data->targets, target + role);
        if (status != RG_OK)
            return status;
        p = stop + 1;
    }
    in->rows++;
    return RG_OK;
}

static rg_status read_row(reader *in)
{
    rg_status status = RG_OK;
    int64_t fields = count_fields(in);
    if (!in->data)
        status = start(in);
    else if (fields != in->columns) {
        char expected[64], found[32];
        snprintf(expected, sizeof expected, "%" PRId64 " fields as in line %" PRId64, in->columns,
                 in->first_line);
        snprintf(found, sizeof found, "%" PRId64, fields);
        status = unexpected(in, 0, expected, found);
    } else if (in->rows == in->data->count)
        status = rgi_dataset_resize(&in->data, 2 * in->rows, in->error);
    return status == RG_OK ? read_fields(in) : status;
}

static rg_status read_rows(reader *in)
{
    bool end = false;
    int64_t blank = 0; /* the first blank line */
    rg_status status = read_line(in, &end);
    for (; status == RG_OK && !end; status = read_line(in, &end)) {
        if (in->line <= in->options.header_lines)
            continue;
        if (in->length == 0 && !blank)
            blank = in->line;
        if (in->length == 0)
            continue;
        if (blank) {
            in->line = blank;
            return unexpected(in, 0, "a row of numbers", "a blank line");
        }
        status = read_row(in);
        if (status != RG_OK)
            return status;
    }
    if (status == RG_OK && in->rows == 0)
        status = unexpected(in, 0, "a row of numbers", "the end of the file");
    return status;
}

/* ---- the whole ---- */

static rg_status check_options(const reader *in)
{
    const rg_csv_options *options = &in->options;
    const char *wrong = NULL;
    if (options->type != RG_F32 && options->type != RG_F64)
        return RGI_FAIL(in->error, RG_ERROR_TYPE, "csv: the type must be float32 or float64");
    if (strchr("0123456789+-.eE\r\n", options->delimiter))
        wrong = "the delimiter can be part of a number or a line end";
    else if (options->header_lines < 0)
        wrong = "the number of header lines is negative";
    else if (options->class_count < 0 || options->class_count > INT32_MAX)
        wrong = "the number of classes is not in 0 to 2147483647";
    else if (options->class_count > 0 && options->class_column == 0)
        wrong = "there is a number of classes but no class column";
    else if (options->target_count < 0 || (options->target_count > 0 && !options->target_columns))
        wrong = "the target columns are missing";
    else if (!isfinite(options->scale))
        wrong = "the scale is not finite";
    return wrong ? RGI_FAIL(in->error, RG_ERROR_ARGUMENT, "csv: %s", wrong) : RG_OK;
}

static rg_status finish(reader *in, rg_dataset **out)
{
    if (in->options.class_column != 0)
        in->data->class_count =
            in->options.class_count ? in->options.class_count : in->largest_class + 1;
    rg_status status = rgi_dataset_resize(&in->data, in->rows, in->error);
    if (status == RG_OK) {
        *out = in->data;
        in->data = NULL;
    }
    return status;
}

rg_status rg_csv_read_stream(FILE *stream, const char *name, const rg_csv_options *options,
                             rg_dataset **out, rg_error *error)
{
    *out = NULL;
    reader in = {.stream = stream, .name = name, .error = error};
    if (options)
        in.options = *options;
    if (in.options.delimiter == 0)
        in.options.delimiter = ',';
    if (in.options.scale == 0)
        in.options.scale = 1;
    rg_status status = check_options(&in);
    if (status == RG_OK)
        status = read_rows(&in);
    if (status == RG_OK)
        status = finish(&in, out);
    rg_dataset_destroy(in.data);
    rgi_free(in.options.allocator, in.role, (size_t)in.columns * sizeof *in.role);
    rgi_free(in.options.allocator, in.text, in.capacity);
    return status;
}

rg_status rg_csv_read(const char *path, const rg_csv_options *options, rg_dataset **out,
                      rg_error *error)
{
    *out = NULL;
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return RGI_FAIL(error, RG_ERROR_IO, "%s: cannot be opened: %s", rgi_path_end(path),
                        strerror(errno));
    rg_status status = rg_csv_read_stream(stream, path, options, out, error);
    fclose(stream);
    return status;
}
