#define _DEFAULT_SOURCE

#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "files.h"

SUITE_WITH_FILES(safetensors);

/* ---- files of one's own making ---- */

enum { ROOM = 4096 };

/* A file: the length of the header, the header, and `data_size` bytes 0, 1, 2, .. */
static size_t make_file(unsigned char *out, const char *header, size_t data_size)
{
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(out + 8, header, length);
    for (size_t i = 0; i < data_size; i++)
        out[8 + length + i] = (unsigned char)i;
    return 8 + length + data_size;
}

static const char *write_header(const char *header, size_t data_size)
{
    unsigned char bytes[ROOM];
    const char *path = in_folder("x");
    write_bytes(path, bytes, make_file(bytes, header, data_size));
    return path;
}

static rg_safetensors *read_good(const char *path)
{
    rg_safetensors *file;
    rg_error error = {.message = ""};
    CHECK_STATUS(rg_safetensors_read(path, NULL, &file, &error), RG_OK);
    cr_assert(file != NULL);
    return file;
}

/* ---- round trips ---- */

Test(safetensors, gives_back_every_type_and_rank)
{
    static const rg_type types[] = {RG_F32, RG_F64, RG_I64};
    unsigned char data[96 * 8];
    char names[27][32];
    rg_stored tensors[27];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 % 251);
    for (int i = 0; i < 27; i++) {
        snprintf(names[i], sizeof names[i], "%d of type %d", i % 9, i / 9);
        tensors[i] = (rg_stored){.name = names[i],
                                 .type = types[i / 9],
                                 .shape = {.rank = i % 9, .dim = {3, 1, 2, 1, 4, 1, 2, 2}},
                                 .data = data};
    }
    const rg_metadata metadata[] = {{"b", ""}, {"a", "1"}};
    const char *path = in_folder("all");
    CHECK_STATUS(rg_safetensors_write(path, tensors, 27, metadata, 2, NULL, NULL), RG_OK);
    rg_safetensors *file = read_good(path);
    cr_assert(rg_safetensors_count(file) == 27);
    for (int i = 0; i < 27; i++) {
        const rg_stored *found = rg_safetensors_find(file, names[i]);
        size_t bytes = (size_t)rg_shape_size(&tensors[i].shape) * rg_type_size(tensors[i].type);
        cr_assert(found != NULL);
        cr_assert_str_eq(found->name, names[i]);
        cr_assert_str_eq(found->dtype, i < 9 ? "F32" : i < 18 ? "F64" : "I64");
        cr_assert(found->type == tensors[i].type);
        cr_assert(rg_shape_equal(&found->shape, &tensors[i].shape));
        cr_assert(memcmp(found->data, data, bytes) == 0);
        cr_assert((uintptr_t)found->data % rg_type_size(found->type) == 0);
    }
    cr_assert_str_eq(rg_safetensors_metadata(file, "a"), "1");
    cr_assert_str_eq(rg_safetensors_metadata(file, "b"), "");
    cr_assert(rg_safetensors_metadata(file, "c") == NULL);
    cr_assert(rg_safetensors_find(file, "c") == NULL);
    cr_assert(rg_safetensors_at(file, -1) == NULL && rg_safetensors_at(file, 27) == NULL);
    rg_safetensors_destroy(file);
}

Test(safetensors, gives_back_nothing_and_tensors_without_elements)
{
    const char *path = in_folder("empty");
    CHECK_STATUS(rg_safetensors_write(path, NULL, 0, NULL, 0, NULL, NULL), RG_OK);
    rg_safetensors *file = read_good(path);
    cr_assert(rg_safetensors_count(file) == 0);
    cr_assert(rg_safetensors_find(file, "x") == NULL);
    cr_assert(rg_safetensors_metadata(file, "x") == NULL);
    rg_safetensors_destroy(file);

    const double one = 1;
    const rg_stored tensors[] = {{"a", RG_F64, RG_SHAPE(2, 0), NULL, NULL},
                                 {"b", RG_F64, RG_SHAPE(1), &one, NULL},
                                 {"c", RG_F64, RG_SHAPE(0), NULL, NULL}};
    CHECK_STATUS(rg_safetensors_write(path, tensors, 3, NULL, 0, NULL, NULL), RG_OK);
    file = read_good(path);
    cr_assert(rg_safetensors_count(file) == 3);
    cr_assert(rg_safetensors_find(file, "a")->data != NULL);
    cr_assert(rg_safetensors_find(file, "a")->shape.dim[0] == 2);
    cr_assert(*(const double *)rg_safetensors_find(file, "b")->data == 1);
    cr_assert(rg_safetensors_find(file, "c")->data != NULL);
    rg_safetensors_destroy(file);
}

