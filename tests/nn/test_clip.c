#include "../check.h"

#include <float.h>

SUITE(clip);

static rg_param *add(rg_params *params, const char *name, rg_type type, int64_t size,
                     const double *grad)
{
    rg_param *param = rg_params_add(params, name, type, RG_SHAPE(size), NULL);
    void *to = rg_param_grad(param);
    for (int64_t i = 0; i < size; i++)
        if (type == RG_F64)
            ((double *)to)[i] = grad[i];
        else
            ((float *)to)[i] = (float)grad[i];
    return param;
}

static double at(rg_param *param, int64_t i)
{
    return rg_param_type(param) == RG_F64 ? ((double *)rg_param_grad(param))[i]
                                          : (double)((float *)rg_param_grad(param))[i];
}

/* Gradients 3, -4 in float64 and 12 in float32; a frozen 100, which does not count; none at all. */
typedef struct four {
    rg_params *params;
    rg_param *a, *b, *frozen, *zero;
} four;

static four make_four(void)
{
    four f = {.params = rg_params_create(NULL)};
    f.a = add(f.params, "a", RG_F64, 2, (double[]){3, -4});
    f.frozen = add(f.params, "frozen", RG_F64, 1, (double[]){100});
    f.b = add(f.params, "b", RG_F32, 1, (double[]){12});
    f.zero = rg_params_add(f.params, "zero", RG_F32, RG_SHAPE(3), NULL);
    rg_params_add(f.params, "empty", RG_F64, RG_SHAPE(0, 2), NULL);
    rg_params_freeze(f.params, "frozen", 1);
    return f;
}

static void check_four(const four *f, double scale, double tolerance)
{
    CHECK_NEAR(at(f->a, 0), 3 * scale, tolerance);
    CHECK_NEAR(at(f->a, 1), -4 * scale, tolerance);
    CHECK_NEAR(at(f->b, 0), 12 * scale, tolerance * 1e8);
    CHECK_NEAR(at(f->frozen, 0), 100, 0);
    CHECK_NEAR(at(f->zero, 1), 0, 0);
}

Test(clip, norms_of_all_free_gradients_bound_them)
{
    static const struct {
        double order, norm;
    } rows[] = {{1, 19}, {2, 13}, {INFINITY, 12}};
    for (int i = 0; i < 3; i++) {
        four f = make_four();
        double norm = 0;
        CHECK_NEAR(rg_grad_norm(f.params, rows[i].order), rows[i].norm, 1e-15);
        CHECK_STATUS(rg_clip_grad_norm(f.params, rows[i].order, 20, &norm, NULL), RG_OK);
        CHECK_NEAR(norm, rows[i].norm, 1e-15);
        check_four(&f, 1, 0);
        CHECK_STATUS(rg_clip_grad_norm(f.params, rows[i].order, 2, NULL, NULL), RG_OK);
        check_four(&f, 2 / (rows[i].norm + 1e-6), 1e-15);
        cr_assert(rg_grad_norm(f.params, rows[i].order) <= 2);
        CHECK_STATUS(rg_clip_grad_norm(f.params, rows[i].order, 0, NULL, NULL), RG_OK);
        check_four(&f, 0, 0);
        rg_params_destroy(f.params);
    }
}

/* Sizes below, at and above what is summed together, against a plain sum. */
Test(clip, norms_take_every_element)
{
    static const int64_t sizes[] = {1, 7, 8, 9, 511, 512, 513, 2000};
    enum { LARGEST = 2000 };
    double grad[LARGEST];
    rg_random random = rg_random_create(3);
    for (int i = 0; i < LARGEST; i++)
        grad[i] = (double)(float)rg_random_normal(&random);
    for (int k = 0; k < 16; k++) {
        const int64_t size = sizes[k / 2];
        rg_params *params = rg_params_create(NULL);
        add(params, "x", k % 2 ? RG_F32 : RG_F64, size, grad);
        double sizes_sum = 0, squares = 0, largest = 0;
        for (int64_t i = 0; i < size; i++) {
            sizes_sum += fabs(grad[i]);
            squares += grad[i] * grad[i];
            largest = fmax(largest, fabs(grad[i]));
        }
        CHECK_NEAR(rg_grad_norm(params, 1), sizes_sum, 1e-13);
        CHECK_NEAR(rg_grad_norm(params, 2), sqrt(squares), 1e-13);
        CHECK_NEAR(rg_grad_norm(params, INFINITY), largest, 0);
        rg_params_destroy(params);
    }
}

