/* test_lbfgs_save.c: L-BFGS goes on bitwise from a file, and only from one that is right. */
#define _DEFAULT_SOURCE

#include "files.h"
#include "training.h"

SUITE_WITH_FILES(lbfgs_save);

/* ---- a problem ---- */

/* Parameters of both types, one of which is frozen, and a loss of all. */
static rg_params *make_params(const rg_allocator *allocator)
{
    rg_params *params = rg_params_create(allocator);
    rg_param *x = rg_params_add(params, "x", RG_F64, RG_SHAPE(2, 2), NULL);
    rg_param *y = rg_params_add(params, "y", RG_F32, RG_SHAPE(3), NULL);
    rg_param *c = rg_params_add(params, "c", RG_F64, RG_SCALAR, NULL);
    if (!x || !y || !c) {
        rg_params_destroy(params);
        return NULL;
    }
    rg_param_write(x, (const double[]){-1.2, 1, 0.3, -2});
    rg_param_write(y, (const double[]){2, -1, 0.5});
    rg_param_write(c, (const double[]){0.7});
    rg_params_freeze(params, "c", 1);
    return params;
}

typedef struct problem {
    rg_params *params;
    rg_tape *tape;
} problem;

/* Rosenbrock's function of all elements, twice bent by the frozen one. */
static rg_status evaluate(void *context, double *loss)
{
    problem *p = context;
    rg_tape_reset(p->tape);
    rg_value parts[] = {rg_reshape(rg_use(p->tape, rg_params_find(p->params, "x")), RG_SHAPE(4)),
                        rg_cast(rg_use(p->tape, rg_params_find(p->params, "y")), RG_F64)};
    rg_value all = rg_concat(2, parts, 0), c = rg_use(p->tape, rg_params_find(p->params, "c"));
    rg_value low = rg_slice(all, 0, 0, -1, 1), high = rg_slice(all, 0, 1, RG_SLICE_END, 1);
    rg_value valley = rg_sum(rg_square(rg_sub(high, rg_square(low))));
    rg_value f = rg_add(rg_mul(100, valley), rg_sum(rg_square(rg_sub(c, low))));
    *loss = rg_item(f);
    return rg_backward(f);
}

static void go_on(rg_params *params, rg_lbfgs *lbfgs, int steps)
{
    problem p = {params, rg_tape_create()};
    for (int i = 0; i < steps; i++)
        CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, NULL), RG_OK);
    rg_tape_destroy(p.tape);
}

static bool same_elements(rg_params *a, rg_params *b)
{
    for (int i = 0; i < rg_params_count(a); i++) {
        rg_param *of_a = rg_params_at(a, i), *of_b = rg_params_find(b, rg_params_name(a, i));
        size_t bytes = (size_t)rg_param_size(of_a) * rg_type_size(rg_param_type(of_a));
        if (memcmp(rg_param_data(of_a), rg_param_data(of_b), bytes) != 0)
            return false;
    }
    return true;
}

/* ---- continuation ---- */

