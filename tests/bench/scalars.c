/*
 * scalars.c: what a gradient of a scalar function costs, in units of the plain C function: six
 * functions, every engine of this library. Peers are compared by peers/ with the same functions.
 */
#include "bench.h"
#include "functions.h"

int main(void)
{
    static const bench_engine *const engines[] = {&bench_recorded};
    bench_conditions();
    puts("record, sweep: ns an operation; bytes: of tape an operation, with adjoints");
    return bench_compare(sizeof engines / sizeof *engines, engines);
}
