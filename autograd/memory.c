/* memory.c: everything that asks the system for memory. */
#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/mman.h>
#endif

#include <stdlib.h>

#include "internal.h"

void *rgi_resize(const rg_allocator *allocator, void *block, size_t old_size, size_t size)
{
    if (allocator && allocator->resize)
        return allocator->resize(allocator->context, block, old_size, size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
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

/* Above this, pages are worth asking for in large pieces: fewer first touches. */
enum { LARGE = 4 << 20 };

void *rgi_reserve(size_t size)
{
    void *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

bool rgi_commit(void *base, size_t old_size, size_t size)
{
    char *from = (char *)base + old_size;
    if (mprotect(from, size - old_size, PROT_READ | PROT_WRITE) != 0)
        return false;
    if (size - old_size >= LARGE)
        madvise(from, size - old_size, MADV_HUGEPAGE);
    return true;
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
