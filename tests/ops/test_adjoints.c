/*
 * test_adjoints.c: sweeps that do not keep the adjoints of scalars give the gradients that the
 * others give, and leave nothing behind for the next sweep: random programs of inputs, recorded
 * scalars, fused statements, elements, tensors and parameters, swept from random roots between
 * random rewinds. Each sweep is compared with the first and only one of a new tape.
 */
#include "../check.h"

#include "../../autograd/internal.h"

SUITE(adjoints);

/* ---- programs ---- */

enum { MOST = 400, TENSORS = 400, SIZE = 3 };

/* What is recorded now. Every entry of the log was one step; replaying them gives the same. */
typedef struct program {
    rg_tape *tape;
    rg_param *scalar, *vector;
    int count, tensor_count, step_count;
    rg_value value[MOST]; /* scalars ... */
    rg_real real[MOST];   /* ... and the same as numbers */
    rg_value tensor[TENSORS];
    uint64_t step[MOST]; /* seeds */
} program;

static program *program_create(void)
{
    program *p = calloc(1, sizeof *p);
    cr_assert(p);
    p->tape = rg_tape_create();
    p->scalar = rg_param_create(NULL, RG_F64, RG_SCALAR);
    p->vector = rg_param_create(NULL, RG_F32, RG_SHAPE(SIZE));
    rg_param_write(p->scalar, (double[]){0.7});
    rg_param_write(p->vector, (double[]){0.5, -0.25, 1});
    return p;
}

static void program_destroy(program *p)
{
    rg_tape_destroy(p->tape);
    rg_param_destroy(p->scalar);
    rg_param_destroy(p->vector);
    free(p);
}

static int pick(rg_random *random, int count)
{
    return (int)rg_random_below(random, (uint64_t)count);
}

static void add_value(program *p, rg_value x)
{
    p->value[p->count] = x;
    p->real[p->count++] = rg_let(p->tape, x);
}

static void add_real(program *p, rg_real x)
{
    p->real[p->count] = x;
    p->value[p->count++] = rg_value_of(p->tape, x);
}

static void add_tensor(program *p, rg_value x)
{
    p->tensor[p->tensor_count++] = x;
}

static void record_leaf(program *p, rg_random *random)
{
    const double numbers[SIZE] = {rg_random_normal(random), 0.5, rg_random_normal(random)};
    switch (pick(random, 6)) {
    case 0: add_value(p, rg_use(p->tape, p->scalar)); break;
    case 1: add_tensor(p, rg_use(p->tape, p->vector)); break;
    case 2: add_tensor(p, rg_input_f64(p->tape, RG_SHAPE(SIZE), numbers)); break;
    case 3: add_value(p, rg_constant(p->tape, numbers[0])); break;
    default: add_value(p, rg_input(p->tape, numbers[0])); break;
    }
}

static void record_scalar(program *p, rg_random *random)
{
    rg_value x = p->value[pick(random, p->count)], y = p->value[pick(random, p->count)];
    switch (pick(random, 5)) {
    case 0: add_value(p, rg_sin(rg_add(x, y))); break;
    case 1: add_value(p, rg_tanh(rg_mul(x, y))); break;
    case 2: add_value(p, rg_sub(x, rg_constant(p->tape, 0.5))); break;
    case 3: add_value(p, rg_clamp(rg_mul(2, y), -1, 1)); break; /* a record of rank 0 */
    default: add_value(p, rg_relu(x)); break;
    }
}

static void record_statement(program *p, rg_random *random)
{
    rg_real x = p->real[pick(random, p->count)], y = p->real[pick(random, p->count)];
    rg_value z = p->value[pick(random, p->count)];
    switch (pick(random, 7)) {
    case 0: add_real(p, rg_let(p->tape, rg_sub(x, y))); break;
    case 1: add_real(p, rg_let(p->tape, rg_sin(rg_mul(x, y)))); break;
    case 2: add_real(p, rg_let(p->tape, rg_add(x, rg_tanh(rg_mul(y, z))))); break;
    case 3: add_real(p, rg_let(p->tape, rg_mul(rg_cos(x), rg_cos(x)))); break;
    case 4: add_real(p, rg_let(p->tape, rg_add(rg_neg(x), rg_sub(y, z)))); break;
    case 5: add_real(p, rg_let(p->tape, rg_tanh(rg_add(rg_mul(x, y), rg_mul(z, x))))); break;
    default: add_real(p, rg_let(p->tape, rg_mul(0.5, rg_relu(x)))); break;
    }
}

