/*
 * test_factor.c: inverse, determinant, Cholesky factor and linear systems against their
 * definitions, their derivatives against central differences up to third order, singular matrices,
 * and errors.
 */
#include "../check.h"

#include <string.h>

SUITE(factor);

enum { MAX_SIZE = 256 };

/* An operation with one or two inputs; the second is the right side of a system. */
typedef rg_value operation(const rg_value *in);

static rg_value inverse_of(const rg_value *in)
{
    return rg_inverse(in[0]);
}

static rg_value det_of(const rg_value *in)
{
    return rg_det(in[0]);
}

static rg_value logdet_of(const rg_value *in)
{
    return rg_logdet(in[0]);
}

static rg_value cholesky_of(const rg_value *in)
{
    return rg_cholesky(in[0]);
}

static rg_value solve_of(const rg_value *in)
{
    return rg_solve(in[0], in[1]);
}

static operation *const operations[] = {inverse_of, det_of, logdet_of, cholesky_of, solve_of};
enum { OPERATIONS = sizeof operations / sizeof *operations };

static int inputs_of(operation *f)
{
    return f == solve_of ? 2 : 1;
}

/* Shapes of matrices with right sides: matrices, vectors, and batches. */
static const rg_shape shapes[][2] = {
    {{2, {1, 1}}, {1, {1}}},          {{2, {2, 2}}, {2, {2, 3}}},          {{2, {4, 4}}, {1, {4}}},
    {{3, {2, 3, 3}}, {3, {2, 3, 1}}}, {{4, {2, 1, 2, 2}}, {3, {2, 1, 2}}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Elements in -1 .. 1. A matrix gets its size added to the diagonal, and its rows are exchanged if
 * `turned`, so that elimination has to look for pivots. */
static void fill(double *data, rg_shape shape, int is_matrix, int turned, unsigned seed)
{
    rg_random random = rg_random_create(seed);
    int64_t n = shape.dim[shape.rank - 1];
    for (int64_t i = 0; i < rg_shape_size(&shape); i++) {
        int64_t row = i / n % n, column = i % n;
        int64_t large = turned ? n - 1 - column : column;
        data[i] = 2 * rg_random_uniform(&random) - 1 + (is_matrix && row == large ? (double)n : 0);
    }
}

/* ---- values ---- */

static void check_near_all(rg_value got, rg_value want, double tolerance)
{
    double left[MAX_SIZE], right[MAX_SIZE];
    cr_assert_eq(rg_tape_status(got.tape), RG_OK, "%s", rg_tape_message(got.tape));
    cr_assert_eq(rg_size(got), rg_size(want));
    CHECK_STATUS(rg_read(got, left), RG_OK);
    CHECK_STATUS(rg_read(want, right), RG_OK);
    for (int64_t i = 0; i < rg_size(got); i++)
        CHECK_NEAR(left[i], right[i], tolerance);
}

static rg_value transposed(rg_value x)
{
    return rg_transpose(x, -2, -1);
}

Test(factor, undoes_products)
{
    for (int s = 0; s < SHAPES; s++)
        for (int turned = 0; turned < 2; turned++) {
            double data[MAX_SIZE], side[MAX_SIZE];
            rg_tape *tape = rg_tape_create();
            fill(data, shapes[s][0], 1, turned, 1);
            fill(side, shapes[s][1], 0, 0, 2);
            rg_value a = rg_input_f64(tape, shapes[s][0], data);
            rg_value b = rg_input_f64(tape, shapes[s][1], side);
            check_near_all(rg_inverse(rg_inverse(a)), a, 1e-12);
            check_near_all(rg_inverse(transposed(a)), transposed(rg_inverse(a)), 1e-12);
            rg_value y = rg_solve(a, b);
            if (shapes[s][1].rank < shapes[s][0].rank) {
                y = rg_unsqueeze(y, -1);
                b = rg_unsqueeze(b, -1);
            }
            check_near_all(rg_matmul(a, y), b, 1e-12);
            rg_value square = rg_matmul(a, transposed(a)), l = rg_cholesky(square);
            check_near_all(rg_matmul(l, transposed(l)), square, 1e-12);
            check_near_all(rg_triu(l, 1), rg_mul(0, l), 0);
            check_near_all(rg_logdet(square), rg_log(rg_square(rg_det(a))), 1e-12);
            rg_tape_destroy(tape);
        }
}

Test(factor, gives_known_determinants)
{
    static const double x[] = {0, 2, 1, 1, 1, 0, 3, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4};
    double y[2];
    rg_tape *tape = rg_tape_create();
    CHECK_STATUS(rg_read(rg_det(rg_input_f64(tape, RG_SHAPE(2, 3, 3), x)), y), RG_OK);
    CHECK_NEAR(y[0], -3, 1e-15);
    CHECK_NEAR(y[1], 24, 1e-15);
    CHECK_STATUS(rg_read(rg_logdet(rg_input_f64(tape, RG_SHAPE(2, 3, 3), x)), y), RG_OK);
    cr_assert(isnan(y[0]));
    CHECK_NEAR(y[1], log(24), 1e-15);
    rg_tape_destroy(tape);
}

Test(factor, takes_empty_matrices_and_batches)
{
    rg_tape *tape = rg_tape_create();
    rg_value none = rg_input_f64(tape, RG_SHAPE(0, 0), NULL);
    rg_value two = rg_input_f64(tape, RG_SHAPE(2, 0, 0), NULL);
    rg_value no_batch = rg_input_f64(tape, RG_SHAPE(0, 3, 3), NULL);
    CHECK_NEAR(rg_item(rg_det(none)), 1, 0);
    CHECK_NEAR(rg_item(rg_sum(rg_det(two))), 2, 0);
    CHECK_NEAR(rg_item(rg_logdet(none)), 0, 0);
    rg_value total = rg_add(rg_sum(rg_inverse(two)), rg_sum(rg_cholesky(none)));
    total = rg_add(total, rg_sum(rg_solve(none, rg_input_f64(tape, RG_SHAPE(0), NULL))));
    total = rg_add(total, rg_sum(rg_det(no_batch)));
    total = rg_add(total, rg_sum(rg_inverse(no_batch)));
    total = rg_add(total, rg_sum(rg_solve(rg_input_f64(tape, RG_SHAPE(1, 1), (double[]){2}),
                                          rg_input_f64(tape, RG_SHAPE(1, 0), NULL))));
    total = rg_add(total, rg_add(rg_det(none), rg_logdet(none)));
    CHECK_STATUS(rg_backward(total), RG_OK);
    CHECK_NEAR(rg_item(total), 1, 0);
    rg_value grads[2], xs[2] = {none, no_batch};
    CHECK_STATUS(rg_grad_values(total, (rg_value){0}, 2, xs, grads), RG_OK);
    rg_tape_destroy(tape);
}

Test(factor, agrees_in_float32)
{
    for (int f = 0; f < OPERATIONS; f++)
        for (int s = 0; s < SHAPES; s++) {
            double data[2][MAX_SIZE];
            rg_tape *tape = rg_tape_create();
            rg_value in[2], single[2];
            for (int k = 0; k < 2; k++) {
                fill(data[k], shapes[s][k], k == 0, 0, 3);
                in[k] = rg_input_f64(tape, shapes[s][k], data[k]);
                single[k] = rg_cast(in[k], RG_F32);
            }
            rg_value y = operations[f](in), low = operations[f](single);
            cr_assert_eq(rg_get_type(low), RG_F32);
            check_near_all(low, y, 1e-6);
            rg_value grad, low_grad;
            double swept[MAX_SIZE];
            CHECK_STATUS(rg_grad_values(rg_sum(y), (rg_value){0}, 1, in, &grad), RG_OK);
            CHECK_STATUS(rg_grad_values(rg_sum(low), (rg_value){0}, 1, in, &low_grad), RG_OK);
            check_near_all(low_grad, grad, 1e-5);
            CHECK_STATUS(rg_backward(rg_sum(low)), RG_OK);
            CHECK_STATUS(rg_read_grad(in[0], swept), RG_OK);
            check_near_all(rg_constant_f64(tape, shapes[s][0], swept), grad, 1e-5);
            rg_tape_destroy(tape);
        }
}

/* ---- derivatives ---- */

/* The weighted sum of y's elements. */
static rg_value weigh(rg_value y)
{
    double weights[MAX_SIZE];
    for (int64_t i = 0; i < rg_size(y); i++)
        weights[i] = 0.5 + (double)(i * i % 7) / 4;
    return rg_sum(rg_mul(y, rg_constant_f64(y.tape, rg_get_shape(y), weights)));
}

/* An operation, or a weighted sum of its derivatives up to some order. */
typedef struct derivative {
    operation *f;
    int order;
} derivative;

static rg_value derive(rg_tape *tape, const rg_value *in, int count, void *context)
{
    const derivative *of = context;
    rg_value y = of->f(in), grads[2];
    for (int i = 0; i < of->order; i++) {
        if (rg_grad_values(weigh(y), (rg_value){0}, count, in, grads) != RG_OK)
            return (rg_value){tape, 0};
        y = count == 1 ? grads[0] : rg_add(weigh(grads[0]), weigh(grads[1]));
    }
    return y;
}

Test(factor, has_right_derivatives_up_to_third_order)
{
    for (int f = 0; f < OPERATIONS; f++)
        for (int s = 0; s < SHAPES; s++)
            for (int order = 0; order < 3; order++) {
                double data[2][MAX_SIZE];
                rg_gradcheck_input in[2];
                for (int k = 0; k < 2; k++) {
                    fill(data[k], shapes[s][k], k == 0, 0, 4);
                    in[k] = (rg_gradcheck_input){.shape = shapes[s][k], .data = data[k]};
                }
                derivative of = {operations[f], order};
                rg_gradcheck_report report;
                rg_status status =
                    rg_gradcheck(derive, &of, in, inputs_of(operations[f]), NULL, &report);
                cr_assert_eq(status, RG_OK, "operation %d, shape %d, order %d: %s", f, s, order,
                             report.message);
            }
}

/* The sweep and the recorded derivative find the same. */
Test(factor, agrees_with_its_rules)
{
    for (int f = 0; f < OPERATIONS; f++)
        for (int s = 0; s < SHAPES; s++)
            for (int order = 0; order < 3; order++) {
                double data[2][MAX_SIZE], swept[MAX_SIZE];
                rg_tape *tape = rg_tape_create();
                rg_value in[2], grads[2];
                for (int k = 0; k < 2; k++) {
                    fill(data[k], shapes[s][k], k == 0, 0, 5);
                    in[k] = rg_input_f64(tape, shapes[s][k], data[k]);
                }
                int count = inputs_of(operations[f]);
                derivative of = {operations[f], order};
                rg_value y = weigh(derive(tape, in, count, &of));
                CHECK_STATUS(rg_backward(y), RG_OK);
                CHECK_STATUS(rg_grad_values(y, (rg_value){0}, count, in, grads), RG_OK);
                for (int k = 0; k < count; k++) {
                    CHECK_STATUS(rg_read_grad(in[k], swept), RG_OK);
                    check_near_all(grads[k], rg_constant_f64(tape, shapes[s][k], swept), 1e-11);
                }
                rg_tape_destroy(tape);
            }
}

/* ---- singular matrices ---- */

/* Matrices [3, 3] of rank 2, 1, 0, and one whose elimination leaves rounding errors. */
static const double singular[][9] = {
    {1, 2, 3, 2, 4, 6, 1, 0, 1},
    {1, 2, 3, 2, 4, 6, -1, -2, -3},
    {0},
    {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9},
};
enum { SINGULAR = sizeof singular / sizeof *singular };

/* The determinant of a matrix [3, 3] as a polynomial of its elements. */
static rg_value rule_of_sarrus(const rg_value *in)
{
    static const int terms[6][3] = {{0, 4, 8}, {1, 5, 6}, {2, 3, 7},
                                    {2, 4, 6}, {1, 3, 8}, {0, 5, 7}};
    rg_value sum = rg_constant(in[0].tape, 0), x = rg_reshape(in[0], RG_SHAPE(9));
    for (int i = 0; i < 6; i++) {
        rg_value product = rg_constant(in[0].tape, i < 3 ? 1 : -1);
        for (int k = 0; k < 3; k++)
            product = rg_mul(product, rg_at(x, RG_AXES(terms[i][k])));
        sum = rg_add(sum, product);
    }
    return sum;
}

Test(factor, differentiates_singular_determinants_twice)
{
    for (int s = 0; s < SINGULAR; s++)
        for (int order = 0; order < 3; order++) {
            rg_tape *tape = rg_tape_create();
            rg_value x = rg_input_f64(tape, RG_SHAPE(3, 3), singular[s]);
            derivative got = {det_of, order}, want = {rule_of_sarrus, order};
            check_near_all(derive(tape, &x, 1, &got), derive(tape, &x, 1, &want), 1e-15);
            rg_tape_destroy(tape);
        }
}

Test(factor, sweeps_singular_determinants_twice)
{
    for (int s = 0; s < SINGULAR; s++)
        for (int order = 0; order < 2; order++) {
            double grads[2][9];
            for (int k = 0; k < 2; k++) {
                rg_tape *tape = rg_tape_create();
                rg_value x = rg_input_f64(tape, RG_SHAPE(3, 3), singular[s]);
                derivative of = {k ? rule_of_sarrus : det_of, order};
                CHECK_STATUS(rg_backward(weigh(derive(tape, &x, 1, &of))), RG_OK);
                CHECK_STATUS(rg_read_grad(x, grads[k]), RG_OK);
                rg_tape_destroy(tape);
            }
            for (int i = 0; i < 9; i++)
                CHECK_NEAR(grads[0][i], grads[1][i], 1e-15);
        }
}

Test(factor, knows_no_third_derivative_of_singular_determinants)
{
    double grad[9];
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(3, 3), singular[0]), y;
    derivative of = {det_of, 2};
    y = weigh(derive(tape, &x, 1, &of));
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_STATUS(rg_read_grad(x, grad), RG_OK);
    cr_assert(isnan(grad[0]));
    CHECK_STATUS(rg_grad_values(y, (rg_value){0}, 1, &x, &y), RG_ERROR_NUMERIC);
    rg_tape_destroy(tape);
}

/* A singular, a negative and a usable matrix: NaN stays in its batch, and where nothing comes from
 * upstream it contributes nothing. */
static void check_logdet(const double *upstream, int recorded, const double *want)
{
    static const double data[] = {1, 2, 2, 4, 0, 1, 1, 0, 2, 0, 0, 4};
    double grad[12];
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(3, 2, 2), data), y = rg_logdet(x), g;
    rg_value up = rg_constant_f64(tape, RG_SHAPE(3), upstream);
    CHECK_NEAR(rg_item(rg_at(y, RG_AXES(0))), -INFINITY, 0);
    CHECK_NEAR(rg_item(rg_at(y, RG_AXES(1))), NAN, 0);
    CHECK_NEAR(rg_item(rg_at(y, RG_AXES(2))), log(8), 1e-15);
    if (recorded) {
        CHECK_STATUS(rg_grad_values(y, up, 1, &x, &g), RG_OK);
        CHECK_STATUS(rg_read(g, grad), RG_OK);
    } else {
        CHECK_STATUS(rg_backward_with(y, upstream), RG_OK);
        CHECK_STATUS(rg_read_grad(x, grad), RG_OK);
    }
    for (int i = 0; i < 12; i++)
        CHECK_NEAR(grad[i], want[i], 1e-15);
    rg_tape_destroy(tape);
}

