/*
 * places.h: where the numbers lie that are saved, each with its name in the file (private).
 */
#ifndef RG_NN_PLACES_H
#define RG_NN_PLACES_H

#include "lbfgs_state.h"
#include "optimizer.h"
#include "safetensors.h"

/* Longer than "optimizer.", the name of a parameter, and what is kept of it. */
enum { RGI_PLACE_NAME_SIZE = RG_NAME_SIZE + 48 };

/* What begins the names of all that is not a parameter. */
#define RGI_PLACE_PREFIX "optimizer."

typedef struct rgi_places {
    const rg_allocator *allocator;
    bool whole;      /* else what a file has of an optimizer is left alone */
    rg_stored *list; /* parameters, then the optimizer's numbers, then its states */
    char (*names)[RGI_PLACE_NAME_SIZE];
    int64_t count, capacity;
    int64_t first_setting, first_state; /* between them lie what must be finite and at least 0 */
} rgi_places;

/* Who changes parameters: one of them, or none. */
typedef struct rgi_changer {
    const rg_optimizer *optimizer;
    const rg_lbfgs *lbfgs;
} rgi_changer;

/* Lists the places of the parameters and of what changes them. */
rg_status rgi_places_create(rgi_places *places, const rg_params *params, rgi_changer changer,
                            rg_error *error);
void rgi_places_destroy(rgi_places *places);

/* Whether the file, called `name` in messages, has exactly these places, with types and shapes. */
rg_status rgi_places_check(const rgi_places *places, const rg_safetensors *file, const char *name,
                           rg_error *error);

/* Copies the numbers of a file that was checked. */
void rgi_places_load(const rgi_places *places, const rg_safetensors *file);

#endif
