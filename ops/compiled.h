/* compiled.h: what a program and a workspace consist of (private). */
#ifndef RG_OPS_COMPILED_H
#define RG_OPS_COMPILED_H

#include "code.h"
#include "pattern.h"

struct rg_program {
    rg_allocator allocator;
    uint32_t n, m; /* inputs, outputs */
    unsigned char *uniform;
    size_t comparisons;
    const rgi_interpreter *interpreter;
    bool has[RGI_PARTS];
    rgi_part part[RGI_PARTS];
    rgi_code code[RGI_PARTS];
    rgi_sparse jacobian, hessian;
};

/* Memory for one part's evaluations. Both arrays begin with the part's constants. */
typedef struct rgi_space {
    double *single, *uniform;
} rgi_space;

struct rg_workspace {
    rg_allocator allocator;
    const rg_program *program;
    size_t bytes; /* of this block, which holds everything below */
    rgi_space space[RGI_PARTS];
    double *slots, *sums; /* for the part that needs most */
    const double **in;    /* an entry for each input, and each output, of a part */
    double **out;
    double *directions; /* of the Jacobian or Hessian: for each a number a lane */
    double *products;   /* the same of their products */
    double *left;       /* a number a lane for rg_program_check_batch */
};

#endif