Test(factor, has_a_logdet_slope_only_above_0)
{
    static const double all[] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0.5, 0, 0, 0.25};
    static const double last[] = {0, 0, 0, 0, 0, 0, 0, 0, 0.5, 0, 0, 0.25};
    for (int recorded = 0; recorded < 2; recorded++) {
        check_logdet((double[]){1, 1, 1}, recorded, all);
        check_logdet((double[]){0, 0, 1}, recorded, last);
    }
}

Test(factor, passes_nan_on)
{
    static const double data[] = {NAN, 1, 1, 2};
    double y[4];
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(2, 2), data);
    CHECK_NEAR(rg_item(rg_det(x)), NAN, 0);
    CHECK_NEAR(rg_item(rg_logdet(x)), NAN, 0);
    CHECK_STATUS(rg_read(rg_inverse(x), y), RG_OK);
    cr_assert(isnan(y[0]) && isnan(y[3]));
    CHECK_STATUS(rg_read(rg_cholesky(x), y), RG_OK);
    cr_assert(isnan(y[0]) && isnan(y[3]));
    CHECK_STATUS(rg_backward(rg_det(x)), RG_OK);
    CHECK_STATUS(rg_read_grad(x, y), RG_OK);
    cr_assert(isnan(y[3]));
    rg_tape_destroy(tape);
}

