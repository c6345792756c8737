#include "history.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "internal.h"
#include "number.h"

struct rg_history {
    rg_allocator allocator;
    rg_epoch *epochs;
    int64_t count, capacity;
};

enum { FIRST_CAPACITY = 32 };

rg_history *rg_history_create(const rg_allocator *allocator)
{
    rg_history *history = rgi_alloc(allocator, sizeof *history);
    if (!history)
        return NULL;
    memset(history, 0, sizeof *history);
    if (allocator)
        history->allocator = *allocator;
    return history;
}

void rg_history_destroy(rg_history *history)
{
    if (!history)
        return;
    rg_allocator allocator = history->allocator;
    rgi_free(&allocator, history->epochs, (size_t)history->capacity * sizeof *history->epochs);
    rgi_free(&allocator, history, sizeof *history);
}

rg_status rg_history_add(rg_history *history, const rg_epoch *epoch)
{
    if (history->count == history->capacity) {
        int64_t capacity = history->capacity ? 2 * history->capacity : FIRST_CAPACITY;
        rg_epoch *epochs = rgi_resize(&history->allocator, history->epochs,
                                      (size_t)history->capacity * sizeof *epochs,
                                      (size_t)capacity * sizeof *epochs);
        if (!epochs)
            return RG_ERROR_MEMORY;
        history->epochs = epochs;
        history->capacity = capacity;
    }
    history->epochs[history->count++] = *epoch;
    return RG_OK;
}

int64_t rg_history_count(const rg_history *history)
{
    return history->count;
}

const rg_epoch *rg_history_at(const rg_history *history, int64_t i)
{
    return i >= 0 && i < history->count ? &history->epochs[i] : NULL;
}

static void write_field(FILE *file, double value)
{
    char text[RGI_NUMBER_SIZE];
    fprintf(file, ",%s", isnan(value) ? "" : rgi_number(text, value, 17));
}

rg_status rg_history_write_csv(const rg_history *history, FILE *file, rg_error *error)
{
    fputs("epoch,loss,accuracy,validation_loss,validation_accuracy,test_loss,test_accuracy,"
          "seconds\n",
          file);
    for (int64_t i = 0; i < history->count; i++) {
        const rg_epoch *epoch = &history->epochs[i];
        fprintf(file, "%" PRId64, epoch->epoch);
        write_field(file, epoch->loss);
        write_field(file, epoch->accuracy);
        write_field(file, epoch->validation_loss);
        write_field(file, epoch->validation_accuracy);
        write_field(file, epoch->test_loss);
        write_field(file, epoch->test_accuracy);
        write_field(file, epoch->seconds);
        fputc('\n', file);
    }
    if (fflush(file) != 0 || ferror(file))
        return RGI_FAIL(error, RG_ERROR_IO, "history: the CSV file cannot be written");
    return RG_OK;
}

/* ---- pictures ---- */

enum { SETS = 3 };

static double figure(const rg_epoch *epoch, rg_history_chart chart, int set)
{
    const double loss[SETS] = {epoch->loss, epoch->validation_loss, epoch->test_loss};
    const double accuracy[SETS] = {epoch->accuracy, epoch->validation_accuracy,
                                   epoch->test_accuracy};
    return chart == RG_CHART_LOSS ? loss[set] : accuracy[set];
}

/* Fills the curves of the sets that have numbers; `room` holds (SETS + 1) * count of them. Returns
 * how many curves there are. */
static int fill_curves(const rg_history *history, rg_history_chart chart, double *room,
                       rg_curve *curves)
{
    static const char *const names[SETS] = {"training", "validation", "test"};
    int64_t count = history->count;
    double *x = room;
    if (count == 0)
        return 0;
    for (int64_t i = 0; i < count; i++)
        x[i] = (double)history->epochs[i].epoch;
    int made = 0;
    for (int set = 0; set < SETS; set++) {
        double *y = room + (made + 1) * count;
        bool any = false;
        for (int64_t i = 0; i < count; i++) {
            y[i] = figure(&history->epochs[i], chart, set);
            any = any || isfinite(y[i]);
        }
        if (any)
            curves[made++] = (rg_curve){names[set], x, y, count};
    }
    return made;
}

rg_status rg_history_write_svg(const rg_history *history, rg_history_chart chart,
                               const rg_plot_options *options, FILE *file, rg_error *error)
{
    static const rg_plot_options defaults[] = {
        {.x_label = "epoch", .y_label = "loss", .log_y = 1},
        {.x_label = "epoch", .y_label = "accuracy"},
    };
    if (chart != RG_CHART_LOSS && chart != RG_CHART_ACCURACY)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT, "history: there is no chart number %d",
                        (int)chart);
    size_t bytes = (SETS + 1) * (size_t)history->count * sizeof(double);
    double *room = bytes > 0 ? rgi_alloc(&history->allocator, bytes) : NULL;
    if (bytes > 0 && !room)
        return RGI_FAIL(error, RG_ERROR_MEMORY, "history: there is no memory for the curves");
    rg_curve curves[SETS];
    int count = fill_curves(history, chart, room, curves);
    rg_status status;
    if (count > 0)
        status =
            rg_write_curves_svg(file, curves, count, options ? options : &defaults[chart], error);
    else
        status = RGI_FAIL(error, RG_ERROR_ARGUMENT, "history: there is no %s to draw",
                          defaults[chart].y_label);
    rgi_free(&history->allocator, room, bytes);
    return status;
}
