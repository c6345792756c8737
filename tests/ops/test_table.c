/*
 * test_table.c: walks the table of operations, so that a new one is tested by being in it: texts,
 * samples, gradients, views, float32; and that each public function records what is in the table.
 */
#define _POSIX_C_SOURCE 200809L
#include "../check.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "../../autograd/internal.h"
#include "../../ops/elementwise_rows.h"
#include "samples.h"

SUITE(table);

enum { SEEDS = 5 };

typedef struct results {
    int64_t size, grad_size[MAX_INPUTS];
    double value[MAX_ELEMENTS], grad[MAX_INPUTS][MAX_ELEMENTS];
} results;

static void compute(const inputs *all, rg_type type, results *out)
{
    static double upstream[MAX_ELEMENTS];
    rg_tape *tape = rg_tape_create();
    rg_value in[MAX_INPUTS];
    for (int k = 0; k < all->count; k++) {
        in[k] = rg_input_tensor(tape, is_integer(all->op, k) ? RG_I64 : type, all->shape[k], NULL);
        CHECK_STATUS(rg_write(in[k], all->data[k]), RG_OK);
    }
    rg_value y = record(tape, in, all->count, (void *)all);
    cr_assert_eq(rg_tape_status(tape), RG_OK, "%s", rg_tape_message(tape));
    out->size = rg_size(y);
    cr_assert_leq(out->size, MAX_ELEMENTS);
    for (int64_t i = 0; i < out->size; i++)
        upstream[i] = 0.5 + (double)(i % 7) / 4;
    CHECK_STATUS(rg_read(y, out->value), RG_OK);
    CHECK_STATUS(rg_backward_with(y, upstream), RG_OK);
    for (int k = 0; k < all->count; k++) {
        out->grad_size[k] = rg_size(in[k]);
        CHECK_STATUS(rg_read_grad(in[k], out->grad[k]), RG_OK);
    }
    rg_tape_destroy(tape);
}

/* ---- the table ---- */

Test(table, has_texts_and_samples_for_each_operation)
{
    cr_assert_gt(rg_op_count(), 40);
    for (int i = 0; i < rg_op_count(); i++) {
        const rg_op *op = op_at(i);
        cr_assert(op->name && *op->name);
        cr_assert(op->formula && *op->formula, "%s has no formula", op->name);
        cr_assert(op->gradient && *op->gradient, "%s has no gradient text", op->name);
        cr_assert(op->sample_count > 0 || !is_differentiable(op), "%s has no sample", op->name);
        cr_assert(!!op->forward + !!op->view + !!op->compose == 1,
                  "%s is not either computed, a view or composed", op->name);
    }
}

Test(table, has_unique_names)
{
    for (int i = 0; i < rg_op_count(); i++)
        cr_assert_eq(rg_op_find(op_at(i)->name), op_at(i), "%s is there twice", op_at(i)->name);
    cr_assert_null(rg_op_find("no such operation"));
}

Test(table, ends_at_both_sides)
{
    cr_assert_null(rg_op_at(-1));
    cr_assert_null(rg_op_at(rg_op_count()));
}

/* ---- gradients ---- */

static void check_gradient(const rg_op *op, int sample, int strided)
{
    static inputs all;
    if (!is_differentiable(op))
        return;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        fill(&all, op, sample, strided, seed);
        rg_gradcheck_input in[MAX_INPUTS];
        int64_t varied = 0;
        for (int k = 0; k < all.count; k++) {
            in[k] = (rg_gradcheck_input){.type = is_integer(op, k) ? RG_I64 : RG_F64,
                                         .shape = all.shape[k],
                                         .data = all.data[k],
                                         .constant = !has_gradient(op, k)};
            if (!in[k].constant && in[k].type == RG_F64)
                varied += rg_shape_size(&in[k].shape);
        }
        rg_gradcheck_options options = {.mode = RG_GRADCHECK_ELEMENTS, .seed = seed};
        rg_gradcheck_report report;
        rg_status status = rg_gradcheck(record, &all, in, all.count, &options, &report);
        cr_assert_eq(status, RG_OK, "%s, sample %d, seed %u: %s", op->name, sample, seed,
                     report.message);
        cr_assert_eq(report.checked, varied);
    }
}

