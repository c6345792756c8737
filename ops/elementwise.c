/* elementwise.c: the records of the element-wise rows, and how tensors are walked through them. */
#include "elementwise.h"

#include "family.h"
#include "rows.h"

/* Elements that are gathered at once where a view's row is not contiguous. */
enum { BLOCK = 256 };

/* ---- one operand ---- */

/* Views are walked in rows; a row that is not contiguous is gathered block by block. */
typedef union block {
    double f64[BLOCK];
    float f32[BLOCK];
} block;

static const void *at(const void *data, int64_t offset, rg_type type)
{
    return (const char *)data + offset * (int64_t)rg_type_size(type);
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

static double parameter(const rg_call *call)
{
    return call->attributes ? *(const double *)call->attributes : 0;
}

static rg_status unary_forward(rg_call *call)
{
    const rg_tensor *x = call->in[0];
    rg_type type = x->type;
    int row = call->op->code - RGI_UNARY_FIRST;
    rgi_unary_forward *forward = rgi_kernels_for(call->cpu, type)->unary_forward[row];
    if (x->dense) {
        forward(x->size, x->data, call->out->data, parameter(call));
        return RG_OK;
    }
    /* Dense first, then in place: kernels read each element before they write it. */
    rgi_copy_to_dense(call->out->data, x);
    for (int64_t i = 0; i < x->size; i += BLOCK) {
        block room;
        int64_t n = x->size - i < BLOCK ? x->size - i : BLOCK;
        void *y = (void *)(uintptr_t)at(call->out->data, i, type);
        rgi_convert(&room, type, y, type, n);
        forward(n, &room, y, parameter(call));
    }
    return RG_OK;
}

static void unary_backward(rg_call *call)
{
    const rg_tensor *x = call->in[0];
    rg_type type = x->type;
    int row = call->op->code - RGI_UNARY_FIRST;
    rgi_unary_backward *backward = rgi_kernels_for(call->cpu, type)->unary_backward[row];
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
                     at(call->out->grad, place, type),
                     (void *)(uintptr_t)at(x->grad, place, type), parameter(call));
        }
    }
}

/* ---- two operands ---- */

static rg_status binary_shape(rg_call *call)
{
    return rg_call_broadcast(call);
}

/* How long a piece of a row may be: all of it unless a step asks for gathering. */
static int64_t piece_length(const rgi_rows *rows)
{
    for (int s = 0; s < 2; s++)
        if (rows->step[s] != 0 && rows->step[s] != 1)
            return BLOCK;
    return rows->length;
}

static rg_status binary_values(rg_call *call, rgi_binary_forward *forward)
{
    const rg_tensor *a = call->in[0], *b = call->in[1], *y = call->out;
    rg_type type = y->type;
    rgi_rows rows;
    rgi_rows_begin(&rows, &y->shape);
    rgi_rows_add_data(&rows, a);
    rgi_rows_add_data(&rows, b);
    rgi_rows_add_data(&rows, y);
    for (bool more = rgi_rows_first(&rows); more; more = rgi_rows_next(&rows)) {
        int64_t length = piece_length(&rows);
        for (int64_t i = 0; i < rows.length; i += length) {
            block room[2];
            int64_t n = rows.length - i < length ? rows.length - i : length;
            const void *first = at(a->data, rows.offset[0] + i * rows.step[0], type);
            const void *second = at(b->data, rows.offset[1] + i * rows.step[1], type);
            forward(n, gather(first, rows.step[0], n, type, &room[0]), rows.step[0] != 0,
                    gather(second, rows.step[1], n, type, &room[1]), rows.step[1] != 0,
                    (void *)(uintptr_t)at(y->data, rows.offset[2] + i, type));
        }
    }
    return RG_OK;
}

static rg_status binary_forward(rg_call *call)
{
    int row = (call->op->code - RGI_BINARY_FIRST) / 3;
    return binary_values(call, rgi_kernels_for(call->cpu, call->out->type)->binary_forward[row]);
}

