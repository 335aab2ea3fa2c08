/* The verifier on scratch and registers: each element that is read has been written, on every path. */
#include "../compiler/loop/loop_tree.h"
#include "../compiler/verify/verify.h"
#include "trees.h"

#include <check.h>
#include <string.h>

Suite *verify_local_suite(void);

static Variable *i, *j;
static Buffer *x, *y;

static void setup(void) {
    i = new_variable("i", 16);
    j = new_variable("j", 32);
    x = buffer_of("x", SPACE_TENSOR, 16, 32);
    y = buffer_of("y", SPACE_TENSOR, 16, 32);
}

START_TEST(register_read_before_it_is_written_is_refused) {
    Buffer *acc = buffer_of("acc", SPACE_REGISTER, 1, 1);
    Statement *read = assign(y, of(i, 1, 0), zero(), load_at(acc, zero(), zero()));
    is_refused(loop(i, LOOP_PARALLEL, followed_by(read, assign(acc, zero(), zero(), constant(0)))),
               "register acc is read before it is written");
    is_refused(loop(i, LOOP_PARALLEL, accumulate(acc, zero(), zero(), constant(0))), "register acc is read before");
    Statement *maybe = guard(of(i, 1, 0), 8, assign(acc, zero(), zero(), constant(0)), NULL);
    read->next = NULL;
    is_refused(loop(i, LOOP_PARALLEL, followed_by(maybe, read)), "register acc is read before");
    maybe->next = NULL;
    maybe->other = assign(acc, zero(), zero(), constant(1));
    passes(loop(i, LOOP_PARALLEL, followed_by(maybe, read)));
}
END_TEST

START_TEST(scratch_of_another_parallel_nest_is_refused) {
    Buffer *scratch = buffer_of("scratch", SPACE_SCRATCH, 1, 32);
    Statement *fill = loop(i, LOOP_PARALLEL, loop(j, LOOP_SERIAL, assign(scratch, zero(), of(j, 1, 0), constant(0))));
    Statement *read =
        loop(i, LOOP_PARALLEL, loop(j, LOOP_SERIAL, assign(y, of(i, 1, 0), of(j, 1, 0), load_at(scratch, zero(), of(j, 1, 0)))));
    Kernel kernel = kernel_of(followed_by(fill, read));
    kernel.scratch_size = 128;
    is_wrong(&kernel, "scratch scratch is read before it is written");
}
END_TEST

/* scratch[16] filled in blocks of 4 at `step` · b + lane, `lanes` of each, and `next`; then 0 … reads − 1 is read */
static Kernel filled(long step, long lanes, long reads, Statement *next) {
    Buffer *scratch = buffer_of("scratch", SPACE_SCRATCH, 1, 16);
    Variable *b = new_variable("b", 4), *l = new_variable("l", lanes), *r = new_variable("r", reads);
    Statement *fill = loop(b, LOOP_SERIAL, loop(l, LOOP_SERIAL, assign(scratch, zero(), sum_of(of(b, step, 0), of(l, 1, 0)), constant(0))));
    Statement *read = loop(r, LOOP_SERIAL, assign(y, of(i, 1, 0), of(r, 1, 0), load_at(scratch, zero(), of(r, 1, 0))));
    if (next) next->store[0].buffer = scratch;
    Kernel kernel = kernel_of(loop(i, LOOP_PARALLEL, followed_by(fill, next ? followed_by(next, read) : read)));
    kernel.scratch_size = 64;
    return kernel;
}

START_TEST(scratch_with_holes_is_refused) {
    Kernel kernel = filled(4, 4, 16, NULL);
    is_right(&kernel);
    kernel = filled(4, 3, 15, NULL);
    ck_assert_ptr_nonnull(
        strstr(verify_kernel(&kernel, LANES), "scratch scratch is read where it may not have been written: scratch[0, r]"));
    kernel = filled(3, 4, 14, NULL);
    is_wrong(&kernel, "read where it may not have been written");
    Variable *rest = new_variable("rest", 3); /* 13 … 15 in a separate loop */
    kernel = filled(3, 4, 16, assign(x, zero(), affine_constant(13), constant(0)));
    is_wrong(&kernel, "read where it may not have been written");
    Statement *last = loop(rest, LOOP_SERIAL, NULL);
    kernel = filled(3, 4, 16, last);
    last->body = assign(last->store[0].buffer, zero(), of(rest, 1, 13), constant(0));
    is_right(&kernel);
    rest->extent = 2; /* 14 and 15 leave a gap */
    last->body->store[0].index[1].constant = 14;
    is_wrong(&kernel, "read where it may not have been written");
}
END_TEST

