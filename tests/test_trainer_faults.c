/* test_trainer_faults.c: the trainer's program with bad input or a failing disk, with the small model of fake_model.c. */
#include "../runtime/common/file.h"
#include "../runtime/pictures/strip.h"
#include "trainer_runs.h"

#include <check.h>
#include <grp.h>
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- values that are not finite ---- */

START_TEST(a_loss_or_weights_that_are_not_finite_replace_nothing) {
    ck_assert_int_eq(run("train --out a --iterations 11"), 0);
    ck_assert(rename("a/last.state.safetensors", "kept") == 0 && system("cp kept a/last.state.safetensors") == 0);
    fake_model_poison = NAN;
    ck_assert_int_eq(run("train --out a --iterations 20 --resume"), 1);
    fake_model_poison = 0;
    ck_assert_says("the loss of iteration 12 is nan");
    assert_same_file("kept", "a/last.state.safetensors");
    fake_model_gradient_poison = INFINITY; /* the loss is still finite when the weights no longer are */
    ck_assert_int_eq(run("train --out a --iterations 12 --resume"), 1);
    fake_model_gradient_poison = 0;
    ck_assert_says("no longer finite");
    assert_same_file("kept", "a/last.state.safetensors");
    ck_assert_int_eq(run("train --out a --iterations 12 --resume"), 0);
}
END_TEST

/* `from` with the first number of a tensor changed. `type` is F32, or F64 for numbers that F32 cannot hold. */
static void write_changed(const char *path, const char *from, const char *name, TensorType type, double value) {
    TensorFile file = read_tensors(from);
    FileTensor *tensor = (FileTensor *)(uintptr_t)tensor_file_find(&file, name);
    Error error;
    double wide[8] = {0};
    float single[8] = {0};
    ck_assert(tensor != NULL && tensor->count <= 8 && tensor_to_float(tensor, single));
    wide[0] = value;
    single[0] = (float)value;
    *tensor = tensor_make(name, type, tensor->rank, tensor->shape, type == TENSOR_F64 ? (const void *)wide : single);
    ck_assert(tensor_file_write(path, file.tensor, file.count, file.metadata, file.metadata_count, &error));
    tensor_file_free(&file);
}

static const struct {
    const char *tensor;
    TensorType type;
    double value;
    const char *says;
} no_numbers[] = {
    {"fc1.0.weight", TENSOR_F32, NAN, "changed: tensor fc1.0.weight holds nan (element 1 of 2)"},
    {"encoder.0.bias", TENSOR_F32, -INFINITY, "changed: tensor encoder.0.bias holds -inf (element 1 of 1)"},
    {"encoder.1.running_var", TENSOR_F64, 1e300,
     "changed: tensor encoder.1.running_var holds 1e+300 (element 1 of 2); F32 cannot hold a number this large"},
    {"encoder.1.running_var", TENSOR_F32, -1,
     "changed: tensor encoder.1.running_var holds -1 (element 1 of 2); a variance is never negative"},
};

START_TEST(weights_that_are_not_finite_are_refused_before_anything_is_done) {
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    write_changed("changed", "a/last.safetensors", no_numbers[_i].tensor, no_numbers[_i].type, no_numbers[_i].value);
    static const char *const lines[] = {"train --out b --init changed", "reconstruct --weights changed --data nowhere --out b",
                                        "step --weights changed --batch nowhere --out b"};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(run(lines[i]), 1);
        ck_assert_says(no_numbers[_i].says);
        ck_assert_says("error: changed: 1 of the 8 tensors of fake cannot be used");
        ck_assert(!file_exists("b"));
    }
}
END_TEST

START_TEST(a_count_of_batches_that_is_none_is_refused) {
    static const int64_t counts[] = {-1, INT64_MAX};
    Error error;
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    TensorFile file = read_tensors("a/last.safetensors");
    FileTensor *tensor = (FileTensor *)(uintptr_t)tensor_file_find(&file, "encoder.1.num_batches_tracked");
    for (int i = 0; i < 2; i++) {
        tensor->bytes = &counts[i];
        ck_assert(tensor_file_write("changed", file.tensor, file.count, NULL, 0, &error));
        ck_assert_int_eq(run("train --out b --init changed"), 1);
        ck_assert_says(i == 0 ? "num_batches_tracked holds -1, which is not a number of batches" : "holds 9.22337203685478e+18");
    }
    tensor_file_free(&file);
}
END_TEST

