#include "metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "evaluate.h"
#include "internal.h"

/* ---- counting ---- */

static size_t count_bytes(int64_t classes)
{
    return (size_t)classes * (size_t)classes * sizeof(int64_t);
}

rg_status rg_confusion_create(rg_confusion **out, const rg_allocator *allocator, int64_t classes,
                              rg_error *error)
{
    *out = NULL;
    if (classes < 1)
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "confusion: %" PRId64 " classes; there must be at least one", classes);
    if (classes > PTRDIFF_MAX / (int64_t)sizeof(int64_t) / classes)
        return RGI_FAIL(error, RG_ERROR_LIMIT,
                        "confusion: a matrix of %" PRId64 " classes exceeds the address space",
                        classes);
    rg_confusion *confusion = rgi_alloc(allocator, sizeof *confusion);
    if (confusion) {
        *confusion = (rg_confusion){.classes = classes};
        if (allocator)
            confusion->allocator = *allocator;
        confusion->counts = rgi_alloc(allocator, count_bytes(classes));
    }
    if (!confusion || !confusion->counts) {
        rg_confusion_destroy(confusion);
        return RGI_FAIL(error, RG_ERROR_MEMORY,
                        "confusion: there is no memory for %" PRId64 " classes", classes);
    }
    memset(confusion->counts, 0, count_bytes(classes));
    *out = confusion;
    return RG_OK;
}

void rg_confusion_destroy(rg_confusion *confusion)
{
    if (!confusion)
        return;
    rg_allocator allocator = confusion->allocator;
    rgi_free(&allocator, confusion->counts, count_bytes(confusion->classes));
    rgi_free(&allocator, confusion, sizeof *confusion);
}

static bool is_class(const rg_confusion *confusion, int64_t number)
{
    return number >= 0 && number < confusion->classes;
}

rg_status rg_confusion_add(rg_confusion *confusion, int64_t count, const int64_t *actual,
                           const int64_t *predicted, rg_error *error)
{
    for (int64_t i = 0; i < count; i++)
        if (!is_class(confusion, actual[i]) || !is_class(confusion, predicted[i]))
            return RGI_FAIL(error, RG_ERROR_INDEX,
                            "confusion: example %" PRId64 " of class %" PRId64
                            " is taken for %" PRId64 "; there are %" PRId64 " classes",
                            i, actual[i], predicted[i], confusion->classes);
    for (int64_t i = 0; i < count; i++)
        confusion->counts[actual[i] * confusion->classes + predicted[i]]++;
    return RG_OK;
}

/* ---- measuring ---- */

/* Counts a batch by the largest outputs. */
static rg_status add_batch(void *context, rg_value output, const rg_batch *batch, rg_error *error)
{
    rg_confusion *confusion = context;
    rg_type type = rg_get_type(output);
    const void *data = rg_data(output, type);
    const int64_t *classes = rg_data(batch->classes, RG_I64);
    rg_status status = RG_OK;
    for (int64_t i = 0; i < batch->count && status == RG_OK; i++) {
        int64_t found = rgi_largest(data, type, i * confusion->classes, confusion->classes);
        status = rg_confusion_add(confusion, 1, &classes[i], &found, error);
    }
    return status;
}

rg_status rg_confusion_measure(rg_confusion **out, rg_mlp *mlp, const rg_dataset *data,
                               const rg_pass_options *options, rg_error *error)
{
    static const char what[] = "confusion";
    rg_error local;
    error = error ? error : &local;
    *out = NULL;
    rg_status status = rgi_check_fit(mlp, data, RG_LOSS_CROSS_ENTROPY, what, error);
    if (status != RG_OK)
        return status;
    rg_param *last = rg_mlp_layer(mlp, rg_mlp_layer_count(mlp) - 1)->weight;
    status = rg_confusion_create(out, rg_params_allocator(rg_mlp_params(mlp)),
                                 rg_param_shape(last).dim[0], error);
    if (status == RG_OK)
        status = rgi_pass(mlp, data, options, add_batch, *out, what, error);
    if (status != RG_OK) {
        rg_confusion_destroy(*out);
        *out = NULL;
    }
    return status;
}

/* ---- figures ---- */

/* Sums of one class. */
typedef struct tally {
    double found, actual, predicted;
} tally;

