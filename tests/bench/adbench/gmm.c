/*
 * gmm.c: the log posterior of a Gaussian mixture with a Wishart prior.
 *
 *     adbench_gmm INPUT --objective | --jacobian [--out FILE] [--time SECONDS]
 *
 * Two programs make the derivative: the term of one point and component, and the logarithm of the
 * sum of the exponentials of one point's terms. Both run over blocks of points.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "harness.h"
#include "text.h"

/* So many points are computed at once. */
enum { BLOCK = 1024 };

static const double pi = 3.14159265358979323846;

typedef struct gmm {
    size_t d, k, n, triangle; /* triangle: d (d - 1) / 2 */
    const double *alpha, *means, *factors, *points;
    double gamma, m;
    /* for the objective */
    double *diagonals, *sums; /* exp(q) and the sum of q of each component */
    double *terms, *z;        /* k and d numbers */
    /* for the derivative */
    double *columns;                    /* d x n: the points, each coordinate in a row */
    compiled term;                      /* of alpha, mean, q and l of one component, and a point */
    compiled sum;                       /* of the terms of a point and the greatest of them */
    size_t inputs;                      /* of the first program without the point */
    double *values, *greatest, *shares; /* of a block: its terms, and the sum's slopes */
    double *part;                       /* what a block adds to the slopes of one component */
    const double **in;
    double **slopes;
    rg_tape *tape; /* for what does not depend on the points */
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

static void prepare(gmm *gmm)
{
    gmm->diagonals = new_doubles(size_times(gmm->k, gmm->d));
    gmm->sums = new_doubles(gmm->k);
    gmm->terms = new_doubles(gmm->k);
    gmm->z = new_doubles(gmm->d);
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
                            square_distance(d, gmm->diagonals + c * d, gmm->factors + c * size + d,
                                            gmm->points + i * d, gmm->means + c * d, gmm->z) /
                                2;
        sum += log_sum_exp(k, gmm->terms);
    }
    *out = sum - (double)gmm->n * log_sum_exp(k, gmm->alpha) + gmm->m * all -
           gmm->gamma * gmm->gamma / 2 * squares + constant_part(gmm);
}

/* ---- the derivative ---- */

/* alpha + sum q - |Q (x - mu)|^2 / 2 */
static rg_value record_term(const gmm *gmm, const rg_value *in)
{
    size_t d = gmm->d;
    const rg_value *mean = in + 1, *q = mean + d, *below = q + d, *x = in + gmm->inputs;
    rg_value *z = new_array(2 * d, sizeof *z), *y = z + d, squares = {0}, height = in[0];
    for (size_t i = 0; i < d; i++) {
        y[i] = rg_sub(x[i], mean[i]);
        z[i] = rg_mul(rg_exp(q[i]), y[i]);
        height = rg_add(height, q[i]);
    }
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0, place = i - 1; j < i; place += d - 2 - j++)
            z[i] = rg_add(z[i], rg_mul(below[place], y[j]));
        squares = i ? rg_add(squares, rg_square(z[i])) : rg_square(z[i]);
    }
    return rg_sub(height, rg_mul(0.5, squares));
}

static void compile_term(gmm *gmm)
{
    size_t count = gmm->inputs + gmm->d;
    rg_tape *tape = new_tape();
    rg_value *in = new_array(count, sizeof *in);
    unsigned char *uniform = new_array(count, 1);
    for (size_t i = 0; i < count; i++) {
        in[i] = rg_input(tape, 0.5);
        uniform[i] = i < gmm->inputs;
    }
    rg_value term = record_term(gmm, in);
    stop_on_tape_error(tape);
    gmm->term = compile(1, &term, count, in, RG_PROGRAM_VJP, uniform);
}

/* The greatest term is an input: the result does not depend on it. */
static void compile_sum(gmm *gmm)
{
    size_t k = gmm->k;
    rg_tape *tape = new_tape();
    rg_value *in = new_array(k + 1, sizeof *in), sum = {0};
    for (size_t c = 0; c <= k; c++)
        in[c] = rg_input(tape, 0.5);
    for (size_t c = 0; c < k; c++) {
        rg_value power = rg_exp(rg_sub(in[c], in[k]));
        sum = c ? rg_add(sum, power) : power;
    }
    sum = rg_log(sum);
    stop_on_tape_error(tape);
    gmm->sum = compile(1, &sum, k + 1, in, RG_PROGRAM_GRADIENT, NULL);
}

static void set_up(void *problem)
{
    gmm *gmm = problem;
    size_t d = gmm->d, k = gmm->k, n = gmm->n, most = k + 1 > d ? k + 1 : d;
    gmm->inputs = 1 + 2 * d + gmm->triangle;
    gmm->columns = new_doubles(size_times(d, n));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            gmm->columns[j * n + i] = gmm->points[i * d + j];
    gmm->values = new_doubles(size_times(k, BLOCK));
    gmm->shares = new_doubles(size_times(k, BLOCK));
    gmm->greatest = new_doubles(BLOCK);
    gmm->part = new_doubles(gmm->inputs);
    gmm->in = new_array(gmm->inputs + most, sizeof *gmm->in);
    gmm->slopes = new_array(gmm->inputs + most, sizeof *gmm->slopes);
    gmm->tape = new_tape();
    compile_term(gmm);
    compile_sum(gmm);
}

