/* The verifier on trees built by hand: good ones pass, and each kind of broken one is refused for its reason. */
#include "../compiler/loop/loop_tree.h"
#include "../compiler/verify/verify.h"
#include "trees.h"

#include <check.h>
#include <string.h>

Suite *verify_suite(void);

/* Most tests use these: x [16, 32] is read, y [16, 32] is written, over i 16 and j 32. */
static Variable *i, *j;
static Buffer *x, *y;

static void setup(void) {
    i = new_variable("i", 16);
    j = new_variable("j", 32);
    x = buffer_of("x", SPACE_TENSOR, 16, 32);
    y = buffer_of("y", SPACE_TENSOR, 16, 32);
}

/* for i parallel, for j: y[row, column] = value */
static Statement *nest(LoopKind outer, Affine row, Affine column, const Expression *value) {
    return loop(i, outer, loop(j, LOOP_SERIAL, assign(y, row, column, value)));
}

static const Expression *x_ij(void) {
    return load_at(x, of(i, 1, 0), of(j, 1, 0));
}

/* ---- bounds ---- */

START_TEST(copy_in_bounds_passes) {
    passes(nest(LOOP_PARALLEL, of(i, 1, 0), of(j, 1, 0), x_ij()));
}
END_TEST

START_TEST(store_one_past_the_end_is_refused) {
    is_refused(nest(LOOP_SERIAL, of(i, 1, 1), of(j, 1, 0), x_ij()), "store of y out of bounds: dimension 0 takes 1 … 16, legal is 0 … 15");
}
END_TEST

START_TEST(load_one_before_the_start_is_refused) {
    const Expression *before = load_at(x, of(i, 1, 0), of(j, 1, -1));
    is_refused(nest(LOOP_SERIAL, of(i, 1, 0), of(j, 1, 0), before), "load of x out of bounds: dimension 1 takes -1 … 30");
}
END_TEST

START_TEST(register_index_past_its_shape_is_refused) {
    Buffer *acc = buffer_of("acc", SPACE_REGISTER, 1, 31);
    is_refused(loop(j, LOOP_SERIAL, assign(acc, zero(), of(j, 1, 0), constant(0))), "store of acc out of bounds");
}
END_TEST

/* x[i, 2j + u − 1] under 0 ≤ 2j + u − 1 < 32, where j and u alone allow −1 … 64 */
static Statement *padded(long limit, long shift) {
    Variable *u = new_variable("u", 3);
    Affine column = sum_of(of(j, 2, -1), of(u, 1, 0));
    Statement *inside = assign(y, of(i, 1, 0), of(j, 1, 0), load_at(x, of(i, 1, 0), affine_shift(column, shift)));
    Statement *outside = assign(y, of(i, 1, 0), of(j, 1, 0), constant(0));
    return loop(i, LOOP_PARALLEL, loop(j, LOOP_SERIAL, loop(u, LOOP_UNROLL, guard(column, limit, inside, outside))));
}

START_TEST(guard_makes_a_padded_load_legal) {
    passes(padded(32, 0));
}
END_TEST

START_TEST(guard_too_wide_is_refused) {
    is_refused(padded(33, 0), "load of x out of bounds: dimension 1 takes 0 … 32");
}
END_TEST

START_TEST(guard_shifted_is_refused) {
    is_refused(padded(32, -1), "load of x out of bounds: dimension 1 takes -1 … 30");
}
END_TEST

START_TEST(guarded_part_of_an_index_bounds_it) { /* 0 ≤ i < 8 bounds 2i + (j in 0 … 31 over 16 rows of 2) */
    Variable *k = new_variable("k", 2);
    Statement *good = assign(y, sum_of(of(i, 2, 0), of(k, 1, 0)), of(j, 1, 0), constant(0));
    passes(loop(i, LOOP_PARALLEL, loop(k, LOOP_SERIAL, loop(j, LOOP_SERIAL, guard(of(i, 1, 0), 8, good, NULL)))));
    Statement *wide = assign(y, sum_of(of(i, 2, 0), of(k, 1, 0)), of(j, 1, 0), constant(0));
    is_refused(loop(i, LOOP_PARALLEL, loop(k, LOOP_SERIAL, loop(j, LOOP_SERIAL, guard(of(i, 1, 0), 9, wide, NULL)))),
               "dimension 0 takes 0 … 17");
}
END_TEST

