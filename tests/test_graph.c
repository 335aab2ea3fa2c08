/* test_graph.c: graphs of specs, their gradients, and the reference evaluation. */
#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/shapes.h"
#include "sample_graphs.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

Suite *graph_suite(void);

/* ---- the graph of a spec ---- */

static const Node *find_node(const Graph *graph, const char *name) {
    for (int i = 0; i < graph->node_count; i++)
        if (strcmp(graph->node[i]->name, name) == 0) return graph->node[i];
    return NULL;
}

static const Parameter *find_parameter(const Graph *graph, const char *name) {
    for (int i = 0; i < graph->parameter_count; i++)
        if (strcmp(graph->parameter[i]->name, name) == 0) return graph->parameter[i];
    ck_abort_msg("no parameter %s", name);
}

static void expect_shape(const Graph *graph, const char *name, int rank, const long *shape) {
    const Node *node = find_node(graph, name);
    ck_assert_msg(node != NULL, "no node %s", name);
    ck_assert_int_eq(node->rank, rank);
    for (int d = 0; d < rank; d++) ck_assert_msg(node->shape[d] == shape[d], "%s: dimension %d is %ld", name, d, node->shape[d]);
}

START_TEST(every_sample_passes_the_checks_before_and_after_differentiation) {
    const Spec *spec = _i < SAMPLE_SPECS ? sample_spec(_i) : gru_ae_spec();
    Graph *evaluation = build_graph(spec, false), *training = build_graph(spec, true);
    verify_graph(evaluation);
    verify_graph(training);
    differentiate_spec(training);
    verify_graph(training);
    ck_assert_int_eq(evaluation->parameter_count, training->parameter_count);
    for (int i = 0; i < training->parameter_count; i++) {
        ck_assert_str_eq(evaluation->parameter[i]->name, training->parameter[i]->name);
        ck_assert((training->parameter[i]->gradient != NULL) == training->parameter[i]->trained);
    }
    ck_assert_int_eq(same_shape(named_node(training, ROLE_OUTPUT, "reconstruction"), named_node(training, ROLE_INPUT, "x")), true);
}
END_TEST

START_TEST(gru_ae_has_the_parameters_of_pytorch_in_its_order) {
    static const char *const names[] = {"encoder.0.weight",
                                        "encoder.1.weight",
                                        "encoder.1.bias",
                                        "encoder.1.running_mean",
                                        "encoder.1.running_var",
                                        "encoder.3.weight",
                                        "encoder.4.weight",
                                        "encoder.4.bias",
                                        "encoder.4.running_mean",
                                        "encoder.4.running_var",
                                        "encoder.6.weight",
                                        "encoder.7.weight",
                                        "encoder.7.bias",
                                        "encoder.7.running_mean",
                                        "encoder.7.running_var",
                                        "encoder.9.weight",
                                        "encoder.10.weight",
                                        "encoder.10.bias",
                                        "encoder.10.running_mean",
                                        "encoder.10.running_var",
                                        "encoder.12.weight",
                                        "fc1.0.weight",
                                        "fc1.0.bias",
                                        "gru.weight_ih_l0",
                                        "gru.weight_hh_l0",
                                        "gru.bias_ih_l0",
                                        "gru.bias_hh_l0",
                                        "fc3.0.weight",
                                        "fc3.0.bias",
                                        "decoder.0.weight",
                                        "decoder.1.weight",
                                        "decoder.1.bias",
                                        "decoder.1.running_mean",
                                        "decoder.1.running_var",
                                        "decoder.3.weight",
                                        "decoder.4.weight",
                                        "decoder.4.bias",
                                        "decoder.4.running_mean",
                                        "decoder.4.running_var",
                                        "decoder.6.weight",
                                        "decoder.7.weight",
                                        "decoder.7.bias",
                                        "decoder.7.running_mean",
                                        "decoder.7.running_var",
                                        "decoder.9.weight",
                                        "decoder.10.weight",
                                        "decoder.10.bias",
                                        "decoder.10.running_mean",
                                        "decoder.10.running_var",
                                        "decoder.12.weight"};
    const Graph *graph = build_graph(gru_ae_spec(), true);
    ck_assert_int_eq(graph->parameter_count, (int)(sizeof names / sizeof *names));
    long trained = 0;
    for (int i = 0; i < graph->parameter_count; i++) {
        ck_assert_str_eq(graph->parameter[i]->name, names[i]);
        if (graph->parameter[i]->trained) trained += graph->parameter[i]->count;
    }
    ck_assert_int_eq(trained, 4537480);
}
END_TEST

