/*
 * test_layer_ops.c: dropout, embedding, attention: numbers and errors. test_rules.c compares the
 * gradients of every order.
 */
#include "elements.h"

#include "../failing.h"

SUITE(layer_ops);

#define CASE(name) Test(layer_ops, name, .init = begin, .fini = end)

static const double numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};

static rg_value input(rg_shape shape)
{
    return rg_input_f64(tape, shape, numbers);
}

/* ---- dropout ---- */

CASE(drops_by_a_mask)
{
    rg_value x = input(RG_SHAPE(2, 2)), mask = rg_constant_f64(tape, RG_SHAPE(2), (double[]){0, 1});
    rg_value y = rg_dropout(x, mask, 0.75);
    CHECK_ELEMENTS(y, RG_SHAPE(2, 2), 0, 8, 0, 16);
    rg_backward(rg_sum(y));
    CHECK_GRADIENT(x, 0, 4, 0, 4);
}

CASE(drops_at_random)
{
    enum { MANY = 10000 };
    rg_random random = rg_random_create(1), same = random;
    static double once[MANY], again[MANY];
    rg_value ones = rg_input_tensor(tape, RG_F32, RG_SHAPE(MANY), NULL);
    for (int i = 0; i < MANY; i++)
        once[i] = 1;
    CHECK_STATUS(rg_write(ones, once), RG_OK);
    CHECK_STATUS(rg_read(rg_dropout_random(ones, 0.2, &random), once), RG_OK);
    CHECK_STATUS(rg_read(rg_dropout_random(ones, 0.2, &same), again), RG_OK);
    int kept = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(once[i] == 0 || once[i] == 1.25, "%g", once[i]);
        cr_assert_eq(once[i], again[i]);
        kept += once[i] != 0;
    }
    cr_assert(kept > 7800 && kept < 8200, "%d of %d are kept", kept, MANY);
    CHECK_NEAR(rg_item(rg_dropout_random(rg_input(tape, 3), 0, &random)), 3, 0);
}

CASE(refuses_to_drop)
{
    rg_random random = rg_random_create(1), before = random;
    rg_value integers = rg_indices(tape, RG_SHAPE(2), (int64_t[]){1, 2});
    CHECK_FAILS(tape, rg_dropout_random(integers, 0.5, &random), RG_ERROR_TYPE, "int64");
    CHECK_FAILS(tape, rg_dropout_random(input(RG_SHAPE(2)), 1, &random), RG_ERROR_ARGUMENT,
                "dropout at node 2: the probability is 1, not in [0, 1)");
    CHECK_FAILS(tape, rg_dropout(input(RG_SHAPE(2)), input(RG_SHAPE(2)), -0.5), RG_ERROR_ARGUMENT,
                "the probability is -0.5");
    CHECK_FAILS(tape, rg_dropout(input(RG_SHAPE(2)), input(RG_SHAPE(3)), 0.5), RG_ERROR_SHAPE,
                "does not broadcast");
    cr_assert_arr_eq(&random, &before, sizeof random);
}

/* ---- embedding ---- */

CASE(looks_rows_up)
{
    rg_value w = input(RG_SHAPE(3, 2));
    rg_value at = rg_indices(tape, RG_SHAPE(2, 2), (int64_t[]){2, 0, 2, -2});
    rg_value y = rg_embedding(w, at, -1);
    CHECK_ELEMENTS(y, RG_SHAPE(2, 2, 2), 5, 6, 1, 2, 5, 6, 3, 4);
    rg_backward_with(y, numbers);
    CHECK_GRADIENT(w, 3, 4, 7, 8, 6, 8);
    for (int padding = 1; padding < 3; padding++) {
        y = rg_embedding(w, at, padding);
        CHECK_ELEMENTS(y, RG_SHAPE(2, 2, 2), 5, 6, 1, 2, 5, 6, 3, 4);
        rg_backward_with(y, numbers);
        if (padding == 1)
            CHECK_GRADIENT(w, 3, 4, 0, 0, 6, 8);
        else
            CHECK_GRADIENT(w, 3, 4, 7, 8, 0, 0);
    }
}

