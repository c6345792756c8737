/*
 * test_statement_errors.c: what can go wrong with fused statements, and what they do not do.
 */
#include "elements.h"

#include "../../autograd/internal.h"
#include "../failing.h"

SUITE(statement_errors);

/* The tape failed with this status and text; the result keeps the value but no derivatives. */
#define CHECK_REFUSED(result, want, status, text)                           \
    do {                                                                    \
        rg_real result_ = (result);                                         \
        cr_assert(result_.id == 0, #result " is node %d", (int)result_.id); \
        CHECK_NEAR(result_.value, want, 1e-15);                             \
        CHECK_FAILED(tape, status, text);                                   \
    } while (0)

/* ---- limits ---- */

/* k x as a sum of k terms, in a way that the compiler cannot count. */
static rg_expr times(rg_real x, int k)
{
    volatile int more = k;
    rg_expr e = rg_mul(x, 1.0);
    while (--more > 0)
        e = rg_add(e, x);
    return e;
}

Test(statement_errors, too_many_terms_are_an_error_when_they_are_committed, .init = begin,
     .fini = end)
{
    rg_real x = rg_let(tape, rg_input(tape, 1.5));
    rg_mark mark = rg_tape_mark(tape);
    for (int k = 1; k <= RGI_TERMS; k++) {
        rg_real s = rg_let(tape, times(x, k));
        CHECK_NEAR(s.value, 1.5 * k, 0);
        CHECK_STATUS(rg_backward(rg_value_of(tape, s)), RG_OK);
        CHECK_NEAR(rg_real_grad(tape, x), k, 0);
    }
    rg_tape_rewind(tape, mark);
    for (int k = RGI_TERMS + 1; k < 40; k += 10) {
        char text[80];
        snprintf(text, sizeof text, "let at node 2: the expression has %d terms; commit a part", k);
        CHECK_REFUSED(rg_let(tape, times(x, k)), 1.5 * k, RG_ERROR_LIMIT, text);
        /* After an error nothing is recorded, and the first error stays. */
        CHECK_REFUSED(rg_let(tape, rg_mul(x, x)), 2.25, RG_ERROR_LIMIT, text);
        CHECK_STATUS(rg_backward(rg_value_of(tape, x)), RG_ERROR_LIMIT);
        cr_assert(rg_tape_get_stats(tape).nodes == 1);
        rg_tape_rewind(tape, mark);
    }
    CHECK_REFUSED(rg_let(tape, rg_mul(times(x, 5), times(x, 6))), 7.5 * 9, RG_ERROR_LIMIT,
                  "11 terms");
}

Test(statement_errors, a_tape_may_be_limited)
{
    tape = rg_tape_create_with(&(rg_tape_options){.max_nodes = 100});
    rg_real x = rg_let(tape, rg_input(tape, 2)), y = x, list[200];
    for (int i = 0; i < 99; i++)
        y = rg_let(tape, rg_mul(y, 1.0));
    CHECK_STATUS(rg_backward(rg_value_of(tape, y)), RG_OK);
    CHECK_NEAR(rg_real_grad(tape, x), 1, 0);
    CHECK_REFUSED(rg_let(tape, rg_mul(y, x)), 4, RG_ERROR_LIMIT, "the allowed 100 nodes");
    rg_tape_reset(tape);
    x = rg_let(tape, rg_input(tape, 2));
    for (int i = 0; i < 200; i++)
        list[i] = x;
    for (int i = 0; i < 81; i++)
        y = rg_let_sum(tape, 200, list);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    CHECK_REFUSED(rg_let_sum(tape, 200, list), 400, RG_ERROR_LIMIT, "the allowed 16384 terms");
    rg_tape_reset(tape);
    CHECK_REFUSED(rg_let_partials(tape, 3, UINT32_MAX / 4, list, NULL), 3, RG_ERROR_LIMIT,
                  "let at node 1: 1073741823 terms are too many");
    rg_tape_destroy(tape);
    check_leaks();
}

/* ---- memory ---- */

static rg_status use_everything(const rg_allocator *allocator)
{
    static rg_real list[2000], far[2000];
    tape = rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
    rg_value x = rg_input(tape, 0.5);
    rg_real r = rg_let(tape, x), s = r;
    for (int i = 0; i < 5000; i++)
        s = rg_let(tape, rg_add(rg_mul(s, r), rg_mul(rg_exp(r), 0.1)));
    for (int i = 0; i < 2000; i++) {
        list[i] = rg_let(tape, rg_add(s, i));
        far[i] = i % 2 ? r : list[i];
    }
    s = rg_let_dot(tape, 2000, list, list);
    s = rg_let_dot_add(tape, s, 2000, list, far);
    for (int i = 0; i < 20; i++)
        s = rg_let(tape, rg_add(rg_let_sum(tape, 2000, far), rg_let(tape, rg_mul(s, 1e-3))));
    rg_status status = rg_backward(rg_value_of(tape, s));
    if (status == RG_OK && rg_is_reached(x))
        cr_assert(isfinite(rg_grad(x)) && rg_grad(x) > 0);
    status = rg_tape_status(tape);
    rg_tape_destroy(tape);
    return status;
}

Test(statement_errors, every_allocation_may_fail, .fini = check_leaks)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_status status = use_everything(&allocator);
        CHECK_FAILURE(memory, status);
    }
}

