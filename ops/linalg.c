/* linalg.c: matrix products. Operands are used where they lie; transposed views cost no copy. */
#include "linalg.h"

#include <inttypes.h>
#include <string.h>

#include "amx.h"
#include "arrange.h"
#include "cblas.h"
#include "elementwise.h"
#include "family.h"
#include "reduce.h"
#include "shape_ops.h"

/* ---- products with threads ---- */

static void *element(void *data, int64_t offset, rg_type type)
{
    return (char *)data + offset * (int64_t)rgi_width(type);
}

/* A product, and the blocks of C within which it may not be cut: each element is then computed by
 * the same loop as without cuts. Those of matmul.inc are whole tiles of every instruction set. */
typedef struct product {
    rgi_matmul *run;
    int64_t rows, columns;
} product;

/* Fewer multiplications are done by the kernels, which need no choice. */
static const double least_special = 1 << 20;

static product product_for(const rg_call *call, int64_t m, int64_t n, int64_t k,
                           const rgi_matrix *a, const rgi_matrix *b, const rgi_matrix *c)
{
    enum { BLOCK_ROWS = 12, BLOCK_BYTES = 256 };
    const rg_type type = call->out->type;
    const product kernel = {rgi_kernels_for(call->cpu, type)->matmul, BLOCK_ROWS,
                            BLOCK_BYTES / (int64_t)rgi_width(type)};
    if ((double)m * (double)n * (double)k < least_special)
        return kernel;
#if defined(RGI_AMX)
    const rg_matmul_precision precision = rgi_call_precision(call);
    if (call->cpu >= RGI_CPU_AMX && type == RG_F32 && rgi_amx_suits(precision, m, n, k, a, b) &&
        rgi_amx_permitted())
        return (product){precision == RG_MATMUL_HIGH ? rgi_amx_matmul_high : rgi_amx_matmul,
                         RGI_AMX_BLOCK, RGI_AMX_BLOCK};
#endif
    if (call->cpu == RGI_CPU_BASE && rgi_cblas_suits(m, n, k, a, b, c))
        return (product){type == RG_F64 ? rgi_cblas_f64 : rgi_cblas_f32, RGI_CBLAS_ROWS,
                         RGI_CBLAS_COLUMNS};
    return kernel;
}

/* C = A B, or C + A B if `add`, or rows that are `start` + A B if that is not NULL. */
static void multiply_block(const rg_call *call, rgi_matmul *product, int64_t m, int64_t n,
                           int64_t k, const rgi_matrix *a, const rgi_matrix *b, const rgi_matrix *c,
                           int add, const void *start)
{
    if (start)
        rgi_kernels_for(call->cpu, call->out->type)->repeat_row(m, n, start, c->data, c->row);
    product(m, n, k, a, b, c, add || start);
}

/*
 * The same in parts. A part is a run of blocks, counted down the columns or along the rows, as many
 * as any other part has.
 *
 * Down the columns hardly any of B is packed by two threads. Along the rows all of it is, but each
 * thread has rows of C to itself: those of a weight whose gradient C is, which the same thread then
 * changes (nn/optim.c), so that they need not go from one processor to another and back.
 */
typedef struct product_job {
    const rg_call *call;
    product product;
    int64_t m, n, k;
    rgi_matrix a, b, c;
    int add;
    const void *start;
    int64_t parts;
} product_job;

static int64_t block_count(int64_t size, int64_t block)
{
    return (size + block - 1) / block;
}

/* Block rows [top, bottom) of block columns [left, right). */
static void multiply_blocks(const product_job *job, int64_t top, int64_t bottom, int64_t left,
                            int64_t right)
{
    const rg_type type = job->call->out->type;
    const int64_t height = job->product.rows, width = job->product.columns;
    const int64_t i = top * height, j = left * width;
    int64_t m = bottom * height < job->m ? bottom * height - i : job->m - i;
    int64_t n = right * width < job->n ? right * width - j : job->n - j;
    rgi_matrix a = job->a, b = job->b, c = job->c;
    a.data = element(a.data, i * a.row, type);
    b.data = element(b.data, j * b.column, type);
    c.data = element(c.data, i * c.row + j, type);
    const char *start = job->start;
    if (start)
        start += j * (int64_t)rgi_width(type);
    multiply_block(job->call, job->product.run, m, n, job->k, &a, &b, &c, job->add, start);
}

