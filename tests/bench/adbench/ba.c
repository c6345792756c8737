/*
 * ba.c: bundle adjustment: the errors of points seen by cameras, and their sparse Jacobian.
 *
 *     adbench_ba INPUT --objective | --jacobian [--out FILE] [--time SECONDS]
 *
 * INPUT holds one camera, point, weight and feature that stand for all of them, or, told by its
 * length, all of them with the pairs of camera and point that were observed.
 */
#include <math.h>
#include <stdint.h>

#include "harness.h"
#include "text.h"

enum { CAMERA = 11, POINT = 3, FEATURE = 2, UNKNOWNS = CAMERA + POINT + 1 };

/* The program: one observation with its feature, and the slopes of its errors. It runs over blocks,
 * whose rows are a little longer so that they do not compete for the same lines of the cache. */
enum { INPUTS = UNKNOWNS + FEATURE, SLOPES = 2 * UNKNOWNS + 1, BLOCK = 256, ROW = BLOCK + 8 };

typedef struct ba {
    size_t n, m, p; /* cameras, points, observations */
    const double *cameras, *points, *weights, *features;
    size_t *camera, *point; /* of each observation */
    compiled slopes;
    double *gathered; /* the inputs and the outputs of a block of observations */
} ba;

/* ---- reading ---- */

/* `count` copies of the next block of numbers. */
static const double *repeat(numbers *input, size_t count, size_t block)
{
    const double *one = take_numbers(input, block);
    double *all = new_doubles(size_times(count, block));
    for (size_t i = 0; i < count * block; i++)
        all[i] = one[i % block];
    return all;
}

static void read_repeated(ba *ba, numbers *input)
{
    ba->cameras = repeat(input, ba->n, CAMERA);
    ba->points = repeat(input, ba->m, POINT);
    ba->weights = repeat(input, ba->p, 1);
    ba->features = repeat(input, ba->p, FEATURE);
    for (size_t i = 0; i < ba->p; i++) {
        ba->camera[i] = i % ba->n;
        ba->point[i] = i % ba->m;
    }
}

static size_t take_index(numbers *input, const char *name, size_t count)
{
    size_t index = take_size(input, name, 0);
    if (index >= count)
        stop(STOP_INPUT, "%s: %s is %zu, but there are only %zu", input->path, name, index, count);
    return index;
}

static void read_full(ba *ba, numbers *input)
{
    ba->cameras = take_numbers(input, ba->n * CAMERA);
    ba->points = take_numbers(input, ba->m * POINT);
    ba->weights = take_numbers(input, ba->p);
    for (size_t i = 0; i < ba->p; i++) {
        ba->camera[i] = take_index(input, "an observation's camera", ba->n);
        ba->point[i] = take_index(input, "an observation's point", ba->m);
    }
    ba->features = take_numbers(input, ba->p * FEATURE);
}

static void read_ba(ba *ba, const char *path)
{
    numbers input = read_numbers(path);
    ba->n = take_size(&input, "n", 1);
    ba->m = take_size(&input, "m", 1);
    ba->p = take_size(&input, "p", 1);
    size_t full = size_plus(size_times(ba->n, CAMERA), size_times(ba->m, POINT));
    full = size_plus(3, size_plus(full, size_times(ba->p, 1 + 2 + FEATURE)));
    int repeated = input.count == 3 + CAMERA + POINT + 1 + FEATURE;
    if (!repeated)
        expect_count(&input, full);
    ba->camera = new_array(ba->p, sizeof *ba->camera);
    ba->point = new_array(ba->p, sizeof *ba->point);
    if (repeated)
        read_repeated(ba, &input);
    else
        read_full(ba, &input);
}

/* ---- the objective ---- */

static void cross(const double *a, const double *b, double *out)
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

static void rotate(const double *r, const double *v, double *out)
{
    double square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    double by[3];
    if (square == 0) {
        cross(r, v, by);
        for (int i = 0; i < 3; i++)
            out[i] = v[i] + by[i];
        return;
    }
    double angle = sqrt(square), c = cos(angle), s = sin(angle);
    double axis[3] = {r[0] / angle, r[1] / angle, r[2] / angle};
    double along = (axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2]) * (1 - c);
    cross(axis, v, by);
    for (int i = 0; i < 3; i++)
        out[i] = c * v[i] + s * by[i] + along * axis[i];
}

