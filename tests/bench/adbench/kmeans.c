/*
 * kmeans.c: the squared distances of points to the nearest of some centroids, and the step of
 * Newton's method for the centroids: the gradient divided by the Hessian, which is diagonal.
 */
#include <math.h>
#include <string.h>

#include "json_problems.h"

typedef struct kmeans {
    size_t n, k, d;
    const double *points, *centroids;
    /* for the direction */
    size_t row;        /* n rounded up to blocks */
    double *columns;   /* d x row: the points, each coordinate in a row */
    double *nearest;   /* of each point the number of its centroid */
    double *members;   /* d x n: the points of one centroid after those of another */
    size_t *order;     /* the points in that order */
    size_t *first;     /* where those of each centroid begin */
    compiled distance; /* of a point from its centroid, with its slopes: see set_up */
    const double **in;
    double **slopes;
    double *curvature; /* d numbers */
} kmeans;

/* So many points are compared at once. */
enum { BLOCK = 8 };

static double square_distance(size_t d, const double *a, const double *b)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        double difference = a[j] - b[j];
        sum += difference * difference;
    }
    return sum;
}

static void cost(void *problem, double *out)
{
    const kmeans *kmeans = problem;
    double sum = 0;
    for (size_t i = 0; i < kmeans->n; i++) {
        double least = INFINITY;
        for (size_t c = 0; c < kmeans->k; c++) {
            double distance = square_distance(kmeans->d, kmeans->points + i * kmeans->d,
                                              kmeans->centroids + c * kmeans->d);
            least = distance < least ? distance : least;
        }
        sum += least;
    }
    *out = sum;
}

/* ---- the nearest centroids: a choice, which is not differentiated ---- */

/* The distances of a block of points from a centroid, added up as `cost` does it. */
static void find_distances(const kmeans *kmeans, size_t first, size_t c, double *restrict distance)
{
    for (size_t i = 0; i < BLOCK; i++)
        distance[i] = 0;
    for (size_t j = 0; j < kmeans->d; j++) {
        const double *restrict x = kmeans->columns + j * kmeans->row + first;
        const double y = kmeans->centroids[c * kmeans->d + j];
        for (size_t i = 0; i < BLOCK; i++)
            distance[i] += (x[i] - y) * (x[i] - y);
    }
}

/* For each point the first of those that are nearest. */
static void find_nearest(const kmeans *kmeans)
{
    double distance[BLOCK], least[BLOCK], *restrict nearest = kmeans->nearest;
    for (size_t first = 0; first < kmeans->row; first += BLOCK, nearest += BLOCK) {
        for (size_t i = 0; i < BLOCK; i++) {
            least[i] = INFINITY;
            nearest[i] = 0;
        }
        for (size_t c = 0; c < kmeans->k; c++) {
            const double number = (double)c;
            find_distances(kmeans, first, c, distance);
            for (size_t i = 0; i < BLOCK; i++) {
                nearest[i] = distance[i] < least[i] ? number : nearest[i];
                least[i] = distance[i] < least[i] ? distance[i] : least[i];
            }
        }
    }
}

/* Lays the points out by coordinates; a row is a whole number of blocks. */
static void lay_out(kmeans *kmeans)
{
    size_t n = kmeans->n, d = kmeans->d;
    kmeans->row = (n + BLOCK - 1) / BLOCK * BLOCK;
    kmeans->columns = new_doubles(size_times(d, kmeans->row));
    kmeans->nearest = new_doubles(kmeans->row);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            kmeans->columns[j * kmeans->row + i] = kmeans->points[i * d + j];
}

/* A centroid without points has no direction. */
static void check_centroids(const kmeans *kmeans)
{
    size_t *count = new_array(kmeans->k, sizeof *count);
    find_nearest(kmeans);
    for (size_t i = 0; i < kmeans->n; i++)
        count[(size_t)kmeans->nearest[i]]++;
    for (size_t c = 0; c < kmeans->k; c++)
        if (!count[c])
            stop(STOP_INPUT, "kmeans: no point is nearest to centroid %zu", c);
}

/* ---- the direction ---- */

static rg_value record_distance(size_t d, const rg_value *point, const rg_value *centroid)
{
    rg_value sum = rg_square(rg_sub(point[0], centroid[0]));
    for (size_t j = 1; j < d; j++)
        sum = rg_add(sum, rg_square(rg_sub(point[j], centroid[j])));
    return sum;
}

