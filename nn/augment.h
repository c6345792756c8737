/*
 * augment.h: artificial expansion of training data: images moved and turned a little, because
 * what an image shows stays the same.
 *
 *     rg_augment_options options = {.copies = 4, .max_shift = 1, .max_angle = 10, .seed = 1};
 *     rg_augment(train, &options, &larger, &error);
 */
#ifndef RG_NN_AUGMENT_H
#define RG_NN_AUGMENT_H

#include "dataset.h"

RG_BEGIN_DECLS

/* Fields left 0 take the default said beside them. */
typedef struct rg_augment_options {
    int64_t height, width; /* of an image in pixels; both 0: square, one plane */
    int64_t copies;        /* of each image, beside itself; at least 1 */
    int64_t max_shift;     /* pixels, smaller than height and width: a copy moves -max_shift to
                            * max_shift of them down and as many to the right; 0 */
    double max_angle;      /* degrees, 0 to 180: it turns by -max_angle to max_angle; 0 */
    double fill;           /* the pixels that come in from outside, finite; 0 */
    uint64_t seed;         /* of the generator that all of this is drawn from, uniformly; 0 */
} rg_augment_options;

/* Makes a dataset of copies + 1 times as many examples: each example as it is, followed by its
 * copies, whose inputs are moved by rg_image_move and whose classes and targets are the example's.
 * Inputs are one or more planes of height x width pixels, row-major, which all move alike. The
 * result has the allocator of `data`; sets *out, to NULL on failure. RG_ERROR_ARGUMENT if a number
 * is not allowed or the inputs are no such images, RG_ERROR_LIMIT, RG_ERROR_MEMORY. */
RG_API rg_status rg_augment(const rg_dataset *data, const rg_augment_options *options,
                            rg_dataset **out, rg_error *error);

/* Turns an image of height x width pixels, row-major, of type RG_F32 or RG_F64, about its centre by
 * `degrees`, counter-clockwise for positive ones (row 0 is the top), then moves it by whole pixels,
 * and writes the image that is seen to `out`, of the same size and elsewhere. A pixel is what lies
 * at its centre, bilinearly between the four pixels around; outside all is `fill`. Multiples of 90
 * degrees are exact where centres fall on centres, as they do if height and width are both even or
 * both odd. */
RG_API void rg_image_move(rg_type type, int64_t height, int64_t width, const void *image,
                          double degrees, int64_t down, int64_t right, double fill, void *out);

RG_END_DECLS

#endif