START_TEST(parameters_have_pytorchs_shapes_and_initial_bounds) {
    static const struct {
        const char *name;
        int rank;
        long shape[4];
        double fan_in, fill;
        const char *layer;
    } expected[] = {
        {"encoder.3.weight", 4, {64, 32, 3, 3}, 32 * 9, 0, "encoder.3"},
        {"encoder.4.weight", 1, {64}, INFINITY, 1, "encoder.4"},
        {"encoder.4.bias", 1, {64}, INFINITY, 0, "encoder.4"},
        {"encoder.4.running_var", 1, {64}, INFINITY, 1, "encoder.4"},
        {"fc1.0.weight", 2, {64, 8192}, 8192, 0, "fc1.0"},
        {"fc1.0.bias", 1, {64}, 8192, 0, "fc1.0"},
        {"gru.weight_ih_l0", 2, {300, 64}, 100, 0, "gru"},
        {"gru.weight_hh_l0", 2, {300, 100}, 100, 0, "gru"},
        {"gru.bias_hh_l0", 1, {300}, 100, 0, "gru"},
        {"fc3.0.weight", 2, {8192, 100}, 100, 0, "fc3.0"},
        {"decoder.0.weight", 4, {512, 256, 3, 3}, 256 * 9, 0, "decoder.0"},
        {"decoder.12.weight", 4, {1, 32, 3, 3}, 32 * 9, 0, "decoder.12"},
    };
    const Graph *graph = build_graph(gru_ae_spec(), true);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const Parameter *parameter = find_parameter(graph, expected[i].name);
        ck_assert_int_eq(parameter->rank, expected[i].rank);
        for (int d = 0; d < parameter->rank; d++) ck_assert_int_eq(parameter->shape[d], expected[i].shape[d]);
        ck_assert_double_eq_tol(parameter->bound, 1 / sqrt(expected[i].fan_in), 1e-15);
        ck_assert_double_eq(parameter->fill, expected[i].fill);
        ck_assert_str_eq(parameter->layer, expected[i].layer);
    }
}
END_TEST

static void next_index(const Node *node, long index[MAX_DIMENSIONS]) {
    for (int d = node->rank - 1; d >= 0 && ++index[d] == node->shape[d]; d--) index[d] = 0;
}

START_TEST(strides_reach_every_element_of_a_parameter_once) {
    const Graph *graph = build_graph(sample_spec(_i), true);
    for (int p = 0; p < graph->parameter_count; p++) {
        const Parameter *parameter = graph->parameter[p];
        int *seen = NEW_ARRAY(int, parameter->count);
        long index[MAX_DIMENSIONS] = {0};
        for (long i = 0; i < count_elements(parameter->node); i++, next_index(parameter->node, index)) {
            long offset = 0;
            for (int d = 0; d < parameter->node->rank; d++) offset += index[d] * parameter->stride[d];
            ck_assert(offset >= 0 && offset < parameter->count);
            ck_assert_int_eq(seen[offset]++, 0);
        }
    }
}
END_TEST

START_TEST(gates_and_features_lie_where_pytorch_has_them) {
    const Graph *graph = build_graph(gru_ae_spec(), true);
    const Parameter *weight = find_parameter(graph, "gru.weight_ih_l0"), *fc1 = find_parameter(graph, "fc1.0.weight");
    const Parameter *fc3 = find_parameter(graph, "fc3.0.weight"), *bias = find_parameter(graph, "gru.bias_ih_l0");
    ck_assert_int_eq(weight->stride[0], 64); /* unit j of gate g is row g · hidden + j of 64 columns */
    ck_assert_int_eq(weight->stride[1], 100 * 64);
    ck_assert_int_eq(bias->stride[2], 100);
    ck_assert_int_eq(fc1->stride[0], 8192); /* columns count through channel, height, width */
    ck_assert_int_eq(fc1->stride[3], 16);
    ck_assert_int_eq(fc1->stride[4], 4);
    ck_assert_int_eq(fc3->stride[0], 1600); /* and so do the rows of fc3, of 100 columns each */
    ck_assert_int_eq(fc3->stride[2], 100);
    ck_assert_int_eq(fc3->stride[3], 1);
}
END_TEST

