/* format.c: reads case files, strictly: whatever the format does not allow is refused by line. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

/* ---- memory ---- */

/* Pieces of memory that live as long as their block. */
typedef struct ref_memory {
    struct ref_memory *next;
    double start[]; /* aligned for everything a block holds */
} ref_memory;

void *ref_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory) {
        fprintf(stderr, "reference_cases: out of memory\n");
        exit(2);
    }
    return memory;
}

double *ref_alloc_doubles(int64_t count)
{
    return ref_alloc((size_t)count * sizeof(double));
}

static void *keep(ref_block *block, size_t size)
{
    ref_memory *memory = ref_alloc(sizeof *memory + size);
    memory->next = block->memory;
    block->memory = memory;
    return memory->start;
}

/* Room for one more element of a list that doubles at each power of two. */
static void *grow(ref_block *block, void *list, int count, size_t width)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return list;
    void *larger = keep(block, (count ? 2 * (size_t)count : 1) * width);
    if (count)
        memcpy(larger, list, (size_t)count * width);
    return larger;
}

void ref_block_free(ref_block *block)
{
    while (block->memory) {
        ref_memory *next = block->memory->next;
        free(block->memory);
        block->memory = next;
    }
}

/* ---- lines and fields ---- */

void ref_reader_begin(ref_reader *reader, FILE *file)
{
    memset(reader, 0, sizeof *reader);
    reader->file = file;
}

void ref_reader_end(ref_reader *reader)
{
    free(reader->line);
}

static bool refuse(ref_reader *reader, const char *format, ...) RG_PRINTF(2, 3);
static bool refuse(ref_reader *reader, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(reader->message, sizeof reader->message, format, list);
    va_end(list);
    return false;
}

/* Reads a line that is no comment; false at the end of the file or for a bad line. */
static bool next_line(ref_reader *reader)
{
    do {
        ssize_t length = getline(&reader->line, &reader->capacity, reader->file);
        if (length < 0)
            return ferror(reader->file) ? refuse(reader, "the file cannot be read") : false;
        reader->number++;
        if (reader->line[length - 1] == '\n')
            reader->line[--length] = 0;
        if (strlen(reader->line) != (size_t)length)
            return refuse(reader, "the line contains a NUL byte");
    } while (reader->line[0] == '#' || reader->line[0] == 0);
    reader->next = reader->line;
    return true;
}

/* Cuts off the next field; NULL if there is none or it is empty. */
static char *next_field(ref_reader *reader)
{
    char *field = reader->next;
    if (!field) {
        refuse(reader, "the line is too short");
        return NULL;
    }
    reader->next = strchr(field, ' ');
    if (reader->next)
        *reader->next++ = 0;
    if (*field)
        return field;
    refuse(reader, "fields are not separated by single spaces");
    return NULL;
}

