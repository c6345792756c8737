/* elementwise.c: the records of the element-wise rows, and their functions. */
#include "elementwise.h"

#include "family.h"
#include "reduce.h"
#include "rows.h"
#include "shape_ops.h"

static rg_status binary_shape(rg_call *call)
{
    return rg_call_broadcast(call);
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
#define PICK(T)                                                                          \
    do {                                                                                 \
        const T *c = (const T *)call->in[0]->data + rows.offset[0];                      \
        const T *a = (const T *)call->in[1]->data + rows.offset[1];                      \
        const T *b = (const T *)call->in[2]->data + rows.offset[2];                      \
        T *y = (T *)call->out->data + rows.offset[3];                                    \
        for (int64_t i = 0; i < rows.length; i++)                                        \
            y[i] = c[i * rows.step[0]] != 0 ? a[i * rows.step[1]] : b[i * rows.step[2]]; \
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
#define PASS(T)                                                     \
    do {                                                            \
        const T *c = (const T *)call->in[0]->data + rows.offset[0]; \
        const T *g = (const T *)call->out->grad + rows.offset[1];   \
        T *grad = (T *)to->grad + rows.offset[2];                   \
        for (int64_t i = 0; i < rows.length; i++)                   \
            if ((c[i * rows.step[0]] != 0) == (side == 1))          \
                grad[i * rows.step[2]] += g[i];                     \
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

static void where_rule(const rg_rule *rule)
{
    rg_value c = rule->in[0], zero = rgi_number_like(rule->out, 0);
    if (rule->wanted[1])
        rule->grads[1] = rgi_sum_to((rg_where)(c, rule->upstream, zero), rg_get_shape(rule->in[1]));
    if (rule->wanted[2])
        rule->grads[2] = rgi_sum_to((rg_where)(c, zero, rule->upstream), rg_get_shape(rule->in[2]));
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
                               .rule = where_rule,
                               RGI_SAMPLES(where_samples)};

rg_value(rg_where)(rg_value c, rg_value a, rg_value b)
{
    const rg_value in[3] = {c, a, b};
    return rg_record(&op_where, 3, in, NULL);
}

rg_value rg_where_vd(rg_value c, rg_value a, double b)
{
    return (rg_where)(c, a, rgi_number_like(a, b));
}

rg_value rg_where_dv(rg_value c, double a, rg_value b)
{
    return (rg_where)(c, rgi_number_like(b, a), b);
}

rg_value rg_where_dd(rg_value c, double a, double b)
{
    return (rg_where)(c, rgi_number_like(c, a), rgi_number_like(c, b));
}

/* ---- rules ---- */

rg_value rgi_guarded(rg_value g, rg_value d)
{
    return rgi_binary(RGI_times, g, d);
}

rg_value rgi_sum_to(rg_value x, rg_shape shape)
{
    rg_shape from = rg_get_shape(x);
    if (rg_shape_equal(&from, &shape))
        return x;
    rg_axes axes = {0};
    int lead = from.rank - shape.rank;
    for (int i = 0; i < from.rank; i++)
        if (i < lead || shape.dim[i - lead] != from.dim[i])
            axes.axis[axes.count++] = i;
    return rg_reshape(rg_sum_over(x, axes, 1), shape);
}

/* The names that rules are written with: the rows without a public function. */

static const rg_op *step_op(int number);
static const rg_op *compare_op(int number);

#define SLOPE_0(name)                    \
    static rg_value name(rg_value x)     \
    {                                    \
        return rgi_unary(RGI_##name, x); \
    }
#define SLOPE_1(name)                                \
    static rg_value name(rg_value x, double p)       \
    {                                                \
        return rgi_unary_with(RGI_##name, x, &p, 1); \
    }
#define SLOPE(name, count, ...) SLOPE_##count(name)
RGI_SLOPE_ROWS(SLOPE)

#define STEP_0(name)                                               \
    static rg_value name(rg_value x)                               \
    {                                                              \
        return rgi_step(RGI_##name, step_op(RGI_##name), x, NULL); \
    }
#define STEP_1(name)                                             \
    static rg_value name(rg_value x, double p)                   \
    {                                                            \
        return rgi_step(RGI_##name, step_op(RGI_##name), x, &p); \
    }
#define STEP_2(name)                                                     \
    static rg_value name(rg_value x, double p, double q)                 \
    {                                                                    \
        const double parameters[2] = {p, q};                             \
        return rgi_step(RGI_##name, step_op(RGI_##name), x, parameters); \
    }
#define STEP(name, count, ...) STEP_##count(name)
RGI_STEP_ROWS(STEP)

#define BINARY_SLOPE(name, ...)                  \
    static rg_value name(rg_value a, rg_value b) \
    {                                            \
        return rgi_binary(RGI_##name, a, b);     \
    }
RGI_BINARY_SLOPE_ROWS(BINARY_SLOPE)

#define SHARE(name, ...)                                              \
    static rg_value name(rg_value a, rg_value b)                      \
    {                                                                 \
        return rgi_compare(RGI_##name, compare_op(RGI_##name), a, b); \
    }
RGI_SHARE_ROWS(SHARE)

/* Derivatives of the slopes that have no row: they are needed for higher derivatives only. */

/* a^(b-1) (1 + b ln a) */
static rg_value pow_bend(rg_value a, rg_value b)
{
    rg_value lower = rg_sub(b, 1);
    return rg_add(rg_pow(a, lower), rg_mul(b, pow_log(a, lower)));
}

/* (a^2 - b^2) / (a^2 + b^2)^2 */
static rg_value atan2_bend(rg_value a, rg_value b)
{
    rg_value r = rg_hypot(a, b);
    return rg_mul(rg_div(rg_div(rg_sub(a, b), r), r), rg_div(rg_div(rg_add(a, b), r), r));
}

/* With t = tanh(softplus(x)), s = sigmoid(x): t' = (1 - t^2) s, mish'' = 2 t' + x t''. */
static rg_value mish_bend(rg_value x)
{
    rg_value u = rg_softplus(x, 1), s = rg_sigmoid(x), c = tanh_slope(u);
    rg_value first = rg_mul(c, s);
    rg_value second =
        rg_sub(rg_mul(c, sigmoid_slope(x)), rg_mul(rg_mul(rg_mul(2, rg_tanh(u)), first), s));
    return rg_add(rg_mul(2, first), rg_mul(x, second));
}

/* With v = 2 sqrt(2 / pi) (x + a x^3), s = sigmoid'(v), t = tanh(v / 2): the third derivative is
 * s (3 (v'' - t v'^2) + x ((1 - 6 s) v'^3 - 3 t v' v'' + v''')). */
static rg_value gelu_tanh_third(rg_value x)
{
    const double a = 0.044715, c = 1.5957691216057308;
    rg_value square = rg_square(x);
    rg_value v = rg_mul(c, rg_mul(x, rg_add(1, rg_mul(a, square))));
    rg_value first = rg_mul(c, rg_add(1, rg_mul(3 * a, square))), second = rg_mul(6 * c * a, x);
    rg_value s = sigmoid_slope(v), t = rg_tanh(rg_mul(0.5, v));
    rg_value bend = rg_sub(second, rg_mul(t, rg_square(first)));
    rg_value cube = rg_mul(rg_sub(1, rg_mul(6, s)), rg_mul(first, rg_square(first)));
    rg_value last = rg_add(rg_sub(cube, rg_mul(3, rg_mul(t, rg_mul(first, second)))), 6 * c * a);
    return rg_mul(s, rg_add(rg_mul(3, bend), rg_mul(x, last)));
}

/* ---- the records ---- */

#define UNARY_SAMPLES(low_, high_, attribute)                                              \
    {.shape = {{0, {0}}}, .low = {low_}, .high = {high_}, .attributes = attribute},        \
        {.shape = {{1, {5}}}, .low = {low_}, .high = {high_}, .attributes = attribute},    \
    {                                                                                      \
        .shape = {{3, {2, 3, 4}}}, .low = {low_}, .high = {high_}, .attributes = attribute \
    }

#define UNARY(name_, count, value, derivative, rule_, low_, high_, p_, q_, formula_, gradient_,  \
              kinks_)                                                                            \
    static void rule_of_##name_(const rg_rule *rule)                                             \
    {                                                                                            \
        const rg_value x = rule->in[0], y = rule->out, g = rule->upstream;                       \
        const double *parameters = rule->attributes;                                             \
        const double p = count > 0 ? parameters[0] : 0, q = count > 1 ? parameters[1] : 0;       \
        (void)x, (void)y, (void)g, (void)p, (void)q;                                             \
        rule->grads[0] = rule_;                                                                  \
    }                                                                                            \
    static const double parameters_of_##name_[2] = {p_, q_};                                     \
    static const rg_sample samples_of_##name_[] = {                                              \
        UNARY_SAMPLES(low_, high_, parameters_of_##name_)};                                      \
    static const rg_op op_##name_ = {.name = #name_,                                             \
                                     .formula = formula_,                                        \
                                     .gradient = gradient_,                                      \
                                     .kinks = kinks_,                                            \
                                     .arity = 1,                                                 \
                                     .strided = 1,                                               \
                                     .code = RGI_##name_,                                        \
                                     .unread = RGI_##name_ == RGI_neg || RGI_##name_ == RGI_exp, \
                                     .attribute_size = count * sizeof(double),                   \
                                     .forward = rgi_run_unary,                                   \
                                     .backward = rgi_run_unary_back,                             \
                                     .rule = rule_of_##name_,                                    \
                                     RGI_SAMPLES(samples_of_##name_)};
RGI_ALL_UNARY_ROWS(UNARY)

static const double step_parameters[2] = {0.25, 0.75};
static const rg_sample step_samples[] = {UNARY_SAMPLES(-1, 1, step_parameters)};

#define STEP_RECORD(name_, count, value, formula_)                             \
    static const rg_op op_##name_ = {.name = #name_,                           \
                                     .formula = formula_,                      \
                                     .gradient = "0",                          \
                                     .arity = 1,                               \
                                     .strided = 1,                             \
                                     .code = RGI_##name_,                      \
                                     .attribute_size = count * sizeof(double), \
                                     .forward = rgi_run_step,                  \
                                     RGI_SAMPLES(step_samples)};
RGI_STEP_ROWS(STEP_RECORD)

#define BINARY_SAMPLES(low_, high_)                                                            \
    {.shape = {{0, {0}}, {0, {0}}}, .low = {low_, low_}, .high = {high_, high_}},              \
        {.shape = {{1, {7}}, {1, {7}}}, .low = {low_, low_}, .high = {high_, high_}},          \
        {.shape = {{2, {3, 4}}, {1, {4}}}, .low = {low_, low_}, .high = {high_, high_}},       \
        {.shape = {{2, {3, 1}}, {3, {2, 1, 4}}}, .low = {low_, low_}, .high = {high_, high_}}, \
    {                                                                                          \
        .shape = {{0, {0}}, {2, {2, 3}}}, .low = {low_, low_}, .high = { high_, high_ }        \
    }

/* The derivatives of sums do not depend on what is added. */
#define IS_SUM(name) (RGI_##name == RGI_add || RGI_##name == RGI_sub)

#define BINARY(name_, value, to_a, to_b, rule_a, rule_b, low_, high_, formula_, gradient_, kinks_) \
    static void rule_of_##name_(const rg_rule *rule)                                               \
    {                                                                                              \
        const rg_value a = rule->in[0], b = rule->in[1], y = rule->out, g = rule->upstream;        \
        (void)a, (void)b, (void)y, (void)g;                                                        \
        if (rule->wanted[0])                                                                       \
            rule->grads[0] = rgi_sum_to(rule_a, rg_get_shape(a));                                  \
        if (rule->wanted[1])                                                                       \
            rule->grads[1] = rgi_sum_to(rule_b, rg_get_shape(b));                                  \
    }                                                                                              \
    static const rg_sample samples_of_##name_[] = {BINARY_SAMPLES(low_, high_)};                   \
    static const rg_op op_##name_ = {.name = #name_,                                               \
                                     .formula = formula_,                                          \
                                     .gradient = gradient_,                                        \
                                     .kinks = kinks_,                                              \
                                     .arity = 2,                                                   \
                                     .strided = 1,                                                 \
                                     .code = RGI_##name_,                                          \
                                     .unread = IS_SUM(name_) ? 3 : 0,                              \
                                     .shape = binary_shape,                                        \
                                     .forward = rgi_run_binary,                                    \
                                     .backward = rgi_run_binary_back,                              \
                                     .rule = rule_of_##name_,                                      \
                                     RGI_SAMPLES(samples_of_##name_)};
RGI_ALL_BINARY_ROWS(BINARY)

static const rg_sample compare_samples[] = {BINARY_SAMPLES(-1, 1)};

#define COMPARE(name_, value, formula_)                          \
    static const rg_op op_##name_ = {.name = #name_,             \
                                     .formula = formula_,        \
                                     .gradient = "0, 0",         \
                                     .arity = 2,                 \
                                     .strided = 1,               \
                                     .code = RGI_##name_,        \
                                     .shape = binary_shape,      \
                                     .forward = rgi_run_compare, \
                                     RGI_SAMPLES(compare_samples)};
RGI_ALL_COMPARE_ROWS(COMPARE)

#define ENTRY(name, ...) &op_##name,
rgi_family rgi_elementwise_family = {
    RGI_ALL_UNARY_ROWS(ENTRY) RGI_ALL_BINARY_ROWS(ENTRY) RGI_STEP_ROWS(ENTRY)
            RGI_ALL_COMPARE_ROWS(ENTRY) &
        op_where,
    NULL,
};

const rg_op *rgi_elementwise_op(int code)
{
    int place = code - RGI_UNARY_FIRST;
    if (code >= RGI_CODE_INACTIVE)
        place = RGI_UNARY_COUNT + RGI_BINARY_COUNT + code - RGI_CODE_INACTIVE;
    else if (code >= RGI_BINARY_FIRST)
        place = RGI_UNARY_COUNT + (code - RGI_BINARY_FIRST) / 3;
    return rgi_elementwise_family[place];
}

static const rg_op *step_op(int number)
{
    return rgi_elementwise_op(RGI_STEP_FIRST + number);
}

static const rg_op *compare_op(int number)
{
    return rgi_elementwise_op(RGI_COMPARE_FIRST + number);
}

/* ---- the functions (the commonest are inline in scalar.h) ---- */

#define FUNCTION_0(name)                 \
    rg_value(rg_##name)(rg_value x)      \
    {                                    \
        return rgi_unary(RGI_##name, x); \
    }
#define FUNCTION_1(name)                             \
    rg_value(rg_##name)(rg_value x, double p)        \
    {                                                \
        return rgi_unary_with(RGI_##name, x, &p, 1); \
    }
#define FUNCTION_2(name)                                     \
    rg_value(rg_##name)(rg_value x, double p, double q)      \
    {                                                        \
        const double parameters[2] = {p, q};                 \
        return rgi_unary_with(RGI_##name, x, parameters, 2); \
    }
#define UNARY_FUNCTION(name, count, ...) FUNCTION_##count(name)
RGI_UNARY_ROWS(UNARY_FUNCTION)

#define BINARY_FUNCTION(name, ...)                   \
    rg_value(rg_##name)(rg_value a, rg_value b)      \
    {                                                \
        return rgi_binary(RGI_##name, a, b);         \
    }                                                \
    rg_value rg_##name##_vd(rg_value a, double b)    \
    {                                                \
        return rgi_binary_vd(RGI_##name##_vd, a, b); \
    }                                                \
    rg_value rg_##name##_dv(double a, rg_value b)    \
    {                                                \
        return rgi_binary_dv(RGI_##name##_dv, a, b); \
    }
RGI_BINARY_ROWS(BINARY_FUNCTION)

#define COMPARE_FUNCTION(name, ...)                              \
    rg_value(rg_##name)(rg_value left, rg_value right)           \
    {                                                            \
        return rgi_compare(RGI_##name, &op_##name, left, right); \
    }                                                            \
    rg_value rg_##name##_vd(rg_value left, double b)             \
    {                                                            \
        return (rg_##name)(left, rgi_number_like(left, b));      \
    }
RGI_COMPARE_ROWS(COMPARE_FUNCTION)
