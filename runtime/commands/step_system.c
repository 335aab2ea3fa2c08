/* step_system.c: `step` for a system. */
#include "exact.h"

#include "commands/step_system.h"

#include "commands/step_batch.h"
#include "commands/step_output.h"
#include "common/file.h"
#include "machine/clock.h"
#include "model/averages.h"
#include "model/evaluate.h"
#include "training/loss_names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct StepResult { /* of a step */
    double *loss;           /* [iterations, the program's losses], before the update of the first round */
    float *gradients;       /* of the first iteration's first round, in file order */
} StepResult;

typedef struct SystemRun {
    ModelState *state;
    StepBatch batch;
    int64_t iterations; /* 0: evaluation */
    StepResult *result; /* by step */
    float *averages;    /* after the last iteration */
    float **evaluated;  /* outputs of evaluation, as files have them */
    StepOutput output;
} SystemRun;

static const ModelProgram *program_of(const SystemRun *run, int step) {
    const ModelDescription *model = run->state->model;
    return &model->programs[model->steps[step].program];
}

/* Empty if the system has neither outputs nor a score. */
static const ModelProgram *evaluation_of(const SystemRun *run) {
    static const ModelProgram nothing = {.name = ""};
    const ModelDescription *model = run->state->model;
    return model->evaluate >= 0 ? &model->programs[model->evaluate] : &nothing;
}

static bool allocate_values(float **memory, int64_t count, Error *error) {
    return allocate_floats(memory, (size_t)count, "the results", error);
}

static bool allocate_results(SystemRun *run, Error *error) {
    const ModelDescription *model = run->state->model;
    const ModelProgram *evaluation = evaluation_of(run);
    const size_t iterations = (size_t)run->iterations;
    size_t tensors = (size_t)run->batch.draws + (size_t)model->state_names + (size_t)model->parameter_tensors + (size_t)evaluation->outputs;
    bool good = true;
    run->result = calloc((size_t)model->step_count + 1, sizeof *run->result);
    run->evaluated = calloc((size_t)evaluation->outputs + 1, sizeof *run->evaluated);
    for (int i = 0; i < model->step_count && run->result != NULL; i++) {
        const size_t losses = iterations * (size_t)program_of(run, i)->losses;
        run->result[i].loss = calloc(losses + 1, sizeof(double));
        good = good && run->result[i].loss != NULL && allocate_values(&run->result[i].gradients, model->parameter_count, error);
        tensors += losses + (size_t)model->parameter_tensors;
    }
    run->output.tensor = calloc(tensors, sizeof *run->output.tensor);
    if (run->result == NULL || run->evaluated == NULL || run->output.tensor == NULL || !good)
        return fail_memory(error, "the losses; give fewer --steps");
    for (int i = 0; i < evaluation->outputs && good; i++) good = allocate_values(&run->evaluated[i], evaluation->output[i].count, error);
    return good && allocate_values(&run->output.parameters, model->parameter_count, error) &&
           allocate_values(&run->averages, model->parameter_count, error) &&
           allocate_values(&run->output.statistics, model->statistic_count, error);
}

/* ---- training ---- */

/* What is kept of a step's first round. */
static void keep_result(SystemRun *run, int step, int64_t iteration) {
    const ModelState *state = run->state;
    const ModelProgram *program = program_of(run, step);
    StepResult *result = &run->result[step];
    memcpy(result->loss + iteration * program->losses, state->call[state->model->steps[step].program].loss,
           (size_t)program->losses * sizeof(double));
    if (iteration == 0) state->target->save(state->workspace, MODEL_GRADIENTS, result->gradients);
}

static void run_iteration(SystemRun *run, int64_t iteration) {
    ModelState *state = run->state;
    const float *x = run->batch.x;
    for (int i = 0; i < state->model->step_count; i++) {
        const ModelTrainingStep *step = &state->model->steps[i];
        const bool due = step_is_due(state, i);
        if (due && step->batch != MODEL_BATCH_SAME) x = run->batch.next[i] != NULL ? run->batch.next[i] : run->batch.x;
        for (int64_t round = 0; round < step->times; round++) {
            step_batch_draw(&run->batch, state, i, round);
            if (due) model_run_step(state, i, x);
            if (due && round == 0) keep_result(run, i, iteration);
        }
    }
    model_end_iteration(state);
}

static void print_losses(const SystemRun *run) {
    for (int i = 0; i < run->state->model->step_count; i++) {
        const ModelProgram *program = program_of(run, i);
        printf("step %d:", i);
        for (int k = 0; k < program->losses; k++) printf("  %s %.9g", loss_name(program->loss[k]), run->result[i].loss[k]);
        putchar('\n');
    }
}

