/* test_pools.c: max and average pooling over time, height and width, and their gradients. */
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/shapes.h"
#include "core_checks.h"
#include "sample_graphs.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <string.h>

Suite *pools_suite(void);

typedef struct Case {
    long items, steps, channels, height, width; /* of the input */
    Window window;
} Case;

/* Windows apart, side by side, and one over the other; along one axis and along all; with padding at some or all of them; elements at
 * the end that no window reads; larger than the image; channels in planes, in a vector, and in more, also given by the caller without
 * padding lanes. */
static const Case cases[] = {
    {2, 1, 20, 6, 8, {{1, 2, 2}, {1, 2, 2}, {0, 0, 0}}}, {1, 5, 3, 7, 5, {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}}},
    {2, 4, 17, 3, 3, {{2, 1, 1}, {2, 1, 1}, {0, 0, 0}}}, {1, 5, 32, 4, 5, {{3, 2, 3}, {1, 1, 2}, {1, 1, 1}}},
    {2, 3, 2, 5, 9, {{2, 3, 1}, {1, 4, 2}, {1, 0, 0}}},  {1, 1, 16, 4, 4, {{1, 5, 7}, {1, 1, 3}, {0, 2, 3}}},
    {3, 2, 1, 8, 6, {{2, 2, 2}, {2, 2, 2}, {0, 0, 0}}},  {1, 2, 18, 9, 11, {{1, 4, 5}, {1, 2, 3}, {0, 2, 2}}},
    {2, 3, 22, 1, 1, {{3, 2, 1}, {1, 1, 1}, {1, 1, 0}}},
};
enum { CASES = sizeof cases / sizeof *cases };

static Node *input_of(Graph *graph, const char *name, const Case *c) {
    const Node node = {
        .op = OP_INPUT, .name = name, .rank = 4, .shape = {c->items * c->steps, c->channels, c->height, c->width}, .steps = c->steps};
    return append_node(graph, node);
}

static Node *pool(Graph *graph, Operation op, const char *name, Node *x, const Window *window) {
    return append_node(graph, (Node){.op = op, .name = name, .input_count = 1, .input = {x}, .window = *window});
}

/* The mean square of what it is beside values of its own. */
static Node *compare(Graph *graph, const char *name, Node *x) {
    const Node target = {.op = OP_INPUT, .name = format("%s_target", name), .rank = 4, .steps = x->steps};
    Node node = target;
    memcpy(node.shape, x->shape, sizeof node.shape);
    return two(graph, OP_MSE, name, x, append_node(graph, node));
}

/* Of what the caller gives, of what a convolution stores, and of an activation, which a pool whose windows lie apart reads unstored. Its
 * elements of one image have many zeros: of equal ones, the first is the maximum. */
START_TEST(pools_equal_the_reference) {
    const Case *c = &cases[_i / ALL_TARGETS];
    const int target = _i % ALL_TARGETS;
    for (int largest = 0; largest < 2; largest++) {
        Graph *graph = NEW(Graph);
        Node *x = input_of(graph, "x", c), *w = sample_parameter(graph, "w", 4, (long[]){c->channels, c->channels, 3, 3}), *gradient;
        Node *h = convolve(graph, OP_CONV2D, "h", NULL, x, w, NULL), *loss[3];
        Node *from[3] = {x, h, one(graph, OP_RELU, "bent", two(graph, OP_ADD, "twice", h, x))};
        for (int i = 0; i < 3; i++) {
            Node *y = pool(graph, largest ? OP_MAX_POOL : OP_AVG_POOL, format("pool%d", i), from[i], &c->window);
            ck_assert_int_eq(y->steps, count_windows(&c->window, 0, c->steps));
            loss[i] = compare(graph, format("loss%d", i), i == 1 ? one(graph, OP_TANH, "after", y) : y);
        }
        Node *sum = two(graph, OP_ADD, "sum", two(graph, OP_ADD, "sum01", loss[0], loss[1]), loss[2]);
        differentiate_parameters(graph, sum, 1, &w->parameter);
        differentiate(graph, sum, 1, &x, &gradient);
        name_node(graph, ROLE_OUTPUT, "slope", gradient);
        if (target == 0 && c->height > 1) expect_parameter(graph, sum, w); /* else most taps read padding alone */
        if (target == 0) expect_gradient(graph, sum, x, gradient);
        check_on_target(graph, target);
    }
}
END_TEST

