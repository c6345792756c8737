/*
 * det.c: the determinant and its derivatives, which are polynomials in the elements and so exist
 * for singular matrices too.
 *
 * Full pivoting gives x = A D B with D diagonal, and A and B, permuted triangles, far from
 * singular. The cofactors of a product are the products of the cofactors, so those of x come from
 * those of D: element i of their diagonal is the product of all d but d_i. The first-order change
 * of D's cofactors along E holds the products of all d but two:
 *
 *     (i, i): sum over k != i of d[-i, -k] E_kk        (i, j): -d[-i, -j] E_ji
 */
#include "factor.h"

#include <math.h>
#include <string.h>

#include "elementwise.h"
#include "linalg.h"
#include "matrix.h"
#include "reduce.h"
#include "shape_ops.h"

/* ---- full pivoting ---- */

/* P x Q = L D U with unit triangles L and U; row i of P x Q is row rows[i] of x, and so on. */
typedef struct factors {
    int64_t n;
    int cpu;
    int sign;                      /* of P and Q together */
    double *l_inverse, *u_inverse; /* L^-1 and U^-T, both lower triangles */
    double *d;
    int64_t *rows, *columns;
    double *work[2]; /* free for the moment */
} factors;

enum { FACTOR_MATRICES = 4 };

/* Their place in memory for FACTOR_MATRICES matrices and three rows. */
static factors factors_at(const rg_call *call, double *room)
{
    int64_t n = rgi_matrices_of(call->in[0]).n, size = n * n;
    double *d = room + FACTOR_MATRICES * size;
    int64_t *orders = (int64_t *)(void *)(d + n);
    return (factors){.n = n,
                     .cpu = call->cpu,
                     .l_inverse = room,
                     .u_inverse = room + size,
                     .d = d,
                     .rows = orders,
                     .columns = orders + n,
                     .work = {room + 2 * size, room + 3 * size}};
}

/* Element (i, j) of P x Q. */
static double *element(const factors *f, double *x, int64_t i, int64_t j)
{
    return &x[f->rows[i] * f->n + f->columns[j]];
}

static void swap(int64_t *order, int64_t a, int64_t b, int *sign)
{
    int64_t kept = order[a];
    order[a] = order[b];
    order[b] = kept;
    *sign = a == b ? *sign : -*sign;
}

/* Moves the largest remaining element to (k, k); NaN counts as the largest. */
static void choose_pivot(factors *f, double *x, int64_t k)
{
    int64_t row = k, column = k;
    double largest = fabs(*element(f, x, k, k));
    for (int64_t i = k; i < f->n; i++)
        for (int64_t j = k; j < f->n; j++) {
            double size = fabs(*element(f, x, i, j));
            if (size > largest || isnan(size)) {
                largest = size;
                row = i;
                column = j;
            }
        }
    swap(f->rows, k, row, &f->sign);
    swap(f->columns, k, column, &f->sign);
}

/* Eliminates in place. After a pivot of 0 nothing but zeros remain. */
static void eliminate(factors *f, double *x)
{
    for (int64_t k = 0; k < f->n; k++) {
        choose_pivot(f, x, k);
        double pivot = f->d[k] = *element(f, x, k, k);
        if (pivot == 0)
            return;
        for (int64_t i = k + 1; i < f->n; i++) {
            double ratio = *element(f, x, i, k) /= pivot;
            for (int64_t j = k + 1; j < f->n; j++)
                *element(f, x, i, j) -= ratio * *element(f, x, k, j);
        }
    }
}

/* Factors x, which is lost. */
static void factor(factors *f, double *x)
{
    int64_t n = f->n;
    double *l = f->work[0], *u_turned = f->work[1];
    f->sign = 1;
    for (int64_t i = 0; i < n; i++) {
        f->d[i] = 0;
        f->rows[i] = f->columns[i] = i;
    }
    eliminate(f, x);
    for (int64_t i = 0; i < n; i++) {
        l[i * n + i] = u_turned[i * n + i] = 1;
        for (int64_t k = 0; k < i; k++) {
            l[i * n + k] = f->d[k] == 0 ? 0 : *element(f, x, i, k);
            u_turned[i * n + k] = f->d[k] == 0 ? 0 : *element(f, x, k, i) / f->d[k];
        }
    }
    rgi_lower_inverse(n, l, f->l_inverse);
    rgi_lower_inverse(n, u_turned, f->u_inverse);
}

