/* test_found.c: what counts as data: stills and animations, hidden names, links, rotation. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/turn.h"
#include "data_folder.h"

static void expect_description(const Dataset *dataset, const char *expected) {
    char text[DATASET_DESCRIPTION];
    dataset_describe(dataset, text, sizeof text);
    ck_assert_str_eq(text, expected);
}

static void picture(const char *name, const char *encoder, const char *format, int level) {
    const SamplePicture sample = {
        .encoder = encoder, .format = format, .rows = 24, .columns = 32, .level = (uint8_t)level, .corner = (uint8_t)level};
    ck_assert_msg(sample_picture_write(inside(name), &sample), "%s: no encoder", name);
}

/* ---- stills and animations ---- */

/* The content decides, not the name. */
static const struct {
    const char *encoder, *format, *extension;
} formats[] = {{"mjpeg", "yuvj420p", "jpg"}, {"mjpeg", "yuvj420p", "JPEG"},  {"tiff", "gray", "tif"},    {"tiff", "gray16le", "tiff"},
               {"tiff", "rgb24", "tif"},     {"bmp", "gray", "bmp"},         {"bmp", "bgr24", "bmp"},    {"pgm", "gray", "pgm"},
               {"pgm", "gray16be", "pgm"},   {"ppm", "rgb24", "ppm"},        {"gif", "gray", "gif"},     {"png", "gray", "png"},
               {"mjpeg", "yuvj420p", "png"}, {"png", "rgb24", "mp4"},        {"bmp", "gray", "unknown"}, {"tiff", "gray", "jpg"},
               {"targa", "bgr24", "tga"},    {"libwebp", "yuv420p", "webp"}, {"sgi", "gray", "sgi"},     {"pam", "gray", "pam"},
               {"pcx", "rgb24", "pcx"},      {"sunrast", "bgr24", "ras"},    {"xwd", "rgb24", "xwd"},    {"pcx", "gray", "unknown"}};

START_TEST(stills_of_any_format_are_frames_of_one_video) {
    make_folder_inside("frames");
    for (int i = 1; i <= 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "frames/f%d.%s", i, formats[_i].extension);
        const SamplePicture sample = {formats[_i].encoder, formats[_i].format, 24, 32, (uint8_t)(20 * i), (uint8_t)(20 * i)};
        const bool written = sample_picture_write(inside(name), &sample);
        if (!written && !strcmp(sample.encoder, "libwebp")) return; /* an external library, which not every libavcodec has */
        ck_assert_msg(written, "no encoder %s", sample.encoder);
    }
    Dataset *dataset = opened(small);
    ck_assert_str_eq(warnings, "");
    expect_description(dataset, "1 video, 12 frames");
    ck_assert_str_eq(dataset->videos[0].source.path, inside("frames"));
    for (int i = 0; i < 12; i++) ck_assert_int_le(abs(dataset->videos[0].levels[i * 12 * 16 + 40] - 20 * (i + 1)), 2);
    expect_the_same_streamed(dataset);
}
END_TEST

/* A PNG inside an icon, and a BMP without the first 14 bytes. */
static void wrap_picture(const char *name, int number, bool icon) {
    uint8_t head[22] = {0, 0, 1, 0, 1, 0, 32, 24, 0, 0, 1, 0, 8}, bytes[8192];
    picture("whole", icon ? "png" : "bmp", "gray", 20 * number);
    FILE *file = fopen(inside("whole"), "rb");
    ck_assert_ptr_nonnull(file);
    const size_t length = fread(bytes + sizeof head, 1, sizeof bytes - sizeof head, file);
    ck_assert(fclose(file) == 0 && unlink(inside("whole")) == 0);
    for (int i = 0; i < 4; i++) head[14 + i] = (uint8_t)(length >> 8 * i);
    head[18] = sizeof head;
    memcpy(bytes, head, sizeof head);
    const size_t skipped = icon ? 0 : sizeof head + 14;
    sample_bytes_write(inside(name), bytes + skipped, (long)(sizeof head + length - skipped));
}

START_TEST(icons_and_headless_bitmaps_are_stills) {
    char name[64];
    for (int i = 1; i <= 12; i++) {
        snprintf(name, sizeof name, "f%d.%s", i, _i ? "ico" : "dib");
        wrap_picture(name, i, _i);
    }
    Dataset *dataset = opened(small);
    ck_assert_str_eq(warnings, "");
    expect_description(dataset, "1 video, 12 frames");
    for (int i = 0; i < 12; i++) ck_assert_int_le(abs(dataset->videos[0].levels[i * 12 * 16 + 40] - 20 * (i + 1)), 2);
    expect_the_same_streamed(dataset);
}
END_TEST

