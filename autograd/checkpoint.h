/*
 * checkpoint.h: trading time for memory: a function recorded as one node and computed again in the
 * reverse sweep.
 *
 * What the function records in between is not kept: a long computation cut into n pieces keeps the
 * n results and, during the sweep, the inside of one piece. (A. Griewank and A. Walther, "Algorithm
 * 799: revolve", ACM Trans. Math. Softw. 26, 2000)
 */
#ifndef RG_AUTOGRAD_CHECKPOINT_H
#define RG_AUTOGRAD_CHECKPOINT_H

#include "value.h"

RG_BEGIN_DECLS

/* Records a value of any shape from `count` inputs on the tape it is given, which is not the
 * caller's. It must do the same every time it is called with the same inputs: a random operation in
 * it must make its generator anew from a seed. It may use parameters (rg_use), which get their
 * gradients, but no other value from outside. */
typedef rg_value rg_checkpoint_function(rg_tape *tape, const rg_value *in, int count,
                                        void *context);

/* f(in) as one node. `context` must stay valid until the sweep. The function runs once now and once
 * in each sweep that reaches the node; what fails in it is an error of the tape, in the sweep too.
 * While the tape defers gradients (param.h) parameters must be inputs: RG_ERROR_STATE. A recorded
 * gradient (derivatives.h) records its inside in full. */
RG_API rg_value rg_checkpoint(rg_checkpoint_function *f, int count, const rg_value *in,
                              void *context);

RG_END_DECLS

#endif
