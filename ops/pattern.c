/* pattern.c: see pattern.h. */
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

static rg_status fail_memory(rg_error *error)
{
    rgi_set_error(error, RG_ERROR_MEMORY, "program: there is no memory for a pattern");
    return RG_ERROR_MEMORY;
}

static size_t lines_of(const rgi_sparse *sparse)
{
    return sparse->by_rows ? sparse->pattern.rows : sparse->pattern.columns;
}

void rgi_sparse_free(rgi_sparse *sparse)
{
    const rg_allocator *allocator = sparse->allocator;
    const rg_pattern *pattern = &sparse->pattern;
    rgi_free(allocator, sparse->start, (pattern->rows + 1) * sizeof *sparse->start);
    rgi_free(allocator, sparse->column, (pattern->count + 1) * sizeof *sparse->column);
    rgi_free(allocator, sparse->group, lines_of(sparse) * sizeof *sparse->group);
    rgi_free(allocator, sparse->direction, 2 * (pattern->count + 1) * sizeof *sparse->direction);
    memset(sparse, 0, sizeof *sparse);
}

/* ---- the pattern ---- */

/* The search, without recursion, for the inputs that an output depends on. */
typedef struct search {
    const rgi_graph *graph;
    uint32_t *seen; /* for each node: the last row that reached it, + 1 */
    uint32_t *stack;
    uint32_t depth;
    size_t *column; /* found so far */
    size_t count, room;
} search;

/* Which operands derivatives flow to: bit k for operand k. */
static unsigned active_operands(int operation)
{
    switch (operation) {
    case RGI_GRAPH_CONSTANT:
    case RGI_GRAPH_INPUT:
#define CASE(name, ...) case RGI_GRAPH_##name:
        RGI_STEP_ROWS(CASE)
        RGI_ALL_COMPARE_ROWS(CASE)
#undef CASE
        return 0;
    case RGI_GRAPH_WHERE: return 2 | 4;
    default: return (1u << rgi_graph_operation(operation)->arity) - 1;
    }
}

static void visit(search *s, uint32_t node, uint32_t row)
{
    if (s->seen[node] == row + 1)
        return;
    s->seen[node] = row + 1;
    s->stack[s->depth++] = node;
}

static bool append_column(search *s, const rgi_sparse *sparse, size_t column)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        size_t *moved =
            rgi_resize(sparse->allocator, s->column, s->room * sizeof *moved, room * sizeof *moved);
        if (!moved)
            return false;
        s->column = moved;
        s->room = room;
    }
    s->column[s->count++] = column;
    return true;
}

static int compare_columns(const void *a, const void *b)
{
    size_t first = *(const size_t *)a, second = *(const size_t *)b;
    return (first > second) - (first < second);
}

static bool search_row(search *s, const rgi_sparse *sparse, uint32_t root, uint32_t row)
{
    size_t begin = s->count;
    visit(s, root, row);
    while (s->depth > 0) {
        const rgi_graph_node *node = &s->graph->nodes[s->stack[--s->depth]];
        unsigned active = active_operands(node->operation);
        if (node->operation == RGI_GRAPH_INPUT && node->in[0] < sparse->pattern.columns &&
            !append_column(s, sparse, node->in[0]))
            return false;
        for (int k = 0; k < 3; k++)
            if (active >> k & 1)
                visit(s, node->in[k], row);
    }
    if (s->count > begin)
        qsort(s->column + begin, s->count - begin, sizeof *s->column, compare_columns);
    return true;
}

/* Takes the columns found, in a block of their size. */
static rg_status keep_columns(rgi_sparse *sparse, search *s, rg_error *error)
{
    size_t *column = rgi_alloc(sparse->allocator, (s->count + 1) * sizeof *column);
    if (!column)
        return fail_memory(error);
    if (s->count > 0)
        memcpy(column, s->column, s->count * sizeof *column);
    sparse->column = column;
    sparse->pattern.column = column;
    sparse->pattern.count = s->count;
    return RG_OK;
}

