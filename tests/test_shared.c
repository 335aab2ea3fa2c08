/* Computes that share parallel loops, each with its own tiles. */
#include "../compiler/interpret/interpret.h"
#include "../compiler/loop/loop_tree.h"
#include "../compiler/schedule/schedule.h"
#include "../compiler/verify/verify.h"
#include "random_kernels.h"

#include <check.h>
#include <string.h>

Suite *shared_suite(void);

enum { ROWS = 3, ELEMENTS = 20, TILE = 4, SUMS = ELEMENTS / TILE };

/* y[n, k] = 2 x[n, k], k 20 by 8; then s[n, k] = Σ q 4 y[n, 4k + q], k 5 by `tile`: 2 are the same elements. */
static Kernel summed_kernel(Schedule schedule[2], Compute compute[2], long tile, const Buffer *tensor[3]) {
    Variable *n = new_variable("n", ROWS), *k = new_variable("k", ELEMENTS);
    Variable *row = new_variable("n", ROWS), *sum = new_variable("k", SUMS), *q = new_variable("q", TILE);
    const long of_y[2] = {ROWS, ELEMENTS}, of_s[2] = {ROWS, SUMS};
    tensor[0] = new_buffer("x", TYPE_F32, SPACE_TENSOR, 2, of_y, layout_row_major(2, of_y));
    tensor[1] = new_buffer("y", TYPE_F32, SPACE_TENSOR, 2, of_y, layout_row_major(2, of_y));
    tensor[2] = new_buffer("s", TYPE_F32, SPACE_TENSOR, 2, of_s, layout_row_major(2, of_s));
    const Affine at[2] = {affine_variable(n), affine_variable(k)};
    const Affine from[2] = {affine_variable(row), affine_add(affine_scale(affine_variable(sum), TILE), affine_variable(q))};
    compute[0] = (Compute){.variable_count = 2, .variable = {n, k}, .store_count = 1};
    compute[0].store[0] = (Store){.buffer = tensor[1], .index = {at[0], at[1]}, .value = op2(MULTIPLY, load(tensor[0], at), constant(2))};
    compute[1] =
        (Compute){.variable_count = 3, .variable = {row, sum, q}, .reduced = {false, false, true}, .sum_count = 1, .store_count = 1};
    compute[1].sum[0] = load(tensor[1], from);
    compute[1].store[0] =
        (Store){.buffer = tensor[2], .index = {affine_variable(row), affine_variable(sum)}, .value = sum_value(0, TYPE_F32)};
    for (int i = 0; i < 2; i++) {
        schedule[i] = (Schedule){.lanes = LANES, .levels = 3, .shared = 2, .accumulate = -1};
        schedule[i].level[0] = (Level){"n", 1, LOOP_PARALLEL};
        schedule[i].level[1] = (Level){"k", i ? tile : 8, LOOP_PARALLEL};
        schedule[i].level[2] = (Level){"k", 1, LOOP_SERIAL};
    }
    schedule[1].level[schedule[1].levels++] = (Level){"q", 1, LOOP_SERIAL};
    schedule[1].accumulate = 3;
    return (Kernel){.name = "summed", .compute_count = 2, .compute = compute, .schedule = schedule};
}

typedef struct Summed {
    const Buffer *tensor[3];
    float x[ROWS * ELEMENTS], y[ROWS * ELEMENTS], s[ROWS * SUMS];
} Summed;

static void *summed_memory(const Buffer *buffer, void *context) {
    Summed *summed = context;
    return buffer == summed->tensor[0] ? summed->x : buffer == summed->tensor[1] ? summed->y : summed->s;
}

START_TEST(iterations_that_are_shared_take_the_tiles_of_each_compute) {
    Schedule schedule[2];
    Compute compute[2];
    for (int reverse = 0; reverse < 2; reverse++) {
        Summed summed = {0};
        Kernel kernel = summed_kernel(schedule, compute, 2, summed.tensor);
        const char *why = NULL;
        for (int i = 0; i < ROWS * ELEMENTS; i++) summed.x[i] = (float)(i * i % 17);
        ck_assert_msg(schedule_kernel(&kernel, &why), "%s", why);
        why = verify_kernel(&kernel, LANES);
        ck_assert_msg(!why, "%s", why);
        ck_assert(kernel.tree->loop == LOOP_PARALLEL && !kernel.tree->next); /* one nest, not two in a row */
        interpret_kernel(&kernel, 0, reverse, summed_memory, &summed);
        for (int i = 0; i < ROWS * SUMS; i++) {
            float sum = 0;
            for (int q = 0; q < TILE; q++) sum += 2 * summed.x[TILE * i + q];
            ck_assert_float_eq(summed.s[i], sum);
        }
    }
}
END_TEST

START_TEST(iterations_that_read_what_others_write_are_refused) {
    Schedule schedule[2];
    Compute compute[2];
    const Buffer *tensor[3];
    for (long tile = 1; tile < 5; tile++) {
        Kernel kernel = summed_kernel(schedule, compute, tile, tensor);
        const char *why = NULL;
        ck_assert_msg(schedule_kernel(&kernel, &why), "%s", why);
        why = verify_kernel(&kernel, LANES);
        ck_assert_msg(tile == 2 ? !why : why && strstr(why, "may read an element of y that another iteration writes"), "tile %ld: %s", tile,
                      why ? why : "passed");
    }
    Kernel kernel = summed_kernel(schedule, compute, 2, tensor);
    const char *why = NULL;
    for (int i = 0; i < 2; i++) schedule[i].level[1].kind = LOOP_SERIAL;
    ck_assert(!schedule_kernel(&kernel, &why));
    ck_assert_msg(strstr(why, "level 1 is shared, but differs between computes"), "%s", why);
}
END_TEST

Suite *shared_suite(void) {
    Suite *suite = suite_create("shared");
    TCase *shared = tcase_create("shared");
    tcase_add_test(shared, iterations_that_are_shared_take_the_tiles_of_each_compute);
    tcase_add_test(shared, iterations_that_read_what_others_write_are_refused);
    suite_add_tcase(suite, shared);
    return suite;
}