static void check_dense_gradient(const rg_op *op, int sample)
{
    check_gradient(op, sample, 0);
}

static void check_strided_gradient(const rg_op *op, int sample)
{
    check_gradient(op, sample, 1);
}

Test(table, has_right_gradients)
{
    for_each_sample(check_dense_gradient);
}

Test(table, has_right_gradients_behind_views)
{
    for_each_sample(check_strided_gradient);
}

static void check_constant_inputs(const rg_op *op, int sample)
{
    static inputs all;
    static results out;
    fill(&all, op, sample, 0, 1);
    compute(&all, RG_F64, &out);
    for (int k = 0; k < all.count; k++) {
        int flows = is_differentiable(op) && !is_integer(op, k) && has_gradient(op, k);
        for (int64_t i = 0; !flows && i < out.grad_size[k]; i++)
            cr_assert_eq(out.grad[k][i], 0, "%s, input %d has a gradient", op->name, k);
    }
}

Test(table, gives_no_gradient_where_the_text_says_0)
{
    for_each_sample(check_constant_inputs);
}

/* ---- the same twice, behind views, and in float32 ---- */

static void check_twice(const rg_op *op, int sample)
{
    static inputs all;
    static results once, again;
    fill(&all, op, sample, 0, 3);
    compute(&all, RG_F64, &once);
    compute(&all, RG_F64, &again);
    cr_assert_eq(memcmp(once.value, again.value, (size_t)once.size * sizeof(double)), 0,
                 "%s, sample %d", op->name, sample);
    for (int k = 0; k < all.count; k++) {
        size_t bytes = (size_t)once.grad_size[k] * sizeof(double);
        cr_assert_eq(memcmp(once.grad[k], again.grad[k], bytes), 0, "%s, sample %d, input %d",
                     op->name, sample, k);
    }
}

Test(table, computes_the_same_bits_twice)
{
    for_each_sample(check_twice);
}

static void check_near_all(const rg_op *op, const double *got, const double *want, int64_t size,
                           double tolerance)
{
    for (int64_t i = 0; i < size; i++)
        cr_assert(is_near(got[i], want[i], tolerance), "%s, element %lld: %.9g, not %.9g", op->name,
                  (long long)i, got[i], want[i]);
}

static void check_float32(const rg_op *op, int sample)
{
    static inputs all;
    static results single, reference;
    if (op->types && !(op->types & RG_OP_F32))
        return;
    for (int strided = 0; strided < 2; strided++) {
        fill(&all, op, sample, strided, 4);
        compute(&all, RG_F64, &reference);
        compute(&all, RG_F32, &single);
        cr_assert_eq(single.size, reference.size);
        check_near_all(op, single.value, reference.value, reference.size, 1e-4);
        for (int k = 0; k < all.count; k++)
            check_near_all(op, single.grad[k], reference.grad[k], reference.grad_size[k], 1e-4);
    }
}

Test(table, agrees_in_float32)
{
    for_each_sample(check_float32);
}

/* Views longer than what kernels gather at once. */
static void check_long_views(const rg_op *op, int sample)
{
    enum { LONG = 700 };
    static inputs all;
    static results dense, view;
    static double picked[MAX_ELEMENTS];
    rg_sample longer = op->samples[sample];
    for (int k = 0; k < input_count(op, &longer); k++) {
        if (op->code < RGI_CODE_FIRST || longer.shape[k].rank != 1)
            return;
        longer.shape[k] = RG_SHAPE(LONG);
    }
    rg_op copy = *op;
    copy.samples = &longer;
    fill(&all, &copy, 0, 1, 5);
    compute(&all, RG_F64, &view);
    for (int k = 0; k < all.count; k++) {
        all.shape[k] = RG_SHAPE(LONG);
        for (int i = 0; i < LONG; i++)
            all.data[k][i] = all.data[k][2 * i + 1];
    }
    all.strided = 0;
    compute(&all, RG_F64, &dense);
    check_near_all(op, view.value, dense.value, LONG, 1e-12);
    for (int k = 0; k < all.count; k++) {
        for (int i = 0; i < LONG; i++)
            picked[i] = view.grad[k][2 * i + 1];
        check_near_all(op, picked, dense.grad[k], LONG, 1e-12);
    }
}

