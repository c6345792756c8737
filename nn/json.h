/*
 * json.h: as much of JSON (RFC 8259) as headers of files need (private): objects, arrays, strings
 * and counts.
 */
#ifndef RG_NN_JSON_H
#define RG_NN_JSON_H

#include "buffer.h"

/* Text being read. Its strings are decoded where they lie, so the text must be writable. */
typedef struct rgi_json {
    char *text;
    size_t size, at;
    const char *name; /* of the file, for messages */
    int64_t origin;   /* the byte of the file where the text begins */
    rg_error *error;
} rgi_json;

/* Each reader skips blanks first. What it does not find is RG_ERROR_FORMAT: "NAME, byte 17:
 * expected a string, found x". */

/* Fails with such a message at the place reached. */
rg_status rgi_json_unexpected(const rgi_json *json, const char *expected);

/* Skips blanks and, if `c` follows, takes it. */
bool rgi_json_take(rgi_json *json, char c);

/* A string, decoded and ended by a 0 in the place of its text. One that holds a 0 is refused. */
rg_status rgi_json_string(rgi_json *json, char **out);

/* An integer from 0 to 2^63 - 1, digits only. */
rg_status rgi_json_count(rgi_json *json, int64_t *out);

/* Reads the value of a member of an object, whose key was read. */
typedef rg_status rgi_json_value(void *context, char *key);

/* Reads an object, up to the first value that is refused. */
rg_status rgi_json_object(rgi_json *json, rgi_json_value *read, void *context);

/* Goes to the next element of an array, which comes next if one is found. *count, first 0, counts
 * the elements met. */
rg_status rgi_json_element(rgi_json *json, int64_t *count, bool *found);

/* Nothing but blanks up to the end. */
rg_status rgi_json_end(rgi_json *json);

/* Adds `text` as a JSON string; false, with nothing added, if it is not UTF-8. */
bool rgi_json_add_string(rgi_buffer *buffer, const char *text);

#endif
