/* Lowered and scheduled programs, run by the interpreter, against the double-precision reference of the graph: every tensor that is
 * stored, of training and of evaluation, for the lanes and registers of each target. */
#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/shapes.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/lower/kernel_buffers.h"
#include "../compiler/lower/weight_layout.h"
#include "../compiler/pipeline/pipeline.h"
#include "../compiler/recompute/recompute.h"
#include "../compiler/tune/tuning.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

START_TEST(stored_tensors_equal_the_reference) {
    const Spec *spec = sample_spec(_i);
    for (int t = 0; targets[t]; t++) {
        Graph *training = build_graph(spec, true), *evaluation = build_graph(spec, false);
        differentiate_spec(training);
        const TargetCode *code = compile_both(training, evaluation, targets[t], &default_choices);
        check_graph(training, code, true, false);
        check_graph(evaluation, code, false, true);
    }
}
END_TEST

/* ---- long sums ---- */

/* Summed one after another, 27,540 terms are off by 1e-6 to 2e-6 of the result in the forward pass and, where they cancel, by 2e-5 to 3e-5
 * in the gradient. Summed in parts of 512 terms, they are off by 4e-7 and 7e-6. */
START_TEST(long_sums_of_linear_layers_stay_close_to_the_reference) {
    Graph *training = build_graph(many_features_spec(), true), *evaluation = build_graph(many_features_spec(), false);
    differentiate_spec(training);
    int found = 0;
    for (int t = 0; targets[t]; t++) {
        const TargetCode *code = compile_both(training, evaluation, targets[t], &default_choices);
        const Outcome outcome = run_graph(training, code, true, t % 2);
        for (int i = 0; i < training->node_count; i++) {
            const Node *node = training->node[i];
            const bool forward = strcmp(node->name, "fc1_forward") == 0;
            if (!forward && strcmp(node->name, "fc3_data_grad") != 0) continue;
            double norm;
            const double distance =
                distance_of(training, node, program_named(code, "train")->buffer[i], outcome.memories, outcome.expected[i], &norm);
            ck_assert_msg(distance < (forward ? 6e-7 : 1e-5) * norm, "%s, %s: off by %g, of a norm of %g", targets[t]->name, node->name,
                          distance, norm);
            found++;
        }
        free_memories(outcome.memories);
        check_graph(training, code, true, true);
        check_graph(evaluation, code, false, false);
    }
    ck_assert_int_eq(found, 2 * count_targets());
}
END_TEST

/* ---- one layout of a weight for both products ---- */

static int count_kernels(const Program *program, const char *name) {
    int count = 0;
    for (int i = 0; i < program->call_count; i++) count += strcmp(program->call[i].kernel->name, name) == 0;
    return count;
}

START_TEST(linear_layers_of_many_features_need_no_second_copy) {
    Graph *training = build_graph(both_products_spec(_i), true), *evaluation = build_graph(both_products_spec(_i), false);
    differentiate_spec(training);
    for (int t = 0; targets[t]; t++) {
        const TargetCode *code = compile_both(training, evaluation, targets[t], &default_choices);
        ck_assert_int_eq(code->renew.call_count, 0);
        ck_assert_int_eq(count_kernels(program_named(code, "train"), "fc1_forward_sum"), targets[t]->lanes > 1);
        ck_assert_int_eq(count_kernels(program_named(code, "train"), "fc3_data_grad_sum"), targets[t]->lanes > 1);
        check_graph(training, code, true, t % 2);
        check_graph(evaluation, code, false, false);
    }
}
END_TEST

/* The lanes' dimension is rounded up to whole vectors. The other one is not, if its values are contiguous. */
START_TEST(weights_of_linear_layers_are_padded_along_their_lanes_only) {
    const long shape[6] = {512, 4, 4, 100, 1, 1}, taps[4] = {64, 36, 1, 1}, square[4] = {64, 36, 3, 3};
    ck_assert_int_eq(weight_layout(6, shape, 0, 16, false).size, 512 * 4 * 4 * 100);
    ck_assert_int_eq(weight_layout(6, shape, 3, 16, false).size, 112 * 4 * 4 * 512);
    ck_assert_int_eq(weight_layout(4, taps, 0, 16, false).size, 64 * 36);
    ck_assert_int_eq(weight_layout(4, square, 0, 16, true).size, 64 * 36 * 9);  /* each tap apart */
    ck_assert_int_eq(weight_layout(4, square, 0, 16, false).size, 64 * 48 * 9); /* blocks of 16 channels, each with its taps */
}
END_TEST

