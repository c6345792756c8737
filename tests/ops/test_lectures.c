/*
 * test_lectures.c: the numbers that courses on back-propagation print, against the tape.
 */
#include "../check.h"

SUITE(lectures);

/* f = (x + y) z at (-2, 5, -4), the first example of most courses. */
Test(lectures, sum_times)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, -2), y = rg_input(tape, 5), z = rg_input(tape, -4);
    rg_value q = rg_add(x, y), f = rg_mul(q, z);
    CHECK_STATUS(rg_backward(f), RG_OK);
    CHECK_NEAR(rg_item(q), 3, 0);
    CHECK_NEAR(rg_item(f), -12, 0);
    CHECK_NEAR(rg_grad(q), -4, 0);
    CHECK_NEAR(rg_grad(x), -4, 0);
    CHECK_NEAR(rg_grad(y), -4, 0);
    CHECK_NEAR(rg_grad(z), 3, 0);
    rg_tape_destroy(tape);
}

/* ---- the 2-2-2 network of the step-by-step walk-through; see examples/step_by_step.c ---- */

static const double first_weights[8] = {.15, .20, .25, .30, .40, .45, .50, .55};

/* Weights w1 .. w8 are weight[0] .. weight[7]; neurons stand in the order h1, h2, o1, o2. */
typedef struct network {
    rg_value weight[8], net[4], out[4], error[2], total;
} network;

static network record_network(rg_tape *tape, const double *weights)
{
    static const double bias[4] = {.35, .35, .60, .60}, target[2] = {.01, .99};
    network n;
    const rg_value in[2] = {rg_constant(tape, .05), rg_constant(tape, .10)};
    for (int i = 0; i < 8; i++)
        n.weight[i] = rg_input(tape, weights[i]);
    for (int j = 0; j < 4; j++) {
        const rg_value *from = j < 2 ? in : n.out;
        rg_value first = rg_mul(n.weight[2 * j], from[0]);
        rg_value second = rg_mul(n.weight[2 * j + 1], from[1]);
        n.net[j] = rg_add(rg_add(first, second), bias[j]);
        n.out[j] = rg_sigmoid(n.net[j]);
    }
    for (int k = 0; k < 2; k++)
        n.error[k] = rg_div(rg_square(rg_sub(target[k], n.out[2 + k])), 2);
    n.total = rg_add(n.error[0], n.error[1]);
    return n;
}

/* One step at rate .5. `published`: w5 .. w8 first, and w1 .. w4 then by what the changed ones pass
 * back, as the walk-through's program did. */
static void step_network(const network *n, int published, double *weights)
{
    static const double input[2] = {.05, .10};
    for (int i = 4; i < 8; i++)
        weights[i] -= .5 * rg_grad(n->weight[i]);
    for (int i = 0; i < 4; i++) {
        double gradient = rg_grad(n->weight[i]), out = rg_item(n->out[i / 2]);
        if (published)
            gradient = (rg_grad(n->net[2]) * weights[4 + i / 2] +
                        rg_grad(n->net[3]) * weights[6 + i / 2]) *
                       out * (1 - out) * input[i % 2];
        weights[i] -= .5 * gradient;
    }
}

/* E and the outputs after `steps` steps. */
static void train_network(int published, int steps, double *total, double *outputs)
{
    rg_tape *tape = rg_tape_create();
    double weights[8];
    memcpy(weights, first_weights, sizeof weights);
    for (int step = 0; step < steps; step++) {
        network n = record_network(tape, weights);
        CHECK_STATUS(rg_backward(n.total), RG_OK);
        step_network(&n, published, weights);
        rg_tape_reset(tape);
    }
    network n = record_network(tape, weights);
    *total = rg_item(n.total);
    for (int k = 0; k < 2; k++)
        outputs[k] = rg_item(n.out[2 + k]);
    rg_tape_destroy(tape);
}

/* Within half a unit of the last printed digit. */
static void check_printed(double got, double printed, int decimals)
{
    double unit = pow(10, -decimals);
    cr_assert(fabs(got - printed) <= .5 * unit * 1.000001, "%.17g does not print as %.*f", got,
              decimals, printed);
}

