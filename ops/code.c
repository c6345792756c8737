/* code.c: places for the nodes of a finished part, and its instructions. */
#include "code.h"

#include <string.h>

/* One compilation at work. Arrays have an entry for each node. */
typedef struct compiler {
    rgi_code *code;
    const rgi_graph *graph;
    uint32_t *place; /* of the node's number or slot; RGI_NO_NODE: none yet */
    uint32_t *last;  /* the last node that uses it; itself if none does */
    uint32_t *uses;
    uint32_t *output;      /* the first of its outputs; RGI_NO_NODE: none */
    uint32_t *before;      /* the one before in its chain or group of sums */
    uint32_t *tail;        /* the node with which it is computed: the end of its chain or group */
    uint32_t *length;      /* how many the chain or group has that ends here */
    uint32_t *sum;         /* the number of the sum over it; RGI_NO_NODE: none */
    uint32_t *free;        /* places to be used again */
    uint32_t *next_output; /* one an output: the next of the same node */
    size_t bytes;
    uint32_t free_count, used; /* used: places so far */
    bool failed;
} compiler;

static int arity_of(const rgi_graph_node *node)
{
    return rgi_graph_operation(node->operation)->arity;
}

/* ---- lists ---- */

static void emit(compiler *c, rgi_list *list, rgi_instruction instruction)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : 64;
        rgi_instruction *items =
            rgi_resize(c->code->allocator, list->items, list->capacity * sizeof *items,
                       capacity * sizeof *items);
        if (!items) {
            c->failed = true;
            return;
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = instruction;
}

static void free_list(const rgi_code *code, rgi_list *list)
{
    rgi_free(code->allocator, list->items, list->capacity * sizeof *list->items);
}

/* ---- constants ---- */

static void count_constants(rgi_code *code)
{
    const rgi_graph *graph = &code->part->graph;
    for (uint32_t i = 0; i < graph->count; i++)
        code->constant_room += (uint32_t)rgi_graph_operation(graph->nodes[i].operation)->parameters;
}

static uint32_t add_constant(rgi_code *code, double number)
{
    code->constants[code->constant_count] = number;
    return code->constant_count++;
}

/* ---- what is known of nodes ---- */

static bool is_constant(const compiler *c, uint32_t node)
{
    return c->graph->nodes[node].operation == RGI_GRAPH_CONSTANT;
}

static bool is_input(const compiler *c, uint32_t node)
{
    return c->graph->nodes[node].operation == RGI_GRAPH_INPUT;
}

static bool is_in_slot(const compiler *c, uint32_t node)
{
    return c->graph->nodes[node].stage == RGI_EACH;
}

static void find_uses(compiler *c)
{
    const rgi_part *part = c->code->part;
    for (uint32_t i = 0; i < c->graph->count; i++) {
        const rgi_graph_node *node = &c->graph->nodes[i];
        c->uses[i] = 0;
        c->output[i] = c->sum[i] = RGI_NO_NODE;
        for (int k = 0; k < arity_of(node); k++)
            c->uses[node->in[k]]++;
    }
    for (uint32_t j = part->outputs; j-- > 0;) {
        uint32_t node = part->output[j];
        c->next_output[j] = c->output[node];
        c->output[node] = j;
        c->uses[node]++;
    }
}

/* The last node that computes something from each. Over a batch, sums take what they add where it
 * is computed. */
static void find_last(compiler *c, bool batch)
{
    for (uint32_t i = 0; i < c->graph->count; i++)
        c->last[i] = i;
    for (uint32_t i = 0; i < c->graph->count; i++) {
        const rgi_graph_node *node = &c->graph->nodes[i];
        uint32_t user = batch ? c->tail[i] : i;
        for (int k = 0; k < arity_of(node); k++)
            if ((!batch || node->operation != RGI_GRAPH_SUM) && c->last[node->in[k]] < user)
                c->last[node->in[k]] = user;
    }
}

/* ---- chains ---- */

