/*
 * harness.h: what the ADBench programs share: how they end, memory, the command line, timing.
 *
 * Whatever is wrong ends the program at once with one sentence on stderr. What is kept is freed at
 * the end, however the program ends.
 */
#ifndef RG_TESTS_ADBENCH_HARNESS_H
#define RG_TESTS_ADBENCH_HARNESS_H

#include <stddef.h>
#include <stdio.h>

#include "../../../reelgrad.h"

/* ---- ends ---- */

/* Exit statuses: the computation or the output failed; the input or the command line is wrong. */
enum { STOP_FAILED = 1, STOP_INPUT = 2 };

/* Prints "PROGRAM: SENTENCE" and exits. */
_Noreturn void stop(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Stops with the tape's error if it has one. */
void stop_on_tape_error(const rg_tape *tape);

/* ---- memory ---- */

/* Remembers to destroy `object` at the end and returns it. NULL stops: out of memory. */
void *keep(void *object, void (*destroy)(void *object));

/* `count` zeroed elements of `size` bytes, kept; stops if they are more than a benchmark needs. */
void *new_array(size_t count, size_t size);
double *new_doubles(size_t count);

/* A tape, kept. */
rg_tape *new_tape(void);

/* A program that runs in one thread. */
typedef struct compiled {
    rg_program *program;
    rg_workspace *workspace;
} compiled;

/* Compiles ys[0..m) as functions of xs[0..n), kept; the arguments are those of rg_program_create.
 */
compiled compile(size_t m, const rg_value *ys, size_t n, const rg_value *xs, int derivatives,
                 const unsigned char *uniform);

/* Stops unless a program ran as it should. */
void stop_on_error(rg_status status);

/* Sums and products of sizes, SIZE_MAX where they do not fit. */
size_t size_plus(size_t a, size_t b);
size_t size_times(size_t a, size_t b);

/* ---- the problems ---- */

/* One thing a problem answers: a number (rows 0), a list (columns 0), or a matrix, row by row. */
typedef struct bench_answer {
    const char *key;
    size_t rows, columns;
    void (*compute)(void *problem, double *out);
} bench_answer;

enum { BENCH_ANSWERS = 4 };

/* A problem that has been read. Where `primal` is set the first answer is the plain objective, the
 * second its derivative; otherwise all answers are derivatives of some kind. */
typedef struct bench {
    const char *name;
    void *problem;
    void (*setup)(void *problem); /* what is done once for all points of these sizes; or NULL */
    int is_set_up;
    double setup_time;
    int primal;
    int count;
    bench_answer answers[BENCH_ANSWERS];
} bench;

/* How many numbers an answer has. */
size_t answer_size(const bench_answer *answer);

/* Sets the problem up if its answer `i` is a derivative, and answers. The array is kept. */
const double *bench_answer_of(bench *bench, int i);

/* ---- the command line ---- */

enum { TAKES_MODE = 1, TAKES_MODEL = 2 };

typedef struct arguments {
    const char *input, *out, *model;
    int objective, jacobian;
    int timed;
    double seconds;
} arguments;

/* Reads INPUT, [--out FILE], [--time SECONDS] and what `takes` says: --objective or --jacobian;
 * --model DIR. Prints the usage for --help. */
arguments read_arguments(int argc, char **argv, int takes);

/* The stream the answer goes to: --out or stdout; NULL if only times are asked for. */
FILE *open_output(const arguments *arguments);

/* Stops if the stream has refused something; closes it unless it is stdout. */
void close_output(FILE *stream);

/* Prints numbers, one a line. */
void write_numbers(FILE *stream, size_t count, const double *numbers);

/* ---- timing ---- */

/* Measures objective and derivative, each repeated for about that long, and prints the least
 * seconds of each as one line of JSON. */
void print_times(bench *bench, double seconds);

/* The whole of a program with --objective and --jacobian, once the problem is read. `write_first`
 * and `write_second` print the two answers; NULL: write_numbers. */
typedef void write_answer(FILE *stream, const bench *bench, const double *numbers);
int run_bench(const arguments *arguments, bench *bench, write_answer *write_first,
              write_answer *write_second);

#endif
