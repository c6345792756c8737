/* emit_part.c: the statements and functions of a part (emit_part.h). */
#include "emit_nodes.h"

/* ---- statements ---- */

/* Where statements go: into a chunk or the block `if (y)` at its end. What has a name is marked:
 * `outer` marks names of the chunk, `mark` those of this block. */
typedef struct block {
    uint32_t chunk, outer, mark;
    bool if_wanted;
    const char *indent;
} block;

static void note(rgi_emit_part *p, const block *at, int parameter)
{
    p->chunks[at->chunk].uses |= 1u << parameter;
}

static const char *type(const rgi_emit_part *p, uint32_t node)
{
    return rgi_emit_is_lanes(p, node) ? "NAME_lanes" : "double";
}

static bool has_name(const rgi_emit_part *p, const block *at, uint32_t node)
{
    return p->nodes[node].seen == at->outer || p->nodes[node].seen == at->mark;
}

static void give_name(rgi_emit_part *p, const block *at, uint32_t node)
{
    p->nodes[node].seen = at->mark;
}

static void put_place(rgi_emit_part *p, const block *at, uint32_t node)
{
    bool lanes = rgi_emit_is_lanes(p, node);
    note(p, at, lanes ? RGI_EMIT_SLOTS : RGI_EMIT_WORK);
    rgi_c_print(p->text, lanes ? "slots[%u]" : "work[%u]", p->nodes[node].slot);
}

static rgi_c_operand input_operand(rgi_emit_part *p, const block *at, uint32_t node)
{
    uint32_t input = rgi_emit_node_of(p, node)->in[0];
    bool second = input >= p->directions;
    rgi_c_operand operand = {.lanes = rgi_emit_is_lanes(p, node)};
    if (operand.lanes) {
        note(p, at, RGI_EMIT_IN);
        snprintf(operand.text, sizeof operand.text, "in[%u]", p->in_place[input]);
    } else {
        note(p, at, second ? RGI_EMIT_DIRECTION : RGI_EMIT_X);
        snprintf(operand.text, sizeof operand.text,
                 p->form == RGI_EMIT_BATCH ? "*%s[%u]" : "%s[%u]", second ? p->direction : "x",
                 second ? input - p->directions : input);
    }
    return operand;
}

/* How a node is written where it is used. */
static rgi_c_operand operand(rgi_emit_part *p, const block *at, uint32_t node)
{
    rgi_c_operand result = {.lanes = rgi_emit_is_lanes(p, node)};
    if (rgi_emit_is_statement(p, node)) {
        snprintf(result.text, sizeof result.text, "t%u", node);
    } else if (rgi_emit_node_of(p, node)->operation == RGI_GRAPH_CONSTANT) {
        result.lanes = false;
        rgi_c_literal(rgi_emit_node_of(p, node)->number[0], result.text);
    } else if (rgi_emit_node_of(p, node)->operation == RGI_GRAPH_SUM) {
        note(p, at, RGI_EMIT_TOTAL);
        snprintf(result.text, sizeof result.text, "total[%u]", p->nodes[node].slot);
    } else {
        result = input_operand(p, at, node);
    }
    return result;
}

/* A value of an earlier chunk gets its name before it is used. */
static void load(rgi_emit_part *p, const block *at, uint32_t node)
{
    if (!rgi_emit_is_statement(p, node) || has_name(p, at, node))
        return;
    rgi_c_print(p->text, "%sconst %s t%u = ", at->indent, type(p, node), node);
    put_place(p, at, node);
    rgi_c_put(p->text, ";\n");
    give_name(p, at, node);
}

static void put_output(rgi_emit_part *p, const block *at, uint32_t index)
{
    bool second = index >= p->value_count;
    int stage = rgi_emit_output_stage(p, index);
    if (rgi_emit_output_varies(p, index)) {
        note(p, at, RGI_EMIT_OUT);
        rgi_c_print(p->text, "out[%u]", p->out_place[index]);
        return;
    }
    note(p, at, second ? RGI_EMIT_DERIVATIVE : RGI_EMIT_Y);
    rgi_c_print(p->text, stage == RGI_AFTER ? "*%s[%u]" : "%s[%u]",
                second ? p->derivative : p->value, second ? index - p->value_count : index);
}

