#include "../check.h"

SUITE(init);

typedef struct moments {
    double mean, variance, largest;
} moments;

static moments measure(rg_param *param)
{
    int64_t size = rg_param_size(param);
    double *x = malloc((size_t)size * sizeof *x);
    moments m = {0, 0, 0};
    rg_param_read(param, x);
    for (int64_t i = 0; i < size; i++) {
        m.mean += x[i] / (double)size;
        m.variance += x[i] * x[i] / (double)size;
        m.largest = fmax(m.largest, fabs(x[i]));
    }
    m.variance -= m.mean * m.mean;
    free(x);
    return m;
}

/* What each distribution promises, with `in` 50 and `out` 400. */
static const struct {
    rg_init init;
    double variance;
    int uniform;
} promises[] = {
    {RG_INIT_HE_NORMAL, 2.0 / 50, 0},
    {RG_INIT_HE_UNIFORM, 2.0 / 50, 1},
    {RG_INIT_XAVIER_NORMAL, 2.0 / 450, 0},
    {RG_INIT_XAVIER_UNIFORM, 2.0 / 450, 1},
    {RG_INIT_HE_AVERAGE_NORMAL, 4.0 / 450, 0},
    {RG_INIT_HE_AVERAGE_UNIFORM, 4.0 / 450, 1},
    {RG_INIT_NORMAL_1N, 1.0 / 50, 0},
    {RG_INIT_UNIFORM_1N, 1.0 / 50, 1},
    {RG_INIT_ZEROS, 0, 1},
};

/* 20000 draws: the mean is good to s / 141, a normal variance to 1 %. */
static void check_distribution(rg_type type, rg_shape shape)
{
    for (size_t k = 0; k < sizeof promises / sizeof *promises; k++) {
        rg_param *param = rg_param_create(NULL, type, shape);
        rg_random random = rg_random_create(k + 1);
        CHECK_STATUS(rg_init_weights(param, promises[k].init, &random), RG_OK);
        moments m = measure(param);
        double std = sqrt(promises[k].variance);
        cr_assert(fabs(m.mean) <= 4 * std / 141, "mean %g of init %zu", m.mean, k);
        cr_assert(fabs(m.variance - promises[k].variance) <= 0.04 * promises[k].variance,
                  "variance %g of init %zu", m.variance, k);
        if (promises[k].uniform)
            cr_assert(m.largest <= sqrt(3) * std * (1 + 1e-6) &&
                      m.largest >= 0.999 * sqrt(3) * std);
        else
            cr_assert(m.largest > 3 * std);
        rg_param_destroy(param);
    }
}

Test(init, has_the_promised_moments)
{
    check_distribution(RG_F64, RG_SHAPE(400, 50));
    check_distribution(RG_F32, RG_SHAPE(400, 50));
}

/* [out, in, 3, 3]: in = 2 * 9, out = 5 * 9. */
Test(init, counts_the_window_of_a_convolution)
{
    rg_param *param = rg_param_create(NULL, RG_F64, RG_SHAPE(5, 2, 3, 3));
    rg_param *plain = rg_param_create(NULL, RG_F64, RG_SHAPE(90));
    double got[90], want[90];
    rg_random random = rg_random_create(3), same = random;
    rg_init_weights(param, RG_INIT_XAVIER_NORMAL, &random);
    rg_init_normal(plain, sqrt(2.0 / (18 + 45)), &same);
    rg_param_read(param, got);
    rg_param_read(plain, want);
    for (int i = 0; i < 90; i++)
        CHECK_NEAR(got[i], want[i], 0);
    /* A vector [out] has one input per element. */
    random = same = rg_random_create(4);
    rg_init_weights(plain, RG_INIT_HE_NORMAL, &random);
    rg_param_read(plain, got);
    for (int i = 0; i < 90; i++)
        CHECK_NEAR(got[i], sqrt(2) * rg_random_normal(&same), 1e-15);
    rg_param_destroy(param);
    rg_param_destroy(plain);
}

Test(init, fills_with_plain_values)
{
    for (int t = 0; t < 2; t++) {
        rg_type type = t ? RG_F32 : RG_F64;
        rg_param *param = rg_param_create(NULL, type, RG_SHAPE(1000));
        rg_random random = rg_random_create(5);
        rg_init_constant(param, 2.5);
        moments m = measure(param);
        CHECK_NEAR(m.mean, 2.5, 1e-12);
        CHECK_NEAR(m.variance, 0, 1e-12);
        rg_init_uniform(param, 3, 5, &random);
        m = measure(param);
        CHECK_NEAR(m.mean, 4, 0.02);
        CHECK_NEAR(m.variance, 4.0 / 12, 0.03);
        cr_assert(m.largest <= 5 && m.largest > 4.98);
        rg_init_normal(param, 0.5, &random);
        m = measure(param);
        CHECK_NEAR(m.mean, 0, 0.06);
        CHECK_NEAR(m.variance, 0.25, 0.03);
        rg_init_zeros(param);
        CHECK_NEAR(measure(param).largest, 0, 0);
        rg_param_destroy(param);
    }
}

Test(init, draws_the_same_for_the_same_seed_and_any_type)
{
    rg_param *wide = rg_param_create(NULL, RG_F64, RG_SHAPE(4, 6));
    rg_param *narrow = rg_param_create(NULL, RG_F32, RG_SHAPE(4, 6));
    rg_param *again = rg_param_create(NULL, RG_F64, RG_SHAPE(4, 6));
    for (int init = RG_INIT_HE_NORMAL; init <= RG_INIT_ZEROS; init++) {
        rg_random a = rg_random_create(9), b = a, c = a;
        rg_init_weights(wide, (rg_init)init, &a);
        rg_init_weights(narrow, (rg_init)init, &b);
        rg_init_weights(again, (rg_init)init, &c);
        cr_assert(memcmp(rg_param_data(wide), rg_param_data(again), 24 * sizeof(double)) == 0);
        for (int i = 0; i < 24; i++)
            cr_assert(((float *)rg_param_data(narrow))[i] ==
                      (float)((double *)rg_param_data(wide))[i]);
    }
    rg_param_destroy(wide);
    rg_param_destroy(narrow);
    rg_param_destroy(again);
}

Test(init, refuses_an_unknown_distribution)
{
    rg_param *param = rg_param_create(NULL, RG_F64, RG_SHAPE(2, 2));
    rg_random random = rg_random_create(1);
    rg_init_constant(param, 7);
    CHECK_STATUS(rg_init_weights(param, (rg_init)99, &random), RG_ERROR_ARGUMENT);
    moments m = measure(param);
    CHECK_NEAR(m.mean, 7, 0);
    CHECK_STATUS(rg_init_weights(param, RG_INIT_ZEROS, NULL), RG_OK);
    CHECK_NEAR(measure(param).largest, 0, 0);
    rg_param_destroy(param);
}
