/*
 * check.h: what every Criterion suite uses: comparisons of numbers, leak checks, and a guard
 * against a program that ran no test. Include it in exactly one file of each test program.
 */
#ifndef RG_TESTS_CHECK_H
#define RG_TESTS_CHECK_H

#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "../reelgrad.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECK_LEAKS 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CHECK_LEAKS 1
#endif

#ifdef CHECK_LEAKS
int __lsan_do_recoverable_leak_check(void);
#endif

/* Criterion lets leaks pass, so each test ends by looking for them itself. */
static void check_leaks(void)
{
#ifdef CHECK_LEAKS
    if (__lsan_do_recoverable_leak_check())
        abort();
#endif
}

/* Every suite: SUITE(tape); Test(tape, rewinds) { .. } */
#define SUITE(name) TestSuite(name, .fini = check_leaks)

/* A run without any test is a failure. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    if (stats->nb_tests == 0)
        _exit(1);
}

/* |got - want| <= tolerance (1 + |want|); equal infinities and NaN on both sides are near. */
static inline int is_near(double got, double want, double tolerance)
{
    if (isnan(want) || isinf(want))
        return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= tolerance * (1 + fabs(want));
}

#define CHECK_NEAR(got, want, tolerance)                                                           \
    do {                                                                                           \
        double got_ = (got), want_ = (want);                                                       \
        cr_assert(is_near(got_, want_, (tolerance)), "%s is %.17g, not %.17g", #got, got_, want_); \
    } while (0)

#define CHECK_STATUS(got, want)                                                  \
    do {                                                                         \
        rg_status got_ = (got), want_ = (want);                                  \
        cr_assert(got_ == want_, "%s is %s, not %s", #got, rg_status_name(got_), \
                  rg_status_name(want_));                                        \
    } while (0)

/* The tape has an error of this status whose message contains `text`. */
#define CHECK_FAILED(tape, status, text)                                        \
    do {                                                                        \
        CHECK_STATUS(rg_tape_status(tape), status);                             \
        cr_assert(strstr(rg_tape_message(tape), text), "the message is \"%s\"", \
                  rg_tape_message(tape));                                       \
    } while (0)

#endif