/* ---- the last layer ---- */

START_TEST(a_last_layer_of_any_channels_has_lanes_along_them) {
    const Spec *spec = ragged_end_spec(_i);
    Graph *training = build_graph(spec, true), *evaluation = build_graph(spec, false);
    differentiate_spec(training);
    const char *name = _i ? "decoder0_conv_transpose_forward" : "decoder0_conv_forward";
    for (int t = 0; targets[t]; t++) {
        const TargetCode *code = compile_both(training, evaluation, targets[t], &default_choices);
        const KernelChoice *choice = find_choice((const KernelChoice *const *)code->choice, code->choice_count, NULL, name);
        ck_assert_ptr_nonnull(choice);
        ck_assert_int_eq(choice->algorithm, ALGORITHM_FEW);
        check_graph(training, code, true, t % 2);
        check_graph(evaluation, code, false, false);
    }
}
END_TEST

/* ---- pairs of bfloat16 ---- */

static int count_pairs(const Program *program) {
    int count = 0;
    for (int i = 0; i < program->call_count; i++) count += kernel_has_pairs(program->call[i].kernel);
    return count;
}

START_TEST(pairs_of_bfloat16_equal_the_reference_with_rounded_operands) {
    for (int t = 0; bf16_targets[t]; t++) {
        Graph *training = build_graph(pairs_spec(), true), *evaluation = build_graph(pairs_spec(), false);
        differentiate_spec(training);
        const TargetCode *code = compile_both(training, evaluation, bf16_targets[t], &default_choices);
        ck_assert_int_eq(count_pairs(program_named(code, "evaluate")), 4); /* all layers except the first and the last two */
        ck_assert_int_eq(count_pairs(program_named(code, "train")),
                         4 + 4 + 6); /* with data gradients, and all weight gradients except the last */
        check_graph(training, code, true, false);
        check_graph(evaluation, code, false, true);
    }
}
END_TEST

/* ---- minimal filtering ---- */

static int count_filtered(const Program *program) {
    int count = 0;
    for (int i = 0; i < program->call_count; i++) count += strstr(program->call[i].kernel->comment, "by minimal filtering") != NULL;
    return count;
}

static int count_algorithm(const TargetCode *code, Algorithm algorithm) {
    int count = 0;
    for (int i = 0; i < code->choice_count; i++) count += code->choice[i]->algorithm == algorithm;
    return count;
}

static bool has_variable(const Kernel *kernel, const char *name) {
    for (int v = 0; v < kernel->compute[0].variable_count; v++)
        if (strcmp(kernel->compute[0].variable[v]->name, name) == 0) return true;
    return false;
}

START_TEST(wide_images_are_filtered_in_parts) {
    const Choices choices = {.filtering = 2, .filter_everywhere = true};
    Graph *training = build_graph(wide_spec(), true), *evaluation = build_graph(wide_spec(), false);
    differentiate_spec(training);
    const TargetCode *code = compile_both(training, evaluation, find_target("generic"), &choices);
    ck_assert_int_ge(count_filtered(program_named(code, "train")), 6);
    ck_assert_int_lt(code->scratch_bytes, 400 * 1024);
    check_graph(training, code, true, true);
}
END_TEST

START_TEST(filtered_convolutions_equal_the_reference) {
    const Target *target = targets[_i / 2];
    const Choices choices = {.filtering = 2 + _i % 2 * 2, .filter_everywhere = true}, direct = {.filtering = 0};
    Graph *training = build_graph(filtered_spec(), true), *evaluation = build_graph(filtered_spec(), false);
    differentiate_spec(training);
    const TargetCode *code = compile_both(training, evaluation, target, &choices);
    ck_assert_int_ge(count_filtered(program_named(code, "evaluate")), 5);
    ck_assert_int_ge(count_filtered(program_named(code, "train")), target->lanes == 16 ? 10 : 12);
    const int by_4 = count_algorithm(code, ALGORITHM_FILTERED_4);
    if (choices.filtering == 4) ck_assert_int_ge(by_4, 12); /* unless 4 divides no side */
    else ck_assert_int_eq(by_4, 0);
    check_graph(training, code, true, false);
    check_graph(evaluation, code, false, true);
    code = compile_both(training, evaluation, target, &direct);
    ck_assert_int_eq(count_filtered(program_named(code, "train")), 0);
    check_graph(training, code, true, true);
}
END_TEST

