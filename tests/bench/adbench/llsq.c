/*
 * llsq.c: least squares: a polynomial fitted to the sign of n places from -1 to 1.
 */
#include <math.h>

#include "json_problems.h"

typedef struct llsq {
    size_t m, n;
    const double *x;
    double *powers, *signs; /* n x m and n, for the derivative */
    rg_tape *tape;
} llsq;

static double place(const llsq *llsq, size_t i)
{
    return -1 + 2 * (double)i / (double)(llsq->n - 1);
}

static double sign(double t)
{
    return (double)((t > 0) - (t < 0));
}

static void primal(void *problem, double *out)
{
    const llsq *llsq = problem;
    double sum = 0;
    for (size_t i = 0; i < llsq->n; i++) {
        double t = place(llsq, i), error = sign(t), power = 1;
        for (size_t j = 0; j < llsq->m; j++) {
            error -= llsq->x[j] * power;
            power *= t;
        }
        sum += error * error;
    }
    *out = sum / 2;
}

static void gradient(void *problem, double *out)
{
    const llsq *llsq = problem;
    int64_t n = (int64_t)llsq->n, m = (int64_t)llsq->m;
    for (size_t i = 0; i < llsq->n; i++) {
        double t = place(llsq, i), power = 1;
        llsq->signs[i] = sign(t);
        for (size_t j = 0; j < llsq->m; j++) {
            llsq->powers[i * llsq->m + j] = power;
            power *= t;
        }
    }
    rg_tape_reset(llsq->tape);
    rg_value x = rg_input_f64(llsq->tape, RG_SHAPE(m), llsq->x);
    rg_value powers =
        rg_constant_view(llsq->tape, RG_F64, RG_SHAPE(n, m), NULL, llsq->powers);
    rg_value signs = rg_constant_view(llsq->tape, RG_F64, RG_SHAPE(n), NULL, llsq->signs);
    rg_value errors = rg_sub(signs, rg_matmul(powers, x));
    rg_backward(rg_mul(0.5, rg_sum(rg_square(errors))));
    rg_read_grad(x, out);
    stop_on_tape_error(llsq->tape);
}

void read_llsq(const json_t *input, bench *bench)
{
    llsq *llsq = new_array(1, sizeof *llsq);
    llsq->x = json_list_of(input, "x", &llsq->m);
    llsq->n = json_size_of(input, "n", 2);
    llsq->powers = new_doubles(size_times(llsq->n, llsq->m));
    llsq->signs = new_doubles(llsq->n);
    llsq->tape = new_tape();
    bench->problem = llsq;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = llsq->m, .compute = gradient};
}
