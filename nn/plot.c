/*
 * plot.c: a line chart. Axes are handled in their own scale: for a logarithmic one all positions
 * are decimal logarithms.
 */
#include "plot.h"

#include <math.h>
#include <string.h>

#include "internal.h"
#include "number.h"

enum { WIDTH = 760, HEIGHT = 440, LEFT = 76, TOP = 44, BOTTOM = 388, LINE = 20 };
enum { MAX_TICKS = 32 };

typedef struct axis {
    bool logarithmic;
    double low, high;  /* what it shows */
    double start, end; /* where low and high lie in the picture */
    double tick[MAX_TICKS];
    int ticks;
} axis;

typedef struct chart {
    FILE *file;
    const rg_curve *curves;
    int count;
    const rg_plot_options *options;
    axis x, y;
} chart;

static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#e69f00", "#56b4e9", "#333333"};
static const char *const dashes[] = {"none", "7 4", "2 3"};
enum { COLOURS = sizeof colours / sizeof *colours, DASHES = sizeof dashes / sizeof *dashes };

/* ---- axes ---- */

/* A value in the axis's scale; NaN if it has no place there. */
static double scaled(const axis *a, double value)
{
    if (!(fabs(value) <= 1e300) || (a->logarithmic && value <= 0))
        return NAN;
    return a->logarithmic ? log10(value) : value;
}

static bool point(const chart *c, const rg_curve *curve, int64_t i, double *x, double *y)
{
    *x = scaled(&c->x, curve->x ? curve->x[i] : (double)(i + 1));
    *y = scaled(&c->y, curve->y[i]);
    return !isnan(*x) && !isnan(*y);
}

/* The smallest axes that show every point; from 0 to 1 if there is none. */
static void find_ranges(chart *c)
{
    axis *x = &c->x, *y = &c->y;
    x->low = y->low = INFINITY;
    x->high = y->high = -INFINITY;
    for (int k = 0; k < c->count; k++)
        for (int64_t i = 0; i < c->curves[k].count; i++) {
            double px, py;
            if (!point(c, &c->curves[k], i, &px, &py))
                continue;
            x->low = fmin(x->low, px);
            x->high = fmax(x->high, px);
            y->low = fmin(y->low, py);
            y->high = fmax(y->high, py);
        }
    if (x->low > x->high) {
        x->low = y->low = 0;
        x->high = y->high = 1;
    }
}

/* 1, 2 or 5 times a power of ten, so that about `wanted` steps fill the range. */
static double round_step(double range, int wanted)
{
    double rough = range / wanted, power = pow(10, floor(log10(rough)));
    double digit = rough / power;
    return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
}

/* A range too small to tell its ticks apart is widened. */
static void widen(axis *a)
{
    double least = fmax(1e-4 * fmax(fabs(a->low), fabs(a->high)), 1e-290);
    if (a->high - a->low >= least)
        return;
    double half = a->low == a->high && a->low == 0 ? 0.5 : least / 2;
    a->low -= half;
    a->high += half;
}

/* Ticks at multiples of a round number; `outwards`: the axis grows to the next ones. */
static void linear_ticks(axis *a, int wanted, bool outwards)
{
    widen(a);
    double step = round_step(a->high - a->low, wanted);
    if (outwards) {
        a->low = step * floor(a->low / step);
        a->high = step * ceil(a->high / step);
    }
    double slack = 1e-6 * step;
    for (double k = ceil((a->low - slack) / step);
         k * step <= a->high + slack && a->ticks < MAX_TICKS; k++)
        a->tick[a->ticks++] = k * step + 0.0; /* + 0 turns -0 into 0 */
}

/* Ticks at powers of ten; also at 2 and 5 times them if there are few. */
static void logarithmic_ticks(axis *a, int wanted)
{
    a->low = floor(a->low);
    a->high = ceil(a->high);
    if (a->low == a->high)
        a->high++;
    double decades = a->high - a->low;
    double step = ceil(decades / wanted);
    a->high = a->low + step * ceil(decades / step);
    for (double k = a->low; k <= a->high && a->ticks + 3 <= MAX_TICKS; k += step) {
        a->tick[a->ticks++] = k;
        for (int digit = 2; digit <= 5 && decades <= 3 && k < a->high; digit += 3)
            a->tick[a->ticks++] = k + log10(digit);
    }
}

static void find_ticks(axis *a, int wanted, bool outwards)
{
    enum { DECADES = 8 };
    if (a->logarithmic)
        logarithmic_ticks(a, DECADES);
    else
        linear_ticks(a, wanted, outwards);
}

static double place(const axis *a, double position)
{
    return a->start + (position - a->low) / (a->high - a->low) * (a->end - a->start);
}

/* ---- writing ---- */

/* Two decimals with a point in every locale; pixels are never negative. */
static void write_pixels(FILE *file, const char *before, double pixels)
{
    long hundredths = lround(100 * pixels);
    fprintf(file, "%s%ld.%02ld", before, hundredths / 100, hundredths % 100);
}

static void write_text(FILE *file, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': fputs("&amp;", file); break;
        case '<': fputs("&lt;", file); break;
        case '>': fputs("&gt;", file); break;
        default:
            if ((unsigned char)*text >= ' ') /* XML allows no control characters */
                fputc(*text, file);
        }
}

/* A text element at a place; `attributes` adds to it. */
static void write_label(FILE *file, double x, double y, const char *attributes, const char *text)
{
    if (!text)
        return;
    write_pixels(file, "<text x=\"", x);
    write_pixels(file, "\" y=\"", y);
    fprintf(file, "\" %s>", attributes);
    write_text(file, text);
    fputs("</text>\n", file);
}

