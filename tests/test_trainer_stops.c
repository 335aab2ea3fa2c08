/* test_trainer_stops.c: signals that stop a run, and locks that keep other runs out of its folder, with the model of fake_model.c. */
#include "../runtime/common/file.h"
#include "../runtime/pictures/strip.h"
#include "trainer_runs.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- signals ---- */

static int signal_at, signal_number;
static void send_signal(void) {
    if (signal_at-- == 0) raise(signal_number);
}

START_TEST(a_signal_finishes_the_iteration_saves_and_says_how_to_resume) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    ck_assert_int_eq(run("train --out a --iterations 30"), 0);
    fake_model_hook = send_signal;
    signal_number = signals[_i];
    signal_at = 17;
    ck_assert_int_eq(run("train --out b --iterations 30"), 128 + signals[_i]);
    fake_model_hook = NULL;
    ck_assert_says("--resume");
    assert_iteration("b/last.safetensors", "18");
    ck_assert_int_eq(run("train --out b --iterations 30 --resume"), 0);
    assert_same_file("a/last.state.safetensors", "b/last.state.safetensors");
}
END_TEST

/* Schedulers signal a group, scripts in it forward their signals, and some send SIGTERM after SIGINT. */
static void send_signals(void) {
    static const int signals[] = {SIGTERM, SIGTERM, SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; signal_at == 0 && i < 5; i++) raise(signals[i]);
    signal_at--;
}

START_TEST(signals_that_follow_at_once_are_the_same_wish) {
    fake_model_hook = send_signals;
    signal_at = 17;
    ck_assert_int_eq(run("train --out a --iterations 30"), 128 + SIGTERM);
    fake_model_hook = NULL;
    ck_assert_says("stopped by SIGTERM after 18 of 30 iterations; saved in a; give the same command with --resume to continue\n");
    assert_iteration("a/last.state.safetensors", "18");
}
END_TEST

static void ask_twice(void) {
    if (signal_at-- != 0) return;
    raise(SIGINT);
    usleep(5100000);
    raise(SIGINT);
    usleep(5000000); /* the run never gets this far */
}

START_TEST(a_signal_that_comes_later_ends_a_run_at_once_and_its_status_says_so) {
    fake_model_hook = ask_twice;
    signal_at = 17;
    ck_assert_int_eq(run("train --out a --iterations 30"), 3);
    fake_model_hook = NULL;
    ck_assert_says("stopped at once by a second signal; iterations since the last save are lost\n");
    assert_iteration("a/last.state.safetensors", "11");
    ck_assert_int_eq(run("train --out a --iterations 30 --resume"), 0);
}
END_TEST

static void send_signal_and_fill_disk(void) {
    if (signal_at == 0) ck_assert_int_eq(system("mkdir a/last.state.safetensors.partial"), 0);
    send_signal();
}

START_TEST(a_run_that_was_stopped_and_could_not_save_has_a_status_of_its_own) {
    fake_model_hook = send_signal_and_fill_disk;
    signal_number = SIGTERM;
    signal_at = 17;
    ck_assert_int_eq(run("train --out a --iterations 30"), 3);
    fake_model_hook = NULL;
    ck_assert_says("error: a/last.state.safetensors: cannot be written: ");
    ck_assert_says("; only the first 11 iterations are saved: continue from there with --resume\n");
    ck_assert_int_eq(run("--help"), 0);
    ck_assert_says("  3    train: stopped by a signal, and the iterations since the last save are\n");
}
END_TEST

static void send_signal_and_remove_run(void) {
    if (signal_at == 0) ck_assert_int_eq(system("rm -r a"), 0);
    send_signal();
}

START_TEST(a_run_whose_folder_is_gone_does_not_say_that_it_is_saved) {
    fake_model_hook = send_signal_and_remove_run;
    signal_number = SIGTERM;
    signal_at = 17;
    ck_assert_int_eq(run("train --out a --iterations 30"), 3);
    fake_model_hook = NULL;
    ck_assert_says("; nothing is saved: the earlier files are gone\n");
}
END_TEST

/* Sends this process SIGINT as soon as the run's folder exists, before its videos are read. */
static void *interrupt(void *unused) {
    while (!file_exists("new/run/metrics.jsonl")) usleep(1000);
    kill(getpid(), SIGINT);
    return unused;
}

static void start_interrupter(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, interrupt, NULL) != 0) _exit(97);
}

START_TEST(a_signal_while_videos_are_read_ends_that_and_leaves_nothing) {
    float *frame = allocate(1500 * 1500 * sizeof *frame);
    Error error;
    ck_assert_int_eq(system("mkdir videos"), 0);
    ck_assert(strip_write("videos/0.png", frame, 1, 1, 1500, 1500, FILE_RENAMED, &error));
    free(frame);
    for (int i = 1; i < 400; i++) { /* some 20 ms each */
        char *name = path_join("videos", "%d.png", i);
        ck_assert_int_eq(link("videos/0.png", name), 0);
        free(name);
    }
    before_run = start_interrupter;
    ck_assert_int_eq(run("train --data videos --out new/run"), 128 + SIGINT);
    before_run = NULL;
    ck_assert_says("stopped by SIGINT while videos were being read");
    ck_assert(!file_exists("new"));
}
END_TEST

/* ---- locks ---- */

START_TEST(a_folder_that_cannot_be_locked_is_warned_about) {
    static const int reasons[] = {ENOLCK, EOPNOTSUPP, ENOSYS, EINVAL, EIO};
    for (int i = 0; i < 5; i++) {
        char *line = path_join("", "train --out run%d --iterations 1", i),
             *says = path_join("", "warning: run%d/metrics.jsonl: cannot be locked: %s; a second training run could write", i,
                               strerror(reasons[i]));
        lock_error = reasons[i];
        ck_assert_int_eq(run(line), 0);
        ck_assert_says(says);
        lock_error = EWOULDBLOCK;
        char *again = path_join("", "train --out run%d --iterations 2 --resume", i);
        ck_assert_int_eq(run(again), 1);
        ck_assert_says("metrics.jsonl: another training run is writing it");
        lock_error = 0;
        ck_assert_int_eq(run(again), 0);
        ck_assert_msg(strstr(output, "lock") == NULL, "%s", output);
        free(line);
        free(says);
        free(again);
    }
}
END_TEST

Suite *trainer_stops_suite(void);

Suite *trainer_stops_suite(void) {
    Suite *suite = suite_create("trainer_stops");
    TCase *tests = tcase_create("trainer_stops");
    tcase_add_checked_fixture(tests, enter_folder, leave_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_signal_finishes_the_iteration_saves_and_says_how_to_resume, 0, 3);
    tcase_add_test(tests, signals_that_follow_at_once_are_the_same_wish);
    tcase_add_test(tests, a_signal_that_comes_later_ends_a_run_at_once_and_its_status_says_so);
    tcase_add_test(tests, a_run_that_was_stopped_and_could_not_save_has_a_status_of_its_own);
    tcase_add_test(tests, a_run_whose_folder_is_gone_does_not_say_that_it_is_saved);
    tcase_add_test(tests, a_signal_while_videos_are_read_ends_that_and_leaves_nothing);
    tcase_add_test(tests, a_folder_that_cannot_be_locked_is_warned_about);
    suite_add_tcase(suite, tests);
    return suite;
}
