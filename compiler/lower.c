/* lower: a graph → the kernels and programs of one target. */
#include "lower.h"

#include "lower_arithmetic.h"
#include "lower_graph.h"
#include "lower_stream.h"
#include "lower_update.h"
#include "pass.h"
#include "plan.h"
#include "storage.h"

const Choices default_choices = {.filtering = 2};

TargetCode *lower_model(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices) {
    TargetCode *code = NEW(TargetCode);
    *code = (TargetCode){.target = target,
                         .training = training,
                         .train = {.name = "train"},
                         .evaluate = {.name = "evaluate"},
                         .advance = {.name = "advance"},
                         .decode = {.name = "decode"},
                         .load_parameters = {.name = "load_parameters"},
                         .save_parameters = {.name = "save_parameters"},
                         .load_statistics = {.name = "load_statistics"},
                         .save_statistics = {.name = "save_statistics"},
                         .renew = {.name = "renew"},
                         .normal = {.name = "normal"},
                         .arithmetic = {.name = "arithmetic"}};
    begin_pass(PASS_LOWER);
    code->choices = *choices;
    if (target->pairs) code->choices.filtering = 0; /* its sums would lose bits that bfloat16 does not have to spare */
    if (choices->wanted) code->answer = NEW_ARRAY(Answer, choices->wanted->count);
    Lowering l = {.target = target, .code = code, .graph = training, .choices = &code->choices};
    start_graph(&l, training);
    allocate_parameters(&l);
    lower_nodes(&l, 0, training->node_count, &code->train);
    code->train_buffer = l.buffer;
    code->train_call = l.first_call;
    code->train_summed_by = l.summed_by;
    lower_update(&l);
    l.program = &code->renew;
    lower_renew(&l);
    for (int i = 0; i < code->renew.call_count; i++) add_call(&code->train, code->renew.call[i].kernel, NULL);
    lower_transfers(&l);
    l.program = &code->normal;
    lower_normal(&l);
    l.program = &code->arithmetic;
    lower_arithmetic(&l);
    start_graph(&l, evaluation);
    lower_nodes(&l, 0, evaluation->node_count, &code->evaluate);
    code->evaluate_buffer = l.buffer;
    lower_trainer_stream(&l, training->spec, &code->advance, &code->decode);
    begin_pass(PASS_PLAN);
    plan_workspace(code);
    return code;
}
