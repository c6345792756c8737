/*
 * forward.c: the forward sweep with many directions. The nodes between the xs and the ys are made
 * linear once, in the order of the tape: scalar operations by their own loop, the others here. Then
 * the directions go through that, a block of them at a time.
 */
#include <inttypes.h>
#include <string.h>

#include "derivatives.h"
#include "linear.h"

/* What a call is given. */
typedef struct request {
    rg_tape *tape;
    int x_count, y_count, direction_count;
    const rg_value *xs, *ys;
    const double *directions;
    double *results;
    uint32_t lowest, last; /* node of the first x, of the last y */
} request;

/* ---- memory ---- */

static bool grow(rg_tape *tape, void *block, size_t *old_size, size_t size)
{
    void **pointer = block;
    if (size <= *old_size)
        return true;
    void *larger = rgi_resize(&tape->allocator, *pointer, *old_size, size);
    if (!larger) {
        rgi_fail(tape, RG_ERROR_MEMORY, "forward: there is no memory for %zu bytes", size);
        return false;
    }
    *pointer = larger;
    *old_size = size;
    return true;
}

enum { CHUNK = 4096 };

/* Room for `more` statements, and for one each of as many nodes as are looked at together. */
static bool statement_room(rg_tape *tape, size_t more)
{
    rgi_linear *linear = tape->linear;
    size_t needed = (linear->count + more + CHUNK) * sizeof *linear->statement;
    if (needed <= linear->statement_size)
        return true;
    size_t twice = 2 * linear->statement_size;
    return grow(tape, &linear->statement, &linear->statement_size, needed > twice ? needed : twice);
}

static rgi_linear *linear_of(rg_tape *tape)
{
    if (!tape->linear) {
        tape->linear = rgi_alloc(&tape->allocator, sizeof *tape->linear);
        if (tape->linear)
            memset(tape->linear, 0, sizeof *tape->linear);
        else
            rgi_fail(tape, RG_ERROR_MEMORY, "forward: there is no memory for %zu bytes",
                     sizeof *tape->linear);
    }
    return tape->linear;
}

void rgi_free_linear(rg_tape *tape)
{
    rgi_linear *linear = tape->linear;
    if (!linear)
        return;
    rgi_free(&tape->allocator, linear->row, linear->row_size);
    rgi_free(&tape->allocator, linear->statement, linear->statement_size);
    rgi_free(&tape->allocator, linear->operand, linear->operand_size);
    rgi_free(&tape->allocator, linear->memory, linear->memory_size);
    rgi_free(&tape->allocator, linear, sizeof *linear);
}

/* ---- sums of any length ---- */

/* Slopes times tangents added up so far, in one statement after another. */
typedef struct sum {
    double slope; /* still to be applied to the row */
    uint32_t row;
} sum;

static void add_term(rgi_linear *linear, sum *sum, double slope, uint32_t row)
{
    if (row == RGI_ROW_ZERO || (slope == 0 && row != RGI_ROW_LOST))
        return;
    if (sum->row == RGI_ROW_ZERO) {
        sum->slope = slope;
        sum->row = row;
    } else {
        sum->row = rgi_linear_add(linear, sum->slope, sum->row, slope, row);
        sum->slope = 1;
    }
}

static uint32_t row_of(rgi_linear *linear, const sum *sum)
{
    return rgi_linear_add(linear, sum->slope, sum->row, 0, RGI_ROW_ZERO);
}

/* ---- nodes that are no scalar operation ---- */

/* Whether a record has a gradient, a scalar result, and no operand but scalars that depends on an
 * x. */
static bool is_sum_of_scalars(const rg_call *call, const rgi_record *record, const uint32_t *row)
{
    if (!record->op->view && !record->op->backward)
        return false;
    for (int k = 0; k < call->count; k++)
        if (row[record->in[k]] != RGI_ROW_ZERO && !rgi_is_scalar(call->in[k]))
            return false;
    return rgi_is_scalar(call->out);
}

/* Calls a record's backward function with an upstream of 1: slope[k] becomes the slope to operand
 * k. `operand` and `list` are room for as many operands. */
static void find_slopes(rg_call call, const rgi_record *record, const uint32_t *row,
                        rg_tensor *operand, const rg_tensor **list, double *slope)
{
    double one = 1;
    rg_tensor out = *call.out;
    for (int k = 0; k < call.count; k++) {
        slope[k] = call.op->view ? 1 : 0;
        operand[k] = *call.in[k];
        operand[k].grad = row[record->in[k]] == RGI_ROW_ZERO ? NULL : &slope[k];
        list[k] = &operand[k];
    }
    out.grad = &one;
    call.in = list;
    call.out = &out;
    if (call.op->view)
        return;
    /* No sweep: a checkpoint with parameters inside must not add to their gradients. */
    bool defer = call.tape->defer;
    call.tape->defer = true;
    call.op->backward(&call);
    call.tape->defer = defer;
}

