#include "../failing.h"
#include "small.h"

SUITE(augment);

/* ---- one image ---- */

/* Moves a picture of both types and compares with `want`, exactly. */
static void check_move(int64_t height, int64_t width, const double *image, double degrees,
                       int64_t down, int64_t right, double fill, const double *want)
{
    double got[64];
    float narrow[64], narrow_got[64];
    int64_t size = height * width;
    for (int64_t i = 0; i < size; i++)
        narrow[i] = (float)image[i];
    rg_image_move(RG_F64, height, width, image, degrees, down, right, fill, got);
    rg_image_move(RG_F32, height, width, narrow, degrees, down, right, fill, narrow_got);
    for (int64_t i = 0; i < size; i++) {
        cr_assert(got[i] == want[i], "pixel %d is %g, not %g", (int)i, got[i], want[i]);
        cr_assert(narrow_got[i] == (float)want[i]);
    }
}

static const double square[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

Test(augment, moves_by_whole_pixels)
{
    check_move(3, 3, square, 0, 0, 0, -1, square);
    check_move(3, 3, square, 0, 1, 0, -1, (double[]){-1, -1, -1, 1, 2, 3, 4, 5, 6});
    check_move(3, 3, square, 0, 0, -1, -1, (double[]){2, 3, -1, 5, 6, -1, 8, 9, -1});
    check_move(3, 3, square, 0, -2, 1, 0, (double[]){0, 7, 8, 0, 0, 0, 0, 0, 0});
    check_move(3, 3, square, 0, 3, 0, 4, (double[]){4, 4, 4, 4, 4, 4, 4, 4, 4});
    check_move(2, 3, square, 0, 1, 1, 0, (double[]){0, 0, 0, 0, 1, 2});
    check_move(2, 3, square, 0, INT64_MAX, INT64_MIN, 0, (double[]){0, 0, 0, 0, 0, 0});
}

Test(augment, turns_by_right_angles_exactly)
{
    static const double left[] = {3, 6, 9, 2, 5, 8, 1, 4, 7};
    static const double half[] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    static const double right[] = {7, 4, 1, 8, 5, 2, 9, 6, 3};
    static const double angles[] = {90, 450, -270, 1e6 * 360 + 90};
    for (int i = 0; i < 4; i++) {
        check_move(3, 3, square, angles[i], 0, 0, 0, left);
        check_move(3, 3, square, 2 * angles[i], 0, 0, 0, half);
        check_move(3, 3, square, -angles[i], 0, 0, 0, right);
        check_move(3, 3, square, 4 * angles[i], 0, 0, 0, square);
    }
    static const double even[] = {1, 2, 3, 4};
    check_move(2, 2, even, 90, 0, 0, 0, (double[]){2, 4, 1, 3});
    /* An image that is wider than high loses its sides. */
    check_move(1, 3, square, 90, 0, 0, -1, (double[]){-1, 2, -1});
    /* Turned first, then moved. */
    check_move(3, 3, square, 90, 1, 0, 0, (double[]){0, 0, 0, 3, 6, 9, 2, 5, 8});
}

/* A picture that is linear in y and x stays so inside, with the slopes turned. */
Test(augment, turns_smoothly)
{
    enum { SIDE = 8 };
    double image[SIDE * SIDE], got[SIDE * SIDE];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            image[y * SIDE + x] = 10 * y + x;
    static const double angles[] = {10, -25, 45, 100, -170};
    for (int i = 0; i < 5; i++) {
        double a = angles[i] * acos(-1) / 180;
        rg_image_move(RG_F64, SIDE, SIDE, image, angles[i], 0, 0, -1000, got);
        int inside = 0;
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                double u = x - 3.5, v = y - 3.5;
                double from_x = u * cos(a) - v * sin(a) + 3.5;
                double from_y = u * sin(a) + v * cos(a) + 3.5;
                if (from_x < 0 || from_x > 7 || from_y < 0 || from_y > 7)
                    continue;
                inside++;
                CHECK_NEAR(got[y * SIDE + x], 10 * from_y + from_x, 1e-13);
            }
        }
        cr_assert(inside > 30);
        cr_assert(got[0] < 0, "a corner comes from outside");
    }
}

