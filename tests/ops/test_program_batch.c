/* test_program_batch.c: batches of compiled programs against single evaluations. */
#include "../check.h"
#include "../../ops/compiled.h"
#include "programs.h"

SUITE(program_batch);

/* Lists of a batch. Numbers that a batch must leave alone are NAN. */
typedef struct numbers {
    double number[MOST_INPUTS][MOST_COUNT + 1];
    double *list[MOST_INPUTS];
} numbers;

static void clear(numbers *all)
{
    for (int i = 0; i < MOST_INPUTS; i++) {
        all->list[i] = all->number[i];
        for (int l = 0; l <= MOST_COUNT; l++)
            all->number[i][l] = NAN;
    }
}

static const double *const *lists_of(const numbers *all)
{
    return (const double *const *)all->list;
}

static void fill_lists(numbers *all, size_t lists, size_t count, const unsigned char *uniform,
                       unsigned seed)
{
    clear(all);
    for (size_t i = 0; i < lists; i++)
        fill_random(all->number[i], uniform && uniform[i] ? 1 : count, seed + (unsigned)i);
}

/* The numbers of evaluation l. */
static void gather(const numbers *all, size_t lists, const unsigned char *uniform, size_t l,
                   double *x)
{
    for (size_t i = 0; i < lists; i++)
        x[i] = all->number[i][uniform && uniform[i] ? 0 : l];
}

/* ---- one kind of derivative ---- */

enum { VALUE, GRADIENT, JVP, VJP, HVP, KINDS };

/* All arrays are large: one for all tests. */
static struct {
    numbers x, v, u, y, d;
    double single_y[MOST_COUNT][MOST_OUTPUTS], single_d[MOST_COUNT][MOST_INPUTS];
} room;

static rg_status run_batch(const machine *p, int kind, size_t count)
{
    const double *const *x = lists_of(&room.x), *const *v = lists_of(&room.v),
                        *const *u = lists_of(&room.u);
    double *const *y = room.y.list, *const *d = room.d.list;
    switch (kind) {
    case VALUE: return rg_program_value_batch(p->program, p->workspace, count, x, y);
    case GRADIENT: return rg_program_gradient_batch(p->program, p->workspace, count, x, y, d);
    case JVP: return rg_program_jvp_batch(p->program, p->workspace, count, x, v, y, d);
    case VJP: return rg_program_vjp_batch(p->program, p->workspace, count, x, u, y, d);
    default: return rg_program_hvp_batch(p->program, p->workspace, count, x, v, d);
    }
}

static rg_status run_single(const machine *p, int kind, const unsigned char *uniform, size_t l)
{
    double x[MOST_INPUTS], v[MOST_INPUTS], u[MOST_OUTPUTS];
    double *y = room.single_y[l], *d = room.single_d[l];
    gather(&room.x, p->n, uniform, l, x);
    gather(&room.v, p->n, uniform, l, v);
    gather(&room.u, p->m, NULL, l, u);
    switch (kind) {
    case VALUE: return rg_program_value(p->program, p->workspace, x, y);
    case GRADIENT: return rg_program_gradient(p->program, p->workspace, x, y, d);
    case JVP: return rg_program_jvp(p->program, p->workspace, x, v, y, d);
    case VJP: return rg_program_vjp(p->program, p->workspace, x, u, y, d);
    default: return rg_program_hvp(p->program, p->workspace, x, v, d);
    }
}

/* Compares lists that a batch left with those of single evaluations, or with their sums. */
static void compare(const numbers *got, size_t lists, const unsigned char *uniform, size_t count,
                    const double *single, size_t width, int kind)
{
    for (size_t i = 0; i < lists; i++) {
        const int one = uniform && uniform[i];
        double sum = 0;
        for (size_t l = 0; l < count; l++) {
            double want = single[l * width + i];
            sum += want;
            cr_assert(one || is_near(got->number[i][l], want, 1e-11),
                      "kind %d: list %zu of evaluation %zu of %zu: %.17g, not %.17g", kind, i, l,
                      count, got->number[i][l], want);
        }
        cr_assert(!one || is_near(got->number[i][0], sum, 1e-9),
                  "kind %d: list %zu over %zu evaluations: %.17g, not %.17g", kind, i, count,
                  got->number[i][0], sum);
        cr_assert(isnan(got->number[i][one ? 1 : count]), "kind %d: list %zu is too long", kind, i);
    }
}

