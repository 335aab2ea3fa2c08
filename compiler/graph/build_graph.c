/* build_graph.c: a spec → its forward graph. Parameters are made in the order and with the names of PyTorch's state_dict for a
 * module that has encoder, fc1, gru, fc3 and decoder, in this order. B clips of T frames make N = B·T rows, row b·T + t. */
#include "graph/build_graph.h"
#include "graph/build_system.h"
#include "graph/differentiate.h"
#include "graph/given.h"
#include "graph/layer_nodes.h"

#include <string.h>

/* ---- the layers of encoder and decoder ---- */

typedef struct Sequence { /* an nn.Sequential */
    Graph *graph;
    const char *name; /* encoder */
    int modules;      /* so far */
} Sequence;

static Module next_module(Sequence *sequence) {
    return (Module){sequence->graph, sequence->graph->group[0], format("%s.%d", sequence->name, sequence->modules++)};
}

/* x: [N, C, H, W] → [N, K, H′, W′] */
static Node *add_convolution(Sequence *sequence, const char *stem, const Layer *layer, Node *x) {
    const Module module = next_module(sequence);
    ConvolutionShape shape = {.transposed = layer->transposed};
    memcpy(shape.stride, layer->stride, sizeof shape.stride);
    memcpy(shape.padding, layer->padding, sizeof shape.padding);
    memcpy(shape.output_padding, layer->output_padding, sizeof shape.output_padding);
    Node *weight = add_convolution_weight(&module, layer->transposed, x->shape[1], layer->channels, layer->kernel);
    Node *bias = layer->bias ? add_convolution_bias(&module, layer->channels, weight) : NULL;
    return add_convolution_node(sequence->graph, stem, &shape, x, weight, bias);
}

static Node *add_batch_norm(Sequence *sequence, const char *stem, Node *x) {
    const Module module = next_module(sequence);
    const NormParameters parameters = add_norm_parameters(&module, x->shape[1]);
    const NormNumbers numbers = {sequence->graph->training, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM};
    return add_norm_nodes(sequence->graph, stem, x, &parameters, &numbers);
}

/* x: [B·T, C, H, W] → the last layer's shape. Node names: encoder0_conv_forward, … */
static Node *add_sequence(Graph *graph, const char *name, const Layer *layers, int count, Node *x) {
    Sequence sequence = {graph, name, 0};
    for (int i = 0; i < count; i++) {
        const char *stem = graph->layer = format("%s%d", name, i);
        x = add_convolution(&sequence, stem, &layers[i], x);
        if (layers[i].norm == NORM_BATCH) x = add_batch_norm(&sequence, stem, x);
        if (layers[i].activation == ACTIVATION_NONE) continue;
        next_module(&sequence); /* counts, though it has no parameters */
        x = add_activation_node(graph, stem, layers[i].activation, layers[i].slope, x);
    }
    return x;
}

/* ---- what stands between them ---- */

/* x: [N, Ci, Hi, Wi] → [N, Co, Ho, Wo] */
static Node *add_linear(Graph *graph, const char *name, const long output[3], Node *x) {
    const Module module = {graph, graph->group[0], format("%s.0", name)};
    graph->layer = name;
    Node *weight = add_linear_weight(&module, output, x->shape + 1), *bias = add_linear_bias(&module, output, weight);
    return add_linear_node(graph, name, x, weight, bias);
}

static Node *add_gru_layer(Graph *graph, int number, Node *x) {
    const Module module = {graph, graph->group[0], "gru"};
    const char *stem = graph->layer = format("gru%d", number);
    const GruParameters parameters = add_gru_parameters(&module, number, x->shape[1], graph->spec->hidden);
    return add_gru_nodes(graph, stem, number, x, &parameters, named_node(graph, ROLE_INPUT, "h0"));
}

Graph *build_graph(const Spec *spec, bool training) {
    Graph *graph = NEW(Graph);
    graph->spec = spec;
    graph->training = training;
    add_group(graph, "all", &spec->optimizer);
    const long clips = spec->training.batch;
    Node *x = add_data(graph);
    if (spec->hidden && spec->initial_state == INITIAL_STATE_NORMAL) add_given_state(graph, "h0", spec->gru_layers, clips, spec->hidden);

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
    name_clips(graph, ROLE_OUTPUT, "reconstruction", y);
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
    if (spec->system) return build_system(spec);
    TrainerGraphs graphs = {.step_count = 1, .step = NEW_ARRAY(Graph *, 1), .streams = true};
    graphs.step[0] = build_graph(spec, true);
    graphs.evaluation = build_graph(spec, false);
    return graphs;
}

void differentiate_steps(const Spec *spec, TrainerGraphs *graphs) {
    if (spec->system) differentiate_system(spec, graphs);
    else differentiate_spec(graphs->step[0]);
}
