#include "table.h"

#include <string.h>

#include "family.h"
#include "lanes.h"

static const rg_op *const *const families[] = {
    rgi_elementwise_family, rgi_reduce_family,  rgi_shape_family,  rgi_index_family,
    rgi_linalg_family,      rgi_softmax_family, rgi_loss_family,   rgi_entropy_family,
    rgi_arrange_family,     rgi_moments_family, rgi_window_family, rgi_conv_family,
    rgi_pool_family,        rgi_norm_family,    rgi_layer_family,  rgi_factor_family,
    rgi_det_family,
};
enum { FAMILIES = sizeof families / sizeof *families };

const rg_op *rg_op_at(int number)
{
    for (int i = 0; i < FAMILIES && number >= 0; i++)
        for (const rg_op *const *op = families[i]; *op; op++)
            if (number-- == 0)
                return *op;
    return NULL;
}

int rg_op_count(void)
{
    int count = 0;
    while (rg_op_at(count))
        count++;
    return count;
}

const rg_op *rg_op_find(const char *name)
{
    const rg_op *op;
    for (int i = 0; (op = rg_op_at(i)); i++)
        if (strcmp(op->name, name) == 0)
            return op;
    return NULL;
}

rg_status rgi_axis(rg_call *call, int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return rg_call_fail(call, RG_ERROR_INDEX, "axis %lld is outside rank %d", (long long)axis,
                            rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return RG_OK;
}

const rgi_kernels *rgi_kernels_for(int cpu, rg_type type)
{
#if defined(RGI_X86)
    if (cpu >= RGI_CPU_AVX512)
        return &rgi_kernels_avx512[type];
    if (cpu >= RGI_CPU_AVX2)
        return &rgi_kernels_avx2[type];
#endif
    (void)cpu;
    return &rgi_kernels_base[type];
}

const rgi_interpreter *rgi_interpreter_for(int cpu)
{
#if defined(RGI_X86)
    if (cpu >= RGI_CPU_AVX512)
        return &rgi_interpreter_avx512;
    if (cpu >= RGI_CPU_AVX2)
        return &rgi_interpreter_avx2;
#endif
    (void)cpu;
    return &rgi_interpreter_base;
}
