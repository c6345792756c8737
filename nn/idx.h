/*
 * idx.h: reads a dataset from files in the IDX format, as MNIST and its successors come in
 * (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits").
 *
 *     rg_idx_read("train-images-idx3-ubyte", "train-labels-idx1-ubyte", NULL, &data, &error);
 *
 * An IDX file is two zero bytes, a type code, the number of dimensions, their sizes as 32-bit
 * big-endian integers, and the elements, row-major. The first dimension counts the examples; the
 * others multiply to the features. Elements must be unsigned bytes (type code 0x08).
 *
 * A path that ends in .gz, or that does not exist but does with .gz appended, is read through zlib.
 *
 * An error names the file and the byte, from 0: "train-images-idx3-ubyte, byte 4: expected a size
 * of at least 1, found 0". In a compressed file bytes count as decompressed. Of a path beyond 100
 * characters the message shows the end.
 */
#ifndef RG_NN_IDX_H
#define RG_NN_IDX_H

#include "dataset.h"

RG_BEGIN_DECLS

/* Zero fields are the defaults. */
typedef struct rg_idx_options {
    rg_type type;  /* of the inputs */
    double scale;  /* the bytes are multiplied by it; 0: 1/255, so that they fall in [0, 1] */
    int64_t limit; /* keep only so many examples, the first ones; 0: all */
    const rg_allocator *allocator; /* NULL: the C library's */
} rg_idx_options;

/* Reads images, and their classes from labels_path unless it is NULL, into *out, or sets it to
 * NULL. class_count is the largest label of the file + 1, also when `limit` leaves labels out. With
 * `limit` the images after it are not looked at. `options` NULL: the defaults. Without global
 * state; safe in every thread. RG_ERROR_ARGUMENT or RG_ERROR_TYPE for options that are not allowed,
 * RG_ERROR_IO if a file cannot be opened or read, or is compressed and this build has no zlib,
 * RG_ERROR_FORMAT if one is malformed, truncated or too long, or if there are not as many labels as
 * images, RG_ERROR_LIMIT if the sizes exceed the address space, RG_ERROR_MEMORY. */
RG_API rg_status rg_idx_read(const char *images_path, const char *labels_path,
                             const rg_idx_options *options, rg_dataset **out, rg_error *error);

RG_END_DECLS

#endif
