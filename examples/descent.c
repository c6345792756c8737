/*
 * descent.c: four ways down the same hill: gradient descent with all examples a step, the same with
 * momentum, with ten examples a step, and with one.
 *
 * The hill is the loss of a line w x + b on noisy points, J = mean (w x + b - y)^2 over two
 * parameters, which has an exact solution and lines of equal height that are ellipses. One picture
 * shows how J falls over the passes through the data, the other the paths over the lines of equal
 * J: all examples give the gradient itself, straight down but crosswise to the valley; momentum
 * adds up what steps have in common; few examples give a guess that is cheap, so that one pass is
 * many steps, but settles only if the rate falls to 0.
 */
#include <reelgrad.h>

#include "options.h"
#include "picture.h"

static const double first_w = -1, first_b = 4;

/* ---- the hill ---- */

/* J = least + xx (w - w*)^2 + 2 x (w - w*) (b - b*) + (b - b*)^2, where w* and b* solve the problem
 * and xx, x are the means of x^2 and x. */
typedef struct hill {
    double w, b, least, xx, x;
} hill;

static double height(const hill *h, double w, double b)
{
    double dw = w - h->w, db = b - h->b;
    return h->xx * dw * dw + 2 * h->x * dw * db + db * db;
}

static rg_status create_points(rg_dataset **out, int64_t count, uint64_t seed, rg_error *error)
{
    rg_status status = rg_dataset_create(out, NULL, RG_F64, count, 1, 0, 1, error);
    if (status != RG_OK)
        return status;
    rg_random random = rg_random_create(seed);
    double *x = (*out)->inputs, *y = (*out)->targets;
    for (int64_t i = 0; i < count; i++) {
        x[i] = 2 * rg_random_uniform(&random);
        y[i] = 2 * x[i] + 1 + 0.3 * rg_random_normal(&random);
    }
    return RG_OK;
}

/* The normal equations: xx w + x b = mean x y, x w + b = mean y. */
static hill solve(const rg_dataset *points)
{
    const double *x = points->inputs, *y = points->targets;
    double xx = 0, mean_x = 0, xy = 0, yy = 0, mean_y = 0, m = (double)points->count;
    for (int64_t i = 0; i < points->count; i++) {
        mean_x += x[i] / m;
        mean_y += y[i] / m;
        xx += x[i] * x[i] / m;
        xy += x[i] * y[i] / m;
        yy += y[i] * y[i] / m;
    }
    hill h = {.xx = xx, .x = mean_x};
    h.w = (xy - mean_x * mean_y) / (xx - mean_x * mean_x);
    h.b = mean_y - h.w * mean_x;
    h.least = yy - h.w * xy - h.b * mean_y;
    return h;
}

/* ---- the ways ---- */

typedef struct way {
    const char *name;
    int64_t batch; /* 0: all */
    double rate, momentum;
    int falls; /* the rate, in a straight line to 0 */
} way;

/* The noisiest first: what is drawn later covers it. */
static const way ways[] = {{"one at a time", 1, 0.05, 0, 1},
                           {"mini-batches of 10", 10, 0.1, 0, 1},
                           {"all examples", 0, 0.4, 0, 0},
                           {"all, with momentum", 0, 0.1, 0.8, 0}};
enum { WAYS = sizeof ways / sizeof *ways };

/* A way as it is gone. Each place has its w, b, height above the lowest and passes made. */
typedef struct path {
    const way *way;
    const hill *hill;
    rg_mlp *mlp;
    rg_optimizer *optimizer;
    int64_t epochs, steps; /* steps a pass */
    int64_t count;
    double *w, *b, *above, *passes; /* one block of memory */
} path;

static void add_place(path *p)
{
    const rg_linear_layer *line = rg_mlp_layer(p->mlp, 0);
    int64_t i = p->count++;
    rg_param_read(line->weight, &p->w[i]);
    rg_param_read(line->bias, &p->b[i]);
    p->above[i] = height(p->hill, p->w[i], p->b[i]);
    p->passes[i] = (double)i / (double)p->steps;
}

/* Before each step: notes the place, sets the rate. */
static int note_step(void *context, const rg_step *step)
{
    path *p = context;
    const rg_schedule falling = {
        .kind = RG_SCHEDULE_LINEAR, .length = p->epochs * p->steps, .start = 1, .end = 0};
    int64_t t = (step->epoch - 1) * p->steps + step->step - 1;
    if (p->way->falls)
        rg_optimizer_set_rate(p->optimizer, rg_schedule_rate(&falling, p->way->rate, t));
    add_place(p);
    return 0;
}

/* Makes memory and a network of one neuron without activation, the line, at the first place. */
static rg_status prepare(path *p, const rg_dataset *points, rg_error *error)
{
    const int64_t widths[] = {1, 1};
    int64_t batch = p->way->batch > 0 ? p->way->batch : points->count;
    p->steps = (points->count - 1) / batch + 1;
    int64_t places = p->epochs * p->steps + 1;
    p->w = calloc((size_t)places, 4 * sizeof *p->w);
    if (!p->w) {
        snprintf(error->message, sizeof error->message, "no memory for %" PRId64 " places", places);
        return RG_ERROR_MEMORY;
    }
    p->b = p->w + places;
    p->above = p->b + places;
    p->passes = p->above + places;
    p->mlp = rg_mlp_create(&(rg_mlp_options){.widths = widths, .width_count = 2}, error);
    if (!p->mlp)
        return error->status;
    rg_init_constant(rg_mlp_layer(p->mlp, 0)->weight, first_w);
    rg_init_constant(rg_mlp_layer(p->mlp, 0)->bias, first_b);
    const rg_sgd_options sgd = {.rate = p->way->rate, .momentum = p->way->momentum};
    p->optimizer = rg_sgd_create(rg_mlp_params(p->mlp), &sgd, error);
    return p->optimizer ? RG_OK : error->status;
}

