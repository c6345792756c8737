/* reelgrad.h: reverse-mode automatic differentiation; includes everything. */
#ifndef RG_REELGRAD_H
#define RG_REELGRAD_H

#include "autograd/autograd.h"
#include "autograd/version.h"
#include "ops/ops.h"
#include "nn/nn.h"

#endif