START_TEST(scratch_that_overlaps_or_does_not_fit_is_refused) {
    Buffer *first = buffer_of("first", SPACE_SCRATCH, 1, 16), *second = buffer_of("second", SPACE_SCRATCH, 1, 16);
    Statement *write_first = assign(first, zero(), of(i, 1, 0), constant(0)),
              *write_second = assign(second, zero(), of(i, 1, 0), constant(0));
    Statement *read = assign(y, of(i, 1, 0), zero(), op2(ADD, load_at(first, zero(), of(i, 1, 0)), load_at(second, zero(), of(i, 1, 0))));
    Kernel kernel = kernel_of(loop(i, LOOP_PARALLEL, followed_by(write_first, followed_by(write_second, read))));
    second->offset = 64;
    kernel.scratch_size = 128;
    is_right(&kernel);
    kernel.scratch_size = 64;
    is_wrong(&kernel, "scratch second has bytes 64 … 127, of 64");
    second->offset = 0;
    ck_assert_ptr_nonnull(
        strstr(verify_kernel(&kernel, LANES), "scratch first is read after scratch second, which shares its memory, was written"));
}
END_TEST

START_TEST(diagonal_is_not_the_whole_square) {
    Buffer *square = buffer_of("square", SPACE_REGISTER, 4, 4);
    Variable *d = new_variable("d", 4), *r = new_variable("r", 4), *s = new_variable("s", 4);
    Statement *diagonal = loop(d, LOOP_SERIAL, assign(square, of(d, 1, 0), of(d, 1, 0), constant(0)));
    const Expression *all = load_at(square, of(r, 1, 0), of(s, 1, 0));
    Statement *read = loop(r, LOOP_SERIAL, loop(s, LOOP_SERIAL, assign(y, of(i, 1, 0), zero(), all)));
    is_refused(loop(i, LOOP_PARALLEL, followed_by(diagonal, read)), "register square is read where it may not have been written");
}
END_TEST

/* for k 2: for b 16: first[b] = 0 … read first, then write second over it; later iterations of k find second */
START_TEST(scratch_spoilt_for_the_next_iteration_is_refused) {
    Buffer *first = buffer_of("first", SPACE_SCRATCH, 1, 16), *second = buffer_of("second", SPACE_SCRATCH, 1, 16);
    Variable *k = new_variable("k", 2), *b = new_variable("b", 16), *r = new_variable("r", 16), *s = new_variable("s", 16);
    Statement *fill = loop(b, LOOP_SERIAL, assign(first, zero(), of(b, 1, 0), constant(0)));
    Statement *read = loop(r, LOOP_SERIAL, assign(y, of(i, 1, 0), of(r, 1, 0), load_at(first, zero(), of(r, 1, 0))));
    Statement *spoil = loop(s, LOOP_SERIAL, assign(second, zero(), of(s, 1, 0), constant(0)));
    Kernel kernel = kernel_of(loop(i, LOOP_PARALLEL, loop(k, LOOP_SERIAL, followed_by(fill, followed_by(read, spoil)))));
    kernel.scratch_size = 64;
    is_right(&kernel);
    fill->next = loop(k, LOOP_SERIAL, read);
    kernel = kernel_of(loop(i, LOOP_PARALLEL, fill));
    kernel.scratch_size = 64;
    is_wrong(&kernel, "scratch first is read after scratch second, which shares its memory, was written");
}
END_TEST

/* the two branches of a guard write 0 … 11 and 4 … 15: only 4 … 11 is certain */
START_TEST(what_both_branches_write_is_written) {
    Buffer *acc = buffer_of("acc", SPACE_REGISTER, 1, 16);
    Variable *b = new_variable("b", 12), *o = new_variable("o", 12), *r = new_variable("r", 8);
    for (long shift = 3; shift < 6; shift++) {
        Statement *body = loop(b, LOOP_SERIAL, assign(acc, zero(), of(b, 1, 0), constant(0)));
        Statement *other = loop(o, LOOP_SERIAL, assign(acc, zero(), of(o, 1, 4), constant(0)));
        Statement *read = loop(r, LOOP_SERIAL, assign(y, of(i, 1, 0), of(r, 1, 0), load_at(acc, zero(), of(r, 1, shift))));
        Statement *tree = loop(i, LOOP_PARALLEL, followed_by(guard(of(i, 1, 0), 8, body, other), read));
        if (shift == 4) passes(tree);
        else is_refused(tree, "register acc is read where it may not have been written");
    }
}
END_TEST

Suite *verify_local_suite(void) {
    const TTest *const tests[] = {register_read_before_it_is_written_is_refused,
                                  scratch_of_another_parallel_nest_is_refused,
                                  scratch_with_holes_is_refused,
                                  scratch_that_overlaps_or_does_not_fit_is_refused,
                                  diagonal_is_not_the_whole_square,
                                  scratch_spoilt_for_the_next_iteration_is_refused,
                                  what_both_branches_write_is_written};
    Suite *suite = suite_create("verify_local");
    TCase *all = tcase_create("local");
    tcase_add_checked_fixture(all, setup, NULL);
    for (size_t n = 0; n < sizeof tests / sizeof *tests; n++) tcase_add_test(all, tests[n]);
    suite_add_tcase(suite, all);
    return suite;
}
