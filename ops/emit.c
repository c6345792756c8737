/* emit.c: the C file of a program: what it declares, and the helpers it needs. */
#include <ctype.h>
#include <string.h>

#include "emit_file.h"

enum { USUAL_STATEMENTS = 400, MOST_LANES = 8 };

const rgi_emit_function rgi_emit_file_functions[RGI_EMIT_FUNCTIONS] = {
    {RGI_PART_VALUE, "value", NULL, "y", NULL, "The values: y = f(x)."},
    {RGI_PART_GRADIENT, "gradient", NULL, "y", "g",
     "The value y[0] = f(x) and its gradient: g[i] = df / dx[i]."},
    {RGI_PART_JVP, "jvp", "v", "y", "jv",
     "The values y = f(x) and the Jacobian times v: jv[j] = sum over i of dy[j] / dx[i] v[i]."},
    {RGI_PART_VJP, "vjp", "u", "y", "uj",
     "The values y = f(x) and u times the Jacobian: uj[i] = sum over j of u[j] dy[j] / dx[i]."},
    {RGI_PART_HVP, "hvp", "v", NULL, "hv",
     "The Hessian times v: hv[i] = sum over k of d2f / dx[i] dx[k] v[k]."},
    {RGI_PART_JACOBIAN, "jacobian", "v", "y", "jv",
     "The values y = f(x) and the Jacobian, row by row: j[r n + c] = dy[r] / dx[c]."},
    {RGI_PART_HESSIAN, "hessian", "v", NULL, "hv",
     "The Hessian, row by row: h[r n + c] = d2f / dx[r] dx[c]."},
    {RGI_PART_CHECK, "check", NULL, "left", NULL,
     "How many of the comparisons that were recorded turn out differently at x."},
};

/* ---- planning ---- */

static const char *const batch_names[RGI_EMIT_FUNCTIONS] = {
    "value_batch", "gradient_batch", "jvp_batch", "vjp_batch", "hvp_batch", NULL,
    NULL,          "check_batch"};

static bool plan_form(rgi_emitter *e, int index, rgi_emit_form form)
{
    const rgi_emit_function *f = &rgi_emit_file_functions[index];
    const rgi_part *part = rgi_program_part(e->program, f->part);
    rgi_emit_part *p = form == RGI_EMIT_BATCH ? &e->batch[index] : &e->single[index];
    *p = (rgi_emit_part){.text = &e->text, .part = part, .form = form};
    p->function = form == RGI_EMIT_BATCH ? batch_names[index] : f->name;
    p->direction = f->direction;
    p->value = f->value;
    p->derivative = f->derivative;
    if (f->part == RGI_PART_JACOBIAN && part->by_rows)
        p->direction = "u", p->derivative = "uj";
    p->optional = f->value && f->derivative;
    p->directions = e->inputs;
    p->value_count = part->values;
    p->statements = e->options->statements ? (uint32_t)e->options->statements : USUAL_STATEMENTS;
    return rgi_emit_plan(p);
}

static bool plan_all(rgi_emitter *e)
{
    for (int i = 0; i < RGI_EMIT_FUNCTIONS; i++) {
        if (!rgi_program_part(e->program, rgi_emit_file_functions[i].part))
            continue;
        if (!plan_form(e, i,
                       rgi_emit_is_matrix(&rgi_emit_file_functions[i]) ? RGI_EMIT_MATRIX
                                                                       : RGI_EMIT_SCALAR))
            return false;
        if (e->options->batch && batch_names[i] && !plan_form(e, i, RGI_EMIT_BATCH))
            return false;
    }
    return true;
}

static void forget_all(rgi_emitter *e)
{
    for (int i = 0; i < RGI_EMIT_FUNCTIONS; i++) {
        if (e->single[i].part)
            rgi_emit_forget(&e->single[i]);
        if (e->batch[i].part)
            rgi_emit_forget(&e->batch[i]);
    }
}

/* Numbers of work: those that go from chunk to chunk, and where there are vectors, total, sum, and
 * in, out and slots of each block. */
