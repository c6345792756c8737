/*
 * statement.c: fused statements (real.h): the memory of their two streams, what the inline path
 * leaves over, and statements of any length.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "internal.h"
#include "real.h"

/* ---- the streams ---- */

/* Capacities are multiples of this, so that whole pages are committed. */
enum { TERM_BLOCK = 1 << 14 };

static uint64_t whole_blocks(uint64_t terms)
{
    return (terms + TERM_BLOCK - 1) / TERM_BLOCK * TERM_BLOCK;
}

/* Addresses for four terms a node; only what is used gets memory. */
static uint64_t most_terms(const rg_tape *tape)
{
    return whole_blocks(4 * (tape->max_nodes + 1));
}

static size_t stream_addresses(const rg_tape *tape)
{
    return (size_t)most_terms(tape) * (sizeof(uint32_t) + sizeof(double));
}

/* The two streams, and the bytes of a word in each. */
enum { TERM, PARTIAL };
static const size_t stream_width[RGI_TERM_STREAMS] = {sizeof(uint32_t), sizeof(double)};

static bool grow_stream(rg_tape *tape, int stream, void **base, uint64_t capacity)
{
    size_t width = stream_width[stream];
    size_t old = (size_t)tape->stream_capacity[stream] * width, size = (size_t)capacity * width;
    if (size <= old)
        return true;
    if (tape->reserved_streams) {
        if (!rgi_commit(*base, old, size))
            return false;
    } else {
        void *grown = rgi_resize(&tape->allocator, *base, old, size);
        if (!grown)
            return false;
        *base = grown;
    }
    tape->stream_capacity[stream] = capacity;
    return true;
}

/* Their bases move only without reserved addresses. */
static bool grow_streams(rg_tape *tape, uint64_t capacity)
{
    rg_cursor *cursor = &tape->cursor;
    uint64_t terms = rgi_terms(tape), partials = rgi_partials(tape);
    if (!tape->terms && !tape->allocator.resize &&
        (tape->reserved_streams = rgi_reserve(stream_addresses(tape)))) {
        tape->terms = tape->reserved_streams;
        tape->partials = (double *)(void *)(tape->terms + most_terms(tape));
    }
    void *base[RGI_TERM_STREAMS] = {tape->terms, tape->partials};
    bool grown = grow_stream(tape, TERM, &base[TERM], capacity) &&
                 grow_stream(tape, PARTIAL, &base[PARTIAL], capacity);
    tape->terms = base[TERM];
    tape->partials = base[PARTIAL];
    cursor->term = tape->terms ? tape->terms + terms : NULL;
    cursor->partial = tape->partials ? tape->partials + partials : NULL;
    return grown;
}

size_t rgi_stream_bytes(const rg_tape *tape)
{
    return (size_t)tape->stream_capacity[TERM] * stream_width[TERM] +
           (size_t)tape->stream_capacity[PARTIAL] * stream_width[PARTIAL];
}

void rgi_free_streams(rg_tape *tape)
{
    void *const base[RGI_TERM_STREAMS] = {tape->terms, tape->partials};
    if (tape->reserved_streams)
        rgi_release(tape->reserved_streams, stream_addresses(tape));
    for (int i = 0; i < RGI_TERM_STREAMS && !tape->reserved_streams; i++)
        rgi_free(&tape->allocator, base[i], (size_t)tape->stream_capacity[i] * stream_width[i]);
}

uint64_t rgi_terms(const rg_tape *tape)
{
    return tape->terms ? (uint64_t)(tape->cursor.term - tape->terms) : 0;
}

uint64_t rgi_partials(const rg_tape *tape)
{
    return tape->partials ? (uint64_t)(tape->cursor.partial - tape->partials) : 0;
}

/* How many more terms have room. There are at most as many partials, and the second stream grows
 * after the first. */
static uint64_t term_room(const rg_tape *tape)
{
    return tape->stream_capacity[PARTIAL] - rgi_terms(tape);
}

