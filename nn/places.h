/*
 * places.h: where the numbers lie that are saved, each with its name in the file (private).
 */
#ifndef RG_NN_PLACES_H
#define RG_NN_PLACES_H

#include "internal.h"
#include "optimizer.h"
#include "safetensors.h"

/* Longer than "optimizer.", the name of a parameter, and what is kept of it. */
enum { RGI_PLACE_NAME_SIZE = RG_NAME_SIZE + 48 };

typedef struct rgi_places {
    const rg_allocator *allocator;
    const rg_optimizer *optimizer; /* NULL: the file's is left alone */
    rg_stored *list;               /* parameters, then the optimizer's numbers, then its states */
    char (*names)[RGI_PLACE_NAME_SIZE];
    int64_t count, capacity;
    int64_t first_setting, first_state; /* between them lie what must be finite and at least 0 */
} rgi_places;

/* Lists the places of the parameters and, unless it is NULL, of an optimizer of theirs. */
rg_status rgi_places_create(rgi_places *places, const rg_params *params,
                            const rg_optimizer *optimizer, rg_error *error);
void rgi_places_destroy(rgi_places *places);

/* Whether the file, called `name` in messages, has exactly these places, with types and shapes. */
rg_status rgi_places_check(const rgi_places *places, const rg_safetensors *file, const char *name,
                           rg_error *error);

/* Copies the numbers of a file that was checked. */
void rgi_places_load(const rgi_places *places, const rg_safetensors *file);

#endif
