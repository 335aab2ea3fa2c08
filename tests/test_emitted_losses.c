/* test_emitted_losses.c: every loss of language version 2, clipping and averages in one generated file, compiled without a warning, and run
 * by 1, 2, 3 and 5 threads: the bits are the same. */
#include "../compiler/emit/emit.h"
#include "../compiler/graph/build_loss.h"
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/shapes.h"
#include "../compiler/pipeline/pipeline.h"
#include "compiled_files.h"
#include "core_checks.h"
#include "cpu.h"
#include "sample_graphs.h"

#include <check.h>
#include <string.h>

Suite *emitted_losses_suite(void);

/* ---- a graph with every loss ---- */

enum { ROWS = 6, STEPS = 3, INPUTS = 12 };

typedef struct Sides {
    Node *logits[2], *images[2], *heads[2]; /* of x and of another input: blocked channels, planes, vectors */
} Sides;

static Node *add_weight(Graph *graph, const char *name, long channels, long height, long width) {
    return sample_parameter(graph, name, 6, (long[]){channels, height, width, INPUTS, 1, 1});
}

static Sides add_sides(Graph *graph) {
    Sides sides;
    static const char *const inputs[2] = {"x", "h0"};
    Node *blocked = add_weight(graph, "blocked", 20, 3, 5), *planes = add_weight(graph, "planes", 3, 10, 37),
         *head = add_weight(graph, "head", 33, 1, 1);
    for (int i = 0; i < 2; i++) {
        Node input = {.op = OP_INPUT, .name = inputs[i], .rank = 4, .shape = {ROWS, INPUTS, 1, 1}, .steps = STEPS};
        Node *x = append_node(graph, input);
        name_node(graph, ROLE_INPUT, inputs[i], x);
        sides.logits[i] = two(graph, OP_LINEAR, format("logits_%d", i), x, blocked);
        sides.images[i] = one(graph, OP_SIGMOID, format("image_%d", i), two(graph, OP_LINEAR, format("draw_%d", i), x, planes));
        sides.heads[i] = two(graph, OP_LINEAR, format("head_%d", i), x, head);
    }
    return sides;
}

/* Of all terms: a loss of the batch, and a score per clip. */
static Graph *every_loss(void) {
    static const Spec spec = {.name = "losses"};
    Graph *graph = NEW(Graph);
    graph->spec = &spec;
    const Optimizer optimizer = {.name = OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .clip_norm = 0.1};
    add_group(graph, "all", &optimizer)->average = 0.9;
    const Sides sides = add_sides(graph);
    Node *sum[2] = {NULL, NULL};
    for (int kind = 0; kind < TERM_KINDS; kind++) {
        const LossTerm term = {.kind = (TermKind)kind, .weight = 0.5, .falling = kind % 2 == 0, .sum = kind == TERM_L1, .epsilon = 1e-7};
        Node *const *side = kind == TERM_KL ? sides.heads : kind == TERM_BCE_WITH_LOGITS ? sides.logits : sides.images;
        Node *other = kind == TERM_ENTROPY || kind == TERM_MEAN ? NULL : side[1];
        for (int of = 0; of < 2; of++) {
            const char *const odd[] = {"double", "memcpy", "exp"}; /* a spec may call losses so */
            const char *name = of && kind < 3 ? odd[kind] : format("%s_%d", of ? "loss" : "score", kind);
            Node *loss = add_loss_term(graph, name, &term, of ? LOSS_OF_BATCH : LOSS_OF_ITEM, side[0], other);
            sum[of] = sum[of] ? two(graph, OP_ADD, format("%s_sum", name), sum[of], loss) : loss;
        }
    }
    name_node(graph, ROLE_OUTPUT, "reconstruction", sum[0]);
    name_node(graph, ROLE_LOSS, "loss", sum[1]);
    Parameter *of[3];
    for (int i = 0; i < 3; i++) of[i] = graph->parameter[i];
    differentiate_parameters(graph, sum[1], 3, of);
    return graph;
}

/* Program 0 computes, and program 1 updates. */
static const char *emitted(const Graph *graph, const Target *target) {
    Text text = text_begin();
    emit_target_file(&text, graph->spec, compile_graph(graph, target, &default_choices), "");
    return text.bytes;
}

/* ---- the program that runs it ---- */

