/*
 * precise.c: errors in units of the last place. Each row is computed as recorded scalars and as
 * tensors long enough for the vector kernels; the first derivatives by the kernels and as recorded
 * gradients, the second ones from those. The worst of all results counts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

enum { MAX_OPERATORS = 200, WIDTH = 16, ORDERS = REF_ORDERS };

/* What is asked for, in units: of values, first and second derivatives; and of each of them. */
static const double good_ulp[ORDERS] = {4, 8, 16};
static const double wrong_ulp = 10000;
static const double good_share = 0.995; /* of the rows of a file */

/* Errors of the values, or the derivatives of one order, of an operator. */
typedef struct errors {
    double largest;
    int64_t good;
} errors;

typedef struct row_count {
    char name[32];
    int64_t rows, good;
    errors order[ORDERS];
} row_count;

struct ref_precision {
    int orders; /* of derivatives, the value included, that are looked at */
    int count;
    row_count operators[MAX_OPERATORS];
};

ref_precision *ref_precision_create(int orders)
{
    ref_precision *precision = ref_alloc(sizeof *precision);
    memset(precision, 0, sizeof *precision);
    precision->orders = orders;
    return precision;
}

void ref_precision_destroy(ref_precision *precision)
{
    free(precision);
}

static row_count *find_rows(ref_precision *precision, const char *name)
{
    for (int i = 0; i < precision->count; i++)
        if (!strcmp(precision->operators[i].name, name))
            return &precision->operators[i];
    if (precision->count == MAX_OPERATORS)
        return &precision->operators[MAX_OPERATORS - 1];
    row_count *rows = &precision->operators[precision->count++];
    snprintf(rows->name, sizeof rows->name, "%s", name);
    return rows;
}

/* ---- errors ---- */

/* lgamma and digamma are judged by their absolute error near their zeros. */
static double error_of(const ref_block *block, double got, double want)
{
    bool has_zeros = !strcmp(block->op, "lgamma") || !strcmp(block->op, "digamma");
    return has_zeros && fabs(got - want) <= 1e-15 ? 0 : ref_ulp(got, want);
}

void ref_keep_error(const ref_block *block, double error[REF_ORDERS], int order, double got,
                    int place)
{
    error[order] = fmax(error[order], error_of(block, got, block->number[place]));
}

void ref_count_precise(ref_precision *precision, const ref_block *block,
                       const double error[REF_ORDERS], ref_outcome *outcome)
{
    row_count *rows = find_rows(precision, block->op);
    bool good = true;
    rows->rows++;
    for (int order = 0; order < precision->orders; order++) {
        errors *all = &rows->order[order];
        bool within = error[order] <= good_ulp[order];
        all->largest = fmax(all->largest, error[order]);
        all->good += within;
        good = good && within;
        if (!(error[order] <= wrong_ulp))
            ref_set(outcome, REF_FAIL, "at %.17g a derivative of order %d is off by %.3g ulp",
                    block->number[0], order, error[order]);
    }
    rows->good += good;
}

/* ---- one row ---- */

/* A row in the making: `arguments` x, or a and b, recorded in one shape. */
typedef struct row {
    const ref_block *block;
    int arguments;
    rg_value in[2], y, grad[2];
    int64_t size;
    double error[ORDERS]; /* the worst */
} row;

/* Compares elements with number `place` of the row, a derivative of this order. */
static void keep_errors(row *r, int order, const double *numbers, int place)
{
    for (int64_t i = 0; i < r->size; i++)
        ref_keep_error(r->block, r->error, order, numbers[i], place);
}

/* The numbers of a row: arguments, f, first derivatives, second ones: f'' or faa, fab, fbb. */
static void compare_row(row *r)
{
    double ones[WIDTH], numbers[WIDTH];
    int first = r->arguments + 1, second = first + r->arguments;
    for (int i = 0; i < WIDTH; i++)
        ones[i] = 1;
    rg_read(r->y, numbers);
    keep_errors(r, 0, numbers, r->arguments);
    rg_backward_with(r->y, ones);
    for (int k = 0; k < r->arguments; k++) {
        rg_read_grad(r->in[k], numbers);
        keep_errors(r, 1, numbers, first + k);
    }
    rg_value u = rg_constant_f64(r->y.tape, rg_get_shape(r->y), ones);
    if (rg_grad_values(r->y, u, r->arguments, r->in, r->grad) != RG_OK)
        return;
    for (int k = 0; k < r->arguments; k++) {
        rg_read(r->grad[k], numbers);
        keep_errors(r, 1, numbers, first + k);
        rg_backward_with(r->grad[k], ones);
        for (int l = 0; l < r->arguments; l++) {
            rg_read_grad(r->in[l], numbers);
            keep_errors(r, 2, numbers, second + k + l);
        }
    }
}

/* Computes the row on inputs of equal elements. */
static void compute_row(row *r, const ref_operator *operator, rg_tape * tape, rg_shape shape,
                        ref_outcome *outcome)
{
    r->size = rg_shape_size(&shape);
    for (int k = 0; k < r->arguments; k++) {
        double numbers[WIDTH];
        for (int64_t i = 0; i < r->size; i++)
            numbers[i] = r->block->number[k];
        r->in[k] = rg_input_f64(tape, shape, numbers);
    }
    r->y = ref_apply_plain(operator, tape, r->arguments, r->in, outcome);
    if (outcome->verdict == REF_PASS && rg_tape_status(tape) == RG_OK && rg_size(r->y) == r->size)
        compare_row(r);
    if (rg_tape_status(tape) != RG_OK)
        ref_set(outcome, REF_FAIL, "%s", rg_tape_message(tape));
}

void ref_run_precise(ref_precision *precision, const ref_block *block, ref_outcome *outcome)
{
    const rg_shape shapes[] = {RG_SCALAR, RG_SHAPE(WIDTH)};
    const ref_operator *operator= ref_find_operator(block->op);
    if (!operator|| !ref_is_elementwise(operator)) {
        ref_set(outcome, REF_SKIP, "%s is not in the library", block->op);
        return;
    }
    row r = {.block = block, .arguments = block->number_count == 4 ? 1 : 2};
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < 2 && outcome->verdict == REF_PASS; i++)
        compute_row(&r, operator, tape, shapes[i], outcome);
    rg_tape_destroy(tape);
    if (outcome->verdict == REF_PASS)
        ref_count_precise(precision, block, r.error, outcome);
}

/* ---- the distribution ---- */

static double percent(int64_t part, int64_t whole)
{
    return 100.0 * (double)part / (double)whole;
}

bool ref_print_precision(const ref_precision *precision)
{
    static const char *const name[ORDERS] = {"f", "f'", "f''"};
    static const char *const limits[ORDERS] = {"4", "4 and 8", "4, 8 and 16"};
    int64_t all = 0, good = 0;
    for (int i = 0; i < precision->count; i++) {
        const row_count *rows = &precision->operators[i];
        printf("  %-10s %4lld rows", rows->name, (long long)rows->rows);
        for (int order = 0; order < precision->orders; order++)
            printf("  %s: at most %.4g ulp, %.1f %% within %g", name[order],
                   rows->order[order].largest, percent(rows->order[order].good, rows->rows),
                   good_ulp[order]);
        putchar('\n');
        all += rows->rows;
        good += rows->good;
    }
    if (all == 0)
        return true;
    printf("  precision: %.2f %% of %lld rows are within %s ulp\n", percent(good, all),
           (long long)all, limits[precision->orders - 1]);
    return (double)good >= good_share * (double)all;
}