/* Statements up to here find room in the streams, however long they are. */
uint64_t rgi_statement_limit(const rg_tape *tape)
{
    uint64_t limit = tape->cursor.count + term_room(tape) / RGI_TERMS;
    return limit < tape->capacity ? limit : tape->capacity;
}

/* Room for one more node with so many terms; false after making the reason the tape's error. */
static bool make_room(rg_tape *tape, uint64_t terms)
{
    if (!rgi_room(tape))
        return false;
    if (terms < RGI_TERMS)
        terms = RGI_TERMS;
    if (term_room(tape) < terms) {
        uint64_t needed = whole_blocks(rgi_terms(tape) + terms), most = most_terms(tape);
        uint64_t wanted = 2 * tape->stream_capacity[PARTIAL];
        wanted = wanted > needed ? wanted : needed;
        if (needed > most) {
            rgi_fail(tape, RG_ERROR_LIMIT, "let: the tape holds the allowed %" PRIu64 " terms",
                     most);
            return false;
        }
        wanted = wanted < most ? wanted : most;
        if (!grow_streams(tape, wanted)) {
            rgi_fail(tape, RG_ERROR_MEMORY, "let: there is no memory for %" PRIu64 " terms",
                     wanted);
            return false;
        }
    }
    rgi_update_limit(tape);
    return true;
}

/* ---- appending ---- */

static rg_real passive(double value)
{
    return (rg_real){value, 0};
}

/* Whether a statement is to be appended: not on an inert tape, after an error, or under no_grad. */
static bool is_recording(const rg_tape *tape)
{
    return tape && !tape->inert && tape->error.status == RG_OK && tape->no_grad == 0;
}

/* Counts a statement whose terms and partials were just written, and gives it its number. */
static inline rg_real append(rg_tape *tape, int code, double value, uint64_t terms,
                             uint64_t partials)
{
    rg_cursor *cursor = &tape->cursor;
    uint64_t node = cursor->count++;
    cursor->code[node] = (uint16_t)code;
    cursor->term += terms;
    cursor->partial += partials;
    if (cursor->statement_limit) {
        cursor->statement_limit = rgi_statement_limit(tape);
    } else if (tape->find_anomalies) {
        cursor->value[node] = value;
        rgi_inspect(tape, (uint32_t)node);
    }
    return (rg_real){value, (uint32_t)node};
}

/* Makes it the tape's error that a node does not exist. */
static bool fail_stale(rg_tape *tape, uint32_t node)
{
    rgi_fail(tape, RG_ERROR_STALE,
             "let at node %" PRIu64 ": node %" PRIu32
             " does not exist; it was dropped by a rewind or is on another tape",
             tape->cursor.count, node);
    return false;
}

rg_real rgi_let_slow(rg_tape *tape, const rg_expr *e)
{
    if (!is_recording(tape))
        return passive(e->value);
    if (e->count > RGI_TERMS) {
        rgi_fail(tape, RG_ERROR_LIMIT,
                 "let at node %" PRIu64 ": the expression has %d terms; commit a part of it first",
                 tape->cursor.count, e->count);
        return passive(e->value);
    }
    if (e->tape && e->tape != tape) {
        rgi_fail(tape, RG_ERROR_TAPE,
                 "let at node %" PRIu64 ": a value of the expression is on another tape or was "
                 "never recorded",
                 tape->cursor.count);
        return passive(e->value);
    }
    if (e->count == 0 || !make_room(tape, RGI_TERMS))
        return passive(e->value);
    const double d[RGI_TERMS] = {e->d0, e->d1, e->d2, e->d3, e->d4, e->d5, e->d6, e->d7};
    const uint32_t id[RGI_TERMS] = {e->i0, e->i1, e->i2, e->i3, e->i4, e->i5, e->i6, e->i7};
    for (int k = 0; k < e->count; k++) {
        if (id[k] >= tape->cursor.count) {
            fail_stale(tape, id[k]);
            return passive(e->value);
        }
        tape->cursor.term[k] = id[k];
        tape->cursor.partial[k] = d[k];
    }
    return append(tape, RGI_CODE_TERMS + e->count, e->value, (uint64_t)e->count,
                  (uint64_t)e->count);
}

