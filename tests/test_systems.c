/* test_systems.c: small systems → their graphs, on every target and within the least memory, and the gradients of their steps. */
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"
#include "sample_systems.h"

#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/shapes.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *systems_suite(void);

/* ---- on targets ---- */

static void expect_a_place_of_each_node(const Graph *graph, const Program *program) {
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        const bool apart = node->reader_count == 1 && operation_is(node->reader[0]->op, ACTIVATION); /* its kernel stores that one */
        ck_assert_msg(program->buffer[i] || node->fused || apart || node->op == OP_INPUT, "%s is nowhere", node->name);
    }
}

static void check_programs(const Spec *spec, const Target *target, const Choices *choices, bool reverse) {
    const TrainerGraphs graphs = graphs_of(spec);
    const TargetCode *code = compile_graphs(&graphs, target, choices);
    for (int i = 0; i < graph_count(&graphs); i++) {
        const Graph *graph = graph_number(&graphs, i);
        const Program *program = program_of_graph(code, &graphs, i);
        verify_graph(graph);
        expect_a_place_of_each_node(graph, program);
        check_on(graph, code, program, system_values(graph, 7), reverse);
    }
}

/* Every system on every target. */
START_TEST(programs_equal_the_reference) {
    check_programs(sample_system(_i / ALL_TARGETS), any_target(_i % ALL_TARGETS), &default_choices, _i % 2);
}
END_TEST

/* On a target for each; with filtered convolutions wherever they are possible, and without any. */
START_TEST(filtered_and_direct_programs_equal_the_reference) {
    const Choices choices[2] = {{.filtering = 2, .filter_everywhere = true, .few_images = true}, {.filtering = 0}};
    for (int k = 0; k < 2; k++) check_programs(sample_system(_i), any_target((_i + k) % count_targets()), &choices[k], k);
}
END_TEST

/* ---- within the least memory ---- */

/* What the programs of both compute of each parameter's gradient. */
static void expect_the_same_gradients(const TargetCode *const *codes, int step, const Graph *const *graphs) {
    Memories *memories[2];
    const Program *program[2];
    double **values = system_values(graphs[0], 7), **again = NEW_ARRAY(double *, graphs[1]->node_count);
    for (int i = 0; i < graphs[0]->node_count; i++)
        for (int k = 0; values[i] && k < graphs[1]->node_count; k++)
            if (strcmp(graphs[0]->node[i]->name, graphs[1]->node[k]->name) == 0) again[k] = values[i];
    for (int k = 0; k < 2; k++) {
        program[k] = codes[k]->program[step];
        memories[k] = new_memories(codes[k], true);
        set_elements(graphs[k], program[k]->buffer, memories[k], k ? again : values);
        interpret_program(&codes[k]->renew, memories[k], false);
        interpret_program(program[k], memories[k], false);
    }
    for (int i = 0; i < graphs[0]->parameter_count; i++) {
        const Node *gradient[2] = {graphs[0]->parameter[i]->gradient, graphs[1]->parameter[i]->gradient};
        ck_assert_int_eq(gradient[0] != NULL, gradient[1] != NULL);
        for (long e = 0; gradient[0] && e < count_elements(gradient[0]); e++) {
            double value[2];
            for (int k = 0; k < 2; k++) value[k] = element_of(graphs[k], gradient[k], program[k]->buffer[gradient[k]->id], memories[k], e);
            ck_assert_msg(value[0] == value[1], "%s: element %ld is %g instead of %g", gradient[0]->name, e, value[1], value[0]);
        }
    }
    for (int k = 0; k < 2; k++) free_memories(memories[k]);
}

