/* test_picture.c: pictures of graphs, compared character by character. */
#define _POSIX_C_SOURCE 200809L
#include "../check.h"

#include <stdio.h>
#include <sys/resource.h>

SUITE(picture);

typedef rg_status writer(FILE *stream, rg_value root, const rg_label *labels, int count);

/* What a writer writes; to be freed. */
static char *written(writer *write, rg_value root, const rg_label *labels, int count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    cr_assert(stream);
    CHECK_STATUS(write(stream, root, labels, count), RG_OK);
    fclose(stream);
    return text;
}

static void check_written(writer *write, rg_value root, const rg_label *labels, int count,
                          const char *want)
{
    char *text = written(write, root, labels, count);
    cr_assert_str_eq(text, want);
    free(text);
}

typedef struct example {
    rg_value x, y, z, q, f;
    rg_label names[5];
} example;

static example make_example(rg_tape *tape)
{
    example e;
    e.x = rg_input(tape, -2);
    e.y = rg_input(tape, 5);
    e.z = rg_input(tape, -4);
    e.q = rg_add(e.x, e.y);
    e.f = rg_mul(e.q, e.z);
    const rg_label names[] = {{e.x, "x"}, {e.y, "y"}, {e.z, "z"}, {e.q, "q"}, {e.f, "f"}};
    memcpy(e.names, names, sizeof names);
    return e;
}

Test(picture, writes_named_values_and_adjoints_as_text)
{
    rg_tape *tape = rg_tape_create();
    example e = make_example(tape);
    check_written(rg_write_text, e.f, e.names, 5,
                  "f = mul: -12\n"
                  "  q = add: 3\n"
                  "    x = input: -2\n"
                  "    y = input: 5\n"
                  "  z = input: -4\n");
    CHECK_STATUS(rg_backward(e.f), RG_OK);
    check_written(rg_write_text, e.f, e.names, 5,
                  "f = mul: -12, adjoint 1\n"
                  "  q = add: 3, adjoint -4\n"
                  "    x = input: -2, adjoint -4\n"
                  "    y = input: 5, adjoint -4\n"
                  "  z = input: -4, adjoint 3\n");
    check_written(rg_write_text, e.q, NULL, 0,
                  "add: 3, adjoint -4\n"
                  "  input: -2, adjoint -4\n"
                  "  input: 5, adjoint -4\n");
    rg_tape_destroy(tape);
}

static const char example_dot[] = "digraph {\n"
                                  "    rankdir=LR;\n"
                                  "    node [shape=box];\n"
                                  "    n1 [label=\"x\\ninput\\n-2\\nadjoint -4\"];\n"
                                  "    n2 [label=\"y\\ninput\\n5\\nadjoint -4\"];\n"
                                  "    n3 [label=\"z\\ninput\\n-4\\nadjoint 3\"];\n"
                                  "    n4 [label=\"q\\nadd\\n3\\nadjoint -4\"];\n"
                                  "    n1 -> n4;\n"
                                  "    n2 -> n4;\n"
                                  "    n5 [label=\"f\\nmul\\n-12\\nadjoint 1\"];\n"
                                  "    n4 -> n5;\n"
                                  "    n3 -> n5;\n"
                                  "}\n";

Test(picture, writes_named_values_and_adjoints_as_dot)
{
    rg_tape *tape = rg_tape_create();
    example e = make_example(tape);
    CHECK_STATUS(rg_backward(e.f), RG_OK);
    check_written(rg_write_dot, e.f, e.names, 5, example_dot);
    rg_tape_destroy(tape);
}

Test(picture, leaves_out_what_the_root_does_not_need)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    rg_exp(x);
    rg_value y = rg_neg(x);
    rg_exp(y);
    check_written(rg_write_text, y, NULL, 0, "neg: -1\n  input: 1\n");
    check_written(rg_write_dot, y, NULL, 0,
                  "digraph {\n"
                  "    rankdir=LR;\n"
                  "    node [shape=box];\n"
                  "    n1 [label=\"input\\n1\"];\n"
                  "    n3 [label=\"neg\\n-1\"];\n"
                  "    n1 -> n3;\n"
                  "}\n");
    rg_tape_destroy(tape);
}

Test(picture, writes_shared_nodes_once)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3), s = rg_mul(x, x), f = rg_add(s, rg_neg(s));
    const rg_label names[] = {{x, "x"}};
    check_written(rg_write_text, f, names, 1,
                  "add: 0\n"
                  "  #2 = mul: 9\n"
                  "    x = input: 3\n"
                  "    x = input (see above)\n"
                  "  neg: -9\n"
                  "    #2 = mul (see above)\n");
    check_written(rg_write_dot, f, names, 1,
                  "digraph {\n"
                  "    rankdir=LR;\n"
                  "    node [shape=box];\n"
                  "    n1 [label=\"x\\ninput\\n3\"];\n"
                  "    n2 [label=\"mul\\n9\"];\n"
                  "    n1 -> n2;\n"
                  "    n1 -> n2;\n"
                  "    n3 [label=\"neg\\n-9\"];\n"
                  "    n2 -> n3;\n"
                  "    n4 [label=\"add\\n0\"];\n"
                  "    n2 -> n4;\n"
                  "    n3 -> n4;\n"
                  "}\n");
    rg_tape_destroy(tape);
}