CASE(looks_up_through_views)
{
    rg_value w = rg_transpose(input(RG_SHAPE(2, 3)), 0, 1);
    rg_value at = rg_indices(tape, RG_SHAPE(2, 2), (int64_t[]){2, 0, 1, 1});
    rg_value y = rg_embedding(w, rg_transpose(at, 0, 1), 0);
    CHECK_ELEMENTS(y, RG_SHAPE(2, 2, 2), 3, 6, 2, 5, 1, 4, 2, 5);
    CHECK_ELEMENTS(rg_embedding(w, rg_indices(tape, RG_SCALAR, (int64_t[]){1}), 1), RG_SHAPE(2), 2,
                   5);
    cr_assert_eq(rg_size(rg_embedding(w, rg_indices(tape, RG_SHAPE(0), NULL), 1)), 0);
}

CASE(refuses_to_look_up)
{
    rg_value w = input(RG_SHAPE(3, 2));
    CHECK_FAILS(tape, rg_embedding(w, rg_indices(tape, RG_SHAPE(1), (int64_t[]){3}), -1),
                RG_ERROR_INDEX, "index 3");
    CHECK_FAILS(tape,
                rg_embedding(input(RG_SHAPE(3)), rg_indices(tape, RG_SHAPE(1), (int64_t[]){0}), -1),
                RG_ERROR_SHAPE, "rows of [3] by indices of rank 1");
    CHECK_FAILS(tape, rg_embedding(input(RG_SHAPE(3, 2)), input(RG_SHAPE(1)), -1), RG_ERROR_TYPE,
                "the indices must be int64, not float64");
    w = input(RG_SHAPE(3, 2));
    CHECK_FAILS(tape, rg_embedding(w, rg_indices(tape, RG_SHAPE(1), (int64_t[]){0}), 3),
                RG_ERROR_INDEX, "row 3 for padding, of 3");
}

/* ---- attention ---- */

CASE(attends)
{
    rg_value q = rg_input_f64(tape, RG_SHAPE(2, 1), (double[]){0, 1});
    rg_value k = rg_input_f64(tape, RG_SHAPE(2, 1), (double[]){0, log(3)});
    rg_value v = rg_input_f64(tape, RG_SHAPE(2, 1), (double[]){4, 8});
    CHECK_ELEMENTS(rg_attention(q, k, v, 0), RG_SHAPE(2, 1), 6, 7);
    rg_value y = rg_attention(q, k, v, 1);
    CHECK_ELEMENTS(y, RG_SHAPE(2, 1), 4, 7);
    rg_backward_with(y, (double[]){1, 10});
    CHECK_GRADIENT(v, 3.5, 7.5);
    CHECK_GRADIENT(q, 0, 10 * 0.75 * 0.25 * 4 * log(3));
    CHECK_GRADIENT(k, -7.5, 7.5);
}

CASE(refuses_to_attend)
{
    CHECK_FAILS(tape,
                rg_attention(input(RG_SHAPE(2)), input(RG_SHAPE(2, 2)), input(RG_SHAPE(2, 2)), 0),
                RG_ERROR_SHAPE,
                "q [2], k [2, 2] and v [2, 2] are not [.., L, d], [.., S, d] and [.., S, e]");
    CHECK_FAILS(
        tape, rg_attention(input(RG_SHAPE(2, 3)), input(RG_SHAPE(2, 2)), input(RG_SHAPE(2, 2)), 0),
        RG_ERROR_SHAPE, "q [2, 3]");
    CHECK_FAILS(
        tape, rg_attention(input(RG_SHAPE(2, 2)), input(RG_SHAPE(2, 2)), input(RG_SHAPE(3, 2)), 0),
        RG_ERROR_SHAPE, "v [3, 2]");
}

/* ---- memory ---- */