static size_t work_size(const rgi_emit_part *p)
{
    if (p->form == RGI_EMIT_SCALAR)
        return p->work;
    size_t blocks = rgi_emit_blocks(p), each = (size_t)p->in + p->out + p->slots;
    return p->work + p->sums + (p->sums + blocks * each + 1) * MOST_LANES;
}

static size_t largest(const rgi_emit_part *parts)
{
    size_t size = 0;
    for (int i = 0; i < RGI_EMIT_FUNCTIONS; i++)
        if (parts[i].part && work_size(&parts[i]) > size)
            size = work_size(&parts[i]);
    return size;
}

/* ---- declarations ---- */

static void put_list(rgi_emitter *e, const char *name, bool batch, bool output)
{
    if (name)
        rgi_c_print(&e->text, batch ? "%sdouble *const *%s, " : "%sdouble *%s%s, ",
                    output ? "" : "const ", batch ? name : e->restricted, name);
}

void rgi_emit_head(rgi_emitter *e, const rgi_emit_function *f, bool batch, bool sparse)
{
    rgi_c_print(&e->text, "void NAME_%s%s%s(%s", sparse ? "sparse_" : "", f->name,
                batch ? "_batch" : "", batch ? "size_t count, " : "");
    put_list(e, "x", batch, false);
    if (!rgi_emit_is_matrix(f))
        put_list(e, f->direction, batch, false);
    put_list(e, f->value, batch, true);
    if (!rgi_emit_is_matrix(f))
        put_list(e, f->derivative, batch, true);
    else
        put_list(e, sparse ? "values" : f->part == RGI_PART_JACOBIAN ? "j" : "h", batch, true);
    rgi_c_print(&e->text, "double *%swork)", batch ? "" : e->restricted);
}

static void put_comment(rgi_emitter *e, const rgi_emit_function *f, const char *more)
{
    unsigned outputs = f->part == RGI_PART_CHECK ? 1 : e->outputs;
    rgi_c_print(&e->text, "\n/* %s\n * x holds %u number%s", f->comment, e->inputs,
                e->inputs == 1 ? "" : "s");
    if (f->value)
        rgi_c_print(&e->text, ", %s %u%s", f->value, outputs,
                    f->derivative ? " (NULL: not wanted)" : "");
    if (f->direction && !rgi_emit_is_matrix(f))
        rgi_c_print(&e->text, ", %s %u", f->direction,
                    f->part == RGI_PART_VJP ? e->outputs : e->inputs);
    if (f->derivative && !rgi_emit_is_matrix(f))
        rgi_c_print(&e->text, ", %s %u", f->derivative,
                    f->part == RGI_PART_JVP ? e->outputs : e->inputs);
    rgi_c_print(&e->text, "%s. */\n", more);
}

static void declare_matrix(rgi_emitter *e, const rgi_emit_function *f)
{
    const rg_pattern *pattern = &rgi_emit_sparse(e, f)->pattern;
    const char *matrix = f->part == RGI_PART_JACOBIAN ? "Jacobian" : "Hessian";
    char more[64];
    snprintf(more, sizeof more, ", the %s %zu x %zu", matrix, pattern->rows, pattern->columns);
    put_comment(e, f, more);
    rgi_emit_head(e, f, false, false);
    rgi_c_print(&e->text,
                ";\n\n/* The same, but only the %zu entries that may be other than 0, row by row: "
                "those of row r are\n * values[k], in the columns NAME_%s_column[k], with "
                "NAME_%s_start[r] <= k < NAME_%s_start[r + 1]. */\n",
                pattern->count, f->name, f->name, f->name);
    rgi_c_print(&e->text,
                "extern const size_t NAME_%s_start[%zu];\nextern const size_t "
                "NAME_%s_column[%zu];\n",
                f->name, pattern->rows + 1, f->name, pattern->count ? pattern->count : 1);
    rgi_emit_head(e, f, false, true);
    rgi_c_put(&e->text, ";\n");
}

