/*
 * logistic_regression.c: a single neuron that tells two clouds of points apart.
 *
 * The neuron computes a = sigmoid(w1 x1 + w2 x2 + b), the probability of class 1, and J is the mean
 * of the binary cross-entropies of a with the class y, 0 or 1. The gradient known in closed form,
 * dJ/dw = 1/m sum (a - y) x and dJ/db = 1/m sum (a - y), is printed beside the tape's; then the
 * neuron is trained by gradient descent.
 */
#include <reelgrad.h>

#include "options.h"

typedef struct points {
    int64_t m;
    double *x, *y; /* [m, 2] and [m] */
} points;

/* w1, w2 and b, or the derivatives with respect to them. */
typedef struct neuron {
    double w[2], b;
} neuron;

/* ---- points ---- */

/* Points around (-1, -1) and (1, 1), in turn, with their classes 0 and 1. */
static int create_points(points *p, int64_t m, rg_random *random)
{
    p->m = m;
    p->x = calloc((size_t)m, 2 * sizeof *p->x);
    p->y = calloc((size_t)m, sizeof *p->y);
    if (!p->x || !p->y)
        return 0;
    for (int64_t i = 0; i < m; i++) {
        p->y[i] = (double)(i % 2);
        for (int k = 0; k < 2; k++)
            p->x[2 * i + k] = 2 * p->y[i] - 1 + rg_random_normal(random);
    }
    return 1;
}

static void destroy_points(points *p)
{
    free(p->x);
    free(p->y);
}

/* ---- without the library ---- */

static double output(const neuron *n, const double *x)
{
    return 1 / (1 + exp(-(n->w[0] * x[0] + n->w[1] * x[1] + n->b)));
}

static neuron closed_form(const neuron *n, const points *p)
{
    neuron gradient = {{0, 0}, 0};
    for (int64_t i = 0; i < p->m; i++) {
        const double *x = p->x + 2 * i;
        double share = (output(n, x) - p->y[i]) / (double)p->m;
        gradient.w[0] += share * x[0];
        gradient.w[1] += share * x[1];
        gradient.b += share;
    }
    return gradient;
}

static double accuracy(const neuron *n, const points *p)
{
    int64_t right = 0;
    for (int64_t i = 0; i < p->m; i++)
        right += (output(n, p->x + 2 * i) > 0.5) == (p->y[i] > 0.5);
    return (double)right / (double)p->m;
}

/* ---- with it ---- */

/* Computes J and its gradient. */
static rg_status differentiate(rg_tape *tape, const neuron *n, const points *p, double *j,
                               neuron *gradient)
{
    rg_tape_reset(tape);
    rg_value x = rg_constant_view(tape, RG_F64, RG_SHAPE(p->m, 2), NULL, p->x);
    rg_value y = rg_constant_view(tape, RG_F64, RG_SHAPE(p->m), NULL, p->y);
    rg_value w = rg_input_f64(tape, RG_SHAPE(2), n->w);
    rg_value b = rg_input(tape, n->b);
    rg_value a = rg_sigmoid(rg_add(rg_matmul(x, w), b));
    rg_value mean = rg_bce(a, y, RG_MEAN);
    rg_status status = rg_backward(mean);
    if (status == RG_OK)
        status = rg_read_grad(w, gradient->w);
    gradient->b = rg_grad(b);
    *j = rg_item(mean);
    return status;
}

static rg_status compare(rg_tape *tape, const neuron *n, const points *p)
{
    double j;
    neuron tapes, known = closed_form(n, p);
    rg_status status = differentiate(tape, n, p, &j, &tapes);
    if (status != RG_OK)
        return status;
    printf("before training: J = %.9f\n", j);
    printf("  dJ/dw1 = %.15f in closed form, %.15f by the tape\n", known.w[0], tapes.w[0]);
    printf("  dJ/dw2 = %.15f in closed form, %.15f by the tape\n", known.w[1], tapes.w[1]);
    printf("  dJ/db  = %.15f in closed form, %.15f by the tape\n", known.b, tapes.b);
    return RG_OK;
}

static rg_status train(rg_tape *tape, neuron *n, const points *p, double rate, int64_t epochs)
{
    double j = 0;
    neuron gradient;
    for (int64_t epoch = 0; epoch < epochs; epoch++) {
        rg_status status = differentiate(tape, n, p, &j, &gradient);
        if (status != RG_OK)
            return status;
        n->w[0] -= rate * gradient.w[0];
        n->w[1] -= rate * gradient.w[1];
        n->b -= rate * gradient.b;
    }
    rg_status status = differentiate(tape, n, p, &j, &gradient);
    printf("after %" PRId64 " steps: J = %.9f, w = (%.6f, %.6f), b = %.6f\n", epochs, j, n->w[0],
           n->w[1], n->b);
    return status;
}

int main(int argc, char **argv)
{
    int64_t m = 200, epochs = 200, seed = 1;
    double rate = 1;
    read_options(argc, argv, "Logistic regression: one neuron, two classes of points in the plane.",
                 (const option[]){{"points", OPTION_COUNT, &m, "to train on"},
                                  {"epochs", OPTION_COUNT, &epochs, "steps over all points"},
                                  {"rate", OPTION_NUMBER, &rate, "learning rate"},
                                  {"seed", OPTION_COUNT, &seed, "of points and first weights"},
                                  {0}});
    if (m == 0) {
        fprintf(stderr, "%s: --points expects at least 1\n", argv[0]);
        return 2;
    }
    rg_random random = rg_random_create((uint64_t)seed);
    points seen = {0}, unseen = {0};
    if (!create_points(&seen, m, &random) || !create_points(&unseen, 1000, &random)) {
        fprintf(stderr, "%s: no memory for %" PRId64 " points\n", argv[0], m);
        destroy_points(&seen);
        destroy_points(&unseen);
        return 1;
    }
    neuron n = {{rg_random_normal(&random), rg_random_normal(&random)}, 0};
    rg_tape *tape = rg_tape_create();
    rg_status status = compare(tape, &n, &seen);
    if (status == RG_OK)
        status = train(tape, &n, &seen, rate, epochs);
    if (status == RG_OK)
        printf("accuracy: %.1f %% of the points trained on, %.1f %% of %" PRId64 " others\n",
               100 * accuracy(&n, &seen), 100 * accuracy(&n, &unseen), unseen.m);
    else
        fprintf(stderr, "%s: %s\n", argv[0], rg_tape_message(tape));
    rg_tape_destroy(tape);
    destroy_points(&seen);
    destroy_points(&unseen);
    return status != RG_OK;
}