/* Every window has the same value everywhere: all of dy goes to the first element of each that is no padding. */
START_TEST(the_first_of_equal_elements_is_the_maximum) {
    const Case c = {1, 2, 1, 4, 4, {{2, 3, 3}, {1, 2, 2}, {1, 1, 1}}};
    Graph *graph = NEW(Graph);
    Node *x = input_of(graph, "x", &c), *y = pool(graph, OP_MAX_POOL, "y", x, &c.window), *gradient;
    Node *loss = compare(graph, "loss", y);
    differentiate(graph, loss, 1, &x, &gradient);
    double **values = sample_values(graph, 1);
    for (long i = 0; i < count_elements(x); i++) values[x->id][i] = 3;
    const long windows = count_elements(y); /* 3 x 2 x 2 */
    for (long i = 0; i < windows; i++) values[loss->input[1]->id][i] = 2;
    evaluate_graph(graph, values);
    const double each = 2.0 / (double)windows;
    for (long t = 0; t < 2; t++)
        for (long h = 0; h < 4; h++)
            for (long w = 0; w < 4; w++) {
                /* windows begin at −1, 0 and 1 in time, and at −1 and 1 in height and width */
                const bool first = (h == 0 || h == 1) && (w == 0 || w == 1);
                const double wanted = first ? each * (t == 0 ? 2 : 1) : 0;
                ck_assert_double_eq_tol(values[gradient->id][(t * 4 + h) * 4 + w], wanted, 1e-12);
            }
}
END_TEST

START_TEST(pools_are_computed_again) {
    const Case c = {4, 2, 24, 8, 8, {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}}};
    Graph *graph = NEW(Graph);
    Node *x = input_of(graph, "x", &c), *y = x;
    Parameter *of[3];
    for (int i = 0; i < 3; i++) {
        Node *w = sample_parameter(graph, format("w%d", i), 4, (long[]){24, 24, 3, 3});
        of[i] = w->parameter;
        y = one(graph, OP_LEAKY_RELU, format("h%d", i), convolve(graph, OP_CONV2D, format("conv%d", i), NULL, y, w, NULL));
        y = pool(graph, i == 1 ? OP_AVG_POOL : OP_MAX_POOL, format("pool%d", i), y, &c.window);
    }
    differentiate_parameters(graph, compare(graph, "loss", y), 3, of);
    check_within_least_memory(graph, _i);
}
END_TEST

START_TEST(pools_that_do_not_fit_die) {
    static const Window windows[] = {{{1, 5, 2}, {1, 1, 1}, {0, 0, 0}},
                                     {{1, 2, 2}, {1, 0, 1}, {0, 0, 0}},
                                     {{1, 2, 2}, {1, 1, 1}, {0, 2, 0}},
                                     {{3, 1, 1}, {1, 1, 1}, {0, 0, 0}}};
    const Case c = {1, 2, 4, 4, 4, windows[_i]};
    Graph *graph = NEW(Graph);
    freopen("/dev/null", "w", stderr); /* the message is expected */
    pool(graph, OP_MAX_POOL, "y", input_of(graph, "x", &c), &c.window);
}
END_TEST

Suite *pools_suite(void) {
    Suite *suite = suite_create("pools");
    TCase *test_case = tcase_create("pools");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, pools_equal_the_reference, 0, CASES * ALL_TARGETS);
    tcase_add_test(test_case, the_first_of_equal_elements_is_the_maximum);
    tcase_add_loop_test(test_case, pools_are_computed_again, 0, 2);
    tcase_add_loop_test_raise_signal(test_case, pools_that_do_not_fit_die, SIGABRT, 0, 4);
    suite_add_tcase(suite, test_case);
    return suite;
}
