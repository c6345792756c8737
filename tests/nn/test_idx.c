#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdio.h>

#if RGI_HAVE_ZLIB
#include <zlib.h>
#endif

#include "../check.h"
#include "../failing.h"

/* ---- files in a directory of their own ---- */

enum { PATH_SIZE = 128 };

static char directory[] = "/tmp/rg_test_idx_XXXXXX";
static char images[PATH_SIZE], images_gz[PATH_SIZE], labels[PATH_SIZE], labels_gz[PATH_SIZE];

static void make_directory(void)
{
    cr_assert(mkdtemp(directory) != NULL);
    snprintf(images, PATH_SIZE, "%s/images", directory);
    snprintf(images_gz, PATH_SIZE, "%s/images.gz", directory);
    snprintf(labels, PATH_SIZE, "%s/labels", directory);
    snprintf(labels_gz, PATH_SIZE, "%s/labels.gz", directory);
}

static void remove_directory(void)
{
    remove(images);
    remove(images_gz);
    remove(labels);
    remove(labels_gz);
    remove(directory);
    check_leaks();
}

TestSuite(idx, .init = make_directory, .fini = remove_directory);

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL);
    cr_assert(fwrite(bytes, 1, size, file) == size);
    fclose(file);
}

/* Two images of 2x3 bytes, and their labels. */
static const unsigned char two_images[] = {0, 0, 8, 3,  0,   0,   0,   2,   0, 0, 0, 2, 0, 0,
                                           0, 3, 0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6};
static const unsigned char two_labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};

static double get(const rg_dataset *data, int64_t index)
{
    return data->type == RG_F32 ? ((const float *)data->inputs)[index]
                                : ((const double *)data->inputs)[index];
}

/* ---- good files ---- */

static void check_two_images(const rg_dataset *data, rg_type type)
{
    const double want[] = {0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6};
    cr_assert(data->type == type);
    cr_assert(data->count == 2);
    cr_assert(data->features == 6);
    cr_assert(data->target_width == 0);
    cr_assert(data->targets == NULL);
    for (int64_t i = 0; i < 12; i++) {
        double scaled = want[i] * (1.0 / 255);
        cr_assert(get(data, i) == (type == RG_F32 ? (double)(float)scaled : scaled));
    }
    cr_assert(get(data, 5) == 1);
    cr_assert(data->class_count == 8);
    cr_assert(data->classes[0] == 7);
    cr_assert(data->classes[1] == 3);
}

Test(idx, reads_images_and_labels)
{
    const rg_type types[] = {RG_F32, RG_F64};
    write_file(images, two_images, sizeof two_images);
    write_file(labels, two_labels, sizeof two_labels);
    for (int t = 0; t < 2; t++) {
        rg_dataset *data;
        const rg_idx_options options = {.type = types[t]};
        CHECK_STATUS(rg_idx_read(images, labels, &options, &data, NULL), RG_OK);
        check_two_images(data, types[t]);
        rg_dataset_destroy(data);
    }
}

Test(idx, reads_images_alone_and_scaled)
{
    write_file(images, two_images, sizeof two_images);
    rg_dataset *data;
    CHECK_STATUS(rg_idx_read(images, NULL, &(rg_idx_options){.scale = 2}, &data, NULL), RG_OK);
    cr_assert(data->type == RG_F64);
    cr_assert(data->classes == NULL);
    cr_assert(data->class_count == 0);
    cr_assert(get(data, 5) == 510);
    cr_assert(get(data, 11) == 12);
    rg_dataset_destroy(data);
}

Test(idx, reads_any_rank)
{
    for (int rank = 1; rank <= 255; rank++) {
        unsigned char file[4 + 4 * 255 + 6] = {0, 0, 8, (unsigned char)rank};
        for (int i = 0; i < rank; i++)
            file[4 + 4 * i + 3] = 1;
        file[7] = 2;                                /* two examples */
        file[4 + 4 * rank - 1] = rank == 1 ? 2 : 3; /* of three, or at rank 1 one, features */
        int size = rank == 1 ? 2 : 6;
        for (int i = 0; i < size; i++)
            file[4 + 4 * rank + i] = (unsigned char)i;
        write_file(images, file, (size_t)(4 + 4 * rank + size));
        rg_dataset *data;
        CHECK_STATUS(rg_idx_read(images, NULL, &(rg_idx_options){.scale = 1}, &data, NULL), RG_OK);
        cr_assert(data->count == 2);
        cr_assert(data->features == size / 2);
        for (int i = 0; i < size; i++)
            cr_assert(get(data, i) == i);
        rg_dataset_destroy(data);
    }
}