START_TEST(guard_on_a_multiple_bounds_the_variable) { /* 0 ≤ 2i − 4 < 9 means i in 2 … 6 */
    Buffer *small = buffer_of("small", SPACE_TENSOR, 5, 1);
    Statement *good = assign(small, of(i, 1, -2), zero(), constant(0));
    passes(loop(i, LOOP_SERIAL, guard(of(i, 2, -4), 9, good, NULL)));
    Statement *bad = assign(small, of(i, 1, -2), zero(), constant(0));
    is_refused(loop(i, LOOP_SERIAL, guard(of(i, 2, -4), 11, bad, NULL)), "store of small out of bounds: dimension 0 takes 0 … 5");
}
END_TEST

START_TEST(guard_with_a_negative_multiple_bounds_the_variable) { /* 0 ≤ 15 − i < 4 means i in 12 … 15 */
    Buffer *small = buffer_of("small", SPACE_TENSOR, 4, 1);
    passes(loop(i, LOOP_SERIAL, guard(of(i, -1, 15), 4, assign(small, of(i, 1, -12), zero(), constant(0)), NULL)));
}
END_TEST

START_TEST(other_branch_knows_that_the_guard_failed) { /* rows from 12 on have 3 columns less */
    Statement *body = assign(y, of(i, 1, 4), of(j, 1, 0), constant(0));
    Statement *other = assign(y, of(i, 1, -12), of(j, 1, 0), constant(0));
    passes(loop(i, LOOP_SERIAL, loop(j, LOOP_SERIAL, guard(of(i, 1, 0), 12, body, other))));
    Statement *bad = assign(y, of(i, 1, -13), of(j, 1, 0), constant(0));
    body = assign(y, of(i, 1, 4), of(j, 1, 0), constant(0));
    is_refused(loop(i, LOOP_SERIAL, loop(j, LOOP_SERIAL, guard(of(i, 1, 0), 12, body, bad))), "dimension 0 takes -1 … 2");
}
END_TEST

START_TEST(variable_without_a_loop_is_refused) {
    Variable *k = new_variable("k", 4);
    is_refused(nest(LOOP_SERIAL, of(i, 1, 0), of(k, 1, 0), x_ij()), "variable k, which no enclosing loop steps through");
}
END_TEST

START_TEST(time_is_bounded_by_its_steps) {
    Variable *t = new_variable("t", 4), *b = new_variable("b", 4);
    Kernel kernel =
        kernel_of(loop(b, LOOP_PARALLEL, loop(j, LOOP_SERIAL, assign(y, sum_of(of(b, 4, 0), of(t, 1, 0)), of(j, 1, 0), constant(0)))));
    kernel.time = t;
    ck_assert_ptr_null(verify_kernel(&kernel, LANES));
    t->extent = 5;
    ck_assert_ptr_nonnull(strstr(verify_kernel(&kernel, LANES), "dimension 0 takes 0 … 16"));
}
END_TEST

START_TEST(layout_that_overlaps_is_refused) {
    y->layout.term[0].dimension = 0;
    y->layout.term[1].dimension = 0;
    is_refused(nest(LOOP_SERIAL, of(i, 1, 0), of(j, 1, 0), x_ij()), "layout of y");
    y->layout = layout_row_major(2, y->shape);
    y->layout.term[1].stride = 31;
    is_refused(nest(LOOP_SERIAL, of(i, 1, 0), of(j, 1, 0), x_ij()), "layout of y");
    y->layout = layout_row_major(2, y->shape);
    y->layout.size--;
    is_refused(nest(LOOP_SERIAL, of(i, 1, 0), of(j, 1, 0), x_ij()), "layout of y");
}
END_TEST

/* ---- parallel ---- */

