/*
 * test_program_use.c: compiled programs: errors, memory, comparisons, sparse matrices, threads,
 * independence of the tape.
 */
#include "../check.h"
#include "../failing.h"
#include "../../ops/compiled.h"
#include "programs.h"

#include <pthread.h>

SUITE(program_use);

/* ---- errors of creation ---- */

static void expect(int m, const rg_value *ys, int n, const rg_value *xs, int derivatives,
                   rg_status status, const char *text)
{
    rg_error error = {0};
    rg_program *program =
        rg_program_create(m, ys, n, xs, &(rg_program_options){.derivatives = derivatives}, &error);
    cr_assert_null(program);
    CHECK_STATUS(error.status, status);
    cr_assert(strstr(error.message, text), "the message is \"%s\"", error.message);
    cr_assert_null(
        rg_program_create(m, ys, n, xs, &(rg_program_options){.derivatives = derivatives}, NULL));
}

Test(program_use, names_what_cannot_be_compiled)
{
    rg_tape *tape = rg_tape_create(), *other = rg_tape_create();
    rg_value x[2] = {rg_input(tape, 1), rg_input(tape, 2)}, y = rg_mul(x[0], x[1]);
    rg_value both[2] = {y, x[0]}, twice[2] = {x[0], x[0]};
    expect(0, &y, 2, x, 0, RG_ERROR_ARGUMENT, "outputs");
    expect(1, NULL, 2, x, 0, RG_ERROR_ARGUMENT, "outputs");
    expect(1, &y, 0, x, 0, RG_ERROR_ARGUMENT, "inputs");
    expect(1, &y, 2, NULL, 0, RG_ERROR_ARGUMENT, "inputs");
    expect(1, &y, 2, x, 64, RG_ERROR_ARGUMENT, "unknown");
    expect(2, both, 2, x, RG_PROGRAM_GRADIENT, RG_ERROR_ARGUMENT, "one output");
    expect(2, both, 2, x, RG_PROGRAM_HVP, RG_ERROR_ARGUMENT, "one output");
    expect(2, both, 2, x, RG_PROGRAM_HESSIAN, RG_ERROR_ARGUMENT, "one output");
    expect(1, &y, 2, twice, 0, RG_ERROR_ARGUMENT, "inputs 1 and 2");
    rg_value away = rg_input(other, 1), mixed[2] = {x[0], away};
    expect(1, &y, 2, mixed, 0, RG_ERROR_TAPE, "input 2");
    expect(1, &away, 2, x, 0, RG_ERROR_TAPE, "input 1");
    rg_value none = {0}, inert = {tape, 0};
    expect(1, &none, 2, x, 0, RG_ERROR_STALE, "output 1");
    expect(1, &inert, 2, x, 0, RG_ERROR_STALE, "output 1");
    rg_mark mark = rg_tape_mark(tape);
    rg_value stale = rg_sin(y);
    rg_tape_rewind(tape, mark);
    expect(1, &stale, 2, x, 0, RG_ERROR_STALE, "rewind");
    rg_value tensor = rg_input_f64(tape, RG_SHAPE(2), NULL),
             single = rg_input_f32(tape, RG_SCALAR, NULL);
    expect(1, &tensor, 2, x, 0, RG_ERROR_TYPE, "output 1");
    expect(1, &y, 1, &single, 0, RG_ERROR_TYPE, "input 1");
    rg_value sum = rg_sum(rg_tensor_of(RG_SHAPE(2), x));
    expect(1, &sum, 2, x, 0, RG_ERROR_GRADIENT, "node");
    rg_value element = rg_at(rg_tensor_of(RG_SHAPE(2), x), RG_AXES(1));
    expect(1, &element, 2, x, 0, RG_ERROR_GRADIENT, "tensor_of");
    rg_add(x[0], away);
    expect(1, &y, 2, x, 0, RG_ERROR_TAPE, "add");
    rg_tape_destroy(tape);
    rg_tape_destroy(other);
}

static rg_status twice_forward(rg_call *call)
{
    *(double *)call->out->data = 2 * *(const double *)call->in[0]->data;
    return RG_OK;
}

