/* Tuning files: what is read, what is refused, where errors point, and the effect. */
#include "../compiler/graph/build_graph.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/emit/emit.h"
#include "../compiler/pipeline/pipeline.h"
#include "../compiler/tune/tuning.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* For gru_ae; tests refer to lines and columns of this text. */
static const char base[] = "spec: gru_ae\n"
                           "target: avx512\n"
                           "cpu: zen4\n"
                           "encoder0_conv_forward: {block_channels: 32, block_rows: 8}\n"
                           "encoder1_conv_forward: {algorithm: filtered_2, tile_vectors: 2, block_columns: 16}\n"
                           "encoder1_conv_weight_grad: {block_small: 32, groups: 8, tile_channels: 4}\n"
                           "fc3_forward: {tile_vectors: 4} # why\n"
                           "---\n"
                           "spec: gru_ae\n"
                           "target: avx2\n"
                           "decoder4_conv_forward: {algorithm: few_outputs, block_rows: 8}\n";

typedef struct Compiled {
    TrainerGraphs graphs;
    char *errors; /* about the file and its targets */
    const TargetCode *code[8];
} Compiled;

/* Lowers gru_ae for the targets in the text, or for `only`. */
static Compiled compile_with(const char *text, const Target *only) {
    Compiled result = {.graphs = build_graphs(gru_ae_spec())};
    size_t size;
    FILE *errors = open_memstream(&result.errors, &size);
    differentiate_steps(gru_ae_spec(), &result.graphs);
    const Tuning *tuning = parse_tuning("x.yaml", text, strlen(text), gru_ae_spec(), errors);
    for (int t = 0; tuning && targets[t]; t++) {
        bool wanted = targets[t] == only;
        for (int i = 0; !only && i < tuning->count; i++) wanted = wanted || tuning->target[i].target == targets[t];
        if (wanted) result.code[t] = compile_tuned(&result.graphs, targets[t], &default_choices, tuning, errors);
    }
    fclose(errors);
    return result;
}

/* The base with the first `from` replaced by `to`. */
static const char *changed(const char *from, const char *to) {
    const char *place = strstr(base, from);
    ck_assert_msg(place != NULL, "the base has no '%s'", from);
    return format("%.*s%s%s", (int)(place - base), base, to, place + strlen(from));
}