static rg_status go(path *p, const rg_dataset *points, uint64_t seed, rg_error *error)
{
    rg_status status = prepare(p, points, error);
    if (status != RG_OK)
        return status;
    const rg_train_options options = {.loss = RG_LOSS_MSE,
                                      .epochs = p->epochs,
                                      .batch = p->way->batch,
                                      .seed = seed,
                                      .on_step = note_step,
                                      .context = p};
    status = rg_train(p->mlp, p->optimizer, points, NULL, &options, NULL, error);
    if (status != RG_OK)
        return status;
    add_place(p);
    int64_t last = p->count - 1;
    printf("  %-19s %5" PRId64 " steps: w = %.6f, b = %.6f, J = %.3g above the least\n",
           p->way->name, last, p->w[last], p->b[last], p->above[last]);
    return RG_OK;
}

static void destroy(path *p)
{
    rg_optimizer_destroy(p->optimizer);
    rg_mlp_destroy(p->mlp);
    free(p->w);
}

/* ---- pictures ---- */

static rg_status draw_losses(const char *file, const path *paths, rg_error *error)
{
    rg_curve curves[WAYS];
    for (int k = 0; k < WAYS; k++)
        curves[k] = (rg_curve){ways[k].name, paths[k].passes, paths[k].above, paths[k].count};
    const rg_plot_options options = {.title = "How fast the loss falls",
                                     .x_label = "passes over the examples",
                                     .y_label = "loss above the least",
                                     .log_y = 1};
    return write_picture(file, curves, WAYS, &options, error);
}

enum { RINGS = 7, CORNERS = 96, RING = CORNERS + 2 };

/* Lines of equal height, of which the largest passes through the first place and each further one
 * has a third of its height. With the Cholesky factor L of ((xx, x), (x, 1)), the places of height
 * c are (w*, b*) + sqrt(c) L^-T u for all u of length 1. A NaN ends each ring. */
static void find_rings(const hill *h, double w[RINGS * RING], double b[RINGS * RING])
{
    double l11 = sqrt(h->xx), l21 = h->x / l11, l22 = sqrt(1 - l21 * l21);
    double radius = sqrt(height(h, first_w, first_b)), turn = 2 * acos(-1) / CORNERS;
    for (int ring = 0; ring < RINGS; ring++, radius /= sqrt(3))
        for (int i = 0; i < RING; i++) {
            double db = radius * sin(i * turn) / l22;
            double dw = (radius * cos(i * turn) - l21 * db) / l11;
            w[ring * RING + i] = i <= CORNERS ? h->w + dw : NAN;
            b[ring * RING + i] = h->b + db;
        }
}

static rg_status draw_paths(const char *file, const hill *h, const path *paths, rg_error *error)
{
    double w[RINGS * RING], b[RINGS * RING];
    find_rings(h, w, b);
    rg_curve curves[WAYS + 1] = {{"equal loss", w, b, RINGS * RING}};
    for (int k = 0; k < WAYS; k++)
        curves[1 + k] = (rg_curve){ways[k].name, paths[k].w, paths[k].b, paths[k].count};
    const rg_plot_options options = {
        .title = "Ways down to the least loss", .x_label = "w", .y_label = "b"};
    return write_picture(file, curves, WAYS + 1, &options, error);
}

static rg_status run(int64_t count, int64_t epochs, uint64_t seed, const char *out, rg_error *error)
{
    char losses[4096], places[4096];
    snprintf(losses, sizeof losses, "%s-losses.svg", out);
    snprintf(places, sizeof places, "%s-paths.svg", out);
    rg_dataset *points;
    path paths[WAYS] = {{0}};
    rg_status status = create_points(&points, count, seed, error);
    if (status != RG_OK)
        return status;
    hill h = solve(points);
    printf("  exact solution: w = %.6f, b = %.6f, J = %.6f\n", h.w, h.b, h.least);
    for (int k = 0; k < WAYS && status == RG_OK; k++) {
        paths[k] = (path){.way = &ways[k], .hill = &h, .epochs = epochs};
        status = go(&paths[k], points, seed, error);
    }
    if (status == RG_OK)
        status = draw_losses(losses, paths, error);
    if (status == RG_OK)
        status = draw_paths(places, &h, paths, error);
    for (int k = 0; k < WAYS; k++)
        destroy(&paths[k]);
    rg_dataset_destroy(points);
    return status;
}

enum { MAX = 100000 };

int main(int argc, char **argv)
{
    int64_t count = 50, epochs = 100, seed = 1;
    const char *out = "descent";
    read_options(argc, argv, "Gradient descent with all examples a step, with some, and with one.",
                 (const option[]){{"points", OPTION_COUNT, &count, "examples"},
                                  {"epochs", OPTION_COUNT, &epochs, "passes over them"},
                                  {"seed", OPTION_COUNT, &seed, "of examples and their order"},
                                  {"out", OPTION_TEXT, &out, "start of the SVG files' names"},
                                  {0}});
    if (count < 2 || count > MAX || epochs < 1 || epochs > MAX) {
        fprintf(stderr, "%s: --points expects 2 to %d, --epochs 1 to %d\n", argv[0], MAX, MAX);
        return 2;
    }
    rg_error error = {.status = RG_OK};
    rg_status status = run(count, epochs, (uint64_t)seed, out, &error);
    if (status != RG_OK)
        fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return status != RG_OK;
}