Test(safetensors, gives_back_any_text)
{
    const char *const texts[] = {"",
                                 "plain",
                                 "\"quoted\" \\ / slashes",
                                 "\x01\x1f\b\f\n\r\t\x7f",
                                 "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80",
                                 "\xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf",
                                 "\\u0041\\"};
    const float one = 1;
    const char *path = in_folder("text");
    for (int i = 0; i < 7; i++) {
        const rg_stored tensor = {texts[i], RG_F32, RG_SCALAR, &one, NULL};
        const rg_metadata metadata = {texts[i], texts[6 - i]};
        CHECK_STATUS(rg_safetensors_write(path, &tensor, 1, &metadata, 1, NULL, NULL), RG_OK);
        rg_safetensors *file = read_good(path);
        cr_assert_str_eq(rg_safetensors_at(file, 0)->name, texts[i]);
        cr_assert_str_eq(rg_safetensors_metadata(file, texts[i]), texts[6 - i]);
        rg_safetensors_destroy(file);
    }
}

Test(safetensors, writes_the_format_byte_by_byte)
{
    const float a[] = {1.5f, -2, 0.5f};
    const int64_t b = 258;
    const rg_stored tensors[] = {{"a", RG_F32, RG_SHAPE(3), a, NULL},
                                 {"b\n", RG_I64, RG_SCALAR, &b, NULL}};
    const rg_metadata metadata[] = {{"k", "v\""}};
    static const char want[] =
        "\x90\0\0\0\0\0\0\0"
        "{\"__metadata__\":{\"k\":\"v\\\"\"},"
        "\"b\\u000a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,20]}}    "
        "\x02\x01\0\0\0\0\0\0"
        "\0\0\xc0\x3f\0\0\0\xc0\0\0\0\x3f";
    size_t size;
    CHECK_STATUS(rg_safetensors_write(in_folder("x"), tensors, 2, metadata, 1, NULL, NULL), RG_OK);
    const unsigned char *bytes = read_bytes(in_folder("x"), &size);
    cr_assert(size == sizeof want - 1, "%zu bytes", size);
    cr_assert(memcmp(bytes, want, size) == 0);
}

/* ---- what others write ---- */

Test(safetensors, reads_what_the_python_package_writes)
{
    static const char bytes[] =
        "\xc8\0\0\0\0\0\0\0"
        "{\"__metadata__\":{\"k\\n\":\"v\\\"\xc3\xa9\"},"
        "\"b\":{\"dtype\":\"I64\",\"shape\":[3],\"data_offsets\":[0,24]},"
        "\"s\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[24,32]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[32,40]}}   "
        "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0\xe0\x3f"
        "\0\0\xc0\x3f\0\0\0\xc0";
    write_bytes(in_folder("x"), bytes, sizeof bytes - 1);
    rg_safetensors *file = read_good(in_folder("x"));
    const int64_t *b = rg_safetensors_find(file, "b")->data;
    const float *a = rg_safetensors_find(file, "a")->data;
    cr_assert(b[0] == 1 && b[1] == 2 && b[2] == 3);
    cr_assert(a[0] == 1.5f && a[1] == -2);
    cr_assert(*(const double *)rg_safetensors_find(file, "s")->data == 0.5);
    cr_assert_str_eq(rg_safetensors_metadata(file, "k\n"), "v\"\xc3\xa9");
    rg_safetensors_destroy(file);
}

Test(safetensors, skips_types_it_has_no_numbers_for)
{
    static const char bytes[] = "\xe0\0\0\0\0\0\0\0"
                                "{\"e\":{\"dtype\":\"F64\",\"shape\":[0,3],\"data_offsets\":[0,0]},"
                                "\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                "\"h\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[4,10]},"
                                "\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[10,11]}}"
                                "       \0\0 @\0<\0@\0B\1";
    write_bytes(in_folder("x"), bytes, sizeof bytes - 1);
    rg_safetensors *file = read_good(in_folder("x"));
    cr_assert(rg_safetensors_count(file) == 4);
    cr_assert(*(const float *)rg_safetensors_find(file, "f")->data == 2.5f);
    const rg_stored *half = rg_safetensors_find(file, "h");
    cr_assert(half->data == NULL);
    cr_assert_str_eq(half->dtype, "F16");
    cr_assert(half->shape.rank == 1 && half->shape.dim[0] == 3);
    cr_assert_str_eq(rg_safetensors_find(file, "u")->dtype, "U8");
    rg_safetensors_destroy(file);
}