Test(table, computes_the_same_behind_long_views)
{
    for_each_sample(check_long_views);
}

static void check_types(const rg_op *op, int sample)
{
    static inputs all;
    fill(&all, op, sample, 0, 4);
    rg_tape *tape = rg_tape_create();
    rg_value in[MAX_INPUTS];
    for (int k = 0; k < all.count; k++) {
        in[k] = rg_input_tensor(tape, is_integer(op, k) ? RG_I64 : RG_F32, all.shape[k], NULL);
        rg_write(in[k], all.data[k]);
    }
    if (!op->types || (op->types & RG_OP_F32))
        cr_assert_eq(rg_get_type(record(tape, in, all.count, &all)), RG_F32, "%s", op->name);
    else
        CHECK_STATUS((record(tape, in, all.count, &all), rg_tape_status(tape)), RG_ERROR_TYPE);
    rg_tape_destroy(tape);
}

Test(table, keeps_float32)
{
    for_each_sample(check_types);
}

/* ---- public functions ---- */

static rg_value zeros(rg_value x)
{
    return rg_indices(x.tape, RG_SHAPE(2), (const int64_t[]){0, 0});
}

static rg_value square_zeros(rg_value x)
{
    return rg_indices(x.tape, RG_SHAPE(2, 2), (const int64_t[]){0, 0, 0, 0});
}

static rg_value row_of(rg_value x)
{
    return rg_slice(x, 0, 0, 1, 1);
}

static rg_value picture(rg_value x)
{
    return rg_reshape(x, RG_SHAPE(1, 1, 2, 2));
}

static const rg_value nothing = {NULL, 0};

static rg_value batch_norm(rg_value x)
{
    rg_batch_norm_options options = {.training = 1, .momentum = 0.1, .eps = 1e-5};
    return rg_batch_norm(x, nothing, nothing, nothing, nothing, &options);
}

