/*
 * number.h: numbers as text for files, the same in every locale (private).
 */
#ifndef RG_NN_NUMBER_H
#define RG_NN_NUMBER_H

#include <stdbool.h>

enum { RGI_NUMBER_SIZE = 40, RGI_NUMBER_MAX = 1200 };

/* Writes %.*g of `value`, with a decimal point whatever the locale says, into `text`, which holds
 * RGI_NUMBER_SIZE bytes, and returns it. */
char *rgi_number(char *text, double value, int digits);

/* Reads the decimal number that fills [p, end), with a point, at most RGI_NUMBER_MAX characters.
 * False if there is something else or it is beyond the range of double. */
bool rgi_number_read(const char *p, const char *end, double *out);

#endif