static void declare_all(rgi_emitter *e)
{
    for (int i = 0; i < RGI_EMIT_FUNCTIONS; i++) {
        const rgi_emit_function *f = &rgi_emit_file_functions[i];
        if (e->single[i].part && rgi_emit_is_matrix(f)) {
            declare_matrix(e, f);
        } else if (e->single[i].part) {
            put_comment(e, f, "");
            rgi_emit_head(e, f, false, false);
            rgi_c_put(&e->text, ";\n");
        }
        if (!e->batch[i].part)
            continue;
        rgi_c_print(&e->text, "\n/* NAME_%s for each of `count` evaluations. */\n", f->name);
        rgi_emit_head(e, f, true, false);
        rgi_c_put(&e->text, ";\n");
    }
}

static void put_uniform(rgi_emitter *e)
{
    const unsigned char *uniform = e->batch[0].part->uniform;
    unsigned count = 0, put = 0;
    for (unsigned i = 0; i < e->inputs; i++)
        count += uniform[i];
    if (count == 0)
        return;
    rgi_c_put(&e->text, " * Uniform inputs, for which a batch takes one number and gives the sum "
                        "of the derivatives:\n *");
    for (unsigned i = 0; i < e->inputs; i++) {
        if (!uniform[i])
            continue;
        unsigned end = i + 1;
        while (end < e->inputs && uniform[end])
            end++;
        if (put++ % 8 == 7)
            rgi_c_put(&e->text, "\n *");
        rgi_c_print(&e->text, end - i > 1 ? " x[%u..%u]" : " x[%u]", i, end - 1);
        i = end - 1;
    }
    rgi_c_put(&e->text, ".\n");
}

static void put_introduction(rgi_emitter *e)
{
    rgi_c_print(&e->text,
                "/*\n * Written by reelgrad from a compiled program with %u input%s and %u "
                "output%s; not meant to be edited.\n *\n * Arguments must not overlap. `work` is "
                "memory for NAME_WORK numbers",
                e->inputs, e->inputs == 1 ? "" : "s", e->outputs, e->outputs == 1 ? "" : "s");
    if (e->options->batch)
        rgi_c_put(&e->text, ", in functions for batches\n * for NAME_BATCH_WORK");
    rgi_c_put(&e->text, "; functions called at the same time need\n * memory of their own.\n");
    if (e->options->batch) {
        rgi_c_put(&e->text,
                  " *\n * Batches: each list holds a pointer for every number above, to `count` "
                  "numbers. Outputs and lists\n * of outputs may be NULL where they are not "
                  "wanted.\n");
        put_uniform(e);
    }
    rgi_c_put(&e->text, " */\n");
}

static void put_declarations(rgi_emitter *e)
{
    put_introduction(e);
    rgi_c_put(&e->text, "#ifndef NAME_H\n#define NAME_H\n\n#include <stddef.h>\n\n");
    if (e->options->header)
        rgi_c_put(&e->text, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    rgi_c_print(&e->text, "enum { NAME_INPUTS = %u, NAME_OUTPUTS = %u, NAME_WORK = %zu", e->inputs,
                e->outputs, largest(e->single));
    if (e->options->batch)
        rgi_c_print(&e->text, ", NAME_BATCH_WORK = %zu", largest(e->batch));
    rgi_c_put(&e->text, " };\n");
    declare_all(e);
    if (e->options->header)
        rgi_c_put(&e->text, "\n#ifdef __cplusplus\n}\n#endif\n");
    rgi_c_put(&e->text, "\n#endif\n");
}

/* ---- what the functions need ---- */

static void find_loop_needs(rgi_emitter *e, const rgi_emit_part *p)
{
    for (uint32_t r = 0; r < p->roll_count; r++) {
        const rgi_emit_roll *roll = &p->rolls[r];
        rgi_c_need(&e->text, "NAME_lanes NAME_lanes_put NAME_NEXT");
        for (uint32_t k = 0; k < roll->size; k++) {
            int operation = p->part->graph.nodes[roll->elements[k].node].operation;
            if (roll->elements[k].fixed)
                continue;
            if (operation == RGI_GRAPH_INPUT)
                rgi_c_need(&e->text,
                           roll->elements[k].stride == 1 ? "NAME_lanes_at" : "NAME_lanes_strided");
            else
                rgi_c_need_operation(&e->text, operation, true);
        }
    }
}

static void find_needs(rgi_emitter *e, const rgi_emit_part *p)
{
    const rgi_graph *graph = &p->part->graph;
    find_loop_needs(e, p);
    for (uint32_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].operation > RGI_GRAPH_SUM && p->nodes[i].alive)
            rgi_c_need_operation(&e->text, graph->nodes[i].operation,
                                 p->form != RGI_EMIT_SCALAR && graph->nodes[i].stage == RGI_EACH);
    if (p->form == RGI_EMIT_SCALAR && p->chunk_count == 1)
        return;
    rgi_c_need(&e->text, "NAME_NOINLINE");
    if (p->form == RGI_EMIT_SCALAR)
        return;
    rgi_c_need(&e->text, "NAME_lanes NAME_lanes_all NAME_lanes_align");
    if (p->form == RGI_EMIT_BATCH)
        rgi_c_need(&e->text, "NAME_lanes_load NAME_lanes_store");
    if (p->sums)
        rgi_c_need(&e->text, "NAME_lanes_sum");
}

