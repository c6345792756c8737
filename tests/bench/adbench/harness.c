#include "harness.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../bench.h"

static const char *program = "adbench";

/* ---- ends ---- */

void stop(int status, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    fflush(stdout);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    va_end(rest);
    exit(status);
}

void stop_on_tape_error(const rg_tape *tape)
{
    if (rg_tape_status(tape) != RG_OK)
        stop(STOP_FAILED, "%s", rg_tape_message(tape));
}

/* ---- memory ---- */

typedef struct kept {
    struct kept *next;
    void *object;
    void (*destroy)(void *object);
} kept;

static kept *all_kept;

static void destroy_all(void)
{
    while (all_kept) {
        kept *last = all_kept;
        all_kept = last->next;
        last->destroy(last->object);
        free(last);
    }
}

void *keep(void *object, void (*destroy)(void *object))
{
    kept *record = malloc(sizeof *record);
    if (!object || !record || (!all_kept && atexit(destroy_all) != 0)) {
        free(record);
        if (object)
            destroy(object);
        stop(STOP_INPUT, "out of memory");
    }
    *record = (kept){all_kept, object, destroy};
    all_kept = record;
    return object;
}

/* One array holds at most this much. */
static const size_t most_bytes = (size_t)1 << 32;

void *new_array(size_t count, size_t size)
{
    size_t bytes = size_times(count, size);
    if (bytes > most_bytes)
        stop(STOP_INPUT, "the sizes are too large: %zu elements of %zu bytes", count, size);
    return keep(calloc(bytes ? bytes : 1, 1), free);
}

double *new_doubles(size_t count)
{
    return new_array(count, sizeof(double));
}

static void destroy_tape(void *tape)
{
    rg_tape_destroy(tape);
}

rg_tape *new_tape(void)
{
    rg_tape *tape = keep(rg_tape_create(), destroy_tape);
    stop_on_tape_error(tape);
    return tape;
}

static void destroy_program(void *program)
{
    rg_program_destroy(program);
}

static void destroy_workspace(void *workspace)
{
    rg_workspace_destroy(workspace);
}

compiled compile(size_t m, const rg_value *ys, size_t n, const rg_value *xs, int derivatives,
                 const unsigned char *uniform)
{
    rg_error error = {0};
    rg_program_options options = {.derivatives = derivatives, .uniform = uniform};
    compiled made = {rg_program_create((int)m, ys, (int)n, xs, &options, &error), NULL};
    if (!made.program)
        stop(STOP_FAILED, "%s", error.message);
    keep(made.program, destroy_program);
    made.workspace = keep(rg_workspace_create(made.program, NULL), destroy_workspace);
    return made;
}

void stop_on_error(rg_status status)
{
    if (status != RG_OK)
        stop(STOP_FAILED, "%s", rg_status_text(status));
}

size_t size_plus(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

size_t size_times(size_t a, size_t b)
{
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

/* ---- the problems ---- */

size_t answer_size(const bench_answer *answer)
{
    size_t rows = answer->rows ? answer->rows : 1;
    return size_times(rows, answer->columns ? answer->columns : 1);
}

static void set_up(bench *bench)
{
    if (bench->setup && !bench->is_set_up) {
        double begin = bench_now();
        bench->setup(bench->problem);
        bench->setup_time = bench_now() - begin;
        bench->is_set_up = 1;
    }
}

const double *bench_answer_of(bench *bench, int i)
{
    const bench_answer *answer = &bench->answers[i];
    double *numbers = new_doubles(answer_size(answer));
    if (!(bench->primal && i == 0))
        set_up(bench);
    answer->compute(bench->problem, numbers);
    return numbers;
}

/* ---- the command line ---- */

static void print_usage(FILE *stream, int takes)
{
    fprintf(stream, "usage: %s INPUT%s%s [--out FILE] [--time SECONDS]\n", program,
            takes & TAKES_MODE ? " --objective | --jacobian" : "",
            takes & TAKES_MODEL ? " --model DIR" : "");
}

static _Noreturn void misused(int takes, const char *what, const char *name)
{
    fprintf(stderr, "%s: %s%s\n", program, what, name);
    print_usage(stderr, takes);
    exit(STOP_INPUT);
}

static double read_seconds(int takes, const char *text)
{
    char *end = NULL;
    double seconds = strtod(text, &end);
    if (end == text || *end || !isfinite(seconds) || seconds < 0)
        misused(takes, "--time needs a number of seconds, not ", text);
    return seconds;
}

/* Takes one option and its value at argv[*i]. */
static void read_option(arguments *arguments, int takes, int argc, char **argv, int *i)
{
    const char *name = argv[*i];
    if ((takes & TAKES_MODE) && strcmp(name, "--objective") == 0) {
        arguments->objective = 1;
        return;
    }
    if ((takes & TAKES_MODE) && strcmp(name, "--jacobian") == 0) {
        arguments->jacobian = 1;
        return;
    }
    int out = strcmp(name, "--out") == 0, timed = strcmp(name, "--time") == 0;
    int model = (takes & TAKES_MODEL) && strcmp(name, "--model") == 0;
    if (!out && !timed && !model)
        misused(takes, "unknown option ", name);
    if (++*i >= argc)
        misused(takes, "a value must follow ", name);
    if (out)
        arguments->out = argv[*i];
    if (model)
        arguments->model = argv[*i];
    if (timed) {
        arguments->timed = 1;
        arguments->seconds = read_seconds(takes, argv[*i]);
    }
}

arguments read_arguments(int argc, char **argv, int takes)
{
    arguments arguments = {0};
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    if (argc > 0)
        program = slash ? slash + 1 : argv[0];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_usage(stdout, takes);
            exit(0);
        } else if (strncmp(argv[i], "--", 2) == 0) {
            read_option(&arguments, takes, argc, argv, &i);
        } else if (arguments.input) {
            misused(takes, "there is one input, so what is ", argv[i]);
        } else {
            arguments.input = argv[i];
        }
    }
    if (!arguments.input)
        misused(takes, "the input is missing", "");
    if (arguments.objective && arguments.jacobian)
        misused(takes, "--objective and --jacobian exclude each other", "");
    if ((takes & TAKES_MODE) && !arguments.objective && !arguments.jacobian && !arguments.timed)
        misused(takes, "--objective or --jacobian is missing", "");
    if ((takes & TAKES_MODEL) && !arguments.model)
        misused(takes, "--model is missing", "");
    return arguments;
}

