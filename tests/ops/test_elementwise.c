#include "../check.h"

SUITE(elementwise);

static double nan_(void)
{
    return NAN;
}

/* What a one-element expression gives recorded as a scalar, as a tensor, and as float32. */
typedef struct outcome {
    double value, grad_a, grad_b;
} outcome;

typedef rg_value binary(rg_value a, rg_value b);

static outcome run_binary(binary *f, double a, double b, int kind, double upstream)
{
    rg_tape *tape = rg_tape_create();
    rg_shape shape = RG_SHAPE(1);
    rg_value x = kind == 0   ? rg_input(tape, a)
                 : kind == 1 ? rg_input_f64(tape, shape, &a)
                             : rg_input_f32(tape, shape, (float[]){(float)a});
    rg_value y = kind == 0   ? rg_input(tape, b)
                 : kind == 1 ? rg_input_f64(tape, shape, &b)
                             : rg_input_f32(tape, shape, (float[]){(float)b});
    rg_value z = f(x, y);
    CHECK_STATUS(rg_backward_with(z, &upstream), RG_OK);
    outcome o = {rg_item(z), rg_grad(x), rg_grad(y)};
    rg_tape_destroy(tape);
    return o;
}

Test(elementwise, binary_functions_at_kinks_poles_and_nan)
{
    const double inf = INFINITY, nan = nan_();
    struct {
        binary *f;
        double a, b, value, grad_a, grad_b;
    } cases[] = {
        {rg_max, 1, 1, 1, 0.5, 0.5},      {rg_max, 3, 1, 3, 1, 0},
        {rg_min, 1, 1, 1, 0.5, 0.5},      {rg_min, 3, 1, 1, 0, 1},
        {rg_max, nan, 1, nan, 1, 0},      {rg_min, 1, nan, nan, 0, 1},
        {rg_max, nan, nan, nan, .5, .5},  {rg_pow, 0, 2, 0, 0, 0},
        {rg_pow, 0, 1, 0, 1, 0},          {rg_pow, 0, 0.5, 0, inf, 0},
        {rg_pow, 0, 0, 1, 0, 0},          {rg_pow, 2, 0, 1, 0, 0.69314718055994529},
        {rg_pow, -2, 3, -8, 12, nan},     {rg_pow, -2, 0.5, nan, nan, nan},
        {rg_pow, 0, -1, inf, -inf, -inf}, {rg_pow, 1, 5, 1, 5, 0},
        {rg_div, 0, 0, nan, nan, nan},    {rg_div, 1, 0, inf, inf, -inf},
        {rg_div, 0, 1, 0, 1, 0},          {rg_mul, inf, 0, nan, 0, inf},
        {rg_sub, 5, 3, 2, 1, -1},         {rg_add, 5, 3, 8, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kind = 0; kind < 3; kind++) {
            outcome o = run_binary(cases[i].f, cases[i].a, cases[i].b, kind, 1);
            double tolerance = kind < 2 ? 1e-15 : 1e-7;
            cr_assert(is_near(o.value, cases[i].value, tolerance) &&
                          is_near(o.grad_a, cases[i].grad_a, tolerance) &&
                          is_near(o.grad_b, cases[i].grad_b, tolerance),
                      "case %zu, kind %d: %g, %g, %g", i, kind, o.value, o.grad_a, o.grad_b);
            o = run_binary(cases[i].f, cases[i].a, cases[i].b, kind, 0);
            cr_assert(o.grad_a == 0 && o.grad_b == 0, "case %zu: zero upstream", i);
        }
}

typedef rg_value unary(rg_value x);

static rg_value leaky(rg_value x)
{
    return rg_leaky_relu(x, 0.01);
}

static rg_value softplus(rg_value x)
{
    return rg_softplus(x, 1);
}

Test(elementwise, unary_functions_at_kinks_poles_and_nan)
{
    const double inf = INFINITY, nan = nan_();
    struct {
        unary *f;
        double x, value, grad;
    } cases[] = {
        {rg_abs, 0, 0, 0},          {rg_abs, -0.0, 0, 0},      {rg_abs, -2, 2, -1},
        {rg_relu, 0, 0, 0},         {rg_relu, -1, 0, 0},       {rg_relu, 2, 2, 1},
        {leaky, 0, 0, 0.01},        {leaky, -1, -0.01, 0.01},  {rg_sqrt, 0, 0, inf},
        {rg_sqrt, -1, nan, nan},    {rg_log, 0, -inf, inf},    {rg_log, -1, nan, nan},
        {rg_exp, -inf, 0, 0},       {rg_exp, 1000, inf, inf},  {rg_tanh, 1000, 1, 0},
        {rg_tanh, -inf, -1, 0},     {rg_sigmoid, inf, 1, 0},   {rg_sigmoid, -1000, 0, 0},
        {softplus, 1000, 1000, 1},  {softplus, -inf, 0, 0},    {softplus, inf, inf, 1},
        {rg_abs, nan, nan, nan},    {rg_relu, nan, nan, nan},  {leaky, nan, nan, nan},
        {rg_tanh, nan, nan, nan},   {softplus, nan, nan, nan}, {rg_sigmoid, nan, nan, nan},
        {rg_square, nan, nan, nan}, {rg_sin, inf, nan, nan},   {rg_neg, 2, -2, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kind = 0; kind < 3; kind++) {
            rg_tape *tape = rg_tape_create();
            rg_value x = kind == 0 ? rg_input(tape, cases[i].x)
                         : kind == 1
                             ? rg_input_f64(tape, RG_SHAPE(1), &cases[i].x)
                             : rg_input_f32(tape, RG_SHAPE(1), (float[]){(float)cases[i].x});
            rg_value y = cases[i].f(x);
            double tolerance = kind < 2 ? 1e-15 : 1e-7;
            CHECK_STATUS(rg_backward(y), RG_OK);
            cr_assert(is_near(rg_item(y), cases[i].value, tolerance) &&
                          is_near(rg_grad(x), cases[i].grad, tolerance),
                      "case %zu, kind %d: %g, %g", i, kind, rg_item(y), rg_grad(x));
            CHECK_STATUS(rg_backward_with(y, (double[]){0}), RG_OK);
            cr_assert(rg_grad(x) == 0, "case %zu: zero upstream", i);
            rg_tape_destroy(tape);
        }
}

Test(elementwise, derivatives_keep_their_digits_in_the_tails)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 18), y = rg_input(tape, 40);
    CHECK_STATUS(rg_backward(rg_tanh(x)), RG_OK);
    CHECK_NEAR(rg_grad(x) / 9.278091320974278e-16, 1, 1e-14);
    CHECK_STATUS(rg_backward(rg_sigmoid(y)), RG_OK);
    CHECK_NEAR(rg_grad(y) / 4.2483542552915889e-18, 1, 1e-14);
    rg_tape_destroy(tape);
}

