/* test_trainer.c: the trainer's program from its command line, with the small model of fake_model.c. */
#include "../runtime/common/file.h"
#include "trainer_runs.h"

#include <check.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- runs ---- */

START_TEST(a_resumed_run_has_the_bits_of_one_that_never_stopped) {
    ck_assert_int_eq(run("train --out a --iterations 30 --threads 1"), 0);
    ck_assert_int_eq(run("train --out b --iterations 15 --threads 2"), 0);
    ck_assert_int_eq(run("train --out b --iterations 30 --resume"), 0);
    assert_same_file("a/last.safetensors", "b/last.safetensors");
    assert_same_file("a/last.state.safetensors", "b/last.state.safetensors");
    assert_same_file("a/recon_itr29_no2.png", "b/recon_itr29_no2.png");
    assert_same_file("a/loss.svg", "b/loss.svg");
    ck_assert_int_eq(count_lines("b/metrics.jsonl"), 30);
    ck_assert_int_eq(run("train --out b --iterations 30 --resume"), 0);
    ck_assert_says("already");
}
END_TEST

/* The results differ from those of a run that was never stopped, so a message says so. */
START_TEST(a_run_that_goes_on_with_other_choices_of_kernels_says_so) {
    ck_assert_int_eq(run("train --out a --iterations 2"), 0);
    ck_assert_int_eq(run("train --out a --iterations 3 --resume"), 0);
    ck_assert_msg(strstr(output, "tuning") == NULL, "%s", output);
    ck_assert_int_eq(run_model(&tuned_fake_model, "train --out a --iterations 4 --resume"), 0);
    ck_assert_says("warning: a: the run was trained with other choices of kernels (tuning none, and this program has 00000000abababab)");
    ck_assert_int_eq(run_model(&tuned_fake_model, "train --out a --iterations 5 --resume"), 0);
    ck_assert_msg(strstr(output, "tuning") == NULL, "%s", output);
    ck_assert_int_eq(run_model(&tuned_fake_model, "info"), 0);
    ck_assert_says("tuning      00000000abababab\n");
    ck_assert_int_eq(run("info"), 0);
    ck_assert_says("tuning      none\n");
}
END_TEST

START_TEST(a_run_folder_is_never_overwritten) {
    ck_assert_int_eq(run("train --iterations 1"), 0); /* runs/fake is the default */
    ck_assert_int_eq(run("train --iterations 2"), 1);
    ck_assert_says("--resume");
    ck_assert_says("--out");
    assert_iteration("runs/fake/last.state.safetensors", "1");
    ck_assert_int_eq(unlink("runs/fake/last.state.safetensors"), 0);
    ck_assert_int_eq(run("train --iterations 2"), 1);
    ck_assert_says("cannot be resumed");
    ck_assert_int_eq(run("train --iterations 2 --resume"), 1);
    ck_assert_says("leave out --resume");
    ck_assert_int_eq(count_lines("runs/fake/metrics.jsonl"), 1);
}
END_TEST

START_TEST(another_validation_or_lost_best_weights_are_warned_about) {
    make_video("videos/one", 14);
    make_video("held/one", 14);
    make_video("others/one", 15);
    ck_assert_int_eq(run("train --out a --iterations 2 --data videos --validation held"), 0);
    ck_assert_int_eq(run("train --out a --iterations 3 --data videos --validation held --resume"), 0);
    ck_assert_msg(strstr(output, "warning") == NULL, "%s", output);
    ck_assert_int_eq(run("train --out a --iterations 4 --data videos --validation others --resume"), 0);
    ck_assert_says("warning: a: the run was validated on 1 video, 14 frames");
    ck_assert_int_eq(run("train --out a --iterations 5 --data videos --resume"), 0);
    ck_assert_says("and now is on none; the best PSNR so far is kept");
    ck_assert_int_eq(unlink("a/best.safetensors"), 0);
    ck_assert_int_eq(run("train --out a --iterations 6 --data videos --validation held --resume"), 0);
    ck_assert_says("warning: a: best.safetensors, of ");
    ck_assert(file_exists("a/best.safetensors"));
}
END_TEST

