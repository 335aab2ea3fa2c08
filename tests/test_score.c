/* test_score.c: scores of videos: a frame's past, the initial state, and frames without a finite score. */
#include "trainer_runs.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

Suite *score_suite(void);

enum { FRAMES = 20, T = 4 };

static void open_folder(void) {
    enter_folder();
    fake_model_white_is_bad = false;
    make_video("video", FRAMES);
    ck_assert_int_eq(run("train --out trained --iterations 1 --threads 1"), 0);
}

/* One field of each row of scores.csv, as text; returns how many rows. */
static int read_scores(const char *path, char scores[FRAMES][32]) {
    char line[512];
    int count = 0;
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert(fgets(line, sizeof line, file) != NULL);
    ck_assert_str_eq(line, "video,frame,score\n");
    while (fgets(line, sizeof line, file) != NULL) {
        ck_assert_int_lt(count, FRAMES);
        snprintf(scores[count], sizeof scores[count], "%.*s", (int)strcspn(strrchr(line, ',') + 1, "\n"), strrchr(line, ',') + 1);
        count++;
    }
    fclose(file);
    return count;
}

static int score(const char *video, const char *out, const char *options, char scores[FRAMES][32]) {
    char line[256];
    snprintf(line, sizeof line, "score --weights trained/last.safetensors --threads 1 --data %s --out %s %s", video, out, options);
    const int status = run(line);
    snprintf(line, sizeof line, "%s/scores.csv", out);
    if (access(line, F_OK) == 0) read_scores(line, scores);
    return status;
}

/* A video with the frames first … last of the long one. */
static void cut_video(const char *name, int first, int last) {
    char command[256];
    snprintf(command, sizeof command, "mkdir %s", name);
    ck_assert_int_eq(system(command), 0);
    for (int frame = first; frame <= last; frame++) {
        snprintf(command, sizeof command, "cp video/%03d.png %s/%03d.png", frame, name, frame - first);
        ck_assert_int_eq(system(command), 0);
    }
}

START_TEST(a_frames_score_is_that_of_the_last_frame_of_its_clip) {
    char scores[FRAMES][32], again[FRAMES][32], name[16], out[16];
    const char *options = _i ? "--seed 5 --recurrence window" : "";
    ck_assert_int_eq(score("video", "whole", options, scores), 0);
    ck_assert_says(_i ? "the last 4 frames, itself included, from a draw of N(0, 1)" : "the last 4 frames, itself included, from zeros");
    for (int frame = 0; frame < FRAMES; frame += 3) {
        const int first = frame < T ? 0 : frame - T + 1;
        snprintf(name, sizeof name, "clip%d", frame);
        snprintf(out, sizeof out, "out%d", frame);
        cut_video(name, first, frame);
        ck_assert_int_eq(score(name, out, options, again), 0);
        ck_assert_str_eq(again[frame - first], scores[frame]);
    }
}
END_TEST

/* The model computes h := (h + mean of x) / 2; a score is h² / 4. A window has T steps from zeros, a carried state has all steps. */
START_TEST(a_state_that_is_carried_is_asked_for) {
    char window[FRAMES][32], carried[FRAMES][32], drawn[FRAMES][32];
    ck_assert_int_eq(score("video", "window", "", window), 0);
    ck_assert_int_eq(score("video", "carried", "--recurrence carried", carried), 0);
    ck_assert_says("the past of a frame: all of its video, from zeros");
    for (int frame = 0; frame < FRAMES; frame++) ck_assert_int_eq(strcmp(window[frame], carried[frame]) == 0, frame < T);
    ck_assert_int_eq(score("video", "drawn", "--seed 5", drawn), 0);
    for (int frame = 0; frame < FRAMES; frame++)
        ck_assert_str_ne(window[frame], drawn[frame]); /* a window does not forget the start: each has one */
}
END_TEST

START_TEST(no_seed_and_seed_0_are_zeros) {
    char scores[FRAMES][32], zeros[FRAMES][32];
    ck_assert_int_eq(score("video", "default", "", scores), 0);
    ck_assert_int_eq(score("video", "zeros", "--seed 0", zeros), 0);
    for (int frame = 0; frame < FRAMES; frame++) ck_assert_str_eq(scores[frame], zeros[frame]);
}
END_TEST

