/*
 * ht.c: hand tracking: how far measured points are from the hand in a pose.
 *
 *     adbench_ht INPUT --model DIR --objective | --jacobian [--out FILE] [--time SECONDS]
 *
 * Each point belongs to a vertex or, where INPUT has two more numbers u for each point, to a place
 * on a triangle. The Jacobian has a column for each number of the pose and, before them, two for
 * the point's own u.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "harness.h"
#include "ht_model.h"
#include "text.h"

enum { POSE = 26, PLACE = 2, FINGERS = 5 };

/* The inputs of the program of one error; all but the last have a slope. It runs over blocks. */
enum { AT_U, AT_CORNER = AT_U + PLACE, AT_POINT = AT_CORNER + 3, AT_END, BLOCK = 256 };

/* Shorter rotation vectors are no rotation at all. */
static const double least_angle = 0.0001;

typedef struct ht {
    hand_model model;
    size_t n, columns;
    const double *points; /* n x 3 */
    const double *places; /* n x 2, or NULL */
    const double *pose;
    size_t corners;           /* vertices of each point: 1 or 3 */
    size_t *corner;           /* n x corners: places in `used` */
    size_t *used, used_count; /* the vertices that are needed */
    double (*moved)[3];       /* for the objective: where they are */
    /* for the derivative */
    rg_tape *tape;
    rg_value (*recorded)[3]; /* the vertices */
    compiled vertices;       /* the same as functions of the pose */
    compiled slopes;         /* of the error of a point in one coordinate */
    double *entries;         /* of the sparse Jacobian of the vertices */
    double *block;           /* the inputs of the second program, and its outputs */
} ht;

/* ---- reading ---- */

static size_t take_correspondence(const char *path, double number, size_t count)
{
    if (!(number >= 0 && number < (double)count) || number != floor(number))
        stop(STOP_INPUT, "%s: the correspondence %g is not a whole number below %zu", path, number,
             count);
    return (size_t)number;
}

/* Numbers the vertices that are needed. */
static void collect_vertices(ht *ht)
{
    size_t *number = new_array(ht->model.vertex_count, sizeof *number);
    ht->used = new_array(ht->model.vertex_count, sizeof *ht->used);
    for (size_t i = 0; i < ht->n * ht->corners; i++) {
        size_t vertex = ht->corner[i];
        if (!number[vertex]) {
            ht->used[ht->used_count] = vertex;
            number[vertex] = ++ht->used_count;
        }
        ht->corner[i] = number[vertex] - 1;
    }
}

static void read_ht(ht *ht, const arguments *arguments)
{
    const char *path = arguments->input;
    numbers input = read_numbers(path);
    size_t n = ht->n = take_size(&input, "the number of points", 1);
    size_t pose = take_size(&input, "the number of pose parameters", 1);
    if (pose != POSE)
        stop(STOP_INPUT, "%s: has %zu pose parameters, not %d", path, pose, POSE);
    int simple = input.count == size_plus(2 + POSE, size_times(4, n));
    if (!simple)
        expect_count(&input, size_plus(2 + POSE, size_times(4 + PLACE, n)));
    read_model(&ht->model, arguments->model, !simple);
    ht->corners = simple ? 1 : 3;
    ht->columns = simple ? POSE : PLACE + POSE;
    ht->corner = new_array(size_times(n, ht->corners), sizeof *ht->corner);
    double *points = new_doubles(size_times(n, 3));
    for (size_t i = 0; i < n; i++) {
        const double *line = take_numbers(&input, 4);
        size_t count = simple ? ht->model.vertex_count : ht->model.triangle_count;
        size_t index = take_correspondence(path, line[0], count);
        memcpy(points + 3 * i, line + 1, 3 * sizeof *points);
        if (simple)
            ht->corner[i] = index;
        else
            memcpy(ht->corner + 3 * i, ht->model.triangles[index], 3 * sizeof *ht->corner);
    }
    ht->points = points;
    ht->places = simple ? NULL : take_numbers(&input, PLACE * n);
    ht->pose = take_numbers(&input, POSE);
    collect_vertices(ht);
}

/* The numbers of the pose that turn a bone about x and z; -1: none. */
static void angles_of(int bone, int *x, int *z)
{
    *x = *z = -1;
    if (bone == 0 || bone > 4 * FINGERS || bone % 4 == 1)
        return;
    int finger = (bone - 1) / 4, joint = (bone - 1) % 4;
    *x = 6 + 4 * finger + (joint == 1 ? 0 : joint);
    if (joint == 1)
        *z = *x + 1;
}

/* ---- the objective ---- */

/* Turns the columns a and b by an angle: a' = a cos + b sin, b' = b cos - a sin. */
static void turn(affine *map, int a, int b, double angle)
{
    double c = cos(angle), s = sin(angle);
    for (int i = 0; i < 12; i += 4) {
        double first = map->at[i + a], second = map->at[i + b];
        map->at[i + a] = first * c + second * s;
        map->at[i + b] = second * c - first * s;
    }
}