/* Parts [first, last): the end of a line of blocks, whole lines, the beginning of one. */
static void product_piece(void *context, int64_t first, int64_t last)
{
    const product_job *job = context;
    const int64_t rows = block_count(job->m, job->product.rows);
    const int64_t columns = block_count(job->n, job->product.columns);
    const bool down = job->b.column != 1 || job->k >= job->m; /* B is large, or slow to pack */
    const int64_t length = down ? rows : columns, blocks = rows * columns;
    int64_t block = blocks * first / job->parts, end = blocks * last / job->parts;
    while (block < end) {
        const int64_t line = block / length, from = block % length, left = end - block;
        const int64_t lines = from == 0 && left >= length ? left / length : 1;
        const int64_t to = from + left < length ? from + left : length;
        if (down)
            multiply_blocks(job, from, to, line, line + lines);
        else
            multiply_blocks(job, line, line + lines, from, to);
        block += lines * (to - from);
    }
}

/* The product of an operation. */
static void multiply(const rg_call *call, int64_t m, int64_t n, int64_t k, const rgi_matrix *a,
                     const rgi_matrix *b, const rgi_matrix *c, int add, const void *start)
{
    rg_threads *threads = rgi_call_threads(call);
    const product product = product_for(call, m, n, k, a, b, c);
    if (!threads || (double)m * (double)n * (double)k < 2 * RGI_GRAIN_OF_PRODUCTS) {
        multiply_block(call, product.run, m, n, k, a, b, c, add, start);
        return;
    }
    product_job job = {call, product, m, n, k, *a, *b, *c, add, start, rg_threads_count(threads)};
    rgi_parallel(threads, job.parts, 1, product_piece, &job);
}

/* ---- matmul ---- */

/* Whether backward is to assign the gradient of input k. */
static int is_fresh(const rg_call *call, int k)
{
    return call->fresh >> k & 1;
}

/* One operand as a batch of matrices: rank-1 operands become a row or a column. */
typedef struct batch {
    int64_t rows, columns;
    int64_t row, column;           /* steps of the data */
    int64_t grad_row, grad_column; /* steps of the dense gradient */
    rg_tensor lead;                /* shape and strides of the batch axes */
    rg_tensor grad_lead;
} batch;

static batch batch_of(const rg_tensor *x, int is_right)
{
    rg_tensor dense = {.shape = x->shape};
    rgi_dense_strides(&dense);
    int rank = x->shape.rank;
    batch b = {.rows = 1, .columns = 1};
    if (rank == 1 && !is_right) {
        b.columns = x->shape.dim[0];
        b.column = x->stride[0];
        b.grad_column = 1;
    } else if (rank == 1) {
        b.rows = x->shape.dim[0];
        b.row = x->stride[0];
        b.grad_row = 1;
    } else {
        b.rows = x->shape.dim[rank - 2];
        b.columns = x->shape.dim[rank - 1];
        b.row = x->stride[rank - 2];
        b.column = x->stride[rank - 1];
        b.grad_row = dense.stride[rank - 2];
        b.grad_column = dense.stride[rank - 1];
    }
    b.lead = *x;
    b.grad_lead = dense;
    b.lead.shape.rank = b.grad_lead.shape.rank = rank > 2 ? rank - 2 : 0;
    return b;
}

/* The offset of batch `number` of the result in an operand that broadcasts to its batch axes. */
static int64_t batch_offset(const rg_tensor *lead, const rg_shape *out, int64_t number)
{
    int64_t offset = 0;
    for (int i = 1; i <= out->rank; i++) {
        int64_t dim = out->dim[out->rank - i], at = number % dim;
        number /= dim;
        int k = lead->shape.rank - i;
        if (k >= 0 && lead->shape.dim[k] != 1)
            offset += at * lead->stride[k];
    }
    return offset;
}