START_TEST(the_least_memory_changes_no_bits) {
    const TrainerGraphs graphs = graphs_of(sample_system(_i));
    TargetCode *plain = compile_graphs(&graphs, any_target(_i % ALL_TARGETS), &default_choices);
    const long least = compile_within(plain, &graphs, &(MemoryLimit){1, 1})->trade->after;
    const TargetCode *within = compile_within(plain, &graphs, &(MemoryLimit){least, 1});
    ck_assert_msg(within->trade->possible, "%ld bytes are not possible", least);
    ck_assert_int_le(within->trade->after, least);
    for (int step = 0; step < graphs.step_count; step++) {
        const Graph *again = within->program[step]->graph;
        verify_graph(again);
        expect_the_same_gradients((const TargetCode *[]){plain, within}, step, (const Graph *[]){graphs.step[step], again});
        check_on(again, within, within->program[step], system_values(again, 7), false);
    }
}
END_TEST

/* ---- functions of values ---- */

static const char functions[] = "version: 2\n"
                                "name: functions\n"
                                "input: {T: 3, channels: 1, height: 2, width: 3}\n"
                                "noise:\n"
                                "  n: {shape: [1, 3, 2, 3]}\n"
                                "  u: {shape: [1, 3, 2, 3], distribution: uniform}\n"
                                "networks:\n"
                                "  net: [conv: {channels: 1, kernel: 1}]\n"
                                "values:\n"
                                "  y: net(x)\n"
                                "  pair: join(n, u)\n"
                                "losses: {near: {mse: [y, x]}}\n"
                                "outputs:\n"
                                "  first: half(pair, 1)\n"
                                "  second: half(pair, 2)\n"
                                "  joined_sum: \"half(add(pair, join(u, x)), 2)\"\n"
                                "  later: \"frames(x, 1, 2)\"\n"
                                "  middle: \"frames(half(pair, 2), 1, 1)\"\n"
                                "  wide: \"concat(x, n, u)\"\n"
                                "  sum: \"add(x, n, u)\"\n"
                                "  unit: unit(n)\n"
                                "  same: detach(u)\n"
                                "  sampled: \"sample(x, n, u)\"\n"
                                "training: {batch: 2}\n";

enum { FRAME = 6, STEPS = 3, CLIPS = 2, CLIP = STEPS * FRAME };

typedef struct Leaves {
    const double *x, *n, *u;
} Leaves;

static double joined_sum(const Leaves *v, long i) {
    return v->u[i] + v->x[i];
}
static double first(const Leaves *v, long i) {
    return v->n[i];
}
static double second(const Leaves *v, long i) {
    return v->u[i];
}
static double later(const Leaves *v, long i) {
    return v->x[i / (2 * FRAME) * CLIP + FRAME + i % (2 * FRAME)];
}
static double middle(const Leaves *v, long i) {
    return v->u[i / FRAME * CLIP + FRAME + i % FRAME];
}
static double wide(const Leaves *v, long i) {
    const double *const of[3] = {v->x, v->n, v->u};
    return of[i / FRAME % 3][i / (3 * FRAME) * FRAME + i % FRAME];
}
static double sum(const Leaves *v, long i) {
    return v->x[i] + v->n[i] + v->u[i];
}
static double unit(const Leaves *v, long i) {
    return (v->n[i] + 1) / 2;
}
static double sampled(const Leaves *v, long i) {
    return v->x[i] + exp(v->n[i] / 2) * v->u[i];
}

