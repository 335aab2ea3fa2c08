/* test_data.c: random numbers, resizing, videos that the program draws, and training batches. test_dataset.c tests files. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/random.h"
#include "common/random_fill.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "data/resize.h"
#include "sample_video.h"
#include "test_data.h"

typedef struct ResizeCase {
    int rows, columns, channels, height, width;
    const uint8_t *expected;
} ResizeCase;
#include "fixtures/resize_expected.h"

/* Known answers published with the reference implementation (Random123, kat_vectors). */
START_TEST(philox_gives_the_published_answers) {
    const struct {
        uint32_t counter[4], key[2], answer[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        PhiloxBlock counter;
        memcpy(counter.word, rows[i].counter, sizeof counter.word);
        PhiloxBlock block = philox(counter, rows[i].key[0], rows[i].key[1]);
        ck_assert_mem_eq(block.word, rows[i].answer, sizeof block.word);
    }
}
END_TEST

START_TEST(numbers_filled_in_are_those_drawn_one_by_one) {
    float values[23], pairs[10];
    random_fill(7, RANDOM_WEIGHTS, 5, values, 23);
    for (uint64_t i = 0; i < 23; i++) ck_assert(values[i] == random_uniform(7, RANDOM_WEIGHTS, 5 + i));
    random_fill_pairs(7, RANDOM_WEIGHTS, 5, pairs, 5);
    for (int i = 0; i < 5; i++) ck_assert(pairs[i] == 1 - values[i] && pairs[i] > 0 && pairs[5 + i] == values[5 + i]);
    ck_assert(random_bits(7, RANDOM_WEIGHTS, 5) != random_bits(7, RANDOM_INITIAL_STATE, 5));
    ck_assert(random_bits(7, RANDOM_WEIGHTS, 5) != random_bits(8, RANDOM_WEIGHTS, 5));
}
END_TEST

/* From any place, across 2³² blocks too, and of any count. */
START_TEST(every_way_of_filling_draws_the_same_numbers) {
    enum { COUNT = 173 };
    const uint64_t first[] = {0, 1, 6, 31, UINT64_C(0x3fffffff0), UINT64_C(0x3ffffff8a), UINT64_C(0x123456789ab)};
    float values[COUNT + 1];
    ck_assert(random_fillers[random_filler_count - 1].available());
    for (int way = 0; way < random_filler_count; way++) {
        if (!random_fillers[way].available()) continue;
        for (size_t k = 0; k < sizeof first / sizeof *first; k++) {
            for (size_t count = 0; count <= COUNT; count += count < 40 ? 1 : 19) {
                values[count] = 3;
                random_fill_by(&random_fillers[way], UINT64_C(0xfedcba9876543210), RANDOM_WEIGHTS, first[k], values, count);
                for (size_t i = 0; i < count; i++)
                    ck_assert(values[i] == random_uniform(UINT64_C(0xfedcba9876543210), RANDOM_WEIGHTS, first[k] + i));
                ck_assert(values[count] == 3);
            }
        }
    }
}
END_TEST

START_TEST(numbers_below_a_bound_are_uniform) {
    enum { BOUND = 7, DRAWS = 70000 };
    int count[BOUND] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) count[random_below(1, RANDOM_CLIP_VIDEO, i, BOUND)]++;
    /* Chi-squared with 6 degrees of freedom exceeds 22.5 once in a thousand seeds; this seed is fixed. */
    double chi = 0, expected = (double)DRAWS / BOUND;
    for (int i = 0; i < BOUND; i++) chi += (count[i] - expected) * (count[i] - expected) / expected;
    ck_assert_double_lt(chi, 22.5);
    /* A bound of 2⁶³ + 1 rejects almost half of all draws. The others must be spread evenly over both halves. */
    uint64_t bound = (UINT64_C(1) << 63) + 1, low = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        uint64_t value = random_below(1, RANDOM_CLIP_START, i, bound);
        ck_assert(value < bound);
        low += value < bound / 2;
    }
    ck_assert(low > 1850 && low < 2150);
    ck_assert(random_below(1, RANDOM_CLIP_START, 9, 1) == 0);
}
END_TEST

