#include "params.h"

#include <string.h>

#include "internal.h"

/* The hash table takes its memory from the variable `allocator` of the function it is used in. */
#define HASH_NONFATAL_OOM        1
#define uthash_malloc(size)      rgi_alloc(allocator, (size))
#define uthash_free(block, size) rgi_free(allocator, (block), (size))
#include <uthash.h>

typedef struct entry {
    rg_param *param;
    bool buffer;
    UT_hash_handle hh;
    char name[];
} entry;

struct rg_params {
    rg_allocator allocator;
    entry *table;
    entry **list; /* in order of addition */
    int count, capacity;

    void *block; /* of the first `moved` parameters: elements, then gradients */
    size_t block_size;
    int moved;
    void *gradients[2]; /* by element type */
    int64_t gradient_count[2];
};

enum { FIRST_CAPACITY = 8 };

rg_params *rg_params_create(const rg_allocator *allocator)
{
    rg_params *params = rgi_alloc(allocator, sizeof *params);
    if (!params)
        return NULL;
    memset(params, 0, sizeof *params);
    if (allocator)
        params->allocator = *allocator;
    return params;
}

static void destroy_entry(const rg_allocator *allocator, entry *e)
{
    rg_param_destroy(e->param);
    rgi_free(allocator, e, sizeof *e + strlen(e->name) + 1);
}

void rg_params_destroy(rg_params *params)
{
    if (!params)
        return;
    const rg_allocator *allocator = &params->allocator;
    HASH_CLEAR(hh, params->table);
    for (int i = 0; i < params->count; i++)
        destroy_entry(allocator, params->list[i]);
    rgi_free(allocator, params->block, params->block_size);
    rgi_free(allocator, params->list, (size_t)params->capacity * sizeof *params->list);
    rg_allocator kept = params->allocator;
    rgi_free(&kept, params, sizeof *params);
}

const rg_allocator *rg_params_allocator(const rg_params *params)
{
    return params->allocator.resize ? &params->allocator : NULL;
}

/* ---- adding ---- */

static rg_status check(const rg_params *params, const char *name, rg_type type,
                       const rg_shape *shape, rg_error *error)
{
    if (!params)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "params: the collection is NULL");
    if (!name || !*name)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "params: a parameter needs a name");
    if (strlen(name) >= RG_NAME_SIZE)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "params: the name %.32s.. exceeds %d bytes", name,
                        RG_NAME_SIZE - 1);
    if (rg_params_find(params, name))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "params: there is a parameter %s already", name);
    if (type != RG_F64 && type != RG_F32)
        return RGI_FAIL(error, RG_ERROR_TYPE, "params: %s must be float64 or float32", name);
    if (rg_shape_size(shape) < 0)
        return RGI_FAIL(error, RG_ERROR_SHAPE,
                        "params: the shape of %s has a negative dimension, more than %d of them, "
                        "or too many elements",
                        name, RG_MAX_RANK);
    return RG_OK;
}

static bool list_room(rg_params *params)
{
    if (params->count < params->capacity)
        return true;
    int capacity = params->capacity ? 2 * params->capacity : FIRST_CAPACITY;
    entry **list =
        rgi_resize(&params->allocator, params->list, (size_t)params->capacity * sizeof *list,
                   (size_t)capacity * sizeof *list);
    if (!list)
        return false;
    params->list = list;
    params->capacity = capacity;
    return true;
}

/* A checked entry in the list and the table; NULL if there is no memory. */
static entry *add_entry(rg_params *params, const char *name, rg_type type, rg_shape shape)
{
    const rg_allocator *allocator = &params->allocator;
    size_t length = strlen(name);
    entry *e = list_room(params) ? rgi_alloc(allocator, sizeof *e + length + 1) : NULL;
    if (!e)
        return NULL;
    memset(e, 0, sizeof *e);
    memcpy(e->name, name, length + 1);
    e->param = rg_param_create(allocator, type, shape);
    if (e->param)
        HASH_ADD_KEYPTR(hh, params->table, e->name, length, e);
    if (!e->hh.tbl) { /* uthash's sign that there was no memory */
        destroy_entry(allocator, e);
        return NULL;
    }
    params->list[params->count++] = e;
    return e;
}

static entry *add(rg_params *params, const char *name, rg_type type, rg_shape shape,
                  rg_error *error)
{
    if (check(params, name, type, &shape, error) != RG_OK)
        return NULL;
    entry *e = add_entry(params, name, type, shape);
    if (e)
        return e;
    char text[RG_SHAPE_TEXT_SIZE];
    rgi_set_error(error, RG_ERROR_MEMORY, "params: there is no memory for %.64s of shape %s", name,
                  rg_shape_text(&shape, text));
    return NULL;
}

