/*
 * emitted.h: emitted C compiled and loaded, and compared with its program, for test_emit.c. Include
 * it after check.h.
 */
#ifndef RG_TESTS_OPS_EMITTED_H
#define RG_TESTS_OPS_EMITTED_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct emitted {
    char folder[64];
    void *library;
    size_t n, m; /* inputs, outputs */
    double *work;
    const rg_program *program;
    rg_workspace *workspace;
    const unsigned char *uniform;
} emitted;

/* ---- compiling ---- */

static const char *const compilers[] = {"gcc", "clang"};
static const char *const flags[] = {"-O1", "-O2 -march=native"};
enum { COMPILERS = 2, FLAGS = 2, WAYS = COMPILERS * FLAGS };

/* Whether a way to compile works here; at least one must. */
static inline int is_possible(int way)
{
    char command[256];
    snprintf(command, sizeof command,
             "echo 'int x;' | %s %s -x c -c - -o /dev/null > /dev/null 2>&1",
             compilers[way / FLAGS], flags[way % FLAGS]);
    return system(command) == 0;
}

static inline FILE *open_file(const emitted *e, const char *name, const char *mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", e->folder, name);
    FILE *file = fopen(path, mode);
    cr_assert(file, "%s cannot be opened", path);
    return file;
}

static inline void run_in(const emitted *e, const char *command)
{
    char line[512];
    snprintf(line, sizeof line, "cd %s && %s", e->folder, command);
    cr_assert(system(line) == 0, "failed: %s", line);
}

/* The header must agree with the source, and be right in C++ too. */
static inline void compile(const emitted *e, int way)
{
    char command[384];
    snprintf(command, sizeof command,
             "%s %s -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wmissing-prototypes -Werror "
             "-include f.h -fPIC -shared f.c -o f.so -lm",
             compilers[way / FLAGS], flags[way % FLAGS]);
    run_in(e, command);
    if (strcmp(compilers[way / FLAGS], "gcc") == 0)
        run_in(e, "gcc -std=c++17 -Wall -Wextra -Wpedantic -Werror -x c++ -fsyntax-only f.h");
}

static inline int number_of(void *library, const char *function)
{
    int (*get)(void) = NULL;
    *(void **)&get = dlsym(library, function);
    cr_assert(get);
    return get();
}

static inline void write_source(const emitted *e, const rg_emit_options *options)
{
    rg_error error;
    FILE *source = open_file(e, "f.c", "w");
    cr_assert(rg_program_write_c(e->program, source, options, &error) == RG_OK, "%s",
              error.message);
    /* What only the compiler knows, for dlsym. */
    fprintf(source, "int work_size(void);\nint work_size(void)\n{\n    return %s;\n}\n",
            options->batch ? "f_WORK > f_BATCH_WORK ? f_WORK : f_BATCH_WORK" : "f_WORK");
    fclose(source);
    rg_emit_options declarations = *options;
    declarations.header = 1;
    FILE *header = open_file(e, "f.h", "w");
    CHECK_STATUS(rg_program_write_c(e->program, header, &declarations, NULL), RG_OK);
    fclose(header);
}

static inline void load(emitted *e)
{
    char path[128];
    snprintf(path, sizeof path, "%s/f.so", e->folder);
    e->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    cr_assert(e->library, "%s", dlerror());
    e->work = malloc(((size_t)number_of(e->library, "work_size") + 1) * sizeof *e->work);
}

static inline void unload(emitted *e)
{
    dlclose(e->library);
    free(e->work);
}

/* ---- comparing ---- */

/* Up to the sign of zero; NaN is NaN. `floor` is what sums may differ by that cancel. */
static inline int is_same(double a, double b, double tolerance, double floor)
{
    if (isnan(a) || isnan(b) || isinf(a) || isinf(b))
        return (isnan(a) && isnan(b)) || a == b;
    return fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b)) + floor;
}

static inline void check_all(const char *what, size_t count, const double *got, const double *want,
                             double tolerance, double floor)
{
    for (size_t i = 0; i < count; i++)
        cr_assert(is_same(got[i], want[i], tolerance, floor), "%s[%zu] is %.17g, not %.17g", what,
                  i, got[i], want[i]);
}

