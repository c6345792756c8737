/*
 * internal.h: what the files of autograd/ share, and what ops/ needs beyond the public headers.
 */
#ifndef RG_AUTOGRAD_INTERNAL_H
#define RG_AUTOGRAD_INTERNAL_H

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "allocator.h"
#include "cursor.h"
#include "op.h"
#include "param.h"
#include "tape.h"
#include "threads.h"
#include "value.h"

/* ---- memory.c: the allocator, and reserved address space ---- */

void *rgi_resize(const rg_allocator *allocator, void *block, size_t old_size, size_t size);
void *rgi_alloc(const rg_allocator *allocator, size_t size);
void rgi_free(const rg_allocator *allocator, void *block, size_t size);

enum { RGI_RESERVE_ALIGNMENT = 2 << 20 };
/* Reserves `size` bytes of addresses without memory, a multiple of the alignment; NULL if the
 * system cannot or will not. */
void *rgi_reserve(size_t size);
/* Makes bytes [old_size, size) of a reserved range usable; false if there is no memory. */
bool rgi_commit(void *base, size_t old_size, size_t size);
void rgi_release(void *base, size_t size);

/* ---- threads.c ---- */

/* Elements [first, last) of a job. */
typedef void rgi_piece(void *context, int64_t first, int64_t last);

/* Does elements 0 to size - 1 of a job in pieces: [0, grain), [grain, 2 grain), .., the last with
 * what is left over too. Pieces must not depend on each other: a pool's threads do them in any
 * order. They are the same whatever pool there is, or none. Below two grains there is one piece,
 * and only rgi_parallel will do. */
void rgi_parallel_pieces(rg_threads *threads, int64_t size, int64_t grain, rgi_piece *piece,
                         void *context);

static inline void rgi_parallel(rg_threads *threads, int64_t size, int64_t grain, rgi_piece *piece,
                                void *context)
{
    if (size < 2 * grain)
        piece(context, 0, size);
    else
        rgi_parallel_pieces(threads, size, grain, piece, context);
}

/* memcpy. */
void rgi_parallel_copy(rg_threads *threads, void *to, const void *from, size_t size);

/* Grains with which threads pay for loops of arithmetic and of functions such as tanh, in elements;
 * for matrix products, in multiplications; for copies, in bytes. */
enum {
    RGI_GRAIN = 8192,
    RGI_GRAIN_OF_FUNCTIONS = 2048,
    RGI_GRAIN_OF_PRODUCTS = 64 * 64 * 16,
    RGI_GRAIN_OF_BYTES = 1 << 15
};

/* ---- types ---- */

/* rg_type_size. */
static inline size_t rgi_width(rg_type type)
{
    return type == RG_F32 ? sizeof(float) : sizeof(double);
}

/* ---- arena.c: tensor memory, released from the end ---- */

typedef struct rgi_chunk {
    struct rgi_chunk *next;
    size_t size, used;
} rgi_chunk;

typedef struct rgi_arena {
    rgi_chunk *first, *current;
    size_t total;
} rgi_arena;

enum { RGI_ALIGNMENT = 64 };

static inline size_t rgi_round_up(size_t size)
{
    return (size + RGI_ALIGNMENT - 1) & ~(size_t)(RGI_ALIGNMENT - 1);
}

static inline void *rgi_align_up(void *block)
{
    return (void *)(((uintptr_t)block + RGI_ALIGNMENT - 1) & ~(uintptr_t)(RGI_ALIGNMENT - 1));
}

/* `size` bytes of a chunk, a multiple of RGI_ALIGNMENT; NULL if it has not got them. */
static inline void *rgi_take(rgi_chunk *chunk, size_t size)
{
    if (size > chunk->size - chunk->used)
        return NULL;
    void *block = (char *)chunk + chunk->used;
    chunk->used += size;
    return block;
}

/* `size` bytes aligned to RGI_ALIGNMENT, valid until released; NULL if there is no memory. */
void *rgi_arena_alloc(rgi_arena *arena, const rg_allocator *allocator, size_t size);
/* Releases everything allocated since `chunk` was current with `used` bytes; NULL: everything. */
void rgi_arena_release(rgi_arena *arena, rgi_chunk *chunk, size_t used);
void rgi_arena_destroy(rgi_arena *arena, const rg_allocator *allocator);

/* ---- the tape ---- */