/* Whether the output is assigned in blocks of this kind. */
static bool belongs(const rgi_emit_part *p, const block *at, uint32_t index)
{
    return rgi_emit_is_optional(p, index) == at->if_wanted;
}

/* A total may be unwanted. */
static void put_condition(rgi_emit_part *p, const block *at, uint32_t index)
{
    if (rgi_emit_output_stage(p, index) != RGI_AFTER)
        return;
    note(p, at, RGI_EMIT_DERIVATIVE);
    uint32_t i = index - p->value_count;
    rgi_c_print(p->text, "%sif (%s && %s[%u])\n    ", at->indent, p->derivative, p->derivative, i);
}

static void assign(rgi_emit_part *p, const block *at, uint32_t index)
{
    uint32_t node = rgi_emit_resolve(p, p->part->output[index]);
    load(p, at, node);
    rgi_c_operand from = operand(p, at, node);
    put_condition(p, at, index);
    rgi_c_put(p->text, at->indent);
    put_output(p, at, index);
    bool widen = rgi_emit_output_varies(p, index) && !from.lanes;
    rgi_c_print(p->text, widen ? " = NAME_lanes_all(%s);\n" : " = %s;\n", from.text);
}

/* Assigns those outputs of a list that belong here; whether there are any. */
static bool assign_all(rgi_emit_part *p, const block *at, uint32_t first)
{
    bool any = false;
    for (uint32_t j = first; j != RGI_NO_NODE; j = p->next_output[j])
        if (belongs(p, at, j)) {
            assign(p, at, j);
            any = true;
        }
    return any;
}

/* The only use of the node is to be this output. */
static bool is_only_output(const rgi_emit_part *p, const block *at, uint32_t node)
{
    return p->nodes[node].uses == 1 && p->nodes[node].output != RGI_NO_NODE &&
           belongs(p, at, p->nodes[node].output);
}

/* A product that serves a sum only is added to it at once. */
static bool is_merged(const rgi_emit_part *p, uint32_t node)
{
    int operation = rgi_emit_node_of(p, node)->operation;
    return rgi_emit_is_lanes(p, node) && p->nodes[node].uses == 1 &&
           p->nodes[node].sum != RGI_NO_NODE &&
           (operation == RGI_GRAPH_mul || operation == RGI_GRAPH_times);
}

/* Adds to a sum over the batch what this block of evaluations contributes. */
static void add_to_sum(rgi_emit_part *p, const block *at, uint32_t sum)
{
    uint32_t node = rgi_emit_node_of(p, sum)->in[0], slot = p->nodes[sum].slot;
    note(p, at, RGI_EMIT_SUM);
    if (!is_merged(p, node)) {
        load(p, at, node);
        rgi_c_print(p->text, "%ssum[%u] += %s;\n", at->indent, slot, operand(p, at, node).text);
        return;
    }
    rgi_c_operand operands[3] = {{.lanes = true}, {.lanes = true}, {.lanes = true}};
    for (unsigned k = 0; k < 2; k++) {
        load(p, at, rgi_emit_operand(p, node, k));
        operands[k] = operand(p, at, rgi_emit_operand(p, node, k));
    }
    snprintf(operands[2].text, sizeof operands[2].text, "sum[%u]", slot);
    rgi_graph_node merged = *rgi_emit_node_of(p, node);
    merged.operation =
        merged.operation == RGI_GRAPH_mul ? RGI_GRAPH_MULTIPLY_ADD : RGI_GRAPH_GUARDED_ADD;
    rgi_c_print(p->text, "%ssum[%u] = ", at->indent, slot);
    rgi_c_expression(p->text, &merged, true, operands);
    rgi_c_put(p->text, ";\n");
}

static void add_to_sums(rgi_emit_part *p, const block *at, uint32_t first)
{
    for (uint32_t i = first; i != RGI_NO_NODE; i = p->nodes[i].next_sum)
        add_to_sum(p, at, i);
}

