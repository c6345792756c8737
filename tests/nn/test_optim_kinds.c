/* Every kind of optimizer: its steps, numbers, errors, state and instruction sets. */
#include "../check.h"
#include "../failing.h"

#include <float.h>

#include "../../nn/optimizer.h"

SUITE(optim_kinds);

/* ---- one of each ---- */

typedef rg_optimizer *make(rg_params *params, rg_error *error);

#define MAKE(function, kind, ...)                                                       \
    static rg_optimizer *function(rg_params *params, rg_error *error)                   \
    {                                                                                   \
        const rg_##kind##_options options = {.weight_decay = 0.1, .rate = __VA_ARGS__}; \
        return rg_##kind##_create(params, &options, error);                             \
    }

MAKE(sgd, sgd, 0.1)
MAKE(momentum, sgd, 0.1, .momentum = 0.9, .dampening = 0.5)
MAKE(nesterov, sgd, 0.1, .momentum = 0.9, .nesterov = 1)
MAKE(rmsprop, rmsprop, 0.1, .alpha = 0.8, .epsilon = 1e-3)
MAKE(centered, rmsprop, 0.1, .alpha = 0.8, .epsilon = 1e-3, .centered = 1)
MAKE(rmsprop_momentum, rmsprop, 0.1, .alpha = 0.8, .epsilon = 1e-3, .momentum = 0.9)
MAKE(centered_momentum, rmsprop, 0.1, .alpha = 0.8, .epsilon = 1e-3, .centered = 1, .momentum = 0.9)
MAKE(adam, adam, 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3)
MAKE(amsgrad, adam, 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3, .amsgrad = 1)
MAKE(adamw, adamw, 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3)
MAKE(adamw_amsgrad, adamw, 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3, .amsgrad = 1)
MAKE(adagrad, adagrad, 0.1, .rate_decay = 0.5, .accumulator = 0.25, .epsilon = 1e-3)
MAKE(adadelta, adadelta, 0.5, .rho = 0.8, .epsilon = 1e-3)
MAKE(adamax, adamax, 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3)
MAKE(nadam, nadam, 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3, .momentum_decay = 0.5)

/* x = 1 after three steps with gradients 3, -1 and 0.5, by a program of a few lines in another
 * language; the states that are kept. */