Test(elementwise, plain_numbers_in_either_place)
{
    rg_tape *tape = rg_tape_create();
    double data[2] = {2, 4};
    rg_value s = rg_input(tape, 4), v = rg_input_f64(tape, RG_SHAPE(2), data);
    rg_value f = rg_input_f32(tape, RG_SHAPE(2), (float[]){2, 4});
    rg_value x[3] = {s, v, f};
    for (int k = 0; k < 3; k++) {
        rg_value y[] = {rg_add(x[k], 3), rg_add(3, x[k]), rg_sub(x[k], 3), rg_sub(3, x[k]),
                        rg_mul(x[k], 3), rg_mul(3, x[k]), rg_div(x[k], 2), rg_div(8.0, x[k]),
                        rg_pow(x[k], 2), rg_pow(2, x[k]), rg_max(x[k], 5), rg_max(1, x[k]),
                        rg_min(x[k], 5), rg_min(1, x[k])};
        const double want[] = {7, 7, 1, -1, 12, 12, 2, 2, 16, 16, 5, 4, 4, 1};
        const double slope[] = {1, 1, 1, -1, 3, 3, 0.5, -0.5, 8, 11.090354888959125, 0, 1, 1, 0};
        for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
            double got[2], grad[2], up[2] = {1, 1};
            int last = (int)rg_size(x[k]) - 1;
            rg_read(y[i], got);
            CHECK_NEAR(got[last], want[i], 1e-6);
            CHECK_STATUS(rg_backward_with(y[i], up), RG_OK);
            rg_read_grad(x[k], grad);
            cr_assert(is_near(grad[last], slope[i], 1e-6), "kind %d, function %zu: %g", k, i,
                      grad[last]);
            cr_assert(rg_get_type(y[i]) == rg_get_type(x[k]));
        }
    }
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    rg_tape_destroy(tape);
}

