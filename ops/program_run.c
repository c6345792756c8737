/* program_run.c: running programs: workspaces, single evaluations, batches, matrices. */
#include "compiled.h"

#include <string.h>

/* ---- workspaces ---- */

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Hands out pieces of a block; of none while their sizes are counted. */
typedef struct pieces {
    char *base;
    size_t used;
} pieces;

static void *take(pieces *p, size_t count, size_t width)
{
    void *piece = p->base ? p->base + p->used : NULL;
    p->used += (count * width + RGI_ALIGNMENT - 1) & ~(size_t)(RGI_ALIGNMENT - 1);
    return piece;
}

/* How many directions of a matrix are evaluated at once. */
static size_t width_of(const rg_program *program, int part)
{
    const rgi_sparse *sparse = part == RGI_PART_HESSIAN ? &program->hessian : &program->jacobian;
    size_t lanes = program->code[part].lanes;
    return sparse->group_count < lanes ? sparse->group_count : lanes;
}

static void lay_out(rg_workspace *w, const rg_program *program, pieces *p)
{
    size_t slots = 0, sums = 0, inputs = 0, outputs = 0, directions = 0, products = 0;
    for (int i = 0; i < RGI_PARTS; i++) {
        const rgi_code *code = &program->code[i];
        if (!program->has[i])
            continue;
        w->space[i].single = take(p, code->single_numbers, sizeof(double));
        w->space[i].uniform = take(p, code->uniform_numbers, sizeof(double));
        slots = largest(slots, (size_t)code->slots * code->stride);
        sums = largest(sums, (size_t)code->sums * RGI_SUM_LANES);
        inputs = largest(inputs, code->part->inputs);
        outputs = largest(outputs, code->part->outputs);
        if (i != RGI_PART_JACOBIAN && i != RGI_PART_HESSIAN)
            continue;
        directions = largest(directions, (code->part->inputs - program->n) * width_of(program, i));
        products =
            largest(products, (code->part->outputs - code->part->values) * width_of(program, i));
    }
    w->slots = take(p, slots, sizeof(double));
    w->sums = take(p, sums, sizeof(double));
    w->in = take(p, inputs, sizeof *w->in);
    w->out = take(p, outputs, sizeof *w->out);
    w->directions = take(p, directions, sizeof(double));
    w->products = take(p, products, sizeof(double));
    w->left = take(p, program->code[RGI_PART_CHECK].lanes, sizeof(double));
}

rg_workspace *rg_workspace_create(const rg_program *program, rg_error *error)
{
    if (!program) {
        rgi_set_error(error, RG_ERROR_ARGUMENT, "workspace: the program is NULL");
        return NULL;
    }
    rg_workspace sizes = {0};
    pieces p = {NULL, 0};
    lay_out(&sizes, program, &p);
    const size_t bytes = sizeof(rg_workspace) + RGI_ALIGNMENT + p.used;
    rg_workspace *w = rgi_alloc(&program->allocator, bytes);
    if (!w) {
        rgi_set_error(error, RG_ERROR_MEMORY, "workspace: there is no memory for %zu bytes", bytes);
        return NULL;
    }
    memset(w, 0, sizeof *w);
    w->allocator = program->allocator;
    w->program = program;
    w->bytes = bytes;
    uintptr_t base = (uintptr_t)(w + 1) + RGI_ALIGNMENT - 1;
    p = (pieces){(char *)(base & ~(uintptr_t)(RGI_ALIGNMENT - 1)), 0};
    lay_out(w, program, &p);
    for (int i = 0; i < RGI_PARTS; i++) {
        const rgi_code *code = &program->code[i];
        if (!program->has[i])
            continue;
        memcpy(w->space[i].single, code->constants, code->constant_count * sizeof(double));
        memcpy(w->space[i].uniform, code->constants, code->constant_count * sizeof(double));
    }
    return w;
}

void rg_workspace_destroy(rg_workspace *workspace)
{
    if (!workspace)
        return;
    const rg_allocator allocator = workspace->allocator;
    rgi_free(&allocator, workspace, workspace->bytes);
}

/* ---- one evaluation ---- */

static rg_status check(const rg_program *program, const rg_workspace *w, int part, const void *x)
{
    if (!program || !w || !x || w->program != program)
        return RG_ERROR_ARGUMENT;
    return program->has[part] ? RG_OK : RG_ERROR_STATE;
}

