/* test_kept.c: what an iteration computes once: values that one step leaves for later ones, and values that are equal within a step. */
#include "lowered.h"
#include "sample_graphs.h"
#include "sample_systems.h"
#include "system_parsing.h"

#include "../compiler/graph/kept_values.h"
#include "../compiler/graph/shapes.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *kept_suite(void);

/* A GAN whose generator has batch norm and dropout. Step 2 is of the encoder, which sees the data alone. */
static const char gan[] =
    "version: 2\n"
    "name: gan\n"
    "input: {channels: 1, height: 4, width: 4}\n"
    "noise:\n"
    "  z: {shape: [5]}\n"
    "networks:\n"
    "  generator:\n"
    "    inputs: [z]\n"
    "    layers:\n"
    "      - linear: {shape: [6, 2, 2], norm: batch, activation: relu, dropout: 0.25}\n"
    "      - conv_transpose: {channels: 4, kernel: 4, stride: 2, padding: 1, norm: batch, activation: leaky_relu, slope: 0.2}\n"
    "      - conv: {channels: 1, kernel: 3, padding: 1, activation: tanh}\n"
    "  judge:\n"
    "    layers:\n"
    "      - conv: {channels: 5, kernel: 3, padding: 1, norm: batch, activation: relu}\n"
    "      - linear: {features: 1}\n"
    "  coder:\n"
    "    layers:\n"
    "      - conv: {channels: 3, kernel: 3, stride: 2, padding: 1, norm: batch, activation: relu}\n"
    "      - linear: {features: 2}\n"
    "values:\n"
    "  drawn: generator(z)\n"
    "  real: judge(x)\n"
    "  fake: judge(drawn)\n"
    "  code: coder(drawn)\n"
    "  seen: coder(x)\n"
    "losses:\n"
    "  told_apart: [{bce_with_logits: [real, 1]}, {bce_with_logits: [fake, 0]}]\n"
    "  fooled: {bce_with_logits: [fake, 1]}\n"
    "  near: {mse: [code, seen]}\n"
    "steps:\n"
    "  - update: {judge: told_apart}\n"
    "  - update: {generator: fooled}\n"
    "    noise: kept\n"
    "  - update: {coder: near}\n"
    "    noise: kept\n"
    "optimizer: {name: sgd, learning_rate: 0.01}\n"
    "training: {batch: 3}\n";

/* The spec is read anew, for some graphs are rewritten. */
static TrainerGraphs kept_graphs(const char *text, bool keeps, bool *any) {
    const Spec *spec = parse(text, strlen(text));
    accepted(spec);
    TrainerGraphs graphs = graphs_of(spec);
    const bool found = keeps && keep_values(spec, &graphs);
    if (any) *any = found;
    for (int s = 0; s < graphs.step_count; s++) verify_graph(graphs.step[s]);
    return graphs;
}

/* Forward, of a network. */
static int count_products(const Graph *graph, const char *network) {
    int count = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        count += node->forward && operation_is(node->op, PRODUCT) && strncmp(node->layer, network, strlen(network)) == 0;
    }
    return count;
}

/* ---- which values are kept ---- */

typedef struct Change { /* of the text, and how many products of the generator steps 1 and 2 then have */
    const char *from, *to;
    int step1, step2;
} Change;

static const Change changes[] = {
    {"gan", "gan", 0, 3},                                                        /* step 1 moves the generator */
    {"noise: kept\n  - up", "noise: new\n  - up", 3, 3},                         /* another draw */
    {"noise: kept\n  - up", "noise: kept\n    times: 2\n  - up", 3, 3},          /* its second round finds other weights */
    {"noise: kept\n  - up", "noise: kept\n    batch: next\n  - up", 0, 3},       /* the generator sees no batch */
    {"told_apart}\n", "told_apart}\n    times: 2\n", 0, 3},                      /* the last round's */
    {"told_apart}\n", "told_apart}\n    every: 2\n", 3, 3},                      /* may be skipped */
    {"noise: kept\n  - up", "noise: kept\n    every: 4\n  - up", 0, 3},          /* is skipped alone */
    {"{generator: fooled}", "{judge: fooled}", 0, 0},                            /* the generator stays, the judge moves */
    {"{judge: told_apart}", "{judge: told_apart, generator: told_apart}", 3, 3}, /* moved by step 0 */
};
enum { CHANGES = sizeof changes / sizeof *changes };

/* In one of these nothing updates the generator, which is an error unless it is frozen. */
static const char *changed_gan(int number) {
    const char *text = changed(gan, changes[number].from, changes[number].to);
    return strstr(text, "{generator") || strstr(text, ", generator")
               ? text
               : changed(text, "    inputs: [z]\n", "    inputs: [z]\n    frozen: true\n");
}