Test(lectures, step_by_step_first_pass)
{
    rg_tape *tape = rg_tape_create();
    network n = record_network(tape, first_weights);
    CHECK_STATUS(rg_backward(n.total), RG_OK);
    check_printed(rg_item(n.net[0]), .3775, 12);
    check_printed(rg_item(n.out[0]), .593269992, 9);
    check_printed(rg_item(n.out[1]), .596884378, 9);
    check_printed(rg_item(n.net[2]), 1.105905967, 9);
    check_printed(rg_item(n.out[2]), .75136507, 8);
    check_printed(rg_item(n.out[3]), .772928465, 9);
    check_printed(rg_item(n.error[0]), .274811083, 9);
    check_printed(rg_item(n.error[1]), .023560026, 9);
    check_printed(rg_item(n.total), .298371109, 9);
    check_printed(rg_grad(n.weight[4]), .082167041, 9);
    check_printed(rg_grad(n.weight[0]), .000438568, 9);
    rg_tape_destroy(tape);
}

Test(lectures, step_by_step_first_update)
{
    static const double want[8] = {.149780716, .19956143,  .24975114,  .29950229,
                                   .35891648,  .408666186, .511301270, .561370121};
    static const int decimals[8] = {9, 8, 8, 8, 8, 9, 9, 9};
    rg_tape *tape = rg_tape_create();
    double weights[8];
    memcpy(weights, first_weights, sizeof weights);
    network n = record_network(tape, weights);
    CHECK_STATUS(rg_backward(n.total), RG_OK);
    step_network(&n, 0, weights);
    for (int i = 0; i < 8; i++)
        check_printed(weights[i], want[i], decimals[i]);
    rg_tape_destroy(tape);
}

Test(lectures, step_by_step_true_gradient)
{
    double total, outputs[2];
    train_network(0, 1, &total, outputs);
    check_printed(total, .291027773694, 12);
    train_network(0, 9999, &total, outputs);
    check_printed(total, 3.51085481e-05, 13);
    train_network(0, 10000, &total, outputs);
    check_printed(total, 3.510187783e-05, 14);
}

Test(lectures, step_by_step_as_published)
{
    double total, outputs[2];
    train_network(1, 1, &total, outputs);
    check_printed(total, .291027924, 9);
    train_network(1, 10000, &total, outputs);
    check_printed(outputs[0], .015912196, 9);
    check_printed(outputs[1], .984065734, 9);
}

/* ---- batches: closed forms in plain loops against the tape ---- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void fill_normal(rg_random *random, double *out, int count)
{
    for (int i = 0; i < count; i++)
        out[i] = rg_random_normal(random);
}

static void check_shape(rg_value x, rg_shape want)
{
    rg_shape got = rg_get_shape(x);
    cr_assert(rg_shape_equal(&got, &want));
}

static void check_gradient(rg_value x, const double *want)
{
    double got[64];
    cr_assert(rg_size(x) <= 64);
    CHECK_STATUS(rg_read_grad(x, got), RG_OK);
    for (int64_t i = 0; i < rg_size(x); i++)
        CHECK_NEAR(got[i], want[i], 1e-13);
}

/* One neuron on m examples of n features: J = mean of -(y ln a + (1 - y) ln(1 - a)),
 * dJ/dw = (1/m) sum (a - y) x and dJ/db = (1/m) sum (a - y). */
Test(lectures, logistic_regression)
{
    enum { M = 7, N = 3 };
    rg_random random = rg_random_create(1);
    double x[M * N], y[M], w[N], b = .3, J = 0, dw[N] = {0}, db = 0;
    fill_normal(&random, x, M * N);
    fill_normal(&random, w, N);
    for (int i = 0; i < M; i++) {
        y[i] = i % 2;
        double z = b;
        for (int j = 0; j < N; j++)
            z += x[i * N + j] * w[j];
        double a = sigmoid(z);
        J -= (y[i] * log(a) + (1 - y[i]) * log(1 - a)) / M;
        for (int j = 0; j < N; j++)
            dw[j] += (a - y[i]) * x[i * N + j] / M;
        db += (a - y[i]) / M;
    }

    rg_tape *tape = rg_tape_create();
    rg_value X = rg_constant_f64(tape, RG_SHAPE(M, N), x);
    rg_value Y = rg_constant_f64(tape, RG_SHAPE(M), y);
    rg_value W = rg_input_f64(tape, RG_SHAPE(N), w), B = rg_input(tape, b);
    rg_value z = rg_add(rg_matmul(X, W), B);
    const rg_value losses[2] = {rg_bce(rg_sigmoid(z), Y, RG_MEAN),
                                rg_bce_with_logits(z, Y, RG_MEAN)};
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(rg_backward(losses[i]), RG_OK);
        CHECK_NEAR(rg_item(losses[i]), J, 1e-14);
        check_gradient(W, dw);
        CHECK_NEAR(rg_grad(B), db, 1e-14);
    }
    rg_tape_destroy(tape);
}

