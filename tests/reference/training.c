/* training.c: OPT, SCHED and CLIP blocks: what nn/ does to parameters, rates and gradients. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

/* Number `i` of an attribute; 0 if there is none. */
static double number(const ref_block *block, const char *key, int64_t i)
{
    const ref_attribute *found = ref_find_attribute(block, key);
    return found && i < found->count ? found->number[i] : 0;
}

/* The same for options in which 0 stands for something else. */
static double not_zero(const ref_block *block, const char *key, int64_t i)
{
    const double found = number(block, key, i);
    return found == 0 ? 1e-300 : found;
}

static const ref_tensor *numbered(const ref_block *block, char tag, int64_t i)
{
    char name[24];
    snprintf(name, sizeof name, "%lld", (long long)i);
    return ref_find_tensor(block, tag, name);
}

/* ---- optimizers ---- */

typedef rg_optimizer *create(const ref_block *b, rg_params *params, rg_error *error);

static rg_optimizer *create_sgd(const ref_block *b, rg_params *params, rg_error *error)
{
    const rg_sgd_options options = {.momentum = number(b, "momentum", 0),
                                    .dampening = number(b, "dampening", 0),
                                    .nesterov = number(b, "nesterov", 0) != 0};
    return rg_sgd_create(params, &options, error);
}

static rg_optimizer *create_rmsprop(const ref_block *b, rg_params *params, rg_error *error)
{
    const rg_rmsprop_options options = {.alpha = not_zero(b, "alpha", 0),
                                        .epsilon = not_zero(b, "eps", 0),
                                        .momentum = number(b, "momentum", 0),
                                        .centered = number(b, "centered", 0) != 0};
    return rg_rmsprop_create(params, &options, error);
}

static rg_optimizer *create_adam(const ref_block *b, rg_params *params, rg_error *error)
{
    const rg_adam_options options = {.beta1 = not_zero(b, "betas", 0),
                                     .beta2 = not_zero(b, "betas", 1),
                                     .epsilon = not_zero(b, "eps", 0),
                                     .amsgrad = number(b, "amsgrad", 0) != 0};
    return rg_adam_create(params, &options, error);
}

static rg_optimizer *create_adamw(const ref_block *b, rg_params *params, rg_error *error)
{
    const rg_adamw_options options = {.beta1 = not_zero(b, "betas", 0),
                                      .beta2 = not_zero(b, "betas", 1),
                                      .epsilon = not_zero(b, "eps", 0),
                                      .amsgrad = number(b, "amsgrad", 0) != 0};
    return rg_adamw_create(params, &options, error);
}

static rg_optimizer *create_adagrad(const ref_block *b, rg_params *params, rg_error *error)
{
    const rg_adagrad_options options = {.rate_decay = number(b, "lr_decay", 0),
                                        .accumulator = number(b, "initial_accumulator_value", 0),
                                        .epsilon = not_zero(b, "eps", 0)};
    return rg_adagrad_create(params, &options, error);
}

static rg_optimizer *create_adadelta(const ref_block *b, rg_params *params, rg_error *error)
{
    const rg_adadelta_options options = {.rho = not_zero(b, "rho", 0),
                                         .epsilon = not_zero(b, "eps", 0)};
    return rg_adadelta_create(params, &options, error);
}

static rg_optimizer *create_adamax(const ref_block *b, rg_params *params, rg_error *error)
{
    const rg_adamax_options options = {.beta1 = not_zero(b, "betas", 0),
                                       .beta2 = not_zero(b, "betas", 1),
                                       .epsilon = not_zero(b, "eps", 0)};
    return rg_adamax_create(params, &options, error);
}

static rg_optimizer *create_nadam(const ref_block *b, rg_params *params, rg_error *error)
{
    const rg_nadam_options options = {.beta1 = not_zero(b, "betas", 0),
                                      .beta2 = not_zero(b, "betas", 1),
                                      .epsilon = not_zero(b, "eps", 0),
                                      .momentum_decay = not_zero(b, "momentum_decay", 0)};
    return rg_nadam_create(params, &options, error);
}

