#include "places.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char prefix[] = RGI_PLACE_PREFIX;

/* ---- the list ---- */

/* Adds a place; `name` NULL: the one that was written into its room. */
static void add(rgi_places *places, const char *name, rg_type type, rg_shape shape,
                const void *data)
{
    int64_t i = places->count++;
    places->list[i] = (rg_stored){
        .name = name ? name : places->names[i], .type = type, .shape = shape, .data = data};
}

/* The room for the next place's name. */
static char *next_name(const rgi_places *places)
{
    return places->names[places->count];
}

static void add_params(rgi_places *places, const rg_params *params)
{
    for (int i = 0; i < rg_params_count(params); i++) {
        rg_param *param = rg_params_at(params, i);
        add(places, rg_params_name(params, i), rg_param_type(param), rg_param_shape(param),
            rg_param_data(param));
    }
}

static void add_number(rgi_places *places, rg_type type, const void *data, const char *name)
{
    snprintf(next_name(places), RGI_PLACE_NAME_SIZE, "%s%s", prefix, name);
    add(places, NULL, type, RG_SCALAR, data);
}

static void add_slot_number(rgi_places *places, const rgi_slot *slot, rg_type type,
                            const void *data, const char *name)
{
    snprintf(next_name(places), RGI_PLACE_NAME_SIZE, "%s%s.%s", prefix, slot->name, name);
    add(places, NULL, type, RG_SCALAR, data);
}

static void add_states(rgi_places *places, const rg_optimizer *optimizer, const rgi_slot *slot)
{
    for (int k = 0; k < RGI_MAX_STATE; k++)
        if (slot->state[k]) {
            snprintf(next_name(places), RGI_PLACE_NAME_SIZE, "%s%s.%s", prefix, slot->name,
                     optimizer->kind->state[k].name);
            add(places, NULL, rg_param_type(slot->param), rg_param_shape(slot->param),
                slot->state[k]);
        }
}

static void add_optimizer(rgi_places *places, const rg_optimizer *optimizer)
{
    const rgi_kind_number *number = optimizer->kind->number;
    for (int i = 0; i < RGI_MAX_NUMBERS && number[i].name; i++)
        add_number(places, RG_F64, &optimizer->numbers[i], number[i].name);
    places->first_setting = places->count;
    add_number(places, RG_I64, &optimizer->steps, "steps");
    for (int i = 0; i < optimizer->count; i++) {
        const rgi_slot *slot = &optimizer->slots[i];
        add_slot_number(places, slot, RG_I64, &slot->steps, "steps");
        add_slot_number(places, slot, RG_F64, &slot->rate_factor, "rate_factor");
        add_slot_number(places, slot, RG_F64, &slot->decay, "decay");
    }
    places->first_state = places->count;
    for (int i = 0; i < optimizer->count; i++)
        add_states(places, optimizer, &optimizer->slots[i]);
}

/* One of the vectors, a part for each parameter, under "optimizer.NAME.WHAT AGE". */
static void add_vector(rgi_places *places, const rg_lbfgs *lbfgs, const double *vector,
                       const char *what, int64_t age)
{
    for (int i = 0; i < lbfgs->count; i++) {
        const rg_param *param = rg_params_at(lbfgs->params, i);
        snprintf(next_name(places), RGI_PLACE_NAME_SIZE, "%s%s.%s%" PRId64, prefix,
                 rg_params_name(lbfgs->params, i), what, age);
        add(places, NULL, RG_F64, rg_param_shape(param), vector);
        vector += rg_param_size(param);
    }
}

static void add_lbfgs(rgi_places *places, const rg_lbfgs *lbfgs)
{
    const rg_lbfgs_options *options = &lbfgs->options;
    add_number(places, RG_I64, &options->history, "history");
    add_number(places, RG_I64, &options->iterations, "iterations");
    add_number(places, RG_I64, &options->evaluations, "evaluations");
    add_number(places, RG_F64, &options->decrease, "decrease");
    add_number(places, RG_F64, &options->curvature, "curvature");
    add_number(places, RG_F64, &options->tolerance, "tolerance");
    add_number(places, RG_I64, &lbfgs->pairs, "pairs");
    for (int64_t age = 0; age < lbfgs->pairs; age++) {
        add_vector(places, lbfgs, rgi_lbfgs_step(lbfgs, age), "step", age);
        add_vector(places, lbfgs, rgi_lbfgs_change(lbfgs, age), "change", age);
    }
}

