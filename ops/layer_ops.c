#include "layer_ops.h"

#include <inttypes.h>
#include <math.h>

#include "arrange.h"
#include "elementwise.h"
#include "family.h"
#include "index.h"
#include "linalg.h"
#include "shape_ops.h"
#include "softmax.h"

/* ---- constants made element by element ---- */

typedef double element_function(int64_t i, void *context);

/* A constant of the type of x whose element i is f(i). */
static rg_value generated(rg_value x, rg_shape shape, element_function *f, void *context)
{
    rg_value y = rg_constant_tensor(x.tape, rg_get_type(x), shape, NULL);
    uint32_t node = rgi_node(y.tape, y.serial);
    if (!node)
        return y;
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(y.tape, node, &room);
#define PUT(T)                                 \
    for (int64_t i = 0; i < tensor->size; i++) \
    ((T *)tensor->data)[i] = (T)f(i, context)
    RGI_BY_TYPE(tensor->type, PUT);
    rgi_filled(y);
    return y;
}

/* ---- dropout ---- */

static bool check_probability(const rg_op *op, rg_tape *tape, double p)
{
    if (p >= 0 && p < 1)
        return true;
    rg_op_fail(op, tape, RG_ERROR_ARGUMENT, "the probability is %g, not in [0, 1)", p);
    return false;
}

static rg_value dropout_compose(const rg_op *op, int count, const rg_value *in,
                                const void *attributes)
{
    double p = *(const double *)attributes;
    (void)count;
    if (!check_probability(op, in[0].tape, p))
        return rgi_inert(in[0].tape);
    return rg_div(rg_mul(in[0], in[1]), 1 - p);
}

static const double quarter = 0.25;
static const rg_sample dropout_samples[] = {
    {.shape = {{2, {3, 4}}, {2, {3, 4}}}, .low = {-2, 0}, .high = {2, 1}, .attributes = &quarter},
    {.shape = {{3, {2, 3, 2}}, {2, {3, 1}}},
     .low = {-2, 0},
     .high = {2, 1},
     .attributes = &quarter},
};
static const rg_op op_dropout = {.name = "dropout",
                                 .formula = "x mask / (1 - p)",
                                 .gradient = "g mask / (1 - p), g x / (1 - p)",
                                 .arity = 2,
                                 .attribute_size = sizeof(double),
                                 .compose = dropout_compose,
                                 RGI_SAMPLES(dropout_samples)};

rg_value rg_dropout(rg_value x, rg_value mask, double p)
{
    const rg_value in[2] = {x, mask};
    return rg_record(&op_dropout, 2, in, &p);
}

typedef struct drawing {
    double p;
    rg_random *random;
} drawing;

static double draw(int64_t i, void *context)
{
    const drawing *d = context;
    (void)i;
    return rg_random_uniform(d->random) >= d->p;
}

rg_value rg_dropout_random(rg_value x, double p, rg_random *random)
{
    drawing d = {p, random};
    bool drawable = rg_is_live(x) && rg_get_type(x) != RG_I64 && p >= 0 && p < 1;
    if (!drawable) /* which is an error that rg_dropout finds */
        return rg_dropout(x, x, p);
    return rg_dropout(x, generated(x, rg_get_shape(x), draw, &d), p);
}

/* ---- embedding ---- */

typedef struct keeping {
    const int64_t *index;
    int64_t padding, rows;
} keeping;

static double is_kept(int64_t i, void *context)
{
    const keeping *k = context;
    int64_t row = k->index[i] < 0 ? k->index[i] + k->rows : k->index[i];
    return row != k->padding;
}

static rg_value embedding_compose(const rg_op *op, int count, const rg_value *in,
                                  const void *attributes)
{
    rg_shape table = rg_get_shape(in[0]), shape = rg_get_shape(in[1]);
    int64_t padding = *(const int64_t *)attributes;
    rg_tape *tape = in[0].tape;
    (void)count;
    if (table.rank != 2 || shape.rank == RG_MAX_RANK) {
        char text[RG_SHAPE_TEXT_SIZE];
        return rg_op_fail(op, tape, RG_ERROR_SHAPE, "rows of %s by indices of rank %d",
                          rg_shape_text(&table, text), shape.rank);
    }
    if (padding < -1 || padding >= table.dim[0])
        return rg_op_fail(op, tape, RG_ERROR_INDEX, "row %" PRId64 " for padding, of %" PRId64,
                          padding, table.dim[0]);
    if (rg_get_type(in[1]) != RG_I64)
        return rg_op_fail(op, tape, RG_ERROR_TYPE, "the indices must be int64, not %s",
                          rg_type_name(rg_get_type(in[1])));
    rg_value flat = rg_reshape(rg_dense(in[1]), RG_SHAPE(rg_size(in[1])));
    rg_value rows = rg_index_select(in[0], 0, flat);
    if (rg_is_live(rows) && padding >= 0) {
        keeping k = {rg_data(flat, RG_I64), padding, table.dim[0]};
        rg_value kept = generated(in[0], RG_SHAPE(rg_size(flat), 1), is_kept, &k);
        rows = rg_where(kept, rows, rg_detach(rows));
    }
    shape.dim[shape.rank++] = table.dim[1];
    return rg_reshape(rows, shape);
}