static const struct {
    const char *name;
    create *create;
} kinds[] = {{"sgd", create_sgd},       {"rmsprop", create_rmsprop}, {"adam", create_adam},
             {"adamw", create_adamw},   {"adagrad", create_adagrad}, {"adadelta", create_adadelta},
             {"adamax", create_adamax}, {"nadam", create_nadam}};

static rg_optimizer *create_kind(const ref_block *block, rg_params *params, ref_outcome *outcome)
{
    rg_error error = {RG_OK, ""};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(block->op, kinds[i].name) != 0)
            continue;
        rg_optimizer *optimizer = kinds[i].create(block, params, &error);
        if (optimizer && (rg_optimizer_set_rate(optimizer, number(block, "lr", 0)) != RG_OK ||
                          rg_optimizer_set_weight_decay(
                              optimizer, "*", number(block, "weight_decay", 0), &error) < 0))
            ref_set(outcome, REF_BAD, "the rate or weight decay is not allowed");
        if (!optimizer)
            ref_set(outcome, REF_BAD, "%s", error.message);
        return optimizer;
    }
    if (!strncmp(block->op, "lbfgs", 5))
        ref_set(outcome, REF_SKIP, "the library's L-BFGS takes other steps");
    else
        ref_set(outcome, REF_SKIP, "%s is not in the library", block->op);
    return NULL;
}

static rg_value quadratic(rg_tape *tape, const ref_block *block, rg_value x)
{
    const ref_tensor *a = ref_find_tensor(block, 'X', "A"), *b = ref_find_tensor(block, 'X', "b");
    rg_value ax = rg_matmul(rg_constant_f64(tape, a->shape, a->value), x);
    rg_value bx = rg_mul(rg_constant_f64(tape, b->shape, b->value), x);
    return rg_sub(rg_mul(0.5, rg_sum(rg_mul(x, ax))), rg_sum(bx));
}

static rg_value rosenbrock(rg_value x)
{
    rg_value low = rg_slice(x, 0, 0, -1, 1), high = rg_slice(x, 0, 1, RG_SLICE_END, 1);
    rg_value valley = rg_sum(rg_square(rg_sub(high, rg_square(low))));
    return rg_add(rg_mul(100, valley), rg_sum(rg_square(rg_sub(1, low))));
}

static bool check_problem(const ref_block *block, ref_outcome *outcome)
{
    const ref_tensor *a = ref_find_tensor(block, 'X', "A"), *b = ref_find_tensor(block, 'X', "b");
    const rg_shape square = RG_SHAPE(block->size, block->size), line = RG_SHAPE(block->size);
    if (!strncmp(block->problem, "rosenbrock", 10))
        return block->size > 1 ? true : ref_set(outcome, REF_BAD, "x has less than two elements");
    if (strcmp(block->problem, "quadratic") != 0)
        return ref_set(outcome, REF_BAD, "there is no problem %.40s", block->problem);
    if (!a || !b || !rg_shape_equal(&a->shape, &square) || !rg_shape_equal(&b->shape, &line))
        return ref_set(outcome, REF_BAD, "A or b is absent or of another shape than x wants");
    return true;
}

/* x, made of all parameters. */
static rg_value use_all(rg_tape *tape, rg_params *params)
{
    int count = rg_params_count(params);
    rg_value *xs = ref_alloc((size_t)count * sizeof *xs);
    for (int i = 0; i < count; i++)
        xs[i] = rg_use(tape, rg_params_at(params, i));
    rg_value x = count == 1 ? xs[0] : rg_concat(count, xs, 0);
    free(xs);
    return x;
}

