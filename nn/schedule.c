#include "schedule.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

#include "internal.h"

static double or_default(double number, double otherwise)
{
    return number == 0 ? otherwise : number;
}

static double share_of(const rg_schedule *s)
{
    return or_default(s->share, 0.3);
}

/* ---- checks ---- */

static bool fail(rg_error *error, const char *what, double number, const char *must_be)
{
    rgi_set_error(error, RG_ERROR_ARGUMENT, "schedule: the %s is %g; it must be %s", what, number,
                  must_be);
    return false;
}

static bool is_size(double number, const char *what, rg_error *error)
{
    return (number >= 0 && number < INFINITY) || fail(error, what, number, "finite and 0 or more");
}

static bool is_divisor(double number, const char *what, rg_error *error)
{
    return (number >= 0 && number < INFINITY) || fail(error, what, number, "finite and above 0");
}

static bool is_length(const rg_schedule *s, int64_t least, rg_error *error)
{
    if (s->length < least)
        rgi_set_error(error, RG_ERROR_ARGUMENT,
                      "schedule: the length is %" PRId64 "; it must be %" PRId64 " or more",
                      s->length, least);
    return s->length >= least;
}

static bool has_milestones(const rg_schedule *s, rg_error *error)
{
    const bool good = s->milestone_count == 0 || (s->milestone_count > 0 && s->milestones);
    if (!good)
        rgi_set_error(error, RG_ERROR_ARGUMENT, "schedule: there are %d milestones in %s",
                      s->milestone_count, s->milestones ? "a list" : "no list");
    return good;
}

static bool is_warmup(const rg_schedule *s, rg_error *error)
{
    return (s->warmup >= 0 && s->warmup < s->length) ||
           fail(error, "warmup", (double)s->warmup, "0 or more and below the length");
}

static bool is_cycle(const rg_schedule *s, rg_error *error)
{
    const double share = share_of(s);
    return (share < 1 && share * (double)s->length > 1) ||
           fail(error, "share", share, "below 1 and more than 1 / length");
}

static bool is_good(const rg_schedule *s, rg_error *e)
{
    switch (s->kind) {
    case RG_SCHEDULE_CONSTANT: return true;
    case RG_SCHEDULE_STEP: return is_length(s, 1, e) && is_size(s->factor, "factor", e);
    case RG_SCHEDULE_MILESTONES: return has_milestones(s, e) && is_size(s->factor, "factor", e);
    case RG_SCHEDULE_EXPONENTIAL: return is_size(s->factor, "factor", e);
    case RG_SCHEDULE_COSINE: return is_length(s, 1, e) && is_size(s->minimum, "minimum", e);
    case RG_SCHEDULE_COSINE_RESTARTS:
        return is_length(s, 1, e) && is_size(s->minimum, "minimum", e) &&
               is_size((double)s->growth, "growth", e);
    case RG_SCHEDULE_LINEAR:
        return is_length(s, 1, e) && is_size(s->start, "start", e) && is_size(s->end, "end", e);
    case RG_SCHEDULE_WARMUP_COSINE: return is_length(s, 1, e) && is_warmup(s, e);
    case RG_SCHEDULE_POLYNOMIAL: return is_length(s, 1, e) && is_size(s->power, "power", e);
    case RG_SCHEDULE_ONE_CYCLE:
        return is_length(s, 2, e) && is_size(s->maximum, "maximum", e) && is_cycle(s, e) &&
               is_divisor(s->start_divisor, "start divisor", e) &&
               is_divisor(s->end_divisor, "end divisor", e);
    }
    rgi_set_error(e, RG_ERROR_ARGUMENT, "schedule: there is no kind number %d", (int)s->kind);
    return false;
}

rg_status rg_schedule_check(const rg_schedule *schedule, rg_error *error)
{
    if (!schedule)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "schedule: it is NULL");
    return is_good(schedule, error) ? RG_OK : RG_ERROR_ARGUMENT;
}

/* ---- functions of t ---- */

/* From a at p = 0 to b at p = 1 and back. */
static double wave(double a, double b, double p)
{
    static const double pi = 3.14159265358979323846;
    return b + (a - b) * (1 + cos(pi * p)) / 2;
}

