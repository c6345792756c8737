#include "../check.h"

#include <sys/resource.h>

#include "../../autograd/internal.h"
#include "../failing.h"
#include "twice.h"

SUITE(tape);

Test(tape, creation_and_destruction)
{
    rg_tape *tape = rg_tape_create();
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    cr_assert_str_empty(rg_tape_message(tape));
    cr_assert(rg_tape_get_stats(tape).nodes == 0);
    rg_tape_destroy(tape);
    rg_tape_destroy(NULL);
    CHECK_STATUS(rg_tape_status(NULL), RG_ERROR_ARGUMENT);
}

Test(tape, rewind_drops_what_came_after)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3);
    rg_mark mark = rg_tape_mark(tape);
    rg_value y = twice(x);
    cr_assert(rg_is_live(y));
    CHECK_STATUS(rg_tape_rewind(tape, mark), RG_OK);
    cr_assert(rg_is_live(x));
    cr_assert(!rg_is_live(y));
    cr_assert(isnan(rg_item(y)));
    CHECK_NEAR(rg_item(x), 3, 0);
    rg_value z = twice(x);
    cr_assert(rg_is_live(z));
    cr_assert(!rg_is_live(y), "the new node must not revive the old handle");
    rg_tape_destroy(tape);
}

/* Marks of different depth in random order, against a simple model of what is alive. */
Test(tape, handles_follow_a_model_through_random_rewinds)
{
    enum { STEPS = 20000, MOST = 64 };
    rg_random random = rg_random_create(7);
    rg_tape *tape = rg_tape_create();
    rg_value live[MOST], dead[MOST];
    rg_mark marks[MOST + 1];
    int live_count = 0, dead_count = 0;
    marks[0] = rg_tape_mark(tape);
    for (int step = 0; step < STEPS; step++) {
        if (live_count < MOST && rg_random_below(&random, 3) > 0) {
            live[live_count] = rg_input(tape, step);
            live_count++;
            marks[live_count] = rg_tape_mark(tape);
        } else {
            int keep = (int)rg_random_below(&random, (uint64_t)live_count + 1);
            CHECK_STATUS(rg_tape_rewind(tape, marks[keep]), RG_OK);
            for (int i = keep; i < live_count; i++)
                dead[dead_count++ % MOST] = live[i];
            live_count = keep;
        }
        for (int i = 0; i < live_count; i++)
            cr_assert(rg_is_live(live[i]) && rg_item(live[i]) >= 0);
        for (int i = 0; i < dead_count && i < MOST; i++)
            cr_assert(!rg_is_live(dead[i]));
    }
    rg_tape_destroy(tape);
}

Test(tape, a_dropped_mark_is_refused)
{
    rg_tape *tape = rg_tape_create();
    rg_mark start = rg_tape_mark(tape);
    rg_input(tape, 1);
    rg_value kept = rg_input(tape, 2);
    rg_mark inner = rg_tape_mark(tape);
    CHECK_STATUS(rg_tape_rewind(tape, start), RG_OK);
    CHECK_STATUS(rg_tape_rewind(tape, inner), RG_ERROR_STALE);
    rg_input(tape, 3);
    rg_value other = rg_input(tape, 4);
    CHECK_STATUS(rg_tape_rewind(tape, inner), RG_ERROR_STALE);
    cr_assert(rg_is_live(other) && !rg_is_live(kept));
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    rg_tape_destroy(tape);
}

Test(tape, serials_do_not_wrap_with_steps)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    rg_mark mark = rg_tape_mark(tape);
    rg_value old = rg_input(tape, 2);
    rg_tape_rewind(tape, mark);
    /* As if 2^40 nodes had been recorded and dropped since. */
    tape->cursor.origin += (uint64_t)1 << 40;
    rg_value now = rg_input(tape, 3);
    cr_assert(rg_is_live(x) && rg_is_live(now) && !rg_is_live(old));
    cr_assert((uint32_t)old.serial == 2, "a 32-bit counter would have met it again");
    rg_tape_destroy(tape);
}

Test(tape, reset_keeps_memory_and_clears_the_error)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_tensor(tape, RG_F64, RG_SHAPE(100, 100), NULL);
    rg_no_grad_end(tape);
    CHECK_FAILED(tape, RG_ERROR_STATE, "no open no_grad region");
    size_t bytes = rg_tape_get_stats(tape).tensor_bytes;
    rg_tape_reset(tape);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    cr_assert(!rg_is_live(x));
    cr_assert(rg_tape_get_stats(tape).nodes == 0);
    cr_assert(rg_tape_get_stats(tape).tensor_bytes == bytes);
    x = rg_input(tape, 1);
    rg_tape_reset(tape);
    cr_assert(!rg_is_live(x));
    rg_tape_destroy(tape);
}