static void statement(rgi_emit_part *p, const block *at, uint32_t node)
{
    if (is_merged(p, node)) {
        add_to_sums(p, at, p->nodes[node].sum);
        return;
    }
    rgi_c_operand operands[3];
    const rgi_graph_node *what = rgi_emit_node_of(p, node);
    for (unsigned k = 0; k < rgi_emit_arity(p, node); k++) {
        load(p, at, rgi_emit_operand(p, node, k));
        operands[k] = operand(p, at, rgi_emit_operand(p, node, k));
    }
    bool direct = is_only_output(p, at, node);
    if (direct) {
        put_condition(p, at, p->nodes[node].output);
        rgi_c_put(p->text, at->indent);
        put_output(p, at, p->nodes[node].output);
    } else {
        rgi_c_print(p->text, "%sconst %s t%u", at->indent, type(p, node), node);
        give_name(p, at, node);
    }
    rgi_c_put(p->text, " = ");
    if (what->operation == RGI_GRAPH_INPUT)
        rgi_c_put(p->text, input_operand(p, at, node).text);
    else
        rgi_c_expression(p->text, what, rgi_emit_is_lanes(p, node), operands);
    rgi_c_put(p->text, ";\n");
    if (p->nodes[node].last > at->chunk) {
        rgi_c_put(p->text, at->indent);
        put_place(p, at, node);
        rgi_c_print(p->text, " = t%u;\n", node);
    }
    add_to_sums(p, at, p->nodes[node].sum);
    if (!direct)
        assign_all(p, at, p->nodes[node].output);
}

/* ---- loops ---- */

/* Loops do as many iterations at once as vectors have lanes. What differs from iteration to
 * iteration is named e, not t. */
static rgi_c_operand element_operand(rgi_emit_part *p, const block *at, const rgi_emit_roll *roll,
                                     uint32_t node)
{
    const rgi_emit_element *e = &roll->elements[p->nodes[node].element];
    if (e->fixed)
        return operand(p, at, node);
    rgi_c_operand result = {.lanes = true};
    snprintf(result.text, sizeof result.text, "e%u", node);
    return result;
}

static void put_element(rgi_emit_part *p, const block *at, const rgi_emit_roll *roll, uint32_t node)
{
    rgi_c_operand operands[3];
    for (unsigned k = 0; k < rgi_emit_arity(p, node); k++)
        operands[k] = element_operand(p, at, roll, rgi_emit_operand(p, node, k));
    rgi_c_expression(p->text, rgi_emit_node_of(p, node), true, operands);
}

/* An input of as many iterations, "NAME_lanes_at(x + i + 5)". */
static void put_moving(rgi_emit_part *p, const block *at, const rgi_emit_element *e)
{
    uint32_t input = rgi_emit_node_of(p, e->node)->in[0];
    bool second = input >= p->directions;
    const char *list = second ? p->direction : "x";
    uint32_t first = second ? input - p->directions : input;
    note(p, at, second ? RGI_EMIT_DIRECTION : RGI_EMIT_X);
    rgi_c_print(p->text, "%s    const NAME_lanes e%u = ", at->indent, e->node);
    if (e->stride == 1)
        rgi_c_print(p->text, first ? "NAME_lanes_at(%s + i + %u);\n" : "NAME_lanes_at(%s + i);\n",
                    list, first);
    else
        rgi_c_print(p->text, "NAME_lanes_strided(%s + %u %c %llu * i, %lld);\n", list, first,
                    e->stride < 0 ? '-' : '+',
                    (unsigned long long)(e->stride < 0 ? -e->stride : e->stride),
                    (long long)e->stride);
}

