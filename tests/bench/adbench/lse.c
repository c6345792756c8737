/*
 * lse.c: the logarithm of a sum of exponentials.
 */
#include <math.h>

#include "json_problems.h"

typedef struct lse {
    size_t n;
    const double *x;
    rg_tape *tape;
} lse;

static void primal(void *problem, double *out)
{
    const lse *lse = problem;
    double most = lse->x[0], sum = 0;
    for (size_t i = 1; i < lse->n; i++)
        most = lse->x[i] > most ? lse->x[i] : most;
    for (size_t i = 0; i < lse->n; i++)
        sum += exp(lse->x[i] - most);
    *out = most + log(sum);
}

static void gradient(void *problem, double *out)
{
    const lse *lse = problem;
    rg_tape_reset(lse->tape);
    rg_value x = rg_input_f64(lse->tape, RG_SHAPE((int64_t)lse->n), lse->x);
    rg_value most = rg_detach(rg_amax(x)), sum = rg_sum(rg_exp(rg_sub(x, most)));
    rg_backward(rg_add(most, rg_log(sum)));
    rg_read_grad(x, out);
    stop_on_tape_error(lse->tape);
}

void read_lse(const json_t *input, bench *bench)
{
    lse *lse = new_array(1, sizeof *lse);
    lse->x = json_list_of(input, "x", &lse->n);
    lse->tape = new_tape();
    bench->problem = lse;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = lse->n, .compute = gradient};
}
