#include "status.h"

const char *rg_status_name(rg_status status)
{
    switch (status) {
#define CASE(name, text) \
    case RG_##name: return "RG_" #name;
        RG_STATUS_MAP(CASE)
#undef CASE
    }
    return "unknown status";
}

const char *rg_status_text(rg_status status)
{
    switch (status) {
#define CASE(name, text) \
    case RG_##name: return text;
        RG_STATUS_MAP(CASE)
#undef CASE
    }
    return "unknown status";
}
