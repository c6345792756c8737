/*
 * arena.c: tensor memory. Chunks form a list; allocation bumps the current one and goes on to the
 * next, or to a new one, when it is full. Releasing goes back and keeps the chunks, so that a
 * repeated recording finds its memory warm.
 */
#include "internal.h"

enum { HEADER = RGI_ALIGNMENT, FIRST_CHUNK = 64 << 10, LARGEST_GROWTH = 64 << 20 };

/* The offset of a chunk's first aligned byte. */
static size_t chunk_start(const rgi_chunk *chunk)
{
    uintptr_t address = (uintptr_t)chunk + sizeof *chunk;
    return rgi_round_up(address) - (uintptr_t)chunk;
}

void *rgi_arena_alloc(rgi_arena *arena, const rg_allocator *allocator, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = rgi_round_up(size ? size : 1);
    for (rgi_chunk *chunk = arena->current; chunk; chunk = chunk->next) {
        if (chunk != arena->current)
            chunk->used = chunk_start(chunk);
        void *block = rgi_take(chunk, size);
        if (block) {
            arena->current = chunk;
            return block;
        }
    }
    size_t growth = arena->total < FIRST_CHUNK      ? FIRST_CHUNK
                    : arena->total > LARGEST_GROWTH ? LARGEST_GROWTH
                                                    : arena->total;
    size_t bytes = (size > growth ? size : growth) + 2 * HEADER;
    rgi_chunk *chunk = rgi_alloc(allocator, bytes);
    if (!chunk)
        return NULL;
    chunk->size = bytes;
    chunk->used = chunk_start(chunk);
    if (arena->current) {
        chunk->next = arena->current->next;
        arena->current->next = chunk;
    } else {
        chunk->next = NULL;
        arena->first = chunk;
    }
    arena->current = chunk;
    arena->total += bytes;
    return rgi_take(chunk, size);
}

void rgi_arena_release(rgi_arena *arena, rgi_chunk *chunk, size_t used)
{
    arena->current = chunk ? chunk : arena->first;
    if (arena->current)
        arena->current->used = chunk ? used : chunk_start(arena->current);
}

void rgi_arena_destroy(rgi_arena *arena, const rg_allocator *allocator)
{
    for (rgi_chunk *chunk = arena->first, *next; chunk; chunk = next) {
        next = chunk->next;
        rgi_free(allocator, chunk, chunk->size);
    }
}
