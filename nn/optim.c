/* optim.c: what all kinds of optimizers share: making, stepping, groups. */
#include <math.h>
#include <string.h>

#include "optimizer.h"

/* ---- numbers ---- */

static bool is_allowed(double number, rgi_range range)
{
    if (range == RGI_AT_MOST_1)
        return number <= 1 && !isinf(number);
    return number >= 0 && number < (range == RGI_FRACTION ? 1 : INFINITY);
}

static rg_status check(const rg_params *params, const rgi_kind *kind, const double *numbers,
                       rg_error *error)
{
    static const char *const must_be[] = {[RGI_NOT_NEGATIVE] = "finite and 0 or more",
                                          [RGI_FRACTION] = "0 or more and below 1",
                                          [RGI_AT_MOST_1] = "finite and at most 1"};
    if (!params)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: the parameters are NULL", kind->name);
    for (int i = 0; i < RGI_MAX_NUMBERS && kind->number[i].name; i++)
        if (!is_allowed(numbers[i], kind->number[i].range))
            return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: %s is %g; it must be %s", kind->name,
                            kind->number[i].name, numbers[i], must_be[kind->number[i].range]);
    return RG_OK;
}

static void set_numbers(rg_optimizer *optimizer, const double *numbers)
{
    const rgi_kind_number *number = optimizer->kind->number;
    for (int i = 0; i < RGI_MAX_NUMBERS && number[i].name; i++)
        optimizer->numbers[i] = numbers[i] == 0 ? number[i].otherwise : numbers[i];
}

/* ---- making and freeing ---- */

static size_t optimizer_bytes(int count)
{
    return sizeof(rg_optimizer) + (size_t)count * sizeof(rgi_slot);
}

/* Whether the optimizer keeps a state of its kind. */
static bool keeps(const rg_optimizer *optimizer, int k)
{
    const rgi_state *state = &optimizer->kind->state[k];
    return state->name && (!state->when || optimizer->numbers[state->when] != 0);
}

static void fill(void *array, const rg_param *param, double number)
{
    for (int64_t i = 0; i < rg_param_size(param); i++)
        rgi_store(array, rg_param_type(param), i, number);
}

/* Gives a slot its states out of `memory`, and returns what is left of it. */
static char *place_state(const rg_optimizer *optimizer, rgi_slot *slot, char *memory)
{
    for (int k = 0; k < RGI_MAX_STATE; k++) {
        const int start = optimizer->kind->state[k].start;
        if (!keeps(optimizer, k))
            continue;
        slot->state[k] = memory;
        fill(memory, slot->param, start ? optimizer->numbers[start] : 0);
        memory += rgi_array_bytes(slot->param);
    }
    return memory;
}

/* One block for the state of all parameters. */
static bool allocate_state(rg_optimizer *optimizer)
{
    size_t size = 0;
    for (int k = 0; k < RGI_MAX_STATE; k++)
        for (int i = 0; i < optimizer->count && keeps(optimizer, k); i++)
            size += rgi_array_bytes(optimizer->slots[i].param);
    if (size == 0)
        return true;
    size += RGI_ALIGNMENT;
    optimizer->memory = rgi_alloc(optimizer->allocator, size);
    if (!optimizer->memory)
        return false;
    optimizer->memory_size = size;
    char *place = rgi_align_up(optimizer->memory);
    for (int i = 0; i < optimizer->count; i++)
        place = place_state(optimizer, &optimizer->slots[i], place);
    return true;
}

void rgi_slot_set_steps(rgi_slot *slot, int64_t steps)
{
    slot->steps = steps;
    slot->product_steps = 0;
    slot->product = 1;
}

static void begin_slots(rg_optimizer *optimizer)
{
    for (int i = 0; i < optimizer->count; i++) {
        rgi_slot *slot = &optimizer->slots[i];
        slot->param = rg_params_at(optimizer->params, i);
        slot->name = rg_params_name(optimizer->params, i);
        slot->rate_factor = 1;
        slot->decay = optimizer->numbers[RGI_WEIGHT_DECAY];
        rgi_slot_set_steps(slot, 0);
    }
}

