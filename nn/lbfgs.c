#include "lbfgs.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lbfgs_state.h"

/* A point on the line: the step length, the loss there and its derivative along the line. */
typedef struct point {
    double step, loss, slope;
} point;

/* A line search under way. */
typedef struct search {
    rg_lbfgs *lbfgs;
    rg_closure *closure;
    void *context;
    point start, last; /* the point last evaluated */
    int64_t left;      /* evaluations */
} search;

/* ---- making and freeing ---- */

static rg_status check(const rg_params *params, const rg_lbfgs_options *o, rg_error *error)
{
    if (!params)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "lbfgs: the parameters are NULL");
    if (o->history < 1 || o->iterations < 1 || o->evaluations < 1)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "lbfgs: history %" PRId64 ", iterations %" PRId64
                        " and evaluations %" PRId64 " must all be 1 or more",
                        o->history, o->iterations, o->evaluations);
    if (!(o->decrease > 0 && o->decrease < o->curvature && o->curvature < 1))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "lbfgs: decrease %g and curvature %g must be above 0, below 1 and in "
                        "this order",
                        o->decrease, o->curvature);
    if (!(o->tolerance >= 0 && o->tolerance < INFINITY))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "lbfgs: the tolerance is %g; it must be finite and 0 or more",
                        o->tolerance);
    return RG_OK;
}

static rg_lbfgs_options complete(const rg_lbfgs_options *options)
{
    rg_lbfgs_options o = options ? *options : (rg_lbfgs_options){0};
    o.history = o.history == 0 ? 10 : o.history;
    o.iterations = o.iterations == 0 ? 20 : o.iterations;
    o.evaluations = o.evaluations == 0 ? 25 : o.evaluations;
    o.decrease = o.decrease == 0 ? 1e-4 : o.decrease;
    o.curvature = o.curvature == 0 ? 0.9 : o.curvature;
    return o;
}

static void place_vectors(rg_lbfgs *lbfgs)
{
    const size_t size = lbfgs->size, history = (size_t)lbfgs->options.history;
    lbfgs->x = lbfgs->numbers;
    lbfgs->g = lbfgs->x + size;
    lbfgs->direction = lbfgs->g + size;
    lbfgs->trial_g = lbfgs->direction + size;
    lbfgs->steps = lbfgs->trial_g + size;
    lbfgs->changes = lbfgs->steps + history * size;
    lbfgs->weight = lbfgs->changes + history * size;
}

rg_lbfgs *rgi_lbfgs_create(rg_params *params, const rg_lbfgs_options *options, rg_error *error)
{
    if (check(params, options, error) != RG_OK)
        return NULL;
    const size_t size = (size_t)rg_params_size(params), history = (size_t)options->history;
    const size_t most = (SIZE_MAX - sizeof(rg_lbfgs)) / sizeof(double);
    const rg_allocator *allocator = rg_params_allocator(params);
    const bool fits = history <= most / 4 && size <= (most - history) / (4 + 2 * history);
    const size_t bytes = sizeof(rg_lbfgs) + ((4 + 2 * history) * size + history) * sizeof(double);
    rg_lbfgs *lbfgs = fits ? rgi_alloc(allocator, bytes) : NULL;
    if (!lbfgs) {
        rgi_set_error(error, RG_ERROR_MEMORY,
                      "lbfgs: there is no memory for %zu elements and a history of %" PRId64, size,
                      options->history);
        return NULL;
    }
    memset(lbfgs, 0, sizeof *lbfgs);
    lbfgs->params = params;
    lbfgs->allocator = allocator;
    lbfgs->options = *options;
    lbfgs->count = rg_params_count(params);
    lbfgs->size = size;
    lbfgs->bytes = bytes;
    place_vectors(lbfgs);
    return lbfgs;
}

rg_lbfgs *rg_lbfgs_create(rg_params *params, const rg_lbfgs_options *options, rg_error *error)
{
    const rg_lbfgs_options o = complete(options);
    return rgi_lbfgs_create(params, &o, error);
}

void rg_lbfgs_destroy(rg_lbfgs *lbfgs)
{
    if (lbfgs)
        rgi_free(lbfgs->allocator, lbfgs, lbfgs->bytes);
}

/* ---- vectors ---- */

static double dot(const double *a, const double *b, size_t size)
{
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += a[i] * b[i];
    return sum;
}

/* y += a x. */
static void add_multiple(double *y, double a, const double *x, size_t size)
{
    for (size_t i = 0; i < size; i++)
        y[i] += a * x[i];
}

static double largest(const double *x, size_t size)
{
    double size_of_largest = 0;
    for (size_t i = 0; i < size; i++)
        size_of_largest = fmax(size_of_largest, fabs(x[i]));
    return size_of_largest;
}

static double sum_of_sizes(const double *x, size_t size)
{
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += fabs(x[i]);
    return sum;
}