/* A drawing is not a still either, though some builds of libavcodec decode it. */
START_TEST(texts_beside_stills_are_no_frames) {
    for (int i = 1; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "f%d.pcx", i);
        picture(name, "pcx", "rgb24", 20 * i);
    }
    write_text("a.svg", "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\"></svg>\n");
    write_text("notes.txt", "These are five pictures.\n");
    write_text("table.csv", "frame,level\n1,20\n");
    Dataset *dataset = opened(small);
    ck_assert_str_eq(warnings, "");
    ck_assert_int_eq(dataset->videos[0].frames, 5);
    ck_assert_int_eq(dataset->count, 1);
    dataset_close(dataset);
}
END_TEST

START_TEST(stills_that_are_named_one_by_one_are_one_video) {
    char names[12][4200];
    const char *paths[12];
    for (int i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "%d.jpg", i);
        picture(name, "mjpeg", "yuvj420p", 10 * i);
        snprintf(names[i], sizeof names[i], "%s", inside(name));
        paths[i] = names[i * 5 % 12]; /* in any order */
    }
    Error error;
    DatasetOptions options = small;
    options.T = 1;
    Dataset *dataset = try_open_paths(paths, 12, options, &error);
    ck_assert_msg(dataset != NULL, "%s", error.text);
    expect_description(dataset, "1 video, 12 frames");
    ck_assert_str_eq(dataset->videos[0].source.path, folder);
    for (int i = 0; i < 12; i++) ck_assert_int_le(abs(dataset->videos[0].levels[i * 12 * 16] - 10 * i), 2);
    dataset_close(dataset);
    dataset = try_open_paths(paths, 1, options, &error); /* a single one is a video of one frame */
    ck_assert_ptr_nonnull(dataset);
    expect_description(dataset, "1 video, 1 frame");
    ck_assert_str_eq(dataset->videos[0].source.path, paths[0]);
    dataset_close(dataset);
    ck_assert_ptr_null(try_open_paths(paths, 1, small, &error));
    ck_assert_msg(strstr(error.text, "has 1 frame, but a clip needs T = 4"), "%s", error.text);
}
END_TEST

START_TEST(animations_are_videos_found_or_named) {
    static const char *const kinds[][2] = {{"apng", "apng"}, {"apng", "png"}, {"gif", "gif"}};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "anim%d.%s", i, kinds[_i][0]);
        write_video(name, (SampleVideo){.codec = kinds[_i][0], .frames = 6 + i});
        char renamed[4200];
        snprintf(renamed, sizeof renamed, "%s/anim%d.%s", folder, i, kinds[_i][1]);
        ck_assert_int_eq(rename(inside(name), renamed), 0);
    }
    Dataset *dataset = opened(small);
    ck_assert_str_eq(warnings, "");
    expect_description(dataset, "4 videos, 30 frames");
    dataset_close(dataset);
    char name[64];
    Error error;
    snprintf(name, sizeof name, "anim2.%s", kinds[_i][1]);
    dataset = try_open(inside(name), small, &error);
    ck_assert_msg(dataset != NULL, "%s", error.text);
    expect_description(dataset, "1 video, 8 frames");
    dataset_close(dataset);
}
END_TEST

START_TEST(an_animation_that_cannot_be_decoded_is_named) {
    /* WebP's extended header with the flag of animations, and no picture */
    static const char webp[] = "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x1f\0\0\x17\0\0";
    sample_bytes_write(inside("moving.webp"), webp, sizeof webp - 1);
    write_video("a.avi", (SampleVideo){.codec = "mpeg4", .frames = 5});
    Dataset *dataset = opened(small);
    expect_warning("moving.webp: ");
    expect_warning("left out: these FFmpeg libraries do not decode this kind of animation; convert it to a video");
    ck_assert_int_eq(dataset->counts.unreadable, 1);
    ck_assert_int_eq(dataset->incomplete_count, 1);
    dataset_close(dataset);
}
END_TEST

