#include "../failing.h"
#include "training.h"

SUITE(layer);

/* ---- buffers ---- */

Test(layer, buffers_are_never_freed_from_being_frozen)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *weight = rg_params_add(params, "a.weight", RG_F64, RG_SHAPE(2), NULL);
    rg_param *buffer = rg_params_add_buffer(params, "a.mean", RG_F64, RG_SHAPE(2), NULL);
    cr_assert(weight && buffer && rg_params_find(params, "a.mean") == buffer);
    cr_assert(!rg_params_is_buffer(params, 0) && rg_params_is_buffer(params, 1));
    cr_assert(!rg_params_is_buffer(params, -1) && !rg_params_is_buffer(params, 2));
    cr_assert(rg_param_is_frozen(buffer) && !rg_param_is_frozen(weight));
    cr_assert(rg_params_freeze(params, "*", 0) == 1 && rg_param_is_frozen(buffer));
    cr_assert(rg_params_freeze(params, "a.mean", 1) == 0);
    rg_error error;
    cr_assert(!rg_params_add_buffer(params, "a.mean", RG_F64, RG_SHAPE(2), &error));
    CHECK_STATUS(error.status, RG_ERROR_ARGUMENT);
    rg_params_destroy(params);
}

/* ---- normalisation by itself ---- */

typedef struct normed {
    rg_params *params;
    rg_norm_layer layer;
} normed;

static normed make_norm(rg_norm_kind kind, rg_type type, int64_t features)
{
    normed n = {.params = rg_params_create(NULL)};
    CHECK_STATUS(rg_norm_layer_create(&n.layer, n.params, "n", kind, type, features, NULL), RG_OK);
    return n;
}

static const double rows[3][2] = {{1, 10}, {2, 30}, {6, 20}};

Test(layer, norms_have_their_parameters)
{
    static const char *const names[] = {"n.weight", "n.bias", "n.running_mean",
                                        "n.running_variance"};
    for (int kind = RG_NORM_NONE; kind <= RG_NORM_BATCH; kind++) {
        normed n = make_norm((rg_norm_kind)kind, RG_F32, 2);
        int count = rg_params_count(n.params);
        cr_assert((int)n.layer.kind == kind && count == 2 * kind);
        const rg_param *parts[] = {n.layer.weight, n.layer.bias, n.layer.running_mean,
                                   n.layer.running_variance};
        for (int i = 0; i < 4; i++) {
            cr_assert(parts[i] == rg_params_find(n.params, names[i]));
            if (i >= count)
                continue;
            double both[2];
            rg_param_read(parts[i], both);
            cr_assert(both[0] == (i == 0 || i == 3) && both[1] == both[0]);
            cr_assert(rg_params_is_buffer(n.params, i) == (i >= 2));
        }
        rg_params_destroy(n.params);
    }
}

Test(layer, layer_norm_is_over_each_example)
{
    normed n = make_norm(RG_NORM_LAYER, RG_F64, 2);
    rg_param_write(n.layer.weight, (double[]){2, 3});
    rg_param_write(n.layer.bias, (double[]){0.5, -0.5});
    rg_tape *tape = rg_tape_create();
    for (int training = 0; training < 2; training++) {
        double y[6];
        rg_value x = rg_constant_f64(tape, RG_SHAPE(3, 1, 2), rows[0]);
        CHECK_STATUS(rg_read(rg_norm_layer_apply(tape, &n.layer, x, training), y), RG_OK);
        for (int i = 0; i < 3; i++) {
            double half = (rows[i][1] - rows[i][0]) / 2, z = half / sqrt(half * half + 1e-5);
            CHECK_NEAR(y[2 * i], -2 * z + 0.5, 1e-14);
            CHECK_NEAR(y[2 * i + 1], 3 * z - 0.5, 1e-14);
        }
    }
    rg_tape_destroy(tape);
    rg_params_destroy(n.params);
}