static void read_elements(const rg_lbfgs *lbfgs, double *out)
{
    for (int i = 0; i < lbfgs->count; i++) {
        rg_param *param = rg_params_at(lbfgs->params, i);
        rg_param_read(param, out);
        out += rg_param_size(param);
    }
}

/* Those of frozen parameters count as 0. */
static void read_gradients(const rg_lbfgs *lbfgs, double *out)
{
    for (int i = 0; i < lbfgs->count; i++) {
        rg_param *param = rg_params_at(lbfgs->params, i);
        if (rg_param_is_frozen(param))
            memset(out, 0, (size_t)rg_param_size(param) * sizeof *out);
        else
            rg_param_read_grad(param, out);
        out += rg_param_size(param);
    }
}

/* Puts the parameters at x + step direction, which is built in trial_g. */
static void move_to(rg_lbfgs *lbfgs, double step)
{
    double *point = lbfgs->trial_g;
    memcpy(point, lbfgs->x, lbfgs->size * sizeof *point);
    if (step != 0)
        add_multiple(point, step, lbfgs->direction, lbfgs->size);
    for (int i = 0; i < lbfgs->count; i++) {
        rg_param *param = rg_params_at(lbfgs->params, i);
        if (!rg_param_is_frozen(param))
            rg_param_write(param, point);
        point += rg_param_size(param);
    }
}

/* The loss where the parameters are, and its gradient in `g`. */
static rg_status evaluate(const search *s, double *loss, double *g)
{
    *loss = NAN;
    for (int i = 0; i < s->lbfgs->count; i++)
        rg_param_zero_grad(rg_params_at(s->lbfgs->params, i));
    rg_status status = s->closure(s->context, loss);
    read_gradients(s->lbfgs, g);
    return status;
}

/* ---- direction ---- */

static size_t place_of(const rg_lbfgs *lbfgs, int64_t age)
{
    const int64_t history = lbfgs->options.history;
    return (size_t)((lbfgs->newest - age + history) % history);
}

double *rgi_lbfgs_step(const rg_lbfgs *lbfgs, int64_t age)
{
    return lbfgs->steps + place_of(lbfgs, age) * lbfgs->size;
}

double *rgi_lbfgs_change(const rg_lbfgs *lbfgs, int64_t age)
{
    return lbfgs->changes + place_of(lbfgs, age) * lbfgs->size;
}

/* The two loops: minus an approximation of the inverse Hessian times g. */
static void find_direction(rg_lbfgs *lbfgs)
{
    const size_t size = lbfgs->size;
    double *d = lbfgs->direction;
    for (size_t i = 0; i < size; i++)
        d[i] = -lbfgs->g[i];
    for (int64_t age = 0; age < lbfgs->pairs; age++) {
        const double *s = rgi_lbfgs_step(lbfgs, age), *y = rgi_lbfgs_change(lbfgs, age);
        lbfgs->weight[age] = dot(s, d, size) / dot(s, y, size);
        add_multiple(d, -lbfgs->weight[age], y, size);
    }
    if (lbfgs->pairs > 0) {
        const double *s = rgi_lbfgs_step(lbfgs, 0), *y = rgi_lbfgs_change(lbfgs, 0);
        const double scale = dot(s, y, size) / dot(y, y, size);
        for (size_t i = 0; i < size; i++)
            d[i] *= scale;
    }
    for (int64_t age = lbfgs->pairs - 1; age >= 0; age--) {
        const double *s = rgi_lbfgs_step(lbfgs, age), *y = rgi_lbfgs_change(lbfgs, age);
        add_multiple(d, lbfgs->weight[age] - dot(y, d, size) / dot(s, y, size), s, size);
    }
}

/* Takes down how the parameters and the gradient have changed from x and g. Changes with which the
 * approximation would not stay positive, where a search ended early, let all be forgotten. */
static void remember(rg_lbfgs *lbfgs)
{
    const size_t size = lbfgs->size;
    double *s = rgi_lbfgs_step(lbfgs, -1), *y = rgi_lbfgs_change(lbfgs, -1);
    read_elements(lbfgs, s);
    add_multiple(s, -1, lbfgs->x, size);
    memcpy(y, lbfgs->trial_g, size * sizeof *y);
    add_multiple(y, -1, lbfgs->g, size);
    if (!(dot(s, y, size) > DBL_EPSILON * dot(y, y, size))) {
        lbfgs->pairs = 0;
        return;
    }
    lbfgs->newest = (lbfgs->newest + 1) % lbfgs->options.history;
    if (lbfgs->pairs < lbfgs->options.history)
        lbfgs->pairs++;
}

/* ---- line search ---- */

static rg_status try_step(search *s, double step, point *p)
{
    rg_lbfgs *lbfgs = s->lbfgs;
    s->left--;
    move_to(lbfgs, step);
    p->step = step;
    rg_status status = evaluate(s, &p->loss, lbfgs->trial_g);
    p->slope = dot(lbfgs->trial_g, lbfgs->direction, lbfgs->size);
    if (!isfinite(p->loss) || !isfinite(p->slope))
        p->loss = INFINITY;
    s->last = *p;
    return status;
}