static affine compose(const affine *a, const affine *b)
{
    affine out;
    for (int i = 0; i < 12; i += 4)
        for (int j = 0; j < 4; j++)
            out.at[i + j] = a->at[i] * b->at[j] + a->at[i + 1] * b->at[4 + j] +
                            a->at[i + 2] * b->at[8 + j] + (j == 3 ? a->at[i + 3] : 0);
    return out;
}

/* How each bone moves the space around it. */
static void move_bones(const ht *ht, affine *moves)
{
    affine absolute[BONES];
    for (int k = 0; k < BONES; k++) {
        const bone *bone = &ht->model.bones[k];
        affine own = bone->relative;
        int x, z;
        angles_of(k, &x, &z);
        if (z >= 0)
            turn(&own, 0, 1, ht->pose[z]);
        if (x >= 0)
            turn(&own, 1, 2, ht->pose[x]);
        absolute[k] = bone->parent < 0 ? own : compose(&absolute[bone->parent], &own);
        moves[k] = compose(&absolute[k], &bone->inverse);
    }
}

/* The rotation about a vector by its length, and the translation that follows. */
static affine global_move(const double *pose)
{
    const double *g = pose;
    double angle = sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2]);
    affine out = {{1, 0, 0, pose[3], 0, 1, 0, pose[4], 0, 0, 1, pose[5]}};
    if (angle < least_angle)
        return out;
    double a[3] = {g[0] / angle, g[1] / angle, g[2] / angle};
    double c = cos(angle), s = sin(angle);
    for (int i = 0; i < 3; i++) {
        int next = (i + 1) % 3, last = (i + 2) % 3;
        out.at[5 * i] = c + (1 - c) * a[i] * a[i];
        out.at[4 * i + next] = (1 - c) * a[i] * a[next] - s * a[last];
        out.at[4 * next + i] = (1 - c) * a[i] * a[next] + s * a[last];
    }
    return out;
}

static void apply(const affine *map, const double *x, double *out)
{
    for (int i = 0; i < 3; i++)
        out[i] = map->at[4 * i] * x[0] + map->at[4 * i + 1] * x[1] + map->at[4 * i + 2] * x[2] +
                 map->at[4 * i + 3];
}

static void move_vertices(const ht *ht)
{
    affine moves[BONES], global = global_move(ht->pose);
    move_bones(ht, moves);
    for (size_t k = 0; k < ht->used_count; k++) {
        const vertex *vertex = &ht->model.vertices[ht->used[k]];
        const influence *influence = ht->model.influences + vertex->first;
        double sum[3] = {0};
        for (size_t i = 0; i < vertex->count; i++, influence++) {
            double moved[3];
            apply(&moves[influence->bone], vertex->rest, moved);
            for (int j = 0; j < 3; j++)
                sum[j] += influence->weight * moved[j];
        }
        apply(&global, sum, ht->moved[k]);
    }
}

static void objective(void *problem, double *out)
{
    const ht *ht = problem;
    move_vertices(ht);
    for (size_t i = 0; i < ht->n; i++) {
        const size_t *corner = ht->corner + ht->corners * i;
        for (size_t j = 0; j < 3; j++) {
            double at = ht->moved[corner[0]][j];
            if (ht->places) {
                const double *u = ht->places + PLACE * i;
                at = u[0] * at + u[1] * ht->moved[corner[1]][j] +
                     (1 - u[0] - u[1]) * ht->moved[corner[2]][j];
            }
            out[3 * i + j] = ht->points[3 * i + j] - at;
        }
    }
}

/* ---- the derivative ---- */

typedef struct recorded_affine {
    rg_value at[12];
} recorded_affine;

static recorded_affine record_affine(rg_tape *tape, const affine *map)
{
    recorded_affine out;
    for (int i = 0; i < 12; i++)
        out.at[i] = rg_constant(tape, map->at[i]);
    return out;
}

static void record_turn(recorded_affine *map, int a, int b, rg_value angle)
{
    rg_value c = rg_cos(angle), s = rg_sin(angle);
    for (int i = 0; i < 12; i += 4) {
        rg_value first = map->at[i + a], second = map->at[i + b];
        map->at[i + a] = rg_add(rg_mul(first, c), rg_mul(second, s));
        map->at[i + b] = rg_sub(rg_mul(second, c), rg_mul(first, s));
    }
}