static int64_t fields_left(const ref_reader *reader)
{
    int64_t count = 0;
    for (const char *at = reader->next; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
        count++;
    return count;
}

static bool end_of_line(ref_reader *reader)
{
    return reader->next ? refuse(reader, "the line is too long") : true;
}

static bool next_word(ref_reader *reader, ref_block *block, const char **word)
{
    const char *field = next_field(reader);
    if (!field)
        return false;
    for (const char *at = field; *at; at++)
        if (*at < '!' || *at > '~')
            return refuse(reader, "a word has a character that is not printable ASCII");
    size_t size = strlen(field) + 1;
    char *copy = keep(block, size);
    memcpy(copy, field, size);
    *word = copy;
    return true;
}

static bool next_number(ref_reader *reader, double *number)
{
    char *end, *field = next_field(reader);
    if (!field)
        return false;
    bool special = !strcmp(field, "nan") || !strcmp(field, "inf") || !strcmp(field, "-inf");
    *number = strtod(field, &end);
    if (*end || (!special && (strspn(field, "+-.0123456789eE") != strlen(field))))
        return refuse(reader, "\"%.40s\" is no number", field);
    if (!special && isinf(*number))
        return refuse(reader, "%.40s is too large for a double", field);
    return true;
}

static bool next_integer(ref_reader *reader, int64_t low, int64_t high, int64_t *integer)
{
    char *end, *field = next_field(reader);
    if (!field)
        return false;
    errno = 0;
    *integer = strtoll(field, &end, 10);
    if (*end || strspn(field, "-0123456789") != strlen(field) || errno)
        return refuse(reader, "\"%.40s\" is no integer", field);
    if (*integer < low || *integer > high)
        return refuse(reader, "%" PRId64 " is not between %" PRId64 " and %" PRId64, *integer, low,
                      high);
    return true;
}

/* `count` numbers up to the end of the line; integers if `whole`. */
static bool next_numbers(ref_reader *reader, ref_block *block, int64_t count, bool whole,
                         const double **numbers)
{
    static const int64_t largest = (int64_t)1 << 53;
    int64_t left = fields_left(reader);
    if (left != count)
        return refuse(reader, "%" PRId64 " numbers follow instead of %" PRId64, left, count);
    double *list = keep(block, (size_t)count * sizeof *list);
    for (int64_t i = 0; i < count; i++) {
        int64_t integer = 0;
        if (whole ? !next_integer(reader, -largest, largest, &integer)
                  : !next_number(reader, &list[i]))
            return false;
        if (whole)
            list[i] = (double)integer;
    }
    *numbers = list;
    return end_of_line(reader);
}

/* ---- cases ---- */

const ref_tensor *ref_find_tensor(const ref_block *block, char tag, const char *name)
{
    for (int i = 0; i < block->tensor_count; i++)
        if (block->tensor[i].tag == tag && !strcmp(block->tensor[i].name, name))
            return &block->tensor[i];
    return NULL;
}

const ref_attribute *ref_find_attribute(const ref_block *block, const char *key)
{
    for (int i = 0; i < block->attribute_count; i++)
        if (!strcmp(block->attribute[i].key, key))
            return &block->attribute[i];
    return NULL;
}

static bool read_attribute(ref_reader *reader, ref_block *block, bool is_word)
{
    ref_attribute attribute = {0};
    if (!next_word(reader, block, &attribute.key))
        return false;
    if (ref_find_attribute(block, attribute.key))
        return refuse(reader, "attribute %.40s is there twice", attribute.key);
    if (block->attribute_count == REF_MAX_TENSORS)
        return refuse(reader, "the case has more than %d attributes", REF_MAX_TENSORS);
    bool good = is_word
                    ? next_word(reader, block, &attribute.word) && end_of_line(reader)
                    : next_integer(reader, 0, INT32_MAX, &attribute.count) &&
                          next_numbers(reader, block, attribute.count, false, &attribute.number);
    if (!good)
        return false;
    block->attribute = grow(block, block->attribute, block->attribute_count, sizeof attribute);
    block->attribute[block->attribute_count++] = attribute;
    return true;
}

static bool read_tensor(ref_reader *reader, ref_block *block, char tag)
{
    ref_tensor tensor = {.tag = tag};
    int64_t number;
    if (!next_word(reader, block, &tensor.name))
        return false;
    if (ref_find_tensor(block, tag, tensor.name))
        return refuse(reader, "%c %.40s is there twice", tag, tensor.name);
    if (block->tensor_count == REF_MAX_TENSORS)
        return refuse(reader, "the case has more than %d tensors", REF_MAX_TENSORS);
    if (tag == 'X' && block->kind == REF_CASE) {
        if (!next_integer(reader, 0, 1, &number))
            return false;
        tensor.grad = number != 0;
    }
    if (!next_integer(reader, 0, RG_MAX_RANK, &number))
        return false;
    tensor.shape.rank = (int)number;
    for (int i = 0; i < tensor.shape.rank; i++)
        if (!next_integer(reader, 0, INT64_MAX, &tensor.shape.dim[i]))
            return false;
    tensor.size = rg_shape_size(&tensor.shape);
    if (tensor.size < 0)
        return refuse(reader, "%c %.40s has too many elements", tag, tensor.name);
    if (!next_numbers(reader, block, tensor.size, tag == 'I', &tensor.value))
        return false;
    block->tensor = grow(block, block->tensor, block->tensor_count, sizeof tensor);
    block->tensor[block->tensor_count++] = tensor;
    return true;
}

/* Whether the tensor of `tag` that belongs to `with` is there and has its shape. */
static bool check_pair(ref_reader *reader, const ref_block *block, const ref_tensor *with, char tag)
{
    const ref_tensor *tensor = ref_find_tensor(block, tag, with->name);
    if (!tensor)
        return refuse(reader, "%c %.40s has no %c", with->tag, with->name, tag);
    if (!rg_shape_equal(&tensor->shape, &with->shape))
        return refuse(reader, "%c and %c %.40s differ in shape", with->tag, tag, with->name);
    return true;
}

/* What belongs together must be there: X with G, U with Y, V with H, and each of these with X. */
static bool check_case(ref_reader *reader, const ref_block *block)
{
    bool any_y = false;
    for (int i = 0; i < block->tensor_count; i++) {
        const ref_tensor *t = &block->tensor[i];
        any_y = any_y || t->tag == 'Y';
        if (t->tag == 'X' && t->grad && !check_pair(reader, block, t, 'G'))
            return false;
        if (t->tag == 'U' && !check_pair(reader, block, t, 'Y'))
            return false;
        if ((t->tag == 'V' || t->tag == 'H') &&
            !check_pair(reader, block, t, t->tag == 'V' ? 'H' : 'V'))
            return false;
        if ((t->tag == 'G' || t->tag == 'V') && !check_pair(reader, block, t, 'X'))
            return false;
        if (t->tag == 'G' && !ref_find_tensor(block, 'X', t->name)->grad)
            return refuse(reader, "X %.40s has a G but is marked as constant", t->name);
        if (t->tag == 'I' && ref_find_tensor(block, 'X', t->name))
            return refuse(reader, "%.40s is both I and X", t->name);
    }
    return any_y ? true : refuse(reader, "the case has no Y");
}

static bool read_case_line(ref_reader *reader, ref_block *block, const char *tag)
{
    if (!strcmp(tag, "A") || !strcmp(tag, "S"))
        return read_attribute(reader, block, *tag == 'S');
    if (strlen(tag) == 1 && strchr("IXYUGVH", *tag))
        return read_tensor(reader, block, *tag);
    return refuse(reader, "\"%.40s\" is no line of a case", tag);
}

/* ---- programs ---- */

static bool read_node(ref_reader *reader, ref_block *block)
{
    ref_node node = {0};
    int number = block->input_count + block->node_count;
    if (!next_word(reader, block, &node.op))
        return false;
    if (block->node_count == REF_MAX_NODES)
        return refuse(reader, "the program has more than %d nodes", REF_MAX_NODES);
    if (!strcmp(node.op, "const")) {
        if (!next_number(reader, &node.number))
            return false;
    } else {
        int64_t count = fields_left(reader);
        if (count < 1 || count > 2)
            return refuse(reader, "%.40s has %" PRId64 " arguments", node.op, count);
        for (node.argument_count = 0; node.argument_count < count; node.argument_count++) {
            int64_t argument;
            if (!next_integer(reader, 0, number - 1, &argument))
                return false;
            node.argument[node.argument_count] = (int)argument;
        }
    }
    block->node = grow(block, block->node, block->node_count, sizeof node);
    block->node[block->node_count++] = node;
    return end_of_line(reader);
}

static bool read_program_line(ref_reader *reader, ref_block *block, const char *tag)
{
    struct {
        const char *tag;
        const double **numbers;
        int64_t count;
    } lines[] = {{"X", &block->x, block->input_count}, {"F", &block->f, 1},
                 {"G", &block->g, block->input_count}, {"V", &block->v, block->input_count},
                 {"H", &block->h, block->input_count}, {"D", &block->d, 4}};
    if (!strcmp(tag, "N"))
        return read_node(reader, block);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strcmp(tag, lines[i].tag) != 0)
            continue;
        if (*lines[i].numbers)
            return refuse(reader, "%s is there twice", tag);
        return next_numbers(reader, block, lines[i].count, false, lines[i].numbers);
    }
    return refuse(reader, "\"%.40s\" is no line of a program", tag);
}

