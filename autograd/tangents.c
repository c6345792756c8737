/*
 * tangents.c: the sweep over linear statements, some directions at a time. Built once for each
 * instruction set, with RGI_SWEEPS naming the table.
 */
#include "linear.h"

/* What is summed up first is stored last, so that the compiler need not ask whether `out` overlaps
 * the operands. */
#define SWEEP(name, width, TERM)                                                             \
    static void name(const rgi_statement *statement, uint32_t count, const double *tangents, \
                     double *out)                                                            \
    {                                                                                        \
        for (uint32_t i = 0; i < count; i++, out += (width)) {                               \
            const double *a = tangents + (size_t)statement[i].in[0] * (width);               \
            const double *b = tangents + (size_t)statement[i].in[1] * (width);               \
            const double p = statement[i].slope[0], q = statement[i].slope[1];               \
            double sum[width];                                                               \
            for (int j = 0; j < (width); j++)                                                \
                sum[j] = TERM(p, a[j]) + TERM(q, b[j]);                                      \
            for (int j = 0; j < (width); j++)                                                \
                out[j] = sum[j];                                                             \
        }                                                                                    \
    }

#define PRODUCT(slope, tangent) ((slope) * (tangent))
#define GUARDED(slope, tangent) ((tangent) == 0 ? 0 : (slope) * (tangent))

SWEEP(sweep_16, 16, PRODUCT)
SWEEP(sweep_8, 8, PRODUCT)
SWEEP(sweep_1, 1, PRODUCT)
SWEEP(guarded_16, 16, GUARDED)
SWEEP(guarded_8, 8, GUARDED)
SWEEP(guarded_1, 1, GUARDED)

const rgi_sweeps RGI_SWEEPS = {
    .width = {16, 8, 1},
    .plain = {sweep_16, sweep_8, sweep_1},
    .guarded = {guarded_16, guarded_8, guarded_1},
};
