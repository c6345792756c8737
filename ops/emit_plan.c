/* emit_plan.c: which statements stand in which function, and where values are kept (emit_part.h).
 */
#include "emit_nodes.h"

uint32_t rgi_emit_resolve(const rgi_emit_part *p, uint32_t node)
{
    while (p->form == RGI_EMIT_SCALAR && rgi_emit_node_of(p, node)->operation == RGI_GRAPH_SUM)
        node = rgi_emit_node_of(p, node)->in[0];
    return node;
}

bool rgi_emit_output_varies(const rgi_emit_part *p, uint32_t index)
{
    return p->form != RGI_EMIT_SCALAR && rgi_emit_output_stage(p, index) == RGI_EACH;
}

/* Whether a statement of the stage computes the node. */
static bool is_of_stage(const rgi_emit_part *p, uint32_t node, int stage)
{
    return rgi_emit_is_statement(p, node) && rgi_emit_stage(p, node) == stage;
}

/* Puts a node behind what it needs; `stack` has room for all nodes. What belongs together comes to
 * stand together, so that few values go from function to function. */
static uint32_t place(rgi_emit_part *p, int stage, uint32_t root, uint32_t end, uint32_t *stack)
{
    uint32_t depth = 0;
    if (is_of_stage(p, root, stage) && !p->nodes[root].placed && p->nodes[root].needed)
        stack[depth++] = root;
    while (depth) {
        uint32_t node = stack[depth - 1];
        unsigned k = p->nodes[node].slot++; /* the next operand to look at */
        if (k < rgi_emit_arity(p, node)) {
            uint32_t in = rgi_emit_operand(p, node, k);
            if (is_of_stage(p, in, stage) && !p->nodes[in].placed && p->nodes[in].slot == 0)
                stack[depth++] = in;
            continue;
        }
        p->nodes[node].slot = 0;
        p->nodes[node].placed = true;
        p->order[end++] = node;
        depth--;
    }
    return end;
}

static uint32_t place_all(rgi_emit_part *p, int stage, uint32_t end, uint32_t *stack)
{
    for (uint32_t j = 0; j < p->part->outputs; j++)
        end = place(p, stage, rgi_emit_resolve(p, p->part->output[j]), end, stack);
    for (uint32_t i = 0; i < p->part->graph.count; i++)
        end = place(p, stage, i, end, stack);
    return end;
}

/* What only y needs stands as early as its operands allow. */
static void place_wanted(rgi_emit_part *p, int stage, uint32_t first)
{
    for (uint32_t i = 0; i < p->part->graph.count; i++) {
        if (!p->nodes[i].alive || p->nodes[i].needed || !is_of_stage(p, i, stage))
            continue;
        uint32_t chunk = first;
        for (unsigned k = 0; k < rgi_emit_arity(p, i); k++) {
            uint32_t in = rgi_emit_operand(p, i, k);
            if (is_of_stage(p, in, stage) && p->nodes[in].chunk > chunk)
                chunk = p->nodes[in].chunk;
        }
        while (p->chunks[chunk].wanted >= p->statements)
            chunk++;
        rgi_emit_chunk *to = &p->chunks[chunk];
        p->nodes[i].chunk = chunk;
        p->nodes[i].next_wanted = RGI_NO_NODE;
        if (to->wanted++)
            p->nodes[to->wanted_last].next_wanted = i;
        else
            to->wanted_first = i;
        to->wanted_last = i;
        if (chunk >= p->chunk_count)
            p->chunk_count = chunk + 1;
    }
}

/* Cuts the statements of a stage, which begin at `from` in the order, into chunks of equal size. */
static uint32_t cut(rgi_emit_part *p, int stage, uint32_t from, bool at_least_one, uint32_t *stack)
{
    uint32_t end = place_all(p, stage, from, stack), total = end - from, first = p->chunk_count;
    uint32_t chunks = total / p->statements + (total % p->statements != 0);
    if (chunks == 0 && at_least_one)
        chunks = 1;
    for (uint32_t c = 0; c < chunks; c++) {
        rgi_emit_chunk *chunk = &p->chunks[first + c];
        chunk->first = from + (uint32_t)((uint64_t)total * c / chunks);
        chunk->end = from + (uint32_t)((uint64_t)total * (c + 1) / chunks);
        for (uint32_t i = chunk->first; i < chunk->end; i++)
            p->nodes[p->order[i]].chunk = first + c;
    }
    p->chunk_count += chunks;
    place_wanted(p, stage, first);
    p->section_end[stage] = p->chunk_count;
    return end;
}

static void use(rgi_emit_part *p, uint32_t node, uint32_t chunk)
{
    p->nodes[node].uses++;
    if (p->nodes[node].last < chunk)
        p->nodes[node].last = chunk;
}

