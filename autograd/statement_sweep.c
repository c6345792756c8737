/*
 * statement_sweep.c: what is read from fused statements: the way back through their streams, the
 * sweep, and their operands one by one.
 */
#include <inttypes.h>

#include "internal.h"
#include "real.h"

/* ---- walking down ---- */

/* Words of a statement in the two streams, given where it ends in the first. */
static void measure(int code, const uint32_t *end, uint64_t *terms, uint64_t *partials)
{
    *partials = 0;
    if (code < RGI_CODE_ONE + 2) {
        *terms = *partials = (uint64_t)(code - RGI_CODE_TERMS);
    } else if (code < RGI_CODE_SIGNS + 2) {
        *terms = (uint64_t)(code - RGI_CODE_ONE);
        *partials = *terms - 1;
    } else if (code < RGI_CODE_MANY) {
        int signs = code - RGI_CODE_SIGNS;
        *terms = signs < 4 ? 1 : signs < 8 ? 2 : 3;
    } else if (code == RGI_CODE_DOT) {
        *terms = 4;
    } else {
        uint64_t n = end[-1];
        *terms = code == RGI_CODE_PAIRS ? 2 * n + 2 : n + 1;
        *partials = code == RGI_CODE_MANY ? n : 0;
    }
}

rgi_walk rgi_walk_at(const rg_tape *tape, uint64_t node)
{
    const rg_cursor *cursor = &tape->cursor;
    rgi_walk walk = {cursor->term, cursor->partial};
    if (cursor->term == tape->terms)
        return walk;
    for (uint64_t i = cursor->count - 1; i > node; i--)
        rgi_walk_over(&walk, cursor->code[i]);
    return walk;
}

void rgi_walk_over(rgi_walk *walk, int code)
{
    if (!rgi_is_statement(code))
        return;
    uint64_t terms, partials;
    measure(code, walk->term, &terms, &partials);
    walk->term -= terms;
    walk->partial -= partials;
}

/* ---- the sweep ---- */

/* From here on: g is the node's adjoint, `term` and `partial` the beginning of its words. A zero
 * adjoint contributes exactly zero, also against infinite partials. */
#define ADD(k, product) adjoint[term[k]] += (product);
#define BACK(terms, partials) \
    term -= (terms);          \
    partial -= (partials);
#define TERM(k)  ADD(k, g *partial[k])
#define LATER(k) ADD(k, g *partial[k - 1])

/* Products by the values of nodes that follow one another. */
static void sweep_dot(double *adjoint, const double *value, const uint32_t *words, double g)
{
    const uint32_t a = words[0], b = words[1], n = words[3];
    adjoint[words[2]] += g;
    if (a == b) {
        for (uint32_t i = 0; i < n; i++)
            adjoint[a + i] += 2 * g * value[a + i];
        return;
    }
    if (a + (uint64_t)n <= b || b + (uint64_t)n <= a) {
        double *restrict to_a = adjoint + a, *restrict to_b = adjoint + b;
        const double *va = value + a, *vb = value + b;
        for (uint32_t i = 0; i < n; i++) {
            to_a[i] += g * vb[i];
            to_b[i] += g * va[i];
        }
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        adjoint[a + i] += g * value[b + i];
        adjoint[b + i] += g * value[a + i];
    }
}

static void sweep_pairs(double *adjoint, const double *value, const uint32_t *a, uint32_t n,
                        double g)
{
    const uint32_t *b = a + n;
    adjoint[a[2 * n]] += g;
    for (uint32_t i = 0; i < n; i++) {
        adjoint[a[i]] += g * value[b[i]];
        adjoint[b[i]] += g * value[a[i]];
    }
}

