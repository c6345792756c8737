/* Fused statements in many forms; what is printed must not depend on the compiler or its options.
 */
#include <reelgrad.h>
#include <stdio.h>

static void print(rg_tape *tape, const char *name, rg_real f, const rg_real *x, int count)
{
    rg_status status = rg_backward(rg_value_of(tape, f));
    printf("%s: %s %.12g, gradient", name, rg_status_name(status), f.value);
    for (int i = 0; i < count; i++)
        printf(" %.12g", rg_real_grad(tape, x[i]));
    printf("\n");
}

/* ---- every name ---- */

static rg_real all_unary(rg_tape *tape, rg_real x)
{
    const rg_real terms[] = {
        rg_let(tape, rg_neg(x)),
        rg_let(tape, rg_square(x)),
        rg_let(tape, rg_reciprocal(x)),
        rg_let(tape, rg_sqrt(x)),
        rg_let(tape, rg_rsqrt(x)),
        rg_let(tape, rg_exp(x)),
        rg_let(tape, rg_expm1(x)),
        rg_let(tape, rg_log(x)),
        rg_let(tape, rg_log2(x)),
        rg_let(tape, rg_log1p(x)),
        rg_let(tape, rg_sin(x)),
        rg_let(tape, rg_cos(x)),
        rg_let(tape, rg_tan(x)),
        rg_let(tape, rg_asin(x)),
        rg_let(tape, rg_acos(x)),
        rg_let(tape, rg_atan(x)),
        rg_let(tape, rg_sinh(x)),
        rg_let(tape, rg_cosh(x)),
        rg_let(tape, rg_tanh(x)),
        rg_let(tape, rg_asinh(x)),
        rg_let(tape, rg_acosh(rg_add(x, 1))),
        rg_let(tape, rg_atanh(x)),
        rg_let(tape, rg_erf(x)),
        rg_let(tape, rg_erfc(x)),
        rg_let(tape, rg_lgamma(x)),
        rg_let(tape, rg_digamma(x)),
        rg_let(tape, rg_sigmoid(x)),
        rg_let(tape, rg_logsigmoid(x)),
        rg_let(tape, rg_silu(x)),
        rg_let(tape, rg_mish(x)),
        rg_let(tape, rg_gelu(x)),
        rg_let(tape, rg_gelu_tanh(x)),
        rg_let(tape, rg_relu(x)),
        rg_let(tape, rg_abs(x)),
        rg_let(tape, rg_leaky_relu(x, 0.1)),
        rg_let(tape, rg_elu(rg_neg(x), 2)),
        rg_let(tape, rg_softplus(x, 3)),
        rg_let(tape, rg_polygamma(x, 2)),
        rg_let(tape, rg_clamp(x, 0, 1)),
        rg_let(tape, rg_hardtanh(x, -1, 0.1)),
    };
    return rg_let_sum(tape, sizeof terms / sizeof *terms, terms);
}

static rg_real all_binary(rg_tape *tape, rg_real x, rg_real y)
{
    const rg_real terms[] = {
        rg_let(tape, rg_add(x, y)), rg_let(tape, rg_sub(x, y)),       rg_let(tape, rg_mul(x, y)),
        rg_let(tape, rg_div(x, y)), rg_let(tape, rg_pow(x, y)),       rg_let(tape, rg_max(x, y)),
        rg_let(tape, rg_min(x, y)), rg_let(tape, rg_atan2(x, y)),     rg_let(tape, rg_hypot(x, y)),
        rg_let(tape, rg_pow(2, x)), rg_let(tape, rg_logaddexp(x, y)), rg_let(tape, rg_atan2(y, 3)),
    };
    return rg_let_dot(tape, 6, terms, terms + 6);
}

/* ---- forms of expressions ---- */

static rg_real nested(rg_tape *tape, const rg_real *x)
{
    rg_real a = rg_let(tape, rg_div(rg_sub(rg_mul(x[0], rg_exp(rg_neg(x[1]))), rg_log(x[2])),
                                    rg_add(1, rg_square(rg_add(rg_sin(x[0]), rg_mul(2, x[1]))))));
    return rg_let(tape,
                  rg_sqrt(rg_add(rg_square(a), rg_mul(rg_mul(x[0], x[0]), rg_mul(x[1], 0.5f)))));
}