START_TEST(a_model_larger_than_memory_is_an_error) {
    ModelTarget large = *fake_model.targets[1];
    large.workspace_size = (size_t)1 << 60;
    const ModelTarget *const targets[] = {&large};
    ModelDescription model = fake_model;
    model.targets = targets;
    model.target_count = 1;
    ck_assert_int_eq(run_model(&model, "train --out a --iterations 1"), 1);
    ck_assert_says("error: fake needs 1152921504606846976 bytes and 128 more for each thread");
    ck_assert(!file_exists("a"));
}
END_TEST

/* Each file that another run may have left, by itself. */
START_TEST(no_file_of_a_run_is_replaced_by_another_run) {
    static const char *const names[] = {"best.safetensors", "itr200.safetensors", "last.safetensors",      "metrics.jsonl",
                                        "loss.svg",         "real_itr0_no0.png",  "recon_itr3000_no2.png", NULL};
    char text[200];
    for (int i = 0; names[i] != NULL; i++) {
        snprintf(text, sizeof text, "mkdir a && echo precious > a/%s", names[i]);
        ck_assert_int_eq(system(text), 0);
        ck_assert_int_eq(run("train --out a --iterations 1"), 1);
        snprintf(text, sizeof text, "error: a: holds %s of a run that cannot be resumed", names[i]);
        ck_assert_says(text);
        snprintf(text, sizeof text, "test \"$(ls a)\" = %s && rm -r a", names[i]);
        ck_assert_int_eq(system(text), 0);
    }
    ck_assert_int_eq(system("mkdir a && echo mine > a/notes.txt && echo mine > a/initial.safetensors"), 0);
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
}
END_TEST

START_TEST(resuming_under_another_spec_or_seed_is_refused) {
    ck_assert_int_eq(run("train --out a --iterations 2"), 0);
    ck_assert_int_eq(run_model(&other_fake_model, "train --out a --iterations 4 --resume"), 1);
    ck_assert_says("00000000cafecafe");
    ck_assert_int_eq(run("train --out a --iterations 4 --resume --seed 77"), 1);
    ck_assert_says("leave out --seed");
    assert_iteration("a/last.state.safetensors", "2");
    ck_assert_int_eq(run("train --out a --iterations 4 --resume --seed 3"), 0);
}
END_TEST

START_TEST(targets_are_chosen_by_name_or_refused_with_a_list) {
    setenv("ZOETROPE_TARGET", "generic", 1);
    ck_assert_int_eq(run("info --threads 3"), 0);
    ck_assert_says("target      generic");
    ck_assert_says("144 + 3 × 64 = 336 bytes");
    setenv("ZOETROPE_TARGET", "absent", 1);
    ck_assert_int_eq(run("info"), 1);
    ck_assert_says("lacks it; available are: fast, generic");
    setenv("ZOETROPE_TARGET", "sse9", 1);
    ck_assert_int_eq(run("train"), 1);
    ck_assert_says("no such target; available are: fast, generic");
    unsetenv("ZOETROPE_TARGET");
    ck_assert_int_eq(run("info"), 0);
    ck_assert_says("target      fast");
}
END_TEST

/* ---- weights from elsewhere ---- */

/* The tensors of a run's `last.safetensors`, without `left_out`, and with fc2 as in the reference network's file. */
static void write_weights(const char *path, const char *left_out, bool misshapen) {
    static const uint16_t fc2[6] = {1, 0x7fc1, 3, 4, 5, 6}; /* one is a NaN with a payload, which a conversion would lose */
    TensorFile file = read_tensors("a/last.safetensors");
    FileTensor tensors[16];
    Error error;
    int count = 0;
    for (int i = 0; i < file.count; i++) {
        if (left_out == NULL || strcmp(file.tensor[i].name, left_out) != 0) tensors[count++] = file.tensor[i];
        if (misshapen && file.tensor[i].rank == 1)
            tensors[count - 1] =
                tensor_make(file.tensor[i].name, TENSOR_F32, 2, (int64_t[]){1, file.tensor[i].count}, file.tensor[i].bytes);
    }
    tensors[count++] = tensor_make("fc2.0.weight", TENSOR_BF16, 2, (int64_t[]){2, 3}, fc2);
    ck_assert(tensor_file_write(path, tensors, count, NULL, 0, &error));
    tensor_file_free(&file);
}