/* A function of the library, or NULL. */
static inline void *find(const emitted *e, const char *name)
{
    return dlsym(e->library, name);
}

typedef void one_in(const double *, double *, double *);
typedef void two(const double *, double *, double *, double *);
typedef void three(const double *, const double *, double *, double *);
typedef void four(const double *, const double *, double *, double *, double *);

/* Every single evaluation that there is, at x in directions v and u. */
static inline void compare_single(const emitted *e, const double *x, const double *v,
                                  const double *u, double tolerance)
{
    size_t n = e->n, m = e->m, most = n > m ? n * n : n > 0 ? m * m + m * n : m;
    double *y[2], *d[2];
    for (int k = 0; k < 2; k++) {
        y[k] = calloc(m + 1, sizeof(double));
        d[k] = calloc(most + n * m + 1, sizeof(double));
    }
    union {
        void *object;
        one_in *one;
        two *two;
        three *three;
        four *four;
    } f;
    const rg_program *p = e->program;
    rg_workspace *w = e->workspace;
    f.object = find(e, "f_value");
    cr_assert(f.object);
    f.one(x, y[0], e->work);
    CHECK_STATUS(rg_program_value(p, w, x, y[1]), RG_OK);
    check_all("y", m, y[0], y[1], tolerance, 0);
#define COMPARE(name, count, call, reference, wanted)             \
    if ((f.object = find(e, "f_" name))) {                        \
        CHECK_STATUS(reference, RG_OK);                           \
        call;                                                     \
        check_all(name, count, d[0], d[1], tolerance, tolerance); \
        if (wanted)                                               \
            check_all("y of " name, m, y[0], y[1], tolerance, 0); \
    }
    COMPARE("gradient", n, f.two(x, y[0], d[0], e->work), rg_program_gradient(p, w, x, y[1], d[1]),
            1)
    COMPARE("gradient", n, f.two(x, NULL, d[0], e->work), rg_program_gradient(p, w, x, NULL, d[1]),
            0)
    COMPARE("jvp", m, f.four(x, v, y[0], d[0], e->work), rg_program_jvp(p, w, x, v, y[1], d[1]), 1)
    COMPARE("vjp", n, f.four(x, u, y[0], d[0], e->work), rg_program_vjp(p, w, x, u, y[1], d[1]), 1)
    COMPARE("vjp", n, f.four(x, u, NULL, d[0], e->work), rg_program_vjp(p, w, x, u, NULL, d[1]), 0)
    COMPARE("hvp", n, f.three(x, v, d[0], e->work), rg_program_hvp(p, w, x, v, d[1]), 0)
    COMPARE("jacobian", m * n, f.two(x, y[0], d[0], e->work),
            rg_program_jacobian(p, w, x, y[1], d[1]), 1)
    COMPARE("hessian", n * n, f.one(x, d[0], e->work), rg_program_hessian(p, w, x, d[1]), 0)
    COMPARE("sparse_jacobian", rg_program_jacobian_pattern(p)->count, f.two(x, NULL, d[0], e->work),
            rg_program_sparse_jacobian(p, w, x, NULL, d[1]), 0)
    COMPARE("sparse_hessian", rg_program_hessian_pattern(p)->count, f.one(x, d[0], e->work),
            rg_program_sparse_hessian(p, w, x, d[1]), 0)
#undef COMPARE
    if ((f.object = find(e, "f_check"))) {
        size_t left;
        f.one(x, y[0], e->work);
        CHECK_STATUS(rg_program_check(p, w, x, &left), RG_OK);
        cr_assert(y[0][0] == (double)left);
    }
    for (int k = 0; k < 2; k++) {
        free(y[k]);
        free(d[k]);
    }
}

/* ---- batches ---- */

/* Lists of `count` arrays of `length` numbers; those of uniform inputs have one. */
typedef struct lists {
    double **of;
    size_t count, length;
} lists;

