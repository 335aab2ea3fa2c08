/* tune_file.c: writes the measurements as a tuning file: the kernels whose best choice is not the cost model's, and what each of them
 * gains. */
#include "tune/tune_file.h"

#include "base/output.h"
#include "target/cpu.h"

#include <string.h>

static void add_head(Text *out, const Spec *spec, const char *compiler, int filtering) {
    text_add(out, "# Choices for the kernels of %s, measured by zoetrope tune. compile --tuning takes them, on whatever machine it runs.\n",
             spec->name);
    if (*cpu_brand()) text_add(out, "# CPU: %s (%s)\n", printable(cpu_brand()), cpu_name());
    if (*compiler) text_add(out, "# C compiler: %s\n", printable(compiler));
    text_add(out,
             "# What is not here is the cost model's choice. Behind each choice: milliseconds a step, and those of the cost model's.\n");
    if (filtering == 4) text_add(out, "# Measured with --filtering 4, and meant for it.\n");
}

/* Of each program in turn, kernels with the largest gain come first. */
static int next_gain(const TunedTarget *result, int program, const bool *done) {
    const Tuner *tuner = result->tuner;
    int most = -1;
    double gain = 0;
    for (int k = 0; k < tuner->count && result->program[program].better; k++) {
        const TunedKernel *kernel = &tuner->kernel[k];
        const double own = kernel->model_time - kernel->time;
        if (done[k] || kernel->program != program || kernel->best == 0 || (most >= 0 && own <= gain)) continue;
        most = k;
        gain = own;
    }
    return most;
}

static void add_target(Text *out, const Spec *spec, const TunedTarget *result) {
    const Tuner *tuner = result->tuner;
    text_add(out, "---\n");
    for (int p = 0; p < tuner->programs; p++) {
        const TunedProgram *program = &result->program[p];
        text_add(out, "# %s, %d thread%s: %.4g ms, and %.4g by the cost model's choices (%.3f)%s\n",
                 tuner->programs > 1 ? tuner->program[p] : "A step of training", result->threads, result->threads == 1 ? "" : "s",
                 1e3 * program->after, 1e3 * program->before, program->after / program->before,
                 program->better ? "." : ": no gain, so nothing is chosen otherwise.");
    }
    text_add(out, "spec: %s\ntarget: %s\ncpu: %s\n", spec->name, tuner->target->name, cpu_name());
    bool *done = NEW_ARRAY(bool, tuner->count);
    for (int p = 0, k; p < tuner->programs; p += k < 0) {
        if ((k = next_gain(result, p, done)) < 0) continue;
        done[k] = true;
        const TunedKernel *kernel = &tuner->kernel[k];
        const Candidate *best = &kernel->candidate[kernel->best], *model = &kernel->candidate[0];
        const bool algorithm = best->choice.algorithm != model->choice.algorithm;
        text_add(out, "%s: %s # %.3f for %.3f (%.2f)%s%s\n", choice_key(&best->choice), best->text, 1e3 * kernel->time,
                 1e3 * kernel->model_time, kernel->time / kernel->model_time, algorithm ? ", which was " : "",
                 algorithm ? algorithm_names[model->choice.algorithm] : "");
    }
}

/* The only file of its folder that is written. */
static Text *begin_file(Output *output, const char *path) {
    const char *slash = strrchr(path, '/');
    *output = (Output){.directory = !slash ? "." : slash == path ? "/" : format("%.*s", (int)(slash - path), path)};
    return add_output(output, slash ? slash + 1 : path);
}

bool can_write_tuning(const char *path) {
    Output output;
    begin_file(&output, path);
    return can_write_output(&output);
}

bool write_tuning(const char *path, const Spec *spec, const char *compiler, const TunedTarget *list, int count) {
    Output output;
    Text *text = begin_file(&output, path);
    add_head(text, spec, compiler, count > 0 ? list[0].tuner->choices.filtering : 0);
    for (int i = 0; i < count; i++) add_target(text, spec, &list[i]);
    return write_output(&output);
}
