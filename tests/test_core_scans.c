/* test_core_scans.c: recurrences other than a GRU, built by hand: of images, of different lengths, read by nodes of any kind. */
#include "../compiler/graph/differentiate.h"
#include "core_checks.h"
#include "lowered.h"
#include "sample_graphs.h"

#include <check.h>
#include <signal.h>

Suite *core_scans_suite(void);

static Node *clips(Graph *graph, const char *name, long count, long steps, const long image[3]) {
    const Node node = {.op = OP_INPUT, .name = name, .rank = 4, .shape = {count * steps, image[0], image[1], image[2]}, .steps = steps};
    return append_node(graph, node);
}

static Node *carry(Graph *graph, const char *name, Scan *scan, Node *initial, const Node *like) {
    Node node = {.op = OP_CARRY, .name = name, .input_count = 2, .input = {initial}, .rank = 4, .scan = scan};
    for (int d = 0; d < 4; d++) node.shape[d] = like->shape[d];
    return append_node(graph, node);
}

typedef struct Recurrence {
    Node *weight[3]; /* of the input, of the state, of the bias */
    Node *state;
} Recurrence;

/* h′ = tanh(conv(x) + conv(h) + b): conv(x) is batched over all steps outside the loop. In reverse, too. */
static Recurrence recur(Graph *graph, const char *name, Node *x, Node *initial, long channels, bool reverse) {
    Recurrence r;
    r.weight[0] = sample_parameter(graph, format("%s_in", name), 4, (long[]){channels, x->shape[1], 3, 3});
    r.weight[1] = sample_parameter(graph, format("%s_state", name), 4, (long[]){channels, channels, 3, 3});
    r.weight[2] = parameter_of_rank(graph, format("%s_bias", name), 1, 4, (long[]){1, channels, 1, 1});
    Node *from_x = convolve(graph, OP_CONV2D, format("%s_from_x", name), NULL, x, r.weight[0], NULL);
    Scan *scan = add_scan(graph, x->steps, reverse);
    Node *h = carry(graph, format("%s_h", name), scan, initial, from_x);
    Node *from_h = convolve(graph, OP_CONV2D, format("%s_from_h", name), scan, h, r.weight[1], r.weight[2]);
    Node *sum = add_node(graph, OP_ADD, format("%s_sum", name), scan, 2, (Node *[]){from_x, from_h});
    r.state = h->input[1] = add_node(graph, OP_TANH, format("%s_next", name), scan, 1, &sum);
    return r;
}

/* A convolution, an activation, a linear layer, the loss, all their gradients and the caller read the results of the loop. */
START_TEST(a_convolution_inside_a_scan_equals_the_reference) {
    static const long channels[] = {3, 20, 32};
    for (int i = 0; i < 3; i++) {
        Graph *graph = NEW(Graph);
        Node *x = clips(graph, "x", 2, 3, (long[]){2, 5, 6}), *initial = sample_input(graph, "initial", (long[]){2, channels[i], 5, 6});
        const Recurrence r = recur(graph, "cell", x, i == 1 ? NULL : initial, channels[i], i == 2);
        Node *back = sample_parameter(graph, "back", 4, (long[]){channels[i], 2, 3, 3});
        Node *read = sample_parameter(graph, "read", 6, (long[]){4, 1, 1, channels[i], 5, 6});
        Node *y = convolve(graph, OP_CONV_TRANSPOSE2D, "y", NULL, r.state, back, NULL),
             *target = clips(graph, "target", 2, 3, (long[]){4, 1, 1});
        Node *first = two(graph, OP_MSE, "first", one(graph, OP_SIGMOID, "bent", y), x);
        Node *second = two(graph, OP_L1, "second", two(graph, OP_LINEAR, "reading", r.state, read), target);
        Node *third = two(graph, OP_MSE, "third", one(graph, OP_LEAKY_RELU, "leaky", r.state), r.state);
        Node *loss = two(graph, OP_ADD, "loss", first, two(graph, OP_ADD, "rest", multiple(graph, "half", second, 0.5), third));
        Parameter *of[] = {r.weight[0]->parameter, r.weight[1]->parameter, r.weight[2]->parameter, back->parameter, read->parameter};
        if (i != 1) name_node(graph, ROLE_OUTPUT, "states", r.state);
        differentiate_parameters(graph, loss, 5, of);
        for (int k = 0; k < 5 && _i == 0; k++) expect_parameter(graph, loss, of[k]->node);
        check_on_target(graph, _i);
    }
}
END_TEST

/* With a limit on memory, the states are kept, and the wide layers before them are recomputed. */
START_TEST(layers_around_a_scan_are_computed_again) {
    Graph *graph = NEW(Graph);
    Node *x = clips(graph, "x", 2, 3, (long[]){2, 6, 6}), *y = x;
    Parameter *of[6];
    for (int i = 0; i < 3; i++) {
        Node *w = sample_parameter(graph, format("w%d", i), 4, (long[]){24, y->shape[1], 3, 3});
        of[i] = w->parameter;
        y = one(graph, i == 1 ? OP_RELU : OP_TANH, format("y%d", i), convolve(graph, OP_CONV2D, format("conv%d", i), NULL, y, w, NULL));
    }
    const Recurrence r = recur(graph, "cell", y, NULL, 2, false);
    for (int k = 0; k < 3; k++) of[3 + k] = r.weight[k]->parameter;
    differentiate_parameters(graph, two(graph, OP_MSE, "loss", r.state, x), 6, of);
    check_within_least_memory(graph, _i);
}
END_TEST

