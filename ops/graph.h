/*
 * graph.h: the graph that a program is compiled from, and the parts a program consists of
 * (private).
 *
 * A graph is a list of nodes in which every node comes after its operands; walking it upwards
 * evaluates it. Operations are the element-wise rows, and a few that no row has. Equal nodes are
 * one node (graph.c finds them by hash), except in a finished graph.
 *
 * A part is one compiled function, such as the gradient: its finished graph, in which every node is
 * alive, multiply-adds are joined, and the nodes stand in the order of their stages. The program
 * keeps the graph of each part for those who print it: rgi_program_part. How the interpreter
 * encodes a part is in code.h and of no concern here.
 */
#ifndef RG_OPS_GRAPH_H
#define RG_OPS_GRAPH_H

#include "../autograd/internal.h"
#include "elementwise_rows.h"
#include "program.h"

/* ---- operations ---- */

/* a, b, c are the operands; x is a where there is only one; p, q are the parameters. */
enum {
    RGI_GRAPH_CONSTANT,     /* the number p; no operands */
    RGI_GRAPH_INPUT,        /* input number in[0] of the part (no operand) */
    RGI_GRAPH_SUM,          /* the sum of a over the evaluations of a batch; a itself for one */
    RGI_GRAPH_WHERE,        /* a != 0 ? b : c */
    RGI_GRAPH_MULTIPLY_ADD, /* a b + c, rounded once or twice */
    RGI_GRAPH_MULTIPLY_SUB, /* a b - c */
    RGI_GRAPH_NEGATED_MULTIPLY_ADD, /* c - a b */
    RGI_GRAPH_GUARDED_ADD,          /* a == 0 ? c : a b + c */
    RGI_GRAPH_GUARDED_SUB,          /* a == 0 ? c : c - a b */
    RGI_GRAPH_FIRST_ROW,
    RGI_GRAPH_BEFORE_ROWS = RGI_GRAPH_FIRST_ROW - 1,
#define RGI_ROW_OPERATION(name, ...) RGI_GRAPH_##name,
    RGI_ALL_UNARY_ROWS(RGI_ROW_OPERATION) RGI_STEP_ROWS(RGI_ROW_OPERATION)
        RGI_ALL_BINARY_ROWS(RGI_ROW_OPERATION) RGI_ALL_COMPARE_ROWS(RGI_ROW_OPERATION)
#undef RGI_ROW_OPERATION
            RGI_GRAPH_OPERATIONS
};

/* What is known of an operation. */
typedef struct rgi_operation {
    const char *name;  /* "mul" */
    const char *value; /* the row's expression as it stands there: "a * b", "EXP(x)", .. */
    int arity;         /* operands: 0 to 3 */
    int parameters;    /* numbers p, q: 0 to 2 */
} rgi_operation;

const rgi_operation *rgi_graph_operation(int operation);

/* ---- nodes ---- */

#define RGI_NO_NODE UINT32_MAX

/* When a node is computed. A finished graph holds its nodes in this order. */
enum {
    RGI_BEFORE, /* once for a batch, before it: depends on constants and uniform inputs only */
    RGI_EACH,   /* for each evaluation */
    RGI_AFTER   /* once, after it: a RGI_GRAPH_SUM, or what is computed from sums */
};

typedef struct rgi_graph_node {
    uint16_t operation;
    uint8_t stage;
    uint32_t in[3];   /* operands: as many as the operation's arity; the others are 0 */
    double number[2]; /* a constant's number; parameters p and q; what is not used is 0 */
} rgi_graph_node;

typedef struct rgi_graph {
    rgi_graph_node *nodes;
    uint32_t count, capacity;
    uint32_t *table; /* places by hash, RGI_NO_NODE where free; NULL in a finished graph */
    uint32_t table_size;
    const rg_allocator *allocator;
} rgi_graph;

/* All of these return RGI_NO_NODE when there is no memory, or when an operand is RGI_NO_NODE, so
 * that a caller may look at the last result only. */
void rgi_graph_init(rgi_graph *graph, const rg_allocator *allocator);
void rgi_graph_free(rgi_graph *graph);
uint32_t rgi_graph_constant(rgi_graph *graph, double number);
uint32_t rgi_graph_input(rgi_graph *graph, uint32_t number, bool uniform);
uint32_t rgi_graph_sum(rgi_graph *graph, uint32_t a);
/* The node of an operation with `in` and its parameters (NULL if it has none), or a simpler one
 * that is equal to it for all operands, up to the sign of zero. */
