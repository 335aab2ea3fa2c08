/* test_dataset.c: videos in files and folders, whole and broken. The data suite of test_data.c holds these cases. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/loader.h"
#include "data/resize.h"
#include "data_folder.h"
#include "test_data.h"

static void expect_error(const char *path, const char *part1, const char *part2) {
    Error error;
    Dataset *dataset = try_open(path, small, &error);
    ck_assert(dataset == NULL);
    ck_assert_msg(strstr(error.text, part1) && strstr(error.text, part2), "the error was: %s", error.text);
}

START_TEST(frames_of_a_lossless_file_are_exact_and_counted) {
    write_video("a.mkv", (SampleVideo){.codec = "ffv1", .frames = 11, .rows = 12, .columns = 16});
    Dataset *dataset = opened(small);
    ck_assert_int_eq(dataset->count, 1);
    ck_assert_int_eq(dataset->videos[0].frames, 11);
    ck_assert_int_eq(dataset_clips(dataset, 0), 2);
    ck_assert_int_eq(dataset_left_over(dataset, 0), 3);
    for (int frame = 0; frame < 11; frame++)
        for (int row = 0; row < 12; row++)
            for (int column = 0; column < 16; column++)
                ck_assert_int_eq(dataset->videos[0].levels[(frame * 12 + row) * 16 + column], sample_level(frame, row, column));
    ck_assert_str_eq(warnings, "");
    dataset_close(dataset);
}
END_TEST

START_TEST(videos_come_in_order_of_path_from_all_sub_folders) {
    const char *const names[] = {"b.avi", "a/z.avi", "a-1.avi", "a/b/c.avi", "B.avi"};
    const char *const order[] = {"B.avi", "a-1.avi", "a/b/c.avi", "a/z.avi", "b.avi"};
    mkdir(inside("a"), 0777);
    mkdir(inside("a/b"), 0777);
    ck_assert_int_eq(symlink("..", inside("a/loop")), 0);
    ck_assert_int_eq(symlink("nowhere", inside("a/dangling.avi")), 0);
    for (int i = 0; i < 5; i++) write_video(names[i], (SampleVideo){.codec = "mpeg4", .frames = 5 + i});
    Dataset *dataset = opened(small);
    ck_assert_int_eq(dataset->count, 5);
    for (int i = 0; i < 5; i++) ck_assert_str_eq(dataset->videos[i].source.path, inside(order[i]));
    dataset_close(dataset);
}
END_TEST

START_TEST(a_folder_of_png_frames_is_one_video_in_natural_order) {
    mkdir(inside("frames"), 0777);
    for (int i = 1; i <= 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "frames/f%d.png", i);
        sample_png_write(inside(name), 12 + i, 16, (uint8_t)(10 * i), (uint8_t)(10 * i), (uint8_t)(10 * i));
    }
    write_text("frames/notes.txt", "These are frames.");
    write_video("frames/inside.avi", (SampleVideo){.codec = "mpeg4", .frames = 5});
    Dataset *dataset = opened(small);
    ck_assert_int_eq(dataset->count, 2); /* the folder's path is before that of the file in it */
    ck_assert_str_eq(dataset->videos[0].source.path, inside("frames"));
    ck_assert_int_eq(dataset->videos[0].frames, 12);
    for (int i = 0; i < 12; i++) ck_assert_int_eq(dataset->videos[0].levels[i * 12 * 16], 10 * (i + 1));
    char text[256];
    dataset_describe(dataset, text, sizeof text);
    ck_assert_str_eq(text, "2 videos, 17 frames, 1 other file");
    expect_the_same_streamed(dataset);
}
END_TEST

/* Names of frames, and the warning about them (NULL: none). */
static const struct {
    const char *names[8];
    const char *warning;
} numberings[] = {
    {{"frame_0001.png", "frame_0002.png", "frame_0004.png", "frame_0005.png"},
     "1 frame is missing between frame_0002.png and frame_0004.png;"},
    {{"1.png", "2.png", "9.png", "10.png", "12.png", "14.png"},
     "6 frames are missing between 2.png and 9.png, and more at 2 other places;"},
    {{"v2_0_left.png", "v2_5_left.png", "v2_15_left.png", "v2_20_left.png"},
     "1 frame is missing between v2_5_left.png and v2_15_left.png;"},
    {{"7.png", "8.png", "9.png", "10.png"}, NULL},
    {{"0.png", "5.png", "10.png", "15.png"}, NULL},            /* every fifth */
    {{"100.png", "133.png", "167.png", "233.png"}, NULL},      /* milliseconds */
    {{"a1.png", "a2.png", "b7.png", "b8.png", "c.png"}, NULL}, /* of several sequences */
    {{"007.png", "08.png", "8.png", "9.png"}, NULL},
    {{"99999999999999999999.png", "99999999999999999998.png", "x.png", "y.png"}, NULL},
};

