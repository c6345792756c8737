/* factor.c: inverse, logarithm of the determinant, Cholesky factor, linear systems. */
#include "factor.h"

#include <math.h>

#include "arrange.h"
#include "elementwise.h"
#include "linalg.h"
#include "matrix.h"
#include "shape_ops.h"

static rg_value turned(rg_value x)
{
    return rg_transpose(x, -2, -1);
}

static size_t two_matrices(const rg_call *call)
{
    return rgi_matrix_room(call, 2);
}

static size_t four_matrices(const rg_call *call)
{
    return rgi_matrix_room(call, 4);
}

/* ---- inverse ---- */

static rg_status inverse_forward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    rg_type type = call->out->type;
    int64_t size = of.n * of.n;
    double *x = call->scratch, *y = x + size;
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        int64_t *swaps = (int64_t *)(void *)(y + size);
        rgi_read_matrix(x, call->in[0]->data, type, i * size, size);
        if (!rgi_lu(of.n, x, swaps))
            return rgi_matrix_fail(call, i, "singular");
        rgi_lu_inverse(of.n, x, swaps, y);
        rgi_write_matrix(call->out->data, type, i * size, y, size);
    }
    return RG_OK;
}

static void inverse_backward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    rg_type type = call->out->type;
    int64_t size = of.n * of.n;
    double *y = call->scratch, *g = y + size, *product = g + size;
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        rgi_read_matrix(y, call->out->data, type, i * size, size);
        rgi_read_matrix(g, call->out->grad, type, i * size, size);
        rgi_product(call->cpu, of.n, g, RGI_PLAIN, y, RGI_TURNED, product);
        rgi_product(call->cpu, of.n, y, RGI_TURNED, product, RGI_PLAIN, g);
        rgi_add_matrix(call->in[0]->grad, type, i * size, -1, g, size);
    }
}

static void inverse_rule(const rg_rule *rule)
{
    rg_value y = turned(rule->out);
    rule->grads[0] = rg_neg(rg_matmul(rg_matmul(y, rule->upstream), y));
}

/* Matrices whose elements are drawn from one range are safely invertible only with one row. */
static const rg_sample positive_samples[] = {
    {.shape = {{2, {1, 1}}}, .low = {0.5}, .high = {2}},
    {.shape = {{3, {3, 1, 1}}}, .low = {0.5}, .high = {2}},
    {.shape = {{3, {2, 0, 0}}}, .low = {0.5}, .high = {2}},
};

static const rg_op op_inverse = {.name = "inverse",
                                 .formula = "x^-1",
                                 .gradient = "-y^T g y^T",
                                 .kinks = "an error if x is singular",
                                 .arity = 1,
                                 .shape = rgi_matrix_shape,
                                 .scratch = four_matrices,
                                 .forward = inverse_forward,
                                 .backward = inverse_backward,
                                 .rule = inverse_rule,
                                 RGI_SAMPLES(positive_samples)};

rg_value rg_inverse(rg_value x)
{
    return rg_record(&op_inverse, 1, &x, NULL);
}

/* ---- logdet ---- */

/* Factors x; ln |x|. */
static double log_of(int64_t n, double *x, int64_t *swaps)
{
    int sign = rgi_lu(n, x, swaps);
    if (sign == 0)
        return -INFINITY;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sign = x[i * n + i] < 0 ? -sign : sign;
        sum += log(fabs(x[i * n + i]));
    }
    return sign < 0 ? NAN : sum;
}

/* y = x^-1, or NaN where ln |x| has no slope; x is lost. */
static void log_slope(int64_t n, double *x, int64_t *swaps, double *y)
{
    if (log_of(n, x, swaps) > -INFINITY)
        rgi_lu_inverse(n, x, swaps, y);
    else
        rgi_fill_all(n * n, y, NAN);
}

static rg_status logdet_forward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    int64_t size = of.n * of.n;
    double *x = call->scratch;
    for (int64_t i = 0; i < of.count; i++) {
        double y = 0;
        if (size > 0) {
            rgi_read_matrix(x, call->in[0]->data, call->out->type, i * size, size);
            y = log_of(of.n, x, (int64_t *)(void *)(x + size));
        }
        rgi_store(call->out->data, call->out->type, i, y);
    }
    return RG_OK;
}

static void logdet_backward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    rg_type type = call->out->type;
    int64_t size = of.n * of.n;
    double *x = call->scratch, *y = x + size, g;
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        g = rgi_load(call->out->grad, type, i);
        if (g == 0)
            continue;
        rgi_read_matrix(x, call->in[0]->data, type, i * size, size);
        log_slope(of.n, x, (int64_t *)(void *)(y + size), y);
        rgi_turn(of.n, y, x);
        rgi_add_matrix(call->in[0]->grad, type, i * size, g, x, size);
    }
}

static rg_status logdet_slope_forward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    rg_type type = call->out->type;
    int64_t size = of.n * of.n;
    double *x = call->scratch, *y = x + size;
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        rgi_read_matrix(x, call->in[0]->data, type, i * size, size);
        log_slope(of.n, x, (int64_t *)(void *)(y + size), y);
        rgi_write_matrix(call->out->data, type, i * size, y, size);
    }
    return RG_OK;
}

