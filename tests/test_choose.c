/* The cost model's choices for shapes that are not powers of two. The result equals the reference. */
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/lower/element.h"
#include "../compiler/lower/lower_graph.h"
#include "../compiler/lower/products.h"
#include "../compiler/lower/schedule_conv.h"
#include "../compiler/lower/storage.h"

#include <check.h>
#include <string.h>

Suite *choose_suite(void);

static long chosen_value(const KernelChoice *choice, ChoiceField field) {
    for (int i = 0; i < choice->count; i++)
        if (choice->chosen[i].field == field) return choice->chosen[i].value;
    return 1;
}

static long register_tile(const KernelChoice *choice) {
    return chosen_value(choice, FIELD_TILE_IMAGES) * chosen_value(choice, FIELD_TILE_ROWS) * chosen_value(choice, FIELD_TILE_COLUMNS);
}

/* 15 rows of 11 tiles: no divisor of 11 fits a register tile, but one of 15 does. */
START_TEST(rows_of_11_tiles_fill_registers) {
    const Choices choices = {.filtering = 2, .filter_everywhere = true};
    Spec spec = *wide_spec();
    spec.height = 30;
    spec.width = 22;
    spec.training.batch = 4;
    const TargetCode *code = lower_spec(&spec, "avx2", &choices);
    int filtered = 0;
    for (int i = 0; i < code->choice_count; i++) {
        const KernelChoice *choice = code->choice[i];
        if (choice->algorithm != ALGORITHM_FILTERED_2 || strstr(choice->kernel, "weight_grad")) continue;
        ck_assert_msg(register_tile(choice) >= 4, "%s: %s", choice->kernel, choice_text(choice));
        filtered++;
    }
    ck_assert_int_ge(filtered, 3);
    check_graph(program_named(code, "train")->graph, code, true, true);
}
END_TEST

/* The vectors of a register tile read at most half of a first-level cache, for all images at once and one row of the kernel. */
START_TEST(direct_weight_gradients_stay_in_the_first_level_cache) {
    static const char *const names[] = {"avx512", "avx2", "generic"};
    const Choices choices = {.filtering = 0};
    const Target *target = find_target(names[_i]);
    const TargetCode *code = lower_spec(read_spec("specs/gru_ae.yaml", stderr), names[_i], &choices);
    int checked = 0;
    for (int i = 0; i < program_named(code, "train")->graph->node_count; i++) {
        const Node *node = program_named(code, "train")->graph->node[i];
        if (node->op != OP_CONV2D_WEIGHT_GRAD || minimum(node->shape[0], node->shape[1]) < target->lanes) continue;
        const KernelChoice *choice = find_choice((const KernelChoice *const *)code->choice, code->choice_count, NULL, node->name);
        const long pixels = chosen_value(choice, FIELD_BLOCK_IMAGES) * chosen_value(choice, FIELD_BLOCK_ROWS) * node->input[0]->shape[3];
        ck_assert_msg(pixels * chosen_value(choice, FIELD_TILE_VECTORS) * target->lanes * 4 <= 16 * 1024, "%s: %s", node->name,
                      choice_text(choice));
        checked++;
    }
    ck_assert_int_eq(checked, 8);
}
END_TEST

/* Each thread has an equal share of blocks: 3, 5 and 9 vectors of channels. Filtered convolutions take three vectors at a time if they
 * can. */
START_TEST(channels_are_cut_into_equal_blocks) {
    const Choices choices = {.filtering = _i ? 2 : 0, .filter_everywhere = true};
    const Target *target = find_target("avx512");
    const TargetCode *code = lower_spec(odd_vectors_spec(), "avx512", &choices);
    int gradients = 0, by_three = 0;
    for (int i = 0; i < program_named(code, "train")->graph->node_count; i++) {
        const Node *node = program_named(code, "train")->graph->node[i];
        const KernelChoice *choice = find_choice((const KernelChoice *const *)code->choice, code->choice_count, NULL, node->name);
        if (choice && choice->algorithm == ALGORITHM_FILTERED_2 && node->op != OP_CONV2D_WEIGHT_GRAD)
            by_three += chosen_value(choice, FIELD_TILE_VECTORS) == 3;
        if (!choice || node->op != OP_CONV2D_WEIGHT_GRAD || minimum(node->shape[0], node->shape[1]) < target->lanes) continue;
        const ChoiceField fields[2] = {FIELD_BLOCK_SMALL, FIELD_BLOCK_LARGE};
        for (int side = 0; side < 2; side++) {
            const long vectors = (node->shape[side] + target->lanes - 1) / target->lanes;
            const long block = (chosen_value(choice, fields[side]) + target->lanes - 1) / target->lanes;
            ck_assert_msg(block >= vectors || vectors % block == 0, "%s: %s", node->name, choice_text(choice));
        }
        gradients++;
    }
    ck_assert_int_eq(gradients, 4);
    ck_assert_int_eq(by_three, _i ? 4 : 0);
    check_graph(program_named(code, "train")->graph, code, true, true);
}
END_TEST

/* A product with sums in lanes stages all steps of a sequence, up to 64. It adds up the lanes of one row at a time. */
START_TEST(long_sequences_need_little_scratch) {
    Spec spec = *both_products_spec(0);
    spec.T = _i ? 65 : 64;
    const TargetCode *code = lower_spec(&spec, "avx512", &default_choices);
    ck_assert_int_eq(find_kernel(program_named(code, "train"), "fc1_forward_sum") != NULL, _i == 0);
    ck_assert_int_lt(code->scratch_bytes, 256 * 1024);
}
END_TEST

