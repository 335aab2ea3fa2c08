/* test_core.c: graphs that no spec describes yet, built by hand: checked, lowered, and compared with the reference on every target. */
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/fold.h"
#include "../compiler/graph/shapes.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/emit/emit.h"
#include "../compiler/lower/lower_update.h"
#include "../compiler/lower/plan.h"
#include "../compiler/lower/storage.h"
#include "../compiler/pipeline/pipeline.h"
#include "../compiler/schedule/schedule.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <string.h>

Suite *core_suite(void);

/* ---- steps and rank belong to nodes ---- */

/* A spec's T does not matter to rows without an order in time. */
START_TEST(rows_without_an_order_in_time_are_all_computed) {
    static const Spec spec = {.T = 2};
    Graph *graph = NEW(Graph);
    graph->spec = &spec;
    Node *x = sample_input(graph, "x", (long[]){3, 7, 1, 1});
    Node *w = sample_parameter(graph, "w", 6, (long[]){20, 1, 1, 7, 1, 1});
    Node *y = add_node(graph, OP_LINEAR, "y", NULL, 2, (Node *[]){x, w});
    Node *dx = add_node(graph, OP_LINEAR_DATA_GRAD, "dx", NULL, 2, (Node *[]){y, w});
    Node *dw = add_node(graph, OP_LINEAR_WEIGHT_GRAD, "dw", NULL, 2, (Node *[]){y, dx});
    Node *db = append_node(graph, (Node){.op = OP_BIAS_GRAD, .name = "db", .input_count = 1, .input = {y}});
    Node *twice = add_node(graph, OP_ADD, "twice", NULL, 2, (Node *[]){y, y});
    list_readers(graph);
    ck_assert(y->steps == 1 && dw->steps == 1 && db->steps == 1 && twice->steps == 1);
    check_on_target(graph, _i);
}
END_TEST

/* Whatever does not fit ends the compiler with a message. Nothing is cut off. */
START_TEST(what_does_not_fit_dies) {
    Graph *graph = NEW(Graph);
    freopen("/dev/null", "w", stderr); /* the message is expected */
    Node x = {.op = OP_INPUT, .name = "x", .rank = 4, .shape = {12, 2, 1, 1}, .steps = 2};
    Node *a = append_node(graph, x);
    switch (_i) {
    case 0: /* rows that are not whole clips */
        x.shape[0] = 13;
        append_node(graph, x);
        break;
    case 1: /* one row is step 1 of clip 0 for one, and of clip 1 for the other */
        x.steps = 3;
        add_node(graph, OP_ADD, "sum", NULL, 2, (Node *[]){a, append_node(graph, x)});
        break;
    case 2: /* a scan of other rows */
        x = (Node){.op = OP_CARRY, .name = "h", .input_count = 2, .rank = 4, .shape = {12, 2, 1, 1}, .scan = add_scan(graph, 3, false)};
        Node *carry = append_node(graph, x);
        carry->input[1] = add_node(graph, OP_ADD, "next", carry->scan, 2, (Node *[]){carry, a});
        verify_graph(graph);
        break;
    case 3: /* more dimensions than there may be */
        x.rank = MAX_DIMENSIONS + 1;
        append_node(graph, x);
        break;
    default: /* five dimensions, where images are expected */
        x = (Node){.op = OP_INPUT, .name = "clips", .rank = 5, .shape = {2, 2, 3, 4, 4}};
        Node *clips = append_node(graph, x);
        add_node(graph, _i == 4 ? OP_MSE : OP_BATCH_NORM_STATISTICS, "loss", NULL, _i == 4 ? 2 : 4, (Node *[]){clips, clips, clips, clips});
    }
}
END_TEST

