/* test_inference.c: folding batch norm into convolutions, and the file of packed weights. */
#include "../compiler/bundle/inference.h"
#include "../compiler/bundle/weights.h"
#include "../compiler/bundle/weights_file.h"
#include "../compiler/graph/fold.h"
#include "../compiler/loop/loop_tree.h"
#include "../runtime/weights/safetensors.h"
#include "lowered.h"
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
    const Node *const inputs[2] = {named_node(graph, ROLE_INPUT, "x"), named_node(graph, ROLE_INPUT, "h0")};
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
    const Node *made = named_node(graph, ROLE_OUTPUT, "reconstruction");
    const double *y = before[made->id], *z = after[named_node(folded, ROLE_OUTPUT, "reconstruction")->id];
    double largest = 0;
    const long count = count_elements(made);
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

/* In any tensor of the state_dict. Folding would hide a variance below zero, or spread it. */
START_TEST(weights_that_are_no_numbers_are_refused) {
    const Graph *graph = build_graph(sample_spec(0), false);
    Graph *folded = fold_batch_norm(graph);
    float **drawn = draw_parameters(graph);
    bool variance = false;
    ck_assert(freopen("/dev/null", "w", stderr) != NULL);
    for (int p = 0; p < graph->parameter_count; p++) {
        const bool is_variance = strstr(graph->parameter[p]->name, "running_var") != NULL;
        const float before = drawn[p][0], bad[] = {NAN, INFINITY, is_variance ? -1e-6F : -INFINITY};
        variance |= is_variance;
        for (int k = 0; k < 3; k++) {
            drawn[p][0] = bad[k];
            ck_assert_msg(read_parameters(folded, save_parameters(graph, drawn)) == NULL, "%s", graph->parameter[p]->name);
        }
        drawn[p][0] = before;
    }
    const char *path = save_parameters(graph, drawn);
    ck_assert(variance && read_parameters(folded, path) != NULL);
    unlink(path);
}
END_TEST

