/*
 * emit.c: the C file of a program: what it declares, the helpers it needs, and the functions around
 * the statements of each part (emit_part.c).
 */
#include "emit.h"

#include <ctype.h>
#include <string.h>

#include "compiled.h"
#include "emit_part.h"

enum { USUAL_STATEMENTS = 400, MOST_LANES = 8 };

/* A function of the file as its callers know it. */
typedef struct function {
    int part;
    const char *name, *direction, *value, *derivative;
    const char *comment;
} function;

static const function functions[] = {
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
enum { FUNCTIONS = sizeof functions / sizeof *functions };

typedef struct emitter {
    const rg_program *program;
    const rg_emit_options *options;
    rgi_c_text text;
    rgi_emit_part single[FUNCTIONS], batch[FUNCTIONS]; /* `part` is NULL where there is none */
    const char *restricted; /* "restrict " in definitions, which C++ does not read */
    unsigned inputs, outputs;
} emitter;

static bool is_matrix(const function *f)
{
    return f->part == RGI_PART_JACOBIAN || f->part == RGI_PART_HESSIAN;
}

static const rgi_sparse *sparse_of(const emitter *e, const function *f)
{
    return f->part == RGI_PART_JACOBIAN ? &e->program->jacobian : &e->program->hessian;
}

/* ---- planning ---- */

static const char *const batch_names[FUNCTIONS] = {"value_batch", "gradient_batch", "jvp_batch",
                                                   "vjp_batch",   "hvp_batch",      NULL,
                                                   NULL,          "check_batch"};

static bool plan_form(emitter *e, int index, rgi_emit_form form)
{
    const function *f = &functions[index];
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

static bool plan_all(emitter *e)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        if (!rgi_program_part(e->program, functions[i].part))
            continue;
        if (!plan_form(e, i, is_matrix(&functions[i]) ? RGI_EMIT_MATRIX : RGI_EMIT_SCALAR))
            return false;
        if (e->options->batch && batch_names[i] && !plan_form(e, i, RGI_EMIT_BATCH))
            return false;
    }
    return true;
}

static void forget_all(emitter *e)
{
    for (int i = 0; i < FUNCTIONS; i++) {
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
    for (int i = 0; i < FUNCTIONS; i++)
        if (parts[i].part && work_size(&parts[i]) > size)
            size = work_size(&parts[i]);
    return size;
}

/* ---- declarations ---- */

static void put_list(emitter *e, const char *name, bool batch, bool output)
{
    if (name)
        rgi_c_print(&e->text, batch ? "%sdouble *const *%s, " : "%sdouble *%s%s, ",
                    output ? "" : "const ", batch ? name : e->restricted, name);
}

static void put_head(emitter *e, const function *f, bool batch, bool sparse)
{
    rgi_c_print(&e->text, "void NAME_%s%s%s(%s", sparse ? "sparse_" : "", f->name,
                batch ? "_batch" : "", batch ? "size_t count, " : "");
    put_list(e, "x", batch, false);
    if (!is_matrix(f))
        put_list(e, f->direction, batch, false);
    put_list(e, f->value, batch, true);
    if (!is_matrix(f))
        put_list(e, f->derivative, batch, true);
    else
        put_list(e, sparse ? "values" : f->part == RGI_PART_JACOBIAN ? "j" : "h", batch, true);
    rgi_c_print(&e->text, "double *%swork)", batch ? "" : e->restricted);
}

static void put_comment(emitter *e, const function *f, const char *more)
{
    unsigned outputs = f->part == RGI_PART_CHECK ? 1 : e->outputs;
    rgi_c_print(&e->text, "\n/* %s\n * x holds %u number%s", f->comment, e->inputs,
                e->inputs == 1 ? "" : "s");
    if (f->value)
        rgi_c_print(&e->text, ", %s %u%s", f->value, outputs,
                    f->derivative ? " (NULL: not wanted)" : "");
    if (f->direction && !is_matrix(f))
        rgi_c_print(&e->text, ", %s %u", f->direction,
                    f->part == RGI_PART_VJP ? e->outputs : e->inputs);
    if (f->derivative && !is_matrix(f))
        rgi_c_print(&e->text, ", %s %u", f->derivative,
                    f->part == RGI_PART_JVP ? e->outputs : e->inputs);
    rgi_c_print(&e->text, "%s. */\n", more);
}

static void declare_matrix(emitter *e, const function *f)
{
    const rg_pattern *pattern = &sparse_of(e, f)->pattern;
    const char *matrix = f->part == RGI_PART_JACOBIAN ? "Jacobian" : "Hessian";
    char more[64];
    snprintf(more, sizeof more, ", the %s %zu x %zu", matrix, pattern->rows, pattern->columns);
    put_comment(e, f, more);
    put_head(e, f, false, false);
    rgi_c_print(&e->text,
                ";\n\n/* The same, but only the %zu entries that may be other than 0, row by row: "
                "those of row r are\n * values[k], in the columns NAME_%s_column[k], with "
                "NAME_%s_start[r] <= k < NAME_%s_start[r + 1]. */\n",
                pattern->count, f->name, f->name, f->name);
    rgi_c_print(&e->text,
                "extern const size_t NAME_%s_start[%zu];\nextern const size_t "
                "NAME_%s_column[%zu];\n",
                f->name, pattern->rows + 1, f->name, pattern->count ? pattern->count : 1);
    put_head(e, f, false, true);
    rgi_c_put(&e->text, ";\n");
}

static void declare_all(emitter *e)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        const function *f = &functions[i];
        if (e->single[i].part && is_matrix(f)) {
            declare_matrix(e, f);
        } else if (e->single[i].part) {
            put_comment(e, f, "");
            put_head(e, f, false, false);
            rgi_c_put(&e->text, ";\n");
        }
        if (!e->batch[i].part)
            continue;
        rgi_c_print(&e->text, "\n/* NAME_%s for each of `count` evaluations. */\n", f->name);
        put_head(e, f, true, false);
        rgi_c_put(&e->text, ";\n");
    }
}

