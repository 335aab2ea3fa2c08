/* test_large_kernels.c: convolutions with kernels up to 15, of both kinds, with their gradients, on every target. */
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/shapes.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include <check.h>

Suite *large_kernels_suite(void);

typedef struct Case {
    bool transposed;
    long kernel[2], stride[2], padding[2], output_padding[2], size[2];
} Case;

/* Each kernel from 8 to 15, each stride and paddings to 16; kernels larger than the image, and one output alone. */
static const Case cases[] = {
    {false, {8, 15}, {1, 1}, {4, 7}, {0, 0}, {5, 6}},   {false, {15, 9}, {4, 3}, {16, 4}, {0, 0}, {7, 9}},
    {false, {11, 11}, {2, 2}, {5, 5}, {0, 0}, {4, 18}}, {false, {15, 15}, {1, 1}, {7, 7}, {0, 0}, {2, 17}},
    {false, {13, 1}, {3, 4}, {16, 0}, {0, 0}, {1, 9}},  {false, {10, 12}, {1, 1}, {0, 0}, {0, 0}, {10, 12}},
    {true, {8, 15}, {1, 1}, {4, 7}, {0, 0}, {5, 6}},    {true, {15, 9}, {4, 3}, {7, 4}, {3, 2}, {3, 4}},
    {true, {11, 11}, {2, 2}, {5, 5}, {1, 1}, {3, 10}},  {true, {15, 15}, {4, 4}, {16, 16}, {1, 3}, {7, 6}},
    {true, {14, 2}, {3, 4}, {6, 0}, {0, 1}, {1, 9}},
};
enum { CASES = sizeof cases / sizeof *cases };

/* From many channels and few to many and few: lanes along either side, along the width, and along what is summed; one image, and three. */
static const long sides[][3] = {{3, 20, 1}, {17, 1, 3}, {17, 20, 1}, {1, 3, 3}};
enum { SIDES = sizeof sides / sizeof *sides };

static Graph *graph_of(const Case *c, const long side[3], Node **loss, Node **weight, Node **x) {
    Graph *graph = NEW(Graph);
    const long in = side[0], out = side[1];
    *x = sample_input(graph, "x", (long[]){side[2], in, c->size[0], c->size[1]});
    *weight = sample_parameter(graph, "w", 4, (long[]){c->transposed ? in : out, c->transposed ? out : in, c->kernel[0], c->kernel[1]});
    Node *bias = parameter_of_rank(graph, "b", 1, 4, (long[]){1, out, 1, 1});
    Node node = {.op = c->transposed ? OP_CONV_TRANSPOSE2D : OP_CONV2D, .name = "y", .input_count = 3, .input = {*x, *weight, bias}};
    for (int d = 0; d < 2; d++)
        node.stride[d] = c->stride[d], node.padding[d] = c->padding[d], node.output_padding[d] = c->output_padding[d];
    Node *y = one(graph, OP_TANH, "bent", append_node(graph, node));
    *loss = two(graph, OP_MSE, "loss", y, sample_input(graph, "target", y->shape));
    Node *gradient;
    differentiate_parameters(graph, *loss, 2, (Parameter *[]){(*weight)->parameter, bias->parameter});
    differentiate(graph, *loss, 1, x, &gradient);
    name_node(graph, ROLE_OUTPUT, "slope", gradient);
    return graph;
}

START_TEST(kernels_up_to_15_equal_the_reference) {
    for (int c = 0; c < CASES; c++) {
        Node *loss, *weight, *x;
        Graph *graph = graph_of(&cases[c], sides[(c + _i) % SIDES], &loss, &weight, &x);
        if (_i == 0 && count_elements(weight) < 3000) expect_parameter(graph, loss, weight);
        check_on_target(graph, _i);
    }
}
END_TEST

