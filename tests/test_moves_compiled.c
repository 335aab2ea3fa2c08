/* test_moves_compiled.c: elements at other places, and the new ones element by element, as C: without a warning, and with the same bits
 * whatever the number of threads. */
#include "compiled_files.h"
#include "core_checks.h"
#include "cpu.h"

#include "../compiler/emit/emit.h"
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/moves.h"
#include "../compiler/pipeline/pipeline.h"

#include <check.h>
#include <string.h>

Suite *moves_compiled_suite(void);

static Node *given(Graph *graph, const char *name, const long shape[4], long steps) {
    Node node = {.op = OP_INPUT, .name = name, .rank = 4, .steps = steps};
    memcpy(node.shape, shape, 4 * sizeof(long));
    Node *input = append_node(graph, node);
    name_node(graph, ROLE_INPUT, name, input);
    return input;
}

static Node *add_square(Graph *graph, Node *loss, const char *name, Node *y) {
    Node *square = two(graph, OP_MSE, format("%s_square", name), y, multiple(graph, format("%s_twice", name), y, 2));
    return loss ? two(graph, OP_ADD, format("%s_sum", name), loss, square) : square;
}

static Graph *all_of_them(void) {
    static const Spec spec = {.name = "moves", .canonical = "name: moves\n"};
    Graph *graph = NEW(Graph);
    graph->spec = &spec;
    const long shape[4] = {6, 17, 3, 4};
    Node *in[3], *gradient[3];
    for (int i = 0; i < 3; i++) in[i] = given(graph, format("given%d", i), shape, 2);
    Node *product = two(graph, OP_MULTIPLY, "product", in[0], in[1]);
    const Node affine = {.op = OP_AFFINE, .name = "affine", .input_count = 1, .input = {product}, .factor = 0.5, .offset = 0.5};
    Node *h = one(graph, OP_ELU, "h", append_node(graph, affine));
    Node *all = concatenate(graph, "all", AXIS_ITEMS, 2, (Node *[]){h, in[2]});
    Node *loss = add_square(graph, NULL, "half", one(graph, OP_SOFTPLUS, "soft", slice(graph, "half", all, AXIS_ITEMS, 2, 3)));
    Node *wide = one(graph, OP_SILU, "wide", concatenate(graph, "channels", AXIS_CHANNELS, 2, (Node *[]){h, in[1]}));
    loss = add_square(graph, loss, "flat", reshape_clips(graph, "flat", wide, (long[]){34 * 24, 1, 1, 1}));
    loss = add_square(graph, loss, "turned", reshape_rows(graph, "turned", wide, (long[]){3, 17, 8}));
    loss = add_square(graph, loss, "frame", slice(graph, "frame", wide, AXIS_STEPS, 1, 1));
    Node up = {.op = OP_UPSAMPLE, .name = "up", .input_count = 1, .input = {h}, .stride = {2, 3}};
    Node *large = append_node(graph, up);
    loss = add_square(graph, loss, "large", large);
    loss = add_square(graph, loss, "z", add_node(graph, OP_SAMPLE, "z", NULL, 3, (Node *[]){h, in[1], in[2]}));
    differentiate(graph, loss, 3, in, gradient);
    for (int i = 0; i < 3; i++) name_node(graph, ROLE_OUTPUT, format("wanted%d", i), gradient[i]);
    name_node(graph, ROLE_OUTPUT, "wanted3", large);
    name_node(graph, ROLE_LOSS, "loss", loss);
    list_readers(graph);
    return graph;
}

static const char program[] =
    "#include \"model.h\"\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "extern const ModelTarget TARGET;\n"
    "enum { GIVEN = 6 * 17 * 3 * 4, LARGE = 6 * GIVEN };\n"
    "static float given[3][GIVEN];\n"
    "typedef struct Result { float wanted[3][GIVEN], large[LARGE]; double loss; } Result;\n"
    "static Result result[4];\n"
    "int main(void) {\n"
    "    static const int threads[4] = {1, 2, 3, 5};\n"
    "    for (int k = 0; k < 3; k++)\n"
    "        for (int i = 0; i < GIVEN; i++) given[k][i] = (float)((i * 7919 + k * 104729) % 2003) / 1001.5f - 1;\n"
    "    for (int r = 0; r < 4; r++) {\n"
    "        Result *to = &result[r];\n"
    "        void *workspace = aligned_alloc(64, TARGET.workspace_size + 64), *scratch = aligned_alloc(64, 5 * TARGET.scratch_size + 64);\n"
    "        memset(workspace, r ? 0xff : 0, TARGET.workspace_size);\n"
    "        const float *const input[] = {given[0], given[1], given[2]};\n"
    "        float *const output[] = {to->wanted[0], to->wanted[1], to->wanted[2], to->large};\n"
    "        TARGET.program[0].run(&(ModelStep){.input = input, .output = output, .loss = &to->loss, .workspace = workspace,\n"
    "            .scratch = scratch, .threads = threads[r]});\n"
    "        free(workspace);\n"
    "        free(scratch);\n"
    "        if (memcmp(to, &result[0], sizeof *to) != 0) printf(\"other bits with %d threads\\n\", threads[r]);\n"
    "        if (memcmp(to, &result[0], sizeof *to) != 0 || !(to->loss > 0)) return 1;\n"
    "    }\n"
    "    return 0;\n"
    "}\n";

START_TEST(threads_do_not_change_the_bits_of_moves) {
    static const char flags[] = "-std=c11 " STRICT;
    const Target *target = any_target(_i);
    if (!cpu_has(target)) return;
    Text kernels = {0};
    const Graph *graph = all_of_them();
    verify_graph(graph);
    emit_target_file(&kernels, graph->spec, compile_graph(graph, target, &default_choices), "");
    write_code("kernels.c", kernels.bytes);
    write_code("main.c", program);
    run_command(format("cc %s -O1 -fopenmp -DTARGET=moves_%s -Iruntime -o %s %s %s -lm", flags, target->name, code_path("run"),
                       code_path("kernels.c"), code_path("main.c")));
    run_command(code_path("run"));
    if (has_program("clang")) run_command(format("clang %s -Iruntime -fsyntax-only %s", flags, code_path("kernels.c")));
}
END_TEST

Suite *moves_compiled_suite(void) {
    Suite *suite = suite_create("moves_compiled");
    TCase *test_case = tcase_create("moves_compiled");
    tcase_set_timeout(test_case, 120);
    tcase_add_checked_fixture(test_case, make_code_folder, remove_code_folder);
    tcase_add_loop_test(test_case, threads_do_not_change_the_bits_of_moves, 0, ALL_TARGETS);
    suite_add_tcase(suite, test_case);
    return suite;
}