/* A chain: multiply-adds of one kind, each of which adds to what the one before found, and is used
 * by nothing else. The terms are computed where the last one stands. Their factors are kept until
 * then, so chains are limited. */
enum { MOST_TERMS = 16 };

static uint32_t chain_of(int operation)
{
    switch (operation) {
    case RGI_GRAPH_MULTIPLY_ADD: return RGI_LANES_CHAIN_ADD;
    case RGI_GRAPH_NEGATED_MULTIPLY_ADD: return RGI_LANES_CHAIN_SUB;
    case RGI_GRAPH_GUARDED_ADD: return RGI_LANES_CHAIN_GUARDED_ADD;
    case RGI_GRAPH_GUARDED_SUB: return RGI_LANES_CHAIN_GUARDED_SUB;
    default: return 0;
    }
}

static bool continues(const compiler *c, uint32_t i)
{
    const rgi_graph_node *node = &c->graph->nodes[i];
    if (!is_in_slot(c, i) || !chain_of(node->operation))
        return false;
    uint32_t before = node->in[2];
    const rgi_graph_node *other = &c->graph->nodes[before];
    return other->operation == node->operation && is_in_slot(c, before) && c->uses[before] == 1 &&
           c->output[before] == RGI_NO_NODE && c->sum[before] == RGI_NO_NODE &&
           c->length[before] < MOST_TERMS &&
           is_in_slot(c, node->in[0]) == is_in_slot(c, other->in[0]) &&
           is_in_slot(c, node->in[1]) == is_in_slot(c, other->in[1]);
}

/* Whether a node is a guarded product of slots that is only summed. */
static bool is_summed_product(const compiler *c, uint32_t i)
{
    const rgi_graph_node *node = &c->graph->nodes[i];
    return node->operation == RGI_GRAPH_times && c->uses[i] == 1 && c->sum[i] != RGI_NO_NODE &&
           is_in_slot(c, node->in[0]) && is_in_slot(c, node->in[1]);
}

/* Sums of products with one first factor are formed together if they do not stand too far apart.
 * The last of each factor's open group is kept in `open`. */
static void join_group(compiler *c, uint32_t i, uint32_t *open)
{
    enum { FAR = 256 };
    uint32_t *last = &open[c->graph->nodes[i].in[0]];
    if (*last == RGI_NO_NODE || i - *last > FAR || c->length[*last] == RGI_GROUP_SUMS) {
        *last = i;
        return;
    }
    c->before[i] = *last;
    c->length[i] = c->length[*last] + 1;
    *last = i;
    for (uint32_t k = 1, member = i; c->length[i] == RGI_GROUP_SUMS && k < RGI_GROUP_SUMS; k++) {
        member = c->before[member];
        c->tail[member] = i;
    }
}

static void find_chains(compiler *c)
{
    uint32_t *open = c->free;
    for (uint32_t i = 0; i < c->graph->count; i++)
        open[i] = RGI_NO_NODE;
    for (uint32_t i = 0; i < c->graph->count; i++) {
        c->tail[i] = i;
        c->length[i] = 1;
        if (continues(c, i)) {
            c->before[i] = c->graph->nodes[i].in[2];
            c->tail[c->before[i]] = i;
            c->length[i] = c->length[c->before[i]] + 1;
        } else if (is_summed_product(c, i)) {
            join_group(c, i, open);
        }
    }
    /* Groups that are not full are none. */
    for (uint32_t i = 0; i < c->graph->count; i++)
        if (is_summed_product(c, i) && c->length[i] < RGI_GROUP_SUMS)
            c->length[i] = 1;
    for (uint32_t i = c->graph->count; i-- > 0;)
        c->tail[i] = c->tail[c->tail[i]];
}

/* Gives constants and inputs their places, and forgets those of other nodes. */
static void begin_places(compiler *c)
{
    for (uint32_t i = 0, constants = 0; i < c->graph->count; i++) {
        const rgi_graph_node *node = &c->graph->nodes[i];
        c->place[i] = RGI_NO_NODE;
        if (node->operation == RGI_GRAPH_CONSTANT)
            c->place[i] = constants;
        if (node->operation == RGI_GRAPH_INPUT)
            c->place[i] = c->code->constant_room + node->in[0];
        constants += (uint32_t)rgi_graph_operation(node->operation)->parameters;
    }
    c->used = c->code->constant_room + c->code->part->inputs;
    c->free_count = 0;
}

