/* moves.c: slices, concatenations and reshapes: making them, and putting gradients of slices together.
 *
 * A value that is read in parts (halves, frames, channels) gets its gradient in parts, too. Each would be a tensor of the value's size that
 * is zero elsewhere, and their sum would cost the size times the number of parts. So the parts wait until all readers have been seen;
 * then the value is cut where parts begin and end, each piece is the sum of what covers it, and the pieces are put on end. */
#include "graph/moves.h"

#include "graph/adjoints.h"
#include "graph/gradients.h"
#include "graph/shapes.h"

#include <stdlib.h>
#include <string.h>

Node *slice(Graph *graph, const char *name, Node *node, Axis axis, long first, long count) {
    if (first == 0 && count == axis_extent(node, node->steps, axis)) return node;
    return append_node(
        graph, (Node){.op = OP_SLICE, .name = name, .input_count = 1, .input = {node}, .axis = axis, .first = first, .count = count});
}

/* In groups of MAX_INPUTS, these in groups of as many, … */
Node *concatenate(Graph *graph, const char *name, Axis axis, int count, Node *const *nodes) {
    if (count == 1) return nodes[0];
    const int groups = (count + MAX_INPUTS - 1) / MAX_INPUTS;
    if (groups == 1) {
        Node node = {.op = OP_CONCAT, .name = name, .input_count = count, .axis = axis};
        memcpy(node.input, nodes, sizeof(Node *) * (size_t)count);
        return append_node(graph, node);
    }
    Node **group = NEW_ARRAY(Node *, groups);
    for (int i = 0; i < groups; i++)
        group[i] =
            concatenate(graph, format("%s_part", name), axis, (int)minimum(MAX_INPUTS, count - i * MAX_INPUTS), nodes + i * MAX_INPUTS);
    return concatenate(graph, name, axis, groups, group);
}

static Node *reshape(Graph *graph, const char *name, Node *node, bool clip, const long shape[4]) {
    const long items = node->shape[0] / node->steps;
    Node reshaped = {.op = OP_RESHAPE, .name = name, .input_count = 1, .input = {node}, .rank = 4, .clip = clip, .steps = shape[1]};
    const long rows[4] = {items * shape[1], shape[0], shape[2], shape[3]};
    memcpy(reshaped.shape, rows, sizeof rows);
    return append_node(graph, reshaped);
}

Node *reshape_rows(Graph *graph, const char *name, Node *node, const long shape[3]) {
    return reshape(graph, name, node, false, (long[4]){shape[0], node->steps, shape[1], shape[2]});
}

Node *reshape_clips(Graph *graph, const char *name, Node *node, const long shape[4]) {
    return reshape(graph, name, node, true, shape);
}

/* ---- gradients of slices ---- */

void add_part(Differentiation *d, const Node *slice, Node *dy) {
    for (int i = 0; i < d->application->count; i++) {
        const Delivery *delivery = &d->application->delivery[i];
        if (delivery->to != slice->input[0]) continue;
        Parts *parts = &delivery->adjoint->parts;
        MAKE_ROOM(parts->part, parts->count, parts->capacity);
        parts->part[parts->count++] = (struct Part){slice, scaled_adjoint(d, slice->input[0], dy, delivery->factor)};
    }
}

static int ascending(const void *a, const void *b) {
    const long left = *(const long *)a, right = *(const long *)b;
    return left < right ? -1 : left > right;
}

/* Where a piece of the node begins, and where the last one ends: ascending, each place once. Returns how many places. */
static int cut(const Parts *parts, Axis axis, long end, long *place) {
    int count = 0, kept = 1;
    place[count++] = 0;
    place[count++] = end;
    for (int i = 0; i < parts->count; i++) {
        const Node *slice = parts->part[i].slice;
        if (slice->axis != axis) continue;
        place[count++] = slice->first;
        place[count++] = slice->first + slice->count;
    }
    qsort(place, (size_t)count, sizeof *place, ascending);
    for (int i = 1; i < count; i++)
        if (place[i] != place[kept - 1]) place[kept++] = place[i];
    return kept;
}

/* Zeros of the shape of so many items, steps or channels of the node. */
static Node *zeros(Graph *graph, const char *name, const Node *node, Axis axis, long count) {
    Node fill = {.op = OP_FILL, .name = name, .rank = 4, .steps = axis == AXIS_STEPS ? count : node->steps};
    const long items = axis == AXIS_ITEMS ? count : node->shape[0] / node->steps;
    const long shape[4] = {items * fill.steps, axis == AXIS_CHANNELS ? count : node->shape[1], node->shape[2], node->shape[3]};
    memcpy(fill.shape, shape, sizeof shape);
    return append_node(graph, fill);
}

/* The sum of what there is of the elements first … end − 1. */
static Node *piece(Differentiation *d, const Node *node, const Parts *parts, Axis axis, long first, long end) {
    const char *name = gradient_name(node, "grad_part");
    Node *sum = NULL;
    for (int i = 0; i < parts->count; i++) {
        const Node *part = parts->part[i].slice;
        if (part->axis != axis || part->first > first || part->first + part->count < end) continue;
        Node *term = slice(d->graph, name, parts->part[i].dy, axis, first - part->first, end - first);
        sum = sum ? add_node(d->graph, OP_ADD, name, NULL, 2, (Node *[]){sum, term}) : term;
    }
    return sum ? sum : zeros(d->graph, name, node, axis, end - first);
}

static void add_parts_of(Differentiation *d, Node *node, Adjoint *adjoint) {
    const Parts parts = adjoint->parts;
    adjoint->parts.count = 0;
    for (int axis = AXIS_ITEMS; axis <= AXIS_CHANNELS; axis++) {
        bool read = false;
        for (int i = 0; i < parts.count; i++) read = read || parts.part[i].slice->axis == (Axis)axis;
        if (!read) continue;
        long *place = NEW_ARRAY(long, 2 * parts.count + 2);
        const int pieces = cut(&parts, (Axis)axis, axis_extent(node, node->steps, (Axis)axis), place) - 1;
        Node **made = NEW_ARRAY(Node *, pieces);
        for (int i = 0; i < pieces; i++) made[i] = piece(d, node, &parts, (Axis)axis, place[i], place[i + 1]);
        add_term(d, node, adjoint, concatenate(d->graph, gradient_name(node, "grad_parts"), (Axis)axis, pieces, made));
    }
}

void add_parts_together(Differentiation *d, Node *node) {
    const NodeAdjoints *adjoints = &d->adjoints[node->id];
    for (int i = 0; i < adjoints->count; i++) {
        if (!adjoints->list[i].parts.count) continue;
        d->graph->layer = node->layer;
        add_parts_of(d, node, &adjoints->list[i]);
    }
}
