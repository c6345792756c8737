/* test_parallel.c: values and gradients are bitwise the same with any pool of threads, or none. */
#include "../check.h"

#include "../../ops/family.h"

SUITE(parallel);

/* ---- one run of an operation ---- */

enum { MOST_INPUTS = 3, MOST_ELEMENTS = 1 << 18 };
static const int pool_counts[] = {1, 2, 3, 4, 7};
enum { POOLS = sizeof pool_counts / sizeof *pool_counts };

/* What is computed: `build` makes the result out of inputs of the given shapes. */
typedef struct experiment {
    rg_value (*build)(const struct experiment *e, const rg_value *x);
    int count;
    rg_shape shape[MOST_INPUTS];
    double low[MOST_INPUTS], high[MOST_INPUTS];
    const rg_op *op;
    const void *attributes;
    rg_type type;
    int cpu;
    const char *name;
} experiment;

/* The bytes of the result and of all gradients. */
typedef struct outcome {
    size_t size;
    char *bytes;
} outcome;

static void append(outcome *o, const void *bytes, size_t size)
{
    o->bytes = realloc(o->bytes, o->size + size + 1);
    memcpy(o->bytes + o->size, bytes, size);
    o->size += size;
}

static void draw(void *to, rg_type type, int64_t n, double low, double high, rg_random *random)
{
    for (int64_t i = 0; i < n; i++)
        rgi_store(to, type, i, low + (high - low) * rg_random_uniform(random));
}

static outcome run(const experiment *e, rg_threads *pool)
{
    static double room[MOST_ELEMENTS];
    outcome o = {0, NULL};
    rg_random random = rg_random_create(5);
    rg_tape *tape = rg_tape_create();
    tape->cpu = e->cpu;
    rg_tape_set_threads(tape, pool);
    rg_value x[MOST_INPUTS];
    for (int k = 0; k < e->count; k++) {
        cr_assert(rg_shape_size(&e->shape[k]) <= MOST_ELEMENTS);
        draw(room, e->type, rg_shape_size(&e->shape[k]), e->low[k], e->high[k], &random);
        x[k] = rg_input_tensor(tape, e->type, e->shape[k], room);
    }
    rg_value y = e->build(e, x);
    cr_assert(rg_tape_status(tape) == RG_OK, "%s: %s", e->name, rg_tape_message(tape));
    const size_t width = rg_type_size(e->type);
    append(&o, rg_data(y, e->type), (size_t)rg_size(y) * width);
    draw(room, RG_F64, rg_size(y), -1, 1, &random);
    cr_assert(rg_backward_with(y, room) == RG_OK, "%s: %s", e->name, rg_tape_message(tape));
    for (int k = 0; k < e->count; k++)
        if (rgi_adjoint(x[k]))
            append(&o, rgi_adjoint(x[k]), (size_t)rg_size(x[k]) * width);
    rg_tape_destroy(tape);
    return o;
}

static void check_same(const experiment *e)
{
    outcome alone = run(e, NULL);
    for (int i = 0; i < POOLS; i++) {
        rg_threads *pool = rg_threads_create(pool_counts[i], NULL, NULL);
        outcome shared = run(e, pool);
        cr_assert(shared.size == alone.size && memcmp(shared.bytes, alone.bytes, alone.size) == 0,
                  "%s (%s, instruction set %d) differs with %d threads", e->name,
                  rg_type_name(e->type), e->cpu, pool_counts[i]);
        free(shared.bytes);
        rg_threads_destroy(pool);
    }
    free(alone.bytes);
}

/* The experiment with both element types. */
static void check_types(experiment e)
{
    e.cpu = rgi_cpu();
    for (int k = 0; k < MOST_INPUTS; k++)
        if (e.low[k] == e.high[k])
            e.low[k] = -2, e.high[k] = 2;
    for (e.type = RG_F64; e.type <= RG_F32; e.type++)
        check_same(&e);
}

/* ---- element by element ---- */

static rg_value record(const experiment *e, const rg_value *x)
{
    return rg_record(e->op, e->count, x, e->attributes);
}

