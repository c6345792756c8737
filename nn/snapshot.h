/*
 * snapshot.h: the elements of all parameters, buffers included, to go back to (private).
 */
#ifndef RG_NN_SNAPSHOT_H
#define RG_NN_SNAPSHOT_H

#include <stdbool.h>

#include "params.h"

typedef struct rgi_snapshot {
    rg_params *params; /* to which none may be added */
    void *memory;
    size_t size;
} rgi_snapshot;

/* Memory for a snapshot of the parameters, from their allocator, and its first contents; false if
 * there is none. */
bool rgi_snapshot_create(rgi_snapshot *snapshot, rg_params *params);
void rgi_snapshot_destroy(rgi_snapshot *snapshot);

void rgi_snapshot_save(rgi_snapshot *snapshot);
void rgi_snapshot_restore(const rgi_snapshot *snapshot);

#endif
