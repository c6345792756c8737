/*
 * history.h: what happened in each epoch of a training.
 */
#ifndef RG_NN_HISTORY_H
#define RG_NN_HISTORY_H

#include <stdint.h>
#include <stdio.h>

#include "../autograd/allocator.h"
#include "../autograd/status.h"
#include "plot.h"

RG_BEGIN_DECLS

/* One epoch. NaN stands for what does not exist: the figures of a set that was not given,
 * accuracies with a loss that has none. */
typedef struct rg_epoch {
    int64_t epoch;   /* from 1 */
    double loss;     /* mean over the training examples, each in training mode, with the parameters
                      * that its batch met */
    double accuracy; /* the same: the part of answers that were right, 0 to 1 */
    double validation_loss; /* with the parameters at the end of the epoch */
    double validation_accuracy;
    double test_loss; /* the same */
    double test_accuracy;
    double seconds; /* since the training began */
} rg_epoch;

typedef struct rg_history rg_history;

/* An empty history, NULL if there is no memory. `allocator` NULL: the C library's. */
RG_API rg_history *rg_history_create(const rg_allocator *allocator);

/* NULL is allowed. */
RG_API void rg_history_destroy(rg_history *history);

/* Appends a copy. RG_ERROR_MEMORY: nothing is changed. */
RG_API rg_status rg_history_add(rg_history *history, const rg_epoch *epoch);

/* The number of epochs, and each of them, in order; NULL outside 0 to count - 1. A pointer is valid
 * until the next one is added. */
RG_API int64_t rg_history_count(const rg_history *history);
RG_API const rg_epoch *rg_history_at(const rg_history *history, int64_t i);

/* Writes a header line with the names of rg_epoch's fields and one line for each epoch. Numbers
 * have the digits that give the same double back, with a point in every locale; NaN is an empty
 * field. RG_ERROR_IO if the file refuses. */
RG_API rg_status rg_history_write_csv(const rg_history *history, FILE *file, rg_error *error);

/* What a chart shows. */
typedef enum rg_history_chart { RG_CHART_LOSS, RG_CHART_ACCURACY } rg_history_chart;

/* Draws the loss or the accuracy by epoch, a curve for each set that has one (training,
 * validation, test), as plot.h draws. `options` are the chart's; NULL: its axes are named, and
 * losses have a logarithmic one. RG_ERROR_ARGUMENT for another chart, or if there is no number to
 * draw; RG_ERROR_MEMORY; RG_ERROR_IO if the file refuses. */
RG_API rg_status rg_history_write_svg(const rg_history *history, rg_history_chart chart,
                                      const rg_plot_options *options, FILE *file, rg_error *error);

RG_END_DECLS

#endif
