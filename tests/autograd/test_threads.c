/* test_threads.c: the pool itself. Nothing here needs more than one processor. */
#include "../check.h"
#include "../failing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "../../autograd/internal.h"

SUITE(threads);

/* ---- coverage ---- */

enum { MOST = 3000 };

typedef struct counts {
    atomic_int done[MOST]; /* how often each element was */
    atomic_int pieces;
    int64_t grain, size;
    atomic_int wrong; /* pieces that are none of those promised */
} counts;

static void count_piece(void *context, int64_t first, int64_t last)
{
    counts *c = context;
    bool whole = c->size < 2 * c->grain, is_last = c->size - first < 2 * c->grain;
    int64_t end = whole || is_last ? c->size : first + c->grain;
    if (last != end || (whole ? first != 0 : first % c->grain != 0))
        atomic_fetch_add(&c->wrong, 1);
    for (int64_t i = first; i < last; i++)
        atomic_fetch_add(&c->done[i], 1);
    atomic_fetch_add(&c->pieces, 1);
}

static void check_coverage(rg_threads *pool, int64_t size, int64_t grain)
{
    static counts c;
    memset(&c, 0, sizeof c);
    c.size = size;
    c.grain = grain;
    rgi_parallel(pool, size, grain, count_piece, &c);
    for (int64_t i = 0; i < MOST; i++)
        cr_assert(c.done[i] == (i < size), "element %d of %d was done %d times", (int)i, (int)size,
                  (int)c.done[i]);
    int64_t pieces = size < 2 * grain ? 1 : size / grain;
    cr_assert(c.wrong == 0 && c.pieces == pieces);
}

Test(threads, every_element_is_done_once_in_the_same_pieces)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 63, 100, 997, MOST};
    static const int64_t grains[] = {1, 2, 3, 8, 50, 998, 5000};
    static const int counts_[] = {0, 1, 2, 3, 4, 7};
    for (size_t k = 0; k < sizeof counts_ / sizeof *counts_; k++) {
        rg_threads *pool = counts_[k] ? rg_threads_create(counts_[k], NULL, NULL) : NULL;
        cr_assert(rg_threads_count(pool) == (counts_[k] ? counts_[k] : 1));
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t j = 0; j < sizeof grains / sizeof *grains; j++)
                check_coverage(pool, sizes[i], grains[j]);
        rg_threads_destroy(pool);
    }
}

/* ---- many jobs ---- */

enum { WIDTH = 64 };

static void add_one(void *context, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++)
        ((int64_t *)context)[i]++;
}

static void sleep_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

Test(threads, a_pool_does_thousands_of_jobs)
{
    int64_t sums[WIDTH] = {0};
    const int jobs = 20000;
    rg_threads *pool = rg_threads_create(4, NULL, NULL);
    for (int job = 0; job < jobs; job++) {
        rgi_parallel(pool, WIDTH, 1 + job % 7, add_one, sums);
        if (job % 1000 == 999) /* the threads fall asleep */
            sleep_briefly();
    }
    rg_threads_destroy(pool);
    for (int i = 0; i < WIDTH; i++)
        cr_assert(sums[i] == jobs, "element %d was done %d times", i, (int)sums[i]);
}

/* Pieces that take so long that the caller has to sleep until the others are done. */
static void sleep_and_add(void *context, int64_t first, int64_t last)
{
    sleep_briefly();
    add_one(context, first, last);
}

Test(threads, the_caller_waits_for_slow_pieces)
{
    int64_t sums[WIDTH] = {0};
    rg_threads *pool = rg_threads_create(3, NULL, NULL);
    for (int job = 0; job < 10; job++) {
        rgi_parallel(pool, 3 + job, 1, sleep_and_add, sums);
        for (int i = 0; i < WIDTH; i++)
            cr_assert(sums[i] == (i < 3 ? job + 1 : i < 3 + job ? job + 3 - i : 0));
    }
    rg_threads_destroy(pool);
}

Test(threads, pools_come_and_go)
{
    int64_t sums[WIDTH] = {0};
    for (int i = 0; i < 200; i++) {
        rg_threads *pool = rg_threads_create(1 + i % 5, NULL, NULL);
        if (i % 2)
            rgi_parallel(pool, WIDTH, 1, add_one, sums);
        rg_threads_destroy(pool);
    }
    for (int i = 0; i < WIDTH; i++)
        cr_assert(sums[i] == 100);
    rg_threads_destroy(NULL);
}

/* ---- several callers ---- */

