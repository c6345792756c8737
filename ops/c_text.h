/*
 * c_text.h: the text of emitted C: rows, and the functions they are written with (private).
 *
 * In every text NAME_ stands for the prefix of the file. What follows it may name a piece, a
 * function or constant that the file must then define: rgi_c_need finds those, rgi_c_pieces prints
 * them. Pieces and rows are made from the library's own sources by c_text.py.
 */
#ifndef RG_OPS_C_TEXT_H
#define RG_OPS_C_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "graph.h"

enum { RGI_C_PIECES = 160, RGI_C_LITERAL = 32 };

typedef struct rgi_c_text {
    FILE *stream; /* NULL: nothing is printed */
    const char *name;
    unsigned char needed[RGI_C_PIECES][2]; /* for numbers, for lanes */
} rgi_c_text;

/* An operand as it is printed, and whether it is a vector (of one number in each lane). */
typedef struct rgi_c_operand {
    char text[48];
    bool lanes;
} rgi_c_operand;

/* Prints with NAME_ replaced; what a format says about numbers is at most 500 bytes long. */
void rgi_c_put(rgi_c_text *text, const char *string);
void rgi_c_print(rgi_c_text *text, const char *format, ...) RG_PRINTF(2, 3);

/* The number such that it reads back the same. */
void rgi_c_literal(double number, char literal[RGI_C_LITERAL]);

/* Notes what a text needs; what an operation needs. */
void rgi_c_need(rgi_c_text *text, const char *string);
void rgi_c_need_operation(rgi_c_text *text, int operation, bool lanes);

/* Prints what was noted, everything after what it needs itself. */
void rgi_c_pieces(rgi_c_text *text);

/* Prints the expression of an operation (other than a constant, an input and a sum). */
void rgi_c_expression(rgi_c_text *text, const rgi_graph_node *node, bool lanes,
                      const rgi_c_operand *operands);

#endif
