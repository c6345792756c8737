#include "../check.h"

#include "twice.h"

SUITE(value);

static const double six[6] = {1, 2, 3, 4, 5, 6};

static void check_elements(rg_value x, int count, const double *want)
{
    double got[64];
    cr_assert(rg_size(x) == count, "there are %d elements", (int)rg_size(x));
    CHECK_STATUS(rg_read(x, got), RG_OK);
    for (int i = 0; i < count; i++)
        CHECK_NEAR(got[i], want[i], 0);
}

static void check_text(rg_value x, const char *want)
{
    char text[512] = {0};
    FILE *stream = fmemopen(text, sizeof text, "w");
    CHECK_STATUS(rg_print(stream, x, 6), RG_OK);
    fclose(stream);
    cr_assert_str_eq(text, want);
}

Test(value, leaves_of_every_type)
{
    rg_tape *tape = rg_tape_create();
    const float narrow[4] = {1.5f, -2, 0, 4};
    const int64_t integers[3] = {7, -1, (int64_t)1 << 60};
    rg_value scalar = rg_input(tape, 2.5), matrix = rg_input_f64(tape, RG_SHAPE(2, 3), six);
    rg_value floats = rg_constant_f32(tape, RG_SHAPE(2, 2), narrow);
    rg_value indices = rg_indices(tape, RG_SHAPE(3), integers);
    rg_value empty = rg_input_f64(tape, RG_SHAPE(0, 4), NULL);
    rg_value zeros = rg_input_f32(tape, RG_SCALAR, NULL);
    cr_assert(rg_get_type(scalar) == RG_F64 && rg_get_type(floats) == RG_F32);
    cr_assert(rg_get_type(indices) == RG_I64);
    cr_assert(rg_get_shape(scalar).rank == 0 && rg_size(scalar) == 1);
    cr_assert(rg_get_shape(matrix).rank == 2 && rg_get_shape(matrix).dim[1] == 3);
    cr_assert(rg_size(empty) == 0 && rg_get_shape(empty).dim[1] == 4);
    CHECK_NEAR(rg_item(zeros), 0, 0);
    check_elements(matrix, 6, six);
    check_text(scalar, "2.5");
    check_text(matrix, "[[1, 2, 3], [4, 5, 6]]");
    check_text(floats, "[[1.5, -2], [0, 4]]");
    check_text(indices, "[7, -1, 1152921504606846976]");
    check_text(empty, "[]");
    int64_t raw[3];
    CHECK_STATUS(rg_read_raw(indices, raw), RG_OK);
    cr_assert(raw[2] == integers[2]);
    cr_assert(isnan(rg_item(matrix)) && isnan(rg_item((rg_value){0})));
    cr_assert(rg_size((rg_value){0}) == 0);
    CHECK_STATUS(rg_read((rg_value){0}, NULL), RG_ERROR_STALE);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    rg_tape_destroy(tape);
}

