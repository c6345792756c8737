/*
 * points.c: the blocks of a file, run through an engine. Each block asks for an expression at some
 * points: a program for itself at one; an element-wise case for its operator at every element of
 * the result; a precise line for its operator at one point, or with two arguments at the same point
 * along both axes. The engine computes all expressions of the file together; then each block is
 * compared.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* A block, and what it asks for. */
typedef struct task {
    ref_block block;
    ref_outcome outcome;
    int expression;
    int64_t first; /* point */
    const ref_tensor *y;
    const ref_tensor *input[REF_MAX_OPERANDS]; /* of a case: the X behind each input */
} task;

typedef struct tasks {
    task *list;
    int count, capacity;
    ref_expressions all;
} tasks;

/* ---- cases ---- */

static bool read_parameters(task *t, const ref_operator *operator, ref_term * term)
{
    for (int k = 0; k < REF_MAX_PARAMETERS; k++) {
        const ref_parameter *p = &operator->parameter[k];
        if (!p->key)
            break;
        const ref_attribute *given = ref_find_attribute(&t->block, p->key);
        if (given && (given->word || given->count != 1))
            return ref_set(&t->outcome, REF_BAD, "attribute %.40s is not one number", p->key);
        term->parameter[k] = given ? *given->number : p->otherwise;
    }
    return true;
}

/* The tensors behind the operands; with `alias` there is only a. */
static int find_inputs(task *t, const ref_operator *operator, ref_term * term)
{
    const ref_attribute *alias = ref_find_attribute(&t->block, "alias");
    const char *operands = ref_operands(operator);
    int count = 0;
    for (int k = 0; operands[k]; k++) {
        if (k == 1 && alias && !alias->word && alias->count == 1 && *alias->number != 0) {
            term->argument[k] = 0;
            continue;
        }
        const ref_tensor *x = ref_find_tensor(&t->block, 'X', (const char[]){operands[k], 0});
        if (!x) {
            ref_set(&t->outcome, REF_BAD, "the case has no X or I %c", operands[k]);
            return 0;
        }
        term->argument[k] = count;
        t->input[count++] = x;
    }
    return count;
}

/* The direction of an input at an element: 0 without V. */
static double direction_at(const task *t, const ref_tensor *x, int64_t place)
{
    const ref_tensor *v = ref_find_tensor(&t->block, 'V', x->name);
    return v && x->grad ? v->value[ref_broadcast_place(&t->y->shape, &v->shape, place)] : 0;
}

static void add_elements(task *t, ref_expression *e)
{
    const ref_tensor *u = ref_find_tensor(&t->block, 'U', t->y->name);
    t->first = e->count;
    for (int64_t place = 0; place < t->y->size; place++) {
        int64_t point = ref_add_point(e);
        e->upstream[point] = u ? u->value[place] : 1;
        for (int k = 0; k < e->input_count; k++) {
            const ref_tensor *x = t->input[k];
            int64_t at = point * e->input_count + k;
            e->x[at] = x->value[ref_broadcast_place(&t->y->shape, &x->shape, place)];
            e->direction[at] = direction_at(t, x, place);
        }
    }
}

static void add_case(tasks *all, task *t)
{
    const ref_operator *operator= ref_find_operator(t->block.op);
    for (int i = 0; i < t->block.tensor_count && !t->y; i++)
        if (t->block.tensor[i].tag == 'Y')
            t->y = &t->block.tensor[i];
    if (!operator|| !ref_is_elementwise(operator)) {
        ref_set(&t->outcome, REF_SKIP, "%s is not element-wise", t->block.op);
        return;
    }
    ref_term term = {.operator= operator};
    int inputs = read_parameters(t, operator, & term) ? find_inputs(t, operator, & term) : 0;
    if (inputs == 0)
        return;
    if (!ref_is_broadcast(&t->block, t->y)) {
        ref_set(&t->outcome, REF_SKIP, "its operands do not broadcast to the result");
        return;
    }
    t->expression = ref_find_expression(&all->all, inputs, &term);
    add_elements(t, &all->all.list[t->expression]);
}

