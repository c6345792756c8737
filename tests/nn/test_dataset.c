#include "../check.h"
#include "../failing.h"

SUITE(dataset);

/* Example i has inputs 10 i + k, class i mod 3 and targets 100 i + k. */
static rg_dataset *numbered(const rg_allocator *allocator, rg_type type, int64_t count)
{
    rg_dataset *data;
    if (rg_dataset_create(&data, allocator, type, count, 4, 3, 2, NULL) != RG_OK)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < 4; k++) {
            if (type == RG_F32)
                ((float *)data->inputs)[4 * i + k] = (float)(10 * i + k);
            else
                ((double *)data->inputs)[4 * i + k] = (double)(10 * i + k);
        }
        for (int64_t k = 0; k < 2; k++) {
            if (type == RG_F32)
                ((float *)data->targets)[2 * i + k] = (float)(100 * i + k);
            else
                ((double *)data->targets)[2 * i + k] = (double)(100 * i + k);
        }
        data->classes[i] = i % 3;
    }
    return data;
}

static double element(const rg_dataset *data, const void *array, int64_t index)
{
    return data->type == RG_F32 ? ((const float *)array)[index] : ((const double *)array)[index];
}

/* The number of the example at `row`, all of whose fields must belong together. */
static int64_t number_at(const rg_dataset *data, int64_t row)
{
    int64_t i = (int64_t)element(data, data->inputs, 4 * row) / 10;
    for (int64_t k = 0; k < 4; k++)
        cr_assert(element(data, data->inputs, 4 * row + k) == (double)(10 * i + k));
    for (int64_t k = 0; k < 2; k++)
        cr_assert(element(data, data->targets, 2 * row + k) == (double)(100 * i + k));
    cr_assert(data->classes[row] == i % 3);
    return i;
}

static void check_like(const rg_dataset *data, rg_type type, int64_t count)
{
    cr_assert(data->type == type);
    cr_assert(data->count == count);
    cr_assert(data->features == 4);
    cr_assert(data->class_count == 3);
    cr_assert(data->target_width == 2);
}

static void check_error(rg_status status, const rg_error *error, rg_status want, const char *text)
{
    CHECK_STATUS(status, want);
    CHECK_STATUS(error->status, want);
    cr_assert_str_eq(error->message, text);
}

Test(dataset, is_created_zero)
{
    const rg_type types[] = {RG_F32, RG_F64};
    for (int t = 0; t < 2; t++) {
        rg_dataset *data;
        CHECK_STATUS(rg_dataset_create(&data, NULL, types[t], 5, 4, 3, 2, NULL), RG_OK);
        check_like(data, types[t], 5);
        for (int64_t i = 0; i < 5 * 4; i++)
            cr_assert(element(data, data->inputs, i) == 0);
        for (int64_t i = 0; i < 5 * 2; i++)
            cr_assert(element(data, data->targets, i) == 0);
        for (int64_t i = 0; i < 5; i++)
            cr_assert(data->classes[i] == 0);
        rg_dataset_destroy(data);
    }
    rg_dataset_destroy(NULL);
}

Test(dataset, has_classes_and_targets_only_on_request)
{
    rg_dataset *data;
    CHECK_STATUS(rg_dataset_create(&data, NULL, RG_F64, 1, 1, 0, 0, NULL), RG_OK);
    cr_assert(data->inputs != NULL);
    cr_assert(data->classes == NULL);
    cr_assert(data->targets == NULL);
    rg_dataset *copy;
    CHECK_STATUS(rg_dataset_take(data, 0, 1, &copy, NULL), RG_OK);
    cr_assert(copy->classes == NULL);
    cr_assert(copy->targets == NULL);
    rg_dataset_destroy(copy);
    rg_dataset_destroy(data);
}

