/* test_system_train.c: training of a system, with the model of fake_system.c. */
#include "../runtime/common/file.h"
#include "../runtime/data/loader.h"
#include "../runtime/model/averages.h"
#include "../runtime/training/iteration.h"
#include "fake_system.h"
#include "trainer_runs.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A system whose tables a test may change. */
typedef struct Variant {
    ModelDescription model;
    ModelProgram programs[3];
    ModelTrainingStep steps[2];
    ModelGroup groups[3];
} Variant;

/* Without the frozen network, so that it can be trained without --init. */
static void make_variant(Variant *variant) {
    variant->model = fake_system;
    for (int i = 0; i < 3; i++) variant->programs[i] = fake_system.programs[i];
    for (int i = 0; i < 2; i++) variant->steps[i] = fake_system.steps[i];
    for (int i = 0; i < 3; i++) variant->groups[i] = fake_system.groups[i];
    variant->groups[2].frozen = false;
    variant->model.programs = variant->programs;
    variant->model.steps = variant->steps;
    variant->model.groups = variant->groups;
}

static Variant plain;

static void setup(void) {
    enter_folder();
    make_variant(&plain);
}

static int train(const char *options) {
    char line[300];
    snprintf(line, sizeof line, "train %s", options);
    return run_model(&plain.model, line);
}

static char *read_text(const char *path) {
    unsigned char *bytes;
    size_t length;
    Error error;
    ck_assert_msg(file_read(path, &bytes, &length, &error), "%s", error.text);
    char *text = copy_text("");
    text = reallocate(text, length + 1);
    memcpy(text, bytes, length);
    text[length] = 0;
    free(bytes);
    return text;
}

static void assert_contains(const char *path, const char *wanted) {
    char *text = read_text(path);
    ck_assert_msg(strstr(text, wanted) != NULL, "%s has no \"%s\":\n%s", path, wanted, text);
    free(text);
}

/* The line of an iteration in metrics.jsonl. */
static char *metrics_line(const char *path, int iteration) {
    char *text = read_text(path), *line = text;
    for (int i = 0; i < iteration; i++) line = strchr(line, '\n') + 1;
    line[strcspn(line, "\n")] = 0;
    line = copy_text(line);
    free(text);
    return line;
}

/* ---- batches ---- */

START_TEST(each_iteration_takes_the_batches_that_its_steps_say) {
    static const struct {
        ModelBatch batch[2];
        int64_t times[2], every[2], batches[4]; /* before iterations 1, 2, 3, 7 */
    } cases[] = {
        {{MODEL_BATCH_SAME, MODEL_BATCH_SAME}, {1, 1}, {1, 1}, {1, 2, 3, 7}},
        {{MODEL_BATCH_SAME, MODEL_BATCH_NEXT}, {2, 3}, {1, 1}, {2, 4, 6, 14}},
        {{MODEL_BATCH_SAME, MODEL_BATCH_NEXT}, {1, 1}, {1, 3}, {2, 3, 4, 10}},
        {{MODEL_BATCH_EACH, MODEL_BATCH_SAME}, {5, 1}, {1, 1}, {5, 10, 15, 35}}, /* the first step's serve the second */
        {{MODEL_BATCH_EACH, MODEL_BATCH_NEXT}, {5, 4}, {1, 2}, {6, 11, 17, 39}},
        {{MODEL_BATCH_NEXT, MODEL_BATCH_SAME}, {1, 1}, {2, 1}, {2, 3, 5, 11}},
    };
    static const int64_t iterations[] = {1, 2, 3, 7};
    for (int i = 0; i < 2; i++) {
        plain.steps[i].batch = cases[_i].batch[i];
        plain.steps[i].times = cases[_i].times[i];
        plain.steps[i].every = cases[_i].every[i];
    }
    ck_assert_int_eq(batches_before(&plain.model, 0), 0);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(batches_before(&plain.model, iterations[i]), cases[_i].batches[i]);
    /* And it does take them. */
    DatasetOptions how = {.T = SYSTEM_T, .channels = SYSTEM_CHANNELS, .height = SYSTEM_ROWS, .width = SYSTEM_COLUMNS};
    Error error;
    Dataset *data = dataset_open_synthetic(7, 0, 3, 9, &how, &error);
    ModelState state;
    LossNames names = name_losses(&plain.model);
    double losses[3];
    bool begun;
    ck_assert_ptr_nonnull(data);
    ck_assert_msg(model_open(&state, &plain.model, 1, 3, &error), "%s", error.text);
    model_initialize(&state);
    Loader *loader = loader_start(data, 3, 0, SYSTEM_BATCH, &error);
    Iteration iteration = {.losses = losses};
    for (int i = 0; i < 7; i++) ck_assert_msg(iterate(&state, loader, &names, &iteration, &begun, &error), "%s", error.text);
    Loader *other = loader_start(data, 3, cases[_i].batches[3] - 1, SYSTEM_BATCH, &error);
    ck_assert_mem_eq(iteration.x, loader_next(other, &error), SYSTEM_ELEMENTS * sizeof(float)); /* the last one before iteration 7 */
    loader_stop(loader);
    loader_stop(other);
    loss_names_free(&names);
    model_close(&state);
    dataset_close(data);
}
END_TEST