/* A tensor, or any operation that is not a scalar one, behind a node of code RGI_CODE_RECORD. */
typedef struct rgi_record {
    rg_tensor tensor;
    const rg_op *op; /* NULL: a leaf */
    uint32_t *in;    /* nodes of the inputs */
    void *attributes, *saved;
    void *adjoint;   /* memory of the adjoint; NULL: none, or the cursor keeps it */
    uint64_t sweep;  /* the last sweep that touched the adjoint */
    rg_param *param; /* the parameter this leaf stands for */
    struct rgi_record *next_param;
    uint32_t node;
    int count;
    uint64_t version;  /* of the parameter when it was used */
    uint64_t checksum; /* of the elements, if the tape looks for writes; 0: none */
    bool active;       /* gradients flow through it */
    bool owned;        /* a leaf whose memory is the tape's, so that it can be written */
} rgi_record;

typedef struct rgi_linear rgi_linear; /* linear.h */

/* The scalar operations, supplied by ops/ when the first one is recorded. */
typedef struct rgi_scalar_engine {
    /* Makes scalar nodes from `node` up to `end` - 1 linear (linear.h), and returns where it
     * stopped: at `end`, or at a node that is none of its own. */
    uint64_t (*linearise)(const rg_cursor *cursor, uint64_t node, uint64_t end, rgi_linear *linear);
    /* Sweeps scalar nodes downwards from `node` to `last` + 1, and returns where it stopped: at
     * `last`, or at a node that is neither its own nor a scalar leaf. `drop`: sets the adjoints of
     * its nodes to zero once it has passed them on. */
    uint64_t (*reverse)(rg_cursor *cursor, uint64_t node, uint64_t last, bool drop);
    /* The operation behind a code. */
    const rg_op *(*op)(int code);
    /* The sum of two scalars. */
    rg_value (*add)(rg_value a, rg_value b);
    /* Which operands of a code are nodes: bit 0 for a, bit 1 for b; the others are constants. */
    unsigned (*operands)(int code);
} rgi_scalar_engine;

/* Nodes [base, next segment's base) were recorded in one go, with serials from origin. */
typedef struct rgi_segment {
    uint64_t base, origin;
} rgi_segment;

/* A leaf that was overwritten when there were `when` nodes. */
typedef struct rgi_writing {
    uint32_t node;
    uint64_t when;
} rgi_writing;

/* Where the nodes up to `node`, from the location before on, were recorded. */
typedef struct rgi_location {
    uint32_t node;
    int line;
    const char *file;
} rgi_location;

enum { RGI_NODE_ARRAYS = 5, RGI_TERM_STREAMS = 2 };

struct rg_tape {
    rg_cursor cursor; /* first: rgi_cursor relies on it */
    const rgi_scalar_engine *engine;
    rg_allocator allocator;
    rg_error error;
    void (*on_error)(void *context, const rg_error *error);
    void *context;
    int no_grad;
    int cpu;
    rg_threads *threads; /* whose help operations may use; NULL: none */
    bool inert;          /* the tape that stands for a failed creation */
    bool defer;          /* parameters' gradients are added on request */
    bool deferred;       /* ... and the last sweep's are still to be added */
    rg_matmul_precision precision;

    void *reserved; /* address space of the node arrays, or NULL: they are resizable blocks */
    size_t array_size[RGI_NODE_ARRAYS]; /* bytes of the node arrays that are usable */
    uint64_t capacity, max_nodes;

    /* statement.c: the streams that the cursor's `term` and `partial` run through */
    void *reserved_streams; /* their address space, or NULL: they are resizable blocks */
    uint32_t *terms;
    double *partials;
    uint64_t stream_capacity[RGI_TERM_STREAMS]; /* words of each that are usable */
    uint64_t indexed;                           /* statements up to this node are indexed */

    bool drop_adjoints; /* the sweep drops the adjoints of scalars that are not inputs ... */
    bool dropped;       /* ... as the last sweep did */
    uint64_t dirty;     /* above this node all adjoints are zero between sweeps */

    rgi_segment *segments; /* live segments, oldest first; the last is the cursor's */
    size_t segment_count, segment_capacity;

    rgi_arena arena;
    rgi_record *params; /* leaves that stand for parameters, newest first */
    void *scratch;
    size_t scratch_size;
    rgi_linear *linear;         /* forward.c: what the last forward sweep used; NULL: none yet */
    rg_tensor *operand_tensors; /* room for the inputs of the operation at hand */
    const rg_tensor **operand_list;
    int operand_capacity;

