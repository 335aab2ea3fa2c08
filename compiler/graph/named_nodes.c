/* named_nodes.c: what a graph is about, by name. Who builds a graph gives the names; no pass knows one. */
#include "graph/graph.h"

#include <string.h>

NamedNode *name_node(Graph *graph, Role role, const char *name, Node *node) {
    NamedNodes *named = &graph->named[role];
    if (named_node(graph, role, name)) die("%s has its name, %s, from another node", node->name, name);
    MAKE_ROOM(named->entry, named->count, named->capacity);
    NamedNode *entry = &named->entry[named->count++];
    *entry = (NamedNode){.name = name, .node = node, .argument = {.name = name, .rank = node->rank, .items = -1}};
    memcpy(entry->argument.shape, node->shape, sizeof entry->argument.shape);
    return entry;
}

Node *named_node(const Graph *graph, Role role, const char *name) {
    for (int i = 0; i < graph->named[role].count; i++)
        if (strcmp(graph->named[role].entry[i].name, name) == 0) return graph->named[role].entry[i].node;
    return NULL;
}

const char *name_of(const Graph *graph, Role role, const Node *node) {
    for (int i = 0; i < graph->named[role].count; i++)
        if (graph->named[role].entry[i].node == node) return graph->named[role].entry[i].name;
    return NULL;
}

void copy_names(Graph *to, const Graph *from, Node *const *stands_for) {
    for (int role = 0; role < ROLES; role++)
        for (int i = 0; i < from->named[role].count; i++) {
            const NamedNode *entry = &from->named[role].entry[i];
            name_node(to, (Role)role, entry->name, stands_for[entry->node->id])->argument = entry->argument;
        }
}
