/* zoetrope: compiles a network spec to C. compile_spec() and compile_target() are the table of contents. They call the passes in order:
 *
 *   spec → graph → differentiate                                            here, once
 *   fuse → products → store → lower → schedule → verify → plan → emit       for each target: pipeline.c; and again after recompute */
#include "base/output.h"
#include "command/command_inference.h"
#include "command/explain.h"
#include "command/explain_trade.h"
#include "emit/emit.h"
#include "graph/build_graph.h"
#include "graph/kept_values.h"
#include "loop/print_loop.h"
#include "lower/kernel_buffers.h"
#include "pipeline/pipeline.h"
#include "tune/tune.h"
#include "tune/tuning.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* ---- dumps ---- */

static void dump_program(const Program *program, bool scheduled) {
    for (int i = 0; i < program->call_count; i++) {
        Kernel kernel = *program->call[i].kernel;
        if (!scheduled) kernel.tree = NULL;
        print_kernel(stdout, &kernel);
        putchar('\n');
    }
}

/* Over what is printed of one of several steps. */
static void print_step_number(const TrainerGraphs *graphs, int step) {
    if (graphs->step_count > 1) printf("%sstep %d\n", step ? "\n" : "", step);
}

static void dump_steps(const TrainerGraphs *graphs) {
    for (int i = 0; i < graphs->step_count; i++) {
        print_step_number(graphs, i);
        print_graph(stdout, graphs->step[i], false);
    }
}

static void dump_plan(const TargetCode *code) {
    printf("%s: %ld bytes kept, %ld in all, %ld a thread\n", code->target->name, code->kept_bytes, code->workspace_bytes,
           code->scratch_bytes);
    for (int p = 0; p < code->program_count; p++)
        for (int i = 0; code->program[p]->measured && i < code->program[p]->call_count; i++) {
            const Buffer *buffers[MAX_BUFFERS];
            bool written[MAX_BUFFERS];
            int count = kernel_buffers(code->program[p]->call[i].kernel, buffers, written, MAX_BUFFERS);
            printf("%s %d %s\n", code->program[p]->name, i, code->program[p]->call[i].kernel->name);
            for (int b = 0; b < count; b++) {
                const Tensor *tensor = buffers[b]->owner;
                printf("    %-3s %-40s %12ld bytes at %12ld\n", written[b] ? "out" : "in", buffers[b]->name, tensor->bytes, tensor->offset);
            }
        }
}

/* What the passes of one target made; some of it is the same for all, and printed with the first. */
static void dump_target(Pass pass, const TrainerGraphs *graphs, const TargetCode *code, bool first) {
    const bool fused = pass == PASS_FUSE; /* earlier passes do not show which nodes are fused */
    const bool graph = first && (pass == PASS_RECOMPUTE || fused), kernels = pass == PASS_SCHEDULE || (first && pass == PASS_LOWER);
    for (int i = 0; i < graphs->step_count && (graph || kernels); i++) {
        print_step_number(graphs, i);
        if (graph) print_graph(stdout, code->program[i]->graph, fused);
        else dump_program(code->program[i], pass == PASS_SCHEDULE);
    }
    if (pass == PASS_PLAN) dump_plan(code);
}

/* ---- the passes ---- */

/* Sets the targets to those of the spec's precision if none were given. If some were, checks that they have it. */
static bool choose_targets(Options *options, const Spec *spec) {
    const bool pairs = spec->precision == COMPUTE_BF16;
    const Target *const *list = pairs ? bf16_targets : targets;
    Text names = {0};
    for (int i = 0; list[i]; i++) text_add(&names, "%s%s", i ? ", " : "", list[i]->name);
    for (int i = 0; options->targets_given && i < options->target_count; i++) {
        if (options->target[i]->pairs == pairs) continue;
        fprintf(stderr, "zoetrope: the target '%s' is not for %s, whose precision is %s; --targets can be %s\n", options->target[i]->name,
                spec->name, pairs ? "bf16" : "f32", names.bytes);
        return false;
    }
    if (options->targets_given) return true;
    options->target_count = 0;
    for (int i = 0; list[i]; i++)
        if (!list[i]->emulation) options->target[options->target_count++] = list[i];
    return true;
}

/* What steps leave for later ones of the iteration. Graphs without it are there for less memory. */
static void keep_between_steps(Model *model) {
    TrainerGraphs *apart = NEW(TrainerGraphs);
    *apart = build_graphs(model->spec);
    differentiate_steps(model->spec, apart);
    if (!keep_values(model->spec, &model->graphs)) return;
    model->apart = apart;
    for (int i = 0; i < model->graphs.step_count; i++) verify_graph(model->graphs.step[i]);
}

/* The passes that all targets share. Returns NULL after reporting that the spec has errors, or that the targets do not have its precision.
 */
