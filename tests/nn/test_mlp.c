#include "../check.h"
#include "../failing.h"

SUITE(mlp);

static rg_mlp *create(rg_type type, const int64_t *widths, int count, rg_activation hidden,
                      int no_bias)
{
    rg_mlp_options options = {.type = type,
                              .widths = widths,
                              .width_count = count,
                              .hidden = hidden,
                              .no_bias = no_bias,
                              .seed = 42};
    rg_mlp *mlp = rg_mlp_create(&options, NULL);
    cr_assert(mlp != NULL);
    return mlp;
}

/* ---- activations ---- */

Test(mlp, activations_are_the_functions_of_their_names)
{
    static const double x[] = {-2, -0.5, 0.5, 2};
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < 4; i++) {
        const double want[] = {x[i],
                               1 / (1 + exp(-x[i])),
                               tanh(x[i]),
                               x[i] > 0 ? x[i] : 0,
                               x[i] > 0 ? x[i] : 0.01 * x[i],
                               log(1 + exp(x[i])),
                               x[i] > 0 ? x[i] : exp(x[i]) - 1,
                               x[i] * 0.5 * erfc(-x[i] / sqrt(2)),
                               x[i] / (1 + exp(-x[i]))};
        for (int a = RG_IDENTITY; a <= RG_SILU; a++)
            CHECK_NEAR(rg_item(rg_activate(rg_input(tape, x[i]), (rg_activation)a)), want[a],
                       1e-15);
    }
    rg_tape_destroy(tape);
}

Test(mlp, activations_have_names)
{
    static const char *const names[] = {"identity", "sigmoid", "tanh", "relu", "leaky_relu",
                                        "softplus", "elu",     "gelu", "silu"};
    for (int a = RG_IDENTITY; a <= RG_SILU; a++) {
        rg_activation found = (rg_activation)99;
        cr_assert_str_eq(rg_activation_name((rg_activation)a), names[a]);
        CHECK_STATUS(rg_activation_find(names[a], &found), RG_OK);
        cr_assert((int)found == a);
    }
    rg_activation kept = RG_TANH;
    CHECK_STATUS(rg_activation_find("swash", &kept), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_activation_find(NULL, &kept), RG_ERROR_ARGUMENT);
    cr_assert(kept == RG_TANH);
    cr_assert(rg_activation_name((rg_activation)9) == NULL);
    rg_tape *tape = rg_tape_create();
    rg_value y = rg_activate(rg_input(tape, 1), (rg_activation)9);
    cr_assert(!rg_is_live(y));
    CHECK_FAILED(tape, RG_ERROR_ARGUMENT, "no activation number 9");
    rg_tape_destroy(tape);
}

/* ---- layers ---- */

Test(mlp, linear_layer_with_and_without_bias)
{
    rg_params *params = rg_params_create(NULL);
    rg_linear_layer with, without;
    CHECK_STATUS(rg_linear_layer_create(&with, params, "a", RG_F64, 3, 2, 1, NULL), RG_OK);
    CHECK_STATUS(rg_linear_layer_create(&without, params, "b", RG_F64, 3, 2, 0, NULL), RG_OK);
    cr_assert(rg_params_count(params) == 3);
    cr_assert(with.weight == rg_params_find(params, "a.weight"));
    cr_assert(with.bias == rg_params_find(params, "a.bias"));
    cr_assert(without.weight == rg_params_find(params, "b.weight") && !without.bias);
    static const double w[] = {1, 2, 3, 4, 5, 6}, b[] = {10, 20}, x[] = {1, 0, -1, 2, 1, 1};
    rg_param_write(with.weight, w);
    rg_param_write(without.weight, w);
    rg_param_write(with.bias, b);
    rg_tape *tape = rg_tape_create();
    rg_value input = rg_constant_f64(tape, RG_SHAPE(2, 3), x);
    double y[4], y0[4];
    CHECK_STATUS(rg_read(rg_linear_layer_apply(tape, &with, input), y), RG_OK);
    CHECK_STATUS(rg_read(rg_linear_layer_apply(tape, &without, input), y0), RG_OK);
    static const double want[] = {-2, -2, 7, 19};
    for (int i = 0; i < 4; i++) {
        CHECK_NEAR(y0[i], want[i], 1e-15);
        CHECK_NEAR(y[i], want[i] + b[i % 2], 1e-15);
    }
    rg_tape_destroy(tape);
    rg_params_destroy(params);
}

