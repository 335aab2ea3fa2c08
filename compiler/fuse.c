/* fuse: which elementwise nodes are never stored, but computed by whoever reads them.
 *
 * A convolution reads through a staged copy of its input, so an elementwise producer costs it one pass over that copy; an
 * elementwise reader just goes on computing. What would be computed often or dearly is stored: exp in it, or a gradient that
 * two convolutions read. */
#include "lower.h"

int node_users(const Graph *graph, const Node *node, Node **users, int capacity) {
    int count = 0;
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->node[i]->input_count; k++)
            if (graph->node[i]->input[k] == node && count < capacity) {
                users[count++] = graph->node[i];
                break;
            }
    return count;
}

static bool is_activation(Operation op) {
    return op == OP_RELU || op == OP_LEAKY_RELU || op == OP_SIGMOID || op == OP_TANH;
}

static bool is_activation_grad(Operation op) {
    return op == OP_RELU_GRAD || op == OP_LEAKY_RELU_GRAD || op == OP_SIGMOID_GRAD || op == OP_TANH_GRAD;
}

Node *epilogue_of(const Graph *graph, Node *node) {
    if (node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D && node->op != OP_LINEAR) return node;
    Node *users[2];
    if (node == graph->reconstruction || node_users(graph, node, users, 2) != 1) return node;
    return is_activation(users[0]->op) && users[0]->scan == node->scan ? users[0] : node;
}

/* Can a reader compute this operand itself? *convolutions counts those among them. */
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
        return operation_is_elementwise(user->op) && user->scan == NULL;
    }
}

static bool can_fuse(const Graph *graph, Node *node) {
    if (!operation_is_elementwise(node->op) || node->scan || node->rank != 4) return false;
    if (node == graph->reconstruction || node == graph->loss || node->op == OP_SIGMOID || node->op == OP_TANH) return false;
    if (node->op == OP_SELECT_ROW) return false;
    if (is_activation(node->op) && epilogue_of(graph, node->input[0]) == node) return false;
    for (int i = 0; i < graph->parameter_count; i++)
        if (graph->parameter[i]->gradient == node) return false;
    Node *users[16];
    int count = node_users(graph, node, users, 16), convolutions = 0;
    if (count == 0 || count == 16) return false;
    for (int i = 0; i < count; i++)
        if (!reads_through(users[i], node, &convolutions)) return false;
    bool gradient = is_activation_grad(node->op) || node->op == OP_BATCH_NORM_GRAD || node->op == OP_MSE_GRAD || node->op == OP_L1_GRAD ||
                    node->op == OP_ADD;
    return !(gradient && convolutions > 1);
}

void fuse_graph(const Lowering *l) {
    for (int i = 0; i < l->graph->node_count; i++) l->graph->node[i]->fused = can_fuse(l->graph, l->graph->node[i]);
}