/* Adds up numbers of the points where they belong in an operand, and compares. */
static bool compare_operand(task *t, const ref_expression *e, int input, char tag, const char *way,
                            const double *numbers)
{
    const ref_tensor *x = t->input[input], *want = ref_find_tensor(&t->block, tag, x->name);
    if (!x->grad || !want)
        return true;
    double *sum = ref_alloc_doubles(x->size);
    for (int64_t i = 0; i < x->size; i++)
        sum[i] = 0;
    for (int64_t place = 0; place < t->y->size; place++)
        sum[ref_broadcast_place(&t->y->shape, &x->shape, place)] +=
            numbers[(t->first + place) * e->input_count + input];
    bool good = ref_compare(&t->outcome, way, want, sum, ref_tolerance_of(&t->block, tag, RG_F64));
    free(sum);
    return good;
}

static bool compare_case(task *t, const ref_expression *e, const ref_result *result)
{
    bool good = ref_compare(&t->outcome, result->way, t->y, result->value + t->first,
                            ref_tolerance_of(&t->block, 'Y', RG_F64));
    for (int k = 0; k < e->input_count && ref_find_tensor(&t->block, 'U', t->y->name); k++)
        good = good && compare_operand(t, e, k, 'G', result->way, result->gradient) &&
               (!result->product || compare_operand(t, e, k, 'H', result->way, result->product));
    return good;
}

/* ---- programs ---- */

static bool fill_term(task *t, const ref_node *node, ref_term *term)
{
    *term = (ref_term){.number = node->number};
    if (node->argument_count == 0)
        return true;
    const ref_operator *operator= ref_find_operator(node->op);
    if (!operator|| !ref_is_elementwise(operator))
        return ref_set(&t->outcome, REF_SKIP, "%s, in a program, is not in the library", node->op);
    const char *operands = ref_operands(operator);
    if (strlen(operands) > (size_t)node->argument_count)
        return ref_set(&t->outcome, REF_BAD, "the case has no X or I %c",
                       operands[node->argument_count]);
    term->operator= operator;
    for (int k = 0; k < node->argument_count; k++)
        term->argument[k] = node->argument[k];
    for (int k = 0; k < REF_MAX_PARAMETERS; k++)
        term->parameter[k] = operator->parameter[k].otherwise;
    return true;
}

static void add_program(tasks *all, task *t)
{
    const ref_block *block = &t->block;
    ref_term *term = ref_alloc((size_t)block->node_count * sizeof *term);
    bool good = block->node_count > 0;
    for (int i = 0; good && i < block->node_count; i++)
        good = fill_term(t, &block->node[i], &term[i]);
    if (!good) {
        ref_set(&t->outcome, REF_SKIP, "the program has no nodes but its inputs");
        free(term);
        return;
    }
    t->expression = ref_add_expression(&all->all, block->input_count, block->node_count, term);
    ref_expression *e = &all->all.list[t->expression];
    t->first = ref_add_point(e);
    e->upstream[0] = 1;
    for (int i = 0; i < block->input_count; i++) {
        e->x[i] = block->x[i];
        e->direction[i] = block->v ? block->v[i] : 0;
    }
}

static void compare_numbers(task *t, const char *way, const char *what, int count,
                            const double *got, const double *want, double tolerance)
{
    char text[64];
    snprintf(text, sizeof text, "%s: %s", way, what);
    for (int i = 0; i < count; i++)
        ref_compare_number(&t->outcome, text, i, got[i], want[i], tolerance);
}

static void compare_program(task *t, const ref_expression *e, const ref_result *result)
{
    const ref_block *block = &t->block;
    int n = e->input_count;
    compare_numbers(t, result->way, "F", 1, result->value, block->f, 1e-12);
    compare_numbers(t, result->way, "G", n, result->gradient, block->g, 1e-10);
    if (result->product && block->h)
        compare_numbers(t, result->way, "H", n, result->product, block->h, 1e-9);
    if (result->slope && block->d)
        compare_numbers(t, result->way, "D 0", 1, result->slope, &block->d[0], 1e-9);
    if (result->product && block->d) {
        double second = 0;
        for (int i = 0; i < n; i++)
            second += block->v[i] * result->product[i];
        compare_numbers(t, result->way, "D 1", 1, &second, &block->d[1], 1e-9);
    }
}

/* ---- precise lines ---- */