/* Writes n nodes to the stream at a place; false with the tape's error set if one does not exist.
 * That costs little here, so it is checked with optimization, too. */
static bool put_ids(rg_tape *tape, size_t place, size_t n, const rg_real *x)
{
    uint32_t *term = tape->cursor.term + place;
    uint32_t last = 0;
    for (size_t i = 0; i < n; i++) {
        term[i] = x[i].id;
        last = x[i].id > last ? x[i].id : last;
    }
    return last < tape->cursor.count || fail_stale(tape, last);
}

/* Whether a statement of n operands, each with so many words in the stream, can be appended. */
static inline bool begin_many(rg_tape *tape, size_t n, size_t words)
{
    if (tape && tape->cursor.count < tape->cursor.statement_limit && n < UINT32_MAX / 4 &&
        term_room(tape) >= words * n + 4)
        return true;
    if (!is_recording(tape))
        return false;
    if (n >= UINT32_MAX / 4) {
        rgi_fail(tape, RG_ERROR_LIMIT, "let at node %" PRIu64 ": %zu terms are too many",
                 tape->cursor.count, n);
        return false;
    }
    return make_room(tape, words * n + 4);
}

rg_real rg_let_partials(rg_tape *tape, double value, size_t n, const rg_real *x,
                        const double *partials)
{
    if (n == 0 || !begin_many(tape, n, 1) || !put_ids(tape, 0, n, x))
        return passive(value);
    memcpy(tape->cursor.partial, partials, n * sizeof *partials);
    if (n <= RGI_TERMS)
        return append(tape, RGI_CODE_TERMS + (int)n, value, n, n);
    tape->cursor.term[n] = (uint32_t)n;
    return append(tape, RGI_CODE_MANY, value, n + 1, n);
}

rg_real rg_let_lincomb(rg_tape *tape, size_t n, const double *weights, const rg_real *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += weights[i] * x[i].value;
    return rg_let_partials(tape, sum, n, x, weights);
}

rg_real rg_let_sum(rg_tape *tape, size_t n, const rg_real *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i].value;
    if (n == 0 || !begin_many(tape, n, 1) || !put_ids(tape, 0, n, x))
        return passive(sum);
    tape->cursor.term[n] = (uint32_t)n;
    return append(tape, RGI_CODE_SUM, sum, n + 1, 0);
}

/* Products of numbers whose nodes follow one another. */
static rg_real let_rows(rg_tape *tape, double sum, rg_real c, size_t n, const rg_real *a,
                        const rg_real *b)
{
    double *va = tape->cursor.value + a[0].id, *vb = tape->cursor.value + b[0].id;
    uint32_t *term = tape->cursor.term;
    for (size_t i = 0; i < n; i++) {
        va[i] = a[i].value;
        vb[i] = b[i].value;
    }
    term[0] = a[0].id;
    term[1] = b[0].id;
    term[2] = c.id;
    term[3] = (uint32_t)n;
    return append(tape, RGI_CODE_DOT, sum, 4, 0);
}

/* Operands in no order: their nodes one by one. */
static rg_real let_scattered(rg_tape *tape, double sum, rg_real c, size_t n, const rg_real *a,
                             const rg_real *b)
{
    double *value = tape->cursor.value;
    uint32_t *term = tape->cursor.term;
    for (size_t i = 0; i < n; i++) {
        term[i] = a[i].id;
        term[n + i] = b[i].id;
        value[a[i].id] = a[i].value;
        value[b[i].id] = b[i].value;
    }
    term[2 * n] = c.id;
    term[2 * n + 1] = (uint32_t)n;
    return append(tape, RGI_CODE_PAIRS, sum, 2 * n + 2, 0);
}

