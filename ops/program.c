/* program.c: compiling a recording, and what there is to ask of a program. */
#include "compiled.h"

#include <inttypes.h>
#include <string.h>

/* One compilation at work. */
typedef struct builder {
    rg_program *program;
    const rg_tape *tape;
    const rg_value *ys, *xs;
    int derivatives;
    uint32_t *node_of; /* for each of the tape's nodes */
    size_t bytes;
    rg_error *error;
} builder;

enum {
    ALL_DERIVATIVES = 2 * RG_PROGRAM_HESSIAN - 1,
    OF_ONE_OUTPUT = RG_PROGRAM_GRADIENT | RG_PROGRAM_HVP | RG_PROGRAM_HESSIAN
};

static rg_status fail_memory(rg_error *error)
{
    rgi_set_error(error, RG_ERROR_MEMORY, "program: there is no memory for it");
    return RG_ERROR_MEMORY;
}

/* ---- arguments ---- */

static rg_status check_value(const rg_tape *tape, rg_value value, const char *what, int number,
                             rg_error *error)
{
    rg_status status = RG_OK;
    const char *why = "";
    if (value.tape && value.tape != tape) {
        status = RG_ERROR_TAPE;
        why = "is on another tape";
    } else if (!value.tape || !rgi_node(tape, value.serial)) {
        status = RG_ERROR_STALE;
        why = value.tape && value.serial ? "was dropped by a rewind" : "was never recorded";
    } else if (value.serial & RG_TENSOR_BIT) {
        status = RG_ERROR_TYPE;
        why = "is not a float64 scalar";
    }
    if (status != RG_OK)
        rgi_set_error(error, status, "program: %s %d %s", what, number + 1, why);
    return status;
}

static rg_status check_options(int m, const rg_program_options *options, rg_error *error)
{
    const char *why = NULL;
    if (options->derivatives & ~ALL_DERIVATIVES)
        why = "an unknown derivative is asked for";
    else if (m > 1 && (options->derivatives & OF_ONE_OUTPUT))
        why = "gradients and Hessians are of one output";
    if (why)
        rgi_set_error(error, RG_ERROR_ARGUMENT, "program: %s", why);
    return why ? RG_ERROR_ARGUMENT : RG_OK;
}

static rg_status check_arguments(int m, const rg_value *ys, int n, const rg_value *xs,
                                 const rg_program_options *options, rg_error *error)
{
    if (m < 1 || n < 1 || !ys || !xs) {
        rgi_set_error(error, RG_ERROR_ARGUMENT, "program: %s",
                      m < 1 || !ys ? "it has no outputs" : "it has no inputs");
        return RG_ERROR_ARGUMENT;
    }
    rg_status status = check_options(m, options, error);
    const rg_tape *tape = ys[0].tape;
    if (status == RG_OK && tape && (status = rg_tape_status(tape)) != RG_OK)
        rgi_set_error(error, status, "%s", rg_tape_message(tape));
    for (int i = 0; i < m && status == RG_OK; i++)
        status = check_value(tape, ys[i], "output", i, error);
    for (int i = 0; i < n && status == RG_OK; i++)
        status = check_value(tape, xs[i], "input", i, error);
    /* Fused statements cannot be compiled, but what they depend on must be known. */
    if (status == RG_OK && !rgi_index_statements(ys[0].tape)) {
        status = rg_tape_status(tape);
        rgi_set_error(error, status, "%s", rg_tape_message(tape));
    }
    return status;
}

/* ---- from the tape ---- */

