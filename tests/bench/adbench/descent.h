/*
 * descent.h: gradient descent that doubles and halves its rate: the outer and the inner loop of
 * particle and saddle.
 */
#ifndef RG_TESTS_ADBENCH_DESCENT_H
#define RG_TESTS_ADBENCH_DESCENT_H

#include <stddef.h>

enum { DESCENT_MOST = 2 };

/* A function of n <= DESCENT_MOST numbers with its gradient, both by callbacks. */
typedef struct descent {
    size_t n;
    double (*value)(void *context, const double *x);
    void (*gradient)(void *context, const double *x, double *g);
    void *context;
    double *rates; /* of the accepted steps, in order; NULL: not wanted */
    size_t count;  /* how many they were */
} descent;

/* So many trials are made at most; `rates` has room for as many numbers. */
enum { DESCENT_TRIALS = 100000 };

/* Goes from x down to where the gradient or the next step is at most 1e-5 long. */
void descend(descent *descent, double *x);

#endif