/* A convolution to few outputs stages whole rows of all channels, if they are not larger than any stage may be. */
START_TEST(rows_that_are_too_long_are_not_staged) {
    Spec spec = *ragged_end_spec(false);
    Layer encoder = spec.encoder[0];
    spec.encoder = &encoder;
    encoder.channels = _i ? 500 : 100;
    spec.width = 1000;
    const TargetCode *code = lower_spec(&spec, "avx512", &default_choices);
    const KernelChoice *choice = find_choice((const KernelChoice *const *)code->choice, code->choice_count, NULL, "decoder0_conv_forward");
    ck_assert_int_eq(choice->algorithm == ALGORITHM_FEW, _i == 0);
    ck_assert_int_lt(code->scratch_bytes, 4 << 20);
}
END_TEST

/* What is decided before anything is stored is what is done, whatever is asked for. */
START_TEST(products_are_run_as_was_decided) {
    const Spec *const specs[] = {gru_ae_spec(), filtered_spec(), wide_spec(), many_features_spec(), ragged_end_spec(false)};
    const Choices choices = {.filtering = 4, .filter_everywhere = _i == 1};
    int run[ALGORITHMS] = {0}, dots = 0;
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
        for (int t = 0; targets[t]; t++) {
            const TargetCode *code = lower_spec(specs[s], targets[t]->name, &choices);
            const Program *train = program_named(code, "train");
            Lowering l = {.graph = train->graph, .target = targets[t], .choices = &code->choices};
            decide_products(&l, 1, 1);
            for (int i = 0; i < train->graph->node_count; i++) {
                const Node *node = train->graph->node[i];
                const Product *product = product_of_node(&l, node);
                const KernelChoice *choice = find_choice((const KernelChoice *const *)code->choice, code->choice_count, NULL, node->name);
                const bool by_dot = find_kernel(train, format("%s_sum", node->name)) != NULL;
                if (choice) ck_assert_msg(choice->algorithm == product->algorithm, "%s for %s", node->name, targets[t]->name);
                if (choice) run[choice->algorithm]++;
                if (node->op == OP_LINEAR || node->op == OP_LINEAR_DATA_GRAD)
                    ck_assert_msg(!by_dot || product->dot >= 0, "%s for %s", node->name, targets[t]->name);
                dots += by_dot && product->dot >= 0;
            }
        }
    for (int a = 0; a < ALGORITHMS; a++) /* BLAS has to be asked for */
        ck_assert_msg((run[a] > 0) == (a != ALGORITHM_BLAS), "%d are run by %s", run[a], algorithm_names[a]);
    ck_assert_int_gt(dots, 0);
}
END_TEST

/* Whether lanes lie along the channels of what a convolution reads is known before it is stored. */
START_TEST(lanes_along_channels_are_known_before_storage) {
    const Spec *const specs[] = {wide_spec(), filtered_spec(), ragged_end_spec(false), ragged_end_spec(true)};
    int with = 0, without = 0;
    for (int s = 0; s < SAMPLE_SPECS + 4; s++) {
        const TargetCode *code = lower_spec(s < 4 ? specs[s] : sample_spec(s - 4), targets[_i]->name, &default_choices);
        const Program *train = program_named(code, "train");
        TargetCode again = {.target = targets[_i]};
        Lowering l = {.graph = train->graph, .target = targets[_i], .choices = &code->choices, .code = &again};
        start_graph(&l, train->graph);
        decide_products(&l, 1, 1);
        allocate_parameters(&l);
        store_nodes(&l);
        for (int i = 0; i < train->graph->node_count; i++) {
            const Node *node = train->graph->node[i];
            const bool both = node->op == OP_CONV2D_WEIGHT_GRAD, convolves = node->op == OP_CONV2D || node->op == OP_CONV_TRANSPOSE2D;
            for (int input = 0; input < (both ? 2 : convolves); input++) {
                Node *read = node->input[input];
                const bool lanes = stage_of(&l, node_virtual(&l, read), 0).blocked >= 0;
                if (read->scan) continue;
                ck_assert_msg(lanes == has_channel_lanes(&l, read), "%s in %s for %s", read->name, node->name, targets[_i]->name);
                lanes ? with++ : without++;
            }
        }
    }
    ck_assert_int_gt(with, 0);
    ck_assert_int_gt(without, 0);
}
END_TEST

Suite *choose_suite(void) {
    Suite *suite = suite_create("choose");
    TCase *test_case = tcase_create("choices");
    tcase_set_timeout(test_case, 120);
    tcase_add_test(test_case, rows_of_11_tiles_fill_registers);
    tcase_add_loop_test(test_case, products_are_run_as_was_decided, 0, 2);
    tcase_add_loop_test(test_case, lanes_along_channels_are_known_before_storage, 0, count_targets());
    tcase_add_loop_test(test_case, direct_weight_gradients_stay_in_the_first_level_cache, 0, 3);
    tcase_add_loop_test(test_case, channels_are_cut_into_equal_blocks, 0, 2);
    tcase_add_loop_test(test_case, long_sequences_need_little_scratch, 0, 2);
    tcase_add_loop_test(test_case, rows_that_are_too_long_are_not_staged, 0, 2);
    suite_add_tcase(suite, test_case);
    return suite;
}
