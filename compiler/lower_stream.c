/* The program that runs a network frame by frame by a trainer's weights, and what it has in common with those of an inference bundle. */
#include "lower_stream.h"

#include "element.h"
#include "finish_kernel.h"
#include "kernel_builder.h"
#include "lower_graph.h"
#include "storage.h"

Graph *clip_graph(Spec *spec, const Spec *from, int T) {
    *spec = *from;
    spec->T = T;
    spec->training.batch = 1;
    spec->initial_state = INITIAL_STATE_NORMAL;
    spec->loss = LOSS_MSE;
    Graph *graph = build_graph(spec, false);
    verify_graph(graph);
    return graph;
}

void lower_passage(Lowering *l, Program *program, const Passage *passage) {
    Node *node = passage->node;
    const long shape[4] = {passage->rows, node->shape[1], node->shape[2], node->shape[3]};
    const Buffer *outside = new_plain(passage->tensor, TYPE_F32, passage->place, 4, shape), *inside = node_buffer(l, node);
    Kernel *kernel = new_kernel(passage->name, 1);
    Compute *compute = &kernel->compute[0];
    static const char *const names[3] = {"c", "h", "w"};
    const bool carried = has_carried_rows(node);
    At at = {.split = carried, .n = affine_constant(0), .b = affine_constant(0), .t = affine_constant(0)};
    Affine *const position[3] = {&at.c, &at.h, &at.w};
    Affine there[4] = {affine_constant(passage->row)}, here[4];
    for (int d = 0; d < 3; d++) there[1 + d] = *position[d] = affine_variable(add_variable(compute, names[d], shape[1 + d], false));
    stored_index(l, node, &at, here);
    if (passage->out) add_store(compute, outside, there, load(inside, here));
    else add_store(compute, inside, here, load(outside, there));
    for (int d = 0; d < 3; d++) add_level(&kernel->schedule[0], names[d], 1, LOOP_SERIAL);
    kernel->comment = passage->out ? "to the caller" : "from the caller";
    set_work(kernel, 0);
    l->program = program;
    finish_kernel(l, kernel, NULL);
}

void lower_kept_state(Lowering *l, Program *program) {
    const Graph *graph = l->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const Node *carry = graph->node[i];
        if (carry->op != OP_CARRY) continue;
        lower_passage(l, program,
                      &(Passage){.name = format("keep_%s", carry->name),
                                 .node = carried_node(carry),
                                 .out = true,
                                 .place = PLACE_STATE,
                                 .tensor = "state",
                                 .rows = graph->spec->gru_layers,
                                 .row = carry->which});
    }
}

void lower_stream(Lowering *l, const Spec *spec, Program *program) {
    static const Choices direct = {.filtering = 0}; /* filtered weights are made for the batches of training */
    Graph *graph = clip_graph(NEW(Spec), spec, 1);
    l->choices = &direct;
    start_graph(l, graph);
    lower_nodes(l, 0, graph->code->id + 1, program);
    lower_kept_state(l, program);
    lower_nodes(l, graph->code->id + 1, graph->node_count, program);
}