rg_status rgi_sparse_find(rgi_sparse *sparse, const rgi_part *f, uint32_t first, uint32_t rows,
                          uint32_t columns, rg_error *error)
{
    const rg_allocator *allocator = f->graph.allocator;
    const size_t bytes = 2 * (size_t)f->graph.count * sizeof(uint32_t);
    *sparse = (rgi_sparse){.allocator = allocator, .pattern = {.rows = rows, .columns = columns}};
    sparse->start = rgi_alloc(allocator, ((size_t)rows + 1) * sizeof *sparse->start);
    sparse->pattern.start = sparse->start;
    search s = {.graph = &f->graph, .seen = rgi_alloc(allocator, bytes)};
    if (!sparse->start || !s.seen) {
        rgi_free(allocator, s.seen, bytes);
        return fail_memory(error);
    }
    memset(s.seen, 0, bytes);
    s.stack = s.seen + f->graph.count;
    bool done = true;
    for (uint32_t i = 0; i < rows && done; i++) {
        sparse->start[i] = s.count;
        done = search_row(&s, sparse, f->output[first + i], i);
    }
    sparse->start[rows] = s.count;
    rg_status status = done ? keep_columns(sparse, &s, error) : fail_memory(error);
    rgi_free(allocator, s.seen, bytes);
    rgi_free(allocator, s.column, s.room * sizeof *s.column);
    return status;
}

/* ---- transposing ---- */

/* The same pattern by columns: the rows of column j are row[start[j]] .. */
typedef struct transpose {
    size_t *start, *row;
} transpose;

static size_t transpose_bytes(const rg_pattern *pattern)
{
    return (pattern->columns + 2 + pattern->count) * sizeof(size_t);
}

static bool make_transpose(const rgi_sparse *sparse, transpose *t)
{
    const rg_pattern *pattern = &sparse->pattern;
    t->start = rgi_alloc(sparse->allocator, transpose_bytes(pattern));
    if (!t->start)
        return false;
    t->row = t->start + pattern->columns + 2;
    memset(t->start, 0, (pattern->columns + 2) * sizeof *t->start);
    /* start[j + 1] is where the next row of column j goes; in the end where column j + 1 begins. */
    for (size_t k = 0; k < pattern->count; k++)
        t->start[pattern->column[k] + 2]++;
    for (size_t j = 2; j < pattern->columns + 2; j++)
        t->start[j] += t->start[j - 1];
    for (size_t i = 0; i < pattern->rows; i++)
        for (size_t k = pattern->start[i]; k < pattern->start[i + 1]; k++)
            t->row[t->start[pattern->column[k] + 1]++] = i;
    return true;
}

/* Merges the sorted lists a and b into `to` (NULL: only counts). */
static size_t merge(const size_t *a, const size_t *a_end, const size_t *b, const size_t *b_end,
                    size_t *to)
{
    size_t count = 0;
    while (a < a_end || b < b_end) {
        size_t next = b == b_end || (a < a_end && *a <= *b) ? *a : *b;
        if (a < a_end && *a == next)
            a++;
        if (b < b_end && *b == next)
            b++;
        if (to)
            to[count] = next;
        count++;
    }
    return count;
}

rg_status rgi_sparse_symmetrize(rgi_sparse *sparse, rg_error *error)
{
    const rg_allocator *allocator = sparse->allocator;
    const size_t n = sparse->pattern.rows, old = sparse->pattern.count;
    transpose t;
    if (!make_transpose(sparse, &t))
        return fail_memory(error);
    const size_t bytes = transpose_bytes(&sparse->pattern);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += merge(sparse->column + sparse->start[i], sparse->column + sparse->start[i + 1],
                       t.row + t.start[i], t.row + t.start[i + 1], NULL);
    size_t *column = rgi_alloc(allocator, (count + 1) * sizeof *column);
    if (column) {
        size_t done = 0;
        for (size_t i = 0; i < n; i++) {
            size_t begin = done;
            done += merge(sparse->column + sparse->start[i], sparse->column + sparse->start[i + 1],
                          t.row + t.start[i], t.row + t.start[i + 1], column + done);
            sparse->start[i] = begin;
        }
        sparse->start[n] = done;
        rgi_free(allocator, sparse->column, (old + 1) * sizeof *column);
        sparse->column = column;
        sparse->pattern.column = column;
        sparse->pattern.count = count;
    }
    rgi_free(allocator, t.start, bytes);
    return column ? RG_OK : fail_memory(error);
}

