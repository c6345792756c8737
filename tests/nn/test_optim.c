#include "../check.h"
#include "../failing.h"

#include <float.h>

SUITE(optim);

/* ---- trajectories ---- */

/* f = x' A x / 2 - b' x, minimised by PyTorch 1.13.1 in float64. */
enum { N = 5, POINTS = 4 };
static const int point_steps[POINTS] = {1, 2, 5, 20};

typedef struct trajectory {
    rg_sgd_options sgd; /* rate 0: this is Adam's */
    rg_adam_options adam;
    double point[POINTS][N];
} trajectory;

static const double matrix[] = {
    1.846144, -0.419867, 0.047595, -0.258943, 0.263045,  -0.419867, 2.872538,  0.917212, 0.302275,
    0.236427, 0.047595,  0.917212, 1.015301,  -0.158416, 0.649279,  -0.258943, 0.302275, -0.158416,
    3.132825, 1.028879,  0.263045, 0.236427,  0.649279,  1.028879,  1.883193};
static const double vector[] = {-0.8141, -0.4676, -1.1932, -1.4925, 0.0366};
static const double start[] = {1.3459, -0.3497, -1.1154, 0.5775, 1.0759};

/* The points after steps 1, 2, 5 and 20. */
static const trajectory trajectories[] = {
    {.sgd = {.rate = 0.1, .momentum = 0, .dampening = 0, .nesterov = 0, .weight_decay = 0},
     .point = {{0.9932964230500001, -0.18008518231000004, -1.15651163748, 0.16438423911999994,
                0.8628147081800001},
               {0.7080135398126931, -0.0527013491275428, -1.200037498306103, -0.11229441402650853,
                0.7402963032765031},
               {0.1371181683270167, 0.16028624826638332, -1.3421403249173982, -0.5310464713259463,
                0.650765908318035},
               {-0.5519247557165797, 0.37307307814856694, -2.003547394657725, -0.9849922644751254,
                1.1346466089162974}}},
    {.sgd = {.rate = 0.1, .momentum = 0.9, .dampening = 0, .nesterov = 0, .weight_decay = 0},
     .point = {{0.9932964230500001, -0.18008518231000004, -1.15651163748, 0.16438423911999994,
                0.8628147081800001},
               {0.3906703205576931, 0.09995198679345718, -1.237037972038103, -0.48409859881850864,
                0.5485195406385031},
               {-1.516139430809161, 0.7909544464323197, -1.7245659944033687, -1.733181502314711,
                0.36139905392908356},
               {-0.7970881411071705, 1.0234640394789463, -4.4553234728501705, -1.1720067019262908,
                2.1412968937771653}}},
    {.sgd = {.rate = 0.1, .momentum = 0.9, .dampening = 0, .nesterov = 1, .weight_decay = 0},
     .point = {{0.675953203795, -0.02743184638900003, -1.193512111212, -0.20741994567200012,
                0.671037945542},
               {-0.03657478543667807, 0.2797704554786705, -1.3136399950622326, -0.8344256987388957,
                0.4205232664783762},
               {-1.2815863165174093, 0.5494604513407735, -1.9287664278002252, -1.2760831327170488,
                0.9134113068185694},
               {-0.645507038895654, 1.010261512216118, -3.9594955745217373, -1.5489893960407084,
                2.208211529577839}}},
    {.sgd = {.rate = 0.1, .momentum = 0.7, .dampening = 0.2, .nesterov = 0, .weight_decay = 0},
     .point = {{0.9932964230500001, -0.18008518231000004, -1.15651163748, 0.16438423911999994,
                0.8628147081800001},
               {0.5182476125951545, 0.04055225661896574, -1.2201104723768825, -0.3461397160132069,
                0.6156402799832025},
               {-0.708053750755458, 0.5009098591940694, -1.5128782280109474, -1.201226314923488,
                0.4359928907010914},
               {-0.6394517714292394, 0.6913834626539038, -2.9173666772312417, -1.2731008953667906,
                1.6801587983003206}}},
    {.sgd = {.rate = 0.1, .momentum = 0, .dampening = 0, .nesterov = 0, .weight_decay = 0.1},
     .point = {{0.9798374230500001, -0.17658818231000004, -1.1453576374799999, 0.15860923911999988,
                0.8520557081800001},
               {0.6874681013516931, -0.04960221548134281, -1.178212005556503, -0.11701684880890853,
                0.7231841991129032},
               {0.11606068011530482, 0.1522771949564231, -1.2892155784412727, -0.5206902670472556,
                0.6212504058689158},
               {-0.5239282109237072, 0.3108309287064524, -1.7869522487828116, -0.9071193239127433,
                1.0063358514997474}}},
    {.sgd = {.rate = 0.1, .momentum = 0.9, .dampening = 0, .nesterov = 1, .weight_decay = 0.05},
     .point = {{0.663167153795, -0.02410969638900005, -1.182915811212, -0.21290619567200017,
                0.6608168955420001},
               {-0.05621677433378302, 0.2808323671350615, -1.2887002857992045, -0.8354654378961277,
                0.4035793134880782},
               {-1.2704031702591265, 0.5158779786788967, -1.839254929584941, -1.235817174493135,
                0.8732999540865888},
               {-0.6201600554487131, 0.7901112227712603, -3.294273370167807, -1.351779231637036,
                1.8459453181453767}}},
    {.sgd = {.rate = 0.1, .momentum = 0.5, .dampening = 0, .nesterov = 0, .weight_decay = 0},
     .point = {{0.9932964230500001, -0.18008518231000004, -1.15651163748, 0.16438423911999994,
                0.8628147081800001},
               {0.5317117513376931, 0.03210605971745718, -1.2205933170461032, -0.31885229446650853,
                0.6337536573665031},
               {-0.44678100145368427, 0.3752987348497696, -1.487539377278302, -0.9344242814808829,
                0.5751325545921767},
               {-0.6326115790272634, 0.5509536421451766, -2.6014402911039096, -1.1952391596104992,
                1.5279230687102827}}},
    {.adam = {.rate = 0.05, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-08, .weight_decay = 0},
     .point = {{1.2959000001418024, -0.2997000002947856, -1.1653999987837993, 0.5275000001210315,
                1.025900000234648},
               {1.2459505204881636, -0.2497918329205501, -1.2152546330664376, 0.4775667478853894,
                0.9760626511771303},
               {1.09677404181268, -0.10134368992492704, -1.3627151882547353, 0.32866918645308957,
                0.8289596669215065},
               {0.40279393767824007, 0.516093334409589, -1.9196998475903082, -0.34252497783703,
                0.36705903149177443}}},
    {.adam = {.rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-06, .weight_decay = 0},
     .point = {{1.2959000141802266, -0.2997000294785392, -1.1653998783802313, 0.5275000121031422,
                1.0259000234647715},
               {1.2459784265055696, -0.24983834924026666, -1.2151870896085422, 0.4776022785687822,
                0.9761361655694394},
               {1.0972395779611406, -0.10214437205030612, -1.3615364273922557, 0.3292682561768537,
                0.8302758011284825},
               {0.42075233338988716, 0.4710520691583473, -1.8885717070538086, -0.31874724060958903,
                0.4563190268376741}}},
    {.adam = {.rate = 0.05, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-08, .weight_decay = 0.1},
     .point = {{1.2959000001365888, -0.2997000002888307, -1.1653999983309766, 0.5275000001193629,
                1.0259000002233696},
               {1.245950800770282, -0.24979564412343358, -1.2151227582553024, 0.47756793540542175,
                0.9760579474787555},
               {1.0967790207521009, -0.1014212195700368, -1.359856362844288, 0.32869148739241555,
                0.8288579069028116},
               {0.4030286461408388, 0.49548548809777965, -1.7231139342969086, -0.33942362738169785,
                0.34382864414416225}}},
};
static rg_value quadratic(rg_tape *tape, rg_param *param)
{
    rg_value x = rg_use(tape, param);
    rg_value a = rg_constant_f64(tape, RG_SHAPE(N, N), matrix);
    rg_value b = rg_constant_f64(tape, RG_SHAPE(N), vector);
    rg_type type = rg_param_type(param);
    rg_value ax = rg_matmul(rg_cast(a, type), x);
    rg_value bx = rg_mul(rg_cast(b, type), x);
    return rg_sub(rg_mul(0.5, rg_sum(rg_mul(x, ax))), rg_sum(bx));
}

