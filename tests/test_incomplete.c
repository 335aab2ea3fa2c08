/* test_incomplete.c: commands that cannot give a result for everything that was asked for, with the small model of fake_model.c. */
#include "../runtime/common/file.h"
#include "sample_video.h"
#include "trainer_runs.h"

#include <check.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void learn(void) {
    make_video("videos/one", 14);
    make_video("videos/two", 9);
    ck_assert_int_eq(run("train --data videos --out a --iterations 2"), 0);
}

/* Each puts something into `videos` that has no complete result. */
static void add_unreadable(void) {
    sample_bytes_write("videos/bad.mp4", "no video", 8);
}
static void add_brief(void) {
    make_video("videos/bad", 2);
}
static void add_bad_frame(void) {
    make_video("videos/bad", 12);
    sample_truncate("videos/bad/005.png", 0.5);
}
static void add_bad_folder(void) {
    make_video("videos/bad", 1);
    sample_truncate("videos/bad/000.png", 0.5);
}
static void add_cut_off(void) {
    sample_video_write("videos/bad.avi", &(SampleVideo){.codec = "mjpeg", .frames = 30, .rows = 24, .columns = 32});
    sample_truncate("videos/bad.avi", 0.6);
}
static void add_locked_folder(void) {
    make_video("videos/bad", 12);
    ck_assert_int_eq(chmod("videos/bad", 0), 0);
}
static void become_nobody(void) { /* root may read a locked folder */
    if (getuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) _exit(98);
}
static const struct {
    void (*add)(void);
    const char *name, *says; /* of the warning */
    int clips;
} incomplete[] = {
    {add_unreadable, "videos/bad.mp4", "cannot be opened as a video", 5},
    {add_brief, "videos/bad", "has 2 frames", 5},
    {add_bad_frame, "videos/bad", "1 of 12 frames cannot be read (005.png: ", 7},
    {add_bad_folder, "videos/bad/000.png", "none of its frames can be read", 5},
    {add_cut_off, "videos/bad.avi", "damaged: ", 0},
    {add_locked_folder, "videos/bad", "cannot read the folder", 5},
};

START_TEST(results_of_the_rest_are_written_and_the_status_says_that_some_are_missing) {
    char text[200];
    learn();
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out whole"), 0);
    incomplete[_i].add();
    before_run = become_nobody;
    ck_assert_int_eq(system("chmod 777 . && chmod 666 output"), 0);
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r"), 4);
    ck_assert_says(incomplete[_i].says);
    snprintf(text, sizeof text, "error: 1 of the inputs has no complete result: %s; the warnings say why", incomplete[_i].name);
    ck_assert_says(text);
    ck_assert(file_exists("r/reconstruct.jsonl"));
    if (incomplete[_i].clips) ck_assert_int_eq(count_lines("r/reconstruct.jsonl"), incomplete[_i].clips + 1);
    ck_assert_int_eq(run("train --data videos --out b --iterations 2"), 0); /* enough is left to train on */
    ck_assert_says(incomplete[_i].says);
    before_run = NULL;
    chmod("videos/bad", 0777);
}
END_TEST

START_TEST(what_is_merely_left_aside_is_no_failure) {
    learn();
    sample_bytes_write("videos/notes.txt", "hello", 5);
    sample_bytes_write("videos/.hidden.mp4", "hello", 5);
    ck_assert_int_eq(symlink("one", "videos/again"), 0);
    ck_assert_int_eq(unlink("videos/one/005.png"), 0); /* a gap: the rest is read */
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r"), 0);
    ck_assert_says("1 frame is missing between 004.png and 006.png");
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --data videos/notes.txt --out s"),
                     4); /* it was asked for */
    ck_assert_says("videos/notes.txt");
}
END_TEST

/* A folder that was named was asked for. Its disk may not be mounted, for example. */
static const struct {
    const char *make, *says;
} fruitless[] = {
    {"mkdir none", "warning: none: no video and no still image in it; it is left out\n"},
    {"mkdir -p none/a/b none/c", "warning: none: no video and no still image in it; it is left out\n"},
    {"mkdir none && cp videos/one/000.png none/.a.png",
     "none: no video and no still image in it, but hidden names and leftovers of tools, "},
    {"mkdir none && echo text >none/a.txt && echo text >none/b.csv", "none: no video and no still image in it among 2 other files; "}};

