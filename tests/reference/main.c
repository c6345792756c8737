/* main.c: runs the reference cases of files and directories; README.md says how. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine.h"

typedef struct totals {
    int64_t passed, failed;
    bool malformed;
    rg_type type;
    const ref_engine *engine;
} totals;

static void complain(totals *all, const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    all->malformed = true;
}

/* ---- one file ---- */

static void run_block(const ref_block *block, rg_type type, ref_precision *precision,
                      ref_outcome *outcome)
{
    if (block->kind == REF_CASE)
        ref_run_case(block, type, outcome);
    else if (type != RG_F64)
        ref_set(outcome, REF_SKIP, "its tolerance is float64's");
    else if (block->kind == REF_PROGRAM)
        ref_run_program(block, outcome);
    else if (block->kind != REF_PRECISE)
        ref_run_training(block, outcome);
    else
        ref_run_precise(precision, block, outcome);
}

static void run_blocks(const totals *all, ref_reader *reader, ref_report *report,
                       ref_precision *precision)
{
    ref_block block;
    bool more = true;
    while (more) {
        more = ref_read_block(reader, &block) != REF_END && block.kind != REF_MALFORMED;
        if (more) {
            ref_outcome outcome = {0};
            run_block(&block, all->type, precision, &outcome);
            if (outcome.verdict == REF_BAD) {
                reader->number = block.line;
                snprintf(reader->message, sizeof reader->message, "%.200s", outcome.text);
                more = false;
            } else {
                ref_count(report, &block, &outcome);
            }
        }
        ref_block_free(&block);
    }
}

/* All blocks of a file, and what is printed about them. */
static void run_all(const totals *all, ref_reader *reader, ref_report *report)
{
    ref_precision *precision = ref_precision_create(all->engine->orders);
    if (all->engine->run)
        ref_run_points(all->engine, reader, report, precision);
    else
        run_blocks(all, reader, report, precision);
    if (!ref_print_precision(precision))
        report->failed++;
    ref_print_summary(report);
    ref_precision_destroy(precision);
}

static void run_file(totals *all, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        complain(all, path, strerror(errno));
        return;
    }
    ref_report report = {.file = path};
    ref_reader reader;
    ref_reader_begin(&reader, file);
    run_all(all, &reader, &report);
    fflush(stdout);
    if (reader.message[0]) {
        fprintf(stderr, "%s:%" PRId64 ": %s\n", path, reader.number, reader.message);
        all->malformed = true;
    }
    all->passed += report.passed;
    all->failed += report.failed;
    ref_reader_end(&reader);
    fclose(file);
}

/* ---- directories ---- */

static int is_case_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && !strcmp(entry->d_name + length - 4, ".txt");
}

static void run_directory(totals *all, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_case_file, alphasort);
    if (count < 0) {
        complain(all, path, strerror(errno));
        return;
    }
    if (count == 0)
        complain(all, path, "the directory has no .txt files");
    for (int i = 0; i < count; i++) {
        size_t size = strlen(path) + strlen(entries[i]->d_name) + 2;
        char *name = ref_alloc(size);
        snprintf(name, size, "%s/%s", path, entries[i]->d_name);
        run_file(all, name);
        free(name);
        free(entries[i]);
    }
    free(entries);
}

static void run_path(totals *all, const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        run_directory(all, path);
    else
        run_file(all, path);
}

/* ---- arguments ---- */

static int usage(void)
{
    fprintf(stderr, "usage: reference_cases [--float32 | --engine ");
    ref_print_engines(stderr);
    fprintf(stderr, "] [DIR|FILE ...]\n");
    return 2;
}

int main(int argc, char **argv)
{
    totals all = {.type = RG_F64, .engine = ref_find_engine("recorded")};
    int first = 1;
    if (argc > 1 && !strcmp(argv[1], "--float32")) {
        all.type = RG_F32;
        first++;
    } else if (argc > 2 && !strcmp(argv[1], "--engine")) {
        all.engine = ref_find_engine(argv[2]);
        first += 2;
    }
    if (!all.engine || (first < argc && argv[first][0] == '-'))
        return usage();
    if (first == argc)
        run_path(&all, RG_REFERENCE_CASES);
    for (int i = first; i < argc; i++)
        run_path(&all, argv[i]);
    printf("%" PRId64 " passed, %" PRId64 " failed\n", all.passed, all.failed);
    return all.malformed ? 2 : all.failed > 0;
}