/* Compares f and x before step `t` + 1, and takes that step. */
static void step(const ref_block *block, const char *way, rg_tape *tape, rg_params *params,
                 rg_optimizer *optimizer, int64_t t, ref_outcome *outcome)
{
    const ref_tensor *want = numbered(block, 'P', t);
    rg_tape_reset(tape);
    rg_value x = use_all(tape, params);
    rg_value f = !strcmp(block->problem, "quadratic") ? quadratic(tape, block, x) : rosenbrock(x);
    rg_optimizer_zero_grad(optimizer);
    if (rg_backward(f) != RG_OK) {
        ref_set(outcome, REF_FAIL, "%s: %s", way, rg_tape_message(tape));
        return;
    }
    char text[80];
    snprintf(text, sizeof text, "%s, step %lld", way, (long long)t);
    double largest = 0;
    for (int64_t i = 1; i <= block->size; i++)
        largest = fmax(largest, fabs(want->value[i]));
    for (int64_t i = 0; i < block->size; i++) {
        const double wanted = want->value[i + 1];
        ref_compare_number(outcome, text, i, rg_item(rg_at(x, RG_AXES(i))), wanted,
                           1e-12 * (1 + largest) / (1 + fabs(wanted)));
    }
    snprintf(text, sizeof text, "%s, f at step %lld", way, (long long)t);
    ref_compare_number(outcome, text, 0, rg_item(f), want->value[0], 1e-11);
    rg_optimizer_step(optimizer);
}

static void run_optimizer(const ref_block *block, ref_outcome *outcome)
{
    const double *start = numbered(block, 'P', 0)->value + 1;
    for (int split = 0; split < 2; split++) {
        const char *way = split ? "a parameter an element" : "one parameter";
        rg_params *params = rg_params_create(NULL);
        for (int64_t i = 0; i < (split ? block->size : 1); i++) {
            char name[24];
            snprintf(name, sizeof name, "%lld", (long long)i);
            const rg_shape shape = RG_SHAPE(split ? 1 : block->size);
            rg_param_write(rg_params_add(params, name, RG_F64, shape, NULL), start + i);
        }
        rg_tape *tape = rg_tape_create();
        rg_optimizer *optimizer = create_kind(block, params, outcome);
        for (int64_t t = 0; t <= block->steps && outcome->verdict == REF_PASS; t++)
            step(block, way, tape, params, optimizer, t, outcome);
        rg_optimizer_destroy(optimizer);
        rg_tape_destroy(tape);
        rg_params_destroy(params);
    }
}

/* ---- schedules ---- */

static const struct {
    const char *name, *length; /* the key of that number */
    rg_schedule_kind kind;
} schedules[] = {{"constant", "", RG_SCHEDULE_CONSTANT},
                 {"step", "step_size", RG_SCHEDULE_STEP},
                 {"multistep", "", RG_SCHEDULE_MILESTONES},
                 {"exponential", "", RG_SCHEDULE_EXPONENTIAL},
                 {"cosine", "T_max", RG_SCHEDULE_COSINE},
                 {"cosine_restarts", "T_0", RG_SCHEDULE_COSINE_RESTARTS},
                 {"linear", "total_iters", RG_SCHEDULE_LINEAR},
                 {"warmup_cosine", "total", RG_SCHEDULE_WARMUP_COSINE},
                 {"polynomial", "total_iters", RG_SCHEDULE_POLYNOMIAL},
                 {"onecycle", "total_steps", RG_SCHEDULE_ONE_CYCLE}};
enum { SCHEDULES = sizeof schedules / sizeof *schedules, MAX_MILESTONES = 64 };

static rg_schedule schedule_of(const ref_block *block, int i, int64_t *milestones)
{
    const ref_attribute *list = ref_find_attribute(block, "milestones");
    const int count = list ? (int)(list->count < MAX_MILESTONES ? list->count : MAX_MILESTONES) : 0;
    for (int k = 0; k < count; k++)
        milestones[k] = (int64_t)list->number[k];
    return (rg_schedule){.kind = schedules[i].kind,
                         .length = (int64_t)number(block, schedules[i].length, 0),
                         .factor = number(block, "gamma", 0),
                         .milestones = milestones,
                         .milestone_count = count,
                         .minimum = number(block, "eta_min", 0),
                         .growth = (int64_t)number(block, "T_mult", 0),
                         .start = number(block, "start_factor", 0),
                         .end = number(block, "end_factor", 0),
                         .warmup = (int64_t)number(block, "warmup", 0),
                         .power = number(block, "power", 0),
                         .maximum = number(block, "max_lr", 0),
                         .share = number(block, "pct_start", 0),
                         .start_divisor = number(block, "div_factor", 0),
                         .end_divisor = number(block, "final_div_factor", 0)};
}

