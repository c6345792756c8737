#include "../check.h"
#include "../failing.h"

SUITE(normalize);

static const rg_type types[] = {RG_F32, RG_F64};

static double get(const rg_dataset *data, int64_t example, int64_t feature)
{
    int64_t i = example * data->features + feature;
    return data->type == RG_F32 ? ((const float *)data->inputs)[i]
                                : ((const double *)data->inputs)[i];
}

static rg_dataset *dataset(const rg_allocator *allocator, rg_type type, int64_t count,
                           int64_t features, const double *inputs)
{
    rg_dataset *data;
    if (rg_dataset_create(&data, allocator, type, count, features, 0, 0, NULL) != RG_OK)
        return NULL;
    for (int64_t i = 0; i < count * features; i++) {
        if (type == RG_F32)
            ((float *)data->inputs)[i] = (float)inputs[i];
        else
            ((double *)data->inputs)[i] = inputs[i];
    }
    return data;
}

/* Fits to `train`, applies to both. */
static void normalize(rg_dataset *train, rg_dataset *test, rg_normalization mode)
{
    rg_normalizer *normalizer;
    CHECK_STATUS(rg_normalizer_fit(&normalizer, train, mode, NULL), RG_OK);
    CHECK_STATUS(rg_normalizer_apply(normalizer, train, NULL), RG_OK);
    CHECK_STATUS(rg_normalizer_apply(normalizer, test, NULL), RG_OK);
    rg_normalizer_destroy(normalizer);
}

static void check_inputs(const rg_dataset *data, const double *want)
{
    for (int64_t i = 0; i < data->count; i++)
        for (int64_t k = 0; k < data->features; k++)
            CHECK_NEAR(get(data, i, k), want[i * data->features + k],
                       data->type == RG_F32 ? 1e-6 : 1e-14);
}

/* Column means 5, 30, 7 and deviations 2, 10, 0 in the training part. */
static const double train_inputs[] = {3, 20, 7, 7, 40, 7, 3, 40, 7, 7, 20, 7};
static const double test_inputs[] = {5, 30, 7, 9, 0, 8};

Test(normalize, standardizes_by_the_training_part)
{
    for (int t = 0; t < 2; t++) {
        rg_dataset *train = dataset(NULL, types[t], 4, 3, train_inputs);
        rg_dataset *test = dataset(NULL, types[t], 2, 3, test_inputs);
        normalize(train, test, RG_STANDARDIZE);
        check_inputs(train, (double[]){-1, -1, 0, 1, 1, 0, -1, 1, 0, 1, -1, 0});
        check_inputs(test, (double[]){0, 0, 0, 2, -3, 0});
        rg_dataset_destroy(train);
        rg_dataset_destroy(test);
    }
}

Test(normalize, rescales_by_the_training_part)
{
    for (int t = 0; t < 2; t++) {
        rg_dataset *train = dataset(NULL, types[t], 4, 3, train_inputs);
        rg_dataset *test = dataset(NULL, types[t], 2, 3, test_inputs);
        normalize(train, test, RG_RESCALE);
        check_inputs(train, (double[]){0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0});
        check_inputs(test, (double[]){0.5, 0.5, 0, 1.5, -1, 0});
        rg_dataset_destroy(train);
        rg_dataset_destroy(test);
    }
}

Test(normalize, gives_mean_0_and_variance_1_far_from_0)
{
    enum { COUNT = 1000 };
    double inputs[COUNT];
    rg_random random = rg_random_create(3);
    for (int i = 0; i < COUNT; i++)
        inputs[i] = 1e8 + rg_random_normal(&random);
    rg_dataset *data = dataset(NULL, RG_F64, COUNT, 1, inputs);
    rg_dataset *other = dataset(NULL, RG_F64, 1, 1, inputs);
    normalize(data, other, RG_STANDARDIZE);
    double sum = 0, squares = 0;
    for (int i = 0; i < COUNT; i++) {
        sum += get(data, i, 0);
        squares += get(data, i, 0) * get(data, i, 0);
    }
    CHECK_NEAR(sum / COUNT, 0, 1e-6);
    CHECK_NEAR(squares / COUNT, 1, 1e-6);
    rg_dataset_destroy(data);
    rg_dataset_destroy(other);
}

