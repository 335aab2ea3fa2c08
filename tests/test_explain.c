/* The output of explain: known figures of gru_ae, computed here, and memory as planned. */
#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/shapes.h"
#include "cpu.h"
#include "sample_graphs.h"

#include "../compiler/command/explain.h"
#include "../compiler/lower/kernel_buffers.h"
#include "../compiler/pipeline/pipeline.h"
#include "../compiler/recompute/recompute.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *explain_suite(void);

static Model *model_of(const Spec *spec) {
    Model *model = NEW(Model);
    model->spec = NEW(Spec);
    *model->spec = *spec;
    model->graphs = build_graphs(model->spec);
    differentiate_steps(model->spec, &model->graphs);
    return model;
}

/* The output for the first `target_count` targets; code[i] is their lowered code. */
static char *explained(const Model *model, int target_count, TargetCode **code) {
    Explanation *explanation = explain_model(model);
    for (int i = 0; i < target_count; i++) {
        code[i] = compile_graphs(&model->graphs, targets[i], &default_choices);
        explain_target(explanation, code[i]);
    }
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    print_explanation(out, explanation);
    fclose(out);
    char *copy = format("%s", text);
    free(text);
    return copy;
}

static void expect(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is missing in\n%s", part, text);
}

/* The first number at or after `after`, without its thousands separators. */
static long number_after(const char **text, const char *after) {
    const char *place = strstr(*text, after);
    ck_assert_msg(place != NULL, "'%s' is missing in\n%s", after, *text);
    for (place += strlen(after); *place == ' ';) place++;
    ck_assert_msg(*place >= '0' && *place <= '9', "no number after '%s'", after);
    long value = 0;
    for (; (*place >= '0' && *place <= '9') || *place == ','; place++)
        if (*place != ',') value = 10 * value + *place - '0';
    *text = place;
    return value;
}

static const Node *node_of(const Graph *graph, const char *name) {
    for (int i = 0; i < graph->node_count; i++)
        if (strcmp(graph->node[i]->name, name) == 0) return graph->node[i];
    return NULL;
}

/* Kernels of the update and of copies belong to no layer. The others name their layer, and say whether they are products. */
static void check_kernels(const Graph *graph, const Program *program) {
    int update = 0, products = 0;
    for (int i = 0; i < program->call_count; i++) {
        const Kernel *kernel = program->call[i].kernel;
        const Node *node = node_of(graph, kernel->name);
        update += !kernel->layer;
        products += kernel->product;
        ck_assert_msg(kernel->product == (node && operation_is(node->op, PRODUCT)), "%s", kernel->name);
        if (!kernel->layer) ck_assert_msg(!node, "%s is of no layer", kernel->name);
        else
            ck_assert_msg(strstr(kernel->name, format("%s_", kernel->layer)) == kernel->name || strcmp(kernel->name, kernel->layer) == 0,
                          "%s is of %s", kernel->name, kernel->layer);
    }
    ck_assert_int_gt(products, 0);
    ck_assert_int_eq(update > 0, graph->training);
}

START_TEST(each_kernel_says_whose_work_it_is) {
    const Model *model = model_of(sample_spec(_i));
    const TargetCode *code = compile_graphs(&model->graphs, targets[0], &default_choices);
    check_kernels(model->graphs.step[0], program_named(code, "train"));
    check_kernels(model->graphs.evaluation, program_named(code, "evaluate"));
}
END_TEST

START_TEST(gru_ae_has_the_known_totals) {
    /* Multiply-adds of a frame. Each of the four strided convolutions on either side has 32²·64·32·9 of them. */
    const long first = 64 * 64 * 32 * 9, strided = 32 * 32 * 64 * 32 * 9, fc1 = 64 * 8192, gru = 300 * 64 + 300 * 100, fc3 = 100 * 8192;
    const long frame = 2 * first + 8 * strided + fc1 + gru + fc3;
    ck_assert_int_eq(frame, 154746928);
    /* Both backward passes have as many again, except for the gradient of the first convolution's input, which is not needed. */
    const long step = 64 * 2 * (3 * frame - first);
    TargetCode *code;
    const char *text = explained(model_of(gru_ae_spec()), 1, &code);
    expect(text, "4,537,480 trained");
    const char *place = text;
    ck_assert_int_eq(number_after(&place, "\n  forward "), frame);
    ck_assert_int_eq(number_after(&place, "multiply-adds ="), 2 * frame);
    ck_assert_int_eq(number_after(&place, "FLOP a frame;"), 64 * 2 * frame);
    ck_assert_int_eq(number_after(&place, "training step"), step);
}
END_TEST

