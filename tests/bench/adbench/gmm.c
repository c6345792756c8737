/*
 * gmm.c: the log posterior of a Gaussian mixture with a Wishart prior.
 *
 *     adbench_gmm INPUT --objective | --jacobian [--out FILE] [--time SECONDS]
 *
 * The derivative is recorded with tensors whose last axis runs over the points. These are taken
 * relative to their mean: that changes nothing but the rounding of Q x - Q mu.
 */
#include <math.h>
#include <stdint.h>

#include "harness.h"
#include "text.h"

static const double pi = 3.14159265358979323846;

typedef struct gmm {
    size_t d, k, n, triangle; /* triangle: d (d - 1) / 2 */
    const double *alpha, *means, *factors, *points;
    double gamma, m;
    /* for the objective */
    double *diagonals, *sums; /* exp(q) and the sum of q of each component */
    double *terms, *z;        /* k and d numbers */
    /* for the derivative */
    double *centre;   /* the mean point */
    double *points_t; /* (d + 1) x n: the points without it, and a row of ones */
    int64_t *places;  /* d x d: where an element of Q is among exp(q), l and a zero */
    rg_tape *tape;
} gmm;

/* ---- reading ---- */

static void read_gmm(gmm *gmm, const char *path)
{
    numbers input = read_numbers(path);
    size_t d = gmm->d = take_size(&input, "d", 1);
    size_t k = gmm->k = take_size(&input, "k", 1);
    size_t n = gmm->n = take_size(&input, "n", 1);
    gmm->triangle = size_times(d, d - 1) / 2;
    size_t row = size_plus(size_plus(1, size_times(2, d)), gmm->triangle);
    expect_count(&input, size_plus(size_plus(size_times(k, row), size_times(n, d)), 5));
    gmm->alpha = take_numbers(&input, k);
    gmm->means = take_numbers(&input, k * d);
    gmm->factors = take_numbers(&input, k * (d + gmm->triangle));
    gmm->points = take_numbers(&input, n * d);
    gmm->gamma = *take_numbers(&input, 1);
    if (gmm->gamma <= 0)
        stop(STOP_INPUT, "%s: gamma is %g, which must be positive", path, gmm->gamma);
    gmm->m = (double)take_size(&input, "m", 0);
}

/* Where element (i, j) of Q is in a row of exp(q), l and 0. */
static size_t place_in_factor(const gmm *gmm, size_t i, size_t j)
{
    size_t d = gmm->d;
    if (i == j)
        return i;
    return i > j ? d + j * d - j * (j + 1) / 2 + (i - j - 1) : d + gmm->triangle;
}

static void prepare(gmm *gmm)
{
    size_t d = gmm->d, n = gmm->n;
    gmm->diagonals = new_doubles(size_times(gmm->k, d));
    gmm->sums = new_doubles(gmm->k);
    gmm->terms = new_doubles(gmm->k);
    gmm->z = new_doubles(d);
    gmm->centre = new_doubles(d);
    gmm->points_t = new_doubles(size_times(d + 1, n));
    gmm->places = new_array(size_times(d, d), sizeof *gmm->places);
    for (size_t j = 0; j < d; j++) {
        for (size_t i = 0; i < n; i++)
            gmm->centre[j] += gmm->points[i * d + j] / (double)n;
        for (size_t i = 0; i < n; i++)
            gmm->points_t[j * n + i] = gmm->points[i * d + j] - gmm->centre[j];
        for (size_t i = 0; i < d; i++)
            gmm->places[i * d + j] = (int64_t)place_in_factor(gmm, i, j);
    }
    for (size_t i = 0; i < n; i++)
        gmm->points_t[d * n + i] = 1;
    gmm->tape = new_tape();
}

/* ---- the objective ---- */

/* ln of the multivariate gamma function. */
static double log_gamma_of(size_t d, double a)
{
    double sum = (double)d * ((double)d - 1) / 4 * log(pi);
    for (size_t j = 1; j <= d; j++)
        sum += lgamma(a + (1 - (double)j) / 2);
    return sum;
}

/* What does not depend on the parameters. */
static double constant_part(const gmm *gmm)
{
    double d = (double)gmm->d, nu = d + gmm->m + 1;
    double prior = nu * d * (log(gmm->gamma) - log(2) / 2) - log_gamma_of(gmm->d, nu / 2);
    return (double)gmm->k * prior - (double)gmm->n * d / 2 * log(2 * pi);
}

static double log_sum_exp(size_t n, const double *x)
{
    double most = x[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        most = fmax(most, x[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - most);
    return most + log(sum);
}

/* |Q (x - mu)|^2 for a triangular Q, kept column by column below its diagonal. */
static double square_distance(size_t d, const double *restrict diagonal,
                              const double *restrict below, const double *restrict x,
                              const double *restrict mean, double *restrict z)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++)
        z[i] = diagonal[i] * (x[i] - mean[i]);
    for (size_t j = 0; j < d; j++) {
        double y = x[j] - mean[j];
        for (size_t i = j + 1; i < d; i++)
            z[i] += *below++ * y;
    }
    for (size_t i = 0; i < d; i++)
        sum += z[i] * z[i];
    return sum;
}