static bool linearise_record(rg_tape *tape, uint32_t node)
{
    rgi_record *record = rgi_record_of(tape, node);
    rgi_linear *linear = tape->linear;
    bool depends = false;
    for (int k = 0; k < record->count && record->active; k++)
        depends = depends || linear->row[record->in[k]] != RGI_ROW_ZERO;
    if (!depends)
        return true;
    rg_call call = rgi_call_of(tape, record);
    linear->row[node] = RGI_ROW_LOST;
    if (!is_sum_of_scalars(&call, record, linear->row))
        return true;
    size_t width = sizeof(rg_tensor) + sizeof(rg_tensor *) + sizeof(double);
    if (!statement_room(tape, (size_t)record->count) ||
        !grow(tape, &linear->operand, &linear->operand_size, (size_t)record->count * width))
        return false;
    rg_tensor *operand = linear->operand;
    const rg_tensor **list = (const rg_tensor **)(void *)(operand + record->count);
    double *slope = (double *)(void *)(list + record->count);
    find_slopes(call, record, linear->row, operand, list, slope);
    sum sum = {0, RGI_ROW_ZERO};
    for (int k = 0; k < record->count; k++)
        add_term(linear, &sum, slope[k], linear->row[record->in[k]]);
    linear->row[node] = row_of(linear, &sum);
    return tape->error.status == RG_OK;
}

/* An element of a scalar is the scalar. */
static void linearise_element(rg_tape *tape, uint32_t node)
{
    rg_tensor room;
    uint32_t *row = tape->linear->row, of = tape->cursor.operands[node].a;
    bool whole = rgi_is_scalar(rgi_tensor_of(tape, of, &room));
    row[node] = whole || row[of] == RGI_ROW_ZERO ? row[of] : RGI_ROW_LOST;
}

/* A fused statement keeps its slopes; `partial` is where those begin that are kept as numbers, and
 * goes on to those of the next statement. */
static bool linearise_statement(rg_tape *tape, uint32_t node, const double **partial)
{
    rgi_linear *linear = tape->linear;
    const double *own = *partial;
    int count = rgi_operand_count(tape, node);
    sum sum = {0, RGI_ROW_ZERO};
    *partial += rgi_statement_partials(tape, node);
    if (linear->row[node] != RGI_ROW_ZERO)
        return true;
    if (!statement_room(tape, (size_t)count))
        return false;
    for (int k = 0; k < count; k++) {
        uint32_t row = linear->row[rgi_operand(tape, node, k)];
        if (row != RGI_ROW_ZERO)
            add_term(linear, &sum, rgi_statement_slope(tape, node, k, own), row);
    }
    linear->row[node] = row_of(linear, &sum);
    return true;
}

static bool linearise_other(rg_tape *tape, uint32_t node, const double **partial)
{
    int code = tape->cursor.code[node];
    if (rgi_is_statement(code))
        return linearise_statement(tape, node, partial);
    if (tape->linear->row[node] != RGI_ROW_ZERO)
        return true;
    if (code == RGI_CODE_RECORD)
        return linearise_record(tape, node);
    if (code == RGI_CODE_ELEMENT)
        linearise_element(tape, node);
    return true;
}

/* ---- making it linear ---- */

/* The xs get the rows from 1 on; constants have no derivative, and no row. */
static void give_rows(const request *r)
{
    rgi_linear *linear = r->tape->linear;
    memset(linear->row, 0, (r->last + (size_t)1) * sizeof *linear->row);
    linear->first = 1;
    linear->count = 0;
    linear->guarded = false;
    for (int i = 0; i < r->x_count; i++) {
        uint32_t node = rgi_node(r->tape, r->xs[i].serial);
        if (node <= r->last && linear->row[node] == RGI_ROW_ZERO && rgi_is_active(r->tape, node))
            linear->row[node] = linear->first++;
    }
}

/* Finds the row of every node up to the last y. */
static bool linearise(const request *r)
{
    rg_tape *tape = r->tape;
    rgi_linear *linear = linear_of(tape);
    if (!linear || !rgi_index_statements(tape) ||
        !grow(tape, &linear->row, &linear->row_size, (r->last + (size_t)1) * sizeof *linear->row))
        return false;
    give_rows(r);
    const double *partial = rgi_walk_at(tape, r->lowest - 1).partial;
    for (uint64_t node = r->lowest; node <= r->last;) {
        uint64_t end = r->last - node < CHUNK ? r->last + (uint64_t)1 : node + CHUNK;
        if (!statement_room(tape, 0))
            return false;
        while (node < end) {
            if (tape->cursor.code[node] >= RGI_CODE_FIRST)
                node = tape->engine->linearise(&tape->cursor, node, end, linear);
            if (node < end && !linearise_other(tape, (uint32_t)node++, &partial))
                return false;
        }
    }
    return rgi_check_writes_to(tape, r->last, linear->row);
}

