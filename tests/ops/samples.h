/*
 * samples.h: the samples of the table of operations as values, for the tests that walk it. Include
 * it after check.h.
 */
#ifndef RG_TESTS_OPS_SAMPLES_H
#define RG_TESTS_OPS_SAMPLES_H

#include <string.h>

enum { MAX_INPUTS = 3, MAX_ELEMENTS = 4096 };

static inline const rg_op *op_at(int number)
{
    const rg_op *op = rg_op_at(number);
    cr_assert(op);
    return op;
}

static inline int is_differentiable(const rg_op *op)
{
    return op->backward || op->view || op->compose;
}

static inline int input_count(const rg_op *op, const rg_sample *sample)
{
    return sample->count ? sample->count : op->arity;
}

static inline int is_integer(const rg_op *op, int input)
{
    return op->integers >> input & 1;
}

/* The gradient text has a part for each input; "0" says that none flows there. */
static inline int has_gradient(const rg_op *op, int input)
{
    const char *part = op->gradient;
    for (; input > 0; input--) {
        part += strcspn(part, ",;");
        part += strspn(part, ",; ");
    }
    return strcspn(part, ",;") != 1 || *part != '0';
}

/* A sample's inputs: elements in [low, high], seeded. */
typedef struct inputs {
    const rg_op *op;
    const rg_sample *sample;
    int count;
    int strided; /* 1: the inputs are storage, of which f uses every second element */
    rg_shape shape[MAX_INPUTS];
    double data[MAX_INPUTS][MAX_ELEMENTS];
} inputs;

static inline rg_shape stepped_shape(rg_shape shape)
{
    if (shape.rank == 0)
        shape = RG_SHAPE(1);
    shape.dim[shape.rank - 1] = 2 * shape.dim[shape.rank - 1] + 1;
    return shape;
}

/* What lies between the elements of a view must not matter; it is finite, so that it can be varied.
 */
static inline double between(void)
{
    return 1000;
}

static inline void fill_input(inputs *all, int k, rg_random *random)
{
    const rg_sample *sample = all->sample;
    rg_shape shape = sample->shape[k];
    int stepped = all->strided && !is_integer(all->op, k);
    all->shape[k] = stepped ? stepped_shape(shape) : shape;
    int64_t size = rg_shape_size(&all->shape[k]);
    int64_t row = stepped ? all->shape[k].dim[all->shape[k].rank - 1] : 1;
    cr_assert_leq(size, MAX_ELEMENTS);
    double low = sample->low[k], high = sample->high[k];
    for (int64_t i = 0; i < size; i++) {
        if (is_integer(all->op, k))
            all->data[k][i] = (double)sample->integers[i];
        else if (stepped && i % row % 2 == 0)
            all->data[k][i] = between();
        else
            all->data[k][i] = (float)(low + (high - low) * rg_random_uniform(random));
    }
}

static inline void fill_sample(inputs *all, const rg_op *op, const rg_sample *sample, int strided,
                               unsigned seed)
{
    rg_random random = rg_random_create(seed);
    all->op = op;
    all->sample = sample;
    all->strided = strided;
    all->count = input_count(op, all->sample);
    cr_assert_leq(all->count, MAX_INPUTS);
    for (int k = 0; k < all->count; k++)
        fill_input(all, k, &random);
}

static inline void fill(inputs *all, const rg_op *op, int sample, int strided, unsigned seed)
{
    fill_sample(all, op, &op->samples[sample], strided, seed);
}

/* Records the operation on inputs that have been recorded, through views if they are storage. */
static inline rg_value record(rg_tape *tape, const rg_value *in, int count, void *context)
{
    const inputs *all = context;
    rg_value used[MAX_INPUTS];
    (void)tape;
    for (int k = 0; k < count; k++) {
        used[k] = in[k];
        if (!all->strided || is_integer(all->op, k))
            continue;
        used[k] = rg_slice(in[k], -1, 1, RG_SLICE_END, 2);
        if (all->sample->shape[k].rank == 0)
            used[k] = rg_squeeze(used[k], 0);
    }
    return rg_record(all->op, count, used, all->sample->attributes);
}

/* Runs `check` for every sample of every operation. */
static inline void for_each_sample(void (*check)(const rg_op *op, int sample))
{
    int samples = 0;
    for (int i = 0; i < rg_op_count(); i++)
        for (int s = 0; s < op_at(i)->sample_count; s++, samples++)
            check(op_at(i), s);
    cr_assert_gt(samples, 0);
}

#endif