/* The formula of fixtures/make_resize.py. */
static void draw_picture(uint8_t *rgb, int rows, int columns) {
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++, rgb += 3) {
            rgb[0] = (uint8_t)(x * 37 + y * 11 + x * y);
            rgb[1] = (uint8_t)(x * x + 5 * y);
            rgb[2] = (uint8_t)(255 - 3 * x + 7 * y * y);
        }
}

START_TEST(resizing_equals_pillow_to_the_bit) {
    const ResizeCase *row = &resize_cases[_i];
    Error error;
    uint8_t *rgb = malloc((size_t)row->rows * (size_t)row->columns * 3), levels[256];
    draw_picture(rgb, row->rows, row->columns);
    Resizer *resizer = resizer_new(row->channels, row->height, row->width, &error);
    ck_assert(resizer_run(resizer, rgb, row->rows, row->columns, levels, &error));
    ck_assert_mem_eq(levels, row->expected, (size_t)(row->channels * row->height * row->width));
    resizer_free(resizer);
    free(rgb);
}
END_TEST

START_TEST(a_resizer_follows_pictures_that_change_size) {
    const ResizeCase *row = &resize_cases[0];
    Error error;
    uint8_t rgb[3 * 60 * 60], levels[64];
    Resizer *resizer = resizer_new(row->channels, row->height, row->width, &error);
    for (int size = 1; size < 60; size += 13) {
        draw_picture(rgb, size, 60 - size);
        ck_assert(resizer_run(resizer, rgb, size, 60 - size, levels, &error));
        draw_picture(rgb, row->rows, row->columns);
        ck_assert(resizer_run(resizer, rgb, row->rows, row->columns, levels, &error));
        ck_assert_mem_eq(levels, row->expected, (size_t)(row->height * row->width));
    }
    resizer_free(resizer);
}
END_TEST

START_TEST(pixels_run_from_minus_one_to_one) {
    const uint8_t levels[] = {0, 1, 127, 128, 254, 255};
    const float expected[] = {-1.0f, -0.992156863f, -0.00392156839f, 0.003921628f, 0.992156863f, 1.0f}; /* printed by torch */
    float pixels[6];
    levels_to_pixels(levels, pixels, 6);
    for (int i = 0; i < 6; i++) ck_assert_msg(pixels[i] == expected[i], "level %d: %.9g", levels[i], (double)pixels[i]);
}
END_TEST

static Dataset *drawn(uint64_t seed, uint64_t first, int64_t videos, int64_t frames, const DatasetOptions *options) {
    Error error;
    Dataset *dataset = dataset_open_synthetic(seed, first, videos, frames, options, &error);
    ck_assert_msg(dataset != NULL, "%s", error.text);
    return dataset;
}

START_TEST(drawn_videos_depend_on_seed_and_number_only) {
    DatasetOptions options = {.T = 4, .channels = _i ? 3 : 1, .height = 40, .width = 33};
    size_t size = (size_t)options.channels * 40 * 33 * 9;
    Dataset *first = drawn(3, 0, 12, 9, &options), *again = drawn(3, 6, 6, 9, &options), *other = drawn(4, 0, 12, 9, &options);
    ck_assert_int_eq(first->count, 12);
    for (int i = 0; i < 12; i++) {
        if (i >= 6) ck_assert_mem_eq(first->videos[i].levels, again->videos[i - 6].levels, size);
        ck_assert(memcmp(first->videos[i].levels, other->videos[i].levels, size) != 0);
        ck_assert(memcmp(first->videos[i].levels, first->videos[(i + 1) % 12].levels, size) != 0);
        ck_assert(memcmp(first->videos[i].levels, first->videos[i].levels + size / 9, size / 9) != 0); /* it moves */
    }
    dataset_close(first);
    dataset_close(again);
    dataset_close(other);
}
END_TEST

START_TEST(drawn_videos_read_the_same_when_they_are_not_cached) {
    DatasetOptions options = {.T = 4, .channels = 1, .height = 24, .width = 24};
    Dataset *cached = drawn(3, 0, 10, 20, &options);
    options.cache_bytes = 1;
    Dataset *streamed = drawn(3, 0, 10, 20, &options);
    ck_assert_int_eq(cached->cached, 10);
    ck_assert_int_eq(streamed->cached, 0);
    compare_datasets(cached, streamed);
    dataset_close(cached);
    dataset_close(streamed);
}
END_TEST

