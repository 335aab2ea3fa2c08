/* info.c: what the program was compiled from and what it needs. */
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>

static void print_target(const ModelTarget *target, int threads, bool chosen) {
    size_t total = target->workspace_size + (size_t)threads * target->scratch_size;
    printf("  %-13s %14zu + %d × %zu = %zu bytes%s%s\n", target->name, target->workspace_size, threads, target->scratch_size, total,
           target->available() ? "" : "  (this CPU lacks it)", chosen ? "  ← chosen" : "");
}

int command_info(const ModelDescription *model, const Options *options, Error *error) {
    const ModelTarget *target = choose_target(model, getenv("ZOETROPE_TARGET"), error);
    if (target == NULL) return EXIT_ERROR;
    int threads = option_threads(options);
    printf("model       %s\nspec        %s\nversion     zoetrope %s\ntarget      %s\n", model->name, model->spec_hash,
           model->compiler_version, target->name);
    printf("tuning      %s\n", target_tuning(target));
    printf("precision   %s\n", model->precision);
    printf("clip        T %d, channels %d, height %d, width %d\nbatch       %d\n", model->T, model->channels, model->height, model->width,
           model->batch);
    if (model->hidden > 0)
        printf("gru         hidden %d, layers %d, initial state %s\n", model->hidden, model->gru_layers,
               model->initial_state_normal ? "normal" : "zeros");
    printf("loss        %s\noptimizer   %s, learning rate %g\n", model->loss_is_l1 ? "l1" : "mse", model->optimizer, model->learning_rate);
    printf("parameters  %" PRId64 " in %d tensors\nstatistics  %" PRId64 " in %d tensors\n", model->parameter_count,
           model->parameter_tensors, model->statistic_count, model->statistic_tensors);
    printf("seed        %" PRIu64 "\nmemory      fixed + threads × scratch:\n", option_seed(model, options));
    for (int i = 0; i < model->target_count; i++) print_target(model->targets[i], threads, model->targets[i] == target);
    return EXIT_DONE;
}
