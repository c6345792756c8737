/*
 * engine_emitted.c: programs written as C, many to a file, which the compiler that built this
 * program compiles in a temporary directory; the functions are then loaded from there.
 *
 * Compiling takes most of the time, so it is done without optimization, two files at once; and of
 * expressions with several terms only some are compiled with everything.
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiled.h"

enum { PATH_SIZE = 512, FUNCTIONS = 10, PER_FILE = 40, AT_ONCE = 2, SOME = 10 };

/* The compiler must have nothing to say about them. */
#define FLAGS "-std=c11 -O0 -ffp-contract=off -Wall -Wextra -Wpedantic -Werror -fPIC -shared"

/* ---- the functions of one program ---- */

typedef void one_output(const double *x, double *y, double *work);
typedef void two_outputs(const double *x, double *y, double *g, double *work);
typedef void one_product(const double *x, const double *v, double *hv, double *work);
typedef void two_products(const double *x, const double *v, double *y, double *jv, double *work);
typedef const double *const inputs;
typedef double *const outputs;
typedef void batch_output(size_t count, inputs *x, outputs *y, double *work);
typedef void batch_outputs(size_t count, inputs *x, outputs *y, outputs *g, double *work);
typedef void batch_product(size_t count, inputs *x, inputs *v, outputs *hv, double *work);
typedef void batch_products(size_t count, inputs *x, inputs *v, outputs *y, outputs *jv,
                            double *work);

/* Their names, and where they were loaded, in the order of the names. */
static const char *const names[FUNCTIONS] = {
    "value",       "gradient",       "jvp",       "vjp",       "hvp",
    "value_batch", "gradient_batch", "jvp_batch", "vjp_batch", "hvp_batch"};
typedef union loaded {
    void *symbol[FUNCTIONS];
    struct {
        one_output *value;
        two_outputs *gradient;
        two_products *jvp, *vjp;
        one_product *hvp;
        batch_output *value_batch;
        batch_outputs *gradient_batch;
        batch_products *jvp_batch, *vjp_batch;
        batch_product *hvp_batch;
    } call;
} loaded;

typedef struct runner {
    loaded functions;
    double *work;
} runner;

/* They return nothing; what they are called with is right. */
#define CALL(name, ...)                               \
    do {                                              \
        const runner *r = self;                       \
        r->functions.call.name(__VA_ARGS__, r->work); \
        return RG_OK;                                 \
    } while (0)

static rg_status value(void *self, const double *x, double *y)
{
    CALL(value, x, y);
}

static rg_status gradient(void *self, const double *x, double *y, double *g)
{
    CALL(gradient, x, y, g);
}

static rg_status jvp(void *self, const double *x, const double *v, double *y, double *jv)
{
    CALL(jvp, x, v, y, jv);
}

static rg_status vjp(void *self, const double *x, const double *u, double *y, double *uj)
{
    CALL(vjp, x, u, y, uj);
}

static rg_status hvp(void *self, const double *x, const double *v, double *hv)
{
    CALL(hvp, x, v, hv);
}

static rg_status value_batch(void *self, size_t count, inputs *x, outputs *y)
{
    CALL(value_batch, count, x, y);
}

static rg_status gradient_batch(void *self, size_t count, inputs *x, outputs *y, outputs *g)
{
    CALL(gradient_batch, count, x, y, g);
}

static rg_status jvp_batch(void *self, size_t count, inputs *x, inputs *v, outputs *y, outputs *jv)
{
    CALL(jvp_batch, count, x, v, y, jv);
}

static rg_status vjp_batch(void *self, size_t count, inputs *x, inputs *u, outputs *y, outputs *uj)
{
    CALL(vjp_batch, count, x, u, y, uj);
}

static rg_status hvp_batch(void *self, size_t count, inputs *x, inputs *v, outputs *hv)
{
    CALL(hvp_batch, count, x, v, hv);
}

static const ref_functions functions = {
    value, gradient, jvp, vjp, hvp, value_batch, gradient_batch, jvp_batch, vjp_batch, hvp_batch};

/* ---- one file ---- */

/* The files of some expressions; `compiler` while it runs. */
typedef struct source {
    char directory[64], c[PATH_SIZE], library[PATH_SIZE];
    ref_expression *list;
    int count;
    FILE *compiler;
} source;

/* Whether an expression is compiled with products and batches too. */
static bool is_complete(const source *s, int number)
{
    return s->list[number].term_count == 1 || number % SOME == 0;
}

static void fail_all(source *s, const char *what, const char *why)
{
    for (int i = 0; i < s->count; i++)
        ref_set(&s->list[i].outcome, REF_FAIL, "%s: %s", what, why);
}