START_TEST(frames_that_are_missing_in_a_folder_are_warned_about) {
    mkdir(inside("frames"), 0777);
    for (int i = 0; numberings[_i].names[i]; i++) {
        char name[64];
        snprintf(name, sizeof name, "frames/%s", numberings[_i].names[i]);
        sample_png_write(inside(name), 12, 16, 1, 2, 3);
    }
    Dataset *dataset = opened(small);
    char text[256];
    dataset_describe(dataset, text, sizeof text);
    ck_assert_int_eq(dataset->counts.gaps, numberings[_i].warning != NULL);
    ck_assert_int_eq(strstr(text, ", 1 with frames missing") != NULL, numberings[_i].warning != NULL);
    if (numberings[_i].warning)
        ck_assert_msg(strstr(warnings, numberings[_i].warning) && strstr(warnings, inside("frames:")), "%s", warnings);
    else ck_assert_str_eq(warnings, "");
    dataset_close(dataset);
}
END_TEST

START_TEST(colour_frames_keep_their_channels) {
    mkdir(inside("frames"), 0777);
    for (int i = 0; i < 4; i++)
        sample_png_write(inside((const char *const[]){"frames/0.png", "frames/1.png", "frames/2.png", "frames/3.png"}[i]), 20, 20, 200, 100,
                         50);
    DatasetOptions options = {.T = 4, .channels = 3, .height = 6, .width = 5};
    Dataset *dataset = opened(options);
    const uint8_t *levels = dataset->videos[0].levels;
    for (int i = 0; i < 30; i++) ck_assert(levels[i] == 200 && levels[30 + i] == 100 && levels[60 + i] == 50);
    dataset_close(dataset);
    dataset = opened(small);
    ck_assert_int_eq(dataset->videos[0].levels[0], (200 * 19595 + 100 * 38470 + 50 * 7471 + 0x8000) >> 16);
    dataset_close(dataset);
}
END_TEST

START_TEST(frames_that_change_size_midway_are_each_resized_from_their_own) {
    write_video("a.avi", (SampleVideo){.codec = "mjpeg", .frames = 12, .rows = 48, .columns = 64, .small_from = 6});
    /* The same scene, entirely at one size and entirely at the other. */
    write_video("b.avi", (SampleVideo){.codec = "mjpeg", .frames = 12, .rows = 48, .columns = 64});
    write_video("c.avi", (SampleVideo){.codec = "mjpeg", .frames = 12, .rows = 24, .columns = 32});
    write_video("d.avi", (SampleVideo){.codec = "mjpeg", .frames = 12, .rows = 48, .columns = 64, .small_until = 6});
    Dataset *dataset = opened(small);
    const size_t half = 6 * 12 * 16;
    ck_assert_int_eq(dataset->count, 4);
    ck_assert_int_eq(dataset->videos[0].frames, 12);
    ck_assert_mem_eq(dataset->videos[0].levels, dataset->videos[1].levels, half);
    ck_assert_mem_eq(dataset->videos[0].levels + half, dataset->videos[2].levels + half, half);
    ck_assert_mem_eq(dataset->videos[3].levels, dataset->videos[2].levels, half);
    ck_assert_mem_eq(dataset->videos[3].levels + half, dataset->videos[1].levels + half, half);
    dataset_close(dataset);
}
END_TEST