/* Feature 0 has mean 3 and variance 14 / 3, 7 unbiased; feature 1 has 20, 200 / 3 and 100. */
static void check_batch_norm(rg_type type, rg_shape shape)
{
    double tolerance = type == RG_F64 ? 1e-14 : 1e-6;
    normed n = make_norm(RG_NORM_BATCH, type, 2);
    rg_tape *tape = rg_tape_create();
    double y[6], mean[2], variance[2];
    rg_value x = rg_cast(rg_constant_f64(tape, shape, rows[0]), type);
    rg_value trained = rg_norm_layer_apply(tape, &n.layer, x, 1);
    CHECK_STATUS(rg_read(trained, y), RG_OK);
    rg_shape got = rg_get_shape(trained);
    cr_assert(rg_shape_equal(&got, &shape));
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(y[2 * i], (rows[i][0] - 3) / sqrt(14.0 / 3 + 1e-5), tolerance);
        CHECK_NEAR(y[2 * i + 1], (rows[i][1] - 20) / sqrt(200.0 / 3 + 1e-5), tolerance);
    }
    rg_param_read(n.layer.running_mean, mean);
    rg_param_read(n.layer.running_variance, variance);
    CHECK_NEAR(mean[0], 0.3, tolerance);
    CHECK_NEAR(mean[1], 2, tolerance);
    CHECK_NEAR(variance[0], 0.9 + 0.7, tolerance);
    CHECK_NEAR(variance[1], 0.9 + 10, tolerance);
    CHECK_STATUS(rg_backward(rg_sum(rg_square(trained))), RG_OK);
    /* Evaluated, each example goes by itself, and nothing moves. */
    CHECK_STATUS(rg_read(rg_norm_layer_apply(tape, &n.layer, x, 0), y), RG_OK);
    CHECK_NEAR(y[0], (1 - mean[0]) / sqrt(variance[0] + 1e-5), tolerance);
    CHECK_NEAR(y[5], (20 - mean[1]) / sqrt(variance[1] + 1e-5), tolerance);
    double after[2];
    rg_param_read(n.layer.running_mean, after);
    cr_assert(memcmp(mean, after, sizeof mean) == 0);
    rg_tape_destroy(tape);
    rg_params_destroy(n.params);
}

Test(layer, batch_norm_is_over_each_feature)
{
    for (int t = 0; t < 2; t++) {
        rg_type type = t ? RG_F32 : RG_F64;
        check_batch_norm(type, RG_SHAPE(3, 2));
        check_batch_norm(type, RG_SHAPE(3, 1, 2));
        check_batch_norm(type, RG_SHAPE(1, 3, 1, 2));
    }
}

Test(layer, one_example_can_be_evaluated_but_not_trained_with)
{
    normed n = make_norm(RG_NORM_BATCH, RG_F64, 2);
    rg_tape *tape = rg_tape_create();
    double y[2], mean[2];
    rg_value x = rg_constant_f64(tape, RG_SHAPE(2), rows[0]);
    CHECK_STATUS(rg_read(rg_norm_layer_apply(tape, &n.layer, x, 0), y), RG_OK);
    CHECK_NEAR(y[1], 10 / sqrt(1 + 1e-5), 1e-15);
    cr_assert(!rg_is_live(rg_norm_layer_apply(tape, &n.layer, x, 1)));
    CHECK_FAILED(tape, RG_ERROR_SHAPE, "fewer than two");
    rg_param_read(n.layer.running_mean, mean);
    cr_assert(mean[0] == 0 && mean[1] == 0, "a failing step moves nothing");
    /* What is inert stays so. */
    cr_assert(!rg_is_live(rg_norm_layer_apply(tape, &n.layer, (rg_value){tape, 0}, 1)));
    rg_tape_destroy(tape);
    rg_params_destroy(n.params);
}

Test(layer, norms_refuse_what_does_not_fit)
{
    rg_tape *tape = rg_tape_create();
    for (int kind = RG_NORM_LAYER; kind <= RG_NORM_BATCH; kind++) {
        normed n = make_norm((rg_norm_kind)kind, RG_F64, 3);
        rg_value x = rg_constant_f64(tape, RG_SHAPE(3, 2), rows[0]);
        cr_assert(!rg_is_live(rg_norm_layer_apply(tape, &n.layer, x, 1)));
        CHECK_FAILED(tape, RG_ERROR_SHAPE, "x [3, 2] has not 3 features");
        rg_tape_reset(tape);
        cr_assert(!rg_is_live(rg_norm_layer_apply(tape, &n.layer, rg_constant(tape, 1), 1)));
        CHECK_FAILED(tape, RG_ERROR_SHAPE, "has not 3 features");
        rg_tape_reset(tape);
        rg_params_destroy(n.params);
    }
    rg_tape_destroy(tape);

    static const char *const names[] = {"weight", "bias", "running_mean", "running_variance"};
    for (int i = 0; i < 4; i++) {
        rg_params *params = rg_params_create(NULL);
        rg_norm_layer layer;
        rg_error error;
        char name[32];
        snprintf(name, sizeof name, "n.%s", names[i]);
        rg_params_add(params, name, RG_F64, RG_SCALAR, NULL);
        CHECK_STATUS(rg_norm_layer_create(&layer, params, "n", RG_NORM_BATCH, RG_F64, 2, &error),
                     RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, name) && layer.kind == RG_NORM_NONE && !layer.weight);
        CHECK_STATUS(rg_norm_layer_create(&layer, params, "m", (rg_norm_kind)9, RG_F64, 2, &error),
                     RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "normalisation number 9"));
        CHECK_STATUS(rg_norm_layer_create(&layer, params, "m", RG_NORM_LAYER, RG_I64, 2, NULL),
                     RG_ERROR_TYPE);
        rg_params_destroy(params);
    }
}

