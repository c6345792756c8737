/*
 * lse.c: the logarithm of a sum of exponentials.
 */
#include <math.h>

#include "json_problems.h"

typedef struct lse {
    size_t n;
    const double *x;
    compiled power, logarithm;
    double *powers;
} lse;

static double greatest(const lse *lse)
{
    double most = lse->x[0];
    for (size_t i = 1; i < lse->n; i++)
        most = lse->x[i] > most ? lse->x[i] : most;
    return most;
}

static void primal(void *problem, double *out)
{
    const lse *lse = problem;
    double most = greatest(lse), sum = 0;
    for (size_t i = 0; i < lse->n; i++)
        sum += exp(lse->x[i] - most);
    *out = most + log(sum);
}

/* Compiles exp(x - most), and the logarithm of the sum of these. */
static void set_up(void *problem)
{
    static const unsigned char uniform[2] = {0, 1};
    lse *lse = problem;
    rg_tape *tape = new_tape();
    rg_value x[2] = {rg_input(tape, 0), rg_input(tape, 0)}, sum = rg_input(tape, 1);
    rg_value power = rg_exp(rg_sub(x[0], x[1])), logarithm = rg_log(sum);
    stop_on_tape_error(tape);
    lse->power = compile(1, &power, 2, x, RG_PROGRAM_VJP, uniform);
    lse->logarithm = compile(1, &logarithm, 1, &sum, RG_PROGRAM_GRADIENT, NULL);
    lse->powers = new_doubles(lse->n);
}

static void gradient(void *problem, double *out)
{
    const lse *lse = problem;
    double most = greatest(lse), sum = 0, slope, *powers = lse->powers;
    const double *in[2] = {lse->x, &most}, *upstream = powers;
    stop_on_error(
        rg_program_value_batch(lse->power.program, lse->power.workspace, lse->n, in, &powers));
    for (size_t i = 0; i < lse->n; i++)
        sum += powers[i];
    stop_on_error(
        rg_program_gradient(lse->logarithm.program, lse->logarithm.workspace, &sum, NULL, &slope));
    for (size_t i = 0; i < lse->n; i++)
        powers[i] = slope;
    stop_on_error(rg_program_vjp_batch(lse->power.program, lse->power.workspace, lse->n, in,
                                       &upstream, NULL, (double *[]){out, NULL}));
}

void read_lse(const json_t *input, bench *bench)
{
    lse *lse = new_array(1, sizeof *lse);
    lse->x = json_list_of(input, "x", &lse->n);
    bench->problem = lse;
    bench->setup = set_up;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = lse->n, .compute = gradient};
}
