#define _POSIX_C_SOURCE 200809L

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>

#include "../check.h"
#include "../failing.h"

SUITE(csv);

/* ---- reading from memory ---- */

static rg_status read_bytes(const char *text, size_t size, const rg_csv_options *options,
                            rg_dataset **out, rg_error *error)
{
    FILE *stream = fmemopen((void *)text, size, "rb");
    cr_assert(stream != NULL);
    rg_status status = rg_csv_read_stream(stream, "data.csv", options, out, error);
    fclose(stream);
    return status;
}

static rg_status read_text(const char *text, const rg_csv_options *options, rg_dataset **out,
                           rg_error *error)
{
    return read_bytes(text, strlen(text), options, out, error);
}

static rg_dataset *read_good(const char *text, const rg_csv_options *options)
{
    rg_dataset *data;
    rg_error error = {.status = RG_OK};
    rg_status status = read_text(text, options, &data, &error);
    cr_assert(status == RG_OK, "%s", error.message);
    return data;
}

static void check_bad(const char *text, const rg_csv_options *options, rg_status want,
                      const char *message)
{
    rg_dataset *data = (rg_dataset *)&data;
    rg_error error = {.status = RG_OK};
    rg_status status = read_text(text, options, &data, &error);
    cr_assert(status == want, "\"%s\" gives %s: %s", text, rg_status_name(status), error.message);
    CHECK_STATUS(error.status, want);
    cr_assert_str_eq(error.message, message);
    cr_assert(data == NULL);
    CHECK_STATUS(read_text(text, options, &data, NULL), want);
}

static double get(const rg_dataset *data, const void *array, int64_t index)
{
    return data->type == RG_F32 ? ((const float *)array)[index] : ((const double *)array)[index];
}

static void check_numbers(const rg_dataset *data, const void *array, int64_t count,
                          const double *want)
{
    for (int64_t i = 0; i < count; i++)
        cr_assert(get(data, array, i) == want[i], "number %" PRId64 " is %.17g, not %.17g", i,
                  get(data, array, i), want[i]);
}

/* ---- numbers ---- */

static void check_number(const char *text, double want)
{
    rg_dataset *data = read_good(text, NULL);
    double got = get(data, data->inputs, 0);
    cr_assert(memcmp(&got, &want, sizeof got) == 0, "\"%s\" is read as %.17g", text, got);
    rg_dataset_destroy(data);
}

Test(csv, reads_every_form_of_number)
{
    const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0.0},
        {"-0", -0.0},
        {"-0.0", -0.0},
        {"-0e5", -0.0},
        {"7", 7},
        {"+7", 7},
        {"007", 7},
        {"-12", -12},
        {".5", 0.5},
        {"5.", 5},
        {"-.5e+1", -5},
        {"5.e1", 50},
        {"1e3", 1000},
        {"1E3", 1000},
        {"1e+3", 1000},
        {"1.25e-3", 1.25e-3},
        {"0.1", 0.1},
        {"1.5e1", 15},
        {"123456789012345", 123456789012345},
        {"9007199254740993", 9007199254740992},
        {"9007199254740993.0000000000001", 9007199254740994},
        {"1.7976931348623157e308", DBL_MAX},
        {"4.9e-324", DBL_TRUE_MIN},
        {"1e-400", 0},
        {"-1e-99999999999999999999", -0.0},
        {"0e99999999999999999999", 0},
        {"0.00000000000000000000000001e26", 1},
        {"100000000000000000000000000e-26", 1},
        {"  3", 3},
        {" \t3", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_number(cases[i].text, cases[i].value);
}

