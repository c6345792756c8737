/* test_problem.c: rg_problem against closed forms. */
#include "../check.h"
#include "../failing.h"

#include <string.h>

SUITE(problem);

enum { N = 4 };

/* Rosenbrock's function of n numbers: sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2. */
static void rosenbrock(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                       void *context)
{
    (void)m, (void)context;
    y[0] = rg_constant(tape, 0);
    for (size_t i = 0; i + 1 < n; i++) {
        rg_value rise = rg_sub(x[i + 1], rg_square(x[i]));
        rg_value term = rg_add(rg_mul(100, rg_square(rise)), rg_square(rg_sub(1, x[i])));
        y[0] = rg_add(y[0], term);
    }
}

static double rosenbrock_value(const double *x)
{
    double sum = 0;
    for (int i = 0; i + 1 < N; i++)
        sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
    return sum;
}

static void rosenbrock_derivatives(const double *x, double *g, double (*h)[N])
{
    memset(g, 0, N * sizeof *g);
    memset(h, 0, N * sizeof *h);
    for (int i = 0; i + 1 < N; i++) {
        double rise = x[i + 1] - x[i] * x[i];
        g[i] += -400 * x[i] * rise - 2 * (1 - x[i]);
        g[i + 1] += 200 * rise;
        h[i][i] += -400 * rise + 800 * x[i] * x[i] + 2;
        h[i][i + 1] -= 400 * x[i];
        h[i + 1][i] -= 400 * x[i];
        h[i + 1][i + 1] += 200;
    }
}

static const double start[N] = {-1.2, 1, 0.5, -0.3};

Test(problem, finds_rosenbrocks_gradient_and_hessian)
{
    static const double v[N] = {1, -2, 0.5, 3};
    rg_problem *problem = rg_problem_create(rosenbrock, N, 1, NULL, NULL);
    double f, g[N], h[N][N], hv[N], want_g[N], want_h[N][N];
    rosenbrock_derivatives(start, want_g, want_h);
    CHECK_NEAR(rg_problem_gradient(start, N, g, problem), rosenbrock_value(start), 1e-14);
    CHECK_NEAR(rg_problem_gradient(start, N, NULL, problem), rosenbrock_value(start), 1e-14);
    CHECK_STATUS(rg_problem_value(problem, start, &f), RG_OK);
    CHECK_NEAR(f, rosenbrock_value(start), 1e-14);
    CHECK_STATUS(rg_problem_hessian(problem, start, h[0]), RG_OK);
    CHECK_STATUS(rg_problem_hvp(problem, start, v, hv), RG_OK);
    for (int i = 0; i < N; i++) {
        double product = 0;
        CHECK_NEAR(g[i], want_g[i], 1e-13);
        for (int k = 0; k < N; k++) {
            CHECK_NEAR(h[i][k], want_h[i][k], 1e-13);
            product += want_h[i][k] * v[k];
        }
        CHECK_NEAR(hv[i], product, 1e-13);
    }
    cr_assert_str_eq(rg_problem_message(problem), "");
    rg_problem_destroy(problem);
}

/* Polar coordinates of a point in space, scaled by the context: (r cos a, r sin a, z). */
static void cylinder(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                     void *context)
{
    double scale = *(const double *)context;
    (void)tape, (void)n, (void)m;
    y[0] = rg_mul(scale, rg_mul(x[0], rg_cos(x[1])));
    y[1] = rg_mul(scale, rg_mul(x[0], rg_sin(x[1])));
    y[2] = rg_mul(scale, x[2]);
}

