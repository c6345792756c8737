/*
 * optim.c: optimizers. To add one: its options and prototype in optim.h, its loop in optim.inc, its
 * options in the union and its block below.
 */
#include "optim.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "internal.h"

enum { MAX_STATE = 2 };

/* One parameter and what the optimizer remembers of it. */
typedef struct slot {
    rg_param *param;
    int64_t size, steps;
    void *state[MAX_STATE]; /* arrays of `size` elements of the parameter's type, first all 0 */
} slot;

typedef void update(const rg_optimizer *optimizer, slot *s);

struct rg_optimizer {
    const rg_allocator *allocator; /* the parameters' */
    update *update[2];             /* by element type */
    union {
        rg_sgd_options sgd;
        rg_adam_options adam;
    } options;
    double rate;
    int64_t steps;
    void *memory; /* of all state */
    size_t memory_size;
    int count;
    slot slots[];
};

#define T       double
#define NAME(f) f##_f64
#define SQRT    sqrt
#define ABS     fabs
#define TINY    DBL_MIN
#include "optim.inc"

#define T       float
#define NAME(f) f##_f32
#define SQRT    sqrtf
#define ABS     fabsf
#define TINY    FLT_MIN
#include "optim.inc"

/* ---- making and freeing ---- */

static size_t optimizer_bytes(int count)
{
    return sizeof(rg_optimizer) + (size_t)count * sizeof(slot);
}

/* Bytes of one array of state, rounded up so that the next begins as aligned as the block. */
static size_t array_bytes(const rg_param *param)
{
    size_t bytes = (size_t)rg_param_size(param) * rg_type_size(rg_param_type(param));
    return (bytes + RGI_ALIGNMENT - 1) & ~(size_t)(RGI_ALIGNMENT - 1);
}

/* One zeroed block for the state of all parameters. */
static bool allocate_state(rg_optimizer *optimizer, int arrays)
{
    size_t size = 0;
    for (int i = 0; i < optimizer->count; i++)
        size += (size_t)arrays * array_bytes(optimizer->slots[i].param);
    if (size == 0)
        return true;
    char *memory = rgi_alloc(optimizer->allocator, size);
    if (!memory)
        return false;
    memset(memory, 0, size);
    optimizer->memory = memory;
    optimizer->memory_size = size;
    for (int i = 0; i < optimizer->count; i++)
        for (int k = 0; k < arrays; k++) {
            optimizer->slots[i].state[k] = memory;
            memory += array_bytes(optimizer->slots[i].param);
        }
    return true;
}

/* An optimizer with `arrays` arrays of state a parameter, without its options. */
static rg_optimizer *create(rg_params *params, int arrays, double rate, update *f64, update *f32,
                            rg_error *error)
{
    const rg_allocator *allocator = rg_params_allocator(params);
    int count = rg_params_count(params);
    rg_optimizer *optimizer = rgi_alloc(allocator, optimizer_bytes(count));
    if (optimizer) {
        memset(optimizer, 0, optimizer_bytes(count));
        optimizer->allocator = allocator;
        optimizer->update[RG_F64] = f64;
        optimizer->update[RG_F32] = f32;
        optimizer->rate = rate;
        optimizer->count = count;
        for (int i = 0; i < count; i++) {
            optimizer->slots[i].param = rg_params_at(params, i);
            optimizer->slots[i].size = rg_param_size(optimizer->slots[i].param);
        }
        if (allocate_state(optimizer, arrays))
            return optimizer;
    }
    rg_optimizer_destroy(optimizer);
    rgi_set_error(error, RG_ERROR_MEMORY,
                  "optimizer: there is no memory for the state of %d parameters", count);
    return NULL;
}

void rg_optimizer_destroy(rg_optimizer *optimizer)
{
    if (!optimizer)
        return;
    rgi_free(optimizer->allocator, optimizer->memory, optimizer->memory_size);
    rgi_free(optimizer->allocator, optimizer, optimizer_bytes(optimizer->count));
}

/* ---- all kinds ---- */