START_TEST(a_frame_that_is_there_in_two_formats_counts_once) {
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "%04d.jpg", i);
        picture(name, "mjpeg", "yuvj420p", 20 * i);
        snprintf(name, sizeof name, "%04d.png", i);
        if (i < 3) picture(name, "png", "gray", 200);
    }
    Dataset *dataset = opened(small);
    expect_warning("3 frames are in two formats (0000.jpg and 0000.png); each counts once");
    expect_description(dataset, "1 video, 6 frames");
    for (int i = 0; i < 6; i++)
        ck_assert_int_le(abs(dataset->videos[0].levels[i * 12 * 16] - 20 * i), 2); /* the format that more frames have */
    dataset_close(dataset);
}
END_TEST

/* ---- what is not data ---- */

START_TEST(hidden_names_and_leftovers_are_data_only_where_they_are_named) {
    static const char *const names[] = {".hidden",
                                        "__MACOSX",
                                        "@eaDir",
                                        ".@__thumb",
                                        "$RECYCLE.BIN",
                                        ".Trash-1000",
                                        ".ipynb_checkpoints",
                                        "System Volume Information",
                                        "#snapshot",
                                        "@Recently-Snapshot"};
    const int count = sizeof names / sizeof *names;
    char name[128];
    for (int i = 0; i < count; i++) {
        make_folder_inside(names[i]);
        snprintf(name, sizeof name, "%s/a.avi", names[i]);
        write_video(name, (SampleVideo){.codec = "mpeg4", .frames = 5});
    }
    make_folder_inside("clip");
    for (int i = 1; i <= 8; i++) {
        snprintf(name, sizeof name, "clip/%04d.png", i);
        picture(name, "png", "gray", 9 * i);
        snprintf(name, sizeof name, "clip/._%04d.png", i);
        write_text(name, "Mac OS X");
    }
    write_text("clip/.DS_Store", "");
    write_text("clip/Thumbs.db", "thumbs");
    write_text("clip/plan", "P3 is the third part of the plan, BM the second, and P6 is open.\n"); /* begins like a picture */
    write_text("clip/data.bin", "\xff\x0a and other bytes");
    Dataset *dataset = opened(small);
    ck_assert_str_eq(warnings, "");
    expect_description(dataset, "1 video, 8 frames, 2 other files");
    dataset_close(dataset);
    Error error;
    for (int i = 0; i < count; i++) {
        dataset = try_open(inside(names[i]), small, &error);
        ck_assert_msg(dataset && dataset->count == 1, "%s", names[i]);
        dataset_close(dataset);
    }
    ck_assert_ptr_null(try_open(inside("clip/Thumbs.db"), small, &error));
    ck_assert_msg(strstr(error.text, "1 unreadable"), "%s", error.text);
    make_folder_inside("nothing");
    write_text("nothing/.hidden.avi", "x");
    ck_assert_ptr_null(try_open(inside("nothing"), small, &error));
    ck_assert_msg(strstr(error.text, "no file in it but hidden ones"), "%s", error.text);
}
END_TEST

START_TEST(small_copies_beside_their_originals_are_said) {
    static const char *const names[] = {"GX010001.MP4", "GL010001.LRV", "GX010001.THM", "DJI_1.MP4",   "DJI_1.LRF",
                                        "GL010009.LRV", "C0001.MP4",    "C0001S03.MP4", "C0002S03.MP4"};
    for (int i = 0; i < 9; i++) {
        if (!strcmp(names[i], "GX010001.THM")) {
            picture(names[i], "mjpeg", "yuvj420p", 9);
            continue;
        }
        write_video("copy.mp4", (SampleVideo){.codec = "mpeg4", .frames = 5 + i});
        char path[4200];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        ck_assert_int_eq(rename(inside("copy.mp4"), path), 0);
    }
    Dataset *dataset = opened(small);
    expect_description(dataset, "5 videos, 47 frames, 4 small copies of videos left out"); /* the last has no original */
    expect_warning("C0001S03.MP4: a small copy or thumbnail of the video beside it; left out, like all others of its kind");
    ck_assert_ptr_null(strchr(strchr(warnings, '\n') + 1, '\n'));
    ck_assert_int_eq(dataset->incomplete_count, 0);
    dataset_close(dataset);
    Error error;
    dataset = try_open(inside("DJI_1.LRF"), small, &error);
    ck_assert_ptr_nonnull(dataset);
    dataset_close(dataset);
}
END_TEST

/* ---- one file, many paths ---- */

static void make_link(const char *target, const char *name) {
    ck_assert_int_eq(symlink(target, inside(name)), 0);
}