/* Where squares overflow or vanish. */
Test(clip, norms_of_extreme_gradients_are_right)
{
    static const double sizes[] = {1e300, 1e155, 1e-155, 1e-170, 1e-300, 4.94e-323};
    for (int i = 0; i < 6; i++) {
        rg_params *params = rg_params_create(NULL);
        rg_param *x = add(params, "x", RG_F64, 2, (double[]){3 * sizes[i], -4 * sizes[i]});
        double norm = rg_grad_norm(params, 2);
        cr_assert(fabs(norm / sizes[i] - 5) < 1e-15 * 5, "%g: %g", sizes[i], norm / sizes[i]);
        CHECK_STATUS(rg_clip_grad_norm(params, 2, 1, NULL, NULL), RG_OK);
        CHECK_NEAR(at(x, 0), sizes[i] > 1 ? 0.6 : 3 * sizes[i], 1e-15);
        rg_params_destroy(params);
    }
    rg_params *params = rg_params_create(NULL);
    add(params, "x", RG_F64, 2, (double[]){DBL_MAX, DBL_MAX});
    cr_assert(isinf(rg_grad_norm(params, 2)));
    rg_params_destroy(params);
}

Test(clip, gradients_without_a_finite_norm_stay)
{
    static const double bad[] = {INFINITY, -INFINITY, NAN};
    static const double orders[] = {1, 2, INFINITY};
    for (int i = 0; i < 9; i++) {
        rg_params *params = rg_params_create(NULL);
        rg_param *x = add(params, "x", RG_F64, 3, (double[]){5, bad[i % 3], 7});
        rg_param *y = add(params, "y", RG_F32, 11, (double[11]){6});
        rg_error error = {RG_OK, ""};
        double norm = 0;
        CHECK_STATUS(rg_clip_grad_norm(params, orders[i / 3], 1, &norm, &error), RG_ERROR_NUMERIC);
        CHECK_NEAR(norm, isnan(bad[i % 3]) ? NAN : INFINITY, 0);
        cr_assert(strstr(error.message, "the norm of the gradients is "));
        CHECK_STATUS(rg_clip_grad_norm(params, orders[i / 3], 1, NULL, NULL), RG_ERROR_NUMERIC);
        CHECK_NEAR(at(x, 0), 5, 0);
        CHECK_NEAR(at(x, 1), bad[i % 3], 0);
        CHECK_NEAR(at(x, 2), 7, 0);
        CHECK_NEAR(at(y, 0), 6, 0);
        rg_params_destroy(params);
    }
}

Test(clip, values_are_bounded_one_by_one)
{
    for (int type = RG_F64; type <= RG_F32; type++) {
        rg_params *params = rg_params_create(NULL);
        const double grad[] = {3, -3, 0.5, -0.5, NAN, INFINITY, -INFINITY};
        rg_param *x = add(params, "x", (rg_type)type, 7, grad);
        rg_param *frozen = add(params, "frozen", (rg_type)type, 7, grad);
        rg_param_freeze(frozen, 1);
        CHECK_STATUS(rg_clip_grad_value(params, 0.75, NULL), RG_OK);
        const double want[] = {0.75, -0.75, 0.5, -0.5, NAN, 0.75, -0.75};
        for (int i = 0; i < 7; i++) {
            CHECK_NEAR(at(x, i), want[i], 0);
            CHECK_NEAR(at(frozen, i), grad[i], 0);
        }
        rg_params_destroy(params);
    }
}

Test(clip, refuses_bad_arguments)
{
    four f = make_four();
    rg_error error;
    static const double limits[] = {-1, INFINITY, NAN};
    for (int i = 0; i < 3; i++) {
        double norm = 0;
        error.message[0] = 0;
        CHECK_STATUS(rg_clip_grad_norm(f.params, 2, limits[i], &norm, &error), RG_ERROR_ARGUMENT);
        cr_assert(isnan(norm) && strstr(error.message, "clip: the limit is "));
        error.message[0] = 0;
        CHECK_STATUS(rg_clip_grad_value(f.params, limits[i], &error), RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "clip: the limit is "));
    }
    static const double orders[] = {0, 3, -1, -INFINITY, NAN};
    for (int i = 0; i < 5; i++) {
        CHECK_STATUS(rg_clip_grad_norm(f.params, orders[i], 1, NULL, &error), RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "clip: the order of the norm is "));
        cr_assert(isnan(rg_grad_norm(f.params, orders[i])));
    }
    CHECK_STATUS(rg_clip_grad_norm(NULL, 2, 1, NULL, &error), RG_ERROR_ARGUMENT);
    cr_assert_str_eq(error.message, "clip: the parameters are NULL");
    CHECK_STATUS(rg_clip_grad_value(NULL, 1, &error), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_clip_grad_value(NULL, 1, NULL), RG_ERROR_ARGUMENT);
    cr_assert(isnan(rg_grad_norm(NULL, 2)));
    check_four(&f, 1, 0);
    rg_params_destroy(f.params);
}
