/* fold: batch norm with running statistics scales and shifts each channel of the product before it (a convolution or a linear layer), which
 * that product's own weight and bias can do as well. The graph that comes out has these as parameters; weights.c computes their values.
 *
 * A network that is called several times has a product and a batch norm for each call. All calls share the folded parameters. */
#include "graph/fold.h"

#include <string.h>

typedef struct Folded { /* a weight and the batch norm that is in it now */
    const Node *weight, *norm_weight;
    Node *to_weight, *to_bias;
} Folded;

typedef struct Fold {
    Graph *to;
    Node **node; /* by id in `from`: what stands for it in `to` */
    int count, capacity;
    Folded *folded;
} Fold;

/* The same parameter, or the one that folding makes of it. */
static Node *add_parameter(Fold *fold, const Node *node, const Folding *folding) {
    Parameter *parameter = NEW(Parameter);
    *parameter = *node->parameter;
    parameter->folding = folding;
    parameter->gradient = NULL;
    Node copy = *node;
    copy.parameter = parameter;
    parameter->node = append_node(fold->to, copy);
    Graph *to = fold->to;
    MAKE_ROOM(to->parameter, to->parameter_count, to->parameter_capacity);
    parameter->number = to->parameter_count;
    to->parameter[to->parameter_count++] = parameter;
    return parameter->node;
}

/* A bias for a product that has none: a value for each channel, or for each feature of a linear layer. */
static Node *new_bias(Fold *fold, const Node *product, const Node *shift, const Folding *folding) {
    const long *out = product->shape, area = out[2] * out[3];
    const bool features = product->op == OP_LINEAR && area > 1;
    Parameter named = *shift->parameter;
    named.layer = product->input[1]->parameter->layer;
    named.name = format("%s.bias", named.layer);
    Node node = *shift;
    if (features) {
        named.count = named.shape[0] = out[1] * area;
        for (int d = 1; d < 4; d++) node.shape[d] = out[d];
        named.stride[1] = out[1] > 1 ? area : 0;
        named.stride[2] = out[2] > 1 ? out[3] : 0;
        named.stride[3] = out[3] > 1;
    }
    node.parameter = &named;
    node.name = parameter_node_name(named.name);
    return add_parameter(fold, &node, folding);
}

static Node *add_bias(Fold *fold, const Node *product, const Node *shift, const Folding *folding) {
    const Node *bias = product->input_count > 2 ? product->input[2] : NULL;
    return bias ? add_parameter(fold, bias, folding) : new_bias(fold, product, shift, folding);
}

static bool has_name(const Graph *graph, const Node *node) {
    for (int role = 0; role < ROLES; role++)
        if (name_of(graph, (Role)role, node)) return true;
    return false;
}

/* The batch norm that alone reads a product, whose result nobody asks for by name; or NULL. */
static const Node *batch_norm_of(const Graph *graph, const Node *node) {
    const bool product = node->op == OP_CONV2D || node->op == OP_CONV_TRANSPOSE2D || node->op == OP_LINEAR;
    if (!product || node->scan || has_name(graph, node)) return NULL;
    const Node *norm = node->reader_count == 1 ? node->reader[0] : NULL;
    if (!norm || norm->op != OP_BATCH_NORM || norm->input[1]->op != OP_BATCH_NORM_RUNNING) return NULL;
    bool parameters = node->input[1]->parameter && norm->input[2]->parameter && (node->input_count < 3 || node->input[2]->parameter);
    for (int k = 0; k < 3; k++) parameters = parameters && norm->input[1]->input[k]->parameter;
    return parameters ? norm : NULL;
}

static Node *copy_node(Fold *fold, const Node *node) {
    Node copy = *node;
    for (int i = 0; i < node->input_count; i++)
        copy.input[i] = node->input[i] && node->input[i]->id < node->id ? fold->node[node->input[i]->id] : NULL; /* a carry's next: later */
    return append_node(fold->to, copy);
}