static void check_family(bool binary)
{
    for (int i = 0; rgi_elementwise_family[i]; i++) {
        const rg_op *op = rgi_elementwise_family[i];
        if (op->arity != 1 + binary || !op->backward)
            continue;
        const rg_sample *sample = &op->samples[0];
        experiment e = {.build = record,
                        .op = op,
                        .name = op->name,
                        .count = op->arity,
                        .attributes = sample->attributes};
        for (int k = 0; k < e.count; k++) {
            e.shape[k] = RG_SHAPE(5, 3301); /* above all grains, and no multiple of anything */
            e.low[k] = sample->low[k];
            e.high[k] = sample->high[k];
        }
        check_types(e);
    }
}

Test(parallel, functions_of_one_argument)
{
    check_family(false);
}

Test(parallel, functions_of_two_arguments)
{
    check_family(true);
}

static rg_value stretched(const experiment *e, const rg_value *x)
{
    (void)e;
    return rg_mul(rg_add(x[0], x[1]), rg_atan2(x[0], x[2]));
}

static rg_value views(const experiment *e, const rg_value *x)
{
    (void)e;
    rg_value turned = rg_transpose(x[0], 0, 1), back = rg_flip(x[1], RG_AXES(0));
    return rg_tanh(rg_mul(rg_add(rg_relu(turned), turned), rg_max(back, rg_transpose(x[0], 0, 1))));
}

static rg_value twice(const experiment *e, const rg_value *x)
{
    (void)e;
    rg_value more = rg_greater(x[0], x[1]);
    return rg_add(rg_mul(x[0], x[0]), rg_mul(more, rg_div(rg_sub(x[1], 7), 3)));
}

Test(parallel, stretched_operands_and_views)
{
    check_types((experiment){.build = stretched,
                             .name = "rows",
                             .count = 3,
                             .shape = {RG_SHAPE(131, 127), RG_SHAPE(127), RG_SHAPE(131, 1)}});
    check_types((experiment){.build = stretched,
                             .name = "outer",
                             .count = 3,
                             .shape = {RG_SHAPE(1, 255), RG_SHAPE(2, 67, 1), RG_SHAPE(1)}});
    check_types((experiment){.build = views,
                             .name = "views",
                             .count = 2,
                             .shape = {RG_SHAPE(127, 131), RG_SHAPE(131, 127)}});
    check_types((experiment){
        .build = twice, .name = "twice", .count = 2, .shape = {RG_SHAPE(16900), RG_SHAPE(16900)}});
}

/* ---- products ---- */

static rg_value linear(const experiment *e, const rg_value *x)
{
    return rg_linear(x[0], x[1], e->count > 2 ? x[2] : (rg_value){0});
}

static rg_value product(const experiment *e, const rg_value *x)
{
    (void)e;
    return rg_matmul(x[0], x[1]);
}

static rg_value product_of_views(const experiment *e, const rg_value *x)
{
    (void)e;
    return rg_matmul(rg_transpose(x[0], 0, 1), rg_flip(x[1], RG_AXES(1)));
}

/* With every instruction set that the machine has. */
static void check_product(experiment e)
{
    for (int cpu = 0; cpu <= rgi_cpu(); cpu++)
        for (e.type = RG_F64; e.type <= RG_F32; e.type++) {
            e.cpu = cpu;
            for (int k = 0; k < e.count; k++)
                e.low[k] = -1, e.high[k] = 1;
            check_same(&e);
        }
}

