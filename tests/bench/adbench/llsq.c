/*
 * llsq.c: least squares: a polynomial fitted to the sign of n places from -1 to 1.
 */
#include <math.h>

#include "json_problems.h"

typedef struct llsq {
    size_t m, n;
    const double *x;
    compiled square;        /* half the squared error at one place */
    double *places, *signs; /* of a block */
    const double **in;      /* where the inputs are: x, place and sign */
    double **slopes;        /* and the derivatives by x */
    double *part;           /* those of a block */
} llsq;

/* So many places are computed at once; so many products at most. */
enum { BLOCK = 1024, MOST = 1000000000 };

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

/* Compiles the error at one place as a function of x, the place and its sign. */
static void set_up(void *problem)
{
    llsq *llsq = problem;
    size_t m = llsq->m;
    rg_tape *tape = new_tape();
    rg_value *x = new_array(m + 2, sizeof *x);
    unsigned char *uniform = new_array(m + 2, 1);
    llsq->in = new_array(m + 2, sizeof *llsq->in);
    llsq->slopes = new_array(m + 2, sizeof *llsq->slopes);
    llsq->part = new_doubles(m);
    llsq->places = new_doubles(BLOCK);
    llsq->signs = new_doubles(BLOCK);
    for (size_t j = 0; j < m + 2; j++) {
        x[j] = rg_input(tape, 0.5);
        uniform[j] = j < m;
        llsq->in[j] = j < m ? llsq->x + j : j == m ? llsq->places : llsq->signs;
        llsq->slopes[j] = j < m ? llsq->part + j : NULL;
    }
    rg_value error = rg_sub(x[m + 1], x[0]), power = x[m];
    for (size_t j = 1; j < m; j++) {
        error = rg_sub(error, rg_mul(x[j], power));
        power = rg_mul(power, x[m]);
    }
    rg_value half = rg_mul(0.5, rg_square(error));
    stop_on_tape_error(tape);
    llsq->square = compile(1, &half, m + 2, x, RG_PROGRAM_GRADIENT, uniform);
}

static void gradient(void *problem, double *out)
{
    const llsq *llsq = problem;
    for (size_t j = 0; j < llsq->m; j++)
        out[j] = 0;
    for (size_t first = 0; first < llsq->n; first += BLOCK) {
        size_t count = llsq->n - first < BLOCK ? llsq->n - first : BLOCK;
        for (size_t i = 0; i < count; i++) {
            llsq->places[i] = place(llsq, first + i);
            llsq->signs[i] = sign(llsq->places[i]);
        }
        stop_on_error(rg_program_gradient_batch(llsq->square.program, llsq->square.workspace, count,
                                                llsq->in, NULL, llsq->slopes));
        for (size_t j = 0; j < llsq->m; j++)
            out[j] += llsq->part[j];
    }
}

void read_llsq(const json_t *input, bench *bench)
{
    llsq *llsq = new_array(1, sizeof *llsq);
    llsq->x = json_list_of(input, "x", &llsq->m);
    llsq->n = json_size_of(input, "n", 2);
    if (size_times(llsq->n, llsq->m) > MOST)
        stop(STOP_INPUT, "llsq: %zu places times %zu coefficients are more than %d", llsq->n,
             llsq->m, MOST);
    bench->problem = llsq;
    bench->setup = set_up;
    bench->primal = 1;
    bench->count = 2;
    bench->answers[0] = (bench_answer){.key = "primal", .compute = primal};
    bench->answers[1] = (bench_answer){.key = "gradient", .rows = llsq->m, .compute = gradient};
}
