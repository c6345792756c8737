/* arguments.c: what an operator finds in its case. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "arguments.h"

rg_value ref_optional(const ref_call *call, const char *name)
{
    for (int i = 0; i < call->block->tensor_count; i++) {
        const ref_tensor *tensor = &call->block->tensor[i];
        if ((tensor->tag == 'X' || tensor->tag == 'I') && !strcmp(tensor->name, name))
            return call->value[i];
    }
    return (rg_value){NULL, 0};
}

rg_value ref_operand(const ref_call *call, const char *name)
{
    rg_value value = ref_optional(call, name);
    if (!value.tape)
        ref_set(call->outcome, REF_BAD, "the case has no X or I %.40s", name);
    return value;
}

bool ref_has(const ref_call *call, const char *key)
{
    return ref_find_attribute(call->block, key) != NULL;
}

double ref_number(const ref_call *call, const char *key, double otherwise)
{
    const ref_attribute *attribute = ref_find_attribute(call->block, key);
    if (attribute && !attribute->word && attribute->count == 1)
        return attribute->number[0];
    if (attribute)
        ref_set(call->outcome, REF_BAD, "attribute %.40s is not one number", key);
    return otherwise;
}

static int64_t whole(const ref_call *call, const char *key, double value)
{
    if (fabs(value) <= 0x1p53 && value == trunc(value))
        return (int64_t)value;
    ref_set(call->outcome, REF_BAD, "attribute %.40s holds %g, which is no integer", key, value);
    return 0;
}

int ref_axis(const ref_call *call, const char *key)
{
    if (!ref_has(call, key))
        ref_set(call->outcome, REF_BAD, "the case has no attribute %.40s", key);
    int64_t value = whole(call, key, ref_number(call, key, 0));
    return (int)(value > 99 ? 99 : value < -99 ? -99 : value);
}

int64_t ref_integer(const ref_call *call, const char *key, int64_t otherwise)
{
    return whole(call, key, ref_number(call, key, (double)otherwise));
}

bool ref_flag(const ref_call *call, const char *key)
{
    return ref_number(call, key, 0) != 0;
}

rg_axes ref_list(const ref_call *call, const char *key)
{
    rg_axes result = {0};
    const ref_attribute *attribute = ref_find_attribute(call->block, key);
    if (!attribute)
        return result;
    if (attribute->word || attribute->count > RG_MAX_RANK)
        ref_set(call->outcome, REF_BAD, "attribute %.40s is no list of up to %d numbers", key,
                RG_MAX_RANK);
    else
        for (; result.count < attribute->count; result.count++)
            result.axis[result.count] = whole(call, key, attribute->number[result.count]);
    return result;
}

rg_shape ref_shape(const ref_call *call)
{
    rg_axes dims = ref_list(call, "shape");
    rg_shape result = {.rank = dims.count};
    memcpy(result.dim, dims.axis, sizeof result.dim);
    return result;
}

static bool is_word(const ref_call *call, const char *key, const char *word)
{
    const ref_attribute *attribute = ref_find_attribute(call->block, key);
    return attribute && attribute->word && !strcmp(attribute->word, word);
}

rg_reduction ref_reduction(const ref_call *call)
{
    if (is_word(call, "reduction", "none"))
        return RG_NONE;
    if (is_word(call, "reduction", "sum"))
        return RG_SUM;
    if (is_word(call, "reduction", "batchmean"))
        return RG_BATCH_MEAN;
    if (ref_has(call, "reduction") && !is_word(call, "reduction", "mean"))
        ref_set(call->outcome, REF_SKIP, "this reduction is not in the library");
    return RG_MEAN;
}