static const struct {
    const char *key, *value, *says;
} metadata[] = {
    {"iteration", "-1", "no valid \"iteration\""},
    {"iteration", "1e3", "no valid \"iteration\""},
    {"iteration", "9999999999999999999", "no valid \"iteration\""},
    {"seed", "", "no valid \"seed\""},
    {"best_validation_psnr", "nan", "no valid \"best_validation_psnr\""},
    {"best_validation_psnr", "12dB", "no valid \"best_validation_psnr\""},
    {"format", "pt", "is not a training state"},
    {"spec_hash", "1234", "belongs to a model with spec 1234"},
};

START_TEST(a_training_state_whose_metadata_are_damaged_is_refused) {
    Error error;
    ck_assert_int_eq(run("train --out a --iterations 2"), 0);
    TensorFile file = read_tensors("a/last.state.safetensors");
    for (int i = 0; i < file.metadata_count; i++) {
        if (strcmp(file.metadata[i].key, metadata[_i].key) == 0) file.metadata[i].value = metadata[_i].value;
    }
    ck_assert(tensor_file_write("a/last.state.safetensors", file.tensor, file.count, file.metadata, file.metadata_count, &error));
    tensor_file_free(&file);
    ck_assert_int_eq(system("cp -r a kept"), 0);
    ck_assert_int_eq(run("train --out a --iterations 4 --resume"), 1);
    ck_assert_says(metadata[_i].says);
    ck_assert_int_eq(system("diff -r a kept"), 0);
}
END_TEST

START_TEST(a_training_state_that_is_none_is_refused_with_a_way_on) {
    ck_assert_int_eq(run("train --out a --iterations 2"), 0);
    ck_assert_int_eq(truncate("a/last.state.safetensors", 4), 0);
    ck_assert_int_eq(run("train --out a --iterations 4 --resume"), 1);
    ck_assert_says(
        "error: a/last.state.safetensors: is not a safetensors file; it cannot be resumed: start again with another --out, and --init "
        "a/last.safetensors for the weights\n");
    ck_assert_int_eq(run("train --out b --init a/last.safetensors --iterations 4"), 0);
}
END_TEST

START_TEST(weights_that_make_no_numbers_are_named_as_the_reason) {
    ck_assert_int_eq(run("train --out a --iterations 2"), 0);
    fake_model_poison = INFINITY;
    ck_assert_int_eq(run("train --out b --iterations 4 --init a/last.safetensors"), 1);
    fake_model_poison = 0;
    ck_assert_says("the loss of iteration 1 is inf; files that were saved before are unchanged; give other weights with --init");
    ck_assert(!file_exists("b"));
}
END_TEST

/* A file that does not fit into memory must be refused for the right reason, from its first bytes. */
START_TEST(a_huge_file_of_another_kind_is_not_read) {
    ck_assert_int_eq(system("touch huge && mkfifo pipe"), 0);
    ck_assert_int_eq(truncate("huge", (off_t)1 << 40), 0);
    ck_assert_int_eq(run("train --init huge"), 1);
    ck_assert_says("huge: is not a safetensors file; save the weights with");
    ck_assert_int_eq(run("train --init pipe"), 1);
    ck_assert_says("pipe: is not a file that can be read");
    ck_assert_int_eq(run("train --init ."), 1);
    ck_assert_says(".: is not a file that can be read");
}
END_TEST