/* ---- places ---- */

static uint32_t take_place(compiler *c)
{
    return c->free_count > 0 ? c->free[--c->free_count] : c->used++;
}

/* Gives back the places of the operands of node i that `user` is the last to use. */
static void free_operands(compiler *c, uint32_t i, uint32_t user, bool slots)
{
    const rgi_graph_node *node = &c->graph->nodes[i];
    for (int k = 0; k < arity_of(node); k++) {
        uint32_t in = node->in[k];
        bool temporary =
            slots ? is_in_slot(c, in)
                  : !is_constant(c, in) && !is_input(c, in) && c->output[in] == RGI_NO_NODE;
        if (c->last[in] != user || !temporary || c->place[in] == RGI_NO_NODE)
            continue; /* inside a chain a term has no place */
        c->free[c->free_count++] = c->place[in];
        c->last[in] = RGI_NO_NODE; /* given back */
    }
}

/* The instruction of a node whose operands have places; parameters are the constants from
 * `constants` on. */
static rgi_instruction instruction_of(const compiler *c, uint32_t i, uint32_t constants)
{
    const rgi_graph_node *node = &c->graph->nodes[i];
    rgi_instruction made = {.code = node->operation};
    int arity = arity_of(node), parameters = rgi_graph_operation(node->operation)->parameters;
    for (int k = 0; k < arity; k++)
        made.in[k] = c->place[node->in[k]];
    for (int k = 0; k < parameters; k++)
        made.in[arity + k] = constants + (uint32_t)k;
    return made;
}

/* ---- one evaluation ---- */

static void compile_single(compiler *c)
{
    rgi_code *code = c->code;
    find_last(c, false);
    begin_places(c);
    for (uint32_t i = 0; i < c->graph->count; i++) {
        const rgi_graph_node *node = &c->graph->nodes[i];
        uint32_t constants = code->constant_count;
        for (int k = 0; k < rgi_graph_operation(node->operation)->parameters; k++)
            add_constant(code, node->number[k]);
        if (is_constant(c, i) || is_input(c, i))
            continue;
        rgi_instruction made = instruction_of(c, i, constants);
        free_operands(c, i, i, false);
        made.to = c->place[i] = take_place(c);
        emit(c, &code->single, made);
    }
    code->single_numbers = c->used;
    for (uint32_t j = 0; j < code->part->outputs; j++)
        code->single_output[j] = c->place[code->part->output[j]];
}

/* ---- batches ---- */

/* Each uniform node has a place of its own. */
static void compile_uniform(compiler *c, rgi_list *list, uint32_t i, uint32_t constants)
{
    rgi_code *code = c->code;
    const rgi_graph_node *node = &c->graph->nodes[i];
    if (is_constant(c, i) || is_input(c, i))
        return;
    c->place[i] = c->used++;
    rgi_instruction made = instruction_of(c, i, constants);
    made.to = c->place[i];
    if (node->operation == RGI_GRAPH_SUM && is_in_slot(c, node->in[0])) {
        code->sum_place[c->sum[node->in[0]]] = c->place[i];
        return;
    }
    if (node->operation == RGI_GRAPH_SUM) {
        made.code = RGI_GRAPH_mul;
        made.in[1] = code->constant_room + code->part->inputs;
    }
    emit(c, list, made);
}

/* The instruction with its form: slots are given by their first number. */
static rgi_instruction with_form(const compiler *c, uint32_t i, rgi_instruction made)
{
    const rgi_graph_node *node = &c->graph->nodes[i];
    uint32_t form = 0;
    for (int k = 0; k < arity_of(node); k++) {
        if (is_in_slot(c, node->in[k]))
            made.in[k] *= c->code->stride;
        else
            form |= 1u << k;
    }
    made.code = RGI_LANES_CODE(made.code, form);
    made.to *= c->code->stride;
    return made;
}