/* Where an output is assigned: where its node is computed, or at the end of the last chunk. */
static void plan_output(rgi_emit_part *p, uint32_t index)
{
    uint32_t node = rgi_emit_resolve(p, p->part->output[index]);
    int stage = rgi_emit_output_stage(p, index);
    if (rgi_emit_is_statement(p, node) && rgi_emit_stage(p, node) == stage) {
        p->next_output[index] = p->nodes[node].output;
        p->nodes[node].output = index;
        use(p, node, p->nodes[node].chunk);
        return;
    }
    rgi_emit_chunk *chunk = &p->chunks[p->section_end[stage] - 1];
    p->next_output[index] = chunk->assigned;
    chunk->assigned = index;
    use(p, node, p->section_end[stage] - 1);
}

/* Where a sum is added to: where its operand is computed, or at the end of the last chunk that is
 * run for each evaluation. */
static void plan_sum(rgi_emit_part *p, uint32_t sum)
{
    uint32_t node = rgi_emit_node_of(p, sum)->in[0];
    bool here = is_of_stage(p, node, RGI_EACH);
    uint32_t chunk = here ? p->nodes[node].chunk : p->section_end[RGI_EACH] - 1;
    uint32_t *list = here ? &p->nodes[node].sum : &p->chunks[chunk].sums;
    p->nodes[sum].slot = p->sums++;
    p->nodes[sum].next_sum = *list;
    *list = sum;
    use(p, node, chunk);
}

static void need(rgi_emit_part *p, uint32_t node, bool optional)
{
    p->nodes[node].alive = true;
    p->nodes[node].needed |= !optional;
}

/* What outputs and loops need, from the last node to the first. */
static void find_needed(rgi_emit_part *p)
{
    for (uint32_t j = 0; j < p->part->outputs; j++)
        if (!p->rolled[j])
            need(p, rgi_emit_resolve(p, p->part->output[j]), rgi_emit_is_optional(p, j));
    for (uint32_t r = 0; r < p->roll_count; r++)
        for (uint32_t k = 0; k < p->rolls[r].size; k++)
            if (p->rolls[r].elements[k].fixed)
                need(p, p->rolls[r].elements[k].node, rgi_emit_is_optional(p, p->rolls[r].first));
    for (uint32_t i = p->part->graph.count; i-- > 0;)
        for (unsigned k = 0; p->nodes[i].alive && k < rgi_emit_arity(p, i); k++)
            need(p, rgi_emit_operand(p, i, k), !p->nodes[i].needed);
    /* Only functions that take y itself can leave something out. */
    for (uint32_t i = 0; i < p->part->graph.count; i++)
        p->nodes[i].needed |=
            p->nodes[i].alive && (rgi_emit_is_lanes(p, i) || p->form == RGI_EMIT_BATCH);
}

/* Loops stand at the end of the last chunk. */
static void plan_rolls(rgi_emit_part *p)
{
    for (uint32_t r = 0; r < p->roll_count; r++)
        for (uint32_t k = 0; k < p->rolls[r].size; k++)
            if (p->rolls[r].elements[k].fixed)
                use(p, p->rolls[r].elements[k].node, p->chunk_count - 1);
}

/* Gives a node that a later chunk uses a place. */
static void plan_slot(rgi_emit_part *p, uint32_t i, uint32_t *free_slots[2], uint32_t count[2])
{
    rgi_emit_node *node = &p->nodes[i];
    if (node->last <= node->chunk)
        return;
    bool lanes = rgi_emit_is_lanes(p, i);
    node->slot = count[lanes] ? free_slots[lanes][--count[lanes]] : lanes ? p->slots++ : p->work++;
    node->next_used = p->chunks[node->last].last_used;
    p->chunks[node->last].last_used = i;
}

/* Places are free again behind the last use. */
static void plan_slots(rgi_emit_part *p, uint32_t *free_slots[2])
{
    uint32_t count[2] = {0, 0};
    for (uint32_t c = 0; c < p->chunk_count; c++) {
        const rgi_emit_chunk *chunk = &p->chunks[c];
        for (uint32_t i = chunk->first; i < chunk->end; i++)
            plan_slot(p, p->order[i], free_slots, count);
        for (uint32_t i = chunk->wanted_first; i != RGI_NO_NODE; i = p->nodes[i].next_wanted)
            plan_slot(p, i, free_slots, count);
        for (uint32_t i = chunk->last_used; i != RGI_NO_NODE; i = p->nodes[i].next_used)
            free_slots[rgi_emit_is_lanes(p, i)][count[rgi_emit_is_lanes(p, i)]++] =
                p->nodes[i].slot;
    }
}

