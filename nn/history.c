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
    fputs("epoch,loss,accuracy,test_loss,test_accuracy,seconds\n", file);
    for (int64_t i = 0; i < history->count; i++) {
        const rg_epoch *epoch = &history->epochs[i];
        fprintf(file, "%" PRId64, epoch->epoch);
        write_field(file, epoch->loss);
        write_field(file, epoch->accuracy);
        write_field(file, epoch->test_loss);
        write_field(file, epoch->test_accuracy);
        write_field(file, epoch->seconds);
        fputc('\n', file);
    }
    if (fflush(file) != 0 || ferror(file))
        return RGI_FAIL(error, RG_ERROR_IO, "history: the CSV file cannot be written");
    return RG_OK;
}