static void put_uniform(emitter *e)
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

static void put_introduction(emitter *e)
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

static void put_declarations(emitter *e)
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

static void find_loop_needs(emitter *e, const rgi_emit_part *p)
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

static void find_needs(emitter *e, const rgi_emit_part *p)
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

static void put_helpers(emitter *e)
{
    bool lanes = false;
    for (int i = 0; i < FUNCTIONS; i++) {
        if (e->single[i].part)
            find_needs(e, &e->single[i]);
        if (e->batch[i].part)
            find_needs(e, &e->batch[i]);
        lanes |= e->batch[i].part || (e->single[i].part && is_matrix(&functions[i])) ||
                 e->single[i].roll_count;
    }
    rgi_c_put(&e->text, lanes ? "\n#include <math.h>\n#include <stdint.h>\n#include <string.h>\n"
                              : "\n#include <math.h>\n");
    rgi_c_put(&e->text, "\n#if !defined(__GNUC__) || defined(__clang__)\n"
                        "#pragma STDC FP_CONTRACT OFF\n#endif\n\n");
    rgi_c_pieces(&e->text);
}

/* ---- functions ---- */

static bool is_matrix_form(const rgi_emit_part *p)
{
    return p->form == RGI_EMIT_MATRIX;
}

static void put_unused(emitter *e, const rgi_emit_part *p, unsigned uses)
{
    if (!(uses >> RGI_EMIT_X & 1))
        rgi_c_put(&e->text, "    (void)x;\n");
    if (p->direction && !is_matrix_form(p) && !(uses >> RGI_EMIT_DIRECTION & 1))
        rgi_c_print(&e->text, "    (void)%s;\n", p->direction);
    if (p->derivative && !is_matrix_form(p) && !(uses >> RGI_EMIT_DERIVATIVE & 1))
        rgi_c_print(&e->text, "    (void)%s;\n", p->derivative);
    if (!(uses >> RGI_EMIT_WORK & 1))
        rgi_c_put(&e->text, "    (void)work;\n");
}

/* One chunk stands in the function itself. */
static void put_single(emitter *e, const function *f, rgi_emit_part *p)
{
    unsigned uses = 0;
    if (p->chunk_count > 1) {
        rgi_emit_functions(p);
    } else {
        rgi_emit_find_uses(p, 0);
    }
    for (uint32_t c = 0; c < p->chunk_count; c++)
        uses |= p->chunks[c].uses;
    put_head(e, f, false, false);
    rgi_c_put(&e->text, "\n{\n");
    put_unused(e, p, uses);
    if (p->chunk_count > 1)
        rgi_emit_calls(p, RGI_EACH, "    ");
    else
        rgi_emit_statements(p, 0);
    rgi_c_put(&e->text, "}\n\n");
}