Test(picture, shows_plain_numbers_and_constants)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 3);
    rg_value f = rg_div(1.5, rg_sub(rg_leaky_relu(rg_mul(x, rg_constant(tape, -1)), 0.5), 2));
    CHECK_STATUS(rg_backward(f), RG_OK);
    check_written(rg_write_text, f, NULL, 0,
                  "div: -0.428571, adjoint 1\n"
                  "  1.5\n"
                  "  sub: -3.5, adjoint -0.122449\n"
                  "    leaky_relu: -1.5, adjoint -0.122449\n"
                  "      mul: -3, adjoint -0.0612245\n"
                  "        input: 3, adjoint 0.0612245\n"
                  "        constant: -1\n"
                  "      0.5\n"
                  "    2\n");
    check_written(rg_write_dot, rg_sub(x, 2), NULL, 0,
                  "digraph {\n"
                  "    rankdir=LR;\n"
                  "    node [shape=box];\n"
                  "    n1 [label=\"input\\n3\\nadjoint 0.0612245\"];\n"
                  "    n7 [label=\"sub\\n1\"];\n"
                  "    n1 -> n7;\n"
                  "    n7_1 [shape=plaintext, label=\"2\"];\n"
                  "    n7_1 -> n7;\n"
                  "}\n");
    rg_tape_destroy(tape);
}

Test(picture, shows_tensors_types_and_parameters)
{
    rg_tape *tape = rg_tape_create();
    rg_param *w = rg_param_create(NULL, RG_F64, RG_SHAPE(2, 3));
    rg_param_write(w, (const double[]){1, 2, 3, 4, 5, 6});
    rg_value x = rg_use(tape, w);
    rg_value c = rg_constant_f64(tape, RG_SHAPE(3), (const double[]){1, NAN, INFINITY});
    rg_value y = rg_mul(x, c), corner = rg_at(x, RG_AXES(1, -1));
    CHECK_STATUS(rg_backward(corner), RG_OK);
    check_written(rg_write_text, corner, NULL, 0,
                  "element [1, 2]: 6, adjoint 1\n"
                  "  parameter [2, 3]: (1, 2, 3, 4, ..), adjoint (0, 0, 0, 0, ..)\n");
    check_written(rg_write_text, y, NULL, 0,
                  "mul [2, 3]: (1, nan, inf, 4, ..), adjoint (0, 0, 0, 0, ..)\n"
                  "  parameter [2, 3]: (1, 2, 3, 4, ..), adjoint (0, 0, 0, 0, ..)\n"
                  "  constant [3]: (1, nan, inf)\n");
    rg_value i = rg_indices(tape, RG_SHAPE(2), (const int64_t[]){12345678, -1});
    check_written(rg_write_text, i, NULL, 0, "constant int64 [2]: (12345678, -1)\n");
    rg_value s = rg_input_f32(tape, RG_SCALAR, &(float){0.5F});
    check_written(rg_write_text, s, NULL, 0, "input float32 []: 0.5\n");
    check_written(rg_write_text, rg_input_f64(tape, RG_SHAPE(0), NULL), NULL, 0, "input [0]: ()\n");
    check_written(
        rg_write_dot, corner, NULL, 0,
        "digraph {\n"
        "    rankdir=LR;\n"
        "    node [shape=box];\n"
        "    n1 [label=\"parameter [2, 3]\\n(1, 2, 3, 4, ..)\\nadjoint (0, 0, 0, 0, ..)\"];\n"
        "    n4 [label=\"element [1, 2]\\n6\\nadjoint 1\"];\n"
        "    n1 -> n4;\n"
        "}\n");
    rg_tape_destroy(tape);
    rg_param_destroy(w);
}

Test(picture, escapes_names)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    const rg_label names[] = {{x, "a \"b\" \\N\nc&d"}};
    check_written(rg_write_text, x, names, 1, "a \"b\" \\N\\nc&d = input: 1\n");
    check_written(rg_write_dot, x, names, 1,
                  "digraph {\n"
                  "    rankdir=LR;\n"
                  "    node [shape=box];\n"
                  "    n1 [label=\"a \\\"b\\\" \\\\N\\nc&amp;d\\ninput\\n1\"];\n"
                  "}\n");
    rg_tape_destroy(tape);
}

Test(picture, ignores_labels_of_other_values)
{
    rg_tape *tape = rg_tape_create(), *other = rg_tape_create();
    rg_value x = rg_input(tape, 1), strange = rg_input(other, 2), later = rg_input(tape, 3);
    rg_mark mark = rg_tape_mark(tape);
    rg_value stale = rg_input(tape, 4);
    CHECK_STATUS(rg_tape_rewind(tape, mark), RG_OK);
    const rg_label names[] = {
        {strange, "strange"}, {later, "later"}, {stale, "stale"}, {x, NULL}, {x, "x"},
        {x, "second"}};
    check_written(rg_write_text, x, names, 6, "x = input: 1\n");
    rg_tape_destroy(tape);
    rg_tape_destroy(other);
}