/* Between a pixel and the outside, the fill has its share; what has none does not count. */
Test(augment, fills_what_comes_in)
{
    static const double dot[] = {0, 0, 0, 0, 8, 0, 0, 0, 0};
    double got[9];
    rg_image_move(RG_F64, 3, 3, dot, 45, 0, 0, 2, got);
    CHECK_NEAR(got[4], 8, 0);
    /* The corner lies sqrt(2) from the centre, straight above or beside it. */
    double part = sqrt(2) - 1;
    CHECK_NEAR(got[0], part * 2, 1e-14);
    static const double wild[] = {INFINITY, 1, NAN, 2};
    check_move(2, 2, wild, 0, 0, -1, 5, (double[]){1, 5, 2, 5});
}

/* ---- datasets ---- */

/* Images of height x width x planes with numbers of their own, classes and targets. */
static rg_dataset *make_images(const rg_allocator *allocator, rg_type type, int64_t count,
                               int64_t features)
{
    rg_dataset *data;
    if (rg_dataset_create(&data, allocator, type, count, features, 3, 1, NULL) != RG_OK)
        return NULL;
    for (int64_t i = 0; i < count * features; i++)
        put(data->inputs, type, i, (double)i + 1);
    for (int64_t i = 0; i < count; i++) {
        data->classes[i] = i % 3;
        put(data->targets, type, i, (double)i / 2);
    }
    return data;
}

static double at(const rg_dataset *data, const void *array, int64_t i)
{
    return data->type == RG_F32 ? ((const float *)array)[i] : ((const double *)array)[i];
}

/* Which shift makes row `row` of the result out of example i; each must be one. */
static void find_shift(const rg_dataset *data, int64_t i, const rg_dataset *out, int64_t row,
                       int64_t height, int64_t width, int limit, int *down, int *right)
{
    int64_t size = data->features;
    for (*down = -limit; *down <= limit; ++*down) {
        for (*right = -limit; *right <= limit; ++*right) {
            int equal = 1;
            for (int64_t k = 0; k < size && equal; k++) {
                int64_t plane = k / (height * width), y = k / width % height - *down;
                int64_t x = k % width - *right;
                int inside = y >= 0 && y < height && x >= 0 && x < width;
                int64_t from = i * size + (plane * height + y) * width + x;
                equal = at(out, out->inputs, row * size + k) ==
                        (inside ? at(data, data->inputs, from) : -1);
            }
            if (equal)
                return;
        }
    }
    cr_assert_fail("row %d is no shifted copy", (int)row);
}

Test(augment, adds_shifted_copies)
{
    enum { COUNT = 20, COPIES = 9 };
    for (int t = 0; t < 2; t++) {
        rg_type type = t ? RG_F32 : RG_F64;
        /* Two planes of 3 x 4. */
        rg_dataset *data = make_images(NULL, type, COUNT, 24), *out;
        rg_augment_options options = {
            .height = 3, .width = 4, .copies = COPIES, .max_shift = 2, .fill = -1, .seed = 5};
        CHECK_STATUS(rg_augment(data, &options, &out, NULL), RG_OK);
        cr_assert(out->type == type && out->count == COUNT * (COPIES + 1) && out->features == 24);
        cr_assert(out->class_count == 3 && out->target_width == 1);
        int seen[5][5] = {{0}};
        for (int64_t row = 0; row < out->count; row++) {
            int64_t i = row / (COPIES + 1);
            int down, right;
            cr_assert(out->classes[row] == data->classes[i]);
            cr_assert(at(out, out->targets, row) == at(data, data->targets, i));
            find_shift(data, i, out, row, 3, 4, 2, &down, &right);
            cr_assert(row % (COPIES + 1) != 0 || (down == 0 && right == 0));
            seen[down + 2][right + 2]++;
        }
        for (int i = 0; i < 25; i++)
            cr_assert(seen[i / 5][i % 5] > 0, "shift %d never comes", i);
        rg_dataset_destroy(out);
        rg_dataset_destroy(data);
    }
}

