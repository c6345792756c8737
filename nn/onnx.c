/* onnx.c: a model of ONNX as a message of protocol buffers. Its fields have numbers and no names,
 * so the numbers here are those of onnx.proto. */
#include "onnx.h"

#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "file.h"

enum { IR_VERSION = 7, OPERATOR_SET = 13, NAME_SIZE = 64 };

/* ---- protocol buffers ---- */

enum { VARINT = 0, BYTES = 2, FIXED32 = 5 }; /* wire types */

static size_t varint(unsigned char *out, uint64_t value)
{
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (unsigned char)(value | 0x80);
    out[size++] = (unsigned char)value;
    return size;
}

static void add_varint(rgi_buffer *b, uint64_t value)
{
    unsigned char bytes[10];
    rgi_buffer_add(b, bytes, varint(bytes, value));
}

static void add_tag(rgi_buffer *b, unsigned field, unsigned wire_type)
{
    add_varint(b, field << 3 | wire_type);
}

static void add_int(rgi_buffer *b, unsigned field, int64_t value)
{
    add_tag(b, field, VARINT);
    add_varint(b, (uint64_t)value);
}

static void add_float(rgi_buffer *b, unsigned field, float value)
{
    if (!rgi_is_little_endian())
        rgi_swap_bytes(&value, 1, sizeof value);
    add_tag(b, field, FIXED32);
    rgi_buffer_add(b, &value, sizeof value);
}

static void add_text(rgi_buffer *b, unsigned field, const char *text)
{
    add_tag(b, field, BYTES);
    add_varint(b, strlen(text));
    rgi_buffer_add(b, text, strlen(text));
}

/* Begins a message within a message; what is added up to the end is its contents. */
static size_t begin(rgi_buffer *b, unsigned field)
{
    add_tag(b, field, BYTES);
    return b->size;
}

static void end(rgi_buffer *b, size_t start)
{
    unsigned char length[10];
    rgi_buffer_insert(b, start, length, varint(length, b->size - start));
}

/* ---- tensors ---- */

static int64_t data_type(rg_type type)
{
    enum { FLOAT = 1, DOUBLE = 11 };
    return type == RG_F64 ? DOUBLE : FLOAT;
}

/* An initializer of the graph. */
static void add_tensor(rgi_buffer *b, const char *name, rg_type type, const rg_shape *shape,
                       const void *data)
{
    size_t count = (size_t)rg_shape_size(shape), width = rg_type_size(type);
    size_t tensor = begin(b, 5);
    for (int i = 0; i < shape->rank; i++)
        add_int(b, 1, shape->dim[i]);
    add_int(b, 2, data_type(type));
    add_text(b, 8, name);
    add_tag(b, 9, BYTES);
    add_varint(b, count * width);
    rgi_buffer_add(b, data, count * width);
    if (!rgi_is_little_endian() && !b->failed)
        rgi_swap_bytes(b->bytes + b->size - count * width, count, width);
    end(b, tensor);
}

/* What goes into the graph (field 11) or comes out of it (12): [batch, width]. */
static void add_port(rgi_buffer *b, unsigned field, const char *name, rg_type type, int64_t width)
{
    size_t port = begin(b, field);
    add_text(b, 1, name);
    size_t value = begin(b, 2), tensor = begin(b, 1);
    add_int(b, 1, data_type(type));
    size_t shape = begin(b, 2), dimension = begin(b, 1);
    add_text(b, 2, "batch");
    end(b, dimension);
    dimension = begin(b, 1);
    add_int(b, 1, width);
    end(b, dimension);
    end(b, shape);
    end(b, tensor);
    end(b, value);
    end(b, port);
}

/* ---- nodes ---- */

/* A graph being written. */
typedef struct writer {
    rgi_buffer b;
    rg_type type;
} writer;

/* Begins a node with up to five inputs, ended by NULL, and one output; end() ends it. */
static size_t begin_node(writer *w, const char *operation, const char *const *inputs,
                         const char *output)
{
    size_t node = begin(&w->b, 1);
    for (int i = 0; inputs[i]; i++)
        add_text(&w->b, 1, inputs[i]);
    add_text(&w->b, 2, output);
    add_text(&w->b, 4, operation);
    return node;
}

static void add_attribute_int(writer *w, const char *name, int64_t value)
{
    enum { INT = 2 };
    size_t attribute = begin(&w->b, 5);
    add_text(&w->b, 1, name);
    add_int(&w->b, 3, value);
    add_int(&w->b, 20, INT);
    end(&w->b, attribute);
}

static void add_attribute_float(writer *w, const char *name, float value)
{
    enum { FLOAT = 1 };
    size_t attribute = begin(&w->b, 5);
    add_text(&w->b, 1, name);
    add_float(&w->b, 2, value);
    add_int(&w->b, 20, FLOAT);
    end(&w->b, attribute);
}

