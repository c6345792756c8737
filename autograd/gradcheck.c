/*
 * gradcheck.c: gradients against central differences. Every comparison moves the inputs a little to
 * both sides of the given point: one element at a time, or all of them along a random direction.
 */
#include "gradcheck.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "random.h"

typedef struct check {
    rg_gradcheck_function *f;
    void *context;
    const rg_gradcheck_input *in;
    int count;
    rg_gradcheck_options options; /* with the defaults filled in */
    rg_gradcheck_report report;
    double worst; /* the worst error so far, over its tolerance */
    rg_random random;

    rg_tape *tape;
    rg_mark start;   /* after the inputs */
    rg_value *value; /* the inputs */
    int64_t size;    /* elements of all inputs, one after the other in the arrays below */
    double *point, *gradient, *moved[2];
    int64_t out_size;
    double *upstream, *result[2];
} check;

/* ---- errors ---- */

static bool fail(check *c, rg_status status, const char *message)
{
    c->report.status = status;
    snprintf(c->report.message, sizeof c->report.message, "gradcheck: %s", message);
    return false;
}

static bool fail_as_tape(check *c)
{
    c->report.status = rg_tape_status(c->tape);
    snprintf(c->report.message, sizeof c->report.message, "%s", rg_tape_message(c->tape));
    return false;
}

/* ---- the inputs ---- */

static bool is_varied(const rg_gradcheck_input *in)
{
    return !in->constant && in->type != RG_I64;
}

static bool record_inputs(check *c)
{
    for (int k = 0; k < c->count; k++) {
        const rg_gradcheck_input *in = &c->in[k];
        c->value[k] = is_varied(in) ? rg_input_tensor(c->tape, in->type, in->shape, NULL)
                                    : rg_constant_tensor(c->tape, in->type, in->shape, NULL);
        if (rg_tape_status(c->tape) != RG_OK)
            return fail_as_tape(c);
        int64_t size = rg_size(c->value[k]);
        if (size > 0 && !in->data)
            return fail(c, RG_ERROR_ARGUMENT, "the data of an input are NULL");
        for (int64_t i = 0; in->type == RG_I64 && i < size; i++)
            if (!(fabs(in->data[i]) < 0x1p63) || in->data[i] != trunc(in->data[i]))
                return fail(c, RG_ERROR_ARGUMENT, "an element of an int64 input is no integer");
        c->size += size;
        c->report.low_precision |= in->type == RG_F32;
    }
    c->start = rg_tape_mark(c->tape);
    return true;
}

/* Takes n doubles from the block at *next. */
static double *take(double **next, int64_t n)
{
    double *taken = *next;
    *next += n;
    return taken;
}

static size_t input_bytes(const check *c)
{
    return ((size_t)c->size * 4 + 1) * sizeof(double);
}

static bool copy_inputs(check *c)
{
    double *next = rgi_alloc(NULL, input_bytes(c));
    if (!next)
        return fail(c, RG_ERROR_MEMORY, "there is no memory for the inputs");
    c->point = take(&next, c->size);
    c->gradient = take(&next, c->size);
    c->moved[0] = take(&next, c->size);
    c->moved[1] = take(&next, c->size);
    double *to = c->point;
    for (int k = 0; k < c->count; k++)
        for (int64_t i = 0; i < rg_size(c->value[k]); i++)
            *to++ = c->in[k].type == RG_F32 ? (double)(float)c->in[k].data[i] : c->in[k].data[i];
    return true;
}

/* ---- the function ---- */

/* Records f at a point. */
static bool record(check *c, const double *point, rg_value *y)
{
    for (int k = 0; k < c->count; k++) {
        rg_write(c->value[k], point);
        point += rg_size(c->value[k]);
    }
    *y = c->f(c->tape, c->value, c->count, c->context);
    if (rg_tape_status(c->tape) != RG_OK)
        return fail_as_tape(c);
    if (y->tape != c->tape || !rg_is_live(*y))
        return fail(c, RG_ERROR_STALE, "the function returned no value of the tape it was given");
    return true;
}

static size_t result_bytes(const check *c)
{
    return ((size_t)c->out_size * 3 + 1) * sizeof(double);
}

