/* test_images.c: data of models whose T is 1: folders of single images, and idx files. */
#include "data_folder.h"
#include "test_data.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

Suite *images_suite(void);

static const DatasetOptions single = {.T = 1, .channels = 1, .height = 6, .width = 5, .images = true};
enum { ROWS = 6, COLUMNS = 5, IMAGE = ROWS * COLUMNS, HEAD = 16 };

/* The level of image i's pixels. */
static uint8_t level_of(int i) {
    return (uint8_t)(10 + 7 * i);
}

/* The bytes of an idx file of `count` images; the caller frees them. */
static uint8_t *idx_bytes(int count, long *length) {
    const uint8_t head[HEAD] = {0, 0, 8, 3, 0, 0, (uint8_t)(count >> 8), (uint8_t)count, 0, 0, 0, ROWS, 0, 0, 0, COLUMNS};
    *length = HEAD + (long)count * IMAGE;
    uint8_t *bytes = malloc((size_t)*length + 1);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, head, HEAD);
    for (int i = 0; i < count * IMAGE; i++) bytes[HEAD + i] = level_of(i / IMAGE);
    return bytes;
}

static void write_bytes(const char *name, const uint8_t *bytes, long length, bool packed) {
    if (!packed) {
        sample_bytes_write(inside(name), bytes, length);
        return;
    }
    gzFile file = gzopen(inside(name), "wb");
    ck_assert(file != NULL && gzwrite(file, bytes, (unsigned)length) == (int)length && gzclose(file) == Z_OK);
}

static void write_idx(const char *name, int count, bool packed) {
    long length;
    uint8_t *bytes = idx_bytes(count, &length);
    write_bytes(name, bytes, length, packed);
    free(bytes);
}

/* The level that a frame of one colour has. */
static int level_at(const Dataset *data, int64_t video, int64_t frame) {
    Error error;
    float pixels[3 * IMAGE];
    ClipReader *reader = clip_reader_open(data, &error);
    ck_assert_msg(reader != NULL && clip_read(reader, video, frame, 1, pixels, &error), "%s", error.text);
    clip_reader_close(reader);
    for (int i = 1; i < IMAGE; i++) ck_assert_float_eq(pixels[i], pixels[0]);
    return (int)((pixels[0] + 1) / 2 * 255 + 0.5F);
}

static void expect_description(const Dataset *data, const char *text) {
    char description[DATASET_DESCRIPTION];
    dataset_describe(data, description, sizeof description);
    ck_assert_str_eq(description, text);
}

static void expect_path(const Dataset *data, int64_t video, int64_t frame, const char *name) {
    char *path = dataset_frame_path(data, video, frame);
    ck_assert_str_eq(path, inside(name));
    free(path);
}

static const int numbers[] = {1, 2, 3, 7, 10, 11, 20, 21, 22, 40, 100, 101}; /* with gaps; in natural, not in bytewise order */
enum { IMAGES = sizeof numbers / sizeof *numbers };

static void write_pictures(void) {
    for (int i = 0; i < IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "photo%d.png", numbers[i]);
        sample_png_write(inside(name), 8 + i, 9, level_of(i), level_of(i), level_of(i));
    }
}

START_TEST(a_folder_of_pictures_is_single_images) {
    write_pictures();
    Dataset *data = opened(single);
    ck_assert_str_eq(warnings, ""); /* no gap */
    expect_description(data, "12 images");
    ck_assert_int_eq(data->frames, IMAGES);
    for (int i = 0; i < IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "photo%d.png", numbers[i]);
        ck_assert_int_eq(level_at(data, 0, i), level_of(i));
        expect_path(data, 0, i, name);
    }
    dataset_close(data);
}
END_TEST

