/* elementwise_run.c: how tensors are walked through the kernels of element-wise functions. */
#include "family.h"
#include "rows.h"

/* ---- one operand ---- */

/* Views are walked in rows; a row that is not contiguous is gathered block by block. */
enum { BLOCK = 256 };

typedef union block {
    double f64[BLOCK];
    float f32[BLOCK];
} block;

static const void *at(const void *data, int64_t offset, rg_type type)
{
    return (const char *)data + offset * (int64_t)rgi_width(type);
}

/* A run of n elements with the given step as memory with step 0 or 1. */
static const void *gather(const void *data, int64_t step, int64_t n, rg_type type, block *room)
{
    if (step == 0 || step == 1)
        return data;
    for (int64_t i = 0; i < n; i++) {
        if (type == RG_F64)
            room->f64[i] = ((const double *)data)[i * step];
        else
            room->f32[i] = ((const float *)data)[i * step];
    }
    return room;
}

/* The grain of a function for rgi_parallel. */
static int64_t grain_of(int code)
{
    switch (code) {
    case RGI_neg:
    case RGI_square:
    case RGI_sqrt:
    case RGI_reciprocal:
    case RGI_relu:
    case RGI_abs:
    case RGI_leaky_relu:
    case RGI_clamp:
    case RGI_hardtanh:
    case RGI_add:
    case RGI_sub:
    case RGI_mul:
    case RGI_div:
    case RGI_max:
    case RGI_min:
    case RGI_times: return RGI_GRAIN;
    default: return RGI_GRAIN_OF_FUNCTIONS;
    }
}

typedef struct unary_job {
    rg_call *call;
    rgi_unary_forward *forward;
    rgi_unary_backward *backward;
} unary_job;

static void forward_piece(void *context, int64_t first, int64_t last)
{
    const unary_job *job = context;
    const rg_tensor *x = job->call->in[0], *y = job->call->out;
    job->forward(last - first, at(x->data, first, x->type),
                 (void *)(uintptr_t)at(y->data, first, x->type), job->call->attributes);
}

static rg_status unary_values(rg_call *call, rgi_unary_forward *forward, int64_t grain)
{
    const rg_tensor *x = call->in[0];
    rg_type type = x->type;
    if (x->dense) {
        unary_job job = {call, forward, NULL};
        rgi_parallel(rgi_call_threads(call), x->size, grain, forward_piece, &job);
        return RG_OK;
    }
    rgi_copy_to_dense(call->out->data, x);
    for (int64_t i = 0; i < x->size; i += BLOCK) {
        block room;
        int64_t n = x->size - i < BLOCK ? x->size - i : BLOCK;
        void *y = (void *)(uintptr_t)at(call->out->data, i, type);
        rgi_convert(&room, type, y, type, n);
        forward(n, &room, y, call->attributes);
    }
    return RG_OK;
}

rg_status rgi_run_unary(rg_call *call)
{
    const rgi_kernels *kernels = rgi_kernels_for(call->cpu, call->out->type);
    int code = call->op->code;
    return unary_values(call, kernels->unary_forward[code - RGI_UNARY_FIRST], grain_of(code));
}

rg_status rgi_run_step(rg_call *call)
{
    const rgi_kernels *kernels = rgi_kernels_for(call->cpu, call->out->type);
    return unary_values(call, kernels->step[call->op->code], RGI_GRAIN);
}

static void backward_piece(void *context, int64_t first, int64_t last)
{
    const unary_job *job = context;
    const rg_tensor *x = job->call->in[0], *y = job->call->out;
    job->backward(last - first, at(x->data, first, x->type), at(y->data, first, x->type),
                  at(y->grad, first, x->type), (void *)(uintptr_t)at(x->grad, first, x->type),
                  job->call->attributes);
}

void rgi_run_unary_back(rg_call *call)
{
    const rg_tensor *x = call->in[0];
    rg_type type = x->type;
    int row = call->op->code - RGI_UNARY_FIRST;
    rgi_unary_backward *backward = rgi_kernels_for(call->cpu, type)->unary_backward[row];
    if (x->dense) {
        unary_job job = {call, NULL, backward};
        rgi_parallel(rgi_call_threads(call), x->size, grain_of(call->op->code), backward_piece,
                     &job);
        return;
    }
    rgi_rows rows;
    rgi_rows_begin(&rows, &x->shape);
    rgi_rows_add_data(&rows, x);
    rgi_rows_add_grad(&rows, x);
    for (bool more = rgi_rows_first(&rows); more; more = rgi_rows_next(&rows)) {
        int64_t length = rows.step[0] == 1 ? rows.length : BLOCK;
        for (int64_t i = 0; i < rows.length; i += length) {
            block room;
            int64_t n = rows.length - i < length ? rows.length - i : length;
            const void *run = at(x->data, rows.offset[0] + i * rows.step[0], type);
            if (rows.step[0] == 0)
                for (int64_t j = 0; j < n; j++)
                    rgi_convert((void *)(uintptr_t)at(&room, j, type), type, run, type, 1);
            else
                gather(run, rows.step[0], n, type, &room);
            int64_t place = rows.offset[1] + i * rows.step[1];
            backward(n, rows.step[0] == 1 ? run : &room, at(call->out->data, place, type),
                     at(call->out->grad, place, type), (void *)(uintptr_t)at(x->grad, place, type),
                     call->attributes);
        }
    }
}

/* ---- two operands ---- */