START_TEST(drawn_videos_fit_any_size) {
    const int sizes[][2] = {{1, 1}, {1, 50}, {50, 1}, {7, 300}, {300, 7}, {5, 4}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        DatasetOptions options = {.T = 1, .channels = 3, .height = sizes[i][0], .width = sizes[i][1]};
        dataset_close(drawn(1, 0, 10, 30, &options));
    }
}
END_TEST

/* A level below 0 would wrap around to white, at the top of a dark background or at its bottom. No shape reaches the corners. */
START_TEST(dark_backgrounds_of_drawn_videos_are_dark_everywhere) {
    DatasetOptions options = {.T = 1, .channels = 1, .height = 12, .width = 12};
    for (uint64_t seed = 100; seed < 110; seed++) {
        Dataset *dataset = drawn(seed, 0, 30, 1, &options);
        for (int i = 0; i < 30; i++) {
            const int top = dataset->videos[i].levels[0], bottom = dataset->videos[i].levels[11 * 12];
            if (top < 60 || bottom < 60)
                ck_assert_msg(top < 120 && bottom < 120, "seed %d, video %d: %d and %d", (int)seed, i, top, bottom);
        }
        dataset_close(dataset);
    }
}
END_TEST

START_TEST(draws_reach_every_start_of_every_video) {
    DatasetOptions options = {.T = 4, .channels = 1, .height = 4, .width = 4};
    Dataset *dataset = drawn(1, 0, 3, 6, &options);
    int count[3][3] = {{0}};
    for (int64_t iteration = 0; iteration < 300; iteration++)
        for (int place = 0; place < 3; place++) {
            Clip clip = dataset_draw(dataset, 5, iteration, 3, place);
            ck_assert(clip.video >= 0 && clip.video < 3 && clip.start >= 0 && clip.start <= 2);
            count[clip.video][clip.start]++;
        }
    for (int video = 0; video < 3; video++) /* 100 expected of each, and a standard deviation of 9.4 */
        for (int start = 0; start < 3; start++) ck_assert(count[video][start] > 60 && count[video][start] < 140);
    dataset_close(dataset);
}
END_TEST

START_TEST(a_video_of_exactly_one_clip_has_one_start) {
    DatasetOptions options = {.T = 6, .channels = 1, .height = 4, .width = 4};
    Dataset *dataset = drawn(1, 0, 2, 6, &options);
    for (int64_t iteration = 0; iteration < 20; iteration++) ck_assert_int_eq(dataset_draw(dataset, 5, iteration, 1, 0).start, 0);
    dataset_close(dataset);
}
END_TEST

START_TEST(a_resumed_loader_gives_the_batches_of_one_that_never_stopped) {
    enum { BATCH = 3, T = 4, SIZE = BATCH * T * 8 * 6 };
    DatasetOptions options = {.T = T, .channels = 1, .height = 8, .width = 6};
    Dataset *dataset = drawn(1, 0, 5, 30, &options);
    Error error;
    static float whole[12][SIZE];
    Loader *loader = loader_start(dataset, 9, 0, BATCH, &error);
    for (int i = 0; i < 12; i++) memcpy(whole[i], loader_next(loader, &error), sizeof whole[i]);
    loader_stop(loader);
    loader = loader_start(dataset, 9, 7, BATCH, &error);
    for (int i = 7; i < 12; i++) {
        const float *batch = loader_next(loader, &error);
        ck_assert_mem_eq(batch, whole[i], sizeof whole[i]);
        ck_assert_uint_eq((uintptr_t)batch % 64, 0);
    }
    loader_stop(loader);
    ClipReader *reader = clip_reader_open(dataset, &error);
    Clip clip = dataset_draw(dataset, 9, 11, BATCH, 2);
    static float pixels[SIZE / BATCH];
    ck_assert(clip_read(reader, clip.video, clip.start, T, pixels, &error));
    ck_assert_mem_eq(pixels, whole[11] + 2 * (SIZE / BATCH), sizeof pixels);
    clip_reader_close(reader);
    dataset_close(dataset);
}
END_TEST