START_TEST(elements_of_any_shape_are_computed) {
    static const long shape[MAX_DIMENSIONS] = {2, 17, 3, 2, 2, 3, 2, 5};
    Graph *graph = NEW(Graph);
    for (int rank = 1; rank <= MAX_DIMENSIONS; rank++) {
        Node input = {.op = OP_INPUT, .name = format("x%d", rank), .rank = rank};
        memcpy(input.shape, shape, sizeof(long) * (size_t)rank);
        Node *x = append_node(graph, input), *w = sample_parameter(graph, format("w%d", rank), rank, shape);
        Node *sum = two(graph, OP_ADD, format("sum%d", rank), multiple(graph, format("scaled%d", rank), x, 3), w);
        name_node(graph, ROLE_OUTPUT, format("y%d", rank), one(graph, OP_TANH, format("tanh%d", rank), sum));
    }
    list_readers(graph);
    check_on_target(graph, _i);
}
END_TEST

/* Row-major, and blocked along any dimension: each element of eight dimensions has its own place. */
START_TEST(eight_dimensions_have_a_place_for_each_element) {
    const long shape[MAX_DIMENSIONS] = {2, 3, 2, 3, 2, 3, 2, 3};
    for (int lane = -1; lane < MAX_DIMENSIONS; lane++) {
        const Layout layout = layout_blocked(MAX_DIMENSIONS, shape, lane, 4);
        bool *taken = NEW_ARRAY(bool, layout.size);
        for (long i = 0; i < 1296; i++) {
            long index[MAX_DIMENSIONS], rest = i;
            for (int d = MAX_DIMENSIONS; d-- > 0; rest /= shape[d]) index[d] = rest % shape[d];
            const long offset = layout_offset(&layout, index);
            ck_assert(offset >= 0 && offset < layout.size && !taken[offset]);
            taken[offset] = true;
        }
    }
}
END_TEST

/* ---- names of inputs, outputs and losses ---- */

/* Two of each kind, with any names: each is a field of the caller's struct. Cuts are stored as if they had no name. */
static Graph *named_graph(void) {
    static const Spec spec = {.name = "named"};
    Graph *graph = NEW(Graph);
    graph->spec = &spec;
    const long shape[4] = {6, 3, 4, 5};
    Node *left = sample_input(graph, "left", shape), *right = sample_input(graph, "right", shape);
    Node *sum = add_node(graph, OP_ADD, "sum", NULL, 2, (Node *[]){left, right});
    Node *bent = add_node(graph, OP_TANH, "bent", NULL, 1, (Node *[]){sum});
    Node *far = add_node(graph, OP_MSE, "far", NULL, 2, (Node *[]){bent, right});
    Node *apart = add_node(graph, OP_L1, "apart", NULL, 2, (Node *[]){sum, left});
    name_node(graph, ROLE_INPUT, "a_side", left);
    name_node(graph, ROLE_INPUT, "b_side", right);
    name_node(graph, ROLE_OUTPUT, "total", sum);
    name_node(graph, ROLE_OUTPUT, "curve", bent);
    name_node(graph, ROLE_LOSS, "square", far);
    name_node(graph, ROLE_LOSS, "difference", apart);
    name_node(graph, ROLE_CUT, "middle", sum);
    list_readers(graph);
    return graph;
}

START_TEST(inputs_outputs_and_losses_of_any_name_reach_the_caller) {
    static const char *const texts[] = {"step->input[0]",  "step->input[1]", "step->output[0]",
                                        "step->output[1]", "&step->loss[0]", "&step->loss[1]"};
    Graph *graph = named_graph();
    check_on_target(graph, _i);
    const Target *target = any_target(_i);
    Text text = text_begin();
    emit_target_file(&text, graph->spec, compile_graph(graph, target, &default_choices), "");
    for (int i = 0; i < 6; i++) ck_assert_msg(strstr(text.bytes, texts[i]) != NULL, "no %s", texts[i]);
    const Signature signature = signature_of(graph);
    ck_assert_str_eq(signature.argument[ROLE_INPUT][1].name, "b_side");
    ck_assert_str_eq(signature.argument[ROLE_LOSS][0].name, "square");
    const Graph *folded = fold_batch_norm(graph);
    for (int role = 0; role < ROLES; role++)
        for (int i = 0; i < graph->named[role].count; i++) {
            const NamedNode *entry = &graph->named[role].entry[i];
            ck_assert_str_eq(named_node(folded, (Role)role, entry->name)->name, entry->node->name);
        }
}
END_TEST

