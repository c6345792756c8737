#include "../check.h"

#include "../../ops/elementwise_rows.h"
#include "../../ops/family.h"
#include "../failing.h"
#include "emitted.h"

SUITE(emit);

static double uniform_number(rg_random *random, double low, double high)
{
    return low + (high - low) * rg_random_uniform(random);
}

/* ---- emit, compile, compare ---- */

typedef struct problem {
    rg_tape *tape;
    rg_value *x, *y;
    int n, m, derivatives;
    const unsigned char *uniform;
    int statements;
    double low, high; /* inputs */
    const double *special;
    int specials; /* numbers that every input takes in turn, too */
    double tolerance;
    int thorough; /* with every compiler and all flags */
} problem;

static double sample(const problem *p, rg_random *random, size_t turn)
{
    if (turn < (size_t)p->specials)
        return p->special[turn];
    return uniform_number(random, p->low, p->high);
}

static void compare_at_points(const problem *p, const emitted *e)
{
    rg_random random = rg_random_create(7);
    double *x = malloc((size_t)p->n * sizeof *x), *v = malloc((size_t)p->n * sizeof *v);
    double *u = malloc((size_t)p->m * sizeof *u);
    for (size_t turn = 0; turn < (size_t)p->specials + 3; turn++) {
        for (int i = 0; i < p->n; i++)
            x[i] = sample(p, &random, turn), v[i] = uniform_number(&random, -1, 1);
        for (int j = 0; j < p->m; j++)
            u[j] = j % 7 == 3 ? 0 : uniform_number(&random, -1, 1);
        compare_single(e, x, v, u, p->tolerance);
    }
    free(x), free(v), free(u);
}

static void compare_batches(const problem *p, const emitted *e)
{
    static const size_t counts[] = {0, 1, 3, 4, 5, 9, 37, 150};
    rg_random random = rg_random_create(8);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t count = counts[c];
        lists x = make_lists((size_t)p->n, count), v = make_lists((size_t)p->n, count);
        lists u = make_lists((size_t)p->m, count);
        for (int i = 0; i < p->n; i++)
            for (size_t k = 0; k <= count; k++) {
                int uniform = p->uniform && p->uniform[i];
                x.of[i][k] = sample(p, &random, uniform ? 1000 : k);
                v.of[i][k] = uniform_number(&random, -1, 1);
            }
        for (int j = 0; j < p->m; j++)
            for (size_t k = 0; k < count; k++)
                u.of[j][k] = (k + (size_t)j) % 5 == 2 ? 0 : uniform_number(&random, -1, 1);
        compare_batch(e, count, x, v, u, p->tolerance);
        free_lists(x), free_lists(v), free_lists(u);
    }
}

/* Not all ways for each, which takes long: both compilers, and both flags in turn. Sanitizers look
 * at what writes the source, for which one way is enough. */
static int is_wanted(const problem *p, int way, int done)
{
#ifdef CHECK_LEAKS
    (void)p, (void)way;
    return done == 0;
#else
    (void)done;
    return p->thorough || (way / FLAGS + way % FLAGS + p->n) % 2 == 0;
#endif
}

/* Compiles the program, writes it, and compares it in every way that there is a compiler for. */
static void check_emitted(const problem *p)
{
    rg_error error;
    const rg_program_options options = {.derivatives = p->derivatives, .uniform = p->uniform};
    rg_program *program = rg_program_create(p->m, p->y, p->n, p->x, &options, &error);
    cr_assert(program, "%s", error.message);
    emitted e = {.folder = "/tmp/emitted-XXXXXX", .n = (size_t)p->n, .m = (size_t)p->m};
    e.program = program;
    e.workspace = rg_workspace_create(program, NULL);
    e.uniform = p->uniform;
    cr_assert(mkdtemp(e.folder));
    write_source(&e, &(rg_emit_options){.name = "f", .batch = 1, .statements = p->statements});
    int ways = 0;
    for (int way = 0; way < WAYS; way++) {
        if (!is_wanted(p, way, ways) || !is_possible(way))
            continue;
        compile(&e, way);
        load(&e);
        compare_at_points(p, &e);
        compare_batches(p, &e);
        unload(&e);
        ways++;
    }
    cr_assert(ways > 0, "there is no compiler");
    run_in(&e, "rm f.c f.h f.so");
    cr_assert(rmdir(e.folder) == 0);
    rg_workspace_destroy(e.workspace);
    rg_program_destroy(program);
}

