/*
 * twice.h: the operations of these tests, which link no operation of the library: 2 x, and the sum
 * of any number of values of one shape.
 */
#ifndef RG_TESTS_AUTOGRAD_TWICE_H
#define RG_TESTS_AUTOGRAD_TWICE_H

#include "../../autograd/autograd.h"

static inline double number_at(const rg_tensor *x, const void *data, int64_t i)
{
    return x->type == RG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static inline void add_number(const rg_tensor *x, void *data, int64_t i, double number)
{
    if (x->type == RG_F64)
        ((double *)data)[i] += number;
    else
        ((float *)data)[i] += (float)number;
}

static inline rg_status scaled_sum_forward(rg_call *call)
{
    double scale = call->op->code;
    for (int64_t i = 0; i < call->out->size; i++) {
        double sum = 0;
        for (int k = 0; k < call->count; k++)
            sum += scale * number_at(call->in[k], call->in[k]->data, i);
        if (call->out->type == RG_F64)
            ((double *)call->out->data)[i] = sum;
        else
            ((float *)call->out->data)[i] = (float)sum;
    }
    return RG_OK;
}

static inline void scaled_sum_backward(rg_call *call)
{
    double scale = call->op->code;
    for (int k = 0; k < call->count; k++)
        for (int64_t i = 0; i < call->out->size && call->in[k]->grad; i++)
            add_number(call->in[k], call->in[k]->grad, i,
                       scale * number_at(call->out, call->out->grad, i));
}

static inline rg_status one_shape(rg_call *call)
{
    for (int k = 1; k < call->count; k++)
        if (!rg_shape_equal(&call->in[k]->shape, &call->in[0]->shape))
            return rg_call_fail(call, RG_ERROR_SHAPE, "input %d has another shape", k + 1);
    return RG_OK;
}

static const rg_op twice_op = {.name = "twice",
                               .formula = "2 x",
                               .gradient = "2 g",
                               .arity = 1,
                               .code = 2,
                               .forward = scaled_sum_forward,
                               .backward = scaled_sum_backward};

static const rg_op sum_of_op = {.name = "sum_of",
                                .formula = "a + b + ..",
                                .gradient = "g to each",
                                .code = 1,
                                .shape = one_shape,
                                .forward = scaled_sum_forward,
                                .backward = scaled_sum_backward};

static inline rg_value twice(rg_value x)
{
    return rg_record(&twice_op, 1, &x, NULL);
}

static inline rg_value sum_of(rg_value a, rg_value b)
{
    const rg_value in[2] = {a, b};
    return rg_record(&sum_of_op, 2, in, NULL);
}

#endif
