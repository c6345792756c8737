/*
 * status.h: what can go wrong, and the sentence that says so.
 *
 * Building an expression never fails loudly: the tape keeps its first error (a status and a full
 * sentence) and every later operation on it does nothing. Everything off the tape returns an
 * rg_status; functions with more to tell than that also take an `rg_error *` (NULL is allowed),
 * which receives the sentence. Nothing in this library aborts, exits or prints on its own.
 */
#ifndef RG_AUTOGRAD_STATUS_H
#define RG_AUTOGRAD_STATUS_H

#include "export.h"

RG_BEGIN_DECLS

/* Every status: the name without RG_, and its text. */
#define RG_STATUS_MAP(X)                                                  \
    X(OK, "success")                                                      \
    X(ERROR_ARGUMENT, "an argument is not allowed")                       \
    X(ERROR_SHAPE, "the shapes do not fit")                               \
    X(ERROR_TYPE, "the element types do not fit")                         \
    X(ERROR_INDEX, "an index is out of range")                            \
    X(ERROR_STALE, "the value was dropped by a rewind or never recorded") \
    X(ERROR_TAPE, "the values belong to different tapes")                 \
    X(ERROR_MEMORY, "out of memory")                                      \
    X(ERROR_LIMIT, "a size exceeds a limit of the library")               \
    X(ERROR_STATE, "the call is not possible in this state")              \
    X(ERROR_GRADIENT, "a gradient is wrong or does not exist")            \
    X(ERROR_NUMERIC, "the computation has no finite result")              \
    X(ERROR_IO, "a file cannot be read or written")                       \
    X(ERROR_FORMAT, "a file is malformed")

typedef enum rg_status {
#define RG_STATUS_ENUM(name, text) RG_##name,
    RG_STATUS_MAP(RG_STATUS_ENUM)
#undef RG_STATUS_ENUM
} rg_status;

enum { RG_MESSAGE_SIZE = 256 };

/* A status with its sentence; the message is empty when the status is RG_OK. */
typedef struct rg_error {
    rg_status status;
    char message[RG_MESSAGE_SIZE];
} rg_error;

/* "RG_ERROR_SHAPE": the name of a status; "unknown status" for a number that is none.
 * The string is static. Safe in every thread. */
RG_API const char *rg_status_name(rg_status status);

/* "the shapes do not fit": the meaning of a status in words. Static; safe in every thread. */
RG_API const char *rg_status_text(rg_status status);

RG_END_DECLS

#endif