    uint64_t sweep;  /* number of the last sweep; records compare with it */
    uint64_t swept;  /* its last root's node; 0: none */
    uint32_t *roots; /* all of them, until a rewind drops one */
    int root_count, root_capacity;
    uint64_t reached_sweep;
    unsigned char *reached; /* one bit a node, made when first asked */
    size_t reached_size;

    bool find_anomalies, find_writes; /* debug.h */
    rgi_writing *writes;              /* leaves that were overwritten */
    int write_count, write_capacity;
    rgi_location *locations; /* source lines, in the order of nodes */
    int location_count, location_capacity;
    bool error_located;

    rg_tape *inner;  /* checkpoint.c: where the inside of a node is recorded ... */
    rg_value result; /* ... and, on that tape, its value */
};

/* ---- tape.c ---- */

/* The threads that a call may use. */
static inline rg_threads *rgi_call_threads(const rg_call *call)
{
    return call->tape ? call->tape->threads : NULL;
}

/* How exact its products are to be. */
static inline rg_matmul_precision rgi_call_precision(const rg_call *call)
{
    return call->tape ? call->tape->precision : RG_MATMUL_HIGHEST;
}

/* The one place where errors arise. Keeps the first; returns its own status. */
rg_status rgi_fail(rg_tape *tape, rg_status status, const char *format, ...) RG_PRINTF(3, 4);
rg_status rgi_vfail(rg_tape *tape, rg_status status, const char *format, va_list arguments);
void rgi_set_error(rg_error *error, rg_status status, const char *format, ...) RG_PRINTF(3, 4);

/* The inert value of a tape. */
rg_value rgi_inert(rg_tape *tape);
/* The node a handle names, 0 if it is stale, inert or forged. */
uint32_t rgi_find_node(const rg_tape *tape, uint64_t serial);
static inline uint32_t rgi_node(const rg_tape *tape, uint64_t serial)
{
    const rg_cursor *cursor = &tape->cursor;
    const uint64_t since = (serial & ~RG_TENSOR_BIT) - cursor->origin;
    if (RG_LIKELY(since < cursor->count - cursor->base))
        return (uint32_t)(cursor->base + since);
    return rgi_find_node(tape, serial);
}
/* The node of a live value on a tape without error; 0 after making the reason the tape's error. */
uint32_t rgi_live_node(rg_value x, const char *what);
/* Makes room for one more node; false with the tape's error set if there is none. */
bool rgi_grow(rg_tape *tape);
static inline bool rgi_room(rg_tape *tape)
{
    return RG_LIKELY(tape->cursor.count < tape->capacity) || rgi_grow(tape);
}
/* Opens or closes the inline path: open only without an error and outside no_grad. */
void rgi_update_limit(rg_tape *tape);
/* Whether it is open, for a node of whatever kind. */
static inline bool rgi_is_open(const rg_cursor *cursor)
{
    return cursor->count < cursor->limit || cursor->count < cursor->statement_limit;
}
/* The handle of a node. */
rg_value rgi_value(rg_tape *tape, uint32_t node);
/* The same with RG_TENSOR_BIT where it belongs. */
rg_value rgi_handle(rg_tape *tape, uint32_t node);
void *rgi_tape_alloc_slowly(rg_tape *tape, size_t size);
/* rgi_arena_alloc, or NULL with the tape's error set. */
static inline void *rgi_tape_alloc(rg_tape *tape, size_t size)
{
    const size_t rounded = rgi_round_up(size);
    rgi_chunk *chunk = tape->arena.current;
    void *block = chunk && rounded >= size && size > 0 ? rgi_take(chunk, rounded) : NULL;
    return RG_LIKELY(block != NULL) ? block : rgi_tape_alloc_slowly(tape, size);
}

/* ---- statement.c, statement_sweep.c ---- */

/* A place in the streams: the end of a statement's words, as a walk goes down. */
typedef struct rgi_walk {
    const uint32_t *term;
    const double *partial;
} rgi_walk;

static inline bool rgi_is_statement(int code)
{
    return code >= RGI_CODE_TERMS && code < RGI_CODE_FIRST;
}

/* Words in the streams. */
uint64_t rgi_terms(const rg_tape *tape);
uint64_t rgi_partials(const rg_tape *tape);
uint64_t rgi_statement_limit(const rg_tape *tape);
size_t rgi_stream_bytes(const rg_tape *tape);
void rgi_free_streams(rg_tape *tape);
/* The end of the words of the statements up to `node`. */
rgi_walk rgi_walk_at(const rg_tape *tape, uint64_t node);
/* Goes down over a node of that code. */
void rgi_walk_over(rgi_walk *walk, int code);
/* Sweeps statements downwards from `node` to `last` + 1, and returns where it stopped: at `last`,
 * or at a node that is neither a statement nor a scalar leaf. */
