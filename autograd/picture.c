/*
 * picture.c: graphs as DOT and as text. Operands have smaller numbers than what is computed from
 * them, so one walk downwards finds everything that a root depends on.
 */
#include "picture.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "internal.h"

enum { SHOWN = 4, DEEPEST = 32 };

/* What the picture knows about a node. */
typedef struct note {
    const char *name;
    unsigned char uses; /* 0: not in the picture; 2 stands for more */
    bool written;
} note;

typedef struct picture {
    FILE *stream;
    rg_tape *tape;
    uint32_t root;
    note *notes;     /* of nodes 0 to root */
    double *element; /* room for the largest tensor */
    size_t element_bytes;
} picture;

/* ---- operands ---- */

/* A node, or a plain number where node is 0. */
typedef struct operand {
    uint32_t node;
    double number;
} operand;

static int operand_count(const rg_tape *tape, uint32_t node)
{
    int code = tape->cursor.code[node];
    if (code == RGI_CODE_RECORD)
        return rgi_record_of(tape, node)->count;
    if (code < RGI_CODE_FIRST)
        return code == RGI_CODE_ELEMENT;
    const rg_op *op = tape->engine->op(code);
    return op->arity + (op->attribute_size > 0);
}

static operand operand_at(const rg_tape *tape, uint32_t node, int k)
{
    const rg_cursor *cursor = &tape->cursor;
    int code = cursor->code[node];
    if (code == RGI_CODE_RECORD)
        return (operand){.node = rgi_record_of(tape, node)->in[k]};
    uint32_t place = k == 0 ? cursor->operands[node].a : cursor->operands[node].b;
    if (code == RGI_CODE_ELEMENT || (tape->engine->operands(code) >> k & 1))
        return (operand){.node = place};
    return (operand){.number = cursor->constant[place]};
}

/* ---- finding the graph ---- */

/* False where it meets a fused statement, which knows no operation. */
static bool find_graph(picture *p)
{
    p->notes[p->root].uses = 1;
    for (uint32_t node = p->root; node > 0; node--) {
        if (p->notes[node].uses == 0)
            continue;
        if (rgi_is_statement(p->tape->cursor.code[node]))
            return false;
        int count = operand_count(p->tape, node);
        for (int k = 0; k < count; k++) {
            note *in = &p->notes[operand_at(p->tape, node, k).node];
            if (in->uses < 2)
                in->uses++;
        }
    }
    return true;
}

static void find_names(picture *p, const rg_label *labels, int count)
{
    for (int i = 0; i < count; i++) {
        const rg_label *label = &labels[i];
        uint32_t node = label->value.tape == p->tape ? rgi_node(p->tape, label->value.serial) : 0;
        if (node && node <= p->root && !p->notes[node].name)
            p->notes[node].name = label->name;
    }
}

static bool make_element_room(picture *p)
{
    rg_tensor room;
    int64_t size = 1;
    for (uint32_t node = p->root; node > 0; node--)
        if (p->notes[node].uses > 0) {
            const rg_tensor *tensor = rgi_tensor_of(p->tape, node, &room);
            size = tensor->size > size ? tensor->size : size;
        }
    if ((uint64_t)size > SIZE_MAX / sizeof(double))
        return false;
    p->element_bytes = (size_t)size * sizeof(double);
    p->element = rgi_alloc(&p->tape->allocator, p->element_bytes);
    return p->element != NULL;
}

static size_t note_bytes(const picture *p)
{
    return ((size_t)p->root + 1) * sizeof(note);
}

static rg_status begin(picture *p, FILE *stream, rg_value root, const rg_label *labels, int count)
{
    memset(p, 0, sizeof *p);
    p->stream = stream;
    p->tape = root.tape;
    p->root = p->tape ? rgi_node(p->tape, root.serial) : 0;
    if (!p->root)
        return RG_ERROR_STALE;
    p->notes = rgi_alloc(&p->tape->allocator, note_bytes(p));
    if (!p->notes)
        return RG_ERROR_MEMORY;
    memset(p->notes, 0, note_bytes(p));
    if (!find_graph(p))
        return RG_ERROR_GRADIENT;
    find_names(p, labels, count);
    return make_element_room(p) ? RG_OK : RG_ERROR_MEMORY;
}