START_TEST(values_are_kept_where_nothing_has_changed) {
    const Change *change = &changes[_i];
    const TrainerGraphs graphs = kept_graphs(changed_gan(_i), true, NULL), apart = kept_graphs(changed_gan(_i), false, NULL);
    ck_assert_int_eq(count_products(graphs.step[0], "generator"), 3);
    ck_assert_int_eq(count_products(graphs.step[1], "generator"), change->step1);
    ck_assert_int_eq(count_products(graphs.step[2], "generator"), change->step2);
    for (int s = 0; s < 3; s++) {
        int moved[2] = {0};
        const Graph *both[2] = {graphs.step[s], apart.step[s]};
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < both[k]->node_count; i++)
                moved[k] += both[k]->node[i]->op == OP_BATCH_NORM_STATISTICS || both[k]->node[i]->op == OP_BATCH_NORM_MOVE;
        ck_assert_int_eq(moved[0], moved[1]);
    }
}
END_TEST

START_TEST(nothing_is_kept_of_another_batch_and_draw) {
    const Spec *spec = parse_changed("    noise: kept\n", "    batch: next\n");
    accepted(spec);
    TrainerGraphs graphs = graphs_of(spec);
    ck_assert(!keep_values(spec, &graphs));
}
END_TEST

/* ---- the same bits ---- */

typedef struct Run {
    TrainerGraphs graphs;
    const TargetCode *code;
    Memories *memories;
} Run;

/* What a step is given, by name: the same for all graphs. */
static void give(const Run *run, int step, uint64_t seed) {
    const Graph *graph = run->graphs.step[step];
    double **values = NEW_ARRAY(double *, graph->node_count);
    for (int i = 0; i < graph->named[ROLE_INPUT].count; i++) {
        const NamedNode *entry = &graph->named[ROLE_INPUT].entry[i];
        const long count = count_elements(entry->node);
        const bool factors = entry->argument.drawn == DRAWN_FACTORS;
        uint64_t own = seed;
        for (const char *c = entry->name; *c; c++) own = 31 * own + (uint64_t)*c;
        double *value = values[entry->node->id] = NEW_ARRAY(double, count);
        for (long e = 0; e < count; e++) value[e] = factors ? (sample_value(own, e) < -0.5 ? 0 : 4.0 / 3) : sample_value(own, e);
    }
    set_elements(graph, run->code->program[step]->buffer, run->memories, values);
}

static Run begin_run(const char *text, bool keeps, int number, const MemoryLimit *limit) {
    Run run = {.graphs = kept_graphs(text, keeps, NULL)};
    TargetCode *code = compile_graphs(&run.graphs, targets[number], &(Choices){.filtering = 2});
    run.code = limit ? compile_within(code, &run.graphs, limit) : code;
    run.memories = new_memories(run.code, true);
    double **values = system_values(run.graphs.step[0], 5);
    set_elements(run.graphs.step[0], run.code->program[0]->buffer, run.memories, values);
    interpret_program(&run.code->renew, run.memories, false);
    return run;
}

/* All that one step has left: losses, gradients, weights and running statistics. */
static void expect_same_state(Run *const *run, int step) {
    const Graph *graph[2] = {run[0]->graphs.step[step], run[1]->code->program[step]->graph};
    const Buffer **buffer[2] = {run[0]->code->program[step]->buffer, run[1]->code->program[step]->buffer};
    for (int p = 0; p < graph[0]->parameter_count; p++)
        for (int gradient = 0; gradient < 2; gradient++) {
            const Node *node[2];
            for (int k = 0; k < 2; k++) node[k] = gradient ? graph[k]->parameter[p]->gradient : graph[k]->parameter[p]->node;
            for (long e = 0; node[0] && e < count_elements(node[0]); e++) {
                double value[2];
                for (int k = 0; k < 2; k++) value[k] = element_of(graph[k], node[k], buffer[k][node[k]->id], run[k]->memories, e);
                ck_assert_msg(value[0] == value[1] && isfinite(value[0]), "step %d: %s, element %ld is %g instead of %g", step,
                              node[0]->name, e, value[1], value[0]);
            }
        }
    for (int i = 0; i < graph[0]->named[ROLE_LOSS].count; i++) {
        double value[2];
        for (int k = 0; k < 2; k++) {
            const Node *loss = graph[k]->named[ROLE_LOSS].entry[i].node;
            value[k] = *(double *)tensor_memory(buffer[k][loss->id], run[k]->memories);
        }
        ck_assert(value[0] == value[1]);
    }
}

