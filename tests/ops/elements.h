/*
 * elements.h: checks of small tensors against literal numbers, and of errors. Include it instead of
 * check.h.
 */
#ifndef RG_TESTS_OPS_ELEMENTS_H
#define RG_TESTS_OPS_ELEMENTS_H

#include <string.h>

#include "../check.h"

enum { MAX_CHECKED = 256 };

/* Each test has a tape: Test(suite, name, .init = begin, .fini = end). */
static rg_tape *tape;

static void begin(void)
{
    tape = rg_tape_create();
}

static void end(void)
{
    rg_tape_destroy(tape);
    check_leaks();
}

/* The elements and the shape of a value. */
static inline void check_elements(rg_value x, rg_shape shape, const double *want)
{
    double got[MAX_CHECKED];
    cr_assert_leq(rg_size(x), MAX_CHECKED);
    rg_shape own = rg_get_shape(x);
    cr_assert_eq(rg_tape_status(x.tape), RG_OK, "%s", rg_tape_message(x.tape));
    cr_assert(rg_shape_equal(&own, &shape), "the shape is another");
    CHECK_STATUS(rg_read(x, got), RG_OK);
    for (int64_t i = 0; i < rg_size(x); i++)
        CHECK_NEAR(got[i], want[i], 1e-14);
}

/* The gradient of the last sweep. */
static inline void check_gradient(rg_value x, const double *want)
{
    double got[MAX_CHECKED];
    cr_assert_leq(rg_size(x), MAX_CHECKED);
    CHECK_STATUS(rg_read_grad(x, got), RG_OK);
    for (int64_t i = 0; i < rg_size(x); i++)
        CHECK_NEAR(got[i], want[i], 1e-14);
}

#define CHECK_ELEMENTS(x, shape, ...) check_elements(x, shape, (const double[]){__VA_ARGS__})
#define CHECK_GRADIENT(x, ...)        check_gradient(x, (const double[]){__VA_ARGS__})

/* The expression must fail on the tape, which is reset, with this status and text. */
#define CHECK_FAILS(tape, expression, status, text)                 \
    do {                                                            \
        rg_value result_ = (expression);                            \
        cr_assert(!rg_is_live(result_), #expression " is a value"); \
        CHECK_FAILED(tape, status, text);                           \
        rg_tape_reset(tape);                                        \
    } while (0)

#endif
