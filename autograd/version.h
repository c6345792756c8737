/* version.h: the version, as the headers had it and as the library has it. */
#ifndef RG_AUTOGRAD_VERSION_H
#define RG_AUTOGRAD_VERSION_H

#include "export.h"

RG_BEGIN_DECLS

#define RG_VERSION_MAJOR 0
#define RG_VERSION_MINOR 1
#define RG_VERSION_PATCH 0

/* "0.1.0": the version of the library in use. The string is static. */
RG_API const char *reelgrad_version(void);

RG_END_DECLS

#endif