/* ROW(public function, operation, call on a positive [2, 2] tensor x) */
/* clang-format off */
#define FUNCTIONS(ROW) \
    ROW(rg_abs, abs, rg_abs(x)) \
    ROW(rg_cos, cos, rg_cos(x)) \
    ROW(rg_exp, exp, rg_exp(x)) \
    ROW(rg_leaky_relu, leaky_relu, rg_leaky_relu(x, 0.1)) \
    ROW(rg_log, log, rg_log(x)) \
    ROW(rg_neg, neg, rg_neg(x)) \
    ROW(rg_relu, relu, rg_relu(x)) \
    ROW(rg_sigmoid, sigmoid, rg_sigmoid(x)) \
    ROW(rg_sin, sin, rg_sin(x)) \
    ROW(rg_softplus, softplus, rg_softplus(x, 1)) \
    ROW(rg_sqrt, sqrt, rg_sqrt(x)) \
    ROW(rg_square, square, rg_square(x)) \
    ROW(rg_tan, tan, rg_tan(x)) \
    ROW(rg_tanh, tanh, rg_tanh(x)) \
    ROW(rg_add, add, rg_add(x, x)) \
    ROW(rg_add_vd, add, rg_add(x, 2)) \
    ROW(rg_add_dv, add, rg_add(2, x)) \
    ROW(rg_sub, sub, rg_sub(x, x)) \
    ROW(rg_sub_vd, sub, rg_sub(x, 2)) \
    ROW(rg_sub_dv, sub, rg_sub(2, x)) \
    ROW(rg_mul, mul, rg_mul(x, x)) \
    ROW(rg_mul_vd, mul, rg_mul(x, 2)) \
    ROW(rg_mul_dv, mul, rg_mul(2, x)) \
    ROW(rg_div, div, rg_div(x, x)) \
    ROW(rg_div_vd, div, rg_div(x, 2)) \
    ROW(rg_div_dv, div, rg_div(2, x)) \
    ROW(rg_pow, pow, rg_pow(x, x)) \
    ROW(rg_pow_vd, pow, rg_pow(x, 2)) \
    ROW(rg_pow_dv, pow, rg_pow(2, x)) \
    ROW(rg_max, max, rg_max(x, x)) \
    ROW(rg_max_vd, max, rg_max(x, 2)) \
    ROW(rg_max_dv, max, rg_max(2, x)) \
    ROW(rg_min, min, rg_min(x, x)) \
    ROW(rg_min_vd, min, rg_min(x, 2)) \
    ROW(rg_min_dv, min, rg_min(2, x)) \
    ROW(rg_less, less, rg_less(x, x)) \
    ROW(rg_less_vd, less, rg_less(x, 2)) \
    ROW(rg_less_equal, less_equal, rg_less_equal(x, x)) \
    ROW(rg_less_equal_vd, less_equal, rg_less_equal(x, 2)) \
    ROW(rg_greater, greater, rg_greater(x, x)) \
    ROW(rg_greater_vd, greater, rg_greater(x, 2)) \
    ROW(rg_greater_equal, greater_equal, rg_greater_equal(x, x)) \
    ROW(rg_greater_equal_vd, greater_equal, rg_greater_equal(x, 2)) \
    ROW(rg_equal, equal, rg_equal(x, x)) \
    ROW(rg_equal_vd, equal, rg_equal(x, 2)) \
    ROW(rg_not_equal, not_equal, rg_not_equal(x, x)) \
    ROW(rg_not_equal_vd, not_equal, rg_not_equal(x, 2)) \
    ROW(rg_where, where, rg_where(x, x, x)) \
    ROW(rg_where_vd, where, rg_where(x, x, 2)) \
    ROW(rg_where_dv, where, rg_where(x, 2, x)) \
    ROW(rg_where_dd, where, rg_where(x, 2, 2)) \
    ROW(rg_sum, sum, rg_sum(x)) \
    ROW(rg_sum_over, sum, rg_sum_over(x, RG_AXES(0), 0)) \
    ROW(rg_mean, mean, rg_mean(x)) \
    ROW(rg_mean_over, mean, rg_mean_over(x, RG_AXES(0), 0)) \
    ROW(rg_amax, amax, rg_amax(x)) \
    ROW(rg_amax_over, amax, rg_amax_over(x, RG_AXES(0), 0)) \
    ROW(rg_amin, amin, rg_amin(x)) \
    ROW(rg_amin_over, amin, rg_amin_over(x, RG_AXES(0), 0)) \
    ROW(rg_logsumexp, logsumexp, rg_logsumexp(x)) \
    ROW(rg_logsumexp_over, logsumexp, rg_logsumexp_over(x, RG_AXES(0), 0)) \
    ROW(rg_softmax, softmax, rg_softmax(x, 0)) \
    ROW(rg_log_softmax, log_softmax, rg_log_softmax(x, 0)) \
    ROW(rg_reshape, reshape, rg_reshape(x, RG_SHAPE(4))) \
    ROW(rg_transpose, permute, rg_transpose(x, 0, 1)) \
    ROW(rg_permute, permute, rg_permute(x, RG_AXES(1, 0))) \
    ROW(rg_slice, slice, rg_slice(x, 0, 0, 1, 1)) \
    ROW(rg_expand, expand, rg_expand(row_of(x), RG_SHAPE(3, 2))) \
    ROW(rg_squeeze, squeeze, rg_squeeze(row_of(x), 0)) \
    ROW(rg_unsqueeze, unsqueeze, rg_unsqueeze(x, 0)) \
    ROW(rg_concat, concat, rg_concat(1, &x, 0)) \
    ROW(rg_stack, stack, rg_stack(1, &x, 0)) \
    ROW(rg_gather, gather, rg_gather(x, 0, square_zeros(x))) \
    ROW(rg_index_select, index_select, rg_index_select(x, 0, zeros(x))) \
    ROW(rg_matmul, matmul, rg_matmul(x, x)) \
    ROW(rg_linear, linear, rg_linear(x, x, rg_sum_over(x, RG_AXES(0), 0))) \
    ROW(rg_mse_loss, mse_loss, rg_mse_loss(x, x, RG_MEAN)) \
    ROW(rg_bce, bce, rg_bce(x, x, RG_MEAN)) \
    ROW(rg_bce_weighted, bce, rg_bce_weighted(x, x, x, RG_MEAN)) \
    ROW(rg_bce_with_logits, bce_with_logits, rg_bce_with_logits(x, x, RG_MEAN)) \
    ROW(rg_bce_with_logits_weighted, bce_with_logits, \
        rg_bce_with_logits_weighted(x, x, x, x, RG_MEAN)) \
    ROW(rg_acos, acos, rg_acos(x)) \
    ROW(rg_asin, asin, rg_asin(x)) \
    ROW(rg_atan, atan, rg_atan(x)) \
    ROW(rg_atanh, atanh, rg_atanh(x)) \
    ROW(rg_cosh, cosh, rg_cosh(x)) \
    ROW(rg_sinh, sinh, rg_sinh(x)) \
    ROW(rg_asinh, asinh, rg_asinh(x)) \
    ROW(rg_digamma, digamma, rg_digamma(x)) \
    ROW(rg_lgamma, lgamma, rg_lgamma(x)) \
    ROW(rg_erf, erf, rg_erf(x)) \
    ROW(rg_erfc, erfc, rg_erfc(x)) \
    ROW(rg_expm1, expm1, rg_expm1(x)) \
    ROW(rg_gelu, gelu, rg_gelu(x)) \
    ROW(rg_gelu_tanh, gelu_tanh, rg_gelu_tanh(x)) \
    ROW(rg_log1p, log1p, rg_log1p(x)) \
    ROW(rg_log2, log2, rg_log2(x)) \
    ROW(rg_logsigmoid, logsigmoid, rg_logsigmoid(x)) \
    ROW(rg_mish, mish, rg_mish(x)) \
    ROW(rg_reciprocal, reciprocal, rg_reciprocal(x)) \
    ROW(rg_rsqrt, rsqrt, rg_rsqrt(x)) \
    ROW(rg_silu, silu, rg_silu(x)) \
    ROW(rg_acosh, acosh, rg_acosh(rg_add(1, x))) \
    ROW(rg_polygamma, polygamma, rg_polygamma(x, 1)) \
    ROW(rg_elu, elu, rg_elu(x, 1)) \
    ROW(rg_clamp, clamp, rg_clamp(x, 0, 1)) \
    ROW(rg_hardtanh, hardtanh, rg_hardtanh(x, 0, 1)) \
    ROW(rg_atan2, atan2, rg_atan2(x, x)) \
    ROW(rg_atan2_vd, atan2, rg_atan2(x, 2)) \
    ROW(rg_atan2_dv, atan2, rg_atan2(2, x)) \
    ROW(rg_hypot, hypot, rg_hypot(x, x)) \
    ROW(rg_hypot_vd, hypot, rg_hypot(x, 2)) \
    ROW(rg_hypot_dv, hypot, rg_hypot(2, x)) \
    ROW(rg_logaddexp, logaddexp, rg_logaddexp(x, x)) \
    ROW(rg_logaddexp_vd, logaddexp, rg_logaddexp(x, 2)) \
    ROW(rg_logaddexp_dv, logaddexp, rg_logaddexp(2, x)) \
    ROW(rg_prod, prod, rg_prod(x)) \
    ROW(rg_prod_over, prod, rg_prod_over(x, RG_AXES(0), 0)) \
    ROW(rg_var, var, rg_var(x, RG_AXES(0), 1, 0)) \
    ROW(rg_std, std, rg_std(x, RG_AXES(0), 1, 0)) \
    ROW(rg_norm, norm, rg_norm(x, 2, RG_AXES(0), 0)) \
    ROW(rg_cumsum, cumsum, rg_cumsum(x, 0)) \
    ROW(rg_flip, flip, rg_flip(x, RG_AXES(0))) \
    ROW(rg_diagonal, diagonal, rg_diagonal(x, 0)) \
    ROW(rg_tril, tril, rg_tril(x, 0)) \
    ROW(rg_triu, triu, rg_triu(x, 0)) \
    ROW(rg_pad, pad, rg_pad(x, RG_AXES(1, 0), RG_AXES(0, 1), 0)) \
    ROW(rg_roll, roll, rg_roll(x, RG_AXES(1), RG_AXES(0))) \
    ROW(rg_repeat, repeat, rg_repeat(x, RG_AXES(2, 1))) \
    ROW(rg_scatter_add, scatter_add, rg_scatter_add(x, 0, square_zeros(x), x)) \
    ROW(rg_dot, dot, rg_dot(rg_reshape(x, RG_SHAPE(4)), rg_reshape(x, RG_SHAPE(4)))) \
    ROW(rg_outer, outer, rg_outer(rg_reshape(x, RG_SHAPE(4)), rg_reshape(x, RG_SHAPE(4)))) \
    ROW(rg_trace, trace, rg_trace(x)) \
    ROW(rg_inverse, inverse, rg_inverse(x)) \
    ROW(rg_det, det, rg_det(x)) \
    ROW(rg_logdet, logdet, rg_logdet(rg_matmul(x, x))) \
    ROW(rg_cholesky, cholesky, rg_cholesky(rg_matmul(x, rg_transpose(x, 0, 1)))) \
    ROW(rg_solve, solve, rg_solve(x, x)) \
    ROW(rg_l1_loss, l1_loss, rg_l1_loss(x, x, RG_MEAN)) \
    ROW(rg_huber_loss, huber_loss, rg_huber_loss(x, x, 1, RG_MEAN)) \
    ROW(rg_smooth_l1_loss, smooth_l1_loss, rg_smooth_l1_loss(x, x, 1, RG_MEAN)) \
    ROW(rg_kl_div, kl_div, rg_kl_div(x, x, 0, RG_MEAN)) \
    ROW(rg_cross_entropy_soft, cross_entropy_soft, rg_cross_entropy_soft(x, x, NULL)) \
    ROW(rg_nll_loss, nll_loss, rg_nll_loss(x, zeros(x), NULL)) \
    ROW(rg_layer_norm, layer_norm, rg_layer_norm(x, 1, nothing, nothing, 1e-5)) \
    ROW(rg_group_norm, group_norm, rg_group_norm(x, 1, nothing, nothing, 1e-5)) \
    ROW(rg_batch_norm, batch_norm, batch_norm(x)) \
    ROW(rg_dropout, dropout, rg_dropout(x, x, 0.5)) \
    ROW(rg_dropout_random, dropout, rg_dropout_random(x, 0.5, &(rg_random){0})) \
    ROW(rg_embedding, embedding, rg_embedding(x, zeros(x), -1)) \
    ROW(rg_attention, attention, rg_attention(x, x, x, 0)) \
    ROW(rg_conv1d, conv1d, \
        rg_conv1d(rg_reshape(x, RG_SHAPE(1, 2, 2)), rg_reshape(x, RG_SHAPE(2, 2, 1)), nothing, NULL)) \
    ROW(rg_conv2d, conv2d, rg_conv2d(picture(x), picture(x), nothing, NULL)) \
    ROW(rg_max_pool2d, max_pool2d, \
        rg_max_pool2d(picture(x), &(rg_max_pool_options){.kernel = {2, 2}})) \
    ROW(rg_avg_pool2d, avg_pool2d, \
        rg_avg_pool2d(picture(x), &(rg_avg_pool_options){.kernel = {2, 2}})) \
    ROW(rg_cross_entropy, cross_entropy, rg_cross_entropy(x, zeros(x))) \
    ROW(rg_cross_entropy_with, cross_entropy, rg_cross_entropy_with(x, zeros(x), NULL))