static rg_real signs(rg_tape *tape, const rg_real *x)
{
    rg_real s = rg_let(tape, rg_sub(x[0], rg_add(x[1], x[2])));
    rg_real t = rg_let(tape, rg_neg(rg_sub(s, x[0])));
    return rg_let(tape, rg_add(rg_add(t, t), rg_sub(s, rg_mul(x[2], rg_mul(x[1], x[0])))));
}

static rg_real branches(rg_tape *tape, const rg_real *x)
{
    rg_real s = rg_let(tape, 0);
    for (int i = 0; i < 3; i++) {
        if (rg_less(x[i], 0.6))
            s = rg_let(tape, rg_add(s, rg_mul(i, x[i])));
        s = rg_let(tape, rg_add(s, rg_where(rg_greater(x[i], 0.65), rg_square(x[i]), 1)));
        s = rg_let(tape, rg_where(i == 1, rg_add(s, x[i]), s));
    }
    return s;
}

static rg_real mixed(rg_tape *tape, const rg_real *x)
{
    rg_value v = rg_value_of(tape, x[0]), w = rg_tanh(rg_mul(v, rg_value_of(tape, x[1])));
    rg_expr e = rg_mul(rg_add(w, x[2]), v);
    rg_value f = rg_exp(rg_value_of(tape, rg_let(tape, rg_div(e, rg_add(e, 2)))));
    return rg_let(tape, rg_sub(rg_let(tape, f), rg_mul(3, w)));
}

static rg_real lists(rg_tape *tape, const rg_real *x)
{
    const double weights[10] = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10};
    rg_real list[10];
    for (int i = 0; i < 10; i++)
        list[i] = rg_let(tape, rg_mul(x[i % 3], i));
    rg_real f = rg_let_dot_add(tape, x[0], 10, list, list);
    f = rg_let(tape, rg_add(f, rg_let_lincomb(tape, 10, weights, list)));
    return rg_let(tape, rg_mul(f, rg_let_partials(tape, 0.5, 3, x, weights)));
}

/* ---- one body for both types ---- */

#define PENDULUM(number)                                                                  \
    static number pendulum_##number(rg_tape *tape, number angle, number speed)            \
    {                                                                                     \
        for (int i = 0; i < 50; i++) {                                                    \
            number next = STEP_##number(tape, rg_add(angle, rg_mul(0.02, speed)));        \
            speed = STEP_##number(tape, rg_sub(speed, rg_mul(0.02, rg_sin(angle))));      \
            angle = next;                                                                 \
        }                                                                                 \
        return STEP_##number(tape, rg_sub(rg_mul(0.5, rg_square(speed)), rg_cos(angle))); \
    }
#define STEP_rg_real(tape, e)  rg_let(tape, e)
#define STEP_rg_value(tape, e) ((void)(tape), (e))
PENDULUM(rg_real)
PENDULUM(rg_value)

int main(void)
{
    rg_tape *tape = rg_tape_create();
    volatile double start[3] = {0.25, 0.75, 0.625};
    rg_real x[3];
    for (int i = 0; i < 3; i++)
        x[i] = rg_let(tape, rg_input(tape, start[i]));
    print(tape, "unary", all_unary(tape, x[0]), x, 1);
    print(tape, "binary", all_binary(tape, x[0], x[1]), x, 2);
    print(tape, "nested", nested(tape, x), x, 3);
    print(tape, "signs", signs(tape, x), x, 3);
    print(tape, "branches", branches(tape, x), x, 3);
    print(tape, "mixed", mixed(tape, x), x, 3);
    print(tape, "lists", lists(tape, x), x, 3);
    print(tape, "pendulum", pendulum_rg_real(tape, x[0], x[1]), x, 2);
    rg_value recorded = pendulum_rg_value(tape, rg_value_of(tape, x[0]), rg_value_of(tape, x[1]));
    print(tape, "pendulum", rg_let(tape, recorded), x, 2);
    printf("%s\n", rg_tape_message(tape));
    rg_tape_destroy(tape);
    return 0;
}
