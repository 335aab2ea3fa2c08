/* pipeline.c: the passes that are run for each target, in their order. compile_graphs() is their table of contents. */
#include "pipeline/pipeline.h"

#include "base/pass.h"
#include "lower/fuse.h"
#include "lower/lower_arithmetic.h"
#include "lower/lower_graph.h"
#include "lower/lower_stream.h"
#include "lower/lower_update.h"
#include "lower/plan.h"
#include "lower/products.h"
#include "lower/storage.h"
#include "pipeline/kernel_passes.h"

#include <string.h>

/* The graphs of a trainer: a step, the evaluation of a batch, and, for one frame after another, one frame and all runs of the recurrence.
 */
enum { TRAINING, EVALUATION, FRAME, RUNS, GRAPHS };

static TargetCode *new_code(const Target *target, const Choices *choices) {
    TargetCode *code = NEW(TargetCode);
    *code = (TargetCode){.target = target,
                         .renew = {.name = "renew"},
                         .normal = {.name = "normal"},
                         .arithmetic = {.name = "arithmetic"},
                         .choices = *choices};
    if (target->pairs) code->choices.filtering = 0; /* its sums would lose bits that bfloat16 does not have to spare */
    if (choices->wanted) code->answer = NEW_ARRAY(Answer, choices->wanted->count);
    return code;
}

/* Without `evaluation` there is the training graph alone. Returns how many graphs there are. */
static int start_graphs(TargetCode *code, const Graph *training, const Graph *evaluation, Lowering lowering[GRAPHS]) {
    static const Choices direct = {.filtering = 0}; /* filtered weights are made for the batches of training */
    const Graph *graph[GRAPHS] = {[TRAINING] = training, [EVALUATION] = evaluation};
    const int count = evaluation ? GRAPHS : 1;
    if (evaluation) {
        graph[FRAME] = clip_graph(NEW(Spec), training->spec, 1, 1);
        graph[RUNS] = clip_graph(NEW(Spec), training->spec, 1, training->spec->T);
    }
    for (int i = 0; i < count; i++) {
        const bool stream = i == FRAME || i == RUNS;
        lowering[i] = (Lowering){.target = code->target, .code = code, .choices = stream ? &direct : &code->choices, .apart = stream};
        start_graph(&lowering[i], graph[i]);
    }
    return count;
}

/* The layout of weights is decided by the training graph alone. */
static void decide_all_products(Lowering *lowering, int count) {
    for (int i = 0; i < count; i++) {
        lowering[i].weight_lanes = lowering[TRAINING].weight_lanes;
        decide_products(&lowering[i]);
    }
}

/* Each parameter has one place, whichever graph reads it; the nodes of each graph have their own. */
static void store_graphs(Lowering *lowering, int count) {
    allocate_parameters(&lowering[TRAINING]);
    for (int i = 0; i < count; i++) {
        lowering[i].parameter = lowering[TRAINING].parameter;
        store_nodes(&lowering[i]);
    }
}

/* All nodes of a graph. */
static Program *lower_whole(Lowering *l, const char *name, const char *comment) {
    Program *program = add_program(l->code, name, comment);
    program->tuned = strcmp(name, "train") == 0;
    lower_nodes(l, 0, l->graph->node_count, program);
    program->graph = l->graph;
    program->measured = true;
    program->buffer = l->buffer;
    program->first_call = l->first_call;
    program->summed_by = l->summed_by;
    return program;
}

static void lower_graphs(Lowering *lowering, int count) {
    Lowering *training = &lowering[TRAINING];
    TargetCode *code = training->code;
    Program *train = lower_whole(training, "train", "One step of training: forward, backward, update.");
    if (count == 1) training->program = add_program(code, "update", "The optimizers' steps.");
    lower_update(training);
    training->program = &code->renew;
    lower_renew(training);
    lower_transfers(training);
    if (count == 1) return;
    for (int i = 0; i < code->renew.call_count; i++) add_call(train, code->renew.call[i].kernel, NULL);
    training->program = &code->normal;
    lower_normal(training);
    training->program = &code->arithmetic;
    lower_arithmetic(training);
    lower_whole(&lowering[EVALUATION], "evaluate", "Forward, with running statistics.");
    Program *advance =
        add_program(code, "advance", "One frame of one video, with running statistics, to the codes of all runs; their states move on.");
    Program *decode = add_program(code, "decode", "One code to a frame and its mean squared error, with running statistics.");
    lower_trainer_stream(&lowering[FRAME], &lowering[RUNS], advance, decode);
}

TargetCode *compile_graphs(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices) {
    TargetCode *code = new_code(target, choices);
    Lowering graph[GRAPHS];
    const int count = start_graphs(code, training, evaluation, graph);

    begin_pass(PASS_FUSE);
    for (int i = 0; i < count; i++) fuse_graph(&graph[i]);

    begin_pass(PASS_PRODUCTS);
    decide_all_products(graph, count);

    begin_pass(PASS_STORE);
    store_graphs(graph, count);

    begin_pass(PASS_LOWER);
    lower_graphs(graph, count);

    begin_pass(PASS_SCHEDULE);
    schedule_kernels(code);

    begin_pass(PASS_VERIFY);
    verify_kernels(code);

    begin_pass(PASS_PLAN);
    plan_workspace(code);
    return code;
}

TargetCode *compile_within(TargetCode *plain, const Graph *evaluation, const MemoryLimit *limit) {
    if (!limit->bytes) return plain;
    begin_pass(PASS_RECOMPUTE);
    TargetCode *code = plain;
    Recomputation *recomputation = begin_recomputation(plain, limit);
    for (const Graph *training; (training = next_recomputation(recomputation, code));) {
        code = compile_graphs(training, evaluation, plain->target, &plain->choices);
        begin_pass(PASS_RECOMPUTE);
    }
    return end_recomputation(recomputation, code);
}