rg_param *rg_params_add(rg_params *params, const char *name, rg_type type, rg_shape shape,
                        rg_error *error)
{
    entry *e = add(params, name, type, shape, error);
    return e ? e->param : NULL;
}

rg_param *rg_params_add_buffer(rg_params *params, const char *name, rg_type type, rg_shape shape,
                               rg_error *error)
{
    entry *e = add(params, name, type, shape, error);
    if (!e)
        return NULL;
    e->buffer = true;
    rg_param_freeze(e->param, 1);
    return e->param;
}

int rg_params_is_buffer(const rg_params *params, int i)
{
    return i >= 0 && i < params->count && params->list[i]->buffer;
}

/* ---- finding ---- */

rg_param *rg_params_find(const rg_params *params, const char *name)
{
    entry *found;
    HASH_FIND_STR(params->table, name, found);
    return found ? found->param : NULL;
}

int rg_params_count(const rg_params *params)
{
    return params->count;
}

rg_param *rg_params_at(const rg_params *params, int i)
{
    return i >= 0 && i < params->count ? params->list[i]->param : NULL;
}

const char *rg_params_name(const rg_params *params, int i)
{
    return i >= 0 && i < params->count ? params->list[i]->name : NULL;
}

/* ---- all at once ---- */

int64_t rg_params_size(const rg_params *params)
{
    int64_t size = 0;
    for (int i = 0; i < params->count; i++)
        size += rg_param_size(params->list[i]->param);
    return size;
}

void rg_params_zero_grad(rg_params *params)
{
    for (int i = 0; i < params->count; i++)
        rg_param_zero_grad(params->list[i]->param);
}

/* After a mismatch the last * takes one byte more; earlier ones need not be reconsidered. */
bool rgi_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

int rg_params_freeze(rg_params *params, const char *pattern, int frozen)
{
    int matched = 0;
    for (int i = 0; i < params->count; i++) {
        if (params->list[i]->buffer || !rgi_matches(pattern, params->list[i]->name))
            continue;
        rg_param_freeze(params->list[i]->param, frozen);
        matched++;
    }
    return matched;
}

/* ---- one block ---- */

static const rg_type types[] = {RG_F64, RG_F32};

size_t rgi_array_bytes(const rg_param *param)
{
    return rgi_round_up((size_t)rg_param_size(param) * rgi_width(rg_param_type(param)));
}

/* Bytes of the elements of a type. */
static size_t type_bytes(const rg_params *params, rg_type type)
{
    size_t bytes = 0;
    for (int i = 0; i < params->count; i++)
        if (rg_param_type(params->list[i]->param) == type)
            bytes += rgi_array_bytes(params->list[i]->param);
    return bytes;
}

static void move_type(rg_params *params, rg_type type, char *data, char *grad)
{
    params->gradients[type] = grad;
    params->gradient_count[type] = (int64_t)(type_bytes(params, type) / rg_type_size(type));
    for (int i = 0; i < params->count; i++) {
        rg_param *param = params->list[i]->param;
        if (rg_param_type(param) != type)
            continue;
        rgi_param_move(param, data, grad);
        data += rgi_array_bytes(param);
        grad += rgi_array_bytes(param);
    }
}

rg_status rg_params_make_contiguous(rg_params *params, rg_error *error)
{
    if (params->moved == params->count)
        return RG_OK;
    size_t half = type_bytes(params, RG_F64) + type_bytes(params, RG_F32);
    size_t size = 2 * half + RGI_ALIGNMENT;
    void *block = rgi_alloc(&params->allocator, size);
    if (!block)
        return RGI_FAIL(error, RG_ERROR_MEMORY,
                        "params: there is no memory to make %d parameters contiguous",
                        params->count);
    memset(block, 0, size);
    char *data = rgi_align_up(block), *grad = data + half;
    for (int k = 0; k < 2; k++) {
        move_type(params, types[k], data, grad);
        data += type_bytes(params, types[k]);
        grad += type_bytes(params, types[k]);
    }
    rgi_free(&params->allocator, params->block, params->block_size);
    params->block = block;
    params->block_size = size;
    params->moved = params->count;
    return RG_OK;
}

void *rg_params_gradients(rg_params *params, rg_type type, int64_t *count)
{
    const bool known = type == RG_F64 || type == RG_F32;
    *count = known ? params->gradient_count[type] : 0;
    if (*count == 0)
        return NULL;
    for (int i = 0; i < params->moved; i++)
        rg_param_grad(params->list[i]->param); /* writes the zeros of a fresh one */
    return params->gradients[type];
}
