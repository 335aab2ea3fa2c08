/* fold: batch norm with running statistics scales and shifts each channel of the convolution before it, which that convolution's own
 * weight and bias can do as well. The graph that comes out has these as parameters; their values follow by parameter_values(). */
#include "graph/fold.h"

#include <string.h>

typedef struct Fold {
    Graph *to;
    Node **node; /* by id in `from`: what stands for it in `to` */
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

/* A bias for a convolution that has none: it looks like the shift of its batch norm. */
static Node *add_bias(Fold *fold, const Node *convolution, const Node *shift, const Folding *folding) {
    const Node *weight = convolution->input[1], *bias = convolution->input_count > 2 ? convolution->input[2] : NULL;
    if (bias) return add_parameter(fold, bias, folding);
    Parameter named = *shift->parameter;
    named.layer = weight->parameter->layer;
    named.name = format("%s.bias", named.layer);
    Node node = *shift;
    node.parameter = &named;
    node.name = parameter_node_name(named.name);
    return add_parameter(fold, &node, folding);
}

static bool has_name(const Graph *graph, const Node *node) {
    for (int role = 0; role < ROLES; role++)
        if (name_of(graph, (Role)role, node)) return true;
    return false;
}

/* The batch norm that alone reads a convolution, whose result nobody asks for by name; or NULL. */
static const Node *batch_norm_of(const Graph *graph, const Node *node) {
    if ((node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D) || has_name(graph, node)) return NULL;
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

static void fold_convolution(Fold *fold, const Node *convolution, const Node *norm) {
    const Node *stats = norm->input[1];
    Folding weight = {.weight = convolution->input[1]->parameter,
                      .bias = convolution->input_count > 2 ? convolution->input[2]->parameter : NULL,
                      .scale = stats->input[0]->parameter,
                      .shift = norm->input[2]->parameter,
                      .mean = stats->input[1]->parameter,
                      .variance = stats->input[2]->parameter,
                      .epsilon = stats->epsilon,
                      .dimension = convolution->op == OP_CONV_TRANSPOSE2D};
    Folding *made = NEW_ARRAY(Folding, 2);
    made[0] = made[1] = weight;
    made[1].is_bias = true;
    Node copy = *convolution;
    copy.input[0] = fold->node[convolution->input[0]->id];
    copy.input[1] = add_parameter(fold, convolution->input[1], &made[0]);
    copy.input[2] = add_bias(fold, convolution, norm->input[2], &made[1]);
    copy.input_count = 3;
    fold->node[convolution->id] = fold->node[norm->id] = append_node(fold->to, copy);
}

/* Nothing is left that reads it as it is: another layer may share a weight, and have no batch norm. */
static bool is_read_folded_only(const Graph *graph, const Node *node, const bool *dropped) {
    for (int i = 0; i < node->reader_count; i++) {
        const Node *reader = node->reader[i], *convolution = reader->op == OP_BATCH_NORM ? reader->input[0] : reader;
        if (!dropped[reader->id] && !batch_norm_of(graph, convolution)) return false;
    }
    return true;
}

/* Marks the parameters that folding makes others of, and the statistics. */
static void drop_parameters(const Graph *graph, bool *dropped) {
    for (int i = 0; i < graph->node_count; i++) {
        const Node *norm = batch_norm_of(graph, graph->node[i]);
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
    fold.to->scan_count = graph->scan_count;
    copy_groups(fold.to, graph);
    drop_parameters(graph, dropped);
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i], *norm = batch_norm_of(graph, node);
        if (dropped[i] || fold.node[i]) continue;
        if (norm) fold_convolution(&fold, node, norm);
        else fold.node[i] = node->parameter ? add_parameter(&fold, node, NULL) : copy_node(&fold, node);
    }
    for (int i = 0; i < graph->node_count; i++)
        if (graph->node[i]->op == OP_CARRY) fold.node[i]->input[1] = fold.node[graph->node[i]->input[1]->id];
    copy_names(fold.to, graph, fold.node);
    list_readers(fold.to);
    return fold.to;
}