static void add_precise(tasks *all, task *t)
{
    const ref_block *block = &t->block;
    const ref_operator *operator= ref_find_operator(block->op);
    int inputs = block->number_count == 4 ? 1 : 2;
    if (!operator|| !ref_is_elementwise(operator)) {
        ref_set(&t->outcome, REF_SKIP, "%s is not in the library", block->op);
        return;
    }
    const ref_node node = {.op = block->op, .argument_count = inputs, .argument = {0, 1}};
    ref_term term;
    if (!fill_term(t, &node, &term))
        return;
    t->expression = ref_find_expression(&all->all, inputs, &term);
    ref_expression *e = &all->all.list[t->expression];
    t->first = e->count;
    for (int axis = 0; axis < inputs; axis++) {
        int64_t point = ref_add_point(e);
        e->upstream[point] = 1;
        for (int k = 0; k < inputs; k++) {
            e->x[point * inputs + k] = block->number[k];
            e->direction[point * inputs + k] = k == axis;
        }
    }
}

static void keep_errors(const task *t, const ref_expression *e, const ref_result *result,
                        double error[REF_ORDERS])
{
    int n = e->input_count, first = n + 1, second = first + n;
    for (int axis = 0; axis < n; axis++) {
        int64_t point = t->first + axis;
        ref_keep_error(&t->block, error, 0, result->value[point], n);
        for (int k = 0; k < n; k++) {
            ref_keep_error(&t->block, error, 1, result->gradient[point * n + k], first + k);
            if (result->product)
                ref_keep_error(&t->block, error, 2, result->product[point * n + k],
                               second + axis + k);
        }
        if (result->slope)
            ref_keep_error(&t->block, error, 1, result->slope[point], first + axis);
    }
}

/* ---- all blocks ---- */

static void add(tasks *all, task *t)
{
    if (t->block.kind == REF_CASE)
        add_case(all, t);
    else if (t->block.kind == REF_PROGRAM)
        add_program(all, t);
    else if (t->block.kind == REF_PRECISE)
        add_precise(all, t);
    else
        ref_set(&t->outcome, REF_SKIP, "optimizers, schedules and clipping are no expressions");
}

/* Reads until the end or to what is malformed; the reader then says what. */
static void read_all(tasks *all, ref_reader *reader)
{
    for (;;) {
        if (all->count == all->capacity) {
            all->capacity = all->capacity ? 2 * all->capacity : 64;
            task *larger = ref_alloc((size_t)all->capacity * sizeof *larger);
            if (all->count)
                memcpy(larger, all->list, (size_t)all->count * sizeof *larger);
            free(all->list);
            all->list = larger;
        }
        task *t = &all->list[all->count];
        memset(t, 0, sizeof *t);
        ref_read_block(reader, &t->block);
        if (t->block.kind != REF_END && t->block.kind != REF_MALFORMED)
            add(all, t);
        if (t->outcome.verdict == REF_BAD) {
            reader->number = t->block.line;
            snprintf(reader->message, sizeof reader->message, "%.200s", t->outcome.text);
        }
        if (t->block.kind == REF_END || reader->message[0]) {
            ref_block_free(&t->block);
            return;
        }
        all->count++;
    }
}

static void compare(task *t, const ref_expression *e, ref_precision *precision)
{
    double error[REF_ORDERS] = {0};
    if (e->outcome.verdict != REF_PASS) {
        t->outcome = e->outcome;
        return;
    }
    for (int i = 0; i < e->result_count; i++) {
        if (t->block.kind == REF_CASE)
            compare_case(t, e, &e->result[i]);
        else if (t->block.kind == REF_PROGRAM)
            compare_program(t, e, &e->result[i]);
        else
            keep_errors(t, e, &e->result[i], error);
    }
    if (e->result_count == 0)
        ref_set(&t->outcome, REF_FAIL, "the engine has computed nothing");
    if (t->block.kind == REF_PRECISE && t->outcome.verdict == REF_PASS)
        ref_count_precise(precision, &t->block, error, &t->outcome);
}

void ref_run_points(const ref_engine *engine, ref_reader *reader, ref_report *report,
                    ref_precision *precision)
{
    tasks all = {0};
    read_all(&all, reader);
    engine->run(all.all.list, all.all.count);
    for (int i = 0; i < all.count; i++) {
        task *t = &all.list[i];
        if (t->outcome.verdict == REF_PASS)
            compare(t, &all.all.list[t->expression], precision);
        ref_count(report, &t->block, &t->outcome);
        ref_block_free(&t->block);
    }
    ref_free_expressions(&all.all);
    free(all.list);
}
