/* Tuning files of systems: their keys name the program whose kernel they are for. */
#include "sample_graphs.h"
#include "sample_systems.h"

#include "../compiler/graph/build_graph.h"
#include "../compiler/pipeline/pipeline.h"
#include "../compiler/tune/tune_file.h"
#include "../compiler/tune/tuning.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For fixtures/systems/anogan.yaml, which has two steps and a search; tests refer to its columns. */
static const char base[] = "spec: anogan\n"
                           "target: avx2\n"
                           "step0.generator0_linear_forward: {tile_vectors: 1, tile_sequences: 1}\n"
                           "step1.generator0_linear_weight_grad: {tile_channels: 3}\n"
                           "search.generator0_linear_forward: {tile_sequences: 2}\n";

typedef struct Compiled {
    char *errors;
    const TargetCode *code;
} Compiled;

static Compiled compile_with(const char *system, const char *text) {
    Compiled result = {0};
    size_t size;
    const Spec *spec = system_named(system);
    const TrainerGraphs graphs = graphs_of(spec);
    FILE *errors = open_memstream(&result.errors, &size);
    const Tuning *tuning = parse_tuning("x.yaml", text, strlen(text), spec, errors);
    if (tuning) result.code = compile_tuned(&graphs, find_target("avx2"), &default_choices, tuning, errors);
    fclose(errors);
    return result;
}

static const char *choice_in(const Compiled *compiled, const char *program, const char *kernel) {
    const KernelChoice *choice =
        find_choice((const KernelChoice *const *)compiled->code->choice, compiled->code->choice_count, program, kernel);
    ck_assert_msg(choice != NULL, "no choice for %s in %s", kernel, program);
    ck_assert_str_eq(choice_key(choice), format("%s.%s", program, kernel));
    return choice_text(choice);
}

#define expect_in(compiled, program, kernel, part)                                                                                         \
    ck_assert_msg(strstr(choice_in(compiled, program, kernel), part) != NULL, "%s.%s: %s, not %s", program, kernel,                        \
                  choice_in(compiled, program, kernel), part)

START_TEST(a_key_names_the_program_of_its_kernel) {
    const Compiled result = compile_with("anogan", base);
    ck_assert_str_eq(result.errors, "");
    expect_in(&result, "step0", "generator0_linear_forward", "tile_vectors: 1, tile_sequences: 1");
    expect_in(&result, "step1", "generator0_linear_forward", "tile_vectors: 2, tile_sequences: 3");
    expect_in(&result, "step1", "generator0_linear_weight_grad", "tile_channels: 3");
    expect_in(&result, "evaluate", "generator0_linear_forward", "tile_vectors: 2, tile_sequences: 3");
    expect_in(&result, "search", "generator0_linear_forward", "tile_vectors: 2, tile_sequences: 2");
    ck_assert_ptr_nonnull(result.code->tuning);
}
END_TEST

/* A key without a program is for all; one with a program comes before it. */
START_TEST(a_bare_key_is_for_all_programs) {
    const Compiled result = compile_with("anogan", "spec: anogan\n"
                                                   "target: avx2\n"
                                                   "step1.generator0_linear_forward: {tile_sequences: 2}\n"
                                                   "generator0_linear_forward: {tile_sequences: 1}\n");
    ck_assert_str_eq(result.errors, "");
    expect_in(&result, "step0", "generator0_linear_forward", "tile_sequences: 1");
    expect_in(&result, "step1", "generator0_linear_forward", "tile_sequences: 2");
    expect_in(&result, "evaluate", "generator0_linear_forward", "tile_sequences: 1");
    expect_in(&result, "search", "generator0_linear_forward", "tile_sequences: 1");
}
END_TEST