// clang-format off
static const struct {
    const char *from, *to, *error;
} mistakes[] = {
    {"spec: gru_ae", "spec: other", "x.yaml:1:7: error: the file is for the spec 'other', and this is `gru_ae`"},
    {"spec: gru_ae\n", "", "x.yaml:1:1: error: a document of a tuning file lacks `spec`"},
    {"target: avx512\n", "", "x.yaml:1:1: error: a document of a tuning file lacks `target`"},
    {"avx512", "avx51", "x.yaml:2:9: error: 'avx51' is not one of the targets\n"},
    {"avx512", "avx51", "did you mean `avx512`?"},
    {"avx512", "avx2", "x.yaml:10:9: error: the target `avx2` stands here a second time"},
    {"cpu: zen4", "cpu: [1]", "x.yaml:3:6: error: `cpu` is a word, not a list of 1"},
    {"cpu: zen4", "[1]: 2", "x.yaml:3:1: error: a key is a word; this is a list of 1"},
    {"cpu: zen4", "cpu: zen4\ncpu: zen4", "x.yaml:4:1: error: `cpu` stands here a second time; the first is at line 3, column 1"},
    {"cpu: zen4", "cpu: &a zen4", "x.yaml:3:6: error: anchor '&a': a tuning file has no anchors and aliases"},
    {"---\n", "---\n- 1\n---\n", "x.yaml:9:1: error: a tuning file is a map, not a list of 1"},
    {"encoder0_conv_forward", "encoder0_conv_foward", "x.yaml:4:1: error: there is nothing to choose for a kernel 'encoder0_conv_foward' on avx512"},
    {"encoder0_conv_forward", "encoder0_conv_foward", "did you mean `encoder0_conv_forward`?"},
    {"encoder0_conv_forward", "encoder1_conv_forward", "x.yaml:5:1: error: `encoder1_conv_forward` stands here a second time; the first is at line 4, column 1"},
    {"{tile_vectors: 4}", "4", "x.yaml:7:14: error: `fc3_forward` is a map of choices, not 4"},
    {"fc3_forward: {tile_vectors", "fc1_forward: {tile_vector", "x.yaml:7:15: error: 'tile_vector' is not one of the keys of a kernel\n"},
    {"fc3_forward: {tile_vectors", "fc1_forward: {tile_vector", "did you mean `tile_vectors`?"},
    {"tile_vectors: 4", "tile_vectors: 4, tile_vectors: 2", "x.yaml:7:32: error: `tile_vectors` stands here a second time"},
    {"tile_vectors: 4", "tile_vectors: 4.5", "x.yaml:7:29: error: `tile_vectors` is a number from 1 on, not 4.5"},
    {"tile_vectors: 4", "tile_vectors: 0", "x.yaml:7:29: error: `tile_vectors` is a number from 1 on, not 0"},
    {"tile_vectors: 4", "tile_vectors: '4'", "x.yaml:7:29: error: `tile_vectors` is a number from 1 on, not the text \"4\""},
    {"tile_vectors: 4", "tile_vectors: 99999999999999999999", "x.yaml:7:29: error: `tile_vectors` is a number from 1 on, not"},
    {"tile_vectors: 4", "groups: 4", "x.yaml:7:15: error: `fc3_forward`, run by `direct`, has no `groups`"},
    {"tile_vectors: 4", "groups: 4", "its keys: algorithm, tile_vectors, tile_sequences, tile_steps"},
    {"tile_vectors: 4", "tile_vectors: 4, tile_sequences: 16", "x.yaml:7:48: error: `tile_sequences` cannot be 16 in `fc3_forward` on avx512"},
    {"tile_vectors: 4", "tile_vectors: 4, tile_sequences: 16", "legal here: 1 to 6; more does not fit into 32 registers"},
    {"filtered_2", "filtered_3", "x.yaml:5:36: error: 'filtered_3' is not one of the algorithms"},
    {"filtered_2", "filtered_4", "x.yaml:5:36: error: `encoder1_conv_forward` cannot be run by `filtered_4` on avx512"},
    {"filtered_2", "filtered_4", "tiles of 4 outputs have to be allowed by `--filtering 4`"},
    {"filtered_2", "few_outputs", "x.yaml:5:36: error: `encoder1_conv_forward` cannot be run by `few_outputs` on avx512"},
    {"filtered_2", "few_outputs", "it can be `direct`; so it is where `algorithm` is left out"},
    {"block_channels: 32", "algorithm: filtered_2", "x.yaml:4:36: error: `encoder0_conv_forward` cannot be run by `filtered_2` on avx512"},
    {"block_channels: 32", "block_channels: 16", "x.yaml:4:41: error: `block_channels` cannot be 16 in `encoder0_conv_forward` on avx512"},
    {"block_channels: 32", "block_channels: 16", "legal here: 32\n"},
    {"tile_vectors: 2, block_columns", "tile_vectors: 3, block_columns", "x.yaml:5:62: error: `tile_vectors` cannot be 3 in `encoder1_conv_forward`"},
    {"tile_vectors: 2, block_columns", "tile_vectors: 3, block_columns", "legal here: 1, 2, 4\n"},
    {"block_columns: 16", "block_columns: 6", "x.yaml:5:80: error: `block_columns` cannot be 6 in `encoder1_conv_forward` on avx512"},
    {"groups: 8", "groups: 7", "x.yaml:6:54: error: `groups` cannot be 7"},
    {"groups: 8", "groups: 7", "legal here: 1, 2, 4, 8, 16, 32, 64\n"},
    {"tile_channels: 4", "tile_channels: 32", "x.yaml:6:72: error: `tile_channels` cannot be 32 in `encoder1_conv_weight_grad`"},
    {"tile_channels: 4", "tile_channels: 32", "legal here: 1, 2, 4, 8; more does not fit into 32 registers"},
    {"few_outputs, block_rows: 8", "few_outputs, block_rows: 65", "x.yaml:11:61: error: `block_rows` cannot be 65 in `decoder4_conv_forward` on avx2"},
    {"few_outputs, block_rows: 8", "filtered_2", "x.yaml:11:36: error: `decoder4_conv_forward` cannot be run by `filtered_2` on avx2"},
};
// clang-format on

START_TEST(each_mistake_is_an_error_with_its_place) {
    const Compiled result = compile_with(changed(mistakes[_i].from, mistakes[_i].to), NULL);
    ck_assert_msg(strstr(result.errors, mistakes[_i].error) != NULL, "%s: no '%s' in\n%s", mistakes[_i].to, mistakes[_i].error,
                  result.errors);
    free(result.errors);
}
END_TEST