Test(tape, warm_steps_allocate_nothing)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_tensor(tape, RG_F64, RG_SHAPE(50, 60), NULL);
    rg_mark mark = rg_tape_mark(tape);
    size_t bytes = 0, nodes = 0;
    for (int step = 0; step < 100; step++) {
        rg_value y = x;
        for (int i = 0; i < 30; i++)
            y = twice(y);
        static const double up[3000] = {1};
        CHECK_STATUS(rg_backward_with(y, up), RG_OK);
        rg_tape_stats stats = rg_tape_get_stats(tape);
        if (step == 0) {
            bytes = stats.tensor_bytes;
            nodes = stats.node_bytes;
        }
        cr_assert(stats.tensor_bytes == bytes && stats.node_bytes == nodes);
        cr_assert(stats.tensor_used <= stats.tensor_bytes);
        rg_tape_rewind(tape, mark);
    }
    rg_tape_destroy(tape);
}

Test(tape, the_first_error_stays)
{
    rg_tape *tape = rg_tape_create(), *other = rg_tape_create();
    rg_value x = rg_input(tape, 1), foreign = rg_input(other, 2);
    rg_mark mark = rg_tape_mark(tape);
    rg_value y = sum_of(x, foreign);
    cr_assert(y.serial == 0 && y.tape == tape);
    CHECK_FAILED(tape, RG_ERROR_TAPE, "sum_of at node 2: input 2 is on another tape");
    uint64_t nodes = rg_tape_get_stats(tape).nodes;
    rg_value z = twice(x);
    cr_assert(z.serial == 0);
    rg_value never = {0};
    sum_of(x, never);
    CHECK_FAILED(tape, RG_ERROR_TAPE, "input 2 is on another tape");
    cr_assert(rg_tape_get_stats(tape).nodes == nodes);
    CHECK_STATUS(rg_backward(x), RG_ERROR_TAPE);
    CHECK_STATUS(rg_tape_rewind(tape, mark), RG_OK);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    CHECK_NEAR(rg_item(twice(x)), 2, 0);
    CHECK_STATUS(rg_tape_status(other), RG_OK);
    rg_tape_destroy(tape);
    rg_tape_destroy(other);
}

Test(tape, stale_and_inert_operands_are_named)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    rg_mark mark = rg_tape_mark(tape);
    rg_value y = twice(x);
    rg_tape_rewind(tape, mark);
    sum_of(x, y);
    CHECK_FAILED(tape, RG_ERROR_STALE, "sum_of at node 2: input 2 was dropped by a rewind");
    rg_tape_rewind(tape, mark);
    sum_of(x, (rg_value){tape, 0});
    CHECK_FAILED(tape, RG_ERROR_STALE, "input 2 is the inert value");
    rg_tape_rewind(tape, mark);
    sum_of(x, (rg_value){NULL, 0});
    CHECK_FAILED(tape, RG_ERROR_STALE, "input 2 is no recorded value");
    rg_tape_rewind(tape, mark);
    sum_of(x, (rg_value){tape, 12345});
    CHECK_FAILED(tape, RG_ERROR_STALE, "input 2 was dropped");
    rg_value nothing = sum_of((rg_value){0}, (rg_value){0});
    cr_assert(nothing.tape == NULL && nothing.serial == 0);
    rg_tape_rewind(tape, mark);
    CHECK_STATUS(rg_backward((rg_value){tape, 0}), RG_ERROR_STALE);
    CHECK_STATUS(rg_backward((rg_value){0}), RG_ERROR_STALE);
    rg_tape_destroy(tape);
}

static void count_errors(void *context, const rg_error *error)
{
    int *calls = context;
    if (error->status == RG_ERROR_STATE && strstr(error->message, "no_grad"))
        ++*calls;
}

Test(tape, the_callback_sees_each_first_error)
{
    int calls = 0;
    rg_tape_options options = {.on_error = count_errors, .context = &calls};
    rg_tape *tape = rg_tape_create_with(&options);
    rg_no_grad_end(tape);
    rg_no_grad_end(tape);
    cr_assert(calls == 1);
    rg_tape_reset(tape);
    rg_no_grad_end(tape);
    cr_assert(calls == 2);
    rg_tape_destroy(tape);
}

Test(tape, a_full_tape_is_an_error)
{
    rg_tape_options options = {.max_nodes = 10};
    rg_tape *tape = rg_tape_create_with(&options);
    rg_mark mark = rg_tape_mark(tape);
    for (int i = 0; i < 10; i++)
        cr_assert(rg_input(tape, i).serial != 0);
    rg_input(tape, 10);
    CHECK_FAILED(tape, RG_ERROR_LIMIT, "the allowed 10 nodes");
    rg_tape_rewind(tape, mark);
    cr_assert(rg_input(tape, 1).serial != 0);
    rg_tape_destroy(tape);
}

Test(tape, no_grad_regions_nest)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 2);
    rg_no_grad_begin(tape);
    rg_no_grad_begin(tape);
    rg_value constant = twice(x);
    rg_no_grad_end(tape);
    rg_value also = twice(x);
    rg_no_grad_end(tape);
    rg_value y = sum_of(twice(x), sum_of(constant, also));
    CHECK_NEAR(rg_item(y), 12, 0);
    CHECK_STATUS(rg_backward(y), RG_OK);
    CHECK_NEAR(rg_grad(x), 2, 0);
    CHECK_NEAR(rg_grad(constant), 0, 0);
    cr_assert(!rg_is_reached(constant));
    rg_tape_destroy(tape);
}

