#define _XOPEN_SOURCE 700 /* for open_memstream and posix_openpt */

#include "../failing.h"
#include "small.h"

#include <fcntl.h>
#include <stdio.h>

#include "../../nn/progress.h"

SUITE(progress);

Test(progress, history_is_written_as_csv)
{
    char *text;
    size_t size;
    rg_history *history = rg_history_create(NULL);
    for (int i = 1; i <= 100; i++) {
        rg_epoch epoch = {i, 0.1, i == 2 ? NAN : 1, 0.5, NAN, NAN, NAN, 1e-9};
        CHECK_STATUS(rg_history_add(history, &epoch), RG_OK);
    }
    FILE *file = open_memstream(&text, &size);
    CHECK_STATUS(rg_history_write_csv(history, file, NULL), RG_OK);
    fclose(file);
    static const char want[] = "epoch,loss,accuracy,validation_loss,validation_accuracy,"
                               "test_loss,test_accuracy,seconds\n"
                               "1,0.10000000000000001,1,0.5,,,,1.0000000000000001e-09\n"
                               "2,0.10000000000000001,,0.5,,,,1.0000000000000001e-09\n"
                               "3,0.10000000000000001,1,0.5,,,,1.0000000000000001e-09\n";
    cr_assert(strncmp(text, want, strlen(want)) == 0, "%.200s", text);
    cr_assert(strstr(text, "\n100,") != NULL);
    free(text);
    rg_error error;
    file = fopen("/dev/full", "w");
    CHECK_STATUS(rg_history_write_csv(history, file, &error), RG_ERROR_IO);
    cr_assert(strstr(error.message, "cannot be written"));
    fclose(file);
    rg_history_destroy(history);
}

/* The chart of a history, whose text the caller frees; NULL if it is refused. */
static char *draw(const rg_history *history, rg_history_chart chart, const rg_plot_options *options,
                  rg_error *error)
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    rg_status status = rg_history_write_svg(history, chart, options, file, error);
    fclose(file);
    if (status == RG_OK)
        return text;
    cr_assert(status == error->status && size == 0);
    free(text);
    return NULL;
}

Test(progress, history_is_drawn)
{
    static const char *const names[] = {"training", "validation", "test"};
    rg_error error;
    for (int sets = 1; sets <= 3; sets++) {
        rg_history *history = rg_history_create(NULL);
        for (int i = 1; i <= 5; i++) {
            rg_epoch epoch = {.epoch = 10 + i, .loss = 1.0 / i, .accuracy = 0.5};
            epoch.validation_loss = sets > 1 ? 2.0 / i : NAN;
            epoch.validation_accuracy = sets > 1 ? 0.25 : NAN;
            epoch.test_loss = sets > 2 ? 3.0 / i : NAN;
            epoch.test_accuracy = NAN;
            rg_history_add(history, &epoch);
        }
        for (int chart = RG_CHART_LOSS; chart <= RG_CHART_ACCURACY; chart++) {
            char *text = draw(history, (rg_history_chart)chart, NULL, &error);
            cr_assert(text && strstr(text, ">epoch<"));
            cr_assert(strstr(text, chart == RG_CHART_LOSS ? ">loss<" : ">accuracy<"));
            for (int k = 0; k < 3; k++) {
                int wanted = k < sets && !(chart == RG_CHART_ACCURACY && k == 2);
                cr_assert((strstr(text, names[k]) != NULL) == wanted, "%s of %d", names[k], sets);
            }
            cr_assert(strstr(text, ">14<") && !strstr(text, ">4<"), "by the epochs' numbers");
            free(text);
        }
        char *text = draw(history, RG_CHART_LOSS, &(rg_plot_options){.title = "Mine"}, &error);
        cr_assert(strstr(text, ">Mine<") && !strstr(text, ">epoch<"));
        free(text);
        rg_history_destroy(history);
    }
}

