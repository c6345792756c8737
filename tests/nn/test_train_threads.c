/* test_train_threads.c: training and judging are bitwise the same with any number of threads. */
#include "../failing.h"
#include "training.h"

#include "../../nn/optimizer.h"

SUITE(train_threads);

enum { INPUTS = 250, CLASSES = 10, EXAMPLES = 67 * 7 };

/* Examples whose number and width are no multiple of anything, and large enough to be cut. */
static rg_dataset *make_wide(rg_type type)
{
    rg_dataset *data;
    rg_random random = rg_random_create(9);
    CHECK_STATUS(rg_dataset_create(&data, NULL, type, EXAMPLES, INPUTS, CLASSES, 0, NULL), RG_OK);
    for (int64_t i = 0; i < EXAMPLES * INPUTS; i++)
        put(data->inputs, type, i, rg_random_normal(&random));
    for (int64_t i = 0; i < EXAMPLES; i++)
        data->classes[i] = (int64_t)(rg_random_uniform(&random) * CLASSES);
    return data;
}

static rg_mlp *make_wide_mlp(rg_type type)
{
    static const int64_t widths[] = {INPUTS, 131, 66, CLASSES};
    return rg_mlp_create(&(rg_mlp_options){.type = type,
                                           .widths = widths,
                                           .width_count = 4,
                                           .hidden = RG_TANH,
                                           .dropout = 0.1,
                                           .seed = 4},
                         NULL);
}

/* 21 steps in 3 epochs. */
static rg_mlp *train_wide(const rg_dataset *data, int threads, rg_matmul_precision precision,
                          double *loss)
{
    rg_mlp *mlp = make_wide_mlp(data->type);
    rg_params *params = rg_mlp_params(mlp);
    rg_optimizer *adam = rg_adam_create(params, &(rg_adam_options){.rate = 0.003}, NULL);
    rg_history *history = rg_history_create(NULL);
    const rg_train_options options = {.epochs = 3,
                                      .batch = 67,
                                      .seed = 5,
                                      .l2 = 0.001,
                                      .threads = threads,
                                      .precision = precision};
    CHECK_STATUS(rg_train(mlp, adam, data, data, &options, history, NULL), RG_OK);
    for (int k = 0; k < 3; k++) {
        loss[2 * k] = rg_history_at(history, k)->loss;
        loss[2 * k + 1] = rg_history_at(history, k)->test_loss;
    }
    rg_history_destroy(history);
    rg_optimizer_destroy(adam);
    return mlp;
}

static void check_training(rg_type type, rg_matmul_precision precision)
{
    double alone_loss[6], loss[6];
    rg_dataset *data = make_wide(type);
    rg_mlp *alone = train_wide(data, 0, precision, alone_loss);
    cr_assert(alone_loss[4] < alone_loss[0], "it learns");
    for (int threads = 1; threads <= 4; threads++) {
        rg_mlp *shared = train_wide(data, threads, precision, loss);
        cr_assert(same(alone, shared), "%s with %d threads", rg_type_name(type), threads);
        cr_assert(memcmp(loss, alone_loss, sizeof loss) == 0);
        rg_mlp_destroy(shared);
    }
    rg_mlp_destroy(alone);
    rg_dataset_destroy(data);
}

Test(train_threads, training_is_the_same)
{
    check_training(RG_F64, RG_MATMUL_HIGHEST);
    check_training(RG_F32, RG_MATMUL_HIGHEST);
    check_training(RG_F32, RG_MATMUL_HIGH);
}

Test(train_threads, a_training_has_its_precision)
{
    double loss[6];
    if (rgi_cpu() < RGI_CPU_AMX)
        cr_skip_test("the processor has no bf16 tiles (AMX)");
    rg_dataset *data = make_wide(RG_F32);
    rg_mlp *highest = train_wide(data, 1, RG_MATMUL_HIGHEST, loss);
    rg_mlp *high = train_wide(data, 1, RG_MATMUL_HIGH, loss);
    cr_assert(!same(highest, high));
    rg_mlp_destroy(highest);
    rg_mlp_destroy(high);
    rg_dataset_destroy(data);
}

/* ---- evaluation and search ---- */

enum { SEARCH_STEPS = 10 };

/* What does not learn from the data but for a search. */
typedef struct verdict {
    rg_evaluation evaluation;
    int64_t counts[CLASSES * CLASSES];
    rg_lr_point points[SEARCH_STEPS];
    rg_lr_result found;
} verdict;