START_TEST(a_recurrence_that_does_not_exist_is_an_error) {
    ck_assert_int_eq(run("score --weights trained/last.safetensors --data video --out out --recurrence windows"), 2);
    ck_assert_says("--recurrence windows: give one of window|carried");
    ck_assert_int_eq(run("score --weights trained/last.safetensors --data video --out out --recurrence win"), 2);
    ck_assert_int_ne(access("out", F_OK), 0);
    ck_assert_int_eq(run("reconstruct --weights trained/last.safetensors --data video --out out --recurrence window"), 2);
}
END_TEST

/* The first pixel of frame 3 is white. The frame is named, later frames are scored, and no other result changes. */
START_TEST(a_score_that_is_no_number_is_said_and_forgotten) {
    enum { BAD = 3 };
    char scores[FRAMES][32], rest[FRAMES][32];
    const char *options = _i ? "--recurrence carried" : "";
    ck_assert_int_eq(score("video", "good", options, scores), 0);
    cut_video("after", BAD + 1, FRAMES - 1);
    ck_assert_int_eq(score("after", "out_after", options, rest), 0);
    fake_model_white_is_bad = true;
    ck_assert_int_eq(score("video", "bad", options, scores), 4);
    ck_assert_says("error: the score of 1 frame is not finite (nan in bad/scores.csv); the first is frame 3 of video");
    ck_assert_says("worst moments");
    ck_assert_ptr_null(strstr(strstr(output, "worst moments"), "  frame 3 of"));
    for (int frame = 0; frame < FRAMES; frame++) ck_assert_int_eq(strcmp(scores[frame], "nan") == 0, frame == BAD);
    for (int frame = BAD + 1; frame < FRAMES && !_i; frame++) ck_assert_str_eq(scores[frame], rest[frame - BAD - 1]);
    ck_assert_int_eq(system("! grep -i nan bad/scores.svg && grep -q 'M.*M' bad/scores.svg"), 0); /* the line has a gap */
}
END_TEST

START_TEST(a_video_of_such_frames_alone_has_results_too) {
    char scores[FRAMES][32];
    fake_model_white_is_bad = true;
    cut_video("white", 3, 3);
    ck_assert_int_eq(score("white", "out", "", scores), 4);
    ck_assert_str_eq(scores[0], "nan");
    ck_assert_int_eq(system("grep -q '</svg>' out/scores.svg && ! grep -i -e nan -e inf out/scores.svg"), 0);
    ck_assert_int_eq(run("score --weights trained/last.safetensors --threads 1 --data video white --out both"), 4);
    ck_assert_says("the score of 2 frames is not finite (nan in both/scores.csv); the first is frame 3 of video");
}
END_TEST

START_TEST(faults_of_both_kinds_are_said) {
    fake_model_white_is_bad = true;
    ck_assert_int_eq(system("mkdir both && cp -r video both/one && cp -r video both/two && echo no >both/two/005.png"), 0);
    ck_assert_int_eq(run("score --weights trained/last.safetensors --threads 1 --data both --out out"), 4);
    ck_assert_says("error: the score of 2 frames is not finite (nan in out/scores.csv); the first is frame 3 of both/one; ");
    ck_assert_says("check the weights; also, 1 of the inputs has no complete result: both/two;");
}
END_TEST

Suite *score_suite(void) {
    Suite *suite = suite_create("score");
    TCase *test_case = tcase_create("score");
    tcase_add_checked_fixture(test_case, open_folder, leave_folder);
    tcase_add_loop_test(test_case, a_frames_score_is_that_of_the_last_frame_of_its_clip, 0, 2);
    tcase_add_test(test_case, a_state_that_is_carried_is_asked_for);
    tcase_add_test(test_case, no_seed_and_seed_0_are_zeros);
    tcase_add_test(test_case, a_recurrence_that_does_not_exist_is_an_error);
    tcase_add_loop_test(test_case, a_score_that_is_no_number_is_said_and_forgotten, 0, 2);
    tcase_add_test(test_case, a_video_of_such_frames_alone_has_results_too);
    tcase_add_test(test_case, faults_of_both_kinds_are_said);
    tcase_set_timeout(test_case, 60);
    suite_add_tcase(suite, test_case);
    return suite;
}
