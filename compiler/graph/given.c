/* given.c: inputs of a system's graphs. */
#include "graph/given.h"

#include <string.h>

void name_clips(Graph *graph, Role role, const char *name, Node *node) {
    Argument *argument = &name_node(graph, role, name, node)->argument;
    *argument = (Argument){
        .name = name, .rank = 5, .shape = {node->shape[0] / node->steps, node->steps, node->shape[1], node->shape[2], node->shape[3]}};
}

Node *add_given(Graph *graph, const Given *given) {
    const Shape *shape = &given->shape;
    Node *node = append_node(graph, (Node){.op = OP_INPUT,
                                           .name = parameter_node_name(given->name),
                                           .rank = 4,
                                           .shape = {given->items * shape->T, shape->C, shape->H, shape->W},
                                           .steps = shape->T});
    if (!given->written.rank) {
        name_clips(graph, ROLE_INPUT, given->name, node);
    } else {
        Argument *argument = &name_node(graph, ROLE_INPUT, given->name, node)->argument;
        *argument = (Argument){.name = given->name, .rank = 1 + given->written.rank, .channels_first = given->written.rank == 4};
        argument->shape[0] = given->items;
        for (int d = 0; d < given->written.rank; d++) argument->shape[1 + d] = given->written.size[d];
    }
    Argument *argument = &graph->named[ROLE_INPUT].entry[graph->named[ROLE_INPUT].count - 1].argument;
    argument->drawn = given->drawn;
    argument->low = given->low;
    argument->high = given->high;
    return node;
}

Node *add_given_state(Graph *graph, const char *name, long layers, long items, long hidden) {
    Node *node = append_node(
        graph, (Node){.op = OP_INPUT, .name = parameter_node_name(name), .rank = 4, .shape = {layers * items, hidden, 1, 1}, .steps = 1});
    Argument *argument = &name_node(graph, ROLE_INPUT, name, node)->argument;
    *argument = (Argument){.name = name, .rank = 3, .shape = {layers, items, hidden}, .items = 1, .drawn = DRAWN_NORMAL};
    return node;
}
