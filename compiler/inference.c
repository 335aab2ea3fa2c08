/* inference: the programs that run a network, frame by frame and by clips, for each target.
 *
 * Both kinds are lowered from the same operations with the same weights; a sum's order depends on neither the number of frames nor on
 * threads, so that streaming has the bits of whole clips. */
#include "inference.h"
#include "lower_filter.h"

/* ---- graphs ---- */

/* One clip of T frames, whose initial state the caller gives; the loss is the score. */
static Graph *clip_graph(Spec *spec, const Spec *from, int T) {
    *spec = *from;
    spec->T = T;
    spec->training.batch = 1;
    spec->initial_state = INITIAL_STATE_NORMAL;
    spec->loss = LOSS_MSE;
    Graph *graph = build_graph(spec, false);
    verify_graph(graph);
    return graph;
}

static Graph *inference_graph(Spec *spec, const Spec *from, int T) {
    Graph *graph = fold_batch_norm(clip_graph(spec, from, T));
    verify_graph(graph);
    return graph;
}

/* ---- what enters and leaves ---- */

/* Copies a node's elements of row t to a tensor in row-major order, at `row` of it, or back. */
static void lower_passage(Lowering *l, Node *node, Program *program, const char *name, const char *tensor, long rows, long row, bool out) {
    const long shape[4] = {rows, node->shape[1], node->shape[2], node->shape[3]};
    const Buffer *outside = new_plain(tensor, TYPE_F32, PLACE_STEP, 4, shape), *inside = node_buffer(l, node);
    Kernel *kernel = new_kernel(name, 1);
    Compute *compute = &kernel->compute[0];
    static const char *const names[3] = {"c", "h", "w"};
    const bool carried = has_carried_rows(node);
    At at = {.steps = carried ? carrying_scan(node)->steps : 0, .n = affine_constant(0), .b = affine_constant(0), .t = affine_constant(0)};
    Affine *const position[3] = {&at.c, &at.h, &at.w};
    Affine there[4] = {affine_constant(row)}, here[4];
    for (int d = 0; d < 3; d++) there[1 + d] = *position[d] = affine_variable(add_variable(compute, names[d], shape[1 + d], false));
    stored_index(node, &at, here);
    if (out) add_store(compute, outside, there, load(inside, here));
    else add_store(compute, inside, here, load(outside, there));
    for (int d = 0; d < 3; d++) add_level(&kernel->schedule[0], names[d], 1, LOOP_SERIAL);
    kernel->comment = out ? "to the caller" : "from the caller";
    set_work(kernel, 0);
    l->program = program;
    finish_kernel(l, kernel, NULL);
}

/* After a step: the state of each layer. */
static void lower_kept_state(Lowering *l, Program *program) {
    const Graph *graph = l->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const Node *carry = graph->node[i];
        if (carry->op != OP_CARRY) continue;
        lower_passage(l, carried_node(carry), program, format("keep_%s", carry->name), "state", graph->spec->gru_layers, carry->which,
                      true);
    }
}

/* A trainer's way to run frame by frame: its own weights, with batch norm as it is. */
void lower_stream(Lowering *l, const Spec *spec, Program *program) {
    static const Choices direct = {.filtering = 0}; /* filtered weights are made for the batches of training */
    Graph *graph = clip_graph(NEW(Spec), spec, 1);
    l->choices = &direct;
    start_graph(l, graph);
    const int code = named_node(graph, ROLE_CUT, "code")->id;
    lower_nodes(l, 0, code + 1, program);
    lower_kept_state(l, program);
    lower_nodes(l, code + 1, graph->node_count, program);
}

/* ---- programs ---- */

static void lower_frame(Lowering *l, const Graph *graph, InferenceCode *code) {
    Program *const program = code->program;
    Node *const latent = named_node(graph, ROLE_CUT, "latent"), *const cell = named_node(graph, ROLE_CUT, "code");
    const int last = named_node(graph, ROLE_OUTPUT, "reconstruction")->id;
    start_graph(l, graph);
    lower_nodes(l, 0, latent->id + 1, &program[PART_encode]);
    lower_nodes(l, latent->id + 1, cell->id + 1, &program[PART_advance]);
    lower_kept_state(l, &program[PART_advance]);
    lower_nodes(l, cell->id + 1, last + 1, &program[PART_decode]);
    lower_nodes(l, last + 1, graph->node_count, &program[PART_score]);
    lower_passage(l, latent, &program[PART_put_latent], "put_latent", "latent", 1, 0, false);
    lower_passage(l, latent, &program[PART_take_latent], "take_latent", "latent", 1, 0, true);
    lower_passage(l, cell, &program[PART_put_code], "put_code", "code", 1, 0, false);
    lower_passage(l, cell, &program[PART_take_code], "take_code", "code", 1, 0, true);
}

/* The parts run one after another in the same memory, so they are planned as one program; what is put or taken between two of them lives
 * there. */