START_TEST(a_loader_stops_at_once_while_it_waits_or_works) {
    DatasetOptions options = {.T = 2, .channels = 1, .height = 8, .width = 8};
    Dataset *dataset = drawn(1, 0, 2, 10, &options);
    Error error;
    for (int i = 0; i < 20; i++) {
        Loader *loader = loader_start(dataset, 1, i, 2, &error);
        if (i % 2) loader_next(loader, &error);
        loader_stop(loader);
    }
    loader_stop(NULL);
    dataset_close(dataset);
}
END_TEST

void compare_datasets(const Dataset *one, const Dataset *two) {
    Error error;
    ck_assert_int_eq(one->count, two->count);
    size_t frame = (size_t)one->channels * (size_t)one->height * (size_t)one->width, clip = frame * (size_t)one->T;
    float *first = malloc(clip * sizeof *first), *second = malloc(clip * sizeof *second);
    ClipReader *reader1 = clip_reader_open(one, &error), *reader2 = clip_reader_open(two, &error);
    for (int64_t video = 0; video < one->count; video++) { /* in order, frame by frame */
        ck_assert_int_eq(one->videos[video].frames, two->videos[video].frames);
        for (int64_t start = 0; start < one->videos[video].frames; start++) {
            ck_assert(clip_read(reader1, video, start, 1, first, &error));
            ck_assert_msg(clip_read(reader2, video, start, 1, second, &error), "%s", error.text);
            ck_assert_mem_eq(first, second, frame * sizeof *first);
        }
    }
    for (int64_t iteration = 0; iteration < 60; iteration++) { /* to and fro */
        Clip place = dataset_draw(one, 2, iteration, 1, 0);
        ck_assert(clip_read(reader1, place.video, place.start, one->T, first, &error));
        ck_assert_msg(clip_read(reader2, place.video, place.start, one->T, second, &error), "%s", error.text);
        ck_assert_mem_eq(first, second, clip * sizeof *first);
    }
    clip_reader_close(reader1);
    clip_reader_close(reader2);
    free(first);
    free(second);
}

Suite *data_suite(void) {
    Suite *suite = suite_create("data");
    TCase *numbers = tcase_create("random numbers");
    tcase_add_test(numbers, philox_gives_the_published_answers);
    tcase_add_test(numbers, numbers_filled_in_are_those_drawn_one_by_one);
    tcase_add_test(numbers, every_way_of_filling_draws_the_same_numbers);
    tcase_add_test(numbers, numbers_below_a_bound_are_uniform);
    suite_add_tcase(suite, numbers);
    TCase *pictures = tcase_create("pictures");
    tcase_add_loop_test(pictures, resizing_equals_pillow_to_the_bit, 0, sizeof resize_cases / sizeof *resize_cases);
    tcase_add_test(pictures, a_resizer_follows_pictures_that_change_size);
    tcase_add_test(pictures, pixels_run_from_minus_one_to_one);
    suite_add_tcase(suite, pictures);
    TCase *synthetic = tcase_create("drawn videos");
    tcase_add_loop_test(synthetic, drawn_videos_depend_on_seed_and_number_only, 0, 2);
    tcase_add_test(synthetic, drawn_videos_read_the_same_when_they_are_not_cached);
    tcase_add_test(synthetic, drawn_videos_fit_any_size);
    tcase_add_test(synthetic, dark_backgrounds_of_drawn_videos_are_dark_everywhere);
    suite_add_tcase(suite, synthetic);
    TCase *batches = tcase_create("batches");
    tcase_add_test(batches, draws_reach_every_start_of_every_video);
    tcase_add_test(batches, a_video_of_exactly_one_clip_has_one_start);
    tcase_add_test(batches, a_resumed_loader_gives_the_batches_of_one_that_never_stopped);
    tcase_add_test(batches, a_loader_stops_at_once_while_it_waits_or_works);
    suite_add_tcase(suite, batches);
    suite_add_tcase(suite, dataset_files_case());
    suite_add_tcase(suite, dataset_broken_case());
    return suite;
}
