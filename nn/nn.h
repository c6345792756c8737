/* nn.h: neural networks. */
#ifndef RG_NN_NN_H
#define RG_NN_NN_H

#include "activation.h"
#include "augment.h"
#include "batches.h"
#include "csv.h"
#include "dataset.h"
#include "history.h"
#include "idx.h"
#include "init.h"
#include "layer.h"
#include "lr_finder.h"
#include "metrics.h"
#include "mlp.h"
#include "normalize.h"
#include "optim.h"
#include "params.h"
#include "plot.h"
#include "train.h"

#endif