/* The places of the vectors behind the numbers of work. */
static void put_places(emitter *e, const rgi_emit_part *p)
{
    uint32_t blocks = rgi_emit_blocks(p);
    if (p->sums)
        rgi_c_print(&e->text, "    double *const total = work + %u;\n", p->work);
    rgi_c_print(&e->text, "    NAME_lanes *const %s = NAME_lanes_align(work + %u);\n",
                p->sums ? "sum" : "in", p->work + p->sums);
    if (p->sums)
        rgi_c_print(&e->text, "    NAME_lanes *const in = sum + %u;\n", p->sums);
    if (p->out)
        rgi_c_print(&e->text, "    NAME_lanes *const out = in + %u;\n", blocks * p->in);
    if (p->slots)
        rgi_c_print(&e->text, "    NAME_lanes *const slots = in + %u;\n",
                    blocks * (p->in + p->out));
    if (!p->in && !p->out && !p->slots)
        rgi_c_put(&e->text, "    (void)in;\n");
}

static void put_clear(emitter *e, const rgi_emit_part *p, const char *indent, bool totals)
{
    rgi_c_print(&e->text, "%sfor (size_t i = 0; i < %u; i++)\n%s    ", indent, p->sums, indent);
    rgi_c_put(&e->text, totals ? "total[i] = 0.0, sum[i] = NAME_lanes_all(0.0);\n"
                               : "sum[i] = NAME_lanes_all(0.0);\n");
}

/* An array of those i for which varies(p, first + i); returns how many there are. */
static unsigned put_varying(emitter *e, const rgi_emit_part *p, const char *name, uint32_t first,
                            uint32_t end, bool varies(const rgi_emit_part *, uint32_t))
{
    unsigned count = 0;
    for (uint32_t i = first; name && i < end; i++) {
        if (!varies(p, i))
            continue;
        if (count == 0)
            rgi_c_print(&e->text, "    static const size_t varying_%s[] = {", name);
        rgi_c_print(&e->text, count % 16 ? " %u," : "\n        %u,", i - first);
        count++;
    }
    if (count)
        rgi_c_put(&e->text, "\n    };\n");
    return count;
}

static bool input_varies(const rgi_emit_part *p, uint32_t index)
{
    return !p->part->uniform[index];
}

static void put_transfer(emitter *e, const rgi_emit_part *p, bool load, unsigned count,
                         const char *name, uint32_t place)
{
    if (count == 0)
        return;
    rgi_c_print(&e->text, "        NAME_lanes_%s(%u, varying_%s, %s, at, here, %s + %u, %u);\n",
                load ? "load" : "store", count, name, name, load ? "in" : "out", place,
                load ? p->in : p->out);
}

/* Evaluations are done in rounds of some blocks; those that do not fill a block in a last round of
 * their own, for the sums' sake. */
static void put_rounds(emitter *e, rgi_emit_part *p, const unsigned counts[4])
{
    rgi_c_print(&e->text,
                "    for (size_t at = 0, here; at < count; at += here) {\n"
                "        here = count - at;\n"
                "        size_t blocks = here / NAME_LANES;\n"
                "        if (blocks > %u)\n"
                "            blocks = %u;\n"
                "        if (blocks > 0) {\n"
                "            here = blocks * NAME_LANES;\n"
                "        } else {\n"
                "            blocks = 1;\n",
                rgi_emit_blocks(p), rgi_emit_blocks(p));
    if (p->sums) {
        rgi_c_print(&e->text, "            NAME_lanes_sum(%u, sum, NAME_LANES, total);\n", p->sums);
        put_clear(e, p, "            ", false);
    }
    rgi_c_put(&e->text, "        }\n");
    put_transfer(e, p, true, counts[0], "x", 0);
    put_transfer(e, p, true, counts[1], p->direction, counts[0]);
    rgi_emit_calls(p, RGI_EACH, "        ");
    put_transfer(e, p, false, counts[2], p->value, 0);
    put_transfer(e, p, false, counts[3], p->derivative, counts[2]);
    rgi_c_put(&e->text, "    }\n");
    if (p->sums)
        rgi_c_print(&e->text,
                    "    NAME_lanes_sum(%u, sum, count %% NAME_LANES ? count %% NAME_LANES : "
                    "NAME_LANES, total);\n",
                    p->sums);
}

