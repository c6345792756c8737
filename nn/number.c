#include "number.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Adds the exponent that fills [p, end) to *exponent. Beyond 2^30 it decides whatever the digits.
 */
static bool parse_exponent(const char *p, const char *end, int64_t *exponent)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '+' || *p == '-'))
        p++;
    if (p == end)
        return false;
    int64_t value = 0;
    for (; p < end && is_digit(*p); p++)
        if (value < 1 << 30)
            value = value * 10 + (*p - '0');
    *exponent += negative ? -value : value;
    return p == end;
}

/* strtod takes the decimal point from the locale, so it is given none: 1.25e3 is read as 125e1. */
bool rgi_number_read(const char *p, const char *end, double *out)
{
    char plain[RGI_NUMBER_MAX + 32];
    if (end - p > RGI_NUMBER_MAX)
        return false;
    size_t used = 0;
    if (p < end && (*p == '+' || *p == '-'))
        plain[used++] = *p++;
    size_t sign = used;
    bool point = false;
    int64_t exponent = 0;
    double whole = 0;
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        plain[used++] = *p;
        whole = whole * 10 + (*p - '0');
        exponent -= point;
    }
    if (used == sign)
        return false;
    if (p < end && (*p != 'e' && *p != 'E'))
        return false;
    if (p < end && !parse_exponent(p + 1, end, &exponent))
        return false;
    if (exponent == 0 && used - sign <= DBL_DIG) {
        *out = plain[0] == '-' ? -whole : whole;
        return true;
    }
    snprintf(plain + used, sizeof plain - used, "e%" PRId64, exponent);
    *out = strtod(plain, NULL);
    return isfinite(*out);
}
