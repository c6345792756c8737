/*
 * metrics.h: how well a network tells classes apart: confusion matrix, accuracy, precision, recall.
 *
 *     rg_confusion *confusion;
 *     rg_confusion_measure(&confusion, mlp, test, NULL, &error);
 *     rg_confusion_write(confusion, NULL, stdout, &error);
 *     double f1 = rg_confusion_average(confusion).f1;
 *     rg_confusion_destroy(confusion);
 */
#ifndef RG_NN_METRICS_H
#define RG_NN_METRICS_H

#include <stdio.h>

#include "train.h"

RG_BEGIN_DECLS

/* Counts of examples by the class they have and the class they are taken for. */
typedef struct rg_confusion {
    int64_t classes;
    int64_t *counts; /* [classes, classes]: counts[actual * classes + predicted] */
    rg_allocator allocator;
} rg_confusion;

/* ---- counting ---- */

/* A matrix of zeros; sets *out, to NULL on failure. `allocator` NULL: the C library's.
 * RG_ERROR_ARGUMENT if `classes` is below 1, RG_ERROR_LIMIT if the matrix would exceed the address
 * space, RG_ERROR_MEMORY. */
RG_API rg_status rg_confusion_create(rg_confusion **out, const rg_allocator *allocator,
                                     int64_t classes, rg_error *error);

/* Frees it. NULL is allowed. */
RG_API void rg_confusion_destroy(rg_confusion *confusion);

/* Counts `count` examples. RG_ERROR_INDEX, naming the example, and nothing is counted, if a class
 * is not 0 to classes - 1. */
RG_API rg_status rg_confusion_add(rg_confusion *confusion, int64_t count, const int64_t *actual,
                                  const int64_t *predicted, rg_error *error);

/* Makes the matrix of a network on a dataset with classes, in evaluation mode; the network's mode
 * stays as it was. The predicted class is the number of the largest output (the first of equals),
 * so there are as many classes as outputs. It has the network's allocator. `options` (train.h)
 * NULL: all defaults. RG_ERROR_ARGUMENT or RG_ERROR_TYPE if network, dataset and options do not
 * fit, RG_ERROR_INDEX, RG_ERROR_MEMORY, or the tape's error. */
RG_API rg_status rg_confusion_measure(rg_confusion **out, rg_mlp *mlp, const rg_dataset *data,
                                      const rg_pass_options *options, rg_error *error);

/* ---- figures ---- */

/* The part of examples whose class was found, 0 to 1; NaN without examples. */
RG_API double rg_confusion_accuracy(const rg_confusion *confusion);

/* Of a class, with tp its examples that were found, fp others taken for it and fn its examples
 * taken for others: */
typedef struct rg_scores {
    double precision; /* tp / (tp + fp): how far to believe that it is the class */
    double recall;    /* tp / (tp + fn): how much of the class is found */
    double f1;        /* 2 tp / (2 tp + fp + fn), their harmonic mean */
} rg_scores;

/* The scores of a class. 0 / 0 is 0: so is the precision of a class that was never predicted. All
 * are NaN for a class without any example, actual or predicted, and outside 0 to classes - 1. */
RG_API rg_scores rg_confusion_scores(const rg_confusion *confusion, int64_t class_number);

/* The mean of the scores over the classes that have some, each with the same weight (the macro
 * average); NaN if none has. */
RG_API rg_scores rg_confusion_average(const rg_confusion *confusion);

/* ---- text ---- */

/* Writes the matrix as a table with a row for each actual and a column for each predicted class,
 * recalls at the right, precisions and accuracy below, in percent. `names`, one for each class,
 * may be NULL: numbers. RG_ERROR_IO if the file refuses. */
RG_API rg_status rg_confusion_write(const rg_confusion *confusion, const char *const *names,
                                    FILE *file, rg_error *error);

RG_END_DECLS

#endif
