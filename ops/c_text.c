/* c_text.c: see c_text.h. */
#include "c_text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A function or constant: its text for numbers and for lanes, NULL where there is none. */
typedef struct piece {
    const char *name, *texts[2];
} piece;

typedef struct row {
    const char *texts[2];
} row;

#include "c_text.inc" /* made by c_text.py */

enum { PIECES = sizeof pieces / sizeof *pieces };
_Static_assert((int)PIECES <= (int)RGI_C_PIECES, "RGI_C_PIECES is too small");

static const char prefix[] = "NAME_", lanes_prefix[] = "lanes_";
enum { PREFIX = sizeof prefix - 1, LANES_PREFIX = sizeof lanes_prefix - 1 };

/* What no row has. */
static const row others[RGI_GRAPH_FIRST_ROW] = {
    [RGI_GRAPH_WHERE] = {{"a != 0.0 ? b : c", "NAME_lanes_select(a != 0.0, b, c)"}},
    [RGI_GRAPH_MULTIPLY_ADD] = {{"NAME_FMA(a, b, c)", "NAME_lanes_multiply_add(a, b, c)"}},
    [RGI_GRAPH_MULTIPLY_SUB] = {{"NAME_FMA(a, b, -c)", "NAME_lanes_multiply_add(a, b, -c)"}},
    [RGI_GRAPH_NEGATED_MULTIPLY_ADD] = {{"NAME_FMA(-a, b, c)",
                                         "NAME_lanes_multiply_add(-a, b, c)"}},
    [RGI_GRAPH_GUARDED_ADD] = {{"NAME_FMA(a, NAME_unless_zero(a, b), c)",
                                "NAME_lanes_multiply_add(a, NAME_lanes_unless_zero(a, b), c)"}},
    [RGI_GRAPH_GUARDED_SUB] = {{"NAME_FMA(-a, NAME_unless_zero(a, b), c)",
                                "NAME_lanes_multiply_add(-a, NAME_lanes_unless_zero(a, b), c)"}},
};

static const row *row_of(int operation)
{
    return operation < RGI_GRAPH_FIRST_ROW ? &others[operation]
                                           : &rows[operation - RGI_GRAPH_FIRST_ROW];
}

static size_t word_length(const char *string)
{
    size_t length = 0;
    while (isalnum((unsigned char)string[length]) || string[length] == '_')
        length++;
    return length;
}

/* ---- printing ---- */

void rgi_c_put(rgi_c_text *text, const char *string)
{
    if (!text->stream)
        return;
    const char *found;
    while ((found = strstr(string, prefix))) {
        fwrite(string, 1, (size_t)(found - string), text->stream);
        fprintf(text->stream, "%s_", text->name);
        string = found + PREFIX;
    }
    fputs(string, text->stream);
}

void rgi_c_print(rgi_c_text *text, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    rgi_c_put(text, line);
}

/* Whatever the locale has for a decimal point becomes one. */
static void set_point(char *digits)
{
    char *point = digits + strspn(digits, "-0123456789"), *rest = point;
    if (*point == '\0' || *point == 'e')
        return;
    while (*rest && !isdigit((unsigned char)*rest))
        rest++;
    *point = '.';
    memmove(point + 1, rest, strlen(rest) + 1);
}

/* The shortest of three; negative numbers in parentheses, so that no sign meets another. */
void rgi_c_literal(double number, char literal[RGI_C_LITERAL])
{
    if (isnan(number) || isinf(number)) {
        const char *name = isnan(number) ? "NAN" : number > 0 ? "INFINITY" : "(-INFINITY)";
        memcpy(literal, name, strlen(name) + 1);
        return;
    }
    char digits[RGI_C_LITERAL - 4]; /* -1.2345678901234567e-308 has 24 characters */
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (strtod(digits, NULL) == number)
            break;
    }
    set_point(digits);
    const char *point = strpbrk(digits, ".e") ? "" : ".0";
    snprintf(literal, RGI_C_LITERAL, signbit(number) ? "(%s%s)" : "%s%s", digits, point);
}

