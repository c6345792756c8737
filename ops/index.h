/*
 * index.h: elements picked by integer tensors.
 *
 * Indices are int64 values (rg_indices); negative ones count from the end. RG_ERROR_INDEX, naming
 * the index, if one is out of range. Repeated indices add up in the gradient.
 */
#ifndef RG_OPS_INDEX_H
#define RG_OPS_INDEX_H

#include "../autograd/value.h"

RG_BEGIN_DECLS

/* y[i][j] = x[index[i][j]][j] for axis 0, and so on: as many axes as x, and along the other axes no
 * larger than x. The result has the index's shape. */
RG_API rg_value rg_gather(rg_value x, int axis, rg_value index);

/* x with source[i][j] added at [index[i][j]][j] for axis 0, and so on; source has the index's
 * shape, which fits x as for rg_gather. Gradients: g to x; g at the indices to the source. */
RG_API rg_value rg_scatter_add(rg_value x, int axis, rg_value index, rg_value source);

/* Slices of x along one axis, in the order of a rank-1 index: rows of a table, say. */
RG_API rg_value rg_index_select(rg_value x, int axis, rg_value index);

RG_END_DECLS

#endif