/* As in bundles: images of few tiles, with weights as they are; several items of channels and of images, and several blocks of channels on
 * each side. */
START_TEST(filtering_inside_of_a_kernel_equals_the_reference) {
    const Target *target = targets[_i];
    const Choices choices = {.filtering = 2, .few_images = true};
    Layer encoder[] = {{false, 96, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_RELU, 0, {0, 0}},
                       {false, 160, {3, 3}, {2, 2}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_LEAKY_RELU, 0.1, {0, 0}}};
    Layer decoder[] = {{true, 96, {3, 3}, {2, 2}, {1, 1}, {1, 1}, true, NORM_NONE, ACTIVATION_RELU, 0, {0, 0}},
                       {false, 1, {3, 3}, {1, 1}, {1, 1}, {0, 0}, false, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}};
    Spec spec = *filtered_spec();
    spec.width = 8;
    spec.T = 12;
    spec.encoder_count = spec.decoder_count = 2;
    spec.encoder = encoder;
    spec.decoder = decoder;
    Graph *training = build_graph(&spec, true), *evaluation = build_graph(&spec, false);
    differentiate_spec(training);
    const TargetCode *code = compile_both(training, evaluation, target, &choices);
    int inside = 0;
    for (int i = 0; i < program_named(code, "evaluate")->call_count; i++)
        inside += has_variable(program_named(code, "evaluate")->call[i].kernel, "kg");
    ck_assert_int_eq(inside, target->lanes >= 8 ? 2 : 0); /* with 4 lanes, larger weights pay */
    check_graph(evaluation, code, false, false);
    check_graph(evaluation, code, false, true);
}
END_TEST

typedef struct Left { /* the results of a step: parameters and statistics, gradients, and the loss */
    long count;
    double *value;
} Left;

static void append_elements(Left *left, const Graph *graph, const Node *node, const TargetCode *code, Memories *memories) {
    for (long e = 0; node && e < count_elements(node); e++)
        left->value[left->count++] = element_of(graph, node, program_named(code, "train")->buffer[node->id], memories, e);
}

static Left after_a_step(const Graph *graph, const TargetCode *code, bool planned) {
    Memories *memories = new_memories(code, planned);
    double **values = sample_values(graph, 7);
    set_elements(graph, program_named(code, "train")->buffer, memories, values);
    interpret_program(&code->renew, memories, false);
    interpret_program(program_named(code, "train"), memories, false);
    Left left = {.value = NEW_ARRAY(double, code->kept_bytes)}; /* more than enough: each element is four of the bytes */
    for (int i = 0; i < graph->parameter_count; i++) {
        append_elements(&left, graph, graph->parameter[i]->node, code, memories);
        append_elements(&left, graph, graph->parameter[i]->gradient, code, memories);
    }
    append_elements(&left, graph, named_node(graph, ROLE_LOSS, "loss"), code, memories);
    free_memories(memories);
    return left;
}

/* If something was overwritten while it is needed, the bits would differ. The content of padding lanes does not matter either: these are
 * zeros in memory of their own, and NaN or old values in the workspace. */
