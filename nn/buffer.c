#include "buffer.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, PRINTED_SIZE = 256 };

/* Room for `size` more bytes; false if there is none. */
static bool room(rgi_buffer *buffer, size_t size)
{
    if (buffer->failed)
        return false;
    if (size <= buffer->capacity - buffer->size)
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity - buffer->size < size && capacity <= PTRDIFF_MAX / 2)
        capacity *= 2;
    void *bytes = capacity - buffer->size < size
                      ? NULL
                      : rgi_resize(buffer->allocator, buffer->bytes, buffer->capacity, capacity);
    if (!bytes) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void rgi_buffer_insert(rgi_buffer *buffer, size_t place, const void *bytes, size_t size)
{
    if (size == 0 || !room(buffer, size))
        return;
    unsigned char *at = buffer->bytes + place;
    memmove(at + size, at, buffer->size - place);
    memcpy(at, bytes, size);
    buffer->size += size;
}

void rgi_buffer_add(rgi_buffer *buffer, const void *bytes, size_t size)
{
    rgi_buffer_insert(buffer, buffer->size, bytes, size);
}

void rgi_buffer_print(rgi_buffer *buffer, const char *format, ...)
{
    char text[PRINTED_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rgi_buffer_add(buffer, text, strlen(text));
}

void rgi_buffer_free(rgi_buffer *buffer)
{
    rgi_free(buffer->allocator, buffer->bytes, buffer->capacity);
    *buffer = (rgi_buffer){.allocator = buffer->allocator};
}
