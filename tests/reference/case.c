/*
 * case.c: a CASE block, computed in several ways: dense, again, through views, with parameters, and
 * element by element as recorded scalars; first for G, then for H.
 *
 * Every way gives its numbers in one list: the elements of every Y, then the gradient of each X
 * that has one. For G it is that of L = sum U Y, by the kernels. For H it is that of sum G V, where
 * G is the recorded gradient of L.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

enum { SMALL = 64 };

typedef struct runner {
    const ref_block *block;
    const ref_operator *operator;
    const ref_tensor *y;    /* the first one: the others have no gradient */
    const double *upstream; /* NULL: the case has no U */
    rg_type type;
    bool second;    /* H is computed, not G */
    int64_t y_size; /* of all Y together */
    int64_t size;   /* of a list of numbers */
    ref_outcome *outcome;
} runner;

/* ---- one way ---- */

static bool is_healthy(const runner *r, const rg_tape *tape, const char *way)
{
    if (r->outcome->verdict != REF_PASS)
        return false;
    if (rg_tape_status(tape) == RG_OK)
        return true;
    return ref_set(r->outcome, REF_FAIL, "%s: %s", way, rg_tape_message(tape));
}

static bool has_gradient(const ref_tensor *tensor)
{
    return tensor->tag == 'X' && tensor->grad;
}

int64_t ref_broadcast_place(const rg_shape *out, const rg_shape *in, int64_t place)
{
    int64_t result = 0, stride = 1;
    for (int i = 1; i <= in->rank; i++) {
        int64_t dim = out->dim[out->rank - i], own = in->dim[in->rank - i];
        result += place % dim % own * stride;
        place /= dim;
        stride *= own;
    }
    return result;
}

/* A constant like x, with these numbers. */
static rg_value constant_like(rg_value x, const double *numbers)
{
    rg_value constant = rg_constant_tensor(x.tape, rg_get_type(x), rg_get_shape(x), NULL);
    rg_write(constant, numbers);
    return constant;
}

/* Compares a recorded gradient with G. */
static bool check_recorded(const runner *r, const ref_tensor *want, rg_value g, const char *way)
{
    char what[64];
    double *numbers = ref_alloc_doubles(want->size);
    snprintf(what, sizeof what, "%s, recorded", way);
    rg_read(g, numbers);
    bool good =
        ref_compare(r->outcome, what, want, numbers, ref_tolerance_of(r->block, 'G', r->type));
    free(numbers);
    return good;
}

/* Records sum G V, G being the recorded gradient of sum upstream y. With `place` not negative the
 * values are scalars that make this element of the result. */
static rg_value record_slope(const runner *r, rg_value y, const rg_value *value,
                             const double *upstream, int64_t place, const char *way)
{
    const ref_block *block = r->block;
    rg_value x[REF_MAX_TENSORS], g[REF_MAX_TENSORS], sum = rg_constant(y.tape, 0);
    const char *name[REF_MAX_TENSORS];
    int count = 0;
    for (int i = 0; i < block->tensor_count; i++)
        if (has_gradient(&block->tensor[i])) {
            x[count] = value[i];
            name[count++] = block->tensor[i].name;
        }
    rg_grad_values(y, constant_like(y, upstream), count, x, g);
    for (int k = 0; k < count && rg_tape_status(y.tape) == RG_OK; k++) {
        const ref_tensor *v = ref_find_tensor(block, 'V', name[k]);
        if (place < 0 && !check_recorded(r, ref_find_tensor(block, 'G', name[k]), g[k], way))
            break;
        if (!v)
            continue;
        int64_t at = place < 0 ? 0 : ref_broadcast_place(&r->y->shape, &v->shape, place);
        rg_value term = rg_sum(rg_mul(g[k], constant_like(g[k], v->value + at)));
        sum = rg_add(sum, rg_cast(term, RG_F64));
    }
    return sum;
}