Test(mlp, linear_layer_passes_errors_on)
{
    rg_params *params = rg_params_create(NULL);
    rg_linear_layer layer;
    rg_error error;
    char name[RG_NAME_SIZE];
    memset(name, 'x', sizeof name);
    name[RG_NAME_SIZE - 1] = 0;
    CHECK_STATUS(rg_linear_layer_create(&layer, params, name, RG_F64, 1, 1, 1, &error),
                 RG_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "exceeds"));
    CHECK_STATUS(rg_linear_layer_create(&layer, params, "a", RG_I64, 1, 1, 1, NULL), RG_ERROR_TYPE);
    CHECK_STATUS(rg_linear_layer_create(&layer, params, "a", RG_F64, -1, 1, 1, NULL),
                 RG_ERROR_SHAPE);
    cr_assert(rg_params_count(params) == 0);
    rg_params_add(params, "a.bias", RG_F64, RG_SCALAR, NULL);
    CHECK_STATUS(rg_linear_layer_create(&layer, params, "a", RG_F64, 1, 1, 1, &error),
                 RG_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "a.bias"));
    cr_assert(!layer.weight && !layer.bias);
    cr_assert(rg_params_find(params, "a.weight") != NULL);
    rg_params_destroy(params);
}

/* ---- networks ---- */

Test(mlp, names_its_parameters)
{
    static const int64_t widths[] = {2, 5, 3};
    static const char *const names[] = {"layer0.weight", "layer0.bias", "layer1.weight",
                                        "layer1.bias"};
    rg_mlp *mlp = create(RG_F32, widths, 3, RG_TANH, 0);
    rg_params *params = rg_mlp_params(mlp);
    cr_assert(rg_params_count(params) == 4);
    for (int i = 0; i < 4; i++) {
        cr_assert_str_eq(rg_params_name(params, i), names[i]);
        cr_assert(rg_param_type(rg_params_at(params, i)) == RG_F32);
    }
    cr_assert(rg_params_size(params) == 2 * 5 + 5 + 5 * 3 + 3);
    cr_assert(rg_mlp_layer_count(mlp) == 2);
    for (int i = 0; i < 2; i++) {
        const rg_linear_layer *layer = rg_mlp_layer(mlp, i);
        rg_shape shape = rg_param_shape(layer->weight);
        cr_assert(shape.rank == 2 && shape.dim[0] == widths[i + 1] && shape.dim[1] == widths[i]);
        cr_assert(layer->weight == rg_params_at(params, 2 * i));
        cr_assert(layer->bias == rg_params_at(params, 2 * i + 1));
        double bias[5] = {1, 1, 1, 1, 1};
        rg_param_read(layer->bias, bias);
        CHECK_NEAR(bias[0], 0, 0);
    }
    cr_assert(rg_mlp_layer(mlp, -1) == NULL && rg_mlp_layer(mlp, 2) == NULL);
    cr_assert(rg_mlp_params(NULL) == NULL);
    rg_mlp_destroy(mlp);
    rg_mlp_destroy(NULL);
}

Test(mlp, draws_its_weights_from_the_seed)
{
    static const int64_t widths[] = {20, 30, 10};
    rg_mlp_options options = {.widths = widths, .width_count = 3, .seed = 5};
    rg_mlp *a = rg_mlp_create(&options, NULL), *b = rg_mlp_create(&options, NULL);
    options.seed = 6;
    rg_mlp *c = rg_mlp_create(&options, NULL);
    rg_random random = rg_random_create(5);
    for (int i = 0; i < 2; i++) {
        rg_param *weight = rg_mlp_layer(a, i)->weight;
        size_t bytes = (size_t)rg_param_size(weight) * sizeof(double);
        rg_param *want = rg_param_create(NULL, RG_F64, rg_param_shape(weight));
        rg_init_weights(want, RG_INIT_HE_NORMAL, &random);
        const void *data = rg_param_data(weight);
        cr_assert(memcmp(data, rg_param_data(want), bytes) == 0);
        cr_assert(memcmp(data, rg_param_data(rg_mlp_layer(b, i)->weight), bytes) == 0);
        cr_assert(memcmp(data, rg_param_data(rg_mlp_layer(c, i)->weight), bytes) != 0);
        rg_param_destroy(want);
    }
    rg_mlp_destroy(a);
    rg_mlp_destroy(b);
    rg_mlp_destroy(c);
}