static void run_schedule(const ref_block *block, ref_outcome *outcome)
{
    int64_t milestones[MAX_MILESTONES];
    rg_error error = {RG_OK, ""};
    const ref_tensor *want = numbered(block, 'L', 0);
    int i = 0;
    while (i < SCHEDULES && strcmp(schedules[i].name, block->op) != 0)
        i++;
    if (i == SCHEDULES) {
        ref_set(outcome, REF_SKIP, "%s is not in the library", block->op);
        return;
    }
    const rg_schedule schedule = schedule_of(block, i, milestones);
    if (rg_schedule_check(&schedule, &error) != RG_OK)
        ref_set(outcome, REF_BAD, "%s", error.message);
    for (int64_t t = 0; t < block->size && outcome->verdict == REF_PASS; t++) {
        const double wanted = want->value[t];
        ref_compare_number(outcome, "rate", t, rg_schedule_rate(&schedule, block->given, t), wanted,
                           1e-12 * fabs(wanted) / (1 + fabs(wanted)));
    }
}

/* ---- clipping ---- */

static const struct {
    const char *name;
    double order; /* 0: by value */
} clips[] = {{"norm", 2}, {"norm1", 1}, {"norm_inf", INFINITY}, {"value", 0}};
enum { CLIPS = sizeof clips / sizeof *clips };

static void clip(const ref_block *block, rg_params *params, double order, ref_outcome *outcome)
{
    rg_error error = {RG_OK, ""};
    double norm = NAN;
    rg_status status = order == 0 ? rg_clip_grad_value(params, block->given, &error)
                                  : rg_clip_grad_norm(params, order, block->given, &norm, &error);
    if (status != RG_OK)
        ref_set(outcome, REF_FAIL, "%s", error.message);
    if (order != 0)
        ref_compare_number(outcome, "norm", 0, norm, *numbered(block, 'N', 0)->value, 1e-12);
}

static void run_clip(const ref_block *block, ref_outcome *outcome)
{
    int which = 0;
    while (which < CLIPS && strcmp(clips[which].name, block->op) != 0)
        which++;
    if (which == CLIPS) {
        ref_set(outcome, REF_SKIP, "clipping by %s is not in the library", block->op);
        return;
    }
    rg_params *params = rg_params_create(NULL);
    for (int64_t i = 0; i < block->size; i++) {
        const ref_tensor *x = numbered(block, 'X', i);
        rg_param *param = rg_params_add(params, x->name, RG_F64, x->shape, NULL);
        memcpy(rg_param_grad(param), x->value, (size_t)x->size * sizeof(double));
    }
    clip(block, params, clips[which].order, outcome);
    for (int64_t i = 0; i < block->size; i++) {
        const ref_tensor *want = numbered(block, 'Y', i);
        const double *got = rg_param_grad(rg_params_at(params, (int)i));
        for (int64_t k = 0; k < want->size; k++)
            ref_compare_number(outcome, "clipped", k, got[k], want->value[k], 1e-12);
    }
    rg_params_destroy(params);
}

void ref_run_training(const ref_block *block, ref_outcome *outcome)
{
    if (block->kind == REF_OPTIMIZER && check_problem(block, outcome))
        run_optimizer(block, outcome);
    else if (block->kind == REF_SCHEDULE)
        run_schedule(block, outcome);
    else if (block->kind == REF_CLIP)
        run_clip(block, outcome);
}