/* ---- runs ---- */

static int stop_before, steps_so_far;

static void stop_there(int step) {
    (void)step;
    if (++steps_so_far == stop_before) raise(SIGTERM);
}

/* Interrupted in any of its iterations, a run goes on as if it had not been. */
START_TEST(a_resumed_run_has_the_bits_of_one_that_never_stopped) {
    static const int stops[] = {1, 2, 3, 30, 77, 100, 128};
    ck_assert_msg(train("--out a --threads 1") == 0, "%s", output);
    stop_before = stops[_i];
    fake_system_hook = stop_there;
    ck_assert_int_eq(train("--out b"), 128 + SIGTERM);
    fake_system_hook = NULL;
    ck_assert_int_eq(train("--out b --resume"), 0);
    assert_same_file("a/last.safetensors", "b/last.safetensors");
    assert_same_file("a/last.state.safetensors", "b/last.state.safetensors");
    assert_same_file("a/recon_itr49_no2.png", "b/recon_itr49_no2.png");
    assert_same_file("a/samples_itr49_no0.png", "b/samples_itr49_no0.png");
    ck_assert_int_eq(count_lines("b/metrics.jsonl"), 50);
}
END_TEST

START_TEST(losses_have_their_names_in_metrics_plot_and_progress) {
    ck_assert_int_eq(train("--out a --iterations 22"), 0);
    ck_assert_says("  real 0.");
    ck_assert_says("  fake 0.");
    ck_assert_says("PSNR ");
    char *line = metrics_line("a/metrics.jsonl", 0);
    ck_assert_msg(strstr(line, "\"step0.loss.real\": ") && strstr(line, "\"step0.loss.fake\": ") && strstr(line, "\"step1.loss.fooled\": "),
                  "%s", line);
    ck_assert_msg(strstr(line, "\"psnr\": ") && !strstr(line, "validation") && !strstr(line, "\"loss\""), "%s", line);
    free(line);
    line = metrics_line("a/metrics.jsonl", 1); /* `every` leaves step 1 out; no strips */
    ck_assert_msg(strstr(line, "\"step0.loss.real\": ") && !strstr(line, "fooled") && !strstr(line, "psnr"), "%s", line);
    free(line);
    static const char *const names[] = {">real, logarithmic<", ">fake, logarithmic<", ">fooled, logarithmic<", ">PSNR of evaluation, dB<"};
    for (int i = 0; i < 4; i++) assert_contains("a/loss.svg", names[i]);
    ck_assert_int_eq(train("--out a --iterations 23 --resume"), 0); /* lines are read back */
    ck_assert_msg(strstr(output, "warning") == NULL, "%s", output);
    assert_contains("a/loss.svg", ">fooled, logarithmic<");
    char *svg = read_text("a/loss.svg");
    ck_assert(strstr(svg, "nan") == NULL && strstr(svg, "inf") == NULL);
    free(svg);
}
END_TEST

/* Two steps that use a loss of one name. */
START_TEST(a_name_that_two_steps_use_is_shown_with_the_step) {
    static const char *const same[] = {"loss.real"};
    plain.programs[1].loss = same;
    ck_assert_int_eq(train("--out a --iterations 1"), 0);
    ck_assert_says("  step0.real ");
    ck_assert_says("  step1.real ");
    ck_assert_says("  fake ");
    assert_contains("a/metrics.jsonl", "\"step1.loss.real\": ");
}
END_TEST

