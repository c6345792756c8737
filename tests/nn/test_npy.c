#define _DEFAULT_SOURCE

#include <inttypes.h>
#include <limits.h>

#include "files.h"

SUITE_WITH_FILES(npy);

enum { ROOM = 2048 };

static size_t make_file(unsigned char *out, int major, const char *header, const void *data,
                        size_t data_size)
{
    size_t length = strlen(header), width = major == 1 ? 2 : 4;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)major;
    out[7] = 0;
    for (size_t i = 0; i < width; i++)
        out[8 + i] = (unsigned char)(length >> (8 * i));
    memcpy(out + 8 + width, header, length);
    if (data_size > 0)
        memcpy(out + 8 + width + length, data, data_size);
    return 8 + width + length + data_size;
}

static const char *write_array(int major, const char *header, const void *data, size_t data_size)
{
    unsigned char bytes[ROOM];
    const char *path = in_folder("x");
    write_bytes(path, bytes, make_file(bytes, major, header, data, data_size));
    return path;
}

static rg_array *read_good(const char *path)
{
    rg_array *array;
    rg_error error = {.message = ""};
    rg_status status = rg_npy_read(path, NULL, &array, &error);
    cr_assert(status == RG_OK, "%s", error.message);
    cr_assert(array != NULL);
    return array;
}

/* ---- round trips ---- */

Test(npy, gives_back_every_type_and_rank)
{
    static const rg_type types[] = {RG_F32, RG_F64, RG_I64};
    unsigned char data[96 * 8];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 % 251);
    for (int i = 0; i < 27; i++) {
        rg_shape shape = {.rank = i % 9, .dim = {3, 1, 2, 1, 4, 1, 2, 2}};
        rg_type type = types[i / 9];
        size_t bytes = (size_t)rg_shape_size(&shape) * rg_type_size(type);
        CHECK_STATUS(rg_npy_write(in_folder("x"), type, shape, data, NULL, NULL), RG_OK);
        rg_array *array = read_good(in_folder("x"));
        cr_assert(array->type == type);
        cr_assert(rg_shape_equal(&array->shape, &shape));
        cr_assert(memcmp(array->data, data, bytes) == 0);
        rg_array_destroy(array);
    }
}

Test(npy, gives_back_arrays_without_elements)
{
    const rg_shape shapes[] = {RG_SHAPE(0), RG_SHAPE(3, 0), RG_SHAPE(0, INT64_MAX / 8)};
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(rg_npy_write(in_folder("x"), RG_I64, shapes[i], NULL, NULL, NULL), RG_OK);
        rg_array *array = read_good(in_folder("x"));
        cr_assert(rg_shape_equal(&array->shape, &shapes[i]));
        rg_array_destroy(array);
    }
}

Test(npy, writes_the_format_byte_by_byte)
{
    static const char *const headers[] = {
        "{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }"};
    static const rg_type types[] = {RG_F64, RG_F32, RG_I64};
    const rg_shape shapes[] = {RG_SCALAR, RG_SHAPE(2), RG_SHAPE(1, 2)};
    const double data[2] = {2.5, -1};
    for (int i = 0; i < 3; i++) {
        size_t size, length = strlen(headers[i]);
        size_t bytes = (size_t)rg_shape_size(&shapes[i]) * rg_type_size(types[i]);
        CHECK_STATUS(rg_npy_write(in_folder("x"), types[i], shapes[i], data, NULL, NULL), RG_OK);
        const unsigned char *file = read_bytes(in_folder("x"), &size);
        cr_assert(size == 128 + bytes);
        cr_assert(memcmp(file, "\x93NUMPY\1\0\x76\0", 10) == 0);
        cr_assert(memcmp(file + 10, headers[i], length) == 0);
        for (size_t k = 10 + length; k < 127; k++)
            cr_assert(file[k] == ' ');
        cr_assert(file[127] == '\n');
        cr_assert(memcmp(file + 128, data, bytes) == 0);
    }
}

/* The longest header there is. */
Test(npy, writes_eight_large_dimensions)
{
    rg_shape shape = {.rank = 8};
    for (int i = 0; i < 8; i++)
        shape.dim[i] = i ? 1 : 0;
    CHECK_STATUS(rg_npy_write(in_folder("x"), RG_F64, shape, NULL, NULL, NULL), RG_OK);
    shape.dim[7] = INT64_MAX;
    CHECK_STATUS(rg_npy_write(in_folder("x"), RG_F32, shape, NULL, NULL, NULL), RG_OK);
    const double one = 1;
    shape.dim[0] = 1;
    CHECK_STATUS(rg_npy_write(in_folder("x"), RG_F32, shape, &one, NULL, NULL), RG_ERROR_SHAPE);
}

