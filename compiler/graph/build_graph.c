/* build_graph.c: a spec → its forward graph. Parameters are made in the order and with the names of PyTorch's state_dict for a
 * module that has encoder, fc1, gru, fc3 and decoder, in this order. B clips of T frames make N = B·T rows, row b·T + t. */
#include "graph/build_graph.h"
#include "graph/differentiate.h"

#include <math.h>
#include <string.h>

/* ---- parameters ---- */

/* Rows and columns of a parameter as a node sees them, with the strides of each dimension in PyTorch's tensor. */
typedef struct View {
    int rank;
    long shape[MAX_DIMENSIONS], stride[MAX_DIMENSIONS];
} View;

static Node *add_parameter(Graph *graph, Parameter parameter, const View *view) {
    Parameter *added = NEW(Parameter);
    *added = parameter;
    added->name = format("%s.%s", parameter.layer, parameter.name);
    added->group = graph->group[0];
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
static Node *add_vector(Graph *graph, const char *layer, const char *name, long channels, bool trained, double bound, double fill) {
    const View view = {4, {1, channels, 1, 1}, {0, 1, 0, 0}};
    return add_parameter(
        graph, (Parameter){.name = name, .layer = layer, .trained = trained, .rank = 1, .shape = {channels}, .bound = bound, .fill = fill},
        &view);
}

/* PyTorch's [rows, columns] or, as a vector, [rows] */
static Node *add_matrix(Graph *graph, const char *layer, const char *name, long rows, long columns, const View *view, double bound) {
    return add_parameter(
        graph,
        (Parameter){.name = name, .layer = layer, .trained = true, .rank = columns ? 2 : 1, .shape = {rows, columns}, .bound = bound},
        view);
}

/* ---- the layers of encoder and decoder ---- */

typedef struct Sequence { /* an nn.Sequential */
    const char *name;     /* encoder */
    int modules;          /* so far */
} Sequence;

static const char *next_module(Sequence *sequence) {
    return format("%s.%d", sequence->name, sequence->modules++);
}

/* x: [N, C, H, W] → [N, K, H′, W′] */
static Node *add_convolution(Graph *graph, Sequence *sequence, const char *stem, const Layer *layer, Node *x) {
    const char *module = next_module(sequence);
    const long in = x->shape[1], out = layer->channels, area = (long)layer->kernel[0] * layer->kernel[1];
    /* PyTorch counts dimension 1 of the weight as what fans in: a transposed convolution's outputs. */
    const double bound = 1 / sqrt((double)((layer->transposed ? out : in) * area));

    View view = {.rank = 4, .shape = {layer->transposed ? in : out, layer->transposed ? out : in, layer->kernel[0], layer->kernel[1]}};
    view.stride[3] = 1;
    for (int d = 2; d >= 0; d--) view.stride[d] = view.stride[d + 1] * view.shape[d + 1];
    Parameter weight = {.name = "weight", .layer = module, .trained = true, .rank = 4, .bound = bound};
    memcpy(weight.shape, view.shape, sizeof weight.shape);

    Node node = {.op = layer->transposed ? OP_CONV_TRANSPOSE2D : OP_CONV2D,
                 .stem = format("%s_%s", stem, layer->transposed ? "conv_transpose" : "conv"),
                 .input_count = layer->bias ? 3 : 2,
                 .input = {x, add_parameter(graph, weight, &view)}};
    if (layer->bias) node.input[2] = add_vector(graph, module, "bias", out, true, bound, 0);
    for (int d = 0; d < 2; d++) {
        node.stride[d] = layer->stride[d];
        node.padding[d] = layer->padding[d];
        node.output_padding[d] = layer->transposed ? layer->output_padding[d] : 0;
    }
    node.name = format("%s_forward", node.stem);
    return append_node(graph, node);
}

static Node *add_batch_norm(Graph *graph, Sequence *sequence, const char *stem, Node *x) {
    const char *module = next_module(sequence);
    const long channels = x->shape[1];
    Node *weight = add_vector(graph, module, "weight", channels, true, 0, 1);
    Node *bias = add_vector(graph, module, "bias", channels, true, 0, 0);
    Node *mean = add_vector(graph, module, "running_mean", channels, false, 0, 0);
    Node *variance = add_vector(graph, module, "running_var", channels, false, 0, 1);
    variance->parameter->counted = true;
    Node *stats;
    if (graph->training)
        stats = append_node(graph, (Node){.op = OP_BATCH_NORM_STATISTICS,
                                          .name = format("%s_batch_norm_statistics", stem),
                                          .input_count = 4,
                                          .input = {x, weight, mean, variance},
                                          .epsilon = BATCH_NORM_EPSILON,
                                          .momentum = BATCH_NORM_MOMENTUM});
    else
        stats = append_node(graph, (Node){.op = OP_BATCH_NORM_RUNNING,
                                          .name = format("%s_batch_norm_running", stem),
                                          .input_count = 3,
                                          .input = {weight, mean, variance},
                                          .epsilon = BATCH_NORM_EPSILON});
    return add_node(graph, OP_BATCH_NORM, format("%s_batch_norm", stem), NULL, 3, (Node *[]){x, stats, bias});
}

static Node *add_activation(Graph *graph, Sequence *sequence, const char *stem, const Layer *layer, Node *x) {
    static const Operation operation[ACTIVATIONS] = {[ACTIVATION_RELU] = OP_RELU,
                                                     [ACTIVATION_LEAKY_RELU] = OP_LEAKY_RELU,
                                                     [ACTIVATION_SIGMOID] = OP_SIGMOID,
                                                     [ACTIVATION_TANH] = OP_TANH};
    const Operation op = operation[layer->activation];
    next_module(sequence); /* counts, though it has no parameters */
    return append_node(graph, (Node){.op = op,
                                     .name = format("%s_%s", stem, operation_name(op)),
                                     .input_count = 1,
                                     .input = {x},
                                     .slope = op == OP_LEAKY_RELU ? layer->slope : 0});
}

/* x: [B·T, C, H, W] → the last layer's shape. Node names: encoder0_conv_forward, … */
static Node *add_sequence(Graph *graph, const char *name, const Layer *layers, int count, Node *x) {
    Sequence sequence = {name, 0};
    for (int i = 0; i < count; i++) {
        const char *stem = graph->layer = format("%s%d", name, i);
        x = add_convolution(graph, &sequence, stem, &layers[i], x);
        if (layers[i].norm == NORM_BATCH) x = add_batch_norm(graph, &sequence, stem, x);
        if (layers[i].activation != ACTIVATION_NONE) x = add_activation(graph, &sequence, stem, &layers[i], x);
    }
    return x;
}

/* ---- what stands between them ---- */

/* x: [N, Ci, Hi, Wi] → [N, Co, Ho, Wo]; PyTorch's weight is [Co·Ho·Wo, Ci·Hi·Wi]. */
static Node *add_linear(Graph *graph, const char *name, const long output[3], Node *x) {
    const long *input = x->shape + 1;
    const long rows = output[0] * output[1] * output[2], columns = input[0] * input[1] * input[2];
    const long row[3] = {output[1] * output[2], output[2], 1}, column[3] = {input[1] * input[2], input[2], 1};
    const char *module = format("%s.0", name);
    const double bound = 1 / sqrt((double)columns);
    View weight = {.rank = 6}, bias = {.rank = 4, .shape = {1}};
    graph->layer = name;
    for (int d = 0; d < 3; d++) {
        weight.shape[d] = output[d], weight.stride[d] = row[d] * columns;
        weight.shape[3 + d] = input[d], weight.stride[3 + d] = column[d];
        bias.shape[1 + d] = output[d], bias.stride[1 + d] = row[d];
    }
    Node *w = add_matrix(graph, module, "weight", rows, columns, &weight, bound);
    Node *b = add_matrix(graph, module, "bias", rows, 0, &bias, bound);
    return append_node(graph,
                       (Node){.op = OP_LINEAR, .name = format("%s_forward", name), .stem = name, .input_count = 3, .input = {x, w, b}});
}

/* One layer is one scan; what does not depend on h, the input's projection, is batched over time outside it.
 * x: [B·T, in, 1, 1] → h: [B·T, hidden, 1, 1]. PyTorch's row gate · hidden + j is (j, gate) here. */
static Node *add_gru_layer(Graph *graph, int number, Node *x) {
    const long hidden = graph->spec->hidden, in = x->shape[1], gates = 3 * hidden;
    const double bound = 1 / sqrt((double)hidden);
    const View weight_ih = {6, {hidden, 3, 1, in, 1, 1}, {in, hidden * in, 0, 1, 0, 0}};
    const View weight_hh = {6, {hidden, 3, 1, hidden, 1, 1}, {hidden, hidden * hidden, 0, 1, 0, 0}};
    const View bias = {4, {1, hidden, 3, 1}, {0, 1, hidden, 0}};
    graph->layer = format("gru%d", number);
    Node *w_ih = add_matrix(graph, "gru", format("weight_ih_l%d", number), gates, in, &weight_ih, bound);
    Node *w_hh = add_matrix(graph, "gru", format("weight_hh_l%d", number), gates, hidden, &weight_hh, bound);
    Node *b_ih = add_matrix(graph, "gru", format("bias_ih_l%d", number), gates, 0, &bias, bound);
    Node *b_hh = add_matrix(graph, "gru", format("bias_hh_l%d", number), gates, 0, &bias, bound);

    Node *from_input = add_node(graph, OP_LINEAR, format("gru%d_input_projection", number), NULL, 3, (Node *[]){x, w_ih, b_ih});
    Scan *scan = add_scan(graph, x->steps, false);
    Node *carry = append_node(graph, (Node){.op = OP_CARRY,
                                            .name = format("gru%d_carry", number),
                                            .input_count = 2,
                                            .input = {named_node(graph, ROLE_INPUT, "h0"), NULL},
                                            .rank = 4,
                                            .shape = {x->shape[0], hidden, 1, 1},
                                            .scan = scan,
                                            .which = number});
    Node *from_hidden = add_node(graph, OP_LINEAR, format("gru%d_hidden_projection", number), scan, 3, (Node *[]){carry, w_hh, b_hh});
    Node *cell = add_node(graph, OP_GRU_CELL, format("gru%d_cell", number), scan, 3, (Node *[]){from_input, from_hidden, carry});
    return carry->input[1] = cell;
}

static NamedNode *add_input(Graph *graph, const char *name, long rows, long steps, long channels, long height, long width) {
    Node node = {.op = OP_INPUT, .name = name, .rank = 4, .shape = {rows, channels, height, width}, .steps = steps};
    return name_node(graph, ROLE_INPUT, name, append_node(graph, node));
}

/* A node of frames as callers see it: [B, T, C, H, W]. */
static void name_clips(NamedNode *named) {
    const Node *node = named->node;
    named->argument.rank = 5;
    named->argument.items = 0;
    const long shape[5] = {node->shape[0] / node->steps, node->steps, node->shape[1], node->shape[2], node->shape[3]};
    memcpy(named->argument.shape, shape, sizeof shape);
}

Graph *build_graph(const Spec *spec, bool training) {
    Graph *graph = NEW(Graph);
    graph->spec = spec;
    graph->training = training;
    add_group(graph, "all", &spec->optimizer);
    const long clips = spec->training.batch;
    NamedNode *data = add_input(graph, "x", clips * spec->T, spec->T, spec->channels, spec->height, spec->width);
    Node *x = data->node;
    name_clips(data);
    if (spec->hidden && spec->initial_state == INITIAL_STATE_NORMAL) {
        Argument *state = &add_input(graph, "h0", spec->gru_layers * clips, 1, spec->hidden, 1, 1)->argument;
        *state = (Argument){.name = "h0", .rank = 3, .shape = {spec->gru_layers, clips, spec->hidden}, .items = 1, .drawn = DRAWN_NORMAL};
    }

    Node *y = add_sequence(graph, "encoder", spec->encoder, spec->encoder_count, x), *latent = y, *code = y;
    if (spec->latent) {
        const long features[3] = {y->shape[1], y->shape[2], y->shape[3]}, vector[3] = {spec->latent, 1, 1};
        latent = y = add_linear(graph, "fc1", vector, y);
        for (int i = 0; i < (spec->hidden ? spec->gru_layers : 0); i++) y = add_gru_layer(graph, i, y);
        code = y;
        y = add_linear(graph, "fc3", features, y);
    }
    y = add_sequence(graph, "decoder", spec->decoder, spec->decoder_count, y);
    name_node(graph, ROLE_CUT, "latent", latent);
    name_node(graph, ROLE_CUT, "code", code);
    name_clips(name_node(graph, ROLE_OUTPUT, "reconstruction", y));
    graph->layer = "loss";
    name_node(graph, ROLE_LOSS, "loss", add_node(graph, spec->loss == LOSS_L1 ? OP_L1 : OP_MSE, "loss", NULL, 2, (Node *[]){y, x}));
    list_readers(graph);
    return graph;
}

void differentiate_spec(Graph *graph) {
    Parameter **trained = NEW_ARRAY(Parameter *, graph->parameter_count);
    int count = 0;
    for (int i = 0; i < graph->parameter_count; i++)
        if (graph->parameter[i]->trained) trained[count++] = graph->parameter[i];
    differentiate_parameters(graph, named_node(graph, ROLE_LOSS, "loss"), count, trained);
}

TrainerGraphs build_graphs(const Spec *spec) {
    TrainerGraphs graphs = {.step_count = 1, .step = NEW_ARRAY(Graph *, 1), .streams = true};
    graphs.step[0] = build_graph(spec, true);
    graphs.evaluation = build_graph(spec, false);
    return graphs;
}

void differentiate_steps(const Spec *spec, TrainerGraphs *graphs) {
    (void)spec;
    differentiate_spec(graphs->step[0]);
}
