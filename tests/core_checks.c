/* core_checks.c: shared by tests of graphs that are built by hand. */
#include "core_checks.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/shapes.h"

#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/recompute/recompute.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- comparisons ---- */

static double loss_at(const Graph *graph, double **start, const Node *loss, const Node *of, long element, double change) {
    double **values = NEW_ARRAY(double *, graph->node_count);
    for (int i = 0; i < graph->node_count; i++)
        if (start[i])
            memcpy(values[i] = NEW_ARRAY(double, count_elements(graph->node[i])), start[i],
                   sizeof(double) * (size_t)count_elements(graph->node[i]));
    values[of->id][element] += change;
    evaluate_graph(graph, values);
    return values[loss->id][0];
}

/* Central differences for leaves. With a step of 1e-5, their error is about 1e-10: see test_graph.c. */
void expect_gradient(const Graph *graph, const Node *loss, const Node *of, const Node *gradient) {
    const double step = 1e-5;
    ck_assert_msg(gradient != NULL, "no gradient of %s", of->name);
    double **start = sample_values(graph, 5), **values = sample_values(graph, 5);
    evaluate_graph(graph, values);
    double largest = 0;
    for (long i = 0; i < count_elements(of); i += 1 + count_elements(of) / 16) {
        const double slope = (loss_at(graph, start, loss, of, i, step) - loss_at(graph, start, loss, of, i, -step)) / (2 * step);
        const double found = values[gradient->id][i];
        ck_assert_msg(fabs(slope - found) <= 1e-8 + 1e-6 * fabs(slope), "%s[%ld]: %.12g instead of %.12g", of->name, i, found, slope);
        largest = fmax(largest, fabs(slope));
    }
    ck_assert_msg(largest > 1e-6, "%s: its gradient is zero, which shows nothing", of->name);
}

void expect_parameter(const Graph *graph, const Node *loss, const Node *of) {
    expect_gradient(graph, loss, of, of->parameter->gradient);
}

/* The caller's values are in the caller's memory. In the workspace, they would be overwritten before they are read. */
static void name_inputs(Graph *graph) {
    for (int i = 0; i < graph->node_count; i++) {
        Node *node = graph->node[i];
        if (node->op == OP_INPUT && !name_of(graph, ROLE_INPUT, node)) name_node(graph, ROLE_INPUT, node->name, node);
    }
}

/* Gradients that the optimizer reads, and the caller's results, have the same bits if everything else shares memory. */
static void expect_the_same_in_the_workspace(const Graph *graph, const TargetCode *code) {
    Memories *memories[2];
    for (int planned = 0; planned < 2; planned++) {
        memories[planned] = new_memories(code, planned);
        set_elements(graph, program_named(code, "train")->buffer, memories[planned], sample_values(graph, 7));
        interpret_program(&code->renew, memories[planned], false);
        interpret_program(program_named(code, "train"), memories[planned], false);
    }
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        const Buffer *buffer = program_named(code, "train")->buffer[i];
        if (!buffer || (!node->gradient_of && ((const Tensor *)buffer->owner)->place != PLACE_STEP)) continue;
        for (long e = 0; e < count_elements(node); e++)
            ck_assert_msg(element_of(graph, node, buffer, memories[0], e) == element_of(graph, node, buffer, memories[1], e),
                          "%s: element %ld is another one in the workspace", node->name, e);
    }
    for (int planned = 0; planned < 2; planned++) free_memories(memories[planned]);
}

/* The same gradients, to the bit, within the least possible memory: the forward pass is recomputed where that saves memory. */
void check_within_least_memory(Graph *graph, int number) {
    name_inputs(graph);
    TargetCode *code = compile_graph(graph, any_target(number), &default_choices);
    const long least = compile_both_within(code, graph, NULL, &(MemoryLimit){1, 1})->trade->after;
    const TargetCode *within = compile_both_within(code, graph, NULL, &(MemoryLimit){least, 1});
    ck_assert_msg(within->trade->possible, "%s: %ld bytes are not possible", any_target(number)->name, least);
    ck_assert_int_gt(within->trade->count, 0);
    const Graph *again = program_named(within, "train")->graph;
    check_graph(again, within, true, false);
    const TargetCode *codes[2] = {code, within};
    const Graph *graphs[2] = {graph, again};
    Memories *memories[2];
    double **values = sample_values(graph, 7), **values_again = NEW_ARRAY(double *, again->node_count);
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; values[i] && k < again->node_count; k++)
            if (strcmp(graph->node[i]->name, again->node[k]->name) == 0) values_again[k] = values[i];
    for (int k = 0; k < 2; k++) {
        memories[k] = new_memories(codes[k], true);
        set_elements(graphs[k], program_named(codes[k], "train")->buffer, memories[k], k ? values_again : values);
        interpret_program(&codes[k]->renew, memories[k], false);
        interpret_program(program_named(codes[k], "train"), memories[k], false);
    }
    for (int i = 0; i < graph->parameter_count; i++) {
        const Node *gradient[2] = {graph->parameter[i]->gradient, again->parameter[i]->gradient};
        for (long e = 0; gradient[0] && e < count_elements(gradient[0]); e++) {
            double value[2];
            for (int k = 0; k < 2; k++)
                value[k] = element_of(graphs[k], gradient[k], program_named(codes[k], "train")->buffer[gradient[k]->id], memories[k], e);
            ck_assert_msg(value[0] == value[1], "%s: element %ld is %g instead of %g", gradient[0]->name, e, value[1], value[0]);
        }
    }
    for (int k = 0; k < 2; k++) free_memories(memories[k]);
}

void check_on_target(Graph *graph, int number) {
    name_inputs(graph);
    verify_graph(graph);
    const TargetCode *code = compile_graph(graph, any_target(number), &default_choices);
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        const bool apart =
            node->reader_count == 1 && operation_is(node->reader[0]->op, ACTIVATION); /* the kernel stores the activation after it */
        ck_assert_msg(program_named(code, "train")->buffer[i] || node->fused || apart || node->op == OP_INPUT, "%s is nowhere", node->name);
    }
    check_graph(graph, code, true, number % 2);
    if (number == 0) expect_the_same_in_the_workspace(graph, code);
}

Node *two(Graph *graph, Operation op, const char *name, Node *a, Node *b) {
    return add_node(graph, op, name, NULL, 2, (Node *[]){a, b});
}

Node *one(Graph *graph, Operation op, const char *name, Node *a) {
    return add_node(graph, op, name, NULL, 1, &a);
}

Node *multiple(Graph *graph, const char *name, Node *a, double factor) {
    return append_node(graph, (Node){.op = OP_SCALE, .name = name, .input_count = 1, .input = {a}, .factor = factor});
}

Node *convolve(Graph *graph, Operation op, const char *name, Scan *scan, Node *x, Node *weight, Node *bias) {
    return append_node(graph, (Node){.op = op,
                                     .name = name,
                                     .scan = scan,
                                     .input_count = bias ? 3 : 2,
                                     .input = {x, weight, bias},
                                     .stride = {1, 1},
                                     .padding = {1, 1}});
}

Node *parameter_of_rank(Graph *graph, const char *name, int rank, int node_rank, const long *shape) {
    Node *node = sample_parameter(graph, name, node_rank, shape);
    node->parameter->rank = rank;
    for (int d = 0; d < rank; d++) node->parameter->shape[d] = 1;
    node->parameter->shape[0] = node->parameter->count;
    return node;
}
