/* test_damage.c: damaged videos and pictures are reported. */
#include <check.h>
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "data/picture.h"
#include "data_folder.h"

/* ---- stills ---- */

static void frames(const char *extension, const char *encoder, const char *format) {
    for (int i = 46; i <= 53; i++) {
        char name[64];
        snprintf(name, sizeof name, "%04d.%s", i, extension);
        const SamplePicture sample = {encoder, format, 24, 32, (uint8_t)(4 * i), 250};
        ck_assert(sample_picture_write(inside(name), &sample));
    }
}

static const struct {
    const char *extension, *encoder, *format;
} stills[] = {
    {"png", "png", "gray"}, {"jpg", "mjpeg", "yuvj420p"}, {"tif", "tiff", "gray"}, {"bmp", "bmp", "gray"}, {"pgm", "pgm", "gray"}};

START_TEST(a_damaged_still_costs_that_frame) {
    char name[64], gap[200];
    for (int way = 0; way < 4; way++) {
        frames(stills[_i].extension, stills[_i].encoder, stills[_i].format);
        snprintf(name, sizeof name, "0050.%s", stills[_i].extension);
        if (way == 0) sample_truncate(inside(name), 0.6);
        else if (way == 1) sample_truncate(inside(name), 0);
        else if (way == 2) write_text(name, "This is no picture, whatever its name says.");
        else {
            unlink(inside(name));
            ck_assert_int_eq(symlink("nowhere", inside(name)), 0);
        }
        Dataset *dataset = opened(small);
        ck_assert_int_eq(dataset->count, 1);
        ck_assert_int_eq(dataset->videos[0].frames, 7);
        ck_assert_int_eq(dataset->incomplete_count, 1);
        snprintf(gap, sizeof gap, ": 1 of 8 frames cannot be read (0050.%s: ", stills[_i].extension);
        expect_warning(gap);
        snprintf(gap, sizeof gap, "1 frame is missing between 0049.%s and 0051.%s; the others are used", stills[_i].extension,
                 stills[_i].extension);
        expect_warning(gap);
        expect_the_same_streamed(dataset);
        unlink(inside(name));
    }
}
END_TEST

static long read_back(const char *name, uint8_t *bytes, size_t room) {
    FILE *file = fopen(inside(name), "rb");
    ck_assert_ptr_nonnull(file);
    const size_t length = fread(bytes, 1, room, file);
    ck_assert(fclose(file) == 0 && length < room);
    return (long)length;
}

/* Formats whose decoders take what there is for the whole, or (libjxl) end the program at the picture after a damaged one. Decoders and
 * encoders of some are not everywhere. */
static const struct {
    const char *extension, *encoder, *format;
} trusting[] = {
    {"gif", "gif", "gray"}, {"qoi", "qoi", "rgb24"}, {"exr", "exr", "gbrpf32le"}, {"ras", "sunrast", "bgr24"}, {"jxl", "libjxl", "rgb24"}};

START_TEST(a_still_that_is_cut_anywhere_costs_that_frame) {
    static uint8_t bytes[100000];
    char name[64], says[100];
    if (avcodec_find_encoder_by_name(trusting[_i].encoder) == NULL) return;
    frames(trusting[_i].extension, trusting[_i].encoder, trusting[_i].format);
    snprintf(name, sizeof name, "0050.%s", trusting[_i].extension);
    snprintf(says, sizeof says, ": 1 of 8 frames cannot be read (%s: ", name);
    const long length = read_back(name, bytes, sizeof bytes);
    for (int part = 2; part < 10; part++) {
        sample_bytes_write(inside(name), bytes, length * part / 10);
        Dataset *dataset = opened(small);
        expect_warning(says);
        ck_assert_int_eq(dataset->videos[0].frames, 7);
        dataset_close(dataset);
    }
}
END_TEST