Test(progress, history_without_numbers_is_not_drawn)
{
    rg_error error;
    rg_history *history = rg_history_create(NULL);
    cr_assert(!draw(history, RG_CHART_LOSS, NULL, &error));
    cr_assert(error.status == RG_ERROR_ARGUMENT && strstr(error.message, "no loss to draw"));
    rg_epoch epoch = {1, 0.1, NAN, NAN, NAN, NAN, NAN, 1};
    rg_history_add(history, &epoch);
    cr_assert(!draw(history, RG_CHART_ACCURACY, NULL, &error));
    cr_assert(error.status == RG_ERROR_ARGUMENT && strstr(error.message, "no accuracy to draw"));
    cr_assert(!draw(history, (rg_history_chart)5, NULL, &error));
    cr_assert(error.status == RG_ERROR_ARGUMENT && strstr(error.message, "chart number 5"));
    FILE *file = fopen("/dev/full", "w");
    CHECK_STATUS(rg_history_write_svg(history, RG_CHART_LOSS, NULL, file, NULL), RG_ERROR_IO);
    fclose(file);
    rg_history_destroy(history);
}

Test(progress, history_survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_status status = RG_ERROR_MEMORY;
        rg_epoch epoch = {1, 0.1, NAN, NAN, NAN, NAN, NAN, 1};
        rg_history *history = rg_history_create(&allocator);
        if (history)
            status = rg_history_add(history, &epoch);
        FILE *file = fopen("/dev/null", "w");
        if (status == RG_OK)
            status = rg_history_write_svg(history, RG_CHART_LOSS, NULL, file, NULL);
        fclose(file);
        rg_history_destroy(history);
        CHECK_FAILURE(memory, status);
    }
}

static int stop_at_third(void *context, const rg_epoch *epoch)
{
    ++*(int *)context;
    return epoch->epoch == 3;
}

/* Trains for three epochs of ten, with a set to validate and one to test or NULL, and says how many
 * the callback saw. */
static int train_three(FILE *progress, const rg_dataset *validation, const rg_dataset *test)
{
    int calls = 0;
    rg_dataset *data = make_halves(50, 4);
    rg_mlp *mlp = make_mlp(RG_F64, 4, 2, RG_TANH);
    rg_optimizer *optimizer = rg_sgd_create(rg_mlp_params(mlp), NULL, NULL);
    rg_history *history = rg_history_create(NULL);
    rg_train_options options = {.epochs = 10,
                                .batch = 8,
                                .validation = validation,
                                .progress = progress,
                                .on_epoch = stop_at_third,
                                .context = &calls};
    CHECK_STATUS(rg_train(mlp, optimizer, data, test, &options, history, NULL), RG_OK);
    cr_assert(rg_history_count(history) == 3);
    cr_assert(rg_optimizer_steps(optimizer) == 3 * 7);
    rg_history_destroy(history);
    rg_optimizer_destroy(optimizer);
    rg_mlp_destroy(mlp);
    rg_dataset_destroy(data);
    return calls;
}

Test(progress, a_callback_stops_it)
{
    cr_assert(train_three(NULL, NULL, NULL) == 3);
}

Test(progress, is_a_line_an_epoch_in_a_file)
{
    for (int sets = 0; sets < 4; sets++) {
        char *text;
        size_t size;
        rg_dataset *held_out = make_halves(10, 6);
        FILE *file = open_memstream(&text, &size);
        train_three(file, sets & 1 ? held_out : NULL, sets & 2 ? held_out : NULL);
        fclose(file);
        int lines = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            char start[32];
            snprintf(start, sizeof start, "epoch %d/10  loss ", ++lines);
            cr_assert(strncmp(line, start, strlen(start)) == 0, "\"%s\"", line);
            cr_assert(strstr(line, " %") && strstr(line, " samples/s"));
            cr_assert((strstr(line, "  val. loss ") != NULL) == (sets & 1));
            cr_assert((strstr(line, "  test loss ") != NULL) == (sets >> 1));
            cr_assert(!strchr(line, '\r') && !strstr(line, "left"));
        }
        cr_assert(lines == 3);
        free(text);
        rg_dataset_destroy(held_out);
    }
}

/* A terminal to write to, and what reads from it. */
static FILE *open_terminal(int *master)
{
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert(*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0);
    return fopen(ptsname(*master), "w");
}