uint64_t rgi_sweep_statements(rg_tape *tape, rgi_walk *walk, uint64_t node, uint64_t last);
/* Must come before questions for the operands of statements; false with the tape's error set. */
bool rgi_index_statements(rg_tape *tape);
uint32_t rgi_statement_operand(const rg_tape *tape, uint32_t node, int k);
/* The partial derivative to operand k, given where the statement's partials begin, if it has some;
 * and how many it has. */
double rgi_statement_slope(const rg_tape *tape, uint32_t node, int k, const double *partial);
uint64_t rgi_statement_partials(const rg_tape *tape, uint32_t node);

/* ---- record.c ---- */

/* The record of a node of code RGI_CODE_RECORD. */
static inline rgi_record *rgi_record_of(const rg_tape *tape, uint32_t node)
{
    rgi_record *record;
    memcpy(&record, &tape->cursor.operands[node], sizeof record);
    return record;
}

/* Whether a tensor is one of the numbers that the cursor's arrays keep. */
static inline bool rgi_is_scalar(const rg_tensor *tensor)
{
    return tensor->type == RG_F64 && tensor->shape.rank == 0;
}

/* A node as a tensor: its record's, or `room` filled for a scalar. */
const rg_tensor *rgi_scalar_tensor(const rg_tape *tape, uint32_t node, rg_tensor *room);
static inline const rg_tensor *rgi_tensor_of(const rg_tape *tape, uint32_t node, rg_tensor *room)
{
    if (tape->cursor.code[node] == RGI_CODE_RECORD) {
        const rg_tensor *tensor = &rgi_record_of(tape, node)->tensor;
        if (!rgi_is_scalar(tensor))
            return tensor;
    }
    return rgi_scalar_tensor(tape, node, room);
}
/* The operands of a node that are nodes: how many, and each. For statements, only after
 * rgi_index_statements. */
int rgi_operand_count(const rg_tape *tape, uint32_t node);
uint32_t rgi_operand(const rg_tape *tape, uint32_t node, int k);
/* rgi_push for the library's own paths, where searches for mistakes look at every node. */
rg_value rgi_append(rg_tape *tape, int code, uint32_t a, uint32_t b, double value);
/* Whether gradients flow through a node. */
static inline bool rgi_is_active(const rg_tape *tape, uint32_t node)
{
    const int code = tape->cursor.code[node];
    if (code == RGI_CODE_RECORD)
        return rgi_record_of(tape, node)->active;
    return code != RGI_CODE_CONSTANT && code < RGI_CODE_INACTIVE;
}
/* The call of a recorded operation, using the tape's operand room. */
rg_call rgi_call_of(rg_tape *tape, rgi_record *record);
/* The same if the tape's list of operands is filled already. */
rg_call rgi_call_listed(rg_tape *tape, rgi_record *record);
/* Appends a leaf record of `size` elements over `data` (NULL: allocate), active or not. */
rg_value rgi_leaf(rg_tape *tape, rg_type type, const rg_shape *shape, int64_t size, void *data,
                  bool active, rgi_record **made);
static inline void rgi_dense_strides(rg_tensor *tensor)
{
    int64_t step = 1;
    tensor->dense = 1;
    for (int i = tensor->shape.rank - 1; i >= 0; i--) {
        tensor->stride[i] = step;
        step *= tensor->shape.dim[i];
    }
}

/* ---- convert.c ---- */

/* both[0] + both[1], of one shape and type. */
rg_value rgi_add_values(const rg_value *both);
/* Sets every element of a leaf. */
void rgi_fill(rg_value x, double number);
/* Element number `place`, row-major, as a scalar; and its reverse: zeros like x, but g there. */
rg_value rgi_element(rg_value x, int64_t place);
rg_value rgi_place(rg_value x, int64_t place, rg_value g);
/* The reverse of a recorded view: zeros like its input, with g added where it looks. */
rg_value rgi_unview(const rgi_record *view, rg_value g);

/* ---- derivatives.c ---- */

/* Values y and their upstream gradients; those that are missing ((rg_value){0}) are 1. */
typedef struct rgi_roots {
    int count;
    const rg_value *y, *upstream;
} rgi_roots;

