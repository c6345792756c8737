/*
 * operators.c: the operators of the case files as calls of the library. To add one: a line in the
 * table, and a small function if it takes more than x, or a and b.
 */
#include <stdlib.h>
#include <string.h>

#include "arguments.h"

/* ---- element-wise operators with parameters ---- */

/* Parameter k of an element-wise operator, as its line in the table says. */
static double parameter(const ref_call *call, int k)
{
    const ref_parameter *p = &call->operator->parameter[k];
    return ref_number(call, p->key, p->otherwise);
}

static rg_value softplus(ref_call *call)
{
    return rg_softplus(ref_operand(call, "x"), parameter(call, 0));
}

static rg_value leaky_relu(ref_call *call)
{
    return rg_leaky_relu(ref_operand(call, "x"), parameter(call, 0));
}

static rg_value elu(ref_call *call)
{
    return rg_elu(ref_operand(call, "x"), parameter(call, 0));
}

static rg_value hardtanh(ref_call *call)
{
    return rg_hardtanh(ref_operand(call, "x"), parameter(call, 0), parameter(call, 1));
}

static rg_value clamp(ref_call *call)
{
    return rg_clamp(ref_operand(call, "x"), parameter(call, 0), parameter(call, 1));
}

static rg_value pow_scalar(ref_call *call)
{
    return rg_pow_vd(ref_operand(call, "x"), parameter(call, 0));
}

static rg_value where(ref_call *call)
{
    return rg_where(ref_operand(call, "c"), ref_operand(call, "a"), ref_operand(call, "b"));
}

/* ---- reductions, softmax ---- */

#define REDUCTION(name)                                                                   \
    static rg_value name(ref_call *call)                                                  \
    {                                                                                     \
        rg_axes axes = ref_list(call, "axes");                                            \
        return rg_##name##_over(ref_operand(call, "x"), axes, ref_flag(call, "keepdim")); \
    }
REDUCTION(sum)
REDUCTION(mean)
REDUCTION(amax)
REDUCTION(amin)
REDUCTION(logsumexp)
REDUCTION(prod)

static rg_value var(ref_call *call)
{
    return rg_var(ref_operand(call, "x"), ref_list(call, "axes"), ref_number(call, "correction", 1),
                  ref_flag(call, "keepdim"));
}

static rg_value std(ref_call *call)
{
    return rg_std(ref_operand(call, "x"), ref_list(call, "axes"), ref_number(call, "correction", 1),
                  ref_flag(call, "keepdim"));
}

static rg_value norm(ref_call *call)
{
    return rg_norm(ref_operand(call, "x"), ref_number(call, "ord", 2), ref_list(call, "axes"),
                   ref_flag(call, "keepdim"));
}

#define ALONG_DIM(name)                                                  \
    static rg_value name(ref_call *call)                                 \
    {                                                                    \
        return rg_##name(ref_operand(call, "x"), ref_axis(call, "dim")); \
    }
ALONG_DIM(softmax)
ALONG_DIM(log_softmax)
ALONG_DIM(squeeze)
ALONG_DIM(unsqueeze)
ALONG_DIM(cumsum)

/* ---- shape ---- */

static rg_value reshape(ref_call *call)
{
    return rg_reshape(ref_operand(call, "x"), ref_shape(call));
}

static rg_value expand(ref_call *call)
{
    return rg_expand(ref_operand(call, "x"), ref_shape(call));
}

static rg_value transpose(ref_call *call)
{
    rg_axes dims = ref_list(call, "dims");
    if (dims.count != 2)
        ref_set(call->outcome, REF_BAD, "attribute dims has not two numbers");
    return rg_transpose(ref_operand(call, "x"), (int)dims.axis[0], (int)dims.axis[1]);
}

static rg_value permute(ref_call *call)
{
    return rg_permute(ref_operand(call, "x"), ref_list(call, "dims"));
}

static rg_value slice(ref_call *call)
{
    rg_axes start = ref_list(call, "start"), stop = ref_list(call, "stop"),
            step = ref_list(call, "step");
    rg_value x = ref_operand(call, "x");
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
        part[count] = ref_optional(call, name);
        if (!part[count].tape)
            break;
    }
    if (count == 0)
        ref_set(call->outcome, REF_BAD, "the case has no X x0");
    return count ? join(count, part, ref_axis(call, "dim")) : (rg_value){NULL, 0};
}