static void put_roll(rgi_emit_part *p, const block *at, const rgi_emit_roll *roll)
{
    for (uint32_t k = 0; k < roll->size; k++) {
        p->nodes[roll->elements[k].node].element = k;
        if (roll->elements[k].fixed)
            load(p, at, roll->elements[k].node);
    }
    rgi_c_print(p->text, "%sfor (size_t i = 0; i < %u; i = NAME_NEXT(i, %u)) {\n", at->indent,
                roll->count, roll->count);
    for (uint32_t k = 0; k < roll->size; k++)
        if (!roll->elements[k].fixed &&
            rgi_emit_node_of(p, roll->elements[k].node)->operation == RGI_GRAPH_INPUT)
            put_moving(p, at, &roll->elements[k]);
    for (uint32_t k = 0; k + 1 < roll->statements; k++) {
        uint32_t node = roll->elements[roll->order[k]].node;
        rgi_c_print(p->text, "%s    const NAME_lanes e%u = ", at->indent, node);
        put_element(p, at, roll, node);
        rgi_c_put(p->text, ";\n");
    }
    bool second = roll->first >= p->value_count;
    uint32_t place = second ? roll->first - p->value_count : roll->first;
    note(p, at, second ? RGI_EMIT_DERIVATIVE : RGI_EMIT_Y);
    rgi_c_print(p->text,
                place ? "%s    NAME_lanes_put(%s + i + %u, " : "%s    NAME_lanes_put(%s + i, ",
                at->indent, second ? p->derivative : p->value, place);
    put_element(p, at, roll, roll->elements[roll->order[roll->statements - 1]].node);
    rgi_c_print(p->text, ");\n%s}\n", at->indent);
}

/* The statements of a block; false if there are none. */
static bool put_block(rgi_emit_part *p, const block *at)
{
    const rgi_emit_chunk *chunk = &p->chunks[at->chunk];
    bool any = at->if_wanted && chunk->wanted;
    for (uint32_t i = chunk->first; i < chunk->end; i++) {
        if (!at->if_wanted)
            statement(p, at, p->order[i]);
        else
            any |= assign_all(p, at, p->nodes[p->order[i]].output);
    }
    if (at->if_wanted)
        for (uint32_t i = chunk->wanted_first; i != RGI_NO_NODE; i = p->nodes[i].next_wanted)
            statement(p, at, i);
    any |= assign_all(p, at, chunk->assigned);
    for (uint32_t r = 0; at->chunk + 1 == p->chunk_count && r < p->roll_count; r++)
        if (belongs(p, at, p->rolls[r].first)) {
            put_roll(p, at, &p->rolls[r]);
            any = true;
        }
    return any;
}

static int stage_of_chunk(const rgi_emit_part *p, uint32_t chunk)
{
    int stage = RGI_BEFORE;
    while (chunk >= p->section_end[stage])
        stage++;
    return stage;
}

/* Whether a block prints anything. */
static bool is_empty(rgi_emit_part *p, block at)
{
    FILE *stream = p->text->stream;
    p->text->stream = NULL;
    at.mark = ++p->mark;
    bool any = put_block(p, &at);
    p->text->stream = stream;
    return !any;
}

void rgi_emit_statements(rgi_emit_part *p, uint32_t chunk)
{
    uint32_t mark = ++p->mark;
    bool lanes = p->form != RGI_EMIT_SCALAR && stage_of_chunk(p, chunk) == RGI_EACH;
    block at = {chunk, mark, mark, false, lanes ? "        " : "    "};
    put_block(p, &at);
    add_to_sums(p, &at, p->chunks[chunk].sums);
    at.if_wanted = true;
    at.indent = "        ";
    if (!p->optional || lanes || p->form == RGI_EMIT_BATCH || is_empty(p, at))
        return;
    note(p, &at, RGI_EMIT_Y);
    rgi_c_print(p->text, "    if (%s) {\n", p->value);
    at.mark = ++p->mark;
    put_block(p, &at);
    rgi_c_put(p->text, "    }\n");
}

/* ---- functions ---- */

static const char *parameter_name(const rgi_emit_part *p, int parameter)
{
    static const char *const names[RGI_EMIT_PARAMETERS] = {
        [RGI_EMIT_X] = "x",         [RGI_EMIT_IN] = "in",        [RGI_EMIT_TOTAL] = "total",
        [RGI_EMIT_OUT] = "out",     [RGI_EMIT_SUM] = "sum",      [RGI_EMIT_WORK] = "work",
        [RGI_EMIT_SLOTS] = "slots", [RGI_EMIT_BLOCKS] = "blocks"};
    switch (parameter) {
    case RGI_EMIT_DIRECTION: return p->direction;
    case RGI_EMIT_Y: return p->value;
    case RGI_EMIT_DERIVATIVE: return p->derivative;
    default: return names[parameter];
    }
}