static void binary_backward(rg_call *call)
{
    const rg_tensor *a = call->in[0], *b = call->in[1], *y = call->out;
    rg_type type = y->type;
    int row = (call->op->code - RGI_BINARY_FIRST) / 3;
    rgi_binary_backward *backward = rgi_kernels_for(call->cpu, type)->binary_backward[row];
    rgi_rows rows;
    rgi_rows_begin(&rows, &y->shape);
    rgi_rows_add_data(&rows, a);
    rgi_rows_add_data(&rows, b);
    rgi_rows_add_data(&rows, y);
    rgi_rows_add_grad(&rows, a);
    rgi_rows_add_grad(&rows, b);
    for (bool more = rgi_rows_first(&rows); more; more = rgi_rows_next(&rows)) {
        int64_t length = piece_length(&rows);
        for (int64_t i = 0; i < rows.length; i += length) {
            block room[2];
            int64_t n = rows.length - i < length ? rows.length - i : length;
            const void *first = at(a->data, rows.offset[0] + i * rows.step[0], type);
            const void *second = at(b->data, rows.offset[1] + i * rows.step[1], type);
            int64_t to_a = rows.offset[3] + i * rows.step[3];
            int64_t to_b = rows.offset[4] + i * rows.step[4];
            rgi_binary_grads grads = {
                .a = a->grad ? (void *)(uintptr_t)at(a->grad, to_a, type) : NULL,
                .b = b->grad ? (void *)(uintptr_t)at(b->grad, to_b, type) : NULL,
                .a_step = rows.step[3] != 0,
                .b_step = rows.step[4] != 0};
            backward(n, gather(first, rows.step[0], n, type, &room[0]), rows.step[0] != 0,
                     gather(second, rows.step[1], n, type, &room[1]), rows.step[1] != 0,
                     at(y->data, rows.offset[2] + i, type), at(y->grad, rows.offset[2] + i, type),
                     &grads);
        }
    }
}

/* ---- comparisons ---- */

static rg_status compare_forward(rg_call *call)
{
    return binary_values(call, rgi_kernels_for(call->cpu, call->out->type)->compare[call->op->code]);
}

/* ---- where ---- */

static rg_status where_forward(rg_call *call)
{
    rgi_rows rows;
    rgi_rows_begin(&rows, &call->out->shape);
    for (int k = 0; k < 3; k++)
        rgi_rows_add_data(&rows, call->in[k]);
    rgi_rows_add_data(&rows, call->out);
    for (bool more = rgi_rows_first(&rows); more; more = rgi_rows_next(&rows)) {
#define PICK(T)                                                                                    \
    do {                                                                                           \
        const T *c = (const T *)call->in[0]->data + rows.offset[0];                                \
        const T *a = (const T *)call->in[1]->data + rows.offset[1];                                \
        const T *b = (const T *)call->in[2]->data + rows.offset[2];                                \
        T *y = (T *)call->out->data + rows.offset[3];                                              \
        for (int64_t i = 0; i < rows.length; i++)                                                  \
            y[i] = c[i * rows.step[0]] != 0 ? a[i * rows.step[1]] : b[i * rows.step[2]];           \
    } while (0)
        if (call->out->type == RG_F64)
            PICK(double);
        else
            PICK(float);
#undef PICK
    }
    return RG_OK;
}

/* The gradient of operand `side` (1: taken where c holds, 2: where it does not). */
static void where_side(rg_call *call, int side)
{
    const rg_tensor *to = call->in[side];
    rgi_rows rows;
    rgi_rows_begin(&rows, &call->out->shape);
    rgi_rows_add_data(&rows, call->in[0]);
    rgi_rows_add_data(&rows, call->out);
    rgi_rows_add_grad(&rows, to);
    for (bool more = rgi_rows_first(&rows); more; more = rgi_rows_next(&rows)) {
#define PASS(T)                                                                                    \
    do {                                                                                           \
        const T *c = (const T *)call->in[0]->data + rows.offset[0];                                \
        const T *g = (const T *)call->out->grad + rows.offset[1];                                  \
        T *grad = (T *)to->grad + rows.offset[2];                                                  \
        for (int64_t i = 0; i < rows.length; i++)                                                  \
            if ((c[i * rows.step[0]] != 0) == (side == 1))                                         \
                grad[i * rows.step[2]] += g[i];                                                    \
    } while (0)
        if (to->type == RG_F64)
            PASS(double);
        else
            PASS(float);
#undef PASS
    }
}

