/*
 * test_gradcheck.c: the checker is checked: right rules pass, slightly wrong ones do not.
 *
 * The operation here is y[i] = x[i]^3 for a float64 or float32 input, with faults on request.
 */
#include "../check.h"

SUITE(gradcheck);

typedef struct fault {
    double factor; /* by which the derivative of the elements from `first` on is multiplied, */
    int64_t first; /* and up to `last` */
    int64_t last;
    int nan_value; /* 1: the value of element `first` is NaN */
} fault;

static const fault none = {1, 0, -1, 0};

static double element(const void *data, rg_type type, int64_t i)
{
    return type == RG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void add(void *data, rg_type type, int64_t i, double value)
{
    if (type == RG_F64)
        ((double *)data)[i] += value;
    else
        ((float *)data)[i] += (float)value;
}

static rg_status cube_forward(rg_call *call)
{
    const fault *wrong = call->attributes;
    for (int64_t i = 0; i < call->out->size; i++) {
        double x = element(call->in[0]->data, call->in[0]->type, i);
        double y = wrong->nan_value && i == wrong->first ? NAN : x * x * x;
        if (call->out->type == RG_F64)
            ((double *)call->out->data)[i] = y;
        else
            ((float *)call->out->data)[i] = (float)y;
    }
    return RG_OK;
}

static void cube_backward(rg_call *call)
{
    const fault *wrong = call->attributes;
    rg_type type = call->out->type;
    for (int64_t i = 0; i < call->out->size; i++) {
        double x = element(call->in[0]->data, type, i), g = element(call->out->grad, type, i);
        double factor = i >= wrong->first && i <= wrong->last ? wrong->factor : 1;
        add(call->in[0]->grad, type, i, factor * 3 * x * x * g);
    }
}

static const rg_op cube = {.name = "cube",
                           .arity = 1,
                           .attribute_size = sizeof(fault),
                           .forward = cube_forward,
                           .backward = cube_backward};

/* sum of a[i] b[i] c[i], c an int64 tensor */
static rg_status triple_shape(rg_call *call)
{
    if (!rg_shape_equal(&call->in[0]->shape, &call->in[1]->shape))
        return rg_call_fail(call, RG_ERROR_SHAPE, "the shapes differ");
    call->out->shape = RG_SCALAR;
    return RG_OK;
}

static rg_status triple_forward(rg_call *call)
{
    const double *a = call->in[0]->data, *b = call->in[1]->data;
    const int64_t *c = call->in[2]->data;
    double sum = 0;
    for (int64_t i = 0; i < call->in[0]->size; i++)
        sum += a[i] * b[i] * (double)c[i];
    *(double *)call->out->data = sum;
    return RG_OK;
}

static void triple_backward(rg_call *call)
{
    const double *a = call->in[0]->data, *b = call->in[1]->data;
    const int64_t *c = call->in[2]->data;
    double g = *(const double *)call->out->grad;
    for (int64_t i = 0; i < call->in[0]->size; i++) {
        if (call->in[0]->grad)
            ((double *)call->in[0]->grad)[i] += g * b[i] * (double)c[i];
        if (call->in[1]->grad)
            ((double *)call->in[1]->grad)[i] += g * a[i] * (double)c[i];
    }
}

static const rg_op triple = {.name = "triple",
                             .arity = 3,
                             .types = RG_OP_F64,
                             .integers = 1u << 2,
                             .shape = triple_shape,
                             .forward = triple_forward,
                             .backward = triple_backward};

static rg_value cube_of(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)count;
    return rg_record(&cube, 1, in, context);
}

static rg_value triple_of(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)context;
    return rg_record(&triple, count, in, NULL);
}

enum { BIG = 3000 };
static double big[BIG];

static rg_gradcheck_input big_input(void)
{
    for (int i = 0; i < BIG; i++)
        big[i] = 0.5 + i % 17 / 10.0;
    return (rg_gradcheck_input){.shape = RG_SHAPE(BIG), .data = big};
}

static const rg_gradcheck_options modes[] = {{.mode = RG_GRADCHECK_ELEMENTS},
                                             {.mode = RG_GRADCHECK_PROJECTION}};