/* ---- tensors between ---- */

/* The operand through which a node lost its tangent; 0: it lost it itself. */
static uint32_t lost_operand(const rg_tape *tape, uint32_t node)
{
    int count = rgi_operand_count(tape, node);
    for (int k = 0; k < count; k++)
        if (tape->linear->row[rgi_operand(tape, node, k)] == RGI_ROW_LOST)
            return rgi_operand(tape, node, k);
    return 0;
}

static void fail_lost(rg_tape *tape, uint32_t node)
{
    for (uint32_t before = node; before; before = lost_operand(tape, node))
        node = before;
    rgi_fail(tape, RG_ERROR_GRADIENT,
             "forward: %s at node %" PRIu32 " lies between the xs and the ys, but takes or gives a "
             "tensor; only scalars are swept",
             rgi_record_of(tape, node)->op->name, node);
}

static bool keep_all_tangents(const request *r)
{
    for (int k = 0; k < r->y_count; k++) {
        uint32_t node = rgi_node(r->tape, r->ys[k].serial);
        if (r->tape->linear->row[node] == RGI_ROW_LOST) {
            fail_lost(r->tape, node);
            return false;
        }
    }
    return true;
}

/* ---- sweeping ---- */

/* Directions from .. from + count - 1 in rows of `width`: to the xs, ... */
static void seed(const request *r, int from, int count, int width)
{
    const rgi_linear *linear = r->tape->linear;
    memset(linear->tangents, 0, (size_t)linear->first * (size_t)width * sizeof(double));
    for (int i = 0; i < r->x_count; i++) {
        uint32_t node = rgi_node(r->tape, r->xs[i].serial);
        if (node > r->last || linear->row[node] == RGI_ROW_ZERO)
            continue;
        double *row = linear->tangents + (size_t)linear->row[node] * (size_t)width;
        const double *direction = r->directions;
        if (direction)
            direction += (size_t)i * (size_t)r->direction_count + (size_t)from;
        for (int j = 0; j < count; j++)
            row[j] += direction ? direction[j] : i == from + j;
    }
}

/* ... and from the ys. */
static void collect(const request *r, int from, int count, int width)
{
    const rgi_linear *linear = r->tape->linear;
    for (int k = 0; k < r->y_count; k++) {
        const uint32_t place = linear->row[rgi_node(r->tape, r->ys[k].serial)];
        const double *row = linear->tangents + (size_t)place * (size_t)width;
        double *result = r->results + (size_t)k * (size_t)r->direction_count + (size_t)from;
        for (int j = 0; j < count; j++)
            result[j] = row[j];
    }
}

static const rgi_sweeps *sweeps_for(int cpu)
{
#if defined(RGI_X86)
    if (cpu >= RGI_CPU_AVX512)
        return &rgi_sweeps_avx512;
    if (cpu >= RGI_CPU_AVX2)
        return &rgi_sweeps_avx2;
#endif
    (void)cpu;
    return &rgi_sweeps_base;
}

/* Which width suits so many directions: the smallest that takes them all, or the largest. */
static int width_for(const rgi_sweeps *sweeps, int directions)
{
    int w = 0;
    while (w + 1 < RGI_WIDTHS && directions <= sweeps->width[w + 1])
        w++;
    return w;
}

/* Memory for a row of the widest block for each x and statement. */
static bool tangent_room(const request *r)
{
    rgi_linear *linear = r->tape->linear;
    const rgi_sweeps *sweeps = sweeps_for(r->tape->cpu);
    size_t rows = (size_t)linear->first + linear->count;
    size_t width = (size_t)sweeps->width[width_for(sweeps, r->direction_count)];
    if (!grow(r->tape, &linear->memory, &linear->memory_size,
              rows * width * sizeof(double) + RGI_ALIGNMENT))
        return false;
    uintptr_t place = (uintptr_t)linear->memory + RGI_ALIGNMENT - 1;
    linear->tangents = (double *)(place & ~(uintptr_t)(RGI_ALIGNMENT - 1));
    return true;
}

