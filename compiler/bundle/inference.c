/* inference.c: the passes of each target, from the graphs of a bundle to its programs.
 *
 * All graphs are lowered from the same operations with the same weights. The order of a sum depends on neither the number of frames nor
 * the number of threads. So frame by frame, results have the bits of whole clips. */
#include "bundle/inference.h"

#include "base/pass.h"
#include "bundle/inference_kind.h"
#include "graph/shapes.h"
#include "lower/filters.h"
#include "lower/fuse.h"
#include "lower/lower_arithmetic.h"
#include "lower/lower_graph.h"
#include "lower/lower_update.h"
#include "lower/products.h"
#include "lower/storage.h"
#include "pipeline/kernel_passes.h"
#include "spec/system.h"

static uint64_t layout_hash(const InferenceCode *code, int count) {
    uint64_t hash = HASH_START;
    for (int i = 0; i < 3 * count; i++) {
        const Buffer *weight = i < count ? code->weight[i] : i < 2 * count ? code->scale[i - count] : code->copy[i - 2 * count];
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

static bool same_filter(const FilterPlan *a, const FilterPlan *b) {
    return a->filter[0] == b->filter[0] && a->filter[1] == b->filter[1] && a->out == b->out && a->reversed[0] == b->reversed[0] &&
           a->reversed[1] == b->reversed[1];
}

/* How all products that read parameter `number` filter it; NULL: not all of them in the same way, or the kernel itself transforms the
 * weight. */
static const FilterPlan *filter_of_weight(const Lowering *lowering, int graphs, int number) {
    const FilterPlan *common = NULL;
    for (int g = 0; g < graphs; g++) {
        const Node *weight = lowering[g].graph->parameter[number]->node;
        for (int i = 0; i < weight->reader_count; i++) {
            const Node *reader = weight->reader[i];
            const FilterPlan *plan = reader->input[1] == weight ? product_of_node(&lowering[g], reader)->filter : NULL;
            if (!plan || plan->inside || (common && !same_filter(common, plan))) return NULL;
            if (!common) common = plan;
        }
    }
    return common;
}

static const FilterPlan **filter_weights(const Lowering *lowering, int graphs) {
    const int count = lowering->graph->parameter_count;
    const FilterPlan **filters = NEW_ARRAY(const FilterPlan *, count);
    for (int i = 0; i < count; i++) filters[i] = filter_of_weight(lowering, graphs, i);
    return filters;
}

static const int *rounded_nodes(const Graph *graph) {
    int *rounded = NEW_ARRAY(int, graph->node_count);
    for (int i = 0; i < graph->node_count; i++) rounded[i] = graph->node[i]->rounded;
    return rounded;
}

static InferenceCode *new_inference_code(const Inference *inference, const Target *target, Lowering *lowering) {
    const Type type = precision_types[inference->precision];
    InferenceCode *code = NEW(InferenceCode);
    code->base.target = target;
    code->base.arithmetic.name = "arithmetic";
    for (int i = 0; i < inference->kind->part_count; i++) code->program[i].name = inference->kind->part[i].name;
    for (int i = 0; i < inference->graph_count; i++) {
        lowering[i] = (Lowering){.target = type_is_narrow(type) && !target->pairs ? with_conversion(target) : target,
                                 .code = &code->base,
                                 .choices = &inference->choices,
                                 .weight_type = type};
        start_graph(&lowering[i], inference->graph[i]);
    }
    return code;
}

/* The weights, which all graphs share, and the nodes. */
static void store_graphs(const Inference *inference, InferenceCode *code, Lowering *lowering) {
    const int count = inference->graph[0]->parameter_count;
    code->filter = filter_weights(lowering, inference->graph_count);
    code->weight_bytes = allocate_weights(&lowering[0], code->filter);
    for (int i = 0; i < inference->graph_count; i++) {
        lowering[i].parameter = lowering[0].parameter;
        store_nodes(&lowering[i]);
    }
    code->weight = NEW_ARRAY(const Buffer *, count);
    code->scale = NEW_ARRAY(const Buffer *, count);
    code->copy = NEW_ARRAY(const Buffer *, count);
    code->format = (int)inference->precision;
    for (int i = 0; i < count; i++) {
        const ParameterStorage *storage = &lowering[0].parameter[i];
        code->weight[i] = storage->value;
        if (code->filter[i]) code->format = FORMAT_FILTERED;
        if (code->weight[i]->type == TYPE_PAIR) code->format = FORMAT_PAIRS;
        if (code->weight[i]->type == TYPE_I8_PAIR) code->format = FORMAT_BYTE_PAIRS;
        code->scale[i] = storage->scale;
        code->copy[i] = storage->copy;
    }
    code->layout = layout_hash(code, count);
}

static void lower_graphs(const Inference *inference, InferenceCode *code, Lowering *lowering) {
    lowering[0].program = &code->base.arithmetic;
    lower_arithmetic(&lowering[0]);
    inference->kind->lower(inference, code, lowering);
    code->rounded = rounded_nodes(inference->graph[0]);
}

static void plan_programs(const Inference *inference, InferenceCode *code) {
    code->workspace_bytes = inference->kind->plan(inference, code);
    for (int i = 0; i < inference->kind->part_count; i++)
        code->base.scratch_bytes = maximum(code->base.scratch_bytes, program_scratch(&code->program[i]));
    code->base.scratch_bytes = round_up(code->base.scratch_bytes, 64);
}

/* The passes of one target, in order. */
static InferenceCode *run_passes(const Inference *inference, const Target *target) {
    Lowering graph[MAX_GRAPHS];
    InferenceCode *code = new_inference_code(inference, target, graph);

    begin_pass(PASS_FUSE);
    for (int i = 0; i < inference->graph_count; i++) fuse_graph(&graph[i]);

    begin_pass(PASS_PRODUCTS);
    decide_products(graph, inference->graph_count, inference->graph_count);

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
    Lowering l = {.target = code->target, .code = code, .graph = inference->graph[0]};
    l.program = &code->normal;
    lower_normal(&l);
    l.program = &code->arithmetic;
    lower_arithmetic(&l);
    schedule_kernels(code);
    verify_kernels(code);
    return code;
}

Inference *compile_inference(const Spec *spec, Precision precision, Recurrence recurrence, const Target *const *target, int target_count,
                             int filtering) {
    Inference *inference = NEW(Inference);
    inference->spec = spec;
    inference->kind = spec->system ? &system_kind : &stream_kind;
    inference->precision = precision;
    inference->recurrence = spec->hidden ? recurrence : RECURRENCE_WINDOW;
    /* Filtering depends on shapes, not on the number of frames. Narrow weights are not filtered: stored transformed they would not stay
     * narrow, and they would have to be transformed again for each frame. */
    inference->choices = (Choices){.filtering = precision == PRECISION_F32 ? filtering : 0, .few_images = true};
    inference->kind->build(inference);
    inference->plain = compile_plain(inference);
    for (int i = 0; i < target_count; i++) inference->code[inference->code_count++] = run_passes(inference, target[i]);
    return inference;
}