/* Points the inputs of the first program at a component, which they stay at, and a block. */
static void point_inputs(const gmm *gmm, size_t c, size_t first)
{
    size_t d = gmm->d, size = d + gmm->triangle;
    const double **in = gmm->in;
    *in++ = gmm->alpha + c;
    for (size_t j = 0; j < d; j++)
        *in++ = gmm->means + c * d + j;
    for (size_t j = 0; j < size; j++)
        *in++ = gmm->factors + c * size + j;
    for (size_t j = 0; j < d; j++)
        *in++ = gmm->columns + j * gmm->n + first;
}

/* The terms of a block of points, and their greatest. */
static void find_terms(const gmm *gmm, size_t first, size_t count)
{
    double *greatest = gmm->greatest;
    for (size_t c = 0; c < gmm->k; c++) {
        double *values = gmm->values + c * BLOCK;
        point_inputs(gmm, c, first);
        stop_on_error(rg_program_value_batch(gmm->term.program, gmm->term.workspace, count, gmm->in,
                                             &values));
        for (size_t i = 0; i < count; i++)
            greatest[i] = c && greatest[i] > values[i] ? greatest[i] : values[i];
    }
}

/* The slopes of the logarithm of the sum by each term. */
static void find_shares(const gmm *gmm, size_t count)
{
    for (size_t c = 0; c < gmm->k; c++) {
        gmm->in[c] = gmm->values + c * BLOCK;
        gmm->slopes[c] = gmm->shares + c * BLOCK;
    }
    gmm->in[gmm->k] = gmm->greatest;
    gmm->slopes[gmm->k] = NULL;
    stop_on_error(rg_program_gradient_batch(gmm->sum.program, gmm->sum.workspace, count, gmm->in,
                                            NULL, gmm->slopes));
}

/* Adds the slopes by the parameters. */
static void add_slopes(const gmm *gmm, size_t first, size_t count, double *out)
{
    size_t d = gmm->d, k = gmm->k, size = d + gmm->triangle;
    for (size_t i = 0; i < gmm->inputs + d; i++)
        gmm->slopes[i] = i < gmm->inputs ? gmm->part + i : NULL;
    for (size_t c = 0; c < k; c++) {
        const double *shares = gmm->shares + c * BLOCK;
        double *of_mean = out + k + c * d, *of_factor = out + k + k * d + c * size;
        point_inputs(gmm, c, first);
        stop_on_error(rg_program_vjp_batch(gmm->term.program, gmm->term.workspace, count, gmm->in,
                                           &shares, NULL, gmm->slopes));
        out[c] += gmm->part[0];
        for (size_t j = 0; j < d; j++)
            of_mean[j] += gmm->part[1 + j];
        for (size_t j = 0; j < size; j++)
            of_factor[j] += gmm->part[1 + d + j];
    }
}

/* The slopes of what does not depend on the points: the prior, and the sum of the weights. */
static void find_prior_slopes(const gmm *gmm, double *out)
{
    rg_tape *tape = gmm->tape;
    int64_t d = (int64_t)gmm->d, k = (int64_t)gmm->k, size = d + (int64_t)gmm->triangle;
    rg_tape_reset(tape);
    rg_value alpha = rg_input_f64(tape, RG_SHAPE(k), gmm->alpha);
    rg_value factors = rg_input_f64(tape, RG_SHAPE(k, size), gmm->factors);
    rg_value q = rg_slice(factors, 1, 0, d, 1), l = rg_slice(factors, 1, d, RG_SLICE_END, 1);
    rg_value squares = rg_add(rg_sum(rg_square(rg_exp(q))), rg_sum(rg_square(l)));
    rg_value prior =
        rg_sub(rg_mul(gmm->m, rg_sum(q)), rg_mul(gmm->gamma * gmm->gamma / 2, squares));
    rg_backward(rg_sub(prior, rg_mul((double)gmm->n, rg_logsumexp(alpha))));
    rg_read_grad(alpha, out);
    memset(out + k, 0, gmm->k * gmm->d * sizeof *out);
    rg_read_grad(factors, out + k + k * d);
    stop_on_tape_error(tape);
}

static void derivative(void *problem, double *out)
{
    const gmm *gmm = problem;
    find_prior_slopes(gmm, out);
    for (size_t first = 0; first < gmm->n; first += BLOCK) {
        size_t count = gmm->n - first < BLOCK ? gmm->n - first : BLOCK;
        find_terms(gmm, first, count);
        find_shares(gmm, count);
        add_slopes(gmm, first, count, out);
    }
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
                   .setup = set_up,
                   .primal = 1,
                   .count = 2,
                   .answers = {{.key = "objective", .compute = objective},
                               {.key = "jacobian", .rows = size, .compute = derivative}}};
    return run_bench(&arguments, &bench, NULL, NULL);
}