Test(idx, reads_more_than_fits_its_first_buffer)
{
    enum { COUNT = 300, WIDTH = 784, SIZE = 12 + COUNT * WIDTH };
    unsigned char *file = calloc(1, SIZE);
    const unsigned char header[] = {0,          0,           8, 2, 0,          0,
                                    COUNT >> 8, COUNT & 255, 0, 0, WIDTH >> 8, WIDTH & 255};
    memcpy(file, header, sizeof header);
    for (int i = 0; i < COUNT * WIDTH; i++)
        file[12 + i] = (unsigned char)(i * 31 >> 3);
    write_file(images, file, SIZE);
    rg_dataset *data;
    CHECK_STATUS(
        rg_idx_read(images, NULL, &(rg_idx_options){.type = RG_F32, .scale = 1}, &data, NULL),
        RG_OK);
    for (int i = 0; i < COUNT * WIDTH; i++)
        cr_assert(get(data, i) == file[12 + i]);
    rg_dataset_destroy(data);
    free(file);
}

Test(idx, stops_at_the_limit)
{
    /* The second image is missing, which a limit of 1 does not see. */
    write_file(images, two_images, sizeof two_images - 6);
    write_file(labels, two_labels, sizeof two_labels);
    rg_dataset *data;
    CHECK_STATUS(
        rg_idx_read(images, labels, &(rg_idx_options){.limit = 1, .scale = 1}, &data, NULL), RG_OK);
    cr_assert(data->count == 1);
    cr_assert(get(data, 5) == 255);
    cr_assert(data->classes[0] == 7);
    rg_dataset_destroy(data);
    /* The largest label may lie beyond the limit. */
    write_file(labels, (const unsigned char[]){0, 0, 8, 1, 0, 0, 0, 2, 3, 9}, 10);
    CHECK_STATUS(rg_idx_read(images, labels, &(rg_idx_options){.limit = 1}, &data, NULL), RG_OK);
    cr_assert(data->class_count == 10);
    rg_dataset_destroy(data);
    for (int64_t limit = 2; limit < 4; limit++)
        CHECK_STATUS(rg_idx_read(images, NULL, &(rg_idx_options){.limit = limit}, &data, NULL),
                     RG_ERROR_FORMAT);
    write_file(images, two_images, sizeof two_images);
    CHECK_STATUS(rg_idx_read(images, NULL, &(rg_idx_options){.limit = 3}, &data, NULL), RG_OK);
    cr_assert(data->count == 2);
    rg_dataset_destroy(data);
}

/* ---- errors ---- */

/* The message must be the name of the file followed by `text`. */
static void check_bad(const char *images_path, const char *labels_path,
                      const rg_idx_options *options, rg_status want, const char *name,
                      const char *text)
{
    rg_dataset *data = (rg_dataset *)&data;
    rg_error error = {.status = RG_OK};
    char message[RG_MESSAGE_SIZE];
    CHECK_STATUS(rg_idx_read(images_path, labels_path, options, &data, &error), want);
    CHECK_STATUS(error.status, want);
    snprintf(message, sizeof message, "%s%s", name, text);
    cr_assert_str_eq(error.message, message);
    cr_assert(data == NULL);
    CHECK_STATUS(rg_idx_read(images_path, labels_path, options, &data, NULL), want);
}