/* Containers with and without timestamps, key frames near and far, B frames, and a file that is cut off. */
START_TEST(streaming_gives_what_the_cache_gives) {
    write_video("a.mp4", (SampleVideo){.codec = "mpeg4", .frames = 90, .key_every = 10, .b_frames = 2});
    write_video("b.mkv", (SampleVideo){.codec = "mpeg4", .frames = 70, .key_every = 60});
    write_video("c.m4v", (SampleVideo){.codec = "mpeg4", .frames = 50, .key_every = 9});
    write_video("d.avi", (SampleVideo){.codec = "mpeg4", .frames = 50, .key_every = 7, .b_frames = 2});
    write_video("e.ts", (SampleVideo){.codec = "mpeg2video", .frames = 60, .key_every = 15, .b_frames = 2});
    write_video("f.avi", (SampleVideo){.codec = "mjpeg", .frames = 30, .small_from = 11});
    write_video("g.avi", (SampleVideo){.codec = "mpeg4", .frames = 80, .key_every = 12});
    sample_truncate(inside("g.avi"), 0.6);
    Dataset *cached = opened(small);
    DatasetOptions options = small;
    options.cache_bytes = 12 * 16 * 95; /* one video fits */
    Dataset *streamed = opened(options);
    ck_assert_int_eq(cached->count, 7);
    ck_assert_int_eq(cached->cached, 7);
    ck_assert_int_eq(streamed->cached, 1);
    const int frames[] = {90, 70, 50, 50, 60, 30};
    for (int i = 0; i < 6; i++) ck_assert_int_eq(cached->videos[i].frames, frames[i]);
    ck_assert(cached->videos[6].frames >= 4 && cached->videos[6].frames < 80);
    compare_datasets(cached, streamed);
    dataset_close(cached);
    dataset_close(streamed);
}
END_TEST

static volatile sig_atomic_t stop;
static void stop_reading(void *context, int64_t videos, int64_t frames, const char *path) {
    (void)context, (void)frames, (void)path;
    stop = videos == 2;
}

static char calls[64];
static void note_call(void *context, int64_t videos, int64_t frames, const char *path) {
    (void)context, (void)videos, (void)frames;
    strcat(calls, path ? "+" : "!");
}

START_TEST(progress_makes_way_for_a_warning) {
    write_video("a.avi", (SampleVideo){.codec = "mpeg4", .frames = 5});
    write_text("b.avi", "nothing");
    write_video("c.avi", (SampleVideo){.codec = "mpeg4", .frames = 5});
    DatasetOptions options = small;
    options.progress = note_call;
    dataset_close(opened(options));
    ck_assert_str_eq(calls, "+!+");
}
END_TEST

START_TEST(reading_can_be_stopped) {
    char names[4][8] = {"a.avi", "b.avi", "c.avi", "d.avi"};
    for (int i = 0; i < 4; i++) write_video(names[i], (SampleVideo){.codec = "mpeg4", .frames = 5});
    DatasetOptions options = small;
    options.progress = stop_reading;
    options.stop = &stop;
    Error error;
    ck_assert_ptr_null(try_open(NULL, options, &error));
    ck_assert_str_eq(error.text, "stopped while videos were being read");
    ck_assert_str_eq(warnings, "");
    stop = 0;
    ck_assert_ptr_null(dataset_open_synthetic(1, 0, 4, 20, &options, &error));
    stop = 0;
    options.progress = NULL;
    Dataset *dataset = opened(options);
    ck_assert_int_eq(dataset->count, 4);
    dataset_close(dataset);
}
END_TEST

START_TEST(memory_stays_below_the_limit_and_is_stated) {
    for (int i = 0; i < 4; i++) {
        char name[8] = {(char)('a' + i), '.', 'a', 'v', 'i', 0};
        write_video(name, (SampleVideo){.codec = "mpeg4", .frames = 40});
    }
    DatasetOptions options = small;
    options.cache_bytes = 12 * 16 * 100;
    Dataset *dataset = opened(options);
    ck_assert_int_eq(dataset->cached, 2);
    size_t overhead = sizeof(Dataset) + 4 * (sizeof(DatasetVideo) + 4096);
    ck_assert_uint_ge(dataset_memory_bytes(dataset), 12 * 16 * 80 + 2 * 40 * 16);
    ck_assert_uint_le(dataset_memory_bytes(dataset), 12 * 16 * 80 + 2 * 40 * 16 + overhead);
    dataset_close(dataset);
}
END_TEST