/* Two iterations, with other noise in each; steps as often as they are done. */
static void compare_iterations(const char *text, int number, const MemoryLimit *limit) {
    Run plain = begin_run(text, false, number, NULL), keeping = begin_run(text, true, number, limit), *run[2] = {&plain, &keeping};
    const System *system = accepted(parse(text, strlen(text)));
    for (int iteration = 0; iteration < 2; iteration++)
        for (int s = 0; s < plain.graphs.step_count; s++)
            for (int round = 0; round < system->steps[s].times && iteration % system->steps[s].every == 0; round++) {
                const TrainingStep *draws = &system->steps[system->steps[s].draw];
                const int last = system->steps[s].kept ? draws->times - 1 : round;
                for (int k = 0; k < 2; k++) {
                    give(run[k], s, (uint64_t)(100 * iteration + 10 * system->steps[s].draw + last));
                    interpret_program(run[k]->code->program[s], run[k]->memories, s % 2);
                }
                expect_same_state(run, s);
            }
    for (int k = 0; k < 2; k++) free_memories(run[k]->memories);
}

START_TEST(kept_values_change_no_bits) {
    const char *text = changed_gan(_i);
    compare_iterations(strstr(text, "batch: next") ? gan : text, _i % 3, NULL);
}
END_TEST

/* Of values over several frames, shared by join and by an encoder. */
START_TEST(kept_values_of_clips_change_no_bits) {
    bool any;
    kept_graphs(base, true, &any);
    ck_assert(any);
    compare_iterations(base, _i, NULL);
}
END_TEST

/* What is kept has its place; the rest gets by with less. */
START_TEST(kept_values_within_the_least_memory_change_no_bits) {
    TrainerGraphs graphs = kept_graphs(base, true, NULL);
    TargetCode *code = compile_graphs(&graphs, targets[0], &(Choices){.filtering = 2});
    const long least = compile_within(code, &graphs, &(MemoryLimit){1, 1})->trade->after;
    ck_assert_int_gt(code->between_bytes, 0);
    ck_assert_int_lt(least, code->workspace_bytes + code->scratch_bytes);
    compare_iterations(base, 0, &(MemoryLimit){least, 1});
}
END_TEST

/* ---- within a step ---- */

/* Two calls with the same argument are one pass, which moves the running statistics twice: with the bits of two passes. */
START_TEST(equal_calls_are_computed_once) {
    const char *twice =
        changed(changed(gan, "  code: coder(drawn)\n", "  code: coder(x)\n"), "{coder: near}\n    noise: kept", "{coder: near}");
    const char *once = changed(twice, "near: {mse: [code, seen]}", "near: {mse: [code, 0.5]}");
    const TrainerGraphs graphs =
        kept_graphs(changed(twice, "near: {mse: [code, seen]}", "near: [{mse: [code, 0.5]}, {mse: [seen, 0.5]}]"), false, NULL);
    const Graph *graph = graphs.step[2];
    ck_assert_int_eq(count_products(graph, "coder"), 2);
    Run two = begin_run(changed(twice, "near: {mse: [code, seen]}", "near: [{mse: [code, 0.5]}, {mse: [seen, 0.5]}]"), false, 0, NULL),
        one = begin_run(once, false, 0, NULL);
    for (int pass = 0; pass < 2; pass++) {
        give(&one, 2, 3);
        Program forward = *one.code->program[2];
        forward.call_count = forward.first_call[one.graphs.step[2]->node_count]; /* without the update */
        interpret_program(&forward, one.memories, false);
    }
    give(&two, 2, 3);
    interpret_program(two.code->program[2], two.memories, false);
    for (int p = 0; p < graph->parameter_count; p++)
        for (long e = 0; !graph->parameter[p]->trained && e < graph->parameter[p]->count; e++) {
            const Node *node[2] = {two.graphs.step[2]->parameter[p]->node, one.graphs.step[2]->parameter[p]->node};
            const double a = element_of(two.graphs.step[2], node[0], two.code->program[2]->buffer[node[0]->id], two.memories, e),
                         b = element_of(one.graphs.step[2], node[1], one.code->program[2]->buffer[node[1]->id], one.memories, e);
            ck_assert_msg(a == b, "%s: element %ld is %g instead of %g", node[0]->name, e, a, b);
        }
    double **values = system_values(graph, 5);
    check_on(graph, two.code, two.code->program[2], values, false);
    free_memories(one.memories);
    free_memories(two.memories);
}
END_TEST

Suite *kept_suite(void) {
    Suite *suite = suite_create("kept");
    TCase *test_case = tcase_create("kept");
    tcase_set_timeout(test_case, 60);
    tcase_add_loop_test(test_case, values_are_kept_where_nothing_has_changed, 0, CHANGES);
    tcase_add_test(test_case, nothing_is_kept_of_another_batch_and_draw);
    tcase_add_loop_test(test_case, kept_values_change_no_bits, 0, CHANGES);
    tcase_add_loop_test(test_case, kept_values_of_clips_change_no_bits, 0, 3);
    tcase_add_test(test_case, kept_values_within_the_least_memory_change_no_bits);
    tcase_add_test(test_case, equal_calls_are_computed_once);
    suite_add_tcase(suite, test_case);
    return suite;
}