START_TEST(all_sides_of_a_large_kernel_equal_the_reference) {
    static const int chosen[] = {2, 7};
    for (int k = 0; k < 2; k++)
        for (int s = 0; s < SIDES; s++) {
            Node *loss, *weight, *x;
            check_on_target(graph_of(&cases[chosen[k]], sides[s], &loss, &weight, &x), _i);
        }
}
END_TEST

/* Many channels to the caller, in planes, whom no vector along the channels can be stored to. */
START_TEST(what_many_channels_give_goes_to_the_caller) {
    for (int i = 0; i < 2; i++) {
        Graph *graph = NEW(Graph);
        Node *x = sample_input(graph, "x", (long[]){2, 32, 8, 8}), *w = sample_parameter(graph, "w", 4, (long[]){32, 32, 3, 3}), *slope;
        Node *h = one(graph, OP_TANH, "h", x), *y = convolve(graph, i ? OP_CONV_TRANSPOSE2D : OP_CONV2D, "y", NULL, h, w, NULL);
        Node *loss = two(graph, OP_MSE, "loss", y, x);
        name_node(graph, ROLE_OUTPUT, "features", y);
        differentiate(graph, loss, 1, &h, &slope);
        name_node(graph, ROLE_OUTPUT, "slope", slope);
        check_on_target(graph, _i);
    }
}
END_TEST

/* [C, H, W] by a linear layer, normalised by its channels. */
START_TEST(a_linear_layer_s_image_has_a_batch_norm) {
    static const long channels[] = {3, 17, 32};
    for (int i = 0; i < 3; i++) {
        Graph *graph = NEW(Graph);
        const long c = channels[i];
        Node *x = sample_input(graph, "x", (long[]){3, 5, 1, 1}), *w = sample_parameter(graph, "w", 6, (long[]){c, 3, 4, 5, 1, 1}),
             *leaf[4];
        Node *b = parameter_of_rank(graph, "b", 1, 4, (long[]){1, c, 3, 4});
        for (int k = 0; k < 4; k++) leaf[k] = parameter_of_rank(graph, format("norm%d", k), 1, 4, (long[]){1, c, 1, 1});
        leaf[2]->op = leaf[3]->op = OP_STATE;
        leaf[2]->parameter->trained = leaf[3]->parameter->trained = false;
        Node *y = add_node(graph, OP_LINEAR, "y", NULL, 3, (Node *[]){x, w, b});
        Node *stats = add_node(graph, OP_BATCH_NORM_STATISTICS, "stats", NULL, 4, (Node *[]){y, leaf[0], leaf[2], leaf[3]});
        Node *norm = add_node(graph, OP_BATCH_NORM, "norm", NULL, 3, (Node *[]){y, stats, leaf[1]});
        Node *v = sample_parameter(graph, "v", 4, (long[]){c, 2, 3, 3}), *gradient;
        Node *image = convolve(graph, OP_CONV_TRANSPOSE2D, "image", NULL, one(graph, OP_SILU, "bent", norm), v, NULL);
        Node *loss = two(graph, OP_MSE, "loss", image, sample_input(graph, "target", image->shape));
        differentiate_parameters(graph, loss, 4, (Parameter *[]){w->parameter, leaf[0]->parameter, leaf[1]->parameter, v->parameter});
        differentiate(graph, loss, 1, &x, &gradient);
        name_node(graph, ROLE_OUTPUT, "slope", gradient);
        if (_i == 0) expect_parameter(graph, loss, w);
        if (_i == 0) expect_gradient(graph, loss, x, gradient);
        check_on_target(graph, _i);
    }
}
END_TEST

Suite *large_kernels_suite(void) {
    Suite *suite = suite_create("large_kernels");
    TCase *test_case = tcase_create("large_kernels");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, kernels_up_to_15_equal_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, all_sides_of_a_large_kernel_equal_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, what_many_channels_give_goes_to_the_caller, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, a_linear_layer_s_image_has_a_batch_norm, 0, ALL_TARGETS);
    suite_add_tcase(suite, test_case);
    return suite;
}
