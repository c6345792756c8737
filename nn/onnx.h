/*
 * onnx.h: networks for other programs, in the format ONNX (Open Neural Network Exchange).
 */
#ifndef RG_NN_ONNX_H
#define RG_NN_ONNX_H

#include "mlp.h"

RG_BEGIN_DECLS

/* Writes the network as it is in evaluation mode: a model of operator set 13 with the input "input"
 * [batch, first width] and the output "output" [batch, last width], where the size of the batch is
 * left open, both of the network's type. Linear layers are Gemm; batch normalisation with its
 * running values is BatchNormalization; layer normalisation, GELU and SiLU are put together from
 * simpler operators. Parameters keep their names. Written atomically, as rg_safetensors_write does.
 * RG_ERROR_LIMIT if the model exceeds 2^31 - 1 bytes, which the format cannot hold; RG_ERROR_IO if
 * the system refuses; RG_ERROR_MEMORY. Changes nothing; safe while other threads only read the
 * network. */
RG_API rg_status rg_mlp_write_onnx(const rg_mlp *mlp, const char *path, rg_error *error);

RG_END_DECLS

#endif