static const rg_op twice_op = {.name = "twice", .arity = 1, .forward = twice_forward};

Test(program_use, takes_constants_from_where_it_cannot_follow)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3), other = rg_input(tape, 5);
    rg_value own = rg_record(&twice_op, 1, &x, NULL), y = rg_mul(x, own);
    expect(1, &y, 1, &x, 0, RG_ERROR_GRADIENT, "twice");
    rg_value tensor = rg_constant_f64(tape, RG_SHAPE(2), (double[]){1, 2});
    y = rg_add(rg_mul(x, rg_sum(tensor)),
               rg_mul(rg_record(&twice_op, 1, &other, NULL), rg_detach(x)));
    rg_no_grad_begin(tape);
    rg_value silent = rg_square(x);
    rg_no_grad_end(tape);
    y = rg_add(y, rg_mul(silent, x));
    rg_error error = {0};
    rg_program *program = rg_program_create(1, &y, 1, &x, NULL, &error);
    cr_assert(program, "%s", error.message);
    rg_workspace *workspace = rg_workspace_create(program, NULL);
    double value, at = 4;
    CHECK_STATUS(rg_program_value(program, workspace, &at, &value), RG_OK);
    CHECK_NEAR(value, 3 * at + 10 * 3 + 9 * at, 1e-15);
    rg_workspace_destroy(workspace);
    rg_program_destroy(program);
    rg_tape_destroy(tape);
}

/* ---- from anywhere on the tape ---- */

Test(program_use, starts_at_any_recorded_values)
{
    rg_tape *tape = rg_tape_create();
    rg_value a = rg_input(tape, 2), b = rg_square(a), c = rg_mul(a, b), y = rg_mul(b, rg_sin(c));
    rg_value from[2] = {b, c};
    double g[2], value, x[2] = {0.3, 0.4};
    uint64_t nodes = rg_tape_get_stats(tape).nodes;
    rg_error error = {0};
    rg_program *program = rg_program_create(
        1, &y, 2, from, &(rg_program_options){.derivatives = RG_PROGRAM_GRADIENT}, &error);
    cr_assert(program, "%s", error.message);
    cr_assert_eq(rg_tape_get_stats(tape).nodes, nodes, "the tape has other nodes than before");
    rg_workspace *workspace = rg_workspace_create(program, NULL);
    CHECK_STATUS(rg_program_gradient(program, workspace, x, &value, g), RG_OK);
    CHECK_NEAR(value, 0.3 * sin(0.4), 1e-15);
    CHECK_NEAR(g[0], sin(0.4), 1e-15);
    CHECK_NEAR(g[1], 0.3 * cos(0.4), 1e-15);
    CHECK_STATUS(rg_backward(y), RG_OK);
    rg_workspace_destroy(workspace);
    rg_program_destroy(program);
    rg_tape_destroy(tape);
}

/* ---- errors of running ---- */

static void call_product(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                         void *context)
{
    (void)tape, (void)n, (void)m, (void)context;
    y[0] = rg_mul(x[0], x[1]);
}

