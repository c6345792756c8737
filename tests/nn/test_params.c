#include "../check.h"
#include "../failing.h"

SUITE(params);

Test(params, keeps_the_order_and_finds_names)
{
    rg_params *params = rg_params_create(NULL);
    cr_assert(rg_params_allocator(params) == NULL);
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "p%d", 7 * i % 500);
        cr_assert(rg_params_add(params, name, i % 2 ? RG_F32 : RG_F64, RG_SHAPE(2, i), NULL));
    }
    cr_assert(rg_params_count(params) == 500);
    cr_assert(rg_params_size(params) == 2 * 499 * 500 / 2);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "p%d", 7 * i % 500);
        rg_param *param = rg_params_at(params, i);
        cr_assert_str_eq(rg_params_name(params, i), name);
        cr_assert(rg_params_find(params, name) == param);
        cr_assert(rg_param_shape(param).dim[1] == i);
        cr_assert(rg_param_type(param) == (i % 2 ? RG_F32 : RG_F64));
    }
    cr_assert(rg_params_find(params, "p500") == NULL);
    cr_assert(rg_params_at(params, -1) == NULL && rg_params_at(params, 500) == NULL);
    cr_assert(rg_params_name(params, -1) == NULL && rg_params_name(params, 500) == NULL);
    rg_params_destroy(params);
    rg_params_destroy(NULL);
}

Test(params, copies_the_name_and_starts_at_zero)
{
    rg_params *params = rg_params_create(NULL);
    char name[] = "weight";
    rg_param *param = rg_params_add(params, name, RG_F64, RG_SHAPE(3), NULL);
    name[0] = 'W';
    cr_assert(rg_params_find(params, "weight") == param);
    double got[3] = {1, 1, 1};
    rg_param_read(param, got);
    for (int i = 0; i < 3; i++)
        CHECK_NEAR(got[i], 0, 0);
    rg_params_destroy(params);
}

Test(params, zero_grad_reaches_all)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *a = rg_params_add(params, "a", RG_F64, RG_SHAPE(2), NULL);
    rg_param *b = rg_params_add(params, "b", RG_F32, RG_SHAPE(1), NULL);
    ((double *)rg_param_grad(a))[1] = 3;
    ((float *)rg_param_grad(b))[0] = 4;
    rg_params_zero_grad(params);
    CHECK_NEAR(((double *)rg_param_grad(a))[1], 0, 0);
    CHECK_NEAR(((float *)rg_param_grad(b))[0], 0, 0);
    rg_params_destroy(params);
}

/* ---- patterns ---- */

static const char *const names[] = {"layer0.weight", "layer0.bias", "layer10.weight", "a*a", "b"};
enum { NAMES = sizeof names / sizeof *names };

static const struct {
    const char *pattern;
    unsigned matches; /* bit i: names[i] */
} patterns[] = {
    {"*", 31},       {"**", 31},          {"", 0},           {"layer0.*", 3},
    {"layer?.*", 3}, {"layer*.*", 7},     {"*.bias", 2},     {"*.weight", 5},
    {"b", 16},       {"?", 16},           {"layer0.bia", 0}, {"layer0.biass", 0},
    {"*ay*1*t", 4},  {"*t*t*", 0},        {"a*a", 8},        {"*e*e*", 5},
    {"*0.*", 7},     {"layer0.bias*", 2}, {"?*?", 15},       {"*igh", 0},
};

Test(params, freezes_what_matches)
{
    rg_params *params = rg_params_create(NULL);
    for (int i = 0; i < NAMES; i++)
        rg_params_add(params, names[i], RG_F64, RG_SCALAR, NULL);
    for (size_t k = 0; k < sizeof patterns / sizeof *patterns; k++) {
        int wanted = __builtin_popcount(patterns[k].matches);
        int got = rg_params_freeze(params, patterns[k].pattern, 1);
        cr_assert(got == wanted, "\"%s\" matches %d names", patterns[k].pattern, got);
        for (int i = 0; i < NAMES; i++)
            cr_assert(rg_param_is_frozen(rg_params_at(params, i)) ==
                          (int)(patterns[k].matches >> i & 1),
                      "\"%s\" and %s", patterns[k].pattern, names[i]);
        cr_assert(rg_params_freeze(params, "*", 0) == NAMES);
    }
    rg_params_destroy(params);
}

/* ---- errors ---- */

static void check_refused(rg_params *params, const char *name, rg_type type, rg_shape shape,
                          rg_status status, const char *text)
{
    rg_error error = {RG_OK, ""};
    cr_assert(rg_params_add(params, name, type, shape, &error) == NULL);
    CHECK_STATUS(error.status, status);
    cr_assert(strstr(error.message, text), "the message is \"%s\"", error.message);
    cr_assert(rg_params_add(params, name, type, shape, NULL) == NULL);
    cr_assert(!params || rg_params_count(params) == 1);
}

Test(params, refuses_bad_parameters)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *first = rg_params_add(params, "taken", RG_F64, RG_SHAPE(2), NULL);
    char longest[RG_NAME_SIZE + 1];
    memset(longest, 'n', sizeof longest);
    longest[RG_NAME_SIZE] = 0;
    check_refused(params, "taken", RG_F64, RG_SHAPE(2), RG_ERROR_ARGUMENT, "parameter taken");
    check_refused(params, "", RG_F64, RG_SHAPE(2), RG_ERROR_ARGUMENT, "needs a name");
    check_refused(params, NULL, RG_F64, RG_SHAPE(2), RG_ERROR_ARGUMENT, "needs a name");
    check_refused(params, longest, RG_F64, RG_SHAPE(2), RG_ERROR_ARGUMENT, "exceeds 127 bytes");
    check_refused(params, "i", RG_I64, RG_SHAPE(2), RG_ERROR_TYPE, "i must be float64 or float32");
    check_refused(params, "s", RG_F64, RG_SHAPE(2, -1), RG_ERROR_SHAPE, "shape of s");
    check_refused(params, "s", RG_F64, RG_SHAPE(INT64_MAX, 2), RG_ERROR_SHAPE, "shape of s");
    check_refused(params, "m", RG_F64, RG_SHAPE(INT64_MAX / 2), RG_ERROR_MEMORY,
                  "no memory for m of shape [4611686018427387903]");
    check_refused(NULL, "n", RG_F64, RG_SHAPE(2), RG_ERROR_ARGUMENT, "collection is NULL");
    cr_assert(rg_params_find(params, "taken") == first);
    longest[RG_NAME_SIZE - 1] = 0;
    cr_assert(rg_params_add(params, longest, RG_F64, RG_SHAPE(2), NULL));
    rg_params_destroy(params);
}

/* Enough names to make the hash table grow. */
static rg_status add_many(const rg_allocator *allocator)
{
    enum { MANY = 300 };
    rg_error error = {RG_OK, ""};
    rg_params *params = rg_params_create(allocator);
    if (!params)
        return RG_ERROR_MEMORY;
    cr_assert(rg_params_allocator(params)->context == allocator->context);
    int added = 0;
    for (int i = 0; i < MANY && error.status == RG_OK; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        if (rg_params_add(params, name, RG_F64, RG_SHAPE(1), &error))
            added++;
        cr_assert((rg_params_find(params, name) != NULL) == (error.status == RG_OK));
    }
    cr_assert(rg_params_count(params) == added);
    for (int i = 0; i < added; i++)
        cr_assert(rg_params_find(params, rg_params_name(params, i)) == rg_params_at(params, i));
    rg_params_destroy(params);
    return error.status;
}

Test(params, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_status status = add_many(&allocator);
        CHECK_FAILURE(memory, status);
    }
}