/* Refusals of the stream show here at the latest, so it is flushed. */
static rg_status end(picture *p, rg_status status)
{
    if (p->notes) {
        rgi_free(&p->tape->allocator, p->notes, note_bytes(p));
        rgi_free(&p->tape->allocator, p->element, p->element_bytes);
    }
    if (status == RG_OK && (ferror(p->stream) || fflush(p->stream) != 0))
        return RG_ERROR_IO;
    return status;
}

/* ---- pieces of both forms ---- */

static void put_number(FILE *stream, double number, rg_type type)
{
    if (isnan(number))
        fputs("nan", stream);
    else if (type == RG_I64)
        fprintf(stream, "%.0f", number);
    else
        fprintf(stream, "%g", number);
}

/* The number of a scalar, the first elements of a tensor. */
static void put_elements(const picture *p, const rg_tensor *tensor)
{
    if (tensor->shape.rank == 0) {
        put_number(p->stream, p->element[0], tensor->type);
        return;
    }
    fputc('(', p->stream);
    for (int64_t i = 0; i < tensor->size && i < SHOWN; i++) {
        fputs(i > 0 ? ", " : "", p->stream);
        put_number(p->stream, p->element[i], tensor->type);
    }
    fputs(tensor->size > SHOWN ? ", ..)" : ")", p->stream);
}

/* The value and, after a sweep, the adjoint, each behind its introduction. */
static void put_value(const picture *p, uint32_t node, const char *before_value,
                      const char *before_adjoint)
{
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(p->tape, node, &room);
    rg_value value = rgi_value(p->tape, node);
    fputs(before_value, p->stream);
    rg_read(value, p->element);
    put_elements(p, tensor);
    if (p->tape->swept == 0 || node > p->tape->swept || !rgi_is_active(p->tape, node))
        return;
    fputs(before_adjoint, p->stream);
    rg_read_grad(value, p->element);
    put_elements(p, tensor);
}

/* Names come from the user, so what would end a label or a line is escaped. */
static void put_text(FILE *stream, const char *text, bool dot)
{
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", stream);
        else if (dot && *text == '&')
            fputs("&amp;", stream);
        else if (dot && (*text == '"' || *text == '\\'))
            fprintf(stream, "\\%c", *text);
        else
            fputc(*text, stream);
    }
}

static const char *operation_name(const rg_tape *tape, uint32_t node)
{
    int code = tape->cursor.code[node];
    if (code >= RGI_CODE_FIRST)
        return tape->engine->op(code)->name;
    if (code == RGI_CODE_ELEMENT)
        return "element";
    const rgi_record *record = code == RGI_CODE_RECORD ? rgi_record_of(tape, node) : NULL;
    if (record && record->op)
        return record->op->name;
    if (record && record->param)
        return "parameter";
    return rgi_is_active(tape, node) ? "input" : "constant";
}

/* The coordinates behind an element's place, written as a shape is. */
static rg_shape coordinates(const rg_tape *tape, uint32_t node)
{
    rg_tensor room;
    int64_t place = tape->cursor.operands[node].b;
    rg_shape at = rgi_tensor_of(tape, tape->cursor.operands[node].a, &room)->shape;
    for (int i = at.rank - 1; i >= 0; i--) {
        int64_t dim = at.dim[i];
        at.dim[i] = place % dim;
        place /= dim;
    }
    return at;
}

/* "add", "add [2, 3]", "input float32 [4]" or "element [1, 2]". */
static void put_operation(const picture *p, uint32_t node, bool dot)
{
    char text[RG_SHAPE_TEXT_SIZE];
    rg_tensor room;
    const rg_tensor *tensor = rgi_tensor_of(p->tape, node, &room);
    put_text(p->stream, operation_name(p->tape, node), dot);
    if (tensor->type != RG_F64)
        fprintf(p->stream, " %s", rg_type_name(tensor->type));
    if (p->tape->cursor.code[node] == RGI_CODE_ELEMENT) {
        rg_shape at = coordinates(p->tape, node);
        fprintf(p->stream, " %s", rg_shape_text(&at, text));
    } else if (tensor->shape.rank > 0 || tensor->type != RG_F64) {
        fprintf(p->stream, " %s", rg_shape_text(&tensor->shape, text));
    }
}

/* ---- DOT ---- */