/* ---- products of vectors ---- */

Test(factor, multiplies_vectors)
{
    static const double a[] = {1, 2, 3}, b[] = {4, 5, 6};
    double y[9];
    rg_tape *tape = rg_tape_create();
    rg_value v = rg_input_f64(tape, RG_SHAPE(3), a), w = rg_input_f64(tape, RG_SHAPE(3), b);
    CHECK_NEAR(rg_item(rg_dot(v, w)), 32, 0);
    CHECK_STATUS(rg_read(rg_outer(v, w), y), RG_OK);
    for (int i = 0; i < 9; i++)
        CHECK_NEAR(y[i], a[i / 3] * b[i % 3], 0);
    CHECK_NEAR(rg_item(rg_trace(rg_outer(v, w))), 32, 0);
    rg_tape_destroy(tape);
}

/* The gradient of a tall matrix's trace is 1 on its diagonal. */
Test(factor, traces_tall_matrices)
{
    double grad[8];
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(4, 2), (double[]){1, 2, 3, 4, 5, 6, 7, 8});
    rg_value y = rg_trace(x);
    CHECK_NEAR(rg_item(y), 5, 0);
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_STATUS(rg_read_grad(x, grad), RG_OK);
    for (int i = 0; i < 8; i++)
        CHECK_NEAR(grad[i], i == 0 || i == 3, 0);
    rg_tape_destroy(tape);
}

