#include "json_input.h"

#include <math.h>

#include "harness.h"

static void release(void *object)
{
    json_decref(object);
}

json_t *read_json(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!root && error.line < 0)
        stop(STOP_INPUT, "%s", error.text);
    if (!root)
        stop(STOP_INPUT, "%s: line %d: %s", path, error.line, error.text);
    keep(root, release);
    if (!json_is_object(root))
        stop(STOP_INPUT, "%s: is not an object", path);
    return root;
}

static const json_t *field(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!value)
        stop(STOP_INPUT, "\"%s\" is missing", name);
    return value;
}

/* A number as it stands in a field or in a list. */
static double number(const json_t *value, const char *name)
{
    if (!json_is_number(value))
        stop(STOP_INPUT, "\"%s\" holds what is not a number", name);
    return json_number_value(value);
}

double json_number_of(const json_t *object, const char *name)
{
    return number(field(object, name), name);
}

size_t json_size_of(const json_t *object, const char *name, size_t least)
{
    const json_t *value = field(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (size_t)json_integer_value(value) < least)
        stop(STOP_INPUT, "\"%s\" is not a whole number, at least %zu", name, least);
    return (size_t)json_integer_value(value);
}

const char *json_text_of(const json_t *object, const char *name)
{
    const json_t *value = field(object, name);
    if (!json_is_string(value))
        stop(STOP_INPUT, "\"%s\" is not a text", name);
    return json_string_value(value);
}

static size_t length(const json_t *value, const char *name)
{
    if (!json_is_array(value) || json_array_size(value) == 0)
        stop(STOP_INPUT, "\"%s\" is not a list of one or more", name);
    return json_array_size(value);
}

const double *json_list_of(const json_t *object, const char *name, size_t *count)
{
    const json_t *list = field(object, name);
    *count = length(list, name);
    double *numbers = new_doubles(*count);
    for (size_t i = 0; i < *count; i++)
        numbers[i] = number(json_array_get(list, i), name);
    return numbers;
}

const double *json_rows_of(const json_t *object, const char *name, size_t *rows, size_t *columns)
{
    const json_t *list = field(object, name);
    *rows = length(list, name);
    *columns = length(json_array_get(list, 0), name);
    double *numbers = new_doubles(size_times(*rows, *columns));
    for (size_t i = 0; i < *rows; i++) {
        const json_t *row = json_array_get(list, i);
        if (length(row, name) != *columns)
            stop(STOP_INPUT, "the rows of \"%s\" are not of one length", name);
        for (size_t j = 0; j < *columns; j++)
            numbers[i * *columns + j] = number(json_array_get(row, j), name);
    }
    return numbers;
}
