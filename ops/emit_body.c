/* emit_body.c: the functions around the statements of each part. */
#include "emit_file.h"

/* ---- functions ---- */

static bool is_matrix_form(const rgi_emit_part *p)
{
    return p->form == RGI_EMIT_MATRIX;
}

static void put_unused(rgi_emitter *e, const rgi_emit_part *p, unsigned uses)
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
static void put_single(rgi_emitter *e, const rgi_emit_function *f, rgi_emit_part *p)
{
    unsigned uses = 0;
    if (p->chunk_count > 1) {
        rgi_emit_functions(p);
    } else {
        rgi_emit_find_uses(p, 0);
    }
    for (uint32_t c = 0; c < p->chunk_count; c++)
        uses |= p->chunks[c].uses;
    rgi_emit_head(e, f, false, false);
    rgi_c_put(&e->text, "\n{\n");
    put_unused(e, p, uses);
    if (p->chunk_count > 1)
        rgi_emit_calls(p, RGI_EACH, "    ");
    else
        rgi_emit_statements(p, 0);
    rgi_c_put(&e->text, "}\n\n");
}

/* The places of the vectors behind the numbers of work. */
static void put_places(rgi_emitter *e, const rgi_emit_part *p)
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

static void put_clear(rgi_emitter *e, const rgi_emit_part *p, const char *indent, bool totals)
{
    rgi_c_print(&e->text, "%sfor (size_t i = 0; i < %u; i++)\n%s    ", indent, p->sums, indent);
    rgi_c_put(&e->text, totals ? "total[i] = 0.0, sum[i] = NAME_lanes_all(0.0);\n"
                               : "sum[i] = NAME_lanes_all(0.0);\n");
}

/* An array of those i for which varies(p, first + i); returns how many there are. */
static unsigned put_varying(rgi_emitter *e, const rgi_emit_part *p, const char *name,
                            uint32_t first, uint32_t end,
                            bool varies(const rgi_emit_part *, uint32_t))
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

static void put_transfer(rgi_emitter *e, const rgi_emit_part *p, bool load, unsigned count,
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
static void put_rounds(rgi_emitter *e, rgi_emit_part *p, const unsigned counts[4])
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

static void put_batch(rgi_emitter *e, const rgi_emit_function *f, rgi_emit_part *p)
{
    uint32_t inputs = p->part->inputs, outputs = p->part->outputs;
    rgi_emit_functions(p);
    rgi_emit_head(e, f, true, false);
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
static void open_numbers(rgi_emitter *e, const char *type, const rgi_emit_function *f,
                         const char *what, size_t count)
{
    rgi_c_print(&e->text, "%s NAME_%s_%s[%zu] = {%s", type, f->name, what, count ? count : 1,
                count ? "" : "0");
}

static void put_number(rgi_emitter *e, size_t place, size_t number)
{
    rgi_c_print(&e->text, place % 16 ? " %zu," : "\n    %zu,", number);
}

static void put_sizes(rgi_emitter *e, const rgi_emit_function *f, const char *what, size_t count,
                      const size_t *numbers)
{
    open_numbers(e, "const size_t", f, what, count);
    for (size_t i = 0; i < count; i++)
        put_number(e, i, numbers[i]);
    rgi_c_put(&e->text, "\n};\n");
}

static void put_indices(rgi_emitter *e, const rgi_emit_function *f, const char *what, size_t count,
                        const uint32_t *numbers)
{
    open_numbers(e, "static const unsigned", f, what, count);
    for (size_t i = 0; i < count; i++)
        put_number(e, i, numbers[i]);
    rgi_c_put(&e->text, "\n};\n");
}

/* The entries in j or h hold the first numbers; from the last to the first they move to their
 * place, and what is between them becomes 0. */
static void put_dense(rgi_emitter *e, const rgi_emit_function *f, const rg_pattern *pattern)
{
    const char *matrix = f->part == RGI_PART_JACOBIAN ? "j" : "h";
    rgi_emit_head(e, f, false, false);
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
static void put_seeds(rgi_emitter *e, const rgi_emit_function *f, const rgi_emit_part *p)
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
static void put_empty(rgi_emitter *e, const rgi_emit_function *f, rgi_emit_part *p)
{
    unsigned used = 0;
    for (uint32_t c = 0; c < p->section_end[RGI_BEFORE]; c++)
        used |= p->chunks[c].uses;
    rgi_emit_head(e, f, false, true);
    rgi_c_put(&e->text, "\n{\n");
    put_unused(e, p, used);
    rgi_c_put(&e->text, "    (void)values;\n");
    rgi_emit_calls(p, RGI_BEFORE, "    ");
    rgi_c_put(&e->text, "}\n\n");
}

static void put_sparse(rgi_emitter *e, const rgi_emit_function *f, rgi_emit_part *p,
                       const rg_pattern *pattern)
{
    rgi_emit_head(e, f, false, true);
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

static void put_matrix(rgi_emitter *e, const rgi_emit_function *f, rgi_emit_part *p)
{
    const rgi_sparse *sparse = rgi_emit_sparse(e, f);
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

void rgi_emit_bodies(rgi_emitter *e)
{
    for (int i = 0; i < RGI_EMIT_FUNCTIONS; i++) {
        if (e->single[i].part && rgi_emit_is_matrix(&rgi_emit_file_functions[i]))
            put_matrix(e, &rgi_emit_file_functions[i], &e->single[i]);
        else if (e->single[i].part)
            put_single(e, &rgi_emit_file_functions[i], &e->single[i]);
        if (e->batch[i].part)
            put_batch(e, &rgi_emit_file_functions[i], &e->batch[i]);
    }
}
