/*
 * options.h: the command line of the examples.
 *
 *     int64_t epochs = 20;
 *     const char *data = "digits.csv";
 *     read_options(argc, argv, "Trains a network on images of digits.",
 *                  (const option[]){{"epochs", OPTION_COUNT, &epochs, "passes over the data"},
 *                                   {"data", OPTION_TEXT, &data, "CSV file to read"},
 *                                   {0}});
 *
 * An option is written `--epochs 20`; a flag is written `--quiet`. `--help` prints the table, with
 * the defaults, and exits with 0. Whatever is not understood gets a message on stderr and exit
 * status 2.
 */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
    OPTION_COUNT,  /* int64_t, 0 or more */
    OPTION_NUMBER, /* double, finite */
    OPTION_TEXT,   /* const char *, of the command line or the default */
    OPTION_FLAG    /* int, set to 1; takes no argument */
} option_kind;

/* `value` holds the default and receives what the user says. A table ends with a name of NULL. */
typedef struct option {
    const char *name;
    option_kind kind;
    void *value;
    const char *help;
} option;

static inline void print_option(const option *o)
{
    static const char *const argument[] = {" N", " X", " TEXT", ""};
    int width = printf("  --%s%s", o->name, argument[o->kind]);
    printf("%*s%s", width < 20 ? 20 - width : 1, "", o->help);
    if (o->kind == OPTION_COUNT)
        printf(" (%" PRId64 ")", *(const int64_t *)o->value);
    else if (o->kind == OPTION_NUMBER)
        printf(" (%g)", *(const double *)o->value);
    else if (o->kind == OPTION_TEXT && *(const char *const *)o->value)
        printf(" (%s)", *(const char *const *)o->value);
    putchar('\n');
}

static inline void print_usage(const char *program, const char *about, const option *options)
{
    printf("usage: %s [OPTION]...\n%s\n\n", program, about);
    for (const option *o = options; o->name; o++)
        print_option(o);
    printf("  %-18sprint this and exit\n", "--help");
}

/* Stores `text` into the option; returns what it should have been, or NULL if all is well. */
static inline const char *set_option(const option *o, const char *text)
{
    char *end = NULL;
    errno = 0;
    if (o->kind == OPTION_COUNT) {
        long long count = strtoll(text, &end, 10);
        if (end == text || *end || errno || count < 0)
            return "a whole number, 0 or more";
        *(int64_t *)o->value = count;
    } else if (o->kind == OPTION_NUMBER) {
        double number = strtod(text, &end);
        if (end == text || *end || !isfinite(number))
            return "a number";
        *(double *)o->value = number;
    } else {
        *(const char **)o->value = text;
    }
    return NULL;
}

/* Reads the whole command line into the options' values; exits as said at the top. */
static inline void read_options(int argc, char **argv, const char *about, const option *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_usage(argv[0], about, options);
            exit(0);
        }
        const option *o = options;
        while (o->name && (strncmp(argv[i], "--", 2) != 0 || strcmp(argv[i] + 2, o->name) != 0))
            o++;
        const char *expected = NULL;
        if (!o->name) {
            fprintf(stderr, "%s: unknown option \"%s\"; see --help\n", argv[0], argv[i]);
            exit(2);
        }
        if (o->kind == OPTION_FLAG) {
            *(int *)o->value = 1;
        } else if (i + 1 == argc) {
            fprintf(stderr, "%s: %s needs an argument; see --help\n", argv[0], argv[i]);
            exit(2);
        } else if ((expected = set_option(o, argv[++i]))) {
            fprintf(stderr, "%s: %s expects %s, not \"%s\"\n", argv[0], argv[i - 1], expected,
                    argv[i]);
            exit(2);
        }
    }
}

#endif
