/*
 * emit.h: a compiled program written out as C source.
 *
 *     FILE *file = fopen("spring.c", "w");
 *     rg_program_write_c(program, file, &(rg_emit_options){.name = "spring"}, &error);
 *
 * The file is self-contained C11: it needs the C library's mathematics (-lm) and nothing of this
 * library. It declares what it defines, each function with a comment:
 *
 *     void spring_value(const double *x, double *y, double *work);
 *     void spring_gradient(const double *x, double *y, double *g, double *work);
 *     void spring_jvp(const double *x, const double *v, double *y, double *jv, double *work);
 *     void spring_vjp(const double *x, const double *u, double *y, double *uj, double *work);
 *     void spring_hvp(const double *x, const double *v, double *hv, double *work);
 *     void spring_jacobian(const double *x, double *y, double *j, double *work);
 *     void spring_hessian(const double *x, double *h, double *work);
 *     void spring_check(const double *x, double *left, double *work);
 *
 * the value and what else the program was compiled with; `check` counts the comparisons that come
 * out differently than when they were recorded (rg_program_check). Arguments mean what they mean in
 * program.h; y may be NULL beside a derivative, nothing else may, and outputs must not overlap
 * inputs. For the matrices there are also
 *
 *     void spring_sparse_jacobian(const double *x, double *y, double *values, double *work);
 *     void spring_sparse_hessian(const double *x, double *values, double *work);
 *
 * and their patterns in compressed-row form, spring_jacobian_start and spring_jacobian_column.
 * Batches (structure of arrays, rg_program_gradient_batch and so on) are calculated with vectors
 * where gcc or clang know how to:
 *
 *     void spring_gradient_batch(size_t count, const double *const *x, double *const *y,
 *                                double *const *g, double *work);
 *
 * `work` is memory for SPRING's intermediate values: spring_WORK numbers, or spring_BATCH_WORK for
 * batches, both enumeration constants; its contents mean nothing before and after a call. So any
 * number of threads may call these functions, each with memory of its own.
 *
 * Results are those of the program to the last few units in the last place; compile with
 * -ffp-contract=off where they must not depend on the compiler. Speed is best with -O2 or -O3,
 * -fno-math-errno, -fno-trapping-math and -march=native or the like, which none of this needs.
 */
#ifndef RG_OPS_EMIT_H
#define RG_OPS_EMIT_H

#include <stdio.h>

#include "program.h"

RG_BEGIN_DECLS

typedef struct rg_emit_options {
    const char *name; /* what every name in the file begins with: a C identifier */
    int batch;        /* 1: also the functions for batches */
    int statements;   /* how many a function has at most, about; compilers take long over more than
                         some 500. 0: 400 */
    int header;       /* 1: only the declarations, for a header of their own */
} rg_emit_options;

/* Writes the program as C to a stream open for writing. The program is only read: other threads may
 * run it meanwhile. Returns RG_OK, or with *error (if not NULL) saying more
 *
 * RG_ERROR_ARGUMENT  program, stream, options or name is NULL, the name is no C identifier, or
 *                    `statements` is negative;
 * RG_ERROR_MEMORY    there is no memory;
 * RG_ERROR_IO        the stream did not take everything. */
RG_API rg_status rg_program_write_c(const rg_program *program, FILE *stream,
                                    const rg_emit_options *options, rg_error *error);

RG_END_DECLS

#endif