static void judge(rg_mlp *mlp, const rg_dataset *data, int threads, verdict *v)
{
    const rg_pass_options options = {.batch = 100, .threads = threads};
    const rg_lr_options search = {.steps = SEARCH_STEPS, .batch = 67, .threads = threads};
    rg_threads *own = rg_threads_create(2, NULL, NULL);
    rg_confusion *confusion;
    rg_optimizer *adam = rg_adam_create(rg_mlp_params(mlp), NULL, NULL);
    rg_optimizer_set_threads(adam, own);
    memset(v, 0, sizeof *v);
    CHECK_STATUS(rg_evaluate(mlp, data, RG_LOSS_CROSS_ENTROPY, &options, &v->evaluation, NULL),
                 RG_OK);
    CHECK_STATUS(rg_confusion_measure(&confusion, mlp, data, &options, NULL), RG_OK);
    CHECK_STATUS(rg_lr_find(mlp, adam, data, &search, v->points, &v->found, NULL), RG_OK);
    cr_assert(adam->threads == own, "the optimizer has its own pool back");
    memcpy(v->counts, confusion->counts, sizeof v->counts);
    rg_confusion_destroy(confusion);
    rg_optimizer_destroy(adam);
    rg_threads_destroy(own);
}

Test(train_threads, judging_is_the_same)
{
    for (rg_type type = RG_F64; type <= RG_F32; type++) {
        rg_dataset *data = make_wide(type);
        rg_mlp *mlp = make_wide_mlp(type);
        verdict alone, shared;
        judge(mlp, data, 0, &alone);
        for (int threads = 1; threads <= 4; threads++) {
            judge(mlp, data, threads, &shared);
            cr_assert(memcmp(&alone, &shared, sizeof alone) == 0, "%s with %d threads",
                      rg_type_name(type), threads);
        }
        rg_mlp_destroy(mlp);
        rg_dataset_destroy(data);
    }
}

/* The pool comes from the network's allocator. */
Test(train_threads, judging_makes_the_threads_asked_for)
{
    int64_t calls[3][2];
    for (int k = 0; k < 2; k++) {
        failing memory = {0};
        rg_allocator allocator = {failing_resize, &memory};
        rg_mlp *mlp = make_full(&allocator, RG_F64);
        rg_dataset *data = make_halves(9, 7);
        const rg_pass_options options = {.threads = k ? 3 : 1};
        const rg_lr_options search = {.steps = 3, .threads = k ? 3 : 1};
        rg_optimizer *sgd = rg_sgd_create(rg_mlp_params(mlp), NULL, NULL);
        rg_evaluation evaluation;
        rg_confusion *confusion;
        rg_lr_point points[3];
        rg_lr_result found;
        memory.calls = 0;
        rg_evaluate(mlp, data, RG_LOSS_MSE, &options, &evaluation, NULL);
        calls[0][k] = memory.calls;
        rg_confusion_measure(&confusion, mlp, data, &options, NULL);
        calls[1][k] = memory.calls - calls[0][k];
        rg_lr_find(mlp, sgd, data, &search, points, &found, NULL);
        calls[2][k] = memory.calls - calls[1][k] - calls[0][k];
        rg_confusion_destroy(confusion);
        rg_optimizer_destroy(sgd);
        rg_dataset_destroy(data);
        rg_mlp_destroy(mlp);
    }
    for (int i = 0; i < 3; i++)
        cr_assert(calls[i][0] > 0 && calls[i][1] > calls[i][0], "%d", i);
}

/* ---- optimizers ---- */

/* Three steps with drawn gradients of a parameter that is cut, and one that is not. */
static double *run_steps(const char *kind, bool all_states, rg_type type, rg_threads *threads)
{
    enum { LARGE = 20011, SMALL = 7 };
    rg_random random = rg_random_create(6);
    rg_params *params = rg_params_create(NULL);
    rg_param *param[2] = {rg_params_add(params, "large", type, RG_SHAPE(LARGE), NULL),
                          rg_params_add(params, "small", type, RG_SHAPE(SMALL), NULL)};
    double numbers[RGI_MAX_NUMBERS] = {0};
    for (int i = 1; all_states && i < RGI_MAX_NUMBERS; i++)
        numbers[i] = 0.25; /* on: amsgrad, centered, momentum */
    rg_optimizer *optimizer = rgi_optimizer_create(params, rgi_kind_find(kind), numbers, NULL);
    rg_optimizer_set_threads(optimizer, threads);
    double *result = malloc((LARGE + SMALL) * sizeof *result);
    for (int step = 0; step < 3; step++) {
        for (int k = 0; k < 2; k++)
            for (int64_t i = 0; i < rg_param_size(param[k]); i++)
                put(rg_param_grad(param[k]), type, i, rg_random_normal(&random));
        CHECK_STATUS(rg_optimizer_step(optimizer), RG_OK);
    }
    rg_param_read(param[0], result);
    rg_param_read(param[1], result + LARGE);
    rg_optimizer_destroy(optimizer);
    rg_params_destroy(params);
    return result;
}

