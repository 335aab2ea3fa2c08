/* gradients_losses.c: the gradient rules of the terms of losses and of their sums. A constant dy stays one (FILL) through all sums, so that
 * a term's gradient has it as a factor. */
#include "graph/gradients_losses.h"

#include "graph/gradients.h"

#include <string.h>

static void add_term_gradient(Differentiation *d, Node *node, int of, Node gradient) {
    if (!wants_gradient(d, node->input[of])) return;
    gradient.name = gradient_name(node, of ? "grad_target" : "grad");
    gradient.epsilon = node->epsilon;
    gradient.which = node->which;
    add_adjoint(d, node->input[of], append_node(d->graph, gradient));
}

/* One side's gradient is the other's with a and b exchanged. */
static void gradient_of_difference(Differentiation *d, Node *node, Node *dy, Operation op) {
    for (int side = 0; side < 2; side++)
        add_term_gradient(d, node, side, (Node){.op = op, .input_count = 3, .input = {node->input[side], node->input[1 - side], dy}});
}

void gradient_SQUARED_DIFFERENCE(Differentiation *d, Node *node, Node *dy) {
    gradient_of_difference(d, node, dy, OP_SQUARED_DIFFERENCE_GRAD);
}
void gradient_ABSOLUTE_DIFFERENCE(Differentiation *d, Node *node, Node *dy) {
    gradient_of_difference(d, node, dy, OP_ABSOLUTE_DIFFERENCE_GRAD);
}

void gradient_BCE_WITH_LOGITS(Differentiation *d, Node *node, Node *dy) {
    Node *v = node->input[0], *target = node->input[1];
    add_term_gradient(d, node, 0, (Node){.op = OP_BCE_WITH_LOGITS_GRAD, .input_count = 3, .input = {v, target, dy}});
    add_term_gradient(d, node, 1, (Node){.op = OP_TIMES_GRAD, .input_count = 2, .input = {v, dy}, .factor = -1});
}

void gradient_BCE(Differentiation *d, Node *node, Node *dy) {
    Node *p = node->input[0], *target = node->input[1];
    add_term_gradient(d, node, 0, (Node){.op = OP_BCE_GRAD, .input_count = 3, .input = {p, target, dy}});
    add_term_gradient(d, node, 1, (Node){.op = OP_BCE_TARGET_GRAD, .input_count = 2, .input = {p, dy}});
}

void gradient_KL(Differentiation *d, Node *node, Node *dy) {
    Node *mean = node->input[0], *variance = node->input[1];
    add_term_gradient(d, node, 0, (Node){.op = OP_TIMES_GRAD, .input_count = 2, .input = {mean, dy}, .factor = 1});
    add_term_gradient(d, node, 1, (Node){.op = OP_KL_GRAD, .input_count = 2, .input = {variance, dy}});
}

void gradient_ENTROPY(Differentiation *d, Node *node, Node *dy) {
    add_term_gradient(d, node, 0, (Node){.op = OP_ENTROPY_GRAD, .input_count = 2, .input = {node->input[0], dy}});
}
void gradient_ABSOLUTE(Differentiation *d, Node *node, Node *dy) {
    add_term_gradient(d, node, 0, (Node){.op = OP_ABSOLUTE_GRAD, .input_count = 2, .input = {node->input[0], dy}});
}
void gradient_DIFFERENCE(Differentiation *d, Node *node, Node *dy) {
    add_term_gradient(d, node, 0, (Node){.op = OP_DIFFERENCE_GRAD, .input_count = 1, .input = {dy}});
}

/* ---- sums ---- */

/* factor · dy in each element of `of`, whose rows dy has, or whose rows in turn. */
static void spread(Differentiation *d, Node *node, Node *dy, Operation op) {
    Node *of = node->input[0];
    if (dy->op == OP_FILL) {
        add_adjoint(d, of, add_constant(d->graph, gradient_name(node, "grad"), of, node->factor * dy->factor));
        return;
    }
    Node gradient = {.op = op, .input_count = 1, .input = {dy}, .factor = node->factor, .rows = node->rows};
    gradient.rank = of->rank;
    gradient.steps = of->steps;
    memcpy(gradient.shape, of->shape, sizeof gradient.shape);
    add_term_gradient(d, node, 0, gradient);
}

void gradient_FRAME_SUM(Differentiation *d, Node *node, Node *dy) {
    spread(d, node, dy, OP_SPREAD);
}
void gradient_ROW_SUM(Differentiation *d, Node *node, Node *dy) {
    spread(d, node, dy, OP_SPREAD_ROWS);
}
void gradient_FALLING(Differentiation *d, Node *node, Node *dy) {
    add_term_gradient(d, node, 0, (Node){.op = OP_FALLING, .input_count = 1, .input = {dy}});
}