enum { STEPS = 3 };
static const double gradients[STEPS] = {3, -1, 0.5};
static const struct {
    make *make;
    const char *name;
    double x[STEPS];
    const char *state[RGI_MAX_STATE];
} kinds[] = {
    {sgd, "sgd", {0.69, 0.7830999999999999, 0.7252689999999999}, {NULL}},
    {momentum, "sgd", {0.69, 0.4575499999999999, 0.2210572499999999}, {"momentum"}},
    {nesterov, "sgd", {0.4109999999999999, 0.34209099999999987, 0.09227217099999988}, {"momentum"}},
    {rmsprop, "rmsprop", {0.7765543763157735, 0.8470804351479284, 0.7983033913272509}, {"v"}},
    {centered,
     "rmsprop",
     {0.750201450443191, 0.8229976375951745, 0.7719981935037621},
     {"v", "mean"}},
    {rmsprop_momentum,
     "rmsprop",
     {0.7765543763157735, 0.6459793738321244, 0.4812864337304422},
     {"v", "momentum"}},
    {centered_momentum,
     "rmsprop",
     {0.750201450443191, 0.5981789429940464, 0.4122930164559957},
     {"v", "mean", "momentum"}},
    {adam, "adam", {0.9000322476620445, 0.8609955717388499, 0.8192955916205944}, {"m", "v"}},
    {amsgrad,
     "adam",
     {0.9000322476620445, 0.861266328903151, 0.8211960236648937},
     {"m", "v", "largest_v"}},
    {adamw, "adamw", {0.8900333222259247, 0.8456096946015996, 0.7995531870208473}, {"m", "v"}},
    {adamw_amsgrad,
     "adamw",
     {0.8900333222259247, 0.8456096946015996, 0.8009416234643831},
     {"m", "v", "largest_v"}},
    {adagrad, "adagrad", {0.9013073180816074, 0.9198558479691342, 0.9109495101446838}, {"sum"}},
    {adadelta,
     "adadelta",
     {0.9646538548919552, 0.9801387941154158, 0.9689931638457961},
     {"v", "u"}},
    {adamax, "adamax", {0.9000322476620445, 0.868779819636712, 0.8387107093632075}, {"m", "u"}},
    {nadam, "nadam", {0.8900142568918669, 0.9122790115182126, 0.8829347345689476}, {"m", "v"}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void set_grad(rg_param *param, double number)
{
    void *grad = rg_param_grad(param);
    for (int64_t i = 0; i < rg_param_size(param); i++)
        rgi_store(grad, rg_param_type(param), i, number);
}

static rg_param *add(rg_params *params, const char *name, rg_type type, int64_t size)
{
    rg_param *param = rg_params_add(params, name, type, RG_SHAPE(size), NULL);
    cr_assert(param != NULL);
    for (int64_t i = 0; i < size; i++)
        rgi_store(rg_param_data(param), type, i, 1);
    return param;
}

static void check_elements(rg_param *param, double want, double tolerance)
{
    for (int64_t i = 0; i < rg_param_size(param); i++)
        CHECK_NEAR(rgi_load(rg_param_data(param), rg_param_type(param), i), want, tolerance);
}

/* Sizes below and above whole vectors. */
Test(optim_kinds, take_the_steps_of_their_formulas)
{
    static const int64_t sizes[] = {1, 7, 37};
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < 3; i++) {
            rg_params *params = rg_params_create(NULL);
            rg_param *wide = add(params, "wide", RG_F64, sizes[i]);
            rg_param *narrow = add(params, "narrow", RG_F32, sizes[i]);
            rg_optimizer *optimizer = kinds[k].make(params, NULL);
            for (int t = 0; t < STEPS; t++) {
                set_grad(wide, gradients[t]);
                set_grad(narrow, gradients[t]);
                CHECK_STATUS(rg_optimizer_step(optimizer), RG_OK);
                check_elements(wide, kinds[k].x[t], 1e-14);
                check_elements(narrow, kinds[k].x[t], 2e-6);
            }
            rg_optimizer_destroy(optimizer);
            rg_params_destroy(params);
        }
}

/* ---- numbers ---- */

#define WRITTEN(function, kind, ...)                                      \
    static rg_optimizer *function(rg_params *params, rg_error *error)     \
    {                                                                     \
        const rg_##kind##_options options = {__VA_ARGS__};                \
        return rg_##kind##_create(params, &options, error);               \
    }                                                                     \
    static rg_optimizer *function##_0(rg_params *params, rg_error *error) \
    {                                                                     \
        return rg_##kind##_create(params, NULL, error);                   \
    }

WRITTEN(full_sgd, sgd, .rate = 0.01)
WRITTEN(full_rmsprop, rmsprop, .rate = 0.01, .alpha = 0.99, .epsilon = 1e-8)
WRITTEN(full_adam, adam, .rate = 0.001, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8)
WRITTEN(full_adamw, adamw, .rate = 0.001, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8,
        .weight_decay = 0.01)
WRITTEN(full_adagrad, adagrad, .rate = 0.01, .epsilon = 1e-10)
WRITTEN(full_adadelta, adadelta, .rate = 1, .rho = 0.9, .epsilon = 1e-6)
WRITTEN(full_adamax, adamax, .rate = 0.002, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8)
WRITTEN(full_nadam, nadam, .rate = 0.002, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8,
        .momentum_decay = 0.004)

static double after_steps(make *make)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *x = add(params, "x", RG_F64, 1);
    rg_optimizer *optimizer = make(params, NULL);
    for (int t = 0; t < STEPS; t++) {
        set_grad(x, gradients[t]);
        rg_optimizer_step(optimizer);
    }
    double result = *(double *)rg_param_data(x);
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
    return result;
}

Test(optim_kinds, have_the_documented_defaults)
{
    static make *const pairs[][2] = {
        {full_sgd, full_sgd_0},         {full_rmsprop, full_rmsprop_0},
        {full_adam, full_adam_0},       {full_adamw, full_adamw_0},
        {full_adagrad, full_adagrad_0}, {full_adadelta, full_adadelta_0},
        {full_adamax, full_adamax_0},   {full_nadam, full_nadam_0}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        double written = after_steps(pairs[i][0]), none = after_steps(pairs[i][1]);
        cr_assert(written != 1 && written == none, "pair %zu: %.17g and %.17g", i, written, none);
    }
}

