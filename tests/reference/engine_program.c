/* engine_program.c: compiled programs, one for each expression; and another with uniform inputs. */
#include "compiled.h"

/* A program and the memory it runs in. */
typedef struct runner {
    rg_program *program;
    rg_workspace *workspace;
} runner;

#define ARGUMENTS ((const runner *)self)->program, ((const runner *)self)->workspace

static rg_status value(void *self, const double *x, double *y)
{
    return rg_program_value(ARGUMENTS, x, y);
}

static rg_status gradient(void *self, const double *x, double *y, double *g)
{
    return rg_program_gradient(ARGUMENTS, x, y, g);
}

static rg_status jvp(void *self, const double *x, const double *v, double *y, double *jv)
{
    return rg_program_jvp(ARGUMENTS, x, v, y, jv);
}

static rg_status vjp(void *self, const double *x, const double *u, double *y, double *uj)
{
    return rg_program_vjp(ARGUMENTS, x, u, y, uj);
}

static rg_status hvp(void *self, const double *x, const double *v, double *hv)
{
    return rg_program_hvp(ARGUMENTS, x, v, hv);
}

static rg_status value_batch(void *self, size_t count, const double *const *x, double *const *y)
{
    return rg_program_value_batch(ARGUMENTS, count, x, y);
}

static rg_status gradient_batch(void *self, size_t count, const double *const *x, double *const *y,
                                double *const *g)
{
    return rg_program_gradient_batch(ARGUMENTS, count, x, y, g);
}

static rg_status jvp_batch(void *self, size_t count, const double *const *x, const double *const *v,
                           double *const *y, double *const *jv)
{
    return rg_program_jvp_batch(ARGUMENTS, count, x, v, y, jv);
}

static rg_status vjp_batch(void *self, size_t count, const double *const *x, const double *const *u,
                           double *const *y, double *const *uj)
{
    return rg_program_vjp_batch(ARGUMENTS, count, x, u, y, uj);
}

static rg_status hvp_batch(void *self, size_t count, const double *const *x, const double *const *v,
                           double *const *hv)
{
    return rg_program_hvp_batch(ARGUMENTS, count, x, v, hv);
}

static const ref_functions functions = {
    value, gradient, jvp, vjp, hvp, value_batch, gradient_batch, jvp_batch, vjp_batch, hvp_batch};

static void run_expression(ref_expression *e, rg_tape *tape)
{
    for (int uniform = 0; uniform < 2 && e->outcome.verdict == REF_PASS; uniform++) {
        rg_error error = {0};
        runner r = {.program = ref_compile(e, tape, REF_GRADIENTS | REF_PRODUCTS, uniform)};
        if (r.program && !(r.workspace = rg_workspace_create(r.program, &error)))
            ref_set(&e->outcome, REF_FAIL, "%s", error.message);
        if (r.workspace && uniform) {
            ref_run_uniform(e, &functions, &r);
        } else if (r.workspace) {
            ref_run_gradients(e, &functions, &r);
            ref_run_products(e, &functions, &r);
            ref_run_batch(e, &functions, &r);
        }
        rg_workspace_destroy(r.workspace);
        rg_program_destroy(r.program);
    }
}

static void run(ref_expression *list, int count)
{
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < count; i++)
        run_expression(&list[i], tape);
    rg_tape_destroy(tape);
}

const ref_engine ref_engine_program = {.name = "program", .run = run, .orders = 3};