Test(csv, reads_numbers_back_bit_by_bit)
{
    rg_random random = rg_random_create(1);
    for (int i = 0; i < 5000; i++) {
        uint64_t bits = rg_random_bits(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        char text[64];
        snprintf(text, sizeof text, "%.17g", value);
        check_number(text, value);
    }
}

Test(csv, reads_float32_back_bit_by_bit)
{
    rg_random random = rg_random_create(2);
    for (int i = 0; i < 5000; i++) {
        uint32_t bits = (uint32_t)rg_random_bits(&random);
        float value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        char text[64];
        snprintf(text, sizeof text, "%.9g", value);
        rg_dataset *data = read_good(text, &(rg_csv_options){.type = RG_F32});
        cr_assert(data->type == RG_F32);
        cr_assert(memcmp(data->inputs, &value, sizeof value) == 0, "\"%s\"", text);
        rg_dataset_destroy(data);
    }
}

Test(csv, reads_numbers_up_to_the_longest)
{
    char text[RG_CSV_MAX_NUMBER + 2];
    memset(text, '0', sizeof text);
    text[RG_CSV_MAX_NUMBER - 1] = '3';
    text[RG_CSV_MAX_NUMBER] = 0;
    check_number(text, 3);
    /* The exact expansion of the smallest number has 1076 characters. */
    snprintf(text, sizeof text, "%.1074f", DBL_TRUE_MIN);
    check_number(text, DBL_TRUE_MIN);
    memset(text, '1', RG_CSV_MAX_NUMBER + 1);
    text[RG_CSV_MAX_NUMBER + 1] = 0;
    check_bad(
        text, NULL, RG_ERROR_FORMAT,
        "data.csv, line 1, column 1: expected a number, found \"111111111111111111111111..\"");
}

Test(csv, refuses_what_is_no_decimal_number)
{
    const char *const words[] = {"x",      "0x10",  "inf",   "-inf",  "nan", "NAN", "infinity",
                                 "1e",     "1e+",   "1e+-1", ".",     "-",   "+",   "e5",
                                 ".e5",    "1.2.3", "1 ",    "1x",    "--1", "+-1", "1e5.0",
                                 "1e5e5",  "1_000", "1;2",   "1'000", "1f",  "1d5", "1e400",
                                 "-1e400", " ",     "\t",    "- 1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char text[64], message[128];
        snprintf(text, sizeof text, "4,%s\n", words[i]);
        snprintf(message, sizeof message,
                 "data.csv, line 1, column 2: expected a number, found \"%s\"",
                 strcmp(words[i], "\t") == 0 ? "\\x09" : words[i]);
        check_bad(text, NULL, RG_ERROR_FORMAT, message);
    }
}

/* Makes a locale with a decimal comma the present one, if the system has any. */
static int use_decimal_comma(void)
{
    const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "de_DE",      "fr_FR.UTF-8",
                                 "fr_FR.utf8",  "nl_NL.UTF-8", "ru_RU.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_ALL, names[i]) && strcmp(localeconv()->decimal_point, ",") == 0)
            return 1;
    return 0;
}

Test(csv, does_not_depend_on_the_locale)
{
    if (!use_decimal_comma())
        cr_skip_test("no locale with a decimal comma is installed");
    check_number("1.5", 1.5);
    check_number("0.1e-7", 0.1 * 1e-7);
    check_bad("1,5;2", &(rg_csv_options){.delimiter = ';'}, RG_ERROR_FORMAT,
              "data.csv, line 1, column 1: expected a number, found \"1,5\"");
}

/* ---- tables ---- */

Test(csv, reads_a_table)
{
    const rg_type types[] = {RG_F32, RG_F64};
    for (int t = 0; t < 2; t++) {
        rg_dataset *data = read_good("1,2.5,3\n-4,5,6e1\n", &(rg_csv_options){.type = types[t]});
        cr_assert(data->type == types[t]);
        cr_assert(data->count == 2);
        cr_assert(data->features == 3);
        cr_assert(data->classes == NULL);
        cr_assert(data->class_count == 0);
        cr_assert(data->targets == NULL);
        cr_assert(data->target_width == 0);
        check_numbers(data, data->inputs, 6, (double[]){1, 2.5, 3, -4, 5, 60});
        rg_dataset_destroy(data);
    }
}

Test(csv, accepts_every_way_to_end_lines)
{
    const char *const texts[] = {
        "1,2\n3,4\n",     "1,2\n3,4",         "1,2\r\n3,4\r\n",   "1,2\r\n3,4", "1,2\r\n3,4\n",
        "1,2\n3,4\n\n\n", "1,2\n3,4\r\n\r\n", "1,2\n3,4\n\r\n\n", "1,2\n3,4\r", "1, 2\n 3,\t4\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rg_dataset *data = read_good(texts[i], NULL);
        cr_assert(data->count == 2, "\"%s\" has %" PRId64 " rows", texts[i], data->count);
        check_numbers(data, data->inputs, 4, (double[]){1, 2, 3, 4});
        rg_dataset_destroy(data);
    }
}

Test(csv, takes_any_delimiter)
{
    const char delimiters[] = {',', ';', '\t', ' ', '|', 'x'};
    for (size_t i = 0; i < sizeof delimiters; i++) {
        char text[] = "1?2\n3?4\n";
        text[1] = text[5] = delimiters[i];
        rg_dataset *data = read_good(text, &(rg_csv_options){.delimiter = delimiters[i]});
        check_numbers(data, data->inputs, 4, (double[]){1, 2, 3, 4});
        rg_dataset_destroy(data);
    }
}

Test(csv, skips_header_lines)
{
    rg_dataset *data =
        read_good("name, \"other\" name\n\n1,2\n", &(rg_csv_options){.header_lines = 2});
    cr_assert(data->count == 1);
    check_numbers(data, data->inputs, 2, (double[]){1, 2});
    rg_dataset_destroy(data);
}

Test(csv, finds_the_class_in_any_column)
{
    const int64_t columns[] = {1, 2, 3, -1, -2, -3};
    const char *const texts[] = {"2,10,20\n0,30,40\n", "10,2,20\n30,0,40\n", "10,20,2\n30,40, 0\n"};
    for (int i = 0; i < 6; i++) {
        int place = i < 3 ? i : 5 - i;
        rg_dataset *data = read_good(texts[place], &(rg_csv_options){.class_column = columns[i]});
        cr_assert(data->features == 2);
        cr_assert(data->class_count == 3);
        cr_assert(data->classes[0] == 2);
        cr_assert(data->classes[1] == 0);
        check_numbers(data, data->inputs, 4, (double[]){10, 20, 30, 40});
        rg_dataset_destroy(data);
    }
}

Test(csv, separates_inputs_scaled_classes_and_targets)
{
    const int64_t targets[] = {-1, 1};
    const rg_csv_options options = {.type = RG_F32,
                                    .class_column = 3,
                                    .class_count = 10,
                                    .target_columns = targets,
                                    .target_count = 2,
                                    .scale = 0.5};
    rg_dataset *data = read_good("1,2,3,4,5\n6,7,8,9,10\n", &options);
    cr_assert(data->features == 2);
    cr_assert(data->target_width == 2);
    cr_assert(data->class_count == 10);
    check_numbers(data, data->inputs, 4, (double[]){1, 2, 3.5, 4.5});
    check_numbers(data, data->targets, 4, (double[]){5, 1, 10, 6});
    cr_assert(data->classes[0] == 3);
    cr_assert(data->classes[1] == 8);
    rg_dataset_destroy(data);
}

Test(csv, reads_many_rows)
{
    enum { COUNT = 5000 };
    char *text = malloc(COUNT * 16), *end = text;
    for (int i = 0; i < COUNT; i++)
        end += sprintf(end, "%d,%d.5,%d\n", i, -i, i % 7);
    rg_dataset *data = read_good(text, &(rg_csv_options){.class_column = -1});
    cr_assert(data->count == COUNT);
    cr_assert(data->class_count == 7);
    for (int i = 0; i < COUNT; i++) {
        cr_assert(get(data, data->inputs, 2 * i) == i);
        cr_assert(get(data, data->inputs, 2 * i + 1) == (i ? -i - 0.5 : 0.5));
        cr_assert(data->classes[i] == i % 7);
    }
    rg_dataset_destroy(data);
    free(text);
}

Test(csv, limits_the_length_of_a_line)
{
    char *text = malloc(RG_CSV_MAX_LINE + 8);
    memset(text, ' ', RG_CSV_MAX_LINE + 2);
    memcpy(text + RG_CSV_MAX_LINE - 1, "7\n", 3);
    rg_dataset *data = read_good(text, NULL);
    check_numbers(data, data->inputs, 1, (double[]){7});
    rg_dataset_destroy(data);
    memcpy(text + RG_CSV_MAX_LINE - 1, " 7\n", 4);
    rg_error error;
    CHECK_STATUS(read_text(text, NULL, &data, &error), RG_ERROR_FORMAT);
    cr_assert_str_eq(error.message,
                     "data.csv, line 1: expected at most 16777216 characters, found more");
    free(text);
}

/* ---- errors ---- */

Test(csv, names_the_place_of_an_error)
{
    const rg_csv_options plain = {0}, classes = {.class_column = -1},
                         three = {.class_column = -1, .class_count = 3}, single = {.type = RG_F32},
                         header = {.header_lines = 3}, scaled = {.scale = 1e300};
    const struct {
        const char *text;
        const rg_csv_options *options;
        const char *message;
    } cases[] = {
        {"1,2\n3,4\n5,x\n", &plain, "data.csv, line 3, column 2: expected a number, found \"x\""},
        {"1,,3\n", &plain, "data.csv, line 1, column 2: expected a number, found \"\""},
        {"1,2,\n", &plain, "data.csv, line 1, column 3: expected a number, found \"\""},
        {",1\n", &plain, "data.csv, line 1, column 1: expected a number, found \"\""},
        {"\"1\"\n", &plain, "data.csv, line 1, column 1: expected a number, found \"\"1\"\""},
        {"1,\xff\x01\n", &plain,
         "data.csv, line 1, column 2: expected a number, found \"\\xff\\x01\""},
        {"1,abcdefghijklmnopqrstuvwxyz\n", &plain,
         "data.csv, line 1, column 2: expected a number, found \"abcdefghijklmnopqrstuvwx..\""},
        {"1,2\n3\n", &plain, "data.csv, line 2: expected 2 fields as in line 1, found 1"},
        {"1,2\n3,4,5\n", &plain, "data.csv, line 2: expected 2 fields as in line 1, found 3"},
        {"", &plain, "data.csv, line 1: expected a row of numbers, found the end of the file"},
        {"\n\n", &plain, "data.csv, line 3: expected a row of numbers, found the end of the file"},
        {"a\nb\n", &header,
         "data.csv, line 3: expected a row of numbers, found the end of the file"},
        {"a\nb\nc\n1\nd", &header, "data.csv, line 5, column 1: expected a number, found \"d\""},
        {"1\n\n\n2\n", &plain, "data.csv, line 2: expected a row of numbers, found a blank line"},
        {"\n1\n", &plain, "data.csv, line 1: expected a row of numbers, found a blank line"},
        {"1\r\r\n", &plain, "data.csv, line 1, column 1: expected a number, found \"1\\x0d\""},
        {"1\r2\n", &plain, "data.csv, line 1, column 1: expected a number, found \"1\\x0d2\""},
        {"1,-1\n", &classes,
         "data.csv, line 1, column 2: expected a class from 0 to 2147483646, found \"-1\""},
        {"1,1.0\n", &classes,
         "data.csv, line 1, column 2: expected a class from 0 to 2147483646, found \"1.0\""},
        {"1,\n", &classes,
         "data.csv, line 1, column 2: expected a class from 0 to 2147483646, found \"\""},
        {"1,2147483647\n", &classes,
         "data.csv, line 1, column 2: expected a class from 0 to 2147483646, found "
         "\"2147483647\""},
        {"1,99999999999999999999\n", &classes,
         "data.csv, line 1, column 2: expected a class from 0 to 2147483646, found "
         "\"99999999999999999999\""},
        {"1,2\n1,3\n", &three,
         "data.csv, line 2, column 2: expected a class from 0 to 2, found \"3\""},
        {"1e39\n", &single,
         "data.csv, line 1, column 1: expected a number within the range of float32, found "
         "\"1e39\""},
        {"1,-1e10\n", &scaled,
         "data.csv, line 1, column 2: expected a number within the range of float64, found "
         "\"-1e10\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_bad(cases[i].text, cases[i].options, RG_ERROR_FORMAT, cases[i].message);
}

Test(csv, accepts_the_largest_class)
{
    rg_dataset *data = read_good("1,2147483646\n", &(rg_csv_options){.class_column = 2});
    cr_assert(data->classes[0] == 2147483646);
    cr_assert(data->class_count == 2147483647);
    rg_dataset_destroy(data);
}

Test(csv, refuses_nul_bytes)
{
    rg_dataset *data;
    rg_error error;
    CHECK_STATUS(read_bytes("1,2\n3,\0\n", 8, NULL, &data, &error), RG_ERROR_FORMAT);
    cr_assert_str_eq(error.message, "data.csv, line 2, column 2: expected text, found a NUL byte");
    rg_csv_options header = {.header_lines = 1};
    CHECK_STATUS(read_bytes("a\0b\n1\n", 6, &header, &data, &error), RG_ERROR_FORMAT);
    cr_assert_str_eq(error.message, "data.csv, line 1, column 1: expected text, found a NUL byte");
}

Test(csv, refuses_options)
{
    const int64_t third[] = {3}, none[] = {0}, same[] = {1, -2};
    const struct {
        rg_csv_options options;
        rg_status status;
        const char *message;
    } cases[] = {
        {{.type = RG_I64}, RG_ERROR_TYPE, "csv: the type must be float32 or float64"},
        {{.delimiter = '.'},
         RG_ERROR_ARGUMENT,
         "csv: the delimiter can be part of a number or a line end"},
        {{.delimiter = '\n'},
         RG_ERROR_ARGUMENT,
         "csv: the delimiter can be part of a number or a line end"},
        {{.header_lines = -1}, RG_ERROR_ARGUMENT, "csv: the number of header lines is negative"},
        {{.class_column = 1, .class_count = -1},
         RG_ERROR_ARGUMENT,
         "csv: the number of classes is not in 0 to 2147483647"},
        {{.class_column = 1, .class_count = 2147483648},
         RG_ERROR_ARGUMENT,
         "csv: the number of classes is not in 0 to 2147483647"},
        {{.class_count = 3},
         RG_ERROR_ARGUMENT,
         "csv: there is a number of classes but no class column"},
        {{.target_count = -1}, RG_ERROR_ARGUMENT, "csv: the target columns are missing"},
        {{.target_count = 1}, RG_ERROR_ARGUMENT, "csv: the target columns are missing"},
        {{.scale = NAN}, RG_ERROR_ARGUMENT, "csv: the scale is not finite"},
        {{.scale = INFINITY}, RG_ERROR_ARGUMENT, "csv: the scale is not finite"},
        {{.class_column = 3}, RG_ERROR_ARGUMENT, "data.csv: there is no column 3 among 2"},
        {{.class_column = -3}, RG_ERROR_ARGUMENT, "data.csv: there is no column -3 among 2"},
        {{.class_column = INT64_MIN},
         RG_ERROR_ARGUMENT,
         "data.csv: there is no column -9223372036854775808 among 2"},
        {{.target_columns = third, .target_count = 1},
         RG_ERROR_ARGUMENT,
         "data.csv: there is no column 3 among 2"},
        {{.target_columns = none, .target_count = 1},
         RG_ERROR_ARGUMENT,
         "data.csv: there is no column 0 among 2"},
        {{.target_columns = same, .target_count = 2},
         RG_ERROR_ARGUMENT,
         "data.csv: column 1 is named twice"},
        {{.class_column = -2, .target_columns = same, .target_count = 1},
         RG_ERROR_ARGUMENT,
         "data.csv: column 1 is named twice"},
        {{.class_column = 2, .target_columns = same, .target_count = 1},
         RG_ERROR_ARGUMENT,
         "data.csv: no column is left for the inputs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_bad("1,2\n", &cases[i].options, cases[i].status, cases[i].message);
}

/* ---- files ---- */

Test(csv, reads_a_file)
{
    char path[] = "/tmp/rg_test_csv_XXXXXX";
    int descriptor = mkstemp(path);
    cr_assert(descriptor >= 0);
    FILE *file = fdopen(descriptor, "wb");
    fputs("1,2\n3,4\n", file);
    fclose(file);
    rg_dataset *data;
    CHECK_STATUS(rg_csv_read(path, NULL, &data, NULL), RG_OK);
    check_numbers(data, data->inputs, 4, (double[]){1, 2, 3, 4});
    rg_dataset_destroy(data);
    remove(path);
}

Test(csv, says_why_a_file_cannot_be_read)
{
    rg_dataset *data = (rg_dataset *)&data;
    rg_error error;
    CHECK_STATUS(rg_csv_read("/nonexistent.csv", NULL, &data, &error), RG_ERROR_IO);
    cr_assert_str_eq(error.message,
                     "/nonexistent.csv: cannot be opened: No such file or directory");
    cr_assert(data == NULL);
    CHECK_STATUS(rg_csv_read("/tmp", NULL, &data, &error), RG_ERROR_IO);
    cr_assert_str_eq(error.message, "/tmp, line 1: cannot be read: Is a directory");
    cr_assert(data == NULL);
    char path[301] = "";
    memset(path, 'a', 150);
    memset(path + 150, 'b', 150);
    CHECK_STATUS(rg_csv_read(path, NULL, &data, &error), RG_ERROR_IO);
    cr_assert(strncmp(error.message, path + 200, 100) == 0);
    cr_assert(strncmp(error.message + 100, ": cannot be opened: ", 20) == 0);
}

/* ---- robustness ---- */

/* Changes, removes or inserts a few bytes; `text` has room for 8 more. */
static size_t mutate(char *text, size_t size, rg_random *random)
{
    static const char bytes[] = "0123456789.,;-+eE \t\r\n\0x\xff";
    for (uint64_t n = 1 + rg_random_below(random, 4); n > 0; n--) {
        size_t at = (size_t)rg_random_below(random, size + 1);
        char byte = bytes[rg_random_below(random, sizeof bytes)];
        switch (rg_random_below(random, 4)) {
        case 0: size = at ? at : size; break;
        case 1:
            memmove(text + at + 1, text + at, size - at);
            text[at] = byte;
            size++;
            break;
        default:
            if (at < size)
                text[at] = byte;
        }
    }
    return size;
}

Test(csv, survives_mutated_files)
{
    const int64_t targets[] = {1};
    const rg_csv_options options[] = {
        {0},
        {.type = RG_F32, .class_column = -1},
        {.class_column = 2, .class_count = 8, .target_columns = targets, .target_count = 1},
        {.header_lines = 1, .scale = 1e200}};
    const char seed_text[] = "1,2,3\n4.5,6,7\r\n-8e2,.1,5\n+1,2.,0\n";
    rg_random random = rg_random_create(5);
    int good = 0, bad = 0;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof seed_text + 8];
        memcpy(text, seed_text, sizeof seed_text);
        size_t size = mutate(text, sizeof seed_text - 1, &random);
        rg_dataset *data;
        rg_error error = {.status = RG_OK};
        rg_status status = read_bytes(text, size, &options[round % 4], &data, &error);
        CHECK_STATUS(error.status, status);
        cr_assert((status == RG_OK) == (data != NULL));
        if (data) {
            for (int64_t i = 0; i < data->count * data->features; i++)
                cr_assert(isfinite(get(data, data->inputs, i)));
            for (int64_t i = 0; data->classes && i < data->count; i++)
                cr_assert(data->classes[i] >= 0 && data->classes[i] < data->class_count);
            good++;
        } else {
            cr_assert(strstr(error.message, "data.csv"));
            bad++;
        }
        rg_dataset_destroy(data);
    }
    cr_assert(good > 500, "only %d files were read", good);
    cr_assert(bad > 500, "only %d files were refused", bad);
}

Test(csv, survives_each_failing_allocation)
{
    const int64_t targets[] = {2};
    /* The first line is longer than the reader's first buffer. */
    char text[1000] = "";
    strcat(text, "1,0.");
    memset(text + strlen(text), '0', 600);
    strcat(text, "1,1\n3,4,2\n5,6,0\n7,8,1\n9,10,0\n");
    FOR_EACH_FAILURE(memory, allocator)
    {
        const rg_csv_options options = {.class_column = -1,
                                        .target_columns = targets,
                                        .target_count = 1,
                                        .allocator = &allocator};
        rg_dataset *data;
        rg_error error = {.status = RG_OK};
        rg_status status = read_text(text, &options, &data, &error);
        CHECK_STATUS(error.status, status);
        cr_assert((status == RG_OK) == (data != NULL));
        cr_assert(data || strstr(error.message, "no memory"), "%s", error.message);
        cr_assert(!data || (data->count == 5 && data->class_count == 3));
        rg_dataset_destroy(data);
        CHECK_FAILURE(memory, status);
    }
}