START_TEST(images_that_cannot_be_read_leave_no_hole) {
    write_pictures();
    write_text("photo2.png", "no picture");
    write_text("photo101.png", "");
    const DatasetOptions options[] = {single, {.T = 1, .channels = 1, .height = 6, .width = 5, .images = true, .cache_bytes = 1}};
    Dataset *data = opened(options[_i]);
    expect_warning("2 of 12 images cannot be read (the first: photo2.png: ");
    expect_warning("; the others are used\n");
    expect_description(data, _i ? "10 images, 1 streamed, 1 partly damaged" : "10 images, 1 partly damaged");
    expect_path(data, 0, 1, "photo3.png");
    ck_assert_int_eq(level_at(data, 0, 1), level_of(2));
    ck_assert_int_eq(level_at(data, 0, 9), level_of(10));
    ck_assert_int_eq(data->incomplete_count, 2);
    Error error;
    ck_assert(!dataset_check_complete(data, &error));
    char *named = strstr(error.text, "photo2.png, ");
    ck_assert_msg(named != NULL && strstr(named, "/photo101.png; ") != NULL, "%s", error.text);
    dataset_close(data);
}
END_TEST

START_TEST(hidden_names_links_and_second_formats_count_as_they_do_in_videos) {
    write_pictures();
    sample_png_write(inside(".photo5.png"), 8, 8, 1, 1, 1);
    sample_png_write(inside("photo7.bmp"), 8, 8, 99, 99, 99); /* a name in two formats */
    make_folder_inside("more");
    ck_assert_int_eq(symlink("../photo1.png", inside("more/again.png")), 0);
    Dataset *data = opened(single);
    ck_assert_int_eq(data->images, IMAGES);
    ck_assert_int_eq(data->counts.hidden, 1);
    ck_assert_int_eq(data->counts.duplicates, 1);
    expect_warning("in two formats");
    dataset_close(data);
}
END_TEST

/* Links in its own folder and in another, and a folder that has an image of another and one of its own. */
START_TEST(an_image_counts_once_by_whatever_paths) {
    write_pictures();
    make_folder_inside("a_links");
    make_folder_inside("z_both");
    ck_assert_int_eq(symlink("../photo1.png", inside("a_links/first.png")), 0);
    char *original = strdup(inside("photo2.png"));
    ck_assert_int_eq(link(original, inside("photo8.png")), 0);
    ck_assert_int_eq(link(original, inside("z_both/2.png")), 0);
    free(original);
    ck_assert_int_eq(symlink("photo3.png", inside("best.png")), 0);
    sample_png_write(inside("z_both/own.png"), 8, 8, 200, 200, 200);
    Dataset *data = opened(single);
    ck_assert_str_eq(warnings, "");
    expect_description(data, "13 images, 4 more paths to some of them");
    ck_assert_int_eq(data->count, 2);
    expect_path(data, 0, 0, "photo1.png");
    expect_path(data, 0, 2, "photo3.png");
    expect_path(data, 1, 0, "z_both/own.png");
    ck_assert_int_eq(level_at(data, 1, 0), 200);
    dataset_close(data);
}
END_TEST

START_TEST(each_image_is_drawn_as_often) {
    enum { DRAWS = 6000 };
    int64_t drawn[40] = {0};
    make_folder_inside("few");
    sample_png_write(inside("few/one.png"), 8, 8, 1, 1, 1);
    write_idx("many-images-idx3-ubyte", 39, false);
    Dataset *data = opened(single);
    expect_description(data, "40 images");
    for (int i = 0; i < DRAWS; i++) {
        const Clip clip = dataset_draw(data, 5, i, 1, 0);
        ck_assert_int_lt(clip.start, data->videos[clip.video].frames);
        drawn[data->videos[clip.video].before + clip.start]++;
    }
    for (int i = 0; i < 40; i++) ck_assert(drawn[i] > 90 && drawn[i] < 220); /* 150 ± 5.8 deviations */
    dataset_close(data);
}
END_TEST

START_TEST(an_idx_file_is_read_packed_or_not) {
    write_idx(_i & 1 ? "t-images-idx3-ubyte.gz" : "t-images-idx3-ubyte", 30, _i & 1);
    write_bytes("t-labels-idx1-ubyte", (const uint8_t *)"\0\0\x08\1\0\0\0\2\7\7", 10, false);
    write_bytes("t-labels-idx1-ubyte.gz", (const uint8_t *)"\0\0\x08\1\0\0\0\2\7\7", 10, true); /* beside the same, unpacked */
    write_bytes("v-labels-idx1-ubyte.gz", (const uint8_t *)"\0\0\x08\1\0\0\0\2\7\7", 10, true);
    write_bytes("classes.bin", (const uint8_t *)"\0\0\x08\1\0\0\0\2\7\7", 10, false); /* known by its content */
    DatasetOptions options = single;
    options.cache_bytes = _i & 2 ? 1 : 0;
    Dataset *data = opened(options);
    ck_assert_str_eq(warnings, "");
    ck_assert_int_eq(data->images, 30);
    ck_assert_int_eq(data->counts.labels, 3);
    ck_assert_int_eq(data->videos[0].levels != NULL, !(_i & 2)); /* bytes */
    for (int i = 29; i >= 0; i -= 7) ck_assert_int_eq(level_at(data, 0, i), level_of(i));
    dataset_close(data);
}
END_TEST