Test(program_use, checks_what_it_is_run_with)
{
    const double x[2] = {2, 3}, *xs[2] = {x, x}, *gap[2] = {x, NULL};
    double y, d[4], *ys[1] = {&y}, *ds[2] = {d, d + 1};
    size_t left;
    machine p = compile(call_product, NULL, 2, 1, x, 0, NULL);
    machine q = compile(call_product, NULL, 2, 1, x, FIRST_ORDER | ONE_OUTPUT, NULL);
    rg_error error = {0};
    cr_assert_null(rg_workspace_create(NULL, &error));
    CHECK_STATUS(error.status, RG_ERROR_ARGUMENT);
    const rg_program *none = NULL;
    rg_workspace *w = p.workspace, *v = q.workspace;
#define BAD(call) CHECK_STATUS(call, RG_ERROR_ARGUMENT)
    BAD(rg_program_value(none, w, x, &y));
    BAD(rg_program_value(p.program, NULL, x, &y));
    BAD(rg_program_value(p.program, w, NULL, &y));
    BAD(rg_program_value(p.program, v, x, &y));
    BAD(rg_program_gradient(q.program, v, NULL, &y, d));
    BAD(rg_program_jvp(q.program, v, x, NULL, &y, d));
    BAD(rg_program_vjp(q.program, v, x, NULL, &y, d));
    BAD(rg_program_hvp(q.program, v, x, NULL, d));
    BAD(rg_program_jacobian(q.program, v, NULL, &y, d));
    BAD(rg_program_hessian(q.program, v, NULL, d));
    BAD(rg_program_sparse_jacobian(q.program, w, x, &y, d));
    BAD(rg_program_sparse_hessian(q.program, w, x, d));
    BAD(rg_program_check(q.program, v, NULL, &left));
    BAD(rg_program_check(q.program, v, x, NULL));
    BAD(rg_program_value_batch(q.program, v, 1, NULL, ys));
    BAD(rg_program_value_batch(q.program, v, 1, gap, ys));
    BAD(rg_program_gradient_batch(q.program, v, 1, gap, ys, ds));
    BAD(rg_program_jvp_batch(q.program, v, 1, xs, NULL, ys, ds));
    BAD(rg_program_jvp_batch(q.program, v, 1, xs, gap, ys, ds));
    BAD(rg_program_vjp_batch(q.program, v, 1, xs, NULL, ys, ds));
    BAD(rg_program_hvp_batch(q.program, v, 1, xs, NULL, ds));
    BAD(rg_program_check_batch(q.program, v, 1, xs, NULL));
#undef BAD
#define MISSING(call) CHECK_STATUS(call, RG_ERROR_STATE)
    MISSING(rg_program_gradient(p.program, w, x, &y, d));
    MISSING(rg_program_jvp(p.program, w, x, x, &y, d));
    MISSING(rg_program_vjp(p.program, w, x, x, &y, d));
    MISSING(rg_program_hvp(p.program, w, x, x, d));
    MISSING(rg_program_jacobian(p.program, w, x, &y, d));
    MISSING(rg_program_hessian(p.program, w, x, d));
    MISSING(rg_program_sparse_jacobian(p.program, w, x, &y, d));
    MISSING(rg_program_sparse_hessian(p.program, w, x, d));
    MISSING(rg_program_gradient_batch(p.program, w, 1, xs, ys, ds));
    MISSING(rg_program_jvp_batch(p.program, w, 1, xs, xs, ys, ds));
    MISSING(rg_program_vjp_batch(p.program, w, 1, xs, xs, ys, ds));
    MISSING(rg_program_hvp_batch(p.program, w, 1, xs, xs, ds));
#undef MISSING
    cr_assert_null(rg_program_jacobian_pattern(p.program));
    cr_assert_null(rg_program_hessian_pattern(p.program));
    cr_assert_null(rg_program_jacobian_pattern(NULL));
    cr_assert_null(rg_program_hessian_pattern(NULL));
    cr_assert_eq(rg_program_comparison_count(NULL), 0);
    cr_assert_eq(rg_program_get_stats(NULL).inputs, 0);
    rg_program_stats stats = rg_program_get_stats(q.program);
    cr_assert(stats.inputs == 2 && stats.outputs == 1 && stats.value.each == 1 &&
              stats.gradient.slots > 0 && stats.hessian.lanes > 0);
    rg_program_destroy(NULL);
    rg_workspace_destroy(NULL);
    dispose(&p);
    dispose(&q);
}

/* ---- memory ---- */