uint32_t rgi_graph_add(rgi_graph *graph, int operation, const uint32_t *in,
                       const double *parameters);
bool rgi_graph_is_number(const rgi_graph *graph, uint32_t node, double number);

/* ---- graph_record.c ---- */

/* Adds to a graph what the roots on a tape were computed from. node_of has the graph's node for
 * those of the tape's nodes that have one already (inputs, at least), RGI_NO_NODE for the others,
 * and gets what is added. What does not depend on the nodes already there becomes constants. What
 * cannot be converted is an error or, to `skip`, left without a node. */
rg_status rgi_graph_record(rgi_graph *graph, const rg_tape *tape, uint32_t *node_of, uint32_t count,
                           const rg_value *roots, bool skip, rg_error *error);

/* The reverse: records every node of a graph without sums; value[i] is what node i becomes. */
void rgi_graph_replay(const rgi_graph *graph, rg_tape *tape, rg_value *value);

/* ---- parts ---- */

enum {
    RGI_PART_VALUE,
    RGI_PART_GRADIENT,
    RGI_PART_JVP,
    RGI_PART_VJP,
    RGI_PART_HVP,
    RGI_PART_JACOBIAN, /* evaluated once for each group of columns, or rows: program.c */
    RGI_PART_HESSIAN,
    RGI_PART_CHECK,
    RGI_PARTS
};

/* Inputs are numbered x[0..n), then the directions: v[0..n) of JVP, HVP and HESSIAN, u[0..m) of
 * VJP; of JACOBIAN v[0..n) or, if `by_rows`, u[0..m).
 *
 * Outputs are y[0..m) (`values` of them: none of HVP and HESSIAN; CHECK has one, the number of
 * comparisons that turn out differently), then the derivatives: g[0..n) of GRADIENT, jv[0..m) of
 * JVP, uj[0..n) of VJP, hv[0..n) of HVP and HESSIAN, jv or uj of JACOBIAN. Several outputs may be
 * the same node; any node may be one, also a constant or an input.
 *
 * In JACOBIAN and HESSIAN every x is uniform and the directions vary: one evaluation of the batch
 * is one direction. In the other parts uniform[i] is the program's, and that of x[i] for v[i]; u
 * varies. An output of stage RGI_AFTER is the sum over the batch, for the gradient of a uniform
 * input. A y or jv of stage RGI_BEFORE is the same for all evaluations. */
typedef struct rgi_part {
    rgi_graph graph;
    uint32_t stage_end[3]; /* nodes [0, [0]) are RGI_BEFORE, [[0], [1]) RGI_EACH, .. */
    uint32_t inputs, outputs;
    uint32_t values; /* how many outputs are values */
    uint32_t unused; /* room in `output` behind them */
    bool by_rows;
    unsigned char *uniform; /* one an input */
    uint32_t *output;       /* the node of each */
} rgi_part;

/* A part without anything; frees the graph and the lists. */
void rgi_part_init(rgi_part *part, const rg_allocator *allocator);
void rgi_part_free(rgi_part *part);
/* Room for the lists, to be filled by the caller. */
rg_status rgi_part_allocate(rgi_part *part, uint32_t inputs, uint32_t outputs, rg_error *error);

/* ---- graph_derive.c ---- */

/* u times the Jacobian of f's outputs [first, first + roots) to its inputs [0, n). `out` has f's
 * outputs and then these n. u are `roots` new inputs, or 1 if not `given`. `sums`: for uniform
 * inputs the sum over a batch is meant. */
typedef struct rgi_vjp {
    uint32_t first, roots, n;
    bool given, sums;
} rgi_vjp;
rg_status rgi_derive_vjp(rgi_part *out, const rgi_part *f, const rgi_vjp *what, rg_error *error);

/* The Jacobian of f's outputs to its inputs, all of them, times v. `out` has f's outputs and then
 * as many more. v are as many new inputs, uniform where `uniform` says so. */
rg_status rgi_derive_jvp(rgi_part *out, const rgi_part *f, const unsigned char *uniform,
                         rg_error *error);

/* ---- graph_finish.c ---- */

/* Drops what no output needs, joins multiplications with additions, puts the nodes in the order of
 * their stages. */
rg_status rgi_part_finish(rgi_part *part, rg_error *error);

/* ---- program.c ---- */

/* A part of a program; NULL if it was not compiled (CHECK: if there are no comparisons). */
const rgi_part *rgi_program_part(const rg_program *program, int part);

#endif
