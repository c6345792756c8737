/*
 * test_real.c: fused statements compute what recorded values compute: every element-wise function,
 * mixed with numbers, recorded values and tensors.
 */
#include "elements.h"

#include "../../autograd/internal.h"

SUITE(real);

/* Equal, both NaN included; `exactly` tells 0 from -0. */
static int same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static int exactly(double a, double b)
{
    return same(a, b) && (isnan(a) || !signbit(a) == !signbit(b));
}

#define CHECK_SAME(got, want)                                                                 \
    do {                                                                                      \
        double got_ = (got), want_ = (want);                                                  \
        cr_assert(same(got_, want_), "%s: " #got " is %.17g, not %.17g", what_, got_, want_); \
    } while (0)

/* ---- every function ---- */

typedef struct unary {
    const char *name;
    int code;
    double low, high, p, q;
    rg_expr (*fused)(rg_real x, double p, double q);
    rg_expr (*nested)(rg_expr e, double p, double q);
    rg_value (*recorded)(rg_value x, double p, double q);
} unary;

#define CALL_0(name, x) rg_##name(x)
#define CALL_1(name, x) rg_##name(x, p)
#define CALL_2(name, x) rg_##name(x, p, q)
#define FORM(kind, type, result, name, count)               \
    static result kind##_##name(type x, double p, double q) \
    {                                                       \
        (void)p, (void)q;                                   \
        return CALL_##count(name, x);                       \
    }
#define FORMS(name, count, ...)                 \
    FORM(fused, rg_real, rg_expr, name, count)  \
    FORM(nested, rg_expr, rg_expr, name, count) \
    FORM(recorded, rg_value, rg_value, name, count)
RGI_UNARY_INLINE_ROWS(FORMS)
RGI_UNARY_ROWS(FORMS)
#undef FORMS
#undef FORM

static const unary unaries[] = {
#define ENTRY(name, count, value, derivative, rule, low, high, p, q, ...) \
    {#name, RGI_##name, low, high, p, q, fused_##name, nested_##name, recorded_##name},
    RGI_UNARY_INLINE_ROWS(ENTRY) RGI_UNARY_ROWS(ENTRY)
#undef ENTRY
};

typedef struct binary {
    const char *name;
    int code;
    double low, high;
    rg_expr (*fused)(rg_real a, rg_real b);
    rg_expr (*with_number)(rg_real a, double b);
    rg_expr (*number_with)(double a, rg_real b);
    rg_expr (*with_value)(rg_real a, rg_value b);
    rg_expr (*value_with)(rg_value a, rg_real b);
    rg_expr (*nested)(rg_expr a, rg_expr b);
    rg_value (*recorded)(rg_value a, rg_value b);
    rg_value (*recorded_number)(rg_value a, double b);
    rg_value (*number_recorded)(double a, rg_value b);
} binary;

#define FORM(kind, first, second, result, name)    \
    static result kind##_##name(first a, second b) \
    {                                              \
        return rg_##name(a, b);                    \
    }
#define FORMS(name, ...)                                    \
    FORM(fused, rg_real, rg_real, rg_expr, name)            \
    FORM(with_number, rg_real, double, rg_expr, name)       \
    FORM(number_with, double, rg_real, rg_expr, name)       \
    FORM(with_value, rg_real, rg_value, rg_expr, name)      \
    FORM(value_with, rg_value, rg_real, rg_expr, name)      \
    FORM(nested, rg_expr, rg_expr, rg_expr, name)           \
    FORM(recorded, rg_value, rg_value, rg_value, name)      \
    FORM(recorded_number, rg_value, double, rg_value, name) \
    FORM(number_recorded, double, rg_value, rg_value, name)
RGI_BINARY_INLINE_ROWS(FORMS)
RGI_BINARY_ROWS(FORMS)
#undef FORMS
#undef FORM

static const binary binaries[] = {
#define ENTRY(name, value, to_a, to_b, rule_a, rule_b, low, high, ...) \
    {#name,                                                            \
     RGI_##name,                                                       \
     low,                                                              \
     high,                                                             \
     fused_##name,                                                     \
     with_number_##name,                                               \
     number_with_##name,                                               \
     with_value_##name,                                                \
     value_with_##name,                                                \
     nested_##name,                                                    \
     recorded_##name,                                                  \
     recorded_number_##name,                                           \
     number_recorded_##name},
    RGI_BINARY_INLINE_ROWS(ENTRY) RGI_BINARY_ROWS(ENTRY)
#undef ENTRY
};

enum { UNARIES = sizeof unaries / sizeof *unaries, BINARIES = sizeof binaries / sizeof *binaries };

/* Kinks, poles, zeros and what lies beyond them; then points of the range. */
static const double special[] = {0.0,     -0.0,  1,      -1, 0.5, 2,        -2,        1e-310,
                                 -1e-310, 1e300, -1e300, 40, -40, INFINITY, -INFINITY, NAN};
enum { SPECIAL = sizeof special / sizeof *special, POINTS = SPECIAL + 9 };

static double point(int i, double low, double high)
{
    return i < SPECIAL ? special[i] : low + (high - low) * (i - SPECIAL) / (POINTS - SPECIAL - 1);
}

/* Value and gradient of a root. */
typedef struct outcome {
    double value, to_a, to_b;
} outcome;

static outcome sweep(rg_value root, rg_value a, rg_value b)
{
    CHECK_STATUS(rg_backward(root), RG_OK);
    return (outcome){rg_item(root), rg_grad(a), b.tape ? rg_grad(b) : 0};
}

static void check_outcome(const char *what_, outcome got, outcome want)
{
    cr_assert(exactly(got.value, want.value), "%s: the value is %.17g, not %.17g", what_, got.value,
              want.value);
    CHECK_SAME(got.to_a, want.to_a);
    CHECK_SAME(got.to_b, want.to_b);
}

Test(real, every_function_of_one_argument, .init = begin, .fini = end)
{
    for (int k = 0; k < UNARIES; k++) {
        const unary *f = &unaries[k];
        for (int i = 0; i < POINTS; i++) {
            char what_[64];
            double at = point(i, f->low, f->high);
            snprintf(what_, sizeof what_, "%s at %g", f->name, at);
            rg_tape_reset(tape);
            rg_value x = rg_input(tape, at), none = {0};
            rg_real r = rg_let(tape, x);
            outcome want = sweep(f->recorded(x, f->p, f->q), x, none);
            rg_expr e = f->fused(r, f->p, f->q);
            rgi_slopes row = rgi_unary_slopes(f->code, at, f->p, f->q);
            cr_assert(exactly(e.value, row.value), "%s is %.17g, its row %.17g", what_, e.value,
                      row.value);
            cr_assert(e.count == 1 && same(e.d0, row.a), "%s: the slope is %.17g, its row's %.17g",
                      what_, e.d0, row.a);
            check_outcome(what_, sweep(rg_value_of(tape, rg_let(tape, e)), x, none), want);
            /* The chain rule around it and inside. */
            want = sweep(rg_mul(f->recorded(rg_add(x, 0.0), f->p, f->q), 1.5), x, none);
            e = rg_mul(f->nested(rg_add(r, 0.0), f->p, f->q), 1.5);
            check_outcome(what_, sweep(rg_value_of(tape, rg_let(tape, e)), x, none), want);
        }
    }
}

static void check_binary(const binary *f, double at, double to)
{
    char what_[64];
    snprintf(what_, sizeof what_, "%s at %g, %g", f->name, at, to);
    rg_tape_reset(tape);
    rg_value x = rg_input(tape, at), y = rg_input(tape, to);
    rg_real a = rg_let(tape, x), b = rg_let(tape, y);
    rgi_slopes row = rgi_binary_slopes(f->code, at, to);
    rg_expr e = f->fused(a, b);
    cr_assert(e.count == 2 && exactly(e.value, row.value) && same(e.d0, row.a) && same(e.d1, row.b),
              "%s: %.17g with slopes %.17g and %.17g, its row %.17g, %.17g, %.17g", what_, e.value,
              e.d0, e.d1, row.value, row.a, row.b);
    outcome want = sweep(f->recorded(x, y), x, y);
    const rg_expr forms[] = {e, f->with_value(a, y), f->value_with(x, b),
                             f->nested(rg_add(a, 0.0), rg_add(0.0, b))};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (i < 3 || (at != 0 && to != 0)) /* -0 + 0 is 0 */
            check_outcome(what_, sweep(rg_value_of(tape, rg_let(tape, forms[i])), x, y), want);
    want = sweep(f->recorded_number(x, to), x, y);
    e = f->with_number(a, to);
    check_outcome(what_, sweep(rg_value_of(tape, rg_let(tape, e)), x, y), want);
    want = sweep(f->number_recorded(at, y), x, y);
    e = f->number_with(at, b);
    check_outcome(what_, sweep(rg_value_of(tape, rg_let(tape, e)), x, y), want);
}

Test(real, every_function_of_two_arguments, .init = begin, .fini = end)
{
    for (int k = 0; k < BINARIES; k++)
        for (int i = 0; i < POINTS; i++)
            for (int j = 0; j < POINTS; j++)
                check_binary(&binaries[k], point(i, binaries[k].low, binaries[k].high),
                             point(j, binaries[k].low, binaries[k].high));
}

/* ---- comparisons and choice ---- */

typedef struct comparisons {
    double of[6]; /* < <= > >= == != */
} comparisons;

#define COMPARISONS(kind, first, second)                                                    \
    static comparisons compare_##kind(first a, second b)                                    \
    {                                                                                       \
        return (comparisons){{rg_less(a, b), rg_less_equal(a, b), rg_greater(a, b),         \
                              rg_greater_equal(a, b), rg_equal(a, b), rg_not_equal(a, b)}}; \
    }
COMPARISONS(reals, rg_real, rg_real)
COMPARISONS(with_number, rg_real, double)
COMPARISONS(number_with, double, rg_real)
COMPARISONS(with_value, rg_real, rg_value)
COMPARISONS(expressions, rg_expr, rg_expr)

Test(real, comparisons_are_plain_numbers, .init = begin, .fini = end)
{
    for (int i = 0; i < SPECIAL; i++)
        for (int j = 0; j < SPECIAL; j++) {
            const double a = special[i], b = special[j];
            rg_value x = rg_input(tape, a), y = rg_input(tape, b);
            rg_real ra = rg_let(tape, x), rb = rg_let(tape, y);
            const double want[6] = {rg_item(rg_less(x, y)),    rg_item(rg_less_equal(x, y)),
                                    rg_item(rg_greater(x, y)), rg_item(rg_greater_equal(x, y)),
                                    rg_item(rg_equal(x, y)),   rg_item(rg_not_equal(x, y))};
            const comparisons got[] = {compare_reals(ra, rb), compare_with_number(ra, b),
                                       compare_number_with(a, rb), compare_with_value(ra, y),
                                       compare_expressions(rg_mul(ra, 1), rg_add(rb, 0.0))};
            for (size_t form = 0; form < sizeof got / sizeof *got; form++)
                for (int k = 0; k < 6; k++)
                    cr_assert(got[form].of[k] == want[k], "comparison %d of %g and %g, form %zu", k,
                              a, b, form);
        }
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
}

Test(real, where_takes_one_of_two, .init = begin, .fini = end)
{
    for (int taken = 0; taken < 2; taken++) {
        volatile double at = taken ? 2 : -2; /* unknown to the compiler */
        rg_value x = rg_input(tape, at), one = rg_constant(tape, taken);
        rg_real r = rg_let(tape, x);
        const rg_expr forms[] = {
            rg_where(rg_greater(r, 0), rg_log(r), 0),
            rg_where(rg_greater(r, 0), rg_log(r), r.value > 0 ? NAN : 0),
            rg_where(rg_less_equal(0, r), rg_log(r), rg_mul(0, r)),
            rg_where(one, rg_log(r), rg_let(tape, 0)),
            rg_where(rg_relu(r), rg_log(rg_add(r, 0.0)), 0),
            rg_where(r.value < 0, 0.0, rg_log(x)),
        };
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            rg_value f = rg_value_of(tape, rg_let(tape, forms[i]));
            CHECK_STATUS(rg_backward(f), RG_OK);
            CHECK_NEAR(rg_item(f), taken ? log(2) : 0, 1e-15);
            CHECK_NEAR(rg_grad(x), taken ? 0.5 : 0, 0);
        }
        cr_assert(rg_let(tape, rg_where(at > 5, r, 0)).id == 0, "a number needs no statement");
    }
}

Test(real, item_gives_the_value_of_anything, .init = begin, .fini = end)
{
    rg_value x = rg_input(tape, 3);
    rg_real r = rg_let(tape, x);
    CHECK_NEAR(rg_item(x) + rg_item(r) + rg_item(rg_mul(r, r)) + rg_item(5), 20, 0);
}

/* ---- zero upstream ---- */

Test(real, zero_upstream_against_infinite_slopes_is_zero, .init = begin, .fini = end)
{
    rg_value x = rg_input(tape, 0), y = rg_input(tape, 2);
    rg_real a = rg_let(tape, x), b = rg_let(tape, y);
    /* Within an expression, between statements, and in statements of any length. */
    rg_real root = rg_let(tape, rg_sqrt(a)), poles[9];
    const double infinite[9] = {INFINITY, NAN, 1, 1, 1, 1, 1, 1, INFINITY};
    for (int i = 0; i < 9; i++)
        poles[i] = a;
    const rg_real zeros[] = {
        rg_let(tape, rg_add(rg_mul(rg_sqrt(a), 0.0), b)),
        rg_let(tape, rg_add(rg_mul(root, 0.0), b)),
        rg_let(tape, rg_add(rg_mul(0, rg_let_partials(tape, 1, 9, poles, infinite)), b)),
        rg_let(tape, rg_add(rg_mul(0, rg_let_partials(tape, 1, 3, poles, infinite)), b)),
        rg_let(tape, rg_add(rg_mul(0, rg_let(tape, rg_add(b, rg_sqrt(a)))), b)),
        rg_let(tape, rg_add(rg_relu(rg_sub(rg_sqrt(a), 1)), b)),
    };
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        CHECK_STATUS(rg_backward(rg_value_of(tape, zeros[i])), RG_OK);
        cr_assert(rg_grad(x) == 0 && rg_grad(y) == 1, "form %zu: %g, %g", i, rg_grad(x),
                  rg_grad(y));
    }
    CHECK_STATUS(rg_backward(rg_value_of(tape, root)), RG_OK);
    CHECK_NEAR(rg_grad(x), INFINITY, 0);
}

/* ---- mixing ---- */

Test(real, kinds_mix_in_both_directions, .init = begin, .fini = end)
{
    const double elements[4] = {0.3, -0.7, 1.1, 0.4};
    double grads[2][5], values[2];
    for (int fused = 0; fused < 2; fused++) {
        rg_value t = rg_input_f64(tape, RG_SHAPE(2, 2), elements), x = rg_input(tape, 0.6), f;
        if (fused) {
            rg_real a = rg_let(tape, rg_at(t, RG_AXES(0, 0))), b = rg_let(tape, x);
            rg_real s = rg_let(tape, rg_mul(rg_add(a, rg_at(t, RG_AXES(1, 0))), rg_exp(b)));
            rg_value u = rg_sin(rg_value_of(tape, s));
            rg_value pair = rg_tensor_of(RG_SHAPE(2), (rg_value[]){u, rg_value_of(tape, b)});
            rg_value total = rg_sum(rg_mul(rg_matmul(t, pair), rg_value_of(tape, s)));
            rg_expr twice = rg_mul(s, rg_sub(2, b));
            rg_real last = rg_let(tape, rg_add(rg_mul(twice, total), rg_div(twice, u)));
            f = rg_add(rg_value_of(tape, last), rg_mul(x, u));
        } else {
            rg_value s =
                rg_mul(rg_add(rg_at(t, RG_AXES(0, 0)), rg_at(t, RG_AXES(1, 0))), rg_exp(x));
            rg_value u = rg_sin(s), pair = rg_tensor_of(RG_SHAPE(2), (rg_value[]){u, x});
            rg_value total = rg_sum(rg_mul(rg_matmul(t, pair), s)), twice = rg_mul(s, rg_sub(2, x));
            f = rg_add(rg_add(rg_mul(twice, total), rg_div(twice, u)), rg_mul(x, u));
        }
        CHECK_STATUS(rg_backward(f), RG_OK);
        values[fused] = rg_item(f);
        rg_read_grad(t, grads[fused]);
        grads[fused][4] = rg_grad(x);
    }
    CHECK_NEAR(values[1], values[0], 1e-14);
    for (int i = 0; i < 5; i++)
        CHECK_NEAR(grads[1][i], grads[0][i], 1e-14);
}

Test(real, numbers_of_every_type_join, .init = begin, .fini = end)
{
    rg_value x = rg_input(tape, 3);
    const rg_real r = rg_let(tape, x);
    const int two = 2;
    const unsigned char small = 4;
    rg_real f = rg_let(tape, rg_add(rg_mul(two, r), rg_add(rg_div(r, 2.0f), rg_sub(small, r))));
    CHECK_NEAR(f.value, 6 + 1.5 + 1, 0);
    CHECK_STATUS(rg_backward(rg_value_of(tape, f)), RG_OK);
    CHECK_NEAR(rg_real_grad(tape, r), 1.5, 0);
    /* Constants keep no terms, but stay what they are. */
    rg_real c = rg_let(tape, 7), d = rg_let(tape, rg_constant(tape, 5));
    cr_assert(c.id == 0 && c.value == 7 && d.id == 0 && d.value == 5);
    rg_real g = rg_let(tape, rg_mul(rg_mul(c, d), r));
    CHECK_STATUS(rg_backward(rg_value_of(tape, g)), RG_OK);
    CHECK_NEAR(rg_real_grad(tape, r), 35, 0);
    cr_assert(rg_real_grad(tape, c) == 0 && rg_item(rg_value_of(tape, c)) == 7);
    CHECK_STATUS(rg_backward(rg_value_of(tape, c)), RG_OK);
    CHECK_NEAR(rg_real_grad(tape, r), 0, 0);
}

Test(real, an_expression_may_be_used_twice, .init = begin, .fini = end)
{
    rg_value x = rg_input(tape, 0.8);
    rg_real r = rg_let(tape, x);
    rg_expr e = rg_exp(r);
    rg_real one = rg_let(tape, e), other = rg_let(tape, rg_mul(e, e));
    rg_real f = rg_let(tape, rg_add(rg_mul(one, other), rg_div(e, rg_add(e, 1))));
    CHECK_STATUS(rg_backward(rg_value_of(tape, f)), RG_OK);
    double s = 1 / (1 + exp(-0.8));
    CHECK_NEAR(f.value, exp(2.4) + s, 1e-15);
    CHECK_NEAR(rg_grad(x), 3 * exp(2.4) + s * (1 - s), 1e-14);
}

/* ---- one body, two types ---- */

#define NEWTON_BODY(number)                                                        \
    static number newton_##number(rg_tape *on, number a, number start)             \
    {                                                                              \
        number x = start;                                                          \
        for (int i = 0; i < 20; i++)                                               \
            x = LET_##number(on, rg_mul(0.5, rg_add(x, rg_div(a, rg_mul(x, x))))); \
        return LET_##number(on, rg_mul(x, x));                                     \
    }
#define LET_rg_real(on, e)  rg_let(on, e)
#define LET_rg_value(on, e) ((void)(on), (e))
NEWTON_BODY(rg_real)
NEWTON_BODY(rg_value)

Test(real, one_body_serves_both_types, .init = begin, .fini = end)
{
    rg_value a = rg_input(tape, 2), start = rg_input(tape, 1);
    rg_value f = newton_rg_value(tape, a, start);
    CHECK_STATUS(rg_backward(f), RG_OK);
    const double want[] = {rg_item(f), rg_grad(a), rg_grad(start)};
    rg_real g = newton_rg_real(tape, rg_let(tape, a), rg_let(tape, start));
    CHECK_STATUS(rg_backward(rg_value_of(tape, g)), RG_OK);
    CHECK_NEAR(g.value, want[0], 1e-15);
    CHECK_NEAR(rg_grad(a), want[1], 1e-14);
    CHECK_NEAR(rg_grad(start), want[2], 1e-14);
}