/* Makes the inputs of a part, which are the only nodes of the tape that are known then. */
static rg_status begin_part(builder *b, rgi_part *part, uint32_t outputs)
{
    rg_program *program = b->program;
    rg_status status = rgi_part_allocate(part, program->n, outputs, b->error);
    if (status != RG_OK)
        return status;
    memcpy(part->uniform, program->uniform, program->n);
    memset(b->node_of, 0xff, b->bytes);
    for (uint32_t i = 0; i < program->n; i++) {
        uint32_t *node = &b->node_of[rgi_node(b->tape, b->xs[i].serial)];
        if (*node != RGI_NO_NODE) {
            rgi_set_error(b->error, RG_ERROR_ARGUMENT,
                          "program: inputs %" PRIu32 " and %" PRIu32 " are the same value",
                          *node + 1, i + 1);
            return RG_ERROR_ARGUMENT;
        }
        if ((*node = rgi_graph_input(&part->graph, i, part->uniform[i])) == RGI_NO_NODE)
            return fail_memory(b->error);
    }
    return RG_OK;
}

static rg_status record_values(builder *b, rgi_part *part)
{
    rg_status status = begin_part(b, part, b->program->m);
    if (status == RG_OK)
        status = rgi_graph_record(&part->graph, b->tape, b->node_of, b->program->m, b->ys, false,
                                  b->error);
    for (uint32_t j = 0; j < b->program->m && status == RG_OK; j++)
        part->output[j] = b->node_of[rgi_node(b->tape, b->ys[j].serial)];
    part->values = b->program->m;
    return status;
}

/* ---- comparisons ---- */

/* Whether a node is rg_less or the like, not the share of a maximum. */
static bool is_comparison(const rg_tape *tape, uint32_t node)
{
    int code = tape->cursor.code[node];
    return code >= RGI_COMPARE_FIRST && code < RGI_COMPARE_FIRST + RGI_max_share;
}

/* The comparisons that nothing uses, as values; `used` has a byte a node. */
static uint32_t find_comparisons(const rg_tape *tape, unsigned char *used, rg_value *found)
{
    uint32_t count = 0;
    for (uint32_t node = 1; node < tape->cursor.count; node++) {
        for (int k = rgi_operand_count(tape, node); k-- > 0;)
            used[rgi_operand(tape, node, k)] = 1;
    }
    for (uint32_t node = 1; node < tape->cursor.count; node++) {
        if (!is_comparison(tape, node) || used[node])
            continue;
        if (found)
            found[count] = rgi_value((rg_tape *)(uintptr_t)tape, node);
        count++;
    }
    return count;
}

/* Adds the number of those that differ: of each 1 - c or c, as it was 1 or 0. */
static rg_status count_differences(builder *b, rgi_part *part, const rg_value *found,
                                   uint32_t count)
{
    rgi_graph *graph = &part->graph;
    uint32_t left = rgi_graph_constant(graph, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tape_node = rgi_node(b->tape, found[i].serial), node = b->node_of[tape_node];
        if (node == RGI_NO_NODE || graph->nodes[node].operation == RGI_GRAPH_CONSTANT)
            continue;
        uint32_t one = rgi_graph_constant(graph, 1);
        if (b->tape->cursor.value[tape_node] != 0)
            node = rgi_graph_add(graph, RGI_GRAPH_sub, (uint32_t[]){one, node}, NULL);
        left = rgi_graph_add(graph, RGI_GRAPH_add, (uint32_t[]){left, node}, NULL);
        b->program->comparisons++;
    }
    part->output[0] = left;
    part->values = 1;
    return left == RGI_NO_NODE ? fail_memory(b->error) : RG_OK;
}

static rg_status record_comparisons(builder *b, rgi_part *part)
{
    const rg_allocator *allocator = &b->program->allocator;
    const size_t nodes = (size_t)b->tape->cursor.count;
    unsigned char *used = rgi_alloc(allocator, nodes);
    if (!used)
        return fail_memory(b->error);
    memset(used, 0, nodes);
    uint32_t count = find_comparisons(b->tape, used, NULL);
    size_t bytes = (count + (size_t)1) * sizeof(rg_value);
    rg_value *found = rgi_alloc(allocator, bytes);
    rg_status status = found ? begin_part(b, part, 1) : fail_memory(b->error);
    if (status == RG_OK) {
        find_comparisons(b->tape, used, found);
        status = rgi_graph_record(&part->graph, b->tape, b->node_of, count, found, true, b->error);
    }
    if (status == RG_OK)
        status = count_differences(b, part, found, count);
    rgi_free(allocator, used, nodes);
    rgi_free(allocator, found, bytes);
    return status;
}