/* Values into y, the other outputs into d; directions are the inputs after x. */
static rg_status run_single(const rg_program *program, rg_workspace *w, int number, const double *x,
                            const double *directions, double *y, double *d)
{
    const rgi_code *code = &program->code[number];
    const rgi_part *part = code->part;
    double *numbers = w->space[number].single, *in = numbers + code->constant_room;
    memcpy(in, x, program->n * sizeof *x);
    if (directions)
        memcpy(in + program->n, directions, (part->inputs - program->n) * sizeof *x);
    program->interpreter->single(code->single.items, code->single.count, numbers);
    for (uint32_t j = 0; y && j < part->values; j++)
        y[j] = numbers[code->single_output[j]];
    for (uint32_t j = part->values; d && j < part->outputs; j++)
        d[j - part->values] = numbers[code->single_output[j]];
    return RG_OK;
}

rg_status rg_program_value(const rg_program *program, rg_workspace *workspace, const double *x,
                           double *y)
{
    rg_status status = check(program, workspace, RGI_PART_VALUE, x);
    return status == RG_OK ? run_single(program, workspace, RGI_PART_VALUE, x, NULL, y, NULL)
                           : status;
}

rg_status rg_program_gradient(const rg_program *program, rg_workspace *workspace, const double *x,
                              double *y, double *g)
{
    rg_status status = check(program, workspace, RGI_PART_GRADIENT, x);
    return status == RG_OK ? run_single(program, workspace, RGI_PART_GRADIENT, x, NULL, y, g)
                           : status;
}

static rg_status run_along(const rg_program *program, rg_workspace *w, int part, const double *x,
                           const double *directions, double *y, double *d)
{
    rg_status status = check(program, w, part, directions ? x : NULL);
    return status == RG_OK ? run_single(program, w, part, x, directions, y, d) : status;
}

rg_status rg_program_jvp(const rg_program *program, rg_workspace *workspace, const double *x,
                         const double *v, double *y, double *jv)
{
    return run_along(program, workspace, RGI_PART_JVP, x, v, y, jv);
}

rg_status rg_program_vjp(const rg_program *program, rg_workspace *workspace, const double *x,
                         const double *u, double *y, double *uj)
{
    return run_along(program, workspace, RGI_PART_VJP, x, u, y, uj);
}

rg_status rg_program_hvp(const rg_program *program, rg_workspace *workspace, const double *x,
                         const double *v, double *hv)
{
    return run_along(program, workspace, RGI_PART_HVP, x, v, NULL, hv);
}

/* Without comparisons there is no such part, and nothing differs. */
static rg_status check_comparisons(const rg_program *program, const rg_workspace *w, const void *x,
                                   const size_t *left)
{
    return check(program, w, RGI_PART_VALUE, left ? x : NULL);
}

rg_status rg_program_check(const rg_program *program, rg_workspace *workspace, const double *x,
                           size_t *left)
{
    double count = 0;
    rg_status status = check_comparisons(program, workspace, x, left);
    if (status == RG_OK && program->has[RGI_PART_CHECK])
        status = run_single(program, workspace, RGI_PART_CHECK, x, NULL, &count, NULL);
    if (status == RG_OK)
        *left = (size_t)count;
    return status;
}

/* ---- batches ---- */

/* Before the first block: uniform inputs, of which w->in has the places, and what they determine.
 */
static void begin_batch(const rg_program *program, rg_workspace *w, int number, size_t count)
{
    const rgi_code *code = &program->code[number];
    const rgi_part *part = code->part;
    double *uniform = w->space[number].uniform, *in = uniform + code->constant_room;
    for (uint32_t i = 0; i < part->inputs; i++)
        if (part->uniform[i])
            in[i] = *w->in[i];
    in[part->inputs] = (double)count;
    program->interpreter->single(code->before.items, code->before.count, uniform);
    memset(w->sums, 0, (size_t)code->sums * RGI_SUM_LANES * sizeof *w->sums);
}

static void run_block(const rg_program *program, rg_workspace *w, int number, size_t first,
                      size_t count)
{
    const rgi_code *code = &program->code[number];
    const rgi_block block = {.first = first,
                             .count = (int)count,
                             .in = w->in,
                             .out = w->out,
                             .uniform = w->space[number].uniform,
                             .slots = w->slots,
                             .sums = w->sums};
    program->interpreter->block(code->each.items, code->each.count, &block);
}

static double add_up(const double *part)
{
    return ((part[0] + part[4]) + (part[1] + part[5])) +
           ((part[2] + part[6]) + (part[3] + part[7]));
}

/* After the last block: sums, and what is computed from them. */
static void end_batch(const rg_program *program, rg_workspace *w, int number)
{
    const rgi_code *code = &program->code[number];
    double *uniform = w->space[number].uniform;
    for (uint32_t s = 0; s < code->sums; s++)
        uniform[code->sum_place[s]] = add_up(w->sums + (size_t)RGI_SUM_LANES * s);
    program->interpreter->single(code->after.items, code->after.count, uniform);
}

/* Writes the outputs that are the same for all evaluations, or sums. The derivatives of a vjp are
 * like inputs: for a uniform one there is one number. */
