/* What names.c computes with functions, with operators. */
#include <cstdio>
#include <reelgrad.h>

#include <ops/operators.hpp>

static void print(rg_tape *tape, rg_value f, const rg_value *x)
{
    const char *status = rg_status_name(rg_backward(f));
    std::printf("%s %.15g, gradient %.15g %.15g %.15g\n", status, rg_item(f), rg_grad(x[0]),
                rg_grad(x[1]), rg_grad(x[2]));
    if (rg_tape_status(tape) != RG_OK)
        std::puts(rg_tape_message(tape));
}

static rg_value finish(rg_tape *, rg_value f)
{
    return f;
}
static rg_value finish(rg_tape *tape, rg_expr e)
{
    return rg_value_of(tape, rg_let(tape, e));
}
static rg_value finish(rg_tape *tape, rg_real x)
{
    return rg_value_of(tape, x);
}

static rg_value keep(rg_tape *, rg_value f)
{
    return f;
}
static rg_real keep(rg_tape *tape, rg_expr e)
{
    return rg_let(tape, e);
}

/* One body for both types. */
template <class Number>
static void both(rg_tape *tape, const rg_value *in, Number x, Number y, Number z)
{
    print(tape, finish(tape, (x + y) * z), in);
    print(tape, finish(tape, -(x - 2 * y) / (z + 10.0f)), in);
    print(tape, finish(tape, 1 - 0.5f / ((y - 1.5) * rg_exp(z))), in);
    Number sum = keep(tape, 0 * x);
    for (int i = 1; i < 4; i++)
        sum = keep(tape, sum + x * y / i);
    print(tape, finish(tape, sum), in);
}

int main()
{
    rg_tape *tape = rg_tape_create();
    const rg_value in[3] = {rg_input(tape, -2), rg_input(tape, 5), rg_input(tape, -4)};
    both(tape, in, in[0], in[1], in[2]);
    const rg_real x = rg_let(tape, in[0]), y = rg_let(tape, in[1]), z = rg_let(tape, in[2]);
    both(tape, in, x, y, z);
    print(tape, (finish(tape, (x + in[1]) * 2 - in[2] / z) + 1) * in[0], in);
    print(tape, finish(tape, rg_where(rg_less(x, y), x * z, rg_where(x.value > 0, in[1], in[0]))),
          in);
    std::printf("%g %g\n", rg_item(x * y), rg_item(3));
    rg_tape_destroy(tape);
    return 0;
}