START_TEST(links_and_double_mentions_count_once) {
    char first[4200], second[4200], third[4200];
    make_folder_inside("real");
    make_folder_inside("real/deep");
    make_folder_inside("real/frames");
    make_folder_inside("linked_frames");
    write_video("real/a.avi", (SampleVideo){.codec = "mpeg4", .frames = 5});
    write_video("real/deep/b.avi", (SampleVideo){.codec = "mpeg4", .frames = 6});
    for (int i = 0; i < 7; i++) {
        char name[64], target[4200];
        snprintf(name, sizeof name, "real/frames/%d.png", i);
        picture(name, "png", "gray", 9 * i);
        snprintf(target, sizeof target, "%s", inside(name));
        snprintf(name, sizeof name, "linked_frames/%d.png", i);
        make_link(target, name);
    }
    snprintf(first, sizeof first, "%s", inside("real/a.avi"));
    ck_assert_int_eq(link(first, inside("z_hard.avi")), 0);
    make_link("real/a.avi", "a_soft.avi");
    make_link("real", "another"); /* before the folder itself, by name */
    make_link("../..", "real/deep/up");
    Dataset *dataset = opened(small);
    ck_assert_str_eq(warnings, "");
    expect_description(dataset, "3 videos, 18 frames, 3 more paths to some of them");
    ck_assert_str_eq(dataset->videos[0].path, inside("real/a.avi"));
    ck_assert_str_eq(dataset->videos[2].path, inside("real/frames"));
    dataset_close(dataset);
    snprintf(second, sizeof second, "%s", inside("real"));
    snprintf(third, sizeof third, "%s", inside("real/frames/3.png"));
    const char *const paths[] = {first, first, second, third, second};
    Error error;
    dataset = try_open_paths(paths, 5, small, &error);
    ck_assert_msg(dataset != NULL, "%s", error.text);
    /* through `up`, the links above the folder are found too */
    expect_description(dataset, "3 videos, 18 frames, 6 more paths to some of them");
    dataset_close(dataset);
}
END_TEST

/* latest.png is no frame of its own. Equal frames that are linked to each other, as some tools do, are. */
START_TEST(a_second_name_of_a_frame_is_no_frame) {
    for (int i = 0; i < 8; i++) {
        char name[64];
        snprintf(name, sizeof name, "f%d.png", i);
        if (i != 4) picture(name, "png", "gray", 9 * i);
    }
    char *third = strdup(inside("f3.png"));
    ck_assert(link(third, inside("f4.png")) == 0 && link(third, inside("best.png")) == 0);
    free(third);
    make_link("f7.png", "a_latest.png");
    Dataset *dataset = opened(small);
    ck_assert_str_eq(warnings, "");
    expect_description(dataset, "1 video, 8 frames, 2 more paths to some of them");
    for (int i = 0; i < 8; i++) ck_assert_int_eq(dataset->videos[0].levels[i * 12 * 16], i == 4 ? 27 : 9 * i);
    dataset_close(dataset);
}
END_TEST

/* ---- rotation ---- */

/* Where the bright corner of the pixels ends up, by Exif's Orientation: row and column, 0 or 1. */
static const struct { int row, column; } corners[] = {{0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}};

static void expect_corner(const Dataset *dataset, int turn) {
    const uint8_t *levels = dataset->videos[0].levels;
    for (int row = 0; row < 2; row++)
        for (int column = 0; column < 2; column++) {
            const int level = levels[(row * 6 + 3) * 16 + column * 8 + 4];
            const bool bright = row == corners[turn].row && column == corners[turn].column;
            ck_assert_msg(bright ? level > 180 : level < 60, "turn %d: %d, %d has level %d", turn, row, column, level);
        }
}

START_TEST(pictures_are_turned_as_exif_says) {
    const uint8_t exif[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M',         0, 42, 0, 0, 0, 8,
                            0,    1,    1, 18, 0,   3,   0,   0,   0, 1, 0,   (uint8_t)_i, 0, 0,  0, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        char name[8] = {(char)('0' + i), '.', 'j', 'p', 'g', 0}, *path = strdup(inside(name));
        const SamplePicture sample = {"mjpeg", "yuvj420p", 48, 96, 20, 230};
        ck_assert(sample_picture_write(path, &sample));
        FILE *file = fopen(path, "rb");
        static uint8_t bytes[100000];
        memcpy(bytes + 2, exif, sizeof exif);
        size_t length = fread(bytes, 1, 2, file);
        length += sizeof exif + fread(bytes + 2 + sizeof exif, 1, sizeof bytes - 2 - sizeof exif, file);
        fclose(file);
        sample_bytes_write(path, bytes, (long)length);
        free(path);
    }
    Dataset *dataset = opened(small);
    expect_corner(dataset, _i);
    expect_description(dataset, _i > 1 ? "1 video, 4 frames, 1 turned upright as its metadata say" : "1 video, 4 frames");
    dataset_close(dataset);
}
END_TEST