/* ---- in a network ---- */

static rg_mlp *make_with(rg_norm_kind norm, double dropout)
{
    static const int64_t widths[] = {2, 40, 30, 1};
    rg_mlp *mlp = rg_mlp_create(&(rg_mlp_options){.widths = widths,
                                                  .width_count = 4,
                                                  .hidden = RG_TANH,
                                                  .norm = norm,
                                                  .dropout = dropout,
                                                  .seed = 5},
                                NULL);
    cr_assert(mlp != NULL);
    return mlp;
}

Test(layer, networks_normalise_hidden_layers_alone)
{
    for (int kind = RG_NORM_NONE; kind <= RG_NORM_BATCH; kind++) {
        rg_mlp *mlp = make_with((rg_norm_kind)kind, 0);
        rg_params *params = rg_mlp_params(mlp);
        cr_assert(rg_params_count(params) == 6 + 2 * 2 * kind);
        cr_assert((rg_params_find(params, "layer1.norm.weight") != NULL) == (kind > 0));
        cr_assert((rg_params_find(params, "layer1.norm.running_mean") != NULL) ==
                  (kind == RG_NORM_BATCH));
        cr_assert(!rg_mlp_norm(mlp, -1) && !rg_mlp_norm(mlp, 2) && !rg_mlp_norm(mlp, 3));
        for (int i = 0; i < 2; i++)
            cr_assert((rg_mlp_norm(mlp, i) != NULL) == (kind > 0));
        rg_mlp_destroy(mlp);
    }
}

/* The network is what its parts are by hand. */
static void check_forward(rg_norm_kind kind, int training)
{
    rg_mlp *mlp = make_with(kind, 0), *twin = make_with(kind, 0);
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_constant_f64(tape, RG_SHAPE(3, 2), rows[0]), h = x;
    for (int i = 0; i < 3; i++) {
        h = rg_linear_layer_apply(tape, rg_mlp_layer(twin, i), h);
        if (i < 2)
            h = rg_tanh(rg_norm_layer_apply(tape, rg_mlp_norm(twin, i), h, training));
    }
    double want[3], got[3];
    rg_mlp_set_training(mlp, training);
    rg_value y = rg_mlp_forward(mlp, tape, x);
    CHECK_STATUS(rg_read(h, want), RG_OK);
    CHECK_STATUS(rg_read(y, got), RG_OK);
    cr_assert(memcmp(got, want, sizeof got) == 0 && same(mlp, twin));
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
    rg_mlp_destroy(twin);
}

Test(layer, norms_stand_between_map_and_activation)
{
    for (int training = 0; training < 2; training++) {
        check_forward(RG_NORM_LAYER, training);
        check_forward(RG_NORM_BATCH, training);
    }
}

/* The gradient of a network with a normalisation, against differences. */
Test(layer, gradients_flow_through_norms)
{
    for (int kind = RG_NORM_LAYER; kind <= RG_NORM_BATCH; kind++) {
        rg_mlp *mlp = make_with((rg_norm_kind)kind, 0);
        rg_param *params[] = {rg_mlp_layer(mlp, 0)->weight, rg_mlp_norm(mlp, 0)->weight,
                              rg_mlp_norm(mlp, 1)->bias};
        rg_tape *tape = rg_tape_create();
        double gradient[3], value[2];
        for (int i = -1; i < 3; i++) {
            for (int side = 0; side < 2; side++) {
                const double h = 1e-5;
                double *data = rg_param_data(params[i < 0 ? 0 : i]), kept = data[1];
                data[1] += i < 0 ? 0 : side ? h : -h;
                rg_tape_reset(tape);
                rg_value x = rg_constant_f64(tape, RG_SHAPE(3, 2), rows[0]);
                rg_value f = rg_sum(rg_square(rg_mlp_forward(mlp, tape, x)));
                value[side] = rg_item(f);
                data[1] = kept;
                if (i < 0 && side == 0)
                    CHECK_STATUS(rg_backward(f), RG_OK);
            }
            for (int k = 0; k < 3 && i < 0; k++)
                gradient[k] = ((double *)rg_param_grad(params[k]))[1];
            if (i >= 0)
                CHECK_NEAR(gradient[i], (value[1] - value[0]) / 2e-5, 1e-7);
        }
        rg_tape_destroy(tape);
        rg_mlp_destroy(mlp);
    }
}