Test(value, malformed_leaves_are_refused)
{
    rg_tape *tape = rg_tape_create();
    struct {
        rg_type type;
        rg_shape shape;
        rg_status status;
        const char *text;
    } cases[] = {
        {RG_F64, {2, {3, -1}}, RG_ERROR_SHAPE, "negative dimension"},
        {RG_F64,
         {3, {(int64_t)1 << 31, (int64_t)1 << 31, 16}},
         RG_ERROR_SHAPE,
         "too many elements"},
        {RG_F64, {9, {0}}, RG_ERROR_LIMIT, "rank 9"},
        {RG_F64, {-1, {0}}, RG_ERROR_LIMIT, "rank -1"},
        {(rg_type)5, {1, {2}}, RG_ERROR_TYPE, "5 is no element type"},
        {RG_F32, {2, {(int64_t)1 << 31, (int64_t)1 << 31}}, RG_ERROR_LIMIT, "too large"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rg_value x = rg_constant_tensor(tape, cases[i].type, cases[i].shape, NULL);
        cr_assert(x.serial == 0);
        CHECK_FAILED(tape, cases[i].status, cases[i].text);
        rg_tape_reset(tape);
    }
    rg_constant_view(tape, RG_F64, RG_SHAPE(2), NULL, NULL);
    CHECK_FAILED(tape, RG_ERROR_ARGUMENT, "the data are NULL");
    rg_tape_destroy(tape);
}

Test(value, strided_views_of_the_callers_memory)
{
    rg_tape *tape = rg_tape_create();
    const int64_t by_column[2] = {1, 3}, backwards[1] = {-1}, same[2] = {0, 2};
    rg_value turned = rg_constant_view(tape, RG_F64, RG_SHAPE(3, 2), by_column, six);
    check_elements(turned, 6, (double[]){1, 4, 2, 5, 3, 6});
    check_text(turned, "[[1, 4], [2, 5], [3, 6]]");
    rg_value reversed = rg_constant_view(tape, RG_F64, RG_SHAPE(6), backwards, six + 5);
    check_elements(reversed, 6, (double[]){6, 5, 4, 3, 2, 1});
    rg_value repeated = rg_constant_view(tape, RG_F64, RG_SHAPE(2, 3), same, six);
    check_elements(repeated, 6, (double[]){1, 3, 5, 1, 3, 5});
    /* Operations that want dense memory get it. */
    check_elements(twice(turned), 6, (double[]){2, 8, 4, 10, 6, 12});
    rg_value dense = rg_dense(turned);
    check_elements(dense, 6, (double[]){1, 4, 2, 5, 3, 6});
    cr_assert(rg_dense(dense).serial == dense.serial);
    cr_assert_null(rg_data(turned, RG_F64));
    cr_assert_not_null(rg_data(dense, RG_F64));
    cr_assert_null(rg_data(dense, RG_F32));
    const float narrow[6] = {1, 2, 3, 4, 5, 6};
    rg_value floats = rg_constant_view(tape, RG_F32, RG_SHAPE(3, 2), by_column, narrow);
    check_elements(floats, 6, (double[]){1, 4, 2, 5, 3, 6});
    const int64_t integers[4] = {1, 2, 3, 4}, step[1] = {2};
    rg_value odd = rg_constant_view(tape, RG_I64, RG_SHAPE(2), step, integers);
    check_elements(odd, 2, (double[]){1, 3});
    check_elements(rg_dense(odd), 2, (double[]){1, 3});
    rg_tape_destroy(tape);
}

Test(value, leaves_can_be_written)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1), m = rg_input_f32(tape, RG_SHAPE(3), NULL), y = twice(m);
    CHECK_STATUS(rg_write(x, (double[]){5}), RG_OK);
    CHECK_STATUS(rg_write(m, (double[]){7, 8, 9}), RG_OK);
    CHECK_NEAR(rg_item(x), 5, 0);
    check_elements(m, 3, (double[]){7, 8, 9});
    check_elements(y, 3, (double[]){0, 0, 0});
    CHECK_STATUS(rg_write(y, six), RG_ERROR_ARGUMENT);
    CHECK_FAILED(tape, RG_ERROR_ARGUMENT, "no input or constant");
    rg_tape_reset(tape);
    rg_value borrowed = rg_constant_view(tape, RG_F64, RG_SHAPE(6), NULL, six);
    CHECK_STATUS(rg_write(borrowed, six), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_write((rg_value){0}, six), RG_ERROR_STALE);
    rg_tape_destroy(tape);
}

Test(value, elements_come_out_and_go_in)
{
    rg_tape *tape = rg_tape_create();
    rg_value m = rg_input_f64(tape, RG_SHAPE(2, 3), six);
    rg_value a = rg_at(m, RG_AXES(1, -1)), b = rg_at(m, RG_AXES(0, 1));
    CHECK_NEAR(rg_item(a), 6, 0);
    CHECK_NEAR(rg_item(b), 2, 0);
    rg_value pair = rg_tensor_of(RG_SHAPE(1, 2), (rg_value[]){a, b});
    cr_assert(rg_get_shape(pair).rank == 2);
    rg_value y = rg_at(twice(pair), RG_AXES(0, 0));
    CHECK_STATUS(rg_backward(y), RG_OK);
    double grad[6];
    CHECK_STATUS(rg_read_grad(m, grad), RG_OK);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(grad[i], i == 5 ? 2 : 0, 0);
    CHECK_NEAR(rg_grad(a), 2, 0);
    CHECK_NEAR(rg_grad(b), 0, 0);
    cr_assert(rg_is_reached(m) && rg_is_reached(b));
    /* From a view, from float32, from integers, from a scalar. */
    const int64_t by_column[2] = {1, 3};
    rg_value view = rg_constant_view(tape, RG_F64, RG_SHAPE(3, 2), by_column, six);
    CHECK_NEAR(rg_item(rg_at(view, RG_AXES(1, 1))), 5, 0);
    rg_value narrow = rg_input_f32(tape, RG_SHAPE(2), (float[]){1.5f, 2.5f});
    rg_value wide = rg_at(narrow, RG_AXES(1));
    cr_assert(rg_get_type(wide) == RG_F64);
    CHECK_STATUS(rg_backward(twice(wide)), RG_OK);
    CHECK_STATUS(rg_read_grad(narrow, grad), RG_OK);
    CHECK_NEAR(grad[1], 2, 0);
    CHECK_NEAR(rg_item(rg_at(rg_indices(tape, RG_SHAPE(1), (int64_t[]){9}), RG_AXES(0))), 9, 0);
    rg_value same = rg_at(a, (rg_axes){0, {0}});
    CHECK_STATUS(rg_backward(same), RG_OK);
    CHECK_NEAR(rg_grad(a), 1, 0);
    rg_tape_destroy(tape);
}