static void add_unary(writer *w, const char *operation, const char *x, const char *output)
{
    end(&w->b, begin_node(w, operation, (const char *const[]){x, NULL}, output));
}

static void add_binary(writer *w, const char *operation, const char *x, const char *y,
                       const char *output)
{
    end(&w->b, begin_node(w, operation, (const char *const[]){x, y, NULL}, output));
}

/* The mean over features. */
static void add_mean(writer *w, const char *x, const char *output)
{
    enum { INTS = 7 };
    size_t node = begin_node(w, "ReduceMean", (const char *const[]){x, NULL}, output);
    size_t attribute = begin(&w->b, 5);
    add_text(&w->b, 1, "axes");
    add_int(&w->b, 8, -1);
    add_int(&w->b, 20, INTS);
    end(&w->b, attribute);
    end(&w->b, node);
}

/* Writes "LAYER.PART" into `out`. The names are made in this file and short. */
static const char *join(char *out, const char *layer, const char *part)
{
    snprintf(out, NAME_SIZE, "%.31s.%.31s", layer, part);
    return out;
}

/* A binary operation whose second operand is a number, which needs a name of its own. */
static void add_with_number(writer *w, const char *operation, const char *x, double number,
                            const char *output)
{
    char name[NAME_SIZE];
    const rg_shape scalar = {0};
    double wide = number;
    float narrow = (float)number;
    join(name, output, "number");
    add_tensor(&w->b, name, w->type, &scalar, w->type == RG_F64 ? (void *)&wide : (void *)&narrow);
    add_binary(w, operation, x, name, output);
}

/* ---- activations and normalisation ---- */

/* x Phi(x) = (x / 2) (1 + erf(x / sqrt(2))) */
static void add_gelu(writer *w, const char *layer, const char *x, const char *output)
{
    char scaled[NAME_SIZE], erf[NAME_SIZE], sum[NAME_SIZE], half[NAME_SIZE];
    add_with_number(w, "Mul", x, 0.70710678118654752440, join(scaled, layer, "scaled"));
    add_unary(w, "Erf", scaled, join(erf, layer, "erf"));
    add_with_number(w, "Add", erf, 1, join(sum, layer, "sum"));
    add_with_number(w, "Mul", x, 0.5, join(half, layer, "half"));
    add_binary(w, "Mul", half, sum, output);
}

static void add_silu(writer *w, const char *layer, const char *x, const char *output)
{
    char sigmoid[NAME_SIZE];
    add_unary(w, "Sigmoid", x, join(sigmoid, layer, "sigmoid"));
    add_binary(w, "Mul", x, sigmoid, output);
}

/* An operation with the attribute alpha. */
static void add_with_alpha(writer *w, const char *operation, const char *x, float alpha,
                           const char *output)
{
    size_t node = begin_node(w, operation, (const char *const[]){x, NULL}, output);
    add_attribute_float(w, "alpha", alpha);
    end(&w->b, node);
}

static void add_activation(writer *w, rg_activation activation, const char *layer, const char *x,
                           const char *output)
{
    switch (activation) {
    case RG_IDENTITY: add_unary(w, "Identity", x, output); break;
    case RG_SIGMOID: add_unary(w, "Sigmoid", x, output); break;
    case RG_TANH: add_unary(w, "Tanh", x, output); break;
    case RG_RELU: add_unary(w, "Relu", x, output); break;
    case RG_LEAKY_RELU: add_with_alpha(w, "LeakyRelu", x, 0.01f, output); break;
    case RG_SOFTPLUS: add_unary(w, "Softplus", x, output); break;
    case RG_ELU: add_with_alpha(w, "Elu", x, 1, output); break;
    case RG_GELU: add_gelu(w, layer, x, output); break;
    case RG_SILU: add_silu(w, layer, x, output); break;
    }
}

static void add_batch_norm(writer *w, const char *layer, const char *x, const char *output)
{
    char scale[NAME_SIZE], bias[NAME_SIZE], mean[NAME_SIZE], variance[NAME_SIZE];
    const char *const inputs[] = {x,
                                  join(scale, layer, "norm.weight"),
                                  join(bias, layer, "norm.bias"),
                                  join(mean, layer, "norm.running_mean"),
                                  join(variance, layer, "norm.running_variance"),
                                  NULL};
    size_t node = begin_node(w, "BatchNormalization", inputs, output);
    add_attribute_float(w, "epsilon", 1e-5f);
    end(&w->b, node);
}