/* Where the values on the tape are not those of the numbers: the partial derivatives. */
static rg_real let_products(rg_tape *tape, double sum, rg_real c, size_t n, const rg_real *a,
                            const rg_real *b)
{
    uint32_t *term = tape->cursor.term;
    double *partial = tape->cursor.partial;
    for (size_t i = 0; i < n; i++) {
        term[i] = a[i].id;
        term[n + i] = b[i].id;
        partial[i] = b[i].value;
        partial[n + i] = a[i].value;
    }
    term[2 * n] = c.id;
    partial[2 * n] = 1;
    term[2 * n + 1] = (uint32_t)(2 * n + 1);
    return append(tape, RGI_CODE_MANY, sum, 2 * n + 2, 2 * n + 1);
}

/* Numbers without derivatives share node 0 and so have no values on the tape; an input that was
 * overwritten has another value than a number taken before. */
static rg_real let_apart(rg_tape *tape, double sum, rg_real c, size_t n, const rg_real *a,
                         const rg_real *b)
{
    uint32_t least = UINT32_MAX, last = c.id;
    for (size_t i = 0; i < n; i++) {
        const uint32_t low = a[i].id < b[i].id ? a[i].id : b[i].id;
        const uint32_t high = a[i].id < b[i].id ? b[i].id : a[i].id;
        least = low < least ? low : least;
        last = high > last ? high : last;
    }
    if (last >= tape->cursor.count) {
        fail_stale(tape, last);
        return passive(sum);
    }
    return least == 0 || tape->write_count > 0 ? let_products(tape, sum, c, n, a, b)
                                               : let_scattered(tape, sum, c, n, a, b);
}

/* If it can be, the values are kept on the tape, where the sweep reads them: statements do not keep
 * theirs. */
static inline rg_real let_dot(rg_tape *tape, rg_real c, size_t n, const rg_real *a,
                              const rg_real *b)
{
    if (n == 0)
        return c;
    double sum = c.value;
    uint32_t first = a[0].id, second = b[0].id, apart = first == 0 || second == 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i].value * b[i].value;
        apart |= (a[i].id ^ (first + (uint32_t)i)) | (b[i].id ^ (second + (uint32_t)i));
    }
    if (!begin_many(tape, n, 2))
        return passive(sum);
    const uint64_t count = tape->cursor.count;
    apart |= a[n - 1].id >= count || b[n - 1].id >= count || c.id >= count;
    return apart || tape->write_count > 0 ? let_apart(tape, sum, c, n, a, b)
                                          : let_rows(tape, sum, c, n, a, b);
}

rg_real rg_let_dot_add(rg_tape *tape, rg_real c, size_t n, const rg_real *a, const rg_real *b)
{
    return let_dot(tape, c, n, a, b);
}

rg_real rg_let_dot(rg_tape *tape, size_t n, const rg_real *a, const rg_real *b)
{
    return let_dot(tape, passive(0), n, a, b);
}

/* ---- to and from recorded values ---- */

rg_real rgi_real_of_value(rg_value x)
{
    uint32_t node = rgi_live_node(x, "let");
    rg_tensor room;
    const rg_tensor *tensor = node ? rgi_tensor_of(x.tape, node, &room) : NULL;
    if (tensor && (tensor->type != RG_F64 || tensor->shape.rank != 0)) {
        char text[RG_SHAPE_TEXT_SIZE];
        rgi_fail(x.tape, RG_ERROR_SHAPE,
                 "let: a value of type %s and shape %s is not a float64 scalar",
                 rg_type_name(tensor->type), rg_shape_text(&tensor->shape, text));
        tensor = NULL;
    }
    if (!tensor)
        return passive(NAN);
    return (rg_real){*(const double *)tensor->data, rgi_is_active(x.tape, node) ? node : 0};
}

