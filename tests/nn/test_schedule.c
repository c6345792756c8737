#include "../check.h"

SUITE(schedule);

/* ---- functions of t ---- */

typedef struct point {
    int64_t t;
    double rate;
} point;

/* Base rate 2. cos(pi / 4) = sqrt(1/2), cos(pi / 3) = 1/2. */
static const int64_t milestones[] = {10, 3, 3};
static const struct {
    rg_schedule schedule;
    point points[8]; /* up to the first after t = 0 with t = 0 again */
} rows[] = {
    {{.kind = RG_SCHEDULE_CONSTANT}, {{0, 2}, {1000000, 2}}},
    {{.kind = RG_SCHEDULE_STEP, .length = 3, .factor = 0.5},
     {{0, 2}, {2, 2}, {3, 1}, {5, 1}, {6, 0.5}, {300, 2 * 0x1p-100}}},
    {{.kind = RG_SCHEDULE_STEP, .length = 2, .factor = 0}, {{0, 2}, {1, 2}, {2, 0}}},
    {{.kind = RG_SCHEDULE_MILESTONES,
      .milestones = milestones,
      .milestone_count = 3,
      .factor = 0.5},
     {{0, 2}, {2, 2}, {3, 0.5}, {9, 0.5}, {10, 0.25}, {99, 0.25}}},
    {{.kind = RG_SCHEDULE_MILESTONES, .factor = 0.5}, {{0, 2}, {9, 2}}},
    {{.kind = RG_SCHEDULE_EXPONENTIAL, .factor = 0.5}, {{0, 2}, {1, 1}, {4, 0.125}}},
    {{.kind = RG_SCHEDULE_COSINE, .length = 6, .minimum = 1},
     {{0, 2}, {2, 1.75}, {3, 1.5}, {4, 1.25}, {6, 1}, {9, 1.5}, {12, 2}}},
    {{.kind = RG_SCHEDULE_COSINE_RESTARTS, .length = 2, .growth = 2},
     {{0, 2}, {1, 1}, {2, 2}, {4, 1}, {6, 2}, {10, 1}, {14, 2}}},
    {{.kind = RG_SCHEDULE_COSINE_RESTARTS, .length = 2, .minimum = 1},
     {{0, 2}, {1, 1.5}, {2, 2}, {3, 1.5}, {((int64_t)1 << 62) + 1, 1.5}}},
    {{.kind = RG_SCHEDULE_LINEAR, .length = 4, .start = 0.25, .end = 1.25},
     {{0, 0.5}, {1, 1}, {3, 2}, {4, 2.5}, {5, 2.5}, {99, 2.5}}},
    {{.kind = RG_SCHEDULE_WARMUP_COSINE, .warmup = 4, .length = 8},
     {{0, 0.5}, {1, 1}, {3, 2}, {4, 2}, {6, 1}, {8, 0}, {10, 1}}},
    {{.kind = RG_SCHEDULE_WARMUP_COSINE, .length = 2}, {{0, 2}, {1, 1}, {2, 0}}},
    {{.kind = RG_SCHEDULE_POLYNOMIAL, .length = 4, .power = 2},
     {{0, 2}, {1, 1.125}, {2, 0.5}, {4, 0}, {5, 0}}},
    /* The top is at 0.5 * 8 - 1 = 3, the end at 7. */
    {{.kind = RG_SCHEDULE_ONE_CYCLE,
      .length = 8,
      .maximum = 8,
      .share = 0.5,
      .start_divisor = 4,
      .end_divisor = 2},
     {{0, 2}, {1, 3.5}, {2, 6.5}, {3, 8}, {5, 4.5}, {7, 1}, {9, 4.5}}},
    {{.kind = RG_SCHEDULE_ONE_CYCLE, .length = 40, .maximum = 1},
     {{0, 0.04}, {11, 1}, {39, 0.04e-4}}},
};
enum { ROWS = sizeof rows / sizeof *rows };

Test(schedule, has_the_documented_rates)
{
    for (int i = 0; i < ROWS; i++) {
        CHECK_STATUS(rg_schedule_check(&rows[i].schedule, NULL), RG_OK);
        for (int k = 0; k < 8 && (k == 0 || rows[i].points[k].t > 0); k++) {
            double got = rg_schedule_rate(&rows[i].schedule, 2, rows[i].points[k].t);
            cr_assert(is_near(got, rows[i].points[k].rate, 1e-14), "row %d, t %lld: %.17g", i,
                      (long long)rows[i].points[k].t, got);
        }
        CHECK_NEAR(rg_schedule_rate(&rows[i].schedule, 2, -5), rows[i].points[0].rate, 1e-14);
    }
}