static rg_value concat(ref_call *call)
{
    return joined(call, rg_concat);
}

static rg_value stack(ref_call *call)
{
    return joined(call, rg_stack);
}

static rg_value gather(ref_call *call)
{
    return rg_gather(ref_operand(call, "x"), ref_axis(call, "dim"), ref_operand(call, "idx"));
}

static rg_value index_select(ref_call *call)
{
    return rg_index_select(ref_operand(call, "x"), ref_axis(call, "dim"), ref_operand(call, "idx"));
}

static rg_value scatter_add(ref_call *call)
{
    return rg_scatter_add(ref_operand(call, "x"), ref_axis(call, "dim"), ref_operand(call, "idx"),
                          ref_operand(call, "src"));
}

static rg_value pad(ref_call *call)
{
    return rg_pad(ref_operand(call, "x"), ref_list(call, "lo"), ref_list(call, "hi"),
                  ref_number(call, "value", 0));
}

static rg_value flip(ref_call *call)
{
    return rg_flip(ref_operand(call, "x"), ref_list(call, "dims"));
}

static rg_value roll(ref_call *call)
{
    return rg_roll(ref_operand(call, "x"), ref_list(call, "shifts"), ref_list(call, "dims"));
}

static rg_value repeat(ref_call *call)
{
    return rg_repeat(ref_operand(call, "x"), ref_list(call, "reps"));
}

static rg_value tril(ref_call *call)
{
    return rg_tril(ref_operand(call, "x"), ref_integer(call, "diagonal", 0));
}

static rg_value triu(ref_call *call)
{
    return rg_triu(ref_operand(call, "x"), ref_integer(call, "diagonal", 0));
}

static rg_value diagonal(ref_call *call)
{
    return rg_diagonal(ref_operand(call, "x"), ref_integer(call, "offset", 0));
}

/* ---- linear algebra ---- */

/* The Cholesky factor of x x^T + n I, for any square x. */
static rg_value chol_llt(rg_value x)
{
    rg_shape shape = rg_get_shape(x);
    int64_t n = shape.dim[shape.rank - 1];
    double *scaled_unit = ref_alloc_doubles(n * n);
    for (int64_t i = 0; i < n * n; i++)
        scaled_unit[i] = i % (n + 1) == 0 ? (double)n : 0;
    rg_value unit = rg_constant_tensor(x.tape, rg_get_type(x), RG_SHAPE(n, n), NULL);
    rg_write(unit, scaled_unit);
    free(scaled_unit);
    return rg_cholesky(rg_add(rg_matmul(x, rg_transpose(x, -2, -1)), unit));
}

/* ---- the table ---- */