/* ---- what is needed ---- */

static void need_piece(rgi_c_text *text, size_t index, bool lanes)
{
    const char *needs = pieces[index].texts[lanes];
    if (!needs || text->needed[index][lanes])
        return;
    text->needed[index][lanes] = 1;
    rgi_c_need(text, needs);
}

/* The piece that the word after NAME_ names, and whether it is meant for lanes; PIECES if none. */
static size_t find_piece(const char *word, size_t length, bool *lanes)
{
    for (size_t i = 0; i < PIECES; i++)
        if (strlen(pieces[i].name) == length && !memcmp(pieces[i].name, word, length)) {
            *lanes = !pieces[i].texts[0];
            return i;
        }
    if (length <= LANES_PREFIX || memcmp(word, lanes_prefix, LANES_PREFIX))
        return PIECES;
    size_t found = find_piece(word + LANES_PREFIX, length - LANES_PREFIX, lanes);
    *lanes = true;
    return found;
}

void rgi_c_need(rgi_c_text *text, const char *string)
{
    while ((string = strstr(string, prefix))) {
        string += PREFIX;
        bool lanes;
        size_t found = find_piece(string, word_length(string), &lanes);
        if (found < PIECES)
            need_piece(text, found, lanes);
    }
}

void rgi_c_need_operation(rgi_c_text *text, int operation, bool lanes)
{
    const char *needs = row_of(operation)->texts[lanes];
    if (needs)
        rgi_c_need(text, needs);
    if (lanes) /* for operands that are numbers */
        rgi_c_need(text, "NAME_lanes NAME_lanes_all");
}

static void print_piece(rgi_c_text *text, size_t index, bool lanes);

static void print_needs(rgi_c_text *text, const char *string)
{
    while ((string = strstr(string, prefix))) {
        string += PREFIX;
        bool lanes;
        size_t found = find_piece(string, word_length(string), &lanes);
        if (found < PIECES)
            print_piece(text, found, lanes);
    }
}

static void print_piece(rgi_c_text *text, size_t index, bool lanes)
{
    if (!text->needed[index][lanes])
        return;
    text->needed[index][lanes] = 0;
    print_needs(text, pieces[index].texts[lanes]);
    rgi_c_put(text, pieces[index].texts[lanes]);
    rgi_c_put(text, "\n");
}

void rgi_c_pieces(rgi_c_text *text)
{
    for (size_t i = 0; i < PIECES; i++) {
        print_piece(text, i, false);
        print_piece(text, i, true);
    }
}

/* ---- expressions ---- */

/* Vectors and numbers mix in plain arithmetic; elsewhere a number must become a vector. */
static void put_operand(rgi_c_text *text, const rgi_c_operand *operand, bool widen)
{
    rgi_c_print(text, widen && !operand->lanes ? "NAME_lanes_all(%s)" : "%s", operand->text);
}

static bool is_arithmetic(int operation)
{
    return operation == RGI_GRAPH_add || operation == RGI_GRAPH_sub || operation == RGI_GRAPH_mul ||
           operation == RGI_GRAPH_div;
}

void rgi_c_expression(rgi_c_text *text, const rgi_graph_node *node, bool lanes,
                      const rgi_c_operand *operands)
{
    static const char letters[] = "xabcpq";
    const char *from = row_of(node->operation)->texts[lanes];
    bool widen =
        lanes && !(is_arithmetic(node->operation) && (operands[0].lanes || operands[1].lanes));
    while (*from) {
        size_t length = word_length(from), kept = length ? length : 1;
        const char *letter = length == 1 ? strchr(letters, *from) : NULL;
        char literal[RGI_C_LITERAL];
        if (!letter) {
            rgi_c_print(text, "%.*s", (int)kept, from);
        } else if (*letter == 'p' || *letter == 'q') {
            rgi_c_literal(node->number[*letter - 'p'], literal);
            rgi_c_put(text, literal);
        } else {
            put_operand(text, &operands[*letter == 'x' ? 0 : *letter - 'a'], widen);
        }
        from += kept;
    }
}