/* Inlined twice, whatever the compiler thinks of it: whether adjoints are kept is then known. */
RGI_FUSED uint64_t sweep(rg_cursor *cursor, rgi_walk *walk, uint64_t node, uint64_t last,
                         const bool keep)
{
    const uint16_t *restrict code = cursor->code;
    const double *restrict value = cursor->value;
    const uint32_t *restrict term = walk->term;
    const double *restrict partial = walk->partial;
    double *adjoint = cursor->adjoint;
    for (; node > last; node--) {
        const double g = adjoint[node];
        if (!keep)
            adjoint[node] = 0;
        /* clang-format off */
        switch (code[node]) {
        case RGI_CODE_INPUT: adjoint[node] = g; break;
        case RGI_CODE_CONSTANT: break;
        case RGI_CODE_TERMS: break;
#define CASE(n, each) case RGI_CODE_TERMS + n: BACK(n, n) if (g == 0) break; each break;
        CASE(1, TERM(0))
        CASE(2, TERM(0) TERM(1))
        CASE(3, TERM(0) TERM(1) TERM(2))
        CASE(4, TERM(0) TERM(1) TERM(2) TERM(3))
        CASE(5, TERM(0) TERM(1) TERM(2) TERM(3) TERM(4))
        CASE(6, TERM(0) TERM(1) TERM(2) TERM(3) TERM(4) TERM(5))
        CASE(7, TERM(0) TERM(1) TERM(2) TERM(3) TERM(4) TERM(5) TERM(6))
        CASE(8, TERM(0) TERM(1) TERM(2) TERM(3) TERM(4) TERM(5) TERM(6) TERM(7))
#undef CASE
#define CASE(n, each) case RGI_CODE_ONE + n: BACK(n, n - 1) if (g == 0) break; ADD(0, g) each break;
        CASE(2, LATER(1))
        CASE(3, LATER(1) LATER(2))
        CASE(4, LATER(1) LATER(2) LATER(3))
        CASE(5, LATER(1) LATER(2) LATER(3) LATER(4))
        CASE(6, LATER(1) LATER(2) LATER(3) LATER(4) LATER(5))
        CASE(7, LATER(1) LATER(2) LATER(3) LATER(4) LATER(5) LATER(6))
        CASE(8, LATER(1) LATER(2) LATER(3) LATER(4) LATER(5) LATER(6) LATER(7))
#undef CASE
#define CASE(n, mask, each) case RGI_CODE_SIGNS + (1 << n) + mask: BACK(n, 0) each break;
        CASE(1, 0, ADD(0, g))
        CASE(1, 1, ADD(0, -g))
        CASE(2, 0, ADD(0, g) ADD(1, g))
        CASE(2, 1, ADD(0, -g) ADD(1, g))
        CASE(2, 2, ADD(0, g) ADD(1, -g))
        CASE(2, 3, ADD(0, -g) ADD(1, -g))
        CASE(3, 0, ADD(0, g) ADD(1, g) ADD(2, g))
        CASE(3, 1, ADD(0, -g) ADD(1, g) ADD(2, g))
        CASE(3, 2, ADD(0, g) ADD(1, -g) ADD(2, g))
        CASE(3, 3, ADD(0, -g) ADD(1, -g) ADD(2, g))
        CASE(3, 4, ADD(0, g) ADD(1, g) ADD(2, -g))
        CASE(3, 5, ADD(0, -g) ADD(1, g) ADD(2, -g))
        CASE(3, 6, ADD(0, g) ADD(1, -g) ADD(2, -g))
        CASE(3, 7, ADD(0, -g) ADD(1, -g) ADD(2, -g))
#undef CASE
        /* clang-format on */
        case RGI_CODE_MANY: {
            const uint32_t n = term[-1];
            BACK(n + UINT64_C(1), n)
            for (uint32_t k = 0; k < n && g != 0; k++)
                TERM(k)
            break;
        }
        case RGI_CODE_SUM: {
            const uint32_t n = term[-1];
            BACK(n + UINT64_C(1), 0)
            for (uint32_t k = 0; k < n; k++)
                ADD(k, g)
            break;
        }
        case RGI_CODE_DOT:
            BACK(4, 0)
            if (g != 0)
                sweep_dot(adjoint, value, term, g);
            break;
        case RGI_CODE_PAIRS: {
            const uint32_t n = term[-1];
            BACK(2 * (uint64_t)n + 2, 0)
            if (g != 0)
                sweep_pairs(adjoint, value, term, n, g);
            break;
        }
        default:
            if (!keep)
                adjoint[node] = g;
            walk->term = term;
            walk->partial = partial;
            return node;
        }
    }
    walk->term = term;
    walk->partial = partial;
    return last;
}

uint64_t rgi_sweep_statements(rg_tape *tape, rgi_walk *walk, uint64_t node, uint64_t last)
{
    return tape->drop_adjoints ? sweep(&tape->cursor, walk, node, last, false)
                               : sweep(&tape->cursor, walk, node, last, true);
}

/* ---- operands one by one ---- */

/* Notes for each statement where its words begin and how many operands it has, in the operands
 * array, which statements do not use otherwise. */
bool rgi_index_statements(rg_tape *tape)
{
    rg_cursor *cursor = &tape->cursor;
    if (cursor->term == tape->terms || tape->indexed + 1 >= cursor->count)
        return true;
    if (rgi_terms(tape) > UINT32_MAX) {
        rgi_fail(tape, RG_ERROR_LIMIT, "the statements have too many terms to look at one by one");
        return false;
    }
    rgi_walk walk = {cursor->term, cursor->partial};
    for (uint64_t node = cursor->count - 1; node > tape->indexed; node--) {
        int code = cursor->code[node];
        if (!rgi_is_statement(code))
            continue;
        const uint32_t *end = walk.term;
        rgi_walk_over(&walk, code);
        uint32_t count = (uint32_t)(end - walk.term);
        if (code == RGI_CODE_DOT)
            count = 2 * end[-1] + 1;
        else if (code >= RGI_CODE_MANY)
            count--;
        cursor->operands[node] = (rgi_operands){(uint32_t)(walk.term - tape->terms), count};
    }
    tape->indexed = cursor->count - 1;
    return true;
}

uint32_t rgi_statement_operand(const rg_tape *tape, uint32_t node, int k)
{
    const uint32_t *words = tape->terms + tape->cursor.operands[node].a;
    if (tape->cursor.code[node] != RGI_CODE_DOT)
        return words[k];
    const uint32_t i = (uint32_t)k, n = words[3];
    return i < n ? words[0] + i : i < 2 * n ? words[1] + (i - n) : words[2];
}

double rgi_statement_slope(const rg_tape *tape, uint32_t node, int k, const double *partial)
{
    int code = tape->cursor.code[node];
    if (code < RGI_CODE_ONE + 2 || code == RGI_CODE_MANY)
        return partial[k];
    if (code < RGI_CODE_SIGNS + 2)
        return k == 0 ? 1 : partial[k - 1];
    if (code < RGI_CODE_MANY) {
        int n = rgi_operand_count(tape, node), mask = code - RGI_CODE_SIGNS - (1 << n);
        return mask >> k & 1 ? -1 : 1;
    }
    int n = rgi_operand_count(tape, node) / 2; /* products */
    if (code == RGI_CODE_SUM || k == 2 * n)
        return 1;
    return tape->cursor.value[rgi_statement_operand(tape, node, k < n ? k + n : k - n)];
}

uint64_t rgi_statement_partials(const rg_tape *tape, uint32_t node)
{
    int code = tape->cursor.code[node];
    uint64_t count = tape->cursor.operands[node].b;
    if (code < RGI_CODE_ONE + 2 || code == RGI_CODE_MANY)
        return count;
    return code < RGI_CODE_SIGNS + 2 ? count - 1 : 0;
}