/* rg_grad_values of the sum over the roots of upstream times y. `independent`: no x counts as a
 * function of other xs, so each gets its partial derivative. */
rg_status rgi_grad_values(rg_tape *tape, const rgi_roots *from, int count, const rg_value *xs,
                          bool independent, rg_value *grads);

/* ---- strided.c ---- */

/* Where in memory, in elements, the element with a row-major number lies. */
int64_t rgi_offset_of(const rg_tensor *tensor, int64_t place);
void rgi_copy_to_dense(void *out, const rg_tensor *in);
void rgi_add_to_strided(const rg_tensor *out, const void *in);
void rgi_add_from_strided(void *out, const rg_tensor *in);
void rgi_convert(void *out, rg_type out_type, const void *in, rg_type in_type, int64_t size);

/* Element `i` of an array of type float64 or float32, as double. */
static inline double rgi_load(const void *array, rg_type type, int64_t i)
{
    return type == RG_F64 ? ((const double *)array)[i] : (double)((const float *)array)[i];
}

static inline void rgi_store(void *array, rg_type type, int64_t i, double value)
{
    if (type == RG_F64)
        ((double *)array)[i] = value;
    else
        ((float *)array)[i] = (float)value;
}

static inline void rgi_increase(void *array, rg_type type, int64_t i, double value)
{
    if (type == RG_F64)
        ((double *)array)[i] += value;
    else
        ((float *)array)[i] += (float)value;
}

/* ---- backward.c ---- */

/* The adjoint of a record in this sweep, zeroed at its first use. */
void *rgi_touch(rg_tape *tape, rgi_record *record);

/* The adjoint that the last sweep left for a value, of its type; NULL: zero. */
const void *rgi_adjoint(rg_value x);
const void *rgi_node_adjoint(const rg_tape *tape, uint32_t node);
/* The same while a sweep is under way, which has not come to the node yet. */
const void *rgi_adjoint_so_far(const rg_tape *tape, uint32_t node);
/* rg_backward_with for an upstream of y's own type. */
rg_status rgi_backward_raw(rg_value y, const void *upstream);
/* Whether the last sweep's roots depend on a node; false with an error if there is no memory. */
bool rgi_find_reached(rg_tape *tape);
bool rgi_node_is_reached(const rg_tape *tape, uint32_t node);

/* ---- forward.c ---- */

void rgi_free_linear(rg_tape *tape);

/* ---- debug.c ---- */

/* Looks at a node just recorded, for anomalies and to remember its checksum; at a leaf once its
 * elements are there: rgi_filled says so. Nothing while both searches are off. */
void rgi_look_at(rg_tape *tape, uint32_t node);
static inline void rgi_inspect(rg_tape *tape, uint32_t node)
{
    if (tape->find_anomalies || tape->find_writes)
        rgi_look_at(tape, node);
}
void rgi_filled(rg_value x);
/* Looks at what a node's backward step added. */
void rgi_inspect_step(rg_tape *tape, uint32_t node);
/* Notes that a leaf was overwritten. */
bool rgi_note_write(rg_tape *tape, uint32_t node);
/* Whether everything the sweep reads is what it was; otherwise sets the tape's error. */
bool rgi_check_writes(rg_tape *tape);
/* The same for what a forward sweep reads: the nodes up to `last` that have a row (linear.h). */
bool rgi_check_writes_to(rg_tape *tape, uint32_t last, const uint32_t *row);
/* Forgets what concerns dropped nodes. */
void rgi_forget_debug(rg_tape *tape, uint64_t count);
void rgi_free_debug(rg_tape *tape);

/* What a view looks at in dense memory `data` of the given type and shape. */
rg_tensor rgi_look(const rg_op *view, const void *attributes, const rg_tensor *like, void *data);

/* ---- param.c ---- */

/* Where the sweep may write a parameter's gradient directly: NULL if it already holds one. */
void *rgi_param_claim(rg_param *param);
/* Counts the changes of its elements that go through the library. */
uint64_t rgi_param_version(const rg_param *param);
void rgi_param_changed(rg_param *param);
void rgi_param_add(rg_param *param, const void *gradient);
/* Moves its elements and gradient into memory of its user's, which must outlive it. */
void rgi_param_move(rg_param *param, void *data, void *grad);

/* ---- cpu.c ---- */

/* Instruction sets, each including the ones before. */
enum { RGI_CPU_BASE, RGI_CPU_AVX2, RGI_CPU_AVX512, RGI_CPU_AMX };
int rgi_cpu(void);

#endif
