#include "version.h"

#define TEXT(number)    #number
#define TEXT_OF(number) TEXT(number)
#define DOTTED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *reelgrad_version(void)
{
    return DOTTED(RG_VERSION_MAJOR, RG_VERSION_MINOR, RG_VERSION_PATCH);
}