static rg_status use_everything(const rg_allocator *allocator)
{
    const unsigned char uniform[] = {0, 1, 0};
    rg_tape *tape = rg_tape_create();
    rg_value x[3], y;
    for (int i = 0; i < 3; i++)
        x[i] = rg_input(tape, 0.5 + i);
    y = rg_mul(rg_sin(rg_mul(x[0], rg_exp(x[1]))), rg_clamp(x[2], 0, 9));
    rg_less(x[0], x[1]);
    rg_error error = {0};
    const rg_program_options options = {FIRST_ORDER | ONE_OUTPUT, uniform, allocator};
    rg_program *program = rg_program_create(1, &y, 3, x, &options, &error);
    rg_tape_destroy(tape);
    rg_workspace *workspace = program ? rg_workspace_create(program, &error) : NULL;
    double value, h[9];
    if (workspace)
        rg_program_hessian(program, workspace, (double[]){1, 2, 3}, h);
    if (workspace)
        rg_program_value(program, workspace, (double[]){1, 2, 3}, &value);
    rg_workspace_destroy(workspace);
    rg_program_destroy(program);
    return error.status;
}

Test(program_use, gives_all_memory_back_when_an_allocation_fails, .timeout = 120)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        CHECK_FAILURE(memory, use_everything(&allocator));
    }
}

/* ---- comparisons ---- */

static rg_value branchy(rg_tape *tape, const rg_value *x)
{
    (void)tape;
    if (rg_item(rg_less(x[0], x[1])) != 0)
        return rg_add(x[0], x[1]);
    return rg_item(rg_greater(x[1], 0)) != 0 ? rg_mul(x[0], x[1]) : rg_sub(x[0], x[1]);
}

Test(program_use, counts_the_comparisons_that_turn_out_differently)
{
    rg_tape *tape = rg_tape_create();
    rg_value x[2] = {rg_input(tape, 3), rg_input(tape, 2)}, y = branchy(tape, x);
    /* Used, constant, or of what is not element-wise: not counted. */
    y = rg_where(rg_less(x[0], 100), y, x[0]);
    rg_less(rg_constant(tape, 1), 2);
    rg_less(rg_sum(rg_tensor_of(RG_SHAPE(2), x)), 2);
    rg_max(x[0], x[1]);
    rg_error error = {0};
    rg_program *program = rg_program_create(1, &y, 2, x, NULL, &error);
    cr_assert(program, "%s", error.message);
    rg_workspace *w = rg_workspace_create(program, NULL);
    cr_assert_eq(rg_program_comparison_count(program), 2);
    enum { COUNT = 150 };
    double first[COUNT], second[COUNT];
    size_t left[COUNT], one;
    for (int i = 0; i < COUNT; i++) {
        first[i] = i % 5 - 2;
        second[i] = i % 7 - 3;
    }
    CHECK_STATUS(rg_program_check_batch(program, w, COUNT, (const double *[]){first, second}, left),
                 RG_OK);
    for (int i = 0; i < COUNT; i++) {
        size_t want = (size_t)(first[i] < second[i]) + (size_t) !(second[i] > 0);
        CHECK_STATUS(rg_program_check(program, w, (double[]){first[i], second[i]}, &one), RG_OK);
        cr_assert(one == want && left[i] == want, "%d: %zu alone, %zu in a batch, not %zu", i, one,
                  left[i], want);
    }
    rg_workspace_destroy(w);
    rg_program_destroy(program);
    rg_tape_destroy(tape);
}

Test(program_use, finds_nothing_different_without_comparisons)
{
    const double x[2] = {2, 3};
    size_t left[3] = {9, 9, 9};
    machine p = compile(call_product, NULL, 2, 1, x, 0, NULL);
    CHECK_STATUS(rg_program_check(p.program, p.workspace, x, left), RG_OK);
    cr_assert_eq(left[0], 0);
    CHECK_STATUS(rg_program_check_batch(p.program, p.workspace, 3, (const double *[]){x, x}, left),
                 RG_OK);
    cr_assert(left[0] == 0 && left[1] == 0 && left[2] == 0);
    dispose(&p);
}

/* ---- sparse matrices ---- */

/* The sum of terms of neighbours, and of a hub with everyone. */
typedef struct mesh {
    int hub;
} mesh;

static void call_mesh(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                      void *context)
{
    const mesh *kind = context;
    rg_value f = rg_constant(tape, 1);
    (void)m;
    for (size_t i = 0; i + 1 < n; i++)
        f = rg_add(f, rg_mul(rg_sin(x[i]), rg_square(x[i + 1])));
    for (size_t i = 0; kind->hub >= 0 && i < n; i++)
        f = rg_add(f, rg_exp(rg_mul(0.1, rg_mul(x[kind->hub], x[i]))));
    y[0] = f;
}

