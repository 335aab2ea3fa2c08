/* given.c: inputs of a system's graphs. */
#include "graph/given.h"

Argument *name_clips(Graph *graph, Role role, const char *name, Node *node) {
    Argument *argument = &name_node(graph, role, name, node)->argument;
    *argument = (Argument){
        .name = name, .rank = 5, .shape = {node->shape[0] / node->steps, node->steps, node->shape[1], node->shape[2], node->shape[3]}};
    return argument;
}

Node *add_given(Graph *graph, const Given *given) {
    const Shape *shape = &given->shape;
    Node *node = append_node(graph, (Node){.op = OP_INPUT,
                                           .name = parameter_node_name(given->name),
                                           .rank = 4,
                                           .shape = {given->items * shape->T, shape->C, shape->H, shape->W},
                                           .steps = shape->T});
    Argument *argument;
    if (!given->written.rank) {
        argument = name_clips(graph, ROLE_INPUT, given->name, node);
    } else {
        argument = &name_node(graph, ROLE_INPUT, given->name, node)->argument;
        *argument = (Argument){.name = given->name, .rank = 1 + given->written.rank, .channels_first = given->written.rank == 4};
        argument->shape[0] = given->items;
        for (int d = 0; d < given->written.rank; d++) argument->shape[1 + d] = given->written.size[d];
    }
    argument->drawn = given->drawn;
    argument->low = given->low;
    argument->high = given->high;
    return node;
}

Node *add_data(Graph *graph) {
    const Spec *spec = graph->spec;
    const Shape clip = {spec->channels, spec->T, spec->height, spec->width};
    return add_given(graph, &(Given){.name = "x", .items = spec->training.batch, .shape = clip});
}

Node *add_given_state(Graph *graph, const char *name, long layers, long items, long hidden) {
    Node *node = append_node(
        graph, (Node){.op = OP_INPUT, .name = parameter_node_name(name), .rank = 4, .shape = {layers * items, hidden, 1, 1}, .steps = 1});
    Argument *argument = &name_node(graph, ROLE_INPUT, name, node)->argument;
    *argument = (Argument){.name = name, .rank = 3, .shape = {layers, items, hidden}, .items = 1, .drawn = DRAWN_NORMAL};
    return node;
}