START_TEST(kernels_are_named_after_the_spec_and_have_its_shapes) {
    Graph *graph = build_graph(gru_ae_spec(), true);
    differentiate_spec(graph);
    expect_shape(graph, "encoder1_conv_forward", 4, (long[]){64, 64, 32, 32});
    expect_shape(graph, "encoder1_batch_norm_statistics", 4, (long[]){1, 64, 3, 1});
    expect_shape(graph, "encoder1_batch_norm", 4, (long[]){64, 64, 32, 32});
    expect_shape(graph, "encoder1_relu", 4, (long[]){64, 64, 32, 32});
    expect_shape(graph, "fc1_forward", 4, (long[]){64, 64, 1, 1});
    expect_shape(graph, "gru0_input_projection", 4, (long[]){64, 100, 3, 1});
    expect_shape(graph, "gru0_hidden_projection", 4, (long[]){64, 100, 3, 1});
    expect_shape(graph, "gru0_cell", 4, (long[]){64, 100, 1, 1});
    expect_shape(graph, "fc3_forward", 4, (long[]){64, 512, 4, 4});
    expect_shape(graph, "decoder0_conv_transpose_forward", 4, (long[]){64, 256, 8, 8});
    expect_shape(graph, "decoder4_tanh", 4, (long[]){64, 1, 64, 64});
    expect_shape(graph, "encoder1_conv_weight_grad", 4, (long[]){64, 32, 3, 3});
    expect_shape(graph, "encoder1_conv_data_grad", 4, (long[]){64, 32, 64, 64});
    expect_shape(graph, "encoder1_batch_norm_grad_sums", 4, (long[]){1, 64, 2, 1});
    expect_shape(graph, "encoder1_batch_norm_grad", 4, (long[]){64, 64, 32, 32});
    expect_shape(graph, "encoder1_relu_grad", 4, (long[]){64, 64, 32, 32});
    expect_shape(graph, "fc1_weight_grad", 6, (long[]){64, 1, 1, 512, 4, 4});
    expect_shape(graph, "fc3_bias_grad", 4, (long[]){1, 512, 4, 4});
    expect_shape(graph, "gru0_hidden_projection_weight_grad", 6, (long[]){100, 3, 1, 100, 1, 1});
    expect_shape(graph, "decoder0_conv_transpose_data_grad", 4, (long[]){64, 512, 4, 4});
    ck_assert_ptr_null(find_node(graph, "encoder0_conv_data_grad")); /* the gradient of x is not needed */
}
END_TEST

START_TEST(a_reverse_scan_holds_only_what_must_run_step_by_step) {
    static const Operation body[] = {OP_CARRY, OP_ADD, OP_GRU_CELL_GRAD, OP_RESULT, OP_RESULT, OP_LINEAR_DATA_GRAD, OP_ADD};
    Graph *graph = build_graph(gru_ae_spec(), true);
    differentiate_spec(graph);
    ck_assert_int_eq(graph->scan_count, 2);
    int first = 0, count = 0;
    while (!graph->node[first]->scan || !graph->node[first]->scan->reverse) first++;
    while (graph->node[first + count]->scan) count++;
    ck_assert_int_eq(count, (int)(sizeof body / sizeof *body));
    for (int i = 0; i < count; i++) ck_assert_int_eq(graph->node[first + i]->op, body[i]);
    const Node *carry = graph->node[first], *weight_gradient = find_node(graph, "gru0_hidden_projection_weight_grad");
    ck_assert_ptr_eq(carry->input[1], graph->node[first + count - 1]);
    ck_assert_ptr_null(carry->input[0]);
    ck_assert_ptr_null(weight_gradient->scan); /* batched over all steps: reads the stacked values of the carry h */
    ck_assert_str_eq(weight_gradient->input[1]->name, "gru0_carry");
    ck_assert_int_gt(weight_gradient->id, carry->input[1]->id);
}
END_TEST

START_TEST(a_dump_shows_operations_with_their_parameters_and_gradients) {
    Graph *graph = build_graph(gru_ae_spec(), true);
    differentiate_spec(graph);
    char *bytes;
    size_t length;
    FILE *out = open_memstream(&bytes, &length);
    print_graph(out, graph, true);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(bytes, ", encoder.3.weight) stride 2 padding 1 "));
    ck_assert_ptr_nonnull(strstr(bytes, "→ grad encoder.3.weight"));
    ck_assert_ptr_nonnull(strstr(bytes, "scan 1: 4 steps, the last one first\n"));
    ck_assert_ptr_nonnull(strstr(bytes, "4537480 trained parameters"));
    free(bytes);
}
END_TEST

