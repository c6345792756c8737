#include "descent.h"

#include <math.h>
#include <string.h>

#include "harness.h"

static double length(size_t n, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

void descend(descent *descent, double *x)
{
    enum { STEADY = 10 };
    const double enough = 1e-5;
    size_t n = descent->n, size = n * sizeof *x;
    double value = descent->value(descent->context, x), rate = 1e-5;
    double slope[DESCENT_MOST], next[DESCENT_MOST], step[DESCENT_MOST];
    descent->gradient(descent->context, x, slope);
    descent->count = 0;
    int accepted = 0;
    for (size_t trial = 0; trial < DESCENT_TRIALS; trial++) {
        if (length(n, slope) <= enough)
            return;
        if (accepted == STEADY) {
            rate *= 2;
            accepted = 0;
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            next[i] = x[i] - rate * slope[i];
            step[i] = x[i] - next[i];
        }
        if (length(n, step) <= enough)
            return;
        double there = descent->value(descent->context, next);
        if (there < value) {
            if (descent->rates)
                descent->rates[descent->count++] = rate;
            memcpy(x, next, size);
            value = there;
            descent->gradient(descent->context, x, slope);
            accepted++;
        } else {
            rate /= 2;
            accepted = 0;
        }
    }
    stop(STOP_FAILED, "the descent has not ended after %d trials", DESCENT_TRIALS);
}
