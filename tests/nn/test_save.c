#define _DEFAULT_SOURCE

#include <locale.h>

#include "files.h"
#include "training.h"

SUITE_WITH_FILES(save);

static rg_params *make_params(void)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *a = rg_params_add(params, "a", RG_F64, RG_SHAPE(2, 2), NULL);
    rg_param *b = rg_params_add(params, "b.weight", RG_F32, RG_SHAPE(3), NULL);
    rg_params_add(params, "empty", RG_F64, RG_SHAPE(0, 2), NULL);
    rg_params_add_buffer(params, "seen", RG_F64, RG_SCALAR, NULL);
    rg_param_write(a, (const double[]){1, -2, INFINITY, 0.1});
    rg_param_write(b, (const double[]){0.5, 1e-40, -0.0});
    rg_param_write(rg_params_find(params, "seen"), (const double[]){42});
    return params;
}

/* Makes every element 7. */
static void overwrite(rg_params *params)
{
    const double sevens[4] = {7, 7, 7, 7};
    for (int i = 0; i < rg_params_count(params); i++)
        rg_param_write(rg_params_at(params, i), sevens);
}

static bool is_overwritten(rg_params *params)
{
    for (int i = 0; i < rg_params_count(params); i++) {
        double elements[4] = {7, 7, 7, 7};
        rg_param_read(rg_params_at(params, i), elements);
        for (int k = 0; k < 4; k++)
            if (elements[k] != 7)
                return false;
    }
    return true;
}

/* ---- parameters ---- */

Test(save, gives_parameters_back)
{
    const char *path = in_folder("x");
    rg_params *params = make_params(), *same_ones = make_params();
    CHECK_STATUS(rg_params_save(params, NULL, NULL, 0, path, NULL), RG_OK);
    overwrite(params);
    CHECK_STATUS(rg_params_load(params, NULL, path, NULL), RG_OK);
    for (int i = 0; i < rg_params_count(params); i++) {
        rg_param *got = rg_params_at(params, i), *want = rg_params_at(same_ones, i);
        size_t bytes = (size_t)rg_param_size(got) * rg_type_size(rg_param_type(got));
        cr_assert(memcmp(rg_param_data(got), rg_param_data(want), bytes) == 0);
    }
    rg_params_destroy(params);
    rg_params_destroy(same_ones);
}

Test(save, writes_the_metadata_it_is_given)
{
    const rg_metadata metadata[] = {{"next_epoch", "12"}, {"by", "a test"}};
    rg_params *params = make_params();
    rg_safetensors *file;
    CHECK_STATUS(rg_params_save(params, NULL, metadata, 2, in_folder("x"), NULL), RG_OK);
    CHECK_STATUS(rg_safetensors_read(in_folder("x"), NULL, &file, NULL), RG_OK);
    cr_assert_str_eq(rg_safetensors_metadata(file, "next_epoch"), "12");
    cr_assert_str_eq(rg_safetensors_metadata(file, "by"), "a test");
    cr_assert(rg_safetensors_metadata(file, "optimizer") == NULL);
    rg_safetensors_destroy(file);
    rg_params_destroy(params);
}

