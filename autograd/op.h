/*
 * op.h: the record of an operation, and the one entrance by which every operation is recorded.
 *
 * Built-in operations and yours are the same thing: a constant rg_op with a shape rule, a forward
 * and a backward function, passed to rg_record. A smallest one, the logistic map r x (1 - x):
 *
 *     static rg_status map_forward(rg_call *call)
 *     {
 *         const double *x = call->in[0]->data;
 *         double *y = call->out->data, r = *(const double *)call->attributes;
 *         for (int64_t i = 0; i < call->out->size; i++)
 *             y[i] = r * x[i] * (1 - x[i]);
 *         return RG_OK;
 *     }
 *     static void map_backward(rg_call *call)
 *     {
 *         const double *x = call->in[0]->data, *g = call->out->grad;
 *         double *gx = call->in[0]->grad, r = *(const double *)call->attributes;
 *         for (int64_t i = 0; i < call->out->size; i++)
 *             gx[i] += g[i] * r * (1 - 2 * x[i]);
 *     }
 *     static const rg_op map = {.name = "map", .arity = 1, .attribute_size = sizeof(double),
 *                               .types = RG_OP_F64, .forward = map_forward,
 *                               .backward = map_backward};
 *     rg_value y = rg_record(&map, 1, &x, &(double){3.2});
 *
 * examples/custom_op.c is the complete program.
 */
#ifndef RG_AUTOGRAD_OP_H
#define RG_AUTOGRAD_OP_H

#include "shape.h"
#include "status.h"
#include "value.h"

RG_BEGIN_DECLS

/* A tensor as an operation sees it. Scalars appear with rank 0 and size 1. */
typedef struct rg_tensor {
    void *data;   /* the first element */
    void *grad;   /* the adjoint: always dense row-major; NULL if none is wanted */
    int64_t size; /* number of elements */
    rg_type type;
    int dense; /* the data are dense row-major too; only ops with `strided` meet 0 here */
    rg_shape shape;
    int64_t stride[RG_MAX_RANK]; /* of the data, in elements */
} rg_tensor;

typedef struct rg_op rg_op;

/* One recorded operation, as passed to its functions. */
typedef struct rg_call {
    const rg_op *op;
    int count; /* number of inputs */
    const rg_tensor *const *in;
    rg_tensor *out;
    const void *attributes; /* the tape's copy of op->attribute_size bytes, aligned like `saved`;
                             * NULL if 0 */
    void *saved;            /* op->saved bytes, kept from forward to backward; 64-byte aligned */
    void *scratch;          /* op->scratch bytes for the moment, undefined at entry; aligned */
    unsigned fresh;         /* backward of an op with `assigns`: bit k: in[k]->grad is undefined */
    int cpu;                /* which instruction sets may be used; see ops/kernels.h */
    rg_tape *tape;
} rg_call;

/* One recorded operation, as passed to its rule: the same derivative as `backward`, but recorded.
 */
typedef struct rg_rule {
    const rg_op *op;
    int count;
    const rg_value *in;
    rg_value out;
    rg_value upstream; /* the gradient of out, of its shape and type */
    const void *attributes;
    const int *wanted; /* 1 for each input whose gradient is asked for */
    rg_value *grads;   /* to be set for these inputs, each of its input's shape and type */
} rg_rule;

/* Element types an operation takes; its floating inputs then all have the same one. RG_OP_ANY takes
 * int64 too, if all inputs are. */
enum { RG_OP_F64 = 1, RG_OP_F32 = 2, RG_OP_FLOAT = 3, RG_OP_I64 = 4, RG_OP_ANY = 7 };

/* One set of inputs for the tests that walk the table of operations. */
typedef struct rg_sample {
    rg_shape shape[3];      /* of each input */
    double low[3], high[3]; /* range of each floating input's elements */
    const void *attributes;
    const int64_t *integers; /* elements of the int64 input, if there is one */
    int count;               /* number of inputs; 0: the op's arity */
} rg_sample;