static void write_uniform(const rg_program *program, rg_workspace *w, int number, size_t count,
                          bool like_inputs)
{
    const rgi_code *code = &program->code[number];
    const rgi_part *part = code->part;
    for (uint32_t j = 0; j < part->outputs; j++) {
        if (code->batch_output[j] == RGI_NO_NODE || !w->out[j])
            continue;
        double value = w->space[number].uniform[code->batch_output[j]];
        bool one = like_inputs && j >= part->values && part->uniform[j - part->values];
        if (one)
            w->out[j][0] = count > 0 ? value : 0;
        for (size_t l = 0; l < count && !one; l++)
            w->out[j][l] = value;
    }
}

static void run_batch(const rg_program *program, rg_workspace *w, int number, size_t count,
                      bool like_inputs)
{
    const size_t lanes = program->code[number].lanes;
    begin_batch(program, w, number, count);
    for (size_t first = 0; first < count; first += lanes)
        run_block(program, w, number, first, count - first < lanes ? count - first : lanes);
    end_batch(program, w, number);
    write_uniform(program, w, number, count, like_inputs);
}

/* Takes the pointers to a part's inputs [first, first + count); false if one is missing. */
static bool set_inputs(const rg_program *program, rg_workspace *w, int number, uint32_t first,
                       uint32_t count, const double *const *from, bool any)
{
    const rgi_part *part = program->code[number].part;
    for (uint32_t i = 0; i < count; i++) {
        w->in[first + i] = from ? from[i] : NULL;
        if (!w->in[first + i] && (any || part->uniform[first + i]))
            return false;
    }
    return true;
}

static void set_outputs(rg_workspace *w, uint32_t first, uint32_t count, double *const *to)
{
    for (uint32_t j = 0; j < count; j++)
        w->out[first + j] = to ? to[j] : NULL;
}

/* The lists of a batch: directions and derivatives are NULL where the part has none. */
typedef struct lists {
    const double *const *x, *const *directions;
    double *const *y, *const *d;
} lists;

static rg_status start(const rg_program *program, rg_workspace *w, int number, size_t count,
                       const lists *given)
{
    rg_status status = check(program, w, number, given->x);
    if (status != RG_OK)
        return status;
    const rgi_part *part = program->code[number].part;
    const uint32_t n = program->n, more = part->inputs - n;
    if (!set_inputs(program, w, number, 0, n, given->x, count > 0) ||
        (more > 0 && !given->directions) ||
        !set_inputs(program, w, number, n, more, given->directions, count > 0))
        return RG_ERROR_ARGUMENT;
    set_outputs(w, 0, part->values, given->y);
    set_outputs(w, part->values, part->outputs - part->values, given->d);
    return RG_OK;
}

static rg_status batch(const rg_program *program, rg_workspace *w, int number, size_t count,
                       const lists *given)
{
    rg_status status = start(program, w, number, count, given);
    if (status == RG_OK)
        run_batch(program, w, number, count, number != RGI_PART_JVP);
    return status;
}

rg_status rg_program_value_batch(const rg_program *program, rg_workspace *workspace, size_t count,
                                 const double *const *x, double *const *y)
{
    return batch(program, workspace, RGI_PART_VALUE, count, &(lists){.x = x, .y = y});
}

rg_status rg_program_gradient_batch(const rg_program *program, rg_workspace *workspace,
                                    size_t count, const double *const *x, double *const *y,
                                    double *const *g)
{
    return batch(program, workspace, RGI_PART_GRADIENT, count, &(lists){.x = x, .y = y, .d = g});
}

rg_status rg_program_jvp_batch(const rg_program *program, rg_workspace *workspace, size_t count,
                               const double *const *x, const double *const *v, double *const *y,
                               double *const *jv)
{
    return batch(program, workspace, RGI_PART_JVP, count, &(lists){x, v, y, jv});
}

rg_status rg_program_vjp_batch(const rg_program *program, rg_workspace *workspace, size_t count,
                               const double *const *x, const double *const *u, double *const *y,
                               double *const *uj)
{
    return batch(program, workspace, RGI_PART_VJP, count, &(lists){x, u, y, uj});
}

rg_status rg_program_hvp_batch(const rg_program *program, rg_workspace *workspace, size_t count,
                               const double *const *x, const double *const *v, double *const *hv)
{
    return batch(program, workspace, RGI_PART_HVP, count, &(lists){x, v, NULL, hv});
}

