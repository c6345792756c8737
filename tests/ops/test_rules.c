/*
 * test_rules.c: three ways to each derivative. For every operation of the table and 100 random
 * draws of seeds and shapes: what its backward function adds, what its rule records, and
 * differences.
 */
#include "../check.h"

#include <stdio.h>

#include "samples.h"

SUITE(rules);

enum { DRAWS = 100 };

/* Operations that are left out, and why. */
typedef struct left_out {
    const char *name, *reason;
} left_out;

static const left_out all_left_out[] = {
    {NULL, "nothing is left out"},
};

static const char *reason_to_leave_out(const rg_op *op)
{
    for (const left_out *out = all_left_out; out->name; out++)
        if (!strcmp(out->name, op->name))
            return out->reason;
    return is_differentiable(op) ? NULL : "it has no derivative";
}

Test(rules, leave_out_only_what_is_in_the_table)
{
    for (const left_out *out = all_left_out; out->name; out++)
        cr_assert(rg_op_find(out->name), "%s", out->name);
}

Test(rules, exist_for_every_operation_with_a_backward_function)
{
    for (int i = 0; i < rg_op_count(); i++)
        cr_assert(!op_at(i)->backward == !op_at(i)->rule, "%s", op_at(i)->name);
}

/* ---- draws ---- */

/* Another shape: each size above 1 in the sample becomes another one, equal sizes the same. */
static void vary(rg_sample *sample, const rg_op *op, rg_random *random)
{
    int64_t other[64];
    for (int i = 0; i < 64; i++)
        other[i] = 2 + (int64_t)rg_random_below(random, 4);
    for (int k = 0; k < input_count(op, sample); k++)
        for (int i = 0; i < sample->shape[k].rank; i++)
            if (sample->shape[k].dim[i] > 1 && sample->shape[k].dim[i] < 64)
                sample->shape[k].dim[i] = other[sample->shape[k].dim[i]];
}

/* An operation with its inputs, a random upstream and random directions. */
typedef struct draw {
    inputs in;
    rg_sample sample;
    unsigned seed;
    rg_type type;
} draw;

/* Whether the operation takes the inputs: not every shape fits its attributes. */
static int is_taken(draw *d)
{
    rg_tape *tape = rg_tape_create();
    rg_value in[MAX_INPUTS];
    for (int k = 0; k < d->in.count; k++) {
        rg_type type = is_integer(d->in.op, k) ? RG_I64 : RG_F64;
        in[k] = rg_input_tensor(tape, type, d->in.shape[k], NULL);
        rg_write(in[k], d->in.data[k]);
    }
    rg_value y = record(tape, in, d->in.count, &d->in);
    int taken = rg_tape_status(tape) == RG_OK && rg_size(y) <= MAX_ELEMENTS;
    rg_tape_destroy(tape);
    return taken;
}

static void make_draw(draw *d, const rg_op *op, int number)
{
    rg_random random = rg_random_create((uint64_t)number);
    const rg_sample *sample = &op->samples[number % op->sample_count];
    d->seed = (unsigned)number + 1;
    d->type = RG_F64;
    d->sample = *sample;
    if (number >= op->sample_count && !op->integers)
        vary(&d->sample, op, &random);
    fill_sample(&d->in, op, &d->sample, 0, d->seed);
    if (!is_taken(d)) {
        d->sample = *sample;
        fill_sample(&d->in, op, &d->sample, 0, d->seed);
    }
}

/* Whether input k varies. */
static int varies(const draw *d, int k)
{
    return !is_integer(d->in.op, k) && has_gradient(d->in.op, k);
}

static void make_inputs(const draw *d, rg_tape *tape, rg_value *in)
{
    for (int k = 0; k < d->in.count; k++) {
        rg_type type = is_integer(d->in.op, k) ? RG_I64 : d->type;
        in[k] = varies(d, k) ? rg_input_tensor(tape, type, d->in.shape[k], NULL)
                             : rg_constant_tensor(tape, type, d->in.shape[k], NULL);
        rg_write(in[k], d->in.data[k]);
    }
}

/* A constant like x of random numbers, the same for the same seed. */
static rg_value random_like(rg_value x, unsigned seed)
{
    static double numbers[MAX_ELEMENTS];
    rg_random random = rg_random_create(seed);
    for (int64_t i = 0; i < rg_size(x); i++)
        numbers[i] = 2 * rg_random_uniform(&random) - 1;
    rg_value constant = rg_constant_tensor(x.tape, rg_get_type(x), rg_get_shape(x), NULL);
    rg_write(constant, numbers);
    return constant;
}

/* ---- the derivatives ---- */

/* The function whose gradient is taken: the operation for order 0. For order n + 1 it is the
 * product of directions with the recorded gradient of the function of order n along an upstream. */