START_TEST(tensors_that_share_memory_give_the_bits_of_tensors_that_do_not) {
    const Choices choices = {.filtering = 2, .filter_everywhere = _i == SAMPLE_SPECS};
    const Spec *const others[] = {filtered_spec(), pairs_spec(), both_products_spec(0), ragged_end_spec(false), ragged_end_spec(true)};
    Spec spec = _i < SAMPLE_SPECS ? *sample_spec(_i) : *others[_i - SAMPLE_SPECS];
    const Target *const *list = spec.precision == COMPUTE_BF16 ? bf16_targets : targets;
    spec.optimizer.epsilon = 1e-8;
    for (int t = 0; list[t]; t++) {
        Graph *training = build_graph(&spec, true), *evaluation = build_graph(&spec, false);
        differentiate_spec(training);
        const TargetCode *code = compile_both(training, evaluation, list[t], &choices);
        const Left apart = after_a_step(training, code, false), together = after_a_step(training, code, true);
        ck_assert_int_eq(apart.count, together.count);
        ck_assert_int_gt(apart.count, training->parameter_count);
        for (long i = 0; i < apart.count; i++)
            ck_assert_msg(apart.value[i] == together.value[i], "%s: element %ld is %.17g instead of %.17g", list[t]->name, i,
                          together.value[i], apart.value[i]);
    }
}
END_TEST

/* ---- sums of tiles ---- */

static int count_summed(const Graph *graph, const TargetCode *code) {
    int count = 0;
    for (int i = 0; i < graph->node_count; i++) count += program_named(code, "train")->summed_by[i] != NULL;
    return count;
}

START_TEST(sums_of_tiles_have_the_same_bits_whichever_kernel_makes_them) {
    const Choices choices = {.filtering = 2 * (_i % 2), .filter_everywhere = true};
    Choices apart = choices;
    apart.sums_apart = true;
    Spec spec = _i < 2 ? *filtered_spec() : *summed_spec();
    spec.optimizer.epsilon = 1e-8;
    for (int t = 0; targets[t]; t++) {
        Graph *training = build_graph(&spec, true), *evaluation = build_graph(&spec, false);
        differentiate_spec(training);
        const TargetCode *code = compile_both(training, evaluation, targets[t], &choices);
        if (_i > 0)
            ck_assert_int_gt(count_summed(training, code), 3); /* with three images, iterations of direct convolution have few rows */
        if (_i > 1) check_graph(training, code, true, t % 2);
        const Left together = after_a_step(training, code, true);
        code = compile_both(training, evaluation, targets[t], &apart);
        ck_assert_int_eq(count_summed(training, code), 0);
        const Left alone = after_a_step(training, code, true);
        ck_assert_int_eq(alone.count, together.count);
        ck_assert_msg(memcmp(alone.value, together.value, sizeof(double) * (size_t)alone.count) == 0, "%s", targets[t]->name);
    }
}
END_TEST

/* ---- tuning ---- */

/* A random legal algorithm for each kernel, and random legal values. A value that an earlier one makes illegal is the cost model's. */
static const WantedChoices *random_choices(const TargetCode *code, uint64_t seed) {
    WantedChoices *list = NEW(WantedChoices);
    long drawn = 0;
    for (int i = 0; i < code->choice_count; i++) {
        const KernelChoice *choice = code->choice[i];
        WantedKernel *wanted = want_kernel(list, choice->kernel);
        const int algorithm = (int)((1 + sample_value(seed, drawn++)) / 2 * 6);
        if (algorithm < ALGORITHMS) wanted->algorithm = (Algorithm)algorithm;
        for (int f = 0; f < FIELDS; f++) wanted->value[f] = 1 + (long)((1 + sample_value(seed, drawn++)) / 2 * 12);
        for (int c = 0; c < choice->count; c++) {
            const Legal *legal = &choice->chosen[c].legal;
            long value = 0, at = 0;
            for (int k = 0; k < 64 && (at = next_legal(legal, at, 1)) != 0; k++)
                if (value == 0 || (1 + sample_value(seed, drawn++)) / 2 * (k + 1) < 1) value = at;
            if (wanted->algorithm == choice->algorithm || wanted->algorithm == ALGORITHM_ANY)
                wanted->value[choice->chosen[c].field] = value;
        }
    }
    return list;
}