static rg_status broadcast_lead(rg_call *call, const rg_shape *a, const rg_shape *b, rg_shape *out)
{
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 1; i <= out->rank; i++) {
        int64_t in_a = i <= a->rank ? a->dim[a->rank - i] : 1;
        int64_t in_b = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (in_a != in_b && in_a != 1 && in_b != 1)
            return rg_call_fail(call, RG_ERROR_SHAPE,
                                "batches of %" PRId64 " and %" PRId64 " do not broadcast", in_a,
                                in_b);
        out->dim[out->rank - i] = in_a == 1 ? in_b : in_a;
    }
    return RG_OK;
}

static rg_status matmul_shape(rg_call *call)
{
    const rg_tensor *x = call->in[0], *y = call->in[1];
    char first[RG_SHAPE_TEXT_SIZE], second[RG_SHAPE_TEXT_SIZE];
    rg_shape_text(&x->shape, first);
    rg_shape_text(&y->shape, second);
    if (x->shape.rank == 0 || y->shape.rank == 0)
        return rg_call_fail(call, RG_ERROR_SHAPE, "%s times %s: a scalar is no matrix", first,
                            second);
    batch a = batch_of(x, 0), b = batch_of(y, 1);
    if (a.columns != b.rows)
        return rg_call_fail(call, RG_ERROR_SHAPE,
                            "%s times %s: inner sizes %" PRId64 " and %" PRId64 " differ", first,
                            second, a.columns, b.rows);
    rg_shape *out = &call->out->shape;
    rg_status status = broadcast_lead(call, &a.lead.shape, &b.lead.shape, out);
    if (status != RG_OK)
        return status;
    if (x->shape.rank > 1)
        out->dim[out->rank++] = a.rows;
    if (y->shape.rank > 1)
        out->dim[out->rank++] = b.columns;
    return RG_OK;
}

/* The batch axes of the result, and their number of matrices. */
static int64_t result_lead(const rg_call *call, rg_shape *lead)
{
    *lead = call->out->shape;
    lead->rank -= (call->in[0]->shape.rank > 1) + (call->in[1]->shape.rank > 1);
    return rg_shape_size(lead);
}

static rg_status matmul_forward(rg_call *call)
{
    const rg_tensor *x = call->in[0], *y = call->in[1];
    rg_type type = call->out->type;
    batch a = batch_of(x, 0), b = batch_of(y, 1);
    rg_shape lead;
    int64_t count = result_lead(call, &lead);
    for (int64_t i = 0; i < count; i++) {
        rgi_matrix left = {element(x->data, batch_offset(&a.lead, &lead, i), type), a.row,
                           a.column};
        rgi_matrix right = {element(y->data, batch_offset(&b.lead, &lead, i), type), b.row,
                            b.column};
        rgi_matrix out = {element(call->out->data, i * a.rows * b.columns, type), b.columns, 1};
        multiply(call, a.rows, b.columns, a.columns, &left, &right, &out, 0, NULL);
    }
    return RG_OK;
}

/* Whether all batches assign the gradient of input k: if nothing was added before, and each meets a
 * matrix of its own. An operand that broadcasts over the batches is met again and again: its
 * gradient is cleared here, and added to. */
static bool assigns(const rg_call *call, int k, const batch *operand, int64_t count)
{
    const rg_tensor *x = call->in[k];
    if (!x->grad || !is_fresh(call, k))
        return false;
    if (rg_shape_size(&operand->grad_lead.shape) == count)
        return true;
    memset(x->grad, 0, (size_t)x->size * rgi_width(x->type));
    return false;
}

static void matmul_backward(rg_call *call)
{
    const rg_tensor *x = call->in[0], *y = call->in[1];
    rg_type type = call->out->type;
    batch a = batch_of(x, 0), b = batch_of(y, 1);
    rg_shape lead;
    int64_t count = result_lead(call, &lead);
    const bool add_x = !assigns(call, 0, &a, count), add_y = !assigns(call, 1, &b, count);
    for (int64_t i = 0; i < count; i++) {
        void *g = element(call->out->grad, i * a.rows * b.columns, type);
        rgi_matrix up = {g, b.columns, 1};
        if (x->grad) {
            rgi_matrix right = {element(y->data, batch_offset(&b.lead, &lead, i), type), b.column,
                                b.row};
            rgi_matrix out = {element(x->grad, batch_offset(&a.grad_lead, &lead, i), type),
                              a.grad_row, a.grad_column};
            multiply(call, a.rows, a.columns, b.columns, &up, &right, &out, add_x, NULL);
        }
        if (y->grad) {
            rgi_matrix left = {element(x->data, batch_offset(&a.lead, &lead, i), type), a.column,
                               a.row};
            rgi_matrix out = {element(y->grad, batch_offset(&b.grad_lead, &lead, i), type),
                              b.grad_row, b.grad_column};
            multiply(call, b.rows, b.columns, a.rows, &left, &up, &out, add_y, NULL);
        }
    }
}

