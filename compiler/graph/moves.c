/* moves.c: slices, concatenations and reshapes: making them, and putting gradients of slices together.
 *
 * A value that is read in parts (halves, frames, channels) gets its gradient in parts, too. Each would be a tensor of the value's size that
 * is zero elsewhere, and their sum would cost the size times the number of parts. So the parts wait until all readers have been seen;
 * then the value is cut where parts begin and end, each piece is the sum of what covers it, and the pieces are put on end. */
#include "graph/differentiate.h"

#include <string.h>

Node *slice(Graph *graph, const char *name, Node *node, Axis axis, long first, long count) {
    const long all[] = {node->shape[0] / node->steps, node->steps, node->shape[1]};
    if (first == 0 && count == all[axis]) return node;
    return append_node(
        graph, (Node){.op = OP_SLICE, .name = name, .input_count = 1, .input = {node}, .axis = axis, .first = first, .count = count});
}

/* In groups of MAX_INPUTS, these in groups of as many, … */
Node *concatenate(Graph *graph, const char *name, Axis axis, int count, Node *const *nodes) {
    if (count == 1) return nodes[0];
    int groups = count <= MAX_INPUTS ? 1 : (count + MAX_INPUTS - 1) / MAX_INPUTS;
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