Test(gradcheck, passes_right_rules)
{
    const double x[] = {0.5, -1.25, 2, 3};
    rg_gradcheck_input in = {.shape = RG_SHAPE(2, 2), .data = x};
    for (int mode = 0; mode < 2; mode++)
        for (unsigned seed = 0; seed < 20; seed++) {
            rg_gradcheck_options options = modes[mode];
            rg_gradcheck_report report;
            options.seed = seed;
            CHECK_STATUS(rg_gradcheck(cube_of, (void *)&none, &in, 1, &options, &report), RG_OK);
            CHECK_STATUS(report.status, RG_OK);
            cr_assert_eq(report.checked, mode == 0 ? 4 : 8);
            cr_assert_eq(report.failed, 0);
            cr_assert_eq(report.low_precision, 0);
            CHECK_NEAR(report.analytic, report.numeric, 1e-6);
            cr_assert(strstr(report.message, "comparisons agree"));
        }
}

Test(gradcheck, uses_defaults_without_options_and_report)
{
    rg_gradcheck_input in = {.shape = RG_SCALAR, .data = (double[]){2}};
    fault wrong = {1.0005, 0, 0, 0};
    CHECK_STATUS(rg_gradcheck(cube_of, (void *)&none, &in, 1, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_gradcheck(cube_of, &wrong, &in, 1, NULL, NULL), RG_ERROR_GRADIENT);
}

Test(gradcheck, finds_a_rule_that_is_wrong_by_half_a_thousandth)
{
    fault wrong = {1.0005, 0, 2, 0};
    const double x[] = {0.5, -1.25, 2};
    rg_gradcheck_input in = {.shape = RG_SHAPE(3), .data = x};
    for (int mode = 0; mode < 2; mode++)
        for (unsigned seed = 0; seed < 20; seed++) {
            rg_gradcheck_options options = modes[mode];
            rg_gradcheck_report report;
            options.seed = seed;
            rg_status status = rg_gradcheck(cube_of, &wrong, &in, 1, &options, &report);
            CHECK_STATUS(status, RG_ERROR_GRADIENT);
            CHECK_STATUS(report.status, RG_ERROR_GRADIENT);
            cr_assert_eq(report.failed, report.checked);
            CHECK_NEAR(report.analytic / report.numeric, 1.0005, 1e-6);
        }
}

Test(gradcheck, finds_one_wrong_element_of_many)
{
    fault wrong = {1.01, 1234, 1234, 0};
    rg_gradcheck_input in = big_input();
    rg_gradcheck_report report;
    rg_status status = rg_gradcheck(cube_of, &wrong, &in, 1, &modes[0], &report);
    CHECK_STATUS(status, RG_ERROR_GRADIENT);
    cr_assert_eq(report.checked, BIG);
    cr_assert_eq(report.failed, 1);
    cr_assert_eq(report.input, 0);
    cr_assert_eq(report.element, 1234);
    CHECK_NEAR(report.error, fabs(report.analytic - report.numeric), 1e-12);
    cr_assert(strstr(report.message, "1 of 3000 comparisons fail"));
    cr_assert(strstr(report.message, "element 1234 of input 0"));

    status = rg_gradcheck(cube_of, &wrong, &in, 1, &modes[1], &report);
    CHECK_STATUS(status, RG_ERROR_GRADIENT);
    cr_assert_eq(report.checked, 8);
    cr_assert_eq(report.input, -1);
    cr_assert_eq(report.element, -1);
    CHECK_STATUS(rg_gradcheck(cube_of, (void *)&none, &in, 1, &modes[1], NULL), RG_OK);
}

Test(gradcheck, names_the_worst_relative_to_its_tolerance)
{
    /* Differences over wide steps are wrong by 100^2 at 1000 and by 0.1^2 at 0.1: the first is the
     * larger error, the second the larger one for its size. */
    const double x[] = {1000, 0.1};
    rg_gradcheck_input in = {.shape = RG_SHAPE(2), .data = x};
    rg_gradcheck_options options = {.step = 0.1};
    rg_gradcheck_report report;
    rg_status status = rg_gradcheck(cube_of, (void *)&none, &in, 1, &options, &report);
    CHECK_STATUS(status, RG_ERROR_GRADIENT);
    cr_assert_eq(report.failed, 2);
    cr_assert_eq(report.element, 1);
    cr_assert_lt(report.error, 1);
}

Test(gradcheck, fails_for_nan_on_one_side)
{
    /* The value is NaN and so is the difference; the derivative is not. */
    fault wrong = {1, 1, -1, 1};
    const double x[] = {1, 2, 3};
    rg_gradcheck_input in = {.shape = RG_SHAPE(3), .data = x};
    rg_gradcheck_report report;
    rg_status status = rg_gradcheck(cube_of, &wrong, &in, 1, NULL, &report);
    CHECK_STATUS(status, RG_ERROR_GRADIENT);
    cr_assert(isnan(report.numeric) && !isnan(report.analytic));

    wrong = (fault){NAN, 2, 2, 0};
    status = rg_gradcheck(cube_of, &wrong, &in, 1, NULL, &report);
    CHECK_STATUS(status, RG_ERROR_GRADIENT);
    cr_assert(isnan(report.analytic) && !isnan(report.numeric));
    cr_assert_eq(report.element, 2);
    cr_assert_eq(report.failed, 1);
}

Test(gradcheck, passes_nan_on_both_sides)
{
    const double x[] = {1, NAN, 3};
    rg_gradcheck_input in = {.shape = RG_SHAPE(3), .data = x};
    rg_gradcheck_report report;
    rg_gradcheck_options projection = {.mode = RG_GRADCHECK_PROJECTION};
    CHECK_STATUS(rg_gradcheck(cube_of, (void *)&none, &in, 1, &projection, &report), RG_OK);
    cr_assert(isnan(report.analytic) && isnan(report.numeric));
}

Test(gradcheck, leaves_constants_and_integers_alone)
{
    const double a[] = {1, 2}, b[] = {3, 4}, c[] = {5, 6};
    rg_gradcheck_input in[] = {{.shape = RG_SHAPE(2), .data = a},
                               {.shape = RG_SHAPE(2), .data = b, .constant = 1},
                               {.type = RG_I64, .shape = RG_SHAPE(2), .data = c}};
    for (int mode = 0; mode < 2; mode++) {
        rg_gradcheck_report report;
        CHECK_STATUS(rg_gradcheck(triple_of, NULL, in, 3, &modes[mode], &report), RG_OK);
        cr_assert_eq(report.checked, mode == 0 ? 2 : 8);
        cr_assert_eq(report.input, mode == 0 ? 0 : -1);
    }
    in[1].constant = 0;
    rg_gradcheck_report report;
    CHECK_STATUS(rg_gradcheck(triple_of, NULL, in, 3, NULL, &report), RG_OK);
    cr_assert_eq(report.checked, 4);
}

Test(gradcheck, has_nothing_to_compare_without_varied_elements)
{
    const double a[] = {1, 2}, c[] = {5, 6};
    rg_gradcheck_input constants[] = {{.shape = RG_SHAPE(2), .data = a, .constant = 1},
                                      {.shape = RG_SHAPE(2), .data = a, .constant = 1},
                                      {.type = RG_I64, .shape = RG_SHAPE(2), .data = c}};
    rg_gradcheck_input empty = {.shape = RG_SHAPE(0, 3)};
    for (int mode = 0; mode < 2; mode++) {
        rg_gradcheck_report report;
        CHECK_STATUS(rg_gradcheck(triple_of, NULL, constants, 3, &modes[mode], &report), RG_OK);
        cr_assert_eq(report.checked, 0);
        rg_status status = rg_gradcheck(cube_of, (void *)&none, &empty, 1, &modes[mode], &report);
        CHECK_STATUS(status, RG_OK);
        cr_assert_eq(report.checked, 0);
        cr_assert_eq(report.input, -1);
        cr_assert_str_eq(report.message, "gradcheck: there is nothing to compare");
    }
}

Test(gradcheck, says_when_precision_is_low)
{
    const double x[] = {0.5, -1.25, 2};
    rg_gradcheck_input in = {.type = RG_F32, .shape = RG_SHAPE(3), .data = x};
    fault wrong = {1.05, 0, 2, 0};
    for (int mode = 0; mode < 2; mode++) {
        rg_gradcheck_report report;
        rg_status status = rg_gradcheck(cube_of, (void *)&none, &in, 1, &modes[mode], &report);
        CHECK_STATUS(status, RG_OK);
        cr_assert_eq(report.low_precision, 1);
        cr_assert(strstr(report.message, "float32"));
        status = rg_gradcheck(cube_of, &wrong, &in, 1, &modes[mode], &report);
        CHECK_STATUS(status, RG_ERROR_GRADIENT);
        cr_assert_eq(report.low_precision, 1);
    }
}

Test(gradcheck, takes_step_tolerances_and_directions_from_the_options)
{
    fault wrong = {1.0005, 0, 2, 0};
    const double x[] = {0.5, -1.25, 2};
    rg_gradcheck_input in = {.shape = RG_SHAPE(3), .data = x};
    rg_gradcheck_options loose = {.relative = 1e-3};
    CHECK_STATUS(rg_gradcheck(cube_of, &wrong, &in, 1, &loose, NULL), RG_OK);
    loose = (rg_gradcheck_options){.absolute = 1};
    CHECK_STATUS(rg_gradcheck(cube_of, &wrong, &in, 1, &loose, NULL), RG_OK);
    rg_gradcheck_options wide = {.step = 0.5};
    CHECK_STATUS(rg_gradcheck(cube_of, (void *)&none, &in, 1, &wide, NULL), RG_ERROR_GRADIENT);
    rg_gradcheck_options many = {.mode = RG_GRADCHECK_PROJECTION, .directions = 31};
    rg_gradcheck_report report;
    CHECK_STATUS(rg_gradcheck(cube_of, (void *)&none, &in, 1, &many, &report), RG_OK);
    cr_assert_eq(report.checked, 31);
}

Test(gradcheck, gives_the_error_of_a_function_that_cannot_be_recorded)
{
    const double a[] = {1, 2, 3}, c[] = {5, 6};
    rg_gradcheck_input in[] = {{.shape = RG_SHAPE(3), .data = a},
                               {.shape = RG_SHAPE(2), .data = a},
                               {.type = RG_I64, .shape = RG_SHAPE(2), .data = c}};
    rg_gradcheck_report report;
    CHECK_STATUS(rg_gradcheck(triple_of, NULL, in, 3, NULL, &report), RG_ERROR_SHAPE);
    CHECK_STATUS(report.status, RG_ERROR_SHAPE);
    cr_assert_str_eq(report.message, "triple at node 4: the shapes differ");
    cr_assert_eq(report.checked, 0);
    in[0].shape = RG_SHAPE(-2);
    CHECK_STATUS(rg_gradcheck(triple_of, NULL, in, 3, NULL, &report), RG_ERROR_SHAPE);
    cr_assert(strstr(report.message, "negative dimension"));
}

static rg_value nothing(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)tape, (void)in, (void)count, (void)context;
    return (rg_value){NULL, 0};
}