static void check_kind(const machine *p, int kind, const unsigned char *uniform, size_t count)
{
    clear(&room.y);
    clear(&room.d);
    CHECK_STATUS(run_batch(p, kind, count), RG_OK);
    for (size_t l = 0; l < count; l++)
        CHECK_STATUS(run_single(p, kind, uniform, l), RG_OK);
    if (kind != HVP)
        compare(&room.y, p->m, NULL, count, room.single_y[0], MOST_OUTPUTS, kind);
    if (kind != VALUE)
        compare(&room.d, kind == JVP ? p->m : p->n, kind == JVP ? NULL : uniform, count,
                room.single_d[0], MOST_INPUTS, kind);
}

/* A random function whose inputs are uniform as the bits of `uniform` say. */
static void check_batches(unsigned seed, size_t n, size_t m, unsigned bits, size_t count, int cpu)
{
    random_function f = {seed, 40};
    unsigned char uniform[MOST_INPUTS];
    double start[MOST_INPUTS];
    for (size_t i = 0; i < n; i++)
        uniform[i] = bits >> i & 1;
    fill_random(start, n, seed + 1);
    int derivatives = RG_PROGRAM_JVP | RG_PROGRAM_VJP;
    if (m == 1)
        derivatives |= RG_PROGRAM_GRADIENT | RG_PROGRAM_HVP;
    machine p = compile(call_random, &f, n, m, start, derivatives, uniform);
    p.program->interpreter = rgi_interpreter_for(cpu);
    fill_lists(&room.x, n, count, uniform, seed + 2);
    fill_lists(&room.v, n, count, uniform, seed + 102);
    fill_lists(&room.u, m, count, NULL, seed + 202);
    check_kind(&p, VALUE, uniform, count);
    check_kind(&p, JVP, uniform, count);
    check_kind(&p, VJP, uniform, count);
    if (m == 1) {
        check_kind(&p, GRADIENT, uniform, count);
        check_kind(&p, HVP, uniform, count);
    }
    dispose(&p);
}

Test(program_batch, agrees_with_single_evaluations)
{
    static const size_t counts[] = {0,  1,   2,   7,   8,   15,  16,  17,   31,  32,
                                    33, 127, 128, 129, 255, 256, 257, 1000, 1024};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int cpu = RGI_CPU_BASE; cpu <= rgi_cpu(); cpu++)
            check_batches(31 + (unsigned)i, 4, 1, 0x5, counts[i], cpu);
}

Test(program_batch, mixes_uniform_and_varying_inputs)
{
    for (unsigned seed = 0; seed < 60; seed++)
        check_batches(1000 + seed, 1 + seed % 5, seed % 2 ? 1 : 1 + seed % 4, seed * 7, 19,
                      rgi_cpu());
}

/* ---- what random functions seldom do ---- */

/* y0 depends on uniform inputs alone, y1 is a constant, y2 is an input, y3 is y2 again. */
static void call_plain(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                       void *context)
{
    (void)n, (void)m, (void)context;
    y[0] = rg_mul(x[0], rg_sin(x[0]));
    y[1] = rg_constant(tape, 7);
    y[2] = y[3] = x[1];
    y[4] = rg_add(x[1], rg_mul(x[0], x[1]));
}

Test(program_batch, handles_outputs_that_are_uniform_constant_or_inputs)
{
    const unsigned char uniform[] = {1, 0};
    const double start[] = {1, 2};
    for (size_t count = 0; count < 40; count += 13) {
        machine p =
            compile(call_plain, NULL, 2, 5, start, RG_PROGRAM_JVP | RG_PROGRAM_VJP, uniform);
        fill_lists(&room.x, 2, count, uniform, 1);
        fill_lists(&room.v, 2, count, uniform, 2);
        fill_lists(&room.u, 5, count, NULL, 3);
        for (int kind = VALUE; kind <= VJP; kind++)
            if (kind != GRADIENT)
                check_kind(&p, kind, uniform, count);
        dispose(&p);
    }
}