/* The operation for it is only in later sets. */
static void add_layer_norm(writer *w, const char *layer, const char *x, const char *output)
{
    char mean[NAME_SIZE], centered[NAME_SIZE], square[NAME_SIZE], variance[NAME_SIZE];
    char shifted[NAME_SIZE], deviation[NAME_SIZE], normal[NAME_SIZE], scaled[NAME_SIZE];
    char weight[NAME_SIZE], bias[NAME_SIZE];
    add_mean(w, x, join(mean, layer, "mean"));
    add_binary(w, "Sub", x, mean, join(centered, layer, "centered"));
    add_binary(w, "Mul", centered, centered, join(square, layer, "square"));
    add_mean(w, square, join(variance, layer, "variance"));
    add_with_number(w, "Add", variance, 1e-5, join(shifted, layer, "shifted"));
    add_unary(w, "Sqrt", shifted, join(deviation, layer, "deviation"));
    add_binary(w, "Div", centered, deviation, join(normal, layer, "normal"));
    add_binary(w, "Mul", normal, join(weight, layer, "norm.weight"),
               join(scaled, layer, "scaled_normal"));
    add_binary(w, "Add", scaled, join(bias, layer, "norm.bias"), output);
}

/* ---- the model ---- */

/* Layer number `i`, from `x` to `output`. */
static void add_layer(writer *w, const rg_mlp *mlp, int i, const char *x, const char *output)
{
    char layer[NAME_SIZE / 2], weight[NAME_SIZE], bias[NAME_SIZE], linear[NAME_SIZE],
        norm[NAME_SIZE];
    snprintf(layer, sizeof layer, "layer%d", i);
    const rg_norm_layer *norm_layer = rg_mlp_norm(mlp, i);
    const char *const inputs[] = {x, join(weight, layer, "weight"),
                                  rg_mlp_layer(mlp, i)->bias ? join(bias, layer, "bias") : NULL,
                                  NULL};
    const char *value = join(linear, layer, "linear");
    size_t node = begin_node(w, "Gemm", inputs, value);
    add_attribute_int(w, "transB", 1);
    end(&w->b, node);
    if (norm_layer) {
        join(norm, layer, "normalised");
        if (norm_layer->kind == RG_NORM_BATCH)
            add_batch_norm(w, layer, value, norm);
        else
            add_layer_norm(w, layer, value, norm);
        value = norm;
    }
    add_activation(w, rg_mlp_activation(mlp, i), layer, value, output);
}

static void add_graph(writer *w, const rg_mlp *mlp)
{
    char x[NAME_SIZE] = "input", output[NAME_SIZE];
    int last = rg_mlp_layer_count(mlp) - 1;
    const rg_params *params = rg_mlp_params(mlp);
    size_t graph = begin(&w->b, 7);
    for (int i = 0; i <= last; i++) {
        snprintf(output, sizeof output, i < last ? "layer%d.output" : "output", i);
        add_layer(w, mlp, i, x, output);
        memcpy(x, output, sizeof x);
    }
    add_text(&w->b, 2, "mlp");
    for (int i = 0; i < rg_params_count(params); i++) {
        rg_param *param = rg_params_at(params, i);
        rg_shape shape = rg_param_shape(param);
        add_tensor(&w->b, rg_params_name(params, i), rg_param_type(param), &shape,
                   rg_param_data(param));
    }
    add_port(&w->b, 11, "input", w->type, rg_param_shape(rg_mlp_layer(mlp, 0)->weight).dim[1]);
    add_port(&w->b, 12, "output", w->type, rg_param_shape(rg_mlp_layer(mlp, last)->weight).dim[0]);
    end(&w->b, graph);
}

static void add_model(writer *w, const rg_mlp *mlp)
{
    add_int(&w->b, 1, IR_VERSION);
    add_text(&w->b, 2, "reelgrad");
    size_t set = begin(&w->b, 8);
    add_text(&w->b, 1, "");
    add_int(&w->b, 2, OPERATOR_SET);
    end(&w->b, set);
    add_graph(w, mlp);
}

rg_status rg_mlp_write_onnx(const rg_mlp *mlp, const char *path, rg_error *error)
{
    const char *name = rgi_path_end(path);
    const rg_allocator *allocator = rg_params_allocator(rg_mlp_params(mlp));
    writer w = {.b = {.allocator = allocator}, .type = rg_param_type(rg_mlp_layer(mlp, 0)->weight)};
    /* Names, numbers and nodes take little beside the parameters of what is too large. */
    int64_t elements = rg_params_size(rg_mlp_params(mlp));
    rg_status status = RG_OK;
    if (elements <= INT32_MAX / (int64_t)rg_type_size(w.type))
        add_model(&w, mlp);
    if (w.b.failed)
        status = RGI_FAIL(error, RG_ERROR_MEMORY, "%s: there is no memory to write it", name);
    else if (w.b.size == 0 || w.b.size > INT32_MAX)
        status = RGI_FAIL(error, RG_ERROR_LIMIT, "%s: the model exceeds 2^31 - 1 bytes", name);
    else
        status = rgi_file_replace(path, &(rgi_part){w.b.bytes, w.b.size, 1}, 1, allocator, error);
    rgi_buffer_free(&w.b);
    return status;
}
