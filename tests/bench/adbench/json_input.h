/*
 * json_input.h: reads the `input` of a GradBench problem. Whatever is not as it must be stops with
 * a sentence that names the field.
 */
#ifndef RG_TESTS_ADBENCH_JSON_INPUT_H
#define RG_TESTS_ADBENCH_JSON_INPUT_H

#include <jansson.h>
#include <stddef.h>

/* The object in a file, kept. */
json_t *read_json(const char *path);

/* A finite number; a whole number of `least` or more. */
double json_number_of(const json_t *object, const char *name);
size_t json_size_of(const json_t *object, const char *name, size_t least);

/* A text that is there. */
const char *json_text_of(const json_t *object, const char *name);

/* A list of one or more finite numbers; `*count` of them. */
const double *json_list_of(const json_t *object, const char *name, size_t *count);

/* A list of one or more rows of one length, at least 1. */
const double *json_rows_of(const json_t *object, const char *name, size_t *rows, size_t *columns);

#endif