static bool sweep(const runner *r, rg_value y, const rg_value *value, const double *upstream,
                  int64_t place, const char *way)
{
    if (r->second)
        rg_backward(record_slope(r, y, value, upstream, place, way));
    else if (upstream)
        rg_backward_with(y, upstream);
    return is_healthy(r, y.tape, way);
}

/* Reads a result if it has the shape of its Y. */
static bool read_result(const runner *r, rg_value result, const ref_tensor *y, const char *way,
                        double *numbers)
{
    rg_shape shape = rg_get_shape(result);
    if (rg_is_live(result) && rg_shape_equal(&shape, &y->shape))
        return rg_read(result, numbers) == RG_OK;
    char got[RG_SHAPE_TEXT_SIZE], want[RG_SHAPE_TEXT_SIZE];
    return ref_set(r->outcome, REF_FAIL, "%s: %s has shape %s instead of %s", way, y->name,
                   rg_shape_text(&shape, got), rg_shape_text(&y->shape, want));
}

/* Records the operator on the values and sweeps; the elements of every Y go to `numbers`. */
static bool record_and_sweep(const runner *r, rg_tape *tape, const rg_value *value, const char *way,
                             double *numbers)
{
    ref_call call = {.tape = tape, .block = r->block, .value = value, .outcome = r->outcome};
    rg_value y = ref_apply(r->operator, & call);
    int further = 0;
    if (!is_healthy(r, tape, way))
        return false;
    for (int i = 0; i < r->block->tensor_count; i++) {
        const ref_tensor *want = &r->block->tensor[i];
        if (want->tag != 'Y')
            continue;
        if (want != r->y && further == REF_MAX_FURTHER)
            return ref_set(r->outcome, REF_SKIP, "so many outputs");
        if (!read_result(r, want == r->y ? y : call.further[further++], want, way, numbers))
            return false;
        numbers += want->size;
    }
    return sweep(r, y, value, r->upstream, -1, way);
}

static bool compute_placed(const runner *r, ref_layout layout, rg_tape *tape, double *numbers)
{
    static const char *const way[REF_LAYOUTS] = {"dense", "every second element", "transposed"};
    const ref_block *block = r->block;
    ref_placed placed[REF_MAX_TENSORS];
    rg_value value[REF_MAX_TENSORS];
    for (int i = 0; i < block->tensor_count; i++) {
        const ref_tensor *tensor = &block->tensor[i];
        if (tensor->tag != 'X' && tensor->tag != 'I')
            continue;
        placed[i] = ref_place(tape, tensor->tag == 'I' ? RG_I64 : r->type, tensor, layout);
        value[i] = placed[i].view;
    }
    if (!record_and_sweep(r, tape, value, way[layout], numbers))
        return false;
    numbers += r->y_size;
    for (int i = 0; i < block->tensor_count; i++) {
        const ref_tensor *tensor = &block->tensor[i];
        if (!has_gradient(tensor))
            continue;
        rg_read_grad(placed[i].view, numbers);
        numbers += tensor->size;
        if (!ref_padding_is_clean(&placed[i], tensor, layout))
            return ref_set(r->outcome, REF_FAIL, "%s: the storage behind X %s has a wrong gradient",
                           way[layout], tensor->name);
    }
    return true;
}

/* Compares a list of numbers with what the case expects. */
static bool compare_numbers(const runner *r, const char *way, const double *numbers)
{
    const char tag = r->second ? 'H' : 'G';
    for (int i = 0; i < r->block->tensor_count; i++) {
        const ref_tensor *y = &r->block->tensor[i];
        if (y->tag != 'Y')
            continue;
        if (!ref_compare(r->outcome, way, y, numbers, ref_tolerance_of(r->block, 'Y', r->type)))
            return false;
        numbers += y->size;
    }
    for (int i = 0; i < r->block->tensor_count; i++) {
        const ref_tensor *tensor = &r->block->tensor[i];
        if (!has_gradient(tensor))
            continue;
        const ref_tensor *want = ref_find_tensor(r->block, tag, tensor->name);
        if (want &&
            !ref_compare(r->outcome, way, want, numbers, ref_tolerance_of(r->block, tag, r->type)))
            return false;
        numbers += tensor->size;
    }
    return true;
}