START_TEST(an_idx_file_is_known_by_its_content_and_resized) {
    write_idx("digits.bin", 3, false);
    DatasetOptions options = single;
    options.channels = 3, options.height = 5, options.width = 3;
    Dataset *data = opened(options);
    expect_description(data, "3 images");
    for (int k = 0; k < 3 * 15; k++) ck_assert_int_eq(data->videos[0].levels[2 * 3 * 15 + k], level_of(2));
    dataset_close(data);
}
END_TEST

START_TEST(a_packed_copy_beside_the_unpacked_file_counts_once) {
    write_idx("t-images-idx3-ubyte", 4, false);
    write_idx("t-images-idx3-ubyte.gz", 4, true);
    Dataset *data = opened(single);
    expect_description(data, "4 images, 1 more path to one of them");
    dataset_close(data);
    char *plain = strdup(inside("t-images-idx3-ubyte")), *packed = strdup(inside("t-images-idx3-ubyte.gz"));
    Error error;
    data = try_open_paths((const char *const[]){packed, plain}, 2, single, &error); /* as a shell gives them for * */
    expect_description(data, "4 images, 1 more path to one of them");
    dataset_close(data);
    data = try_open_paths((const char *const[]){packed, folder}, 2, single, &error);
    expect_description(data, "4 images, 2 more paths to some of them");
    dataset_close(data);
    data = try_open(packed, single, &error);
    expect_description(data, "4 images");
    dataset_close(data);
    free(plain);
    free(packed);
}
END_TEST

START_TEST(images_that_validate_and_train_are_counted) {
    write_pictures();
    make_folder_inside("held");
    ck_assert_int_eq(symlink("../photo2.png", inside("held/a.png")), 0);
    ck_assert_int_eq(symlink("../photo3.png", inside("held/b.png")), 0);
    sample_png_write(inside("held/own.png"), 8, 8, 1, 1, 1);
    write_idx("held/t-images-idx3-ubyte", 5, false);
    char *training = strdup(inside("photo2.png"));
    Error error;
    Dataset *held = try_open(inside("held"), single, &error), *one = try_open(training, single, &error);
    DatasetOverlap overlap = dataset_overlap(one, held);
    ck_assert(overlap.items == 8 && overlap.both == 1 && strcmp(overlap.noun, "images") == 0);
    ck_assert_str_eq(overlap.first, inside("held/a.png"));
    free(overlap.first);
    overlap = dataset_overlap(held, held);
    ck_assert_int_eq(overlap.both, 8);
    free(overlap.first);
    dataset_close(one);
    dataset_close(held);
    free(training);
}
END_TEST

/* Damages a file of 10 images in one way, and names what the error says. */
static const char *damage(const char *name, int kind) {
    long length;
    uint8_t *bytes = idx_bytes(10, &length);
    const char *says[] = {"is cut off: it holds 3 of the 10 images that its header says",
                          "goes on after the 10 images that its header says",
                          "an idx file that is cut off in its header, after 7 of 16 bytes",
                          "no idx file of images: it begins with 50 4b 03 04 instead of 00 00 08 03",
                          "an idx file without images: its header says 0 of 6 × 5 pixels",
                          "is cut off: it holds 10 of the 4278190090 images that its header says",
                          "which is too large",
                          "the packed file is cut off",
                          "the packed file is damaged",
                          "the file is empty"};
    if (kind == 0) length = HEAD + 3 * IMAGE + 11;
    if (kind == 1) bytes[length++] = 1;
    if (kind == 2) length = 7;
    if (kind == 3) memcpy(bytes, "PK\3\4", 4);
    if (kind == 4) bytes[7] = 0;
    if (kind == 5) bytes[4] = 0xff;
    if (kind == 6) memset(bytes + 8, 0x7f, 8);
    if (kind == 9) length = 0;
    write_bytes(name, bytes, length, kind == 7 || kind == 8);
    if (kind == 7) sample_truncate(inside(name), 0.8);
    if (kind == 8) { /* its checksum */
        FILE *file = fopen(inside(name), "r+b");
        ck_assert(file != NULL && fseek(file, -6, SEEK_END) == 0 && fputc(0x55, file) == 0x55 && fclose(file) == 0);
    }
    free(bytes);
    return says[kind];
}

