/* gradients.c: the gradient rule of each operation: given dy, the gradient of the loss with respect to the node's output, add the nodes
 * that compute its share in the gradients of the inputs. Rules know nothing of time: differentiate.c puts their nodes into scans. */
#include "graph.h"

#include <string.h>

const char *gradient_name(const Node *node, const char *suffix) {
    return format("%s_%s", node->stem ? node->stem : node->name, suffix);
}

static Node *add_gradient(Graph *graph, const Node *node, Operation op, const char *suffix, int input_count, Node **inputs) {
    return add_node(graph, op, gradient_name(node, suffix), NULL, input_count, inputs);
}

static void gradient_of_bias(Graph *graph, Node *node, Node *dy, bool pixels) {
    if (node->input_count < 3) return;
    add_adjoint(
        graph, node->input[2],
        append_node(
            graph,
            (Node){.op = OP_BIAS_GRAD, .name = gradient_name(node, "bias_grad"), .input_count = 1, .input = {dy}, .pixels = pixels}));
}

/* Convolution and transposed convolution are each other's data gradients, and share the weight gradient: of the side with the small
 * image and the side with the large one. y = conv2d(x): dy is small, x large; y = conv_transpose2d(x): the other way round. */
static Node *convolution_gradient(Node *node, Operation op, const char *suffix, Node *first, Node *second) {
    Node *gradient = NEW(Node);
    *gradient = (Node){.op = op, .name = gradient_name(node, suffix), .input_count = 2, .input = {first, second}};
    for (int d = 0; d < 2; d++) {
        gradient->kernel[d] = node->kernel[d];
        gradient->stride[d] = node->stride[d];
        gradient->padding[d] = node->padding[d];
    }
    return gradient;
}

static void gradient_CONV2D(Graph *graph, Node *node, Node *dy) {
    Node *x = node->input[0], *weight = node->input[1];
    if (weight->needs_gradient)
        add_adjoint(graph, weight, append_node(graph, *convolution_gradient(node, OP_CONV2D_WEIGHT_GRAD, "weight_grad", dy, x)));
    gradient_of_bias(graph, node, dy, true);
    if (!x->needs_gradient) return;
    Node *data = convolution_gradient(node, OP_CONV_TRANSPOSE2D, "data_grad", dy, weight);
    for (int d = 0; d < 2; d++) /* rows that the convolution's stride left unread at the end get their zeros */
        data->output_padding[d] = floor_modulo(x->shape[2 + d] + 2 * node->padding[d] - node->kernel[d], node->stride[d]);
    add_adjoint(graph, x, append_node(graph, *data));
}

static void gradient_CONV_TRANSPOSE2D(Graph *graph, Node *node, Node *dy) {
    Node *x = node->input[0], *weight = node->input[1];
    if (weight->needs_gradient)
        add_adjoint(graph, weight, append_node(graph, *convolution_gradient(node, OP_CONV2D_WEIGHT_GRAD, "weight_grad", x, dy)));
    gradient_of_bias(graph, node, dy, true);
    if (x->needs_gradient) add_adjoint(graph, x, append_node(graph, *convolution_gradient(node, OP_CONV2D, "data_grad", dy, weight)));
}

static void gradient_LINEAR(Graph *graph, Node *node, Node *dy) {
    Node *x = node->input[0], *weight = node->input[1];
    if (weight->needs_gradient)
        add_adjoint(graph, weight, add_gradient(graph, node, OP_LINEAR_WEIGHT_GRAD, "weight_grad", 2, (Node *[]){dy, x}));
    gradient_of_bias(graph, node, dy, false);
    if (x->needs_gradient) add_adjoint(graph, x, add_gradient(graph, node, OP_LINEAR_DATA_GRAD, "data_grad", 2, (Node *[]){dy, weight}));
}

/* The statistics are functions of x too, so this rule goes through BATCH_NORM and BATCH_NORM_STATISTICS at once:
 * dx = scale · (dy − mean(dy) − x̂ · mean(dy · x̂)) with x̂ the normalised x; the sums behind the means are the gradients of bias and weight.
 */
static void gradient_BATCH_NORM(Graph *graph, Node *node, Node *dy) {
    Node *x = node->input[0], *stats = node->input[1], *bias = node->input[2];
    if (stats->op != OP_BATCH_NORM_STATISTICS) die("%s: no gradient through running statistics", node->name);
    Node *sums = add_gradient(graph, node, OP_BATCH_NORM_SUMS, "grad_sums", 3, (Node *[]){x, stats, dy});
    Node *select = &(Node){.op = OP_SELECT_ROW, .input_count = 1, .input = {sums}};
    select->which = 1, select->name = gradient_name(node, "weight_grad");
    add_adjoint(graph, stats->input[1], append_node(graph, *select));
    select->which = 0, select->name = gradient_name(node, "bias_grad");
    add_adjoint(graph, bias, append_node(graph, *select));
    if (x->needs_gradient) add_adjoint(graph, x, add_gradient(graph, node, OP_BATCH_NORM_GRAD, "grad", 4, (Node *[]){x, stats, sums, dy}));
}

