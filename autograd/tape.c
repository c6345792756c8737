/* tape.c: creation, room for nodes, serials, marks, errors. */
#include "tape.h"

#include <stdio.h>
#include <string.h>

#include "internal.h"

/* The external definitions of cursor.h's functions. */
extern inline rg_cursor *rgi_cursor(rg_tape *tape);
extern inline uint32_t rgi_scalar_node(const rg_cursor *cursor, uint64_t serial);
extern inline rg_value rgi_push(rg_tape *tape, int code, uint32_t a, uint32_t b, double value);
extern inline uint32_t rgi_push_constant(rg_cursor *cursor, double number);

enum { FIRST_CAPACITY = 4096, FIRST_SEGMENTS = 8 };
static const uint64_t default_max_nodes = (uint64_t)1 << 30;
static const uint64_t largest_max_nodes = UINT32_MAX - 1;

/* ---- errors ---- */

void rgi_set_error(rg_error *error, rg_status status, const char *format, ...)
{
    if (!error)
        return;
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
}

rg_status rgi_vfail(rg_tape *tape, rg_status status, const char *format, va_list arguments)
{
    if (!tape || tape->inert || tape->error.status != RG_OK)
        return status;
    tape->error.status = status;
    vsnprintf(tape->error.message, sizeof tape->error.message, format, arguments);
    rgi_update_limit(tape);
    if (tape->on_error)
        tape->on_error(tape->context, &tape->error);
    return status;
}

rg_status rgi_fail(rg_tape *tape, rg_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    rgi_vfail(tape, status, format, arguments);
    va_end(arguments);
    return status;
}

rg_status rg_tape_status(const rg_tape *tape)
{
    return tape ? tape->error.status : RG_ERROR_ARGUMENT;
}

const char *rg_tape_message(const rg_tape *tape)
{
    return tape ? tape->error.message : "the tape is NULL";
}

/* ---- creation ---- */

/* Stands for every tape that could not be created. It is never written to. */
static const rg_tape inert_tape = {
    .inert = true,
    .error = {RG_ERROR_MEMORY, "tape: there is no memory to create it"},
};

rg_tape *rg_tape_create(void)
{
    return rg_tape_create_with(NULL);
}

rg_tape *rg_tape_create_with(const rg_tape_options *options)
{
    static const rg_tape_options defaults;
    if (!options)
        options = &defaults;
    rg_tape *tape = rgi_alloc(options->allocator, sizeof *tape);
    if (!tape)
        return (rg_tape *)(uintptr_t)&inert_tape;
    memset(tape, 0, sizeof *tape);
    if (options->allocator)
        tape->allocator = *options->allocator;
    tape->max_nodes = options->max_nodes ? options->max_nodes : default_max_nodes;
    if (tape->max_nodes > largest_max_nodes)
        tape->max_nodes = largest_max_nodes;
    tape->on_error = options->on_error;
    tape->context = options->context;
    tape->cpu = rgi_cpu();
    tape->cursor.count = tape->cursor.base = tape->cursor.origin = 1;
    return tape;
}

/* ---- node arrays ---- */

/* The arrays that grow together, and the bytes each needs a node. */
enum { ARRAYS = RGI_NODE_ARRAYS };
static const size_t array_width[ARRAYS] = {sizeof(uint16_t), sizeof(rgi_operands), sizeof(double),
                                           sizeof(double), sizeof(double)};
enum { PAGE = 1 << 16 };