/* What becomes of a node in a slot: outputs and sums. */
static void compile_effects(compiler *c, uint32_t i)
{
    rgi_code *code = c->code;
    uint32_t slot = c->place[i] * code->stride;
    for (uint32_t j = c->output[i]; j != RGI_NO_NODE; j = c->next_output[j])
        emit(c, &code->each,
             (rgi_instruction){RGI_LANES_CODE(RGI_LANES_STORE, 0), j, {slot, 0, 0}});
    if (c->sum[i] != RGI_NO_NODE)
        emit(c, &code->each,
             (rgi_instruction){RGI_LANES_CODE(RGI_GRAPH_SUM, 0), c->sum[i], {slot, 0, 0}});
}

/* A slot for a node; its last use may be itself. */
static void take_slot(compiler *c, uint32_t i)
{
    c->place[i] = take_place(c);
    if (c->used > c->code->slots)
        c->code->slots = c->used;
}

static void release_unused(compiler *c, uint32_t i)
{
    if (c->last[i] == i)
        c->free[c->free_count++] = c->place[i];
}

/* Inputs are loaded where they are first used. */
static void compile_load(compiler *c, uint32_t i)
{
    if (!is_in_slot(c, i) || !is_input(c, i) || c->place[i] != RGI_NO_NODE)
        return;
    take_slot(c, i);
    emit(c, &c->code->each,
         (rgi_instruction){RGI_LANES_CODE(RGI_LANES_LOAD, 0),
                           c->place[i] * c->code->stride,
                           {c->graph->nodes[i].in[0], 0, 0}});
    compile_effects(c, i);
    release_unused(c, i);
}

/* A product that is only summed needs no slot. */
static bool compile_product_sum(compiler *c, uint32_t i, rgi_instruction made)
{
    const int operation = c->graph->nodes[i].operation;
    if (c->uses[i] != 1 || c->sum[i] == RGI_NO_NODE ||
        (operation != RGI_GRAPH_mul && operation != RGI_GRAPH_times))
        return false;
    made.code = operation == RGI_GRAPH_mul ? RGI_LANES_SUM_MUL : RGI_LANES_SUM_TIMES;
    made = with_form(c, i, made);
    if (made.code % RGI_LANES_CODE(1, 0) != 0)
        return false;
    made.to = c->sum[i];
    emit(c, &c->code->each, made);
    return true;
}

/* The first of a chain's `length` terms that end with i, and then the others. */
static void compile_terms(compiler *c, uint32_t i)
{
    uint32_t term[MOST_TERMS], length = c->length[i];
    for (uint32_t k = length; k-- > 0; i = c->before[i])
        term[k] = i;
    for (uint32_t k = 0; k < length; k++) {
        rgi_instruction made = with_form(c, term[k], instruction_of(c, term[k], 0));
        emit(c, &c->code->each, (rgi_instruction){.in = {made.in[0], made.in[1]}});
    }
}

static void compile_chain(compiler *c, uint32_t i)
{
    uint32_t first = i;
    for (uint32_t k = 1; k < c->length[i]; k++)
        first = c->before[first];
    const rgi_graph_node *node = &c->graph->nodes[first];
    rgi_instruction made = with_form(c, first, instruction_of(c, first, 0));
    made.code = RGI_LANES_CODE(chain_of(node->operation), made.code & 3);
    made.in[1] = c->length[i];
    made.in[2] = !is_in_slot(c, node->in[2]);
    made.in[0] = c->place[node->in[2]] * (made.in[2] ? 1 : c->code->stride);
    uint32_t header = c->code->each.count;
    emit(c, &c->code->each, made);
    compile_terms(c, i);
    for (uint32_t k = 0, term = i; k < c->length[i]; k++, term = c->before[term])
        free_operands(c, term, i, true);
    take_slot(c, i);
    if (!c->failed)
        c->code->each.items[header].to = c->place[i] * c->code->stride;
}

