/*
 * images.h: what the examples that classify images share.
 */
#ifndef EXAMPLES_IMAGES_H
#define EXAMPLES_IMAGES_H

#include <reelgrad.h>

#include "options.h"

/* Whether a file can be opened; FOLDER/. can if FOLDER is one. */
static inline int can_open(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file)
        fclose(file);
    return file != NULL;
}

/* The data to train on and those held out. */
typedef struct parts {
    rg_dataset *train, *test;
} parts;

static inline void destroy_parts(parts *data)
{
    rg_dataset_destroy(data->train);
    rg_dataset_destroy(data->test);
}

enum { PATH_SIZE = 4096 };

/* Writes the path of one of MNIST's files, such as "train-images-idx3-ubyte", which may be there
 * with .gz appended; some copies have a dot before "idx3". */
static inline void find_file(char path[PATH_SIZE], const char *folder, const char *part,
                             const char *what, int rank)
{
    static const char *const ends[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, PATH_SIZE, "%s/%s-%s.idx%d-ubyte%s", folder, part, what, rank, ends[i]);
        if (can_open(path))
            return;
    }
    snprintf(path, PATH_SIZE, "%s/%s-%s-idx%d-ubyte", folder, part, what, rank);
}

/* Reads the four files of a folder with the layout of MNIST; a `limit` other than 0 keeps only so
 * many images of each part. */
static inline rg_status read_folder(const char *folder, int64_t limit, parts *data, rg_error *error)
{
    static const char *const name[] = {"train", "t10k"};
    rg_dataset **const part[] = {&data->train, &data->test};
    const rg_idx_options options = {.type = RG_F32, .limit = limit};
    rg_status status = RG_OK;
    for (int i = 0; i < 2 && status == RG_OK; i++) {
        char images[PATH_SIZE], labels[PATH_SIZE];
        find_file(images, folder, name[i], "images", 3);
        find_file(labels, folder, name[i], "labels", 1);
        status = rg_idx_read(images, labels, &options, part[i], error);
    }
    return status;
}

#endif
