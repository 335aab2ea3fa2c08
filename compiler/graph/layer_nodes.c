/* layer_nodes.c: the parameters and the nodes of layers. */
#include "graph/layer_nodes.h"

#include "graph/initial.h"

#include <math.h>
#include <string.h>

/* ---- parameters ---- */

/* Rows and columns of a parameter as a node sees them, with the strides of each dimension in PyTorch's tensor. */
typedef struct View {
    int rank;
    long shape[MAX_DIMENSIONS], stride[MAX_DIMENSIONS];
} View;

static Node *add_parameter(const Module *module, Parameter parameter, const View *view) {
    Graph *graph = module->graph;
    Parameter *added = NEW(Parameter);
    *added = parameter;
    added->name = format("%s.%s", module->name, parameter.name);
    added->layer = module->name;
    added->group = module->group;
    added->count = 1;
    for (int d = 0; d < parameter.rank; d++) added->count *= parameter.shape[d];
    for (int d = 0; d < view->rank; d++) added->stride[d] = view->shape[d] == 1 ? 0 : view->stride[d];

    MAKE_ROOM(graph->parameter, graph->parameter_count, graph->parameter_capacity);
    added->number = graph->parameter_count;
    graph->parameter[graph->parameter_count++] = added;

    Node node = {
        .op = added->trained ? OP_PARAMETER : OP_STATE, .name = parameter_node_name(added->name), .rank = view->rank, .parameter = added};
    memcpy(node.shape, view->shape, sizeof node.shape);
    return added->node = append_node(graph, node);
}

/* One value a channel: [C] → [1, C, 1, 1] */
static Node *add_vector(const Module *module, const char *name, long channels, bool trained, double bound, double fill) {
    const View view = {4, {1, channels, 1, 1}, {0, 1, 0, 0}};
    return add_parameter(
        module, (Parameter){.name = name, .trained = trained, .rank = 1, .shape = {channels}, .bound = bound, .fill = fill}, &view);
}

/* PyTorch's [rows, columns] or, as a vector, [rows] */
static Node *add_matrix(const Module *module, const char *name, long rows, long columns, const View *view, double bound) {
    return add_parameter(
        module, (Parameter){.name = name, .trained = true, .rank = columns ? 2 : 1, .shape = {rows, columns}, .bound = bound}, view);
}

Node *add_convolution_weight(const Module *module, bool transposed, long in, long out, const int kernel[2]) {
    View view = {.rank = 4, .shape = {transposed ? in : out, transposed ? out : in, kernel[0], kernel[1]}};
    view.stride[3] = 1;
    for (int d = 2; d >= 0; d--) view.stride[d] = view.stride[d + 1] * view.shape[d + 1];
    Parameter weight = {.name = "weight", .trained = true, .rank = 4};
    memcpy(weight.shape, view.shape, sizeof weight.shape);
    set_default_initial(&weight, &weight);
    return add_parameter(module, weight, &view);
}

Node *add_convolution_bias(const Module *module, long out, const Node *like) {
    return add_vector(module, "bias", out, true, default_bound(like->parameter), 0);
}

static long volume(const long shape[3]) {
    return shape[0] * shape[1] * shape[2];
}

Node *add_linear_weight(const Module *module, const long output[3], const long input[3]) {
    const long rows = volume(output), columns = volume(input);
    const long row[3] = {output[1] * output[2], output[2], 1}, column[3] = {input[1] * input[2], input[2], 1};
    View view = {.rank = 6};
    for (int d = 0; d < 3; d++) {
        view.shape[d] = output[d], view.stride[d] = row[d] * columns;
        view.shape[3 + d] = input[d], view.stride[3 + d] = column[d];
    }
    return add_matrix(module, "weight", rows, columns, &view, 1 / sqrt((double)columns));
}

Node *add_linear_bias(const Module *module, const long output[3], const Node *like) {
    const View view = {4, {1, output[0], output[1], output[2]}, {0, output[1] * output[2], output[2], 1}};
    return add_matrix(module, "bias", volume(output), 0, &view, default_bound(like->parameter));
}

NormParameters add_norm_parameters(const Module *module, long channels) {
    NormParameters p = {.weight = add_vector(module, "weight", channels, true, 0, 1)};
    p.bias = add_vector(module, "bias", channels, true, 0, 0);
    p.mean = add_vector(module, "running_mean", channels, false, 0, 0);
    p.variance = add_vector(module, "running_var", channels, false, 0, 1);
    p.variance->parameter->counted = true;
    return p;
}

