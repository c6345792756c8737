#define _POSIX_C_SOURCE 200809L /* for open_memstream */

#include "../check.h"

#include <locale.h>
#include <stdio.h>

SUITE(plot);

/* The chart as text, which the caller frees. */
static char *draw(const rg_curve *curves, int count, const rg_plot_options *options)
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    CHECK_STATUS(rg_write_curves_svg(file, curves, count, options, NULL), RG_OK);
    fclose(file);
    cr_assert(strncmp(text, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 39) == 0);
    cr_assert(strcmp(text + size - 7, "</svg>\n") == 0);
    cr_assert(!strstr(text, "nan") && !strstr(text, "inf"));
    return text;
}

static int occurrences(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

static int has_label(const char *text, const char *label)
{
    char part[64];
    snprintf(part, sizeof part, ">%s</text>", label);
    return occurrences(text, part);
}

Test(plot, places_points_between_round_ticks)
{
    static const double x[] = {0, 5, 10}, y[] = {0, 12, 48};
    char *text = draw(&(rg_curve){NULL, x, y, 3}, 1, NULL);
    static const char *const labels[] = {"0",  "1",  "2",  "4",  "6", "8",
                                         "10", "20", "30", "40", "50"};
    for (int i = 0; i < 11; i++)
        cr_assert(has_label(text, labels[i]), "no tick %s", labels[i]);
    cr_assert(has_label(text, "10") == 2); /* on either axis */
    /* x from 76 to 736 pixels; y from 388 up to 44 for 50. */
    cr_assert(strstr(text, "d=\"M76.00 388.00h0\nL406.00 305.44\nL736.00 57.76\n\"/>"));
    free(text);
}

Test(plot, logarithmic_axis_shows_powers_of_ten)
{
    static const double y[] = {1000, 0.01, 0, -5, 1};
    char *text = draw(&(rg_curve){NULL, NULL, y, 5}, 1, &(rg_plot_options){.log_y = 1});
    static const char *const labels[] = {"0.01", "0.1", "1", "10", "100", "1000"};
    for (int i = 0; i < 6; i++)
        cr_assert(has_label(text, labels[i]) >= 1, "no tick %s", labels[i]);
    cr_assert(!has_label(text, "500"));
    /* 5 decades in 344 pixels; points 3 and 4 are left out. */
    cr_assert(strstr(text, "M76.00 44.00h0\nL241.00 388.00\nM736.00 250.40h0\n\"/>"));
    free(text);
    static const double narrow[] = {0.12, 0.8};
    text = draw(&(rg_curve){NULL, NULL, narrow, 2}, 1, &(rg_plot_options){.log_y = 1});
    cr_assert(has_label(text, "0.1") && has_label(text, "0.2") && has_label(text, "0.5"));
    free(text);
}

Test(plot, either_axis_may_be_logarithmic)
{
    static const double x[] = {0.001, 0, 0.1, 10, -1}, y[] = {0, 1, 5, 10, 1};
    char *text = draw(&(rg_curve){NULL, x, y, 5}, 1, &(rg_plot_options){.log_x = 1});
    static const char *const labels[] = {"0.001", "0.01", "0.1", "1"};
    for (int i = 0; i < 4; i++)
        cr_assert(has_label(text, labels[i]) == 1, "no tick %s", labels[i]);
    cr_assert(has_label(text, "10") == 2 && has_label(text, "6") == 1);
    /* 4 decades in 660 pixels; points 2 and 5 are left out. */
    cr_assert(strstr(text, "M76.00 388.00h0\nM406.00 216.00h0\nL736.00 44.00\n\"/>"));
    free(text);
    text = draw(&(rg_curve){NULL, x, y, 5}, 1, &(rg_plot_options){.log_x = 1, .log_y = 1});
    cr_assert(strstr(text, "M76.00 147.55h0\nL736.00 44.00\n\"/>"));
    free(text);
}

Test(plot, leaves_out_points_that_are_not_finite)
{
    static const double y[] = {1, 2, NAN, 3, INFINITY, 1e301, 2, 1},
                        x[] = {1, 2, 3, 4, 5, 6, NAN, 8};
    char *text = draw(&(rg_curve){NULL, x, y, 8}, 1, NULL);
    cr_assert(occurrences(text, "h0\n") == 3, "three pieces");
    cr_assert(occurrences(text, "\nL") == 1);
    free(text);
}

Test(plot, writes_names_and_titles_escaped)
{
    static const double y[] = {1, 2};
    rg_curve curves[] = {{"a < b & c > d", NULL, y, 2}, {NULL, NULL, y, 2}, {"β\001", NULL, y, 2}};
    rg_plot_options options = {.title = "<Loss>", .x_label = "epoch & more", .y_label = "y\tz"};
    char *text = draw(curves, 3, &options);
    cr_assert(has_label(text, "a &lt; b &amp; c &gt; d") == 1);
    cr_assert(has_label(text, "β") == 1 && has_label(text, "&lt;Loss&gt;") == 1);
    cr_assert(has_label(text, "epoch &amp; more") == 1 && has_label(text, "yz") == 1);
    cr_assert(occurrences(text, "h24\"") == 2, "a key for each name");
    free(text);
}

Test(plot, tells_many_curves_apart)
{
    enum { MANY = 20 };
    static const double y[] = {1, 2};
    static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                          "#e69f00", "#56b4e9", "#333333"};
    rg_curve curves[MANY];
    char style[64];
    for (int i = 0; i < MANY; i++)
        curves[i] = (rg_curve){NULL, NULL, y, 2};
    char *text = draw(curves, MANY, NULL);
    for (int i = 0; i < MANY; i++) {
        static const char *const dashes[] = {"none", "7 4", "2 3"};
        snprintf(style, sizeof style, "stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"",
                 colours[i % 7], dashes[i / 7]);
        cr_assert(occurrences(text, style) == 1, "curve %d", i);
    }
    free(text);
}