// clang-format off
static const struct {
    const char *from, *to, *error;
} mistakes[] = {
    {"step0.", "step2.", "x.yaml:3:1: error: there is nothing to choose in a program 'step2'"},
    {"step0.", "step2.", "programs with choices: `step0`, `step1`, `evaluate`, `search`"},
    {"search.", "serch.", "did you mean `search`?"},
    {"step0.", "train.", "x.yaml:3:1: error: there is nothing to choose in a program 'train'"},
    {"step0.generator0", "step0.generator1", "x.yaml:3:1: error: there is nothing to choose for a kernel 'step0.generator1_linear_forward' on avx2"},
    {"step0.generator0", "step0.generato0", "did you mean `step0.generator0_linear_forward`?"},
    {"search.generator0_linear_forward", "search.generator0_linear_weight_grad", "nothing to choose for a kernel 'search.generator0_linear_weight_grad'"},
    {"search.generator0", "generato0", "did you mean `generator0_linear_forward`?"},
    {"step1.", ".", "x.yaml:4:1: error: there is nothing to choose in a program ''"},
    {"tile_channels: 3", "tile_channels: 8", "x.yaml:4:54: error: `tile_channels` cannot be 8 in `step1.generator0_linear_weight_grad` on avx2"},
    {"{tile_channels: 3", "{groups: 3", "x.yaml:4:39: error: `step1.generator0_linear_weight_grad`, run by `direct`, has no `groups`"},
    {"{tile_channels: 3", "{algorithm: filtered_2", "x.yaml:4:50: error: `step1.generator0_linear_weight_grad` cannot be run by `filtered_2` on avx2"},
    {"search.generator0_linear_forward", "step0.generator0_linear_forward", "x.yaml:5:1: error: `step0.generator0_linear_forward` stands here a second time"},
};
// clang-format on

START_TEST(each_mistake_is_an_error_with_its_place) {
    const char *place = strstr(base, mistakes[_i].from);
    ck_assert_ptr_nonnull(place);
    const Compiled result =
        compile_with("anogan", format("%.*s%s%s", (int)(place - base), base, mistakes[_i].to, place + strlen(mistakes[_i].from)));
    ck_assert_msg(strstr(result.errors, mistakes[_i].error) != NULL, "%s: no '%s' in\n%s", mistakes[_i].to, mistakes[_i].error,
                  result.errors);
    free(result.errors);
}
END_TEST

/* Every choice of every program, as explain lists it, is a legal file that changes nothing. */
START_TEST(a_file_of_the_cost_models_choices_changes_nothing) {
    const Compiled plain = compile_with("anogan", "spec: anogan\ntarget: avx2\n");
    Text file = {0};
    text_add(&file, "spec: anogan\ntarget: avx2\n");
    for (int i = 0; i < plain.code->choice_count; i++)
        text_add(&file, "%s: %s\n", choice_key(plain.code->choice[i]), choice_text(plain.code->choice[i]));
    const Compiled repeated = compile_with("anogan", file.bytes);
    ck_assert_str_eq(repeated.errors, "");
    ck_assert_ptr_null(repeated.code->tuning);
    ck_assert_int_gt(plain.code->choice_count, 40);
}
END_TEST

/* The candidates of every program are found, and each is for its own program. */
START_TEST(candidates_are_those_of_every_program) {
    const Spec *spec = system_named("anogan");
    const Model model = {.spec = (Spec *)(uintptr_t)spec, .graphs = graphs_of(spec)};
    Tuner *tuner = new_tuner(&model, find_target("avx2"), default_choices);
    static const char *const programs[] = {"step0", "step1", "evaluate", "search"};
    ck_assert_int_eq(tuner->programs, 4);
    for (int p = 0; p < 4; p++) ck_assert_str_eq(tuner->program[p], programs[p]);
    ck_assert_int_gt(add_candidates(tuner, 2, true), 1);
    const int step = find_tuned(tuner, 0, "generator0_linear_forward"), search = find_tuned(tuner, 3, "generator0_linear_forward");
    ck_assert_int_ge(step, 0);
    ck_assert_int_ge(search, 0);
    ck_assert_int_lt(find_tuned(tuner, 0, "generator0_linear_weight_grad"), 0); /* step0 does not update the generator */
    int *pick = NEW_ARRAY(int, tuner->count);
    pick[search] = 1;
    const TargetCode *code = lower_picked(tuner, pick);
    const Compiled compiled = {.code = code};
    ck_assert_str_eq(choice_in(&compiled, "search", "generator0_linear_forward"), tuner->kernel[search].candidate[1].text);
    ck_assert_str_eq(choice_in(&compiled, "step0", "generator0_linear_forward"), tuner->kernel[step].candidate[0].text);
}
END_TEST

