/*
 * solve_gsl.c: two equations in two unknowns solved by GSL's hybrid Newton method, with the tape's
 * Jacobian.
 *
 *     solve_gsl [--seed S]
 */
#include <reelgrad.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multiroots.h>
#include <stdio.h>

#include "options.h"

/* A circle of radius 2 and the curve y = e^x - 1. */
static void curves(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m, void *context)
{
    (void)tape, (void)n, (void)m, (void)context;
    y[0] = rg_sub(rg_add(rg_square(x[0]), rg_square(x[1])), 4);
    y[1] = rg_sub(rg_expm1(x[0]), x[1]);
}

/* GSL's vectors and matrices of this size are dense, so their memory can be passed on. */
static int values(const gsl_vector *x, void *problem, gsl_vector *y)
{
    return rg_problem_value(problem, x->data, y->data) == RG_OK ? GSL_SUCCESS : GSL_EFAILED;
}

static int jacobian(const gsl_vector *x, void *problem, gsl_matrix *j)
{
    return rg_problem_jacobian(problem, x->data, NULL, j->data) == RG_OK ? GSL_SUCCESS
                                                                         : GSL_EFAILED;
}

static int both(const gsl_vector *x, void *problem, gsl_vector *y, gsl_matrix *j)
{
    return rg_problem_jacobian(problem, x->data, y->data, j->data) == RG_OK ? GSL_SUCCESS
                                                                            : GSL_EFAILED;
}

int main(int argc, char **argv)
{
    enum { N = 2, MOST_STEPS = 100 };
    int64_t seed = 1;
    const option options[] = {{"seed", OPTION_COUNT, &seed, "of the start"}, {0}};
    read_options(argc, argv, "Solves two equations with GSL.", options);
    rg_random random = rg_random_create((uint64_t)seed);
    rg_problem *problem = rg_problem_create(curves, N, N, NULL, NULL);
    gsl_multiroot_function_fdf equations = {values, jacobian, both, N, problem};
    gsl_multiroot_fdfsolver *solver =
        gsl_multiroot_fdfsolver_alloc(gsl_multiroot_fdfsolver_hybridsj, N);
    gsl_vector *start = gsl_vector_alloc(N);
    for (size_t i = 0; i < N; i++)
        gsl_vector_set(start, i, 0.5 + rg_random_uniform(&random));
    int status = gsl_multiroot_fdfsolver_set(solver, &equations, start), steps = 0;
    while (status == GSL_SUCCESS && steps++ < MOST_STEPS) {
        status = gsl_multiroot_fdfsolver_iterate(solver);
        if (status == GSL_SUCCESS && gsl_multiroot_test_residual(solver->f, 1e-12) == GSL_SUCCESS)
            break;
    }
    printf("GSL: %s after %d steps\n", gsl_strerror(status), steps);
    printf("x = %.9f, y = %.9f\n", gsl_vector_get(solver->x, 0), gsl_vector_get(solver->x, 1));
    gsl_vector_free(start);
    gsl_multiroot_fdfsolver_free(solver);
    rg_problem_destroy(problem);
    return status != GSL_SUCCESS;
}
