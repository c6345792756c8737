/*
 * programs.h: what the tests of compiled programs share: programs from functions, random functions,
 * lists for batches. Include it after check.h.
 */
#ifndef RG_TESTS_OPS_PROGRAMS_H
#define RG_TESTS_OPS_PROGRAMS_H

#include <string.h>

enum {
    FIRST_ORDER = RG_PROGRAM_JVP | RG_PROGRAM_VJP | RG_PROGRAM_JACOBIAN,
    ONE_OUTPUT = RG_PROGRAM_GRADIENT | RG_PROGRAM_HVP | RG_PROGRAM_HESSIAN,
    MOST_INPUTS = 32,
    MOST_OUTPUTS = 32,
    MOST_COUNT = 1024
};

/* A program with a workspace; the test fails if they are not made. */
typedef struct machine {
    rg_program *program;
    rg_workspace *workspace;
    size_t n, m;
} machine;

/* The program of a function recorded at x, whose tape is gone when it is run. */
static inline machine compile(rg_function *f, void *context, size_t n, size_t m, const double *x,
                              int derivatives, const unsigned char *uniform)
{
    rg_tape *tape = rg_tape_create();
    rg_value xs[MOST_INPUTS], ys[MOST_OUTPUTS];
    rg_error error = {0};
    for (size_t i = 0; i < n; i++)
        xs[i] = rg_input(tape, x[i]);
    f(tape, xs, n, ys, m, context);
    const rg_program_options options = {.derivatives = derivatives, .uniform = uniform};
    machine made = {.n = n, .m = m};
    made.program = rg_program_create((int)m, ys, (int)n, xs, &options, &error);
    cr_assert(made.program, "%s", error.message);
    rg_tape_destroy(tape);
    made.workspace = rg_workspace_create(made.program, &error);
    cr_assert(made.workspace, "%s", error.message);
    return made;
}

static inline void dispose(machine *made)
{
    rg_workspace_destroy(made->workspace);
    rg_program_destroy(made->program);
}

/* A random function: each of `size` steps applies an operation to values chosen among all before;
 * the last m are its outputs. The same seed gives the same function. */
typedef struct random_function {
    unsigned seed;
    int size;
} random_function;

static inline rg_value random_step(rg_random *random, rg_value a, rg_value b, rg_value c)
{
    double number = 4 * rg_random_uniform(random) - 2;
    switch ((int)(24 * rg_random_uniform(random))) {
    case 0: return rg_add(a, b);
    case 1: return rg_sub(a, b);
    case 2: return rg_mul(a, b);
    case 3: return rg_div(a, rg_add(1.5, rg_square(b)));
    case 4: return rg_neg(a);
    case 5: return rg_sin(a);
    case 6: return rg_tanh(a);
    case 7: return rg_exp(rg_neg(rg_square(a)));
    case 8: return rg_log(rg_add(1.5, rg_square(a)));
    case 9: return rg_mul(number, a);
    case 10: return rg_sub(number, a);
    case 11: return rg_max(a, b);
    case 12: return rg_where(rg_less(a, b), b, c);
    case 13: return rg_relu(a);
    case 14: return rg_sigmoid(a);
    case 15: return rg_add(a, rg_mul(b, c));
    case 16: return rg_sub(a, rg_mul(b, c));
    case 17: return rg_div(a, 4);
    case 18: return rg_sqrt(rg_add(0.5, rg_square(a)));
    case 19: return rg_clamp(a, -1, number + 3);
    case 20: return rg_atan2(a, rg_add(2, rg_square(b)));
    case 21: return rg_hypot(a, rg_add(1, rg_abs(b)));
    case 22: return rg_leaky_relu(a, 0.2);
    default: return rg_mul(rg_neg(a), rg_cos(b));
    }
}

static inline void call_random(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m,
                               void *context)
{
    const random_function *f = context;
    rg_random random = rg_random_create(f->seed);
    rg_value value[512];
    int count = (int)n;
    (void)tape;
    cr_assert_leq(count + f->size, 512);
    memcpy(value, x, n * sizeof *x);
    for (int i = 0; i < f->size; i++) {
        rg_value in[3];
        for (int k = 0; k < 3; k++) {
            /* Often one of the newest, so that functions become deep. */
            double u = rg_random_uniform(&random);
            in[k] =
                value[(int)((1 - u * u) * count) < count ? (int)((1 - u * u) * count) : count - 1];
        }
        value[count++] = random_step(&random, in[0], in[1], in[2]);
    }
    for (size_t j = 0; j < m; j++)
        y[j] = value[count - 1 - (int)j];
}

static inline void fill_random(double *x, size_t count, unsigned seed)
{
    rg_random random = rg_random_create(seed);
    for (size_t i = 0; i < count; i++)
        x[i] = 3 * rg_random_uniform(&random) - 1.5;
}

/* Whether two lists are the same to `tolerance`, as is_near says. */
static inline int are_near(const double *got, const double *want, size_t count, double tolerance)
{
    for (size_t i = 0; i < count; i++)
        if (!is_near(got[i], want[i], tolerance))
            return 0;
    return 1;
}

#endif