Test(dataset, refuses_sizes)
{
    rg_error error;
    rg_dataset *data = (rg_dataset *)&error;
    check_error(rg_dataset_create(&data, NULL, RG_I64, 1, 1, 0, 0, &error), &error, RG_ERROR_TYPE,
                "dataset: the type must be float32 or float64");
    cr_assert(data == NULL);
    check_error(rg_dataset_create(&data, NULL, RG_F32, 0, 1, 0, 0, &error), &error,
                RG_ERROR_ARGUMENT,
                "dataset: 0 examples of 1 features; there must be at least one of each");
    check_error(rg_dataset_create(&data, NULL, RG_F32, 1, -2, 0, 0, &error), &error,
                RG_ERROR_ARGUMENT,
                "dataset: 1 examples of -2 features; there must be at least one of each");
    check_error(rg_dataset_create(&data, NULL, RG_F32, 1, 1, -1, 0, &error), &error,
                RG_ERROR_ARGUMENT,
                "dataset: the number of classes, -1, or of targets, 0, is negative");
    check_error(rg_dataset_create(&data, NULL, RG_F32, 1, 1, 0, -3, &error), &error,
                RG_ERROR_ARGUMENT,
                "dataset: the number of classes, 0, or of targets, -3, is negative");
    check_error(
        rg_dataset_create(&data, NULL, RG_F32, (int64_t)1 << 31, (int64_t)1 << 31, 0, 0, &error),
        &error, RG_ERROR_LIMIT,
        "dataset: 2147483648 examples of 2147483648 features and 0 targets exceed the "
        "address space");
    const int64_t large[][4] = {{INT64_MAX, 1, 0, 0},
                                {1, INT64_MAX, 0, 0},
                                {2, 1, 0, INT64_MAX / 2},
                                {INT64_MAX / 4, 1, 2, 0}};
    for (int i = 0; i < 4; i++) {
        const int64_t *size = large[i];
        CHECK_STATUS(
            rg_dataset_create(&data, NULL, RG_F32, size[0], size[1], size[2], size[3], NULL),
            RG_ERROR_LIMIT);
    }
}

Test(dataset, takes_a_range)
{
    const rg_type types[] = {RG_F32, RG_F64};
    for (int t = 0; t < 2; t++) {
        rg_dataset *data = numbered(NULL, types[t], 10), *part;
        CHECK_STATUS(rg_dataset_take(data, 3, 4, &part, NULL), RG_OK);
        check_like(part, types[t], 4);
        for (int64_t i = 0; i < 4; i++)
            cr_assert(number_at(part, i) == 3 + i);
        rg_dataset_destroy(data);
        cr_assert(number_at(part, 0) == 3, "a copy does not need its source");
        rg_dataset_destroy(part);
    }
}

Test(dataset, refuses_to_take_what_is_not_there)
{
    rg_dataset *data = numbered(NULL, RG_F32, 10), *part;
    rg_error error;
    check_error(rg_dataset_take(data, 8, 3, &part, &error), &error, RG_ERROR_INDEX,
                "take: 3 examples from number 8 on are not within the 10 there are");
    cr_assert(part == NULL);
    const int64_t outside[][2] = {{-1, 2}, {11, 1}, {10, 1}, {0, INT64_MAX}, {INT64_MAX, 1}};
    for (int i = 0; i < 5; i++)
        CHECK_STATUS(rg_dataset_take(data, outside[i][0], outside[i][1], &part, NULL),
                     RG_ERROR_INDEX);
    CHECK_STATUS(rg_dataset_take(data, 3, 0, &part, NULL), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_dataset_take(data, 3, -1, &part, NULL), RG_ERROR_ARGUMENT);
    rg_dataset_destroy(data);
}

Test(dataset, splits_in_order)
{
    rg_dataset *data = numbered(NULL, RG_F64, 10), *train, *test;
    CHECK_STATUS(rg_dataset_split(data, 0.3, NULL, &train, &test, NULL), RG_OK);
    check_like(train, RG_F64, 7);
    check_like(test, RG_F64, 3);
    for (int64_t i = 0; i < 10; i++)
        cr_assert(i == (i < 7 ? number_at(train, i) : number_at(test, i - 7)));
    rg_dataset_destroy(train);
    rg_dataset_destroy(test);
    rg_dataset_destroy(data);
}