START_TEST(parallel_over_a_reduction_is_refused) { /* y[0, j] += x[i, j] */
    is_refused(loop(i, LOOP_PARALLEL, loop(j, LOOP_SERIAL, accumulate(y, zero(), of(j, 1, 0), x_ij()))),
               "two iterations of the parallel loop over i may write the same element of y");
}
END_TEST

/* tiles of `tile` rows, `step` apart, each of `rows` rows */
static Statement *tiles(long count, long step, long rows) {
    Variable *p = new_variable("p", count), *r = new_variable("r", rows);
    Statement *store = assign(y, sum_of(of(p, step, 0), of(r, 1, 0)), of(j, 1, 0), constant(1));
    return loop(p, LOOP_PARALLEL, loop(r, LOOP_SERIAL, loop(j, LOOP_SERIAL, store)));
}

START_TEST(disjoint_tiles_pass) {
    passes(tiles(4, 4, 4));
}
END_TEST

START_TEST(overlapping_tiles_are_refused) {
    is_refused(tiles(4, 3, 4), "two iterations of the parallel loop over p may write");
}
END_TEST

START_TEST(interleaved_rows_pass_by_their_stride) { /* y[4r + p]: rows of one p are 4 apart */
    Variable *p = new_variable("p", 4), *r = new_variable("r", 4);
    passes(loop(p, LOOP_PARALLEL, loop(r, LOOP_SERIAL, assign(y, sum_of(of(p, 1, 0), of(r, 4, 0)), zero(), constant(1)))));
    Variable *q = new_variable("q", 5), *s = new_variable("s", 3);
    is_refused(loop(q, LOOP_PARALLEL, loop(s, LOOP_SERIAL, assign(y, sum_of(of(q, 1, 0), of(s, 4, 0)), zero(), constant(1)))), "may write");
}
END_TEST

/* for p 4 parallel: for r 4: y[first + 4r] and y[second + 4r], with loops of their own; 0 for r: only one row */
static Statement *two_stores(const Variable *p, Affine first, Affine second, long rows) {
    Variable *r = new_variable("r", 4), *s = new_variable("s", 4);
    if (!rows) return loop(p, LOOP_PARALLEL, followed_by(assign(y, first, zero(), constant(1)), assign(y, second, zero(), constant(2))));
    Statement *one = loop(r, LOOP_SERIAL, assign(y, sum_of(first, of(r, 4, 0)), zero(), constant(1)));
    Statement *other = loop(s, LOOP_SERIAL, assign(y, sum_of(second, of(s, 4, 0)), zero(), constant(2)));
    return loop(p, LOOP_PARALLEL, followed_by(one, other));
}

START_TEST(stores_of_two_statements_are_kept_apart) {
    Variable *p = new_variable("p", 4);
    y = buffer_of("y", SPACE_TENSOR, 24, 32);
    passes(two_stores(p, of(p, 1, 0), of(p, 1, 4), 4));
    is_refused(two_stores(p, of(p, 1, 0), of(p, 1, 1), 4), "may write the same element of y");
    passes(two_stores(p, of(p, 4, 0), of(p, 4, 2), 0));
    is_refused(two_stores(p, of(p, 4, 0), of(p, 2, 0), 0), "may write the same element of y");
}
END_TEST

/* phases 0 and 1 of a row pair, as statements with loops of their own: rows 2(4p + r) + phase */
static Statement *phases(long shift) {
    Variable *p = new_variable("p", 2), *r = new_variable("r", 4), *s = new_variable("s", 4);
    Statement *even = loop(r, LOOP_SERIAL, assign(y, sum_of(of(p, 8, 0), of(r, 2, 0)), zero(), constant(1)));
    Statement *odd = loop(s, LOOP_SERIAL, assign(y, sum_of(of(p, 8, shift), of(s, 2, 1)), zero(), constant(2)));
    return loop(p, LOOP_PARALLEL, followed_by(even, odd));
}

START_TEST(phases_in_statements_of_their_own_pass) {
    passes(phases(0));
}
END_TEST