Test(elementwise, the_names_are_functions_too)
{
    rg_tape *tape = rg_tape_create();
    binary *functions[] = {rg_add, rg_sub, rg_mul, rg_div};
    unary *unaries[] = {rg_neg, rg_square};
    const double want[] = {8, 4, 12, 3}, unary_want[] = {-6, 36};
    rg_value a = rg_input(tape, 6), b = rg_input(tape, 2);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(rg_item(functions[i](a, b)), want[i], 0);
    for (int i = 0; i < 2; i++)
        CHECK_NEAR(rg_item(unaries[i](a)), unary_want[i], 0);
    rg_tape_destroy(tape);
}

Test(elementwise, what_is_stretched_collects_the_sum)
{
    rg_tape *tape = rg_tape_create();
    double a[6] = {1, 2, 3, 4, 5, 6}, b[3] = {10, 20, 30}, c[2] = {-1, 1}, grad[6];
    rg_value m = rg_input_f64(tape, RG_SHAPE(2, 3), a), row = rg_input_f64(tape, RG_SHAPE(3), b);
    rg_value column = rg_input_f64(tape, RG_SHAPE(2, 1), c), s = rg_input(tape, 2);
    rg_value y = rg_mul(rg_mul(rg_add(m, row), column), s);
    double up[6] = {1, 1, 1, 1, 1, 1};
    CHECK_STATUS(rg_backward_with(y, up), RG_OK);
    rg_read_grad(row, grad);
    for (int j = 0; j < 3; j++)
        CHECK_NEAR(grad[j], 0, 0);
    rg_read_grad(column, grad);
    CHECK_NEAR(grad[0], 2 * (6 + 60), 1e-15);
    CHECK_NEAR(grad[1], 2 * (15 + 60), 1e-15);
    CHECK_NEAR(rg_grad(s), -(6 + 60) + (15 + 60), 1e-15);
    rg_read_grad(m, grad);
    CHECK_NEAR(grad[0], -2, 0);
    CHECK_NEAR(grad[5], 2, 0);
    rg_tape_destroy(tape);
}

Test(elementwise, operands_may_be_the_same_value)
{
    rg_tape *tape = rg_tape_create();
    double a[2] = {3, 4}, grad[2];
    rg_value s = rg_input(tape, 3), v = rg_input_f64(tape, RG_SHAPE(2), a);
    CHECK_STATUS(rg_backward(rg_mul(s, s)), RG_OK);
    CHECK_NEAR(rg_grad(s), 6, 0);
    CHECK_STATUS(rg_backward_with(rg_mul(v, v), (double[]){1, 1}), RG_OK);
    rg_read_grad(v, grad);
    CHECK_NEAR(grad[1], 8, 0);
    rg_tape_destroy(tape);
}

Test(elementwise, comparisons_are_constants)
{
    rg_tape *tape = rg_tape_create();
    double a[4] = {1, 2, 3, nan_()}, got[4];
    rg_value x = rg_input_f64(tape, RG_SHAPE(4), a), two = rg_input(tape, 2);
    rg_value y[] = {rg_less(x, two),          rg_less_equal(x, 2), rg_greater(x, 2),
                    rg_greater_equal(x, two), rg_equal(x, 2),      rg_not_equal(x, two)};
    const double want[6][4] = {{1, 0, 0, 0}, {1, 1, 0, 0}, {0, 0, 1, 0},
                               {0, 1, 1, 0}, {0, 1, 0, 0}, {1, 0, 1, 1}};
    for (int i = 0; i < 6; i++) {
        rg_read(y[i], got);
        for (int j = 0; j < 4; j++)
            CHECK_NEAR(got[j], want[i][j], 0);
    }
    CHECK_NEAR(rg_item(rg_less(two, 3)), 1, 0);
    rg_value sum = rg_sum(rg_mul(y[0], two));
    CHECK_STATUS(rg_backward(sum), RG_OK);
    CHECK_NEAR(rg_grad(two), 1, 0);
    cr_assert(!rg_is_reached(x));
    rg_tape_destroy(tape);
}

