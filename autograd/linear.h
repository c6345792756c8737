/*
 * linear.h: a recording made linear for rg_forward (private).
 *
 * At the point where it was recorded, each scalar node is a sum of slopes times the tangents of its
 * operands. This is found once; then it is run for as many directions as are asked for. A node that
 * depends on no x has no row of tangents, and costs nothing.
 */
#ifndef RG_AUTOGRAD_LINEAR_H
#define RG_AUTOGRAD_LINEAR_H

#include "internal.h"

/* The next row of tangents = slope[0] * row in[0] + slope[1] * row in[1]. A slope without a row is
 * 0, and its row is row 0, which holds zeros. */
typedef struct rgi_statement {
    double slope[2];
    uint32_t in[2];
} rgi_statement;

/* Rows that are none: the tangent is zero, or it is unknown because a tensor lies between. */
enum { RGI_ROW_ZERO = 0 };
#define RGI_ROW_LOST UINT32_MAX

/* Memory is kept from call to call; the sizes are in bytes. */
struct rgi_linear {
    uint32_t *row; /* of each node, if it has one */
    rgi_statement *statement;
    rg_tensor *operand; /* of the record at hand, with their list and slopes */
    void *memory;       /* of the tangents */
    double *tangents;
    size_t row_size, statement_size, operand_size, memory_size;
    uint32_t first; /* row of the first statement; those below belong to the xs */
    uint32_t count; /* of statements */
    bool guarded;   /* a slope is infinite or NaN: zero tangents must be kept from it */
};

/* The row of p times row a plus q times row b; the caller has made room for the statement. A slope
 * of 0 contributes exactly 0, as a zero adjoint does in the reverse sweep. */
static inline uint32_t rgi_linear_add(rgi_linear *linear, double p, uint32_t a, double q,
                                      uint32_t b)
{
    if (a == RGI_ROW_LOST || b == RGI_ROW_LOST)
        return RGI_ROW_LOST;
    if (b == RGI_ROW_ZERO || q == 0)
        b = RGI_ROW_ZERO, q = 0;
    if (a == RGI_ROW_ZERO || p == 0)
        a = b, p = q, b = RGI_ROW_ZERO, q = 0;
    if (b == RGI_ROW_ZERO && (a == RGI_ROW_ZERO || p == 1))
        return a;
    if (!(p - p + (q - q) == 0))
        linear->guarded = true;
    linear->statement[linear->count] = (rgi_statement){{p, q}, {a, b}};
    return linear->first + linear->count++;
}

/* ---- tangents.c, built once for each instruction set ---- */

/* How many directions are swept at once, and by what: plain, and with zero tangents guarded. */
enum { RGI_WIDTHS = 3 };
typedef void rgi_sweep(const rgi_statement *statement, uint32_t count, const double *tangents,
                       double *out);
typedef struct rgi_sweeps {
    int width[RGI_WIDTHS]; /* decreasing to 1 */
    rgi_sweep *plain[RGI_WIDTHS], *guarded[RGI_WIDTHS];
} rgi_sweeps;

extern const rgi_sweeps rgi_sweeps_base, rgi_sweeps_avx2, rgi_sweeps_avx512;

#endif