/* Averages begin as the weights are, whatever averages the file of weights has: so one file is enough for a comparison. */
static bool train(SystemRun *run, Error *error) {
    ModelState *state = run->state;
    if (!model_begin_averages(state, error)) return false;
    double begin = clock_seconds();
    run_iteration(run, 0);
    const double first = clock_seconds() - begin;
    begin = clock_seconds();
    for (int64_t i = 1; i < run->iterations; i++) run_iteration(run, i);
    const double rest = clock_seconds() - begin;
    print_losses(run);
    printf("first iteration %.3f ms", 1e3 * first);
    if (run->iterations > 1) printf("  then %.3f ms an iteration", 1e3 * rest / (double)(run->iterations - 1));
    putchar('\n');
    step_take_state(&run->output, state);
    if (state->model->average != 0) state->target->save(state->workspace, MODEL_AVERAGE, run->averages);
    return true;
}

/* ---- evaluation ---- */

static bool evaluate(SystemRun *run, Error *error) {
    ModelState *state = run->state;
    const ModelProgram *program = evaluation_of(run);
    Averaging averaging;
    if (!has_evaluation(state->model))
        return fail(error, "%s has neither outputs nor a score, so --eval has nothing to compute; add `outputs` to its spec",
                    state->model->name);
    if (!averaging_begin(&averaging, state, error)) return false;
    step_batch_draw_evaluation(&run->batch, state);
    const double begin = clock_seconds();
    model_forward(state, run->batch.x);
    printf("evaluated in %.3f ms\n", 1e3 * (clock_seconds() - begin));
    averaging_end(&averaging, state);
    for (int i = 0; i < program->outputs; i++)
        to_file_order(&program->output[i], model_buffer(state, program->output[i].name), run->evaluated[i]);
    return true;
}

/* ---- output ---- */

static void put_draws(SystemRun *run) {
    for (int i = 0; i < run->batch.draws; i++) {
        const StepDraw *draw = &run->batch.draw[i];
        if (draw->recorded)
            step_put(&run->output, path_join("", "drawn.%s", draw->key), TENSOR_F32, draw->argument->rank, draw->argument->shape,
                     draw->drawn);
    }
}

static bool updates(const ModelTrainingStep *step, const ModelTensor *tensor) {
    for (int i = 0; i < step->groups; i++)
        if (step->group[i] == tensor->group) return true;
    return false;
}

static void put_step(SystemRun *run, int number) {
    const ModelDescription *model = run->state->model;
    const ModelTrainingStep *step = &model->steps[number];
    const ModelProgram *program = program_of(run, number);
    const StepResult *result = &run->result[number];
    for (int64_t i = 0; i < run->iterations; i++)
        for (int k = 0; k < program->losses && i % step->every == 0; k++)
            step_put(&run->output, path_join("", "step%d.loss.%s.%" PRId64, number, loss_name(program->loss[k]), i), TENSOR_F64, 0, NULL,
                     &result->loss[i * program->losses + k]);
    for (int i = 0; i < model->parameter_tensors; i++) {
        const ModelTensor *tensor = &model->parameters[i];
        if (updates(step, tensor))
            step_put_weights(&run->output, path_join("", "step%d.grad.%s", number, tensor->name), tensor, result->gradients);
    }
}

static void put_averages(SystemRun *run) {
    const ModelDescription *model = run->state->model;
    for (int i = 0; model->average != 0 && i < model->parameter_tensors; i++) {
        const ModelTensor *tensor = &model->parameters[i];
        if (!model->groups[tensor->group].frozen)
            step_put_weights(&run->output, path_join("", "average.%s", tensor->name), tensor, run->averages);
    }
}

static void list_results(SystemRun *run) {
    const ModelDescription *model = run->state->model;
    put_draws(run);
    if (run->iterations > 0) {
        for (int i = 0; i < model->step_count; i++) put_step(run, i);
        step_put_state(&run->output, run->state);
        put_averages(run);
        return;
    }
    const ModelProgram *program = evaluation_of(run);
    for (int i = 0; i < program->outputs; i++) {
        const ModelArgument *argument = &program->output[i];
        step_put(&run->output, copy_text(argument->name), TENSOR_F32, argument->rank, argument->shape, run->evaluated[i]);
    }
}

static void run_free(SystemRun *run) {
    const ModelDescription *model = run->state->model;
    for (int i = 0; run->result != NULL && i < model->step_count; i++) {
        free(run->result[i].loss);
        free(run->result[i].gradients);
    }
    for (int i = 0; run->evaluated != NULL && i < evaluation_of(run)->outputs; i++) free(run->evaluated[i]);
    free(run->result);
    free(run->evaluated);
    free(run->averages);
    step_output_free(&run->output);
    step_batch_free(&run->batch);
}

bool step_system(ModelState *state, const char *batch, const char *path, int64_t iterations, Error *error) {
    SystemRun run = {.state = state, .iterations = iterations};
    bool good = model_add_unread_draws(state, error) && step_batch_read(&run.batch, state, batch, error) && allocate_results(&run, error);
    good = good && (iterations > 0 ? train(&run, error) : evaluate(&run, error));
    if (good) {
        list_results(&run);
        good = tensor_file_write(path, run.output.tensor, run.output.count, NULL, 0, error);
    }
    run_free(&run);
    return good;
}