START_TEST(phase_that_reaches_into_the_next_tile_is_refused) {
    y = buffer_of("y", SPACE_TENSOR, 20, 32);
    is_refused(phases(2), "two iterations of the parallel loop over p may write");
}
END_TEST

START_TEST(two_parallel_loops_are_told_apart_one_by_one) { /* b in rows of 4, p within a row: 4b + p; and columns by another */
    Variable *b = new_variable("b", 4), *p = new_variable("p", 4);
    passes(loop(b, LOOP_PARALLEL, loop(p, LOOP_PARALLEL, assign(y, sum_of(of(b, 4, 0), of(p, 1, 0)), zero(), constant(1)))));
    passes(loop(b, LOOP_PARALLEL,
                loop(p, LOOP_PARALLEL, loop(j, LOOP_SERIAL, assign(y, sum_of(of(p, 4, 0), of(b, 1, 0)), of(j, 1, 0), constant(1))))));
    Variable *q = new_variable("q", 5);
    is_refused(loop(q, LOOP_PARALLEL, loop(b, LOOP_PARALLEL, assign(y, sum_of(of(b, 4, 0), of(q, 1, -0)), zero(), constant(1)))),
               "store of y out of bounds");
    y = buffer_of("y", SPACE_TENSOR, 17, 32);
    is_refused(loop(q, LOOP_PARALLEL, loop(b, LOOP_PARALLEL, assign(y, sum_of(of(b, 4, 0), of(q, 1, 0)), zero(), constant(1)))),
               "may write");
}
END_TEST

START_TEST(parallel_variable_absent_from_the_store_is_refused) {
    Variable *p = new_variable("p", 2);
    is_refused(loop(p, LOOP_PARALLEL, nest(LOOP_PARALLEL, of(i, 1, 0), of(j, 1, 0), x_ij())), "parallel loop over p may write");
}
END_TEST

START_TEST(read_of_another_iterations_output_is_refused) { /* y[i + 1] = y[i]: recurrence */
    Variable *p = new_variable("p", 15);
    const Expression *before = load_at(y, of(p, 1, 0), of(j, 1, 0));
    is_refused(loop(p, LOOP_PARALLEL, loop(j, LOOP_SERIAL, assign(y, of(p, 1, 1), of(j, 1, 0), before))),
               "an iteration of the parallel loop over p may read an element of y that another iteration writes");
    Statement *serial = loop(p, LOOP_SERIAL, loop(j, LOOP_SERIAL, assign(y, of(p, 1, 1), of(j, 1, 0), before)));
    passes(serial);
}
END_TEST

START_TEST(update_in_place_passes) {
    passes(nest(LOOP_PARALLEL, of(i, 1, 0), of(j, 1, 0), op2(ADD, load_at(y, of(i, 1, 0), of(j, 1, 0)), x_ij())));
}
END_TEST

START_TEST(step_reads_what_the_step_before_wrote) { /* rows 4b + t: reads row 4b + t − 1 under a guard on t */
    Variable *t = new_variable("t", 4), *b = new_variable("b", 4);
    Affine row = sum_of(of(b, 4, 0), of(t, 1, 0));
    const Expression *before = load_at(y, affine_shift(row, -1), of(j, 1, 0));
    Statement *body = guard(of(t, 1, -1), 3, assign(y, row, of(j, 1, 0), before), assign(y, row, of(j, 1, 0), constant(0)));
    Kernel kernel = kernel_of(loop(b, LOOP_PARALLEL, loop(j, LOOP_SERIAL, body)));
    kernel.time = t;
    const char *wrong = verify_kernel(&kernel, LANES);
    ck_assert_msg(!wrong, "%s", wrong);
}
END_TEST

START_TEST(parallel_loop_inside_a_serial_one_is_refused) {
    is_refused(loop(i, LOOP_SERIAL, loop(j, LOOP_PARALLEL, assign(y, of(i, 1, 0), of(j, 1, 0), x_ij()))), "neither outermost");
    Statement *two =
        followed_by(loop(j, LOOP_PARALLEL, assign(y, of(i, 1, 0), of(j, 1, 0), x_ij())), assign(y, of(i, 1, 0), zero(), constant(0)));
    is_refused(loop(i, LOOP_PARALLEL, two), "neither outermost");
}
END_TEST