/* A loss that can be negative has no logarithm. */
START_TEST(losses_may_be_negative) {
    fake_system_poison = -5;
    ck_assert_int_eq(train("--out a --iterations 3"), 0);
    fake_system_poison = 0;
    assert_contains("a/loss.svg", ">fooled<");
    assert_contains("a/loss.svg", ">real, logarithmic<");
}
END_TEST

static void poison_later(int step) {
    if (step == 1 && ++steps_so_far == 8) fake_system_poison = NAN;
}

/* Step 1 is done in iterations 1, 3, 5 …, counted from 1. */
START_TEST(a_loss_that_is_not_finite_stops_the_run_and_is_named) {
    fake_system_hook = poison_later;
    ck_assert_int_eq(train("--out a"), 1);
    fake_system_hook = NULL;
    ck_assert_says("error: the loss fooled of step 1 is nan in iteration 15; ");
    ck_assert_says("lower the learning rate of g");
    assert_iteration("a/last.state.safetensors", "11"); /* of the last strips */
    ck_assert_int_eq(train("--out a --resume --iterations 20"), 0);
}
END_TEST

/* ---- evaluation ---- */

START_TEST(averages_take_the_place_of_weights_and_give_it_back) {
    float weights[4] = {1, 2, 3, 4}, averages[4] = {5, 6, 7, 8}, found[4];
    const float mixed[4] = {5, 6, 7, 4}; /* the frozen one has no average */
    ModelState state;
    Averaging averaging;
    Error error;
    ck_assert(model_open(&state, &fake_system, 1, 3, &error));
    state.target->load(state.workspace, MODEL_PARAMETERS, weights);
    state.target->load(state.workspace, MODEL_AVERAGE, averages);
    ck_assert(averaging_begin(&averaging, &state, &error));
    state.target->save(state.workspace, MODEL_PARAMETERS, found);
    ck_assert_mem_eq(found, mixed, sizeof found);
    averaging_end(&averaging, &state);
    state.target->save(state.workspace, MODEL_PARAMETERS, found);
    ck_assert_mem_eq(found, weights, sizeof found);
    model_close(&state);
}
END_TEST

START_TEST(a_state_with_a_number_of_updates_that_no_run_has_is_an_error) {
    Error error;
    ck_assert_int_eq(train("--out a --iterations 2"), 0);
    TensorFile file = read_tensors("a/last.state.safetensors");
    for (int i = 0; i < file.metadata_count; i++)
        if (strcmp(file.metadata[i].key, "updates.g") == 0) file.metadata[i].value = "9223372036854775808"; /* 2^63 */
    ck_assert(tensor_file_write("a/last.state.safetensors", file.tensor, file.count, file.metadata, file.metadata_count, &error));
    ck_assert_int_eq(train("--out a --iterations 3 --resume"), 1);
    ck_assert_says("error: a/last.state.safetensors: its metadata has no valid \"updates.g\"; the file is damaged");
}
END_TEST

static float number_in(const char *path, const char *name) {
    float value;
    TensorFile file = read_tensors(path);
    const FileTensor *tensor = tensor_file_find(&file, name);
    ck_assert_msg(tensor != NULL && tensor_to_float(tensor, &value), "%s: %s", path, name);
    tensor_file_free(&file);
    return value;
}

/* Not as the averages of the run that the initial weights are from. A resumed run goes on with its own. */
START_TEST(averages_begin_as_the_initial_weights) {
    static const char *const weights[] = {"d.0.weight", "g.0.weight", "g.0.bias"}, *const averages[] = {"average.d.0.weight",
                                                                                                        "average.g.0.weight",
                                                                                                        "average.g.0.bias"};
    ck_assert_int_eq(train("--out a --iterations 12"), 0);
    fake_system_average = 1; /* averages do not move */
    ck_assert_msg(train("--out b --init a/last.safetensors --iterations 1") == 0, "%s", output);
    ck_assert_int_eq(train("--out b --iterations 3 --resume"), 0);
    for (int i = 0; i < 3; i++) {
        const float initial = number_in("a/last.safetensors", weights[i]);
        ck_assert_float_ne(number_in("a/last.safetensors", averages[i]), initial);
        ck_assert_float_ne(number_in("b/last.safetensors", weights[i]), initial);
        ck_assert_float_eq(number_in("b/last.safetensors", averages[i]), initial);
    }
}
END_TEST