/* Rows that each take three neighbours; the last takes them all if `hub` is not negative. */
static void call_rows(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                      void *context)
{
    const mesh *kind = context;
    (void)tape;
    for (size_t j = 0; j < m; j++)
        y[j] = rg_mul(x[j % n], rg_add(rg_sin(x[(j + 1) % n]), x[(j + 2) % n]));
    for (size_t i = 0; kind->hub >= 0 && i < n; i++)
        y[m - 1] = rg_add(y[m - 1], rg_square(x[i]));
}

static void check_pattern(const rg_pattern *pattern, const double *values, const double *dense)
{
    size_t k = 0;
    for (size_t i = 0; i < pattern->rows; i++) {
        cr_assert_eq(pattern->start[i], k);
        for (size_t j = 0; j < pattern->columns; j++) {
            double want = dense[i * pattern->columns + j];
            if (k < pattern->start[i + 1] && pattern->column[k] == j)
                cr_assert(is_near(values[k++], want, 1e-12), "entry %zu %zu is %.17g, not %.17g", i,
                          j, values[k - 1], want);
            else
                cr_assert(want == 0, "entry %zu %zu, %g, is not in the pattern", i, j, want);
        }
        cr_assert_eq(pattern->start[i + 1], k);
    }
    cr_assert_eq(pattern->count, k);
}

static void check_hessian(int hub, size_t n, size_t most_groups)
{
    mesh kind = {hub};
    double x[MOST_INPUTS], values[MOST_INPUTS * MOST_INPUTS], dense[MOST_INPUTS * MOST_INPUTS],
        want[MOST_INPUTS * MOST_INPUTS];
    fill_random(x, n, 5);
    machine p = compile(call_mesh, &kind, n, 1, x, RG_PROGRAM_HESSIAN, NULL);
    fill_random(x, n, 6);
    rg_problem *problem = rg_problem_create(call_mesh, n, 1, &kind, NULL);
    CHECK_STATUS(rg_problem_hessian(problem, x, want), RG_OK);
    CHECK_STATUS(rg_program_sparse_hessian(p.program, p.workspace, x, values), RG_OK);
    CHECK_STATUS(rg_program_hessian(p.program, p.workspace, x, dense), RG_OK);
    cr_assert(are_near(dense, want, n * n, 1e-12));
    const rg_pattern *pattern = rg_program_hessian_pattern(p.program);
    check_pattern(pattern, values, want);
    cr_assert(pattern->groups <= most_groups, "%zu groups", pattern->groups);
    rg_problem_destroy(problem);
    dispose(&p);
}

Test(program_use, finds_sparse_hessians)
{
    check_hessian(-1, 30, 3); /* tridiagonal */
    check_hessian(0, 30, 4);  /* an arrow */
    check_hessian(29, 30, 4);
    check_hessian(7, 30, 4);
    check_hessian(-1, 1, 1);
    check_hessian(-1, 2, 2);
}

static void check_jacobian(int hub, size_t n, size_t m, size_t most_groups)
{
    mesh kind = {hub};
    double x[MOST_INPUTS], values[MOST_INPUTS * MOST_OUTPUTS], dense[MOST_INPUTS * MOST_OUTPUTS],
        want[MOST_INPUTS * MOST_OUTPUTS], y[MOST_OUTPUTS], want_y[MOST_OUTPUTS];
    fill_random(x, n, 5);
    machine p = compile(call_rows, &kind, n, m, x, RG_PROGRAM_JACOBIAN, NULL);
    fill_random(x, n, 6);
    rg_problem *problem = rg_problem_create(call_rows, n, m, &kind, NULL);
    CHECK_STATUS(rg_problem_jacobian(problem, x, want_y, want), RG_OK);
    CHECK_STATUS(rg_program_sparse_jacobian(p.program, p.workspace, x, y, values), RG_OK);
    cr_assert(are_near(y, want_y, m, 1e-13));
    CHECK_STATUS(rg_program_jacobian(p.program, p.workspace, x, NULL, dense), RG_OK);
    cr_assert(are_near(dense, want, n * m, 1e-12));
    const rg_pattern *pattern = rg_program_jacobian_pattern(p.program);
    check_pattern(pattern, values, want);
    cr_assert(pattern->groups <= most_groups, "%zu groups", pattern->groups);
    CHECK_STATUS(rg_program_jacobian(p.program, p.workspace, x, y, NULL), RG_OK);
    rg_problem_destroy(problem);
    dispose(&p);
}

