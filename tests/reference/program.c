/*
 * program.c: a PROG block, recorded as scalars and again with every node as a tensor of shape [1]:
 * value, gradient, and the first directional derivative, which follows from it. What is of higher
 * order (H, and D from the second number on) is read but not computed.
 */
#include <stdlib.h>
#include <string.h>

#include "reference.h"

static bool record_node(const ref_node *node, rg_tape *tape, rg_shape shape, rg_value *value,
                        int number, ref_outcome *outcome)
{
    if (node->argument_count == 0) {
        value[number] = rg_constant_f64(tape, shape, &node->number);
        return true;
    }
    const ref_operator *operator= ref_find_operator(node->op);
    if (!operator|| !ref_is_elementwise(operator))
        return ref_set(outcome, REF_SKIP, "%s, in a program, is not in the library", node->op);
    rg_value argument[2];
    for (int i = 0; i < node->argument_count; i++)
        argument[i] = value[node->argument[i]];
    value[number] = ref_apply_plain(operator, tape, node->argument_count, argument, outcome);
    return outcome->verdict == REF_PASS;
}

static bool record(const ref_block *block, rg_tape *tape, rg_shape shape, rg_value *value,
                   ref_outcome *outcome)
{
    int number = 0;
    for (; number < block->input_count; number++)
        value[number] = rg_input_f64(tape, shape, &block->x[number]);
    for (int i = 0; i < block->node_count; i++, number++)
        if (!record_node(&block->node[i], tape, shape, value, number, outcome))
            return false;
    if (rg_backward(value[number - 1]) != RG_OK)
        return ref_set(outcome, REF_FAIL, "%s", rg_tape_message(tape));
    return true;
}

static void compare(const ref_block *block, const rg_value *value, const char *way,
                    ref_outcome *outcome)
{
    char what[64];
    int last = block->input_count + block->node_count - 1;
    snprintf(what, sizeof what, "%s: F", way);
    ref_compare_number(outcome, what, 0, rg_item(value[last]), *block->f, 1e-12);
    snprintf(what, sizeof what, "%s: G", way);
    double along = 0;
    for (int i = 0; i < block->input_count; i++) {
        double grad = rg_grad(value[i]);
        ref_compare_number(outcome, what, i, grad, block->g[i], 1e-10);
        along += block->v ? grad * block->v[i] : 0;
    }
    snprintf(what, sizeof what, "%s: D", way);
    if (block->d)
        ref_compare_number(outcome, what, 0, along, block->d[0], 1e-9);
}

void ref_run_program(const ref_block *block, ref_outcome *outcome)
{
    const struct {
        const char *name;
        rg_shape shape;
    } way[] = {{"scalars", RG_SCALAR}, {"tensors", RG_SHAPE(1)}};
    int count = block->input_count + block->node_count;
    rg_value *value = ref_alloc((size_t)count * sizeof *value);
    for (int i = 0; i < 2 && outcome->verdict == REF_PASS; i++) {
        rg_tape *tape = rg_tape_create();
        if (record(block, tape, way[i].shape, value, outcome))
            compare(block, value, way[i].name, outcome);
        rg_tape_destroy(tape);
    }
    free(value);
}
