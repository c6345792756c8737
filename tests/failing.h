/*
 * failing.h: an allocator whose k-th allocation fails, once or from then on, and which checks that
 * every block is given back with its size.
 *
 *     FOR_EACH_FAILURE(memory, allocator)
 *     {
 *         status = rg_dataset_create(&data, &allocator, ..);
 *         if (status == RG_OK)
 *             rg_dataset_destroy(data);
 *         CHECK_FAILURE(memory, status);
 *     }
 */
#ifndef RG_TESTS_FAILING_H
#define RG_TESTS_FAILING_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../reelgrad.h"

typedef struct failing {
    int64_t fail_at; /* the allocation that fails, from 1; 0: none */
    int sticky;      /* 1: all after it too */
    int64_t calls;   /* allocations so far */
    int64_t failed;
    size_t live, peak; /* bytes */
    int wrong_sizes;   /* blocks given back with another size than they had */
} failing;

enum { FAILING_HEADER = 64 };

static inline void *failing_resize(void *context, void *block, size_t old_size, size_t size)
{
    failing *memory = context;
    char *base = block ? (char *)block - FAILING_HEADER : NULL;
    if (base && *(size_t *)base != old_size)
        memory->wrong_sizes++;
    if (size == 0) {
        memory->live -= base ? *(size_t *)base : 0;
        free(base);
        return NULL;
    }
    memory->calls++;
    if (memory->calls == memory->fail_at ||
        (memory->sticky && memory->fail_at && memory->calls > memory->fail_at)) {
        memory->failed++;
        return NULL;
    }
    /* Always moves, so that a stale pointer shows. */
    char *moved = malloc(FAILING_HEADER + size);
    if (!moved)
        return NULL;
    if (base) {
        memcpy(moved + FAILING_HEADER, block, old_size < size ? old_size : size);
        memory->live -= *(size_t *)base;
        free(base);
    }
    *(size_t *)moved = size;
    memory->live += size;
    if (memory->live > memory->peak)
        memory->peak = memory->live;
    return moved + FAILING_HEADER;
}

/* Runs the body with the first, second, .. allocation failing until a run has none, first with one
 * failure each, then with all later ones failing too. */
#define FOR_EACH_FAILURE(memory, allocator)                                                       \
    for (int sticky_ = 0; sticky_ < 2; sticky_++)                                                 \
        for (failing memory = {.fail_at = 1, .sticky = sticky_}; memory.fail_at;                  \
             memory =                                                                             \
                 (failing){.fail_at = memory.failed ? memory.fail_at + 1 : 0, .sticky = sticky_}) \
            for (rg_allocator allocator = {failing_resize, &memory}; allocator.resize;            \
                 allocator.resize = NULL)

/* The status is RG_ERROR_MEMORY exactly if an allocation failed, and all memory was given back. */
#define CHECK_FAILURE(memory, status)                                                    \
    do {                                                                                 \
        CHECK_STATUS(status, (memory).failed ? RG_ERROR_MEMORY : RG_OK);                 \
        cr_assert((memory).live == 0, "%zu bytes are lost", (memory).live);              \
        cr_assert((memory).wrong_sizes == 0, "a block is given back with a wrong size"); \
        cr_assert((memory).calls > 0, "nothing is allocated");                           \
    } while (0)

#endif