/* ---- parameters ---- */

/* Sweeps twice into the same parameters; `numbers` become those of the first sweep. */
static bool sweep_params(const runner *r, rg_tape *tape, rg_param **param, double *numbers)
{
    const ref_block *block = r->block;
    rg_value value[REF_MAX_TENSORS];
    for (int i = 0; i < block->tensor_count; i++) {
        const ref_tensor *tensor = &block->tensor[i];
        if (tensor->tag == 'X' || tensor->tag == 'I')
            value[i] =
                param[i] ? rg_use(tape, param[i])
                         : ref_place(tape, tensor->tag == 'I' ? RG_I64 : r->type, tensor, REF_DENSE)
                               .view;
    }
    return record_and_sweep(r, tape, value, "parameters", numbers);
}

static bool compare_params(const runner *r, rg_tape *tape, rg_param **param, const double *once)
{
    bool same = true;
    double *numbers = ref_alloc_doubles(r->size), *place = numbers + r->y_size;
    for (int sweep = 1; same && sweep <= 2; sweep++, place = numbers + r->y_size) {
        rg_tape_reset(tape);
        same = sweep_params(r, tape, param, numbers);
        for (int i = 0; i < r->block->tensor_count; i++)
            if (param[i]) {
                rg_param_read_grad(param[i], place);
                place += rg_param_size(param[i]);
            }
        for (double *g = numbers + r->y_size; g < place; g++)
            *g /= sweep; /* exact, as is the doubling that it undoes */
        if (same && r->upstream && !ref_same(numbers, once, r->size))
            same = ref_set(r->outcome, REF_FAIL,
                           "parameters: after %d sweeps the gradient is not %d times the input's",
                           sweep, sweep);
    }
    free(numbers);
    return same;
}

static bool check_params(const runner *r, const double *once)
{
    rg_param *param[REF_MAX_TENSORS] = {NULL};
    bool good = true;
    for (int i = 0; i < r->block->tensor_count; i++) {
        const ref_tensor *tensor = &r->block->tensor[i];
        if (!has_gradient(tensor))
            continue;
        param[i] = rg_param_create(NULL, r->type, tensor->shape);
        if (!param[i])
            good =
                ref_set(r->outcome, REF_FAIL, "parameters: X %s cannot be created", tensor->name);
        else
            rg_param_write(param[i], tensor->value);
    }
    rg_tape *tape = rg_tape_create();
    good = good && compare_params(r, tape, param, once);
    rg_tape_destroy(tape);
    for (int i = 0; i < r->block->tensor_count; i++)
        rg_param_destroy(param[i]);
    return good;
}

/* ---- recorded scalars ---- */

/* Element `place` of the result from the scalars it depends on; gradients are added up. */
static bool compute_element(const runner *r, rg_tape *tape, int64_t place, double *numbers)
{
    const ref_block *block = r->block;
    rg_value value[REF_MAX_TENSORS];
    rg_tape_reset(tape);
    for (int i = 0; i < block->tensor_count; i++) {
        const ref_tensor *t = &block->tensor[i];
        if (t->tag != 'X')
            continue;
        double x = t->value[ref_broadcast_place(&r->y->shape, &t->shape, place)];
        value[i] = t->grad ? rg_input(tape, x) : rg_constant(tape, x);
    }
    ref_call call = {.tape = tape, .block = block, .value = value, .outcome = r->outcome};
    rg_value y = ref_apply(r->operator, & call);
    if (!is_healthy(r, tape, "scalars") ||
        !sweep(r, y, value, r->upstream ? &r->upstream[place] : NULL, place, "scalars"))
        return false;
    numbers[place] = rg_item(y);
    double *grad = numbers + r->y_size;
    for (int i = 0; i < block->tensor_count; i++) {
        const ref_tensor *t = &block->tensor[i];
        if (!has_gradient(t))
            continue;
        grad[ref_broadcast_place(&r->y->shape, &t->shape, place)] += rg_grad(value[i]);
        grad += t->size;
    }
    return true;
}