/* The requested choices are only read. What was done with them is stored in the code, as data. */
START_TEST(what_is_refused_is_in_the_code) {
    Graph *training = build_graph(gru_ae_spec(), true), *evaluation = build_graph(gru_ae_spec(), false);
    differentiate_spec(training);
    WantedChoices wanted = {0};
    want_kernel(&wanted, "encoder9_conv_forward");
    want_kernel(&wanted, "encoder0_conv_forward")->algorithm = ALGORITHM_FILTERED_2;
    WantedKernel *values = want_kernel(&wanted, "encoder1_conv_forward");
    values->value[FIELD_TILE_VECTORS] = 3;
    values->value[FIELD_GROUPS] = 2;
    want_kernel(&wanted, "fc3_forward")->value[FIELD_TILE_VECTORS] = 4;
    WantedKernel before[4];
    memcpy(before, wanted.kernel, sizeof before);
    const Choices choices = {.filtering = 2, .wanted = &wanted};
    const TargetCode *code = compile_both(training, evaluation, find_target("avx512"), &choices);
    ck_assert(memcmp(before, wanted.kernel, sizeof before) == 0);
    const Answer *answer = code->answer;
    ck_assert(!answer[0].found);
    ck_assert(answer[1].found && answer[1].algorithm == ALGORITHM_DIRECT);
    ck_assert(answer[2].found && answer[2].has[FIELD_TILE_VECTORS] && !answer[2].has[FIELD_GROUPS]);
    ck_assert_str_eq(legal_text(&answer[2].legal[FIELD_TILE_VECTORS]), "1, 2, 4");
    ck_assert(answer[3].has[FIELD_TILE_VECTORS] && is_legal(&answer[3].legal[FIELD_TILE_VECTORS], 4));
    ck_assert_int_eq(code->refused, 0);
}
END_TEST