START_TEST(a_training_state_or_a_batch_that_is_not_finite_is_refused) {
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    write_changed("changed", "a/last.state.safetensors", "optimizer.moment2.fc1.0.weight", TENSOR_F32, NAN);
    ck_assert_int_eq(rename("changed", "a/last.state.safetensors"), 0);
    ck_assert_int_eq(run("train --out a --iterations 3 --resume"), 1);
    ck_assert_says("a/last.state.safetensors: tensor optimizer.moment2.fc1.0.weight holds nan");
    ck_assert_says("1 of the 18 tensors of fake cannot be used; the file is damaged");
    float *x = allocate(4 * 4 * 12 * 16 * sizeof *x);
    x[7] = INFINITY;
    Error error;
    const FileTensor tensor = tensor_make("x", TENSOR_F32, 5, (int64_t[]){4, 4, 1, 12, 16}, x);
    ck_assert(tensor_file_write("batch", &tensor, 1, NULL, 0, &error));
    free(x);
    ck_assert_int_eq(run("step --weights a/last.safetensors --batch batch --out b"), 1);
    ck_assert_says("batch: tensor x holds inf (element 8 of 3072)");
    ck_assert(!file_exists("b"));
}
END_TEST

/* ---- disks ---- */

START_TEST(a_full_disk_is_an_error_and_harms_no_file) {
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    ck_assert(rename("a/last.state.safetensors", "kept") == 0 && system("cp kept a/last.state.safetensors") == 0);
    file_limit = 1200; /* the most bytes of a file: strips and weights fit, the training state does not */
    ck_assert_int_eq(run("train --out a --iterations 3 --resume"), 1);
    file_limit = 0;
    ck_assert_says("last.state.safetensors");
    ck_assert_says("make room");
    assert_same_file("kept", "a/last.state.safetensors");
    ck_assert(!file_exists("a/last.state.safetensors.partial"));
    ck_assert_int_eq(run("train --out a --iterations 3 --resume"), 0);
}
END_TEST

START_TEST(a_place_that_cannot_be_written_is_an_error) {
    ck_assert_int_eq(system("touch file"), 0);
    ck_assert_int_eq(run("train --out file/run --iterations 1"), 1);
    ck_assert_says("file");
    ck_assert_int_eq(run("train --out run --iterations 1 --data nowhere"), 1);
    ck_assert_says("nowhere");
    ck_assert(!file_exists("run"));
}
END_TEST

static void become_nobody(void) {
    if (getuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) _exit(98);
}

static void allow_one_process(void) {
    become_nobody(); /* root may have as many as it likes */
    setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1});
}

START_TEST(more_threads_than_can_be_started_are_refused) {
    before_run = allow_one_process;
    ck_assert_int_eq(run("train --out a --iterations 1 --threads 60"), 1);
    ck_assert_says("error: --threads 60: no more than ");
    before_run = NULL;
    ck_assert(!file_exists("a"));
    ck_assert_int_eq(run("train --out a --iterations 1 --threads 60"), 0);
}
END_TEST

START_TEST(a_folder_that_may_not_be_written_is_an_error_before_anything_is_done) {
    ck_assert_int_eq(run("train --out a --iterations 11"), 0);
    ck_assert_int_eq(system("cp -r a kept && touch output && mkdir locked && chmod 755 . && chmod 666 output a/* && chmod 555 a locked"),
                     0);
    before_run = become_nobody;
    ck_assert_int_eq(run("train --out a --iterations 30 --resume"), 1);
    ck_assert_says("error: a: the folder cannot be written: Permission denied; choose another --out");
    ck_assert_int_eq(run("train --out locked --iterations 30"), 1);
    ck_assert_says("locked: the folder cannot be written: Permission denied");
    ck_assert_int_eq(run("train --out locked/run --iterations 30"), 1);
    ck_assert_says("locked/run: the folder cannot be made: Permission denied");
    ck_assert_int_eq(run("reconstruct --out locked --weights a/last.safetensors --data nowhere"), 1);
    ck_assert_says("locked: the folder cannot be written: Permission denied");
    before_run = NULL;
    ck_assert_int_eq(system("chmod 755 a locked && diff -r a kept && rmdir locked"), 0);
}
END_TEST

static void close_streams(void) {
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
}

START_TEST(what_is_printed_on_a_closed_stream_lands_in_no_file) {
    before_run = close_streams;
    ck_assert_int_eq(run("train --out a --iterations 12"), 1); /* trained, but the output failed */
    before_run = NULL;
    assert_iteration("a/last.state.safetensors", "12");
    ck_assert_int_eq(count_lines("a/metrics.jsonl"), 12);
}
END_TEST