/* Scans of 5 steps and of 2 in one graph; one runs in reverse. A third one continues with results of the first, in the same steps. */
START_TEST(scans_of_different_lengths_stand_in_one_graph) {
    Graph *graph = NEW(Graph);
    Node *x = clips(graph, "x", 2, 5, (long[]){2, 4, 4}), *z = clips(graph, "z", 3, 2, (long[]){2, 4, 4});
    const Recurrence longer = recur(graph, "longer", x, NULL, 17, false), shorter = recur(graph, "shorter", z, NULL, 5, true),
                     after = recur(graph, "after", longer.state, NULL, 2, false);
    Node *last = sample_parameter(graph, "last", 4, (long[]){2, 5, 3, 3});
    Node *first = two(graph, OP_MSE, "first", after.state, x);
    Node *second = two(graph, OP_MSE, "second", convolve(graph, OP_CONV2D, "out", NULL, shorter.state, last, NULL), z);
    Node *loss = two(graph, OP_ADD, "loss", first, second);
    Parameter *of[] = {longer.weight[0]->parameter,
                       longer.weight[1]->parameter,
                       shorter.weight[1]->parameter,
                       shorter.weight[2]->parameter,
                       after.weight[0]->parameter,
                       after.weight[1]->parameter,
                       last->parameter};
    differentiate_parameters(graph, loss, 7, of);
    for (int k = 0; k < 7 && _i == 0; k++) expect_parameter(graph, loss, of[k]->node);
    check_on_target(graph, _i);
    /* the gradient of a loss that depends on one of them goes only through its loop */
    Node *gradient;
    const int scans = graph->scan_count;
    differentiate(graph, second, 1, &z, &gradient);
    ck_assert_int_eq(graph->scan_count, scans + 1);
    if (_i == 0) expect_gradient(graph, second, z, gradient);
    check_on_target(graph, _i);
}
END_TEST

/* Two linear recurrences with one weight, each with its own steps: the sum of both gradients. */
START_TEST(a_weight_may_be_shared_by_scans) {
    Graph *graph = NEW(Graph);
    Node *w = sample_parameter(graph, "w", 6, (long[]){18, 1, 1, 18, 1, 1}), *loss[2];
    for (int i = 0; i < 2; i++) {
        Node *x = clips(graph, format("x%d", i), 3, 4 - i, (long[]){18, 1, 1});
        Scan *scan = add_scan(graph, 4 - i, i == 1);
        Node *h = carry(graph, format("h%d", i), scan, NULL, x);
        Node *wh = add_node(graph, OP_LINEAR, format("wh%d", i), scan, 2, (Node *[]){h, w});
        Node *sum = add_node(graph, OP_ADD, format("sum%d", i), scan, 2, (Node *[]){wh, x});
        h->input[1] = add_node(graph, OP_TANH, format("next%d", i), scan, 1, &sum);
        loss[i] = two(graph, OP_MSE, format("loss%d", i), h->input[1], x);
    }
    Node *both = two(graph, OP_ADD, "both", loss[0], multiple(graph, "more", loss[1], 3));
    differentiate_parameters(graph, both, 1, &w->parameter);
    if (_i == 0) expect_parameter(graph, both, w);
    check_on_target(graph, _i);
}
END_TEST

/* Rows that a state cannot have, and nodes without a gradient rule. */
START_TEST(recurrences_that_cannot_be_done_die) {
    Graph *graph = NEW(Graph);
    Node *x = clips(graph, "x", 2, 3, (long[]){2, 4, 4}), *w = sample_parameter(graph, "w", 4, (long[]){2, 2, 3, 3});
    Node *start = convolve(graph, OP_CONV2D, "start", NULL, sample_input(graph, "initial", (long[]){2, 2, 4, 4}), w, NULL), *gradient;
    Scan *scan = add_scan(graph, 3, false);
    Node *a = carry(graph, "a", scan, _i == 2 ? start : NULL, x), *b = carry(graph, "b", scan, NULL, x);
    Node *c = carry(graph, "c", scan, start, x);
    Node *sum = add_node(graph, OP_ADD, "sum", scan, 2, (Node *[]){add_node(graph, OP_ADD, "ab", scan, 2, (Node *[]){a, b}), c});
    Node *bent = add_node(graph, OP_TANH, "bent", scan, 1, &sum);
    a->input[1] = sum;
    b->input[1] = _i == 0 ? a : sum;    /* two steps late */
    c->input[1] = _i == 1 ? sum : bent; /* from another value than `a`, in the same row */
    Node *loss = two(graph, OP_MSE, "loss", sum, x);
    freopen("/dev/null", "w", stderr);                         /* the message is expected */
    if (_i == 2) differentiate(graph, loss, 1, &w, &gradient); /* by way of a computed initial value */
    list_readers(graph);
    check_on_target(graph, 0);
}
END_TEST

Suite *core_scans_suite(void) {
    Suite *suite = suite_create("core_scans");
    TCase *test_case = tcase_create("core_scans");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, a_convolution_inside_a_scan_equals_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, layers_around_a_scan_are_computed_again, 0, 2);
    tcase_add_loop_test(test_case, scans_of_different_lengths_stand_in_one_graph, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, a_weight_may_be_shared_by_scans, 0, ALL_TARGETS);
    tcase_add_loop_test_raise_signal(test_case, recurrences_that_cannot_be_done_die, SIGABRT, 0, 3);
    suite_add_tcase(suite, test_case);
    return suite;
}
