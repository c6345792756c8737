/*
 * program.c: a PROG block, recorded as scalars and again with every node as a tensor of shape [1]:
 * value, gradient, Hessian times V, and the first four derivatives along V.
 */
#include <stdlib.h>
#include <string.h>

#include "reference.h"

enum { ORDERS = 4 };

typedef struct program {
    const ref_block *block;
    const char *way;
    rg_tape *tape;
    rg_value *value;    /* of each node */
    rg_value *gradient; /* recorded, of each input */
    ref_outcome *outcome;
} program;

static bool record_node(const program *p, int number, const ref_node *node, rg_shape shape)
{
    if (node->argument_count == 0) {
        p->value[number] = rg_constant_f64(p->tape, shape, &node->number);
        return true;
    }
    const ref_operator *operator= ref_find_operator(node->op);
    if (!operator|| !ref_is_elementwise(operator))
        return ref_set(p->outcome, REF_SKIP, "%s, in a program, is not in the library", node->op);
    rg_value argument[2];
    for (int i = 0; i < node->argument_count; i++)
        argument[i] = p->value[node->argument[i]];
    p->value[number] =
        ref_apply_plain(operator, p->tape, node->argument_count, argument, p->outcome);
    return p->outcome->verdict == REF_PASS;
}

static bool record(const program *p, rg_shape shape)
{
    const ref_block *block = p->block;
    for (int i = 0; i < block->input_count; i++)
        p->value[i] = rg_input_f64(p->tape, shape, &block->x[i]);
    for (int i = 0; i < block->node_count; i++)
        if (!record_node(p, block->input_count + i, &block->node[i], shape))
            return false;
    return true;
}

static void compare(const program *p, const char *what, int element, double got, double want,
                    double tolerance)
{
    char text[64];
    snprintf(text, sizeof text, "%s: %s", p->way, what);
    ref_compare_number(p->outcome, text, element, got, want, tolerance);
}

/* Compares the gradient of the last sweep. */
static void compare_sweep(const program *p, const char *what, const double *want, double tolerance)
{
    for (int i = 0; i < p->block->input_count; i++)
        compare(p, what, i, rg_grad(p->value[i]), want[i], tolerance);
}

/* Records the gradient of y, and returns its product with V. */
static rg_value record_slope(const program *p, rg_value y)
{
    const ref_block *block = p->block;
    rg_grad_values(y, (rg_value){NULL, 0}, block->input_count, p->value, p->gradient);
    rg_value slope = rg_constant(p->tape, 0);
    for (int i = 0; i < block->input_count && block->v; i++)
        slope = rg_add(slope, rg_mul(p->gradient[i], block->v[i]));
    return slope;
}

static void compare_derivatives(const program *p)
{
    static const double tolerance[ORDERS] = {1e-9, 1e-9, 1e-8, 1e-8};
    const ref_block *block = p->block;
    rg_value y = p->value[block->input_count + block->node_count - 1];
    compare(p, "F", 0, rg_item(y), *block->f, 1e-12);
    rg_backward(y);
    compare_sweep(p, "G", block->g, 1e-10);
    for (int order = 0; order < ORDERS; order++) {
        y = record_slope(p, y);
        for (int i = 0; i < block->input_count && order == 0; i++)
            compare(p, "recorded G", i, rg_item(p->gradient[i]), block->g[i], 1e-10);
        if (order == 0 && block->h) {
            rg_backward(y);
            compare_sweep(p, "H", block->h, 1e-9);
        }
        if (!block->d)
            break;
        compare(p, "D", order, rg_item(y), block->d[order], tolerance[order]);
    }
    if (rg_tape_status(p->tape) != RG_OK)
        ref_set(p->outcome, REF_FAIL, "%s: %s", p->way, rg_tape_message(p->tape));
}

void ref_run_program(const ref_block *block, ref_outcome *outcome)
{
    const struct {
        const char *name;
        rg_shape shape;
    } way[] = {{"scalars", RG_SCALAR}, {"tensors", RG_SHAPE(1)}};
    int count = block->input_count + block->node_count;
    program p = {.block = block, .outcome = outcome};
    p.value = ref_alloc((size_t)(count + block->input_count) * sizeof *p.value);
    p.gradient = p.value + count;
    for (int i = 0; i < 2 && outcome->verdict == REF_PASS; i++) {
        p.way = way[i].name;
        p.tape = rg_tape_create();
        if (record(&p, way[i].shape))
            compare_derivatives(&p);
        rg_tape_destroy(p.tape);
    }
    free(p.value);
}
