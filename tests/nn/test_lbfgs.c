#include "../check.h"
#include "../failing.h"

SUITE(lbfgs);

/* A loss of all parameters, which counts its calls and fails at one of them. */
typedef struct problem {
    rg_params *params;
    rg_tape *tape;
    rg_value (*loss)(rg_tape *tape, rg_params *params);
    int calls, fail_at;
} problem;

static rg_status evaluate(void *context, double *loss)
{
    problem *p = context;
    if (++p->calls == p->fail_at)
        return RG_ERROR_STATE;
    rg_tape_reset(p->tape);
    rg_value y = p->loss(p->tape, p->params);
    *loss = rg_item(y);
    return rg_backward(y);
}

static problem begin(rg_value (*loss)(rg_tape *tape, rg_params *params), rg_type type, int64_t size,
                     const double *start)
{
    problem p = {.params = rg_params_create(NULL), .tape = rg_tape_create(), .loss = loss};
    rg_param *x = rg_params_add(p.params, "x", type, RG_SHAPE(size), NULL);
    rg_param_write(x, start);
    return p;
}

static void end(problem *p)
{
    rg_tape_destroy(p->tape);
    rg_params_destroy(p->params);
}

static double element(const problem *p, int64_t i)
{
    rg_param *x = rg_params_at(p->params, 0);
    return rg_param_type(x) == RG_F64 ? ((double *)rg_param_data(x))[i]
                                      : (double)((float *)rg_param_data(x))[i];
}

/* ---- functions ---- */

static rg_value rosenbrock(rg_tape *tape, rg_params *params)
{
    rg_value x = rg_use(tape, rg_params_at(params, 0));
    rg_value low = rg_slice(x, 0, 0, -1, 1), high = rg_slice(x, 0, 1, RG_SLICE_END, 1);
    rg_value valley = rg_sum(rg_square(rg_sub(high, rg_square(low))));
    return rg_add(rg_mul(100, valley), rg_sum(rg_square(rg_sub(1, low))));
}

/* sum of (i + 1) (x_i - i)^2 / 2, turned so that the axes are not those of x. */
enum { N = 6 };
static rg_value quadratic(rg_tape *tape, rg_params *params)
{
    double turned[N * N], center[N], weights[N];
    for (int i = 0; i < N; i++) {
        center[i] = i;
        weights[i] = i + 1;
        for (int k = 0; k < N; k++)
            turned[N * i + k] = (i == k) - 2.0 / N; /* a reflection */
    }
    rg_value x = rg_use(tape, rg_params_at(params, 0));
    rg_value y = rg_matmul(rg_constant_f64(tape, RG_SHAPE(N, N), turned), x);
    rg_value d = rg_sub(y, rg_constant_f64(tape, RG_SHAPE(N), center));
    rg_value w = rg_constant_f64(tape, RG_SHAPE(N), weights);
    return rg_mul(0.5, rg_sum(rg_mul(w, rg_square(d))));
}

/* log is not finite for x <= 0, where the first steps would go. */
static rg_value barrier(rg_tape *tape, rg_params *params)
{
    rg_value x = rg_use(tape, rg_params_at(params, 0));
    return rg_sum(rg_sub(rg_mul(1000, x), rg_log(x)));
}

/* ---- minima ---- */

Test(lbfgs, finds_rosenbrocks_minimum_in_few_evaluations)
{
    static const double start[] = {-1.2, 1, -1.2, 1};
    for (int64_t n = 2; n <= 4; n += 2) {
        problem p = begin(rosenbrock, RG_F64, n, start);
        const rg_lbfgs_options options = {.iterations = 1, .tolerance = 1e-10};
        rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, &options, NULL);
        double loss = INFINITY, before;
        int steps = 0;
        do {
            before = loss;
            CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_OK);
            cr_assert(loss <= before, "it never rises");
        } while (loss > 1e-20 && ++steps < 60);
        cr_assert(steps <= 45 && p.calls <= 2 * steps + 20, "%d steps, %d calls", steps, p.calls);
        for (int64_t i = 0; i < n; i++)
            CHECK_NEAR(element(&p, i), 1, 1e-8);
        rg_lbfgs_destroy(lbfgs);
        end(&p);
    }
}

