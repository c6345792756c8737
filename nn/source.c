#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#if RGI_HAVE_ZLIB
#include <zlib.h>
#endif

static ptrdiff_t plain_read(void *file, void *out, size_t size)
{
    size_t got = fread(out, 1, size, file);
    return ferror((FILE *)file) ? -1 : (ptrdiff_t)got;
}

static void plain_close(void *file)
{
    fclose(file);
}

/* Opens without compression; false, with errno set, if that fails. */
static bool open_plain(rgi_source *source, const char *path)
{
    source->file = fopen(path, "rb");
    source->read = plain_read;
    source->close = plain_close;
    return source->file;
}

#if RGI_HAVE_ZLIB

static ptrdiff_t gzip_read(void *file, void *out, size_t size)
{
    /* gzread counts with int, and tells a truncated file only through gzerror. */
    enum { AT_ONCE = 1 << 30 };
    size_t got = 0;
    while (got < size) {
        size_t rest = size - got;
        int count = gzread(file, (char *)out + got, rest < AT_ONCE ? (unsigned)rest : AT_ONCE);
        if (count <= 0)
            break;
        got += (size_t)count;
    }
    int code = Z_OK;
    gzerror(file, &code);
    return code == Z_OK || code == Z_STREAM_END ? (ptrdiff_t)got : -1;
}

static void gzip_close(void *file)
{
    gzclose(file);
}

static rg_status open_gzip(rgi_source *source, const char *path, rg_error *error)
{
    errno = 0;
    source->file = gzopen(path, "rb");
    source->read = gzip_read;
    source->close = gzip_close;
    if (source->file)
        return RG_OK;
    if (errno == 0 || errno == ENOMEM)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "%s: no memory to decompress it",
                        rgi_path_end(path));
    return RGI_FAIL(error, RG_ERROR_IO, "%s: cannot be opened: %s", rgi_path_end(path),
                    strerror(errno));
}

#else

static rg_status open_gzip(rgi_source *source, const char *path, rg_error *error)
{
    (void)source;
    return RGI_FAIL(error, RG_ERROR_IO, "%s: cannot be decompressed: this build has no zlib",
                    rgi_path_end(path));
}

#endif

static bool file_exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file)
        fclose(file);
    return file;
}

/* Opens path.gz; with `found` false if there is none. */
static rg_status open_with_suffix(rgi_source *source, const rg_allocator *allocator,
                                  const char *path, bool *found, rg_error *error)
{
    size_t length = strlen(path), size = length + sizeof ".gz";
    char *longer = rgi_alloc(allocator, size);
    if (!longer)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "%s: no memory to open it", rgi_path_end(path));
    memcpy(longer, path, length);
    memcpy(longer + length, ".gz", sizeof ".gz");
    *found = file_exists(longer);
    rg_status status = *found ? open_gzip(source, longer, error) : RG_OK;
    rgi_free(allocator, longer, size);
    return status;
}

rg_status rgi_source_open(rgi_source *source, const rg_allocator *allocator, const char *path,
                          rg_error *error)
{
    size_t length = strlen(path);
    source->name = rgi_path_end(path);
    source->file = NULL;
    if (length >= 3 && strcmp(path + length - 3, ".gz") == 0)
        return open_gzip(source, path, error);
    if (open_plain(source, path))
        return RG_OK;
    int reason = errno;
    bool found = false;
    if (reason == ENOENT) {
        rg_status status = open_with_suffix(source, allocator, path, &found, error);
        if (found || status != RG_OK)
            return status;
    }
    return RGI_FAIL(error, RG_ERROR_IO, "%s: cannot be opened: %s", source->name, strerror(reason));
}

void rgi_source_close(rgi_source *source)
{
    if (source->file)
        source->close(source->file);
    source->file = NULL;
}