static Model *compile_spec(Options *options) {
    Model *model = NEW(Model);
    begin_pass(PASS_SPEC);
    model->spec = read_spec_to_compile(options->spec, stderr);
    if (!model->spec || !choose_targets(options, model->spec)) return NULL;
    if (options->dump == PASS_SPEC) printf("%s", model->spec->canonical);

    if (options->tuning && !(model->tuning = read_tuning(options->tuning, model->spec, stderr))) return NULL;

    begin_pass(PASS_GRAPH);
    model->graphs = build_graphs(model->spec);
    TrainerGraphs *graphs = &model->graphs;
    verify_graph(graphs->evaluation);
    if (graphs->search) verify_graph(graphs->search);
    for (int i = 0; i < graphs->step_count; i++) verify_graph(graphs->step[i]);
    if (options->dump == PASS_GRAPH) dump_steps(graphs);

    begin_pass(PASS_DIFFERENTIATE);
    differentiate_steps(model->spec, graphs);
    for (int i = 0; i < graphs->step_count; i++) verify_graph(graphs->step[i]);
    keep_between_steps(model);
    if (options->dump == PASS_DIFFERENTIATE) dump_steps(graphs);
    return model;
}

/* The passes of one target. Returns NULL after reporting errors in the tuning file, or that training needs more memory than --max-ram
 * allows. */
static TargetCode *compile_target(const Options *options, const Model *model, int target) {
    const TrainerGraphs *graphs = &model->graphs;
    TargetCode *code = compile_tuned(graphs, options->target[target], &options->choices, model->tuning, stderr);
    if (code && model->apart && !is_within(code, &options->memory)) {
        graphs = model->apart;
        code = compile_tuned(graphs, options->target[target], &options->choices, model->tuning, stderr);
    }
    if (!code) return NULL;
    code = compile_within(code, graphs, &options->memory);
    if (model->tuning && !report_refusals(model->tuning, code, stderr)) return NULL;
    if (!report_trade(stderr, model->spec->name, code)) return NULL;
    dump_target(options->dump, &model->graphs, code, target == 0);
    return code;
}

/* ---- commands ---- */

static int command_compile(Options *options) {
    const Model *model = compile_spec(options);
    if (!model) return EXIT_INPUT;
    Output output = {.directory = options->directory};
    Text names = text_begin();
    for (int i = 0; i < options->target_count; i++) text_add(&names, "%s%s", i ? "," : "", options->target[i]->name);
    const char *name = model->spec->name, *limit = memory_limit_name(&options->memory),
               *said = model->spec->precision == COMPUTE_BF16
                           ? format("targets %s; bfloat16%s", names.bytes, limit)
                           : format("targets %s; filtering %s%s", names.bytes, filtering_name(options->choices.filtering), limit);
    bool good = true;
    for (int i = 0; i < options->target_count; i++) {
        Text *text = add_output(&output, format("%s_%s.c", name, options->target[i]->name));
        arena_enter(); /* a target takes far more memory than its text */
        const TargetCode *code = compile_target(options, model, i);
        begin_pass(PASS_EMIT);
        good = good && code;
        if (good && options->directory) emit_target_file(text, model->spec, code, said);
        arena_leave();
    }
    if (!good) return EXIT_INPUT;
    if (!options->directory) return 0; /* only a dump was asked for */
    emit_model_file(add_output(&output, format("%s_model.c", name)), model, options->target, options->target_count, said);
    begin_pass(PASS_WRITE);
    return write_output(&output) ? 0 : EXIT_INPUT;
}

static int command_tune(Options *options) {
    const Model *model = compile_spec(options);
    const TuneOrder order = {options->directory, &options->choices, options->targets_given, options->target_count, options->target};
    return model && tune_model(&order, model) ? 0 : EXIT_INPUT;
}

static int command_check(Options *options) {
    const Spec *spec = read_spec(options->spec, stderr);
    if (!spec) return EXIT_INPUT;
    printf("%s: %s is correct\n", printable(options->spec), spec->name);
    return 0;
}

static int command_explain(Options *options) {
    const Model *model = compile_spec(options);
    if (!model) return EXIT_INPUT;
    Explanation *explanation = explain_model(model);
    Text kernels = text_begin();
    bool good = true;
    for (int i = 0; i < options->target_count; i++) {
        arena_enter();
        const TargetCode *code = compile_target(options, model, i);
        good = good && code;
        if (good) explain_target(explanation, code);
        if (good && options->kernels && i == 0) explain_kernels(&kernels, code, model->graphs.step_count, &options->machine);
        arena_leave();
    }
    if (!good) return EXIT_INPUT;
    if (options->dump != PASS_COUNT) return 0;
    print_explanation(stdout, explanation);
    if (options->kernels) fputs(kernels.bytes, stdout);
    return 0;
}

static int command_documentation(Options *options) {
    (void)options;
    print_spec_documentation(stdout);
    return 0;
}

/* The exit status: standard output must have been written. */
static int end_output(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    fprintf(stderr, "zoetrope: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_INPUT;
}

int main(int count, char **arguments) {
    static int (*const commands[COMMANDS])(Options *) = {
        [COMMAND_COMPILE] = command_compile, [COMMAND_INFERENCE] = command_inference, [COMMAND_TUNE] = command_tune,
        [COMMAND_EXPLAIN] = command_explain, [COMMAND_CHECK] = command_check,         [COMMAND_DOCUMENTATION] = command_documentation,
    };
    Options options;
    int status;
    signal(SIGXFSZ, SIG_IGN); /* exceeding ulimit -f is reported as an error, like a full disk */
    if (!read_options(count, arguments, &options, &status)) return end_output(status);
    status = commands[options.command](&options);
    if (options.time) print_pass_times(stderr);
    return end_output(status);
}