rg_optimizer *rgi_optimizer_create(rg_params *params, const rgi_kind *kind, const double *numbers,
                                   rg_error *error)
{
    if (check(params, kind, numbers, error) != RG_OK)
        return NULL;
    const rg_allocator *allocator = rg_params_allocator(params);
    int count = rg_params_count(params);
    rg_optimizer *optimizer = rgi_alloc(allocator, optimizer_bytes(count));
    if (optimizer) {
        memset(optimizer, 0, optimizer_bytes(count));
        optimizer->params = params;
        optimizer->allocator = allocator;
        optimizer->kind = kind;
        optimizer->count = count;
        optimizer->loop[RG_F64] = rgi_loop_for(rgi_cpu(), RG_F64, kind->loop);
        optimizer->loop[RG_F32] = rgi_loop_for(rgi_cpu(), RG_F32, kind->loop);
        set_numbers(optimizer, numbers);
        begin_slots(optimizer);
        if (allocate_state(optimizer))
            return optimizer;
    }
    rg_optimizer_destroy(optimizer);
    rgi_set_error(error, RG_ERROR_MEMORY, "%s: there is no memory for the state of %d parameters",
                  kind->name, count);
    return NULL;
}

void rg_optimizer_destroy(rg_optimizer *optimizer)
{
    if (!optimizer)
        return;
    rgi_free(optimizer->allocator, optimizer->memory, optimizer->memory_size);
    rgi_free(optimizer->allocator, optimizer, optimizer_bytes(optimizer->count));
}

/* ---- steps ---- */

rgi_loop *rgi_loop_for(int cpu, rg_type type, rgi_loop_number loop)
{
#if defined(RGI_X86)
    if (cpu >= RGI_CPU_AVX512)
        return rgi_loops_avx512[type][loop];
    if (cpu >= RGI_CPU_AVX2)
        return rgi_loops_avx2[type][loop];
#endif
    (void)cpu;
    return rgi_loops_base[type][loop];
}

/* Exchanges the gradients with other machines. */
static rg_status exchange(rg_optimizer *optimizer)
{
    static const rg_type types[] = {RG_F64, RG_F32};
    rg_status status = RG_OK;
    for (int k = 0; k < 2 && status == RG_OK; k++) {
        int64_t count;
        void *gradients = rg_params_gradients(optimizer->params, types[k], &count);
        if (count > 0)
            status = optimizer->allreduce(optimizer->allreduce_context, gradients, count, types[k]);
    }
    return status;
}

/* The coefficients of a slot's step, unless they are those of the slot before. */
static void prepare(const rg_optimizer *optimizer, rgi_slot *slot, const rgi_slot *before,
                    rgi_coefficients *c)
{
    if (before && before->steps == slot->steps && before->rate_factor == slot->rate_factor &&
        before->decay == slot->decay)
        return;
    *c = (rgi_coefficients){.rate = optimizer->numbers[RGI_RATE] * slot->rate_factor,
                            .decay = slot->decay};
    optimizer->kind->prepare(optimizer->numbers, slot, c);
}

/* A part of a parameter's step. */
typedef struct step_job {
    rgi_loop *loop;
    rgi_update update;
    size_t width; /* bytes of an element */
} step_job;

static void step_piece(void *context, int64_t first, int64_t last)
{
    const step_job *job = context;
    const size_t offset = (size_t)first * job->width;
    rgi_update part = job->update;
    part.size = last - first;
    part.x = (char *)part.x + offset;
    part.g = (const char *)part.g + offset;
    for (int k = 0; k < RGI_MAX_STATE; k++)
        if (part.state[k])
            part.state[k] = (char *)part.state[k] + offset;
    job->loop(&part);
}

static void run_loop(const rg_optimizer *optimizer, rg_type type, const rgi_update *update)
{
    rgi_loop *loop = optimizer->loop[type];
    if (!optimizer->threads || update->size < 2 * RGI_GRAIN) {
        loop(update);
        return;
    }
    step_job job = {loop, *update, rg_type_size(type)};
    rgi_parallel(optimizer->threads, update->size, RGI_GRAIN, step_piece, &job);
}