static void sweep(const request *r)
{
    const rgi_linear *linear = r->tape->linear;
    const rgi_sweeps *sweeps = sweeps_for(r->tape->cpu);
    for (int from = 0, count; from < r->direction_count; from += count) {
        int rest = r->direction_count - from, w = width_for(sweeps, rest);
        int width = sweeps->width[w];
        rgi_sweep *run = linear->guarded ? sweeps->guarded[w] : sweeps->plain[w];
        count = rest < width ? rest : width;
        seed(r, from, count, width);
        run(linear->statement, linear->count, linear->tangents,
            linear->tangents + (size_t)linear->first * (size_t)width);
        collect(r, from, count, width);
    }
}

/* ---- checks ---- */

/* Says why a value is no recorded scalar. */
static void fail_value(rg_tape *tape, rg_value value, const char *name, int number)
{
    char shape[RG_SHAPE_TEXT_SIZE];
    rg_shape own = rg_get_shape(value);
    if (value.tape != tape)
        rgi_fail(tape, value.tape ? RG_ERROR_TAPE : RG_ERROR_STALE,
                 value.tape ? "forward: %s %d is on another tape"
                            : "forward: %s %d was never recorded",
                 name, number);
    else if (!rgi_node(tape, value.serial))
        rgi_fail(tape, RG_ERROR_STALE,
                 value.serial ? "forward: %s %d was dropped by a rewind"
                              : "forward: %s %d is inert",
                 name, number);
    else if (own.rank > 0)
        rgi_fail(tape, RG_ERROR_SHAPE, "forward: %s %d has shape %s; it must be a scalar", name,
                 number, rg_shape_text(&own, shape));
    else
        rgi_fail(tape, RG_ERROR_TYPE, "forward: %s %d is %s; it must be float64", name, number,
                 rg_type_name(rg_get_type(value)));
}

/* The node of a scalar; 0 after an error. */
static uint32_t scalar_on(rg_tape *tape, rg_value value, const char *name, int number)
{
    rg_tensor room;
    uint32_t node = value.tape == tape ? rgi_node(tape, value.serial) : 0;
    if (node && rgi_is_scalar(rgi_tensor_of(tape, node, &room)))
        return node;
    fail_value(tape, value, name, number);
    return 0;
}

static bool find_nodes(request *r)
{
    r->last = 0;
    r->lowest = UINT32_MAX;
    for (int k = 0; k < r->y_count; k++) {
        uint32_t node = scalar_on(r->tape, r->ys[k], "y", k + 1);
        if (!node)
            return false;
        r->last = node > r->last ? node : r->last;
    }
    for (int i = 0; i < r->x_count; i++) {
        uint32_t node = scalar_on(r->tape, r->xs[i], "x", i + 1);
        if (!node)
            return false;
        r->lowest = node < r->lowest ? node : r->lowest;
    }
    return true;
}

static rg_status check_arguments(const request *r)
{
    if (r->x_count < 0 || r->y_count < 0 || r->direction_count < 0)
        return rgi_fail(r->tape, RG_ERROR_ARGUMENT, "forward: a count is negative");
    if ((r->x_count > 0 && !r->xs) || (r->y_count > 0 && !r->ys))
        return rgi_fail(r->tape, RG_ERROR_ARGUMENT, "forward: %s is NULL", r->xs ? "ys" : "xs");
    if (!r->directions && r->direction_count != r->x_count)
        return rgi_fail(r->tape, RG_ERROR_ARGUMENT,
                        "forward: without directions there are as many as xs, %d, not %d",
                        r->x_count, r->direction_count);
    if (!r->results && r->y_count > 0 && r->direction_count > 0)
        return rgi_fail(r->tape, RG_ERROR_ARGUMENT, "forward: results is NULL");
    return RG_OK;
}

/* ---- rg_forward ---- */

rg_status rg_forward(int x_count, const rg_value *xs, int direction_count, const double *directions,
                     int y_count, const rg_value *ys, double *results)
{
    request r = {.x_count = x_count,
                 .y_count = y_count,
                 .direction_count = direction_count,
                 .xs = xs,
                 .ys = ys,
                 .directions = directions,
                 .results = results};
    r.tape = y_count > 0 && ys ? ys[0].tape : x_count > 0 && xs ? xs[0].tape : NULL;
    if (r.tape && rg_tape_status(r.tape) != RG_OK)
        return rg_tape_status(r.tape);
    rg_status status = check_arguments(&r);
    if (status != RG_OK)
        return status;
    if (!r.tape)
        return x_count > 0 || y_count > 0 ? RG_ERROR_STALE : RG_OK;
    if (find_nodes(&r) && r.y_count > 0 && linearise(&r) && keep_all_tangents(&r) &&
        tangent_room(&r))
        sweep(&r);
    return r.tape->error.status;
}