/* With exact line searches it is the method of conjugate gradients: n steps for n dimensions. */
Test(lbfgs, finds_a_quadratics_minimum_in_as_many_steps_as_dimensions)
{
    problem p = begin(quadratic, RG_F64, N, (double[N]){3, -1, 4, 1, -5, 9});
    const rg_lbfgs_options options = {.history = N, .iterations = N, .curvature = 2e-4};
    rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, &options, NULL);
    double loss = 0;
    CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_OK);
    cr_assert(loss < 1e-16, "%g after %d calls", loss, p.calls);
    cr_assert(p.calls <= 5 * N, "%d calls, %g", p.calls, loss);
    /* The reflection of (0, 1, .., 5), whose mean is 2.5. */
    for (int64_t i = 0; i < N; i++)
        CHECK_NEAR(element(&p, i), (double)i - 5, 1e-7);
    rg_lbfgs_destroy(lbfgs);
    end(&p);
}

/* Only the quadratic's history is short now; and of one step it is enough, too. */
Test(lbfgs, forgets_the_oldest_steps)
{
    for (int history = 1; history <= 3; history++) {
        problem p = begin(quadratic, RG_F64, N, (double[N]){3, -1, 4, 1, -5, 9});
        const rg_lbfgs_options options = {.history = history, .iterations = 60};
        rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, &options, NULL);
        double loss = 1;
        CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_OK);
        cr_assert(loss < 1e-20, "%g", loss);
        rg_lbfgs_destroy(lbfgs);
        end(&p);
    }
}

/* Several parameters, of both types and one of them frozen; ends where float32 has no more digits.
 */
static rg_value mixed(rg_tape *tape, rg_params *params)
{
    rg_value a = rg_use(tape, rg_params_find(params, "x"));
    rg_value b = rg_cast(rg_use(tape, rg_params_find(params, "b")), RG_F64);
    rg_value c = rg_use(tape, rg_params_find(params, "c"));
    rg_value d = rg_sub(rg_add(a, b), c);
    return rg_add(rg_sum(rg_square(rg_square(d))), rg_sum(rg_square(rg_sub(b, 2))));
}

Test(lbfgs, serves_all_parameters_that_are_free)
{
    problem p = begin(mixed, RG_F64, 3, (double[]){1, 2, 3});
    rg_param *b = rg_params_add(p.params, "b", RG_F32, RG_SHAPE(3), NULL);
    rg_param *c = rg_params_add(p.params, "c", RG_F64, RG_SHAPE(3), NULL);
    rg_params_add(p.params, "empty", RG_F64, RG_SHAPE(0), NULL);
    rg_param_write(c, (double[]){7, 7, 7});
    rg_params_freeze(p.params, "c", 1);
    rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, NULL, NULL);
    rg_params_add(p.params, "late", RG_F64, RG_SHAPE(3), NULL);
    double loss = 1;
    for (int i = 0; i < 4; i++)
        CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_OK);
    cr_assert(loss < 1e-10, "%g", loss);
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(((float *)rg_param_data(b))[i], 2, 1e-5);
        CHECK_NEAR(((double *)rg_param_data(c))[i], 7, 0);
        CHECK_NEAR(element(&p, i), 5, 1e-2);
    }
    rg_lbfgs_destroy(lbfgs);
    end(&p);
}

/* What was learnt while a parameter was free does not move it. */
Test(lbfgs, leaves_alone_what_is_frozen_later)
{
    problem p = begin(mixed, RG_F64, 3, (double[]){1, 2, 3});
    rg_params_add(p.params, "b", RG_F32, RG_SHAPE(3), NULL);
    rg_param *c = rg_params_add(p.params, "c", RG_F64, RG_SHAPE(3), NULL);
    rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, &(rg_lbfgs_options){.iterations = 3}, NULL);
    CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, NULL), RG_OK);
    double before[3], after[3];
    rg_param_read(c, before);
    cr_assert(before[0] != 0);
    rg_params_freeze(p.params, "c", 1);
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, NULL), RG_OK);
    rg_param_read(c, after);
    cr_assert(!memcmp(before, after, sizeof before));
    rg_lbfgs_destroy(lbfgs);
    end(&p);
}

