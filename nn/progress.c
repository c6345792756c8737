#if defined(__unix__) || defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>
#endif

#include "progress.h"

#include <math.h>
#include <time.h>

/* ---- the system ---- */

double rgi_now(void)
{
    struct timespec now;
#if defined(CLOCK_MONOTONIC)
    clock_gettime(CLOCK_MONOTONIC, &now);
#else
    timespec_get(&now, TIME_UTC);
#endif
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool is_terminal(FILE *file)
{
#if defined(_POSIX_VERSION)
    return isatty(fileno(file));
#else
    (void)file;
    return false;
#endif
}

/* ---- the line ---- */

/* A line that is put together piece by piece; what does not fit is left out. */
typedef struct line {
    char text[192];
    int length;
} line;

static void add(line *to, const char *format, double value)
{
    int room = (int)sizeof to->text - to->length;
    int wanted = snprintf(to->text + to->length, (size_t)room, format, value);
    if (wanted > 0)
        to->length += wanted < room ? wanted : room - 1;
}

/* The same for a value that may not exist. */
static void add_known(line *to, const char *format, double value)
{
    if (!isnan(value))
        add(to, format, value);
}

static void add_time(line *to, double seconds)
{
    add(to, "  %.0f", floor(seconds / 60));
    add(to, ":%02.0f left", floor(fmod(seconds, 60)));
}

/* Examples since this training began. */
static double examples_made(const rgi_progress *progress, const rg_epoch *epoch, int64_t done)
{
    return (double)(epoch->epoch - 1) * (double)progress->examples + (double)done -
           (double)progress->before;
}

/* What was found at the end of an epoch: all, or briefly only the first of both. */
static void add_evaluations(line *to, const rg_epoch *epoch, bool brief)
{
    bool validated = !isnan(epoch->validation_loss), tested = !isnan(epoch->test_loss);
    if (validated) {
        add(to, brief ? "  val. %.4g" : "  val. loss %.4g", epoch->validation_loss);
        add_known(to, "  %.2f %%", 100 * epoch->validation_accuracy);
    }
    if (tested && !(validated && brief)) {
        add(to, brief ? "  test %.4g" : "  test loss %.4g", epoch->test_loss);
        add_known(to, "  %.2f %%", 100 * epoch->test_accuracy);
    }
}

static line describe(const rgi_progress *progress, const rg_epoch *epoch, int64_t done)
{
    line text = {.length = 0};
    double made = examples_made(progress, epoch, done);
    double left =
        (double)progress->epochs * (double)progress->examples - (double)progress->before - made;
    bool evaluated = !isnan(epoch->validation_loss) || !isnan(epoch->test_loss);
    bool brief = evaluated && progress->terminal; /* to fit into 80 columns */
    add(&text, "epoch %.0f", (double)epoch->epoch);
    add(&text, "/%.0f", (double)progress->epochs);
    add(&text, "  loss %.4g", epoch->loss);
    add_known(&text, brief ? "  %.2f %%" : "  accuracy %.2f %%", 100 * epoch->accuracy);
    add_evaluations(&text, epoch, brief);
    if (!brief)
        add(&text, "  %.0f samples/s", progress->speed);
    if (progress->terminal && left > 0)
        add_time(&text, (rgi_now() - progress->began) * left / made);
    return text;
}

/* On a terminal the line replaces the one before, padded to hide its end. */
static void draw(rgi_progress *progress, const line *text)
{
    if (progress->terminal)
        fprintf(progress->file, "\r%-*s", progress->width, text->text);
    else
        fprintf(progress->file, "%s\n", text->text);
    fflush(progress->file);
    progress->width = text->length;
    progress->drawn = rgi_now();
}

/* ---- the training ---- */

void rgi_progress_start(rgi_progress *progress, FILE *file, int64_t epochs, int64_t examples,
                        int64_t before)
{
    double now = rgi_now();
    *progress = (rgi_progress){.file = file,
                               .terminal = file && is_terminal(file),
                               .epochs = epochs,
                               .examples = examples,
                               .before = before,
                               .began = now,
                               .epoch_began = now,
                               .drawn = now};
}

void rgi_progress_step(rgi_progress *progress, const rg_epoch *epoch, int64_t done)
{
    static const double interval = 0.1;
    double now = rgi_now();
    double made = fmin((double)done, examples_made(progress, epoch, done));
    progress->speed = made / fmax(now - progress->epoch_began, 1e-9);
    if (!progress->terminal || now - progress->drawn < interval)
        return;
    line text = describe(progress, epoch, done);
    draw(progress, &text);
}

void rgi_progress_epoch(rgi_progress *progress, const rg_epoch *epoch)
{
    if (progress->file) {
        line text = describe(progress, epoch, progress->examples);
        draw(progress, &text);
    }
    progress->epoch_began = rgi_now();
}

void rgi_progress_end(rgi_progress *progress)
{
    if (progress->terminal && progress->width > 0)
        fputc('\n', progress->file);
}
