#include "small.h"

SUITE(batches);

/* Every pass shows each example once, with its own class and targets. */
static void check_batches(const rg_dataset *data, int64_t size, rg_random *shuffle)
{
    rg_tape *tape = rg_tape_create();
    rg_batches *batches = rg_batches_create(data, size, shuffle, NULL, NULL);
    int64_t wanted = size == 0 || size > data->count ? data->count : size;
    rg_batch batch;
    cr_assert(!rg_batches_next(batches, tape, &batch), "no pass has begun");
    for (int pass = 0; pass < 3; pass++) {
        int64_t seen = 0, in_order = 0;
        char *met = calloc((size_t)data->count, 1);
        for (rg_batches_start(batches); rg_batches_next(batches, tape, &batch);) {
            cr_assert(batch.count == wanted || seen + batch.count == data->count);
            const double *inputs = rg_data(batch.inputs, RG_F64);
            const double *targets = rg_data(batch.targets, RG_F64);
            const int64_t *classes = rg_data(batch.classes, RG_I64);
            cr_assert(rg_get_shape(batch.inputs).dim[0] == batch.count);
            for (int64_t i = 0; i < batch.count; i++) {
                int64_t row = 0;
                while (((double *)data->inputs)[2 * row] != inputs[2 * i])
                    row++;
                cr_assert(!met[row]++, "example %d comes twice", (int)row);
                cr_assert(classes[i] == data->classes[row]);
                cr_assert(memcmp(targets + 2 * i, (double *)data->targets + 2 * row, 16) == 0);
                in_order += row == seen + i;
            }
            seen += batch.count;
        }
        cr_assert(seen == data->count && batch.count == 0);
        cr_assert((in_order == seen) == (!shuffle || wanted == data->count));
        free(met);
    }
    CHECK_STATUS(rg_tape_status(tape), RG_OK);
    rg_batches_destroy(batches);
    rg_tape_destroy(tape);
}

Test(batches, show_each_example_once)
{
    rg_dataset *data = make_halves(23, 1);
    rg_random random = rg_random_create(5);
    static const int64_t sizes[] = {0, 1, 5, 23, 40};
    for (int i = 0; i < 5; i++) {
        check_batches(data, sizes[i], NULL);
        check_batches(data, sizes[i], &random);
    }
    rg_dataset_destroy(data);
    rg_batches_destroy(NULL);
}

Test(batches, in_order_are_not_copied)
{
    rg_dataset *data = make_halves(6, 1);
    rg_tape *tape = rg_tape_create();
    rg_batches *batches = rg_batches_create(data, 4, NULL, NULL, NULL);
    rg_batch batch;
    rg_batches_start(batches);
    for (int i = 0; rg_batches_next(batches, tape, &batch); i++) {
        cr_assert(rg_data(batch.inputs, RG_F64) == (double *)data->inputs + 8 * i);
        cr_assert(rg_data(batch.classes, RG_I64) == data->classes + 4 * i);
    }
    rg_batches_destroy(batches);
    /* What a dataset lacks is inert. */
    rg_dataset *bare;
    rg_dataset_create(&bare, NULL, RG_F32, 3, 2, 0, 0, NULL);
    batches = rg_batches_create(bare, 2, NULL, NULL, NULL);
    rg_batches_start(batches);
    cr_assert(rg_batches_next(batches, tape, &batch) == 1);
    cr_assert(rg_is_live(batch.inputs) && !rg_is_live(batch.classes) && !rg_is_live(batch.targets));
    rg_batches_destroy(batches);
    rg_dataset_destroy(bare);
    rg_error error;
    cr_assert(!rg_batches_create(data, -1, NULL, NULL, &error));
    cr_assert(error.status == RG_ERROR_ARGUMENT && strstr(error.message, "-1 is negative"));
    cr_assert(!rg_batches_create(NULL, 1, NULL, NULL, &error));
    cr_assert(error.status == RG_ERROR_ARGUMENT && strstr(error.message, "dataset is NULL"));
    rg_tape_destroy(tape);
    rg_dataset_destroy(data);
}

/* The order of a pass is a matter of the generator alone, not of the passes before. */
Test(batches, a_pass_can_be_made_again)
{
    rg_dataset *data = make_halves(11, 1);
    rg_tape *tape = rg_tape_create();
    rg_random random = rg_random_create(5);
    rg_batches *batches = rg_batches_create(data, 3, &random, NULL, NULL);
    double first[2], again[2];
    rg_batch batch;
    rg_batches_start(batches);
    rg_batches_next(batches, tape, &batch);
    rg_read(rg_at(batch.inputs, RG_AXES(0, 0)), &first[0]);
    rg_batches_next(batches, tape, &batch);
    rg_read(rg_at(batch.inputs, RG_AXES(0, 0)), &first[1]);
    rg_batches_start(batches);
    random = rg_random_create(5);
    rg_batches_start(batches);
    rg_batches_next(batches, tape, &batch);
    rg_read(rg_at(batch.inputs, RG_AXES(0, 0)), &again[0]);
    rg_batches_next(batches, tape, &batch);
    rg_read(rg_at(batch.inputs, RG_AXES(0, 0)), &again[1]);
    cr_assert(memcmp(first, again, sizeof first) == 0);
    rg_batches_destroy(batches);
    rg_tape_destroy(tape);
    rg_dataset_destroy(data);
}

Test(batches, can_be_counted_and_passed_over)
{
    static const int64_t sizes[] = {0, 1, 4, 5, 11, 12}, counts[] = {1, 11, 3, 3, 1, 1};
    static const int64_t skips[] = {-1, 0, 1, 2, 3, INT64_MAX};
    rg_dataset *data = make_halves(11, 1);
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < 6; i++) {
        rg_batches *batches = rg_batches_create(data, sizes[i], NULL, NULL, NULL);
        cr_assert(rg_batches_count(batches) == counts[i]);
        for (int k = 0; k < 6; k++) {
            int64_t left = counts[i] - (skips[k] < 0 ? 0 : skips[k]);
            rg_batches_start(batches);
            rg_batches_skip(batches, skips[k]);
            rg_batch batch;
            while (rg_batches_next(batches, tape, &batch)) {
                const double *last = (double *)data->inputs + 20;
                const double *inputs = rg_data(batch.inputs, RG_F64);
                cr_assert(--left > 0 || inputs[2 * batch.count - 2] == last[0]);
            }
            cr_assert(left <= 0 && (left == 0 || skips[k] > counts[i]));
        }
        rg_batches_destroy(batches);
    }
    rg_tape_destroy(tape);
    rg_dataset_destroy(data);
}