/* The statistics of batch norm are those of training. Evaluation changes nothing that is trained. */
START_TEST(strips_and_validation_do_not_change_training) {
    make_video("held/one", 12);
    ck_assert_int_eq(train("--out a"), 0);
    plain.model.strips_every = 3;
    ck_assert_msg(train("--out b --validation held") == 0, "%s", output);
    assert_same_file("a/last.safetensors", "b/last.safetensors");
    ck_assert_says("best validation PSNR ");
    ck_assert(file_exists("b/best.safetensors"));
    ck_assert(file_exists("b/real_itr3_no0.png") && file_exists("b/recon_itr3_no2.png") && file_exists("b/samples_itr48_no1.png"));
    assert_contains("b/metrics.jsonl", "\"validation_score\": ");
    assert_contains("b/metrics.jsonl", "\"validation_psnr\": ");
    assert_contains("b/loss.svg", ">Score of validation<");
}
END_TEST

static double psnr_of(const char *out, const char *key) {
    char *path = path_join(out, "metrics.jsonl"), *line = metrics_line(path, 0);
    const char *found = strstr(line, key);
    ck_assert_msg(found != NULL, "%s", line);
    const double value = atof(found + strlen(key));
    free(line);
    free(path);
    return value;
}

/* With a factor of 1 the averages stay as the initial weights are. So do weights with a learning rate of 0. Statistics are moved before. */
START_TEST(strips_and_validation_are_those_of_the_averages) {
    static const char *const keys[] = {"\"psnr\": ", "\"validation_psnr\": ", "\"validation_score\": "};
    make_video("held/one", 12);
    fake_system_average = 1;
    ck_assert_int_eq(train("--out a --iterations 1 --validation held"), 0);
    plain.groups[1].learning_rate = 0;
    ck_assert_int_eq(train("--out b --iterations 1 --validation held"), 0);
    plain.groups[1].learning_rate = 0.02;
    plain.model.average = 0;
    ck_assert_int_eq(train("--out c --iterations 1 --validation held"), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_double_eq(psnr_of("a", keys[i]), psnr_of("b", keys[i]));
        ck_assert_double_ne(psnr_of("a", keys[i]), psnr_of("c", keys[i]));
    }
    assert_same_file("a/recon_itr0_no0.png", "b/recon_itr0_no0.png");
    TensorFile file = read_tensors("c/last.safetensors");
    ck_assert_ptr_null(tensor_file_find(&file, "average.g.0.weight"));
    tensor_file_free(&file);
}
END_TEST

/* Without a reconstruction: by the score. */
START_TEST(the_best_weights_have_the_lowest_score_without_a_reconstruction) {
    make_video("held/one", 12);
    static ModelArgument outputs[2];
    outputs[0] = fake_system.programs[2].output[1];
    outputs[1] = fake_system.programs[2].output[2];
    outputs[0].name = "output.other"; /* what the model takes for its reconstruction */
    static ModelArgument three[3];
    three[0] = outputs[0];
    three[1] = fake_system.programs[2].output[1];
    three[2] = outputs[1];
    plain.programs[2].output = three;
    ck_assert_msg(train("--out a --iterations 11 --validation held") == 0, "%s", output);
    ck_assert_says("best validation score ");
    ck_assert_says(" score ");
    ck_assert(strstr(output, "PSNR") == NULL);
    ck_assert(file_exists("a/best.safetensors") && !file_exists("a/recon_itr0_no0.png") && file_exists("a/samples_itr0_no0.png"));
    TensorFile file = read_tensors("a/last.state.safetensors");
    ck_assert_ptr_nonnull(tensor_file_metadata(&file, "best_validation_score"));
    ck_assert_ptr_null(tensor_file_metadata(&file, "best_validation_psnr"));
    tensor_file_free(&file);
    ck_assert_int_eq(train("--out a --iterations 12 --validation held --resume"), 0);
    ck_assert_msg(strstr(output, "warning") == NULL, "%s", output);
    ck_assert_int_eq(remove("a/best.safetensors"), 0);
    ck_assert_int_eq(train("--out a --iterations 13 --validation held --resume"), 0);
    ck_assert_says("warning: a: best.safetensors, of score ");
    three[2].name = "output.more";
    ck_assert_int_eq(train("--out b --iterations 1 --validation held"), 1);
    ck_assert_says("error: system has neither a reconstruction nor a score, so there is nothing to validate");
    ck_assert_int_eq(train("--out b --iterations 1"), 0);
}
END_TEST

