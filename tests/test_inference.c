/* test_inference.c: folding batch norm into convolutions, and the file of packed weights. */
#include "../compiler/inference.h"
#include "../runtime/safetensors.h"
#include "sample_graphs.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *inference_suite(void);

/* Values of a graph's parameters, in PyTorch's order; variances are positive. */
static float **draw_parameters(const Graph *graph) {
    float **values = NEW_ARRAY(float *, graph->parameter_count);
    for (int p = 0; p < graph->parameter_count; p++) {
        const Parameter *parameter = graph->parameter[p];
        const bool variance = strstr(parameter->name, "running_var") != NULL;
        values[p] = NEW_ARRAY(float, parameter->count);
        for (long i = 0; i < parameter->count; i++) {
            const double value = sample_value(1, 1000 * p + i);
            values[p][i] = (float)(variance ? 0.3 + value * value : parameter->rank > 1 ? 0.3 * value : value);
        }
    }
    return values;
}

static const char *save_parameters(const Graph *graph, float **values) {
    char *path = format("%s/zoetrope_inference_%d.safetensors", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    FileTensor *tensor = NEW_ARRAY(FileTensor, graph->parameter_count);
    for (int p = 0; p < graph->parameter_count; p++) {
        const Parameter *parameter = graph->parameter[p];
        int64_t shape[MAX_DIMENSIONS];
        for (int d = 0; d < parameter->rank; d++) shape[d] = parameter->shape[d];
        tensor[p] = tensor_make(parameter->name, TENSOR_F32, parameter->rank, shape, values[p]);
    }
    Error error;
    ck_assert_msg(tensor_file_write(path, tensor, graph->parameter_count, NULL, 0, &error), "%s", error.text);
    return path;
}

/* From PyTorch's order to the node's. */
static double *node_values(const Parameter *parameter, const float *values) {
    const Node *node = parameter->node;
    double *ordered = NEW_ARRAY(double, parameter->count);
    for (long i = 0; i < parameter->count; i++) {
        long from = 0, rest = i;
        for (int d = node->rank - 1; d >= 0; d--) {
            from += rest % node->shape[d] * parameter->stride[d];
            rest /= node->shape[d];
        }
        ordered[i] = (double)values[from];
    }
    return ordered;
}

static void draw_inputs(const Graph *graph, double **values) {
    const Node *const inputs[2] = {graph->x, graph->h0};
    for (int k = 0; k < 2; k++) {
        if (!inputs[k]) continue;
        const long count = count_elements(inputs[k]);
        values[inputs[k]->id] = NEW_ARRAY(double, count);
        for (long i = 0; i < count; i++) values[inputs[k]->id][i] = sample_value(2 + (uint64_t)k, i);
    }
}

START_TEST(folding_batch_norm_changes_no_value) {
    const Graph *graph = build_graph(sample_spec(_i), false);
    Graph *folded = fold_batch_norm(graph);
    verify_graph(folded);
    for (int i = 0; i < folded->node_count; i++) {
        ck_assert_int_ne(folded->node[i]->op, OP_BATCH_NORM);
        ck_assert_int_ne(folded->node[i]->op, OP_STATE);
    }
    float **drawn = draw_parameters(graph);
    const char *path = save_parameters(graph, drawn);
    double **parameters = read_parameters(folded, path), **before = NEW_ARRAY(double *, graph->node_count),
           **after = NEW_ARRAY(double *, folded->node_count);
    ck_assert(parameters != NULL);
    unlink(path);
    for (int p = 0; p < graph->parameter_count; p++) before[graph->parameter[p]->node->id] = node_values(graph->parameter[p], drawn[p]);
    for (int p = 0; p < folded->parameter_count; p++) after[folded->parameter[p]->node->id] = parameters[p];
    draw_inputs(graph, before);
    draw_inputs(folded, after);
    evaluate_graph(graph, before);
    evaluate_graph(folded, after);
    const double *y = before[graph->reconstruction->id], *z = after[folded->reconstruction->id];
    double largest = 0;
    const long count = count_elements(graph->reconstruction);
    for (long i = 0; i < count; i++) largest = fmax(largest, fabs(y[i]));
    /* folded values are rounded to float once: some 6e-8 of each, through a dozen layers */
    for (long i = 0; i < count; i++)
        ck_assert_msg(fabs(y[i] - z[i]) <= 1e-5 * largest, "element %ld: %.9g before, %.9g after", i, y[i], z[i]);
}
END_TEST

START_TEST(weights_of_another_spec_are_refused) {
    const Graph *graph = build_graph(sample_spec(0), false);
    Graph *other = fold_batch_norm(build_graph(gru_ae_spec(), false));
    const char *path = save_parameters(graph, draw_parameters(graph));
    ck_assert(freopen("/dev/null", "w", stderr) != NULL);
    ck_assert(read_parameters(other, path) == NULL);
    unlink(path);
    ck_assert(read_parameters(other, path) == NULL);
}
END_TEST

START_TEST(the_file_has_each_weight_once_for_each_layout_in_either_byte_order) {
    const Target *const wanted[4] = {find_target("avx512"), find_target("avx2"), find_target("neon"), find_target("generic")};
    Inference *inference = compile_inference(sample_spec(_i), wanted, 4);
    const Graph *graph = build_graph(sample_spec(_i), false);
    const char *path = save_parameters(graph, draw_parameters(graph));
    double **parameters = read_parameters(inference->frame, path);
    unlink(path);
    const Golden *golden = compute_golden(inference, parameters);
    const Bytes little = pack_weights(inference, parameters, golden, false), big = pack_weights(inference, parameters, golden, true);
    ck_assert_uint_eq(little.length, big.length);
    ck_assert_int_eq(memcmp(little.start, "zoetrope\4\3\2\1", 12), 0);
    ck_assert_int_eq(memcmp(big.start, "zoetrope\1\2\3\4", 12), 0);
    int sections = 1; /* what is golden */
    for (int i = 0; i < 4; i++) {
        bool known = false;
        for (int k = 0; k < i; k++) known = known || inference->code[k]->layout == inference->code[i]->layout;
        sections += !known;
    }
    ck_assert_int_eq(little.start[28], sections);
    ck_assert(inference->code[2]->layout == inference->code[3]->layout); /* neon and generic have the same lanes */
    double sum = 0, packed = 0;
    for (int p = 0; p < inference->frame->parameter_count; p++)
        for (long i = 0; i < inference->frame->parameter[p]->count; i++) sum += fabs(parameters[p][i]);
    uint64_t offset = 0, length = 0;
    for (int i = 7; i >= 0; i--) {
        offset = offset << 8 | little.start[64 + 16 + i];
        length = length << 8 | little.start[64 + 24 + i];
    }
    ck_assert_uint_eq(offset % 64, 0);
    for (uint64_t at = offset; at < offset + length; at += 4) {
        float value;
        memcpy(&value, little.start + at, 4);
        packed += fabs((double)value);
        for (int k = 0; k < 4; k++) ck_assert_int_eq(little.start[at + (uint64_t)k], big.start[at + 3 - (uint64_t)k]);
    }
    ck_assert_double_le(fabs(packed - sum), 1e-9 * sum);
}
END_TEST

Suite *inference_suite(void) {
    Suite *suite = suite_create("inference");
    TCase *test_case = tcase_create("inference");
    tcase_add_loop_test(test_case, folding_batch_norm_changes_no_value, 0, SAMPLE_SPECS);
    tcase_add_test(test_case, weights_of_another_spec_are_refused);
    tcase_add_loop_test(test_case, the_file_has_each_weight_once_for_each_layout_in_either_byte_order, 0, SAMPLE_SPECS);
    tcase_set_timeout(test_case, 60);
    suite_add_tcase(suite, test_case);
    return suite;
}
