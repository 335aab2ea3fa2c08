/* Calls of BLAS: which loops are a product of matrices, what the verifier proves of a call, and linear layers that are computed so. */
#include "../compiler/loop/loop_tree.h"
#include "../compiler/loop/matrix_product.h"
#include "../compiler/loop/print_loop.h"
#include "../compiler/lower/lower_blas.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"
#include "sample_systems.h"
#include "trees.h"

#include <check.h>
#include <string.h>

Suite *blas_suite(void);

/* ---- which loops are a product ---- */

/* c [16, 32] = a [16, 8] · b [8, 32], over r 16, s 32, t 8 */
static Variable *r, *s, *t, *r0, *s0;
static Buffer *a, *b, *c;

static void setup(void) {
    r = new_variable("r", 16), s = new_variable("s", 32), t = new_variable("t", 8);
    r0 = new_variable("r", 16), s0 = new_variable("s", 32);
    a = buffer_of("a", SPACE_TENSOR, 16, 8);
    b = buffer_of("b", SPACE_TENSOR, 8, 32);
    c = buffer_of("c", SPACE_TENSOR, 16, 32);
}

static const Expression *term_of(const Buffer *first, const Buffer *second) {
    return op2(MULTIPLY, load_at(first, of(r, 1, 0), of(t, 1, 0)), load_at(second, of(t, 1, 0), of(s, 1, 0)));
}

static Statement *adding(const Expression *term) {
    Statement *assignment = assign(c, of(r, 1, 0), of(s, 1, 0), term);
    assignment->store[0].accumulate = true;
    return loop(r, LOOP_SERIAL, loop(s, LOOP_SERIAL, loop(t, LOOP_SERIAL, assignment)));
}

static Statement *clearing(double value) {
    return loop(r0, LOOP_SERIAL, loop(s0, LOOP_SERIAL, assign(c, of(r0, 1, 0), of(s0, 1, 0), constant(value))));
}

static Statement *call_of(Statement *first, Statement *second) {
    Statement *call = NEW(Statement);
    first->next = second;
    *call = (Statement){.kind = STATEMENT_CALL, .body = first};
    return call;
}

static const char *why_not(const Statement *call) {
    MatrixProduct product;
    const char *why = find_matrix_product(call, &product);
    return why ? why : "";
}

START_TEST(loops_that_multiply_matrices_are_a_product) {
    MatrixProduct p;
    ck_assert_ptr_null(find_matrix_product(call_of(clearing(0), adding(term_of(a, b))), &p));
    ck_assert(p.rows == 16 && p.columns == 32 && p.terms == 8 && !p.adds);
    ck_assert(p.a.buffer == a && p.a.row == 8 && p.a.column == 1);
    ck_assert(p.b.buffer == b && p.b.row == 32 && p.b.column == 1);
    ck_assert(p.c.buffer == c && p.c.row == 32 && p.c.column == 1);
    ck_assert_ptr_null(find_matrix_product(call_of(adding(term_of(a, b)), NULL), &p));
    ck_assert(p.adds);
    passes(call_of(clearing(0), adding(term_of(a, b))));
    passes(call_of(adding(term_of(a, b)), NULL));
}
END_TEST

/* a as [8, 16], and b as [32, 8] */
START_TEST(transposed_factors_are_matrices) {
    Buffer *ta = buffer_of("ta", SPACE_TENSOR, 8, 16), *tb = buffer_of("tb", SPACE_TENSOR, 32, 8);
    const Expression *term = op2(MULTIPLY, load_at(ta, of(t, 1, 0), of(r, 1, 0)), load_at(tb, of(s, 1, 0), of(t, 1, 0)));
    MatrixProduct p;
    ck_assert_ptr_null(find_matrix_product(call_of(adding(term), NULL), &p));
    ck_assert(p.a.row == 1 && p.a.column == 16 && p.b.row == 1 && p.b.column == 8);
}
END_TEST

