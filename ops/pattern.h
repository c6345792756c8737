/*
 * pattern.h: which entries of a Jacobian or Hessian may be other than 0, and groups of its columns
 * (or rows) that one product with a vector tells apart (private). (A. Gebremedhin, F. Manne and
 * A. Pothen, "What color is your Jacobian? Graph coloring for computing derivatives", SIAM Review
 * 47, 2005)
 */
#ifndef RG_OPS_PATTERN_H
#define RG_OPS_PATTERN_H

#include "graph.h"

typedef struct rgi_sparse {
    rg_pattern pattern; /* its lists are what follows */
    size_t *start, *column;
    uint32_t *group; /* of each column; of each row, if by_rows */
    size_t group_count;
    /* For each entry: which direction's product holds it, and at which place in the product. */
    uint32_t *direction, *place;
    bool by_rows;
    const rg_allocator *allocator;
} rgi_sparse;

/* The pattern of the derivatives of f's outputs [first, first + rows) to its inputs [0, columns).
 */
rg_status rgi_sparse_find(rgi_sparse *sparse, const rgi_part *f, uint32_t first, uint32_t rows,
                          uint32_t columns, rg_error *error);
/* Adds the transpose to a square pattern. */
rg_status rgi_sparse_symmetrize(rgi_sparse *sparse, rg_error *error);
/* Groups of columns, no two of which share a row; or of rows, if these are fewer. */
rg_status rgi_sparse_group(rgi_sparse *sparse, rg_error *error);
/* Groups of columns of a symmetric matrix, of which each entry can be told in its column or its
 * row.
 */
rg_status rgi_sparse_group_symmetric(rgi_sparse *sparse, rg_error *error);
void rgi_sparse_free(rgi_sparse *sparse);

#endif