/* Of an earlier call of the same network, or new. The result is good until the next one is added. */
static const Folded *fold_parameters(Fold *fold, const Node *product, const Node *norm) {
    const Node *stats = norm->input[1], *weight = product->input[1];
    for (int i = 0; i < fold->count; i++)
        if (fold->folded[i].weight == weight && fold->folded[i].norm_weight == stats->input[0]) return &fold->folded[i];
    Folding *made = NEW_ARRAY(Folding, 2);
    made[0] = made[1] = (Folding){.weight = weight->parameter,
                                  .bias = product->input_count > 2 ? product->input[2]->parameter : NULL,
                                  .scale = stats->input[0]->parameter,
                                  .shift = norm->input[2]->parameter,
                                  .mean = stats->input[1]->parameter,
                                  .variance = stats->input[2]->parameter,
                                  .epsilon = stats->epsilon,
                                  .dimension = product->op == OP_CONV_TRANSPOSE2D};
    made[1].is_bias = true;
    MAKE_ROOM(fold->folded, fold->count, fold->capacity);
    Folded *folded = &fold->folded[fold->count++];
    *folded = (Folded){.weight = weight, .norm_weight = stats->input[0]};
    folded->to_weight = add_parameter(fold, weight, &made[0]);
    folded->to_bias = add_bias(fold, product, norm->input[2], &made[1]);
    return folded;
}

static void fold_product(Fold *fold, const Node *product, const Node *norm) {
    const Folded *folded = fold_parameters(fold, product, norm);
    Node copy = *product;
    copy.input[0] = fold->node[product->input[0]->id];
    copy.input[1] = folded->to_weight;
    copy.input[2] = folded->to_bias;
    copy.input_count = 3;
    fold->node[product->id] = fold->node[norm->id] = append_node(fold->to, copy);
}

/* Nothing is left that reads it as it is: another layer may share a weight, and have no batch norm. What nothing read at all is not kept.
 */
static bool is_read_folded_only(const Graph *graph, const Node *node, const bool *dropped) {
    for (int i = 0; i < node->reader_count; i++) {
        const Node *reader = node->reader[i], *product = reader->op == OP_BATCH_NORM ? reader->input[0] : reader;
        if (!dropped[reader->id] && !batch_norm_of(graph, product)) return false;
    }
    return true;
}

/* Marks the parameters that folding makes others of, and the statistics. */
static void drop_parameters(const Graph *graph, bool *dropped) {
    for (int i = 0; i < graph->node_count; i++) {
        const Node *norm = batch_norm_of(graph, graph->node[i]);
        dropped[i] = dropped[i] || (graph->node[i]->parameter && !graph->node[i]->reader_count);
        if (!norm) continue;
        for (int k = 1; k < graph->node[i]->input_count; k++) dropped[graph->node[i]->input[k]->id] = true;
        dropped[norm->input[1]->id] = dropped[norm->input[2]->id] = true;
        for (int k = 0; k < 3; k++) dropped[norm->input[1]->input[k]->id] = true;
    }
    for (int i = graph->node_count - 1; i >= 0; i--) /* statistics before what they are made of */
        dropped[i] = dropped[i] && is_read_folded_only(graph, graph->node[i], dropped);
}

Graph *fold_batch_norm(const Graph *graph) {
    Fold fold = {.to = NEW(Graph), .node = NEW_ARRAY(Node *, graph->node_count)};
    bool *dropped = NEW_ARRAY(bool, graph->node_count);
    fold.to->spec = graph->spec;
    fold.to->unfolded = graph;
    fold.to->scan_count = graph->scan_count;
    copy_groups(fold.to, graph);
    drop_parameters(graph, dropped);
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i], *norm = batch_norm_of(graph, node);
        if (dropped[i] || fold.node[i]) continue;
        if (norm) fold_product(&fold, node, norm);
        else fold.node[i] = node->parameter ? add_parameter(&fold, node, NULL) : copy_node(&fold, node);
    }
    for (int i = 0; i < graph->node_count; i++)
        if (graph->node[i]->op == OP_CARRY) fold.node[i]->input[1] = fold.node[graph->node[i]->input[1]->id];
    copy_names(fold.to, graph, fold.node);
    list_readers(fold.to);
    return fold.to;
}
