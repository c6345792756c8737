/*
 * reference.h: what the files of the reference runner share. cases/README.md describes the files
 * it reads; README.md says how it is used.
 */
#ifndef RG_TESTS_REFERENCE_H
#define RG_TESTS_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../../reelgrad.h"

/* ---- format.c: blocks of a file ---- */

typedef enum ref_kind {
    REF_CASE,      /* a CASE block */
    REF_PROGRAM,   /* a PROG block */
    REF_PRECISE,   /* a line of a precise file */
    REF_OPTIMIZER, /* an OPT block */
    REF_SCHEDULE,  /* a SCHED block */
    REF_CLIP,      /* a CLIP block */
    REF_END,       /* the file is over */
    REF_MALFORMED
} ref_kind;

/* Limits of a block, so that a damaged file is refused before it is multiplied. */
enum { REF_MAX_TENSORS = 1000, REF_MAX_NODES = 1000000, REF_MAX_NUMBERS = 8 };

/* A line of tag I, X, Y, U, G, V or H; in blocks about training also P, L or N. Lines there that
 * have no name are called by their number, from "0". */
typedef struct ref_tensor {
    char tag;
    bool grad; /* X: a gradient is expected */
    const char *name;
    rg_shape shape;
    int64_t size;
    const double *value; /* row-major */
} ref_tensor;

/* A line of tag A (count numbers) or S (a word). */
typedef struct ref_attribute {
    const char *key;
    const char *word; /* NULL for numbers */
    int64_t count;
    const double *number;
} ref_attribute;

/* A node of a program; op "const" stands for its number. */
typedef struct ref_node {
    const char *op;
    double number;
    int argument_count;
    int argument[2];
} ref_node;

typedef struct ref_block {
    ref_kind kind;
    int64_t line; /* where it starts */
    const char *id, *op;
    struct ref_memory *memory; /* everything below */

    int tensor_count, attribute_count; /* a case, or a block about training */
    ref_tensor *tensor;
    ref_attribute *attribute;

    const char *problem; /* OPT: what is minimised */
    double given;        /* SCHED: the base rate; CLIP: the limit */
    int64_t size, steps; /* OPT: of x, and steps; SCHED: rates; CLIP: gradients */

    int input_count, node_count; /* a program: nodes 0 to input_count - 1 are the inputs */
    ref_node *node;
    const double *x, *f, *g, *v, *h, *d; /* NULL where the line is absent */

    int number_count; /* a precise line */
    double number[REF_MAX_NUMBERS];
} ref_block;

typedef struct ref_reader {
    FILE *file;
    int64_t number; /* of the current line */
    char *line;
    size_t capacity;
    char *next; /* the rest of the line; NULL: none */
    char message[256];
} ref_reader;

void ref_reader_begin(ref_reader *reader, FILE *file);
void ref_reader_end(ref_reader *reader);

/* Reads the next block, which ref_block_free frees whatever it is. After REF_MALFORMED the reader's
 * message says what is wrong on line `number`, and reading is over. */
ref_kind ref_read_block(ref_reader *reader, ref_block *block);
void ref_block_free(ref_block *block);

/* The tensor or attribute of that name; NULL if there is none. */
const ref_tensor *ref_find_tensor(const ref_block *block, char tag, const char *name);
const ref_attribute *ref_find_attribute(const ref_block *block, const char *key);

/* Memory that must be had: without it the program ends with status 2. */
void *ref_alloc(size_t size);
double *ref_alloc_doubles(int64_t count);

/* ---- report.c: what was found, file by file ---- */

enum { REF_SHOWN_FAILURES = 10, REF_MAX_REASONS = 200, REF_REASON_SIZE = 80 };

/* Why blocks were skipped, and how many for each reason. */
typedef struct ref_reason {
    char text[REF_REASON_SIZE];
    int64_t count;
} ref_reason;

typedef struct ref_report {
    const char *file;
    int64_t passed, failed, skipped;
    int reason_count;
    ref_reason reason[REF_MAX_REASONS];
} ref_report;

typedef enum ref_verdict { REF_PASS, REF_FAIL, REF_SKIP, REF_BAD } ref_verdict;

/* The outcome of one block: a verdict with its sentence (what failed, why it is skipped, what is
 * malformed). The first verdict other than REF_PASS stands. */
typedef struct ref_outcome {
    ref_verdict verdict;
    char text[512];
} ref_outcome;

/* Sets the outcome if it is still REF_PASS; returns false, for `return ref_set(..)`. */
bool ref_set(ref_outcome *outcome, ref_verdict verdict, const char *format, ...) RG_PRINTF(3, 4);

/* Counts the outcome of a block and prints the first failures. */
void ref_count(ref_report *report, const ref_block *block, const ref_outcome *outcome);
void ref_print_summary(const ref_report *report);

/* ---- compare.c ---- */

/* |got - want| <= relative |want| + absolute S, where S = max(1, largest finite |want|). */
typedef struct ref_tolerance {
    double relative, absolute;
} ref_tolerance;

/* What the elements of a tensor Y, G or H of a case must keep to. */
ref_tolerance ref_tolerance_of(const ref_block *block, char tag, rg_type type);