/* ---- vector ---- */

/* for i parallel, for jb 4, vector k 8: y[i, 8j0 + k] = value */
static Variable *jb, *lane;
static Affine column(void) {
    return sum_of(of(jb, 8, 0), of(lane, 1, 0));
}
static Statement *vector_nest(Statement *body) {
    return loop(i, LOOP_PARALLEL, loop(jb, LOOP_SERIAL, loop(lane, LOOP_VECTOR, body)));
}

static void setup_vector(void) {
    setup();
    jb = new_variable("jb", 4);
    lane = new_variable("k", LANES);
}

START_TEST(unit_stride_and_uniform_loads_pass) {
    const Expression *unit = load_at(x, of(i, 1, 0), column()), *uniform = load_at(x, of(i, 1, 0), of(jb, 1, 0));
    passes(vector_nest(assign(y, of(i, 1, 0), column(), op2(MULTIPLY, unit, uniform))));
}
END_TEST

START_TEST(vector_along_a_stride_is_refused) {
    const Expression *strided = load_at(x, of(lane, 1, 0), of(jb, 1, 0));
    is_refused(vector_nest(assign(y, of(i, 1, 0), column(), strided)), "load from x with stride 32");
    is_refused(vector_nest(assign(y, of(i, 1, 0), sum_of(of(lane, 4, 0), of(jb, 1, 0)), constant(0))), "store to y with stride 4");
    is_refused(vector_nest(assign(y, of(i, 1, 0), of(jb, 1, 0), constant(0))), "store to y with stride 0");
}
END_TEST

START_TEST(vector_along_a_blocked_layout_passes) { /* x^T with rows blocked by 8: lanes of a block are adjacent */
    long shape[2] = {32, 16};
    Buffer *blocked = new_buffer("blocked", TYPE_F32, SPACE_TENSOR, 2, shape, layout_blocked(2, shape, 0, 8));
    passes(vector_nest(assign(y, of(i, 1, 0), column(), load_at(blocked, column(), of(i, 1, 0)))));
    Buffer *narrow = new_buffer("narrow", TYPE_F32, SPACE_TENSOR, 2, shape, layout_blocked(2, shape, 0, 4));
    is_refused(vector_nest(assign(y, of(i, 1, 0), column(), load_at(narrow, column(), of(i, 1, 0)))), "the offset in narrow is not affine");
}
END_TEST

START_TEST(vector_of_another_width_is_refused) {
    lane = new_variable("k", 4);
    is_refused(vector_nest(assign(y, of(i, 1, 0), of(lane, 1, 0), constant(0))), "a vector loop of 4 iterations; a vector has 8 lanes");
}
END_TEST

START_TEST(vector_loop_not_innermost_is_refused) {
    Variable *u = new_variable("u", 2);
    is_refused(vector_nest(loop(u, LOOP_SERIAL, assign(y, of(i, 1, 0), column(), constant(0)))), "not innermost");
    is_refused(vector_nest(guard(of(i, 1, 0), 8, assign(y, of(i, 1, 0), column(), constant(0)), NULL)),
               "other statements than assignments");
}
END_TEST

START_TEST(vector_of_doubles_is_refused) {
    long shape[2] = {16, 32};
    Buffer *wide = new_buffer("wide", TYPE_F64, SPACE_TENSOR, 2, shape, layout_row_major(2, shape));
    is_refused(vector_nest(assign(wide, of(i, 1, 0), column(), constant_f64(0))), "holds a double");
}
END_TEST

/* acc[16] cleared; then, lane by lane, acc[written] = 1 and y[…] = acc[read] */
static Statement *lanes_in_registers(Affine written, Affine read) {
    Buffer *acc = buffer_of("acc", SPACE_REGISTER, 1, 16);
    Variable *f = new_variable("f", 16);
    Statement *fill = loop(f, LOOP_SERIAL, assign(acc, zero(), of(f, 1, 0), constant(0)));
    Statement *write = assign(acc, zero(), written, constant(1));
    Statement *use = assign(y, of(i, 1, 0), column(), load_at(acc, zero(), read));
    return loop(i, LOOP_PARALLEL, followed_by(fill, loop(jb, LOOP_SERIAL, loop(lane, LOOP_VECTOR, followed_by(write, use)))));
}

