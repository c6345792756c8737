#include "snapshot.h"

#include <string.h>

#include "internal.h"

static size_t bytes_of(const rg_param *param)
{
    return (size_t)rg_param_size(param) * rg_type_size(rg_param_type(param));
}

bool rgi_snapshot_create(rgi_snapshot *snapshot, rg_params *params)
{
    *snapshot = (rgi_snapshot){.params = params};
    for (int i = 0; i < rg_params_count(params); i++)
        snapshot->size += bytes_of(rg_params_at(params, i));
    snapshot->memory = rgi_alloc(rg_params_allocator(params), snapshot->size);
    if (!snapshot->memory)
        return false;
    rgi_snapshot_save(snapshot);
    return true;
}

void rgi_snapshot_destroy(rgi_snapshot *snapshot)
{
    if (snapshot->params)
        rgi_free(rg_params_allocator(snapshot->params), snapshot->memory, snapshot->size);
}

void rgi_snapshot_save(rgi_snapshot *snapshot)
{
    char *at = snapshot->memory;
    for (int i = 0; i < rg_params_count(snapshot->params); i++) {
        rg_param *param = rg_params_at(snapshot->params, i);
        memcpy(at, rg_param_data(param), bytes_of(param));
        at += bytes_of(param);
    }
}

void rgi_snapshot_restore(const rgi_snapshot *snapshot)
{
    const char *at = snapshot->memory;
    for (int i = 0; i < rg_params_count(snapshot->params); i++) {
        rg_param *param = rg_params_at(snapshot->params, i);
        memcpy(rg_param_data(param), at, bytes_of(param));
        rgi_param_changed(param);
        at += bytes_of(param);
    }
}