static const rg_op op_logdet_slope = {.name = "logdet_slope",
                                      .formula = "x^-1 if |x| > 0, else NaN",
                                      .gradient = "-y^T g y^T",
                                      .arity = 1,
                                      .shape = rgi_matrix_shape,
                                      .scratch = four_matrices,
                                      .forward = logdet_slope_forward,
                                      .backward = inverse_backward,
                                      .rule = inverse_rule};

static void logdet_rule(const rg_rule *rule)
{
    rg_value slope = rg_record(&op_logdet_slope, 1, rule->in, NULL);
    rule->grads[0] = rgi_guarded(rgi_each(rule->upstream), turned(slope));
}

static const rg_op op_logdet = {.name = "logdet",
                                .formula = "ln |x|, |x| the determinant",
                                .gradient = "g x^-T",
                                .kinks = "NaN for |x| < 0, -inf for 0, both with slope NaN",
                                .arity = 1,
                                .shape = rgi_number_shape,
                                .scratch = two_matrices,
                                .forward = logdet_forward,
                                .backward = logdet_backward,
                                .rule = logdet_rule,
                                RGI_SAMPLES(positive_samples)};

rg_value rg_logdet(rg_value x)
{
    return rg_record(&op_logdet, 1, &x, NULL);
}

/* ---- cholesky ---- */

/* a = (a + a^T) / 2, or with `from_lower` the symmetric matrix with a's lower triangle. */
static void symmetrise(int64_t n, double *a, int from_lower)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double *below = &a[i * n + j], *above = &a[j * n + i];
            *below = from_lower ? *below : *below / 2 + *above / 2;
            *above = *below;
        }
}

static rg_status cholesky_forward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    rg_type type = call->out->type;
    int64_t size = of.n * of.n;
    double *x = call->scratch;
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        rgi_read_matrix(x, call->in[0]->data, type, i * size, size);
        symmetrise(of.n, x, 0);
        if (!rgi_cholesky(of.n, x))
            return rgi_matrix_fail(call, i, "not positive definite");
        rgi_write_matrix(call->out->data, type, i * size, x, size);
    }
    return RG_OK;
}

/* P + P^T is the symmetric matrix with the lower triangle of L^T g. */
static void cholesky_backward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    rg_type type = call->out->type;
    int64_t size = of.n * of.n;
    double *l = call->scratch, *g = l + size, *inverse = g + size, *both = inverse + size;
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        rgi_read_matrix(l, call->out->data, type, i * size, size);
        rgi_read_matrix(g, call->out->grad, type, i * size, size);
        rgi_lower_inverse(of.n, l, inverse);
        rgi_product(call->cpu, of.n, l, RGI_TURNED, g, RGI_PLAIN, both);
        symmetrise(of.n, both, 1);
        rgi_product(call->cpu, of.n, both, RGI_PLAIN, inverse, RGI_PLAIN, g);
        rgi_product(call->cpu, of.n, inverse, RGI_TURNED, g, RGI_PLAIN, l);
        rgi_add_matrix(call->in[0]->grad, type, i * size, 0.5, l, size);
    }
}

static void cholesky_rule(const rg_rule *rule)
{
    rg_value l = rule->out, inverse = rg_inverse(l);
    rg_value product = rg_matmul(turned(l), rule->upstream);
    rg_value both = rg_add(rg_tril(product, 0), turned(rg_tril(product, -1)));
    rule->grads[0] = rg_mul(0.5, rg_matmul(rg_matmul(turned(inverse), both), inverse));
}

static const rg_op op_cholesky = {.name = "cholesky",
                                  .formula = "lower L with L L^T = (x + x^T) / 2",
                                  .gradient = "L^-T (P + P^T) L^-1 / 2; P: the lower triangle of "
                                              "L^T g; its diagonal halved",
                                  .kinks = "an error if x is not positive definite",
                                  .arity = 1,
                                  .shape = rgi_matrix_shape,
                                  .scratch = four_matrices,
                                  .forward = cholesky_forward,
                                  .backward = cholesky_backward,
                                  .rule = cholesky_rule,
                                  RGI_SAMPLES(positive_samples)};

rg_value rg_cholesky(rg_value x)
{
    return rg_record(&op_cholesky, 1, &x, NULL);
}

/* ---- solve ---- */

static rg_status solve_shape(rg_call *call)
{
    const rg_tensor *a = call->in[0], *b = call->in[1];
    rg_status status = rgi_square(call, a);
    if (status != RG_OK)
        return status;
    bool fits = b->shape.rank == a->shape.rank || b->shape.rank == a->shape.rank - 1;
    for (int i = 0; fits && i < a->shape.rank - 1; i++)
        fits = a->shape.dim[i] == b->shape.dim[i];
    if (!fits) {
        char left[RG_SHAPE_TEXT_SIZE], right[RG_SHAPE_TEXT_SIZE];
        return rg_call_fail(call, RG_ERROR_SHAPE,
                            "%s and %s are not [.., n, n] and [.., n, k] or "
                            "[.., n]",
                            rg_shape_text(&a->shape, left), rg_shape_text(&b->shape, right));
    }
    call->out->shape = b->shape;
    return RG_OK;
}