Test(mlp, applies_the_activations_in_their_places)
{
    static const int64_t widths[] = {1, 1, 1, 1};
    rg_mlp_options options = {
        .widths = widths, .width_count = 4, .hidden = RG_TANH, .output = RG_SIGMOID};
    rg_mlp *mlp = rg_mlp_create(&options, NULL);
    for (int i = 0; i < 3; i++) {
        rg_init_constant(rg_mlp_layer(mlp, i)->weight, i + 1);
        rg_init_constant(rg_mlp_layer(mlp, i)->bias, 0.1 * i);
    }
    rg_tape *tape = rg_tape_create();
    double x = 0.3;
    rg_value y = rg_mlp_forward(mlp, tape, rg_input_f64(tape, RG_SHAPE(1, 1), &x));
    double h = tanh(2 * tanh(x) + 0.1);
    CHECK_NEAR(rg_item(y), 1 / (1 + exp(-(3 * h + 0.2))), 1e-15);
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
}

/* Without activations any depth is one linear map: the product of the weight matrices. */
Test(mlp, identity_layers_collapse_to_one_matrix)
{
    static const int64_t widths[] = {4, 7, 3, 5, 2};
    rg_mlp *mlp = create(RG_F64, widths, 5, RG_IDENTITY, 1);
    rg_tape *tape = rg_tape_create();
    rg_value product = rg_use(tape, rg_mlp_layer(mlp, 0)->weight);
    for (int i = 1; i < 4; i++)
        product = rg_matmul(rg_use(tape, rg_mlp_layer(mlp, i)->weight), product);
    cr_assert(rg_size(product) == 2 * 4);
    double data[3 * 4], deep[3 * 2], single[3 * 2];
    rg_random random = rg_random_create(1);
    for (int i = 0; i < 12; i++)
        data[i] = rg_random_normal(&random);
    rg_value x = rg_constant_f64(tape, RG_SHAPE(3, 4), data);
    rg_read(rg_mlp_forward(mlp, tape, x), deep);
    rg_read(rg_matmul(x, rg_transpose(product, 0, 1)), single);
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(deep[i], single[i], 1e-13);
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
}

/* Ten layers of c I: signal and gradient are c^10 times what went in. */
static void check_power(double c)
{
    enum { LAYERS = 10, WIDTH = 3 };
    int64_t widths[LAYERS + 1];
    for (int i = 0; i <= LAYERS; i++)
        widths[i] = WIDTH;
    rg_mlp *mlp = create(RG_F64, widths, LAYERS + 1, RG_IDENTITY, 0);
    double matrix[WIDTH * WIDTH] = {c, 0, 0, 0, c, 0, 0, 0, c};
    for (int i = 0; i < LAYERS; i++)
        rg_param_write(rg_mlp_layer(mlp, i)->weight, matrix);
    rg_tape *tape = rg_tape_create();
    static const double x[WIDTH] = {1, -2, 0.5};
    rg_value in = rg_input_f64(tape, RG_SHAPE(1, WIDTH), x);
    rg_value out = rg_mlp_forward(mlp, tape, in);
    CHECK_STATUS(rg_backward(rg_sum(out)), RG_OK);
    double y[WIDTH], g[WIDTH], bias[WIDTH];
    rg_read(out, y);
    rg_read_grad(in, g);
    for (int i = 0; i < WIDTH; i++) {
        CHECK_NEAR(y[i], x[i] * pow(c, LAYERS), 1e-14);
        CHECK_NEAR(g[i], pow(c, LAYERS), 1e-14);
    }
    for (int i = 0; i < LAYERS; i++) {
        rg_param_read_grad(rg_mlp_layer(mlp, i)->bias, bias);
        CHECK_NEAR(bias[0], pow(c, LAYERS - 1 - i), 1e-14);
    }
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
}

Test(mlp, signals_explode_and_vanish_with_depth)
{
    check_power(1.5);
    check_power(0.5);
    check_power(1);
}