Test(value, wrong_elements_are_errors)
{
    rg_tape *tape = rg_tape_create();
    rg_mark mark = rg_tape_mark(tape);
    rg_value m = rg_input_f64(tape, RG_SHAPE(2, 3), six);
    rg_at(m, RG_AXES(2, 0));
    CHECK_FAILED(tape, RG_ERROR_INDEX, "coordinate 2 is outside axis 0 of size 2");
    rg_tape_rewind(tape, mark);
    m = rg_input_f64(tape, RG_SHAPE(2, 3), six);
    rg_at(m, RG_AXES(0, -4));
    CHECK_FAILED(tape, RG_ERROR_INDEX, "coordinate -4 is outside axis 1 of size 3");
    rg_tape_rewind(tape, mark);
    m = rg_input_f64(tape, RG_SHAPE(2, 3), six);
    rg_at(m, RG_AXES(0));
    CHECK_FAILED(tape, RG_ERROR_INDEX, "1 coordinates for rank 2");
    rg_tape_rewind(tape, mark);
    m = rg_input_f64(tape, RG_SHAPE(2, 3), six);
    rg_tensor_of(RG_SHAPE(2), (rg_value[]){m, m});
    CHECK_FAILED(tape, RG_ERROR_SHAPE, "input 1 is no float64 scalar");
    cr_assert(rg_tensor_of(RG_SHAPE(0), NULL).serial == 0);
    rg_tape_destroy(tape);
}

Test(value, types_convert_and_mix)
{
    rg_tape *tape = rg_tape_create();
    rg_mark mark = rg_tape_mark(tape);
    rg_value x = rg_input_f64(tape, RG_SHAPE(6), six), narrow = rg_cast(x, RG_F32);
    cr_assert(rg_get_type(narrow) == RG_F32 && rg_cast(x, RG_F64).serial == x.serial);
    CHECK_STATUS(rg_backward_with(twice(narrow), six), RG_OK);
    double grad[6];
    rg_read_grad(x, grad);
    CHECK_NEAR(grad[3], 8, 0);
    /* A float32 scalar is widened by a float64 one, and its gradient narrowed again. */
    rg_value a = rg_input_f32(tape, RG_SCALAR, (float[]){0.5f}), b = rg_input(tape, 2);
    rg_value both = sum_of(a, b);
    cr_assert(rg_get_type(both) == RG_F64);
    CHECK_STATUS(rg_backward(twice(both)), RG_OK);
    CHECK_NEAR(rg_grad(a), 2, 0);
    CHECK_NEAR(rg_grad(b), 2, 0);
    sum_of(x, narrow);
    CHECK_FAILED(tape, RG_ERROR_TYPE, "a float64 and a float32 tensor do not mix");
    rg_tape_rewind(tape, mark);
    rg_value integers = rg_indices(tape, RG_SHAPE(1), (int64_t[]){1});
    twice(integers);
    CHECK_FAILED(tape, RG_ERROR_TYPE, "input 1 must be float64 or float32, not int64");
    rg_tape_rewind(tape, mark);
    rg_cast(rg_input(tape, 1), RG_I64);
    CHECK_FAILED(tape, RG_ERROR_TYPE, "the new type must be");
    rg_tape_rewind(tape, mark);
    rg_cast(rg_indices(tape, RG_SHAPE(1), (int64_t[]){1}), RG_F64);
    CHECK_FAILED(tape, RG_ERROR_TYPE, "must be float64 or float32");
    rg_tape_rewind(tape, mark);
    static const rg_op only_f32 = {
        .name = "only_f32", .arity = 1, .types = RG_OP_F32, .forward = scaled_sum_forward};
    x = rg_input_f64(tape, RG_SHAPE(6), six);
    rg_record(&only_f32, 1, &x, NULL);
    CHECK_FAILED(tape, RG_ERROR_TYPE, "it does not take float64");
    rg_tape_destroy(tape);
}