/* An operation. Fields left 0 take the default said beside them. The record must outlive every
 * tape it was recorded on; it is read only, so threads may share it. */
struct rg_op {
    const char *name;     /* "mul" */
    const char *formula;  /* "a b" */
    const char *gradient; /* "g b, g a": what backward adds for each input */
    const char *kinks;    /* behaviour at kinks, poles and ends; NULL: nothing to tell */
    int arity;            /* number of inputs; 0: any number from 1 */
    int types;            /* RG_OP_..; 0: RG_OP_FLOAT */
    unsigned integers;    /* bit k: input k is int64 */
    unsigned unread;      /* bit k: backward does not read the elements of input k */
    unsigned assigns;     /* bit k: backward heeds call->fresh for input k */
    int strided;          /* 1: takes strided inputs; 0: they are packed before it sees them */
    int code;             /* built-in operations only */
    size_t attribute_size;

    /* Sets out->shape (and out->type) from the inputs; returns rg_call_fail(..) if they do not fit.
     * On entry both are those of the first floating input. NULL: they stay so. */
    rg_status (*shape)(rg_call *call);

    /* A view: sets out->data, out->shape and out->stride to look at in[0]'s memory. An operation
     * with this has no forward and backward: values share memory, gradients flow through it. */
    rg_status (*view)(rg_call *call);

    /* An operation made of other operations: records them and returns the result. It has no shape
     * rule, forward, backward or rule, and leaves no node of its own; `attributes` are the
     * caller's. */
    rg_value (*compose)(const rg_op *op, int count, const rg_value *in, const void *attributes);

    /* Bytes of call->saved and call->scratch, given the shapes. NULL: none. */
    size_t (*saved)(const rg_call *call);
    size_t (*scratch)(const rg_call *call);

    /* Computes out->data. May return rg_call_fail(..), for a singular matrix, say. */
    rg_status (*forward)(rg_call *call);

    /* Adds to in[k]->grad, for every k where it is not NULL, the product of out->grad with the
     * derivative: other operations add there too. Where call->fresh has bit k, which only happens
     * if `assigns` has it, nothing was added yet, and backward assigns instead, k by k: two inputs
     * may be the same. NULL: not differentiable. */
    void (*backward)(rg_call *call);

    /* Records the same derivative: sets grads[k] where wanted[k], by operations on in, out and
     * upstream. NULL: gradients cannot be recorded through this operation (derivatives.h). */
    void (*rule)(const rg_rule *rule);

    /* Inputs for the tests that walk the table; ends with the count. */
    const rg_sample *samples;
    int sample_count;
};

/* Records op applied to in[0..count), in the order: checks, promotion of types, shape rule,
 * allocation, forward, node. `attributes` (op->attribute_size bytes, copied) may be NULL if that is
 * 0. Returns the inert value after an error, which the tape then keeps. A float64 scalar joins
 * float32 tensors by being rounded; a float32 scalar joins float64 values by being widened; every
 * other mixture of types is RG_ERROR_TYPE. */
RG_API rg_value rg_record(const rg_op *op, int count, const rg_value *in, const void *attributes);

/* For shape rules and forward functions: makes "NAME at node N: " and the formatted text the tape's
 * error and returns `status`. */
RG_API rg_status rg_call_fail(rg_call *call, rg_status status, const char *format, ...)
    RG_PRINTF(3, 4);

/* For compose functions: makes "NAME at node N: " and the formatted text the tape's error and
 * returns the inert value. */
RG_API rg_value rg_op_fail(const rg_op *op, rg_tape *tape, rg_status status, const char *format,
                           ...) RG_PRINTF(4, 5);

/* For shape rules: sets out->shape to the shape to which all inputs broadcast by NumPy's rules
 * (dimensions align at the right; a dimension of 1 stretches), or fails naming two that do not. */
RG_API rg_status rg_call_broadcast(rg_call *call);

RG_END_DECLS

#endif
