/*
 * emitted.c: what a gradient costs as emitted C, for one evaluation of a batch, beside the function
 * itself in plain C, both compiled for this processor, and the program that it was written from.
 */
#include "batches.h"
#include "mixture.h"
#include "network.h"
#include "options.h"

typedef void gradient_batch(size_t count, const double *const *x, double *const *y,
                            double *const *g, double *work);

static const struct {
    gradient_batch *gradient;
    size_t work;
} emitted[PROBLEMS] = {
    {options_gradient_batch, options_BATCH_WORK},
    {mixture_gradient_batch, mixture_BATCH_WORK},
    {network_gradient_batch, network_BATCH_WORK},
};

static void measure(int number)
{
    static lists all;
    problem made, *p = &made;
    double compiling, plain = INFINITY, interpreted = INFINITY, gradient = INFINITY;
    double sum = 0, check = 0, *work = malloc((emitted[number].work + 1) * sizeof *work);
    rg_program *program = create_problem(p, number) ? compile(p, &compiling) : NULL;
    rg_workspace *workspace = program ? rg_workspace_create(program, NULL) : NULL;
    if (!workspace || !work)
        return;
    point(p, &all);
    const size_t count = (size_t)p->count;
    for (int round = 0; round < ROUNDS; round++) {
        double start = bench_now();
        sum = p->primal(p);
        plain = fmin(plain, bench_now() - start);
        start = bench_now();
        rg_program_gradient_batch(program, workspace, count, all.x, all.y, all.g);
        interpreted = fmin(interpreted, bench_now() - start);
        start = bench_now();
        emitted[number].gradient(count, all.x, all.y, all.g, work);
        gradient = fmin(gradient, bench_now() - start);
    }
    for (int i = 0; i < p->count; i++)
        check += all.y[0][i];
    double unit = 1e9 / p->count;
    printf("%-14s %10.1f %10.1f %10.1f %10.2f %10.2f%s\n", p->name, plain * unit,
           interpreted * unit, gradient * unit, interpreted / plain, gradient / plain,
           fabs(check - sum) <= 1e-9 * fabs(sum) ? "" : "  VALUES DIFFER");
    rg_workspace_destroy(workspace);
    rg_program_destroy(program);
    free(p->data);
    free(work);
}

int main(void)
{
    bench_conditions();
    printf("ns for one evaluation of a batch; ratios of gradients to plain C\n");
    printf("%-14s %10s %10s %10s %10s %10s\n", "", "plain C", "program", "emitted", "program",
           "emitted");
    for (int i = 0; i < PROBLEMS; i++)
        measure(i);
    return 0;
}
