/* layers.c: losses, and the operators of neural networks, as calls of the library. */
#include "arguments.h"

/* ---- losses ---- */

rg_value ref_mse_loss(ref_call *call)
{
    return rg_mse_loss(ref_operand(call, "x"), ref_operand(call, "t"), ref_reduction(call));
}

rg_value ref_bce(ref_call *call)
{
    rg_value x = ref_operand(call, "x"), t = ref_operand(call, "t"), w = ref_optional(call, "w");
    return w.tape ? rg_bce_weighted(x, t, w, ref_reduction(call))
                  : rg_bce(x, t, ref_reduction(call));
}

rg_value ref_bce_with_logits(ref_call *call)
{
    rg_value x = ref_operand(call, "x"), t = ref_operand(call, "t");
    rg_value w = ref_optional(call, "w"), pw = ref_optional(call, "pw");
    if (!w.tape && !pw.tape)
        return rg_bce_with_logits(x, t, ref_reduction(call));
    return rg_bce_with_logits_weighted(x, t, w, pw, ref_reduction(call));
}

rg_value ref_l1_loss(ref_call *call)
{
    return rg_l1_loss(ref_operand(call, "x"), ref_operand(call, "t"), ref_reduction(call));
}

rg_value ref_huber_loss(ref_call *call)
{
    return rg_huber_loss(ref_operand(call, "x"), ref_operand(call, "t"),
                         ref_number(call, "delta", 1), ref_reduction(call));
}

rg_value ref_smooth_l1_loss(ref_call *call)
{
    return rg_smooth_l1_loss(ref_operand(call, "x"), ref_operand(call, "t"),
                             ref_number(call, "beta", 1), ref_reduction(call));
}

rg_value ref_kl_div(ref_call *call)
{
    return rg_kl_div(ref_operand(call, "x"), ref_operand(call, "t"), ref_flag(call, "log_target"),
                     ref_reduction(call));
}

static rg_cross_entropy_options entropy_options(const ref_call *call)
{
    return (rg_cross_entropy_options){.reduction = ref_reduction(call),
                                      .label_smoothing = ref_number(call, "label_smoothing", 0),
                                      .ignore = 1,
                                      .ignored = ref_integer(call, "ignore_index", -100),
                                      .weight = ref_optional(call, "w")};
}

rg_value ref_cross_entropy(ref_call *call)
{
    rg_cross_entropy_options options = entropy_options(call);
    rg_value x = ref_operand(call, "x"), t = ref_operand(call, "t");
    return ref_flag(call, "soft") ? rg_cross_entropy_soft(x, t, &options)
                                  : rg_cross_entropy_with(x, t, &options);
}

rg_value ref_nll_loss(ref_call *call)
{
    rg_cross_entropy_options options = entropy_options(call);
    return rg_nll_loss(ref_operand(call, "x"), ref_operand(call, "t"), &options);
}

/* ---- layers ---- */

rg_value ref_linear(ref_call *call)
{
    return rg_linear(ref_operand(call, "x"), ref_operand(call, "w"), ref_optional(call, "b"));
}

rg_value ref_layer_norm(ref_call *call)
{
    return rg_layer_norm(ref_operand(call, "x"), ref_list(call, "normalized_shape").count,
                         ref_optional(call, "w"), ref_optional(call, "b"),
                         ref_number(call, "eps", 1e-5));
}

rg_value ref_group_norm(ref_call *call)
{
    return rg_group_norm(ref_operand(call, "x"), (int)ref_integer(call, "groups", 1),
                         ref_optional(call, "w"), ref_optional(call, "b"),
                         ref_number(call, "eps", 1e-5));
}

rg_value ref_batch_norm(ref_call *call)
{
    rg_batch_norm_options options = {.training = ref_flag(call, "training"),
                                     .momentum = ref_number(call, "momentum", 0.1),
                                     .eps = ref_number(call, "eps", 1e-5),
                                     .new_mean = &call->further[0],
                                     .new_variance = &call->further[1]};
    return rg_batch_norm(ref_operand(call, "x"), ref_optional(call, "w"), ref_optional(call, "b"),
                         ref_operand(call, "rm"), ref_operand(call, "rv"), &options);
}

rg_value ref_dropout(ref_call *call)
{
    return rg_dropout(ref_operand(call, "x"), ref_operand(call, "mask"), ref_number(call, "p", 0));
}

rg_value ref_embedding(ref_call *call)
{
    return rg_embedding(ref_operand(call, "w"), ref_operand(call, "idx"),
                        ref_integer(call, "padding_idx", -1));
}

rg_value ref_attention(ref_call *call)
{
    return rg_attention(ref_operand(call, "q"), ref_operand(call, "k"), ref_operand(call, "v"),
                        ref_flag(call, "causal"));
}

/* ---- windows ---- */

/* One number for each of two axes; without the attribute 0, which means the default. */
static void pair(const ref_call *call, const char *key, int *out)
{
    rg_axes given = ref_list(call, key);
    for (int i = 0; i < given.count && i < 2; i++)
        out[i] = (int)given.axis[i];
}

static rg_conv_options conv_options(const ref_call *call)
{
    rg_conv_options options = {.groups = (int)ref_integer(call, "groups", 1)};
    pair(call, "stride", options.stride);
    pair(call, "padding", options.padding);
    pair(call, "dilation", options.dilation);
    return options;
}

rg_value ref_conv1d(ref_call *call)
{
    rg_conv_options options = conv_options(call);
    return rg_conv1d(ref_operand(call, "x"), ref_operand(call, "w"), ref_optional(call, "b"),
                     &options);
}

rg_value ref_conv2d(ref_call *call)
{
    rg_conv_options options = conv_options(call);
    return rg_conv2d(ref_operand(call, "x"), ref_operand(call, "w"), ref_optional(call, "b"),
                     &options);
}

rg_value ref_max_pool2d(ref_call *call)
{
    rg_max_pool_options options = {.ceil_mode = ref_flag(call, "ceil_mode")};
    pair(call, "kernel", options.kernel);
    pair(call, "stride", options.stride);
    pair(call, "padding", options.padding);
    pair(call, "dilation", options.dilation);
    return rg_max_pool2d(ref_operand(call, "x"), &options);
}

rg_value ref_avg_pool2d(ref_call *call)
{
    rg_avg_pool_options options = {.ceil_mode = ref_flag(call, "ceil_mode"),
                                   .count_include_pad = ref_flag(call, "count_include_pad")};
    pair(call, "kernel", options.kernel);
    pair(call, "stride", options.stride);
    pair(call, "padding", options.padding);
    return rg_avg_pool2d(ref_operand(call, "x"), &options);
}