static void write_box(const picture *p, uint32_t node)
{
    FILE *stream = p->stream;
    fprintf(stream, "    n%" PRIu32 " [label=\"", node);
    if (p->notes[node].name) {
        put_text(stream, p->notes[node].name, true);
        fputs("\\n", stream);
    }
    put_operation(p, node, true);
    put_value(p, node, "\\n", "\\nadjoint ");
    fputs("\"];\n", stream);
    int count = operand_count(p->tape, node);
    for (int k = 0; k < count; k++) {
        operand in = operand_at(p->tape, node, k);
        if (in.node) {
            fprintf(stream, "    n%" PRIu32 " -> n%" PRIu32 ";\n", in.node, node);
            continue;
        }
        fprintf(stream, "    n%" PRIu32 "_%d [shape=plaintext, label=\"", node, k);
        put_number(stream, in.number, RG_F64);
        fprintf(stream, "\"];\n    n%" PRIu32 "_%d -> n%" PRIu32 ";\n", node, k, node);
    }
}

rg_status rg_write_dot(FILE *stream, rg_value root, const rg_label *labels, int count)
{
    picture p;
    rg_status status = begin(&p, stream, root, labels, count);
    if (status == RG_OK) {
        fputs("digraph {\n    rankdir=LR;\n    node [shape=box];\n", stream);
        for (uint32_t node = 1; node <= p.root && !ferror(stream); node++)
            if (p.notes[node].uses > 0)
                write_box(&p, node);
        fputs("}\n", stream);
    }
    return end(&p, status);
}

/* ---- text ---- */

/* Lines that are still to be written, the next one last. */
typedef struct line {
    operand what;
    uint32_t depth;
} line;

typedef struct line_stack {
    line *lines;
    size_t count, capacity;
} line_stack;

static bool push_line(picture *p, line_stack *stack, line next)
{
    if (stack->count == stack->capacity) {
        size_t capacity = stack->capacity ? 2 * stack->capacity : 64;
        line *lines = rgi_resize(&p->tape->allocator, stack->lines, stack->capacity * sizeof *lines,
                                 capacity * sizeof *lines);
        if (!lines)
            return false;
        stack->lines = lines;
        stack->capacity = capacity;
    }
    stack->lines[stack->count++] = next;
    return true;
}

/* Lines of a deep chain would grow without end: beyond DEEPEST the depth is written instead. */
static void put_indent(FILE *stream, uint32_t depth)
{
    uint32_t shown = depth < DEEPEST ? depth : DEEPEST;
    fprintf(stream, "%*s", (int)(2 * shown), "");
    if (depth > DEEPEST)
        fprintf(stream, "(depth %" PRIu32 ") ", depth);
}

static void write_line(picture *p, const line *this)
{
    FILE *stream = p->stream;
    uint32_t node = this->what.node;
    put_indent(stream, this->depth);
    if (!node) {
        put_number(stream, this->what.number, RG_F64);
        fputc('\n', stream);
        return;
    }
    note *about = &p->notes[node];
    if (about->name)
        put_text(stream, about->name, false);
    else if (about->uses > 1)
        fprintf(stream, "#%" PRIu32, node);
    if (about->name || about->uses > 1)
        fputs(" = ", stream);
    put_operation(p, node, false);
    if (about->written)
        fputs(" (see above)", stream);
    else
        put_value(p, node, ": ", ", adjoint ");
    fputc('\n', stream);
}

static rg_status write_lines(picture *p, line_stack *stack)
{
    if (!push_line(p, stack, (line){{.node = p->root}, 0}))
        return RG_ERROR_MEMORY;
    while (stack->count > 0 && !ferror(p->stream)) {
        line this = stack->lines[--stack->count];
        uint32_t node = this.what.node;
        write_line(p, &this);
        if (!node || p->notes[node].written)
            continue;
        p->notes[node].written = true;
        for (int k = operand_count(p->tape, node) - 1; k >= 0; k--)
            if (!push_line(p, stack, (line){operand_at(p->tape, node, k), this.depth + 1}))
                return RG_ERROR_MEMORY;
    }
    return RG_OK;
}

rg_status rg_write_text(FILE *stream, rg_value root, const rg_label *labels, int count)
{
    picture p;
    rg_status status = begin(&p, stream, root, labels, count);
    if (status == RG_OK) {
        line_stack stack = {0};
        status = write_lines(&p, &stack);
        rgi_free(&p.tape->allocator, stack.lines, stack.capacity * sizeof *stack.lines);
    }
    return end(&p, status);
}