Test(augment, turns_within_the_angle_by_the_seed)
{
    rg_dataset *data = make_images(NULL, RG_F64, 6, 25), *out[3];
    static const uint64_t seeds[] = {1, 1, 2};
    for (int i = 0; i < 3; i++) {
        rg_augment_options options = {.copies = 3, .max_angle = 10, .seed = seeds[i]};
        CHECK_STATUS(rg_augment(data, &options, &out[i], NULL), RG_OK);
    }
    size_t bytes = 24 * 25 * sizeof(double);
    cr_assert(memcmp(out[0]->inputs, out[1]->inputs, bytes) == 0);
    cr_assert(memcmp(out[0]->inputs, out[2]->inputs, bytes) != 0);
    const double *turned = out[0]->inputs;
    for (int row = 0; row < 24; row++) {
        int i = row / 4, copy = row % 4 > 0;
        const double *image = (double *)data->inputs + 25 * i;
        /* One step right of the centre a turn by a sees cos a + 5 sin a more than the centre. */
        double step = turned[25 * row + 13] - turned[25 * row + 12];
        cr_assert(fabs(turned[25 * row + 12] - image[12]) < 1e-12, "the centre stays");
        cr_assert((step == 1) == !copy && fabs(step - 1) < 0.9);
        double largest = cos(acos(-1) / 18) + 5 * sin(acos(-1) / 18);
        cr_assert(step <= largest + 1e-12);
    }
    for (int i = 0; i < 3; i++)
        rg_dataset_destroy(out[i]);
    rg_dataset_destroy(data);
}

static void check_refused(const rg_dataset *data, const rg_augment_options *options,
                          rg_status status, const char *text)
{
    rg_dataset *out = (rg_dataset *)options;
    rg_error error = {RG_OK, ""};
    CHECK_STATUS(rg_augment(data, options, &out, &error), status);
    cr_assert(!out && error.status == status && strstr(error.message, text), "%s", error.message);
}

Test(augment, refuses_what_cannot_be)
{
    rg_dataset *data = make_images(NULL, RG_F32, 2, 24), *even = make_images(NULL, RG_F32, 2, 16);
    const rg_status bad = RG_ERROR_ARGUMENT;
    const double angles[] = {-1, 181, NAN, INFINITY};
    check_refused(NULL, &(rg_augment_options){.copies = 1}, bad, "are NULL");
    check_refused(data, NULL, bad, "are NULL");
    check_refused(even, &(rg_augment_options){.copies = 0}, bad, "0 copies");
    check_refused(even, &(rg_augment_options){.copies = -3}, bad, "-3 copies");
    check_refused(data, &(rg_augment_options){.copies = 1}, bad,
                  "24 features are no images of 4 x 4");
    check_refused(data, &(rg_augment_options){.copies = 1, .height = 5, .width = 4}, bad, "5 x 4");
    check_refused(data, &(rg_augment_options){.copies = 1, .height = 4}, bad, "4 x 0");
    check_refused(data, &(rg_augment_options){.copies = 1, .height = -4, .width = -6}, bad, "-4");
    check_refused(data, &(rg_augment_options){.copies = 1, .height = INT64_MAX, .width = INT64_MAX},
                  bad, "no images of");
    check_refused(data, &(rg_augment_options){.copies = 1, .height = 2, .width = 6, .max_shift = 2},
                  bad, "2 x 6 pixels cannot move by 2");
    check_refused(even, &(rg_augment_options){.copies = 1, .max_shift = -1}, bad, "move by -1");
    for (int i = 0; i < 4; i++)
        check_refused(even, &(rg_augment_options){.copies = 1, .max_angle = angles[i]}, bad,
                      "the angle is ");
    check_refused(even, &(rg_augment_options){.copies = 1, .fill = NAN}, bad, "cannot fill");
    check_refused(even, &(rg_augment_options){.copies = INT64_MAX}, RG_ERROR_LIMIT, "too many");
    check_refused(even, &(rg_augment_options){.copies = INT64_MAX / 4}, RG_ERROR_LIMIT, "exceed");
    rg_dataset_destroy(data);
    rg_dataset_destroy(even);
}

Test(augment, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_dataset *data = make_images(&allocator, RG_F32, 2, 16), *out = NULL;
        rg_augment_options options = {.copies = 2, .max_shift = 1};
        rg_status status = data ? rg_augment(data, &options, &out, &error) : RG_ERROR_MEMORY;
        cr_assert((status == RG_OK) == (out != NULL));
        rg_dataset_destroy(out);
        rg_dataset_destroy(data);
        CHECK_FAILURE(memory, status);
    }
}
