/* call_network.c: the networks of a system: their parameters, and calls of them. */
#include "graph/call_network.h"

#include "graph/given.h"
#include "graph/initial.h"
#include "graph/moves.h"

#include <string.h>

const char *network_layer_name(const Network *network, int number) {
    return format("%s.%d", network->name, number);
}

/* ---- parameters ---- */

static Module module_of(Graph *graph, const Network *network, int number) {
    return (Module){graph, graph->group[network->index], format("%s.%d", network->name, number)};
}

static void set_initial(const LayerParameters *parameters, const NetworkLayer *layer, const Initial *initial) {
    if (parameters->weight)
        set_initial_weight(parameters->weight->parameter, initial, layer->activation == ACTIVATION_LEAKY_RELU ? layer->slope : 0.01);
    if (parameters->bias) set_initial_bias(parameters->bias->parameter, initial);
    if (parameters->norm.weight) set_initial_norm(parameters->norm.weight->parameter, initial);
}

/* A linear layer counts the values of a clip in the order C, T, H, W: then it is one row. */
static bool reads_clip(const NetworkLayer *layer) {
    return layer->kind == LAYER_LINEAR && layer->over == OVER_CLIP && layer->in.T > 1;
}

static void add_product_parameters(const Module *module, const NetworkLayer *layer, LayerParameters *p) {
    const Shape *in = &layer->in, *out = &layer->out;
    if (layer->kind == LAYER_LINEAR) {
        const long output[3] = {out->C, out->H, out->W}, frame[3] = {in->C, in->H, in->W};
        const long clip[3] = {(long)in->C * in->T * in->H * in->W, 1, 1};
        p->weight = add_linear_weight(module, output, reads_clip(layer) ? clip : frame);
        if (layer->bias) p->bias = add_linear_bias(module, output, p->weight);
        return;
    }
    p->weight = add_convolution_weight(module, layer->kind == LAYER_CONV_TRANSPOSE, in->C, layer->channels, layer->kernel + 1);
    if (layer->bias) p->bias = add_convolution_bias(module, layer->channels, p->weight);
}

static LayerParameters add_layer_parameters(Graph *graph, const Network *network, const NetworkLayer *layer) {
    LayerParameters p = {0};
    if (has_product(layer->kind)) {
        const Module module = module_of(graph, network, layer->own_module);
        add_product_parameters(&module, layer, &p);
    }
    if (layer->kind == LAYER_GRU) {
        const Module module = module_of(graph, network, layer->own_module);
        p.gru = NEW_ARRAY(GruParameters, layer->gru_layers);
        for (int i = 0; i < layer->gru_layers; i++)
            p.gru[i] = add_gru_parameters(&module, i, i ? layer->hidden : layer->in.C, layer->hidden);
    }
    if (layer->norm_module >= 0) {
        const Module module = module_of(graph, network, layer->norm_module);
        p.norm = add_norm_parameters(&module, layer->out.C);
    }
    return p;
}

NetworkNodes *add_networks(Graph *graph, const System *system) {
    static const Optimizer none;
    NetworkNodes *nodes = NEW_ARRAY(NetworkNodes, system->network_count);
    for (int n = 0; n < system->network_count; n++) {
        const Network *network = &system->networks[n];
        ParameterGroup *group = add_group(graph, network->name, network->optimizer ? network->optimizer : &none);
        group->frozen = network->frozen;
        group->average = network->frozen ? 0 : system->average;
        nodes[n].layer = NEW_ARRAY(LayerParameters, network->layer_count);
        for (int i = 0; i < network->layer_count; i++) {
            graph->layer = network_layer_name(network, i);
            nodes[n].layer[i] = add_layer_parameters(graph, network, &network->layers[i]);
            set_initial(&nodes[n].layer[i], &network->layers[i], &system->initial);
        }
    }
    return nodes;
}

/* ---- calls ---- */

typedef struct Caller {
    Graph *graph;
    const NetworkCall *call;
    const NetworkNodes *network;
    const NetworkLayer *layer; /* that is being added */
    const char *stem;          /* encoder0 */
    long items;                /* of the call's values: B or 2·B */
    bool training;
} Caller;

Node *result_of_call(const CallResults *results, Source source) {
    Node *const *list = source.kind == SOURCE_INPUT ? results->input : source.kind == SOURCE_TAP ? results->tap : results->layer;
    return list[source.index];
}

/* "state.encoder.3.0" */
static const char *draw_name(const Caller *c, const char *kind, int module) {
    return format("%s.%s.%d.%d", kind, c->call->network->name, module, c->call->number);
}

static Node *add_product(const Caller *c, const LayerParameters *p, Node *x) {
    const NetworkLayer *layer = c->layer;
    if (layer->kind == LAYER_LINEAR) {
        const Shape *in = &layer->in;
        const long clip[4] = {(long)in->C * in->T * in->H * in->W, 1, 1, 1};
        if (reads_clip(layer)) x = reshape_clips(c->graph, format("%s_clip", c->stem), x, clip);
        return add_linear_node(c->graph, format("%s_linear", c->stem), x, p->weight, p->bias);
    }
    ConvolutionShape shape = {.transposed = layer->kind == LAYER_CONV_TRANSPOSE};
    memcpy(shape.stride, layer->stride + 1, sizeof shape.stride);
    memcpy(shape.padding, layer->padding + 1, sizeof shape.padding);
    memcpy(shape.output_padding, layer->output_padding + 1, sizeof shape.output_padding);
    return add_convolution_node(c->graph, c->stem, &shape, x, p->weight, p->bias);
}

