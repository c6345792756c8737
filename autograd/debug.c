/* debug.c: searches for values and gradients that are not finite, and for memory that was changed
 * between recording and sweeping. */
#include "debug.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/* ---- source lines ---- */

static bool grow(rg_tape *tape, void **list, int *capacity, int count, size_t width)
{
    if (count < *capacity)
        return true;
    int wanted = *capacity ? 2 * *capacity : 64;
    void *grown =
        rgi_resize(&tape->allocator, *list, (size_t)*capacity * width, (size_t)wanted * width);
    if (!grown) {
        rgi_fail(tape, RG_ERROR_MEMORY, "debug: there is no memory for %d notes", wanted);
        return false;
    }
    *list = grown;
    *capacity = wanted;
    return true;
}

static void append_place(rg_tape *tape, const char *file, int line)
{
    size_t used = strlen(tape->error.message);
    snprintf(tape->error.message + used, sizeof tape->error.message - used, " (%s:%d)", file, line);
    tape->error_located = true;
}

rg_value rgi_located(rg_value x, const char *file, int line)
{
    rg_tape *tape = x.tape;
    if (!tape || tape->inert)
        return x;
    if (tape->error.status != RG_OK) {
        if (!tape->error_located)
            append_place(tape, file, line);
        return x;
    }
    if (!tape->find_anomalies || tape->cursor.count < 2)
        return x;
    void *list = tape->locations;
    if (grow(tape, &list, &tape->location_capacity, tape->location_count,
             sizeof *tape->locations)) {
        tape->locations = list;
        tape->locations[tape->location_count++] =
            (rgi_location){(uint32_t)(tape->cursor.count - 1), line, file};
    }
    return x;
}

