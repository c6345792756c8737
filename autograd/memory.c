/* memory.c: everything that asks the system for memory. */
#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/mman.h>
#endif

#include <stdlib.h>

#include "internal.h"

#if defined(__linux__)

/* Huge pages where the system has them: touching memory first costs a fraction, and so do misses of
 * the TLB. A page becomes huge once all of it is usable, so small tapes keep small pages. */
enum { HUGE = RGI_RESERVE_ALIGNMENT };

/* Asks for them within a block. */
static void advise(void *block, size_t size)
{
    const size_t before = (size_t)(-(uintptr_t)block & (HUGE - 1));
    if (size >= before + HUGE)
        madvise((char *)block + before, (size - before) & ~(size_t)(HUGE - 1), MADV_HUGEPAGE);
}

#else

static void advise(void *block, size_t size)
{
    (void)block, (void)size;
}

#endif

void *rgi_resize(const rg_allocator *allocator, void *block, size_t old_size, size_t size)
{
    if (allocator && allocator->resize)
        return allocator->resize(allocator->context, block, old_size, size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    void *moved = realloc(block, size);
    if (moved)
        advise(moved, size);
    return moved;
}

void *rgi_alloc(const rg_allocator *allocator, size_t size)
{
    return rgi_resize(allocator, NULL, 0, size);
}

void rgi_free(const rg_allocator *allocator, void *block, size_t size)
{
    if (block)
        rgi_resize(allocator, block, size, 0);
}

#if defined(__linux__)

void *rgi_reserve(size_t size)
{
    if (size > SIZE_MAX - HUGE)
        return NULL;
    char *base =
        mmap(NULL, size + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    size_t before = (size_t)(-(uintptr_t)base & (HUGE - 1));
    if (before)
        munmap(base, before);
    base += before;
    munmap(base + size, HUGE - before);
    advise(base, size);
    return base;
}

bool rgi_commit(void *base, size_t old_size, size_t size)
{
    return mprotect((char *)base + old_size, size - old_size, PROT_READ | PROT_WRITE) == 0;
}

void rgi_release(void *base, size_t size)
{
    munmap(base, size);
}

#else

void *rgi_reserve(size_t size)
{
    (void)size;
    return NULL;
}

bool rgi_commit(void *base, size_t old_size, size_t size)
{
    (void)base, (void)old_size, (void)size;
    return false;
}

void rgi_release(void *base, size_t size)
{
    (void)base, (void)size;
}

#endif