START_TEST(a_damaged_idx_file_is_an_error_that_says_what) {
    Error error;
    const char *says = damage("t-images-idx3-ubyte", _i);
    const char *path = inside("t-images-idx3-ubyte");
    ck_assert_ptr_null(try_open(path, single, &error));
    ck_assert_msg(strstr(error.text, says) != NULL, "\"%s\" is not in: %s", says, error.text);
    sample_png_write(inside("good.png"), 8, 8, 1, 1, 1);
    Dataset *data = opened(single); /* the others are used */
    expect_warning(says);
    expect_description(data, "1 image, 1 unreadable and left out");
    ck_assert_int_eq(data->incomplete_count, 1);
    dataset_close(data);
}
END_TEST

START_TEST(an_idx_file_is_refused_where_clips_have_several_frames) {
    Error error;
    write_idx("t-images-idx3-ubyte.gz", 9, true);
    ck_assert_ptr_null(try_open(inside("t-images-idx3-ubyte.gz"), small, &error));
    ck_assert(strstr(error.text, "it is data only where the T of the spec is 1") != NULL);
    ck_assert_ptr_null(try_open(NULL, small, &error));
    ck_assert(strstr(error.text, "it is data only where the T of the spec is 1") != NULL);
}
END_TEST

START_TEST(labels_alone_are_an_error) {
    Error error;
    write_bytes("t-labels-idx1-ubyte", (const uint8_t *)"\0\0\x08\1\0\0\0\2\7\7", 10, false);
    ck_assert_ptr_null(try_open(_i ? inside("t-labels-idx1-ubyte") : NULL, single, &error));
    ck_assert(strstr(error.text, "labels, and no images; give the file of images") != NULL);
}
END_TEST

START_TEST(videos_beside_images_are_their_frames) {
    write_video("clip.avi", (SampleVideo){.codec = "ffv1", .frames = 5});
    write_pictures();
    Dataset *data = opened(single);
    expect_description(data, "12 images, 1 video, 5 frames");
    expect_path(data, data->videos[0].frames == 5 ? 0 : 1, 3, "clip.avi");
    dataset_close(data);
}
END_TEST

Suite *images_suite(void) {
    Suite *suite = suite_create("images");
    TCase *test_case = tcase_create("images");
    tcase_add_checked_fixture(test_case, make_folder, remove_folder);
    tcase_add_test(test_case, a_folder_of_pictures_is_single_images);
    tcase_add_loop_test(test_case, images_that_cannot_be_read_leave_no_hole, 0, 2);
    tcase_add_test(test_case, hidden_names_links_and_second_formats_count_as_they_do_in_videos);
    tcase_add_test(test_case, an_image_counts_once_by_whatever_paths);
    tcase_add_test(test_case, each_image_is_drawn_as_often);
    tcase_add_loop_test(test_case, an_idx_file_is_read_packed_or_not, 0, 4);
    tcase_add_test(test_case, an_idx_file_is_known_by_its_content_and_resized);
    tcase_add_test(test_case, a_packed_copy_beside_the_unpacked_file_counts_once);
    tcase_add_test(test_case, images_that_validate_and_train_are_counted);
    tcase_add_loop_test(test_case, a_damaged_idx_file_is_an_error_that_says_what, 0, 10);
    tcase_add_test(test_case, an_idx_file_is_refused_where_clips_have_several_frames);
    tcase_add_loop_test(test_case, labels_alone_are_an_error, 0, 2);
    tcase_add_test(test_case, videos_beside_images_are_their_frames);
    suite_add_tcase(suite, test_case);
    return suite;
}