START_TEST(step_says_before_it_works_that_its_output_cannot_be_written) {
    static const struct {
        const char *out, *says;
    } places[] = {{"a/last.safetensors", "error: a/last.safetensors: --out would overwrite an input file"},
                  {"./link", "error: ./link: --out would overwrite an input file"},
                  {"nowhere/out", "error: nowhere: the folder cannot be written: No such file or directory"},
                  {"link/out", "error: link: the folder cannot be written: Not a directory"},
                  {"a", "error: a: is a folder"}};
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    ck_assert(symlink("a/last.state.safetensors", "link") == 0 && system("cp -r a kept") == 0);
    char *line = path_join("", "step --weights a/last.safetensors --batch a/last.state.safetensors --out %s", places[_i].out);
    ck_assert_int_eq(run(line), 1);
    ck_assert_says(places[_i].says);
    ck_assert_int_eq(system("diff -r a kept"), 0);
    free(line);
}
END_TEST

START_TEST(what_fails_before_it_did_anything_leaves_no_folder) {
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    ck_assert_int_eq(system("mkdir -p empty there"), 0);
    ck_assert_int_eq(run("train --out new/run --iterations 1 --data empty"), 1);
    ck_assert_int_eq(run("reconstruct --out new/run --weights a/last.safetensors --data empty"), 1);
    ck_assert(!file_exists("new"));
    ck_assert_int_eq(run("train --out there/run --iterations 1 --data empty"), 1);
    ck_assert(file_exists("there") && rmdir("there") == 0); /* it was there before */
    fake_model_poison = NAN;
    ck_assert_int_eq(run("train --out new --iterations 1"), 1);
    fake_model_poison = 0;
    ck_assert(!file_exists("new"));
}
END_TEST

static const char unbroken[] = "train --out unbroken --iterations 30 --data videos --cache 0";

static void goes_on_as_if_nothing_had_happened(void) {
    ck_assert_int_eq(run("train --out a --iterations 30 --data videos --cache 0 --resume"), 0);
    ck_assert_int_eq(run(unbroken), 0);
    assert_same_file("a/last.state.safetensors", "unbroken/last.state.safetensors");
}

static const char *const pictures[] = {"a/real_itr20_no0.png", "a/recon_itr20_no2.png", "a/loss.svg.partial", "a/itr21.safetensors"};

START_TEST(what_was_learned_is_saved_before_pictures_are_written) {
    char *line = path_join("", "mkdir -p a && mkdir %s", pictures[_i]);
    make_video("videos/one", 14);
    ck_assert_int_eq(run("train --out a --iterations 15 --data videos --cache 0"), 0);
    unlink("a/loss.svg");
    ck_assert_int_eq(system(line), 0);
    ck_assert_int_eq(run("train --out a --iterations 30 --data videos --cache 0 --resume --checkpoint-every 21"), 1);
    ck_assert_says("cannot be written");
    ck_assert_says("the 21 iterations so far are saved: continue with --resume");
    assert_iteration("a/last.state.safetensors", "21");
    assert_iteration("a/last.safetensors", "21");
    ck_assert_int_eq(rmdir(pictures[_i]), 0);
    goes_on_as_if_nothing_had_happened();
    free(line);
}
END_TEST

static void hide_videos(void) {
    static int step;
    if (step++ == 7) ck_assert_int_eq(rename("videos", "hidden"), 0);
}

START_TEST(what_was_learned_is_saved_when_the_videos_vanish) {
    make_video("videos/one", 14);
    fake_model_hook = hide_videos;
    ck_assert_int_eq(run("train --out a --iterations 30 --data videos --cache 0"), 1);
    fake_model_hook = NULL;
    ck_assert_says("videos/one");
    ck_assert_says("iterations so far are saved: continue with --resume");
    TensorFile file = read_tensors("a/last.state.safetensors");
    ck_assert_int_ge(atoi(tensor_file_metadata(&file, "iteration")), 8); /* batches that were read ahead are used too */
    tensor_file_free(&file);
    ck_assert_int_eq(rename("hidden", "videos"), 0);
    goes_on_as_if_nothing_had_happened();
}
END_TEST

