/* system_inference.c: bundles of version 2: the graphs and the programs that give the outputs and the score of one clip. */
#include "bundle/system_inference.h"

#include "graph/build_system.h"
#include "graph/fold.h"
#include "graph/frames_depend.h"
#include "graph/independent.h"
#include "lower/kernel_buffers.h"
#include "lower/lower_graph.h"
#include "lower/plan.h"

const char *why_no_inference(const Spec *spec, Precision precision) {
    const System *system = spec->system;
    if (!system) return NULL;
    if (!system->output_count && !system->score.present) return "it has neither outputs nor a score; add `outputs` to its spec";
    if (system->search.noise && precision == PRECISION_INT8)
        return "its search goes backwards through the network, which bytes with a scale for each output cannot do; take bf16, f16 or f32";
    return NULL;
}

bool may_round_operands(const Spec *spec) {
    return !spec->system || !spec->system->search.noise;
}

/* ---- graphs ---- */

/* The spec for one clip, of all its frames or of one. */
static const Spec *one_clip(const Spec *from, int T) {
    Spec *spec = NEW(Spec);
    *spec = *from;
    spec->T = T;
    spec->training.batch = 1;
    return spec;
}

static Graph *folded_evaluation(const Spec *from, bool frame) {
    Graph *graph = fold_batch_norm(build_evaluation(one_clip(from, frame ? 1 : from->T), frame));
    verify_graph(graph);
    return graph;
}

static bool draws_normal(const SystemLayout *layout) {
    for (int i = 0; i < layout->draw_count; i++)
        if (layout->draw[i].argument->drawn == DRAWN_NORMAL) return true;
    return false;
}

static void build_system_graphs(Inference *inference) {
    const Spec *spec = inference->spec;
    inference->graph[inference->graph_count++] = inference->evaluation = folded_evaluation(spec, false);
    inference->no_frames = frames_depend(spec);
    if (!inference->no_frames && spec->T > 1)
        inference->graph[inference->graph_count++] = inference->one_frame = folded_evaluation(spec, true);
    if (spec->system->search.noise) {
        inference->search = folded_evaluation(spec, false);
        differentiate_score(inference->search, spec->system);
        const char *noise = format("noise.%s", spec->system->search.noise->name);
        inference->prepared = independent_first(inference->search, named_node(inference->search, ROLE_INPUT, noise));
        verify_graph(inference->search);
        inference->graph[inference->graph_count++] = inference->search;
    }
    inference->frame_elements = (long)spec->channels * spec->height * spec->width;
    inference->layout = lay_out_system(inference);
    inference->draws = draws_normal(inference->layout);
    for (int area = 0; area < SYSTEM_AREAS; area++) inference->area_bytes += system_area(inference, area);
}

/* ---- programs ---- */

static void lower_system(const Inference *inference, InferenceCode *code, Lowering *graph) {
    for (int i = 0; i < inference->graph_count; i++) {
        const Graph *of = inference->graph[i];
        const bool search = of == inference->search;
        Program *program = &code->program[search ? SYSTEM_search : of == inference->one_frame ? SYSTEM_frame : SYSTEM_evaluate];
        if (search) lower_nodes(&graph[i], 0, inference->prepared, &code->program[SYSTEM_prepare]);
        lower_nodes(&graph[i], search ? inference->prepared : 0, of->node_count, program);
        program->signature = signature_of(of);
        if (search) code->program[SYSTEM_prepare].signature = program->signature;
    }
}

static bool touches(const Program *program, const Tensor *tensor) {
    for (int i = 0; i < program->call_count; i++) {
        const Buffer *buffers[MAX_BUFFERS];
        bool written[MAX_BUFFERS];
        const int count = kernel_buffers(program->call[i].kernel, buffers, written, MAX_BUFFERS);
        for (int b = 0; b < count; b++)
            if (buffers[b]->owner == tensor) return true;
    }
    return false;
}

/* What is prepared for a search stays, while its gradient is computed again and again: such tensors share their place with no other one.
 * Returns their end. */
static long place_prepared(const Program *prepare, const Program *search, long start) {
    for (int i = 0; i < prepare->call_count; i++) {
        const Buffer *buffers[MAX_BUFFERS];
        bool written[MAX_BUFFERS];
        const int count = kernel_buffers(prepare->call[i].kernel, buffers, written, MAX_BUFFERS);
        for (int b = 0; b < count; b++) {
            Tensor *tensor = buffers[b]->owner;
            if (tensor->place != PLACE_WORKSPACE || tensor->kept || !touches(search, tensor)) continue;
            tensor->kept = true;
            tensor->offset = start;
            start += round_up(tensor->bytes, 64);
        }
    }
    return start;
}

static long plan_system(const Inference *inference, InferenceCode *code) {
    const long start = inference->area_bytes;
    const long search = place_prepared(&code->program[SYSTEM_prepare], &code->program[SYSTEM_search], start);
    long bytes = start;
    for (int i = 0; i < SYSTEM_PART_COUNT; i++) {
        Program *program = &code->program[i];
        const long top = plan_program(program, i == SYSTEM_prepare || i == SYSTEM_search ? search : start);
        program->alone_bytes = top - start;
        program->alone_scratch = program_scratch(program);
        bytes = maximum(bytes, top);
    }
    return bytes;
}

static const Part parts[SYSTEM_PART_COUNT] = {
#define X(name, meaning) {#name, meaning},
    SYSTEM_PARTS(X)
#undef X
};

const InferenceKind system_kind = {.part = parts,
                                   .part_count = SYSTEM_PART_COUNT,
                                   .lists_arguments = true,
                                   .header = "system.h",
                                   .source = "system.c",
                                   .example = "system_main.c",
                                   .readme = "system_readme.md",
                                   .build = build_system_graphs,
                                   .lower = lower_system,
                                   .plan = plan_system,
                                   .keys = system_template_keys,
                                   .define = define_system,
                                   .golden = system_golden};
