/* nn.h: neural networks. */
#ifndef RG_NN_NN_H
#define RG_NN_NN_H

#include "activation.h"
#include "augment.h"
#include "batches.h"
#include "clip.h"
#include "csv.h"
#include "dataset.h"
#include "history.h"
#include "idx.h"
#include "init.h"
#include "layer.h"
#include "lbfgs.h"
#include "lr_finder.h"
#include "metrics.h"
#include "mlp.h"
#include "normalize.h"
#include "npy.h"
#include "onnx.h"
#include "optim.h"
#include "params.h"
#include "plot.h"
#include "safetensors.h"
#include "save.h"
#include "schedule.h"
#include "train.h"

#endif