/* With rank-1 operands as rows and columns, all are batches of matrices. */
static void matmul_rule(const rg_rule *rule)
{
    rg_value a = rule->in[0], b = rule->in[1], g = rule->upstream;
    rg_shape of_a = rg_get_shape(a), of_b = rg_get_shape(b);
    if (of_b.rank == 1) {
        b = rg_unsqueeze(b, 1);
        g = rg_unsqueeze(g, -1);
    }
    if (of_a.rank == 1) {
        a = rg_unsqueeze(a, 0);
        g = rg_unsqueeze(g, -2);
    }
    if (rule->wanted[0])
        rule->grads[0] =
            rg_reshape(rgi_sum_to(rg_matmul(g, rg_transpose(b, -2, -1)), rg_get_shape(a)), of_a);
    if (rule->wanted[1])
        rule->grads[1] =
            rg_reshape(rgi_sum_to(rg_matmul(rg_transpose(a, -2, -1), g), rg_get_shape(b)), of_b);
}

static const rg_sample matmul_samples[] = {
    {.shape = {{2, {3, 4}}, {2, {4, 5}}}, .low = {-2, -2}, .high = {2, 2}},
    {.shape = {{1, {4}}, {1, {4}}}, .low = {-2, -2}, .high = {2, 2}},
    {.shape = {{1, {3}}, {2, {3, 2}}}, .low = {-2, -2}, .high = {2, 2}},
    {.shape = {{3, {2, 3, 4}}, {1, {4}}}, .low = {-2, -2}, .high = {2, 2}},
    {.shape = {{4, {2, 1, 2, 3}}, {3, {4, 3, 2}}}, .low = {-2, -2}, .high = {2, 2}},
    {.shape = {{2, {7, 20}}, {2, {20, 35}}}, .low = {-1, -1}, .high = {1, 1}},
};
static const rg_op op_matmul = {.name = "matmul",
                                .formula = "a b",
                                .gradient = "g b^T, a^T g",
                                .kinks = "IEEE arithmetic: 0 times infinity is NaN",
                                .arity = 2,
                                .assigns = 3,
                                .strided = 1,
                                .shape = matmul_shape,
                                .forward = matmul_forward,
                                .backward = matmul_backward,
                                .rule = matmul_rule,
                                RGI_SAMPLES(matmul_samples)};

rg_value rg_matmul(rg_value a, rg_value b)
{
    const rg_value in[2] = {a, b};
    return rg_record(&op_matmul, 2, in, NULL);
}

/* ---- linear ---- */

static rg_status linear_shape(rg_call *call)
{
    const rg_shape *x = &call->in[0]->shape, *w = &call->in[1]->shape;
    const rg_shape *b = call->count > 2 ? &call->in[2]->shape : NULL;
    bool fits = call->count <= 3 && x->rank >= 1 && w->rank == 2 &&
                x->dim[x->rank - 1] == w->dim[1] &&
                (!b || (b->rank == 1 && b->dim[0] == w->dim[0]));
    if (!fits) {
        char of_x[RG_SHAPE_TEXT_SIZE], of_w[RG_SHAPE_TEXT_SIZE], of_b[RG_SHAPE_TEXT_SIZE] = "none";
        return rg_call_fail(
            call, RG_ERROR_SHAPE, "x %s, w %s and b %s are not [.., in], [out, in] and [out]",
            rg_shape_text(x, of_x), rg_shape_text(w, of_w), b ? rg_shape_text(b, of_b) : of_b);
    }
    call->out->shape.dim[x->rank - 1] = w->dim[0];
    return RG_OK;
}

