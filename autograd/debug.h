/*
 * debug.h: finding where it went wrong. Both searches cost nothing while they are off.
 *
 * Source lines: a program compiled with RG_LINES defined before it includes reelgrad.h (C only)
 * adds the place of the call to the message of every error that an operation makes, and to
 * anomalies.
 */
#ifndef RG_AUTOGRAD_DEBUG_H
#define RG_AUTOGRAD_DEBUG_H

#include "value.h"

RG_BEGIN_DECLS

/* With `on` 1, the first value that is NaN or infinite, of an input or an operation, becomes the
 * tape's error (RG_ERROR_NUMERIC, with operation, node, shape, the element, and the source line if
 * it is known), and so does the first gradient in a sweep: it names the node whose backward step
 * made it. Recording and sweeping are several times slower. 0, the default, turns it off. */
RG_API void rg_tape_find_anomalies(rg_tape *tape, int on);

/* With `on` 1, the tape remembers a checksum of every tensor recorded from now on, and each sweep
 * compares: memory that was changed through a pointer (rg_data, rg_param_data, the memory behind
 * rg_constant_view) becomes its error RG_ERROR_STATE. What rg_write and rg_param_write change is
 * found always: a sweep that needs the old value fails with RG_ERROR_STATE and says so. */
RG_API void rg_tape_find_writes(rg_tape *tape, int on);

/* For the macros below: notes where a value was recorded, and returns it. */
RG_API rg_value rgi_located(rg_value x, const char *file, int line);

RG_END_DECLS

#if defined(RG_LINES) && !defined(__cplusplus)
#define RGI_AT(value) rgi_located((value), __FILE__, __LINE__)
#else
#define RGI_AT(value) (value)
#endif

#endif
