/* Which stores go past the caches: whole, aligned vectors of large results that their kernel does not read. */
#include "../compiler/emit/emitter.h"
#include "../compiler/pipeline/pipeline.h"
#include "../compiler/schedule/nontemporal.h"
#include "lowered.h"
#include "sample_graphs.h"
#include "trees.h"

#include <check.h>
#include <string.h>

Suite *nontemporal_suite(void);

enum { ROWS = 1 << 13, COLUMNS = 1 << 7 }; /* 4 MB of floats */

static const Variable *i, *jb, *lane;
static Buffer *x, *y;

static void setup(void) {
    i = new_variable("i", ROWS);
    jb = new_variable("jb", COLUMNS / LANES);
    lane = new_variable("k", LANES);
    x = buffer_of("x", SPACE_TENSOR, ROWS, COLUMNS);
    y = buffer_of("y", SPACE_TENSOR, ROWS, COLUMNS);
}

static Affine column(long constant) {
    return sum_of(of(jb, LANES, constant), of(lane, 1, 0));
}

static Statement *nest(LoopKind kind, Statement *body) {
    return loop(i, LOOP_PARALLEL, loop(jb, LOOP_SERIAL, loop(lane, kind, body)));
}

static Statement *copy(const Buffer *to) {
    return assign(to, of(i, 1, 0), column(0), load_at(x, of(i, 1, 0), column(0)));
}

static bool has_marks(const Statement *tree) {
    for (const Statement *s = tree; s; s = s->next) {
        for (int k = 0; k < s->store_count; k++)
            if (s->store[k].nontemporal) return true;
        if (has_marks(s->body) || has_marks(s->other)) return true;
    }
    return false;
}

static bool is_marked(Statement *tree) {
    mark_nontemporal(tree, LANES);
    passes(tree);
    return has_marks(tree);
}

START_TEST(vectors_of_a_large_result_are_marked) {
    ck_assert(is_marked(nest(LOOP_VECTOR, copy(y))));
    ck_assert(!is_marked(nest(LOOP_SERIAL, copy(y))));
}
END_TEST

START_TEST(what_may_still_be_in_a_cache_is_not) {
    i = new_variable("i", ROWS - 1);
    ck_assert(!is_marked(nest(LOOP_VECTOR, copy(buffer_of("small", SPACE_TENSOR, ROWS - 1, COLUMNS)))));
    Statement *sum = nest(LOOP_VECTOR, accumulate(y, of(i, 1, 0), column(0), load_at(x, of(i, 1, 0), column(0))));
    ck_assert(!is_marked(sum));
    Statement *zeroed = assign(y, of(i, 1, 0), column(0), constant(0));
    ck_assert(!is_marked(followed_by(nest(LOOP_VECTOR, zeroed), sum)));
    ck_assert(!is_marked(nest(LOOP_VECTOR, assign(y, of(i, 1, 0), column(0), op2(ADD, load_at(y, of(i, 1, 0), column(0)), constant(1))))));
    Statement *in_scratch = nest(LOOP_VECTOR, copy(buffer_of("scratch", SPACE_SCRATCH, ROWS, COLUMNS)));
    mark_nontemporal(in_scratch, LANES);
    ck_assert(!has_marks(in_scratch));
}
END_TEST

START_TEST(what_is_not_aligned_is_not) {
    const Buffer *wide = buffer_of("wide", SPACE_TENSOR, ROWS, COLUMNS + LANES), *odd = buffer_of("odd", SPACE_TENSOR, ROWS, COLUMNS + 1);
    ck_assert(is_marked(nest(LOOP_VECTOR, copy(wide))));
    ck_assert(is_marked(nest(LOOP_VECTOR, assign(wide, of(i, 1, 0), column(LANES), constant(1)))));
    ck_assert(!is_marked(nest(LOOP_VECTOR, assign(wide, of(i, 1, 0), column(1), constant(1)))));
    ck_assert(!is_marked(nest(LOOP_VECTOR, copy(odd))));
}
END_TEST

/* Rows in threes, an odd number of half vectors apart: 2 i / 3 is not an affine part of the offset. */
START_TEST(what_is_aligned_in_some_rows_only_is_not) {
    const long shape[2] = {2 * ROWS, COLUMNS};
    for (int odd = 0; odd < 2; odd++) {
        const long apart = 3 * COLUMNS + (odd ? LANES / 2 : 0);
        const Layout layout = {
            .count = 3, .size = (2 * ROWS / 3 + 1) * apart, .term = {{1, 1, 0, 1}, {0, 1, 3, COLUMNS}, {0, 3, 0, apart}}};
        Statement *tree = nest(LOOP_VECTOR, copy(new_buffer("threes", TYPE_F32, SPACE_TENSOR, 2, shape, layout)));
        Statement *stores = tree->body->body->body;
        stores->store[0].index[0] = of(i, 2, 0);
        mark_nontemporal(tree, LANES);
        ck_assert_int_eq(has_marks(tree), !odd);
    }
}
END_TEST