static int64_t passed_milestones(const rg_schedule *s, int64_t t)
{
    int64_t passed = 0;
    for (int i = 0; i < s->milestone_count; i++)
        passed += t >= s->milestones[i];
    return passed;
}

static double restarts(const rg_schedule *s, double base, int64_t t)
{
    double length = (double)s->length, left = (double)t;
    if (s->growth <= 1)
        left = (double)(t % s->length);
    while (left >= length) {
        left -= length;
        length *= (double)s->growth;
    }
    return wave(base, s->minimum, left / length);
}

static double one_cycle(const rg_schedule *s, double t)
{
    const double start = s->maximum / or_default(s->start_divisor, 25);
    const double end = start / or_default(s->end_divisor, 1e4);
    const double last = (double)s->length - 1, top = share_of(s) * (double)s->length - 1;
    return t <= top ? wave(start, s->maximum, t / top)
                    : wave(s->maximum, end, (t - top) / (last - top));
}

double rg_schedule_rate(const rg_schedule *schedule, double base, int64_t t)
{
    const rg_schedule *s = schedule;
    if (rg_schedule_check(s, NULL) != RG_OK)
        return NAN;
    if (t < 0)
        t = 0;
    const double x = (double)t, length = (double)s->length, warmup = (double)s->warmup;
    const double part = fmin(x / length, 1); /* of those that end */
    switch (s->kind) {
    case RG_SCHEDULE_CONSTANT: return base;
    case RG_SCHEDULE_STEP: return base * pow(s->factor, (double)(t / s->length));
    case RG_SCHEDULE_MILESTONES: return base * pow(s->factor, (double)passed_milestones(s, t));
    case RG_SCHEDULE_EXPONENTIAL: return base * pow(s->factor, x);
    case RG_SCHEDULE_COSINE: return wave(base, s->minimum, x / length);
    case RG_SCHEDULE_COSINE_RESTARTS: return restarts(s, base, t);
    case RG_SCHEDULE_LINEAR: return base * (s->start + (s->end - s->start) * part);
    case RG_SCHEDULE_WARMUP_COSINE:
        return t < s->warmup ? base * (x + 1) / warmup
                             : wave(base, 0, (x - warmup) / (length - warmup));
    case RG_SCHEDULE_POLYNOMIAL: return base * pow(1 - part, s->power);
    case RG_SCHEDULE_ONE_CYCLE: return one_cycle(s, x);
    }
    return NAN;
}

/* ---- plateaus ---- */

rg_status rg_plateau_check(const rg_plateau *plateau, rg_error *error)
{
    if (!plateau)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "plateau: it is NULL");
    const struct {
        const char *name;
        double number, end;
    } rows[] = {{"factor", plateau->factor, 1},
                {"threshold", plateau->threshold, 1},
                {"minimum", plateau->minimum, INFINITY},
                {"patience", (double)plateau->patience, INFINITY},
                {"cooldown", (double)plateau->cooldown, INFINITY}};
    for (int i = 0; i < 5; i++)
        if (!(rows[i].number >= 0 && rows[i].number < rows[i].end))
            return RGI_FAIL(error, RG_ERROR_ARGUMENT, "plateau: the %s is %g; it must be %s",
                            rows[i].name, rows[i].number,
                            rows[i].end == 1 ? "0 or more and below 1" : "finite and 0 or more");
    return RG_OK;
}

/* Whether a loss is better than the best so far. Of an infinite best no share can be taken. */
static bool is_better(const rg_plateau *p, double loss)
{
    if (!p->begun || isinf(p->best))
        return p->begun ? loss < p->best : !isnan(loss);
    return loss < p->best - p->threshold * fabs(p->best);
}

double rg_plateau_rate(rg_plateau *plateau, double rate, double loss)
{
    rg_plateau *p = plateau;
    if (rg_plateau_check(p, NULL) != RG_OK)
        return rate;
    const bool better = is_better(p, loss);
    if (better) {
        p->begun = 1;
        p->best = loss;
    }
    p->waited = better ? 0 : p->waited + 1;
    if (p->cooling > 0) {
        p->cooling--;
        p->waited = 0;
    }
    if (p->waited <= p->patience)
        return rate;
    p->cooling = p->cooldown;
    p->waited = 0;
    return fmin(rate, fmax(rate * or_default(p->factor, 0.1), p->minimum));
}
