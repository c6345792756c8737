/*
 * test_program.c: compiled programs against what is recorded: every element-wise operation, and
 * random functions with all their derivatives.
 */
#include "../check.h"
#include "../../ops/compiled.h"
#include "programs.h"
#include "samples.h"

SUITE(program);

/* ---- each row, times a factor, so that zero upstreams occur ---- */

enum { ROWS = RGI_UNARY_COUNT + RGI_BINARY_COUNT + RGI_STEP_COUNT + RGI_COMPARE_COUNT + 1 };

static void call_row(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                     void *context)
{
    const rg_op *op = context;
    (void)tape, (void)m;
    y[0] = rg_mul(x[0], rg_record(op, (int)n - 1, x + 1, op->samples[0].attributes));
}

/* The derivatives of rows that only rules use are found by rules only. */
static int is_slope(const rg_op *op)
{
    return (op->code >= RGI_log_slope && op->code < RGI_BINARY_FIRST) || op->code >= RGI_div_slope;
}

/* Value and gradient as recorded. */
static double record_row(const rg_op *op, const double *x, double *g)
{
    const int n = 1 + op->arity;
    rg_value xs[4], y;
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < n; i++)
        xs[i] = rg_input(tape, x[i]);
    call_row(tape, xs, (size_t)n, &y, 1, (void *)(uintptr_t)op);
    rg_value grads[4];
    double value = rg_item(y);
    if (is_slope(op))
        CHECK_STATUS(rg_grad_values(y, (rg_value){0}, n, xs, grads), RG_OK);
    else
        CHECK_STATUS(rg_backward(y), RG_OK);
    for (int i = 0; i < n; i++)
        g[i] = is_slope(op) ? rg_item(grads[i]) : rg_grad(xs[i]);
    rg_tape_destroy(tape);
    return value;
}

/* Points: samples of the row's range, then every combination of special numbers. */
enum { SAMPLES = 20 };
static const double special[] = {0,     -0.0,   1,      -1, 0.5, INFINITY, -INFINITY, NAN,
                                 1e300, -1e300, 1e-300, 20, -20, 700,      -740,      1e5};
enum { SPECIAL = sizeof special / sizeof *special };

static int point_count(const rg_op *op)
{
    return SAMPLES + (op->arity == 1 ? SPECIAL : SPECIAL * SPECIAL) * 2;
}

static void make_point(const rg_op *op, int number, rg_random *random, double *x)
{
    const rg_sample *sample = &op->samples[0];
    int place = number - SAMPLES;
    x[0] = number % 2 ? 1.25 : 0;
    for (int k = 0; k < op->arity; k++) {
        x[1 + k] = sample->low[k] + (sample->high[k] - sample->low[k]) * rg_random_uniform(random);
        if (place < 0)
            x[0] = 1.25;
        else if (k < 2)
            x[1 + k] = special[(k ? place / 2 / SPECIAL : place / 2) % SPECIAL];
    }
}

/* The vector functions of the C library are right to a few units in the last place. */
static int is_right(double got, double want)
{
    return is_near(got, want, 0) || fabs(got - want) <= 1e-14 * fabs(want) + 1e-300 ||
           fabs(got - want) <= 4e-16;
}

static void check_row(const rg_op *op, const rgi_interpreter *interpreter)
{
    enum { MOST = SAMPLES + 2 * SPECIAL * SPECIAL };
    static double x[4][MOST], y[MOST], g[4][MOST];
    const int n = 1 + op->arity, count = point_count(op);
    double start[4];
    rg_random random = rg_random_create(3);
    make_point(op, 0, &random, start);
    machine row =
        compile(call_row, (void *)(uintptr_t)op, (size_t)n, 1, start, RG_PROGRAM_GRADIENT, NULL);
    row.program->interpreter = interpreter;
    for (int i = 0; i < count; i++) {
        double point[4] = {0};
        make_point(op, i, &random, point);
        for (int k = 0; k < n; k++)
            x[k][i] = point[k];
    }
    const double *xs[] = {x[0], x[1], x[2], x[3]};
    CHECK_STATUS(rg_program_gradient_batch(row.program, row.workspace, (size_t)count, xs,
                                           (double *[]){y}, (double *[]){g[0], g[1], g[2], g[3]}),
                 RG_OK);
    for (int i = 0; i < count; i++) {
        double point[] = {x[0][i], x[1][i], x[2][i], x[3][i]}, want[4], one, slope[4];
        double value = record_row(op, point, want);
        CHECK_STATUS(rg_program_gradient(row.program, row.workspace, point, &one, slope), RG_OK);
        cr_assert(is_right(one, value) && is_right(y[i], value),
                  "%s(%g, %g) times %g: %.17g alone, %.17g in a batch, not %.17g", op->name,
                  point[1], point[2], point[0], one, y[i], value);
        for (int k = 0; k < n; k++)
            cr_assert(is_right(slope[k], want[k]) && is_right(g[k][i], want[k]),
                      "%s(%g, %g) times %g: slope %d is %.17g alone, %.17g in a batch, not %.17g",
                      op->name, point[1], point[2], point[0], k, slope[k], g[k][i], want[k]);
    }
    dispose(&row);
}