START_TEST(what_was_learned_is_saved_when_metrics_find_no_room) {
    file_limit = 40000; /* enough for the training state and the plot, but not for the metrics */
    ck_assert_int_eq(run("train --out a --iterations 600"), 1);
    file_limit = 0;
    ck_assert_says("a/metrics.jsonl: cannot be written: File too large; make room there");
    ck_assert_says("iterations so far are saved: continue with --resume");
    ck_assert_int_eq(run("train --out a --iterations 600 --resume"), 0);
    ck_assert_int_eq(count_lines("a/metrics.jsonl"), 599); /* only the line that was cut off is lost */
    ck_assert_int_eq(run("train --out unbroken --iterations 600"), 0);
    assert_same_file("a/last.state.safetensors", "unbroken/last.state.safetensors");
}
END_TEST

START_TEST(metrics_that_are_none_are_left_alone) {
    ck_assert_int_eq(run("train --out a --iterations 3"), 0);
    ck_assert_int_eq(system("sed -i '2s/.*/{\"loss\": 5}/' a/metrics.jsonl && cp -r a kept"), 0);
    ck_assert_int_eq(run("train --out a --iterations 5 --resume"), 1);
    ck_assert_says("error: a/metrics.jsonl: line 2 is not a line of a training run; correct the file, or move it away");
    ck_assert_int_eq(system("diff -r a kept && ln -sf /dev/zero a/metrics.jsonl"), 0);
    ck_assert_int_eq(run("train --out a --iterations 5 --resume"), 1);
    ck_assert_says("error: a/metrics.jsonl: is not a file that can be read back");
    ck_assert_int_eq(unlink("a/metrics.jsonl"), 0);
    ck_assert_int_eq(run("train --out a --iterations 5 --resume"), 0);
    ck_assert_int_eq(count_lines("a/metrics.jsonl"), 2); /* some lines are lost, the weights are not */
    ck_assert_says("warning: a/metrics.jsonl: has lines of only 0 of the 3 iterations so far");
    ck_assert_int_eq(system("sed -n 2p a/metrics.jsonl >> a/metrics.jsonl"), 0);
    ck_assert_int_eq(run("train --out a --iterations 6 --resume"), 1); /* the same iteration twice */
    ck_assert_says("error: a/metrics.jsonl: line 3 is not a line of a training run");
}
END_TEST

START_TEST(best_weights_that_could_not_be_written_are_written_later) {
    make_video("videos/one", 14);
    ck_assert_int_eq(system("mkdir -p a/best.safetensors"), 0);
    ck_assert_int_eq(run("train --out a --iterations 30 --data videos --validation videos"), 1);
    ck_assert_says("best.safetensors: cannot be written");
    TensorFile file = read_tensors("a/last.state.safetensors");
    ck_assert_str_eq(tensor_file_metadata(&file, "best_validation_psnr"), "-inf");
    tensor_file_free(&file);
    ck_assert_int_eq(rmdir("a/best.safetensors"), 0);
    ck_assert_int_eq(run("train --out a --iterations 30 --data videos --validation videos --resume"), 0);
    ck_assert(file_exists("a/best.safetensors"));
}
END_TEST

/* --resume relies on the state, so it must never be ahead of the files that it refers to. */
START_TEST(what_a_state_speaks_of_is_there_before_it) {
    static const char line[] = "train --out %s --iterations %d --data videos --validation videos%s";
    char text[200];
    make_video("videos/one", 14);
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, line, i == 0 ? "a" : "b", i == 1 ? 5 : 11, i == 2 ? " --resume" : "");
        if (i == 2) ck_assert_int_eq(system("mkdir b/last.state.safetensors.partial"), 0); /* the state cannot be written */
        ck_assert_int_eq(run(text), i == 2);
    }
    ck_assert_says("b/last.state.safetensors: cannot be written");
    assert_iteration("b/last.state.safetensors", "5");
    assert_iteration("b/best.safetensors", "11");
    assert_same_file("a/best.safetensors", "b/best.safetensors");
    assert_same_file("a/recon_itr10_no2.png", "b/recon_itr10_no2.png");
}
END_TEST

