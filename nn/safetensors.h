/*
 * safetensors.h: tensors by name in a file, in the safetensors format.
 *
 *     const rg_stored weight = {.name = "weight", .type = RG_F32, .shape = RG_SHAPE(2, 3),
 *                               .data = numbers};
 *     rg_safetensors_write("model.safetensors", &weight, 1, NULL, 0, NULL, &error);
 *
 *     rg_safetensors *file;
 *     if (rg_safetensors_read("model.safetensors", NULL, &file, &error) == RG_OK) {
 *         const rg_stored *found = rg_safetensors_find(file, "weight");
 *         ..
 *         rg_safetensors_destroy(file);
 *     }
 *
 * Such a file is the length of its header, 8 bytes little-endian; the header, a JSON object
 *     {"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..,
 *      "__metadata__": {"key": "text", ..}}
 * and the data, row-major and little-endian, where the offsets count from their start.
 *
 * All functions are without global state and safe in every thread; any number of threads may look
 * at one file that was read.
 */
#ifndef RG_NN_SAFETENSORS_H
#define RG_NN_SAFETENSORS_H

#include "../autograd/allocator.h"
#include "../autograd/shape.h"
#include "../autograd/status.h"

RG_BEGIN_DECLS

/* A tensor to be written, or found in a file. */
typedef struct rg_stored {
    const char *name; /* UTF-8 */
    rg_type type;
    rg_shape shape;
    const void *data;  /* dense row-major; aligned for the type in what was read */
    const char *dtype; /* what the file calls its type: "F32". Not looked at in writing */
} rg_stored;

/* A line of the metadata; both are UTF-8. */
typedef struct rg_metadata {
    const char *key, *value;
} rg_metadata;

/* ---- writing ---- */

/* Writes a file, atomically: a new file in the same folder, PATH.PROCESS.NUMBER.tmp, is flushed to
 * the disk and then takes the name. Whatever happens, `path` names what it named before or the
 * whole new file, and after an error nothing else is left; only a process that is killed may leave
 * the new file behind. It has the permissions of any new file; a symbolic link is replaced, not
 * followed. Tensors of 8-byte types come first, so that all data are aligned. RG_ERROR_ARGUMENT if
 * a count is negative, a name or a key NULL, taken, "__metadata__" or not UTF-8, a value NULL or
 * not UTF-8, or data are missing; RG_ERROR_TYPE or RG_ERROR_SHAPE if a type or shape is none;
 * RG_ERROR_LIMIT if the header exceeds RG_SAFETENSORS_MAX_HEADER or all data 2^63 bytes;
 * RG_ERROR_IO if the system refuses; RG_ERROR_MEMORY. `allocator` NULL: the C library's. */
RG_API rg_status rg_safetensors_write(const char *path, const rg_stored *tensors, int64_t count,
                                      const rg_metadata *metadata, int64_t metadata_count,
                                      const rg_allocator *allocator, rg_error *error);

/* ---- reading ---- */

typedef struct rg_safetensors rg_safetensors;

enum { RG_SAFETENSORS_MAX_HEADER = 100000000 }; /* bytes, as other readers have it */

/* Reads a whole file into *out, or sets it to NULL. The reader is strict, because a file that is
 * silently misread is a wrong model. RG_ERROR_FORMAT, with a sentence that says where and what, if
 * the file is shorter than its header says, the header is not JSON of the form above, in UTF-8 and
 * without other members, a name occurs twice or holds the character 0, a dtype is not one of the
 * format, offsets do not fit the type and shape, or the data of all tensors do not fill the rest of
 * the file without overlap and gap. RG_ERROR_LIMIT if the header exceeds RG_SAFETENSORS_MAX_HEADER
 * or a rank RG_MAX_RANK; RG_ERROR_IO if the file cannot be read; RG_ERROR_MEMORY. Memory is only
 * taken for what the file really has. `allocator` NULL: the C library's. */
RG_API rg_status rg_safetensors_read(const char *path, const rg_allocator *allocator,
                                     rg_safetensors **out, rg_error *error);

/* NULL is allowed. */
RG_API void rg_safetensors_destroy(rg_safetensors *file);

/* The number of tensors; tensor number `i`, in the order of their data, NULL outside 0 to count -
 * 1; the tensor of that name, or NULL. They live as long as `file`. The data of a dtype other than
 * F64, F32 and I64 are skipped: `data` is then NULL and `type` says nothing. */
RG_API int64_t rg_safetensors_count(const rg_safetensors *file);
RG_API const rg_stored *rg_safetensors_at(const rg_safetensors *file, int64_t i);
RG_API const rg_stored *rg_safetensors_find(const rg_safetensors *file, const char *name);

/* The value of a key in the metadata, or NULL. */
RG_API const char *rg_safetensors_metadata(const rg_safetensors *file, const char *key);

RG_END_DECLS

#endif
