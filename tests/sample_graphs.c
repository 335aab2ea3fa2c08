#include "sample_graphs.h"
#include "../compiler/graph/shapes.h"

#include <string.h>

/* The decoder mirrors the encoder: each layer becomes one of the other kind with the same kernel, stride and padding. Its output padding
 * restores the rows that the stride left over. */
typedef struct Sample {
    int T, channels, height, width, batch, latent, hidden, gru_layers;
    InitialState initial_state;
    Loss loss;
    Layer layer[SAMPLE_LAYERS]; /* up to the first with 0 channels */
} Sample;

static const Sample samples[SAMPLE_SPECS] = {
    {3,
     1,
     7,
     6,
     2,
     5,
     4,
     1,
     INITIAL_STATE_NORMAL,
     LOSS_MSE,
     {{false, 3, {3, 3}, {2, 2}, {1, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
      {false, 4, {1, 2}, {1, 1}, {0, 0}, {0, 0}, true, NORM_NONE, ACTIVATION_LEAKY_RELU, 0.01, {0, 0}}}},
    {1,
     1,
     9,
     11,
     2,
     3,
     2,
     2,
     INITIAL_STATE_ZEROS,
     LOSS_L1,
     {{false, 2, {7, 7}, {4, 3}, {3, 3}, {0, 0}, true, NORM_BATCH, ACTIVATION_SIGMOID, 0, {0, 0}},
      {false, 3, {3, 1}, {1, 2}, {1, 0}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}}},
    {2,
     3,
     8,
     5,
     1,
     3,
     0,
     0,
     INITIAL_STATE_NORMAL,
     LOSS_MSE,
     {{false, 2, {2, 5}, {3, 1}, {1, 2}, {0, 0}, true, NORM_BATCH, ACTIVATION_NONE, 0, {0, 0}},
      {false, 2, {2, 2}, {2, 2}, {0, 1}, {0, 0}, false, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}}},
    {2,
     3,
     5,
     4,
     2,
     0,
     0,
     0,
     INITIAL_STATE_NORMAL,
     LOSS_L1,
     {{true, 2, {4, 5}, {2, 3}, {1, 2}, {1, 0}, true, NORM_NONE, ACTIVATION_LEAKY_RELU, 0.2, {0, 0}},
      {false, 3, {6, 5}, {3, 4}, {2, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_TANH, 0, {0, 0}}}},
    {4,
     1,
     4,
     5,
     2,
     2,
     3,
     2,
     INITIAL_STATE_NORMAL,
     LOSS_L1,
     {{false, 2, {4, 3}, {1, 4}, {2, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_LEAKY_RELU, -0.5, {0, 0}}}},
    {1,
     1,
     3,
     3,
     1,
     4,
     3,
     1,
     INITIAL_STATE_NORMAL,
     LOSS_MSE,
     {{false, 2, {1, 1}, {1, 1}, {0, 0}, {0, 0}, true, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}}}},
};

static long output_size(const Layer *layer, int d, long in) {
    if (layer->transposed) return (in - 1) * layer->stride[d] - 2 * layer->padding[d] + layer->kernel[d] + layer->output_padding[d];
    return (in + 2 * layer->padding[d] - layer->kernel[d]) / layer->stride[d] + 1;
}

const Spec *sample_spec(int number) {
    const Sample *sample = &samples[number];
    Spec *spec = NEW(Spec);
    *spec = (Spec){.name = "sample", .T = sample->T, .channels = sample->channels, .height = sample->height, .width = sample->width};
    spec->latent = sample->latent, spec->hidden = sample->hidden, spec->gru_layers = sample->gru_layers;
    spec->initial_state = sample->initial_state, spec->loss = sample->loss, spec->training.batch = sample->batch;
    while (spec->encoder_count < SAMPLE_LAYERS && sample->layer[spec->encoder_count].channels) spec->encoder_count++;
    const int count = spec->decoder_count = spec->encoder_count;
    spec->encoder = NEW_ARRAY(Layer, count);
    spec->decoder = NEW_ARRAY(Layer, count);
    long size[2] = {spec->height, spec->width};
    for (int i = 0; i < count; i++) {
        const Layer *layer = &sample->layer[i];
        Layer *mirror = &spec->decoder[count - 1 - i];
        spec->encoder[i] = *mirror = *layer;
        mirror->transposed = !layer->transposed;
        mirror->channels = i ? sample->layer[i - 1].channels : spec->channels;
        for (int d = 0; d < 2; d++) {
            mirror->output_padding[d] =
                layer->transposed ? 0 : (int)((size[d] + 2 * layer->padding[d] - layer->kernel[d]) % layer->stride[d]);
            size[d] = output_size(layer, d, size[d]);
        }
    }
    return spec;
}

const Spec *gru_ae_spec(void) {
    static Layer encoder[5], decoder[5];
    static Spec spec = {.name = "gru_ae", .T = 4, .channels = 1, .height = 64, .width = 64, .latent = 64, .hidden = 100, .gru_layers = 1};
    const int channels[] = {32, 64, 128, 256, 512};
    for (int i = 0; i < 5; i++) {
        const int stride = i ? 2 : 1, back = i < 4 ? 2 : 1;
        encoder[i] = (Layer){false,           channels[i], {3, 3}, {stride, stride}, {1, 1}, {0, 0}, false, i < 4 ? NORM_BATCH : NORM_NONE,
                             ACTIVATION_RELU, 0,           {0, 0}};
        decoder[i] = (Layer){i < 4,
                             i < 4 ? channels[3 - i] : 1,
                             {3, 3},
                             {back, back},
                             {1, 1},
                             {back - 1, back - 1},
                             false,
                             i < 4 ? NORM_BATCH : NORM_NONE,
                             i < 4 ? ACTIVATION_RELU : ACTIVATION_TANH,
                             0,
                             {0, 0}};
    }
    spec.encoder = encoder, spec.decoder = decoder, spec.encoder_count = spec.decoder_count = 5;
    spec.training.batch = 16;
    return &spec;
}

double sample_value(uint64_t seed, long index) {
    uint64_t bits = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)(index + 1) * UINT64_C(0xbf58476d1ce4e5b9);
    for (int round = 0; round < 3; round++) bits = (bits ^ (bits >> 29)) * UINT64_C(0x94d049bb133111eb);
    return (double)(bits >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

double **sample_values(const Graph *graph, uint64_t seed) {
    double **values = NEW_ARRAY(double *, graph->node_count);
    for (int n = 0; n < graph->node_count; n++) {
        const Node *node = graph->node[n];
        if (node->op != OP_INPUT && !node->parameter) continue;
        const long count = count_elements(node);
        values[n] = NEW_ARRAY(double, count);
        const double fill = node->parameter ? node->parameter->fill : 0, scale = node->op == OP_STATE       ? 0
                                                                                 : node->op == OP_PARAMETER ? 0.6
                                                                                                            : 1;
        for (long i = 0; i < count; i++) values[n][i] = fill + scale * sample_value(seed * 1000 + (uint64_t)n, i);
    }
    return values;
}

Node *sample_input(Graph *graph, const char *name, const long shape[4]) {
    Node node = {.op = OP_INPUT, .name = name, .rank = 4};
    memcpy(node.shape, shape, 4 * sizeof(long));
    return append_node(graph, node);
}

Node *sample_parameter(Graph *graph, const char *name, int rank, const long *shape) {
    Parameter *parameter = NEW(Parameter);
    *parameter = (Parameter){.name = name, .trained = true, .rank = rank, .count = 1, .layer = "sample"};
    for (int d = rank - 1; d >= 0; d--) {
        parameter->stride[d] = parameter->count;
        parameter->count *= parameter->shape[d] = shape[d];
    }
    Parameter **grown = NEW_ARRAY(Parameter *, graph->parameter_count + 1);
    if (graph->parameter_count) memcpy(grown, graph->parameter, sizeof(Parameter *) * (size_t)graph->parameter_count);
    parameter->number = graph->parameter_count;
    if (!graph->group_count) add_group(graph, "all", &(Optimizer){.name = OPTIMIZER_SGD});
    parameter->group = graph->group[graph->group_count - 1];
    grown[graph->parameter_count++] = parameter;
    graph->parameter = grown;
    Node node = {.op = OP_PARAMETER, .name = name, .rank = rank, .parameter = parameter};
    memcpy(node.shape, shape, sizeof(long) * (size_t)rank);
    return parameter->node = append_node(graph, node);
}