Test(problem, finds_the_jacobian_of_a_vector_function)
{
    double scale = 2;
    static const double x[3] = {1.5, 0.7, -4}, v[3] = {0.3, -1, 2}, u[3] = {-2, 0.25, 1};
    const double c = cos(x[1]), s = sin(x[1]);
    const double want[3][3] = {{2 * c, -3 * s, 0}, {2 * s, 3 * c, 0}, {0, 0, 2}};
    double y[3], j[3][3], jv[3], uj[3];
    rg_problem *problem = rg_problem_create(cylinder, 3, 3, &scale, NULL);
    CHECK_STATUS(rg_problem_jacobian(problem, x, y, j[0]), RG_OK);
    CHECK_STATUS(rg_problem_jacobian(problem, x, NULL, j[0]), RG_OK);
    CHECK_STATUS(rg_problem_jvp(problem, x, v, jv), RG_OK);
    CHECK_STATUS(rg_problem_vjp(problem, x, u, uj), RG_OK);
    CHECK_NEAR(y[0], 3 * c, 1e-15);
    CHECK_NEAR(y[1], 3 * s, 1e-15);
    CHECK_NEAR(y[2], -8, 0);
    for (int i = 0; i < 3; i++) {
        double along = 0, against = 0;
        for (int k = 0; k < 3; k++) {
            CHECK_NEAR(j[i][k], want[i][k], 1e-15);
            along += want[i][k] * v[k];
            against += u[k] * want[k][i];
        }
        CHECK_NEAR(jv[i], along, 1e-14);
        CHECK_NEAR(uj[i], against, 1e-14);
    }
    rg_problem_destroy(problem);
}

/* x[0] if it is positive, and 5 otherwise: a result that is no function of x there. */
static void branch(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m, void *context)
{
    (void)n, (void)m, (void)context;
    y[0] = rg_item(x[0]) > 0 ? x[0] : rg_constant(tape, 5);
}

Test(problem, may_branch_and_may_be_constant)
{
    rg_problem *problem = rg_problem_create(branch, 1, 1, NULL, NULL);
    double g, hv, jv;
    CHECK_NEAR(rg_problem_gradient((double[]){2}, 1, &g, problem), 2, 0);
    CHECK_NEAR(g, 1, 0);
    CHECK_NEAR(rg_problem_gradient((double[]){-2}, 1, &g, problem), 5, 0);
    CHECK_NEAR(g, 0, 0);
    CHECK_STATUS(rg_problem_hvp(problem, (double[]){-2}, (double[]){3}, &hv), RG_OK);
    CHECK_NEAR(hv, 0, 0);
    CHECK_STATUS(rg_problem_jvp(problem, (double[]){-2}, (double[]){3}, &jv), RG_OK);
    CHECK_NEAR(jv, 0, 0);
    CHECK_STATUS(rg_problem_jvp(problem, (double[]){2}, (double[]){3}, &jv), RG_OK);
    CHECK_NEAR(jv, 3, 0);
    rg_problem_destroy(problem);
}

/* ---- errors ---- */

/* Fails, forgets its result, returns a vector or a value of another tape, as the context says. */
static void faulty(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m, void *context)
{
    const char *how = context;
    (void)n, (void)m;
    if (!strcmp(how, "fails"))
        y[0] = rg_add(rg_input_f64(tape, RG_SHAPE(2), NULL), rg_input_f64(tape, RG_SHAPE(3), NULL));
    else if (!strcmp(how, "vector"))
        y[0] = rg_tensor_of(RG_SHAPE(2), (rg_value[]){x[0], x[0]});
    else if (strcmp(how, "forgets") != 0)
        y[0] = x[0];
}

static void check_faulty(char *how, rg_status status, const char *message)
{
    rg_problem *problem = rg_problem_create(faulty, 1, 1, how, NULL);
    double x = 1, v = 1, g = 0, out;
    cr_assert(isnan(rg_problem_gradient(&x, 1, &g, problem)), "%s", how);
    cr_assert(isnan(g), "%s", how);
    cr_assert(strstr(rg_problem_message(problem), message), "%s", rg_problem_message(problem));
    CHECK_STATUS(rg_problem_value(problem, &x, &out), status);
    CHECK_STATUS(rg_problem_jacobian(problem, &x, NULL, &out), status);
    CHECK_STATUS(rg_problem_jvp(problem, &x, &v, &out), status);
    CHECK_STATUS(rg_problem_vjp(problem, &x, &v, &out), status);
    CHECK_STATUS(rg_problem_hvp(problem, &x, &v, &out), status);
    CHECK_STATUS(rg_problem_hessian(problem, &x, &out), status);
    rg_problem_destroy(problem);
}