static Node *add_gru(const Caller *c, const LayerParameters *p, Node *x) {
    const NetworkLayer *layer = c->layer;
    Node *initial = NULL;
    if (layer->initial_state == INITIAL_STATE_NORMAL)
        initial = add_given_state(c->graph, draw_name(c, "state", layer->own_module), layer->gru_layers, c->items, layer->hidden);
    for (int i = 0; i < layer->gru_layers; i++) x = add_gru_nodes(c->graph, format("%s_gru%d", c->stem, i), i, x, &p->gru[i], initial);
    return x;
}

static Node *add_reshape(const Caller *c, Node *x) {
    const Shape *out = &c->layer->out;
    const char *name = format("%s_reshape", c->stem);
    const long row[3] = {out->C, out->H, out->W}, clip[4] = {out->C, out->T, out->H, out->W};
    return c->layer->written.rank == 4 ? reshape_clips(c->graph, name, x, clip) : reshape_rows(c->graph, name, x, row);
}

static Node *add_upsample(const Caller *c, Node *x) {
    return append_node(c->graph, (Node){.op = OP_UPSAMPLE,
                                        .name = format("%s_upsample", c->stem),
                                        .input_count = 1,
                                        .input = {x},
                                        .stride = {c->layer->scale[0], c->layer->scale[1]}});
}

static Node *add_pool(const Caller *c, Node *x) {
    const NetworkLayer *layer = c->layer;
    const bool largest = layer->kind == LAYER_MAX_POOL || layer->kind == LAYER_MAX_POOL3D;
    Node pool = {.op = largest ? OP_MAX_POOL : OP_AVG_POOL, .name = format("%s_pool", c->stem), .input_count = 1, .input = {x}};
    for (int d = 0; d < 3; d++) {
        pool.window.kernel[d] = layer->kernel[d];
        pool.window.stride[d] = layer->stride[d];
        pool.window.padding[d] = layer->padding[d];
    }
    return append_node(c->graph, pool);
}

/* What the layer's kind computes. in: what it reads, in the order of `from`. */
static Node *add_own(const Caller *c, const LayerParameters *p, Node *const *in) {
    switch (c->layer->kind) {
    case LAYER_CONV:
    case LAYER_CONV_TRANSPOSE:
    case LAYER_LINEAR:
        return add_product(c, p, in[0]);
    case LAYER_RESHAPE:
        return add_reshape(c, in[0]);
    case LAYER_GRU:
        return add_gru(c, p, in[0]);
    case LAYER_UPSAMPLE:
        return add_upsample(c, in[0]);
    case LAYER_MAX_POOL:
    case LAYER_AVG_POOL:
    case LAYER_MAX_POOL3D:
    case LAYER_AVG_POOL3D:
        return add_pool(c, in[0]);
    case LAYER_CONCAT:
        return concatenate(c->graph, format("%s_concat", c->stem), AXIS_CHANNELS, c->layer->from_count, in);
    case LAYER_ADD:
        return sum_nodes(c->graph, format("%s_add", c->stem), c->layer->from_count, in);
    case LAYER_NORM:
    case LAYER_ACTIVATION:
    case LAYER_DROPOUT:
        return in[0];
    default:
        die("%s: a layer of this kind is not compiled", c->stem);
    }
}

static Node *add_dropout(const Caller *c, Node *x) {
    const NetworkLayer *layer = c->layer;
    const Shape *out = &layer->out;
    const Given given = {.name = draw_name(c, "dropout", layer->dropout_module),
                         .items = c->items,
                         .shape = *out,
                         .written = {4, {out->C, out->T, out->H, out->W}},
                         .drawn = DRAWN_FACTORS,
                         .low = layer->dropout};
    return add_node(c->graph, OP_MULTIPLY, format("%s_dropout", c->stem), NULL, 2, (Node *[]){x, add_given(c->graph, &given)});
}

static void add_layer(const Caller *c, int number, Node *const *in, CallResults *results) {
    const NetworkLayer *layer = c->layer;
    const LayerParameters *p = &c->network->layer[number];
    Node *x = results->tap[number] = add_own(c, p, in);
    const NormNumbers numbers = {c->training, layer->epsilon, layer->momentum};
    if (layer->norm_module >= 0) x = add_norm_nodes(c->graph, c->stem, x, &p->norm, &numbers);
    if (layer->activation_module >= 0) x = add_activation_node(c->graph, c->stem, layer->activation, layer->slope, x);
    if (layer->dropout_module >= 0 && c->training) x = add_dropout(c, x);
    results->layer[number] = x;
}

Node *call_network(Graph *graph, const NetworkCall *call, const NetworkNodes *network, Node *const *arguments, CallResults *results) {
    const Network *of = call->network;
    *results = (CallResults){.input = NEW_ARRAY(Node *, of->input_count),
                             .layer = NEW_ARRAY(Node *, of->layer_count),
                             .tap = NEW_ARRAY(Node *, of->layer_count)};
    for (int i = 0; i < of->input_count; i++) results->input[i] = arguments[i];
    Caller c = {.graph = graph,
                .call = call,
                .network = network,
                .items = graph->spec->training.batch * (call->value->joined ? 2 : 1),
                .training = graph->training && !of->frozen};
    for (int i = 0; i < of->layer_count; i++) {
        const NetworkLayer *layer = c.layer = &of->layers[i];
        c.stem = format("%s%d", of->name, i);
        graph->layer = network_layer_name(of, i);
        Node **in = NEW_ARRAY(Node *, layer->from_count);
        for (int k = 0; k < layer->from_count; k++) in[k] = result_of_call(results, layer->from[k]);
        add_layer(&c, i, in, results);
    }
    return results->layer[of->layer_count - 1];
}
