/*
 * value.h: values on a tape: inputs, constants, reading, writing, gradients.
 *
 * An rg_value is a 16-byte handle, copied freely and never freed; the tape owns what it names. It
 * names a scalar (rank 0, float64) or a tensor (rank 0 to 8, float64, float32 or int64). A handle
 * stays valid until a rewind drops what it names. The serial number in it is never used twice, so
 * a stale handle is recognised even after billions of steps.
 *
 * The inert value (serial 0) is what a failed operation returns: it reads as NaN or an empty shape.
 */
#ifndef RG_AUTOGRAD_VALUE_H
#define RG_AUTOGRAD_VALUE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "export.h"
#include "shape.h"
#include "status.h"
#include "tape.h"

RG_BEGIN_DECLS

typedef struct rg_value {
    rg_tape *tape;
    uint64_t serial; /* of the node, with RG_TENSOR_BIT when it is not a float64 scalar */
} rg_value;

#define RG_TENSOR_BIT ((uint64_t)1 << 63)

/* ---- leaves ---- */

/* A differentiable float64 scalar. */
RG_API rg_value rg_input(rg_tape *tape, double value);

/* A float64 scalar through which no gradient flows. */
RG_API rg_value rg_constant(rg_tape *tape, double value);

/* A differentiable tensor. `data` holds the elements row-major and is copied; its type is `type`'s
 * C type: double, float or int64_t (int64 tensors are constants). `data` NULL: all zero. */
RG_API rg_value rg_input_tensor(rg_tape *tape, rg_type type, rg_shape shape, const void *data);

/* The same as a constant: gradients flow neither into nor through it. */
RG_API rg_value rg_constant_tensor(rg_tape *tape, rg_type type, rg_shape shape, const void *data);

/* A constant tensor that reads the caller's memory without a copy: element (i, j, ..) is
 * data[i * stride[0] + j * stride[1] + ..], strides counted in elements and possibly 0 or negative;
 * `stride` NULL: dense row-major. The memory must stay as it is while the value is in use. */
RG_API rg_value rg_constant_view(rg_tape *tape, rg_type type, rg_shape shape, const int64_t *stride,
                                 const void *data);

/* float64 conveniences: rg_input_tensor and rg_constant_tensor with type RG_F64. */
RG_API rg_value rg_input_f64(rg_tape *tape, rg_shape shape, const double *data);
RG_API rg_value rg_constant_f64(rg_tape *tape, rg_shape shape, const double *data);

/* ... float32 ... */
RG_API rg_value rg_input_f32(rg_tape *tape, rg_shape shape, const float *data);
RG_API rg_value rg_constant_f32(rg_tape *tape, rg_shape shape, const float *data);

/* ... and int64, for indices and classes. */
RG_API rg_value rg_indices(rg_tape *tape, rg_shape shape, const int64_t *data);

/* The same elements as a constant: no gradient flows back through the result. No copy is made. */
RG_API rg_value rg_detach(rg_value x);

/* The same elements in another floating type; the gradient is converted back. Integers cannot be
 * cast: RG_ERROR_TYPE. */
RG_API rg_value rg_cast(rg_value x, rg_type type);

/* The same elements in dense memory: x itself unless it is a strided view. */
RG_API rg_value rg_dense(rg_value x);

/* ---- elements ---- */

/* One element as a scalar: rg_at(x, RG_AXES(2, -1)) is row 2, last column. Negative coordinates
 * count from the end. The gradient flows back to that element. A float32 element is widened; an
 * integer element is a constant. RG_ERROR_INDEX outside the shape or with a wrong number of
 * coordinates. */
RG_API rg_value rg_at(rg_value x, rg_axes index);

/* A float64 tensor out of as many float64 scalars as `shape` has elements (at least one), row-major
 * in `scalars`. The gradient flows back to each. */
RG_API rg_value rg_tensor_of(rg_shape shape, const rg_value *scalars);

/* ---- asking ---- */

