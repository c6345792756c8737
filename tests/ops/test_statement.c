/*
 * test_statement.c: what fused statements keep on the tape, and the sweep through every kind.
 */
#include "elements.h"

#include "../../autograd/internal.h"
#include "../failing.h"

SUITE(statement);

/* Only with optimization does the compiler know which terms are one variable and which slopes are 1
 * or -1; sanitizers hide some of that from it, but not the same in every compiler. */
#if !defined(__OPTIMIZE__)
enum { KNOWS_ALL = 0, KNOWS_NONE = 1 };
#elif defined(CHECK_LEAKS)
enum { KNOWS_ALL = 0, KNOWS_NONE = 0 };
#else
enum { KNOWS_ALL = 1, KNOWS_NONE = 0 };
#endif

enum { MOST = 1000 };

/* Inputs with values of the test, recorded one after the other; and a statement, because the first
 * one, which makes the streams, does not go the inline way. */
static void make_inputs(int count, rg_value *x, rg_real *r)
{
    for (int i = 0; i < count; i++) {
        x[i] = rg_input(tape, 1 + 0.25 * i);
        r[i] = rg_let(tape, x[i]);
    }
    rg_let(tape, rg_mul(r[0], 2));
}

/* A statement has the code `known` where the compiler knows what it can, else `plain`, and its
 * gradient to each input is `slope`. */
static void check_known(const char *what, rg_real s, int known, int plain, int count,
                        const rg_value *x, const double *slope)
{
    const int own = tape->cursor.code[s.id];
    cr_assert(!KNOWS_ALL || own == known, "%s has code %d, not %d", what, own, known);
    cr_assert(!KNOWS_NONE || own == plain, "%s has code %d, not %d", what, own, plain);
    CHECK_STATUS(rg_backward_with(rg_value_of(tape, s), (double[]){2}), RG_OK);
    for (int i = 0; i < count; i++)
        cr_assert(is_near(rg_grad(x[i]), 2 * slope[i], 1e-15), "%s: gradient %d is %g, not %g",
                  what, i, rg_grad(x[i]), 2 * slope[i]);
}

/* The same where there is nothing to know. */
static void check_statement(const char *what, rg_real s, int code, int count, const rg_value *x,
                            const double *slope)
{
    check_known(what, s, code, code, count, x, slope);
}

/* ---- the codes ---- */

#define P(a, b) rg_mul(a, b)

Test(statement, keeps_a_slope_for_each_term, .init = begin, .fini = end)
{
    rg_value x[RGI_TERMS];
    rg_real r[RGI_TERMS];
    double slope[RGI_TERMS];
    make_inputs(RGI_TERMS, x, r);
    const rg_real products[] = {
        rg_let(tape, rg_mul(r[0], 3)),
        rg_let(tape, P(r[0], r[1])),
        rg_let(tape, P(P(r[0], r[1]), r[2])),
        rg_let(tape, P(P(r[0], r[1]), P(r[2], r[3]))),
        rg_let(tape, P(P(P(r[0], r[1]), P(r[2], r[3])), r[4])),
        rg_let(tape, P(P(P(r[0], r[1]), P(r[2], r[3])), P(r[4], r[5]))),
        rg_let(tape, P(P(P(r[0], r[1]), r[2]), P(P(r[3], r[4]), P(r[5], r[6])))),
        rg_let(tape, P(P(P(r[0], r[1]), P(r[2], r[3])), P(P(r[4], r[5]), P(r[6], r[7])))),
    };
    for (int n = 1; n <= RGI_TERMS; n++) {
        double product = n == 1 ? 3 : 1;
        for (int i = 0; i < n; i++)
            product *= rg_item(x[i]);
        for (int i = 0; i < RGI_TERMS; i++)
            slope[i] = i < n ? product / rg_item(x[i]) : 0;
        cr_assert(is_near(products[n - 1].value, product, 1e-15));
        check_statement("a product", products[n - 1], RGI_CODE_TERMS + n, RGI_TERMS, x, slope);
    }
}