START_TEST(functions_of_values_have_their_definitions) {
    static const struct {
        const char *name;
        long count;
        double (*element)(const Leaves *, long);
    } outputs[] = {{"first", CLIPS * CLIP, first},      {"second", CLIPS * CLIP, second},  {"joined_sum", CLIPS * CLIP, joined_sum},
                   {"later", CLIPS * 2 * FRAME, later}, {"middle", CLIPS * FRAME, middle}, {"wide", 3 * CLIPS * CLIP, wide},
                   {"sum", CLIPS * CLIP, sum},          {"unit", CLIPS * CLIP, unit},      {"same", CLIPS * CLIP, second},
                   {"sampled", CLIPS * CLIP, sampled}};
    const Spec *spec = parse_spec("functions.yaml", functions, strlen(functions), stderr);
    ck_assert_ptr_nonnull(spec);
    const Graph *graph = graphs_of(spec).evaluation;
    double **values = system_values(graph, 3);
    evaluate_graph(graph, values);
    const Leaves leaves = {values[named_node(graph, ROLE_INPUT, "x")->id], values[named_node(graph, ROLE_INPUT, "noise.n")->id],
                           values[named_node(graph, ROLE_INPUT, "noise.u")->id]};
    for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++) {
        const Node *node = named_node(graph, ROLE_OUTPUT, format("output.%s", outputs[k].name));
        ck_assert_ptr_nonnull(node);
        ck_assert_int_eq(count_elements(node), outputs[k].count);
        for (long i = 0; i < outputs[k].count; i++)
            ck_assert_msg(fabs(values[node->id][i] - outputs[k].element(&leaves, i)) < 1e-12, "%s[%ld]", outputs[k].name, i);
    }
}
END_TEST

/* ---- gradients ---- */

static double total_of(const Graph *graph, const StepUpdate *update, double *const *values) {
    double total = 0;
    for (int i = 0; i < update->loss_count; i++) {
        const WeighedLoss *loss = &update->losses[i];
        total += loss->factor * values[named_node(graph, ROLE_LOSS, format("loss.%s", loss->loss->name))->id][0];
    }
    return total;
}

/* The forward nodes. What is detached keeps its values: for gradients it is constant. */
static void evaluate_forward(const Graph *graph, double **values) {
    int first = 0;
    for (int i = 0; i <= graph->forward_count; i++) {
        if (i < graph->forward_count && graph->node[i]->op != OP_DETACH) continue;
        evaluate_nodes(graph, values, first, i);
        first = i + 1;
    }
}

/* Of the update's losses, by a step of ±h along random signs of one parameter's elements. */
static double slope_along(const Graph *graph, const StepUpdate *update, double **values, const Node *of, double h) {
    const long count = count_elements(of);
    double total[2], *kept = memcpy(NEW_ARRAY(double, count), values[of->id], sizeof(double) * (size_t)count);
    for (int side = 0; side < 2; side++) {
        for (long i = 0; i < count; i++) values[of->id][i] = kept[i] + (side ? h : -h) * (sample_value(11, i) < 0 ? -1 : 1);
        evaluate_forward(graph, values);
        total[side] = total_of(graph, update, values);
    }
    memcpy(values[of->id], kept, sizeof(double) * (size_t)count);
    return (total[1] - total[0]) / (2 * h);
}

/* A difference along so many elements has an error of about h² and of the rounding of the losses, 1e-16 / h; where a relu's or an absolute
 * value's kink lies within h, one of h itself. */
static void expect_slope(const Graph *graph, const StepUpdate *update, double **values, const Parameter *parameter,
                         const double *gradient) {
    const double slope = slope_along(graph, update, values, parameter->node, 1e-6);
    double expected = 0, norm = 0;
    for (long i = 0; i < parameter->count; i++) {
        expected += gradient[i] * (sample_value(11, i) < 0 ? -1 : 1);
        norm += gradient[i] * gradient[i];
    }
    ck_assert_msg(fabs(slope - expected) <= 1e-4 * sqrt(norm) + 1e-7, "%s: %.9g instead of %.9g (norm %g)", parameter->name, expected,
                  slope, sqrt(norm));
}

static const StepUpdate *update_of(const TrainingStep *step, const ParameterGroup *group) {
    for (int i = 0; i < step->update_count; i++)
        if (step->updates[i].network->index == group->number) return &step->updates[i];
    return NULL;
}

