/*
 * threads.h: threads that share the work of one tape or optimizer.
 *
 *     rg_threads *threads = rg_threads_create(4, NULL, &error);
 *     rg_tape_set_threads(tape, threads);
 *     ...
 *     rg_tape_destroy(tape);
 *     rg_threads_destroy(threads);
 *
 * Large operations are cut into pieces that do not depend on each other: results are bitwise the
 * same for any number of threads, and without any. Small ones are not cut. Only the library's own
 * loops run in these threads, never a function of yours.
 *
 * A pool waits for a moment by looking again and again, since the next piece of work is often near,
 * and then sleeps until it is called. More threads than processors make nothing faster.
 */
#ifndef RG_AUTOGRAD_THREADS_H
#define RG_AUTOGRAD_THREADS_H

#include "allocator.h"
#include "status.h"

RG_BEGIN_DECLS

typedef struct rg_threads rg_threads;

enum { RG_MAX_THREADS = 256 };

/* A pool of `count` threads, 1 to RG_MAX_THREADS. The thread that has work to do counts as one of
 * them, so count - 1 are started; 1 starts none. They block all signals but those of their own
 * mistakes, such as SIGSEGV, and compute with the floating-point environment (fenv.h) that the
 * caller has now. `allocator` NULL: the C library's. NULL, with `error` filled, for another count
 * (RG_ERROR_ARGUMENT), without memory, or if the system starts no more threads (RG_ERROR_MEMORY).
 *
 * Any number of tapes and optimizers may use a pool. It serves one of them at a time: one that
 * finds it at work for another thread works alone, with the same result. The child of a fork must
 * not use or destroy its parent's pools. */
RG_API rg_threads *rg_threads_create(int count, const rg_allocator *allocator, rg_error *error);

/* Ends the threads and frees the pool, which nothing may use any more. NULL is allowed. */
RG_API void rg_threads_destroy(rg_threads *threads);

/* How many threads a pool has, the caller's included; 1 for NULL. */
RG_API int rg_threads_count(const rg_threads *threads);

RG_END_DECLS

#endif