static const int64_t some_rows[] = {2, 0, -1, 1, 0, 0};
static const int64_t no_padding = -1;
static const rg_sample embedding_samples[] = {
    {.shape = {{2, {3, 2}}, {2, {2, 3}}},
     .low = {-2},
     .high = {2},
     .attributes = &no_padding,
     .integers = some_rows},
    {.shape = {{2, {4, 3}}, {0, {0}}},
     .low = {-2},
     .high = {2},
     .attributes = &no_padding,
     .integers = some_rows},
};
static const rg_op op_embedding = {.name = "embedding",
                                   .formula = "rows of w at the indices",
                                   .gradient = "g added to the rows, but to the padding row",
                                   .arity = 2,
                                   .integers = 2,
                                   .attribute_size = sizeof(int64_t),
                                   .compose = embedding_compose,
                                   RGI_SAMPLES(embedding_samples)};

rg_value rg_embedding(rg_value w, rg_value indices, int64_t padding)
{
    const rg_value in[2] = {w, indices};
    return rg_record(&op_embedding, 2, in, &padding);
}

/* ---- attention ---- */

/* Whether the last two axes of q, k and v go together. */
static bool check_attention(const rg_op *op, const rg_value *in)
{
    rg_shape q = rg_get_shape(in[0]), k = rg_get_shape(in[1]), v = rg_get_shape(in[2]);
    if (q.rank >= 2 && k.rank >= 2 && v.rank >= 2 && q.dim[q.rank - 1] == k.dim[k.rank - 1] &&
        k.dim[k.rank - 2] == v.dim[v.rank - 2])
        return true;
    char of_q[RG_SHAPE_TEXT_SIZE], of_k[RG_SHAPE_TEXT_SIZE], of_v[RG_SHAPE_TEXT_SIZE];
    rg_op_fail(op, in[0].tape, RG_ERROR_SHAPE,
               "q %s, k %s and v %s are not [.., L, d], [.., S, d] and [.., S, e]",
               rg_shape_text(&q, of_q), rg_shape_text(&k, of_k), rg_shape_text(&v, of_v));
    return false;
}

static rg_value attention_compose(const rg_op *op, int count, const rg_value *in,
                                  const void *attributes)
{
    (void)count;
    if (!check_attention(op, in))
        return rgi_inert(in[0].tape);
    rg_shape q = rg_get_shape(in[0]), k = rg_get_shape(in[1]);
    rg_value scores = rg_matmul(in[0], rg_transpose(in[1], -2, -1));
    scores = rg_div(scores, sqrt((double)q.dim[q.rank - 1]));
    if (*(const int *)attributes) {
        rg_value seen = rg_constant_tensor(scores.tape, rg_get_type(in[0]),
                                           RG_SHAPE(q.dim[q.rank - 2], k.dim[k.rank - 2]), NULL);
        rgi_fill(seen, 1);
        scores = rg_where(rg_tril(seen, 0), scores, -INFINITY);
    }
    return rg_matmul(rg_softmax(scores, -1), in[2]);
}

static const int all = 0, only_earlier = 1;
static const rg_sample attention_samples[] = {
    {.shape = {{2, {3, 2}}, {2, {4, 2}}, {2, {4, 3}}},
     .low = {-2, -2, -2},
     .high = {2, 2, 2},
     .attributes = &all},
    {.shape = {{3, {2, 3, 2}}, {3, {2, 3, 2}}, {3, {2, 3, 2}}},
     .low = {-2, -2, -2},
     .high = {2, 2, 2},
     .attributes = &only_earlier},
};
static const rg_op op_attention = {.name = "attention",
                                   .formula = "p v, p = softmax(q k^T / sqrt(d))",
                                   .gradient = "h k, h^T q, p^T g with h the gradient of q k^T",
                                   .kinks = "IEEE arithmetic: 0 times infinity is NaN",
                                   .arity = 3,
                                   .attribute_size = sizeof(int),
                                   .compose = attention_compose,
                                   RGI_SAMPLES(attention_samples)};

rg_value rg_attention(rg_value q, rg_value k, rg_value v, int causal)
{
    const rg_value in[3] = {q, k, v};
    return rg_record(&op_attention, 3, in, &causal);
}

rgi_family rgi_layer_family = {&op_dropout, &op_embedding, &op_attention, NULL};
