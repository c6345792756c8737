#include "../check.h"

#include <pthread.h>

#include "twice.h"

SUITE(param);

Test(param, values_and_kinds)
{
    rg_param *p = rg_param_create(NULL, RG_F32, RG_SHAPE(2, 2));
    cr_assert(rg_param_type(p) == RG_F32 && rg_param_size(p) == 4);
    cr_assert(rg_param_shape(p).rank == 2);
    double out[4];
    rg_param_read(p, out);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(out[i], 0, 0);
    rg_param_write(p, (double[]){1, 2, 3, 4});
    cr_assert(((float *)rg_param_data(p))[2] == 3);
    rg_param_read_grad(p, out);
    CHECK_NEAR(out[3], 0, 0);
    rg_param_destroy(p);
    rg_param_destroy(NULL);
    cr_assert_null(rg_param_create(NULL, RG_I64, RG_SHAPE(2)));
    cr_assert_null(rg_param_create(NULL, RG_F64, RG_SHAPE(-2)));
    cr_assert_null(rg_param_create(NULL, RG_F64, RG_SHAPE((int64_t)1 << 40, (int64_t)1 << 20)));
    p = rg_param_create(NULL, RG_F64, RG_SHAPE(0, 3));
    cr_assert_not_null(p);
    rg_param_destroy(p);
}

/* Runs for a parameter of rank 0 and one of rank 1, in both types. */
static void check_accumulation(rg_type type, rg_shape shape)
{
    rg_param *p = rg_param_create(NULL, type, shape);
    rg_param_write(p, (double[]){3, 4});
    rg_tape *tape = rg_tape_create();
    rg_mark start = rg_tape_mark(tape);
    double up[2] = {1, -1}, grad[2];
    for (int sweep = 1; sweep <= 3; sweep++) {
        rg_value w = rg_use(tape, p), y = sum_of(twice(w), rg_use(tape, p));
        CHECK_STATUS(rg_backward_with(y, up), RG_OK);
        CHECK_STATUS(rg_read_grad(w, grad), RG_OK);
        CHECK_NEAR(grad[0], 2, 0); /* of the last sweep, and of this use */
        rg_param_read_grad(p, grad);
        CHECK_NEAR(grad[0], 3 * sweep, 0);
        rg_tape_rewind(tape, start);
    }
    rg_param_zero_grad(p);
    rg_param_read_grad(p, grad);
    CHECK_NEAR(grad[0], 0, 0);
    /* The same recording swept twice: exactly twice the gradient. */
    rg_value w = rg_use(tape, p), y = twice(w);
    rg_backward_with(y, up);
    rg_backward_with(y, up);
    rg_param_read_grad(p, grad);
    CHECK_NEAR(grad[0], 4, 0);
    rg_read_grad(w, grad);
    CHECK_NEAR(grad[0], 2, 0);
    rg_tape_destroy(tape);
    rg_param_destroy(p);
}

Test(param, gradients_add_up_until_zeroed)
{
    check_accumulation(RG_F64, RG_SCALAR);
    check_accumulation(RG_F64, RG_SHAPE(2));
    check_accumulation(RG_F32, RG_SCALAR);
    check_accumulation(RG_F32, RG_SHAPE(2));
}

Test(param, the_first_sweep_after_zeroing_and_an_unused_parameter)
{
    rg_param *p = rg_param_create(NULL, RG_F64, RG_SHAPE(2));
    rg_param *unused = rg_param_create(NULL, RG_F64, RG_SHAPE(2));
    rg_tape *tape = rg_tape_create();
    rg_value w = rg_use(tape, p), other = rg_use(tape, unused);
    CHECK_STATUS(rg_backward_with(twice(w), (double[]){1, 2}), RG_OK);
    double grad[2];
    rg_param_read_grad(p, grad);
    CHECK_NEAR(grad[1], 4, 0);
    rg_param_read_grad(unused, grad);
    CHECK_NEAR(grad[1], 0, 0);
    cr_assert(rg_is_reached(w) && !rg_is_reached(other));
    rg_param_zero_grad(p);
    CHECK_STATUS(rg_backward_with(twice(w), (double[]){1, 5}), RG_OK);
    rg_param_read_grad(p, grad);
    CHECK_NEAR(grad[1], 10, 0);
    rg_tape_destroy(tape);
    rg_param_destroy(p);
    rg_param_destroy(unused);
}

Test(param, frozen_parameters_are_constants)
{
    rg_param *p = rg_param_create(NULL, RG_F64, RG_SCALAR);
    rg_param_write(p, (double[]){3});
    rg_param_freeze(p, 1);
    cr_assert(rg_param_is_frozen(p));
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1), w = rg_use(tape, p), y = sum_of(x, w);
    CHECK_NEAR(rg_item(y), 4, 0);
    CHECK_STATUS(rg_backward(y), RG_OK);
    cr_assert(!rg_is_reached(w));
    CHECK_NEAR(*(double *)rg_param_grad(p), 0, 0);
    rg_use(tape, NULL);
    CHECK_FAILED(tape, RG_ERROR_ARGUMENT, "the parameter is NULL");
    rg_tape_destroy(tape);
    rg_param_destroy(p);
}

/* ---- several threads ---- */

typedef struct worker {
    rg_param *param;
    rg_tape *tape;
    double factor;
} worker;

static void *record_and_sweep(void *argument)
{
    worker *w = argument;
    rg_value y = rg_use(w->tape, w->param);
    for (int i = 0; i < 3; i++)
        y = twice(y);
    rg_backward_with(y, (double[]){w->factor, 1});
    return NULL;
}

Test(param, threads_defer_and_one_adds_in_order)
{
    enum { THREADS = 4 };
    rg_param *p = rg_param_create(NULL, RG_F64, RG_SHAPE(2));
    double first[2] = {0}, grad[2];
    for (int round = 0; round < 20; round++) {
        worker workers[THREADS];
        pthread_t threads[THREADS];
        rg_param_zero_grad(p);
        for (int i = 0; i < THREADS; i++) {
            workers[i] = (worker){p, rg_tape_create(), 0.1 * (i + 1)};
            rg_tape_defer_gradients(workers[i].tape, 1);
            cr_assert(pthread_create(&threads[i], NULL, record_and_sweep, &workers[i]) == 0);
        }
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        rg_param_read_grad(p, grad);
        CHECK_NEAR(grad[0], 0, 0);
        for (int i = 0; i < THREADS; i++) {
            CHECK_STATUS(rg_tape_add_gradients(workers[i].tape), RG_OK);
            CHECK_STATUS(rg_tape_add_gradients(workers[i].tape), RG_OK); /* nothing more to add */
            rg_tape_destroy(workers[i].tape);
        }
        rg_param_read_grad(p, grad);
        CHECK_NEAR(grad[0], 8, 1e-15);
        CHECK_NEAR(grad[1], 32, 0);
        if (round == 0)
            memcpy(first, grad, sizeof first);
        cr_assert(memcmp(first, grad, sizeof first) == 0);
    }
    rg_param_destroy(p);
}