/* clang-format off */
static const ref_operator operators[] = {
    {"neg", .unary = rg_neg},
    {"square", .unary = rg_square},
    {"sqrt", .unary = rg_sqrt},
    {"rsqrt", .unary = rg_rsqrt},
    {"reciprocal", .unary = rg_reciprocal},
    {"exp", .unary = rg_exp},
    {"expm1", .unary = rg_expm1},
    {"log", .unary = rg_log},
    {"log1p", .unary = rg_log1p},
    {"log2", .unary = rg_log2},
    {"sin", .unary = rg_sin},
    {"cos", .unary = rg_cos},
    {"tan", .unary = rg_tan},
    {"asin", .unary = rg_asin},
    {"acos", .unary = rg_acos},
    {"atan", .unary = rg_atan},
    {"sinh", .unary = rg_sinh},
    {"cosh", .unary = rg_cosh},
    {"tanh", .unary = rg_tanh},
    {"asinh", .unary = rg_asinh},
    {"acosh", .unary = rg_acosh},
    {"atanh", .unary = rg_atanh},
    {"erf", .unary = rg_erf},
    {"erfc", .unary = rg_erfc},
    {"lgamma", .unary = rg_lgamma},
    {"digamma", .unary = rg_digamma},
    {"sigmoid", .unary = rg_sigmoid},
    {"logsigmoid", .unary = rg_logsigmoid},
    {"silu", .unary = rg_silu},
    {"mish", .unary = rg_mish},
    {"gelu", .unary = rg_gelu},
    {"gelu_tanh", .unary = rg_gelu_tanh},
    {"relu", .unary = rg_relu},
    {"abs", .unary = rg_abs},
    {"softplus", .general = softplus, .elementwise = true, .parameter = {{"beta", 1}}},
    {"leaky_relu", .general = leaky_relu, .elementwise = true, .parameter = {{"slope", 0.01}}},
    {"elu", .general = elu, .elementwise = true, .parameter = {{"alpha", 1}}},
    {"hardtanh", .general = hardtanh, .elementwise = true, .parameter = {{"lo", -1}, {"hi", 1}}},
    {"clamp", .general = clamp, .elementwise = true, .parameter = {{"lo", 0}, {"hi", 1}}},
    {"pow_scalar", .general = pow_scalar, .elementwise = true, .parameter = {{"exponent", 1}}},
    {"where", .general = where, .elementwise = true, .operands = "cab"},
    {"add", .binary = rg_add},
    {"sub", .binary = rg_sub},
    {"mul", .binary = rg_mul},
    {"div", .binary = rg_div},
    {"pow", .binary = rg_pow},
    {"atan2", .binary = rg_atan2},
    {"hypot", .binary = rg_hypot},
    {"max", .binary = rg_max},
    {"min", .binary = rg_min},
    {"logaddexp", .binary = rg_logaddexp},
    {"sum", .general = sum},
    {"mean", .general = mean},
    {"amax", .general = amax},
    {"amin", .general = amin},
    {"logsumexp", .general = logsumexp},
    {"prod", .general = prod},
    {"var", .general = var},
    {"std", .general = std},
    {"norm", .general = norm},
    {"cumsum", .general = cumsum},
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
    {"scatter_add", .general = scatter_add},
    {"pad", .general = pad},
    {"flip", .general = flip},
    {"roll", .general = roll},
    {"repeat", .general = repeat},
    {"tril", .general = tril},
    {"triu", .general = triu},
    {"diagonal", .general = diagonal},
    {"matmul", .product = rg_matmul},
    {"dot", .product = rg_dot},
    {"outer", .product = rg_outer},
    {"solve", .product = rg_solve},
    {"trace", .matrix = rg_trace},
    {"inverse", .matrix = rg_inverse},
    {"det", .matrix = rg_det},
    {"logdet", .matrix = rg_logdet},
    {"cholesky", .matrix = rg_cholesky},
    {"chol_llt", .matrix = chol_llt},
#define LAYER(name) {#name, .general = ref_##name},
    REF_LAYERS(LAYER)
#undef LAYER
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

const char *ref_operands(const ref_operator *operator)
{
    return operator->operands ? operator->operands : operator->binary ? "ab" : "x";
}

rg_value ref_apply(const ref_operator *operator, ref_call * call)
{
    call->operator= operator;
    if (operator->unary || operator->matrix)
        return (operator->unary ? operator->unary : operator->matrix)(ref_operand(call, "x"));
    if (operator->general)
        return operator->general(call);
    rg_value a = ref_operand(call, "a");
    rg_value b = ref_flag(call, "alias") ? a : ref_operand(call, "b");
    return (operator->binary ? operator->binary : operator->product)(a, b);
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

rg_value ref_apply_scalars(const ref_operator *operator, rg_tape * tape, const rg_value *argument,
                           const double *parameters, ref_outcome *outcome)
{
    const char *operands = ref_operands(operator);
    char names[REF_MAX_OPERANDS][2] = {{0}};
    ref_tensor tensor[REF_MAX_OPERANDS];
    ref_attribute attribute[REF_MAX_PARAMETERS];
    ref_block block = {.tensor = tensor, .attribute = attribute};
    for (const char *name = operands; *name; name++, block.tensor_count++) {
        names[block.tensor_count][0] = *name;
        tensor[block.tensor_count] = (ref_tensor){.tag = 'X', .name = names[block.tensor_count]};
    }
    for (int k = 0; k < REF_MAX_PARAMETERS && operator->parameter[k].key; k++)
        attribute[block.attribute_count++] = (ref_attribute){
            .key = operator->parameter[k].key, .count = 1, .number = &parameters[k]};
    ref_call call = {.tape = tape, .block = &block, .value = argument, .outcome = outcome};
    return ref_apply(operator, & call);
}