static bool read_program_head(ref_reader *reader, ref_block *block, int64_t *nodes)
{
    int64_t inputs;
    if (!next_word(reader, block, &block->id) || !next_integer(reader, 1, REF_MAX_NODES, &inputs) ||
        !next_integer(reader, inputs, 2 * REF_MAX_NODES, nodes))
        return false;
    block->input_count = (int)inputs;
    return end_of_line(reader);
}

static bool check_program(ref_reader *reader, const ref_block *block, int64_t nodes)
{
    if (block->input_count + (int64_t)block->node_count != nodes)
        return refuse(reader, "the program has %d nodes, not %" PRId64,
                      block->input_count + block->node_count, nodes);
    if (!block->x || !block->f || !block->g)
        return refuse(reader, "the program lacks X, F or G");
    if (!block->v != !block->h || (block->d && !block->v))
        return refuse(reader, "the program has V without H, or H or D without V");
    return true;
}

/* ---- optimizers, schedules, clipping ---- */

static int64_t count_tag(const ref_block *block, char tag)
{
    int64_t count = 0;
    for (int i = 0; i < block->tensor_count; i++)
        count += block->tensor[i].tag == tag;
    return count;
}

/* The rest of the line, `count` numbers, as the next tensor of its tag. */
static bool read_list(ref_reader *reader, ref_block *block, char tag, int64_t count)
{
    enum { NAME_SIZE = 24 };
    char *name = keep(block, NAME_SIZE);
    snprintf(name, NAME_SIZE, "%" PRId64, count_tag(block, tag));
    ref_tensor tensor = {.tag = tag, .name = name, .shape = RG_SHAPE(count), .size = count};
    if (block->tensor_count == REF_MAX_TENSORS)
        return refuse(reader, "the block has more than %d lines of numbers", REF_MAX_TENSORS);
    if (!next_numbers(reader, block, count, false, &tensor.value))
        return false;
    block->tensor = grow(block, block->tensor, block->tensor_count, sizeof tensor);
    block->tensor[block->tensor_count++] = tensor;
    return true;
}