Test(program, computes_every_elementwise_operation)
{
    for (int i = 0; i < ROWS; i++)
        for (int cpu = RGI_CPU_BASE; cpu <= rgi_cpu(); cpu++)
            check_row(op_at(i), rgi_interpreter_for(cpu));
    cr_assert_str_eq(op_at(ROWS - 1)->name, "where");
}

/* ---- random functions ---- */

enum { FUNCTIONS = 150 };

static void check_derivatives(random_function *f, size_t n, size_t m, const double *x)
{
    double start[MOST_INPUTS], y[MOST_OUTPUTS], want_y[MOST_OUTPUTS], u[MOST_OUTPUTS],
        v[MOST_INPUTS], got[MOST_INPUTS * MOST_INPUTS], want[MOST_INPUTS * MOST_INPUTS];
    fill_random(start, n, f->seed + 1);
    fill_random(u, m, f->seed + 2);
    fill_random(v, n, f->seed + 3);
    machine p =
        compile(call_random, f, n, m, start, m == 1 ? FIRST_ORDER | ONE_OUTPUT : FIRST_ORDER, NULL);
    rg_problem *problem = rg_problem_create(call_random, n, m, f, NULL);
#define SAME(what, ...)                                                                     \
    cr_assert(are_near(__VA_ARGS__, 1e-11), "seed %u: %s: %.17g, not %.17g", f->seed, what, \
              got[0], want[0])
    CHECK_STATUS(rg_problem_value(problem, x, want_y), RG_OK);
    CHECK_STATUS(rg_program_value(p.program, p.workspace, x, y), RG_OK);
    SAME("value", y, want_y, m);
    CHECK_STATUS(rg_problem_jacobian(problem, x, NULL, want), RG_OK);
    memset(y, 0, sizeof y);
    CHECK_STATUS(rg_program_jacobian(p.program, p.workspace, x, y, got), RG_OK);
    SAME("jacobian", got, want, m * n);
    SAME("value beside it", y, want_y, m);
    CHECK_STATUS(rg_problem_jvp(problem, x, v, want), RG_OK);
    CHECK_STATUS(rg_program_jvp(p.program, p.workspace, x, v, y, got), RG_OK);
    SAME("jvp", got, want, m);
    CHECK_STATUS(rg_problem_vjp(problem, x, u, want), RG_OK);
    CHECK_STATUS(rg_program_vjp(p.program, p.workspace, x, u, y, got), RG_OK);
    SAME("vjp", got, want, n);
    if (m == 1) {
        rg_problem_gradient(x, n, want, problem);
        CHECK_STATUS(rg_program_gradient(p.program, p.workspace, x, y, got), RG_OK);
        SAME("gradient", got, want, n);
        CHECK_STATUS(rg_problem_hvp(problem, x, v, want), RG_OK);
        CHECK_STATUS(rg_program_hvp(p.program, p.workspace, x, v, got), RG_OK);
        SAME("hvp", got, want, n);
        CHECK_STATUS(rg_problem_hessian(problem, x, want), RG_OK);
        CHECK_STATUS(rg_program_hessian(p.program, p.workspace, x, got), RG_OK);
        SAME("hessian", got, want, n * n);
    }
#undef SAME
    rg_problem_destroy(problem);
    dispose(&p);
}

Test(program, has_the_derivatives_of_random_functions)
{
    for (unsigned seed = 0; seed < FUNCTIONS; seed++) {
        random_function f = {10 * seed, 5 + (int)seed % 60};
        size_t n = 1 + seed % 7, m = seed % 3 ? 1 : 1 + seed % 5;
        double x[MOST_INPUTS];
        fill_random(x, n, 10 * seed + 5);
        check_derivatives(&f, n, m, x);
    }
}
