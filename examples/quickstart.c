#include <reelgrad.h>
#include <stdio.h>

int main(void)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, -2), y = rg_input(tape, 5), z = rg_input(tape, -4);
    rg_value f = rg_mul(rg_add(x, y), z);
    if (rg_backward(f) != RG_OK)
        puts(rg_tape_message(tape));
    printf("f = %g, gradient %g %g %g\n", rg_item(f), rg_grad(x), rg_grad(y), rg_grad(z));
    rg_tape_destroy(tape);
    return 0;
}
