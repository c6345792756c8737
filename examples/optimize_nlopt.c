/*
 * optimize_nlopt.c: Rosenbrock's valley minimised by NLopt's L-BFGS, with the tape's gradient.
 *
 *     optimize_nlopt [--dimension N] [--seed S]
 */
#include <reelgrad.h>

#include <nlopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

/* sum of 100 (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2; the minimum, 0, lies at (1, .., 1). */
static void valley(rg_tape *tape, const rg_value *x, size_t n, rg_value *y, size_t m, void *context)
{
    (void)tape, (void)m, (void)context;
    for (size_t i = 0; i + 1 < n; i++) {
        rg_value across = rg_square(rg_sub(x[i + 1], rg_square(x[i])));
        rg_value along = rg_square(rg_sub(1, x[i]));
        rg_value term = rg_add(rg_mul(100, across), along);
        y[0] = i ? rg_add(y[0], term) : term;
    }
}

int main(int argc, char **argv)
{
    int64_t n = 10, seed = 1;
    const option options[] = {{"dimension", OPTION_COUNT, &n, "numbers to find, at least 2"},
                              {"seed", OPTION_COUNT, &seed, "of the start"},
                              {0}};
    read_options(argc, argv, "Minimises Rosenbrock's valley with NLopt.", options);
    if (n < 2 || n > 100000) {
        fprintf(stderr, "%s: --dimension must be 2 to 100000\n", argv[0]);
        return 2;
    }
    rg_random random = rg_random_create((uint64_t)seed);
    double *x = malloc((size_t)n * sizeof *x), least = 0;
    rg_problem *problem = rg_problem_create(valley, (size_t)n, 1, NULL, NULL);
    nlopt_opt search = nlopt_create(NLOPT_LD_LBFGS, (unsigned)n);
    int status = 1;
    if (x && problem && search) {
        for (int64_t i = 0; i < n; i++)
            x[i] = 4 * rg_random_uniform(&random) - 2;
        nlopt_set_min_objective(search, rg_problem_objective, problem);
        nlopt_set_ftol_rel(search, 1e-15);
        nlopt_set_maxeval(search, 10000);
        nlopt_result result = nlopt_optimize(search, x, &least);
        printf("NLopt: %s after %d evaluations\n", nlopt_result_to_string(result),
               nlopt_get_numevals(search));
        printf("minimum %.3g at x[0] = %.9f, x[%d] = %.9f\n", least, x[0], (int)(n - 1), x[n - 1]);
        status = result < 0;
    }
    nlopt_destroy(search);
    rg_problem_destroy(problem);
    free(x);
    return status;
}