/* Compares elements with those of `want`; `way` says how they were computed. */
bool ref_compare(ref_outcome *outcome, const char *way, const ref_tensor *want, const double *got,
                 ref_tolerance tolerance);

/* The same for one number of a program: |got - want| <= tolerance (1 + |want|). */
bool ref_compare_number(ref_outcome *outcome, const char *what, int64_t element, double got,
                        double want, double tolerance);

/* Whether two arrays are equal bit by bit, but for the sign and payload of NaN. */
bool ref_same(const double *a, const double *b, int64_t count);

/* The error in units of the spacing of doubles at `want`; infinite where one is NaN or infinite and
 * the other is not the same. */
double ref_ulp(double got, double want);

/* ---- operators.c: the operators of the files as calls of the library ---- */

enum { REF_MAX_FURTHER = 2, REF_MAX_OPERANDS = 3, REF_MAX_PARAMETERS = 2 };

/* One call: a block (of which a case's attributes count) with the values of its tensors. */
typedef struct ref_call {
    rg_tape *tape;
    const ref_block *block;
    const rg_value *value; /* of block->tensor[i]; set for tags I and X */
    ref_outcome *outcome;
    rg_value further[REF_MAX_FURTHER];   /* set by operators with further results than the first */
    const struct ref_operator *operator; /* set by ref_apply */
} ref_call;

/* An attribute that is one number. */
typedef struct ref_parameter {
    const char *key; /* NULL: there is none */
    double otherwise;
} ref_parameter;

typedef struct ref_operator {
    const char *name;
    rg_value (*unary)(rg_value x);               /* of x */
    rg_value (*binary)(rg_value a, rg_value b);  /* of a and b; of a and a with attribute alias */
    rg_value (*matrix)(rg_value x);              /* of x, but not element by element */
    rg_value (*product)(rg_value a, rg_value b); /* of a and b, likewise */
    rg_value (*general)(ref_call *call);         /* of anything else */
    bool elementwise;                            /* the general form, on recorded scalars too ... */
    const char *operands;                        /* ... with these names, a letter each; NULL: x */
    ref_parameter parameter[REF_MAX_PARAMETERS];
} ref_operator;

/* The operator of that name; NULL if the library does not have it. */
const ref_operator *ref_find_operator(const char *name);

bool ref_is_elementwise(const ref_operator *operator);

/* The names of an element-wise operator's operands, a letter each. */
const char *ref_operands(const ref_operator *operator);

/* Records the operator. An inert value means an error of the tape, or an outcome that says what
 * the block lacks or the library does not do. */
rg_value ref_apply(const ref_operator *operator, ref_call * call);

/* The same on one or two values without attributes, as in programs and precise files. An
 * operator that takes another number of them finds one missing. */
rg_value ref_apply_plain(const ref_operator *operator, rg_tape * tape, int count,
                         const rg_value *argument, ref_outcome *outcome);

/* An element-wise operator on as many scalars as it has operands, with its parameters. */
rg_value ref_apply_scalars(const ref_operator *operator, rg_tape * tape, const rg_value *argument,
                           const double *parameters, ref_outcome *outcome);

/* ---- the runners ---- */

/* Which element of an operand meets element `place` of the result it broadcasts to. */
int64_t ref_broadcast_place(const rg_shape *out, const rg_shape *in, int64_t place);
/* Whether every X of a case broadcasts to y. */
bool ref_is_broadcast(const ref_block *block, const ref_tensor *y);

/* case.c: a CASE block, in one element type. */
void ref_run_case(const ref_block *block, rg_type type, ref_outcome *outcome);

/* layout.c: a tensor recorded as a view into a larger or differently ordered storage. */
typedef enum ref_layout { REF_DENSE, REF_STEPPED, REF_TRANSPOSED, REF_LAYOUTS } ref_layout;

typedef struct ref_placed {
    rg_value storage, view; /* equal if the layout is dense */
} ref_placed;

ref_placed ref_place(rg_tape *tape, rg_type type, const ref_tensor *tensor, ref_layout layout);

/* Whether no gradient has reached storage outside the view, and the view's is the storage's. */
bool ref_padding_is_clean(const ref_placed *placed, const ref_tensor *tensor, ref_layout layout);

/* program.c: a PROG block. */
void ref_run_program(const ref_block *block, ref_outcome *outcome);

/* training.c: an OPT, SCHED or CLIP block. */
void ref_run_training(const ref_block *block, ref_outcome *outcome);

/* precise.c: the lines of precise files, and the distribution of their errors. `orders`: 3 to look
 * at values and two derivatives, 2 without the second. */
enum { REF_ORDERS = 3 };
typedef struct ref_precision ref_precision;
ref_precision *ref_precision_create(int orders);
void ref_run_precise(ref_precision *precision, const ref_block *block, ref_outcome *outcome);
/* Lets the error of `got` against number `place` of the line count, if it is the worst of an order.
 */
void ref_keep_error(const ref_block *block, double error[REF_ORDERS], int order, double got,
                    int place);
void ref_count_precise(ref_precision *precision, const ref_block *block,
                       const double error[REF_ORDERS], ref_outcome *outcome);
/* Whether as many rows as must are precise. */
bool ref_print_precision(const ref_precision *precision);
void ref_precision_destroy(ref_precision *precision);

#endif