static long plan_parts(const InferenceCode *code, long start) {
    static const InferencePart order[] = {PART_encode,    PART_take_latent, PART_put_latent, PART_advance,
                                          PART_take_code, PART_put_code,    PART_decode,     PART_score};
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

/* On Zen 4, a vector of halves, bfloat16 or bytes takes about as long to become floats as three multiply-adds: gru_ae's bundle is as fast
 * with them as with floats, or faster, only if the cost model knows. */
enum { CONVERSION = 3 };

static const Target *with_conversion(const Target *target) {
    Target *copy = NEW(Target);
    *copy = *target;
    copy->conversion = CONVERSION;
    return copy;
}

/* By index in graph->parameter, how its convolution is filtered; NULL: it is not. Found by lowering the frame's programs once, since
 * filtering may turn out not to fit. */
static const FilterPlan **filter_weights(const Lowering *l, const Graph *frame) {
    const FilterPlan **filters = NEW_ARRAY(const FilterPlan *, frame->parameter_count);
    if (l->weight_type != TYPE_F32) return filters;
    TargetCode *code = NEW(TargetCode);
    code->target = l->target;
    Lowering trial = {
        .target = l->target, .code = code, .graph = frame, .choices = l->choices, .weight_type = TYPE_F32, .filtered = filters};
    allocate_weights(&trial, NULL);
    start_graph(&trial, frame);
    lower_nodes(&trial, 0, frame->node_count, NEW(Program));
    for (int i = 0; i < frame->parameter_count; i++) /* what another layer reads too is kept as it is */
        if (frame->parameter[i]->node->reader_count > 1) filters[i] = NULL;
    return filters;
}

static const int *rounded_nodes(const Graph *graph) {
    int *rounded = NEW_ARRAY(int, graph->node_count);
    for (int i = 0; i < graph->node_count; i++) rounded[i] = graph->node[i]->rounded;
    return rounded;
}

static InferenceCode *lower_inference(const Inference *inference, const Target *target) {
    static const char *const names[PART_COUNT] = {
#define X(name, meaning) [PART_##name] = #name,
        INFERENCE_PARTS(X)
#undef X
    };
    const Graph *frame = inference->frame, *clip = inference->clip;
    InferenceCode *code = NEW(InferenceCode);
    code->base.target = target;
    for (int i = 0; i < PART_COUNT; i++) code->program[i].name = names[i];
    const Type type = precision_types[inference->precision];
    Lowering l = {.target = type_is_narrow(type) && !target->pairs ? with_conversion(target) : target,
                  .code = &code->base,
                  .graph = frame,
                  .choices = &inference->choices,
                  .weight_type = type};
    code->filter = filter_weights(&l, frame);
    code->weight_bytes = allocate_weights(&l, code->filter);
    code->weight = NEW_ARRAY(const Buffer *, frame->parameter_count);
    code->scale = NEW_ARRAY(const Buffer *, frame->parameter_count);
    code->format = (int)inference->precision;
    for (int i = 0; i < frame->parameter_count; i++) {
        code->weight[i] = l.parameter[i].value;
        if (code->filter[i]) code->format = FORMAT_FILTERED;
        if (code->weight[i]->type == TYPE_PAIR) code->format = FORMAT_PAIRS;
        if (code->weight[i]->type == TYPE_I8_PAIR) code->format = FORMAT_BYTE_PAIRS;
        code->scale[i] = l.parameter[i].scale;
    }
    code->layout = layout_hash(code, frame->parameter_count);
    lower_frame(&l, frame, code);
    code->rounded = rounded_nodes(frame);
    start_graph(&l, clip);
    lower_nodes(&l, 0, named_node(clip, ROLE_OUTPUT, "reconstruction")->id + 1, &code->program[PART_reconstruct]);
    code->workspace_bytes =
        maximum(plan_parts(code, inference->area_bytes), plan_program(&code->program[PART_reconstruct], inference->area_bytes));
    for (int i = 0; i < PART_COUNT; i++) code->base.scratch_bytes = maximum(code->base.scratch_bytes, program_scratch(&code->program[i]));
    code->base.scratch_bytes = round_up(code->base.scratch_bytes, 64);
    return code;
}

Inference *compile_inference(const Spec *spec, Precision precision, const Target *const *target, int target_count, int filtering) {
    Inference *inference = NEW(Inference);
    inference->spec = spec;
    inference->precision = precision;
    /* What is filtered depends on shapes, and not on the number of frames. Small weights would lose what makes them small, or would have to
     * be transformed anew for each frame. */
    inference->choices = (Choices){.filtering = precision == PRECISION_F32 ? filtering : 0, .few_images = true};
    inference->frame = inference_graph(&inference->frame_spec, spec, 1);
    inference->clip = inference_graph(&inference->clip_spec, spec, spec->T);
    const Node *h0 = named_node(inference->frame, ROLE_INPUT, "h0");
    inference->frame_elements = count_elements(named_node(inference->frame, ROLE_INPUT, "x"));
    inference->latent_elements = count_elements(named_node(inference->frame, ROLE_CUT, "latent"));
    inference->code_elements = count_elements(named_node(inference->frame, ROLE_CUT, "code"));
    inference->state_elements = h0 ? count_elements(h0) : 1;
    inference->area_bytes = 2 * round_up(4 * spec->T * inference->frame_elements, 64) + round_up(4 * inference->state_elements, 64);
    inference->plain = NEW(TargetCode);
    *inference->plain = (TargetCode){.target = find_target("generic"), .normal = {.name = "normal"}};
    Lowering plain = {.target = inference->plain->target, .code = inference->plain, .graph = inference->frame};
    plain.program = &inference->plain->normal;
    lower_normal(&plain);
    for (int i = 0; i < target_count; i++) inference->code[inference->code_count++] = lower_inference(inference, target[i]);
    return inference;
}
