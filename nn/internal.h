/*
 * internal.h: what the files of nn/ share (private).
 */
#ifndef RG_NN_INTERNAL_H
#define RG_NN_INTERNAL_H

#include "../autograd/internal.h"
#include "dataset.h"
#include "params.h"

/* Fills `error`, which may be NULL, and has the status as its value: return RGI_FAIL(..). */
#define RGI_FAIL(error, status, ...) (rgi_set_error((error), (status), __VA_ARGS__), (status))

/* ---- dataset.c ---- */

/* A dataset of zeros like `data` with another number of examples. */
rg_status rgi_dataset_create_like(const rg_dataset *data, int64_t count, rg_dataset **out,
                                  rg_error *error);

/* Copies examples to a dataset of the same type and widths. */
void rgi_copy_examples(rg_dataset *to, int64_t at, const rg_dataset *from, int64_t first,
                       int64_t count);

/* Replaces *data by a copy with `count` examples: its first ones, then zeros. *data stays as it is
 * if that fails. */
rg_status rgi_dataset_resize(rg_dataset **data, int64_t count, rg_error *error);

/* A path as messages show it: they are short, so of a long one its end. */
const char *rgi_path_end(const char *path);

/* ---- params.c ---- */

/* Whether a name matches a pattern of rg_params_freeze. */
bool rgi_matches(const char *pattern, const char *name);

/* Bytes of an array like a parameter's, rounded up: the next begins as aligned as it does. */
size_t rgi_array_bytes(const rg_param *param);

#endif