/* Operations made of others stop wherever memory ends. */
static rg_status record_all(const rg_allocator *allocator)
{
    rg_tape *own = rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
    rg_random random = rg_random_create(1);
    rg_value none = {NULL, 0}, mean, variance;
    rg_value x = rg_input_f64(own, RG_SHAPE(1, 2, 2, 2), numbers), y = x;
    rg_value w = rg_input_f64(own, RG_SHAPE(2, 2, 1, 2), numbers);
    rg_value at = rg_indices(own, RG_SHAPE(2), (int64_t[]){0, 1});
    rg_value start = rg_constant_f64(own, RG_SHAPE(2), numbers);
    rg_batch_norm_options training = {1, 0.1, 1, &mean, &variance};
    y = rg_batch_norm(y, start, start, start, start, &training);
    y = rg_group_norm(rg_layer_norm(y, 2, none, none, 1), 2, start, none, 1);
    y = rg_conv2d(y, w, start, &(rg_conv_options){.padding = {0, 1}});
    y = rg_max_pool2d(y, &(rg_max_pool_options){.kernel = {1, 2}, .stride = {1, 1}});
    y = rg_avg_pool2d(y, &(rg_avg_pool_options){.kernel = {2, 1}});
    y = rg_reshape(rg_dropout_random(y, 0.5, &random), RG_SHAPE(2, 2));
    y = rg_attention(rg_embedding(y, at, 0), y, y, 1);
    rg_grad_values(rg_sum(y), none, 1, &x, &y);
    rg_status status = rg_tape_status(own);
    rg_tape_destroy(own);
    return status;
}

CASE(reports_every_allocation_that_fails)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_status status = record_all(&allocator);
        CHECK_FAILURE(memory, status);
    }
}

/* ---- gradients of products, which assign them where nothing was added before ---- */

/* The sum of all elements, each times a factor of its own. */
static rg_value weighted(rg_value y)
{
    static const double factors[16] = {1,  -2,   0.5, 3, -1,  2,  0.25, -4,
                                       -3, 0.75, 1.5, 2, 2.5, -5, 1,    0.1};
    return rg_sum(rg_mul(y, rg_constant_f64(tape, rg_get_shape(y), factors)));
}

/* The sweep, done twice, against the recorded gradient. */
static void check_gradients(rg_value y, int count, const rg_value *xs)
{
    rg_value grads[3];
    CHECK_STATUS(rg_grad_values(y, (rg_value){0}, count, xs, grads), RG_OK);
    for (int again = 0; again < 2; again++) {
        CHECK_STATUS(rg_backward(y), RG_OK);
        for (int k = 0; k < count; k++) {
            double swept[16], recorded[16];
            rg_read_grad(xs[k], swept);
            rg_read(grads[k], recorded);
            for (int64_t i = 0; i < rg_size(xs[k]); i++)
                CHECK_NEAR(swept[i], recorded[i], 1e-12);
        }
    }
}

CASE(sweeps_products_of_a_matrix_with_itself)
{
    const rg_value x = input(RG_SHAPE(2, 2)), batch = input(RG_SHAPE(2, 2, 2));
    const rg_value xs[2] = {x, batch};
    check_gradients(weighted(rg_matmul(x, x)), 1, xs);
    check_gradients(weighted(rg_linear(x, x, (rg_value){0})), 1, xs);
    check_gradients(weighted(rg_matmul(batch, batch)), 1, &batch);
    check_gradients(rg_add(weighted(rg_matmul(batch, x)), weighted(rg_matmul(x, batch))), 2, xs);
}

CASE(sweeps_linear_maps_that_share_parameters)
{
    const rg_value w = input(RG_SHAPE(2, 2)), b = input(RG_SHAPE(2)), x = input(RG_SHAPE(3, 2));
    const rg_value xs[3] = {x, w, b};
    check_gradients(weighted(rg_linear(rg_linear(x, w, b), w, b)), 3, xs);
    check_gradients(weighted(rg_linear(x, w, rg_sum_over(w, RG_AXES(0), 0))), 2, xs);
}

CASE(sweeps_products_without_elements)
{
    const rg_value x = input(RG_SHAPE(2, 3)), none = input(RG_SHAPE(3, 0));
    const rg_value xs[2] = {x, input(RG_SHAPE(0, 2))};
    check_gradients(rg_sum(rg_matmul(x, none)), 1, xs);
    check_gradients(weighted(rg_matmul(rg_transpose(xs[1], 0, 1), input(RG_SHAPE(0, 2)))), 1,
                    &xs[1]);
    check_gradients(rg_sum(rg_linear(x, input(RG_SHAPE(0, 3)), (rg_value){0})), 1, xs);
    check_gradients(rg_sum(rg_matmul(x, input(RG_SHAPE(0, 3, 2)))), 1, xs);
}
