#include "activation.h"

#include <string.h>

#include "../ops/elementwise.h"
#include "internal.h"

rg_value rg_activate(rg_value x, rg_activation activation)
{
    switch (activation) {
#define CASE(constant, name, expression) \
    case RG_##constant: return expression;
        RG_ACTIVATION_MAP(CASE)
#undef CASE
    }
    rgi_fail(x.tape, RG_ERROR_ARGUMENT, "activate: there is no activation number %d",
             (int)activation);
    return rgi_inert(x.tape);
}

const char *rg_activation_name(rg_activation activation)
{
    switch (activation) {
#define CASE(constant, name, expression) \
    case RG_##constant: return name;
        RG_ACTIVATION_MAP(CASE)
#undef CASE
    }
    return NULL;
}

rg_status rg_activation_find(const char *name, rg_activation *out)
{
#define MATCH(constant, text, expression) \
    if (name && strcmp(name, text) == 0)  \
        return *out = RG_##constant, RG_OK;
    RG_ACTIVATION_MAP(MATCH)
#undef MATCH
    return RG_ERROR_ARGUMENT;
}
