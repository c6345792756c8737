/*
 * buffer.h: bytes put together in memory before they go into a file (private).
 */
#ifndef RG_NN_BUFFER_H
#define RG_NN_BUFFER_H

#include "internal.h"

/* Begin with {.allocator = ..}. Once there is no memory it stays `failed` and takes nothing more,
 * so one look at the end is enough. */
typedef struct rgi_buffer {
    const rg_allocator *allocator;
    unsigned char *bytes;
    size_t size, capacity;
    bool failed;
} rgi_buffer;

void rgi_buffer_add(rgi_buffer *buffer, const void *bytes, size_t size);

/* Adds what printf would print, at most 255 characters. */
void rgi_buffer_print(rgi_buffer *buffer, const char *format, ...) RG_PRINTF(2, 3);

/* Inserts bytes before the one at `place`. */
void rgi_buffer_insert(rgi_buffer *buffer, size_t place, const void *bytes, size_t size);

void rgi_buffer_free(rgi_buffer *buffer);

#endif
