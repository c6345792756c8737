/*
 * custom_op.c: an operation of your own: the logistic map y = r x (1 - x).
 *
 * It needs a forward function, a backward function and a record that names them. The library treats
 * it like one of its own: any shape, any place in an expression, checked by rg_gradcheck.
 */
#include <reelgrad.h>

#include "options.h"

static rg_status map_forward(rg_call *call)
{
    const double *x = call->in[0]->data;
    double *y = call->out->data, r = *(const double *)call->attributes;
    for (int64_t i = 0; i < call->out->size; i++)
        y[i] = r * x[i] * (1 - x[i]);
    return RG_OK;
}

/* Adds, never assigns: x may be used elsewhere in the expression too. */
static void map_backward(rg_call *call)
{
    const double *x = call->in[0]->data, *g = call->out->grad;
    double *gx = call->in[0]->grad, r = *(const double *)call->attributes;
    for (int64_t i = 0; i < call->out->size; i++)
        gx[i] += g[i] * r * (1 - 2 * x[i]);
}

static const rg_op map_op = {
    .name = "map",
    .formula = "r x (1 - x)",
    .gradient = "g r (1 - 2 x)",
    .arity = 1,
    .types = RG_OP_F64,
    .attribute_size = sizeof(double),
    .forward = map_forward,
    .backward = map_backward,
};

static rg_value map(rg_value x, double r)
{
    return rg_record(&map_op, 1, &x, &r);
}

/* Two applications of the map, with the library's sin between them. */
static rg_value twice(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)count, (void)context;
    return map(rg_sin(map(in[0], 3.2)), 3.2);
}

static int check(const char *program, int64_t seed)
{
    enum { COUNT = 6 };
    rg_random random = rg_random_create((uint64_t)seed);
    double x[COUNT];
    for (int i = 0; i < COUNT; i++)
        x[i] = rg_random_uniform(&random);
    rg_gradcheck_input in = {.shape = RG_SHAPE(2, 3), .data = x};
    rg_gradcheck_report report;
    if (rg_gradcheck(twice, NULL, &in, 1, NULL, &report) != RG_OK) {
        fprintf(stderr, "%s: %s\n", program, report.message);
        return 1;
    }
    printf("gradient check of map(sin(map(x))), x of shape [2, 3]: %" PRId64 " derivatives, "
           "%" PRId64 " wrong\n",
           report.checked, report.failed);
    return 0;
}

int main(int argc, char **argv)
{
    int64_t seed = 1;
    read_options(argc, argv, "An operation of your own, with its gradient checked.",
                 (const option[]){{"seed", OPTION_COUNT, &seed, "of the points checked"}, {0}});
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, .25), y = map(x, 3.2);
    rg_status status = rg_backward(y);
    if (status == RG_OK)
        printf("map(0.25) = %g, derivative %g\n", rg_item(y), rg_grad(x));
    else
        fprintf(stderr, "%s: %s\n", argv[0], rg_tape_message(tape));
    rg_tape_destroy(tape);
    return status != RG_OK || check(argv[0], seed) != 0;
}