START_TEST(a_layer_has_its_shapes_and_parameters) {
    TargetCode *code;
    const char *text = explained(model_of(gru_ae_spec()), 1, &code);
    static const char *const rows[][3] = {{"\nencoder1 ", "32×64×64 → 64×32×32", " 18,560 "}, /* 64·32·9 + 2·64 */
                                          {"\nfc1 ", "512×4×4 → 64", " 524,352 "},
                                          {"\ngru0 ", "64 → 100", " 49,800 "},
                                          {"\ndecoder4 ", "32×64×64 → 1×64×64", " 288 "}};
    for (int i = 0; i < 4; i++) {
        const char *row = strstr(text, rows[i][0]);
        ck_assert_ptr_nonnull(row);
        const char *line = format("%.*s", (int)strcspn(row + 1, "\n"), row + 1);
        expect(line, rows[i][1]);
        expect(line, rows[i][2]);
    }
}
END_TEST

START_TEST(memory_is_what_was_planned_for_each_target) {
    for (int s = 0; s < SAMPLE_SPECS; s++) {
        const Model *model = model_of(sample_spec(s));
        TargetCode *codes[MAX_TARGETS];
        const int count = count_targets();
        const char *place = strstr(explained(model, count, codes), "\nmemory");
        ck_assert_ptr_nonnull(place);
        for (int i = 0; i < count; i++) {
            const TargetCode *code = codes[i];
            expect(place, format("\n  %s ", code->target->name));
            ck_assert_int_eq(number_after(&place, "training"), code->workspace_bytes);
            ck_assert_int_eq(number_after(&place, "threads ×"), code->scratch_bytes);
            ck_assert_int_eq(number_after(&place, "inference"), program_named(code, "evaluate")->alone_bytes);
            ck_assert_int_eq(number_after(&place, "threads ×"), program_named(code, "evaluate")->alone_scratch);
        }
        const Graph *graph = model->graphs.step[0];
        const Node *h0 = named_node(graph, ROLE_INPUT, "h0");
        const long pixels = 4 * count_elements(named_node(graph, ROLE_INPUT, "x")), state = h0 ? 4 * count_elements(h0) : 0;
        ck_assert_int_eq(number_after(&place, "beside these:"), 2 * pixels + state);
    }
}
END_TEST

/* Computed again: every kept tensor of the program once, and how far the others reach above the kept ones. */
static long evaluation_bytes(const TargetCode *code) {
    const Tensor *seen[1024];
    int seen_count = 0;
    long kept = 0, top = code->kept_bytes;
    for (int i = 0; i < program_named(code, "evaluate")->call_count; i++) {
        const Buffer *buffers[64];
        bool written[64];
        const int count = kernel_buffers(program_named(code, "evaluate")->call[i].kernel, buffers, written, 64);
        for (int b = 0; b < count; b++) {
            const Tensor *tensor = buffers[b]->owner;
            if (tensor->place != PLACE_WORKSPACE) continue;
            bool known = false;
            for (int k = 0; k < seen_count; k++) known = known || seen[k] == tensor;
            if (known) continue;
            ck_assert_int_lt(seen_count, 1024);
            seen[seen_count++] = tensor;
            if (tensor->kept) kept += round_up(tensor->bytes, 64);
            else top = maximum(top, tensor->offset + round_up(tensor->bytes, 64));
        }
    }
    return kept + top - code->kept_bytes;
}

START_TEST(inference_holds_parameters_and_statistics_but_nothing_of_training) {
    for (int s = 0; s < SAMPLE_SPECS; s++) {
        const Model *model = model_of(sample_spec(s));
        for (int i = 0; targets[i]; i++) {
            const TargetCode *code = compile_graphs(&model->graphs, targets[i], &default_choices);
            ck_assert_int_eq(program_named(code, "evaluate")->alone_bytes, evaluation_bytes(code));
            ck_assert_int_ge(program_named(code, "evaluate")->alone_bytes, code->group[0].block_bytes + code->group[0].statistic_bytes);
            ck_assert_int_lt(program_named(code, "evaluate")->alone_bytes, code->workspace_bytes);
            ck_assert_int_le(program_named(code, "evaluate")->alone_scratch, code->scratch_bytes);
        }
    }
}
END_TEST