static rg_value integers(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)in, (void)count, (void)context;
    return rg_indices(tape, RG_SHAPE(2), (const int64_t[]){1, 2});
}

/* One element more at every call. */
static rg_value growing(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)in, (void)count;
    return rg_input_f64(tape, RG_SHAPE(++*(int64_t *)context), NULL);
}

Test(gradcheck, refuses_results_that_are_no_function_values)
{
    rg_gradcheck_input in = {.shape = RG_SHAPE(2), .data = (double[]){1, 2}};
    rg_gradcheck_report report;
    int64_t calls = 0;
    CHECK_STATUS(rg_gradcheck(nothing, NULL, &in, 1, NULL, &report), RG_ERROR_STALE);
    cr_assert(strstr(report.message, "returned no value"));
    CHECK_STATUS(rg_gradcheck(integers, NULL, &in, 1, NULL, &report), RG_ERROR_TYPE);
    cr_assert(strstr(report.message, "integer"));
    CHECK_STATUS(rg_gradcheck(growing, &calls, &in, 1, NULL, &report), RG_ERROR_ARGUMENT);
    cr_assert(strstr(report.message, "changes its size"));
}

Test(gradcheck, refuses_bad_arguments)
{
    rg_gradcheck_input in = {.shape = RG_SHAPE(2), .data = (double[]){1, 2}};
    rg_gradcheck_report report;
    CHECK_STATUS(rg_gradcheck(NULL, NULL, &in, 1, NULL, &report), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_gradcheck(cube_of, NULL, NULL, 1, NULL, &report), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_gradcheck(cube_of, NULL, &in, -1, NULL, &report), RG_ERROR_ARGUMENT);
    rg_gradcheck_input missing = {.shape = RG_SHAPE(2)};
    CHECK_STATUS(rg_gradcheck(cube_of, NULL, &missing, 1, NULL, &report), RG_ERROR_ARGUMENT);
    cr_assert(strstr(report.message, "NULL"));
    const double no_integers[] = {0.5, NAN, 0x1p63};
    for (int i = 0; i < 3; i++) {
        rg_gradcheck_input index = {.type = RG_I64, .shape = RG_SCALAR, .data = &no_integers[i]};
        CHECK_STATUS(rg_gradcheck(cube_of, NULL, &index, 1, NULL, &report), RG_ERROR_ARGUMENT);
        cr_assert(strstr(report.message, "no integer"));
    }
    const rg_gradcheck_options wrong[] = {{.step = -1},       {.step = NAN},
                                          {.relative = -1},   {.absolute = -1},
                                          {.directions = -1}, {.mode = (rg_gradcheck_mode)2}};
    for (int i = 0; i < 6; i++) {
        rg_status status = rg_gradcheck(cube_of, (void *)&none, &in, 1, &wrong[i], &report);
        CHECK_STATUS(status, RG_ERROR_ARGUMENT);
        cr_assert_eq(report.checked, 0);
    }
}