typedef struct caller {
    rg_threads *pool;
    int64_t sums[WIDTH];
} caller;

static void *call_often(void *argument)
{
    caller *c = argument;
    for (int i = 0; i < 3000; i++)
        rgi_parallel(c->pool, WIDTH, 2, add_one, c->sums);
    return NULL;
}

Test(threads, several_callers_share_a_pool)
{
    enum { CALLERS = 3 };
    caller callers[CALLERS] = {{NULL, {0}}};
    pthread_t handles[CALLERS];
    rg_threads *pool = rg_threads_create(2, NULL, NULL);
    for (int k = 0; k < CALLERS; k++) {
        callers[k].pool = pool;
        cr_assert(pthread_create(&handles[k], NULL, call_often, &callers[k]) == 0);
    }
    for (int k = 0; k < CALLERS; k++)
        pthread_join(handles[k], NULL);
    rg_threads_destroy(pool);
    for (int k = 0; k < CALLERS; k++)
        for (int i = 0; i < WIDTH; i++)
            cr_assert(callers[k].sums[i] == 3000);
}

static void nested(void *context, int64_t first, int64_t last)
{
    caller *c = context;
    for (int64_t i = first; i < last; i++)
        rgi_parallel(c->pool, 4, 1, add_one, c->sums + 4 * i);
}

Test(threads, a_piece_may_have_pieces)
{
    caller c = {rg_threads_create(3, NULL, NULL), {0}};
    rgi_parallel(c.pool, WIDTH / 4, 1, nested, &c);
    for (int i = 0; i < WIDTH; i++)
        cr_assert(c.sums[i] == 1);
    rg_threads_destroy(c.pool);
}

/* ---- signals ---- */

static atomic_int handled_elsewhere;
static pthread_t main_thread;

static void handle(int number)
{
    (void)number;
    if (!pthread_equal(pthread_self(), main_thread))
        atomic_fetch_add(&handled_elsewhere, 1);
}

Test(threads, signals_are_not_for_them)
{
    sigset_t before, blocked, after;
    main_thread = pthread_self();
    signal(SIGUSR1, handle);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    rg_threads *pool = rg_threads_create(4, NULL, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < 32; number++)
        cr_assert(sigismember(&before, number) == sigismember(&after, number));
    /* A signal to the process goes to a thread that does not block it: there is none but this. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    kill(getpid(), SIGUSR1);
    sleep_briefly();
    sigset_t pending;
    sigpending(&pending);
    cr_assert(sigismember(&pending, SIGUSR1), "another thread took the signal");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    cr_assert(handled_elsewhere == 0);
    rg_threads_destroy(pool);
}

/* ---- errors ---- */

Test(threads, refuses_other_counts)
{
    static const int wrong[] = {-1, 0, RG_MAX_THREADS + 1};
    for (int i = 0; i < 3; i++) {
        rg_error error = {RG_OK, ""};
        cr_assert(!rg_threads_create(wrong[i], NULL, &error));
        CHECK_STATUS(error.status, RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "1 to 256"), "%s", error.message);
        cr_assert(!rg_threads_create(wrong[i], NULL, NULL));
    }
}

Test(threads, survives_failing_allocations)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_threads *pool = rg_threads_create(3, &allocator, &error);
        cr_assert(!pool == (error.status != RG_OK));
        rg_threads_destroy(pool);
        CHECK_FAILURE(memory, error.status);
    }
}

#if defined(WRAP_PTHREAD_CREATE)
/* The linker sends the library's calls here: thread number `refused`, from 1, does not start. */
static int refused, asked;
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *handle, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument)
{
    if (++asked == refused)
        return EAGAIN;
    return __real_pthread_create(handle, attributes, start, argument);
}

Test(threads, survives_threads_that_do_not_start)
{
    for (refused = 1; refused <= 4; refused++) {
        failing memory = {0};
        rg_allocator allocator = {failing_resize, &memory};
        rg_error error = {RG_OK, ""};
        asked = 0;
        rg_threads *pool = rg_threads_create(4, &allocator, &error);
        cr_assert(!pool == (refused <= 3));
        CHECK_STATUS(error.status, refused <= 3 ? RG_ERROR_MEMORY : RG_OK);
        if (!pool) {
            char text[32];
            snprintf(text, sizeof text, "started %d of 3", refused - 1);
            cr_assert(strstr(error.message, text), "%s", error.message);
        }
        rg_threads_destroy(pool);
        cr_assert(memory.live == 0 && memory.wrong_sizes == 0);
    }
}
#endif