static bool read_training_line(ref_reader *reader, ref_block *block, const char *tag)
{
    const bool list = strlen(tag) == 1;
    int64_t number;
    if (!strcmp(tag, "A") || (!strcmp(tag, "S") && block->kind == REF_OPTIMIZER))
        return read_attribute(reader, block, *tag == 'S');
    if (list && block->kind == REF_OPTIMIZER && *tag == 'X')
        return read_tensor(reader, block, 'X');
    if (list && block->kind == REF_OPTIMIZER && *tag == 'P') {
        if (!next_integer(reader, 0, REF_MAX_TENSORS, &number))
            return false;
        if (number != count_tag(block, 'P'))
            return refuse(reader, "step %" PRId64 " follows step %" PRId64, number,
                          count_tag(block, 'P') - 1);
        return read_list(reader, block, 'P', block->size + 1);
    }
    if (list && block->kind == REF_SCHEDULE && *tag == 'L')
        return read_list(reader, block, 'L', block->size);
    if (list && block->kind == REF_CLIP && *tag == 'N')
        return read_list(reader, block, 'N', 1);
    if (list && block->kind == REF_CLIP && (*tag == 'X' || *tag == 'Y'))
        return next_integer(reader, 0, INT32_MAX, &number) &&
               read_list(reader, block, *tag, number);
    return refuse(reader, "\"%.40s\" is no line of such a block", tag);
}

static bool read_training_head(ref_reader *reader, ref_block *block)
{
    if (!next_word(reader, block, &block->id) || !next_word(reader, block, &block->op))
        return false;
    if (block->kind == REF_OPTIMIZER)
        return next_word(reader, block, &block->problem) &&
               next_integer(reader, 1, REF_MAX_NODES, &block->size) &&
               next_integer(reader, 0, REF_MAX_TENSORS, &block->steps) && end_of_line(reader);
    return next_number(reader, &block->given) &&
           next_integer(reader, 1, REF_MAX_NODES, &block->size) && end_of_line(reader);
}

