/* operators.h: what functions.inc needs, for C++ types with operators. */
#ifndef RG_TESTS_BENCH_OPERATORS_H
#define RG_TESTS_BENCH_OPERATORS_H

#include <chrono>
#include <cmath>
#include <cstddef>

#include "../functions.h"

#define TAPE        const void *
#define LET(e)      ((void)tape, (e))
#define CONSTANT(c) NUMBER(c)
#define ADD(a, b)   ((a) + (b))
#define SUB(a, b)   ((a) - (b))
#define MUL(a, b)   ((a) * (b))
#define DIV(a, b)   ((a) / (b))
#define NEG(a)      (-(a))
#define EXP(a)      exp(a)
#define LOG(a)      log(a)
#define SQRT(a)     sqrt(a)

static inline double seconds()
{
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

#endif