static void put_helpers(rgi_emitter *e)
{
    bool lanes = false;
    for (int i = 0; i < RGI_EMIT_FUNCTIONS; i++) {
        if (e->single[i].part)
            find_needs(e, &e->single[i]);
        if (e->batch[i].part)
            find_needs(e, &e->batch[i]);
        lanes |= e->batch[i].part ||
                 (e->single[i].part && rgi_emit_is_matrix(&rgi_emit_file_functions[i])) ||
                 e->single[i].roll_count;
    }
    rgi_c_put(&e->text, lanes ? "\n#include <math.h>\n#include <stdint.h>\n#include <string.h>\n"
                              : "\n#include <math.h>\n");
    rgi_c_put(&e->text, "\n#if !defined(__GNUC__) || defined(__clang__)\n"
                        "#pragma STDC FP_CONTRACT OFF\n#endif\n\n");
    rgi_c_pieces(&e->text);
}

/* ---- the entrance ---- */

static bool is_identifier(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    while (isalnum((unsigned char)*name) || *name == '_')
        name++;
    return *name == '\0';
}

static rg_status fail(rg_error *error, rg_status status, const char *sentence)
{
    rgi_set_error(error, status, "rg_program_write_c: %s", sentence);
    return status;
}

static rg_status write_all(rgi_emitter *e, rg_error *error)
{
    const rgi_part *value = rgi_program_part(e->program, RGI_PART_VALUE);
    e->inputs = value->inputs;
    e->outputs = value->outputs;
    if (!plan_all(e))
        return fail(error, RG_ERROR_MEMORY, "there is no memory");
    put_declarations(e);
    if (!e->options->header) {
        e->restricted = "restrict ";
        put_helpers(e);
        rgi_emit_bodies(e);
    }
    if (fflush(e->text.stream) != 0 || ferror(e->text.stream))
        return fail(error, RG_ERROR_IO, "the stream did not take everything");
    return RG_OK;
}

rg_status rg_program_write_c(const rg_program *program, FILE *stream,
                             const rg_emit_options *options, rg_error *error)
{
    if (!program || !stream || !options || !options->name)
        return fail(error, RG_ERROR_ARGUMENT, "program, stream, options and name are needed");
    if (!is_identifier(options->name))
        return fail(error, RG_ERROR_ARGUMENT, "the name is no C identifier");
    if (options->statements < 0)
        return fail(error, RG_ERROR_ARGUMENT, "a function cannot have fewer than 0 statements");
    rgi_emitter e = {.program = program, .options = options};
    e.text.stream = stream;
    e.text.name = options->name;
    e.restricted = "";
    rg_status status = write_all(&e, error);
    forget_all(&e);
    return status;
}