Test(dataset, splits_at_random_without_loss_or_overlap)
{
    enum { COUNT = 101 };
    rg_dataset *data = numbered(NULL, RG_F32, COUNT);
    int moved = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        rg_dataset *train, *test;
        rg_random random = rg_random_create(seed);
        CHECK_STATUS(rg_dataset_split(data, 0.2, &random, &train, &test, NULL), RG_OK);
        check_like(train, RG_F32, 81);
        check_like(test, RG_F32, 20);
        int seen[COUNT] = {0};
        for (int64_t i = 0; i < COUNT; i++) {
            int64_t number = i < 81 ? number_at(train, i) : number_at(test, i - 81);
            seen[number]++;
            moved += number != i;
        }
        for (int i = 0; i < COUNT; i++)
            cr_assert(seen[i] == 1);
        rg_dataset_destroy(train);
        rg_dataset_destroy(test);
    }
    cr_assert(moved > 19 * COUNT, "only %d of %d examples changed their place", moved, 20 * COUNT);
    rg_dataset_destroy(data);
}

Test(dataset, splits_by_the_seed_alone)
{
    rg_dataset *data = numbered(NULL, RG_F64, 50), *train[3], *test[3];
    const uint64_t seeds[] = {7, 7, 8};
    for (int i = 0; i < 3; i++) {
        rg_random random = rg_random_create(seeds[i]);
        CHECK_STATUS(rg_dataset_split(data, 0.5, &random, &train[i], &test[i], NULL), RG_OK);
    }
    size_t bytes = 25 * 4 * sizeof(double);
    cr_assert(memcmp(train[0]->inputs, train[1]->inputs, bytes) == 0);
    cr_assert(memcmp(test[0]->inputs, test[1]->inputs, bytes) == 0);
    cr_assert(memcmp(train[0]->inputs, train[2]->inputs, bytes) != 0);
    for (int i = 0; i < 3; i++) {
        rg_dataset_destroy(train[i]);
        rg_dataset_destroy(test[i]);
    }
    rg_dataset_destroy(data);
}

Test(dataset, rounds_the_held_out_part)
{
    rg_dataset *data = numbered(NULL, RG_F32, 7), *train, *test;
    const struct {
        double held_out;
        int64_t count;
    } cases[] = {{0.2, 1}, {0.21, 1}, {0.22, 2}, {0.5, 4}, {0.1, 1}, {0.9, 6}};
    for (int i = 0; i < 6; i++) {
        CHECK_STATUS(rg_dataset_split(data, cases[i].held_out, NULL, &train, &test, NULL), RG_OK);
        cr_assert(test->count == cases[i].count);
        cr_assert(train->count == 7 - cases[i].count);
        rg_dataset_destroy(train);
        rg_dataset_destroy(test);
    }
    rg_dataset_destroy(data);
}

Test(dataset, refuses_a_split_with_an_empty_part)
{
    rg_dataset *data = numbered(NULL, RG_F32, 7), *train, *test;
    const double fractions[] = {0, 1, -0.5, 1.5, NAN, INFINITY, 0.01, 0.99};
    for (int i = 0; i < 8; i++) {
        train = test = data;
        CHECK_STATUS(rg_dataset_split(data, fractions[i], NULL, &train, &test, NULL),
                     RG_ERROR_ARGUMENT);
        cr_assert(train == NULL);
        cr_assert(test == NULL);
    }
    rg_error error;
    check_error(rg_dataset_split(data, 0.01, NULL, &train, &test, &error), &error,
                RG_ERROR_ARGUMENT,
                "split: holding out a fraction of 0.01 of 7 examples leaves a part without any");
    rg_dataset_destroy(data);
}

/* ---- parts ---- */

static void destroy_all(rg_dataset **parts, int count)
{
    for (int k = 0; k < count; k++)
        rg_dataset_destroy(parts[k]);
}