/* x + y with y frozen, but with a gradient by hand; and minus infinity where x is negative. */
static rg_status by_hand(void *context, double *loss)
{
    problem *p = context;
    double *x = rg_param_data(rg_params_at(p->params, 0));
    double *g = rg_param_grad(rg_params_at(p->params, 0));
    for (int i = 0; i < 2; i++)
        g[i] += 1;
    *(double *)rg_param_grad(rg_params_at(p->params, 1)) += 1e6;
    *loss = x[0] < 0 || x[1] < 0 ? -(double)INFINITY : x[0] + x[1];
    p->calls++;
    return RG_OK;
}

Test(lbfgs, takes_gradients_from_anywhere)
{
    problem p = begin(NULL, RG_F64, 2, (double[]){4, 3});
    rg_param *frozen = rg_params_add(p.params, "frozen", RG_F64, RG_SCALAR, NULL);
    rg_param_freeze(frozen, 1);
    rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, NULL, NULL);
    double loss = 0;
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(rg_lbfgs_step(lbfgs, by_hand, &p, &loss), RG_OK);
    cr_assert(loss >= 1 && loss < 1.01, "%g", loss);
    CHECK_NEAR(*(double *)rg_param_data(frozen), 0, 0);
    rg_lbfgs_destroy(lbfgs);
    end(&p);
}

Test(lbfgs, avoids_where_the_loss_is_not_finite)
{
    problem p = begin(barrier, RG_F64, 2, (double[]){0.01, 5});
    rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, &(rg_lbfgs_options){.iterations = 60}, NULL);
    double loss = 0;
    CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_OK);
    for (int i = 0; i < 2; i++)
        CHECK_NEAR(element(&p, i) * 1000, 1, 1e-5);
    rg_lbfgs_destroy(lbfgs);
    end(&p);
}

/* However early its searches end, the loss is that of the parameters and falls. */
Test(lbfgs, gets_along_with_few_evaluations)
{
    for (int evaluations = 2; evaluations <= 4; evaluations++) {
        problem p = begin(rosenbrock, RG_F64, 2, (double[]){-1.2, 1});
        const rg_lbfgs_options options = {
            .iterations = 1, .evaluations = evaluations, .curvature = 0.01};
        rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, &options, NULL);
        double loss = 24.2, before;
        for (int i = 0; i < 200; i++) {
            before = loss;
            p.calls = 0;
            CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_OK);
            cr_assert(p.calls <= evaluations + 2 && loss <= before);
            rg_tape_reset(p.tape);
            CHECK_NEAR(rg_item(rosenbrock(p.tape, p.params)), loss, 0);
        }
        cr_assert(loss < 1e-15, "%d: %g", evaluations, loss);
        rg_lbfgs_destroy(lbfgs);
        end(&p);
    }
}

/* At the minimum one evaluation is enough; where rounding hides the decrease a few are. */
Test(lbfgs, ends_where_nothing_is_to_be_gained)
{
    problem p = begin(rosenbrock, RG_F64, 2, (double[]){1, 1});
    rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, NULL, NULL);
    double loss = 1;
    CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_OK);
    cr_assert(p.calls == 1 && loss == 0);
    rg_param_write(rg_params_at(p.params, 0), (double[]){-1.2, 1});
    for (int i = 0; i < 20; i++)
        CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, NULL), RG_OK);
    p.calls = 0;
    double x = element(&p, 0);
    CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_OK);
    cr_assert(p.calls < 60 && element(&p, 0) == x && loss < 1e-25, "%d calls", p.calls);
    rg_lbfgs_destroy(lbfgs);
    end(&p);
}

/* ---- errors ---- */