rg_real rgi_let_value(rg_tape *tape, rg_value x)
{
    if (RG_LIKELY(tape && x.tape == tape && rgi_is_open(&tape->cursor))) {
        uint32_t node = rgi_scalar_node(&tape->cursor, x.serial);
        if (tape->cursor.code[node] == RGI_CODE_INPUT)
            return (rg_real){tape->cursor.value[node], node};
    }
    if (x.tape != tape && rg_tape_status(tape) == RG_OK)
        rgi_fail(tape, x.tape ? RG_ERROR_TAPE : RG_ERROR_STALE,
                 x.tape ? "let: the value is on another tape"
                        : "let: the value was never recorded");
    return x.tape == tape ? rgi_real_of_value(x) : passive(NAN);
}

/* Inputs need no terms, so the limit that keeps room for them is not theirs: it moves on. */
rg_real rgi_let_input_slow(rg_tape *tape, double value)
{
    rg_real x = rgi_let_value(tape, rg_input(tape, value));
    if (tape && !tape->inert)
        rgi_update_limit(tape);
    return x;
}

/* Inputs for which there is room. */
static void append_inputs(rg_cursor *cursor, size_t n, const double *values, rg_real *x)
{
    const uint64_t first = cursor->count;
    uint16_t *code = cursor->code + first;
    double *value = cursor->value + first;
    for (size_t i = 0; i < n; i++) {
        code[i] = RGI_CODE_INPUT;
        value[i] = values[i];
        x[i] = (rg_real){values[i], (uint32_t)(first + i)};
    }
    cursor->last_input = first + n - 1;
    cursor->count = first + n;
}

void rg_let_inputs(rg_tape *tape, size_t n, const double *values, rg_real *x)
{
    for (size_t i = 0, some = 1; i < n; i += some) {
        rg_cursor *cursor = tape ? &tape->cursor : NULL;
        uint64_t room = cursor && cursor->count < cursor->statement_limit
                            ? cursor->statement_limit - cursor->count
                            : 0;
        some = n - i < room ? n - i : (size_t)room;
        if (some > 0) {
            append_inputs(cursor, some, values + i, x + i);
        } else {
            x[i] = rg_let_input(tape, values[i]);
            some = 1;
        }
    }
}

/* The node of a number; 0 with the tape's error set if it does not exist. */
static uint32_t existing(rg_tape *tape, rg_real x)
{
    if (x.id < tape->cursor.count)
        return x.id;
    rgi_fail(tape, RG_ERROR_STALE, "value_of: node %" PRIu32 " was dropped by a rewind", x.id);
    return 0;
}

rg_value rg_value_of(rg_tape *tape, rg_real x)
{
    if (rg_tape_status(tape) != RG_OK)
        return rgi_inert(tape);
    if (x.id == 0)
        return rg_constant(tape, x.value);
    uint32_t node = existing(tape, x);
    if (!node)
        return rgi_inert(tape);
    if (rgi_is_statement(tape->cursor.code[node]))
        tape->cursor.value[node] = x.value;
    return rgi_handle(tape, node);
}

double rg_real_grad(rg_tape *tape, rg_real x)
{
    double grad;
    rg_read_real_grads(tape, 1, &x, &grad);
    return grad;
}

void rg_read_real_grads(rg_tape *tape, size_t n, const rg_real *x, double *out)
{
    const uint64_t count = tape && !tape->inert ? tape->cursor.count : 0;
    const uint32_t swept = count ? (uint32_t)tape->swept : 0;
    const uint16_t *const code = count ? tape->cursor.code : NULL;
    const double *const adjoint = count ? tape->cursor.adjoint : NULL;
    for (size_t i = 0; i < n; i++) {
        const uint32_t node = x[i].id;
        if (node - 1 < swept && code[node] == RGI_CODE_INPUT) { /* not 0 either */
            out[i] = adjoint[node];
            continue;
        }
        const double *grad = node > 0 && node < count ? rgi_node_adjoint(tape, node) : NULL;
        out[i] = grad ? *grad : node < count || node == 0 ? 0 : NAN;
    }
}
