/*
 * lstm.c: the loss of a long short-term memory whose weights act element by element.
 *
 *     adbench_lstm INPUT --objective | --jacobian [--out FILE] [--time SECONDS]
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "harness.h"
#include "text.h"

/* The groups of weights, and of biases, in each layer. */
enum { FORGET, INPUT, OUTPUT, CHANGE, GROUPS };

typedef struct lstm {
    size_t l, c, b; /* layers, characters, bits of each */
    const double *weights; /* l x 2 x GROUPS x b: weights and biases */
    const double *extra;   /* 3 x b: weights of the input, of the output, and its bias */
    const double *state;   /* l x 2 x b: hidden states and cells */
    const double *sequence; /* c x b */
    double *now, *through;  /* for the objective: a state, and b numbers */
    rg_tape *tape;
    rg_real *reals; /* for the derivative: unknowns, state, and b numbers */
} lstm;

/* How many unknowns there are. */
static size_t unknowns(const lstm *lstm)
{
    return (2 * GROUPS * lstm->l + 3) * lstm->b;
}

static void read_lstm(lstm *lstm, const char *path)
{
    numbers input = read_numbers(path);
    size_t l = lstm->l = take_size(&input, "l", 1);
    size_t c = lstm->c = take_size(&input, "c", 2);
    size_t b = lstm->b = take_size(&input, "b", 1);
    size_t rows = size_plus(size_times(2 * GROUPS + 2, l), size_plus(3, c));
    expect_count(&input, size_plus(3, size_times(rows, b)));
    lstm->weights = take_numbers(&input, 2 * GROUPS * l * b);
    lstm->extra = take_numbers(&input, 3 * b);
    lstm->state = take_numbers(&input, 2 * l * b);
    lstm->sequence = take_numbers(&input, c * b);
    lstm->now = new_doubles(2 * l * b);
    lstm->through = new_doubles(b);
    lstm->tape = new_tape();
    lstm->reals = new_array(unknowns(lstm) + 2 * l * b + b, sizeof *lstm->reals);
}

/* ---- the objective ---- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* One character through all layers: changes the state and the b numbers in v. */
static void step(const lstm *lstm, double *state, double *v)
{
    size_t b = lstm->b;
    for (size_t k = 0; k < lstm->l; k++) {
        const double *w = lstm->weights + 2 * GROUPS * b * k, *bias = w + GROUPS * b;
        double *hidden = state + 2 * b * k, *cell = hidden + b;
        for (size_t i = 0; i < b; i++) {
            double forget = sigmoid(v[i] * w[FORGET * b + i] + bias[FORGET * b + i]);
            double in = sigmoid(hidden[i] * w[INPUT * b + i] + bias[INPUT * b + i]);
            double out = sigmoid(v[i] * w[OUTPUT * b + i] + bias[OUTPUT * b + i]);
            double change = tanh(hidden[i] * w[CHANGE * b + i] + bias[CHANGE * b + i]);
            cell[i] = cell[i] * forget + in * change;
            v[i] = hidden[i] = out * tanh(cell[i]);
        }
    }
}

static void objective(void *problem, double *out)
{
    const lstm *lstm = problem;
    size_t b = lstm->b;
    const double *in = lstm->extra, *weight = in + b, *bias = weight + b;
    double total = 0, *v = lstm->through;
    memcpy(lstm->now, lstm->state, 2 * lstm->l * b * sizeof *lstm->now);
    for (size_t t = 0; t + 1 < lstm->c; t++) {
        const double *s = lstm->sequence + t * b, *target = s + b;
        double sum = 2;
        for (size_t i = 0; i < b; i++)
            v[i] = s[i] * in[i];
        step(lstm, lstm->now, v);
        for (size_t i = 0; i < b; i++) {
            v[i] = v[i] * weight[i] + bias[i];
            sum += exp(v[i]);
        }
        double norm = log(sum);
        for (size_t i = 0; i < b; i++)
            total += target[i] * (v[i] - norm);
    }
    *out = -total / ((double)b * (double)(lstm->c - 1));
}