/* out [rows, cols] = a [rows, inner] b [inner, cols] */
static void multiply(int rows, int inner, int cols, const double *a, const double *b, double *out)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
            out[i * cols + j] = 0;
            for (int k = 0; k < inner; k++)
                out[i * cols + j] += a[i * inner + k] * b[k * cols + j];
        }
}

static void transpose(int rows, int cols, const double *a, double *out)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            out[j * rows + i] = a[i * cols + j];
}

/* The 3-2-1 sigmoid network, examples as columns: a1 [3, m], a2 = sigmoid(W2 a1 + b2) [2, m],
 * a3 = sigmoid(W3 a2 + b3) [1, m], L = summed cross-entropy:
 * dL/dW3 = (a3 - y) a2^T and dL/dW2 = (W3^T (a3 - y) * a2 (1 - a2)) a1^T. */
Test(lectures, network_3_2_1)
{
    enum { M = 5 };
    rg_random random = rg_random_create(2);
    double a1[3 * M], y[M] = {0, 1, 1, 0, 1}, w2[2 * 3], b2[2], w3[2], b3[1];
    fill_normal(&random, a1, 3 * M);
    fill_normal(&random, w2, 6);
    fill_normal(&random, b2, 2);
    fill_normal(&random, w3, 2);
    fill_normal(&random, b3, 1);

    double a2[2 * M], a3[M], d3[M], d2[2 * M], a1t[M * 3], a2t[M * 2], dw3[2], dw2[6];
    multiply(2, 3, M, w2, a1, a2);
    for (int i = 0; i < 2 * M; i++)
        a2[i] = sigmoid(a2[i] + b2[i / M]);
    multiply(1, 2, M, w3, a2, a3);
    for (int i = 0; i < M; i++) {
        a3[i] = sigmoid(a3[i] + b3[0]);
        d3[i] = a3[i] - y[i];
    }
    transpose(2, M, a2, a2t);
    multiply(1, M, 2, d3, a2t, dw3);
    multiply(2, 1, M, w3, d3, d2); /* w3 [1, 2] and its transpose look alike in memory */
    for (int i = 0; i < 2 * M; i++)
        d2[i] *= a2[i] * (1 - a2[i]);
    transpose(3, M, a1, a1t);
    multiply(2, M, 3, d2, a1t, dw2);

    rg_tape *tape = rg_tape_create();
    rg_value A1 = rg_constant_f64(tape, RG_SHAPE(3, M), a1);
    rg_value Y = rg_constant_f64(tape, RG_SHAPE(1, M), y);
    rg_value W2 = rg_input_f64(tape, RG_SHAPE(2, 3), w2),
             B2 = rg_input_f64(tape, RG_SHAPE(2, 1), b2);
    rg_value W3 = rg_input_f64(tape, RG_SHAPE(1, 2), w3),
             B3 = rg_input_f64(tape, RG_SHAPE(1, 1), b3);
    rg_value A2 = rg_sigmoid(rg_add(rg_matmul(W2, A1), B2));
    rg_value A3 = rg_sigmoid(rg_add(rg_matmul(W3, A2), B3));
    CHECK_STATUS(rg_backward(rg_bce(A3, Y, RG_SUM)), RG_OK);
    check_shape(A2, RG_SHAPE(2, M));
    check_shape(A3, RG_SHAPE(1, M));
    check_gradient(W3, dw3);
    check_gradient(W2, dw2);
    rg_tape_destroy(tape);
}