START_TEST(a_name_that_says_two_things_dies) {
    Graph *graph = named_graph();
    Node *curve = named_node(graph, ROLE_OUTPUT, "curve");
    freopen("/dev/null", "w", stderr); /* the message is expected */
    if (_i == 0) name_node(graph, ROLE_OUTPUT, "curve", curve);
    if (_i == 1) name_node(graph, ROLE_OUTPUT, "curve_again", curve); /* one value in two places */
    if (_i == 2) name_node(graph, ROLE_INPUT, "given", curve);
    if (_i == 3) name_node(graph, ROLE_LOSS, "large", one(graph, OP_RELU, "large", curve));
    if (_i == 4) name_node(graph, ROLE_CUT, "no identifier", curve);
    verify_graph(graph);
}
END_TEST

/* ---- folding ---- */

static Node *norm_of(Graph *graph, const char *name, Node *x) {
    const long vector[4] = {1, x->shape[1], 1, 1};
    Node *leaf[4];
    for (int i = 0; i < 4; i++) leaf[i] = parameter_of_rank(graph, format("%s_%d", name, i), 1, 4, vector);
    leaf[3]->parameter->fill = 2; /* the variance: above zero */
    Node *stats = append_node(graph, (Node){.op = OP_BATCH_NORM_RUNNING,
                                            .name = format("%s_stats", name),
                                            .input_count = 3,
                                            .input = {leaf[0], leaf[2], leaf[3]},
                                            .epsilon = 0.03});
    return add_node(graph, OP_BATCH_NORM, name, NULL, 3, (Node *[]){x, stats, leaf[1]});
}

/* One weight in four layers: with a batch norm, without one, with one whose input the caller wants, and with another batch norm. */
START_TEST(a_weight_is_folded_for_the_layers_with_a_batch_norm_alone) {
    Graph *graph = NEW(Graph);
    Node *x = sample_input(graph, "x", (long[]){2, 3, 4, 5}), *w = sample_parameter(graph, "w", 4, (long[]){3, 3, 3, 3});
    Node *a = norm_of(graph, "a", convolve(graph, OP_CONV2D, "conv_a", NULL, x, w, NULL));
    Node *b = convolve(graph, OP_CONV2D, "conv_b", NULL, a, w, NULL);
    Node *tapped = convolve(graph, OP_CONV2D, "conv_c", NULL, b, w, NULL), *c = norm_of(graph, "c", tapped);
    Node *d = norm_of(graph, "d", convolve(graph, OP_CONV_TRANSPOSE2D, "conv_d", NULL, c, w, NULL));
    name_node(graph, ROLE_INPUT, "x", x);
    name_node(graph, ROLE_OUTPUT, "tapped", tapped);
    name_node(graph, ROLE_OUTPUT, "end", d);
    list_readers(graph);
    Graph *folded = fold_batch_norm(graph);
    verify_graph(graph);
    verify_graph(folded);
    int norms = 0, weights = 0;
    for (int i = 0; i < folded->node_count; i++) norms += folded->node[i]->op == OP_BATCH_NORM;
    ck_assert_int_eq(norms, 1);
    double **before = sample_values(graph, 1), **after = NEW_ARRAY(double *, folded->node_count);
    evaluate_graph(graph, before);
    after[named_node(folded, ROLE_INPUT, "x")->id] = before[x->id];
    for (int p = 0; p < folded->parameter_count; p++) { /* what read_parameters() computes from a file */
        const Parameter *parameter = folded->parameter[p];
        const Folding *f = parameter->folding;
        const double *from = before[(f && f->is_bias ? f->shift : f ? f->weight : graph->parameter[0])->node->id];
        for (int q = 0; !f && q < graph->parameter_count; q++)
            if (strcmp(graph->parameter[q]->name, parameter->name) == 0) from = before[graph->parameter[q]->node->id];
        double *values = after[parameter->node->id] = NEW_ARRAY(double, parameter->count);
        for (long i = 0; i < parameter->count; i++) {
            const long channel = !f || f->is_bias ? i : f->dimension ? i / 9 % 3 : i / 27;
            const double scale =
                f ? before[f->scale->node->id][channel % 3] / sqrt(before[f->variance->node->id][channel % 3] + f->epsilon) : 1;
            values[i] = f && f->is_bias ? from[i] - before[f->mean->node->id][i] * scale : from[i] * scale;
        }
        weights += parameter->node->shape[2] == 3 && parameter->node->rank == 4;
    }
    ck_assert_int_eq(weights, 3); /* unfolded, and with either batch norm */
    evaluate_graph(folded, after);
    static const char *const outputs[] = {"tapped", "end"};
    for (int k = 0; k < 2; k++)
        for (long i = 0; i < count_elements(x); i++)
            ck_assert_double_eq_tol(after[named_node(folded, ROLE_OUTPUT, outputs[k])->id][i],
                                    before[named_node(graph, ROLE_OUTPUT, outputs[k])->id][i], 1e-9);
}
END_TEST