#define REFUSED(kind, field, value)                                                      \
    do {                                                                                 \
        rg_error e_ = {RG_OK, ""};                                                       \
        const rg_##kind##_options options_ = {.field = (value)};                         \
        cr_assert(rg_##kind##_create(params, &options_, &e_) == NULL);                   \
        CHECK_STATUS(e_.status, RG_ERROR_ARGUMENT);                                      \
        cr_assert(strstr(e_.message, #kind ": " #field " is "), "the message is \"%s\"", \
                  e_.message);                                                           \
        cr_assert(rg_##kind##_create(params, &options_, NULL) == NULL);                  \
    } while (0)

/* Each of the numbers with which an option is not allowed. */
#define NOT_NEGATIVE(kind, field)                \
    do {                                         \
        REFUSED(kind, field, -1e-9);             \
        REFUSED(kind, field, (double)INFINITY);  \
        REFUSED(kind, field, -(double)INFINITY); \
        REFUSED(kind, field, (double)NAN);       \
    } while (0)
#define FRACTION(kind, field)      \
    do {                           \
        NOT_NEGATIVE(kind, field); \
        REFUSED(kind, field, 1);   \
    } while (0)

#define NULL_PARAMS(kind)                                                \
    do {                                                                 \
        rg_error e_ = {RG_OK, ""};                                       \
        cr_assert(rg_##kind##_create(NULL, NULL, &e_) == NULL);          \
        CHECK_STATUS(e_.status, RG_ERROR_ARGUMENT);                      \
        cr_assert_str_eq(e_.message, #kind ": the parameters are NULL"); \
    } while (0)

#define COMMON(kind)                      \
    do {                                  \
        NULL_PARAMS(kind);                \
        NOT_NEGATIVE(kind, rate);         \
        NOT_NEGATIVE(kind, weight_decay); \
    } while (0)
#define MOMENTS(kind)                \
    do {                             \
        COMMON(kind);                \
        FRACTION(kind, beta1);       \
        FRACTION(kind, beta2);       \
        NOT_NEGATIVE(kind, epsilon); \
    } while (0)

Test(optim_kinds, refuse_each_bad_option)
{
    rg_params *params = rg_params_create(NULL);
    COMMON(sgd);
    NOT_NEGATIVE(sgd, momentum);
    REFUSED(sgd, dampening, 1.001);
    REFUSED(sgd, dampening, -(double)INFINITY);
    REFUSED(sgd, dampening, (double)NAN);
    COMMON(rmsprop);
    FRACTION(rmsprop, alpha);
    NOT_NEGATIVE(rmsprop, epsilon);
    NOT_NEGATIVE(rmsprop, momentum);
    MOMENTS(adam);
    MOMENTS(adamw);
    COMMON(adagrad);
    NOT_NEGATIVE(adagrad, rate_decay);
    NOT_NEGATIVE(adagrad, accumulator);
    NOT_NEGATIVE(adagrad, epsilon);
    COMMON(adadelta);
    FRACTION(adadelta, rho);
    NOT_NEGATIVE(adadelta, epsilon);
    MOMENTS(adamax);
    MOMENTS(nadam);
    NOT_NEGATIVE(nadam, momentum_decay);
    rg_params_destroy(params);
}

/* ---- state ---- */

Test(optim_kinds, name_what_they_are_and_keep)
{
    for (int k = 0; k < KINDS; k++) {
        rg_params *params = rg_params_create(NULL);
        rg_param *x[] = {add(params, "a", RG_F32, 5), add(params, "b", RG_F64, 3)};
        rg_optimizer *optimizer = kinds[k].make(params, NULL);
        cr_assert_str_eq(optimizer->kind->name, kinds[k].name);
        cr_assert_str_eq(optimizer->kind->number[RGI_RATE].name, "rate");
        cr_assert_str_eq(optimizer->kind->number[RGI_WEIGHT_DECAY].name, "weight_decay");
        CHECK_NEAR(optimizer->numbers[RGI_WEIGHT_DECAY], 0.1, 0);
        for (int i = 0; i < 2; i++) {
            int kept = 0;
            for (int s = 0; s < RGI_MAX_STATE; s++) {
                if (!optimizer->slots[i].state[s])
                    continue;
                cr_assert_str_eq(optimizer->kind->state[s].name, kinds[k].state[kept]);
                cr_assert((uintptr_t)optimizer->slots[i].state[s] % 64 == 0);
                kept++;
            }
            cr_assert(kept == RGI_MAX_STATE || kinds[k].state[kept] == NULL);
            cr_assert(optimizer->slots[i].param == x[i] && optimizer->slots[i].steps == 0);
        }
        rg_optimizer_destroy(optimizer);
        rg_params_destroy(params);
    }
}

/* Two parameters with numbers that depend on the seed and, for gradients, on the step. */
enum { SIZE = 1003 };

static rg_params *make_params(void)
{
    rg_params *params = rg_params_create(NULL);
    rg_random random = rg_random_create(1);
    add(params, "wide", RG_F64, SIZE);
    add(params, "narrow", RG_F32, SIZE);
    for (int i = 0; i < SIZE; i++)
        for (int k = 0; k < 2; k++) {
            rg_param *param = rg_params_at(params, k);
            rgi_store(rg_param_data(param), rg_param_type(param), i, rg_random_normal(&random));
        }
    return params;
}

static void set_gradients(rg_params *params, int step)
{
    rg_random random = rg_random_create((uint64_t)step);
    for (int i = 0; i < SIZE; i++)
        for (int k = 0; k < 2; k++) {
            rg_param *param = rg_params_at(params, k);
            rgi_store(rg_param_grad(param), rg_param_type(param), i, rg_random_normal(&random));
        }
}

static void steps(rg_params *params, rg_optimizer *optimizer, int from, int to)
{
    for (int step = from; step < to; step++) {
        set_gradients(params, step);
        CHECK_STATUS(rg_optimizer_step(optimizer), RG_OK);
    }
}

static int same_params(rg_params *a, rg_params *b)
{
    int same = 1;
    for (int k = 0; k < 2; k++) {
        rg_param *x = rg_params_at(a, k);
        size_t bytes = SIZE * rg_type_size(rg_param_type(x));
        same = same && !memcmp(rg_param_data(x), rg_param_data(rg_params_at(b, k)), bytes);
    }
    return same;
}

static void copy_params(rg_params *to, rg_params *from)
{
    for (int k = 0; k < 2; k++) {
        rg_param *x = rg_params_at(from, k);
        memcpy(rg_param_data(rg_params_at(to, k)), rg_param_data(x),
               SIZE * rg_type_size(rg_param_type(x)));
    }
}

static void copy_state(rg_optimizer *to, const rg_optimizer *from)
{
    CHECK_STATUS(rg_optimizer_set_rate(to, rg_optimizer_rate(from)), RG_OK);
    to->steps = from->steps;
    for (int i = 0; i < from->count; i++) {
        const rgi_slot *slot = &from->slots[i];
        to->slots[i].rate_factor = slot->rate_factor;
        to->slots[i].decay = slot->decay;
        rgi_slot_set_steps(&to->slots[i], slot->steps);
        for (int k = 0; k < RGI_MAX_STATE; k++)
            if (slot->state[k])
                memcpy(to->slots[i].state[k], slot->state[k],
                       SIZE * rg_type_size(rg_param_type(slot->param)));
    }
}

/* Straight on, and with an optimizer that takes over: bit by bit the same. One of the parameters
 * has made fewer steps than the other. */
Test(optim_kinds, continue_exactly_from_restored_state)
{
    for (int k = 0; k < KINDS; k++) {
        rg_params *straight = make_params(), *resumed = make_params();
        rg_optimizer *first = kinds[k].make(straight, NULL);
        rg_params_freeze(straight, "narrow", 1);
        steps(straight, first, 0, 2);
        rg_params_freeze(straight, "narrow", 0);
        cr_assert(rg_optimizer_set_rate_factor(first, "wide", 0.5, NULL) == 1);
        rg_optimizer_set_rate(first, 0.03);
        steps(straight, first, 2, 5);
        rg_optimizer *second = kinds[k].make(resumed, NULL);
        rg_optimizer_step(second); /* what it was before does not matter */
        copy_params(resumed, straight);
        copy_state(second, first);
        cr_assert(rg_optimizer_steps(second) == 5);
        steps(straight, first, 5, 9);
        steps(resumed, second, 5, 9);
        cr_assert(same_params(straight, resumed), "kind %d", k);
        rg_optimizer_destroy(second);
        copy_params(resumed, straight);
        second = kinds[k].make(resumed, NULL);
        rg_optimizer_set_rate(second, 0.03);
        rg_optimizer_set_rate_factor(second, "wide", 0.5, NULL);
        steps(straight, first, 9, 10);
        steps(resumed, second, 9, 10);
        cr_assert(k == 0 || !same_params(straight, resumed), "the state of kind %d matters", k);
        rg_optimizer_destroy(first);
        rg_optimizer_destroy(second);
        rg_params_destroy(straight);
        rg_params_destroy(resumed);
    }
}

Test(optim_kinds, are_bitwise_the_same_in_every_instruction_set)
{
    for (int k = 0; k < KINDS; k++)
        for (int level = RGI_CPU_BASE + 1; level <= rgi_cpu(); level++) {
            rg_params *plain = make_params(), *fast = make_params();
            rg_optimizer *optimizer[] = {kinds[k].make(plain, NULL), kinds[k].make(fast, NULL)};
            for (int type = RG_F64; type <= RG_F32; type++) {
                const rgi_loop_number loop = optimizer[0]->kind->loop;
                optimizer[0]->loop[type] = rgi_loop_for(RGI_CPU_BASE, (rg_type)type, loop);
                optimizer[1]->loop[type] = rgi_loop_for(level, (rg_type)type, loop);
                cr_assert(optimizer[0]->loop[type] != optimizer[1]->loop[type]);
            }
            steps(plain, optimizer[0], 0, 6);
            steps(fast, optimizer[1], 0, 6);
            cr_assert(same_params(plain, fast), "kind %d, level %d", k, level);
            for (int i = 0; i < 2; i++)
                rg_optimizer_destroy(optimizer[i]);
            rg_params_destroy(plain);
            rg_params_destroy(fast);
        }
}

/* Squares, or what has decayed, below the smallest normal number. */
Test(optim_kinds, keep_no_state_that_is_too_small)
{
    for (int k = 0; k < KINDS; k++) {
        rg_params *params = rg_params_create(NULL);
        rg_param *x[] = {add(params, "a", RG_F64, 3), add(params, "b", RG_F32, 3)};
        rg_optimizer *optimizer = kinds[k].make(params, NULL);
        rg_optimizer_set_weight_decay(optimizer, "*", 0, NULL);
        set_grad(x[0], 4 * sqrt(DBL_MIN));
        set_grad(x[1], 4 * sqrt((double)FLT_MIN));
        rg_optimizer_step(optimizer);
        for (int t = 0; t < 40; t++) {
            set_grad(x[0], 2 * DBL_MIN);
            set_grad(x[1], 2 * (double)FLT_MIN);
            rg_optimizer_step(optimizer);
            for (int s = 0; s < 2 * RGI_MAX_STATE; s++) {
                const void *state = optimizer->slots[s % 2].state[s / 2];
                const double least = s % 2 ? (double)FLT_MIN : DBL_MIN;
                const double got = state ? rgi_load(state, rg_param_type(x[s % 2]), 0) : 0;
                cr_assert(got == 0 || fabs(got) >= least, "kind %d: %g", k, got);
            }
        }
        rg_optimizer_destroy(optimizer);
        rg_params_destroy(params);
    }
}

/* A variance that rounding makes negative counts as 0. */
Test(optim_kinds, centered_rmsprop_stays_finite_where_gradients_are_constant)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *x[] = {add(params, "a", RG_F64, 64), add(params, "b", RG_F32, 64)};
    rg_optimizer *optimizer = centered(params, NULL);
    rg_optimizer_set_weight_decay(optimizer, "*", 0, NULL);
    for (int t = 0; t < 300; t++) {
        for (int i = 0; i < 64; i++)
            for (int k = 0; k < 2; k++)
                rgi_store(rg_param_grad(x[k]), rg_param_type(x[k]), i, 0.1 * (i + 1));
        rg_optimizer_step(optimizer);
    }
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < 2; k++)
            cr_assert(isfinite(rgi_load(rg_param_data(x[k]), rg_param_type(x[k]), i)));
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

Test(optim_kinds, survive_each_failing_allocation)
{
    for (int k = 0; k < KINDS; k++)
        FOR_EACH_FAILURE(memory, allocator)
        {
            rg_error error = {RG_OK, ""};
            rg_params *params = rg_params_create(&allocator);
            if (params && rg_params_add(params, "x", RG_F32, RG_SHAPE(3), &error)) {
                rg_optimizer *optimizer = kinds[k].make(params, &error);
                cr_assert((optimizer != NULL) == (error.status == RG_OK));
                int64_t calls = memory.calls;
                if (optimizer)
                    rg_optimizer_step(optimizer);
                cr_assert(memory.calls == calls, "a step allocates");
                rg_optimizer_destroy(optimizer);
            }
            rg_params_destroy(params);
            CHECK_FAILURE(memory, params ? error.status : RG_ERROR_MEMORY);
        }
}