/* ---- memory ---- */

static rg_status small_program(const rg_allocator *allocator)
{
    rg_tape *tape = rg_tape_create_with(&(rg_tape_options){.allocator = allocator});
    rg_param *param = rg_param_create(allocator, RG_F32, RG_SHAPE(3, 4));
    rg_value x = rg_input_tensor(tape, RG_F64, RG_SHAPE(40, 50), NULL);
    rg_value y = twice(rg_use(tape, param));
    rg_value scalars[40];
    for (int i = 0; i < 40; i++)
        scalars[i] = rg_at(x, RG_AXES(i, 0));
    rg_value z = rg_tensor_of(RG_SHAPE(40), scalars);
    for (int i = 0; i < 5000; i++)
        rg_input(tape, i);
    static const double up[40] = {1};
    rg_status status = rg_backward_with(z, up);
    if (status == RG_OK && !rg_is_reached(x))
        status = rg_tape_status(tape) == RG_OK ? RG_ERROR_STATE : rg_tape_status(tape);
    if (status == RG_OK && !rg_is_live(y))
        status = RG_ERROR_STATE;
    /* The tape stays usable: what fails fails again cleanly, what fits works. */
    rg_tape_reset(tape);
    rg_input(tape, 1);
    rg_tape_destroy(tape);
    rg_param_destroy(param);
    return status;
}

Test(tape, every_allocation_may_fail)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_status status = small_program(&allocator);
        if (status == RG_ERROR_ARGUMENT)
            status = RG_ERROR_MEMORY; /* the parameter itself could not be made */
        CHECK_FAILURE(memory, status);
    }
}

Test(tape, a_tape_without_memory_is_inert)
{
    failing memory = {.fail_at = 1, .sticky = 1};
    rg_allocator allocator = {failing_resize, &memory};
    rg_tape *tape = rg_tape_create_with(&(rg_tape_options){.allocator = &allocator});
    cr_assert_not_null(tape);
    CHECK_FAILED(tape, RG_ERROR_MEMORY, "no memory");
    rg_value x = rg_input(tape, 1);
    cr_assert(x.serial == 0 && isnan(rg_item(x)));
    rg_no_grad_begin(tape);
    rg_no_grad_end(tape);
    rg_tape_reset(tape);
    CHECK_STATUS(rg_backward(x), RG_ERROR_MEMORY);
    CHECK_STATUS(rg_tape_rewind(tape, rg_tape_mark(tape)), RG_ERROR_MEMORY);
    rg_tape_destroy(tape);
}

#ifndef CHECK_LEAKS /* the sanitizer needs terabytes of addresses itself */
Test(tape, without_reserved_addresses_it_grows_in_blocks)
{
    struct rlimit limit = {(rlim_t)2 << 30, (rlim_t)2 << 30};
    cr_assert(setrlimit(RLIMIT_AS, &limit) == 0);
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    cr_assert(rg_tape_get_stats(tape).reserved_addresses == 0);
    rg_value y = x;
    for (int i = 0; i < 20000; i++)
        y = twice(rg_input(tape, i));
    CHECK_NEAR(rg_item(y), 2 * 19999, 0);
    CHECK_STATUS(rg_backward(y), RG_OK);
    /* More tensor memory than there is: an error, and the tape lives on. */
    rg_mark mark = rg_tape_mark(tape);
    rg_value big = rg_input_tensor(tape, RG_F64, RG_SHAPE(1 << 20, 1 << 10), NULL);
    cr_assert(big.serial == 0);
    CHECK_FAILED(tape, RG_ERROR_MEMORY, "there is no memory");
    rg_tape_rewind(tape, mark);
    CHECK_NEAR(rg_item(twice(x)), 2, 0);
    rg_tape_destroy(tape);
}

/* Beyond some thousands a system refuses further pieces of reserved memory. */
Test(tape, more_tapes_than_the_system_can_map)
{
    enum { COUNT = 8000 };
    static rg_tape *tapes[COUNT];
    rg_tape_options options = {.max_nodes = 1000};
    for (int i = 0; i < COUNT; i++) {
        tapes[i] = rg_tape_create_with(&options);
        rg_value y = twice(rg_input(tapes[i], i));
        cr_assert(rg_backward(y) == RG_OK, "tape %d: %s", i, rg_tape_message(tapes[i]));
        CHECK_NEAR(rg_item(y), 2 * i, 0);
    }
    for (int i = 0; i < COUNT; i++)
        rg_tape_destroy(tapes[i]);
}
#endif

Test(tape, many_tapes_at_once)
{
    enum { COUNT = 500 };
    rg_tape *tapes[COUNT];
    rg_value x[COUNT];
    for (int i = 0; i < COUNT; i++) {
        tapes[i] = rg_tape_create();
        x[i] = twice(rg_input(tapes[i], i));
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_STATUS(rg_backward(x[i]), RG_OK);
        CHECK_NEAR(rg_item(x[i]), 2 * i, 0);
        rg_tape_destroy(tapes[i]);
    }
}
