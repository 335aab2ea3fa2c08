/* program_heads.c: the programs of a trainer, as they are known before there is a target. */
#include "lower/program_heads.h"

#include "graph/named_nodes.h"
#include "graph/shapes.h"

/* ---- frame by frame: see runtime/model.h ---- */

static Signature advance_signature(const Graph *graph) {
    const Spec *spec = graph->spec;
    const Node *code = named_node(graph, ROLE_CUT, "code");
    const long frame[] = {1, 1, spec->channels, spec->height, spec->width}, runs = spec->hidden ? spec->T : 1;
    const Argument x = {.name = "x", .rank = 5, .shape = {frame[0], frame[1], frame[2], frame[3], frame[4]}, .items = -1};
    Argument h0 = {.name = "h0", .rank = 3, .shape = {spec->gru_layers, runs, spec->hidden}, .items = -1}, state = h0;
    const Argument codes = {.name = "code", .rank = 2, .shape = {runs, row_size(code)}, .items = -1};
    state.name = "state";
    Argument *in = NEW_ARRAY(Argument, 2), *out = NEW_ARRAY(Argument, 2);
    in[0] = x, in[1] = h0;
    const int states = spec->hidden > 0;
    if (states) out[0] = state;
    out[states] = codes;
    return (Signature){.count = {[ROLE_INPUT] = 1 + states, [ROLE_OUTPUT] = 1 + states},
                       .argument = {[ROLE_INPUT] = in, [ROLE_OUTPUT] = out}};
}

static Signature decode_signature(const Signature *advance) {
    Argument *in = NEW_ARRAY(Argument, 2), *out = NEW_ARRAY(Argument, 1), *loss = NEW_ARRAY(Argument, 1);
    in[0] = advance->argument[ROLE_OUTPUT][advance->count[ROLE_OUTPUT] - 1];
    in[0].shape[0] = 1;
    in[1] = out[0] = advance->argument[ROLE_INPUT][0];
    out[0].name = "reconstruction";
    loss[0] = (Argument){.name = "loss", .items = -1};
    return (Signature){.count = {2, 1, 1}, .argument = {in, out, loss}};
}

/* ---- all ---- */

const char *step_program(const TrainerGraphs *graphs, int step) {
    return graphs->step_count > 1 ? format("step%d", step) : "train";
}

const ProgramHead *program_heads(const TrainerGraphs *graphs, int *count) {
    ProgramHead *head = NEW_ARRAY(ProgramHead, graphs->step_count + 4);
    const bool several = graphs->step_count > 1;
    int n = 0;
    for (; n < graphs->step_count; n++)
        head[n] = (ProgramHead){.name = step_program(graphs, n),
                                .comment = several ? format("Step %d of a training iteration: forward, backward, update.", n)
                                                   : "One step of training: forward, backward, update.",
                                .signature = signature_of(graphs->step[n])};
    if (graphs->evaluation) head[n++] = (ProgramHead){"evaluate", "Forward, with running statistics.", signature_of(graphs->evaluation)};
    else head[n++] = (ProgramHead){.name = "update", .comment = "The optimizers' steps."};
    if (graphs->search)
        head[n++] =
            (ProgramHead){"search", "The gradient of each item's score with respect to what is searched.", signature_of(graphs->search)};
    if (graphs->streams) {
        const Signature advance = advance_signature(graphs->evaluation);
        head[n++] = (ProgramHead){
            "advance", "One frame of one video, with running statistics, to the codes of all runs; their states move on.", advance};
        head[n++] =
            (ProgramHead){"decode", "One code to a frame and its mean squared error, with running statistics.", decode_signature(&advance)};
    }
    *count = n;
    return head;
}
