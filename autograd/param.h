/*
 * param.h: parameters: values that outlive the tape and collect gradients.
 *
 * A parameter owns its elements and their gradient. Each training step uses it on a tape
 * (rg_use), sweeps, and updates the elements; rewinding or destroying the tape does not touch it.
 * A sweep adds to the gradient until it is zeroed, so gradients of micro-batches accumulate.
 *
 * Any number of threads may read parameters at once. Sweeps add into their gradients, so tapes in
 * different threads that share parameters collect theirs first (rg_tape_defer_gradients) and one
 * thread adds them in a fixed order.
 */
#ifndef RG_AUTOGRAD_PARAM_H
#define RG_AUTOGRAD_PARAM_H

#include "allocator.h"
#include "shape.h"
#include "status.h"
#include "value.h"

RG_BEGIN_DECLS

typedef struct rg_param rg_param;

/* A parameter of zeros with a zero gradient; float64 or float32. NULL if the type or shape is not
 * allowed or there is no memory. `allocator` NULL: the C library's. */
RG_API rg_param *rg_param_create(const rg_allocator *allocator, rg_type type, rg_shape shape);

/* Frees it. No tape may use its values any more. NULL is allowed. */
RG_API void rg_param_destroy(rg_param *param);

RG_API rg_type rg_param_type(const rg_param *param);
RG_API rg_shape rg_param_shape(const rg_param *param);
RG_API int64_t rg_param_size(const rg_param *param);

/* The elements, dense row-major, of the parameter's type; yours to read and change between sweeps
 * (not between recording and sweeping: the recorded operations read them again). The address stays
 * the same, unless a collection moves its parameters (rg_params_make_contiguous). */
RG_API void *rg_param_data(rg_param *param);

/* The gradient, of the same type and size, up to date after each sweep. */
RG_API void *rg_param_grad(rg_param *param);

/* Copies the elements from or to row-major doubles, with conversion. */
RG_API void rg_param_write(rg_param *param, const double *data);
RG_API void rg_param_read(const rg_param *param, double *out);
RG_API void rg_param_read_grad(rg_param *param, double *out);

/* Makes the gradient zero. */
RG_API void rg_param_zero_grad(rg_param *param);

/* A frozen parameter is recorded as a constant: it gets no gradient and optimizers skip it. */
RG_API void rg_param_freeze(rg_param *param, int frozen);
RG_API int rg_param_is_frozen(const rg_param *param);

/* The parameter as a value on the tape. It is not copied: the value reads the parameter's elements,
 * so change them only when the sweep is done. */
RG_API rg_value rg_use(rg_tape *tape, rg_param *param);

/* With `defer` 1, sweeps on this tape leave parameters alone; rg_tape_add_gradients then adds what
 * the last sweep found to them. Call it for one tape after the other, in a fixed order, and sums do
 * not depend on which thread was first. 0, the default, adds at once. */
RG_API void rg_tape_defer_gradients(rg_tape *tape, int defer);
RG_API rg_status rg_tape_add_gradients(rg_tape *tape);

RG_END_DECLS

#endif