/* BLAS is tried for linear layers where it is there, and nowhere else. */
START_TEST(blas_is_a_candidate_where_it_is_there) {
    const Spec *spec = system_named("anogan");
    const Model model = {.spec = (Spec *)(uintptr_t)spec, .graphs = graphs_of(spec)};
    Tuner *tuner = new_tuner(&model, find_target("generic"), default_choices);
    tuner->blas = _i;
    add_candidates(tuner, 12, true);
    for (int k = 0; k < tuner->count; k++) {
        const TunedKernel *kernel = &tuner->kernel[k];
        int by_blas = 0;
        for (int c = 0; c < kernel->count; c++) by_blas += kernel->candidate[c].choice.algorithm == ALGORITHM_BLAS;
        ck_assert_msg((by_blas > 0) == (_i && strstr(kernel->name, "_linear_")), "%s: %d candidates by BLAS", kernel->name, by_blas);
    }
}
END_TEST

static const char *written(const Model *model, const Target *target, TunedProgram *programs, const char *kernel) {
    Tuner *tuner = new_tuner(model, target, default_choices);
    add_candidates(tuner, 2, true);
    for (int p = 0; p < tuner->programs; p++) {
        TunedKernel *tuned = &tuner->kernel[find_tuned(tuner, p, kernel)];
        tuned->best = 1;
        tuned->time = 0.001;
        tuned->model_time = 0.002;
    }
    const TunedTarget result = {.tuner = tuner, .threads = 2, .program = programs};
    const char *path = format("%s/zoetrope_tuning_%d.yaml", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    ck_assert(write_tuning(path, model->spec, "", &result, 1));
    static char text[1 << 14];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    unlink(path);
    return strstr(text, "---\n");
}

/* Of a spec that has one program to tune, keys are the names of kernels alone; only programs that became faster are in the file. */
START_TEST(files_are_written_with_the_keys_that_are_read) {
    const Spec *one = gru_ae_spec(), *several = system_named("anogan");
    Model model = {.spec = (Spec *)(uintptr_t)one, .graphs = build_graphs(one)};
    differentiate_steps(one, &model.graphs);
    TunedProgram programs[4] = {{0.25, 0.2, true}, {0.25, 0.3, false}, {0.25, 0.2, true}, {0.25, 0.2, true}};
    const char *text = written(&model, find_target("avx2"), programs, "fc3_forward");
    ck_assert_ptr_nonnull(strstr(text, "---\n# A step of training, 2 threads: 200 ms, and 250 by the cost model's choices (0.800).\n"
                                       "spec: gru_ae\ntarget: avx2\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nfc3_forward: {algorithm: direct, "));
    model = (Model){.spec = (Spec *)(uintptr_t)several, .graphs = graphs_of(several)};
    text = written(&model, find_target("avx2"), programs, "generator0_linear_forward");
    ck_assert_ptr_nonnull(strstr(text, "---\n# step0, 2 threads: 200 ms, and 250 by the cost model's choices (0.800).\n"
                                       "# step1, 2 threads: 300 ms, and 250 by the cost model's choices (1.200): no gain, so nothing is "
                                       "chosen otherwise.\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nstep0.generator0_linear_forward: {"));
    ck_assert_ptr_null(strstr(text, "\nstep1."));
    ck_assert_ptr_nonnull(strstr(text, "\nsearch.generator0_linear_forward: {"));
    const Compiled taken = compile_with("anogan", text + strlen("---\n"));
    ck_assert_str_eq(taken.errors, "");
    ck_assert_ptr_nonnull(taken.code->tuning);
}
END_TEST

Suite *tuning_systems_suite(void);
Suite *tuning_systems_suite(void) {
    Suite *suite = suite_create("tuning_systems");
    TCase *test_case = tcase_create("tuning_systems");
    tcase_set_timeout(test_case, 120);
    tcase_add_test(test_case, a_key_names_the_program_of_its_kernel);
    tcase_add_test(test_case, a_bare_key_is_for_all_programs);
    tcase_add_loop_test(test_case, each_mistake_is_an_error_with_its_place, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(test_case, a_file_of_the_cost_models_choices_changes_nothing);
    tcase_add_test(test_case, candidates_are_those_of_every_program);
    tcase_add_loop_test(test_case, blas_is_a_candidate_where_it_is_there, 0, 2);
    tcase_add_test(test_case, files_are_written_with_the_keys_that_are_read);
    suite_add_tcase(suite, test_case);
    return suite;
}
