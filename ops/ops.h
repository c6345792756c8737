/* ops.h: every operation, by family. */
#ifndef RG_OPS_OPS_H
#define RG_OPS_OPS_H

#include "elementwise.h"
#include "index.h"
#include "linalg.h"
#include "loss.h"
#include "reduce.h"
#include "shape_ops.h"
#include "softmax.h"
#include "table.h"

#endif
