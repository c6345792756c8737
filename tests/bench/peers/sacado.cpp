/* sacado.cpp: the six functions by Sacado's reverse mode. */
#include <Sacado_trad.hpp>

#include <vector>

#include "operators.h"

typedef Sacado::Rad::ADvar<double> ADvar;
typedef Sacado::Rad::ADvari<double> Node;

/* Sacado lacks these three; its way to add a function is to give value and derivative. */
static inline Node &square(const ADvar &x)
{
    return Sacado::Rad::ADf1(x.val() * x.val(), 2 * x.val(), x);
}

static inline Node &complementary_error(const ADvar &x)
{
    const double slope = -1.12837916709551257390 * std::exp(-x.val() * x.val());
    return Sacado::Rad::ADf1(std::erfc(x.val()), slope, x);
}

static inline Node &relu(const ADvar &x)
{
    return Sacado::Rad::ADf1(x.val() > 0 ? x.val() : 0.0, x.val() > 0 ? 1.0 : 0.0, x);
}

#define NUMBER    ADvar
#define NAME(f)   sacado_##f
#define VALUE(a)  ((a).val())
#define SQUARE(a) square(a)
#define ERFC(a)   complementary_error(a)
#define RELU(a)   relu(a)

#include "../functions.inc"

static std::vector<ADvar> *inputs;

static void *create()
{
    inputs = new std::vector<ADvar>(MOST_INPUTS);
    return inputs;
}

/* Its memory is one for the whole program; given back so that each function begins anew. */
static void destroy(void *)
{
    delete inputs;
    inputs = NULL;
    Sacado::Rad::ADcontext<double>::re_init();
}

static double gradient(void *, int function, const double *x, double *out, bench_cost *cost)
{
    const int n = bench_function_inputs(function);
    for (int i = 0; i < n; i++)
        (*inputs)[(size_t)i] = x[i];
    double begin = seconds();
    ADvar f = sacado_evaluate(NULL, function, inputs->data());
    double middle = seconds();
    ADvar::Gradcomp();
    cost->record = middle - begin;
    cost->sweep = seconds() - middle;
    for (int i = 0; i < n; i++)
        out[i] = (*inputs)[(size_t)i].adj();
    return f.val();
}

extern "C" const bench_engine bench_sacado;
const bench_engine bench_sacado = {"Sacado", create, destroy, gradient};
