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
    size_t l, c, b;         /* layers, characters, bits of each */
    const double *weights;  /* l x 2 x GROUPS x b: weights and biases */
    const double *extra;    /* 3 x b: weights of the input, of the output, and its bias */
    const double *state;    /* l x 2 x b: hidden states and cells */
    const double *sequence; /* c x b */
    double *now, *through;  /* for the objective: a state, and b numbers */
    /* for the derivative */
    compiled first, other;            /* a unit of the first layer, and of another */
    compiled loss;                    /* of one character */
    double *states;                   /* c x l x 2 x b: before each step and after the last */
    double *said, *of_said, *targets; /* b x (c - 1): of each step, and the slopes by it */
    double *of_state, *of_unit;       /* slopes by a state, and by what units are given */
    const double **in;
    double **slopes;
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

/* What a unit, one component of one layer, is given: what comes from below (in the first layer a
 * character and its weight, whose product it is), its state, its weights and its biases. */
enum {
    BELOW,
    BELOW_WEIGHT,
    HIDDEN,
    CELL,
    WEIGHTS,
    BIASES = WEIGHTS + GROUPS,
    UNIT = BIASES + GROUPS
};

static rg_value affine(const rg_value *in, int group, rg_value x)
{
    return rg_add(rg_mul(x, in[WEIGHTS + group]), in[BIASES + group]);
}

/* The unit's new hidden state and cell. */
static void record_unit(const rg_value *in, rg_value v, rg_value *out)
{
    rg_value kept = rg_mul(in[CELL], rg_sigmoid(affine(in, FORGET, v)));
    rg_value change = rg_tanh(affine(in, CHANGE, in[HIDDEN]));
    out[1] = rg_add(kept, rg_mul(rg_sigmoid(affine(in, INPUT, in[HIDDEN])), change));
    out[0] = rg_mul(rg_sigmoid(affine(in, OUTPUT, v)), rg_tanh(out[1]));
}

/* The loss of one character by what the last layer says, the weights of the output and its biases;
 * `targets` holds the next character. */
static rg_value record_loss(size_t b, const rg_value *v, const rg_value *weights,
                            const rg_value *targets)
{
    rg_value sum = {0}, said = {0}, wanted = {0};
    for (size_t i = 0; i < b; i++) {
        rg_value y = rg_add(rg_mul(v[i], weights[i]), weights[b + i]);
        sum = i ? rg_add(sum, rg_exp(y)) : rg_add(2, rg_exp(y));
        said = i ? rg_add(said, rg_mul(targets[i], y)) : rg_mul(targets[i], y);
        wanted = i ? rg_add(wanted, targets[i]) : targets[i];
    }
    return rg_sub(rg_mul(wanted, rg_log(sum)), said);
}

static void compile_units(lstm *lstm)
{
    rg_tape *tape = new_tape();
    rg_value in[UNIT], out[2];
    for (int i = 0; i < UNIT; i++)
        in[i] = rg_input(tape, 0.5);
    record_unit(in, rg_mul(in[BELOW], in[BELOW_WEIGHT]), out);
    lstm->first = compile(2, out, UNIT, in, RG_PROGRAM_VJP, NULL);
    record_unit(in, in[BELOW], out);
    lstm->other = compile(2, out, UNIT, in, RG_PROGRAM_VJP, NULL);
}

static void compile_loss(lstm *lstm)
{
    size_t b = lstm->b;
    rg_tape *tape = new_tape();
    rg_value *in = new_array(4 * b, sizeof *in);
    unsigned char *uniform = new_array(4 * b, 1);
    for (size_t i = 0; i < 4 * b; i++) {
        in[i] = rg_input(tape, 0.5);
        uniform[i] = i >= b && i < 3 * b;
    }
    rg_value loss = record_loss(b, in, in + b, in + 3 * b);
    stop_on_tape_error(tape);
    lstm->loss = compile(1, &loss, 4 * b, in, RG_PROGRAM_GRADIENT, uniform);
}

static void set_up(void *problem)
{
    lstm *lstm = problem;
    size_t b = lstm->b, state = 2 * lstm->l * b, steps = lstm->c - 1;
    compile_units(lstm);
    compile_loss(lstm);
    lstm->states = new_doubles(size_times(lstm->c, state));
    memcpy(lstm->states, lstm->state, state * sizeof *lstm->states);
    lstm->said = new_doubles(size_times(b, steps));
    lstm->of_said = new_doubles(size_times(b, steps));
    lstm->targets = new_doubles(size_times(b, steps));
    lstm->of_state = new_doubles(state);
    lstm->of_unit = new_doubles(UNIT * b);
    lstm->in = new_array(4 * b, sizeof *lstm->in);
    lstm->slopes = new_array(4 * b, sizeof *lstm->slopes);
    for (size_t t = 0; t < steps; t++)
        for (size_t i = 0; i < b; i++)
            lstm->targets[i * steps + t] = lstm->sequence[(t + 1) * b + i];
}