static recorded_affine record_compose(const recorded_affine *a, const recorded_affine *b)
{
    recorded_affine out;
    for (int i = 0; i < 12; i += 4)
        for (int j = 0; j < 4; j++) {
            rg_value sum = rg_add(rg_mul(a->at[i], b->at[j]), rg_mul(a->at[i + 1], b->at[4 + j]));
            sum = rg_add(sum, rg_mul(a->at[i + 2], b->at[8 + j]));
            out.at[i + j] = j == 3 ? rg_add(sum, a->at[i + 3]) : sum;
        }
    return out;
}

static void record_bones(const ht *ht, const rg_value *pose, recorded_affine *moves)
{
    recorded_affine absolute[BONES];
    for (int k = 0; k < BONES; k++) {
        const bone *bone = &ht->model.bones[k];
        recorded_affine own = record_affine(ht->tape, &bone->relative);
        recorded_affine inverse = record_affine(ht->tape, &bone->inverse);
        int x, z;
        angles_of(k, &x, &z);
        if (z >= 0)
            record_turn(&own, 0, 1, pose[z]);
        if (x >= 0)
            record_turn(&own, 1, 2, pose[x]);
        absolute[k] = bone->parent < 0 ? own : record_compose(&absolute[bone->parent], &own);
        moves[k] = record_compose(&absolute[k], &inverse);
    }
}

/* Both formulas and a choice, so that one recording serves every pose: the angle is 1 where there
 * is no rotation. */
static recorded_affine record_global(const rg_value *pose)
{
    rg_value square = rg_add(rg_add(rg_square(pose[0]), rg_square(pose[1])), rg_square(pose[2]));
    rg_value still = rg_less(rg_sqrt(square), least_angle);
    rg_value angle = rg_sqrt(rg_where(still, 1, square)), c = rg_cos(angle), s = rg_sin(angle);
    rg_value rest = rg_sub(1, c), a[3];
    recorded_affine out;
    for (int i = 0; i < 3; i++) {
        a[i] = rg_div(pose[i], angle);
        out.at[4 * i + 3] = pose[3 + i];
    }
    for (int i = 0; i < 3; i++) {
        int next = (i + 1) % 3, last = (i + 2) % 3;
        rg_value both = rg_mul(rg_mul(rest, a[i]), a[next]), across = rg_mul(s, a[last]);
        out.at[5 * i] = rg_where(still, 1, rg_add(c, rg_mul(rest, rg_square(a[i]))));
        out.at[4 * i + next] = rg_where(still, 0, rg_sub(both, across));
        out.at[4 * next + i] = rg_where(still, 0, rg_add(both, across));
    }
    return out;
}

/* Turns what a bone does by the global rotation: cheaper once a bone than once a vertex. */
static void record_turned(const recorded_affine *global, recorded_affine *move)
{
    for (int j = 0; j < 4; j++) {
        rg_value column[3] = {move->at[j], move->at[4 + j], move->at[8 + j]};
        for (int i = 0; i < 3; i++) {
            const rg_value *row = global->at + 4 * i;
            rg_value sum = rg_add(rg_mul(row[0], column[0]), rg_mul(row[1], column[1]));
            move->at[4 * i + j] = rg_add(sum, rg_mul(row[2], column[2]));
        }
    }
}

static void record_vertices(const ht *ht, const rg_value *pose)
{
    recorded_affine moves[BONES], global = record_global(pose);
    record_bones(ht, pose, moves);
    for (int k = 0; k < BONES; k++)
        record_turned(&global, &moves[k]);
    for (size_t k = 0; k < ht->used_count; k++) {
        const vertex *vertex = &ht->model.vertices[ht->used[k]];
        const influence *influence = ht->model.influences + vertex->first;
        for (int j = 0; j < 3; j++) {
            rg_value sum = pose[3 + j];
            for (size_t i = 0; i < vertex->count; i++) {
                const rg_value *row = moves[influence[i].bone].at + 4 * j;
                double w = influence[i].weight;
                for (int axis = 0; axis < 3; axis++)
                    sum = rg_add(sum, rg_mul(w * vertex->rest[axis], row[axis]));
                sum = rg_add(sum, rg_mul(w, row[3]));
            }
            ht->recorded[k][j] = sum;
        }
    }
}

/* The error of a point in one coordinate: its own u, the coordinates of three vertices, and what
 * was measured. A point that belongs to a vertex is at u = (1, 0). */
static rg_value record_error(const rg_value *in)
{
    rg_value along = rg_mul(in[AT_U], rg_sub(in[AT_CORNER], in[AT_CORNER + 2]));
    rg_value across = rg_mul(in[AT_U + 1], rg_sub(in[AT_CORNER + 1], in[AT_CORNER + 2]));
    return rg_sub(in[AT_POINT], rg_add(rg_add(along, across), in[AT_CORNER + 2]));
}

/* Compiles the vertices as functions of the pose with their sparse Jacobian, and the slopes of an
 * error by u and the vertices. */
