/* info.c: what the program was compiled from and what it needs. */
#include "commands/commands.h"
#include "common/text.h"
#include "machine/threads.h"
#include "model/evaluate.h"
#include "options/prepare.h"
#include "training/loss_names.h"

#include <inttypes.h>
#include <stdlib.h>

static void print_target(const ModelTarget *target, int threads, bool chosen) {
    size_t total = target->workspace_size + (size_t)threads * target->scratch_size;
    printf("  %-13s %14zu + %d × %zu = %zu bytes%s%s\n", target->name, target->workspace_size, threads, target->scratch_size, total,
           target->available() ? "" : "  (this CPU lacks it)", chosen ? "  ← chosen" : "");
}

static void print_number(const char *name, int number) {
    if (number > 0) printf("; %s %d", name, number);
    else printf("; %s none", name);
}

static void print_group(const ModelDescription *model, const ModelGroup *group) {
    if (model->language > 1) printf("network     %s: ", group->name);
    else printf("optimizer   ");
    if (group->frozen) puts("frozen");
    else printf("%s, learning rate %g\n", group->optimizer, group->learning_rate);
}

/* What a step updates, by which losses, with which batch and draws, and when. */
static void print_step(const ModelDescription *model, int number) {
    static const char *const batches[] = {
        [MODEL_BATCH_SAME] = "", [MODEL_BATCH_NEXT] = "; the next batch", [MODEL_BATCH_EACH] = "; another batch each time"};
    const ModelTrainingStep *step = &model->steps[number];
    const ModelProgram *program = &model->programs[step->program];
    printf("step %-6d ", number);
    for (int i = 0; i < step->groups; i++) printf("%s%s", i == 0 ? "updates " : ", ", model->groups[step->group[i]].name);
    for (int i = 0; i < program->losses; i++) printf("%s%s", i == 0 ? " by " : ", ", loss_name(program->loss[i]));
    if (step->draws_of != number) printf("; draws of step %d", step->draws_of);
    printf("%s", batches[step->batch]);
    if (step->times > 1) printf("; %" PRId64 " times", step->times);
    if (step->every > 1) printf("; in iterations that %" PRId64 " divides", step->every);
    putchar('\n');
}

static void print_system(const ModelDescription *model) {
    for (int i = 0; i < model->step_count; i++) print_step(model, i);
    if (model->average != 0) printf("averages    of the weights, with factor %g\n", model->average);
    if (!has_evaluation(model)) return;
    const ModelProgram *program = &model->programs[model->evaluate];
    for (int i = 0; i < program->outputs; i++) {
        const char *name = output_name(model, &program->output[i]);
        printf("%s%s", i == 0 ? "evaluation  " : ", ", name != NULL ? name : program->output[i].name);
    }
    putchar('\n');
}

/* Prints the number of threads, the reason, and the limits. Returns the number. */
static int print_threads(const Options *options) {
    static const char *const reasons[] = {[BOUND_PROCESSORS] = "one for each processor that this process may use",
                                          [BOUND_QUOTA] = "as the quota of a cgroup allows",
                                          [BOUND_OMP_NUM_THREADS] = "as OMP_NUM_THREADS says",
                                          [BOUND_OMP_THREAD_LIMIT] = "as OMP_THREAD_LIMIT allows",
                                          [BOUND_OPTION] = "as --threads says"};
    ThreadLimits limits = find_thread_limits("");
    ThreadBound bound;
    const int threads = choose_threads(&limits, options->threads, &bound);
    printf("threads     %d, %s\n", threads, reasons[bound]);
    printf("limits      processors %d; cgroup quota ", limits.processors);
    if (limits.quota_file != NULL) {
        char *file = escape_text(limits.quota_file);
        printf("%.4g (%s)", limits.quota, file);
        free(file);
    } else printf("none");
    print_number("OMP_NUM_THREADS", limits.omp_num_threads);
    print_number("OMP_THREAD_LIMIT", limits.omp_thread_limit);
    putchar('\n');
    thread_limits_free(&limits);
    return threads;
}

int command_info(const ModelDescription *model, const Options *options, Error *error) {
    const ModelTarget *target = choose_target(model, getenv("ZOETROPE_TARGET"), error);
    if (target == NULL) return EXIT_ERROR;
    printf("model       %s\nspec        %s\nversion     zoetrope %s\ntarget      %s\n", model->name, model->spec_hash,
           model->compiler_version, target->name);
    char library[LIBRARY_TEXT];
    target_library(target, library);
    printf("tuning      %s\n", target_tuning(target));
    if (target->library != NULL) printf("library     %s\n", library);
    printf("precision   %s\n", model->precision);
    printf("clip        T %d, channels %d, height %d, width %d\nbatch       %d\n", model->T, model->channels, model->height, model->width,
           model->batch);
    if (model->hidden > 0)
        printf("gru         hidden %d, layers %d, initial state %s\n", model->hidden, model->gru_layers,
               model->initial_state_normal ? "normal" : "zeros");
    if (model->language == 1) printf("loss        %s\n", model->loss_is_l1 ? "l1" : "mse");
    for (int i = 0; i < model->group_count; i++) print_group(model, &model->groups[i]);
    if (model->language > 1) print_system(model);
    printf("parameters  %" PRId64 " in %d tensors\nstatistics  %" PRId64 " in %d tensors\n", model->parameter_count,
           model->parameter_tensors, model->statistic_count, model->statistic_tensors);
    printf("seed        %" PRIu64 "\n", option_seed(model, options));
    const int threads = print_threads(options);
    printf("memory      fixed + threads × scratch:\n");
    for (int i = 0; i < model->target_count; i++) print_target(model->targets[i], threads, model->targets[i] == target);
    return EXIT_DONE;
}