static void put_batch(emitter *e, const function *f, rgi_emit_part *p)
{
    uint32_t inputs = p->part->inputs, outputs = p->part->outputs;
    rgi_emit_functions(p);
    put_head(e, f, true, false);
    rgi_c_put(&e->text, "\n{\n");
    const unsigned counts[4] = {
        put_varying(e, p, "x", 0, p->directions, input_varies),
        put_varying(e, p, p->direction, p->directions, inputs, input_varies),
        put_varying(e, p, p->value, 0, p->value_count, rgi_emit_output_varies),
        put_varying(e, p, p->derivative, p->value_count, outputs, rgi_emit_output_varies)};
    put_places(e, p);
    unsigned used = 1u << RGI_EMIT_WORK | (counts[0] ? 1u << RGI_EMIT_X : 0) |
                    (counts[1] ? 1u << RGI_EMIT_DIRECTION : 0) |
                    (counts[3] ? 1u << RGI_EMIT_DERIVATIVE : 0);
    for (uint32_t c = 0; c < p->chunk_count; c++)
        used |= p->chunks[c].uses;
    put_unused(e, p, used);
    rgi_emit_calls(p, RGI_BEFORE, "    ");
    if (p->sums)
        put_clear(e, p, "    ", true);
    put_rounds(e, p, counts);
    rgi_emit_calls(p, RGI_AFTER, "    ");
    rgi_c_put(&e->text, "}\n\n");
}

/* ---- matrices ---- */

/* An array of constants; of count 0, one that nobody looks at. */
static void open_numbers(emitter *e, const char *type, const function *f, const char *what,
                         size_t count)
{
    rgi_c_print(&e->text, "%s NAME_%s_%s[%zu] = {%s", type, f->name, what, count ? count : 1,
                count ? "" : "0");
}

static void put_number(emitter *e, size_t place, size_t number)
{
    rgi_c_print(&e->text, place % 16 ? " %zu," : "\n    %zu,", number);
}

static void put_sizes(emitter *e, const function *f, const char *what, size_t count,
                      const size_t *numbers)
{
    open_numbers(e, "const size_t", f, what, count);
    for (size_t i = 0; i < count; i++)
        put_number(e, i, numbers[i]);
    rgi_c_put(&e->text, "\n};\n");
}

static void put_indices(emitter *e, const function *f, const char *what, size_t count,
                        const uint32_t *numbers)
{
    open_numbers(e, "static const unsigned", f, what, count);
    for (size_t i = 0; i < count; i++)
        put_number(e, i, numbers[i]);
    rgi_c_put(&e->text, "\n};\n");
}

/* The entries in j or h hold the first numbers; from the last to the first they move to their
 * place, and what is between them becomes 0. */
static void put_dense(emitter *e, const function *f, const rg_pattern *pattern)
{
    const char *matrix = f->part == RGI_PART_JACOBIAN ? "j" : "h";
    put_head(e, f, false, false);
    rgi_c_print(&e->text, "\n{\n    NAME_sparse_%s(x, %s%s, work);\n", f->name,
                f->value ? "y, " : "", matrix);
    rgi_c_print(&e->text,
                "    size_t place = (size_t)%zu * %zu, k = %zu;\n"
                "    for (size_t row = %zu; row-- > 0;)\n"
                "        for (size_t column = %zu; column-- > 0;) {\n"
                "            place--;\n"
                "            if (k > NAME_%s_start[row] && NAME_%s_column[k - 1] == column)\n"
                "                %s[place] = %s[--k];\n"
                "            else\n"
                "                %s[place] = 0.0;\n"
                "        }\n}\n\n",
                pattern->rows, pattern->columns, pattern->count, pattern->rows, pattern->columns,
                f->name, f->name, matrix, matrix, matrix);
}

/* One round: some groups of directions, one in each lane. */
static void put_seeds(emitter *e, const function *f, const rgi_emit_part *p)
{
    rgi_c_print(
        &e->text,
        "        for (size_t block = 0; block < blocks; block++)\n"
        "            for (size_t i = 0; i < %u; i++) {\n"
        "                const size_t lane = NAME_%s_group[i] - first - block * NAME_LANES;\n"
        "                double seed[NAME_LANES] = {0.0};\n"
        "                if (lane < NAME_LANES)\n"
        "                    seed[lane] = 1.0;\n"
        "                memcpy(&in[block * %u + i], seed, sizeof seed);\n"
        "            }\n",
        p->in, f->name, p->in);
}

