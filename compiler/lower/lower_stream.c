/* lower_stream.c: a network frame by frame, for trainers and for bundles: a frame to its latent, a latent to codes, a code to a frame and
 * its score.
 *
 * What is recurrent runs several times side by side: the runs of a stream, each begun from the initial state a frame after the one before
 * it. Of T runs, the oldest has seen the last T frames and nothing else: its code is that of the last frame of the clip of these, and
 * whoever calls starts it anew for the next frame. A stream whose state is carried for ever has one run. What comes before the recurrence
 * is the same for all runs, and computed once. A sum's order does not depend on the number of rows, so the bits are those of clips. */
#include "lower/lower_stream.h"
#include "graph/build_graph.h"

#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/lower_graph.h"
#include "lower/storage.h"

Graph *clip_graph(Spec *spec, const Spec *from, int T, int clips) {
    *spec = *from;
    spec->T = T;
    spec->training.batch = clips;
    spec->initial_state = INITIAL_STATE_NORMAL;
    spec->loss = LOSS_MSE;
    Graph *graph = build_graph(spec, false);
    verify_graph(graph);
    return graph;
}

typedef struct Passage {
    const char *name, *tensor; /* of the kernel; the field of the caller's struct */
    long rows, row;            /* of the tensor; the one that is the node's first */
    bool out;
} Passage;

/* Copies a node's elements to a tensor in row-major order, or back. A row is a sequence of one step. */
static void lower_passage(Lowering *l, Node *node, const Passage *passage, Program *program) {
    static const char *const names[3] = {"c", "h", "w"};
    const long shape[4] = {passage->rows, node->shape[1], node->shape[2], node->shape[3]};
    const Buffer *outside = new_plain(passage->tensor, TYPE_F32, PLACE_STEP, 4, shape), *inside = node_buffer(l, node);
    Kernel *kernel = new_kernel(passage->name, 1);
    Compute *compute = &kernel->compute[0];
    At at = {.steps = 1, .b = affine_variable(add_variable(compute, "b", node->shape[0], false)), .t = affine_constant(0)};
    Affine *const position[3] = {&at.c, &at.h, &at.w};
    Affine there[4] = {affine_shift(at.b, passage->row)}, here[4];
    for (int d = 0; d < 3; d++) there[1 + d] = *position[d] = affine_variable(add_variable(compute, names[d], shape[1 + d], false));
    stored_index(node, &at, here);
    if (passage->out) add_store(compute, outside, there, load(inside, here));
    else add_store(compute, inside, here, load(outside, there));
    const bool fit = lanes_fit(compute, "c", l->target->lanes);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "b", 1, LOOP_SERIAL);
    add_level(schedule, "c", fit ? l->target->lanes : 1, LOOP_SERIAL);
    for (int d = 1; d < 3; d++) add_level(schedule, names[d], 1, LOOP_SERIAL);
    if (fit) add_level(schedule, "c", 1, LOOP_VECTOR);
    kernel->comment = passage->out ? "to the caller" : "from the caller";
    set_work(kernel, 0);
    l->program = program;
    finish_kernel(l, kernel, NULL);
}

/* The node's first and only row, or rows, outside: [N, C, H, W]. */
static void pass(Lowering *l, const char *cut, const char *name, bool out, Program *program) {
    Node *node = named_node(l->graph, ROLE_CUT, cut);
    lower_passage(l, node, &(Passage){.name = name, .tensor = cut, .rows = node->shape[0], .out = out}, program);
}

/* After a frame: the state of each layer and run, [layers, runs, hidden]. */
static void lower_kept_state(Lowering *l, Program *program) {
    const Graph *graph = l->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const Node *carry = graph->node[i];
        if (carry->op != OP_CARRY) continue;
        const long runs = carry->shape[0];
        const Passage passage = {.name = format("keep_%s", carry->name),
                                 .tensor = "state",
                                 .rows = graph->spec->gru_layers * runs,
                                 .row = carry->which * runs,
                                 .out = true};
        lower_passage(l, carried_node(carry), &passage, program);
    }
}

/* The first node of the recurrence; the one after the code where there is none. */
static int first_recurrent(const Graph *graph) {
    const int code = named_node(graph, ROLE_CUT, "code")->id;
    int i = named_node(graph, ROLE_CUT, "latent")->id + 1;
    while (i <= code && !graph->node[i]->scan) i++;
    return i;
}

static bool is_read_from(const Node *node, int first) {
    for (int i = 0; i < node->reader_count; i++)
        if (node->reader[i]->id >= first) return true;
    return false;
}

/* What was computed once is read by all runs: a buffer of one row. */
static void share_rows(Lowering *l, Lowering *runs, int first) {
    const int latent = named_node(l->graph, ROLE_CUT, "latent")->id;
    for (int i = 0; i < first; i++) {
        Node *node = runs->graph->node[i];
        if (node->parameter || node->op == OP_INPUT || !is_read_from(node, first) || i < latent) continue;
        if (node->fused) die("%s is read by the recurrence, and never stored", node->name);
        runs->buffer[i] = node_buffer(l, l->graph->node[i]);
    }
}

void lower_stream(Lowering *l, Lowering *runs, const StreamPrograms *to) {
    const Graph *frame = l->graph;
    const int latent = named_node(frame, ROLE_CUT, "latent")->id, code = named_node(frame, ROLE_CUT, "code")->id;
    const int first = first_recurrent(frame), last = named_node(frame, ROLE_OUTPUT, "reconstruction")->id;
    lower_nodes(l, 0, latent + 1, to->encode);
    if (to->take_latent) pass(l, "latent", "take_latent", true, to->take_latent);
    if (to->put_latent) pass(l, "latent", "put_latent", false, to->put_latent);
    lower_nodes(l, latent + 1, first, to->advance);
    if (first <= code) {
        share_rows(l, runs, first);
        lower_nodes(runs, first, code + 1, to->advance);
        lower_kept_state(runs, to->advance);
        pass(runs, "code", "take_code", true, to->advance);
    } else {
        pass(l, "code", "take_code", true, to->advance);
        if (l->apart) store_again(l, frame->node[code]); /* programs that are planned one by one cannot share a tensor */
    }
    pass(l, "code", "put_code", false, to->put_code);
    lower_nodes(l, code + 1, last + 1, to->decode);
    lower_nodes(l, last + 1, frame->node_count, to->score);
}

void lower_trainer_stream(Lowering *l, Lowering *runs, Program *advance, Program *decode) {
    const StreamPrograms programs = {.encode = advance, .advance = advance, .put_code = decode, .decode = decode, .score = decode};
    lower_stream(l, runs, &programs);
}