/* ---- derivatives ---- */

static rgi_part *part_of(const builder *b, int number)
{
    return &b->program->part[number];
}

static rg_status compile(builder *b, int number)
{
    rg_status status = rgi_part_finish(part_of(b, number), b->error);
    if (status == RG_OK)
        status = rgi_code_compile(&b->program->code[number], part_of(b, number), b->error);
    b->program->has[number] = status == RG_OK;
    return status;
}

static rg_status compile_vjp(builder *b, int number, bool sums)
{
    const rgi_vjp what = {.roots = b->program->m,
                          .n = b->program->n,
                          .given = number != RGI_PART_GRADIENT,
                          .sums = sums};
    rgi_part *part = part_of(b, number);
    rg_status status = rgi_derive_vjp(part, part_of(b, RGI_PART_VALUE), &what, b->error);
    part->values = b->program->m;
    return status == RG_OK ? compile(b, number) : status;
}

static rg_status compile_jvp(builder *b, int number, const unsigned char *uniform)
{
    rgi_part *part = part_of(b, number);
    rg_status status = rgi_derive_jvp(part, part_of(b, RGI_PART_VALUE), uniform, b->error);
    part->values = b->program->m;
    return status == RG_OK ? compile(b, number) : status;
}

/* Leaves a part the outputs from `first` on. */
static void drop_outputs(rgi_part *part, uint32_t first)
{
    for (uint32_t i = 0; first + i < part->outputs; i++)
        part->output[i] = part->output[first + i];
    part->unused = first;
    part->outputs -= first;
}

/* H v is the gradient of the derivative along v. */
static rg_status compile_hvp(builder *b, int number, const unsigned char *uniform, bool sums)
{
    const rgi_vjp what = {.first = 1, .roots = 1, .n = b->program->n, .sums = sums};
    rgi_part *part = part_of(b, number), along;
    rgi_part_init(&along, &b->program->allocator);
    rg_status status = rgi_derive_jvp(&along, part_of(b, RGI_PART_VALUE), uniform, b->error);
    if (status == RG_OK)
        status = rgi_derive_vjp(part, &along, &what, b->error);
    rgi_part_free(&along);
    if (status != RG_OK)
        return status;
    drop_outputs(part, 2);
    return compile(b, number);
}

static rg_status compile_jacobian(builder *b)
{
    rg_program *program = b->program;
    rgi_sparse *sparse = &program->jacobian;
    rg_status status =
        rgi_sparse_find(sparse, part_of(b, RGI_PART_VALUE), 0, program->m, program->n, b->error);
    if (status == RG_OK)
        status = rgi_sparse_group(sparse, b->error);
    if (status != RG_OK)
        return status;
    part_of(b, RGI_PART_JACOBIAN)->by_rows = sparse->by_rows;
    return sparse->by_rows ? compile_vjp(b, RGI_PART_JACOBIAN, false)
                           : compile_jvp(b, RGI_PART_JACOBIAN, NULL);
}

static rg_status compile_hessian(builder *b)
{
    rg_program *program = b->program;
    rgi_sparse *sparse = &program->hessian;
    const rgi_vjp what = {.roots = 1, .n = program->n};
    rgi_part gradient;
    rgi_part_init(&gradient, &program->allocator);
    rg_status status = rgi_derive_vjp(&gradient, part_of(b, RGI_PART_VALUE), &what, b->error);
    if (status == RG_OK)
        status = rgi_sparse_find(sparse, &gradient, 1, program->n, program->n, b->error);
    rgi_part_free(&gradient);
    if (status == RG_OK)
        status = rgi_sparse_symmetrize(sparse, b->error);
    if (status == RG_OK)
        status = rgi_sparse_group_symmetric(sparse, b->error);
    return status == RG_OK ? compile_hvp(b, RGI_PART_HESSIAN, NULL, false) : status;
}

