/* prune.c: a graph without what nothing needs. */
#include "graph/prune.h"

#include "graph/named_nodes.h"

static bool stays(const Graph *graph, const Node *node) {
    if (node->op == OP_INPUT || node->parameter || node->op == OP_BATCH_NORM_STATISTICS || node->op == OP_BATCH_NORM_MOVE ||
        node->gradient_of)
        return true;
    return name_of(graph, ROLE_OUTPUT, node) || name_of(graph, ROLE_LOSS, node);
}

/* To a fixed point: a carry's next value comes after it. */
static void mark_sources(const Graph *graph, bool *needed) {
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = graph->node_count - 1; i >= 0; i--)
            for (int k = 0; needed[i] && k < graph->node[i]->input_count; k++) {
                const Node *input = graph->node[i]->input[k];
                if (!input || needed[input->id]) continue;
                needed[input->id] = changed = true;
            }
    }
}

void prune_graph(Graph *graph, Node *const *roots, int count) {
    bool *needed = NEW_ARRAY(bool, graph->node_count);
    for (int i = 0; i < graph->node_count; i++) needed[i] = stays(graph, graph->node[i]);
    for (int i = 0; i < count; i++)
        if (roots[i]) needed[roots[i]->id] = true;
    mark_sources(graph, needed);
    int kept = 0;
    const int forward = graph->forward_count;
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = graph->node[i];
        if (!needed[i]) graph->forward_count -= i < forward;
        if (!needed[i]) continue;
        node->id = kept;
        graph->node[kept++] = node;
    }
    graph->node_count = kept;
    list_readers(graph);
}