Test(statement, does_not_keep_a_first_slope_of_1, .init = begin, .fini = end)
{
    rg_value x[RGI_TERMS];
    rg_real r[RGI_TERMS];
    double slope[RGI_TERMS];
    make_inputs(RGI_TERMS, x, r);
    const rg_real sums[] = {
        rg_let(tape, rg_add(r[0], rg_mul(r[1], 3))),
        rg_let(tape, rg_add(r[0], P(r[1], r[2]))),
        rg_let(tape, rg_add(r[0], P(P(r[1], r[2]), r[3]))),
        rg_let(tape, rg_add(r[0], P(P(r[1], r[2]), P(r[3], r[4])))),
        rg_let(tape, rg_add(r[0], P(P(P(r[1], r[2]), P(r[3], r[4])), r[5]))),
        rg_let(tape, rg_add(r[0], P(P(P(r[1], r[2]), P(r[3], r[4])), P(r[5], r[6])))),
        rg_let(tape, rg_add(r[0], P(P(P(r[1], r[2]), r[3]), P(P(r[4], r[5]), P(r[6], r[7]))))),
    };
    for (int n = 2; n <= RGI_TERMS; n++) {
        double product = n == 2 ? 3 : 1;
        for (int i = 1; i < n; i++)
            product *= rg_item(x[i]);
        for (int i = 0; i < RGI_TERMS; i++)
            slope[i] = i == 0 ? 1 : i < n ? product / rg_item(x[i]) : 0;
        uint64_t before = rg_tape_get_stats(tape).partials;
        check_known("a sum with a product", sums[n - 2], RGI_CODE_ONE + n, RGI_CODE_TERMS + n,
                    RGI_TERMS, x, slope);
        cr_assert(rg_tape_get_stats(tape).partials == before);
    }
}

#define SIGN_0(x) rg_add(x, 0.0)
#define SIGN_1(x) rg_neg(x)

#define CHECK_ONE_SIGN(a)                                                                          \
    check_known(#a, rg_let(tape, SIGN_##a(r[0])), RGI_CODE_SIGNS + 2 + (a), RGI_CODE_TERMS + 1, 1, \
                x, (double[]){(a) ? -1 : 1});
#define CHECK_TWO_SIGNS(a, b)                                                 \
    check_known(#a #b, rg_let(tape, rg_add(SIGN_##a(r[0]), SIGN_##b(r[1]))),  \
                RGI_CODE_SIGNS + 4 + (a) + 2 * (b), RGI_CODE_TERMS + 2, 2, x, \
                (double[]){(a) ? -1 : 1, (b) ? -1 : 1});