void rg_optimizer_step(rg_optimizer *optimizer)
{
    optimizer->steps++;
    for (int i = 0; i < optimizer->count; i++) {
        slot *s = &optimizer->slots[i];
        if (rg_param_is_frozen(s->param))
            continue;
        s->steps++;
        optimizer->update[rg_param_type(s->param)](optimizer, s);
        rgi_param_changed(s->param);
    }
}

void rg_optimizer_zero_grad(rg_optimizer *optimizer)
{
    for (int i = 0; i < optimizer->count; i++)
        rg_param_zero_grad(optimizer->slots[i].param);
}

double rg_optimizer_rate(const rg_optimizer *optimizer)
{
    return optimizer->rate;
}

rg_status rg_optimizer_set_rate(rg_optimizer *optimizer, double rate)
{
    if (!(rate >= 0) || isinf(rate))
        return RG_ERROR_ARGUMENT;
    optimizer->rate = rate;
    return RG_OK;
}

int64_t rg_optimizer_steps(const rg_optimizer *optimizer)
{
    return optimizer->steps;
}

/* ---- options ---- */

/* A number of an optimizer's options and where it must lie: low <= value < high, or, for an
 * infinite high, finite. */
typedef struct range {
    const char *name;
    double value, low, high;
} range;

static bool check(const char *kind, const rg_params *params, const range *ranges, int count,
                  rg_error *error)
{
    if (!params) {
        rgi_set_error(error, RG_ERROR_ARGUMENT, "%s: the parameters are NULL", kind);
        return false;
    }
    for (int i = 0; i < count; i++)
        if (!(ranges[i].value >= ranges[i].low && ranges[i].value < ranges[i].high)) {
            rgi_set_error(error, RG_ERROR_ARGUMENT, "%s: %s is %g; it must be finite, %g or more%s",
                          kind, ranges[i].name, ranges[i].value, ranges[i].low,
                          isinf(ranges[i].high) ? "" : " and below 1");
            return false;
        }
    return true;
}

static double or_default(double value, double otherwise)
{
    return value == 0 ? otherwise : value;
}

/* ---- sgd ---- */

rg_optimizer *rg_sgd_create(rg_params *params, const rg_sgd_options *options, rg_error *error)
{
    rg_sgd_options o = options ? *options : (rg_sgd_options){0};
    o.rate = or_default(o.rate, 0.01);
    const range ranges[] = {{"the rate", o.rate, 0, INFINITY},
                            {"momentum", o.momentum, 0, INFINITY},
                            {"1 - dampening", 1 - o.dampening, 0, INFINITY},
                            {"weight decay", o.weight_decay, 0, INFINITY}};
    if (!check("sgd", params, ranges, 4, error))
        return NULL;
    rg_optimizer *optimizer = o.momentum > 0
                                  ? create(params, 1, o.rate, momentum_f64, momentum_f32, error)
                                  : create(params, 0, o.rate, sgd_f64, sgd_f32, error);
    if (optimizer)
        optimizer->options.sgd = o;
    return optimizer;
}

/* ---- adam ---- */

rg_optimizer *rg_adam_create(rg_params *params, const rg_adam_options *options, rg_error *error)
{
    rg_adam_options o = options ? *options : (rg_adam_options){0};
    o.rate = or_default(o.rate, 0.001);
    o.beta1 = or_default(o.beta1, 0.9);
    o.beta2 = or_default(o.beta2, 0.999);
    o.epsilon = or_default(o.epsilon, 1e-8);
    const range ranges[] = {{"the rate", o.rate, 0, INFINITY},
                            {"beta1", o.beta1, 0, 1},
                            {"beta2", o.beta2, 0, 1},
                            {"epsilon", o.epsilon, 0, INFINITY},
                            {"weight decay", o.weight_decay, 0, INFINITY}};
    if (!check("adam", params, ranges, 5, error))
        return NULL;
    rg_optimizer *optimizer = create(params, 2, o.rate, adam_f64, adam_f32, error);
    if (optimizer)
        optimizer->options.adam = o;
    return optimizer;
}