/* Broken graphs of every kind are refused. */
START_TEST(a_broken_graph_is_refused) {
    Graph *graph = build_graph(gru_ae_spec(), true);
    differentiate_spec(graph);
    Node *node = (Node *)find_node(graph, _i < 4 ? "encoder1_conv_forward" : "gru0_hidden_projection");
    switch (_i) {
    case 0:
        node->shape[1]++;
        break;
    case 1:
        node->input_count = 1;
        break;
    case 2:
        node->name = "encoder 1";
        break;
    case 3:
        node->input[0] = named_node(graph, ROLE_LOSS, "loss");
        break;
    case 4:
        node->scan = NULL;
        break;
    default:
        node->input[0]->input[1] = node;
        break;
    }
    freopen("/dev/null", "w", stderr); /* the message is expected */
    verify_graph(graph);
}
END_TEST

/* ---- values ---- */

START_TEST(batch_norm_uses_biased_variance_and_keeps_the_unbiased) {
    Spec spec = *sample_spec(5);
    spec.T = 4, spec.height = spec.width = 1;
    Graph *graph = build_graph(&spec, true);
    double **values = sample_values(graph, 0);
    const Parameter *weight = find_parameter(graph, "encoder.0.weight"), *bias = find_parameter(graph, "encoder.0.bias");
    for (int i = 0; i < 4; i++) values[named_node(graph, ROLE_INPUT, "x")->id][i] = i + 1;
    values[weight->node->id][0] = 1, values[bias->node->id][0] = 0;
    values[find_parameter(graph, "encoder.1.weight")->node->id][0] = 3;
    evaluate_graph(graph, values);
    const double *stats = values[find_node(graph, "encoder0_batch_norm_statistics")->id];
    ck_assert_double_eq_tol(stats[0], 2.5, 1e-12);
    ck_assert_double_eq_tol(stats[1], 1 / sqrt(1.25 + 1e-5), 1e-12);
    ck_assert_double_eq_tol(stats[2], 3 / sqrt(1.25 + 1e-5), 1e-12);
    ck_assert_double_eq_tol(values[find_parameter(graph, "encoder.1.running_mean")->node->id][0], 0.25, 1e-12);
    ck_assert_double_eq_tol(values[find_parameter(graph, "encoder.1.running_var")->node->id][0], 0.9 + 0.1 * 5 / 3, 1e-12);
}
END_TEST

/* Row b·T + t of a carry is the result of the step before, row b·T + t − 1 (+ 1 in reverse). At the start, it is row l·B + b of h0. */
START_TEST(carries_hold_the_step_before_and_start_from_their_layers_rows) {
    const Spec *spec = sample_spec(4);
    const long T = spec->T, B = spec->training.batch, size = spec->hidden;
    Graph *graph = build_graph(spec, true);
    differentiate_spec(graph);
    double **values = sample_values(graph, 3);
    evaluate_graph(graph, values);
    for (long i = 0; i < 2 * B * T * size; i++) {
        const long layer = i / (B * T * size), b = i / (T * size) % B, t = i / size % T, unit = i % size, row = b * T + t;
        const Node *carry = find_node(graph, layer ? "gru1_carry" : "gru0_carry");
        const Node *reverse = find_node(graph, layer ? "gru1_carry_grad" : "gru0_carry_grad");
        const double initial = values[named_node(graph, ROLE_INPUT, "h0")->id][(layer * B + b) * size + unit];
        const double expected = t == 0 ? initial : values[carry->input[1]->id][(row - 1) * size + unit];
        const double expected_reverse = t == T - 1 ? 0 : values[reverse->input[1]->id][(row + 1) * size + unit];
        ck_assert_double_eq(values[carry->id][row * size + unit], expected);
        ck_assert_double_eq(values[reverse->id][row * size + unit], expected_reverse);
    }
}
END_TEST

