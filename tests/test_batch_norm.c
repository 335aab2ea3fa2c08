/* test_batch_norm.c: batch norm with attributes of its own, of vectors and of joined batches, and used by several calls of one network. */
#include "../compiler/graph/build_loss.h"
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/shapes.h"
#include "../compiler/pipeline/pipeline.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *batch_norm_suite(void);

/* ---- networks with a batch norm ---- */

typedef struct BatchNorm { /* its leaves */
    Node *weight, *bias, *mean, *variance;
    double epsilon, momentum;
} BatchNorm;

static Node *leaf(Graph *graph, const char *name, long channels, bool trained, double fill) {
    Node *node = parameter_of_rank(graph, name, 1, 4, (long[]){1, channels, 1, 1});
    node->parameter->fill = fill;
    node->parameter->trained = trained;
    if (!trained) node->op = OP_STATE;
    return node;
}

static BatchNorm add_norm(Graph *graph, const char *name, long channels, double epsilon, double momentum) {
    return (BatchNorm){leaf(graph, format("%s_weight", name), channels, true, 1),
                       leaf(graph, format("%s_bias", name), channels, true, 0),
                       leaf(graph, format("%s_mean", name), channels, false, 0.5),
                       leaf(graph, format("%s_variance", name), channels, false, 1),
                       epsilon,
                       momentum};
}

static Node *normalise(Graph *graph, const char *name, const BatchNorm *norm, Node *x) {
    Node *stats = append_node(graph, (Node){.op = OP_BATCH_NORM_STATISTICS,
                                            .name = format("%s_statistics", name),
                                            .input_count = 4,
                                            .input = {x, norm->weight, norm->mean, norm->variance},
                                            .epsilon = norm->epsilon,
                                            .momentum = norm->momentum});
    return add_node(graph, OP_BATCH_NORM, name, NULL, 3, (Node *[]){x, stats, norm->bias});
}

/* Channels 3 are planes, 20 end within a vector. of_vectors: of a linear layer's features; shaped: of a linear layer with a shape. */
typedef enum { OF_IMAGES, OF_VECTORS, OF_SHAPED, WAYS } Way;

typedef struct Normed {
    Way way;
    Node *product;
    BatchNorm norm;
} Normed;

static Normed new_network(Graph *graph, Way way, long channels) {
    Normed network = {.way = way};
    if (way == OF_IMAGES) network.product = sample_parameter(graph, "w", 4, (long[]){channels, 2, 3, 3});
    else {
        const long size = way == OF_SHAPED ? 3 : 1;
        network.product = parameter_of_rank(graph, "w", 2, 6, (long[]){channels, size, size, 2, 4, 5});
        network.product->parameter->shape[0] = channels * size * size;
        network.product->parameter->shape[1] = 40;
    }
    network.norm = add_norm(graph, "norm", channels, 0.03, 0.3);
    return network;
}

static Node *call(Graph *graph, const char *name, const Normed *network, Node *x) {
    const char *product = format("%s_product", name), *normal = format("%s_norm", name);
    Node *y = network->way == OF_IMAGES ? convolve(graph, OP_CONV2D, product, NULL, x, network->product, NULL)
                                        : two(graph, OP_LINEAR, product, x, network->product);
    return one(graph, OP_TANH, format("%s_tanh", name), normalise(graph, normal, &network->norm, y));
}

enum { CALLS = 2 };

/* One network that is called once or twice, the second time with more rows, as if they were joined; each result has a loss. */
static Graph *called(Way way, long channels, int calls, Normed *network, Node **loss) {
    static const Spec spec = {.name = "called"};
    Graph *graph = NEW(Graph);
    graph->spec = &spec;
    Node *terms[CALLS];
    *network = new_network(graph, way, channels);
    for (int i = 0; i < calls; i++) {
        const LossTerm term = {.kind = TERM_MSE, .weight = 1 + i, .target = 0.25};
        Node *x = sample_input(graph, format("x_%d", i), (long[]){3 * (i + 1), 2, 4, 5});
        terms[i] = add_loss_term(graph, format("loss_%d", i), &term, LOSS_OF_BATCH, call(graph, format("call_%d", i), network, x), NULL);
    }
    *loss = calls > 1 ? two(graph, OP_ADD, "loss", terms[0], terms[1]) : terms[0];
    name_node(graph, ROLE_LOSS, "loss", *loss);
    differentiate_parameters(graph, *loss, 3,
                             (Parameter *[]){network->product->parameter, network->norm.weight->parameter, network->norm.bias->parameter});
    return graph;
}

