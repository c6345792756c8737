/* What operators.cpp computes with operators, with functions: in C and in C++. */
#include <reelgrad.h>
#include <stdio.h>

static void print(rg_tape *tape, rg_value f, const rg_value *x)
{
    const char *status = rg_status_name(rg_backward(f));
    printf("%s %.15g, gradient %.15g %.15g %.15g\n", status, rg_item(f), rg_grad(x[0]),
           rg_grad(x[1]), rg_grad(x[2]));
    if (rg_tape_status(tape) != RG_OK)
        puts(rg_tape_message(tape));
}

static void recorded(rg_tape *tape, const rg_value *in)
{
    const rg_value x = in[0], y = in[1], z = in[2];
    print(tape, rg_mul(rg_add(x, y), z), in);
    print(tape, rg_div(rg_neg(rg_sub(x, rg_mul(2, y))), rg_add(z, 10.0f)), in);
    print(tape, rg_sub(1, rg_div(0.5f, rg_mul(rg_sub(y, 1.5), rg_exp(z)))), in);
    rg_value sum = rg_mul(0, x);
    for (int i = 1; i < 4; i++)
        sum = rg_add(sum, rg_div(rg_mul(x, y), i));
    print(tape, sum, in);
}

static void fused(rg_tape *tape, const rg_value *in)
{
    const rg_real x = rg_let(tape, in[0]), y = rg_let(tape, in[1]), z = rg_let(tape, in[2]);
    print(tape, rg_value_of(tape, rg_let(tape, rg_mul(rg_add(x, y), z))), in);
    rg_real f = rg_let(tape, rg_div(rg_neg(rg_sub(x, rg_mul(2, y))), rg_add(z, 10.0f)));
    print(tape, rg_value_of(tape, f), in);
    f = rg_let(tape, rg_sub(1, rg_div(0.5f, rg_mul(rg_sub(y, 1.5), rg_exp(z)))));
    print(tape, rg_value_of(tape, f), in);
    rg_real sum = rg_let(tape, rg_mul(0, x));
    for (int i = 1; i < 4; i++)
        sum = rg_let(tape, rg_add(sum, rg_div(rg_mul(x, y), i)));
    print(tape, rg_value_of(tape, sum), in);
    /* Both kinds and numbers in one expression, and back. */
    f = rg_let(tape, rg_sub(rg_mul(rg_add(x, in[1]), 2), rg_div(in[2], z)));
    print(tape, rg_mul(rg_add(rg_value_of(tape, f), 1), in[0]), in);
    f = rg_let(tape, rg_where(rg_less(x, y), rg_mul(x, z), rg_where(x.value > 0, in[1], in[0])));
    print(tape, rg_value_of(tape, f), in);
    printf("%g %g\n", rg_item(rg_mul(x, y)), rg_item(3));
}

int main(void)
{
    rg_tape *tape = rg_tape_create();
    const rg_value in[3] = {rg_input(tape, -2), rg_input(tape, 5), rg_input(tape, -4)};
    recorded(tape, in);
    fused(tape, in);
    rg_tape_destroy(tape);
    return 0;
}