static void project(const double *camera, const double *point, double *out)
{
    double from[3], seen[3];
    for (int i = 0; i < 3; i++)
        from[i] = point[i] - camera[3 + i];
    rotate(camera, from, seen);
    double a = seen[0] / seen[2], b = seen[1] / seen[2], square = a * a + b * b;
    double distortion = 1 + square * (camera[9] + square * camera[10]);
    out[0] = camera[6] * distortion * a + camera[7];
    out[1] = camera[6] * distortion * b + camera[8];
}

static void objective(void *problem, double *out)
{
    const ba *ba = problem;
    for (size_t i = 0; i < ba->p; i++) {
        double w = ba->weights[i], at[2];
        project(ba->cameras + CAMERA * ba->camera[i], ba->points + POINT * ba->point[i], at);
        out[2 * i] = w * (at[0] - ba->features[2 * i]);
        out[2 * i + 1] = w * (at[1] - ba->features[2 * i + 1]);
        out[2 * ba->p + i] = 1 - w * w;
    }
}

/* ---- the derivative ---- */

static void record_cross(const rg_value *a, const rg_value *b, rg_value *out)
{
    out[0] = rg_sub(rg_mul(a[1], b[2]), rg_mul(a[2], b[1]));
    out[1] = rg_sub(rg_mul(a[2], b[0]), rg_mul(a[0], b[2]));
    out[2] = rg_sub(rg_mul(a[0], b[1]), rg_mul(a[1], b[0]));
}

static rg_value record_dot(const rg_value *a, const rg_value *b)
{
    return rg_add(rg_add(rg_mul(a[0], b[0]), rg_mul(a[1], b[1])), rg_mul(a[2], b[2]));
}

/* Both formulas and a choice, so that one recording serves every rotation: the angle is 1 where the
 * other formula applies. The axis is not formed and 1 - cos t is 2 sin(t / 2)^2, so that no digits
 * are lost at small angles t. */
static void record_rotate(const rg_value *r, const rg_value *v, rg_value *out)
{
    rg_value square = record_dot(r, r), none = rg_equal(square, 0), across[3];
    rg_value t = rg_sqrt(rg_where(none, 1, square)), half = rg_sin(rg_mul(0.5, t));
    rg_value c = rg_sub(1, rg_mul(2, rg_square(half))), s = rg_div(rg_sin(t), t);
    rg_value along = rg_mul(rg_mul(2, rg_square(rg_div(half, t))), record_dot(r, v));
    record_cross(r, v, across);
    for (int i = 0; i < 3; i++) {
        rg_value turned = rg_add(rg_mul(c, v[i]), rg_mul(s, across[i]));
        turned = rg_add(turned, rg_mul(along, r[i]));
        out[i] = rg_where(none, rg_add(v[i], across[i]), turned);
    }
}

/* The three errors of one observation from its camera, point and weight, and the feature. */
static void record(const rg_value *x, rg_value *errors)
{
    const rg_value *camera = x, *point = x + CAMERA, *feature = x + UNKNOWNS;
    rg_value w = x[CAMERA + POINT], from[3], seen[3];
    for (int i = 0; i < 3; i++)
        from[i] = rg_sub(point[i], camera[3 + i]);
    record_rotate(camera, from, seen);
    rg_value at[2] = {rg_div(seen[0], seen[2]), rg_div(seen[1], seen[2])};
    rg_value square = rg_add(rg_square(at[0]), rg_square(at[1]));
    rg_value slope = rg_add(camera[9], rg_mul(square, camera[10]));
    rg_value scale = rg_mul(camera[6], rg_add(1, rg_mul(square, slope)));
    for (int i = 0; i < 2; i++) {
        rg_value projected = rg_add(rg_mul(scale, at[i]), camera[7 + i]);
        errors[i] = rg_mul(w, rg_sub(projected, feature[i]));
    }
    errors[2] = rg_sub(1, rg_square(w));
}

/* Compiles the slopes of one observation's errors. */
static void set_up(void *problem)
{
    ba *ba = problem;
    rg_tape *tape = new_tape();
    rg_value x[INPUTS], errors[3], slopes[SLOPES];
    for (int i = 0; i < INPUTS; i++)
        x[i] = rg_input(tape, 1);
    record(x, errors);
    for (int i = 0; i < 2; i++)
        rg_grad_values(errors[i], (rg_value){0}, UNKNOWNS, x, slopes + UNKNOWNS * i);
    rg_grad_values(errors[2], (rg_value){0}, 1, x + CAMERA + POINT, slopes + 2 * UNKNOWNS);
    stop_on_tape_error(tape);
    ba->slopes = compile(SLOPES, slopes, INPUTS, x, 0, NULL);
    ba->gathered = new_doubles((INPUTS + SLOPES) * ROW);
}