/* Everything that was drawn, when no more will come. */
static void close_terminal(FILE *terminal, int master, char *text, size_t size)
{
    fclose(terminal);
    size_t length = 0;
    for (ssize_t got; (got = read(master, text + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = 0;
    close(master);
}

/* Within an epoch: not at once, but when a while has passed. */
Test(progress, shows_where_the_epoch_is)
{
    char text[512];
    int master;
    FILE *terminal = open_terminal(&master);
    rgi_progress progress;
    rg_epoch epoch = {.epoch = 2, .loss = 0.5, .accuracy = 0.75, .test_loss = NAN};
    epoch.validation_loss = epoch.validation_accuracy = epoch.test_accuracy = NAN;
    rgi_progress_start(&progress, terminal, 4, 100, 0);
    progress.drawn += 60; /* as if it had just been drawn */
    rgi_progress_step(&progress, &epoch, 10);
    cr_assert(progress.width == 0, "nothing is drawn yet");
    progress.drawn -= 120;
    rgi_progress_step(&progress, &epoch, 50);
    /* If 1.5 of 4 epochs had taken 1.5 hours, 2.5 hours would be left. */
    progress.began -= 5400;
    progress.drawn -= 120;
    epoch.accuracy = NAN;
    rgi_progress_step(&progress, &epoch, 50);
    rgi_progress_end(&progress);
    close_terminal(terminal, master, text, sizeof text);
    cr_assert(strncmp(text, "\repoch 2/4  loss 0.5  accuracy 75.00 %  ", 40) == 0, "%s", text);
    cr_assert(strstr(text, " samples/s  0:0"), "%s", text);
    cr_assert(strstr(text, " samples/s  150:0"), "%s", text);
    cr_assert(strcmp(text + strlen(text) - 2, "\r\n") == 0);
}

/* A training that goes on with epoch 3 of 4, after 40 of its 100 examples. */
Test(progress, tells_the_time_of_what_is_really_left)
{
    char text[512];
    int master;
    FILE *terminal = open_terminal(&master);
    rgi_progress progress;
    rg_epoch epoch = {3, 0.5, NAN, NAN, NAN, NAN, NAN, 0};
    rgi_progress_start(&progress, terminal, 4, 100, 240);
    /* 40 examples in 40 minutes: 120 are left, and 1 / 60 a second is the speed. */
    progress.began -= 2400;
    progress.epoch_began -= 2400;
    progress.drawn -= 60;
    rgi_progress_step(&progress, &epoch, 80);
    cr_assert(fabs(progress.speed - 1.0 / 60) < 1e-4, "%g", progress.speed);
    rgi_progress_end(&progress);
    close_terminal(terminal, master, text, sizeof text);
    cr_assert(strstr(text, " samples/s  120:0"), "%s", text);
}

Test(progress, is_one_line_redrawn_on_a_terminal)
{
    for (int sets = 0; sets < 4; sets++) {
        char text[4096];
        rg_dataset *held_out = make_halves(10, 6);
        int master;
        FILE *terminal = open_terminal(&master);
        train_three(terminal, sets & 1 ? held_out : NULL, sets & 2 ? held_out : NULL);
        close_terminal(terminal, master, text, sizeof text);
        char *end = strchr(text, '\n');
        cr_assert(end && !end[1], "one line end, at the end");
        *end = 0;
        int epochs = 0;
        for (char *line = strtok(text, "\r"); line; line = strtok(NULL, "\r")) {
            cr_assert(strncmp(line, "epoch ", 6) == 0 && strlen(line) < 80, "\"%s\"", line);
            int validated = strstr(line, "  val. ") != NULL;
            int tested = strstr(line, "  test ") != NULL;
            cr_assert((validated || tested) == (strstr(line, " samples/s  ") == NULL), "%s", line);
            cr_assert(strstr(line, ":") && strstr(line, " left"), "%s", line);
            cr_assert(!(validated && tested));
            epochs += validated == (sets & 1) && tested == (sets == 2);
        }
        cr_assert(epochs >= 3);
        rg_dataset_destroy(held_out);
    }
}

Test(progress, fits_a_terminal_with_long_numbers)
{
    char text[512];
    int master;
    FILE *terminal = open_terminal(&master);
    rgi_progress progress;
    rg_epoch epoch = {100, 1.234e-05, 1, 1.234e-05, 1, 1, 1, 0};
    rgi_progress_start(&progress, terminal, 200, 100, 0);
    progress.began -= 9e3; /* 150 minutes are left */
    rgi_progress_epoch(&progress, &epoch);
    cr_assert(progress.width > 70 && progress.width < 80, "%d", progress.width);
    rgi_progress_end(&progress);
    close_terminal(terminal, master, text, sizeof text);
    cr_assert(strstr(text, " 100.00 %  val. 1.234e-05  100.00 %  150:0"), "%s", text);
}