#define CHECK_THREE_SIGNS(a, b, c)                                                            \
    check_known(#a #b #c,                                                                     \
                rg_let(tape, rg_add(rg_add(SIGN_##a(r[0]), SIGN_##b(r[1])), SIGN_##c(r[2]))), \
                RGI_CODE_SIGNS + 8 + (a) + 2 * (b) + 4 * (c), RGI_CODE_TERMS + 3, 3, x,       \
                (double[]){(a) ? -1 : 1, (b) ? -1 : 1, (c) ? -1 : 1});

Test(statement, keeps_no_slopes_of_sums_and_differences, .init = begin, .fini = end)
{
    rg_value x[4];
    rg_real r[4];
    make_inputs(4, x, r);
    uint64_t before = rg_tape_get_stats(tape).partials;
    CHECK_ONE_SIGN(0)
    CHECK_ONE_SIGN(1)
    CHECK_TWO_SIGNS(0, 0)
    CHECK_TWO_SIGNS(1, 0)
    CHECK_TWO_SIGNS(0, 1)
    CHECK_TWO_SIGNS(1, 1)
    CHECK_THREE_SIGNS(0, 0, 0)
    CHECK_THREE_SIGNS(1, 0, 0)
    CHECK_THREE_SIGNS(0, 1, 0)
    CHECK_THREE_SIGNS(1, 1, 0)
    CHECK_THREE_SIGNS(0, 0, 1)
    CHECK_THREE_SIGNS(1, 0, 1)
    CHECK_THREE_SIGNS(0, 1, 1)
    CHECK_THREE_SIGNS(1, 1, 1)
    uint64_t kept = rg_tape_get_stats(tape).partials - before;
    const uint64_t plain = 2 * 1 + 4 * 2 + 8 * 3;
    cr_assert(kept <= (KNOWS_ALL ? 0 : plain), "%d partials", (int)kept);
    cr_assert(kept >= (KNOWS_NONE ? plain : 0), "%d partials", (int)kept);
    /* Four are too many for a mask. */
    rg_expr e = rg_sub(rg_add(r[0], r[1]), rg_add(r[2], r[3]));
    check_known("four", rg_let(tape, e), RGI_CODE_ONE + 4, RGI_CODE_TERMS + 4, 4, x,
                (double[]){1, 1, -1, -1});
}

Test(statement, makes_one_term_of_equal_variables, .init = begin, .fini = end)
{
    rg_value x[3];
    rg_real r[3];
    make_inputs(3, x, r);
    const double a = rg_item(x[0]), b = rg_item(x[1]), c = rg_item(x[2]);
    check_known("x x", rg_let(tape, rg_mul(r[0], r[0])), RGI_CODE_TERMS + 1, RGI_CODE_TERMS + 2, 1,
                x, (double[]){2 * a});
    check_known("x - x", rg_let(tape, rg_sub(r[0], r[0])), RGI_CODE_TERMS + 1, RGI_CODE_TERMS + 2,
                1, x, (double[]){0});
    check_known("x y + y z + z x",
                rg_let(tape, rg_add(rg_add(P(r[0], r[1]), P(r[1], r[2])), P(r[2], r[0]))),
                RGI_CODE_TERMS + 3, RGI_CODE_TERMS + 6, 3, x, (double[]){b + c, a + c, a + b});
    check_known("(x^2)^2 (x^2)^2",
                rg_let(tape, P(P(P(r[0], r[0]), P(r[0], r[0])), P(P(r[0], r[0]), P(r[0], r[0])))),
                RGI_CODE_TERMS + 1, RGI_CODE_TERMS + 8, 1, x, (double[]){8 * pow(a, 7)});
    /* The compiler cannot see that these two are one. */
    volatile uint32_t id = r[0].id;
    rg_real alias = {a, id};
    check_statement("x x'", rg_let(tape, rg_mul(r[0], alias)), RGI_CODE_TERMS + 2, 1, x,
                    (double[]){2 * a});
}

/* ---- any number of terms ---- */

/* The sums and the sum of products of `n` numbers, recorded one by one, for comparison. */
typedef struct reference {
    double value, c, a[MOST], b[MOST];
} reference;

static void check_against(const char *what, rg_real s, const reference *want, rg_real c, size_t n,
                          const rg_real *a, const rg_real *b)
{
    static double grads[MOST];
    cr_assert(is_near(s.value, want->value, 1e-13), "%s, n = %zu: %g, not %g", what, n, s.value,
              want->value);
    CHECK_STATUS(rg_backward(rg_value_of(tape, s)), RG_OK);
    CHECK_NEAR(rg_real_grad(tape, c), want->c, 1e-14);
    rg_read_real_grads(tape, n, a, grads);
    for (size_t i = 0; i < n; i++)
        cr_assert(is_near(grads[i], want->a[i], 1e-14), "%s, n = %zu: to a, %zu: %g, not %g", what,
                  n, i, grads[i], want->a[i]);
    rg_read_real_grads(tape, n, b, grads);
    for (size_t i = 0; i < n; i++)
        cr_assert(is_near(grads[i], want->b[i], 1e-14), "%s, n = %zu: to b, %zu: %g, not %g", what,
                  n, i, grads[i], want->b[i]);
}

/* c + sum of a[i] b[i] with its gradients as one-term statements give them. */
static void make_reference(reference *want, rg_real c, size_t n, const rg_real *a, const rg_real *b)
{
    rg_real sum = c;
    for (size_t i = 0; i < n; i++)
        sum = rg_let(tape, rg_add(sum, rg_mul(a[i], b[i])));
    CHECK_STATUS(rg_backward(rg_value_of(tape, sum)), RG_OK);
    want->value = sum.value;
    want->c = rg_real_grad(tape, c);
    rg_read_real_grads(tape, n, a, want->a);
    rg_read_real_grads(tape, n, b, want->b);
}

static void check_dot(const char *what, int code, rg_real c, size_t n, const rg_real *a,
                      const rg_real *b)
{
    static reference want;
    make_reference(&want, c, n, a, b);
    rg_real s = rg_let_dot_add(tape, c, n, a, b);
    const int own = s.id ? tape->cursor.code[s.id] : RGI_CODE_NONE;
    cr_assert(n == 0 || own == code, "%s, n = %zu: code %d, not %d", what, n, own, code);
    check_against(what, s, &want, c, n, a, b);
    if (c.id == 0 && c.value == 0)
        check_against(what, rg_let_dot(tape, n, a, b), &want, c, n, a, b);
}

static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 10, 1000};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

Test(statement, dot_of_operands_in_every_arrangement, .init = begin, .fini = end)
{
    static rg_real r[2 * MOST + 1], even[MOST], odd[MOST], mixed[MOST], numbers[MOST];
    static rg_value x[2 * MOST + 1];
    make_inputs(2 * MOST + 1, x, r);
    for (int i = 0; i < MOST; i++) {
        even[i] = r[2 * i];
        odd[i] = r[2 * i + 1];
        numbers[i] = rg_let(tape, 0.5 * i);
        mixed[i] = i % 3 == 1 ? numbers[i] : r[MOST - 1 - i];
    }
    const rg_real none = rg_let(tape, 0), three = rg_let(tape, 3), c = r[2 * MOST], inside = r[4];
    for (int k = 0; k < LENGTHS; k++) {
        const size_t n = lengths[k];
        const int pairs = n > 1 ? RGI_CODE_PAIRS : RGI_CODE_DOT;
        const int some = n > 1 ? RGI_CODE_MANY : RGI_CODE_DOT;
        check_dot("apart", RGI_CODE_DOT, none, n, r, r + MOST);
        check_dot("apart, swapped", RGI_CODE_DOT, three, n, r + MOST, r);
        check_dot("with an addend", RGI_CODE_DOT, c, n, r, r + MOST);
        check_dot("with an addend among them", RGI_CODE_DOT, inside, n, r, r + MOST);
        check_dot("with itself", RGI_CODE_DOT, none, n, r, r);
        check_dot("overlapping", RGI_CODE_DOT, c, n, r, r + n / 2);
        check_dot("overlapping by one", RGI_CODE_DOT, c, n, r + 1, r);
        check_dot("scattered", pairs, c, n, even, odd);
        check_dot("scattered with itself", pairs, none, n, even, even);
        check_dot("one scattered", pairs, none, n, even, r);
        check_dot("the other scattered", pairs, three, n, r, odd);
        check_dot("numbers among them", some, c, n, mixed, r);
        check_dot("numbers among both", some, none, n, mixed, mixed);
        check_dot("numbers on the left", RGI_CODE_MANY, c, n, numbers, odd);
        check_dot("numbers on the right", RGI_CODE_MANY, none, n, r, numbers);
        check_dot("nothing but numbers", RGI_CODE_MANY, three, n, numbers, numbers);
        rg_tape_reset(tape);
        make_inputs(2 * MOST + 1, x, r);
    }
}

Test(statement, dot_of_statements_and_recorded_values, .init = begin, .fini = end)
{
    static rg_real a[MOST], b[MOST];
    rg_real start = rg_let(tape, rg_input(tape, 0.5));
    rg_value t = rg_input_f64(tape, RG_SHAPE(3), (double[]){1, 2, 3});
    for (int i = 0; i < 100; i++)
        a[i] = rg_let(tape, rg_mul(start, 1.0 / (i + 1))); /* statements, one after the other */
    for (int i = 0; i < 100; i++)
        b[i] = rg_let(tape, i % 2 ? rg_at(t, RG_AXES(i % 3)) : rg_mul(rg_value_of(tape, start), i));
    for (size_t n = 1; n <= 100; n += 33) {
        check_dot("statements", RGI_CODE_DOT, start, n, a, a);
        check_dot("statements and values", RGI_CODE_DOT, a[0], n, a, b);
    }
    rg_real s = rg_let_dot(tape, 100, a, b);
    CHECK_STATUS(rg_backward(rg_value_of(tape, s)), RG_OK);
    double to_start = 0, to_t[3] = {0}, got[3];
    for (int i = 0; i < 100; i++) {
        to_start += i % 2 ? (1.0 + i % 3) / (i + 1) : 2 * 0.5 * i / (i + 1);
        to_t[i % 3] += i % 2 ? a[i].value : 0;
    }
    CHECK_NEAR(rg_real_grad(tape, start), to_start, 1e-13);
    rg_read_grad(t, got);
    for (int i = 0; i < 3; i++)
        CHECK_NEAR(got[i], to_t[i], 1e-13);
}

Test(statement, infinite_factors_follow_ieee_in_dot, .init = begin, .fini = end)
{
    rg_value x[2], y[2];
    rg_real a[2], b[2];
    make_inputs(2, x, a);
    for (int i = 0; i < 2; i++)
        b[i] = rg_let(tape, y[i] = rg_input(tape, i ? INFINITY : 2));
    rg_real s = rg_let_dot(tape, 2, a, b);
    CHECK_STATUS(rg_backward(rg_value_of(tape, s)), RG_OK);
    CHECK_NEAR(rg_grad(x[1]), INFINITY, 0);
    CHECK_NEAR(rg_grad(y[1]), 1.25, 0);
    rg_real f = rg_let(tape, rg_add(rg_mul(s, 0.0), a[0])); /* its value is NaN, its upstream 0 */
    CHECK_STATUS(rg_backward(rg_value_of(tape, f)), RG_OK);
    CHECK_NEAR(rg_grad(x[1]), 0, 0);
    CHECK_NEAR(rg_grad(x[0]), 1, 0);
}

/* Repeats allowed: number i is r[i % 5], and every seventh has no derivative. */
Test(statement, sums_of_any_length, .init = begin, .fini = end)
{
    static rg_real list[MOST];
    static double weights[MOST];
    rg_value x[5];
    rg_real r[5];
    make_inputs(5, x, r);
    for (int i = 0; i < MOST; i++) {
        list[i] = i % 7 == 3 ? rg_let(tape, 0.125 * i) : r[i % 5];
        weights[i] = 0.5 - 0.01 * i;
    }
    for (int k = 0; k < LENGTHS; k++) {
        const size_t n = lengths[k];
        double sum = 0, weighted = 0, count[5] = {0}, weight[5] = {0};
        for (size_t i = 0; i < n; i++) {
            sum += list[i].value;
            weighted += weights[i] * list[i].value;
            count[i % 5] += i % 7 != 3;
            weight[i % 5] += i % 7 != 3 ? weights[i] : 0;
        }
        const int many = n <= RGI_TERMS ? RGI_CODE_TERMS + (int)n : RGI_CODE_MANY;
        const rg_real s = rg_let_sum(tape, n, list), l = rg_let_lincomb(tape, n, weights, list);
        const rg_real p = rg_let_partials(tape, -1, n, list, weights);
        CHECK_NEAR(s.value, sum, 1e-15);
        CHECK_NEAR(l.value, weighted, 1e-15);
        CHECK_NEAR(p.value, -1, 0);
        cr_assert(n > 0 || (s.id == 0 && l.id == 0 && p.id == 0));
        if (n == 0)
            continue;
        check_statement("sum", s, RGI_CODE_SUM, 5, x, count);
        check_statement("lincomb", l, many, 5, x, weight);
        check_statement("partials", p, many, 5, x, weight);
    }
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
}

/* ---- roots, sweeps, room ---- */

Test(statement, any_node_may_be_the_root_of_a_sweep, .init = begin, .fini = end)
{
    enum { STEPS = 50 };
    rg_value x = rg_input(tape, 0.9), points[STEPS];
    rg_real r = rg_let(tape, x), s[STEPS], list[12];
    for (int i = 0; i < 12; i++)
        list[i] = r;
    for (int i = 0; i < STEPS; i++) {
        rg_real last = i ? s[i - 1] : r;
        s[i] = rg_let(tape, rg_sub(rg_mul(last, 0.5), r));
        s[i] = rg_let(tape, rg_add(s[i], rg_let_sum(tape, 1 + (size_t)i % 12, list)));
        s[i] = rg_let(tape, rg_add(s[i], rg_let_dot(tape, (size_t)i % 12, list, list)));
        points[i] = i % 3 == 0 ? rg_sin(rg_value_of(tape, s[i])) : rg_value_of(tape, s[i]);
    }
    double value = 0.9, slope = 1, values[STEPS], slopes[STEPS];
    for (int i = 0; i < STEPS; i++) {
        value = 0.5 * value - 0.9 + 0.9 * (1 + i % 12) + 0.81 * (i % 12);
        slope = 0.5 * slope - 1 + (1 + i % 12) + 1.8 * (i % 12);
        values[i] = i % 3 == 0 ? sin(value) : value;
        slopes[i] = i % 3 == 0 ? cos(value) * slope : slope;
    }
    for (int round = 0; round < 3; round++)
        for (int k = 0; k < STEPS; k++) {
            const int i = round == 0 ? k : round == 1 ? STEPS - 1 - k : (17 * k) % STEPS;
            CHECK_NEAR(rg_item(points[i]), values[i], 1e-14);
            CHECK_STATUS(rg_backward(points[i]), RG_OK);
            CHECK_NEAR(rg_grad(x), slopes[i], 1e-13);
        }
    /* All at once. */
    double total = 0;
    for (int i = 0; i < STEPS; i++)
        total += slopes[i];
    CHECK_STATUS(rg_backward_sum(STEPS, points, NULL), RG_OK);
    CHECK_NEAR(rg_grad(x), total, 1e-13);
}

/* A chain longer than the first blocks of nodes and streams, with long statements in between. */
static rg_real long_chain(rg_tape *on, rg_real x)
{
    static rg_real list[3000];
    rg_real y = x;
    for (int i = 0; i < 60000; i++) {
        y = rg_let(on, rg_add(rg_mul(y, 0.999), rg_mul(x, rg_square(x))));
        if (i % 20000 == 19999) {
            for (int k = 0; k < 3000; k++)
                list[k] = k % 2 ? x : y;
            y = rg_let(on, rg_mul(rg_let_sum(on, 3000, list), 1e-3));
            y = rg_let(on, rg_mul(rg_let_dot(on, 3000, list, list), 1e-3));
        }
    }
    return y;
}

static double gradient_of_chain(const rg_tape_options *options, double *grad)
{
    rg_tape *on = rg_tape_create_with(options);
    rg_value x = rg_input(on, 0.3);
    rg_real y = long_chain(on, rg_let(on, x));
    CHECK_STATUS(rg_backward(rg_value_of(on, y)), RG_OK);
    *grad = rg_grad(x);
    rg_tape_stats stats = rg_tape_get_stats(on);
    cr_assert(stats.terms > 100000 && stats.partials > 100000);
    cr_assert(stats.statement_bytes >= 4 * stats.terms + 8 * stats.partials);
    rg_tape_destroy(on);
    return y.value;
}

Test(statement, streams_grow_in_place_and_in_blocks_that_move)
{
    failing memory = {0};
    rg_allocator allocator = {failing_resize, &memory};
    double grads[2], near[2], h = 1e-6;
    double value = gradient_of_chain(NULL, &grads[0]);
    double moved = gradient_of_chain(&(rg_tape_options){.allocator = &allocator}, &grads[1]);
    cr_assert(value == moved && grads[0] == grads[1]);
    cr_assert(memory.live == 0 && memory.wrong_sizes == 0 && memory.calls > 10);
    for (int side = 0; side < 2; side++) {
        rg_tape *on = rg_tape_create();
        near[side] = long_chain(on, rg_let(on, 0.3 + (side ? h : -h))).value;
        rg_tape_destroy(on);
    }
    CHECK_NEAR((near[1] - near[0]) / (2 * h) / grads[0], 1, 1e-6);
}

Test(statement, rewinding_takes_the_streams_back)
{
    failing memory = {0};
    rg_allocator allocator = {failing_resize, &memory};
    rg_tape *on = rg_tape_create_with(&(rg_tape_options){.allocator = &allocator});
    rg_value x = rg_input(on, 0.5);
    rg_real r = rg_let(on, x), base = rg_let(on, rg_mul(r, r)), list[20];
    for (int i = 0; i < 20; i++)
        list[i] = i % 2 ? r : base;
    rg_mark mark = rg_tape_mark(on);
    rg_tape_stats before = rg_tape_get_stats(on);
    int64_t calls = 0;
    for (int step = 0; step < 100000; step++) {
        rg_real s = rg_let(on, rg_mul(rg_add(base, r), step % 10));
        s = rg_let(on, rg_add(s, rg_let_sum(on, (size_t)step % 20, list)));
        s = rg_let(on, rg_add(s, rg_let_dot(on, (size_t)step % 20, list, list)));
        rg_value v = rg_exp(rg_mul(rg_value_of(on, s), 0.01));
        cr_assert(rg_backward(v) == RG_OK);
        if (step == 40)
            calls = memory.calls;
        cr_assert(rg_tape_rewind(on, mark) == RG_OK);
        rg_tape_stats now = rg_tape_get_stats(on);
        cr_assert(now.terms == before.terms && now.partials == before.partials &&
                  now.nodes == before.nodes);
    }
    cr_assert(memory.calls == calls, "%d allocations once warm", (int)(memory.calls - calls));
    CHECK_STATUS(rg_backward(rg_value_of(on, base)), RG_OK);
    CHECK_NEAR(rg_grad(x), 1, 0);
    rg_tape_reset(on);
    cr_assert(rg_tape_get_stats(on).terms == 0 && rg_tape_get_stats(on).partials == 0);
    r = rg_let(on, x = rg_input(on, 3));
    CHECK_STATUS(rg_backward(rg_value_of(on, rg_let(on, rg_mul(r, r)))), RG_OK);
    CHECK_NEAR(rg_grad(x), 6, 0);
    cr_assert(memory.calls == calls);
    rg_tape_destroy(on);
    cr_assert(memory.live == 0 && memory.wrong_sizes == 0);
}