/* clang-format on */

#define DEFINE_CALL(function, op, expression)   \
    static rg_value call_##function(rg_value x) \
    {                                           \
        return expression;                      \
    }
FUNCTIONS(DEFINE_CALL)

typedef struct public_function {
    const char *name, *op;
    rg_value (*call)(rg_value x);
} public_function;

static const public_function functions[] = {
#define ENTRY(function, op, expression) {#function, #op, call_##function},
    FUNCTIONS(ENTRY)
#undef ENTRY
};
enum { FUNCTION_COUNT = sizeof functions / sizeof *functions };

/* The operation that made a value. */
static const rg_op *op_of(rg_value value)
{
    const rg_tape *tape = value.tape;
    uint32_t node = rgi_node(tape, value.serial);
    cr_assert(node);
    int code = tape->cursor.code[node];
    return code >= RGI_CODE_FIRST ? tape->engine->op(code) : rgi_record_of(tape, node)->op;
}

Test(table, holds_what_the_public_functions_record)
{
    static const double data[] = {0.5, 0.25, 0.75, 0.125};
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        const public_function *function = &functions[i];
        const rg_op *op = rg_op_find(function->op);
        cr_assert(op, "%s is not in the table", function->op);
        rg_tape *tape = rg_tape_create();
        rg_value y = function->call(rg_input_f64(tape, RG_SHAPE(2, 2), data));
        cr_assert_eq(rg_tape_status(tape), RG_OK, "%s: %s", function->name, rg_tape_message(tape));
        if (op->compose) {
            rg_tape_destroy(tape);
            continue;
        }
        cr_assert_eq(op_of(y), op, "%s records %s", function->name, op_of(y)->name);
        if (op->code >= RGI_CODE_FIRST || strcmp(op->name, "where") == 0) {
            y = function->call(rg_input(tape, 0.5));
            cr_assert_eq(op_of(y), op, "%s of a scalar is %s", function->name, op_of(y)->name);
        }
        rg_tape_destroy(tape);
    }
}