/* One parameter "x" at the start, with an optimizer of the trajectory's. */
static rg_optimizer *begin(const trajectory *t, rg_type type, rg_params *params)
{
    rg_param *x = rg_params_add(params, "x", type, RG_SHAPE(N), NULL);
    rg_param_write(x, start);
    rg_optimizer *optimizer = t->sgd.rate > 0 ? rg_sgd_create(params, &t->sgd, NULL)
                                              : rg_adam_create(params, &t->adam, NULL);
    cr_assert(optimizer != NULL);
    return optimizer;
}

static void one_step(rg_tape *tape, rg_param *x, rg_optimizer *optimizer)
{
    rg_tape_reset(tape);
    rg_optimizer_zero_grad(optimizer);
    CHECK_STATUS(rg_backward(quadratic(tape, x)), RG_OK);
    rg_optimizer_step(optimizer);
}

static void follow(const trajectory *t, rg_type type, double tolerance)
{
    rg_params *params = rg_params_create(NULL);
    rg_optimizer *optimizer = begin(t, type, params);
    rg_tape *tape = rg_tape_create();
    for (int k = 0, step = 0; k < POINTS; k++) {
        for (; step < point_steps[k]; step++)
            one_step(tape, rg_params_at(params, 0), optimizer);
        cr_assert(rg_optimizer_steps(optimizer) == step);
        double got[N], largest = 0;
        rg_param_read(rg_params_at(params, 0), got);
        for (int i = 0; i < N; i++)
            largest = fmax(largest, fabs(t->point[k][i]));
        for (int i = 0; i < N; i++)
            cr_assert(fabs(got[i] - t->point[k][i]) <= tolerance * (1 + largest),
                      "trajectory %d, step %d, x[%d] is %.17g, not %.17g", (int)(t - trajectories),
                      step, i, got[i], t->point[k][i]);
    }
    rg_tape_destroy(tape);
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

Test(optim, follows_the_reference_in_float64)
{
    for (size_t i = 0; i < sizeof trajectories / sizeof *trajectories; i++)
        follow(&trajectories[i], RG_F64, 1e-12);
}

Test(optim, follows_the_reference_in_float32)
{
    for (size_t i = 0; i < sizeof trajectories / sizeof *trajectories; i++)
        follow(&trajectories[i], RG_F32, 2e-5);
}

/* ---- behaviour ---- */

static rg_param *add(rg_params *params, const char *name, rg_type type, double value, double grad)
{
    rg_param *param = rg_params_add(params, name, type, RG_SHAPE(3), NULL);
    for (int i = 0; i < 3; i++) {
        if (type == RG_F64) {
            ((double *)rg_param_data(param))[i] = value;
            ((double *)rg_param_grad(param))[i] = grad;
        } else {
            ((float *)rg_param_data(param))[i] = (float)value;
            ((float *)rg_param_grad(param))[i] = (float)grad;
        }
    }
    return param;
}

static double first(const rg_param *param)
{
    double x[3];
    rg_param_read(param, x);
    cr_assert(x[0] == x[1] && x[1] == x[2]);
    return x[0];
}

Test(optim, serves_all_parameters_of_both_types)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *a = add(params, "a", RG_F64, 1, 2), *b = add(params, "b", RG_F32, 4, -2);
    rg_params_add(params, "empty", RG_F64, RG_SHAPE(0, 3), NULL);
    rg_optimizer *sgd = rg_sgd_create(params, &(rg_sgd_options){.rate = 0.25}, NULL);
    rg_optimizer *adam = rg_adam_create(params, &(rg_adam_options){.rate = 0.25}, NULL);
    rg_param *late = add(params, "late", RG_F64, 9, 1);
    rg_optimizer_step(sgd);
    CHECK_NEAR(first(a), 0.5, 0);
    CHECK_NEAR(first(b), 4.5, 0);
    CHECK_NEAR(first(late), 9, 0);
    CHECK_NEAR(((double *)rg_param_grad(a))[0], 2, 0); /* a step leaves the gradient */
    rg_optimizer_step(adam);
    CHECK_NEAR(first(a), 0.25, 1e-8);
    CHECK_NEAR(first(b), 4.75, 1e-6);
    rg_optimizer_zero_grad(adam);
    CHECK_NEAR(((double *)rg_param_grad(a))[0], 0, 0);
    CHECK_NEAR(((float *)rg_param_grad(b))[0], 0, 0);
    CHECK_NEAR(((double *)rg_param_grad(late))[0], 1, 0);
    rg_optimizer_destroy(sgd);
    rg_optimizer_destroy(adam);
    rg_optimizer_destroy(NULL);
    rg_params_destroy(params);
}