Test(picture, shows_the_graph_of_a_tape_with_an_error)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1), y = rg_neg(x);
    rg_value inert = {tape, 0};
    rg_add(y, inert);
    CHECK_STATUS(rg_tape_status(tape), RG_ERROR_STALE);
    check_written(rg_write_text, y, NULL, 0, "neg: -1\n  input: 1\n");
    rg_tape_destroy(tape);
}

Test(picture, refuses_roots_that_are_not_live)
{
    rg_tape *tape = rg_tape_create();
    rg_mark mark = rg_tape_mark(tape);
    rg_value stale = rg_input(tape, 4);
    CHECK_STATUS(rg_tape_rewind(tape, mark), RG_OK);
    writer *const writers[] = {rg_write_dot, rg_write_text};
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(writers[i](stderr, stale, NULL, 0), RG_ERROR_STALE);
        CHECK_STATUS(writers[i](stderr, (rg_value){tape, 0}, NULL, 0), RG_ERROR_STALE);
        CHECK_STATUS(writers[i](stderr, (rg_value){NULL, 0}, NULL, 0), RG_ERROR_STALE);
    }
    rg_tape_destroy(tape);
}

Test(picture, reports_a_stream_that_refuses)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 4);
    FILE *full = fopen("/dev/full", "w");
    cr_assert(full);
    CHECK_STATUS(rg_write_dot(full, x, NULL, 0), RG_ERROR_IO);
    clearerr(full);
    CHECK_STATUS(rg_write_text(full, x, NULL, 0), RG_ERROR_IO);
    fclose(full);
    rg_tape_destroy(tape);
}

/* Allows a number of allocations. */
static void *limited_resize(void *context, void *block, size_t old_size, size_t size)
{
    (void)old_size;
    if (size == 0) {
        free(block);
        return NULL;
    }
    int *left = context;
    return (*left)-- > 0 ? realloc(block, size) : NULL;
}

Test(picture, reports_a_lack_of_memory)
{
    int left = 1000;
    rg_allocator allocator = {limited_resize, &left};
    rg_tape *tape = rg_tape_create_with(&(rg_tape_options){.allocator = &allocator});
    rg_value f = make_example(tape).f;
    writer *const writers[] = {rg_write_dot, rg_write_text};
    const int needed[] = {2, 3};
    FILE *stream = tmpfile();
    cr_assert(stream);
    for (int i = 0; i < 2; i++) {
        for (int allowed = 0; allowed < needed[i]; allowed++) {
            left = allowed;
            CHECK_STATUS(writers[i](stream, f, NULL, 0), RG_ERROR_MEMORY);
        }
        left = needed[i];
        CHECK_STATUS(writers[i](stream, f, NULL, 0), RG_OK);
    }
    fclose(stream);
    rg_tape_destroy(tape);
}

Test(picture, writes_a_chain_of_a_million_nodes)
{
    struct rlimit limit = {256 << 10, 256 << 10};
    cr_assert_eq(setrlimit(RLIMIT_STACK, &limit), 0);
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    for (int i = 0; i < 1000000; i++)
        x = rg_neg(x);
    char *text = written(rg_write_text, x, NULL, 0);
    static const char last[] = "(depth 1000000) input: 1\n";
    cr_assert_str_eq(text + strlen(text) - (sizeof last - 1), last);
    free(text);
    text = written(rg_write_dot, x, NULL, 0);
    static const char end[] = "    n1000000 -> n1000001;\n}\n";
    cr_assert_str_eq(text + strlen(text) - (sizeof end - 1), end);
    free(text);
    rg_tape_destroy(tape);
}

Test(picture, shortens_the_indentation_of_deep_graphs)
{
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input(tape, 1);
    for (int i = 0; i < 33; i++)
        x = rg_neg(x);
    char *text = written(rg_write_text, x, NULL, 0);
    const char *last = strstr(text, "(depth 33) input: 1\n");
    cr_assert(last);
    cr_assert_eq(last[-65], '\n');
    cr_assert_eq(strspn(last - 64, " "), 64);
    cr_assert(!strstr(text, "(depth 32)"));
    free(text);
    rg_tape_destroy(tape);
}

Test(picture, is_accepted_by_dot)
{
    if (system("dot -V >/dev/null 2>&1") != 0)
        cr_skip_test("dot is not installed");
    rg_tape *tape = rg_tape_create();
    rg_value x = rg_input_f64(tape, RG_SHAPE(2), (const double[]){1, 2});
    rg_value f = rg_mul(2, rg_at(x, RG_AXES(1)));
    const rg_label names[] = {{x, "a \"b\" \\N\nc&d;"}};
    FILE *dot = popen("dot -Tsvg >/dev/null", "w");
    cr_assert(dot);
    CHECK_STATUS(rg_write_dot(dot, f, names, 1), RG_OK);
    cr_assert_eq(pclose(dot), 0);
    rg_tape_destroy(tape);
}