/* How many of the last hidden layer's outputs were dropped: those whose weight has no gradient. */
static int dropped(rg_mlp *mlp, double *output)
{
    rg_tape *tape = rg_tape_create();
    rg_params_zero_grad(rg_mlp_params(mlp));
    rg_value y = rg_mlp_forward(mlp, tape, rg_constant_f64(tape, RG_SHAPE(1, 2), rows[0]));
    *output = rg_item(y);
    rg_backward(y);
    const double *gradient = rg_param_grad(rg_mlp_layer(mlp, 2)->weight);
    int count = 0;
    for (int i = 0; i < 30; i++)
        count += gradient[i] == 0;
    rg_tape_destroy(tape);
    return count;
}

Test(layer, dropout_drops_in_training_only)
{
    rg_mlp *mlp = make_with(RG_NORM_NONE, 0.4), *plain = make_with(RG_NORM_NONE, 0);
    double y, again, evaluated;
    CHECK_NEAR(rg_mlp_dropout(mlp), 0.4, 0);
    int sum = 0;
    for (int i = 0; i < 200; i++)
        sum += dropped(mlp, &y);
    /* 6000 draws: a standard deviation of 38. */
    cr_assert(abs(sum - 2400) < 150, "%d of 6000", sum);
    rg_mlp_seed_dropout(mlp, 8);
    int first = dropped(mlp, &y);
    rg_mlp_seed_dropout(mlp, 8);
    cr_assert(dropped(mlp, &again) == first && y == again);
    dropped(mlp, &again);
    cr_assert(y != again, "each step drops others");
    rg_mlp_set_training(mlp, 0);
    rg_mlp_set_training(plain, 0);
    dropped(mlp, &y);
    dropped(plain, &evaluated);
    cr_assert(y == evaluated && same(mlp, plain));
    rg_mlp_destroy(mlp);
    rg_mlp_destroy(plain);
}

/* A network of ones: what is kept is scaled by 1 / (1 - p), and only hidden outputs are. */
Test(layer, dropout_keeps_the_mean)
{
    static const int64_t widths[] = {1, 1000, 1};
    rg_mlp *mlp =
        rg_mlp_create(&(rg_mlp_options){.widths = widths, .width_count = 3, .dropout = 0.75}, NULL);
    double one = 1, sum = 0;
    for (int i = 0; i < 2; i++)
        rg_init_constant(rg_mlp_layer(mlp, i)->weight, 1);
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < 50; i++) {
        rg_tape_reset(tape);
        double y = rg_item(rg_mlp_forward(mlp, tape, rg_constant_f64(tape, RG_SHAPE(1, 1), &one)));
        cr_assert(y > 0 && fmod(y, 4) == 0, "every one that is kept is 4");
        sum += y / 50;
    }
    CHECK_NEAR(sum, 1000, 0.03);
    rg_tape_destroy(tape);
    rg_mlp_destroy(mlp);
}

Test(layer, networks_refuse_bad_options)
{
    static const int64_t widths[] = {2, 3, 1};
    static const double bad[] = {-0.1, 1, NAN, INFINITY};
    rg_error error;
    for (int i = 0; i < 4; i++) {
        rg_mlp_options options = {.widths = widths, .width_count = 3, .dropout = bad[i]};
        cr_assert(!rg_mlp_create(&options, &error) && error.status == RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "probability of dropout is "), "%s", error.message);
    }
    rg_mlp_options options = {.widths = widths, .width_count = 3, .norm = (rg_norm_kind)7};
    cr_assert(!rg_mlp_create(&options, &error) && error.status == RG_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "normalisation number 7"));
    /* It is refused also where there is no hidden layer. */
    options.width_count = 2;
    cr_assert(!rg_mlp_create(&options, &error) && error.status == RG_ERROR_ARGUMENT);
}

Test(layer, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        static const int64_t widths[] = {2, 3, 4, 1};
        rg_mlp_options options = {
            .widths = widths, .width_count = 4, .norm = RG_NORM_BATCH, .allocator = &allocator};
        rg_mlp *mlp = rg_mlp_create(&options, &error);
        cr_assert((mlp != NULL) == (error.status == RG_OK));
        rg_mlp_destroy(mlp);
        CHECK_FAILURE(memory, error.status);
    }
}