/* Nothing depends on the inputs. */
static void put_empty(emitter *e, const function *f, rgi_emit_part *p)
{
    unsigned used = 0;
    for (uint32_t c = 0; c < p->section_end[RGI_BEFORE]; c++)
        used |= p->chunks[c].uses;
    put_head(e, f, false, true);
    rgi_c_put(&e->text, "\n{\n");
    put_unused(e, p, used);
    rgi_c_put(&e->text, "    (void)values;\n");
    rgi_emit_calls(p, RGI_BEFORE, "    ");
    rgi_c_put(&e->text, "}\n\n");
}

static void put_sparse(emitter *e, const function *f, rgi_emit_part *p, const rg_pattern *pattern)
{
    put_head(e, f, false, true);
    rgi_c_put(&e->text, "\n{\n");
    put_places(e, p);
    put_unused(e, p, p->section_end[RGI_BEFORE] ? ~0u : ~(1u << RGI_EMIT_X));
    rgi_emit_calls(p, RGI_BEFORE, "    ");
    rgi_c_print(&e->text,
                "    for (size_t first = 0, blocks; first < %zu; first += blocks * NAME_LANES) {\n"
                "        blocks = (%zu - first + NAME_LANES - 1) / NAME_LANES;\n"
                "        if (blocks > %u)\n"
                "            blocks = %u;\n",
                pattern->groups, pattern->groups, rgi_emit_blocks(p), rgi_emit_blocks(p));
    put_seeds(e, f, p);
    rgi_emit_calls(p, RGI_EACH, "        ");
    rgi_c_print(&e->text,
                "        for (size_t k = 0; k < %zu; k++) {\n"
                "            const size_t lane = NAME_%s_group_of[k] - first;\n"
                "            double part[NAME_LANES];\n"
                "            if (lane >= blocks * NAME_LANES)\n"
                "                continue;\n"
                "            memcpy(part, &out[lane / NAME_LANES * %u + NAME_%s_place[k]], "
                "sizeof part);\n"
                "            values[k] = part[lane %% NAME_LANES];\n"
                "        }\n    }\n}\n\n",
                pattern->count, f->name, p->out, f->name);
}

static void put_matrix(emitter *e, const function *f, rgi_emit_part *p)
{
    const rgi_sparse *sparse = sparse_of(e, f);
    const rg_pattern *pattern = &sparse->pattern;
    if (pattern->count == 0)
        p->chunk_count = p->section_end[RGI_BEFORE]; /* there are no products to calculate */
    rgi_emit_functions(p);
    put_sizes(e, f, "start", pattern->rows + 1, pattern->start);
    put_sizes(e, f, "column", pattern->count, pattern->column);
    if (pattern->count == 0) {
        rgi_c_put(&e->text, "\n");
        put_empty(e, f, p);
        put_dense(e, f, pattern);
        return;
    }
    rgi_c_put(&e->text, "/* Which directions are found together; which of these groups holds an "
                        "entry, and where. */\n");
    put_indices(e, f, "group", p->part->inputs - p->directions, sparse->group);
    put_indices(e, f, "group_of", pattern->count, sparse->direction);
    put_indices(e, f, "place", pattern->count, sparse->place);
    rgi_c_put(&e->text, "\n");
    put_sparse(e, f, p, pattern);
    put_dense(e, f, pattern);
}

static void put_functions(emitter *e)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        if (e->single[i].part && is_matrix(&functions[i]))
            put_matrix(e, &functions[i], &e->single[i]);
        else if (e->single[i].part)
            put_single(e, &functions[i], &e->single[i]);
        if (e->batch[i].part)
            put_batch(e, &functions[i], &e->batch[i]);
    }
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

static rg_status write_all(emitter *e, rg_error *error)
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
        put_functions(e);
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
    emitter e = {.program = program, .options = options};
    e.text.stream = stream;
    e.text.name = options->name;
    e.restricted = "";
    rg_status status = write_all(&e, error);
    forget_all(&e);
    return status;
}