START_TEST(a_folder_that_gives_nothing_is_named) {
    learn();
    ck_assert_int_eq(system(fruitless[_i].make), 0);
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --data none --out r"), 4);
    ck_assert_says(fruitless[_i].says);
    ck_assert_says("error: 1 of the inputs has no complete result: none; the warnings say why");
    ck_assert_int_eq(run("train --data videos --data none --out b --iterations 2"), 0);
    ck_assert_says(fruitless[_i].says);
    ck_assert_int_eq(
        run("reconstruct --weights a/last.safetensors --data videos/one --data videos --data videos/ --data videos/two --out s"), 0);
}
END_TEST

/* A poster, or a few pictures beside videos, in the same folder or above, are reported by name. They are a failure only if they were asked
 * for. */
START_TEST(a_few_stills_beside_videos_are_no_failure_unless_they_are_named) {
    learn();
    make_video("poster", 2);
    ck_assert_int_eq(rename("poster/000.png", "videos/poster.png"), 0);
    if (_i) sample_video_write("videos/a.avi", &(SampleVideo){.codec = "mpeg4", .frames = 9, .rows = 24, .columns = 32});
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r"), 0);
    ck_assert_says("warning: videos/poster.png: has 1 frame, but a clip needs T = 4; left out\n");
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --data videos/poster.png --out named"), 4);
    ck_assert_says("error: 1 of the inputs has no complete result: videos/poster.png;");
    ck_assert_int_eq(rename("poster/001.png", "videos/second.png"), 0);
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out s"), 0);
    ck_assert_says("warning: the 2 still images of videos: have 2 frames, but a clip needs T = 4; left out\n");
    make_video("videos", 6); /* and enough pictures for a video, one of them damaged */
    sample_truncate("videos/003.png", 0.5);
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out t"), 4);
    ck_assert_says("error: 1 of the inputs has no complete result: the 8 still images of videos;");
}
END_TEST

/* If they are alone, or beside files that are not videos, a recording is lost. */
START_TEST(a_recording_that_is_too_short_is_a_failure) {
    learn();
    make_video("videos/brief", 3);
    sample_bytes_write("videos/brief/notes.txt", "hello", 5);
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r"), 4);
    ck_assert_says("warning: videos/brief: has 3 frames, but a clip needs T = 4; left out\n");
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --data videos/brief --out s"), 4);
    ck_assert_says("error: 1 of the inputs has no complete result: videos/brief;");
    ck_assert_int_eq(unlink("videos/one/000.png"), 0); /* two at a time */
    sample_truncate("videos/one/001.png", 0.5);
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out t"), 4);
    ck_assert_says("error: 2 of the inputs have no complete result: videos/brief, videos/one;");
}
END_TEST

START_TEST(where_nothing_can_be_read_there_is_no_result_at_all) {
    learn();
    ck_assert_int_eq(system("rm -r videos/one videos/two"), 0);
    add_unreadable();
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r"), 1);
    ck_assert(!file_exists("r"));
}
END_TEST

/* The lines of reconstruct.jsonl about the video's clips, written to the file `into`. */
static void pick_rows(const char *folder, const char *video, const char *into) {
    char command[200];
    snprintf(command, sizeof command, "grep -F '%s' %s/reconstruct.jsonl >%s", video, folder, into);
    ck_assert_int_eq(system(command), 0);
}

static void hide_a_video(void) {
    rename("videos/two", "two");
}

/* The first batch is read before the hook, the second is not. */
START_TEST(a_video_that_vanishes_midway_costs_no_other_its_results) {
    learn();
    make_video("others", 14);
    fake_model_evaluation_hook = hide_a_video;
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r --cache 0"), 4);
    ck_assert_says("warning: videos/two: frame ");
    ck_assert_says("error: 1 of the inputs has no complete result: videos/two;");
    ck_assert_int_eq(system("grep -q videos/one r/reconstruct.jsonl"), 0);
    ck_assert_int_eq(rename("two", "videos/two"), 0);
    /* Validation is a mean over all videos, so there it is an error. */
    ck_assert_int_eq(run("train --data others --validation videos --out b --iterations 2 --cache 0"), 1);
    fake_model_evaluation_hook = NULL;
    ck_assert_says("videos/two: frame ");
}
END_TEST