/* How long a piece of a row may be: all of it unless a step asks for gathering. */
static int64_t piece_length(const rgi_rows *rows)
{
    for (int s = 0; s < 2; s++)
        if (rows->step[s] != 0 && rows->step[s] != 1)
            return BLOCK;
    return rows->length;
}

/* Streams of a walk: the data of a, b and y, then the gradients of a and b. */
typedef struct binary_job {
    rg_call *call;
    rgi_binary_forward *forward;   /* NULL: backward */
    rgi_binary_backward *backward; /* then of these gradients, NULL if not wanted now */
    void *a_grad, *b_grad;
    int64_t grain;
    rgi_rows *rows;
} binary_job;

/* n elements of a row, from its element i on. */
static void binary_run(const binary_job *job, const rgi_rows *rows, int64_t i, int64_t n)
{
    const rg_tensor *a = job->call->in[0], *b = job->call->in[1], *y = job->call->out;
    const rg_type type = y->type;
    block room[2];
    const void *first = at(a->data, rows->offset[0] + i * rows->step[0], type);
    const void *second = at(b->data, rows->offset[1] + i * rows->step[1], type);
    const void *out = at(y->data, rows->offset[2] + i, type);
    const int step_a = rows->step[0] != 0, step_b = rows->step[1] != 0;
    first = gather(first, rows->step[0], n, type, &room[0]);
    second = gather(second, rows->step[1], n, type, &room[1]);
    if (job->forward) {
        job->forward(n, first, step_a, second, step_b, (void *)(uintptr_t)out);
        return;
    }
    const int64_t to_a = rows->offset[3] + i * rows->step[3];
    const int64_t to_b = rows->offset[4] + i * rows->step[4];
    rgi_binary_grads grads = {
        .a = job->a_grad ? (void *)(uintptr_t)at(job->a_grad, to_a, type) : NULL,
        .b = job->b_grad ? (void *)(uintptr_t)at(job->b_grad, to_b, type) : NULL,
        .a_step = rows->step[3] != 0,
        .b_step = rows->step[4] != 0};
    job->backward(n, first, step_a, second, step_b, out, at(y->grad, rows->offset[2] + i, type),
                  &grads);
}

static void binary_walk(const binary_job *job, rgi_rows *rows, int64_t i, int64_t left)
{
    const int64_t most = piece_length(rows);
    while (left > 0) {
        int64_t n = rows->length - i < left ? rows->length - i : left;
        n = n < most ? n : most;
        binary_run(job, rows, i, n);
        left -= n;
        i += n;
        if (i == rows->length) {
            rgi_rows_next(rows);
            i = 0;
        }
    }
}

static void binary_piece(void *context, int64_t first, int64_t last)
{
    const binary_job *job = context;
    rgi_rows rows = *job->rows;
    int64_t i = rgi_rows_seek(&rows, first);
    binary_walk(job, &rows, i, last - first);
}

/* Walks all elements, in pieces if they `part`. */
static void binary_each(binary_job job, bool part)
{
    const rg_call *call = job.call;
    const int64_t size = call->out->size;
    rgi_rows rows;
    rgi_rows_begin(&rows, &call->out->shape);
    rgi_rows_add_data(&rows, call->in[0]);
    rgi_rows_add_data(&rows, call->in[1]);
    rgi_rows_add_data(&rows, call->out);
    if (job.backward) {
        rgi_rows_add_grad(&rows, call->in[0]);
        rgi_rows_add_grad(&rows, call->in[1]);
    }
    if (!rgi_rows_first(&rows))
        return;
    job.rows = &rows;
    if (part && size >= 2 * job.grain)
        rgi_parallel(rgi_call_threads(call), size, job.grain, binary_piece, &job);
    else
        binary_walk(&job, &rows, 0, size);
}

static rg_status binary_values(rg_call *call, rgi_binary_forward *forward, int64_t grain)
{
    binary_job job = {.call = call, .forward = forward, .grain = grain};
    binary_each(job, true);
    return RG_OK;
}

rg_status rgi_run_binary(rg_call *call)
{
    int code = call->op->code, row = (code - RGI_BINARY_FIRST) / 3;
    const rgi_kernels *kernels = rgi_kernels_for(call->cpu, call->out->type);
    return binary_values(call, kernels->binary_forward[row], grain_of(code));
}

/* The gradient of an operand that was stretched is a sum, in one order; the other's is not. */
void rgi_run_binary_back(rg_call *call)
{
    const rg_tensor *a = call->in[0], *b = call->in[1], *y = call->out;
    int row = (call->op->code - RGI_BINARY_FIRST) / 3;
    const bool sum_a = a->size != y->size, sum_b = b->size != y->size;
    binary_job job = {.call = call,
                      .backward = rgi_kernels_for(call->cpu, y->type)->binary_backward[row],
                      .a_grad = sum_a ? NULL : a->grad,
                      .b_grad = sum_b ? NULL : b->grad,
                      .grain = grain_of(call->op->code)};
    if (job.a_grad || job.b_grad)
        binary_each(job, true);
    job.a_grad = sum_a ? a->grad : NULL;
    job.b_grad = sum_b ? b->grad : NULL;
    if (job.a_grad || job.b_grad)
        binary_each(job, false);
}

/* ---- comparisons ---- */

rg_status rgi_run_compare(rg_call *call)
{
    const rgi_kernels *kernels = rgi_kernels_for(call->cpu, call->out->type);
    return binary_values(call, kernels->compare[call->op->code], RGI_GRAIN);
}