/* All examples are there once, in the order of the parts if `in_order`. */
static void check_partition(rg_dataset **parts, int count, int64_t total, int in_order)
{
    char *seen = calloc((size_t)total, 1);
    int64_t all = 0;
    for (int k = 0; k < count; k++) {
        for (int64_t i = 0; i < parts[k]->count; i++, all++) {
            int64_t number = number_at(parts[k], i);
            cr_assert(!seen[number]++);
            cr_assert(!in_order || number == all);
        }
    }
    cr_assert(all == total);
    free(seen);
}

Test(dataset, splits_into_parts)
{
    static const double shares[] = {8, 1, 1.5};
    static const int64_t want[] = {15, 2, 3};
    rg_dataset *data = numbered(NULL, RG_F32, 20), *parts[3];
    for (uint64_t seed = 0; seed < 3; seed++) {
        rg_random random = rg_random_create(seed);
        rg_random *shuffle = seed == 0 ? NULL : &random;
        CHECK_STATUS(rg_dataset_split_parts(data, 3, shares, 0, shuffle, parts, NULL), RG_OK);
        for (int k = 0; k < 3; k++)
            check_like(parts[k], RG_F32, want[k]);
        check_partition(parts, 3, 20, seed == 0);
        destroy_all(parts, 3);
    }
    CHECK_STATUS(rg_dataset_split_parts(data, 1, shares, 0, NULL, parts, NULL), RG_OK);
    check_partition(parts, 1, 20, 1);
    destroy_all(parts, 1);
    rg_dataset_destroy(data);
}

/* Classes of very different sizes, sorted: without care a part would miss some. */
Test(dataset, stratifies)
{
    enum { COUNT = 1000, CLASSES = 3 };
    static const int64_t sizes[CLASSES] = {900, 70, 30};
    static const double shares[] = {0.6, 0.3, 0.1};
    rg_dataset *data = numbered(NULL, RG_F64, COUNT), *parts[3];
    for (int64_t i = 0; i < COUNT; i++)
        data->classes[i] = i < 900 ? 0 : i < 970 ? 1 : 2;
    for (uint64_t seed = 0; seed < 5; seed++) {
        rg_random random = rg_random_create(seed);
        rg_random *shuffle = seed == 0 ? NULL : &random;
        CHECK_STATUS(rg_dataset_split_parts(data, 3, shares, 1, shuffle, parts, NULL), RG_OK);
        char seen[COUNT] = {0};
        for (int k = 0; k < 3; k++) {
            int64_t of_class[CLASSES] = {0}, before = -1, falls = 0;
            for (int64_t i = 0; i < parts[k]->count; i++) {
                int64_t number = (int64_t)((double *)parts[k]->inputs)[4 * i] / 10;
                cr_assert(!seen[number]++);
                of_class[parts[k]->classes[i]]++;
                falls += number < before;
                before = number;
            }
            for (int c = 0; c < CLASSES; c++)
                cr_assert(fabs((double)of_class[c] - shares[k] * (double)sizes[c]) <= 1.5,
                          "%d of class %d in part %d", (int)of_class[c], c, k);
            cr_assert(fabs((double)parts[k]->count - shares[k] * COUNT) <= 1);
            cr_assert(seed == 0 ? falls == 0 : falls > parts[k]->count / 4, "the order is kept");
        }
        destroy_all(parts, 3);
    }
    rg_dataset_destroy(data);
}

