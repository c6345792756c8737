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
    size_t *nearest;            /* the centroid of each point */
    double *members;            /* d x n: the points of one centroid after those of another */
    size_t *first;              /* where those of each begin */
    compiled distance;          /* of a point from its centroid */
    const double **in, **moved; /* its inputs and a direction: all numbers of the centroid */
    double **slopes;            /* derivatives by the centroid */
    double *curvature;          /* d numbers */
} kmeans;

static double square_distance(size_t d, const double *a, const double *b)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        double difference = a[j] - b[j];
        sum += difference * difference;
    }
    return sum;
}

/* The first of the nearest centroids, and how far it is. */
static size_t find_nearest(const kmeans *kmeans, const double *point, double *least)
{
    size_t nearest = 0;
    *least = INFINITY;
    for (size_t c = 0; c < kmeans->k; c++) {
        double distance = square_distance(kmeans->d, point, kmeans->centroids + c * kmeans->d);
        if (distance < *least) {
            *least = distance;
            nearest = c;
        }
    }
    return nearest;
}

static void cost(void *problem, double *out)
{
    const kmeans *kmeans = problem;
    double sum = 0, least;
    for (size_t i = 0; i < kmeans->n; i++) {
        find_nearest(kmeans, kmeans->points + i * kmeans->d, &least);
        sum += least;
    }
    *out = sum;
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
static void set_up(void *problem)
{
    static const double one = 1;
    kmeans *kmeans = problem;
    size_t d = kmeans->d, n = kmeans->n;
    rg_tape *tape = new_tape();
    rg_value *x = new_array(2 * d, sizeof *x);
    unsigned char *uniform = new_array(2 * d, 1);
    const double *still = new_doubles(n);
    kmeans->in = new_array(2 * d, sizeof *kmeans->in);
    kmeans->moved = new_array(2 * d, sizeof *kmeans->moved);
    kmeans->slopes = new_array(2 * d, sizeof *kmeans->slopes);
    for (size_t i = 0; i < 2 * d; i++) {
        x[i] = rg_input(tape, (double)i);
        uniform[i] = i >= d;
        kmeans->moved[i] = uniform[i] ? &one : still;
    }
    rg_value distance = record_distance(d, x, x + d);
    stop_on_tape_error(tape);
    kmeans->distance =
        compile(1, &distance, 2 * d, x, RG_PROGRAM_GRADIENT | RG_PROGRAM_HVP, uniform);
    kmeans->members = new_doubles(size_times(d, n));
    kmeans->curvature = new_doubles(d);
    kmeans->nearest = new_array(n, sizeof *kmeans->nearest);
    kmeans->first = new_array(kmeans->k + 2, sizeof *kmeans->first);
}

/* Puts the points of each centroid together. Which one is nearest is a choice, which is not
 * differentiated. */
static void choose(const kmeans *kmeans)
{
    size_t n = kmeans->n, d = kmeans->d;
    double least;
    size_t *first = kmeans->first + 1; /* moves on to where the next centroid's begin */
    memset(kmeans->first, 0, (kmeans->k + 2) * sizeof *first);
    for (size_t i = 0; i < n; i++) {
        kmeans->nearest[i] = find_nearest(kmeans, kmeans->points + i * d, &least);
        first[kmeans->nearest[i] + 1]++;
    }
    for (size_t c = 1; c <= kmeans->k; c++)
        first[c] += first[c - 1];
    for (size_t i = 0; i < n; i++) {
        const double *from = kmeans->points + i * d;
        double *to = kmeans->members + first[kmeans->nearest[i]]++;
        for (size_t j = 0; j < d; j++)
            to[j * n] = from[j];
    }
}

/* Given the choice, the cost is a sum of distances from one centroid each. The sums of the rows of
 * its Hessian are its diagonal. */
static void direction(void *problem, double *out)
{
    const kmeans *kmeans = problem;
    const compiled *distance = &kmeans->distance;
    size_t d = kmeans->d;
    choose(kmeans);
    for (size_t c = 0; c < kmeans->k; c++, out += d) {
        size_t first = kmeans->first[c], count = kmeans->first[c + 1] - first;
        for (size_t j = 0; j < d; j++) {
            kmeans->in[j] = kmeans->members + j * kmeans->n + first;
            kmeans->in[d + j] = kmeans->centroids + c * d + j;
            kmeans->slopes[d + j] = out + j;
        }
        stop_on_error(rg_program_gradient_batch(distance->program, distance->workspace, count,
                                                kmeans->in, NULL, kmeans->slopes));
        for (size_t j = 0; j < d; j++)
            kmeans->slopes[d + j] = kmeans->curvature + j;
        stop_on_error(rg_program_hvp_batch(distance->program, distance->workspace, count,
                                           kmeans->in, kmeans->moved, kmeans->slopes));
        for (size_t j = 0; j < d; j++)
            out[j] /= kmeans->curvature[j];
    }
}

/* A centroid without points has no direction. */
static void check_centroids(const kmeans *kmeans)
{
    size_t *count = new_array(kmeans->k, sizeof *count);
    double least;
    for (size_t i = 0; i < kmeans->n; i++)
        count[find_nearest(kmeans, kmeans->points + i * kmeans->d, &least)]++;
    for (size_t c = 0; c < kmeans->k; c++)
        if (!count[c])
            stop(STOP_INPUT, "kmeans: no point is nearest to centroid %zu", c);
}

void read_kmeans(const json_t *input, bench *bench)
{
    kmeans *kmeans = new_array(1, sizeof *kmeans);
    size_t d;
    kmeans->points = json_rows_of(input, "points", &kmeans->n, &kmeans->d);
    kmeans->centroids = json_rows_of(input, "centroids", &kmeans->k, &d);
    if (d != kmeans->d)
        stop(STOP_INPUT, "kmeans: points have %zu coordinates and centroids %zu", kmeans->d, d);
    check_centroids(kmeans);
    bench->problem = kmeans;
    bench->setup = set_up;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "cost", .compute = cost};
    bench->answers[1] =
        (bench_answer){.key = "dir", .rows = kmeans->k, .columns = d, .compute = direction};
}