/* Any legal tuning file can be run, and computes the same. */
START_TEST(any_legal_choices_equal_the_reference) {
    enum { DRAWS = 3 };
    Spec spec = _i < SAMPLE_SPECS ? *sample_spec(_i) : *filtered_spec();
    int changed = 0;
    for (int t = 0; targets[t]; t++)
        for (int draw = 0; draw < DRAWS; draw++) {
            Choices choices = {.filtering = draw == 2 ? 4 : 2, .filter_everywhere = draw % 2 == 1};
            Graph *training = build_graph(&spec, true), *evaluation = build_graph(&spec, false);
            differentiate_spec(training);
            const TargetCode *plain = compile_both(training, evaluation, targets[t], &choices);
            choices.wanted = random_choices(plain, (uint64_t)(100 * _i + draw));
            const TargetCode *code = compile_both(training, evaluation, targets[t], &choices);
            ck_assert_int_eq(code->refused, 0);
            changed += *tuned_choices(code, plain) != 0;
            check_graph(training, code, true, false);
            check_graph(evaluation, code, false, true);
        }
    ck_assert_int_gt(changed, 0);
}
END_TEST

/* From the least possible memory to nearly all, with the cost model's choices, and with others that both use. */
static void check_again(const Spec *spec, const Target *target, Choices choices, uint64_t seed, int parts) {
    Graph *training = build_graph(spec, true), *evaluation = build_graph(spec, false);
    differentiate_spec(training);
    if (seed) choices.wanted = random_choices(compile_both(training, evaluation, target, &choices), seed);
    TargetCode *stored = compile_both(training, evaluation, target, &choices);
    const Left expected = after_a_step(training, stored, true);
    const long least = compile_both_within(stored, training, evaluation, &(MemoryLimit){1, 1})->trade->after;
    const long room = stored->workspace_bytes + stored->scratch_bytes - least;
    ck_assert_int_gt(room, 0);
    for (int part = 0; part < parts; part++) {
        const MemoryLimit limit = {least + room * part / 4, 1};
        const TargetCode *code = compile_both_within(stored, training, evaluation, &limit);
        ck_assert(code->trade->possible && code->trade->count > 0);
        check_graph(program_named(code, "train")->graph, code, true, part % 2);
        const Left left = after_a_step(program_named(code, "train")->graph, code, true);
        ck_assert_int_eq(left.count, expected.count);
        ck_assert_msg(memcmp(left.value, expected.value, sizeof(double) * (size_t)left.count) == 0, "%s, within %ld bytes", target->name,
                      limit.bytes);
    }
}

/* With some results of the forward pass recomputed. */
START_TEST(computing_again_gives_the_bits_of_storing) {
    const Choices choices = {.filtering = 2, .filter_everywhere = _i == SAMPLE_SPECS};
    Spec spec = _i < SAMPLE_SPECS ? *sample_spec(_i) : _i == SAMPLE_SPECS ? *filtered_spec() : *pairs_spec();
    const Target *const *list = spec.precision == COMPUTE_BF16 ? bf16_targets : targets;
    spec.optimizer.epsilon = 1e-8;
    for (int t = 0; list[t]; t++)
        for (uint64_t seed = 0; seed < (_i < SAMPLE_SPECS ? 2 : 1); seed++)
            check_again(&spec, list[t], choices, seed, _i < SAMPLE_SPECS ? 4 : 1); /* the later ones take long */
}
END_TEST

/* PyTorch's rule. If ReLU turned NaN into 0, a broken network would go on training. */
START_TEST(nan_in_a_weight_reaches_the_loss) {
    const Spec *spec = sample_spec(_i);
    for (int t = 0; targets[t]; t++) {
        Graph *training = build_graph(spec, true), *evaluation = build_graph(spec, false);
        differentiate_spec(training);
        const TargetCode *code = compile_both(training, evaluation, targets[t], &default_choices);
        double **values = sample_values(evaluation, 7);
        Memories *memories = new_memories(code, false);
        for (long e = 0; e < count_elements(evaluation->parameter[0]->node); e++) values[evaluation->parameter[0]->node->id][e] = NAN;
        set_elements(evaluation, program_named(code, "evaluate")->buffer, memories, values);
        interpret_program(&code->renew, memories, false);
        interpret_program(program_named(code, "evaluate"), memories, false);
        const Node *last = named_node(evaluation, ROLE_LOSS, "loss");
        const double loss = element_of(evaluation, last, program_named(code, "evaluate")->buffer[last->id], memories, 0);
        ck_assert_msg(isnan(loss), "%s: a loss of %g", targets[t]->name, loss);
        free_memories(memories);
    }
}
END_TEST