/* Rows of x, all its axes but the last; a division would take longer. */
static int64_t rows_of(const rg_tensor *x)
{
    int64_t rows = 1;
    for (int i = 0; i < x->shape.rank - 1; i++)
        rows *= x->shape.dim[i];
    return rows;
}

static rg_status linear_forward(rg_call *call)
{
    const rg_tensor *x = call->in[0], *w = call->in[1];
    int64_t out = w->shape.dim[0], in = w->shape.dim[1];
    int64_t rows = rows_of(x);
    rgi_matrix left = {x->data, in, 1}, right = {w->data, 1, in}, to = {call->out->data, out, 1};
    multiply(call, rows, out, in, &left, &right, &to, 0,
             call->count > 2 ? call->in[2]->data : NULL);
    return RG_OK;
}

/* The sums over rows of columns [first, last) of the gradient. A row of a piece is worth the way to
 * the next one. */
enum { BIAS_GRAIN = 256 };

static void bias_piece(void *context, int64_t first, int64_t last)
{
    const rg_call *call = context;
    const rg_type type = call->out->type;
    const int64_t out = call->in[1]->shape.dim[0];
    rgi_kernels_for(call->cpu, type)
        ->sum_rows(rows_of(call->in[0]), last - first, element(call->out->grad, first, type), out,
                   element(call->in[2]->grad, first, type), !is_fresh(call, 2));
}

static void linear_backward(rg_call *call)
{
    const rg_tensor *x = call->in[0], *w = call->in[1];
    const rg_tensor *b = call->count > 2 ? call->in[2] : NULL;
    int64_t out = w->shape.dim[0], in = w->shape.dim[1];
    int64_t rows = rows_of(x);
    void *g = call->out->grad;
    if (x->grad)
        multiply(call, rows, in, out, &(rgi_matrix){g, out, 1}, &(rgi_matrix){w->data, in, 1},
                 &(rgi_matrix){x->grad, in, 1}, !is_fresh(call, 0), NULL);
    if (w->grad)
        multiply(call, out, in, rows, &(rgi_matrix){g, 1, out}, &(rgi_matrix){x->data, in, 1},
                 &(rgi_matrix){w->grad, in, 1}, !is_fresh(call, 1), NULL);
    if (b && b->grad)
        rgi_parallel(rgi_call_threads(call), out, rows < RGI_GRAIN / BIAS_GRAIN ? out : BIAS_GRAIN,
                     bias_piece, call);
}

static void linear_rule(const rg_rule *rule)
{
    rg_value x = rule->in[0], w = rule->in[1], g = rule->upstream;
    int64_t out = rg_get_shape(w).dim[0], in = rg_get_shape(w).dim[1];
    int64_t rows = in ? rg_size(x) / in : out ? rg_size(g) / out : 0;
    rg_value flat = rg_reshape(g, RG_SHAPE(rows, out));
    if (rule->wanted[0])
        rule->grads[0] = rg_matmul(g, w);
    if (rule->wanted[1])
        rule->grads[1] = rg_matmul(rg_transpose(flat, 0, 1), rg_reshape(x, RG_SHAPE(rows, in)));
    if (rule->count > 2 && rule->wanted[2])
        rule->grads[2] = rg_sum_over(flat, RG_AXES(0), 0);
}

static const rg_sample linear_samples[] = {
    {.shape = {{2, {5, 3}}, {2, {4, 3}}, {1, {4}}},
     .low = {-2, -2, -2},
     .high = {2, 2, 2},
     .count = 3},
    {.shape = {{3, {2, 3, 5}}, {2, {2, 5}}}, .low = {-2, -2}, .high = {2, 2}, .count = 2},
    {.shape = {{1, {4}}, {2, {3, 4}}, {1, {3}}},
     .low = {-2, -2, -2},
     .high = {2, 2, 2},
     .count = 3},
};
static const rg_op op_linear = {.name = "linear",
                                .formula = "x w^T + b",
                                .gradient = "g w, g^T x, sum of g over rows",
                                .kinks = "IEEE arithmetic: 0 times infinity is NaN",
                                .assigns = 7,
                                .shape = linear_shape,
                                .forward = linear_forward,
                                .backward = linear_backward,
                                .rule = linear_rule,
                                RGI_SAMPLES(linear_samples)};

