/* The interpreter against results computed by hand, its checks, and how kernels are printed. */
#include "../compiler/interpret/interpret.h"
#include "../compiler/loop/print_loop.h"
#include "../compiler/verify/verify.h"
#include "trees.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>

Suite *interpret_suite(void);

/* x [16, 32] and y [16, 32], over i 16 and j 32; vector lanes k. */
static Variable *i, *j, *lane;
static Buffer *x, *y;

static void setup(void) {
    i = new_variable("i", 16);
    j = new_variable("j", 32);
    lane = new_variable("k", LANES);
    x = buffer_of("x", SPACE_TENSOR, 16, 32);
    y = buffer_of("y", SPACE_TENSOR, 16, 32);
}

/* Runs `y[row, column] = 0` for all i and j, expecting to be stopped. */
static void run_zeroing(LoopKind outer, Affine row, Affine column) {
    Kernel kernel = kernel_of(loop(i, outer, loop(j, LOOP_SERIAL, assign(y, row, column, constant(0)))));
    float elements[16 * 32];
    Binding memory[] = {{y, elements}, {0}};
    if (!freopen("/dev/null", "w", stderr)) return;
    interpret_kernel(&kernel, 0, false, find_memory, memory);
}

START_TEST(matrix_product_in_registers) { /* c[r, s] = Σ_q a[r, q] · b[q, s], sums in registers of 2 */
    Buffer *a = buffer_of("a", SPACE_TENSOR, 2, 3), *b = buffer_of("b", SPACE_TENSOR, 3, 2), *c = buffer_of("c", SPACE_TENSOR, 2, 2);
    Buffer *acc = buffer_of("acc", SPACE_REGISTER, 1, 2);
    Variable *r = new_variable("r", 2), *q = new_variable("q", 3), *s[3];
    for (int n = 0; n < 3; n++) s[n] = new_variable("s", 2);
    Affine none = zero();
    Statement *clear = loop(s[0], LOOP_UNROLL, assign(acc, none, of(s[0], 1, 0), constant(0)));
    const Expression *product = op3(MULTIPLY_ADD, load_at(a, of(r, 1, 0), of(q, 1, 0)), load_at(b, of(q, 1, 0), of(s[1], 1, 0)),
                                    load_at(acc, none, of(s[1], 1, 0)));
    Statement *add = loop(q, LOOP_SERIAL, loop(s[1], LOOP_SERIAL, assign(acc, none, of(s[1], 1, 0), product)));
    Statement *store = loop(s[2], LOOP_SERIAL, assign(c, of(r, 1, 0), of(s[2], 1, 0), load_at(acc, none, of(s[2], 1, 0))));
    Kernel kernel = kernel_of(loop(r, LOOP_PARALLEL, followed_by(clear, followed_by(add, store))));
    ck_assert_ptr_null(verify_kernel(&kernel, LANES));
    float of_a[6] = {1, 2, 3, 4, 5, 6}, of_b[6] = {1, 0, 2, 1, 0, 3};
    const float expected[4] = {5, 11, 14, 23};
    for (int reverse = 0; reverse < 2; reverse++) {
        float of_c[4] = {0};
        Binding memory[] = {{a, of_a}, {b, of_b}, {c, of_c}, {0}};
        interpret_kernel(&kernel, 0, reverse, find_memory, memory);
        for (int n = 0; n < 4; n++) ck_assert(of_c[n] == expected[n]);
    }
}
END_TEST

START_TEST(registers_start_as_no_number_in_every_iteration) {
    Buffer *acc = buffer_of("acc", SPACE_REGISTER, 1, 1), *out = buffer_of("out", SPACE_TENSOR, 3, 1);
    Variable *p = new_variable("p", 3);
    Statement *write = guard(of(p, 1, 0), 1, assign(acc, zero(), zero(), constant(7)), NULL);
    Statement *read = assign(out, of(p, 1, 0), zero(), load_at(acc, zero(), zero()));
    Kernel kernel = kernel_of(loop(p, LOOP_PARALLEL, followed_by(write, read)));
    float elements[3] = {0};
    Binding memory[] = {{out, elements}, {0}};
    interpret_kernel(&kernel, 0, false, find_memory, memory);
    ck_assert(elements[0] == 7);
    ck_assert(isnan(elements[1]) && isnan(elements[2]));
}
END_TEST