Test(normalize, rescales_into_the_unit_interval_exactly)
{
    rg_random random = rg_random_create(4);
    for (int round = 0; round < 2000; round++) {
        double inputs[5];
        for (int i = 0; i < 5; i++)
            inputs[i] = rg_random_normal(&random) * exp(20 * rg_random_normal(&random));
        rg_dataset *data = dataset(NULL, types[round % 2], 5, 1, inputs);
        rg_dataset *copy = dataset(NULL, types[round % 2], 5, 1, inputs);
        normalize(data, copy, RG_RESCALE);
        int zeros = 0, ones = 0;
        for (int i = 0; i < 5; i++) {
            double x = get(data, i, 0);
            cr_assert(x >= 0 && x <= 1, "%.17g is outside", x);
            zeros += x == 0;
            ones += x == 1;
        }
        cr_assert(zeros >= 1);
        cr_assert(ones >= 1);
        rg_dataset_destroy(data);
        rg_dataset_destroy(copy);
    }
}

Test(normalize, maps_a_constant_feature_to_0_whatever_it_is)
{
    const double constants[] = {0, 0.1, -1e30, 1e-30, 12345.678};
    for (int i = 0; i < 5; i++) {
        for (int mode = RG_STANDARDIZE; mode <= RG_RESCALE; mode++) {
            double inputs[7];
            for (int k = 0; k < 7; k++)
                inputs[k] = constants[i];
            rg_dataset *train = dataset(NULL, types[i % 2], 7, 1, inputs);
            rg_dataset *test = dataset(NULL, types[i % 2], 1, 1, (double[]){99});
            normalize(train, test, (rg_normalization)mode);
            for (int k = 0; k < 7; k++)
                cr_assert(get(train, k, 0) == 0);
            cr_assert(get(test, 0, 0) == 0);
            rg_dataset_destroy(train);
            rg_dataset_destroy(test);
        }
    }
}

Test(normalize, refuses_numbers_without_a_finite_scale)
{
    const double columns[][3] = {{1, NAN, 2},       {NAN, 1, 2},      {1, INFINITY, 2},
                                 {-INFINITY, 1, 2}, {INFINITY, 1, 2}, {-1e308, 1e308, 1},
                                 {1, 2, NAN},       {NAN, NAN, NAN}};
    for (int i = 0; i < 8; i++) {
        for (int mode = RG_STANDARDIZE; mode <= RG_RESCALE; mode++) {
            double inputs[6];
            for (int k = 0; k < 3; k++) {
                inputs[2 * k] = k;
                inputs[2 * k + 1] = columns[i][k];
            }
            rg_dataset *data = dataset(NULL, RG_F64, 3, 2, inputs);
            rg_normalizer *normalizer = (rg_normalizer *)data;
            rg_error error;
            CHECK_STATUS(rg_normalizer_fit(&normalizer, data, (rg_normalization)mode, &error),
                         RG_ERROR_NUMERIC);
            cr_assert_str_eq(
                error.message,
                "normalizer: feature 1 holds a number that is not finite or too large");
            cr_assert(normalizer == NULL);
            rg_dataset_destroy(data);
        }
    }
}

Test(normalize, refuses_other_modes_and_features)
{
    rg_dataset *data = dataset(NULL, RG_F64, 4, 3, train_inputs);
    rg_dataset *narrow = dataset(NULL, RG_F64, 6, 2, train_inputs);
    rg_normalizer *normalizer;
    rg_error error;
    CHECK_STATUS(rg_normalizer_fit(&normalizer, data, (rg_normalization)2, &error),
                 RG_ERROR_ARGUMENT);
    cr_assert_str_eq(error.message, "normalizer: there is no mode 2");
    cr_assert(normalizer == NULL);
    CHECK_STATUS(rg_normalizer_fit(&normalizer, data, RG_STANDARDIZE, &error), RG_OK);
    CHECK_STATUS(rg_normalizer_apply(normalizer, narrow, &error), RG_ERROR_SHAPE);
    cr_assert_str_eq(error.message, "normalizer: fitted to 3 features, not 2");
    check_inputs(narrow, train_inputs);
    rg_normalizer_destroy(normalizer);
    rg_normalizer_destroy(NULL);
    rg_dataset_destroy(data);
    rg_dataset_destroy(narrow);
}

Test(normalize, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_dataset *data = dataset(&allocator, RG_F64, 4, 3, train_inputs);
        rg_status status = data ? RG_OK : RG_ERROR_MEMORY;
        rg_normalizer *normalizer = NULL;
        rg_error error = {.status = RG_OK};
        if (data) {
            status = rg_normalizer_fit(&normalizer, data, RG_STANDARDIZE, &error);
            CHECK_STATUS(error.status, status);
            cr_assert((status == RG_OK) == (normalizer != NULL));
            cr_assert(normalizer ||
                      strcmp(error.message, "normalizer: no memory for 3 features") == 0);
        }
        rg_normalizer_destroy(normalizer);
        rg_dataset_destroy(data);
        CHECK_FAILURE(memory, status);
    }
}
