/* engines.c: the table of engines. */
#include <string.h>

#include "engine.h"

static const ref_engine recorded = {.name = "recorded", .orders = REF_ORDERS};

static const ref_engine *const engines[] = {&recorded, &ref_engine_fused, &ref_engine_program,
                                            &ref_engine_emitted, &ref_engine_forward};
enum { ENGINES = sizeof engines / sizeof *engines };

const ref_engine *ref_find_engine(const char *name)
{
    for (int i = 0; i < ENGINES; i++)
        if (!strcmp(engines[i]->name, name))
            return engines[i];
    return NULL;
}

void ref_print_engines(FILE *stream)
{
    for (int i = 0; i < ENGINES; i++)
        fprintf(stream, "%s%s", i ? "|" : "", engines[i]->name);
}
