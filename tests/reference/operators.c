/*
 * operators.c: the operators of the case files as calls of the library. To add one: a line in the
 * table, and a small function if it takes more than x, or a and b.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reference.h"

/* ---- what a call finds in its case ---- */

static const rg_value nothing = {NULL, 0};

/* The value of X (or I) `name`; the inert value if the case has none. */
static rg_value optional(const ref_call *call, const char *name)
{
    for (int i = 0; i < call->block->tensor_count; i++) {
        const ref_tensor *tensor = &call->block->tensor[i];
        if ((tensor->tag == 'X' || tensor->tag == 'I') && !strcmp(tensor->name, name))
            return call->value[i];
    }
    return nothing;
}

static rg_value operand(const ref_call *call, const char *name)
{
    rg_value value = optional(call, name);
    if (!value.tape)
        ref_set(call->outcome, REF_BAD, "the case has no X or I %.40s", name);
    return value;
}

static bool has(const ref_call *call, const char *key)
{
    return ref_find_attribute(call->block, key) != NULL;
}

/* The only number of an attribute, or `otherwise` without it. */
static double number(const ref_call *call, const char *key, double otherwise)
{
    const ref_attribute *attribute = ref_find_attribute(call->block, key);
    if (attribute && !attribute->word && attribute->count == 1)
        return attribute->number[0];
    if (attribute)
        ref_set(call->outcome, REF_BAD, "attribute %.40s is not one number", key);
    return otherwise;
}

static int64_t whole(const ref_call *call, const char *key, double value)
{
    if (fabs(value) <= 0x1p53 && value == trunc(value))
        return (int64_t)value;
    ref_set(call->outcome, REF_BAD, "attribute %.40s holds %g, which is no integer", key, value);
    return 0;
}

static int axis(const ref_call *call, const char *key)
{
    if (!has(call, key))
        ref_set(call->outcome, REF_BAD, "the case has no attribute %.40s", key);
    int64_t value = whole(call, key, number(call, key, 0));
    return (int)(value > 99 ? 99 : value < -99 ? -99 : value);
}

static bool flag(const ref_call *call, const char *key)
{
    return number(call, key, 0) != 0;
}

/* A list of at most RG_MAX_RANK integers; empty without the attribute. */
static rg_axes list(const ref_call *call, const char *key)
{
    rg_axes result = {0};
    const ref_attribute *attribute = ref_find_attribute(call->block, key);
    if (!attribute)
        return result;
    if (attribute->word || attribute->count > RG_MAX_RANK)
        ref_set(call->outcome, REF_BAD, "attribute %.40s is no list of up to %d numbers", key,
                RG_MAX_RANK);
    else
        for (; result.count < attribute->count; result.count++)
            result.axis[result.count] = whole(call, key, attribute->number[result.count]);
    return result;
}

static rg_shape shape(const ref_call *call)
{
    rg_axes dims = list(call, "shape");
    rg_shape result = {.rank = dims.count};
    memcpy(result.dim, dims.axis, sizeof result.dim);
    return result;
}

static bool is_word(const ref_call *call, const char *key, const char *word)
{
    const ref_attribute *attribute = ref_find_attribute(call->block, key);
    return attribute && attribute->word && !strcmp(attribute->word, word);
}

static rg_reduction reduction(const ref_call *call)
{
    if (is_word(call, "reduction", "none"))
        return RG_NONE;
    if (is_word(call, "reduction", "sum"))
        return RG_SUM;
    if (has(call, "reduction") && !is_word(call, "reduction", "mean"))
        ref_set(call->outcome, REF_SKIP, "this reduction is not in the library");
    return RG_MEAN;
}

/* ---- element-wise operators with parameters ---- */

static rg_value softplus(const ref_call *call)
{
    return rg_softplus(operand(call, "x"), number(call, "beta", 1));
}

static rg_value leaky_relu(const ref_call *call)
{
    return rg_leaky_relu(operand(call, "x"), number(call, "slope", 0.01));
}

static rg_value pow_scalar(const ref_call *call)
{
    return rg_pow_vd(operand(call, "x"), number(call, "exponent", 1));
}

