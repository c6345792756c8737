/*
 * list_operations.c: prints ops/README.md from the table of operations, or compares a file with it:
 *
 *     list_operations > ops/README.md
 *     list_operations ops/README.md
 */
#include <stdio.h>
#include <string.h>

#include "../../ops/ops.h"

static const char introduction[] =
    "# Operations\n"
    "\n"
    "Made from the table of operations; do not edit. After a change of an operation, run in the "
    "build\n"
    "folder `tests/ops/list_operations > SOURCE/ops/README.md`; a test says when that is due.\n"
    "\n"
    "In the formulas x, or a, b, c, are the inputs, y is the result, p and q are numbers given "
    "with the\n"
    "call, and g is the gradient of y: the gradient column says what flows to each input. Shapes\n"
    "broadcast by NumPy's rules where inputs meet element by element; the shapes column is an "
    "example:\n"
    "those of a sample's inputs and of its result. The comment of the public function in the "
    "family's\n"
    "header has the details. Operations without a function of their own serve the derivatives of\n"
    "others.\n"
    "\n"
    "| operation | formula | gradient | shapes, for example | kinks, poles and ends |\n"
    "| --- | --- | --- | --- | --- |\n";

/* Writes text for a cell of a Markdown table, in which a bar would end the cell. */
static void put_text(FILE *out, const char *text)
{
    for (; text && *text; text++)
        fprintf(out, *text == '|' || *text == '*' || *text == '_' ? "\\%c" : "%c", *text);
}

/* The last sample whose first input has more than one element; else the first. */
static const rg_sample *example(const rg_op *op)
{
    for (int i = op->sample_count - 1; i > 0; i--)
        if (rg_shape_size(&op->samples[i].shape[0]) > 1)
            return &op->samples[i];
    return op->samples;
}

/* Writes the shapes of an example and of its result. */
static void put_shapes(FILE *out, const rg_op *op)
{
    if (op->sample_count == 0)
        return;
    const rg_sample *sample = example(op);
    char text[RG_SHAPE_TEXT_SIZE];
    rg_tape *tape = rg_tape_create();
    rg_value in[3];
    int count = sample->count ? sample->count : op->arity;
    for (int k = 0; k < count; k++) {
        int whole = op->integers >> k & 1;
        in[k] = whole ? rg_indices(tape, sample->shape[k], sample->integers)
                      : rg_input_f64(tape, sample->shape[k], NULL);
        double numbers[4096];
        for (int64_t i = 0; i < 4096; i++)
            numbers[i] = sample->low[k] + (sample->high[k] - sample->low[k]) * (double)(i % 7) / 7;
        if (!whole && rg_size(in[k]) <= 4096)
            rg_write(in[k], numbers);
        fprintf(out, "%s%s", k ? " " : "", rg_shape_text(&sample->shape[k], text));
    }
    rg_shape shape = rg_get_shape(rg_record(op, count, in, sample->attributes));
    if (rg_tape_status(tape) == RG_OK)
        fprintf(out, " -> %s", rg_shape_text(&shape, text));
    rg_tape_destroy(tape);
}

static void put_page(FILE *out)
{
    fputs(introduction, out);
    for (int i = 0; i < rg_op_count(); i++) {
        const rg_op *op = rg_op_at(i);
        fprintf(out, "| `%s` | ", op->name);
        put_text(out, op->formula);
        fputs(" | ", out);
        put_text(out, op->gradient);
        fputs(" | ", out);
        put_shapes(out, op);
        fputs(" | ", out);
        put_text(out, op->kinks);
        fputs(" |\n", out);
    }
}

/* Whether a file says what the page says; tells the first line where it does not. */
static int is_page(const char *path)
{
    FILE *file = fopen(path, "r"), *page = tmpfile();
    int line = 1, same = file && page;
    if (page) {
        put_page(page);
        rewind(page);
    }
    while (same) {
        int a = getc(file), b = getc(page);
        same = a == b;
        if (a == EOF || !same)
            break;
        line += a == '\n';
    }
    if (!same)
        printf("%s differs from the table of operations in line %d; make it anew\n", path, line);
    if (file)
        fclose(file);
    if (page)
        fclose(page);
    return same;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return !is_page(argv[1]);
    put_page(stdout);
    return 0;
}