/* ---- groups ---- */

/* Lines (columns or rows) and what they cross (rows or columns), each with the list of the others.
 */
typedef struct lattice {
    size_t lines, crossings;
    const size_t *line_start, *line; /* the crossings of each line */
    const size_t *cross_start, *cross;
} lattice;

/* No fewer groups will do than lines meet at one crossing. */
static size_t fewest_groups(const lattice *l)
{
    size_t most = 1;
    for (size_t i = 0; i < l->crossings; i++)
        if (l->cross_start[i + 1] - l->cross_start[i] > most)
            most = l->cross_start[i + 1] - l->cross_start[i];
    return most;
}

/* The first group that line j is not kept out of. */
static uint32_t first_free(const uint32_t *taken, size_t j)
{
    uint32_t group = 0;
    while (taken[group] == j + 1)
        group++;
    return group;
}

/* Puts each line, in order, into the first group that has none it meets; the number of groups.
 * `taken` has lines + 1 entries. */
static size_t group_lines(const lattice *l, uint32_t *group, uint32_t *taken)
{
    size_t groups = 0;
    memset(taken, 0, (l->lines + 1) * sizeof *taken);
    for (size_t j = 0; j < l->lines; j++) {
        for (size_t k = l->line_start[j]; k < l->line_start[j + 1]; k++) {
            const size_t *other = l->cross + l->cross_start[l->line[k]];
            for (; *other < j; other++)
                taken[group[*other]] = (uint32_t)j + 1;
        }
        group[j] = first_free(taken, j);
        groups = group[j] + (size_t)1 > groups ? group[j] + (size_t)1 : groups;
    }
    return groups;
}

static bool allocate_places(rgi_sparse *sparse)
{
    const size_t count = sparse->pattern.count + 1;
    sparse->direction = rgi_alloc(sparse->allocator, 2 * count * sizeof *sparse->direction);
    if (!sparse->direction)
        return false;
    sparse->place = sparse->direction + count;
    return true;
}

static void find_places(rgi_sparse *sparse)
{
    for (size_t i = 0; i < sparse->pattern.rows; i++)
        for (size_t k = sparse->start[i]; k < sparse->start[i + 1]; k++) {
            size_t j = sparse->column[k];
            sparse->direction[k] = sparse->group[sparse->by_rows ? i : j];
            sparse->place[k] = (uint32_t)(sparse->by_rows ? j : i);
        }
}

/* Groups by the way with the lower bound, and by the other too if that may do better. */
static void group_better(rgi_sparse *sparse, const transpose *t, uint32_t *group[2],
                         uint32_t *taken)
{
    const rg_pattern *p = &sparse->pattern;
    const lattice ways[2] = {
        {p->columns, p->rows, t->start, t->row, p->start, p->column},
        {p->rows, p->columns, p->start, p->column, t->start, t->row},
    };
    const size_t bound[2] = {fewest_groups(&ways[0]), fewest_groups(&ways[1])};
    int way = bound[1] < bound[0];
    size_t groups = group_lines(&ways[way], group[way], taken);
    if (groups > bound[1 - way]) {
        size_t others = group_lines(&ways[1 - way], group[1 - way], taken);
        if (others < groups) {
            groups = others;
            way = 1 - way;
        }
    }
    sparse->by_rows = way == 1;
    sparse->group_count = sparse->pattern.groups = groups;
}

