/*
 * threads.c: a pool of threads. The pieces of a job are dealt out as one run of numbers to each
 * thread, so that a thread meets the same memory in one job after the other; one that is done with
 * its run helps the others. The caller waits only for pieces that another thread has begun: a
 * thread that wakes late, or has no processor, delays nobody.
 */
#define _POSIX_C_SOURCE 200809L
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "internal.h"

enum {
    SPINS = 4096,         /* looks before a thread sleeps: some ten to a hundred microseconds */
    STACK_SIZE = 1 << 20, /* kernels keep blocks on the stack; some systems' default is small */
    LINE = 64             /* bytes that processors exchange */
};

/* One thread. The caller is number 0, without a handle. */
typedef struct worker {
    rg_threads *pool;
    int number;
    pthread_t handle;
    _Atomic uint64_t next; /* job number << 32 | the next piece of its run */
    char apart[LINE];
} worker;

struct rg_threads {
    rg_allocator allocator;
    int count, started;
    atomic_flag busy;

    /* The job. Threads that are late read it while the next one is written: then they find in
     * `next` that the job is over. */
    _Atomic(rgi_piece *) body;
    _Atomic(void *) context;
    _Atomic int64_t size, grain, pieces;
    _Atomic uint32_t job; /* its number; a new one announces it */
    char apart[LINE];
    _Atomic int64_t done; /* pieces */
    char apart_too[LINE];

    atomic_bool stop, waiting; /* `waiting`: the caller sleeps until all is done */
    atomic_int sleepers;
    pthread_mutex_t lock;
    pthread_cond_t work, finished;
    worker workers[];
};

static size_t pool_bytes(int count)
{
    return sizeof(rg_threads) + (size_t)count * sizeof(worker);
}

/* Tells the processor that the thread only waits. */
static void pause_briefly(void)
{
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- pieces ---- */

static int64_t run_start(int64_t pieces, int count, int number)
{
    return pieces * number / count;
}

/* Takes a piece of a run up to `end`; false if none is left or the job is over. */
static bool claim(worker *run, uint32_t job, int64_t end, int64_t *piece)
{
    uint64_t next = atomic_load(&run->next);
    while (next >> 32 == job && (int64_t)(uint32_t)next < end)
        if (atomic_compare_exchange_weak(&run->next, &next, next + 1)) {
            *piece = (uint32_t)next;
            return true;
        }
    return false;
}

/* Does the pieces of its own run, then those left of the others'; returns how many. What was read
 * of the job is right if a piece is claimed: `next` changes before the job does, and pieces are
 * left only until it does. */
static int64_t take_part(rg_threads *pool, int number, uint32_t job)
{
    rgi_piece *body = atomic_load(&pool->body);
    void *context = atomic_load(&pool->context);
    const int64_t size = atomic_load(&pool->size), grain = atomic_load(&pool->grain);
    const int64_t pieces = atomic_load(&pool->pieces);
    int64_t mine = 0, piece;
    for (int k = 0; k < pool->count; k++) {
        int run = (number + k) % pool->count;
        const int64_t end = run_start(pieces, pool->count, run + 1);
        while (claim(&pool->workers[run], job, end, &piece)) {
            const int64_t first = piece * grain;
            body(context, first, piece == pieces - 1 ? size : first + grain);
            mine++;
        }
    }
    return mine;
}

/* ---- workers ---- */

static bool is_called(rg_threads *pool, uint32_t seen)
{
    return atomic_load(&pool->job) != seen || atomic_load(&pool->stop);
}

/* The order of looking at `job` and counting as a sleeper matters: whoever announces a job writes
 * it first and then looks for sleepers. */
static void await_job(rg_threads *pool, uint32_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (is_called(pool, seen))
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!is_called(pool, seen))
        pthread_cond_wait(&pool->work, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void finish_pieces(rg_threads *pool, int64_t pieces)
{
    if (pieces == 0)
        return;
    atomic_fetch_add(&pool->done, pieces);
    if (!atomic_load(&pool->waiting))
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
    sched_yield(); /* the caller may want this processor */
}

static void *work(void *argument)
{
    worker *self = argument;
    rg_threads *pool = self->pool;
    for (uint32_t seen = 0;;) {
        await_job(pool, seen);
        if (atomic_load(&pool->stop))
            return NULL;
        seen = atomic_load(&pool->job);
        finish_pieces(pool, take_part(pool, self->number, seen));
    }
}

/* ---- jobs ---- */

/* Wakes whoever sleeps, after a change of `job` or `stop`. */
static void call_workers(rg_threads *pool)
{
    if (atomic_load(&pool->sleepers) == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void announce(rg_threads *pool, int64_t size, int64_t grain, int64_t pieces, rgi_piece *body,
                     void *context)
{
    const uint32_t job = atomic_load(&pool->job) + 1;
    atomic_store_explicit(&pool->done, 0, memory_order_release);
    for (int k = 0; k < pool->count; k++) {
        uint64_t next = (uint64_t)job << 32 | (uint64_t)run_start(pieces, pool->count, k);
        atomic_store_explicit(&pool->workers[k].next, next, memory_order_release);
    }
    atomic_store_explicit(&pool->body, body, memory_order_release);
    atomic_store_explicit(&pool->context, context, memory_order_release);
    atomic_store_explicit(&pool->size, size, memory_order_release);
    atomic_store_explicit(&pool->grain, grain, memory_order_release);
    atomic_store_explicit(&pool->pieces, pieces, memory_order_release);
    atomic_store(&pool->job, job);
    call_workers(pool);
}

static void await_done(rg_threads *pool, int64_t pieces)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->done) == pieces)
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->waiting, true);
    while (atomic_load(&pool->done) != pieces)
        pthread_cond_wait(&pool->finished, &pool->lock);
    atomic_store(&pool->waiting, false);
    pthread_mutex_unlock(&pool->lock);
}