/* Within as many examples as there are parts, whatever the classes and shares. */
Test(dataset, stratifies_any_classes)
{
    rg_random random = rg_random_create(4);
    for (int run = 0; run < 200; run++) {
        int count = 2 + (int)rg_random_below(&random, 5);
        double shares[6], sum = 0;
        for (int k = 0; k < count; k++)
            sum += shares[k] = 0.1 + rg_random_uniform(&random);
        rg_dataset *data = numbered(NULL, RG_F32, 200), *parts[6];
        int64_t of_class[3] = {0};
        for (int64_t i = 0; i < 200; i++)
            of_class[data->classes[i] = (int64_t)rg_random_below(&random, 3)]++;
        CHECK_STATUS(rg_dataset_split_parts(data, count, shares, 1, &random, parts, NULL), RG_OK);
        for (int k = 0; k < count; k++) {
            int64_t got[3] = {0};
            for (int64_t i = 0; i < parts[k]->count; i++)
                got[parts[k]->classes[i]]++;
            for (int c = 0; c < 3; c++)
                cr_assert(fabs((double)got[c] - shares[k] / sum * (double)of_class[c]) <= count);
        }
        destroy_all(parts, count);
        rg_dataset_destroy(data);
    }
}

static void check_parts_refused(const rg_dataset *data, int count, const double *shares,
                                int stratify, rg_status status, const char *text)
{
    rg_dataset *parts[3] = {(rg_dataset *)&count, (rg_dataset *)&count, (rg_dataset *)&count};
    rg_error error;
    CHECK_STATUS(rg_dataset_split_parts(data, count, shares, stratify, NULL, parts, &error),
                 status);
    cr_assert(error.status == status && strstr(error.message, text), "%s", error.message);
    for (int k = 0; k < count; k++)
        cr_assert(!parts[k]);
}

Test(dataset, refuses_parts_that_cannot_be)
{
    static const double good[] = {1, 2, 1}, small[] = {1, 0.01, 1};
    const double bad[] = {0, -1, NAN, INFINITY};
    rg_dataset *data = numbered(NULL, RG_F64, 10), *bare;
    check_parts_refused(data, 0, good, 0, RG_ERROR_ARGUMENT, "0 parts cannot be made");
    check_parts_refused(data, 2, NULL, 0, RG_ERROR_ARGUMENT, "2 parts cannot be made");
    for (int i = 0; i < 4; i++)
        check_parts_refused(data, 2, (double[]){1, bad[i]}, 0, RG_ERROR_ARGUMENT, "share 1 is ");
    for (int stratify = 0; stratify < 2; stratify++)
        check_parts_refused(data, 3, small, stratify, RG_ERROR_ARGUMENT, "leaves part 1 without");
    rg_dataset_create(&bare, NULL, RG_F64, 5, 1, 0, 0, NULL);
    check_parts_refused(bare, 3, good, 1, RG_ERROR_ARGUMENT, "no classes to stratify by");
    data->classes[7] = 3;
    check_parts_refused(data, 3, good, 1, RG_ERROR_INDEX, "example 7 has class 3 of 3");
    data->classes[7] = -1;
    check_parts_refused(data, 3, good, 1, RG_ERROR_INDEX, "example 7 has class -1 of 3");
    rg_dataset_destroy(bare);
    rg_dataset_destroy(data);
}

Test(dataset, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_dataset *data, *part = NULL, *train = NULL, *test = NULL;
        rg_error error = {.status = RG_OK};
        rg_random random = rg_random_create(1);
        rg_status status = rg_dataset_create(&data, &allocator, RG_F32, 10, 4, 3, 2, &error);
        if (status == RG_OK)
            status = rg_dataset_take(data, 2, 5, &part, &error);
        if (status == RG_OK)
            status = rg_dataset_split(part, 0.4, &random, &train, &test, &error);
        rg_dataset *parts[2] = {NULL, NULL};
        if (status == RG_OK)
            status = rg_dataset_split_parts(data, 2, (double[]){1, 1}, 1, &random, parts, &error);
        cr_assert((status == RG_OK) == (parts[0] && parts[1]));
        destroy_all(parts, 2);
        cr_assert(status != RG_OK || (train && test));
        CHECK_STATUS(error.status, status);
        cr_assert(status == RG_OK || strstr(error.message, "no memory"));
        rg_dataset_destroy(data);
        rg_dataset_destroy(part);
        rg_dataset_destroy(train);
        rg_dataset_destroy(test);
        CHECK_FAILURE(memory, status);
    }
}
