/* test_system_counts.c: the graphs of a system's steps compute what is needed, once; parameters have PyTorch's names and order. */
#include "sample_systems.h"

#include "../compiler/graph/shapes.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *system_counts_suite(void);

/* ---- counts ---- */

typedef struct Counts {
    int forward, data, weight; /* products: of calls, and their gradients */
    int statistics, norms;     /* of batch norm in training */
} Counts;

static bool starts_with(const char *text, const char *start) {
    return text && strncmp(text, start, strlen(start)) == 0;
}

/* Of a network: nodes of its layers, or of all of them where `network` is "". */
static Counts count_nodes(const Graph *graph, const char *network) {
    Counts counts = {0};
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        if (!starts_with(node->layer, network)) continue;
        const bool weight = node->op == OP_CONV2D_WEIGHT_GRAD || node->op == OP_LINEAR_WEIGHT_GRAD;
        if (operation_is(node->op, PRODUCT)) {
            if (node->forward || !graph->training) counts.forward++;
            else if (weight) counts.weight++;
            else counts.data++;
        }
        counts.statistics += node->op == OP_BATCH_NORM_STATISTICS;
        counts.norms += node->op == OP_BATCH_NORM;
    }
    return counts;
}

static void expect_counts(const Graph *graph, const char *network, Counts expected) {
    const Counts found = count_nodes(graph, network);
    ck_assert_msg(memcmp(&found, &expected, sizeof found) == 0,
                  "%s: %d forward, %d data and %d weight gradients, %d statistics and %d norms instead of %d, %d, %d, %d and %d", network,
                  found.forward, found.data, found.weight, found.statistics, found.norms, expected.forward, expected.data, expected.weight,
                  expected.statistics, expected.norms);
}

/* Of the three layers of each network; the second step's call of the discriminator is for its data gradient alone. */
START_TEST(anogan_computes_nothing_twice) {
    const TrainerGraphs graphs = graphs_of(system_named("anogan"));
    expect_counts(graphs.step[0], "generator", (Counts){3, 0, 0, 2, 2});
    expect_counts(graphs.step[0], "discriminator", (Counts){6, 4, 6, 2, 2});
    expect_counts(graphs.step[1], "generator", (Counts){3, 2, 3, 2, 2});
    expect_counts(graphs.step[1], "discriminator", (Counts){3, 3, 0, 1, 1});
    expect_counts(graphs.evaluation, "generator", (Counts){3, 0, 0, 0, 2});
    expect_counts(graphs.evaluation, "discriminator", (Counts){4, 0, 0, 0, 2});
}
END_TEST

/* Two losses reach the discriminator's first layers, feature and gan, and one its last. By the factors that networks have for them, three
 * sums of gradients are wanted there, all of them from two. Data gradients:
 *   encoder        within it 4, for the mean and the logarithm of the variance both reach h
 *   decoder        for the encoder 4, through the call of y; for itself 3 in each of two calls
 *   discriminator  of feature 3, from the tap on; of gan 5 in each of two calls, which are the decoder's, too */
START_TEST(vae_gan_computes_nothing_twice) {
    const TrainerGraphs graphs = graphs_of(system_named("vae_gan"));
    expect_counts(graphs.step[0], "encoder", (Counts){5, 4, 5, 3, 3});
    expect_counts(graphs.step[0], "decoder", (Counts){8, 10, 8, 6, 6});
    expect_counts(graphs.step[0], "discriminator", (Counts){10, 13, 10, 6, 6});
    expect_counts(graphs.evaluation, "encoder", (Counts){4, 0, 0, 0, 3});
    expect_counts(graphs.evaluation, "decoder", (Counts){8, 0, 0, 0, 6});
    expect_counts(graphs.evaluation, "discriminator", (Counts){0});
}
END_TEST

/* Only the running statistics of what nothing reads are moved, once for each call; products after the last of them are not computed. */
START_TEST(dead_tails_move_their_statistics_alone) {
    const TrainerGraphs graphs = graphs_of(system_named("dead_tails"));
    expect_counts(graphs.step[0], "eye", (Counts){6, 1, 0, 6, 4});
    expect_counts(graphs.step[0], "hand", (Counts){2, 1, 2, 1, 1});
    expect_counts(graphs.step[1], "eye", (Counts){6, 2, 0, 6, 4});
    expect_counts(graphs.step[1], "hand", (Counts){2, 1, 2, 1, 1});
    expect_counts(graphs.step[2], "eye", (Counts){4, 3, 4, 3, 3});
    expect_counts(graphs.step[2], "hand", (Counts){0});
    expect_counts(graphs.evaluation, "eye", (Counts){1, 0, 0, 0, 1});
    expect_counts(graphs.evaluation, "hand", (Counts){2, 0, 0, 0, 1});
}
END_TEST

/* Every call of a step moves each running mean of its network once, unless it is frozen. */
START_TEST(running_statistics_move_once_a_call) {
    const Spec *spec = sample_system(_i);
    const System *system = spec->system;
    const TrainerGraphs graphs = graphs_of(spec);
    for (int s = 0; s < graphs.step_count; s++)
        for (int p = 0; p < graphs.step[s]->parameter_count; p++) {
            const Parameter *parameter = graphs.step[s]->parameter[p];
            if (parameter->trained) continue;
            int calls = 0, moved = 0;
            for (int c = 0; c < system->call_count; c++)
                calls += system->calls[c]->network->index == parameter->group->number && !system->calls[c]->network->frozen &&
                         system->steps[s].needs[system->calls[c]->value->number];
            for (int i = 0; i < graphs.step[s]->node_count; i++) {
                const Node *node = graphs.step[s]->node[i];
                const bool again = node->op == OP_BATCH_NORM_MOVE;
                if (again || node->op == OP_BATCH_NORM_STATISTICS)
                    for (int k = again ? 1 : 2; k < node->input_count; k++) moved += node->input[k] == parameter->node;
            }
            ck_assert_msg(moved == calls, "%s: moved %d times in %d calls of step %d", parameter->name, moved, calls, s);
        }
}
END_TEST

