/* Reshapes. Values are counted in the order C, H, W of a row, or C, T, H, W of an item. Where the sizes of both shapes divide into common
 * pieces, each index is affine in the numbers of the pieces; else the input is read by its place in that order, by way of a layout that
 * takes it apart: divisions and remainders by constants. */
#include "lower/lower_moves.h"

#include "loop/lanes.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/lower_rows.h"
#include "lower/storage.h"

#define V affine_variable

enum { CHANNEL, STEP, HEIGHT, WIDTH, SIDES, MAX_PIECES = 2 * SIDES };

static const char *const piece_names[MAX_PIECES] = {"p", "q", "r", "s", "u", "v", "x", "y"};

typedef struct Piece { /* a run of numbers along one dimension of either shape */
    long extent;
    int from, to;              /* the dimensions … */
    long from_scale, to_scale; /* … and the distance there */
    bool from_all, to_all;     /* all of its dimension */
} Piece;

typedef struct Pieces { /* innermost first */
    int count;
    Piece piece[MAX_PIECES];
} Pieces;

static void sides_of(const Node *node, bool clip, long sides[SIDES]) {
    sides[CHANNEL] = node->shape[1];
    sides[STEP] = clip ? node->steps : 1;
    sides[HEIGHT] = node->shape[2];
    sides[WIDTH] = node->shape[3];
}

/* The next dimension outwards of which something is left. */
static int next_side(const long left[SIDES], int d) {
    while (d >= 0 && left[d] == 1) d--;
    return d;
}

static bool find_pieces(const Node *reshape, Pieces *pieces) {
    long from[SIDES], to[SIDES], from_left[SIDES], to_left[SIDES];
    sides_of(reshape->input[0], reshape->clip, from);
    sides_of(reshape, reshape->clip, to);
    for (int d = 0; d < SIDES; d++) from_left[d] = from[d], to_left[d] = to[d];
    *pieces = (Pieces){0};
    for (;;) {
        const int a = next_side(from_left, WIDTH), b = next_side(to_left, WIDTH);
        if (a < 0 || b < 0) return a == b;
        const long extent = minimum(from_left[a], to_left[b]);
        if (from_left[a] % extent || to_left[b] % extent) return false;
        pieces->piece[pieces->count++] =
            (Piece){extent, a, b, from[a] / from_left[a], to[b] / to_left[b], from[a] == extent, to[b] == extent};
        from_left[a] /= extent;
        to_left[b] /= extent;
    }
}

bool has_common_pieces(const Node *reshape) {
    Pieces pieces;
    return find_pieces(reshape, &pieces);
}

/* Rows: by item, and by step where each row is reshaped for itself. */
static void start_rows(Compute *compute, const Node *node, At *from, At *to) {
    from->steps = node->input[0]->steps;
    to->steps = node->steps;
    from->b = to->b = V(add_variable(compute, "b", node->shape[0] / node->steps, false));
    if (!node->clip) from->t = to->t = V(add_variable(compute, "t", node->steps, false));
}

static Affine *side(At *at, int d) {
    Affine *const sides[SIDES] = {&at->c, &at->t, &at->h, &at->w};
    return sides[d];
}

/* The dimension counts on from whole vectors of the piece, or is the piece and has its padding lanes. */
static bool has_whole_vectors(const Piece *piece, int d, bool all, long lanes) {
    return d != CHANNEL || all || piece->extent % lanes == 0;
}

static bool has_lanes(const Compute *compute, const Piece *piece, const char *name, int lanes) {
    if (piece->from_scale != 1 || piece->to_scale != 1) return false;
    if (!has_whole_vectors(piece, piece->from, piece->from_all, lanes)) return false;
    return has_whole_vectors(piece, piece->to, piece->to_all, lanes) && lanes_fit(compute, name, lanes);
}

/* Pieces from the outermost one; the lanes of one of them innermost. Without lanes, elements that lie side by side in one layout lie apart
 * in the other: squares of the outermost and the innermost piece, so that what a cache line has is used while it is there. */
static void schedule_pieces(Lowering *l, Kernel *kernel, const Node *node, const Pieces *pieces) {
    Schedule *schedule = &kernel->schedule[0];
    const int lanes = l->target->lanes, outermost = pieces->count - 1;
    int vector = -1;
    for (int i = 0; i < pieces->count && vector < 0; i++)
        if (has_lanes(&kernel->compute[0], &pieces->piece[i], piece_names[i], lanes)) vector = i;
    add_level(schedule, "b", 1, LOOP_PARALLEL);
    if (!node->clip) add_level(schedule, "t", 1, LOOP_PARALLEL);
    for (int i = outermost; i >= 0; i--) {
        const bool tiled = i == vector || i == outermost || (vector < 0 && i == 0);
        add_level(schedule, piece_names[i], tiled ? lanes : 1, i == outermost ? LOOP_PARALLEL : LOOP_SERIAL);
    }
    if (outermost >= 0 && outermost != vector) add_level(schedule, piece_names[outermost], 1, LOOP_SERIAL);
    if (vector < 0 && outermost > 0) add_level(schedule, piece_names[0], 1, LOOP_SERIAL);
    if (vector >= 0) add_level(schedule, piece_names[vector], 1, LOOP_VECTOR);
}

