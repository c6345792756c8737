/* expression.c: scalar expressions and their points. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* ---- the list ---- */

/* Room for one more element of a list that doubles. */
static void *grow(void *list, int64_t count, int64_t *capacity, size_t width)
{
    if (count < *capacity)
        return list;
    *capacity = *capacity ? 2 * *capacity : 16;
    void *larger = ref_alloc((size_t)*capacity * width);
    if (count)
        memcpy(larger, list, (size_t)count * width);
    free(list);
    return larger;
}

int ref_add_expression(ref_expressions *all, int input_count, int term_count, ref_term *term)
{
    int64_t capacity = all->capacity;
    all->list = grow(all->list, all->count, &capacity, sizeof *all->list);
    all->capacity = (int)capacity;
    all->list[all->count] =
        (ref_expression){.input_count = input_count, .term_count = term_count, .term = term};
    return all->count++;
}

static bool is_same(const ref_term *a, const ref_term *b)
{
    if (a->operator!= b->operator|| memcmp(a->argument, b->argument, sizeof a->argument))
        return false;
    for (int k = 0; k < REF_MAX_PARAMETERS; k++)
        if (!(a->parameter[k] == b->parameter[k]))
            return false;
    return true;
}

int ref_find_expression(ref_expressions *all, int input_count, const ref_term *term)
{
    for (int i = 0; i < all->count; i++)
        if (all->list[i].term_count == 1 && all->list[i].input_count == input_count &&
            is_same(all->list[i].term, term))
            return i;
    ref_term *own = ref_alloc(sizeof *own);
    *own = *term;
    return ref_add_expression(all, input_count, 1, own);
}

int64_t ref_add_point(ref_expression *e)
{
    size_t width = (size_t)e->input_count * sizeof(double);
    int64_t capacity[3] = {e->capacity, e->capacity, e->capacity};
    e->x = grow(e->x, e->count, &capacity[0], width);
    e->direction = grow(e->direction, e->count, &capacity[1], width);
    e->upstream = grow(e->upstream, e->count, &capacity[2], sizeof(double));
    e->capacity = capacity[0];
    return e->count++;
}

void ref_free_expressions(ref_expressions *all)
{
    for (int i = 0; i < all->count; i++) {
        ref_expression *e = &all->list[i];
        for (int k = 0; k < e->result_count; k++) {
            free(e->result[k].value);
            free(e->result[k].gradient);
            free(e->result[k].product);
            free(e->result[k].slope);
        }
        free(e->term);
        free(e->x);
        free(e->direction);
        free(e->upstream);
    }
    free(all->list);
}

/* ---- for engines ---- */

rg_value ref_record(const ref_expression *e, rg_tape *tape, const rg_value *x, ref_outcome *outcome)
{
    size_t size = (size_t)(e->input_count + e->term_count) * sizeof(rg_value);
    rg_value *value = ref_alloc(size), y;
    memcpy(value, x, (size_t)e->input_count * sizeof *x);
    for (int i = 0; i < e->term_count; i++) {
        const ref_term *term = &e->term[i];
        rg_value argument[REF_MAX_OPERANDS];
        for (int k = 0; k < REF_MAX_OPERANDS; k++)
            argument[k] = value[term->argument[k]];
        value[e->input_count + i] =
            term->operator
                ? ref_apply_scalars(term->operator, tape, argument, term->parameter, outcome)
                : rg_constant(tape, term->number);
    }
    y = value[e->input_count + e->term_count - 1];
    free(value);
    if (rg_tape_status(tape) != RG_OK)
        ref_set(outcome, REF_FAIL, "%s", rg_tape_message(tape));
    return y;
}

/* What is not computed after all must not pass. */
static double *not_yet(int64_t count)
{
    double *numbers = ref_alloc_doubles(count);
    for (int64_t i = 0; i < count; i++)
        numbers[i] = -1e300;
    return numbers;
}

ref_result *ref_add_result(ref_expression *e, const char *way, bool product, bool slope)
{
    ref_result *result = &e->result[e->result_count++];
    int64_t size = e->count * e->input_count;
    result->way = way;
    result->value = not_yet(e->count);
    result->gradient = not_yet(size);
    result->product = product ? not_yet(size) : NULL;
    result->slope = slope ? not_yet(e->count) : NULL;
    return result;
}