/* The columns of b: 1 if it is a vector. */
static int64_t columns_of(const rg_tensor *a, const rg_tensor *b)
{
    return b->shape.rank == a->shape.rank ? b->shape.dim[b->shape.rank - 1] : 1;
}

/* Room for two matrices like a, three rows, and two right sides. */
static size_t solve_room(const rg_call *call)
{
    const rg_tensor *a = call->in[0], *b = call->in[1];
    if (b->size == 0)
        return rgi_matrix_room(call, 2);
    size_t side = (size_t)(rgi_matrices_of(a).n * columns_of(a, b));
    return rgi_matrix_room(call, 2) + 2 * side * sizeof(double);
}

static rg_status solve_forward(rg_call *call)
{
    const rg_tensor *a = call->in[0], *b = call->in[1];
    rgi_matrices of = rgi_matrices_of(a);
    rg_type type = call->out->type;
    int64_t columns = columns_of(a, b), size = of.n * of.n, side = of.n * columns;
    double *lu = call->scratch, *y = lu + size + of.n;
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        int64_t *swaps = (int64_t *)(void *)(lu + size);
        rgi_read_matrix(lu, a->data, type, i * size, size);
        if (!rgi_lu(of.n, lu, swaps))
            return rgi_matrix_fail(call, i, "singular");
        rgi_read_matrix(y, b->data, type, i * side, side);
        rgi_lu_solve(of.n, lu, swaps, columns, y);
        rgi_write_matrix(call->out->data, type, i * side, y, side);
    }
    return RG_OK;
}

static void solve_backward(rg_call *call)
{
    const rg_tensor *a = call->in[0], *b = call->in[1];
    rgi_matrices of = rgi_matrices_of(a);
    rg_type type = call->out->type;
    int64_t n = of.n, columns = columns_of(a, b), size = n * n, side = n * columns;
    double *lu = call->scratch, *work = lu + size, *h = work + size, *y = h + side;
    int64_t *swaps = (int64_t *)(void *)(y + side);
    for (int64_t i = 0; i < of.count && side > 0; i++) {
        rgi_read_matrix(lu, a->data, type, i * size, size);
        rgi_lu(n, lu, swaps);
        rgi_read_matrix(h, call->out->grad, type, i * side, side);
        rgi_lu_solve_turned(n, lu, swaps, columns, h);
        if (b->grad)
            rgi_add_matrix(b->grad, type, i * side, 1, h, side);
        if (!a->grad)
            continue;
        rgi_read_matrix(y, call->out->data, type, i * side, side);
        rgi_kernels_for(call->cpu, RG_F64)
            ->matmul(n, n, columns, &(rgi_matrix){h, columns, 1}, &(rgi_matrix){y, 1, columns},
                     &(rgi_matrix){work, n, 1}, 0);
        rgi_add_matrix(a->grad, type, i * size, -1, work, size);
    }
}

static void solve_rule(const rg_rule *rule)
{
    rg_value a = rule->in[0], y = rule->out, h = rg_solve(turned(a), rule->upstream);
    if (rule->wanted[1])
        rule->grads[1] = h;
    if (!rule->wanted[0])
        return;
    if (rg_get_shape(y).rank < rg_get_shape(a).rank) {
        h = rg_unsqueeze(h, -1);
        y = rg_unsqueeze(y, -1);
    }
    rule->grads[0] = rg_neg(rg_matmul(h, turned(y)));
}

static const rg_sample solve_samples[] = {
    {.shape = {{2, {1, 1}}, {2, {1, 3}}}, .low = {0.5, -2}, .high = {2, 2}},
    {.shape = {{2, {1, 1}}, {1, {1}}}, .low = {0.5, -2}, .high = {2, 2}},
    {.shape = {{3, {3, 1, 1}}, {2, {3, 1}}}, .low = {0.5, -2}, .high = {2, 2}},
    {.shape = {{3, {3, 1, 1}}, {3, {3, 1, 2}}}, .low = {0.5, -2}, .high = {2, 2}},
};
static const rg_op op_solve = {.name = "solve",
                               .formula = "a^-1 b",
                               .gradient = "-h y^T, h = a^-T g",
                               .kinks = "an error if a is singular",
                               .arity = 2,
                               .shape = solve_shape,
                               .scratch = solve_room,
                               .forward = solve_forward,
                               .backward = solve_backward,
                               .rule = solve_rule,
                               RGI_SAMPLES(solve_samples)};

rg_value rg_solve(rg_value a, rg_value b)
{
    const rg_value in[2] = {a, b};
    return rg_record(&op_solve, 2, in, NULL);
}

rgi_family rgi_factor_family = {&op_inverse, &op_logdet, &op_cholesky, &op_solve, NULL};