/* ---- errors ---- */

static rg_tape *tape;

/* The expression must fail on a fresh tape, with x [2, 2], y [2, 3], v [2], w [3] and a batch z of
 * a usable and a singular matrix that is not positive definite. */
#define FAILS(expression, status, text)                                                         \
    do {                                                                                        \
        tape = rg_tape_create();                                                                \
        rg_value x = rg_input_f64(tape, RG_SHAPE(2, 2), (double[]){1, 2, 2, 4});                \
        rg_value y = rg_input_f64(tape, RG_SHAPE(2, 3), NULL);                                  \
        rg_value v = rg_input_f64(tape, RG_SHAPE(2), NULL),                                     \
                 w = rg_input_f64(tape, RG_SHAPE(3), NULL);                                     \
        rg_value z = rg_input_f64(tape, RG_SHAPE(2, 2, 2), (double[]){2, 0, 0, 1, 1, 1, 1, 1}); \
        (void)x, (void)y, (void)v, (void)w, (void)z;                                            \
        rg_value result = expression;                                                           \
        cr_assert(result.serial == 0, #expression " gave a value");                             \
        CHECK_FAILED(tape, status, text);                                                       \
        rg_tape_destroy(tape);                                                                  \
    } while (0)

/* Large enough for LAPACK, where the library has it. */
Test(factor, large_matrices)
{
    enum { N = 100 };
    static double x[N * N], y[N * N], product[N * N];
    rg_random random = rg_random_create(3);
    for (int i = 0; i < N * N; i++)
        x[i] = rg_random_normal(&random);
    rg_tape *large = rg_tape_create();
    rg_value a = rg_input_f64(large, RG_SHAPE(N, N), x);
    rg_value spd = rg_matmul(a, rg_transpose(a, 0, 1)), l = rg_cholesky(spd);
    rg_value pairs[3][2] = {{rg_matmul(a, rg_inverse(a)), rg_matmul(rg_inverse(a), a)},
                            {rg_matmul(a, rg_solve(a, spd)), spd},
                            {rg_matmul(l, rg_transpose(l, 0, 1)), spd}};
    for (int k = 0; k < 3; k++) {
        CHECK_STATUS(rg_read(pairs[k][0], product), RG_OK);
        CHECK_STATUS(rg_read(pairs[k][1], y), RG_OK);
        for (int i = 0; i < N * N; i++)
            CHECK_NEAR(product[i], k ? y[i] : i % (N + 1) == 0, 1e-9);
    }
    /* det(a a^T) = det(a)^2 = product of squares of l's diagonal. */
    double log_det = rg_item(rg_logdet(spd)), from_l = 0;
    rg_read(rg_diagonal(l, 0), product);
    for (int i = 0; i < N; i++)
        from_l += 2 * log(product[i]);
    CHECK_NEAR(log_det, from_l, 1e-12);
    CHECK_NEAR(2 * log(fabs(rg_item(rg_det(a)))), from_l, 1e-12);
    x[5] = NAN;
    rg_read(rg_inverse(rg_input_f64(large, RG_SHAPE(N, N), x)), y);
    cr_assert(isnan(y[0]));
    for (int i = 0; i < N; i++) /* equal rows may leave a rest: that of rounding */
        x[i] = 0;
    rg_inverse(rg_input_f64(large, RG_SHAPE(N, N), x));
    CHECK_FAILED(large, RG_ERROR_NUMERIC, "the matrix is singular");
    rg_tape_destroy(large);
}

Test(factor, refuses_matrices_without_a_result)
{
    FAILS(rg_inverse(x), RG_ERROR_NUMERIC, "inverse at node 6: the matrix is singular");
    FAILS(rg_inverse(z), RG_ERROR_NUMERIC, "the matrix of batch 1 is singular");
    FAILS(rg_solve(x, v), RG_ERROR_NUMERIC, "solve at node 6: the matrix is singular");
    FAILS(rg_solve(z, z), RG_ERROR_NUMERIC, "the matrix of batch 1 is singular");
    FAILS(rg_cholesky(rg_neg(x)), RG_ERROR_NUMERIC, "the matrix is not positive definite");
    FAILS(rg_cholesky(z), RG_ERROR_NUMERIC, "the matrix of batch 1 is not positive definite");
}

Test(factor, refuses_shapes_that_do_not_fit)
{
    FAILS(rg_inverse(y), RG_ERROR_SHAPE, "inverse at node 6: [2, 3] is not [.., n, n]");
    FAILS(rg_det(v), RG_ERROR_SHAPE, "det at node 6: [2] is not [.., n, n]");
    FAILS(rg_logdet(y), RG_ERROR_SHAPE, "logdet");
    FAILS(rg_cholesky(v), RG_ERROR_SHAPE, "cholesky");
    FAILS(rg_solve(y, v), RG_ERROR_SHAPE, "[2, 3] is not [.., n, n]");
    FAILS(rg_solve(x, w), RG_ERROR_SHAPE,
          "[2, 2] and [3] are not [.., n, n] and [.., n, k] or [.., n]");
    FAILS(rg_solve(x, z), RG_ERROR_SHAPE, "solve");
    FAILS(rg_solve(z, v), RG_ERROR_SHAPE, "solve");
    FAILS(rg_dot(v, w), RG_ERROR_SHAPE, "[2] and [3] are not vectors of one length");
    FAILS(rg_dot(x, x), RG_ERROR_SHAPE, "dot");
    FAILS(rg_outer(v, x), RG_ERROR_SHAPE, "[2] and [2, 2] are not vectors");
    FAILS(rg_trace(v), RG_ERROR_SHAPE, "trace at node 6: [2] is not [m, n]");
}