static void hide_a_frame(void) {
    unlink("videos/two/018.png");
}

/* Each clip begins from its own draw, by its number. The first batch has three clips of one video and one of the next. All of the next, or
 * three more clips, can be read before it ends. */
START_TEST(a_video_after_one_that_vanishes_has_the_results_of_a_whole_run) {
    make_video("videos/one", 14);
    make_video("videos/two", 25);
    make_video("videos/zwei", 23);
    ck_assert_int_eq(run("train --data videos --out a --iterations 2"), 0);
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out whole"), 0);
    fake_model_evaluation_hook = _i ? hide_a_frame : hide_a_video;
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r --cache 0"), 4);
    fake_model_evaluation_hook = NULL;
    ck_assert_says("the file has changed; its remaining clips are left out\n");
    ck_assert_int_eq(count_lines("r/reconstruct.jsonl"), 3 + (_i ? 4 : 1) + 5 + 1);
    static const char *const others[] = {"\"videos/one\"", "\"videos/zwei\""};
    for (int i = 0; i < 2; i++) {
        pick_rows("whole", others[i], "expected");
        pick_rows("r", others[i], "rows");
        assert_same_file("expected", "rows");
    }
}
END_TEST

static void hide_an_odd_video(void) {
    rename("videos/z\nx", "elsewhere");
}

START_TEST(warnings_show_names_of_any_bytes_in_one_line) {
    learn();
    make_video("videos/z\nx", 9);
    ck_assert_int_eq(run("train --data videos --validation videos/z\nx --out b --iterations 2"), 0);
    ck_assert_says("warning: videos/z\\nx: of the 1 video of --validation, 1 is in --data too (this is the first); give it videos that ");
    fake_model_evaluation_hook = hide_an_odd_video;
    ck_assert_int_eq(run("reconstruct --weights a/last.safetensors --data videos --out r --cache 0"), 4);
    fake_model_evaluation_hook = NULL;
    ck_assert_says("warning: videos/z\\nx: frame 0 is no longer what it was");
    ck_assert_ptr_null(strstr(output, "z\nx"));
}
END_TEST

START_TEST(training_videos_that_validate_are_said) {
    learn();
    make_video("held", 12);
    ck_assert_int_eq(run("train --data videos --validation held --out b --iterations 2"), 0);
    ck_assert_ptr_null(strstr(output, "warning"));
    ck_assert_int_eq(symlink("../videos/two", "held/inside"), 0);
    ck_assert_int_eq(run("train --data videos --validation held --out c --iterations 2"), 0);
    ck_assert_says("warning: held/inside: of the 2 videos of --validation, 1 is in --data too (this is the first)");
    ck_assert_int_eq(run("train --data videos --validation videos/one/003.png --validation videos/one --out d --iterations 2"), 0);
    ck_assert_says("warning: videos/one: of the 1 video of --validation, 1 is in --data too");
}
END_TEST

Suite *incomplete_suite(void) {
    Suite *suite = suite_create("incomplete");
    TCase *tests = tcase_create("incomplete");
    tcase_add_checked_fixture(tests, enter_folder, leave_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, results_of_the_rest_are_written_and_the_status_says_that_some_are_missing, 0,
                        sizeof incomplete / sizeof *incomplete);
    tcase_add_test(tests, what_is_merely_left_aside_is_no_failure);
    tcase_add_loop_test(tests, a_folder_that_gives_nothing_is_named, 0, sizeof fruitless / sizeof *fruitless);
    tcase_add_loop_test(tests, a_few_stills_beside_videos_are_no_failure_unless_they_are_named, 0, 2);
    tcase_add_test(tests, a_recording_that_is_too_short_is_a_failure);
    tcase_add_test(tests, where_nothing_can_be_read_there_is_no_result_at_all);
    tcase_add_test(tests, a_video_that_vanishes_midway_costs_no_other_its_results);
    tcase_add_loop_test(tests, a_video_after_one_that_vanishes_has_the_results_of_a_whole_run, 0, 2);
    tcase_add_test(tests, warnings_show_names_of_any_bytes_in_one_line);
    tcase_add_test(tests, training_videos_that_validate_are_said);
    suite_add_tcase(suite, tests);
    return suite;
}