Test(schedule, drives_an_optimizer)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *x = rg_params_add(params, "x", RG_F64, RG_SCALAR, NULL);
    *(double *)rg_param_grad(x) = 1;
    rg_optimizer *optimizer = rg_sgd_create(params, NULL, NULL);
    const rg_schedule schedule = {.kind = RG_SCHEDULE_LINEAR, .length = 4, .start = 1};
    for (int64_t t = 0; t < 6; t++) {
        CHECK_STATUS(rg_optimizer_set_rate(optimizer, rg_schedule_rate(&schedule, 1, t)), RG_OK);
        rg_optimizer_step(optimizer);
    }
    CHECK_NEAR(*(double *)rg_param_data(x), -2.5, 1e-15);
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

static void check_refused(const rg_schedule *schedule, const char *text)
{
    rg_error error = {RG_OK, ""};
    CHECK_STATUS(rg_schedule_check(schedule, &error), RG_ERROR_ARGUMENT);
    CHECK_STATUS(error.status, RG_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, text), "the message is \"%s\"", error.message);
    CHECK_STATUS(rg_schedule_check(schedule, NULL), RG_ERROR_ARGUMENT);
    cr_assert(isnan(rg_schedule_rate(schedule, 1, 0)));
}

#define SCHEDULE(...) (&(const rg_schedule){__VA_ARGS__})

Test(schedule, refuses_bad_lengths)
{
    static const rg_schedule_kind kinds[] = {
        RG_SCHEDULE_STEP,   RG_SCHEDULE_COSINE,     RG_SCHEDULE_COSINE_RESTARTS,
        RG_SCHEDULE_LINEAR, RG_SCHEDULE_POLYNOMIAL, RG_SCHEDULE_WARMUP_COSINE};
    for (int i = 0; i < 6; i++) {
        check_refused(SCHEDULE(.kind = kinds[i]), "the length is 0; it must be 1 or more");
        check_refused(SCHEDULE(.kind = kinds[i], .length = -4), "the length is -4");
        CHECK_STATUS(rg_schedule_check(SCHEDULE(.kind = kinds[i], .length = 1), NULL), RG_OK);
    }
    check_refused(SCHEDULE(.kind = RG_SCHEDULE_ONE_CYCLE, .length = 1, .maximum = 1),
                  "the length is 1; it must be 2 or more");
    check_refused(SCHEDULE(.kind = RG_SCHEDULE_WARMUP_COSINE, .length = 5, .warmup = 5),
                  "the warmup is 5; it must be 0 or more and below the length");
    check_refused(SCHEDULE(.kind = RG_SCHEDULE_WARMUP_COSINE, .length = 5, .warmup = -1),
                  "the warmup is -1");
}

Test(schedule, refuses_bad_numbers)
{
    static const double bad[] = {-0.5, INFINITY, NAN};
    for (int i = 0; i < 3; i++) {
        const double b = bad[i];
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_STEP, .length = 1, .factor = b),
                      "the factor is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_MILESTONES, .factor = b), "the factor is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_EXPONENTIAL, .factor = b), "the factor is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_COSINE, .length = 1, .minimum = b),
                      "the minimum is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_COSINE_RESTARTS, .length = 1, .minimum = b),
                      "the minimum is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_LINEAR, .length = 1, .start = b),
                      "the start is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_LINEAR, .length = 1, .end = b), "the end is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_POLYNOMIAL, .length = 1, .power = b),
                      "the power is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_ONE_CYCLE, .length = 20, .maximum = b),
                      "the maximum is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_ONE_CYCLE, .length = 20, .start_divisor = b),
                      "the start divisor is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_ONE_CYCLE, .length = 20, .end_divisor = b),
                      "the end divisor is");
        check_refused(SCHEDULE(.kind = RG_SCHEDULE_ONE_CYCLE, .length = 20, .share = b),
                      "the share is");
    }
    check_refused(SCHEDULE(.kind = RG_SCHEDULE_COSINE_RESTARTS, .length = 1, .growth = -2),
                  "the growth is -2");
    check_refused(SCHEDULE(.kind = RG_SCHEDULE_ONE_CYCLE, .length = 10, .share = 0.1),
                  "the share is 0.1; it must be below 1 and more than 1 / length");
    check_refused(SCHEDULE(.kind = RG_SCHEDULE_ONE_CYCLE, .length = 3), "the share is 0.3");
    check_refused(SCHEDULE(.kind = RG_SCHEDULE_MILESTONES, .milestone_count = 2),
                  "there are 2 milestones in no list");
    check_refused(
        SCHEDULE(.kind = RG_SCHEDULE_MILESTONES, .milestones = milestones, .milestone_count = -1),
        "there are -1 milestones in a list");
    check_refused(SCHEDULE(.kind = (rg_schedule_kind)99), "there is no kind number 99");
    check_refused(NULL, "it is NULL");
}

