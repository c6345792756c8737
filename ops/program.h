/*
 * program.h: compiled programs: a recording turned into an optimised straight-line function that is
 * evaluated anew at other inputs, one at a time or in batches, with its derivatives.
 *
 *     rg_value x[2] = {rg_input(tape, 3), rg_input(tape, 4)};
 *     rg_value y = rg_mul(rg_sin(x[0]), x[1]);
 *     rg_program *program = rg_program_create(
 *         1, &y, 2, x, &(rg_program_options){.derivatives = RG_PROGRAM_GRADIENT}, NULL);
 *     rg_workspace *workspace = rg_workspace_create(program, NULL);
 *     double value, gradient[2];
 *     rg_program_gradient(program, workspace, (double[]){1, 2}, &value, gradient);
 *     rg_workspace_destroy(workspace);
 *     rg_program_destroy(program);
 *
 * What is recorded is the path that the C code took: a branch on a value is not part of it. Write
 * such choices with rg_where, rg_max, .. or ask rg_program_check whether the comparisons recorded
 * for a branch come out the same at another input.
 *
 * Results are those of the recording to the last few units in the last place: a program joins
 * multiplications with additions, evaluates what occurs twice once, and uses the C library's vector
 * functions over a batch. Kinks, poles, infinities and NaN are as the operations' comments say, up
 * to the sign of zero and to intermediate results at the edge of overflow. Evaluating the same
 * program twice gives the same numbers.
 *
 * A program does not change once it is created: any number of threads may run it, each with a
 * workspace of its own. It does not need the tape any more. Running allocates nothing.
 */
#ifndef RG_OPS_PROGRAM_H
#define RG_OPS_PROGRAM_H

#include "../autograd/allocator.h"
#include "../autograd/status.h"
#include "../autograd/value.h"

RG_BEGIN_DECLS

typedef struct rg_program rg_program;
typedef struct rg_workspace rg_workspace;

/* What is compiled beside the values: any of these, or-ed. Each takes time and memory. */
enum {
    RG_PROGRAM_VALUE = 0,
    RG_PROGRAM_GRADIENT = 1,  /* of one output: value and gradient */
    RG_PROGRAM_JVP = 2,       /* the Jacobian times a vector */
    RG_PROGRAM_VJP = 4,       /* a vector times the Jacobian */
    RG_PROGRAM_HVP = 8,       /* of one output: the Hessian times a vector */
    RG_PROGRAM_JACOBIAN = 16, /* dense, and sparse with its pattern */
    RG_PROGRAM_HESSIAN = 32   /* of one output: dense, and sparse with its pattern */
};

typedef struct rg_program_options {
    int derivatives;              /* RG_PROGRAM_..; 0: values only */
    const unsigned char *uniform; /* one an input: 1 if it is the same number for all evaluations of
                                     a batch; what depends on such inputs only is then computed
                                     once. NULL: none is */
    const rg_allocator *allocator; /* for the program and its workspaces; NULL: the C library's.
                                      Workspaces are created in several threads only if it allows */
} rg_program_options;

/* Compiles ys[0..m) as functions of xs[0..n), all of them float64 scalars on one tape without
 * error. The xs are inputs or any other recorded scalars, which are then taken as independent of
 * each other and of what they were computed from. What does not depend on them, was detached, or
 * was recorded while gradients were off, stays the number that it is on the tape. The tape is left
 * as it was; it must not be recorded on meanwhile. `options` NULL: values only.
 *
 * Returns NULL, with *error (if not NULL) saying why:
 * RG_ERROR_ARGUMENT  m or n is less than 1, a pointer is NULL, an x occurs twice, a bit of
 *                    `derivatives` is unknown, or a gradient or Hessian is asked of several
 * outputs; RG_ERROR_TYPE      an x or y is not a float64 scalar; RG_ERROR_TAPE      they are on
 * different tapes; RG_ERROR_STALE     one was dropped by a rewind or never recorded;
 * RG_ERROR_GRADIENT  an operation between the xs and the ys is not element-wise on scalars: a
 * tensor operation, a fused statement, one of your own; the message names it; RG_ERROR_LIMIT the
 * derivatives have too many operations; RG_ERROR_MEMORY    there is no memory; or the tape's error.
 */
RG_API rg_program *rg_program_create(int m, const rg_value *ys, int n, const rg_value *xs,
                                     const rg_program_options *options, rg_error *error);

/* Workspaces of the program need not be destroyed before it, but can no longer be used. NULL is
 * fine. */
RG_API void rg_program_destroy(rg_program *program);

/* Memory for one thread that runs the program. NULL if program is NULL (RG_ERROR_ARGUMENT) or there
 * is no memory (RG_ERROR_MEMORY). */
RG_API rg_workspace *rg_workspace_create(const rg_program *program, rg_error *error);
RG_API void rg_workspace_destroy(rg_workspace *workspace);

/* ---- one evaluation ----
 *
 * x holds n numbers, y m. Outputs that are NULL are not wanted. All return RG_ERROR_ARGUMENT if the
 * program, the workspace or an input is NULL, or the workspace was created for another program, and
 * RG_ERROR_STATE if the derivative was not compiled; nothing is written then. Whether an input is
 * uniform makes no difference. Thread-safe with a workspace for each thread. */

/* The values. */
RG_API rg_status rg_program_value(const rg_program *program, rg_workspace *workspace,
                                  const double *x, double *y);

/* Value and gradient, n numbers (RG_PROGRAM_GRADIENT). */
RG_API rg_status rg_program_gradient(const rg_program *program, rg_workspace *workspace,
                                     const double *x, double *y, double *g);

