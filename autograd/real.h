/*
 * real.h: fused statements: scalars for code in which every nanosecond counts.
 *
 * Between two calls of rg_let an expression of rg_reals lives in registers only: its value and its
 * partial derivatives with respect to the rg_reals in it, which the compiler works out while it
 * inlines. rg_let commits it to a tape as one statement.
 *
 *     rg_real x = rg_let_input(tape, -2), y = rg_let_input(tape, 5);
 *     rg_real f = rg_let(tape, rg_mul(rg_add(x, y), rg_exp(x)));
 *     rg_value root = rg_value_of(tape, f);
 *     if (rg_backward(root) == RG_OK)
 *         printf("%g %g\n", rg_real_grad(tape, x), rg_real_grad(tape, y));
 *
 * The names of the operations are those of recorded values (ops/real_ops.h). Numbers, rg_reals,
 * unfinished expressions and recorded scalars mix freely; as soon as one of the first kinds is
 * involved, the result is an unfinished expression, rg_expr. It may be kept in a variable and used
 * more than once, but each use counts its terms again: commit what is used often. Comparisons
 * give 1 or 0 at once, as int: if (rg_less(x, 0)).
 *
 * An expression has at most RGI_TERMS (8) rg_reals, counted as often as they appear, recorded
 * scalars included. A longer one does not compile with optimization ("the expression is too long:
 * commit a part of it with rg_let"); without optimization, rg_let makes it the tape's error
 * RG_ERROR_LIMIT.
 *
 * Statements keep partial derivatives and nothing else: rg_backward and rg_forward work through
 * them, together with whatever else is on the tape. Higher derivatives, pictures and programs do
 * not; they say so with RG_ERROR_GRADIENT. A function that shall serve for both is written once
 * with rg_let around its statements and compiled twice, with rg_real and with rg_value.
 *
 * An rg_real does not know its tape or whether it was dropped by a rewind: it must be committed to
 * the tape it comes from. Builds without optimization check that its number exists.
 *
 * The cost: 2 bytes a statement, 4 a term, and 8 for each partial derivative that is not known to
 * be 1 or -1 when the statement is compiled; 8 for the adjoint.
 */
#ifndef RG_AUTOGRAD_REAL_H
#define RG_AUTOGRAD_REAL_H

#include "cursor.h"
#include "once.h"
#include "value.h"

RG_BEGIN_DECLS

#if defined(__GNUC__)
#define RGI_FUSED static inline __attribute__((always_inline, unused))
/* Whether the compiler knows that a condition holds. */
#define RGI_KNOWN(condition) (__builtin_constant_p(condition) && (condition))
#else
#define RGI_FUSED            static inline
#define RGI_KNOWN(condition) 0
#endif

/* A number on a tape. One without derivatives, such as a constant, has id 0. */
typedef struct rg_real {
    double value;
    uint32_t id; /* its node */
} rg_real;

/* An unfinished expression: a value and `count` terms, partial derivative dk to node ik. */
typedef struct rg_expr {
    double value;
    rg_tape *tape; /* of the recorded values in it; NULL if there are none */
    int count;
    double d0, d1, d2, d3, d4, d5, d6, d7;
    uint32_t i0, i1, i2, i3, i4, i5, i6, i7;
} rg_expr;

/* ---- inputs ---- */

/* A differentiable number, like rg_input; rg_value_of gives the recorded value. */
RGI_FUSED rg_real rg_let_input(rg_tape *tape, double value);

/* ---- statements of any length ---- */

/* The sum of a[i] b[i] over n products: one statement, which keeps the places of the operands and
 * no partial derivatives: 16 bytes if both lie one after the other on the tape (as inputs recorded
 * in a loop do), 8 a product otherwise. 0 for n = 0. Like products of matrices it follows IEEE
 * arithmetic: 0 times infinity is NaN in its derivatives too. */
RG_API rg_real rg_let_dot(rg_tape *tape, size_t n, const rg_real *a, const rg_real *b);

/* c + the same sum. */
RG_API rg_real rg_let_dot_add(rg_tape *tape, rg_real c, size_t n, const rg_real *a,
                              const rg_real *b);

/* The sum of x[i] over n numbers. 0 for n = 0. */
RG_API rg_real rg_let_sum(rg_tape *tape, size_t n, const rg_real *x);

