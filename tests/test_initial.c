/* test_initial.c: the distributions of `initial`, with figures of torch.nn.init. */
#include "../compiler/emit/emit.h"
#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/initial.h"
#include "sample_graphs.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *initial_suite(void);

static const Parameter convolution = {.name = "conv", .rank = 4, .shape = {64, 32, 3, 5}};
/* Of 64 channels to 16: PyTorch counts what comes out as what fans in. */
static const Parameter transposed = {.name = "transposed", .rank = 4, .shape = {64, 16, 4, 4}};
static const Parameter matrix = {.name = "matrix", .rank = 2, .shape = {100, 300}};
static const Parameter volume = {.name = "volume", .rank = 5, .shape = {8, 4, 3, 3, 3}};

START_TEST(fans_are_pytorchs) {
    ck_assert_double_eq(fan_in(&convolution), 32 * 15);
    ck_assert_double_eq(fan_out(&convolution), 64 * 15);
    ck_assert_double_eq(fan_in(&transposed), 16 * 16);
    ck_assert_double_eq(fan_out(&transposed), 64 * 16);
    ck_assert_double_eq(fan_in(&matrix), 300);
    ck_assert_double_eq(fan_out(&matrix), 100);
    ck_assert_double_eq(fan_in(&volume), 4 * 27);
}
END_TEST

static void expect(const Parameter *of, const Initial *initial, double slope, Distribution distribution, double bound) {
    Parameter parameter = *of;
    set_default_initial(&parameter, &parameter);
    set_initial_weight(&parameter, initial, slope);
    ck_assert_int_eq(parameter.distribution, distribution);
    ck_assert_double_eq_tol(parameter.bound, bound, 1e-12);
    ck_assert_double_eq(parameter.fill, 0);
}

START_TEST(weights_are_drawn_as_torch_nn_init_does) {
    expect(&convolution, &(Initial){0}, 0.2, DISTRIBUTION_UNIFORM, 1 / sqrt(480));
    expect(&convolution, &(Initial){.weights = INITIAL_NORMAL, .weights_deviation = 0.02}, 0.2, DISTRIBUTION_NORMAL, 0.02);
    expect(&transposed, &(Initial){.weights = INITIAL_KAIMING_RELU}, 0.2, DISTRIBUTION_NORMAL, 0.08838834764831845);
    expect(&transposed, &(Initial){.weights = INITIAL_KAIMING_LEAKY_RELU}, 0.2, DISTRIBUTION_NORMAL, 0.08667190566019205);
    expect(&convolution, &(Initial){.weights = INITIAL_KAIMING_LEAKY_RELU}, 0.01, DISTRIBUTION_NORMAL, sqrt(2 / 1.0001 / 480));
    expect(&matrix, &(Initial){.weights = INITIAL_XAVIER}, 0, DISTRIBUTION_UNIFORM, 0.1224744871391589);
    expect(&transposed, &(Initial){.weights = INITIAL_XAVIER}, 0, DISTRIBUTION_UNIFORM, sqrt(6.0 / (16 * 16 + 64 * 16)));
}
END_TEST

START_TEST(biases_and_norms_are_as_they_are_given) {
    Parameter bias = {.name = "bias", .rank = 1, .shape = {64}}, norm = {.name = "norm", .rank = 1, .shape = {64}, .fill = 1};
    set_default_initial(&bias, &convolution);
    set_initial_bias(&bias, &(Initial){0});
    ck_assert_double_eq_tol(bias.bound, 1 / sqrt(480), 1e-12);
    set_initial_bias(&bias, &(Initial){.bias_given = true, .bias = -0.25});
    ck_assert_double_eq(bias.bound, 0);
    ck_assert_double_eq(bias.fill, -0.25);
    set_initial_norm(&norm, &(Initial){0});
    ck_assert(norm.bound == 0 && norm.fill == 1 && norm.distribution == DISTRIBUTION_UNIFORM);
    set_initial_norm(&norm, &(Initial){.norm_given = true, .norm_deviation = 0.02});
    ck_assert(norm.bound == 0.02 && norm.fill == 1 && norm.distribution == DISTRIBUTION_NORMAL);
}
END_TEST

START_TEST(a_table_says_which_distribution_it_is) {
    Spec spec = *sample_spec(0);
    spec.canonical = "";
    const Model model = {.spec = &spec, .graphs = build_graphs(&spec)};
    const Graph *graph = model.graphs.step[0];
    set_initial_weight(graph->parameter[0], &(Initial){.weights = INITIAL_NORMAL, .weights_deviation = 0.375}, 0);
    set_initial_norm(graph->parameter[1], &(Initial){.norm_given = true, .norm_deviation = 0.0625});
    Text text = text_begin();
    emit_model_file(&text, &model, NULL, 0, "");
    ck_assert_ptr_nonnull(strstr(text.bytes, "0.0, 0.375, 0.0}"));
    ck_assert_ptr_nonnull(strstr(text.bytes, "0.0, 0.0625, 1.0}"));
}
END_TEST

Suite *initial_suite(void) {
    Suite *suite = suite_create("initial");
    TCase *test_case = tcase_create("initial");
    tcase_add_test(test_case, fans_are_pytorchs);
    tcase_add_test(test_case, weights_are_drawn_as_torch_nn_init_does);
    tcase_add_test(test_case, biases_and_norms_are_as_they_are_given);
    tcase_add_test(test_case, a_table_says_which_distribution_it_is);
    suite_add_tcase(suite, test_case);
    return suite;
}