START_TEST(weights_that_could_not_be_written_are_written_later) {
    ck_assert_int_eq(run("train --out kept --iterations 11"), 0);
    ck_assert_int_eq(run("train --out a --iterations 5"), 0);
    ck_assert_int_eq(system("mkdir a/last.safetensors.partial"), 0);
    ck_assert_int_eq(run("train --out a --iterations 11 --resume"), 1);
    ck_assert_says("a/last.safetensors: cannot be written");
    assert_iteration("a/last.state.safetensors", "11");
    ck_assert_int_eq(run("train --out a --iterations 11 --resume"), 1); /* still not written, so it is still an error */
    ck_assert_int_eq(rmdir("a/last.safetensors.partial"), 0);
    ck_assert_int_eq(run("train --out a --iterations 11 --resume"), 0);
    ck_assert_says("is now written");
    assert_same_file("a/last.safetensors", "kept/last.safetensors");
    assert_same_file("a/loss.svg", "kept/loss.svg");
    ck_assert_int_eq(run("train --out a --iterations 11 --resume"), 0);
    ck_assert_msg(strstr(output, "written") == NULL, "%s", output);
}
END_TEST

START_TEST(a_run_of_which_nothing_could_be_saved_leaves_no_trace) {
    make_video("videos/one", 14);
    file_limit = 1200; /* bytes: metrics, strips and weights fit, the state does not */
    ck_assert_int_eq(run("train --out new/run --iterations 1 --data videos --validation videos"), 1);
    file_limit = 0;
    ck_assert_says("last.state.safetensors: cannot be written");
    ck_assert_says("nothing is saved yet");
    ck_assert_int_eq(run("train --out new/run --iterations 1 --data videos --validation videos"), 0);
}
END_TEST

Suite *trainer_faults_suite(void);

Suite *trainer_faults_suite(void) {
    Suite *suite = suite_create("trainer_faults");
    TCase *tests = tcase_create("trainer_faults");
    tcase_add_checked_fixture(tests, enter_folder, leave_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_loss_or_weights_that_are_not_finite_replace_nothing);
    tcase_add_loop_test(tests, weights_that_are_not_finite_are_refused_before_anything_is_done, 0, sizeof no_numbers / sizeof *no_numbers);
    tcase_add_test(tests, a_count_of_batches_that_is_none_is_refused);
    tcase_add_loop_test(tests, a_training_state_whose_metadata_are_damaged_is_refused, 0, sizeof metadata / sizeof *metadata);
    tcase_add_test(tests, a_training_state_that_is_none_is_refused_with_a_way_on);
    tcase_add_test(tests, weights_that_make_no_numbers_are_named_as_the_reason);
    tcase_add_test(tests, a_huge_file_of_another_kind_is_not_read);
    tcase_add_test(tests, a_training_state_or_a_batch_that_is_not_finite_is_refused);
    tcase_add_test(tests, a_full_disk_is_an_error_and_harms_no_file);
    tcase_add_test(tests, a_place_that_cannot_be_written_is_an_error);
    tcase_add_test(tests, a_folder_that_may_not_be_written_is_an_error_before_anything_is_done);
    tcase_add_test(tests, more_threads_than_can_be_started_are_refused);
    tcase_add_test(tests, what_is_printed_on_a_closed_stream_lands_in_no_file);
    tcase_add_loop_test(tests, step_says_before_it_works_that_its_output_cannot_be_written, 0, 5);
    tcase_add_test(tests, what_fails_before_it_did_anything_leaves_no_folder);
    tcase_add_loop_test(tests, what_was_learned_is_saved_before_pictures_are_written, 0, 4);
    tcase_add_test(tests, what_was_learned_is_saved_when_the_videos_vanish);
    tcase_add_test(tests, what_was_learned_is_saved_when_metrics_find_no_room);
    tcase_add_test(tests, metrics_that_are_none_are_left_alone);
    tcase_add_test(tests, best_weights_that_could_not_be_written_are_written_later);
    tcase_add_test(tests, what_a_state_speaks_of_is_there_before_it);
    tcase_add_test(tests, weights_that_could_not_be_written_are_written_later);
    tcase_add_test(tests, a_run_of_which_nothing_could_be_saved_leaves_no_trace);
    suite_add_tcase(suite, tests);
    return suite;
}