/* Wolfe's first condition, and his second in the strong form. */
static bool is_low(const search *s, const point *p)
{
    return p->loss <= s->start.loss + s->lbfgs->options.decrease * p->step * s->start.slope;
}

static bool is_flat(const search *s, const point *p)
{
    return fabs(p->slope) <= -s->lbfgs->options.curvature * s->start.slope;
}

/* Where the cubic through both points with their slopes is least, but not too near to either; the
 * middle where there is no such place. */
static double between(const point *a, const point *b)
{
    enum { NEAREST = 20 }; /* no nearer than this part of the distance */
    const double width = b->step - a->step, margin = fabs(width) / NEAREST;
    const double d1 = a->slope + b->slope - 3 * (a->loss - b->loss) / (a->step - b->step);
    const double d2 = copysign(sqrt(d1 * d1 - a->slope * b->slope), width);
    const double least = b->step - width * (b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2);
    const double low = fmin(a->step, b->step), high = fmax(a->step, b->step);
    if (!(least >= low && least <= high))
        return low + (high - low) / 2;
    return fmin(fmax(least, low + margin), high - margin);
}

/* A step between `low`, the lowest known that satisfies the first condition, and `high`, where the
 * loss is higher or rises again; the lowest known if evaluations or digits come to an end. */
static rg_status zoom(search *s, point low, point high, point *found)
{
    while (s->left > 0 && fabs(high.step - low.step) > DBL_EPSILON * fmax(high.step, low.step)) {
        point p;
        rg_status status = try_step(s, between(&low, &high), &p);
        if (status != RG_OK)
            return status;
        if (!is_low(s, &p) || p.loss >= low.loss) {
            high = p;
            continue;
        }
        if (p.slope * (high.step - low.step) >= 0)
            high = low;
        low = p;
        if (is_flat(s, &p))
            break;
    }
    *found = low;
    return low.step == 0 || low.step == s->last.step ? RG_OK : try_step(s, low.step, found);
}

/* A step length that satisfies both conditions, where the parameters and trial_g then are; or one
 * that satisfies the first; or 0. */
static rg_status search_line(search *s, double step, point *found)
{
    point before = s->start;
    while (s->left > 0) {
        point p;
        rg_status status = try_step(s, step, &p);
        if (status != RG_OK)
            return status;
        if (!is_low(s, &p) || (before.step > 0 && p.loss >= before.loss))
            return zoom(s, before, p, found);
        if (p.slope >= 0 && !is_flat(s, &p))
            return zoom(s, p, before, found);
        before = p;
        if (is_flat(s, &p))
            break;
        step *= 2;
    }
    *found = before;
    return RG_OK;
}

/* ---- iterations ---- */

/* From x, g and *loss to those after a step. Without progress the parameters stay, and *done is set
 * unless what is remembered may have been the reason; it then is forgotten. */
static rg_status iterate(search *s, double *loss, bool *done)
{
    rg_lbfgs *lbfgs = s->lbfgs;
    const double first = lbfgs->pairs > 0 ? 1 : fmin(1, 1 / sum_of_sizes(lbfgs->g, lbfgs->size));
    find_direction(lbfgs);
    point found = {0};
    s->start = s->last = (point){0, *loss, dot(lbfgs->g, lbfgs->direction, lbfgs->size)};
    s->left = lbfgs->options.evaluations;
    rg_status status = s->start.slope < 0 ? search_line(s, first, &found) : RG_OK;
    if (status != RG_OK || found.step == 0 || !(found.loss < *loss)) {
        move_to(lbfgs, 0);
        *done = lbfgs->pairs == 0;
        lbfgs->pairs = 0;
        return status;
    }
    remember(lbfgs);
    read_elements(lbfgs, lbfgs->x);
    memcpy(lbfgs->g, lbfgs->trial_g, lbfgs->size * sizeof *lbfgs->g);
    *loss = found.loss;
    return RG_OK;
}

rg_status rg_lbfgs_step(rg_lbfgs *lbfgs, rg_closure *closure, void *context, double *loss)
{
    search s = {.lbfgs = lbfgs, .closure = closure, .context = context};
    double value;
    bool done = false;
    read_elements(lbfgs, lbfgs->x);
    rg_status status = evaluate(&s, &value, lbfgs->g);
    if (status == RG_OK && !(isfinite(value) && isfinite(sum_of_sizes(lbfgs->g, lbfgs->size))))
        status = RG_ERROR_NUMERIC;
    for (int64_t i = 0; i < lbfgs->options.iterations && status == RG_OK && !done; i++) {
        done = !(largest(lbfgs->g, lbfgs->size) > lbfgs->options.tolerance);
        if (!done)
            status = iterate(&s, &value, &done);
    }
    if (loss)
        *loss = value;
    return status;
}
