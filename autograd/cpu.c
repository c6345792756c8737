/* cpu.c: which instruction sets the machine has. The answer is the compiler runtime's, found once
 * when the program starts. */
#include "internal.h"

#if defined(RGI_AMX)
#include <sys/platform/x86.h>

/* Compilers do not know all of these; the C library does. */
static bool has_amx(void)
{
    return CPU_FEATURE_ACTIVE(AMX_TILE) && CPU_FEATURE_ACTIVE(AMX_BF16);
}
#else
static bool has_amx(void)
{
    return false;
}
#endif

int rgi_cpu(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return has_amx() ? RGI_CPU_AMX : RGI_CPU_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return RGI_CPU_AVX2;
#endif
    return RGI_CPU_BASE;
}