Test(elementwise, where_guards_the_branch_that_is_not_taken)
{
    rg_tape *tape = rg_tape_create();
    double a[3] = {-1, 0, 2}, got[3];
    rg_value x = rg_input_f64(tape, RG_SHAPE(3), a);
    rg_value y = rg_where(rg_greater(x, 0), rg_log(x), 0);
    rg_read(y, got);
    CHECK_NEAR(got[0], 0, 0);
    CHECK_NEAR(got[2], 0.69314718055994531, 1e-15);
    CHECK_STATUS(rg_backward(rg_sum(y)), RG_OK);
    rg_read_grad(x, got);
    CHECK_NEAR(got[0], 0, 0);
    CHECK_NEAR(got[1], 0, 0);
    CHECK_NEAR(got[2], 0.5, 0);
    rg_value s = rg_input(tape, -1), t = rg_where(rg_less(s, 0), 5, rg_sqrt(s));
    CHECK_NEAR(rg_item(t), 5, 0);
    CHECK_STATUS(rg_backward(t), RG_OK);
    CHECK_NEAR(rg_grad(s), 0, 0);
    CHECK_NEAR(rg_item(rg_where(rg_less(s, 0), 1, 2)), 1, 0);
    rg_tape_destroy(tape);
}

/* Views of every kind against the same elements in dense memory. */
Test(elementwise, views_give_what_dense_tensors_give)
{
    enum { ROWS = 3, COLUMNS = 400 };
    static double data[ROWS * COLUMNS * 2], dense[2][ROWS * COLUMNS], view[2][ROWS * COLUMNS];
    rg_random random = rg_random_create(5);
    for (int i = 0; i < ROWS * COLUMNS * 2; i++)
        data[i] = rg_random_uniform(&random) + 0.5;
    rg_tape *tape = rg_tape_create();
    rg_value base = rg_input_f64(tape, RG_SHAPE(COLUMNS, ROWS, 2), data);
    rg_value x =
        rg_transpose(rg_reshape(rg_slice(base, 2, 1, 2, 1), RG_SHAPE(COLUMNS, ROWS)), 0, 1);
    rg_value row = rg_slice(base, 1, 1, 2, 1);
    rg_value z = rg_transpose(rg_squeeze(rg_slice(row, 2, 0, 1, 1), 2), 0, 1); /* [1, COLUMNS] */
    rg_value pairs[2][2] = {{x, z}, {rg_dense(x), rg_dense(z)}};
    for (int k = 0; k < 2; k++) {
        double *out = k ? dense[0] : view[0], *grad = k ? dense[1] : view[1];
        rg_value y = rg_add(rg_pow(pairs[k][0], pairs[k][1]), rg_exp(rg_neg(pairs[k][0])));
        CHECK_STATUS(rg_read(y, out), RG_OK);
        CHECK_STATUS(rg_backward_with(y, data), RG_OK);
        rg_read_grad(pairs[k][0], grad);
    }
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        cr_assert(dense[0][i] == view[0][i]);
        cr_assert(dense[1][i] == view[1][i]);
    }
    rg_tape_destroy(tape);
}

/* psi^(n)(x + 1) = psi^(n)(x) + (-1)^n n! / x^(n + 1), across the point where the method changes.
 */
Test(elementwise, polygamma_far_below_zero)
{
    rg_tape *tape = rg_tape_create();
    const double places[] = {-49.7, -50.2, -50.7, -1000.3, -1e9 - 0.25};
    for (int n = 1; n <= 6; n++)
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            double x = places[i], term = n % 2 ? -1 : 1;
            for (int k = 1; k <= n; k++)
                term *= k / x;
            double low = rg_item(rg_polygamma(rg_input(tape, x), n));
            double high = rg_item(rg_polygamma(rg_input(tape, x + 1), n));
            CHECK_NEAR((high - term / x) / low, 1, 1e-11);
        }
    rg_tape_destroy(tape);
}
