/* The verifier on indices in which a parallel variable is one digit of several. */
#include "../compiler/verify/verify.h"
#include "trees.h"

#include <check.h>

Suite *verify_digits_suite(void);

/* y[above·r + c·p + s] and the same + shift; s below `below`: where p is a digit, with others above and below it */
typedef struct Digits {
    long above, rows, c, count, below, shift;
} Digits;

static long rows_of(const Digits *d) {
    return d->above * d->rows + d->c * d->count + d->below + d->shift;
}

static const char *verify_digits(const Digits *d) {
    Variable *p = new_variable("p", d->count);
    Statement *store[2];
    const Buffer *y = buffer_of("y", SPACE_TENSOR, rows_of(d), 1);
    for (int k = 0; k < 2; k++) {
        Variable *r = new_variable("r", d->rows), *s = new_variable("s", d->below);
        const Affine row = sum_of(sum_of(of(r, d->above, 0), of(p, d->c, 0)), of(s, 1, k * d->shift));
        store[k] = loop(r, LOOP_SERIAL, loop(s, LOOP_SERIAL, assign(y, row, zero(), constant(k))));
    }
    const Kernel kernel = kernel_of(loop(p, LOOP_PARALLEL, followed_by(store[0], store[1])));
    return verify_kernel(&kernel, LANES);
}

static bool digits_meet(const Digits *d) {
    int *writer = NEW_ARRAY(int, rows_of(d));
    for (int p = 0; p < d->count; p++)
        for (long n = 0; n < d->rows * d->below * 2; n++) {
            int *row = &writer[d->above * (n / 2 / d->below) + d->c * p + n / 2 % d->below + n % 2 * d->shift];
            if (*row && *row != p + 1) return true;
            *row = p + 1;
        }
    return false;
}

START_TEST(a_digit_of_an_index_keeps_iterations_apart) {
    /* like the sums of an image's tiles: two rows in an iteration, each in two groups of four */
    ck_assert_ptr_null(verify_digits(&(Digits){.above = 16, .rows = 3, .c = 4, .count = 2, .below = 4, .shift = 8}));
    int passed = 0, apart = 0;
    for (int n = 0; n < 4 * 3 * 3 * 3 * 4 * 2; n++) { /* whatever passes does not overlap, and most of what does not overlap passes */
        const Digits d = {.above = (const long[]){4, 8, 12, 16}[n % 4],
                          .c = (const long[]){1, 2, 4}[n / 4 % 3],
                          .count = 2 + n / 12 % 3,
                          .below = (const long[]){1, 2, 4}[n / 36 % 3],
                          .shift = (const long[]){0, 4, 8, 9}[n / 108 % 4],
                          .rows = 2 + n / 432};
        const bool good = verify_digits(&d) == NULL, meet = digits_meet(&d);
        ck_assert_msg(!good || !meet, "%ldr + %ldp + s (+ %ld), p below %ld, s below %ld", d.above, d.c, d.shift, d.count, d.below);
        passed += good;
        apart += !meet;
    }
    ck_assert_int_gt(passed, 100);
    ck_assert_int_ge(10 * passed, 8 * apart);
}
END_TEST

Suite *verify_digits_suite(void) {
    Suite *suite = suite_create("verify_digits");
    TCase *tests = tcase_create("verify_digits");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_digit_of_an_index_keeps_iterations_apart);
    suite_add_tcase(suite, tests);
    return suite;
}