static void where_backward(rg_call *call)
{
    for (int side = 1; side <= 2; side++)
        if (call->in[side]->grad)
            where_side(call, side);
}

static const rg_sample where_samples[] = {
    {.shape = {{1, {6}}, {1, {6}}, {1, {6}}}, .low = {-1, -2, -2}, .high = {1, 2, 2}},
    {.shape = {{2, {3, 1}}, {1, {4}}, {0, {0}}}, .low = {-1, -2, -2}, .high = {1, 2, 2}},
};
static const rg_op op_where = {.name = "where",
                               .formula = "a if c is not 0, else b",
                               .gradient = "0; g where c; g where not c",
                               .arity = 3,
                               .strided = 1,
                               .shape = binary_shape,
                               .forward = where_forward,
                               .backward = where_backward,
                               RGI_SAMPLES(where_samples)};

rg_value(rg_where)(rg_value c, rg_value a, rg_value b)
{
    const rg_value in[3] = {c, a, b};
    return rg_record(&op_where, 3, in, NULL);
}

rg_value rg_where_vd(rg_value c, rg_value a, double b)
{
    return (rg_where)(c, a, rg_constant(c.tape, b));
}

rg_value rg_where_dv(rg_value c, double a, rg_value b)
{
    return (rg_where)(c, rg_constant(c.tape, a), b);
}

rg_value rg_where_dd(rg_value c, double a, double b)
{
    return (rg_where)(c, rg_constant(c.tape, a), rg_constant(c.tape, b));
}

/* ---- the records ---- */

#define UNARY_SAMPLES(low_, high_, attribute)                                                      \
    {.shape = {{0, {0}}}, .low = {low_}, .high = {high_}, .attributes = attribute},                \
        {.shape = {{1, {5}}}, .low = {low_}, .high = {high_}, .attributes = attribute},            \
    {                                                                                              \
        .shape = {{3, {2, 3, 4}}}, .low = {low_}, .high = {high_}, .attributes = attribute         \
    }

