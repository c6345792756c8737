#include "../check.h"

#include <pthread.h>
#include <sys/resource.h>

#include "../../autograd/internal.h"

SUITE(scalar);

/* ---- ten million nodes ---- */

enum { NODES = 10000000, STACK = 256 << 10 };

static void *long_chain(void *result)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1), y = x;
    for (int i = 0; i < NODES / 2; i++)
        y = rg_add(rg_mul(y, 0.5), x);
    *(double *)result = rg_backward(y) == RG_OK ? rg_grad(x) : NAN;
    rg_tape_destroy(tape);
    return NULL;
}

Test(scalar, ten_million_nodes_on_a_small_stack)
{
    pthread_t thread;
    pthread_attr_t attributes;
    double grad = 0;
    pthread_attr_init(&attributes);
    cr_assert(pthread_attr_setstacksize(&attributes, STACK) == 0);
    cr_assert(pthread_create(&thread, &attributes, long_chain, &grad) == 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    CHECK_NEAR(grad, 2, 1e-12);
#ifndef CHECK_LEAKS
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    cr_assert(usage.ru_maxrss < 500 * 1000, "%ld KB were resident", usage.ru_maxrss);
#endif
}

/* ---- the paths agree ---- */

/* A long expression with every scalar operation, on a tape made by `options`. */
static double everything(const rg_tape_options *options, double *grad)
{
    rg_tape *tape = rg_tape_create_with(options);
    rg_value x = rg_input(tape, 0.7), y = rg_input(tape, 1.3), f = rg_constant(tape, 0);
    for (int i = 0; i < 2000; i++) {
        rg_value t[] = {
            rg_add(x, y),      rg_sub(x, y),        rg_mul(x, y),   rg_div(x, y),
            rg_pow(x, y),      rg_max(x, y),        rg_min(x, y),   rg_neg(x),
            rg_square(y),      rg_sqrt(x),          rg_exp(x),      rg_log(y),
            rg_sin(x),         rg_cos(y),           rg_tan(x),      rg_tanh(y),
            rg_sigmoid(x),     rg_relu(x),          rg_abs(y),      rg_leaky_relu(x, .1),
            rg_softplus(y, 2), rg_sub(i * 1e-3, x), rg_div(2.0, y), rg_pow(2, x)};
        for (size_t k = 0; k < sizeof t / sizeof *t; k++)
            f = rg_add(f, t[k]);
        x = rg_add(rg_mul(x, 0.999), 0.001);
    }
    CHECK_STATUS(rg_backward(f), RG_OK);
    double value = rg_item(f);
    *grad = rg_grad(y);
    rg_tape_destroy(tape);
    return value;
}

static void *plain_resize(void *context, void *block, size_t old_size, size_t size)
{
    (void)context, (void)old_size;
    if (size > 0)
        return realloc(block, size);
    free(block);
    return NULL;
}

Test(scalar, resizable_blocks_give_the_same_numbers)
{
    rg_allocator allocator = {plain_resize, NULL};
    double grads[2];
    double reserved = everything(NULL, &grads[0]);
    double blocks = everything(&(rg_tape_options){.allocator = &allocator}, &grads[1]);
    cr_assert(reserved == blocks && grads[0] == grads[1]);
}

Test(scalar, scalars_and_one_element_tensors_agree)
{
    enum { COUNT = 1000 };
    static double xs[COUNT], ys[COUNT], up[COUNT], gx[COUNT], gy[COUNT], values[COUNT];
    rg_random random = rg_random_create(11);
    for (int i = 0; i < COUNT; i++) {
        xs[i] = 0.2 + rg_random_uniform(&random);
        ys[i] = 0.2 + rg_random_uniform(&random);
        up[i] = 1;
    }
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(COUNT), xs),
             y = rg_input_f64(tape, RG_SHAPE(COUNT), ys);
    rg_value f = rg_sub(rg_tanh(rg_mul(x, y)), rg_pow(rg_div(x, y), rg_log(rg_add(x, 1))));
    rg_read(f, values);
    CHECK_STATUS(rg_backward_with(f, up), RG_OK);
    rg_read_grad(x, gx);
    rg_read_grad(y, gy);
    for (int i = 0; i < COUNT; i++) {
        rg_value a = rg_input(tape, xs[i]), b = rg_input(tape, ys[i]);
        rg_value s = rg_sub(rg_tanh(rg_mul(a, b)), rg_pow(rg_div(a, b), rg_log(rg_add(a, 1))));
        CHECK_STATUS(rg_backward(s), RG_OK);
        CHECK_NEAR(rg_item(s), values[i], 1e-15);
        CHECK_NEAR(rg_grad(a), gx[i], 1e-14);
        CHECK_NEAR(rg_grad(b), gy[i], 1e-14);
    }
    rg_tape_destroy(tape);
}

/* ---- the inline path hands over ---- */

