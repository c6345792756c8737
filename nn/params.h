/*
 * params.h: parameters by name, in the order they were added.
 *
 *     rg_params *params = rg_params_create(NULL);
 *     rg_param *weight = rg_params_add(params, "layer0.weight", RG_F32, RG_SHAPE(16, 2), &error);
 *
 * Layers make their parameters in such a collection; optimizers walk it. It may be changed by one
 * thread at a time; any number may read it.
 */
#ifndef RG_NN_PARAMS_H
#define RG_NN_PARAMS_H

#include "../autograd/param.h"

RG_BEGIN_DECLS

typedef struct rg_params rg_params;

/* Bytes a parameter's name may have, with its terminating 0. */
enum { RG_NAME_SIZE = 128 };

/* An empty collection, NULL if there is no memory. `allocator` NULL: the C library's. */
RG_API rg_params *rg_params_create(const rg_allocator *allocator);

/* Frees it and its parameters. NULL is allowed. */
RG_API void rg_params_destroy(rg_params *params);

/* The allocator it was created with, for what is made to go with it; NULL: the C library's. */
RG_API const rg_allocator *rg_params_allocator(const rg_params *params);

/* Adds a parameter of zeros, which the collection owns. The name is copied. NULL, with nothing
 * changed and `error` filled, if the name is empty, too long or taken (RG_ERROR_ARGUMENT), the type
 * not float64 or float32 (RG_ERROR_TYPE), the shape not one that can be (RG_ERROR_SHAPE), or if
 * there is no memory. */
RG_API rg_param *rg_params_add(rg_params *params, const char *name, rg_type type, rg_shape shape,
                               rg_error *error);

/* Adds a buffer: numbers that go with the parameters, such as running statistics, but are never
 * trained. It is a parameter that is frozen for good: rg_params_freeze passes it by. Otherwise as
 * rg_params_add. */
RG_API rg_param *rg_params_add_buffer(rg_params *params, const char *name, rg_type type,
                                      rg_shape shape, rg_error *error);

/* Whether parameter number `i` is a buffer; 0 also outside 0 to count - 1. */
RG_API int rg_params_is_buffer(const rg_params *params, int i);

/* The parameter of that name, or NULL. */
RG_API rg_param *rg_params_find(const rg_params *params, const char *name);

/* The number of parameters; parameter number `i`, in order of addition, and its name, which lives
 * as long as the collection. NULL for a number outside 0 to count - 1. */
RG_API int rg_params_count(const rg_params *params);
RG_API rg_param *rg_params_at(const rg_params *params, int i);
RG_API const char *rg_params_name(const rg_params *params, int i);

/* The number of elements in all parameters together, buffers included. */
RG_API int64_t rg_params_size(const rg_params *params);

/* Makes every gradient zero. */
RG_API void rg_params_zero_grad(rg_params *params);

/* Freezes (1) or trains again (0) the parameters whose name matches the pattern, in which * stands
 * for any text, also none, and ? for any one byte: "layer1.*", "*.bias". Returns how many match. */
RG_API int rg_params_freeze(rg_params *params, const char *pattern, int frozen);

/* Moves all elements into one block and all gradients into another, in order of addition, float64
 * before float32, each parameter aligned to 64 bytes. rg_param_data and rg_param_grad change once,
 * so no tape may hold values of the parameters. Parameters added later lie outside until the next
 * call, which moves all again; a call with nothing to move changes nothing. RG_ERROR_MEMORY, with
 * nothing moved: there is no memory. */
RG_API rg_status rg_params_make_contiguous(rg_params *params, rg_error *error);

/* The gradients of one element type in their block, up to date, with zeros between parameters, and
 * in *count how many numbers these are. NULL and 0 if none of that type was made contiguous. */
RG_API void *rg_params_gradients(rg_params *params, rg_type type, int64_t *count);

RG_END_DECLS

#endif