/* The product of all d but d_i and d_j. */
static double product_without(const factors *f, int64_t i, int64_t j)
{
    double product = 1;
    for (int64_t k = 0; k < f->n; k++)
        product *= k == i || k == j ? 1 : f->d[k];
    return product;
}

/* out = the cofactors of x, or their change, from those of D, which are lost. */
static void bring_back(factors *f, double *of_d, double *out)
{
    rgi_product(f->cpu, f->n, f->l_inverse, RGI_TURNED, of_d, RGI_PLAIN, f->work[0]);
    rgi_product(f->cpu, f->n, f->work[0], RGI_PLAIN, f->u_inverse, RGI_PLAIN, of_d);
    for (int64_t i = 0; i < f->n; i++)
        for (int64_t j = 0; j < f->n; j++)
            *element(f, out, i, j) = f->sign * of_d[i * f->n + j];
}

static void cofactors(factors *f, double *out)
{
    double *of_d = f->work[1];
    rgi_fill_all(f->n * f->n, of_d, 0);
    for (int64_t i = 0; i < f->n; i++)
        of_d[i * f->n + i] = product_without(f, i, i);
    bring_back(f, of_d, out);
}

/* e = L^-1 P e Q U^-1: a change of x as one of D. */
static void bring_to_d(factors *f, double *e)
{
    for (int64_t i = 0; i < f->n; i++)
        for (int64_t j = 0; j < f->n; j++)
            f->work[0][i * f->n + j] = *element(f, e, i, j);
    rgi_product(f->cpu, f->n, f->l_inverse, RGI_PLAIN, f->work[0], RGI_PLAIN, f->work[1]);
    rgi_product(f->cpu, f->n, f->work[1], RGI_PLAIN, f->u_inverse, RGI_TURNED, e);
}

/* e becomes the change of the cofactors when x changes along e. */
static void change_cofactors(factors *f, double *e)
{
    int64_t n = f->n;
    double *of_d = f->work[1];
    bring_to_d(f, e);
    rgi_fill_all(n * n, of_d, 0);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double others = i == j ? 0 : product_without(f, i, j);
            of_d[i * n + i] += i == j ? 0 : others * e[j * n + j];
            of_d[i * n + j] -= i == j ? 0 : others * e[j * n + i];
        }
    bring_back(f, of_d, e);
}

/* ---- the change of the cofactors ---- */

static size_t factor_room(const rg_call *call)
{
    return rgi_matrix_room(call, FACTOR_MATRICES + 2);
}

/* Adds to `to` the change of the cofactors of each matrix along `along`. */
static void add_changes(rg_call *call, const void *along, void *to)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    rg_type type = call->out->type;
    int64_t size = of.n * of.n;
    double *x = call->scratch, *e = x + size;
    factors f = factors_at(call, e + size);
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        rgi_read_matrix(x, call->in[0]->data, type, i * size, size);
        factor(&f, x);
        rgi_read_matrix(e, along, type, i * size, size);
        change_cofactors(&f, e);
        rgi_add_matrix(to, type, i * size, 1, e, size);
    }
}

static rg_status change_shape(rg_call *call)
{
    if (!rg_shape_equal(&call->in[0]->shape, &call->in[1]->shape))
        return rg_call_fail(call, RG_ERROR_SHAPE, "the shapes differ");
    return rgi_square(call, call->in[0]);
}

static rg_status change_forward(rg_call *call)
{
    if (call->out->size > 0)
        memset(call->out->data, 0, (size_t)call->out->size * rg_type_size(call->out->type));
    add_changes(call, call->in[1]->data, call->out->data);
    return RG_OK;
}

static double trace(int64_t n, const double *a)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i * n + i];
    return sum;
}