/* Takes the inputs as uniform where `uniform` says so, or all (NULL). */
static void set_uniform(rgi_part *part, const unsigned char *uniform)
{
    rgi_graph *graph = &part->graph;
    for (uint32_t i = 0; i < part->inputs; i++)
        part->uniform[i] = uniform ? uniform[i] : 1;
    for (uint32_t i = 0; i < graph->count; i++) {
        rgi_graph_node *node = &graph->nodes[i];
        node->stage = RGI_BEFORE;
        if (node->operation == RGI_GRAPH_INPUT)
            node->stage = part->uniform[node->in[0]] ? RGI_BEFORE : RGI_EACH;
        for (int k = 0; k < rgi_graph_operation(node->operation)->arity; k++)
            if (graph->nodes[node->in[k]].stage > node->stage)
                node->stage = graph->nodes[node->in[k]].stage;
    }
}

/* Everything is derived from the values, whose graph is finished last. */
static rg_status compile_all(builder *b)
{
    const unsigned char *uniform = b->program->uniform;
    const int asked = b->derivatives;
    rgi_part *value = part_of(b, RGI_PART_VALUE);
    rg_status status = record_values(b, value);
    if (status == RG_OK)
        status = record_comparisons(b, part_of(b, RGI_PART_CHECK));
    if (status == RG_OK && b->program->comparisons > 0)
        status = compile(b, RGI_PART_CHECK);
    if (status == RG_OK && (asked & RG_PROGRAM_GRADIENT))
        status = compile_vjp(b, RGI_PART_GRADIENT, true);
    if (status == RG_OK && (asked & RG_PROGRAM_VJP))
        status = compile_vjp(b, RGI_PART_VJP, true);
    if (status == RG_OK && (asked & RG_PROGRAM_JVP))
        status = compile_jvp(b, RGI_PART_JVP, uniform);
    if (status == RG_OK && (asked & RG_PROGRAM_HVP))
        status = compile_hvp(b, RGI_PART_HVP, uniform, true);
    if (status != RG_OK)
        return status;
    set_uniform(value, NULL);
    if (asked & RG_PROGRAM_JACOBIAN)
        status = compile_jacobian(b);
    if (status == RG_OK && (asked & RG_PROGRAM_HESSIAN))
        status = compile_hessian(b);
    set_uniform(value, uniform);
    return status == RG_OK ? compile(b, RGI_PART_VALUE) : status;
}

/* ---- creation ---- */

static rg_program *new_program(int m, int n, const rg_program_options *options)
{
    rg_program *program = rgi_alloc(options->allocator, sizeof *program);
    if (!program)
        return NULL;
    memset(program, 0, sizeof *program);
    if (options->allocator)
        program->allocator = *options->allocator;
    program->n = (uint32_t)n;
    program->m = (uint32_t)m;
    for (int i = 0; i < RGI_PARTS; i++)
        rgi_part_init(&program->part[i], &program->allocator);
    program->interpreter = rgi_interpreter_for(rgi_cpu());
    program->uniform = rgi_alloc(options->allocator, (size_t)n);
    if (!program->uniform) {
        rg_program_destroy(program);
        return NULL;
    }
    for (int i = 0; i < n; i++)
        program->uniform[i] = options->uniform && options->uniform[i];
    return program;
}