START_TEST(stores_of_one_assignment_happen_at_once) { /* a swap */
    Buffer *pair = buffer_of("pair", SPACE_TENSOR, 1, 2);
    Affine one = affine_constant(1);
    Statement *swap = assign(pair, zero(), zero(), load_at(pair, zero(), one));
    swap->store_count = 2;
    swap->store[1] = (Store){.buffer = pair, .index = {zero(), one}, .value = load_at(pair, zero(), zero())};
    Kernel kernel = kernel_of(swap);
    float elements[2] = {1, 2};
    Binding memory[] = {{pair, elements}, {0}};
    interpret_kernel(&kernel, 0, false, find_memory, memory);
    ck_assert(elements[0] == 2 && elements[1] == 1);
}
END_TEST

START_TEST(lanes_of_a_vector_loop_are_computed_at_once) { /* y[k] = x[k] + x[k + 1] by 8 lanes, then doubled in place */
    Buffer *in = buffer_of("in", SPACE_TENSOR, 1, 9), *out = buffer_of("out", SPACE_TENSOR, 1, 8);
    const Expression *both = op2(ADD, load_at(in, zero(), of(lane, 1, 0)), load_at(in, zero(), of(lane, 1, 1)));
    Statement *first = assign(out, zero(), of(lane, 1, 0), both);
    Statement *second = accumulate(out, zero(), of(lane, 1, 0), load_at(out, zero(), of(lane, 1, 0)));
    Kernel kernel = kernel_of(loop(lane, LOOP_VECTOR, followed_by(first, second)));
    ck_assert_ptr_null(verify_kernel(&kernel, LANES));
    float of_in[9], of_out[8];
    for (int n = 0; n < 9; n++) of_in[n] = (float)(n * n);
    Binding memory[] = {{in, of_in}, {out, of_out}, {0}};
    interpret_kernel(&kernel, 0, false, find_memory, memory);
    for (int n = 0; n < 8; n++) ck_assert(of_out[n] == (float)(2 * (n * n + (n + 1) * (n + 1))));
}
END_TEST

/* A convolution as lowered: padding is a virtual buffer, a square as prologue. out[j] = bias + Σ_u padded[2j + u − 1] · w[u] */
START_TEST(unscheduled_sum_reads_zero_outside_a_virtual_buffer) {
    long shape[1] = {4}, taps[1] = {3}, outputs[1] = {2};
    Buffer *in = new_buffer("in", TYPE_F32, SPACE_TENSOR, 1, shape, layout_row_major(1, shape));
    Buffer *weight = new_buffer("weight", TYPE_F32, SPACE_TENSOR, 1, taps, layout_row_major(1, taps));
    Buffer *out = new_buffer("out", TYPE_F32, SPACE_TENSOR, 1, outputs, layout_row_major(1, outputs));
    Buffer *padded_in = new_buffer("padded", TYPE_F32, SPACE_VIRTUAL, 1, shape, layout_row_major(1, shape));
    Variable *m = new_variable("m", 4), *u = new_variable("u", 3), *o = new_variable("o", 2);
    Affine at_m = of(m, 1, 0), at_u = of(u, 1, 0), at_tap = sum_of(of(o, 2, -1), of(u, 1, 0));
    padded_in->index[0] = m;
    padded_in->value = op2(MULTIPLY, load(in, &at_m), load(in, &at_m));
    Compute compute = {.variable_count = 2, .variable = {o, u}, .reduced = {false, true}, .sum_count = 1, .store_count = 1};
    compute.sum[0] = op2(MULTIPLY, load(padded_in, &at_tap), load(weight, &at_u));
    compute.store[0] = (Store){.buffer = out, .index = {of(o, 1, 0)}, .value = op2(ADD, sum_value(0, TYPE_F32), constant(10))};
    Kernel kernel = {.name = "test_kernel", .compute_count = 1, .compute = &compute};
    ck_assert_ptr_null(verify_kernel(&kernel, LANES));
    float of_in[4] = {1, 2, 3, 4}, of_weight[3] = {100, 10, 1}, of_out[2];
    Binding memory[] = {{in, of_in}, {weight, of_weight}, {out, of_out}, {0}};
    interpret_kernel(&kernel, 0, false, find_memory, memory);
    ck_assert(of_out[0] == 10 + 0 + 10 + 4);
    ck_assert(of_out[1] == 10 + 400 + 90 + 16);
}
END_TEST