/* y = |x| (p q + q p - tr(q) p - tr(p) q + (tr(p) tr(q) - tr(p q)) 1) x^-1 with p = x^-1 e and
 * q = x^-1 h: the transpose of what third derivatives along e and h leave. The matrices of m are x,
 * e, h and three more, all lost; y is m[1]. */
static void change_twice(int cpu, int64_t n, double *m[6], int64_t *swaps)
{
    int64_t size = n * n;
    double *inverse = m[3], *p = m[4], *q = m[5];
    double det = rgi_lu(n, m[0], swaps);
    if (det == 0) {
        rgi_fill_all(size, m[1], NAN);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        det *= m[0][i * n + i];
    rgi_lu_inverse(n, m[0], swaps, inverse);
    rgi_product(cpu, n, inverse, RGI_PLAIN, m[1], RGI_PLAIN, p);
    rgi_product(cpu, n, inverse, RGI_PLAIN, m[2], RGI_PLAIN, q);
    rgi_product(cpu, n, p, RGI_PLAIN, q, RGI_PLAIN, m[0]);
    rgi_product(cpu, n, q, RGI_PLAIN, p, RGI_PLAIN, m[1]);
    double of_p = trace(n, p), of_q = trace(n, q), rest = of_p * of_q - trace(n, m[0]);
    for (int64_t i = 0; i < size; i++)
        m[2][i] = det * (m[0][i] + m[1][i] - of_q * p[i] - of_p * q[i]);
    for (int64_t i = 0; i < n; i++)
        m[2][i * n + i] += det * rest;
    rgi_product(cpu, n, m[2], RGI_PLAIN, inverse, RGI_PLAIN, m[1]);
}

static void change_backward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    rg_type type = call->out->type;
    int64_t size = of.n * of.n;
    double *m[6];
    for (int k = 0; k < 6; k++)
        m[k] = (double *)call->scratch + k * size;
    if (call->in[1]->grad)
        add_changes(call, call->out->grad, call->in[1]->grad);
    for (int64_t i = 0; i < of.count && size > 0 && call->in[0]->grad; i++) {
        rgi_read_matrix(m[0], call->in[0]->data, type, i * size, size);
        rgi_read_matrix(m[1], call->in[1]->data, type, i * size, size);
        rgi_read_matrix(m[2], call->out->grad, type, i * size, size);
        change_twice(call->cpu, of.n, m, (int64_t *)(void *)(m[5] + size));
        rgi_turn(of.n, m[1], m[0]);
        rgi_add_matrix(call->in[0]->grad, type, i * size, 1, m[0], size);
    }
}

/* The trace of a b, for each matrix, as [.., 1, 1]. */
static rg_value trace_of(rg_value a, rg_value b)
{
    return rg_sum_over(rg_mul(a, rg_transpose(b, -2, -1)), RG_AXES(-2, -1), 1);
}

static void change_rule(const rg_rule *rule);

static const rg_op op_change = {.name = "cofactor_change",
                                .formula = "the change of x's cofactors along e",
                                .gradient = "the third derivative of |x|, the change along g",
                                .kinks = "the gradient to x needs an x that is not singular",
                                .arity = 2,
                                .shape = change_shape,
                                .scratch = factor_room,
                                .forward = change_forward,
                                .backward = change_backward,
                                .rule = change_rule};

static rg_value change_along(rg_value x, rg_value e)
{
    const rg_value in[2] = {x, e};
    return rg_record(&op_change, 2, in, NULL);
}

/* See change_twice. */
static void change_rule(const rg_rule *rule)
{
    rg_value x = rule->in[0];
    if (rule->wanted[1])
        rule->grads[1] = change_along(x, rule->upstream);
    if (!rule->wanted[0])
        return;
    rg_value inverse = rg_inverse(x), det = rgi_each(rg_det(x));
    rg_value p = rg_matmul(inverse, rule->in[1]), q = rg_matmul(inverse, rule->upstream);
    rg_value of_p = trace_of(inverse, rule->in[1]), of_q = trace_of(inverse, rule->upstream);
    rg_value both = rg_add(rg_matmul(p, q), rg_matmul(q, p));
    rg_value mixed = rg_add(rg_mul(of_q, p), rg_mul(of_p, q));
    rg_value rest = rg_sub(rg_mul(of_p, of_q), trace_of(p, q));
    rg_value sum = rg_add(rg_matmul(rg_sub(both, mixed), inverse), rg_mul(rest, inverse));
    rule->grads[0] = rg_transpose(rg_mul(det, sum), -2, -1);
}

