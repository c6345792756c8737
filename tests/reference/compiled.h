/*
 * compiled.h: what the engines share that compile an expression once and evaluate it at all its
 * points: a program, and a program written as C.
 */
#ifndef RG_TESTS_REFERENCE_COMPILED_H
#define RG_TESTS_REFERENCE_COMPILED_H

#include "engine.h"

/* The functions of ops/program.h; `self` finds the program and its memory. */
typedef struct ref_functions {
    rg_status (*value)(void *self, const double *x, double *y);
    rg_status (*gradient)(void *self, const double *x, double *y, double *g);
    rg_status (*jvp)(void *self, const double *x, const double *v, double *y, double *jv);
    rg_status (*vjp)(void *self, const double *x, const double *u, double *y, double *uj);
    rg_status (*hvp)(void *self, const double *x, const double *v, double *hv);
    rg_status (*value_batch)(void *self, size_t count, const double *const *x, double *const *y);
    rg_status (*gradient_batch)(void *self, size_t count, const double *const *x, double *const *y,
                                double *const *g);
    rg_status (*jvp_batch)(void *self, size_t count, const double *const *x, const double *const *v,
                           double *const *y, double *const *jv);
    rg_status (*vjp_batch)(void *self, size_t count, const double *const *x, const double *const *u,
                           double *const *y, double *const *uj);
    rg_status (*hvp_batch)(void *self, size_t count, const double *const *x, const double *const *v,
                           double *const *hv);
} ref_functions;

/* What the functions need. */
enum {
    REF_GRADIENTS = RG_PROGRAM_GRADIENT | RG_PROGRAM_HVP,
    REF_PRODUCTS = RG_PROGRAM_JVP | RG_PROGRAM_VJP,
};

/* Compiles an expression with these derivatives; NULL with its outcome set. `uniform`: every second
 * input, the first among them, is uniform. */
rg_program *ref_compile(ref_expression *expression, rg_tape *tape, int derivatives, bool uniform);

/* Results at all points, one by one: by gradient and hvp; by value, jvp and vjp. */
void ref_run_gradients(ref_expression *expression, const ref_functions *functions, void *self);
void ref_run_products(ref_expression *expression, const ref_functions *functions, void *self);
/* Likewise, in one batch. */
void ref_run_batch(ref_expression *expression, const ref_functions *functions, void *self);
/* In batches of one evaluation each, for functions with uniform inputs. */
void ref_run_uniform(ref_expression *expression, const ref_functions *functions, void *self);

#endif