START_TEST(lane_that_reads_its_neighbour_is_refused) {
    const char *reason = "a lane reads an element of acc that another lane writes";
    passes(lanes_in_registers(of(lane, 1, 0), of(lane, 1, 0)));
    is_refused(lanes_in_registers(of(lane, 1, 0), of(lane, 1, 1)), reason);
    is_refused(lanes_in_registers(of(lane, 1, 3), of(lane, 1, 0)), reason);
    passes(lanes_in_registers(of(lane, 1, 0), of(lane, 1, 8)));
    passes(lanes_in_registers(of(lane, 1, 8), of(lane, 1, 0)));
    is_refused(lanes_in_registers(of(lane, 1, 0), affine_constant(3)), reason);
    is_refused(lanes_in_registers(of(lane, 1, 0), affine_constant(0)), reason);
    passes(lanes_in_registers(of(lane, 1, 0), affine_constant(8)));
    passes(lanes_in_registers(of(lane, 1, 1), affine_constant(0)));
}
END_TEST

/* ---- statements of a tree ---- */

START_TEST(sum_left_in_the_tree_is_refused) {
    is_refused(nest(LOOP_SERIAL, of(i, 1, 0), of(j, 1, 0), sum_value(0, TYPE_F32)), "still has a SUM");
}
END_TEST

START_TEST(virtual_buffer_left_in_the_tree_is_refused) {
    Buffer *padding = buffer_of("padding", SPACE_VIRTUAL, 16, 32);
    padding->value = constant(0);
    is_refused(nest(LOOP_SERIAL, of(i, 1, 0), of(j, 1, 0), load_at(padding, of(i, 1, 0), of(j, 1, 0))), "VIRTUAL buffer padding is left");
}
END_TEST

static Statement *prefetch(const Buffer *buffer, Affine inner, long divisor, long modulus, long stride, long constant) {
    Statement *statement = NEW(Statement);
    *statement = (Statement){.kind = STATEMENT_PREFETCH, .buffer = buffer, .offset = {.affine = affine_constant(constant), .count = 1}};
    statement->offset.term = NEW(OffsetTerm);
    statement->offset.term[0] = (OffsetTerm){inner, divisor, modulus, stride};
    return loop(i, LOOP_PARALLEL, loop(j, LOOP_SERIAL, followed_by(statement, assign(y, of(i, 1, 0), of(j, 1, 0), x_ij()))));
}

START_TEST(prefetches_are_kept_in_bounds) {
    passes(prefetch(x, of(i, 1, 1), 1, 16, 32, 31)); /* the next row, and after the last one the first */
    passes(prefetch(y, of(j, 1, 0), 2, 0, 32, 31));  /* a written one too: nothing reads it */
    is_refused(prefetch(x, of(i, 1, 1), 1, 0, 32, 0), "prefetch of x out of bounds: element 32 … 512, legal is 0 … 511");
    is_refused(prefetch(x, of(i, 1, 1), 1, 16, 32, 32), "prefetch of x out of bounds: element 32 … 512");
    is_refused(prefetch(x, of(i, 1, 0), 1, 0, -32, 0), "prefetch of x out of bounds: element -480 … 0");
    is_refused(prefetch(x, of(i, 1, -1), 1, 16, 32, 31), "prefetch of x: -1 is divided");
    is_refused(prefetch(x, of(new_variable("k", 4), 1, 0), 1, 0, 1, 0), "the variable k, which no enclosing loop steps through");
    is_refused(prefetch(buffer_of("staged", SPACE_SCRATCH, 16, 32), of(i, 1, 0), 1, 0, 1, 0), "staged is not in memory");
}
END_TEST

