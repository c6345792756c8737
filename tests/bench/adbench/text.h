/*
 * text.h: reads ADBench's text files: numbers between white space, or fields between colons.
 */
#ifndef RG_TESTS_ADBENCH_TEXT_H
#define RG_TESTS_ADBENCH_TEXT_H

#include <stddef.h>

/* The whole file, ending with a zero byte; kept. Stops if it cannot be read or holds such bytes. */
char *read_file(const char *path);

/* The number that is all of `text`: decimal and finite. Returns 0 if it is not one. */
int parse_number(const char *text, double *number);

/* The numbers of one file, taken one after the other. */
typedef struct numbers {
    const char *path;
    double *all;
    size_t count, next;
} numbers;

/* Reads a file of numbers between white space. Stops at the first word that is none. */
numbers read_numbers(const char *path);

/* The next number, which must be whole and `least` or more; `name` is what it is called. */
size_t take_size(numbers *numbers, const char *name, size_t least);

/* The next `count` numbers. The caller has made sure that there are so many. */
const double *take_numbers(numbers *numbers, size_t count);

/* Stops unless there are `count` numbers in all. */
void expect_count(const numbers *numbers, size_t count);

#endif