START_TEST(empty_and_broken_files_are_errors) {
    static const char *const texts[][2] = {{"", "x.yaml:1:1: error: the tuning file is empty"},
                                           {"# nothing\n", "the tuning file is empty"},
                                           {"spec: {", "error: not YAML: did not find expected node content"},
                                           {"spec: \x01", "a tuning file is plain text"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const Compiled result = compile_with(texts[i][0], NULL);
        ck_assert_msg(strstr(result.errors, texts[i][1]) != NULL, "no '%s' in\n%s", texts[i][1], result.errors);
        free(result.errors);
    }
}
END_TEST

static const KernelChoice *choice_of(const TargetCode *code, const char *kernel) {
    const KernelChoice *choice = find_choice((const KernelChoice *const *)code->choice, code->choice_count, NULL, kernel);
    ck_assert_msg(choice != NULL, "no choice for %s", kernel);
    return choice;
}

/* The choices are those of the file. For a target that it does not name, it chooses nothing. */
START_TEST(choices_are_those_of_the_file) {
    const Compiled result = compile_with(base, NULL);
    ck_assert_str_eq(result.errors, "");
    const TargetCode *avx512 = result.code[0], *avx2 = result.code[1];
    ck_assert_ptr_null(result.code[2]);
    ck_assert_ptr_nonnull(strstr(choice_text(choice_of(avx512, "encoder0_conv_forward")), "block_rows: 8}"));
    ck_assert_ptr_nonnull(strstr(choice_text(choice_of(avx512, "encoder1_conv_weight_grad")), "block_small: 32,"));
    ck_assert_ptr_nonnull(strstr(choice_text(choice_of(avx512, "encoder1_conv_weight_grad")), "tile_channels: 4}"));
    ck_assert_ptr_nonnull(strstr(choice_text(choice_of(avx512, "fc3_forward")), "tile_vectors: 4,"));
    ck_assert_ptr_nonnull(strstr(choice_text(choice_of(avx2, "decoder4_conv_forward")), "block_rows: 8,"));
    ck_assert_ptr_nonnull(avx512->tuning);
    ck_assert_ptr_nonnull(avx2->tuning);
    ck_assert_str_ne(avx512->tuning, avx2->tuning);
    const Compiled other = compile_with(base, targets[2]);
    ck_assert_str_eq(other.errors, "");
    ck_assert_ptr_null(other.code[2]->tuning);
}
END_TEST

static const char *target_file(const Compiled *from, const TargetCode *code) {
    Text text = {0};
    emit_target_file(&text, from->graphs.step[0]->spec, code, "none");
    return text.bytes;
}

/* The program identifies its choices, because the bits of its results depend on them. */
START_TEST(generated_files_say_what_was_tuned) {
    const Compiled result = compile_with(base, targets[0]);
    const char *text = target_file(&result, result.code[0]), *hash = result.code[0]->tuning;
    ck_assert_ptr_nonnull(strstr(text, format("tuning %s", hash)));
    ck_assert_ptr_nonnull(strstr(text, format(".tuning = \"%s\",", hash)));
    const Compiled other = compile_with(changed("groups: 8", "groups: 4"), targets[0]);
    ck_assert_str_ne(other.code[0]->tuning, hash);
}
END_TEST

/* A file that repeats the cost model's choices gives the same bytes as no file. */
START_TEST(a_file_of_the_cost_models_choices_changes_nothing) {
    const Target *target = targets[_i];
    const Compiled plain = compile_with(format("spec: gru_ae\ntarget: %s\n", target->name), NULL);
    const TargetCode *code = plain.code[_i];
    Text file = {0};
    text_add(&file, "spec: gru_ae\ntarget: %s\n", target->name);
    for (int i = 0; i < code->choice_count; i++) text_add(&file, "%s: %s\n", code->choice[i]->kernel, choice_text(code->choice[i]));
    const Compiled repeated = compile_with(file.bytes, NULL);
    ck_assert_str_eq(repeated.errors, "");
    ck_assert_ptr_null(repeated.code[_i]->tuning);
    ck_assert_int_gt(code->choice_count, 30);
    ck_assert(strcmp(target_file(&plain, code), target_file(&repeated, repeated.code[_i])) == 0);
}
END_TEST

START_TEST(legal_values_are_listed_as_they_are) {
    static const struct {
        Legal legal;
        const char *text;
    } cases[] = {{{.most = 1}, "1"},
                 {{.most = 100}, "1 to 100"},
                 {{.most = 7, .registers = 16}, "1 to 7; more does not fit into 16 registers"},
                 {{.most = 40, .multiple = 16, .ragged = true}, "16, 32, 40"},
                 {{.most = 64, .multiple = 16, .divides = 96}, "16, 32, 48"},
                 {{.most = 500, .multiple = 16}, "the multiples of 16 up to 500"},
                 {{.most = 9, .divides = 12}, "1, 2, 3, 4, 6"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) ck_assert_str_eq(legal_text(&cases[i].legal), cases[i].text);
    const Legal ragged = {.most = 40, .multiple = 16, .ragged = true};
    ck_assert_int_eq(next_legal(&ragged, 16, 1), 32);
    ck_assert_int_eq(next_legal(&ragged, 32, 1), 40);
    ck_assert_int_eq(next_legal(&ragged, 40, 1), 0);
    ck_assert_int_eq(next_legal(&ragged, 40, -1), 32);
    ck_assert_int_eq(next_legal(&ragged, 16, -1), 0);
    ck_assert(is_legal(&ragged, 40) && !is_legal(&ragged, 0) && !is_legal(&ragged, 48) && !is_legal(&ragged, 24));
}
END_TEST

START_TEST(the_documentation_names_every_key) {
    static char text[1 << 16];
    FILE *file = fopen("docs/tuning.md", "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    for (int i = 0; i < FIELDS; i++) ck_assert_msg(strstr(text, format("`%s`", field_names[i])) != NULL, "%s", field_names[i]);
    for (int i = 0; i < ALGORITHMS; i++)
        ck_assert_msg(strstr(text, format("`%s`: ", algorithm_names[i])) != NULL, "%s", algorithm_names[i]);
}
END_TEST

Suite *tuning_suite(void);
Suite *tuning_suite(void) {
    Suite *suite = suite_create("tuning");
    TCase *test_case = tcase_create("tuning");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, each_mistake_is_an_error_with_its_place, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(test_case, what_is_refused_is_in_the_code);
    tcase_add_test(test_case, empty_and_broken_files_are_errors);
    tcase_add_test(test_case, choices_are_those_of_the_file);
    tcase_add_test(test_case, generated_files_say_what_was_tuned);
    tcase_add_loop_test(test_case, a_file_of_the_cost_models_choices_changes_nothing, 0, 4);
    tcase_add_test(test_case, the_documentation_names_every_key);
    tcase_add_test(test_case, legal_values_are_listed_as_they_are);
    suite_add_tcase(suite, test_case);
    return suite;
}