static size_t array_bytes(int array, uint64_t nodes)
{
    return (array_width[array] * (size_t)nodes + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void get_arrays(const rg_cursor *cursor, void *array[ARRAYS])
{
    array[0] = cursor->code;
    array[1] = cursor->operands;
    array[2] = cursor->value;
    array[3] = cursor->adjoint;
    array[4] = cursor->constant;
}

static void set_arrays(rg_cursor *cursor, void *const array[ARRAYS])
{
    cursor->code = array[0];
    cursor->operands = array[1];
    cursor->value = array[2];
    cursor->adjoint = array[3];
    cursor->constant = array[4];
}

/* The addresses that an array needs for every node there may ever be. */
static size_t array_span(const rg_tape *tape, int array)
{
    const size_t alignment = RGI_RESERVE_ALIGNMENT;
    return (array_bytes(array, tape->max_nodes + 1) + alignment - 1) & ~(alignment - 1);
}

static size_t reserved_bytes(const rg_tape *tape)
{
    size_t bytes = 0;
    for (int i = 0; i < ARRAYS; i++)
        bytes += array_span(tape, i);
    return bytes;
}

/* Address space for every node there may ever be; memory comes as they are recorded. A custom
 * allocator wants all memory to be its own, so it gets resizable blocks; so do tapes beyond what
 * the system can map. */
static void reserve_arrays(rg_tape *tape)
{
    if (tape->allocator.resize)
        return;
    char *base = rgi_reserve(reserved_bytes(tape));
    if (!base)
        return;
    char *next = base;
    void *array[ARRAYS];
    bool usable = true;
    for (int i = 0; i < ARRAYS; i++) {
        array[i] = next;
        next += array_span(tape, i);
        usable = usable && rgi_commit(array[i], 0, array_bytes(i, FIRST_CAPACITY));
    }
    if (!usable) {
        rgi_release(base, reserved_bytes(tape));
        return;
    }
    for (int i = 0; i < ARRAYS; i++)
        tape->array_size[i] = array_bytes(i, FIRST_CAPACITY);
    tape->reserved = base;
    set_arrays(&tape->cursor, array);
}

/* Memory that is not fresh from the system is not zero, as adjoints must be (backward.c). */
static void clear_new(const rg_tape *tape, int array, char *base, size_t size)
{
    if ((void *)base == tape->cursor.adjoint)
        memset(base + tape->array_size[array], 0, size - tape->array_size[array]);
}

static bool grow_arrays(rg_tape *tape, uint64_t capacity)
{
    void *array[ARRAYS];
    bool first = !tape->cursor.code;
    if (first)
        reserve_arrays(tape);
    for (int i = 0; i < ARRAYS; i++) {
        get_arrays(&tape->cursor, array);
        size_t size = array_bytes(i, capacity);
        if (size <= tape->array_size[i])
            continue;
        if (tape->reserved) {
            if (!rgi_commit(array[i], tape->array_size[i], size))
                return false;
        } else {
            array[i] = rgi_resize(&tape->allocator, array[i], tape->array_size[i], size);
            if (!array[i])
                return false;
            set_arrays(&tape->cursor, array);
            clear_new(tape, i, array[i], size);
        }
        tape->array_size[i] = size;
    }
    if (first)
        tape->cursor.code[0] = RGI_CODE_NONE;
    tape->capacity = capacity;
    return true;
}

bool rgi_grow(rg_tape *tape)
{
    if (tape->capacity > tape->max_nodes) {
        rgi_fail(tape, RG_ERROR_LIMIT, "tape: it holds the allowed %llu nodes",
                 (unsigned long long)tape->max_nodes);
        return false;
    }
    uint64_t capacity = tape->capacity ? 2 * tape->capacity : FIRST_CAPACITY;
    if (capacity > tape->max_nodes + 1)
        capacity = tape->max_nodes + 1;
    if (!grow_arrays(tape, capacity)) {
        rgi_fail(tape, RG_ERROR_MEMORY, "tape: there is no memory for node %llu",
                 (unsigned long long)tape->cursor.count);
        return false;
    }
    rgi_update_limit(tape);
    return true;
}

void rgi_update_limit(rg_tape *tape)
{
    bool open =
        tape->engine && tape->error.status == RG_OK && tape->no_grad == 0 && !tape->find_anomalies;
    tape->cursor.limit = open ? tape->capacity : 0;
    open = tape->error.status == RG_OK && tape->no_grad == 0 && !tape->find_anomalies;
    tape->cursor.statement_limit = open ? rgi_statement_limit(tape) : 0;
}

void rg_tape_destroy(rg_tape *tape)
{
    if (!tape || tape->inert)
        return;
    rg_allocator allocator = tape->allocator;
    rgi_arena_destroy(&tape->arena, &allocator);
    if (tape->reserved) {
        rgi_release(tape->reserved, reserved_bytes(tape));
    } else {
        void *array[ARRAYS];
        get_arrays(&tape->cursor, array);
        for (int i = 0; i < ARRAYS; i++)
            rgi_free(&allocator, array[i], tape->array_size[i]);
    }
    rgi_free_streams(tape);
    rgi_free(&allocator, tape->segments, tape->segment_capacity * sizeof *tape->segments);
    rgi_free(&allocator, tape->scratch, tape->scratch_size);
    rgi_free(&allocator, tape->operand_tensors,
             (size_t)tape->operand_capacity * (sizeof(rg_tensor) + sizeof(rg_tensor *)));
    rgi_free(&allocator, tape->reached, tape->reached_size);
    rgi_free_debug(tape);
    rgi_free_linear(tape);
    rg_tape_destroy(tape->inner);
    rgi_free(&allocator, tape->roots, (size_t)tape->root_capacity * sizeof *tape->roots);
    rgi_free(&allocator, tape, sizeof *tape);
}

/* ---- serials ---- */

rg_value rgi_inert(rg_tape *tape)
{
    return (rg_value){tape, 0};
}

rg_value rgi_value(rg_tape *tape, uint32_t node)
{
    rgi_segment segment = {tape->cursor.base, tape->cursor.origin};
    for (size_t i = tape->segment_count; node < segment.base && i > 0; i--)
        segment = tape->segments[i - 1];
    return (rg_value){tape, segment.origin + (node - segment.base)};
}

rg_value rgi_handle(rg_tape *tape, uint32_t node)
{
    rg_value value = rgi_value(tape, node);
    if (tape->cursor.code[node] == RGI_CODE_RECORD) {
        if (!rgi_is_scalar(&rgi_record_of(tape, node)->tensor))
            value.serial |= RG_TENSOR_BIT;
    }
    return value;
}

uint32_t rgi_find_node(const rg_tape *tape, uint64_t serial)
{
    serial &= ~RG_TENSOR_BIT;
    /* The last older segment that begins at or before the serial. */
    size_t low = 0, high = tape->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tape->segments[middle].origin <= serial)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    const rgi_segment *segment = &tape->segments[low - 1];
    uint64_t end = low < tape->segment_count ? segment[1].base : tape->cursor.base;
    uint64_t since = serial - segment->origin;
    return since < end - segment->base ? (uint32_t)(segment->base + since) : 0;
}

uint32_t rgi_live_node(rg_value x, const char *what)
{
    rg_tape *tape = x.tape;
    if (!tape || tape->error.status != RG_OK)
        return 0;
    uint32_t node = rgi_node(tape, x.serial);
    if (!node)
        rgi_fail(tape, RG_ERROR_STALE,
                 x.serial ? "%s: its operand was dropped by a rewind" : "%s: its operand is inert",
                 what);
    return node;
}

/* ---- marks ---- */

rg_mark rg_tape_mark(const rg_tape *tape)
{
    rg_mark mark = {.count = 1};
    if (!tape || tape->inert)
        return mark;
    const rg_cursor *cursor = &tape->cursor;
    mark.count = cursor->count;
    mark.constants = cursor->constants;
    mark.terms = rgi_terms(tape);
    mark.partials = rgi_partials(tape);
    mark.chunk = tape->arena.current;
    mark.used = tape->arena.current ? tape->arena.current->used : 0;
    if (cursor->count > cursor->base)
        mark.serial = cursor->origin + (cursor->count - 1 - cursor->base);
    else if (tape->segment_count > 0) {
        const rgi_segment *last = &tape->segments[tape->segment_count - 1];
        mark.serial = last->origin + (cursor->base - 1 - last->base);
    }
    return mark;
}

static bool keep_segment(rg_tape *tape, rgi_segment segment)
{
    if (tape->segment_count == tape->segment_capacity) {
        size_t capacity = tape->segment_capacity ? 2 * tape->segment_capacity : FIRST_SEGMENTS;
        rgi_segment *segments =
            rgi_resize(&tape->allocator, tape->segments, tape->segment_capacity * sizeof *segments,
                       capacity * sizeof *segments);
        if (!segments)
            return false;
        tape->segments = segments;
        tape->segment_capacity = capacity;
    }
    tape->segments[tape->segment_count++] = segment;
    return true;
}

/* Drops nodes from `count` on: later nodes get serials never used before. */
static bool drop_nodes(rg_tape *tape, uint64_t count)
{
    rg_cursor *cursor = &tape->cursor;
    if (count == cursor->count)
        return true;
    uint64_t next_serial = cursor->origin + (cursor->count - cursor->base);
    if (count > cursor->base) {
        if (!keep_segment(tape, (rgi_segment){cursor->base, cursor->origin}))
            return false;
    } else {
        while (tape->segment_count > 0 && tape->segments[tape->segment_count - 1].base >= count)
            tape->segment_count--;
    }
    cursor->count = cursor->base = count;
    cursor->origin = next_serial;
    cursor->low_count = 0;
    if (tape->segment_count > 0) {
        cursor->low_origin = tape->segments[0].origin;
        cursor->low_count = (tape->segment_count > 1 ? tape->segments[1].base : count) - 1;
    }
    return true;
}

static void forget(rg_tape *tape, uint64_t count)
{
    while (tape->params && tape->params->node >= count)
        tape->params = tape->params->next_param;
    if (tape->swept >= count) {
        tape->swept = count - 1;
        tape->root_count = 0;
    }
    if (tape->indexed >= count)
        tape->indexed = count - 1;
    if (tape->cursor.last_input >= count)
        tape->cursor.last_input = count - 1;
    tape->deferred = tape->deferred && tape->params;
    tape->reached_sweep = 0;
    rgi_forget_debug(tape, count);
    tape->error.status = RG_OK;
    tape->error.message[0] = 0;
    rgi_update_limit(tape);
}

rg_status rg_tape_rewind(rg_tape *tape, rg_mark mark)
{
    if (!tape || tape->inert)
        return rg_tape_status(tape);
    if (mark.count == 0 || mark.count > tape->cursor.count ||
        (mark.count > 1 && rgi_node(tape, mark.serial) != mark.count - 1))
        return RG_ERROR_STALE;
    if (!drop_nodes(tape, mark.count))
        return rgi_fail(tape, RG_ERROR_MEMORY, "rewind: there is no memory to remember the mark");
    tape->cursor.constants = mark.constants;
    if (tape->terms) {
        tape->cursor.term = tape->terms + mark.terms;
        tape->cursor.partial = tape->partials + mark.partials;
    }
    rgi_arena_release(&tape->arena, mark.chunk, mark.used);
    forget(tape, mark.count);
    return RG_OK;
}

void rg_tape_reset(rg_tape *tape)
{
    rg_tape_rewind(tape, (rg_mark){.count = 1});
}

/* ---- the rest ---- */

void rg_no_grad_begin(rg_tape *tape)
{
    if (!tape || tape->inert)
        return;
    tape->no_grad++;
    rgi_update_limit(tape);
}

void rg_no_grad_end(rg_tape *tape)
{
    if (!tape || tape->inert)
        return;
    if (tape->no_grad == 0) {
        rgi_fail(tape, RG_ERROR_STATE, "no_grad_end: there is no open no_grad region");
        return;
    }
    tape->no_grad--;
    rgi_update_limit(tape);
}

void rg_tape_set_threads(rg_tape *tape, rg_threads *threads)
{
    if (!tape || tape->inert)
        return;
    tape->threads = threads;
    rg_tape_set_threads(tape->inner, threads);
}

void rg_tape_set_matmul_precision(rg_tape *tape, rg_matmul_precision precision)
{
    if (!tape || tape->inert)
        return;
    tape->precision = precision;
    rg_tape_set_matmul_precision(tape->inner, precision);
}

void *rgi_tape_alloc_slowly(rg_tape *tape, size_t size)
{
    void *block = rgi_arena_alloc(&tape->arena, &tape->allocator, size);
    if (!block)
        rgi_fail(tape, RG_ERROR_MEMORY, "tape: there is no memory for a tensor of %zu bytes", size);
    return block;
}

static size_t arena_used(const rgi_arena *arena)
{
    size_t used = 0;
    for (const rgi_chunk *chunk = arena->first; chunk; chunk = chunk->next) {
        used += chunk->used;
        if (chunk == arena->current)
            break;
    }
    return used;
}

rg_tape_stats rg_tape_get_stats(const rg_tape *tape)
{
    rg_tape_stats stats = {0};
    if (!tape || tape->inert)
        return stats;
    stats.nodes = tape->cursor.count - 1;
    for (int i = 0; i < ARRAYS; i++)
        stats.node_bytes += tape->array_size[i];
    stats.statement_bytes = rgi_stream_bytes(tape);
    stats.terms = rgi_terms(tape);
    stats.partials = rgi_partials(tape);
    stats.tensor_bytes = tape->arena.total;
    stats.tensor_used = arena_used(&tape->arena);
    stats.reserved_addresses = tape->reserved != NULL;
    return stats;
}
