/*
 * plot.h: curves as a picture: a line chart in one self-contained SVG file.
 *
 *     rg_curve curves[] = {{"training", NULL, losses, 20}, {"test", NULL, test_losses, 20}};
 *     rg_plot_options options = {.title = "Loss", .x_label = "epoch", .log_y = 1};
 *     rg_write_curves_svg(file, curves, 2, &options, &error);
 */
#ifndef RG_NN_PLOT_H
#define RG_NN_PLOT_H

#include <stdint.h>
#include <stdio.h>

#include "../autograd/status.h"

RG_BEGIN_DECLS

/* The points (x[i], y[i]), joined in this order. Texts are UTF-8; NULL leaves one out. */
typedef struct rg_curve {
    const char *name; /* in the legend */
    const double *x;  /* NULL: 1, 2, 3, .. */
    const double *y;
    int64_t count;
} rg_curve;

typedef struct rg_plot_options {
    const char *title, *x_label, *y_label;
    int log_x, log_y; /* 1: logarithmic axis; points that are not above 0 on it are left out */
} rg_plot_options;

/* Writes a chart of 760 by 440 pixels with axes around all points, round tick numbers and a legend.
 * A point that is not finite, or beyond 1e300, is left out and breaks its curve there. Seven
 * colours that most colour-blind people can tell apart repeat with dashes. `options` NULL: no
 * texts, linear. RG_ERROR_ARGUMENT, with nothing written, for a NULL file or list, a negative
 * count, or a curve without y; RG_ERROR_IO if the file refuses. */
RG_API rg_status rg_write_curves_svg(FILE *file, const rg_curve *curves, int count,
                                     const rg_plot_options *options, rg_error *error);

RG_END_DECLS

#endif