/* Activations: from the output, so that the input need not be kept. */
static void gradient_of_activation(Graph *graph, Node *node, Node *dy, Operation op, Node *seen) {
    add_adjoint(
        graph, node->input[0],
        append_node(graph,
                    (Node){.op = op, .name = gradient_name(node, "grad"), .input_count = 2, .input = {seen, dy}, .slope = node->slope}));
}

static void gradient_RELU(Graph *graph, Node *node, Node *dy) {
    gradient_of_activation(graph, node, dy, OP_RELU_GRAD, node);
}
static void gradient_SIGMOID(Graph *graph, Node *node, Node *dy) {
    gradient_of_activation(graph, node, dy, OP_SIGMOID_GRAD, node);
}
static void gradient_TANH(Graph *graph, Node *node, Node *dy) {
    gradient_of_activation(graph, node, dy, OP_TANH_GRAD, node);
}

/* Under a negative slope the output is positive on both sides: there the input's sign must be seen. */
static void gradient_LEAKY_RELU(Graph *graph, Node *node, Node *dy) {
    gradient_of_activation(graph, node, dy, OP_LEAKY_RELU_GRAD, node->slope >= 0 ? node : node->input[0]);
}

static void gradient_ADD(Graph *graph, Node *node, Node *dy) {
    add_adjoint(graph, node->input[0], dy);
    add_adjoint(graph, node->input[1], dy);
}

static void gradient_GRU_CELL(Graph *graph, Node *node, Node *dy) {
    Node *from_input = node->input[0], *from_hidden = node->input[1], *h = node->input[2];
    Node *gradient = add_gradient(graph, node, OP_GRU_CELL_GRAD, "grad", 4, (Node *[]){from_input, from_hidden, h, dy});
    Node *result = &(Node){.op = OP_RESULT, .input_count = 1, .input = {gradient}};
    add_adjoint(graph, from_input, gradient);
    result->which = 1, result->name = gradient_name(node, "grad_hidden_gates");
    add_adjoint(graph, from_hidden, append_node(graph, *result));
    result->which = 2, result->name = gradient_name(node, "grad_carry");
    add_adjoint(graph, h, append_node(graph, *result));
}

static void gradient_of_loss(Graph *graph, Node *node, Node *dy, Operation op) {
    if (dy) die("%s: is only differentiated as the loss itself, not under a further operation", node->name);
    if (node->input[1]->needs_gradient) die("%s: no gradient of what is compared with", node->name);
    add_adjoint(graph, node->input[0], add_gradient(graph, node, op, "grad", 2, node->input));
}

static void gradient_MSE(Graph *graph, Node *node, Node *dy) {
    gradient_of_loss(graph, node, dy, OP_MSE_GRAD);
}
static void gradient_L1(Graph *graph, Node *node, Node *dy) {
    gradient_of_loss(graph, node, dy, OP_L1_GRAD);
}

/* Absent: what has no inputs, the gradients themselves, and BATCH_NORM_STATISTICS (part of BATCH_NORM's rule). */
static void (*const rules[OP_COUNT])(Graph *, Node *, Node *) = {
    [OP_CONV2D] = gradient_CONV2D,   [OP_CONV_TRANSPOSE2D] = gradient_CONV_TRANSPOSE2D,
    [OP_LINEAR] = gradient_LINEAR,   [OP_BATCH_NORM] = gradient_BATCH_NORM,
    [OP_RELU] = gradient_RELU,       [OP_LEAKY_RELU] = gradient_LEAKY_RELU,
    [OP_SIGMOID] = gradient_SIGMOID, [OP_TANH] = gradient_TANH,
    [OP_ADD] = gradient_ADD,         [OP_GRU_CELL] = gradient_GRU_CELL,
    [OP_MSE] = gradient_MSE,         [OP_L1] = gradient_L1,
};

void apply_gradient_rule(Graph *graph, Node *node, Node *dy) {
    if (!rules[node->op]) die("%s: operation %s has no gradient rule", node->name, operation_name(node->op));
    graph->layer = node->layer;
    rules[node->op](graph, node, dy);
}