Test(value, detached_values_stop_gradients)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3), y = sum_of(twice(x), twice(rg_detach(x)));
    CHECK_NEAR(rg_item(y), 12, 0);
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_NEAR(rg_grad(x), 2, 0);
    rg_value m = rg_input_f64(tape, RG_SHAPE(6), six), d = rg_detach(m);
    cr_assert(rg_data(d, RG_F64) == rg_data(m, RG_F64), "detaching copies nothing");
    cr_assert(rg_detach(d).serial == d.serial);
    CHECK_STATUS(rg_backward_with(sum_of(m, twice(d)), six), RG_OK);
    double grad[6];
    rg_read_grad(m, grad);
    CHECK_NEAR(grad[5], 6, 0);
    rg_tape_destroy(tape);
}

Test(value, sweeps_repeat_and_every_value_has_a_gradient)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1), y = twice(x), z = sum_of(y, x), later = twice(z);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(rg_backward(z), RG_OK);
        CHECK_NEAR(rg_grad(x), 3, 0);
        CHECK_NEAR(rg_grad(y), 1, 0);
        CHECK_NEAR(rg_grad(z), 1, 0);
        CHECK_NEAR(rg_grad(later), 0, 0);
        CHECK_NEAR(rg_grad(x), 3, 0);
        cr_assert(!rg_is_reached(later) && rg_is_reached(x) && rg_is_reached(z));
    }
    CHECK_STATUS(rg_backward(later), RG_OK);
    CHECK_NEAR(rg_grad(x), 6, 0);
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_NEAR(rg_grad(x), 2, 0);
    CHECK_NEAR(rg_grad(z), 0, 0);
    CHECK_STATUS(rg_backward_with(z, (double[]){-2}), RG_OK);
    CHECK_NEAR(rg_grad(x), -6, 0);
    rg_tape_destroy(tape);
}

Test(value, gradients_survive_rewinding_and_new_nodes_have_none)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    rg_mark mark = rg_tape_mark(tape);
    rg_value y = twice(twice(x));
    CHECK_STATUS(rg_backward(y), RG_OK);
    rg_tape_rewind(tape, mark);
    CHECK_NEAR(rg_grad(x), 4, 0);
    cr_assert(isnan(rg_grad(y)));
    rg_value z = twice(x), m = rg_input_f64(tape, RG_SHAPE(6), six);
    CHECK_NEAR(rg_grad(z), 0, 0);
    double grad[6];
    CHECK_STATUS(rg_read_grad(m, grad), RG_OK);
    CHECK_NEAR(grad[0], 0, 0);
    cr_assert(!rg_is_reached(z));
    rg_tape_destroy(tape);
}

Test(value, roots_that_cannot_be_swept)
{
    rg_tape *tape = rg_tape_create();
    rg_mark mark = rg_tape_mark(tape);
    CHECK_STATUS(rg_backward(rg_input_f64(tape, RG_SHAPE(2, 3), six)), RG_ERROR_SHAPE);
    CHECK_FAILED(tape, RG_ERROR_SHAPE, "the root has shape [2, 3]; give an upstream gradient");
    rg_tape_rewind(tape, mark);
    CHECK_STATUS(rg_backward(rg_indices(tape, RG_SHAPE(1), (int64_t[]){1})), RG_ERROR_TYPE);
    rg_tape_rewind(tape, mark);
    CHECK_STATUS(rg_backward_with(rg_input(tape, 1), NULL), RG_ERROR_ARGUMENT);
    rg_tape_rewind(tape, mark);
    rg_value constant = rg_constant(tape, 4), x = rg_input(tape, 1);
    CHECK_STATUS(rg_backward(constant), RG_OK);
    CHECK_NEAR(rg_grad(constant), 0, 0);
    CHECK_NEAR(rg_grad(x), 0, 0);
    rg_value empty = rg_input_f64(tape, RG_SHAPE(0), NULL);
    CHECK_STATUS(rg_backward_with(twice(empty), NULL), RG_OK);
    CHECK_STATUS(rg_read_grad(empty, NULL), RG_OK);
    rg_value one = rg_input_f64(tape, RG_SHAPE(1, 1), six);
    CHECK_STATUS(rg_backward(twice(one)), RG_OK);
    CHECK_NEAR(rg_grad(one), 2, 0);
    CHECK_STATUS(rg_read_grad((rg_value){0}, NULL), RG_ERROR_STALE);
    rg_tape_destroy(tape);
}

Test(value, printing_to_a_closed_stream_fails)
{
    rg_tape *tape = rg_tape_create();
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        setvbuf(full, NULL, _IONBF, 0);
        CHECK_STATUS(rg_print(full, rg_input_f64(tape, RG_SHAPE(6), six), 6), RG_ERROR_IO);
        fclose(full);
    }
    CHECK_STATUS(rg_print(stderr, (rg_value){0}, 6), RG_ERROR_STALE);
    rg_tape_destroy(tape);
}