/* ---- one call, and two ---- */

START_TEST(batch_norm_has_an_epsilon_and_a_momentum_of_its_own) {
    static const long channels[] = {3, 20};
    for (int i = 0; i < 2 * WAYS; i++) {
        Normed network;
        Node *loss;
        Graph *graph = called((Way)(i / 2), channels[i % 2], 1, &network, &loss);
        if (_i == 0) {
            expect_parameter(graph, loss, network.product);
            expect_parameter(graph, loss, network.norm.weight);
            expect_parameter(graph, loss, network.norm.bias);
        }
        check_on_target(graph, _i);
    }
}
END_TEST

START_TEST(each_call_of_a_network_has_statistics_of_its_own) {
    static const long channels[] = {3, 20};
    for (int i = 0; i < 2 * WAYS; i++) {
        Normed network;
        Node *loss;
        Graph *graph = called((Way)(i / 2), channels[i % 2], CALLS, &network, &loss);
        if (_i == 0) {
            expect_parameter(graph, loss, network.product);
            expect_parameter(graph, loss, network.norm.weight);
            expect_parameter(graph, loss, network.norm.bias);
        }
        check_on_target(graph, _i);
        if (_i % 3 == 0 && i == 1) check_within_least_memory(graph, _i);
    }
}
END_TEST

/* ---- running statistics ---- */

static const Node *found(const Graph *graph, const char *name) {
    for (int i = 0; i < graph->node_count; i++)
        if (strcmp(graph->node[i]->name, name) == 0) return graph->node[i];
    ck_abort_msg("no node %s", name);
}

/* They move once for each call, in the order of the calls, by PyTorch's unbiased variance: after the definition, and as lowered. */
START_TEST(running_statistics_move_once_for_each_call) {
    Normed network;
    Node *loss;
    Graph *graph = called((Way)(_i % WAYS), 20, CALLS, &network, &loss);
    for (int i = 0; i < CALLS; i++)
        name_node(graph, ROLE_INPUT, format("x_%d", i), (Node *)(uintptr_t)(const void *)found(graph, format("x_%d", i)));
    const TargetCode *code = compile_graph(graph, any_target(_i % ALL_TARGETS), &default_choices);
    const Outcome outcome = run_graph(graph, code, true, false);
    const Buffer **buffers = program_named(code, "train")->buffer;
    for (long c = 0; c < 20; c++) {
        double mean = 0.5, variance = 1;
        for (int i = 0; i < CALLS; i++) {
            const Node *x = found(graph, format("call_%d_product", i));
            const long pixels = x->shape[2] * x->shape[3], count = x->shape[0] * pixels;
            const double *values = outcome.expected[x->id];
            double sum = 0, square = 0;
            for (long p = 0; p < count; p++) sum += values[(p / pixels * 20 + c) * pixels + p % pixels] / (double)count;
            for (long p = 0; p < count; p++) square += pow(values[(p / pixels * 20 + c) * pixels + p % pixels] - sum, 2);
            mean = 0.7 * mean + 0.3 * sum;
            variance = 0.7 * variance + 0.3 * square / (double)(count - 1);
        }
        const Node *state[2] = {network.norm.mean, network.norm.variance};
        const double expected[2] = {mean, variance}, tolerance = code->target->pairs ? 1e-2 : 1e-5;
        for (int s = 0; s < 2; s++) {
            ck_assert_double_eq_tol(outcome.expected[state[s]->id][c], expected[s], 1e-12 * (1 + fabs(expected[s])));
            ck_assert_double_eq_tol(element_of(graph, state[s], buffers[state[s]->id], outcome.memories, c), expected[s],
                                    tolerance * (1 + fabs(expected[s])));
        }
    }
    free_memories(outcome.memories);
}
END_TEST

Suite *batch_norm_suite(void) {
    Suite *suite = suite_create("batch_norm");
    TCase *test_case = tcase_create("batch_norm");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, batch_norm_has_an_epsilon_and_a_momentum_of_its_own, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, each_call_of_a_network_has_statistics_of_its_own, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, running_statistics_move_once_for_each_call, 0, ALL_TARGETS * WAYS);
    suite_add_tcase(suite, test_case);
    return suite;
}
