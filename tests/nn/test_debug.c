#define RG_LINES
#include "../check.h"

SUITE(debug);

Test(debug, the_first_value_that_is_not_finite_is_named)
{
    rg_tape *tape = rg_tape_create();
    rg_tape_find_anomalies(tape, 1);
    rg_value x = rg_input_f64(tape, RG_SHAPE(2, 2), (double[]){1, 2, 0, 3});
    rg_value y = rg_log(rg_square(x)); /* this line is in the message */
    rg_exp(y);
    char place[64];
    snprintf(place, sizeof place, "test_debug.c:%d)", __LINE__ - 3);
    CHECK_FAILED(tape, RG_ERROR_NUMERIC,
                 "log at node 3: element 2 of its value, of shape [2, 2], is -inf");
    CHECK_FAILED(tape, RG_ERROR_NUMERIC, place);
    rg_tape_reset(tape);
    rg_value s = rg_input(tape, -1);
    rg_mul(rg_sqrt(s), 2);
    CHECK_FAILED(tape, RG_ERROR_NUMERIC, "sqrt at node 2: element 0 of its value, of shape [], is");
    rg_tape_reset(tape);
    rg_input(tape, INFINITY);
    CHECK_FAILED(tape, RG_ERROR_NUMERIC, "input at node 1");
    rg_tape_reset(tape);
    rg_tape_find_anomalies(tape, 0);
    rg_value z = rg_log(rg_input(tape, 0));
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    cr_assert(isinf(rg_item(z)));
    rg_tape_destroy(tape);
}

Test(debug, the_first_gradient_that_is_not_finite_is_named)
{
    rg_tape *tape = rg_tape_create();
    rg_tape_find_anomalies(tape, 1);
    rg_value x = rg_input(tape, 0);
    rg_value y = rg_sqrt(x);
    rg_value z = rg_mul(y, 3);
    CHECK_STATUS(rg_backward(z), RG_ERROR_NUMERIC);
    char place[64];
    snprintf(place, sizeof place, "test_debug.c:%d)", __LINE__ - 4);
    CHECK_FAILED(tape, RG_ERROR_NUMERIC,
                 "sqrt at node 2: element 0 of the gradient it passes to input at node 1");
    CHECK_FAILED(tape, RG_ERROR_NUMERIC, place);
    rg_tape_reset(tape);
    rg_value v = rg_input_f64(tape, RG_SHAPE(3), (double[]){1, 0, 4});
    CHECK_STATUS(rg_backward(rg_sum(rg_sqrt(v))), RG_ERROR_NUMERIC);
    CHECK_FAILED(tape, RG_ERROR_NUMERIC, "element 1 of the gradient it passes to input");
    rg_tape_reset(tape);
    x = rg_input(tape, 4);
    CHECK_STATUS(rg_backward(rg_exp(rg_sqrt(x))), RG_OK);
    CHECK_NEAR(rg_grad(x), exp(2) / 4, 1e-15);
    rg_tape_destroy(tape);
}

Test(debug, errors_name_the_line_that_made_them)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(2), NULL), y = rg_input_f64(tape, RG_SHAPE(3), NULL);
    rg_value z = rg_matmul(x, y);
    rg_exp(z);
    char place[64];
    snprintf(place, sizeof place, "test_debug.c:%d)", __LINE__ - 3);
    CHECK_FAILED(tape, RG_ERROR_SHAPE, place);
    cr_assert(!strstr(strstr(rg_tape_message(tape), place) + 1, "test_debug"),
              "one place is named");
    rg_tape_destroy(tape);
}

