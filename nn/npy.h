/*
 * npy.h: arrays in files of NumPy's format .npy, both ways.
 *
 *     rg_npy_write("x.npy", RG_F64, RG_SHAPE(2, 3), numbers, NULL, &error);
 *
 *     rg_array *array;
 *     if (rg_npy_read("y.npy", NULL, &array, &error) == RG_OK) {
 *         ..
 *         rg_array_destroy(array);
 *     }
 *
 * Such a file is "\x93NUMPY", the version, the length of the header, the header, which is the text
 * of a Python dictionary ("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"), and the
 * elements. All functions are without global state and safe in every thread.
 */
#ifndef RG_NN_NPY_H
#define RG_NN_NPY_H

#include "dataset.h"
#include "../autograd/param.h"

RG_BEGIN_DECLS

/* Elements of any type and shape. */
typedef struct rg_array {
    rg_type type;
    rg_shape shape;
    void *data; /* dense row-major; yours to read and change */
    rg_allocator allocator;
} rg_array;

/* Frees it with its elements. NULL is allowed. */
RG_API void rg_array_destroy(rg_array *array);

/* Writes dense row-major elements as a file of version 1.0, little-endian, with the elements at a
 * multiple of 64 bytes. Atomic as rg_safetensors_write is. RG_ERROR_TYPE or RG_ERROR_SHAPE if type
 * or shape is none, RG_ERROR_ARGUMENT if `data` is NULL but the shape has elements, RG_ERROR_IO if
 * the system refuses, RG_ERROR_MEMORY. `allocator` NULL: the C library's. */
RG_API rg_status rg_npy_write(const char *path, rg_type type, rg_shape shape, const void *data,
                              const rg_allocator *allocator, rg_error *error);

/* Reads a file of version 1.0, 2.0 or 3.0 into *out, or sets it to NULL. Elements of 'f8' and 'f4'
 * keep their type; 'i8', 'i4' and 'u1' become int64; in either byte order. In column-major files
 * (fortran_order True) they are put into row-major order. Strict: RG_ERROR_FORMAT, with a sentence
 * that says where and what, if the header is not as NumPy writes it, has other members, another
 * descr or an impossible shape, or if the elements do not exactly fill the rest of the file;
 * RG_ERROR_LIMIT for more than RG_MAX_RANK dimensions; RG_ERROR_IO if it cannot be read;
 * RG_ERROR_MEMORY. Memory is only taken for what the file really has. */
RG_API rg_status rg_npy_read(const char *path, const rg_allocator *allocator, rg_array **out,
                             rg_error *error);

/* Reads the elements of a parameter. The file must hold floating numbers of exactly its shape, or
 * it is RG_ERROR_TYPE or RG_ERROR_SHAPE; they are rounded to its type. Other errors as rg_npy_read.
 * The parameter only changes if the result is RG_OK. */
RG_API rg_status rg_npy_read_param(const char *path, rg_param *param, const rg_allocator *allocator,
                                   rg_error *error);

/* Reads a dataset of that type, float64 or float32, into *out, or sets it to NULL. The first
 * dimension of each file counts the examples; the others multiply to the features, or to the width
 * of targets. Answers that are integers must be classes, one an example, from 0 on, and class_count
 * is the largest + 1; floating ones are targets. answers_path NULL: none. Numbers are converted to
 * the type. RG_ERROR_FORMAT also if the files do not fit this; RG_ERROR_TYPE for another type; else
 * as rg_npy_read. */
RG_API rg_status rg_npy_read_dataset(const char *inputs_path, const char *answers_path,
                                     rg_type type, const rg_allocator *allocator, rg_dataset **out,
                                     rg_error *error);

RG_END_DECLS

#endif