/* Members are in any order: nothing depends on it. */
static void compile_group(compiler *c, uint32_t i)
{
    rgi_list *list = &c->code->each;
    const uint32_t first = c->graph->nodes[i].in[0];
    emit(c, list,
         (rgi_instruction){
             RGI_LANES_CODE(RGI_LANES_SUM_GROUP, 0), 0, {c->place[first] * c->code->stride, 0, 0}});
    for (uint32_t k = 0, member = i; k < c->length[i]; k++, member = c->before[member]) {
        uint32_t second = c->place[c->graph->nodes[member].in[1]] * c->code->stride;
        emit(c, list, (rgi_instruction){0, c->sum[member], {0, second, 0}});
    }
    for (uint32_t k = 0, member = i; k < c->length[i]; k++, member = c->before[member])
        free_operands(c, member, i, true);
}

static void load_operands(compiler *c, uint32_t i)
{
    for (uint32_t k = 0, term = i; k < c->length[i]; k++, term = c->before[term])
        for (int o = 0; o < arity_of(&c->graph->nodes[term]); o++)
            compile_load(c, c->graph->nodes[term].in[o]);
}

static void compile_each(compiler *c, uint32_t i, uint32_t constants)
{
    if (is_input(c, i) || c->tail[i] != i)
        return;
    load_operands(c, i);
    if (c->length[i] > 1 && is_summed_product(c, i)) {
        compile_group(c, i);
        return;
    }
    if (c->length[i] > 1) {
        compile_chain(c, i);
    } else {
        rgi_instruction made = instruction_of(c, i, constants);
        bool summed = compile_product_sum(c, i, made);
        free_operands(c, i, i, true);
        if (summed)
            return;
        take_slot(c, i);
        made.to = c->place[i];
        emit(c, &c->code->each, with_form(c, i, made));
    }
    compile_effects(c, i);
    release_unused(c, i);
}

/* Slots are counted from 0, beside the uniform numbers. */
static void compile_slots(compiler *c, uint32_t first_constant)
{
    const uint32_t *end = c->code->part->stage_end;
    const uint32_t uniform = c->used;
    uint32_t constants = first_constant;
    c->used = c->free_count = c->code->slots = 0;
    for (uint32_t i = end[RGI_BEFORE]; i < end[RGI_EACH]; i++)
        if (is_input(c, i))
            c->place[i] = RGI_NO_NODE;
    for (uint32_t i = end[RGI_BEFORE]; i < end[RGI_EACH]; i++) {
        compile_each(c, i, constants);
        constants += (uint32_t)rgi_graph_operation(c->graph->nodes[i].operation)->parameters;
    }
    for (uint32_t i = end[RGI_BEFORE]; i < end[RGI_EACH]; i++)
        if (c->uses[i] > 0)
            compile_load(c, i);
    c->used = uniform;
}

static void number_sums(compiler *c)
{
    for (uint32_t i = 0; i < c->graph->count; i++)
        if (c->graph->nodes[i].operation == RGI_GRAPH_SUM &&
            is_in_slot(c, c->graph->nodes[i].in[0]))
            c->sum[c->graph->nodes[i].in[0]] = c->code->sums++;
}

static void compile_batch(compiler *c)
{
    rgi_code *code = c->code;
    const uint32_t *end = code->part->stage_end;
    uint32_t constants = 0, each_constants = 0;
    find_last(c, true);
    begin_places(c);
    c->used++; /* the number of evaluations */
    for (uint32_t i = 0; i < c->graph->count; i++) {
        if (i == end[RGI_BEFORE])
            each_constants = constants;
        if (i < end[RGI_BEFORE])
            compile_uniform(c, &code->before, i, constants);
        else if (i >= end[RGI_EACH])
            compile_uniform(c, &code->after, i, constants);
        constants += (uint32_t)rgi_graph_operation(c->graph->nodes[i].operation)->parameters;
    }
    code->uniform_numbers = c->used;
    compile_slots(c, each_constants);
    for (uint32_t j = 0; j < code->part->outputs; j++) {
        uint32_t node = code->part->output[j];
        code->batch_output[j] = is_in_slot(c, node) ? RGI_NO_NODE : c->place[node];
    }
}

