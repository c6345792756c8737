/*
 * nested.h: derivatives of derivatives, each found backward (r) or forward (f).
 */
#ifndef RG_TESTS_ADBENCH_NESTED_H
#define RG_TESTS_ADBENCH_NESTED_H

#include "harness.h"

typedef enum mode { REVERSE, FORWARD } mode;

/* Records the derivatives of y by each of xs. */
void record_gradient(mode mode, rg_value y, int count, const rg_value *xs, rg_value *slopes);

/* Finds them as numbers. Stops on the tape's error. */
void read_gradient(mode mode, rg_value y, int count, const rg_value *xs, double *slopes);

/* Functions NAME_rr .. NAME_ff that call NAME with the mode of the outer and the inner derivative,
 * and the four answers of `rows` numbers (0: one) that they give. */
#define NESTED_MODE(name, modes, outer, inner)             \
    static void name##_##modes(void *problem, double *out) \
    {                                                      \
        name(problem, outer, inner, out);                  \
    }
#define NESTED_MODES(name)                  \
    NESTED_MODE(name, rr, REVERSE, REVERSE) \
    NESTED_MODE(name, rf, REVERSE, FORWARD) \
    NESTED_MODE(name, fr, FORWARD, REVERSE) \
    NESTED_MODE(name, ff, FORWARD, FORWARD)

typedef void nested_answer(void *problem, double *out);
void set_nested_answers(bench *bench, size_t rows, nested_answer *rr, nested_answer *rf,
                        nested_answer *fr, nested_answer *ff);

#endif