/* At either end, no number is missing between others. */
START_TEST(a_damaged_still_at_an_end_is_said) {
    frames("png", "png", "gray");
    sample_truncate(inside("0046.png"), 0.5);
    sample_truncate(inside("0053.png"), 0.5);
    Dataset *dataset = opened(small);
    ck_assert_int_eq(dataset->videos[0].frames, 6);
    expect_warning("2 of 8 frames cannot be read (the first: 0046.png: ");
    ck_assert_ptr_null(strstr(warnings, "missing"));
    dataset_close(dataset);
}
END_TEST

START_TEST(a_folder_whose_every_still_is_damaged_is_named_as_a_whole) {
    make_folder_inside("frames");
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "frames/%d.jpg", i);
        write_text(name, "no picture");
    }
    write_video("a.avi", (SampleVideo){.codec = "mpeg4", .frames = 5});
    Dataset *dataset = opened(small);
    expect_warning("/frames: none of its frames can be read (the first: 0.jpg: ");
    expect_warning("; left out\n");
    ck_assert_str_eq(strchr(warnings, '\n'), "\n"); /* one line */
    ck_assert_int_eq(dataset->incomplete_count, 1);
    ck_assert_str_eq(dataset->incomplete[0], inside("frames"));
    dataset_close(dataset);
}
END_TEST

