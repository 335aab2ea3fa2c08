/* Whole numbers as people write them. */
#include "../runtime/common/whole_number.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

START_TEST(numbers_are_read_exactly_or_refused) {
    static const struct {
        const char *text, *rest;
        WholeNumber kind;
        uint64_t value;
    } rows[] = {
        {"0", "", WHOLE_READ, 0},
        {"6e3", "", WHOLE_READ, 6000},
        {"16.0", "", WHOLE_READ, 16},
        {"16.", "", WHOLE_READ, 16},
        {"1.25e2", "", WHOLE_READ, 125},
        {"1250E-1", "", WHOLE_READ, 125},
        {"0.00e-5", "", WHOLE_READ, 0},
        {"00012", "", WHOLE_READ, 12},
        {"9007199254740993.0", "", WHOLE_READ, UINT64_C(9007199254740993)}, /* not a double */
        {"18446744073709551615", "", WHOLE_READ, UINT64_MAX},
        {"1844674407370955161.5e1", "", WHOLE_READ, UINT64_MAX},
        {"18446744073709551616", "", WHOLE_TOO_LARGE, 0},
        {"1e20", "", WHOLE_TOO_LARGE, 0},
        {"1e99999999999999999999", "", WHOLE_TOO_LARGE, 0},
        {"1.5", "", WHOLE_FRACTION, 0},
        {"16.0000000000000000000000000001", "", WHOLE_FRACTION, 0},
        {"1e-99999999999999999999", "", WHOLE_FRACTION, 0},
        {"12M", "M", WHOLE_READ, 12},
        {"1e3K", "K", WHOLE_READ, 1000},
        {"1e", "e", WHOLE_READ, 1},
        {"2e+x", "e+x", WHOLE_READ, 2},
        {"", "", WHOLE_NONE, 0},
        {".", ".", WHOLE_NONE, 0},
        {"-1", "-1", WHOLE_NONE, 0},
        {"e3", "e3", WHOLE_NONE, 0},
        {" 1", " 1", WHOLE_NONE, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *end;
        uint64_t value;
        const WholeNumber kind = read_whole_number(rows[i].text, &end, &value);
        ck_assert_msg(kind == rows[i].kind && strcmp(end, rows[i].rest) == 0, "%s: kind %d, then '%s'", rows[i].text, (int)kind, end);
        if (kind == WHOLE_READ) ck_assert_msg(value == rows[i].value, "%s: %llu", rows[i].text, (unsigned long long)value);
    }
}
END_TEST

Suite *whole_number_suite(void);
Suite *whole_number_suite(void) {
    Suite *suite = suite_create("whole_number");
    TCase *tests = tcase_create("whole_number");
    tcase_add_test(tests, numbers_are_read_exactly_or_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