static void step_slots(rg_optimizer *optimizer)
{
    const rgi_slot *before = NULL;
    rgi_update update;
    for (int i = 0; i < optimizer->count; i++) {
        rgi_slot *slot = &optimizer->slots[i];
        if (rg_param_is_frozen(slot->param))
            continue;
        slot->steps++;
        prepare(optimizer, slot, before, &update.c);
        before = slot;
        update.size = rg_param_size(slot->param);
        update.x = rg_param_data(slot->param);
        update.g = rg_param_grad(slot->param);
        memcpy(update.state, slot->state, sizeof update.state);
        run_loop(optimizer, rg_param_type(slot->param), &update);
        rgi_param_changed(slot->param);
    }
}

rg_status rg_optimizer_step(rg_optimizer *optimizer)
{
    rg_status status = optimizer->allreduce ? exchange(optimizer) : RG_OK;
    if (status != RG_OK)
        return status;
    optimizer->steps++;
    step_slots(optimizer);
    return RG_OK;
}

void rg_optimizer_set_threads(rg_optimizer *optimizer, rg_threads *threads)
{
    optimizer->threads = threads;
}

void rg_optimizer_zero_grad(rg_optimizer *optimizer)
{
    for (int i = 0; i < optimizer->count; i++)
        rg_param_zero_grad(optimizer->slots[i].param);
}

int64_t rg_optimizer_steps(const rg_optimizer *optimizer)
{
    return optimizer->steps;
}

rg_status rg_optimizer_set_allreduce(rg_optimizer *optimizer, rg_allreduce *allreduce,
                                     void *context, rg_error *error)
{
    rg_status status = allreduce ? rg_params_make_contiguous(optimizer->params, error) : RG_OK;
    if (status != RG_OK)
        return status;
    optimizer->allreduce = allreduce;
    optimizer->allreduce_context = context;
    return RG_OK;
}

/* ---- rates and groups ---- */

double rg_optimizer_rate(const rg_optimizer *optimizer)
{
    return optimizer->numbers[RGI_RATE];
}

rg_status rg_optimizer_set_rate(rg_optimizer *optimizer, double rate)
{
    if (!is_allowed(rate, RGI_NOT_NEGATIVE))
        return RG_ERROR_ARGUMENT;
    optimizer->numbers[RGI_RATE] = rate;
    return RG_OK;
}

/* Sets the rate factor or the decay of the slots whose name matches. */
static int set_group(rg_optimizer *optimizer, const char *pattern, bool decay, double number,
                     rg_error *error)
{
    const char *kind = optimizer->kind->name, *what = decay ? "weight decay" : "rate factor";
    int matched = 0;
    if (!pattern) {
        rgi_set_error(error, RG_ERROR_ARGUMENT, "%s: the pattern of a %s is NULL", kind, what);
        return -1;
    }
    if (!is_allowed(number, RGI_NOT_NEGATIVE)) {
        rgi_set_error(error, RG_ERROR_ARGUMENT,
                      "%s: the %s of %.64s is %g; it must be finite and 0 or more", kind, what,
                      pattern, number);
        return -1;
    }
    for (int i = 0; i < optimizer->count; i++) {
        rgi_slot *slot = &optimizer->slots[i];
        if (!rgi_matches(pattern, slot->name))
            continue;
        *(decay ? &slot->decay : &slot->rate_factor) = number;
        matched++;
    }
    return matched;
}

int rg_optimizer_set_rate_factor(rg_optimizer *optimizer, const char *pattern, double factor,
                                 rg_error *error)
{
    return set_group(optimizer, pattern, false, factor, error);
}

int rg_optimizer_set_weight_decay(rg_optimizer *optimizer, const char *pattern, double decay,
                                  rg_error *error)
{
    return set_group(optimizer, pattern, true, decay, error);
}
