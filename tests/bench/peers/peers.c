/*
 * peers.c: this library's engines beside those of other libraries, in one run, on the functions of
 * ../functions.inc.
 */
#include "../bench.h"
#include "../functions.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#if RG_BENCH_ADOLC
extern const bench_engine bench_adolc;
#endif
#if RG_BENCH_SACADO
extern const bench_engine bench_sacado;
#endif

/* ADOL-C gives its buffers back after each recording. Warm memory is part of what is measured, so
 * the C library is asked to keep what it is given. */
static void keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

int main(void)
{
    static const bench_engine *const engines[] = {
        &bench_recorded,
        &bench_fused,
        &bench_fused_dot,
#if RG_BENCH_ADOLC
        &bench_adolc,
#endif
#if RG_BENCH_SACADO
        &bench_sacado,
#endif
    };
    keep_memory();
    bench_conditions();
    puts("record, sweep: ns an operation; bytes: of tape an operation, with adjoints");
    return bench_compare(sizeof engines / sizeof *engines, engines);
}
