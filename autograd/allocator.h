/*
 * allocator.h: where memory comes from.
 *
 * Objects that take a `const rg_allocator *` use the C library's when it is NULL; otherwise they
 * copy the record and use it, from one thread at a time, until they are destroyed.
 */
#ifndef RG_AUTOGRAD_ALLOCATOR_H
#define RG_AUTOGRAD_ALLOCATOR_H

#include <stddef.h>

#include "export.h"

RG_BEGIN_DECLS

/* One function does it all: `block` NULL allocates `size` bytes; `size` 0 frees `block`, which had
 * `old_size` bytes; otherwise the block is resized with its contents kept. Returns NULL when there
 * is no memory (the old block then stays as it was). Results are aligned as malloc's are. */
typedef struct rg_allocator {
    void *(*resize)(void *context, void *block, size_t old_size, size_t size);
    void *context;
} rg_allocator;

RG_END_DECLS

#endif
