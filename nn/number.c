#include "number.h"

#include <stdio.h>
#include <string.h>

char *rgi_number(char *text, double value, int digits)
{
    snprintf(text, RGI_NUMBER_SIZE, "%.*g", digits, value);
    /* Digits, signs and the letters of exponents, inf and nan are the C locale's; what else there
     * is, possibly several bytes, is the point. */
    char *point = text + strspn(text, "+-0123456789einfa");
    size_t length = strcspn(point, "+-0123456789einfa");
    if (length > 0) {
        *point = '.';
        memmove(point + 1, point + length, strlen(point + length) + 1);
    }
    return text;
}
