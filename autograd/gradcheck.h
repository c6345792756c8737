/*
 * gradcheck.h: is a gradient right? Compares the sweep's with central differences.
 *
 *     static rg_value area(rg_tape *tape, const rg_value *in, int count, void *context)
 *     {
 *         return rg_mul(in[0], in[1]);
 *     }
 *     rg_gradcheck_report report;
 *     rg_gradcheck_input in[] = {{.shape = RG_SCALAR, .data = (double[]){2}},
 *                                {.shape = RG_SCALAR, .data = (double[]){3}}};
 *     if (rg_gradcheck(area, NULL, in, 2, NULL, &report) != RG_OK)
 *         puts(report.message);
 */
#ifndef RG_AUTOGRAD_GRADCHECK_H
#define RG_AUTOGRAD_GRADCHECK_H

#include "status.h"
#include "value.h"

RG_BEGIN_DECLS

/* The function to check: records a value of any shape from `count` inputs. It must compute the same
 * every time it is called with the same inputs. */
typedef rg_value rg_gradcheck_function(rg_tape *tape, const rg_value *in, int count, void *context);

/* One input: a type (RG_F64 unless a lower precision or integers are the point), a shape, and its
 * elements as row-major doubles. A constant input gets no gradient and is not varied; int64 inputs
 * are always constant. */
typedef struct rg_gradcheck_input {
    rg_type type;
    rg_shape shape;
    const double *data;
    int constant;
} rg_gradcheck_input;

typedef enum rg_gradcheck_mode {
    RG_GRADCHECK_ELEMENTS,  /* every element of every input is varied */
    RG_GRADCHECK_PROJECTION /* random directions over all inputs at once: cheap for large inputs */
} rg_gradcheck_mode;

/* Zero fields mean the default said beside them. */
typedef struct rg_gradcheck_options {
    rg_gradcheck_mode mode;
    double step;     /* of the difference, times max(1, |x|); 6e-6 (float32: 5e-3) */
    double relative; /* tolerance; 1e-6 (float32: 1e-2) */
    double absolute; /* tolerance; 1e-8 (float32: 1e-3) */
    int directions;  /* for projections; 8 */
    unsigned seed;   /* of the upstream gradient and the directions */
} rg_gradcheck_options;

/* What was found. In projection mode `input` and `element` are -1 and the values are directional
 * derivatives. */
typedef struct rg_gradcheck_report {
    rg_status status;
    int64_t checked; /* comparisons made */
    int64_t failed;  /* comparisons beyond the tolerance */
    int input;       /* the worst one: which input, */
    int64_t element; /* which of its elements, */
    double analytic, numeric, error;
    int low_precision;             /* 1: an input is below float64, so that the check is coarse */
    char message[RG_MESSAGE_SIZE]; /* one sentence with all of that */
} rg_gradcheck_report;

/* Records f on a tape of its own, sweeps it with a random upstream gradient u, and compares the
 * gradient of sum u f with central differences: |analytic - numeric| <= absolute + relative *
 * max(|analytic|, |numeric|). Returns RG_OK, RG_ERROR_GRADIENT if a comparison fails (a NaN on one
 * side only fails), the tape's error if f cannot be recorded, RG_ERROR_STALE if it returns no value
 * of the tape it was given, RG_ERROR_ARGUMENT for inputs or options that are not allowed, and
 * RG_ERROR_MEMORY. `options` NULL: the defaults; `report` may be NULL. low_precision looks at the
 * inputs, not at casts inside f. At kinks central differences are no reference: check elsewhere. */
RG_API rg_status rg_gradcheck(rg_gradcheck_function *f, void *context, const rg_gradcheck_input *in,
                              int count, const rg_gradcheck_options *options,
                              rg_gradcheck_report *report);

RG_END_DECLS

#endif