START_TEST(computes_are_checked_before_they_are_scheduled) {
    Compute compute = {.variable_count = 2, .variable = {i, j}, .store_count = 1};
    compute.store[0] = (Store){.buffer = y, .index = {of(i, 1, 0), of(j, 1, 0)}, .value = x_ij()};
    Kernel kernel = {.name = "test_kernel", .compute_count = 1, .compute = &compute};
    ck_assert_ptr_null(verify_kernel(&kernel, LANES));
    compute.store[0].index[1] = of(j, 1, 1);
    ck_assert_ptr_nonnull(strstr(verify_kernel(&kernel, LANES), "store of y out of bounds"));
}
END_TEST

START_TEST(many_unrolled_statements_are_verified_quickly) {
    Statement *body = NULL;
    for (int n = 0; n < 5000; n++) {
        Statement *one = assign(y, of(i, 1, 0), sum_of(of(jb, 8, 0), affine_constant(n % 8)),
                                load_at(x, of(i, 1, 0), sum_of(of(jb, 8, 0), affine_constant(n % 8))));
        one->next = body;
        body = one;
    }
    passes(loop(i, LOOP_PARALLEL, loop(jb, LOOP_SERIAL, body)));
}
END_TEST

/* ---- the suite ---- */

static void add_case(Suite *suite, const char *name, void (*prepare)(void), const TTest *const *tests) {
    TCase *tests_of_case = tcase_create(name);
    tcase_add_checked_fixture(tests_of_case, prepare, NULL);
    for (; *tests; tests++) tcase_add_test(tests_of_case, *tests);
    suite_add_tcase(suite, tests_of_case);
}

Suite *verify_suite(void) {
    const TTest *const bounds[] = {copy_in_bounds_passes,
                                   store_one_past_the_end_is_refused,
                                   load_one_before_the_start_is_refused,
                                   register_index_past_its_shape_is_refused,
                                   guard_makes_a_padded_load_legal,
                                   guard_too_wide_is_refused,
                                   guard_shifted_is_refused,
                                   guarded_part_of_an_index_bounds_it,
                                   guard_on_a_multiple_bounds_the_variable,
                                   guard_with_a_negative_multiple_bounds_the_variable,
                                   other_branch_knows_that_the_guard_failed,
                                   variable_without_a_loop_is_refused,
                                   time_is_bounded_by_its_steps,
                                   layout_that_overlaps_is_refused,
                                   NULL};
    const TTest *const parallel[] = {parallel_over_a_reduction_is_refused,
                                     disjoint_tiles_pass,
                                     overlapping_tiles_are_refused,
                                     interleaved_rows_pass_by_their_stride,
                                     stores_of_two_statements_are_kept_apart,
                                     phases_in_statements_of_their_own_pass,
                                     phase_that_reaches_into_the_next_tile_is_refused,
                                     two_parallel_loops_are_told_apart_one_by_one,
                                     parallel_variable_absent_from_the_store_is_refused,
                                     read_of_another_iterations_output_is_refused,
                                     update_in_place_passes,
                                     step_reads_what_the_step_before_wrote,
                                     parallel_loop_inside_a_serial_one_is_refused,
                                     NULL};
    const TTest *const vector[] = {unit_stride_and_uniform_loads_pass,       vector_along_a_stride_is_refused,
                                   vector_along_a_blocked_layout_passes,     vector_of_another_width_is_refused,
                                   vector_loop_not_innermost_is_refused,     vector_of_doubles_is_refused,
                                   lane_that_reads_its_neighbour_is_refused, NULL};
    const TTest *const tree[] = {sum_left_in_the_tree_is_refused,
                                 virtual_buffer_left_in_the_tree_is_refused,
                                 prefetches_are_kept_in_bounds,
                                 computes_are_checked_before_they_are_scheduled,
                                 many_unrolled_statements_are_verified_quickly,
                                 NULL};
    Suite *suite = suite_create("verify");
    add_case(suite, "bounds", setup_vector, bounds);
    add_case(suite, "parallel", setup_vector, parallel);
    add_case(suite, "vector", setup_vector, vector);
    add_case(suite, "tree", setup_vector, tree);
    return suite;
}
