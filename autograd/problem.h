/*
 * problem.h: derivatives of plain functions of numbers, with plain C signatures, so that optimisers
 * and solvers plug in.
 *
 *     static void valley(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m, void
 * *context)
 *     {
 *         y[0] = rg_add(rg_square(rg_sub(1, x[0])),
 *                       rg_mul(100, rg_square(rg_sub(x[1], rg_square(x[0])))));
 *     }
 *     rg_problem *problem = rg_problem_create(valley, 2, 1, NULL, NULL);
 *     double x[2] = {-1.2, 1}, g[2], f = rg_problem_gradient(x, 2, g, problem);
 */
#ifndef RG_AUTOGRAD_PROBLEM_H
#define RG_AUTOGRAD_PROBLEM_H

#include "allocator.h"
#include "status.h"
#include "value.h"

RG_BEGIN_DECLS

/* A function from n numbers to m: records y[0..m) from x[0..n), which are float64 scalars on the
 * tape. Branches may depend on the numbers: it is recorded anew at every point. */
typedef void rg_function(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                         void *context);

/* Such a function with a tape to record it on. It belongs to one thread at a time; it allocates
 * nothing after the first call of each kind. */
typedef struct rg_problem rg_problem;

/* NULL if f is NULL, n or m is 0, or there is no memory. `allocator` NULL: the C library's. */
RG_API rg_problem *rg_problem_create(rg_function *f, size_t n, size_t m, void *context,
                                     const rg_allocator *allocator);
RG_API void rg_problem_destroy(rg_problem *problem);

/* The sentence of the last error, "" if the last call succeeded. */
RG_API const char *rg_problem_message(const rg_problem *problem);

/* The value of a function with m = 1 and, unless g is NULL, its n derivatives; in the shape of a
 * callback for optimisers, with the problem as context. NaN, with g filled with NaN, after an error
 * (n must be the problem's). */
RG_API double rg_problem_gradient(const double *x, size_t n, double *g, void *problem);

/* The same in the shape of NLopt's callbacks (nlopt_func): its first arguments change places. */
RG_API double rg_problem_objective(unsigned n, const double *x, double *g, void *problem);

/* The m values. */
RG_API rg_status rg_problem_value(rg_problem *problem, const double *x, double *y);

/* The Jacobian, m x n numbers, row by row, by one sweep a row; and, unless y is NULL, the values.
 */
RG_API rg_status rg_problem_jacobian(rg_problem *problem, const double *x, double *y, double *j);

/* The Jacobian times v[0..n), m numbers; u[0..m) times the Jacobian, n numbers. */
RG_API rg_status rg_problem_jvp(rg_problem *problem, const double *x, const double *v, double *jv);
RG_API rg_status rg_problem_vjp(rg_problem *problem, const double *x, const double *u, double *uj);

/* For m = 1 (otherwise RG_ERROR_ARGUMENT): the Hessian times v[0..n), n numbers; and the Hessian,
 * n x n numbers, by one sweep a row. */
RG_API rg_status rg_problem_hvp(rg_problem *problem, const double *x, const double *v, double *hv);
RG_API rg_status rg_problem_hessian(rg_problem *problem, const double *x, double *h);

RG_END_DECLS

#endif