FILE *open_output(const arguments *arguments)
{
    if (!arguments->out)
        return arguments->timed ? NULL : stdout;
    FILE *stream = fopen(arguments->out, "w");
    if (!stream)
        stop(STOP_FAILED, "%s: %s", arguments->out, strerror(errno));
    return stream;
}

void close_output(FILE *stream)
{
    int failed = fflush(stream) != 0 || ferror(stream);
    if (stream != stdout)
        failed |= fclose(stream) != 0;
    if (failed)
        stop(STOP_FAILED, "the answer cannot be written: %s", strerror(errno));
}

void write_numbers(FILE *stream, size_t count, const double *numbers)
{
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "%.17g\n", numbers[i]);
}

/* ---- timing ---- */

/* The seconds of `times` calls in a row, divided among them. */
static double time_calls(const bench *bench, int i, size_t times, double *out)
{
    double begin = bench_now();
    for (size_t call = 0; call < times; call++)
        bench->answers[i].compute(bench->problem, out);
    return (bench_now() - begin) / (double)times;
}

/* What has been measured of one answer. */
typedef struct measurement {
    int answer;
    double *out;
    double least;
} measurement;

/* One round, which is long enough for the clock. */
static void measure(const bench *bench, measurement *m)
{
    const double span = 20e-6;
    double times = fmin(span / fmax(m->least, 1e-9), 1e4);
    m->least = fmin(m->least, time_calls(bench, m->answer, times > 1 ? (size_t)times : 1, m->out));
}

/* Measures in turns, so that what else the machine does meets both. */
void print_times(bench *bench, double seconds)
{
    enum { ROUNDS = 3 };
    measurement measured[2];
    int count = bench->primal ? 2 : 1;
    set_up(bench);
    for (int i = 0; i < count; i++) {
        double *out = new_doubles(answer_size(&bench->answers[i]));
        measured[i] = (measurement){i, out, time_calls(bench, i, 1, out)};
    }
    double end = bench_now() + count * seconds;
    for (int round = 1; round < ROUNDS || bench_now() < end; round++)
        for (int i = 0; i < count; i++)
            measure(bench, &measured[i]);
    double derivative = measured[count - 1].least;
    printf("{\"problem\": \"%s\", ", bench->name);
    if (bench->primal)
        printf("\"objective\": %.4g, \"derivative\": %.4g, \"ratio\": %.4g, ", measured[0].least,
               derivative, derivative / measured[0].least);
    else
        printf("\"objective\": null, \"derivative\": %.4g, \"ratio\": null, ", derivative);
    printf("\"setup\": %.4g}\n", bench->setup_time);
    close_output(stdout);
}

int run_bench(const arguments *arguments, bench *bench, write_answer *write_first,
              write_answer *write_second)
{
    FILE *stream = open_output(arguments);
    if (stream && (arguments->objective || arguments->jacobian)) {
        int which = arguments->jacobian ? 1 : 0;
        write_answer *write = which ? write_second : write_first;
        const double *numbers = bench_answer_of(bench, which);
        if (write)
            write(stream, bench, numbers);
        else
            write_numbers(stream, answer_size(&bench->answers[which]), numbers);
        close_output(stream);
    }
    if (arguments->timed)
        print_times(bench, arguments->seconds);
    return 0;
}