/* A picture of 2 × 3 pixels, a b c / d e f, upright. */
static const struct {
    const char *pixels;
    int32_t matrix[9]; /* as a container stores it */
} turns[] = {{"abcdef", {1 << 16, 0, 0, 0, 1 << 16}},    {"abcdef", {1 << 16, 0, 0, 0, 1 << 16}},
             {"cbafed", {-(1 << 16), 0, 0, 0, 1 << 16}}, {"fedcba", {-(1 << 16), 0, 0, 0, -(1 << 16)}},
             {"defabc", {1 << 16, 0, 0, 0, -(1 << 16)}}, {"adbecf", {0, 1 << 16, 0, 1 << 16, 0}},
             {"daebfc", {0, 1 << 16, 0, -(1 << 16), 0}}, {"fcebda", {0, -(1 << 16), 0, -(1 << 16), 0}},
             {"cfbead", {0, -(1 << 16), 0, 1 << 16, 0}}};

START_TEST(pixels_go_where_each_turn_says) {
    uint8_t rgb[18], out[18];
    bool exact;
    for (int i = 0; i < 18; i++) rgb[i] = (uint8_t)("abcdef"[i / 3] + i % 3);
    turn_rgb(rgb, 2, 3, (Turn)_i, out);
    for (int i = 0; i < 18; i++) ck_assert_int_eq(out[i], turns[_i].pixels[i / 3] + i % 3);
    ck_assert_int_eq(turn_of_matrix(turns[_i].matrix, &exact), (Turn)_i);
    ck_assert(exact && turn_swaps((Turn)_i) == (_i >= 5));
}
END_TEST

START_TEST(videos_are_turned_as_their_container_says) {
    write_video("a.mp4", (SampleVideo){.codec = "mpeg4", .frames = 5, .rows = 48, .columns = 96, .matrix = turns[_i].matrix});
    write_video("b.mp4", (SampleVideo){.codec = "mpeg4", .frames = 5, .rows = 48, .columns = 96});
    Dataset *dataset = opened(small);
    expect_description(dataset, _i > 1 ? "2 videos, 10 frames, 1 turned upright as its metadata say" : "2 videos, 10 frames");
    ck_assert_str_eq(warnings, "");
    /* Levels rise by 1 from row to row and by 2 from column to column. Their sums over halves show how the picture is turned. */
    const uint8_t *turned = dataset->videos[0].levels, *plain = dataset->videos[1].levels;
    int down = turned[11 * 16 + 8] - turned[8], right = turned[6 * 16 + 15] - turned[6 * 16];
    int plain_down = plain[11 * 16 + 8] - plain[8], plain_right = plain[6 * 16 + 15] - plain[6 * 16];
    static const int signs[][2] = {{1, 1}, {1, 1}, {1, -1}, {-1, -1}, {-1, 1}, {1, 1}, {1, -1}, {-1, -1}, {-1, 1}}; /* down, right */
    ck_assert_int_le(abs(down - signs[_i][0] * (_i >= 5 ? plain_right : plain_down)), 12);
    ck_assert_int_le(abs(right - signs[_i][1] * (_i >= 5 ? plain_down : plain_right)), 12);
    expect_the_same_streamed(dataset);
}
END_TEST

START_TEST(a_turn_by_no_right_angle_is_said) {
    static const int32_t matrix[9] = {5000, 65000, 0, -65000, 5000};
    write_video("a.mp4", (SampleVideo){.codec = "mpeg4", .frames = 5, .matrix = matrix});
    Dataset *dataset = opened(small);
    expect_warning("a.mp4: its metadata turn it by an angle that is not a multiple of 90 degrees");
    ck_assert_int_eq(dataset->counts.turned, 1);
    ck_assert_int_eq(dataset->incomplete_count, 0);
    dataset_close(dataset);
}
END_TEST

