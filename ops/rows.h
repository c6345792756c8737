/*
 * rows.h: walking several tensors together, row by row, over one broadcast shape.
 *
 * A row is a run of elements in which every stream moves by a constant step. Axes over which all
 * streams run on are joined, so tensors of one dense shape make a single row.
 */
#ifndef RG_OPS_ROWS_H
#define RG_OPS_ROWS_H

#include "../autograd/internal.h"

enum { RGI_STREAMS = 6 };

typedef struct rgi_rows {
    int streams, rank;
    int64_t dim[RG_MAX_RANK];
    int64_t stride[RGI_STREAMS][RG_MAX_RANK];
    int64_t index[RG_MAX_RANK];
    int64_t offset[RGI_STREAMS]; /* of the row's first element, in elements */
    int64_t step[RGI_STREAMS];   /* within the row */
    int64_t length;
} rgi_rows;

/* Starts a walk over `shape`; streams are added before the first row is asked for. */
void rgi_rows_begin(rgi_rows *rows, const rg_shape *shape);
/* Adds the data of a tensor that broadcasts to the shape, or its dense gradient. */
void rgi_rows_add_data(rgi_rows *rows, const rg_tensor *tensor);
void rgi_rows_add_grad(rgi_rows *rows, const rg_tensor *tensor);
/* Goes to the first row; false if there are no elements. */
bool rgi_rows_first(rgi_rows *rows);
bool rgi_rows_next(rgi_rows *rows);
/* After the first row was asked for: goes to the row of a certain element, counted through all
 * rows, and returns the element's place in it. */
int64_t rgi_rows_seek(rgi_rows *rows, int64_t element);

#endif
