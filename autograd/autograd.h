/* autograd.h: the tape and everything that knows no particular operation. */
#ifndef RG_AUTOGRAD_AUTOGRAD_H
#define RG_AUTOGRAD_AUTOGRAD_H

#include "allocator.h"
#include "checkpoint.h"
#include "debug.h"
#include "derivatives.h"
#include "gradcheck.h"
#include "op.h"
#include "param.h"
#include "picture.h"
#include "problem.h"
#include "random.h"
#include "real.h"
#include "shape.h"
#include "status.h"
#include "tape.h"
#include "threads.h"
#include "value.h"

#endif