Test(debug, writes_that_a_sweep_would_miss_are_errors)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(2), (double[]){1, 2});
    rg_mark mark = rg_tape_mark(tape);
    rg_value y = rg_sum(rg_square(x));
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_STATUS(rg_write(x, (double[]){3, 4}), RG_OK);
    CHECK_STATUS(rg_backward(y), RG_ERROR_STATE);
    CHECK_FAILED(tape, RG_ERROR_STATE,
                 "square at node 2 needs the elements that input at node 1 had");
    CHECK_STATUS(rg_tape_rewind(tape, mark), RG_OK);
    /* What is recorded after the write is right. */
    y = rg_sum(rg_square(x));
    CHECK_STATUS(rg_backward(y), RG_OK);
    double grad[2];
    rg_read_grad(x, grad);
    CHECK_NEAR(grad[1], 8, 0);
    /* Sums do not read what they add. */
    rg_value z = rg_sum(rg_add(x, x));
    CHECK_STATUS(rg_write(x, (double[]){0, 0}), RG_OK);
    CHECK_STATUS(rg_backward(z), RG_OK);
    CHECK_STATUS(rg_backward(y), RG_ERROR_STATE);
    rg_tape_reset(tape);
    rg_value s = rg_input(tape, 2), t = rg_mul(s, s), unrelated = rg_exp(rg_input(tape, 1));
    CHECK_STATUS(rg_write(s, (double[]){5}), RG_OK);
    CHECK_STATUS(rg_backward(unrelated), RG_OK);
    CHECK_STATUS(rg_backward(t), RG_ERROR_STATE);
    CHECK_FAILED(tape, RG_ERROR_STATE, "mul at node 2 needs");
    rg_tape_destroy(tape);
}

Test(debug, parameters_changed_between_recording_and_sweeping)
{
    rg_error error;
    rg_tape *tape = rg_tape_create();
    rg_params *params = rg_params_create(NULL);
    rg_param *p = rg_params_add(params, "p", RG_F64, RG_SHAPE(2), &error);
    rg_optimizer *sgd = rg_sgd_create(params, NULL, &error);
    rg_value y = rg_sum(rg_square(rg_use(tape, p)));
    CHECK_STATUS(rg_backward(y), RG_OK);
    rg_optimizer_step(sgd);
    CHECK_STATUS(rg_backward(y), RG_ERROR_STATE);
    rg_tape_reset(tape);
    y = rg_sum(rg_square(rg_use(tape, p)));
    rg_param_write(p, (double[]){1, 2});
    CHECK_STATUS(rg_backward(y), RG_ERROR_STATE);
    CHECK_FAILED(tape, RG_ERROR_STATE, "overwritten since");
    rg_optimizer_destroy(sgd);
    rg_params_destroy(params);
    rg_tape_destroy(tape);
}

Test(debug, writes_through_pointers_are_found_by_checksums)
{
    double memory[4] = {1, 2, 3, 4};
    rg_param *p = rg_param_create(NULL, RG_F32, RG_SHAPE(2));
    rg_tape *tape = rg_tape_create();
    rg_tape_find_writes(tape, 1);
    for (int which = 0; which < 3; which++) {
        rg_tape_reset(tape);
        rg_value x = rg_input_f64(tape, RG_SHAPE(2), memory);
        rg_value c = rg_constant_view(tape, RG_F64, RG_SHAPE(2), (int64_t[]){2}, memory);
        rg_value w = rg_cast(rg_use(tape, p), RG_F64);
        rg_value y = rg_sum(rg_mul(rg_mul(x, c), rg_tril(rg_reshape(w, RG_SHAPE(1, 2)), 0)));
        CHECK_STATUS(rg_backward(y), RG_OK);
        if (which == 0)
            memory[2] += 1;
        else if (which == 1)
            ((float *)rg_param_data(p))[1] = 7;
        else
            ((double *)(uintptr_t)rg_data(x, RG_F64))[0] = 9;
        CHECK_STATUS(rg_backward(y), RG_ERROR_STATE);
        CHECK_FAILED(tape, RG_ERROR_STATE, "was changed through a pointer");
    }
    rg_tape_destroy(tape);
    rg_param_destroy(p);
}
