#define _POSIX_C_SOURCE 200809L

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

rg_status rgi_file_open(rgi_file *file, const char *path, rg_error *error)
{
    struct stat about;
    file->name = rgi_path_end(path);
    file->stream = fopen(path, "rb");
    if (!file->stream || fstat(fileno(file->stream), &about) != 0) {
        int reason = errno;
        rgi_file_close(file);
        return RGI_FAIL(error, RG_ERROR_IO, "%s: cannot be opened: %s", file->name,
                        strerror(reason));
    }
    if (!S_ISREG(about.st_mode)) {
        rgi_file_close(file);
        return RGI_FAIL(error, RG_ERROR_IO, "%s: is not a regular file", file->name);
    }
    file->size = about.st_size;
    return RG_OK;
}

rg_status rgi_file_read(rgi_file *file, void *out, size_t size, rg_error *error)
{
    if (fread(out, 1, size, file->stream) == size)
        return RG_OK;
    return RGI_FAIL(error, RG_ERROR_IO, "%s: cannot be read, or became shorter meanwhile",
                    file->name);
}

void rgi_file_close(rgi_file *file)
{
    if (file->stream)
        fclose(file->stream);
    file->stream = NULL;
}

/* ---- writing ---- */

static bool write_part(FILE *stream, const rgi_part *part)
{
    if (part->size == 0)
        return true;
    if (part->width == 1 || rgi_is_little_endian())
        return fwrite(part->data, 1, part->size, stream) == part->size;
    for (size_t i = 0; i < part->size; i += part->width) {
        unsigned char number[8];
        memcpy(number, (const char *)part->data + i, part->width);
        rgi_swap_bytes(number, 1, part->width);
        if (fwrite(number, 1, part->width, stream) != part->width)
            return false;
    }
    return true;
}

/* Writes the parts until they are on the disk and closes the file; false, with errno set, if that
 * fails. */
static bool fill(int descriptor, const rgi_part *parts, int64_t count)
{
    FILE *stream = fdopen(descriptor, "wb");
    if (!stream) {
        int reason = errno;
        close(descriptor);
        errno = reason;
        return false;
    }
    bool ok = true;
    for (int64_t i = 0; ok && i < count; i++)
        ok = write_part(stream, &parts[i]);
    ok = ok && fflush(stream) == 0 && fsync(descriptor) == 0;
    int reason = errno;
    if (fclose(stream) != 0 && ok)
        return false;
    errno = reason;
    return ok;
}

/* Creates a file beside `path` under a name not taken, which it writes into `temporary`; -1, with
 * errno set, if that fails. */
static int create_beside(const char *path, char *temporary, size_t size)
{
    enum { TRIES = 1000 };
    int descriptor = -1;
    for (int i = 0; i < TRIES; i++) {
        snprintf(temporary, size, "%s.%ld.%d.tmp", path, (long)getpid(), i);
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST)
            break;
    }
    return descriptor;
}

/* Makes the renaming in the folder of `path` last. The new file is in place already, so a system
 * that refuses only leaves open whether it survives a loss of power; that is no error. `folder` has
 * room for the path. */
static void flush_folder(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 1;
    memcpy(folder, slash ? path : ".", length);
    folder[length] = 0;
    int descriptor = open(folder, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    fsync(descriptor);
    close(descriptor);
}

rg_status rgi_file_replace(const char *path, const rgi_part *parts, int64_t count,
                           const rg_allocator *allocator, rg_error *error)
{
    enum { SUFFIX_SIZE = 40 };
    size_t size = strlen(path) + SUFFIX_SIZE;
    char *temporary = rgi_alloc(allocator, size);
    if (!temporary)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "%s: there is no memory to write it",
                        rgi_path_end(path));
    int descriptor = create_beside(path, temporary, size);
    bool ok = descriptor >= 0 && fill(descriptor, parts, count) && rename(temporary, path) == 0;
    int reason = errno;
    if (ok)
        flush_folder(path, temporary);
    else if (descriptor >= 0)
        remove(temporary);
    rgi_free(allocator, temporary, size);
    if (ok)
        return RG_OK;
    return RGI_FAIL(error, RG_ERROR_IO, "%s: cannot be written: %s", rgi_path_end(path),
                    strerror(reason));
}

/* ---- byte order ---- */

bool rgi_is_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

void rgi_swap_bytes(void *numbers, size_t count, size_t width)
{
    unsigned char *at = numbers;
    for (size_t i = 0; i < count; i++, at += width)
        for (size_t k = 0; k < width / 2; k++) {
            unsigned char kept = at[k];
            at[k] = at[width - 1 - k];
            at[width - 1 - k] = kept;
        }
}