static rg_value where(const ref_call *call)
{
    return rg_where(operand(call, "c"), operand(call, "a"), operand(call, "b"));
}

/* ---- reductions, softmax ---- */

#define REDUCTION(name)                                                           \
    static rg_value name(const ref_call *call)                                    \
    {                                                                             \
        rg_axes axes = list(call, "axes");                                        \
        return rg_##name##_over(operand(call, "x"), axes, flag(call, "keepdim")); \
    }
REDUCTION(sum)
REDUCTION(mean)
REDUCTION(amax)
REDUCTION(amin)
REDUCTION(logsumexp)

#define ALONG_DIM(name)                                          \
    static rg_value name(const ref_call *call)                   \
    {                                                            \
        return rg_##name(operand(call, "x"), axis(call, "dim")); \
    }
ALONG_DIM(softmax)
ALONG_DIM(log_softmax)
ALONG_DIM(squeeze)
ALONG_DIM(unsqueeze)

/* ---- shape ---- */

static rg_value reshape(const ref_call *call)
{
    return rg_reshape(operand(call, "x"), shape(call));
}

static rg_value expand(const ref_call *call)
{
    return rg_expand(operand(call, "x"), shape(call));
}

static rg_value transpose(const ref_call *call)
{
    rg_axes dims = list(call, "dims");
    if (dims.count != 2)
        ref_set(call->outcome, REF_BAD, "attribute dims has not two numbers");
    return rg_transpose(operand(call, "x"), (int)dims.axis[0], (int)dims.axis[1]);
}

static rg_value permute(const ref_call *call)
{
    return rg_permute(operand(call, "x"), list(call, "dims"));
}

static rg_value slice(const ref_call *call)
{
    rg_axes start = list(call, "start"), stop = list(call, "stop"), step = list(call, "step");
    rg_value x = operand(call, "x");
    if (start.count != stop.count || start.count != step.count ||
        start.count != rg_get_shape(x).rank)
        ref_set(call->outcome, REF_BAD, "start, stop and step have not one number an axis");
    else
        for (int i = 0; i < start.count; i++)
            x = rg_slice(x, i, start.axis[i], stop.axis[i], step.axis[i]);
    return x;
}

/* x0, x1, .. joined. */
static rg_value joined(const ref_call *call, rg_value (*join)(int, const rg_value *, int))
{
    rg_value part[REF_MAX_TENSORS];
    int count = 0;
    for (; count < REF_MAX_TENSORS; count++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", count);
        part[count] = optional(call, name);
        if (!part[count].tape)
            break;
    }
    if (count == 0)
        ref_set(call->outcome, REF_BAD, "the case has no X x0");
    return count ? join(count, part, axis(call, "dim")) : nothing;
}

static rg_value concat(const ref_call *call)
{
    return joined(call, rg_concat);
}

static rg_value stack(const ref_call *call)
{
    return joined(call, rg_stack);
}

static rg_value gather(const ref_call *call)
{
    return rg_gather(operand(call, "x"), axis(call, "dim"), operand(call, "idx"));
}

static rg_value index_select(const ref_call *call)
{
    return rg_index_select(operand(call, "x"), axis(call, "dim"), operand(call, "idx"));
}

/* ---- products and losses ---- */

static rg_value matmul(const ref_call *call)
{
    return rg_matmul(operand(call, "a"), operand(call, "b"));
}

static rg_value linear(const ref_call *call)
{
    rg_value x = operand(call, "x"), w = operand(call, "w"), b = optional(call, "b");
    if (b.tape)
        return rg_linear(x, w, b);
    return rg_matmul(x, rg_transpose(w, 0, 1));
}

static rg_value mse_loss(const ref_call *call)
{
    return rg_mse_loss(operand(call, "x"), operand(call, "t"), reduction(call));
}

static rg_value bce(const ref_call *call)
{
    rg_value x = operand(call, "x"), t = operand(call, "t"), w = optional(call, "w");
    return w.tape ? rg_bce_weighted(x, t, w, reduction(call)) : rg_bce(x, t, reduction(call));
}