START_TEST(stills_that_are_too_few_because_some_are_damaged_say_so) {
    Error error;
    frames("png", "png", "gray");
    for (int i = 48; i <= 52; i++) {
        char name[64];
        snprintf(name, sizeof name, "%04d.png", i);
        sample_truncate(inside(name), 0.5);
    }
    ck_assert_ptr_null(try_open(NULL, small, &error));
    ck_assert_msg(strstr(error.text, "has 3 frames, but a clip needs T = 4; 5 of 8 frames cannot be read (the first: 0048.png: "), "%s",
                  error.text);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__ /* it needs too much memory for itself */

/* The memory of the process, in bytes, as RLIMIT_AS counts it. */
static rlim_t memory_in_use(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert(file != NULL && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void write_grey_picture(const char *path, int side) { /* black: the file has a hole in the place of pixels */
    char head[40];
    const int length = snprintf(head, sizeof head, "P5 %d %d 255\n", side, side);
    sample_bytes_write(path, head, length);
    ck_assert_int_eq(truncate(path, (off_t)side * side + length), 0);
}

/* 3000 × 3000 pixels: 9 million bytes, and 27 million as RGB. What does not fit is the file, a PNG as RGB, or another format as RGB. */
static const struct {
    const char *name;
    int side, megabytes;
    const char *says;
} large[] = {{"a.pgm", 3000, 5, "its 9000017 bytes do not fit into memory"},
             {"a.png", 3000, 15, "out of memory for a picture"},
             {"a.pgm", 3000, 45, "out of memory for a frame"}};

START_TEST(a_picture_that_does_not_fit_into_memory_is_not_called_damaged) {
    Error error = {.text = ""};
    Picture picture;
    struct rlimit before;
    const char *path = inside(large[_i].name);
    if (strstr(path, ".png")) sample_png_write(path, large[_i].side, large[_i].side, 1, 2, 3);
    else write_grey_picture(path, large[_i].side);
    PictureReader *reader = picture_reader_new();
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    const rlim_t most = memory_in_use() + (rlim_t)large[_i].megabytes * 1000000;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &(struct rlimit){most, before.rlim_max}), 0);
    const PictureStatus status = picture_read(reader, path, &picture, &error);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
    ck_assert_msg(status == PICTURE_NO_MEMORY && strstr(error.text, large[_i].says), "%d: %s", (int)status, error.text);
    ck_assert_int_eq(picture_read(reader, path, &picture, &error), PICTURE_READ);
    picture_reader_free(reader);
}
END_TEST

#endif

/* ---- video files ---- */

static bool cut_every_third(AVPacket *packet, int number) {
    if (number % 3 == 1) packet->size /= 2;
    return true;
}

static bool flip_bytes(AVPacket *packet, int number) {
    if (number % 10 != 5) return true;
    for (int i = packet->size / 3; i < packet->size; i += 7) packet->data[i] ^= 0x5a;
    return true;
}

static bool lose_the_first(AVPacket *packet, int number) {
    (void)packet;
    return number > 0;
}

static bool lose_20_to_22(AVPacket *packet, int number) {
    (void)packet;
    return number < 20 || number > 22;
}

static const struct {
    const char *name;
    SampleVideo sample;
    const char *says;
    int64_t frames; /* 0: as many as the decoder returns */
} damages[] = {
    {"cut.avi",
     {.codec = "mjpeg", .frames = 30, .rows = 96, .columns = 128, .hurt = cut_every_third},
     "damaged: 10 of 30 frames (10 only partly decoded); ",
     30},
    {"noisy.avi", {.codec = "mpeg4", .frames = 60, .hurt = flip_bytes}, "damaged: ", 0},
    {"noisy.mkv", {.codec = "mpeg4", .frames = 60, .hurt = flip_bytes}, " of 60 frames (", 0},
    {"noisy.ts", {.codec = "mpeg2video", .frames = 60, .hurt = flip_bytes}, " only partly decoded", 0},
    {"noisy.nut", {.codec = "ffv1", .frames = 60, .level = 3, .hurt = flip_bytes}, "damaged: 6 of 60 frames (", 0},
    {"headless.avi", {.codec = "mpeg4", .frames = 30, .key_every = 12, .hurt = lose_the_first}, "(11 before the first key frame)", 29},
    {"lost.mp4",
     {.codec = "mpeg4", .frames = 40, .key_every = 5, .hurt = lose_20_to_22},
     "its timestamps jump: about 3 frames are missing after frame 19; the others are used",
     37},
    {"lost.mkv", {.codec = "mjpeg", .frames = 40, .hurt = lose_20_to_22}, "about 3 frames are missing after frame 19", 37},
};

START_TEST(damage_that_is_concealed_is_counted) {
    write_video(damages[_i].name, damages[_i].sample);
    Dataset *dataset = opened(small);
    expect_warning(damages[_i].says);
    expect_warning(inside(damages[_i].name));
    ck_assert_str_eq(strchr(warnings, '\n'), "\n"); /* in one line */
    if (damages[_i].frames) ck_assert_int_eq(dataset->videos[0].frames, damages[_i].frames);
    const bool lost = damages[_i].sample.hurt == lose_20_to_22; /* everything that is left can be read */
    ck_assert_int_eq(dataset->incomplete_count, !lost);
    ck_assert_int_eq(lost ? dataset->counts.gaps : dataset->counts.damaged, 1);
    expect_the_same_streamed(dataset);
}
END_TEST

/* Strict decoding is only for counting. Frames that can be decoded have the same levels as without it. */
START_TEST(frames_between_damaged_ones_keep_their_bits) {
    write_video("cut.avi", (SampleVideo){.codec = "mjpeg", .frames = 30, .rows = 96, .columns = 128, .hurt = cut_every_third});
    write_video("whole.avi", (SampleVideo){.codec = "mjpeg", .frames = 30, .rows = 96, .columns = 128});
    Dataset *dataset = opened(small);
    ck_assert_int_eq(dataset->count, 2);
    ck_assert_ptr_null(strstr(warnings, "whole.avi"));
    const size_t size = 12 * 16;
    for (size_t i = 0; i < 30; i++) {
        const uint8_t *cut = dataset->videos[0].levels + i * size, *whole = dataset->videos[1].levels + i * size;
        ck_assert_int_eq(memcmp(cut, whole, size) != 0, i % 3 == 1);
        ck_assert_mem_eq(cut, whole, 16); /* the upper rows are there in all of them */
    }
    dataset_close(dataset);
}
END_TEST

START_TEST(what_is_whole_is_not_called_damaged) {
    static const struct {
        const char *name, *codec;
        int b_frames;
    } whole[] = {{"a.avi", "mjpeg", 0},     {"b.avi", "mpeg4", 0},      {"c.mp4", "mpeg4", 2},   {"d.mkv", "mpeg4", 2},
                 {"e.ts", "mpeg2video", 2}, {"f.mpg", "mpeg2video", 2}, {"g.mkv", "ffv1", 0},    {"h.flv", "flv", 0},
                 {"j.wmv", "wmv2", 0},      {"k.mov", "mjpeg", 0},      {"l.avi", "ffvhuff", 0}, {"m.mpg", "mpeg1video", 2},
                 {"n.m4v", "mpeg4", 0},     {"o.avi", "msmpeg4", 0},    {"p.mjpeg", "mjpeg", 0}};
    const int count = sizeof whole / sizeof *whole;
    for (int i = 0; i < count; i++)
        write_video(whole[i].name, (SampleVideo){.codec = whole[i].codec, .frames = 50, .key_every = 12, .b_frames = whole[i].b_frames});
    Dataset *dataset = opened(small);
    ck_assert_str_eq(warnings, "");
    ck_assert_int_eq(dataset->count, count);
    ck_assert_int_eq(dataset->incomplete_count, 0);
    dataset_close(dataset);
}
END_TEST

START_TEST(a_file_that_breaks_off_is_damaged) {
    static const char *const names[] = {"a.avi", "b.mkv", "c.mp4", "d.mov"};
    write_video(names[_i], (SampleVideo){.codec = "mjpeg", .frames = 40, .index_first = true});
    sample_truncate(inside(names[_i]), 0.62);
    Dataset *dataset = opened(small);
    expect_warning("damaged: ");
    expect_warning("the file is cut off");
    if (_i != 1) expect_warning(" of 40 frames ("); /* as many as the file says */
    ck_assert_int_eq(dataset->incomplete_count, 1);
    dataset_close(dataset);
}
END_TEST

/* Decoders may drop a packet without an error. Lost frames and remaining frames add up to those that were written. Decoders in external
 * libraries are tried if they are installed. */
static bool empty_20_to_24(AVPacket *packet, int number) {
    if (number >= 20 && number <= 24) memset(packet->data, 0, (size_t)packet->size);
    return true;
}

static const char *const dropping[] = {"libaom-av1", "libsvtav1", "flv", "wmv2"};

START_TEST(frames_that_a_decoder_drops_are_counted) {
    if (!avcodec_find_encoder_by_name(dropping[_i])) return;
    write_video("a.mkv",
                (SampleVideo){.codec = dropping[_i], .frames = 40, .key_every = 12, .rows = 64, .columns = 64, .hurt = empty_20_to_24});
    Dataset *dataset = opened(small);
    expect_warning(" of 40 frames (");
    ck_assert_int_eq(dataset->incomplete_count, 1);
    dataset_close(dataset);
}
END_TEST

/* Frames of 24 · 32 bytes. */
START_TEST(a_y4m_that_breaks_off_is_damaged) {
    static const char head[] = "YUV4MPEG2 W32 H24 F25:1 Cmono\n";
    enum { FRAMES = 10, HEAD = sizeof head - 1, SIZE = 6 + 24 * 32 };
    uint8_t bytes[HEAD + FRAMES * SIZE] = {0};
    memcpy(bytes, head, HEAD);
    for (int i = 0; i < FRAMES; i++) memcpy(bytes + HEAD + i * SIZE, "FRAME\n", 6);
    for (int cut = 0; cut < 2; cut++) {
        sample_bytes_write(inside("a.y4m"), bytes, (long)sizeof bytes - cut * (2 * SIZE + 300));
        Dataset *dataset = opened(small);
        if (cut) expect_warning("a.y4m: damaged: the file is cut off; ");
        else ck_assert_str_eq(warnings, "");
        ck_assert_int_eq(dataset->videos[0].frames, cut ? FRAMES - 3 : FRAMES);
        ck_assert_int_eq(dataset->incomplete_count, cut);
        dataset_close(dataset);
    }
}
END_TEST

static uint32_t big_endian_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Ogg, cut anywhere: within a page's body, and within its head. The encoder is in an external library. */
START_TEST(an_ogg_that_breaks_off_is_damaged) {
    static uint8_t bytes[1000000];
    const char *codec = avcodec_find_encoder_by_name("libtheora") != NULL ? "libtheora" : "libvpx";
    if (!avcodec_find_encoder_by_name(codec)) return;
    write_video("a.ogv", (SampleVideo){.codec = codec, .frames = 50, .rows = 96, .columns = 128});
    const long length = read_back("a.ogv", bytes, sizeof bytes);
    long last = length - 4, before;
    while (memcmp(bytes + last, "OggS", 4) != 0) last--;
    for (before = last - 4; memcmp(bytes + before, "OggS", 4) != 0;) before--;
    const long cuts[] = {length, length - 1, last + 20, (before + last) / 2};
    for (int i = 0; i < 4; i++) {
        sample_bytes_write(inside("a.ogv"), bytes, cuts[i]);
        Dataset *dataset = opened(small);
        if (i > 0) expect_warning("the file is cut off");
        else ck_assert_str_eq(warnings, "");
        ck_assert_int_eq(dataset->incomplete_count, i > 0);
        dataset_close(dataset);
    }
}
END_TEST

/* Animations, cut within a frame and between two. */
START_TEST(an_animation_that_breaks_off_is_damaged) {
    static uint8_t bytes[1000000];
    const char *name = _i ? "a.apng" : "a.gif";
    write_video(name, (SampleVideo){.codec = _i ? "apng" : "gif", .frames = 20});
    const long length = read_back(name, bytes, sizeof bytes);
    for (int i = 0; i < 3; i++) {
        sample_bytes_write(inside(name), bytes, i == 0 ? length : i == 1 ? length * 6 / 10 : length - (_i ? 12 : 1));
        Dataset *dataset = opened(small);
        if (i > 0) expect_warning("the file is cut off; ");
        else ck_assert_str_eq(warnings, "");
        ck_assert_int_eq(dataset->incomplete_count, i > 0);
        dataset_close(dataset);
    }
}
END_TEST

/* FLV that is cut between two frames: only its header says that there were more. */
START_TEST(an_flv_that_is_too_short_is_damaged) {
    static uint8_t bytes[1000000];
    enum { HEAD = 13, TAG = 11, LINK = 4, KEPT = 30 };
    write_video("a.flv", (SampleVideo){.codec = "flv", .frames = 60});
    const long length = read_back("a.flv", bytes, sizeof bytes);
    long place = HEAD;
    for (int i = 0; i < 1 + KEPT && place < length; i++) /* the header, then frames */
        place += TAG + (long)(big_endian_at(bytes + place) & 0xffffff) + LINK;
    sample_bytes_write(inside("a.flv"), bytes, place);
    Dataset *dataset = opened(small);
    expect_warning("a.flv: damaged: the file is cut off; ");
    ck_assert_int_eq(dataset->videos[0].frames, KEPT);
    dataset_close(dataset);
}
END_TEST

/* MP4 and MOV whose index has a wrong place for the last frames, or whose last box is said to be longer than the file. */
START_TEST(an_mp4_that_points_beyond_its_end_is_damaged) {
    static uint8_t bytes[4000000];
    const int scale = _i == 0 ? 6 : 1; /* so that there are several chunks of frames */
    write_video("a.mp4", (SampleVideo){.codec = "mjpeg", .frames = 60, .rows = 96 * scale, .columns = 128 * scale, .index_first = _i == 0});
    const long length = read_back("a.mp4", bytes, sizeof bytes);
    long place = 0;
    if (_i == 0) {
        while (memcmp(bytes + place, "stco", 4) != 0) place++;
        const uint32_t chunks = big_endian_at(bytes + place + 8);
        ck_assert_int_gt(chunks, 1);
        bytes[place + 8 + 4 * chunks] = 0x10;
    } else {
        memcpy(bytes + length, "\0\1\0\0free", 8);
    }
    sample_bytes_write(inside("a.mp4"), bytes, length + 8 * _i);
    Dataset *dataset = opened(small);
    expect_warning("the file is cut off");
    if (_i == 0) expect_warning(" of 60 frames (");
    ck_assert_int_eq(dataset->incomplete_count, 1);
    dataset_close(dataset);
}
END_TEST

static bool hurt_all_but_the_first(AVPacket *packet, int number) {
    for (int i = packet->size / 2; i < packet->size; i += 3) packet->data[i] ^= 0x5a;
    return number > 0;
}

/* A frame that is damaged in several ways counts once. */
START_TEST(no_more_frames_are_damaged_than_there_are) {
    write_video("a.mkv", (SampleVideo){.codec = "wmv2", .frames = 40, .key_every = 40, .hurt = hurt_all_but_the_first});
    Dataset *dataset = opened(small);
    int damaged = 0, frames = 0;
    const char *text = strstr(warnings, "damaged: ");
    ck_assert(text != NULL && sscanf(text, "damaged: %d of %d frames", &damaged, &frames) == 2);
    ck_assert_msg(damaged <= frames, "%s", warnings);
    dataset_close(dataset);
}
END_TEST

/* As if a disk had lost a stretch: the container looks for the next packet. */
START_TEST(a_stretch_of_zeros_is_damage) {
    static const char *const names[] = {"a.flv", "a.mkv"}, *const codecs[] = {"flv", "mpeg4"};
    write_video(names[_i], (SampleVideo){.codec = codecs[_i], .frames = 60, .rows = 96, .columns = 128});
    FILE *file = fopen(inside(names[_i]), "r+b");
    ck_assert(file != NULL && fseek(file, 0, SEEK_END) == 0);
    const long length = ftell(file);
    ck_assert_int_eq(fseek(file, length / 2, SEEK_SET), 0);
    for (long i = 0; i < length / 8; i++) ck_assert_int_eq(fputc(0, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    Dataset *dataset = opened(small);
    expect_warning("damaged: ");
    expect_warning("parts of its container cannot be read");
    ck_assert_int_eq(dataset->incomplete_count, 1);
    dataset_close(dataset);
}
END_TEST

Suite *damage_suite(void) {
    Suite *suite = suite_create("damage");
    TCase *pictures = tcase_create("stills");
    tcase_add_checked_fixture(pictures, make_folder, remove_folder);
    tcase_set_timeout(pictures, 60);
    tcase_add_loop_test(pictures, a_damaged_still_costs_that_frame, 0, sizeof stills / sizeof *stills);
    tcase_add_loop_test(pictures, a_still_that_is_cut_anywhere_costs_that_frame, 0, sizeof trusting / sizeof *trusting);
    tcase_add_test(pictures, a_damaged_still_at_an_end_is_said);
    tcase_add_test(pictures, a_folder_whose_every_still_is_damaged_is_named_as_a_whole);
    tcase_add_test(pictures, stills_that_are_too_few_because_some_are_damaged_say_so);
#ifndef __SANITIZE_ADDRESS__
    tcase_add_loop_test(pictures, a_picture_that_does_not_fit_into_memory_is_not_called_damaged, 0, sizeof large / sizeof *large);
#endif
    suite_add_tcase(suite, pictures);
    TCase *files = tcase_create("video files");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_set_timeout(files, 60);
    tcase_add_loop_test(files, damage_that_is_concealed_is_counted, 0, sizeof damages / sizeof *damages);
    tcase_add_test(files, frames_between_damaged_ones_keep_their_bits);
    tcase_add_test(files, what_is_whole_is_not_called_damaged);
    tcase_add_loop_test(files, a_file_that_breaks_off_is_damaged, 0, 4);
    tcase_add_loop_test(files, frames_that_a_decoder_drops_are_counted, 0, sizeof dropping / sizeof *dropping);
    tcase_add_test(files, a_y4m_that_breaks_off_is_damaged);
    tcase_add_test(files, an_ogg_that_breaks_off_is_damaged);
    tcase_add_loop_test(files, an_animation_that_breaks_off_is_damaged, 0, 2);
    tcase_add_test(files, an_flv_that_is_too_short_is_damaged);
    tcase_add_loop_test(files, an_mp4_that_points_beyond_its_end_is_damaged, 0, 2);
    tcase_add_test(files, no_more_frames_are_damaged_than_there_are);
    tcase_add_loop_test(files, a_stretch_of_zeros_is_damage, 0, 2);
    suite_add_tcase(suite, files);
    return suite;
}
