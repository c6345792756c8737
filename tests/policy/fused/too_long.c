/* An expression of nine terms: one more than a statement holds. */
#include <reelgrad.h>
#include <stdio.h>

int main(void)
{
    rg_tape *tape = rg_tape_create();
    rg_real x = rg_let(tape, rg_input(tape, 2)), y = rg_let(tape, rg_input(tape, 3));
    rg_expr e = rg_add(rg_mul(rg_mul(x, y), x), rg_mul(rg_mul(y, x), y));
    rg_let(tape, rg_add(e, rg_mul(rg_mul(x, x), y)));
    printf("%s\n%s\n", rg_status_name(rg_tape_status(tape)), rg_tape_message(tape));
    rg_tape_destroy(tape);
    return 0;
}
