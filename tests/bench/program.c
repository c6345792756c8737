/*
 * program.c: what a gradient costs as a compiled program, for one evaluation of a batch, beside the
 * function itself in plain C.
 */
#include "batches.h"

static void measure(int number)
{
    static lists all;
    problem made, *p = &made;
    double compiling, plain = INFINITY, value = INFINITY, gradient = INFINITY, sum = 0, check = 0;
    rg_program *program = create_problem(p, number) ? compile(p, &compiling) : NULL;
    rg_workspace *workspace = program ? rg_workspace_create(program, NULL) : NULL;
    if (!workspace)
        return;
    point(p, &all);
    const size_t count = (size_t)p->count;
    for (int round = 0; round < ROUNDS; round++) {
        double start = bench_now();
        sum = p->primal(p);
        double end = bench_now();
        plain = fmin(plain, end - start);
        rg_program_value_batch(program, workspace, count, all.x, all.y);
        value = fmin(value, bench_now() - end);
        start = bench_now();
        rg_program_gradient_batch(program, workspace, count, all.x, all.y, all.g);
        gradient = fmin(gradient, bench_now() - start);
    }
    for (int i = 0; i < p->count; i++)
        check += all.y[0][i];
    rg_program_part_stats s = rg_program_get_stats(program).gradient;
    double unit = 1e9 / p->count;
    printf("%-14s %10.1f %10.1f %10.1f %8.2f %8.2f %9.2f   %zu + %zu + %zu operations, %zu slots, "
           "%zu lanes%s\n",
           p->name, plain * unit, value * unit, gradient * unit, value / plain, gradient / plain,
           compiling * 1e3, s.before, s.each, s.after, s.slots, s.lanes,
           fabs(check - sum) <= 1e-9 * fabs(sum) ? "" : "  VALUES DIFFER");
    rg_workspace_destroy(workspace);
    rg_program_destroy(program);
    free(p->data);
}

int main(void)
{
    bench_conditions();
    printf("ns for one evaluation of a batch; ratios to plain C; ms to compile\n");
    printf("%-14s %10s %10s %10s %8s %8s %9s\n", "", "plain C", "value", "gradient", "value",
           "gradient", "compile");
    for (int i = 0; i < PROBLEMS; i++)
        measure(i);
    return 0;
}