START_TEST(a_weight_that_is_computed_dies) {
    Graph *graph = NEW(Graph);
    Node *x = sample_input(graph, "x", (long[]){2, 3, 4, 5}), *w = sample_input(graph, "w", (long[]){3, 3, 3, 3});
    convolve(graph, OP_CONV2D, "y", NULL, x, w, NULL);
    list_readers(graph);
    freopen("/dev/null", "w", stderr); /* the message is expected */
    compile_graph(graph, any_target(0), &default_choices);
}
END_TEST

/* ---- programs ---- */

/* One program more than trainers have today, with the largest kernel again: planned and printed like the others. */
START_TEST(programs_are_a_list) {
    const Graph *graph = named_graph();
    TargetCode *code = compile_graph(graph, any_target(_i), &default_choices);
    const long workspace = code->workspace_bytes;
    static const long large[2] = {1, 1 << 20};
    const Buffer *buffer = new_plain("large", TYPE_F32, PLACE_WORKSPACE, 2, large);
    Kernel *kernel = copy_kernel("fill_large", large, 2, buffer, new_plain("larger", TYPE_F32, PLACE_WORKSPACE, 2, large), "");
    const char *why;
    ck_assert(schedule_kernel(kernel, &why));
    Program *more = add_program(code, &(ProgramHead){.name = "more", .comment = "What nobody asked for."});
    add_call(more, kernel, NULL);
    more->measured = true;
    plan_workspace(code);
    ck_assert_int_eq(program_named(code, "more")->alone_bytes, 2 * (4 << 20));
    ck_assert_int_ge(code->workspace_bytes, 2 * (4 << 20));
    ck_assert_int_lt(workspace, 4 << 20);
    Text text = text_begin();
    emit_target_file(&text, graph->spec, code, "");
    static const char *const expected[] = {"/* What nobody asked for. */", "static void more(const ModelStep *step)",
                                           "    {more, more_kernel, 1},", "static const ModelKernel more_kernel[]"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        ck_assert_msg(strstr(text.bytes, expected[i]) != NULL, "no %s", expected[i]);
}
END_TEST

Suite *core_suite(void) {
    Suite *suite = suite_create("core");
    TCase *test_case = tcase_create("core");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, rows_without_an_order_in_time_are_all_computed, 0, ALL_TARGETS);
    tcase_add_loop_test_raise_signal(test_case, what_does_not_fit_dies, SIGABRT, 0, 6);
    tcase_add_loop_test(test_case, elements_of_any_shape_are_computed, 0, ALL_TARGETS);
    tcase_add_test(test_case, eight_dimensions_have_a_place_for_each_element);
    tcase_add_loop_test(test_case, inputs_outputs_and_losses_of_any_name_reach_the_caller, 0, ALL_TARGETS);
    tcase_add_loop_test_raise_signal(test_case, a_name_that_says_two_things_dies, SIGABRT, 0, 5);
    tcase_add_test(test_case, a_weight_is_folded_for_the_layers_with_a_batch_norm_alone);
    tcase_add_test_raise_signal(test_case, a_weight_that_is_computed_dies, SIGABRT);
    tcase_add_loop_test(test_case, programs_are_a_list, 0, ALL_TARGETS);
    suite_add_tcase(suite, test_case);
    return suite;
}