/* ---- every row ---- */

enum { MOST_ROWS = 160 };

static const double specials[] = {0,   -0.0, 1,      -1,     0.5,   -0.5,     2,         -2, 30,
                                  -30, 710,  -745.2, 1e-300, 1e300, INFINITY, -INFINITY, NAN};

static rg_value row_of(const char *name, int count, rg_value a, rg_value b, double p, double q)
{
    const rg_op *op = rg_op_find(name);
    const rg_value in[2] = {a, b};
    const double parameters[2] = {p, q};
    cr_assert(op, "there is no %s", name);
    return rg_record(op, count, in, parameters);
}

Test(emit, every_row, .timeout = 300)
{
    rg_value x[2 * MOST_ROWS], y[MOST_ROWS];
    rg_tape *tape = rg_tape_create();
    int m = 0;
    for (int i = 0; i < 2 * MOST_ROWS; i++)
        x[i] = rg_input(tape, 0.7);
#define UNARY(name_, count, value, derivative, rule, low, high, p, q, ...) \
    y[m] = row_of(#name_, 1, x[2 * m], x[2 * m + 1], p, q), m++;
    RGI_ALL_UNARY_ROWS(UNARY)
#undef UNARY
#define STEP(name_, ...) y[m] = row_of(#name_, 1, x[2 * m], x[2 * m + 1], 0.5, 2), m++;
    RGI_STEP_ROWS(STEP)
#undef STEP
#define BINARY(name_, ...) y[m] = row_of(#name_, 2, x[2 * m], x[2 * m + 1], 0, 0), m++;
    RGI_ALL_BINARY_ROWS(BINARY)
    RGI_ALL_COMPARE_ROWS(BINARY)
#undef BINARY
    cr_assert(m < MOST_ROWS - 1);
    y[m] = rg_where(x[2 * m], x[2 * m + 1], x[0]), m++;
    const problem p = {.tape = tape,
                       .x = x,
                       .y = y,
                       .n = 2 * m,
                       .m = m,
                       .derivatives = RG_PROGRAM_VJP | RG_PROGRAM_JVP,
                       .low = 0.1,
                       .high = 3,
                       .special = specials,
                       .thorough = 1,
                       .specials = sizeof specials / sizeof *specials,
                       .tolerance = 4e-15};
    check_emitted(&p);
    rg_tape_destroy(tape);
}

/* ---- random graphs ---- */

enum { INPUTS = 9, NODES = 300 };

/* Operations that neither overflow nor cancel much. */
static rg_value random_node(rg_random *random, const rg_value *node, int count)
{
    rg_value a = node[rg_random_below(random, (uint64_t)count)];
    rg_value b = node[rg_random_below(random, (uint64_t)count)];
    switch (rg_random_below(random, 10)) {
    case 0: return rg_add(rg_mul(0.5, a), rg_mul(0.25, b));
    case 1: return rg_sin(rg_mul(a, b));
    case 2: return rg_sigmoid(rg_add(a, b));
    case 3: return rg_max(rg_mul(a, 0.9), b);
    case 4: return rg_where(rg_less(a, b), rg_tanh(a), rg_cos(b));
    case 5: return rg_div(a, rg_add(2, rg_square(b)));
    case 6: return rg_exp(rg_neg(rg_square(rg_add(a, b))));
    case 7: return rg_logaddexp(a, b);
    case 8: return rg_sub(rg_mul(a, 0.7), rg_mul(b, 0.3));
    default: return rg_softplus(rg_mul(a, b), 1.5);
    }
}

static void random_problem(uint64_t seed, int m, int derivatives, const unsigned char *uniform,
                           int statements)
{
    rg_random random = rg_random_create(seed);
    rg_tape *tape = rg_tape_create();
    rg_value node[NODES], y[3];
    for (int i = 0; i < INPUTS; i++)
        node[i] = rg_input(tape, uniform_number(&random, -1, 1));
    for (int i = INPUTS; i < NODES; i++)
        node[i] = random_node(&random, node, i);
    for (int j = 0; j < m; j++)
        y[j] = node[NODES - 1 - j];
    const problem p = {.tape = tape,
                       .x = node,
                       .y = y,
                       .n = INPUTS,
                       .m = m,
                       .derivatives = derivatives,
                       .uniform = uniform,
                       .statements = statements,
                       .low = -1,
                       .high = 1,
                       .tolerance = 1e-9};
    check_emitted(&p);
    rg_tape_destroy(tape);
}

Test(emit, random_graphs_of_one_output, .timeout = 300)
{
    const int all = RG_PROGRAM_GRADIENT | RG_PROGRAM_JVP | RG_PROGRAM_VJP | RG_PROGRAM_HVP |
                    RG_PROGRAM_JACOBIAN | RG_PROGRAM_HESSIAN;
    random_problem(1, 1, all, NULL, 0);
    random_problem(2, 1, all, NULL, 25);
}

Test(emit, random_graphs_of_several_outputs, .timeout = 300)
{
    const int all = RG_PROGRAM_JVP | RG_PROGRAM_VJP | RG_PROGRAM_JACOBIAN;
    random_problem(3, 3, all, NULL, 1);
    random_problem(4, 2, all, NULL, 500);
}

Test(emit, uniform_inputs, .timeout = 300)
{
    static const unsigned char some[INPUTS] = {0, 1, 1, 0, 1, 0, 0, 1, 1};
    static const unsigned char every[INPUTS] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const int all = RG_PROGRAM_GRADIENT | RG_PROGRAM_JVP | RG_PROGRAM_VJP | RG_PROGRAM_HVP;
    random_problem(5, 1, all, some, 0);
    random_problem(6, 1, all, some, 20);
    random_problem(7, 1, all, every, 0);
}

/* ---- loops ---- */

/* Outputs that are shifted, strided and reversed, with a value that all of them share. */
Test(emit, outputs_in_loops, .timeout = 300)
{
    enum { POINTS = 41 };
    rg_tape *tape = rg_tape_create();
    rg_value x[POINTS], y[4 * POINTS];
    int m = 0;
    for (int i = 0; i < POINTS; i++)
        x[i] = rg_input(tape, 1 + 0.1 * i);
    rg_value shared = rg_exp(rg_mul(x[3], x[7]));
    for (int i = 1; i + 1 < POINTS; i++)
        y[m++] = rg_add(rg_mul(shared, rg_sin(x[i])), rg_mul(x[i - 1], rg_square(x[i + 1])));
    for (int i = 0; 2 * i + 1 < POINTS; i++)
        y[m++] = rg_div(x[2 * i], rg_add(1, rg_square(x[2 * i + 1])));
    for (int i = POINTS; i-- > 0;)
        y[m++] = rg_max(x[i], rg_mul(x[0], shared));
    for (int i = 0; i < 8; i++)
        y[m++] = rg_square(rg_square(x[i]));
    const problem p = {.tape = tape,
                       .x = x,
                       .y = y,
                       .n = POINTS,
                       .m = m,
                       .derivatives = RG_PROGRAM_JVP | RG_PROGRAM_VJP | RG_PROGRAM_JACOBIAN,
                       .low = 0.5,
                       .high = 1.5,
                       .tolerance = 1e-11};
    check_emitted(&p);
    rg_tape_destroy(tape);
}

/* ---- small and large ---- */

Test(emit, constants_and_inputs_are_outputs, .timeout = 300)
{
    rg_tape *tape = rg_tape_create();
    rg_value x[3] = {rg_input(tape, 1), rg_input(tape, 2), rg_input(tape, 3)};
    rg_value y[6] = {
        rg_constant(tape, -2.5), x[1], x[1], rg_mul(x[0], x[1]), rg_constant(tape, INFINITY),
        rg_constant(tape, NAN)};
    static const unsigned char uniform[3] = {1, 0, 1};
    for (int k = 0; k < 3; k++) {
        const problem p = {.tape = tape,
                           .x = x,
                           .y = k == 1 ? y + 1 : y,
                           .n = k == 1 ? 3 : 2,
                           .m = k == 1 ? 1 : 6,
                           .uniform = k == 2 ? uniform : NULL,
                           .low = -1,
                           .high = 1,
                           .tolerance = 4e-15,
                           .derivatives = (k == 1 ? RG_PROGRAM_GRADIENT | RG_PROGRAM_HESSIAN : 0) |
                                          RG_PROGRAM_VJP | RG_PROGRAM_JVP | RG_PROGRAM_JACOBIAN};
        check_emitted(&p);
    }
    rg_tape_destroy(tape);
}

Test(emit, many_functions, .timeout = 300)
{
    rg_tape *tape = rg_tape_create();
    rg_value x[20], y = rg_constant(tape, 0.1);
    for (int i = 0; i < 20; i++)
        x[i] = rg_input(tape, 0.5);
    for (int i = 0; i < 500; i++)
        y = rg_add(rg_mul(rg_sin(y), x[i % 20]), rg_mul(0.1, x[(i * i + 3) % 20]));
    const problem p = {.tape = tape,
                       .x = x,
                       .y = &y,
                       .n = 20,
                       .m = 1,
                       .derivatives = RG_PROGRAM_GRADIENT,
                       .statements = 40,
                       .low = -0.8,
                       .high = 0.8,
                       .tolerance = 1e-9};
    check_emitted(&p);
    rg_tape_destroy(tape);
}

Test(emit, comparisons_are_counted, .timeout = 300)
{
    rg_tape *tape = rg_tape_create();
    rg_value x[2] = {rg_input(tape, 1), rg_input(tape, 2)};
    rg_less(x[0], x[1]);
    rg_greater(rg_mul(x[0], x[1]), 0.1);
    rg_value y = rg_mul(x[0], x[1]);
    const problem p = {.tape = tape,
                       .x = x,
                       .y = &y,
                       .n = 2,
                       .m = 1,
                       .low = -1,
                       .high = 1,
                       .special = specials,
                       .specials = 8};
    check_emitted(&p);
    rg_tape_destroy(tape);
}

/* ---- errors ---- */

static rg_program *small_program(const rg_allocator *allocator)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1), y = rg_exp(rg_square(x));
    const rg_program_options options = {.derivatives = RG_PROGRAM_GRADIENT | RG_PROGRAM_HESSIAN,
                                        .allocator = allocator};
    rg_program *program = rg_program_create(1, &y, 1, &x, &options, NULL);
    rg_tape_destroy(tape);
    return program;
}

