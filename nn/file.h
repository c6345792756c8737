/*
 * file.h: files read strictly and replaced atomically (private). All that the formats of nn/ ask of
 * the system about files is in file.c.
 */
#ifndef RG_NN_FILE_H
#define RG_NN_FILE_H

#include <stdio.h>

#include "internal.h"

/* ---- reading ---- */

/* A file being read, from its start. */
typedef struct rgi_file {
    FILE *stream;
    const char *name; /* for messages */
    int64_t size;     /* of the whole file, in bytes */
} rgi_file;

/* Opens a regular file. The string must stay until it is closed. RG_ERROR_IO. */
rg_status rgi_file_open(rgi_file *file, const char *path, rg_error *error);

/* Reads exactly `size` bytes, which must be there. RG_ERROR_IO. */
rg_status rgi_file_read(rgi_file *file, void *out, size_t size, rg_error *error);

void rgi_file_close(rgi_file *file);

/* ---- writing ---- */

/* A stretch of a file: numbers of `width` bytes each, in this machine's byte order; a file has them
 * little-endian. Width 1: bytes. */
typedef struct rgi_part {
    const void *data;
    size_t size; /* in bytes */
    size_t width;
} rgi_part;

/* Makes the parts, one after the other, the contents of the file at `path`. They are written to a
 * new file in the same folder, flushed to the disk and renamed: whatever happens, `path` names
 * either what it named before or a complete new file. RG_ERROR_IO or RG_ERROR_MEMORY: it names what
 * it named before, and the new file is gone. */
rg_status rgi_file_replace(const char *path, const rgi_part *parts, int64_t count,
                           const rg_allocator *allocator, rg_error *error);

/* ---- byte order ---- */

bool rgi_is_little_endian(void);

/* Reverses the bytes of each of `count` numbers of `width` bytes, at most 8. */
void rgi_swap_bytes(void *numbers, size_t count, size_t width);

#endif