/* Writes a program with functions that begin with e<number>, and the sizes of their memory. */
static void write_program(source *s, int number, rg_tape *tape, FILE *file)
{
    char name[32];
    rg_error error = {0};
    ref_expression *e = &s->list[number];
    bool complete = is_complete(s, number);
    rg_program *program =
        ref_compile(e, tape, complete ? REF_GRADIENTS | REF_PRODUCTS : REF_GRADIENTS, false);
    snprintf(name, sizeof name, "e%d", number);
    rg_emit_options options = {.name = name, .batch = complete};
    if (program && rg_program_write_c(program, file, &options, &error) != RG_OK)
        ref_set(&e->outcome, REF_FAIL, "write_c: %s", error.message);
    else if (program)
        fprintf(file,
                "extern const size_t %s_sizes[2];\n"
                "const size_t %s_sizes[2] = {%s_WORK, %s%s};\n",
                name, name, name, complete ? name : "0", complete ? "_BATCH_WORK" : "");
    rg_program_destroy(program);
}

static bool write_file(source *s, rg_tape *tape)
{
    FILE *file = fopen(s->c, "w");
    if (!file)
        return false;
    for (int i = 0; i < s->count; i++)
        write_program(s, i, tape, file);
    return fclose(file) == 0;
}

/* Writes a file and sets the compiler to it. */
static void start(source *s, ref_expression *list, int count, rg_tape *tape)
{
    char command[3 * PATH_SIZE];
    *s = (source){.directory = "/tmp/reelgrad-XXXXXX", .list = list, .count = count};
    if (!mkdtemp(s->directory)) {
        fail_all(s, s->directory, "it cannot be created");
        return;
    }
    snprintf(s->c, sizeof s->c, "%.63s/emitted.c", s->directory);
    snprintf(s->library, sizeof s->library, "%.63s/emitted.so", s->directory);
    snprintf(command, sizeof command, "%s %s -o '%s' '%s' -lm 2>&1", RG_REFERENCE_CC, FLAGS,
             s->library, s->c);
    if (!write_file(s, tape))
        fail_all(s, s->c, "it cannot be written");
    else if (!(s->compiler = popen(command, "r")))
        fail_all(s, RG_REFERENCE_CC, "it does not run");
}

/* ---- running ---- */

static void *find(void *library, int number, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "e%d_%s", number, what);
    return dlsym(library, name);
}

static void run_expression(source *s, int number, void *library)
{
    ref_expression *e = &s->list[number];
    bool complete = is_complete(s, number);
    runner r = {.work = NULL};
    const size_t *sizes = find(library, number, "sizes");
    for (int i = 0; i < FUNCTIONS; i++) {
        r.functions.symbol[i] = find(library, number, names[i]);
        if (!r.functions.symbol[i] && complete)
            ref_set(&e->outcome, REF_FAIL, "the file has no function %s", names[i]);
    }
    if (!sizes || !r.functions.call.gradient || !r.functions.call.hvp)
        ref_set(&e->outcome, REF_FAIL, "the file lacks functions");
    if (e->outcome.verdict != REF_PASS)
        return;
    r.work = ref_alloc_doubles((int64_t)(sizes[0] > sizes[1] ? sizes[0] : sizes[1]));
    ref_run_gradients(e, &functions, &r);
    if (complete) {
        ref_run_products(e, &functions, &r);
        ref_run_batch(e, &functions, &r);
    }
    free(r.work);
}

static void load(source *s)
{
    void *library = dlopen(s->library, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fail_all(s, "dlopen", dlerror());
        return;
    }
    for (int i = 0; i < s->count; i++)
        if (s->list[i].outcome.verdict == REF_PASS)
            run_expression(s, i, library);
    dlclose(library);
}

/* Whether the compiler succeeded; `message` is what it said first. */
static bool wait_for(source *s, char *message, int size)
{
    char rest[256];
    if (!fgets(message, size, s->compiler))
        snprintf(message, (size_t)size, "it failed");
    while (fgets(rest, sizeof rest, s->compiler))
        ;
    return pclose(s->compiler) == 0;
}

static void finish(source *s)
{
    char message[300];
    if (s->compiler && wait_for(s, message, sizeof message))
        load(s);
    else if (s->compiler)
        fail_all(s, RG_REFERENCE_CC, message);
    unlink(s->c);
    unlink(s->library);
    rmdir(s->directory);
}

static void run(ref_expression *list, int count)
{
    rg_tape *tape = rg_tape_create();
    source sources[AT_ONCE];
    for (int i = 0; i < count;) {
        int started = 0;
        for (; started < AT_ONCE && i < count; started++, i += PER_FILE)
            start(&sources[started], list + i, count - i < PER_FILE ? count - i : PER_FILE, tape);
        for (int k = 0; k < started; k++)
            finish(&sources[k]);
    }
    rg_tape_destroy(tape);
}

const ref_engine ref_engine_emitted = {.name = "emitted", .run = run, .orders = 3};