/* ---- modes and gradients ---- */

/* The sum of the gradient's absolute values after a sweep of the summed output. */
static double gradient_size(rg_mlp *mlp)
{
    static const double x[] = {0.5, -1, 2, 0.25};
    rg_tape *tape = rg_tape_create();
    rg_params_zero_grad(rg_mlp_params(mlp));
    rg_value y = rg_mlp_forward(mlp, tape, rg_constant_f64(tape, RG_SHAPE(2, 2), x));
    rg_value f = rg_sum(y);
    CHECK_STATUS(rg_backward(f), RG_OK);
    double size = 0, g[8];
    rg_param_read_grad(rg_mlp_layer(mlp, 0)->weight, g);
    for (int i = 0; i < 8; i++)
        size += fabs(g[i]);
    cr_assert(rg_is_reached(y) == (size > 0));
    /* The mode is over with the call: what is recorded later is differentiable. */
    rg_value z = rg_input(tape, 3);
    CHECK_STATUS(rg_backward(rg_mul(z, 2.0)), RG_OK);
    CHECK_NEAR(rg_grad(z), 2, 0);
    rg_tape_destroy(tape);
    return size;
}

Test(mlp, evaluation_mode_keeps_no_gradients)
{
    static const int64_t widths[] = {2, 4, 1};
    rg_mlp *mlp = create(RG_F64, widths, 3, RG_TANH, 0);
    cr_assert(rg_mlp_is_training(mlp) == 1);
    double trained = gradient_size(mlp);
    cr_assert(trained > 0.01);
    rg_mlp_set_training(mlp, 0);
    cr_assert(rg_mlp_is_training(mlp) == 0);
    CHECK_NEAR(gradient_size(mlp), 0, 0);
    rg_mlp_set_training(mlp, 1);
    CHECK_NEAR(gradient_size(mlp), trained, 0);
    rg_mlp_destroy(mlp);
}

/* Two tapes sweep the same network; the parameters learn of it when they are told. */
Test(mlp, gradients_can_be_deferred)
{
    static const int64_t widths[] = {2, 4, 1};
    static const double x[2][2] = {{0.5, -1}, {2, 0.25}};
    rg_mlp *mlp = create(RG_F64, widths, 3, RG_TANH, 0);
    rg_param *weight = rg_mlp_layer(mlp, 0)->weight;
    rg_tape *tapes[2];
    double at_once[8], deferred[8];
    for (int defer = 0; defer < 2; defer++) {
        rg_params_zero_grad(rg_mlp_params(mlp));
        for (int i = 0; i < 2; i++) {
            tapes[i] = rg_tape_create();
            rg_tape_defer_gradients(tapes[i], defer);
            rg_value in = rg_constant_f64(tapes[i], RG_SHAPE(1, 2), x[i]);
            CHECK_STATUS(rg_backward(rg_sum(rg_mlp_forward(mlp, tapes[i], in))), RG_OK);
        }
        rg_param_read_grad(weight, at_once);
        cr_assert((at_once[0] == 0) == defer);
        if (!defer)
            memcpy(deferred, at_once, sizeof deferred);
        for (int i = 0; i < 2; i++) {
            CHECK_STATUS(rg_tape_add_gradients(tapes[i]), RG_OK);
            rg_tape_destroy(tapes[i]);
        }
        rg_param_read_grad(weight, at_once);
        for (int i = 0; i < 8; i++)
            CHECK_NEAR(at_once[i], deferred[i], 1e-15);
    }
    rg_mlp_destroy(mlp);
}