/* Points the inputs of the units of layer k at step t. */
static const compiled *point_inputs(const lstm *lstm, size_t t, size_t k, const double **in)
{
    size_t b = lstm->b, state = 2 * lstm->l * b;
    const double *before = lstm->states + t * state, *after = before + state;
    in[BELOW] = k ? after + 2 * (k - 1) * b : lstm->sequence + t * b;
    in[BELOW_WEIGHT] = lstm->extra;
    in[HIDDEN] = before + 2 * k * b;
    in[CELL] = in[HIDDEN] + b;
    for (size_t i = 0; i < 2 * GROUPS; i++)
        in[WEIGHTS + i] = lstm->weights + (2 * GROUPS * k + i) * b;
    return k ? &lstm->other : &lstm->first;
}

/* All states, and what the last layer says at each step. */
static void go_forward(const lstm *lstm)
{
    size_t b = lstm->b, l = lstm->l, steps = lstm->c - 1;
    const double *in[UNIT];
    for (size_t t = 0; t < steps; t++) {
        double *after = lstm->states + (t + 1) * 2 * l * b;
        for (size_t k = 0; k < l; k++) {
            const compiled *unit = point_inputs(lstm, t, k, in);
            double *out[2] = {after + 2 * k * b, after + (2 * k + 1) * b};
            stop_on_error(rg_program_value_batch(unit->program, unit->workspace, b, in, out));
        }
        for (size_t i = 0; i < b; i++)
            lstm->said[i * steps + t] = after[2 * (l - 1) * b + i];
    }
}

/* The slopes of the loss by what was said and by the weights of the output. */
static void find_loss_slopes(const lstm *lstm, double *of_output)
{
    size_t b = lstm->b, steps = lstm->c - 1;
    for (size_t i = 0; i < b; i++) {
        lstm->in[i] = lstm->said + i * steps;
        lstm->in[b + i] = lstm->extra + b + i;
        lstm->in[2 * b + i] = lstm->extra + 2 * b + i;
        lstm->in[3 * b + i] = lstm->targets + i * steps;
        lstm->slopes[i] = lstm->of_said + i * steps;
        lstm->slopes[b + i] = of_output + i;
        lstm->slopes[2 * b + i] = of_output + b + i;
        lstm->slopes[3 * b + i] = NULL;
    }
    stop_on_error(rg_program_gradient_batch(lstm->loss.program, lstm->loss.workspace, steps,
                                            lstm->in, NULL, lstm->slopes));
}

static void add_to(size_t count, const double *from, double *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

/* One step back through layer k: of_state holds the slopes by the state after the step and becomes
 * those by the state before it; `out` collects those by the weights. */
static void go_back(const lstm *lstm, size_t t, size_t k, double *out)
{
    size_t b = lstm->b;
    const double *in[UNIT];
    const compiled *unit = point_inputs(lstm, t, k, in);
    double *of_hidden = lstm->of_state + 2 * k * b, *slopes[UNIT];
    for (size_t i = 0; i < UNIT; i++)
        slopes[i] = lstm->of_unit + i * b;
    stop_on_error(rg_program_vjp_batch(unit->program, unit->workspace, b, in,
                                       (const double *[]){of_hidden, of_hidden + b}, NULL, slopes));
    memcpy(of_hidden, slopes[HIDDEN], 2 * b * sizeof *of_hidden);
    add_to(2 * GROUPS * b, slopes[WEIGHTS], out + 2 * GROUPS * k * b);
    if (k)
        add_to(b, slopes[BELOW], lstm->of_state + 2 * (k - 1) * b);
    else
        add_to(b, slopes[BELOW_WEIGHT], out + 2 * GROUPS * lstm->l * b);
}

static void derivative(void *problem, double *out)
{
    const lstm *lstm = problem;
    size_t b = lstm->b, l = lstm->l, steps = lstm->c - 1;
    double *last = lstm->of_state + 2 * (l - 1) * b, *of_input = out + 2 * GROUPS * l * b;
    memset(out, 0, unknowns(lstm) * sizeof *out);
    memset(lstm->of_state, 0, 2 * l * b * sizeof *out);
    go_forward(lstm);
    find_loss_slopes(lstm, of_input + b);
    for (size_t t = steps; t-- > 0;) {
        for (size_t i = 0; i < b; i++)
            last[i] += lstm->of_said[i * steps + t];
        for (size_t k = l; k-- > 0;)
            go_back(lstm, t, k, out);
    }
    for (size_t i = 0; i < unknowns(lstm); i++)
        out[i] /= (double)b * (double)steps;
}

int main(int argc, char **argv)
{
    static lstm lstm;
    arguments arguments = read_arguments(argc, argv, TAKES_MODE);
    read_lstm(&lstm, arguments.input);
    bench bench = {
        .name = "lstm",
        .problem = &lstm,
        .setup = set_up,
        .primal = 1,
        .count = 2,
        .answers = {{.key = "objective", .compute = objective},
                    {.key = "jacobian", .rows = unknowns(&lstm), .compute = derivative}}};
    return run_bench(&arguments, &bench, NULL, NULL);
}