START_TEST(parts_of_vectors_are_not) {
    const Variable *pair = new_variable("jp", COLUMNS / LANES / 2);
    Statement *half = loop(lane, LOOP_VECTOR, assign(y, of(i, 1, 0), sum_of(of(pair, 2 * LANES, 0), of(lane, 1, 0)), constant(1)));
    mark_nontemporal(loop(i, LOOP_PARALLEL, loop(pair, LOOP_SERIAL, half)), 2 * LANES);
    ck_assert(!has_marks(half));
    Statement *one = nest(LOOP_VECTOR, assign(y, of(i, 1, 0), of(jb, LANES, 0), constant(1)));
    mark_nontemporal(one, LANES);
    ck_assert(!has_marks(one));
}
END_TEST

START_TEST(other_types_are_not) {
    const long shape[2] = {ROWS, COLUMNS};
    const Buffer *pairs = new_buffer("pairs", TYPE_PAIR, SPACE_TENSOR, 2, shape, layout_row_major(2, shape));
    const Buffer *from = new_buffer("from", TYPE_PAIR, SPACE_TENSOR, 2, shape, layout_row_major(2, shape));
    Statement *tree = nest(LOOP_VECTOR, assign(pairs, of(i, 1, 0), column(0), load_at(from, of(i, 1, 0), column(0))));
    mark_nontemporal(tree, LANES);
    ck_assert(!has_marks(tree));
}
END_TEST

static Statement *marked(Statement *statement) {
    statement->store[0].nontemporal = true;
    return statement;
}

START_TEST(the_verifier_refuses_others) {
    const char *const none = "a nontemporal store is not a vector of floats to a tensor";
    passes(nest(LOOP_VECTOR, marked(copy(y))));
    is_refused(nest(LOOP_VECTOR, marked(assign(y, of(i, 1, 0), sum_of(of(jb, 1, 0), of(lane, 1, 0)), constant(1)))),
               "a nontemporal vector is not aligned in y");
    is_refused(nest(LOOP_SERIAL, marked(copy(y))), none);
    is_refused(nest(LOOP_VECTOR, marked(accumulate(y, of(i, 1, 0), column(0), constant(1)))), none);
    is_refused(nest(LOOP_VECTOR, marked(copy(buffer_of("scratch", SPACE_SCRATCH, ROWS, COLUMNS)))), none);
}
END_TEST

/* ---- in a network ---- */

/* gru_ae with images of twice the width and height has linear layers of 32,768 features. */
static const TargetCode *lower_large(const char *target) {
    Spec spec = *gru_ae_spec();
    spec.height = spec.width = 128;
    return lower_spec(&spec, target, &default_choices);
}

START_TEST(weight_gradients_of_large_linear_layers_go_past_the_caches) {
    const char *const names[] = {"avx512", "avx2", "generic"};
    const TargetCode *code = lower_large(names[_i]);
    for (int k = 0; k < program_named(code, "train")->call_count; k++) {
        const Kernel *kernel = program_named(code, "train")->call[k].kernel;
        const bool late = strcmp(kernel->name, "fc1_weight_grad") == 0 || strcmp(kernel->name, "fc3_weight_grad") == 0;
        ck_assert_msg(has_marks(kernel->tree) == (late && _i == 0), "%s on %s", kernel->name, names[_i]);
    }
    if (_i > 0) return;
    CBlock *file = c_block();
    Text text = {0};
    HelperSet helpers = {0};
    emit_kernel(file, find_kernel(program_named(code, "train"), "fc3_weight_grad"), "late", find_target("avx512"), 0, &helpers);
    c_print(&text, file, 0);
    const char *store = strstr(text.bytes, "_mm512_stream_ps(&"), *fence = strstr(text.bytes, "    _mm_sfence();\n}\n");
    ck_assert_msg(store && fence && store < fence && fence < strstr(text.bytes, "static void late("), "no fence at the body's end");
}
END_TEST

Suite *nontemporal_suite(void) {
    Suite *suite = suite_create("nontemporal");
    TCase *trees = tcase_create("trees");
    tcase_add_checked_fixture(trees, setup, NULL);
    tcase_add_test(trees, vectors_of_a_large_result_are_marked);
    tcase_add_test(trees, what_may_still_be_in_a_cache_is_not);
    tcase_add_test(trees, what_is_not_aligned_is_not);
    tcase_add_test(trees, what_is_aligned_in_some_rows_only_is_not);
    tcase_add_test(trees, parts_of_vectors_are_not);
    tcase_add_test(trees, other_types_are_not);
    tcase_add_test(trees, the_verifier_refuses_others);
    suite_add_tcase(suite, trees);
    TCase *network = tcase_create("network");
    tcase_set_timeout(network, 120);
    tcase_add_loop_test(network, weight_gradients_of_large_linear_layers_go_past_the_caches, 0, 3);
    suite_add_tcase(suite, network);
    return suite;
}