/* Operations that only rules and compositions record, or a public function with an option. */
static const char *const internal[] = {
#define NAME(name, ...) #name,
    RGI_SLOPE_ROWS(NAME) RGI_BINARY_SLOPE_ROWS(NAME) RGI_STEP_ROWS(NAME) RGI_SHARE_ROWS(NAME)
#undef NAME
        "fold",
    "kl_div_log",
    "max_pool2d_place",
    "unfold",
};

static int is_internal(const char *name)
{
    for (size_t i = 0; i < sizeof internal / sizeof *internal; i++)
        if (strcmp(internal[i], name) == 0)
            return 1;
    return 0;
}

Test(table, has_a_public_function_for_each_operation)
{
    for (int i = 0; i < rg_op_count(); i++) {
        int found = is_internal(op_at(i)->name);
        for (int f = 0; f < FUNCTION_COUNT; f++)
            found = found || strcmp(functions[f].op, op_at(i)->name) == 0;
        cr_assert(found, "no public function here records %s", op_at(i)->name);
    }
    for (size_t i = 0; i < sizeof internal / sizeof *internal; i++)
        cr_assert(rg_op_find(internal[i]), "%s is not in the table", internal[i]);
}

static int is_listed(const char *name, size_t length)
{
    for (int i = 0; i < FUNCTION_COUNT; i++)
        if (strlen(functions[i].name) == length && strncmp(functions[i].name, name, length) == 0)
            return 1;
    return 0;
}

/* Looks at the prototypes of a header: one a line, "RG_API .. rg_value rg_name(". */
static int check_header(const char *path)
{
    char line[512];
    int prototypes = 0;
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s cannot be read", path);
    while (fgets(line, sizeof line, file)) {
        const char *name = strstr(line, "rg_value rg_");
        if (strncmp(line, "RG_API", 6) != 0 || !name)
            continue;
        name += strlen("rg_value ");
        size_t length = strcspn(name, "(");
        cr_assert(is_listed(name, length), "%.*s is missing in this test", (int)length, name);
        prototypes++;
    }
    fclose(file);
    return prototypes;
}

Test(table, knows_every_public_function)
{
    DIR *folder = opendir(RG_OPS_SOURCE);
    cr_assert(folder);
    int prototypes = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        size_t length = strlen(entry->d_name);
        char path[4096];
        if (length < 3 || strcmp(entry->d_name + length - 2, ".h") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", RG_OPS_SOURCE, entry->d_name);
        prototypes += check_header(path);
    }
    closedir(folder);
    cr_assert_eq(prototypes, FUNCTION_COUNT);
}