Test(idx, names_the_byte_of_an_error)
{
    const struct {
        unsigned char bytes[24];
        size_t size;
        rg_status status;
        const char *text;
    } cases[] = {
        {{0},
         0,
         RG_ERROR_FORMAT,
         ", byte 0: expected the four bytes of the magic, found the end of the file"},
        {{0, 0, 8},
         3,
         RG_ERROR_FORMAT,
         ", byte 3: expected the four bytes of the magic, found the end of the file"},
        {{0, 1, 8, 1}, 4, RG_ERROR_FORMAT, ", byte 0: expected two zero bytes, found 0x00 0x01"},
        {{0x1f, 0x8b, 8, 1},
         4,
         RG_ERROR_FORMAT,
         ", byte 0: expected two zero bytes, found 0x1f 0x8b"},
        {{0, 0, 13, 1},
         4,
         RG_ERROR_FORMAT,
         ", byte 2: expected the type code 0x08 of unsigned bytes, found 0x0d"},
        {{0, 0, 8, 0}, 4, RG_ERROR_FORMAT, ", byte 3: expected at least one dimension, found none"},
        {{0, 0, 8, 2, 0, 0, 0, 1, 0, 0},
         10,
         RG_ERROR_FORMAT,
         ", byte 10: expected the size of a dimension, found the end of the file"},
        {{0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 1},
         12,
         RG_ERROR_FORMAT,
         ", byte 4: expected a size of at least 1, found 0"},
        {{0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 0},
         12,
         RG_ERROR_FORMAT,
         ", byte 8: expected a size of at least 1, found 0"},
        {{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
         16,
         RG_ERROR_LIMIT,
         ", byte 8: the sizes up to here exceed the address space"},
        {{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4},
         16,
         RG_ERROR_FORMAT,
         ", byte 16: expected 2 more bytes, found the end of the file"},
        {{0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3},
         15,
         RG_ERROR_FORMAT,
         ", byte 14: expected the end of the file, found more bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(images, cases[i].bytes, cases[i].size);
        check_bad(images, NULL, NULL, cases[i].status, images, cases[i].text);
    }
}

Test(idx, checks_labels_like_images)
{
    write_file(images, two_images, sizeof two_images);
    const struct {
        unsigned char bytes[16];
        size_t size;
        const char *text;
    } cases[] = {
        {{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 5, 6},
         14,
         ", byte 3: expected one dimension, as labels have, found more"},
        {{0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3},
         11,
         ", byte 4: expected 2 labels, as many as there are images, found 3"},
        {{0, 0, 8, 1, 0, 0, 0, 1, 1},
         9,
         ", byte 4: expected 2 labels, as many as there are images, found 1"},
        {{0, 0, 8, 1, 0, 0, 0, 2, 1},
         9,
         ", byte 9: expected 1 more bytes, found the end of the file"},
        {{0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3},
         11,
         ", byte 10: expected the end of the file, found more bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(labels, cases[i].bytes, cases[i].size);
        check_bad(images, labels, NULL, RG_ERROR_FORMAT, labels, cases[i].text);
        check_bad(images, labels, &(rg_idx_options){.limit = 1}, RG_ERROR_FORMAT, labels,
                  cases[i].text);
    }
}

Test(idx, believes_no_size_before_it_sees_the_bytes)
{
    const unsigned char file[] = {0, 0, 8, 2, 255, 255, 255, 255, 127, 255, 255, 255, 1, 2};
    write_file(images, file, sizeof file);
    failing memory = {0};
    const rg_allocator allocator = {failing_resize, &memory};
    check_bad(images, NULL, &(rg_idx_options){.allocator = &allocator}, RG_ERROR_FORMAT, images,
              ", byte 14: expected 9223372030412324863 more bytes, found the end of the file");
    cr_assert(memory.peak < 1 << 17, "%zu bytes were allocated", memory.peak);
    cr_assert(memory.live == 0);
}

Test(idx, says_why_a_file_cannot_be_read)
{
    check_bad(images, NULL, NULL, RG_ERROR_IO, images,
              ": cannot be opened: No such file or directory");
    write_file(images, two_images, sizeof two_images);
    check_bad(images, labels, NULL, RG_ERROR_IO, labels,
              ": cannot be opened: No such file or directory");
    check_bad(directory, NULL, NULL, RG_ERROR_IO, directory,
              ", byte 0: cannot be read, or is damaged or truncated");
}

Test(idx, refuses_options)
{
    write_file(images, two_images, sizeof two_images);
    rg_dataset *data = (rg_dataset *)&data;
    rg_error error;
    CHECK_STATUS(rg_idx_read(images, NULL, &(rg_idx_options){.type = RG_I64}, &data, &error),
                 RG_ERROR_TYPE);
    cr_assert_str_eq(error.message, "idx: the type must be float32 or float64");
    cr_assert(data == NULL);
    CHECK_STATUS(rg_idx_read(images, NULL, &(rg_idx_options){.limit = -1}, &data, &error),
                 RG_ERROR_ARGUMENT);
    cr_assert_str_eq(error.message, "idx: the limit, -1, is negative");
    const double scales[] = {1e38, -1e38, INFINITY, NAN};
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(
            rg_idx_read(images, NULL, &(rg_idx_options){.scale = scales[i]}, &data, &error),
            RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "idx: the scale, "));
        cr_assert(strstr(error.message, ", is too large"));
    }
}

/* ---- compressed files ---- */

#if RGI_HAVE_ZLIB

static void write_gzip(const char *path, const void *bytes, size_t size)
{
    gzFile file = gzopen(path, "wb");
    cr_assert(file != NULL);
    cr_assert(size == 0 || gzwrite(file, bytes, (unsigned)size) == (int)size);
    cr_assert(gzclose(file) == Z_OK);
}

Test(idx, reads_gzip)
{
    write_gzip(images_gz, two_images, sizeof two_images);
    write_gzip(labels_gz, two_labels, sizeof two_labels);
    const char *const paths[][2] = {{images, labels}, {images_gz, labels_gz}, {images_gz, labels}};
    for (int i = 0; i < 3; i++) {
        rg_dataset *data;
        CHECK_STATUS(rg_idx_read(paths[i][0], paths[i][1], NULL, &data, NULL), RG_OK);
        check_two_images(data, RG_F64);
        rg_dataset_destroy(data);
    }
}

Test(idx, prefers_the_file_without_gz)
{
    write_file(images, two_images, sizeof two_images);
    write_file(images_gz, "", 0);
    rg_dataset *data;
    CHECK_STATUS(rg_idx_read(images, NULL, NULL, &data, NULL), RG_OK);
    rg_dataset_destroy(data);
}

Test(idx, names_the_byte_of_an_error_in_gzip)
{
    write_gzip(images_gz, two_images, sizeof two_images - 1);
    check_bad(images_gz, NULL, NULL, RG_ERROR_FORMAT, images_gz,
              ", byte 27: expected 1 more bytes, found the end of the file");
    remove(images_gz);
    check_bad(images_gz, NULL, NULL, RG_ERROR_IO, images_gz,
              ": cannot be opened: No such file or directory");
}

/* Reads a compressed file into `out` and returns its size. */
static size_t compressed(unsigned char *out, size_t capacity)
{
    write_gzip(images_gz, two_images, sizeof two_images);
    FILE *file = fopen(images_gz, "rb");
    size_t size = fread(out, 1, capacity, file);
    fclose(file);
    return size;
}

Test(idx, notices_damaged_and_truncated_gzip)
{
    unsigned char bytes[256];
    size_t size = compressed(bytes, sizeof bytes);
    cr_assert(size > 30);
    for (size_t cut = 1; cut < size; cut++) {
        write_file(images_gz, bytes, cut);
        rg_dataset *data;
        rg_status status = rg_idx_read(images_gz, NULL, NULL, &data, NULL);
        cr_assert(status == RG_ERROR_IO || status == RG_ERROR_FORMAT, "cut at %zu: %s", cut,
                  rg_status_name(status));
    }
    bytes[size - 5] ^= 1; /* of the checksum */
    write_file(images_gz, bytes, size);
    check_bad(images_gz, NULL, NULL, RG_ERROR_IO, images_gz,
              ", byte 0: cannot be read, or is damaged or truncated");
}

#else

Test(idx, says_that_there_is_no_zlib)
{
    check_bad(images_gz, NULL, NULL, RG_ERROR_IO, images_gz,
              ": cannot be decompressed: this build has no zlib");
    write_file(images_gz, "", 0);
    check_bad(images, NULL, NULL, RG_ERROR_IO, images_gz,
              ": cannot be decompressed: this build has no zlib");
}

static void write_gzip(const char *path, const void *bytes, size_t size)
{
    write_file(path, bytes, size);
}

static size_t compressed(unsigned char *out, size_t capacity)
{
    cr_assert(capacity >= sizeof two_images);
    memcpy(out, two_images, sizeof two_images);
    return sizeof two_images;
}

#endif

/* ---- robustness ---- */

/* Changes some bytes and cuts or lengthens the file now and then; `bytes` has room for 4 more. */
static size_t mutate(unsigned char *bytes, size_t size, rg_random *random)
{
    static const unsigned char interesting[] = {0, 1, 2, 3, 4, 8, 127, 128, 255};
    for (uint64_t n = rg_random_below(random, 4); n > 0; n--)
        bytes[rg_random_below(random, size)] =
            interesting[rg_random_below(random, sizeof interesting)];
    uint64_t ending = rg_random_below(random, 4);
    if (ending == 0)
        return (size_t)rg_random_below(random, size + 1);
    if (ending == 1) {
        bytes[size] = 0;
        return size + 1;
    }
    return size;
}

/* Reads both files; whatever they hold, the result is a good dataset or a good message. */
static int read_mutated(const char *images_path, const char *labels_path)
{
    rg_dataset *data;
    rg_error error = {.status = RG_OK};
    rg_status status = rg_idx_read(images_path, labels_path, NULL, &data, &error);
    CHECK_STATUS(error.status, status);
    cr_assert((status == RG_OK) == (data != NULL));
    if (!data) {
        cr_assert(strstr(error.message, directory), "%s", error.message);
        return 0;
    }
    for (int64_t i = 0; i < data->count * data->features; i++)
        cr_assert(get(data, i) >= 0 && get(data, i) <= 1);
    for (int64_t i = 0; i < data->count; i++)
        cr_assert(data->classes[i] >= 0 && data->classes[i] < data->class_count);
    rg_dataset_destroy(data);
    return 1;
}

Test(idx, survives_mutated_files)
{
    rg_random random = rg_random_create(6);
    int good = 0;
    for (int round = 0; round < 5000; round++) {
        unsigned char image_bytes[sizeof two_images + 4], label_bytes[sizeof two_labels + 4];
        memcpy(image_bytes, two_images, sizeof two_images);
        memcpy(label_bytes, two_labels, sizeof two_labels);
        write_file(images, image_bytes, mutate(image_bytes, sizeof two_images, &random));
        write_file(labels, label_bytes,
                   round % 2 ? sizeof two_labels : mutate(label_bytes, sizeof two_labels, &random));
        good += read_mutated(images, labels);
    }
    cr_assert(good > 100 && good < 4900, "%d files were read", good);
}

Test(idx, survives_mutated_compressed_files)
{
    rg_random random = rg_random_create(7);
    unsigned char original[256];
    size_t original_size = compressed(original, sizeof original - 4);
    write_file(labels, two_labels, sizeof two_labels);
    int good = 0;
    for (int round = 0; round < 5000; round++) {
        unsigned char bytes[256];
        memcpy(bytes, original, sizeof bytes);
        write_file(images_gz, bytes, mutate(bytes, original_size, &random));
        good += read_mutated(images_gz, labels);
    }
#if RGI_HAVE_ZLIB
    cr_assert(good > 100 && good < 4900, "%d files were read", good);
#else
    cr_assert(good == 0);
#endif
}

Test(idx, survives_each_failing_allocation)
{
    write_file(images, two_images, sizeof two_images);
    write_gzip(labels_gz, two_labels, sizeof two_labels);
#if !RGI_HAVE_ZLIB
    write_file(labels, two_labels, sizeof two_labels);
#endif
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_dataset *data;
        rg_error error = {.status = RG_OK};
        const rg_idx_options options = {.allocator = &allocator};
        rg_status status = rg_idx_read(images, labels, &options, &data, &error);
        CHECK_STATUS(error.status, status);
        cr_assert((status == RG_OK) == (data != NULL));
        cr_assert(data || strstr(error.message, "no memory"), "%s", error.message);
        rg_dataset_destroy(data);
        CHECK_FAILURE(memory, status);
    }
}