Test(safetensors, reads_any_order_blanks_and_escapes)
{
    const char *path = write_header(
        " \t\r\n{ \"y\" : { \"data_offsets\" : [ 5 , 13 ] , \"shape\" : [ 1 , 1 ] , \"dtype\" : "
        "\"F64\" } , \"__metadata__\" : { } ,\"x\":{\"shape\":[1],\"dtype\":\"\\u0046\\u00332\","
        "\"data_offsets\":[1,5]},\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\\\u20AC\":"
        "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}\n",
        13);
    rg_safetensors *file = read_good(path);
    cr_assert(rg_safetensors_count(file) == 3);
    cr_assert_str_eq(rg_safetensors_at(file, 0)->name,
                     "\xc3\xa9\xf0\x9f\x98\x80/\b\f\n\r\t\"\\\xe2\x82\xac");
    cr_assert_str_eq(rg_safetensors_at(file, 1)->name, "x");
    cr_assert_str_eq(rg_safetensors_at(file, 2)->name, "y");
    cr_assert(memcmp(rg_safetensors_find(file, "x")->data, "\1\2\3\4", 4) == 0);
    cr_assert(memcmp(rg_safetensors_find(file, "y")->data, "\5\6\7\x08\x09\x0a\x0b\x0c", 8) == 0);
    cr_assert((uintptr_t)rg_safetensors_find(file, "y")->data % 8 == 0);
    rg_safetensors_destroy(file);
}

/* ---- refusals ---- */

static void check_refused(const char *path, rg_status status, const char *text)
{
    rg_safetensors *file = (rg_safetensors *)&file;
    rg_error error = {.message = ""};
    CHECK_STATUS(rg_safetensors_read(path, NULL, &file, &error), status);
    check_message(&error, status, path, text);
    cr_assert(file == NULL);
    CHECK_STATUS(rg_safetensors_read(path, NULL, &file, NULL), status);
}

#define T(members) "{\"x\":{" members "}}"
#define F32        "\"dtype\":\"F32\","

