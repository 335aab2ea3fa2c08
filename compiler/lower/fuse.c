/* fuse.c: chooses the elementwise nodes that are never stored. Their readers compute them.
 *
 * A convolution reads a staged copy of its input, so an elementwise producer costs it one pass over that copy. An elementwise reader
 * simply continues the computation. A node is stored if it would be computed often or is expensive: it has an exponential, or it is a
 * gradient that two convolutions read. Batch norm's gradient also has two such readers, but is not stored: each then reads the two tensors
 * that it is computed from, which is cheaper than writing a third one and reading it twice. */
#include "lower/fuse.h"

#include "lower/storage.h"

Node *epilogue_of(const Graph *graph, Node *node) {
    if (node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D && node->op != OP_LINEAR) return node;
    if (name_of(graph, ROLE_OUTPUT, node) || name_of(graph, ROLE_LOSS, node) || node->reader_count != 1) return node;
    Node *reader = node->reader[0];
    return operation_is(reader->op, ACTIVATION) && reader->scan == node->scan ? reader : node;
}

/* Can a reader compute this operand itself? *convolutions counts the convolutions among the readers. */
static bool reads_through(const Node *user, const Node *node, int *convolutions) {
    switch (user->op) {
    case OP_CONV2D:
    case OP_CONV_TRANSPOSE2D:
        ++*convolutions;
        return user->input[0] == node;
    case OP_CONV2D_WEIGHT_GRAD:
        ++*convolutions;
        return true;
    case OP_BATCH_NORM_SUMS:
        return true;
    default:
        return operation_is(user->op, ELEMENTWISE) && user->scan == NULL;
    }
}

/* Is an element computed from a tensor in planes, whatever the number of channels? Then lanes cannot lie along the channels. */
static bool reads_planes(const Graph *graph, const Node *node) {
    if (name_of(graph, ROLE_OUTPUT, node) || name_of(graph, ROLE_INPUT, node)) return true;
    for (int i = 0; node->fused && i < node->input_count; i++)
        if (reads_planes(graph, node->input[i])) return true;
    return false;
}

static bool can_fuse(const Graph *graph, Node *node) {
    if (name_of(graph, ROLE_OUTPUT, node) || name_of(graph, ROLE_LOSS, node) || is_double(node)) return false;
    if (node->op == OP_FILL) return !node->gradient_of; /* a constant, whoever reads it */
    if (!operation_is(node->op, ELEMENTWISE) || operation_is(node->op, COSTLY) || node->scan || node->rank != 4) return false;
    if (operation_is(node->op, ACTIVATION) && epilogue_of(graph, node->input[0]) == node) return false;
    if (node->gradient_of || node->reader_count == 0) return false;
    int convolutions = 0;
    for (int i = 0; i < node->reader_count; i++)
        if (!reads_through(node->reader[i], node, &convolutions)) return false;
    if (!operation_is(node->op, GRADIENT) || convolutions < 2) return true;
    return node->op == OP_BATCH_NORM_GRAD && convolutions == 2 && !reads_planes(graph, node->input[3]);
}

void fuse_graph(const Lowering *l) {
    for (int i = 0; i < l->graph->node_count; i++) {
        Node *node = l->graph->node[i];
        node->fused = can_fuse(l->graph, node) && !(l->apart && name_of(l->graph, ROLE_CUT, node));
    }
}