static void assert_has_fc2(const char *path) {
    TensorFile file = read_tensors(path), source = read_tensors("init");
    const FileTensor *found = tensor_file_find(&file, "fc2.0.weight"), *wanted = tensor_file_find(&source, "fc2.0.weight");
    ck_assert_ptr_nonnull(found);
    ck_assert(found->type == TENSOR_BF16 && found->rank == 2 && found->shape[0] == 2);
    ck_assert_mem_eq(found->bytes, wanted->bytes, wanted->size);
    tensor_file_free(&file);
    tensor_file_free(&source);
}

START_TEST(tensors_that_the_model_does_not_use_are_reported_and_kept) {
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    write_weights("init", NULL, false);
    ck_assert_int_eq(run("train --out b --init init --iterations 2 --checkpoint-every 1"), 0);
    ck_assert_says("fc2.0.weight [2, 3] is not used");
    assert_has_fc2("b/last.safetensors");
    assert_has_fc2("b/itr1.safetensors");
    ck_assert_int_eq(run("train --out b --resume --iterations 3"), 0);
    assert_has_fc2("b/last.safetensors");
    assert_has_fc2("b/last.state.safetensors");
    ck_assert_int_eq(run("reconstruct --weights init --data nowhere --out r"), 1);
    ck_assert_says("note: init: 1 tensor is not used by fake");
    ck_assert_int_eq(run("train --out c --init b/last.state.safetensors --iterations 1"), 0); /* a training state holds weights too */
    TensorFile file = read_tensors("c/last.safetensors");
    ck_assert_int_eq(file.count, fake_model.state_names + 1);
    for (int i = 0; i < fake_model.state_names; i++) ck_assert_str_eq(file.tensor[i].name, fake_model.state_name[i]);
    tensor_file_free(&file);
}
END_TEST

START_TEST(tensors_may_have_any_name) {
    static const char name[] = "fc2\n\x1b[2J\xe2\x80\xa8\\é";
    const int64_t shape = 1;
    const float value = 3;
    FileTensor tensors[32];
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    TensorFile file = read_tensors("a/last.safetensors");
    for (int i = 0; i < file.count; i++) tensors[i] = file.tensor[i];
    tensors[file.count] = tensor_make(name, TENSOR_F32, 1, &shape, &value);
    ck_assert(tensor_file_write("odd", tensors, file.count + 1, NULL, 0, NULL));
    tensor_file_free(&file);
    ck_assert_int_eq(run("train --out b --init odd --iterations 1"), 0);
    ck_assert_says("note: odd: fc2\\n\\x1b[2J\\u2028\\\\é [1] is not used by fake");
    file = read_tensors("b/last.safetensors");
    ck_assert_ptr_nonnull(tensor_file_find(&file, name)); /* the file keeps the name as it is */
    tensor_file_free(&file);
}
END_TEST

START_TEST(weights_that_do_not_fit_are_all_listed) {
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    write_weights("init", "fc1.0.weight", true);
    ck_assert_int_eq(run("train --out b --init init --iterations 2"), 1);
    ck_assert_says("tensor fc1.0.weight [1, 2] is missing");
    ck_assert_says("tensor encoder.0.bias has shape [1, 1], but the model needs [1]");
    ck_assert_says("tensor encoder.1.running_var has shape [1, 2], but the model needs [2]");
    ck_assert_says("6 of the 8 tensors");
    ck_assert_int_eq(run("train --out b --init output --iterations 2"), 1);
    ck_assert_says("not a safetensors file");
    ck_assert(!file_exists("b/last.safetensors"));
}
END_TEST

/* ---- step ---- */

static void write_batch(const char *path, bool with_state) {
    const int64_t x_shape[] = {4, 4, 1, 12, 16}, h0_shape[] = {1, 4, 3};
    static float x[4 * 4 * 12 * 16], h0[12];
    Error error;
    for (int i = 0; i < 4 * 4 * 12 * 16; i++) x[i] = (float)(i * 37 % 101) / 50 - 1;
    for (int i = 0; i < 12; i++) h0[i] = (float)i / 10;
    const FileTensor tensors[] = {tensor_make("x", TENSOR_F32, 5, x_shape, x), tensor_make("h0", TENSOR_F32, 3, h0_shape, h0)};
    ck_assert(tensor_file_write(path, tensors, with_state ? 2 : 1, NULL, 0, &error));
}

