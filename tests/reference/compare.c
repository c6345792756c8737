/* compare.c: what counts as equal. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reference.h"

ref_tolerance ref_tolerance_of(const ref_block *block, char tag, rg_type type)
{
    const ref_attribute *rule = ref_find_attribute(block, "rule");
    if (tag == 'G' && rule && rule->word && !strcmp(rule->word, "zero_upstream"))
        return (ref_tolerance){0, 0};
    if (type == RG_F32)
        return (ref_tolerance){1e-4, 1e-5};
    if (tag == 'Y')
        return (ref_tolerance){1e-12, 1e-13};
    return tag == 'G' ? (ref_tolerance){1e-10, 1e-12} : (ref_tolerance){1e-8, 1e-10};
}

bool ref_compare(ref_outcome *outcome, const char *way, const ref_tensor *want, const double *got,
                 ref_tolerance tolerance)
{
    double scale = 1;
    for (int64_t i = 0; i < want->size; i++)
        if (isfinite(want->value[i]))
            scale = fmax(scale, fabs(want->value[i]));
    for (int64_t i = 0; i < want->size; i++) {
        double w = want->value[i], g = got[i];
        double limit = tolerance.relative * fabs(w) + tolerance.absolute * scale;
        bool same = isnan(w) ? isnan(g) : g == w;
        if (!same && !(isfinite(w) && fabs(g - w) <= limit))
            return ref_set(outcome, REF_FAIL,
                           "%s: %c %s, element %" PRId64 ": got %.17g, want %.17g, limit %.3g", way,
                           want->tag, want->name, i, g, w, limit);
    }
    return true;
}

bool ref_compare_number(ref_outcome *outcome, const char *what, int64_t element, double got,
                        double want, double tolerance)
{
    double limit = tolerance * (1 + fabs(want));
    bool same = isnan(want) ? isnan(got) : got == want;
    if (same || (isfinite(want) && fabs(got - want) <= limit))
        return true;
    return ref_set(outcome, REF_FAIL, "%s, element %" PRId64 ": got %.17g, want %.17g, limit %.3g",
                   what, element, got, want, limit);
}

bool ref_same(const double *a, const double *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (isnan(a[i]) && isnan(b[i]))
            continue;
        if (a[i] != b[i] || signbit(a[i]) != signbit(b[i]))
            return false;
    }
    return true;
}

double ref_ulp(double got, double want)
{
    if (got == want || (isnan(got) && isnan(want)))
        return 0;
    if (!isfinite(got) || !isfinite(want))
        return INFINITY;
    double size = fabs(want);
    return fabs(got - want) / (nextafter(size, INFINITY) - size);
}
