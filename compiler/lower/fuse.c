/* fuse.c: chooses the elementwise nodes that are never stored. Their readers compute them.
 *
 * A convolution reads a staged copy of its input, so an elementwise producer costs it one pass over that copy. An elementwise reader
 * simply continues the computation. A node is stored if it would be computed often or is expensive: it has an exponential, or it is a
 * gradient that two convolutions read. Batch norm's gradient also has two such readers, but is not stored: each then reads the two tensors
 * that it is computed from, which is cheaper than writing a third one and reading it twice.
 *
 * A view, whose elements lie elsewhere, costs nothing: its readers read them there. The node that it is a view of is computed by its
 * readers only if all of them can do that. */
#include "lower/fuse.h"

#include "lower/lower_moves.h"
#include "lower/lower_rows.h"
#include "lower/storage.h"

Node *epilogue_of(const Graph *graph, Node *node) {
    if (node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D && node->op != OP_LINEAR) return node;
    if (name_of(graph, ROLE_OUTPUT, node) || name_of(graph, ROLE_LOSS, node) || node->kept || node->reader_count != 1) return node;
    Node *reader = node->reader[0];
    return operation_is(reader->op, ACTIVATION) && reader->scan == node->scan ? reader : node;
}

static bool has_place_of_its_own(const Graph *graph, const Node *node) {
    return name_of(graph, ROLE_OUTPUT, node) || name_of(graph, ROLE_LOSS, node) || node->gradient_of || node->kept ||
           node->reader_count == 0;
}

/* In a scan, rows are those of its steps; and a reshape by places reads what is stored. */
static bool is_read_as_view(const Lowering *l, const Node *node) {
    if (!is_view(l, node) || has_place_of_its_own(l->graph, node)) return false;
    for (int i = 0; i < node->reader_count; i++)
        if (node->reader[i]->scan || (node->reader[i]->op == OP_RESHAPE && !has_common_pieces(node->reader[i]))) return false;
    return true;
}

/* Then elements are read more than once. */
static bool windows_overlap(const Window *window) {
    for (int d = 0; d < 3; d++)
        if (window->kernel[d] > window->stride[d]) return true;
    return false;
}

static bool all_read_through(const Lowering *l, const Node *node, int *convolutions);

/* Can a reader compute this operand itself? *convolutions counts the convolutions among the readers. */
static bool reads_through(const Lowering *l, const Node *user, const Node *node, int *convolutions) {
    if (is_read_as_view(l, user)) return all_read_through(l, user, convolutions);
    switch (user->op) {
    case OP_CONV2D:
    case OP_CONV_TRANSPOSE2D:
        ++*convolutions;
        return user->input[0] == node;
    case OP_CONV2D_WEIGHT_GRAD:
        ++*convolutions;
        return true;
    case OP_BATCH_NORM_SUMS:
    case OP_FRAME_SUM:
        return true;
    case OP_RESHAPE:
        return has_common_pieces(user);
    case OP_UPSAMPLE:
    case OP_UPSAMPLE_GRAD:
        return user->scan == NULL;
    case OP_MAX_POOL:
    case OP_MAX_POOL_PLACE:
    case OP_AVG_POOL:
        return user->input[0] == node && !windows_overlap(&user->window);
    default:
        return operation_is(user->op, ELEMENTWISE | MOVE) && user->scan == NULL;
    }
}

static bool all_read_through(const Lowering *l, const Node *node, int *convolutions) {
    for (int i = 0; i < node->reader_count; i++)
        if (!reads_through(l, node->reader[i], node, convolutions)) return false;
    return true;
}

/* Is an element computed from a tensor in planes, whatever the number of channels? Then lanes cannot lie along the channels. */
static bool reads_planes(const Lowering *l, const Node *node) {
    if (name_of(l->graph, ROLE_OUTPUT, node) || name_of(l->graph, ROLE_INPUT, node)) return !is_given_for_blocks(l, node);
    for (int i = 0; node->fused && i < node->input_count; i++)
        if (reads_planes(l, node->input[i])) return true;
    return false;
}

/* Elements of an expression; a reader computes an operand for each use of it. More are stored, or a chain of sums of a value and a function
 * of it would double with each of them. */
enum { FUSED_MOST = 64 };

static int expression_size(const Node *node, const int *size) {
    int sum = 1;
    for (int i = 0; i < node->input_count; i++)
        if (node->input[i] && node->input[i]->fused) sum += size[node->input[i]->id];
    return sum;
}

/* `size`: of its expression */
static bool can_fuse(const Lowering *l, Node *node, int size) {
    const Graph *graph = l->graph;
    if (is_read_as_view(l, node)) return true;
    if (size > FUSED_MOST) return false;
    if (name_of(graph, ROLE_OUTPUT, node) || name_of(graph, ROLE_LOSS, node) || is_double(node)) return false;
    if (node->op == OP_FILL) return !node->gradient_of; /* a constant, whoever reads it */
    if (!operation_is(node->op, ELEMENTWISE) || operation_is(node->op, COSTLY) || node->scan || node->rank != 4) return false;
    if (operation_is(node->op, ACTIVATION) && epilogue_of(graph, node->input[0]) == node) return false;
    if (node->gradient_of || node->kept || node->reader_count == 0) return false;
    int convolutions = 0;
    if (!all_read_through(l, node, &convolutions)) return false;
    if (!operation_is(node->op, GRADIENT) || convolutions < 2) return true;
    return node->op == OP_BATCH_NORM_GRAD && convolutions == 2 && !reads_planes(l, node->input[3]);
}

void fuse_graph(const Lowering *l) {
    int *size = NEW_ARRAY(int, l->graph->node_count);
    for (int i = 0; i < l->graph->node_count; i++) {
        Node *node = l->graph->node[i];
        size[i] = expression_size(node, size);
        node->fused = can_fuse(l, node, size[i]) && !(l->apart && name_of(l->graph, ROLE_CUT, node));
    }
}