GruParameters add_gru_parameters(const Module *module, int layer, long in, long hidden) {
    const double bound = 1 / sqrt((double)hidden);
    const long gates = 3 * hidden;
    const View weight_ih = {6, {hidden, 3, 1, in, 1, 1}, {in, hidden * in, 0, 1, 0, 0}};
    const View weight_hh = {6, {hidden, 3, 1, hidden, 1, 1}, {hidden, hidden * hidden, 0, 1, 0, 0}};
    const View bias = {4, {1, hidden, 3, 1}, {0, 1, hidden, 0}};
    GruParameters p = {.weight_ih = add_matrix(module, format("weight_ih_l%d", layer), gates, in, &weight_ih, bound)};
    p.weight_hh = add_matrix(module, format("weight_hh_l%d", layer), gates, hidden, &weight_hh, bound);
    p.bias_ih = add_matrix(module, format("bias_ih_l%d", layer), gates, 0, &bias, bound);
    p.bias_hh = add_matrix(module, format("bias_hh_l%d", layer), gates, 0, &bias, bound);
    return p;
}

/* ---- nodes ---- */

Node *add_convolution_node(Graph *graph, const char *stem, const ConvolutionShape *shape, Node *x, Node *weight, Node *bias) {
    Node node = {.op = shape->transposed ? OP_CONV_TRANSPOSE2D : OP_CONV2D,
                 .stem = format("%s_%s", stem, shape->transposed ? "conv_transpose" : "conv"),
                 .input_count = bias ? 3 : 2,
                 .input = {x, weight, bias}};
    for (int d = 0; d < 2; d++) {
        node.stride[d] = shape->stride[d];
        node.padding[d] = shape->padding[d];
        node.output_padding[d] = shape->transposed ? shape->output_padding[d] : 0;
    }
    node.name = format("%s_forward", node.stem);
    return append_node(graph, node);
}

Node *add_linear_node(Graph *graph, const char *stem, Node *x, Node *weight, Node *bias) {
    return append_node(
        graph,
        (Node){.op = OP_LINEAR, .name = format("%s_forward", stem), .stem = stem, .input_count = bias ? 3 : 2, .input = {x, weight, bias}});
}

Node *add_norm_nodes(Graph *graph, const char *stem, Node *x, const NormParameters *p, const NormNumbers *numbers) {
    Node *stats;
    if (numbers->training)
        stats = append_node(graph, (Node){.op = OP_BATCH_NORM_STATISTICS,
                                          .name = format("%s_batch_norm_statistics", stem),
                                          .input_count = 4,
                                          .input = {x, p->weight, p->mean, p->variance},
                                          .epsilon = numbers->epsilon,
                                          .momentum = numbers->momentum});
    else
        stats = append_node(graph, (Node){.op = OP_BATCH_NORM_RUNNING,
                                          .name = format("%s_batch_norm_running", stem),
                                          .input_count = 3,
                                          .input = {p->weight, p->mean, p->variance},
                                          .epsilon = numbers->epsilon});
    return add_node(graph, OP_BATCH_NORM, format("%s_batch_norm", stem), NULL, 3, (Node *[]){x, stats, p->bias});
}

Operation activation_operation(Activation activation) {
    static const Operation operation[ACTIVATIONS] = {[ACTIVATION_RELU] = OP_RELU,        [ACTIVATION_LEAKY_RELU] = OP_LEAKY_RELU,
                                                     [ACTIVATION_SIGMOID] = OP_SIGMOID,  [ACTIVATION_TANH] = OP_TANH,
                                                     [ACTIVATION_ELU] = OP_ELU,          [ACTIVATION_SILU] = OP_SILU,
                                                     [ACTIVATION_SOFTPLUS] = OP_SOFTPLUS};
    return operation[activation];
}

Node *add_activation_node(Graph *graph, const char *stem, Activation activation, double slope, Node *x) {
    const Operation op = activation_operation(activation);
    return append_node(graph, (Node){.op = op,
                                     .name = format("%s_%s", stem, operation_name(op)),
                                     .input_count = 1,
                                     .input = {x},
                                     .slope = op == OP_LEAKY_RELU ? slope : 0});
}

Node *add_gru_nodes(Graph *graph, const char *stem, int layer, Node *x, const GruParameters *p, Node *initial) {
    const long hidden = p->weight_hh->shape[0];
    Node *from_input = add_node(graph, OP_LINEAR, format("%s_input_projection", stem), NULL, 3, (Node *[]){x, p->weight_ih, p->bias_ih});
    Scan *scan = add_scan(graph, x->steps, false);
    Node *carry = append_node(graph, (Node){.op = OP_CARRY,
                                            .name = format("%s_carry", stem),
                                            .input_count = 2,
                                            .input = {initial, NULL},
                                            .rank = 4,
                                            .shape = {x->shape[0], hidden, 1, 1},
                                            .scan = scan,
                                            .which = layer});
    Node *from_hidden =
        add_node(graph, OP_LINEAR, format("%s_hidden_projection", stem), scan, 3, (Node *[]){carry, p->weight_hh, p->bias_hh});
    Node *cell = add_node(graph, OP_GRU_CELL, format("%s_cell", stem), scan, 3, (Node *[]){from_input, from_hidden, carry});
    return carry->input[1] = cell;
}
