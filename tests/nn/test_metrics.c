#define _XOPEN_SOURCE 700 /* for open_memstream */

#include <locale.h>
#include <stdio.h>

#include "../failing.h"
#include "training.h"

SUITE(metrics);

/* Three classes, of which the last neither occurs nor is predicted:
 * 0: 3 found, 1 taken for 1; 1: 2 taken for 0, 4 found; 2: nothing. */
static rg_confusion *make_small(int64_t classes)
{
    static const int64_t actual[] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
    static const int64_t predicted[] = {0, 0, 0, 1, 0, 0, 1, 1, 1, 1};
    rg_confusion *confusion;
    CHECK_STATUS(rg_confusion_create(&confusion, NULL, classes, NULL), RG_OK);
    CHECK_STATUS(rg_confusion_add(confusion, 6, actual, predicted, NULL), RG_OK);
    CHECK_STATUS(rg_confusion_add(confusion, 4, actual + 6, predicted + 6, NULL), RG_OK);
    return confusion;
}

static void check_scores(rg_scores got, double precision, double recall, double f1)
{
    CHECK_NEAR(got.precision, precision, 1e-15);
    CHECK_NEAR(got.recall, recall, 1e-15);
    CHECK_NEAR(got.f1, f1, 1e-15);
}

Test(metrics, scores_are_those_of_the_counts)
{
    static const int64_t want[] = {3, 1, 0, 2, 4, 0, 0, 0, 0};
    rg_confusion *confusion = make_small(3);
    cr_assert(memcmp(confusion->counts, want, sizeof want) == 0);
    CHECK_NEAR(rg_confusion_accuracy(confusion), 0.7, 1e-15);
    check_scores(rg_confusion_scores(confusion, 0), 3.0 / 5, 3.0 / 4, 6.0 / 9);
    check_scores(rg_confusion_scores(confusion, 1), 4.0 / 5, 4.0 / 6, 8.0 / 11);
    check_scores(rg_confusion_scores(confusion, 2), NAN, NAN, NAN);
    check_scores(rg_confusion_scores(confusion, 3), NAN, NAN, NAN);
    check_scores(rg_confusion_scores(confusion, -1), NAN, NAN, NAN);
    check_scores(rg_confusion_average(confusion), 1.4 / 2, (0.75 + 2.0 / 3) / 2,
                 (6.0 / 9 + 8.0 / 11) / 2);
    /* Class 2 occurs once and is never predicted: its scores are 0 and count. */
    confusion->counts[6]++;
    check_scores(rg_confusion_scores(confusion, 2), 0, 0, 0);
    CHECK_NEAR(rg_confusion_average(confusion).f1, (6.0 / 10 + 8.0 / 11) / 3, 1e-15);
    /* Predicted without occurring, it has precision and recall 0. */
    confusion->counts[6]--;
    confusion->counts[2]++;
    check_scores(rg_confusion_scores(confusion, 2), 0, 0, 0);
    rg_confusion_destroy(confusion);
    rg_confusion_destroy(NULL);
}

Test(metrics, nothing_counted_is_no_number)
{
    rg_confusion *confusion;
    rg_confusion_create(&confusion, NULL, 2, NULL);
    CHECK_STATUS(rg_confusion_add(confusion, 0, NULL, NULL, NULL), RG_OK);
    CHECK_NEAR(rg_confusion_accuracy(confusion), NAN, 0);
    check_scores(rg_confusion_average(confusion), NAN, NAN, NAN);
    rg_confusion_destroy(confusion);
}

Test(metrics, refuses_classes_that_are_none)
{
    static const int64_t actual[][2] = {{0, 2}, {0, -1}, {0, 1}, {0, 1}};
    static const int64_t predicted[][2] = {{0, 1}, {0, 1}, {0, 2}, {0, -1}};
    static const char *const texts[] = {"example 1 of class 2 is taken for 1; there are 2 classes",
                                        "of class -1 is taken for 1", "of class 1 is taken for 2",
                                        "of class 1 is taken for -1"};
    rg_confusion *confusion;
    rg_error error;
    rg_confusion_create(&confusion, NULL, 2, NULL);
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(rg_confusion_add(confusion, 2, actual[i], predicted[i], &error),
                     RG_ERROR_INDEX);
        cr_assert(strstr(error.message, texts[i]), "%s", error.message);
        cr_assert(confusion->counts[0] == 0, "nothing is counted");
    }
    rg_confusion_destroy(confusion);
    for (int64_t classes = -1; classes <= 0; classes++) {
        CHECK_STATUS(rg_confusion_create(&confusion, NULL, classes, &error), RG_ERROR_ARGUMENT);
        cr_assert(!confusion && strstr(error.message, "there must be at least one"));
    }
    static const int64_t huge[] = {(int64_t)1 << 30, (int64_t)1 << 32, INT64_MAX};
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(rg_confusion_create(&confusion, NULL, huge[i], &error), RG_ERROR_LIMIT);
        cr_assert(!confusion && strstr(error.message, "exceeds the address space"));
    }
}

/* The network's answers are the signs of the first input, with a third output never largest. */
static rg_mlp *make_signs(void)
{
    rg_mlp *mlp = make_mlp(RG_F64, 2, 3, RG_IDENTITY);
    rg_param_write(rg_mlp_layer(mlp, 0)->weight, (double[]){1, 0, 0, 1});
    rg_param_write(rg_mlp_layer(mlp, 1)->weight, (double[]){-1, 0, 1, 0, 0, 0});
    rg_param_write(rg_mlp_layer(mlp, 1)->bias, (double[]){0, 0, -100});
    return mlp;
}