START_TEST(a_frozen_network_needs_its_weights) {
    ck_assert_int_eq(train("--out a --iterations 2"), 0);
    ck_assert_int_eq(run_model(&fake_system, "train --out b --iterations 2"), 1);
    ck_assert_says("error: network f is frozen, so it does not learn; give its weights");
    ck_assert(!file_exists("b"));
    ck_assert_int_eq(run_model(&fake_system, "train --out b --iterations 2 --init a/last.safetensors"), 0);
    ck_assert_int_eq(run_model(&fake_system, "train --out b --iterations 3 --resume"), 0);
}
END_TEST

/* ---- draws ---- */

/* Only a later step reads a noise; an earlier one has it drawn. */
START_TEST(a_kept_draw_is_made_though_only_a_later_step_reads_it) {
    ModelArgument inputs[3];
    for (int i = 0; i < 3; i++) inputs[i] = fake_system.programs[1].input[i];
    inputs[1].name = "noise.late";
    inputs[1].draw = DRAW_UNIFORM;
    inputs[1].low = 1000;
    inputs[1].high = 1001;
    plain.programs[1].input = inputs;
    ck_assert_int_eq(train("--out a --iterations 1"), 0);
    char *line = metrics_line("a/metrics.jsonl", 0);
    const char *found = strstr(line, "\"step1.loss.fooled\": ");
    ck_assert_msg(found != NULL, "%s", line);
    ck_assert_double_gt(atof(found + 21), 100); /* below 1 with a noise of zeros */
    free(line);
}
END_TEST

static int normal_draws;

static void count_draws(float *values, size_t n) {
    normal_draws++;
    fake_system.targets[0]->normal(values, n);
}

/* Both steps read the noise, with the draws of step 0, or each with its own. Step 0 is done twice. */
START_TEST(a_draw_that_several_steps_read_is_made_once) {
    ModelTarget target = *fake_system.targets[0];
    const ModelTarget *const targets[] = {&target};
    ModelState state;
    Error error;
    target.normal = count_draws;
    plain.model.targets = targets;
    for (int own = 0; own < 2; own++) {
        plain.steps[1].draws_of = own;
        normal_draws = 0;
        ck_assert_msg(model_open(&state, &plain.model, 1, 3, &error), "%s", error.text);
        model_initialize(&state);
        float *x = calloc(SYSTEM_ELEMENTS, sizeof *x);
        model_train(&state, x);
        ck_assert_int_eq(normal_draws, 2 + own);
        free(x);
        model_close(&state);
    }
}
END_TEST

/* A step that `every` skips reads nothing. What it keeps of step 0 is of the last of two rounds, and step 0 does not read it itself. */
START_TEST(a_draw_that_nothing_reads_is_not_made) {
    static const int drawn[2][3] = {{4, 2, 4}, {1, 0, 1}}; /* in three iterations */
    ModelTarget target = *fake_system.targets[0];
    const ModelTarget *const targets[] = {&target};
    Error error;
    target.normal = count_draws;
    plain.model.targets = targets;
    for (int later = 0; later < 2; later++) {
        ModelState state;
        const ModelArgument first_inputs[] = {fake_system.programs[0].input[0], fake_system.programs[0].input[2]};
        if (later) plain.programs[0] = (ModelProgram){"step0", 2, 0, 2, first_inputs, NULL, fake_system.programs[0].loss};
        plain.steps[1].draws_of = later ? 0 : 1;
        plain.steps[1].times = 2;
        ck_assert_msg(model_open(&state, &plain.model, 1, 3, &error), "%s", error.text);
        for (int i = 0; i < 3; i++) {
            normal_draws = 0;
            for (int step = 0; step < 2; step++)
                for (int round = 0; round < 2; round++) model_draw(&state, step, round);
            model_end_iteration(&state);
            ck_assert_int_eq(normal_draws, drawn[later][i]);
        }
        ck_assert_ptr_null(model_buffer(&state, "noise.u")); /* which no program reads */
        ck_assert(model_add_unread_draws(&state, &error));
        ck_assert_ptr_nonnull(model_buffer(&state, "noise.u"));
        model_close(&state);
    }
}
END_TEST