/* The sum of weights[i] x[i] over n numbers. */
RG_API rg_real rg_let_lincomb(rg_tape *tape, size_t n, const double *weights, const rg_real *x);

/* A value computed by other means, with its partial derivative to each of n numbers: the door for
 * hand-written pieces. */
RG_API rg_real rg_let_partials(rg_tape *tape, double value, size_t n, const rg_real *x,
                               const double *partials);

/* All of them return a number without derivatives, and leave the tape's error as it is, on a tape
 * that has one; RG_ERROR_MEMORY and RG_ERROR_LIMIT as for recorded values. Between rg_no_grad_begin
 * and rg_no_grad_end they compute the value only. */

/* ---- inputs ---- */

/* x[i] = rg_let(tape, rg_input(tape, values[i])) for n numbers at once: faster than one by one, and
 * in consecutive places, which dot products keep in 16 bytes. */
RG_API void rg_let_inputs(rg_tape *tape, size_t n, const double *values, rg_real *x);

/* ---- to and from recorded values ---- */

/* The recorded value of a number: for rg_backward, and to go on with recorded operations. A number
 * without derivatives becomes a constant. Inert after an error: RG_ERROR_STALE if its node does not
 * exist. The other way round is rg_let(tape, value), of a float64 scalar. */
RG_API rg_value rg_value_of(rg_tape *tape, rg_real x);

/* The gradient of the last sweep's root with respect to x, as rg_grad gives it; 0 for a number
 * without derivatives; NaN if its node does not exist. */
RG_API double rg_real_grad(rg_tape *tape, rg_real x);

/* The same for n numbers at once, faster than one by one. */
RG_API void rg_read_real_grads(rg_tape *tape, size_t n, const rg_real *x, double *out);

/* ---- behind the macros ---- */

/* What the inline path leaves to the library: errors, no_grad, room, searches for anomalies. */
RG_API rg_real rgi_let_slow(rg_tape *tape, const rg_expr *e);
RG_API rg_real rgi_let_value(rg_tape *tape, rg_value x);
/* The number and node of a recorded scalar; NaN after making what is wrong its tape's error. */
RG_API rg_real rgi_real_of_value(rg_value x);

#if defined(__OPTIMIZE__) && defined(__has_attribute)
#if __has_attribute(error)
/* Never defined: a call that is not optimized away does not compile. */
extern void rgi_expression_is_too_long(void)
    __attribute__((error("the expression is too long: commit a part of it with rg_let")));
#define RGI_REFUSE(condition)             \
    do {                                  \
        if (RGI_KNOWN(condition))         \
            rgi_expression_is_too_long(); \
    } while (0)
#endif
#endif
#ifndef RGI_REFUSE
#define RGI_REFUSE(condition) ((void)0)
#endif

/* Stands for the tape of an expression whose values are not all on one tape. */
#define RGI_NO_TAPE ((rg_tape *)(uintptr_t)1)

#define RGI_EACH_TERM(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