/* The first location that reaches a node. */
static const rgi_location *find_location(const rg_tape *tape, uint32_t node)
{
    int low = 0, high = tape->location_count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (tape->locations[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tape->location_count ? &tape->locations[low] : NULL;
}

/* ---- anomalies ---- */

static const char *name_of(const rg_tape *tape, uint32_t node)
{
    int code = tape->cursor.code[node];
    const rg_op *op = NULL;
    if (code == RGI_CODE_RECORD)
        op = rgi_record_of(tape, node)->op;
    else if (code >= RGI_CODE_FIRST)
        op = tape->engine->op(code);
    else if (code == RGI_CODE_ELEMENT)
        return "at";
    else if (rgi_is_statement(code))
        return "let";
    return op ? op->name : code == RGI_CODE_CONSTANT ? "constant" : "input";
}

/* The row-major number of the first element that is not finite; -1 if all are. */
static int64_t find_bad(const void *data, rg_type type, int64_t size)
{
    for (int64_t i = 0; type != RG_I64 && i < size; i++)
        if (!isfinite(rgi_load(data, type, i)))
            return i;
    return -1;
}

static void fail_at(rg_tape *tape, uint32_t node, const char *format, ...) RG_PRINTF(3, 4);

/* "NAME at node N: ..", with the source line if it is known. */
static void fail_at(rg_tape *tape, uint32_t node, const char *format, ...)
{
    char text[RG_MESSAGE_SIZE];
    const rgi_location *place = find_location(tape, node);
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    rgi_fail(tape, RG_ERROR_NUMERIC, "%s at node %" PRIu32 ": %s", name_of(tape, node), node, text);
    if (place)
        append_place(tape, place->file, place->line);
}

static void inspect_value(rg_tape *tape, uint32_t node)
{
    rg_tensor room;
    const rg_tensor *x = rgi_tensor_of(tape, node, &room);
    char shape[RG_SHAPE_TEXT_SIZE];
    int64_t bad = x->dense ? find_bad(x->data, x->type, x->size) : -1;
    if (bad >= 0)
        fail_at(tape, node, "element %" PRId64 " of its value, of shape %s, is %g", bad,
                rg_shape_text(&x->shape, shape), rgi_load(x->data, x->type, bad));
}

void rgi_inspect_step(rg_tape *tape, uint32_t node)
{
    int count = rgi_index_statements(tape) ? rgi_operand_count(tape, node) : 0;
    for (int k = 0; k < count; k++) {
        uint32_t operand = rgi_operand(tape, node, k);
        const void *grad = operand ? rgi_adjoint_so_far(tape, operand) : NULL;
        rg_tensor space;
        const rg_tensor *x = rgi_tensor_of(tape, operand, &space);
        char shape[RG_SHAPE_TEXT_SIZE];
        int64_t bad = grad ? find_bad(grad, x->type, x->size) : -1;
        if (bad >= 0) {
            fail_at(tape, node,
                    "element %" PRId64 " of the gradient it passes to %s at node %" PRIu32
                    ", of shape %s, is %g",
                    bad, name_of(tape, operand), operand, rg_shape_text(&x->shape, shape),
                    rgi_load(grad, x->type, bad));
            return;
        }
    }
}

void rg_tape_find_anomalies(rg_tape *tape, int on)
{
    if (!tape || tape->inert)
        return;
    tape->find_anomalies = on != 0;
    rgi_update_limit(tape);
}

/* ---- writes ---- */

/* FNV-1a over the elements, in row-major order, never 0. */
static uint64_t checksum(const rg_tensor *x)
{
    uint64_t sum = 0xcbf29ce484222325u;
    size_t width = rg_type_size(x->type);
    for (int64_t i = 0; i < x->size; i++) {
        const unsigned char *bytes =
            (const unsigned char *)x->data + rgi_offset_of(x, i) * (int64_t)width;
        for (size_t b = 0; b < width; b++)
            sum = (sum ^ bytes[b]) * 0x100000001b3u;
    }
    return sum | 1;
}

void rgi_look_at(rg_tape *tape, uint32_t node)
{
    bool record = tape->cursor.code[node] == RGI_CODE_RECORD;
    if (tape->find_writes && record) {
        rg_tensor room;
        rgi_record_of(tape, node)->checksum = checksum(rgi_tensor_of(tape, node, &room));
    }
    if (tape->find_anomalies)
        inspect_value(tape, node);
}

void rgi_filled(rg_value x)
{
    uint32_t node = x.tape ? rgi_node(x.tape, x.serial) : 0;
    if (node)
        rgi_inspect(x.tape, node);
}

void rg_tape_find_writes(rg_tape *tape, int on)
{
    if (tape && !tape->inert)
        tape->find_writes = on != 0;
}

bool rgi_note_write(rg_tape *tape, uint32_t node)
{
    void *list = tape->writes;
    if (!grow(tape, &list, &tape->write_capacity, tape->write_count, sizeof *tape->writes))
        return false;
    tape->writes = list;
    tape->writes[tape->write_count++] = (rgi_writing){node, tape->cursor.count};
    return true;
}

/* Whether an operand changed after `node` had used it. */
static bool changed_since(const rg_tape *tape, uint32_t operand, uint32_t node)
{
    for (int i = 0; i < tape->write_count; i++)
        if (tape->writes[i].node == operand && node < tape->writes[i].when)
            return true;
    if (tape->cursor.code[operand] != RGI_CODE_RECORD)
        return false;
    const rgi_record *record = rgi_record_of(tape, operand);
    return record->param && record->version != rgi_param_version(record->param);
}

static bool reads(const rg_tape *tape, uint32_t node, int k)
{
    int code = tape->cursor.code[node];
    if (code == RGI_CODE_ELEMENT || rgi_is_statement(code))
        return code == RGI_CODE_DOT || code == RGI_CODE_PAIRS;
    const rg_op *op =
        code == RGI_CODE_RECORD ? rgi_record_of(tape, node)->op : tape->engine->op(code);
    return !op->view && !(k < 32 && (op->unread >> k & 1));
}

/* Whether the operands that `what` reads at a node are what they were. */
static bool check_operands(rg_tape *tape, uint32_t node, const char *what)
{
    int count = rgi_operand_count(tape, node);
    for (int k = 0; k < count; k++) {
        uint32_t operand = rgi_operand(tape, node, k);
        if (reads(tape, node, k) && changed_since(tape, operand, node)) {
            rgi_fail(tape, RG_ERROR_STATE,
                     "%s: %s at node %" PRIu32 " needs the elements that %s at node %" PRIu32
                     " had; they were overwritten since",
                     what, name_of(tape, node), node, name_of(tape, operand), operand);
            return false;
        }
    }
    return true;
}

static bool check_reached(rg_tape *tape)
{
    if (!rgi_find_reached(tape))
        return false;
    for (uint32_t node = (uint32_t)tape->swept; node > 0; node--)
        if (rgi_node_is_reached(tape, node) && !check_operands(tape, node, "backward"))
            return false;
    return true;
}

static bool check_checksums(rg_tape *tape, uint64_t last, const char *what)
{
    for (uint32_t node = 1; node <= last; node++) {
        if (tape->cursor.code[node] != RGI_CODE_RECORD)
            continue;
        rg_tensor room;
        const rgi_record *record = rgi_record_of(tape, node);
        const rg_tensor *x = rgi_tensor_of(tape, node, &room);
        if (record->checksum && record->checksum != checksum(x)) {
            rgi_fail(tape, RG_ERROR_STATE,
                     "%s: the memory of %s at node %" PRIu32
                     " was changed through a pointer since it was recorded",
                     what, name_of(tape, node), node);
            return false;
        }
    }
    return true;
}

/* Whether any leaf was overwritten through the library. */
static bool any_changed(const rg_tape *tape)
{
    bool changed = tape->write_count > 0;
    for (const rgi_record *use = tape->params; use && !changed; use = use->next_param)
        changed = use->version != rgi_param_version(use->param);
    return changed;
}

bool rgi_check_writes(rg_tape *tape)
{
    if (any_changed(tape) && !check_reached(tape))
        return false;
    return !tape->find_writes || check_checksums(tape, tape->swept, "backward");
}

bool rgi_check_writes_to(rg_tape *tape, uint32_t last, const uint32_t *row)
{
    bool changed = any_changed(tape);
    for (uint32_t node = 1; node <= last && changed; node++)
        if (row[node] && !check_operands(tape, node, "forward"))
            return false;
    return !tape->find_writes || check_checksums(tape, last, "forward");
}

/* ---- housekeeping ---- */

void rgi_forget_debug(rg_tape *tape, uint64_t count)
{
    int kept = 0;
    for (int i = 0; i < tape->write_count; i++)
        if (tape->writes[i].node < count)
            tape->writes[kept++] = tape->writes[i];
    tape->write_count = kept;
    for (int i = 0; i < kept; i++)
        if (tape->writes[i].when > count)
            tape->writes[i].when = count;
    while (tape->location_count > 0 && tape->locations[tape->location_count - 1].node >= count)
        tape->location_count--;
    tape->error_located = false;
}

void rgi_free_debug(rg_tape *tape)
{
    rgi_free(&tape->allocator, tape->writes, (size_t)tape->write_capacity * sizeof *tape->writes);
    rgi_free(&tape->allocator, tape->locations,
             (size_t)tape->location_capacity * sizeof *tape->locations);
}