#define UNARY_RECORD(name_, width, formula_, gradient_, kinks_)                                    \
    static const rg_op op_##name_ = {.name = #name_,                                               \
                                     .formula = formula_,                                          \
                                     .gradient = gradient_,                                        \
                                     .kinks = kinks_,                                              \
                                     .arity = 1,                                                   \
                                     .strided = 1,                                                 \
                                     .code = RGI_##name_,                                          \
                                     .attribute_size = width,                                      \
                                     .forward = unary_forward,                                     \
                                     .backward = unary_backward,                                   \
                                     RGI_SAMPLES(samples_##name_)};

#define UNARY(name, value, derivative, low, high, formula, gradient, kinks)                        \
    static const rg_sample samples_##name[] = {UNARY_SAMPLES(low, high, NULL)};                    \
    UNARY_RECORD(name, 0, formula, gradient, kinks)
RGI_UNARY_ROWS(UNARY)

#define UNARY_P(name, value, derivative, low, high, p, formula, gradient, kinks)                   \
    static const double parameter_##name = p;                                                      \
    static const rg_sample samples_##name[] = {UNARY_SAMPLES(low, high, &parameter_##name)};       \
    UNARY_RECORD(name, sizeof(double), formula, gradient, kinks)
RGI_UNARY_P_ROWS(UNARY_P)

#define BINARY_SAMPLES(low_, high_)                                                                \
    {.shape = {{0, {0}}, {0, {0}}}, .low = {low_, low_}, .high = {high_, high_}},                  \
        {.shape = {{1, {7}}, {1, {7}}}, .low = {low_, low_}, .high = {high_, high_}},              \
        {.shape = {{2, {3, 4}}, {1, {4}}}, .low = {low_, low_}, .high = {high_, high_}},           \
        {.shape = {{2, {3, 1}}, {3, {2, 1, 4}}}, .low = {low_, low_}, .high = {high_, high_}},     \
    {                                                                                              \
        .shape = {{0, {0}}, {2, {2, 3}}}, .low = {low_, low_}, .high = {high_, high_}              \
    }

#define BINARY(name_, value, to_a, to_b, low, high, formula_, gradient_, kinks_)                   \
    static const rg_sample samples_##name_[] = {BINARY_SAMPLES(low, high)};                        \
    static const rg_op op_##name_ = {.name = #name_,                                               \
                                     .formula = formula_,                                          \
                                     .gradient = gradient_,                                        \
                                     .kinks = kinks_,                                              \
                                     .arity = 2,                                                   \
                                     .strided = 1,                                                 \
                                     .code = RGI_##name_,                                          \
                                     .shape = binary_shape,                                        \
                                     .forward = binary_forward,                                    \
                                     .backward = binary_backward,                                  \
                                     RGI_SAMPLES(samples_##name_)};
RGI_BINARY_ROWS(BINARY)

#define COMPARE(name_, value, formula_)                                                            \
    static const rg_sample samples_##name_[] = {BINARY_SAMPLES(-1, 1)};                            \
    static const rg_op op_##name_ = {.name = #name_,                                               \
                                     .formula = formula_,                                          \
                                     .gradient = "0, 0",                                           \
                                     .arity = 2,                                                   \
                                     .strided = 1,                                                 \
                                     .code = RGI_##name_,                                          \
                                     .shape = binary_shape,                                        \
                                     .forward = compare_forward,                                   \
                                     RGI_SAMPLES(samples_##name_)};
RGI_COMPARE_ROWS(COMPARE)

#define ENTRY(name, ...) &op_##name,
rgi_family rgi_elementwise_family = {RGI_UNARY_ROWS(ENTRY) RGI_UNARY_P_ROWS(ENTRY)
                                         RGI_BINARY_ROWS(ENTRY) RGI_COMPARE_ROWS(ENTRY) & op_where,
                                     NULL};

const rg_op *rgi_elementwise_op(int code)
{
    int place = code < RGI_BINARY_FIRST ? code - RGI_UNARY_FIRST
                                        : RGI_UNARY_COUNT + (code - RGI_BINARY_FIRST) / 3;
    return rgi_elementwise_family[place];
}

/* ---- the functions (the commonest are inline in scalar.h) ---- */

#define UNARY_FUNCTION(name)                                                                       \
    rg_value rg_##name(rg_value x)                                                                 \
    {                                                                                              \
        return rgi_unary(RGI_##name, x);                                                           \
    }
UNARY_FUNCTION(sqrt)
UNARY_FUNCTION(exp)
UNARY_FUNCTION(log)
UNARY_FUNCTION(sin)
UNARY_FUNCTION(cos)
UNARY_FUNCTION(tan)
UNARY_FUNCTION(tanh)
UNARY_FUNCTION(sigmoid)
UNARY_FUNCTION(relu)
UNARY_FUNCTION(abs)

#define UNARY_P_FUNCTION(name)                                                                     \
    rg_value rg_##name(rg_value x, double p)                                                       \
    {                                                                                              \
        return rgi_unary_p(RGI_##name, x, p);                                                      \
    }
UNARY_P_FUNCTION(leaky_relu)
UNARY_P_FUNCTION(softplus)

#define BINARY_FUNCTION(name)                                                                      \
    rg_value(rg_##name)(rg_value a, rg_value b)                                                    \
    {                                                                                              \
        return rgi_binary(RGI_##name, a, b);                                                       \
    }                                                                                              \
    rg_value rg_##name##_vd(rg_value a, double b)                                                  \
    {                                                                                              \
        return rgi_binary_vd(RGI_##name##_vd, a, b);                                               \
    }                                                                                              \
    rg_value rg_##name##_dv(double a, rg_value b)                                                  \
    {                                                                                              \
        return rgi_binary_dv(RGI_##name##_dv, a, b);                                               \
    }
BINARY_FUNCTION(pow)
BINARY_FUNCTION(max)
BINARY_FUNCTION(min)

#define COMPARE_FUNCTION(name, condition, ...)                                                     \
    rg_value(rg_##name)(rg_value left, rg_value right)                                             \
    {                                                                                              \
        const rg_value in[2] = {left, right};                                                      \
        return rg_record(&op_##name, 2, in, NULL);                                                 \
    }                                                                                              \
    rg_value rg_##name##_vd(rg_value left, double b)                                               \
    {                                                                                              \
        return (rg_##name)(left, rg_constant(left.tape, b));                                       \
    }
RGI_COMPARE_ROWS(COMPARE_FUNCTION)
