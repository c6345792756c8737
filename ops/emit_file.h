/*
 * emit_file.h: the C file of a program: its functions as callers know them (private; for emit.c and
 * emit_body.c).
 */
#ifndef RG_OPS_EMIT_FILE_H
#define RG_OPS_EMIT_FILE_H

#include "compiled.h"
#include "emit.h"
#include "emit_part.h"

enum { RGI_EMIT_FUNCTIONS = 8 };

/* A function of the file as its callers know it. */
typedef struct rgi_emit_function {
    int part;
    const char *name, *direction, *value, *derivative;
    const char *comment;
} rgi_emit_function;

extern const rgi_emit_function rgi_emit_file_functions[RGI_EMIT_FUNCTIONS];

typedef struct rgi_emitter {
    const rg_program *program;
    const rg_emit_options *options;
    rgi_c_text text;
    rgi_emit_part single[RGI_EMIT_FUNCTIONS],
        batch[RGI_EMIT_FUNCTIONS]; /* `part` is NULL where there is none */
    const char *restricted;        /* "restrict " in definitions, which C++ does not read */
    unsigned inputs, outputs;
} rgi_emitter;

static inline bool rgi_emit_is_matrix(const rgi_emit_function *f)
{
    return f->part == RGI_PART_JACOBIAN || f->part == RGI_PART_HESSIAN;
}

static inline const rgi_sparse *rgi_emit_sparse(const rgi_emitter *e, const rgi_emit_function *f)
{
    return f->part == RGI_PART_JACOBIAN ? &e->program->jacobian : &e->program->hessian;
}

/* The name and parameters of a function, without what follows. */
void rgi_emit_head(rgi_emitter *e, const rgi_emit_function *f, bool batch, bool sparse);

/* The definitions of all functions (emit_body.c). */
void rgi_emit_bodies(rgi_emitter *e);

#endif