Test(safetensors, refuses_malformed_headers)
{
    static const struct {
        const char *header, *text;
    } cases[] = {
        {"", ", byte 8: expected an object, found the end"},
        {"[]", ", byte 8: expected an object, found ["},
        {"\xef\xbb\xbf{}", ", byte 8: expected an object, found byte 0xef"},
        {"{", ", byte 9: expected a string, found the end"},
        {"{}}", ", byte 10: expected the end, found }"},
        {"{}{}", ", byte 10: expected the end, found {"},
        {"{,}", ", byte 9: expected a string, found ,"},
        {"{\"x\"}", ", byte 12: expected a colon, found }"},
        {"{\"x\":1}", ", byte 13: expected an object, found 1"},
        {"{\"x\":[[[[]]]]}", ", byte 13: expected an object, found ["},
        {"{\"x", ", byte 11: expected a character of UTF-8 or the end of a string, found the end"},
        {"{\"\n\":", ", byte 10: expected a character of UTF-8 or the end of a string, found byte "
                     "0x0a"},
        {"{\"\x80\":",
         ", byte 10: expected a character of UTF-8 or the end of a string, found byte 0x80"},
        {"{\"\xc1\xbf\":",
         ", byte 10: expected a character of UTF-8 or the end of a string, found byte 0xc1"},
        {"{\"\xe0\x9f\xbf\":",
         ", byte 10: expected a character of UTF-8 or the end of a string, found byte 0xe0"},
        {"{\"\xed\xa0\x80\":",
         ", byte 10: expected a character of UTF-8 or the end of a string, found byte 0xed"},
        {"{\"\xf0\x8f\xbf\xbf\":",
         ", byte 10: expected a character of UTF-8 or the end of a string, found byte 0xf0"},
        {"{\"\xf4\x90\x80\x80\":",
         ", byte 10: expected a character of UTF-8 or the end of a string, found byte 0xf4"},
        {"{\"\xf5\x80\x80\x80\":",
         ", byte 10: expected a character of UTF-8 or the end of a string, found byte 0xf5"},
        {"{\"\xe2\x82", ", byte 10: expected a character of UTF-8 or the end of a string, found "
                        "byte 0xe2"},
        {"{\"\xe2\x82\":", ", byte 10: expected a character of UTF-8 or the end of a string, found "
                           "byte 0xe2"},
        {"{\"\\x\":", ", byte 11: expected one of \"\\/bfnrtu, found x"},
        {"{\"\\", ", byte 11: expected one of \"\\/bfnrtu, found the end"},
        {"{\"\\u00g0\":", ", byte 11: expected a character's code other than 0 after \\u, found u"},
        {"{\"\\u0000\":", ", byte 11: expected a character's code other than 0 after \\u, found u"},
        {"{\"\\ud800\":", ", byte 11: expected a character's code other than 0 after \\u, found u"},
        {"{\"\\ude00\":", ", byte 11: expected a character's code other than 0 after \\u, found u"},
        {"{\"\\ud800\\ud800\":",
         ", byte 11: expected a character's code other than 0 after \\u, found u"},
        {"{\"\\u00", ", byte 11: expected a character's code other than 0 after \\u, found u"},
        {"{\"__metadata__\":1}", ", byte 24: expected an object, found 1"},
        {"{\"__metadata__\":{\"a\":1}}", ", byte 29: expected a string, found 1"},
        {"{\"__metadata__\":{\"a\":\"\"\"b\":\"\"}}", ", byte 31: expected a comma or }, found \""},
        {"{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", ": a occurs twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", ": __metadata__ occurs twice"},
        {T(F32), ", byte 28: expected a string, found }"},
        {T("\"dtype\":\"F33\""), ": x has the unknown dtype F33"},
        {T("\"dtype\":32"), ", byte 22: expected a string, found 3"},
        {T("\"type\":\"F32\""), ": x has the unknown member type"},
        {T(F32 "\"dtype\":\"F32\""), ": x has the member dtype twice"},
        {T(F32 "\"shape\":[]"), ": x has no data_offsets"},
        {T(F32 "\"data_offsets\":[0,0]"), ": x has no shape"},
        {T("\"shape\":[],\"data_offsets\":[0,0]"), ": x has no dtype"},
        {T(F32 "\"shape\":3"), ", byte 36: expected an array, found 3"},
        {T(F32 "\"shape\":[-1]"),
         ", byte 37: expected an integer from 0 to 2^63 - 1 in plain digits, found -"},
        {T(F32 "\"shape\":[01]"),
         ", byte 37: expected an integer from 0 to 2^63 - 1 in plain digits, found 0"},
        {T(F32 "\"shape\":[9223372036854775808]"),
         ", byte 37: expected an integer from 0 to 2^63 - 1 in plain digits, found 9"},
        {T(F32 "\"shape\":[1.0]"), ", byte 38: expected a comma or ], found ."},
        {T(F32 "\"shape\":[1e3]"), ", byte 38: expected a comma or ], found e"},
        {T(F32 "\"shape\":[1,]"),
         ", byte 39: expected an integer from 0 to 2^63 - 1 in plain digits, found ]"},
        {T(F32 "\"shape\":[[1]]"),
         ", byte 37: expected an integer from 0 to 2^63 - 1 in plain digits, found ["},
        {T(F32 "\"shape\":[],\"data_offsets\":[0]"), ": x has 1 offsets instead of two"},
        {T(F32 "\"shape\":[],\"data_offsets\":[0,4,8]"), ": x has 3 offsets instead of two"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(write_header(cases[i].header, 0), RG_ERROR_FORMAT, cases[i].text);
    check_refused(write_header(T(F32 "\"shape\":[1,1,1,1,1,1,1,1,1]"), 0), RG_ERROR_LIMIT,
                  ": x has a list of more than 8 numbers");
}

#define ENTRY(name, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

Test(safetensors, refuses_data_that_do_not_fit)
{
    static const struct {
        const char *header;
        size_t data;
        const char *text;
    } cases[] = {
        {"{" ENTRY("x", "[1]", "0", "8") "}", 8,
         ": the offsets of x leave it 8 bytes, but F32 of [1] takes 4"},
        {"{" ENTRY("x", "[0]", "0", "4") "}", 4,
         ": the offsets of x leave it 4 bytes, but F32 of [0] takes 0"},
        {"{" ENTRY("x", "[2]", "0", "8") "}", 4,
         ": the offsets of x are 0 and 8, but there are 4 bytes of data"},
        {"{" ENTRY("x", "[1]", "4", "0") "}", 4,
         ": the offsets of x are 4 and 0, but there are 4 bytes of data"},
        {"{" ENTRY("x", "[1]", "9223372036854775803", "9223372036854775807") "}", 4,
         ": the offsets of x are 9223372036854775803 and 9223372036854775807, but there are 4 "
         "bytes of data"},
        {"{" ENTRY("x", "[4294967296,4294967296]", "0", "4") "}", 4,
         ": the shape of x has too many elements"},
        {"{" ENTRY("x", "[4611686018427387904]", "0", "0") "}", 0,
         ": the shape of x has too many elements"},
        {"{" ENTRY("x", "[1]", "4", "8") "}", 8,
         ": the data of x begin at offset 4, but those before end at 0"},
        {"{" ENTRY("x", "[2]", "0", "8") "," ENTRY("y", "[1]", "4", "8") "}", 8,
         ": the data of y begin at offset 4, but those before end at 8"},
        {"{" ENTRY("x", "[1]", "0", "4") "," ENTRY("y", "[1]", "8", "12") "}", 12,
         ": the data of y begin at offset 8, but those before end at 4"},
        {"{" ENTRY("x", "[1]", "0", "4") "," ENTRY("x", "[1]", "4", "8") "}", 8,
         ": x occurs twice"},
        {"{" ENTRY("x", "[1]", "0", "4") "," ENTRY("\\u0078", "[1]", "0", "4") "}", 4,
         ": x occurs twice"},
        {"{" ENTRY("x", "[1]", "0", "4") "}", 5,
         ": the data of all tensors have 4 bytes, but 5 follow the header"},
        {"{}", 1, ": the data of all tensors have 0 bytes, but 1 follow the header"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(write_header(cases[i].header, cases[i].data), RG_ERROR_FORMAT, cases[i].text);
}

Test(safetensors, believes_no_length)
{
    const char *path = in_folder("x");
    write_bytes(path, "\2\0\0\0\0\0\0", 7);
    check_refused(path, RG_ERROR_FORMAT, ": has 7 bytes, too few for the length of a header");
    write_bytes(path, "", 0);
    check_refused(path, RG_ERROR_FORMAT, ": has 0 bytes, too few for the length of a header");
    write_bytes(path, "\3\0\0\0\0\0\0\0{}", 10);
    check_refused(path, RG_ERROR_FORMAT, ": its header would have 3 bytes, but only 2 follow");
    write_bytes(path, "\0\xe1\xf5\5\0\0\0\0{}", 10);
    check_refused(path, RG_ERROR_FORMAT,
                  ": its header would have 100000000 bytes, but only 2 follow");
    write_bytes(path, "\1\xe1\xf5\5\0\0\0\0{}", 10);
    check_refused(path, RG_ERROR_LIMIT,
                  ": its header would have 100000001 bytes, beyond 100000000");
    write_bytes(path, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
    check_refused(path, RG_ERROR_LIMIT,
                  ": its header would have 18446744073709551615 bytes, beyond 100000000");
}

Test(safetensors, takes_memory_only_for_what_is_there)
{
    const char *const headers[] = {
        "{" ENTRY("x", "[1000000000]", "0", "4000000000") "}",
        "{" ENTRY("x", "[1000000000]", "0", "4") "}",
    };
    for (int i = 0; i < 2; i++) {
        failing memory = {0};
        const rg_allocator allocator = {failing_resize, &memory};
        rg_safetensors *file;
        CHECK_STATUS(rg_safetensors_read(write_header(headers[i], 4), &allocator, &file, NULL),
                     RG_ERROR_FORMAT);
        cr_assert(memory.peak < 4096, "%zu bytes were allocated", memory.peak);
        cr_assert(memory.live == 0);
    }
}

Test(safetensors, says_why_a_file_cannot_be_read)
{
    check_refused(in_folder("none"), RG_ERROR_IO, ": cannot be opened: No such file or directory");
    check_refused(folder, RG_ERROR_IO, ": is not a regular file");
}

/* ---- damage ---- */

static size_t good_file(unsigned char *out)
{
    return make_file(out,
                     "{\"__metadata__\":{\"k\":\"v\"}," ENTRY("x", "[2,1]", "0", "8") "," ENTRY(
                         "y", "[]", "8", "12") "}",
                     12);
}

/* Reads a damaged file: what it gives is consistent, or a message that names the file. */
static bool survives(const char *path, size_t size)
{
    rg_safetensors *file;
    rg_error error = {.status = RG_OK};
    rg_status status = rg_safetensors_read(path, NULL, &file, &error);
    cr_assert((status == RG_OK) == (file != NULL));
    if (!file) {
        CHECK_STATUS(error.status, status);
        cr_assert(strncmp(error.message, path, strlen(path)) == 0, "%s", error.message);
        return false;
    }
    size_t total = 0;
    for (int64_t i = 0; i < rg_safetensors_count(file); i++) {
        const rg_stored *found = rg_safetensors_at(file, i);
        cr_assert(rg_safetensors_find(file, found->name) == found);
        if (!found->data)
            continue;
        size_t bytes_of = (size_t)rg_shape_size(&found->shape) * rg_type_size(found->type);
        for (size_t k = 0; k < bytes_of; k++)
            total += ((const unsigned char *)found->data)[k];
    }
    cr_assert(total <= 255 * size);
    rg_safetensors_destroy(file);
    return true;
}

Test(safetensors, refuses_every_truncation)
{
    unsigned char bytes[ROOM];
    const char *path = in_folder("damaged");
    size_t size = good_file(bytes);
    write_bytes(path, bytes, size);
    cr_assert(survives(path, size));
    cr_assert(truncate(path, (off_t)size + 1) == 0);
    cr_assert(!survives(path, size + 1));
    for (size_t cut = size; cut-- > 0;) {
        cr_assert(truncate(path, (off_t)cut) == 0);
        cr_assert(!survives(path, cut), "%zu bytes of %zu are read", cut, size);
    }
}

Test(safetensors, survives_every_damaged_byte)
{
    static const unsigned char interesting[] = {0,   1,   ' ', '"', ',', '0',  '1',  '4',
                                                '8', '9', '[', ']', '{', '\\', 0x80, 0xff};
    unsigned char bytes[ROOM];
    const char *path = in_folder("damaged");
    size_t size = good_file(bytes);
    int good = 0, refused = 0;
    write_bytes(path, bytes, size);
    for (size_t i = 0; i < size; i++) {
        for (size_t k = 0; k < sizeof interesting + 8; k++) {
            change_byte(path, i, k < 8 ? (unsigned char)(bytes[i] ^ (1 << k)) : interesting[k - 8]);
            if (survives(path, size))
                good++;
            else
                refused++;
        }
        change_byte(path, i, bytes[i]);
    }
    cr_assert(good > 100 && refused > 1000, "%d read, %d refused", good, refused);
}

/* ---- writing ---- */

static void check_not_written(const rg_stored *tensors, int64_t count, const rg_metadata *metadata,
                              int64_t metadata_count, rg_status status, const char *text)
{
    const char *path = in_folder("old");
    size_t size;
    rg_error error = {.message = ""};
    empty_folder();
    write_bytes(path, "old", 3);
    CHECK_STATUS(rg_safetensors_write(path, tensors, count, metadata, metadata_count, NULL, &error),
                 status);
    check_message(&error, status, path, text);
    cr_assert(memcmp(read_bytes(path, &size), "old", 3) == 0 && size == 3);
    cr_assert(empty_folder() == 1);
}

Test(safetensors, refuses_to_write_what_could_not_be_read)
{
    const float one = 1;
    const struct {
        rg_stored tensor;
        rg_status status;
        const char *text;
    } cases[] = {
        {{NULL, RG_F32, RG_SCALAR, &one, NULL},
         RG_ERROR_ARGUMENT,
         ": a tensor cannot be called NULL"},
        {{"__metadata__", RG_F32, RG_SCALAR, &one, NULL},
         RG_ERROR_ARGUMENT,
         ": a tensor cannot be called __metadata__"},
        {{"\xff", RG_F32, RG_SCALAR, &one, NULL},
         RG_ERROR_ARGUMENT,
         ": the name of a tensor is not UTF-8"},
        {{"x", RG_F32, RG_SCALAR, NULL, NULL}, RG_ERROR_ARGUMENT, ": the data of x are NULL"},
        {{"x", (rg_type)3, RG_SCALAR, &one, NULL}, RG_ERROR_TYPE, ": the type of x is none"},
        {{"x", RG_F32, RG_SHAPE(-1), &one, NULL},
         RG_ERROR_SHAPE,
         ": the shape of x has a negative dimension, more than 8 of them, or too many elements"},
        {{"x", RG_F32, {.rank = 9}, &one, NULL},
         RG_ERROR_SHAPE,
         ": the shape of x has a negative dimension, more than 8 of them, or too many elements"},
        {{"x", RG_F32, RG_SHAPE(INT64_MAX), &one, NULL},
         RG_ERROR_LIMIT,
         ": the data up to x exceed 2^63 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_not_written(&cases[i].tensor, 1, NULL, 0, cases[i].status, cases[i].text);
    check_not_written(NULL, -1, NULL, 0, RG_ERROR_ARGUMENT, ": the number of tensors is negative");
    const rg_stored twice[] = {{"x", RG_F32, RG_SCALAR, &one, NULL},
                               {"y", RG_F32, RG_SCALAR, &one, NULL},
                               {"x", RG_F32, RG_SCALAR, &one, NULL}};
    check_not_written(twice, 3, NULL, 0, RG_ERROR_ARGUMENT, ": the name x is given twice");
}

Test(safetensors, refuses_to_write_metadata_that_could_not_be_read)
{
    static const struct {
        rg_metadata list[2];
        const char *text;
    } cases[] = {
        {{{"a", "b"}, {NULL, "b"}}, ": a key of the metadata is NULL"},
        {{{"a", "b"}, {"\x80", "b"}}, ": a key of the metadata is not UTF-8"},
        {{{"a", "b"}, {"b", NULL}}, ": a value of the metadata is NULL"},
        {{{"a", "b"}, {"b", "\xed\xa0\x80"}}, ": a value of the metadata is not UTF-8"},
        {{{"a", "b"}, {"a", "c"}}, ": the name a is given twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_not_written(NULL, 0, cases[i].list, 2, RG_ERROR_ARGUMENT, cases[i].text);
    check_not_written(NULL, 0, NULL, -1, RG_ERROR_ARGUMENT,
                      ": the number of lines of metadata is negative");
}

Test(safetensors, refuses_a_header_that_is_too_long)
{
    char *value = malloc(RG_SAFETENSORS_MAX_HEADER);
    memset(value, 'x', RG_SAFETENSORS_MAX_HEADER - 1);
    value[RG_SAFETENSORS_MAX_HEADER - 1] = 0;
    check_not_written(NULL, 0, &(rg_metadata){"k", value}, 1, RG_ERROR_LIMIT,
                      ": the header would have 100000024 bytes, beyond 100000000");
    free(value);
}

Test(safetensors, says_why_a_file_cannot_be_written)
{
    rg_error error;
    const char *path = in_folder("none/x");
    CHECK_STATUS(rg_safetensors_write(path, NULL, 0, NULL, 0, NULL, &error), RG_ERROR_IO);
    check_message(&error, RG_ERROR_IO, path, ": cannot be written: No such file or directory");
    /* A folder cannot be replaced: the renaming fails. */
    path = in_folder("x");
    cr_assert(mkdir(path, 0777) == 0);
    CHECK_STATUS(rg_safetensors_write(path, NULL, 0, NULL, 0, NULL, &error), RG_ERROR_IO);
    check_message(&error, RG_ERROR_IO, path, ": cannot be written: Is a directory");
    cr_assert(empty_folder() == 1);
}

Test(safetensors, replaces_a_symbolic_link_itself)
{
    size_t size;
    write_bytes(in_folder("old"), "old", 3);
    cr_assert(symlink("old", in_folder("link")) == 0);
    CHECK_STATUS(rg_safetensors_write(in_folder("link"), NULL, 0, NULL, 0, NULL, NULL), RG_OK);
    rg_safetensors_destroy(read_good(in_folder("link")));
    cr_assert(memcmp(read_bytes(in_folder("old"), &size), "old", 3) == 0 && size == 3);
}

/* The disk is full after some bytes, for all numbers of them. */
Test(safetensors, keeps_the_old_file_when_the_disk_is_full)
{
    const double data[64] = {0};
    const rg_stored tensor = {"x", RG_F64, RG_SHAPE(64), data, NULL};
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < 580; limit += 17) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
        write_bytes(in_folder("old"), "old", 3);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, RLIM_INFINITY});
        rg_error error;
        size_t size;
        CHECK_STATUS(rg_safetensors_write(in_folder("old"), &tensor, 1, NULL, 0, NULL, &error),
                     RG_ERROR_IO);
        check_message(&error, RG_ERROR_IO, in_folder("old"), ": cannot be written: File too large");
        cr_assert(memcmp(read_bytes(in_folder("old"), &size), "old", 3) == 0 && size == 3);
        cr_assert(empty_folder() == 1);
    }
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
}

/* Writes one file over and over, each time with other numbers, until it is killed. */
static void write_forever(const char *path)
{
    static double data[10000];
    const rg_stored tensor = {"x", RG_F64, RG_SHAPE(10000), data, NULL};
    for (double number = 1;; number++) {
        for (int i = 0; i < 10000; i++)
            data[i] = number;
        if (rg_safetensors_write(path, &tensor, 1, NULL, 0, NULL, NULL) != RG_OK)
            _exit(1);
    }
}

Test(safetensors, leaves_the_old_or_the_new_file_when_killed)
{
    const char *path = in_folder("killed");
    const double first[10000] = {0};
    const rg_stored tensor = {"x", RG_F64, RG_SHAPE(10000), first, NULL};
    rg_random random = rg_random_create(1);
    double last = 0;
    CHECK_STATUS(rg_safetensors_write(path, &tensor, 1, NULL, 0, NULL, NULL), RG_OK);
    for (int round = 0; round < 100; round++) {
        int how;
        pid_t child = fork();
        if (child == 0)
            write_forever(path);
        usleep((useconds_t)rg_random_below(&random, 20000));
        kill(child, SIGKILL);
        waitpid(child, &how, 0);
        cr_assert(WIFSIGNALED(how), "the writer failed");
        rg_safetensors *file = read_good(path);
        const double *found = rg_safetensors_find(file, "x")->data;
        for (int i = 0; i < 10000; i++)
            cr_assert(found[i] == found[0]);
        last += found[0];
        rg_safetensors_destroy(file);
    }
    cr_assert(last > 0, "no child wrote anything");
}

Test(safetensors, is_written_beside_what_a_killed_writer_left)
{
    char stale[PATH_SIZE + 32];
    size_t size;
    snprintf(stale, sizeof stale, "%s.%ld.0.tmp", in_folder("x"), (long)getpid());
    write_bytes(stale, "stale", 5);
    CHECK_STATUS(rg_safetensors_write(in_folder("x"), NULL, 0, NULL, 0, NULL, NULL), RG_OK);
    rg_safetensors_destroy(read_good(in_folder("x")));
    cr_assert(memcmp(read_bytes(stale, &size), "stale", 5) == 0);
    cr_assert(empty_folder() == 2);
}

/* ---- memory ---- */

Test(safetensors, survives_each_failing_allocation)
{
    const double data[4] = {1, 2, 3, 4};
    char names[20][8];
    rg_stored tensors[20];
    rg_metadata metadata[20];
    const char *path = in_folder("x");
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "x%d", i);
        tensors[i] = (rg_stored){names[i], RG_F64, RG_SHAPE(2, 2), data, NULL};
        metadata[i] = (rg_metadata){names[i], "text"};
    }
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {.message = ""};
        rg_status status =
            rg_safetensors_write(path, tensors, 20, metadata, 20, &allocator, &error);
        cr_assert(status == RG_OK || strstr(error.message, "no memory"), "%s", error.message);
        CHECK_FAILURE(memory, status);
    }
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_safetensors *file;
        rg_error error = {.message = ""};
        rg_status status = rg_safetensors_read(path, &allocator, &file, &error);
        cr_assert((status == RG_OK) == (file != NULL));
        cr_assert(file || strstr(error.message, "no memory"), "%s", error.message);
        rg_safetensors_destroy(file);
        CHECK_FAILURE(memory, status);
    }
}