static rg_status build(builder *b)
{
    const rg_allocator *allocator = &b->program->allocator;
    if (!rgi_index_statements(b->ys[0].tape)) {
        rgi_set_error(b->error, rg_tape_status(b->tape), "%s", rg_tape_message(b->tape));
        return rg_tape_status(b->tape);
    }
    b->bytes = (size_t)b->tape->cursor.count * sizeof *b->node_of;
    b->node_of = rgi_alloc(allocator, b->bytes);
    rg_status status = b->node_of ? compile_all(b) : fail_memory(b->error);
    rgi_free(allocator, b->node_of, b->bytes);
    return status;
}

rg_program *rg_program_create(int m, const rg_value *ys, int n, const rg_value *xs,
                              const rg_program_options *options, rg_error *error)
{
    static const rg_program_options defaults;
    if (!options)
        options = &defaults;
    if (check_arguments(m, ys, n, xs, options, error) != RG_OK)
        return NULL;
    builder b = {.program = new_program(m, n, options),
                 .tape = ys[0].tape,
                 .ys = ys,
                 .xs = xs,
                 .derivatives = options->derivatives,
                 .error = error};
    if (!b.program) {
        fail_memory(error);
        return NULL;
    }
    if (build(&b) == RG_OK)
        return b.program;
    rg_program_destroy(b.program);
    return NULL;
}

void rg_program_destroy(rg_program *program)
{
    if (!program)
        return;
    for (int i = 0; i < RGI_PARTS; i++) {
        rgi_code_free(&program->code[i]);
        rgi_part_free(&program->part[i]);
    }
    rgi_sparse_free(&program->jacobian);
    rgi_sparse_free(&program->hessian);
    const rg_allocator allocator = program->allocator;
    rgi_free(&allocator, program->uniform, program->n);
    rgi_free(&allocator, program, sizeof *program);
}

/* ---- asking ---- */

const rgi_part *rgi_program_part(const rg_program *program, int part)
{
    return program->has[part] ? &program->part[part] : NULL;
}

const rg_pattern *rg_program_jacobian_pattern(const rg_program *program)
{
    return program && program->has[RGI_PART_JACOBIAN] ? &program->jacobian.pattern : NULL;
}

const rg_pattern *rg_program_hessian_pattern(const rg_program *program)
{
    return program && program->has[RGI_PART_HESSIAN] ? &program->hessian.pattern : NULL;
}

size_t rg_program_comparison_count(const rg_program *program)
{
    return program ? program->comparisons : 0;
}

/* How many of the nodes [first, end) are computed. */
static size_t count_operations(const rgi_part *part, uint32_t first, uint32_t end)
{
    size_t count = 0;
    for (uint32_t i = first; i < end; i++)
        count += rgi_graph_operation(part->graph.nodes[i].operation)->arity > 0;
    return count;
}

static rg_program_part_stats stats_of(const rg_program *program, int number)
{
    const rgi_code *code = &program->code[number];
    const rgi_part *part = &program->part[number];
    const uint32_t *end = part->stage_end;
    if (!program->has[number])
        return (rg_program_part_stats){0};
    return (rg_program_part_stats){count_operations(part, 0, end[RGI_BEFORE]),
                                   count_operations(part, end[RGI_BEFORE], end[RGI_EACH]),
                                   count_operations(part, end[RGI_EACH], end[RGI_AFTER]),
                                   code->slots, code->lanes};
}

rg_program_stats rg_program_get_stats(const rg_program *program)
{
    rg_program_stats stats = {0};
    if (!program)
        return stats;
    stats.inputs = program->n;
    stats.outputs = program->m;
    stats.comparisons = program->comparisons;
    stats.value = stats_of(program, RGI_PART_VALUE);
    stats.gradient = stats_of(program, RGI_PART_GRADIENT);
    stats.jvp = stats_of(program, RGI_PART_JVP);
    stats.vjp = stats_of(program, RGI_PART_VJP);
    stats.hvp = stats_of(program, RGI_PART_HVP);
    stats.jacobian = stats_of(program, RGI_PART_JACOBIAN);
    stats.hessian = stats_of(program, RGI_PART_HESSIAN);
    return stats;
}
