/*
 * csv.h: reads a dataset from a table of numbers in text, one example a line.
 *
 *     rg_error error;
 *     rg_dataset *data;
 *     rg_csv_options options = {.type = RG_F32, .class_column = -1, .scale = 1.0 / 16};
 *     if (rg_csv_read("digits.csv", &options, &data, &error) != RG_OK)
 *         puts(error.message);
 *
 * The reader is strict, because a table that is silently misread trains a wrong model. Each line
 * has the same number of fields. A field is a decimal number such as -1.5e3, with a point in every
 * locale, of at most RG_CSV_MAX_NUMBER characters; blanks before it are skipped and nothing may
 * follow it. Hexadecimal numbers, infinities, NaN, numbers beyond the range of the type, quotes and
 * empty fields are errors; numbers too small for the type become 0. Lines end with LF or CRLF, the
 * last one also with the file, and have at most RG_CSV_MAX_LINE characters. Blank lines are allowed
 * at the end only.
 *
 * An error names the place: "digits.csv, line 3, column 2: expected a number, found "x"". Lines and
 * columns count from 1. Of a path beyond 100 characters it shows the end.
 */
#ifndef RG_NN_CSV_H
#define RG_NN_CSV_H

#include <stdio.h>

#include "dataset.h"

RG_BEGIN_DECLS

enum { RG_CSV_MAX_LINE = 1 << 24, RG_CSV_MAX_NUMBER = 1200 };

/* What the columns are. Columns count from 1, negative ones from the end: -1 is the last. Those
 * that are neither the class nor a target are the inputs, in their order. Zero fields are the
 * defaults. */
typedef struct rg_csv_options {
    rg_type type;         /* of inputs and targets: RG_F64 or RG_F32 */
    char delimiter;       /* 0: ',' */
    int64_t header_lines; /* lines to skip at the start */
    int64_t class_column; /* 0: there are no classes; they are integers >= 0, digits only */
    int64_t class_count;  /* classes must be below it; 0: the largest + 1 */
    const int64_t *target_columns;
    int64_t target_count;          /* columns in target_columns, in the order wanted */
    double scale;                  /* inputs are multiplied by it; 0: 1 */
    const rg_allocator *allocator; /* NULL: the C library's */
} rg_csv_options;

/* Reads the file at `path` into *out, or sets it to NULL. `options` NULL: the defaults. Without
 * global state; safe in every thread. RG_ERROR_ARGUMENT or RG_ERROR_TYPE for options that are not
 * allowed or name a column that is not there, RG_ERROR_IO if the file cannot be read,
 * RG_ERROR_FORMAT if it is malformed or has no line, RG_ERROR_MEMORY. */
RG_API rg_status rg_csv_read(const char *path, const rg_csv_options *options, rg_dataset **out,
                             rg_error *error);

/* The same from an open stream up to its end; `name` stands for it in messages. */
RG_API rg_status rg_csv_read_stream(FILE *stream, const char *name, const rg_csv_options *options,
                                    rg_dataset **out, rg_error *error);

RG_END_DECLS

#endif