/* ---- what others write ---- */

Test(npy, reads_every_version)
{
    const double data[] = {1, 2};
    for (int major = 1; major <= 3; major++) {
        rg_array *array = read_good(write_array(
            major, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }   \n", data, 16));
        cr_assert(array->type == RG_F64);
        cr_assert(memcmp(array->data, data, 16) == 0);
        rg_array_destroy(array);
    }
}

Test(npy, reads_any_order_blanks_and_quotes)
{
    const int64_t data[] = {7, 8};
    rg_array *array = read_good(write_array(
        1, " {\"shape\" : ( 1 ,2,1 , ) ,\n'fortran_order':False,'descr'\t:'=i8'}", data, 16));
    cr_assert(array->type == RG_I64);
    cr_assert(array->shape.rank == 3 && array->shape.dim[1] == 2);
    cr_assert(memcmp(array->data, data, 16) == 0);
    rg_array_destroy(array);
}

Test(npy, reads_both_byte_orders_and_small_integers)
{
    static const struct {
        const char *descr;
        char bytes[17];
        size_t size;
        rg_type type;
        double want[2];
    } cases[] = {
        {">f8", "\x3f\xf8\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0", 16, RG_F64, {1.5, -2}},
        {"<f8", "\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\xc0", 16, RG_F64, {1.5, -2}},
        {">f4", "\x3f\xc0\0\0\xc0\0\0\0", 8, RG_F32, {1.5, -2}},
        {"<f4", "\0\0\xc0\x3f\0\0\0\xc0", 8, RG_F32, {1.5, -2}},
        {">i8", "\0\0\0\0\0\0\1\2\xff\xff\xff\xff\xff\xff\xff\xfe", 16, RG_I64, {258, -2}},
        {"<i8", "\2\1\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff", 16, RG_I64, {258, -2}},
        {">i4", "\0\0\1\2\xff\xff\xff\xfe", 8, RG_I64, {258, -2}},
        {"<i4", "\2\1\0\0\xfe\xff\xff\xff", 8, RG_I64, {258, -2}},
        {"|u1", "\7\xfe", 2, RG_I64, {7, 254}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[80];
        snprintf(header, sizeof header, "{'descr':'%s','fortran_order':False,'shape':(2,)}",
                 cases[i].descr);
        rg_array *array = read_good(write_array(1, header, cases[i].bytes, cases[i].size));
        cr_assert(array->type == cases[i].type);
        for (int k = 0; k < 2; k++) {
            double got = array->type == RG_F64   ? ((const double *)array->data)[k]
                         : array->type == RG_F32 ? (double)((const float *)array->data)[k]
                                                 : (double)((const int64_t *)array->data)[k];
            cr_assert(got == cases[i].want[k], "%s: %g", cases[i].descr, got);
        }
        rg_array_destroy(array);
    }
}

Test(npy, puts_columns_into_rows)
{
    /* numpy.asfortranarray([[[1, 2], [3, 4], [5, 6]]]), and the same as a scalar and empty. */
    const float data[] = {1, 3, 5, 2, 4, 6};
    rg_array *array = read_good(write_array(
        1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 3, 2), }\n", data, 24));
    for (int i = 0; i < 6; i++)
        cr_assert(((const float *)array->data)[i] == (float)(i + 1));
    rg_array_destroy(array);
    array = read_good(
        write_array(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (), }\n", data, 4));
    cr_assert(*(const float *)array->data == 1);
    rg_array_destroy(array);
    rg_array_destroy(read_good(
        write_array(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 0), }\n", NULL, 0)));
}

/* ---- refusals ---- */

static void check_refused(const char *path, rg_status status, const char *text)
{
    rg_array *array = (rg_array *)&array;
    rg_error error = {.message = ""};
    CHECK_STATUS(rg_npy_read(path, NULL, &array, &error), status);
    check_message(&error, status, path, text);
    cr_assert(array == NULL);
    CHECK_STATUS(rg_npy_read(path, NULL, &array, NULL), status);
}

#define H(shape) "{'descr':'<f4','fortran_order':False,'shape':" shape "}"

Test(npy, refuses_malformed_headers)
{
    static const struct {
        const char *header;
        size_t data;
        const char *text;
    } cases[] = {
        {"", 4, ": its header would have 0 bytes, but 4 follow"},
        {" ", 0, ", byte 11: expected a dictionary, found the end"},
        {"[]", 0, ", byte 10: expected a dictionary, found ["},
        {"{}", 0, ", byte 11: expected 'descr', 'fortran_order' and 'shape', each once, found }"},
        {"{'descr'", 0, ", byte 18: expected a colon, found the end"},
        {"{'descr\n", 0,
         ", byte 11: expected 'descr', 'fortran_order' and 'shape', each once, found '"},
        {"{'order':1", 0,
         ", byte 11: expected 'descr', 'fortran_order' and 'shape', each once, found '"},
        {"{'descr':'<f4','descr':'<f4'", 0,
         ", byte 25: expected 'descr', 'fortran_order' and 'shape', each once, found '"},
        {"{'descr':'<f4' 'shape':(1,)", 0, ", byte 25: expected a comma, found '"},
        {"{'descr':[('x','<f4')]", 0, ", byte 19: expected a short string for descr, found ["},
        {"{'descr':'0123456789abcdef'", 0, ", byte 19: expected a short string for descr, found '"},
        {"{'descr':'<f\\64'", 0, ", byte 19: expected a short string for descr, found '"},
        {"{'descr':'<f4", 0, ", byte 19: expected a short string for descr, found '"},
        {"{'descr':'<f2'", 0, ": the elements are <f2; f8, f4, i8, i4 and u1 can be read"},
        {"{'descr':'f4'", 0, ": the elements are f4; f8, f4, i8, i4 and u1 can be read"},
        {"{'descr':''", 0, ": the elements are ; f8, f4, i8, i4 and u1 can be read"},
        {"{'fortran_order':1", 0, ", byte 27: expected True or False, found 1"},
        {H("3"), 0, ", byte 55: expected a tuple for the shape, found 3"},
        {H("(3)"), 0, ", byte 57: expected a comma, found )"},
        {H("(3 4)"), 0, ", byte 58: expected a comma, found 4"},
        {H("(3,4 5)"), 0, ", byte 60: expected a comma or ), found 5"},
        {H("(,)"), 0,
         ", byte 56: expected a dimension from 0 to 2^63 - 1 in plain digits, found ,"},
        {H("(-1,)"), 0,
         ", byte 56: expected a dimension from 0 to 2^63 - 1 in plain digits, found -"},
        {H("(01,)"), 0,
         ", byte 56: expected a dimension from 0 to 2^63 - 1 in plain digits, found 0"},
        {H("(9223372036854775808,)"), 0,
         ", byte 56: expected a dimension from 0 to 2^63 - 1 in plain digits, found 9"},
        {H("(3L,)"), 0, ", byte 57: expected a comma, found L"},
        {H("(3,"), 0,
         ", byte 58: expected a dimension from 0 to 2^63 - 1 in plain digits, found }"},
        {"{'descr':'<f4','fortran_order':False,'shape':(1,),,}", 4,
         ", byte 60: expected }, found ,"},
        {H("(1,)") "x", 4, ", byte 60: expected the end of the header, found x"},
        {H("(1,)") "\xc3", 4, ", byte 60: expected the end of the header, found byte 0xc3"},
        {H("(1,)"), 5, ": the elements take 4 bytes by the shape [1], but 5 follow the header"},
        {H("(1,)"), 3, ": the elements take 4 bytes by the shape [1], but 3 follow the header"},
        {H("()"), 0, ": the elements take 4 bytes by the shape [], but 0 follow the header"},
        {H("(4294967296,4294967296)"), 0, ": the shape has too many elements"},
        {H("(4611686018427387904,)"), 0, ": the shape has too many elements"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(write_array(1, cases[i].header, "12345", cases[i].data), RG_ERROR_FORMAT,
                      cases[i].text);
    check_refused(write_array(1, H("(1,1,1,1,1,1,1,1,1)"), "1234", 4), RG_ERROR_LIMIT,
                  ": the shape has more than 8 dimensions");
}

Test(npy, refuses_other_files)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } cases[] = {
        {"", 0, ": does not begin like a .npy file"},
        {"\x93NUMPY\1", 7, ": does not begin like a .npy file"},
        {"PK\3\4\0\0\0\0\0\0", 10, ": does not begin like a .npy file"},
        {"\x93NUMPY\1\1\0\0", 10, ": has version 1.1; 1.0, 2.0 and 3.0 can be read"},
        {"\x93NUMPY\0\0\0\0", 10, ": has version 0.0; 1.0, 2.0 and 3.0 can be read"},
        {"\x93NUMPY\4\0\0\0", 10, ": has version 4.0; 1.0, 2.0 and 3.0 can be read"},
        {"\x93NUMPY\1\0\1", 9, ": ends before its header"},
        {"\x93NUMPY\2\0\1\0\0", 11, ": ends before its header"},
        {"\x93NUMPY\1\0\3\0{}", 12, ": its header would have 3 bytes, but 2 follow"},
        {"\x93NUMPY\2\0\xff\xff\xff\xff{}", 14,
         ": its header would have 4294967295 bytes, but 2 follow"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_bytes(in_folder("x"), cases[i].bytes, cases[i].size);
        check_refused(in_folder("x"), RG_ERROR_FORMAT, cases[i].text);
    }
    check_refused(in_folder("none"), RG_ERROR_IO, ": cannot be opened: No such file or directory");
    check_refused(folder, RG_ERROR_IO, ": is not a regular file");
}

Test(npy, takes_memory_only_for_what_is_there)
{
    failing memory = {0};
    const rg_allocator allocator = {failing_resize, &memory};
    rg_array *array;
    const char *path = write_array(1, H("(1000000000,)"), "1234", 4);
    CHECK_STATUS(rg_npy_read(path, &allocator, &array, NULL), RG_ERROR_FORMAT);
    cr_assert(memory.peak < 1024, "%zu bytes were allocated", memory.peak);
    cr_assert(memory.live == 0);
}

Test(npy, refuses_to_write_what_is_no_array)
{
    const double one = 1;
    const char *path = in_folder("x");
    rg_error error;
    CHECK_STATUS(rg_npy_write(path, (rg_type)3, RG_SCALAR, &one, NULL, &error), RG_ERROR_TYPE);
    check_message(&error, RG_ERROR_TYPE, path, ": the type is none");
    CHECK_STATUS(rg_npy_write(path, RG_F64, RG_SHAPE(-1), &one, NULL, &error), RG_ERROR_SHAPE);
    check_message(
        &error, RG_ERROR_SHAPE, path,
        ": the shape has a negative dimension, more than 8 of them, or too many elements");
    CHECK_STATUS(rg_npy_write(path, RG_F64, RG_SCALAR, NULL, NULL, &error), RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, path, ": the elements are NULL");
    CHECK_STATUS(rg_npy_write(in_folder("no/x"), RG_F64, RG_SCALAR, &one, NULL, &error),
                 RG_ERROR_IO);
    check_message(&error, RG_ERROR_IO, in_folder("no/x"),
                  ": cannot be written: No such file or directory");
    cr_assert(empty_folder() == 0);
}

/* ---- damage ---- */

/* Reads a damaged file: what it gives is an array, or a message that names the file. */
static bool survives(const char *path)
{
    rg_array *array;
    rg_error error = {.status = RG_OK};
    rg_status status = rg_npy_read(path, NULL, &array, &error);
    CHECK_STATUS(error.status, status);
    cr_assert((status == RG_OK) == (array != NULL));
    if (!array) {
        cr_assert(strncmp(error.message, path, strlen(path)) == 0, "%s", error.message);
        return false;
    }
    int64_t size = rg_shape_size(&array->shape);
    cr_assert(size >= 0 && size <= 24);
    char copy[24 * 8];
    if (size > 0)
        memcpy(copy, array->data, (size_t)size * rg_type_size(array->type));
    rg_array_destroy(array);
    return true;
}

Test(npy, refuses_every_truncation)
{
    const double data[] = {1, 2, 3};
    const char *path = in_folder("x");
    size_t size;
    CHECK_STATUS(rg_npy_write(path, RG_F64, RG_SHAPE(3, 1), data, NULL, NULL), RG_OK);
    read_bytes(path, &size);
    cr_assert(survives(path));
    cr_assert(truncate(path, (off_t)size + 1) == 0);
    cr_assert(!survives(path));
    while (size-- > 0) {
        cr_assert(truncate(path, (off_t)size) == 0);
        cr_assert(!survives(path), "%zu bytes are read", size);
    }
}

Test(npy, survives_every_damaged_byte)
{
    const double data[] = {1, 2, 3};
    const char *path = in_folder("x");
    int good = 0, refused = 0;
    size_t size;
    CHECK_STATUS(rg_npy_write(path, RG_F64, RG_SHAPE(3, 1), data, NULL, NULL), RG_OK);
    const unsigned char *bytes = read_bytes(path, &size);
    for (size_t i = 0; i < size; i++) {
        static const unsigned char interesting[] = {0,   1,   ' ', '\'', ',', '0',
                                                    '1', '9', '(', ')',  '}', 0xff};
        for (size_t k = 0; k < sizeof interesting + 8; k++) {
            change_byte(path, i, k < 8 ? (unsigned char)(bytes[i] ^ (1 << k)) : interesting[k - 8]);
            if (survives(path))
                good++;
            else
                refused++;
        }
        change_byte(path, i, bytes[i]);
    }
    cr_assert(good > 100 && refused > 500, "%d read, %d refused", good, refused);
}

/* ---- parameters ---- */

Test(npy, fills_parameters)
{
    const double data[] = {0.1, 2, 3, 4};
    const float narrow[] = {1.5f, 2, 3, 4};
    rg_param *param = rg_param_create(NULL, RG_F32, RG_SHAPE(2, 2));
    const float *elements = rg_param_data(param);
    CHECK_STATUS(rg_npy_write(in_folder("x"), RG_F64, RG_SHAPE(2, 2), data, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_read_param(in_folder("x"), param, NULL, NULL), RG_OK);
    cr_assert(elements[0] == 0.1f && elements[3] == 4);
    CHECK_STATUS(rg_npy_write(in_folder("x"), RG_F32, RG_SHAPE(2, 2), narrow, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_read_param(in_folder("x"), param, NULL, NULL), RG_OK);
    cr_assert(elements[0] == 1.5f);

    rg_error error;
    CHECK_STATUS(rg_npy_write(in_folder("x"), RG_F64, RG_SHAPE(4), data, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_read_param(in_folder("x"), param, NULL, &error), RG_ERROR_SHAPE);
    check_message(&error, RG_ERROR_SHAPE, in_folder("x"), ": has shape [4], the parameter [2, 2]");
    CHECK_STATUS(rg_npy_write(in_folder("x"), RG_I64, RG_SHAPE(2, 2), data, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_read_param(in_folder("x"), param, NULL, &error), RG_ERROR_TYPE);
    check_message(&error, RG_ERROR_TYPE, in_folder("x"), ": holds integers, the parameter float32");
    CHECK_STATUS(rg_npy_read_param(in_folder("none"), param, NULL, NULL), RG_ERROR_IO);
    cr_assert(elements[0] == 1.5f);
    rg_param_destroy(param);
}

/* ---- datasets ---- */

Test(npy, makes_datasets_with_classes)
{
    const double inputs[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const int64_t classes[] = {2, 0, 1};
    const char *x = in_folder("x"), *y = in_folder("y");
    rg_dataset *data;
    CHECK_STATUS(rg_npy_write(x, RG_F64, RG_SHAPE(3, 2, 2), inputs, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_write(y, RG_I64, RG_SHAPE(3), classes, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_read_dataset(x, y, RG_F32, NULL, &data, NULL), RG_OK);
    cr_assert(data->type == RG_F32);
    cr_assert(data->count == 3 && data->features == 4);
    cr_assert(data->class_count == 3 && data->target_width == 0);
    for (int i = 0; i < 12; i++)
        cr_assert(((const float *)data->inputs)[i] == (float)inputs[i]);
    cr_assert(memcmp(data->classes, classes, sizeof classes) == 0);
    rg_dataset_destroy(data);
    CHECK_STATUS(rg_npy_read_dataset(x, NULL, RG_F64, NULL, &data, NULL), RG_OK);
    cr_assert(data->classes == NULL && data->targets == NULL);
    cr_assert(memcmp(data->inputs, inputs, sizeof inputs) == 0);
    rg_dataset_destroy(data);
}

Test(npy, makes_datasets_with_targets)
{
    const int64_t inputs[] = {1, 2};
    const float targets[] = {0.5f, 1, 1.5f, 2};
    const char *x = in_folder("x"), *y = in_folder("y");
    rg_dataset *data;
    CHECK_STATUS(rg_npy_write(x, RG_I64, RG_SHAPE(2), inputs, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_write(y, RG_F32, RG_SHAPE(2, 2), targets, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_read_dataset(x, y, RG_F64, NULL, &data, NULL), RG_OK);
    cr_assert(data->count == 2 && data->features == 1);
    cr_assert(data->target_width == 2 && data->classes == NULL);
    cr_assert(((const double *)data->inputs)[1] == 2);
    for (int i = 0; i < 4; i++)
        cr_assert(((const double *)data->targets)[i] == targets[i]);
    rg_dataset_destroy(data);
}

static void check_no_dataset(const char *x, const char *y, rg_status status, const char *path,
                             const char *text)
{
    rg_dataset *data = (rg_dataset *)&data;
    rg_error error;
    CHECK_STATUS(rg_npy_read_dataset(x, y, RG_F64, NULL, &data, &error), status);
    check_message(&error, status, path, text);
    cr_assert(data == NULL);
}

Test(npy, refuses_what_makes_no_dataset)
{
    const double inputs[] = {1, 2};
    const int64_t classes[] = {0, -1}, largest[] = {INT64_MAX, 0};
    const char *x = in_folder("x"), *y = in_folder("y");
    CHECK_STATUS(rg_npy_write(x, RG_F64, RG_SCALAR, inputs, NULL, NULL), RG_OK);
    check_no_dataset(x, y, RG_ERROR_FORMAT, x, ": has no examples with features");
    CHECK_STATUS(rg_npy_write(x, RG_F64, RG_SHAPE(2, 0), inputs, NULL, NULL), RG_OK);
    check_no_dataset(x, y, RG_ERROR_FORMAT, x, ": has no examples with features");
    CHECK_STATUS(rg_npy_write(x, RG_F64, RG_SHAPE(2, 1), inputs, NULL, NULL), RG_OK);
    check_no_dataset(x, y, RG_ERROR_IO, y, ": cannot be opened: No such file or directory");
    CHECK_STATUS(rg_npy_write(y, RG_I64, RG_SHAPE(1), classes, NULL, NULL), RG_OK);
    check_no_dataset(x, y, RG_ERROR_FORMAT, y, ": has answers to 1 examples, but there are 2");
    CHECK_STATUS(rg_npy_write(y, RG_I64, RG_SHAPE(2), classes, NULL, NULL), RG_OK);
    check_no_dataset(x, y, RG_ERROR_FORMAT, y, ": example 1 has the class -1");
    CHECK_STATUS(rg_npy_write(y, RG_I64, RG_SHAPE(2), largest, NULL, NULL), RG_OK);
    check_no_dataset(x, y, RG_ERROR_FORMAT, y, ": example 0 has the class 9223372036854775807");
    CHECK_STATUS(rg_npy_write(x, RG_F64, RG_SHAPE(1, 2), inputs, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_npy_write(y, RG_I64, RG_SHAPE(1, 2), classes, NULL, NULL), RG_OK);
    check_no_dataset(x, y, RG_ERROR_FORMAT, y, ": has 2 integers an example; a class is one");
    rg_dataset *data;
    CHECK_STATUS(rg_npy_read_dataset(x, NULL, RG_I64, NULL, &data, NULL), RG_ERROR_TYPE);
    cr_assert(data == NULL);
}

/* ---- memory ---- */

Test(npy, survives_each_failing_allocation)
{
    const double inputs[] = {1, 2, 3, 4};
    const int64_t classes[] = {1, 0};
    const char *path =
        write_array(1, "{'descr':'<f8','fortran_order':True,'shape':(2,2)}", inputs, sizeof inputs);
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {.message = ""};
        rg_status status =
            rg_npy_write(in_folder("y"), RG_I64, RG_SHAPE(2), classes, &allocator, &error);
        cr_assert(status == RG_OK || strstr(error.message, "no memory"), "%s", error.message);
        CHECK_FAILURE(memory, status);
    }
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_dataset *data;
        rg_error error = {.message = ""};
        rg_status status =
            rg_npy_read_dataset(path, in_folder("y"), RG_F64, &allocator, &data, &error);
        cr_assert((status == RG_OK) == (data != NULL));
        cr_assert(data || strstr(error.message, "no memory"), "%s", error.message);
        rg_dataset_destroy(data);
        CHECK_FAILURE(memory, status);
    }
}
