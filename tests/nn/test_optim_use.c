/* What can be done with any optimizer: groups by name, and gradients exchanged between machines. */
#include "../check.h"
#include "../failing.h"

SUITE(optim_use);

/* Parameters 1 with gradients 1. */
static const char *const names[] = {"layer0.weight", "layer0.bias", "layer1.weight", "layer1.bias"};
enum { COUNT = 4 };

static rg_params *make_params(const rg_allocator *allocator)
{
    rg_params *params = rg_params_create(allocator);
    for (int i = 0; i < COUNT && params; i++) {
        rg_param *param =
            rg_params_add(params, names[i], i % 2 ? RG_F32 : RG_F64, RG_SHAPE(3), NULL);
        if (!param)
            break;
        rg_param_write(param, (double[]){1, 1, 1});
        for (int k = 0; k < 3; k++)
            if (i % 2)
                ((float *)rg_param_grad(param))[k] = 1;
            else
                ((double *)rg_param_grad(param))[k] = 1;
    }
    return params;
}

/* What all elements of a parameter are. */
static double value_of(rg_params *params, int i)
{
    double x[3];
    rg_param_read(rg_params_at(params, i), x);
    cr_assert(x[0] == x[1] && x[1] == x[2]);
    return x[0];
}

static void check_values(rg_params *params, const double *want)
{
    for (int i = 0; i < COUNT; i++)
        CHECK_NEAR(value_of(params, i), want[i], i % 2 ? 1e-7 : 1e-15);
}

/* ---- groups ---- */