/* Rows n, and features of 2 vectors of 4 × 3 pixels, in both operands. */
START_TEST(variables_that_step_evenly_are_one) {
    Variable *pixel = new_variable("pixel", 12), *lane = new_variable("lane", 4), *half = new_variable("half", 2);
    Buffer *x = buffer_of("x", SPACE_TENSOR, 16, 96), *w = buffer_of("w", SPACE_TENSOR, 32, 96);
    const Affine feature = sum_of(sum_of(of(half, 48, 0), of(pixel, 4, 0)), of(lane, 1, 0));
    Statement *assignment =
        assign(c, of(r, 1, 0), of(s, 1, 0), op2(MULTIPLY, load_at(x, of(r, 1, 0), feature), load_at(w, of(s, 1, 0), feature)));
    assignment->store[0].accumulate = true;
    Statement *terms = loop(half, LOOP_SERIAL, loop(pixel, LOOP_SERIAL, loop(lane, LOOP_SERIAL, assignment)));
    MatrixProduct p;
    ck_assert_ptr_null(find_matrix_product(call_of(loop(r, LOOP_SERIAL, loop(s, LOOP_SERIAL, terms)), NULL), &p));
    ck_assert(p.terms == 96 && p.a.column == 1 && p.a.row == 96 && p.b.row == 1 && p.b.column == 96);
}
END_TEST

/* A layout in blocks of 4 that follow one another is in order; one whose blocks are apart is not. */
START_TEST(digits_side_by_side_are_a_row) {
    const long shape[2] = {16, 8};
    const int rows[2] = {0, 1}, columns[2] = {1, 0};
    const Buffer *whole = new_buffer("whole", TYPE_F32, SPACE_TENSOR, 2, shape, layout_ordered(2, shape, rows, 1, 4));
    const Buffer *apart = new_buffer("apart", TYPE_F32, SPACE_TENSOR, 2, shape, layout_ordered(2, shape, columns, 1, 4));
    ck_assert_str_eq(why_not(call_of(adding(term_of(whole, b)), NULL)), "");
    ck_assert_str_ne(why_not(call_of(adding(term_of(apart, b)), NULL)), "");
}
END_TEST

START_TEST(what_is_no_product_is_refused) {
    Buffer *wide = buffer_of("wide", SPACE_TENSOR, 16, 16), *doubles = buffer_of("doubles", SPACE_TENSOR, 16, 8);
    doubles->type = TYPE_F64;
    const Expression *sum = op2(ADD, load_at(a, of(r, 1, 0), of(t, 1, 0)), load_at(b, of(t, 1, 0), of(s, 1, 0)));
    const Expression *strided = op2(MULTIPLY, load_at(wide, of(r, 1, 0), of(t, 2, 0)), load_at(b, of(t, 1, 0), of(s, 1, 0)));
    const Expression *diagonal = op2(MULTIPLY, load_at(a, of(r, 1, 0), of(t, 1, 0)), load_at(b, of(t, 1, 0), of(r, 1, 0)));
    ck_assert_str_eq(why_not(call_of(adding(sum), NULL)), "it does not add up products of two elements");
    ck_assert_str_eq(why_not(call_of(adding(strided), NULL)), "a factor is no matrix with unit stride");
    ck_assert_str_eq(why_not(call_of(adding(diagonal), NULL)), "a loop steps through one operand only, or through all three");
    ck_assert_str_eq(why_not(call_of(clearing(1), adding(term_of(a, b)))), "it does not clear what it adds to");
    s0->extent = 31;
    ck_assert_str_eq(why_not(call_of(clearing(0), adding(term_of(a, b)))), "it does not clear what it adds to");
    Statement *stored = adding(term_of(a, b));
    stored->body->body->body->store[0].accumulate = false;
    ck_assert_str_eq(why_not(call_of(stored, NULL)), "it does not add up products of two elements");
    Statement *two = adding(term_of(a, b));
    two->body->next = clearing(0);
    ck_assert_str_eq(why_not(call_of(two, NULL)), "it is not one nest of loops, or two");
    is_refused(call_of(adding(sum), NULL), "in `by a call of sgemm`: it does not add up products of two elements");
}
END_TEST

