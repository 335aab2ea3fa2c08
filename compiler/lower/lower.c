/* lower: a graph → the kernels and programs of one target. */
#include "lower/lower.h"

#include "base/pass.h"
#include "lower/lower_arithmetic.h"
#include "lower/lower_graph.h"
#include "lower/lower_stream.h"
#include "lower/lower_update.h"
#include "lower/plan.h"
#include "lower/storage.h"

const Choices default_choices = {.filtering = 2};

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

/* All nodes of the graph that was started. */
static void lower_started(Lowering *l, Program *program) {
    lower_nodes(l, 0, l->graph->node_count, program);
    program->graph = l->graph;
    program->measured = true;
    program->buffer = l->buffer;
    program->first_call = l->first_call;
    program->summed_by = l->summed_by;
}

/* Storage for the parameters, and the program `train`, without the update. */
static Program *lower_training(Lowering *l, const Graph *training) {
    Program *train = add_program(l->code, "train", "One step of training: forward, backward, update.");
    train->tuned = true;
    start_graph(l, training);
    allocate_parameters(l);
    lower_started(l, train);
    return train;
}

TargetCode *lower_alone(const Graph *graph, const Target *target, const Choices *choices) {
    begin_pass(PASS_LOWER);
    TargetCode *code = new_code(target, choices);
    Lowering l = {.target = target, .code = code, .graph = graph, .choices = &code->choices};
    lower_training(&l, graph);
    l.program = add_program(code, "update", "The optimizers' steps.");
    lower_update(&l);
    lower_transfers(&l);
    l.program = &code->renew;
    lower_renew(&l);
    begin_pass(PASS_PLAN);
    plan_workspace(code);
    return code;
}

TargetCode *lower_model(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices) {
    begin_pass(PASS_LOWER);
    TargetCode *code = new_code(target, choices);
    Lowering l = {.target = target, .code = code, .graph = training, .choices = &code->choices};
    Program *train = lower_training(&l, training);
    lower_update(&l);
    l.program = &code->renew;
    lower_renew(&l);
    for (int i = 0; i < code->renew.call_count; i++) add_call(train, code->renew.call[i].kernel, NULL);
    lower_transfers(&l);
    l.program = &code->normal;
    lower_normal(&l);
    l.program = &code->arithmetic;
    lower_arithmetic(&l);
    start_graph(&l, evaluation);
    lower_started(&l, add_program(code, "evaluate", "Forward, with running statistics."));
    Program *advance =
        add_program(code, "advance", "One frame of one video, with running statistics, to the codes of all runs; their states move on.");
    lower_trainer_stream(&l, training->spec, advance,
                         add_program(code, "decode", "One code to a frame and its mean squared error, with running statistics."));
    begin_pass(PASS_PLAN);
    plan_workspace(code);
    return code;
}