START_TEST(broken_files_are_left_out_with_a_warning_and_counted) {
    const uint8_t noise[] = {0, 0, 1, 0xba, 0x44, 1, 2, 3, 9, 9, 9, 9, 9, 0, 0, 1, 0xe0, 0xff};
    write_video("good.avi", (SampleVideo){.codec = "mpeg4", .frames = 9});
    write_video("brief.avi", (SampleVideo){.codec = "mpeg4", .frames = 3});
    write_video("cut.mp4", (SampleVideo){.codec = "mpeg4", .frames = 40});
    sample_truncate(inside("cut.mp4"), 0.7); /* its index was at its end */
    write_text("text.mp4", "This is no video, whatever its name says.\n");
    write_text("README.md", "# About these videos\n\nThey are short.\n");
    write_text("notes.txt", "nothing to see\n");
    write_text("list.m3u8", "#EXTM3U\n#EXTINF:1,\ngood.avi\n");
    sample_bytes_write(inside("empty.mov"), "", 0);
    sample_bytes_write(inside("noise.mpg"), noise, sizeof noise);
    mkdir(inside("frames"), 0777);
    write_text("frames/1.png", "no picture");
    Dataset *dataset = opened(small);
    ck_assert_int_eq(dataset->count, 1);
    ck_assert_int_eq(dataset->counts.unreadable, 5); /* cut, text, empty, noise, frames */
    ck_assert_int_eq(dataset->counts.brief, 1);
    ck_assert_int_eq(dataset->counts.others, 3);
    const char *const named[] = {"cut.mp4",   "text.mp4", "empty.mov", "noise.mpg", "frames/1.png: none of its frames can be read (1.png",
                                 "brief.avi", "T = 4"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        ck_assert_msg(strstr(warnings, named[i]) != NULL, "%s: %s", named[i], warnings);
    ck_assert(!strstr(warnings, "README") && !strstr(warnings, "notes.txt") && !strstr(warnings, "good"));
    char text[256];
    dataset_describe(dataset, text, sizeof text);
    ck_assert_str_eq(text, "1 video, 9 frames, 5 unreadable and left out, 1 too short and left out, 3 other files");
    dataset_close(dataset);
}
END_TEST

/* A pipe would wait for its writer forever. A folder is a separate video, or not a video. */
START_TEST(a_pipe_or_a_folder_among_frames_does_no_harm) {
    mkdir(inside("frames"), 0777);
    mkdir(inside("piped"), 0777);
    mkdir(inside("frames/5.png"), 0777);
    for (int i = 0; i < 5; i++) {
        char name[40];
        snprintf(name, sizeof name, "frames/%d.png", i);
        sample_png_write(inside(name), 12, 16, 1, 2, 3);
        snprintf(name, sizeof name, "piped/%d.png", i);
        sample_png_write(inside(name), 12, 16, 1, 2, 3);
    }
    ck_assert_int_eq(mkfifo(inside("piped/5.png"), 0666), 0);
    ck_assert_int_eq(mkfifo(inside("p.mp4"), 0666), 0);
    ck_assert_int_eq(symlink("nowhere", inside("frames/lost")), 0);
    Dataset *dataset = opened(small);
    ck_assert_int_eq(dataset->counts.others, 2);
    ck_assert_int_eq(dataset->counts.files, 4);
    ck_assert_int_eq(dataset->count, 2);
    for (int i = 0; i < 2; i++) ck_assert_int_eq(dataset->videos[i].frames, 5);
    ck_assert_msg(strstr(warnings, "piped: 1 of 6 frames cannot be read (5.png: is not a file that can be read)") != NULL, "%s", warnings);
    dataset_close(dataset);
}
END_TEST

START_TEST(what_holds_no_video_is_an_error_that_says_what_was_found) {
    expect_error(inside("nothing-here"), "nothing-here", "No such file");
    expect_error(NULL, folder, "no file in it");
    expect_error("/dev/null", "/dev/null", "neither a file nor a folder");
    ck_assert_int_eq(mkfifo(inside("p.mp4"), 0666), 0);
    expect_error(NULL, "1 not a video", "still images");
    ck_assert_int_eq(unlink(inside("p.mp4")), 0);
    write_text("notes.txt", "hello\n");
    expect_error(NULL, "1 not a video", "still images");
    write_text("text.mp4", "hello\n");
    expect_error(NULL, "no usable video among 2 files: 1 unreadable", "text.mp4");
    expect_error(inside("text.mp4"), "1 unreadable", "text.mp4");
    write_video("brief.avi", (SampleVideo){.codec = "mpeg4", .frames = 2});
    expect_error(inside("brief.avi"), "1 shorter than T = 4", "has 2 frames");
}
END_TEST

START_TEST(videos_cut_anywhere_never_crash) {
    static const char *const names[] = {"a.mp4", "b.avi", "c.mkv", "d.m4v", "e.ts"};
    for (int i = 0; i < 5; i++)
        for (int share = 1; share < 10; share++) {
            Error error;
            write_video(names[i], (SampleVideo){.codec = "mpeg4", .frames = 30, .key_every = 8, .b_frames = i == 1});
            sample_truncate(inside(names[i]), share / 10.0);
            Dataset *dataset = try_open(inside(names[i]), small, &error);
            if (dataset) ck_assert(dataset->frames >= 4 && dataset->frames <= 30);
            else ck_assert(strstr(error.text, names[i]) != NULL);
            dataset_close(dataset);
        }
}
END_TEST

START_TEST(damaged_bytes_never_crash_and_read_the_same_twice) {
    for (int round = 0; round < 12; round++) {
        Error error;
        write_video("a.avi", (SampleVideo){.codec = "mpeg4", .frames = 30, .key_every = 8});
        FILE *file = fopen(inside("a.avi"), "r+b");
        for (int i = 0; i < 40; i++) {
            fseek(file, 300 + (round * 977 + i * 613) % 9000, SEEK_SET);
            fputc(round * 31 + i, file);
        }
        fclose(file);
        Dataset *dataset = try_open(NULL, small, &error);
        if (!dataset) continue;
        expect_the_same_streamed(dataset);
    }
}
END_TEST

START_TEST(a_video_that_vanishes_or_changes_ends_the_batches_with_an_error) {
    Error error = {""};
    DatasetOptions options = small;
    options.cache_bytes = 1;
    write_video("a.mkv", (SampleVideo){.codec = "mpeg4", .frames = 30});
    Dataset *dataset = opened(options);
    if (_i) write_video("a.mkv", (SampleVideo){.codec = "mpeg4", .frames = 30, .rows = 80, .columns = 120});
    else unlink(inside("a.mkv"));
    Loader *loader = loader_start(dataset, 1, 0, 2, &error);
    ck_assert(loader_next(loader, &error) == NULL);
    ck_assert_msg(strstr(error.text, "a.mkv") && strstr(error.text, _i ? "has changed; start again" : "No such file"), "%s", error.text);
    ck_assert(loader_next(loader, &error) == NULL);
    loader_stop(loader);
    dataset_close(dataset);
}
END_TEST

TCase *dataset_files_case(void) {
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_set_timeout(files, 60);
    tcase_add_test(files, frames_of_a_lossless_file_are_exact_and_counted);
    tcase_add_test(files, videos_come_in_order_of_path_from_all_sub_folders);
    tcase_add_test(files, a_pipe_or_a_folder_among_frames_does_no_harm);
    tcase_add_test(files, a_folder_of_png_frames_is_one_video_in_natural_order);
    tcase_add_loop_test(files, frames_that_are_missing_in_a_folder_are_warned_about, 0, sizeof numberings / sizeof *numberings);
    tcase_add_test(files, colour_frames_keep_their_channels);
    tcase_add_test(files, frames_that_change_size_midway_are_each_resized_from_their_own);
    tcase_add_test(files, streaming_gives_what_the_cache_gives);
    tcase_add_test(files, progress_makes_way_for_a_warning);
    tcase_add_test(files, reading_can_be_stopped);
    tcase_add_test(files, memory_stays_below_the_limit_and_is_stated);
    return files;
}

TCase *dataset_broken_case(void) {
    TCase *broken = tcase_create("broken files");
    tcase_add_checked_fixture(broken, make_folder, remove_folder);
    tcase_set_timeout(broken, 60);
    tcase_add_test(broken, broken_files_are_left_out_with_a_warning_and_counted);
    tcase_add_test(broken, what_holds_no_video_is_an_error_that_says_what_was_found);
    tcase_add_test(broken, videos_cut_anywhere_never_crash);
    tcase_add_test(broken, damaged_bytes_never_crash_and_read_the_same_twice);
    tcase_add_loop_test(broken, a_video_that_vanishes_or_changes_ends_the_batches_with_an_error, 0, 2);
    return broken;
}
