/*
 * json_main.c: GradBench's problems det, kmeans, llsq, lse, ode, particle and saddle.
 *
 *     adbench_json INPUT.json [--out FILE] [--time SECONDS]
 *
 * INPUT.json is {"eval": NAME, "input": {..}}; the answer is an object with the functions of that
 * problem.
 */
#include <math.h>
#include <string.h>

#include "json_problems.h"

static const struct {
    const char *name;
    void (*read)(const json_t *input, bench *bench);
} problems[] = {
    {"det", read_det}, {"kmeans", read_kmeans},     {"llsq", read_llsq},     {"lse", read_lse},
    {"ode", read_ode}, {"particle", read_particle}, {"saddle", read_saddle},
};

static void read_problem(const char *path, bench *bench)
{
    const json_t *root = read_json(path);
    const char *name = json_text_of(root, "eval");
    const json_t *input = json_object_get(root, "input");
    if (!json_is_object(input))
        stop(STOP_INPUT, "%s: \"input\" is not an object", path);
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
        if (strcmp(problems[i].name, name) == 0) {
            bench->name = problems[i].name;
            problems[i].read(input, bench);
            return;
        }
    stop(STOP_INPUT, "%s: there is no problem \"%.40s\"", path, name);
}

/* ---- writing ---- */

static void write_list(FILE *stream, size_t count, const double *numbers)
{
    fputc('[', stream);
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "%s%.17g", i ? ", " : "", numbers[i]);
    fputc(']', stream);
}

static void write_numbers_of(FILE *stream, const bench_answer *answer, const double *numbers)
{
    if (answer->rows == 0) {
        fprintf(stream, "%.17g", numbers[0]);
    } else if (answer->columns == 0) {
        write_list(stream, answer->rows, numbers);
    } else {
        fputc('[', stream);
        for (size_t i = 0; i < answer->rows; i++) {
            fputs(i ? ", " : "", stream);
            write_list(stream, answer->columns, numbers + i * answer->columns);
        }
        fputc(']', stream);
    }
}

static void write_answers(FILE *stream, bench *bench)
{
    const double *numbers[BENCH_ANSWERS];
    for (int i = 0; i < bench->count; i++) {
        const bench_answer *answer = &bench->answers[i];
        numbers[i] = bench_answer_of(bench, i);
        for (size_t j = 0; j < answer_size(answer); j++)
            if (!isfinite(numbers[i][j]))
                stop(STOP_FAILED, "%s: %s is not finite, which JSON cannot say", bench->name,
                     answer->key);
    }
    for (int i = 0; i < bench->count; i++) {
        fprintf(stream, "%s\"%s\": ", i ? ", " : "{", bench->answers[i].key);
        write_numbers_of(stream, &bench->answers[i], numbers[i]);
    }
    fputs("}\n", stream);
}

int main(int argc, char **argv)
{
    bench bench = {0};
    arguments arguments = read_arguments(argc, argv, 0);
    read_problem(arguments.input, &bench);
    FILE *stream = open_output(&arguments);
    if (stream) {
        write_answers(stream, &bench);
        close_output(stream);
    }
    if (arguments.timed)
        print_times(&bench, arguments.seconds);
    return 0;
}
