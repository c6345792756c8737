/* value.c: leaves, and reading and writing what is recorded. */
#include "value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "internal.h"

/* ---- leaves ---- */

static rg_value push_leaf(rg_tape *tape, int code, double value)
{
    if (rg_tape_status(tape) != RG_OK || !rgi_room(tape))
        return rgi_inert(tape);
    if (code == RGI_CODE_INPUT)
        tape->cursor.last_input = tape->cursor.count;
    return rgi_append(tape, tape->no_grad ? RGI_CODE_CONSTANT : code, 0, 0, value);
}

rg_value rg_input(rg_tape *tape, double value)
{
    if (tape && rgi_is_open(&tape->cursor)) {
        tape->cursor.last_input = tape->cursor.count;
        return rgi_push(tape, RGI_CODE_INPUT, 0, 0, value);
    }
    return push_leaf(tape, RGI_CODE_INPUT, value);
}

rg_value rg_constant(rg_tape *tape, double value)
{
    return push_leaf(tape, RGI_CODE_CONSTANT, value);
}

/* The number of elements of a leaf of this type and shape; -1 with the tape's error set if none may
 * be made. */
static int64_t check_leaf(rg_tape *tape, const char *what, rg_type type, const rg_shape *shape)
{
    if (rg_tape_status(tape) != RG_OK)
        return -1;
    if (type != RG_F64 && type != RG_F32 && type != RG_I64) {
        rgi_fail(tape, RG_ERROR_TYPE, "%s: %d is no element type", what, (int)type);
        return -1;
    }
    if (shape->rank < 0 || shape->rank > RG_MAX_RANK) {
        rgi_fail(tape, RG_ERROR_LIMIT, "%s: rank %d is not between 0 and %d", what, shape->rank,
                 RG_MAX_RANK);
        return -1;
    }
    const int64_t size = rg_shape_size(shape);
    if (size < 0) {
        char text[RG_SHAPE_TEXT_SIZE];
        rgi_fail(tape, RG_ERROR_SHAPE, "%s: shape %s has a negative dimension or too many elements",
                 what, rg_shape_text(shape, text));
    }
    return size;
}

static rg_value tensor_leaf(rg_tape *tape, const char *what, rg_type type, const rg_shape *shape,
                            const void *data, bool active)
{
    const int64_t size = check_leaf(tape, what, type, shape);
    if (size < 0)
        return rgi_inert(tape);
    if (type == RG_F64 && shape->rank == 0)
        return push_leaf(tape, active ? RGI_CODE_INPUT : RGI_CODE_CONSTANT,
                         data ? *(const double *)data : 0);
    rgi_record *record;
    rg_value value = rgi_leaf(tape, type, shape, size, NULL, active && type != RG_I64, &record);
    if (value.serial && size > 0) {
        size_t bytes = (size_t)size * rgi_width(type);
        if (data)
            rgi_parallel_copy(tape->threads, record->tensor.data, data, bytes);
        else
            memset(record->tensor.data, 0, bytes);
    }
    rgi_filled(value);
    return value;
}

rg_value rg_input_tensor(rg_tape *tape, rg_type type, rg_shape shape, const void *data)
{
    return tensor_leaf(tape, "input_tensor", type, &shape, data, true);
}

rg_value rg_constant_tensor(rg_tape *tape, rg_type type, rg_shape shape, const void *data)
{
    return tensor_leaf(tape, "constant_tensor", type, &shape, data, false);
}

rg_value rg_constant_view(rg_tape *tape, rg_type type, rg_shape shape, const int64_t *stride,
                          const void *data)
{
    const int64_t size = check_leaf(tape, "constant_view", type, &shape);
    if (size < 0)
        return rgi_inert(tape);
    if (!data && size > 0) {
        rgi_fail(tape, RG_ERROR_ARGUMENT, "constant_view: the data are NULL");
        return rgi_inert(tape);
    }
    if (type == RG_F64 && shape.rank == 0)
        return rg_constant(tape, *(const double *)data);
    static const double nothing;
    rgi_record *record;
    rg_value value = rgi_leaf(tape, type, &shape, size, (void *)(uintptr_t)(data ? data : &nothing),
                              false, &record);
    for (int i = 0; value.serial && stride && i < shape.rank; i++) {
        if (shape.dim[i] != 1 && stride[i] != record->tensor.stride[i])
            record->tensor.dense = 0;
        record->tensor.stride[i] = stride[i];
    }
    rgi_filled(value);
    return value;
}

rg_value rg_input_f64(rg_tape *tape, rg_shape shape, const double *data)
{
    return rg_input_tensor(tape, RG_F64, shape, data);
}

rg_value rg_constant_f64(rg_tape *tape, rg_shape shape, const double *data)
{
    return rg_constant_tensor(tape, RG_F64, shape, data);
}

rg_value rg_input_f32(rg_tape *tape, rg_shape shape, const float *data)
{
    return rg_input_tensor(tape, RG_F32, shape, data);
}

rg_value rg_constant_f32(rg_tape *tape, rg_shape shape, const float *data)
{
    return rg_constant_tensor(tape, RG_F32, shape, data);
}

rg_value rg_indices(rg_tape *tape, rg_shape shape, const int64_t *data)
{
    return rg_constant_tensor(tape, RG_I64, shape, data);
}

/* ---- asking ---- */