Test(train_threads, steps_of_all_optimizers_are_the_same)
{
    static const char *const kinds[] = {"sgd",     "rmsprop",  "adam",   "adamw",
                                        "adagrad", "adadelta", "adamax", "nadam"};
    for (size_t i = 0; i < 4 * sizeof kinds / sizeof *kinds; i++) {
        const char *kind = kinds[i / 4];
        const bool all_states = i / 2 % 2;
        const rg_type type = i % 2 ? RG_F32 : RG_F64;
        double *alone = run_steps(kind, all_states, type, NULL);
        cr_assert(alone[20010] != 0 && alone[20011] != 0);
        for (int count = 1; count <= 4; count++) {
            rg_threads *threads = rg_threads_create(count, NULL, NULL);
            double *shared = run_steps(kind, all_states, type, threads);
            cr_assert(memcmp(alone, shared, (20011 + 7) * sizeof *alone) == 0, "%s, %d threads",
                      kind, count);
            free(shared);
            rg_threads_destroy(threads);
        }
        free(alone);
    }
}

/* ---- the option ---- */

Test(train_threads, refuses_wrong_numbers)
{
    static const int wrong[] = {-1, RG_MAX_THREADS + 1};
    for (int i = 0; i < 2; i++) {
        setup s = begin(make_full(NULL, RG_F64)), fresh = begin(make_full(NULL, RG_F64));
        rg_error error;
        s.options.threads = wrong[i];
        CHECK_STATUS(rg_train(s.mlp, s.optimizer, s.data, NULL, &s.options, s.history, &error),
                     RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "training: there cannot be "), "%s", error.message);
        cr_assert(strstr(error.message, "threads; 0 to 256"), "%s", error.message);

        const rg_pass_options options = {.threads = wrong[i]};
        rg_evaluation evaluation;
        CHECK_STATUS(rg_evaluate(s.mlp, s.data, RG_LOSS_MSE, &options, &evaluation, &error),
                     RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "evaluation: there cannot be "), "%s", error.message);
        cr_assert(isnan(evaluation.loss));
        rg_confusion *confusion;
        CHECK_STATUS(rg_confusion_measure(&confusion, s.mlp, s.data, &options, &error),
                     RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "confusion: there cannot be "), "%s", error.message);
        cr_assert(confusion == NULL);

        const rg_lr_options search = {.threads = wrong[i]};
        rg_lr_point points[100];
        rg_lr_result found;
        CHECK_STATUS(rg_lr_find(s.mlp, s.optimizer, s.data, &search, points, &found, &error),
                     RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, "search: there cannot be "), "%s", error.message);
        cr_assert(same(s.mlp, fresh.mlp));
        end(&s);
        end(&fresh);
    }
}

typedef struct seen {
    const rg_optimizer *optimizer;
    int count;
} seen;

static int see_threads(void *context, const rg_step *step)
{
    seen *s = context;
    (void)step;
    s->count = rg_threads_count(s->optimizer->threads);
    return 0;
}

Test(train_threads, the_optimizer_gets_its_own_pool_back)
{
    rg_threads *own = rg_threads_create(2, NULL, NULL);
    setup s = begin(make_full(NULL, RG_F64));
    seen saw = {s.optimizer, 0};
    s.options.on_step = see_threads;
    s.options.context = &saw;
    for (int threads = 0; threads <= 3; threads += 3) {
        rg_optimizer_set_threads(s.optimizer, own);
        s.options.threads = threads;
        CHECK_STATUS(train(&s), RG_OK);
        cr_assert(saw.count == (threads ? 3 : 2) && s.optimizer->threads == own);
    }
    end(&s);
    rg_threads_destroy(own);
}

static rg_status judge_shared(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *data,
                              rg_error *error)
{
    const rg_pass_options options = {.batch = 4, .threads = 2};
    const rg_lr_options search = {.steps = 3, .threads = 2};
    rg_evaluation evaluation;
    rg_confusion *confusion = NULL;
    rg_lr_point points[3];
    rg_lr_result found;
    rg_status status = rg_evaluate(mlp, data, RG_LOSS_MSE, &options, &evaluation, error);
    if (status == RG_OK)
        status = rg_confusion_measure(&confusion, mlp, data, &options, error);
    if (status == RG_OK)
        status = rg_lr_find(mlp, optimizer, data, &search, points, &found, error);
    rg_confusion_destroy(confusion);
    cr_assert(!optimizer->threads);
    return status;
}

static rg_status train_shared(rg_mlp *mlp, rg_optimizer *optimizer, const rg_dataset *data,
                              rg_error *error)
{
    const rg_train_options options = {.epochs = 1, .batch = 3, .threads = 2};
    rg_status status = rg_train(mlp, optimizer, data, NULL, &options, NULL, error);
    cr_assert(!optimizer->threads);
    return status;
}

Test(train_threads, survives_each_failing_allocation)
{
    check_failures(train_shared);
    check_failures(judge_shared);
}