static rg_value bce_with_logits(const ref_call *call)
{
    rg_value x = operand(call, "x"), t = operand(call, "t");
    rg_value w = optional(call, "w"), pw = optional(call, "pw");
    if (!w.tape && !pw.tape)
        return rg_bce_with_logits(x, t, reduction(call));
    return rg_bce_with_logits_weighted(x, t, w, pw, reduction(call));
}

static rg_value cross_entropy(const ref_call *call)
{
    rg_cross_entropy_options options = {.reduction = reduction(call),
                                        .label_smoothing = number(call, "label_smoothing", 0),
                                        .ignore = 1,
                                        .ignored = -100,
                                        .weight = optional(call, "w")};
    if (flag(call, "soft")) {
        ref_set(call->outcome, REF_SKIP, "cross_entropy with soft targets is not in the library");
        return nothing;
    }
    if (has(call, "ignore_index"))
        options.ignored = whole(call, "ignore_index", number(call, "ignore_index", 0));
    return rg_cross_entropy_with(operand(call, "x"), operand(call, "t"), &options);
}

/* ---- the table ---- */

/* clang-format off */
static const ref_operator operators[] = {
    {"neg", .unary = rg_neg},
    {"square", .unary = rg_square},
    {"sqrt", .unary = rg_sqrt},
    {"exp", .unary = rg_exp},
    {"log", .unary = rg_log},
    {"sin", .unary = rg_sin},
    {"cos", .unary = rg_cos},
    {"tan", .unary = rg_tan},
    {"tanh", .unary = rg_tanh},
    {"sigmoid", .unary = rg_sigmoid},
    {"relu", .unary = rg_relu},
    {"abs", .unary = rg_abs},
    {"softplus", .general = softplus, .elementwise = true},
    {"leaky_relu", .general = leaky_relu, .elementwise = true},
    {"pow_scalar", .general = pow_scalar, .elementwise = true},
    {"where", .general = where, .elementwise = true},
    {"add", .binary = rg_add},
    {"sub", .binary = rg_sub},
    {"mul", .binary = rg_mul},
    {"div", .binary = rg_div},
    {"pow", .binary = rg_pow},
    {"max", .binary = rg_max},
    {"min", .binary = rg_min},
    {"sum", .general = sum},
    {"mean", .general = mean},
    {"amax", .general = amax},
    {"amin", .general = amin},
    {"logsumexp", .general = logsumexp},
    {"softmax", .general = softmax},
    {"log_softmax", .general = log_softmax},
    {"reshape", .general = reshape},
    {"expand", .general = expand},
    {"squeeze", .general = squeeze},
    {"unsqueeze", .general = unsqueeze},
    {"transpose", .general = transpose},
    {"permute", .general = permute},
    {"slice", .general = slice},
    {"concat", .general = concat},
    {"stack", .general = stack},
    {"gather", .general = gather},
    {"index_select", .general = index_select},
    {"matmul", .general = matmul},
    {"linear", .general = linear},
    {"mse_loss", .general = mse_loss},
    {"bce", .general = bce},
    {"bce_with_logits", .general = bce_with_logits},
    {"cross_entropy", .general = cross_entropy},
};
/* clang-format on */

const ref_operator *ref_find_operator(const char *name)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (!strcmp(operators[i].name, name))
            return &operators[i];
    return NULL;
}

bool ref_is_elementwise(const ref_operator *operator)
{
    return operator->unary || operator->binary || operator->elementwise;
}

rg_value ref_apply(const ref_operator *operator, const ref_call * call)
{
    if (operator->unary)
        return operator->unary(operand(call, "x"));
    if (operator->general)
        return operator->general(call);
    rg_value a = operand(call, "a");
    return operator->binary(a, flag(call, "alias") ? a : operand(call, "b"));
}

rg_value ref_apply_plain(const ref_operator *operator, rg_tape * tape, int count,
                         const rg_value *argument, ref_outcome *outcome)
{
    ref_tensor tensor[2] = {{.tag = 'X', .name = count == 1 ? "x" : "a"},
                            {.tag = 'X', .name = "b"}};
    ref_block block = {.tensor_count = count, .tensor = tensor};
    ref_call call = {.tape = tape, .block = &block, .value = argument, .outcome = outcome};
    return ref_apply(operator, & call);
}