/* Saved before its first iteration, with the history half full, full, and turned round. */
Test(lbfgs_save, continues_bitwise)
{
    const rg_lbfgs_options options = {
        .history = 4, .iterations = 1, .evaluations = 9, .curvature = 0.5, .tolerance = 1e-9};
    for (int before = 0; before <= 11; before++) {
        rg_params *whole = make_params(NULL), *parts = make_params(NULL),
                  *other = make_params(NULL);
        rg_lbfgs *straight = rg_lbfgs_create(whole, &options, NULL);
        rg_lbfgs *first = rg_lbfgs_create(parts, &options, NULL), *second;
        go_on(whole, straight, before + 9);
        go_on(parts, first, before);
        CHECK_STATUS(rg_lbfgs_save(first, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
        rg_lbfgs_destroy(first);
        CHECK_STATUS(rg_lbfgs_load(other, &second, in_folder("x"), NULL), RG_OK);
        cr_assert(same_elements(parts, other));
        go_on(other, second, 9);
        cr_assert(!same_elements(parts, other) && same_elements(whole, other),
                  "saved after %d iterations", before);
        rg_lbfgs_destroy(second);
        rg_lbfgs_destroy(straight);
        rg_params_destroy(whole);
        rg_params_destroy(parts);
        rg_params_destroy(other);
    }
}

/* The history does not depend on the order in which parameters were made. */
Test(lbfgs_save, finds_parameters_by_name)
{
    rg_params *params = make_params(NULL), *turned = rg_params_create(NULL);
    rg_lbfgs *lbfgs = rg_lbfgs_create(params, &(rg_lbfgs_options){.iterations = 3}, NULL), *loaded;
    rg_params_add(turned, "c", RG_F64, RG_SCALAR, NULL);
    rg_params_add(turned, "y", RG_F32, RG_SHAPE(3), NULL);
    rg_params_add(turned, "x", RG_F64, RG_SHAPE(2, 2), NULL);
    rg_params_freeze(turned, "c", 1);
    go_on(params, lbfgs, 1);
    CHECK_STATUS(rg_lbfgs_save(lbfgs, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
    CHECK_STATUS(rg_lbfgs_load(turned, &loaded, in_folder("x"), NULL), RG_OK);
    cr_assert(same_elements(params, turned));
    go_on(params, lbfgs, 1);
    go_on(turned, loaded, 1);
    /* Sums are in another order, so the last digits may differ. */
    const double *a = rg_param_data(rg_params_find(params, "x"));
    const double *b = rg_param_data(rg_params_find(turned, "x"));
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(a[i], b[i], 1e-6);
    rg_lbfgs_destroy(loaded);
    rg_lbfgs_destroy(lbfgs);
    rg_params_destroy(turned);
    rg_params_destroy(params);
}

typedef struct network {
    rg_mlp *mlp;
    const rg_dataset *data;
} network;

static rg_status evaluate_network(void *context, double *loss)
{
    const network *n = context;
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_constant_f64(tape, RG_SHAPE(n->data->count, 2), n->data->inputs);
    rg_value classes = rg_indices(tape, RG_SHAPE(n->data->count), n->data->classes);
    rg_value f = rg_cross_entropy(rg_mlp_forward(n->mlp, tape, x), classes);
    *loss = rg_item(f);
    rg_status status = rg_backward(f);
    rg_tape_destroy(tape);
    return status;
}

/* One file has the network, its L-BFGS, and what the caller wants to remember. */
Test(lbfgs_save, continues_a_network)
{
    const rg_metadata metadata = {"steps", "3"};
    rg_dataset *data = make_halves(40, 7);
    network straight = {make_mlp(RG_F64, 5, 2, RG_TANH), data};
    rg_lbfgs *lbfgs =
        rg_lbfgs_create(rg_mlp_params(straight.mlp), &(rg_lbfgs_options){.iterations = 4}, NULL);
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate_network, &straight, NULL), RG_OK);
    CHECK_STATUS(rg_lbfgs_save(lbfgs, straight.mlp, &metadata, 1, in_folder("x"), NULL), RG_OK);

    network copy = {NULL, data};
    rg_lbfgs *loaded;
    CHECK_STATUS(rg_mlp_load(in_folder("x"), NULL, &copy.mlp, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_lbfgs_load(rg_mlp_params(copy.mlp), &loaded, in_folder("x"), NULL), RG_OK);
    cr_assert(same(straight.mlp, copy.mlp));
    double before, one, two;
    CHECK_STATUS(evaluate_network(&copy, &before), RG_OK);
    CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate_network, &straight, &one), RG_OK);
    CHECK_STATUS(rg_lbfgs_step(loaded, evaluate_network, &copy, &two), RG_OK);
    cr_assert(one == two && one < before && same(straight.mlp, copy.mlp));

    rg_safetensors *file;
    CHECK_STATUS(rg_safetensors_read(in_folder("x"), NULL, &file, NULL), RG_OK);
    cr_assert_str_eq(rg_safetensors_metadata(file, "steps"), "3");
    rg_safetensors_destroy(file);
    rg_lbfgs_destroy(loaded);
    rg_lbfgs_destroy(lbfgs);
    rg_mlp_destroy(copy.mlp);
    rg_mlp_destroy(straight.mlp);
    rg_dataset_destroy(data);
}

/* ---- wrong files ---- */

static void save_some(rg_params *params)
{
    rg_lbfgs *lbfgs =
        rg_lbfgs_create(params, &(rg_lbfgs_options){.history = 3, .iterations = 2}, NULL);
    go_on(params, lbfgs, 1);
    CHECK_STATUS(rg_lbfgs_save(lbfgs, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
    rg_lbfgs_destroy(lbfgs);
}

/* Nothing is loaded from the file "x", for that reason. */
static void check_not_loaded(rg_status status, const char *text)
{
    rg_params *params = make_params(NULL), *fresh = make_params(NULL);
    rg_lbfgs *loaded = (rg_lbfgs *)&loaded;
    rg_error error = {.message = ""};
    CHECK_STATUS(rg_lbfgs_load(params, &loaded, in_folder("x"), &error), status);
    check_message(&error, status, in_folder("x"), text);
    cr_assert(loaded == NULL && same_elements(params, fresh));
    rg_params_destroy(params);
    rg_params_destroy(fresh);
}

Test(lbfgs_save, refuses_files_without_lbfgs)
{
    rg_params *params = make_params(NULL);
    rg_optimizer *adam = rg_adam_create(params, NULL, NULL), *loaded;
    rg_error error;
    CHECK_STATUS(rg_params_save(params, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
    check_not_loaded(RG_ERROR_FORMAT, ": holds no L-BFGS");
    CHECK_STATUS(rg_params_save(params, adam, NULL, 0, in_folder("x"), NULL), RG_OK);
    check_not_loaded(RG_ERROR_FORMAT, ": holds no L-BFGS");
    remove(in_folder("x"));
    check_not_loaded(RG_ERROR_IO, ": cannot be opened: No such file or directory");
    /* The other way round: an optimizer of another kind; and without one the parameters alone. */
    save_some(params);
    CHECK_STATUS(rg_params_load(params, &loaded, in_folder("x"), &error), RG_ERROR_FORMAT);
    check_message(&error, RG_ERROR_FORMAT, in_folder("x"),
                  ": holds an L-BFGS, which rg_lbfgs_load reads");
    rg_params *alone = make_params(NULL);
    CHECK_STATUS(rg_params_load(alone, NULL, in_folder("x"), NULL), RG_OK);
    cr_assert(same_elements(params, alone));
    rg_params_destroy(alone);
    rg_optimizer_destroy(adam);
    rg_params_destroy(params);
}

/* Changes one tensor of the file "x", or leaves it out. */
static void alter(const char *name, rg_type type, const void *number)
{
    rg_safetensors *file;
    rg_stored list[40];
    int64_t count = 0;
    bool found = false;
    CHECK_STATUS(rg_safetensors_read(in_folder("x"), NULL, &file, NULL), RG_OK);
    for (int64_t i = 0; i < rg_safetensors_count(file); i++) {
        rg_stored tensor = *rg_safetensors_at(file, i);
        if (strcmp(tensor.name, name) == 0) {
            found = true;
            tensor = (rg_stored){name, type, RG_SCALAR, number, NULL};
        }
        if (tensor.data)
            list[count++] = tensor;
    }
    cr_assert(found, "there is no %s", name);
    CHECK_STATUS(rg_safetensors_write(in_folder("x"), list, count,
                                      &(rg_metadata){"optimizer", "lbfgs"}, 1, NULL, NULL),
                 RG_OK);
    rg_safetensors_destroy(file);
}

Test(lbfgs_save, refuses_numbers_that_cannot_be)
{
    static const double nan_number = NAN, one = 1;
    static const int64_t minus_1 = -1, none = 0, two = 2, four = 4, most = INT64_MAX;
    static const struct {
        const char *name;
        rg_type type;
        const void *number;
        rg_status status;
        const char *text;
    } cases[] = {
        {"optimizer.history", RG_I64, NULL, RG_ERROR_FORMAT,
         ": has no int64 number optimizer.history"},
        {"optimizer.iterations", RG_F64, &one, RG_ERROR_FORMAT,
         ": has no int64 number optimizer.iterations"},
        {"optimizer.history", RG_I64, &none, RG_ERROR_FORMAT,
         ": lbfgs: history 0, iterations 2 and evaluations 25 must all be 1 or more"},
        {"optimizer.evaluations", RG_I64, &minus_1, RG_ERROR_FORMAT,
         ": lbfgs: history 3, iterations 2 and evaluations -1 must all be 1 or more"},
        {"optimizer.curvature", RG_F64, &one, RG_ERROR_FORMAT,
         ": lbfgs: decrease 0.0001 and curvature 1 must be above 0, below 1 and in this order"},
        {"optimizer.tolerance", RG_F64, &nan_number, RG_ERROR_FORMAT,
         ": lbfgs: the tolerance is nan; it must be finite and 0 or more"},
        {"optimizer.decrease", RG_F64, NULL, RG_ERROR_FORMAT,
         ": has no float64 number optimizer.decrease"},
        {"optimizer.pairs", RG_I64, NULL, RG_ERROR_FORMAT, ": has no int64 number optimizer.pairs"},
        {"optimizer.pairs", RG_I64, &minus_1, RG_ERROR_FORMAT,
         ": optimizer.pairs is -1; there cannot be so many"},
        {"optimizer.pairs", RG_I64, &four, RG_ERROR_FORMAT,
         ": optimizer.pairs is 4; there cannot be so many"},
        {"optimizer.pairs", RG_I64, &most, RG_ERROR_FORMAT,
         ": optimizer.pairs is 9223372036854775807; there cannot be so many"},
        {"optimizer.pairs", RG_I64, &none, RG_ERROR_ARGUMENT,
         ": has optimizer.x.step0, which is not asked for"},
        {"optimizer.x.step0", RG_F64, NULL, RG_ERROR_ARGUMENT, ": has no optimizer.x.step0"},
        {"optimizer.y.change1", RG_F64, &one, RG_ERROR_SHAPE,
         ": optimizer.y.change1 has shape [], not [3]"},
        {"optimizer.c.change1", RG_I64, &two, RG_ERROR_TYPE,
         ": optimizer.c.change1 is int64, not float64"},
        {"x", RG_F64, NULL, RG_ERROR_ARGUMENT, ": has no x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rg_params *params = make_params(NULL);
        save_some(params);
        alter(cases[i].name, cases[i].type, cases[i].number);
        check_not_loaded(cases[i].status, cases[i].text);
        rg_params_destroy(params);
    }
    /* More pairs than the file has tensors, whatever the history. */
    static const int64_t thousand = 1000;
    rg_params *params = make_params(NULL);
    save_some(params);
    alter("optimizer.history", RG_I64, &thousand);
    alter("optimizer.pairs", RG_I64, &thousand);
    check_not_loaded(RG_ERROR_FORMAT, ": optimizer.pairs is 1000; there cannot be so many");
    rg_params_destroy(params);
}

Test(lbfgs_save, refuses_to_save_what_does_not_belong_together)
{
    rg_params *params = make_params(NULL);
    rg_mlp *mlp = make_mlp(RG_F64, 3, 2, RG_TANH);
    rg_lbfgs *lbfgs = rg_lbfgs_create(params, NULL, NULL);
    rg_error error;
    CHECK_STATUS(rg_lbfgs_save(lbfgs, mlp, NULL, 0, in_folder("x"), &error), RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, in_folder("x"),
                  ": the optimizer is of other parameters");
    CHECK_STATUS(rg_lbfgs_save(lbfgs, NULL, NULL, -1, in_folder("x"), &error), RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, in_folder("x"),
                  ": the number of lines of metadata is negative");
    rg_params_add(params, "later", RG_F64, RG_SCALAR, NULL);
    CHECK_STATUS(rg_lbfgs_save(lbfgs, NULL, NULL, 0, in_folder("x"), &error), RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, in_folder("x"),
                  ": the optimizer is of other parameters");
    cr_assert(empty_folder() == 0);
    rg_lbfgs_destroy(lbfgs);
    rg_mlp_destroy(mlp);
    rg_params_destroy(params);
}

Test(lbfgs_save, survives_each_failing_allocation)
{
    rg_params *saved = make_params(NULL);
    save_some(saved);
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {.message = "no memory"};
        rg_lbfgs *lbfgs = NULL;
        rg_params *params = make_params(&allocator);
        rg_status status = params ? RG_OK : RG_ERROR_MEMORY;
        if (status == RG_OK)
            status = rg_lbfgs_load(params, &lbfgs, in_folder("x"), &error);
        cr_assert((status == RG_OK) == (lbfgs != NULL));
        if (status == RG_OK)
            status = rg_lbfgs_save(lbfgs, NULL, NULL, 0, in_folder("y"), &error);
        cr_assert(status == RG_OK || strstr(error.message, "no memory"), "%s", error.message);
        rg_lbfgs_destroy(lbfgs);
        rg_params_destroy(params);
        CHECK_FAILURE(memory, status);
    }
    rg_params_destroy(saved);
}