/* A frozen parameter does not move, and its own first step comes when it is free. */
Test(optim, skips_frozen_parameters)
{
    for (int kind = 0; kind < 2; kind++) {
        rg_params *params = rg_params_create(NULL);
        rg_param *a = add(params, "a", RG_F64, 1, 2), *b = add(params, "b", RG_F64, 1, 2);
        rg_sgd_options momentum = {.rate = 0.1, .momentum = 0.9, .dampening = 0.5};
        rg_optimizer *optimizer =
            kind ? rg_adam_create(params, NULL, NULL) : rg_sgd_create(params, &momentum, NULL);
        rg_params_freeze(params, "b", 1);
        rg_optimizer_step(optimizer);
        double moved = first(a);
        rg_optimizer_step(optimizer);
        cr_assert(moved < 1 && first(a) < moved);
        CHECK_NEAR(first(b), 1, 0);
        rg_params_freeze(params, "b", 0);
        rg_optimizer_step(optimizer);
        CHECK_NEAR(first(b), moved, 0);
        cr_assert(rg_optimizer_steps(optimizer) == 3);
        rg_optimizer_destroy(optimizer);
        rg_params_destroy(params);
    }
}

Test(optim, changes_its_rate)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *a = add(params, "a", RG_F64, 1, 2);
    rg_optimizer *optimizer = rg_sgd_create(params, &(rg_sgd_options){.rate = 0.25}, NULL);
    CHECK_NEAR(rg_optimizer_rate(optimizer), 0.25, 0);
    CHECK_STATUS(rg_optimizer_set_rate(optimizer, 0.5), RG_OK);
    rg_optimizer_step(optimizer);
    CHECK_NEAR(first(a), 0, 0);
    CHECK_STATUS(rg_optimizer_set_rate(optimizer, 0), RG_OK);
    rg_optimizer_step(optimizer);
    CHECK_NEAR(first(a), 0, 0);
    static const double bad[] = {-0.1, INFINITY, -INFINITY, NAN};
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(rg_optimizer_set_rate(optimizer, bad[i]), RG_ERROR_ARGUMENT);
        CHECK_NEAR(rg_optimizer_rate(optimizer), 0, 0);
    }
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

