/*
 * step_by_step.c: back-propagation by hand, and by the tape, on the classic network of two inputs,
 * two hidden neurons and two outputs.
 *
 * Every number of one training step is printed with the formula it comes from; then the network is
 * trained, once with the true gradient and once with that of the published walk-through.
 */
#include <reelgrad.h>

#include "options.h"

enum { INPUTS = 2, HIDDEN = 2, NEURONS = 4, WEIGHTS = 8 };

static const double input[INPUTS] = {.05, .10}, target[2] = {.01, .99};
static const double hidden_bias = .35, output_bias = .60, rate = .5;
static const double first_weights[WEIGHTS] = {.15, .20, .25, .30, .40, .45, .50, .55};

/* One recorded pass. weight[0] is w1 of the walk-through, and so on: w1, w2 lead to neuron h1, w3,
 * w4 to h2, w5, w6 to o1, w7, w8 to o2. Neurons stand in the order h1, h2, o1, o2. */
typedef struct network {
    rg_value weight[WEIGHTS], net[NEURONS], out[NEURONS], error[2], total;
} network;

static network record(rg_tape *tape, const double *weights)
{
    network n;
    rg_value in[INPUTS];
    for (int i = 0; i < INPUTS; i++)
        in[i] = rg_constant(tape, input[i]);
    for (int i = 0; i < WEIGHTS; i++)
        n.weight[i] = rg_input(tape, weights[i]);
    for (int j = 0; j < NEURONS; j++) {
        const rg_value *from = j < HIDDEN ? in : n.out;
        rg_value first = rg_mul(n.weight[2 * j], from[0]);
        rg_value second = rg_mul(n.weight[2 * j + 1], from[1]);
        n.net[j] = rg_add(rg_add(first, second), j < HIDDEN ? hidden_bias : output_bias);
        n.out[j] = rg_sigmoid(n.net[j]);
    }
    for (int k = 0; k < 2; k++)
        n.error[k] = rg_mul(.5, rg_square(rg_sub(target[k], n.out[HIDDEN + k])));
    n.total = rg_add(n.error[0], n.error[1]);
    return n;
}

/* dE/dw1 .. dE/dw4 as the published numbers have them: the errors of the outputs are carried back
 * to hidden neuron h through output weights that the same step has already changed. */
static double published_gradient(const network *n, const double *weights, int i)
{
    int h = i / INPUTS;
    double out = rg_item(n->out[h]);
    double to_out = rg_grad(n->net[2]) * weights[4 + h] + rg_grad(n->net[3]) * weights[6 + h];
    return to_out * out * (1 - out) * input[i % INPUTS];
}

/* One step of gradient descent on the weights. The biases stay, as in the walk-through. */
static void update(const network *n, int published, double *weights)
{
    for (int i = 4; i < WEIGHTS; i++)
        weights[i] -= rate * rg_grad(n->weight[i]);
    for (int i = 0; i < 4; i++)
        weights[i] -=
            rate * (published ? published_gradient(n, weights, i) : rg_grad(n->weight[i]));
}

/* ---- the first step, in every detail ---- */

static void print_forward(const network *n)
{
    static const char *const name[NEURONS] = {"h1", "h2", "o1", "o2"};
    static const char *const from[NEURONS] = {"i", "i", "out_h", "out_h"};
    puts("1. Forward: each neuron sums its weighted inputs and its bias, then squashes the sum.\n"
         "   sigmoid(net) = 1 / (1 + e^-net)\n");
    for (int j = 0; j < NEURONS; j++) {
        printf("   net_%s = w%d %s1 + w%d %s2 + b%d = %.9f\n", name[j], 2 * j + 1, from[j],
               2 * j + 2, from[j], j < HIDDEN ? 1 : 2, rg_item(n->net[j]));
        printf("   out_%s = sigmoid(net_%s) = %.9f\n", name[j], name[j], rg_item(n->out[j]));
    }
    puts("\n2. Error: half of the squared distance to the target, added up over the outputs.\n");
    for (int k = 0; k < 2; k++)
        printf("   E_o%d = (%.2f - out_o%d)^2 / 2 = %.9f\n", k + 1, target[k], k + 1,
               rg_item(n->error[k]));
    printf("   E = E_o1 + E_o2 = %.9f\n\n", rg_item(n->total));
}

