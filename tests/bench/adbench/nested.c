#include "nested.h"

void record_gradient(mode mode, rg_value y, int count, const rg_value *xs, rg_value *slopes)
{
    if (mode == REVERSE) {
        rg_grad_values(y, (rg_value){0}, count, xs, slopes);
        return;
    }
    rg_value one = rg_constant(y.tape, 1);
    for (int i = 0; i < count; i++)
        slopes[i] = rg_jvp(y, 1, xs + i, &one);
}

void read_gradient(mode mode, rg_value y, int count, const rg_value *xs, double *slopes)
{
    rg_value one = rg_constant(y.tape, 1);
    if (mode == REVERSE)
        rg_backward(y);
    for (int i = 0; i < count; i++)
        slopes[i] = mode == REVERSE ? rg_grad(xs[i]) : rg_item(rg_jvp(y, 1, xs + i, &one));
    stop_on_tape_error(y.tape);
}

void set_nested_answers(bench *bench, size_t rows, nested_answer *rr, nested_answer *rf,
                        nested_answer *fr, nested_answer *ff)
{
    bench->count = 4;
    bench->answers[0] = (bench_answer){.key = "rr", .rows = rows, .compute = rr};
    bench->answers[1] = (bench_answer){.key = "rf", .rows = rows, .compute = rf};
    bench->answers[2] = (bench_answer){.key = "fr", .rows = rows, .compute = fr};
    bench->answers[3] = (bench_answer){.key = "ff", .rows = rows, .compute = ff};
}
