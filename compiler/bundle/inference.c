/* inference.c: the programs that run a network, frame by frame and by clips, for each target.
 *
 * Both kinds are lowered from the same operations with the same weights. The order of a sum depends on neither the number of frames nor
 * the number of threads. So streaming has the bits of whole clips. */
#include "bundle/inference.h"

#include "base/pass.h"
#include "graph/fold.h"
#include "graph/shapes.h"
#include "lower/filters.h"
#include "lower/fuse.h"
#include "lower/lower_arithmetic.h"
#include "lower/lower_graph.h"
#include "lower/lower_stream.h"
#include "lower/lower_update.h"
#include "lower/plan.h"
#include "lower/products.h"
#include "lower/storage.h"
#include "pipeline/kernel_passes.h"

const char *const recurrence_names[RECURRENCES] = {"window", "carried"};

/* ---- graphs ---- */

static Graph *inference_graph(Spec *spec, const Spec *from, int T, int clips) {
    Graph *graph = fold_batch_norm(clip_graph(spec, from, T, clips));
    verify_graph(graph);
    return graph;
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

static uint64_t layout_hash(const InferenceCode *code, int count) {
    uint64_t hash = HASH_START;
    for (int i = 0; i < 2 * count; i++) {
        const Buffer *weight = i < count ? code->weight[i] : code->scale[i - count];
        if (!weight) continue;
        const Tensor *tensor = weight->owner;
        const char *text = format("%s %s at %ld, %ld:", type_names[weight->type], weight->name, tensor->offset, weight->layout.size);
        for (int t = 0; t < weight->layout.count; t++)
            text = format("%s %d/%ld%%%ld*%ld", text, weight->layout.term[t].dimension, weight->layout.term[t].divisor,
                          weight->layout.term[t].modulus, weight->layout.term[t].stride);
        while (*text) hash = hash_bytes(hash, text++, 1);
    }
    return hash;
}

/* On Zen 4, converting a vector of halves, bfloat16 or bytes to floats takes about as long as three multiply-adds. The cost model must
 * know that: only then is gru_ae's bundle as fast with such weights as with floats, or faster. */
enum { CONVERSION = 3 };

static const Target *with_conversion(const Target *target) {
    Target *copy = NEW(Target);
    *copy = *target;
    copy->conversion = CONVERSION;
    return copy;
}

enum { FRAME, RUNS, CLIP, GRAPHS }; /* of the lowerings of a target */

/* By index in graph->parameter, how its convolution is filtered; NULL: it is not, or the kernel itself transforms the weight. */
static const FilterPlan **filter_weights(const Lowering *l) {
    const Graph *graph = l->graph;
    const FilterPlan **filters = NEW_ARRAY(const FilterPlan *, graph->parameter_count);
    for (int i = 0; i < graph->node_count; i++) {
        const FilterPlan *plan = product_of_node(l, graph->node[i])->filter;
        const Node *weight = plan ? graph->node[i]->input[1] : NULL;
        /* a weight that another layer reads too is stored untransformed */
        if (plan && !plan->inside && weight->reader_count == 1) filters[weight->parameter->number] = plan;
    }
    return filters;
}

static const int *rounded_nodes(const Graph *graph) {
    int *rounded = NEW_ARRAY(int, graph->node_count);
    for (int i = 0; i < graph->node_count; i++) rounded[i] = graph->node[i]->rounded;
    return rounded;
}

static InferenceCode *new_inference_code(const Inference *inference, const Target *target, Lowering lowering[GRAPHS]) {
    static const char *const names[PART_COUNT] = {
#define X(name, meaning) [PART_##name] = #name,
        INFERENCE_PARTS(X)
#undef X
    };
    const Graph *const graph[GRAPHS] = {[FRAME] = inference->frame, [RUNS] = inference->side_by_side, [CLIP] = inference->clip};
    const Type type = precision_types[inference->precision];
    InferenceCode *code = NEW(InferenceCode);
    code->base.target = target;
    code->base.arithmetic.name = "arithmetic";
    for (int i = 0; i < PART_COUNT; i++) code->program[i].name = names[i];
    for (int i = 0; i < GRAPHS; i++) {
        lowering[i] = (Lowering){.target = type_is_narrow(type) && !target->pairs ? with_conversion(target) : target,
                                 .code = &code->base,
                                 .choices = &inference->choices,
                                 .weight_type = type};
        start_graph(&lowering[i], graph[i]);
    }
    return code;
}

/* The weights, which all graphs share, and the nodes. */
static void store_graphs(const Inference *inference, InferenceCode *code, Lowering lowering[GRAPHS]) {
    const int count = inference->frame->parameter_count;
    code->filter = filter_weights(&lowering[FRAME]);
    code->weight_bytes = allocate_weights(&lowering[FRAME], code->filter);
    for (int i = 0; i < GRAPHS; i++) {
        lowering[i].parameter = lowering[FRAME].parameter;
        store_nodes(&lowering[i]);
    }
    code->weight = NEW_ARRAY(const Buffer *, count);
    code->scale = NEW_ARRAY(const Buffer *, count);
    code->format = (int)inference->precision;
    for (int i = 0; i < count; i++) {
        code->weight[i] = lowering[FRAME].parameter[i].value;
        if (code->filter[i]) code->format = FORMAT_FILTERED;
        if (code->weight[i]->type == TYPE_PAIR) code->format = FORMAT_PAIRS;
        if (code->weight[i]->type == TYPE_I8_PAIR) code->format = FORMAT_BYTE_PAIRS;
        code->scale[i] = lowering[FRAME].parameter[i].scale;
    }
    code->layout = layout_hash(code, count);
}

static void lower_graphs(const Inference *inference, InferenceCode *code, Lowering lowering[GRAPHS]) {
    const Graph *clip = inference->clip;
    lowering[FRAME].program = &code->base.arithmetic;
    lower_arithmetic(&lowering[FRAME]);
    lower_frame(&lowering[FRAME], &lowering[RUNS], code);
    code->rounded = rounded_nodes(inference->frame);
    lower_nodes(&lowering[CLIP], 0, named_node(clip, ROLE_OUTPUT, "reconstruction")->id + 1, &code->program[PART_reconstruct]);
}

static void plan_programs(const Inference *inference, InferenceCode *code) {
    code->workspace_bytes =
        maximum(plan_parts(code, inference->area_bytes), plan_program(&code->program[PART_reconstruct], inference->area_bytes));
    for (int i = 0; i < PART_COUNT; i++) code->base.scratch_bytes = maximum(code->base.scratch_bytes, program_scratch(&code->program[i]));
    code->base.scratch_bytes = round_up(code->base.scratch_bytes, 64);
}

/* The passes of one target, in order. */
static InferenceCode *run_passes(const Inference *inference, const Target *target) {
    Lowering graph[GRAPHS];
    InferenceCode *code = new_inference_code(inference, target, graph);

    begin_pass(PASS_FUSE);
    for (int i = 0; i < GRAPHS; i++) fuse_graph(&graph[i]);

    begin_pass(PASS_PRODUCTS);
    decide_products(graph, GRAPHS, 1);

    begin_pass(PASS_STORE);
    store_graphs(inference, code, graph);

    begin_pass(PASS_LOWER);
    lower_graphs(inference, code, graph);

    begin_pass(PASS_SCHEDULE);
    schedule_kernels(&code->base);

    begin_pass(PASS_VERIFY);
    verify_kernels(&code->base);

    begin_pass(PASS_PLAN);
    plan_programs(inference, code);
    return code;
}

/* Code in plain C, for any target: normal numbers, and the check of the processor's arithmetic. */
static TargetCode *compile_plain(const Inference *inference) {
    TargetCode *code = NEW(TargetCode);
    *code = (TargetCode){.target = find_target("generic"), .normal = {.name = "normal"}, .arithmetic = {.name = "arithmetic"}};
    Lowering l = {.target = code->target, .code = code, .graph = inference->frame};
    l.program = &code->normal;
    lower_normal(&l);
    l.program = &code->arithmetic;
    lower_arithmetic(&l);
    schedule_kernels(code);
    verify_kernels(code);
    return code;
}

bool has_window(const Inference *inference) {
    return named_node(inference->frame, ROLE_INPUT, "h0") && inference->recurrence == RECURRENCE_WINDOW;
}

long state_elements(const Inference *inference) {
    const long runs = inference->runs * inference->h0_elements;
    return has_window(inference) ? runs + (inference->draws ? inference->h0_elements : 0) + 1 : runs;
}

static void build_graphs(Inference *inference) {
    const Spec *spec = inference->spec;
    inference->frame = inference_graph(&inference->frame_spec, spec, 1, 1);
    inference->clip = inference_graph(&inference->clip_spec, spec, spec->T, 1);
    inference->runs = has_window(inference) ? spec->T : 1;
    inference->side_by_side = inference_graph(&inference->runs_spec, spec, 1, (int)inference->runs);
}

/* Two clips of frames, states of all runs, their codes, and a stream's state. */
static long find_areas(const Inference *inference) {
    const long floats[4] = {inference->spec->T * inference->frame_elements, inference->runs * inference->h0_elements,
                            inference->runs * inference->code_elements, state_elements(inference)};
    long bytes = round_up(4 * floats[0], 64);
    for (int i = 0; i < 4; i++) bytes += round_up(4 * floats[i], 64);
    return bytes;
}

Inference *compile_inference(const Spec *spec, Precision precision, Recurrence recurrence, const Target *const *target, int target_count,
                             int filtering) {
    Inference *inference = NEW(Inference);
    inference->spec = spec;
    inference->precision = precision;
    inference->recurrence = spec->hidden ? recurrence : RECURRENCE_WINDOW;
    inference->draws = spec->hidden && spec->initial_state == INITIAL_STATE_NORMAL;
    /* Filtering depends on shapes, not on the number of frames. Narrow weights are not filtered: stored transformed they would not stay
     * narrow, and they would have to be transformed again for each frame. */
    inference->choices = (Choices){.filtering = precision == PRECISION_F32 ? filtering : 0, .few_images = true};
    build_graphs(inference);
    const Graph *frame = inference->frame;
    const Node *h0 = named_node(frame, ROLE_INPUT, "h0");
    inference->frame_elements = count_elements(named_node(frame, ROLE_INPUT, "x"));
    inference->latent_elements = count_elements(named_node(frame, ROLE_CUT, "latent"));
    inference->code_elements = count_elements(named_node(frame, ROLE_CUT, "code"));
    inference->h0_elements = h0 ? count_elements(h0) : 1;
    inference->area_bytes = find_areas(inference);
    inference->plain = compile_plain(inference);
    for (int i = 0; i < target_count; i++) inference->code[inference->code_count++] = run_passes(inference, target[i]);
    return inference;
}
