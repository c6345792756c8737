/*
 * internal.h: what the files of nn/ share.
 */
#ifndef RG_NN_INTERNAL_H
#define RG_NN_INTERNAL_H

#include "../autograd/internal.h"
#include "dataset.h"

/* Fills `error`, which may be NULL, and has the status as its value: return RGI_FAIL(..). */
#define RGI_FAIL(error, status, ...) (rgi_set_error((error), (status), __VA_ARGS__), (status))

/* ---- dataset.c ---- */

/* Replaces *data by a copy with `count` examples: its first ones, then zeros. *data stays as it is
 * if that fails. */
rg_status rgi_dataset_resize(rg_dataset **data, int64_t count, rg_error *error);

/* A path as messages show it: they are short, so of a long one its end. */
const char *rgi_path_end(const char *path);

#endif
