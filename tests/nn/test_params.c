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

/* ---- one block ---- */

/* Parameters of 3, 0, 2, .. elements of both types; element i of parameter k is 10 k + i, and its
 * gradient the negative, but of one it is zero. */
enum { SEVERAL = 5 };
static const int64_t sizes[SEVERAL] = {3, 0, 2, 17, 1};

static void add_several(rg_params *params, int count)
{
    for (int k = rg_params_count(params); k < count; k++) {
        char name[] = {(char)('a' + k), 0};
        rg_param *param =
            rg_params_add(params, name, k % 3 ? RG_F32 : RG_F64, RG_SHAPE(sizes[k]), NULL);
        double x[20];
        for (int i = 0; i < 20; i++)
            x[i] = 10 * k + i;
        rg_param_write(param, x);
        for (int64_t i = 0; i < sizes[k]; i++)
            if (k % 3)
                ((float *)rg_param_grad(param))[i] = (float)-x[i];
            else
                ((double *)rg_param_grad(param))[i] = -x[i];
    }
    rg_param_zero_grad(rg_params_at(params, 2));
}

static void check_several(rg_params *params)
{
    for (int k = 0; k < rg_params_count(params); k++) {
        double x[20], g[20];
        rg_param_read(rg_params_at(params, k), x);
        rg_param_read_grad(rg_params_at(params, k), g);
        for (int64_t i = 0; i < sizes[k]; i++) {
            CHECK_NEAR(x[i], 10 * k + (double)i, 0);
            CHECK_NEAR(g[i], k == 2 ? 0 : -x[i], 0);
        }
    }
}

/* Each parameter follows the one before of its type, aligned. */
static void check_order(rg_params *params, char *(*of)(rg_param *param))
{
    char *end[2] = {NULL, NULL};
    for (int k = 0; k < rg_params_count(params); k++) {
        rg_param *param = rg_params_at(params, k);
        rg_type type = rg_param_type(param);
        char *at = of(param);
        cr_assert((uintptr_t)at % 64 == 0);
        cr_assert(!end[type] || (at >= end[type] && at < end[type] + 64));
        end[type] = at + (size_t)rg_param_size(param) * rg_type_size(type);
    }
}

static char *data_of(rg_param *param)
{
    return rg_param_data(param);
}

static char *grad_of(rg_param *param)
{
    return rg_param_grad(param);
}

static double sum_of_gradients(rg_params *params, rg_type type, int64_t want)
{
    int64_t count = -1;
    const void *g = rg_params_gradients(params, type, &count);
    cr_assert(count == want && (g != NULL) == (want > 0), "%lld gradients", (long long)count);
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += type == RG_F64 ? ((const double *)g)[i] : (double)((const float *)g)[i];
    return sum;
}

Test(params, become_contiguous)
{
    rg_params *params = rg_params_create(NULL);
    CHECK_STATUS(rg_params_make_contiguous(params, NULL), RG_OK);
    sum_of_gradients(params, RG_F64, 0);
    add_several(params, 4);
    sum_of_gradients(params, RG_F32, 0);
    CHECK_STATUS(rg_params_make_contiguous(params, NULL), RG_OK);
    check_several(params);
    check_order(params, data_of);
    check_order(params, grad_of);
    CHECK_NEAR(sum_of_gradients(params, RG_F64, 8 + 24), -3 - 30 * 17 - 17 * 8, 0);
    CHECK_NEAR(sum_of_gradients(params, RG_F32, 16), 0, 0);
    sum_of_gradients(params, RG_I64, 0);
    void *data = rg_param_data(rg_params_at(params, 3));
    CHECK_STATUS(rg_params_make_contiguous(params, NULL), RG_OK);
    cr_assert(rg_param_data(rg_params_at(params, 3)) == data, "nothing moves without a reason");
    add_several(params, SEVERAL);
    sum_of_gradients(params, RG_F32, 16);
    CHECK_STATUS(rg_params_make_contiguous(params, NULL), RG_OK);
    check_several(params);
    check_order(params, data_of);
    check_order(params, grad_of);
    CHECK_NEAR(sum_of_gradients(params, RG_F32, 16 + 16), -40, 0);
    rg_params_zero_grad(params);
    CHECK_NEAR(sum_of_gradients(params, RG_F64, 8 + 24), 0, 0);
    rg_params_destroy(params);
}

/* Sweeps write where the gradients lie. */
Test(params, contiguous_ones_are_swept)
{
    rg_params *params = rg_params_create(NULL);
    add_several(params, 4);
    CHECK_STATUS(rg_params_make_contiguous(params, NULL), RG_OK);
    rg_tape *tape = rg_tape_create();
    for (int times = 1; times <= 2; times++) {
        rg_tape_reset(tape);
        rg_params_zero_grad(params);
        for (int k = 0; k < times; k++) {
            rg_value x = rg_use(tape, rg_params_at(params, 3));
            CHECK_STATUS(rg_backward(rg_sum(rg_mul(x, 3))), RG_OK);
        }
        CHECK_NEAR(sum_of_gradients(params, RG_F64, 8 + 24), 3 * 17 * times, 0);
    }
    rg_tape_destroy(tape);
    rg_params_destroy(params);
}

Test(params, stay_where_they_are_without_memory_for_a_block)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_status status = RG_ERROR_MEMORY;
        rg_params *params = rg_params_create(&allocator);
        if (params && rg_params_add(params, "a", RG_F64, RG_SHAPE(2), &error) &&
            rg_params_add(params, "b", RG_F32, RG_SHAPE(2), &error)) {
            const void *data = rg_param_data(rg_params_at(params, 0));
            status = rg_params_make_contiguous(params, &error);
            cr_assert((rg_param_data(rg_params_at(params, 0)) == data) == (status != RG_OK));
            if (status != RG_OK)
                cr_assert(strstr(error.message, "no memory to make 2 parameters contiguous"));
        }
        rg_params_destroy(params);
        CHECK_FAILURE(memory, status);
    }
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
