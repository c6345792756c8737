/*
 * peers.c: this library's engines beside those of other libraries, in one run, on the functions of
 * ../functions.inc.
 */
#include "../bench.h"
#include "../functions.h"

#if RG_BENCH_ADOLC
extern const bench_engine bench_adolc;
#endif
#if RG_BENCH_SACADO
extern const bench_engine bench_sacado;
#endif

int main(void)
{
    static const bench_engine *const engines[] = {
        &bench_recorded, &bench_fused, &bench_fused_dot,
#if RG_BENCH_ADOLC
        &bench_adolc,
#endif
#if RG_BENCH_SACADO
        &bench_sacado,
#endif
    };
    bench_conditions();
    puts("record, sweep: ns an operation; bytes: of tape an operation, with adjoints");
    return bench_compare(sizeof engines / sizeof *engines, engines);
}