static void check_refused(const rg_program *program, FILE *stream, const rg_emit_options *options,
                          rg_status status, const char *text)
{
    rg_error error;
    CHECK_STATUS(rg_program_write_c(program, stream, options, &error), status);
    CHECK_STATUS(error.status, status);
    cr_assert(strstr(error.message, text), "%s", error.message);
    CHECK_STATUS(rg_program_write_c(program, stream, options, NULL), status);
}

Test(emit, errors)
{
    rg_program *program = small_program(NULL);
    FILE *stream = tmpfile();
    const rg_emit_options good = {.name = "f"};
    check_refused(NULL, stream, &good, RG_ERROR_ARGUMENT, "are needed");
    check_refused(program, NULL, &good, RG_ERROR_ARGUMENT, "are needed");
    check_refused(program, stream, NULL, RG_ERROR_ARGUMENT, "are needed");
    check_refused(program, stream, &(rg_emit_options){0}, RG_ERROR_ARGUMENT, "are needed");
    static const char *const names[] = {"", "1f", "a b", "f-g", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_refused(program, stream, &(rg_emit_options){.name = names[i]}, RG_ERROR_ARGUMENT,
                      "no C identifier");
    check_refused(program, stream, &(rg_emit_options){.name = "f", .statements = -1},
                  RG_ERROR_ARGUMENT, "fewer than 0 statements");
    cr_assert(ftell(stream) == 0, "something was written");
    fclose(stream);
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        check_refused(program, full, &good, RG_ERROR_IO, "did not take everything");
        fclose(full);
    }
    FILE *unwritable = fopen("/dev/null", "r");
    check_refused(program, unwritable, &good, RG_ERROR_IO, "did not take everything");
    fclose(unwritable);
    rg_program_destroy(program);
}

Test(emit, no_memory)
{
    failing memory = {0};
    const rg_allocator allocator = {failing_resize, &memory};
    rg_program *program = small_program(&allocator);
    size_t live = memory.live;
    FILE *stream = fopen("/dev/null", "w");
    const rg_emit_options options = {.name = "f", .batch = 1};
    rg_status status = RG_ERROR_MEMORY;
    int failures = 0;
    for (; status != RG_OK; failures++) {
        memory.calls = 0;
        memory.fail_at = failures + 1;
        status = rg_program_write_c(program, stream, &options, NULL);
        cr_assert(status == RG_OK || status == RG_ERROR_MEMORY);
        cr_assert(memory.live == live, "memory was kept");
        cr_assert(failures < 1000);
    }
    cr_assert(failures > 5 && memory.wrong_sizes == 0);
    memory.fail_at = 0;
    fclose(stream);
    rg_program_destroy(program);
    cr_assert(memory.live == 0);
}
