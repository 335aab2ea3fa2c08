/* stream_inference.c: bundles of version 1: the graphs and the programs that run a network frame by frame and by clips. */
#include "bundle/stream_inference.h"

#include "graph/fold.h"
#include "graph/shapes.h"
#include "lower/lower_graph.h"
#include "lower/lower_stream.h"
#include "lower/plan.h"

const char *const recurrence_names[RECURRENCES] = {"window", "carried"};

/* ---- graphs ---- */

static Graph *inference_graph(Spec *spec, const Spec *from, int T, int clips) {
    Graph *graph = fold_batch_norm(clip_graph(spec, from, T, clips));
    verify_graph(graph);
    return graph;
}

enum { FRAME, RUNS, CLIP }; /* the graphs, by number */

bool has_window(const Inference *inference) {
    return named_node(inference->frame, ROLE_INPUT, "h0") && inference->recurrence == RECURRENCE_WINDOW;
}

long state_elements(const Inference *inference) {
    const long runs = inference->runs * inference->h0_elements;
    return has_window(inference) ? runs + (inference->draws ? inference->h0_elements : 0) + 1 : runs;
}

static void build_graphs(Inference *inference) {
    const Spec *spec = inference->spec;
    inference->graph_count = 3;
    inference->graph[FRAME] = inference->frame = inference_graph(&inference->frame_spec, spec, 1, 1);
    inference->graph[CLIP] = inference->clip = inference_graph(&inference->clip_spec, spec, spec->T, 1);
    inference->runs = has_window(inference) ? spec->T : 1;
    inference->graph[RUNS] = inference->side_by_side = inference_graph(&inference->runs_spec, spec, 1, (int)inference->runs);
}

/* Two clips of frames, states of all runs, their codes, and a stream's state. */
static long find_areas(const Inference *inference) {
    const long floats[4] = {inference->spec->T * inference->frame_elements, inference->runs * inference->h0_elements,
                            inference->runs * inference->code_elements, state_elements(inference)};
    long bytes = round_up(4 * floats[0], 64);
    for (int i = 0; i < 4; i++) bytes += round_up(4 * floats[i], 64);
    return bytes;
}

static void build_network(Inference *inference) {
    const Spec *spec = inference->spec;
    inference->draws = spec->hidden && spec->initial_state == INITIAL_STATE_NORMAL;
    build_graphs(inference);
    const Graph *frame = inference->frame;
    const Node *h0 = named_node(frame, ROLE_INPUT, "h0");
    inference->frame_elements = count_elements(named_node(frame, ROLE_INPUT, "x"));
    inference->latent_elements = count_elements(named_node(frame, ROLE_CUT, "latent"));
    inference->code_elements = count_elements(named_node(frame, ROLE_CUT, "code"));
    inference->h0_elements = h0 ? count_elements(h0) : 1;
    inference->area_bytes = find_areas(inference);
}

/* ---- programs ---- */

static void lower_frame(Lowering *frame, Lowering *runs, InferenceCode *code) {
    Program *const program = code->program;
    const StreamPrograms programs = {.encode = &program[PART_encode],
                                     .take_latent = &program[PART_take_latent],
                                     .put_latent = &program[PART_put_latent],
                                     .advance = &program[PART_advance],
                                     .put_code = &program[PART_put_code],
                                     .decode = &program[PART_decode],
                                     .score = &program[PART_score]};
    lower_stream(frame, runs, &programs);
}

/* The parts run one after another in the same memory, so they are planned as one program. Values that are put in or taken out between two
 * parts live there. */
static long plan_parts(const InferenceCode *code, long start) {
    static const InferencePart order[] = {PART_encode,   PART_take_latent, PART_put_latent, PART_advance,
                                          PART_put_code, PART_decode,      PART_score};
    Program whole = {.name = "step"};
    for (size_t p = 0; p < sizeof order / sizeof *order; p++) {
        const Program *part = &code->program[order[p]];
        for (int i = 0; i < part->call_count; i++) add_call(&whole, part->call[i].kernel, part->call[i].scan);
    }
    return plan_program(&whole, start);
}

static void lower_network(const Inference *inference, InferenceCode *code, Lowering *graph) {
    const Graph *clip = inference->clip;
    lower_frame(&graph[FRAME], &graph[RUNS], code);
    lower_nodes(&graph[CLIP], 0, named_node(clip, ROLE_OUTPUT, "reconstruction")->id + 1, &code->program[PART_reconstruct]);
}

static long plan_network(const Inference *inference, InferenceCode *code) {
    return maximum(plan_parts(code, inference->area_bytes), plan_program(&code->program[PART_reconstruct], inference->area_bytes));
}

static const Part parts[PART_COUNT] = {
#define X(name, meaning) {#name, meaning},
    INFERENCE_PARTS(X)
#undef X
};

const InferenceKind stream_kind = {.part = parts,
                                   .part_count = PART_COUNT,
                                   .header = "header.h",
                                   .source = "source.c",
                                   .example = "main.c",
                                   .readme = "README.md",
                                   .build = build_network,
                                   .lower = lower_network,
                                   .plan = plan_network,
                                   .keys = stream_template_keys,
                                   .define = define_stream,
                                   .golden = stream_golden};