/* Neither small nor regular, so that no mistake is multiplied by nearly nothing. */
static double random_factor(check *c)
{
    double size = 0.5 + rg_random_uniform(&c->random);
    return rg_random_bits(&c->random) >> 63 ? size : -size;
}

/* The sweep's gradient at the point, for a random upstream gradient. */
static bool sweep(check *c)
{
    rg_value y;
    if (!record(c, c->point, &y))
        return false;
    c->out_size = rg_size(y);
    double *next = rgi_alloc(NULL, result_bytes(c));
    if (!next)
        return fail(c, RG_ERROR_MEMORY, "there is no memory for the result");
    c->upstream = take(&next, c->out_size);
    c->result[0] = take(&next, c->out_size);
    c->result[1] = take(&next, c->out_size);
    for (int64_t i = 0; i < c->out_size; i++)
        c->upstream[i] = random_factor(c);
    if (rg_backward_with(y, c->upstream) != RG_OK)
        return fail_as_tape(c);
    double *gradient = c->gradient;
    for (int k = 0; k < c->count; k++) {
        rg_read_grad(c->value[k], gradient);
        gradient += rg_size(c->value[k]);
    }
    rg_tape_rewind(c->tape, c->start);
    return true;
}

/* The change of sum u f between the two moved points. */
static bool difference(check *c, double *change)
{
    for (int side = 0; side < 2; side++) {
        rg_value y;
        if (!record(c, c->moved[side], &y))
            return false;
        if (rg_size(y) != c->out_size)
            return fail(c, RG_ERROR_ARGUMENT, "the function's result changes its size");
        rg_read(y, c->result[side]);
        rg_tape_rewind(c->tape, c->start);
    }
    *change = 0;
    for (int64_t i = 0; i < c->out_size; i++)
        if (c->result[0][i] != c->result[1][i]) /* equal infinities do not change */
            *change += c->upstream[i] * (c->result[0][i] - c->result[1][i]);
    return true;
}

/* ---- comparisons ---- */

static void compare(check *c, int input, int64_t element, double analytic, double numeric)
{
    rg_gradcheck_report *report = &c->report;
    bool same = analytic == numeric || (isnan(analytic) && isnan(numeric));
    double error = same ? 0 : fabs(analytic - numeric);
    double tolerance =
        c->options.absolute + c->options.relative * fmax(fabs(analytic), fabs(numeric));
    double badness = same ? 0 : isfinite(error) ? error / tolerance : INFINITY;
    report->checked++;
    if (badness > 1)
        report->failed++;
    if (report->checked > 1 && badness <= c->worst)
        return;
    c->worst = badness;
    report->input = input;
    report->element = element;
    report->analytic = analytic;
    report->numeric = numeric;
    report->error = error;
}

/* Moves element i of the arrays by `factor` steps to both sides; returns how far apart the two are
 * once they are rounded to the element type. */
static double move(check *c, int64_t i, rg_type type, double factor)
{
    double x = c->point[i], step = factor * c->options.step * fmax(1, fabs(x));
    double ahead = x + step, behind = x - step;
    c->moved[0][i] = type == RG_F32 ? (double)(float)ahead : ahead;
    c->moved[1][i] = type == RG_F32 ? (double)(float)behind : behind;
    return c->moved[0][i] - c->moved[1][i];
}

/* Both sides start from the point itself, so that what is constant stays there. */
static void stay(check *c)
{
    for (int side = 0; side < 2; side++)
        memcpy(c->moved[side], c->point, (size_t)c->size * sizeof(double));
}

static bool compare_elements(check *c)
{
    stay(c);
    int64_t place = 0;
    for (int k = 0; k < c->count; k++) {
        int64_t size = rg_size(c->value[k]);
        for (int64_t i = place; is_varied(&c->in[k]) && i < place + size; i++) {
            double distance = move(c, i, c->in[k].type, 1), change;
            if (!difference(c, &change))
                return false;
            compare(c, k, i - place, c->gradient[i], change / distance);
            c->moved[0][i] = c->moved[1][i] = c->point[i];
        }
        place += size;
    }
    return true;
}

/* Moves all varied inputs along a random direction; adds what the gradient says about it. Returns
 * how many elements were moved. */