static void write_line(FILE *file, double x1, double y1, double x2, double y2, const char *style)
{
    write_pixels(file, "<path d=\"M", x1);
    write_pixels(file, " ", y1);
    write_pixels(file, "L", x2);
    write_pixels(file, " ", y2);
    fprintf(file, "\" %s/>\n", style);
}

static const char *tick_text(const axis *a, int i, char *text)
{
    return rgi_number(text, a->logarithmic ? pow(10, a->tick[i]) : a->tick[i], 6);
}

static void write_axes(const chart *c)
{
    static const char grid[] = "stroke=\"#e4e4e4\"", frame[] = "stroke=\"#555555\"";
    FILE *file = c->file;
    const axis *x = &c->x, *y = &c->y;
    char text[RGI_NUMBER_SIZE];
    for (int i = 0; i < y->ticks; i++) {
        double at = place(y, y->tick[i]);
        write_line(file, x->start, at, x->end, at, grid);
        write_label(file, x->start - 8, at + 4, "text-anchor=\"end\"", tick_text(y, i, text));
    }
    for (int i = 0; i < x->ticks; i++) {
        double at = place(x, x->tick[i]);
        write_line(file, at, y->start, at, y->start + 5, frame);
        write_label(file, at, y->start + LINE, "text-anchor=\"middle\"", tick_text(x, i, text));
    }
    write_line(file, x->start, y->start, x->end, y->start, frame);
    write_line(file, x->start, y->start, x->start, y->end, frame);
}

static void write_labels(const chart *c)
{
    double middle = (c->x.start + c->x.end) / 2;
    write_label(c->file, middle, TOP - 18, "text-anchor=\"middle\" font-size=\"16\"",
                c->options->title);
    write_label(c->file, middle, HEIGHT - 12, "text-anchor=\"middle\" font-size=\"13\"",
                c->options->x_label);
    fprintf(c->file, "<g transform=\"translate(18 %d) rotate(-90)\">\n", (TOP + BOTTOM) / 2);
    write_label(c->file, 0, 0, "text-anchor=\"middle\" font-size=\"13\"", c->options->y_label);
    fputs("</g>\n", c->file);
}

/* The start of a path in the style of curve `k`. */
static void write_style(FILE *file, int k)
{
    fprintf(file,
            "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" "
            "stroke-linejoin=\"round\" stroke-linecap=\"round\" d=\"",
            colours[k % COLOURS], dashes[k / COLOURS % DASHES]);
}

static void write_curve(const chart *c, int k)
{
    write_style(c->file, k);
    bool joined = false;
    for (int64_t i = 0; i < c->curves[k].count; i++) {
        double x, y;
        if (!point(c, &c->curves[k], i, &x, &y)) {
            joined = false;
            continue;
        }
        write_pixels(c->file, joined ? "L" : "M", place(&c->x, x));
        write_pixels(c->file, " ", place(&c->y, y));
        fputs(joined ? "\n" : "h0\n", c->file); /* h0 makes a lone point a dot */
        joined = true;
    }
    fputs("\"/>\n", c->file);
}

static void write_legend(const chart *c)
{
    double at = TOP + 8, left = c->x.end + 16;
    for (int k = 0; k < c->count; k++) {
        if (!c->curves[k].name)
            continue;
        write_style(c->file, k);
        write_pixels(c->file, "M", left);
        write_pixels(c->file, " ", at);
        fputs("h24\"/>\n", c->file);
        write_label(c->file, left + 32, at + 4, "font-size=\"13\"", c->curves[k].name);
        at += LINE;
    }
}

/* ---- the chart ---- */

/* Pixels to leave at the right: 8 a byte hold most texts of this size. */
static double legend_width(const chart *c)
{
    size_t longest = 0;
    for (int k = 0; k < c->count; k++) {
        size_t length = c->curves[k].name ? strlen(c->curves[k].name) : 0;
        longest = length > longest ? length : longest;
    }
    return longest == 0 ? 24 : fmin(56 + 8 * (double)longest, WIDTH / 2.5);
}

static rg_status check(FILE *file, const rg_curve *curves, int count, rg_error *error)
{
    if (!file || count < 0 || (count > 0 && !curves))
        return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                        "plot: the file or the list of curves is NULL, or their number negative");
    for (int k = 0; k < count; k++)
        if (curves[k].count < 0 || (curves[k].count > 0 && !curves[k].y))
            return RGI_FAIL(error, RG_ERROR_ARGUMENT,
                            "plot: curve %d has no y or a negative number of points", k);
    return RG_OK;
}

rg_status rg_write_curves_svg(FILE *file, const rg_curve *curves, int count,
                              const rg_plot_options *options, rg_error *error)
{
    static const rg_plot_options plain;
    rg_status status = check(file, curves, count, error);
    if (status != RG_OK)
        return status;
    chart c = {.file = file, .curves = curves, .count = count};
    c.options = options ? options : &plain;
    c.y = (axis){.logarithmic = c.options->log_y, .start = BOTTOM, .end = TOP};
    c.x = (axis){.logarithmic = c.options->log_x, .start = LEFT, .end = WIDTH - legend_width(&c)};
    find_ranges(&c);
    find_ticks(&c.x, 8, false);
    find_ticks(&c.y, 6, true);
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    write_axes(&c);
    write_labels(&c);
    for (int k = 0; k < count; k++)
        write_curve(&c, k);
    write_legend(&c);
    fputs("</svg>\n", file);
    if (fflush(file) != 0 || ferror(file))
        return RGI_FAIL(error, RG_ERROR_IO, "plot: the SVG file cannot be written");
    return RG_OK;
}