static const char program[] =
    "#include \"model.h\"\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "enum { PIXELS = ROWS * INPUTS, CLIPS = ROWS / STEPS, STATE = 2 * PARAMETERS };\n"
    "typedef struct Result { double loss; float score[CLIPS], state[STATE]; } Result;\n"
    "static float x[PIXELS], other[PIXELS], start[PARAMETERS];\n"
    "static Result results[4];\n"
    "static void fill(float *values, int count, unsigned seed, float scale) {\n"
    "    for (int i = 0; i < count; i++) {\n"
    "        seed = seed * 1664525u + 1013904223u;\n"
    "        values[i] = scale * ((float)(seed >> 8) * 0x1p-23f - 1.0f);\n"
    "    }\n"
    "}\n"
    "static void run(const ModelTarget *target, int threads, Result *result) {\n"
    "    char *workspace = aligned_alloc(64, (target->workspace_size + 63) / 64 * 64);\n"
    "    char *scratch = aligned_alloc(64, (size_t)threads * ((target->scratch_size + 63) / 64 * 64) + 64);\n"
    "    if (!workspace || !scratch) abort();\n"
    "    memset(workspace, 0, target->workspace_size);\n"
    "    target->load(workspace, MODEL_PARAMETERS, start);\n"
    "    target->load(workspace, MODEL_AVERAGE, start);\n"
    "    const float *const input[] = {x, other};\n"
    "    const float coefficients[] = {0.1f, 0.1f, 0.01f, 0.0f};\n"
    "    float *const output[] = {result->score};\n"
    "    ModelStep step = {.input = input, .output = output, .loss = &result->loss, .coefficients = coefficients,\n"
    "                      .workspace = workspace, .scratch = scratch, .threads = threads};\n"
    "    for (int i = 0; i < 3; i++) target->program[0].run(&step), target->program[1].run(&step);\n"
    "    target->save(workspace, MODEL_PARAMETERS, result->state);\n"
    "    target->save(workspace, MODEL_AVERAGE, result->state + PARAMETERS);\n"
    "    free(workspace), free(scratch);\n"
    "}\n"
    "int main(void) {\n"
    "    static const int threads[4] = {1, 2, 3, 5};\n"
    "    fill(x, PIXELS, 1, 1), fill(other, PIXELS, 2, 1), fill(start, PARAMETERS, 3, 0.2f);\n"
    "    for (int i = 0; i < 4; i++) run(&TARGET, threads[i], &results[i]);\n"
    "    int failures = !(results[0].loss > 0 || results[0].loss < 0) || results[0].loss > 1e6;\n"
    "    for (int i = 1; i < 4; i++) failures += memcmp(&results[0], &results[i], sizeof *results) != 0;\n"
    "    int moved = 0, averaged = 0;\n"
    "    for (int i = 0; i < PARAMETERS; i++) {\n"
    "        moved += results[0].state[i] != start[i];\n"
    "        averaged += results[0].state[PARAMETERS + i] != start[i];\n"
    "    }\n"
    "    if (failures || moved < PARAMETERS / 2 || averaged < PARAMETERS / 2)\n"
    "        printf(\"loss %g, %d differ, %d moved, %d averaged\\n\", results[0].loss, failures, moved, averaged);\n"
    "    return failures || moved < PARAMETERS / 2 || averaged < PARAMETERS / 2;\n"
    "}\n";

START_TEST(losses_have_the_same_bits_by_any_number_of_threads) {
    const Target *target = any_target(_i);
    Graph *graph = every_loss();
    verify_graph(graph);
    const char *file = write_code(format("losses_%s.c", target->name), emitted(graph, target));
    long count = 0;
    for (int i = 0; i < graph->parameter_count; i++) count += graph->parameter[i]->count;
    const char *constants = format("#define TARGET losses_%s\n#include \"model.h\"\nextern const ModelTarget TARGET;\n"
                                   "enum { ROWS = %d, STEPS = %d, INPUTS = %d, PARAMETERS = %ld };\n",
                                   target->name, ROWS, STEPS, INPUTS, count);
    const char *main_file = write_code(format("main_%s.c", target->name), format("%s%s", constants, program));
    const bool neon = strcmp(target->name, "neon") == 0,
               emulated = neon && has_program("aarch64-linux-gnu-gcc") && has_program("qemu-aarch64");
    if (!cpu_has(target) && !emulated) {
        if (!neon) run_command(format("cc %s -std=c11 -fopenmp -Iruntime -c -o %s %s", STRICT, code_path("losses.o"), file));
        printf("skipped: %s, which this machine cannot run\n", target->name);
        return;
    }
    const char *compiler = cpu_has(target) ? "cc" : "aarch64-linux-gnu-gcc", *path = code_path(format("losses_%s", target->name));
    run_command(format("%s %s -std=c11 -O1 -fopenmp -Iruntime -o %s %s %s -lm", compiler, STRICT, path, file, main_file));
    run_command(format("%s%s", cpu_has(target) ? "" : "qemu-aarch64 -L /usr/aarch64-linux-gnu ", path));
    if (has_program("clang") && !neon) run_command(format("clang %s -std=c11 -Iruntime -fsyntax-only %s", STRICT, file));
}
END_TEST

Suite *emitted_losses_suite(void) {
    Suite *suite = suite_create("emitted_losses");
    TCase *test_case = tcase_create("emitted_losses");
    tcase_add_checked_fixture(test_case, make_code_folder, remove_code_folder);
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, losses_have_the_same_bits_by_any_number_of_threads, 0, count_targets());
    suite_add_tcase(suite, test_case);
    return suite;
}