/* Whether functions of the stage write to it. */
static bool is_written(const rgi_emit_part *p, int stage, int parameter)
{
    if (parameter == RGI_EMIT_WORK)
        return p->form == RGI_EMIT_SCALAR || stage != RGI_EACH;
    return parameter > RGI_EMIT_TOTAL;
}

static void put_parameter(const rgi_emit_part *p, int stage, int parameter)
{
    if (parameter == RGI_EMIT_BLOCKS) {
        rgi_c_put(p->text, "size_t blocks");
        return;
    }
    bool vector = parameter == RGI_EMIT_IN || parameter == RGI_EMIT_OUT ||
                  parameter == RGI_EMIT_SUM || parameter == RGI_EMIT_SLOTS;
    bool lists =
        p->form == RGI_EMIT_BATCH && (parameter <= RGI_EMIT_DIRECTION || parameter == RGI_EMIT_Y ||
                                      parameter == RGI_EMIT_DERIVATIVE);
    const char *name = parameter_name(p, parameter);
    rgi_c_print(p->text, "%s%s *%s%s", is_written(p, stage, parameter) ? "" : "const ",
                vector ? "NAME_lanes" : "double", lists ? "const *" : "restrict ", name);
}

static bool uses(const rgi_emit_part *p, uint32_t chunk, int parameter)
{
    return p->chunks[chunk].uses >> parameter & 1;
}

/* Prints the parameters of a chunk, as they are declared or as they are passed. */
static void put_parameters(rgi_emit_part *p, uint32_t chunk, bool declared)
{
    const char *comma = "";
    for (int i = 0; i < RGI_EMIT_PARAMETERS; i++) {
        if (!uses(p, chunk, i))
            continue;
        rgi_c_put(p->text, comma);
        if (declared)
            put_parameter(p, stage_of_chunk(p, chunk), i);
        else
            rgi_c_put(p->text, parameter_name(p, i));
        comma = ", ";
    }
    if (declared && !*comma)
        rgi_c_put(p->text, "void");
}

/* The loop over the blocks; a block's vectors lie behind those of the one before. */
static void put_loop(rgi_emit_part *p, uint32_t chunk)
{
    rgi_c_put(p->text, "    for (; blocks > 0; blocks--) {\n");
    rgi_emit_statements(p, chunk);
    if (uses(p, chunk, RGI_EMIT_IN))
        rgi_c_print(p->text, "        in += %u;\n", p->in);
    if (uses(p, chunk, RGI_EMIT_OUT))
        rgi_c_print(p->text, "        out += %u;\n", p->out);
    if (uses(p, chunk, RGI_EMIT_SLOTS))
        rgi_c_print(p->text, "        slots += %u;\n", p->slots);
    rgi_c_put(p->text, "    }\n");
}

void rgi_emit_find_uses(rgi_emit_part *p, uint32_t chunk)
{
    FILE *stream = p->text->stream;
    p->text->stream = NULL;
    rgi_emit_statements(p, chunk);
    p->text->stream = stream;
}

static void put_function(rgi_emit_part *p, uint32_t chunk)
{
    bool lanes = p->form != RGI_EMIT_SCALAR && stage_of_chunk(p, chunk) == RGI_EACH;
    rgi_emit_find_uses(p, chunk);
    if (lanes)
        p->chunks[chunk].uses |= 1u << RGI_EMIT_BLOCKS;
    rgi_c_print(p->text, "static NAME_NOINLINE void NAME_%s_%u(", p->function, chunk + 1);
    put_parameters(p, chunk, true);
    rgi_c_put(p->text, ")\n{\n");
    if (lanes)
        put_loop(p, chunk);
    else
        rgi_emit_statements(p, chunk);
    rgi_c_put(p->text, "}\n\n");
}

void rgi_emit_functions(rgi_emit_part *p)
{
    for (uint32_t c = 0; c < p->chunk_count; c++)
        put_function(p, c);
}

void rgi_emit_calls(rgi_emit_part *p, int stage, const char *indent)
{
    for (uint32_t c = stage ? p->section_end[stage - 1] : 0; c < p->section_end[stage]; c++) {
        rgi_c_print(p->text, "%sNAME_%s_%u(", indent, p->function, c + 1);
        put_parameters(p, c, false);
        rgi_c_put(p->text, ");\n");
    }
}
