/*
 * engine_fused.c: fused statements: every term a statement of its own; and statements as long as
 * they may be, which fuse several terms.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* ---- operators ---- */

/* An operator on unfinished expressions, with its parameters. */
typedef rg_expr fused_operator(const rg_expr *x, const double *p);

/* clang-format off */
#define UNARY(ROW) \
    ROW(neg) ROW(square) ROW(sqrt) ROW(rsqrt) ROW(reciprocal) ROW(exp) ROW(expm1) ROW(log) \
    ROW(log1p) ROW(log2) ROW(sin) ROW(cos) ROW(tan) ROW(asin) ROW(acos) ROW(atan) ROW(sinh) \
    ROW(cosh) ROW(tanh) ROW(asinh) ROW(acosh) ROW(atanh) ROW(erf) ROW(erfc) ROW(lgamma) \
    ROW(digamma) ROW(sigmoid) ROW(logsigmoid) ROW(silu) ROW(mish) ROW(gelu) ROW(gelu_tanh) \
    ROW(relu) ROW(abs)
#define WITH_ONE(ROW) ROW(softplus) ROW(leaky_relu) ROW(elu)
#define WITH_TWO(ROW) ROW(hardtanh) ROW(clamp)
#define BINARY(ROW) \
    ROW(add) ROW(sub) ROW(mul) ROW(div) ROW(pow) ROW(atan2) ROW(hypot) ROW(max) ROW(min) \
    ROW(logaddexp)
/* clang-format on */

#define DEFINE(name, ...)                                          \
    static rg_expr fused_##name(const rg_expr *x, const double *p) \
    {                                                              \
        (void)p;                                                   \
        return rg_##name(__VA_ARGS__);                             \
    }
#define DEFINE_UNARY(name)    DEFINE(name, x[0])
#define DEFINE_WITH_ONE(name) DEFINE(name, x[0], p[0])
#define DEFINE_WITH_TWO(name) DEFINE(name, x[0], p[0], p[1])
#define DEFINE_BINARY(name)   DEFINE(name, x[0], x[1])
UNARY(DEFINE_UNARY)
WITH_ONE(DEFINE_WITH_ONE)
WITH_TWO(DEFINE_WITH_TWO)
BINARY(DEFINE_BINARY)
DEFINE(where, x[0], x[1], x[2])

static rg_expr fused_pow_scalar(const rg_expr *x, const double *p)
{
    return rg_pow(x[0], p[0]);
}

static const struct {
    const char *name;
    fused_operator *apply;
} operators[] = {
#define ENTRY(name) {#name, fused_##name},
    UNARY(ENTRY) WITH_ONE(ENTRY) WITH_TWO(ENTRY) BINARY(ENTRY) ENTRY(where) ENTRY(pow_scalar)};

static fused_operator *find(const char *name)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (!strcmp(operators[i].name, name))
            return operators[i].apply;
    return NULL;
}

/* ---- statements ---- */

static rg_expr commit(rg_tape *tape, rg_expr e)
{
    return rgi_expr_of_real(rg_let(tape, e));
}

/* The operands of a term, committed where they would make its statement too long. */
static void gather(const ref_term *term, const rg_expr *value, rg_tape *tape, rg_expr *argument)
{
    int count = 0;
    for (const char *name = ref_operands(term->operator); *name; name++, count++)
        argument[count] = value[term->argument[count]];
    for (int k = 0, terms = 0; k < count; k++) {
        if (terms + argument[k].count > RGI_TERMS - (count - 1 - k))
            argument[k] = commit(tape, argument[k]);
        terms += argument[k].count;
    }
}

static rg_real calculate(ref_expression *e, rg_tape *tape, const rg_real *x, bool fuse)
{
    rg_expr *value = ref_alloc((size_t)(e->input_count + e->term_count) * sizeof *value);
    for (int i = 0; i < e->input_count; i++)
        value[i] = rgi_expr_of_real(x[i]);
    for (int i = 0; i < e->term_count; i++) {
        const ref_term *term = &e->term[i];
        rg_expr *y = &value[e->input_count + i], argument[REF_MAX_OPERANDS];
        fused_operator *apply = term->operator? find(term->operator->name) : NULL;
        *y = rgi_expr_of_number(term->number);
        if (apply) {
            gather(term, value, tape, argument);
            *y = apply(argument, term->parameter);
            *y = fuse ? *y : commit(tape, *y);
        } else if (term->operator) {
            ref_set(&e->outcome, REF_SKIP, "%s has no fused form here", term->operator->name);
        }
    }
    rg_real y = rg_let(tape, value[e->input_count + e->term_count - 1]);
    free(value);
    return y;
}

/* ---- points ---- */

static void run_point(ref_expression *e, ref_result *result, int64_t point, rg_tape *tape,
                      bool fuse)
{
    int n = e->input_count;
    rg_value *x = ref_alloc((size_t)n * sizeof *x);
    rg_real *r = ref_alloc((size_t)n * sizeof *r);
    rg_tape_reset(tape);
    for (int k = 0; k < n; k++) {
        x[k] = rg_input(tape, e->x[point * n + k]);
        r[k] = rg_let(tape, x[k]);
    }
    rg_value y = rg_value_of(tape, calculate(e, tape, r, fuse));
    result->value[point] = rg_item(y);
    rg_backward_with(y, &e->upstream[point]);
    rg_read_real_grads(tape, (size_t)n, r, result->gradient + point * n);
    rg_forward(n, x, 1, e->direction + point * n, 1, &y, &result->slope[point]);
    if (rg_tape_status(tape) != RG_OK)
        ref_set(&e->outcome, REF_FAIL, "%s", rg_tape_message(tape));
    free(x);
    free(r);
}

static void run(ref_expression *list, int count)
{
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < count; i++)
        for (int fuse = 0; fuse < 2; fuse++) {
            ref_expression *e = &list[i];
            ref_result *result = ref_add_result(e, fuse ? "fused" : "one by one", false, true);
            for (int64_t p = 0; p < e->count && e->outcome.verdict == REF_PASS; p++)
                run_point(e, result, p, tape, fuse);
        }
    rg_tape_destroy(tape);
}

const ref_engine ref_engine_fused = {.name = "fused", .run = run, .orders = 2};