static void print_backward(const network *n)
{
    double o1 = rg_item(n->out[2]), h1 = rg_item(n->out[0]);
    puts("3. Backward: the chain rule, one link after the other. For a weight of the output "
         "layer:\n");
    printf("   dE/dout_o1      = out_o1 - %.2f       = %.9f\n", target[0], o1 - target[0]);
    printf("   dout_o1/dnet_o1 = out_o1 (1 - out_o1) = %.9f\n", o1 * (1 - o1));
    printf("   dnet_o1/dw5     = out_h1              = %.9f\n", h1);
    printf("   dE/dw5 = their product = %.9f, by the tape %.9f\n\n",
           (o1 - target[0]) * o1 * (1 - o1) * h1, rg_grad(n->weight[4]));

    double through_o1 = rg_grad(n->net[2]) * rg_item(n->weight[4]);
    double through_o2 = rg_grad(n->net[3]) * rg_item(n->weight[6]);
    puts("   A hidden neuron reaches E through both outputs, so both paths are added:\n");
    printf("   dE_o1/dout_h1 = dE/dnet_o1 w5         = %.9f\n", through_o1);
    printf("   dE_o2/dout_h1 = dE/dnet_o2 w7         = %.9f\n", through_o2);
    printf("   dE/dout_h1    = their sum             = %.9f\n", through_o1 + through_o2);
    printf("   dout_h1/dnet_h1 = out_h1 (1 - out_h1) = %.9f\n", h1 * (1 - h1));
    printf("   dnet_h1/dw1     = i1                  = %.9f\n", input[0]);
    printf("   dE/dw1 = product of the last three = %.9f, by the tape %.9f\n\n",
           (through_o1 + through_o2) * h1 * (1 - h1) * input[0], rg_grad(n->weight[0]));
}

static rg_status first_step(rg_tape *tape)
{
    double weights[WEIGHTS];
    memcpy(weights, first_weights, sizeof weights);
    network n = record(tape, weights);
    rg_status status = rg_backward(n.total);
    if (status != RG_OK)
        return status;
    print_forward(&n);
    print_backward(&n);
    update(&n, 0, weights);
    printf("4. Update: w := w - %.1f dE/dw, all weights at once; the biases stay.\n\n", rate);
    for (int i = 0; i < WEIGHTS; i++)
        printf("   w%d = %.2f - %.1f * %12.9f = %.9f\n", i + 1, first_weights[i], rate,
               rg_grad(n.weight[i]), weights[i]);
    rg_tape_reset(tape);
    return RG_OK;
}

/* ---- many steps ---- */

/* Trains for `steps` steps and prints E after the first, the last but one and the last. */
static rg_status train(rg_tape *tape, int published, int64_t steps)
{
    double weights[WEIGHTS];
    memcpy(weights, first_weights, sizeof weights);
    for (int64_t step = 0; step <= steps; step++) {
        network n = record(tape, weights);
        rg_status status = rg_backward(n.total);
        if (status != RG_OK)
            return status;
        if (step == 1 || step >= steps - 1)
            printf("   after %5" PRId64 " steps: E = %.12g, outputs %.9f and %.9f\n", step,
                   rg_item(n.total), rg_item(n.out[2]), rg_item(n.out[3]));
        update(&n, published, weights);
        rg_tape_reset(tape);
    }
    return RG_OK;
}

static rg_status many_steps(rg_tape *tape, int64_t steps)
{
    puts("\n5. Training with the true gradient, all derivatives taken at the same weights:\n");
    rg_status status = train(tape, 0, steps);
    if (status != RG_OK)
        return status;
    puts("\n6. The published walk-through prints E = .291027924 after one step and the outputs\n"
         "   .015912196 and .984065734 after 10,000. These are no errors of rounding: they come\n"
         "   from a program that updates w5 .. w8 first and then carries the errors back to the\n"
         "   hidden neurons through the updated weights. What it uses for w1 .. w4 is therefore\n"
         "   not the gradient of E at any point, though close to it. The same variant here:\n");
    return train(tape, 1, steps);
}

int main(int argc, char **argv)
{
    int64_t steps = 10000, seed = 0;
    read_options(argc, argv, "Back-propagation through a 2-2-2 network, with every number.",
                 (const option[]){{"steps", OPTION_COUNT, &steps, "of gradient descent"},
                                  {"seed", OPTION_COUNT, &seed, "unused: nothing is random here"},
                                  {0}});
    rg_tape *tape = rg_tape_create();
    rg_status status = first_step(tape);
    if (status == RG_OK)
        status = many_steps(tape, steps);
    if (status != RG_OK)
        fprintf(stderr, "%s: %s\n", argv[0], rg_tape_message(tape));
    rg_tape_destroy(tape);
    return status != RG_OK;
}
