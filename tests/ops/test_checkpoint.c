#include "../check.h"
#include "../failing.h"

SUITE(checkpoint);

/* tanh(w x + b), several times over. */
static rg_value layers(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)count;
    rg_value x = in[0];
    for (int i = 0; i < *(int *)context; i++)
        x = rg_tanh(rg_add(rg_matmul(x, in[1]), in[2]));
    return x;
}

static void fill(double *data, int count, double step)
{
    for (int i = 0; i < count; i++)
        data[i] = 0.3 * sin(step * (i + 1));
}

Test(checkpoint, gives_the_gradients_of_the_whole)
{
    enum { N = 6 };
    double x[N * N], w[N * N], b[N], up[N * N], got[2][3][N * N];
    fill(x, N * N, 1);
    fill(w, N * N, 2);
    fill(b, N, 3);
    fill(up, N * N, 5);
    int times = 4;
    rg_tape *tape = rg_tape_create();
    for (int whole = 0; whole < 2; whole++) {
        rg_tape_reset(tape);
        rg_value in[3] = {rg_input_f64(tape, RG_SHAPE(N, N), x),
                          rg_input_f64(tape, RG_SHAPE(N, N), w),
                          rg_input_f64(tape, RG_SHAPE(N), b)};
        rg_value y = in[0];
        for (int piece = 0; piece < 3; piece++) {
            const rg_value again[3] = {y, in[1], in[2]};
            y = whole ? layers(tape, again, 3, &times) : rg_checkpoint(layers, 3, again, &times);
        }
        CHECK_STATUS(rg_backward_with(y, up), RG_OK);
        for (int k = 0; k < 3; k++)
            rg_read_grad(in[k], got[whole][k]);
    }
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < (k < 2 ? N * N : N); i++)
            CHECK_NEAR(got[0][k][i], got[1][k][i], 1e-14);
    rg_tape_destroy(tape);
}

Test(checkpoint, keeps_less_memory)
{
    int times = 50;
    size_t used[2];
    rg_tape *tape = rg_tape_create();
    for (int whole = 0; whole < 2; whole++) {
        rg_tape_reset(tape);
        rg_value in[3] = {rg_input_tensor(tape, RG_F64, RG_SHAPE(40, 40), NULL),
                          rg_input_tensor(tape, RG_F64, RG_SHAPE(40, 40), NULL),
                          rg_input_tensor(tape, RG_F64, RG_SHAPE(40), NULL)};
        if (whole)
            layers(tape, in, 3, &times);
        else
            rg_checkpoint(layers, 3, in, &times);
        used[whole] = rg_tape_get_stats(tape).tensor_used;
    }
    cr_assert(used[0] * 10 < used[1], "%zu and %zu bytes", used[0], used[1]);
    rg_tape_destroy(tape);
}

static rg_value square_twice(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)count, (void)context;
    return rg_square(rg_square(in[0]));
}

static rg_value nested(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape;
    return rg_mul(rg_checkpoint(square_twice, count, in, context), in[0]);
}

Test(checkpoint, nests_and_differentiates_again)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1.5), y = rg_checkpoint(nested, 1, &x, NULL), g, h;
    CHECK_NEAR(rg_item(y), pow(1.5, 5), 1e-15);
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_NEAR(rg_grad(x), 5 * pow(1.5, 4), 1e-15);
    CHECK_STATUS(rg_grad_values(y, (rg_value){0}, 1, &x, &g), RG_OK);
    CHECK_STATUS(rg_grad_values(g, (rg_value){0}, 1, &x, &h), RG_OK);
    CHECK_NEAR(rg_item(h), 20 * pow(1.5, 3), 1e-14);
    rg_tape_destroy(tape);
}

static rg_value with_param(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)count;
    return rg_mul(in[0], rg_use(tape, context));
}

Test(checkpoint, parameters_inside_get_their_gradients)
{
    rg_param *p = rg_param_create(NULL, RG_F64, RG_SCALAR);
    rg_param_write(p, (double[]){3});
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 2), y = rg_checkpoint(with_param, 1, &x, p);
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_NEAR(rg_grad(x), 3, 0);
    CHECK_NEAR(*(double *)rg_param_grad(p), 2, 0);
    rg_tape_defer_gradients(tape, 1);
    CHECK_STATUS(rg_backward(y), RG_ERROR_STATE);
    CHECK_FAILED(tape, RG_ERROR_STATE, "parameters must be inputs");
    rg_tape_destroy(tape);
    rg_param_destroy(p);
}

static rg_value failing_inside(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)count;
    int *calls = context;
    if (++*calls > 1)
        return rg_add(in[0], rg_input_tensor(tape, RG_F64, RG_SHAPE(3), NULL));
    return rg_exp(in[0]);
}

static rg_value returns_nothing(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)in, (void)count, (void)context;
    return (rg_value){0};
}

Test(checkpoint, errors_inside_are_errors_of_the_tape)
{
    int calls = 0;
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_tensor(tape, RG_F64, RG_SHAPE(2), NULL);
    rg_mark mark = rg_tape_mark(tape);
    rg_value y = rg_checkpoint(failing_inside, 1, &x, &calls);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    CHECK_STATUS(rg_backward_with(y, (double[]){1, 1}), RG_ERROR_SHAPE);
    CHECK_FAILED(tape, RG_ERROR_SHAPE, "inside: add at node 3: [2] does not broadcast with [3]");
    CHECK_STATUS(rg_tape_rewind(tape, mark), RG_OK);
    calls = 1;
    rg_checkpoint(failing_inside, 1, &x, &calls);
    CHECK_FAILED(tape, RG_ERROR_SHAPE, "checkpoint at node 2: inside: add");
    CHECK_STATUS(rg_tape_rewind(tape, mark), RG_OK);
    rg_checkpoint(returns_nothing, 1, &x, NULL);
    CHECK_FAILED(tape, RG_ERROR_STALE, "returned no value");
    rg_tape_destroy(tape);
}

static rg_status program(const rg_allocator *allocator)
{
    int times = 2;
    rg_tape *tape = rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
    rg_value in[3] = {rg_input_tensor(tape, RG_F64, RG_SHAPE(3, 3), NULL),
                      rg_input_tensor(tape, RG_F64, RG_SHAPE(3, 3), NULL),
                      rg_input_tensor(tape, RG_F64, RG_SHAPE(3), NULL)};
    static const double up[9] = {1};
    rg_status status = rg_backward_with(rg_checkpoint(layers, 3, in, &times), up);
    rg_tape_destroy(tape);
    return status;
}

Test(checkpoint, every_allocation_may_fail)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_status status = program(&allocator);
        CHECK_FAILURE(memory, status);
    }
}