/* How many lanes: many, so that instructions cost little beside the work; but the slots of a large
 * program should stay in the processor's cache. Slots do not lie a power of two apart, where they
 * would fight for the same lines of it. */
static void choose_lanes(compiler *c)
{
    enum { NEAR = 32 << 10, FAR = 1 << 20, FEWEST = 32, MANY = 128, MOST = 256, APART = 8 };
    rgi_code *code = c->code;
    code->stride = 1;
    compile_batch(c);
    size_t bytes = (size_t)code->slots * sizeof(double);
    code->lanes = MOST;
    while (code->lanes > MANY && code->lanes * bytes > NEAR)
        code->lanes -= RGI_LANES_STEP;
    while (code->lanes > FEWEST && code->lanes * bytes > FAR)
        code->lanes /= 2;
    code->stride = code->lanes + APART;
    code->before.count = code->each.count = code->after.count = 0;
}

/* ---- the whole ---- */

static bool allocate(compiler *c)
{
    rgi_code *code = c->code;
    const uint32_t nodes = c->graph->count, outputs = code->part->outputs;
    enum { ARRAYS = 9 };
    c->bytes = (ARRAYS * (size_t)nodes + outputs) * sizeof(uint32_t);
    uint32_t *block = rgi_alloc(code->allocator, c->bytes);
    code->constants = rgi_alloc(code->allocator, (code->constant_room + 1) * sizeof(double));
    code->single_output = rgi_alloc(code->allocator, outputs * sizeof(uint32_t));
    code->batch_output = rgi_alloc(code->allocator, outputs * sizeof(uint32_t));
    c->place = block;
    if (!block || !code->constants || !code->single_output || !code->batch_output)
        return false;
    c->last = block + nodes;
    c->uses = block + 2 * (size_t)nodes;
    c->output = block + 3 * (size_t)nodes;
    c->sum = block + 4 * (size_t)nodes;
    c->free = block + 5 * (size_t)nodes;
    c->tail = block + 6 * (size_t)nodes;
    c->length = block + 7 * (size_t)nodes;
    c->before = block + 8 * (size_t)nodes;
    c->next_output = block + ARRAYS * (size_t)nodes;
    find_uses(c);
    number_sums(c);
    find_chains(c);
    code->sum_place = rgi_alloc(code->allocator, (code->sums + 1) * sizeof(uint32_t));
    return code->sum_place != NULL;
}

rg_status rgi_code_compile(rgi_code *code, const rgi_part *part, rg_error *error)
{
    memset(code, 0, sizeof *code);
    code->part = part;
    code->allocator = part->graph.allocator;
    count_constants(code);
    compiler c = {.code = code, .graph = &part->graph};
    c.failed = !allocate(&c);
    if (!c.failed) {
        compile_single(&c);
        choose_lanes(&c);
        compile_batch(&c);
    }
    rgi_free(code->allocator, c.place, c.bytes);
    if (!c.failed)
        return RG_OK;
    rgi_set_error(error, RG_ERROR_MEMORY, "program: there is no memory for its instructions");
    return RG_ERROR_MEMORY;
}

void rgi_code_free(rgi_code *code)
{
    if (!code->part)
        return;
    const uint32_t outputs = code->part->outputs;
    rgi_free(code->allocator, code->constants, (code->constant_room + 1) * sizeof(double));
    rgi_free(code->allocator, code->single_output, outputs * sizeof(uint32_t));
    rgi_free(code->allocator, code->batch_output, outputs * sizeof(uint32_t));
    rgi_free(code->allocator, code->sum_place, (code->sums + 1) * sizeof(uint32_t));
    free_list(code, &code->single);
    free_list(code, &code->before);
    free_list(code, &code->each);
    free_list(code, &code->after);
    memset(code, 0, sizeof *code);
}
