/*
 * picture.h: a file for a picture, opened and closed with a message that names it.
 *
 *     FILE *file = open_picture("loss.svg", &error);
 *     rg_status status = file ? rg_write_curves_svg(file, .., &error) : error.status;
 *     status = close_picture(file, "loss.svg", status, &error);
 */
#ifndef EXAMPLES_PICTURE_H
#define EXAMPLES_PICTURE_H

#include <errno.h>
#include <reelgrad.h>
#include <stdio.h>
#include <string.h>

static inline rg_status refuse_picture(const char *path, rg_error *error)
{
    error->status = RG_ERROR_IO;
    snprintf(error->message, sizeof error->message, "%.150s: %s", path, strerror(errno));
    return error->status;
}

/* NULL, with `error` filled, if it cannot be opened. */
static inline FILE *open_picture(const char *path, rg_error *error)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        refuse_picture(path, error);
    return file;
}

/* Closes it, unless it is NULL, and says so if all went well. Returns `status`, or what closing it
 * came to. */
static inline rg_status close_picture(FILE *file, const char *path, rg_status status,
                                      rg_error *error)
{
    if (file && fclose(file) != 0 && status == RG_OK)
        status = refuse_picture(path, error);
    if (status == RG_OK)
        printf("wrote %s\n", path);
    return status;
}

/* Draws curves into a file. */
static inline rg_status write_picture(const char *path, const rg_curve *curves, int count,
                                      const rg_plot_options *options, rg_error *error)
{
    FILE *file = open_picture(path, error);
    rg_status status =
        file ? rg_write_curves_svg(file, curves, count, options, error) : error->status;
    return close_picture(file, path, status, error);
}

#endif