/* Lowering verifies every kernel. A number of channels that does not fit some tail, block or stage would end the program. */
START_TEST(every_channel_count_can_be_lowered) {
    const long channels = _i;
    for (int sample = 0; sample < SAMPLE_SPECS; sample++) {
        Spec spec = *sample_spec(sample);
        Layer encoder[SAMPLE_LAYERS], decoder[SAMPLE_LAYERS];
        memcpy(encoder, spec.encoder, sizeof(Layer) * (size_t)spec.encoder_count);
        memcpy(decoder, spec.decoder, sizeof(Layer) * (size_t)spec.decoder_count);
        for (int i = 0; i < spec.encoder_count; i++) encoder[i].channels = (int)(channels * (3 * i + 1) % 71 + 1);
        for (int i = 0; i + 1 < spec.decoder_count; i++) decoder[i].channels = (int)(channels * (5 * i + 2) % 67 + 1);
        spec.encoder = encoder;
        spec.decoder = decoder;
        const Target *target = any_target((int)(channels + sample) % (count_targets() + BF16_TARGETS));
        Graph *training = build_graph(&spec, true), *evaluation = build_graph(&spec, false);
        differentiate_spec(training);
        ck_assert_int_gt(compile_both(training, evaluation, target, &default_choices)->workspace_bytes, 0);
    }
}
END_TEST

/* Four suites, because suites run side by side and these take longest. */
static Suite *suite_of(const char *name, TCase **test_case) {
    Suite *suite = suite_create(name);
    *test_case = tcase_create(name);
    tcase_set_timeout(*test_case, 120);
    suite_add_tcase(suite, *test_case);
    return suite;
}

Suite *lower_suite(void);
Suite *lower_suite(void) {
    TCase *test_case;
    Suite *suite = suite_of("lower", &test_case);
    tcase_add_loop_test(test_case, stored_tensors_equal_the_reference, 0, SAMPLE_SPECS);
    tcase_add_loop_test(test_case, nan_in_a_weight_reaches_the_loss, 0, SAMPLE_SPECS);
    tcase_add_test(test_case, long_sums_of_linear_layers_stay_close_to_the_reference);
    tcase_add_test(test_case, weights_of_linear_layers_are_padded_along_their_lanes_only);
    tcase_add_loop_test(test_case, linear_layers_of_many_features_need_no_second_copy, 0, 3);
    tcase_add_loop_test(test_case, a_last_layer_of_any_channels_has_lanes_along_them, 0, 2);
    tcase_add_test(test_case, pairs_of_bfloat16_equal_the_reference_with_rounded_operands);
    tcase_add_loop_test(test_case, filtered_convolutions_equal_the_reference, 0, 8); /* each target, tiles of 2 and of 4 */
    tcase_add_loop_test(test_case, filtering_inside_of_a_kernel_equals_the_reference, 0, 4);
    tcase_add_test(test_case, wide_images_are_filtered_in_parts);
    tcase_add_loop_test(test_case, every_channel_count_can_be_lowered, 1, 41);
    return suite;
}

Suite *lower_again_suite(void);
Suite *lower_again_suite(void) {
    TCase *test_case;
    Suite *suite = suite_of("lower_again", &test_case);
    tcase_add_loop_test(test_case, computing_again_gives_the_bits_of_storing, 0, SAMPLE_SPECS + 2);
    return suite;
}

Suite *lower_choices_suite(void);
Suite *lower_choices_suite(void) {
    TCase *test_case;
    Suite *suite = suite_of("lower_choices", &test_case);
    tcase_add_loop_test(test_case, any_legal_choices_equal_the_reference, 0, SAMPLE_SPECS + 1);
    tcase_add_loop_test(test_case, tensors_that_share_memory_give_the_bits_of_tensors_that_do_not, 0, SAMPLE_SPECS + 5);
    return suite;
}

Suite *lower_tiles_suite(void);
Suite *lower_tiles_suite(void) {
    TCase *test_case;
    Suite *suite = suite_of("lower_tiles", &test_case);
    tcase_add_loop_test(test_case, sums_of_tiles_have_the_same_bits_whichever_kernel_makes_them, 0, 4);
    return suite;
}