/* The tensor a handle names, or NULL; `room` serves scalars. */
static const rg_tensor *find(rg_value x, rg_tensor *room)
{
    uint32_t node = x.tape ? rgi_node(x.tape, x.serial) : 0;
    return node ? rgi_tensor_of(x.tape, node, room) : NULL;
}

int rg_is_live(rg_value x)
{
    return x.tape && rgi_node(x.tape, x.serial) != 0;
}

rg_type rg_get_type(rg_value x)
{
    rg_tensor room;
    const rg_tensor *tensor = find(x, &room);
    return tensor ? tensor->type : RG_F64;
}

rg_shape rg_get_shape(rg_value x)
{
    rg_tensor room;
    const rg_tensor *tensor = find(x, &room);
    rg_shape shape = {0};
    return tensor ? tensor->shape : shape;
}

int64_t rg_size(rg_value x)
{
    rg_tensor room;
    const rg_tensor *tensor = find(x, &room);
    return tensor ? tensor->size : 0;
}

double rg_item(rg_value x)
{
    rg_tensor room;
    const rg_tensor *tensor = find(x, &room);
    double item = NAN;
    if (tensor && tensor->size == 1)
        rgi_convert(&item, RG_F64, tensor->data, tensor->type, 1);
    return item;
}

rg_status rg_read_raw(rg_value x, void *out)
{
    rg_tensor room;
    const rg_tensor *tensor = find(x, &room);
    if (!tensor)
        return RG_ERROR_STALE;
    rgi_copy_to_dense(out, tensor);
    return RG_OK;
}

rg_status rg_read(rg_value x, double *out)
{
    rg_tensor room;
    const rg_tensor *tensor = find(x, &room);
    if (!tensor)
        return RG_ERROR_STALE;
    if (tensor->dense) {
        rgi_convert(out, RG_F64, tensor->data, tensor->type, tensor->size);
        return RG_OK;
    }
    rgi_copy_to_dense(out, tensor);
    /* Narrower elements fill the front of `out`; widen them from the back. */
    for (int64_t i = tensor->size; tensor->type != RG_F64 && i-- > 0;) {
        double wide;
        size_t width = rg_type_size(tensor->type);
        rgi_convert(&wide, RG_F64, (const char *)out + (size_t)i * width, tensor->type, 1);
        memcpy(&out[i], &wide, sizeof wide);
    }
    return RG_OK;
}

rg_status rg_write(rg_value x, const double *data)
{
    uint32_t node = rgi_live_node(x, "write");
    if (!node)
        return x.tape ? rg_tape_status(x.tape) : RG_ERROR_STALE;
    rg_tape *tape = x.tape;
    int code = tape->cursor.code[node];
    if (code == RGI_CODE_INPUT || code == RGI_CODE_CONSTANT) {
        if (!rgi_note_write(tape, node))
            return rg_tape_status(tape);
        tape->cursor.value[node] = *data;
        return RG_OK;
    }
    rgi_record *record = code == RGI_CODE_RECORD ? rgi_record_of(tape, node) : NULL;
    if (!record || record->op || !record->owned)
        return rgi_fail(tape, RG_ERROR_ARGUMENT,
                        "write: node %" PRIu32 " is no input or constant that owns its memory",
                        node);
    if (!rgi_note_write(tape, node))
        return rg_tape_status(tape);
    rgi_convert(record->tensor.data, record->tensor.type, data, RG_F64, record->tensor.size);
    rgi_filled(x);
    return rg_tape_status(tape);
}

const void *rg_data(rg_value x, rg_type type)
{
    rg_tensor room;
    const rg_tensor *tensor = find(x, &room);
    return tensor && tensor->dense && tensor->type == type ? tensor->data : NULL;
}

/* ---- printing ---- */

typedef struct printer {
    FILE *stream;
    const rg_tensor *tensor;
    int digits;
} printer;

static bool print_element(const printer *to, int64_t offset)
{
    const rg_tensor *tensor = to->tensor;
    if (tensor->type == RG_I64)
        return fprintf(to->stream, "%" PRId64, ((const int64_t *)tensor->data)[offset]) >= 0;
    double value = tensor->type == RG_F64 ? ((const double *)tensor->data)[offset]
                                          : (double)((const float *)tensor->data)[offset];
    return fprintf(to->stream, "%.*g", to->digits, value) >= 0;
}

/* Prints the sub-tensor from axis `axis` on; the rank bounds the recursion. */
static bool print_axis(const printer *to, int axis, int64_t offset)
{
    const rg_tensor *tensor = to->tensor;
    if (axis == tensor->shape.rank)
        return print_element(to, offset);
    if (fputc('[', to->stream) == EOF)
        return false;
    for (int64_t i = 0; i < tensor->shape.dim[axis]; i++) {
        if (i > 0 && fputs(", ", to->stream) == EOF)
            return false;
        if (!print_axis(to, axis + 1, offset + i * tensor->stride[axis]))
            return false;
    }
    return fputc(']', to->stream) != EOF;
}

rg_status rg_print(FILE *stream, rg_value x, int digits)
{
    rg_tensor room;
    printer to = {stream, find(x, &room), digits};
    if (!to.tensor)
        return RG_ERROR_STALE;
    return print_axis(&to, 0, 0) ? RG_OK : RG_ERROR_IO;
}
