/* operations.h: the operations of functions.inc by this library's names, the same for recorded and
 * for fused scalars. */
#ifndef RG_TESTS_BENCH_OPERATIONS_H
#define RG_TESTS_BENCH_OPERATIONS_H

#define VALUE(a)  rg_item(a)
#define ADD(a, b) rg_add(a, b)
#define SUB(a, b) rg_sub(a, b)
#define MUL(a, b) rg_mul(a, b)
#define DIV(a, b) rg_div(a, b)
#define NEG(a)    rg_neg(a)
#define SQUARE(a) rg_square(a)
#define EXP(a)    rg_exp(a)
#define LOG(a)    rg_log(a)
#define SQRT(a)   rg_sqrt(a)
#define ERFC(a)   rg_erfc(a)
#define RELU(a)   rg_relu(a)

#endif