Test(problem, reports_a_function_that_fails)
{
    check_faulty("fails", RG_ERROR_SHAPE, "add");
    check_faulty("vector", RG_ERROR_ARGUMENT, "result 1");
    check_faulty("forgets", RG_ERROR_ARGUMENT, "result 1");
}

Test(problem, is_usable_after_an_error)
{
    char how[] = "fails";
    rg_problem *problem = rg_problem_create(faulty, 1, 1, how, NULL);
    double g, x = 3;
    cr_assert(isnan(rg_problem_gradient(&x, 1, &g, problem)));
    strcpy(how, "works");
    CHECK_NEAR(rg_problem_gradient(&x, 1, &g, problem), 3, 0);
    cr_assert_str_eq(rg_problem_message(problem), "");
    rg_problem_destroy(problem);
}

Test(problem, refuses_sizes_that_do_not_fit)
{
    double scale = 1, g[3] = {0}, x[3] = {1, 2, 3};
    cr_assert_null(rg_problem_create(NULL, 1, 1, NULL, NULL));
    cr_assert_null(rg_problem_create(rosenbrock, 0, 1, NULL, NULL));
    cr_assert_null(rg_problem_create(rosenbrock, 1, 0, NULL, NULL));
    cr_assert_null(rg_problem_create(rosenbrock, SIZE_MAX, 1, NULL, NULL));
    rg_problem_destroy(NULL);

    rg_problem *problem = rg_problem_create(rosenbrock, 2, 1, NULL, NULL);
    cr_assert(isnan(rg_problem_gradient(x, 3, g, problem)));
    cr_assert(isnan(g[0]) && isnan(g[2]));
    cr_assert(*rg_problem_message(problem));
    rg_problem_destroy(problem);

    problem = rg_problem_create(cylinder, 3, 3, &scale, NULL);
    cr_assert(isnan(rg_problem_gradient(x, 3, g, problem)));
    CHECK_STATUS(rg_problem_hvp(problem, x, x, g), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_problem_hessian(problem, x, g), RG_ERROR_ARGUMENT);
    rg_problem_destroy(problem);
}

/* ---- memory ---- */

/* All calls of one problem; the first status that is no success. */
static rg_status call_all(rg_problem *problem)
{
    double f, g[N], h[N * N];
    rg_status status[] = {
        rg_problem_value(problem, start, &f),      rg_problem_jacobian(problem, start, &f, g),
        rg_problem_jvp(problem, start, start, &f), rg_problem_vjp(problem, start, (double[]){1}, g),
        rg_problem_hvp(problem, start, start, g),  rg_problem_hessian(problem, start, h)};
    for (size_t i = 0; i < sizeof status / sizeof *status; i++)
        if (status[i] != RG_OK)
            return status[i];
    return RG_OK;
}

Test(problem, reports_every_allocation_that_fails)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_problem *problem = rg_problem_create(rosenbrock, N, 1, NULL, &allocator);
        rg_status status = problem ? call_all(problem) : RG_ERROR_MEMORY;
        rg_problem_destroy(problem);
        CHECK_FAILURE(memory, status);
    }
}

Test(problem, allocates_nothing_once_warm)
{
    failing memory = {0};
    rg_allocator allocator = {failing_resize, &memory};
    rg_problem *problem = rg_problem_create(rosenbrock, N, 1, NULL, &allocator);
    double f, g[N];
    CHECK_STATUS(call_all(problem), RG_OK);
    int64_t calls = memory.calls;
    for (int i = 0; i < 10; i++) {
        CHECK_STATUS(rg_problem_value(problem, start, &f), RG_OK);
        CHECK_STATUS(rg_problem_jacobian(problem, start, &f, g), RG_OK);
        CHECK_STATUS(rg_problem_vjp(problem, start, (double[]){1}, g), RG_OK);
        cr_assert_eq(rg_problem_gradient(start, N, g, problem), f);
    }
    cr_assert_eq(memory.calls, calls);
    rg_problem_destroy(problem);
}