static tally tally_of(const rg_confusion *confusion, int64_t class_number)
{
    int64_t classes = confusion->classes, at = class_number * classes;
    tally t = {.found = (double)confusion->counts[at + class_number]};
    for (int64_t k = 0; k < classes; k++) {
        t.actual += (double)confusion->counts[at + k];
        t.predicted += (double)confusion->counts[k * classes + class_number];
    }
    return t;
}

double rg_confusion_accuracy(const rg_confusion *confusion)
{
    double found = 0, all = 0;
    for (int64_t k = 0; k < confusion->classes; k++) {
        tally t = tally_of(confusion, k);
        found += t.found;
        all += t.actual;
    }
    return all > 0 ? found / all : NAN;
}

static double part(double of, double all)
{
    return all > 0 ? of / all : 0;
}

rg_scores rg_confusion_scores(const rg_confusion *confusion, int64_t class_number)
{
    tally t = {0, 0, 0};
    if (is_class(confusion, class_number))
        t = tally_of(confusion, class_number);
    if (t.actual + t.predicted == 0)
        return (rg_scores){NAN, NAN, NAN};
    return (rg_scores){part(t.found, t.predicted), part(t.found, t.actual),
                       2 * t.found / (t.actual + t.predicted)};
}

rg_scores rg_confusion_average(const rg_confusion *confusion)
{
    rg_scores sum = {0, 0, 0};
    double count = 0;
    for (int64_t k = 0; k < confusion->classes; k++) {
        rg_scores scores = rg_confusion_scores(confusion, k);
        if (isnan(scores.f1))
            continue;
        sum.precision += scores.precision;
        sum.recall += scores.recall;
        sum.f1 += scores.f1;
        count++;
    }
    if (count == 0)
        count = NAN;
    return (rg_scores){sum.precision / count, sum.recall / count, sum.f1 / count};
}

/* ---- text ---- */

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* A class as it is called; `room` holds a number. */
static const char *name_of(int64_t class_number, const char *const *names, char room[24])
{
    if (names)
        return names[class_number];
    snprintf(room, 24, "%" PRId64, class_number);
    return room;
}

/* What each column of classes must hold: every name, every count, and "100.0 %". */
static int column_width(const rg_confusion *confusion, const char *const *names)
{
    char room[24];
    int width = 7;
    for (int64_t k = 0; k < confusion->classes; k++)
        width = larger(width, (int)strlen(name_of(k, names, room)));
    for (int64_t i = 0; i < confusion->classes * confusion->classes; i++)
        width = larger(width, snprintf(room, sizeof room, "%" PRId64, confusion->counts[i]));
    return width;
}

/* With one digit behind a point that no locale changes; nothing for NaN. */
static void write_percent(FILE *file, int width, double x)
{
    char text[24] = "";
    int tenths = isnan(x) ? 0 : (int)lround(1000 * x);
    if (!isnan(x))
        snprintf(text, sizeof text, "%d.%d %%", tenths / 10, tenths % 10);
    fprintf(file, "  %*s", width, text);
}

rg_status rg_confusion_write(const rg_confusion *confusion, const char *const *names, FILE *file,
                             rg_error *error)
{
    static const char corner[] = "actual \\ predicted";
    char room[24];
    int64_t classes = confusion->classes;
    int width = column_width(confusion, names), left = larger(width, (int)strlen(corner));
    fprintf(file, "%-*s", left, corner);
    for (int64_t k = 0; k < classes; k++)
        fprintf(file, "  %*s", width, name_of(k, names, room));
    fprintf(file, "  %*s\n", width, "recall");
    for (int64_t i = 0; i < classes; i++) {
        fprintf(file, "%-*s", left, name_of(i, names, room));
        for (int64_t k = 0; k < classes; k++)
            fprintf(file, "  %*" PRId64, width, confusion->counts[i * classes + k]);
        write_percent(file, width, rg_confusion_scores(confusion, i).recall);
        fputc('\n', file);
    }
    fprintf(file, "%-*s", left, "precision");
    for (int64_t k = 0; k < classes; k++)
        write_percent(file, width, rg_confusion_scores(confusion, k).precision);
    fprintf(file, "\n%-*s", left, "accuracy");
    write_percent(file, width, rg_confusion_accuracy(confusion));
    fputc('\n', file);
    if (fflush(file) != 0 || ferror(file))
        return RGI_FAIL(error, RG_ERROR_IO, "confusion: the table cannot be written");
    return RG_OK;
}