Test(statement_errors, a_tape_out_of_memory_goes_on_after_a_rewind, .fini = check_leaks)
{
    failing memory = {0};
    rg_allocator allocator = {failing_resize, &memory};
    static rg_real list[20000];
    tape = rg_tape_create_with(&(rg_tape_options){.allocator = &allocator});
    for (int fail_at = 1; fail_at <= 2; fail_at++) {
        rg_real x = rg_let(tape, rg_input(tape, 2)), s = rg_let(tape, rg_mul(x, x));
        rg_mark mark = rg_tape_mark(tape);
        for (int i = 0; i < 20000; i++)
            list[i] = s;
        memory.fail_at = memory.calls + fail_at; /* the one stream, the other */
        CHECK_REFUSED(rg_let_sum(tape, 20000, list), 80000, RG_ERROR_MEMORY,
                      "let: there is no memory");
        memory.fail_at = 0;
        rg_tape_rewind(tape, mark);
        if (fail_at == 2) {
            rg_real total = rg_let_sum(tape, 20000, list);
            CHECK_STATUS(rg_backward(rg_value_of(tape, total)), RG_OK);
            CHECK_NEAR(rg_real_grad(tape, x), 80000, 0);
        }
        rg_tape_reset(tape);
    }
    rg_tape_destroy(tape);
    cr_assert(memory.live == 0 && memory.wrong_sizes == 0);
}

/* ---- tapes that record nothing ---- */

