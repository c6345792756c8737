/* ops.h: every operation, by family. */
#ifndef RG_OPS_OPS_H
#define RG_OPS_OPS_H

#include "arrange.h"
#include "conv.h"
#include "elementwise.h"
#include "emit.h"
#include "factor.h"
#include "index.h"
#include "layer_ops.h"
#include "linalg.h"
#include "loss.h"
#include "moments.h"
#include "norm.h"
#include "pool.h"
#include "program.h"
#include "reduce.h"
#include "shape_ops.h"
#include "softmax.h"
#include "table.h"

#include "lines.h" /* last: it makes macros of the functions */

#endif
