/*
 * number.h: numbers as text for files, the same in every locale (private).
 */
#ifndef RG_NN_NUMBER_H
#define RG_NN_NUMBER_H

enum { RGI_NUMBER_SIZE = 40 };

/* Writes %.*g of `value`, with a decimal point whatever the locale says, into `text`, which holds
 * RGI_NUMBER_SIZE bytes, and returns it. */
char *rgi_number(char *text, double value, int digits);

#endif
