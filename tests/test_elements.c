/* test_elements.c: operations element by element that no spec of version 1 has: checked by differences, lowered, and compared with the
 * reference on every target. */
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/evaluate_graph.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/lower/storage.h"
#include "../compiler/pipeline/pipeline.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *elements_suite(void);

static const Operation activations[] = {OP_ELU, OP_SILU, OP_SOFTPLUS};
static const long channels[] = {1, 3, 17};

static Node *filter(Graph *graph, const char *name, long out, long in) {
    return sample_parameter(graph, name, 4, (long[]){out, in, 3, 3});
}

/* At the end of a convolution and of a linear layer, after a sum, and before a convolution. */
START_TEST(activations_equal_the_reference) {
    for (int a = 0; a < 3; a++)
        for (int k = 0; k < 3; k++) {
            Graph *graph = NEW(Graph);
            const long c = channels[k];
            Node *x = sample_input(graph, "x", (long[]){3, 2, 5, 1 + 4 * a}), *first = filter(graph, "first", c, 2),
                 *second = filter(graph, "second", 2, c);
            Node *matrix = sample_parameter(graph, "matrix", 6, (long[]){c, 1, 1, 2, 5, x->shape[3]});
            Node *h = one(graph, activations[a], "h", convolve(graph, OP_CONV2D, "in", NULL, x, first, NULL));
            Node *sum = one(graph, activations[a], "bent", two(graph, OP_ADD, "sum", h, multiple(graph, "more", h, -3)));
            Node *y = one(graph, activations[a], "y", convolve(graph, OP_CONV2D, "out", NULL, sum, second, NULL));
            Node *z = one(graph, activations[a], "z", two(graph, OP_LINEAR, "linear", y, matrix));
            Node *left = two(graph, OP_MSE, "left", y, x), *right = two(graph, OP_MSE, "right", z, sample_input(graph, "target", z->shape));
            Node *loss = two(graph, OP_ADD, "loss", left, right);
            differentiate_parameters(graph, loss, 3, (Parameter *[]){first->parameter, second->parameter, matrix->parameter});
            Node *gradient;
            differentiate(graph, loss, 1, &x, &gradient);
            name_node(graph, ROLE_OUTPUT, "slope", gradient);
            if (_i == 0) expect_parameter(graph, loss, first);
            if (_i == 0) expect_parameter(graph, loss, matrix);
            if (_i == 0) expect_gradient(graph, loss, x, gradient);
            check_on_target(graph, _i);
        }
}
END_TEST

/* A value by a parameter whose gradient has the bits of a single element: far from 0, where e^x overflows or vanishes. */
START_TEST(activations_hold_far_from_zero) {
    static const double far[] = {-1000, -90, -25, -1e-6, 0, 1e-6, 19.5, 25, 90, 1000};
    for (int a = 0; a < 3; a++) {
        Graph *graph = NEW(Graph);
        Node *x = sample_input(graph, "x", (long[]){1, 10, 1, 1});
        Node *y = one(graph, activations[a], "y", x);
        Node *loss = two(graph, OP_L1, "loss", y, multiple(graph, "below", y, 3)), *gradient;
        differentiate(graph, loss, 1, &y, &gradient);
        Node *slope = two(graph,
                          activations[a] == OP_ELU    ? OP_ELU_GRAD
                          : activations[a] == OP_SILU ? OP_SILU_GRAD
                                                      : OP_SOFTPLUS_GRAD,
                          "slope", activations[a] == OP_SILU ? x : y, sample_input(graph, "one", x->shape));
        name_node(graph, ROLE_OUTPUT, "value", y);
        name_node(graph, ROLE_OUTPUT, "slope", slope);
        name_node(graph, ROLE_INPUT, "x", x);
        name_node(graph, ROLE_INPUT, "one", slope->input[1]);
        list_readers(graph);
        const TargetCode *code = compile_graph(graph, any_target(_i), &default_choices);
        const Buffer **buffer = program_named(code, "train")->buffer;
        Memories *memories = new_memories(code, false);
        double **values = sample_values(graph, 1);
        for (int i = 0; i < 10; i++) values[x->id][i] = far[i], values[slope->input[1]->id][i] = 1;
        set_elements(graph, buffer, memories, values);
        for (int i = 0; i < 10; i++) values[x->id][i] = (double)(float)far[i];
        interpret_program(program_named(code, "train"), memories, false);
        evaluate_graph(graph, values);
        Node *const wanted[] = {y, slope};
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < 10; i++) {
                const double value = element_of(graph, wanted[k], buffer[wanted[k]->id], memories, i), truth = values[wanted[k]->id][i];
                ck_assert_msg(fabs(value - truth) <= 1e-6 * fabs(truth) + 1e-7 * (k + fabs(truth)), "%s(%g): %.9g instead of %.9g",
                              wanted[k]->name, far[i], value, truth);
            }
        free_memories(memories);
    }
}
END_TEST