void rgi_parallel_pieces(rg_threads *pool, int64_t size, int64_t grain, rgi_piece *body,
                         void *context)
{
    const int64_t pieces = size / grain;
    bool alone = !pool || pool->count == 1 || pieces > UINT32_MAX;
    if (alone || atomic_flag_test_and_set(&pool->busy)) {
        for (int64_t i = 0; i < pieces - 1; i++)
            body(context, i * grain, (i + 1) * grain);
        body(context, (pieces - 1) * grain, size);
        return;
    }
    announce(pool, size, grain, pieces, body, context);
    atomic_fetch_add(&pool->done, take_part(pool, 0, atomic_load(&pool->job)));
    await_done(pool, pieces);
    atomic_flag_clear(&pool->busy);
}

/* ---- copies ---- */

typedef struct copying {
    char *to;
    const char *from;
} copying;

static void copy_piece(void *context, int64_t first, int64_t last)
{
    const copying *copy = context;
    memcpy(copy->to + first, copy->from + first, (size_t)(last - first));
}

void rgi_parallel_copy(rg_threads *pool, void *to, const void *from, size_t size)
{
    copying copy = {to, from};
    rgi_parallel(pool, (int64_t)size, RGI_GRAIN_OF_BYTES, copy_piece, &copy);
}

/* ---- making and ending ---- */

/* Starts the threads with signals blocked: they inherit the mask. Returns whether all run. */
static bool start_workers(rg_threads *pool)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    pthread_attr_t attributes;
    sigset_t blocked, before;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&blocked, own[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    while (pool->started < pool->count) {
        worker *next = &pool->workers[pool->started];
        if (pthread_create(&next->handle, &attributes, work, next) != 0)
            break;
        pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return pool->started == pool->count;
}

rg_threads *rg_threads_create(int count, const rg_allocator *allocator, rg_error *error)
{
    if (count < 1 || count > RG_MAX_THREADS) {
        rgi_set_error(error, RG_ERROR_ARGUMENT, "threads: there cannot be %d; 1 to %d can", count,
                      (int)RG_MAX_THREADS);
        return NULL;
    }
    rg_threads *pool = rgi_alloc(allocator, pool_bytes(count));
    if (!pool) {
        rgi_set_error(error, RG_ERROR_MEMORY, "threads: there is no memory for %d of them", count);
        return NULL;
    }
    memset(pool, 0, pool_bytes(count));
    if (allocator)
        pool->allocator = *allocator;
    pool->count = count;
    pool->started = 1;
    atomic_flag_clear(&pool->busy);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    for (int i = 0; i < count; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].number = i;
    }
    if (start_workers(pool))
        return pool;
    rgi_set_error(error, RG_ERROR_MEMORY, "threads: the system started %d of %d", pool->started - 1,
                  count - 1);
    rg_threads_destroy(pool);
    return NULL;
}

void rg_threads_destroy(rg_threads *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    call_workers(pool);
    for (int i = 1; i < pool->started; i++)
        pthread_join(pool->workers[i].handle, NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    rg_allocator allocator = pool->allocator;
    rgi_free(&allocator, pool, pool_bytes(pool->count));
}

int rg_threads_count(const rg_threads *threads)
{
    return threads ? threads->count : 1;
}
