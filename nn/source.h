/*
 * source.h: the bytes of a file, plain or compressed with gzip (private).
 */
#ifndef RG_NN_SOURCE_H
#define RG_NN_SOURCE_H

#include "internal.h"

typedef struct rgi_source {
    const char *name; /* for messages */
    void *file;
    /* Reads up to `size` bytes; fewer only at the end of the file. -1: the file cannot be read. */
    ptrdiff_t (*read)(void *file, void *out, size_t size);
    void (*close)(void *file);
} rgi_source;

/* Opens `path`, through zlib if it ends in .gz, or path.gz if there is no `path`. The string must
 * stay until the source is closed. RG_ERROR_IO, RG_ERROR_MEMORY. */
rg_status rgi_source_open(rgi_source *source, const rg_allocator *allocator, const char *path,
                          rg_error *error);
void rgi_source_close(rgi_source *source);

#endif