Test(mlp, gradients_are_right)
{
    static const int64_t widths[] = {2, 3, 2};
    rg_mlp *mlp = create(RG_F64, widths, 3, RG_SOFTPLUS, 0);
    rg_param *weight = rg_mlp_layer(mlp, 0)->weight;
    static const double x[] = {0.5, -1, 2, 0.25};
    static const int64_t classes[] = {1, 0};
    double grad[6], loss[2];
    rg_tape *tape = rg_tape_create();
    for (int i = -1; i < 6; i++) {
        for (int side = 0; side < 2; side++) {
            const double h = 1e-6;
            double *data = rg_param_data(weight), kept = i < 0 ? 0 : data[i];
            if (i >= 0)
                data[i] += side ? h : -h;
            rg_tape_reset(tape);
            rg_value in = rg_constant_f64(tape, RG_SHAPE(2, 2), x);
            rg_value f = rg_cross_entropy(rg_mlp_forward(mlp, tape, in),
                                          rg_indices(tape, RG_SHAPE(2), classes));
            loss[side] = rg_item(f);
            if (i >= 0)
                data[i] = kept;
            else if (side == 0)
                CHECK_STATUS(rg_backward(f), RG_OK);
        }
        if (i < 0)
            rg_param_read_grad(weight, grad);
        else
            CHECK_NEAR(grad[i], (loss[1] - loss[0]) / 2e-6, 1e-8);
    }
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
}

/* ---- errors ---- */

static void check_refused(const rg_mlp_options *options, rg_status status, const char *text)
{
    rg_error error = {RG_OK, ""};
    cr_assert(rg_mlp_create(options, &error) == NULL);
    CHECK_STATUS(error.status, status);
    cr_assert(strstr(error.message, text), "the message is \"%s\"", error.message);
    cr_assert(rg_mlp_create(options, NULL) == NULL);
}

Test(mlp, refuses_bad_options)
{
    static const int64_t good[] = {2, 3, 1}, zero[] = {2, 0, 1}, huge[] = {INT64_MAX, 2};
    static const int64_t large[] = {(int64_t)1 << 32, (int64_t)1 << 27};
    check_refused(NULL, RG_ERROR_ARGUMENT, "two widths");
    check_refused(&(rg_mlp_options){.width_count = 3}, RG_ERROR_ARGUMENT, "two widths");
    check_refused(&(rg_mlp_options){.widths = good, .width_count = 1}, RG_ERROR_ARGUMENT,
                  "two widths");
    check_refused(&(rg_mlp_options){.widths = zero, .width_count = 3}, RG_ERROR_ARGUMENT,
                  "width 1 is 0");
    check_refused(&(rg_mlp_options){.widths = good, .width_count = 3, .hidden = (rg_activation)70},
                  RG_ERROR_ARGUMENT, "activation number 70");
    check_refused(&(rg_mlp_options){.widths = good, .width_count = 3, .output = (rg_activation)71},
                  RG_ERROR_ARGUMENT, "activation number 71");
    check_refused(&(rg_mlp_options){.widths = good, .width_count = 3, .init = (rg_init)72},
                  RG_ERROR_ARGUMENT, "initialiser number 72");
    check_refused(&(rg_mlp_options){.widths = good, .width_count = 3, .type = RG_I64},
                  RG_ERROR_TYPE, "layer0.weight");
    check_refused(&(rg_mlp_options){.widths = huge, .width_count = 2}, RG_ERROR_SHAPE,
                  "shape of layer0.weight");
    check_refused(&(rg_mlp_options){.widths = large, .width_count = 2}, RG_ERROR_MEMORY,
                  "no memory for layer0.weight");
}

Test(mlp, a_misfit_input_is_the_tapes_error)
{
    static const int64_t widths[] = {2, 3, 1};
    rg_mlp *mlp = create(RG_F64, widths, 3, RG_TANH, 0);
    static const double x[3] = {1, 2, 3};
    rg_tape *tape = rg_tape_create();
    rg_mlp_set_training(mlp, 0);
    rg_value y = rg_mlp_forward(mlp, tape, rg_constant_f64(tape, RG_SHAPE(1, 3), x));
    cr_assert(!rg_is_live(y));
    CHECK_FAILED(tape, RG_ERROR_SHAPE, "linear");
    rg_tape_reset(tape);
    y = rg_mlp_forward(mlp, tape, rg_constant_f64(tape, RG_SHAPE(1, 2), x));
    cr_assert(rg_is_live(y));
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
}

Test(mlp, survives_each_failing_allocation)
{
    static const int64_t widths[] = {2, 3, 4, 1};
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_mlp_options options = {.widths = widths, .width_count = 4, .allocator = &allocator};
        rg_mlp *mlp = rg_mlp_create(&options, &error);
        cr_assert((mlp != NULL) == (error.status == RG_OK));
        rg_mlp_destroy(mlp);
        CHECK_FAILURE(memory, error.status);
    }
}