/* The inputs of `count` observations from `first` on, each kind of number in a row. */
static void gather(const ba *ba, size_t first, size_t count, double *to)
{
    for (size_t i = 0; i < count; i++, to++) {
        size_t at = first + i;
        for (size_t k = 0; k < CAMERA; k++)
            to[k * ROW] = ba->cameras[CAMERA * ba->camera[at] + k];
        for (size_t k = 0; k < POINT; k++)
            to[(CAMERA + k) * ROW] = ba->points[POINT * ba->point[at] + k];
        to[(CAMERA + POINT) * ROW] = ba->weights[at];
        for (size_t k = 0; k < FEATURE; k++)
            to[(UNKNOWNS + k) * ROW] = ba->features[FEATURE * at + k];
    }
}

/* The values of the sparse Jacobian: 2 x 15 an observation, then one for each weight. */
static void derivative(void *problem, double *out)
{
    const ba *ba = problem;
    const double *in[INPUTS];
    double *slopes[SLOPES], *results = ba->gathered + INPUTS * ROW;
    for (size_t k = 0; k < INPUTS; k++)
        in[k] = ba->gathered + k * ROW;
    for (size_t k = 0; k < SLOPES; k++)
        slopes[k] = results + k * ROW;
    for (size_t first = 0; first < ba->p; first += BLOCK) {
        size_t count = ba->p - first < BLOCK ? ba->p - first : BLOCK;
        gather(ba, first, count, ba->gathered);
        slopes[SLOPES - 1] = out + 2 * UNKNOWNS * ba->p + first;
        stop_on_error(
            rg_program_value_batch(ba->slopes.program, ba->slopes.workspace, count, in, slopes));
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < 2 * UNKNOWNS; k++)
                out[(first + i) * 2 * UNKNOWNS + k] = slopes[k][i];
    }
}

/* ---- writing ---- */

static void write_errors(FILE *stream, const bench *bench, const double *errors)
{
    const ba *ba = bench->problem;
    fputs("Reprojection error:\n", stream);
    write_numbers(stream, 2 * ba->p, errors);
    fputs("Zach weight error:\n", stream);
    write_numbers(stream, ba->p, errors + 2 * ba->p);
}

/* Compressed rows: two with 15 entries for each observation, then one with one for each weight. */
static void write_jacobian(FILE *stream, const bench *bench, const double *values)
{
    const ba *ba = bench->problem;
    size_t p = ba->p, count = (2 * UNKNOWNS + 1) * p;
    size_t points = CAMERA * ba->n, weights = points + POINT * ba->m;
    fprintf(stream, "%zu %zu\n%zu\n", 3 * p, weights + p, 3 * p + 1);
    for (size_t row = 0; row <= 3 * p; row++)
        fprintf(stream, "%zu ", row <= 2 * p ? UNKNOWNS * row : 2 * (UNKNOWNS - 1) * p + row);
    fprintf(stream, "\n%zu\n", count);
    for (size_t row = 0; row < 2 * p; row++) {
        for (size_t k = 0; k < CAMERA; k++)
            fprintf(stream, "%zu ", CAMERA * ba->camera[row / 2] + k);
        for (size_t k = 0; k < POINT; k++)
            fprintf(stream, "%zu ", points + POINT * ba->point[row / 2] + k);
        fprintf(stream, "%zu ", weights + row / 2);
    }
    for (size_t i = 0; i < p; i++)
        fprintf(stream, "%zu ", weights + i);
    fputc('\n', stream);
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "%.17g ", values[i]);
    fputc('\n', stream);
}

int main(int argc, char **argv)
{
    static ba ba;
    arguments arguments = read_arguments(argc, argv, TAKES_MODE);
    read_ba(&ba, arguments.input);
    size_t values = (2 * UNKNOWNS + 1) * ba.p;
    bench bench = {.name = "ba",
                   .problem = &ba,
                   .setup = set_up,
                   .primal = 1,
                   .count = 2,
                   .answers = {{.key = "objective", .rows = 3 * ba.p, .compute = objective},
                               {.key = "jacobian", .rows = values, .compute = derivative}}};
    return run_bench(&arguments, &bench, write_errors, write_jacobian);
}