static void record_list(program *p, rg_random *random)
{
    rg_real list[12], last = p->real[pick(random, p->count)];
    double weights[12];
    const int run = pick(random, p->count);
    size_t n = (size_t)pick(random, 12);
    for (size_t i = 0; i < 12; i++) {
        list[i] = p->real[pick(random, p->count)];
        weights[i] = 0.1 * (double)i;
    }
    rg_real sum = last;
    switch (pick(random, 4)) {
    case 0: sum = rg_let_sum(p->tape, n, list); break;
    case 1: sum = rg_let_lincomb(p->tape, n, weights, list); break;
    case 2: sum = rg_let_dot_add(p->tape, last, n, list, list + pick(random, 12 - (int)n)); break;
    default:
        n = n < (size_t)(p->count - run) ? n : (size_t)(p->count - run);
        sum = rg_let_dot_add(p->tape, last, n, p->real + run, list);
        break;
    }
    add_real(p, rg_let(p->tape, rg_sin(sum)));
}

static void record_tensor(program *p, rg_random *random)
{
    if (p->tensor_count == 0 || pick(random, 3) == 0) {
        rg_value in[SIZE];
        for (int i = 0; i < SIZE; i++)
            in[i] = p->value[pick(random, p->count)];
        add_tensor(p, rg_tensor_of(RG_SHAPE(SIZE), in));
        return;
    }
    rg_value x = p->tensor[pick(random, p->tensor_count)], s = p->value[pick(random, p->count)];
    switch (pick(random, 5)) {
    case 0: add_tensor(p, rg_tanh(rg_mul(x, s))); break;
    case 1: add_tensor(p, rg_flip(rg_sin(x), RG_AXES(0))); break;
    case 2: add_value(p, rg_cast(rg_tanh(rg_sum(x)), RG_F64)); break;
    default: add_value(p, rg_at(x, RG_AXES(pick(random, SIZE)))); break;
    }
}

static void record(program *p, uint64_t seed)
{
    rg_random random = rg_random_create(seed);
    p->step[p->step_count++] = seed;
    int kind = p->count == 0 ? 0 : pick(&random, 12);
    if (p->count == 0)
        add_value(p, rg_input(p->tape, 0.9));
    else if (kind < 2)
        record_leaf(p, &random);
    else if (kind < 5)
        record_scalar(p, &random);
    else if (kind < 8)
        record_statement(p, &random);
    else if (kind < 10)
        record_list(p, &random);
    else
        record_tensor(p, &random);
    cr_assert(rg_tape_status(p->tape) == RG_OK, "%s", rg_tape_message(p->tape));
}

/* ---- what must hold ---- */

/* The invariant of `dirty`, up to the end of what may ever have been written. */
static void check_nothing_left(const rg_tape *on)
{
    for (uint64_t node = on->dirty + 1; node < on->capacity; node++)
        cr_assert(on->cursor.adjoint[node] == 0, "node %d was left with %g; dirty: %d", (int)node,
                  on->cursor.adjoint[node], (int)on->dirty);
}

static int is_input(const rg_tape *on, rg_value x)
{
    const uint32_t node = rgi_node(on, x.serial);
    const int code = on->cursor.code[node];
    return code == RGI_CODE_INPUT || (code == RGI_CODE_RECORD && !rgi_record_of(on, node)->op);
}

/* The first statements of a tape keep equal variables apart, so the last bits may differ. */
static const double near = 1e-12;

static void check_equal(const char *what, int i, int size, const double *got, const double *want)
{
    for (int k = 0; k < size; k++)
        cr_assert(is_near(got[k], want[k], near), "%s %d: %.17g, not %.17g", what, i, got[k],
                  want[k]);
}

/* The same live program on a new tape, swept once. */
static void check_sweep(const program *p, int root, int keep)
{
    program *once = program_create();
    for (int i = 0; i < p->step_count; i++)
        record(once, p->step[i]);
    cr_assert(once->count == p->count && once->tensor_count == p->tensor_count);
    CHECK_STATUS(rg_backward(once->value[root]), RG_OK);
    for (int i = 0; i < p->count; i++) {
        const double want = rg_grad(once->value[i]), got = rg_grad(p->value[i]);
        const uint32_t node = rgi_node(p->tape, p->value[i].serial);
        const int lost = !keep && node <= p->tape->swept && rgi_is_active(p->tape, node) &&
                         !is_input(p->tape, p->value[i]);
        cr_assert(lost ? isnan(got) : is_near(got, want, near),
                  "scalar %d of %d, root %d: %.17g, not %.17g", i, p->count, root, got, want);
    }
    for (int i = 0; i < p->tensor_count; i++) {
        double want[SIZE], got[SIZE];
        rg_read_grad(once->tensor[i], want);
        rg_read_grad(p->tensor[i], got);
        check_equal("tensor", i, SIZE, got, want);
    }
    double want[SIZE], got[SIZE];
    rg_param_read_grad(once->scalar, want);
    rg_param_read_grad(p->scalar, got);
    check_equal("parameter", 0, 1, got, want);
    rg_param_read_grad(once->vector, want);
    rg_param_read_grad(p->vector, got);
    check_equal("parameter", 1, SIZE, got, want);
    program_destroy(once);
}