rg_value rg_linear(rg_value x, rg_value w, rg_value b)
{
    const rg_value in[3] = {x, w, b};
    return rg_record(&op_linear, b.tape || b.serial ? 3 : 2, in, NULL);
}

/* ---- dot, outer and trace ---- */

static rg_value dot_compose(const rg_op *op, int count, const rg_value *in, const void *attributes)
{
    rg_shape a = rg_get_shape(in[0]), b = rg_get_shape(in[1]);
    char left[RG_SHAPE_TEXT_SIZE], right[RG_SHAPE_TEXT_SIZE];
    (void)count;
    (void)attributes;
    if (a.rank != 1 || !rg_shape_equal(&a, &b))
        return rg_op_fail(op, in[0].tape, RG_ERROR_SHAPE, "%s and %s are not vectors of one length",
                          rg_shape_text(&a, left), rg_shape_text(&b, right));
    return rg_matmul(in[0], in[1]);
}

static rg_value outer_compose(const rg_op *op, int count, const rg_value *in,
                              const void *attributes)
{
    rg_shape a = rg_get_shape(in[0]), b = rg_get_shape(in[1]);
    char left[RG_SHAPE_TEXT_SIZE], right[RG_SHAPE_TEXT_SIZE];
    (void)count;
    (void)attributes;
    if (a.rank != 1 || b.rank != 1)
        return rg_op_fail(op, in[0].tape, RG_ERROR_SHAPE, "%s and %s are not vectors",
                          rg_shape_text(&a, left), rg_shape_text(&b, right));
    return rg_mul(rg_unsqueeze(in[0], 1), in[1]);
}

static rg_value trace_compose(const rg_op *op, int count, const rg_value *in,
                              const void *attributes)
{
    rg_shape shape = rg_get_shape(in[0]);
    char text[RG_SHAPE_TEXT_SIZE];
    (void)count;
    (void)attributes;
    if (shape.rank != 2)
        return rg_op_fail(op, in[0].tape, RG_ERROR_SHAPE, "%s is not [m, n]",
                          rg_shape_text(&shape, text));
    return rg_sum(rg_diagonal(in[0], 0));
}

static const rg_sample dot_samples[] = {
    {.shape = {{1, {4}}, {1, {4}}}, .low = {-2, -2}, .high = {2, 2}},
};
static const rg_op op_dot = {.name = "dot",
                             .formula = "sum of a_i b_i",
                             .gradient = "g b, g a",
                             .arity = 2,
                             .compose = dot_compose,
                             RGI_SAMPLES(dot_samples)};

static const rg_sample outer_samples[] = {
    {.shape = {{1, {4}}, {1, {3}}}, .low = {-2, -2}, .high = {2, 2}},
};
static const rg_op op_outer = {.name = "outer",
                               .formula = "y_ij = a_i b_j",
                               .gradient = "g b, g^T a",
                               .arity = 2,
                               .compose = outer_compose,
                               RGI_SAMPLES(outer_samples)};

static const rg_sample trace_samples[] = {
    {.shape = {{2, {3, 3}}}, .low = {-2}, .high = {2}},
    {.shape = {{2, {4, 2}}}, .low = {-2}, .high = {2}},
    {.shape = {{2, {2, 4}}}, .low = {-2}, .high = {2}},
};
static const rg_op op_trace = {.name = "trace",
                               .formula = "sum of x_ii",
                               .gradient = "g on the diagonal",
                               .arity = 1,
                               .compose = trace_compose,
                               RGI_SAMPLES(trace_samples)};

rg_value rg_dot(rg_value a, rg_value b)
{
    const rg_value in[2] = {a, b};
    return rg_record(&op_dot, 2, in, NULL);
}

rg_value rg_outer(rg_value a, rg_value b)
{
    const rg_value in[2] = {a, b};
    return rg_record(&op_outer, 2, in, NULL);
}

rg_value rg_trace(rg_value x)
{
    return rg_record(&op_trace, 1, &x, NULL);
}

rgi_family rgi_linalg_family = {&op_matmul, &op_linear, &op_dot, &op_outer, &op_trace, NULL};