Test(save, counts_loading_as_a_change)
{
    rg_params *params = make_params();
    rg_param *a = rg_params_find(params, "a");
    rg_tape *tape = rg_tape_create();
    CHECK_STATUS(rg_params_save(params, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
    rg_tape_find_writes(tape, 1);
    rg_value sum = rg_sum(rg_mul(rg_use(tape, a), rg_use(tape, a)));
    CHECK_STATUS(rg_params_load(params, NULL, in_folder("x"), NULL), RG_OK);
    CHECK_STATUS(rg_backward(sum), RG_ERROR_STATE);
    rg_tape_destroy(tape);
    rg_params_destroy(params);
}

static void check_not_loaded(rg_status status, const char *text)
{
    rg_params *params = make_params();
    rg_error error = {.message = ""};
    overwrite(params);
    CHECK_STATUS(rg_params_load(params, NULL, in_folder("x"), &error), status);
    check_message(&error, status, in_folder("x"), text);
    cr_assert(is_overwritten(params));
    rg_params_destroy(params);
}

Test(save, refuses_files_of_other_parameters)
{
    const double d[4] = {1, 2, 3, 4};
    const rg_stored a = {"a", RG_F64, RG_SHAPE(2, 2), d, NULL};
    const rg_stored b = {"b.weight", RG_F32, RG_SHAPE(3), d, NULL};
    const rg_stored empty = {"empty", RG_F64, RG_SHAPE(0, 2), NULL, NULL};
    const rg_stored seen = {"seen", RG_F64, RG_SCALAR, d, NULL};
    const struct {
        rg_stored list[5];
        int count;
        rg_status status;
        const char *text;
    } cases[] = {
        {{a, b, empty}, 3, RG_ERROR_ARGUMENT, ": has no seen"},
        {{b, empty, seen}, 3, RG_ERROR_ARGUMENT, ": has no a"},
        {{a, b, empty, seen, {"c", RG_F64, RG_SCALAR, d, NULL}},
         5,
         RG_ERROR_ARGUMENT,
         ": has c, which is not asked for"},
        {{{"a", RG_F32, RG_SHAPE(2, 2), d, NULL}, b, empty, seen},
         4,
         RG_ERROR_TYPE,
         ": a is float32, not float64"},
        {{{"a", RG_I64, RG_SHAPE(2, 2), d, NULL}, b, empty, seen},
         4,
         RG_ERROR_TYPE,
         ": a is int64, not float64"},
        {{{"a", RG_F64, RG_SHAPE(4), d, NULL}, b, empty, seen},
         4,
         RG_ERROR_SHAPE,
         ": a has shape [4], not [2, 2]"},
        {{a, b, {"empty", RG_F64, RG_SHAPE(2, 0), d, NULL}, seen},
         4,
         RG_ERROR_SHAPE,
         ": empty has shape [2, 0], not [0, 2]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_STATUS(rg_safetensors_write(in_folder("x"), cases[i].list, cases[i].count, NULL, 0,
                                          NULL, NULL),
                     RG_OK);
        check_not_loaded(cases[i].status, cases[i].text);
    }
    /* What an optimizer left does not matter to those who want none. */
    const rg_stored good[] = {a, b, empty, seen, {"optimizer.x", RG_F32, RG_SCALAR, d, NULL}};
    rg_params *params = make_params();
    CHECK_STATUS(rg_safetensors_write(in_folder("x"), good, 5, NULL, 0, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_params_load(params, NULL, in_folder("x"), NULL), RG_OK);
    rg_params_destroy(params);
    remove(in_folder("x"));
    check_not_loaded(RG_ERROR_IO, ": cannot be opened: No such file or directory");
}

Test(save, refuses_types_it_has_no_numbers_for)
{
    static const char bytes[] = "\x35\0\0\0\0\0\0\0"
                                "{\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]}}xx";
    write_bytes(in_folder("x"), bytes, sizeof bytes - 1);
    check_not_loaded(RG_ERROR_TYPE, ": a is F16, not float64");
}

Test(save, refuses_names_that_cannot_be_written)
{
    rg_params *params = rg_params_create(NULL);
    rg_error error;
    rg_params_add(params, "\xff", RG_F64, RG_SCALAR, NULL);
    CHECK_STATUS(rg_params_save(params, NULL, NULL, 0, in_folder("x"), &error), RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, in_folder("x"), ": the name of a tensor is not UTF-8");
    cr_assert(empty_folder() == 0);
    rg_params_destroy(params);
}

/* ---- optimizers ---- */

typedef rg_optimizer *maker(rg_params *params);

static rg_optimizer *make_sgd(rg_params *params)
{
    return rg_sgd_create(params, NULL, NULL);
}

static rg_optimizer *make_nesterov(rg_params *params)
{
    return rg_sgd_create(
        params, &(rg_sgd_options){.rate = 0.02, .momentum = 0.9, .nesterov = 1, .dampening = -1},
        NULL);
}

static rg_optimizer *make_rmsprop(rg_params *params)
{
    return rg_rmsprop_create(params, &(rg_rmsprop_options){.momentum = 0.5, .centered = 1}, NULL);
}

static rg_optimizer *make_amsgrad(rg_params *params)
{
    return rg_adam_create(params, &(rg_adam_options){.amsgrad = 1, .weight_decay = 0.1}, NULL);
}

static rg_optimizer *make_adamw(rg_params *params)
{
    return rg_adamw_create(params, NULL, NULL);
}

static rg_optimizer *make_adagrad(rg_params *params)
{
    return rg_adagrad_create(params, NULL, NULL);
}

static rg_optimizer *make_adadelta(rg_params *params)
{
    return rg_adadelta_create(params, NULL, NULL);
}

static rg_optimizer *make_adamax(rg_params *params)
{
    return rg_adamax_create(params, NULL, NULL);
}

static rg_optimizer *make_nadam(rg_params *params)
{
    return rg_nadam_create(params, NULL, NULL);
}

static maker *const makers[] = {make_sgd,     make_nesterov, make_rmsprop, make_amsgrad, make_adamw,
                                make_adagrad, make_adadelta, make_adamax,  make_nadam};
enum { MAKERS = sizeof makers / sizeof *makers };

/* Up to the step that the metadata say. */
static void save_training(const setup *s, const char *path)
{
    char epoch[24], step[24];
    snprintf(epoch, sizeof epoch, "%lld", (long long)s->result.next_epoch);
    snprintf(step, sizeof step, "%lld", (long long)s->result.next_step);
    const rg_metadata metadata[] = {{"epoch", epoch}, {"step", step}};
    CHECK_STATUS(rg_mlp_save(s->mlp, s->optimizer, metadata, 2, path, NULL), RG_OK);
}

static void load_training(setup *s, const char *path)
{
    rg_safetensors *file;
    rg_optimizer_destroy(s->optimizer);
    rg_mlp_destroy(s->mlp);
    CHECK_STATUS(rg_mlp_load(path, NULL, &s->mlp, &s->optimizer, NULL), RG_OK);
    CHECK_STATUS(rg_safetensors_read(path, NULL, &file, NULL), RG_OK);
    s->options.first_epoch = atoll(rg_safetensors_metadata(file, "epoch"));
    s->options.first_step = atoll(rg_safetensors_metadata(file, "step"));
    rg_safetensors_destroy(file);
}

static int stop_at_the_seventh(void *context, const rg_step *step)
{
    (void)step;
    return ++*(int *)context == 7;
}

static void prepare_training(setup *s, maker *make)
{
    rg_optimizer_destroy(s->optimizer);
    s->optimizer = make(rg_mlp_params(s->mlp));
    cr_assert(rg_optimizer_set_rate_factor(s->optimizer, "*.bias", 0.5, NULL) > 0);
    cr_assert(rg_optimizer_set_weight_decay(s->optimizer, "layer1.*", 0.01, NULL) > 0);
}

/* The same data in float32. */
static rg_dataset *make_halves_f32(int64_t count, uint64_t seed)
{
    rg_dataset *wide = make_halves(count, seed), *data;
    CHECK_STATUS(rg_dataset_create(&data, NULL, RG_F32, count, 2, 2, 0, NULL), RG_OK);
    for (int64_t i = 0; i < 2 * count; i++)
        put(data->inputs, RG_F32, i, ((const double *)wide->inputs)[i]);
    memcpy(data->classes, wide->classes, (size_t)count * sizeof *data->classes);
    rg_dataset_destroy(wide);
    return data;
}

/* With dropout, batch normalisation, groups, and stopped within an epoch. */
static void check_continuation(maker *make, rg_type type)
{
    setup whole = begin(make_full(NULL, type)), parts = begin(make_full(NULL, type));
    int steps = 0;
    if (type == RG_F32) {
        rg_dataset_destroy(whole.data);
        rg_dataset_destroy(parts.data);
        whole.data = make_halves_f32(22, 7);
        parts.data = make_halves_f32(22, 7);
    }
    prepare_training(&whole, make);
    prepare_training(&parts, make);
    CHECK_STATUS(train(&whole), RG_OK);
    parts.options.on_step = stop_at_the_seventh;
    parts.options.context = &steps;
    CHECK_STATUS(train(&parts), RG_OK);
    cr_assert(!same(whole.mlp, parts.mlp));
    save_training(&parts, in_folder("x"));
    load_training(&parts, in_folder("x"));
    CHECK_STATUS(train(&parts), RG_OK);
    cr_assert(same(whole.mlp, parts.mlp));
    cr_assert(rg_optimizer_steps(whole.optimizer) == rg_optimizer_steps(parts.optimizer));
    end(&whole);
    end(&parts);
}

Test(save, continues_bitwise_with_every_optimizer)
{
    for (int i = 0; i < MAKERS; i++) {
        check_continuation(makers[i], RG_F64);
        check_continuation(makers[i], RG_F32);
    }
}

Test(save, gives_the_rate_back_even_0)
{
    rg_params *params = make_params();
    rg_optimizer *optimizer = make_adamw(params), *loaded;
    CHECK_STATUS(rg_optimizer_set_rate(optimizer, 0), RG_OK);
    CHECK_STATUS(rg_params_save(params, optimizer, NULL, 0, in_folder("x"), NULL), RG_OK);
    CHECK_STATUS(rg_params_load(params, &loaded, in_folder("x"), NULL), RG_OK);
    cr_assert(rg_optimizer_rate(loaded) == 0);
    rg_optimizer_destroy(loaded);
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

Test(save, gives_no_optimizer_where_there_is_none)
{
    rg_params *params = make_params();
    rg_optimizer *loaded = (rg_optimizer *)&loaded;
    CHECK_STATUS(rg_params_save(params, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
    CHECK_STATUS(rg_params_load(params, &loaded, in_folder("x"), NULL), RG_OK);
    cr_assert(loaded == NULL);
    rg_params_destroy(params);
}

Test(save, refuses_an_optimizer_of_other_parameters)
{
    rg_params *params = make_params(), *others = make_params();
    rg_optimizer *optimizer = make_sgd(others);
    rg_error error;
    CHECK_STATUS(rg_params_save(params, optimizer, NULL, 0, in_folder("x"), &error),
                 RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, in_folder("x"),
                  ": the optimizer is of other parameters");
    rg_params_add(others, "later", RG_F64, RG_SCALAR, NULL);
    CHECK_STATUS(rg_params_save(others, optimizer, NULL, 0, in_folder("x"), &error),
                 RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, in_folder("x"),
                  ": the optimizer is of other parameters");
    cr_assert(empty_folder() == 0);
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(others);
    rg_params_destroy(params);
}

/* Changes one tensor of a saved optimizer, or leaves it out. */
static void alter(const char *path, const char *kind, const char *name, rg_type type,
                  const void *number)
{
    rg_safetensors *file;
    rg_stored list[40];
    int64_t count = 0;
    CHECK_STATUS(rg_safetensors_read(path, NULL, &file, NULL), RG_OK);
    for (int64_t i = 0; i < rg_safetensors_count(file); i++) {
        rg_stored tensor = *rg_safetensors_at(file, i);
        if (strcmp(tensor.name, name) == 0) {
            tensor.type = type;
            tensor.data = number;
        }
        if (tensor.data)
            list[count++] = tensor;
    }
    CHECK_STATUS(
        rg_safetensors_write(path, list, count, &(rg_metadata){"optimizer", kind}, 1, NULL, NULL),
        RG_OK);
    rg_safetensors_destroy(file);
}

Test(save, refuses_files_of_other_optimizers)
{
    static const double negative = -1, large = 1.5, infinite = INFINITY, nan_number = NAN, one = 1;
    static const int64_t minus_1 = -1;
    static const struct {
        const char *kind, *name;
        rg_type type;
        const void *number;
        rg_status status;
        const char *text;
    } cases[] = {
        {"adamx", "", RG_F64, NULL, RG_ERROR_FORMAT,
         ": there is no kind of optimizer called adamx"},
        {"adam", "optimizer.beta1", RG_F64, NULL, RG_ERROR_FORMAT,
         ": has no float64 number optimizer.beta1"},
        {"adam", "optimizer.beta1", RG_F32, &one, RG_ERROR_FORMAT,
         ": has no float64 number optimizer.beta1"},
        {"adam", "optimizer.beta1", RG_F64, &large, RG_ERROR_FORMAT,
         ": adam: beta1 is 1.5; it must be 0 or more and below 1"},
        {"adam", "optimizer.rate", RG_F64, &nan_number, RG_ERROR_FORMAT,
         ": adam: rate is nan; it must be finite and 0 or more"},
        {"adam", "optimizer.steps", RG_I64, NULL, RG_ERROR_ARGUMENT, ": has no optimizer.steps"},
        {"adam", "optimizer.steps", RG_I64, &minus_1, RG_ERROR_FORMAT,
         ": optimizer.steps is -1; it must be finite and 0 or more"},
        {"adam", "optimizer.a.steps", RG_F64, &one, RG_ERROR_TYPE,
         ": optimizer.a.steps is float64, not int64"},
        {"adam", "optimizer.a.steps", RG_I64, &minus_1, RG_ERROR_FORMAT,
         ": optimizer.a.steps is -1; it must be finite and 0 or more"},
        {"adam", "optimizer.a.rate_factor", RG_F64, &infinite, RG_ERROR_FORMAT,
         ": optimizer.a.rate_factor is inf; it must be finite and 0 or more"},
        {"adam", "optimizer.a.decay", RG_F64, &negative, RG_ERROR_FORMAT,
         ": optimizer.a.decay is -1; it must be finite and 0 or more"},
        {"adam", "optimizer.a.m", RG_F64, NULL, RG_ERROR_ARGUMENT, ": has no optimizer.a.m"},
        {"sgd", "", RG_F64, NULL, RG_ERROR_FORMAT, ": has no float64 number optimizer.momentum"},
        {"adamw", "", RG_F64, NULL, RG_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rg_params *params = make_params();
        rg_optimizer *optimizer = rg_adam_create(params, NULL, NULL);
        rg_optimizer *loaded = (rg_optimizer *)&loaded;
        rg_error error = {.message = ""};
        CHECK_STATUS(rg_params_save(params, optimizer, NULL, 0, in_folder("x"), NULL), RG_OK);
        overwrite(params);
        alter(in_folder("x"), cases[i].kind, cases[i].name, cases[i].type, cases[i].number);
        CHECK_STATUS(rg_params_load(params, &loaded, in_folder("x"), &error), cases[i].status);
        if (cases[i].status != RG_OK) {
            check_message(&error, cases[i].status, in_folder("x"), cases[i].text);
            cr_assert(is_overwritten(params));
            cr_assert(loaded == NULL);
        }
        rg_optimizer_destroy(loaded);
        rg_optimizer_destroy(optimizer);
        rg_params_destroy(params);
    }
}

/* ---- networks ---- */

static void check_same_output(rg_mlp *a, rg_mlp *b)
{
    double outputs[2][2];
    rg_mlp *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        rg_tape *tape = rg_tape_create();
        rg_mlp_set_training(both[i], 0);
        rg_value x = rg_constant_f64(tape, RG_SHAPE(1, 2), (const double[]){0.3, -0.8});
        rg_value y = rg_mlp_forward(both[i], tape, x);
        CHECK_STATUS(rg_tape_status(tape), RG_OK);
        memcpy(outputs[i], rg_data(y, RG_F64), sizeof outputs[i]);
        rg_tape_destroy(tape);
    }
    cr_assert(memcmp(outputs[0], outputs[1], sizeof outputs[0]) == 0);
}

Test(save, gives_networks_back)
{
    const int64_t widths[] = {2, 3, 4, 2};
    for (int hidden = RG_IDENTITY; rg_activation_name((rg_activation)hidden); hidden++)
        for (int norm = RG_NORM_NONE; norm <= RG_NORM_BATCH; norm++) {
            rg_mlp_options options = {.widths = widths,
                                      .width_count = hidden % 2 ? 4 : 3,
                                      .hidden = (rg_activation)hidden,
                                      .output = (rg_activation)((hidden + 3) % 6),
                                      .no_bias = hidden % 3 == 0,
                                      .norm = (rg_norm_kind)norm,
                                      .dropout = norm * 0.1,
                                      .seed = 5};
            int64_t narrow[] = {2, 3, 2};
            if (options.width_count == 3)
                options.widths = narrow;
            rg_mlp *mlp = rg_mlp_create(&options, NULL), *loaded;
            CHECK_STATUS(rg_mlp_save(mlp, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
            CHECK_STATUS(rg_mlp_load(in_folder("x"), NULL, &loaded, NULL, NULL), RG_OK);
            cr_assert(rg_mlp_is_training(loaded));
            cr_assert(rg_mlp_dropout(loaded) == options.dropout);
            cr_assert(rg_mlp_layer_count(loaded) == options.width_count - 1);
            for (int i = -1; i < 4; i++)
                cr_assert(rg_mlp_activation(loaded, i) == rg_mlp_activation(mlp, i));
            cr_assert(same(mlp, loaded));
            check_same_output(mlp, loaded);
            rg_mlp_destroy(mlp);
            rg_mlp_destroy(loaded);
        }
}

Test(save, gives_a_single_layer_back)
{
    const int64_t widths[] = {2, 2};
    rg_mlp *loaded, *mlp = rg_mlp_create(&(rg_mlp_options){.type = RG_F32,
                                                           .widths = widths,
                                                           .width_count = 2,
                                                           .hidden = RG_TANH,
                                                           .output = RG_RELU},
                                         NULL);
    CHECK_STATUS(rg_mlp_save(mlp, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
    CHECK_STATUS(rg_mlp_load(in_folder("x"), NULL, &loaded, NULL, NULL), RG_OK);
    cr_assert(same(mlp, loaded));
    cr_assert(rg_param_type(rg_mlp_layer(loaded, 0)->weight) == RG_F32);
    cr_assert(rg_mlp_activation(loaded, 0) == RG_RELU);
    rg_mlp_destroy(mlp);
    rg_mlp_destroy(loaded);
}

Test(save, writes_dropout_with_a_point_in_every_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "C.UTF-8"};
    rg_mlp *mlp = make_full(NULL, RG_F64);
    for (int i = 0; i < 4; i++) {
        rg_safetensors *file;
        rg_mlp *loaded;
        if (!setlocale(LC_ALL, names[i]))
            continue;
        CHECK_STATUS(rg_mlp_save(mlp, NULL, NULL, 0, in_folder("x"), NULL), RG_OK);
        CHECK_STATUS(rg_safetensors_read(in_folder("x"), NULL, &file, NULL), RG_OK);
        cr_assert_str_eq(rg_safetensors_metadata(file, "mlp.dropout"), "0.29999999999999999");
        CHECK_STATUS(rg_mlp_load(in_folder("x"), NULL, &loaded, NULL, NULL), RG_OK);
        cr_assert(rg_mlp_dropout(loaded) == 0.3);
        rg_safetensors_destroy(file);
        rg_mlp_destroy(loaded);
    }
    rg_mlp_destroy(mlp);
}

/* A network of 2-3-1 with some of its parts replaced. */
static void check_no_network(const rg_stored *list, int count, const rg_metadata *metadata,
                             int metadata_count, rg_status status, const char *text)
{
    rg_mlp *mlp = (rg_mlp *)&mlp;
    rg_optimizer *optimizer = (rg_optimizer *)&optimizer;
    rg_error error = {.message = ""};
    CHECK_STATUS(
        rg_safetensors_write(in_folder("x"), list, count, metadata, metadata_count, NULL, NULL),
        RG_OK);
    CHECK_STATUS(rg_mlp_load(in_folder("x"), NULL, &mlp, &optimizer, &error), status);
    check_message(&error, status, in_folder("x"), text);
    cr_assert(mlp == NULL && optimizer == NULL);
    CHECK_STATUS(rg_mlp_load(in_folder("x"), NULL, &mlp, NULL, NULL), status);
}

Test(save, refuses_files_without_a_network)
{
    static const double d[8];
    rg_stored good[] = {{"layer0.weight", RG_F64, RG_SHAPE(3, 2), d, NULL},
                        {"layer1.weight", RG_F64, RG_SHAPE(1, 3), d, NULL}};
    const struct {
        rg_stored tensor;
        rg_status status;
        const char *text;
    } tensors[] = {
        {{"weight", RG_F64, RG_SHAPE(3, 2), d, NULL},
         RG_ERROR_FORMAT,
         ": holds no network: there is no layer0.weight of float64 or float32"},
        {{"layer0.weight", RG_I64, RG_SHAPE(3, 2), d, NULL},
         RG_ERROR_FORMAT,
         ": holds no network: there is no layer0.weight of float64 or float32"},
        {{"layer0.weight", RG_F64, RG_SHAPE(6), d, NULL},
         RG_ERROR_FORMAT,
         ": holds no network: there is no layer0.weight of float64 or float32"},
        {{"layer0.weight", RG_F64, RG_SHAPE(0, 2), d, NULL},
         RG_ERROR_FORMAT,
         ": holds no network: there is no layer0.weight of float64 or float32"},
        {{"layer0.weight", RG_F64, RG_SHAPE(4, 2), d, NULL},
         RG_ERROR_FORMAT,
         ": layer1.weight takes not as many inputs as layer0 has outputs"},
        {{"layer0.weight", RG_F32, RG_SHAPE(3, 2), d, NULL},
         RG_ERROR_TYPE,
         ": layer1.weight is float64, not float32"},
    };
    const rg_metadata metadata[] = {{"mlp.hidden", "tanh"},
                                    {"mlp.output", "identity"},
                                    {"mlp.norm", "none"},
                                    {"mlp.dropout", "0"}};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        const rg_stored list[] = {tensors[i].tensor, good[1]};
        check_no_network(list, 2, metadata, 4, tensors[i].status, tensors[i].text);
    }
    check_no_network(good, 0, metadata, 4, RG_ERROR_FORMAT,
                     ": holds no network: there is no layer0.weight of float64 or float32");
}

Test(save, refuses_metadata_of_no_network)
{
    static const double d[8];
    const rg_stored good = {"layer0.weight", RG_F64, RG_SHAPE(3, 2), d, NULL};
    const rg_metadata metadata[] = {{"mlp.hidden", "tanh"},
                                    {"mlp.output", "identity"},
                                    {"mlp.norm", "none"},
                                    {"mlp.dropout", "0"}};
    const struct {
        int at;
        const char *value, *text;
    } cases[] = {
        {0, "Tanh", ": mlp.hidden cannot be Tanh"},  {1, "", ": mlp.output cannot be "},
        {2, "group", ": mlp.norm cannot be group"},  {3, "1", ": mlp.dropout cannot be 1"},
        {3, "-0.1", ": mlp.dropout cannot be -0.1"}, {3, "0,5", ": mlp.dropout cannot be 0,5"},
        {3, "nan", ": mlp.dropout cannot be nan"},   {3, "", ": mlp.dropout cannot be "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rg_metadata changed[4];
        memcpy(changed, metadata, sizeof changed);
        changed[cases[i].at].value = cases[i].value;
        check_no_network(&good, 1, changed, 4, RG_ERROR_FORMAT, cases[i].text);
    }
    for (int i = 0; i < 4; i++) {
        char text[80];
        rg_metadata changed[4];
        memcpy(changed, metadata, sizeof changed);
        changed[i].key = "other";
        snprintf(text, sizeof text, ": holds no network: its metadata have no %s", metadata[i].key);
        check_no_network(&good, 1, changed, 4, RG_ERROR_FORMAT, text);
    }
}

Test(save, refuses_keys_of_its_own)
{
    rg_mlp *mlp = make_full(NULL, RG_F64);
    rg_error error;
    CHECK_STATUS(rg_mlp_save(mlp, NULL, NULL, -1, in_folder("x"), &error), RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, in_folder("x"),
                  ": the number of lines of metadata is negative");
    CHECK_STATUS(rg_mlp_save(mlp, NULL, &(rg_metadata){"mlp.norm", ""}, 1, in_folder("x"), &error),
                 RG_ERROR_ARGUMENT);
    check_message(&error, RG_ERROR_ARGUMENT, in_folder("x"), ": the name mlp.norm is given twice");
    rg_mlp_destroy(mlp);
}

/* ---- memory ---- */

Test(save, survives_each_failing_allocation)
{
    const rg_metadata metadata = {"k", "v"};
    const char *path = in_folder("x");
    rg_mlp *mlp = make_full(NULL, RG_F64);
    rg_optimizer *optimizer = make_amsgrad(rg_mlp_params(mlp));
    CHECK_STATUS(rg_mlp_save(mlp, optimizer, &metadata, 1, path, NULL), RG_OK);
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {.message = ""};
        rg_status status = rg_mlp_load(path, &allocator, &mlp, &optimizer, &error);
        cr_assert((status == RG_OK) == (mlp != NULL && optimizer != NULL));
        if (status == RG_OK)
            status = rg_mlp_save(mlp, optimizer, &metadata, 1, path, &error);
        cr_assert(status == RG_OK || strstr(error.message, "no memory"), "%s", error.message);
        rg_optimizer_destroy(optimizer);
        rg_mlp_destroy(mlp);
        CHECK_FAILURE(memory, status);
    }
}