RGI_FUSED rg_expr rgi_expr_of_number(double number)
{
    const rg_expr e = {number, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    return e;
}

RGI_FUSED rg_expr rgi_expr_of_real(rg_real x)
{
    rg_expr e = rgi_expr_of_number(x.value);
    e.count = 1;
    e.d0 = 1;
    e.i0 = x.id;
    return e;
}

RGI_FUSED rg_expr rgi_expr_of_value(rg_value x)
{
    rg_expr e = rgi_expr_of_real(rgi_real_of_value(x));
    e.tape = x.tape ? x.tape : RGI_NO_TAPE;
    return e;
}

RGI_FUSED rg_expr rgi_expr_of_expr(rg_expr e)
{
    return e;
}

/* d p, but exactly 0 for d = 0 whatever p is: d is what arrives from above in a sweep. */
RGI_FUSED double rgi_guard_term(double d, double p)
{
    if (RGI_KNOWN(p == 1.0))
        return d;
    return d == 0 ? 0 : d * p;
}

/* f(e), by the chain rule: its value and its derivative. */
RGI_FUSED rg_expr rgi_chain(rg_expr e, double value, double d)
{
    e.value = value;
#define RGI_SCALE(k) \
    if (e.count > k) \
        e.d##k = rgi_guard_term(d, e.d##k);
    RGI_EACH_TERM(RGI_SCALE)
#undef RGI_SCALE
    return e;
}

/* f(a, b), likewise: the terms of a, then those of b. */
RGI_FUSED rg_expr rgi_chain2(rg_expr a, rg_expr b, double value, double to_a, double to_b)
{
    RGI_REFUSE(a.count + b.count > RGI_TERMS);
    a = rgi_chain(a, value, to_a);
    b = rgi_chain(b, value, to_b);
#define RGI_PUT(k, j)    \
    if (b.count > j) {   \
        a.d##k = b.d##j; \
        a.i##k = b.i##j; \
    }
    /* clang-format off */
    switch (a.count) {
    case 0: RGI_PUT(0, 0) RGI_PUT(1, 1) RGI_PUT(2, 2) RGI_PUT(3, 3)
            RGI_PUT(4, 4) RGI_PUT(5, 5) RGI_PUT(6, 6) RGI_PUT(7, 7) break;
    case 1: RGI_PUT(1, 0) RGI_PUT(2, 1) RGI_PUT(3, 2) RGI_PUT(4, 3)
            RGI_PUT(5, 4) RGI_PUT(6, 5) RGI_PUT(7, 6) break;
    case 2: RGI_PUT(2, 0) RGI_PUT(3, 1) RGI_PUT(4, 2) RGI_PUT(5, 3) RGI_PUT(6, 4) RGI_PUT(7, 5) break;
    case 3: RGI_PUT(3, 0) RGI_PUT(4, 1) RGI_PUT(5, 2) RGI_PUT(6, 3) RGI_PUT(7, 4) break;
    case 4: RGI_PUT(4, 0) RGI_PUT(5, 1) RGI_PUT(6, 2) RGI_PUT(7, 3) break;
    case 5: RGI_PUT(5, 0) RGI_PUT(6, 1) RGI_PUT(7, 2) break;
    case 6: RGI_PUT(6, 0) RGI_PUT(7, 1) break;
    case 7: RGI_PUT(7, 0) break;
    default: break;
    }
    /* clang-format on */
#undef RGI_PUT
    a.count += b.count;
    if (b.tape)
        a.tape = a.tape && a.tape != b.tape ? RGI_NO_TAPE : b.tape;
    return a;
}

/* Whether the compiler knows a partial derivative to be 1 or -1, which need not be kept. */
#define RGI_IS_SIGN(d) RGI_KNOWN((d) == 1.0 || (d) == -1.0)

/* Without optimization, whether the nodes of all terms exist. */
RGI_FUSED int rgi_terms_exist(const rg_cursor *cursor, const rg_expr *e)
{
#ifdef __OPTIMIZE__
    (void)cursor, (void)e;
#else
#define RGI_CHECK(k)                              \
    if (e->count > k && e->i##k >= cursor->count) \
        return 0;
    RGI_EACH_TERM(RGI_CHECK)
#undef RGI_CHECK
#endif
    return 1;
}

/* Appends a statement. Terms that are the same variable, as far as the compiler can see it, become
 * one: it costs nothing and shortens what is kept. */
RGI_FUSED rg_real rgi_let_expr(rg_tape *tape, rg_expr e)
{
    rg_real result = {e.value, 0};
    if (e.count == 0)
        return result;
    RGI_REFUSE(e.count > RGI_TERMS);
    rg_cursor *cursor = rgi_cursor(tape);
    if (!RG_LIKELY(tape && cursor->count < cursor->statement_limit && e.count <= RGI_TERMS &&
                   (!e.tape || e.tape == tape) && rgi_terms_exist(cursor, &e))) {
        rg_expr kept = e;
        return rgi_let_slow(tape, &kept);
    }
    const uint64_t node = cursor->count;
    uint32_t *term = cursor->term;
    int terms = 0, mask = 0, signs = 1;
    /* clang-format off */
    /* What is known must be asked before it may depend on which terms become one: gcc answers such
     * questions late and all at once. */
#define RGI_ASK(k) int gone##k = 0, sign##k = e.count > k && RGI_IS_SIGN(e.d##k);
    RGI_EACH_TERM(RGI_ASK)
#undef RGI_ASK
#define RGI_MERGE(j, k)                                                       \
    if (e.count > k && !gone##j && !gone##k && RGI_KNOWN(e.i##j == e.i##k)) { \
        e.d##j += e.d##k;                                                     \
        sign##j = 0;                                                          \
        gone##k = 1;                                                          \
    }
    RGI_MERGE(0, 1) RGI_MERGE(0, 2) RGI_MERGE(0, 3) RGI_MERGE(0, 4) RGI_MERGE(0, 5) RGI_MERGE(0, 6)
    RGI_MERGE(0, 7) RGI_MERGE(1, 2) RGI_MERGE(1, 3) RGI_MERGE(1, 4) RGI_MERGE(1, 5) RGI_MERGE(1, 6)
    RGI_MERGE(1, 7) RGI_MERGE(2, 3) RGI_MERGE(2, 4) RGI_MERGE(2, 5) RGI_MERGE(2, 6) RGI_MERGE(2, 7)
    RGI_MERGE(3, 4) RGI_MERGE(3, 5) RGI_MERGE(3, 6) RGI_MERGE(3, 7) RGI_MERGE(4, 5) RGI_MERGE(4, 6)
    RGI_MERGE(4, 7) RGI_MERGE(5, 6) RGI_MERGE(5, 7) RGI_MERGE(6, 7)
#undef RGI_MERGE
#define RGI_PUT(k)                     \
    if (e.count > k && !gone##k) {     \
        term[terms] = e.i##k;          \
        signs = signs && sign##k;      \
        mask |= (e.d##k < 0) << terms; \
        terms++;                       \
    }
    RGI_EACH_TERM(RGI_PUT)
#undef RGI_PUT
    cursor->term = term + terms;
    /* clang-format on */
    cursor->count = node + 1;
    result.id = (uint32_t)node;
    if (signs && terms <= 3) {
        cursor->code[node] = (uint16_t)(RGI_CODE_SIGNS + (1 << terms) + mask);
        return result;
    }
    double *partial = cursor->partial;
    const int one = terms >= 2 && sign0 && e.d0 > 0;
    int partials = 0;
#define RGI_PUT(k)                                   \
    if (e.count > k && !gone##k && !(k == 0 && one)) \
        partial[partials++] = e.d##k;
    RGI_EACH_TERM(RGI_PUT)
#undef RGI_PUT
    cursor->partial = partial + partials;
    cursor->code[node] = (uint16_t)((one ? RGI_CODE_ONE : RGI_CODE_TERMS) + terms);
    return result;
}

RGI_FUSED rg_real rg_let_input(rg_tape *tape, double value)
{
    if (!RG_LIKELY(tape && rgi_cursor(tape)->count < rgi_cursor(tape)->statement_limit))
        return rgi_let_value(tape, rg_input(tape, value));
    rg_cursor *cursor = rgi_cursor(tape);
    const uint64_t node = cursor->count;
    cursor->code[node] = RGI_CODE_INPUT;
    cursor->value[node] = value;
    cursor->last_input = node;
    cursor->count = node + 1;
    rg_real x = {value, (uint32_t)node};
    return x;
}

RGI_FUSED rg_real rgi_let_real(rg_tape *tape, rg_real x)
{
    (void)tape;
    return x;
}

RGI_FUSED rg_real rgi_let_number(rg_tape *tape, double number)
{
    rg_real x = {number, 0};
    (void)tape;
    return x;
}

RG_END_DECLS

/* rg_let(tape, e): commits an expression as one statement and returns it. A number becomes one
 * without derivatives, a recorded float64 scalar the number at its node; an rg_real stays what it
 * is. What can go wrong becomes the tape's error, and the result has no derivatives then. */
#ifdef __cplusplus
inline rg_real rg_let(rg_tape *tape, rg_expr e)
{
    return rgi_let_expr(tape, e);
}
inline rg_real rg_let(rg_tape *tape, rg_real x)
{
    return rgi_let_real(tape, x);
}
inline rg_real rg_let(rg_tape *tape, rg_value x)
{
    return rgi_let_value(tape, x);
}
inline rg_real rg_let(rg_tape *tape, double x)
{
    return rgi_let_number(tape, x);
}
#else
/* clang-format off */
#define RGI_LET(tape, e) _Generic((e), \
    rg_expr: rgi_let_expr, rg_real: rgi_let_real, rg_value: rgi_let_value, \
    default: rgi_let_number)((tape), (e))
#define rg_let(tape, e) RGI_ONCE_1(RGI_LET, tape, e)
/* clang-format on */
#endif

#endif
