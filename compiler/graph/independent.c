/* independent.c: what does not depend on an input comes first, so that it can be computed once for many values of that input. */
#include "graph/independent.h"

static bool reads_marked(const Node *node, const bool *marked) {
    for (int k = 0; k < node->input_count; k++)
        if (node->input[k] && marked[node->input[k]->id]) return true;
    return false;
}

/* A scan depends on what any of its nodes depends on: marks all of them. To a fixed point, since a carry's next value comes after it. */
static void mark_dependents(const Graph *graph, bool *marked) {
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < graph->node_count; i++) {
            const Node *node = graph->node[i];
            if (marked[i] || !reads_marked(node, marked)) continue;
            marked[i] = changed = true;
            for (int k = 0; node->scan && k < graph->node_count; k++)
                if (graph->node[k]->scan == node->scan) marked[k] = true;
        }
    }
}

int independent_first(Graph *graph, const Node *input) {
    const int count = graph->node_count;
    bool *marked = NEW_ARRAY(bool, count);
    Node **ordered = NEW_ARRAY(Node *, count);
    int placed = 0, independent = 0;
    marked[input->id] = true;
    mark_dependents(graph, marked);
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < count; i++)
            if (marked[i] == (part == 1)) ordered[placed++] = graph->node[i];
        if (part == 0) independent = placed;
    }
    for (int i = 0; i < count; i++) {
        graph->node[i] = ordered[i];
        ordered[i]->id = i;
    }
    list_readers(graph);
    return independent;
}
