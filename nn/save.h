/*
 * save.h: parameters, networks and optimizers in files, as safetensors (safetensors.h).
 *
 *     rg_mlp_save(mlp, optimizer, NULL, 0, "digits.safetensors", &error);
 *     ..
 *     rg_mlp_load("digits.safetensors", NULL, &mlp, &optimizer, &error);
 *
 * A training that is saved, loaded and continued gives bitwise the parameters of one in one piece:
 * what rg_train needs beyond the network and the optimizer are two numbers of its result,
 * next_epoch and next_step, which can be saved as metadata.
 *
 * Each parameter, buffers included, is a tensor by its name. An optimizer adds its kind to the
 * metadata, as "optimizer", and tensors "optimizer.rate" and the like for its other numbers,
 * "optimizer.steps", and for a parameter NAME "optimizer.NAME.steps", ".rate_factor", ".decay" and
 * the arrays of its kind, such as ".m". Not saved are gradients, which parameters are frozen,
 * functions that an optimizer was given, and the generator of dropout, which rg_train begins anew
 * in each step.
 *
 * Files are written atomically, as rg_safetensors_write does. They are checked as a whole before
 * anything is changed. Functions that change or create belong to one thread at a time.
 */
#ifndef RG_NN_SAVE_H
#define RG_NN_SAVE_H

#include "lbfgs.h"
#include "mlp.h"
#include "optim.h"
#include "safetensors.h"

RG_BEGIN_DECLS

/* ---- parameters ---- */

/* Writes all parameters, the state of `optimizer` unless it is NULL, and `metadata_count` lines of
 * metadata of your own. RG_ERROR_ARGUMENT if the optimizer is not one of exactly these parameters;
 * other errors as rg_safetensors_write, to which a name that is not UTF-8 is one. */
RG_API rg_status rg_params_save(const rg_params *params, const rg_optimizer *optimizer,
                                const rg_metadata *metadata, int64_t metadata_count,
                                const char *path, rg_error *error);

/* Reads the elements of all parameters from a file. If `optimizer` is not NULL, *optimizer becomes
 * a new optimizer of them in the state that was saved, or NULL if the file has none. The file must
 * have exactly the parameters' names, each with its type and shape: RG_ERROR_ARGUMENT,
 * RG_ERROR_TYPE or RG_ERROR_SHAPE name the first that differs (what begins with "optimizer." does
 * not matter if no optimizer is asked for). RG_ERROR_FORMAT if the optimizer's kind or numbers are
 * none; other errors as rg_safetensors_read. After an error no parameter has changed and *optimizer
 * is NULL. */
RG_API rg_status rg_params_load(rg_params *params, rg_optimizer **optimizer, const char *path,
                                rg_error *error);

/* ---- networks ---- */

/* The same for the parameters of a network, with what else it is made of in the metadata:
 * "mlp.hidden" and "mlp.output", the names of its activations, "mlp.norm" ("none", "layer" or
 * "batch") and "mlp.dropout". Its widths, type and bias are in the parameters' shapes and names. */
RG_API rg_status rg_mlp_save(const rg_mlp *mlp, const rg_optimizer *optimizer,
                             const rg_metadata *metadata, int64_t metadata_count, const char *path,
                             rg_error *error);

/* Creates the network that was saved, in training mode, into *mlp, and, if `optimizer` is not NULL,
 * its optimizer into *optimizer as rg_params_load does. RG_ERROR_FORMAT if the file holds no
 * network; other errors as rg_params_load. After an error both are NULL. `allocator` NULL: the C
 * library's. */
RG_API rg_status rg_mlp_load(const char *path, const rg_allocator *allocator, rg_mlp **mlp,
                             rg_optimizer **optimizer, rg_error *error);

/* ---- L-BFGS ---- */

/* Writes all parameters and what L-BFGS knows of them, with metadata of your own: "optimizer" is
 * "lbfgs", the options and the number of remembered steps are tensors "optimizer.history" and the
 * like and "optimizer.pairs", and the parts of the steps and changes of each parameter
 * "optimizer.NAME.step0" and "optimizer.NAME.change0", 0 being the newest. `mlp`, unless it is
 * NULL, is the network whose parameters these are, so that rg_mlp_load makes it from the file.
 * RG_ERROR_ARGUMENT if the network has other parameters, or some were added after the L-BFGS; other
 * errors as rg_params_save. */
RG_API rg_status rg_lbfgs_save(const rg_lbfgs *lbfgs, const rg_mlp *mlp,
                               const rg_metadata *metadata, int64_t metadata_count,
                               const char *path, rg_error *error);

/* Reads the elements of all parameters from such a file and creates an L-BFGS of them, into *lbfgs,
 * which goes on exactly as the one that was saved. RG_ERROR_FORMAT if the file has none or its
 * numbers cannot be; other errors as rg_params_load. After an error no parameter has changed and
 * *lbfgs is NULL. */
RG_API rg_status rg_lbfgs_load(rg_params *params, rg_lbfgs **lbfgs, const char *path,
                               rg_error *error);

RG_END_DECLS

#endif
