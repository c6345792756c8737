/*
 * scale.c: what an operation costs on tapes of a thousand to a hundred million operations: time
 * and memory, on a new tape and on one whose memory is there already.
 *
 *     scale [LARGEST]    the largest number of operations (default 1e8, which takes 4 GB)
 *
 * Every size is measured in a process of its own, so that its memory is its own.
 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* y = y x + x over and over: both operands are recorded values. With x = 1 no adjoint vanishes,
 * which would spare the sweep its work. */
static rg_value values_chain(rg_tape *tape, rg_value x, long operations)
{
    (void)tape;
    rg_value y = x;
    for (long i = 0; i < operations; i += 2)
        y = rg_add(rg_mul(y, x), x);
    return y;
}

/* y = a y + b: one operand is a plain number, which the tape keeps beside the node. */
static rg_value numbers_chain(rg_tape *tape, rg_value x, long operations)
{
    (void)tape;
    rg_value y = x;
    for (long i = 0; i < operations; i += 2)
        y = rg_add(rg_mul(1.0, y), 0.25);
    return y;
}

typedef struct chain {
    const char *name;
    rg_value (*record)(rg_tape *tape, rg_value x, long operations);
} chain;

static const chain chains[] = {{"values", values_chain}, {"numbers", numbers_chain}};

/* Resident memory of this process in megabytes: now ("VmRSS:"), or at most so far ("VmHWM:"). */
static double resident(const char *key)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double kilobytes = NAN;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            kilobytes = strtod(line + strlen(key), NULL);
    if (file)
        fclose(file);
    return kilobytes / 1024;
}

typedef struct cost {
    double record, sweep;
} cost;

/* What a new tape pays for its memory, whoever asks for it: the system finds a page, clears it. */
static int measure_touch(void)
{
    enum { BYTES = 256 << 20, PAGE = 4096 };
    char *memory = malloc(BYTES);
    if (!memory)
        return 0;
    double begin = bench_now();
    for (volatile char *place = memory; place < memory + BYTES; place += PAGE)
        *place = 1;
    double seconds = bench_now() - begin;
    free(memory);
    printf("first touch of memory: %.2f microseconds a page of 4 KB, %.1f ns for 26 bytes\n\n",
           seconds * PAGE / BYTES * 1e6, seconds * 26 / BYTES * 1e9);
    return 1;
}

/* Returns 0 if the tape failed. */
static int run(rg_tape *tape, const chain *of, long operations, cost *seconds)
{
    rg_tape_reset(tape);
    rg_value x = rg_input(tape, 1);
    double begin = bench_now();
    rg_value y = of->record(tape, x, operations);
    double middle = bench_now();
    rg_status status = rg_backward(y);
    seconds->sweep = bench_now() - middle;
    seconds->record = middle - begin;
    if (status != RG_OK)
        printf("%s\n", rg_tape_message(tape));
    return status == RG_OK;
}

static int measure(const chain *of, long operations)
{
    rg_tape *tape = rg_tape_create();
    cost first, best = {INFINITY, INFINITY}, seconds;
    double before = resident("VmRSS:"), begin = bench_now();
    int good = run(tape, of, operations, &first);
    for (int round = 0; good && (round < 2 || bench_now() - begin < 0.2); round++) {
        good = run(tape, of, operations, &seconds);
        best.record = fmin(best.record, seconds.record);
        best.sweep = fmin(best.sweep, seconds.sweep);
    }
    const double each = 1e9 / (double)operations;
    rg_mark mark = rg_tape_mark(tape);
    double bytes = 26 * (double)(mark.count - 1) + 8 * (double)mark.constants;
    printf("%-8s %10ld %8.2f %8.2f %8.2f %8.2f %8.3f %8.1f %10.1f %9.1f %9.1f\n", of->name,
           operations, first.record * each, first.sweep * each, best.record * each,
           best.sweep * each, first.record + first.sweep, bytes / (double)operations,
           (double)rg_tape_get_stats(tape).node_bytes / 1048576, resident("VmRSS:") - before,
           resident("VmHWM:") - before);
    rg_tape_destroy(tape);
    return good;
}

int main(int argc, char **argv)
{
    const double largest = argc > 1 ? strtod(argv[1], NULL) : 1e8;
    bench_conditions();
    puts("ns an operation, first on a new tape, then on a warm one; seconds of the first;\n"
         "bytes an operation used; megabytes committed, resident, resident at most");
    if (!measure_touch())
        return 1;
    printf("%-8s %10s %8s %8s %8s %8s %8s %8s %10s %9s %9s\n", "chain", "operations", "record",
           "sweep", "record", "sweep", "seconds", "bytes", "committed", "VmRSS", "VmHWM");
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++)
        for (long operations = 1000; (double)operations <= largest; operations *= 10) {
            fflush(stdout);
            pid_t child = fork();
            if (child == 0)
                return !measure(&chains[i], operations);
            int status = 1;
            if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
                return 1;
        }
    return 0;
}