static void check_nothing_recorded(rg_tape *on)
{
    const rg_real x = {2, 0}, list[2] = {x, x};
    const double weights[2] = {1, 3};
    const rg_real results[] = {
        rg_let(on, 4),
        rg_let(on, rg_mul(x, x)),
        rg_let(on, rg_add(rg_exp(rg_sub(x, x)), 3)),
        rg_let_sum(on, 2, list),
        rg_let_lincomb(on, 2, (double[]){1, 1}, list),
        rg_let_partials(on, 4, 2, list, weights),
        rg_let_dot_add(on, (rg_real){-4, 0}, 2, list, list),
        rg_let_dot(on, 1, list, list),
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        cr_assert(results[i].id == 0 && results[i].value == 4, "result %zu is %g", i,
                  results[i].value);
    double grads[2] = {1, 1};
    rg_read_real_grads(on, 2, list, grads);
    cr_assert(grads[0] == 0 && grads[1] == 0 && isnan(rg_real_grad(on, (rg_real){2, 1000})));
}

Test(statement_errors, tapes_that_cannot_record_compute_values, .fini = check_leaks)
{
    failing memory = {.fail_at = 1, .sticky = 1};
    rg_allocator allocator = {failing_resize, &memory};
    rg_tape *inert = rg_tape_create_with(&(rg_tape_options){.allocator = &allocator});
    check_nothing_recorded(inert);
    cr_assert(rg_value_of(inert, (rg_real){2, 0}).serial == 0);
    cr_assert(rg_value_of(inert, (rg_real){2, 7}).serial == 0);
    cr_assert(isnan(rg_let(inert, rg_input(inert, 2)).value));
    CHECK_STATUS(rg_tape_status(inert), RG_ERROR_MEMORY);
    check_nothing_recorded(NULL);
    cr_assert(rg_value_of(NULL, (rg_real){2, 0}).serial == 0);
    cr_assert(isnan(rg_let(NULL, (rg_value){0}).value));
    rg_tape *failed = rg_tape_create();
    rg_value x = rg_input(failed, 2);
    rg_real r = rg_let(failed, x);
    rg_no_grad_end(failed);
    check_nothing_recorded(failed);
    cr_assert(rg_let(failed, rg_mul(r, r)).id == 0 && isnan(rg_let(failed, x).value));
    cr_assert(rg_value_of(failed, r).serial == 0);
    CHECK_FAILED(failed, RG_ERROR_STATE, "no_grad_end");
    cr_assert(rg_tape_get_stats(failed).nodes == 1);
    rg_tape_destroy(failed);
}

Test(statement_errors, no_grad_computes_values_only, .init = begin, .fini = end)
{
    rg_value x = rg_input(tape, 2);
    rg_real r = rg_let(tape, x), s = rg_let(tape, rg_mul(r, r));
    rg_no_grad_begin(tape);
    const rg_real list[2] = {r, s};
    rg_real c = rg_let(tape, rg_mul(rg_exp(rg_sub(r, 2)), s));
    rg_real d = rg_let_dot_add(tape, c, 2, list, list), e = rg_let_sum(tape, 2, list);
    rg_real f = rg_let_lincomb(tape, 2, (double[]){1, 2}, list);
    rg_value v = rg_value_of(tape, c), w = rg_value_of(tape, s), y = rg_mul(w, 2);
    rg_no_grad_end(tape);
    cr_assert(c.id == 0 && c.value == 4 && d.id == 0 && d.value == 24);
    cr_assert(e.id == 0 && e.value == 6 && f.id == 0 && f.value == 10);
    rg_real root = rg_let(tape, rg_add(rg_mul(c, s), rg_mul(rg_mul(v, w), y)));
    CHECK_STATUS(rg_backward(rg_value_of(tape, root)), RG_OK);
    CHECK_NEAR(rg_grad(x), 4 * 4 + 4 * 8 * 4, 0); /* c and y are constants, s and w are not */
    cr_assert(!rg_is_reached(v) && rg_is_reached(w) && rg_is_reached(x));
}

/* ---- numbers and values of the wrong tape or time ---- */

#ifndef __OPTIMIZE__
Test(statement_errors, without_optimization_nodes_must_exist, .init = begin, .fini = end)
{
    rg_real x = rg_let(tape, rg_input(tape, 3));
    rg_mark mark = rg_tape_mark(tape);
    rg_real y = rg_let(tape, rg_mul(x, x));
    for (int i = 0; i < 2; i++) {
        rg_tape_rewind(tape, mark);
        const rg_expr stale = i ? rg_add(rg_mul(y, x), 1) : rg_add(rg_mul(x, x), rg_sub(x, y));
        CHECK_REFUSED(rg_let(tape, stale), i ? 28 : 3, RG_ERROR_STALE,
                      "let at node 2: node 2 does not exist; it was dropped by a rewind");
    }
}
#endif

Test(statement_errors, lists_must_exist, .init = begin, .fini = end)
{
    rg_tape *other = rg_tape_create();
    rg_real x = rg_let(tape, rg_input(tape, 3)), far = x;
    rg_mark mark = rg_tape_mark(tape);
    rg_real y = rg_let(tape, rg_mul(x, x));
    for (int i = 0; i < 100000; i++)
        far = rg_let(other, rg_input(other, 5));
    rg_tape_rewind(tape, mark);
    for (int foreign = 0; foreign < 2; foreign++) {
        const rg_real bad = foreign ? far : y, list[3] = {x, bad, x}, good[3] = {x, x, x};
        const rg_real run[2] = {{3, bad.id - 1}, bad}, twice[2] = {x, x};
        const double value = bad.value, weights[3] = {1, 1, 1};
        char text[64];
        snprintf(text, sizeof text, "let at node 2: node %d does not exist", (int)bad.id);
        CHECK_REFUSED(rg_let_sum(tape, 3, list), value + 6, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        CHECK_REFUSED(rg_let_lincomb(tape, 3, weights, list), value + 6, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        CHECK_REFUSED(rg_let_partials(tape, 1, 3, list, weights), 1, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        CHECK_REFUSED(rg_let_dot(tape, 3, list, good), 3 * value + 18, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        CHECK_REFUSED(rg_let_dot(tape, 3, good, list), 3 * value + 18, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        CHECK_REFUSED(rg_let_dot(tape, 2, run, twice), 3 * value + 9, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        CHECK_REFUSED(rg_let_dot(tape, 2, twice, run), 3 * value + 9, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        CHECK_REFUSED(rg_let_dot(tape, 2, run, run), value * value + 9, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        CHECK_REFUSED(rg_let_dot_add(tape, bad, 2, twice, twice), value + 18, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        cr_assert(rg_value_of(tape, bad).serial == 0);
        snprintf(text, sizeof text, "value_of: node %d was dropped", (int)bad.id);
        CHECK_FAILED(tape, RG_ERROR_STALE, text);
        rg_tape_rewind(tape, mark);
        cr_assert(isnan(rg_real_grad(tape, bad)));
        CHECK_STATUS(rg_tape_status(tape), RG_OK);
    }
    rg_tape_destroy(other);
}

Test(statement_errors, values_must_be_live_scalars_of_the_tape, .init = begin, .fini = end)
{
    rg_tape *other = rg_tape_create();
    rg_value foreign = rg_input(other, 5);
    rg_value x = rg_input(tape, 2), vector = rg_input_f64(tape, RG_SHAPE(2), NULL);
    rg_value one = rg_input_f64(tape, RG_SHAPE(1), NULL), narrow = rg_cast(x, RG_F32);
    rg_value whole = rg_indices(tape, RG_SCALAR, (int64_t[]){1});
    rg_real r = rg_let(tape, x);
    rg_mark mark = rg_tape_mark(tape);
    rg_value stale = rg_exp(x);
    rg_tape_rewind(tape, mark);
    const struct {
        rg_value value;
        rg_status status;
        const char *alone, *inside;
    } cases[] = {
        {foreign, RG_ERROR_TAPE, "let: the value is on another tape",
         "let at node 6: a value of the expression is on another tape"},
        {{0}, RG_ERROR_STALE, "let: the value was never recorded", "was never recorded"},
        {{tape, 0}, RG_ERROR_STALE, "let: its operand is inert", "let: its operand is inert"},
        {stale, RG_ERROR_STALE, "let: its operand was dropped by a rewind", "dropped by a rewind"},
        {vector, RG_ERROR_SHAPE,
         "let: a value of type float64 and shape [2] is not a float64 scalar", "shape [2]"},
        {one, RG_ERROR_SHAPE, "float64 and shape [1]", "shape [1]"},
        {narrow, RG_ERROR_SHAPE, "float32 and shape []", "float32"},
        {whole, RG_ERROR_SHAPE, "int64 and shape []", "int64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rg_value v = cases[i].value;
        rg_real alone = rg_let(tape, v);
        cr_assert(alone.id == 0 && isnan(alone.value));
        CHECK_FAILED(tape, cases[i].status, cases[i].alone);
        rg_tape_rewind(tape, mark);
        rg_real inside = rg_let(tape, rg_add(rg_mul(r, v), r));
        cr_assert(inside.id == 0);
        CHECK_FAILED(tape, v.tape ? cases[i].status : RG_ERROR_TAPE, cases[i].inside);
        rg_tape_rewind(tape, mark);
    }
    CHECK_STATUS(rg_tape_status(other), RG_OK);
    /* Two tapes in one expression, whichever it is committed to. */
    cr_assert(rg_let(tape, rg_add(rg_mul(r, foreign), x)).id == 0);
    CHECK_FAILED(tape, RG_ERROR_TAPE, "another tape");
    rg_tape_rewind(tape, mark);
    rg_expr both = rg_add(rg_mul(rg_let(tape, 1), foreign), rg_add(x, r));
    cr_assert(rg_let(other, both).id == 0);
    CHECK_FAILED(other, RG_ERROR_TAPE, "another tape");
    rg_tape_destroy(other);
}

/* ---- what is reached ---- */

Test(statement_errors, reached_follows_every_kind, .init = begin, .fini = end)
{
    enum { N = 12 };
    rg_value x[N];
    rg_real r[N], near[N], far[N];
    const double zeros[N] = {0};
    for (int i = 0; i < N; i++)
        near[i] = r[i] = rg_let(tape, x[i] = rg_input(tape, i));
    for (int i = 0; i < N; i++)
        far[i] = i % 2 ? r[(5 * i) % 6] : rg_let(tape, 1);
    const rg_real none = rg_let(tape, 0);
    const struct {
        rg_real root;
        unsigned reached; /* bit i: input i */
    } cases[] = {
        {rg_let(tape, rg_mul(rg_mul(r[0], r[3]), 0.0)), 1 | 8},
        {rg_let(tape, rg_add(r[1], rg_mul(r[2], r[4]))), 2 | 4 | 16},
        {rg_let(tape, rg_sub(r[5], r[7])), 32 | 128},
        {rg_let_sum(tape, 3, r), 7},
        {rg_let_lincomb(tape, 2, zeros, r + 9), 512 | 1024},
        {rg_let_lincomb(tape, 10, zeros, r), 1023},
        {rg_let_dot(tape, 2, near, near + 4), 1 | 2 | 16 | 32},
        {rg_let_dot_add(tape, r[11], 2, near, near), 1 | 2 | 2048},
        {rg_let_dot_add(tape, r[11], 2, (rg_real[]){r[3], r[1]}, near), 1 | 2 | 8 | 2048},
        {rg_let_dot(tape, 2, far, near), 1 | 2 | 32},
        {rg_let_dot(tape, 3, (rg_real[]){none, r[8], none}, near), 1 | 2 | 4 | 256},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rg_real deeper = rg_let(tape, rg_mul(rg_let(tape, rg_mul(cases[i].root, 0.0)), 2));
        for (int deep = 0; deep < 2; deep++) {
            CHECK_STATUS(rg_backward(rg_value_of(tape, deep ? deeper : cases[i].root)), RG_OK);
            for (int k = 0; k < N; k++)
                cr_assert(rg_is_reached(x[k]) == (int)(cases[i].reached >> k & 1), "root %zu: %d",
                          i, k);
            cr_assert(rg_is_reached(rg_value_of(tape, cases[i].root)));
        }
    }
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
}

/* A choice that the compiler cannot foresee may leave no terms at all. */
Test(statement_errors, expressions_that_turn_out_to_be_numbers, .init = begin, .fini = end)
{
    rg_real x = rg_let(tape, rg_input(tape, 2));
    rg_mark mark = rg_tape_mark(tape);
    for (int i = 0; i < 50; i++) {
        volatile int taken = i % 2;
        for (int k = 0; k < 10; k++)
            rg_let(tape, rg_mul(x, x));
        rg_tape_reset(tape);
        x = rg_let(tape, rg_input(tape, 2));
        rg_real c = rg_let(tape, rg_where(taken, 5, rg_mul(x, x)));
        CHECK_NEAR(c.value, taken ? 5 : 4, 0);
        rg_value f = rg_add(rg_value_of(tape, c), 1);
        CHECK_STATUS(rg_backward(f), RG_OK);
        CHECK_NEAR(rg_real_grad(tape, x), taken ? 0 : 4, 0);
        cr_assert(rg_is_reached(rg_value_of(tape, x)) == !taken);
    }
    (void)mark;
}

/* ---- searches ---- */

Test(statement_errors, anomalies_are_found_in_values, .init = begin, .fini = end)
{
    rg_tape_find_anomalies(tape, 1);
    rg_real x = rg_let(tape, rg_input(tape, -1)), fine = rg_let(tape, rg_mul(x, x));
    const rg_real list[2] = {x, fine};
    cr_assert(fine.id == 2);
    rg_mark mark = rg_tape_mark(tape);
    rg_let(tape, rg_add(rg_log(x), fine));
    CHECK_FAILED(tape, RG_ERROR_NUMERIC, "let at node 3: element 0 of its value, of shape [], is");
    rg_tape_rewind(tape, mark);
    rg_let_partials(tape, INFINITY, 2, list, (double[]){1, 1});
    CHECK_FAILED(tape, RG_ERROR_NUMERIC,
                 "let at node 3: element 0 of its value, of shape [], is inf");
    rg_tape_rewind(tape, mark);
    rg_let_dot(tape, 2, list, (rg_real[]){x, rg_let(tape, rg_input(tape, INFINITY))});
    CHECK_STATUS(rg_tape_status(tape), RG_ERROR_NUMERIC);
    rg_tape_rewind(tape, mark);
    rg_let_sum(tape, 2, list);
    rg_let_dot(tape, 2, list, list);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
}

Test(statement_errors, anomalies_are_found_in_gradients, .init = begin, .fini = end)
{
    for (int keep = 0; keep < 2; keep++) {
        rg_tape_reset(tape);
        rg_tape_keep_adjoints(tape, keep);
        rg_tape_find_anomalies(tape, 1);
        rg_value x = rg_input(tape, 0), y = rg_input(tape, 2);
        rg_real a = rg_let(tape, x), b = rg_let(tape, y), list[10];
        for (int i = 0; i < 10; i++)
            list[i] = i % 2 ? a : b;
        rg_real fine = rg_let(tape, rg_add(rg_let_dot(tape, 2, list, list), rg_mul(a, b)));
        fine = rg_let(tape, rg_add(fine, rg_let_sum(tape, 10, list)));
        rg_value last = rg_exp(rg_mul(rg_value_of(tape, fine), 0.1));
        CHECK_STATUS(rg_backward(last), RG_OK);
        CHECK_NEAR(rg_grad(y), exp(1.4) * 0.9, 1e-15);
        rg_mark mark = rg_tape_mark(tape);
        rg_real root = rg_let(tape, rg_sqrt(a)), all = rg_let(tape, rg_add(rg_mul(b, 3), root));
        CHECK_STATUS(rg_backward(rg_value_of(tape, all)), RG_ERROR_NUMERIC);
        char text[128];
        snprintf(text, sizeof text,
                 "let at node %d: element 0 of the gradient it passes to input at node 1",
                 (int)root.id);
        CHECK_FAILED(tape, RG_ERROR_NUMERIC, text);
        rg_tape_rewind(tape, mark);
        rg_let_partials(tape, 1, 10, list, (double[10]){1, NAN});
        rg_real bad = {1, (uint32_t)tape->cursor.count - 1};
        CHECK_STATUS(rg_backward(rg_value_of(tape, bad)), RG_ERROR_NUMERIC);
        rg_tape_rewind(tape, mark);
        /* What the failed sweeps left behind is gone. */
        CHECK_STATUS(rg_backward(last), RG_OK);
        CHECK_NEAR(rg_grad(y), exp(1.4) * 0.9, 1e-15);
        rg_tape_find_anomalies(tape, 0);
        CHECK_STATUS(rg_backward(last), RG_OK);
        CHECK_NEAR(rg_grad(y), exp(1.4) * 0.9, 1e-15);
    }
}

Test(statement_errors, dot_needs_what_it_multiplied, .init = begin, .fini = end)
{
    for (int apart = 0; apart < 2; apart++) {
        rg_tape_reset(tape);
        rg_value x[3];
        rg_real r[3];
        for (int i = 0; i < 3; i++)
            r[i] = rg_let(tape, x[i] = rg_input(tape, i + 1));
        const rg_real other[3] = {r[2], r[1], r[0]};
        rg_real kept = rg_let(tape, rg_mul(r[0], r[1])), sum = rg_let_sum(tape, 3, r);
        rg_mark mark = rg_tape_mark(tape);
        rg_real s = rg_let_dot(tape, 3, r, apart ? other : r);
        CHECK_STATUS(rg_write(x[1], (double[]){7}), RG_OK);
        CHECK_STATUS(rg_backward(rg_value_of(tape, kept)), RG_OK);
        CHECK_NEAR(rg_grad(x[0]), 2, 0); /* partial derivatives are those of then */
        CHECK_STATUS(rg_backward(rg_value_of(tape, sum)), RG_OK);
        CHECK_STATUS(rg_backward(rg_value_of(tape, s)), RG_ERROR_STATE);
        CHECK_FAILED(tape, RG_ERROR_STATE,
                     "backward: let at node 6 needs the elements that input at node 2 had");
        rg_tape_rewind(tape, mark);
        /* The numbers are older than the write: the statement keeps what they are, and does not
         * touch what is recorded. */
        rg_value later = rg_mul(x[1], x[2]);
        s = rg_let_dot(tape, 3, r, apart ? other : r);
        cr_assert(rg_item(x[1]) == 7 && rg_item(later) == 21);
        CHECK_STATUS(rg_backward(rg_value_of(tape, s)), RG_OK);
        CHECK_NEAR(rg_grad(x[1]), 4, 0);
        CHECK_NEAR(rg_grad(x[0]), apart ? 6 : 2, 0);
        CHECK_STATUS(rg_backward(later), RG_OK);
        CHECK_NEAR(rg_grad(x[2]), 7, 0);
    }
}

/* ---- what statements do not do ---- */

static void fused_problem(rg_tape *on, const rg_value *x, size_t n, rg_value *y, size_t m,
                          void *context)
{
    (void)n, (void)m, (void)context;
    rg_real a = rg_let(on, x[0]), b = rg_let(on, x[1]);
    rg_real across = rg_let(on, rg_sub(b, rg_square(a)));
    rg_expr all = rg_add(rg_square(rg_sub(1, a)), rg_mul(100, rg_square(across)));
    y[0] = rg_value_of(on, rg_let(on, all));
}

Test(statement_errors, higher_derivatives_are_refused, .init = begin, .fini = end)
{
    const char *text = "the fused statement at node 4 keeps numbers only";
    rg_value x = rg_input(tape, 2), y = rg_input(tape, 3), u = rg_sin(y), gradient;
    rg_real s = rg_let(tape, rg_mul(x, rg_let(tape, u)));
    rg_value f = rg_exp(rg_mul(rg_value_of(tape, s), 0.1)), sv = rg_value_of(tape, s);
    const rg_value one = rg_constant(tape, 1);
    rg_mark mark = rg_tape_mark(tape);
    const rg_value all[] = {x, y, u};
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(rg_grad_values(f, (rg_value){0}, 1, &all[i], &gradient), RG_ERROR_GRADIENT);
        CHECK_FAILED(tape, RG_ERROR_GRADIENT, text);
        rg_tape_rewind(tape, mark);
    }
    cr_assert(rg_jvp(f, 1, &x, &one).serial == 0);
    CHECK_FAILED(tape, RG_ERROR_GRADIENT, text);
    rg_tape_rewind(tape, mark);
    /* What does not lead through the statement works. */
    CHECK_STATUS(rg_grad_values(f, (rg_value){0}, 1, &sv, &gradient), RG_OK);
    CHECK_NEAR(rg_item(gradient), 0.1 * rg_item(f), 1e-15);
    CHECK_STATUS(rg_grad_values(u, (rg_value){0}, 1, &y, &gradient), RG_OK);
    CHECK_NEAR(rg_item(gradient), cos(3), 1e-15);
    CHECK_STATUS(rg_grad_values(f, (rg_value){0}, 1, &one, &gradient), RG_OK);
}

Test(statement_errors, problems_have_a_first_derivative, .fini = check_leaks)
{
    rg_problem *problem = rg_problem_create(fused_problem, 2, 1, NULL, NULL);
    const double x[2] = {-1, 2};
    double g[2], h[4], y, j[2];
    CHECK_NEAR(rg_problem_gradient(x, 2, g, problem), 104, 0);
    cr_assert(g[0] == 396 && g[1] == 200);
    CHECK_STATUS(rg_problem_jacobian(problem, x, &y, j), RG_OK);
    cr_assert(j[0] == 396 && j[1] == 200);
    CHECK_STATUS(rg_problem_hessian(problem, x, h), RG_ERROR_GRADIENT);
    cr_assert(strstr(rg_problem_message(problem), "fused statement at node"), "%s",
              rg_problem_message(problem));
    CHECK_NEAR(rg_problem_gradient(x, 2, g, problem), 104, 0);
    cr_assert(g[0] == 396 && g[1] == 200);
    rg_problem_destroy(problem);
}

Test(statement_errors, pictures_are_refused, .init = begin, .fini = end)
{
    FILE *nowhere = tmpfile();
    rg_value x = rg_input(tape, 2), plain = rg_exp(x);
    rg_real s = rg_let(tape, rg_mul(x, rg_let(tape, x)));
    rg_value f = rg_sin(rg_value_of(tape, s));
    CHECK_STATUS(rg_write_text(nowhere, f, NULL, 0), RG_ERROR_GRADIENT);
    CHECK_STATUS(rg_write_dot(nowhere, f, NULL, 0), RG_ERROR_GRADIENT);
    CHECK_STATUS(rg_write_text(nowhere, rg_value_of(tape, s), NULL, 0), RG_ERROR_GRADIENT);
    CHECK_STATUS(rg_write_text(nowhere, rg_sin(plain), NULL, 0), RG_OK);
    CHECK_STATUS(rg_write_dot(nowhere, rg_sin(plain), NULL, 0), RG_OK);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    fclose(nowhere);
}

/* ---- checkpoints and gradient checks ---- */

static rg_value fused_steps(rg_tape *on, const rg_value *in, int count, void *context)
{
    (void)count, (void)context;
    rg_real x = rg_let(on, in[0]), y = rg_let(on, in[1]), both[2] = {x, y};
    for (int i = 0; i < 20; i++) {
        rg_real next = rg_let(on, rg_add(x, rg_mul(0.1, rg_sin(y))));
        y = rg_let(on, rg_sub(y, rg_mul(0.1, rg_let_dot(on, 2, both, both))));
        both[0] = x = next;
    }
    return rg_mul(rg_value_of(on, x), rg_value_of(on, y));
}

Test(statement_errors, checkpoints_hold_statements, .init = begin, .fini = end)
{
    const rg_value in[2] = {rg_input(tape, 0.4), rg_input(tape, 1.2)};
    rg_value whole = fused_steps(tape, in, 2, NULL);
    CHECK_STATUS(rg_backward(whole), RG_OK);
    const double want[2] = {rg_grad(in[0]), rg_grad(in[1])};
    rg_value point = rg_checkpoint(fused_steps, 2, in, NULL);
    cr_assert(rg_item(point) == rg_item(whole));
    for (int keep = 0; keep < 2; keep++) {
        rg_tape_keep_adjoints(tape, keep);
        rg_real around = rg_let(tape, rg_mul(point, rg_let(tape, 3)));
        CHECK_STATUS(rg_backward(rg_value_of(tape, around)), RG_OK);
        CHECK_NEAR(rg_grad(in[0]), 3 * want[0], 1e-15);
        CHECK_NEAR(rg_grad(in[1]), 3 * want[1], 1e-15);
    }
    rg_value g;
    CHECK_STATUS(rg_grad_values(point, (rg_value){0}, 1, in, &g), RG_ERROR_GRADIENT);
}

Test(statement_errors, gradient_checks_go_through_statements, .fini = check_leaks)
{
    const rg_gradcheck_input in[2] = {{.data = (double[]){0.4}}, {.data = (double[]){1.2}}};
    rg_gradcheck_report report;
    CHECK_STATUS(rg_gradcheck(fused_steps, NULL, in, 2, NULL, &report), RG_OK);
    cr_assert(report.checked == 2 && report.failed == 0);
}
