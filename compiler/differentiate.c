/* differentiate.c: reverse mode. Nodes are visited from the last to the first; when one is reached, all its readers have added their
 * terms to its adjoint, and its rule (gradients.c) adds its own to those of its inputs.
 *
 * The gradient of a scan is a scan that runs the other way. Each carry h has a counterpart in it, h̄, which holds what the step
 * computed before it (the one after it in time) found for the gradient of h; that is one more term of the adjoint of h's next value:
 *
 *     forward, step t:   h = carry(next)    …    next = body(h, …)
 *     reverse, step t:   h̄ = carry(dh)     d(next) = (what reads `next` outside) + h̄     …    dh = adjoint of h
 *
 * Which of the body's gradients must run in the loop is then read off the graph: those on a path from a carry to its next value.
 * All others (gradients of weights, and of what the body reads from outside) are batched over all steps, before or after the loop. */
#include "graph.h"

#include <string.h>

/* A node needs a gradient if it depends on a trained parameter; to a fixed point: a carry does if its next value, which comes later, does.
 */
static void find_needed(Graph *graph) {
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < graph->node_count; i++) {
            Node *node = graph->node[i];
            bool now = node->op == OP_PARAMETER;
            for (int k = 0; k < node->input_count; k++) now |= node->input[k] && node->input[k]->needs_gradient;
            changed |= now != node->needs_gradient;
            node->needs_gradient = now;
        }
    }
}

void add_adjoint(Graph *graph, Node *node, Node *dy) {
    if (!node->needs_gradient) return;
    node->adjoint = !node->adjoint ? dy : add_node(graph, OP_ADD, gradient_name(node, "grad_sum"), NULL, 2, (Node *[]){node->adjoint, dy});
}

static void differentiate_node(Graph *graph, Node *node) {
    if (!node->needs_gradient) return;
    if (name_of(graph, ROLE_LOSS, node)) apply_gradient_rule(graph, node, NULL);
    else if (!node->adjoint) return;
    else if (node->op == OP_PARAMETER) {
        node->parameter->gradient = node->adjoint;
        if (node->adjoint->gradient_of) die("%s is the gradient of two parameters", node->adjoint->name);
        node->adjoint->gradient_of = node->parameter;
    } else if (node->op != OP_CARRY) apply_gradient_rule(graph, node, node->adjoint);
}

/* ---- scans ---- */

/* The gradients of a scan's body are nodes first, first + 1, … of the graph, its carries at their head. */
typedef struct Section {
    Graph *graph;
    int first;
    Scan *scan;
} Section;

static bool in_section(const Section *section, const Node *node) {
    return node && node->id >= section->first;
}

/* Marks, from the nodes that `mark` holds already, all nodes of the section that depend on them. */
static void mark_readers(const Section *section, bool *mark) {
    for (int i = section->first; i < section->graph->node_count; i++) {
        const Node *node = section->graph->node[i];
        if (node->op == OP_CARRY) continue; /* its next value is of another step */
        for (int k = 0; k < node->input_count; k++) mark[i] |= in_section(section, node->input[k]) && mark[node->input[k]->id];
    }
}

/* The same for all nodes that they depend on. */
static void mark_sources(const Section *section, bool *mark) {
    for (int i = section->graph->node_count - 1; i >= section->first; i--) {
        const Node *node = section->graph->node[i];
        if (node->op == OP_CARRY || !mark[i]) continue;
        for (int k = 0; k < node->input_count; k++)
            if (in_section(section, node->input[k])) mark[node->input[k]->id] = true;
    }
}

/* Puts the section in order: what the loop needs, the loop, what needs it; each in the order it was made. */
static void arrange_section(const Section *section) {
    Graph *graph = section->graph;
    const int count = graph->node_count;
    bool *after_carry = NEW_ARRAY(bool, count), *before_next = NEW_ARRAY(bool, count);
    for (int i = section->first; i < count; i++) {
        const Node *node = graph->node[i];
        if (node->op != OP_CARRY) continue;
        after_carry[i] = before_next[i] = true;
        before_next[node->input[1]->id] = true;
    }
    mark_readers(section, after_carry);
    mark_sources(section, before_next);
    for (int i = section->first; i < count; i++) { /* several results are of one kernel */
        const Node *node = graph->node[i];
        if (node->op == OP_RESULT && in_section(section, node->input[0])) before_next[i] = before_next[node->input[0]->id];
    }

    Node **ordered = NEW_ARRAY(Node *, count);
    int placed = section->first;
    for (int part = 0; part < 3; part++)
        for (int i = section->first; i < count; i++) {
            if (part != (!after_carry[i] ? 0 : before_next[i] ? 1 : 2)) continue;
            ordered[placed++] = graph->node[i];
            if (part == 1) graph->node[i]->scan = section->scan;
        }
    for (int i = section->first; i < count; i++) {
        graph->node[i] = ordered[i];
        ordered[i]->id = i;
    }
}

static Node *add_reverse_carry(Graph *graph, const Node *carry) {
    Node node = {.op = OP_CARRY, .name = gradient_name(carry, "grad"), .input_count = 2, .rank = carry->rank, .steps = carry->steps};
    memcpy(node.shape, carry->shape, sizeof node.shape);
    return append_node(graph, node);
}

/* The body is nodes first … end − 1. */
static void differentiate_scan(Graph *graph, int first, int end) {
    const Scan *scan = graph->node[first]->scan;
    Section section = {graph, graph->node_count, add_scan(graph, scan->steps, !scan->reverse)};
    Node **reverse = NEW_ARRAY(Node *, end - first); /* of each carry */
    for (int i = first; i < end; i++) {
        const Node *carry = graph->node[i];
        if (carry->op != OP_CARRY || !carry->needs_gradient) continue;
        if (carry->input[0] && carry->input[0]->needs_gradient) die("%s: no gradient of a computed initial value yet", carry->name);
        reverse[i - first] = add_reverse_carry(graph, carry);
    }
    for (int i = first; i < end; i++)
        if (reverse[i - first]) add_adjoint(graph, graph->node[i]->input[1], reverse[i - first]);
    for (int i = end - 1; i >= first; i--) differentiate_node(graph, graph->node[i]);
    for (int i = first; i < end; i++) {
        if (!reverse[i - first]) continue;
        if (!graph->node[i]->adjoint) die("%s: a carry that its scan does not read", graph->node[i]->name);
        reverse[i - first]->input[1] = graph->node[i]->adjoint;
    }
    arrange_section(&section);
}

void differentiate(Graph *graph) {
    if (!graph->training) die("a graph for evaluation has no gradients");
    find_needed(graph);
    graph->forward_count = graph->node_count;
    for (int i = 0; i < graph->node_count; i++) graph->node[i]->forward = true;
    for (int end = graph->node_count; end > 0;) {
        int first = end - 1;
        const Scan *scan = graph->node[first]->scan;
        while (scan && first > 0 && graph->node[first - 1]->scan == scan) first--;
        if (scan) differentiate_scan(graph, first, end);
        else differentiate_node(graph, graph->node[first]);
        end = first;
    }
    list_readers(graph);
}