static void set_up(void *problem)
{
    ht *ht = problem;
    ht->tape = new_tape();
    ht->recorded = new_array(ht->used_count, sizeof *ht->recorded);
    rg_value pose[POSE], in[AT_END], slopes[AT_POINT];
    for (int k = 0; k < POSE; k++)
        pose[k] = rg_input(ht->tape, ht->pose[k]);
    record_vertices(ht, pose);
    for (int k = 0; k < AT_END; k++)
        in[k] = rg_input(ht->tape, 1);
    rg_grad_values(record_error(in), (rg_value){0}, AT_POINT, in, slopes);
    stop_on_tape_error(ht->tape);
    ht->vertices =
        compile(3 * ht->used_count, ht->recorded[0], POSE, pose, RG_PROGRAM_JACOBIAN, NULL);
    ht->slopes = compile(AT_POINT, slopes, AT_END, in, 0, NULL);
    ht->entries = new_doubles(rg_program_jacobian_pattern(ht->vertices.program)->count);
    ht->block = new_doubles((AT_END + AT_POINT) * BLOCK);
}

/* The inputs of the rows from `first` on. */
static void gather(const ht *ht, size_t first, size_t count, double *to)
{
    static const double at_vertex[PLACE] = {1, 0};
    for (size_t i = 0; i < count; i++, to++) {
        size_t point = (first + i) / 3, j = (first + i) % 3;
        const double *u = ht->places ? ht->places + PLACE * point : at_vertex;
        for (size_t k = 0; k < PLACE; k++)
            to[(AT_U + k) * BLOCK] = u[k];
        for (size_t k = 0; k < 3; k++) {
            size_t corner = ht->corner[ht->corners * point + (k < ht->corners ? k : 0)];
            to[(AT_CORNER + k) * BLOCK] = ht->moved[corner][j];
        }
        to[AT_POINT * BLOCK] = ht->points[3 * point + j];
    }
}

/* Row `row` from the slopes of its error, which lie BLOCK apart. */
static void write_row(const ht *ht, const rg_pattern *pattern, size_t row, const double *slopes,
                      double *out)
{
    if (ht->places)
        for (size_t k = 0; k < PLACE; k++)
            *out++ = slopes[(AT_U + k) * BLOCK];
    for (size_t k = 0; k < ht->corners; k++) {
        size_t line = 3 * ht->corner[ht->corners * (row / 3) + k] + row % 3;
        for (size_t i = pattern->start[line]; i < pattern->start[line + 1]; i++)
            out[pattern->column[i]] += slopes[(AT_CORNER + k) * BLOCK] * ht->entries[i];
    }
}

static void derivative(void *problem, double *out)
{
    const ht *ht = problem;
    const rg_pattern *pattern = rg_program_jacobian_pattern(ht->vertices.program);
    const double *in[AT_END];
    double *slopes[AT_POINT];
    for (size_t k = 0; k < AT_END; k++)
        in[k] = ht->block + k * BLOCK;
    for (size_t k = 0; k < AT_POINT; k++)
        slopes[k] = ht->block + (AT_END + k) * BLOCK;
    stop_on_error(rg_program_sparse_jacobian(ht->vertices.program, ht->vertices.workspace, ht->pose,
                                             ht->moved[0], ht->entries));
    memset(out, 0, 3 * ht->n * ht->columns * sizeof *out);
    for (size_t first = 0; first < 3 * ht->n; first += BLOCK) {
        size_t count = 3 * ht->n - first < BLOCK ? 3 * ht->n - first : BLOCK;
        gather(ht, first, count, ht->block);
        stop_on_error(
            rg_program_value_batch(ht->slopes.program, ht->slopes.workspace, count, in, slopes));
        for (size_t i = 0; i < count; i++, out += ht->columns)
            write_row(ht, pattern, first + i, slopes[0] + i, out);
    }
}

static void write_rows(FILE *stream, const bench *bench, const double *numbers)
{
    const ht *ht = bench->problem;
    for (size_t i = 0; i < 3 * ht->n; i++)
        for (size_t k = 0; k < ht->columns; k++)
            fprintf(stream, "%.17g%c", numbers[i * ht->columns + k],
                    k + 1 < ht->columns ? ' ' : '\n');
}

int main(int argc, char **argv)
{
    static ht ht;
    arguments arguments = read_arguments(argc, argv, TAKES_MODE | TAKES_MODEL);
    read_ht(&ht, &arguments);
    ht.moved = new_array(ht.used_count, sizeof *ht.moved);
    bench bench = {
        .name = "ht",
        .problem = &ht,
        .setup = set_up,
        .primal = 1,
        .count = 2,
        .answers = {
            {.key = "objective", .rows = 3 * ht.n, .compute = objective},
            {.key = "jacobian", .rows = 3 * ht.n, .columns = ht.columns, .compute = derivative}}};
    return run_bench(&arguments, &bench, NULL, write_rows);
}
