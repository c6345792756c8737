/* files.h: files in a folder of the test's own, for the suites that read and write them. */
#ifndef RG_TESTS_NN_FILES_H
#define RG_TESTS_NN_FILES_H

#include <dirent.h>
#include <stdio.h>

#include "../check.h"
#include "../failing.h"

enum { PATH_SIZE = 288, CONTENTS_SIZE = 1 << 16 };

static char folder[] = "/tmp/rg_test_XXXXXX";

/* The path of a file in the folder; good until the next but three is asked for. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][PATH_SIZE];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    return path;
}

/* Removes the files and returns how many there were. */
static inline int empty_folder(void)
{
    int count = 0;
    DIR *list = opendir(folder);
    cr_assert(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));)
        if (entry->d_name[0] != '.')
            count += remove(in_folder(entry->d_name)) == 0;
    closedir(list);
    return count;
}

static inline void make_folder(void)
{
    cr_assert(mkdtemp(folder) != NULL);
}

static inline void remove_folder(void)
{
    empty_folder();
    remove(folder);
    check_leaks();
}

#define SUITE_WITH_FILES(name) TestSuite(name, .init = make_folder, .fini = remove_folder)

static inline void write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL);
    cr_assert(fwrite(bytes, 1, size, file) == size);
    fclose(file);
}

static inline void change_byte(const char *path, size_t place, unsigned char byte)
{
    FILE *file = fopen(path, "r+b");
    cr_assert(file != NULL);
    cr_assert(fseek(file, (long)place, SEEK_SET) == 0 && fputc(byte, file) == byte);
    fclose(file);
}

/* The bytes of a file, in memory that the next call overwrites. */
static inline unsigned char *read_bytes(const char *path, size_t *size)
{
    static unsigned char bytes[CONTENTS_SIZE];
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL, "there is no %s", path);
    *size = fread(bytes, 1, sizeof bytes, file);
    cr_assert(*size < sizeof bytes);
    fclose(file);
    return bytes;
}

/* The error has this status and, as its message, the path followed by `text`. */
static inline void check_message(const rg_error *error, rg_status status, const char *path,
                                 const char *text)
{
    char message[RG_MESSAGE_SIZE];
    snprintf(message, sizeof message, "%s%s", path, text);
    CHECK_STATUS(error->status, status);
    cr_assert_str_eq(error->message, message);
}

#endif