static void plan(rgi_emit_part *p, uint32_t *scratch)
{
    const rgi_graph *graph = &p->part->graph;
    bool outputs[3] = {false, false, false};
    for (uint32_t j = 0; j < p->part->outputs; j++)
        outputs[rgi_emit_output_stage(p, j)] = true;
    for (uint32_t i = 0; i < graph->count; i++)
        p->nodes[i].output = p->nodes[i].sum = RGI_NO_NODE;
    for (uint32_t c = 0; c < graph->count + 3; c++) {
        p->chunks[c].assigned = p->chunks[c].sums = RGI_NO_NODE;
        p->chunks[c].wanted_first = p->chunks[c].last_used = RGI_NO_NODE;
    }
    for (uint32_t i = 0; i < p->part->inputs; i++)
        p->in_place[i] = p->part->uniform[i] ? RGI_NO_NODE : p->in++;
    for (uint32_t j = 0; j < p->part->outputs; j++)
        p->out_place[j] = rgi_emit_output_varies(p, j) ? p->out++ : RGI_NO_NODE;
    for (uint32_t r = 0; r < p->roll_count; r++)
        memset(p->rolled + p->rolls[r].first, 1, p->rolls[r].count);
    find_needed(p);
    uint32_t end = 0;
    for (int stage = 0; stage < 3; stage++)
        end = cut(p, stage, end, outputs[stage] || (stage == RGI_EACH), scratch);
    for (uint32_t i = 0; i < graph->count; i++) {
        if (p->form != RGI_EMIT_SCALAR && graph->nodes[i].operation == RGI_GRAPH_SUM)
            plan_sum(p, i);
        for (unsigned k = 0;
             p->nodes[i].alive && rgi_emit_is_statement(p, i) && k < rgi_emit_arity(p, i); k++)
            use(p, rgi_emit_operand(p, i, k), p->nodes[i].chunk);
    }
    for (uint32_t j = p->part->outputs; j-- > 0;)
        if (!p->rolled[j])
            plan_output(p, j);
    plan_rolls(p);
    plan_slots(p, (uint32_t *[2]){scratch, scratch + graph->count});
}

static void *zeroed(const rg_allocator *allocator, size_t count, size_t size)
{
    void *block = rgi_alloc(allocator, count * size);
    if (block)
        memset(block, 0, count * size);
    return block;
}

bool rgi_emit_plan(rgi_emit_part *p)
{
    const rg_allocator *allocator = p->part->graph.allocator;
    size_t count = p->part->graph.count;
    p->nodes = zeroed(allocator, count, sizeof *p->nodes);
    p->order = zeroed(allocator, count, sizeof *p->order);
    p->next_output = zeroed(allocator, p->part->outputs, sizeof *p->next_output);
    p->in_place = zeroed(allocator, p->part->inputs, sizeof *p->in_place);
    p->out_place = zeroed(allocator, p->part->outputs, sizeof *p->out_place);
    p->chunks = zeroed(allocator, count + 3, sizeof *p->chunks);
    p->rolled = zeroed(allocator, p->part->outputs, sizeof *p->rolled);
    p->rolls = zeroed(allocator, p->part->outputs, sizeof *p->rolls);
    uint32_t *scratch = zeroed(allocator, count, 2 * sizeof *scratch);
    bool good = p->nodes && p->order && p->next_output && p->in_place && p->out_place &&
                p->chunks && p->rolled && p->rolls && scratch && rgi_emit_find_rolls(p);
    if (good)
        plan(p, scratch);
    rgi_free(allocator, scratch, 2 * count * sizeof *scratch);
    return good;
}

void rgi_emit_forget(rgi_emit_part *p)
{
    const rg_allocator *allocator = p->part->graph.allocator;
    size_t count = p->part->graph.count;
    for (uint32_t r = 0; r < p->roll_count; r++) {
        const rgi_emit_roll *roll = &p->rolls[r];
        rgi_free(allocator, roll->elements, roll->size * sizeof *roll->elements);
        rgi_free(allocator, roll->order, roll->statements * sizeof *roll->order);
    }
    rgi_free(allocator, p->rolls, p->part->outputs * sizeof *p->rolls);
    rgi_free(allocator, p->rolled, p->part->outputs * sizeof *p->rolled);
    rgi_free(allocator, p->nodes, count * sizeof *p->nodes);
    rgi_free(allocator, p->order, count * sizeof *p->order);
    rgi_free(allocator, p->next_output, p->part->outputs * sizeof *p->next_output);
    rgi_free(allocator, p->in_place, p->part->inputs * sizeof *p->in_place);
    rgi_free(allocator, p->out_place, p->part->outputs * sizeof *p->out_place);
    rgi_free(allocator, p->chunks, (count + 3) * sizeof *p->chunks);
}

uint32_t rgi_emit_blocks(const rgi_emit_part *p)
{
    enum { MOST = 16, VECTORS = 8192 };
    uint32_t each = p->in + p->out + p->slots, blocks = each ? VECTORS / each : MOST;
    return blocks < 1 ? 1 : blocks > MOST ? MOST : blocks;
}
