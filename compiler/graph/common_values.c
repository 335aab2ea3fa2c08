/* common_values.c: nodes of one graph that compute the same. */
#include "graph/common_values.h"

#include "graph/shapes.h"

#include <string.h>

bool same_work(const Node *a, const Node *b) {
    if (a->op != b->op || a->input_count != b->input_count || a->rank != b->rank || a->steps != b->steps) return false;
    const bool shapes = memcmp(a->shape, b->shape, sizeof a->shape) == 0;
    const bool windows = memcmp(a->kernel, b->kernel, sizeof a->kernel) == 0 && memcmp(a->stride, b->stride, sizeof a->stride) == 0 &&
                         memcmp(a->padding, b->padding, sizeof a->padding) == 0 &&
                         memcmp(a->output_padding, b->output_padding, sizeof a->output_padding) == 0 &&
                         memcmp(&a->window, &b->window, sizeof a->window) == 0;
    const bool numbers = a->slope == b->slope && a->factor == b->factor && a->offset == b->offset && a->epsilon == b->epsilon &&
                         a->momentum == b->momentum && a->rows == b->rows && a->which == b->which;
    const bool places = a->pixels == b->pixels && a->clip == b->clip && a->axis == b->axis && a->first == b->first && a->count == b->count;
    return shapes && windows && numbers && places;
}

int value_inputs(const Node *node) {
    return node->op == OP_BATCH_NORM_STATISTICS ? 2 : node->input_count;
}

Node move_again(const Node *statistics, const char *name, Node *stands_for) {
    const Node *x = statistics->input[0];
    return (Node){.op = OP_BATCH_NORM_MOVE,
                  .name = name,
                  .layer = statistics->layer,
                  .input_count = 3,
                  .input = {stands_for, statistics->input[2], statistics->input[3]},
                  .epsilon = statistics->epsilon,
                  .momentum = statistics->momentum,
                  .rows = count_elements(x) / x->shape[1]};
}

/* ---- in one graph ---- */

static bool can_be_shared(const Graph *graph, const Node *node) {
    if (node->scan || node->parameter || node->op == OP_INPUT || node->op == OP_FILL || node->op == OP_BATCH_NORM_MOVE) return false;
    for (int role = 0; role < ROLES; role++)
        if (name_of(graph, (Role)role, node)) return false;
    return true;
}

/* Inputs stand for those that compute the same, already. */
static bool same_inputs(const Node *a, const Node *b) {
    for (int k = 0; k < value_inputs(a); k++)
        if (a->input[k] != b->input[k]) return false;
    return true;
}

static Node *first_like(const Graph *graph, const Node *node) {
    for (int i = 0; i < node->id; i++) {
        Node *earlier = graph->node[i];
        if (same_work(earlier, node) && same_inputs(earlier, node) && can_be_shared(graph, earlier)) return earlier;
    }
    return NULL;
}

static void move_instead(Node *statistics, Node *first) {
    Node move = move_again(statistics, statistics->name, first);
    move.id = statistics->id;
    move.rank = 4;
    infer_shape(&move);
    *statistics = move;
}

void share_common_values(Graph *graph) {
    Node **stands_for = NEW_ARRAY(Node *, graph->node_count);
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = stands_for[i] = graph->node[i];
        for (int k = 0; k < node->input_count; k++)
            if (node->input[k] && node->input[k]->id < i) node->input[k] = stands_for[node->input[k]->id];
        Node *first = can_be_shared(graph, node) ? first_like(graph, node) : NULL;
        if (!first) continue;
        stands_for[i] = first;
        if (node->op == OP_BATCH_NORM_STATISTICS) move_instead(node, first);
    }
    for (int i = 0; i < graph->node_count; i++) /* a carry's next value comes after it */
        if (graph->node[i]->op == OP_CARRY) graph->node[i]->input[1] = stands_for[graph->node[i]->input[1]->id];
    list_readers(graph);
}
