/*
 * engine.h: the engines other than recorded values. Each computes scalar expressions at points;
 * points.c makes those out of blocks. An engine is one file with one function; engines.c lists it.
 */
#ifndef RG_TESTS_REFERENCE_ENGINE_H
#define RG_TESTS_REFERENCE_ENGINE_H

#include "reference.h"

/* What an expression calculates after its inputs: values are numbered from 0, the inputs first. */
typedef struct ref_term {
    const ref_operator *operator; /* NULL: a number */
    double number;
    int argument[REF_MAX_OPERANDS];
    double parameter[REF_MAX_PARAMETERS];
} ref_term;

/* What an engine found, for every point: the value, the gradient times the upstream, and, unless
 * NULL, the Hessian times the direction times the upstream, and the derivative along the direction.
 * gradient and product hold input_count numbers a point. */
enum { REF_MAX_RESULTS = 6 };
typedef struct ref_result {
    const char *way;
    double *value, *gradient, *product, *slope;
} ref_result;

/* An expression, its last term, and the points where it is wanted. */
typedef struct ref_expression {
    int input_count, term_count;
    ref_term *term;
    int64_t count, capacity; /* points */
    double *x, *direction;   /* input_count numbers a point */
    double *upstream;        /* a number a point */
    ref_result result[REF_MAX_RESULTS];
    int result_count;
    ref_outcome outcome; /* other than REF_PASS: why there are no results */
} ref_expression;

typedef struct ref_engine {
    const char *name;
    /* NULL: the library's recorded values, which compute blocks themselves. */
    void (*run)(ref_expression *list, int count);
    int orders; /* of derivatives, the value included: 2, or 3 with products */
} ref_engine;

extern const ref_engine ref_engine_fused, ref_engine_program, ref_engine_emitted,
    ref_engine_forward;

/* ---- engines.c ---- */

/* The engine of that name; NULL: there is none. */
const ref_engine *ref_find_engine(const char *name);
/* "recorded|forward|..", for messages. */
void ref_print_engines(FILE *stream);

/* ---- expression.c ---- */

typedef struct ref_expressions {
    ref_expression *list;
    int count, capacity;
} ref_expressions;

/* The place in the list of an expression of one term, which is added if it is new. */
int ref_find_expression(ref_expressions *all, int input_count, const ref_term *term);
/* Adds an expression of several terms, which it then owns. */
int ref_add_expression(ref_expressions *all, int input_count, int term_count, ref_term *term);
/* Adds a point, whose arrays are to be filled, and returns its number. */
int64_t ref_add_point(ref_expression *expression);
void ref_free_expressions(ref_expressions *all);

/* Records an expression on scalars; inert after an error of the tape or an outcome. */
rg_value ref_record(const ref_expression *expression, rg_tape *tape, const rg_value *x,
                    ref_outcome *outcome);

/* Room for the results of a way; without product and slope if the engine has none. */
ref_result *ref_add_result(ref_expression *expression, const char *way, bool product, bool slope);

/* ---- points.c ---- */

/* Runs the blocks that are left in a file through an engine. */
void ref_run_points(const ref_engine *engine, ref_reader *reader, ref_report *report,
                    ref_precision *precision);

#endif