START_TEST(the_file_has_each_weight_once_for_each_layout_in_either_byte_order) {
    const Target *const wanted[4] = {find_target("avx512"), find_target("avx2"), find_target("neon"), find_target("generic")};
    Inference *inference = compile_inference(sample_spec(_i), PRECISION_F32, RECURRENCE_WINDOW, wanted, 4, 2);
    const Graph *graph = build_graph(sample_spec(_i), false);
    const char *path = save_parameters(graph, draw_parameters(graph));
    double **parameters = read_parameters(inference->frame, path);
    unlink(path);
    const Golden *const golden[2] = {compute_golden(inference, parameters, NULL), NULL};
    double **scales;
    ck_assert(round_parameters(inference->frame, PRECISION_F32, parameters, &scales));
    const Bytes little = pack_weights(inference, parameters, scales, golden, false),
                big = pack_weights(inference, parameters, scales, golden, true);
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

/* ---- weights smaller than floats ---- */

static double **drawn_parameters(const Graph *folded, const Spec *spec) {
    const Graph *graph = build_graph(spec, false);
    const char *path = save_parameters(graph, draw_parameters(graph));
    double **parameters = read_parameters(folded, path);
    unlink(path);
    ck_assert(parameters != NULL);
    return parameters;
}

static double **sample_parameters(const Graph *folded, int sample) {
    return drawn_parameters(folded, sample_spec(sample));
}

/* The output that a weight's element belongs to, by PyTorch's shapes: [out, in, u, v], transposed [in, out, u, v], or [out, in] for a
 * matrix, whose node has each side as channels, height and width. */
static long output_by_shape(const Parameter *parameter, long i) {
    const long *shape = parameter->node->shape;
    if (parameter->node->rank == 6) return i / (shape[3] * shape[4] * shape[5]);
    const long taps = shape[2] * shape[3];
    return parameter->node->reader[0]->op == OP_CONV_TRANSPOSE2D ? i / taps % shape[1] : i / (shape[1] * taps);
}

/* The nearest of all integers, ties to even, found by trying each. */
static double nearest_by_trying(double value, double scale) {
    double best = 0;
    for (int q = -127; q <= 127; q++) {
        const double apart = fabs(q * scale - value), least = fabs(best * scale - value);
        if (apart < least || (apart == least && q % 2 == 0)) best = q;
    }
    return best;
}

START_TEST(bytes_are_the_nearest_multiples_of_each_outputs_scale) {
    const Graph *graph = fold_batch_norm(build_graph(sample_spec(_i), false));
    double **before = sample_parameters(graph, _i), **after = sample_parameters(graph, _i), **scales;
    ck_assert(round_parameters(graph, PRECISION_INT8, after, &scales));
    for (int p = 0; p < graph->parameter_count; p++) {
        const Parameter *parameter = graph->parameter[p];
        ck_assert_int_eq(scales[p] != NULL, parameter->rank > 1);
        if (parameter->rank == 1) ck_assert_int_eq(memcmp(before[p], after[p], sizeof(double) * (size_t)parameter->count), 0);
        double *most = NEW_ARRAY(double, parameter->count);
        for (long i = 0; scales[p] && i < parameter->count; i++) {
            const long k = output_by_shape(parameter, i);
            most[k] = fmax(most[k], fabs(before[p][i]));
        }
        for (long i = 0; scales[p] && i < parameter->count; i++) {
            const double scale = scales[p][output_by_shape(parameter, i)];
            ck_assert_double_eq(scale, (double)(float)(most[output_by_shape(parameter, i)] / 127));
            ck_assert_double_eq(after[p][i], scale * nearest_by_trying(before[p][i], scale));
        }
    }
}
END_TEST

START_TEST(a_value_that_the_precision_cannot_hold_is_refused) {
    const Graph *graph = fold_batch_norm(build_graph(sample_spec(0), false));
    static const struct {
        Precision precision;
        double value;
        bool good;
    } cases[] = {{PRECISION_F16, 65519, true},       {PRECISION_F16, -65520, false},   {PRECISION_BF16, 65520, true},
                 {PRECISION_BF16, 3.4e38, false},    {PRECISION_INT8, 3.4e38, true},   {PRECISION_INT8, NAN, false},
                 {PRECISION_BF16, -INFINITY, false}, {PRECISION_F32, INFINITY, false}, {PRECISION_F32, 3.4e38, true}};
    int weight = 0, bias = 0;
    while (graph->parameter[weight]->rank == 1) weight++;
    while (graph->parameter[bias]->rank > 1) bias++;
    ck_assert(freopen("/dev/null", "w", stderr) != NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double **parameters = sample_parameters(graph, 0), **scales;
        parameters[weight][1] = cases[i].value;
        ck_assert_int_eq(round_parameters(graph, cases[i].precision, parameters, &scales), cases[i].good);
        parameters = sample_parameters(graph, 0); /* a bias is float32 whatever the precision */
        parameters[bias][1] = cases[i].value;
        ck_assert_int_eq(round_parameters(graph, cases[i].precision, parameters, &scales), isfinite(cases[i].value));
    }
}
END_TEST

/* Each weight is finite, but the results are not. */
START_TEST(weights_that_make_no_numbers_are_noticed) {
    const Spec *spec = sample_spec(0);
    const Target *const target = find_target("generic");
    Inference *inference = compile_inference(spec, PRECISION_F32, RECURRENCE_WINDOW, &target, 1, 2);
    double **parameters = sample_parameters(inference->frame, 0);
    ck_assert(golden_finite(compute_golden(inference, parameters, NULL)));
    for (int p = 0; p < inference->frame->parameter_count; p++)
        for (long i = 0; i < inference->frame->parameter[p]->count; i++) parameters[p][i] = 3e38;
    ck_assert(!golden_finite(compute_golden(inference, parameters, NULL)));
}
END_TEST

/* The last frame of a clip in double precision, from the graph of whole clips. The frames of `golden` take turns; the clip ends with
 * frame `last`. */
static double *last_of_clip(const Inference *inference, double *const *parameters, const Golden *golden, long last) {
    const Graph *graph = inference->clip;
    const long T = inference->spec->T, elements = inference->frame_elements;
    double **values = NEW_ARRAY(double *, graph->node_count);
    for (int p = 0; p < graph->parameter_count; p++) values[graph->parameter[p]->node->id] = parameters[p];
    const Node *h0 = named_node(graph, ROLE_INPUT, "h0");
    double *const x = values[named_node(graph, ROLE_INPUT, "x")->id] = NEW_ARRAY(double, T *elements);
    for (long i = 0; i < T * elements; i++)
        x[i] = (double)golden->x[(last - T + 1 + i / elements) % GOLDEN_FRAMES * elements + i % elements];
    if (h0) values[h0->id] = NEW_ARRAY(double, inference->h0_elements);
    for (long i = 0; h0 && i < inference->h0_elements; i++) values[h0->id][i] = (double)golden->h0[i];
    evaluate_graph(graph, values);
    return values[named_node(graph, ROLE_OUTPUT, "reconstruction")->id] + (T - 1) * elements;
}

/* With a window, the self-test expects of a stream what clips give. With a carried state, it expects something else. */
START_TEST(what_is_expected_of_a_stream_is_its_recurrence) {
    const Spec *spec = _i < SAMPLE_SPECS ? sample_spec(_i) : read_spec("tests/fixtures/parity_small.yaml", stderr);
    const Target *const target = find_target("generic");
    double largest[RECURRENCES] = {0};
    for (int r = 0; r < RECURRENCES; r++) {
        Inference *inference = compile_inference(spec, PRECISION_F32, (Recurrence)r, &target, 1, 2);
        double **parameters = drawn_parameters(inference->frame, spec);
        const Golden *golden = compute_golden(inference, parameters, NULL);
        for (long frame = 0; frame < GOLDEN_FRAMES; frame++) {
            const double *clip = last_of_clip(inference, parameters, golden, golden_first(spec) + frame);
            const float *stream = golden->reconstruction + frame * inference->frame_elements;
            for (long i = 0; i < inference->frame_elements; i++) largest[r] = fmax(largest[r], fabs(clip[i] - (double)stream[i]));
        }
        ck_assert_int_eq(has_window(inference), spec->hidden && r == RECURRENCE_WINDOW);
        ck_assert_int_eq(inference->runs, has_window(inference) ? spec->T : 1);
        const Golden *const files[2] = {golden, NULL};
        double **scales;
        ck_assert(round_parameters(inference->frame, PRECISION_F32, parameters, &scales));
        const Bytes bytes = pack_weights(inference, parameters, scales, files, false);
        ck_assert_int_eq(bytes.start[48], spec->hidden ? r : RECURRENCE_WINDOW);
    }
    ck_assert_double_le(largest[RECURRENCE_WINDOW], 1e-6); /* rounded to float once */
    if (_i == SAMPLE_SPECS)
        ck_assert_double_gt(largest[RECURRENCE_CARRIED], 1e-4); /* the decoders of the samples hardly depend on the state */
}
END_TEST

static uint64_t number_at(const Bytes *file, size_t at, int width) {
    uint64_t number = 0;
    while (width-- > 0) number = number << 8 | file->start[at + (size_t)width];
    return number;
}

static size_t section_of(const Bytes *file, const InferenceCode *code) {
    for (size_t k = 0; k < number_at(file, 28, 4); k++) {
        const size_t entry = 64 + 64 * k;
        if (number_at(file, entry, 4) != 1 || number_at(file, entry + 8, 8) != code->layout) continue;
        ck_assert_int_eq((int)number_at(file, entry + 4, 4), code->format);
        return (size_t)number_at(file, entry + 16, 8);
    }
    ck_abort_msg("no section for %s", code->base.target->name);
}

/* For a weight in pairs whose element is the second of a pair, the index becomes that of the pair. */
static bool is_second(const Buffer *weight, const Node *node, long *index) {
    const int in = node->reader[0]->op == OP_CONV_TRANSPOSE2D ? 0 : 1;
    if (value_type(weight->type) != TYPE_PAIR || index[in] < weight->shape[in]) return false;
    index[in] -= weight->shape[in];
    return true;
}

/* Each element of the file, at its place in the layout, is the rounded weight to the bit. Both byte orders have the same numbers. */
static void compare_file(const Inference *inference, const InferenceCode *code, const Bytes files[2], double *const *parameters,
                         double *const *scales) {
    const size_t section = section_of(&files[0], code);
    for (int p = 0; p < inference->frame->parameter_count; p++) {
        const Parameter *parameter = inference->frame->parameter[p];
        const Buffer *weight = code->weight[p];
        const size_t start = section + (size_t)((const Tensor *)weight->owner)->offset, size = (size_t)type_size(weight->type);
        for (long i = 0; i < parameter->count; i++) {
            long index[MAX_RANK] = {0}, rest = i;
            for (int d = parameter->node->rank - 1; d >= 0; d--) {
                index[d] = rest % parameter->node->shape[d];
                rest /= parameter->node->shape[d];
            }
            const size_t half = is_second(weight, parameter->node, index) ? size / 2 : 0;
            const size_t at = start + size * (size_t)layout_offset(&weight->layout, index);
            const Type type = weight->type == TYPE_PAIR ? TYPE_BF16 : weight->type == TYPE_I8_PAIR ? TYPE_I8 : weight->type;
            const double scale = scales[p] ? scales[p][output_by_shape(parameter, i)] : 1;
            const double value = parameter->rank > 1 ? parameters[p][i] : (double)(float)parameters[p][i];
            ck_assert_double_eq(element_value(type, files[0].start + at + half, 0) * scale, value);
            for (size_t k = 0; k < size; k++) ck_assert_int_eq(files[0].start[at + k], files[1].start[at + size - 1 - k]);
        }
    }
}

START_TEST(files_of_each_precision_hold_the_rounded_weights_and_say_so) {
    const Precision precision = (Precision)(_i % PRECISIONS);
    const int sample = _i / PRECISIONS; /* after the samples, a spec with enough channels for pairs */
    const Spec *spec = sample < SAMPLE_SPECS ? sample_spec(sample) : read_spec("tests/fixtures/parity_small.yaml", stderr);
    const Target *const wanted[3] = {find_target("avx512"), find_target("generic"), find_target("avx512_bf16")};
    Inference *inference = compile_inference(spec, precision, RECURRENCE_WINDOW, wanted, precision_has_pairs(precision) ? 3 : 2, 2);
    double **parameters = drawn_parameters(inference->frame, spec), **scales;
    ck_assert(round_parameters(inference->frame, precision, parameters, &scales));
    const Golden *const golden[2] = {compute_golden(inference, parameters, NULL), NULL};
    const Bytes files[2] = {pack_weights(inference, parameters, scales, golden, false),
                            pack_weights(inference, parameters, scales, golden, true)};
    ck_assert_uint_eq(number_at(&files[0], 24, 4), precision);
    int paired = 0;
    for (int i = 0; i < inference->code_count; i++) {
        const InferenceCode *code = inference->code[i];
        compare_file(inference, code, files, parameters, scales);
        ck_assert(code->format == (int)precision || (format_has_pairs(code->format) && code->base.target->pairs));
        paired += format_has_pairs(code->format);
    }
    if (sample == SAMPLE_SPECS) ck_assert_int_eq(paired, precision_has_pairs(precision));
}
END_TEST

/* A phase of a strided transposed convolution reads some taps of all channels. These are contiguous in memory. */
START_TEST(weights_of_a_phase_lie_on_end) {
    const Precision precision = (Precision)_i;
    const Target *const target = find_target(precision_has_pairs(precision) ? "avx512_bf16" : "avx512");
    Spec spec = *gru_ae_spec();
    Layer decoder[8];
    memcpy(decoder, spec.decoder, sizeof(Layer) * (size_t)spec.decoder_count);
    for (int d = 0; d < 2; d++) decoder[0].kernel[d] = 5, decoder[0].padding[d] = 2; /* for so few pixels, filtering does not pay */
    spec.decoder = decoder;
    const Inference *inference = compile_inference(&spec, precision, RECURRENCE_WINDOW, &target, 1, 2);
    const InferenceCode *code = inference->code[0];
    int direct = 0;
    for (int p = 0; p < inference->frame->parameter_count; p++) {
        const Node *weight = inference->frame->parameter[p]->node, *reader = weight->reader[0];
        if (reader->op != OP_CONV_TRANSPOSE2D || weight != reader->input[1] || reader->stride[0] == 1 || reader->kernel[0] == 3) continue;
        const Layout *layout = &code->weight[p]->layout;
        for (long u = 0; u < 3; u++) {
            const long here[4] = {0, 0, u, 1}, next[4] = {target->lanes, 0, u, 1};
            ck_assert_int_eq(layout_offset(layout, next) - layout_offset(layout, here), (long)target->lanes * target->lanes);
        }
        direct++;
    }
    ck_assert_int_gt(direct, 0);
}
END_TEST

/* The layers of 512 channels are filtered with their weights as they are. So are all others of kernel 3 and stride 2. In a clip, items of
 * the parallel loops are channels, not images, which would each read all weights. */
START_TEST(weights_that_outweigh_products_stay_as_they_are) {
    static const char *const names[2][2] = {{"encoder4_conv_forward", "encoder.12.weight"},
                                            {"decoder0_conv_transpose_forward", "decoder.0.weight"}};
    const Target *const target = find_target(_i ? "avx2" : "avx512");
    const Inference *inference = compile_inference(gru_ae_spec(), PRECISION_F32, RECURRENCE_WINDOW, &target, 1, 2);
    const InferenceCode *code = inference->code[0];
    int filtered = 0;
    for (int p = 0; p < inference->frame->parameter_count; p++) {
        filtered += code->filter[p] != NULL;
        for (int i = 0; i < 2; i++) {
            const Node *weight = inference->frame->parameter[p]->node;
            if (strcmp(weight->parameter->name, names[i][1]) != 0) continue;
            ck_assert_ptr_null(code->filter[p]);
            ck_assert_int_eq(code->weight[p]->layout.size, count_elements(weight));
        }
    }
    ck_assert_int_eq(filtered, 6);
    for (int i = 0; i < 2; i++)
        for (int whole = 0; whole < 2; whole++) {
            const Program *program = &code->program[whole ? PART_reconstruct : i ? PART_decode : PART_encode];
            const Kernel *kernel = find_kernel(program, names[i][0]);
            ck_assert_ptr_nonnull(kernel);
            ck_assert_ptr_nonnull(strstr(kernel->comment, "by minimal filtering"));
            ck_assert_int_eq(kernel->tree->loop, LOOP_PARALLEL);
            ck_assert_str_eq(kernel->tree->variable->name, "kg");
            ck_assert_int_eq(kernel->tree->variable->extent, 4);
            ck_assert_int_eq(kernel->tree->body->variable->extent, 1);
        }
}
END_TEST

/* `--filtering`: tiles of 4 outputs in the layers that have enough of them, or no filtering. */
START_TEST(tiles_of_4_outputs_are_on_request) {
    static const int filtering[3] = {0, 2, 4}, wanted_by_2[3] = {0, 8, 4}, wanted_by_4[3] = {0, 0, 4};
    const Target *const target = find_target("avx512");
    const Inference *inference = compile_inference(gru_ae_spec(), PRECISION_F32, RECURRENCE_WINDOW, &target, 1, filtering[_i]);
    const Program *program = &inference->code[0]->program[PART_reconstruct];
    int by_2 = 0, by_4 = 0;
    for (int i = 0; i < program->call_count; i++) {
        const char *comment = program->call[i].kernel->comment;
        by_2 += strstr(comment, "25 products for 36") != NULL;
        by_4 += strstr(comment, "81 products for 144") != NULL;
    }
    ck_assert_int_eq(by_2, wanted_by_2[_i]);
    ck_assert_int_eq(by_4, wanted_by_4[_i]);
}
END_TEST

/* A kernel that prepares a weight for another kernel would do so again for each frame. */
START_TEST(no_kernel_prepares_weights) {
    static const char *const names[] = {"avx512", "avx2", "generic", "avx512_bf16"};
    const Target *wanted[4];
    for (int i = 0; i < 4; i++) wanted[i] = find_target(names[i]);
    const Inference *inference = compile_inference(read_spec("specs/gru_ae.yaml", stderr), (Precision)_i, RECURRENCE_WINDOW, wanted,
                                                   precision_has_pairs((Precision)_i) ? 4 : 3, 2);
    for (int c = 0; c < inference->code_count; c++)
        for (int p = 0; p < PART_COUNT; p++)
            for (int i = 0; i < inference->code[c]->program[p].call_count; i++) {
                const Kernel *kernel = inference->code[c]->program[p].call[i].kernel;
                ck_assert_msg(!kernel->serves, "%s in %s", kernel->name, precision_names[_i]);
            }
}
END_TEST

Suite *inference_suite(void) {
    Suite *suite = suite_create("inference");
    TCase *test_case = tcase_create("inference");
    tcase_add_loop_test(test_case, folding_batch_norm_changes_no_value, 0, SAMPLE_SPECS);
    tcase_add_test(test_case, weights_of_another_spec_are_refused);
    tcase_add_test(test_case, weights_that_are_no_numbers_are_refused);
    tcase_add_test(test_case, weights_that_make_no_numbers_are_noticed);
    tcase_add_loop_test(test_case, what_is_expected_of_a_stream_is_its_recurrence, 0, SAMPLE_SPECS + 1);
    tcase_add_loop_test(test_case, the_file_has_each_weight_once_for_each_layout_in_either_byte_order, 0, SAMPLE_SPECS);
    tcase_add_loop_test(test_case, bytes_are_the_nearest_multiples_of_each_outputs_scale, 0, SAMPLE_SPECS);
    tcase_add_test(test_case, a_value_that_the_precision_cannot_hold_is_refused);
    tcase_add_loop_test(test_case, files_of_each_precision_hold_the_rounded_weights_and_say_so, 0, PRECISIONS * (SAMPLE_SPECS + 1));
    tcase_add_loop_test(test_case, weights_of_a_phase_lie_on_end, 0, PRECISIONS);
    tcase_add_loop_test(test_case, weights_that_outweigh_products_stay_as_they_are, 0, 2);
    tcase_add_loop_test(test_case, tiles_of_4_outputs_are_on_request, 0, 3);
    tcase_add_loop_test(test_case, no_kernel_prepares_weights, 0, PRECISIONS);
    tcase_set_timeout(test_case, 60);
    suite_add_tcase(suite, test_case);
    return suite;
}
