/*
 * operators.hpp: + - * / for C++17, for recorded values and fused statements alike:
 *
 *     rg_value f = (x + y) * z;                  // recorded
 *     rg_real g = rg_let(tape, (p + q) * 2);     // one fused statement
 *
 * The operators are the functions rg_add, rg_sub, rg_mul, rg_div and rg_neg; one operand at least
 * must be an rg_value, rg_real or rg_expr. Comparisons are not overloaded: compare rg_item(x).
 */
#ifndef RG_OPS_OPERATORS_HPP
#define RG_OPS_OPERATORS_HPP

#include "elementwise.h"

/* Whether A or B is a number of this library. */
template <class A, class B = A> constexpr bool rgi_has_number()
{
    return rgi_is_fused<A>::value || rgi_is_fused<B>::value || rgi_is_value<A>::value ||
           rgi_is_value<B>::value;
}

#define RGI_OPERATOR(symbol, name)                                                            \
    template <class A, class B, class = typename rgi_result<rgi_has_number<A, B>()>::truth>  \
    inline auto operator symbol(A a, B b)                                                     \
    {                                                                                         \
        return name(a, b);                                                                    \
    }
RGI_OPERATOR(+, rg_add)
RGI_OPERATOR(-, rg_sub)
RGI_OPERATOR(*, rg_mul)
RGI_OPERATOR(/, rg_div)
#undef RGI_OPERATOR

template <class A, class = typename rgi_result<rgi_has_number<A>()>::truth>
inline auto operator-(A a)
{
    return rg_neg(a);
}

#endif