/* A second directory with the same picture, after the first. */
START_TEST(further_pages_of_a_picture_are_said) {
    static uint8_t bytes[100000];
    for (int i = 0; i < 5; i++) {
        char name[8] = {(char)('0' + i), '.', 't', 'i', 'f', 0};
        picture(name, "tiff", "gray", 50 * i);
        if (i != 2) continue;
        FILE *file = fopen(inside(name), "rb");
        size_t length = fread(bytes, 1, sizeof bytes / 2, file);
        fclose(file);
        uint32_t first, second = (uint32_t)(length + length % 2);
        memcpy(&first, bytes + 4, 4); /* the encoder writes little-endian; this test expects a little-endian machine */
        if (bytes[0] == 'M') return;
        const size_t size = 2 + 12 * (size_t)(bytes[first] + 256 * bytes[first + 1]);
        memcpy(bytes + second, bytes + first, size + 4);
        memcpy(bytes + first + size, &second, 4);
        sample_bytes_write(inside(name), bytes, (long)(second + size + 4));
    }
    Dataset *dataset = opened(small);
    expect_description(dataset, "1 video, 5 frames");
    expect_warning(": 1 of its pictures has further pages; only the first page of each is used");
    dataset_close(dataset);
}
END_TEST

/* Metadata in each format, whole and cut off anywhere. */
#define TIFF_LITTLE "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
#define TIFF_BIG "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
static const struct {
    const char *bytes;
    size_t length;
} metadata[] = {
    {TIFF_LITTLE, sizeof TIFF_LITTLE - 1},
    {TIFF_BIG, sizeof TIFF_BIG - 1},
    {"\x89PNG\r\n\x1a\n\0\0\0\x01tEXt.1234\0\0\0\x1a"
     "eXIf" TIFF_BIG "1234",
     8 + 13 + 12 + 26},
    {"RIFF\0\0\0\0WEBPVP8 \x01\0\0\0..EXIF\x1a\0\0\0" TIFF_LITTLE, 12 + 10 + 8 + 26},
    {"\xff\xd8\xff\xe0\0\x04..\xff\xff\xe1\0\x22"
     "Exif\0\0" TIFF_LITTLE "\xff\xda",
     2 + 6 + 5 + 6 + 26 + 2},
};

START_TEST(the_metadata_of_each_format_are_read) {
    ck_assert_int_eq(turn_of_picture((const uint8_t *)metadata[_i].bytes, metadata[_i].length), TURN_QUARTER);
    for (size_t length = 0; length < metadata[_i].length; length++) {
        uint8_t *cut = malloc(length + 1); /* so that a sanitizer sees reads beyond it */
        memcpy(cut, metadata[_i].bytes, length);
        cut = realloc(cut, length ? length : 1);
        const Turn turn = turn_of_picture(cut, length);
        ck_assert(turn == TURN_UPRIGHT || turn == TURN_QUARTER);
        free(cut);
    }
}
END_TEST

Suite *found_suite(void) {
    Suite *suite = suite_create("found");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_set_timeout(files, 60);
    tcase_add_loop_test(files, stills_of_any_format_are_frames_of_one_video, 0, sizeof formats / sizeof *formats);
    tcase_add_loop_test(files, icons_and_headless_bitmaps_are_stills, 0, 2);
    tcase_add_test(files, texts_beside_stills_are_no_frames);
    tcase_add_test(files, stills_that_are_named_one_by_one_are_one_video);
    tcase_add_loop_test(files, animations_are_videos_found_or_named, 0, 3);
    tcase_add_test(files, an_animation_that_cannot_be_decoded_is_named);
    tcase_add_test(files, a_frame_that_is_there_in_two_formats_counts_once);
    tcase_add_test(files, hidden_names_and_leftovers_are_data_only_where_they_are_named);
    tcase_add_test(files, small_copies_beside_their_originals_are_said);
    tcase_add_test(files, further_pages_of_a_picture_are_said);
    tcase_add_test(files, links_and_double_mentions_count_once);
    tcase_add_test(files, a_second_name_of_a_frame_is_no_frame);
    suite_add_tcase(suite, files);
    TCase *rotation = tcase_create("rotation");
    tcase_add_checked_fixture(rotation, make_folder, remove_folder);
    tcase_set_timeout(rotation, 60);
    tcase_add_loop_test(rotation, pictures_are_turned_as_exif_says, 1, 9);
    tcase_add_loop_test(rotation, pixels_go_where_each_turn_says, 1, 9);
    tcase_add_loop_test(rotation, videos_are_turned_as_their_container_says, 1, 9);
    tcase_add_test(rotation, a_turn_by_no_right_angle_is_said);
    tcase_add_loop_test(rotation, the_metadata_of_each_format_are_read, 0, sizeof metadata / sizeof *metadata);
    suite_add_tcase(suite, rotation);
    return suite;
}