Test(parallel, products)
{
    static const int64_t sizes[][3] = {
        {64, 64, 32},  {65, 129, 67},   {7, 300, 150},   {130, 70, 33}, {1, 500, 270},
        {500, 1, 270}, {33, 31, 400},   {300, 17, 50},   {12, 257, 90}, {5, 1200, 40},
        {61, 63, 385}, {127, 128, 129}, {201, 203, 199},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
        experiment e = {.build = linear,
                        .name = "linear",
                        .count = 2 + (int)(i % 2),
                        .shape = {RG_SHAPE(m, k), RG_SHAPE(n, k), RG_SHAPE(n)}};
        check_product(e);
        e = (experiment){.build = product,
                         .name = "matmul",
                         .count = 2,
                         .shape = {RG_SHAPE(m, k), RG_SHAPE(k, n)}};
        check_product(e);
        e = (experiment){.build = product_of_views,
                         .name = "matmul of views",
                         .count = 2,
                         .shape = {RG_SHAPE(k, m), RG_SHAPE(k, n)}};
        check_product(e);
    }
}

Test(parallel, products_of_batches_and_vectors)
{
    check_product((experiment){.build = product,
                               .name = "batches",
                               .count = 2,
                               .shape = {RG_SHAPE(2, 1, 67, 40), RG_SHAPE(3, 40, 66)}});
    check_product((experiment){.build = product,
                               .name = "matrix and vector",
                               .count = 2,
                               .shape = {RG_SHAPE(301, 211), RG_SHAPE(211)}});
    check_product((experiment){.build = product,
                               .name = "vector and matrix",
                               .count = 2,
                               .shape = {RG_SHAPE(301), RG_SHAPE(301, 211)}});
    check_product((experiment){.build = linear,
                               .name = "no rows",
                               .count = 3,
                               .shape = {RG_SHAPE(0, 70), RG_SHAPE(50, 70), RG_SHAPE(50)}});
    /* Enough rows and columns to cut the sums of the bias. */
    check_product((experiment){.build = linear,
                               .name = "bias",
                               .count = 3,
                               .shape = {RG_SHAPE(35, 3), RG_SHAPE(1030, 3), RG_SHAPE(1030)}});
}

/* ---- cross-entropy ---- */

static rg_value entropy(const experiment *e, const rg_value *x)
{
    int64_t classes[400];
    const int64_t items = e->shape[0].dim[0] * e->shape[0].dim[2];
    for (int64_t i = 0; i < items; i++)
        classes[i] = i * i % e->shape[0].dim[1];
    const rg_cross_entropy_options *how = e->attributes;
    rg_value t = rg_constant_tensor(x[0].tape, RG_I64,
                                    RG_SHAPE(e->shape[0].dim[0], e->shape[0].dim[2]), classes);
    return rg_cross_entropy_with(x[0], t, how);
}

Test(parallel, cross_entropies)
{
    static const rg_cross_entropy_options ways[] = {
        {.reduction = RG_MEAN},
        {.reduction = RG_NONE, .ignore = 1, .ignored = 4},
        {.reduction = RG_SUM, .label_smoothing = 0.1},
    };
    for (int i = 0; i < 3; i++) {
        experiment e = {.build = entropy, .name = "cross_entropy", .count = 1};
        e.attributes = &ways[i];
        e.shape[0] = RG_SHAPE(131, 37, 3);
        check_types(e);
    }
}

/* ---- inside a checkpoint ---- */

static rg_value inside(rg_tape *tape, const rg_value *x, int count, void *context)
{
    (void)count;
    *(rg_threads **)context = tape->threads;
    return rg_tanh(rg_matmul(x[0], x[1]));
}

Test(parallel, a_checkpoint_has_the_threads_of_its_tape)
{
    rg_threads *seen = NULL, *pool = rg_threads_create(2, NULL, NULL);
    rg_tape *tape = rg_tape_create();
    rg_tape_set_threads(tape, pool);
    for (int i = 0; i < 2; i++) {
        rg_value x[2];
        for (int k = 0; k < 2; k++)
            x[k] = rg_input_tensor(tape, RG_F64, RG_SHAPE(2, 2), (double[]){1, 2, 3, 4});
        rg_value y = rg_checkpoint(inside, 2, x, &seen);
        cr_assert(rg_is_live(y) && seen == (i ? NULL : pool));
        rg_tape_set_threads(tape, NULL);
    }
    rg_tape_destroy(tape);
    rg_tape_set_threads(NULL, pool);
    rg_threads_destroy(pool);
}
