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
#include "lower/program_heads.h"
#include "lower/storage.h"
#include "pipeline/kernel_passes.h"

#include <string.h>

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

/* Graphs on their way: those of the steps first, then those of the search and of evaluation, then, for one frame after another, one frame
 * and all runs of the recurrence. */
typedef struct Pipeline {
    const TrainerGraphs *graphs;
    int deciding;                               /* how weights lie: so many, those with gradients */
    int count, evaluation, search, frame, runs; /* −1: there is none */
    Lowering *graph;
} Pipeline;

static Pipeline start_graphs(TargetCode *code, const TrainerGraphs *graphs) {
    static const Choices direct = {.filtering = 0}; /* filtered weights are made for the batches of training */
    const int steps = graphs->step_count, most = steps + 4;
    Pipeline p = {
        .graphs = graphs, .count = steps, .evaluation = -1, .search = -1, .frame = -1, .runs = -1, .graph = NEW_ARRAY(Lowering, most)};
    const Graph **graph = NEW_ARRAY(const Graph *, most);
    for (int i = 0; i < steps; i++) graph[i] = graphs->step[i];
    if (graphs->search) graph[p.search = p.count++] = graphs->search;
    p.deciding = p.count;
    if (graphs->evaluation) graph[p.evaluation = p.count++] = graphs->evaluation;
    if (graphs->streams) {
        const Spec *spec = graphs->step[0]->spec;
        graph[p.frame = p.count++] = clip_graph(NEW(Spec), spec, 1, 1);
        graph[p.runs = p.count++] = clip_graph(NEW(Spec), spec, 1, spec->T);
    }
    for (int i = 0; i < p.count; i++) {
        const bool stream = i == p.frame || i == p.runs;
        p.graph[i] = (Lowering){.target = code->target, .code = code, .choices = stream ? &direct : &code->choices, .apart = stream};
        start_graph(&p.graph[i], graph[i]);
    }
    return p;
}

/* Each parameter has one place, whichever graph reads it; the nodes of each graph have their own. */
static void store_graphs(const Pipeline *p) {
    allocate_parameters(&p->graph[0]);
    for (int i = 0; i < p->count; i++) {
        p->graph[i].parameter = p->graph[0].parameter;
        store_nodes(&p->graph[i]);
    }
}

/* All nodes of a graph. */
static void lower_whole(Lowering *l, Program *program) {
    lower_nodes(l, 0, l->graph->node_count, program);
    program->graph = l->graph;
    program->measured = true;
    program->buffer = l->buffer;
    program->first_call = l->first_call;
    program->summed_by = l->summed_by;
}

/* After an update: the second copies of what it updated. */
static void renew_copies(const Lowering *l, Program *program) {
    const TargetCode *code = l->code;
    for (int i = 0; i < code->renew.call_count; i++)
        if (l->graph->parameter[code->renewed[i]]->gradient) add_call(program, code->renew.call[i].kernel, NULL);
}

static void lower_graphs(const Pipeline *p) {
    Lowering *first = &p->graph[0];
    TargetCode *code = first->code;
    int heads;
    const ProgramHead *head = program_heads(p->graphs, &heads);
    for (int i = 0; i < heads; i++) add_program(code, &head[i])->tuned = i < p->graphs->step_count;
    for (int i = 0; i < p->graphs->step_count; i++) {
        lower_whole(&p->graph[i], code->program[i]);
        p->graph[i].program = p->evaluation < 0 ? program_named(code, "update") : code->program[i];
        lower_update(&p->graph[i]);
    }
    first->program = &code->renew;
    lower_renew(first);
    lower_transfers(first);
    if (p->evaluation < 0) return;
    for (int i = 0; i < p->graphs->step_count; i++) renew_copies(&p->graph[i], code->program[i]);
    first->program = &code->normal;
    lower_normal(first);
    first->program = &code->arithmetic;
    lower_arithmetic(first);
    lower_whole(&p->graph[p->evaluation], program_named(code, "evaluate"));
    if (p->search >= 0) lower_whole(&p->graph[p->search], program_named(code, "search"));
    if (p->frame >= 0)
        lower_trainer_stream(&p->graph[p->frame], &p->graph[p->runs], program_named(code, "advance"), program_named(code, "decode"));
}

TargetCode *compile_graphs(const TrainerGraphs *graphs, const Target *target, const Choices *choices) {
    TargetCode *code = new_code(target, choices);
    const Pipeline p = start_graphs(code, graphs);

    begin_pass(PASS_FUSE);
    for (int i = 0; i < p.count; i++) fuse_graph(&p.graph[i]);

    begin_pass(PASS_PRODUCTS);
    decide_products(p.graph, p.count, p.deciding);

    begin_pass(PASS_STORE);
    store_graphs(&p);

    begin_pass(PASS_LOWER);
    lower_graphs(&p);

    begin_pass(PASS_SCHEDULE);
    schedule_kernels(code);

    begin_pass(PASS_VERIFY);
    verify_kernels(code);

    begin_pass(PASS_PLAN);
    plan_workspace(code);
    return code;
}

TargetCode *compile_graph(const Graph *graph, const Target *target, const Choices *choices) {
    Graph *step = (Graph *)(uintptr_t)graph; /* it is only read */
    return compile_graphs(&(TrainerGraphs){.step_count = 1, .step = &step}, target, choices);
}

TargetCode *compile_within(TargetCode *plain, const TrainerGraphs *graphs, const MemoryLimit *limit) {
    if (!limit->bytes) return plain;
    TargetCode *code = plain;
    const Trade *trade = NULL;
    TrainerGraphs rewritten = *graphs;
    rewritten.step = memcpy(NEW_ARRAY(Graph *, graphs->step_count), graphs->step, sizeof(Graph *) * (size_t)graphs->step_count);
    for (int step = 0; step < graphs->step_count; step++) {
        begin_pass(PASS_RECOMPUTE);
        Recomputation *recomputation = begin_recomputation(code, limit, graphs->step_count, step);
        for (Graph *graph; (graph = next_recomputation(recomputation, code));) {
            rewritten.step[step] = graph;
            code = compile_graphs(&rewritten, plain->target, &plain->choices);
            begin_pass(PASS_RECOMPUTE);
        }
        code = end_recomputation(recomputation, code, trade);
        trade = code->trade;
    }
    return code;
}