static double scalar(const TensorFile *file, const char *name) {
    const FileTensor *tensor = tensor_file_find(file, name);
    double value;
    ck_assert_msg(tensor != NULL && tensor->type == TENSOR_F64 && tensor->rank == 0, "%s", name);
    memcpy(&value, tensor->bytes, sizeof value);
    return value;
}

START_TEST(step_writes_losses_gradients_and_what_became_of_the_parameters) {
    int64_t tracked;
    ck_assert_int_eq(run("train --out a --iterations 5"), 0);
    write_batch("batch", true);
    ck_assert_int_eq(run("step --weights a/last.safetensors --batch batch --out one --steps 4 --threads 1 --seed 1"), 0);
    ck_assert_int_eq(run("step --weights a/last.safetensors --batch batch --out two --steps 4 --threads 3 --seed 2"), 0);
    assert_same_file("one", "two");
    TensorFile file = read_tensors("one");
    ck_assert_int_eq(file.count, 2 + 4 + fake_model.parameter_tensors + fake_model.state_names);
    ck_assert_double_eq(scalar(&file, "loss"), scalar(&file, "loss.0"));
    ck_assert_double_lt(scalar(&file, "loss.3"), scalar(&file, "loss.0"));
    ck_assert_int_eq(tensor_file_find(&file, "recon")->rank, 5);
    ck_assert_ptr_nonnull(tensor_file_find(&file, "grad.encoder.0.weight"));
    memcpy(&tracked, tensor_file_find(&file, "param.encoder.1.num_batches_tracked")->bytes, sizeof tracked);
    ck_assert_int_eq(tracked, 5 + 4);
    tensor_file_free(&file);
    ck_assert_int_eq(run("step --weights a/last.safetensors --batch batch --out eval --eval"), 0);
    file = read_tensors("eval");
    ck_assert_int_eq(file.count, 2);
    tensor_file_free(&file);
}
END_TEST

START_TEST(step_refuses_a_batch_that_does_not_fit) {
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    write_batch("batch", false);
    ck_assert_int_eq(run("step --weights a/last.safetensors --batch batch --out out"), 1);
    ck_assert_says("tensor h0 is missing; it must have shape [1, 4, 3]");
    ck_assert_int_eq(run("step --weights a/last.safetensors --batch a/last.safetensors --out out"), 1);
    ck_assert_says("tensor x is missing; it must have shape [4, 4, 1, 12, 16]");
    ck_assert(!file_exists("out"));
}
END_TEST

/* ---- videos ---- */

START_TEST(validation_is_in_the_metrics_and_chooses_the_best_weights) {
    make_video("videos/one", 14);
    make_video("videos/two", 9);
    ck_assert_int_eq(run("train --data videos --validation videos/two --out a --iterations 15"), 0);
    ck_assert_says("best validation PSNR");
    ck_assert(file_exists("a/best.safetensors") && file_exists("a/real_itr0_no0.png") && file_exists("a/recon_itr14_no2.png"));
    ck_assert_int_eq(system("grep -c validation_psnr a/metrics.jsonl | grep -qx 3"), 0);
    png_image image = {.version = PNG_IMAGE_VERSION};
    ck_assert_int_ne(png_image_begin_read_from_file(&image, "a/real_itr10_no1.png"), 0);
    ck_assert(image.width == 4 * 18 + 2 && image.height == 16 && image.format == PNG_FORMAT_RGB);
    png_image_free(&image);
}
END_TEST

START_TEST(resuming_on_other_videos_is_said_and_on_none_is_refused) {
    make_video("videos/one", 14);
    make_video("others/one", 9);
    ck_assert_int_eq(run("train --data videos --out a --iterations 3"), 0);
    ck_assert_int_eq(run("train --out a --iterations 5 --resume"), 1);
    ck_assert_says("error: a: the run was trained on 1 video, 14 frames");
    assert_iteration("a/last.state.safetensors", "3");
    ck_assert_int_eq(run("train --data others --out a --iterations 5 --resume"), 0);
    ck_assert_says("warning: a: the run was trained on 1 video, 14 frames");
    ck_assert_int_eq(run("train --data others --out a --iterations 6 --resume"), 0);
    ck_assert_ptr_null(strstr(output, "warning"));
}
END_TEST