Test(optim_use, groups_have_rates_of_their_own)
{
    rg_params *params = make_params(NULL);
    rg_optimizer *optimizer = rg_sgd_create(params, &(rg_sgd_options){.rate = 0.5}, NULL);
    cr_assert(rg_optimizer_set_rate_factor(optimizer, "*.bias", 0.5, NULL) == 2);
    cr_assert(rg_optimizer_set_rate_factor(optimizer, "layer0.*", 0, NULL) == 2);
    cr_assert(rg_optimizer_set_rate_factor(optimizer, "layer2.*", 7, NULL) == 0);
    rg_optimizer_step(optimizer);
    check_values(params, (double[]){1, 1, 0.5, 0.75});
    CHECK_NEAR(rg_optimizer_rate(optimizer), 0.5, 0);
    rg_optimizer_set_rate(optimizer, 0.25);
    rg_optimizer_step(optimizer);
    check_values(params, (double[]){1, 1, 0.25, 0.625});
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

Test(optim_use, groups_have_weight_decay_of_their_own)
{
    rg_params *params = make_params(NULL);
    const rg_sgd_options options = {.rate = 0.5, .weight_decay = 0.5};
    rg_optimizer *optimizer = rg_sgd_create(params, &options, NULL);
    cr_assert(rg_optimizer_set_weight_decay(optimizer, "*.bias", 0, NULL) == 2);
    cr_assert(rg_optimizer_set_weight_decay(optimizer, "layer1.weigh?", 1, NULL) == 1);
    rg_optimizer_step(optimizer);
    check_values(params, (double[]){1 - 0.5 * 1.5, 0.5, 0, 0.5});
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

/* AdamW takes rate w x, where the group has a say in both. */
Test(optim_use, groups_reach_decoupled_decay)
{
    rg_params *params = make_params(NULL);
    rg_params_zero_grad(params);
    const rg_adamw_options options = {.rate = 0.5, .weight_decay = 0.5};
    rg_optimizer *optimizer = rg_adamw_create(params, &options, NULL);
    rg_optimizer_set_weight_decay(optimizer, "*.bias", 0, NULL);
    rg_optimizer_set_rate_factor(optimizer, "layer1.*", 0.5, NULL);
    rg_optimizer_step(optimizer);
    check_values(params, (double[]){0.75, 1, 0.875, 1});
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

Test(optim_use, groups_refuse_bad_numbers)
{
    rg_params *params = make_params(NULL);
    rg_optimizer *optimizer = rg_sgd_create(params, &(rg_sgd_options){.rate = 0.5}, NULL);
    static const double bad[] = {-1, INFINITY, NAN};
    for (int i = 0; i < 3; i++) {
        rg_error e = {RG_OK, ""};
        cr_assert(rg_optimizer_set_rate_factor(optimizer, "*", bad[i], &e) == -1);
        CHECK_STATUS(e.status, RG_ERROR_ARGUMENT);
        cr_assert(strstr(e.message, "sgd: the rate factor of * is "), "%s", e.message);
        cr_assert(rg_optimizer_set_weight_decay(optimizer, "*", bad[i], &e) == -1);
        cr_assert(strstr(e.message, "sgd: the weight decay of * is "), "%s", e.message);
    }
    rg_error e = {RG_OK, ""};
    cr_assert(rg_optimizer_set_rate_factor(optimizer, NULL, 1, &e) == -1);
    cr_assert_str_eq(e.message, "sgd: the pattern of a rate factor is NULL");
    cr_assert(rg_optimizer_set_weight_decay(optimizer, NULL, 1, NULL) == -1);
    rg_optimizer_step(optimizer);
    check_values(params, (double[]){0.5, 0.5, 0.5, 0.5});
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

/* ---- several machines ---- */

/* What the calls were given; call number `fail_at` fails. */
typedef struct calls {
    int count, fail_at;
    rg_type type[2];
    int64_t size[2];
    double sum[2];
} calls;

/* Doubles the gradients, as if another machine had the same. */
static rg_status exchange(void *context, void *gradients, int64_t count, rg_type type)
{
    calls *c = context;
    int call = c->count++;
    if (c->count == c->fail_at)
        return RG_ERROR_IO;
    cr_assert(call < 2);
    c->type[call] = type;
    c->size[call] = count;
    for (int64_t i = 0; i < count; i++)
        if (type == RG_F64) {
            c->sum[call] += ((double *)gradients)[i];
            ((double *)gradients)[i] *= 2;
        } else {
            c->sum[call] += (double)((float *)gradients)[i];
            ((float *)gradients)[i] *= 2;
        }
    return RG_OK;
}

Test(optim_use, a_step_exchanges_gradients_first)
{
    rg_params *params = make_params(NULL);
    rg_optimizer *optimizer = rg_sgd_create(params, &(rg_sgd_options){.rate = 0.25}, NULL);
    calls c = {0};
    rg_params_freeze(params, "layer1.weight", 1);
    rg_param_zero_grad(rg_params_at(params, 1));
    CHECK_STATUS(rg_optimizer_set_allreduce(optimizer, exchange, &c, NULL), RG_OK);
    rg_params_add(params, "late", RG_F64, RG_SHAPE(5), NULL);
    rg_optimizer_step(optimizer);
    cr_assert(c.count == 2 && c.type[0] == RG_F64 && c.type[1] == RG_F32);
    cr_assert(c.size[0] == 2 * 8 && c.size[1] == 2 * 16, "64 bytes a parameter");
    CHECK_NEAR(c.sum[0], 6, 0); /* the frozen one too */
    CHECK_NEAR(c.sum[1], 3, 0); /* one is zero */
    check_values(params, (double[]){0.5, 1, 1, 0.5});
    CHECK_STATUS(rg_optimizer_set_allreduce(optimizer, NULL, NULL, NULL), RG_OK);
    rg_optimizer_step(optimizer);
    cr_assert(c.count == 2);
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

Test(optim_use, a_failing_exchange_ends_the_step)
{
    for (int fail_at = 1; fail_at <= 2; fail_at++) {
        rg_params *params = make_params(NULL);
        const rg_sgd_options options = {.rate = 0.25, .momentum = 0.5};
        rg_optimizer *optimizer = rg_sgd_create(params, &options, NULL);
        calls c = {.fail_at = fail_at};
        CHECK_STATUS(rg_optimizer_set_allreduce(optimizer, exchange, &c, NULL), RG_OK);
        CHECK_STATUS(rg_optimizer_step(optimizer), RG_ERROR_IO);
        cr_assert(c.count == fail_at && rg_optimizer_steps(optimizer) == 0);
        check_values(params, (double[]){1, 1, 1, 1});
        rg_optimizer_set_allreduce(optimizer, NULL, NULL, NULL);
        for (int i = 0; i < COUNT; i++)
            rg_param_zero_grad(rg_params_at(params, i));
        CHECK_STATUS(rg_optimizer_step(optimizer), RG_OK);
        check_values(params, (double[]){1, 1, 1, 1}); /* no momentum was left behind */
        rg_optimizer_destroy(optimizer);
        rg_params_destroy(params);
    }
}

/* One element type only: one call. */
Test(optim_use, types_without_parameters_are_not_exchanged)
{
    for (int type = RG_F64; type <= RG_F32; type++) {
        rg_params *params = rg_params_create(NULL);
        rg_params_add(params, "x", (rg_type)type, RG_SHAPE(3), NULL);
        rg_params_add(params, "empty", RG_F64, RG_SHAPE(0), NULL);
        rg_optimizer *optimizer = rg_sgd_create(params, NULL, NULL);
        calls c = {0};
        CHECK_STATUS(rg_optimizer_set_allreduce(optimizer, exchange, &c, NULL), RG_OK);
        CHECK_STATUS(rg_optimizer_step(optimizer), RG_OK);
        cr_assert(c.count == 1 && (int)c.type[0] == type);
        rg_optimizer_destroy(optimizer);
        rg_params_destroy(params);
    }
}

Test(optim_use, an_exchange_survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_status status = RG_ERROR_MEMORY;
        rg_params *params = make_params(&allocator);
        rg_optimizer *optimizer =
            params && rg_params_count(params) == COUNT ? rg_sgd_create(params, NULL, &error) : NULL;
        calls c = {0};
        if (optimizer) {
            status = rg_optimizer_set_allreduce(optimizer, exchange, &c, &error);
            cr_assert(status == error.status);
            int64_t before = memory.calls;
            CHECK_STATUS(rg_optimizer_step(optimizer), RG_OK);
            cr_assert(memory.calls == before, "a step allocates");
            cr_assert(c.count == (status == RG_OK ? 2 : 0));
        }
        rg_optimizer_destroy(optimizer);
        rg_params_destroy(params);
        CHECK_FAILURE(memory, status);
    }
}
