/*
 * gradient_check.c: is a gradient right? Two operations compute x^3; the backward function of one
 * has a mistake. rg_gradcheck compares both with central differences and reports.
 */
#include <reelgrad.h>

#include "options.h"

static rg_status cube_forward(rg_call *call)
{
    const double *x = call->in[0]->data;
    double *y = call->out->data;
    for (int64_t i = 0; i < call->out->size; i++)
        y[i] = x[i] * x[i] * x[i];
    return RG_OK;
}

/* Adds `factor` x^2 times the upstream gradient. */
static void add_gradient(rg_call *call, double factor)
{
    const double *x = call->in[0]->data, *g = call->out->grad;
    double *gx = call->in[0]->grad;
    for (int64_t i = 0; i < call->out->size; i++)
        gx[i] += g[i] * factor * x[i] * x[i];
}

static void right_backward(rg_call *call)
{
    add_gradient(call, 3);
}

/* The mistake: the derivative of x^3 is 3 x^2. */
static void wrong_backward(rg_call *call)
{
    add_gradient(call, 2);
}

static const rg_op right_cube = {.name = "cube",
                                 .arity = 1,
                                 .types = RG_OP_F64,
                                 .forward = cube_forward,
                                 .backward = right_backward};

static const rg_op wrong_cube = {.name = "wrong cube",
                                 .arity = 1,
                                 .types = RG_OP_F64,
                                 .forward = cube_forward,
                                 .backward = wrong_backward};

/* The function to check: x0 cube(x1), with the operation that `context` points to. */
static rg_value f(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)count;
    const rg_op *const *op = context;
    return rg_mul(in[0], rg_record(*op, 1, &in[1], NULL));
}

static rg_status check(const rg_op *op, int64_t seed)
{
    enum { COUNT = 4 };
    rg_random random = rg_random_create((uint64_t)seed);
    double x[2][COUNT];
    for (int i = 0; i < COUNT; i++) {
        x[0][i] = 1 + rg_random_uniform(&random);
        x[1][i] = 1 + rg_random_uniform(&random);
    }
    rg_gradcheck_input in[2] = {{.shape = RG_SHAPE(COUNT), .data = x[0]},
                                {.shape = RG_SHAPE(COUNT), .data = x[1]}};
    rg_gradcheck_options options = {.seed = (unsigned)seed};
    rg_gradcheck_report report;
    rg_status status = rg_gradcheck(f, &op, in, 2, &options, &report);
    printf("x0 %s(x1): %s\n", op->name, rg_status_name(status));
    printf("  %" PRId64 " derivatives compared, %" PRId64 " wrong\n", report.checked,
           report.failed);
    if (status == RG_ERROR_GRADIENT)
        printf("  the worst: input %d, element %" PRId64 ": backward says %g, differences say %g\n",
               report.input, report.element, report.analytic, report.numeric);
    printf("  report: %s\n", report.message);
    return status;
}

/* Succeeds when the right gradient passes and the wrong one does not. */
int main(int argc, char **argv)
{
    int64_t seed = 1;
    read_options(argc, argv, "Checks a right gradient and a wrong one.",
                 (const option[]){{"seed", OPTION_COUNT, &seed, "of the points checked"}, {0}});
    int ok = check(&right_cube, seed) == RG_OK;
    ok &= check(&wrong_cube, seed) == RG_ERROR_GRADIENT;
    return !ok;
}