START_TEST(reconstruct_measures_every_clip_and_counts_what_is_left_over) {
    make_video("videos/one", 14);
    make_video("videos/two", 9);
    ck_assert_int_eq(run("train --data videos --out a --iterations 15"), 0);
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r"), 0);
    ck_assert_says("mean of 5 clips of 2 videos");
    ck_assert_says("3 frames");
    ck_assert_int_eq(count_lines("r/reconstruct.jsonl"), 6);
    ck_assert(file_exists("r/real_video001_no1.png") && file_exists("r/recon_video000_no2.png"));
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r"), 1);
    ck_assert_says("another --out");
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out s --threads 1"), 0);
    assert_same_file("r/reconstruct.jsonl", "s/reconstruct.jsonl");
}
END_TEST

START_TEST(help_and_wrong_command_lines_have_their_exit_status) {
    ck_assert_int_eq(run("--help"), 0);
    ck_assert_says("exit status");
    ck_assert_int_eq(run("reconstruct --help"), 0);
    ck_assert_says("examples:");
    ck_assert_int_eq(run("--version"), 0);
    ck_assert_says("zoetrope 0");
    ck_assert_int_eq(run("trian"), 2);
}
END_TEST

START_TEST(help_fits_a_screen_and_says_what_is_required) {
    static const char *const commands[] = {"", "train ", "reconstruct ", "score ", "step ", "info ", "profile "};
    for (int i = 0; i < 7; i++) {
        char *line = path_join("", "%s--help", commands[i]);
        ck_assert_int_eq(run(line), 0);
        ck_assert_int_eq(system("grep -v '^  fake ' output | LC_ALL=C.UTF-8 grep -E '^.{81}'"), 256);
        free(line);
    }
    ck_assert_int_eq(run("score --help"), 0);
    ck_assert_says("the weights, a safetensors file; required\n");
}
END_TEST

START_TEST(control_characters_of_a_name_are_shown_and_not_done) {
    ck_assert_int_eq(run("train --init \033[2Jcleared\n --iterations 1"), 1);
    ck_assert_says("error: \\x1b[2Jcleared\\n: cannot be opened");
}
END_TEST

Suite *trainer_suite(void);

Suite *trainer_suite(void) {
    Suite *suite = suite_create("trainer");
    TCase *tests = tcase_create("trainer");
    tcase_add_checked_fixture(tests, enter_folder, leave_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_resumed_run_has_the_bits_of_one_that_never_stopped);
    tcase_add_test(tests, a_run_that_goes_on_with_other_choices_of_kernels_says_so);
    tcase_add_test(tests, a_run_folder_is_never_overwritten);
    tcase_add_test(tests, control_characters_of_a_name_are_shown_and_not_done);
    tcase_add_test(tests, help_fits_a_screen_and_says_what_is_required);
    tcase_add_test(tests, another_validation_or_lost_best_weights_are_warned_about);
    tcase_add_test(tests, a_model_larger_than_memory_is_an_error);
    tcase_add_test(tests, no_file_of_a_run_is_replaced_by_another_run);
    tcase_add_test(tests, resuming_under_another_spec_or_seed_is_refused);
    tcase_add_test(tests, targets_are_chosen_by_name_or_refused_with_a_list);
    tcase_add_test(tests, tensors_that_the_model_does_not_use_are_reported_and_kept);
    tcase_add_test(tests, tensors_may_have_any_name);
    tcase_add_test(tests, weights_that_do_not_fit_are_all_listed);
    tcase_add_test(tests, step_writes_losses_gradients_and_what_became_of_the_parameters);
    tcase_add_test(tests, step_refuses_a_batch_that_does_not_fit);
    tcase_add_test(tests, validation_is_in_the_metrics_and_chooses_the_best_weights);
    tcase_add_test(tests, resuming_on_other_videos_is_said_and_on_none_is_refused);
    tcase_add_test(tests, reconstruct_measures_every_clip_and_counts_what_is_left_over);
    tcase_add_test(tests, help_and_wrong_command_lines_have_their_exit_status);
    suite_add_tcase(suite, tests);
    return suite;
}
