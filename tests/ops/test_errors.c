#include "../check.h"

SUITE(errors);

/* Tensors to misuse: a [2, 3], b [2], s scalar, i indices [2], f float32 [2, 3], t [2, 3, 4]. */
typedef struct values {
    rg_value a, b, s, i, f, t;
} values;

static rg_tape *tape;

static values make(void)
{
    tape = rg_tape_create();
    values v = {
        .a = rg_input_f64(tape, RG_SHAPE(2, 3), (double[]){1, 2, 3, 4, 5, 6}),
        .b = rg_input_f64(tape, RG_SHAPE(2), (double[]){1, 2}),
        .s = rg_input(tape, 1),
        .i = rg_indices(tape, RG_SHAPE(2), (int64_t[]){0, 1}),
        .f = rg_input_f32(tape, RG_SHAPE(2, 3), NULL),
        .t = rg_input_f64(tape, RG_SHAPE(2, 3, 4), NULL),
    };
    return v;
}

/* The expression must fail on a fresh tape with this status and a message that contains the text.
 */
#define FAILS(expression, status, text)                             \
    do {                                                            \
        values v = make();                                          \
        (void)v;                                                    \
        rg_value result = expression;                               \
        cr_assert(result.serial == 0, #expression " gave a value"); \
        CHECK_FAILED(tape, status, text);                           \
        rg_tape_destroy(tape);                                      \
    } while (0)

Test(errors, elementwise)
{
    FAILS(rg_add(v.a, v.b), RG_ERROR_SHAPE, "add at node 7: [2, 3] does not broadcast with [2]");
    FAILS(rg_mul(v.a, v.f), RG_ERROR_TYPE, "a float64 and a float32 tensor do not mix");
    FAILS(rg_exp(v.i), RG_ERROR_TYPE, "exp at node 7: input 1 must be float64 or float32");
    FAILS(rg_where(v.a, v.b, v.s), RG_ERROR_SHAPE, "where");
    FAILS(rg_less(v.a, v.b), RG_ERROR_SHAPE, "less");
    FAILS(rg_less(v.a, v.i), RG_ERROR_TYPE, "input 2 must be");
}

Test(errors, reductions)
{
    FAILS(rg_sum_over(v.a, RG_AXES(2), 0), RG_ERROR_INDEX, "axis 2 is outside rank 2");
    FAILS(rg_mean_over(v.a, RG_AXES(-3), 0), RG_ERROR_INDEX, "axis -3 is outside rank 2");
    FAILS(rg_sum_over(v.a, RG_AXES(0, -2), 0), RG_ERROR_ARGUMENT, "axis 0 is named twice");
    FAILS(rg_sum_over(v.a, ((rg_axes){9, {0}}), 0), RG_ERROR_ARGUMENT, "9 axes are too many");
    FAILS(rg_amax(rg_input_f64(tape, RG_SHAPE(0), NULL)), RG_ERROR_SHAPE, "no element to take");
    FAILS(rg_amin_over(rg_input_f64(tape, RG_SHAPE(2, 0), NULL), RG_AXES(1), 0), RG_ERROR_SHAPE,
          "no element");
    FAILS(rg_logsumexp_over(v.a, RG_AXES(5), 1), RG_ERROR_INDEX, "logsumexp");
    FAILS(rg_softmax(v.a, 2), RG_ERROR_INDEX, "softmax at node 7: axis 2 is outside rank 2");
    FAILS(rg_log_softmax(v.s, 0), RG_ERROR_INDEX, "axis 0 is outside rank 0");
}

Test(errors, shapes)
{
    rg_shape nine = {9, {1, 1, 1, 1, 1, 1, 1, 1}};
    FAILS(rg_reshape(v.a, RG_SHAPE(4, 2)), RG_ERROR_SHAPE, "[2, 3] cannot take the shape [4, 2]");
    FAILS(rg_reshape(v.a, RG_SHAPE(-1, 4)), RG_ERROR_SHAPE, "cannot take");
    FAILS(rg_reshape(v.a, RG_SHAPE(-1, -1)), RG_ERROR_SHAPE, "dimension 1 is -1");
    FAILS(rg_reshape(v.a, RG_SHAPE(-2, 3)), RG_ERROR_SHAPE, "dimension 0 is -2");
    FAILS(rg_reshape(v.a, nine), RG_ERROR_LIMIT, "rank 9");
    FAILS(rg_reshape(v.a, RG_SHAPE(INT64_MAX, 4)), RG_ERROR_LIMIT, "too many elements");
    FAILS(rg_transpose(v.a, 0, 2), RG_ERROR_INDEX, "axes 0 and 2 for rank 2");
    FAILS(rg_permute(v.a, RG_AXES(0, 0)), RG_ERROR_ARGUMENT, "axis 0 is named twice");
    FAILS(rg_permute(v.a, RG_AXES(0)), RG_ERROR_SHAPE, "1 axes for rank 2");
    FAILS(rg_permute(v.a, RG_AXES(0, 7)), RG_ERROR_INDEX, "axis 7");
    FAILS(rg_slice(v.a, 0, 0, 1, 0), RG_ERROR_ARGUMENT, "the step is 0");
    FAILS(rg_slice(v.a, 2, 0, 1, 1), RG_ERROR_INDEX, "axis 2");
    FAILS(rg_expand(v.a, RG_SHAPE(3, 3)), RG_ERROR_SHAPE, "[2, 3] does not stretch to [3, 3]");
    FAILS(rg_expand(v.a, RG_SHAPE(3)), RG_ERROR_SHAPE, "does not stretch");
    FAILS(rg_expand(v.a, RG_SHAPE(-1, 2, 3)), RG_ERROR_SHAPE, "does not stretch");
    FAILS(rg_expand(v.s, ((rg_shape){3, {(int64_t)1 << 31, (int64_t)1 << 31, 4}})), RG_ERROR_LIMIT,
          "too many elements");
    FAILS(rg_squeeze(v.a, 0), RG_ERROR_SHAPE, "axis 0 has size 2, not 1");
    FAILS(rg_squeeze(v.a, 2), RG_ERROR_INDEX, "axis 2");
    FAILS(rg_unsqueeze(v.a, 4), RG_ERROR_INDEX, "axis 4");
    FAILS(rg_concat(2, ((rg_value[]){v.a, v.b}), 0), RG_ERROR_SHAPE, "[2] does not join [2, 3]");
    FAILS(rg_concat(2, ((rg_value[]){v.a, v.a}), 2), RG_ERROR_INDEX, "axis 2");
    FAILS(rg_concat(2, ((rg_value[]){v.i, v.b}), 0), RG_ERROR_TYPE, "must be");
    FAILS(rg_stack(2, ((rg_value[]){v.a, v.b}), 0), RG_ERROR_SHAPE,
          "[2] does not stack with [2, 3]");
    FAILS(rg_stack(1, &v.a, 3), RG_ERROR_INDEX, "axis 3");
}

Test(errors, rank_eight_is_the_most)
{
    rg_shape eight = {8, {1, 1, 1, 1, 1, 1, 1, 1}};
    FAILS(rg_unsqueeze(rg_input_f64(tape, eight, NULL), 0), RG_ERROR_LIMIT,
          "the rank is 8 already");
    rg_tape *own = rg_tape_create();
    rg_value x = rg_input_f64(own, eight, NULL);
    rg_stack(1, &x, 0);
    CHECK_FAILED(own, RG_ERROR_LIMIT, "the rank is 8 already");
    rg_tape_destroy(own);
}

Test(errors, indices)
{
    int64_t far[2] = {0, 3}, below[2] = {-4, 0};
    FAILS(rg_index_select(v.a, 1, rg_indices(tape, RG_SHAPE(2), far)), RG_ERROR_INDEX,
          "index 3 (element 1 of the indices) is outside an axis of size 3");
    FAILS(rg_index_select(v.a, 1, rg_indices(tape, RG_SHAPE(2), below)), RG_ERROR_INDEX,
          "index -4");
    FAILS(rg_index_select(v.a, 2, v.i), RG_ERROR_INDEX, "axis 2");
    FAILS(rg_index_select(v.a, 0, v.b), RG_ERROR_TYPE, "input 2 must be int64");
    FAILS(rg_index_select(v.a, 0, rg_indices(tape, RG_SHAPE(1, 2), far)), RG_ERROR_SHAPE,
          "the indices have rank 2, not 1");
    FAILS(rg_gather(v.b, 0, rg_indices(tape, RG_SHAPE(2), far)), RG_ERROR_INDEX, "index 3");
    FAILS(rg_gather(v.a, 0, v.i), RG_ERROR_SHAPE, "indices [2] do not fit [2, 3] along axis 0");
    FAILS(rg_gather(v.a, 3, v.i), RG_ERROR_INDEX, "axis 3");
}

Test(errors, products)
{
    FAILS(rg_matmul(v.a, v.a), RG_ERROR_SHAPE, "[2, 3] times [2, 3]: inner sizes 3 and 2 differ");
    FAILS(rg_matmul(v.a, v.s), RG_ERROR_SHAPE, "a scalar is no matrix");
    FAILS(rg_matmul(v.t, rg_input_f64(tape, RG_SHAPE(3, 4, 2), NULL)), RG_ERROR_SHAPE,
          "batches of 2 and 3 do not broadcast");
    FAILS(rg_linear(v.a, v.t, v.b), RG_ERROR_SHAPE, "linear");
    FAILS(rg_linear(v.a, v.a, v.a), RG_ERROR_SHAPE, "b [2, 3]");
    FAILS(rg_linear(v.s, v.a, v.b), RG_ERROR_SHAPE, "x []");
}

Test(errors, losses)
{
    int64_t classes[2] = {0, 3};
    FAILS(rg_mse_loss(v.a, v.b, RG_MEAN), RG_ERROR_SHAPE,
          "predictions [2, 3] and targets [2] differ in shape");
    FAILS(rg_mse_loss(v.a, v.a, (rg_reduction)7), RG_ERROR_ARGUMENT, "7 is no reduction");
    FAILS(rg_bce_weighted(v.a, v.a, v.b, RG_MEAN), RG_ERROR_SHAPE, "does not stretch");
    FAILS(rg_bce_with_logits(v.a, v.t, RG_SUM), RG_ERROR_SHAPE, "bce_with_logits");
    FAILS(rg_cross_entropy(v.a, rg_indices(tape, RG_SHAPE(2), classes)), RG_ERROR_INDEX,
          "item 1 has class 3, not 0 to 2");
    FAILS(rg_cross_entropy(v.b, v.i), RG_ERROR_SHAPE, "logits [2] and classes [2]");
    FAILS(rg_cross_entropy(v.t, v.i), RG_ERROR_SHAPE, "are not [N, C, ..]");
    FAILS(rg_cross_entropy(v.a, v.b), RG_ERROR_TYPE, "input 2 must be int64");
    FAILS(rg_cross_entropy_with(v.a, v.i, &(rg_cross_entropy_options){.label_smoothing = 1.5}),
          RG_ERROR_ARGUMENT, "label smoothing 1.5");
    FAILS(rg_cross_entropy_with(v.a, v.i, &(rg_cross_entropy_options){.weight = v.b}),
          RG_ERROR_SHAPE, "as many weights as classes");
    FAILS(
        rg_cross_entropy_with(v.a, v.i, &(rg_cross_entropy_options){.reduction = (rg_reduction)9}),
        RG_ERROR_ARGUMENT, "9 is no reduction");
}

Test(errors, arrangements)
{
    FAILS(rg_flip(v.a, RG_AXES(2)), RG_ERROR_INDEX, "flip at node 7: axis 2 is outside rank 2");
    FAILS(rg_flip(v.a, RG_AXES(0, -2)), RG_ERROR_ARGUMENT, "axis 0 is named twice");
    FAILS(rg_diagonal(v.b, 0), RG_ERROR_SHAPE, "rank 1 has no diagonal");
    FAILS(rg_tril(v.b, 0), RG_ERROR_SHAPE, "tril at node 7: rank 1 has no triangles");
    FAILS(rg_triu(v.s, 0), RG_ERROR_SHAPE, "rank 0 has no triangles");
    FAILS(rg_pad(v.a, RG_AXES(1), RG_AXES(1, 1), 0), RG_ERROR_SHAPE, "1 and 2 numbers for rank 2");
    FAILS(rg_pad(v.a, RG_AXES(0, -1), RG_AXES(0, 0), 0), RG_ERROR_ARGUMENT,
          "axis 1 is padded by -1 and 0");
    FAILS(rg_roll(v.a, RG_AXES(1, 2), RG_AXES(0)), RG_ERROR_ARGUMENT, "2 shifts for 1 axes");
    FAILS(rg_roll(v.a, RG_AXES(1), RG_AXES(2)), RG_ERROR_INDEX, "roll at node 7: axis 2");
    FAILS(rg_repeat(v.a, RG_AXES(2)), RG_ERROR_SHAPE, "1 numbers for rank 2");
    FAILS(rg_repeat(v.a, RG_AXES(1, -2)), RG_ERROR_ARGUMENT, "axis 1 is repeated -2 times");
}

Test(errors, moments)
{
    FAILS(rg_prod_over(v.a, RG_AXES(3), 0), RG_ERROR_INDEX, "prod at node 7: axis 3");
    FAILS(rg_var(v.a, RG_AXES(0, 0), 1, 0), RG_ERROR_ARGUMENT, "var at node 7: axis 0 is named");
    FAILS(rg_std(v.a, RG_AXES(-3), 1, 0), RG_ERROR_INDEX, "std at node 7: axis -3");
    FAILS(rg_norm(v.a, 2, RG_AXES(2), 0), RG_ERROR_INDEX, "norm at node 7: axis 2");
    FAILS(rg_norm(v.a, 0, RG_AXES(1), 0), RG_ERROR_ARGUMENT, "there is no norm of order 0");
    FAILS(rg_norm(v.a, NAN, RG_AXES(1), 0), RG_ERROR_ARGUMENT, "there is no norm of order");
    FAILS(rg_cumsum(v.a, 2), RG_ERROR_INDEX, "cumsum at node 7: axis 2");
}

Test(errors, scattering)
{
    FAILS(rg_scatter_add(v.b, 0, v.i, v.a), RG_ERROR_SHAPE,
          "indices [2] and source [2, 3] differ in shape");
    FAILS(rg_scatter_add(v.b, 0, rg_indices(tape, RG_SHAPE(1), (int64_t[]){2}), v.b),
          RG_ERROR_INDEX, "index 2");
    FAILS(rg_scatter_add(v.b, 1, v.i, v.b), RG_ERROR_INDEX, "axis 1");
}

Test(errors, more_losses)
{
    rg_cross_entropy_options wrong = {.label_smoothing = 2};
    FAILS(rg_huber_loss(v.a, v.a, 0, RG_MEAN), RG_ERROR_ARGUMENT, "the limit is 0, not positive");
    FAILS(rg_smooth_l1_loss(v.a, v.a, -1, RG_MEAN), RG_ERROR_ARGUMENT, "the limit is -1");
    FAILS(rg_l1_loss(v.a, v.b, RG_SUM), RG_ERROR_SHAPE, "l1_loss");
    FAILS(rg_kl_div(v.a, v.b, 0, RG_BATCH_MEAN), RG_ERROR_SHAPE, "kl_div");
    FAILS(rg_cross_entropy_with(v.a, v.i, &(rg_cross_entropy_options){.reduction = RG_BATCH_MEAN}),
          RG_ERROR_ARGUMENT, "3 is no reduction");
    FAILS(rg_nll_loss(v.a, v.b, NULL), RG_ERROR_TYPE, "nll_loss at node 7: input 2 must be int64");
    FAILS(rg_nll_loss(v.t, v.i, NULL), RG_ERROR_SHAPE, "nll_loss");
    FAILS(rg_cross_entropy_soft(v.a, v.b, NULL), RG_ERROR_SHAPE,
          "logits [2, 3] and targets [2] are not both");
    FAILS(rg_cross_entropy_soft(v.a, v.a, &wrong), RG_ERROR_ARGUMENT, "label smoothing 2");
    FAILS(rg_cross_entropy_soft(v.a, v.a, &(rg_cross_entropy_options){.weight = v.b}),
          RG_ERROR_SHAPE, "as many weights as classes");
}

Test(errors, table_lookups)
{
    cr_assert_null(rg_op_at(-1));
    cr_assert_null(rg_op_at(rg_op_count()));
    cr_assert_null(rg_op_find("no such operation"));
    cr_assert_str_eq(rg_op_find("matmul")->name, "matmul");
}