/* ---- what is proven of a call ---- */

START_TEST(a_call_past_the_end_is_refused) {
    r->extent = 17;
    is_refused(call_of(adding(term_of(a, b)), NULL), "out of bounds: dimension 0 takes 0 … 16, legal is 0 … 15");
}
END_TEST

/* Blocks of rows in parallel: of one size, and overlapping by one row. */
START_TEST(blocks_of_parallel_calls_do_not_overlap) {
    for (int apart = 4; apart >= 3; apart--) {
        Variable *block = new_variable("block", 4);
        r->extent = 4;
        const Affine row = sum_of(of(block, apart, 0), of(r, 1, 0));
        const Expression *term = op2(MULTIPLY, load_at(a, row, of(t, 1, 0)), load_at(b, of(t, 1, 0), of(s, 1, 0)));
        Statement *assignment = assign(c, row, of(s, 1, 0), term);
        assignment->store[0].accumulate = true;
        Statement *nest = loop(r, LOOP_SERIAL, loop(s, LOOP_SERIAL, loop(t, LOOP_SERIAL, assignment)));
        Statement *tree = loop(block, LOOP_PARALLEL, call_of(nest, NULL));
        if (apart == 4) passes(tree);
        else is_refused(tree, "two iterations of the parallel loop over block may write the same element of c");
    }
}
END_TEST

START_TEST(scratch_that_a_call_reads_is_written_before) {
    Buffer *packed = buffer_of("packed", SPACE_SCRATCH, 8, 32);
    is_refused(call_of(adding(term_of(a, packed)), NULL), "scratch packed is read before it is written");
    Buffer *sums = buffer_of("sums", SPACE_SCRATCH, 16, 32);
    c = sums;
    is_refused(call_of(adding(term_of(a, b)), NULL), "scratch sums is read before it is written");
    Kernel kernel = kernel_of(call_of(clearing(0), adding(term_of(a, b))));
    kernel.scratch_size = 4 * 16 * 32;
    is_right(&kernel);
    Buffer *registers = buffer_of("registers", SPACE_REGISTER, 16, 32);
    c = registers;
    is_refused(call_of(clearing(0), adding(term_of(a, b))), "the call's matrices are not all in memory");
}
END_TEST

START_TEST(a_call_does_not_read_its_result) {
    Buffer *square = buffer_of("c", SPACE_TENSOR, 16, 16);
    s->extent = t->extent = 16;
    c = square;
    is_refused(call_of(adding(term_of(a = buffer_of("a", SPACE_TENSOR, 16, 16), square)), NULL), "the call reads c while it writes it");
}
END_TEST

/* ---- linear layers ---- */

static bool is_linear(const Node *node) {
    return node->op == OP_LINEAR || node->op == OP_LINEAR_DATA_GRAD || node->op == OP_LINEAR_WEIGHT_GRAD;
}

/* Asks for every linear layer of every program; the cost model's blocks if `seed` is 0. */
static const WantedChoices *all_by_blas(const TrainerGraphs *graphs, uint64_t seed) {
    WantedChoices *list = NEW(WantedChoices);
    long drawn = 0;
    for (int i = 0; i < graph_count(graphs); i++) {
        const Graph *graph = graph_number(graphs, i);
        for (int n = 0; n < graph->node_count; n++) {
            if (!is_linear(graph->node[n]) || find_wanted(list, NULL, graph->node[n]->name) >= 0) continue;
            WantedKernel *wanted = want_kernel(list, graph->node[n]->name);
            wanted->algorithm = ALGORITHM_BLAS;
            for (int f = FIELD_CALL_ROWS; seed && f <= FIELD_CALL_TERMS; f++)
                wanted->value[f] = 1 + (long)((1 + sample_value(seed, drawn++)) / 2 * 20);
        }
    }
    return list;
}

static int count_calls(const Statement *tree) {
    int count = 0;
    for (; tree; tree = tree->next) count += (tree->kind == STATEMENT_CALL) + count_calls(tree->body) + count_calls(tree->other);
    return count;
}