static double dot(const double *a, const double *b, long count) {
    double sum = 0;
    for (long i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* ⟨conv(x, w), s⟩ = ⟨x, conv_transpose(s, w)⟩ = ⟨w, weight_grad(s, x)⟩, also if the stride skips rows of x. */
START_TEST(convolution_and_transposed_convolution_are_adjoint) {
    const long kernel = _i + 1;
    for (long stride = 1; stride <= 4; stride++)
        for (long padding = 0; padding <= 3; padding++)
            for (long height = kernel; height < kernel + 5; height++) {
                Graph *graph = NEW(Graph);
                const long width = 2 * kernel + 3, other = (kernel + 2) % 7 + 1; /* rectangular: kernel × other */
                Node *x = sample_input(graph, "x", (long[]){2, 2, height, width});
                Node *w = sample_input(graph, "w", (long[]){3, 2, kernel, minimum(other, width)});
                Node conv = {.op = OP_CONV2D,
                             .name = "conv",
                             .input_count = 2,
                             .input = {x, w},
                             .stride = {stride, 5 - stride},
                             .padding = {padding, 3 - padding}};
                Node *y = append_node(graph, conv);
                Node *s = sample_input(graph, "s", y->shape);
                Node back = {.op = OP_CONV_TRANSPOSE2D, .name = "back", .input_count = 2, .input = {s, w}};
                Node weight = {.op = OP_CONV2D_WEIGHT_GRAD, .name = "weight", .input_count = 2, .input = {s, x}};
                for (int d = 0; d < 2; d++) {
                    back.stride[d] = weight.stride[d] = y->stride[d];
                    back.padding[d] = weight.padding[d] = y->padding[d];
                    back.output_padding[d] = (x->shape[2 + d] + 2 * y->padding[d] - y->kernel[d]) % y->stride[d];
                    weight.kernel[d] = y->kernel[d];
                }
                Node *dx = append_node(graph, back), *dw = append_node(graph, weight);
                verify_graph(graph);
                double **v = sample_values(graph, (uint64_t)height);
                evaluate_graph(graph, v);
                const double product = dot(v[y->id], v[s->id], count_elements(y));
                ck_assert_double_eq_tol(product, dot(v[x->id], v[dx->id], count_elements(x)), 1e-11);
                ck_assert_double_eq_tol(product, dot(v[w->id], v[dw->id], count_elements(w)), 1e-11);
            }
}
END_TEST

/* ---- finite differences ---- */

static double loss_at(const Graph *graph, double **start, int parameter, long element, double change) {
    double **values = NEW_ARRAY(double *, graph->node_count);
    for (int i = 0; i < graph->node_count; i++)
        if (start[i])
            memcpy(values[i] = NEW_ARRAY(double, count_elements(graph->node[i])), start[i],
                   sizeof(double) * (size_t)count_elements(graph->node[i]));
    values[parameter][element] += change;
    evaluate_graph(graph, values);
    return values[named_node(graph, ROLE_LOSS, "loss")->id][0];
}

/* Compares the gradients of `graph` with central differences of its loss. With a step of 1e-5, the error from the third derivative and the
 * rounding of the loss are about 1e-11. The tolerance leaves a factor of a thousand for steep places, and finds any wrong term. */
static void expect_gradients(const Graph *undifferentiated, Graph *graph, uint64_t seed) {
    const double step = 1e-5;
    differentiate_spec(graph);
    verify_graph(graph);
    double **start = sample_values(undifferentiated, seed), **values = sample_values(graph, seed);
    evaluate_graph(graph, values);
    for (int p = 0; p < graph->parameter_count; p++) {
        const Parameter *parameter = graph->parameter[p];
        if (!parameter->trained) continue;
        const double *gradient = values[parameter->gradient->id];
        for (long i = 0; i < parameter->count; i += 1 + parameter->count / 16) {
            const int id = parameter->node->id;
            const double slope =
                (loss_at(undifferentiated, start, id, i, step) - loss_at(undifferentiated, start, id, i, -step)) / (2 * step);
            ck_assert_msg(fabs(slope - gradient[i]) <= 1e-8 + 1e-6 * fabs(slope), "%s[%ld]: gradient %.12g, differences %.12g",
                          parameter->name, i, gradient[i], slope);
        }
    }
}

/* With these seeds, no value is within a step of the kink of a ReLU or of |y − x|. */
START_TEST(gradients_are_what_finite_differences_say) {
    expect_gradients(build_graph(sample_spec(_i), true), build_graph(sample_spec(_i), true), (uint64_t)_i + 2);
}
END_TEST

/* A recurrence other than a GRU, with two carries. One is the other, a step late. The body's output passes through an activation that the
 * loop's gradient does not need. a′ = tanh(W a + V b + u), b′ = a; loss: of sigmoid(a′). */
static Graph *second_order_recurrence(void) {
    Graph *graph = NEW(Graph);
    graph->training = true;
    const long rows[4] = {6, 3, 1, 1}, matrix[6] = {3, 1, 1, 3, 1, 1}, start[4] = {2, 3, 1, 1};
    Node *target = sample_input(graph, "target", rows), *initial = sample_input(graph, "initial", start);
    Node *u = sample_parameter(graph, "u", 4, rows);
    Node *w = sample_parameter(graph, "w", 6, matrix), *v = sample_parameter(graph, "v", 6, matrix);
    Scan *scan = add_scan(graph, 3, false);
    Node carry = {.op = OP_CARRY, .name = "a", .input_count = 2, .input = {initial}, .rank = 4, .shape = {6, 3, 1, 1}, .scan = scan};
    Node *a = append_node(graph, carry);
    carry.name = "b", carry.input[0] = NULL;
    Node *b = append_node(graph, carry);
    Node *wa = add_node(graph, OP_LINEAR, "wa", scan, 2, (Node *[]){a, w});
    Node *vb = add_node(graph, OP_LINEAR, "vb", scan, 2, (Node *[]){b, v});
    Node *sum = add_node(graph, OP_ADD, "sum", scan, 2, (Node *[]){wa, vb});
    Node *all = add_node(graph, OP_ADD, "all", scan, 2, (Node *[]){sum, u});
    Node *next = add_node(graph, OP_TANH, "next", scan, 1, (Node *[]){all});
    Node *seen = add_node(graph, OP_SIGMOID, "seen", scan, 1, (Node *[]){next});
    a->input[1] = next, b->input[1] = a;
    Node *twice = add_node(graph, OP_ADD, "twice", NULL, 2, (Node *[]){seen, seen});
    name_node(graph, ROLE_LOSS, "loss", add_node(graph, OP_MSE, "loss", NULL, 2, (Node *[]){twice, target}));
    return graph;
}

START_TEST(the_scan_s_gradient_holds_for_any_recurrence) {
    Graph *graph = second_order_recurrence();
    expect_gradients(second_order_recurrence(), graph, 1);
    ck_assert_ptr_null(find_node(graph, "seen_grad")->scan); /* before the loop, batched */
    ck_assert_ptr_null(find_node(graph, "wa_weight_grad")->scan);
}
END_TEST

Suite *graph_suite(void) {
    Suite *suite = suite_create("graph");
    TCase *structure = tcase_create("structure"), *values = tcase_create("values");
    tcase_set_timeout(values, 60);
    tcase_add_loop_test(structure, every_sample_passes_the_checks_before_and_after_differentiation, 0, SAMPLE_SPECS + 1);
    tcase_add_test(structure, gru_ae_has_the_parameters_of_pytorch_in_its_order);
    tcase_add_test(structure, parameters_have_pytorchs_shapes_and_initial_bounds);
    tcase_add_loop_test(structure, strides_reach_every_element_of_a_parameter_once, 0, SAMPLE_SPECS);
    tcase_add_test(structure, gates_and_features_lie_where_pytorch_has_them);
    tcase_add_test(structure, kernels_are_named_after_the_spec_and_have_its_shapes);
    tcase_add_test(structure, a_reverse_scan_holds_only_what_must_run_step_by_step);
    tcase_add_test(structure, a_dump_shows_operations_with_their_parameters_and_gradients);
    tcase_add_loop_test_raise_signal(structure, a_broken_graph_is_refused, SIGABRT, 0, 6);
    tcase_add_test(values, batch_norm_uses_biased_variance_and_keeps_the_unbiased);
    tcase_add_test(values, carries_hold_the_step_before_and_start_from_their_layers_rows);
    tcase_add_loop_test(values, convolution_and_transposed_convolution_are_adjoint, 0, 7);
    tcase_add_loop_test(values, gradients_are_what_finite_differences_say, 0, SAMPLE_SPECS);
    tcase_add_test(values, the_scan_s_gradient_holds_for_any_recurrence);
    suite_add_tcase(suite, structure);
    suite_add_tcase(suite, values);
    return suite;
}
