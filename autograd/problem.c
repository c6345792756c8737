#include "problem.h"

#include <math.h>
#include <string.h>

#include "derivatives.h"
#include "internal.h"

struct rg_problem {
    rg_allocator allocator;
    rg_function *f;
    void *context;
    size_t n, m;
    rg_tape *tape;
    rg_value *x, *y, *grads; /* n, m and n values */
};

static size_t value_bytes(const rg_problem *problem)
{
    return (2 * problem->n + problem->m) * sizeof(rg_value);
}

rg_problem *rg_problem_create(rg_function *f, size_t n, size_t m, void *context,
                              const rg_allocator *allocator)
{
    if (!f || n == 0 || m == 0 || n > INT32_MAX || m > INT32_MAX)
        return NULL;
    rg_problem *problem = rgi_alloc(allocator, sizeof *problem);
    if (!problem)
        return NULL;
    memset(problem, 0, sizeof *problem);
    if (allocator)
        problem->allocator = *allocator;
    problem->f = f;
    problem->context = context;
    problem->n = n;
    problem->m = m;
    problem->tape = rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
    problem->x = rgi_alloc(allocator, value_bytes(problem));
    if (!problem->x || rg_tape_status(problem->tape) != RG_OK) {
        rg_problem_destroy(problem);
        return NULL;
    }
    problem->y = problem->x + n;
    problem->grads = problem->y + m;
    return problem;
}

void rg_problem_destroy(rg_problem *problem)
{
    if (!problem)
        return;
    rg_allocator allocator = problem->allocator;
    rg_tape_destroy(problem->tape);
    rgi_free(&allocator, problem->x, value_bytes(problem));
    rgi_free(&allocator, problem, sizeof *problem);
}

const char *rg_problem_message(const rg_problem *problem)
{
    return rg_tape_message(problem->tape);
}

/* Records f at a point; every y must be a live scalar. */
static rg_status record(rg_problem *problem, const double *x)
{
    rg_tape *tape = problem->tape;
    rg_tape_reset(tape);
    for (size_t i = 0; i < problem->n; i++)
        problem->x[i] = rg_input(tape, x[i]);
    for (size_t i = 0; i < problem->m; i++)
        problem->y[i] = rgi_inert(tape);
    problem->f(tape, problem->x, problem->n, problem->y, problem->m, problem->context);
    for (size_t i = 0; i < problem->m && rg_tape_status(tape) == RG_OK; i++)
        if (problem->y[i].tape != tape || rg_size(problem->y[i]) != 1)
            rgi_fail(tape, RG_ERROR_ARGUMENT,
                     "problem: the function did not set result %zu to one number on its tape",
                     i + 1);
    return rg_tape_status(tape);
}

static void read_values(const rg_problem *problem, double *y)
{
    for (size_t i = 0; i < problem->m; i++)
        y[i] = rg_item(problem->y[i]);
}

static void read_grads(const rg_problem *problem, double *g)
{
    for (size_t i = 0; i < problem->n; i++)
        g[i] = rg_grad(problem->x[i]);
}

rg_status rg_problem_value(rg_problem *problem, const double *x, double *y)
{
    rg_status status = record(problem, x);
    if (status == RG_OK)
        read_values(problem, y);
    return status;
}

double rg_problem_gradient(const double *x, size_t n, double *g, void *context)
{
    rg_problem *problem = context;
    rg_status status = RG_ERROR_ARGUMENT;
    if (n == problem->n && problem->m == 1) {
        status = record(problem, x);
        if (status == RG_OK && g)
            status = rg_backward(problem->y[0]);
    } else {
        rgi_fail(problem->tape, RG_ERROR_ARGUMENT,
                 "problem: a gradient for %zu of %zu numbers and %zu results", n, problem->n,
                 problem->m);
    }
    for (size_t i = 0; i < n && g; i++)
        g[i] = status == RG_OK ? rg_grad(problem->x[i]) : NAN;
    return status == RG_OK ? rg_item(problem->y[0]) : NAN;
}

double rg_problem_objective(unsigned n, const double *x, double *g, void *problem)
{
    return rg_problem_gradient(x, n, g, problem);
}

rg_status rg_problem_jacobian(rg_problem *problem, const double *x, double *y, double *j)
{
    rg_status status = record(problem, x);
    for (size_t i = 0; i < problem->m && status == RG_OK; i++) {
        status = rg_backward(problem->y[i]);
        read_grads(problem, j + i * problem->n);
    }
    if (status == RG_OK && y)
        read_values(problem, y);
    return status;
}

rg_status rg_problem_vjp(rg_problem *problem, const double *x, const double *u, double *uj)
{
    rg_status status = record(problem, x);
    if (status == RG_OK)
        status = rg_backward_sum((int)problem->m, problem->y, u);
    if (status == RG_OK)
        read_grads(problem, uj);
    return status;
}

rg_status rg_problem_jvp(rg_problem *problem, const double *x, const double *v, double *jv)
{
    rg_status status = record(problem, x);
    rg_tape *tape = problem->tape;
    for (size_t i = 0; i < problem->n; i++)
        problem->grads[i] = rg_constant(tape, v[i]);
    for (size_t i = 0; i < problem->m && status == RG_OK; i++) {
        rg_value y = rg_jvp(problem->y[i], (int)problem->n, problem->x, problem->grads);
        jv[i] = rg_item(y);
        status = rg_tape_status(tape);
    }
    return status;
}

static rg_status record_gradient(rg_problem *problem, const double *x)
{
    rg_status status = record(problem, x);
    if (status == RG_OK && problem->m != 1)
        status = rgi_fail(problem->tape, RG_ERROR_ARGUMENT,
                          "problem: a Hessian needs one result, not %zu", problem->m);
    if (status == RG_OK)
        status = rg_grad_values(problem->y[0], (rg_value){NULL, 0}, (int)problem->n, problem->x,
                                problem->grads);
    return status;
}

rg_status rg_problem_hvp(rg_problem *problem, const double *x, const double *v, double *hv)
{
    rg_status status = record_gradient(problem, x);
    if (status == RG_OK)
        status = rg_backward_sum((int)problem->n, problem->grads, v);
    if (status == RG_OK)
        read_grads(problem, hv);
    return status;
}

rg_status rg_problem_hessian(rg_problem *problem, const double *x, double *h)
{
    rg_status status = record_gradient(problem, x);
    for (size_t i = 0; i < problem->n && status == RG_OK; i++) {
        status = rg_backward(problem->grads[i]);
        read_grads(problem, h + i * problem->n);
    }
    return status;
}