Test(lbfgs, returns_what_the_closure_returns)
{
    static const double start[] = {-1.2, 1};
    double losses[12];
    for (int fail_at = 1; fail_at < 12; fail_at++) {
        problem p = begin(rosenbrock, RG_F64, 2, start);
        p.fail_at = fail_at;
        rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, NULL, NULL);
        double loss = 0;
        CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_ERROR_STATE);
        cr_assert(p.calls == fail_at);
        if (fail_at == 1) {
            cr_assert(isnan(loss) && element(&p, 0) == start[0]);
        } else {
            /* The parameters are those of a finished iteration, and the loss is theirs. */
            losses[fail_at] = loss;
            cr_assert(loss <= (fail_at > 2 ? losses[fail_at - 1] : INFINITY));
            cr_assert(p.loss(p.tape, p.params).tape == p.tape);
            rg_tape_reset(p.tape);
            CHECK_NEAR(rg_item(rosenbrock(p.tape, p.params)), loss, 0);
        }
        rg_lbfgs_destroy(lbfgs);
        end(&p);
    }
    cr_assert(losses[11] < losses[2]);
}

Test(lbfgs, refuses_to_begin_where_the_loss_is_not_finite)
{
    problem p = begin(barrier, RG_F64, 2, (double[]){1, -1});
    rg_lbfgs *lbfgs = rg_lbfgs_create(p.params, NULL, NULL);
    double loss = 0;
    CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, &loss), RG_ERROR_NUMERIC);
    cr_assert(p.calls == 1 && isnan(loss));
    CHECK_NEAR(element(&p, 0), 1, 0);
    rg_lbfgs_destroy(lbfgs);
    end(&p);
}

Test(lbfgs, refuses_bad_options)
{
    static const struct {
        rg_lbfgs_options options;
        const char *text;
    } bad[] = {{{.history = -1}, "history -1"},
               {{.iterations = -2}, "iterations -2"},
               {{.evaluations = -3}, "evaluations -3"},
               {{.decrease = -1}, "decrease -1"},
               {{.decrease = 0.95}, "decrease 0.95 and curvature 0.9 must be"},
               {{.decrease = NAN}, "decrease"},
               {{.curvature = 1}, "curvature 1"},
               {{.curvature = 1e-5}, "curvature 1e-05"},
               {{.curvature = NAN}, "curvature"},
               {{.tolerance = -1}, "the tolerance is -1; it must be finite and 0 or more"},
               {{.tolerance = INFINITY}, "the tolerance is inf"},
               {{.tolerance = NAN}, "the tolerance is"}};
    rg_params *params = rg_params_create(NULL);
    rg_error error = {RG_OK, ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert(rg_lbfgs_create(params, &bad[i].options, &error) == NULL);
        CHECK_STATUS(error.status, RG_ERROR_ARGUMENT);
        cr_assert(strstr(error.message, bad[i].text), "the message is \"%s\"", error.message);
        cr_assert(rg_lbfgs_create(params, &bad[i].options, NULL) == NULL);
    }
    cr_assert(rg_lbfgs_create(NULL, NULL, &error) == NULL);
    cr_assert_str_eq(error.message, "lbfgs: the parameters are NULL");
    rg_lbfgs_destroy(NULL);
    rg_params_destroy(params);
}

Test(lbfgs, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {RG_OK, ""};
        rg_params *params = rg_params_create(&allocator);
        if (params && rg_params_add(params, "x", RG_F64, RG_SHAPE(2), &error)) {
            rg_lbfgs *lbfgs = rg_lbfgs_create(params, NULL, &error);
            cr_assert((lbfgs != NULL) == (error.status == RG_OK));
            if (lbfgs) {
                problem p = {params, rg_tape_create(), rosenbrock, 0, 0};
                int64_t calls = memory.calls;
                CHECK_STATUS(rg_lbfgs_step(lbfgs, evaluate, &p, NULL), RG_OK);
                cr_assert(memory.calls == calls, "a step allocates");
                rg_tape_destroy(p.tape);
            } else {
                cr_assert(strstr(error.message, "no memory for 2 elements and a history of 10"));
            }
            rg_lbfgs_destroy(lbfgs);
        }
        rg_params_destroy(params);
        CHECK_FAILURE(memory, params ? error.status : RG_ERROR_MEMORY);
    }
}
