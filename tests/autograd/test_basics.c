#include "../check.h"

SUITE(basics);

Test(basics, every_status_has_a_name_and_a_text)
{
    for (int status = RG_OK; status <= RG_ERROR_FORMAT; status++) {
        cr_assert(strncmp(rg_status_name((rg_status)status), "RG_", 3) == 0);
        cr_assert(strlen(rg_status_text((rg_status)status)) > 5);
    }
    cr_assert_str_eq(rg_status_name(RG_ERROR_SHAPE), "RG_ERROR_SHAPE");
    cr_assert_str_eq(rg_status_text(RG_OK), "success");
    cr_assert_str_eq(rg_status_name((rg_status)99), "unknown status");
    cr_assert_str_eq(rg_status_text((rg_status)99), "unknown status");
}

Test(basics, shapes)
{
    rg_shape shape = RG_SHAPE(2, 3, 4), scalar = RG_SCALAR, empty = RG_SHAPE(3, 0);
    char text[RG_SHAPE_TEXT_SIZE];
    cr_assert(rg_shape_size(&shape) == 24 && rg_shape_size(&scalar) == 1);
    cr_assert(rg_shape_size(&empty) == 0);
    cr_assert_str_eq(rg_shape_text(&shape, text), "[2, 3, 4]");
    cr_assert_str_eq(rg_shape_text(&scalar, text), "[]");
    rg_shape longest = {
        8,
        {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN}};
    cr_assert(strlen(rg_shape_text(&longest, text)) < RG_SHAPE_TEXT_SIZE);
    cr_assert(text[strlen(text) - 1] == ']');
    cr_assert(rg_shape_size(&longest) == -1);
    shape = RG_SHAPE(INT64_MAX, 2, 0);
    cr_assert(rg_shape_size(&shape) == -1, "a zero does not excuse an overflow");
    shape = RG_SHAPE(INT64_MAX, 2);
    cr_assert(rg_shape_size(&shape) == -1);
    rg_shape other = RG_SHAPE(INT64_MAX, 3);
    cr_assert(!rg_shape_equal(&shape, &other) && rg_shape_equal(&shape, &shape));
    cr_assert(!rg_shape_equal(&shape, &scalar));
    cr_assert(rg_type_size(RG_F32) == 4 && rg_type_size(RG_I64) == 8);
    cr_assert_str_eq(rg_type_name(RG_F64), "float64");
    cr_assert_str_eq(rg_type_name(RG_F32), "float32");
    cr_assert_str_eq(rg_type_name(RG_I64), "int64");
}

Test(basics, the_version)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", RG_VERSION_MAJOR, RG_VERSION_MINOR, RG_VERSION_PATCH);
    cr_assert_str_eq(reelgrad_version(), text);
}

/* The first outputs of xoshiro256** for the state 1, 2, 3, 4, as published with the generator. */
Test(basics, the_random_generator_is_the_published_one)
{
    rg_random random = {{1, 2, 3, 4}};
    const uint64_t want[] = {11520u, 0u, 1509978240u, 1215971899390074240u};
    for (int i = 0; i < 4; i++)
        cr_assert(rg_random_bits(&random) == want[i], "output %d", i);
}

Test(basics, random_numbers_have_their_distribution)
{
    enum { DRAWS = 200000 };
    rg_random random = rg_random_create(1), copy;
    double sum = 0, squares = 0, fourth = 0, uniform = 0, lowest = 1, highest = 0;
    int counts[7] = {0};
    for (int i = 0; i < DRAWS; i++) {
        double z = rg_random_normal(&random), u = rg_random_uniform(&random);
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
        uniform += u;
        lowest = fmin(lowest, u);
        highest = fmax(highest, u);
        counts[rg_random_below(&random, 7)]++;
    }
    CHECK_NEAR(sum / DRAWS, 0, 0.01);
    CHECK_NEAR(squares / DRAWS, 1, 0.01);
    CHECK_NEAR(fourth / DRAWS, 3, 0.03);
    CHECK_NEAR(uniform / DRAWS, 0.5, 0.003);
    cr_assert(lowest >= 0 && lowest < 1e-3 && highest < 1 && highest > 0.999);
    for (int i = 0; i < 7; i++)
        CHECK_NEAR(counts[i] * 7.0 / DRAWS, 1, 0.02);
    copy = random;
    cr_assert(rg_random_bits(&copy) == rg_random_bits(&random));
    cr_assert(rg_random_below(&random, 0) == 0 && rg_random_below(&random, 1) == 0);
    rg_random other = rg_random_create(2);
    cr_assert(rg_random_bits(&other) != rg_random_bits(&random));
}

Test(basics, shuffling_reaches_every_order_equally)
{
    enum { ROUNDS = 60000 };
    int counts[6] = {0};
    rg_random random = rg_random_create(3);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t list[3] = {0, 1, 2};
        rg_random_shuffle(&random, list, 3);
        cr_assert(list[0] + list[1] + list[2] == 3 && list[0] != list[1]);
        counts[list[0] * 2 + (list[1] > list[2])]++;
    }
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(counts[i] * 6.0 / ROUNDS, 1, 0.02);
    rg_random_shuffle(&random, NULL, 0);
}