static inline lists make_lists(size_t count, size_t length)
{
    lists made = {malloc((count + 1) * sizeof(double *)), count, length};
    for (size_t i = 0; i < count; i++) {
        made.of[i] = malloc((length + 1) * sizeof(double));
        for (size_t k = 0; k <= length; k++)
            made.of[i][k] = 12345; /* where nothing may be written, this remains */
    }
    return made;
}

static inline void free_lists(lists made)
{
    for (size_t i = 0; i < made.count; i++)
        free(made.of[i]);
    free(made.of);
}

static inline void check_lists(const char *what, const emitted *e, lists got, lists want,
                               int like_inputs, double tolerance, double floor)
{
    for (size_t i = 0; i < got.count; i++) {
        int is_sum = like_inputs && e->uniform && e->uniform[i];
        size_t length = is_sum ? 1 : got.length;
        for (size_t k = 0; k < length; k++) {
            double a = got.of[i][k], b = want.of[i][k];
            cr_assert(is_same(a, b, is_sum ? 1e-10 : tolerance, is_sum ? 1e-10 : floor),
                      "%s[%zu][%zu] is %.17g, not %.17g", what, i, k, a, b);
        }
        for (size_t k = length; k <= got.length; k++)
            cr_assert(got.of[i][k] == 12345, "%s[%zu] was written behind its end", what, i);
    }
}

typedef const double *const *inputs;
typedef double *const *outputs;
typedef void batch_one(size_t, inputs, outputs, double *);
typedef void batch_two(size_t, inputs, outputs, outputs, double *);
typedef void batch_three(size_t, inputs, inputs, outputs, double *);
typedef void batch_four(size_t, inputs, inputs, outputs, outputs, double *);

/* Every batch that there is. */
static inline void compare_batch(const emitted *e, size_t count, lists x, lists v, lists u,
                                 double tolerance)
{
    union {
        void *object;
        batch_one *one;
        batch_two *two;
        batch_three *three;
        batch_four *four;
    } f;
    inputs xs = (inputs)x.of, vs = (inputs)v.of, us = (inputs)u.of;
    const rg_program *p = e->program;
    rg_workspace *w = e->workspace;
#define COMPARE(name, size, like_inputs, call, reference)               \
    if ((f.object = find(e, "f_" name "_batch"))) {                     \
        lists y = make_lists(e->m, count), z = make_lists(e->m, count); \
        lists d = make_lists(size, count), c = make_lists(size, count); \
        call;                                                           \
        CHECK_STATUS(reference, RG_OK);                                 \
        check_lists(name, e, d, c, like_inputs, tolerance, tolerance);  \
        check_lists("y of " name, e, y, z, 0, tolerance, 0);            \
        free_lists(y), free_lists(z), free_lists(d), free_lists(c);     \
    }
    COMPARE("value", 0, 0, f.one(count, xs, y.of, e->work),
            rg_program_value_batch(p, w, count, xs, z.of))
    COMPARE("gradient", e->n, 1, f.two(count, xs, y.of, d.of, e->work),
            rg_program_gradient_batch(p, w, count, xs, z.of, c.of))
    COMPARE("gradient", e->n, 1, f.two(count, xs, NULL, d.of, e->work),
            rg_program_gradient_batch(p, w, count, xs, NULL, c.of))
    COMPARE("jvp", e->m, 0, f.four(count, xs, vs, y.of, d.of, e->work),
            rg_program_jvp_batch(p, w, count, xs, vs, z.of, c.of))
    COMPARE("vjp", e->n, 1, f.four(count, xs, us, y.of, d.of, e->work),
            rg_program_vjp_batch(p, w, count, xs, us, z.of, c.of))
    COMPARE("hvp", e->n, 1, f.three(count, xs, vs, d.of, e->work),
            rg_program_hvp_batch(p, w, count, xs, vs, c.of))
    COMPARE("vjp", e->n, 1, f.four(count, xs, us, y.of, NULL, e->work),
            rg_program_vjp_batch(p, w, count, xs, us, z.of, NULL))
#undef COMPARE
}

#endif
