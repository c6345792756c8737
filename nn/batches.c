#include "batches.h"

#include <inttypes.h>
#include <string.h>

#include "internal.h"

struct rg_batches {
    rg_allocator allocator;
    const rg_dataset *data;
    rg_random *shuffle;
    int64_t size, next;
    int64_t *order;     /* of all examples, or NULL: the dataset's */
    rg_dataset *buffer; /* room for one batch in that order */
};

static size_t order_bytes(const rg_batches *batches)
{
    return (size_t)batches->data->count * sizeof *batches->order;
}

static rg_status allocate_order(rg_batches *batches, rg_error *error)
{
    const rg_dataset *data = batches->data;
    batches->order = rgi_alloc(&batches->allocator, order_bytes(batches));
    if (!batches->order)
        return RGI_FAIL(error, RG_ERROR_MEMORY,
                        "batches: there is no memory to order %" PRId64 " examples", data->count);
    return rg_dataset_create(&batches->buffer, &batches->allocator, data->type, batches->size,
                             data->features, data->class_count, data->target_width, error);
}

rg_batches *rg_batches_create(const rg_dataset *data, int64_t size, rg_random *shuffle,
                              const rg_allocator *allocator, rg_error *error)
{
    if (!data || size < 0) {
        rgi_set_error(error, RG_ERROR_ARGUMENT,
                      data ? "batches: the size %" PRId64 " is negative"
                           : "batches: the dataset is NULL",
                      size);
        return NULL;
    }
    rg_batches *batches = rgi_alloc(allocator, sizeof *batches);
    if (!batches) {
        rgi_set_error(error, RG_ERROR_MEMORY, "batches: there is no memory for them");
        return NULL;
    }
    memset(batches, 0, sizeof *batches);
    if (allocator)
        batches->allocator = *allocator;
    batches->data = data;
    batches->size = size == 0 || size > data->count ? data->count : size;
    batches->shuffle = shuffle;
    if (shuffle && batches->size < data->count && allocate_order(batches, error) != RG_OK) {
        rg_batches_destroy(batches);
        return NULL;
    }
    batches->next = data->count;
    return batches;
}

void rg_batches_destroy(rg_batches *batches)
{
    if (!batches)
        return;
    rg_dataset_destroy(batches->buffer);
    rg_allocator allocator = batches->allocator;
    rgi_free(&allocator, batches->order, order_bytes(batches));
    rgi_free(&allocator, batches, sizeof *batches);
}

void rg_batches_start(rg_batches *batches)
{
    int64_t count = batches->data->count;
    batches->next = 0;
    if (!batches->order)
        return;
    for (int64_t i = 0; i < count; i++)
        batches->order[i] = i;
    rg_random_shuffle(batches->shuffle, batches->order, (size_t)count);
}

int64_t rg_batches_count(const rg_batches *batches)
{
    return (batches->data->count - 1) / batches->size + 1;
}

void rg_batches_skip(rg_batches *batches, int64_t count)
{
    int64_t left = batches->data->count - batches->next;
    if (count > 0)
        batches->next += count > left / batches->size ? left : count * batches->size;
}

/* Rows of `row` bytes, gathered in an order. */
typedef struct gathering {
    const int64_t *order;
    const char *from;
    char *to;
    size_t row;
} gathering;

static void gather_piece(void *context, int64_t first, int64_t last)
{
    const gathering *g = context;
    for (int64_t i = first; i < last; i++)
        memcpy(g->to + (size_t)i * g->row, g->from + (size_t)g->order[i] * g->row, g->row);
}

/* The rows of one array that make up the next batch: where they lie, or gathered into `room`. */
static const void *rows(const rg_batches *batches, rg_tape *tape, const void *from, void *room,
                        int64_t count, size_t row)
{
    if (!batches->order)
        return (const char *)from + (size_t)batches->next * row;
    gathering g = {batches->order + batches->next, from, room, row};
    rgi_parallel(tape ? tape->threads : NULL, count, (int64_t)(RGI_GRAIN_OF_BYTES / (row + 1)) + 1,
                 gather_piece, &g);
    return room;
}

int rg_batches_next(rg_batches *batches, rg_tape *tape, rg_batch *batch)
{
    static const rg_dataset none;
    const rg_dataset *data = batches->data, *room = batches->buffer ? batches->buffer : &none;
    int64_t left = data->count - batches->next;
    int64_t count = left < batches->size ? left : batches->size;
    *batch = (rg_batch){.inputs = {tape, 0}, .classes = {tape, 0}, .targets = {tape, 0}};
    if (count == 0)
        return 0;
    size_t width = rg_type_size(data->type);
    batch->count = count;
    batch->inputs = rg_constant_view(
        tape, data->type, RG_SHAPE(count, data->features), NULL,
        rows(batches, tape, data->inputs, room->inputs, count, (size_t)data->features * width));
    if (data->classes)
        batch->classes = rg_constant_view(
            tape, RG_I64, RG_SHAPE(count), NULL,
            rows(batches, tape, data->classes, room->classes, count, sizeof *data->classes));
    if (data->targets)
        batch->targets =
            rg_constant_view(tape, data->type, RG_SHAPE(count, data->target_width), NULL,
                             rows(batches, tape, data->targets, room->targets, count,
                                  (size_t)data->target_width * width));
    batches->next += count;
    return 1;
}