/* ---- the cofactors ---- */

static rg_status cofactor_forward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    int64_t size = of.n * of.n;
    double *x = call->scratch, *y = x + size;
    factors f = factors_at(call, y + size);
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        rgi_read_matrix(x, call->in[0]->data, call->out->type, i * size, size);
        factor(&f, x);
        cofactors(&f, y);
        rgi_write_matrix(call->out->data, call->out->type, i * size, y, size);
    }
    return RG_OK;
}

static void cofactor_backward(rg_call *call)
{
    add_changes(call, call->out->grad, call->in[0]->grad);
}

static void cofactor_rule(const rg_rule *rule)
{
    rule->grads[0] = change_along(rule->in[0], rule->upstream);
}

static const rg_op op_cofactor = {.name = "cofactor",
                                  .formula = "the cofactors of x, by which it is differentiated",
                                  .gradient = "their change along g",
                                  .arity = 1,
                                  .shape = rgi_matrix_shape,
                                  .scratch = factor_room,
                                  .forward = cofactor_forward,
                                  .backward = cofactor_backward,
                                  .rule = cofactor_rule};

/* ---- the determinant ---- */

static rg_status det_forward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    int64_t size = of.n * of.n;
    double *x = call->scratch;
    for (int64_t i = 0; i < of.count; i++) {
        double y = 1;
        if (size > 0) {
            rgi_read_matrix(x, call->in[0]->data, call->out->type, i * size, size);
            y = rgi_lu(of.n, x, (int64_t *)(void *)(x + size));
        }
        for (int64_t k = 0; k < of.n && y != 0; k++)
            y *= x[k * of.n + k];
        rgi_store(call->out->data, call->out->type, i, y);
    }
    return RG_OK;
}

static void det_backward(rg_call *call)
{
    rgi_matrices of = rgi_matrices_of(call->in[0]);
    int64_t size = of.n * of.n;
    double *x = call->scratch, *y = x + size, g;
    factors f = factors_at(call, y + size);
    for (int64_t i = 0; i < of.count && size > 0; i++) {
        g = rgi_load(call->out->grad, call->out->type, i);
        if (g == 0)
            continue;
        rgi_read_matrix(x, call->in[0]->data, call->out->type, i * size, size);
        factor(&f, x);
        cofactors(&f, y);
        rgi_add_matrix(call->in[0]->grad, call->out->type, i * size, g, y, size);
    }
}

static void det_rule(const rg_rule *rule)
{
    rg_value slope = rg_record(&op_cofactor, 1, rule->in, NULL);
    rule->grads[0] = rgi_guarded(rgi_each(rule->upstream), slope);
}

static const rg_sample det_samples[] = {
    {.shape = {{2, {3, 3}}}, .low = {-2}, .high = {2}},
    {.shape = {{2, {1, 1}}}, .low = {-2}, .high = {2}},
    {.shape = {{4, {2, 3, 2, 2}}}, .low = {-2}, .high = {2}},
    {.shape = {{3, {2, 0, 0}}}, .low = {-2}, .high = {2}},
};
static const rg_op op_det = {.name = "det",
                             .formula = "|x|",
                             .gradient = "g times the cofactors of x",
                             .kinks = "exact for singular x up to second derivatives; later ones "
                                      "are NaN or an error there",
                             .arity = 1,
                             .shape = rgi_number_shape,
                             .scratch = factor_room,
                             .forward = det_forward,
                             .backward = det_backward,
                             .rule = det_rule,
                             RGI_SAMPLES(det_samples)};

rg_value rg_det(rg_value x)
{
    return rg_record(&op_det, 1, &x, NULL);
}

rgi_family rgi_det_family = {&op_det, NULL};