/* The Jacobian times v[0..n), m numbers (RG_PROGRAM_JVP). */
RG_API rg_status rg_program_jvp(const rg_program *program, rg_workspace *workspace, const double *x,
                                const double *v, double *y, double *jv);

/* u[0..m) times the Jacobian, n numbers (RG_PROGRAM_VJP). */
RG_API rg_status rg_program_vjp(const rg_program *program, rg_workspace *workspace, const double *x,
                                const double *u, double *y, double *uj);

/* The Hessian times v[0..n), n numbers (RG_PROGRAM_HVP). */
RG_API rg_status rg_program_hvp(const rg_program *program, rg_workspace *workspace, const double *x,
                                const double *v, double *hv);

/* The Jacobian, m x n numbers, row by row (RG_PROGRAM_JACOBIAN); the Hessian, n x n numbers
 * (RG_PROGRAM_HESSIAN). Found from the sparse ones: entries outside the pattern are 0. */
RG_API rg_status rg_program_jacobian(const rg_program *program, rg_workspace *workspace,
                                     const double *x, double *y, double *j);
RG_API rg_status rg_program_hessian(const rg_program *program, rg_workspace *workspace,
                                    const double *x, double *h);

/* ---- sparse matrices ---- */

/* Which entries of a matrix may be other than 0, in compressed-row form: those of row i are in the
 * columns column[start[i]] < .. < column[start[i + 1] - 1]. */
typedef struct rg_pattern {
    size_t rows, columns, count;
    const size_t *start;  /* rows + 1 */
    const size_t *column; /* count */
    size_t groups; /* structurally separate columns (or rows) that are found at once: what one
                      evaluation of the matrix costs, in products with a vector */
} rg_pattern;

/* The pattern of the Jacobian and of the Hessian (both triangles of it), owned by the program; NULL
 * if it was not compiled. It holds for every input: what is zero only here and there is in it. */
RG_API const rg_pattern *rg_program_jacobian_pattern(const rg_program *program);
RG_API const rg_pattern *rg_program_hessian_pattern(const rg_program *program);

/* The entries of the pattern, in its order: pattern->count numbers. */
RG_API rg_status rg_program_sparse_jacobian(const rg_program *program, rg_workspace *workspace,
                                            const double *x, double *y, double *values);
RG_API rg_status rg_program_sparse_hessian(const rg_program *program, rg_workspace *workspace,
                                           const double *x, double *values);

/* ---- batches ----
 *
 * `count` evaluations at once, structure of arrays: x[i] points to count numbers, or to a single
 * one if input i is uniform; y[j] to count numbers; g[i] to count numbers or, if input i is
 * uniform, to a single one, the sum over the batch (set, not added). Any pointer among the outputs,
 * or the whole list, may be NULL if it is not wanted. Outputs must not overlap inputs. count may be
 * 0: sums are then 0. Errors are those of single evaluations. The sum over a batch is formed in a
 * fixed order that depends on the batch and the machine's instruction set only. A zero upstream
 * contributes exactly zero to a sum; for what uniform inputs alone determine, the upstream is the
 * sum over the batch. */

RG_API rg_status rg_program_value_batch(const rg_program *program, rg_workspace *workspace,
                                        size_t count, const double *const *x, double *const *y);
RG_API rg_status rg_program_gradient_batch(const rg_program *program, rg_workspace *workspace,
                                           size_t count, const double *const *x, double *const *y,
                                           double *const *g);

/* v is like x: a single number for a uniform input; jv is like y. */
RG_API rg_status rg_program_jvp_batch(const rg_program *program, rg_workspace *workspace,
                                      size_t count, const double *const *x, const double *const *v,
                                      double *const *y, double *const *jv);

/* u is like y, uj like g. */
RG_API rg_status rg_program_vjp_batch(const rg_program *program, rg_workspace *workspace,
                                      size_t count, const double *const *x, const double *const *u,
                                      double *const *y, double *const *uj);

/* v is like x; hv is like g: for a uniform input the sum over the batch of what each evaluation's
 * Hessian times v has there. */
RG_API rg_status rg_program_hvp_batch(const rg_program *program, rg_workspace *workspace,
                                      size_t count, const double *const *x, const double *const *v,
                                      double *const *hv);

/* ---- comparisons ---- */

/* How many comparisons (rg_less, ..) of scalars computed from the xs the tape holds whose results
 * no other operation uses: they were recorded for the sake of a branch in C. */
RG_API size_t rg_program_comparison_count(const rg_program *program);

/* How many of them come out differently at x than when they were recorded. If any does, the C code
 * would take another path there, and the program's results are not its results. The batch form
 * writes that number for each evaluation. */
RG_API rg_status rg_program_check(const rg_program *program, rg_workspace *workspace,
                                  const double *x, size_t *left);
RG_API rg_status rg_program_check_batch(const rg_program *program, rg_workspace *workspace,
                                        size_t count, const double *const *x, size_t *left);

/* ---- sizes ---- */

/* One compiled function. */
typedef struct rg_program_part_stats {
    size_t before, each,
        after;    /* operations: once before a batch, for each evaluation, once after */
    size_t slots; /* numbers that an evaluation keeps at the same time */
    size_t lanes; /* evaluations that a batch computes side by side */
} rg_program_part_stats;

/* All zero for what was not compiled. */
typedef struct rg_program_stats {
    size_t inputs, outputs, comparisons;
    rg_program_part_stats value, gradient, jvp, vjp, hvp, jacobian, hessian;
} rg_program_stats;

RG_API rg_program_stats rg_program_get_stats(const rg_program *program);

RG_END_DECLS

#endif
