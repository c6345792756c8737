/* cpu.c: which instruction sets the machine has. The answer is the compiler runtime's, found once
 * when the program starts. */
#include "internal.h"

int rgi_cpu(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return RGI_CPU_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return RGI_CPU_AVX2;
#endif
    return RGI_CPU_BASE;
}