Test(metrics, measures_a_network)
{
    rg_dataset *data = make_halves(50, 3);
    rg_mlp *mlp = make_signs();
    int64_t want[9] = {0};
    for (int64_t i = 0; i < 50; i++)
        want[3 * data->classes[i] + (((double *)data->inputs)[2 * i] > 0)]++;
    static const int64_t batches[] = {0, 1, 7};
    for (int i = 0; i < 3; i++) {
        rg_confusion *confusion;
        rg_evaluation result;
        CHECK_STATUS(rg_confusion_measure(&confusion, mlp, data,
                                          &(rg_pass_options){.batch = batches[i]}, NULL),
                     RG_OK);
        cr_assert(confusion->classes == 3 && memcmp(confusion->counts, want, sizeof want) == 0);
        rg_evaluate(mlp, data, RG_LOSS_CROSS_ENTROPY, NULL, &result, NULL);
        CHECK_NEAR(rg_confusion_accuracy(confusion), result.accuracy, 1e-15);
        cr_assert(rg_mlp_is_training(mlp) == 1);
        rg_confusion_destroy(confusion);
    }
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
}

Test(metrics, measures_in_evaluation_mode)
{
    rg_dataset *data = make_halves(50, 3);
    rg_mlp *mlp = make_full(NULL, RG_F64);
    rg_confusion *a, *b;
    double *before = snapshot(mlp);
    CHECK_STATUS(rg_confusion_measure(&a, mlp, data, NULL, NULL), RG_OK);
    CHECK_STATUS(rg_confusion_measure(&b, mlp, data, &(rg_pass_options){.batch = 1}, NULL), RG_OK);
    cr_assert(memcmp(a->counts, b->counts, 4 * sizeof(int64_t)) == 0);
    double *after = snapshot(mlp);
    cr_assert(memcmp(before, after, (size_t)rg_params_size(rg_mlp_params(mlp)) * 8) == 0);
    free(before);
    free(after);
    rg_confusion_destroy(a);
    rg_confusion_destroy(b);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
}

Test(metrics, refuses_to_measure_what_does_not_fit)
{
    rg_dataset *data = make_halves(5, 3);
    rg_mlp *mlp = make_signs();
    rg_confusion *confusion = (rg_confusion *)data;
    rg_error error;
    CHECK_STATUS(rg_confusion_measure(&confusion, NULL, data, NULL, &error), RG_ERROR_ARGUMENT);
    cr_assert(!confusion && strstr(error.message, "confusion: the network or the dataset is NULL"));
    CHECK_STATUS(
        rg_confusion_measure(&confusion, mlp, data, &(rg_pass_options){.batch = -1}, &error),
        RG_ERROR_ARGUMENT);
    cr_assert(!confusion && strstr(error.message, "-1 is negative"));
    rg_dataset wrong = *data;
    wrong.class_count = 4;
    CHECK_STATUS(rg_confusion_measure(&confusion, mlp, &wrong, NULL, &error), RG_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "4 classes, the network 3 outputs"));
    wrong = *data;
    wrong.type = RG_F32;
    CHECK_STATUS(rg_confusion_measure(&confusion, mlp, &wrong, NULL, &error), RG_ERROR_TYPE);
    data->classes[3] = 5;
    CHECK_STATUS(rg_confusion_measure(&confusion, mlp, data, NULL, &error), RG_ERROR_INDEX);
    cr_assert(!confusion && strstr(error.message, "of class 5 is taken for "));
    cr_assert(rg_mlp_is_training(mlp) == 1);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
}

static char *text_of(const rg_confusion *confusion, const char *const *names)
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    CHECK_STATUS(rg_confusion_write(confusion, names, file, NULL), RG_OK);
    fclose(file);
    return text;
}

Test(metrics, is_written_as_a_table)
{
    static const char *const names[] = {"cat", "dogs", "elephants"};
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it exists */
    rg_confusion *confusion = make_small(2);
    char *text = text_of(confusion, NULL);
    cr_assert_str_eq(text, "actual \\ predicted        0        1   recall\n"
                           "0                         3        1   75.0 %\n"
                           "1                         2        4   66.7 %\n"
                           "precision            60.0 %   80.0 %\n"
                           "accuracy             70.0 %\n");
    free(text);
    rg_confusion_destroy(confusion);
    confusion = make_small(3);
    confusion->counts[8] = 0;
    text = text_of(confusion, names);
    cr_assert_str_eq(text, "actual \\ predicted        cat       dogs  elephants     recall\n"
                           "cat                         3          1          0     75.0 %\n"
                           "dogs                        2          4          0     66.7 %\n"
                           "elephants                   0          0          0           \n"
                           "precision              60.0 %     80.0 %           \n"
                           "accuracy               70.0 %\n");
    free(text);
    FILE *file = fopen("/dev/full", "w");
    rg_error error;
    CHECK_STATUS(rg_confusion_write(confusion, NULL, file, &error), RG_ERROR_IO);
    cr_assert(strstr(error.message, "cannot be written"));
    fclose(file);
    rg_confusion_destroy(confusion);
}

Test(metrics, survives_each_failing_allocation)
{
    rg_dataset *data = make_halves(5, 3);
    static const int64_t widths[] = {2, 2};
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_confusion *confusion = NULL;
        rg_mlp_options options = {.widths = widths, .width_count = 2, .allocator = &allocator};
        rg_mlp *mlp = rg_mlp_create(&options, &error);
        rg_status status = mlp ? RG_OK : error.status;
        if (status == RG_OK)
            status =
                rg_confusion_measure(&confusion, mlp, data, &(rg_pass_options){.batch = 2}, &error);
        cr_assert(status == error.status && (status == RG_OK) == (confusion != NULL));
        rg_confusion_destroy(confusion);
        rg_mlp_destroy(mlp);
        CHECK_FAILURE(memory, status);
    }
    rg_dataset_destroy(data);
}