Test(program_use, finds_sparse_jacobians_by_columns_or_rows)
{
    check_jacobian(-1, 30, 30, 5);
    check_jacobian(0, 30, 30, 5); /* one full row: by rows */
    check_jacobian(-1, 5, 30, 5);
    check_jacobian(-1, 30, 3, 3);
    check_jacobian(0, 3, 2, 3);
}

Test(program_use, has_matrices_that_do_not_depend_on_the_inputs)
{
    const double x[2] = {1, 2};
    double h[4], j[2];
    machine p =
        compile(call_product, NULL, 2, 1, x, RG_PROGRAM_HESSIAN | RG_PROGRAM_JACOBIAN, NULL);
    CHECK_STATUS(rg_program_hessian(p.program, p.workspace, x, h), RG_OK);
    cr_assert(h[0] == 0 && h[1] == 1 && h[2] == 1 && h[3] == 0);
    cr_assert_eq(rg_program_hessian_pattern(p.program)->count, 2);
    CHECK_STATUS(rg_program_jacobian(p.program, p.workspace, x, NULL, j), RG_OK);
    cr_assert(j[0] == 2 && j[1] == 1);
    dispose(&p);
}

/* ---- threads ---- */

typedef struct task {
    const rg_program *program;
    double got[4];
    rg_status status;
} task;

static void *run_task(void *context)
{
    task *t = context;
    rg_workspace *workspace = rg_workspace_create(t->program, NULL);
    for (int round = 0; round < 500 && t->status == RG_OK; round++) {
        const double x[3] = {0.1, 0.2, 0.3};
        t->status = rg_program_gradient(t->program, workspace, x, &t->got[3], t->got);
    }
    rg_workspace_destroy(workspace);
    return NULL;
}

Test(program_use, is_run_by_many_threads)
{
    enum { THREADS = 4 };
    random_function f = {5, 60};
    const double start[] = {1, 2, 3};
    machine p = compile(call_random, &f, 3, 1, start, RG_PROGRAM_GRADIENT, NULL);
    pthread_t threads[THREADS];
    task tasks[THREADS] = {{0}};
    for (int i = 0; i < THREADS; i++) {
        tasks[i].program = p.program;
        cr_assert_eq(pthread_create(&threads[i], NULL, run_task, &tasks[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_STATUS(tasks[i].status, RG_OK);
        cr_assert_eq(memcmp(tasks[i].got, tasks[0].got, sizeof tasks[0].got), 0);
    }
    dispose(&p);
}

/* ---- recorded comparisons and steps ---- */

Test(program_use, finds_comparisons_with_operands_on_the_tape)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 2), less = rg_less(x, 3), y = rg_mul(x, less);
    CHECK_STATUS(rg_backward(y), RG_OK);
    cr_assert(rg_grad(x) == 1 && rg_grad(less) == 0 && rg_is_reached(x) && !rg_is_reached(less));
    rg_value g;
    CHECK_STATUS(rg_grad_values(less, (rg_value){0}, 1, &x, &g), RG_OK);
    cr_assert_eq(rg_item(g), 0);
    CHECK_STATUS(rg_backward(less), RG_OK);
    cr_assert_eq(rg_grad(x), 0);
    rg_tape_find_anomalies(tape, 1);
    y = rg_mul(x, rg_greater(x, 3));
    CHECK_STATUS(rg_backward(y), RG_OK);
    rg_tape_destroy(tape);
}
