/*
 * precise.c: errors in units of the last place. Each row is computed as recorded scalars and as
 * tensors long enough for the vector kernels; the worst of all results counts. Second derivatives
 * are read but not computed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

enum { MAX_OPERATORS = 200, WIDTH = 16 };

/* Beyond this a value counts as wrong, not as imprecise. */
static const double wrong_ulp = 10000;

/* Errors of one function: the value, or the first derivatives, of an operator. */
typedef struct errors {
    double largest;
    int64_t within_4, within_8;
} errors;

typedef struct row_count {
    char name[32];
    int64_t rows;
    errors value, derivative;
} row_count;

struct ref_precision {
    int count;
    row_count operators[MAX_OPERATORS];
};

ref_precision *ref_precision_create(void)
{
    ref_precision *precision = ref_alloc(sizeof *precision);
    memset(precision, 0, sizeof *precision);
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

static void add_error(errors *all, double ulp)
{
    all->largest = fmax(all->largest, ulp);
    all->within_4 += ulp <= 4;
    all->within_8 += ulp <= 8;
}

/* ---- one row ---- */

/* lgamma and digamma are judged by their absolute error near their zeros. */
static double error_of(const ref_block *block, double got, double want)
{
    bool has_zeros = !strcmp(block->op, "lgamma") || !strcmp(block->op, "digamma");
    return has_zeros && fabs(got - want) <= 1e-15 ? 0 : ref_ulp(got, want);
}

/* Computes the row on inputs of `size` equal elements; keeps the largest errors. */
static bool compute_row(const ref_block *block, const ref_operator *operator, rg_tape * tape,
                        rg_shape shape, double *value_error, double *derivative_error,
                        ref_outcome *outcome)
{
    int count = block->number_count == 4 ? 1 : 2;
    int64_t size = rg_shape_size(&shape);
    double numbers[WIDTH], ones[WIDTH];
    rg_value in[2];
    for (int k = 0; k < count; k++) {
        for (int64_t i = 0; i < size; i++) {
            numbers[i] = block->number[k];
            ones[i] = 1;
        }
        in[k] = rg_input_f64(tape, shape, numbers);
    }
    rg_value y = ref_apply_plain(operator, tape, count, in, outcome);
    if (outcome->verdict != REF_PASS)
        return false;
    if (rg_backward_with(y, ones) != RG_OK || rg_size(y) != size)
        return ref_set(outcome, REF_FAIL, "%s", rg_tape_message(tape));
    rg_read(y, numbers);
    for (int64_t i = 0; i < size; i++)
        *value_error = fmax(*value_error, error_of(block, numbers[i], block->number[count]));
    for (int k = 0; k < count; k++) {
        rg_read_grad(in[k], numbers);
        for (int64_t i = 0; i < size; i++)
            *derivative_error =
                fmax(*derivative_error, error_of(block, numbers[i], block->number[count + 1 + k]));
    }
    return true;
}

void ref_run_precise(ref_precision *precision, const ref_block *block, ref_outcome *outcome)
{
    const rg_shape shapes[] = {RG_SCALAR, RG_SHAPE(WIDTH)};
    const ref_operator *operator= ref_find_operator(block->op);
    if (!operator|| !ref_is_elementwise(operator)) {
        ref_set(outcome, REF_SKIP, "%s is not in the library", block->op);
        return;
    }
    double value_error = 0, derivative_error = 0;
    rg_tape *tape = rg_tape_create();
    for (int i = 0; i < 2; i++)
        if (!compute_row(block, operator, tape, shapes[i], &value_error, &derivative_error,
                         outcome))
            break;
    rg_tape_destroy(tape);
    if (outcome->verdict != REF_PASS)
        return;
    row_count *rows = find_rows(precision, block->op);
    rows->rows++;
    add_error(&rows->value, value_error);
    add_error(&rows->derivative, derivative_error);
    if (!(value_error <= wrong_ulp))
        ref_set(outcome, REF_FAIL, "at %.17g the value is off by %.3g ulp", block->number[0],
                value_error);
}

/* ---- the distribution ---- */

static void print_errors(const char *what, const errors *all, int64_t rows)
{
    printf("  %s: at most %.4g ulp, %.1f %% within 4, %.1f %% within 8", what, all->largest,
           100.0 * (double)all->within_4 / (double)rows,
           100.0 * (double)all->within_8 / (double)rows);
}

void ref_print_precision(const ref_precision *precision)
{
    for (int i = 0; i < precision->count; i++) {
        const row_count *rows = &precision->operators[i];
        printf("  %-10s %4lld rows", rows->name, (long long)rows->rows);
        print_errors("f", &rows->value, rows->rows);
        print_errors("f'", &rows->derivative, rows->rows);
        putchar('\n');
    }
}