rg_status rgi_sparse_group(rgi_sparse *sparse, rg_error *error)
{
    const rg_allocator *allocator = sparse->allocator;
    const size_t rows = sparse->pattern.rows, columns = sparse->pattern.columns;
    const size_t bytes = (rows > columns ? rows + 1 : columns + 1) * sizeof(uint32_t);
    transpose t = {NULL, NULL};
    uint32_t *group[2] = {rgi_alloc(allocator, columns * sizeof(uint32_t)),
                          rgi_alloc(allocator, rows * sizeof(uint32_t))};
    uint32_t *taken = rgi_alloc(allocator, bytes);
    bool done =
        group[0] && group[1] && taken && allocate_places(sparse) && make_transpose(sparse, &t);
    if (done) {
        group_better(sparse, &t, group, taken);
        sparse->group = group[sparse->by_rows];
        group[sparse->by_rows] = NULL;
        find_places(sparse);
    }
    rgi_free(allocator, group[0], columns * sizeof(uint32_t));
    rgi_free(allocator, group[1], rows * sizeof(uint32_t));
    rgi_free(allocator, taken, bytes);
    rgi_free(allocator, t.start, transpose_bytes(&sparse->pattern));
    return done ? RG_OK : fail_memory(error);
}

/* ---- groups of a symmetric matrix ---- */

#define NO_GROUP UINT32_MAX

/* Keeps v out of the groups of its neighbours, and of their neighbours: unless the one between has
 * a lower group than the other has. So of two in one group that meet at a third, the third has the
 * lower group, and an entry stands alone in the product of its lower end, at its higher end. */
static void take_groups(const rgi_sparse *s, size_t v, const uint32_t *group, uint32_t *taken)
{
    for (size_t k = s->start[v]; k < s->start[v + 1]; k++) {
        size_t w = s->column[k];
        if (w == v)
            continue;
        if (group[w] != NO_GROUP)
            taken[group[w]] = (uint32_t)v + 1;
        if (group[w] == 0)
            continue;
        for (size_t e = s->start[w]; e < s->start[w + 1]; e++) {
            uint32_t other = group[s->column[e]];
            if (s->column[e] != w && other != NO_GROUP && other < group[w])
                taken[other] = (uint32_t)v + 1;
        }
    }
}

/* Vertices by falling degree: a hub, grouped early, gets a low group. */
static void order_by_degree(const rgi_sparse *s, uint32_t *order, uint32_t *begin)
{
    const size_t n = s->pattern.rows;
    memset(begin, 0, (n + 2) * sizeof *begin);
    for (size_t i = 0; i < n; i++)
        begin[n - (s->start[i + 1] - s->start[i]) + 1]++;
    for (size_t d = 1; d < n + 2; d++)
        begin[d] += begin[d - 1];
    for (size_t i = 0; i < n; i++)
        order[begin[n - (s->start[i + 1] - s->start[i])]++] = (uint32_t)i;
}

static void group_vertices(rgi_sparse *s, uint32_t *order, uint32_t *taken)
{
    const size_t n = s->pattern.rows;
    order_by_degree(s, order, taken);
    memset(taken, 0, (n + 2) * sizeof *taken);
    memset(s->group, 0xff, n * sizeof *s->group);
    s->group_count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t v = order[i];
        if (s->pattern.count < n * n)
            take_groups(s, v, s->group, taken);
        s->group[v] = s->pattern.count < n * n ? first_free(taken, v) : (uint32_t)i;
        if (s->group[v] >= s->group_count)
            s->group_count = s->group[v] + (size_t)1;
    }
    s->pattern.groups = s->group_count;
}

rg_status rgi_sparse_group_symmetric(rgi_sparse *sparse, rg_error *error)
{
    const rg_allocator *allocator = sparse->allocator;
    const size_t n = sparse->pattern.rows, bytes = 2 * (n + 2) * sizeof(uint32_t);
    uint32_t *order = rgi_alloc(allocator, bytes);
    sparse->group = rgi_alloc(allocator, n * sizeof *sparse->group);
    bool done = order && sparse->group && allocate_places(sparse);
    if (done) {
        group_vertices(sparse, order, order + n + 2);
        for (size_t i = 0; i < n; i++)
            for (size_t k = sparse->start[i]; k < sparse->start[i + 1]; k++) {
                size_t j = sparse->column[k];
                bool in_column = sparse->group[j] <= sparse->group[i];
                sparse->direction[k] = sparse->group[in_column ? j : i];
                sparse->place[k] = (uint32_t)(in_column ? i : j);
            }
    }
    rgi_free(allocator, order, bytes);
    return done ? RG_OK : fail_memory(error);
}
