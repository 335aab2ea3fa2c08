/* lower_stream.c: a network frame by frame, for trainers and for bundles: a frame to its latent, a latent to codes, a code to a frame and
 * its score.
 *
 * The recurrent part runs several times side by side. Each run of a stream starts from the initial state, one frame after the run before
 * it. Of T runs, the oldest has seen exactly the last T frames: its code is that of the last frame of this clip, and the caller restarts
 * it for the next frame. A stream whose state is carried on for ever has one run. The part before the recurrence is the same for all runs,
 * and is computed once. The order of a sum does not depend on the number of rows, so the bits are those of clips. */
#include "lower/lower_stream.h"

#include "graph/build_graph.h"
#include "lower/lower_graph.h"
#include "lower/lower_rows.h"
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

/* A field of the caller's struct, with `rows` rows like the node's. */
static const Buffer *rows_outside(const char *field, const Node *node, long rows) {
    const long shape[4] = {rows, node->shape[1], node->shape[2], node->shape[3]};
    return new_plain(field, TYPE_F32, PLACE_STEP, 4, shape);
}

/* All rows of the node that a cut names: [N, C, H, W]. */
static void pass(Lowering *l, const char *cut, const char *name, bool out, Program *program) {
    Node *node = named_node(l->graph, ROLE_CUT, cut);
    l->program = program;
    lower_row_copy(l, node,
                   &(RowCopy){.name = name,
                              .comment = out ? "to the caller" : "from the caller",
                              .outside = rows_outside(cut, node, node->shape[0]),
                              .out = out});
}

/* After a frame: the state of each layer and run, [layers, runs, hidden]. */
static void lower_kept_state(Lowering *l, Program *program) {
    const Graph *graph = l->graph;
    l->program = program;
    for (int i = 0; i < graph->node_count; i++) {
        const Node *carry = graph->node[i];
        if (carry->op != OP_CARRY) continue;
        const long runs = carry->shape[0];
        const RowCopy copy = {.name = format("keep_%s", carry->name),
                              .comment = "to the caller",
                              .outside = rows_outside("state", carry, graph->spec->gru_layers * runs),
                              .row = carry->which * runs,
                              .out = true};
        lower_row_copy(l, carried_node(carry), &copy);
    }
}

/* The first node of the recurrence; without one, the node after the code. */
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

/* Lets all runs read the part that is computed once: buffers of one row. */
static void share_rows(Lowering *l, Lowering *runs, int first) {
    const int latent = named_node(l->graph, ROLE_CUT, "latent")->id;
    for (int i = 0; i < first; i++) {
        Node *node = runs->graph->node[i];
        if (node->parameter || node->op == OP_INPUT || !is_read_from(node, first) || i < latent) continue;
        if (node->fused) die("%s is read by the recurrence, but never stored", node->name);
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