static bool check_lines(ref_reader *reader, const ref_block *block, char tag, int64_t want)
{
    const int64_t count = count_tag(block, tag);
    if (count != want)
        return refuse(reader, "the block has %" PRId64 " lines %c instead of %" PRId64, count, tag,
                      want);
    return true;
}

static bool check_training(ref_reader *reader, const ref_block *block)
{
    if (block->kind == REF_OPTIMIZER)
        return check_lines(reader, block, 'P', block->steps + 1);
    if (block->kind == REF_SCHEDULE)
        return check_lines(reader, block, 'L', 1);
    if (!check_lines(reader, block, 'X', block->size) ||
        !check_lines(reader, block, 'Y', block->size) ||
        !check_lines(reader, block, 'N', strcmp(block->op, "value") != 0))
        return false;
    for (int i = 0; i < block->tensor_count; i++)
        if (block->tensor[i].tag == 'X' && !check_pair(reader, block, &block->tensor[i], 'Y'))
            return false;
    return true;
}

/* ---- blocks ---- */

/* The lines of a block up to its END. */
static bool read_lines(ref_reader *reader, ref_block *block)
{
    for (;;) {
        if (!next_line(reader))
            return reader->message[0] ? false : refuse(reader, "the block has no END");
        const char *tag = next_field(reader);
        if (!tag)
            return false;
        if (!strcmp(tag, "END"))
            return end_of_line(reader);
        if (block->kind == REF_CASE && !read_case_line(reader, block, tag))
            return false;
        if (block->kind == REF_PROGRAM && !read_program_line(reader, block, tag))
            return false;
        if (block->kind > REF_PRECISE && !read_training_line(reader, block, tag))
            return false;
    }
}

static bool read_precise(ref_reader *reader, ref_block *block)
{
    int64_t count = fields_left(reader);
    if (count != 4 && count != 8)
        return refuse(reader, "%.40s has %" PRId64 " numbers instead of 4 or 8", block->op, count);
    for (; block->number_count < count; block->number_count++)
        if (!next_number(reader, &block->number[block->number_count]))
            return false;
    return end_of_line(reader);
}

static bool read_block(ref_reader *reader, ref_block *block)
{
    const char *head;
    int64_t nodes = 0;
    if (!next_word(reader, block, &head))
        return false;
    if (!strcmp(head, "CASE")) {
        block->kind = REF_CASE;
        return next_word(reader, block, &block->id) && next_word(reader, block, &block->op) &&
               end_of_line(reader) && read_lines(reader, block) && check_case(reader, block);
    }
    if (!strcmp(head, "PROG")) {
        block->kind = REF_PROGRAM;
        return read_program_head(reader, block, &nodes) && read_lines(reader, block) &&
               check_program(reader, block, nodes);
    }
    if (!strcmp(head, "OPT") || !strcmp(head, "SCHED") || !strcmp(head, "CLIP")) {
        block->kind = *head == 'O' ? REF_OPTIMIZER : *head == 'S' ? REF_SCHEDULE : REF_CLIP;
        return read_training_head(reader, block) && read_lines(reader, block) &&
               check_training(reader, block);
    }
    if (*head < 'a' || *head > 'z')
        return refuse(reader, "\"%.40s\" starts no block", head);
    block->kind = REF_PRECISE;
    block->op = head;
    return read_precise(reader, block);
}

ref_kind ref_read_block(ref_reader *reader, ref_block *block)
{
    memset(block, 0, sizeof *block);
    if (!next_line(reader)) {
        block->kind = reader->message[0] ? REF_MALFORMED : REF_END;
        return block->kind;
    }
    block->line = reader->number;
    if (!read_block(reader, block))
        block->kind = REF_MALFORMED;
    return block->kind;
}
