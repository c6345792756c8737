#include "augment.h"

#include <inttypes.h>
#include <math.h>

#include "internal.h"

/* ---- one image ---- */

typedef struct picture {
    rg_type type;
    int64_t height, width;
    const void *pixels;
    double fill;
} picture;

static double pixel(const picture *p, int64_t y, int64_t x)
{
    bool inside = y >= 0 && y < p->height && x >= 0 && x < p->width;
    return inside ? rgi_load(p->pixels, p->type, y * p->width + x) : p->fill;
}

/* Between two pixels of a row; at a centre its neighbour does not count, whatever it is. */
static double between(const picture *p, int64_t y, double x)
{
    double left = floor(x), part = x - left;
    double value = pixel(p, y, (int64_t)left);
    return part > 0 ? (1 - part) * value + part * pixel(p, y, (int64_t)left + 1) : value;
}

static double sample(const picture *p, double y, double x)
{
    if (!(y > -1 && y < (double)p->height && x > -1 && x < (double)p->width))
        return p->fill;
    double top = floor(y), part = y - top;
    double value = between(p, (int64_t)top, x);
    return part > 0 ? (1 - part) * value + part * between(p, (int64_t)top + 1, x) : value;
}

/* Cosine and sine of an angle, exact for multiples of 90 degrees. */
static void turn(double degrees, double *cosine, double *sine)
{
    static const double pi = 3.14159265358979323846;
    double within = remainder(degrees, 360), quarters = rint(within / 90);
    double rest = (within - 90 * quarters) * (pi / 180), c = cos(rest), s = sin(rest);
    switch ((int)quarters) {
    case 0: *cosine = c, *sine = s; return;
    case 1: *cosine = -s, *sine = c; return;
    case -1: *cosine = s, *sine = -c; return;
    default: *cosine = -c, *sine = -s; return;
    }
}

void rg_image_move(rg_type type, int64_t height, int64_t width, const void *image, double degrees,
                   int64_t down, int64_t right, double fill, void *out)
{
    const picture p = {type, height, width, image, fill};
    double cosine, sine, middle_y = (double)(height - 1) / 2, middle_x = (double)(width - 1) / 2;
    turn(degrees, &cosine, &sine);
    /* Each pixel asks where it comes from: back from the shift, then back from the turn. */
    for (int64_t y = 0; y < height; y++) {
        double v = (double)y - (double)down - middle_y;
        for (int64_t x = 0; x < width; x++) {
            double u = (double)x - (double)right - middle_x;
            double from_y = u * sine + v * cosine + middle_y;
            double from_x = u * cosine - v * sine + middle_x;
            rgi_store(out, type, y * width + x, sample(&p, from_y, from_x));
        }
    }
}

/* ---- a dataset ---- */

static rg_status check_numbers(const rg_augment_options *o, int64_t height, int64_t width,
                               rg_error *error)
{
    if (o->copies < 1)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "augment: %" PRId64 " copies; there must be at least one", o->copies);
    if (o->max_shift < 0 || o->max_shift >= height || o->max_shift >= width)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "augment: images of %" PRId64 " x %" PRId64
                        " pixels cannot move by %" PRId64,
                        height, width, o->max_shift);
    if (!(o->max_angle >= 0 && o->max_angle <= 180))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "augment: the angle is %g; it must be 0 to 180 degrees", o->max_angle);
    if (!isfinite(o->fill))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "augment: %g cannot fill what comes in", o->fill);
    return RG_OK;
}

/* Sets the size of the images, which `data` must hold. */
static rg_status find_size(const rg_dataset *data, const rg_augment_options *o, int64_t *height,
                           int64_t *width, rg_error *error)
{
    *height = o->height;
    *width = o->width;
    if (o->height == 0 && o->width == 0)
        *height = *width = (int64_t)sqrt((double)data->features);
    bool planes = *height > 0 && *width > 0 && *height <= data->features / *width &&
                  data->features % (*height * *width) == 0;
    if (!planes || (o->height == 0 && *height * *width != data->features))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "augment: %" PRId64 " features are no images of %" PRId64 " x %" PRId64
                        " pixels",
                        data->features, *height, *width);
    return RG_OK;
}

/* Uniform in [-limit, limit]. */
static int64_t draw_shift(rg_random *random, int64_t limit)
{
    return (int64_t)rg_random_below(random, 2 * (uint64_t)limit + 1) - limit;
}

/* Writes a moved copy of an example's planes. */
static void move_example(const rg_dataset *data, int64_t from, rg_dataset *out, int64_t to,
                         int64_t height, int64_t width, const rg_augment_options *o,
                         rg_random *random)
{
    double degrees = o->max_angle * (2 * rg_random_uniform(random) - 1);
    int64_t down = draw_shift(random, o->max_shift), right = draw_shift(random, o->max_shift);
    size_t element = rg_type_size(data->type);
    const char *image = (const char *)data->inputs + (size_t)(from * data->features) * element;
    char *moved = (char *)out->inputs + (size_t)(to * data->features) * element;
    for (int64_t at = 0; at < data->features; at += height * width)
        rg_image_move(data->type, height, width, image + (size_t)at * element, degrees, down, right,
                      o->fill, moved + (size_t)at * element);
}

rg_status rg_augment(const rg_dataset *data, const rg_augment_options *options, rg_dataset **out,
                     rg_error *error)
{
    *out = NULL;
    if (!data || !options)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "augment: the dataset or the options are NULL");
    int64_t height, width;
    rg_status status = find_size(data, options, &height, &width, error);
    if (status == RG_OK)
        status = check_numbers(options, height, width, error);
    if (status != RG_OK)
        return status;
    if (options->copies >= INT64_MAX / data->count)
        return RGI_FAIL(error, RG_ERROR_LIMIT,
                        "augment: %" PRId64 " copies of %" PRId64 " examples are too many",
                        options->copies, data->count);
    int64_t each = options->copies + 1;
    status = rgi_dataset_create_like(data, each * data->count, out, error);
    rg_random random = rg_random_create(options->seed);
    for (int64_t i = 0; i < data->count && status == RG_OK; i++) {
        for (int64_t k = 0; k < each; k++) {
            rgi_copy_examples(*out, i * each + k, data, i, 1);
            if (k > 0)
                move_example(data, i, *out, i * each + k, height, width, options, &random);
        }
    }
    return status;
}