/* ---- plateaus ---- */

/* Gives losses one after the other and compares the rates; `count` of each. */
static void check_plateau(rg_plateau *plateau, int count, const double *losses, const double *rates)
{
    double rate = 1;
    for (int i = 0; i < count; i++) {
        rate = rg_plateau_rate(plateau, rate, losses[i]);
        cr_assert(is_near(rate, rates[i], 1e-15), "epoch %d: the rate is %g", i, rate);
    }
}

Test(schedule, a_plateau_reduces_the_rate_after_its_patience)
{
    rg_plateau plateau = {.factor = 0.5, .patience = 2};
    const double losses[] = {9, 8, 8, 8.5, 7, 7, 7, 7, 7, 7, 7};
    const double rates[] = {1, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25};
    check_plateau(&plateau, 11, losses, rates);
}

Test(schedule, a_plateau_is_at_once_impatient_by_default_and_divides_by_ten)
{
    rg_plateau plateau = {.patience = 0};
    check_plateau(&plateau, 4, (double[]){5, 4, 4, 3}, (double[]){1, 1, 0.1, 0.1});
}

Test(schedule, a_plateau_has_a_threshold)
{
    rg_plateau plateau = {.factor = 0.5, .threshold = 0.25};
    /* Must fall below 6, then 3.75: twice it does not. Then -1, and below -1.25. */
    const double losses[] = {8, 6, 5, 4, 3, -1, -1.2, -1.3, -1.5, -2};
    const double rates[] = {1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625};
    check_plateau(&plateau, 10, losses, rates);
}

Test(schedule, a_plateau_cools_down)
{
    rg_plateau plateau = {.factor = 0.5, .cooldown = 2};
    /* The loss of the cooldown that is better is noted: 2.5 after it is not good. */
    const double losses[] = {3, 3, 3, 2, 2.5, 2.5, 2.5, 2.5};
    const double rates[] = {1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125};
    check_plateau(&plateau, 8, losses, rates);
}

Test(schedule, a_plateau_keeps_to_its_minimum)
{
    rg_plateau plateau = {.factor = 0.5, .minimum = 0.3};
    check_plateau(&plateau, 4, (double[]){1, 1, 1, 1}, (double[]){1, 0.5, 0.3, 0.3});
    CHECK_NEAR(rg_plateau_rate(&plateau, 0.2, 1), 0.2, 0);
}

Test(schedule, a_plateau_takes_nan_and_infinity_for_bad_losses)
{
    rg_plateau plateau = {.factor = 0.5, .patience = 1, .threshold = 0.5};
    const double losses[] = {NAN, INFINITY, INFINITY, 7, NAN, NAN, 3, -INFINITY, -INFINITY, 0};
    const double rates[] = {1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25};
    check_plateau(&plateau, 10, losses, rates);
}

Test(schedule, a_plateau_refuses_bad_numbers)
{
    static const struct {
        rg_plateau plateau;
        const char *text;
    } bad[] = {{{.factor = 1}, "the factor is 1; it must be 0 or more and below 1"},
               {{.factor = -0.5}, "the factor is -0.5"},
               {{.factor = NAN}, "the factor is "},
               {{.threshold = 1}, "the threshold is 1"},
               {{.threshold = -1}, "the threshold is -1"},
               {{.minimum = -1}, "the minimum is -1"},
               {{.minimum = INFINITY}, "the minimum is inf; it must be finite and 0 or more"},
               {{.patience = -1}, "the patience is -1"},
               {{.cooldown = -1}, "the cooldown is -1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rg_error error = {RG_OK, ""};
        rg_plateau plateau = bad[i].plateau;
        CHECK_STATUS(rg_plateau_check(&plateau, &error), RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, bad[i].text), "the message is \"%s\"", error.message);
        CHECK_STATUS(rg_plateau_check(&plateau, NULL), RG_ERROR_ARGUMENT);
        for (int k = 0; k < 3; k++)
            CHECK_NEAR(rg_plateau_rate(&plateau, 0.5, 1), 0.5, 0);
        cr_assert(plateau.begun == 0 && plateau.waited == 0);
    }
    rg_error error;
    CHECK_STATUS(rg_plateau_check(NULL, &error), RG_ERROR_ARGUMENT);
    CHECK_NEAR(rg_plateau_rate(NULL, 0.5, 1), 0.5, 0);
    CHECK_STATUS(rg_plateau_check(&(rg_plateau){.patience = 3}, NULL), RG_OK);
}