rg_status rgi_places_create(rgi_places *places, const rg_params *params, rgi_changer changer,
                            rg_error *error)
{
    enum { SLOT_NUMBERS = 3, PAIR = 2 };
    const rg_optimizer *optimizer = changer.optimizer;
    const rg_lbfgs *lbfgs = changer.lbfgs;
    int64_t capacity = rg_params_count(params) + RGI_MAX_NUMBERS + 1;
    if (optimizer)
        capacity += (int64_t)optimizer->count * (SLOT_NUMBERS + RGI_MAX_STATE);
    if (lbfgs)
        capacity += lbfgs->count * PAIR * lbfgs->pairs;
    *places = (rgi_places){.allocator = rg_params_allocator(params),
                           .whole = optimizer || lbfgs,
                           .capacity = capacity};
    places->list = rgi_alloc(places->allocator, (size_t)capacity * sizeof *places->list);
    places->names = rgi_alloc(places->allocator, (size_t)capacity * sizeof *places->names);
    if (!places->list || !places->names) {
        rgi_places_destroy(places);
        return RGI_FAIL(error, RG_ERROR_MEMORY, "there is no memory to list %d parameters",
                        rg_params_count(params));
    }
    add_params(places, params);
    if (optimizer)
        add_optimizer(places, optimizer);
    if (lbfgs)
        add_lbfgs(places, lbfgs);
    return RG_OK;
}

void rgi_places_destroy(rgi_places *places)
{
    size_t capacity = (size_t)places->capacity;
    rgi_free(places->allocator, places->list, capacity * sizeof *places->list);
    rgi_free(places->allocator, places->names, capacity * sizeof *places->names);
}

/* ---- files ---- */

static rg_status check_place(const rg_stored *place, const rg_safetensors *file, const char *name,
                             rg_error *error)
{
    char has[RG_SHAPE_TEXT_SIZE], wants[RG_SHAPE_TEXT_SIZE];
    const rg_stored *found = rg_safetensors_find(file, place->name);
    if (!found)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: has no %s", name, place->name);
    if (!found->data || found->type != place->type)
        return RGI_FAIL(error, RG_ERROR_TYPE, "%s: %.64s is %s, not %s", name, place->name,
                        found->data ? rg_type_name(found->type) : found->dtype,
                        rg_type_name(place->type));
    if (!rg_shape_equal(&found->shape, &place->shape)) {
        rg_shape_text(&found->shape, has);
        rg_shape_text(&place->shape, wants);
        return RGI_FAIL(error, RG_ERROR_SHAPE, "%s: %.64s has shape %.32s, not %.32s", name,
                        place->name, has, wants);
    }
    return RG_OK;
}

/* Steps, rates and decay decide what later steps do, so wrong ones must not come in. */
static rg_status check_setting(const rg_stored *place, const rg_safetensors *file, const char *name,
                               rg_error *error)
{
    const rg_stored *found = rg_safetensors_find(file, place->name);
    double value = found->type == RG_I64 ? (double)*(const int64_t *)found->data
                                         : *(const double *)found->data;
    if (value >= 0 && isfinite(value))
        return RG_OK;
    return RGI_FAIL(error, RG_ERROR_FORMAT, "%s: %.64s is %g; it must be finite and 0 or more",
                    name, place->name, value);
}

static bool is_listed(const rgi_places *places, const char *name)
{
    if (!places->whole && strncmp(name, prefix, strlen(prefix)) == 0)
        return true;
    for (int64_t i = 0; i < places->count; i++)
        if (strcmp(places->list[i].name, name) == 0)
            return true;
    return false;
}

rg_status rgi_places_check(const rgi_places *places, const rg_safetensors *file, const char *name,
                           rg_error *error)
{
    rg_status status = RG_OK;
    for (int64_t i = 0; status == RG_OK && i < places->count; i++)
        status = check_place(&places->list[i], file, name, error);
    for (int64_t i = places->first_setting; status == RG_OK && i < places->first_state; i++)
        status = check_setting(&places->list[i], file, name, error);
    for (int64_t i = 0; status == RG_OK && i < rg_safetensors_count(file); i++) {
        const char *found = rg_safetensors_at(file, i)->name;
        if (!is_listed(places, found))
            status = RGI_FAIL(error, RG_ERROR_ARGUMENT, "%s: has %.64s, which is not asked for",
                              name, found);
    }
    return status;
}

void rgi_places_load(const rgi_places *places, const rg_safetensors *file)
{
    for (int64_t i = 0; i < places->count; i++) {
        const rg_stored *place = &places->list[i];
        size_t size = (size_t)rg_shape_size(&place->shape) * rg_type_size(place->type);
        /* A place is writable; that it is const is for writing files from it. */
        if (size > 0)
            memcpy((void *)place->data, rg_safetensors_find(file, place->name)->data, size);
    }
}
