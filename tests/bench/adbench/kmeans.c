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
    int64_t *nearest; /* the centroid of each point */
    rg_tape *tape;
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

/* Which centroid is nearest is a choice, found with plain numbers; what is differentiated, twice,
 * is the cost given the choice. The sums of the Hessian's rows are its diagonal. */
static void direction(void *problem, double *out)
{
    const kmeans *kmeans = problem;
    rg_tape *tape = kmeans->tape;
    int64_t n = (int64_t)kmeans->n, k = (int64_t)kmeans->k, d = (int64_t)kmeans->d;
    double least;
    for (size_t i = 0; i < kmeans->n; i++)
        kmeans->nearest[i] =
            (int64_t)find_nearest(kmeans, kmeans->points + i * kmeans->d, &least);
    rg_tape_reset(tape);
    rg_value centroids = rg_input_f64(tape, RG_SHAPE(k, d), kmeans->centroids), slope;
    rg_value points = rg_constant_view(tape, RG_F64, RG_SHAPE(n, d), NULL, kmeans->points);
    rg_value nearest = rg_indices(tape, RG_SHAPE(n), kmeans->nearest);
    rg_value apart = rg_sub(points, rg_index_select(centroids, 0, nearest));
    rg_grad_values(rg_sum(rg_square(apart)), (rg_value){0}, 1, &centroids, &slope);
    rg_backward(rg_sum(slope));
    rg_read_grad(centroids, out);
    const double *gradient = rg_data(slope, RG_F64);
    stop_on_tape_error(tape);
    for (size_t i = 0; i < kmeans->k * kmeans->d; i++)
        out[i] = gradient[i] / out[i];
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
    kmeans->nearest = new_array(kmeans->n, sizeof *kmeans->nearest);
    kmeans->tape = new_tape();
    bench->problem = kmeans;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "cost", .compute = cost};
    bench->answers[1] =
        (bench_answer){.key = "dir", .rows = kmeans->k, .columns = d, .compute = direction};
}