static void call_uniform_only(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                              void *context)
{
    (void)tape, (void)n, (void)m, (void)context;
    y[0] = rg_exp(x[0]);
}

Test(program_batch, sums_the_gradient_of_what_does_not_vary)
{
    const unsigned char uniform[] = {1, 0};
    const double start[] = {0.5, 0}, x = 0.5, other[3] = {0};
    double y[3], g, none[3] = {1, 1, 1};
    machine p = compile(call_uniform_only, NULL, 2, 1, start, RG_PROGRAM_GRADIENT, uniform);
    CHECK_STATUS(rg_program_gradient_batch(p.program, p.workspace, 3, (const double *[]){&x, other},
                                           (double *[]){y}, (double *[]){&g, none}),
                 RG_OK);
    CHECK_NEAR(g, 3 * exp(0.5), 1e-14);
    CHECK_NEAR(y[2], exp(0.5), 1e-14);
    cr_assert(none[0] == 0 && none[1] == 0 && none[2] == 0);
    CHECK_STATUS(rg_program_gradient_batch(p.program, p.workspace, 0, (const double *[]){&x, NULL},
                                           NULL, (double *[]){&g, NULL}),
                 RG_OK);
    cr_assert(g == 0, "the sum over nothing is %g", g);
    dispose(&p);
}

/* A zero upstream contributes exactly zero to a sum, also against an infinite slope; and unused
 * lanes contribute nothing. */
static void call_root(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                      void *context)
{
    (void)tape, (void)n, (void)m, (void)context;
    y[0] = rg_mul(x[1], rg_sqrt(rg_mul(x[0], x[2])));
}

Test(program_batch, guards_sums_against_zero_upstreams)
{
    const unsigned char uniform[] = {1, 0, 0};
    const double start[] = {4, 1, 1}, x0 = 4;
    double factor[20], x2[20], g, want = 0;
    for (int i = 0; i < 20; i++) {
        factor[i] = i % 3 ? 2 : 0;
        x2[i] = i % 3 ? 1 + i : 0; /* where the slope of the root is infinite */
        want += i % 3 ? 2 * 0.5 / sqrt(4.0 * x2[i]) * x2[i] : 0;
    }
    machine p = compile(call_root, NULL, 3, 1, start, RG_PROGRAM_GRADIENT, uniform);
    CHECK_STATUS(rg_program_gradient_batch(p.program, p.workspace, 20,
                                           (const double *[]){&x0, factor, x2}, NULL,
                                           (double *[]){&g, NULL, NULL}),
                 RG_OK);
    CHECK_NEAR(g, want, 1e-13);
    dispose(&p);
}

Test(program_batch, takes_null_for_outputs_that_are_not_wanted)
{
    random_function f = {77, 30};
    const double start[] = {0.1, 0.2, 0.3};
    double y[20], g[3][20], alone[20];
    machine p = compile(call_random, &f, 3, 1, start, RG_PROGRAM_GRADIENT, NULL);
    fill_lists(&room.x, 3, 20, NULL, 4);
    const double *const *x = lists_of(&room.x);
    CHECK_STATUS(rg_program_gradient_batch(p.program, p.workspace, 20, x, (double *[]){y},
                                           (double *[]){g[0], g[1], g[2]}),
                 RG_OK);
    CHECK_STATUS(rg_program_gradient_batch(p.program, p.workspace, 20, x, NULL,
                                           (double *[]){NULL, alone, NULL}),
                 RG_OK);
    cr_assert_eq(memcmp(alone, g[1], sizeof alone), 0);
    CHECK_STATUS(
        rg_program_gradient_batch(p.program, p.workspace, 20, x, (double *[]){alone}, NULL), RG_OK);
    cr_assert_eq(memcmp(alone, y, sizeof alone), 0);
    dispose(&p);
}