/* Every product's weight gradient is of an updated network, and something reads every node that is not a result. */
START_TEST(nothing_is_computed_in_vain) {
    const Spec *spec = sample_system(_i);
    const TrainerGraphs graphs = graphs_of(spec);
    for (int g = 0; g < graph_count(&graphs); g++) {
        const Graph *graph = graph_number(&graphs, g);
        for (int i = 0; i < graph->node_count; i++) {
            const Node *node = graph->node[i];
            const bool result = node->gradient_of || name_of(graph, ROLE_OUTPUT, node) || name_of(graph, ROLE_LOSS, node);
            const bool leaf =
                node->op == OP_INPUT || node->parameter || node->op == OP_BATCH_NORM_STATISTICS || node->op == OP_BATCH_NORM_MOVE;
            ck_assert_msg(node->reader_count || result || leaf, "graph %d: nothing reads %s", g, node->name);
        }
    }
}
END_TEST

/* ---- names ---- */

/* As a state_dict of an nn.ModuleDict of the networks lists them, num_batches_tracked left out. */
static void expect_names(const char *system, const char *network, const char *expected) {
    const TrainerGraphs graphs = graphs_of(system_named(system));
    for (int g = 0; g < graph_count(&graphs); g++) {
        const Graph *graph = graph_number(&graphs, g);
        Text names = {0};
        for (int i = 0; i < graph->parameter_count; i++)
            if (starts_with(graph->parameter[i]->name, format("%s.", network)))
                text_add(&names, "%s ", graph->parameter[i]->name + strlen(network) + 1);
        ck_assert_str_eq(names.bytes, expected);
    }
}

#define NORM(i) i ".weight " i ".bias " i ".running_mean " i ".running_var "
#define PRODUCT_OF(i) i ".weight " i ".bias "
#define GRU(i, l) i ".weight_ih_l" l " " i ".weight_hh_l" l " " i ".bias_ih_l" l " " i ".bias_hh_l" l " "

START_TEST(modules_are_counted_as_pytorch_counts_them) {
    expect_names("layers_alone", "only",
                 NORM("0") "1.weight " NORM("2") NORM("6") PRODUCT_OF("9") NORM("13") PRODUCT_OF("15") NORM("16") PRODUCT_OF("18")
                     PRODUCT_OF("21"));
    expect_names("recurrent_join", "judge", PRODUCT_OF("0") PRODUCT_OF("2") GRU("4", "0") GRU("4", "1") PRODUCT_OF("5"));
    expect_names("recurrent_join", "generator", GRU("0", "0") PRODUCT_OF("1"));
    expect_names("efficient_gan", "discriminator",
                 PRODUCT_OF("0") PRODUCT_OF("3") NORM("4") PRODUCT_OF("8") PRODUCT_OF("12") PRODUCT_OF("15"));
    expect_names("nested", "other_judge", PRODUCT_OF("0") NORM("1") PRODUCT_OF("4"));
    expect_names("clips_reshaped", "coder",
                 PRODUCT_OF("1") NORM("2") PRODUCT_OF("5") PRODUCT_OF("7") NORM("8") PRODUCT_OF("12") NORM("13"));
}
END_TEST

/* Networks in the spec's order; all graphs have the same table. */
START_TEST(parameters_are_in_the_order_of_the_networks) {
    const Spec *spec = sample_system(_i);
    const TrainerGraphs graphs = graphs_of(spec);
    for (int g = 0; g < graph_count(&graphs); g++) {
        const Graph *graph = graph_number(&graphs, g), *first = graph_number(&graphs, 0);
        ck_assert_int_eq(graph->group_count, spec->system->network_count);
        ck_assert_int_eq(graph->parameter_count, first->parameter_count);
        for (int i = 0; i < graph->parameter_count; i++) {
            const Parameter *parameter = graph->parameter[i];
            ck_assert_str_eq(parameter->name, first->parameter[i]->name);
            ck_assert(starts_with(parameter->name, format("%s.", spec->system->networks[parameter->group->number].name)));
            ck_assert(i == 0 || parameter->group->number >= graph->parameter[i - 1]->group->number);
            ck_assert(memcmp(parameter->shape, first->parameter[i]->shape, sizeof parameter->shape) == 0);
        }
    }
}
END_TEST

Suite *system_counts_suite(void) {
    Suite *suite = suite_create("system_counts");
    TCase *test_case = tcase_create("system_counts");
    tcase_add_test(test_case, anogan_computes_nothing_twice);
    tcase_add_test(test_case, vae_gan_computes_nothing_twice);
    tcase_add_test(test_case, dead_tails_move_their_statistics_alone);
    tcase_add_test(test_case, modules_are_counted_as_pytorch_counts_them);
    tcase_add_loop_test(test_case, running_statistics_move_once_a_call, 0, SAMPLE_SYSTEMS);
    tcase_add_loop_test(test_case, nothing_is_computed_in_vain, 0, SAMPLE_SYSTEMS);
    tcase_add_loop_test(test_case, parameters_are_in_the_order_of_the_networks, 0, SAMPLE_SYSTEMS);
    suite_add_tcase(suite, test_case);
    return suite;
}