/* mean + e^(log_variance / 2) · noise, from two readers of one value, as a VAE has it; of vectors and of images. */
START_TEST(samples_equal_the_reference) {
    for (int k = 0; k < 3; k++)
        for (int image = 0; image < 2; image++) {
            Graph *graph = NEW(Graph);
            const long c = channels[k], side = image ? 3 : 1;
            Node *x = sample_input(graph, "x", (long[]){3, 2, side, side}),
                 *noise = sample_input(graph, "noise", (long[]){3, c, side, side});
            Node *to_mean = sample_parameter(graph, "to_mean", 6, (long[]){c, side, side, 2, side, side});
            Node *to_variance = sample_parameter(graph, "to_variance", 6, (long[]){c, side, side, 2, side, side});
            Node *back = sample_parameter(graph, "back", 6, (long[]){2, side, side, c, side, side}), *gradient;
            Node *mean = two(graph, OP_LINEAR, "mean", x, to_mean), *log_variance = two(graph, OP_LINEAR, "log_variance", x, to_variance);
            Node *z = add_node(graph, OP_SAMPLE, "z", NULL, 3, (Node *[]){mean, log_variance, noise});
            Node *loss = two(graph, OP_MSE, "loss", two(graph, OP_LINEAR, "y", z, back), x);
            differentiate_parameters(graph, loss, 3, (Parameter *[]){to_mean->parameter, to_variance->parameter, back->parameter});
            differentiate(graph, loss, 1, &noise, &gradient);
            name_node(graph, ROLE_OUTPUT, "slope", gradient);
            for (int i = 0; i < 2 && _i == 0; i++) expect_parameter(graph, loss, i ? to_variance : to_mean);
            if (_i == 0) expect_gradient(graph, loss, noise, gradient);
            check_on_target(graph, _i);
        }
}
END_TEST

/* Factors between two convolutions, as dropout has them; an affine map before the loss, and a value times itself. */
START_TEST(products_and_affine_maps_equal_the_reference) {
    for (int k = 0; k < 3; k++) {
        Graph *graph = NEW(Graph);
        const long c = channels[k];
        Node *x = sample_input(graph, "x", (long[]){3, 2, 4, 19}), *factors = sample_input(graph, "factors", (long[]){3, c, 4, 19});
        Node *first = filter(graph, "first", c, 2), *second = filter(graph, "second", 2, c), *gradient[2];
        Node *kept =
            two(graph, OP_MULTIPLY, "kept", one(graph, OP_TANH, "h", convolve(graph, OP_CONV2D, "in", NULL, x, first, NULL)), factors);
        Node *y = convolve(graph, OP_CONV2D, "out", NULL, kept, second, NULL);
        const Node unit = {.op = OP_AFFINE, .name = "unit", .input_count = 1, .input = {y}, .factor = 0.5, .offset = 0.25};
        Node *moved = append_node(graph, unit), *square = two(graph, OP_MULTIPLY, "square", moved, moved);
        Node *loss = two(graph, OP_MSE, "loss", square, x);
        differentiate_parameters(graph, loss, 2, (Parameter *[]){first->parameter, second->parameter});
        differentiate(graph, loss, 2, (Node *[]){x, factors}, gradient);
        name_node(graph, ROLE_OUTPUT, "slope", gradient[0]);
        if (_i == 0) expect_parameter(graph, loss, first);
        for (int i = 0; i < 2 && _i == 0; i++) expect_gradient(graph, loss, i ? factors : x, gradient[i]);
        check_on_target(graph, _i);
        const Program *train = program_named(compile_graph(graph, any_target(_i), &default_choices), "train");
        int copies = 0; /* of factors in planes, for channels in blocks: one, whoever reads them */
        for (int i = 0; i < train->call_count; i++) copies += strcmp(train->call[i].kernel->name, "factors_in_blocks") == 0;
        ck_assert_int_eq(copies, is_blocked(any_target(_i), c));
    }
}
END_TEST

/* With a limit on memory, they are computed again. */
START_TEST(new_activations_are_computed_again) {
    Graph *graph = NEW(Graph);
    Node *x = sample_input(graph, "x", (long[]){4, 2, 6, 6}), *y = x;
    Parameter *of[4];
    for (int i = 0; i < 4; i++) {
        Node *w = filter(graph, format("w%d", i), i < 3 ? 24 : 2, y->shape[1]);
        of[i] = w->parameter;
        y = one(graph, activations[i % 3], format("y%d", i), convolve(graph, OP_CONV2D, format("conv%d", i), NULL, y, w, NULL));
    }
    differentiate_parameters(graph, two(graph, OP_MSE, "loss", y, x), 4, of);
    check_within_least_memory(graph, _i);
}
END_TEST

Suite *elements_suite(void) {
    Suite *suite = suite_create("elements");
    TCase *test_case = tcase_create("elements");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, activations_equal_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, activations_hold_far_from_zero, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, samples_equal_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, products_and_affine_maps_equal_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, new_activations_are_computed_again, 0, 2);
    suite_add_tcase(suite, test_case);
    return suite;
}