/* The distance from the centroid that a point has chosen, with two derivatives. */
/* Compiles, of a point p, a centroid c and the same centroid once more, a: the distance of p from c
 * plus the sum of the slopes by a of its distance from a. The derivative by c is the gradient, that
 * by a the sum of each row of the Hessian, which is its diagonal: one sweep finds both. */
static void set_up(void *problem)
{
    kmeans *kmeans = problem;
    size_t d = kmeans->d;
    rg_tape *tape = new_tape();
    rg_value *x = new_array(4 * d, sizeof *x), *slopes = x + 3 * d;
    unsigned char *uniform = new_array(3 * d, 1);
    for (size_t i = 0; i < 3 * d; i++) {
        x[i] = rg_input(tape, (double)i);
        uniform[i] = i >= d;
    }
    rg_value sum = record_distance(d, x, x + d), again = record_distance(d, x, x + 2 * d);
    rg_grad_values(again, (rg_value){0}, (int)d, x + 2 * d, slopes);
    for (size_t j = 0; j < d; j++)
        sum = rg_add(sum, slopes[j]);
    stop_on_tape_error(tape);
    kmeans->distance = compile(1, &sum, 3 * d, x, RG_PROGRAM_GRADIENT, uniform);
    kmeans->in = new_array(3 * d, sizeof *kmeans->in);
    kmeans->slopes = new_array(3 * d, sizeof *kmeans->slopes);
    kmeans->members = new_doubles(size_times(d, kmeans->n));
    kmeans->curvature = new_doubles(d);
    kmeans->order = new_array(kmeans->n, sizeof *kmeans->order);
    kmeans->first = new_array(kmeans->k + 2, sizeof *kmeans->first);
}

/* Puts the points of each centroid together. */
static void choose(const kmeans *kmeans)
{
    size_t n = kmeans->n, d = kmeans->d;
    size_t *first = kmeans->first + 1; /* moves on to where the next centroid's begin */
    memset(kmeans->first, 0, (kmeans->k + 2) * sizeof *first);
    find_nearest(kmeans);
    for (size_t i = 0; i < n; i++)
        first[(size_t)kmeans->nearest[i] + 1]++;
    for (size_t c = 1; c <= kmeans->k; c++)
        first[c] += first[c - 1];
    for (size_t i = 0; i < n; i++)
        kmeans->order[first[(size_t)kmeans->nearest[i]]++] = i;
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < n; i++)
            kmeans->members[j * n + i] = kmeans->columns[j * kmeans->row + kmeans->order[i]];
}

/* Given the choice, the cost is a sum of distances from one centroid each. */
static void direction(void *problem, double *out)
{
    const kmeans *kmeans = problem;
    size_t d = kmeans->d;
    choose(kmeans);
    for (size_t c = 0; c < kmeans->k; c++, out += d) {
        size_t first = kmeans->first[c], count = kmeans->first[c + 1] - first;
        for (size_t j = 0; j < d; j++) {
            kmeans->in[j] = kmeans->members + j * kmeans->n + first;
            kmeans->in[d + j] = kmeans->in[2 * d + j] = kmeans->centroids + c * d + j;
            kmeans->slopes[d + j] = out + j;
            kmeans->slopes[2 * d + j] = kmeans->curvature + j;
        }
        stop_on_error(rg_program_gradient_batch(kmeans->distance.program,
                                                kmeans->distance.workspace, count, kmeans->in, NULL,
                                                kmeans->slopes));
        for (size_t j = 0; j < d; j++)
            out[j] /= kmeans->curvature[j];
    }
}

void read_kmeans(const json_t *input, bench *bench)
{
    kmeans *kmeans = new_array(1, sizeof *kmeans);
    size_t d;
    kmeans->points = json_rows_of(input, "points", &kmeans->n, &kmeans->d);
    kmeans->centroids = json_rows_of(input, "centroids", &kmeans->k, &d);
    if (d != kmeans->d)
        stop(STOP_INPUT, "kmeans: points have %zu coordinates and centroids %zu", kmeans->d, d);
    lay_out(kmeans);
    check_centroids(kmeans);
    bench->problem = kmeans;
    bench->setup = set_up;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "cost", .compute = cost};
    bench->answers[1] =
        (bench_answer){.key = "dir", .rows = kmeans->k, .columns = d, .compute = direction};
}