static rg_value function_of_order(const draw *d, rg_tape *tape, const rg_value *in, int order)
{
    if (order == 0)
        return record(tape, in, d->in.count, (void *)&d->in);
    rg_value y = function_of_order(d, tape, in, order - 1), x[MAX_INPUTS], g[MAX_INPUTS];
    int count = 0;
    for (int k = 0; k < d->in.count; k++)
        if (varies(d, k))
            x[count++] = in[k];
    rg_grad_values(y, random_like(y, d->seed + 1), count, x, g);
    rg_value sum = rg_cast(rg_constant(tape, 0), d->type);
    for (int k = 0; k < count; k++)
        sum = rg_add(sum, rg_sum(rg_mul(g[k], random_like(g[k], d->seed + 2 + (unsigned)k))));
    return sum;
}

/* The largest |a - b|, and the largest |a|. */
static double largest(int64_t size, const double *a, const double *b)
{
    double result = 0;
    for (int64_t i = 0; i < size; i++) {
        double difference = b ? fabs(a[i] - b[i]) : fabs(a[i]);
        result = difference > result || isnan(difference) ? difference : result;
    }
    return result;
}

/* Compares the sweep's gradient with the recorded one. */
static void check_rule(const draw *d, int order, double tolerance)
{
    static double swept[MAX_ELEMENTS], recorded[MAX_ELEMENTS], upstream[MAX_ELEMENTS];
    const char *name = d->in.op->name;
    rg_tape *tape = rg_tape_create();
    rg_value in[MAX_INPUTS];
    make_inputs(d, tape, in);
    rg_value y = function_of_order(d, tape, in, order), u = random_like(y, d->seed + 7);
    rg_read(u, upstream);
    for (int k = 0; k < d->in.count; k++) {
        rg_value g;
        if (!varies(d, k))
            continue;
        rg_grad_values(y, u, 1, &in[k], &g);
        rg_backward_with(y, upstream);
        cr_assert_eq(rg_tape_status(tape), RG_OK, "%s: %s", name, rg_tape_message(tape));
        rg_shape shape = rg_get_shape(g);
        cr_assert(rg_shape_equal(&shape, &d->in.shape[k]) && rg_get_type(g) == d->type, "%s", name);
        rg_read(g, recorded);
        rg_read_grad(in[k], swept);
        double error = largest(rg_size(g), recorded, swept),
               scale = largest(rg_size(g), swept, NULL);
        cr_assert(error <= tolerance * (1 + scale),
                  "%s, order %d, seed %u, input %d: rule and sweep differ by %g of %g", name,
                  order + 1, d->seed, k, error, scale);
    }
    rg_tape_destroy(tape);
}

static rg_value checked_function(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)count;
    const draw *d = context;
    return function_of_order(d, tape, in, 0);
}

static rg_value checked_slope(rg_tape *tape, const rg_value *in, int count, void *context)
{
    (void)count;
    const draw *d = context;
    return function_of_order(d, tape, in, 1);
}

/* Compares the sweep's gradient with differences along random directions. */
static void check_differences(draw *d, int order)
{
    rg_gradcheck_input in[MAX_INPUTS];
    for (int k = 0; k < d->in.count; k++)
        in[k] = (rg_gradcheck_input){.type = is_integer(d->in.op, k) ? RG_I64 : RG_F64,
                                     .shape = d->in.shape[k],
                                     .data = d->in.data[k],
                                     .constant = !varies(d, k)};
    rg_gradcheck_options options = {
        .mode = RG_GRADCHECK_PROJECTION, .directions = 2, .seed = d->seed};
    rg_gradcheck_report report;
    rg_status status = rg_gradcheck(order ? checked_slope : checked_function, d, in, d->in.count,
                                    &options, &report);
    cr_assert_eq(status, RG_OK, "%s, order %d, seed %u: %s", d->in.op->name, order + 1, d->seed,
                 report.message);
}

/* Runs a check for the draws of every operation. */
static void for_each_draw(int draws, void (*check)(draw *d))
{
    static draw d;
    int checked = 0;
    for (int i = 0; i < rg_op_count(); i++) {
        const rg_op *op = op_at(i);
        const char *reason = reason_to_leave_out(op);
        for (int number = 0; number < draws && !reason; number++, checked++) {
            make_draw(&d, op, number);
            check(&d);
        }
    }
    cr_assert_gt(checked, 50 * draws);
}

static void check_first(draw *d)
{
    check_rule(d, 0, 1e-12);
    check_differences(d, 0);
}

Test(rules, of_first_order_agree_with_the_sweep_and_with_differences)
{
    for_each_draw(DRAWS, check_first);
}

static void check_second(draw *d)
{
    check_rule(d, 1, 1e-12);
    check_differences(d, 1);
}

Test(rules, of_second_order_agree_with_the_sweep_and_with_differences)
{
    for_each_draw(DRAWS, check_second);
}

static void check_third(draw *d)
{
    check_rule(d, 2, 1e-11);
}

Test(rules, of_third_order_agree_with_the_sweep)
{
    for_each_draw(5, check_third);
}

static void check_float32(draw *d)
{
    if (d->in.op->types && !(d->in.op->types & RG_OP_F32))
        return;
    d->type = RG_F32;
    check_rule(d, 0, 1e-4);
    check_rule(d, 1, 1e-3);
}

Test(rules, agree_with_the_sweep_in_float32)
{
    for_each_draw(20, check_float32);
}