/* Two optimizers that should be the same, over twenty steps with a changing gradient. */
static void check_same(rg_optimizer *(*make)(rg_params *params, int which))
{
    rg_params *params[2];
    rg_optimizer *optimizer[2];
    for (int k = 0; k < 2; k++) {
        params[k] = rg_params_create(NULL);
        add(params[k], "x", RG_F64, 1, 0);
        optimizer[k] = make(params[k], k);
    }
    for (int step = 1; step <= 20; step++) {
        for (int k = 0; k < 2; k++) {
            for (int i = 0; i < 3; i++)
                ((double *)rg_param_grad(rg_params_at(params[k], 0)))[i] = sin(step);
            rg_optimizer_step(optimizer[k]);
        }
        CHECK_NEAR(first(rg_params_at(params[0], 0)), first(rg_params_at(params[1], 0)), 0);
    }
    cr_assert(first(rg_params_at(params[0], 0)) != 1);
    for (int k = 0; k < 2; k++) {
        rg_optimizer_destroy(optimizer[k]);
        rg_params_destroy(params[k]);
    }
}

static rg_optimizer *default_sgd(rg_params *params, int which)
{
    return rg_sgd_create(params, which ? &(rg_sgd_options){.rate = 0.01} : NULL, NULL);
}

static rg_optimizer *default_adam(rg_params *params, int which)
{
    rg_adam_options written = {.rate = 0.001, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    return rg_adam_create(params, which ? &written : NULL, NULL);
}

Test(optim, has_the_documented_defaults)
{
    check_same(default_sgd);
    check_same(default_adam);
}

/* With vanishing betas and epsilon every step is the rate in the direction of the gradient. */
Test(optim, tiny_numbers_make_adam_terms_vanish)
{
    rg_params *params = rg_params_create(NULL);
    rg_param *a = add(params, "a", RG_F64, 1, 3), *b = add(params, "b", RG_F32, 1, -3);
    rg_adam_options options = {.rate = 0.25, .beta1 = 1e-300, .beta2 = 1e-300, .epsilon = 1e-300};
    rg_optimizer *optimizer = rg_adam_create(params, &options, NULL);
    for (int step = 1; step <= 3; step++) {
        rg_optimizer_step(optimizer);
        CHECK_NEAR(first(a), 1 - 0.25 * step, 1e-15);
        CHECK_NEAR(first(b), 1 + 0.25 * step, 1e-6);
    }
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
}

/* A momentum that has decayed below the smallest normal number is gone. */
Test(optim, flushes_state_that_is_too_small)
{
    for (int wide = 0; wide < 2; wide++) {
        double least = wide ? DBL_MIN : FLT_MIN;
        rg_params *params = rg_params_create(NULL);
        rg_param *x = add(params, "x", wide ? RG_F64 : RG_F32, 0, least);
        rg_optimizer *optimizer =
            rg_sgd_create(params, &(rg_sgd_options){.rate = 1, .momentum = 0.5}, NULL);
        rg_optimizer_step(optimizer);
        CHECK_NEAR(first(x) / least, -1, 0);
        rg_optimizer_zero_grad(optimizer);
        rg_optimizer_step(optimizer);
        CHECK_NEAR(first(x) / least, -1, 0);
        rg_optimizer_destroy(optimizer);
        rg_params_destroy(params);
    }
}

/* ---- errors ---- */

static void check_refused(const rg_optimizer *made, rg_error *error, const char *text)
{
    cr_assert(made == NULL);
    CHECK_STATUS(error->status, RG_ERROR_ARGUMENT);
    cr_assert(strstr(error->message, text), "the message is \"%s\"", error->message);
    *error = (rg_error){RG_OK, ""};
}

Test(optim, refuses_bad_options)
{
    rg_params *params = rg_params_create(NULL);
    rg_error e = {RG_OK, ""};
    check_refused(rg_sgd_create(NULL, NULL, &e), &e, "sgd: the parameters are NULL");
    check_refused(rg_adam_create(NULL, NULL, &e), &e, "adam: the parameters are NULL");
    static const double bad[] = {-1, INFINITY, NAN};
    for (int i = 0; i < 3; i++) {
        rg_sgd_options sgd[] = {{.rate = bad[i]},
                                {.momentum = bad[i]},
                                {.weight_decay = bad[i]},
                                {.dampening = i ? bad[i] : 1.5}};
        static const char *const sgd_texts[] = {"rate is", "momentum", "weight_decay",
                                                "dampening"};
        for (int k = 0; k < 4; k++)
            check_refused(rg_sgd_create(params, &sgd[k], &e), &e, sgd_texts[k]);
        rg_adam_options adam[] = {{.rate = bad[i]},
                                  {.epsilon = bad[i]},
                                  {.weight_decay = bad[i]},
                                  {.beta1 = i == 1 ? 1 : bad[i]},
                                  {.beta2 = i == 1 ? 1 : bad[i]}};
        static const char *const adam_texts[] = {"rate is", "epsilon", "weight_decay", "beta1",
                                                 "beta2"};
        for (int k = 0; k < 5; k++)
            check_refused(rg_adam_create(params, &adam[k], &e), &e, adam_texts[k]);
    }
    cr_assert(rg_sgd_create(params, &(rg_sgd_options){.rate = -1}, NULL) == NULL);
    rg_params_destroy(params);
}

Test(optim, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_params *params = rg_params_create(&allocator);
        if (params && rg_params_add(params, "x", RG_F32, RG_SHAPE(3), &error)) {
            rg_optimizer *sgd = rg_sgd_create(params, &(rg_sgd_options){.momentum = 0.9}, &error);
            rg_optimizer *adam = sgd ? rg_adam_create(params, NULL, &error) : NULL;
            cr_assert((adam != NULL) == (error.status == RG_OK));
            int64_t calls = memory.calls;
            if (adam)
                rg_optimizer_step(adam);
            cr_assert(memory.calls == calls);
            rg_optimizer_destroy(sgd);
            rg_optimizer_destroy(adam);
        }
        rg_params_destroy(params);
        CHECK_FAILURE(memory, params ? error.status : RG_ERROR_MEMORY);
    }
}
