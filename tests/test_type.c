/* test_type.c: halves and bfloat16: the meaning of their bits, and rounding to the nearest. */
#include "../compiler/loop/kernel.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *type_suite(void);

typedef struct Narrow {
    Type type;
    uint16_t (*bits)(double value);
    long infinity;
} Narrow;

static const Narrow narrow[2] = {{TYPE_F16, f16_bits, 0x7c00}, {TYPE_BF16, bf16_bits, 0x7f80}};

static double value_of(const Narrow *format, long bits) {
    const uint16_t element = (uint16_t)bits;
    return element_value(format->type, &element, 0);
}

/* Figures of IEEE 754's binary16, and of bfloat16, which is the upper half of a float. */
START_TEST(bits_mean_what_the_formats_say) {
    static const struct {
        uint16_t bits;
        double value;
    } halves[] = {{0x0000, 0},          {0x0001, 0x1p-24}, {0x03ff, 0x1.ff8p-15}, {0x0400, 0x1p-14},
                  {0x3555, 0x1.554p-2}, {0x3c00, 1},       {0xc000, -2},          {0x7bff, 65504}};
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) ck_assert_double_eq(value_of(&narrow[0], halves[i].bits), halves[i].value);
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const uint32_t wide = bits << 16;
        float value;
        memcpy(&value, &wide, sizeof value);
        const double found = value_of(&narrow[1], (long)bits);
        ck_assert(isnan(value) ? isnan(found) : (double)value == found && !signbit(value) == !signbit(found));
    }
}
END_TEST

/* Each one converts to itself, halfway between two to the even one, and other numbers to the nearest. */
START_TEST(a_number_becomes_the_nearest_one_and_ties_go_to_even) {
    const Narrow *format = &narrow[_i];
    const long sign = 0x8000;
    for (long bits = 0; bits < format->infinity; bits++) {
        const double here = value_of(format, bits), last = value_of(format, format->infinity - 1);
        /* above the largest, one more step would follow before infinity */
        const double next = bits + 1 < format->infinity ? value_of(format, bits + 1) : 2 * last - value_of(format, bits - 1);
        const double middle = (here + next) / 2;
        ck_assert_int_eq(format->bits(here), bits);
        ck_assert_int_eq(format->bits(middle), bits % 2 ? bits + 1 : bits);
        ck_assert_int_eq(format->bits(nextafter(middle, 0)), bits);
        ck_assert_int_eq(format->bits(nextafter(middle, INFINITY)), bits + 1);
        ck_assert_int_eq(format->bits(-here), sign | bits);
        ck_assert_int_eq(format->bits(-nextafter(middle, INFINITY)), sign | (bits + 1));
    }
    ck_assert_int_eq(format->bits(1e300), format->infinity);
    ck_assert_int_eq(format->bits(-INFINITY), sign | format->infinity);
    ck_assert_int_eq(format->bits(1e-300), 0);
    ck_assert_int_gt(format->bits(NAN) & 0x7fff, format->infinity);
}
END_TEST

Suite *type_suite(void) {
    Suite *suite = suite_create("type");
    TCase *test_case = tcase_create("type");
    tcase_add_test(test_case, bits_mean_what_the_formats_say);
    tcase_add_loop_test(test_case, a_number_becomes_the_nearest_one_and_ties_go_to_even, 0, 2);
    suite_add_tcase(suite, test_case);
    return suite;
}