Test(scalar, what_the_inline_path_cannot_do_is_still_right)
{
    rg_tape *tape = rg_tape_create(), *other = rg_tape_create();
    rg_value x = rg_input(tape, 2), far = rg_input(other, 3);
    rg_mark mark = rg_tape_mark(tape);
    rg_value y = rg_add(x, x);
    CHECK_NEAR(rg_item(y), 4, 0);
    cr_assert(rg_add(x, far).serial == 0);
    CHECK_FAILED(tape, RG_ERROR_TAPE, "add at node 3: input 2 is on another tape");
    cr_assert(rg_mul(x, x).serial == 0, "after an error nothing is recorded");
    cr_assert(rg_mul(x, 2).serial == 0 && rg_square(x).serial == 0 && rg_exp(x).serial == 0);
    rg_tape_rewind(tape, mark);
    rg_mul(x, y);
    CHECK_FAILED(tape, RG_ERROR_STALE, "mul at node 2: input 2 was dropped by a rewind");
    rg_tape_rewind(tape, mark);
    rg_neg((rg_value){tape, 0});
    CHECK_FAILED(tape, RG_ERROR_STALE, "neg at node 2: input 1 is the inert value");
    rg_tape_rewind(tape, mark);
    cr_assert(rg_mul((rg_value){0}, 2).tape == NULL);
    cr_assert(rg_sub(2, (rg_value){0}).tape == NULL);
    cr_assert(rg_add((rg_value){0}, (rg_value){0}).tape == NULL);
    cr_assert(rg_exp((rg_value){0}).tape == NULL);
    cr_assert(rg_softplus((rg_value){0}, 1).tape == NULL);
    /* Handles of three ages: before the first mark, between, and new. */
    rg_value middle = rg_add(x, 1);
    rg_mark second = rg_tape_mark(tape);
    rg_add(middle, 1);
    rg_tape_rewind(tape, second);
    rg_add(middle, 1);
    rg_tape_rewind(tape, second);
    rg_value z = rg_mul(rg_mul(middle, x), rg_add(middle, x));
    CHECK_NEAR(rg_item(z), 30, 0);
    CHECK_STATUS(rg_backward(z), RG_OK);
    CHECK_NEAR(rg_grad(x), 3 * 5 + 2 * 5 + 2 * 6, 0);
    rg_tape_destroy(tape);
    rg_tape_destroy(other);
}

Test(scalar, no_grad_scalars_are_constants)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 2), before = rg_mul(x, x);
    rg_no_grad_begin(tape);
    rg_value c = rg_mul(x, rg_exp(rg_sub(x, 2)));
    rg_value d = rg_softplus(rg_sub(5, x), 1);
    rg_no_grad_end(tape);
    rg_value f = rg_add(rg_mul(c, before), d);
    CHECK_NEAR(rg_item(c), 2, 0);
    CHECK_STATUS(rg_backward(f), RG_OK);
    CHECK_NEAR(rg_grad(x), 8, 0);
    cr_assert(!rg_is_reached(c) && !rg_is_reached(d) && rg_is_reached(before));
    rg_tape_destroy(tape);
}

Test(scalar, reached_follows_operands_not_values)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 0), y = rg_input(tape, 3), z = rg_input(tape, 1);
    rg_value f = rg_add(rg_mul(rg_mul(x, y), 0.0), rg_sub(1, x)), unused = rg_mul(z, y);
    CHECK_STATUS(rg_backward(f), RG_OK);
    cr_assert(rg_is_reached(x) && rg_is_reached(y) && !rg_is_reached(z) && !rg_is_reached(unused));
    CHECK_NEAR(rg_grad(y), 0, 0);
    rg_tape_destroy(tape);
}

Test(scalar, a_node_costs_26_bytes)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    for (int i = 0; i < 1000000; i++)
        x = rg_add(x, x);
    rg_tape_stats stats = rg_tape_get_stats(tape);
    /* Committed in doubling steps; constants have room for one a node. */
    cr_assert(stats.node_bytes <= (size_t)(1 << 20) * 34 + (5 << 16));
    cr_assert(stats.tensor_used == 0);
    rg_tape_destroy(tape);
}

Test(scalar, inputs_of_statements_at_once)
{
    enum { N = 9000 }; /* beyond the first growth */
    static double values[N], grads[N];
    static rg_real x[N], single[3];
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < N; i++)
        values[i] = i;
    for (int round = 0; round < 2; round++) {
        rg_let_inputs(tape, N, values, x);
        for (int i = 0; i < 3; i++)
            single[i] = rg_let(tape, rg_input(tape, i));
        rg_real f = rg_let(tape, rg_mul(single[2], rg_let_dot(tape, N, x, x)));
        CHECK_STATUS(rg_backward(rg_value_of(tape, f)), RG_OK);
        rg_read_real_grads(tape, N, x, grads);
        for (int i = 0; i < N; i++) {
            cr_assert(x[i].id == (uint32_t)i + 1 && x[i].value == i);
            CHECK_NEAR(grads[i], 4.0 * i, 0);
        }
        CHECK_NEAR(rg_real_grad(tape, single[0]), 0, 0);
        CHECK_NEAR(rg_grad(rg_value_of(tape, x[5])), 20, 0);
        rg_tape_reset(tape);
    }
    rg_no_grad_begin(tape);
    rg_let_inputs(tape, 1, values + 7, x);
    rg_no_grad_end(tape);
    cr_assert(x[0].value == 7 && x[0].id == 0);
    rg_let_inputs(NULL, 1, values, x);
    cr_assert(isnan(x[0].value) && x[0].id == 0);
    rg_read_real_grads(NULL, 1, x, grads);
    CHECK_NEAR(grads[0], 0, 0);
    rg_tape_destroy(tape);
}