static int64_t move_all(check *c, double *analytic)
{
    int64_t place = 0, moved = 0;
    for (int k = 0; k < c->count; k++) {
        int64_t size = rg_size(c->value[k]);
        for (int64_t i = place; is_varied(&c->in[k]) && i < place + size; i++, moved++)
            *analytic += c->gradient[i] * move(c, i, c->in[k].type, random_factor(c));
        place += size;
    }
    return moved;
}

static bool compare_directions(check *c)
{
    const double length = 2 * c->options.step;
    stay(c);
    for (int direction = 0; direction < c->options.directions; direction++) {
        double analytic = 0, change;
        if (move_all(c, &analytic) == 0)
            return true;
        if (!difference(c, &change))
            return false;
        compare(c, -1, -1, analytic / length, change / length);
    }
    return true;
}

/* ---- the report ---- */

static void describe(check *c)
{
    rg_gradcheck_report *report = &c->report;
    if (report->checked == 0) {
        fail(c, RG_OK, "there is nothing to compare");
        return;
    }
    char outcome[64], place[64] = "a direction";
    if (report->failed > 0)
        snprintf(outcome, sizeof outcome, "%" PRId64 " of %" PRId64 " comparisons fail",
                 report->failed, report->checked);
    else
        snprintf(outcome, sizeof outcome, "%" PRId64 " comparisons agree", report->checked);
    if (report->input >= 0)
        snprintf(place, sizeof place, "element %" PRId64 " of input %d", report->element,
                 report->input);
    snprintf(report->message, sizeof report->message,
             "gradcheck: %s, worst at %s: analytic %.9g, numeric %.9g, error %.3g%s", outcome,
             place, report->analytic, report->numeric, report->error,
             report->low_precision ? " (a coarse check, in float32)" : "");
    report->status = report->failed > 0 ? RG_ERROR_GRADIENT : RG_OK;
}

static void set_defaults(check *c, const rg_gradcheck_options *options)
{
    static const rg_gradcheck_options none;
    c->options = options ? *options : none;
    bool coarse = c->report.low_precision;
    if (c->options.step == 0)
        c->options.step = coarse ? 5e-3 : 6e-6;
    if (c->options.relative == 0)
        c->options.relative = coarse ? 1e-2 : 1e-6;
    if (c->options.absolute == 0)
        c->options.absolute = coarse ? 1e-3 : 1e-8;
    if (c->options.directions == 0)
        c->options.directions = 8;
}

static bool check_options(check *c)
{
    const rg_gradcheck_options *o = &c->options;
    if (!(o->step > 0 && o->relative > 0 && o->absolute > 0 && o->directions > 0))
        return fail(c, RG_ERROR_ARGUMENT, "an option is negative or NaN");
    if (o->mode != RG_GRADCHECK_ELEMENTS && o->mode != RG_GRADCHECK_PROJECTION)
        return fail(c, RG_ERROR_ARGUMENT, "there is no such mode");
    return true;
}

static void run(check *c, const rg_gradcheck_options *options)
{
    if (!record_inputs(c))
        return;
    set_defaults(c, options);
    c->random = rg_random_create(c->options.seed);
    if (!check_options(c) || !copy_inputs(c) || !sweep(c))
        return;
    if (c->options.mode == RG_GRADCHECK_ELEMENTS ? compare_elements(c) : compare_directions(c))
        describe(c);
}

rg_status rg_gradcheck(rg_gradcheck_function *f, void *context, const rg_gradcheck_input *in,
                       int count, const rg_gradcheck_options *options, rg_gradcheck_report *report)
{
    check c = {.f = f, .context = context, .in = in, .count = count};
    c.report.input = -1;
    c.report.element = -1;
    if (!f || count < 0 || (count > 0 && !in)) {
        fail(&c, RG_ERROR_ARGUMENT, "the function or the inputs are missing");
    } else {
        size_t bytes = ((size_t)count + 1) * sizeof *c.value;
        c.value = rgi_alloc(NULL, bytes);
        c.tape = rg_tape_create();
        if (c.value)
            run(&c, options);
        else
            fail(&c, RG_ERROR_MEMORY, "there is no memory for the inputs");
        rgi_free(NULL, c.point, input_bytes(&c));
        rgi_free(NULL, c.upstream, result_bytes(&c));
        rgi_free(NULL, c.value, bytes);
        rg_tape_destroy(c.tape);
    }
    if (report)
        *report = c.report;
    return c.report.status;
}
