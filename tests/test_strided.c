/* test_strided.c: kernels of 4 and 5 with stride 2 are filtered, and how. */
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/lower/products.h"

#include <check.h>
#include <string.h>

Suite *strided_suite(void);

#define STRIDED(transposed, channels, rows, columns, over, beside, more, most)                                                             \
    {                                                                                                                                      \
        (transposed), (channels), {rows, columns}, {2, 2}, {over, beside}, {more, most}, true, NORM_BATCH, ACTIVATION_RELU, 0, {           \
            0, 0                                                                                                                           \
        }                                                                                                                                  \
    }
#define PLAIN(channels)                                                                                                                    \
    {                                                                                                                                      \
        false, (channels), {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {                                          \
            0, 0                                                                                                                           \
        }                                                                                                                                  \
    }

static int count_filtered(const Program *program) {
    int count = 0;
    for (int i = 0; i < program->call_count; i++) count += strstr(program->call[i].kernel->comment, "by minimal filtering") != NULL;
    return count;
}

static const Variable *variable_named(const Kernel *kernel, const char *name) {
    for (int v = 0; v < kernel->compute[0].variable_count; v++)
        if (strcmp(kernel->compute[0].variable[v]->name, name) == 0) return kernel->compute[0].variable[v];
    return NULL;
}

static Spec spec_of(int side, int batch, int count, Layer *encoder, Layer *decoder) {
    return (Spec){.name = "strided",
                  .T = 1,
                  .channels = 1,
                  .height = side,
                  .width = side,
                  .training.batch = batch,
                  .encoder_count = count,
                  .encoder = encoder,
                  .decoder_count = count,
                  .decoder = decoder};
}

/* Both kernels, horizontally and vertically, with even and with odd padding. Where 3 outputs are no tiles, only the kernels that have 8 are
 * filtered. */
START_TEST(filtered_kernels_of_4_and_5_equal_the_reference) {
    const Choices choices = {.filtering = 2 + 2 * (_i % 2), .filter_everywhere = true};
    Layer encoder[] = {PLAIN(16), STRIDED(false, 32, 5, 4, 2, 1, 0, 0), STRIDED(false, 16, 5, 4, 1, 0, 0, 0)};
    Layer decoder[] = {STRIDED(true, 32, 5, 4, 1, 0, 1, 0), STRIDED(true, 16, 4, 5, 1, 2, 0, 1), PLAIN(1)};
    const Spec spec = spec_of(16, 2, 3, encoder, decoder);
    Graph *training = build_graph(&spec, true), *evaluation = build_graph(&spec, false);
    differentiate_spec(training);
    const TargetCode *code = compile_both(training, evaluation, targets[_i], &choices);
    ck_assert_int_eq(count_filtered(program_named(code, "train")), 3 + 1 + 1 + 3);
    ck_assert_int_eq(count_filtered(program_named(code, "evaluate")), 1 + 1 + 1);
    check_graph(training, code, true, true);
    check_graph(evaluation, code, false, false);
}
END_TEST

/* The transformed weights of 192 channels do not stay in the second-level cache: one at a time, by groups of output channels. */
START_TEST(many_weights_are_read_one_at_a_time) {
    Layer encoder[] = {PLAIN(192), STRIDED(false, 192, 5, 5, 2, 2, 0, 0)};
    Layer decoder[] = {STRIDED(true, 192, 5, 5, 2, 2, 1, 1), PLAIN(1)};
    const Spec spec = spec_of(4, 2, 2, encoder, decoder);
    const Choices choices = {.filtering = 2, .filter_everywhere = true}; /* two images do not pay for transforming the weights */
    const TargetCode *code = lower_spec(&spec, "avx512", &choices);
    const Program *train = program_named(code, "train");
    static const char *const names[] = {"encoder1_conv_forward", "encoder1_conv_data_grad", "decoder0_conv_transpose_forward",
                                        "decoder0_conv_transpose_data_grad"};
    for (int i = 0; i < 4; i++) {
        const Variable *group = variable_named(find_kernel(train, names[i]), "kg");
        ck_assert_msg(group && group->extent > 1, "%s has no groups of output channels", names[i]);
    }
    check_graph(train->graph, code, true, true);
}
END_TEST

/* The layers of GANs, from 32 channels on: all three nests of each are filtered on each target. With many weights, an item has at least 32
 * tiles, so that they are not read for each few. */
START_TEST(layers_of_gans_are_filtered) {
    const int kernel = 4 + _i % 2, padding = kernel / 2 - (kernel == 4), more = kernel - 4;
    const Target *target = targets[_i / 2];
    Layer encoder[] = {
        PLAIN(32), STRIDED(false, 64, kernel, kernel, padding, padding, 0, 0), STRIDED(false, 128, kernel, kernel, padding, padding, 0, 0),
        STRIDED(false, 256, kernel, kernel, padding, padding, 0, 0), STRIDED(false, 512, kernel, kernel, padding, padding, 0, 0)};
    Layer decoder[] = {STRIDED(true, 256, kernel, kernel, padding, padding, more, more),
                       STRIDED(true, 128, kernel, kernel, padding, padding, more, more),
                       STRIDED(true, 64, kernel, kernel, padding, padding, more, more),
                       STRIDED(true, 32, kernel, kernel, padding, padding, more, more), PLAIN(1)};
    const Spec spec = spec_of(64, 64, 5, encoder, decoder);
    const TargetCode *code = lower_spec(&spec, target->name, &default_choices);
    const Program *train = program_named(code, "train");
    int nests = 0, apart = 0;
    for (int i = 0; i < train->graph->node_count; i++) {
        const Node *node = train->graph->node[i];
        const KernelChoice *choice = find_choice((const KernelChoice *const *)code->choice, code->choice_count, NULL, node->name);
        if (!choice || node->kernel[0] != kernel) continue;
        ck_assert_msg(choice->algorithm == ALGORITHM_FILTERED_2, "%s for %s: %s", node->name, target->name, choice_text(choice));
        nests++;
        if (node->op == OP_CONV2D_WEIGHT_GRAD || !variable_named(find_kernel(train, node->name), "kg")) continue;
        long tiles = 1;
        for (int c = 0; c < choice->count; c++) {
            const ChoiceField field = choice->chosen[c].field;
            if (field == FIELD_BLOCK_IMAGES || field == FIELD_BLOCK_ROWS || field == FIELD_BLOCK_COLUMNS) tiles *= choice->chosen[c].value;
        }
        ck_assert_msg(tiles >= 32, "%s: %s", node->name, choice_text(choice));
        apart++;
    }
    ck_assert_int_eq(nests, 3 * 8);
    if (target->lanes == 16) ck_assert_int_eq(apart, 2 + 2 + 2);
}
END_TEST

Suite *strided_suite(void) {
    Suite *suite = suite_create("strided");
    TCase *test_case = tcase_create("strided");
    tcase_set_timeout(test_case, 300);
    tcase_add_loop_test(test_case, filtered_kernels_of_4_and_5_equal_the_reference, 0, 4);
    tcase_add_test(test_case, many_weights_are_read_one_at_a_time);
    tcase_add_loop_test(test_case, layers_of_gans_are_filtered, 0, 8);
    suite_add_tcase(suite, test_case);
    return suite;
}