static void objective(void *problem, double *out)
{
    const gmm *gmm = problem;
    size_t d = gmm->d, k = gmm->k, size = d + gmm->triangle;
    double squares = 0, all = 0, sum = 0;
    for (size_t c = 0; c < k; c++) {
        const double *q = gmm->factors + c * size, *l = q + d;
        gmm->sums[c] = 0;
        for (size_t j = 0; j < d; j++) {
            double diagonal = gmm->diagonals[c * d + j] = exp(q[j]);
            gmm->sums[c] += q[j];
            squares += diagonal * diagonal;
        }
        for (size_t j = 0; j < gmm->triangle; j++)
            squares += l[j] * l[j];
        all += gmm->sums[c];
    }
    for (size_t i = 0; i < gmm->n; i++) {
        for (size_t c = 0; c < k; c++)
            gmm->terms[c] = gmm->alpha[c] + gmm->sums[c] -
                            square_distance(d, gmm->diagonals + c * d,
                                            gmm->factors + c * size + d, gmm->points + i * d,
                                            gmm->means + c * d, gmm->z) /
                                2;
        sum += log_sum_exp(k, gmm->terms);
    }
    *out = sum - (double)gmm->n * log_sum_exp(k, gmm->alpha) + gmm->m * all -
           gmm->gamma * gmm->gamma / 2 * squares + constant_part(gmm);
}

/* ---- the derivative ---- */

/* Q and, as one more column, -Q mu of every component: [k, d, d + 1]. */
static rg_value factors_of(const gmm *gmm, rg_value means, rg_value diagonal, rg_value below)
{
    rg_tape *tape = gmm->tape;
    int64_t d = (int64_t)gmm->d, k = (int64_t)gmm->k;
    rg_value zero = rg_constant_f64(tape, RG_SHAPE(k, 1), NULL);
    rg_value parts = rg_concat(3, (rg_value[]){diagonal, below, zero}, 1);
    rg_value places = rg_indices(tape, RG_SHAPE(d * d), gmm->places);
    rg_value q = rg_reshape(rg_index_select(parts, 1, places), RG_SHAPE(k, d, d));
    rg_value centre = rg_constant_f64(tape, RG_SHAPE(d), gmm->centre);
    rg_value shift = rg_matmul(q, rg_unsqueeze(rg_sub(centre, means), 2));
    return rg_concat(2, (rg_value[]){q, shift}, 2);
}

static rg_value record(const gmm *gmm, rg_value alpha, rg_value means, rg_value factors)
{
    int64_t d = (int64_t)gmm->d, k = (int64_t)gmm->k, n = (int64_t)gmm->n;
    rg_value q = rg_slice(factors, 1, 0, d, 1);
    rg_value below = rg_slice(factors, 1, d, RG_SLICE_END, 1);
    rg_value diagonal = rg_exp(q), sums = rg_sum_over(q, RG_AXES(1), 0);
    rg_value all = rg_reshape(factors_of(gmm, means, diagonal, below), RG_SHAPE(k * d, d + 1));
    rg_value points = rg_constant_view(gmm->tape, RG_F64, RG_SHAPE(d + 1, n), NULL, gmm->points_t);
    rg_value z = rg_reshape(rg_matmul(all, points), RG_SHAPE(k, d, n));
    rg_value distances = rg_sum_over(rg_square(z), RG_AXES(1), 0);
    rg_value heights = rg_unsqueeze(rg_add(alpha, sums), 1);
    rg_value terms = rg_sub(heights, rg_mul(0.5, distances));
    rg_value points_part = rg_sum(rg_logsumexp_over(terms, RG_AXES(0), 0));
    rg_value mixture = rg_sub(points_part, rg_mul((double)n, rg_logsumexp(alpha)));
    rg_value squares = rg_add(rg_sum(rg_square(diagonal)), rg_sum(rg_square(below)));
    rg_value prior = rg_sub(rg_mul(gmm->m, rg_sum(sums)),
                            rg_mul(gmm->gamma * gmm->gamma / 2, squares));
    return rg_add(rg_add(mixture, prior), constant_part(gmm));
}

static void derivative(void *problem, double *out)
{
    const gmm *gmm = problem;
    rg_tape *tape = gmm->tape;
    int64_t d = (int64_t)gmm->d, k = (int64_t)gmm->k, size = d + (int64_t)gmm->triangle;
    rg_tape_reset(tape);
    rg_value alpha = rg_input_f64(tape, RG_SHAPE(k), gmm->alpha);
    rg_value means = rg_input_f64(tape, RG_SHAPE(k, d), gmm->means);
    rg_value factors = rg_input_f64(tape, RG_SHAPE(k, size), gmm->factors);
    rg_backward(record(gmm, alpha, means, factors));
    rg_read_grad(alpha, out);
    rg_read_grad(means, out + k);
    rg_read_grad(factors, out + k + k * d);
    stop_on_tape_error(tape);
}

int main(int argc, char **argv)
{
    static gmm gmm;
    arguments arguments = read_arguments(argc, argv, TAKES_MODE);
    read_gmm(&gmm, arguments.input);
    prepare(&gmm);
    size_t size = gmm.k * (1 + 2 * gmm.d + gmm.triangle);
    bench bench = {.name = "gmm",
                   .problem = &gmm,
                   .primal = 1,
                   .count = 2,
                   .answers = {{.key = "objective", .compute = objective},
                               {.key = "jacobian", .rows = size, .compute = derivative}}};
    return run_bench(&arguments, &bench, NULL, NULL);
}
