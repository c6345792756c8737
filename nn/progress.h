/*
 * progress.h: the progress of a training for people to watch, and the clock behind it (private).
 * All that nn/ asks of the system is in progress.c.
 */
#ifndef RG_NN_PROGRESS_H
#define RG_NN_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "history.h"

typedef struct rgi_progress {
    FILE *file; /* NULL: silent */
    bool terminal;
    int64_t epochs, examples; /* of the whole training, of one epoch */
    int64_t before;           /* examples of all epochs that were done before it began */
    double began;             /* when the training began, */
    double epoch_began;       /* this epoch, */
    double drawn;             /* and the line was last drawn */
    double speed;             /* examples a second in this epoch */
    int width;                /* of that line */
} rgi_progress;

/* Seconds since some moment. */
double rgi_now(void);

/* `before`: how many examples, counted from epoch 1 on, an earlier training has done. */
void rgi_progress_start(rgi_progress *progress, FILE *file, int64_t epochs, int64_t examples,
                        int64_t before);
/* The epoch so far, after `done` examples of it: on a terminal the line is redrawn now and then. It
 * must be called at least once, when all examples are done. */
void rgi_progress_step(rgi_progress *progress, const rg_epoch *epoch, int64_t done);
/* A complete epoch. */
void rgi_progress_epoch(rgi_progress *progress, const rg_epoch *epoch);
/* The training is over, or stopped. */
void rgi_progress_end(rgi_progress *progress);

#endif
