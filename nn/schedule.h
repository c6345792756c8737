/*
 * schedule.h: how the learning rate changes over a training.
 *
 *     const rg_schedule schedule = {.kind = RG_SCHEDULE_COSINE, .length = 30};
 *     for (int64_t t = 0; t < 30; t++) {
 *         rg_optimizer_set_rate(optimizer, rg_schedule_rate(&schedule, 0.1, t));
 *         ..
 *     }
 *
 * A schedule is a pure function of t = 0, 1, .., the number of the epoch or step, as you like; it
 * remembers nothing, so a training can go on at any t. A plateau follows the loss and has a memory.
 * Safe in every thread, a plateau in one at a time.
 */
#ifndef RG_NN_SCHEDULE_H
#define RG_NN_SCHEDULE_H

#include <stdint.h>

#include "../autograd/status.h"

RG_BEGIN_DECLS

/* ---- functions of t ---- */

/* With base rate b, the fields of rg_schedule, and wave(p) = (1 + cos(pi p)) / 2, which falls from
 * 1 at p = 0 to 0 at p = 1 and then rises again. A schedule goes on after `length`: those with a
 * wave rise, LINEAR and POLYNOMIAL stay as they are there.
 *
 * CONSTANT         b
 * STEP             b factor^n with n = floor(t / length)
 * MILESTONES       b factor^n where n of the milestones are at most t
 * EXPONENTIAL      b factor^t
 * COSINE           minimum + (b - minimum) wave(t / length)
 * COSINE_RESTARTS  as COSINE, but each time `length` is over, t begins at 0 again with a `length`
 *                  that is `growth` times as long (I. Loshchilov and F. Hutter, "SGDR", ICLR 2017)
 * LINEAR           b times a factor that goes from `start` at t = 0 to `end` at t = length
 * WARMUP_COSINE    b (t + 1) / warmup while t < warmup, then b wave(q) where q goes from 0 at
 *                  t = warmup to 1 at t = length
 * POLYNOMIAL       b (1 - t / length)^power
 * ONE_CYCLE        up from maximum / start_divisor at t = 0 to maximum at t = share length - 1, and
 *                  down to maximum / (start_divisor end_divisor) at t = length - 1, each as a wave;
 *                  without b (L. Smith and N. Topin, "Super-convergence", arXiv:1708.07120, 2018)
 */
typedef enum rg_schedule_kind {
    RG_SCHEDULE_CONSTANT,
    RG_SCHEDULE_STEP,
    RG_SCHEDULE_MILESTONES,
    RG_SCHEDULE_EXPONENTIAL,
    RG_SCHEDULE_COSINE,
    RG_SCHEDULE_COSINE_RESTARTS,
    RG_SCHEDULE_LINEAR,
    RG_SCHEDULE_WARMUP_COSINE,
    RG_SCHEDULE_POLYNOMIAL,
    RG_SCHEDULE_ONE_CYCLE
} rg_schedule_kind;

/* Fields that the kind does not name are ignored. All numbers must be finite. */
typedef struct rg_schedule {
    rg_schedule_kind kind;
    int64_t length;            /* at least 1; ONE_CYCLE: at least 2 */
    double factor;             /* at least 0 */
    const int64_t *milestones; /* in any order; not copied */
    int milestone_count;       /* at least 0 */
    double minimum;            /* at least 0 */
    int64_t growth;            /* at least 0; 0: 1 */
    double start, end;         /* at least 0 */
    int64_t warmup;            /* at least 0, below length */
    double power;              /* at least 0 */
    double maximum;            /* at least 0 */
    double share;              /* below 1, and share length above 1; 0: 0.3 */
    double start_divisor;      /* more than 0; 0: 25 */
    double end_divisor;        /* more than 0; 0: 1e4 */
} rg_schedule;

/* RG_ERROR_ARGUMENT, with `error` filled, if a field that the kind names is not what it must be, or
 * the schedule is NULL. */
RG_API rg_status rg_schedule_check(const rg_schedule *schedule, rg_error *error);

/* The learning rate at t, which is taken for 0 if it is negative; NaN if the schedule fails the
 * check. */
RG_API double rg_schedule_rate(const rg_schedule *schedule, double base, int64_t t);

/* ---- plateaus ---- */

/* Reduces the rate when a loss has stopped falling. Each call counts as one epoch; it is good if
 * its loss lies more than `threshold` times the size of the best loss so far below that loss, or if
 * there is none so far; a NaN is never good. After more than `patience` epochs in a row that are
 * not good the rate is multiplied by `factor`, but not made less than `minimum`; in the `cooldown`
 * epochs after that none is counted, though the best loss is noted. The memory begins as zeros:
 *
 *     rg_plateau plateau = {.factor = 0.5, .patience = 3};
 *     rg_optimizer_set_rate(o, rg_plateau_rate(&plateau, rg_optimizer_rate(o), loss));
 *
 * For a number that should rise, such as the accuracy, give its negative. */
typedef struct rg_plateau {
    double factor;    /* at least 0, below 1; 0: 0.1 */
    double threshold; /* at least 0, below 1; 0 */
    double minimum;   /* at least 0; 0 */
    int64_t patience; /* at least 0; 0 */
    int64_t cooldown; /* at least 0; 0 */

    /* Its memory: whether there is a best loss, that, how many epochs were not good in a row, and
     * how many of the cooldown are left. */
    int begun;
    double best;
    int64_t waited, cooling;
} rg_plateau;

/* RG_ERROR_ARGUMENT, with `error` filled, if a number is not allowed or the plateau is NULL. */
RG_API rg_status rg_plateau_check(const rg_plateau *plateau, rg_error *error);

/* Takes in the loss of an epoch and returns the rate to go on with; `rate` itself, with nothing
 * taken in, if the plateau fails the check. */
RG_API double rg_plateau_rate(rg_plateau *plateau, double rate, double loss);

RG_END_DECLS

#endif
