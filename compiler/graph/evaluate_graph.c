/* evaluate_graph.c: runs a graph node by node in double precision, slowly and plainly: what the tests compare everything with. */
#include "graph/evaluate_graph.h"
#include "graph/evaluate_ops.h"
#include "graph/shapes.h"

/* What a carry holds at step t: the next value of the step before, or the initial one (or 0). */
static void evaluate_carry(const Node *carry, double **values, long t) {
    const Scan *scan = carry->scan;
    const long steps = scan->steps, clips = carry->shape[0] / steps, size = row_size(carry);
    const bool start = t == (scan->reverse ? steps - 1 : 0);
    const long before = scan->reverse ? t + 1 : t - 1;
    for (long b = 0; b < clips; b++)
        for (long i = 0; i < size; i++) {
            double value = 0;
            if (!start) value = values[carry->input[1]->id][(b * steps + before) * size + i];
            else if (carry->input[0]) value = values[carry->input[0]->id][(carry->which * clips + b) * size + i];
            values[carry->id][(b * steps + t) * size + i] = value;
        }
}

/* Runs the body, nodes first … end − 1, once for each step. */
static void evaluate_scan(const Graph *graph, double **values, int first, int end) {
    const Scan *scan = graph->node[first]->scan;
    for (long step = 0; step < scan->steps; step++) {
        const long t = scan->reverse ? scan->steps - 1 - step : step;
        for (int i = first; i < end; i++) {
            const Node *node = graph->node[i];
            if (node->op == OP_CARRY) evaluate_carry(node, values, t);
            else evaluate_node(node, values, (Rows){t, scan->steps, node->shape[0] / scan->steps});
        }
    }
}

void evaluate_nodes(const Graph *graph, double **values, int first, int end) {
    for (int i = 0; i < graph->node_count; i++)
        if (!values[i]) values[i] = NEW_ARRAY(double, count_elements(graph->node[i]));
    for (int next; first < end; first = next) {
        const Node *node = graph->node[first];
        for (next = first + 1; node->scan && next < end && graph->node[next]->scan == node->scan;) next++;
        if (node->scan) evaluate_scan(graph, values, first, next);
        else evaluate_node(node, values, (Rows){0, 1, node->shape[0]});
    }
}

void evaluate_graph(const Graph *graph, double **values) {
    evaluate_nodes(graph, values, 0, graph->node_count);
}