/* Beside the workspace: e and k, two outputs; the score of each frame; the draws of one item. */
START_TEST(memory_counts_draws_and_outputs) {
    ck_assert_uint_eq(model_buffer_bytes(&fake_system), sizeof(float) * (4 * SYSTEM_ELEMENTS + SYSTEM_BATCH * SYSTEM_T + SYSTEM_CLIP));
    ck_assert_msg(train("--iterations 2 --threads 1 --out m") == 0, "%s", output);
    ck_assert_says(", draws and results 0.0 MiB, ");
}
END_TEST

/* ---- info, profile ---- */

START_TEST(info_names_networks_steps_and_outputs) {
    ck_assert_int_eq(run_model(&fake_system, "info"), 0);
    ck_assert_says("network     g: sgd, learning rate 0.02\nnetwork     f: frozen\n");
    ck_assert_says("step 0      updates d by real, fake; 2 times\n");
    ck_assert_says("step 1      updates g by fooled; draws of step 0; the next batch; in iterations that 2 divides\n");
    ck_assert_says("averages    of the weights, with factor 0.9\nevaluation  reconstruction, samples, score\n");
}
END_TEST

START_TEST(a_profile_is_of_all_steps_or_of_one) {
    ck_assert_msg(run_model(&fake_system, "profile --steps 2 --threads 1 --out p.svg") == 0, "%s", output);
    ck_assert_says("\nstep0.products ");
    ck_assert_says("\nstep1.update ");
    ck_assert_says("all programs, each once: ");
    ck_assert_int_eq(run_model(&fake_system, "profile --steps 2 --threads 1 --step 1 --out p.svg"), 0);
    ck_assert_says("\nproducts ");
    ck_assert_says("\na step: ");
    ck_assert_int_eq(run_model(&fake_system, "profile --step 2"), 1);
    ck_assert_says("error: --step 2: system has 2 steps, counted from 0");
    ck_assert_int_eq(run_model(&fake_system, "profile --step 1 --eval"), 1);
    ck_assert_says("error: --step and --eval exclude each other");
}
END_TEST

Suite *system_train_suite(void) {
    Suite *suite = suite_create("system_train");
    TCase *tests = tcase_create("program");
    tcase_add_checked_fixture(tests, setup, leave_folder);
    tcase_add_loop_test(tests, each_iteration_takes_the_batches_that_its_steps_say, 0, 6);
    tcase_add_loop_test(tests, a_resumed_run_has_the_bits_of_one_that_never_stopped, 0, 7);
    tcase_add_test(tests, losses_have_their_names_in_metrics_plot_and_progress);
    tcase_add_test(tests, a_name_that_two_steps_use_is_shown_with_the_step);
    tcase_add_test(tests, losses_may_be_negative);
    tcase_add_test(tests, a_loss_that_is_not_finite_stops_the_run_and_is_named);
    tcase_add_test(tests, averages_take_the_place_of_weights_and_give_it_back);
    tcase_add_test(tests, a_state_with_a_number_of_updates_that_no_run_has_is_an_error);
    tcase_add_test(tests, averages_begin_as_the_initial_weights);
    tcase_add_test(tests, strips_and_validation_do_not_change_training);
    tcase_add_test(tests, strips_and_validation_are_those_of_the_averages);
    tcase_add_test(tests, the_best_weights_have_the_lowest_score_without_a_reconstruction);
    tcase_add_test(tests, a_frozen_network_needs_its_weights);
    tcase_add_test(tests, a_kept_draw_is_made_though_only_a_later_step_reads_it);
    tcase_add_test(tests, a_draw_that_several_steps_read_is_made_once);
    tcase_add_test(tests, a_draw_that_nothing_reads_is_not_made);
    tcase_add_test(tests, memory_counts_draws_and_outputs);
    tcase_add_test(tests, info_names_networks_steps_and_outputs);
    tcase_add_test(tests, a_profile_is_of_all_steps_or_of_one);
    suite_add_tcase(suite, tests);
    return suite;
}