/* ---- the derivative ---- */

#define AFFINE(x, w, bias) rg_add(rg_mul(x, w), bias)

/* One component of one layer: three statements. */
static void record_unit(rg_tape *tape, size_t b, const rg_real *w, const rg_real *bias,
                        rg_real *hidden, rg_real *cell, rg_real *v)
{
    rg_real kept = rg_let(tape, rg_mul(*cell, rg_sigmoid(AFFINE(*v, w[FORGET * b],
                                                                bias[FORGET * b]))));
    *cell = rg_let(tape, rg_add(kept, rg_mul(rg_sigmoid(AFFINE(*hidden, w[INPUT * b],
                                                               bias[INPUT * b])),
                                             rg_tanh(AFFINE(*hidden, w[CHANGE * b],
                                                            bias[CHANGE * b])))));
    *v = *hidden = rg_let(tape, rg_mul(rg_sigmoid(AFFINE(*v, w[OUTPUT * b], bias[OUTPUT * b])),
                                       rg_tanh(*cell)));
}

static rg_real record(const lstm *lstm, const rg_real *weights, const rg_real *extra,
                      rg_real *state, rg_real *v)
{
    rg_tape *tape = lstm->tape;
    size_t b = lstm->b;
    rg_real total = rg_let(tape, 0.0);
    for (size_t t = 0; t + 1 < lstm->c; t++) {
        const double *s = lstm->sequence + t * b, *target = s + b;
        double targets = 0;
        for (size_t i = 0; i < b; i++)
            v[i] = rg_let(tape, rg_mul(s[i], extra[i]));
        for (size_t k = 0; k < lstm->l; k++)
            for (size_t i = 0; i < b; i++) {
                const rg_real *w = weights + 2 * GROUPS * b * k + i;
                rg_real *hidden = state + 2 * b * k + i;
                record_unit(tape, b, w, w + GROUPS * b, hidden, hidden + b, v + i);
            }
        rg_real sum = rg_let(tape, 2.0);
        for (size_t i = 0; i < b; i++) {
            v[i] = rg_let(tape, AFFINE(v[i], extra[b + i], extra[2 * b + i]));
            sum = rg_let(tape, rg_add(sum, rg_exp(v[i])));
            total = rg_let(tape, rg_add(total, rg_mul(target[i], v[i])));
            targets += target[i];
        }
        total = rg_let(tape, rg_sub(total, rg_mul(targets, rg_log(sum))));
    }
    return rg_let(tape, rg_mul(total, -1 / ((double)b * (double)(lstm->c - 1))));
}

static void derivative(void *problem, double *out)
{
    const lstm *lstm = problem;
    rg_tape *tape = lstm->tape;
    size_t count = unknowns(lstm), of_state = 2 * lstm->l * lstm->b;
    size_t of_layers = count - 3 * lstm->b;
    rg_real *x = lstm->reals, *state = x + count, *v = state + of_state;
    rg_tape_reset(tape);
    for (size_t i = 0; i < count; i++) {
        double number = i < of_layers ? lstm->weights[i] : lstm->extra[i - of_layers];
        x[i] = rg_let(tape, rg_input(tape, number));
    }
    for (size_t i = 0; i < of_state; i++)
        state[i] = rg_let(tape, lstm->state[i]);
    rg_backward(rg_value_of(tape, record(lstm, x, x + of_layers, state, v)));
    stop_on_tape_error(tape);
    rg_read_real_grads(tape, count, x, out);
}

int main(int argc, char **argv)
{
    static lstm lstm;
    arguments arguments = read_arguments(argc, argv, TAKES_MODE);
    read_lstm(&lstm, arguments.input);
    bench bench = {.name = "lstm",
                   .problem = &lstm,
                   .primal = 1,
                   .count = 2,
                   .answers = {{.key = "objective", .compute = objective},
                               {.key = "jacobian",
                                .rows = unknowns(&lstm),
                                .compute = derivative}}};
    return run_bench(&arguments, &bench, NULL, NULL);
}