rg_status rg_program_check_batch(const rg_program *program, rg_workspace *workspace, size_t count,
                                 const double *const *x, size_t *left)
{
    const int number = RGI_PART_CHECK;
    rg_status status = check_comparisons(program, workspace, x, left);
    if (status == RG_OK && !program->has[number])
        memset(left, 0, count * sizeof *left);
    if (status != RG_OK || !program->has[number])
        return status;
    status = start(program, workspace, number, count, &(lists){.x = x});
    if (status != RG_OK)
        return status;
    const size_t lanes = program->code[number].lanes;
    begin_batch(program, workspace, number, count);
    workspace->out[0] = workspace->left;
    for (size_t first = 0; first < count; first += lanes) {
        size_t now = count - first < lanes ? count - first : lanes;
        for (uint32_t i = 0; i < program->n; i++)
            workspace->in[i] = program->uniform[i] ? x[i] : x[i] + first;
        run_block(program, workspace, number, 0, now);
        write_uniform(program, workspace, number, now, false);
        for (size_t l = 0; l < now; l++)
            left[first + l] = (size_t)workspace->left[l];
    }
    return RG_OK;
}

/* ---- matrices ---- */

/* Directions [first, first + width) are the lanes: in each, 1 for the lines of its group. */
static void set_directions(const rg_program *program, rg_workspace *w, int number,
                           const rgi_sparse *sparse, size_t first, size_t width)
{
    const uint32_t lines = program->code[number].part->inputs - program->n;
    for (uint32_t i = 0; i < lines; i++) {
        double *direction = w->directions + i * width;
        for (size_t l = 0; l < width; l++)
            direction[l] = sparse->group[i] == first + l;
    }
}

static void take_entries(const rgi_sparse *sparse, const double *products, size_t first,
                         size_t width, double *values)
{
    for (size_t k = 0; k < sparse->pattern.count; k++) {
        size_t lane = sparse->direction[k] - first;
        if (lane < width)
            values[k] = products[sparse->place[k] * width + lane];
    }
}

/* The entries of the pattern: every x is uniform, so what they alone determine is computed once. */
static void run_sparse(const rg_program *program, rg_workspace *w, int number,
                       const rgi_sparse *sparse, const double *x, double *y, double *values)
{
    const rgi_part *part = program->code[number].part;
    const size_t width = width_of(program, number);
    const uint32_t n = program->n;
    for (uint32_t i = 0; i < part->inputs; i++)
        w->in[i] = i < n ? x + i : w->directions + (i - n) * width;
    for (uint32_t j = 0; j < part->outputs; j++)
        w->out[j] = j < part->values ? NULL : w->products + (j - part->values) * width;
    begin_batch(program, w, number, width);
    for (size_t first = 0; values && first < sparse->group_count; first += width) {
        set_directions(program, w, number, sparse, first, width);
        run_block(program, w, number, 0, width);
        write_uniform(program, w, number, width, false);
        take_entries(sparse, w->products, first, width, values);
    }
    for (uint32_t j = 0; y && j < part->values; j++)
        y[j] = w->space[number].uniform[program->code[number].batch_output[j]];
}

rg_status rg_program_sparse_jacobian(const rg_program *program, rg_workspace *workspace,
                                     const double *x, double *y, double *values)
{
    rg_status status = check(program, workspace, RGI_PART_JACOBIAN, x);
    if (status == RG_OK)
        run_sparse(program, workspace, RGI_PART_JACOBIAN, &program->jacobian, x, y, values);
    return status;
}

rg_status rg_program_sparse_hessian(const rg_program *program, rg_workspace *workspace,
                                    const double *x, double *values)
{
    rg_status status = check(program, workspace, RGI_PART_HESSIAN, x);
    if (status == RG_OK)
        run_sparse(program, workspace, RGI_PART_HESSIAN, &program->hessian, x, NULL, values);
    return status;
}

/* Spreads the entries, which are at the front, over a dense matrix, from the last one on. */
static void spread(const rg_pattern *pattern, double *matrix)
{
    size_t end = pattern->rows * pattern->columns;
    for (size_t i = pattern->rows; i-- > 0;)
        for (size_t k = pattern->start[i + 1]; k-- > pattern->start[i];) {
            size_t place = i * pattern->columns + pattern->column[k];
            double value = matrix[k];
            memset(matrix + place + 1, 0, (end - place - 1) * sizeof *matrix);
            matrix[place] = value;
            end = place;
        }
    memset(matrix, 0, end * sizeof *matrix);
}

rg_status rg_program_jacobian(const rg_program *program, rg_workspace *workspace, const double *x,
                              double *y, double *j)
{
    rg_status status = rg_program_sparse_jacobian(program, workspace, x, y, j);
    if (status == RG_OK && j)
        spread(&program->jacobian.pattern, j);
    return status;
}

rg_status rg_program_hessian(const rg_program *program, rg_workspace *workspace, const double *x,
                             double *h)
{
    rg_status status = rg_program_sparse_hessian(program, workspace, x, h);
    if (status == RG_OK && h)
        spread(&program->hessian.pattern, h);
    return status;
}