bool ref_is_broadcast(const ref_block *block, const ref_tensor *y)
{
    for (int k = 0; k < block->tensor_count; k++) {
        const ref_tensor *t = &block->tensor[k];
        if (t->tag != 'X')
            continue;
        if (t->shape.rank > y->shape.rank)
            return false;
        for (int i = 1; i <= t->shape.rank; i++) {
            int64_t dim = t->shape.dim[t->shape.rank - i];
            if (dim != 1 && dim != y->shape.dim[y->shape.rank - i])
                return false;
        }
    }
    return true;
}

static bool check_scalars(const runner *r)
{
    double *numbers = ref_alloc_doubles(r->size);
    for (int64_t i = 0; i < r->size; i++)
        numbers[i] = 0;
    rg_tape *tape = rg_tape_create();
    bool good = true;
    for (int64_t i = 0; good && i < r->y->size; i++)
        good = compute_element(r, tape, i, numbers);
    good = good && compare_numbers(r, "scalars", numbers);
    rg_tape_destroy(tape);
    free(numbers);
    return good;
}

/* ---- all ways ---- */

static bool compute(const runner *r, ref_layout layout, double *numbers)
{
    rg_tape *tape = rg_tape_create();
    bool good = compute_placed(r, layout, tape, numbers);
    rg_tape_destroy(tape);
    return good;
}

static bool check_views(const runner *r, double *numbers)
{
    return compute(r, REF_STEPPED, numbers) &&
           compare_numbers(r, "every second element", numbers) &&
           compute(r, REF_TRANSPOSED, numbers) && compare_numbers(r, "transposed", numbers);
}

static void check_all(const runner *r)
{
    double *once = ref_alloc_doubles(r->size), *again = ref_alloc_doubles(r->size);
    if (compute(r, REF_DENSE, once) && compare_numbers(r, "dense", once) && r->type == RG_F64 &&
        compute(r, REF_DENSE, again)) {
        if (!ref_same(once, again, r->size))
            ref_set(r->outcome, REF_FAIL, "dense: the second time gives other bits");
        else if (check_views(r, again) && check_params(r, once) &&
                 ref_is_elementwise(r->operator) && ref_is_broadcast(r->block, r->y) &&
                 r->y->size <= SMALL)
            check_scalars(r);
    }
    free(once);
    free(again);
}

/* Whether a case asks for more than float32 can hold. */
static bool is_beyond_float32(const ref_block *block)
{
    static const char *const tags[] = {"wide", "saturated", "shift"};
    const ref_attribute *tag = ref_find_attribute(block, "tag");
    for (size_t i = 0; tag && tag->word && i < sizeof tags / sizeof *tags; i++)
        if (!strcmp(tag->word, tags[i]))
            return true;
    return false;
}

void ref_run_case(const ref_block *block, rg_type type, ref_outcome *outcome)
{
    runner r = {.block = block, .type = type, .outcome = outcome};
    r.operator= ref_find_operator(block->op);
    if (!r.operator) {
        ref_set(outcome, REF_SKIP, "%s is not in the library", block->op);
        return;
    }
    if (type == RG_F32 && is_beyond_float32(block)) {
        ref_set(outcome, REF_SKIP, "its numbers are beyond float32");
        return;
    }
    for (int i = 0; i < block->tensor_count; i++) {
        const ref_tensor *tensor = &block->tensor[i];
        if (tensor->tag == 'Y') {
            r.y = r.y ? r.y : tensor;
            r.y_size += tensor->size;
        }
        if (tensor->tag == 'Y' || has_gradient(tensor))
            r.size += tensor->size;
    }
    const ref_tensor *u = ref_find_tensor(block, 'U', r.y->name);
    r.upstream = u ? u->value : NULL;
    check_all(&r);
    r.second = true;
    if (u && type == RG_F64 && outcome->verdict == REF_PASS)
        check_all(&r);
}