/* Whether the handle names something on its tape now. */
RG_API int rg_is_live(rg_value x);

/* Type, shape and number of elements; for an inert or stale value RG_F64, rank 0 and 0. */
RG_API rg_type rg_get_type(rg_value x);
RG_API rg_shape rg_get_shape(rg_value x);
RG_API int64_t rg_size(rg_value x);

/* The only element of a scalar or one-element tensor, as double. NaN if there is not exactly one,
 * or if the value is inert or stale. */
RG_API double rg_item(rg_value x);

/* Copies the elements row-major into `out`, which holds rg_size(x) of them. Any type is converted
 * to double; integers above 2^53 lose digits (use rg_read_raw). */
RG_API rg_status rg_read(rg_value x, double *out);

/* The same without conversion: `out` holds rg_size(x) elements of rg_get_type(x). */
RG_API rg_status rg_read_raw(rg_value x, void *out);

/* Overwrites the elements of an input or constant with `data`, row-major doubles, converted to its
 * type. Only a leaf that owns its memory can be written: RG_ERROR_ARGUMENT otherwise. What was
 * computed from it before is not computed again, and a sweep that would need the old elements for
 * it fails with RG_ERROR_STATE. */
RG_API rg_status rg_write(rg_value x, const double *data);

/* The memory of a dense tensor, valid until the value is dropped, or NULL if it is a strided view
 * or not a tensor of type `type`. For a scalar it is valid only until the next recording. */
RG_API const void *rg_data(rg_value x, rg_type type);

/* Prints the elements like "[[1, 2], [3, 4]]" with %.*g and `digits` significant digits, without a
 * newline. Returns RG_ERROR_IO if the stream refuses. */
RG_API rg_status rg_print(FILE *stream, rg_value x, int digits);

/* ---- gradients ---- */

/* Differentiates `f`, which must have exactly one element, with respect to everything recorded
 * before it: walks the tape backwards from f and applies the chain rule, without recursion or
 * allocation. Afterwards rg_grad answers for any recorded value. Gradients of recorded values are
 * those of the last sweep; gradients of parameters (param.h) are added to until they are zeroed.
 * May be repeated, for the same or another root. Returns the tape's error if it has one (nothing
 * is swept), RG_ERROR_SHAPE if f has not exactly one element, and RG_ERROR_TYPE if f is an integer.
 * Zero upstream contributes exactly zero to element-wise operands, even against an infinite
 * derivative. */
RG_API rg_status rg_backward(rg_value f);

/* The same for a root of any shape: differentiates the sum of upstream[i] * y[i]. `upstream` holds
 * rg_size(y) numbers, row-major. */
RG_API rg_status rg_backward_with(rg_value y, const double *upstream);

/* The same for the sum of weights[i] ys[i], each with one element; `weights` NULL: all 1. One sweep
 * for all. RG_ERROR_TAPE if they are not on one tape. */
RG_API rg_status rg_backward_sum(int count, const rg_value *ys, const double *weights);

/* With `keep` 0, sweeps set the adjoints of scalars other than inputs to zero as soon as they have
 * passed them on, which saves clearing them before the next sweep: 5 to 10 % of its time. rg_grad
 * then gives NaN for such scalars; inputs, tensors and parameters are as always. 1 is the default.
 */
RG_API void rg_tape_keep_adjoints(rg_tape *tape, int keep);

/* The gradient of the last sweep's root with respect to a one-element value; 0 if the sweep did
 * not reach it; NaN if the value has another number of elements, is inert or stale. */
RG_API double rg_grad(rg_value x);

/* The same for any shape: rg_size(x) numbers, row-major, converted to double. */
RG_API rg_status rg_read_grad(rg_value x, double *out);

/* Whether the last sweep's root depends on x through differentiable operations at all: tells a
 * gradient that is zero from one that does not exist. The first question after a sweep walks the
 * recording once. 0 for constants, and once a rewind has dropped the root. */
RG_API int rg_is_reached(rg_value x);

RG_END_DECLS

#endif