/* A kernel's work is that of one call: in a scan, of one step. */
START_TEST(elements_in_a_scan_are_counted_once_a_step) {
    int checked = 0;
    for (int s = 0; s < SAMPLE_SPECS; s++) {
        const Model *model = model_of(sample_spec(s));
        const TargetCode *code = compile_graphs(&model->graphs, targets[0], &default_choices);
        const Program *train = program_named(code, "train");
        for (int i = 0; i < train->graph->node_count; i++) {
            const Node *node = train->graph->node[i];
            if (!node->scan || !operation_is(node->op, ELEMENTWISE) || train->first_call[i] == train->first_call[i + 1]) continue;
            const Call *call = &train->call[train->first_call[i]];
            ck_assert_double_eq(call->kernel->flops * (double)call->scan->steps, (double)count_elements(node));
            checked++;
        }
    }
    ck_assert_int_gt(checked, 0);
}
END_TEST

/* The explanation of a target within a limit. */
static char *explained_within(const Model *model, const Target *target, const MemoryLimit *limit, TargetCode **code) {
    Explanation *explanation = explain_model(model);
    explain_target(explanation, *code = compile_within(compile_graphs(&model->graphs, target, &default_choices), &model->graphs, limit));
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    print_explanation(out, explanation);
    fclose(out);
    char *copy = format("%s", text);
    free(text);
    return copy;
}

static double all_products(const TargetCode *code) {
    double flops = 0;
    for (int i = 0; i < program_named(code, "train")->graph->node_count; i++)
        for (int call = program_named(code, "train")->first_call[i];
             operation_is(program_named(code, "train")->graph->node[i]->op, PRODUCT) &&
             call < program_named(code, "train")->first_call[i + 1];
             call++) {
            const Call *made = &program_named(code, "train")->call[call];
            if (strcmp(made->kernel->name, program_named(code, "train")->graph->node[i]->name) != 0)
                continue; /* not the kernel that combines its parts */
            flops += made->kernel->flops * (made->scan ? (double)made->scan->steps : 1);
        }
    return flops;
}

/* Memory before and after, each result that is not kept with its bytes, and the step's work, recomputation included. */
START_TEST(what_is_traded_for_memory_is_what_was_planned) {
    const Model *model = model_of(gru_ae_spec());
    for (int i = 0; targets[i]; i++) {
        TargetCode *code;
        const MemoryLimit limit = {210000000, 2};
        const char *text = explained_within(model, targets[i], &limit, &code), *place = text;
        const Trade *trade = code->trade;
        ck_assert_int_gt(trade->count, 1);
        ck_assert_int_eq(number_after(&place, "training step"), (long)all_products(code));
        expect(place, "and what is computed again");
        ck_assert_int_eq(number_after(&place, "training   "), code->workspace_bytes);
        ck_assert_int_eq(number_after(&place, "to train within"), limit.bytes);
        expect(place, "on 2 threads");
        ck_assert_int_eq(number_after(&place, format("\n  %s", targets[i]->name)), code->workspace_bytes + 2 * code->scratch_bytes);
        ck_assert_int_eq(number_after(&place, "instead of"), trade->before);
        for (int k = 0; k < trade->count; k++)
            ck_assert_int_eq(number_after(&place, format("\n    %s ", trade->again[k].name)), trade->again[k].bytes);
    }
    TargetCode *code;
    const char *text = explained_within(model, targets[0], &(MemoryLimit){1000000000, 1}, &code);
    expect(text, "nothing:");
    ck_assert_ptr_null(strstr(text, "and what is computed again"));
    text = explained_within(model, targets[0], &(MemoryLimit){0}, &code);
    ck_assert_ptr_null(strstr(text, "computed again"));
}
END_TEST

Suite *explain_suite(void) {
    Suite *suite = suite_create("explain");
    TCase *tests = tcase_create("explain");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, gru_ae_has_the_known_totals);
    tcase_add_loop_test(tests, each_kernel_says_whose_work_it_is, 0, SAMPLE_SPECS);
    tcase_add_test(tests, a_layer_has_its_shapes_and_parameters);
    tcase_add_test(tests, memory_is_what_was_planned_for_each_target);
    tcase_add_test(tests, inference_holds_parameters_and_statistics_but_nothing_of_training);
    tcase_add_test(tests, elements_in_a_scan_are_counted_once_a_step);
    tcase_add_test(tests, what_is_traded_for_memory_is_what_was_planned);
    suite_add_tcase(suite, tests);
    return suite;
}