/* Whatever the numbers, there are axes with some ticks, and no coordinate runs away. */
static void check_range(const double *y, int count, int log_y)
{
    char *text = draw(&(rg_curve){NULL, NULL, y, count}, 1, &(rg_plot_options){.log_y = log_y});
    int ticks = occurrences(text, "text-anchor=\"end\"");
    cr_assert(ticks >= 2 && ticks <= 16, "%d ticks", ticks);
    for (const char *at = strstr(text, "d=\"M"); at; at = strstr(at + 1, "d=\"M")) {
        double px, py;
        cr_assert(sscanf(at, "d=\"M%lf %lf", &px, &py) == 2);
        cr_assert(px >= 0 && px <= 760 && py >= 0 && py <= 440, "%g %g", px, py);
    }
    free(text);
}

Test(plot, copes_with_every_range)
{
    static const struct {
        double low, high;
    } ranges[] = {{0, 0},          {1, 1},           {-3, -3},         {1, 1 + 1e-15},
                  {-1e300, 1e300}, {1e300, 1e300},   {1e-300, 2e-300}, {0, 5e-324},
                  {1e-300, 1e300}, {-1e-9, 1e9},     {0.1, 0.3},       {99, 101},
                  {NAN, NAN},      {1e15, 1e15 + 1}, {0.999, 1.001},   {1, 10}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        for (int log_y = 0; log_y < 2; log_y++) {
            const double y[] = {ranges[i].low, ranges[i].high};
            check_range(y, 2, log_y);
            check_range(y, 1, log_y);
            check_range(y, 0, log_y);
        }
}

/* Files are the same in every locale, where the system has one with a decimal comma. */
Test(plot, writes_points_in_every_locale)
{
    static const double y[] = {0.25, 0.75};
    char *want = draw(&(rg_curve){"a", NULL, y, 2}, 1, NULL);
    cr_assert(has_label(want, "0.3") && strstr(want, "M76.00 "));
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "C.UTF-8"};
    for (int i = 0; i < 4; i++) {
        if (!setlocale(LC_NUMERIC, names[i]))
            continue;
        char *got = draw(&(rg_curve){"a", NULL, y, 2}, 1, NULL);
        cr_assert_str_eq(got, want);
        free(got);
    }
    setlocale(LC_NUMERIC, "C");
    free(want);
}

Test(plot, refuses_bad_arguments)
{
    static const double y[] = {1, 2};
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    rg_curve good = {NULL, NULL, y, 2}, bare = {NULL, y, NULL, 2}, negative = {NULL, NULL, y, -1};
    rg_error error = {RG_OK, ""};
    CHECK_STATUS(rg_write_curves_svg(NULL, &good, 1, NULL, &error), RG_ERROR_ARGUMENT);
    CHECK_STATUS(error.status, RG_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "the file or the list of curves is NULL"));
    CHECK_STATUS(rg_write_curves_svg(file, NULL, 1, NULL, NULL), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_write_curves_svg(file, &good, -1, NULL, NULL), RG_ERROR_ARGUMENT);
    CHECK_STATUS(rg_write_curves_svg(file, &bare, 1, NULL, &error), RG_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "curve 0 has no y"));
    CHECK_STATUS(rg_write_curves_svg(file, &negative, 1, NULL, NULL), RG_ERROR_ARGUMENT);
    fclose(file);
    cr_assert(size == 0, "nothing is written");
    free(text);
    file = fopen("/dev/full", "w");
    CHECK_STATUS(rg_write_curves_svg(file, &good, 1, NULL, &error), RG_ERROR_IO);
    cr_assert(strstr(error.message, "cannot be written"));
    fclose(file);
}
