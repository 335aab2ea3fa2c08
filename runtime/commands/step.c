/* step.c: updates on a given batch, for verification and for benchmarks. */
#include "exact.h"

#include "commands/commands.h"
#include "commands/step_batch.h"
#include "commands/step_output.h"
#include "commands/step_system.h"
#include "common/file.h"
#include "machine/clock.h"
#include "options/prepare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct StepRun {
    ModelState state;
    float *x;              /* [B, T, C, H, W] */
    int64_t steps;         /* 0: --eval */
    double *loss;          /* [steps], or one with --eval */
    float *reconstruction; /* of the first step */
    float *gradients;      /* of the first step, in file order */
    StepOutput output;
} StepRun;

/* A GRU that starts from zeros accepts an h0 of zeros, so that callers need not know the difference. */
static bool check_zero_state(const ModelDescription *model, const TensorFile *file, const int64_t shape[3], Error *error) {
    const FileTensor *tensor = tensor_file_find(file, "h0");
    float *values = NULL;
    if (tensor == NULL || model->hidden == 0) return true;
    size_t count = (size_t)(shape[0] * shape[1] * shape[2]);
    bool good = allocate_floats(&values, count, "a batch", error) && read_shaped(file, "h0", 3, shape, values, error);
    for (size_t i = 0; good && i < count; i++) {
        if (values[i] != 0)
            good = fail(error,
                        "%s: h0 is not zero, but the spec says initial_state: zeros; leave h0 out, or compile with initial_state: normal",
                        file->path);
    }
    free(values);
    return good;
}

static bool read_batch(StepRun *run, const char *path, Error *error) {
    const ModelDescription *model = run->state.model;
    const int64_t h0_shape[3] = {model->gru_layers, model->batch, model->hidden};
    TensorFile file;
    if (!tensor_file_read(&file, path, error)) return false;
    bool good = read_clips(&run->x, model, &file, "x", error);
    if (run->state.h0 != NULL) good = good && read_shaped(&file, "h0", 3, h0_shape, run->state.h0, error);
    else good = good && check_zero_state(model, &file, h0_shape, error);
    tensor_file_free(&file);
    return good;
}

static bool allocate_results(StepRun *run, Error *error) {
    const ModelDescription *model = run->state.model;
    size_t tensors = (size_t)model->parameter_tensors + (size_t)model->state_names + 2;
    int64_t losses = run->steps > 0 ? run->steps : 1;
    run->loss = calloc((size_t)losses, sizeof *run->loss);
    run->output.tensor = calloc(tensors + (size_t)run->steps, sizeof *run->output.tensor);
    if (run->loss == NULL || run->output.tensor == NULL) return fail_memory(error, "the losses; give fewer --steps");
    return allocate_floats(&run->reconstruction, batch_elements(model), "a batch", error) &&
           allocate_floats(&run->gradients, (size_t)model->parameter_count, "a batch", error) &&
           allocate_floats(&run->output.parameters, (size_t)model->parameter_count, "a batch", error) &&
           allocate_floats(&run->output.statistics, (size_t)model->statistic_count, "a batch", error);
}

/* The results of the first step are kept. The others run one after another, with nothing between them. */
static void run_steps(StepRun *run) {
    ModelState *state = &run->state;
    double begin = clock_seconds();
    if (run->steps > 0) model_update(state, run->x);
    else model_forward(state, run->x);
    double first = clock_seconds() - begin;
    run->loss[0] = state->loss;
    memcpy(run->reconstruction, state->reconstruction, batch_elements(state->model) * sizeof(float));
    if (run->steps > 0) state->target->save(state->workspace, MODEL_GRADIENTS, run->gradients);
    begin = clock_seconds();
    for (int64_t i = 1; i < run->steps; i++) {
        model_update(state, run->x);
        run->loss[i] = state->loss;
    }
    double rest = clock_seconds() - begin;
    printf("loss %.9g  first %s %.3f ms", run->loss[0], run->steps > 0 ? "step" : "pass", 1e3 * first);
    if (run->steps > 1) printf("  then %.3f ms a step", 1e3 * rest / (double)(run->steps - 1));
    putchar('\n');
    if (run->steps > 0) step_take_state(&run->output, state);
}

/* ---- output ---- */

static void list_results(StepRun *run) {
    const ModelDescription *model = run->state.model;
    const int64_t x_shape[5] = {model->batch, model->T, model->channels, model->height, model->width};
    StepOutput *output = &run->output;
    step_put(output, copy_text("loss"), TENSOR_F64, 0, NULL, &run->loss[0]);
    step_put(output, copy_text("recon"), TENSOR_F32, 5, x_shape, run->reconstruction);
    if (run->steps == 0) return;
    for (int64_t i = 0; i < run->steps; i++) step_put(output, path_join("", "loss.%" PRId64, i), TENSOR_F64, 0, NULL, &run->loss[i]);
    for (int i = 0; i < model->parameter_tensors; i++) {
        const ModelTensor *tensor = &model->parameters[i];
        step_put_weights(output, path_join("", "grad.%s", tensor->name), tensor, run->gradients);
    }
    step_put_state(output, &run->state);
}

static void step_free(StepRun *run) {
    free(run->x);
    free(run->loss);
    free(run->reconstruction);
    free(run->gradients);
    step_output_free(&run->output);
    model_close(&run->state);
}

/* For version 1 of the language. */
static bool step_network(StepRun *run, const Options *options, Error *error) {
    if (!read_batch(run, options->batch, error) || !allocate_results(run, error)) return false;
    run_steps(run);
    list_results(run);
    return tensor_file_write(options->out, run->output.tensor, run->output.count, NULL, 0, error);
}

int command_step(const ModelDescription *model, const Options *options, Error *error) {
    StepRun run = {.steps = options->evaluate ? 0 : options->steps > 0 ? options->steps : 1};
    if (same_file(options->out, options->weights) || same_file(options->out, options->batch)) {
        fail(error, "%s: --out would overwrite an input file; give it another name", options->out);
        return EXIT_ERROR;
    }
    if (!check_place(options->out, error)) return EXIT_ERROR;
    if (!model_open(&run.state, model, option_threads(options), option_seed(model, options), error)) return EXIT_ERROR;
    bool good = load_weights(&run.state, options->weights, error);
    if (good && model->language > 1) good = step_system(&run.state, options->batch, options->out, run.steps, error);
    else if (good) good = step_network(&run, options, error);
    step_free(&run);
    return good ? EXIT_DONE : EXIT_ERROR;
}
