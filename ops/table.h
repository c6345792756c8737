/*
 * table.h: the table of operations: every built-in one, for tests, documentation and tools.
 */
#ifndef RG_OPS_TABLE_H
#define RG_OPS_TABLE_H

#include "../autograd/op.h"

RG_BEGIN_DECLS

/* Number of built-in operations, and each of them (NULL outside 0 to count - 1). Static. */
RG_API int rg_op_count(void);
RG_API const rg_op *rg_op_at(int number);

/* The operation of that name, or NULL. */
RG_API const rg_op *rg_op_find(const char *name);

RG_END_DECLS

#endif
