/* Arenas and text. */
#include "../compiler/base/support.h"

#include <check.h>
#include <string.h>

Suite *support_suite(void);

static bool is_zero(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (bytes[i]) return false;
    return true;
}

START_TEST(memory_is_zero_when_it_is_used_again) {
    static const size_t sizes[] = {1, 40, 100000, 262144, 300000, 1 << 20, 3000};
    for (int round = 0; round < 20; round++) {
        arena_enter();
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char *bytes = arena_allocate(sizes[i]);
            ck_assert_uint_eq((uintptr_t)bytes % 16, 0);
            ck_assert(is_zero(bytes, sizes[i]));
            memset(bytes, 0xff, sizes[i]);
        }
        if (round % 3 == 0) {
            arena_enter();
            memset(arena_allocate(500000), 0xff, 500000);
            arena_leave();
        }
        arena_leave();
    }
}
END_TEST

START_TEST(what_an_outer_arena_holds_outlives_an_inner_one) {
    arena_enter();
    long *number = NEW(long);
    *number = 17;
    Text text = text_begin(), empty = text_begin();
    for (int i = 0; i < 100; i++) {
        arena_enter();
        long *other = NEW_ARRAY(long, 1000);
        for (int k = 0; k < 1000; k++) other[k] = k;
        for (int k = 0; k < 1000; k++) text_add(&text, "%ld,", other[k]);
        arena_leave();
    }
    ck_assert_int_eq(*number, 17);
    ck_assert_str_eq(empty.bytes, "");
    ck_assert_uint_eq(text.length, 100 * (1000 + 10 + 2 * 90 + 3 * 900));
    ck_assert_uint_eq(strlen(text.bytes), text.length);
    for (size_t i = 0; i < text.length; i += text.length / 100) ck_assert(strncmp(text.bytes + i, "0,1,2,", 6) == 0);
    arena_leave();
}
END_TEST

START_TEST(text_of_any_length_is_formatted_whole) {
    for (int length = 0; length < 600; length += 7) {
        const char *line = format("%*d", length, 5);
        ck_assert_uint_eq(strlen(line), (size_t)(length ? length : 1));
        Text text = {0};
        text_add(&text, "<%s>", line);
        text_add(&text, "%s", line);
        ck_assert_str_eq(text.bytes, format("<%s>%s", line, line));
    }
}
END_TEST

START_TEST(text_is_what_printf_makes) {
    static const long numbers[] = {0, 7, -1, 10, -4096, 123456789012, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char expected[400];
        snprintf(expected, sizeof expected, "%ld, %d: %s%%%s %5ld|%-7s|%.3g%c", numbers[i], (int)i - 3, "a", "", numbers[i], "left", 1.5,
                 'x');
        ck_assert_str_eq(format("%ld, %d: %s%%%s %5ld|%-7s|%.3g%c", numbers[i], (int)i - 3, "a", "", numbers[i], "left", 1.5, 'x'),
                         expected);
        snprintf(expected, sizeof expected, "%s%ld%d %s;", "start", numbers[i], (int)i - 3, "end");
        ck_assert_str_eq(format("%s%ld%d %s;", "start", numbers[i], (int)i - 3, "end"), expected);
        Text text = {0};
        for (int k = 0; k < 50; k++) text_add(&text, "%s%ld%d %s;", "start", numbers[i], (int)i - 3, "end");
        ck_assert_uint_eq(text.length, 50 * strlen(expected));
        for (size_t k = 0; k < 50; k++) ck_assert(strncmp(text.bytes + k * strlen(expected), expected, strlen(expected)) == 0);
    }
    ck_assert_str_eq(format("plain"), "plain");
}
END_TEST

Suite *support_suite(void) {
    Suite *suite = suite_create("support");
    TCase *tests = tcase_create("support");
    tcase_add_test(tests, memory_is_zero_when_it_is_used_again);
    tcase_add_test(tests, what_an_outer_arena_holds_outlives_an_inner_one);
    tcase_add_test(tests, text_of_any_length_is_formatted_whole);
    tcase_add_test(tests, text_is_what_printf_makes);
    suite_add_tcase(suite, tests);
    return suite;
}