static void lower_by_pieces(Lowering *l, Node *node, Kernel *kernel, const Pieces *pieces) {
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node);
    At from = {0}, to = {0};
    Variable *channels = NULL;
    start_rows(compute, node, &from, &to);
    for (int i = pieces->count; i-- > 0;) {
        const Piece *piece = &pieces->piece[i];
        Variable *variable = add_variable(compute, piece_names[i], piece->extent, false);
        Affine *a = side(&from, piece->from), *b = side(&to, piece->to);
        *a = affine_add(*a, affine_scale(V(variable), piece->from_scale));
        *b = affine_add(*b, affine_scale(V(variable), piece->to_scale));
        if (piece->from == CHANNEL && piece->to == CHANNEL && piece->from_all && piece->to_all) channels = variable;
    }
    Affine index[4];
    stored_index(node, &to, index);
    const Expression *value = node_element(l, node->input[0], &from);
    if (channels) channels->extent = channels_in(value, channels, out->shape[1]);
    add_store(compute, out, index, value);
    schedule_pieces(l, kernel, node, pieces);
}

/* ---- by the place of a value in its row or item ---- */

/* The same memory as [rows or items, values]. */
static const Buffer *values_of(const Buffer *buffer, const Node *node, bool clip) {
    long sides[SIDES], unit[SIDES];
    sides_of(node, clip, sides);
    unit[WIDTH] = 1;
    for (int d = WIDTH; d-- > 0;) unit[d] = unit[d + 1] * sides[d + 1];
    const long steps = clip ? node->steps : 1, shape[2] = {node->shape[0] / steps, unit[CHANNEL] * sides[CHANNEL]};
    Layout layout = {.size = buffer->layout.size};
    for (int i = 0; i < buffer->layout.count; i++) {
        const __typeof__(layout.term[0]) term = buffer->layout.term[i];
        if (term.dimension == 0) {
            layout.term[layout.count++] = (__typeof__(term)){0, 1, 0, term.stride * steps};
            if (steps > 1) layout.term[layout.count++] = (__typeof__(term)){1, unit[STEP], steps, term.stride};
        } else if (term.dimension == 1) {
            layout.term[layout.count++] = (__typeof__(term)){1, term.divisor * unit[CHANNEL], term.modulus, term.stride};
        } else if (node->shape[term.dimension] > 1) {
            if (term.divisor != 1 || term.modulus) die("%s: height or width in blocks", buffer->name);
            layout.term[layout.count++] = (__typeof__(term)){1, unit[term.dimension], sides[term.dimension], term.stride};
        }
    }
    Buffer *values = new_buffer(format("%s_values", buffer->name), buffer->type, SPACE_TENSOR, 2, shape, layout);
    values->owner = buffer->owner;
    return values;
}

static void lower_by_places(Lowering *l, Node *node, Kernel *kernel) {
    Compute *compute = &kernel->compute[0];
    Node *from = node->input[0];
    const Buffer *buffer = has_carried_rows(from) ? whole_rows(l, from) : node_buffer(l, from);
    const Buffer *values = values_of(buffer, from, node->clip);
    long sides[SIDES];
    sides_of(node, true, sides);
    At at = {.steps = node->steps, .b = V(add_variable(compute, "b", node->shape[0] / node->steps, false))};
    Affine place = affine_constant(0);
    static const char *const names[SIDES] = {"c", "t", "h", "w"};
    for (int d = 0; d < SIDES; d++) {
        *side(&at, d) = V(add_variable(compute, names[d], sides[d], false));
        if (d == STEP && !node->clip) continue;
        place = affine_add(affine_scale(place, sides[d]), *side(&at, d));
    }
    const Affine row = node->clip ? at.b : row_of(&at), read[2] = {row, place};
    Affine index[4];
    stored_index(node, &at, index);
    add_store(compute, node_buffer(l, node), index, load(values, read));
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "b", 1, LOOP_PARALLEL);
    for (int d = 0; d < SIDES; d++) add_level(schedule, names[d], 1, d == CHANNEL ? LOOP_PARALLEL : LOOP_SERIAL);
}

void lower_reshape(Lowering *l, Node *node) {
    const Node *from = node->input[0];
    Kernel *kernel = new_kernel(node->name, 1);
    Pieces pieces;
    if (find_pieces(node, &pieces)) lower_by_pieces(l, node, kernel, &pieces);
    else lower_by_places(l, node, kernel);
    kernel->comment = format("[%ld, %ld, %ld, %ld] in %ld steps as [%ld, %ld, %ld, %ld] in %ld: %s of each %s in order", from->shape[0],
                             from->shape[1], from->shape[2], from->shape[3], from->steps, node->shape[0], node->shape[1], node->shape[2],
                             node->shape[3], node->steps, node->clip ? "c, t, h, w" : "c, h, w", node->clip ? "item" : "row");
    set_work(kernel, 0);
    finish_kernel(l, kernel, NULL);
}