/* Returns how many kernels call BLAS. */
static int check_by_blas(const TrainerGraphs *graphs, const Target *target, uint64_t seed, bool reverse) {
    const Choices choices = {.filtering = 2, .wanted = all_by_blas(graphs, seed)};
    const TargetCode *code = compile_graphs(graphs, target, &choices);
    int calling = 0;
    for (int k = 0; k < choices.wanted->count; k++)
        ck_assert_msg(!code->answer[k].why, "%s on %s: %s", choices.wanted->kernel[k].kernel, target->name, code->answer[k].why);
    for (int i = 0; i < graph_count(graphs); i++) {
        const Graph *graph = graph_number(graphs, i);
        const Program *program = program_of_graph(code, graphs, i);
        for (int k = 0; k < program->call_count; k++) {
            const int calls = count_calls(program->call[k].kernel->tree);
            ck_assert_msg(!calls || code->calls_blas, "%s calls BLAS, and the code does not say so", program->call[k].kernel->name);
            calling += calls > 0;
        }
        check_on(graph, code, program, graph->spec->system ? system_values(graph, 7) : sample_values(graph, 7), reverse);
    }
    return calling;
}

/* That are not in the steps of a recurrence. */
static int linear_nodes(const TrainerGraphs *graphs) {
    int count = 0;
    for (int i = 0; i < graph_count(graphs); i++)
        for (int n = 0; n < graph_number(graphs, i)->node_count; n++) {
            const Node *node = graph_number(graphs, i)->node[n];
            count += is_linear(node) && !node->scan;
        }
    return count;
}

START_TEST(systems_by_blas_equal_the_reference) {
    const TrainerGraphs graphs = graphs_of(sample_system(_i));
    const Target *target = any_target(_i % ALL_TARGETS);
    const int calling = check_by_blas(&graphs, target, 0, false) + check_by_blas(&graphs, target, (uint64_t)_i + 1, true);
    ck_assert_int_eq(calling, target->pairs ? 0 : 2 * linear_nodes(&graphs));
}
END_TEST

static const Spec *spec_number(int number) {
    return number < SAMPLE_SPECS    ? sample_spec(number)
           : number == SAMPLE_SPECS ? many_features_spec()
                                    : both_products_spec(number - SAMPLE_SPECS - 1);
}

START_TEST(version_1_specs_by_blas_equal_the_reference) {
    const Spec *spec = spec_number(_i);
    TrainerGraphs graphs = build_graphs(spec);
    differentiate_steps(spec, &graphs);
    graphs.streams = false;
    for (int n = 0; n < 2; n++) {
        const int calling = check_by_blas(&graphs, targets[(_i + n) % 4], (uint64_t)(_i * n), n);
        ck_assert_int_eq(calling, linear_nodes(&graphs));
    }
}
END_TEST

Suite *blas_suite(void) {
    Suite *suite = suite_create("blas");
    TCase *calls = tcase_create("calls"), *layers = tcase_create("layers");
    tcase_add_checked_fixture(calls, setup, NULL);
    tcase_add_test(calls, loops_that_multiply_matrices_are_a_product);
    tcase_add_test(calls, transposed_factors_are_matrices);
    tcase_add_test(calls, variables_that_step_evenly_are_one);
    tcase_add_test(calls, digits_side_by_side_are_a_row);
    tcase_add_test(calls, what_is_no_product_is_refused);
    tcase_add_test(calls, a_call_past_the_end_is_refused);
    tcase_add_test(calls, blocks_of_parallel_calls_do_not_overlap);
    tcase_add_test(calls, scratch_that_a_call_reads_is_written_before);
    tcase_add_test(calls, a_call_does_not_read_its_result);
    suite_add_tcase(suite, calls);
    tcase_set_timeout(layers, 120);
    tcase_add_loop_test(layers, systems_by_blas_equal_the_reference, 0, SAMPLE_SYSTEMS);
    tcase_add_loop_test(layers, version_1_specs_by_blas_equal_the_reference, 0, SAMPLE_SPECS + 4);
    suite_add_tcase(suite, layers);
    return suite;
}