START_TEST(gradients_are_what_finite_differences_say) {
    const Spec *spec = sample_system(_i);
    const TrainerGraphs graphs = graphs_of(spec);
    for (int s = 0; s < graphs.step_count; s++) {
        const Graph *graph = graphs.step[s];
        double **values = system_values(graph, 5), **gradient = NEW_ARRAY(double *, graph->parameter_count);
        evaluate_graph(graph, values);
        for (int i = 0; i < graph->parameter_count; i++) {
            const Parameter *parameter = graph->parameter[i];
            const bool updated = parameter->trained && update_of(&spec->system->steps[s], parameter->group);
            ck_assert_msg(updated == (parameter->gradient != NULL), "%s: a gradient in step %d", parameter->name, s);
            if (updated)
                gradient[i] =
                    memcpy(NEW_ARRAY(double, parameter->count), values[parameter->gradient->id], sizeof(double) * (size_t)parameter->count);
        }
        for (int i = 0; i < graph->parameter_count; i++)
            if (gradient[i])
                expect_slope(graph, update_of(&spec->system->steps[s], graph->parameter[i]->group), values, graph->parameter[i],
                             gradient[i]);
    }
}
END_TEST

/* The sum of the evaluation's scores, for values of the noise that is searched. */
static double scores(const Graph *graph, const Node *noise, const double *from, double h) {
    double **values = system_values(graph, 5), sum = 0;
    for (long i = 0; i < count_elements(noise); i++) values[noise->id][i] = from[i] + h * sample_value(13, i);
    evaluate_graph(graph, values);
    const Node *score = named_node(graph, ROLE_OUTPUT, "score");
    for (long i = 0; i < count_elements(score); i++) sum += values[score->id][i];
    return sum;
}

/* Parameters are the first nodes of each graph, so they have the same values in both. */
START_TEST(a_search_has_the_gradient_of_the_score) {
    static const char *const names[] = {"anogan", "recurrent_join"};
    const TrainerGraphs graphs = graphs_of(system_named(names[_i]));
    const Graph *search = graphs.search, *evaluation = graphs.evaluation;
    ck_assert_ptr_nonnull(search);
    double **values = system_values(search, 5), expected = 0;
    double **others = system_values(evaluation, 5);
    for (int role = 0; role < search->named[ROLE_INPUT].count; role++) {
        const NamedNode *input = &search->named[ROLE_INPUT].entry[role];
        const Node *other = named_node(evaluation, ROLE_INPUT, input->name);
        memcpy(values[input->node->id], others[other->id], sizeof(double) * (size_t)count_elements(other));
    }
    evaluate_graph(search, values);
    const Node *noise = named_node(evaluation, ROLE_INPUT, "noise.z"), *gradient = named_node(search, ROLE_OUTPUT, "gradient");
    ck_assert_int_eq(count_elements(noise), count_elements(gradient));
    for (long i = 0; i < count_elements(noise); i++) expected += values[gradient->id][i] * sample_value(13, i);
    const double h = 1e-6, *from = others[noise->id];
    const double slope = (scores(evaluation, noise, from, h) - scores(evaluation, noise, from, -h)) / (2 * h);
    ck_assert_msg(fabs(slope - expected) <= 1e-5 * fabs(slope) + 1e-8 && fabs(slope) > 1e-6, "%.9g instead of %.9g", expected, slope);
}
END_TEST

Suite *systems_suite(void) {
    Suite *suite = suite_create("systems");
    TCase *test_case = tcase_create("systems");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, programs_equal_the_reference, 0, SAMPLE_SYSTEMS * ALL_TARGETS);
    tcase_add_loop_test(test_case, filtered_and_direct_programs_equal_the_reference, 0, SAMPLE_SYSTEMS);
    tcase_add_loop_test(test_case, the_least_memory_changes_no_bits, 0, SAMPLE_SYSTEMS);
    tcase_add_test(test_case, functions_of_values_have_their_definitions);
    tcase_add_loop_test(test_case, gradients_are_what_finite_differences_say, 0, SAMPLE_SYSTEMS);
    tcase_add_loop_test(test_case, a_search_has_the_gradient_of_the_score, 0, 2);
    suite_add_tcase(suite, test_case);
    return suite;
}
