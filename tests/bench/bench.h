/*
 * bench.h: what every benchmark program prints and measures with.
 */
#ifndef RG_TESTS_BENCH_H
#define RG_TESTS_BENCH_H

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../reelgrad.h"

/* Seconds on a clock that only goes forward. */
static inline double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The processor's name, from /proc/cpuinfo where there is one. */
static inline void bench_cpu(char *name, size_t size)
{
    snprintf(name, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            line[strcspn(line, "\n")] = 0;
            snprintf(name, size, "%s", strchr(line, ':') + 2);
            break;
        }
    if (file)
        fclose(file);
}

/* The conditions of the measurement: without them its numbers say nothing. */
static inline void bench_conditions(void)
{
    char cpu[256];
    bench_cpu(cpu, sizeof cpu);
    printf("reelgrad %s, %s, flags: %s\ncpu: %s\n", reelgrad_version(), RG_BENCH_COMPILER,
           RG_BENCH_FLAGS, cpu);
}

#endif
