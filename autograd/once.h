/*
 * once.h: macros over _Generic name each operand twice, so nested ones would double the text with
 * every level. RGI_ONCE gives the operands names first, where the compiler can (gcc, clang):
 * RGI_ONCE_2(M, more, a, b) is M(more, a, b), with a and b evaluated and expanded once.
 */
#ifndef RG_AUTOGRAD_ONCE_H
#define RG_AUTOGRAD_ONCE_H

#if defined(__GNUC__) && !defined(__cplusplus)
/* clang-format off */
#define RGI_JOIN_(a, b) a##b
#define RGI_JOIN(a, b)  RGI_JOIN_(a, b)
#define RGI_ONCE_1_(n, M, more, a) __extension__({ \
    __auto_type RGI_JOIN(rgi_a, n) = (a); \
    M(more, RGI_JOIN(rgi_a, n)); })
#define RGI_ONCE_2_(n, M, more, a, b) __extension__({ \
    __auto_type RGI_JOIN(rgi_a, n) = (a); \
    __auto_type RGI_JOIN(rgi_b, n) = (b); \
    M(more, RGI_JOIN(rgi_a, n), RGI_JOIN(rgi_b, n)); })
#define RGI_ONCE_3_(n, M, more, a, b, c) __extension__({ \
    __auto_type RGI_JOIN(rgi_a, n) = (a); \
    __auto_type RGI_JOIN(rgi_b, n) = (b); \
    __auto_type RGI_JOIN(rgi_c, n) = (c); \
    M(more, RGI_JOIN(rgi_a, n), RGI_JOIN(rgi_b, n), RGI_JOIN(rgi_c, n)); })
#define RGI_ONCE_1(M, more, a)       RGI_ONCE_1_(__COUNTER__, M, more, a)
#define RGI_ONCE_2(M, more, a, b)    RGI_ONCE_2_(__COUNTER__, M, more, a, b)
#define RGI_ONCE_3(M, more, a, b, c) RGI_ONCE_3_(__COUNTER__, M, more, a, b, c)
/* clang-format on */
#else
#define RGI_ONCE_1(M, more, a)       M(more, a)
#define RGI_ONCE_2(M, more, a, b)    M(more, a, b)
#define RGI_ONCE_3(M, more, a, b, c) M(more, a, b, c)
#endif

#endif