/* ---- sweeps that fail ---- */

static rg_status pass_forward(rg_call *call)
{
    *(double *)call->out->data = *(const double *)call->in[0]->data;
    return RG_OK;
}

static void failing_backward(rg_call *call)
{
    *(double *)call->in[0]->grad = 1;
    rg_call_fail(call, RG_ERROR_NUMERIC, "it was asked to");
}

static const rg_op failing_op = {.name = "failing",
                                 .arity = 1,
                                 .types = RG_OP_F64,
                                 .forward = pass_forward,
                                 .backward = failing_backward};

/* In the middle of a sweep: by an operation, by a search, by an overwritten operand. */
static void fail_a_sweep(program *p, rg_random *random)
{
    const rg_mark mark = rg_tape_mark(p->tape);
    rg_value x = p->value[pick(random, p->count)], y = rg_sin(x);
    rg_status want = RG_ERROR_NUMERIC;
    if (pick(random, 3) == 0) {
        y = rg_record(&failing_op, 1, &y, NULL);
    } else if (pick(random, 2)) {
        rg_tape_find_anomalies(p->tape, 1);
        rg_real z = rg_let(p->tape, y);
        y = rg_value_of(p->tape, rg_let_partials(p->tape, 1, 1, &z, (double[]){NAN}));
    } else {
        rg_value fresh = rg_input(p->tape, 1);
        y = rg_mul(y, fresh);
        rg_write(fresh, (double[]){2});
        want = RG_ERROR_STATE;
    }
    const rg_value roots[2] = {rg_mul(y, x), p->value[p->count - 1]};
    rg_status status = rg_backward_sum(2, roots, NULL);
    /* A constant gets no gradient, so none that is not finite. */
    cr_assert(status == want || (status == RG_OK && want == RG_ERROR_NUMERIC), "%s",
              rg_tape_message(p->tape));
    check_nothing_left(p->tape);
    rg_tape_find_anomalies(p->tape, 0);
    rg_tape_rewind(p->tape, mark);
    rg_param_zero_grad(p->scalar);
    rg_param_zero_grad(p->vector);
}

/* ---- the stress ---- */

typedef struct position {
    rg_mark mark;
    int count, tensor_count, step_count;
} position;

static void rewind_to(program *p, const position *to)
{
    CHECK_STATUS(rg_tape_rewind(p->tape, to->mark), RG_OK);
    p->count = to->count;
    p->tensor_count = to->tensor_count;
    p->step_count = to->step_count;
}

static void stress(uint64_t seed)
{
    enum { ROUNDS = 60, POSITIONS = 8 };
    rg_random random = rg_random_create(seed);
    program *p = program_create();
    position positions[POSITIONS];
    int position_count = 0, keep = 1;
    for (int round = 0; round < ROUNDS; round++) {
        int more = pick(&random, 20);
        for (int i = 0; (i < more || p->count == 0) && p->step_count < MOST - 20; i++)
            record(p, rg_random_bits(&random));
        if (pick(&random, 3) == 0)
            rg_tape_keep_adjoints(p->tape, keep = pick(&random, 2));
        if (pick(&random, 4) == 0)
            fail_a_sweep(p, &random);
        rg_param_zero_grad(p->scalar);
        rg_param_zero_grad(p->vector);
        int root = pick(&random, p->count);
        CHECK_STATUS(rg_backward(p->value[root]), RG_OK);
        check_nothing_left(p->tape);
        check_sweep(p, root, keep);
        if (position_count < POSITIONS && pick(&random, 3) == 0)
            positions[position_count++] =
                (position){rg_tape_mark(p->tape), p->count, p->tensor_count, p->step_count};
        if (position_count > 0 && pick(&random, 3) == 0) {
            position_count = 1 + pick(&random, position_count);
            rewind_to(p, &positions[position_count - 1]);
        }
        if (pick(&random, 20) == 0) {
            rg_tape_reset(p->tape);
            p->count = p->tensor_count = p->step_count = position_count = 0;
        }
    }
    program_destroy(p);
}

Test(adjoints, random_programs_give_the_same_gradients_kept_or_not)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        stress(seed);
}