START_TEST(interpreter_stops_at_an_index_out_of_bounds) {
    run_zeroing(LOOP_SERIAL, of(i, 1, 1), of(j, 1, 0));
}
END_TEST

START_TEST(interpreter_stops_at_a_conflict_of_parallel_iterations) {
    run_zeroing(LOOP_PARALLEL, zero(), of(j, 1, 0));
}
END_TEST

START_TEST(kernels_print_before_and_after_scheduling) {
    Variable *u = new_variable("u", 3);
    Compute compute = {.variable_count = 3, .variable = {i, j, u}, .reduced = {false, false, true}, .sum_count = 1, .store_count = 1};
    compute.sum[0] = load_at(x, of(i, 1, 0), of(j, 1, 0));
    compute.store[0] = (Store){.buffer = y, .index = {of(i, 1, 0), of(j, 1, 0)}, .value = sum_value(0, TYPE_F32)};
    Kernel kernel = {.name = "test_kernel", .compute_count = 1, .compute = &compute};
    char *bytes = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&bytes, &length);
    print_kernel(out, &kernel);
    const Expression *at = compute.sum[0];
    Statement *flip = assign(y, of(i, 1, 0), of(j, -1, 31), op2(SUBTRACT, at, op2(SUBTRACT, at, constant(0.5))));
    kernel.tree = loop(i, LOOP_PARALLEL, loop(j, LOOP_SERIAL, flip));
    print_kernel(out, &kernel);
    fclose(out);
    ck_assert_str_eq(bytes, "kernel test_kernel(in x [16, 32], out y [16, 32])\n"
                            "  for i 16, j 32\n"
                            "    y[i, j] = sum u 3: x[i, j]\n"
                            "kernel test_kernel(out y [16, 32], in x [16, 32])\n"
                            "  for i in 16 parallel\n"
                            "    for j in 32\n"
                            "      y[i, -j + 31] = x[i, j] - (x[i, j] - 0.5)\n");
    free(bytes);
}
END_TEST

Suite *interpret_suite(void) {
    const TTest *const tests[] = {matrix_product_in_registers,
                                  registers_start_as_no_number_in_every_iteration,
                                  stores_of_one_assignment_happen_at_once,
                                  lanes_of_a_vector_loop_are_computed_at_once,
                                  unscheduled_sum_reads_zero_outside_a_virtual_buffer,
                                  kernels_print_before_and_after_scheduling};
    Suite *suite = suite_create("interpret");
    TCase *results = tcase_create("results"), *stops = tcase_create("stops");
    for (size_t n = 0; n < sizeof tests / sizeof *tests; n++) tcase_add_test(results, tests[n]);
    suite_add_tcase(suite, results);
    tcase_add_checked_fixture(results, setup, NULL);
    tcase_add_checked_fixture(stops, setup, NULL);
    tcase_add_test_raise_signal(stops, interpreter_stops_at_an_index_out_of_bounds, SIGABRT);
    tcase_add_test_raise_signal(stops, interpreter_stops_at_a_conflict_of_parallel_iterations, SIGABRT);
    suite_add_tcase(suite, stops);
    return suite;
}
